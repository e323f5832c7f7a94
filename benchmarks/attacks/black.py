"""Attacks on the classification of black-odorous water: episodes, narrow channels, other causes, few dates, the blackest water, and clear deep sea.

Waters are spectra of the optical model with the errors of a product (`rs_pipeline.training.water_types`), forty reaches of each. The attacks
test the shipped parts: the detector of dates, the weights of reaches, and the thresholds of the configuration.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rs_kernels.black_odorous import VETOES, spectra_evidence

from benchmarks.accuracy.real_black import grey_of
from benchmarks.attack import Attack
from rs_pipeline.config import BlackOdorousSection
from rs_pipeline.products.black_odorous.classify import assess
from rs_pipeline.products.black_odorous.model import load_detector
from rs_pipeline.training.water_types import WATER_TYPES, add_water_errors, simulate_water

REACHES = 40
WATERS = {kind.name: kind for kind in WATER_TYPES}
SEASON = tuple(f"2024-{month:02d}-{day:02d}" for month in range(4, 12) for day in (8, 23))
LAND_SHARE = 0.02
"""Mean share of bank in a core pixel."""


def spectra_of(kind: str, n: int, rng: np.random.Generator, land_share: float = LAND_SHARE) -> np.ndarray:
    """Spectra (n, 7) of a water with the errors of a product."""
    return np.ascontiguousarray(add_water_errors(simulate_water(WATERS[kind], "sentinel-2a", n, rng), rng, land_share=land_share))


def scores_of(kinds: dict[str, str], rng: np.random.Generator) -> pd.DataFrame:
    """Scores of REACHES reaches; ``kinds``: day to the name of its water."""
    parts = []
    for day, kind in kinds.items():
        seen = spectra_of(kind, REACHES, rng)
        grey = grey_of(seen)
        logit, cause = spectra_evidence(seen, grey, True, load_detector().packed)
        parts.append(
            pd.DataFrame(
                {
                    "reach_id": [f"R-{i:03d}" for i in range(REACHES)],
                    "period": "2024",
                    "day": day,
                    "scene_id": day,
                    "sensor": "s2",
                    "native_m": 10.0,
                    "n_core": 50,
                    "logit": logit,
                    "rededge": True,
                    "veto": [VETOES[c] for c in cause],
                    "grey_refl": grey,
                    "surroundings_share": 0.04,
                    **{f"{name}_refl": seen[:, band] - grey for band, name in ((0, "blue"), (1, "green"), (2, "red"), (4, "nir"))},
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def called(kinds: dict[str, str], width_m: float = 45.0, vetoed: dict[str, str] | None = None) -> gpd.GeoDataFrame:
    """Classes of REACHES reaches. ``vetoed``: day to another cause that is observed on it."""
    scores = scores_of(kinds, np.random.default_rng(24))
    scores["veto"] = scores.day.map(vetoed or {}).fillna(scores.veto)
    section = BlackOdorousSection()
    width_class = "assessable" if width_m >= section.min_width_m else "marginal"
    lines = gpd.GeoDataFrame(
        {
            "reach_id": sorted(scores.reach_id.unique()),
            "kind": "river",
            "adcode": "990101",
            "tile": "r000c000",
            "length_m": 200.0,
            "width_m": width_m,
            "width_class": width_class,
            "first_period": "2024",
        },
        geometry=[shapely.LineString([(500_000, 4_300_000 + 300 * i), (500_200, 4_300_000 + 300 * i)]) for i in range(REACHES)],
        crs="EPSG:32650",
    )
    return assess(lines, scores, ["2024"], section)


def shares(table: gpd.GeoDataFrame) -> dict[str, float]:
    """Share of each class."""
    return table["class"].value_counts(normalize=True).round(2).to_dict()


def _an_episode(folder: Path) -> str:
    """Grey black water from June to August, a river of the plain before and after."""
    found = shares(called({day: "bow_grey" if "06" <= day[5:7] <= "08" else "mesotrophic" for day in SEASON}))
    assert found.get("suspected", 0) >= 0.5, found
    return f"three black months of eight: {found}"


def _a_narrow_channel(folder: Path) -> str:
    found = shares(called({day: "bow_slight" for day in SEASON}, width_m=25.0))
    assert found.get("suspected", 0) >= 0.5, found
    return f"25 m wide: {found}"


def _another_cause(folder: Path) -> str:
    """On two dates of three grey water is classified as sediment, or banks as plants."""
    told = []
    for cause in ("sediment", "macrophyte"):
        found = shares(called({day: "bow_grey" for day in SEASON}, vetoed={day: cause for i, day in enumerate(SEASON) if i % 3}))
        assert found.get("suspected", 0) >= 0.5, (cause, found)
        told.append(f"{cause}: {found}")
    return "; ".join(told)


def _few_dates(folder: Path) -> str:
    days = SEASON[6:9]
    three, all_dates = called({day: "bow_grey" for day in days}), called({day: "bow_grey" for day in SEASON})
    two = shares(called({day: "bow_grey" for day in days[:2]}))
    assert two == {"insufficient": 1.0}, two
    assert three.probability.median() < all_dates.probability.median(), "three dates are as sure as sixteen"
    assert shares(three).get("suspected", 0) + shares(three).get("possible", 0) >= 0.5, shares(three)
    return f"median probability {three.probability.median():.2f} of 3 dates, {all_dates.probability.median():.2f} of {len(SEASON)}; 2 dates {two}"


def _the_blackest(folder: Path) -> str:
    table = called({day: "bow_black" for day in SEASON})
    darkest = table[table.optical_blackness >= table.optical_blackness.quantile(0.8)]
    found = darkest["class"].isin(["suspected", "possible"]).mean()
    assert found >= 0.9, shares(darkest)
    return f"green {10 ** -darkest.optical_blackness.median():.4f}: {shares(darkest)}"


def _clean_waters(folder: Path) -> str:
    told = {kind: shares(called({day: kind for day in SEASON})).get("suspected", 0.0) for kind in ("clean", "mesotrophic", "eutrophic", "bloom", "sediment")}
    assert max(told.values()) <= 0.02, told
    return f"suspected: {told}"


def _deep_sea(folder: Path) -> str:
    """With and without a red edge, hardly any land in the pixel."""
    seen = spectra_of("deep_sea", 5000, np.random.default_rng(24), land_share=0.001)
    told = {edge: float((spectra_evidence(seen, grey_of(seen), edge, load_detector().packed)[0] > 0).mean()) for edge in (True, False)}
    assert max(told.values()) <= 0.02, told
    return f"above P = 0.5: {told[True]:.2%} with a red edge, {told[False]:.2%} without"


ATTACKS = (
    Attack("three black months", "An episode of three months is a suspicion of the year", _an_episode),
    Attack("a channel of 25 m", "A narrow reach is suspected where its probability says so", _a_narrow_channel),
    Attack("another cause seen", "Sediment or plants on two dates of three speak against and do not forbid", _another_cause),
    Attack("three dates", "Few dates give a less extreme probability, and fewer than three no call", _few_dates),
    Attack("the blackest water", "The darkest black water is on the list", _the_blackest),
    Attack("clean waters", "Clean, green and turbid waters are not suspected", _clean_waters),
    Attack("deep clear sea", "Deep clear sea is not above a half on a date", _deep_sea),
)
