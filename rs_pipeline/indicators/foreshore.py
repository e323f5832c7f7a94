"""The ground before the coast of a unit. Outlines of counties end somewhere on the beach, and most tidal flats lie beyond them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.estimation.estimate import FORESHORE

FORESHORE_M = 10_000.0
"""How far before a unit flats count as its own; the flats of the Bohai are up to 8 km wide."""
OUTLINE_STEP_M = 250.0
"""Distance between the points of the outlines that are compared; the border between two foreshores is right to half of it."""
TOUCH_M = 50.0
"""A point of the common outline belongs to the units that are this near: outlines of neighbours that were drawn separately do not meet."""


def foreshores(units: gpd.GeoDataFrame, others: gpd.GeoSeries, crs: str) -> gpd.GeoDataFrame:
    """The ground outside all units that is within FORESHORE_M of a unit and nearer to it than to any other: rows of ``units`` with the column ``zone``
    FORESHORE and that ground as geometry, EPSG:4326. Units without any are left out. It is land as well as sea: what is asked of it is the sea alone.

    Parameters
    ----------
    units : columns of `region.with_unions`; those that overlap, which are not ``in_region``, may share a foreshore. others : areas around them, which have foreshores of their own.
    crs : a CRS in metres.
    """
    shapes = units.to_crs(crs).geometry
    around = others.to_crs(crs)
    left, bottom, right, top = shapely.bounds(shapely.buffer(shapely.box(*shapes.total_bounds), 2 * FORESHORE_M))
    all_ground = shapely.union_all([*shapes, *shapely.clip_by_rect(around.to_numpy(), left, bottom, right, top)])
    points = shapely.points(np.unique(shapely.get_coordinates(shapely.segmentize(all_ground.boundary, OUTLINE_STEP_M)), axis=0))
    outside = shapely.difference(shapely.buffer(shapes.union_all(), FORESHORE_M), all_ground)
    cells = np.array(shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=outside)))
    point, cell = shapely.STRtree(cells).query(points, predicate="within")
    cell_of = np.empty(len(points), int)
    cell_of[point] = cell
    near = np.array([shapely.dwithin(points, shape, TOUCH_M) for shape in shapes])
    counted = units.in_region.to_numpy(bool)
    near[counted] &= near[counted].cumsum(axis=0) == 1  # a point of two neighbours belongs to the first, so that no ground counts twice
    own = [shapely.intersection(shapely.union_all(cells[cell_of[found]]), outside) for found in near]
    table = units.assign(zone=FORESHORE).set_geometry(gpd.GeoSeries(own, units.index, crs=crs)).to_crs(units.crs)
    return table[~table.is_empty]


def landlocked(table: pd.DataFrame) -> pd.Series:
    """Which rows of a table of sums (``zone``, ``sea_m2``) are foreshores without sea, bool: the ground beyond the inland borders of a unit."""
    return (table.zone == FORESHORE) & ~table.filter(["sea_m2"]).gt(0).any(axis=1)
