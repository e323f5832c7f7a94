"""The page: complete, closed in itself, and harmless whatever the texts hold."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from rs_pipeline.config import ReportSection
from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.indicators.accuracy import MEASURED_ON, Topic
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import StepContext, products
from rs_pipeline.publish.pdf import pdf
from rs_pipeline.publish.report import report
from rs_pipeline.publish.report.accuracy import standards
from rs_pipeline.publish.report.build import embed, files_beside, map_paths
from rs_pipeline.publish.report.changes import earlier_verdicts
from rs_pipeline.publish.report.estimates import DIGITS, HEAD, NUMBERS, indicator_columns, short_number
from rs_pipeline.publish.report.figures import Canvas, unit_outlines
from rs_pipeline.publish.report.methods import methods
from rs_pipeline.publish.report.text import Codes, number, text
from rs_pipeline.publish.report.waters import month_list
from rs_pipeline.steps import steps_of
from rs_pipeline.storage.atomic import atomic_folder

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
    assert (
        "@import" not in page
        and "fetch(" not in page
        and "XMLHttpRequest" not in page
        and "http" not in page.split("<script>")[1].replace("http://www.w3.org/2000/svg", "")
    )
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


def answer_of(found, columns, slot):
    """Status and reason of a row."""
    status, reason = found["answers"][columns["answer"][slot]]
    return found["statuses"][status], found["reasons"][reason]


def test_the_numbers_are_those_of_the_table(data):
    found = data["indicators"]
    kinds = {k["key"]: k for k in found["kinds"]}
    slot = 0 * 2 + 1  # the first unit in the second of two periods
    grass = kinds["grassland_fvc.C10-02"]["columns"]
    assert answer_of(found, grass, slot)[0] == "off_track"
    assert [grass[name][slot] for name in ("observed_fraction", "value", "lower", "upper")] == [0.97, 71, 63.9, 78.1]
    reaches = kinds["black_odorous_reaches.C06-01"]["columns"]
    assert answer_of(found, reaches, 0) == ("insufficient_data", "observed 0.31 < 0.50") and reaches["value"][0] is None  # missing, not zero
    assert kinds["grassland_fvc.C10-02"]["target_operator"] == ">="
    assert {k["indicator"] for k in found["kinds"] if "everywhere" in k} == {"pm25", "red_line_area"}
    assert found["scenes"][slot] == 40


def test_all_numbers_are_those_of_the_table_and_all_of_the_table_are_there(data, fake_run):
    """Every row of indicators.csv is on the page with its status and numbers, and the page has no row beside them."""
    found, core = data["indicators"], data["core"]
    table = pd.read_csv(Layout(fake_run.root).indicators, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    told, n = {}, len(core["periods"])
    for kind in found["kinds"]:
        for u, unit in enumerate(core["units"]):
            for p, period in enumerate(core["periods"]):
                columns, slot = kind.get("columns", {}), u * n + p
                if "everywhere" in kind or columns["answer"][slot] >= 0:
                    status = found["statuses"][kind["everywhere"][0]] if "everywhere" in kind else answer_of(found, columns, slot)[0]
                    numbers = [columns[name][slot] if columns.get(name) else None for name in NUMBERS]
                    told[unit["code"], period, kind["indicator"], kind["target_id"]] = (status, numbers)
    bare = {"pm25", "red_line_area"}  # the same everywhere, without a number: the page says it once
    rows = {
        (text(r.adcode), r.period, r.indicator, r.target_id): (
            r.status,
            [None if r.indicator in bare else short_number(pd.to_numeric(getattr(r, c), errors="coerce"), DIGITS.get(c, 5)) for c in NUMBERS],
        )
        for r in table.itertuples()
    }
    assert told == rows and len(rows) == len(table) > 80


def test_the_page_sums_nothing_that_the_table_has(data):
    """Area of water, counted bodies, length of coast by nature, suspected reaches: none is worked out a second time."""
    assert set(data["bodies"]) == {"rows", "n_bodies"}
    assert set(data["reaches"]["2023"]) == {"classes", "n_listed", "n_visited", "rows"}
    assert set(data["coast"]) == {"view", "shores", "rates", "transects", "classes"} and set(data["coast"]["shores"][0]) == {
        "period",
        "path",
        "error_m",
        "reference",
    }
    assert set(data["clear"]) == {"dates", "months"} and not {"totals", "observed"} & {*data, *data["core"]}


def test_a_section_of_coast_has_its_class_in_every_period(data):
    named = [[data["coast"]["classes"][c] for c in row[3]] for row in data["coast"]["transects"]]
    assert [named[8], named[9], named[10]] == [["natural"] * 2, ["natural", "artificial"], ["artificial"] * 2]
    assert [row[-1] for row in data["coast"]["transects"][8:11]] == ["", "artificial:2023", ""]


def test_findings_have_links_pictures_and_both_languages(data, fake_report):
    found = data["findings"]
    fill, black = found["rows"]
    assert (found["n"], found["n_open"], found["n_new"]) == (2, 2, 1)
    assert (fill["kind"], fill["state"], fill["against"]) == ("new reclamation", "new", "seen in one period")
    assert [data["chinese"][fill[name]] for name in ("kind", "state", "against")] == ["新增围填海", "新发现", "仅一期可见"]
    assert (
        fill["links"]["geo"].startswith("geo:38.8")
        and fill["links"]["amap"].startswith("https://uri.amap.com/")
        and fill["links"]["baidu"].startswith("https://api.map.baidu.com/")
    )
    assert data["core"]["units"][fill["unit"]]["code"] == "130203" and [fill["lower"], fill["amount"], fill["upper"]] == [21_000, 23_400, 26_000]
    assert [(period, product) for period, product, _ in fill["pictures"]] == [("2022", "water"), ("2023", "water")]
    assert [(period, product) for period, product, _ in black["pictures"]] == [("2023", "black_odorous")], "nothing lies before the first period"
    before, after = (Image.open(fake_report.parent / "pictures" / path) for _, _, path in fill["pictures"])
    assert before.size == after.size == (600, 600)
    ring = np.asarray(before).astype(int) - np.array([214, 0, 108])
    assert (np.abs(ring).sum(axis=2) < 120).sum() > 300, "the place is outlined"


def test_a_run_without_findings_says_so(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    report(settings)
    assert parts(Layout(settings.root).report.read_text("utf-8"))["findings"] is None


def test_title_organisation_and_what_changed_since_an_earlier_run(tmp_path, fake):
    """One verdict differs, one row is new, and codes that a spreadsheet shortened are the same."""
    settings = fake.settings_for(tmp_path)
    fake.write_indicators(settings)
    table = pd.read_csv(Layout(settings.root).indicators, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    grass = (table.indicator == "grassland_fvc") & (table.period == "2023")
    table.loc[grass & (table.adcode == "130201"), "status"] = "met"
    table = table[~(grass & (table.adcode == "130203"))]
    (tmp_path / "earlier.csv").write_text(table.to_csv(index=False), "gb18030")
    head = {"title": "Clean\n water <b>", "organisation": "生态环境厅", "earlier_indicators": tmp_path / "earlier.csv"}
    settings = settings.model_copy(update={"report": ReportSection(**head)})
    report(settings)
    page = Layout(settings.root).report.read_text("utf-8")
    core = parts(page)["core"]
    assert (core["title"], core["organisation"]) == ("Clean water <b>", "生态环境厅") and "<title>Clean water &lt;b&gt;" in page
    held = (table.target_id != "").sum()
    assert core["earlier"] == {"compared": held, "added": 1, "n": 1, "rows": [[0, 1, "grassland_fvc.C10-02", "met", 71]]}


@pytest.mark.parametrize(("text_of", "told"), [
    ("adcode,period,indicator,value,status\n", "target_id"),
    ("adcode,period,indicator,target_id,value,status\n130201,2023,a,T,1,met\n130201.0,2023,a,T,2,met\n", "a second row of 130201, 2023, a, T"),
    ("adcode,period,indicator,target_id,value,status\n130201,2023,a,T,much,met\n", "much"),
])  # fmt: skip
def test_an_earlier_table_that_cannot_be_used_is_refused(tmp_path, fake, text_of, told):
    (tmp_path / "earlier.csv").write_text(text_of)
    settings = fake.settings_for(tmp_path).model_copy(update={"report": ReportSection(earlier_indicators=tmp_path / "earlier.csv")})
    with pytest.raises(TableError) as fault:
        earlier_verdicts(settings)
    assert told in str(fault.value) and "earlier.csv" in str(fault.value)


def test_methods_tell_the_accuracy_and_the_standards_of_each_topic(data):
    """Real data first; figures are those of the accuracy table, standards those of the targets."""
    told = {one["topic"]: one for one in data["methods"]["accuracy"]}
    assert list(told) == list(Topic)
    table = pd.read_csv(Path(__file__).parents[1] / "accuracy" / "table.csv", keep_default_na=False)
    rows = table[(table["product"] == "water") & (table.metric == "f1_to_fmask") & (table.subset == "Fmask clear")].set_index("method").value
    assert told["Water"]["lines"][0] == ["real", "water against Fmask, HLS scene: F1", rows["ours"], None, "WOfS tree", rows["WOfS tree"]]
    kinds = [[line[0] for line in one["lines"]] for one in told.values()]
    assert all(k == sorted(k, key=MEASURED_ON.index) for k in kinds)
    assert "HJ 1168-2021" in told["Vegetation cover"]["standards"] and told["Soil loss"]["standards"] == ["SL 190"]
    assert told["Black-odorous water"]["standards"] == ["Jiancheng [2015] 130"] and told["Reflectance"]["asked"] == []
    assert all(len(set(one["asked"])) == len(one["asked"]) for one in told.values())


def test_targets_that_tell_no_standard_have_none(tmp_path, fake):
    """A table of one's own may lack the column, and may name indicators that nobody makes."""
    (tmp_path / "targets.csv").write_text("target_id,indicator\nX-1,water_permanent_area;of_another_product\nX-2,\n")
    settings = fake.settings_for(tmp_path)
    settings = settings.model_copy(update={"indicators": settings.indicators.model_copy(update={"targets": tmp_path / "targets.csv"})})
    assert {topic: asked for topic, asked in standards(settings).items() if asked and topic != "Soil loss"} == {}


