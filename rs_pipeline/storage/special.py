"""Detects pipes, devices and sockets in place of files: reading them may block for ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


def special_kind(path: str | Path) -> str:
    """Kind of a special file at a path: ``a pipe``, ``a device`` or ``a socket``; empty for a file, a folder or nothing.

    >>> special_kind("/dev/null"), special_kind("/"), special_kind("/no/such/file")
    ('a device', '', '')
    """
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except (OSError, ValueError):
        return ""
