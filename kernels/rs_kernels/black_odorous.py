"""Black-and-odorous water: colour indices, the detector, and its pass over the dates of a pixel.

Reflectances are water reflectances pi * Rrs, as fractions (0-1). Published thresholds on Rrs (1/sr) are multiplied by pi for differences, and
used as they are for ratios.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance

COLOUR_FEATURES = ("boi", "ndbwi", "dbwi", "green_refl", "visible_refl", "hue_deg", "saturation", "nir_red", "blackness")
"""Features that need blue, green, red and near infrared only."""

SPECTRUM_FEATURES = (*COLOUR_FEATURES, "ndci", "red_edge_height")
"""All features, in the order of ``spectrum_features``; the last two need the red edge."""

PIXEL_LAYERS = ("probability", "n_dates", "n_positive", "n_months", "n_vetoed")
"""Layers of ``pixel_black_odorous``, in order."""

VETOES = ("", "sediment", "bloom", "macrophyte")
"""Names of the codes that ``veto`` returns."""

NOT_WATER, CLEAR, POSSIBLE, SUSPECTED, TOO_FEW_DATES = 0.0, 1.0, 2.0, 3.0, 4.0
"""Codes of the class layer."""

MAX_LOG_ODDS = 4.0
"""The log-odds of one date of a pixel are clipped to +- this: unclipped sums over dates are worse than a single date. Natural logarithm; a design value."""

VETOED_LOG_ODDS = -2.0
"""Upper limit of the log-odds of a date that another cause explains (P = 0.12). A design value."""

MAX_GREY_REFL = 0.02
"""Largest grey residual (haze, glint) that is removed, reflectance: a brighter one is bank or bottom, not air. A design value."""

SURROUNDINGS_SHARE, SURROUNDINGS_SIGMA = 0.04, 0.015
"""Share of the reflectance of surrounding land that the atmosphere scatters into a water pixel: mean and standard deviation over dates (after Sterckx et
al. 2015)."""

SWIR_SIGMA_REFL = 0.0015
"""Error of the difference of two shortwave infrared bands over water, reflectance. Training adds as much noise to a band
(`rs_pipeline.training.water_types.add_water_errors`)."""

MIN_SPECTRUM_REFL = 0.001
"""Least reflectance of a band after the residual is removed, so that ratios stay defined on black water: ten steps of a digital
number."""

RED_EDGE_POSITION = 40.0 / 168.0
"""Relative position (0-1) of 705 nm between red (665 nm) and near infrared (833 nm), centres of Sentinel-2's bands (ESA)."""

STANDARDISED_LIMIT = 3.0
"""Standardised features are clipped to +- this: the quadratic terms of the model would amplify outliers. A design value."""


class Detector(NamedTuple):
    """The weights of `log_odds`."""

    rededge: tuple
    """For spectra with a red edge, all SPECTRUM_FEATURES."""
    colour: tuple
    """For those without, COLOUR_FEATURES."""


class ClassLimits(NamedTuple):
    """What each class requires, see `reach_class`."""

    min_dates: int
    """With fewer assessed dates the class is TOO_FEW_DATES."""
    min_share: float
    """Least share of positive dates for SUSPECTED, 0-1."""
    min_months: int
    """Least number of months with a positive date for SUSPECTED."""
    suspected: float
    """Least probability (0-1) for SUSPECTED."""
    possible: float
    """Least probability (0-1) for POSSIBLE."""


@njit(cache=True, nogil=True)
def boi(blue, green, red):
    """Black-odorous index (green - red) / (blue + green + red) (Yao et al. 2019); NaN where the sum is not positive."""
    total = blue + green + red
    return (green - red) / total if total > 0 else np.nan


@njit(cache=True, nogil=True)
def _contrast(a, b):
    """(a - b) / (a + b); NaN where the sum is not positive. Unlike `normalised_difference` it has a value on the darkest water."""
    total = a + b
    return (a - b) / total if total > 0 else np.nan


