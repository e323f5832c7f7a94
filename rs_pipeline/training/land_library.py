"""Pixels of many crops, plants, soils, roofs and roads, drawn independently, because the few materials of the worlds are not enough to train the land
classifier.

Dates of the crops are design values for Hebei and its neighbours (winter wheat sown in October, ripe in early June; spring maize and sorghum sown in late April and May; cotton from late April to October; rice set in late May and June, cut in October;
peanut from May to September), with the spread of surveyed fields and with crops and grass of other climates, so that a field is recognised by
the shape of its season and not by its dates alone. A canopy is a mixture of leaves and shaded soil as in ``simulation.materials``; its leaves range from the
mature ones there to LEAF_ALBEDO_BRIGHT, which reproduces the SWIR of real dense fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rs_kernels.land import HIGH, LOW

from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.seasons import HALVES, SEASONS
from rs_pipeline.simulation.materials import (
    CLUMPING_SHADE,
    DRY_FIELD,
    LEAF_ALBEDO,
    PANEL_COVERAGE,
    PANEL_GLINT,
    PANEL_MODULE,
    PANEL_SHADE,
    PANEL_SKY,
    PANEL_SPREAD,
    SENESCENT,
    Season,
    closed_canopy,
)
from rs_pipeline.simulation.scenes import CLOUD

LIBRARY_YEAR_DAYS = 365
DATES = 24
"""Number of dates in a year on which a pixel may be clear."""
LEAF_ALBEDO_BRIGHT = np.array([0.19, 0.33, 0.19, 0.48, 0.93, 0.67, 0.44])
"""Albedo of leaves of real dense fields: SWIR1 of their canopy is 0.18, not 0.14."""


@dataclass(frozen=True)
class Plant:
    """The year of a kind of plant cover: its growth cycles with their spread."""

    land: Land
    seasons: Sequence[Season]
    weight: float
    """Share among the kinds of its class."""
    spread_days: float = 10.0
    """Standard deviation of the dates between pixels; each growth cycle is shifted further by half of it."""
    always: tuple[float, float] = (0.0, 0.10)
    """Range of the cover that stays green all year: weeds, evergreens, the grass of an orchard."""
    anywhere: bool = False
    """Whether the season may begin on any day of the year, as in other climates."""
    flooded: bool = False
    """Whether water stands under the young plants."""
    brightness: tuple[float, float] = (0.85, 1.1)
    """Range of the factor on the canopy's brightness: tall plants shade themselves."""
    vv_db: float = -8.7
    """gamma0 under full cover; VH lies VH_BELOW_DB lower."""
    wood: tuple[float, float] = (0.0, 0.0)
    """Range of the cover that radar sees without leaves, because branches scatter all year."""


_WINTER = (Season(-80, 65, 0.22, 10), Season(294, 440, 0.22, 10))
_WHEAT, _LATE_MAIZE = Season(72, 158, 0.85, 8), Season(190, 270, 0.92, 6)
_CUTS = tuple(Season(start, start + 38, 0.85, 5) for start in (98, 140, 182, 224, 266))

