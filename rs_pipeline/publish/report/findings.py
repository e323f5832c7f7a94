"""The list of suspected findings as the page shows it, a row a place, with links, pictures and words in two languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from rs_pipeline.layout import TRUE_COLOUR
from rs_pipeline.products.findings import DECIDED_STATES, finding_words, listed_findings
from rs_pipeline.publish.report.figures import Canvas
from rs_pipeline.publish.report.quality import MAX_LISTED
from rs_pipeline.publish.report.text import Codes, number, text

WORDED = ("kind", "state", "against")
"""Columns that hold words of the list."""


def read_findings(path: Path) -> gpd.GeoDataFrame | None:
    """``findings/findings.gpkg`` in the order of the list, or None."""
    return listed_findings(path).sort_values("rank", ignore_index=True) if path.exists() else None


def finding_list(table: gpd.GeoDataFrame | None, canvas: Canvas, unit_codes: Codes, pictures: dict[str, list]) -> dict[str, Any] | None:
    """The first MAX_LISTED findings, their total number, and how many are undecided. ``pictures`` by finding_id."""
    if table is None:
        return None
    shown = table.head(MAX_LISTED)
    at = gpd.GeoSeries.from_xy(shown.lon, shown.lat, crs=4326).to_crs(canvas.crs)
    places = canvas.place(shapely.get_coordinates(at.values)).tolist() if len(shown) else []
    return {
        "n": len(table),
        "n_open": int((~table.state.isin(DECIDED_STATES)).sum()),
        "n_new": int((table.state == "new").sum()),
        "rows": [
            {
                "rank": int(r["rank"]),
                "id": text(r.finding_id),
                "letter": text(r["kind"]),
                **{name: finding_words(text(r[name]), 0) for name in WORDED},
                "open": r.state not in DECIDED_STATES,
                "unit": unit_codes[text(r.adcode)],
                "township": text(r.township),
                "first": text(r.first_seen),
                "last": text(r.last_seen),
                "amount": number(r.amount, 4),
                "lower": number(r.lower, 4),
                "upper": number(r.upper, 4),
                "measure": text(r.unit),
                "p": number(r.probability, 3),
                "visited": text(r.visited),
                "lon": number(r.lon, 9),
                "lat": number(r.lat, 8),
                "links": {name: text(r[name]) for name in ("amap", "baidu", "geo") if text(r[name])},
                "at": at_xy,
                "pictures": sorted(pictures.get(r.finding_id, []), key=lambda shown: shown[1] != TRUE_COLOUR),
            }
            for (_, r), at_xy in zip(shown.iterrows(), places, strict=True)
        ],
    }


def chinese_words(table: gpd.GeoDataFrame | None) -> dict[str, str]:
    """English words of the list to their Chinese."""
    shown = [] if table is None else [text(value) for name in WORDED for value in table[name].unique()]
    return {finding_words(word, 0): finding_words(word, 1) for word in shown if word}
