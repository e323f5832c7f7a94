"""Clipping: the native pixels of one band of a scene over a tile, as the uint16 numbers of a chip."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from rs_pipeline.catalog.read import holds_reflectance, open_band, read_coarse
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RasterError
from rs_pipeline.model import QUALITY_BANDS, THERMAL_BANDS, Band, Grid, Scene, Sensor
from rs_pipeline.radiometry.scaling import chip_numbers, mask_numbers, shift
from rs_pipeline.radiometry.thermal import thermal_numbers
from rs_pipeline.sensors import load_sensor

MASK_ROLES = QUALITY_BANDS
"""Roles whose values are classes or bits: never interpolated, never shifted."""

MAX_FINER = 16
"""Largest ratio of source pixels to target pixels of a warp before the window is cut at the raster's border: source pixels may have half the size, and grids
may be rotated."""


_SAMPLE_PX = 128
"""Longest side of the sample from which the unit of a band is found, pixels."""

_LEAST_POWER, _LARGEST_POWER = -0.1, 10.0
"""Plausible range of linear power: after noise is subtracted it is hardly below 0; a median above 10 (10 dB) is not linear power of the ground."""


@dataclass(frozen=True)
class ClippedBand:
    """Pixels of one band over a tile, on a north-up grid of the run's CRS."""

    role: str
    numbers: np.ndarray
    """uint16 (h, w), 0 (masks: the mask's fill) for nodata."""
    transform: Affine


def _bounds_window(transform: Affine, bounds: tuple[float, float, float, float]) -> Window:
    """Smallest whole-pixel window of a north-up grid that covers the bounds; may reach outside the raster."""
    left, bottom, right, top = bounds
    col, row = math.floor((left - transform.c) / transform.a + 1e-6), math.floor((top - transform.f) / transform.e + 1e-6)
    end_col, end_row = math.ceil((right - transform.c) / transform.a - 1e-6), math.ceil((bottom - transform.f) / transform.e - 1e-6)
    return Window(col, row, end_col - col, end_row - row)


def _read_window(dataset: rasterio.DatasetReader, window: Window, scene: Scene, sensor: Sensor, role: str) -> np.ndarray:
    """The window's pixels as chip numbers (uint16), filled where the window reaches outside the raster."""
    fill = sensor.mask.fill if role == "mask" else 0
    numbers = np.full((int(window.height), int(window.width)), fill, dtype="uint16")
    top, left = max(0, int(window.row_off)), max(0, int(window.col_off))
    bottom = min(dataset.height, int(window.row_off + window.height))
    right = min(dataset.width, int(window.col_off + window.width))
    if bottom > top and right > left:
        values = dataset.read(1, window=Window(left, top, right - left, bottom - top))
        if role in MASK_ROLES:
            read = mask_numbers(values, sensor)
        elif role in THERMAL_BANDS:
            read = thermal_numbers(values)
        else:
            read = chip_numbers(_as_stated(values, scene, sensor, dataset), sensor, dataset.nodata)
        row, col = top - int(window.row_off), left - int(window.col_off)
        numbers[row : row + read.shape[0], col : col + read.shape[1]] = read
    return numbers


def _as_stated(values: np.ndarray, scene: Scene, sensor: Sensor, dataset: rasterio.DatasetReader) -> np.ndarray:
    """Values of a band in the unit that the sensor's table states: reflectances become the digital numbers from which scale and offset give them again.

    Raises
    ------
    RasterError : the values seem to be in another unit than the table's, and cannot be converted with certainty.
    """
    if sensor.family == "optical" and holds_reflectance(values) and holds_reflectance(_sample(dataset)):
        fill = 0.0 if dataset.nodata is None else dataset.nodata
        source_offset = scene.offset + shift(sensor) * scene.scale
        return (np.where(values == fill, np.nan, values.astype("float64")) - source_offset) / scene.scale
    _check_unit(values, sensor, dataset)
    return values


def _sample(dataset: rasterio.DatasetReader) -> np.ndarray:
    """The whole band at _SAMPLE_PX pixels on its longer side, 0 for nodata."""
    values = read_coarse(dataset, _SAMPLE_PX)
    return np.where(values == dataset.nodata, 0, values)


