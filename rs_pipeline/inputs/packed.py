"""Zip files, and workbooks, which are zip files: what they unpack to is held against their size."""

from __future__ import annotations

import zipfile

LITTLE_BYTES, MOST_TIMES = 2**26, 100
"""So much may always be unpacked; more than that to so many times the size. Shapes pack to a third, sheets to a twentieth, blanks of tables to a fiftieth."""


def too_large(packed: zipfile.ZipFile, size: int, most: int) -> str:
    """What a zip file of a size would unpack to and its limit, in words; empty where it may be unpacked. ``most`` is the limit of all."""
    unpacked, limit = sum(m.file_size for m in packed.infolist()), min(most, max(LITTLE_BYTES, MOST_TIMES * size))
    return f"{unpacked / 2**20:.0f} MiB when it is unpacked, the limit is {limit // 2**20}" if unpacked > limit else ""
