"""GeoPackages of one layer: the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyogrio

from rs_pipeline.storage.atomic import atomic_path

GPKG_TIME = "1970-01-01T00:00:00.000Z"
"""Time that a GeoPackage says it was changed at: the same always, so that the same content gives the same file. When it was made the journal tells."""


def write_layer(table: gpd.GeoDataFrame, path: Path, layer: str, geometry_type: str | None = None, finish: Callable[[Path], None] | None = None) -> None:
    """Write a GeoPackage of one layer, whole or not at all; the same rows give the same bytes.

    Parameters
    ----------
    geometry_type : of the layer, to which single geometries are promoted; default what the rows have.
    finish : what is done to the file before it takes its name.
    """
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    with atomic_path(path) as part:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": GPKG_TIME})
        try:
            pyogrio.write_dataframe(
                table, part, layer=layer, driver="GPKG", geometry_type=geometry_type, promote_to_multi=(geometry_type or "").startswith("Multi")
            )
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
        if finish:
            finish(part)