@njit(cache=True, nogil=True)
def ndbwi(green, red):
    """Normalised difference black water index (green - red) / (green + red) (Wen et al. 2018); NaN where undefined."""
    return _contrast(green, red)


@njit(cache=True, nogil=True)
def dbwi(blue, green):
    """Difference black water index green - blue, in reflectance: the published range 0-0.0036 1/sr is 0-0.0113 here."""
    return green - blue


@njit(cache=True, nogil=True)
def chromaticity(blue, green, red):
    """CIE 1931 x and y from three bands, Landsat 7 weights (van der Woerd & Wernand 2018); NaN without light."""
    x = 13.104 * blue + 53.791 * green + 31.304 * red
    y = 24.097 * blue + 65.801 * green + 15.883 * red
    z = 63.845 * blue + 2.142 * green + 0.013 * red
    total = x + y + z
    if total <= 0:
        return np.nan, np.nan
    return x / total, y / total


@njit(cache=True, nogil=True)
def hue_angle(blue, green, red):
    """Hue angle in degrees from three bands, with the Landsat 7 correction (van der Woerd & Wernand 2018)."""
    x, y = chromaticity(blue, green, red)
    alpha = math.degrees(math.atan2(y - 1.0 / 3.0, x - 1.0 / 3.0)) % 360.0
    a = alpha / 100.0
    return alpha + ((((-84.94 * a + 594.17) * a - 1559.86) * a + 1852.50) * a - 918.11) * a + 151.49


@njit(cache=True, nogil=True)
def saturation(blue, green, red):
    """Distance from the white point (1/3, 1/3) in the CIE diagram; low for grey and black water (Shen et al. 2019)."""
    x, y = chromaticity(blue, green, red)
    return math.hypot(x - 1.0 / 3.0, y - 1.0 / 3.0)


@njit(cache=True, nogil=True)
def ndci(red, rededge1):
    """Normalised difference chlorophyll index (Mishra & Mishra 2012); NaN where the sum is not positive."""
    return _contrast(rededge1, red)


@njit(cache=True, nogil=True)
def red_edge_height(red, rededge1, nir):
    """Height of 705 nm above the line from red to near infrared, in reflectance (after Gower et al. 2005)."""
    return rededge1 - (red + (nir - red) * RED_EDGE_POSITION)


@njit(cache=True, nogil=True)
def grey_residual(swir1, swir2):
    """Reflectance of haze and glint: water is black in the shortwave infrared. Within +-MAX_GREY_REFL."""
    return min(max(min(swir1, swir2), -MAX_GREY_REFL), MAX_GREY_REFL)


@njit(cache=True, nogil=True)
def surroundings_share(swir1, swir2, around1, around2):
    """Share of the surroundings in what is seen of water, which is itself black in both shortwave infrared bands.

    Haze and glint add the same to both bands. So the difference of the bands over water, divided by their difference over the surroundings
    (``around1``, ``around2``), is the share that was scattered in. This estimate is averaged with SURROUNDINGS_SHARE, weighted by inverse
    variances, because bricks and dry soil hardly differ between the two bands. Within 0 and 0.1; SURROUNDINGS_SHARE where a value is NaN.
    """
    contrast = around1 - around2
    precision = (contrast / SWIR_SIGMA_REFL) ** 2
    prior = 1.0 / SURROUNDINGS_SIGMA**2
    share = ((swir1 - swir2) * contrast / SWIR_SIGMA_REFL**2 + SURROUNDINGS_SHARE * prior) / (precision + prior)
    return SURROUNDINGS_SHARE if math.isnan(share) else min(max(share, 0.0), 0.1)


