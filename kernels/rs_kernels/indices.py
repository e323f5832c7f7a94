"""Scalar formulas, one place each. Reflectances are fractions (0-1); the result is NaN where a ratio is undefined."""

import math

import numpy as np
from numba import njit

from rs_kernels.calibration import formula
from rs_kernels.statistics import Z95

MIN_DENOMINATOR = 0.005
"""A ratio is undefined where the sum of two reflectances is at or below this: two bands of 25 digital numbers. A design value."""


@njit(cache=True, nogil=True, inline="always")
def normalised_difference(a, b):
    """(a - b) / (a + b); NaN where the sum is at or below MIN_DENOMINATOR. After that test bands are raised to at least 1e-4."""
    if a + b <= MIN_DENOMINATOR:
        return np.nan
    a = max(a, 1e-4)
    b = max(b, 1e-4)
    return (a - b) / (a + b)


@formula
def ndvi(red, nir):
    """Normalised difference vegetation index (Rouse et al. 1974)."""
    return normalised_difference(nir, red)


@formula
def grvi(green, red):
    """Green-red vegetation index (Motohka et al. 2010, Remote Sens. 2:2369): below 0 where leaves are yellow or red."""
    return normalised_difference(green, red)


@formula
def ndwi(green, nir):
    """Normalised difference water index (McFeeters 1996)."""
    return normalised_difference(green, nir)


@formula
def mndwi(green, swir1):
    """Modified normalised difference water index (Xu 2006)."""
    return normalised_difference(green, swir1)


@formula
def awei_sh(blue, green, nir, swir1, swir2):
    """Automated water extraction index, shadow (Feyisa et al. 2014)."""
    return blue + 2.5 * green - 1.5 * (nir + swir1) - 0.25 * swir2


@formula
def wi2015(green, red, nir, swir1, swir2):
    """Water index of Fisher et al. (2016)."""
    return 1.7204 + 171.0 * green + 3.0 * red - 70.0 * nir - 45.0 * swir1 - 71.0 * swir2


@formula
def is_ice(green, red, nir, swir1):
    """Ice or snow on water: NDSI > 0.4 and NIR > 0.11 and red > 0.10 (Hall et al. 1995, Riggs & Hall 2015).

    Turbid water and surf pass the test too: use it only where water may freeze.
    """
    return normalised_difference(green, swir1) > 0.4 and nir > 0.11 and red > 0.10


@formula
def is_bright_as_snow(red, nir):
    """Red and NIR above 0.35: even the most turbid water is darker. High mountains have such ice in summer."""
    return (red > 0.35) & (nir > 0.35)


@formula
def water_tests(blue, green, red, nir, swir1, swir2):
    """Number of tests of dynamic surface water extent (Jones 2019) that are passed: (of T1 to T3, of T4 and T5)."""
    m = mndwi(green, swir1)
    v = ndvi(red, nir)
    first = (m > 0.124) + (green + red > nir + swir1) + (awei_sh(blue, green, nir, swir1, swir2) > 0)
    second = (m > -0.44 and swir1 < 0.09 and nir < 0.15 and v < 0.7) + (m > -0.5 and blue < 0.1 and nir < 0.25 and swir1 < 0.3 and swir2 < 0.1)
    return first, second


@njit(cache=True, nogil=True)
def wofs_water(blue, green, red, nir, swir1, swir2):
    """Water by the decision tree of Water Observations from Space (Mueller et al. 2016), for comparison only; no product uses it.

    Its thresholds were fitted to Landsat reflectance x 1e4 (b1 blue, b3 red, b7 SWIR2). An undefined
    ratio (NaN) meets no condition.
    """
    n52 = normalised_difference(swir1, green)
    n43 = normalised_difference(nir, red)
    n72 = normalised_difference(swir2, green)
    b1, b3, b7 = blue * 1e4, red * 1e4, swir2 * 1e4
    if n52 <= -0.01:
        if b1 > 2083.5:
            return False
        if b7 <= 323.5:
            return n43 <= 0.61
        if b1 > 1400.5:
            return n43 <= -0.01
        if n72 > -0.23:
            return b1 <= 379.0
        return n43 <= 0.22 or b1 <= 473.0
    if n52 <= 0.23:
        if b1 > 334.5 or n43 > 0.54:
            return False
        if n52 <= 0.12:
            return True
        return b1 <= 129.5 if b3 <= 364.5 else b1 <= 300.5
    if n52 <= 0.34:
        return b1 <= 129.5 and n43 <= 0.45 and b3 <= 364.5
    return False


@formula
def is_black(red, nir, swir1, swir2):
    """Darker than any land outside deep shadow: red below 0.04, near and shortwave infrared below 0.025.

    Ratios of such pixels are noise, and black-odorous water is among them.
    """
    return (red < 0.04) & (nir < 0.025) & (swir1 < 0.025) & (swir2 < 0.025)


