"""Parts of remote files, kept on the disk for all jobs of a run: neighbouring tiles need the same blocks, and each crosses the network once.

A remote file has a folder, named by a digest of what it is: in it ``about.json``, what the server told of its content, and a file a part, named by
its span and its check sum. Nothing that is wrong with the folder ends a job: it is said once, and the part is asked for.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

import xxhash

from rs_pipeline.storage.atomic import atomic_path

log = logging.getLogger(__name__)

Span = tuple[int, int]
"""First byte, and the first after the last."""

_NAME = re.compile(r"(\d+)-(\d+)-([0-9a-f]{16})")
_ABOUT = "about.json"

_TRIMMED_AFTER_BYTES = 2**26
"""A process that has written so much looks how full the folder is."""

_LEAST_FREE_BYTES = 2**31
"""What a disk must have left: chips and maps go before parts."""


@cache
def _tell(folder: Path, what: str) -> None:
    """Once a process: a fault of the folder would else be said for every part."""
    log.warning("parts of remote files cannot be kept in %s: %s; neighbouring tiles ask for them again", folder, what)


def _whole(path: Path, size: int, digest: str) -> bytes | None:
    """The bytes of a part, and a note that it was used; None where it is damaged, and then it is removed."""
    with suppress(OSError):
        data = path.read_bytes()
        if len(data) == size and xxhash.xxh3_64_hexdigest(data) == digest:
            os.utime(path)
            return data
        path.unlink()
    return None


@dataclass
class Store:
    """Parts under ``folder``, some ``limit_bytes`` of them; what was used longest ago goes first."""

    folder: Path
    limit_bytes: int
    _written: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrote(self, n_bytes: int) -> None:
        """Count what was written, and make room from time to time."""
        with self._lock:
            self._written += n_bytes
            full = self._written >= min(_TRIMMED_AFTER_BYTES, self.limit_bytes)
            self._written = 0 if full else self._written
        if full:
            self._trim()

    def has_room(self) -> bool:
        return shutil.disk_usage(self.folder).free > _LEAST_FREE_BYTES

    def _trim(self) -> None:
        held = []
        for path in self.folder.glob("*/*-*"):
            with suppress(FileNotFoundError):  # another job was faster
                held.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        over, emptied = sum(size for _, size, _ in held) - self.limit_bytes, set()
        for _, size, path in sorted(held):
            if over > 0:
                path.unlink(missing_ok=True)
                over -= size
                emptied.add(path.parent)
        for folder in emptied:
            if next(folder.glob("*-*"), None) is None:  # else a long run would look through folders of all its files
                shutil.rmtree(folder, ignore_errors=True)


_shared: Store | None = None


def keep_in(folder: Path, limit_bytes: int) -> None:
    """Keep parts in a folder, from now on in this process; none where the limit is 0."""
    global _shared
    _shared = Store(folder, limit_bytes) if limit_bytes else None


class Parts:
    """The parts of one remote file; nothing is kept where no folder is shared. No fault of the folder is raised."""

    def __init__(self, key: str = ""):
        """``key``: digest of what tells the file and its content, hexadecimal; empty: nothing is kept."""
        self._store = _shared if key else None
        self._folder = _shared.folder / key if _shared and key else Path()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other job ask for parts of the file at the same time."""
        held = self._locked()
        try:
            yield
        finally:
            if held is not None:
                held.close()

    def about(self) -> dict[str, str]:
        """What was told of the content that is held; empty where nothing is."""
        try:
            return dict(json.loads((self._folder / _ABOUT).read_bytes())) if self._store else {}
        except (OSError, ValueError):
            return {}

    def pieces(self, span: Span) -> list[tuple[int, bytes]]:
        """What is held of a span: pieces in order, each with its first byte, that do not overlap. A damaged part is removed."""
        found, at = [], span[0]
        for path, (first, end), digest in sorted(self._listed(), key=lambda part: (part[1][0], -part[1][1])):
            if first < span[1] and at < end and (data := _whole(path, end - first, digest)) is not None:
                begin = max(at, first)
                at = min(end, span[1])
                found.append((begin, data[begin - first : at - first]))
        return found

    def keep(self, parts: Mapping[Span, bytes], about: Mapping[str, str]) -> None:
        """Keep what came of a file, and what was told of it."""
        if self._store is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._store.has_room():
                return _tell(self._store.folder, "the disk is nearly full")
            if self.about() != about:
                with atomic_path(self._folder / _ABOUT, lasting=False) as part:
                    part.write_text(json.dumps(dict(about)), "utf-8")
            for (first, _), data in parts.items():
                with atomic_path(self._folder / f"{first}-{first + len(data)}-{xxhash.xxh3_64_hexdigest(data)}", lasting=False) as part:
                    part.write_bytes(data)
                self._store.wrote(len(data))
        except OSError as fault:
            _tell(self._store.folder, fault.strerror or str(fault))

    def forget(self) -> None:
        """Remove all that is held of the file."""
        if self._store is not None:
            for path in (*(p for p, _, _ in self._listed()), self._folder / _ABOUT):
                with suppress(OSError):
                    path.unlink()

    def _listed(self) -> list[tuple[Path, Span, str]]:
        if self._store is None:
            return []
        try:
            found = [(entry.path, _NAME.fullmatch(entry.name)) for entry in os.scandir(self._folder)]
        except OSError:
            return []
        return [(Path(path), (int(said[1]), int(said[2])), said[3]) for path, said in found if said]

    def _locked(self) -> IO[bytes] | None:
        """An open file that holds the lock until it is closed; None where nothing is shared, or the file system has no locks."""
        if self._store is None:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            held = (self._folder / ".lock").open("wb")
        except OSError:  # told where a part is to be kept
            return None
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        return held
