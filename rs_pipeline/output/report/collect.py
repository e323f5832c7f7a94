"""What the report says: the files of a run as plain lists and dictionaries, small enough to embed.

Nothing here decides anything: values, states and reasons are those of the files. A file that a run does not have
gives None, and the page says so.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.operations.marks import read_marks
from rs_pipeline.output.report.figures import COAST_CANVAS, Canvas
from rs_pipeline.output.tables import inert

MAX_LISTED = 300
"""Rows of a list that are embedded; the page says where the rest is."""

CLASS_ORDER = {"suspected": 0, "possible": 1}


def number(value: Any, digits: int = 5) -> float | int | None:
    """A finite number with that many significant digits, else None.

    >>> number(0.123456789), number(float("nan")), number(12.0)
    (0.12346, None, 12)
    """
    if value is None or pd.isna(value) or not math.isfinite(float(value)):
        return None
    short = float(f"{float(value):.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def text(value: Any) -> str:
    """A cell as text: empty where missing, without the apostrophe that made it inert for spreadsheets."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    value = str(value)
    return value[1:] if value[:1] == "'" and inert(value[1:]) == value else value


def title(indicator: str, target: dict[str, str]) -> str:
    """Readable name: the indicator's own, else the target's topic (rows without indicator carry the target's id), else the plain name."""
    if indicator in INDICATORS:
        return INDICATORS[indicator].title
    return target.get("topic") or indicator.replace("_", " ")


class Codes(dict):
    """Numbers the distinct texts it is asked for, in order of appearance."""

    def __missing__(self, key):
        self[key] = len(self)
        return self[key]


def read_targets(settings: Settings) -> dict[str, dict[str, str]]:
    """Rows of the table of targets by target_id; empty where there is no table."""
    if not settings.targets_path.exists():
        return {}
    table = pd.read_csv(settings.targets_path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    return {row["target_id"]: row for row in table.to_dict("records")}


def read_indicators(path: Path) -> pd.DataFrame | None:
    """``indicators.csv`` as text, or None."""
    if not path.exists():
        return None
    return pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False).map(text)


_KIND = ("indicator", "unit", "target_id", "target_operator", "target_value", "target_year", "clause", "observability", "interval")
_NUMBERS = ("observed_fraction", "n_scenes", "value", "lower", "upper")


def indicator_rows(table: pd.DataFrame, targets: dict, unit_codes: Codes, periods: list[str]) -> dict[str, Any]:
    """The indicators without repetition.

    ``kinds``: what a row is about. ``rows``: by unit number, lists [kind, period, status, reason, observed, n_scenes,
    value, lower, upper], cut after the last value. ``everywhere``: [kind, status, reason] of kinds that have no value
    and the same status and reason in every unit and period. ``reasons``, ``statuses``: the texts the numbers stand for.
    """
    reasons, statuses, kinds = Codes(), Codes(), Codes()
    period_codes = {p: i for i, p in enumerate(periods)}
    rows: dict[int, list] = {}
    everywhere, meta = [], []
    for key, group in table.groupby([c for c in _KIND if c != "interval"], sort=False, dropna=False):
        kind = kinds[key]
        head = dict(zip((c for c in _KIND if c != "interval"), key, strict=True))
        intervals = [v for v in group["interval"].unique() if v]
        target = targets.get(head["target_id"], {})
        meta.append(head | {
            "interval": " / ".join(intervals), "title": title(head["indicator"], target),
            "description": target.get("description", ""), "topic": target.get("topic", ""), "caveat": target.get("caveat", ""),
            "method": target.get("method", ""), "target_value": number(pd.to_numeric(head["target_value"], errors="coerce")),
        })  # fmt: skip
        values = group[list(_NUMBERS)].apply(pd.to_numeric, errors="coerce")
        if values[["value", "lower", "upper"]].isna().all(axis=None) and len(group[["status", "reason"]].drop_duplicates()) == 1:
            everywhere.append([kind, statuses[group["status"].iloc[0]], reasons[group["reason"].iloc[0]]])
            continue
        texts = group[["adcode", "period", "status", "reason"]].itertuples(index=False)
        for (adcode, period, status, reason), found in zip(texts, values.itertuples(index=False), strict=True):
            row = [kind, period_codes.get(period, -1), statuses[status], reasons[reason], *(number(v) for v in found)]
            while row[-1] is None:
                row.pop()
            rows.setdefault(unit_codes[adcode], []).append(row)
    return {"kinds": meta, "rows": rows, "everywhere": everywhere, "reasons": list(reasons), "statuses": list(statuses)}


