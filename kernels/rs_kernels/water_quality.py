"""Water quality from water reflectance pi * Rrs (a fraction), from which the residual of haze and glint has been removed.

Every formula is a published regression for the waters of one region: its values rank waters and dates, and are no measurements.
"""

import math

import numpy as np
from numba import njit

TURBIDITY_RED = (228.1, 0.1641)
"""A in FNU and C of 645 nm (Dogliotti et al. 2015)."""

TURBIDITY_NIR = (3078.9, 0.2112)
"""A in FNU and C of 859 nm (Dogliotti et al. 2015)."""

BLEND_RED_REFL = (0.05, 0.07)
"""Red reflectance below which red alone is used, and above which near infrared alone is (Dogliotti et al. 2015)."""

NIR_859_PER_833 = 3.5258 / 5.1299
"""Water reflectance at 859 nm per that in the broad band at 833 nm: pure water absorbs in inverse proportion, in Sentinel-2A's B08 and B8A
(1/m: WOPP v3, see `rs_pipeline.simulation.optics`, over the bands' responses)."""

COASTAL_PER_BLUE = 0.7
"""Water reflectance at 443 nm per that at 490 nm, for sensors and runs without a coastal band: the median of the 336 spectra of Nechad et al. (2015) is
0.68, nine tenths lie in 0.57-0.90. Over that range the transparency changes by less than 10 %."""

SECCHI_NM = (443.0, 490.0, 560.0, 670.0)
SECCHI_BACKSCATTER = (0.00244, 0.00158, 0.00090, 0.00042)
"""Backscattering of pure water in 1/m at SECCHI_NM (Smith & Baker 1981)."""

SECCHI_ABSORPTION = (0.0619, 0.439)
"""Absorption of pure water in 1/m at 560 and 670 nm (Pope & Fry 1997)."""

SECCHI_SUN_DEG = 30.0
"""Zenith angle of the sun for the attenuation of light: between 20 and 60 degrees the transparency changes by less than 15 %."""

TURBID_RRS = 0.0015
"""Remote sensing reflectance of red, 1/sr, from which red is the reference of the inversion (QAA version 6)."""

NIR_BETWEEN_RED_AND_SWIR1 = (833.0 - 665.0) / (1610.0 - 665.0)
"""Relative position (0-1) of the near infrared between red and SWIR1, centres of Sentinel-2's bands (ESA)."""

LEAST_FAI = 0.02
"""Least floating algae index of plants or scum on the water, in reflectance. A design value: simulated waters without plants, blooms within the water
included, stay below it; water with 3-35 % of its area under plants reaches it in seven cases of ten."""


@njit(cache=True, nogil=True)
def semi_analytical(refl, a, c):
    """A rho / (1 - rho / C) (Nechad et al. 2010); NaN where rho is not in (0, C): no signal, or saturated."""
    if refl > 0.0 and refl < c:
        return a * refl / (1.0 - refl / c)
    return np.nan


@njit(cache=True, nogil=True)
def turbidity_dogliotti(red, nir):
    """Turbidity in FNU from red (645 nm) and near infrared (859 nm) water reflectance (Dogliotti et al. 2015).

    For Sentinel-2's B08 pass ``NIR_859_PER_833 * nir``: without the factor the result would be about 0.2 too high in log10.
    Red alone up to 0.05, near infrared alone from 0.07, a linear blend between; NaN where what is needed is out of range.
    """
    low, high = BLEND_RED_REFL
    if red < low:
        return semi_analytical(red, *TURBIDITY_RED)
    by_nir = semi_analytical(nir, *TURBIDITY_NIR)
    if red >= high:
        return by_nir
    share = (red - low) / (high - low)
    return (1.0 - share) * semi_analytical(red, *TURBIDITY_RED) + share * by_nir


@njit(cache=True, nogil=True)
def turbidity_nechad(red):
    """Turbidity in FNU from 665 nm water reflectance alone, 282.95 rho / (1 - rho / 0.1728) + 0.23 (Nechad et al. 2009)."""
    return semi_analytical(red, 282.95, 0.1728) + 0.23


