"""The sea: which observed water is sea. Shorelines, water bodies, the banks of waters and county sums use it.

The sea is found from the reference coastline and the water map. Water narrower than 2 MOUTH_RADIUS_M is a river or a channel, also where it
joins the sea (Bishop-Taylor et al. 2021). Water that opens to the sea by less than GATE_M, through a gate or a breach in a dyke, is not joined to
it. From the open water that is left, the sea is chosen at each point along the reference line: the largest within reach that extends beyond the
observed area. A pond behind the line does not extend beyond it, and every coast of the line gets its sea. Points at sea (coastline.sea_points) add the
water around them. Without a line and points, the sea is every open water that extends beyond the observed area over OPEN_SEA_M: a province
whose coast lies in two pieces has two seas, and an inland county with reservoirs on its border has none.

Each period has its own sea: the coast moves, reclaimed ground was sea before and is land after, and the sea of an earlier period does not
change when a year is added. Tidal flats are seasonal water joined to the sea and belong to it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import rasterio
import shapely
from rasterio.windows import Window
from scipy import ndimage

from rs_pipeline.config import Settings, coast_of
from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, MapBand, Tile
from rs_pipeline.storage.provenance import merged_tags
from rs_pipeline.storage.raster import EIGHT_NEIGHBOURS, band_index, open_map, read_piece, write_cog
from rs_pipeline.tiles import make_tiles, read_grid, read_tiles

if TYPE_CHECKING:
    import geopandas as gpd

log = logging.getLogger(__name__)

MOUTH_RADIUS_M = 160.0
"""Water narrower than twice this is a river or channel, not the sea (Bishop-Taylor et al. 2021: 8 pixels)."""
MOUTH_SLACK_PX = 3.0
MIN_MOUTH_M2 = 4800.0
GATE_M = 50.0
"""A narrower opening joins no water to the sea."""
STEP_M = 200.0
"""Largest distance between the points on the reference line at which the sea is searched."""
CELL_M = 50.0
"""Side of the cells in which the sea is searched, so that a province fits into memory. Its edge then follows the pixels."""
OPEN_SHARE = 0.85
"""Least share of water pixels in a cell of open water. A dyke one pixel wide (10 m) takes a fifth of a cell, so that such a cell is not open water."""
WORK_PX = 2048

OPEN_SEA_M = 5000.0
"""Without a line and points, open water that extends beyond the observed area over at least this width is sea; reservoirs on a border are narrower."""
OPEN_SEA_SHARE = 0.25
"""The same as a share of the outline of the observed area. It applies where it is less than OPEN_SEA_M: in a trial run of a few tiles."""

SEA = "water.sea"
"""Name of the sea among the bands that counties sum."""
NEAR_SEA, NEAR_SEA_M = "water.near_sea", 500.0
"""Name of the ground at the sea's edge among the bands that counties sum, and its greatest distance from the sea, its flats included. Salt marshes of
the Bohai coast lie within it; a design value."""
SEA_BANDS = (MapBand("sea", "1 water of the sea, 0 all else", "class"),)


@dataclass(frozen=True)
class SeaMarks:
    """What tells the sea from other water, in the CRS of the run.

    along : float (n, 2), points on the reference line; its sea is within ``reach_m`` of them. points : float (m, 2), points at sea, and ``names``, what
    the configuration calls them.
    """

    along: np.ndarray
    reach_m: float
    points: np.ndarray
    names: tuple[str, ...]


LEAVE_OUT = "remove it: with coastline.reference the sea is found without points"


def sea_marks(settings: Settings, grid: Grid, tiles: list[Tile]) -> SeaMarks:
    """Marks of a run with a coast, with the grid and tiles of that run.

    Raises
    ------
    ConfigError : a point lies in no tile of the run, or the reference line cannot be used.
    """
    names, points = _points_at_sea(settings, grid, tiles)
    return SeaMarks(_reference_points(settings, grid), coast_of(settings).max_distance_m, points, names)


def check_sea_points(settings: Settings, units: gpd.GeoDataFrame) -> None:
    """Check that every point at sea lies in one of the tiles that will be made for the units.

    Raises
    ------
    ConfigError : a point lies in no tile.
    """
    if settings.coastline is not None and settings.coastline.sea_points:
        from rs_pipeline.region import run_grid  # imports GeoPandas, which the shoreline of a tile does not need

        grid = run_grid(settings, units)
        _points_at_sea(settings, grid, make_tiles(grid, settings.grid.tile_px, units.to_crs(grid.crs).union_all()))


def _points_at_sea(settings: Settings, grid: Grid, tiles: list[Tile]) -> tuple[tuple[str, ...], np.ndarray]:
    """Configuration keys of the points, and their coordinates, float (m, 2)."""
    given = coast_of(settings).sea_points
    names = tuple(f"coastline.sea_points.{i}: {lon:g}, {lat:g}" for i, (lon, lat) in enumerate(given))
    to_grid = pyproj.Transformer.from_crs(4326, grid.crs, always_xy=True)
    points = np.column_stack(to_grid.transform(*np.array(given, "float64").reshape(-1, 2).T))
    ground = shapely.union_all([shapely.box(*t.grid.bounds) for t in tiles])
    for name, inside in zip(names, shapely.intersects_xy(ground, points), strict=True):
        if not inside:
            raise ConfigError(
                "this point at sea lies in no tile of the run", where=name, remedy=f"move it onto the sea within the units, longitude first, or {LEAVE_OUT}"
            )
    return names, points


def outlines(shapes: np.ndarray) -> np.ndarray:
    """Lines unchanged, polygons as their outlines: a reference coastline may be either."""
    return np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)


def _reference_points(settings: Settings, grid: Grid) -> np.ndarray:
    """Points on the reference coastline near the grid, STEP_M apart or nearer, float (n, 2); none without a reference."""
    if coast_of(settings).reference is None:
        return np.empty((0, 2))
    from rs_pipeline.inputs.vectors import load_vector  # imports GeoPandas, which the shoreline of a tile does not need

    shapes = shapely.force_2d(load_vector(settings, "coastline.reference").to_crs(grid.crs).geometry.to_numpy())
    near = shapely.clip_by_rect(outlines(shapes), *grid.buffered(coast_of(settings).max_distance_m).bounds)
    return shapely.get_coordinates(shapely.segmentize(near, STEP_M))


def blocks(shape: tuple[int, int], halo_px: int, size_px: int = WORK_PX) -> Iterator[tuple[tuple, tuple, tuple]]:
    """(block with halo, block, block within the halo) as index pairs, covering an array once."""
    for y in range(0, shape[0], size_px):
        for x in range(0, shape[1], size_px):
            inner = slice(y, min(y + size_px, shape[0])), slice(x, min(x + size_px, shape[1]))
            outer = tuple(slice(max(0, s.start - halo_px), min(n, s.stop + halo_px)) for s, n in zip(inner, shape, strict=True))
            within = tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
            yield outer, inner, within


def pixel_of(grid: Grid, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the pixel that contains each point, clipped to the grid, and whether the point lies in it."""
    col = np.floor((xy[:, 0] - grid.left) / grid.resolution_m).astype(int)
    row = np.floor((grid.top - xy[:, 1]) / grid.resolution_m).astype(int)
    inside = (row >= 0) & (row < grid.height) & (col >= 0) & (col < grid.width)
    return np.clip(row, 0, grid.height - 1), np.clip(col, 0, grid.width - 1), inside


