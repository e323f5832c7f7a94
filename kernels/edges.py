"""What a water map needs after the pass over time: medians of one band, classes and bounds of frequencies."""

import numpy as np
from numba import njit

from kernels.indices import wilson
from kernels.statistics import quantile

LAND, PERMANENT, SEASONAL, EPHEMERAL = 0.0, 1.0, 2.0, 3.0

OPEN, VEGETATED, PADDY = 0.0, 1.0, 2.0

VEGETATED_COVER, PADDY_COVER, PADDY_MAX_FREQUENCY = 0.3, 0.5, 0.5
"""Peak cover from which permanent water is full of plants, and from which what was flooded in spring is a crop; paddies are dry for
more than half of the year."""


@njit(cache=True, nogil=True)
def clear_median(dn, reasons, reject, use, scale, offset, native_m, out):
    """Median reflectance of one band over the clear dates of the finest sensor that saw the pixel.

    Parameters
    ----------
    dn : uint16 (T, h, w), 0 nodata. reasons : uint16 (T, h, w), reason bits; ``reject`` are the bits that remove a date.
    use : bool (T,), dates that take part. scale, offset : float32 (T,), reflectance = dn * scale + offset.
    native_m : float32 (T,), pixel size of the sensor.
    out : float32 (h, w), written; NaN where no date is left.
    """
    n_dates, height, width = dn.shape
    values = np.empty(n_dates)
    for y in range(height):
        for x in range(width):
            finest, n = np.inf, 0
            for t in range(n_dates):
                if use[t] and dn[t, y, x] > 0 and reasons[t, y, x] & reject == 0 and native_m[t] <= finest:
                    if native_m[t] < finest:
                        finest, n = native_m[t], 0
                    values[n] = dn[t, y, x] * scale[t] + offset[t]
                    n += 1
            out[y, x] = quantile(values, n, 0.5) if n > 0 else np.nan


@njit(cache=True, nogil=True)
def classify_water(frequency, months, permanent, seasonal, ephemeral, out):
    """Class of each pixel's frequency of water and the Wilson bounds (95 %) of the frequency.

    Parameters
    ----------
    frequency : float32 (h, w), 0-1, NaN not observed. months : float32 (h, w), how many it rests on.
    permanent, seasonal, ephemeral : least frequencies of the classes.
    out : float32 (3, h, w), written: class (LAND, PERMANENT, SEASONAL, EPHEMERAL), lower and upper bound; NaN where not observed.
    """
    for y in range(frequency.shape[0]):
        for x in range(frequency.shape[1]):
            f = frequency[y, x]
            if np.isnan(f):
                out[0, y, x] = out[1, y, x] = out[2, y, x] = np.nan
                continue
            out[1, y, x], out[2, y, x] = wilson(f * months[y, x], months[y, x])
            if f >= permanent:
                out[0, y, x] = PERMANENT
            elif f >= seasonal:
                out[0, y, x] = SEASONAL
            elif f >= ephemeral:
                out[0, y, x] = EPHEMERAL
            else:
                out[0, y, x] = LAND


@njit(cache=True, nogil=True)
def plants_on_water(water_class, frequency, spring_wet_months, peak_cover, out):
    """Water with plants told from open water, of each pixel.

    Parameters
    ----------
    water_class, frequency : float32 (h, w), see `classify_water`. spring_wet_months : float32 (h, w), wet months of spring.
    peak_cover : float32 (h, w), vegetation cover at the peak, 0 on dates of water; NaN where not known.
    out : float32 (h, w), written: OPEN (open water, and land), VEGETATED (permanent water with emergent or floating plants), PADDY
        (flooded in spring, a dense crop in summer); NaN where not observed.
    """
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            kind, cover = water_class[y, x], peak_cover[y, x]
            if np.isnan(kind):
                out[y, x] = np.nan
            elif kind == PERMANENT and cover >= VEGETATED_COVER:
                out[y, x] = VEGETATED
            elif kind >= SEASONAL and spring_wet_months[y, x] >= 1 and cover >= PADDY_COVER and frequency[y, x] < PADDY_MAX_FREQUENCY:
                out[y, x] = PADDY
            else:
                out[y, x] = OPEN
