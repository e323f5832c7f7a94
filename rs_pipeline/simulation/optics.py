"""Water colour from its constituents: a forward bio-optical model, and boxcar sensor responses.

The model follows Lee et al. (1998, 1999) and Gordon et al. (1988), with a grey absorber for black-odorous water
(FeS, MnS, soot). That absorber is an assumption of the model: accuracy measured with it must be called simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.interpolate import PchipInterpolator

RESPONSES: dict[str, dict[str, tuple[float, float]]] = {
    "sentinel-2a": {
        "coastal": (433, 452), "blue": (460, 524), "green": (543, 577), "red": (650, 679), "rededge1": (698, 711),
        "rededge2": (734, 747), "rededge3": (774, 792), "nir": (783, 887), "nir_narrow": (855, 874),
        "swir1": (1569, 1658), "swir2": (2113, 2286),
    },
    "sentinel-2b": {
        "coastal": (433, 452), "blue": (460, 524), "green": (542, 576), "red": (650, 679), "rededge1": (697, 711),
        "rededge2": (733, 745), "rededge3": (771, 789), "nir": (783, 887), "nir_narrow": (854, 874),
        "swir1": (1565, 1657), "swir2": (2093, 2276),
    },
    "sentinel-2c": {
        "coastal": (434, 454), "blue": (457, 521), "green": (543, 578), "red": (652, 681), "rededge1": (700, 714),
        "rededge2": (734, 748), "rededge3": (775, 794), "nir": (786, 881), "nir_narrow": (856, 875),
        "swir1": (1567, 1656), "swir2": (2101, 2283),
    },
    "landsat-5": {
        "blue": (452, 517), "green": (529, 609), "red": (625, 693), "nir": (776, 905), "swir1": (1569, 1783), "swir2": (2099, 2346),
    },
    "landsat-7": {
        "blue": (442, 513), "green": (520, 600), "red": (631, 692), "nir": (772, 898), "swir1": (1549, 1747), "swir2": (2066, 2344),
    },
    "landsat-8": {
        "coastal": (435, 450), "blue": (453, 512), "green": (533, 590), "red": (636, 673), "nir": (851, 878),
        "swir1": (1567, 1651), "swir2": (2108, 2294),
    },
    "landsat-9": {
        "coastal": (436, 450), "blue": (452, 511), "green": (533, 589), "red": (636, 672), "nir": (851, 878),
        "swir1": (1566, 1651), "swir2": (2106, 2294),
    },
}  # fmt: skip
"""Half-maximum limits in nm of each platform's bands, by role (from the agencies' response functions).

