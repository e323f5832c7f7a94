"""Registration: measures the displacement of each scene from the other dates of the same ground in a few windows; displaced scenes are moved back or refused.

Archives state the accuracy of geolocation: 12.5 m for Sentinel-2 products not refined against the Global Reference Image, 12 m for Landsat tier 1, none for
tier 2. Every scene is compared with the other dates in a window (`radiometry.shifts`): optical scenes with those of the finest sensor, radar scenes, which
show other edges, with radar scenes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyproj
import shapely
from rich.console import Console
from rich.progress import track
from scipy import ndimage

from rs_pipeline.catalog.assign import scenes_meeting
from rs_pipeline.catalog.chips import pixel_centres, pixel_index, taken
from rs_pipeline.catalog.clip import ClippedBand, read_clipped
from rs_pipeline.catalog.identity import unsigned_hrefs
from rs_pipeline.catalog.items import Candidate
from rs_pipeline.catalog.read import FAULTS, retrying
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import PipelineError
from rs_pipeline.model import Grid, Scene
from rs_pipeline.radiometry.masks import flag_bits, label_flags
from rs_pipeline.radiometry.offsets import baseline_number
from rs_pipeline.radiometry.shifts import MIN_DATES, edge_strength, shifts_of
from rs_pipeline.region import utm_crs
from rs_pipeline.sensors import load_sensor

REFUSED, TOO_FEW = "refused", "not measured: too few dates to compare with"
"""Values of `Scene.registration` for a scene that is displaced unevenly, and for one that is measured again when there are more dates."""

UNREAD = "not measured: could not be read"
"""Value of `Scene.registration` for a scene that the next search measures again."""

REGISTRATION_PX = 256
"""Side of a window, in pixels of the finest sensor of its family."""

WINDOW_STEP_M = (3_840.0, 60_000.0)
"""Least and greatest spacing of windows, which is otherwise half the region's extent: a granule then has two to four windows."""

MOST_M = 400.0
"""Largest displacement that is searched for, metres: three times the largest one observed in Landsat tier 2."""

MOVE_PX = 0.5
"""Smallest displacement that is corrected, in pixels of the scene: moving a scene means resampling, which blurs it."""

AGREE_PX = 1.0
"""Largest difference of a window from the median of the scene's windows, in pixels: beyond it the scene is displaced unevenly, or the window was measured
wrongly."""

MOST_REFERENCES = 60
"""Number of dates, the clearest ones, that form the reference of a window; more do not make it sharper."""

REFINED_BASELINE = 3.01
"""Sentinel-2 products of this baseline or later are refined against the Global Reference Image (ESA, August 2021): where there are
MIN_DATES of them, only they form the reference."""

UNCLEAR = flag_bits(["nodata", "cloud", "shadow", "cirrus", "snow"])


@dataclass(frozen=True)
class Displacement:
    """Displacement of a scene from the other dates in one window, metres to the east and to the north."""

    x_m: float
    y_m: float

    @property
    def length_m(self) -> float:
        return math.hypot(self.x_m, self.y_m)


def windows(region: shapely.Geometry, pixel_m: float) -> list[Grid]:
    """Windows over a region (EPSG:4326), in the UTM zone of its centre: at least one, with a spacing within `WINDOW_STEP_M`."""
    crs = utm_crs(region.centroid.x, region.centroid.y)
    to_metres = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform
    place = shapely.transform(region, to_metres, interleaved=False)
    left, bottom, right, top = place.bounds
    step = min(max(max(right - left, top - bottom) / 2, WINDOW_STEP_M[0]), WINDOW_STEP_M[1])
    xs, ys = (_middles(low, high, max(1, round((high - low) / step))) for low, high in ((left, right), (bottom, top)))
    points = [shapely.Point(x, y) for y in ys for x in xs]
    inside = [p for p in points if place.intersects(p)] or [place.representative_point()]
    side = REGISTRATION_PX * pixel_m
    corners = [(round((p.x - side / 2) / pixel_m) * pixel_m, round((p.y + side / 2) / pixel_m) * pixel_m) for p in inside]
    return [Grid(crs, pixel_m, x, y, REGISTRATION_PX, REGISTRATION_PX) for x, y in corners]


def _middles(low: float, high: float, n: int) -> np.ndarray:
    """Centres of n equal intervals from ``low`` to ``high``."""
    return low + (np.arange(n) + 0.5) * (high - low) / n


