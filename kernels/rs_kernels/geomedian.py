"""Geometric median of spectra over time: a composite that treats the bands of a pixel as one vector."""

import math

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance

GEOMEDIAN_LANE = 16
"""Pixels of a row that are processed together: sixteen float32 are 512 bits."""

NEAREST_SQUARED = np.float32(1e-12)
"""Least squared distance of a date from the estimate, reflectance squared: Weiszfeld's weight is undefined at distance 0. The distance is a
hundredth of a digital number."""


@njit(cache=True, nogil=True)
def refl_geomedian(dn, scale, offset, use, tolerance, max_iterations):
    """High-dimensional median of each pixel's spectra (Roberts et al. 2017) by Weiszfeld's iteration (Weiszfeld 1937).

    The point that is nearest to all dates by the sum of Euclidean distances in linear reflectance. A date takes part
    where all bands are seen. The iteration starts at the mean.

    Parameters
    ----------
    dn : uint16 (T, B, h, w). Native digital numbers; 0 where the date is not observed or flagged.
    scale, offset : float32 (T,). refl = dn * scale + offset; dates may differ.
    use : bool (T,). Dates that take part.
    tolerance : the iteration ends when the estimate moves by less than this, in reflectance.
    max_iterations : largest number of steps.

    Returns
    -------
    median : float32 (B, h, w), reflectance 0-1, NaN where no date is left.
    n_dates : uint16 (h, w), dates that took part.
    """
    n_times, n_bands, height, width = dn.shape
    median = np.full((n_bands, height, width), np.nan, np.float32)
    n_dates = np.zeros((height, width), np.uint16)
    refl, seen = np.empty((n_times, n_bands, GEOMEDIAN_LANE), np.float32), np.empty((n_times, GEOMEDIAN_LANE), np.float32)
    estimate, following = np.empty((n_bands, GEOMEDIAN_LANE), np.float32), np.empty((n_bands, GEOMEDIAN_LANE), np.float32)
    weight = np.empty((2, GEOMEDIAN_LANE), np.float32)
    for y in range(height):
        for left in range(0, width, GEOMEDIAN_LANE):
            n = min(GEOMEDIAN_LANE, width - left)
            k = _gather(dn, scale, offset, use, y, left, n, refl, seen)
            _mean(refl, seen, k, estimate)
            for _ in range(max_iterations):
                if _step(refl, seen, k, estimate, following, weight) < tolerance:
                    break
            for i in range(n):
                dates = seen[:k, i].sum()
                n_dates[y, left + i] = int(dates)
                if dates > 0:
                    median[:, y, left + i] = estimate[:, i]
    return median, n_dates


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(dn, scale, offset, use, y, left, n, refl, seen):
    """Write the reflectance of a lane's dates in use, 0 where a date takes no part, and 1 or 0 into ``seen``; return the number of dates."""
    k = 0
    for t in range(dn.shape[0]):
        if not use[t]:
            continue
        seen[k] = 0.0
        for i in range(n):
            complete = True
            for b in range(dn.shape[1]):
                complete &= dn[t, b, y, left + i] > 0
            seen[k, i] = 1.0 if complete else 0.0
        refl[k] = 0.0
        for b in range(dn.shape[1]):
            for i in range(n):
                refl[k, b, i] = reflectance(dn[t, b, y, left + i], scale[t], offset[t]) * seen[k, i]
        k += 1
    return k


@njit(cache=True, nogil=True, error_model="numpy")
def _mean(refl, seen, k, estimate):
    estimate[:] = 0.0
    for t in range(k):
        for b in range(refl.shape[1]):
            for i in range(GEOMEDIAN_LANE):
                estimate[b, i] += refl[t, b, i]
    for i in range(GEOMEDIAN_LANE):
        dates = max(seen[:k, i].sum(), np.float32(1))
        for b in range(refl.shape[1]):
            estimate[b, i] /= dates


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _step(refl, seen, k, estimate, following, weight):
    """One step of all pixels of a lane; returns the largest distance that a pixel moved."""
    distance, total = weight[0], weight[1]
    following[:], total[:] = 0.0, 0.0
    for t in range(k):
        distance[:] = 0.0
        for b in range(refl.shape[1]):
            for i in range(GEOMEDIAN_LANE):
                d = refl[t, b, i] - estimate[b, i]
                distance[i] += d * d
        for i in range(GEOMEDIAN_LANE):
            distance[i] = seen[t, i] / math.sqrt(max(distance[i], NEAREST_SQUARED))
            total[i] += distance[i]
        for b in range(refl.shape[1]):
            for i in range(GEOMEDIAN_LANE):
                following[b, i] += distance[i] * refl[t, b, i]
    distance[:] = 0.0
    for b in range(refl.shape[1]):
        for i in range(GEOMEDIAN_LANE):
            moved = following[b, i] / total[i] if total[i] > 0 else estimate[b, i]
            distance[i] += (moved - estimate[b, i]) ** 2
            estimate[b, i] = moved
    return math.sqrt(distance.max())
