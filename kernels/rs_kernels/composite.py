"""Composites of uint16 stacks over time. No floating-point array of size (time, y, x) is made."""

from __future__ import annotations

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance
from rs_kernels.indices import mndwi
from rs_kernels.statistics import LANE, MISSING, between, exchanges, quantile, sort_lane


@njit(cache=True, nogil=True)
def mndwi_map(green_refl, swir1_refl):
    """MNDWI of two float32 (h, w) reflectance maps; NaN where either map is NaN or the index is undefined."""
    index = np.full(green_refl.shape, np.nan, np.float32)
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            index[y, x] = mndwi(green_refl[y, x], swir1_refl[y, x])
    return index


@njit(cache=True, nogil=True, error_model="numpy")
def _gather_date(numbers, row, n_dates):
    """Put a date's numbers uint16 (n,) into ``row`` uint16 (LANE,), MISSING for 0 and beyond n, and count those seen."""
    n = numbers.size
    for i in range(n):
        row[i] = numbers[i] if numbers[i] > 0 else MISSING
    for i in range(n):
        n_dates[i] += numbers[i] > 0
    row[n:] = MISSING


@njit(cache=True, nogil=True)
def _same_scaling(scale, offset, use):
    first = -1
    for t in range(use.size):
        if use[t]:
            if first < 0:
                first = t
            if scale[t] != scale[first] or offset[t] != offset[first] or scale[t] <= 0:
                return -1
    return max(first, 0)


@njit(cache=True, nogil=True)
def refl_quantiles(dn, scale, offset, use, probabilities):
    """Quantiles over time of reflectance, per pixel.

    Where all dates share scale and offset the digital numbers themselves are sorted, many pixels at a time: scaling keeps their order.

    Parameters
    ----------
    dn : uint16 (T, h, w). Native digital numbers; 0 where the date is not observed or flagged.
    scale, offset : float32 (T,). refl = dn * scale + offset; dates may differ.
    use : bool (T,). Dates that take part.
    probabilities : float64 (P,) in [0, 1]; 0.5 is the median.

    Returns
    -------
    quantiles : float32 (P, h, w), reflectance 0-1, NaN where no date is left.
    n_dates : uint16 (h, w), dates that took part.
    """
    n_times, height, width = dn.shape
    quantiles = np.full((probabilities.size, height, width), np.nan, np.float32)
    n_dates = np.zeros((height, width), np.uint16)
    common = _same_scaling(scale, offset, use)
    if n_times == 0 or common < 0:
        _quantiles_by_selection(dn, scale, offset, use, probabilities, quantiles, n_dates)
        return quantiles, n_dates
    series, counts, pairs = np.empty((n_times, LANE), np.uint16), np.empty(LANE, np.uint16), exchanges(int(use.sum()))
    for y in range(height):
        for left in range(0, width, LANE):
            n, k = min(LANE, width - left), 0
            counts[:] = 0
            for t in range(n_times):
                if use[t]:
                    _gather_date(dn[t, y, left : left + n], series[k], counts)
                    k += 1
            sort_lane(series, pairs)
            n_dates[y, left : left + n] = counts[:n]
            _lane_quantiles(series, n, counts, scale[common], offset[common], probabilities, quantiles[:, y, left : left + n])
    return quantiles, n_dates


@njit(cache=True, nogil=True, error_model="numpy")
def _lane_quantiles(series, n, n_dates, scale, offset, probabilities, out):
    """Quantiles of the sorted columns of ``series``, scaled; a column of no dates stays as it is."""
    for p in range(probabilities.size):
        for i in range(n):
            if n_dates[i] > 0:
                position = probabilities[p] * (n_dates[i] - 1.0)
                low = int(position)
                high = min(low + 1, n_dates[i] - 1)
                lower, upper = np.float32(reflectance(series[low, i], scale, offset)), np.float32(reflectance(series[high, i], scale, offset))
                out[p, i] = between(lower, upper, position - low)


@njit(cache=True, nogil=True)
def _quantiles_by_selection(dn, scale, offset, use, probabilities, quantiles, n_dates):
    """`refl_quantiles` of dates with scales of their own, a pixel at a time."""
    n_times, height, width = dn.shape
    values = np.empty(n_times, np.float32)
    for y in range(height):
        for x in range(width):
            n = 0
            for t in range(n_times):
                if use[t] and dn[t, y, x] > 0:
                    values[n] = reflectance(dn[t, y, x], scale[t], offset[t])
                    n += 1
            n_dates[y, x] = n
            for p in range(probabilities.size):
                quantiles[p, y, x] = quantile(values, n, probabilities[p])


