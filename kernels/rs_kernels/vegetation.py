"""Vegetation cover by small networks, in one pass over the dates of a block.

As in ``rs_kernels.observe``, pixels are processed LANE at a time and loops over a lane have no branches, so that they vectorise.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rs_kernels.calibration import formula, reflectance
from rs_kernels.indices import water_logit
from rs_kernels.observe import VEGETATION_LAYERS
from rs_kernels.stack import Lane, count_clear
from rs_kernels.statistics import LANE, between, exchanges, sort_lane

N_NETWORK_BANDS = 7
"""Number of input reflectances of a network: the optical bands of a stack, in order. A band that a network does not use has weight 0."""

COVER_LAYERS = (*VEGETATION_LAYERS, "cover_unknown", "fvc_spring_peak", "fvc_summer_peak")
"""Layers of ``observe_cover``, in order."""

PEAK, GROWING, N_WHOLE = 0, 1, 2
"""Windows: peak and growing season, then (from N_WHOLE on) the two crops of double-cropped land. The windows of the crops are half as long as that
of the peak, so half as many dates are enough."""

EXCESS = 0.1
"""An estimate up to this far below 0 or above 1 counts as 0 or 1; one further out is invalid (as SNAP's ExtremeCases)."""

MEMORY_DAYS, FAR_WEIGHT = 20.0, 1e-4
"""Distant dates matter only where no date is near: their weight falls by a factor e in MEMORY_DAYS days, from FAR_WEIGHT of a near date's
weight. Design values."""

REACH_DAYS = 40
"""Dates further than this many days outside the windows are not used. A design value."""

FULL = 60000.0
"""Cover 1 as a 16-bit number, for sorting: steps of 1.7e-5, and below MISSING."""

NEAR_WORTH = 0.5
"""Sum of weights of the fine dates around a coarse date at which the coarse date counts half: about one fine date, 12 days away.
With `align_coarse` and `drop_shadows` the RMSE of the peak fell from 0.0915 to 0.0864 on nine simulated development worlds."""

DARK, LEAF_RATIO = 0.5, 2.0
"""A date on which the sum of a pixel's near and shortwave infrared is below DARK of its mean over the dates lies in a shadow that the
masks missed: wet soil stays brighter than that (Lobell & Asner 2002), and leaves brighten one of the two bands while they darken the other. Only
dates with leaves are tested (near infrared above LEAF_RATIO times red, NDVI 1/3): flooded or burnt ground is no shadow, and on bare ground
a shadow does not change the cover."""

SLOPE_PENALTY = 0.25
"""Ridge penalty on the slope of a local line, in units of the bandwidth squared: it keeps the line from extrapolating at the ends of a series. A design
value, see `tests/kernels/test_vegetation.py` on what noise does to a flat season."""


FEW_DATES = 8
"""With fewer known dates in the growing season a pixel's season comes from `expected_seasons`: its local lines would rest on one date each."""

FEW_PARTS = np.array([0.5, 0.75, 0.5, 0.5])
"""Share of min_dates and min_span_days that each window needs for a pixel with few dates, in the order PEAK, GROWING, spring and
summer crop. For the peak it is also enough that the growing season has what it needs. Design values."""


class CoverDates(NamedTuple):
    """Facts on the T dates of a stack, for `observe_cover`."""

    worth: np.ndarray
    """float64 (T,), weight of a date among those near it; dates with less than the largest weight are the coarse ones of `align_coarse`."""
    in_windows: np.ndarray
    """bool (4, T), whether a date lies in the window of the peak, the growing season, the spring crop and the summer crop."""
    which: np.ndarray
    """int64 (T,), index of the network of each date."""
    biases: np.ndarray
    """float64 (T, H), biases of the hidden units, including the part of the date's sun angles."""


class Networks(NamedTuple):
    """N networks, float64, of H hidden units each."""

    weights: np.ndarray
    """(N, H, 7)."""
    out_weights: np.ndarray
    """(N, H)."""
    out_bias: np.ndarray
    """(N,)."""
    low: np.ndarray
    """(N, 7), least reflectances of the training spectra."""
    high: np.ndarray
    """(N, 7), largest reflectances of the training spectra."""
    centre: np.ndarray
    """(N, 7), centre of the training spectra, see `domain_distances`."""
    whiten: np.ndarray
    """(N, 7, 7), whitening matrix of the training spectra."""
    max_distance: np.ndarray
    """(N,), largest squared distance at which a network is used."""


class Lines(NamedTuple):
    """The G days for which covers are computed, and the parameters of the lines."""

    days: np.ndarray
    """int64 (G,), counted as the days of the stack."""
    in_windows: np.ndarray
    """bool (4, G), as in `CoverDates`."""
    bandwidth_days: float
    """Bandwidth of the local lines."""
    prior: tuple
    """See `expected_seasons`."""


class Bell(NamedTuple):
    """Weight of each of T dates on each of G days, see `line_weights`."""

    days: np.ndarray
    """int64 (G,)."""
    dates: np.ndarray
    """int64 (T,), counted in the same way."""
    weights: np.ndarray
    """float64 (G, T)."""
    bandwidth_days: float


class Need(NamedTuple):
    """Statistics of a window, and the observations that they need."""

    quantile: float
    """Probability (0-1) of the quantile that is the peak."""
    min_dates: int
    """With fewer dates in a window the result is NaN; for pixels with few dates FEW_PARTS of them are enough."""
    min_span_days: int
    """The result is also NaN where the first and last date are fewer days apart."""
    early: int
    """The growing season needs a date on or before this day, counted as the days of the stack, ..."""
    late: int
    """... and one on or after this day: a year that is not over has no season yet."""


fused = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
"""Decorator that allows fused multiply-add (one rounding instead of two), which doubles the speed. No other floating-point rule is relaxed."""


_LAMBERT = tuple(np.float32(c) for c in (4.97, 135135, 17325, 378, 62370, 3150, 28))
"""float32, so that float32 numbers stay so; all but the first are exact."""


@formula
def tanh(x):
    """Hyperbolic tangent by Lambert's (1770) continued fraction, seventh order; error at most 1e-4. Without a branch. In the type of ``x``."""
    end, a, b, c, d, e, f = _LAMBERT
    x = min(max(x, -end), end)
    s = x * x
    return x * (a + s * (b + s * (c + s))) / (a + s * (d + s * (e + s * f)))


@formula
def limited_cover(estimate):
    """Cover (0-1) from a network's estimate; NaN where the estimate is invalid (see EXCESS)."""
    return min(max(estimate, 0.0), 1.0) if (estimate > -EXCESS) & (estimate < 1.0 + EXCESS) else np.nan


@formula
def at_knots(cover, table):
    """Value at ``cover`` (0-1) of a table with equal steps from 0 to 1, linearly interpolated."""
    place = cover * (table.size - 1)
    k = min(int(place), table.size - 2)
    return table[k] + (place - k) * (table[k + 1] - table[k])


@fused
def network_cover(refl, n, weights, bias, out_weights, out_bias, estimate):
    """Output of a network with one hidden layer for ``n`` pixels, computed in the type of ``refl``: float32 is twice as fast and within 1e-6.

    Parameters
    ----------
    refl : float (7, n or more), reflectance by band. weights : float64 (H, 7). bias : float64 (H,), including the part of the sun angles.
    out_weights : float64 (H,). out_bias : number. estimate : float (n or more,), of the same type, written.
    """
    of_type = refl.dtype.type
    for i in range(n):
        estimate[i] = out_bias
    for h in range(bias.size):
        w = weights[h]
        w0, w1, w2, w3 = of_type(w[0]), of_type(w[1]), of_type(w[2]), of_type(w[3])
        w4, w5, w6, b, v = of_type(w[4]), of_type(w[5]), of_type(w[6]), of_type(bias[h]), of_type(out_weights[h])
        for i in range(n):
            near = w0 * refl[0, i] + w1 * refl[1, i] + w2 * refl[2, i] + w3 * refl[3, i]
            estimate[i] += v * tanh(b + near + w4 * refl[4, i] + w5 * refl[5, i] + w6 * refl[6, i])


@fused
def domain_distances(refl, n, low, high, centre, whiten, distance):
    """Squared Mahalanobis distance of ``n`` spectra from the training spectra of a network; infinite outside the range of a band. In the type of ``refl``.

    Parameters
    ----------
    refl : float (7, n or more). low, high, centre : float64 (7,). whiten : float64 (7, 7).
    distance : float (n or more,), of the same type, written.
    """
    of_type = refl.dtype.type
    far = of_type(np.inf)
    for i in range(n):
        distance[i] = 0.0
    for k in range(N_NETWORK_BANDS):
        w, a, b = whiten[k], of_type(low[k]), of_type(high[k])
        if a == -np.inf and b == np.inf and not w.any():
            continue  # a band that the network does not use
        total = 0.0
        for j in range(N_NETWORK_BANDS):
            total -= w[j] * centre[j]
        shift, w0, w1, w2 = of_type(total), of_type(w[0]), of_type(w[1]), of_type(w[2])
        w3, w4, w5, w6 = of_type(w[3]), of_type(w[4]), of_type(w[5]), of_type(w[6])
        for i in range(n):
            d = shift + w0 * refl[0, i] + w1 * refl[1, i] + w2 * refl[2, i] + w3 * refl[3, i]
            d += w4 * refl[4, i] + w5 * refl[5, i] + w6 * refl[6, i]
            distance[i] += d * d if (refl[k, i] >= a) & (refl[k, i] <= b) else far


@njit(cache=True, nogil=True, error_model="numpy")
def date_covers(stack, t, lane, clear, network, scratch, cover, known, brightness):
    """Cover of a lane on one date: 0 on water, else the network's estimate, up to EXCESS outside 0-1 (clipping would raise the mean of bare
    ground and lower that of full cover). ``known`` is 1, or 0 where the date is not clear or the spectrum is unlike the training spectra.

    Parameters
    ----------
    clear : float64 (LANE,), 1 or 0. network : (weights, bias, out_weights, out_bias, low, high, centre, whiten, max_distance).
    scratch : (float32 (7, LANE), float32 (2, LANE)). cover, known : float64 (LANE,), written.
    brightness : float64 (LANE,), written: NIR + SWIR1 of known land with leaves; 0 of other land, water, and where there is no SWIR1.
    """
    weights, bias, out_weights, out_bias, low, high, centre, whiten, max_distance = network
    dn, scale, offset = stack.dn, stack.scale[t], stack.offset[t]
    (y, left, n), refl, output, distance = lane, scratch[0], scratch[1][0], scratch[1][1]  # rows by unpacking are not contiguous for Numba
    for k in range(N_NETWORK_BANDS):
        for i in range(n):
            refl[k, i] = reflectance(np.float32(dn[t, k, y, left + i]), scale, offset)
    network_cover(refl, n, weights, bias, out_weights, out_bias, output)
    domain_distances(refl, n, low, high, centre, whiten, distance)
    for i in range(n):
        wet = water_logit(refl[0, i], refl[1, i], refl[2, i], refl[4, i], refl[5, i], refl[6, i], 0) >= 0.0
        estimate = limited_cover(output[i])
        fits = (distance[i] <= max_distance) & (estimate == estimate)
        known[i] = clear[i] if wet | fits else 0.0
        land = fits & ~wet & (clear[i] > 0.0)
        cover[i] = output[i] if land else 0.0
        leaves = land & (refl[4, i] > LEAF_RATIO * refl[2, i]) & (dn[t, 5, y, left + i] > 0)
        brightness[i] = refl[4, i] + refl[5, i] if leaves else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def drop_shadows(cover, known, brightness, n, seen, unknown, sums):
    """Set ``known`` to 0 on dates on which a pixel of a lane is darker than DARK of its mean; ``unknown`` float64 (LANE,) counts them.

    Dates without leaves have brightness 0 and take no part.

    Parameters
    ----------
    cover, known : float64 (T, LANE), rewritten. brightness : float64 (T, LANE) of `date_covers`. seen : bool (T,).
    sums : float64 (2 * LANE or more,), scratch.
    """
    sums[: 2 * LANE] = 0.0
    for t in range(seen.size):
        if seen[t]:
            bright = brightness[t]
            for i in range(n):
                sums[i] += bright[i]
                sums[LANE + i] += 1.0 if bright[i] > 0.0 else 0.0
    for i in range(n):
        sums[i] *= DARK / max(sums[LANE + i], 1.0)
    for t in range(seen.size):
        if not seen[t]:
            continue
        bright, n_dark = brightness[t], 0
        for i in range(n):
            n_dark += (bright[i] > 0.0) & (bright[i] < sums[i])
        if n_dark > 0:  # seldom
            for i in range(n):
                if (bright[i] > 0.0) & (bright[i] < sums[i]):
                    cover[t, i] = known[t, i] = 0.0
                    unknown[i] += 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def line_weights(days, dates, worth, bandwidth_days, out):
    """Write the weight of each date for a local line at each day, float64 (days, dates): a Gaussian of width ``bandwidth_days`` with long low tails, times
    ``worth``, float (dates,)."""
    for g in range(days.size):
        for t in range(dates.size):
            u = float(dates[t] - days[g])
            out[g, t] = worth[t] * (np.exp(-0.5 * (u / bandwidth_days) ** 2) + FAR_WEIGHT * np.exp(-abs(u) / MEMORY_DAYS))


@fused
def local_lines(cover, known, n, seen, bell, sums, out):
    """Cover on the days of a `Bell` by local straight lines through the known dates of each pixel of a lane (Cleveland 1979), within 0-1.

    Dates are added four at a time: sums are then loaded and stored a quarter as often, which takes most of the time.

    Parameters
    ----------
    cover, known : float64 (T, LANE); known is 1 or 0, and where it is 0 so is the cover.
    seen : bool (T,), whether any pixel of the lane is known.
    sums : float64 (5 * LANE,), scratch. out : float64 (G, LANE), written; NaN without a known date.
    """
    days, dates, weights, bandwidth_days = bell
    used = np.flatnonzero(seen)
    for g in range(days.size):
        for i in range(5 * LANE):
            sums[i] = 0.0
        for first in range(0, used.size, 4):
            left = used.size - first  # remaining dates; missing ones of the four are replaced by the first with weight 0
            a, b = used[first], used[first + 1 if left > 1 else first]
            c, d = used[first + 2 if left > 2 else first], used[first + 3 if left > 3 else first]
            wa, wb = weights[g, a], weights[g, b] if left > 1 else 0.0
            wc, wd = weights[g, c] if left > 2 else 0.0, weights[g, d] if left > 3 else 0.0
            ua, ub, uc, ud = float(dates[a] - days[g]), float(dates[b] - days[g]), float(dates[c] - days[g]), float(dates[d] - days[g])
            ka, kb, kc, kd, ca, cb, cc, cd = known[a], known[b], known[c], known[d], cover[a], cover[b], cover[c], cover[d]
            for i in range(n):
                va, vb, vc, vd = wa * ka[i], wb * kb[i], wc * kc[i], wd * kd[i]
                sums[i] += va + vb + vc + vd
                va, vb, vc, vd = va * ua, vb * ub, vc * uc, vd * ud
                sums[LANE + i] += va + vb + vc + vd
                sums[2 * LANE + i] += va * ua + vb * ub + vc * uc + vd * ud
                va, vb, vc, vd = wa * ca[i], wb * cb[i], wc * cc[i], wd * cd[i]
                sums[3 * LANE + i] += va + vb + vc + vd
                sums[4 * LANE + i] += va * ua + vb * ub + vc * uc + vd * ud
        for i in range(n):
            s0, s1, s2, sc, suc = sums[i], sums[LANE + i], sums[2 * LANE + i], sums[3 * LANE + i], sums[4 * LANE + i]
            spread = s2 + SLOPE_PENALTY * bandwidth_days * bandwidth_days * s0
            value = (spread * sc - s1 * suc) / (s0 * spread - s1 * s1)
            out[g, i] = min(max(value, 0.0), 1.0)


@fused
def align_coarse(cover, known, n, seen, coarse, bell, scratch):
    """Shift the coarse dates of each pixel of a lane by their mean difference from the lines of its fine dates.

    A coarse pixel includes its surroundings: at the edge of a field its error is about the same on every date, but it shows what happens between
    fine dates. A difference has the more weight, the nearer fine dates are; fine dates in the low tails of the weights do not count.

    Parameters
    ----------
    cover, known : float64 (T, LANE) as `local_lines` takes them; ``cover`` of coarse dates is rewritten.
    seen : bool (T,). coarse : int64 (C,), indices of the coarse dates.
    bell : `Bell` at the coarse dates, in which coarse dates weigh 0.
    scratch : (float64 (5 * LANE,), float64 (1, LANE), float64 (2, LANE)).
    """
    (_, dates, weights, bandwidth_days), (sums, line, shift) = bell, scratch
    shift[:] = 0.0
    for k in range(coarse.size):
        t = coarse[k]
        if not seen[t]:
            continue
        near_dates = seen & (weights[k] > FAR_WEIGHT)
        local_lines(cover, known, n, near_dates, Bell(dates[t : t + 1], dates, weights[k : k + 1], bandwidth_days), sums, line)
        for i in range(n):
            near = known[t, i] * sums[i] / (sums[i] + NEAR_WORTH)
            shift[0, i] += near
            shift[1, i] += near * (cover[t, i] - line[0, i]) if near > 0.0 else 0.0
    for k in range(coarse.size):
        if seen[coarse[k]]:
            covers, sees = cover[coarse[k]], known[coarse[k]]
            for i in range(n):
                moved = covers[i] - shift[1, i] / (shift[0, i] + NEAR_WORTH)
                covers[i] = moved * sees[i]


@njit(cache=True, nogil=True, error_model="numpy")
def expected_seasons(cover, known, n, seen, few, prior, peak_rows, scratch, out, variance):
    """Expected cover on the days of ``out`` for the pixels of a lane with few dates, given these dates.

    Seasons are modelled as a Gaussian process (Rasmussen & Williams 2006, section 2.2): where no date is near, the curve follows the usual
    season, whereas local lines would continue the last date.

    Parameters
    ----------
    cover, known : float64 (T, LANE) as `local_lines` takes them. seen : bool (T,). few : bool (LANE,), pixels to compute.
    prior : (mean_dates (T,), mean_days (G,), between (T, T), across (G, T), single): the usual season on dates and days, the
        covariances of the observations (with noise on the diagonal) and of the days with them, and the variance of the days (G,).
    peak_rows : int64 (P,), days of the peak window. scratch : float64 (T + 3, T).
    out : float64 (G, LANE), written for those pixels. variance : float64 (LANE,), written for them: mean posterior variance over the days of the peak window.
    """
    mean_dates, mean_days, between_dates, across, single = prior
    lower, weight, solved = scratch[3:], scratch[0], scratch[1]
    for i in range(n):
        if not few[i]:
            continue
        k = 0
        for t in range(seen.size):
            if seen[t] and known[t, i] > 0.0:
                scratch[2, k] = t
                k += 1
        for a in range(k):
            ta = int(scratch[2, a])
            for b in range(a + 1):
                total = between_dates[ta, int(scratch[2, b])]
                for c in range(b):
                    total -= lower[a, c] * lower[b, c]
                lower[a, b] = math.sqrt(total) if a == b else total / lower[b, b]
            total = cover[ta, i] - mean_dates[ta]
            for c in range(a):
                total -= lower[a, c] * weight[c]
            weight[a] = total / lower[a, a]
        for a in range(k - 1, -1, -1):
            for c in range(a + 1, k):
                weight[a] -= lower[c, a] * weight[c]
            weight[a] /= lower[a, a]
        for g in range(mean_days.size):
            value = mean_days[g]
            for a in range(k):
                value += across[g, int(scratch[2, a])] * weight[a]
            out[g, i] = min(max(value, 0.0), 1.0)
        variance[i] = 0.0
        for r in range(peak_rows.size):
            left = single[peak_rows[r]]
            for a in range(k):
                total = across[peak_rows[r], int(scratch[2, a])]
                for c in range(a):
                    total -= lower[a, c] * solved[c]
                solved[a] = total / lower[a, a]
                left -= solved[a] * solved[a]
            variance[i] += left / peak_rows.size


@njit(cache=True, nogil=True, error_model="numpy")
def _seasons(known, n, seen, dates, in_window, counts, first, spans):
    """Write, for each pixel of a lane, the number of known dates in a window, the day of the first and the days from it to the last: float64 (LANE,)."""
    for i in range(n):
        counts[i] = first[i] = spans[i] = 0.0
    for t in range(dates.size):
        if in_window[t] and seen[t]:
            day = float(dates[t])
            for i in range(n):
                sees = known[t, i] > 0.0
                first[i] = day if sees & (counts[i] == 0.0) else first[i]
                spans[i] = day - first[i] if sees else spans[i]
                counts[i] += known[t, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _seen_around(known, n, seen, dates, early, late, scratch, around):
    """Whether a pixel of a lane has a known date on or before ``early`` and one on or after ``late``; ``around`` bool (LANE,), written.

    ``scratch`` : float64 (2, LANE).
    """
    before, after = scratch[0], scratch[1]
    before[:n] = after[:n] = 0.0
    for t in range(dates.size):
        if seen[t]:
            for i in range(n):
                before[i] += known[t, i] * (dates[t] <= early)
                after[i] += known[t, i] * (dates[t] >= late)
    for i in range(n):
        around[i] = (before[i] > 0.0) & (after[i] > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile_lane(lines, rows, pairs, q, sorted_rows, out):
    """Quantile (type 7) over some rows of ``lines`` float64 (G, LANE) into ``out`` float64 (LANE,), to 1e-5; NaN without a row.

    Covers are sorted as 16-bit numbers by the ``pairs`` of `exchanges`, sixteen pixels at a time.
    """
    if rows.size == 0:
        out[:] = np.nan
        return
    for r in range(rows.size):
        line, whole = lines[rows[r]], sorted_rows[r]
        for i in range(LANE):
            whole[i] = np.uint16(line[i] * FULL + 0.5) if line[i] >= 0.0 else np.uint16(0)
    sort_lane(sorted_rows, pairs)
    position = q * (rows.size - 1)
    low = int(position)
    below, above = sorted_rows[low], sorted_rows[min(low + 1, rows.size - 1)]
    for i in range(LANE):
        out[i] = between(float(below[i]), float(above[i]), position - low) / FULL


@njit(cache=True, nogil=True, error_model="numpy")
def _moments_lane(lines, rows, n, mean, variance):
    """Mean and variance over some rows of ``lines`` float64 (G, LANE), float64 (LANE,), written; NaN without a row."""
    for i in range(n):
        mean[i] = variance[i] = 0.0
    for r in range(rows.size):
        line = lines[rows[r]]
        for i in range(n):
            mean[i] += line[i]
            variance[i] += line[i] * line[i]
    for i in range(n):
        mean[i] /= rows.size
        variance[i] = max(variance[i] / rows.size - mean[i] * mean[i], 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def noise_spread(bell, rows, n_dates):
    """Variance over the days ``rows`` that noise of variance 1 causes in the lines of a `Bell`, times ``n_dates``.

    Lines are weighted sums of their dates. The product does not depend on the number of dates, so divided by a pixel's known dates it is the variance of
    this pixel.
    """
    days, dates, weights, bandwidth_days = bell
    share, mean = np.empty((rows.size, dates.size)), np.zeros(dates.size)
    for r in range(rows.size):
        w = weights[rows[r]]
        u = (dates - days[rows[r]]).astype(np.float64)
        s0, s1 = w.sum(), (w * u).sum()
        spread = (w * u * u).sum() + SLOPE_PENALTY * bandwidth_days * bandwidth_days * s0
        share[r] = w * (spread - s1 * u) / (s0 * spread - s1 * s1)
        mean += share[r] / rows.size
    total = 0.0
    for r in range(rows.size):
        total += ((share[r] - mean) ** 2).sum() / rows.size
    return total * n_dates


@njit(cache=True, nogil=True, error_model="numpy")
def _without_noise(found, mean, variance, counts, few, n, spread, sigma_noise):
    """Remove from a quantile, in place, what noise adds to it: the spread of the lines comes from the season and from noise.

    Parameters
    ----------
    found, mean, variance : float64 (LANE,), quantile, mean and variance of the lines in a window. counts : float64 (LANE,), its known dates.
    few : bool (LANE,), pixels with curves of `expected_seasons`, which have no such noise: they stay as they are. spread : of `noise_spread`.
    sigma_noise : float64 (K,), standard error of one date, at equal steps of cover.
    """
    for i in range(n):
        if few[i] or not variance[i] > 0.0:
            continue
        noise = spread * at_knots(min(max(mean[i], 0.0), 1.0), sigma_noise) ** 2 / max(counts[i], 1.0)
        found[i] = mean[i] + (found[i] - mean[i]) * math.sqrt(max(1.0 - noise / variance[i], 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _seen_enough(counts, spans, few, n, window, min_dates, min_span_days, enough):
    """Whether a window's known dates are enough and far enough apart; ``enough`` bool (LANE,), written."""
    usual = 1.0 if window < N_WHOLE else 0.5
    for i in range(n):
        part = FEW_PARTS[window] if few[i] else usual
        enough[i] = (counts[i] >= part * min_dates) & (spans[i] >= part * min_span_days)


@njit(cache=True, nogil=True, error_model="numpy")
def _write_lane(found, counts, unknown, few, variance, errors, n, out):
    """COVER_LAYERS of a lane, float32 (8, n), written. The error of a peak combines that of the model with that of noise or, with
    few dates, of the expected season."""
    for i in range(n):
        peak = found[PEAK, i]
        out[0, i], out[1, i], out[6, i], out[7, i] = peak, found[GROWING, i], found[2, i], found[3, i]
        out[2, i] = np.nan
        if peak == peak:
            noise = variance[i] if few[i] else at_knots(peak, errors[1]) ** 2
            out[2, i] = math.sqrt(at_knots(peak, errors[0]) ** 2 + noise)
        out[3, i], out[4, i], out[5, i] = counts[PEAK, i], counts[GROWING, i], unknown[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _lane_covers(stack, lane, days, facts, networks, scratch, cover, known, brightness, seen, unknown):
    """Covers of a lane, by the network of each date as `date_covers` writes them, on all dates near the ``days`` of the lines.

    Parameters
    ----------
    scratch : the scratch of `date_covers`, and float64 (LANE,).
    cover, known, brightness : float64 (T, LANE), written. seen : bool (T,), written: whether any pixel of the lane is clear. unknown : float64 (LANE,),
        written: clear dates that are left out.
    """
    (y, left, n), dates, (spectra, clear) = lane, stack.day, scratch
    weights, out_weights, out_bias, low, high, centre, whiten, max_distance = networks
    unknown[:] = 0.0
    for t in range(dates.size):
        seen[t] = False
        if days.size == 0 or dates[t] < days[0] - REACH_DAYS or dates[t] > days[-1] + REACH_DAYS:
            continue
        seen[t] = count_clear(stack, t, lane) > 0
        if not seen[t]:
            known[t, :] = 0.0
            continue
        for i in range(n):
            clear[i] = 1.0 if (stack.bits[t, y, left + i] & stack.bad_bits) == 0 else 0.0
        k = facts.which[t]
        network = (weights[k], facts.biases[t], out_weights[k], out_bias[k], low[k], high[k], centre[k], whiten[k], max_distance[k])
        date_covers(stack, t, lane, clear, network, spectra, cover[t], known[t], brightness[t])
        for i in range(n):
            unknown[i] += clear[i] - known[t, i]


@njit(cache=True, nogil=True, error_model="numpy")
def observe_cover(stack, facts, networks, errors, lines, need, out):
    """Peak and growing-season cover from the covers of the dates.

    The covers of a pixel become a daily curve: by local lines or, with fewer than FEW_DATES dates, by `expected_seasons`. The statistics are
    those of the days of this curve: the mean over the growing season and a percentile over each other window. (A percentile of the dates
    themselves grows with their noise and depends on which part of the season the clouds hid.) The noise that is left in the lines is removed
    from the percentile. A pixel whose dates in the peak's window are too few or too close together has its season from `expected_seasons` too.

    Parameters
    ----------
    stack : `Stack`. facts : `CoverDates`. networks : `Networks`. lines : `Lines`. need : `Need`.
    errors : float64 (2, K), standard errors at equal steps of cover: of the model, and of noise in one result.
    out : float32 (8, h, w), written: COVER_LAYERS. ``cover_unknown`` counts the clear dates that were left out.
    """
    dates, worth, in_windows = stack.day, facts.worth, facts.in_windows
    n_dates, _, h, w = stack.dn.shape
    days, day_in_windows, bandwidth_days, prior = lines
    line_weight = np.empty((days.size, n_dates))
    line_weights(days, dates, worth, bandwidth_days, line_weight)
    every = Bell(days, dates, line_weight, bandwidth_days)
    coarse = np.flatnonzero(worth < worth.max())
    fine_weight = np.empty((coarse.size, n_dates))
    line_weights(dates[coarse], dates, np.where(worth < worth.max(), 0.0, 1.0), bandwidth_days, fine_weight)
    fine = Bell(dates[coarse], dates, fine_weight, bandwidth_days)
    n_windows = in_windows.shape[0]
    rows = [np.flatnonzero(day_in_windows[k]) for k in range(n_windows)]
    pairs = [exchanges(rows[k].size) for k in range(n_windows)]
    spectra = (np.zeros((N_NETWORK_BANDS, LANE), np.float32), np.empty((2, LANE), np.float32))
    clear, sums = np.empty(LANE), np.empty(5 * LANE)
    cover, known, brightness = np.zeros((n_dates, LANE)), np.zeros((n_dates, LANE)), np.empty((n_dates, LANE))
    curves = np.zeros((days.size, LANE))
    unknown, seen, sorted_rows = np.empty(LANE), np.zeros(n_dates, np.bool_), np.empty((days.size, LANE), np.uint16)
    first, counts, spans, found = np.empty(LANE), np.empty((n_windows, LANE)), np.empty((n_windows, LANE)), np.empty((n_windows, LANE))
    line, shift = np.empty((1, LANE)), np.empty((2, LANE))
    few, scratch, variance = np.empty(LANE, np.bool_), np.empty((n_dates + 3, n_dates)), np.empty(LANE)
    enough, around, mean, spread = np.empty((n_windows, LANE), np.bool_), np.empty(LANE, np.bool_), np.empty(LANE), np.empty(LANE)
    noise = [noise_spread(every, rows[k], in_windows[k].sum()) for k in range(n_windows)]
    for y in range(h):
        for left in range(0, w, LANE):
            n = min(LANE, w - left)
            lane = Lane(y, left, n)
            _lane_covers(stack, lane, days, facts, networks, (spectra, clear), cover, known, brightness, seen, unknown)
            drop_shadows(cover, known, brightness, n, seen, unknown, sums)
            align_coarse(cover, known, n, seen, coarse, fine, (sums, line, shift))
            for k in range(n_windows):
                _seasons(known, n, seen, dates, in_windows[k], counts[k], first, spans[k])
            _seen_around(known, n, seen, dates, need.early, need.late, shift, around)
            for i in range(n):
                few[i] = counts[GROWING, i] < FEW_DATES
            _seen_enough(counts[PEAK], spans[PEAK], few, n, PEAK, need.min_dates, need.min_span_days, enough[PEAK])
            for i in range(n):
                few[i] |= not enough[PEAK, i]
            if not few[:n].all():
                local_lines(cover, known, n, seen, every, sums, curves)
            if few[:n].any():
                expected_seasons(cover, known, n, seen, few, prior, rows[PEAK], scratch, curves, variance)
            for k in range(n_windows):
                _seen_enough(counts[k], spans[k], few, n, k, need.min_dates, need.min_span_days, enough[k])
                _moments_lane(curves, rows[k], n, mean, spread)
                if k == GROWING:
                    found[k] = mean
                    continue
                _quantile_lane(curves, rows[k], pairs[k], need.quantile, sorted_rows, found[k])
                _without_noise(found[k], mean, spread, counts[k], few, n, noise[k], errors[1])
            for i in range(n):
                enough[GROWING, i] &= around[i]
                enough[PEAK, i] |= few[i] & enough[GROWING, i] & (counts[PEAK, i] > 0.0)
            for k in range(n_windows):
                for i in range(n):
                    found[k, i] = found[k, i] if enough[k, i] else np.nan
            _write_lane(found, counts, unknown, few, variance, errors, n, out[:, y, left : left + n])
