"""The network that tells solar arrays from other ground, and the layers that it makes of a year's statistics.

Arrays are dark up to the band edge of silicon and brighter beyond (Ji et al. 2021, Remote Sens. Environ. 266:112692), all year, while plants between
the rows are few. The network sees the bands of five seasons and the radar, so it weighs spectrum and permanence together; the shape is judged by `arrays`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from rs_pipeline.paths import config_folder
from rs_pipeline.products.land.model import LandModel
from rs_pipeline.products.seasons import SeasonStatistics

CLASSES = ("panels", "other")

LEAST_DATES, LEAST_SEASONS = 6, 4
"""Least clear dates of a year, and least seasons with one, in which a pixel must have been seen: an array is there in all of them."""

SHARE_STEP = 0.01
"""Shares are rounded to this, far below their error: the map then stays small."""


@cache
def solar_model() -> LandModel:
    """The pipeline's own model, config/solar.json."""
    return LandModel.read(config_folder() / "solar.json", CLASSES)


def solar_layers(statistics: SeasonStatistics) -> dict[str, np.ndarray]:
    """``share``: expected share (0-1) of each pixel that is solar arrays, float32 (h, w); NaN where it was not seen on enough dates in enough seasons."""
    dates = statistics.dates
    seen = (dates.sum(axis=0) >= LEAST_DATES) & ((dates > 0).sum(axis=0) >= LEAST_SEASONS)
    share = np.full(seen.shape, np.nan, "float32")
    share[seen] = np.round(solar_model().shares(statistics.values[:, seen])[0] / SHARE_STEP) * SHARE_STEP
    return {"share": share}
