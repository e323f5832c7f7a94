"""Trends of short yearly series: Theil-Sen slope with its interval and the Mann-Kendall test, of one series and of maps.

Successive years are correlated, and a test that assumes independent years finds trends where there are none. The
variance of S is therefore multiplied by an inflation factor for first-order autocorrelation (Yue and Wang 2004). The lag-1 coefficient is that of
the detrended series, corrected for its bias in short series, and limited to 0 to LAG1_MAX. A trial of 2000 simulated series
a case (`tests/kernels/trend_trial.py`; noise 0.02, trend 0.01 a year) gave, in percent, false trends at p < 0.05 / trends found /
intervals that contain the slope:

======================================================  ============  ============  ============  ============  ============
autocorrelation, years                                  0, 6          0, 10         0.2, 8        0.4, 8        0.4, 12
======================================================  ============  ============  ============  ============  ============
none                                                    2 / 15 / 98   5 / 95 / 96   5 / 61 / 95   9 / 67 / 91   15 / 99 / 86
Hamed and Rao (1998)                                    2 / 16 / 98   7 / 94 / 95   5 / 62 / 95   10 / 67 / 91  16 / 98 / 85
Yue and Wang (2004), coefficient as estimated           14 / 50 / 90  12 / 94 / 90  14 / 72 / 88  17 / 70 / 84  14 / 92 / 86
the same, freed of its bias (Kendall 1954), 0-0.5: ours 1 / 12 / 98   4 / 85 / 97   4 / 49 / 96   7 / 51 / 93   8 / 86 / 92
the same with the bias of a detrended series, 0-0.8     1 / 8 / 99    4 / 75 / 97   3 / 38 / 97   5 / 38 / 95   7 / 65 / 94
======================================================  ============  ============  ============  ============  ============

With five years only a series that rises or falls every year is found (p = 0.017): four in five of the series whose noise
is a fifth of the yearly change, but one in twenty where the yearly change is half the noise. Trends this weak need ten years.
"""

import math

import numpy as np
from numba import njit

from rs_kernels.statistics import Z95

N_EXACT = 10
"""Up to this many values p comes from the exact distribution of S, beyond from the normal one (Kendall 1975)."""


@njit(cache=True, nogil=True)
def pair_slopes(years, values, n, slopes):
    """Write the slopes between all pairs of ``n`` points into ``slopes``, unsorted; return their number (Theil 1950, Sen 1968).

    Pairs of one and the same year have no slope and are left out.
    """
    count = 0
    for i in range(n):
        for j in range(i + 1, n):
            if years[j] != years[i]:
                slopes[count] = (values[j] - values[i]) / (years[j] - years[i])
                count += 1
    return count


@njit(cache=True, nogil=True)
def kendall_s(values, n):
    """S of Mann (1945) and Kendall (1975): rising pairs less falling pairs of values in time order."""
    s = 0
    for i in range(n):
        for j in range(i + 1, n):
            s += int(values[j] > values[i]) - int(values[j] < values[i])
    return s


@njit(cache=True, nogil=True)
def kendall_variance(values, n):
    """Variance of S without trend, corrected for ties (Kendall 1975)."""
    total = n * (n - 1) * (2 * n + 5)
    for i in range(n):
        equal, first = 1, True
        for j in range(n):
            if j != i and values[j] == values[i]:
                equal += 1
                first = first and j > i
        if first and equal > 1:
            total -= equal * (equal - 1) * (2 * equal + 5)
    return total / 18.0


