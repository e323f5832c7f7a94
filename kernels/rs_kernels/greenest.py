"""How green the ground is in parts of the year: the greenest date of each pixel in each part."""

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance
from rs_kernels.indices import grvi, ndvi


@njit(cache=True, nogil=True, error_model="numpy")
def greenest_dates(stack, part, out, dates):
    """For each part of the year, the NDVI of its greenest clear date and the GRVI on that date.

    Cloud, haze and water lower NDVI on some dates and raise it on none, so the greatest value is that of a date on which the plants are seen.
    A row is taken date by date, so that the numbers of a date are read one after another; dates of no part are not read.

    Parameters
    ----------
    stack : `rs_kernels.stack.Stack`.
    part : int64 (T,), number of the part that each date lies in, -1 for none.
    out : float32 (P, 2, h, w), written: NDVI and GRVI by part; NaN without a clear date.
    dates : int64 (P, h, w), written: clear dates by part.
    """
    dn, bits, bad_bits, scale, offset = stack.dn, stack.bits, stack.bad_bits, stack.scale, stack.offset
    asked = np.flatnonzero(part >= 0)
    n_parts, h, w = dates.shape
    best = np.empty((n_parts, w))
    for y in range(h):
        best[:], out[:, :, y], dates[:, y] = -np.inf, np.nan, 0
        for t in asked:
            p = part[t]
            for x in range(w):
                green, red, nir = dn[t, 1, y, x], dn[t, 2, y, x], dn[t, 4, y, x]
                if bits[t, y, x] & bad_bits != 0 or green == 0 or red == 0 or nir == 0:
                    continue
                in_green, in_red = reflectance(green, scale[t], offset[t]), reflectance(red, scale[t], offset[t])
                v = ndvi(in_red, reflectance(nir, scale[t], offset[t]))
                if not (in_green + in_red > 0 and v == v):
                    continue
                dates[p, y, x] += 1
                if v > best[p, x]:
                    best[p, x], out[p, 0, y, x], out[p, 1, y, x] = v, v, grvi(in_green, in_red)


@njit(cache=True, nogil=True, error_model="numpy")
def ndvi_layer(red, nir):
    """NDVI of two layers of reflectance, float32 (h, w); NaN where either is."""
    out = np.empty(red.shape, np.float32)
    for y in range(red.shape[0]):
        for x in range(red.shape[1]):
            out[y, x] = ndvi(np.float64(red[y, x]), np.float64(nir[y, x]))
    return out
