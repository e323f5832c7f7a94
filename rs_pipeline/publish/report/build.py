"""Step ``report``: gather what the run wrote and put it into one page, with its pictures in a folder beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import geopandas as gpd
import jinja2
from markupsafe import Markup

from rs_pipeline import __version__
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import period_maps, region_maps
from rs_pipeline.products.vegetation.maps import TREND
from rs_pipeline.publish.report import accuracy, changes, coast, estimates, findings, methods, places, quality, waters
from rs_pipeline.publish.report.figures import Canvas, unit_outlines
from rs_pipeline.publish.report.pictures import Pictures, folder_name
from rs_pipeline.publish.report.text import Codes
from rs_pipeline.publish.report.words import Chinese
from rs_pipeline.region import load_units, run_grid, surroundings
from rs_pipeline.storage.atomic import atomic_folder, atomic_path

SCRIPTS = (
    "dom", "words", "data", "state", "marks", "charts", "table", "zoom", "map", "sheet", "overview", "county", "targets", "findings", "places", "inspection", "coast",
    "waters", "quality", "methods", "main",
)  # fmt: skip
"""Parts of the page's script, in the order in which they are joined."""

Data = dict[str, Any]


def embed(data: Any) -> Markup:
    """JSON that is safe inside a script element: no ``<``, ``>``, ``&`` or line separators, whatever the texts hold."""
    raw = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        raw = raw.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(raw)


@cache
def asset(name: str) -> str:
    """A file of the page's folder, as text."""
    return (files("rs_pipeline.publish.report") / "page" / name).read_text("utf-8")


def script() -> str:
    """The page's script: its parts share one scope that nothing else sees."""
    return '"use strict";\n(() => {\n' + "\n".join(asset(f"{name}.js") for name in SCRIPTS) + "\n})();"


def map_paths(settings: Settings) -> dict[tuple[str, str], Path]:
    """(product, period) to the maps with a style that exist. Maps of the whole run, the trend and settlements, are shown in the last
    period; the trend only of enough periods."""
    layout, periods = Layout(settings.root), [p.label for p in settings.all_periods]
    ordered = sorted(period_maps(settings).values(), key=lambda m: m.is_quality)
    paths = {(m.name, label): layout.map(m.name, label) for m in ordered for label in periods}
    whole = [m.name for m in region_maps(settings).values() if not m.every_period and (m.name != TREND or len(periods) >= settings.trend.min_years)]
    paths |= {(name, periods[-1]): layout.region_map(name) for name in whole}
    return {key: path for key, path in paths.items() if path.exists()}


def gather(settings: Settings, pictures: Path) -> Data:
    """Everything the page shows, as JSON-able values by part; what a run does not have is None. Pictures are written to a folder."""
    layout, periods = Layout(settings.root), [p.label for p in settings.all_periods]
    units, grid = load_units(settings), run_grid(settings)
    canvas, codes = Canvas.over(grid.crs, grid.bounds), Codes()
    table, targets = estimates.read_indicators(layout.indicators), estimates.read_targets(settings)
    for code in [*units.adcode, *([] if table is None else table.adcode)]:
        codes[code]  # numbers the units, then codes that only the table has, before columns are arranged by these numbers
    reaches, painter = waters.read_reach_table(layout.reaches), Pictures(settings, units, grid, canvas, pictures)
    suspected = findings.read_findings(layout.findings)
    outlines, prefectures, beyond = unit_outlines(units, canvas, surroundings(settings))
    data: Data = {
        "indicators": None if table is None else estimates.indicator_columns(table, targets, codes, periods),
        "clear": quality.clear_counts(layout, periods, codes),
        "quality": {"scenes": quality.scene_quality(layout.scenes), "orbits": quality.orbit_quality(layout.orbits), "chips": quality.chip_quality(settings)},
        "layers": painter.maps(map_paths(settings), periods),
        "reaches": None if reaches is None else waters.reach_list(reaches, canvas, codes, painter.reaches(reaches)),
        "bodies": waters.body_list(layout.bodies, periods, codes),
        "months": waters.month_list(layout.quality_monthly),
        "coast": coast.coastline_drawing(layout, grid.crs, periods, codes),
        "findings": findings.finding_list(suspected, canvas, codes, painter.findings(suspected, periods)),
        "places": places.place_list(layout.places_table, periods, codes),
        "methods": {
            "paragraphs": methods.methods(settings),
            "accuracy": accuracy.accuracy(settings),
            "provenance": methods.provenance(settings, grid),
            "targets": [] if table is not None else list(targets.values()),
        },
    }
    data["core"] = {
        "run": settings.run,
        "version": __version__,
        "simulated": settings.simulation is not None,
        "periods": periods,
        "baseline": settings.baseline_label,
        "view": [round(canvas.width), round(canvas.height)],
        "coast": settings.coastline is not None,
        "title": settings.report.title,
        "organisation": settings.report.organisation,
        "units": _units(units, outlines, table, codes),
        "prefectures": prefectures,
        "around": beyond,
        "units_per_m": canvas.units_per_m,
        "files": files_beside(settings),
        "earlier": None if table is None else changes.verdict_changes(settings, table, periods, codes),
    }
    data["chinese"] = Chinese.read().table | Chinese.read().of(_texts(data)) | findings.chinese_words(suspected) | places.chinese_kinds()
    return data