PLANTS: dict[str, Plant] = {
    "winter wheat and maize": Plant(Land.CROPLAND, (*_WINTER, _WHEAT, _LATE_MAIZE), 3),
    "winter wheat": Plant(Land.CROPLAND, (*_WINTER, _WHEAT), 2, always=(0, 0.2)),
    "winter wheat and rice": Plant(Land.CROPLAND, (*_WINTER, _WHEAT, Season(185, 285, 0.9, 9)), 0.5, flooded=True),
    "winter barley or rape": Plant(Land.CROPLAND, (Season(-70, 70, 0.4, 12), Season(60, 165, 0.88, 10), Season(255, 440, 0.4, 12)), 1.5, 14, (0, 0.25)),
    "spring maize": Plant(Land.CROPLAND, (Season(155, 262, 0.9, 9),), 2, 12),
    "summer maize": Plant(Land.CROPLAND, (Season(190, 272, 0.9, 7),), 1),
    "sorghum or millet": Plant(Land.CROPLAND, (Season(160, 260, 0.78, 10),), 1.5, 14, (0, 0.2)),
    "cotton": Plant(Land.CROPLAND, (Season(165, 288, 0.82, 12),), 1.5, 10),
    "rice": Plant(Land.CROPLAND, (Season(175, 278, 0.9, 9),), 1, 10, flooded=True),
    "peanut or soya": Plant(Land.CROPLAND, (Season(165, 262, 0.88, 9),), 1.5, 12),
    "potato, beet or sunflower": Plant(Land.CROPLAND, (Season(140, 265, 0.88, 10),), 1.5, 20, (0, 0.15)),
    "alfalfa": Plant(Land.CROPLAND, _CUTS, 0.7, 8, (0, 0.3)),
    "orchard or vineyard": Plant(Land.CROPLAND, (Season(110, 300, 0.55, 12),), 1, 10, (0, 0.3), vv_db=-8.5),
    "vegetables": Plant(Land.CROPLAND, (Season(85, 145, 0.7, 7), Season(165, 215, 0.7, 7), Season(235, 300, 0.75, 7)), 1, 18),
    "winter crop after summer crop": Plant(Land.CROPLAND, (Season(-60, 105, 0.6, 12), Season(165, 265, 0.9, 9), Season(290, 430, 0.6, 12)), 1, 15),
    "fallow": Plant(Land.CROPLAND, (Season(120, 280, 0.28, 18),), 0.7, 25, (0, 0.12)),
    "crop of a rainy season": Plant(Land.CROPLAND, (Season(130, 245, 0.7, 12),), 3, 30, (0.02, 0.35)),
    "two crops of two rainy seasons": Plant(Land.CROPLAND, (Season(90, 185, 0.65, 12), Season(235, 335, 0.65, 12)), 1.5, 25, (0.05, 0.35)),
    "crop at any time": Plant(Land.CROPLAND, (Season(120, 230, 0.85, 9),), 2, 20, (0, 0.25), anywhere=True),
    "meadow": Plant(Land.GRASS, (Season(112, 288, 0.78, 14),), 2, 8, (0.02, 0.15), brightness=(0.85, 1.25), vv_db=-9.8),
    "steppe": Plant(Land.GRASS, (Season(128, 284, 0.45, 16),), 2.2, 16, (0, 0.08), vv_db=-10.5),
    "lawn or garden": Plant(Land.GRASS, (Season(95, 310, 0.45, 14),), 1, 10, (0.1, 0.45), vv_db=-9.8),
    "pasture of mild winters": Plant(Land.GRASS, (Season(70, 330, 0.55, 20),), 3, 15, (0.4, 0.85), brightness=(0.8, 1.5), vv_db=-8.8),
    "savanna": Plant(Land.GRASS, (Season(135, 330, 0.5, 20),), 1.2, 25, (0, 0.3), vv_db=-9.8),
    "broadleaved trees": Plant(Land.TREE, (Season(112, 302, 0.88, 9),), 2.5, 8, (0.02, 0.2), brightness=(0.6, 0.95), vv_db=-8.0, wood=(0.4, 1)),
    "conifers": Plant(Land.TREE, (Season(110, 300, 0.12, 15),), 1.5, 10, (0.6, 0.9), brightness=(0.4, 0.7), vv_db=-8.0, wood=(0.6, 1)),
    "open or young wood": Plant(Land.TREE, (Season(112, 300, 0.5, 12),), 1, 10, (0.1, 0.4), brightness=(0.6, 0.95), vv_db=-8.2, wood=(0.3, 0.9)),
    "dry woodland": Plant(Land.TREE, (Season(145, 325, 0.34, 18),), 3.5, 25, (0, 0.14), brightness=(0.75, 1.1), vv_db=-7.2, wood=(0.6, 1)),
    "evergreen and tropical trees": Plant(Land.TREE, (Season(100, 340, 0.2, 20),), 1.5, 25, (0.55, 0.9), brightness=(0.6, 1), vv_db=-7.6, wood=(0.6, 1)),
}  # fmt: skip
"""Kinds of plant cover. Shrubs are covered by mixtures of grass and trees."""