@njit(cache=True, nogil=True, error_model="numpy")
def _gather_refl(numbers, scale, offset, row, n_dates):
    """Put a date's reflectance into ``row`` float32 (LANE,), infinite for 0, and count those seen; ``numbers`` uint16 (n,)."""
    for i in range(numbers.size):
        seen = numbers[i] > 0
        row[i] = reflectance(np.float32(numbers[i]), scale, offset) if seen else np.float32(np.inf)
        n_dates[i] += seen


@njit(cache=True, nogil=True)
def lower_medians(dn, scale, offset):
    """Lower median over time of reflectance, which is that of a date: float32 (B, h, w), NaN where no date is left.

    ``dn`` : uint16 (T, B, h, w), 0 where the date is not observed or flagged. ``scale``, ``offset`` : float32 (T,), see `refl_quantiles`.
    """
    n_times, n_bands, height, width = dn.shape
    medians = np.full((n_bands, height, width), np.nan, np.float32)
    series, counts, pairs = np.zeros((n_times, LANE), np.float32), np.empty(LANE, np.int64), exchanges(n_times)
    for b in range(n_bands):
        for y in range(height):
            for left in range(0, width, LANE):
                n = min(LANE, width - left)
                counts[:] = 0
                for t in range(n_times):
                    _gather_refl(dn[t, b, y, left : left + n], scale[t], offset[t], series[t], counts)
                sort_lane(series, pairs)
                for i in range(n):
                    if counts[i] > 0:
                        medians[b, y, left + i] = series[(counts[i] - 1) // 2, i]
    return medians


@njit(cache=True, nogil=True)
def falling_fit(values, n, fit, block, start):
    """The non-increasing sequence nearest to ``values`` by the sum of absolute differences: isotonic regression by pooling adjacent violators
    (Barlow et al. 1972), with the median of a pool instead of its mean, so that one wrong value has no effect.

    Parameters
    ----------
    values : float32 (n or longer), sorted by the variable with which they should fall. fit : the same shape, written.
    block : float32, start : int64, scratch of that length.
    """
    m = 0
    for i in range(n):
        start[m], fit[m] = i, values[i]
        m += 1
        while m > 1 and fit[m - 2] < fit[m - 1]:
            m -= 1
            size = i + 1 - start[m - 1]
            block[:size] = values[start[m - 1] : i + 1]
            fit[m - 1] = quantile(block, size, 0.5)
    end = n
    for k in range(m - 1, -1, -1):
        fit[start[k] : end] = fit[k]
        end = start[k]


@njit(cache=True, nogil=True)
def refl_at_tide(dn, scale, offset, tide_m, heights_m, shore, refl):
    """Write into ``refl`` the reflectance of shore pixels at given heights of the tide (the mean over these heights), estimated from dates at any tide.

    Rising water covers more of a shore pixel, and water is darker in the infrared than land: the reflectance falls with the tide.
    The falling curve nearest to the dates (`falling_fit`) is evaluated at the heights, linearly between dates and constant beyond the first and last.
    Pixels of land and water, which the tide does not change, get about their median, so one wrong date has little effect.

    Parameters
    ----------
    dn, scale, offset : as of ``refl_quantiles``.
    tide_m : float64 (T,), rising. heights_m : float64 (k,).
    shore : bool (h, w), pixels to compute. refl : float32 (h, w); other pixels, and those that no date saw, keep their value.
    """
    n_times, height, width = dn.shape
    values, fit, block = np.empty(n_times, np.float32), np.empty(n_times, np.float32), np.empty(n_times, np.float32)
    seen_m, start = np.empty(n_times), np.empty(n_times, np.int64)
    for y in range(height):
        for x in range(width):
            if not shore[y, x]:
                continue
            n = 0
            for t in range(n_times):
                if dn[t, y, x] > 0:
                    values[n], seen_m[n] = reflectance(dn[t, y, x], scale[t], offset[t]), tide_m[t]
                    n += 1
            if n > 0:
                falling_fit(values, n, fit, block, start)
                refl[y, x] = np.interp(heights_m, seen_m[:n], fit[:n]).mean()
