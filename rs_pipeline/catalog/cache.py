"""A cache of chips, keyed by what they are made from: another run or a changed configuration finds again what it needs.

An entry is one uncompressed zip file, which carries check sums: it appears whole or not at all, and damage is found when it is taken.
Several users may share a cache, so nothing that is wrong with it ends a job: it is said once, and the chip is made without it. What an
entry claims to be made from is believed: who may write to the folder decides what others see.
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
"""The cache is kept in so many folders, each with its share of the limit, so that a look into one is enough."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\.tif")
_ENTRY = re.compile(r"[0-9a-f]{32,}\.zip")
"""Nothing else in the folder is ours to remove."""

_SECTOR_BYTES = 512
"""Unit of the blocks that a file has on its disk (POSIX)."""

_DENSEST = 8
"""A file system that compresses makes chips, which are compressed already, no so many times smaller: a file with fewer blocks has holes."""

_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error)
"""What reading an entry that is none may raise, besides OSError."""

_PART_BYTES = 2**20

_MOST_SIGNS = 100
"""Of what is told of a damaged entry, which may hold its bytes."""


class _Unusable(Exception):
    """An entry cannot be read."""


class _Damaged(_Unusable):
    """An entry is damaged or foreign: nobody can read it."""


def _tell(folder: Path, what: str) -> None:
    warn_once(log, "the cache of chips %s cannot be used as it should: %s; chips are made without it", folder, what)


@dataclass(frozen=True)
class Cache:
    """Chips under ``folder``, at most ``limit_bytes`` of them. No fault of it is raised."""

    folder: Path
    limit_bytes: int

    def path(self, key: str) -> Path:
        """File of an entry; ``key`` is a hexadecimal digest."""
        return self.folder / key[0] / f"{key}.zip"

    def take(self, key: str, folder: Path) -> bool:
        """Unpack an entry into an empty or new folder; False where there is none that can be used, and a damaged one is removed.

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
        """Pack the GeoTIFFs of a folder (none for a scene that is empty over the tile), then drop what was used longest ago."""
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
        """A folder for entries; where the cache's own is open to a group, so is this.

        Raises
        ------
        OSError : it cannot be made, or a link, which may lead anywhere, stands in its place.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(share):
            _check_folder(share)
        else:
            share.mkdir(exist_ok=True)
            share.chmod(stat.S_IMODE(share.stat().st_mode) | stat.S_IMODE(self.folder.stat().st_mode) & (stat.S_ISGID | stat.S_IRWXG))

    def _shared_bits(self) -> int:
        """What of the cache's own folder its group may do with files, as bits of a mode."""
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
    """Name and content of each file of an entry. Nothing is decompressed: what is compressed is none of ours.

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
    """What reading an entry may raise, in our words."""
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
    except OSError:  # another user's: it seems older than it is
        pass
