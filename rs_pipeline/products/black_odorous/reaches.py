"""Step ``reach-lines``: rivers cut into reaches, and ponds, the same for all periods.

Water wider than black_odorous.max_width_m (the sea, lakes, reservoirs) is left to the per-pixel map, so no coastline is needed to
leave the sea out. The region is processed tile by tile with a margin, so memory does not grow with it; reaches end at
the borders of tiles.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from rasterio.features import rasterize, shapes
from rasterio.windows import Window
from scipy import ndimage
from shapely.ops import substring

from rs_pipeline.config import BlackOdorousSection, Settings
from rs_pipeline.errors import RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.centrelines import EIGHT_NEIGHBOURS, pruned_branches, smooth_line
from rs_pipeline.products.visits import middles
from rs_pipeline.region import BORDER_M, load_units, owner_codes
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_grid, read_tiles

log = logging.getLogger(__name__)

MAX_GAP_PX = 1
"""Gaps of water and islands up to twice this wide are closed: bridges, boats, single misses."""

ELONGATION = 4.0
"""Centreline length over mean width from which water is a river, not a pond."""

REACH_LINE_DTYPES = {
    "reach_id": "str", "kind": "str", "adcode": "str", "tile": "str", "length_m": "float64", "width_m": "float64", "width_class": "str",
    "first_period": "str",
}  # fmt: skip
REACH_LINE_COLUMNS = (*REACH_LINE_DTYPES, "geometry")

WET_SHARE = 0.5
"""A reach exists from the first period on in which at least this share of it is water."""


@dataclass(frozen=True)
class Reach:
    """A reach or pond without its unit. The width of a pond is that of the largest circle in it, its length is area / width."""

    kind: str
    geometry: shapely.Geometry
    length_m: float
    width_m: float


def width_class(width_m: float, section: BlackOdorousSection) -> str:
    """``assessable``, ``marginal`` (one to two mixed pixels wide) or ``not_assessable``."""
    if width_m >= section.min_width_m:
        return "assessable"
    return "marginal" if width_m >= section.marginal_width_m else "not_assessable"


def narrow_water(wet: np.ndarray, resolution_m: float, max_width_m: float) -> np.ndarray:
    """Water without its wide parts: those that a morphological opening with a disk of diameter ``max_width_m`` keeps, and a rim of two pixels around them.

    Beyond the array the water continues as it is at the edge.
    """
    radius = max_width_m / 2 / resolution_m
    n = int(radius) + 1
    middle = ndimage.distance_transform_edt(np.pad(wet, n, mode="edge"))[n:-n, n:-n] > radius
    if not middle.any():
        return wet
    return wet & (ndimage.distance_transform_edt(~middle) > radius + 2)


def cut(line: shapely.LineString, length_m: float) -> list[shapely.LineString]:
    """Equal pieces of about ``length_m``."""
    n = max(1, round(line.length / length_m))
    ends = np.linspace(0, line.length, n + 1)
    return [substring(line, a, b) for a, b in pairwise(ends)]


def _lines_of(geometry: shapely.Geometry) -> Iterable[shapely.LineString]:
    return (g for g in shapely.get_parts(geometry) if g.geom_type == "LineString" and g.length > 0)


def find_reaches(wet: np.ndarray, grid: Grid, section: BlackOdorousSection, inner: shapely.Polygon) -> list[Reach]:
    """Reaches and ponds of a water mask (bool (h, w)) that belong to the box ``inner``, in map coordinates.

    ``grid`` reaches beyond ``inner`` so that what crosses its border is seen whole: rivers are cut at the border, a pond
    smaller than the margin belongs to the box that holds its inner point, a larger one is cut too.

    Ponds smaller than ``section.min_pond_m2`` and pieces of river shorter than ``section.shortest_reach_m`` are not listed.
    """
    length_m, min_pond_m2 = section.reach_length_m, section.min_pond_m2
    closed = ndimage.binary_closing(np.pad(wet, 2, mode="edge"), EIGHT_NEIGHBOURS, iterations=MAX_GAP_PX)[2:-2, 2:-2]
    labels, _ = ndimage.label(narrow_water(wet | closed, grid.resolution_m, section.max_width_m), EIGHT_NEIGHBOURS)
    margin_m = inner.bounds[0] - grid.left
    found: list[Reach] = []
    for index, window in enumerate(ndimage.find_objects(labels), start=1):
        piece = np.pad(labels[window] == index, 1)
        area_m2 = piece.sum() * grid.pixel_area_m2
        at = grid.window(window[0].start - 1, window[1].start - 1, *piece.shape)
        if area_m2 < min_pond_m2 or not shapely.box(*at.bounds).intersects(inner):
            continue
        depth = ndimage.distance_transform_edt(piece)
        lines = [line for b in pruned_branches(piece, depth) if (line := smooth_line(b, at, depth)) is not None]
        total_m = sum(line.length for line in lines)
        if total_m >= max(length_m / 2, ELONGATION * area_m2 / max(total_m, 1.0)):
            found.extend(_rivers(piece, at, lines, section, inner))
        else:
            found.extend(_pond(piece, at, depth, inner, margin_m, min_pond_m2))
    return found


def _pond(piece: np.ndarray, grid: Grid, depth_px: np.ndarray, inner: shapely.Polygon, margin_m: float, min_pond_m2: float) -> list[Reach]:
    """The pond, if it belongs to the box."""
    outline = shapely.union_all([shapely.geometry.shape(g) for g, _ in shapes(piece.astype("uint8"), mask=piece, transform=grid.transform)])
    if max(piece.shape) * grid.resolution_m > margin_m:
        outline = outline.intersection(inner)
        outline = shapely.union_all([g for g in shapely.get_parts(outline) if g.geom_type == "Polygon"])
        if outline.area < min_pond_m2:
            return []
    elif not _holds(inner, outline.representative_point()):
        return []
    width_m = float((2 * depth_px.max() - 1) * grid.resolution_m)
    return [Reach("pond", outline, outline.area / width_m, width_m)]


def _holds(box: shapely.Polygon, point: shapely.Point) -> bool:
    """Half open, so that a point on a border belongs to one tile."""
    left, bottom, right, top = box.bounds
    return left <= point.x < right and bottom < point.y <= top


def _rivers(piece: np.ndarray, grid: Grid, lines: list[shapely.LineString], section: BlackOdorousSection, inner: shapely.Polygon) -> list[Reach]:
    """Reaches of about ``reach_length_m`` inside the box; the width of each is the area of water nearest to it over its length."""
    inside = [p for line in lines for part in _lines_of(line.intersection(inner)) for p in cut(part, section.reach_length_m)]
    outside = [part for line in lines for part in _lines_of(line.difference(inner))]
    if not inside:
        return []
    owner = rasterize([(line, i + 1) for i, line in enumerate(outside + inside)], out_shape=piece.shape, transform=grid.transform, dtype="int32")
    nearest = ndimage.distance_transform_edt(owner == 0, return_distances=False, return_indices=True)
    pixels = np.bincount(owner[tuple(nearest)][piece], minlength=len(inside) + len(outside) + 1)[len(outside) + 1 :]
    return [
        Reach("river", line, line.length, float(n * grid.pixel_area_m2 / line.length))
        for line, n in zip(inside, pixels, strict=True)
        if line.length >= section.shortest_reach_m and n > 0
    ]


WET_CLASSES = (1, 2)
"""Classes of the water map that are water: permanent and seasonal."""


def read_water(settings: Settings, period_label: str, grid: Grid) -> np.ndarray:
    """Water of a period on a piece of the run's grid, bool (h, w); False outside and unobserved. Errors are those of `mapped_water_class`."""
    return np.isin(mapped_water_class(settings, period_label, grid), WET_CLASSES)