@njit(cache=True, nogil=True)
def spectrum_features(blue, green, red, rededge1, nir, grey, out):
    """Write SPECTRUM_FEATURES of one spectrum, less its grey residual, into ``out`` float64 (11,).

    Without a red edge pass any number for it and use the first nine.
    """
    b, g, r = max(blue - grey, MIN_SPECTRUM_REFL), max(green - grey, MIN_SPECTRUM_REFL), max(red - grey, MIN_SPECTRUM_REFL)
    e, n = max(rededge1 - grey, MIN_SPECTRUM_REFL), max(nir - grey, MIN_SPECTRUM_REFL)
    out[0] = boi(b, g, r)
    out[1] = ndbwi(g, r)
    out[2] = dbwi(b, g)
    out[3] = g
    out[4] = b + g + r
    out[5] = hue_angle(b, g, r)
    out[6] = saturation(b, g, r)
    out[7] = n / r
    out[8] = -math.log10(g)
    out[9] = ndci(r, e)
    out[10] = red_edge_height(r, e, n)


@njit(cache=True, nogil=True)
def log_odds(features, weights):
    """Quadratic logistic model of standardised features; the first n features are used.

    ``weights`` is (centre (n,), spread (n,), linear (n,), quadratic (n, n) upper triangle, intercept), float64.
    ``features`` is overwritten by the standardised values, clipped to +-3.
    """
    centre, spread, linear, quadratic, intercept = weights
    n = centre.size
    for i in range(n):
        z = (features[i] - centre[i]) / spread[i]
        features[i] = min(max(z, -STANDARDISED_LIMIT), STANDARDISED_LIMIT)
    total = intercept
    for i in range(n):
        inner = linear[i]
        for j in range(i, n):
            inner += quadratic[i, j] * features[j]
        total += inner * features[i]
    return total


@njit(cache=True, nogil=True)
def veto(green, red, rededge1, nir, has_rededge):
    """Another cause that explains dark or turbid water, as an index into VETOES. Residual-corrected reflectance.

    sediment: red > 0.07, above green, with NIR > 0.02. bloom: NDCI > 0.2 and a red-edge height > 0.01; a
    third of simulated black-odorous spectra meet one of the two, because banks raise both. macrophyte: NDVI > 0 with
    NIR > 0.05, because on near-black water NDVI is noise.
    """
    if red > 0.07 and red > green and nir > 0.02:
        return 1
    if has_rededge and red_edge_height(red, rededge1, nir) > 0.01 and ndci(red, rededge1) > 0.2:
        return 2
    if nir > red and nir > 0.05:
        return 3
    return 0


@njit(cache=True, nogil=True)
def date_evidence(blue, green, red, rededge1, nir, grey, has_rededge, detector, scratch):
    """(log-odds, unclipped, and veto) of one spectrum on one date. ``scratch`` is float64 (11,)."""
    spectrum_features(blue, green, red, rededge1, nir, grey, scratch)
    value = log_odds(scratch, detector.rededge) if has_rededge else log_odds(scratch, detector.colour)
    return value, veto(green - grey, red - grey, rededge1 - grey, nir - grey, has_rededge)


@njit(cache=True, nogil=True)
def spectra_evidence(spectra, grey, has_rededge, detector):
    """`date_evidence` of many spectra: log-odds, unclipped, float64 (n,) and veto int64 (n,).

    Parameters
    ----------
    spectra : float (n, 5 or more), blue, green, red, rededge1, nir.
    grey : float (n,), residual to remove.
    """
    n = spectra.shape[0]
    value, cause, scratch = np.empty(n), np.empty(n, np.int64), np.empty(len(SPECTRUM_FEATURES))
    for i in range(n):
        s = spectra[i]
        value[i], cause[i] = date_evidence(s[0], s[1], s[2], s[3], s[4], grey[i], has_rededge, detector, scratch)
    return value, cause


@njit(cache=True, nogil=True)
def reach_class(probability, n_dates, positive_share, n_months, limits):
    """CLEAR, POSSIBLE, SUSPECTED or TOO_FEW_DATES of a pixel. The probability of a pixel is not calibrated, unlike that of a reach.

    Suspected needs the probability, the share of positive dates and positive dates in enough months; the share of
    60 % mirrors the official rule for black-odorous points (Jiancheng [2015] 130).
    """
    min_dates, min_share, min_months, suspected, possible = limits
    if n_dates < min_dates or math.isnan(probability):
        return TOO_FEW_DATES
    if probability >= suspected and positive_share >= min_share and n_months >= min_months:
        return SUSPECTED
    return POSSIBLE if probability >= possible else CLEAR


