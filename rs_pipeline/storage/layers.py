"""Writes GeoPackages reproducibly: the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import pyogrio

from rs_pipeline.storage.atomic import atomic_path

GPKG_TIME = "1970-01-01T00:00:00.000Z"
"""Time of change stored in every GeoPackage, constant so that the same content gives the same file; the journal has the real time."""


def write_layer(
    table: gpd.GeoDataFrame,
    path: Path,
    layer: str,
    geometry_type: str | None = None,
    finish: Callable[[Path], None] | None = None,
    further: Mapping[str, gpd.GeoDataFrame] | None = None,
) -> None:
    """Write a GeoPackage atomically; the same rows give the same bytes.

    Parameters
    ----------
    geometry_type : geometry type of the layers; if a multi type, single geometries are promoted to it. Default: that of the rows.
    further : further layers, by name.
    finish : called with the path of the finished file before it is renamed to ``path``.
    """
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    with atomic_path(path) as part:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": GPKG_TIME})
        try:
            for name, rows in {layer: table, **(further or {})}.items():
                pyogrio.write_dataframe(
                    rows, part, layer=name, driver="GPKG", geometry_type=geometry_type, promote_to_multi=(geometry_type or "").startswith("Multi")
                )
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
        if finish:
            finish(part)
