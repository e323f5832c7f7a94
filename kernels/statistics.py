"""Order statistics of short series, in place."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def sort_pairs(values, weights, n):
    """Sort values[:n] ascending by insertion and carry weights[:n] along. Series are short: a period's dates."""
    for i in range(1, n):
        v, w = values[i], weights[i]
        j = i - 1
        while j >= 0 and values[j] > v:
            values[j + 1] = values[j]
            weights[j + 1] = weights[j]
            j -= 1
        values[j + 1] = v
        weights[j + 1] = w


@njit(cache=True, nogil=True)
def quantile_sorted(values, n, q):
    """Quantile q (0-1) of sorted values[:n], linear between order statistics (Hyndman & Fan 1996, type 7)."""
    if n == 0:
        return np.nan
    position = q * (n - 1)
    low = int(position)
    high = min(low + 1, n - 1)
    return values[low] + (position - low) * (values[high] - values[low])


@njit(cache=True, nogil=True)
def weighted_median_sorted(values, weights, n):
    """Median of sorted values[:n] with weights: where half of the weight lies on either side, linear between neighbours.

    Each value sits in the middle of its own weight; the median is interpolated at half of the total.
    """
    if n == 0:
        return np.nan
    total = 0.0
    for i in range(n):
        total += weights[i]
    if total <= 0.0:
        return quantile_sorted(values, n, 0.5)
    half = total / 2
    cumulative = 0.0
    position = weights[0] / 2
    if half <= position:
        return values[0]
    for i in range(1, n):
        cumulative += weights[i - 1]
        following = cumulative + weights[i] / 2
        if half <= following:
            step = following - position
            share = (half - position) / step if step > 0 else 0.0
            return values[i - 1] + share * (values[i] - values[i - 1])
        position = following
    return values[n - 1]


@njit(cache=True, nogil=True)
def median_of(values, n):
    """Median of values[:n]; the buffer is sorted in place."""
    for i in range(1, n):
        v = values[i]
        j = i - 1
        while j >= 0 and values[j] > v:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = v
    return quantile_sorted(values, n, 0.5)
