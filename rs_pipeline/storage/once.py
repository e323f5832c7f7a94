"""Warnings that hold for a whole process."""

from __future__ import annotations

import logging
from threading import Lock

_said, _lock = set[str](), Lock()


def warn_once(log: logging.Logger, text: str, *values: object) -> None:
    """Log a warning, once a process: a fault of a folder would else be told for every scene that meets it, by threads side by side."""
    words = text % values
    with _lock:
        new = words not in _said
        _said.add(words)
    if new:
        log.warning("%s", words)
