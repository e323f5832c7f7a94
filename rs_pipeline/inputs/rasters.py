"""Rasters that users hand in: opened after their size has been checked, and read on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from rs_pipeline.errors import ConfigError
from rs_pipeline.model import Grid
from rs_pipeline.storage.blocks import check_blocks
from rs_pipeline.storage.foreign import foreign_raster


@contextmanager
def checked_raster(path: Path, where: str, remedy: str) -> Iterator[rasterio.DatasetReader]:
    """A raster of the user's, open for reading.

    Parameters
    ----------
    where : key and file, for the error. remedy : remedy of the error where it cannot be read.

    Raises
    ------
    ConfigError : it cannot be opened or, later, read; it has no CRS or no georeference.
    RasterError : its blocks do not fit into memory; else as `foreign_raster`.
    """
    try:
        check_blocks(path)
        with foreign_raster(path) as source:
            if source.crs is None:
                raise ConfigError("the raster has no CRS", where=where, remedy=f"assign one, e.g. `gdal_edit.py -a_srs EPSG:4326 {path.name}`")
            if source.transform.is_identity:
                words = "the raster does not say where it lies; files beside it, such as .tfw, are not read"
                raise ConfigError(words, where=where, remedy=f"write them into it, e.g. `gdal_translate -of COG {path.name} {path.stem}_cog.tif`")
            yield source
    except rasterio.errors.RasterioIOError as fault:
        raise ConfigError(f"cannot be read as a raster: {fault}", where=where, remedy=remedy) from None


def raster_on(path: Path, key: str, grid: Grid) -> np.ndarray:
    """The first band of a raster on a grid, bilinear, float32 (h, w), NaN where it has no value.

    Raises
    ------
    ConfigError : it cannot be read.
    """
    try:
        with foreign_raster(path) as source:
            return warped_onto(source, grid)
    except rasterio.errors.RasterioError as fault:
        raise ConfigError(f"cannot be read: {fault}", where=f"{key}: {path}", remedy="give a raster with a CRS") from None


def warped_onto(source: rasterio.DatasetReader, grid: Grid) -> np.ndarray:
    """The first band of an open raster on a grid, bilinear, float32 (h, w), NaN where it has no value.

    Raises
    ------
    rasterio.errors.RasterioError : it cannot be read, or has no CRS.
    """
    with WarpedVRT(
        source,
        crs=grid.crs,
        transform=grid.transform,
        width=grid.width,
        height=grid.height,
        resampling=Resampling.bilinear,
        src_nodata=source.nodata,
        nodata=np.nan,
        dtype="float32",
    ) as warped:
        return warped.read(1)
