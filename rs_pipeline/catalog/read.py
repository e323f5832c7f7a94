"""Opening of remote and local rasters: signed, limited, retried."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from rs_pipeline.catalog.sign import signed
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RasterError

Result = TypeVar("Result")

FAULTS = (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError)
"""What reading a damaged or unreachable raster may raise."""

_PERMANENT = re.compile(r"\b(400|401|404|410)\b|does not exist|no such file|not recognized|not a supported|bad file", re.IGNORECASE)


def driver_of(href: str) -> str:
    """GDAL driver for an href: JPEG 2000 by suffix, else GeoTIFF. Virtual formats, which can name other files, are never opened."""
    return "JP2OpenJPEG" if urlsplit(href).path.lower().endswith((".jp2", ".j2k")) else "GTiff"


def gdal_options(limits: FetchSection) -> dict[str, object]:
    """GDAL options of every read: no directory listings, no sidecar files, one thread, timeouts."""
    return {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_NUM_THREADS": 1,
        "GDAL_HTTP_TIMEOUT": limits.timeout_s,
        "GDAL_HTTP_CONNECTTIMEOUT": min(limits.timeout_s, 30),
        "GDAL_HTTP_MAX_RETRY": 0,
        "GDAL_HTTP_MULTIRANGE": "YES",
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        "GDAL_PAM_ENABLED": False,
        "VSI_CACHE": False,
    }


def is_transient(fault: BaseException, href: str) -> bool:
    """Whether another try may help: the file is remote and the server did not say that it has none."""
    return href.startswith(("https://", "http://", "s3://")) and not _PERMANENT.search(str(fault))


def retrying(read: Callable[[], Result], href: str, limits: FetchSection, pause: Callable[[float], None] = time.sleep) -> Result:
    """Call ``read``; on a transient fault wait 1, 2, 4 … seconds (plus up to half as much again) and try again."""
    for attempt in range(limits.retries + 1):
        try:
            return read()
        except FAULTS as fault:
            if attempt == limits.retries or not is_transient(fault, href):
                raise
            pause(min(2.0**attempt, 60.0) * random.uniform(1.0, 1.5))
    raise AssertionError("unreachable")


@contextmanager
def open_raster(href: str, sign: str, limits: FetchSection, expected_m: float) -> Iterator[rasterio.DatasetReader]:
    """Open a raster for reading, after signing, and check it against the declared limits.

    Parameters
    ----------
    expected_m : native pixel size the sensor table states, metres.

    Raises
    ------
    RasterError : more pixels than allowed, no CRS, not north-up, or pixels much finer than the table states.
    """
    url = signed(href, sign)
    # GDAL remembers that a URL failed; a retry has to ask again.
    fresh = {"CPL_VSIL_CURL_NON_CACHED": f"/vsicurl/{url}"} if url.startswith("http") else {}
    with rasterio.Env(**gdal_options(limits), **fresh), rasterio.open(url, driver=driver_of(href)) as dataset:
        pixels = dataset.width * dataset.height
        if pixels > limits.max_pixels:
            raise RasterError(f"{pixels} pixels, the limit is {limits.max_pixels}", where=href, remedy="raise fetch.max_pixels if this is right")
        if dataset.crs is None:
            raise RasterError("the raster has no CRS", where=href)
        t = dataset.transform
        if t.b or t.d or t.a <= 0 or t.e >= 0:
            raise RasterError("the raster is not north-up", where=href)
        step_m = min(t.a, -t.e) * (111_320.0 if dataset.crs.is_geographic else 1.0)
        if step_m < expected_m / 2:
            raise RasterError(f"pixels of {step_m:g} m, the sensor table says {expected_m:g} m", where=href)
        if dataset.dtypes[0].startswith("complex"):
            raise RasterError("complex numbers", where=href)
        yield dataset
