"""Seasons of simulated waters, from which the detector knows what it knows: part of `training`.

A season is a reach of one water that varies from date to date, seen through air that scatters its surroundings in; what is left of
them after `scoring.without_air` is left here too.
"""

from __future__ import annotations

import numpy as np

from rs_pipeline.products.black_odorous.model import KNOWN_MIN_REFL, LEFT_OUT, KnownWaters
from rs_pipeline.products.black_odorous.scoring import BLUE, GREEN, NIR, RED, SWIR1, without_air
from rs_pipeline.simulation.optics import haze_spectrum
from rs_pipeline.training.water_types import BANK_REFL, PLANT_REFL, WATER_TYPES, WaterClass, draw_constituents, water_band_refl

WIDEN = 1.2
"""How much wider than the ranges of single dates the waters are drawn."""

DATES_PER_WATER = 10
DAY_TO_DAY = 0.25
"""Standard deviation of the logarithm of a constituent from date to date."""


def season_refl(kind: WaterClass, n: int, rng: np.random.Generator) -> np.ndarray:
    """Median reflectance of ``n`` seasons of a water in KNOWN_BANDS, float64 (n, 4), air and surroundings taken away."""
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
    """Water with a little bank in it, surroundings scattered in, haze and the noise of a median over pixels, (n, 7)."""
    n = len(water)
    centre_nm = np.array([493, 560, 665, 705, 833, 1610, 2190])
    bank = np.minimum(rng.exponential(0.01, (n, 1)), 0.2)
    share = rng.uniform(0.02, 0.06, (n, 1))
    haze = rng.normal(0.003, 0.005, (n, 1)) + np.abs(rng.normal(0, 0.004, (n, 1))) * haze_spectrum(centre_nm)
    surface = (1 - bank) * water + bank * around
    return (1 - share) * surface + share * around * np.exp(rng.normal(0, 0.1, water.shape)) + haze + rng.normal(0, 0.0005, water.shape)


def known_waters(n: int, seed: int) -> KnownWaters:
    """The classes of the training as distributions of ``n`` seasons each; the limit is that of as many more."""
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
