"""The limit of the size of a raster's blocks."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio

from rs_pipeline.errors import RasterError
from rs_pipeline.storage.foreign import foreign_raster

MAX_BLOCK_BYTES = 2**28
"""Largest block of a raster: a block is read into memory whole. A granule in one strip is below the limit, a decompression bomb above it."""


def check_block(dataset: rasterio.DatasetReader, href: str, what: str = "blocks") -> None:
    """Check the block size of an opened raster.

    Raises
    ------
    RasterError : a block is larger than MAX_BLOCK_BYTES.
    """
    block = math.prod(dataset.block_shapes[0]) * np.dtype(dataset.dtypes[0]).itemsize * (dataset.count if _interleaved(dataset) else 1)
    if block > MAX_BLOCK_BYTES:
        remedy = "write it in tiles, e.g. with gdal_translate -of COG"
        raise RasterError(f"{what} of {block / 2**20:.0f} MiB, the limit is {MAX_BLOCK_BYTES // 2**20}", where=href, remedy=remedy)


def check_blocks(path: Path) -> None:
    """Check the block sizes of a user's raster and of its overviews.

    Raises
    ------
    RasterError : a block is larger than MAX_BLOCK_BYTES; else as `foreign_raster`. RasterioError : it cannot be opened.
    """
    with foreign_raster(path) as dataset:
        check_block(dataset, str(path))
        levels = range(len(dataset.overviews(1)))
    for level in levels:
        with foreign_raster(path, overview_level=level) as overview:
            check_block(overview, str(path), "an overview in blocks")


def _interleaved(dataset: rasterio.DatasetReader) -> bool:
    """Whether a block holds all bands."""
    return dataset.count > 1 and str(dataset.interleaving or "").lower() != "interleaving.band"