A boxcar over them differs from the full response by at most 1.1 % for Sentinel-2 B2-B7 and B8A, 4.3 % for B8.
"""

# Absorption of pure water at 20 C in 1/m: WOPP v3 (Pope & Fry 1997; Mason et al. 2016). The last three points are rounded
# from Hale & Querry (1973); they need only be large enough to make water black in the shortwave infrared.
_WATER_NM = np.array([*range(400, 721, 10), 740, 760, 780, 800, 820, 840, 860, 880, 900, 920, 940, 960, 980, 1000, 1600, 2200, 2400], dtype=float)
_WATER_A = np.array([
    0.00222, 0.00266, 0.00312, 0.00376, 0.00522, 0.00808, 0.00909, 0.01030, 0.01214, 0.01460, 0.02073, 0.03300, 0.04180, 0.04450,
    0.04910, 0.05810, 0.06380, 0.07160, 0.09300, 0.14110, 0.23525, 0.26440, 0.27550, 0.29160, 0.31080, 0.34000, 0.41000, 0.43900,
    0.46500, 0.51600, 0.61260, 0.85605, 1.28344, 2.477, 2.611, 2.271, 1.964, 2.483, 3.681, 4.940, 5.830, 6.792, 11.338, 29.005,
    44.137, 43.851, 37.699, 670.0, 1650.0, 4000.0,
])  # fmt: skip
_WATER_CURVE = PchipInterpolator(_WATER_NM, _WATER_A)
# Shape of phytoplankton absorption, 400-720 nm every 10 nm (Lee et al. 1998).
_PHYTO_NM = np.arange(400.0, 721.0, 10.0)
_PHYTO_A0 = np.array([
    0.6843, 0.7782, 0.8637, 0.9603, 1.0, 0.9634, 0.9311, 0.8697, 0.7890, 0.7558, 0.7333, 0.6911, 0.6327, 0.5681, 0.5046, 0.4262,
    0.3433, 0.2950, 0.2784, 0.2595, 0.2389, 0.2745, 0.3197, 0.3421, 0.3331, 0.3502, 0.5610, 0.8435, 0.7485, 0.3890, 0.1360, 0.0545,
    0.0250,
])  # fmt: skip
_PHYTO_A1 = np.array([
    0.0205, 0.0129, 0.0064, 0.0017, 0.0, 0.0060, 0.0109, 0.0157, 0.0152, 0.0256, 0.0559, 0.0865, 0.0981, 0.0969, 0.0900, 0.0781,
    0.0659, 0.0600, 0.0581, 0.0540, 0.0495, 0.0578, 0.0674, 0.0718, 0.0685, 0.0713, 0.1128, 0.1595, 0.1388, 0.0812, 0.0317, 0.0128,
    0.0054,
])  # fmt: skip


Values: TypeAlias = float | np.ndarray
"""A number or an array; the arguments of a function broadcast together."""

SENTINEL_PLATFORMS = ("sentinel-2a", "sentinel-2b", "sentinel-2c")
"""Sentinel-2 platforms of RESPONSES."""


def water_absorption(wavelength_nm: Values) -> np.ndarray:
    """Absorption of pure water at 20 C, 1/m, for 400-2400 nm; monotone cubic interpolation, because the table is coarse beyond 720 nm."""
    return _WATER_CURVE(wavelength_nm)


def phytoplankton_absorption(wavelength_nm: Values, chl: Values) -> np.ndarray:
    """Absorption by phytoplankton, 1/m, of ``chl`` mg/m3 (Lee et al. 1998); zero outside 400-720 nm."""
    a_440 = 0.06 * np.maximum(chl, 1e-3) ** 0.65
    a0 = np.interp(wavelength_nm, _PHYTO_NM, _PHYTO_A0, left=0.0, right=0.0)
    a1 = np.interp(wavelength_nm, _PHYTO_NM, _PHYTO_A1, left=0.0, right=0.0)
    return np.maximum((a0 + a1 * np.log(a_440)) * a_440, 0.0)


def absorption(
    wavelength_nm: Values, chl: Values, tsm: Values, a_g440: Values, *,
    a_blk440: Values = 0.0, s_blk: Values = 0.004, s_g: Values = 0.015, s_nap: Values = 0.0105, a_nap: Values = 0.041,
) -> np.ndarray:  # fmt: skip
    """Total absorption, 1/m: water, phytoplankton, dissolved organic, mineral and black matter. Arguments as `water_rrs`."""
    from_440 = np.asarray(wavelength_nm, dtype=float) - 440.0
    return (
        water_absorption(wavelength_nm)
        + phytoplankton_absorption(wavelength_nm, chl)
        + a_g440 * np.exp(-s_g * from_440)
        + a_nap * tsm * np.exp(-s_nap * from_440)
        + a_blk440 * np.exp(-s_blk * from_440)
    )


def backscattering(wavelength_nm: Values, chl: Values, tsm: Values, *, b_bp: Values = 0.0105, eta: Values = 0.7, sea: bool = False) -> np.ndarray:
    """Total backscattering, 1/m: water (30 % more in sea water), particles and phytoplankton. Arguments as `water_rrs`."""
    wavelength_nm = np.asarray(wavelength_nm, dtype=float)
    water = 0.00111 * (wavelength_nm / 500.0) ** -4.32 * np.where(sea, 1.30, 1.0)
    particles = b_bp * tsm * (wavelength_nm / 555.0) ** -np.asarray(eta, dtype=float)
    return water + particles + 0.0006 * np.maximum(chl, 0.0) ** 0.766 * (wavelength_nm / 555.0) ** -0.5


def water_rrs(
    wavelength_nm: Values, chl: Values, tsm: Values, a_g440: Values, *,
    a_blk440: Values = 0.0, s_blk: Values = 0.004, s_g: Values = 0.015, s_nap: Values = 0.0105, a_nap: Values = 0.041,
    b_bp: Values = 0.0105, eta: Values = 0.7, sea: bool = False,
) -> np.ndarray:  # fmt: skip
    """Remote-sensing reflectance of optically deep water, 1/sr.

    All arguments broadcast together, float64. For many waters give each parameter the shape (n, 1) and the
    wavelengths the shape (m,): the result is (n, m). For ready-made bands see `water_bands`.

    Parameters
    ----------
    wavelength_nm : 400-2400 nm.
    chl : chlorophyll-a, mg/m3.
    tsm : total suspended matter, g/m3.
    a_g440 : absorption of coloured dissolved organic matter at 440 nm, 1/m, with the exponential slope ``s_g``, 1/nm.
    a_blk440 : absorption of black matter at 440 nm, 1/m, with the exponential slope ``s_blk``, 1/nm.
    a_nap, s_nap : mass-specific absorption of mineral matter at 440 nm, m2/g, and its slope, 1/nm.
    b_bp, eta : mass-specific backscattering at 555 nm, m2/g, and its spectral exponent.
    sea : bool, sea water, which scatters more than fresh water.

    Source: Gordon et al. (1988) with the coefficients of Lee et al. (1999); air-water transfer 0.52 r / (1 - 1.7 r).
    """
    a = absorption(wavelength_nm, chl, tsm, a_g440, a_blk440=a_blk440, s_blk=s_blk, s_g=s_g, s_nap=s_nap, a_nap=a_nap)
    b_b = backscattering(wavelength_nm, chl, tsm, b_bp=b_bp, eta=eta, sea=sea)
    u = b_b / (a + b_b)
    below_surface = (0.089 + 0.1245 * u) * u
    return 0.52 * below_surface / (1.0 - 1.7 * below_surface)


def water_refl(wavelength_nm: Values, chl: Values, tsm: Values, a_g440: Values, **optics: Any) -> np.ndarray:
    """Water reflectance pi * Rrs, unitless. Arguments as `water_rrs`."""
    return np.pi * water_rrs(wavelength_nm, chl, tsm, a_g440, **optics)


def haze_spectrum(wavelength_nm: np.ndarray) -> np.ndarray:
    """Light that haze adds at each wavelength relative to 555 nm: Angstrom's (1929) power law with the exponent 1.3 of common aerosol."""
    return (wavelength_nm / 555.0) ** -1.3


