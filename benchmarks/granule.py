"""One granule of Sentinel-2 as Earth Search serves it: full-size COGs of simulated content, written once outside the repository, and items with the
structure of recorded ones.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.shutil import copy
from rasterio.warp import transform_bounds

CRS, LEFT, TOP, CODE = "EPSG:32650", 630_000.0, 4_460_040.0, "50TPK"
"""Moved from the place of real granules, so that one holds both counties of ``config/hebei-quick.yaml``."""

SHORE = ((705_590.0, 4_403_870.0), (722_270.0, 4_419_890.0))
"""Two points of a straight coast, near that of Beidaihe; the sea lies to its south-east."""

HEIGHT_TILES = ((39, 118), (39, 119), (40, 118), (40, 119))
"""South and west of the tiles of heights, degrees."""

HEIGHTS_PX = 3600
"""Side of a tile of heights, pixels."""

SIZE_PX, BLOCK_PX = 10_980, 1024
"""Side of a 10 m band and of its blocks, pixels."""

BANDS = {
    "blue": ("B02.tif", 10, 0.490), "green": ("B03.tif", 10, 0.560), "red": ("B04.tif", 10, 0.665), "nir": ("B08.tif", 10, 0.842),
    "rededge1": ("B05.tif", 20, 0.704), "swir16": ("B11.tif", 20, 1.610), "swir22": ("B12.tif", 20, 2.190), "scl": ("SCL.tif", 20, 0.0),
}  # fmt: skip
"""Asset key: file, pixel size (m), wavelength (µm)."""

_REFL = {
    "blue": (0.04, 0.06, 0.11), "green": (0.07, 0.06, 0.13), "red": (0.05, 0.04, 0.15), "nir": (0.38, 0.02, 0.20),
    "rededge1": (0.12, 0.03, 0.16), "swir16": (0.20, 0.01, 0.26), "swir22": (0.10, 0.01, 0.22),
}  # fmt: skip
"""Reflectance of fields, water and built-up land."""

_FIELD_PX = 32
_NOISE = 25
"""Standard deviation, digital numbers: it makes a file about 1.6 bytes a pixel, like recorded ones."""


def cogs(folder: Path, size_px: int = SIZE_PX, block_px: int = BLOCK_PX) -> dict[str, Path]:
    """File name to path of the COGs (deflate with predictor, overviews); existing files are reused. The full size takes about 1 GB and some minutes."""
    folder = folder / f"{CODE}-{size_px}-{block_px}"
    folder.mkdir(parents=True, exist_ok=True)
    for asset, (name, step_m, _) in BANDS.items():
        if not (folder / name).exists():
            about = {"nodata": 0, "crs": CRS, "transform": Affine(step_m, 0, LEFT, 0, -step_m, TOP)}
            _write(folder / name, _pixels(asset, size_px * 10 // step_m, step_m), block_px, **about)
    return {name: folder / name for name, _, _ in BANDS.values()}


def _pixels(asset: str, n: int, step_m: int) -> np.ndarray:
    """Fields, some of them built up, a lake in every square of 10 km, and the sea; the same ground in every band."""
    px = _FIELD_PX * 10 // step_m
    m = -(-n // px)
    ground = np.where(np.random.default_rng(3).random((m, m)) < 0.2, 2, 0)
    y, x = (np.mgrid[:m, :m] * px + px / 2) * step_m
    ground[(x % 10_000 - 5_000) ** 2 + (y % 10_000 - 5_000) ** 2 < 1_500**2] = 1
    if asset == "scl":
        classes = np.kron(np.choose(ground, (4, 6, 5)), np.ones((px, px), int))[:n, :n]
        return np.where(_is_sea(np.arange(n), n, step_m), 6, classes).astype("uint8")
    refl = np.choose(ground, _REFL[asset]) * np.random.default_rng(4).uniform(0.85, 1.15, (m, m))
    values, rng = np.empty((n, n), "uint16"), np.random.default_rng([5, sorted(BANDS).index(asset)])
    for row in range(m):
        part = values[row * px : (row + 1) * px]
        here = np.where(_is_sea(np.arange(row * px, row * px + len(part)), n, step_m), _REFL[asset][1], np.repeat(refl[row], px)[:n])
        part[:] = np.clip(here * 1e4 + rng.normal(0, _NOISE, part.shape), 1, 65_535)
    return values


def _is_sea(rows: np.ndarray, n_cols: int, step_m: int) -> np.ndarray:
    """bool (rows, n_cols)."""
    (x1, y1), (x2, y2) = SHORE
    x, y = LEFT + (np.arange(n_cols) + 0.5) * step_m, TOP - (rows[:, None] + 0.5) * step_m
    return (x - x1) * (y2 - y1) > (y - y1) * (x2 - x1)


def _write(path: Path, values: np.ndarray, block_px: int, **about: Any) -> None:
    about |= {"width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": values.dtype}
    beside = path.with_suffix(f".{os.getpid()}.part")
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", **about) as out:
            out.write(values, 1)
        with memory.open() as dataset:
            copy(dataset, beside, driver="COG", compress="deflate", predictor="YES", blocksize=block_px, overview_resampling="nearest")
    os.replace(beside, path)


def heights(folder: Path) -> tuple[dict[str, Path], list[dict]]:
    """Copernicus GLO-30 of the four degrees that the granule meets: file name to path of the COGs, and their items. Existing files are reused."""
    folder.mkdir(parents=True, exist_ok=True)
    files, items = {}, []
    for south, west in HEIGHT_TILES:
        name = f"Copernicus_DSM_COG_10_N{south:02d}_00_E{west:03d}_00_DEM"
        path = folder / f"{name}.tif"
        if not path.exists():
            about = {"crs": "EPSG:4326", "transform": Affine(1 / HEIGHTS_PX, 0, west, 0, -1 / HEIGHTS_PX, south + 1)}
            _write(path, _hills(south, west), BLOCK_PX, **about)
        files[path.name] = path
        items.append(_height_item(name, south, west))
    return files, items


def _hills(south: int, west: int) -> np.ndarray:
    """Ridges that rise to the north, with the noise that makes a file about 2.6 bytes a pixel, like real ones."""
    step = (np.arange(HEIGHTS_PX) + 0.5) / HEIGHTS_PX
    lat, lon = (south + 1 - step)[:, None], west + step[None, :]
    relief = np.clip((lat - 39.75) * 600, 0, None) * (1 + np.sin(lon * 130) * np.sin(lat * 170))
    return (5 + relief + np.random.default_rng([south, west]).normal(0, 0.05, relief.shape)).astype("float32")


def _height_item(name: str, south: int, west: int) -> dict:
    corners = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "cop-dem-glo-30",
        "bbox": [west, south, west + 1, south + 1],
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "properties": {"datetime": "2021-04-22T00:00:00Z", "gsd": 30, "proj:epsg": 4326},
        "links": [],
        "assets": {"data": {"href": f"{{url}}/{name}/{name}.tif", "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"]}},
    }


def item(day: str, size_px: int = SIZE_PX) -> dict:
    """The item of a day (``2024-05-01``); its hrefs begin with ``{url}``, which the server replaces."""
    name = f"S2A_{CODE}_{day.replace('-', '')}_0_L2A"
    west, south, east, north = transform_bounds(CRS, 4326, LEFT, TOP - size_px * 10, LEFT + size_px * 10, TOP)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "sentinel-2-l2a",
        "bbox": [west, south, east, north],
        "geometry": {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]},
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
        ],
        "properties": {
            "datetime": f"{day}T03:05:11.276000Z",
            "created": f"{day}T12:00:00.000Z",
            "updated": f"{day}T12:00:00.000Z",
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "eo:cloud_cover": 3.5,
            "proj:epsg": int(CRS.split(":")[1]),
            "grid:code": f"MGRS-{CODE}",
            "mgrs:utm_zone": int(CODE[:2]),
            "mgrs:latitude_band": CODE[2],
            "mgrs:grid_square": CODE[3:],
            "view:sun_azimuth": 155.0,
            "view:sun_elevation": 55.0,
            "s2:processing_baseline": "05.10",
            "s2:product_type": "S2MSI2A",
            "s2:datatake_id": f"GS2A_{day.replace('-', '')}T025551_046700_N05.10",
            "s2:product_uri": f"S2A_MSIL2A_{day.replace('-', '')}T025551_N0510_R132_T{CODE}_{day.replace('-', '')}T064300.SAFE",
            "s2:generation_time": f"{day}T06:43:00.000000Z",
            "earthsearch:boa_offset_applied": True,
        },
        "links": [{"rel": "self", "type": "application/geo+json", "href": f"{{url}}/v1/collections/sentinel-2-l2a/items/{name}"}],
        "assets": {asset: _asset(name, asset, size_px) for asset in BANDS}
        | {
            "thumbnail": {"href": f"{{url}}/{name}/preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
            "red-jp2": {"href": f"s3://sentinel-s2-l2a/tiles/50/S/MJ/{day}/0/R10m/B04.jp2", "type": "image/jp2", "roles": ["data", "reflectance"]},
        },
    }


def _asset(name: str, asset: str, size_px: int) -> dict:
    file, step_m, wavelength_um = BANDS[asset]
    n = size_px * 10 // step_m
    band = {"nodata": 0, "data_type": "uint8" if asset == "scl" else "uint16", "spatial_resolution": step_m}
    return {
        "href": f"{{url}}/{name}/{file}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data", "reflectance"],
        "proj:shape": [n, n],
        "proj:transform": [step_m, 0, LEFT, 0, -step_m, TOP],
        "raster:bands": [band if asset == "scl" else {**band, "bits_per_sample": 15, "scale": 0.0001, "offset": -0.1}],
        **({} if asset == "scl" else {"gsd": step_m, "eo:bands": [{"name": asset, "common_name": asset, "center_wavelength": wavelength_um}]}),
    }
