"""Attacks on the coast's figures: a shore that changes direction, noise without a change, a hidden year, fills among beaches, a tide table that is too short."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.attack import Attack
from rs_pipeline.config import parse
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.estimate import Estimate, Facts
from rs_pipeline.estimation.uncertainty import Thresholds
from rs_pipeline.products.coastline.classify import Evidence
from rs_pipeline.products.coastline.history import class_columns, classified
from rs_pipeline.products.coastline.indicators import INDICATORS
from rs_pipeline.products.coastline.tide import check_tide

LABELS = [str(year) for year in range(2019, 2026)]
YEARS = np.array([int(label) + 0.5 for label in LABELS])
BEACH = {"chord_share": 0.9, "line_rms_m": 20.0, "tide_m_per_m": 25.0, "pond_share": 0.0, "swir1_land_refl": 0.2, "position_sd_m": 8.0, "step_m": 0.0}
WALL = BEACH | {"chord_share": 1.0, "line_rms_m": 1.0, "tide_m_per_m": 1.0}


def coast(units: list[list[dict | None]]) -> pd.DataFrame:
    """Transects of 100 m from the evidence of each unit in each of LABELS, None where it was not observed; their shorelines do not move."""
    columns = {name: np.array([[math.nan if e is None else e[name] for e in unit] for unit in units]) for name in BEACH}
    seen = np.array([[e is not None for e in unit] for unit in units])
    nowhere = np.zeros(seen.shape, int)
    table = pd.DataFrame(class_columns(LABELS, classified(YEARS, seen, Evidence(**columns), nowhere.astype(bool), nowhere)))
    distance = {f"distance_{p}": np.where(seen[:, k], 0.0, math.nan) for k, p in enumerate(LABELS)}
    still = {"length_m": 100.0, "class": "stable", "step_m": 0.0, "lrr_m_yr": -1.0, "lrr_ci95_m_yr": 0.3}
    return table.assign(**still, **distance, **{f"error_{p}": 4.0 for p in LABELS})


def told(name: str, transects: pd.DataFrame, period: str, baseline: str = "2019") -> Estimate:
    facts = Facts(
        period,
        baseline,
        period == LABELS[-1],
        {"county": {"area_m2": 1.0, "n_scenes": 1}},
        {},
        Thresholds(),
        years=dict(zip(LABELS, YEARS, strict=True)),
        own={"transects": transects, "official_coast_km": None, "tide_doubt": ""},
    )
    return next(i for i in INDICATORS if i.name == name).estimator(facts)


def wall_of_2023(folder: Path) -> str:
    table = coast([[BEACH] * 7] * 9 + [[BEACH] * 4 + [WALL | {"pond_share": 0.5}] * 3])
    km = [round(told("natural_coast_length_km", table, p).interval.value, 3) for p in LABELS]
    assert km == [1.0] * 4 + [0.9] * 3, km
    last = table.iloc[-1]
    assert (last.converted_after, last.converted_period, last.converted_to) == ("2022", "2023", "artificial"), last
    return f"natural coast {km[0]} km to 2022, {km[-1]} km from 2023; converted after 2022, seen 2023, probability {last.converted_probability:.2f}"


def noise(folder: Path) -> str:
    rng = np.random.default_rng(1)
    units = [[BEACH if rng.random() > 0.1 else WALL for _ in LABELS] for _ in range(1000)]
    table = coast(units)
    false = (table.converted_to != "").mean()
    assert false < 0.02, false
    return f"one year of ten looks like a wall: {100 * false:.1f} % of 1,000 beaches are called converted"


def hidden_year(folder: Path) -> str:
    table = coast([[BEACH] * 7] * 8 + [[BEACH] * 3 + [None] + [BEACH] * 3] * 2)
    got = told("natural_coast_length_km", table, "2022")
    assert got.interval.value == 1.0 and "0.2 km not seen" in got.reason, got
    return f"2 of 10 units hidden in 2022: {got.interval.value:g} km; {got.reason}"


def fills_in_the_rate(folder: Path) -> str:
    table = coast([[BEACH] * 7] * 10)
    table.loc[:3, ["class", "step_m", "lrr_m_yr"]] = ["reclaimed", 300.0, 40.0]
    got = told("coast_mean_rate", table, "2025")
    assert got.interval.value == -1.0 and "0.4 km" in got.reason, got
    return f"four fills at +40 m/yr among six beaches at -1: {got.interval.value:g} m/yr (all pooled: {table.lrr_m_yr.mean():g}); {got.reason}"


def fill_before_its_year(folder: Path) -> str:
    table = coast([[BEACH] * 7] * 10)
    table.loc[0, ["class", "step_m", "distance_2023", "distance_2024", "class_2024"]] = ["reclaimed", 300.0, 6.0, 300.0, "artificial"]
    hectares = [told("reclaimed_area", table, p).interval.value for p in ("2023", "2024")]
    assert np.allclose(hectares, [0.0, 3.0]), hectares
    return f"filled in 2024, 6 m of noise in 2023: {hectares[0]:g} ha in 2023, {hectares[1]:g} ha in 2024"


def fill_of_old(folder: Path) -> str:
    table = coast([[BEACH] * 7] * 10)
    for k, label in enumerate(LABELS):
        table.loc[:4, [f"distance_{label}", f"class_{label}"]] = [90.0 if k else 0.0, "artificial"]
    hectares = [told("reclaimed_area", table, p).interval.value for p in LABELS[1:]]
    assert np.allclose(hectares, 4.5), hectares
    return f"500 m built out by 90 m in 2020: {', '.join(f'{h:g}' for h in hectares)} ha in 2020 to 2025"


def short_tide_table(folder: Path) -> str:
    hours = np.arange(10 * 24)
    rows = [f"2024-05-{1 + h // 24:02d}T{h % 24:02d}:00:00Z,a,118.5,39,{math.cos(2 * math.pi * h / 12.42):.3f}" for h in hours]
    path = folder / "tide.csv"
    path.write_text("\n".join(["time_utc,station,lon,lat,height_m", *rows]))
    settings = parse(
        {
            "run": "t",
            "output": str(folder),
            "units": {"path": "u.gpkg"},
            "periods": [2024],
            "coastline": {"tide_table": str(path), "level": "mhws"},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
        }
    )
    try:
        check_tide(settings, np.array([118.0, 38.5, 119.0, 39.5]))
    except TableError as fault:
        assert "no spring tide" in str(fault) and "coastline.level: msl" in str(fault), fault
        return f"ten days of tide for mean high water springs: {fault}"
    raise AssertionError("a table without a spring tide made a mean high water springs")


ATTACKS = (
    Attack("wall on a beach", "the natural coast falls by the unit's length from its year on, and the date is told", wall_of_2023),
    Attack("noise of a year", "classes that scatter from year to year convert nothing", noise),
    Attack("hidden year", "a unit seen before and after keeps its length, and it is said", hidden_year),
    Attack("fills in the mean rate", "the rate is that of the shore that moved by itself", fills_in_the_rate),
    Attack("fill before its year", "land counts as reclaimed from the year of its step on", fill_before_its_year),
    Attack("fill of old", "a fill stays one in every later year", fill_of_old),
    Attack("short tide table", "a table that cannot tell mean high water springs is refused with the remedy", short_tide_table),
)
