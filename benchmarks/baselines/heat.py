"""Surface temperature by the usual way: ``plain_mean`` is each pixel's mean over its own clear dates of the season, less the mean of rural pixels.

Dates are masked as ours, so what differs is the comparison with rural land: once, after the mean, and not on each date.
"""

from __future__ import annotations

import numpy as np
from rs_kernels.heat import KELVIN_OFFSET, KELVIN_STEP

from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.config import Settings, heat_of
from rs_pipeline.layout import Layout
from rs_pipeline.products.heat.maps import HEAT, Zone
from rs_pipeline.products.heat.step import read_temperatures, thermal_passes
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.tiles import read_tile

METHODS = ("plain_mean",)


def plain_anomaly(settings: Settings, tile_id: str, period: str) -> np.ndarray:
    """Mean temperature of a tile and period less that of its rural pixels, K, float32 (h, w); NaN below ``heat.min_dates`` dates."""
    grid = read_tile(settings, tile_id).grid
    numbers, _ = read_temperatures(settings, thermal_passes(load_chips(settings, tile_id, period), heat_of(settings)), grid)
    with open_map(Layout(settings.root).tile_map(period, tile_id, HEAT), grid) as src:
        rural = src.read(band_index(src, "zone")) == Zone.RURAL
    dates = (numbers > 0).sum(axis=0)
    total = numbers.sum(axis=0, dtype="float64") * KELVIN_STEP + dates * KELVIN_OFFSET
    mean = np.where(dates >= heat_of(settings).min_dates, total / np.maximum(dates, 1), np.nan)
    known = mean[rural & np.isfinite(mean)]
    return (mean - (known.mean() if known.size else np.nan)).astype("float32")
