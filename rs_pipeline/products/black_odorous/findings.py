"""Findings of black-odorous water: reaches and ponds that the newest period suspects, or that were visited."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.findings import BLACK, found_table, said

SUSPICIOUS = ("suspected", "possible")
UNKNOWN = ("insufficient", "not_assessable")


def water_findings(settings: Settings) -> gpd.GeoDataFrame:
    """Each reach once, see `reach_findings`."""
    return reach_findings(gpd.read_file(Layout(settings.root).reaches, layer="reaches"), [p.label for p in settings.all_periods])


def reach_findings(table: gpd.GeoDataFrame, periods: list[str]) -> gpd.GeoDataFrame:
    """One row per reach (`products.findings.FOUND_DTYPES`). ``table``: ``water/reaches.gpkg``, one row per reach and period.

    A reach is listed if the newest period that could judge it suspects it, or if it was ever visited. ``first_seen`` and ``last_seen`` are the first and
    last period in which the satellite suspected it or a visit confirmed it or, where there is none, in which it was visited. The length, the probability
    and the causes are those of the last.
    """
    rows, shapes, order = [], [], {label: k for k, label in enumerate(periods)}
    for reach_id, group in table.assign(order=table.period.map(order)).sort_values("order").groupby("reach_id", sort=True):
        known = group[~group.satellite_class.isin(UNKNOWN)]
        seen, visits = group[group.satellite_class.isin(SUSPICIOUS) | (group.field == "confirmed")], group[group.field.isin(["confirmed", "refuted"])]
        judged = known.satellite_class.iloc[-1] if len(known) else ""
        if visits.empty and judged not in SUSPICIOUS:
            continue
        shown = (seen if len(seen) else visits).iloc[-1]
        rows.append(
            {
                "kind": BLACK,
                "place": reach_id,
                "adcode": shown.adcode,
                "first_seen": (seen if len(seen) else visits).period.iloc[0],
                "last_seen": shown.period,
                "amount": shown.length_m,
                "unit": "m",
                "probability": shown.probability,
                "against": _against(shown, group, known, periods[-1]),
            }
        )
        shapes.append(group.geometry.iloc[-1])
    return found_table(rows, shapes, table.crs)


def _against(shown: pd.Series, group: pd.DataFrame, known: pd.DataFrame, newest: str) -> str:
    """What may explain the colour, and what the newest period says."""
    unseen = not len(known) or known.period.iloc[-1] != newest
    clear = not unseen and known.satellite_class.iloc[-1] not in SUSPICIOUS
    return said(
        {shown.vetoes: bool(shown.vetoes), "narrow_water": shown.width_class == "marginal", f"not_seen_in:{newest}": unseen, f"clear_in:{newest}": clear}
    )
