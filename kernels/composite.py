"""Composites of uint16 stacks over time, and local levels at a shore. Nothing of size (time, y, x) in floating point."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.indices import mndwi
from kernels.statistics import quantile_sorted

OTHER, WATER_CORE, LAND_CORE = 0, 1, 2
"""Zones that ``local_levels`` reads: pure water, pure land, and everything else."""


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
    """Quantile of unsorted ``values[:n]`` by selection, linear between order statistics; NaN for n = 0.

    ``values`` is scratch: its order changes. For hundreds of values; a handful is sorted faster.
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
def mndwi_map(green_refl, swir1_refl):
    """MNDWI of two float32 (h, w) reflectance maps; NaN where either is or the index is undefined."""
    index = np.full(green_refl.shape, np.nan, np.float32)
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            index[y, x] = mndwi(green_refl[y, x], swir1_refl[y, x])
    return index


@njit(cache=True, nogil=True)
def refl_quantiles(dn, scale, offset, use, probabilities):
    """Quantiles over time of reflectance, per pixel.

    Parameters
    ----------
    dn : uint16 (T, h, w). Native digital numbers; 0 where the date is not observed or rejected.
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
    values = np.empty(n_times, np.float32)
    for y in range(height):
        for x in range(width):
            n = 0
            for t in range(n_times):
                if use[t] and dn[t, y, x] > 0:
                    values[n] = dn[t, y, x] * scale[t] + offset[t]
                    n += 1
            n_dates[y, x] = n
            for p in range(probabilities.size):
                quantiles[p, y, x] = quantile(values, n, probabilities[p])
    return quantiles, n_dates


@njit(cache=True, nogil=True)
def _gather(refl, zone, wanted, y, x, radius_px, values):
    n = 0
    for i in range(max(0, y - radius_px), min(refl.shape[0], y + radius_px + 1)):
        for j in range(max(0, x - radius_px), min(refl.shape[1], x + radius_px + 1)):
            if zone[i, j] == wanted and (i - y) ** 2 + (j - x) ** 2 <= radius_px**2:
                values[n] = refl[i, j]
                n += 1
    return n


@njit(cache=True, nogil=True)
def local_levels(refl, zone, shore, water_radius_px, land_radius_px, min_pixels):
    """Levels of pure water and pure land around each shore pixel.

    Parameters
    ----------
    refl : float32 (h, w). Reflectance; finite wherever ``zone`` is WATER_CORE or LAND_CORE.
    zone : uint8 (h, w). OTHER, WATER_CORE or LAND_CORE.
    shore : bool (h, w). Pixels to work out.
    water_radius_px, land_radius_px : radii of the discs that are searched.
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
    side = 2 * max(water_radius_px, land_radius_px) + 1
    values = np.empty(side * side, np.float32)
    for y in range(height):
        for x in range(width):
            if not shore[y, x]:
                continue
            n = _gather(refl, zone, WATER_CORE, y, x, water_radius_px, values)
            if n >= min_pixels:
                water[y, x] = quantile(values, n, 0.5)
            n = _gather(refl, zone, LAND_CORE, y, x, land_radius_px, values)
            if n >= min_pixels:
                land[y, x] = quantile(values, n, 0.5)
                for i in range(n):
                    values[i] = abs(values[i] - land[y, x])
                land_spread[y, x] = 1.4826 * quantile(values, n, 0.5)
    return water, land, land_spread
