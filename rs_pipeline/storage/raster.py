"""Maps as Cloud-Optimised GeoTIFFs with named bands, nodata, units and provenance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.shutil import copy as raster_copy
from rasterio.windows import Window

from rs_pipeline.errors import MAKE_ROOM, DamagedError, RasterError, SpaceError
from rs_pipeline.model import Grid, MapBand
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.disk import disk_fault

BLOCK_PX = 256
"""Side of the internal blocks of every raster written."""


EIGHT_NEIGHBOURS = np.ones((3, 3), bool)
"""Structuring element of 8-connectivity: pixels that touch along a side or at a corner are connected."""


def open_own(path: Path, *, driver: str = "GTiff") -> rasterio.DatasetReader:
    """A raster that the pipeline wrote, open for reading; rasters of other origin are opened by `storage.foreign`."""
    return rasterio.open(path, driver=driver)


@contextmanager
def open_map(path: Path, grid: Grid, *, driver: str = "GTiff") -> Iterator[rasterio.DatasetReader]:
    """A raster of the run, open for reading: of a tile, or of the region.

    Raises
    ------
    DamagedError : it cannot be read, or has another grid, because it was made for other units or another resolution.
    """
    try:
        with open_own(path, driver=driver) as dataset:
            if dataset.crs != CRS.from_user_input(grid.crs) or dataset.shape != grid.shape or not dataset.transform.almost_equals(grid.transform, 1e-6):
                raise DamagedError(f"{path.name} lies on another grid than the run's ({dataset.bounds}, the grid's are {grid.bounds})", str(path))
            yield dataset
    except rasterio.errors.RasterioError as fault:
        raise DamagedError(f"{path.name} cannot be read: {fault}", str(path)) from fault


def read_piece(path: Path, whole: Grid, piece: Grid) -> np.ndarray:
    """The first band of a map of the region on a piece of its grid ``whole``, (h, w); NaN beyond the map.

    Raises
    ------
    DamagedError : as `open_map`.
    """
    row, col = round((whole.top - piece.top) / whole.resolution_m), round((piece.left - whole.left) / whole.resolution_m)
    with open_map(path, whole) as src:
        return src.read(1, window=Window(col, row, piece.width, piece.height), boundless=True, fill_value=np.nan)


def band_index(dataset: rasterio.DatasetReader, name: str) -> int:
    """Number (from 1) of the band of that name.

    Raises
    ------
    RasterError : the file has no such band.
    """
    if name not in dataset.descriptions:
        raise RasterError(f"no band {name!r} among {list(dataset.descriptions)}", where=dataset.name, remedy="make the map again with `rs-pipeline mosaic`")
    return dataset.descriptions.index(name) + 1


def profile(grid: Grid, count: int, dtype: str, nodata: float | None) -> dict:
    """Creation options of a tiled GeoTIFF on the grid, for files that later steps read.

    On the float maps of a tile-year zstd 1 with predictor 2 writes five times as fast as deflate 6 with predictor 3, and files are 9 % larger.
    """
    return {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": count,
        "dtype": dtype,
        "crs": grid.crs,
        "transform": grid.transform,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "compress": "zstd",
        "zstd_level": 1,
        "predictor": 2,
        "interleave": "band",
        "bigtiff": "if_safer",
    }


def describe_bands(dataset: rasterio.io.DatasetWriter, bands: Iterable[MapBand], tags: dict[str, str]) -> None:
    """Set names, units, descriptions and provenance tags."""
    dataset.update_tags(**tags)
    for i, band in enumerate(bands, start=1):
        dataset.set_band_description(i, band.name)
        dataset.set_band_unit(i, band.unit)
        dataset.update_tags(i, long_name=band.description)


def write_map(path: Path, grid: Grid, layers: Mapping[str, np.ndarray | Callable[[], np.ndarray]], bands: Iterable[MapBand], tags: dict[str, str]) -> None:
    """Write a tile map: float32, NaN is nodata, one band per layer in the order of ``bands``. A layer is an array, or a function that makes it when it is
    written, so that not all are in memory.

    Raises
    ------
    SpaceError : the file differs from the data when read back, or the disk is full.
    """
    bands = list(bands)
    whole, written = Window(0, 0, grid.width, grid.height), {}
    with atomic_path(path) as part:
        with rasterio.open(part, "w", **profile(grid, len(bands), "float32", np.nan)) as dst:
            for i, band in enumerate(bands, start=1):
                layer = layers[band.name]
                values = (layer() if callable(layer) else layer).astype("float32", copy=False)
                dst.write(values, i)
                written[i, whole] = _digest(values)
            describe_bands(dst, bands, tags)
        _verify(part, written)


def write_cog(
    path: Path, grid: Grid, pieces: Iterator[tuple[Window, np.ndarray]], bands: Iterable[MapBand], tags: dict[str, str], *, categorical: bool = False
) -> None:
    """Write a region map as a COG from pieces (window, (band, y, x) float32); the whole map is never in memory.

    Overviews use nearest-neighbour resampling for categorical maps (classes are never averaged) and the average otherwise. Statistics are stored so that
    desktop programs stretch the colours without reading the file.

    Raises
    ------
    SpaceError : the file differs from the data when read back, or the disk is full.
    """
    bands = list(bands)
    written: dict[tuple[int, Window], int] = {}
    with atomic_path(path) as part:
        flat = part.with_suffix(".flat.tif")
        try:
            with rasterio.open(flat, "w", **profile(grid, len(bands), "float32", np.nan)) as dst:
                for window, piece in pieces:
                    values = piece.astype("float32", copy=False)
                    dst.write(values, window=window)
                    written |= {(i, window): _digest(layer) for i, layer in enumerate(values, start=1)}
                describe_bands(dst, bands, tags)
            raster_copy(
                flat,
                part,
                driver="COG",
                COMPRESS="DEFLATE",
                PREDICTOR="YES",
                BLOCKSIZE=str(BLOCK_PX * 2),
                BIGTIFF="IF_SAFER",
                STATISTICS="YES",
                OVERVIEW_RESAMPLING=(Resampling.nearest if categorical else Resampling.average).name.upper(),
            )
            _verify(part, written)
        finally:
            flat.unlink(missing_ok=True)


def _digest(layer: np.ndarray) -> int:
    return crc32(np.ascontiguousarray(layer).data)


def _verify(path: Path, written: dict[tuple[int, Window], int]) -> None:
    """Raise SpaceError where a file differs from the pieces that were written, by band and window, or an overview cannot be read.

    GDAL does not report a full disk when a file is closed.
    """
    try:
        with open_own(path) as back:
            right = all(_digest(back.read(band, window=window)) == digest for (band, window), digest in written.items())
            levels = len(back.overviews(1))
        for level in range(levels):
            with rasterio.open(path, driver="GTiff", overview_level=level) as overview:
                for _, window in overview.block_windows(1):
                    overview.read(window=window)
    except rasterio.errors.RasterioError:
        right = False
    if not right:
        raise SpaceError(disk_fault(path.parent) or "the map reads back otherwise than it was written", where=str(path), remedy=MAKE_ROOM)
