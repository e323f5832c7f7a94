"""Heights, rain erosivity and soil erodibility: the user's rasters, read on the pixels of a tile."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
from rasterio.vrt import WarpedVRT
from rs_kernels.soil import slope_factors

from rs_pipeline.catalog.chips import pixel_index
from rs_pipeline.config import SoilSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.rasters import checked_raster, raster_on
from rs_pipeline.model import Grid
from rs_pipeline.storage.foreign import foreign_raster

FACTOR_RANGES = {"soil.erosivity": (10.0, 30_000.0, "MJ mm/(ha h a)"), "soil.erodibility": (0.001, 0.15, "t ha h/(ha MJ mm), which is US units times 0.1317")}
"""Between which values the median of a raster must lie, and its unit. Erosivity of the dry northwest is about 100, of Hainan 20 000; erodibility of soils
in China 0.01 to 0.08."""

LOOKED_AT_PX = 512
"""The check reads a raster reduced to at most so many pixels on a side."""


def check_factor(key: str, path: Path) -> None:
    """Check that a raster can be read and that its median is possible in the unit of its key.

    Raises
    ------
    ConfigError : it cannot be read, has no CRS, holds no value, or is in another unit. RasterError : its blocks do not fit into memory.
    """
    low, high, unit = FACTOR_RANGES[key]
    where = f"{key}: {path}"
    with checked_raster(path, where, f"give a GeoTIFF in {unit}") as source:
        values = source.read(1, out_shape=tuple(min(n, LOOKED_AT_PX) for n in source.shape), masked=True).astype("float64").filled(np.nan)
    known = values[np.isfinite(values)]
    if not known.size:
        raise ConfigError("the raster holds no value", where=where, remedy="give one that covers the units, or null")
    if not low <= (middle := float(np.median(known))) <= high:
        raise ConfigError(f"its median is {middle:.4g}; {low:g} to {high:g} are possible", where=where, remedy=f"give it in {unit}")


def heights_grid(path: Path, key: str, grid: Grid, reach_m: float) -> Grid:
    """A grid that covers ``grid`` and ``reach_m`` around it, with pixels about as large as those of a raster of heights, but no smaller than those of ``grid``.

    The pixel size is a whole multiple of that of ``grid``, and edges lie at multiples of it, so that the same ground has the same pixels in every tile.

    Raises
    ------
    ConfigError : the raster cannot be read.
    """
    try:
        with foreign_raster(path) as source, WarpedVRT(source, crs=grid.crs) as warped:
            native = float(warped.transform.a)
    except rasterio.errors.RasterioError as fault:
        raise ConfigError(f"cannot be read: {fault}", where=f"{key}: {path}", remedy="give heights in metres with a CRS") from None
    pixel = max(1, round(native / grid.resolution_m)) * grid.resolution_m
    left, bottom, right, top = grid.bounds
    first, last = math.floor((left - reach_m) / pixel), math.ceil((right + reach_m) / pixel)
    low, high = math.floor((bottom - reach_m) / pixel), math.ceil((top + reach_m) / pixel)
    return Grid(grid.crs, pixel, first * pixel, high * pixel, last - first, high - low)


def terrain_factor(path: Path, key: str, section: SoilSection, grid: Grid) -> np.ndarray:
    """L S on a grid, float32 (h, w), NaN where heights are unknown; computed on pixels of about the heights' own size.

    Raises
    ------
    ConfigError : the heights cannot be read.
    """
    around = heights_grid(path, key, grid, section.longest_slope_m + 2 * grid.resolution_m)
    around = around.buffered(2 * around.resolution_m)
    height_m = raster_on(path, key, around)
    slope_deg, factor = np.empty_like(height_m), np.empty_like(height_m)
    slope_factors(height_m, around.resolution_m, section.flat_deg, section.longest_slope_m, slope_deg, factor)
    rows, cols = pixel_index(around.transform, around.shape, grid)
    return factor[rows[:, None], cols[None, :]]
