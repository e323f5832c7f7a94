"""Checks the structure of a foreign raster before GDAL opens it: GDAL follows every directory and reads every tag into memory, however many there are."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from rasterio.errors import RasterioIOError

from rs_pipeline.errors import RasterError

Reading = Callable[[int, int], bytes]
"""Called with (offset, size): bytes of a file from the offset on; fewer at its end."""

MAX_DIRECTORIES = 32
"""Most directories of a TIFF: a raster of 2^20 pixels a side has 13 with its overviews, and the same number for their masks."""

MAX_METADATA_BYTES = 2**18
"""Most metadata: GDAL's time for metadata items grows with the square of their number, to half a second at this limit. HLS has about 5 KB."""

MAX_TAG_BYTES = 2**22
"""Most bytes of all other tags, without the lists of blocks, which GDAL reads in parts; 2000 control points take 0.1 MB."""

_MAX_ENTRIES = 1024
_MAX_BOXES = 64
_MAX_FILE_BYTES = 2**50

_METADATA = 42112
_GEO_TEXTS = 34737
"""GeoAsciiParams, which may hold the WKT of a CRS."""

_BLOCK_LISTS = (273, 279, 324, 325)
"""StripOffsets, StripByteCounts, TileOffsets, TileByteCounts."""

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4, 13: 4}
"""Bytes per value of the types of TIFF tags; all other types have 8 bytes."""

_TIFF = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
"""First four bytes of a TIFF to its byte order, and whether it is a BigTIFF."""

_UNREAD_BOXES = (b"jp2c", b"mdat", b"free", b"skip")
"""Boxes of a JPEG 2000 without metadata: pixels and padding."""

_FILES_OF_CRS = re.compile(rb"\b(EXTENSION|PARAMETERFILE)\s*[\[(]", re.IGNORECASE)
"""Elements by which the WKT of a CRS names files of datum shift grids. PROJ opens them, even pipes, while GDAL opens the raster. Names without a path are of
PROJ's own data."""

_REWRITE = "write it anew with gdal_translate -of COG"


def driver_by_header(read: Reading, where: str) -> str:
    """GDAL driver of a raster, by its first bytes and not by its name, after its structure was checked against the limits.

    Raises
    ------
    RasterError : more directories, boxes, tags or metadata than a raster needs, or a CRS that names a file.
    RasterioIOError : neither a TIFF nor a JPEG 2000, or it ends too early.
    """
    start = read(0, 12)
    if kind := _TIFF.get(start[:4]):
        _see_directories(read, where, *kind)
        return "GTiff"
    if start[4:8] == b"jP  ":
        _see_boxes(read, where)
        return "JP2OpenJPEG"
    if start[:4] == b"\xff\x4f\xff\x51":
        return "JP2OpenJPEG"
    raise RasterioIOError("not recognized as a TIFF or a JPEG 2000")


def _see_directories(read: Reading, where: str, order: str, big: bool) -> None:
    """Check a TIFF by following its chain of directories, as GDAL will."""
    count, entry, link = (f"{order}Q", f"{order}HHQQ", f"{order}Q") if big else (f"{order}H", f"{order}HHII", f"{order}I")
    at = _number(read, 8 if big else 4, link)
    seen: set[int] = set()
    metadata = others = 0
    while at:
        if at in seen or len(seen) == MAX_DIRECTORIES:
            raise RasterError(f"more than {MAX_DIRECTORIES} directories (overviews, masks, pages), or some that lead in a circle", where=where, remedy=_REWRITE)
        seen.add(at)
        if (entries := _number(read, at, count)) > _MAX_ENTRIES:
            raise RasterError(f"a directory of {entries} tags, the limit is {_MAX_ENTRIES}", where=where, remedy=_REWRITE)
        first = at + struct.calcsize(count)
        table = _exactly(read, first, entries * struct.calcsize(entry))
        for tag, kind, values, offset in struct.iter_unpack(entry, table):
            size = values * _TYPE_BYTES.get(kind, 8)
            if tag == _METADATA:
                metadata += size
                _see_metadata(metadata, where)
            elif tag not in _BLOCK_LISTS:
                others += size
                if others > MAX_TAG_BYTES:
                    raise RasterError(f"tags of more than {MAX_TAG_BYTES // 2**20} MiB", where=where, remedy=_REWRITE)
            if tag in (_METADATA, _GEO_TEXTS) and size > struct.calcsize(link):  # a smaller value is stored in place of the offset
                text = read(offset, size)
                if tag == _GEO_TEXTS:
                    _see_crs(text, where)
        at = _number(read, first + len(table), link)


def _see_boxes(read: Reading, where: str) -> None:
    """Check a JPEG 2000 by following its boxes, as GDAL will."""
    at = metadata = 0
    for _ in range(_MAX_BOXES):
        if len(read(at, 1)) == 0:
            return
        size, kind = struct.unpack(">I4s", _exactly(read, at, 8))
        least = 8
        if size == 1:
            size, least = _number(read, at + 8, ">Q"), 16
        if size and not least <= size < _MAX_FILE_BYTES:  # GDAL would continue at a wrong position
            raise RasterioIOError(f"a box of {size} bytes")
        if kind not in _UNREAD_BOXES:
            content = read(at, min(size or _MAX_FILE_BYTES, MAX_METADATA_BYTES + 1))
            metadata += len(content)
            _see_metadata(metadata, where)
            _see_crs(content, where)
        if size == 0:  # to the end of the file
            return
        at += size
    raise RasterError(f"more than {_MAX_BOXES} boxes", where=where, remedy=_REWRITE)


def _see_metadata(size: int, where: str) -> None:
    if size > MAX_METADATA_BYTES:
        remedy = "write it without them, with gdal_translate -of COG -nomd"
        raise RasterError(f"metadata of more than {MAX_METADATA_BYTES // 2**10} KiB", where=where, remedy=remedy)


def _see_crs(text: bytes, where: str) -> None:
    named = _FILES_OF_CRS.search(text)
    if named and (b"/" in text[named.end() :] or b"\\" in text[named.end() :]):
        remedy = "give it a CRS of a register, e.g. with gdal_edit.py -a_srs EPSG:4326"
        raise RasterError("its CRS names a file, which PROJ would open", where=where, remedy=remedy)


def _number(read: Reading, at: int, form: str) -> int:
    return struct.unpack(form, _exactly(read, at, struct.calcsize(form)))[0]


def _exactly(read: Reading, at: int, size: int) -> bytes:
    if len(data := read(at, size)) < size:
        raise RasterioIOError("the file ends before its header does")
    return data
