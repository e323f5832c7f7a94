"""Water quality from water reflectance pi * Rrs (a fraction), from which the residual of haze and glint has been removed.

Every formula is a published regression for the waters of one region: its values rank waters and dates, and are no measurements.
"""

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
