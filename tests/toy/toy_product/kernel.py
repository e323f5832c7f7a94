"""Arrays in, arrays out."""

import numpy as np
from numba import njit
from rs_kernels.calibration import reflectance


@njit(cache=True, nogil=True, error_model="numpy")
def mean_refl(dn, scale, offset, out):
    """Mean reflectance of the dates of a pixel: ``dn`` uint16 (T, h, w), 0 nodata; ``out`` float32 (h, w), NaN without a date."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total, n = 0.0, 0
            for t in range(dn.shape[0]):
                if dn[t, y, x] > 0:
                    total += reflectance(dn[t, y, x], scale[t], offset[t])
                    n += 1
            out[y, x] = total / n if n else np.nan
