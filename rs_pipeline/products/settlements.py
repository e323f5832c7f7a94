"""Settlements: towns and villages as the run's own land map of the baseline period shows them. Dust, rural water and the green of villages use them
where no table says where towns, villages and building sites are.

Ground belongs to a settlement where at least MIN_DENSITY of the square of settlements.window_m around it is built-up, so that yards, streets and gaps belong to it.
A road makes such ground too, as a strip; a strip of a road of up to ROAD_M is left out, so that roads join no villages. A patch of at least settlements.min_ha
with pixels that are built-up by half is a settlement, and from settlements.town_km2 on a town: an urban cluster has at least 5,000 inhabitants (degree of urbanisation, UN Statistical
Commission 2020), with some 200 m2 of ground each, which is more than the 140 m2 that GB 50188-2007 allows towns, because villages are built wider.

One period gives the settlements for all, so that an amount inside them changes by what happens there and not by where their edge lies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import rasterio
from rasterio.windows import Window
from scipy import ndimage, sparse

from rs_pipeline.config import Settings, SettlementsSection
from rs_pipeline.errors import RasterError
from rs_pipeline.estimation.estimate import Estimate, Facts, missing, observed_ratio
from rs_pipeline.estimation.uncertainty import Thresholds
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import WORK_PX, blocks, pixel_of
from rs_pipeline.storage.provenance import merged_tags
from rs_pipeline.storage.qgis import write_style
from rs_pipeline.storage.raster import band_index, open_map, read_piece, write_cog
from rs_pipeline.tiles import read_grid


class Settlement(IntEnum):
    """Values of the map besides 0, none."""

    VILLAGE = 1
    TOWN = 2


SETTLED_ZONE, VILLAGE_ZONE = "settlement", "settlement:village"
"""Zones of a unit's parts in settlements of any kind, and in villages."""
LEAST_M2 = 1.0
"""A smaller part of a unit in settlements or places comes from rounding of borders and does not count."""
MIN_DENSITY = 0.1
"""Least built-up share of the ground of a settlement. The villages of simulated worlds are built up to a quarter, their rims to half of that."""
MIN_CORE = 0.1
"""Least share of a settlement's ground that consists of pixels that are built-up by half. A quarter and more is in the villages of simulated worlds, nothing in
steppe or shade that the land map holds to be built-up by a seventh."""
ROAD_M = 30.0
"""A road of up to this width, such as a motorway of four lanes, is no settlement."""

Piece = tuple[slice, slice]
"""Rows and columns of the grid."""


@dataclass(frozen=True)
class Rule:
    """The rule for the ground of settlements, in pixels."""

    window: int
    """Side of the square whose built-up share counts; odd."""
    strip: int
    """Ground into which no square of this side fits belongs to a road."""

    @classmethod
    def of(cls, section: SettlementsSection, resolution_m: float) -> Rule:
        """A road of width w makes a strip of dense squares that is wider than the window by w, less what it must reach into the squares on either side."""
        window = 2 * round(section.window_m / 2 / resolution_m) + 1
        return cls(window, math.ceil(window * (1 - 2 * MIN_DENSITY) + ROAD_M / resolution_m))

    @property
    def reach(self) -> int:
        """A pixel depends on no pixels further away."""
        return self.window // 2 + self.strip


def envelope(built: np.ndarray, rule: Rule) -> np.ndarray:
    """Ground of settlements, bool (h, w): `MIN_DENSITY` of what was seen around it is built-up, and at least half was seen; without roads.

    ``built`` : share of built-up ground, float (h, w), NaN where not observed. It counts in steps of 0.005, those of the land map, so that sums are exact.
    """
    steps, seen = np.nan_to_num(np.rint(built * 200)).astype("int32"), np.isfinite(built).astype("int32")
    amount, known = (_in_squares(layer, rule.window) for layer in (steps, seen))
    dense = (amount >= MIN_DENSITY * 200 * known) & (2 * known >= rule.window**2)
    return ndimage.grey_opening(np.pad(dense.astype("uint8"), rule.strip), rule.strip)[rule.strip : -rule.strip, rule.strip : -rule.strip].astype(bool)


def _in_squares(layer: np.ndarray, side: int) -> np.ndarray:
    """Sum over the square of pixels around each pixel, 0 beyond the edge; int like ``layer``."""
    ones = np.ones(side, "int32")
    return ndimage.correlate1d(ndimage.correlate1d(layer, ones, axis=0, mode="constant"), ones, axis=1, mode="constant")