def channels_of(water: np.ndarray, observed: np.ndarray, resolution_m: float) -> np.ndarray:
    """Rivers and channels: water narrower than 2 MOUTH_RADIUS_M, without the corners of wider water; bool (h, w).

    Unobserved pixels, and those beyond the edge, count as water when the width is measured.
    """
    radius_px = MOUTH_RADIUS_M / resolution_m
    rim = int(radius_px + MOUTH_SLACK_PX) + 1
    wet, wide_everywhere = np.pad(water, rim), np.pad(water | ~observed, rim, constant_values=True)
    found = np.zeros(wet.shape, bool)
    for outer, inner, within in blocks(wet.shape, int(3 * radius_px) + 8):
        wide = wide_everywhere[outer]
        if wide.all() or not wet[inner].any():
            continue
        core = ndimage.distance_transform_edt(wide) > radius_px
        far = ndimage.distance_transform_edt(~core) > radius_px + MOUTH_SLACK_PX if core.any() else np.ones(core.shape, bool)
        labels, count = ndimage.label(wet[outer] & far)
        large = np.bincount(labels.ravel(), minlength=count + 1) * resolution_m**2 >= MIN_MOUTH_M2
        large[0] = False
        found[inner] = large[labels][within]
    return found[rim:-rim, rim:-rim]


