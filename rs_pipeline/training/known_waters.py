"""Seasons of simulated waters: they define which waters are like those of the training (`KnownWaters`).

A season is that of a reach of one water that varies from date to date, observed through air that scatters light of the surroundings in. The spectra
pass `scoring.without_air`, as in the chain, so they have the same residuals.
"""

from __future__ import annotations

import numpy as np

from rs_pipeline.products.black_odorous.model import KNOWN_MIN_REFL, LEFT_OUT, KnownWaters
from rs_pipeline.products.black_odorous.scoring import BLUE, GREEN, NIR, RED, SWIR1, without_air
from rs_pipeline.simulation.optics import haze_spectrum
from rs_pipeline.training.water_types import BANK_REFL, PLANT_REFL, WATER_TYPES, WaterClass, draw_constituents, water_band_refl

WIDEN = 1.2
"""Factor by which the ranges of the constituents are widened, compared with single dates."""

DATES_PER_WATER = 10
DAY_TO_DAY = 0.25
"""Standard deviation of the logarithm of a constituent from date to date."""


def season_refl(kind: WaterClass, n: int, rng: np.random.Generator) -> np.ndarray:
    """Median reflectance of ``n`` seasons of a water in KNOWN_BANDS, float64 (n, 4), after the correction for air and surroundings."""
    base = draw_constituents(kind, n, rng, widen=WIDEN)
    plants = rng.uniform(*kind.plants, (n, 1)) if kind.plants else 0.0
    around = rng.dirichlet(np.full(3, 1.5), n) @ BANK_REFL
    dates = np.empty((DATES_PER_WATER, n, 4))
    for date in dates:
        varying = {name: base[name] * np.exp(rng.normal(0, DAY_TO_DAY, n)) for name in ("chl", "tsm", "a_g440", "a_blk440")}
        water = (1 - plants) * water_band_refl("sentinel-2a", base | varying, sea=kind.sea) + plants * PLANT_REFL
        seen = _through_air(water, around, rng)
        for i, spectrum in enumerate(seen):
            clean, _, _ = without_air(spectrum[None], spectrum[SWIR1:], around[i])
            date[i] = clean[0, [BLUE, GREEN, RED, NIR]]
    return np.median(dates, axis=0)


def _through_air(water: np.ndarray, around: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Observed reflectance (n, 7): water with a small share of bank, scattered light of the surroundings, haze, and the noise of a median over pixels."""
    n = len(water)
    centre_nm = np.array([493, 560, 665, 705, 833, 1610, 2190])
    bank = np.minimum(rng.exponential(0.01, (n, 1)), 0.2)
    share = rng.uniform(0.02, 0.06, (n, 1))
    haze = rng.normal(0.003, 0.005, (n, 1)) + np.abs(rng.normal(0, 0.004, (n, 1))) * haze_spectrum(centre_nm)
    surface = (1 - bank) * water + bank * around
    return (1 - share) * surface + share * around * np.exp(rng.normal(0, 0.1, water.shape)) + haze + rng.normal(0, 0.0005, water.shape)


def known_waters(n: int, seed: int) -> KnownWaters:
    """The water classes of the training as distributions of ``n`` seasons each; the limit of the distance comes from another ``n`` seasons of each."""
    rng = np.random.default_rng(seed)
    mean, precision = [], []
    for kind in WATER_TYPES:
        seasons = np.log(np.maximum(season_refl(kind, n, rng), KNOWN_MIN_REFL))
        mean.append(seasons.mean(axis=0))
        precision.append(np.linalg.inv(np.cov(seasons.T)))
    known = KnownWaters(tuple(k.name for k in WATER_TYPES), np.array(mean), np.array(precision), np.inf)
    fresh = np.concatenate([known.distance(season_refl(kind, n, rng)) for kind in WATER_TYPES if kind.black])
    short = np.vectorize(lambda v: float(f"{v:.7g}"), otypes=[float])
    return KnownWaters(known.names, short(known.mean), short(known.precision), float(short(np.quantile(fresh, 1 - LEFT_OUT))))
