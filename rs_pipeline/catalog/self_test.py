"""The self-test of Sentinel-2 offsets: reads every scene once at coarse resolution, and decides granule by granule.

The decision itself, on arrays and numbers, is in `radiometry.offsets` and `radiometry.dates`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from rs_pipeline.catalog.items import Candidate, chip_offset
from rs_pipeline.catalog.looks import Kept, keep_look, kept_look
from rs_pipeline.catalog.read import FAULTS, holds_reflectance, open_band, read_coarse, retrying
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import PipelineError
from rs_pipeline.model import Scene, Sensor
from rs_pipeline.radiometry.dates import LOOK_BANDS, Look, compare_dates
from rs_pipeline.radiometry.offsets import CLEAR_CLASSES, Decision, OtherDates, PixelTest, by_metadata, pixel_test, too_negative, weigh
from rs_pipeline.redaction import redacted
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.once import warn_once
from rs_pipeline.wording import clean_text

log = logging.getLogger(__name__)

TEST_PX = 343
"""Longest side of the coarse reading for the self-test of offsets: the 16-fold overview of a granule's 20 m bands."""

_COMPARE_PX = 172
"""Longest side of the thinned copy that is kept to compare dates: ten years of a granule then take 0.3 GB."""


Seen = tuple[PixelTest, Look, str]
"""Test of the scene's own pixels, a thinned copy of them, and their grid as text."""


def _coarse(scene: Scene, sensor: Sensor, role: str, limits: FetchSection, shape: tuple[int, int] | None = None) -> tuple[np.ndarray, str]:
    """A band read at most TEST_PX on its longer side, from an overview where there is one (nodata is 0), and its pixel grid as text."""

    def read() -> tuple[np.ndarray, str]:
        with open_band(scene, role, limits) as dataset:
            values = read_coarse(dataset, TEST_PX, shape)
            values = np.where(np.isfinite(values) & (values != (sensor.nodata if dataset.nodata is None else dataset.nodata)), values, 0)
            return values, f"{dataset.crs} {dataset.transform.to_gdal()} {dataset.shape}"

    return retrying(read, scene.assets[role], limits, scene.sign)


def _tell(looks: Path, what: str) -> None:
    warn_once(log, "coarse readings of scenes cannot be stored in %s: %s; the next search opens the scenes again", looks, what)


def read_look(candidate: Candidate, limits: FetchSection, looks: Path | None = None) -> Seen | Decision:
    """Read the pixels of a scene once, at coarse resolution: the test of its own pixels, a thinned copy to compare dates, and their grid.

    Files that hold reflectances instead of digital numbers need no test: the result is then the decision that they have no offset.

    Parameters
    ----------
    looks : folder with earlier readings, see `catalog.looks`; a scene of the same content is not opened.
    """
    scene, sensor = candidate.scene, load_sensor(candidate.scene.sensor)
    kept = kept_look(looks, scene) if looks else None
    if kept is None:
        looked = _looked(scene, sensor, limits)
        if isinstance(looked, Decision):
            return looked
        kept = looked
        if looks:
            try:
                keep_look(looks, scene, kept)
            except OSError as fault:
                _tell(looks, fault.strerror or str(fault))
    test, stack, clear, grid = kept
    told = by_metadata(sensor.offset_rule, candidate.facts, sensor.offset)
    return test, Look(stack, clear, scene.solar_day.timetuple().tm_yday, told.log_odds + test.log_odds), grid


