"""Shortwave infrared at the pixel size of the near infrared, so that narrow dark water is not lost in its banks."""

from numba import njit

MAX_GAIN = 3.0
"""Largest factor by which a pixel is darkened or brightened."""

MIN_REFL = 1e-3
"""Reflectances are kept at or above this in the ratio."""


@njit(cache=True, nogil=True)
def sharpen_swir(dn, scale, offset, cell, row_phase, col_phase):
    """Share the SWIR of a coarse cell among its fine pixels in proportion to their near infrared, in place.

    The ratio form of pan-sharpening for water mapping (after Du et al. 2016, who use principal components): water is
    dark and land bright in both, so the ratio to the cell's mean follows the bank; that mean is kept unless a
    factor meets MAX_GAIN. Meant for finding water, not for reading its colour.

    Parameters
    ----------
    dn : uint16 (T, 7, h, w), bands of OPTICAL_BANDS, 0 nodata; bands 5 and 6 are changed.
    scale, offset : float32 (T,), reflectance = dn * scale + offset.
    cell : int64 (T,), fine pixels on a side of a coarse cell; 1 leaves the date as it is.
    row_phase, col_phase : int64 (T,), row and column of the first cell's upper left corner, in (-cell, 0].
    """
    n_dates, _, h, w = dn.shape
    for t in range(n_dates):
        n = cell[t]
        if n <= 1:
            continue
        s, o = scale[t], offset[t]
        for top in range(row_phase[t], h, n):
            for left in range(col_phase[t], w, n):
                rows, cols = range(max(top, 0), min(top + n, h)), range(max(left, 0), min(left + n, w))
                total, count = 0.0, 0
                for y in rows:
                    for x in cols:
                        if dn[t, 4, y, x] > 0:
                            total += max(dn[t, 4, y, x] * s + o, MIN_REFL)
                            count += 1
                if count == 0:
                    continue
                mean = total / count
                for y in rows:
                    for x in cols:
                        if dn[t, 4, y, x] == 0:
                            continue
                        gain = min(max(max(dn[t, 4, y, x] * s + o, MIN_REFL) / mean, 1.0 / MAX_GAIN), MAX_GAIN)
                        for band in (5, 6):
                            if dn[t, band, y, x] > 0:
                                sharp = (max(dn[t, band, y, x] * s + o, 0.0) * gain - o) / s
                                dn[t, band, y, x] = max(1, min(65535, int(sharp + 0.5)))