def _check_unit(values: np.ndarray, sensor: Sensor, dataset: rasterio.DatasetReader) -> None:
    """Refuse decibels and amplitudes where power is expected, and numbers of another scale: in the maps they would be nodata, or dark ground."""
    nodata = sensor.nodata if dataset.nodata is None else dataset.nodata
    values = values.ravel()[:: max(1, values.size // _SAMPLE_PX**2)]
    known = values[np.isfinite(values) & (values != sensor.nodata) & (values != nodata)]
    if not known.size:
        return
    if sensor.family == "radar":
        if np.mean(known < _LEAST_POWER) > 0.01:
            raise RasterError("decibels, the sensor table says linear power", where=dataset.name, remedy="convert them: power = 10^(dB / 10)")
        if np.median(known) > _LARGEST_POWER:
            raise RasterError("amplitudes or digital numbers, the sensor table says linear power", where=dataset.name, remedy="calibrate them to gamma0")
    elif np.percentile(known, 90) < sensor.valid_min / 2 or known.min() > sensor.valid_max:
        found = f"numbers from {known.min():g} to {known.max():g}, valid by the sensor table are {sensor.valid_min:g} to {sensor.valid_max:g}"
        raise RasterError(found, where=dataset.name, remedy="give the sensor a table of its own, with the scale and offset of these numbers")


def _clip(dataset: rasterio.DatasetReader, bounds: tuple[float, float, float, float], scene: Scene, sensor: Sensor, role: str) -> ClippedBand:
    """Native pixels over the bounds, which are in the raster's CRS."""
    window = _bounds_window(dataset.transform, bounds)
    numbers = _read_window(dataset, window, scene, sensor, role)
    return ClippedBand(role, numbers, dataset.window_transform(window))


def _native_step_m(dataset: rasterio.DatasetReader, band: Band) -> float:
    """Pixel size to warp to: the table's, unless the raster is coarser than it says."""
    if dataset.crs.is_geographic:
        return band.resolution_m
    return max(band.resolution_m, float(round(min(dataset.transform.a, -dataset.transform.e))))


def aligned_grid(bounds: tuple[float, float, float, float], step: float) -> tuple[Affine, tuple[int, int]]:
    """Transform and shape of the pixels that cover the bounds, on multiples of their size, so that neighbouring tiles have the same pixels."""
    left, bottom = math.floor(bounds[0] / step), math.floor(bounds[1] / step)
    right, top = math.ceil(bounds[2] / step), math.ceil(bounds[3] / step)
    return Affine(step, 0, left * step, 0, -step, top * step), (top - bottom, right - left)


def _warp(
    dataset: rasterio.DatasetReader, bounds: tuple[float, float, float, float], crs: CRS, scene: Scene, sensor: Sensor, band: Band
) -> ClippedBand:  # fmt: skip
    """The bounds (in ``crs``) at native pixel size: bilinear for data (cubic where only shifted), nearest for masks; nodata is not interpolated.

    A raster in ``crs`` that is only shifted keeps its own pixel grid.
    """
    if dataset.crs == crs:
        window = _bounds_window(dataset.transform, bounds)
        out, (height, width) = dataset.window_transform(window), (int(window.height), int(window.width))
    else:
        out, (height, width) = aligned_grid(bounds, _native_step_m(dataset, band))
    from_here = Affine.translation(-scene.moved_x_m, -scene.moved_y_m) * out
    source_bounds = transform_bounds(crs, dataset.crs, *array_bounds(height, width, from_here), densify_pts=21)
    near = _bounds_window(dataset.transform, source_bounds)
    near = Window(near.col_off - 2, near.row_off - 2, near.width + 4, near.height + 4)
    if near.width * near.height > MAX_FINER * (height + 4) * (width + 4):
        near = _at_most(near, dataset)
    source = _read_window(dataset, near, scene, sensor, band.role)
    masking = band.role in MASK_ROLES
    fill = sensor.mask.fill if band.role == "mask" else 0
    numbers = np.full((height, width), fill, dtype="uint16")
    reproject(
        source,
        numbers,
        src_transform=dataset.window_transform(near),
        src_crs=dataset.crs,
        dst_transform=from_here,
        dst_crs=crs,
        src_nodata=None if masking else 0,
        dst_nodata=None if masking else 0,
        init_dest_nodata=not masking,
        resampling=Resampling.nearest if masking else Resampling.cubic if dataset.crs == crs else Resampling.bilinear,
    )
    return ClippedBand(band.role, numbers, out)


def _at_most(window: Window, dataset: rasterio.DatasetReader) -> Window:
    """The part of a window within two pixels of the raster: in a distant projection a tile may cover half the Earth.

    Used only where necessary, because GDAL derives the scale of its kernel from the size of the source.
    """
    left, top = max(window.col_off, -2), max(window.row_off, -2)
    right = min(window.col_off + window.width, dataset.width + 2)
    bottom = min(window.row_off + window.height, dataset.height + 2)
    return Window(left, top, max(1, right - left), max(1, bottom - top))


def _overlap(dataset: rasterio.DatasetReader, wide: tuple, tile: tuple, crs: CRS) -> tuple[float, float, float, float]:
    """The wide bounds cut to the raster's extent, but never less than the tile's bounds."""
    extent = dataset.bounds if dataset.crs == crs else transform_bounds(dataset.crs, crs, *dataset.bounds, densify_pts=21)
    cut = (max(wide[0], extent[0]), max(wide[1], extent[1]), min(wide[2], extent[2]), min(wide[3], extent[3]))
    return (min(cut[0], tile[0]), min(cut[1], tile[1]), max(cut[2], tile[2]), max(cut[3], tile[3]))


def read_clipped(scene: Scene, band: Band, grid: Grid, reach_m: float, limits: FetchSection) -> ClippedBand:
    """One band of a scene over the grid; the mask also over ``reach_m`` around it, within the raster. A displaced scene is shifted back.

    Raises
    ------
    RasterError, rasterio errors : the raster cannot be read or breaks a limit.
    """
    sensor, crs = load_sensor(scene.sensor), CRS.from_user_input(grid.crs)
    with open_band(scene, band.role, limits) as dataset:
        bounds = grid.bounds
        if band.role == "mask":
            n = math.ceil(reach_m / grid.resolution_m)
            bounds = _overlap(dataset, grid.window(-n, -n, grid.height + 2 * n, grid.width + 2 * n).bounds, bounds, crs)
        if dataset.crs == crs and (scene.moved_x_m, scene.moved_y_m) == (0.0, 0.0):
            return _clip(dataset, bounds, scene, sensor, band.role)
        return _warp(dataset, bounds, crs, scene, sensor, band)
