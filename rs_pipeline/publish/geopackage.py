"""First part of the step ``gis``: counties with their verdicts and latest values as a GeoPackage, and styles in which QGIS opens this and the other layers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from rs_pipeline.storage.qgis import QGIS_VERSION, document, labeling

LAYER = "counties"

STATUS_COLOURS = {
    "met": "#12507b", "on_track": "#7fb6d9", "undecidable": "#8d6cab", "slipping": "#e8d36a", "off_track": "#f0b357", "not_met": "#a63d12",
    "insufficient_data": "#ffffff", "no_target": "#c9d3d4", "not_built": "#dcd3e0", "needs_table": "#e8e2d2", "not_observable": "#b9c1c2",
}  # fmt: skip
"""Status to its colour, as in the report; statuses with a pattern there have a plain colour here."""

SEVERITY = ("not_met", "off_track", "slipping", "undecidable", "on_track", "met", "insufficient_data")
"""Statuses of rows that can be graded, the worst first, as on the page."""

COUNTED = {
    "n_graded": SEVERITY, "n_not_met": ("not_met",), "n_off_track": ("off_track",), "n_slipping": ("slipping",), "n_undecidable": ("undecidable",),
    "n_met": ("met", "on_track"), "n_too_little_data": ("insufficient_data",),
}  # fmt: skip
"""Column to the statuses that it counts."""

VERDICT = "verdict"
"""Column of the worst status of a county."""

OVERVIEWS = {
    "verdict": (
        {
            "not_met": "not met: at least one", "off_track": "off track: at least one, none is worse", "slipping": "slipping: at least one, none is worse",
            "undecidable": "undecidable: at least one, none is worse", "on_track": "all that is decided is on track or met", "met": "all that is decided is met",
            "insufficient_data": "too little data to decide any", "no_target": "no target can be graded",
        },
        "{n_not_met} of {n_graded} not met", ", {n_off_track} off track",
    ),
    "判定": (
        {
            "not_met": "至少一项未达标", "off_track": "至少一项落后于进度，无更差者", "slipping": "至少一项有失去达标的趋势，无更差者", "undecidable": "至少一项无法判定，无更差者",
            "on_track": "已作出结论的均符合进度或达标", "met": "已作出结论的均达标", "insufficient_data": "数据不足，均无法判定", "no_target": "没有可评定的目标",
        },
        "{n_graded} 项中 {n_not_met} 项未达标", "，{n_off_track} 项落后于进度",
    ),
}  # fmt: skip
"""Name of a style that colours counties by VERDICT, to the words of its legend and to the texts under a county's name: one for counties with graded rows, and
one added where rows are off track. QGIS opens the layer in the first style."""

LAYER_LABELS: dict[str, tuple[str, dict]] = {
    "reaches": (
        "CASE WHEN \"class\" IN ('suspected', 'possible') THEN round(100 * \"probability\") || ' %' END",
        {"placement": "along", "size_pt": 8, "from_scale": 100_000},
    ),
    "places": ('"name"', {"size_pt": 8, "from_scale": 100_000}),
    "findings": ('"rank" || \' \' || "kind_chinese"', {"size_pt": 8}),
}
"""Layer of another step to its label; findings have the number and name of their points in KML and GPX files."""

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
    "places": (
        "kind", "fill",
        {
            "water_source": "#3f8fd2", "contaminated_plot": "#7a5195", "habitat": "#3f7f4c", "reserve": "#9ccdb4", "village": "#e69f00",
            "beautiful_water": "#a9d6f0", "construction_site": "#b4480f", "red_line": "#c0392b", "mine": "#7b5b3a", "corridor": "#d5e3bd",
        },
    ),
    "shorelines": ("class", "line", {"natural": "#3f7f4c", "artificial": "#c0392b", "river mouth": "#2b6cb0", "uncertain": "#8d8d8d"}),
}  # fmt: skip
"""Layer of another step to the column that colours it, its kind of symbol, and the colours of its values, as in the report where it shows them."""

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
    is held to several targets has ``_status_<target>`` for each, with underscores. Rows that have a target's id instead of an indicator are
    included where an official value was given.
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


def verdicts(table: pd.DataFrame, period: str, codes: Iterable[str]) -> pd.DataFrame:
    """One row a unit of ``codes`` (index adcode): VERDICT, the worst status of the rows of one period that can be graded, else ``no_target``, and the
    counts of COUNTED, int. A row is an indicator held to one target."""
    graded = table[(table.period == period) & (table.target_id != "") & table.status.isin(SEVERITY)]
    counts = pd.crosstab(graded.adcode, graded.status).reindex(index=list(codes), columns=list(SEVERITY), fill_value=0)
    worst = counts.gt(0).idxmax(axis=1).where(counts.any(axis=1), "no_target")
    return pd.DataFrame({VERDICT: worst} | {name: counts[list(statuses)].sum(axis=1) for name, statuses in COUNTED.items()}).rename_axis("adcode")


def class_style(column: str, colours: Mapping[str, str], kind: str = "fill", words: Mapping[str, str] | None = None, labels: Sequence[ET.Element] = ()) -> str:
    """QML that colours polygons (``fill``) or lines (``line``) by a column of words; ``words`` are the texts of the legend, by default the column's own words."""
    renderer = ET.Element("renderer-v2", type="categorizedSymbol", attr=column, symbollevels="0", enableorderby="0", forceraster="0")
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for i, (word, colour) in enumerate(colours.items()):
        label = words[word] if words else word.replace("_", " ")
        ET.SubElement(categories, "category", render="true", symbol=str(i), value=word, label=label, type="string")
        symbols.append(_symbol(str(i), colour, kind))
    return document(renderer, *labels)


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
    return document(renderer)


