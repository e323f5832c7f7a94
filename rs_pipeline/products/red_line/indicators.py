"""Area of supplied ecological red-line polygons in each unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.polygon import orient

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.region import load_units, with_unions


def geodesic_area_km2(geometry: shapely.Geometry) -> float:
    """Area on the WGS 84 ellipsoid (Karney 2013, J. Geod. 87:43) of the polygons of a geometry in degrees; lines and points have none."""
    geod = pyproj.Geod(ellps="WGS84")
    polygons = [g for g in shapely.get_parts(geometry) if g.geom_type == "Polygon" and not g.is_empty]
    return sum(geod.geometry_area_perimeter(orient(p))[0] for p in polygons) / 1e6


def red_line_km2(settings: Settings) -> dict[str, float] | None:
    """Red-line area of each unit and of REGION by code, overlapping polygons counted once; None where ``tables.red_line`` is not set."""
    if settings.tables.red_line is None:
        return None
    lines, units = load_vector(settings, "tables.red_line").union_all(), with_unions(load_units(settings))
    shapely.prepare(lines)
    parts = shapely.intersection(units.geometry.values, lines)
    areas = np.array([geodesic_area_km2(part) for part in parts])
    return dict(zip(units.adcode, areas.tolist(), strict=True)) | {REGION: float(areas[units.in_region].sum())}


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``red_line_km2``: area of red-line polygons in the unit, None without the table."""
    area = red_line_km2(settings)

    def of(adcode: str, period: str) -> float | None:
        return area and area.get(adcode, 0.0)

    return {"red_line_km2": of}


def _red_line(facts: Facts) -> Estimate:
    """Red-line area in the unit, km2: geometry of the supplied polygons, on the ellipsoid."""
    if facts["red_line_km2"] is None:
        return missing("needs_table", "needs red-line polygons (tables.red_line)")
    return Estimate(Interval(facts["red_line_km2"]), 1.0, "", "polygons inside the unit; the sea beyond it is left out")


INDICATORS = (
    Indicator(
        "red_line_area", "Area of the supplied ecological red line", "km2", "red_line", "up", _red_line,
        formula="geodesic area of the polygons of tables.red_line inside the unit, overlaps counted once",
    ),
)  # fmt: skip
