"""Factors of the Chinese soil loss equation, A = R K L S B E T (CSLE; Liu et al. 2002), on heights and land cover."""

import math

import numpy as np
from numba import njit

from rs_kernels.calibration import formula

UNIT_PLOT_M = 22.13
"""Slope length at which L is 1, metres."""

T_KM2_PER_T_HA = 100.0

NEIGHBOUR_ROWS = np.array([0, 1, 1, 1, 0, -1, -1, -1])
NEIGHBOUR_COLUMNS = np.array([1, 1, 0, -1, -1, -1, 0, 1])
"""The eight neighbours of a pixel, clockwise from the east; odd ones are diagonal."""


@formula
def steepness_factor(slope_deg):
    """S: 10.8 sin + 0.03 below 5 degrees, 16.8 sin - 0.5 below 10 (McCool et al. 1987), else 21.91 sin - 0.96 (Liu et al. 1994).

    The published pieces do not meet: S jumps by 0.43 at 10 degrees.
    """
    sine = math.sin(math.radians(slope_deg))
    if slope_deg < 5:
        return 10.8 * sine + 0.03
    if slope_deg < 10:
        return 16.8 * sine - 0.5
    return 21.91 * sine - 0.96


@formula
def length_exponent(slope_deg):
    """m of L: 0.2 up to 1 degree, 0.3 up to 3, 0.4 up to 5, else 0.5 (Liu et al. 2002, after Wischmeier and Smith 1978)."""
    if slope_deg <= 1:
        return 0.2
    if slope_deg <= 3:
        return 0.3
    return 0.4 if slope_deg <= 5 else 0.5


@formula
def segment_length_factor(upper_m, lower_m, exponent):
    """L of the part of a slope from ``upper_m`` to ``lower_m`` below its top (Foster and Wischmeier 1974).

    (length / 22.13)^m is the mean of a whole slope. A pixel is a part of one: with the whole slope's formula at its own distance from the top,
    the mean over a slope would be too low by the factor m + 1.
    """
    return (lower_m ** (exponent + 1) - upper_m ** (exponent + 1)) / ((lower_m - upper_m) * UNIT_PLOT_M**exponent)


@formula
def grass_loss_ratio(cover):
    """Soil loss under grass of a cover (0-1) as a share of that of bare fallow; 0.49 without cover: the ground is not tilled."""
    return 1 / (1.25 + 0.78845 * 1.05968 ** (100 * cover))


@formula
def forest_loss_ratio(cover, ground_cover):
    """Soil loss under trees of a cover (0-1) as a share of that of bare fallow, with the cover (0-1) of grass and litter on the ground below them."""
    return 0.44468 * math.exp(-3.20096 * ground_cover) - 0.04099 * math.exp(cover * (1 - ground_cover)) + 0.025


@formula
def cai_loss_ratio(cover):
    """Soil loss under any plants as a share of that of bare ground, from their cover (0-1): 1 without cover, 0 above 78.3 % (Cai et al. 2000). Fitted at the
    Three Gorges."""
    if cover > 0.783:
        return 0.0
    return min(1.0, 0.6508 - 0.3436 * math.log10(100 * cover)) if cover > 0 else 1.0 + 0 * cover


@njit(cache=True, nogil=True, error_model="numpy")
def slope_degrees(height_m, pixel_m, out):
    """Slope (Horn 1981) of heights, float32 (h, w) into ``out`` float32 (h, w), degrees; NaN at the border, and where one of the nine heights is NaN."""
    out[:] = np.nan
    for y in range(1, height_m.shape[0] - 1):
        for x in range(1, height_m.shape[1] - 1):
            a, b, c = height_m[y - 1, x - 1], height_m[y - 1, x], height_m[y - 1, x + 1]
            d, f = height_m[y, x - 1], height_m[y, x + 1]
            g, h, i = height_m[y + 1, x - 1], height_m[y + 1, x], height_m[y + 1, x + 1]
            east = ((c + 2 * f + i) - (a + 2 * d + g)) / (8 * pixel_m)
            south = ((g + 2 * h + i) - (a + 2 * b + c)) / (8 * pixel_m)
            out[y, x] = math.degrees(math.atan(math.hypot(east, south))) + 0 * height_m[y, x]


