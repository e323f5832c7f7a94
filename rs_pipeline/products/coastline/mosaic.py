"""Tile composites of a family and period put together, and values sampled along transects."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import map_coordinates

from rs_pipeline.errors import DamagedError
from rs_pipeline.model import Grid
from rs_pipeline.products.coastline.classify import parted_water, tide_width_m
from rs_pipeline.products.coastline.shoreline import WATER_LEVELS, pixel_of
from rs_pipeline.products.coastline.transects import Transects
from rs_pipeline.storage.raster import open_own

log = logging.getLogger(__name__)

PROFILE_M = np.arange(-600.0, 601.0, 10.0)
LAND_M = np.arange(40.0, 201.0, 20.0)
"""Distances behind the shore at which the land's brightness is measured."""
BEHIND_M = np.arange(10.0, 201.0, 10.0)
"""Distances behind the shore at which a dyke and ponds behind it are searched."""
MIN_TIDE_M = 0.3
"""Least difference between low and high tide to measure how far the tide moves the waterline."""


@dataclass(frozen=True)
class ShoreMosaic:
    """nir_refl, swir1_refl, mndwi, nir_low_tide_refl : float32 (h, w), NaN not observed or too few dates. n_dates : uint16 (h, w).
    reference : uint8 (h, w), index of `shoreline.WATER_LEVELS`. level_m : float32 (h, w), height above mean sea level that it stands for, NaN unknown.
    """

    grid: Grid
    nir_refl: np.ndarray
    swir1_refl: np.ndarray
    mndwi: np.ndarray
    nir_low_tide_refl: np.ndarray
    n_dates: np.ndarray
    reference: np.ndarray
    level_m: np.ndarray


def read_mosaic(paths: Iterable[Path], min_dates: int) -> ShoreMosaic | None:
    """Put tile composites together on their commonest lattice of pixels; None if no pixel has enough dates.

    A tile on another lattice is placed on the nearest pixel, with a warning.
    """
    opened = [(p, *grid_and_tags(p)) for p in paths if p.exists()]
    opened = [(p, g, tags) for p, g, tags in opened if tags.get("scenes") and g.width and g.height]
    if not opened:
        return None
    r = opened[0][1].resolution_m
    phases = Counter((round(g.left % r, 3), round(g.top % r, 3)) for _, g, _ in opened)
    (x, y), agreeing = phases.most_common(1)[0]
    if agreeing < len(opened):
        log.warning("%d of %d shore composites are moved by up to half a pixel of %g m", len(opened) - agreeing, len(opened), r)
    left = x + round((min(g.bounds[0] for _, g, _ in opened) - x) / r) * r
    top = y + round((max(g.bounds[3] for _, g, _ in opened) - y) / r) * r
    width = round((max(g.bounds[2] for _, g, _ in opened) - left) / r)
    height = round((top - min(g.bounds[1] for _, g, _ in opened)) / r)
    grid = Grid(opened[0][1].crs, r, left, top, width, height)
    layers, level_m = np.full((4, *grid.shape), np.nan, "float32"), np.full(grid.shape, np.nan, "float32")
    n_dates, reference = np.zeros(grid.shape, "uint16"), np.zeros(grid.shape, "uint8")
    for path, g, tags in opened:
        row, col = round((top - g.top) / r), round((g.left - left) / r)
        h, w = min(g.height, height - row), min(g.width, width - col)
        here = slice(row, row + h), slice(col, col + w)
        with open_own(path) as src:
            *refl, count = src.read(bands_of(src, "nir_refl", "swir1_refl", "mndwi", "nir_low_tide", "n_dates"))[:, :h, :w]
        enough = (count >= min_dates) & np.isfinite(refl[1])
        for whole, part in zip(layers, refl, strict=True):
            whole[here] = np.where(enough, part, whole[here])
        n_dates[here] = np.where(enough, count, n_dates[here])
        reference[here] = np.where(enough, WATER_LEVELS.index(tags["reference"]), reference[here])
        level_m[here] = np.where(enough, float(tags["level_m"]), level_m[here])
    if not np.isfinite(layers[1]).any():
        return None
    nir, swir1, mndwi, low_tide = layers
    return ShoreMosaic(grid, nir, swir1, mndwi, low_tide, n_dates, reference, level_m)


