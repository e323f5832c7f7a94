"""The page: complete, closed in itself, and harmless whatever the texts hold."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from rs_pipeline.layout import Layout
from rs_pipeline.output.report import report
from rs_pipeline.output.report.build import embed
from rs_pipeline.output.report.collect import Codes, indicator_rows, number, text
from rs_pipeline.output.report.figures import Canvas, indexed, png, quicklook, quicklooks, unit_outlines
from rs_pipeline.output.styles import STYLES

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.S)


@pytest.fixture(scope="module")
def page(fake_run) -> str:
    report(fake_run)
    return Layout(fake_run.root).report.read_text("utf-8")


@pytest.fixture(scope="module")
def data(page) -> dict:
    return json.loads(DATA.search(page)[1])


def test_nothing_is_fetched(page):
    references = re.findall(r"""(?:\bsrc|\bhref|\baction|\bdata)\s*=\s*["']([^"']*)""", page)
    references += re.findall(r"url\(([^)]*)\)", page) + re.findall(r'"href":"(.{12})', page)
    assert references
    for reference in references:
        assert reference.startswith(("#", "data:image")), reference
    assert "@import" not in page and "fetch(" not in page and "XMLHttpRequest" not in page
    assert "default-src 'none'" in page


def test_hostile_names_stay_text(page, data, fake):
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "alert(1)" in page
    assert fake.hostile in [u["name"] for u in data["units"]]
    assert "innerHTML" not in page and "insertAdjacentHTML" not in page


def test_all_counties_and_the_region_are_there(data, fake):
    names = {u["code"]: u for u in data["units"]}
    assert set(names) == {"130201", "130202", "130203", "region"}
    assert all(names[code]["path"].startswith("M") for code, _ in fake.units)
    assert "path" not in names["region"]
    assert names["130203"]["name"] == "安新县"


def test_the_numbers_are_those_of_the_table(data):
    found = data["indicators"]
    kinds = {k["indicator"]: i for i, k in enumerate(found["kinds"])}
    unit = [u["code"] for u in data["units"]].index("130201")
    rows = {(r[0], r[1]): r for r in found["rows"][str(unit)]}
    grass = rows[kinds["grassland_fvc"], 1]
    assert found["statuses"][grass[2]] == "off_track"
    assert grass[4:] == [0.97, 40, 71, 63.9, 78.1]
    reaches = rows[kinds["black_odorous_reaches"], 0]
    assert found["statuses"][reaches[2]] == "insufficient_data" and len(reaches) == 6  # cut after n_scenes: no value, not zero
    assert found["reasons"][reaches[3]] == "observed 0.31 < 0.50"
    assert found["kinds"][kinds["grassland_fvc"]]["target_operator"] == ">="
    assert {found["kinds"][e[0]]["indicator"] for e in found["everywhere"]} == {"pm25", "red_line_area"}


def test_targets_that_cannot_be_seen_are_listed(page):
    rows = page.split('id="unseen"')[1].split("</section>")[0]
    assert "C05-02" in rows and "air at the ground is not seen" in rows and "needs a table" in rows


def test_scenes_chips_and_what_they_lost(data):
    scenes = data["scenes"]
    assert scenes["by_status"] == {"used": 34, "skipped": 4, "failed": 2}
    assert ["skipped", "cloud cover 97 % > 90 %", 4] in scenes["reasons"]
    assert len(scenes["failed"]) == 2
    assert sum(n for *_, n in scenes["calendar"]) == 34
    assert data["chips"] == {
        "counts": {"ok": 1, "empty": 0, "failed": 1}, "n_failures": 1,
        "failures": [["2022", "r000c000", "S2A_2", "TIFF tile 3 cannot be decoded"]],
    }  # fmt: skip


def test_reaches_are_ranked_and_bodies_and_coast_are_there(data):
    reaches = data["reaches"]["2023"]
    assert [r["class"] for r in reaches["rows"]] == ["suspected", "possible"]
    assert reaches["counts"] == {"suspected": 1, "possible": 1, "clear": 1, "not_assessable": 1}
    assert data["bodies"]["n_bodies"] == 2
    assert [s["period"] for s in data["coast"]["shores"]] == ["2022", "2023"]
    assert len(data["coast"]["transects"]) == 17


def test_simulated_runs_say_so_and_others_do_not(page, tmp_path, fake):
    assert "SIMULATED SCENES" in page
    settings = fake.settings_for(tmp_path, sample=False)
    report(settings)
    assert "SIMULATED" not in Layout(settings.root).report.read_text("utf-8")


def test_an_empty_run_gives_a_page_that_says_what_is_missing(tmp_path, fake):
    settings = fake.settings_for(tmp_path, coastline=False)
    report(settings)
    bare = json.loads(DATA.search(Layout(settings.root).report.read_text("utf-8"))[1])
    assert [bare[k] for k in ("indicators", "scenes", "chips", "reaches", "bodies", "coast")] == [None] * 6
    assert bare["coast_configured"] is False
    assert bare["layers"] == [] and len(bare["units"]) == 3


def test_the_page_draws_in_a_browser(page, fake_run, fake, tmp_path):
    """With the real script in a real browser: both a full and an empty run, no error, the panels' words in place."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no chromium; install it to run the page's script")
    empty = fake.settings_for(tmp_path, coastline=False)
    report(empty)
    full, bare = (_drawn(browser, Layout(s.root).report, tmp_path) for s in (fake_run, empty))
    assert "of 40" in full and "&lt;/script&gt;&lt;script&gt;alert(1)" in full and "W-117.0" in full
    assert "✕ not met" in full
    for words in ("indicators.csv is not made yet", "no section coastline", "reaches.gpkg is missing", "bodies.gpkg is missing", "search has not run"):
        assert words in bare, words
    assert len(re.findall('class="county', bare)) == 4  # three units, and the chosen one once more


def _drawn(browser, path, folder) -> str:
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync", f"--user-data-dir={folder / 'browser'}", "--dump-dom", path.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert b"Uncaught" not in done.stderr
    return done.stdout.decode()


def test_embedded_json_cannot_end_its_element():
    raw = str(embed({"a": "</script><!-- & \u2028", "b": None}))
    assert not set(raw) & set("<>&\u2028")
    assert json.loads(raw) == {"a": "</script><!-- & \u2028", "b": None}


def test_texts_lose_only_the_apostrophe_that_made_them_inert():
    assert [text(v) for v in ("'=1+1", "'@x", "=", "'tis", "plain", float("nan"), None)] == ["=1+1", "@x", "=", "'tis", "plain", "", ""]
    assert [number(v) for v in (float("inf"), "3.5", 1e-9, 123456.7)] == [None, 3.5, 1e-9, 123460]


def test_a_reason_that_differs_keeps_its_rows():
    base = {c: "" for c in ("prefecture", "value", "lower", "upper", "interval", "observed_fraction", "n_scenes", "unit", "target_operator",
                            "target_value", "target_year", "clause", "observability")}  # fmt: skip
    rows = [base | {"adcode": str(i), "period": "2023", "indicator": "x", "target_id": "", "status": "needs_table", "reason": f"r{i}"} for i in range(2)]
    found = indicator_rows(pd.DataFrame(rows), {}, Codes(), ["2023"])
    assert found["everywhere"] == []
    assert found["reasons"] == ["r0", "r1"]


def test_pictures_show_what_was_not_observed_as_nothing(fake_run, tmp_path):
    """Also when shrunk: 600 m of 1800 m were seen nowhere, so a third of the picture's first row is transparent."""
    source = Layout(fake_run.root).map("water", "2023")
    with rasterio.open(source) as src:
        profile, values, names, bounds = src.profile, src.read(), src.descriptions, tuple(src.bounds)
    values[:, :, :60] = np.nan
    path = tmp_path / "water.tif"
    with rasterio.open(path, "w", **{k: profile[k] for k in ("width", "height", "count", "dtype", "crs", "transform", "nodata")}, driver="GTiff") as dst:
        dst.write(values)
        dst.descriptions = names
    picture, box = quicklook(path, "water", Canvas.over("EPSG:32650", bounds, margin=0), 45)
    with warnings.catch_warnings(action="ignore"), rasterio.MemoryFile(picture) as memory, memory.open() as shown:
        assert shown.width == 45
        opaque = np.array([shown.colormap(1)[v][3] for v in shown.read(1).ravel()]).reshape(shown.shape) > 0
    assert not opaque[:, :14].any() and opaque[:, 16:].all()
    assert box[:3] == [0, 0, 2000]


def test_png_round_trip():
    index, palette = indexed(STYLES["water"], np.array([[0.0, 1.0], [np.nan, 3.0]]))
    assert index.tolist() == [[1, 2], [0, 4]]
    with warnings.catch_warnings(action="ignore"), rasterio.MemoryFile(png(index, palette)) as memory, memory.open() as src:
        assert src.read(1).tolist() == index.tolist()
        assert src.colormap(1)[2] == (0x0B, 0x3C, 0x8C, 255) and src.colormap(1)[0][3] == 0


def test_pictures_shrink_to_the_budget(fake_run):
    paths = {("vegetation", p): Layout(fake_run.root).map("vegetation", p) for p in ("2022", "2023")}
    canvas = Canvas.over("EPSG:32650", (500_000, 4_300_000, 501_800, 4_300_600))
    wide = quicklooks(paths, canvas, 10**9)["vegetation"]["2022"]["href"]
    assert wide.startswith("data:image/png;base64,")
    assert set(quicklooks(paths, canvas, 1)["vegetation"]) == {"2022", "2023"}


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
        layers = json.loads(DATA.search(Layout(four.root).report.read_text("utf-8"))[1])["layers"]
        assert [period for layer in layers if layer["product"] == "vegetation_trend" for period in layer["pictures"]] == shown
