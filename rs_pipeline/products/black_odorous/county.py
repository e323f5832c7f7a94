"""The map of suspected black-odorous water as it is summed over counties."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import CountySums, marked


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Areas by class. ``now``: ``map.band`` to (h, w)."""
    kind = now["black_odorous.class"]
    return CountySums(
        {
            "bow_assessable_m2": marked((kind >= 1) & (kind <= 3), kind),
            "bow_possible_m2": marked(kind == 2, kind),
            "bow_suspected_m2": marked(kind == 3, kind),
            "bow_insufficient_m2": marked(kind == 4, kind),
        }
    )
