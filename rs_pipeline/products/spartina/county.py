"""Cordgrass as it is summed over counties: late green at the edge of the sea."""

from __future__ import annotations

import numpy as np
from rs_kernels.edges import PERMANENT

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.sea import NEAR_SEA


def tidal_ground(bands: dict[str, np.ndarray]) -> np.ndarray:
    """Ground on which cordgrass may grow, bool (h, w): tidal flats and land at the edge of the sea, without water that never falls dry."""
    return bands[NEAR_SEA] & (bands["water.class"] != PERMANENT)


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Tidal ground, how much of it was seen, and cordgrass on it: by the limits, surely and possibly. ``now`` : ``map.band`` to (h, w).

    Surely cordgrass lies inside the limits by the scatter of its pixels; possibly cordgrass lies outside by no more than that.
    """
    ground, margin = tidal_ground(now), now["spartina.margin"]
    layers = {"spartina_ground_m2": marked(ground), "spartina_observed_m2": marked(ground, margin)}
    for name, least in (("", 0), ("_surely", 1), ("_possibly", -1)):
        layers[f"spartina{name}_m2"] = marked(ground & (margin >= least), margin)
    return CountySums(layers)