def sea_and_rivers(water: np.ndarray, observed: np.ndarray, grid: Grid, marks: SeaMarks) -> tuple[np.ndarray, np.ndarray]:
    """The sea, and the rivers and channels that join it; bool (h, w) each. Ponds, lakes, and rivers that do not touch the sea are in neither.

    ``water`` and ``observed`` are bool (h, w). Without a reference line and without a point on open water, the sea is the open water that extends beyond
    the observed area over at least OPEN_SEA_M, or OPEN_SEA_SHARE of the outline where that is less.
    """
    narrow = channels_of(water, observed, grid.resolution_m)
    open_water, gate_px = water & ~narrow, max(1, math.ceil(GATE_M / grid.resolution_m))
    square = np.ones((gate_px, gate_px), bool)
    joined = ndimage.binary_dilation(ndimage.binary_erosion(open_water | ~observed, square, border_value=1), square) & open_water
    labels, count = ndimage.label(joined)
    if count == 0:
        return np.zeros(water.shape, bool), np.zeros(water.shape, bool)
    core = np.isin(labels, list(_chosen(labels, count, observed, grid, marks)))
    sea = ndimage.binary_dilation(core, iterations=gate_px) & open_water & (core | (labels == 0))
    parts, _ = ndimage.label(narrow)
    joining = np.unique(parts[ndimage.binary_dilation(sea)])
    return sea, np.isin(parts, joining[joining > 0])


def _chosen(labels: np.ndarray, count: int, observed: np.ndarray, grid: Grid, marks: SeaMarks) -> set[int]:
    """Labels of the open waters that are sea."""
    size, rim_px = _pixels(labels, count), _pixels(labels[ndimage.binary_dilation(~observed, border_value=1)], count)
    goes_on = rim_px > 0
    chosen = {k for place in _around(labels, marks.points, grid, MOUTH_RADIUS_M) for k in _largest(place, size)}
    for waters in (np.where(goes_on, size, 0), size):
        beside = {k for place in _around(labels, marks.along, grid, marks.reach_m) for k in _largest(place, waters)}
        if beside:
            break
    chosen |= beside
    if not chosen and not len(marks.along):
        seen = ndimage.binary_fill_holes(observed)  # a lake with a gap by clouds in its middle does not extend beyond the observed area
        outline = seen & ndimage.binary_dilation(~seen, border_value=1)
        chosen = {
            int(k) for k in np.flatnonzero(_pixels(labels[outline], count) >= max(1, min(OPEN_SEA_M / grid.resolution_m, OPEN_SEA_SHARE * outline.sum())))
        }
    return chosen


def _pixels(labels: np.ndarray, count: int) -> np.ndarray:
    """Number of pixels of each label up to ``count``; 0 for the background."""
    found = np.bincount(labels.ravel(), minlength=count + 1)
    found[0] = 0
    return found


def _around(labels: np.ndarray, xy: np.ndarray, grid: Grid, reach_m: float) -> Iterator[np.ndarray]:
    """Labels in the square of half side ``reach_m`` around each point that lies in the grid."""
    reach_px = max(1, round(reach_m / grid.resolution_m))
    row, col, inside = pixel_of(grid, xy)
    for r, c in sorted(set(zip(row[inside].tolist(), col[inside].tolist(), strict=True))):
        yield labels[max(0, r - reach_px) : r + reach_px + 1, max(0, c - reach_px) : c + reach_px + 1]


def _largest(place: np.ndarray, size: np.ndarray) -> list[int]:
    """Label of the largest water in a place, by ``size`` of each label, as a list of one; empty where none has a size above 0."""
    there = np.unique(place)
    there = there[size[there] > 0]
    return [int(there[np.argmax(size[there])])] if there.size else []


