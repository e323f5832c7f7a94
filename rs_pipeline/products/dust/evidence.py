"""Whether a pixel is bare in a month of spring: its part in the pass over the seasons.

Bare is what has no green plants on the month's greenest clear date, so on none. Bare soil has an NDVI of .11-.20 (95 % of the simulated worlds of
development seeds, whose soils vary around means of public libraries), ground with plants on 15 % of it one of .27-.38. Dry litter and stubble have the NDVI of soil,
so ground that they protect counts as bare. A building has a lower NDVI than soil: in a pixel that is built-up in part the limit is lower as well.
"""

from __future__ import annotations

import numpy as np

from rs_pipeline.products.calendar import SPRING_MONTHS
from rs_pipeline.products.dust.maps import Spring
from rs_pipeline.products.seasons import SeasonStatistics

BARE_NDVI, SCATTER_NDVI = 0.275, 0.075
"""Limit of bare ground, and the distance from it that counts as 1 in the margin: up to .20 every pixel is bare, from .35 on none. Of limits from .20 to
.325 this one has the least error of the areas in settlements on four worlds of development seeds (two cities, a plain, a coast)."""

BUILT_NDVI = 0.10
"""NDVI of buildings and roads: the median of the simulated worlds of development seeds."""


def bare_margin(ndvi: np.ndarray, built: np.ndarray | float = 0.0) -> np.ndarray:
    """How far the NDVI of pixels lies below the limit of bare ground, in units of its scatter; below 0 under plants, NaN where either is.

    ``built`` : share of the pixel that is built-up, 0-1; the limit of a mixed pixel is the mean of its parts.
    """
    return (BARE_NDVI + built * (BUILT_NDVI - BARE_NDVI) - ndvi) / SCATTER_NDVI


def kind_of(margin: np.ndarray) -> np.ndarray:
    """`Spring` of a margin, float; NaN where it is."""
    return np.select([np.isnan(margin), margin >= 1, margin >= -1], [np.nan, Spring.BARE, Spring.DOUBTFUL], Spring.COVERED)


def spring_layers(seasons: SeasonStatistics) -> dict[str, np.ndarray]:
    """Bands of the map of a strip, float32 (h, w): see `products.dust.maps.BANDS`."""
    bands: dict[str, np.ndarray] = {}
    for month in SPRING_MONTHS:
        found = seasons.greenest_in(month)
        bands |= {month: kind_of(bare_margin(found.ndvi)), f"{month}_ndvi": found.ndvi, f"{month}_dates": found.n_dates}
    return {name: np.asarray(values, "float32") for name, values in bands.items()}
