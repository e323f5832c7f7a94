"""Compares side files with the units of the run. Where all places lie outside, or no code is that of a unit, the file is refused; where some do, a warning is
logged."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from rs_pipeline.errors import ConfigError, TableError

log = logging.getLogger(__name__)


def _span(bounds: np.ndarray) -> str:
    west, south, east, north = bounds
    return f"{west:.4g} to {east:.4g} E, {south:.4g} to {north:.4g} N"


def check_places(lon: Sequence[float], lat: Sequence[float], units: gpd.GeoDataFrame | None, where: str) -> None:
    """Compare places (WGS 84, degrees) with the bounding box of the units; warn of those outside.

    Raises
    ------
    TableError : all lie outside.
    """
    if units is None or not len(lon):
        return
    x, y = np.asarray(lon, "float64"), np.asarray(lat, "float64")
    west, south, east, north = units.total_bounds
    inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    if not inside.any():
        exchanged = ((y >= west) & (y <= east) & (x >= south) & (x <= north)).all()
        raise TableError(
            f"none of its {len(x)} places lies in the region ({_span(units.total_bounds)}), the first is ({x[0]:g}, {y[0]:g})"
            + (": longitude and latitude are exchanged" if exchanged else ""),
            where=where,
            remedy="exchange the names lon and lat in the header" if exchanged else "give longitude and latitude in degrees, or state inputs.<key>.crs",
        )
    if not inside.all():
        log.warning("%s: %d of %d places lie outside the region, the first is (%g, %g)", where, (~inside).sum(), len(x), x[~inside][0], y[~inside][0])


def check_meets(shapes: gpd.GeoDataFrame, units: gpd.GeoDataFrame | None, where: str) -> None:
    """Compare shapes in EPSG:4326 with the bounding box of the units. A file of another region gives only a warning: it has no effect on the results.

    Raises
    ------
    ConfigError : the shapes meet the box only with the axes exchanged.
    """
    if units is None or shapes.empty or shapely.box(*units.total_bounds).intersects(shapely.box(*shapes.total_bounds)):
        return
    west, south, east, north = shapes.total_bounds
    if shapely.box(*units.total_bounds).intersects(shapely.box(south, west, north, east)):
        raise ConfigError(f"its axes are exchanged ({_span(shapes.total_bounds)})", where=where, remedy="export it with longitude first")
    log.warning("%s: lies outside the region (%s), in %s", where, _span(units.total_bounds), _span(shapes.total_bounds))


def check_codes(codes: Sequence[str], units: gpd.GeoDataFrame | None, where: str) -> None:
    """Compare the codes of a table with those of the units; warn of unknown ones.

    Raises
    ------
    TableError : none of them is the code of a unit.
    """
    if units is None or not len(units):
        return
    known = set(units.adcode)
    unknown = list(dict.fromkeys(c for c in codes if c not in known))
    if unknown and len(unknown) == len(set(codes)):
        raise TableError(
            f"none of its codes is that of a unit: {', '.join(unknown[:5])}", where=where, remedy=f"use the codes of units.path, such as {units.adcode.iloc[0]}"
        )
    if unknown:
        log.warning("%s: %d codes are not those of units: %s", where, len(unknown), ", ".join(unknown[:5]))
