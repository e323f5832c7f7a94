"""The fused pass: native integers of one block in, small maps of one period out.

Pixels are processed LANE at a time: their dates are read in time order, masked, scaled, turned into water evidence and
vegetation fraction, and reduced at once. Loops over a lane have no branches, so that they vectorise; nothing of size
(time, y, x) is allocated, and a date without a clear pixel in the lane is skipped.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rs_kernels.calibration import gamma0_power, reflectance
from rs_kernels.indices import RADAR_WEIGHT, fractional_cover, fractional_cover_sigma, is_bright_as_snow, is_ice, ndvi, sediment_logit, water_logit
from rs_kernels.stack import Lane, count_clear
from rs_kernels.statistics import LANE, median_reaches, quantile

WATER_LAYERS = (
    "frequency", "clear_water", "clear_months", "radar_months", "high_sun_frequency", "high_sun_months", "spring_wet_months",
    "green_months", "high_sun_green_months",
)  # fmt: skip
"""Layers of ``observe_water``, in order."""

VEGETATION_LAYERS = ("fvc_peak", "fvc_growing", "fvc_peak_sigma", "clear_peak", "clear_growing")
"""Layers of ``observe_vegetation``, in order."""


class Months(NamedTuple):
    """What is known of each of the M months of a period beside its optical dates."""

    radar: np.ndarray
    """int8 (M, h, w), see ``radar_water``."""
    radar_power: np.ndarray
    """float32 (M, h, w), mean power of VV in each month, linear gamma0; 0 where it was not seen."""
    high_sun: np.ndarray
    """bool (M,), months in which the sun is so high that shadows are short."""
    spring: np.ndarray
    """bool (M,), months in which paddies are flooded."""
    freezing: np.ndarray
    """bool (M,), months in which water may freeze."""
    tidal: np.ndarray
    """bool (h, w), where the tide may bare mud: sediment is no evidence of water."""


class Dimidiate(NamedTuple):
    """How NDVI becomes cover."""

    endmembers: tuple
    """(ndvi_soil, ndvi_vegetation, k), see `fractional_cover`."""
    sigmas: tuple
    """(ndvi, ndvi_soil, ndvi_vegetation), standard errors."""
    quantile: float
    """Probability (0-1) of the quantile that is the peak."""
    min_dates: int
    """With fewer dates in a window its cover is NaN."""
    min_span_days: int
    """So it is where the first and last date are fewer days apart."""


RADAR_WATER, RADAR_LAND, RADAR_UNSURE = 1, -1, -2
"""Codes of `radar_water`; 0 means not seen."""

UNSURE_POWER = 2.5
"""Factor (4 dB) on the power limit of water. Up to this power a pixel may be water with waves, or a narrow river mixed with its bright banks, because radar
resolves 20 m. Such a pixel is no evidence against what optical dates show. A design value."""

OWN_MARGIN_POWER, OWN_CONTRAST_POWER = 2.5, 2.0
"""Factors of power for months that only radar saw, see `_wet_by_radar`. A month is like the pixel's other months if it differs from them by at most the first
factor, 4 dB; wet and dry months are told apart if they differ by the second, 3 dB. Design values."""

GREEN_NDVI = 0.4
"""From this NDVI on, plants hide whether there is water below them. A design value."""

_LOGIT, _N, _WET, _BELOW, _REACHING, _FINEST, _NDVI, _GREEN = (LANE * k for k in range(8))
# Offsets into the scratch of a lane; with one flat array and fixed offsets the compiler sees that the parts do not overlap.
_VOTE_SLOTS = 8 * LANE


@njit(cache=True, nogil=True, error_model="numpy")
def radar_water(amplitude_dn, month, n_months, vv_max_power, vh_max_power, out, power):
    """Water evidence of each month from radar amplitude.

    Power, not decibels, is averaged over the month before it is compared.

    Parameters
    ----------
    amplitude_dn : uint16 (T, 2, h, w): VV and VH amplitude x 1e4; 0 is nodata.
    month : int64 (T,), month of each date counted from the period's start.
    vv_max_power, vh_max_power : linear gamma0 below which a pixel is water. VH at or below the noise floor passes.
    out : int8 (n_months, h, w), written: RADAR_WATER, RADAR_LAND, RADAR_UNSURE where VV is brighter than water by less than
        UNSURE_POWER, 0 not seen.
    power : float32 (n_months, h, w), written: mean power of VV, 0 where it was not seen.
    """
    n_dates, _, h, w = amplitude_dn.shape
    vv, vh, n = np.empty(w), np.empty(w), np.empty(w)
    for m in range(n_months):
        for y in range(h):
            vv[:], vh[:], n[:] = 0.0, 0.0, 0.0
            for t in range(n_dates):
                if month[t] == m:
                    for x in range(w):
                        seen = amplitude_dn[t, 0, y, x] > 0
                        vv[x] += gamma0_power(amplitude_dn[t, 0, y, x]) if seen else 0.0
                        vh[x] += gamma0_power(amplitude_dn[t, 1, y, x]) if seen else 0.0
                        n[x] += 1.0 if seen else 0.0
            for x in range(w):
                power[m, y, x] = vv[x] / max(n[x], 1.0)
                if n[x] == 0:
                    out[m, y, x] = 0
                elif vv[x] / n[x] <= vv_max_power and vh[x] / n[x] <= vh_max_power:
                    out[m, y, x] = RADAR_WATER
                else:
                    out[m, y, x] = RADAR_UNSURE if vv[x] / n[x] <= UNSURE_POWER * vv_max_power else RADAR_LAND


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _reflectances(dn, t, y, x, s, o):
    return (
        reflectance(dn[t, 0, y, x], s, o),
        reflectance(dn[t, 1, y, x], s, o),
        reflectance(dn[t, 2, y, x], s, o),
        reflectance(dn[t, 4, y, x], s, o),
        reflectance(dn[t, 5, y, x], s, o),
        reflectance(dn[t, 6, y, x], s, o),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _water_logits(stack, t, lane, radar, freezing, tidal, votes):
    """Log-odds of water and NDVI at each pixel of a lane on one date; log-odds NaN on ice, which says nothing about water.

    ``radar`` int8 (h, w) of the month. ``tidal`` bool (h, w). RADAR_UNSURE counts against water only where the date itself is against water.
    """
    dn, s, o = stack.dn, stack.scale[t], stack.offset[t]
    y, left, n = lane
    for i in range(n):
        blue, green, red, nir, swir1, swir2 = _reflectances(dn, t, y, left + i, s, o)
        by_radar = radar[y, left + i]
        unsure = by_radar == RADAR_UNSURE
        logit = water_logit(blue, green, red, nir, swir1, swir2, 0 if unsure else by_radar)
        logit += 0.0 if tidal[y, left + i] else sediment_logit(blue, green, red, nir, swir1)
        icy = is_ice(green, red, nir, swir1) & (freezing | is_bright_as_snow(red, nir))
        votes[_NDVI + i] = ndvi(red, nir)
        votes[_LOGIT + i] = np.nan if icy else logit - (RADAR_WEIGHT if unsure & (logit < 0.0) else 0.0)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _open_month(n, votes):
    for i in range(n):
        votes[_N + i] = votes[_WET + i] = votes[_GREEN + i] = 0.0
        votes[_BELOW + i], votes[_REACHING + i] = -np.inf, np.inf
        votes[_FINEST + i] = np.inf


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _vote(stack, t, lane, min_logit, votes):
    """Add one date to the running counts of a month: what `median_reaches` needs, and green dry dates, of the finest sensor so far."""
    bits, bad_bits, pixel_m = stack.bits, stack.bad_bits, stack.pixel_m[t]
    y, left, n = lane
    for i in range(n):
        logit, finest = votes[_LOGIT + i], votes[_FINEST + i]
        clear = (bits[t, y, left + i] & bad_bits) == 0
        finer = pixel_m < finest
        used = clear & (pixel_m <= finest) & (logit == logit)
        wet = logit >= min_logit
        count = 0.0 if used & finer else votes[_N + i]
        n_wet = 0.0 if used & finer else votes[_WET + i]
        n_green = 0.0 if used & finer else votes[_GREEN + i]
        below = -np.inf if used & finer else votes[_BELOW + i]
        reaching = np.inf if used & finer else votes[_REACHING + i]
        votes[_N + i] = count + (1.0 if used else 0.0)
        votes[_WET + i] = n_wet + (1.0 if used & wet else 0.0)
        votes[_GREEN + i] = n_green + (1.0 if used & (not wet) & (votes[_NDVI + i] >= GREEN_NDVI) else 0.0)
        votes[_BELOW + i] = logit if used & (logit < min_logit) & (logit > below) else below
        votes[_REACHING + i] = logit if used & wet & (logit < reaching) else reaching
        votes[_FINEST + i] = pixel_m if used else finest


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _count_month(tally, i, wet, green, high_sun, spring):
    tally[1, i] += 1
    tally[3, i] += wet
    tally[4, i] += high_sun
    tally[5, i] += high_sun and wet
    tally[6, i] += spring and wet
    tally[7, i] += green
    tally[8, i] += high_sun and green


@njit(cache=True, nogil=True, error_model="numpy")
def _wet_by_radar(evidence, power, wet_power, dry_power):
    """Whether a month that only radar saw is wet, compared with months of the same pixel that optical dates saw too.

    The power of wet and of dry ground differs from place to place (wind, soil). Where the wet and dry months of the pixel differ by
    OWN_CONTRAST_POWER, the geometric mean of their powers is the limit. Where all of them were wet, a month up to OWN_MARGIN_POWER brighter is
    wet too; where all were dry, the month must be darker by that factor as well as pass ``evidence``. Else ``evidence``, a code of
    `radar_water`, decides.

    Parameters
    ----------
    power : of the month, linear. wet_power, dry_power : mean power of the pixel's wet and dry months, NaN without any.
    """
    by_limits = evidence == RADAR_WATER
    if wet_power * OWN_CONTRAST_POWER <= dry_power:
        return power * power <= wet_power * dry_power
    if math.isnan(dry_power) and not math.isnan(wet_power):
        return by_limits or power <= OWN_MARGIN_POWER * wet_power
    if math.isnan(wet_power) and not math.isnan(dry_power):
        return by_limits and power * OWN_MARGIN_POWER <= dry_power
    return by_limits


@njit(cache=True, nogil=True, error_model="numpy")
def _water_lane(stack, lane, months, min_logit, votes, own, tally):
    """Count the months of one lane into ``tally`` int64 (9, LANE): clear dates, months, months by radar alone, wet months; months and wet months of
    high sun; wet months of spring; green months, those of high sun. ``own`` (float64 (4, LANE), bool (M, LANE)) is scratch: radar power and number of wet months, the same of dry
    months; months that only radar saw."""
    radar, power, high_sun, spring, freezing, tidal = months
    (y, left, n), month, (sums, radar_alone) = lane, stack.month, own
    tally[:, :n] = 0
    sums[:, :n], radar_alone[:, :n] = 0.0, False
    t = 0
    for m in range(radar.shape[0]):
        _open_month(n, votes)
        while t < month.size and month[t] == m:
            if count_clear(stack, t, lane) > 0:
                _water_logits(stack, t, lane, radar[m], freezing[m], tidal, votes)
                _vote(stack, t, lane, min_logit, votes)
            t += 1
        for i in range(n):
            n_dates, seen = votes[_N + i], radar[m, y, left + i] != 0
            if n_dates > 0:
                wet = median_reaches(n_dates, votes[_WET + i], votes[_BELOW + i], votes[_REACHING + i], min_logit)
                green = (not wet) and 2 * votes[_GREEN + i] > n_dates - votes[_WET + i]
                tally[0, i] += int(n_dates)
                _count_month(tally, i, wet, green, high_sun[m], spring[m])
                sums[0 if wet else 2, i] += power[m, y, left + i]
                sums[1 if wet else 3, i] += seen
            elif seen:
                tally[2, i] += 1
                radar_alone[m, i] = True
    if not radar_alone[:, :n].any():
        return
    for i in range(n):
        wet_power = sums[0, i] / sums[1, i] if sums[1, i] > 0 else np.nan
        dry_power = sums[2, i] / sums[3, i] if sums[3, i] > 0 else np.nan
        for m in range(radar.shape[0]):
            if radar_alone[m, i]:
                wet = _wet_by_radar(radar[m, y, left + i], power[m, y, left + i], wet_power, dry_power)
                _count_month(tally, i, wet, False, high_sun[m], spring[m])


@njit(cache=True, nogil=True)
def _water_layers(tally, lane, min_months, out):
    y, left, n = lane
    for i in range(n):
        x, months = left + i, tally[1, i]
        out[0, y, x] = tally[3, i] / months if months >= max(min_months, 1) else np.nan
        out[1, y, x], out[2, y, x], out[3, y, x] = tally[0, i], months, tally[2, i]
        out[4, y, x] = tally[5, i] / tally[4, i] if tally[4, i] > 0 else np.nan
        out[5, y, x], out[6, y, x] = tally[4, i], tally[6, i]
        out[7, y, x], out[8, y, x] = tally[7, i], tally[8, i]


@njit(cache=True, nogil=True)
def observe_water(stack, months, min_logit, min_months, out):
    """Monthly votes of water and their frequency.

    A month votes wet when the median log-odds of its clear dates is at least ``min_logit``. Only the dates of the
    finest sensor that saw the pixel in that month vote: a coarse pixel of a narrow river is mostly bank. A month
    without a clear optical date votes by radar alone, compared with the pixel's other months (`_wet_by_radar`). Ice says nothing about
    water: the date is left out. A dry month most of whose dry dates are green (GREEN_NDVI) is a green month: plants may hide water.

    Parameters
    ----------
    stack : `Stack`. months : `Months`.
    min_logit : log-odds from which a month is wet. min_months : fewer give no frequency.
    out : float32 (9, h, w), written: WATER_LAYERS. Frequency is NaN below ``min_months`` months, that of high sun without any such month.
    """
    _, _, h, w = stack.dn.shape
    votes, tally = np.empty(_VOTE_SLOTS), np.empty((9, LANE), np.int64)
    own = np.empty((4, LANE)), np.empty((months.radar.shape[0], LANE), np.bool_)
    for y in range(h):
        for left in range(0, w, LANE):
            lane = Lane(y, left, min(LANE, w - left))
            _water_lane(stack, lane, months, min_logit, votes, own, tally)
            _water_layers(tally, lane, min_months, out)


@njit(cache=True, nogil=True)
def _time_weights(days, weights, n):
    """Write the weight of each date: half of the gap to either neighbour, days. A single date has weight 1."""
    for i in range(n):
        before = (days[i] - days[i - 1]) / 2.0 if i > 0 else 0.0
        after = (days[i + 1] - days[i]) / 2.0 if i < n - 1 else 0.0
        weights[i] = before + after
    if n == 1:
        weights[0] = 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _fractions(stack, t, lane, endmembers, fraction):
    """Vegetation fraction at each pixel of a lane on one date, 0 on water; NaN where NDVI is undefined on land."""
    ndvi_soil, ndvi_vegetation, k = endmembers
    dn, s, o = stack.dn, stack.scale[t], stack.offset[t]
    y, left, n = lane
    for i in range(n):
        blue, green, red, nir, swir1, swir2 = _reflectances(dn, t, y, left + i, s, o)
        wet = water_logit(blue, green, red, nir, swir1, swir2, 0) >= 0.0
        value = ndvi_soil if wet else ndvi(red, nir)
        fraction[i] = fractional_cover(value, ndvi_soil, ndvi_vegetation, k)


@njit(cache=True, nogil=True, error_model="numpy")
def _vegetation_lane(stack, lane, in_peak, in_growing, endmembers, fraction, series, counts):
    """Collect the fractions of a lane: ``series`` float64 (4, LANE, T) peak, its days, growing, its days.

    ``counts`` int64 (2, LANE): number of dates in each window.
    """
    bits, bad_bits, day = stack.bits, stack.bad_bits, stack.day
    y, left, n = lane
    counts[:, :n] = 0
    for t in range(day.size):
        if not (in_peak[t] or in_growing[t]) or count_clear(stack, t, lane) == 0:
            continue
        _fractions(stack, t, lane, endmembers, fraction)
        for i in range(n):
            if bits[t, y, left + i] & bad_bits != 0 or math.isnan(fraction[i]):
                continue
            if in_peak[t]:
                series[0, i, counts[0, i]], series[1, i, counts[0, i]] = fraction[i], day[t]
                counts[0, i] += 1
            if in_growing[t]:
                series[2, i, counts[1, i]], series[3, i, counts[1, i]] = fraction[i], day[t]
                counts[1, i] += 1


@njit(cache=True, nogil=True)
def _vegetation_layers(series, counts, lane, how, weights, out):
    (ndvi_soil, ndvi_vegetation, _), sigmas, probability, min_dates, min_span_days = how
    y, left, n = lane
    for i in range(n):
        x, n_peak, n_growing = left + i, counts[0, i], counts[1, i]
        peak, peak_days, growing, growing_days = series[0, i], series[1, i], series[2, i], series[3, i]
        out[3, y, x], out[4, y, x] = n_peak, n_growing
        out[0, y, x] = out[1, y, x] = out[2, y, x] = np.nan
        if n_peak >= min_dates and peak_days[n_peak - 1] - peak_days[0] >= min_span_days:
            fraction = quantile(peak, n_peak, probability)
            out[0, y, x] = fraction
            out[2, y, x] = fractional_cover_sigma(
                ndvi_soil + fraction * (ndvi_vegetation - ndvi_soil), ndvi_soil, ndvi_vegetation, sigmas[0], sigmas[1], sigmas[2]
            )
        if n_growing >= min_dates and growing_days[n_growing - 1] - growing_days[0] >= min_span_days:
            _time_weights(growing_days, weights, n_growing)
            out[1, y, x] = (growing[:n_growing] * weights[:n_growing]).sum() / weights[:n_growing].sum()


@njit(cache=True, nogil=True)
def observe_vegetation(stack, in_peak, in_growing, how, out):
    """Peak and growing-season vegetation fraction.

    The peak is a percentile and not the maximum, because the maximum grows with the number of dates. The value of the growing season is the mean
    over time. A date on which the pixel is water has fraction 0.

    Parameters
    ----------
    stack : `Stack`. how : `Dimidiate`.
    in_peak, in_growing : bool (T,), whether a date lies in the window.
    out : float32 (5, h, w), written: VEGETATION_LAYERS.
    """
    n_dates, _, h, w = stack.dn.shape
    fraction, weights = np.empty(LANE), np.empty(n_dates)
    series, counts = np.empty((4, LANE, n_dates)), np.empty((2, LANE), np.int64)
    for y in range(h):
        for left in range(0, w, LANE):
            lane = Lane(y, left, min(LANE, w - left))
            _vegetation_lane(stack, lane, in_peak, in_growing, how.endmembers, fraction, series, counts)
            _vegetation_layers(series, counts, lane, how, weights, out)
