"""Solar arrays as they are summed over counties."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked
from rs_pipeline.products.solar.arrays import arrays


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Area of solar arrays, and of all ground that was seen well enough. ``now`` : ``map.band`` to (h, w). An array that the edge of a tile cuts counts
    where its part in a tile is large enough."""
    share = now["solar.share"]
    inside = arrays(share, settings.grid.resolution_m**2)
    return CountySums({"solar_observed_m2": marked(np.isfinite(share)), "solar_m2": marked(inside)})
