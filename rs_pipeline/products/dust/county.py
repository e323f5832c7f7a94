"""Bare ground of spring as it is summed over counties and settlements: of the ground that is neither built-up nor water."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.calendar import SPRING_MONTHS
from rs_pipeline.products.dust.evidence import bare_margin


def open_ground(bands: dict[str, np.ndarray]) -> np.ndarray:
    """Expected share of each pixel that is neither built-up nor water, 0-1, float32 (h, w); NaN where the land map shows nothing."""
    return np.maximum(1 - bands["land.share_built"] - bands["land.share_water"], np.float32(0))


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Where the land map shows something and, by month, how much of it was seen and how much open ground is bare. ``now`` : ``map.band`` to (h, w).

    The share p of open ground is uncertain by p (1 - p): surely bare is p less that inside the limit by its scatter, possibly bare p more than that
    outside the limit by no more than the scatter. ``_unseen`` is the most open ground that a month did not see.
    """
    share = open_ground(now)
    layers = {"dust_known_m2": marked(np.isfinite(share))}
    uncertain = share * (1 - share)
    for month in SPRING_MONTHS:
        margin = bare_margin(now[f"dust.{month}_ndvi"], now["land.share_built"])
        layers |= {
            f"dust_{month}_observed_m2": marked(np.isfinite(margin)),
            f"dust_{month}_m2": share * marked(margin >= 0),
            f"dust_{month}_surely_m2": (share - uncertain) * marked(margin >= 1),
            f"dust_{month}_possibly_m2": (share + uncertain) * marked(margin >= -1),
            f"dust_{month}_unseen_m2": (share + uncertain) * marked(np.isnan(margin)),
        }
    return CountySums(layers)
