"""Step ``reach-lines``: rivers cut into reaches, and ponds, the same for all periods.

Water wider than MAX_WIDTH_M (lakes, reservoirs, the sea) is left to the per-pixel map. The region is worked tile by
tile with the margin, so memory does not grow with it; a reach ends at a tile's border.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.features import shapes
from rasterio.windows import Window
from scipy import ndimage
from skimage.morphology import skeletonize

from rs_pipeline.config import BlackOdorousSection, Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.output.tables import write_parquet
from rs_pipeline.region import load_units, read_grid, read_tiles

MAX_WIDTH_M = 500.0
"""Wider water is no river reach."""

MIN_POND_M2 = 1000.0
"""Smaller ponds are not listed."""

ELONGATION = 4.0
"""Centreline length over mean width from which water is a river, not a pond."""

COLUMNS = ("reach_id", "kind", "adcode", "tile", "length_m", "width_m", "width_class", "geometry")
EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Reach:
    """A reach or pond before it knows its unit."""

    kind: str
    geometry: shapely.Geometry
    length_m: float
    width_m: float


def width_class(width_m: float, section: BlackOdorousSection) -> str:
    """``assessable``, ``marginal`` (colour only by unmixing, probability capped) or ``not_assessable``."""
    if width_m >= section.min_width_m:
        return "assessable"
    return "marginal" if width_m >= section.marginal_width_m else "not_assessable"


def narrow_water(wet: np.ndarray, resolution_m: float) -> np.ndarray:
    """Water without its wide parts: an opening with a disk of half MAX_WIDTH_M, and two pixels of its rim, are taken away."""
    radius = MAX_WIDTH_M / 2 / resolution_m
    core = ndimage.distance_transform_edt(np.pad(wet, 1, mode="edge"))[1:-1, 1:-1] > radius
    if not core.any():
        return wet
    return wet & (ndimage.distance_transform_edt(~core) > radius + 2)


def ordered_paths(skeleton: np.ndarray) -> list[np.ndarray]:
    """Pixels (n, 2) of each branch of a skeleton between its junctions, in walking order."""
    neighbours = ndimage.convolve(skeleton.astype("uint8"), EIGHT.astype("uint8"), mode="constant") - skeleton
    branches, n = ndimage.label(skeleton & (neighbours <= 2), EIGHT)
    paths = []
    for index, window in enumerate(ndimage.find_objects(branches), start=1):
        rows, cols = np.nonzero(branches[window] == index)
        left = {(r, c) for r, c in zip(rows + window[0].start, cols + window[1].start, strict=True)}
        paths.append(_walk(left))
    return paths


def _walk(pixels: set[tuple[int, int]]) -> np.ndarray:
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]

    def around(p):
        return [(p[0] + a, p[1] + b) for a, b in steps if (p[0] + a, p[1] + b) in pixels]

    ends = [p for p in sorted(pixels) if len(around(p)) <= 1]
    current = ends[0] if ends else min(pixels)
    path = [current]
    pixels = set(pixels)
    pixels.discard(current)
    while nearby := around(current):
        current = nearby[0]
        pixels.discard(current)
        path.append(current)
    return np.array(path)


def smooth_line(path: np.ndarray, grid: Grid, window: int = 5) -> shapely.LineString:
    """Centreline through pixel centres, smoothed over ``window`` pixels so that stairs do not lengthen it; ends stay."""
    xy = np.column_stack([grid.left + (path[:, 1] + 0.5) * grid.resolution_m, grid.top - (path[:, 0] + 0.5) * grid.resolution_m])
    if len(xy) > window:
        smooth = ndimage.uniform_filter1d(xy, window, axis=0, mode="nearest")
        smooth[0], smooth[-1] = xy[0], xy[-1]
        xy = smooth
    return shapely.LineString(xy)


def cut(line: shapely.LineString, length_m: float) -> list[shapely.LineString]:
    """Equal pieces of about ``length_m``."""
    n = max(1, round(line.length / length_m))
    ends = np.linspace(0, line.length, n + 1)
    return [shapely.ops.substring(line, a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]


def find_reaches(wet: np.ndarray, grid: Grid, length_m: float) -> list[Reach]:
    """Reaches and ponds of a water mask (bool (h, w)) in map coordinates."""
    narrow = narrow_water(wet, grid.resolution_m)
    labels, n = ndimage.label(narrow, EIGHT)
    found: list[Reach] = []
    for index, window in enumerate(ndimage.find_objects(labels), start=1):
        piece = np.pad(labels[window] == index, 1)
        area_m2 = piece.sum() * grid.pixel_area_m2
        if area_m2 < MIN_POND_M2:
            continue
        at = grid.window(window[0].start - 1, window[1].start - 1, *piece.shape)
        lines = [smooth_line(p, at) for p in ordered_paths(skeletonize(piece)) if len(p) > 2]
        total_m = sum(line.length for line in lines)
        if total_m < ELONGATION * area_m2 / max(total_m, 1.0) or total_m < length_m / 2:
            found.append(_pond(piece, at, area_m2))
        else:
            found.extend(_river(piece, at, lines, length_m))
    return found


def _pond(piece: np.ndarray, grid: Grid, area_m2: float) -> Reach:
    outline = shapely.union_all([shapely.geometry.shape(g) for g, _ in shapes(piece.astype("uint8"), mask=piece, transform=grid.transform)])
    inner = ndimage.distance_transform_edt(piece).max()
    return Reach("pond", outline, float(np.sqrt(area_m2)), float((2 * inner - 1) * grid.resolution_m))


def _river(piece: np.ndarray, grid: Grid, lines: list[shapely.LineString], length_m: float) -> list[Reach]:
    """Cut the branches; the width of a reach is the area nearest to it over its length."""
    depth = ndimage.distance_transform_edt(piece)
    pieces = []
    for line in lines:
        mid = line.interpolate(0.5, normalized=True)
        row, col = int((grid.top - mid.y) / grid.resolution_m), int((mid.x - grid.left) / grid.resolution_m)
        if line.length >= max(6 * grid.resolution_m, 2 * depth[row, col] * grid.resolution_m):
            pieces.extend(cut(line, length_m))
    if not pieces:
        return []
    owner = rasterio.features.rasterize(
        [(p, i + 1) for i, p in enumerate(pieces)], out_shape=piece.shape, transform=grid.transform, all_touched=True, dtype="int32"
    )
    nearest = ndimage.distance_transform_edt(owner == 0, return_distances=False, return_indices=True)
    pixels = np.bincount(owner[tuple(nearest)][piece], minlength=len(pieces) + 1)
    return [Reach("river", p, p.length, pixels[i + 1] * grid.pixel_area_m2 / p.length) for i, p in enumerate(pieces)]


def _wet_window(settings: Settings, whole: Grid, tile: Tile, margin_px: int) -> tuple[np.ndarray, Grid]:
    """Water seen in any period around a tile, bool, and its grid."""
    grid = whole.window(tile.row - margin_px, tile.col - margin_px, tile.grid.height + 2 * margin_px, tile.grid.width + 2 * margin_px)
    window = Window(tile.col - margin_px, tile.row - margin_px, grid.width, grid.height)
    wet = np.zeros(grid.shape, bool)
    for period in settings.all_periods:
        with rasterio.open(Layout(settings.root).map("water", period.label)) as src:
            frequency = src.read(1, window=window, boundless=True, fill_value=np.nan)
        wet |= np.nan_to_num(frequency, nan=0.0) >= settings.water.seasonal_frequency
    return wet, grid


def reach_lines(settings: Settings) -> None:
    """Write the reaches and ponds of the region (GeoParquet, CRS of the run, columns COLUMNS); empty where there is no water."""
    whole, section = read_grid(settings), settings.black_odorous
    margin_px = int(settings.grid.margin_m / whole.resolution_m)
    rows = []
    for tile in read_tiles(settings):
        wet, grid = _wet_window(settings, whole, tile, margin_px)
        left, bottom, right, top = tile.grid.bounds
        for reach in find_reaches(wet, grid, section.reach_length_m):
            middle = reach.geometry.interpolate(0.5, normalized=True) if reach.kind == "river" else reach.geometry.representative_point()
            if left <= middle.x < right and bottom < middle.y <= top:
                rows.append({
                    "kind": reach.kind, "tile": tile.id, "length_m": reach.length_m, "width_m": reach.width_m,
                    "width_class": width_class(reach.width_m, section), "geometry": reach.geometry, "middle": middle,
                })  # fmt: skip
    write_parquet(_named(rows, settings, whole.crs), Layout(settings.root).reach_lines)


def _named(rows: list[dict], settings: Settings, crs: str) -> gpd.GeoDataFrame:
    """Add ids that follow from the place, and the nearest unit."""
    if not rows:
        return gpd.GeoDataFrame({c: [] for c in COLUMNS}, geometry="geometry", crs=crs)
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)
    middle = gpd.GeoSeries(frame.pop("middle"), crs=crs)
    lonlat = middle.to_crs(4326)
    letter = frame.kind.map({"river": "R", "pond": "P"})
    frame["reach_id"] = [f"{k}{p.x:+.5f}{p.y:+.5f}" for k, p in zip(letter, lonlat, strict=True)]
    units = load_units(settings).to_crs(crs)
    nearest = gpd.GeoDataFrame(geometry=middle, crs=crs).sjoin_nearest(units[["adcode", "geometry"]])
    frame["adcode"] = nearest[~nearest.index.duplicated()].adcode
    return frame.drop_duplicates("reach_id")[list(COLUMNS)].sort_values("reach_id", ignore_index=True)