def patch_pixels(pieces: Iterable[tuple[Piece, np.ndarray, np.ndarray]], width: int) -> list[np.ndarray]:
    """Pixels, and core pixels, of the whole patch that each label of `ndimage.label` of a piece belongs to, one int (labels + 1, 2) for each piece; 0 for the
    background.

    Patches touch by an edge, and may cross pieces. ``pieces`` : parts of a mask ``width`` pixels wide, and which of its pixels are core, bool (h, w) each, row
    by row from the upper left.
    """
    above, left, first = np.zeros(width, int), np.zeros(0, int), 0
    counts, pairs = [np.zeros((1, 2), int)], [np.zeros((2, 0), int)]
    firsts = []
    for (_, cols), mask, core in pieces:
        labels, n = ndimage.label(mask)
        counts.append(np.column_stack([np.bincount(labels[part], minlength=n + 1)[1:] for part in (mask, mask & core)]))
        labels = np.where(mask, labels + first, 0)
        seams = [(labels[0], above[cols])] + ([(labels[:, 0], left)] if cols.start else [])
        pairs += [np.stack([a, b])[:, (a > 0) & (b > 0)] for a, b in seams]
        above[cols], left = labels[-1], labels[:, -1]
        firsts.append((first, n))
        first += n
    size = _joined(np.concatenate(counts), np.concatenate(pairs, axis=1))
    return [np.concatenate([size[:1], size[start + 1 : start + n + 1]]) for start, n in firsts]