def scene_quality(path: Path) -> dict[str, Any] | None:
    """Counts by sensor and status, reasons, offsets, a calendar, and the scenes that failed."""
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    when = pd.to_datetime(table["datetime"], utc=True)
    month = when.dt.strftime("%Y-%m")
    used = table.status == "used"
    failed = table[table.status == "failed"]
    return {
        "found": len(table),
        "by_status": {s: int((table.status == s).sum()) for s in ("used", "skipped", "failed")},
        "by_sensor": [
            {"sensor": text(k), "found": len(g), **{s: int((g.status == s).sum()) for s in ("used", "skipped", "failed")}}
            for k, g in table.groupby("sensor")
        ],
        "reasons": _counted(table[~used], ("status", "reason")),
        "offsets": _counted(table[used], ("sensor", "offset", "offset_decision", "offset_confidence")),
        "failed": [
            {"scene": text(r.scene_id), "date": text(str(r.datetime)[:10]), "reason": text(r.reason)}
            for r in failed.head(MAX_LISTED).itertuples()
        ],
        "calendar": [[m, text(s), int(n)] for (m, s), n in table[used].groupby([month[used], "sensor"]).size().items()],
    }


def _counted(table: pd.DataFrame, columns: tuple[str, ...]) -> list[list]:
    """Distinct combinations with their number, most frequent first."""
    present = [c for c in columns if c in table.columns]
    seen = Counter(tuple(number(v) if isinstance(v, float) else text(v) for v in row) for row in table[present].itertuples(index=False))
    return [[*key, n] for key, n in seen.most_common(60)]


def chip_quality(root: Path) -> dict[str, Any] | None:
    """How many chips were read, were empty or failed, and the failures; a tile that was given up is one of all its scenes."""
    manifests = sorted((root / "chips").glob("*/*/chips.parquet"))
    if not manifests:
        return None
    counts: Counter = Counter()
    failures = []
    for path in manifests:
        table = pd.read_parquet(path, columns=["scene_id", "status", "reason"])
        counts.update(table.status)
        for row in table[table.status == "failed"].itertuples():
            failures.append([path.parent.parent.name, path.parent.name, text(row.scene_id), text(row.reason)])
    for job, mark in read_marks(Layout(root).marks).items():
        verb, *place = job.split(".")
        if mark.given_up and verb != "fetch":  # whose manifest says it
            period, tile = [*place, "", ""][:2]
            failures.append([period, tile, "all scenes", text(f"{verb} was given up: {mark.given_up}")])
    return {"counts": {s: counts.get(s, 0) for s in ("ok", "empty", "failed")}, "failures": failures[:MAX_LISTED], "n_failures": len(failures)}


def observed_share(layout: Layout, periods: list[str], unit_codes: Codes) -> dict[str, dict[int, list]]:
    """By period and unit: [share seen for water, clear dates, clear months, scenes]."""
    out = {}
    for period in periods:
        path = layout.counties(period)
        if path.exists():
            table = pd.read_parquet(path)
            table = table[table.zone == "county"]
            share = table.water_observed_m2 / table.area_m2
            columns = (share, table.clear_dates_mean, table.clear_months_mean, table.n_scenes)
            out[period] = {
                unit_codes[code]: [number(v, 3) for v in row] for code, *row in zip(table.adcode.astype(str), *columns, strict=True)
            }
    return out


def area_totals(layout: Layout, periods: list[str]) -> list[dict[str, Any]]:
    """Region totals a period, over what was observed: cover, water in km2, observed share."""
    out = []
    for period in periods:
        path = layout.counties(period)
        if path.exists():
            t = pd.read_parquet(path)
            t = t[t.zone == "county"]
            seen = t.fvc_peak_observed_m2.sum()
            out.append({
                "period": period, "observed": number(t.water_observed_m2.sum() / t.area_m2.sum(), 3),
                "fvc": number(t.fvc_peak_sum_m2.sum() / seen, 3) if seen > 0 else None,
                "water_km2": [number(t[f"water_permanent{s}_m2"].sum() / 1e6) for s in ("", "_lower", "_upper")],
                "water_seen": bool(t.water_observed_m2.sum() > 0),
            })  # fmt: skip
    return out


def reach_list(path: Path, canvas: Canvas, unit_codes: Codes) -> dict[str, Any] | None:
    """By period: counts of the classes, and the inspection list, most probable first."""
    if not path.exists():
        return None
    table = gpd.read_file(path, layer="reaches", ignore_geometry=True)
    out = {}
    for period, group in table.groupby("period"):
        listed = group[group["class"].isin(CLASS_ORDER)]
        listed = listed.assign(order=listed["class"].map(CLASS_ORDER)).sort_values(["order", "probability"], ascending=[True, False])
        shown = listed.head(MAX_LISTED)
        at = gpd.GeoSeries.from_xy(shown.lon, shown.lat, crs=4326).to_crs(canvas.crs) if len(shown) else None
        places = canvas.place(shapely.get_coordinates(at.values)).tolist() if at is not None else []
        out[str(period)] = {
            "counts": {text(k): int(v) for k, v in group["class"].value_counts().items()},
            "length_km": {text(k): number(v / 1000, 3) for k, v in group.groupby("class").length_m.sum().items()},
            "n_listed": len(listed),
            "rows": [
                {
                    "id": text(r.reach_id), "kind": text(r.kind), "unit": unit_codes[text(r.adcode)], "class": text(r["class"]),
                    "p": number(r.probability, 3), "width_m": number(r.width_m, 3), "lon": number(r.lon, 8), "lat": number(r.lat, 7),
                    "n": number(r.n_dates), "positive": number(r.n_positive), "months": number(r.n_months),
                    "dates": text(r.dates_positive), "vetoes": text(r.vetoes), "at": at_xy,
                }
                for (_, r), at_xy in zip(shown.iterrows(), places, strict=True)
            ],
        }  # fmt: skip
    return out


