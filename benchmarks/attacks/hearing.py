"""A county's objections: visits that contradict the result, a red line at sea, targets taken literally. On the finished run of a tiny world (simulated)."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from benchmarks.attack import Attack
from benchmarks.attacks.disk import copied, must_end_well, ran
from rs_pipeline.config import load
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.status import judge
from rs_pipeline.indicators.targets import load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.red_line.areas import red_line_areas
from tests.operations.conftest import Small

YEAR, BEFORE = "2024", "2023"


def region_row(small: Small, indicator: str, period: str) -> pd.Series:
    table = pd.read_parquet(small.layout.indicators_parquet)
    return table[(table.adcode == "000000") & (table.indicator == indicator) & (table.period == period)].iloc[0]


def visited_reaches(folder: Path) -> str:
    """One reach without enough dates is confirmed, all others of the year are refuted."""
    small = copied(folder)
    table = gpd.read_file(small.layout.reaches, layer="reaches")
    now, before = table[table.period == YEAR], region_row(small, "black_odorous_reaches", BEFORE)
    rows = [f"{r.lon},{r.lat},{YEAR}-07-01,{int(n == 0)}" for n, r in enumerate(now.itertuples())]
    (small.folder / "visits.csv").write_text("\n".join(["lon,lat,date,black", *rows]) + "\n", "utf-8")
    small.configure(tables={"field_results": "visits.csv"})
    must_end_well(ran(small))
    after = gpd.read_file(small.layout.reaches, layer="reaches")
    classes = after[after.period == YEAR]["class"].tolist()
    assert classes == ["suspected", *["clear"] * (len(now) - 1)], classes
    assert after[after.period == YEAR].satellite_class.tolist() == now.satellite_class.tolist()
    listed = pd.read_csv(small.layout.inspection_list, encoding="utf-8-sig", dtype={"period": str})
    assert listed[listed.period == YEAR].reach_id.tolist() == [now.reach_id.iloc[0]]
    row = region_row(small, "black_odorous_reaches", YEAR)
    assert (row.value, row.lower, row.upper) == (1, 1, 1) and "decided by visits of this period" in row.reason, tuple(row)
    same = region_row(small, "black_odorous_reaches", BEFORE)
    assert (same.status, same.reason) == (before.status, before.reason)
    return f"{len(now)} reaches visited: 1 suspected, {len(now) - 1} clear, count 1 [1, 1]; {BEFORE} as it was"


def red_line_at_sea(folder: Path) -> str:
    """Half a polygon lies in the western county, half at sea before it; another in a neighbouring province."""
    small = copied(folder)
    units = gpd.read_file(small.folder / "units.gpkg").to_crs(32650)
    west, south, _, north = units.total_bounds
    shapes = [shapely.box(west - 300, south, west + 300, north), shapely.box(west, north + 50, west + 100, north + 150)]
    gpd.GeoDataFrame({"marine": ["yes", "no"]}, geometry=shapes, crs=32650).to_crs(4326).to_file(small.folder / "red.gpkg")
    settings = load(small.configure(tables={"red_line": str(small.folder / "red.gpkg")}, units={"path": str(small.folder / "units.gpkg")}))
    found = red_line_areas(settings)
    county, region = found["130101"], found["000000"]
    half = 300 * (north - south) / 1e6
    for area in (county, region):
        assert abs(area.inside_km2 - half) < 0.01 * half and abs(area.sea_km2 - half) < 0.01 * half, area
    assert abs(region.elsewhere_km2 - 0.01) < 0.0002 and found["130102"].sea_km2 == 0
    return f"{region.inside_km2:.3f} km2 inside, {region.sea_km2:.3f} at sea, once; {region.elsewhere_km2:.3f} in a neighbour, said"


def targets_to_the_letter(folder: Path) -> str:
    """A value equal to the target number, and a rise of green beyond what the target's text requires."""
    targets = {t.target_id: t for t in load_targets(config_folder() / "targets.csv", INDICATORS)}
    asked = {"C03-02": 95.0, "C04-01": 41.0, "C07-03": 80.0, "C17-01": 80.6, "C10-02": 75.0}
    said = {key: judge(targets[key], Interval(value), 2035).status for key, value in asked.items()}
    assert set(said.values()) == {"met"}, said
    assert all(t.standard for t in targets.values())
    return f"{', '.join(f'{key} at {value:g} %' for key, value in asked.items())}: met; {len(targets)} targets name their standard"


ATTACKS = (
    Attack("visited reaches", "A visit decides its reach in its year: class, list, count and interval; other years stay.", visited_reaches),
    Attack(
        "a red line at sea",
        "What lies at sea counts once, for the nearest county and the region; a neighbour's land is in no total and is said.",
        red_line_at_sea,
    ),
    Attack(
        "targets held to the letter", "The number itself fulfils 'or more', and more green is no fault; every target names its standard.", targets_to_the_letter
    ),
)
