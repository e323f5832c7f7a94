"""Warnings that a process logs only once."""

from __future__ import annotations

import logging
from threading import Lock

_said, _lock = set[str](), Lock()


def warn_once(log: logging.Logger, text: str, *values: object) -> None:
    """Log a warning once per process and text; otherwise a fault of a folder would be logged for every scene, by several threads."""
    words = text % values
    with _lock:
        new = words not in _said
        _said.add(words)
    if new:
        log.warning("%s", words)
