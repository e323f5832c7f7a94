"""Vegetation cover by other methods: NDVI scaled between percentiles, and the FCOVER network of ESA's SNAP toolbox.

``ndvi_5_95`` is the plain dimidiate pixel model between the 5th and 95th percentile of NDVI, as most studies of vegetation cover do.

The percentiles are those of the year's composite (P90 of the clear dates of the peak window) over all land pixels of the
region; the same two are used for the growing season's mean composite. Water (median MNDWI > 0) is left out of the
percentiles and has fraction 0, as in careful studies.

``snap_10m`` is the P90 and the mean of the FCOVER of the same dates and windows (Weiss & Baret 2016), of Sentinel-2 by the network of
10 m bands, of Landsat by that of Landsat 8. It needs SNAP's ``auxdata`` (see `snap_folder`). The network of 20 m needs bands 6 and 7,
which are not fetched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from rs_kernels.indices import fractional_cover, ndvi

from benchmarks.baselines.scenes import BANDS, Stack
from benchmarks.baselines.water import mndwi_of
from rs_pipeline.config import Settings
from rs_pipeline.model import OPTICAL_BANDS, Scene
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.vegetation.model import CoverModel
from rs_pipeline.products.vegetation.pixels import network_of

METHODS = ("ndvi_5_95", "snap_10m")

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"


def snap_folder() -> Path:
    """Folder ``3_0`` of SNAP's auxdata beside the real data; it may be missing."""
    return Path(os.environ.get("RS_PIPELINE_REAL_DATA", REAL)) / "fcover_auxdata" / "3_0"


PERCENTILES = (5.0, 95.0)


@njit(cache=True, nogil=True)
def ndvi_of(refl):
    """NDVI float32 (h, w) of reflectance float32 (6, h, w); NaN where undefined."""
    _, h, w = refl.shape
    out = np.empty((h, w), np.float32)
    for y in range(h):
        for x in range(w):
            out[y, x] = ndvi(refl[2, y, x], refl[3, y, x])
    return out


@dataclass(frozen=True)
class Composites:
    """NDVI of the peak window and of the growing season, float32 (h, w), NaN below the least number of dates; water, bool (h, w)."""

    peak: np.ndarray
    growing: np.ndarray
    water: np.ndarray


def quantile_over_time(stack: np.ndarray, q: float, min_dates: int) -> np.ndarray:
    """Quantile (type 7) over the first axis without NaN, float32 (h, w); NaN with fewer than ``min_dates`` values.

    >>> quantile_over_time(np.array([[[1.0]], [[np.nan]], [[3.0]]]), 0.5, 2)
    array([[2.]], dtype=float32)
    """
    if len(stack) == 0:
        return np.full(stack.shape[1:], np.nan, "float32")
    ordered = np.sort(stack, axis=0)
    n = np.isfinite(ordered).sum(axis=0)
    at = q * np.maximum(n - 1, 0)
    low = np.floor(at).astype("int64")
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    a, b = (np.take_along_axis(ordered, i[None], axis=0)[0] for i in (low, high))
    return np.where(n >= max(min_dates, 1), a + (b - a) * (at - low), np.nan).astype("float32")


def mean_over_time(stack: np.ndarray, min_dates: int) -> np.ndarray:
    """Mean over the first axis without NaN, float32 (h, w); NaN with fewer than ``min_dates`` values.

    >>> mean_over_time(np.array([[[1.0]], [[np.nan]], [[4.0]]]), 2)
    array([[2.5]], dtype=float32)
    """
    n = np.isfinite(stack).sum(axis=0)
    return np.where(n >= max(min_dates, 1), np.nansum(stack, axis=0) / np.maximum(n, 1), np.nan).astype("float32")


def composites(settings: Settings, stack: Stack) -> Composites:
    """P90 of NDVI in the peak window, mean of NDVI and median of MNDWI in the growing season, of one tile and year."""
    v = settings.vegetation
    peak, growing = in_window(stack.days, v.peak_window), in_window(stack.days, v.growing_window)
    series: dict[str, list[np.ndarray]] = {"peak": [], "growing": [], "mndwi": []}
    for t in np.flatnonzero(peak | growing):
        refl, clear = stack.refl(t), stack.clear(t, settings.masks.vegetation)
        value = np.where(clear, ndvi_of(refl), np.float32(np.nan))
        if peak[t]:
            series["peak"].append(value)
        if growing[t]:
            series["growing"].append(value)
            series["mndwi"].append(np.where(clear, mndwi_of(refl), np.float32(np.nan)))
    stacks = {k: np.stack(s) if s else np.empty((0, *stack.grid.shape), "float32") for k, s in series.items()}
    return Composites(
        quantile_over_time(stacks["peak"], v.peak_percentile / 100, v.min_dates),
        mean_over_time(stacks["growing"], v.min_dates),
        quantile_over_time(stacks["mndwi"], 0.5, 1) > 0,
    )


def snap_covers(settings: Settings, stack: Stack, scenes: Sequence[Scene], model: CoverModel) -> tuple[np.ndarray, np.ndarray]:
    """P90 of FCOVER in the peak window and mean in the growing season, float32 (h, w), NaN below the least number of dates.

    ``scenes`` are those of the stack; ``model`` is of `read_snap`. A date on which the network gives no cover does not count.
    """
    v, covers = settings.vegetation, []
    places = [OPTICAL_BANDS.index(b) for b in BANDS]
    windows = np.array([in_window(stack.days, w) for w in (v.peak_window, v.growing_window)]).reshape(2, len(stack))
    for t in np.flatnonzero(windows.any(axis=0)):
        refl = np.zeros((stack.qa[t].size, len(OPTICAL_BANDS)))
        refl[:, places] = np.nan_to_num(stack.refl(t)).reshape(len(BANDS), -1).T
        cover, _ = model.networks[network_of(scenes[t], red_edge=False)].estimate_cover(refl, scenes[t].sun_elevation_deg)
        covers.append(np.where(stack.clear(t, settings.masks.vegetation), cover.reshape(stack.qa[t].shape), np.nan).astype("float32"))
    used = windows[:, windows.any(axis=0)]
    series = np.stack(covers) if covers else np.empty((0, *stack.grid.shape), "float32")
    return quantile_over_time(series[used[0]], v.peak_percentile / 100, v.min_dates), mean_over_time(series[used[1]], v.min_dates)


def endmembers(peak: np.ndarray, water: np.ndarray) -> tuple[float, float]:
    """(NDVI of soil, NDVI of vegetation): PERCENTILES of the composite over observed land; (NaN, NaN) where there is none."""
    land = peak[np.isfinite(peak) & ~water]
    if land.size == 0:
        return float("nan"), float("nan")
    soil, vegetation = np.percentile(land, PERCENTILES)
    return float(soil), float(vegetation)


@njit(cache=True, nogil=True)
def dimidiate(values, water, soil, vegetation):
    """Plain dimidiate fraction, float32 (h, w); 0 on water, NaN where NDVI or the endmembers are missing."""
    out = np.full(values.shape, np.nan, np.float32)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            if water[y, x]:
                out[y, x] = 0.0
            elif np.isfinite(values[y, x]) and vegetation > soil:
                out[y, x] = fractional_cover(values[y, x], soil, vegetation, 1.0)
    return out
