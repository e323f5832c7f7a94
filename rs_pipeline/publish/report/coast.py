"""The coast: shorelines by period, and transects with their rates and their class in every period. Lengths of classes are indicators."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from rs_pipeline.layout import Layout
from rs_pipeline.publish.report.figures import COAST_CANVAS, Canvas
from rs_pipeline.publish.report.text import Codes, number, text

RATES = ("nsm_m", "epr_m_yr", "lrr_m_yr", "lrr_ci95_m_yr", "sen_m_yr", "mk_p", "length_m")


def coastline_drawing(layout: Layout, crs: str, periods: list[str], unit_codes: Codes) -> dict[str, Any] | None:
    """Shorelines by period and transects on a canvas of their own.

    A transect is [id, unit, kind of movement, class in each period, x, y, *RATES, conversions].
    """
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
            "period": str(period),
            "path": canvas.path(shapely.simplify(shapely.union_all(g.geometry.values), canvas.tolerance_m)),
            "error_m": number(g.position_error_m.median(), 3),
            "reference": ", ".join(sorted({text(v) for v in g.reference})),
        }
        for period, g in lines.groupby("period")
    ]
    middles = shapely.line_interpolate_point(transects.geometry.values, 0.5, normalized=True)
    places = canvas.place(shapely.get_coordinates(middles)) if len(transects) else np.zeros((0, 2), int)
    classes = Codes()
    rows = [
        [
            text(t.transect_id),
            unit_codes[text(t.adcode)],
            text(t["class"]),
            [classes[text(t.get(f"class_{p}"))] for p in periods],
            *map(int, at),
            *(number(t[r], 3) for r in RATES),
            text(t.conversions),
        ]
        for (_, t), at in zip(transects.iterrows(), places, strict=True)
    ]
    return {"view": [round(canvas.width), round(canvas.height)], "shores": shores, "rates": list(RATES), "transects": rows, "classes": list(classes)}
