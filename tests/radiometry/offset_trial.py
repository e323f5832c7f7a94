"""A trial of the offset decision on simulated dates whose truth is known; `python -m tests.radiometry.offset_trial` writes its table.

SIMULATED: every number that comes out of here is. Places are 60 by 60 coarse pixels of a few materials with seasons; dates bring
haze, dust, thin and missed clouds, snow, ice, glint, turbid water, over-corrected aerosol and half-empty swaths. Some metadata
are wrong, contradictory or missing, and periods mix processing baselines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from rs_pipeline.radiometry.dates import Look, compare_dates
from rs_pipeline.radiometry.offsets import CERTAIN, CLEAR_CLASSES, PENDING, OffsetFacts, by_metadata, pixel_test, too_negative, weigh

SIZE = 60
WAVELENGTH_NM = np.array([492, 560, 665, 842, 1610, 2190])
# Surface reflectance in blue, green, red, NIR, SWIR1, SWIR2; rounded from common spectral libraries.
SPECTRA = {
    "sea": (0.030, 0.035, 0.020, 0.008, 0.003, 0.002), "turbid": (0.060, 0.090, 0.100, 0.060, 0.008, 0.004),
    "crop": (0.025, 0.060, 0.025, 0.450, 0.180, 0.080), "forest": (0.015, 0.035, 0.018, 0.320, 0.140, 0.060),
    "soil": (0.080, 0.110, 0.150, 0.220, 0.320, 0.270), "city": (0.100, 0.120, 0.140, 0.190, 0.230, 0.210),
    "shade": (0.012, 0.014, 0.012, 0.030, 0.020, 0.012), "desert": (0.140, 0.210, 0.290, 0.370, 0.470, 0.440),
    "salt": (0.280, 0.320, 0.340, 0.360, 0.300, 0.260), "snow": (0.850, 0.850, 0.840, 0.780, 0.100, 0.070),
    "cloud": (0.550, 0.540, 0.550, 0.560, 0.400, 0.280),
}  # fmt: skip
SPECTRA = {name: np.array(values) for name, values in SPECTRA.items()}
SEASONAL = ("crop", "forest")
LANDSCAPES = {
    "coast": {"sea": 0.5, "turbid": 0.1, "crop": 0.3, "city": 0.1}, "plain": {"crop": 0.8, "soil": 0.1, "city": 0.1},
    "city": {"city": 0.75, "crop": 0.2, "turbid": 0.05}, "mountain": {"forest": 0.7, "soil": 0.2, "shade": 0.1},
    "lake": {"turbid": 0.6, "crop": 0.4}, "desert": {"desert": 0.85, "salt": 0.15}, "estuary": {"turbid": 0.8, "soil": 0.2},
}  # fmt: skip
WEATHER = {
    "clear": 0.40,
    "haze": 0.12,
    "thick haze": 0.05,
    "dust": 0.05,
    "thin cloud": 0.08,
    "missed cloud": 0.10,
    "glint": 0.06,
    "overcorrected": 0.09,
    "sliver": 0.05,
}
CATALOGS = ("earth_search", "raster_bands", "baseline")


@dataclass(frozen=True)
class Trial:
    """A simulated date: what the catalog says, what the pixels hold, and the truth."""

    landscape: str
    weather: str
    metadata: str
    """``right``, ``wrong``, ``contradictory`` or ``missing``."""
    rule: str
    facts: OffsetFacts
    dn: np.ndarray
    """uint16 (6, SIZE, SIZE)."""
    classes: np.ndarray
    day_of_year: int
    offset: float
    """The truth."""


def _patches(rng: np.random.Generator, smooth_px: float) -> np.ndarray:
    """Smooth noise as ranks 0-1, (SIZE, SIZE)."""
    field = ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), smooth_px, mode="wrap")
    return (np.argsort(np.argsort(field.ravel())) / field.size).reshape(field.shape)


def _surface(ground: np.ndarray, names: list[str], texture: np.ndarray, day: int, rng: np.random.Generator) -> np.ndarray:
    """Reflectance (6, SIZE, SIZE) of the place on a day of the year."""
    green = np.clip(np.cos(2 * np.pi * (day - 200) / 365) * 0.6 + 0.45 + rng.normal(0, 0.05), 0.02, 1.0)
    wet = rng.uniform(0.8, 1.15)
    spectra = []
    for name in names:
        spectrum = SPECTRA[name]
        if name in SEASONAL:
            spectrum = green * spectrum + (1 - green) * SPECTRA["soil"] * (wet if name == "crop" else 0.5)
        elif name == "turbid":
            spectrum = spectrum * rng.uniform(0.4, 1.6)
        elif name == "soil":
            spectrum = spectrum * wet
        spectra.append(spectrum)
    return np.array(spectra)[ground].transpose(2, 0, 1) * texture


def _weathered(refl: np.ndarray, kind: str, water: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The surface as the atmospheric correction leaves it."""
    colour = WAVELENGTH_NM[:, None, None] / 555.0
    residual = rng.normal(0.001, 0.003) * colour**-1.3 + rng.normal(0, 0.002, (6, 1, 1))
    if kind in ("haze", "thick haze"):
        share = rng.uniform(0.03, 0.10) if kind == "haze" else rng.uniform(0.12, 0.25)
        share = share * (0.7 + 0.6 * _patches(rng, 12)) * colour**-1.0
        refl = refl * (1 - share) + 0.5 * share
    elif kind == "dust":
        share = rng.uniform(0.1, 0.3) * (0.8 + 0.4 * _patches(rng, 15))
        refl = refl * (1 - share) + share * SPECTRA["desert"][:, None, None]
    elif kind == "thin cloud":
        share = rng.uniform(0.08, 0.25) * (0.6 + 0.8 * _patches(rng, 10))
        refl = refl * (1 - share) + share * SPECTRA["cloud"][:, None, None]
    elif kind == "glint":
        refl = refl + water * rng.uniform(0.03, 0.15) * (0.8 + 0.4 * _patches(rng, 10))
    elif kind == "overcorrected":
        residual = residual - rng.uniform(0.005, 0.025) * colour**-2.0
    return refl + residual