def test_scenes_orbits_chips_and_what_they_lost(data):
    scenes = data["quality"]["scenes"]
    assert scenes["by_status"] == {"used": 34, "skipped": 4, "failed": 2}
    assert ["skipped", "cloud cover 97 % > 90 %", 4] in scenes["reasons"]
    assert len(scenes["failed"]) == 2
    assert sum(n for *_, n in scenes["calendar"]) == 34
    assert data["quality"]["orbits"] == [["earth-search-sentinel-2-l2a", "sentinel-2a", 132, 36, 34, 30, "2022-02-01 2022-02-11"]]
    assert data["quality"]["chips"] == {
        "counts": {"ok": 1, "empty": 0, "failed": 1},
        "n_failures": 1,
        "failures": [["2022", "r000c000", "S2A_2", "TIFF tile 3 cannot be decoded"]],
        "lost": [],
    }
    assert data["clear"] == {"dates": [18.2] * 6 + [None] * 2, "months": [9] * 6 + [None] * 2}


def test_reaches_are_ranked_and_bodies_and_coast_are_there(data):
    reaches = data["reaches"]["2023"]
    assert [r["class"] for r in reaches["rows"]] == ["suspected", "possible"]
    assert reaches["classes"] == ["clear", "not_assessable", "possible", "suspected"]
    assert data["bodies"]["n_bodies"] == 2
    assert [s["period"] for s in data["coast"]["shores"]] == ["2022", "2023"]
    assert len(data["coast"]["transects"]) == 17


