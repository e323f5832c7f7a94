"""A remote raster file that GDAL reads in parts, through requests of `remote.ask`, so that the rules for addresses, time and size apply.

GDAL's own reader (/vsicurl) follows redirects to any host, resolves names again for every connection, reads .netrc and hides pauses that a server asks for.
Blocks that GDAL requests together (those of a window) are read with requests that join neighbours, as in /vsicurl. Parts that other jobs of the run have
received are taken from the disk (`parts`).
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rasterio.abc import MultiByteRangeResourceContainer

from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RemoteError
from rs_pipeline.remote.ask import Answer, TooLong, ask, told_content
from rs_pipeline.remote.parts import Parts, Span
from rs_pipeline.remote.retrying import Later, Refused

HEAD_BYTES = 2**14
"""Size of the first request, and least size of later ones; a read that continues the last one requests twice as much."""

BUFFER_BYTES = 2**12
"""Bytes of a handle's buffer; no more than HEAD_BYTES, so that it causes no request that the reader would not make."""

MAX_PART_BYTES = 2**22
"""Largest range of a request, so that it can be answered within its time limit."""

MAX_WHOLE_BYTES = 2**26
"""Largest file that is read whole, into memory, from a server without range requests."""

_MAX_AHEAD_BYTES = 2**21
_JOINED_BYTES = 2**10
"""Parts with a gap of at most this size are requested together: between the blocks of a COG there are 8 bytes."""

_KEPT_BYTES = 2**25

_LEAST_PART_BYTES = 2**12
"""Least part that is accepted: a server may send less than requested (RFC 9110, 15.3.7) and is asked for the rest, but not in ever smaller pieces."""

_MOST_WAITS = 20
"""Time limit of all requests for a file, in units of `fetch.timeout_s`; every MAX_PART_BYTES received add two more."""

_ENDED = (401, 403, 404, 410)
"""Status codes that show that the target of an earlier redirect has expired."""

