"""Distinguishes faults of the disk from faults of the data: file drivers report them in many ways, or not at all. In doubt a test file is written."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from rs_pipeline.errors import DISK_FAULTS, MAKE_ROOM, PipelineError, SpaceError

TRIAL_BYTES = 2**20
"""Size of the test file; a disk with less space left is full."""

TRIAL_FILES = 10
"""Least number of files that a job makes; a disk with room for fewer is full."""


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist yet."""
    return shutil.disk_usage(_nearest(folder)).free


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has less than TRIAL_BYTES left, or room for fewer than TRIAL_FILES files. File systems without inodes
    report 0 free of 0, and only their space is checked."""
    found = os.statvfs(_nearest(folder))
    return found.f_bavail * found.f_frsize < TRIAL_BYTES or 0 <= found.f_favail < min(TRIAL_FILES, found.f_files)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir())


def disk_fault(folder: Path, fault: BaseException | None = None) -> str:
    """What is wrong with the disk of a folder, in words, by the errno of a fault or of its causes, or by writing a test file; empty where nothing is wrong.

    Full disks, used-up quotas, limits of file sizes, exhausted inodes, read-only file systems and faults of the device are recognised.
    """
    while fault is not None:
        if isinstance(fault, SpaceError):
            return fault.what
        if isinstance(fault, OSError) and fault.errno in DISK_FAULTS:
            return DISK_FAULTS[fault.errno]
        fault = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)  # `from None`: the cause was handled already
    return _tried(folder)


def _tried(folder: Path) -> str:
    """What is wrong when a file of TRIAL_BYTES is written to a folder, in words; empty where nothing is."""
    folder = _nearest(folder)
    trial = folder / f".trial.{os.getpid()}.part"
    try:
        descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as fault:
        return _words(fault)
    try:
        left = TRIAL_BYTES
        while left:
            left -= os.write(descriptor, bytes(left))
        os.fsync(descriptor)
    except OSError as fault:
        return _words(fault)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            trial.unlink()
    return ""


def _words(fault: OSError) -> str:
    return DISK_FAULTS.get(fault.errno or 0, f"the folder cannot be written: {fault.strerror}")


def _at_limit(path: Path) -> str:
    """Message where a file reached the limit of file sizes of the process (RLIMIT_FSIZE); empty where none did."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return ""
    sizes = [p.stat().st_size for p in (path.rglob("*") if path.is_dir() else path.parent.glob(f"{escape(path.stem)}*")) if p.is_file()]
    return DISK_FAULTS[errno.EFBIG] if any(size >= max(limit - 2**16, limit // 2) for size in sizes) else ""


@contextmanager
def blaming_disk(path: Path) -> Iterator[None]:
    """Context for writing a file or folder: an error inside becomes a SpaceError if the disk is its cause; other errors pass unchanged.

    Raises
    ------
    SpaceError : the disk is full, its quota is used up, or it cannot be written.
    """
    try:
        yield
    except Exception as fault:
        if isinstance(fault, SpaceError):
            raise
        if what := _at_limit(path) or disk_fault(path.parent, fault):
            where = fault.where if isinstance(fault, PipelineError) and fault.where else str(path.parent)
            raise SpaceError(what, where=where, remedy=MAKE_ROOM) from fault
        raise
