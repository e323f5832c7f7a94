"""Pages of a Parquet file: the unpacked size that each page header states. The reader allocates memory by these sizes, so they give the memory that it will
take; the sizes in the footer may be wrong.

A page header is a struct of Thrift's compact protocol, see https://parquet.apache.org/docs/file-format/data-pages/.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

_MOST_HEADER_BYTES, _MOST_NESTED = 2**24, 8
"""Largest page header, bytes, as in Arrow; deepest nesting of structs, where page headers have three levels."""
_BYTES_A_VALUE = 8
_BOOLEANS, _BYTE, _NUMBERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12
"""Type codes of fields in the compact protocol."""
_BEGINNINGS = 7
"""DELTA_BYTE_ARRAY: a value states how many bytes it shares with the start of the one before, so a few bytes can repeat a long text many times."""


def group_bytes(file: Path, table: pq.FileMetaData) -> Iterator[int]:
    """Unpacked bytes of each row group, repeated values included; a dictionary-encoded text counts as its index.

    Raises
    ------
    ValueError : the pages are damaged, used twice, or of an encoding that repeats texts.
    """
    groups = [[table.row_group(i).column(k) for k in range(table.num_columns)] for i in range(table.num_row_groups)]
    if sum(column.total_compressed_size for group in groups for column in group) > file.stat().st_size - table.serialized_size:
        raise ValueError("its columns take more bytes than the file has for them")
    leaves = [table.schema.column(k) for k in range(table.num_columns)]
    widths = [leaf.length if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else _BYTES_A_VALUE for leaf in leaves]
    with file.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for group in groups:
            costs = [_unpacked(data, column) for column in group]
            yield max(sum(size for size, _ in costs), *(width * values for width, (_, values) in zip(widths, costs, strict=True)))


def _unpacked(data: mmap.mmap, column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Unpacked bytes, and number of values, of a column of a row group, by its page headers."""
    at = min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset)
    end, size, values = at + column.total_compressed_size, 0, 0
    while values < column.num_values and at < end:
        at, header = _struct(data, at, min(end, at + _MOST_HEADER_BYTES), 0)
        page = header.get(5) or header.get(8) or {}
        packed, unpacked, number = header.get(3, -1), header.get(2, -1), page.get(1, 0)
        if min(packed, unpacked, number) < 0:
            raise ValueError("a page is damaged")
        if page.get(4 if 8 in header else 2) == _BEGINNINGS:
            raise ValueError("texts are encoded by shared prefixes (DELTA_BYTE_ARRAY); write it with plain or dictionary encoding")
        at, size, values = at + packed, size + unpacked, values + number
    return size, values


def _struct(data: mmap.mmap, at: int, end: int, depth: int) -> tuple[int, dict[int, Any]]:
    """End of a struct, and its fields by number: integers and structs as values, others as None."""
    fields: dict[int, Any] = {}
    number = 0
    while True:
        head, at = _byte(data, at, end), at + 1
        if not head:
            return at, fields
        if head >> 4:
            number += head >> 4
        else:
            at, number = _integer(data, at, end)
        at, fields[number] = (at, None) if head & 15 in _BOOLEANS else _value(data, at, end, head & 15, depth)


def _value(data: mmap.mmap, at: int, end: int, kind: int, depth: int) -> tuple[int, object]:
    if depth > _MOST_NESTED:
        raise ValueError("a page header is too deep")
    if kind in _NUMBERS:
        return _integer(data, at, end)
    if kind == _STRUCT:
        return _struct(data, at, end, depth + 1)
    if kind == _BINARY:
        at, length = _varint(data, at, end)
        return at + length, None
    if kind in (_BYTE, *_BOOLEANS):
        return at + 1, None
    if kind == _DOUBLE:
        return at + 8, None
    if kind in _LISTS:
        head, at = _byte(data, at, end), at + 1
        length = head >> 4
        if length == 15:
            at, length = _varint(data, at, end)
        for _ in range(length):
            at, _ = _value(data, at, end, head & 15, depth + 1)
        return at, None
    raise ValueError("a page header is damaged")  # also for maps, which page headers do not have


def _byte(data: mmap.mmap, at: int, end: int) -> int:
    if at >= min(end, len(data)):
        raise ValueError("a page header is cut off")
    return data[at]


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        part, at = _byte(data, at, end), at + 1
        value |= (part & 127) << shift
        shift += 7
        if part < 128:
            return at, value
    raise ValueError("a page header is damaged")


def _integer(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    at, value = _varint(data, at, end)
    return at, (value >> 1) ^ -(value & 1)