@njit(cache=True, nogil=True)
def chlorophyll_ndci(ndci):
    """Chlorophyll-a in mg/m3 from the normalised difference chlorophyll index (Mishra & Mishra 2012).

    14.039 + 86.115 x + 194.325 x2; NaN below the vertex of the parabola (x = -0.2216), where it would rise again.
    """
    if ndci >= -86.115 / (2.0 * 194.325):
        return 14.039 + 86.115 * ndci + 194.325 * ndci * ndci
    return np.nan


@njit(cache=True, nogil=True)
def secchi_of_attenuation(kd, rrs):
    """Transparency (Secchi depth) in m from the least diffuse attenuation of the visible bands, 1/m, and the remote sensing reflectance of that band, 1/sr:
    ln(|0.14 - Rrs| / 0.013) / (2.5 Kd) (Lee et al. 2015, Remote Sens. Environ. 169:139)."""
    return math.log(abs(0.14 - rrs) / 0.013) / (2.5 * kd)


@njit(cache=True, nogil=True)
def secchi_depth(coastal, blue, green, red):
    """Transparency (Secchi depth) in m from water reflectance at 443, 490, 560 and 670 nm (Lee et al. 2015); NaN where one is not positive.

    Absorption and backscattering by the quasi-analytical algorithm, version 6 (Lee et al. 2002; IOCCG 2014): the reference is red from TURBID_RRS, else
    green. Attenuation by Lee et al. (2013). On water that is dark by absorption, such as black-odorous water, it is too great, up to four times.
    """
    if not (coastal > 0.0 and blue > 0.0 and green > 0.0 and red > 0.0):
        return np.nan
    rrs = np.array([coastal, blue, green, red]) / math.pi
    below = rrs / (0.52 + 1.7 * rrs)
    u = (np.sqrt(0.089**2 + 4.0 * 0.1245 * below) - 0.089) / (2.0 * 0.1245)
    if rrs[3] >= TURBID_RRS:
        reference, a = 3, SECCHI_ABSORPTION[1] + 0.39 * (rrs[3] / (rrs[0] + rrs[1])) ** 1.14
    else:
        chi = math.log10((below[0] + below[1]) / (below[2] + 5.0 * below[3] ** 2 / below[1]))
        reference, a = 2, SECCHI_ABSORPTION[0] + 10.0 ** (-1.146 - 1.366 * chi - 0.469 * chi**2)
    particles = u[reference] * a / (1.0 - u[reference]) - SECCHI_BACKSCATTER[reference]
    slope = 2.0 * (1.0 - 1.2 * math.exp(-0.9 * below[0] / below[2]))
    least, at = np.inf, 0
    for i in range(4):
        water = SECCHI_BACKSCATTER[i]
        b_b = water + particles * (SECCHI_NM[reference] / SECCHI_NM[i]) ** slope
        a = (1.0 - u[i]) * b_b / u[i]
        kd = (1.0 + 0.005 * SECCHI_SUN_DEG) * a + (1.0 - 0.265 * water / b_b) * 4.26 * (1.0 - 0.52 * math.exp(-10.54 * a)) * b_b
        if kd < least:
            least, at = kd, i
    return secchi_of_attenuation(least, rrs[at])


@njit(cache=True, nogil=True)
def floating_algae_index(red, nir, swir1):
    """Height of the near infrared above the line from red to SWIR1, in reflectance (Hu 2009). Haze and glint hardly change it."""
    return nir - (red + (swir1 - red) * NIR_BETWEEN_RED_AND_SWIR1)


@njit(cache=True, nogil=True)
def floating_share(red, nir, swir1):
    """Share (0-1) of pixels on which plants or scum float: NDVI above 0 and a floating algae index of at least LEAST_FAI; NaN without pixels.

    Reflectance of red, near infrared and SWIR1, float (n,); NaN pixels count as open water. One date does not tell algae from plants.
    """
    found = 0
    for i in range(red.size):
        found += nir[i] > red[i] and floating_algae_index(red[i], nir[i], swir1[i]) >= LEAST_FAI
    return found / red.size if red.size else np.nan
