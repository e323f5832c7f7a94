"""Vegetation cover as it is summed over counties."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.sea import SEA

GREENING_STEP = 0.1
"""Least change of peak cover that counts as greening or browning (policy clause 10)."""

CHANGES = ("fvc_common_m2", "fvc_peak_change_sum_m2", "greening_m2", "browning_m2")
"""Layers that depend on the baseline."""

CHANGE_SHARE = 0.3
"""Standard error of a change, as a share of the root of the summed squares of both years' standard errors. Part of a network's error depends on the
canopy, is alike in both years and cancels in the difference. Measured on the simulated sample (seed 1, pairs of 2023, 2024 and 2025): 95 % of the errors
of the median change of a pixel and its neighbours lie within 1.96 x 0.24 to 0.32 of that root, of single pixels within 1.96 x 0.37 to 0.45."""


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Cover on land (all but permanent water and the sea), and its change since the baseline. ``now`` and ``base``: ``map.band`` to (h, w)."""
    true, land = np.ones_like(now["water.class"], bool), _land(now)
    peak = np.where(land, now["vegetation.fvc_peak"], np.nan)
    growing = np.where(land, now["vegetation.fvc_growing"], np.nan)
    change = peak - np.where(_land(base), base["vegetation.fvc_peak"], np.nan)
    sigma = now["vegetation.fvc_peak_sigma"]
    shift, noise = median_of_nine(change), Z95 * CHANGE_SHARE * np.hypot(sigma, base["vegetation.fvc_peak_sigma"])
    layers = {
        "land_m2": marked(land),
        "fvc_peak_observed_m2": marked(true, peak),
        "fvc_peak_sum_m2": peak,
        "fvc_peak_square_m2": peak**2,
        "fvc_peak_sigma_sum_m2": np.where(np.isfinite(peak), sigma, np.nan),
        "fvc_growing_observed_m2": marked(true, growing),
        "fvc_growing_sum_m2": growing,
        "fvc_growing_square_m2": growing**2,
        "fvc_common_m2": marked(true, change),
        "fvc_peak_change_sum_m2": change,
        "greening_m2": marked(shift > np.maximum(GREENING_STEP, noise), change),
        "browning_m2": marked(shift < -np.maximum(GREENING_STEP, noise), change),
    }
    return CountySums(layers, {"fvc_peak": np.where(land, sigma, 0)}, {"fvc_peak_sigma": ("fvc_peak_sigma_sum_m2", "fvc_peak_observed_m2")}, CHANGES)


def _land(bands: dict[str, np.ndarray]) -> np.ndarray:
    """Pixels that may have plants, bool (h, w): neither permanent water nor sea. A pixel of unknown water class counts as land."""
    return (bands["water.class"] != 1) & ~bands[SEA]


def median_of_nine(values: np.ndarray) -> np.ndarray:
    """Median of each pixel and those of its eight neighbours that have a value, float32 (h, w); NaN where it has none itself.

    The error of a single mixed pixel is as large as a change that counts; its neighbours do not share it.
    """
    h, w = values.shape
    padded = np.pad(values.astype("float32"), 1, constant_values=np.nan)
    nine = np.sort([padded[r : r + h, c : c + w] for r in range(3) for c in range(3)], axis=0)
    count = np.isfinite(nine).sum(axis=0)
    low, high = (np.take_along_axis(nine, np.maximum(k, 0)[None], axis=0)[0] for k in ((count - 1) // 2, count // 2))
    return np.where(np.isfinite(values), (low + high) / 2, np.nan).astype("float32")
