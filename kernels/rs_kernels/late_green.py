"""How green plants still are in a part of the year: the greenest date of each pixel."""

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance
from rs_kernels.indices import grvi, ndvi


@njit(cache=True, nogil=True, error_model="numpy")
def greenest_date(stack, inside, out, dates):
    """NDVI of the greenest of some dates, and GRVI on that date.

    The tide lowers NDVI on some dates and raises it on none, so the greatest value is that of a date on which the plants stand above the water.

    Parameters
    ----------
    stack : `rs_kernels.stack.Stack`.
    inside : bool (T,), the dates that are asked for.
    out : float32 (2, h, w), written: NDVI and GRVI; NaN without a clear date.
    dates : int64 (h, w), written: clear dates.
    """
    dn, bits, bad_bits, scale, offset = stack.dn, stack.bits, stack.bad_bits, stack.scale, stack.offset
    asked = np.flatnonzero(inside)
    for y in range(dates.shape[0]):
        for x in range(dates.shape[1]):
            best, colour, n = np.nan, np.nan, 0
            for t in asked:
                green, red, nir = dn[t, 1, y, x], dn[t, 2, y, x], dn[t, 4, y, x]
                if bits[t, y, x] & bad_bits != 0 or green == 0 or red == 0 or nir == 0:
                    continue
                in_green, in_red = reflectance(green, scale[t], offset[t]), reflectance(red, scale[t], offset[t])
                v = ndvi(in_red, reflectance(nir, scale[t], offset[t]))
                if not (in_green + in_red > 0 and v == v):
                    continue
                n += 1
                if not v <= best:
                    best, colour = v, grvi(in_green, in_red)
            out[0, y, x], out[1, y, x], dates[y, x] = best, colour, n


@njit(cache=True, nogil=True, error_model="numpy")
def ndvi_layer(red, nir):
    """NDVI of two layers of reflectance, float32 (h, w); NaN where either is."""
    out = np.empty(red.shape, np.float32)
    for y in range(red.shape[0]):
        for x in range(red.shape[1]):
            out[y, x] = ndvi(np.float64(red[y, x]), np.float64(nir[y, x]))
    return out