def sea(settings: Settings, period_label: str) -> None:
    """Write ``water/sea_<period>.tif``, band ``sea``: 1 water of the sea (any class of water, and pixels that are partly water), else 0; NaN
    where the water map is NaN.

    Raises
    ------
    RasterError : the water map is not made yet.
    ConfigError : a point at sea lies in no tile, or where the ground was observed and there is no open water.
    """
    layout, grid = Layout(settings.root), read_grid(settings)
    marks, path = sea_marks(settings, grid, read_tiles(settings)), layout.map("water", period_label)
    if not path.exists():
        raise RasterError("the water map is not made yet", where=str(path), remedy=f"run `rs-pipeline mosaic --product water --period {period_label}` first")
    k = max(1, round(CELL_M / grid.resolution_m))
    cells = Grid(grid.crs, grid.resolution_m * k, grid.left, grid.top, -(-grid.width // k), -(-grid.height // k))
    with open_map(path, grid) as src:
        water, observed = _cells(src, cells, k)
        _refuse_dry(marks, water, observed, cells, period_label)
        found, _ = sea_and_rivers(water, observed, cells, marks)
        if not found.any():
            why = (
                "no open water near coastline.reference"
                if len(marks.along)
                else f"no open water extends over {OPEN_SEA_M / 1e3:g} km beyond what was observed; if there is sea, give coastline.reference or coastline.sea_points"
            )
            log.warning("%s: no sea was found: %s", period_label, why)
        zone = ndimage.binary_dilation(found, EIGHT_NEIGHBOURS) & (found | ~water)
        bands = [band_index(src, "class"), band_index(src, "permanent_fraction")]

        def pieces() -> Iterator[tuple[Window, np.ndarray]]:
            for window, at in _windows(cells, k, grid):
                kind, fraction = src.read(bands, window=window)
                near = zone[at].repeat(k, axis=0).repeat(k, axis=1)[: kind.shape[0], : kind.shape[1]]
                yield window, np.where(np.isfinite(kind), near & ((kind > 0) | (fraction > 0)), np.nan)[None]

        write_cog(layout.sea(period_label), grid, pieces(), SEA_BANDS, merged_tags([path]), categorical=True)


def _windows(cells: Grid, k: int, grid: Grid) -> Iterator[tuple[Window, tuple[slice, slice]]]:
    """Windows of pixels, and the cells of each."""
    for _, (rows, cols), _ in blocks(cells.shape, 0, max(1, WORK_PX // k)):
        top, left = rows.start * k, cols.start * k
        yield Window(left, top, min(cols.stop * k, grid.width) - left, min(rows.stop * k, grid.height) - top), (rows, cols)


def _cells(src: rasterio.DatasetReader, cells: Grid, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells of k x k pixels that are open water, and those of which at least half was observed; bool (h, w)."""
    water, observed = np.zeros(cells.shape, bool), np.zeros(cells.shape, bool)
    for window, (rows, cols) in _windows(cells, k, Grid(cells.crs, 1, 0, 0, src.width, src.height)):
        kind = src.read(band_index(src, "class"), window=window)
        shape = rows.stop - rows.start, cols.stop - cols.start
        whole = np.full((shape[0] * k, shape[1] * k), np.nan, "float32")
        whole[: kind.shape[0], : kind.shape[1]] = kind
        parts = whole.reshape(shape[0], k, shape[1], k)
        seen, wet = np.isfinite(parts).sum(axis=(1, 3)), np.isin(parts, (1, 2)).sum(axis=(1, 3))
        observed[rows, cols] = seen * 2 >= k * k
        water[rows, cols] = observed[rows, cols] & (wet >= OPEN_SHARE * seen)
    return water, observed


def _refuse_dry(marks: SeaMarks, water: np.ndarray, observed: np.ndarray, cells: Grid, period_label: str) -> None:
    for name, point in zip(marks.names, marks.points, strict=True):
        wet, seen = (next(part.any() for part in _around(layer, point[None], cells, CELL_M)) for layer in (water, observed))
        if seen and not wet:
            raise ConfigError(f"there is no open water at this point at sea in {period_label}", where=name, remedy=f"move it off the shore, or {LEAVE_OUT}")


def read_sea(settings: Settings, period_label: str, window: Grid) -> np.ndarray:
    """Whether pixels of a piece of the run's grid are sea in a period, bool (h, w); False in a run without a coast, and beyond the grid.

    Raises
    ------
    RasterError : the map of the sea is not made yet.
    """
    if settings.coastline is None:
        return np.zeros(window.shape, bool)
    path = Layout(settings.root).sea(period_label)
    if not path.exists():
        raise RasterError("the sea is not found yet", where=str(path), remedy=f"run `rs-pipeline sea --period {period_label}` first")
    return read_piece(path, read_grid(settings), window) == 1


def sea_and_shore(settings: Settings, period_label: str, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Whether pixels of a piece of the run's grid are sea, and whether they are sea or lie within NEAR_SEA_M of it, bool (h, w) each; False in a run
    without a coast.

    Raises
    ------
    RasterError : the map of the sea is not made yet.
    """
    wide = grid.buffered(NEAR_SEA_M)
    water, rim = read_sea(settings, period_label, wide), (wide.height - grid.height) // 2
    near = ndimage.distance_transform_edt(~water) * grid.resolution_m <= NEAR_SEA_M if water.any() else water
    inside = slice(rim, rim + grid.height), slice(rim, rim + grid.width)
    return water[inside], near[inside]
