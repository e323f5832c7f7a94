"""What counties sum of vegetation cover."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked

GREENING_STEP = 0.1
"""Least change of peak cover that counts as greening or browning (policy clause 10)."""

CHANGES = ("fvc_common_m2", "fvc_peak_change_sum_m2", "greening_m2", "browning_m2")
"""Layers that depend on the baseline."""


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Cover on land, which is all but permanent water, and how it changed since the baseline. ``now`` and ``base``: ``map.band`` to (h, w)."""
    true, land = np.ones_like(now["water.class"], bool), now["water.class"] != 1
    peak = np.where(land, now["vegetation.fvc_peak"], np.nan)
    growing = np.where(land, now["vegetation.fvc_growing"], np.nan)
    change = peak - np.where(base["water.class"] != 1, base["vegetation.fvc_peak"], np.nan)
    sigma = now["vegetation.fvc_peak_sigma"]
    noise = 1.96 * np.hypot(sigma, base["vegetation.fvc_peak_sigma"])
    layers = {
        "land_m2": marked(land),
        "fvc_peak_observed_m2": marked(true, peak),
        "fvc_peak_sum_m2": peak,
        "fvc_peak_sigma_sum_m2": np.where(np.isfinite(peak), sigma, np.nan),
        "fvc_growing_observed_m2": marked(true, growing),
        "fvc_growing_sum_m2": growing,
        "fvc_common_m2": marked(true, change),
        "fvc_peak_change_sum_m2": change,
        "greening_m2": marked((change > GREENING_STEP) & (change > noise), change),
        "browning_m2": marked((change < -GREENING_STEP) & (change < -noise), change),
    }
    return CountySums(layers, {"fvc_peak": np.where(land, sigma, 0)}, {"fvc_peak_sigma": ("fvc_peak_sigma_sum_m2", "fvc_peak_observed_m2")}, CHANGES)
