"""Heights of a region from a STAC API, for terrain shadows and soil loss: verb ``heights``, which a person calls, and step ``terrain`` of a run."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window, intersect

from rs_pipeline.catalog.address import allowed_schemes, is_api, may_be_internal
from rs_pipeline.catalog.api import api_items
from rs_pipeline.catalog.items import Refusal, clean_href, served_item
from rs_pipeline.catalog.read import open_raster, retrying
from rs_pipeline.catalog.sign import PLANETARY_COMPUTER
from rs_pipeline.config import FetchSection, Settings, SourceSection
from rs_pipeline.errors import CatalogError, ConfigError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.region import load_units
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.raster import open_own
from rs_pipeline.storage.retry import job_name, mark_retry

log = logging.getLogger(__name__)

COLLECTION = "cop-dem-glo-30"
"""Copernicus DEM GLO-30, metres above EGM2008, as Earth Search and the Planetary Computer name it."""

REASON = "REASON"
"""Tag of a raster of heights without values: why there are none."""

HEIGHTS_PIXEL_M = 30.0
"""Pixel of the collection."""

MARGIN_DEG = 0.05
"""So much around the units is brought along: hills beyond them cast shadows into them, and slopes need neighbours."""

MOST_TILES = 2000
"""A request for more tiles of one degree is a mistake; China has some 1100."""

ALWAYS = (date(2000, 1, 1), date(2100, 1, 1))
"""Heights have no season; catalogs date them all alike."""

_PUBLIC_BUCKET = re.compile(r"s3://([a-z0-9-]+)/(.+)", re.IGNORECASE)
_ALIGNED = 1e-3
"""Pixels of tiles that lie closer to those of the first, in pixels, are the same."""


@dataclass(frozen=True)
class HeightTile:
    """The part of a tile within the region: ``height_m`` float32 (h, w), NaN without a value, and where it lies."""

    height_m: np.ndarray
    transform: Affine
    crs: CRS


def height_source(settings: Settings, catalog: str | None = None) -> SourceSection:
    """The STAC API to ask for heights: the one at an address, as the configuration's source of that address is signed and let in, or its first one.

    Raises
    ------
    ConfigError : no source is an API, and no address is given.
    """
    apis = [s for s in settings.sources if is_api(s.catalog)]
    if known := next((s for s in apis if catalog in (None, s.catalog)), None):
        return known
    if catalog is None:
        raise ConfigError("no source of the configuration is a STAC API", where="sources", remedy="give the address of one with --catalog")
    parts = urlsplit(catalog)
    return SourceSection(
        sensor=settings.sources[0].sensor,  # a source needs one, which plays no part here
        catalog=catalog,
        sign="planetary-computer" if parts.hostname == PLANETARY_COMPUTER else "none",
        schemes=["https", "http"] if parts.scheme == "http" else None,
    )


def bring_heights(source: SourceSection, bounds: tuple[float, ...], limits: FetchSection, path: Path) -> int:
    """Write the heights of a box as GeoTIFF, float32 metres in the CRS and pixels of the tiles, NaN where the catalog has none, as at sea; how many tiles.

    Parameters
    ----------
    source : a STAC API. bounds : west, south, east, north, degrees. path : a file there is replaced when the new one is whole.

    Raises
    ------
    CatalogError : the API cannot be asked, or has no heights there. RasterError : a tile cannot be read, or has other pixels than the first.
    """
    box = (bounds[0] - MARGIN_DEG, bounds[1] - MARGIN_DEG, bounds[2] + MARGIN_DEG, bounds[3] + MARGIN_DEG)
    hrefs = tile_hrefs(source, box, limits)
    first = _part(hrefs[0], source, limits, box)
    with atomic_path(path) as part, rasterio.open(part, "w", **_profile(first, box)) as out:
        for href in hrefs:
            tile = first if href == hrefs[0] else _part(href, source, limits, box)
            if tile.height_m.size:
                _write(out, tile, href)
    return len(hrefs)


def terrain(settings: Settings) -> None:
    """Write the heights around the units (`bring_heights`) to the run's folder; where they cannot be had, a raster without values whose tag REASON says
    why, and the next run asks again. A run needs no heights for its other maps, so it goes on."""
    path, bounds = settings.brought_heights, tuple(load_units(settings).total_bounds)
    assert path is not None, "a run that brings no heights has no such step"
    try:
        bring_heights(height_source(settings), bounds, settings.fetch, path)
    except (CatalogError, ConfigError, RasterError) as fault:
        log.warning("no heights: %s", " ".join(fault.what.split()))
        _write_nothing(path, bounds, " ".join(fault.what.split()))
        mark_retry(Layout(settings.root).retries, job_name("terrain"))


def why_no_heights(path: Path) -> str:
    """Why the run could not bring heights; empty where it did."""
    with open_own(path) as source:
        return source.tags().get(REASON, "")


def _write_nothing(path: Path, bounds: tuple[float, ...], reason: str) -> None:
    """A raster of one pixel over the box that knows no height."""
    west, south, east, north = bounds
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "crs": "EPSG:4326", "width": 1, "height": 1}
    transform = Affine(east - west, 0, west, 0, south - north, north)
    with atomic_path(path) as part, rasterio.open(part, "w", **profile, transform=transform) as out:
        out.write(np.full((1, 1), np.nan, "float32"), 1)
        out.update_tags(**{REASON: reason})


def tile_hrefs(source: SourceSection, box: tuple[float, ...], limits: FetchSection) -> list[str]:
    """Addresses of the tiles of a box, in the order of their items' ids.

    Raises
    ------
    CatalogError : the source is no API, has no tile there, or names one that must not be read.
    """
    if not is_api(source.catalog):
        raise CatalogError("heights are asked of a STAC API", where=source.catalog, remedy="give its address, or name a file of heights in soil.dem")
    items = [item for item in map(served_item, api_items(source, COLLECTION, box, [ALWAYS], limits, MOST_TILES)) if isinstance(item, dict)]
    found = dict(sorted((str(item.get("id")), _href(item, source)) for item in items))
    if not found:
        raise CatalogError(
            f"no heights there: the collection {COLLECTION} has no tile of the region",
            where=source.catalog,
            remedy="see that the catalog has the collection, or name a file of heights in soil.dem",
        )
    return list(found.values())


def _href(item: dict[str, Any], source: SourceSection) -> str:
    """The address of a tile. What lies in a public bucket is asked over https, which needs no account."""
    assets = item.get("assets")
    asset = next((assets[k] for k in ("data", "elevation", "dem") if k in assets), None) if isinstance(assets, dict) else None
    text = str(asset.get("href")) if isinstance(asset, dict) else ""
    if bucket := _PUBLIC_BUCKET.fullmatch(text):
        text = f"https://{bucket[1]}.s3.amazonaws.com/{bucket[2]}"
    try:
        return clean_href(text, allowed_schemes(source), may_be_internal(source))
    except Refusal as refusal:
        raise CatalogError(
            f"the tile {str(item.get('id'))[:80]!r} cannot be read: {refusal}", where=source.catalog, remedy="take another catalog with --catalog"
        ) from None


def _part(href: str, source: SourceSection, limits: FetchSection, box: tuple[float, ...]) -> HeightTile:
    """What a tile has of the box."""

    def read() -> HeightTile:
        with open_raster(href, source.sign, limits, HEIGHTS_PIXEL_M, internal=may_be_internal(source)) as dataset:
            if dataset.crs is None or not dataset.crs.is_geographic:
                raise RasterError("heights are expected in degrees", where=href, remedy="name a file of heights in soil.dem instead")
            whole = Window(0, 0, dataset.width, dataset.height)
            wanted = _pixels(box, dataset.transform)
            if not intersect(wanted, whole):
                return HeightTile(np.empty((0, 0), "float32"), dataset.transform, dataset.crs)
            window = wanted.intersection(whole)
            height = dataset.read(1, window=window, masked=True).astype("float32").filled(np.nan)
            return HeightTile(height, dataset.window_transform(window), dataset.crs)

    return retrying(read, href, limits, source.sign)


def _pixels(box: tuple[float, ...], transform: Affine) -> Window:
    """The pixels that a box touches; none that it touches by a rounding error alone."""
    (left, top), (right, bottom) = ~transform * (box[0], box[3]), ~transform * (box[2], box[1])
    col, row = math.floor(left + _ALIGNED), math.floor(top + _ALIGNED)
    return Window(col, row, math.ceil(right - _ALIGNED) - col, math.ceil(bottom - _ALIGNED) - row)


def _profile(tile: HeightTile, box: tuple[float, ...]) -> dict[str, Any]:
    """Of a raster over the box on the pixels of a tile."""
    wanted = _pixels(box, tile.transform)
    return {
        "driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "crs": tile.crs, "width": wanted.width, "height": wanted.height,
        "transform": tile.transform * Affine.translation(wanted.col_off, wanted.row_off), "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "predictor": 3, "bigtiff": "IF_SAFER", "sparse_ok": True,
    }  # fmt: skip


def _write(out: rasterio.io.DatasetWriter, tile: HeightTile, href: str) -> None:
    """Put a tile in its place."""
    shift = ~out.transform * tile.transform
    col, row = shift.c, shift.f
    if tile.crs != out.crs or max(abs(shift.a - 1) * out.width, abs(shift.e - 1) * out.height, abs(col - round(col)), abs(row - round(row))) > _ALIGNED:
        raise RasterError("its pixels are others than those of the first tile", where=href, remedy="bring the region in parts of one resolution")
    height, width = tile.height_m.shape
    out.write(tile.height_m, 1, window=Window(round(col), round(row), width, height))
