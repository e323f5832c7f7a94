"""The fused pass: native integers of one block in, small maps of one period out.

Every pixel is visited once; for it the dates are read in time order, masked, scaled, turned into water
evidence and vegetation fraction and reduced at once. Nothing of size (time, y, x) is allocated.
"""

import math

import numpy as np
from numba import njit

from kernels.indices import fractional_cover, fractional_cover_sigma, is_ice, ndvi, water_logit, wilson
from kernels.statistics import median_of, quantile_sorted, sort_pairs, weighted_median_sorted

WATER_LAYERS = ("frequency", "class", "frequency_lower", "frequency_upper", "clear_water", "clear_months", "radar_months")
"""Layers of ``observe_water``, in order."""

VEGETATION_LAYERS = ("fvc_peak", "fvc_growing", "fvc_peak_sigma", "clear_peak", "clear_growing")
"""Layers of ``observe_vegetation``, in order."""

LAND, PERMANENT, SEASONAL, EPHEMERAL = 0.0, 1.0, 2.0, 3.0


@njit(cache=True, nogil=True)
def radar_water(amplitude_dn, month, n_months, vv_max_power, vh_max_power, out):
    """Water evidence of each month from radar amplitude.

    Power is averaged over the month before it is compared (dB never averaged).

    Parameters
    ----------
    amplitude_dn : uint16 (T, 2, h, w): VV and VH amplitude x 1e4; 0 is nodata.
    month : int64 (T,), month of each date counted from the period's start.
    vv_max_power, vh_max_power : linear gamma0 below which a pixel is water. VH at or below the noise floor passes.
    out : int8 (n_months, h, w), written: 1 water, -1 not water, 0 not seen.
    """
    n_dates, _, h, w = amplitude_dn.shape
    for m in range(n_months):
        for y in range(h):
            for x in range(w):
                vv, vh, n = 0.0, 0.0, 0
                for t in range(n_dates):
                    if month[t] == m and amplitude_dn[t, 0, y, x] > 0:
                        vv += (amplitude_dn[t, 0, y, x] * 1e-4) ** 2
                        vh += (amplitude_dn[t, 1, y, x] * 1e-4) ** 2
                        n += 1
                if n == 0:
                    out[m, y, x] = 0
                elif vv / n <= vv_max_power and vh / n <= vh_max_power:
                    out[m, y, x] = 1
                else:
                    out[m, y, x] = -1


@njit(cache=True, nogil=True)
def _reflectances(dn, t, y, x, scale, offset):
    s, o = scale[t], offset[t]
    return (
        dn[t, 0, y, x] * s + o,
        dn[t, 1, y, x] * s + o,
        dn[t, 2, y, x] * s + o,
        dn[t, 4, y, x] * s + o,
        dn[t, 5, y, x] * s + o,
        dn[t, 6, y, x] * s + o,
    )


@njit(cache=True, nogil=True)
def observe_water(dn, reasons, reject, scale, offset, native_m, day, month, radar, min_logit, min_months, permanent, seasonal, ephemeral, out):
    """Monthly votes of water and their frequency.

    A month votes wet when the median log-odds of its clear dates is at least ``min_logit``. Only the dates of the
    finest sensor that saw the pixel in that month vote: a coarse pixel of a narrow river is mostly bank. A month
    without a clear optical date votes by radar alone. Ice says nothing about water: the date is left out.
    Scenes of one solar day count once at a pixel (overlap of swaths and tiles).

    Parameters
    ----------
    dn : uint16 (T, 7, h, w), bands of OPTICAL_BANDS, 0 nodata, dates ascending.
    reasons : uint16 (T, h, w), reason bits; ``reject`` are the bits that remove a date.
    scale, offset : float32 (T,), reflectance = dn * scale + offset. native_m : float32 (T,), pixel size of the sensor.
    day, month : int64 (T,), counted from the period's start, ascending.
    radar : int8 (M, h, w), see ``radar_water``.
    permanent, seasonal, ephemeral : least frequencies of the classes.
    out : float32 (7, h, w), written: WATER_LAYERS. Frequency and class are NaN below ``min_months`` months.
    """
    n_dates, _, h, w = dn.shape
    n_months = radar.shape[0]
    logits = np.empty(n_dates)
    for y in range(h):
        for x in range(w):
            clear, months, radar_months, wet = 0, 0, 0, 0
            t = 0
            for m in range(n_months):
                n, last_day, finest = 0, -1, np.inf
                while t < n_dates and month[t] == m:
                    if reasons[t, y, x] & reject == 0 and native_m[t] <= finest and (day[t] != last_day or native_m[t] < finest):
                        blue, green, red, nir, swir1, swir2 = _reflectances(dn, t, y, x, scale, offset)
                        if not is_ice(green, red, nir, swir1):
                            if native_m[t] < finest:
                                n, finest = 0, native_m[t]
                            logits[n] = water_logit(blue, green, red, nir, swir1, swir2, radar[m, y, x])
                            n += 1
                            last_day = day[t]
                    t += 1
                if n > 0:
                    clear += n
                    months += 1
                    wet += median_of(logits, n) >= min_logit
                elif radar[m, y, x] != 0:
                    months += 1
                    radar_months += 1
                    wet += radar[m, y, x] > 0
            out[4, y, x] = clear
            out[5, y, x] = months
            out[6, y, x] = radar_months
            if months < min_months or months == 0:
                out[0, y, x] = out[1, y, x] = out[2, y, x] = out[3, y, x] = np.nan
                continue
            frequency = wet / months
            out[0, y, x] = frequency
            out[2, y, x], out[3, y, x] = wilson(wet, months)
            if frequency >= permanent:
                out[1, y, x] = PERMANENT
            elif frequency >= seasonal:
                out[1, y, x] = SEASONAL
            elif frequency >= ephemeral:
                out[1, y, x] = EPHEMERAL
            else:
                out[1, y, x] = LAND


