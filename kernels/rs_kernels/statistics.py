"""Order statistics of short series, in place, and of many series at once."""

import numpy as np
from numba import njit

Z95 = 1.959963984540054
"""0.975 quantile of the standard normal distribution."""

SIGMA_PER_MAD = 1.4826
"""Standard deviation of a normal distribution per median absolute deviation, 1 / its 0.75 quantile (Hampel 1974)."""


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def between(lower, upper, share):
    """The value that lies ``share`` (0-1) of the way from one order statistic to the next."""
    return lower + share * (upper - lower)


@njit(cache=True, nogil=True)
def select(values, n, k):
    """The k-th smallest (from 0) of ``values[:n]``, which is left partly ordered: values below k are not larger.

    Quickselect with the middle element as pivot (Hoare 1961, Algorithm 65).
    """
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@njit(cache=True, nogil=True)
def quantile(values, n, probability):
    """Quantile of unsorted ``values[:n]`` by selection, linear between order statistics (type 7); NaN for n = 0.

    ``values`` is scratch: its order changes.
    """
    if n == 0:
        return np.nan
    k = int(probability * (n - 1))
    select(values, n, k)
    if k + 1 < n:
        following = k + 1
        for i in range(k + 2, n):
            if values[i] < values[following]:
                following = i
        values[k + 1], values[following] = values[following], values[k + 1]
    return quantile_sorted(values, n, probability)


@njit(cache=True, nogil=True)
def quantile_sorted(values, n, q):
    """Quantile q (0-1) of sorted values[:n], linear between order statistics (Hyndman & Fan 1996, type 7)."""
    if n == 0:
        return np.nan
    position = q * (n - 1)
    low = int(position)
    high = min(low + 1, n - 1)
    return between(values[low], values[high], position - low)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def median_reaches(n, n_reaching, largest_below, smallest_reaching, threshold):
    """Whether the median of n values reaches a threshold, without sorting them: exact, also for an even number.

    ``n_reaching`` values are at least the threshold, and the smallest of these is ``smallest_reaching``; the largest of the others is
    ``largest_below``. The two middle values matter only where the threshold divides the values into halves.
    """
    if 2 * n_reaching == n:
        return between(largest_below, smallest_reaching, 0.5) >= threshold
    return 2 * n_reaching > n


LANE = 128
"""Pixels of a row that are processed together, also by `sort_lane`. One lane of 60 dates fits into the second-level cache."""

MISSING = 65535
"""Value of a date that takes no part in a lane: it is sorted last, so no rank below the number of dates reaches it."""


@njit(cache=True, nogil=True)
def exchanges(n):
    """The sequence of comparisons that sorts any n values: merge exchange (Batcher 1968; Knuth 1998, 5.2.2 M), int64 (C, 2)."""
    top = 1
    while 2 * top < n:
        top *= 2
    pairs = np.empty((n * n // 2 + 1, 2), np.int64)
    count, p = 0, top if n > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            for i in range(n - d):
                if i & p == r:
                    pairs[count, 0], pairs[count, 1] = i, i + d
                    count += 1
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return pairs[:count].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def sort_lane(series, pairs):
    """Sort each column of ``series`` (T, LANE), uint16 or floating-point without NaN, in place; ``pairs`` are the `exchanges` of the rows to sort.

    The order of the comparisons does not depend on the values, so a processor handles 16 columns at a time without branches.
    """
    for c in range(pairs.shape[0]):
        first, second = series[pairs[c, 0]], series[pairs[c, 1]]
        for i in range(LANE):
            a, b = first[i], second[i]
            first[i] = a if a < b else b
            second[i] = b if a < b else a
