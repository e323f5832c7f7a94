"""Opens rasters that the pipeline did not write: those of archives, servers and a shared cache, and those that users hand in.

A raster can make GDAL open other files: by its format (VRT, WMS), its name (``/vsicurl/…``), files beside it, metadata inside it, and its CRS.
GDAL opens these with any driver and by requests of its own. So only two formats are allowed, only files of the disk, without the files beside them, and with
metadata that name no file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import CRSError, RasterioIOError

from rs_pipeline.errors import RasterError
from rs_pipeline.storage.headers import driver_by_header
from rs_pipeline.storage.special import special_kind

ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": False}
"""GDAL options by which files beside a raster are ignored (.aux.xml, .ovr, .msk, .tfw)."""

_LEADING_DOMAINS = ("OVERVIEWS", "GEOLOCATION")
"""Metadata domains by which GDAL opens other files: as overviews, and as coordinates for a warp."""

_NAMED_FILE = re.compile(r'\b(?:EXTENSION|PARAMETERFILE)\s*\[\s*"(?:[^"]|"")*"\s*,\s*"(?:[^"]|"")*[/\\]', re.IGNORECASE)
"""A datum shift grid in the WKT of a CRS, with a path or URL; PROJ opens it for the first point. Names without a path are of PROJ's own data."""

_NO_PATH = re.compile(r"/vsi|[a-z][a-z0-9_+.-]+:", re.IGNORECASE)


def leads_elsewhere(name: str) -> bool:
    """Whether GDAL would take a name for more than a path: a virtual file system, or a scheme.

    >>> [leads_elsewhere(name) for name in ("/vsicurl/http://x/a.tif", "GTIFF_DIR:1:a.tif", "http://x/a.tif", "maps/a.tif", "/data/a.tif")]
    [True, True, True, False, False]
    """
    return bool(_NO_PATH.match(name))


@contextmanager
def foreign_raster(path: str | Path, **options: Any) -> Iterator[rasterio.DatasetReader]:
    """A foreign raster on a disk, open for reading: a TIFF or a JPEG 2000.

    Raises
    ------
    RasterError : it refers to other files, or its structure exceeds the limits of `storage.headers`. RasterioIOError : it is no regular file, has another
        format, or is damaged.
    """
    name = "/" + os.path.abspath(path).lstrip("/")
    if leads_elsewhere(name) or not os.path.isfile(name):
        raise RasterioIOError(f"{path}: {special_kind(path) or 'no such file'}")
    with opened_alone(name, _driver_of_file(name), **options) as dataset:
        yield dataset


@contextmanager
def opened_alone(name: str, driver: str, **options: Any) -> Iterator[rasterio.DatasetReader]:
    """A foreign raster whose header was checked, opened by GDAL without the files beside it.

    Raises
    ------
    RasterError : its metadata or its CRS refer to other files. RasterioIOError : it cannot be opened.
    """
    with rasterio.Env(**ALONE), rasterio.open(name, driver=driver, **options) as dataset:
        _see_alone(dataset, name)
        yield dataset


def _driver_of_file(name: str) -> str:
    try:
        with open(name, "rb") as file:

            def read(at: int, size: int) -> bytes:
                file.seek(at)
                return file.read(size)

            return driver_by_header(read, name)
    except (OSError, OverflowError) as fault:
        raise RasterioIOError(str(fault)) from fault


def _see_alone(dataset: rasterio.DatasetReader, where: str) -> None:
    """Raise where a raster refers to other files; called before its overviews, mask or pixels are read."""
    for domain in _LEADING_DOMAINS:
        if dataset.tags(ns=domain):
            remedy = "write it anew without them, with gdal_translate -of COG -nomd"
            raise RasterError(f"its metadata name other files ({domain}), which GDAL would open", where=where, remedy=remedy)
    for crs in (dataset.crs, dataset.gcps[1]):
        if crs is not None and _names_file(crs):
            remedy = "give it a CRS of a register, e.g. with gdal_edit.py -a_srs EPSG:4326"
            raise RasterError("its CRS names a file, which PROJ would open", where=where, remedy=remedy)


def _names_file(crs: rasterio.crs.CRS) -> bool:
    """Whether a CRS names a file; True where it cannot be converted to WKT."""
    try:
        return bool(_NAMED_FILE.search(crs.to_wkt()))
    except CRSError:
        return True