def register(candidates: list[Candidate], region: shapely.Geometry, limits: FetchSection, before: Mapping[str, Scene]) -> list[Candidate]:
    """The candidates with the displacement of every used scene: moved back where it is large enough, refused where it is uneven.

    A result of an earlier search, also that a scene cannot be measured or is displaced unevenly, is kept while the scene's files are the same: the scene is
    not read again. A scene that had too few dates then is measured when there are enough.

    Parameters
    ----------
    region : polygons of the run, EPSG:4326.
    before : scenes of the earlier ledger by their key, including those that it refused for their displacement.
    """
    scenes = [_as_before(c.scene, before.get(c.scene.key)) for c in candidates]
    found: dict[int, list[Displacement]] = defaultdict(list)
    few, unread = set[int](), set[int]()
    for family in ("optical", "radar"):
        members = [i for i, s in enumerate(scenes) if _measurable(s, family)]
        few |= set(members) if len(members) < MIN_DATES else set()
        if len(members) >= MIN_DATES and any(_pending(scenes[i]) for i in members):
            places = windows(region, min(_pixel_m(scenes[i]) for i in members))
            shown_on = scenes_meeting([scenes[i] for i in members], [_outline(window) for window in places])
            for window, shown in zip(_progress(places, family), shown_on, strict=True):
                near = [members[k] for k in shown]
                for i, shift in zip(near, _measure([scenes[i] for i in near], window, limits), strict=True):
                    if isinstance(shift, Displacement):
                        found[i].append(shift)
                    elif shift == UNREAD:
                        unread.add(i)
    settle = {i for i, s in enumerate(scenes) if s.status == "used" and _pending(s)}
    untold = dict.fromkeys(unread - found.keys(), UNREAD) | dict.fromkeys(few, TOO_FEW)
    done = [replace(s, registration=untold[i]) if i in untold else settled(s, found[i]) if i in settle else s for i, s in enumerate(scenes)]
    return [replace(c, scene=s) for c, s in zip(candidates, done, strict=True)]


def _pending(scene: Scene) -> bool:
    """Whether the displacement of a scene is still to be measured."""
    return scene.registration in ("", TOO_FEW, UNREAD)


def _as_before(scene: Scene, old: Scene | None) -> Scene:
    """The scene with the registration of an earlier search, if that was for the same files."""
    if old is None or scene.status != "used" or (unsigned_hrefs(old), old.identity) != (unsigned_hrefs(scene), scene.identity):
        return scene
    names = ("displaced_x_m", "displaced_y_m", "moved_x_m", "moved_y_m", "registration", *(("status", "reason") if old.registration == REFUSED else ()))
    return replace(scene, **{name: getattr(old, name) for name in names})


def _outline(window: Grid) -> shapely.Polygon:
    """Box of a window in EPSG:4326."""
    return shapely.box(*pyproj.Transformer.from_crs(window.crs, 4326, always_xy=True).transform_bounds(*window.bounds))


def _progress(places: list[Grid], family: str) -> Iterable[Grid]:
    console = Console(stderr=True)
    return track(places, description=f"places of {family} scenes", console=console, disable=not console.is_terminal)


def _measurable(scene: Scene, family: str) -> bool:
    sensor = load_sensor(scene.sensor)
    return scene.status == "used" and sensor.family == family and sensor.georeference == "grid" and _role(scene) in scene.assets


def _role(scene: Scene) -> str:
    """Role of the band whose edges are compared: in NIR fields, roads and shores have strong edges, and its pixels are fine."""
    return "nir" if load_sensor(scene.sensor).family == "optical" else "vv"


def _pixel_m(scene: Scene) -> float:
    return load_sensor(scene.sensor).known_band(_role(scene)).resolution_m


def _measure(scenes: Sequence[Scene], window: Grid, limits: FetchSection) -> list[Displacement | str | None]:
    """For each of the scenes of a window: its displacement; None where it was measured before or shows too little of the window; `UNREAD` where it cannot be
    read."""
    out: list[Displacement | str | None] = [None] * len(scenes)
    new = {i for i, s in enumerate(scenes) if _pending(s)}
    if not new:
        return out
    trusted = [i for i, t in enumerate(_trusted(scenes)) if t]
    clearest = sorted(trusted, key=lambda i: (scenes[i].cloud_cover or 0.0, scenes[i].key))[:MOST_REFERENCES]
    looked = sorted(new | set(clearest))
    with ThreadPoolExecutor(max_workers=limits.connections) as pool:
        edges = list(pool.map(lambda i: _edges(scenes[i], window, limits), looked))
    for i, strength in zip(looked, edges, strict=True):
        out[i] = UNREAD if strength is None and i in new else None
    shifts = shifts_of(
        [np.zeros(window.shape, "float32") if e is None else e for e in edges], [i in clearest for i in looked], round(MOST_M / window.resolution_m)
    )
    for i, shift in zip(looked, shifts, strict=True):
        if shift is not None and i in new:
            out[i] = Displacement(shift.cols * window.resolution_m, -shift.rows * window.resolution_m)
    return out