@njit(cache=True, nogil=True)
def _time_weights(days, weights, n):
    """Half of the gap to each neighbour: the time an observation stands for. A single date has weight 1."""
    for i in range(n):
        before = (days[i] - days[i - 1]) / 2.0 if i > 0 else 0.0
        after = (days[i + 1] - days[i]) / 2.0 if i < n - 1 else 0.0
        weights[i] = before + after
    if n == 1:
        weights[0] = 1.0


@njit(cache=True, nogil=True)
def observe_vegetation(
    dn, reasons, reject, scale, offset, day, in_peak, in_growing, endmembers, sigmas, quantile, min_dates, min_span_days, out
):
    """Peak and growing-season vegetation fraction.

    The peak is a percentile, not the maximum, which grows with the number of dates. A date on which the
    pixel is water has fraction 0.

    Parameters
    ----------
    dn, reasons, reject, scale, offset, day : as in ``observe_water``.
    in_peak, in_growing : bool (T,), whether a date lies in the window.
    endmembers : (ndvi_soil, ndvi_vegetation, k). sigmas : (ndvi, ndvi_soil, ndvi_vegetation) standard errors.
    quantile : 0-1, of the peak. min_dates, min_span_days : fewer or closer dates give NaN.
    out : float32 (5, h, w), written: VEGETATION_LAYERS.
    """
    n_dates, _, h, w = dn.shape
    peak, peak_days = np.empty(n_dates), np.empty(n_dates)
    growing, growing_days, weights = np.empty(n_dates), np.empty(n_dates), np.empty(n_dates)
    ndvi_soil, ndvi_vegetation, k = endmembers
    for y in range(h):
        for x in range(w):
            n_peak, n_growing, last_day = 0, 0, -1
            for t in range(n_dates):
                if not (in_peak[t] or in_growing[t]) or reasons[t, y, x] & reject != 0 or day[t] == last_day:
                    continue
                blue, green, red, nir, swir1, swir2 = _reflectances(dn, t, y, x, scale, offset)
                value = ndvi(red, nir)
                if water_logit(blue, green, red, nir, swir1, swir2, 0) >= 0.0:
                    value = ndvi_soil
                if math.isnan(value):
                    continue
                last_day = day[t]
                fraction = fractional_cover(value, ndvi_soil, ndvi_vegetation, k)
                if in_peak[t]:
                    peak[n_peak] = fraction
                    peak_days[n_peak] = day[t]
                    n_peak += 1
                if in_growing[t]:
                    growing[n_growing] = fraction
                    growing_days[n_growing] = day[t]
                    n_growing += 1
            out[3, y, x] = n_peak
            out[4, y, x] = n_growing
            out[0, y, x] = out[1, y, x] = out[2, y, x] = np.nan
            if n_peak >= min_dates and peak_days[n_peak - 1] - peak_days[0] >= min_span_days:
                sort_pairs(peak, peak_days, n_peak)
                fraction = quantile_sorted(peak, n_peak, quantile)
                out[0, y, x] = fraction
                out[2, y, x] = fractional_cover_sigma(
                    ndvi_soil + fraction * (ndvi_vegetation - ndvi_soil), ndvi_soil, ndvi_vegetation, sigmas[0], sigmas[1], sigmas[2]
                )
            if n_growing >= min_dates and growing_days[n_growing - 1] - growing_days[0] >= min_span_days:
                _time_weights(growing_days, weights, n_growing)
                sort_pairs(growing, weights, n_growing)
                out[1, y, x] = weighted_median_sorted(growing, weights, n_growing)
