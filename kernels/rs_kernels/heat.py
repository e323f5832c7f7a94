"""Surface temperature of places, free of the difference between dates: a place's mean over its dates of the difference from rural land on the same date."""

import math

import numpy as np
from numba import njit

from rs_kernels.calibration import formula

KELVIN_STEP, KELVIN_OFFSET = 0.00341802, 149.0
"""Kelvin per number, and kelvin of number 0, of surface temperature (USGS LSDS-1619)."""

ERROR_STEP_K = 0.01
"""Kelvin per number of the uncertainty ST_QA (USGS LSDS-1619)."""


@formula
def kelvin(number):
    """Surface temperature, K, of a number above 0, which is nodata (USGS LSDS-1619)."""
    return number * KELVIN_STEP + KELVIN_OFFSET


@njit(cache=True, nogil=True, error_model="numpy")
def place_anomalies(numbers, date_k, anomaly, scatter, dates):
    """Mean over the dates of each pixel of its temperature less the level of the date.

    Parameters
    ----------
    numbers : uint16 (T, n), 0 where a pixel has no temperature. date_k : float64 (T,), level of each date, K; NaN for a date that is left out.
    anomaly : float32 (n,), written, K; NaN without a date.
    scatter : float32 (n,), written: standard deviation over the dates, n - 1 in the denominator, K; NaN below two dates.
    dates : float32 (n,), written: number of dates.
    """
    for i in range(numbers.shape[1]):
        count, total, square = 0, 0.0, 0.0
        for t in range(numbers.shape[0]):
            if numbers[t, i] > 0 and math.isfinite(date_k[t]):
                difference = kelvin(numbers[t, i]) - date_k[t]
                count += 1
                total += difference
                square += difference * difference
        dates[i] = count
        anomaly[i] = total / count if count > 0 else np.nan
        scatter[i] = math.sqrt(max(0.0, square - total * total / count) / (count - 1)) if count > 1 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def date_levels(numbers, anomaly, least, date_k):
    """Mean over the pixels of each date of their temperature less their own anomaly.

    Parameters
    ----------
    numbers : uint16 (T, n), 0 where a pixel has no temperature. anomaly : float32 (n,), K, NaN where unknown.
    least : number of pixels that a date needs. date_k : float64 (T,), written, K; NaN for a date with fewer.
    """
    for t in range(numbers.shape[0]):
        count, total = 0, 0.0
        for i in range(numbers.shape[1]):
            if numbers[t, i] > 0 and math.isfinite(anomaly[i]):
                count += 1
                total += kelvin(numbers[t, i]) - anomaly[i]
        date_k[t] = total / count if count >= least and count > 0 else np.nan