def mapped_water_class(settings: Settings, period_label: str, grid: Grid) -> np.ndarray:
    """Class of the water map of a period on a piece of the run's grid, float32 (h, w); NaN outside and unobserved.

    Raises
    ------
    RasterError : the map is not made yet.
    """
    path = Layout(settings.root).map("water", period_label)
    if not path.exists():
        raise RasterError(
            "the water map is not made yet",
            where=str(path),
            remedy=f"run `rs-pipeline mosaic --product water --period {period_label} --config <configuration>` first",
        )
    with open_map(path, read_grid(settings)) as src:
        col, row = (grid.left - src.transform.c) / grid.resolution_m, (src.transform.f - grid.top) / grid.resolution_m
        window = Window(round(col), round(row), grid.width, grid.height)
        return src.read(band_index(src, "class"), window=window, boundless=True, fill_value=np.nan)


def first_wet(found: list[Reach], wet: np.ndarray, grid: Grid) -> np.ndarray:
    """Index of the first period in which WET_SHARE of the pixels of each reach were water, int64 (n,); of the wettest where none has it.

    ``wet`` is bool (periods, h, w).
    """
    if not found:
        return np.zeros(0, "int64")
    owner = rasterize([(r.geometry, i + 1) for i, r in enumerate(found)], out_shape=grid.shape, transform=grid.transform, dtype="int32")
    size = np.bincount(owner.ravel(), minlength=len(found) + 1)[1:]
    share = np.stack([np.bincount(owner[w], minlength=len(found) + 1)[1:] for w in wet]) / np.maximum(size, 1)
    there = share >= WET_SHARE
    return np.where(there.any(axis=0), there.argmax(axis=0), share.argmax(axis=0))


