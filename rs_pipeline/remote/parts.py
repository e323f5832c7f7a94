"""Parts of remote files, kept on the disk for all jobs of a run: neighbouring tiles need the same blocks, and each is transferred once.

A remote file has a folder, named by a digest of its identity. It holds ``about.json``, the identity of the content that the server stated, and one file
per part, named by its span and checksum. No fault of the folder ends a job: it is reported once, and the part is requested from the server.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import xxhash

from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.held import locked_within
from rs_pipeline.storage.once import warn_once

log = logging.getLogger(__name__)

Span = tuple[int, int]
"""First byte, and the byte after the last."""

_NAME = re.compile(r"(\d+)-(\d+)-([0-9a-f]{16})")
_ABOUT, _LOCK = "about.json", ".lock"

TELLING = {"etag", "last-modified"}
"""Attributes by which a change of content of the same size is noticed."""

_TRIMMED_AFTER_BYTES = 2**26
"""After writing this many bytes a process checks the size of the folder."""

_LEAST_FREE_BYTES = 2**31
"""Least free space of the disk for keeping parts: chips and maps have precedence."""


def _tell(folder: Path, what: str) -> None:
    warn_once(log, "parts of remote files cannot be kept in %s: %s; neighbouring tiles ask for them again", folder, what)


def _whole(path: Path, size: int, digest: str) -> bytes | None:
    """The bytes of a part, whose time of use is updated; None where it is damaged: it is then removed."""
    with suppress(OSError):
        data = path.read_bytes()
        if len(data) == size and xxhash.xxh3_64_hexdigest(data) == digest:
            with suppress(PermissionError):  # a file of another user
                os.utime(path)
            return data
        path.unlink()
    return None


@dataclass
class Store:
    """Parts under ``folder``, about ``limit_bytes``; the least recently used are removed first."""

    folder: Path
    limit_bytes: int
    free_bytes: int = _LEAST_FREE_BYTES
    """Free space that the disk must keep, bytes."""
    _written: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrote(self, n_bytes: int) -> None:
        """Count written bytes, and trim the folder from time to time."""
        with self._lock:
            self._written += n_bytes
            full = self._written >= min(_TRIMMED_AFTER_BYTES, self.limit_bytes)
            self._written = 0 if full else self._written
        if full:
            self.trim()

    def has_room(self) -> bool:
        return shutil.disk_usage(self.folder).free > self.free_bytes

    def trim(self) -> None:
        """Remove the least recently used parts until the limit is kept."""
        held = []
        for path in self.folder.glob("*/[!.]*-*"):
            with suppress(FileNotFoundError):  # another job was faster
                held.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        over, emptied = sum(size for _, size, _ in held) - self.limit_bytes, set()
        for _, size, path in sorted(held):
            if over > 0:
                path.unlink(missing_ok=True)
                over -= size
                emptied.add(path.parent)
        for folder in emptied:
            _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove the folder of a file without parts, unless a job holds its lock; otherwise a long run would list the folders of all its files."""
    with suppress(OSError), (folder / _LOCK).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if next(folder.glob("[!.]*-*"), None) is None:
            shutil.rmtree(folder, ignore_errors=True)


_shared: Store | None = None


@contextmanager
def kept_in(folder: Path, limit_bytes: int, free_bytes: int = 0) -> Iterator[None]:
    """Keep parts in a folder while the context lasts, in this process; none where the limit is 0, or the disk has no more than ``free_bytes`` left. At the end
    the folder is trimmed, because a job may have written less than what triggers a check."""
    global _shared
    before, _shared = _shared, Store(folder, limit_bytes, max(free_bytes, _LEAST_FREE_BYTES)) if limit_bytes else None
    try:
        yield
        if _shared:
            with suppress(OSError):
                _shared.trim()
    finally:
        _shared = before


class Parts:
    """The parts of one remote file; nothing is kept where no folder is shared. No fault of the folder is raised."""

    def __init__(self, key: str = ""):
        """``key`` : hexadecimal digest of the file and its content; empty: nothing is kept."""
        self._store = _shared if key else None
        self._folder = _shared.folder / key if _shared and key else Path()
        self._waits = True

    @contextmanager
    def alone(self, patience_s: float) -> Iterator[None]:
        """Prevent other jobs from requesting parts of the file at the same time. A job that holds the lock longer than ``patience_s``, because it was stopped
        or its host died, is not waited for: the same bytes may then be requested twice."""
        held = self._locked(patience_s)
        try:
            yield
        finally:
            if held is not None:
                held.close()

    def about(self) -> dict[str, str]:
        """Identity of the content that is held, including ``size``; empty where nothing is held."""
        try:
            said = json.loads((self._folder / _ABOUT).read_bytes()) if self._store else {}
        except (OSError, ValueError):
            return {}
        is_whole = isinstance(said, dict) and all(isinstance(text, str) for text in said.values()) and said.get("size", "").isdecimal()
        return said if is_whole else {}

    def held(self, spans: Sequence[Span]) -> tuple[dict[str, str], dict[Span, list[tuple[int, bytes]]]]:
        """`about`, and for each span the held pieces in order, each with its first byte, without overlap. A damaged part is removed. Empty where the identity
        of the content is unknown."""
        about = self.about()
        listed = sorted(self._listed(), key=lambda part: (part[1][0], -part[1][1])) if about else []
        firsts, longest = [first for _, (first, _), _ in listed], max((end - first for _, (first, end), _ in listed), default=0)
        read: dict[Path, bytes | None] = {}
        found: dict[Span, list[tuple[int, bytes]]] = {}
        for span in spans:
            found[span], at = [], span[0]
            for path, (first, end), digest in listed[bisect_left(firsts, span[0] - longest) : bisect_left(firsts, span[1])]:
                if at < end:
                    if path not in read:
                        read[path] = _whole(path, end - first, digest)
                    if (data := read[path]) is not None:
                        begin = max(at, first)
                        at = min(end, span[1])
                        found[span].append((begin, data[begin - first : at - first]))
        return about, found

    def keep(self, parts: Mapping[Span, bytes], about: Mapping[str, str]) -> None:
        """Keep received parts of a file, and the identity of its content; nothing where there is neither ETag nor time, so that a change would not be noticed."""
        if self._store is None or not about.keys() & TELLING:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._store.has_room():
                return _tell(self._store.folder, "the disk is nearly full")
            known = self.about()
            if not known:  # parts without identity may be of another content
                self.forget()
            if known != about:
                with atomic_path(self._folder / _ABOUT, lasting=False) as part:
                    part.write_text(json.dumps(dict(about)), "utf-8")
            for (first, _), data in parts.items():
                with atomic_path(self._folder / f"{first}-{first + len(data)}-{xxhash.xxh3_64_hexdigest(data)}", lasting=False) as part:
                    part.write_bytes(data)
                self._store.wrote(len(data))
        except OSError as fault:
            _tell(self._store.folder, fault.strerror or str(fault))

    def forget(self) -> None:
        """Remove all held parts of the file."""
        if self._store is not None:
            for path in (self._folder / _ABOUT, *(p for p, _, _ in self._listed())):  # about.json first: parts without it are not used
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

    def _locked(self, patience_s: float) -> IO[bytes] | None:
        """An open file that holds the lock until it is closed; None where nothing is shared, or the lock was not obtained in time."""
        if self._store is None or not self._waits:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            held = (self._folder / _LOCK).open("wb")
        except OSError:  # reported when a part is to be kept
            return None
        if locked_within(held, patience_s):
            return held
        self._waits = False
        held.close()
        return None
