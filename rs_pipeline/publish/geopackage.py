"""First part of the step ``gis``: counties with their latest values as a GeoPackage, and styles in which QGIS opens this and the other layers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.region import load_units
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.qgis import QGIS_VERSION, document

LAYER = "counties"

STATUS_COLOURS = {
    "met": "#12507b", "on_track": "#7fb6d9", "undecidable": "#8d6cab", "slipping": "#e8d36a", "off_track": "#f0b357", "not_met": "#a63d12",
    "insufficient_data": "#ffffff", "no_target": "#c9d3d4", "not_built": "#dcd3e0", "needs_table": "#e8e2d2", "not_observable": "#b9c1c2",
}  # fmt: skip
"""Every status to its colour; those of the report, but for the patterned ones, which are plain here."""

STYLED_LAYERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "reaches": (
        "class", "line",
        {"suspected": "#1a1a1a", "possible": "#e69f00", "clear": "#5aa9d6", "insufficient": "#b7a6c9", "not_assessable": "#d9dedf"},
    ),
    "bodies": ("state", "fill", {"wet": "#3f8fd2", "dry": "#e8e2d2", "not_observed": "#ffffff"}),
    "transects": (
        "class", "line",
        {
            "eroding": "#b4480f", "stable": "#7b878b", "accreting": "#12507b", "reclaimed": "#7a5195", "undecidable": "#c2a63e",
            "insufficient_data": "#c9d0d3",
        },
    ),
    "shorelines": ("class", "line", {"natural": "#3f7f4c", "artificial": "#c0392b", "river mouth": "#2b6cb0", "uncertain": "#8d8d8d"}),
}  # fmt: skip
"""Layer of another step to the column that colours it, its kind of symbol, and its values; the colours are those of the report."""

RAMP = ("#f6f1dc", "#d5e3bd", "#9ccdb4", "#5fb0ad", "#38899f", "#245f87", "#1d3764")
"""Colours of values in equal steps."""

_STYLES_TABLE = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
    f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
    owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))
"""
"""The table in which QGIS keeps styles inside a GeoPackage."""


def latest_values(table: pd.DataFrame, period: str) -> pd.DataFrame:
    """One row a unit (index adcode) of the rows of one period of ``indicators.parquet``.

    Columns by indicator: ``<indicator>``, ``_lower``, ``_upper`` (NaN where there is none), ``_status``, ``_reason``. An indicator that
    is held to several targets has ``_status_<target>`` for each, with underscores. Rows without an indicator of their own (they carry
    a target's id) are there where an official value was given.
    """
    now = table[table.period == period]
    columns: dict[str, pd.Series] = {}
    for name, rows in now.groupby("indicator", sort=False):
        if name not in INDICATORS and rows.value.isna().all():
            continue
        targets = [t for t in rows.target_id.unique() if t]
        base = str(name).replace("-", "_").lower()
        first = rows.drop_duplicates("adcode").set_index("adcode")
        columns |= {base: first.value, f"{base}_lower": first.lower, f"{base}_upper": first.upper}
        if len(targets) < 2:
            columns[f"{base}_status"] = first.status
        for target in targets if len(targets) > 1 else ():
            columns[f"{base}_status_{target.replace('-', '_').lower()}"] = rows[rows.target_id == target].set_index("adcode").status
        columns[f"{base}_reason"] = first.reason
    return pd.DataFrame(columns)


def class_style(column: str, colours: Mapping[str, str], kind: str = "fill") -> str:
    """QML that colours polygons (``fill``) or lines (``line``) by a column of words."""
    renderer = ET.Element("renderer-v2", type="categorizedSymbol", attr=column, symbollevels="0", enableorderby="0", forceraster="0")
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for i, (word, colour) in enumerate(colours.items()):
        label = word.replace("_", " ")
        ET.SubElement(categories, "category", render="true", symbol=str(i), value=word, label=label, type="string")
        symbols.append(_symbol(str(i), colour, kind))
    return document(renderer, "Symbology")