@njit(cache=True, nogil=True)
def exact_tails(n_max):
    """float64 (n_max + 1, n_max (n_max - 1) / 2 + 1): probability, without trend and ties, that abs(S) of n values is at least s.

    Of the n! orders, those with k falling pairs are counted by Kendall's (1975) recursion; S = n (n - 1) / 2 - 2 k.
    """
    top = n_max * (n_max - 1) // 2
    tails = np.zeros((n_max + 1, top + 1))
    share = np.zeros(top + 1)
    share[0] = 1.0
    tails[:2, 0] = 1.0
    for n in range(2, n_max + 1):
        pairs = n * (n - 1) // 2
        previous = share.copy()
        for k in range(pairs + 1):
            share[k] = 0.0
            for less in range(min(k, n - 1) + 1):
                share[k] += previous[k - less] / n
        for s in range(pairs + 1):
            for k in range(pairs + 1):
                if abs(pairs - 2 * k) >= s:
                    tails[n, s] += share[k]
    return tails


@njit(cache=True, nogil=True)
def normal_p(s, variance):
    """Two-sided p of S by the normal distribution, with continuity correction; 1 where the variance is 0."""
    if s == 0 or variance <= 0:
        return 1.0
    return math.erfc(max(abs(s) - 1.0, 0.0) / math.sqrt(2.0 * variance))


@njit(cache=True, nogil=True)
def kendall_p(s, n, variance, inflation, tails):
    """Two-sided p of S.

    ``variance`` is that of independent values, and ``inflation`` >= 1 is its factor for serial correlation: in the exact
    distribution S is replaced by S / sqrt(inflation), with linear interpolation between whole numbers. ``tails`` is `exact_tails` (N_EXACT).
    The exact distribution assumes no ties; with ties p is too large, never too small.
    """
    if n > N_EXACT:
        return normal_p(s, variance * inflation)
    size = abs(s) / math.sqrt(inflation)
    low = int(size)
    share = size - low
    return tails[n, low] if share == 0.0 else (1 - share) * tails[n, low] + share * tails[n, low + 1]


@njit(cache=True, nogil=True)
def middle(ordered, n):
    """Median of sorted ``ordered[:n]``."""
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])


@njit(cache=True, nogil=True)
def at_rank(ordered, n, rank):
    """Value at a (fractional) rank from 1 to n of sorted values, linear between neighbours; the first or last value beyond."""
    place = min(max(rank - 1.0, 0.0), n - 1.0)
    k = min(int(place), n - 2) if n > 1 else 0
    return ordered[k] + (place - k) * (ordered[min(k + 1, n - 1)] - ordered[k])


