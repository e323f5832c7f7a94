"""Locks of open files (flock), waited for with patience: one whose holder was stopped is left to it."""

from __future__ import annotations

import fcntl
import time
from typing import IO

_LOOKED_AGAIN_S = 0.02
"""A lock that another holds is tried again after so long."""


def locked_within(file: IO, patience_s: float) -> bool:
    """Take the lock of an open file, which ends when it is closed. False where another holds it for longer than that, or the file system knows no locks."""
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(_LOOKED_AGAIN_S)
        except OSError:
            return False
