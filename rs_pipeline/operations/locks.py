"""Locks that allow one run per folder and one process per job. They are locks of the operating system, which end with their process, however it ends.

All are byte ranges of one file. They work between machines where the file system of the results supports POSIX locks (local disks, NFS,
Lustre with ``flock``).
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

from rs_pipeline.errors import LockedError, SpaceError

log = logging.getLogger(__name__)

_RUN = 0
"""Byte that a run locks; a job locks one of the bytes after it."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def hold_run(path: Path) -> int:
    """Lock the folder of a run until the process ends. Returns the file descriptor, which must stay open.

    Raises
    ------
    LockedError : another process holds the lock; the message says which.
    SpaceError : the folder cannot be written.
    """
    descriptor = _opened(path)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _RUN)
    except OSError as fault:
        if fault.errno in _NO_LOCKS:
            log.warning("%s: the file system has no locks; make sure that only one run works here", path)
            return descriptor
        holder = _holder(path)
        os.close(descriptor)
        raise LockedError(f"another run works on this folder: {holder}", where=str(path.parent), remedy="wait until it has ended, or stop it") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(_self()).encode(), 0)
    return descriptor


def is_free(path: Path) -> bool:
    """Whether no other process holds the folder of a run."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _RUN)
    except OSError as fault:
        return fault.errno in _NO_LOCKS
    finally:
        os.close(descriptor)
    return True


@contextmanager
def job_lock(path: Path, job: str) -> Iterator[None]:
    """Hold the lock of a job. A job that a lost run left running is waited for, so that no two jobs write the same files.

    Raises
    ------
    SpaceError : the folder cannot be written.
    """
    descriptor, byte = _opened(path), 1 + crc32(job.encode())
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as fault:
            if fault.errno not in _NO_LOCKS:
                log.warning("%s is still worked on by another process; waiting for it", job)
                fcntl.lockf(descriptor, fcntl.LOCK_EX, 1, byte)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as fault:
        raise SpaceError(
            f"the results cannot be written: {fault.strerror}", where=str(path.parent), remedy="make the folder writable, or set `output` to another"
        ) from None


def _self() -> dict[str, str | int]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "started": started, "command": " ".join(sys.argv)[:500]}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _holder(path: Path) -> str:
    """The holder of the run's lock as stated in the lock file, in words."""
    for _ in range(3):  # the holder may be writing the file at this moment
        try:
            by = json.loads(path.read_text("utf-8"))
            return f"process {by['pid']} on {by['host']}, started by {by['user']} at {by['started']}: {by['command']}"
        except (OSError, ValueError, KeyError):
            time.sleep(0.1)
    return "a process that does not say who it is"