def value_style(column: str, low: float, high: float) -> str:
    """QML that colours polygons by a column of numbers in equal steps from ``low`` to ``high``."""
    renderer = ET.Element(
        "renderer-v2", type="graduatedSymbol", attr=column, graduatedMethod="GraduatedColor", symbollevels="0", enableorderby="0", forceraster="0"
    )
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    steps = np.linspace(low, high, len(RAMP) + 1)
    for i, colour in enumerate(RAMP):
        label = f"{steps[i]:.4g} - {steps[i + 1]:.4g}"
        ET.SubElement(ranges, "range", render="true", symbol=str(i), label=label, lower=f"{steps[i]:.10g}", upper=f"{steps[i + 1]:.10g}")
        symbols.append(_symbol(str(i), colour, "fill"))
    return document(renderer, "Symbology")


LOOKS = {
    "fill": ("SimpleFill", "color", {"style": "solid", "outline_color": "#3d4a50", "outline_style": "solid", "outline_width": "0.15"}),
    "line": ("SimpleLine", "line_color", {"line_style": "solid", "line_width": "0.7", "capstyle": "round", "joinstyle": "round"}),
}
"""Kind of symbol to QGIS' class of it, the property that is its colour, and the others."""


def _symbol(name: str, colour: str, kind: str) -> ET.Element:
    qgis_class, coloured, look = LOOKS[kind]
    symbol = ET.Element("symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = ET.SubElement(symbol, "layer", {"class": qgis_class, "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for key, value in {coloured: colour, **look}.items():
        shown = ",".join(str(v) for v in (*bytes.fromhex(value[1:]), 255)) if value.startswith("#") else value
        ET.SubElement(options, "Option", type="QString", name=key, value=shown)
    return symbol


def styles_of(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """(column, QML) of all statuses that differ from "no target", then of all values."""
    for column in frame:
        if "_status" in column and not frame[column].dropna().isin(["no_target"]).all():
            yield column, class_style(column, STATUS_COLOURS)
    for column in frame.select_dtypes("number"):
        seen = frame[column].dropna()
        if f"{column}_lower" in frame and len(seen) and seen.min() < seen.max():
            yield column, value_style(column, seen.min(), seen.max())


def embed_styles(path: Path, styles: list[tuple[str, str]], geometry: str) -> None:
    """Put styles into a GeoPackage; QGIS opens the layer in the first and lists the others."""
    with closing(sqlite3.connect(path)) as base:
        base.execute(_STYLES_TABLE)
        (time,) = base.execute("SELECT last_change FROM gpkg_contents WHERE table_name = ?", (LAYER,)).fetchone()
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) VALUES ('layer_styles', 'attributes', 'layer_styles', ?)", (time,)
        )
        base.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, "
            "description, owner, ui, update_time) VALUES ('', '', ?, ?, ?, ?, '', ?, ?, '', '', ?)",
            [(LAYER, geometry, name, qml, i == 0, f"rs-pipeline, QGIS {QGIS_VERSION}", time) for i, (name, qml) in enumerate(styles)],
        )
        base.commit()


def counties_latest(settings: Settings) -> None:
    """Write ``counties.gpkg``: layer ``counties``, EPSG:4326, a row a county with the values of the last period, see `latest_values`.

    Raises
    ------
    TableError : the indicators are not made yet.
    """
    layout, period = Layout(settings.root), settings.all_periods[-1].label
    if not layout.indicators_parquet.exists():
        raise TableError("the indicators are not made yet", where=str(layout.indicators_parquet), remedy="run `rs-pipeline indicators` first")
    values = latest_values(pd.read_parquet(layout.indicators_parquet, filters=[("period", "==", period)]), period)
    units = load_units(settings)
    frame = units.assign(period=period).join(values, on="adcode")
    frame = gpd.GeoDataFrame(frame[[c for c in frame if c != "geometry"] + ["geometry"]], geometry="geometry", crs=units.crs)
    write_layer(frame, layout.counties_latest, LAYER, "MultiPolygon", finish=lambda part: embed_styles(part, list(styles_of(values)), "geom"))


def write_layer_styles(settings: Settings) -> None:
    """Write ``<layer>.qml`` beside the reaches, bodies, transects and shorelines of a run: QGIS applies it when the layer is opened."""
    layout = Layout(settings.root)
    for path in (layout.reaches, layout.bodies, *((layout.transects, layout.shorelines) if settings.coastline else ())):
        column, kind, colours = STYLED_LAYERS[path.stem]
        with atomic_path(path.with_suffix(".qml")) as part:
            part.write_text(class_style(column, colours, kind), "utf-8")
