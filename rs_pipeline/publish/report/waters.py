"""The inspection list of black-odorous water, the water bodies, and the months of the waters that a user names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from rs_pipeline.products.water.watched import PLACE
from rs_pipeline.publish.report.figures import Canvas
from rs_pipeline.publish.report.quality import MAX_LISTED
from rs_pipeline.publish.report.text import Codes, number, text

INSPECTED_CLASSES = {"suspected": 0, "possible": 1}
"""Classes that are to be inspected, in their order."""


def read_reach_table(path: Path) -> pd.DataFrame | None:
    """``water/reaches.gpkg`` without its lines, or None."""
    return gpd.read_file(path, layer="reaches", ignore_geometry=True) if path.exists() else None


def to_inspect(reaches: pd.DataFrame, period: str) -> pd.DataFrame:
    """Suspected and possible reaches of a period, most probable first."""
    table = reaches[(reaches["period"] == period) & reaches["class"].isin(INSPECTED_CLASSES)]
    return table.assign(order=table["class"].map(INSPECTED_CLASSES)).sort_values(["order", "probability"], ascending=[True, False], kind="stable")


def reach_list(reaches: pd.DataFrame, canvas: Canvas, unit_codes: Codes, pictures: dict[tuple[str, str], list]) -> dict[str, Any]:
    """By period: the classes that occur, the number of reaches that visits decided, and the inspection list. ``pictures`` by (reach_id, period).

    The number and length of suspected reaches are indicators: they are not summed here again.
    """
    out = {}
    for period, group in reaches.groupby("period"):
        listed = to_inspect(reaches, period)
        shown = listed.head(MAX_LISTED)
        at = gpd.GeoSeries.from_xy(shown.lon, shown.lat, crs=4326).to_crs(canvas.crs)
        places = canvas.place(shapely.get_coordinates(at.values)).tolist() if len(shown) else []
        out[str(period)] = {
            "classes": sorted({text(k) for k in group["class"]}),
            "n_listed": len(listed),
            "n_visited": int(group.field.isin(["confirmed", "refuted"]).sum()),
            "rows": [
                {
                    "id": text(r.reach_id),
                    "kind": text(r.kind),
                    "unit": unit_codes[text(r.adcode)],
                    "class": text(r["class"]),
                    "field": text(r.field),
                    "seen_as": text(r.satellite_class),
                    "p": number(r.probability, 3),
                    "width_m": number(r.width_m, 3),
                    "length_m": number(r.length_m, 3),
                    "lon": number(r.lon, 8),
                    "lat": number(r.lat, 7),
                    "n": number(r.n_dates),
                    "positive": number(r.n_positive),
                    "months": number(r.n_months),
                    "dates": text(r.dates_positive),
                    "vetoes": text(r.vetoes),
                    "at": at_xy,
                    "pictures": pictures.get((r.reach_id, r.period), []),
                }
                for (_, r), at_xy in zip(shown.iterrows(), places, strict=True)
            ],
        }
    return out


def body_list(path: Path, periods: list[str], unit_codes: Codes) -> dict[str, Any] | None:
    """The largest bodies, the seas too, with their areas over the periods, and how many bodies there are.

    The number of bodies large enough to be counted and the area of all water are indicators: they are not summed here again.
    """
    if not path.exists():
        return None
    table = gpd.read_file(path, layer="bodies", ignore_geometry=True)
    table["period"] = table["period"].astype(str)
    largest = table.groupby("body_id").area_m2.max().sort_values(ascending=False, kind="stable").head(MAX_LISTED).index
    rows = []
    for body_id, g in table[table.body_id.isin(largest)].groupby("body_id"):
        by_period = g.set_index("period").reindex(periods)
        rows.append(
            {
                "id": text(body_id),
                "unit": unit_codes[text(g.adcode.iloc[0])],
                "kind": text(g["kind"].iloc[0]),
                "area": [[number(v, 4) for v in row] for row in by_period[["area_m2", "lower_m2", "upper_m2"]].to_numpy()],
                "state": [text(s) or "not_observed" for s in by_period.state],
                "counted": bool(g.counted.any()),
            }
        )
    rows.sort(key=lambda r: -max((a[0] or 0 for a in r["area"]), default=0))
    return {"rows": rows, "n_bodies": int(table.body_id.nunique())}


MONTHLY = ("chlorophyll_mg_m3", "turbidity_fnu", "transparency_m", "floating_share_max", "official_class")
"""Numbers of a month on the page, columns of ``water/quality_monthly.parquet``."""

MAX_WATCHED = 50
"""Most waters whose months are on the page; the table has all."""


def month_list(path: Path) -> dict[str, Any] | None:
    """Of each water that a user names, by name: its months, each with MONTHLY and its grade of bloom; and how many such waters there are. None without any."""
    table = pd.read_parquet(path) if path.exists() else pd.DataFrame({"body_id": []})
    table = table[table.body_id.str.startswith(PLACE)] if len(table) else table
    if table.empty:
        return None
    waters = [(name.removeprefix(PLACE), months.sort_values("month")) for name, months in table.groupby("body_id")]
    return {
        "n_waters": len(waters),
        "waters": [
            {"name": name, "rows": [[m.month, *(number(getattr(m, c), 3) for c in MONTHLY), m.bloom_grade] for m in months.itertuples(index=False)]}
            for name, months in waters[:MAX_WATCHED]
        ],
    }