def _units(units: gpd.GeoDataFrame, outlines: list[dict], table: Any, codes: Codes) -> list[dict]:
    """Units by their number: the polygons first, then codes that only the tables know (the region, lost codes)."""
    listed = [
        {"code": u.adcode, "name": u.name, "prefecture": u.prefecture, "folder": folder_name(u.adcode, i)} | outline
        for i, (u, outline) in enumerate(zip(units.itertuples(index=False), outlines, strict=True))
    ]
    known = {} if table is None else {r.adcode: r for r in table.drop_duplicates("adcode")[["adcode", "name", "prefecture", "level"]].itertuples(index=False)}
    for code in list(codes)[len(listed) :]:
        name, prefecture, level = known[code][1:] if code in known else ("", "", "")
        listed.append({"code": code, "name": name or code or "outside all units", "prefecture": prefecture, "level": level})
    return listed


def files_beside(settings: Settings) -> list[tuple[str, str]]:
    """(address relative to the page, title) of the files of a complete run that a reader may want to open in other programs."""
    layout = Layout(settings.root)
    wanted = {
        layout.indicators_workbook: "all answers, for a spreadsheet",
        layout.indicators: "all answers, as text",
        layout.findings_form: "findings to fill in",
        layout.findings: "findings, for a GIS",
        layout.findings.with_suffix(".kml"): "findings, for a phone",
        layout.counties_latest: "counties with their latest values, for a GIS",
        **({layout.places: "watched places, for a GIS"} if layout.places.exists() else {}),
        layout.reaches: "reaches with their class in each period, for a GIS",
        layout.bodies: "water bodies, for a GIS",
        **(
            {layout.shorelines: "shorelines, for a GIS", layout.transects: "transects with rates and classes of the coast, for a GIS"}
            if settings.coastline
            else {}
        ),
        layout.dictionary: "what every column means",
    }
    return [(f"../{path.relative_to(layout.root).as_posix()}", title) for path, title in wanted.items()]


def _texts(data: Data) -> Iterator[str]:
    """The texts of a run that are shown in Chinese; names of places are not translated."""
    found = data["indicators"] or {"kinds": [], "reasons": [], "notes": []}
    for kind in found["kinds"]:
        yield from (kind[name] for name in ("title", "unit", "topic", "description", "caveat", "standard"))
    yield from (*found["reasons"], *found["notes"])
    for layer in data["layers"]:
        yield from (layer["title"], *(label for _, label in layer["legend"]))
    scenes = data["quality"]["scenes"] or {"reasons": [], "offsets": [], "failed": []}
    yield from (row[1] for row in scenes["reasons"])
    yield from (row[2] for row in scenes["offsets"])
    yield from (row[2] for row in scenes["failed"])
    yield from (row[-1] for row in (data["quality"]["chips"] or {"failures": []})["failures"])
    for heading, paragraph in (*data["methods"]["paragraphs"], *data["methods"]["provenance"]):
        yield from (heading, paragraph)
    for place in (data["places"] or {"rows": []})["rows"]:
        yield from (place["title"], place["measure"], *(seen[3] for seen in place["seen"]))
    for target in data["methods"]["targets"]:
        yield from (target["description"], target["caveat"], target["topic"], target.get("standard", ""))
    yield from (u["name"] for u in data["core"]["units"] if "path" not in u)
    yield from (title for _, title in data["core"]["files"])


def report(settings: Settings) -> None:
    """Write ``report/index.html``, one file with its data, styles and script, and ``report/pictures``; neither needs a network.

    Raises
    ------
    ConfigError : the units cannot be read; everything else may be missing, and the page says what is.
    """
    layout = Layout(settings.root)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    with atomic_path(layout.report) as part, atomic_folder(layout.report_pictures) as pictures:
        data = gather(settings, pictures)
        page = environment.from_string(asset("template.html.j2")).render(
            title=settings.report.title or settings.run,
            simulated=settings.simulation is not None,
            parts={name: embed(value) for name, value in data.items()},
            style=Markup(asset("style.css")),
            script=Markup(script()),
        )
        part.write_text(page, "utf-8")
