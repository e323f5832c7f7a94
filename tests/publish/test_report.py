"""The page: complete, closed in itself, and harmless whatever the texts hold."""

from __future__ import annotations

import json
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.estimation.zones import REGION
from rs_pipeline.layout import Layout
from rs_pipeline.publish.report import report
from rs_pipeline.publish.report.build import embed
from rs_pipeline.publish.report.estimates import HEAD, SHOWN, indicator_columns
from rs_pipeline.publish.report.figures import Canvas, unit_outlines
from rs_pipeline.publish.report.text import Codes, number, text
from rs_pipeline.storage.atomic import atomic_folder
from rs_pipeline.storage.tables import write_csv

PART = re.compile(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', re.S)


def parts(page: str) -> dict:
    return {name: json.loads(value) for name, value in PART.findall(page)}


@pytest.fixture(scope="module")
def page(fake_report) -> str:
    return fake_report.read_text("utf-8")


@pytest.fixture(scope="module")
def data(page) -> dict:
    return parts(page)


def test_nothing_is_fetched(page):
    references = re.findall(r"""(?:\bsrc|\bhref|\baction)\s*=\s*["']([^"']*)""", page) + re.findall(r"url\(([^)]*)\)", page)
    assert references
    for reference in references:
        assert reference.startswith(("#", "data:")), reference
    assert "@import" not in page and "fetch(" not in page and "XMLHttpRequest" not in page and "http" not in page.split("<script>")[1].replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in page


def test_hostile_names_stay_text(page, data, fake):
    scripts = page.count("<script")
    assert scripts == page.count("</script>") == len(data) + 1
    assert "alert(1)" in page
    assert fake.hostile in [u["name"] for u in data["core"]["units"]]
    assert "innerHTML" not in page and "insertAdjacentHTML" not in page


def test_all_counties_and_the_region_are_there(data, fake):
    names = {u["code"]: u for u in data["core"]["units"]}
    assert set(names) == {"130201", "130202", "130203", "region"}
    assert all(names[code]["path"].startswith("M") for code, _ in fake.units)
    assert "path" not in names["region"]
    assert names["130203"]["name"] == "安新县" and names["130203"]["folder"] == "130203"


def test_the_numbers_are_those_of_the_table(data):
    found = data["indicators"]
    kinds = {k["key"]: k for k in found["kinds"]}
    slot = 0 * 2 + 1  # the first unit in the second of two periods
    grass = kinds["grassland_fvc.C10-02"]["columns"]
    assert found["statuses"][grass["status"][slot]] == "off_track"
    assert [grass[name][slot] for name in ("observed_fraction", "value", "lower", "upper")] == [0.97, 71, 63.9, 78.1]
    reaches = kinds["black_odorous_reaches.C06-01"]["columns"]
    assert found["statuses"][reaches["status"][0]] == "insufficient_data" and reaches["value"][0] is None  # missing, not zero
    assert found["reasons"][reaches["reason"][0]] == "observed 0.31 < 0.50"
    assert kinds["grassland_fvc.C10-02"]["target_operator"] == ">="
    assert {k["indicator"] for k in found["kinds"] if "everywhere" in k} == {"pm25", "red_line_area"}
    assert found["scenes"][slot] == 40


def test_figures_outside_the_table_are_those_of_the_table(tmp_path, fake):
    """Cards of the overview, counted bodies, natural coast: of each period the region's row of indicators.csv, and no figure of its own."""
    settings = fake.settings_for(tmp_path)
    fake.write_everything(settings)
    path = Layout(settings.root).indicators
    table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    row = table.iloc[0].to_dict() | {"adcode": REGION, "name": "All units", "observed_fraction": "0.87", "target_id": ""}
    figures = [(name, period, 10.0 * i + j + 0.25) for i, name in enumerate(SHOWN.values()) for j, period in enumerate(("2022", "2023"))]
    more = [row | {"indicator": n, "period": p, "value": str(v), "lower": str(v - 1), "upper": str(v + 1)} for n, p, v in figures if (n, p) != ("sea_area", "2022")]
    write_csv(pd.concat([table, pd.DataFrame(more)]), path)
    report(settings)
    found = parts(Layout(settings.root).report.read_text("utf-8"))
    shown = {(SHOWN[name], total["period"]): total[name] for total in found["core"]["totals"] for name in SHOWN}
    assert shown == {(n, p): None if (n, p) == ("sea_area", "2022") else [v, v - 1, v + 1] for n, p, v in figures}
    assert [t["observed"] for t in found["core"]["totals"]] == [0.87, 0.87]
    assert all(set(s) == {"period", "wet", "dry", "not_observed", "area_km2"} for s in found["bodies"]["summary"]), "what the table has is not counted again"


def test_scenes_orbits_chips_and_what_they_lost(data):
    scenes = data["quality"]["scenes"]
    assert scenes["by_status"] == {"used": 34, "skipped": 4, "failed": 2}
    assert ["skipped", "cloud cover 97 % > 90 %", 4] in scenes["reasons"]
    assert len(scenes["failed"]) == 2
    assert sum(n for *_, n in scenes["calendar"]) == 34
    assert data["quality"]["orbits"] == [["earth-search-sentinel-2-l2a", "sentinel-2a", 132, 36, 34, 30, "2022-02-01 2022-02-11"]]
    assert data["quality"]["chips"] == {
        "counts": {"ok": 1, "empty": 0, "failed": 1}, "n_failures": 1,
        "failures": [["2022", "r000c000", "S2A_2", "TIFF tile 3 cannot be decoded"]], "lost": [],
    }  # fmt: skip
    assert data["observed"]["share"] == pytest.approx([0.972, 0.972, 0.639, 0.639, 0.306, 0.306, None, None], abs=1e-3)


def test_reaches_are_ranked_and_bodies_and_coast_are_there(data):
    reaches = data["reaches"]["2023"]
    assert [r["class"] for r in reaches["rows"]] == ["suspected", "possible"]
    assert reaches["counts"] == {"suspected": 1, "possible": 1, "clear": 1, "not_assessable": 1}
    assert data["bodies"]["n_bodies"] == 2
    assert [s["period"] for s in data["coast"]["shores"]] == ["2022", "2023"]
    assert len(data["coast"]["transects"]) == 17


def test_simulated_runs_say_so_and_others_do_not(page, tmp_path, fake):
    shown = re.compile(r'<p class="simulated"')
    assert shown.search(page)
    settings = fake.settings_for(tmp_path, simulated=False)
    report(settings)
    assert not shown.search(Layout(settings.root).report.read_text("utf-8"))


def test_an_empty_run_gives_a_page_that_says_what_is_missing(tmp_path, fake):
    settings = fake.settings_for(tmp_path, coastline=False)
    report(settings)
    bare = parts(Layout(settings.root).report.read_text("utf-8"))
    assert [bare[k] for k in ("indicators", "reaches", "bodies", "coast")] == [None] * 4
    assert bare["quality"] == {"scenes": None, "orbits": None, "chips": None}
    assert bare["core"]["coast"] is False
    assert bare["layers"] == [] and len(bare["core"]["units"]) == 3 and len(bare["methods"]["targets"]) > 80


def test_a_report_that_fails_leaves_the_old_one(tmp_path, fake, monkeypatch):
    settings = fake.settings_for(tmp_path)
    fake.write_maps(settings)
    report(settings)
    before = sorted(p.name for p in Layout(settings.root).report.parent.rglob("*"))
    monkeypatch.setattr("rs_pipeline.publish.report.coast.coastline_drawing", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report(settings)
    assert sorted(p.name for p in Layout(settings.root).report.parent.rglob("*")) == before


def test_a_folder_takes_the_place_of_the_old_one_whole(tmp_path):
    for content in ("old", "new"):
        with atomic_folder(tmp_path / "pictures") as folder:
            folder.mkdir()
            (folder / content).write_text(content)
    assert [p.name for p in tmp_path.rglob("*")] == ["pictures", "new"]


def test_embedded_json_cannot_end_its_element():
    raw = str(embed({"a": "</script><!-- & \u2028", "b": None}))
    assert not set(raw) & set("<>&\u2028")
    assert json.loads(raw) == {"a": "</script><!-- & \u2028", "b": None}


def test_texts_lose_only_the_apostrophe_that_made_them_inert():
    assert [text(v) for v in ("'=1+1", "'@x", "=", "'tis", "plain", float("nan"), None)] == ["=1+1", "@x", "=", "'tis", "plain", "", ""]
    assert [number(v) for v in (float("inf"), "3.5", 1e-9, 123456.7)] == [None, 3.5, 1e-9, 123460]


def table_of(*rows: dict) -> pd.DataFrame:
    base = dict.fromkeys((*HEAD, "value", "lower", "upper", "interval", "observed_fraction", "n_scenes", "reason"), "")
    return pd.DataFrame([base | {"indicator": "x", "period": "2023", "status": "needs_table"} | row for row in rows])


def test_a_reason_that_differs_keeps_its_rows():
    codes = Codes({"a": 0, "b": 1})
    found = indicator_columns(table_of({"adcode": "a", "reason": "r0"}, {"adcode": "b", "reason": "r1; proxy: c"}), {}, codes, ["2023"])
    assert found["kinds"][0]["columns"]["reason"] == [0, 1]
    assert found["reasons"] == ["r0", "r1; proxy: c"] and found["notes"] == ["r0", "r1"]
    same = indicator_columns(table_of({"adcode": "a", "reason": "r0"}, {"adcode": "b", "reason": "r0"}), {}, codes, ["2023"])
    assert same["kinds"][0]["everywhere"] == [0, 0] and "columns" not in same["kinds"][0]


def test_a_row_that_is_not_there_is_told_from_one_without_a_value():
    found = indicator_columns(table_of({"adcode": "a", "value": "0"}, {"adcode": "b", "period": "1999", "value": "5"}), {}, Codes({"a": 0, "b": 1}), ["2022", "2023"])
    columns = found["kinds"][0]["columns"]
    assert columns["status"] == [-1, 0, -1, -1] and columns["value"] == [None, 0, None, None] and columns["lower"] is None


def test_neighbours_keep_their_common_border():
    zigzag = [(1000 + (30 if i % 2 else -30), 100 * i) for i in range(11)]
    left = shapely.Polygon([(0, 0), *zigzag, (0, 1000)])
    right = shapely.Polygon([(2000, 0), *zigzag, (2000, 1000)])
    units = gpd.GeoDataFrame({"adcode": ["1", "2"]}, geometry=[left, right], crs="EPSG:32650")
    canvas = Canvas.over("EPSG:32650", (0, 0, 2000, 1000), margin=0, longest=20)  # a unit is 100 m: the zigzag disappears
    outlines = unit_outlines(units, canvas)
    assert canvas.place(np.array([[0, 1000], [2000, 0]])).tolist() == [[0, 0], [20, 10]]
    assert outlines[0]["box"] == [0, 0, 10, 10]
    assert all(len(re.findall(r"-?\d+,-?\d+", o["path"])) <= 8 for o in outlines)


def test_the_trend_is_shown_in_the_last_period_of_enough(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    fake.write_trend(settings)
    for min_years, shown in ((5, []), (4, ["2022"])):
        section = settings.trend.model_copy(update={"min_years": min_years})
        four = settings.model_copy(update={"periods": [2019, 2020, 2021, 2022], "trend": section})
        report(four)
        layers = parts(Layout(four.root).report.read_text("utf-8"))["layers"]
        assert [period for layer in layers if layer["product"] == "vegetation_trend" for period in layer["periods"]] == shown