@njit(cache=True, nogil=True)
def pixel_black_odorous(stack, rededge, season, water, max_swir1_refl, detector, out):
    """Evidence of black-odorous water at every water pixel, in one pass over the dates.

    A date is assessed where it lies in season, is not flagged, has all bands, and is not brighter than
    ``max_swir1_refl`` in SWIR1 (glint, mixed or dry pixel). There is no test of a water index: it would reject the
    darkest water, where haze outweighs the signal. A vetoed date counts at most VETOED_LOG_ODDS and is never positive.

    Parameters
    ----------
    stack : `rs_kernels.stack.Stack`.
    rededge : bool (T,), whether the red edge of that date may be used.
    season : bool (T,), whether the date lies in the window and the sun is high enough.
    water : bool (h, w), pixels to assess.
    detector : `Detector`.
    out : float32 (5, h, w), written: PIXEL_LAYERS. All NaN where ``water`` is False; without an assessed date the
        counts are 0 and the probability is NaN. ``n_months`` counts months with a positive date.
    """
    dn, bits, bad_bits, month = stack.dn, stack.bits, stack.bad_bits, stack.month
    n_scenes, _, h, w = dn.shape
    scratch = np.empty(len(SPECTRUM_FEATURES))
    for y in range(h):
        for x in range(w):
            if not water[y, x]:
                out[:, y, x] = np.nan
                continue
            total, n_dates, n_positive, n_months, n_vetoed = 0.0, 0, 0, 0, 0
            last_month = -1
            for t in range(n_scenes):
                if not season[t] or bits[t, y, x] & bad_bits:
                    continue
                if min(dn[t, 0, y, x], dn[t, 1, y, x], dn[t, 2, y, x], dn[t, 4, y, x], dn[t, 5, y, x], dn[t, 6, y, x]) == 0:
                    continue
                s, o = stack.scale[t], stack.offset[t]
                blue, green, red = reflectance(dn[t, 0, y, x], s, o), reflectance(dn[t, 1, y, x], s, o), reflectance(dn[t, 2, y, x], s, o)
                nir, swir1, swir2 = reflectance(dn[t, 4, y, x], s, o), reflectance(dn[t, 5, y, x], s, o), reflectance(dn[t, 6, y, x], s, o)
                if swir1 > max_swir1_refl:
                    continue
                has_rededge = rededge[t] and dn[t, 3, y, x] > 0
                value, cause = date_evidence(
                    blue, green, red, reflectance(dn[t, 3, y, x], s, o), nir, grey_residual(swir1, swir2), has_rededge, detector, scratch
                )
                value = min(max(value, -MAX_LOG_ODDS), MAX_LOG_ODDS)
                n_dates += 1
                if cause > 0:
                    n_vetoed += 1
                    value = min(value, VETOED_LOG_ODDS)
                elif value > 0:
                    n_positive += 1
                    n_months += month[t] != last_month
                    last_month = month[t]
                total += value
            out[0, y, x] = 1.0 / (1.0 + math.exp(-total / n_dates)) if n_dates else np.nan
            out[1, y, x], out[2, y, x], out[3, y, x], out[4, y, x] = n_dates, n_positive, n_months, n_vetoed


@njit(cache=True, nogil=True)
def pixel_classes(layers, limits, out):
    """Class of every pixel from the layers of ``pixel_black_odorous``, float32 (5, h, w), into ``out`` float32 (h, w).

    0 not water (``n_dates`` is NaN), 1 clear, 2 possible, 3 suspected, 4 too few dates.
    """
    h, w = out.shape
    for y in range(h):
        for x in range(w):
            if math.isnan(layers[1, y, x]):
                out[y, x] = NOT_WATER
            else:
                share = layers[2, y, x] / max(layers[1, y, x], 1.0)
                out[y, x] = reach_class(layers[0, y, x], layers[1, y, x], share, layers[3, y, x], limits)
