"""Zip files, and workbooks, which are zip files: limits of their unpacked size."""

from __future__ import annotations

import zipfile

LITTLE_BYTES, MOST_TIMES = 2**26, 100
"""Unpacked size that is always allowed, bytes; beyond it, largest ratio of unpacked to packed size. Zip packs shapes to a third of their size, sheets to a
twentieth, blank table cells to a fiftieth."""


def too_large(packed: zipfile.ZipFile, size: int, most: int) -> str:
    """Unpacked size of a zip file and its limit, in words; empty where it may be unpacked. ``size`` : of the file, bytes. ``most`` : limit in any case, bytes."""
    unpacked, limit = sum(m.file_size for m in packed.infolist()), min(most, max(LITTLE_BYTES, MOST_TIMES * size))
    return f"{unpacked / 2**20:.0f} MiB when it is unpacked, the limit is {limit // 2**20}" if unpacked > limit else ""
