"""What counties sum of soil loss."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.sea import SEA

LEVELS_T_KM2 = (12, 25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
"""Soil losses up to which area is summed: what the doubt of the factors, another tolerance and a scaled loss are read from."""


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Land, which is all but the sea, and how much of it loses soil up to each level. ``now`` : ``map.band`` to (h, w).

    Inland water is land here: the official rate is of the whole territory.
    """
    loss, land = now["soil_loss.loss_t_km2"], ~now[SEA]
    layers = {"soil_land_m2": marked(land), "soil_observed_m2": marked(land, loss)}
    return CountySums(layers | {f"soil_up_to_{level}_m2": marked(land & (loss <= level), loss) for level in LEVELS_T_KM2})
