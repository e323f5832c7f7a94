"""Counts of observations as they are summed over counties."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Mean scenes, clear dates and clear months of a pixel. ``now``: ``map.band`` to (h, w)."""
    layers = {
        "scenes_sum_m2": now["observations.scenes"],
        "clear_dates_sum_m2": now["observations.clear_water"],
        "clear_months_sum_m2": now["observations.clear_months"],
    }
    return CountySums(layers, means={f"{name}_mean": (f"{name}_sum_m2", "area_m2") for name in ("scenes", "clear_dates", "clear_months")})
