"""Area of the supplied ecological red line in each unit and at sea off its coast."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.products.red_line.areas import RedLineArea, red_line_areas

log = logging.getLogger(__name__)

PIXEL_KM2 = 1e-4
"""A smaller area in no unit and not at sea comes from rounding of borders and is not reported."""


def elsewhere_words(area: RedLineArea) -> str:
    """What is in no total, in words; empty where all is counted."""
    if area.elsewhere_km2 < PIXEL_KM2:
        return ""
    return f"{area.elsewhere_km2:.4g} km2 lie in no unit and not at sea and are not counted (a column marine of the polygons tells what is at sea)"


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``red_line``: `RedLineArea` of the unit, None without the table."""
    areas = red_line_areas(settings)
    if areas and (words := elsewhere_words(areas[REGION])):
        log.warning("%s: %s", settings.tables.red_line, words)

    def of(adcode: str, period: str) -> RedLineArea | None:
        return areas[adcode] if areas else None

    return {"red_line": of}


def _red_line(facts: Facts) -> Estimate:
    """Red-line area of the unit, km2: geometry of the supplied polygons, on the ellipsoid."""
    area = facts["red_line"]
    if area is None:
        return missing("needs_table", "needs red-line polygons (tables.red_line)")
    parts = f"{area.inside_km2:.6g} km2 inside the units and {area.sea_km2:.6g} km2 at sea"
    return Estimate(Interval(area.inside_km2 + area.sea_km2), 1.0, "", "; ".join(filter(None, [parts, elsewhere_words(area)])))


INDICATORS = (
    Indicator(
        "red_line_area", "Area of the supplied ecological red line", "km2", "red_line", "up", _red_line,
        formula="geodesic area of the polygons of tables.red_line inside the unit, and of their pieces at sea beyond all units whose nearest unit it is: "
        "where the column marine says so, else where the run's water maps show the sea; overlaps counted once",
    ),
)  # fmt: skip
