"""Land cover by simple methods, on the same dates, offsets and masks as ours.

``land_thresholds`` : rules on indices of the growing season, the usual first map: water where the median MNDWI is above 0 (Xu 2006),
classes of plants by NDVI; the rest is built where NDBI is above 0 (Zha et al. 2003) and the ground is not bright.
``land_forest`` : a random forest of the peers' environment on the six bands of one composite, the median of the growing season.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.baselines.peers import run_peer
from benchmarks.baselines.scenes import Stack
from benchmarks.baselines.vegetation import quantile_over_time
from rs_pipeline.config import Settings
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.land.classes import Land

METHODS = ("land_thresholds", "land_forest")

TREE_NDVI, GRASS_NDVI, CROP_NDVI = 0.70, 0.45, 0.25
"""Least median NDVI of the growing season of trees, grass and crops. That of crops is lowest, because a harvest lowers the median."""

BARE_SWIR1_REFL = 0.24
"""Ground without plants is bare where its SWIR1 is higher, built where it is lower."""

N_TREES = 100
TRAINING_PIXELS = 4000
"""Number of pixels taken from a training world."""


def median_bands(settings: Settings, stack: Stack) -> np.ndarray:
    """Median of the six bands over the clear dates of the growing season, float32 (6, h, w); NaN below land.min_dates in the year."""
    growing = in_window(stack.days, settings.vegetation.growing_window)
    clear = [stack.clear(t, settings.masks.land) for t in range(len(stack))]
    chosen = [np.where(clear[t], stack.refl(t), np.float32(np.nan)) for t in np.flatnonzero(growing)]
    layers = np.stack(chosen) if chosen else np.empty((0, 6, *stack.grid.shape), "float32")
    seen = np.sum(clear, axis=0) >= settings.land.min_dates
    return np.stack([np.where(seen, quantile_over_time(layers[:, b], 0.5, 1), np.nan) for b in range(6)]).astype("float32")


def by_thresholds(bands: np.ndarray) -> np.ndarray:
    """Class float32 (h, w) of median bands float32 (6, h, w); NaN where a band is NaN."""
    _, green, red, nir, swir1, _ = bands
    with np.errstate(invalid="ignore", divide="ignore"):
        ndvi, mndwi, ndbi = (nir - red) / (nir + red), (green - swir1) / (green + swir1), (swir1 - nir) / (swir1 + nir)
    conditions = [
        mndwi > 0,
        (mndwi > -0.25) & (ndvi > CROP_NDVI),
        ndvi > TREE_NDVI,
        ndvi > GRASS_NDVI,
        ndvi > CROP_NDVI,
        (ndbi > 0) & (swir1 > BARE_SWIR1_REFL),
        ndbi > 0,
    ]
    order = [Land.WATER, Land.WETLAND, Land.TREE, Land.GRASS, Land.CROPLAND, Land.BARE, Land.BUILT]
    found = np.select(conditions, [float(c) for c in order], float(Land.BARE))
    return np.where(np.isfinite(bands).all(axis=0), found, np.nan).astype("float32")


def fit_forest(bands: np.ndarray, classes: np.ndarray, work: Path, peers: Path | None = None) -> np.ndarray:
    """A forest of median bands (n, 6) and classes (n,) of Land, in the peers' environment; the model as bytes, uint8 (m,)."""
    inputs = {"features": bands.astype("float32"), "labels": classes.astype("int64"), "n_trees": np.array(N_TREES)}
    return run_peer("forest_fit", inputs, work, peers)["model"]


def by_forest(bands: np.ndarray, model: np.ndarray, work: Path, peers: Path | None = None) -> np.ndarray:
    """Class float32 (h, w) of median bands float32 (6, h, w) by a model of `fit_forest`; NaN where a band is NaN."""
    seen = np.isfinite(bands).all(axis=0)
    out = np.full(seen.shape, np.nan, "float32")
    out[seen] = run_peer("forest_classes", {"features": bands[:, seen].T, "model": model}, work, peers)["classes"]
    return out