SEALED_GROUND: dict[str, tuple[float, ...]] = {
    "asphalt": (0.065, 0.075, 0.085, 0.092, 0.105, 0.125, 0.115), "concrete": (0.210, 0.235, 0.255, 0.265, 0.285, 0.310, 0.280),
    "houses": (0.115, 0.125, 0.135, 0.145, 0.165, 0.190, 0.170), "white roofs": (0.400, 0.425, 0.440, 0.450, 0.460, 0.440, 0.380),
    "red tiles": (0.070, 0.095, 0.180, 0.230, 0.290, 0.330, 0.280), "grey tiles": (0.090, 0.100, 0.110, 0.115, 0.130, 0.160, 0.150),
    "dark shingles": (0.045, 0.050, 0.055, 0.058, 0.063, 0.070, 0.066), "dark metal": (0.062, 0.061, 0.060, 0.059, 0.057, 0.050, 0.047),
    "blue paint": (0.150, 0.130, 0.095, 0.088, 0.082, 0.070, 0.060), "blue steel roofs": (0.250, 0.220, 0.170, 0.180, 0.260, 0.230, 0.190),
}  # fmt: skip
"""Sealed ground and roofs, means of public libraries."""
BARE_GROUND: dict[str, tuple[float, ...]] = {
    "soil": (0.090, 0.125, 0.165, 0.185, 0.225, 0.300, 0.260), "sand": (0.205, 0.260, 0.300, 0.315, 0.335, 0.380, 0.340),
    "rock": (0.130, 0.150, 0.170, 0.180, 0.205, 0.250, 0.235), "loess": (0.110, 0.160, 0.220, 0.245, 0.290, 0.370, 0.330),
    "dark soil": (0.045, 0.060, 0.075, 0.085, 0.110, 0.160, 0.140), "red soil": (0.040, 0.075, 0.190, 0.240, 0.290, 0.400, 0.340),
    "pale soil": (0.150, 0.230, 0.330, 0.360, 0.420, 0.540, 0.490),
}  # fmt: skip
BARE_DB, BUILT_DB, PLOUGHED_DB, PADDY_DB = (-13.5, 3.0), (-5.5, 3.5), (-11.8, 1.3), (-20.0, 2.0)
"""Mean and standard deviation, dB, of gamma0 VV of bare ground, houses, ploughed fields, and water under rice."""
OUTDOORS = (0.5, 1.1)
"""Range of the brightness of ground outdoors relative to its dried and sieved sample."""
WEEDS = Plant(Land.BARE, (Season(120, 285, 0.05, 16),), 1, 20, (0, 0.04))
"""Sparse weeds on bare and built-up ground."""
BETWEEN_ROWS = Plant(Land.GRASS, (Season(115, 285, 0.3, 14),), 1, 12, (0, 0.1), brightness=(0.8, 1.2))
"""Plants between the rows of a solar array."""
ARRAY_DB, AFLOAT = (-8.0, 3.0), 0.12
"""Mean and standard deviation, dB, of gamma0 VV of solar arrays, which depends on how they are turned; share of the arrays that stand in water."""
POND = np.array([0.06, 0.08, 0.07, 0.065, 0.05, 0.025, 0.015])
"""Reflectance of shallow turbid water."""
VH_BELOW_DB = {"plants": 5.7, "ground": 7.5}
RADAR_SPREAD_DB = (2.0, 1.0)
"""Standard deviation between pixels of one kind: common to both polarisations, and of each."""
CLASS_SHARES = {Land.CROPLAND: 0.47, Land.GRASS: 0.15, Land.TREE: 0.15, Land.BUILT: 0.12, Land.BARE: 0.11}
MIXED = 0.3
"""Share of the pixels that contain two kinds."""


@dataclass(frozen=True)
class Spectra:
    """Measured ground without plants, each (n, 7) in OPTICAL_BANDS; dry, as in the laboratory."""

    bare: np.ndarray
    built: np.ndarray


def shipped_spectra() -> Spectra:
    """The mean spectra of this module."""
    return Spectra(np.array(list(BARE_GROUND.values())), np.array(list(SEALED_GROUND.values())))


@dataclass(frozen=True)
class LibraryYear:
    """A year of pixels, noise-free."""

    refl: np.ndarray
    """(T, 7, n)."""
    gamma0: np.ndarray
    """Linear power (T, 2, n)."""
    shares: np.ndarray
    """(7, n) in the order of Land."""


