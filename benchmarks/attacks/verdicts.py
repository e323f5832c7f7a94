"""Verdicts that would hold for ever or come from another year: nothing left to decrease, periods of several years, seasons, trends, units over a border, creeks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from benchmarks.attack import Attack
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.status import judge
from rs_pipeline.indicators.table import build
from rs_pipeline.indicators.targets import load_targets
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.paths import config_folder
from rs_pipeline.region import REGION, overlaps, prefecture_codes, with_totals, with_unions
from tests.made_up_run import KM2, FakeRun, make_facts, make_target, reach_rows

COUNTY = "130001"


def judged(run: FakeRun, target_id: str, indicator: str, baseline_year: int) -> dict[str, pd.Series]:
    """Rows of COUNTY for an indicator and a target with a baseline year, by period."""
    targets = load_targets(config_folder() / "targets.csv", INDICATORS)
    targets = [replace(t, baseline_year=baseline_year) for t in targets if t.target_id == target_id]
    table = build(Run.read(run.counties().settings), targets, {})
    return {r.period: r for _, r in table[(table.adcode == COUNTY) & (table.target_id == target_id) & (table.indicator == indicator)].iterrows()}


def nothing_to_decrease(folder: Path) -> str:
    target, none = make_target("decrease", None, target_year=None), Interval(0.0, 0.0, 0.3, "model95")
    said = judge(target, none, 2025, change=Interval(0.0), least=1.0)
    small = judge(target, Interval(4.5), 2025, change=Interval(-0.5), least=1.0)
    assert (said.status, small.status) == ("met", "undecidable"), (said, small)
    return f"no reach then and now: {said.status} ({said.reason}); a fall of half the detection limit: {small.status}"


def periods_of_three_years(folder: Path) -> str:
    spans = [{"label": f"{a}-{a + 2}", "start": f"{a}-01-01", "end": f"{a + 2}-12-31"} for a in (2017, 2020, 2023)]
    rows = judged(FakeRun(folder, years=tuple(p["label"] for p in spans), periods=spans), "C10-04", "greening_net", 2020)
    assert (rows["2020-2022"].status, rows["2023-2025"].baseline) == ("no_target", "2020-2022"), rows
    return f"baseline 2020, periods {', '.join(rows)}: 2023-2025 is measured from {rows['2023-2025'].baseline}"


def seasons(folder: Path) -> str:
    spans = [
        {"label": f"{y}-{s}", "start": f"{y}-{a}-01", "end": f"{y}-{b}-28"}
        for y in (2023, 2024, 2025)
        for s, a, b in (("spring", "03", "05"), ("summer", "06", "08"))
    ]
    rows = judged(FakeRun(folder, years=tuple(p["label"] for p in spans), periods=spans), "C10-04", "greening_net", 2024)
    found = {label: rows[label].baseline for label in ("2025-spring", "2025-summer")}
    assert found == {"2025-spring": "2024-spring", "2025-summer": "2024-summer"}, found
    return ", ".join(f"{label} from {base}" for label, base in found.items())


def trend_before_its_baseline(folder: Path) -> str:
    cover = dict(zip(range(2017, 2026), (0.50, 0.54, 0.58, 0.62, 0.66, 0.65, 0.64, 0.63, 0.62), strict=True))
    run = FakeRun(folder, years=tuple(cover))
    run.changes.update({(COUNTY, year): {"fvc_peak_sum_m2": c * 90 * KM2} for year, c in cover.items()})
    row = judged(run, "C09-03", "fvc_peak_trend", 2021)["2025"]
    assert (round(row.value, 6), row.baseline, row.status) == (-1.0, "2021", "off_track"), row
    return f"up by 4 points a year to 2021, down by 1 since: {row.value:+.2g} %/yr from {row.baseline}, {row.status}"


def unit_over_a_border(folder: Path) -> str:
    shapes = [*(shapely.box(115 + i, 38, 116 + i, 39) for i in range(4)), shapely.box(116.6, 38, 117.4, 38.5)]
    units = gpd.GeoDataFrame({"adcode": list("12349"), "name": list("12349"), "prefecture": ["West", "West", "East", "East", ""]}, geometry=shapes, crs=4326)
    pairs = overlaps(units)
    rows = with_unions(units.assign(in_region=~units.adcode.isin([*pairs.small, *pairs.large])))
    table = pd.DataFrame(rows.drop(columns="geometry")).assign(degrees=shapely.area(rows.geometry.to_numpy()))
    totals = with_totals(table, ["degrees"], prefecture_codes(units)).set_index("adcode").degrees.round(6)
    assert totals[["West", "East", REGION]].tolist() == [2.0, 2.0, 4.0], totals
    return f"two prefectures of two square degrees and a unit over their border: {totals['West']:g}, {totals['East']:g}, the region {totals[REGION]:g}"


def narrow_creeks(folder: Path) -> str:
    reaches = reach_rows(("clear", "assessable", 200.0), *[("not_assessable", "not_assessable", 200.0)] * 100)
    got = estimate_indicator(INDICATORS["black_odorous_reaches"], make_facts(reaches=reaches))
    said = judge(make_target("eliminate", 0, target_year=None), got.interval, 2025, least=1.0)
    assert said.status == "undecidable" and got.observed_fraction < 0.02, (got, said)
    return f"one clear reach, 100 too narrow: {got.interval.value:g} [{got.interval.lower:g}, {got.interval.upper:g}], {100 * got.observed_fraction:.1f} % judged, {said.status}"


ATTACKS = (
    Attack("nothing to decrease", "where none was and none is, 'decrease' holds; less than can be told apart decides nothing", nothing_to_decrease),
    Attack("periods of three years", "the baseline is the period that contains the year", periods_of_three_years),
    Attack("seasons", "a change is measured from the same season", seasons),
    Attack("trend before its baseline", "a trend is of the years from the target's baseline on", trend_before_its_baseline),
    Attack("a unit over a border", "no prefecture loses a county to a unit that lies in two, and no ground counts twice", unit_over_a_border),
    Attack("narrow creeks", "what was judged does not speak for the greater part that cannot be", narrow_creeks),
)
