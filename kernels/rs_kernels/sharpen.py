"""Shortwave infrared sharpened to the pixel size of the near infrared, so that narrow dark water stays visible between its banks."""

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance

MAX_GAIN = 3.0
"""Largest factor by which a pixel is darkened or brightened. A design value."""

MIN_SHARPEN_REFL = 1e-3
"""Least reflectance in the ratio: ten digital numbers."""

_NIR, _SWIR = 4, (5, 6)

_one = np.float32(1.0)
_zero = np.float32(0.0)
_least, _low, _high = np.float32(MIN_SHARPEN_REFL), np.float32(1.0 / MAX_GAIN), np.float32(MAX_GAIN)
_half, _smallest, _largest = np.float32(0.5), np.float32(1.0), np.float32(65535.0)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _at_least(value, least):
    return value if value > least else least


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _add_row(nir_dn, s, o, total, count):
    """Add a row's NIR, and its number of pixels with data, to each column."""
    for x in range(total.size):
        seen = nir_dn[x] > 0
        total[x] += _at_least(reflectance(np.float32(nir_dn[x]), s, o), _least) if seen else _zero
        count[x] += _one if seen else _zero


@njit(cache=True, nogil=True, error_model="numpy")
def _spread_means(total, count, n, phase):
    """Replace the sums of columns by the mean of the cell in which each column lies; 1 where a cell has no data."""
    w = total.size
    for left in range(phase, w, n):
        first, end = max(left, 0), min(left + n, w)
        cell_total, cell_count = _zero, _zero
        for x in range(first, end):
            cell_total += total[x]
            cell_count += count[x]
        mean = cell_total / cell_count if cell_count > 0 else _one
        for x in range(first, end):
            total[x] = mean


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _share_row(nir_dn, mean, s, o, swir_dn):
    for x in range(mean.size):
        gain = _at_least(_at_least(reflectance(np.float32(nir_dn[x]), s, o), _least) / mean[x], _low)
        gain = gain if gain < _high else _high
        sharp = (_at_least(reflectance(np.float32(swir_dn[x]), s, o), _zero) * gain - o) / s + _half
        sharp = _at_least(sharp if sharp < _largest else _largest, _smallest)
        swir_dn[x] = np.uint16(sharp) if (nir_dn[x] > 0) & (swir_dn[x] > 0) else swir_dn[x]


@njit(cache=True, nogil=True, error_model="numpy")
def sharpen_swir(dn, scale, offset, cell, row_phase, col_phase):
    """Distribute the SWIR of a coarse cell over its fine pixels in proportion to their near infrared, in place.

    The ratio form of pan-sharpening for water mapping (after Du et al. 2016, who use principal components): water is
    dark and land bright in both, so the ratio to the cell's mean follows the bank. The mean of the cell is kept unless a
    factor reaches MAX_GAIN. For finding water, not for measuring its colour.

    Parameters
    ----------
    dn : uint16 (T, 7, h, w), bands of OPTICAL_BANDS, 0 nodata; bands 5 and 6 are changed.
    scale, offset : float32 (T,), reflectance = dn * scale + offset.
    cell : int64 (T,), fine pixels on a side of a coarse cell; 1 leaves the date as it is.
    row_phase, col_phase : int64 (T,), row and column of the first cell's upper left corner, in (-cell, 0].
    """
    n_dates, _, h, w = dn.shape
    total, count = np.empty(w, np.float32), np.empty(w, np.float32)
    for t in range(n_dates):
        n, s, o = cell[t], scale[t], offset[t]
        if n <= 1:
            continue
        for top in range(row_phase[t], h, n):
            first, end = max(top, 0), min(top + n, h)
            total[:], count[:] = _zero, _zero
            for y in range(first, end):
                _add_row(dn[t, _NIR, y], s, o, total, count)
            _spread_means(total, count, n, col_phase[t])
            for y in range(first, end):
                for band in _SWIR:
                    _share_row(dn[t, _NIR, y], total, s, o, dn[t, band, y])
