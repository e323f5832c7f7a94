"""Files of JSON lines to which several jobs append."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rs_pipeline.storage.atomic import make_way
from rs_pipeline.storage.held import locked_within

_PATIENCE_S = 5.0
"""Longest wait for the lock, seconds: other jobs hold it for less, unless their process is suspended."""

_not_waited_for: set[Path] = set()
"""Files whose lock could not be obtained once: it is tried again, without waiting."""


def append_line(path: Path, value: Any, *, lasting: bool = False) -> None:
    """Append a value as a line while holding the file's lock; without the lock where it cannot be obtained. An incomplete last line, from a full disk or a
    power failure, is ended first, so that only that line is lost.

    ``lasting`` : wait until the line is on the disk (fsync).

    Raises
    ------
    OSError : it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    make_way(path)
    with path.open("a+b") as file:
        if not locked_within(file, 0.0 if path in _not_waited_for else _PATIENCE_S):
            _not_waited_for.add(path)
        torn = file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + json.dumps(value, ensure_ascii=False).encode() + b"\n")
        file.flush()
        if lasting:
            os.fsync(file.fileno())