LOOKS = {
    "fill": ("SimpleFill", "color", {"style": "solid", "outline_color": "#3d4a50", "outline_style": "solid", "outline_width": "0.15"}),
    "line": ("SimpleLine", "line_color", {"line_style": "solid", "line_width": "0.7", "capstyle": "round", "joinstyle": "round"}),
}
"""Kind of symbol to its class in QGIS, the property that holds the colour, and the other properties."""


def _symbol(name: str, colour: str, kind: str) -> ET.Element:
    qgis_class, coloured, look = LOOKS[kind]
    symbol = ET.Element("symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = ET.SubElement(symbol, "layer", {"class": qgis_class, "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for key, value in {coloured: colour, **look}.items():
        shown = ",".join(str(v) for v in (*bytes.fromhex(value[1:]), 255)) if value.startswith("#") else value
        ET.SubElement(options, "Option", type="QString", name=key, value=shown)
    return symbol


def county_label(graded: str, off_track: str) -> str:
    """QGIS expression: the county's name and, on a second line, a text in which columns in braces are replaced by their values (see OVERVIEWS)."""
    first, more = _spliced("\\n" + graded), _spliced(off_track)
    return f'"name" || CASE WHEN "n_graded" > 0 THEN {first} ELSE \'\' END || CASE WHEN "n_off_track" > 0 THEN {more} ELSE \'\' END'


def _spliced(words: str) -> str:
    """A text with columns in braces as a QGIS expression."""
    pieces = re.split(r"\{(\w+)\}", words)
    return " || ".join(f'"{piece}"' if i % 2 else f"'{piece}'" for i, piece in enumerate(pieces) if piece)


def styles_of(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """(name, QML): the overviews, then one style for each status column with more than "no target", then one for each value column."""
    for name, (words, graded, off_track) in OVERVIEWS.items():
        colours, label = {status: STATUS_COLOURS[status] for status in words}, labeling(county_label(graded, off_track))
        yield name, class_style(VERDICT, colours, words=words, labels=[label])
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
    """Write ``counties.gpkg``: layer ``counties``, EPSG:4326, a row a county with its `verdicts` and `latest_values` of the last period.

    Raises
    ------
    TableError : the indicators are not made yet.
    """
    layout, period = Layout(settings.root), settings.all_periods[-1].label
    if not layout.indicators_parquet.exists():
        raise TableError("the indicators are not made yet", where=str(layout.indicators_parquet), remedy="run `rs-pipeline indicators` first")
    table, units = pd.read_parquet(layout.indicators_parquet, filters=[("period", "==", period)]), load_units(settings)
    values = latest_values(table, period)
    frame = units.assign(period=period).join(verdicts(table, period, units.adcode), on="adcode").join(values, on="adcode")
    frame = gpd.GeoDataFrame(frame[[c for c in frame if c != "geometry"] + ["geometry"]], geometry="geometry", crs=units.crs)
    write_layer(frame, layout.counties_latest, LAYER, "MultiPolygon", finish=lambda part: embed_styles(part, list(styles_of(values)), "geom"))


def write_layer_styles(settings: Settings) -> None:
    """Write ``<layer>.qml`` beside the reaches, bodies, watched places, transects, shorelines and findings of a run: QGIS applies it when the layer is opened.

    Findings are lines and polygons in one layer, which no single symbol can draw: their style has labels only.
    """
    layout = Layout(settings.root)
    watched = (layout.places,) if layout.places.exists() else ()
    for path in (layout.reaches, layout.bodies, *watched, *((layout.transects, layout.shorelines) if settings.coastline else ())):
        column, kind, colours = STYLED_LAYERS[path.stem]
        with atomic_path(path.with_suffix(".qml")) as part:
            part.write_text(class_style(column, colours, kind, labels=_labels(path.stem)), "utf-8")
    with atomic_path(layout.findings.with_suffix(".qml")) as part:
        part.write_text(document(*_labels("findings")), "utf-8")


def _labels(layer: str) -> list[ET.Element]:
    """Labels of a layer of LAYER_LABELS, none of any other."""
    if layer not in LAYER_LABELS:
        return []
    expression, look = LAYER_LABELS[layer]
    return [labeling(expression, **look)]
