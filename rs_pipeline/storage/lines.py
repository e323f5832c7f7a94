"""Files of JSON lines to which the jobs of a run add."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rs_pipeline.storage.atomic import make_way
from rs_pipeline.storage.held import locked_within

_PATIENCE_S = 5.0
"""Others are done in less, with the disk; the job of a suspended process never is."""

_not_waited_for: set[Path] = set()
"""Files whose lock could not be had once: they are tried, not waited for."""


def append_line(path: Path, value: Any, *, lasting: bool = False) -> None:
    """Add a value as a line, no other job between; where its lock cannot be had, it is added all the same. A line that a full disk or a power loss tore is ended
    first, so that it costs itself alone.

    ``lasting``: it is on the disk when this returns.

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