def body_list(path: Path, periods: list[str], unit_codes: Codes) -> dict[str, Any] | None:
    """Counts and areas a period, and the largest bodies with their areas over the periods."""
    if not path.exists():
        return None
    table = gpd.read_file(path, layer="bodies", ignore_geometry=True)
    table["period"] = table["period"].astype(str)
    summary = [
        {
            "period": p, **{s: int((g.state == s).sum()) for s in ("wet", "dry", "not_observed")}, "counted": int(g.counted.sum()),
            "area_km2": number(g.area_m2.sum() / 1e6, 4) if g.area_m2.notna().any() else None,
        }
        for p in periods if len(g := table[table.period == p])
    ]  # fmt: skip
    largest = table.groupby("body_id").area_m2.max().sort_values(ascending=False, kind="stable").head(MAX_LISTED).index
    rows = []
    for body_id, g in table[table.body_id.isin(largest)].groupby("body_id"):
        by_period = g.set_index("period").reindex(periods)
        rows.append({
            "id": text(body_id), "unit": unit_codes[text(g.adcode.iloc[0])], "kind": text(g["kind"].iloc[0]) if "kind" in g else "",
            "area": [[number(v, 4) for v in row] for row in by_period[["area_m2", "lower_m2", "upper_m2"]].to_numpy()],
            "state": [text(s) or "not_observed" for s in by_period.state], "counted": bool(g.counted.any()),
        })  # fmt: skip
    rows.sort(key=lambda r: -max((a[0] or 0 for a in r["area"]), default=0))
    return {"summary": summary, "rows": rows, "n_bodies": int(table.body_id.nunique())}


def coastline(layout: Layout, crs: str, unit_codes: Codes) -> dict[str, Any] | None:
    """Shorelines by period and transects with their rates, on a canvas of their own."""
    if not layout.shorelines.exists() or not layout.transects.exists():
        return None
    lines = gpd.read_file(layout.shorelines, layer="shorelines").to_crs(crs)
    transects = gpd.read_file(layout.transects, layer="transects").to_crs(crs)
    if lines.empty and transects.empty:
        return {"empty": True}
    bounds = np.array([f.total_bounds for f in (lines, transects) if len(f)])
    canvas = Canvas.over(crs, (*bounds[:, :2].min(0), *bounds[:, 2:].max(0)), margin=0.03, longest=COAST_CANVAS)
    shores = [
        {
            "period": str(period), "path": canvas.path(shapely.simplify(shapely.union_all(g.geometry.values), canvas.tolerance_m)),
            "length_km": number(g.length_m.sum() / 1000, 4), "error_m": number(g.position_error_m.median(), 3),
            "reference": ", ".join(sorted({text(v) for v in g.reference})),
            "classes": {text(k): number(v / 1000, 3) for k, v in g.groupby("class").length_m.sum().items()},
        }
        for period, g in lines.groupby("period")
    ]  # fmt: skip
    rates = ("nsm_m", "epr_m_yr", "lrr_m_yr", "lrr_ci95_m_yr", "sen_m_yr", "mk_p", "length_m")
    middles = shapely.line_interpolate_point(transects.geometry.values, 0.5, normalized=True)
    places = canvas.place(shapely.get_coordinates(middles)) if len(transects) else np.zeros((0, 2), int)
    rows = [
        [text(t.transect_id), unit_codes[text(t.adcode)], text(t["class"]), text(t.unit_class), *map(int, at), *(number(t[r], 3) for r in rates)]
        for (_, t), at in zip(transects.iterrows(), places, strict=True)
    ]
    km = transects.assign(km=transects.length_m / 1000).groupby(["class"]).km.sum()
    return {
        "view": [round(canvas.width), round(canvas.height)], "shores": shores, "rates": list(rates), "transects": rows,
        "km": {text(k): number(v, 3) for k, v in km.items()},
        "unit_km": {text(k): number(v / 1000, 3) for k, v in transects.groupby("unit_class").length_m.sum().items()},
    }  # fmt: skip