@formula
def is_hazy_sea(blue, green, red, nir, swir1, swir2):
    """Dark water under a little glint or haze: red below 0.05, NIR below 0.04, shortwave infrared below 0.045, and NIR at least 0.004
    below blue and green.

    Glint and haze are grey, so the fall from blue to NIR remains; shadows on soil, walls and plants have no such fall. Over real deep sea with
    0.02 of glint added this test raises recall from 0.95 to 1.00 without taking more shadowed land for water; limits of 0.04 and 0.045 alone
    would take half as much land again.
    """
    return (red < 0.05) & (nir < 0.04) & (swir1 < 0.045) & (swir2 < 0.045) & (nir <= min(blue, green) - 0.004)


@formula
def is_glint(green, red, nir, swir1, swir2):
    """Clear water under sun glint: red below 0.05 and at least 0.006 below green, NIR below 0.06, SWIR1 below 0.1, SWIR2 at least 0.9 times SWIR1.

    Glint is grey, and a correction for aerosol takes it off the visible bands more than off SWIR. Water in leaves and soils and clay make land darker in
    SWIR2 than in SWIR1; dark roofs and streets do not fall from green to red. The limits are design values. Of 16,000 real spectra of soils, plants,
    roofs and streets none becomes water by this test.
    """
    return (red < 0.05) & (red <= green - 0.006) & (nir < 0.06) & (swir1 < 0.1) & (swir2 >= 0.9 * swir1)


@formula
def is_turbid(blue, green, red, nir, swir1):
    """Water full of sediment, also where a pixel holds some bank: red from 0.05, NIR at most red and below 0.2, SWIR1 below 0.75 times NIR,
    blue at most 0.85 times green.

    Sediment brightens water from green to NIR (Doxaran et al. 2002), and even then water stays dark in SWIR1. Soils, dead plants and most roofs get
    brighter from red to NIR or from NIR to SWIR1, leaves in NIR; clouds and haze are as bright in blue as in green. The limits are design
    values. Of 16,000 real spectra of soils, plants, roofs and streets none becomes water by this test.
    """
    return (red >= 0.05) & (nir <= red) & (nir < 0.2) & (swir1 < 0.75 * nir) & (blue <= 0.85 * green)


RADAR_WEIGHT = 1.2
"""Log-odds that the radar evidence of a month adds or subtracts."""


@formula
def water_logit(blue, green, red, nir, swir1, swir2, radar):
    """Log-odds of water on one date from the five tests, MNDWI, darkness and radar; `sediment_logit` is added where the tide bares no mud.

    ``radar`` is 1 (water), -1 (not water) or 0 (not seen). The weights are design values:
    -0.5 + 1.6 (T1+T2+T3 - 1.5) + 0.8 (T4+T5 - 1) + 4 clip(MNDWI, -0.5, 0.8) + RADAR_WEIGHT radar, and 3 more for a black pixel or a hazy sea,
    4 more for sun glint.
    """
    first, second = water_tests(blue, green, red, nir, swir1, swir2)
    m = mndwi(green, swir1)
    if math.isnan(m):
        m = 0.0
    return (
        -0.5
        + 1.6 * (first - 1.5)
        + 0.8 * (second - 1.0)
        + 4.0 * min(max(m, -0.5), 0.8)
        + RADAR_WEIGHT * radar
        + (3.0 if is_black(red, nir, swir1, swir2) | is_hazy_sea(blue, green, red, nir, swir1, swir2) else 0.0)
        + (4.0 if is_glint(green, red, nir, swir1, swir2) else 0.0)
    )


@formula
def sediment_logit(blue, green, red, nir, swir1):
    """What sediment adds to `water_logit`: 4 for turbid water, else 0. Not where the tide bares mud, which looks alike under a film of water."""
    return 4.0 if is_turbid(blue, green, red, nir, swir1) else 0.0


@formula
def fractional_cover(ndvi_value, ndvi_soil, ndvi_vegetation, k):
    """Vegetation fraction of a two-endmember mixture, exact for reflectance that mixes linearly.

    f = (N-Ns) / ((N-Ns) + K (Nv-N)) with K = (Rv+NIRv) / (Rs+NIRs), clipped to 0-1. With K = 1 it is the
    plain dimidiate model (Gutman & Ignatov 1998).
    """
    if ndvi_value <= ndvi_soil:
        return 0.0
    if ndvi_value >= ndvi_vegetation:
        return 1.0
    return (ndvi_value - ndvi_soil) / ((ndvi_value - ndvi_soil) + k * (ndvi_vegetation - ndvi_value))


@njit(cache=True, nogil=True)
def fractional_cover_sigma(ndvi_value, ndvi_soil, ndvi_vegetation, sigma_ndvi, sigma_soil, sigma_vegetation):
    """Standard error of the plain dimidiate fraction by error propagation; the fraction with K differs from the plain one by less than this."""
    d = ndvi_vegetation - ndvi_soil
    a = sigma_ndvi / d
    b = (ndvi_value - ndvi_vegetation) * sigma_soil / d**2
    c = (ndvi_value - ndvi_soil) * sigma_vegetation / d**2
    return math.sqrt(a * a + b * b + c * c)


@njit(cache=True, nogil=True)
def wilson(successes, trials):
    """Wilson (1927) 95 % interval of a proportion: (lower, upper); (NaN, NaN) without trials."""
    if trials <= 0:
        return np.nan, np.nan
    z2 = Z95**2
    p = successes / trials
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2) / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)
