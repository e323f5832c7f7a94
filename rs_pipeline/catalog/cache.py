"""A cache of chips, keyed by what they are made from, so that other runs and changed configurations can reuse them.

An entry is one uncompressed zip file with checksums: it is written atomically, and damage is found when it is read.
Several users may share a cache, so no fault of it ends a job: it is reported once, and the chip is made without the cache. Entries are trusted to be
what their key says: anybody who may write to the folder decides what the others get.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.once import warn_once

log = logging.getLogger(__name__)

_SHARES = 16
"""Number of folders of the cache. Each has its share of the limit, so that only one must be listed to keep it."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\.tif")
_ENTRY = re.compile(r"[0-9a-f]{32,}\.zip")
"""Name of an entry; other files in the folder are not the cache's and are never removed."""

_SECTOR_BYTES = 512
"""Unit of ``st_blocks``, bytes (POSIX)."""

_DENSEST = 8
"""Largest ratio of file size to disk space: chips are compressed already, so a compressing file system cannot exceed it; a file that does has holes."""

_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error)
"""Errors, besides OSError, that reading a damaged or foreign entry may raise."""

_PART_BYTES = 2**20

_MOST_SIGNS = 100
"""Longest text about a damaged entry, characters: the text may contain bytes of the entry."""


class _Unusable(Exception):
    """An entry cannot be read."""


class _Damaged(_Unusable):
    """An entry is damaged or foreign; it is removed."""


def _tell(folder: Path, what: str) -> None:
    warn_once(log, "the cache of chips %s cannot be used as it should: %s; chips are made without it", folder, what)


@dataclass(frozen=True)
class Cache:
    """Chips under ``folder``, at most ``limit_bytes``. Faults of the cache itself are never raised."""

    folder: Path
    limit_bytes: int

    def path(self, key: str) -> Path:
        """File of an entry; ``key`` is a hexadecimal digest."""
        return self.folder / key[0] / f"{key}.zip"

    def take(self, key: str, folder: Path) -> bool:
        """Unpack an entry into an empty or new folder. False where there is no usable entry; a damaged one is removed.

        Raises
        ------
        OSError : ``folder`` cannot be written.
        """
        entry = self.path(key)
        if not os.path.lexists(entry):
            return False
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for name, parts in _members(entry):
                with (folder / name).open("wb") as file:
                    file.writelines(parts)
        except _Unusable as fault:
            _tell(self.folder, str(fault))
            if isinstance(fault, _Damaged):
                _removed(entry)
            for unpacked in folder.glob("*.tif"):
                unpacked.unlink()
            return False
        except FileNotFoundError:
            return False
        _touched(entry)
        return True

    def keep(self, key: str, folder: Path) -> None:
        """Pack the GeoTIFFs of a folder (none for a scene that is empty over the tile), then remove the least recently used entries."""
        entry = self.path(key)
        try:
            self._make_share(entry.parent)
            with atomic_path(entry, lasting=False) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as packed:
                for file in sorted(folder.glob("[!.]*.tif")):
                    packed.write(file, file.name)
            entry.chmod(stat.S_IMODE(entry.stat().st_mode) | self._shared_bits())
            self._trim(key[0])
        except OSError as fault:
            _tell(self.folder, f"{fault.strerror}: {entry.parent}")

    def _make_share(self, share: Path) -> None:
        """Make a folder for entries, with the group permissions of the cache's own folder.

        Raises
        ------
        OSError : it cannot be made, or a symbolic link, which may lead anywhere, is in its place.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(share):
            _check_folder(share)
        else:
            share.mkdir(exist_ok=True)
            share.chmod(stat.S_IMODE(share.stat().st_mode) | stat.S_IMODE(self.folder.stat().st_mode) & (stat.S_ISGID | stat.S_IRWXG))

    def _shared_bits(self) -> int:
        """Read and write permission of the group on the cache's own folder, as bits of a mode."""
        return stat.S_IMODE(self.folder.stat().st_mode) & (stat.S_IRGRP | stat.S_IWGRP)

    def _trim(self, share: str) -> None:
        entries = []
        for file in (self.folder / share).iterdir():
            if not _ENTRY.fullmatch(file.name):
                continue
            try:
                entries.append((file.lstat().st_mtime, file.lstat().st_size, file))
            except FileNotFoundError:  # another job was faster
                continue
        over = sum(size for _, size, _ in entries) - self.limit_bytes // _SHARES
        for _, size, file in sorted(entries):
            if over <= 0:
                return
            if _removed(file):
                over -= size
            else:
                _tell(self.folder, f"entries of others cannot be removed: {self.folder / share}")


def _check_folder(share: Path) -> None:
    if not stat.S_ISDIR(os.lstat(share).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(share))


def _members(entry: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each file of an entry. Entries with compressed files are foreign and refused.

    Raises
    ------
    FileNotFoundError : there is no entry. _Unusable : it cannot be read, or is damaged or foreign.
    """
    with _read_faults():
        _check_folder(entry.parent)
        about = os.lstat(entry)
        if not stat.S_ISREG(about.st_mode):
            raise _Damaged("an entry is no file")
        with zipfile.ZipFile(entry) as packed:
            files = packed.infolist()
            if not all(_NAME.fullmatch(f.filename) and f.compress_type == zipfile.ZIP_STORED for f in files):
                raise _Damaged("an entry holds foreign files")
            if sum(f.file_size for f in files) > min(about.st_size, _DENSEST * about.st_blocks * _SECTOR_BYTES + _PART_BYTES):
                raise _Damaged("an entry declares more than it holds")
            for file in files:
                yield file.filename, _content(packed, file)


def _content(packed: zipfile.ZipFile, file: zipfile.ZipInfo) -> Iterator[bytes]:
    with _read_faults(), packed.open(file) as source:
        yield from iter(lambda: source.read(_PART_BYTES), b"")


@contextmanager
def _read_faults() -> Iterator[None]:
    """Convert the errors of reading an entry to _Damaged and _Unusable."""
    try:
        yield
    except FileNotFoundError:
        raise
    except _DAMAGE as fault:
        raise _Damaged(f"an entry is damaged: {str(fault)[:_MOST_SIGNS]}") from None
    except OSError as fault:
        raise _Unusable(f"an entry cannot be read: {fault.strerror}") from None


def _removed(entry: Path) -> bool:
    try:
        entry.unlink(missing_ok=True)
    except OSError:  # another user's
        return False
    return True


def _touched(entry: Path) -> None:
    try:
        os.utime(entry)
    except OSError:  # another user's entry: its time of use is then not updated
        pass