def library_pixels(n: int, seed: int, spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """STATISTICS float32 (F, n) and shares float32 (7, n) of pixels drawn by CLASS_SHARES; MIXED of them hold two kinds."""
    rng = np.random.default_rng(seed)
    day = year_days()
    first, second = (_series(n, day, spectra, rng) for _ in range(2))
    part = np.where(rng.random(n) < MIXED, rng.beta(2, 1, n), 1.0)
    refl = part * first.refl + (1 - part) * second.refl
    power = part * first.gamma0 + (1 - part) * second.gamma0
    shares = part * first.shares + (1 - part) * second.shares
    return seen_features(refl, power, day, rng), shares.astype("float32")


def plant_pixels(plant: Plant, n: int, seed: int, spectra: Spectra) -> np.ndarray:
    """STATISTICS float32 (F, n) of pure pixels of a kind of plant cover."""
    rng, day = np.random.default_rng(seed), year_days()
    return seen_features(*_plants(plant, n, day, spectra, rng), day, rng)


def array_pixels(n: int, seed: int, spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """STATISTICS float32 (F, n) of pixels of solar arrays, each with modules, rows and ground of its own, and the share of the pixel that they are, (n,):
    half of the pixels hold something else too."""
    rng, day = np.random.default_rng(seed), year_days()
    refl, power = _arrays(n, day, spectra, rng)
    beside = _series(n, day, spectra, rng)
    share = np.where(rng.random(n) < 0.5, 1.0, rng.random(n))
    return seen_features(share * refl + (1 - share) * beside.refl, share * power + (1 - share) * beside.gamma0, day, rng), share.astype("float32")


def year_days() -> np.ndarray:
    """Days of the year (T,) of the DATES."""
    return (np.arange(DATES) + 0.5) * LIBRARY_YEAR_DAYS / DATES


def seen_features(refl: np.ndarray, power: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """STATISTICS float32 (F, n) of noise-free series with added haze, missed clouds and shadows, noise, and dates lost to clouds."""
    dates, _, n = refl.shape
    refl = refl * np.exp(rng.normal(0, 0.05, (dates, 1, n)) + rng.normal(0, 0.02, refl.shape))
    haze = np.abs(rng.normal(0, 0.004, (dates, 1, n))) * (np.array([490, 560, 665, 704, 840, 1610, 2200.0]) / 560)[:, None] ** -1.3
    refl += haze + rng.normal(-0.002, 0.007, (dates, 1, n)) + rng.normal(0, 0.002, refl.shape)
    missed = np.where(rng.random((dates, 1, n)) < 0.04, rng.uniform(-0.5, 0.4, (dates, 1, n)), 0)
    refl = np.where(missed < 0, refl * (1 + missed), refl + (CLOUD[:, None] - refl) * missed)
    refl = np.where(rng.random((dates, 1, n)) < rng.uniform(0.12, 1.0, (1, 1, n)), np.maximum(refl, 1e-3), np.nan)
    gamma0_db = 10 * np.log10(power) + rng.normal(0, 0.8, power.shape)
    return series_features(refl, days_inside(day, SEASONS), gamma0_db, days_inside(day, HALVES))


def series_features(refl: np.ndarray, season: np.ndarray, gamma0_db: np.ndarray, half: np.ndarray) -> np.ndarray:
    """STATISTICS float32 (F, n) of series: reflectance (T, 7, n) and gamma0 (T, 2, n), NaN where not seen; bool (S, T) and (H, T) say
    which dates lie in which part of the year."""
    green, red, nir, swir1 = (refl[:, OPTICAL_BANDS.index(b)] for b in ("green", "red", "nir", "swir1"))
    with np.errstate(invalid="ignore", divide="ignore"):
        indices = (nir - red) / (nir + red), (green - swir1) / (green + swir1)
        rows = [_quantiles(refl[inside], [0.5])[0] for inside in season]
        rows += [_quantiles(index, [LOW, HIGH]) for index in indices]
        power = 10 ** (gamma0_db / 10)
        seen = np.isfinite(power)
        rows += [10 * np.log10(np.where(seen[inside], power[inside], 0).sum(axis=0) / seen[inside].sum(axis=0)) for inside in half]
    return np.concatenate(rows).astype("float32")


def _quantiles(values: np.ndarray, q: list[float]) -> np.ndarray:
    """Quantiles (q, ...) over the first axis of the finite values; NaN where there is none."""
    values = np.sort(values, axis=0)
    last = np.isfinite(values).sum(axis=0) - 1
    out = np.full((len(q), *values.shape[1:]), np.nan)
    for k, share in enumerate(q):
        place = np.maximum(last, 0) * share
        low = np.floor(place).astype(int)
        below, above = (
            (np.take_along_axis(values, np.minimum(i, np.maximum(last, 0))[None], axis=0)[0] for i in (low, low + 1)) if len(values) else (out[k],) * 2
        )
        out[k] = np.where(last >= 0, below + (place - low) * (above - below), np.nan)
    return out


def days_inside(day: np.ndarray, windows: dict[str, tuple[str, str]]) -> np.ndarray:
    """Whether each day of the year (T,) lies in each window, bool (S, T)."""
    number = {m: n for m, n in zip(range(1, 13), np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]), strict=True)}
    rows = []
    for first, last in windows.values():
        a, b = (number[int(t[:2])] + int(t[3:]) for t in (first, last))
        rows.append((day >= a) & (day <= b + 1) if a <= b else (day >= a) | (day <= b + 1))
    return np.stack(rows)


def _series(n: int, day: np.ndarray, spectra: Spectra, rng: np.random.Generator) -> LibraryYear:
    land = rng.choice(list(CLASS_SHARES), n, p=list(CLASS_SHARES.values()))
    refl, power = np.empty((day.size, len(OPTICAL_BANDS), n)), np.empty((day.size, 2, n))
    names = np.array(list(PLANTS))
    for c in CLASS_SHARES:
        mine = np.flatnonzero(land == c)
        if c in (Land.BUILT, Land.BARE):
            refl[:, :, mine], power[:, :, mine] = _ground(c, _base(c, mine.size, spectra, rng), day, rng)
            continue
        kinds = [k for k in names if PLANTS[k].land == c]
        weights = np.array([PLANTS[k].weight for k in kinds])
        kind = rng.choice(len(kinds), mine.size, p=weights / weights.sum())
        for i, name in enumerate(kinds):
            which = mine[kind == i]
            refl[:, :, which], power[:, :, which] = _plants(PLANTS[name], which.size, day, spectra, rng)
    shares = np.zeros((len(Land), n))
    shares[land - 1, np.arange(n)] = 1
    green = np.where(land == Land.BUILT, np.minimum(rng.exponential(0.18, n), 0.6), 0.0)
    garden = rng.random(n) < 0.5
    leaf, leaf_power = _plants(PLANTS["broadleaved trees"], n, day, spectra, rng)
    grass, grass_power = _plants(PLANTS["lawn or garden"], n, day, spectra, rng)
    refl += green * (np.where(garden, grass, leaf) - refl)
    power += green * (np.where(garden, grass_power, leaf_power) - power)
    for c, here in ((Land.GRASS, garden), (Land.TREE, ~garden)):
        shares[c - 1] += green * here
    shares[Land.BUILT - 1] -= green
    return LibraryYear(refl, power, shares)


def _lent(measured: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Measured spectra (7, n), drawn from (m, 7) and scaled to the brightness outdoors."""
    return measured[rng.integers(0, len(measured), n)].T * rng.uniform(*OUTDOORS, n)


def _soil(n: int, spectra: Spectra, rng: np.random.Generator) -> np.ndarray:
    """Ground of fields (7, n): half are measured spectra scaled to outdoors, half vary around the mean of field spectra."""
    measured = _lent(spectra.bare, n, rng)
    mean = DRY_FIELD[:, None] * np.exp(rng.normal(0.05, 0.3, n) + rng.normal(0, 0.08, (len(DRY_FIELD), n)))
    mean[5:] *= np.exp(rng.normal(0.25, 0.2, n))
    return np.where(rng.random(n) < 0.5, measured, mean)


def _moisture(n: int, dates: int, rng: np.random.Generator) -> np.ndarray:
    """Factor of moisture on reflectance, (T, 7, n): it takes up to 33 % in the blue and 45 % in the SWIR."""
    wet = rng.beta(1.5, 4, (dates, 1, n))
    return 1 - wet * np.array([0.33, 0.34, 0.35, 0.35, 0.36, 0.40, 0.45])[:, None]


def _base(land: Land, n: int, spectra: Spectra, rng: np.random.Generator) -> np.ndarray:
    """Ground of a class (7, n): half are measured spectra scaled to outdoors, half vary around the module's means."""
    library = shipped_spectra()
    own, lent = (library.bare, spectra.bare) if land == Land.BARE else (library.built, spectra.built)
    measured = _lent(lent, n, rng)
    means = own[rng.integers(0, len(own), n)].T * np.exp(rng.normal(0, 0.3, n) + rng.normal(0, 0.06, (len(OPTICAL_BANDS), n)))
    base = np.clip(np.where(rng.random(n) < 0.5, measured, means), 0.01, 0.8)
    return base + rng.beta(1, 4, n) * (_soil(n, spectra, rng) - base) if land == Land.BUILT else base


def _ground(land: Land, base: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (T, 7, n) and power (T, 2, n) of ground ``base`` (7, n) without plants except a few weeds."""
    n = base.shape[1]
    moisture = _moisture(n, day.size, rng)
    refl = base * (moisture if land == Land.BARE else 1 - 0.3 * (1 - moisture))
    cover, dead = _cover(WEEDS, n, day, rng)
    refl = _covered(refl, cover, dead, _leaves(n, rng), _dry_leaves(n, rng))
    mean, spread = BARE_DB if land == Land.BARE else BUILT_DB
    vv = mean + rng.normal(0, spread, n)
    vh = vv - VH_BELOW_DB["ground"] + rng.normal(0, 1.2, n)
    return refl, np.broadcast_to(10 ** (np.stack([vv, vh]) / 10), (day.size, 2, n))


def measured_ground(spectra: Spectra, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """STATISTICS float32 (F, n) of a year of each measured spectrum, and its class (n,): only moisture, weeds and the atmosphere are
    simulated. Radar is missing because it was not measured."""
    rng, day, values = np.random.default_rng(seed), year_days(), []
    for land, measured in ((Land.BARE, spectra.bare), (Land.BUILT, spectra.built)):
        refl, power = _ground(land, measured.T * rng.uniform(*OUTDOORS, len(measured)), day, rng)
        values.append(seen_features(refl, np.full_like(power, np.nan), day, rng))
    return np.concatenate(values, axis=1), np.repeat([Land.BARE, Land.BUILT], [len(spectra.bare), len(spectra.built)])


def _arrays(n: int, day: np.ndarray, spectra: Spectra, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (T, 7, n) and power (T, 2, n) of solar arrays, mixed as in `simulation.materials`."""
    tint = rng.normal(0, PANEL_SPREAD["brightness"], n) + rng.normal(0, PANEL_SPREAD["band"], (len(OPTICAL_BANDS), n))
    tint[OPTICAL_BANDS.index("swir1") :] += rng.normal(0, PANEL_SPREAD["infrared"], n)
    often, most = PANEL_GLINT
    glint = np.where(rng.random((day.size, 1, n)) < often, rng.uniform(0, most, (day.size, 1, n)), 0)
    module = PANEL_MODULE[:, None] * np.exp(tint) + PANEL_SKY[:, None] * np.exp(rng.normal(0, 0.4, (day.size, 1, n))) + glint
    ground, _ = _plants(BETWEEN_ROWS, n, day, spectra, rng)
    ground = np.where(rng.random(n) < AFLOAT, POND[:, None] * rng.uniform(0.5, 1.5, (day.size, 1, n)), ground)
    coverage = rng.uniform(PANEL_COVERAGE[0] - 0.05, PANEL_COVERAGE[1] + 0.1, n)
    refl = coverage * module + (1 - coverage) * (1 - PANEL_SHADE * rng.uniform(0.5, 1.5, n)) * ground
    vv = ARRAY_DB[0] + rng.normal(0, ARRAY_DB[1], n)
    vh = vv - VH_BELOW_DB["ground"] - 1 + rng.normal(0, 2, n)
    return refl, np.broadcast_to(10 ** (np.stack([vv, vh]) / 10), (day.size, 2, n))


def _leaves(n: int, rng: np.random.Generator) -> np.ndarray:
    """Closed canopies (7, n)."""
    bright = rng.uniform(-0.3, 1.9, n)
    albedo = LEAF_ALBEDO[:, None] + bright * (LEAF_ALBEDO_BRIGHT - LEAF_ALBEDO)[:, None] + rng.normal(0, 0.03, (len(OPTICAL_BANDS), n))
    albedo[OPTICAL_BANDS.index("nir")] = rng.uniform(0.84, 0.96, n)
    return closed_canopy(np.clip(albedo, 0.04, 0.97)) * np.exp(rng.normal(0.05, 0.15, n))


def _dry_leaves(n: int, rng: np.random.Generator) -> np.ndarray:
    return SENESCENT[:, None] * np.exp(rng.normal(0.1, 0.25, n) + rng.normal(0, 0.08, (len(OPTICAL_BANDS), n)))


def _cover(plant: Plant, n: int, day: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cover (T, n) of all plants and the share of it that is dead."""
    late = rng.normal(0, plant.spread_days, n) + (rng.uniform(0, LIBRARY_YEAR_DAYS, n) if plant.anywhere else 0)
    fuller = rng.uniform(0.65, 1.08, n)
    t = day[:, None] - late
    if plant.anywhere:
        t = t % LIBRARY_YEAR_DAYS
    covers, dead = [], []
    for season in plant.seasons:
        start, stop = (d + rng.normal(0, plant.spread_days / 2, n) for d in (season.start, season.stop))
        peak = np.minimum(season.peak * fuller * rng.uniform(0.85, 1.05, n), 0.98)
        of_pixels: dict[str, Any] = {"start": start, "stop": np.maximum(stop, start + 15), "peak": peak}  # one number for each pixel
        own = replace(season, **of_pixels)
        covers.append(np.maximum(own.cover(t), 0))
        dead.append(own.senescence(t) * covers[-1])
    always = rng.uniform(*plant.always, n)
    cover = np.clip(sum(covers), 0, 0.98)
    whole = cover + (1 - cover) * always
    return whole, np.clip(sum(dead) / np.maximum(sum(covers), 1e-6), 0, 1) * cover / np.maximum(whole, 1e-6)


def _covered(soil: np.ndarray, cover: np.ndarray, dead: np.ndarray, leaves: np.ndarray, dry: np.ndarray) -> np.ndarray:
    """Plants over soil (T, 7, n), mixed as in `simulation.materials`: the soil between plants is shaded."""
    f = cover[:, None]
    canopy = (1 - dead[:, None]) * leaves + dead[:, None] * dry
    return f * canopy + (1 - f) * (1 - CLUMPING_SHADE * f) * soil


def _plants(plant: Plant, n: int, day: np.ndarray, spectra: Spectra, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (T, 7, n) and power (T, 2, n) of a kind of plant cover."""
    cover, dead = _cover(plant, n, day, rng)
    soil = _soil(n, spectra, rng) * _moisture(n, day.size, rng)
    litter = rng.beta(1.2, 3, n) if plant.land != Land.CROPLAND else rng.beta(1, 6, n)
    dry = _dry_leaves(n, rng)
    soil = soil + litter * (dry - soil)
    leaves = _leaves(n, rng) * rng.uniform(*plant.brightness, n)
    refl = _covered(soil, cover, dead, leaves, dry)
    field = PLOUGHED_DB[0] + rng.normal(0, PLOUGHED_DB[1], (day.size, n))
    seen = np.maximum(cover, rng.uniform(*plant.wood, n))
    vv = 10 ** (field / 10) + seen * (10 ** (plant.vv_db / 10) - 10 ** (field / 10))
    if plant.flooded:
        start = max(season.start for season in plant.seasons)
        wet = ((day > start - 35) & (day < start + 12))[:, None] * rng.uniform(0.3, 1, n)
        refl += (wet * (1 - cover))[:, None] * (POND[:, None] - refl)
        vv += wet * (1 - cover) * (10 ** (PADDY_DB[0] / 10) - vv)
    vh = vv * 10 ** (-VH_BELOW_DB["ground"] / 10 + seen * (VH_BELOW_DB["ground"] - VH_BELOW_DB["plants"]) / 10)
    together, each = rng.normal(0, RADAR_SPREAD_DB[0], n), rng.normal(0, RADAR_SPREAD_DB[1], (2, n))
    return refl, np.stack([vv, vh], axis=1) * 10 ** ((together + each) / 10)
