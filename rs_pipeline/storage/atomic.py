"""Outputs appear whole or not at all: written beside, then renamed. What killed processes left beside is removed by the next that writes there."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ABANDONED_S = 86_400.0
"""What another host has not touched for so long is not being written: whether its process lives cannot be seen from here."""

_LEFT = re.compile(r"\..*\.(?P<host>[^.]*)-(?P<pid>\d+)\.(part|old)(\.\w+)?")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; renamed to it when the block ends without an error.

    The suffix is kept, so that drivers chosen by suffix work.
    """
    path = _in_cleared_folder(path)
    beside = path.with_name(f".{path.stem}.{_writer()}.part{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A name beside ``path`` for a new folder; it takes the place of ``path`` when the block ends without an error."""
    path = _in_cleared_folder(path)
    beside, old = (path.with_name(f".{path.name}.{_writer()}.{kind}") for kind in ("part", "old"))
    try:
        yield beside
        if path.exists():
            os.replace(path, old)
        os.replace(beside, path)
    finally:
        for left in (beside, old):
            shutil.rmtree(left, ignore_errors=True)


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
    """Once a process and folder: a look for every file would cost more than the files."""
    for left in folder.glob(".*"):
        if (written := _LEFT.fullmatch(left.name)) and _abandoned(left, written["host"], int(written["pid"])):
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
