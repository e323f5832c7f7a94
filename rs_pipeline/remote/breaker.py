"""Circuit breaker: a host that has not answered for some time counts as down and is not asked for a while.

The state of hosts is shared by the jobs of a run through files in a folder: one per host, whose modification time says since when it is down.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RemoteError


class HostDown(RemoteError):
    """A host that counts as down and is not asked."""


SPENT = 3
"""Number of successive requests that must have failed in all their tries before a host counts as down."""

_lock = threading.Lock()
_changed = threading.Condition(_lock)
_spent: dict[str, int] = {}
_silent_since: dict[str, float] = {}
_down_since: dict[str, float] = {}
_answered_at: dict[str, float] = {}
"""Host to the time of its last answer, seconds since 1970. An older mark is ignored, also where it belongs to another user and cannot be removed."""
_asked_by: dict[str, int] = {}
"""Host to the thread whose request tests whether it answers again."""
_folder: Path | None = None


def share(folder: Path) -> None:
    """Keep the state of hosts in a folder, from now on in this process; the folder is made when a host is down."""
    global _folder
    _folder = folder


def _mark(host: str) -> Path | None:
    return None if _folder is None else _folder / re.sub(r"[^a-z0-9.-]", "_", host.lower())


def _since(host: str, latest: float) -> float:
    """When the host was found to be down, seconds since 1970; 0 where it is not, or where the time is after ``latest``, from a clock that was ahead."""
    told = [_down_since.get(host, 0.0)]
    with suppress(OSError):
        told += [mark.stat().st_mtime] if (mark := _mark(host)) else []
    return max((since for since in told if _answered_at.get(host, 0.0) < since <= latest), default=0.0)


def _is_down(host: str) -> None:
    _down_since[host] = time.time()
    _answered_at.pop(host, None)
    if mark := _mark(host):
        with suppress(OSError):  # it is then known to this process only
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            os.utime(mark)


def may_ask(host: str, limits: FetchSection) -> None:
    """Return where a request to a host may be made. When a host has been down for ``limits.ask_again_s`` one request is let through as a test, and others
    wait for its result, at most ``limits.timeout_s``.

    Raises
    ------
    HostDown : the host has been down for less than ``limits.ask_again_s``, or the test has no result yet.
    """
    with _changed:
        _changed.wait_for(lambda: host not in _asked_by, limits.timeout_s)
        now = time.time()
        since = _since(host, now + limits.ask_again_s)
        if not since:
            return
        left = since + limits.ask_again_s - now
        if host in _asked_by or left > 0:
            mark = _mark(host)
            raise HostDown(
                f"{host} does not answer; it is not asked again for {max(left, 0):.0f} s",
                remedy="wait, or start again when it answers"
                + (f" and delete {mark}" if mark else "")
                + "; fetch.give_up_s and fetch.ask_again_s are the limits",
            )
        _asked_by[host] = threading.get_ident()


@contextmanager
def asking() -> Iterator[None]:
    """Context of a request: at its end, threads that wait for the test of this thread go on."""
    try:
        yield
    finally:
        with _changed:
            for host in [host for host, thread in _asked_by.items() if thread == threading.get_ident()]:
                _is_known(host)


def _is_known(host: str) -> None:
    """End the test of a host, so that waiting threads go on."""
    if _asked_by.pop(host, None) is not None:
        _changed.notify_all()


def failed(host: str) -> None:
    """Note that a try got no answer, or a server error."""
    with _changed:
        _silent_since.setdefault(host, time.monotonic())
        if _asked_by.get(host) == threading.get_ident():
            _is_down(host)
            _is_known(host)


def spent(host: str, limits: FetchSection) -> None:
    """Note that all tries of a request failed in that way."""
    with _lock:
        _spent[host] = _spent.get(host, 0) + 1
        if _spent[host] >= SPENT and time.monotonic() - _silent_since.get(host, math.inf) >= limits.give_up_s:
            _is_down(host)


def answered(host: str) -> None:
    """Note that the host answered: reset its counts and remove its mark."""
    with _changed:
        _spent.pop(host, None)
        _silent_since.pop(host, None)
        was_down = _down_since.pop(host, None) is not None or host in _asked_by
        _answered_at[host] = time.time()
        _is_known(host)
        if was_down and (mark := _mark(host)):
            with suppress(OSError):
                mark.unlink(missing_ok=True)