def test_months_of_named_waters_are_listed_in_order(tmp_path):
    """Two named waters; the run's own body is not listed. A missing number is none, never zero."""
    columns = {
        "turbidity_fnu": [8.0, 6.0, 5.0, 5.0],
        "chlorophyll_mg_m3": [np.nan, 12.345, 5.0, 5.0],
        "transparency_m": 1.0,
        "floating_share_max": [0.12, 0.0, 0.0, 0.0],
    }
    names, months = ["place:East", "place:East", "place:West", "W-1"], ["2024-06", "2024-05", "2024-05", "2024-05"]
    table = pd.DataFrame(
        {"body_id": names, "month": months, **columns, "official_class": [3.0, np.nan, 4.0, np.nan], "bloom_grade": ["light bloom", "no bloom", "no bloom", ""]}
    )
    table.to_parquet(tmp_path / "months.parquet")
    found = month_list(tmp_path / "months.parquet")
    assert found["n_waters"] == 2 and [w["name"] for w in found["waters"]] == ["East", "West"]
    assert found["waters"][0]["rows"] == [["2024-05", 12.3, 6, 1, 0, None, "no bloom"], ["2024-06", None, 8, 1, 0.12, 3, "light bloom"]]


@pytest.mark.parametrize("rows", [None, 0, 1])
def test_a_run_without_named_waters_has_no_months(tmp_path, rows):
    """No table, a table without rows, and one of the run's own bodies alone."""
    if rows is not None:
        pd.DataFrame({"body_id": ["W-1"][:rows], "month": ["2024-05"][:rows]}).to_parquet(tmp_path / "months.parquet")
    assert month_list(tmp_path / "months.parquet") is None