def response_nm(sensor: str, role: str, samples: int = 15) -> np.ndarray:
    """Wavelengths in nm, midpoints of equal steps over the boxcar of a band; their mean spectrum is the band value.

    ``sensor`` is a platform of RESPONSES, such as ``sentinel-2a``; KeyError names what is missing.
    """
    low, high = RESPONSES[sensor][role]
    return low + (np.arange(samples) + 0.5) * (high - low) / samples


def band_values(sensor: str, roles: Sequence[str], wavelength_nm: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """Boxcar band means of sampled spectra: (..., m) at wavelengths (m,) to (..., bands)."""
    spectrum = np.asarray(spectrum, dtype=float)
    flat = spectrum.reshape(-1, spectrum.shape[-1])
    means = [[np.interp(response_nm(sensor, role), wavelength_nm, row).mean() for role in roles] for row in flat]
    return np.array(means).reshape(*spectrum.shape[:-1], len(roles))


def water_bands(sensor: str, roles: Sequence[str], chl: Values, tsm: Values, a_g440: Values, **optics: Any) -> np.ndarray:
    """Rrs in the bands of a platform, 1/sr: parameters of shape (...) to (..., bands). Arguments as `water_rrs`.

    >>> water_bands("sentinel-2a", ["green", "red"], 2.0, 1.5, 0.15).round(4).tolist()
    [0.0067, 0.0016]
    """
    parameters = [np.asarray(value, dtype=float)[..., None] for value in (chl, tsm, a_g440)]
    optics = {name: np.asarray(value)[..., None] for name, value in optics.items()}
    return np.stack([water_rrs(response_nm(sensor, role), *parameters, **optics).mean(axis=-1) for role in roles], axis=-1)
