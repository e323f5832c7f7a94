"""Sentinel-1 ground range scenes over a tile: calibrated on their own pixels, then georeferenced by their ground control points.

The control points lie at the height of the ground, 20 km apart. Between them the ground is assumed to be even, so hilly
ground is refused: there pixels would be displaced by more than the difference in height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import GCPTransformer, array_bounds
from rasterio.warp import reproject, transform
from rasterio.windows import Window

from rs_pipeline.catalog.clip import MAX_FINER, ClippedBand, aligned_grid
from rs_pipeline.catalog.read import open_band, read_text
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RasterError
from rs_pipeline.model import Band, Grid, Scene
from rs_pipeline.radiometry.calibration import gamma0, read_calibration, read_noise
from rs_pipeline.radiometry.scaling import chip_numbers
from rs_pipeline.sensors import load_sensor

MAX_RELIEF_M = 30.0
"""Largest difference in height of the control points around a tile. At incidence angles of 30 to 46 degrees an error in height of 1 m moves a pixel by 1 to
1.7 m; between the points the height of the ground rarely deviates by half of their difference."""

_EDGE_PX, _SLACK_PX = 33, 8


def read_ground_range(scene: Scene, band: Band, grid: Grid, limits: FetchSection) -> ClippedBand:
    """One band of a scene in flight geometry over the grid; the counterpart of `clip.read_clipped` for scenes on a map grid.

    Raises
    ------
    RasterError, TableError, rasterio errors : raster or tables cannot be read or break a limit, or the ground is hilly.
    """
    sensor, crs = load_sensor(scene.sensor), CRS.from_user_input(grid.crs)
    out, shape = aligned_grid(grid.bounds, band.resolution_m)
    power = np.full(shape, np.nan, dtype="float32")
    with open_band(scene, band.role, limits) as dataset:
        points, points_crs = dataset.gcps
        window = _window(dataset, points, points_crs, out, shape, crs)
        if window is not None:
            _check_relief(points, window, scene.assets[band.role])
            near = [_moved(p, window) for p in points]
            reproject(
                _calibrated(dataset, window, scene, band, limits, sensor.valid_min),
                power,
                gcps=near,
                src_crs=points_crs,
                src_nodata=np.nan,
                dst_transform=out,
                dst_crs=crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
                SRC_METHOD="GCP_TPS",
            )
    return ClippedBand(band.role, chip_numbers(power, sensor, None), out)


def _window(
    dataset: rasterio.DatasetReader, points: Sequence[GroundControlPoint], points_crs: CRS, out: Affine, shape: tuple[int, int], crs: CRS
) -> Window | None:  # fmt: skip
    """Window of the scene's pixels that cover a grid; None where the scene does not reach it."""
    left, bottom, right, top = array_bounds(*shape, out)
    across, along = np.linspace(left, right, _EDGE_PX), np.linspace(bottom, top, _EDGE_PX)
    xs, ys = (a.ravel() for a in np.meshgrid(across, along))
    with GCPTransformer(list(points), tps=True) as to_pixels:
        rows, cols = (np.asarray(v) for v in to_pixels.rowcol(*transform(crs, points_crs, xs, ys), op=lambda v: v))
    if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
        raise RasterError("its ground control points give no place of the scene on the map", where=dataset.name)
    first_row, first_col = max(0, math.floor(rows.min()) - _SLACK_PX), max(0, math.floor(cols.min()) - _SLACK_PX)
    end_row, end_col = min(dataset.height, math.ceil(rows.max()) + _SLACK_PX), min(dataset.width, math.ceil(cols.max()) + _SLACK_PX)
    if end_row <= first_row or end_col <= first_col:
        return None
    if (end_row - first_row) * (end_col - first_col) > MAX_FINER * shape[0] * shape[1]:
        raise RasterError(f"the control points spread the tile over {end_row - first_row} x {end_col - first_col} pixels", where=dataset.name)
    return Window(first_col, first_row, end_col - first_col, end_row - first_row)


def _moved(point: GroundControlPoint, window: Window) -> GroundControlPoint:
    return GroundControlPoint(row=point.row - window.row_off, col=point.col - window.col_off, x=point.x, y=point.y, z=point.z)


def _check_relief(points: Sequence[GroundControlPoint], window: Window, href: str) -> None:
    """Refuse hilly ground, where the heights of the control points in and next to the window differ by more than MAX_RELIEF_M."""

    def near(places: np.ndarray, first: float, length: float) -> np.ndarray:
        steps = np.unique(places)
        low = max(0, int(np.searchsorted(steps, first, side="right")) - 1)
        high = min(steps.size - 1, int(np.searchsorted(steps, first + length)))
        return (places >= steps[low]) & (places <= steps[high])

    rows, cols, heights = (np.array([getattr(p, name) or 0.0 for p in points], "float64") for name in ("row", "col", "z"))
    around = heights[near(rows, window.row_off, window.height) & near(cols, window.col_off, window.width)]
    if around.size and np.ptp(around) > MAX_RELIEF_M:
        raise RasterError(
            f"hilly ground ({np.ptp(around):.0f} m between control points, the limit is {MAX_RELIEF_M:g} m): the scene is not corrected for terrain",
            where=href,
            remedy="use a collection that is, such as sentinel-1-rtc",
        )


def _calibrated(dataset: rasterio.DatasetReader, window: Window, scene: Scene, band: Band, limits: FetchSection, floor: float) -> np.ndarray:
    """gamma0 of the window's pixels, linear power, float32, NaN for nodata."""
    calibration = read_calibration(read_text(scene.tables[f"{band.role} calibration"], scene.sign, limits, scene.internal_hosts))
    noise = read_noise(read_text(scene.tables[f"{band.role} noise"], scene.sign, limits, scene.internal_hosts))
    rows, cols = window.row_off + np.arange(window.height), window.col_off + np.arange(window.width)
    return gamma0(dataset.read(1, window=window), noise.on(rows, cols), calibration.on(rows, cols), floor).astype("float32")
