"""Simulated waters: their constituents, their reflectance, and the errors of a surface-reflectance product.

Ranges are those of Chinese urban waters; all results from them are simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.simulation.optics import RESPONSES, haze_spectrum, water_bands

Range = tuple[float, float]


@dataclass(frozen=True)
class WaterClass:
    """Log-uniform ranges of the constituents of one kind of water."""

    name: str
    chl: Range
    tsm: Range
    a_g440: Range
    a_blk440: Range = (1e-4, 1e-3)
    b_bp: Range = (0.006, 0.014)
    black: bool = False
    sea: bool = False
    plants: Range | None = None
    """Share of emergent plants, uniform."""


_TRACE = (1e-3, 0.05)
WATER_TYPES = (
    WaterClass("deep_sea", (0.03, 1), (0.05, 1.5), (0.005, 0.08), (1e-6, 1e-5), sea=True),
    WaterClass("clean", (0.5, 8), (0.5, 5), (0.05, 0.5)),
    WaterClass("mesotrophic", (5, 25), (3, 15), (0.3, 1.2)),
    WaterClass("eutrophic", (25, 120), (10, 50), (0.6, 2), _TRACE),
    WaterClass("dark_bloom", (20, 300), (3, 20), (0.5, 3), _TRACE),
    WaterClass("bloom", (100, 400), (20, 80), (0.8, 2.5), _TRACE),
    WaterClass("sediment", (2, 20), (60, 600), (0.3, 1.5), _TRACE),
    WaterClass("turbid_coast", (1, 10), (10, 120), (0.15, 0.7), sea=True),
    WaterClass("cdom_marsh", (1, 20), (1, 8), (2, 8), _TRACE),
    WaterClass("shallow_plants", (3, 30), (3, 20), (0.5, 2.5), _TRACE, plants=(0.03, 0.35)),
    WaterClass("bow_black", (5, 60), (10, 60), (2, 6), (3, 20), (0.004, 0.010), black=True),
    WaterClass("bow_grey", (5, 60), (40, 150), (1.5, 5), (1.5, 8), black=True),
    WaterClass("bow_slight", (10, 120), (15, 50), (1.8, 5), (0.5, 3), black=True),
)
"""Classes of water; ``a_blk440`` is an assumed absorption that stands for FeS, MnS and soot."""

# Reflectance of banks in OPTICAL_BANDS: soil, leaves, buildings. Plants emerging from water are darker in the shortwave infrared.
BANK_REFL = np.array([
    [0.08, 0.11, 0.14, 0.17, 0.23, 0.30, 0.25],
    [0.03, 0.06, 0.04, 0.11, 0.38, 0.20, 0.10],
    [0.12, 0.13, 0.14, 0.15, 0.18, 0.20, 0.18],
])  # fmt: skip
PLANT_REFL = np.array([0.02, 0.05, 0.03, 0.09, 0.28, 0.05, 0.02])


def _log_uniform(rng: np.random.Generator, limits: Range, n: int, widen: float) -> np.ndarray:
    return np.exp(rng.uniform(np.log(limits[0] / widen), np.log(limits[1] * widen), n))


def draw_constituents(kind: WaterClass, n: int, rng: np.random.Generator, *, widen: float = 1.0) -> dict[str, np.ndarray]:
    """Arguments of `optics.water_bands`, float64 (n,) each. ``widen`` is a factor that widens the ranges at both ends, for tests outside the
    training ranges."""
    return {name: _log_uniform(rng, getattr(kind, name), n, widen) for name in ("chl", "tsm", "a_g440", "a_blk440", "b_bp")} | {
        "s_blk": rng.uniform(0.002, 0.006, n),
        "s_g": rng.normal(0.0155, 0.0015, n),
        "s_nap": rng.normal(0.0108, 0.001, n),
        "a_nap": rng.uniform(0.025, 0.06, n),
        "eta": rng.uniform(0.2, 1.2, n),
    }


def water_band_refl(platform: str, constituents: dict[str, np.ndarray], *, sea: bool = False) -> np.ndarray:
    """Noise-free water reflectance, float64 (n, 7) in OPTICAL_BANDS; NaN in the red edge where the platform has none."""
    roles = [r for r in OPTICAL_BANDS if r in RESPONSES[platform]]
    refl = np.full((len(constituents["chl"]), len(OPTICAL_BANDS)), np.nan)
    refl[:, [OPTICAL_BANDS.index(r) for r in roles]] = np.pi * water_bands(platform, roles, **constituents, sea=sea)
    return refl


def simulate_water(kind: WaterClass, platform: str, n: int, rng: np.random.Generator, *, widen: float = 1.0) -> np.ndarray:
    """Noise-free reflectance of ``n`` waters of a kind, float64 (n, 7), with its emergent plants."""
    refl = water_band_refl(platform, draw_constituents(kind, n, rng, widen=widen), sea=kind.sea)
    if kind.plants:
        share = rng.uniform(*kind.plants, n)[:, None]
        refl = (1 - share) * refl + share * PLANT_REFL
    return refl


def add_water_errors(refl: np.ndarray, rng: np.random.Generator, *, land_share: float = 0.04) -> np.ndarray:
    """Add the errors of a surface-reflectance product to (n, 7): grey residual, aerosol, bank, white noise."""
    n = len(refl)
    centre_nm = np.array([493, 560, 665, 705, 833, 1610, 2190])
    bank = rng.dirichlet(np.ones(3), n) @ BANK_REFL
    share = np.minimum(rng.exponential(land_share, (n, 1)), 0.9)
    grey = rng.normal(0.004, 0.006, (n, 1))
    aerosol = np.abs(rng.normal(0, 0.004, (n, 1))) * haze_spectrum(centre_nm)
    return (1 - share) * refl + share * bank + grey + aerosol + rng.normal(0, 0.0015, refl.shape)


IS_BLACK = np.array([kind.black for kind in WATER_TYPES])