def _looked(scene: Scene, sensor: Sensor, limits: FetchSection) -> Kept | Decision:
    """`read_look` from the scene's files, without the folder of earlier readings."""
    swir2_dn, grid = _coarse(scene, sensor, "swir2", limits)
    if holds_reflectance(swir2_dn) and holds_reflectance(_coarse(scene, sensor, "red", limits)[0]):
        return Decision(0.0, "the files hold reflectances: no offset", "high")
    dn = {role: swir2_dn if role == "swir2" else _coarse(scene, sensor, role, limits, swir2_dn.shape)[0] for role in LOOK_BANDS}
    classes = _coarse(scene, sensor, "mask", limits, swir2_dn.shape)[0] if "mask" in scene.assets else None
    test = pixel_test(dn["red"], swir2_dn, classes)
    thin = np.s_[:: -(-swir2_dn.shape[0] // _COMPARE_PX), :: -(-swir2_dn.shape[1] // _COMPARE_PX)]
    stack = np.stack([np.clip(dn[role][thin], 0, 65535).astype("uint16").ravel() for role in LOOK_BANDS])
    clear = np.all(stack > 0, axis=0)
    if classes is not None:
        clear &= np.isin(classes[thin].ravel(), CLEAR_CLASSES)
    return test, stack, clear, grid


def _try_look(candidate: Candidate, limits: FetchSection, looks: Path | None) -> Seen | Decision | str:
    """`read_look`, or why the scene cannot be read."""
    try:
        return read_look(candidate, limits, looks)
    except (PipelineError, *FAULTS) as fault:
        return clean_text(" ".join(redacted(str(fault)).split()))


def _decided(candidate: Candidate, test: PixelTest, others: OtherDates | None) -> Candidate:
    """The candidate with its offset decided from metadata, its pixels and its other dates, or refused."""
    scene, sensor = candidate.scene, load_sensor(candidate.scene.sensor)
    decision = weigh(by_metadata(sensor.offset_rule, candidate.facts, sensor.offset), test, others)
    reason = ""
    if too_negative(decision, test):
        share = test.negative_share[decision.offset]
        reason = f"{share:.0%} of clear pixels have red reflectance below -0.01 with offset {decision.offset:g}"
    elif decision.open:
        reason = f"offset cannot be decided: {decision.words}"
    offset = chip_offset(decision.offset, scene.scale, sensor)
    scene = replace(scene, offset=offset, offset_decision=decision.words, offset_confidence=decision.confidence)
    return replace(candidate, scene=replace(scene, status="skipped", reason=reason) if reason else scene)


def _unread(candidate: Candidate, trouble: str) -> Candidate:
    """The candidate with the offset of its metadata and low confidence, because its pixels could not be read; refused where the metadata do not decide."""
    sensor = load_sensor(candidate.scene.sensor)
    told = by_metadata(sensor.offset_rule, candidate.facts, sensor.offset)
    words = f"{told.words}; pixels could not be read: {trouble}"
    scene = replace(candidate.scene, offset_decision=words, offset_confidence="low", identity={})  # the offset was not decided for any content
    if told.open:
        scene = replace(scene, status="skipped", reason=f"offset cannot be decided: {scene.offset_decision}")
    return replace(candidate, scene=scene, unread=candidate.scene)


def _settled(candidate: Candidate, decision: Decision) -> Candidate:
    """The candidate with an offset that needs no further evidence."""
    scene = candidate.scene
    offset = chip_offset(decision.offset, scene.scale, load_sensor(scene.sensor))
    return replace(candidate, scene=replace(scene, offset=offset, offset_decision=decision.words, offset_confidence=decision.confidence))


def _decide_place(candidates: list[Candidate], looked: list[Seen | Decision | str]) -> list[Candidate]:
    """Decide the scenes of one place; those on the same pixels are compared with each other."""
    out = list(candidates)
    grids: dict[str, list[tuple[int, PixelTest, Look]]] = defaultdict(list)
    for i, seen in enumerate(looked):
        if isinstance(seen, str):
            out[i] = _unread(candidates[i], seen)
        elif isinstance(seen, Decision):
            out[i] = _settled(candidates[i], seen)
        else:
            test, look, grid = seen
            grids[grid].append((i, test, look))
    for members in grids.values():
        for (i, test, _), others in zip(members, compare_dates([look for _, _, look in members]), strict=True):
            out[i] = _decided(candidates[i], test, others)
    return out


def decide_offsets(candidates: list[Candidate], limits: FetchSection, looks: Path | None = None) -> list[Candidate]:
    """The candidates with their offsets decided, place by place, also from pixels where the offset rule of the sensor is not ``fixed``; ``looks`` as in
    `read_look`."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, candidate in enumerate(candidates):
        sensor = load_sensor(candidate.scene.sensor)
        if candidate.scene.status == "used" and sensor.offset_rule != "fixed":
            cell = sensor.deduplicate_by.index("cell") if "cell" in sensor.deduplicate_by else None
            places[candidate.acquisition[cell] if cell is not None and candidate.acquisition else ""].append(i)
    out = list(candidates)
    for members in _places(places):
        with ThreadPoolExecutor(max_workers=limits.connections) as pool:
            looked = list(pool.map(lambda i: _try_look(candidates[i], limits, looks), members))
        for i, decided in zip(members, _decide_place([candidates[i] for i in members], looked), strict=True):
            out[i] = decided
    return out


def _places(places: dict[str, list[int]]) -> Iterator[list[int]]:
    """The scenes of each place, with a progress bar on a terminal."""
    console = Console(stderr=True)
    yield from track(places.values(), description="offsets", total=len(places), console=console, disable=not console.is_terminal)