@njit(cache=True, nogil=True, error_model="numpy")
def _receiver(height_m, y, x):
    """Number of the neighbour in the direction of steepest descent, the first of equals; -1 in a pit, on level ground, and without a height."""
    best, steepest = -1, 0.0
    for k in range(8):
        v, u = y + NEIGHBOUR_ROWS[k], x + NEIGHBOUR_COLUMNS[k]
        if 0 <= v < height_m.shape[0] and 0 <= u < height_m.shape[1]:
            fall = (height_m[y, x] - height_m[v, u]) / (math.sqrt(2.0) if k % 2 else 1.0)
            if fall > steepest:  # false where a height is NaN
                best, steepest = k, fall
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def slope_lengths(height_m, slope_deg, pixel_m, flat_deg, longest_m, upper_m, lower_m):
    """Begin and end of each pixel's segment of its slope: horizontal metres from the top, along the longest path of steepest descent.

    A slope begins at a crest, and below ground less steep than ``flat_deg``, where sediment settles. It is at most ``longest_m`` long: beyond that,
    water has gathered in a rill, a track or a ditch, and the equation does not hold. So heights further away do not affect a pixel.

    Parameters
    ----------
    height_m, slope_deg : float32 (h, w), NaN where unknown.
    upper_m, lower_m : float32 (h, w), written; ``lower_m`` lies a pixel, or its diagonal, below ``upper_m``. NaN where the slope is unknown.
    """
    width = height_m.shape[1]
    upper_m[:] = 0
    for at in np.argsort(-height_m.ravel()):  # from the highest down; NaN last
        y, x = at // width, at % width
        if not (math.isfinite(height_m[y, x]) and math.isfinite(slope_deg[y, x])):
            upper_m[y, x] = lower_m[y, x] = np.nan
            continue
        to, flat = _receiver(height_m, y, x), slope_deg[y, x] < flat_deg
        step = pixel_m * (math.sqrt(2.0) if to >= 0 and to % 2 else 1.0)
        upper_m[y, x] = 0.0 if flat else min(upper_m[y, x], max(0.0, longest_m - step))
        lower_m[y, x] = upper_m[y, x] + step
        if to >= 0 and not flat:
            v, u = y + NEIGHBOUR_ROWS[to], x + NEIGHBOUR_COLUMNS[to]
            upper_m[v, u] = max(upper_m[v, u], lower_m[y, x])


@njit(cache=True, nogil=True, error_model="numpy")
def slope_factors(height_m, pixel_m, flat_deg, longest_m, slope_deg, factor):
    """L S from heights (see `slope_lengths`); ground less steep than ``flat_deg`` counts as level.

    Parameters
    ----------
    height_m : float32 (h, w), NaN where unknown.
    slope_deg, factor : float32 (h, w), written; NaN at the border and beside unknown heights.
    """
    slope_degrees(height_m, pixel_m, slope_deg)
    upper, lower = np.empty_like(height_m), np.empty_like(height_m)
    slope_lengths(height_m, slope_deg, pixel_m, flat_deg, longest_m, upper, lower)
    for y in range(height_m.shape[0]):
        for x in range(height_m.shape[1]):
            slope = 0.0 if slope_deg[y, x] < flat_deg else slope_deg[y, x]
            factor[y, x] = steepness_factor(slope) * segment_length_factor(upper[y, x], lower[y, x], length_exponent(slope))


@njit(cache=True, nogil=True, error_model="numpy")
def _loss_ratio(cover, under_trees, ground_cover, cai):
    if cai:
        return cai_loss_ratio(cover)
    return forest_loss_ratio(cover, ground_cover) if under_trees else grass_loss_ratio(cover)


@njit(cache=True, nogil=True, error_model="numpy")
def cover_factors(land, peak_cover, growing_cover, peak_share, fixed, tree, ground_cover, cai, out):
    """B E T of a year: the loss ratios at the peak cover and at the growing-season cover, weighted by the rain erosivity at those times.

    Parameters
    ----------
    land : float32 (h, w), number of the land class, NaN where unknown.
    peak_cover, growing_cover : float32 (h, w), 0-1, NaN where unknown.
    peak_share : share (0-1) of the year's erosivity that falls at the peak; the rest falls on the growing season's cover.
    fixed : float64 (n,), by number of the class: the factor of classes for which it does not follow from cover; NaN for the others.
    tree : number of the class of trees. ground_cover : cover (0-1) of grass and litter below trees.
    cai : bool, use the curve of Cai et al. in place of those of grass and forest.
    out : float32 (h, w), written; NaN where the class, or a cover that it needs, is unknown.
    """
    for y in range(land.shape[0]):
        for x in range(land.shape[1]):
            out[y, x] = np.nan
            if not math.isfinite(land[y, x]):
                continue
            number = int(land[y, x])
            if math.isfinite(fixed[number]):
                out[y, x] = fixed[number]
            elif math.isfinite(peak_cover[y, x]) and math.isfinite(growing_cover[y, x]):
                at_peak = _loss_ratio(peak_cover[y, x], number == tree, ground_cover, cai)
                in_season = _loss_ratio(growing_cover[y, x], number == tree, ground_cover, cai)
                out[y, x] = peak_share * at_peak + (1 - peak_share) * in_season
