"""Soil loss as it is summed over counties."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.sea import SEA

LEVELS_T_KM2 = (12, 25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
"""Levels of soil loss, per year; the area up to each is summed. Between them, areas are interpolated for the bounds, for another tolerance and for a
scaled loss."""


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Land (all but the sea), and how much of it loses soil up to each level. ``now`` : ``map.band`` to (h, w).

    Inland water counts as land, because the official rate refers to the whole territory.
    """
    loss, land = now["soil_loss.loss_t_km2"], ~now[SEA]
    layers = {"soil_land_m2": marked(land), "soil_observed_m2": marked(land, loss)}
    return CountySums(layers | {f"soil_up_to_{level}_m2": marked(land & (loss <= level), loss) for level in LEVELS_T_KM2})
