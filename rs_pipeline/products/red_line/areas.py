"""Area of the supplied ecological red line: inside the units, at sea beyond them, and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from shapely.geometry.polygon import orient

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.inputs.cells import is_missing, truth_of
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.region import families, load_units, own_ground, prefecture_codes, with_totals, with_unions

TOUCHING_M = 1.0
"""Units at most this much further from a piece than the nearest unit count as equally near; of these, the one nearest to its inner point gets it."""


@dataclass(frozen=True)
class RedLineArea:
    """Red line of a unit or of the region, km2 on the WGS 84 ellipsoid."""

    inside_km2: float
    sea_km2: float
    """At sea beyond all units: pieces whose nearest unit this is."""
    elsewhere_km2: float = 0.0
    """In no unit and not at sea, as in neighbouring provinces; given for the region only, and in no total."""


def geodesic_area_km2(geometry: shapely.Geometry) -> float:
    """Area on the WGS 84 ellipsoid (Karney 2013, J. Geod. 87:43) of the polygons of a geometry in degrees; lines and points have none."""
    geod = pyproj.Geod(ellps="WGS84")
    polygons = [g for g in shapely.get_parts(geometry) if g.geom_type == "Polygon" and not g.is_empty]
    return sum(geod.geometry_area_perimeter(orient(p))[0] for p in polygons) / 1e6


def load_red_line(settings: Settings) -> gpd.GeoDataFrame:
    """The polygons of ``tables.red_line`` in EPSG:4326 with ``marine``: True, False, or None where the file does not say.

    Raises
    ------
    ConfigError : the file cannot be used, or a cell of its column ``marine`` is neither yes nor no.
    """
    lines, path = load_vector(settings, "tables.red_line"), settings.tables.red_line
    said = lines["marine"] if "marine" in lines else pd.Series(None, lines.index, dtype="object")
    return lines[["geometry"]].assign(marine=[_marine(value, f"tables.red_line: {path}, feature {n}") for n, value in enumerate(said, start=1)])


def _marine(value: object, where: str) -> bool | None:
    if pd.isna(value) or is_missing(str(value)):
        return None
    try:
        return truth_of(f"{value:g}" if isinstance(value, int | float | np.number) else str(value))
    except ValueError as fault:
        raise ConfigError(f"column marine: {fault}", where=where, remedy="write yes, no, or nothing where the map of the sea is to decide") from None


def known_sea(settings: Settings) -> shapely.Geometry:
    """The sea as the run's water maps show it, in EPSG:4326; empty where the run has no sea."""
    path = Layout(settings.root).bodies
    if not path.exists():
        return shapely.MultiPolygon()
    bodies = pyogrio.read_dataframe(path, layer="bodies", columns=["body_id", "kind"], where="kind = 'sea'")
    return bodies.drop_duplicates("body_id").to_crs(4326).union_all()


def red_line_areas(settings: Settings) -> dict[str, RedLineArea] | None:
    """Red line of each unit, each prefecture and of REGION by code, overlapping polygons counted once; None where ``tables.red_line`` is not set.

    Red line beyond all units is at sea where its polygon says so (``marine``) or, where it says nothing, where the run's sea is. A connected
    piece at sea counts for the nearest unit and for the units that contain that unit; for the region once.
    """
    if settings.tables.red_line is None:
        return None
    lines, units = load_red_line(settings), load_units(settings)
    rows, every = with_unions(units), lines.union_all()
    shapely.prepare(every)
    rows = rows.assign(inside_km2=[geodesic_area_km2(part) for part in shapely.intersection(rows.geometry.values, every)])
    inside_km2 = with_totals(pd.DataFrame(rows.drop(columns="geometry")), ["inside_km2"], prefecture_codes(units)).set_index("adcode").inside_km2.to_dict()
    beyond = shapely.difference(every, units.union_all())
    sea = _at_sea(lines, beyond, settings) if beyond.area else shapely.MultiPolygon()
    at_sea = _by_nearest(sea, units)
    found = {code: RedLineArea(inside_km2[code], sum(at_sea.get(c, 0.0) for c in family)) for code, family in families(units).items()}
    total, outside = geodesic_area_km2(sea), geodesic_area_km2(beyond)
    return found | {REGION: RedLineArea(inside_km2[REGION], total, max(outside - total, 0.0))}


def _at_sea(lines: gpd.GeoDataFrame, beyond: shapely.Geometry, settings: Settings) -> shapely.Geometry:
    """The part of ``beyond``, the red line outside all units, that lies at sea."""
    said, unsaid = (lines.geometry[where].union_all() for where in (lines.marine.eq(True), lines.marine.isna()))
    return shapely.intersection(beyond, shapely.union(said, shapely.intersection(unsaid, known_sea(settings))))


def _by_nearest(sea: shapely.Geometry, units: gpd.GeoDataFrame) -> dict[str, float]:
    """km2 of the connected pieces by the code of the nearest unit."""
    pieces = [g for g in shapely.get_parts(sea) if g.geom_type == "Polygon"]
    found: dict[str, float] = {}
    if not pieces:
        return found
    crs, owners = units.estimate_utm_crs(), own_ground(units)
    shapes = owners.to_crs(crs).geometry.values
    for piece, flat in zip(pieces, gpd.GeoSeries(pieces, crs=4326).to_crs(crs), strict=True):
        away = shapely.distance(shapes, flat)
        nearest = np.flatnonzero(away <= away.min() + TOUCHING_M)
        code = owners.adcode.iloc[nearest[shapely.distance(shapes[nearest], flat.representative_point()).argmin()]]
        found[code] = found.get(code, 0.0) + geodesic_area_km2(piece)
    return found
