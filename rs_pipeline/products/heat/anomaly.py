"""Surface temperature above rural land, from the dates of a tile.

A pixel's mean temperature depends on which dates it was seen on: a hot day in July that clouds hide from one half of a city makes the other half
warmer. So every temperature is compared with rural land of the same date (Peng et al. 2012, Environ. Sci. Technol. 46:696; Chakraborty and Lee
2019, Int. J. Appl. Earth Obs. 74:269: land that is neither built-up nor water). The rural land that is seen differs from date to date too, so levels of
dates and anomalies of places are fitted together: temperature = date + place, by least squares, each in turn from the other.
"""

from __future__ import annotations

import numpy as np
from rs_kernels.heat import date_levels, place_anomalies

LEAST_REFERENCE_SHARE = 0.1
"""A date on which less of the tile's rural land was seen is left out: its level would be that of a few fields."""

MOST_REFERENCE_PX = 200_000
"""More pixels of rural land than this are thinned out evenly for the levels of dates: neighbours tell nothing new."""

MOST_ROUNDS, SETTLED_K = 50, 0.005
"""The fit ends when no date's level changes by more than SETTLED_K."""


def date_levels_k(numbers: np.ndarray) -> np.ndarray:
    """Temperature of rural land on each date, float64 (T,), K; NaN for a date on which too little was seen.

    Levels are those at which the mean anomaly of the rural pixels is 0.

    Parameters
    ----------
    numbers : uint16 (T, n), temperatures of rural pixels, 0 where there is none; see `rs_kernels.heat.kelvin`.
    """
    level = np.empty(len(numbers))
    anomaly, scatter, dates = (np.zeros(numbers.shape[1], "float32") for _ in range(3))
    least = max(1, round(LEAST_REFERENCE_SHARE * numbers.shape[1]))
    date_levels(numbers, anomaly, least, level)
    for _ in range(MOST_ROUNDS if np.isfinite(level).any() else 0):
        before = level.copy()
        place_anomalies(numbers, level, anomaly, scatter, dates)
        anomaly -= np.nanmean(anomaly)
        date_levels(numbers, anomaly, least, level)
        if np.nanmax(np.abs(level - before)) < SETTLED_K:
            break
    return level


def surface_anomalies(numbers: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Anomaly (K), scatter over its dates (K) and number of dates of every pixel, three float32 (h, w).

    NaN, NaN and 0 everywhere where there is no reference.

    Parameters
    ----------
    numbers : uint16 (T, h, w), temperatures, 0 where there is none. reference : bool (h, w), pixels of rural land.
    """
    shape, flat = reference.shape, numbers.reshape(len(numbers), reference.size)
    anomaly, scatter, dates = (np.empty(flat.shape[1], "float32") for _ in range(3))
    rural = np.flatnonzero(reference)
    step = max(1, rural.size // MOST_REFERENCE_PX)
    place_anomalies(flat, date_levels_k(np.ascontiguousarray(flat[:, rural[::step]])), anomaly, scatter, dates)
    return anomaly.reshape(shape), scatter.reshape(shape), dates.reshape(shape)
