"""The journal of a run, ``logs/jobs.jsonl``: one line when a job starts and one when it ends, with its time, memory and bytes.

A job that was killed has a start line and no end line.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from rs_pipeline.redaction import redacted
from rs_pipeline.storage.lines import append_line
from rs_pipeline.storage.provenance import code_sha256

ENDS = ("done", "given up")
"""States in which a job has ended."""

MAX_SAID = 20
"""Most warnings of a job that are kept."""


@dataclass(frozen=True)
class JournalEntry:
    """One line of the journal."""

    job: str
    """See `retry.job_name`."""
    verb: str
    state: str
    """``started``, ``done``, ``failed`` or ``given up``."""
    time: str
    """UTC, ISO 8601."""
    attempt: int = 1
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    """Largest resident memory of the process so far, MB; a process may do several jobs of a tile and period."""
    read_mb: float = 0.0
    """Data read from files, including those in the system's cache, but not from the network."""
    written_mb: float = 0.0
    reason: str = ""
    """Why it failed or was given up."""
    said: list[str] = field(default_factory=list)
    """Warnings of a job that ended well, each once."""
    host: str = ""
    pid: int = 0
    code: str = ""
    """SHA-256 of the whole code that did the job."""


class Watch:
    """Measures a job of this process from now on, and writes its lines to the journal."""

    def __init__(self, path: Path, job: str, verb: str, attempt: int):
        self.path, self.about = path, {"job": job, "verb": verb, "attempt": attempt, "host": socket.gethostname(), "pid": os.getpid(), "code": code_sha256()}
        self.start, self.cpu, self.bytes = time.monotonic(), time.process_time(), _bytes()
        self.write("started")

    def write(self, state: str, reason: str = "", said: Iterable[str] = ()) -> None:
        """Add a line. Where the journal cannot be written the line is lost, and the job goes on."""
        now, used = _bytes(), {}
        if state != "started":
            used = {
                "seconds": round(time.monotonic() - self.start, 2),
                "cpu_seconds": round(time.process_time() - self.cpu, 2),
                "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "read_mb": round((now[0] - self.bytes[0]) / 1e6, 2),
                "written_mb": round((now[1] - self.bytes[1]) / 1e6, 2),
            }
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "state": state,
            **self.about,
            **used,
            "reason": redacted(reason)[:2000],
            "said": [redacted(line)[:500] for line in dict.fromkeys(said)][:MAX_SAID],
        }
        with suppress(OSError):
            append_line(self.path, {k: v for k, v in line.items() if v not in ("", [])})


def _bytes() -> tuple[int, int]:
    """Bytes read and written by this process."""
    try:
        counters = psutil.Process().io_counters()
        return counters.read_chars, counters.write_chars
    except (psutil.Error, AttributeError, OSError, NotImplementedError):
        return 0, 0


def read_journal(path: Path) -> list[JournalEntry]:
    """All lines in order; lines cut off by a full disk and damaged lines are skipped."""
    return journal_since(path, 0)[0]


def journal_since(path: Path, place: int) -> tuple[list[JournalEntry], int]:
    """Complete lines after a position in the file (bytes), in order, and the position to continue from."""
    if not path.is_file():
        return [], 0
    with path.open("rb") as file:
        file.seek(place)
        text = file.read()
    end = text.rfind(b"\n") + 1
    return list(_entries(text[:end].decode("utf-8", errors="replace").split("\n"))), place + end


def _entries(lines: Iterable[str]) -> Iterator[JournalEntry]:
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            values: dict[str, Any] = json.loads(line)
            datetime.fromisoformat(values["time"])
            yield JournalEntry(**values)


def entries_of(path: Path, job: str) -> list[JournalEntry]:
    """The lines of one job in order; other lines are not parsed, because a province has tens of thousands and every job calls this."""
    word = json.dumps(job, ensure_ascii=False)
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace") as lines:
        return [entry for entry in _entries(line for line in lines if word in line) if entry.job == job]


def failures(path: Path, job: str, attempt: int) -> list[str]:
    """Reasons why earlier attempts at a job did not end well, in order. Attempts of an earlier run, and attempts that did not reach this job, are not
    included.

    Parameters
    ----------
    attempt : number of the attempt that begins. Attempts of one run count upwards.
    """
    if attempt == 1:
        return []
    tries: list[tuple[int, str]] = []
    for entry in entries_of(path, job):
        if entry.state == "started":
            tries.append((entry.attempt, "it was killed: by the system for its memory or time, or by hand"))
        elif entry.state in ENDS:
            tries.clear()
        elif tries:
            tries[-1] = entry.attempt, entry.reason
    found: list[str] = []
    while tries and tries[-1][0] < attempt:
        attempt, reason = tries.pop()
        found.insert(0, reason)
    return found
