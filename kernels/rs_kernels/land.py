"""Statistics of a year for land cover: one pass over the dates of a block, native integers in, small maps out.

Rows are processed one at a time, so that all dates and bands of a row stay in the second-level cache; nothing of size (time, y, x) is
allocated.
"""

import math

import numpy as np
from numba import njit

from rs_kernels.calibration import decibel, gamma0_power, reflectance
from rs_kernels.indices import mndwi, ndvi
from rs_kernels.stack import Lane
from rs_kernels.statistics import LANE, MISSING, between, exchanges, quantile, quantile_sorted, sort_lane

N_OPTICAL_BANDS = 7
"""Bands of an optical stack: blue, green, red, red edge, NIR, SWIR1, SWIR2."""

EXTREMES = ("ndvi_p10", "ndvi_p90", "mndwi_p10", "mndwi_p90")
"""Yearly layers of ``season_statistics``, after the medians."""

LOW, HIGH = 0.1, 0.9
"""Quantiles of EXTREMES: near the least and greatest value of a year, but robust against a missed cloud or shadow."""

MIN_FINEST = 2
"""With this many clear dates of the finest sensor, a season leaves out the coarser sensors. A design value."""


@njit(cache=True, nogil=True)
def _by_season(season, n_seasons):
    """Dates that lie in a season, by season and in time order, and the index at which each season's dates begin: int64 (n,) and (n_seasons + 1,)."""
    order, first, n = np.empty(season.size, np.int64), np.zeros(n_seasons + 1, np.int64), 0
    for s in range(n_seasons):
        for t in range(season.size):
            if season[t] == s:
                order[n] = t
                n += 1
        first[s + 1] = n
    return order[:n], first


@njit(cache=True, nogil=True, error_model="numpy")
def _finest(bits, bad_bits, pixel_m, dates, y, x):
    """Coarsest pixel size that takes part in a season of ``dates``, metres: the finest one if it was clear MIN_FINEST times, else infinite."""
    finest, n = np.inf, 0
    for t in dates:
        if bits[t, y, x] & bad_bits == 0 and pixel_m[t] <= finest:
            n = n + 1 if pixel_m[t] == finest else 1
            finest = pixel_m[t]
    return finest if n >= MIN_FINEST else np.inf


@njit(cache=True, nogil=True)
def season_statistics(stack, season, n_seasons, out, dates):
    """Median reflectance of every band and season, and low and high quantiles of NDVI and MNDWI over the year.

    In a season only the dates of the finest sensor count where it was clear at least MIN_FINEST times: coarse pixels blur edges. Where all dates have one
    scale, offset and pixel size the numbers themselves are sorted, many pixels at a time: scaling keeps their order.

    Parameters
    ----------
    stack : `rs_kernels.stack.Stack`.
    season : int64 (T,), number of the season of each date, -1 for none.
    out : float32 (n_seasons * 7 + 4, h, w), written: medians season by season, then EXTREMES; NaN where no clear date has the band.
    dates : int64 (n_seasons, h, w), written: clear dates of each season.
    """
    order, first_date = _by_season(season, n_seasons)
    if order.size > 0 and _are_alike(stack.scale, stack.offset, stack.pixel_m):
        _by_lanes(stack, order, first_date, out, dates)
    else:
        _by_pixels(stack, order, first_date, out, dates)


@njit(cache=True, nogil=True)
def _are_alike(scale, offset, pixel_m):
    for t in range(scale.size):
        if scale[t] != scale[0] or offset[t] != offset[0] or pixel_m[t] != pixel_m[0]:
            return False
    return scale.size > 0 and scale[0] > 0


@njit(cache=True, nogil=True)
def _by_lanes(stack, order, first_date, out, dates):
    """`season_statistics` of dates that share scale, offset and pixel size."""
    _, _, h, w = stack.dn.shape
    n_seasons, first = first_date.size - 1, (first_date.size - 1) * N_OPTICAL_BANDS
    numbers, indices, counts = np.empty((order.size, LANE), np.uint16), np.empty((2, order.size, LANE)), np.empty(LANE, np.int64)
    by_season, over_year = [exchanges(first_date[s + 1] - first_date[s]) for s in range(n_seasons)], exchanges(order.size)
    for y in range(h):
        for left in range(0, w, LANE):
            lane = Lane(y, left, min(LANE, w - left))
            for s in range(n_seasons):
                mine = order[first_date[s] : first_date[s + 1]]
                _count_dates(stack, mine, lane, dates[s])
                for b in range(N_OPTICAL_BANDS):
                    _gather_band(stack, mine, b, lane, numbers, counts)
                    sort_lane(numbers, by_season[s])
                    _write_medians(numbers, counts, stack.scale[0], stack.offset[0], lane, out[s * N_OPTICAL_BANDS + b])
            _gather_indices(stack, order, lane, indices, counts)
            for k in range(2):
                sort_lane(indices[k], over_year)
                for i in range(lane.n):
                    for which, share in enumerate((LOW, HIGH)):
                        out[first + 2 * k + which, y, left + i] = quantile_sorted(indices[k, :, i], counts[i], share)


@njit(cache=True, nogil=True, error_model="numpy")
def _count_dates(stack, mine, lane, out):
    """Write the number of clear dates of each pixel of a lane."""
    y, left, n = lane
    out[y, left : left + n] = 0
    for t in mine:
        for i in range(n):
            out[y, left + i] += (stack.bits[t, y, left + i] & stack.bad_bits) == 0