def _trusted(scenes: Sequence[Scene]) -> list[bool]:
    """Which scenes form the reference: those of the finest sensor and of a quality that its table accepts; only refined ones where there are enough."""
    finest = min((_pixel_m(s) for s in scenes), default=0.0)

    def accepted(scene: Scene) -> bool:
        rule = load_sensor(scene.sensor).quality
        return rule is None or scene.quality in ("", *rule.accepted)

    good = [_pixel_m(s) == finest and accepted(s) for s in scenes]
    refined = [g and (baseline_number(s.processing_baseline) or math.inf) >= REFINED_BASELINE for g, s in zip(good, scenes, strict=True)]
    return refined if sum(refined) >= MIN_DATES else good


def _edges(scene: Scene, window: Grid, limits: FetchSection) -> np.ndarray | None:
    """`edge_strength` of a scene on a window; None where it cannot be read: the fetch will report why."""
    sensor, role = load_sensor(scene.sensor), _role(scene)
    try:
        band, *mask = (
            retrying(partial(read_clipped, scene, b, window, 0.0, limits), scene.assets[b.role], limits, scene.sign)
            for b in (sensor.known_band(r) for r in (role, "mask") if r in scene.assets)
        )
    except (PipelineError, *FAULTS):
        return None
    values, seen = interpolated(band, window)
    if mask:
        places = pixel_index(mask[0].transform, mask[0].numbers.shape, window)
        seen &= label_flags(taken(mask[0].numbers, *places, sensor.mask.fill), sensor.mask) & UNCLEAR == 0
    if sensor.family == "radar":
        values = np.log(np.maximum(ndimage.uniform_filter(values, 3), 1.0))
    return edge_strength(values, seen)


def interpolated(piece: ClippedBand, window: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of a band at the window's pixel centres, bilinear, float32, and whether all four neighbours have data, bool; (h, w) each."""
    known = piece.numbers > 0
    numbers = np.where(known, piece.numbers, np.median(piece.numbers[known]) if known.any() else 0).astype("float32")
    stack = np.pad(np.stack([numbers, known.astype("float32")]), ((0, 0), (1, 1), (1, 1)))
    (x, y), t = pixel_centres(window.transform, window.shape), piece.transform
    for axis, places in ((1, (y - t.f) / t.e), (2, (x - t.c) / t.a)):  # in pixels from the piece's corner
        stack = _between(stack, np.clip(places + 0.5, 0, stack.shape[axis] - 1), axis)
    return stack[0], stack[1] > 0.999


def _between(values: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """Values at fractional places along an axis, by linear interpolation."""
    before = np.minimum(places.astype("int64"), values.shape[axis] - 2)
    share = np.expand_dims((places - before).astype("float32"), tuple(i for i in range(values.ndim) if i != axis))
    return values.take(before, axis) * (1 - share) + values.take(before + 1, axis) * share


def settled(scene: Scene, measured: Sequence[Displacement]) -> Scene:
    """The scene with its displacement, moved back or refused.

    The displacement is the median over the windows. Where the windows do not agree and most of them show a displacement, the scene is refused.
    """
    pixel_m = _pixel_m(scene) if _role(scene) in scene.assets else 0.0
    if not measured:
        return replace(scene, registration="not measured: too little of it is seen, or it has too few edges in common with other dates")
    middle = Displacement(*(float(np.median([getattr(d, axis) for d in measured])) for axis in ("x_m", "y_m")))
    agreeing = [d for d in measured if math.hypot(d.x_m - middle.x_m, d.y_m - middle.y_m) <= AGREE_PX * pixel_m]
    if 2 * len(agreeing) <= len(measured):
        return _uneven(scene, measured, pixel_m)
    told = replace(scene, displaced_x_m=round(middle.x_m, 2), displaced_y_m=round(middle.y_m, 2))
    where = f"{_words(middle)} of the other dates ({len(agreeing)} of {len(measured)} windows)"
    if middle.length_m < MOVE_PX * pixel_m:
        return replace(told, registration=f"in place: {where}")
    return replace(told, moved_x_m=-round(middle.x_m, 1), moved_y_m=-round(middle.y_m, 1), registration=f"moved back: lay {where}")


def _uneven(scene: Scene, measured: Sequence[Displacement], pixel_m: float) -> Scene:
    words = "; ".join(_words(d) for d in measured[:4])
    off = sum(d.length_m >= MOVE_PX * pixel_m for d in measured)
    if 2 * off <= len(measured):
        return replace(scene, registration=f"not measured: its windows do not agree ({words})")
    return replace(scene, status="skipped", reason=f"displaced unevenly from the other dates: {words}", registration=REFUSED)


def _words(d: Displacement) -> str:
    """A displacement in words.

    >>> _words(Displacement(12.34, -3.0)), _words(Displacement(-0.2, 0.0))
    ('12.3 m east, 3.0 m south', '0.2 m west, 0.0 m north')
    """
    return f"{abs(d.x_m):.1f} m {'east' if d.x_m >= 0 else 'west'}, {abs(d.y_m):.1f} m {'north' if d.y_m >= 0 else 'south'}"
