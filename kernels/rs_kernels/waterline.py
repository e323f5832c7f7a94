"""Distances and local levels beside a waterline. The cost depends on the length of the line: the rest of the map is only looked over."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rs_kernels.statistics import SIGMA_PER_MAD, between, quantile, select

OTHER, WATER_CORE, LAND_CORE = 0, 1, 2
"""Zones that ``local_levels`` reads: pure water, pure land, and everything else."""

LOWEST_REFL, REFL_STEP = np.float32(-0.2), np.float32(2e-5)
"""Bins of the running median of water: reflectance from -0.2 to 1.11. Sensors' numbers are 2.75e-5 and more apart, so a bin holds one of them; what composites
interpolate lies between."""
N_BINS = 65536

WALK_PX = 32
"""Width of the strips in which shore pixels are visited, so that the next one is near."""


@njit(cache=True, nogil=True)
def distance_within(target, reach_px):
    """Distance of each pixel to the nearest pixel of a mask, exact up to ``reach_px``.

    Parameters
    ----------
    target : bool (h, w).
    reach_px : whole number of pixels, 1 to 9.

    Returns
    -------
    float32 (h, w), pixels, between centres; inf beyond ``reach_px``.
    """
    height, width = target.shape
    along = np.empty((height, width), np.uint8)
    _distance_in_columns(target, np.uint8(reach_px + 1), along)
    root = np.full(256, np.inf, np.float32)
    for square in range(reach_px * reach_px + 1):
        root[square] = math.sqrt(square)
    out = np.empty((height, width), np.float32)
    padded, nearest = np.full(width + 2 * reach_px, 255, np.uint8), np.empty(width, np.uint8)
    for y in range(height):
        for x in range(width):
            padded[reach_px + x] = along[y, x] * along[y, x]
        nearest[:] = 255
        for shift in range(2 * reach_px + 1):
            _lower(nearest, padded[shift : shift + width], np.uint8((shift - reach_px) ** 2))
        for x in range(width):
            out[y, x] = root[nearest[x]]
    return out


@njit(cache=True, nogil=True)
def _distance_in_columns(target, most, out):
    """Distance along each column to the nearest pixel of the mask, at most ``most``; uint8 (h, w), written."""
    height, width = target.shape
    for y in range(height):
        for x in range(width):
            above = out[y - 1, x] + np.uint8(1) if y > 0 else most
            out[y, x] = 0 if target[y, x] else min(above, most)
    for y in range(height - 2, -1, -1):
        for x in range(width):
            out[y, x] = min(out[y, x], np.uint8(out[y + 1, x] + np.uint8(1)))


@njit(cache=True, nogil=True, error_model="numpy")
def _lower(least, values, more):
    """Lower ``least`` to values + more where that is less; uint8 (n,). Sums beyond 255 count as 255."""
    for i in range(least.size):
        total = np.uint8(values[i] + more)
        if total >= more and total < least[i]:
            least[i] = total


@njit(cache=True, nogil=True)
def _gather(refl, zone, wanted, y, x, radius_px, values):
    n = 0
    for i in range(max(0, y - radius_px), min(refl.shape[0], y + radius_px + 1)):
        reach = int(math.sqrt(radius_px**2 - (i - y) ** 2))
        for j in range(max(0, x - reach), min(refl.shape[1], x + reach + 1)):
            values[n] = refl[i, j]
            n += zone[i, j] == wanted
    return n


@njit(cache=True, nogil=True)
def _land_level(refl, zone, y, x, radius_px, min_pixels, values):
    """Median of the land pixels in a disc and 1.4826 times their median absolute deviation; NaN with fewer than ``min_pixels``."""
    n = _gather(refl, zone, LAND_CORE, y, x, radius_px, values)
    if n < min_pixels:
        return np.nan, np.nan
    level = np.float32(quantile(values, n, 0.5))
    for i in range(n):
        values[i] = abs(values[i] - level)
    return level, SIGMA_PER_MAD * quantile(values, n, 0.5)


@njit(cache=True, nogil=True)
def _water_bins(refl, zone, value):
    """Bin of each pixel of WATER_CORE from 1 on, 0 elsewhere, uint16 (h, w). ``value`` float32 (N_BINS,), 0 at first, gets the reflectance of each bin, NaN
    where its pixels differ."""
    bins = np.zeros(refl.shape, np.uint16)
    for y in range(refl.shape[0]):
        for x in range(refl.shape[1]):
            if zone[y, x] == WATER_CORE:
                at = round((refl[y, x] - LOWEST_REFL) / REFL_STEP)
                at = min(max(at, 1), N_BINS - 1)
                value[at] = refl[y, x] if value[at] == 0.0 or value[at] == refl[y, x] else np.nan
                bins[y, x] = at
    return bins


@njit(cache=True, nogil=True)
def _tally(at, sign, middle, count):
    """Add (sign 1) or remove (-1) a pixel of a bin, 0 for none; how many pixels of water this adds, and how many of them lie below the bin ``middle``."""
    if at == 0:
        return 0, 0
    count[at] += sign
    return sign, sign * (at < middle)


@njit(cache=True, nogil=True)
def _count(bins, y, x, reach, sign, down, middle, count):
    """`_tally` of an edge of the disc around a pixel: its right or lower edge for ``reach`` as given, the left or upper one for -reach."""
    height, width = bins.shape
    more, below = 0, 0
    radius = reach.size // 2
    for k in range(-radius, radius + 1):
        i, j = (y + reach[k + radius], x + k) if down else (y + k, x + reach[k + radius])
        if 0 <= i < height and 0 <= j < width:
            added, lower = _tally(bins[i, j], sign, middle, count)
            more, below = more + added, below + lower
    return more, below


@njit(cache=True, nogil=True)
def _fill(bins, y, x, reach, sign, middle, count):
    """`_tally` of the whole disc."""
    height, width = bins.shape
    more, below = 0, 0
    radius = reach.size // 2
    for k in range(-radius, radius + 1):
        if 0 <= y + k < height:
            for j in range(max(0, x - reach[k + radius]), min(width, x + reach[k + radius] + 1)):
                added, lower = _tally(bins[y + k, j], sign, middle, count)
                more, below = more + added, below + lower
    return more, below


@njit(cache=True, nogil=True)
def _middle_bin(count, middle, below, rank):
    """The bin of the value of this rank (from 0), searched from ``middle``, and how many values lie below it."""
    while below > rank:
        middle -= 1
        below -= count[middle]
    while below + count[middle] <= rank:
        below += count[middle]
        middle += 1
    return middle, below


@njit(cache=True, nogil=True)
def _of_rank(refl, bins, y, x, reach, middle, rank, value, values):
    """The reflectance of a bin of the disc, of rank ``rank`` (from 0) within the bin."""
    if value[middle] == value[middle]:
        return value[middle]
    height, width = bins.shape
    n, radius = 0, reach.size // 2
    for k in range(-radius, radius + 1):
        if 0 <= y + k < height:
            for j in range(max(0, x - reach[k + radius]), min(width, x + reach[k + radius] + 1)):
                values[n] = refl[y + k, j]
                n += bins[y + k, j] == middle
    return select(values, n, rank)


@njit(cache=True, nogil=True)
def _water_levels(refl, zone, shore, radius_px, min_pixels, out):
    """Median of the water pixels in the disc around each shore pixel, written; other pixels stay.

    The disc moves from a pixel to the next, and what enters and leaves it is counted in bins (Huang et al. 1979), so that a pixel costs its edge
    and not its area.
    """
    height, width = shore.shape
    value, count = np.zeros(N_BINS, np.float32), np.zeros(N_BINS, np.int32)
    bins = _water_bins(refl, zone, value)
    reach = np.empty(2 * radius_px + 1, np.int64)
    for k in range(-radius_px, radius_px + 1):
        reach[k + radius_px] = int(math.sqrt(radius_px**2 - k**2))
    values = np.empty((2 * radius_px + 1) ** 2 + 1, np.float32)
    at_y, at_x, n, below, middle = -1, -1, 0, 0, 1
    for left in range(0, width, WALK_PX):
        for y in range(height):
            for step in range(min(WALK_PX, width - left)):
                x = left + step if y % 2 == 0 else min(left + WALK_PX, width) - 1 - step
                if not shore[y, x]:
                    continue
                if at_y < 0 or 2 * (abs(y - at_y) + abs(x - at_x)) > radius_px:
                    if at_y >= 0:
                        more, fewer = _fill(bins, at_y, at_x, reach, -1, middle, count)
                        n, below = n + more, below + fewer
                    more, fewer = _fill(bins, y, x, reach, 1, middle, count)
                    n, below, at_y, at_x = n + more, below + fewer, y, x
                while at_y != y or at_x != x:
                    down, forward = at_y != y, (y > at_y) if at_y != y else (x > at_x)
                    behind, ahead = (-reach, reach) if forward else (reach, -reach)
                    more, fewer = _count(bins, at_y, at_x, behind, -1, down, middle, count)
                    n, below = n + more, below + fewer
                    if down:
                        at_y += 1 if forward else -1
                    else:
                        at_x += 1 if forward else -1
                    more, fewer = _count(bins, at_y, at_x, ahead, 1, down, middle, count)
                    n, below = n + more, below + fewer
                if n >= min_pixels and n > 0:
                    position = 0.5 * (n - 1)
                    rank = int(position)
                    middle, below = _middle_bin(count, middle, below, rank)
                    lower = _of_rank(refl, bins, y, x, reach, middle, rank - below, value, values)
                    upper = lower
                    if position > rank:
                        following, fewer = _middle_bin(count, middle, below, rank + 1)
                        upper = _of_rank(refl, bins, y, x, reach, following, rank + 1 - fewer, value, values)
                    out[y, x] = between(lower, upper, position - rank)


@njit(cache=True, nogil=True)
def local_levels(refl, zone, shore, water_radius_px, land_radius_px, min_pixels):
    """Levels of pure water and pure land around each shore pixel.

    Parameters
    ----------
    refl : float32 (h, w). Reflectance; finite wherever ``zone`` is WATER_CORE or LAND_CORE.
    zone : uint8 (h, w). OTHER, WATER_CORE or LAND_CORE.
    shore : bool (h, w), pixels to compute.
    water_radius_px, land_radius_px : radii of the search discs, pixels.
    min_pixels : with fewer pixels of a zone its level is NaN.

    Returns
    -------
    water, land : float32 (h, w). Medians, NaN outside ``shore`` or where too few pixels were found.
    land_spread : float32 (h, w). 1.4826 times the median absolute deviation of the land pixels.
    """
    height, width = refl.shape
    water = np.full((height, width), np.nan, np.float32)
    land = np.full((height, width), np.nan, np.float32)
    land_spread = np.full((height, width), np.nan, np.float32)
    values = np.empty((2 * land_radius_px + 1) ** 2 + 1, np.float32)
    _water_levels(refl, zone, shore, water_radius_px, min_pixels, water)
    for y in range(height):
        for x in range(width):
            if shore[y, x]:
                land[y, x], land_spread[y, x] = _land_level(refl, zone, y, x, land_radius_px, min_pixels, values)
    return water, land, land_spread
