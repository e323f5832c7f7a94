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
from rs_pipeline.publish.geopackage import STATUS_COLOURS, STYLED_LAYERS, counties_latest, latest_values, value_style, write_layer_styles
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
    assert [name for *_, name, _, default in found if default] == ["grassland_fvc_status"]
    assert [row[2] for row in found] == ["grassland_fvc_status", "grassland_fvc"]
    assert all(row[:2] == ("counties", geometry) for row in found)
    renderer = ET.fromstring(found[0][3]).find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "grassland_fvc_status")
    symbols = {s.get("name"): s for s in renderer.iter("symbol")}
    colours = {c.get("value"): symbols[c.get("symbol")].find("layer/Option/Option[@name='color']").get("value") for c in renderer.iter("category")}
    assert set(colours) == set(STATUS_COLOURS) and colours["met"] == "18,80,123,255"


def test_the_other_layers_have_a_style_beside_them(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    Layout(settings.root).reaches.parent.mkdir(parents=True)
    Layout(settings.root).shorelines.parent.mkdir(parents=True)
    write_layer_styles(settings)
    found = {p.stem: ET.parse(p).find("renderer-v2") for p in Layout(settings.root).root.rglob("*.qml")}
    assert {name: r.get("attr") for name, r in found.items()} == {"reaches": "class", "bodies": "state", "transects": "class", "shorelines": "class"}
    assert {name: r.find("symbols/symbol").get("type") for name, r in found.items()} == {
        "reaches": "line",
        "bodies": "fill",
        "transects": "line",
        "shorelines": "line",
    }
    colour = found["reaches"].find("symbols/symbol[@name='1']/layer/Option/Option[@name='line_color']").get("value")
    assert [c.get("value") for c in found["reaches"].iter("category")][1] == "possible" and colour == "230,159,0,255"  # #e69f00


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
