"""counties.gpkg: the last period's values, and styles that QGIS finds inside."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.products.watch import WATCHED_KINDS
from rs_pipeline.publish.geopackage import (
    COUNTED,
    OVERVIEWS,
    SEVERITY,
    STATUS_COLOURS,
    STYLED_LAYERS,
    counties_latest,
    county_label,
    latest_values,
    styles_of,
    value_style,
    verdicts,
    write_layer_styles,
)
from rs_pipeline.publish.report.build import asset
from rs_pipeline.storage.tables import write_parquet


def rows(*changes: dict) -> pd.DataFrame:
    base = {
        "adcode": "130201",
        "period": "2023",
        "indicator": "grassland_fvc",
        "value": 70.0,
        "lower": 60.0,
        "upper": 80.0,
        "status": "undecidable",
        "target_id": "C10-02",
        "reason": "",
    }
    return pd.DataFrame([base | change for change in changes])


TABLE = rows(
    {}, {"adcode": "130202", "value": np.nan, "lower": np.nan, "upper": np.nan, "status": "insufficient_data", "reason": "31 % observed"},
    {"adcode": "130203", "value": 80.0, "lower": 76.0, "upper": 84.0, "status": "met"}, {"period": "2022", "value": 1.0},
    {"adcode": "130203", "indicator": "water_bodies", "target_id": "", "value": 3.0, "status": "no_target"},
    {"indicator": "C05-02", "target_id": "C05-02", "value": np.nan, "status": "not_observable"},
)  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory, fake):
    settings = fake.settings_for(tmp_path_factory.mktemp("gis"))
    write_parquet(TABLE, Layout(settings.root).indicators_parquet)
    counties_latest(settings)
    return Layout(settings.root).counties_latest


def test_a_row_a_county_with_the_last_period(package, fake):
    table = gpd.read_file(package, layer="counties").set_index("adcode")
    assert table.crs.to_epsg() == 4326 and set(table.period) == {"2023"} and table.name.loc["130202"] == fake.hostile
    assert table.grassland_fvc.loc["130201"] == 70 and table.grassland_fvc_upper.loc["130203"] == 84
    assert np.isnan(table.grassland_fvc.loc["130202"]) and table.grassland_fvc_reason.loc["130202"] == "31 % observed"
    assert table.grassland_fvc_status.to_dict() == {"130201": "undecidable", "130202": "insufficient_data", "130203": "met"}
    assert table.water_bodies.isna().sum() == 2 and "c05_02" not in table  # a target that nothing can answer has no column


def test_qgis_finds_its_styles(package):
    """The table, its columns and the structure are those that QGIS 3 writes itself."""
    with closing(sqlite3.connect(package)) as base:
        found = base.execute("SELECT f_table_name, f_geometry_column, styleName, styleQML, useAsDefault FROM layer_styles ORDER BY id").fetchall()
        (geometry,) = base.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = 'counties'").fetchone()
        assert base.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'").fetchone() == ("attributes",)
    assert [name for *_, name, _, default in found if default] == ["verdict"]
    assert [row[2] for row in found] == [*OVERVIEWS, "grassland_fvc_status", "grassland_fvc"]
    assert all(row[:2] == ("counties", geometry) for row in found)
    renderer = ET.fromstring(found[2][3]).find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "grassland_fvc_status")
    symbols = {s.get("name"): s for s in renderer.iter("symbol")}
    colours = {c.get("value"): symbols[c.get("symbol")].find("layer/Option/Option[@name='color']").get("value") for c in renderer.iter("category")}
    assert set(colours) == set(STATUS_COLOURS) and colours["met"] == "18,80,123,255"


def test_qgis_opens_on_the_worst_verdict_of_each_county_with_its_name(package):
    """In both languages: a colour and words for every verdict that the column may hold, and labels whose columns are there."""
    with closing(sqlite3.connect(package)) as base:
        styles = dict(base.execute("SELECT styleName, styleQML FROM layer_styles").fetchall())
    columns = set(gpd.read_file(package, layer="counties").columns)
    for name, words in (("verdict", "not met: at least one"), ("判定", "至少一项未达标")):
        root = ET.fromstring(styles[name])
        assert (root.get("styleCategories"), root.get("labelsEnabled")) == ("Symbology|Labeling", "1")
        renderer, text = root.find("renderer-v2"), root.find("labeling[@type='simple']/settings/text-style")
        legend = {c.get("value"): c.get("label") for c in renderer.iter("category")}
        assert renderer.get("attr") == "verdict" and list(legend) == [*SEVERITY, "no_target"] and legend["not_met"] == words
        assert text.get("isExpression") == "1" and set(re.findall(r'"(\w+)"', text.get("fieldName"))) <= columns
        assert root.find("labeling/settings/placement").get("placement") == "4" and root.find("labeling/settings/rendering").get("scaleVisibility") == "0"
    assert ET.fromstring(styles["grassland_fvc"]).get("styleCategories") == "Symbology"  # the labels of the overview stay when it is chosen


def test_the_verdicts_of_a_county_by_hand(package):
    """A target that two indicators answer counts twice; what has no value hides no verdict, and where nothing can be graded there is none."""
    table = rows(
        {"status": "met"}, {"target_id": "C09-03", "status": "off_track"}, {"indicator": "other", "status": "insufficient_data"}, {"indicator": "x", "status": "slipping"},
        {"target_id": "C01-01", "status": "needs_table"}, {"target_id": "", "status": "no_target"}, {"period": "2022", "status": "not_met"},
        {"adcode": "130202", "status": "on_track"}, {"adcode": "130202", "indicator": "x", "status": "met"},
    )  # fmt: skip
    found = verdicts(table, "2023", ["130201", "130202", "130203"])
    assert found.verdict.tolist() == ["off_track", "on_track", "no_target"]
    assert found[list(COUNTED)].to_numpy().tolist() == [[4, 0, 1, 1, 0, 1, 1], [2, 0, 0, 0, 0, 2, 0], [0] * 7]
    assert (found.n_graded == found[[c for c in COUNTED if c != "n_graded"]].sum(axis=1)).all()
    written = gpd.read_file(package, layer="counties").set_index("adcode")
    assert written.verdict.to_dict() == {"130201": "undecidable", "130202": "insufficient_data", "130203": "met"} and written.n_graded.tolist() == [1, 1, 1]
    assert verdicts(table[:0], "2023", ["130201"]).verdict.tolist() == ["no_target"]


def test_a_label_is_an_expression_of_qgis():
    told = county_label("{n_met} met", "!")
    assert told == """"name" || CASE WHEN "n_graded" > 0 THEN '\\n' || "n_met" || ' met' ELSE '' END || CASE WHEN "n_off_track" > 0 THEN '!' ELSE '' END"""


def test_counties_without_any_value_still_open_on_an_overview():
    assert [name for name, _ in styles_of(pd.DataFrame(index=["130201"]))] == list(OVERVIEWS)


def test_the_overview_ranks_verdicts_as_the_page_does():
    page = re.search(r"const SEVERITY = \[(.*?)\];", asset("sheet.js"))
    assert tuple(re.findall(r'"(\w+)"', page[1])) == SEVERITY


def test_suspected_reaches_and_findings_are_labelled(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    fake.write_everything(settings)
    write_layer_styles(settings)
    layout = Layout(settings.root)
    for path, placement, scale in ((layout.reaches, "2", "100000"), (layout.findings, "4", "0")):
        root = ET.parse(path.with_suffix(".qml")).getroot()
        label, shown = root.find("labeling/settings/text-style").get("fieldName"), root.find("labeling/settings/rendering")
        assert set(re.findall(r'"(\w+)"', label)) <= set(gpd.read_file(path).columns), label
        assert root.find("labeling/settings/placement").get("placement") == placement and shown.get("scaleMax") == scale
    findings = ET.parse(layout.findings.with_suffix(".qml")).getroot()
    assert findings.get("styleCategories") == "Labeling" and [child.tag for child in findings] == ["labeling"]  # lines and polygons keep QGIS' own symbols
    assert ET.parse(layout.bodies.with_suffix(".qml")).find("labeling") is None


def test_the_other_layers_have_a_style_beside_them(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    Layout(settings.root).reaches.parent.mkdir(parents=True)
    Layout(settings.root).shorelines.parent.mkdir(parents=True)
    write_layer_styles(settings)
    found = {p.stem: ET.parse(p).find("renderer-v2") for p in Layout(settings.root).root.rglob("*.qml")}
    assert found.pop("findings") is None
    assert {name: r.get("attr") for name, r in found.items()} == {"reaches": "class", "bodies": "state", "transects": "class", "shorelines": "class"}
    assert {name: r.find("symbols/symbol").get("type") for name, r in found.items()} == {
        "reaches": "line",
        "bodies": "fill",
        "transects": "line",
        "shorelines": "line",
    }
    colour = found["reaches"].find("symbols/symbol[@name='1']/layer/Option/Option[@name='line_color']").get("value")
    assert [c.get("value") for c in found["reaches"].iter("category")][1] == "possible" and colour == "230,159,0,255"  # #e69f00


def test_watched_places_have_a_colour_for_every_kind_and_their_names(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    for path in (Layout(settings.root).reaches, Layout(settings.root).shorelines, Layout(settings.root).places):
        path.parent.mkdir(parents=True, exist_ok=True)
    Layout(settings.root).places.touch()
    write_layer_styles(settings)
    root = ET.parse(Layout(settings.root).places.with_suffix(".qml"))
    assert [c.get("value") for c in root.iter("category")] == list(STYLED_LAYERS["places"][2]) and root.find("labeling") is not None
    assert set(STYLED_LAYERS["places"][2]) == set(WATCHED_KINDS)


def test_layers_have_the_colours_of_the_page():
    script = asset("marks.js")
    for layer in ("reaches", "transects"):
        assert all(f'{word}: "{colour}",' in script for word, colour in STYLED_LAYERS[layer][2].items())


def test_values_are_coloured_in_equal_steps_without_gaps():
    renderer = ET.fromstring(value_style("x", 0, 7)).find("renderer-v2")
    bounds = [(float(r.get("lower")), float(r.get("upper"))) for r in renderer.iter("range")]
    assert bounds == [(i, i + 1) for i in range(7)] and renderer.get("attr") == "x"


def test_the_plain_colours_are_those_of_the_page():
    css = asset("style.css")
    for status in ("met", "on_track", "off_track", "not_met", "no_target", "needs_table"):
        assert re.search(rf"^\.{status} {{\s+background: {STATUS_COLOURS[status]};", css, re.M)


def test_several_targets_have_a_verdict_each():
    table = latest_values(rows({}, {"target_id": "C09-03", "status": "met"}), "2023")
    assert table.grassland_fvc_status_c10_02.tolist() == ["undecidable"] and table.grassland_fvc_status_c09_03.tolist() == ["met"]
    assert "grassland_fvc_status" not in table


def test_without_indicators_the_remedy_is_named(tmp_path, fake):
    with pytest.raises(TableError, match="not made yet") as fault:
        counties_latest(fake.settings_for(tmp_path))
    assert "rs-pipeline indicators" in str(fault.value)