@njit(cache=True, nogil=True, error_model="numpy")
def _gather_band(stack, mine, b, lane, numbers, counts):
    """A band's numbers on the clear dates of a lane, uint16 (T, LANE), MISSING elsewhere; and how many each pixel has."""
    y, left, n = lane
    counts[:] = 0
    for k in range(mine.size):
        t, row = mine[k], numbers[k]
        for i in range(n):
            number = stack.dn[t, b, y, left + i]
            seen = ((stack.bits[t, y, left + i] & stack.bad_bits) == 0) & (number > 0)
            row[i] = number if seen else MISSING
            counts[i] += seen
        row[n:] = MISSING


@njit(cache=True, nogil=True, error_model="numpy")
def _write_medians(numbers, counts, scale, offset, lane, out):
    """Write the median reflectance of each sorted column, NaN of an empty one."""
    y, left, n = lane
    for i in range(n):
        middle = 0.5 * (counts[i] - 1)
        low = int(middle)
        lower, upper = numbers[low, i], numbers[min(low + 1, counts[i] - 1), i]
        median = between(reflectance(lower, scale, offset), reflectance(upper, scale, offset), middle - low)
        out[y, left + i] = median if counts[i] > 0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _gather_indices(stack, order, lane, indices, counts):
    """NDVI and MNDWI on the clear dates of a lane on which both are defined, float64 (2, T, LANE), infinite elsewhere; and how many each pixel has."""
    y, left, n = lane
    counts[:] = 0
    for j in range(order.size):
        t, vegetation, water = order[j], indices[0, j], indices[1, j]
        s, o = stack.scale[t], stack.offset[t]
        for i in range(n):
            green, red = reflectance(stack.dn[t, 1, y, left + i], s, o), reflectance(stack.dn[t, 2, y, left + i], s, o)
            nir, swir1 = reflectance(stack.dn[t, 4, y, left + i], s, o), reflectance(stack.dn[t, 5, y, left + i], s, o)
            v, m = ndvi(red, nir), mndwi(green, swir1)
            seen = ((stack.bits[t, y, left + i] & stack.bad_bits) == 0) & (v == v) & (m == m)
            vegetation[i], water[i] = v if seen else np.inf, m if seen else np.inf
            counts[i] += seen
        vegetation[n:] = water[n:] = np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _by_pixels(stack, order, first_date, out, dates):
    """`season_statistics` of any dates, a pixel at a time."""
    dn, bits, bad_bits, scale, offset, pixel_m = stack.dn, stack.bits, stack.bad_bits, stack.scale, stack.offset, stack.pixel_m
    n_dates, _, h, w = dn.shape
    values, v, m = np.empty((N_OPTICAL_BANDS, n_dates)), np.empty(n_dates), np.empty(n_dates)
    counts = np.empty(N_OPTICAL_BANDS, np.int64)
    n_seasons = first_date.size - 1
    for y in range(h):
        for x in range(w):
            n_index = 0
            for s in range(n_seasons):
                mine, clear = order[first_date[s] : first_date[s + 1]], 0
                coarsest = _finest(bits, bad_bits, pixel_m, mine, y, x)
                counts[:] = 0
                for t in mine:
                    if bits[t, y, x] & bad_bits != 0:
                        continue
                    clear += 1
                    if pixel_m[t] > coarsest:
                        continue
                    for b in range(N_OPTICAL_BANDS):
                        if dn[t, b, y, x] > 0:
                            values[b, counts[b]] = reflectance(dn[t, b, y, x], scale[t], offset[t])
                            counts[b] += 1
                    green, red, nir, swir1 = dn[t, 1, y, x], dn[t, 2, y, x], dn[t, 4, y, x], dn[t, 5, y, x]
                    v[n_index] = ndvi(reflectance(red, scale[t], offset[t]), reflectance(nir, scale[t], offset[t]))
                    m[n_index] = mndwi(reflectance(green, scale[t], offset[t]), reflectance(swir1, scale[t], offset[t]))
                    if not (math.isnan(v[n_index]) or math.isnan(m[n_index])):
                        n_index += 1
                dates[s, y, x] = clear
                for b in range(N_OPTICAL_BANDS):
                    out[s * N_OPTICAL_BANDS + b, y, x] = quantile(values[b], counts[b], 0.5)
            first = n_seasons * N_OPTICAL_BANDS
            out[first, y, x], out[first + 1, y, x] = quantile(v, n_index, LOW), quantile(v, n_index, HIGH)
            out[first + 2, y, x], out[first + 3, y, x] = quantile(m, n_index, LOW), quantile(m, n_index, HIGH)


@njit(cache=True, nogil=True, error_model="numpy")
def radar_means(amplitude_dn, part, n_parts, out):
    """Mean backscatter of parts of the year, dB of the mean power.

    Parameters
    ----------
    amplitude_dn : uint16 (T, 2, h, w), VV and VH amplitude x 1e4, 0 nodata. part : int64 (T,), number of the part of each date.
    out : float32 (n_parts * 2, h, w), written: VV and VH of each part; NaN where the part was not seen.
    """
    n_dates, _, h, w = amplitude_dn.shape
    for p in range(n_parts):
        for k in range(2):
            for y in range(h):
                for x in range(w):
                    total, n = 0.0, 0
                    for t in range(n_dates):
                        a = amplitude_dn[t, k, y, x]
                        if part[t] == p and a > 0:
                            total += gamma0_power(a)
                            n += 1
                    out[2 * p + k, y, x] = decibel(total / n) if n > 0 else np.nan
