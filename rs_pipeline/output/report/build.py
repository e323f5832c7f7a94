"""Step ``report``: gather what the run wrote and put it into one page."""

from __future__ import annotations

import json
import platform
from functools import cache
from importlib import metadata
from importlib.resources import files
from typing import Any

import jinja2
import rasterio
from markupsafe import Markup

from rs_pipeline import __version__
from rs_pipeline.config import Settings
from rs_pipeline.layout import PERIOD_MAPS, TREND, Layout
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.output.provenance import settings_hash
from rs_pipeline.output.report import collect
from rs_pipeline.output.report.figures import Canvas, quicklooks, unit_outlines
from rs_pipeline.output.styles import STYLES
from rs_pipeline.region import load_units, run_grid

PICTURE_BUDGET_BYTES = 4_000_000
"""All quick-looks together, as embedded."""

LIBRARIES = ("numpy", "numba", "rasterio", "pyproj", "shapely", "geopandas", "pandas", "dask", "xarray", "exactextract")


def embed(data: Any) -> Markup:
    """JSON that is safe inside a script element: no ``<``, ``>``, ``&`` or line separators, whatever the texts hold."""
    raw = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        raw = raw.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(raw)


@cache
def _asset(name: str) -> str:
    return files("rs_pipeline.output.report").joinpath(name).read_text("utf-8")


def _layers(settings: Settings, layout: Layout, periods: list[str], canvas: Canvas) -> list[dict]:
    """The pictures that can be laid under the counties. The trend is of all periods and shown in the last one."""
    paths = {(p, label): layout.map(p, label) for p in PERIOD_MAPS for label in periods if layout.map(p, label).exists()}
    if layout.trend_map.exists() and len(periods) >= settings.trend.min_years:
        paths[TREND, periods[-1]] = layout.trend_map
    pictures = quicklooks(paths, canvas, PICTURE_BUDGET_BYTES)
    return [
        {
            "product": product, "title": STYLES[product].title, "kind": STYLES[product].kind, "pictures": pictures[product],
            "legend": [[c.rgb, c.label] for c in STYLES[product].colours],
        }
        for product in (*PERIOD_MAPS, TREND) if product in pictures
    ]  # fmt: skip


def gather(settings: Settings) -> dict[str, Any]:
    """Everything the page shows, as JSON-able values; absent parts are None."""
    layout, periods = Layout(settings.root), [p.label for p in settings.all_periods]
    units, grid = load_units(settings), run_grid(settings)
    canvas = Canvas.over(grid.crs, grid.bounds)
    codes = collect.Codes()
    for code in units.adcode:
        codes[code]
    targets = collect.read_targets(settings)
    table = collect.read_indicators(layout.indicators)
    found = collect.indicator_rows(table, targets, codes, periods) if table is not None else None
    data = {
        "run": settings.run,
        "simulated": settings.sample is not None,
        "periods": periods,
        "baseline": settings.baseline_label,
        "view": [round(canvas.width), round(canvas.height)],
        "layers": _layers(settings, layout, periods, canvas),
        "indicators": found,
        "scenes": collect.scene_quality(layout.scenes),
        "chips": collect.chip_quality(layout.root),
        "observed": collect.observed_share(layout, periods, codes),
        "totals": collect.area_totals(layout, periods),
        "reaches": collect.reach_list(layout.reaches, canvas, codes),
        "bodies": collect.body_list(layout.bodies, periods, codes),
        "coast": collect.coastline(layout, grid.crs, codes),
        "coast_configured": settings.coastline is not None,
    }
    data["units"] = _units(units, canvas, table, codes)
    return data


def _units(units, canvas: Canvas, table, codes: collect.Codes) -> list[dict]:
    """Units by their number: the polygons first, then codes that only the tables know (the region, lost codes)."""
    listed = [
        {"code": u.adcode, "name": u.name, "prefecture": u.prefecture} | outline
        for u, outline in zip(units.itertuples(), unit_outlines(units, canvas), strict=True)
    ]
    names = {} if table is None else {r.adcode: (r.name, r.prefecture) for r in table.drop_duplicates("adcode").itertuples()}
    for code in list(codes)[len(listed) :]:
        name, prefecture = names.get(code, ("", ""))
        listed.append({"code": code, "name": name or code or "outside all units", "prefecture": prefecture})
    return listed


def unseen(data: dict[str, Any], targets: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Targets that the satellites cannot answer, with the reason: from the indicators, else from the table of targets."""
    wanted = {"not_observable": "not observable", "needs_table": "needs a table"}
    out: dict[str, dict[str, str]] = {}
    found = data["indicators"]
    if found:
        rows = [*found["everywhere"], *((r[0], r[2], r[3]) for unit in found["rows"].values() for r in unit)]
        for kind, status, reason in rows:
            name, head = found["statuses"][status], found["kinds"][kind]
            if name in wanted:
                out.setdefault(head["target_id"] or head["indicator"], {
                    "id": head["target_id"], "clause": head["clause"], "what": head["description"] or head["title"],
                    "state": wanted[name], "why": found["reasons"][reason] or head["caveat"],
                })  # fmt: skip
    else:
        kinds = {"not_observable": "not observable", "needs_outside_table": "needs a table"}
        for key, t in targets.items():
            if t.get("observability") in kinds:
                out[key] = {"id": key, "clause": t["clause"], "what": t["description"], "state": kinds[t["observability"]], "why": t["caveat"]}
    return sorted(out.values(), key=lambda t: (t["clause"].zfill(3), t["id"]))


def provenance(settings: Settings) -> list[tuple[str, str]]:
    """Names and values that tell how the page came to be."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return [
        ("Software", f"rs-pipeline {__version__}, Python {platform.python_version()}, GDAL {rasterio.__gdal_version__}"),
        ("Libraries", ", ".join(versions)),
        ("Configuration (SHA-256, first 16)", settings_hash(settings)),
        ("Sources", "; ".join(f"{s.sensor} from {s.catalog}" for s in settings.sources)),
        ("Grid", f"{settings.grid.crs}, {settings.grid.resolution_m:g} m"),
        ("Baseline period", settings.baseline_label),
    ]


def report(settings: Settings) -> None:
    """Write ``report/index.html``: one file that holds its data, pictures, styles and script, and asks for nothing else.

    Raises
    ------
    ConfigError : the units cannot be read; everything else may be missing, and the page says what is.
    """
    data = gather(settings)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_asset("template.html.j2")).render(
        settings=settings, version=__version__, data=embed(data), style=Markup(_asset("style.css")), script=Markup(_asset("app.js")),
        simulated=data["simulated"], periods=data["periods"], n_units=sum("path" in u for u in data["units"]),
        unseen=unseen(data, collect.read_targets(settings)), provenance=provenance(settings),
    )  # fmt: skip
    with atomic_path(Layout(settings.root).report) as part:
        part.write_text(page, "utf-8")