def bands_of(src: rasterio.DatasetReader, *names: str) -> list[int]:
    """Band numbers of named bands."""
    return [src.descriptions.index(name) + 1 for name in names]


def grid_and_tags(path: Path) -> tuple[Grid, dict[str, str]]:
    """Pixel grid and tags of a raster."""
    with open_own(path) as src:
        t = src.transform
        return Grid(src.crs.to_string(), t.a, t.c, t.f, src.width, src.height), src.tags()


def check_place(path: Path, tile: Grid) -> None:
    """Refuse a composite that does not cover its tile. Its pixels are those whose centre lies in the tile, so the sides differ by less than a pixel.

    Raises
    ------
    DamagedError : it was made for other units, or another resolution.
    """
    if path.exists():
        grid, _ = grid_and_tags(path)
        if grid.width and grid.height and (grid.crs != tile.crs or np.abs(np.subtract(grid.bounds, tile.bounds)).max() > grid.resolution_m):
            raise DamagedError(f"{path.name} lies on another grid than its tile ({grid.bounds}, the tile's are {tile.bounds})", str(path))


def shore_profiles(paths: Iterable[Path], transects: Transects, distance_m: np.ndarray, tide_m_per_m: np.ndarray, swir1_land_refl: np.ndarray) -> None:
    """Fill in tide sensitivity and land reflectance, float (n,), where the crossing lies in one of the composites.

    Only profiles that lie within one tile are used: at a tile's border the evidence is missing.
    """
    crossing = transects.at(distance_m[:, None])[:, 0]
    for path in paths:
        if not path.exists():
            continue
        grid, tags = grid_and_tags(path)
        _, _, inside = pixel_of(grid, np.nan_to_num(crossing, nan=-1e12))
        chosen = np.flatnonzero(inside & np.isfinite(distance_m))
        if chosen.size == 0:
            continue
        with open_own(path) as src:
            nir, swir1, low_tide, high_tide = src.read(bands_of(src, "nir_refl", "swir1_refl", "nir_low_tide", "nir_high_tide"))
        tide_m = float(tags["tide_high_m"]) - float(tags["tide_low_m"])
        for i in chosen:
            ahead = crossing[i] + PROFILE_M[:, None] * transects.seaward[i]
            behind = crossing[i] - LAND_M[:, None] * transects.seaward[i]
            land = bilinear(swir1, grid, behind)
            if np.isfinite(land).any():
                swir1_land_refl[i] = np.nanmedian(land)
            if tide_m >= MIN_TIDE_M:
                level = bilinear(nir, grid, crossing[i][None])[0]
                width_m = tide_width_m(PROFILE_M, bilinear(low_tide, grid, ahead), bilinear(high_tide, grid, ahead), level)
                if np.isfinite(width_m):
                    tide_m_per_m[i] = max(width_m, 0.0) / tide_m


def bilinear(values: np.ndarray, grid: Grid, xy: np.ndarray) -> np.ndarray:
    """Values (k,) of a map (h, w) at points (k, 2); NaN beside NaN and outside."""
    col = (xy[:, 0] - grid.left) / grid.resolution_m - 0.5
    row = (grid.top - xy[:, 1]) / grid.resolution_m - 0.5
    return map_coordinates(values, [row, col], order=1, cval=np.nan)


def pond_share(water_map: Path, transects: Transects, distance_m: np.ndarray) -> np.ndarray:
    """Share of the first 200 m behind the shore that is permanent or seasonal water, separated from the shore by dry ground; float (n,).

    A flat that the high tide covers is seasonal water too, but joins the shore and does not count. NaN without a map or a crossing.
    """
    share = np.full(len(transects), np.nan)
    chosen = np.flatnonzero(np.isfinite(distance_m))
    if chosen.size == 0 or not water_map.exists():
        return share
    points = transects.at(distance_m[:, None] - BEHIND_M[None, :])[chosen]
    with open_own(water_map) as src:
        band = src.descriptions.index("class") + 1
        water_class = np.array([v[0] for v in src.sample(points.reshape(-1, 2), indexes=band, masked=False)], "float64")
        inside = (points[..., 0] >= src.bounds.left) & (points[..., 0] < src.bounds.right)
        inside &= (points[..., 1] > src.bounds.bottom) & (points[..., 1] <= src.bounds.top)
    water_class = np.where(inside, water_class.reshape(points.shape[:2]), np.nan)
    share[chosen] = parted_water(water_class)
    return share