def test_simulated_runs_say_so_and_others_do_not(page, tmp_path, fake):
    shown = re.compile(r'<aside class="simulated"')
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
    base = dict.fromkeys((*HEAD, *NUMBERS, "interval", "n_scenes", "reason"), "")
    return pd.DataFrame([base | {"indicator": "x", "period": "2023", "status": "needs_table"} | row for row in rows])


def test_a_reason_that_differs_keeps_its_rows():
    codes = Codes({"a": 0, "b": 1})
    found = indicator_columns(table_of({"adcode": "a", "reason": "r0"}, {"adcode": "b", "reason": "r1; proxy: c"}), {}, codes, ["2023"])
    assert found["kinds"][0]["columns"]["answer"] == [0, 1] and found["answers"] == [[0, 0], [0, 1]]
    assert found["reasons"] == ["r0", "r1; proxy: c"] and found["notes"] == ["r0", "r1"]
    same = indicator_columns(table_of({"adcode": "a", "reason": "r0"}, {"adcode": "b", "reason": "r0"}), {}, codes, ["2023"])
    assert same["kinds"][0]["everywhere"] == [0, 0] and "columns" not in same["kinds"][0]


def test_a_row_that_is_not_there_is_told_from_one_without_a_value():
    found = indicator_columns(
        table_of({"adcode": "a", "value": "0"}, {"adcode": "b", "period": "1999", "value": "5"}), {}, Codes({"a": 0, "b": 1}), ["2022", "2023"]
    )
    columns = found["kinds"][0]["columns"]
    assert columns["answer"] == [-1, 0, -1, -1] and columns["value"] == [None, 0, None, None] and columns["lower"] is None


def test_neighbours_keep_their_common_border():
    zigzag = [(1000 + (30 if i % 2 else -30), 100 * i) for i in range(11)]
    left = shapely.Polygon([(0, 0), *zigzag, (0, 1000)])
    right = shapely.Polygon([(2000, 0), *zigzag, (2000, 1000)])
    units = gpd.GeoDataFrame({"adcode": ["1", "2"], "prefecture": ["P", "P"]}, geometry=[left, right], crs="EPSG:32650")
    canvas = Canvas.over("EPSG:32650", (0, 0, 2000, 1000), margin=0, longest=20)  # a unit is 100 m: the zigzag disappears
    outlines, prefectures, around = unit_outlines(units, canvas)
    assert around is None
    assert canvas.place(np.array([[0, 1000], [2000, 0]])).tolist() == [[0, 0], [20, 10]]
    assert outlines[0]["box"] == [0, 0, 10, 10]
    assert all(len(re.findall(r"-?\d+,-?\d+", o["path"])) <= 8 for o in outlines)
    assert [(p["name"], len(re.findall(r"-?\d+,-?\d+", p["path"])) <= 8) for p in prefectures] == [("P", True)]  # their common border is in none


def test_what_lies_around_is_one_path_beside_the_units_with_names_that_have_room():
    """A unit of 1 km in the middle of 3 km; west of it P, in two parts, north Q, which overlaps the unit and P; R is far away, S has no name."""
    unit = gpd.GeoDataFrame({"adcode": ["1"], "prefecture": [""]}, geometry=[shapely.box(1000, 1000, 2000, 2000)], crs="EPSG:32650")
    places = {
        "P": [shapely.box(0, 0, 1000, 1000), shapely.box(0, 1000, 1000, 2000)], "Q": [shapely.box(500, 1500, 3000, 3000)], "R": [shapely.box(90_000, 0, 91_000, 1000)],
        "": [shapely.box(2000, 0, 3000, 1500)],
    }  # fmt: skip
    rows = [(name, shape) for name, shapes in places.items() for shape in shapes]
    around = gpd.GeoDataFrame({"name": [name for name, _ in rows]}, geometry=[shape for _, shape in rows], crs="EPSG:32650")
    canvas = Canvas.over("EPSG:32650", (0, 0, 3000, 3000), margin=0, longest=300)
    *_, beyond = unit_outlines(unit, canvas, around)
    corners = [[tuple(map(int, p.split(","))) for p in re.findall(r"-?\d+,-?\d+", part)] for part in beyond["path"].split("z") if part]
    drawn = [shapely.Polygon(np.cumsum(points, axis=0)) for points in corners]
    assert len(drawn) == 3 and shapely.area(drawn).sum() == 100 * 200 + (250 * 150 - 50 * 50 - 50 * 100) + 100 * 150
    assert not shapely.intersects(shapely.union_all(drawn), shapely.box(101, 101, 199, 199)), "the unit is laid over nothing"
    (p, q) = beyond["names"]
    assert (p["name"], q["name"]) == ("P", "Q") and p["room"] > 80 and shapely.contains(drawn[1], shapely.Point(q["at"]))
    assert unit_outlines(unit, canvas, around.iloc[3:4])[2] is None and unit_outlines(unit, canvas, around[:0])[2] is None