def _joined(count: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Pixels of the patch of each label, where ``pairs`` int (2, n) of labels belong together; int (labels, 2) like ``count``, the pixels of each label."""
    graph = sparse.coo_matrix((np.ones(pairs.shape[1], bool), pairs), shape=(len(count), len(count)))
    n, patch = sparse.csgraph.connected_components(graph, directed=False)
    whole = np.zeros((n, count.shape[1]), int)
    np.add.at(whole, patch, count)
    return whole[patch]


def kinds_of(pixels: np.ndarray, section: SettlementsSection, resolution_m: float) -> np.ndarray:
    """0 none, 1 village, 2 town, float32 (n,), by the pixels and the core pixels of patches, int (n, 2)."""
    m2, core_m2 = pixels.T * resolution_m**2
    kind = np.select([m2 >= section.town_km2 * 1e6, m2 >= max(1.0, section.min_ha * 1e4)], [Settlement.TOWN, Settlement.VILLAGE], 0)
    return np.where(core_m2 >= MIN_CORE * m2, kind, 0).astype("float32")


def settlements(settings: Settings) -> None:
    """Write ``maps/settlements.tif``, band ``class`` (0 none, 1 village, 2 town; NaN where the land map of the baseline period shows nothing and no
    settlement lies around), and its QGIS style.

    Raises
    ------
    RasterError : the land map is not made yet.
    """
    layout, grid, section, period = Layout(settings.root), read_grid(settings), settings.settlements, settings.baseline_label
    path = layout.map("land", period)
    if not path.exists():
        raise RasterError("the land map is not made yet", where=str(path), remedy=f"run `rs-pipeline mosaic --product land --period {period}` first")
    made = region_maps()["settlements"]
    with open_map(path, grid) as src:
        found = patch_pixels(((piece, ground, core) for piece, ground, core, _ in _ground(src, grid, section)), grid.width)

        def pieces() -> Iterator[tuple[Window, np.ndarray]]:
            for pixels, ((rows, cols), ground, _, seen) in zip(found, _ground(src, grid, section), strict=True):
                kind = kinds_of(pixels, section, grid.resolution_m)[ndimage.label(ground)[0]]
                yield Window(cols.start, rows.start, kind.shape[1], kind.shape[0]), np.where(seen | (kind > 0), kind, np.float32(np.nan))[None]

        tags = merged_tags([path]) | {"WINDOW_M": f"{section.window_m:g}", "MIN_HA": f"{section.min_ha:g}", "TOWN_KM2": f"{section.town_km2:g}"}
        write_cog(layout.settlements, grid, pieces(), made.bands, tags, categorical=True)
    write_style(made.style, layout.settlements)


def _ground(src: rasterio.DatasetReader, grid: Grid, section: SettlementsSection) -> Iterator[tuple[Piece, np.ndarray, np.ndarray, np.ndarray]]:
    """Pieces of the grid, row by row: their `envelope`, where a pixel is built-up by half, and where the land map shows something; bool (h, w) each."""
    rule, band = Rule.of(section, grid.resolution_m), band_index(src, "share_built")
    rim = rule.reach
    for _, (rows, cols), _ in blocks(grid.shape, 0, WORK_PX):
        h, w = rows.stop - rows.start, cols.stop - cols.start
        window = Window(cols.start - rim, rows.start - rim, w + 2 * rim, h + 2 * rim)
        share = src.read(band, window=window, boundless=True, fill_value=np.nan)
        inner = slice(rim, rim + h), slice(rim, rim + w)
        yield (rows, cols), envelope(share, rule)[inner], share[inner] >= 0.5, np.isfinite(share[inner])


def read_settlements(settings: Settings, window: Grid) -> np.ndarray:
    """Kind of settlement of the pixels of a piece of the run's grid, float32 (h, w): 0 none, 1 village, 2 town, NaN where it is not known and beyond the grid.

    Raises
    ------
    RasterError : the map of settlements is not made yet.
    """
    path = Layout(settings.root).settlements
    if not path.exists():
        raise RasterError("the map of settlements is not made yet", where=str(path), remedy="run `rs-pipeline settlements` first")
    return read_piece(path, read_grid(settings), window)


def kinds_near(settings: Settings, xy: np.ndarray, reach_m: float) -> np.ndarray:
    """The largest kind of settlement in the square of half side ``reach_m`` around each point, float32 (n,); NaN where none of it is known.

    ``xy`` : float (n, 2), coordinates of the run.
    """
    whole, layout = read_grid(settings), Layout(settings.root)
    reach_px = round(reach_m / whole.resolution_m)
    row, col, _ = pixel_of(whole, xy)
    places, at = np.unique(np.column_stack([row, col]), axis=0, return_inverse=True)
    side, found = 2 * reach_px + 1, np.full(len(places), np.nan, "float32")
    with open_map(layout.settlements, whole) as src:
        for i, (r, c) in enumerate(places):
            near = src.read(1, window=Window(c - reach_px, r - reach_px, side, side), boundless=True, fill_value=np.nan)
            found[i] = np.nanmax(near) if np.isfinite(near).any() else np.nan
    return found[at.ravel()]


def rule_in_words(settings: Settings) -> str:
    """How the run draws settlements, for the reason of an estimate."""
    s = settings.settlements
    return (
        f"settlements of the land map of {settings.baseline_label}: ground of at least {s.min_ha:g} ha of which {100 * MIN_DENSITY:g} % within {s.window_m:g} m is built-up, "
        f"without roads; towns from {s.town_km2:g} km2"
    )


def part_in_settlements(row: Mapping[str, float], unit: Mapping[str, float], limits: Thresholds, none_here: str) -> Mapping[str, float] | Estimate:
    """Sums of a unit's part in settlements, or why there are none. What the map of settlements does not show of the unit has as many settlements as the
    rest, and nobody saw them.

    Parameters
    ----------
    row : its sums of a period, empty where the unit has no such part. unit : the unit's sums of land, with ``settlements_known_m2``.
    """
    known = observed_ratio(unit["settlements_known_m2"], unit["area_m2"])
    none = not row.get("area_m2", 0.0) >= LEAST_M2
    if known < (limits.publish if none else limits.range):
        return missing("insufficient_data", f"{100 * known:.3g} % of this unit is on the land map that settlements are drawn from", known)
    if none:
        return missing("no_target", none_here)
    unseen_m2 = row["area_m2"] * (1 / known - 1)
    return {**row, **{name: row[name] + unseen_m2 for name in ("area_m2", "land_m2") if name in row}}


def settled_sums(facts: Facts, zone: str, *, none_here: str, no_map: str) -> Mapping[str, float] | Estimate:
    """`part_in_settlements` of a unit in a zone of drawn settlements, or why there are no sums. ``no_map`` : what is said of a run without a land map."""
    if facts["settlements_unfit"]:
        return facts["settlements_unfit"]
    if facts["land"] is None:
        return missing("insufficient_data", no_map)
    return part_in_settlements(facts.zones.get(zone, {}), facts["land"].zones["county"], facts.limits, none_here)
