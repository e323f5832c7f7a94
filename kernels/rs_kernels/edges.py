"""Steps of a water map after the pass over time: the median of one band, classes and bounds of frequencies, plants on water."""

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance
from rs_kernels.indices import wilson
from rs_kernels.statistics import LANE, exchanges, quantile_sorted, sort_lane

DRY_LAND, PERMANENT, SEASONAL, EPHEMERAL = 0.0, 1.0, 2.0, 3.0
"""Codes of `classify_water`."""

OPEN, VEGETATED, PADDY = 0.0, 1.0, 2.0
"""Codes of `plants_on_water`."""

LASTING_FREQUENCY, LEAST_OPEN_MONTHS, HIDING_COVER = 0.5, 3, 0.5
"""Least frequency of water that plants hide in their season, which is water for most of the year; least months of high sun that must show it open, because
the dark months of low sun may be shadow; least peak cover of plants that hide water. Design values."""

VEGETATED_COVER, PADDY_COVER, PADDY_MAX_FREQUENCY = 0.3, 0.5, 0.5
"""Least peak cover of permanent water with plants, least peak cover of a paddy (ground that was flooded in spring), and the water frequency below which a
paddy lies: it is dry for more than half of the year. Cover and frequency are shares, 0-1; design values."""


@njit(cache=True, nogil=True, error_model="numpy")
def _find_finest(dn, qa, bad_bits, native_m, finest):
    """Lower ``finest`` float64 (LANE,) to a date's pixel size where it is clear; ``dn``, ``qa`` uint16 (n,)."""
    for i in range(dn.size):
        clear = (dn[i] > 0) & (qa[i] & bad_bits == 0)
        finest[i] = native_m if clear & (native_m < finest[i]) else finest[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _take_finest(dn, qa, bad_bits, scale, offset, native_m, finest, values, counts):
    """Write the reflectance of a date into ``values`` float64 (LANE,) and add 1 to ``counts``; infinite where the date is not clear or not the finest."""
    for i in range(dn.size):
        taken = (dn[i] > 0) & (qa[i] & bad_bits == 0) & (native_m == finest[i])
        values[i] = reflectance(dn[i], scale, offset) if taken else np.inf
        counts[i] += 1.0 if taken else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def finest_median(stack, band, use, out):
    """Median reflectance of one band over the clear dates of the finest sensor that saw the pixel.

    Pixels of a row are taken LANE at a time, see `sort_lane`; a date that does not count is infinite and so sorted last.

    Parameters
    ----------
    stack : `rs_kernels.stack.Stack`. band : index of the band in it. use : bool (T,), dates that take part.
    out : float32 (h, w), written; NaN where no date is left.
    """
    dn, bits, bad_bits, pixel_m = stack.dn, stack.bits, stack.bad_bits, stack.pixel_m
    dates = np.flatnonzero(use)
    pairs, series = exchanges(dates.size), np.empty((dates.size, LANE))
    finest, counts = np.empty(LANE), np.empty(LANE)
    for y in range(out.shape[0]):
        for left in range(0, out.shape[1], LANE):
            n = min(LANE, out.shape[1] - left)
            finest[:], counts[:] = np.inf, 0.0
            for t in dates:
                _find_finest(dn[t, band, y, left : left + n], bits[t, y, left : left + n], bad_bits, float(pixel_m[t]), finest)
            for r in range(dates.size):
                t = dates[r]
                numbers, qa = dn[t, band, y, left : left + n], bits[t, y, left : left + n]
                _take_finest(numbers, qa, bad_bits, stack.scale[t], stack.offset[t], float(pixel_m[t]), finest, series[r], counts)
            sort_lane(series, pairs)
            for i in range(n):
                out[y, left + i] = quantile_sorted(series[:, i], int(counts[i]), 0.5)


@njit(cache=True, nogil=True)
def classify_water(frequency, months, permanent, seasonal, ephemeral, out):
    """Class of each pixel's frequency of water and the Wilson bounds (95 %) of the frequency.

    Parameters
    ----------
    frequency : float32 (h, w), 0-1, NaN not observed. months : float32 (h, w), number of months behind it.
    permanent, seasonal, ephemeral : least frequencies of the classes.
    out : float32 (3, h, w), written: class (DRY_LAND, PERMANENT, SEASONAL, EPHEMERAL), lower and upper bound; NaN where not observed.
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
                out[0, y, x] = DRY_LAND


@njit(cache=True, nogil=True)
def water_under_plants(frequency, months, green_months, high_frequency, high_months, high_green_months, peak_cover, permanent, out):
    """Find water that plants hide in their season: it is water in whatever month no plants hide it, and so for most of the year.

    Ground that dries, such as a paddy, a meadow or a reservoir's rim, has months in which it is neither water nor green. Forest in winter shadow is no
    water in months of high sun without leaves. Plants that hide water are dense; thin grass on a slope that is dark for most of the year is not.

    Parameters
    ----------
    frequency, months : float32 (h, w), of all months; NaN not observed. green_months : float32 (h, w), dry months with plants.
    high_frequency, high_months, high_green_months : the same of the months of high sun.
    peak_cover : float32 (h, w), vegetation cover at the peak; NaN where not known.
    permanent : least frequency of permanent water, which the open months must reach, also those of high sun.
    out : bool (h, w), written.
    """
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            open_months, high_open = months[y, x] - green_months[y, x], high_months[y, x] - high_green_months[y, x]
            hidden = green_months[y, x] >= 1 and frequency[y, x] >= LASTING_FREQUENCY and high_open >= LEAST_OPEN_MONTHS
            wet, high_wet = np.rint(frequency[y, x] * months[y, x]), np.rint(high_frequency[y, x] * high_months[y, x])
            hidden = hidden and peak_cover[y, x] >= HIDING_COVER
            out[y, x] = hidden and wet >= permanent * open_months and high_wet >= permanent * high_open


@njit(cache=True, nogil=True)
def plants_on_water(water_class, frequency, under_plants, spring_wet_months, peak_cover, out):
    """Tell water with plants and paddies from open water, pixel by pixel.

    Parameters
    ----------
    water_class, frequency : float32 (h, w), see `classify_water`. under_plants : bool (h, w), see `water_under_plants`. spring_wet_months : float32 (h, w), wet months of spring.
    peak_cover : float32 (h, w), vegetation cover at the peak, 0 on dates of water; NaN where not known.
    out : float32 (h, w), written: OPEN (open water, and land), VEGETATED (lasting water with emergent or floating plants), PADDY
        (flooded in spring, a dense crop in summer); NaN where not observed.
    """
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            kind, cover = water_class[y, x], peak_cover[y, x]
            if np.isnan(kind):
                out[y, x] = np.nan
            elif under_plants[y, x] or (kind == PERMANENT and cover >= VEGETATED_COVER):
                out[y, x] = VEGETATED
            elif kind >= SEASONAL and spring_wet_months[y, x] >= 1 and cover >= PADDY_COVER and frequency[y, x] < PADDY_MAX_FREQUENCY:
                out[y, x] = PADDY
            else:
                out[y, x] = OPEN