def reach_lines(settings: Settings) -> None:
    """Write the reaches and ponds of the region: GeoParquet in the CRS of the run, columns REACH_LINE_COLUMNS.

    Geometry is a line for a river reach and a polygon for a pond; ``first_period`` is the label of the first period in which it was
    there. The table is empty where there is no water.
    """
    whole, section, rows = read_grid(settings), settings.black_odorous, []
    labels = np.array([p.label for p in settings.all_periods])
    for tile in read_tiles(settings):
        grid = tile.grid.buffered(settings.grid.margin_m)
        wet: np.ndarray = np.stack([read_water(settings, label, grid) for label in labels])
        found = find_reaches(np.any(wet, axis=0), grid, section, shapely.box(*tile.grid.bounds))
        for reach, first in zip(found, labels[first_wet(found, wet, grid)], strict=True):
            rows.append(
                {
                    "kind": reach.kind,
                    "tile": tile.id,
                    "length_m": reach.length_m,
                    "width_m": reach.width_m,
                    "width_class": width_class(reach.width_m, section),
                    "first_period": first,
                    "geometry": reach.geometry,
                }
            )
    write_parquet(_named(rows, settings, whole.crs), Layout(settings.root).reach_lines)


def _named(rows: list[dict], settings: Settings, crs: str) -> gpd.GeoDataFrame:
    """Add ids made from the place (five decimals, about 1 m), and the unit; what lies in no unit is left out."""
    if not rows:
        return gpd.GeoDataFrame({name: pd.Series(dtype=dtype) for name, dtype in REACH_LINE_DTYPES.items()}, geometry=[], crs=pyproj.CRS(crs))
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)
    middle = middles(frame.geometry)
    letter = frame.kind.map({"river": "R", "pond": "P"})
    frame["reach_id"] = [f"{k}-{p.x:.5f}-{p.y:.5f}" for k, p in zip(letter, middle.to_crs(4326), strict=True)]
    frame["adcode"] = owner_codes(middle, load_units(settings), BORDER_M)
    if outside := int((frame.adcode == "").sum()):
        log.info("%d of %d reaches and ponds lie outside all units and are left out", outside, len(frame))
    return frame[frame.adcode != ""].drop_duplicates("reach_id")[list(REACH_LINE_COLUMNS)].sort_values("reach_id", ignore_index=True)
