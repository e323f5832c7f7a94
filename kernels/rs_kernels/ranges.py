"""Flags of pixels whose numbers are absent or lie at an end of their sensor's range."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def mark_ranges(dn, required, lowest, highest, absent_bit, low_bit, high_bit, out):
    """Set bits of pixels in one pass over the bands.

    Parameters
    ----------
    dn : uint16 (B, h, w), 0 nodata. required : int64 (K,), bands that count.
    lowest, highest : ends of the range.
    absent_bit, low_bit, high_bit : uint16, set where a band is 0; where all have data and one lies at or below ``lowest``; where one lies at or above
        ``highest``.
    out : uint16 (h, w), overwritten.
    """
    _, height, width = dn.shape
    least, most = np.empty(width, np.uint16), np.empty(width, np.uint16)
    for y in range(height):
        least[:], most[:] = dn[required[0], y], dn[required[0], y]
        for k in range(1, required.size):
            row = dn[required[k], y]
            for x in range(width):
                least[x] = row[x] if row[x] < least[x] else least[x]
                most[x] = row[x] if row[x] > most[x] else most[x]
        for x in range(width):
            low = absent_bit if least[x] == 0 else low_bit if least[x] <= lowest else np.uint16(0)
            out[y, x] = low | (high_bit if most[x] >= highest else np.uint16(0))