_PART = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class RangeFile:
    """A remote file with the parts and identity that are known; several open handles may read it.

    A fault ends all reading. It is stored in ``fault``, because GDAL swallows errors raised in its callbacks; callers must check it after reading.
    """

    def __init__(self, url: str, limits: FetchSection, internal: bool, held: Parts | None = None):
        """``held`` : parts of the file that the run holds; None: nothing is shared."""
        self.url, self.limits, self.internal = url, limits, internal
        self._shortcut = url
        self.fault: Exception | None = None
        self._shared = held or Parts()
        self._about = self._shared.about()
        self._read_on: Span = (0, 0)
        self._kept: dict[int, bytes] = {}
        self._seen: dict[int, bytes] = {}
        self._waited_s, self._got_bytes = 0.0, 0
        self._lock = threading.RLock()

    def parts(self, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span, cut at the end of the file; empty after a fault."""
        with self._lock:
            try:
                if self.fault is None:
                    found = {s: piece for s in spans if (piece := self._held(s)) is not None}
                    if missing := [s for s in spans if s not in found]:
                        found |= self._obtained(missing)
                    return [self._as_seen(s[0], found[s]) for s in spans]
            except Exception as fault:  # of any type: GDAL would swallow it
                self.fault = fault
            return [b""] * len(spans)

    @property
    def size(self) -> int | None:
        """Size of the file in bytes; None where it is not known yet."""
        return int(self._about["size"]) if "size" in self._about else None

    def forget(self) -> None:
        """Remove the parts that the run holds of the file, which cannot be read."""
        self._shared.forget()

    def hold_to_end(self, end: int) -> None:
        """Set a fault where the file ends before ``end``: its upload was cut off, or it is still being written."""
        with self._lock:
            if self.fault is None and self.size is not None and end > self.size:
                self.fault = Later(f"the file ends at byte {self.size}, its blocks at {end}")
                self.forget()

    def _obtained(self, spans: Sequence[Span]) -> dict[Span, bytes]:
        """The bytes of spans that this reader does not hold: from the run's parts, the rest from the server."""
        with self._shared.alone(self.limits.timeout_s):
            about, pieces = self._shared.held(spans)
            self._learn(about)
            missing = {s: _gaps(self._cut(s), pieces[s]) for s in spans}
            gaps = [gap for s in spans for gap in missing[s]]
            new: dict[Span, bytes] = {}
            for joined in _joined(gaps):
                self._fetch(joined)
                if len(self._kept.get(0, b"")) == self.size:  # the server does not support ranges
                    new = {(0, self.size): self._kept[0]}
                    break
                inside = [gap for gap in gaps if joined[0] <= gap[0] and gap[1] <= joined[1]]
                new |= {gap: piece for gap in inside if (piece := self._held(gap)) is not None}
            self._shared.keep(new, self._about)
        found = {}
        for s in spans:
            data = self._held(s)
            found[s] = self._composed(s, [*pieces[s], *((gap[0], new[gap]) for gap in missing[s])]) if data is None else data
        return found

    def _composed(self, span: Span, pieces: Sequence[tuple[int, bytes]]) -> bytes:
        """The pieces of a span joined; this reader holds the result from now on."""
        data = self._kept[span[0]] = b"".join(piece for _, piece in sorted(pieces))
        self._drop_oldest()
        return data

    def _is_shared(self, span: Span) -> bool:
        """Whether the run holds all of a span; if so, this reader holds it from now on, and what the run holds behind it, where reading may go on."""
        wide = (span[0], span[1] + HEAD_BYTES)
        about, pieces = self._shared.held([wide])
        try:
            self._learn(about)
        except Later as fault:
            self.fault = fault
            return False
        gaps = _gaps(self._cut(wide), pieces[wide])
        end = gaps[0][0] if gaps else self._cut(wide)[1]
        whole = bool(pieces[wide]) and end >= self._cut(span)[1]
        if whole:
            self._composed((span[0], end), [piece for piece in pieces[wide] if piece[0] < end])
        return whole

    def _cut(self, span: Span) -> Span:
        """A span cut at the end of the file, where the size is known."""
        return span[0], span[1] if self.size is None else min(span[1], self.size)

    def read(self, span: Span) -> bytes:
        """The bytes of a span, with read-ahead: the reader may continue behind it."""
        with self._lock:
            if self.fault is None and self._held(span) is None and not self._is_shared(span):
                begin = max((end for start, piece in self._kept.items() if start <= span[0] < (end := start + len(piece))), default=span[0])
                first, last = self._read_on
                ahead = min(2 * (last - first), _MAX_AHEAD_BYTES) if begin == last else HEAD_BYTES
                self._read_on = (begin, max(span[1], begin + ahead))
                self.parts([(span[0], self._read_on[1])])
            return self.parts([span])[0]

    def header(self, at: int, size: int) -> bytes:
        """Bytes of the file's structure, cut at its end. Later reads get the same bytes, so that a server cannot give one header to the check and another to
        GDAL."""
        data = self.read((at, at + size))
        with self._lock:
            self._seen[at] = data
        return data

    def _as_seen(self, at: int, data: bytes) -> bytes:
        """Bytes from an offset on, in which those of the checked header replace the received ones."""
        for start, seen in self._seen.items():
            first, end = max(at, start), min(at + len(data), start + len(seen))
            if first < end and data[first - at : end - at] != seen[first - start : end - start]:
                data = data[: first - at] + seen[first - start : end - start] + data[end - at :]
        return data

    def whole_size(self) -> int:
        """Size of the file in bytes; 0 after a fault."""
        if self.size is None:
            self.read((0, HEAD_BYTES))
        with self._lock:
            try:
                if self.size is None and self.fault is None:
                    self._find_size()
            except Exception as fault:  # as in `parts`
                self.fault = fault
        return self.size or 0

    def _find_size(self) -> None:
        """Find the size by requesting the last byte, where the server answers ranges without the total size."""
        answer = self._answered({"Range": "bytes=-1", "Accept-Encoding": "identity"}, 1)
        if answer.status == 200:
            self._learn({**told_content(answer), "size": str(len(answer.body))})
            self._kept = {0: answer.body}
        elif (said := _PART.fullmatch(answer.headers.get("Content-Range", ""))) is None:
            raise Refused(f"HTTP {answer.status} without the place of its bytes (Content-Range)", answer.status)
        else:
            self._learn({**told_content(answer), "size": str(int(said[2]) + 1)})

    def _held(self, span: Span) -> bytes | None:
        """The bytes of a span where one kept piece has all of them; None where none has."""
        first, end = self._cut(span)
        if end <= first:
            return b""
        for start in reversed(self._kept):
            piece = self._kept[start]
            if start <= first and end <= start + len(piece):
                return piece[first - start : end - start]
        return None

    def _fetch(self, span: Span) -> None:
        """Request the missing part of a span and keep the whole span; the oldest kept pieces are dropped, except the beginning of the file."""
        first, end = self._cut(span)
        pieces = [held[first - start :] for start, held in self._kept.items() if start <= first < start + len(held)][-1:]
        at = first + sum(map(len, pieces))
        while at < (end if self.size is None else min(end, self.size)):
            answer = self._asked((at, min(end, at + MAX_PART_BYTES)))
            if answer.status == 200:
                self._kept = {0: answer.body}
                return
            pieces.append(answer.body)
            if self.size is None and len(answer.body) < min(end - at, MAX_PART_BYTES):  # perhaps the file ends here
                self._find_size()
            at += len(answer.body)
        if pieces:
            self._kept.pop(first, None)
            self._kept[first] = b"".join(pieces)
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._kept) > 2 and sum(map(len, self._kept.values())) > _KEPT_BYTES:
            self._kept.pop(list(self._kept)[1])

    def _asked(self, span: Span) -> Answer:
        first, end = span
        asked = {"Range": f"bytes={first}-{end - 1}", "Accept-Encoding": "identity"}
        answer = self._answered(asked, end - first)
        self._same(answer, span)
        return answer

    def _answered(self, asked: Mapping[str, str], most: int) -> Answer:
        """The answer of the target of the last redirect, or, where that has expired, of the file's own URL: a redirect may be valid for a few requests or
        seconds only (RFC 9110, 15.4.3)."""
        self._see_time()
        once = partial(ask, limits=self.limits, internal=self.internal, headers=asked, most=most, most_whole=MAX_WHOLE_BYTES)
        began = time.monotonic()
        try:
            try:
                answer = once(self._shortcut)
            except Refused as fault:
                if self._shortcut == self.url or fault.status not in _ENDED:
                    raise
                answer = once(self.url)
        except TooLong:
            raise RemoteError(
                f"the server gives no parts of files, and this one is larger than {MAX_WHOLE_BYTES // 2**20} MiB",
                where=self.url,
                remedy="copy the files into a folder, or ask its operator for range requests",
            ) from None
        finally:
            self._waited_s += time.monotonic() - began
        self._got_bytes += len(answer.body)
        self._shortcut = answer.url
        return answer

    def _see_time(self) -> None:
        """Raise where the requests took too long for the bytes received: a file's structure may need any number of requests, each within its own limit."""
        if self._waited_s > self.limits.timeout_s * (_MOST_WAITS + 2 * self._got_bytes / MAX_PART_BYTES):
            raise RemoteError(
                f"its requests took {self._waited_s:.0f} s for {self._got_bytes / 2**20:.1f} MiB",
                where=self.url,
                remedy="raise fetch.timeout_s if the connection is that slow, or ask its operator for Cloud-Optimised GeoTIFFs",
            )

    def _same(self, answer: Answer, span: Span) -> None:
        """Check an answer against the request and the known identity of the file."""
        told = told_content(answer)
        if answer.status == 200:
            told["size"] = str(len(answer.body))
        else:
            said = _PART.fullmatch(answer.headers.get("Content-Range", ""))
            if said is None:
                raise Refused(f"HTTP {answer.status} without the place of its bytes (Content-Range)", answer.status)
            start, last = int(said[1]), int(said[2])
            size = self.size if said[3] == "*" else int(said[3])
            end = span[1] if size is None else min(span[1], size)
            least = start + 1 if size is None else min(end, start + _LEAST_PART_BYTES)
            if start != span[0] or not least <= last + 1 <= end or len(answer.body) != last + 1 - start:
                raise Later(f"{len(answer.body)} bytes came where {span[1] - span[0]} from {span[0]} were asked for")
        self._learn(told)

    def _learn(self, told: Mapping[str, str]) -> None:
        """Compare the identity of the content, from the server or another job, with the known one, and add it.

        Raises
        ------
        Later : the file changed.
        """
        telling = ("size", "etag" if "etag" in told else "last-modified")
        if any(self._about.get(name, told.get(name)) != told.get(name) for name in telling if name in told):
            self.forget()
            raise Later("the file changed while it was read")
        self._about |= told


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Spans in order; those that touch or nearly touch are joined.

    >>> _joined([(900, 1000), (0, 100), (108, 200), (100_000, 100_001)])
    [(0, 1000), (100000, 100001)]
    """
    joined: list[Span] = []
    for first, end in sorted(spans):
        if joined and first <= joined[-1][1] + _JOINED_BYTES:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((first, end))
    return joined


def _gaps(span: Span, pieces: Sequence[tuple[int, bytes]]) -> list[Span]:
    """The gaps that pieces in order leave in a span.

    >>> _gaps((0, 10), [(2, b"abc"), (5, b"d")])
    [(0, 2), (6, 10)]
    """
    gaps, at = [], span[0]
    for first, data in pieces:
        if at < first:
            gaps.append((at, first))
        at = first + len(data)
    return [*gaps, *([(at, span[1])] if at < span[1] else [])]


class _Raw(io.RawIOBase):
    """One open handle of a file."""

    def __init__(self, file: RangeFile):
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read((self._at, self._at + len(buffer)))[: len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.whole_size() if whence == io.SEEK_END else 0}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at


class _Opened(io.BufferedReader):
    """An open handle with a buffer: GDAL reads the structure of a file in a hundred pieces of a few bytes."""

    def __init__(self, file: RangeFile):
        super().__init__(_Raw(file), BUFFER_BYTES)
        self._file = file

    def get_byte_ranges(self, offsets: list[int], sizes: list[int]) -> list[bytes]:
        """Exactly the requested number of bytes of each range, because GDAL copies what it gets; padded with zeros after a fault.

        The ranges are blocks that the file declares, so one behind its end is a fault. (`read`, in contrast, may be used to find the end.)
        """
        spans = [(a, a + n) for a, n in zip(offsets, sizes, strict=True)]
        found = self._file.parts(spans)
        self._file.hold_to_end(max((end for first, end in spans if first < end), default=0))
        return [data[:n].ljust(n, b"\0") for data, n in zip(found, sizes, strict=True)]


class Opener(MultiByteRangeResourceContainer):
    """A file system with this one remote file, for rasterio's ``opener``."""

    def __init__(self, file: RangeFile, name: str):
        self.file, self.name = file, name

    def open(self, path: str, mode: str = "r", **_: Any) -> _Opened:
        if not self.isfile(path):
            raise FileNotFoundError(path)
        return _Opened(self.file)

    def isfile(self, path: str) -> bool:
        return path.endswith(self.name)

    def isdir(self, path: str) -> bool:
        return False

    def ls(self, path: str) -> list[str]:
        return []

    def mtime(self, path: str) -> int:
        return 0

    def rm(self, path: str) -> None:
        raise PermissionError(path)

    def size(self, path: str) -> int:
        if not self.isfile(path):
            raise FileNotFoundError(path)
        return self.file.whole_size()
