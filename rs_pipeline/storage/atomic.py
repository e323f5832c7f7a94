"""Atomic writing: a file or folder is written under a temporary name beside its own, forced to the disk, and then renamed. Temporary files of killed processes
are removed by the next process that writes to the folder; a folder that was moved aside and not replaced gets its name back. Size and digest of written files
are noted for the record of the job (`storage.record`).
"""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import xxhash

from rs_pipeline.storage.disk import blaming_disk

_PIECE_BYTES = 2**20

_ABANDONED_S = 86_400.0
"""A temporary file of another host that has not changed for this long, seconds, counts as abandoned: whether its process lives cannot be seen from here."""

_LEFT = re.compile(r"\.(?P<name>.*)\.(?P<host>[^.]*)-(?P<pid>\d+)\.(part|old)(\.\w+)?")


@dataclass(frozen=True)
class Content:
    """Size and digest of a file's content."""

    size: int
    """Bytes."""
    digest: str
    """XXH3 of 128 bits, 32 hexadecimal digits: a fast check for damage, not a protection against forgery."""


_written: dict[Path, Content] = {}


def content_of(path: Path) -> Content:
    """Size and digest of a file, read in pieces.

    Raises
    ------
    OSError : it cannot be read.
    """
    found, size = xxhash.xxh3_128(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            found.update(piece)
            size += len(piece)
    return Content(size, found.hexdigest())


def written_files() -> dict[Path, Content]:
    """Files that this process wrote since the last call, as absolute paths, with their content."""
    found = dict(_written)
    _written.clear()
    return found


@contextmanager
def atomic_path(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """A path beside ``path`` to write to; renamed to it when the block ends without an error.

    The suffix is kept, so that drivers chosen by suffix work.

    Parameters
    ----------
    lasting : False for files that can be made again and verify themselves, such as entries of a cache: they are neither forced to the disk nor noted, and
        faults of the disk are not converted to SpaceError.

    Raises
    ------
    SpaceError : the block failed because the disk is full or cannot be written.
    """
    path = _in_cleared_folder(path)
    beside = path.with_name(f".{path.stem}.{_writer()}.part{path.suffix}")
    try:
        with blaming_disk(beside) if lasting else nullcontext():
            yield beside
            if lasting:
                force(beside)
                _written[path.absolute()] = content_of(beside)
            os.replace(beside, path)
            if lasting:
                force(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def write_changed(path: Path, text: str) -> None:
    """Write a text atomically, unless the file holds it already: the time of the file is then kept. Bytes are compared, because a damaged file may not decode."""
    if not path.exists() or path.read_bytes() != text.encode():
        with atomic_path(path) as part:
            part.write_text(text, "utf-8")


def force(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk (fsync). That a file system does not support this for folders is ignored."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, or a folder at its path."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def make_way(path: Path) -> None:
    """Move a folder aside that is at the path of a file to be written."""
    if path.is_dir():
        os.replace(path, path.with_name(f".{path.name}.folder-{time.time_ns()}"))


@contextmanager
def atomic_folder(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """A path beside ``path`` for a new folder; it replaces ``path`` when the block ends without an error.

    Parameters
    ----------
    lasting : see `atomic_path`.

    Raises
    ------
    SpaceError : the block failed because the disk is full or cannot be written.
    """
    path = _in_cleared_folder(path)
    beside, old = (path.with_name(f".{path.name}.{_writer()}.{kind}") for kind in ("part", "old"))
    try:
        with blaming_disk(beside) if lasting else nullcontext():
            yield beside
            if lasting:
                files = [file for file in sorted(beside.rglob("*")) if file.is_file()]
                for part in (*files, *{file.parent for file in files}):
                    force(part)
                _written.update({path.absolute() / file.relative_to(beside): content_of(file) for file in files})
            if path.exists():
                os.replace(path, old)
            os.replace(beside, path)
            if lasting:
                force(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        _put_back(old, path)


def _put_back(old: Path, path: Path) -> None:
    """Give a folder that was moved aside its name back if it was not replaced; else remove it."""
    if not path.exists():
        with suppress(OSError):  # it does not exist, or the disk is at fault: it is then left for the next process that writes there
            os.replace(old, path)
        return
    shutil.rmtree(old, ignore_errors=True)


def _writer() -> str:
    return f"{_host()}-{os.getpid()}"


def _host() -> str:
    return platform.node().split(".")[0]


def _in_cleared_folder(path: Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path.parent.resolve())
    return path


@functools.cache
def _clear(folder: Path) -> None:
    """Remove abandoned temporary files of a folder; only once per process, because listing the folder for every file would take longer than writing it."""
    for left in folder.glob(".*"):
        if (written := _LEFT.fullmatch(left.name)) and _abandoned(left, written["host"], int(written["pid"])):
            if left.name.endswith(".old"):
                _put_back(left, folder / written["name"])
            else:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def _abandoned(left: Path, host: str, pid: int) -> bool:
    if host == _host():
        return not _alive(pid)
    try:
        return left.stat().st_mtime < time.time() - _ABANDONED_S
    except FileNotFoundError:  # its writer has ended
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True
