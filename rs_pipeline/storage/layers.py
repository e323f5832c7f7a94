"""GeoPackages: the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import pyogrio

from rs_pipeline.storage.atomic import atomic_path

GPKG_TIME = "1970-01-01T00:00:00.000Z"
"""Time that a GeoPackage says it was changed at: the same always, so that the same content gives the same file. When it was made the journal tells."""


def write_layer(
    table: gpd.GeoDataFrame,
    path: Path,
    layer: str,
    geometry_type: str | None = None,
    finish: Callable[[Path], None] | None = None,
    further: Mapping[str, gpd.GeoDataFrame] | None = None,
) -> None:
    """Write a GeoPackage of one layer, whole or not at all; the same rows give the same bytes.

    Parameters
    ----------
    geometry_type : of the layers, to which single geometries are promoted; default what the rows have.
    further : layers that follow the first, by name.
    finish : what is done to the file before it takes its name.
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
