"""Locks of open files (flock) with a time limit, because the holder of a lock may be a stopped process."""

from __future__ import annotations

import fcntl
import time
from typing import IO

_LOOKED_AGAIN_S = 0.02
"""Pause before a lock that another process holds is tried again, seconds."""


def locked_within(file: IO, patience_s: float) -> bool:
    """Lock an open file until it is closed. False where another process holds the lock for longer than ``patience_s``, or the file system has no locks."""
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