def test_names_around_are_told_with_the_room_that_they_have():
    """In a square of 100 a name of one Chinese letter and of four: the diagonal of the name fits into the circle."""
    unit = gpd.GeoDataFrame({"adcode": ["1"], "prefecture": [""]}, geometry=[shapely.box(0, 0, 1000, 3000)], crs="EPSG:32650")
    canvas = Canvas.over("EPSG:32650", (0, 0, 3000, 3000), margin=0, longest=300)
    for name, room in (("京", 100 / 2**0.5), ("乌兰察布", 100 / 17**0.5)):
        around = gpd.GeoDataFrame({"name": [name]}, geometry=[shapely.box(1000, 0, 2000, 1000)], crs="EPSG:32650")
        (told,) = unit_outlines(unit, canvas, around)[2]["names"]
        assert told["room"] == pytest.approx(room, abs=2) and told["at"] == pytest.approx([150, 250], abs=2)
    sliver = gpd.GeoDataFrame({"name": ["京"]}, geometry=[shapely.box(1000, 0, 1050, 1000)], crs="EPSG:32650")
    assert unit_outlines(unit, canvas, sliver)[2]["names"] == []


def test_a_run_whose_file_has_nothing_else_draws_nothing_around(data):
    assert data["core"]["around"] is None


def test_files_beside_the_page_are_those_of_a_whole_run(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    made = {path.absolute() for step in steps_of(settings) for path in step.writes(StepContext(settings))}
    for address, _ in files_beside(settings):
        assert (Layout(settings.root).report.parent / address).resolve() in made, address


def test_pdf_says_what_it_lacks(tmp_path, fake, monkeypatch):
    settings = fake.settings_for(tmp_path)
    with pytest.raises(ConfigError, match="(?s)the report is not made yet.*run `rs-pipeline run` first"):
        pdf(settings)
    Layout(settings.root).report.parent.mkdir(parents=True)
    Layout(settings.root).report.write_text("page")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match="(?s)no browser that prints is installed.*install chromium"):
        pdf(settings)
    monkeypatch.setattr("shutil.which", lambda name: "/bin/true")
    with pytest.raises(ConfigError, match="(?s)no unit has the code 999999.*column adcode"):
        pdf(settings, ["999999"])
    with pytest.raises(ConfigError, match="the browser printed nothing"):
        pdf(settings)


def test_settlements_are_shown_in_a_run_of_too_few_years_for_a_trend(tmp_path, fake):
    """C05-04, C19-04 and C19-05 rest on them, whatever the number of periods."""
    settings = fake.settings_for(tmp_path)
    fake.write_trend(settings)
    layout, periods = Layout(settings.root), [p.label for p in settings.all_periods]
    shutil.copy(layout.trend_map, layout.settlements)
    paths = map_paths(settings)
    assert len(periods) < settings.trend.min_years and paths["settlements", periods[-1]] == layout.settlements
    assert not any(name == "vegetation_trend" for name, _ in paths)


def test_every_product_that_estimates_tells_its_method(fake, tmp_path):
    told = dict(methods(fake.settings_for(tmp_path)))
    own = {heading for product in products().values() for heading, _ in product.methods}
    assert own == {
        "Land cover",
        "Settlements",
        "Soil loss",
        "Surface temperature",
        "Solar arrays",
        "Cordgrass",
        "Ecological index",
        "Bare ground in spring",
    } and own <= set(told)
    for heading in own:
        assert 2 <= len(re.findall(r"\.(?: |$)", told[heading])) <= 4 and re.search("not? |never", told[heading]), heading
    without = {p.name for p in products().values() if p.indicators and not p.methods}
    assert without == {"vegetation", "water", "black_odorous", "coastline", "red_line", "places"}  # the page tells the first four with the run's numbers


def test_the_trend_is_shown_in_the_last_period_of_enough(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    fake.write_trend(settings)
    for min_years, shown in ((5, []), (4, ["2022"])):
        section = settings.trend.model_copy(update={"min_years": min_years})
        four = settings.model_copy(update={"periods": [2019, 2020, 2021, 2022], "trend": section})
        report(four)
        layers = parts(Layout(four.root).report.read_text("utf-8"))["layers"]
        assert [period for layer in layers if layer["product"] == "vegetation_trend" for period in layer["periods"]] == shown