def _facts(rule: str, metadata: str, pending: bool, modern: bool, rng: np.random.Generator) -> OffsetFacts:
    """What a catalog says of a scene."""
    baseline = str(rng.choice(["04.00", "05.00", "05.09", "05.10", "05.11"])) if modern else str(rng.choice(["02.08", "02.14", "03.01"]))
    said = pending if metadata != "wrong" else not pending
    if metadata == "missing":
        return OffsetFacts()
    if metadata == "contradictory":
        # As Earth Search's 05.09 items: a flag and raster:bands that say opposite things, the one or the other right.
        flag = not pending if rng.random() < 0.7 else pending
        return OffsetFacts(flag, PENDING if flag else 0.0, baseline) if rule == "earth_search" else OffsetFacts(None, 0.0 if pending else PENDING, "05.10")
    if rule == "earth_search":
        return OffsetFacts(not said, PENDING if said else 0.0, baseline)
    if rule == "raster_bands":
        return OffsetFacts(None, PENDING if said else 0.0, baseline)
    return OffsetFacts(None, None, baseline if metadata == "right" else ("02.14" if pending else "05.00"))


def place(seed: int, landscape: str, n_dates: int = 40) -> list[Trial]:
    """The dates of one place over two years."""
    rng = np.random.default_rng([seed, list(LANDSCAPES).index(landscape)])
    shares = LANDSCAPES[landscape]
    names = list(shares)
    ground = np.digitize(_patches(rng, 2.5), np.cumsum(list(shares.values()))[:-1])
    water = np.isin(np.array(names)[ground], ("sea", "turbid"))
    texture = np.exp(rng.normal(0, 0.12, (1, SIZE, SIZE)) + rng.normal(0, 0.04, (6, SIZE, SIZE)))
    rule = CATALOGS[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
    lying = float(rng.choice([0.02, 0.10, 0.25])) * (1.0 if rule == "earth_search" else 0.2)
    trials = []
    for i in range(n_dates):
        day = 1 + (i * 18 + 5) % 365
        kind = str(rng.choice(list(WEATHER), p=list(WEATHER.values())))
        modern = rng.random() < 0.85
        pending = modern and (rng.random() < 0.6 if rule == "earth_search" else rng.random() < 0.97)
        winter = day < 60 or day > 345
        refl = _surface(ground, names, texture, day, rng)
        classes = np.where(water, 6, 4).astype("uint8")
        if winter and rng.random() < 0.5:
            cover = _patches(rng, 6) < rng.uniform(0.3, 1.0)
            cover &= ~water if rng.random() < 0.5 else True
            refl = np.where(cover, 0.15 * refl + 0.85 * SPECTRA["snow"][:, None, None] * rng.uniform(0.6, 1.0), refl)
            classes[cover & (rng.random(cover.shape) < rng.choice([0.2, 0.95]))] = 11
            kind = f"snow, {kind}"
        refl = _weathered(refl, kind.removeprefix("snow, "), water, rng)
        if kind.endswith("missed cloud"):
            cloud = _patches(rng, 5) < rng.uniform(0.2, 0.9)
            refl = np.where(cloud, SPECTRA["cloud"][:, None, None] * rng.uniform(0.5, 1.3), refl)
            classes[cloud & (_patches(rng, 3) < 0.6)] = 9
        refl = refl + rng.normal(0, 1, refl.shape) * (0.001 + 0.01 * np.abs(refl))
        dn = np.clip(np.rint(refl * 1e4 + (1000 if pending else 0)), 1, 20000).astype("uint16")
        if kind.endswith("sliver"):
            dn[:, :, int(rng.integers(3, 12)) :] = 0
        roll = rng.random()
        metadata = "wrong" if roll < lying else "missing" if roll < lying + 0.05 else "contradictory" if roll < lying + 0.15 else "right"
        if metadata == "wrong" and not modern:
            metadata = "right"
        facts = _facts(rule, metadata, pending, modern, rng)
        trials.append(Trial(landscape, kind, metadata, rule, facts, dn, classes, day, PENDING if pending else 0.0))
    return trials


def judged(trials: list[Trial]) -> Iterator[dict]:
    """What each way of deciding makes of the dates of a place: the offset, or NaN where it leaves the scene undecided or refuses it."""
    told = [by_metadata(t.rule, t.facts, 0.0) for t in trials]
    tests = [pixel_test(t.dn[2], t.dn[5], t.classes) for t in trials]
    looks = []
    for t, metadata, test in zip(trials, told, tests, strict=True):
        dn = t.dn.reshape(6, -1)
        clear = (dn > 0).all(axis=0) & np.isin(t.classes.ravel(), CLEAR_CLASSES)
        looks.append(Look(dn, clear, t.day_of_year, metadata.log_odds + test.log_odds))
    for t, metadata, test, others in zip(trials, told, tests, compare_dates(looks), strict=True):
        both = weigh(metadata, test)
        ours = weigh(metadata, test, others)
        refused = ours.open or too_negative(ours, test)
        q = np.mean((t.dn[2] < 1000) | (t.dn[5] < 1000), where=(t.dn[2] > 0) & np.isin(t.classes, CLEAR_CLASSES)) if test.pixels else 0.0
        spec = 0.0 if q > 0.02 else PENDING if q < 0.001 and test.floors_dn[1] >= 950 else metadata.offset
        yield {
            "landscape": t.landscape,
            "weather": t.weather,
            "metadata": t.metadata,
            "rule": t.rule,
            "truth": t.offset,
            "metadata alone": metadata.offset,
            "pixels alone": np.nan if abs(test.log_odds) < CERTAIN else PENDING if test.log_odds > 0 else 0.0,
            "published self-test": spec,
            "metadata and pixels": np.nan if both.open or too_negative(both, test) else both.offset,
            "with other dates": np.nan if refused else ours.offset,
            "confidence": ours.confidence,
            "log_odds": ours.log_odds,
            "level": others.level if others else np.nan,
            "words": ours.words,
        }


WAYS = ("metadata alone", "pixels alone", "published self-test", "metadata and pixels", "with other dates")


def run(seeds: range, n_dates: int = 40) -> pd.DataFrame:
    """One row a date, see `judged`."""
    return pd.DataFrame([row for seed in seeds for name in LANDSCAPES for row in judged(place(seed, name, n_dates))])


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By way of deciding: share of scenes given the wrong offset and left undecided or refused, of all and of those with right metadata."""
    right = rows[rows.metadata == "right"]

    def wrong(part: pd.DataFrame, way: str) -> float:
        return (part[way].notna() & (part[way] != part.truth)).mean()

    table = {
        way: {
            "scenes": len(rows),
            "wrong": wrong(rows, way),
            "undecided": rows[way].isna().mean(),
            "wrong_where_metadata_right": wrong(right, way),
            "undecided_where_metadata_right": right[way].isna().mean(),
        }
        for way in WAYS
    }
    return pd.DataFrame(table).T.astype({"scenes": int}).rename_axis("way")


if __name__ == "__main__":
    table = summary(run(range(1000, 1020)))
    table.assign(kind="simulated").to_csv(Path(__file__).with_suffix(".csv"), float_format="%.4f")
    print(table.to_string(float_format="{:.4f}".format))
