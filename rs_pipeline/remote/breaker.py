"""A host that is down is not asked again and again: when it has answered nothing for a time it is left alone for a while.

What is known of hosts is shared among the jobs of a run by files in a folder: one a host, whose time says since when.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path

from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RemoteError


class HostDown(RemoteError):
    """A host that is left alone."""


SPENT = 3
"""So many requests in a row must have spent all their tries before a host counts as down."""

_lock = threading.Lock()
_spent: dict[str, int] = {}
_silent_since: dict[str, float] = {}
_down_since: dict[str, float] = {}
_folder: Path | None = None


def share(folder: Path) -> None:
    """Keep what is known of hosts in a folder, from now on in this process; it is made when a host is down."""
    global _folder
    _folder = folder


def _mark(host: str) -> Path | None:
    return None if _folder is None else _folder / re.sub(r"[^a-z0-9.-]", "_", host.lower())


def _since(host: str) -> float:
    """When the host was found to be down, seconds since 1970; 0 where it is not known to be."""
    mark, own = _mark(host), _down_since.get(host, 0.0)
    try:
        return max(own, mark.stat().st_mtime) if mark else own
    except OSError:
        return own


def _is_down(host: str) -> None:
    _down_since[host] = time.time()
    if mark := _mark(host):
        with suppress(OSError):  # it is then known to this process only
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            os.utime(mark)


def may_ask(host: str, limits: FetchSection) -> None:
    """Let a request to a host pass. When its time is over one request is let through, and the next ones wait for what becomes of it.

    Raises
    ------
    HostDown : it was asked less than ``limits.ask_again_s`` ago.
    """
    with _lock:
        since = _since(host)
        if not since:
            return
        left = since + limits.ask_again_s - time.time()
        if left > 0:
            mark = _mark(host)
            raise HostDown(
                f"{host} answers nothing; it is left alone for {left:.0f} s more",
                remedy="wait, or start again when it answers" + (f" and delete {mark}" if mark else "") + "; fetch.give_up_s and fetch.ask_again_s are the limits",
            )
        _is_down(host)


def failed(host: str) -> None:
    """A try got no answer, or one that blames the server."""
    with _lock:
        _silent_since.setdefault(host, time.monotonic())


def spent(host: str, limits: FetchSection) -> None:
    """So did all tries of a request."""
    with _lock:
        _spent[host] = _spent.get(host, 0) + 1
        if _spent[host] >= SPENT and time.monotonic() - _silent_since.get(host, math.inf) >= limits.give_up_s:
            _is_down(host)


def answered(host: str) -> None:
    """The host is alive: whatever was counted is forgotten."""
    with _lock:
        _spent.pop(host, None)
        _silent_since.pop(host, None)
        if _down_since.pop(host, None) is not None and (mark := _mark(host)):
            with suppress(OSError):
                mark.unlink(missing_ok=True)
