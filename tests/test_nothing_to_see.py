"""The whole chain where there is nothing to see: no water, no land, no scene, one pixel, one date. Missing is said, and never zero."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.layout import Layout
from rs_pipeline.publish.report.words import Chinese
from tests.small_world import DATES, SEA, SIZE_PX, SOIL, run_chain, small_settings, write_scene

ONE_YEAR = [d for d in DATES if d.startswith("2023")]
SEA_POINT = [117.004, 38.845]


def made(folder: Path, *, ground=SOIL, days=DATES, cloudy: str = "none", before=None, **changes) -> Layout:
    """The results of the chain on a world; scenes of the year ``cloudy`` are all cloud."""
    for day in days:
        write_scene(folder / "scenes", day, ground, 99.0 if day.startswith(cloudy) else 1.0)
    return Layout(run_chain(small_settings(folder, **changes), before).root)


def rows(layout: Layout) -> pd.DataFrame:
    """The indicators of the counties and the region, each once; what holds of every one of these worlds is checked here."""
    table = pd.read_csv(layout.indicators, encoding="utf-8-sig", dtype={"adcode": str, "period": str})
    assert layout.report.is_file() and layout.stac.is_file() and layout.counties_latest.is_file()
    empty = table.value.isna()
    assert table.reason[empty & ~table.status.isin(["not_observable", "no_target"])].notna().all()
    assert not (table.observed_fraction[~empty] == 0).any(), "no number, and no zero, comes from nothing seen"
    said = table.reason.dropna().map(Chinese.read()).str.replace(r"无法读取（.*?）", "", regex=True).unique()  # but for what GDAL says
    left = [text for text in said if re.search(r"\b[a-z]{3,} [a-z]{2,}\b", text)]
    assert left == [], "half translated"
    return table.drop_duplicates(["adcode", "period", "indicator"]).set_index(["adcode", "period", "indicator"])


def no_reaches(layout: Layout) -> bool:
    """Whether the tables of reaches are there, typed, and empty."""
    reaches, bodies = gpd.read_file(layout.reaches, layer="reaches"), gpd.read_file(layout.bodies)
    assert {"reach_id", "class", "probability", "length_m"} <= set(reaches) and reaches.crs is not None
    assert pd.read_csv(layout.inspection_list, encoding="utf-8-sig").empty
    return reaches.empty and bodies.empty


def test_a_dry_world(tmp_path):
    layout = made(tmp_path)
    table = rows(layout)
    assert no_reaches(layout)
    assert table.value["130101", "2024", "water_permanent_area"] == 0 and table.observed_fraction["130101", "2024", "water_permanent_area"] > 0.95
    assert pd.isna(table.value["130101", "2024", "black_odorous_unassessable_length_km"]) and table.value["130101", "2024", "water_seasonal_area"] == 0
    assert 0 < table.value["000000", "2024", "fvc_peak_mean"] < 12
    assert table.reason["130101", "2024", "black_odorous_reaches"] == "no reach or pond wide enough to be assessed"


def test_a_world_all_at_sea(tmp_path):
    layout = made(tmp_path, ground=SEA, coastline={"sea_points": [SEA_POINT]})
    table = rows(layout)
    area_km2 = (SIZE_PX * 10 / 1e3) ** 2
    assert table.value["000000", "2024", "sea_area"] == pytest.approx(area_km2, rel=0.02) and table.value["000000", "2024", "water_permanent_area"] == 0
    cover, coast = table.loc["130101", "2024", "fvc_peak_mean"], table.loc["130101", "2024", "natural_coast_length_km"]
    assert pd.isna(cover.value) and cover.reason and pd.isna(coast.value) and coast.reason


def test_a_year_of_clouds(tmp_path):
    table = rows(made(tmp_path, cloudy="2024"))
    ours = table[~table.status.isin(["not_observable", "needs_table", "no_target"])]
    assert table.value["130101", "2023", "fvc_peak_mean"] > 0
    lost = ours.xs("2024", level="period")
    assert lost.value.isna().all() and (lost.reason == "no scene was used in this period").sum() > 20


def test_every_scene_fails_at_fetch(tmp_path):
    def cut_off() -> None:
        for path in (tmp_path / "scenes").rglob("nir.tif"):
            path.write_bytes(path.read_bytes()[:200])

    layout = made(tmp_path, days=ONE_YEAR, periods=[2023], before={"fetch": cut_off})
    table = rows(layout)
    assert table.value.isna().all() and table.reason.str.startswith("lost: 6 of 6 scenes could not be read (").sum() > 20
    assert set(pd.read_parquet(layout.chips("2023", "r000c000")).status) == {"failed"} and len(read_ledger(layout.scenes, status=["used"])) == 6


def test_one_county_of_one_pixel(tmp_path):
    table = rows(made(tmp_path, days=ONE_YEAR, periods=[2023], size_m=10))
    assert 0 < table.value["130101", "2023", "fvc_peak_mean"] < 15
    assert table.value["130101", "2023", "fvc_peak_mean"] == table.value["000000", "2023", "fvc_peak_mean"]
    assert table.value["130101", "2023", "water_permanent_area"] == 0


def test_one_date(tmp_path):
    layout = made(tmp_path, days=ONE_YEAR[2:3], periods=[2023])
    table = rows(layout)
    assert no_reaches(layout) and table.value.isna().all()
    assert table.reason["130101", "2023", "black_odorous_unassessable_length_km"] == "no pixel with enough clear months, so no reach or pond is known"