@njit(cache=True, nogil=True)
def theil_sen(years, values):
    """Median of the slopes between all pairs of points of different years (Theil 1950, Sen 1968); NaN where there is no such pair."""
    n = values.size
    slopes = np.empty(n * (n - 1) // 2)
    count = pair_slopes(years, values, n, slopes)
    if count == 0:
        return np.nan
    slopes[:count].sort()
    return middle(slopes, count)


@njit(cache=True, nogil=True)
def slope_interval(ordered, n, variance):
    """Lower and upper 95 % bound of the Theil-Sen slope from the sorted slopes and the variance of S (Sen 1968; Gilbert 1987, 16.3)."""
    reach = Z95 * math.sqrt(variance)
    return at_rank(ordered, n, (n - reach) / 2), at_rank(ordered, n, (n + reach) / 2 + 1)


LAG1_MAX = 0.5
"""Upper limit of the lag-1 coefficient: with a larger one, even a short series that rises every year would show no trend.
Chosen with the trial of the table above (`tests/kernels/trend_trial.py`)."""

ROUNDING = 1e-7
"""Rounding error of a cover (0-1) in float32: its spacing just below 1 is 6e-8."""


@njit(cache=True, nogil=True)
def lag1_of_residuals(residual, n):
    """Lag-1 autocorrelation of a detrended series, corrected for its bias -(1 + 3 rho) / n (Kendall 1954), within 0 and LAG1_MAX.

    Consecutive observed years count as neighbours, also across a gap. 0 for four values or fewer, and where the residuals are only rounding
    errors.
    """
    mean = residual[:n].mean()
    square, product = 0.0, 0.0
    for i in range(n):
        square += (residual[i] - mean) ** 2
        if i > 0:
            product += (residual[i] - mean) * (residual[i - 1] - mean)
    if n <= 4 or square <= n * ROUNDING**2:
        return 0.0
    return min(max((n * product / square + 1) / (n - 3), 0.0), LAG1_MAX)


@njit(cache=True, nogil=True)
def variance_inflation(lag1, n):
    """Factor on the variance of S for an autocorrelation of ``lag1`` ** k at lag k: n / effective n (Bayley and Hammersley 1946)."""
    total = 1.0
    for k in range(1, n):
        total += 2 * (1 - k / n) * lag1**k
    return total


@njit(cache=True, nogil=True)
def trend_of(years, values, n, slopes, residual, tails):
    """(slope a year, lower, upper, p) of ``n`` >= 2 points of different years, in time order; bounds at 95 %, p two-sided.

    ``slopes`` (n (n - 1) / 2,) and ``residual`` (n,) are scratch, ``tails`` is `exact_tails` (N_EXACT).
    Bounds that would lie beyond the extreme slopes are set to these: with few years the coverage is below 95 %.
    """
    count = pair_slopes(years, values, n, slopes)
    slopes[:count].sort()
    slope = middle(slopes, count)
    for i in range(n):
        residual[i] = values[i] - slope * (years[i] - years[0])
    inflation = variance_inflation(lag1_of_residuals(residual, n), n)
    lower, upper, p = interval_and_p(slopes, count, values, n, inflation, tails)
    return slope, lower, upper, p


@njit(cache=True, nogil=True)
def interval_and_p(ordered, count, values, n, inflation, tails):
    """(lower, upper, p) of ``n`` values whose ``count`` pair slopes are sorted, with the inflation of the variance of S given."""
    variance = kendall_variance(values, n)
    lower, upper = slope_interval(ordered, count, variance * inflation)
    return lower, upper, kendall_p(kendall_s(values, n), n, variance, inflation, tails)


@njit(cache=True, nogil=True)
def inflated_trend(years, values, inflation):
    """(slope a year, lower, upper, p) of one whole series, float64 (n,), where the inflation of the variance of S is known from elsewhere."""
    n = values.size
    slopes = np.empty(n * (n - 1) // 2)
    count = pair_slopes(years, values, n, slopes)
    slopes[:count].sort()
    lower, upper, p = interval_and_p(slopes, count, values, n, inflation, exact_tails(N_EXACT))
    return middle(slopes, count), lower, upper, p


@njit(cache=True, nogil=True)
def series_trend(years, values):
    """`trend_of` of one whole series, float64 (n,), without gaps."""
    n = values.size
    return trend_of(years, values, n, np.empty(n * (n - 1) // 2), np.empty(n), exact_tails(N_EXACT))


@njit(cache=True, nogil=True)
def trend_maps(years, stack, min_years, tails, out):
    """Trends of all pixels.

    Parameters
    ----------
    years : float64 (Y,), decimal years, rising. stack : float32 (Y, h, w), NaN where not seen. min_years : with fewer there is no trend.
    tails : `exact_tails` (N_EXACT).
    out : float32 (5, h, w), written: slope a year, its lower and upper 95 % bound, p, number of years. The first four are NaN
        where there are too few years.
    """
    n_years, height, width = stack.shape
    t, x, residual = np.empty(n_years), np.empty(n_years), np.empty(n_years)
    slopes = np.empty(n_years * (n_years - 1) // 2)
    for r in range(height):
        for c in range(width):
            n = 0
            for k in range(n_years):
                value = stack[k, r, c]
                if not np.isnan(value):
                    t[n], x[n] = years[k], value
                    n += 1
            out[4, r, c] = n
            if n < max(min_years, 2):
                out[:4, r, c] = np.nan
                continue
            slope, lower, upper, p = trend_of(t, x, n, slopes, residual, tails)
            out[0, r, c], out[1, r, c], out[2, r, c], out[3, r, c] = slope, lower, upper, p
