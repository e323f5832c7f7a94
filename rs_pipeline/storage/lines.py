"""Files of JSON lines to which the jobs of a run add."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any


def append_line(path: Path, value: Any, *, lasting: bool = False) -> None:
    """Add a value as a line, no other job between. A line that a full disk or a power loss tore is ended first, so that it costs itself alone.

    ``lasting``: it is on the disk when this returns.

    Raises
    ------
    OSError : it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        torn = file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + json.dumps(value, ensure_ascii=False).encode() + b"\n")
        file.flush()
        if lasting:
            os.fsync(file.fileno())
