"""Pipes, devices and sockets where a file is due: to read one may wait for ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


def special_kind(path: str | Path) -> str:
    """What stands at a path that is neither a file nor a folder: ``a pipe``, ``a device``, ``a socket``; else empty.

    >>> special_kind("/dev/null"), special_kind("/"), special_kind("/no/such/file")
    ('a device', '', '')
    """
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except (OSError, ValueError):
        return ""
