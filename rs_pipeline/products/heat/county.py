"""Surface temperature as it is summed over counties."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings, heat_of
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.heat.maps import Zone


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Temperature above rural land of built-up and of rural land, and the area of hot land. ``now`` : ``map.band`` to (h, w).

    ``heat_*_k_m2`` are sums of the anomaly, K times m2. Hot land surely, or possibly, is hot with the anomaly lower, or higher, by 1.96 standard errors.
    """
    zone, anomaly, error, hot_k = now["heat.zone"], now["heat.anomaly_k"], now["heat.error_k"], heat_of(settings).hot_k
    built, rural, land = zone == Zone.BUILT, zone == Zone.RURAL, zone < Zone.WATER
    layers = {"heat_built_m2": marked(built), "heat_land_m2": marked(land), "heat_land_observed_m2": marked(land, anomaly)}
    for name, inside in (("built", built), ("rural", rural)):
        mine = np.where(inside, anomaly, np.nan)
        layers |= {f"heat_{name}_observed_m2": marked(inside, anomaly), f"heat_{name}_k_m2": mine}
    layers |= {"heat_built_k2_m2": layers["heat_built_k_m2"] ** 2, "heat_built_error_k_m2": np.where(built, error, np.nan)}
    for name, least in (("hot", anomaly), ("surely_hot", anomaly - Z95 * error), ("possibly_hot", anomaly + Z95 * error)):
        layers[f"heat_{name}_m2"] = marked(land & (least > hot_k), anomaly)
    return CountySums(layers)
