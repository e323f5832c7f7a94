"""The one policy by which requests and reads over the network are tried again (tenacity)."""

from __future__ import annotations

import random
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from rs_pipeline.config import FetchSection
from rs_pipeline.remote import breaker

RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which another try may help."""


class Later(OSError):
    """A try that failed in a way which another may not. ``wait_s`` is what the server asked for, 0 if it did not; ``silent`` the host that gave no
    answer, or blamed itself, and empty where it is alive.
    """

    def __init__(self, what: str, wait_s: float = 0.0, status: int | None = None, silent: str = ""):
        self.wait_s, self.status, self.silent = wait_s, status, silent
        super().__init__(what)


class Refused(OSError):
    """A server's answer, by its number in HTTP, after which it will say the same again; 403 may be an old signature."""

    def __init__(self, what: str, status: int):
        self.status = status
        super().__init__(what)


def retry_after_s(header: str | None) -> float:
    """Seconds a Retry-After header asks to wait (a number or an HTTP date); 0 where there is none or it is nonsense."""
    try:
        return max(0.0, float(Retry().parse_retry_after(header))) if header else 0.0
    except (InvalidHeader, ValueError, OverflowError, TypeError):
        return 0.0


def policy(limits: FetchSection, again: Callable[[BaseException], bool], before_pause: Callable[[RetryCallState], None] | None = None) -> Retrying:
    """What calls a function up to ``limits.retries`` times more while it fails in a way that ``again`` says another try may help.

    The pause is ``limits.backoff_s``, doubled each time, at most ``limits.max_wait_s``, and up to half as much again by chance; or
    what the server asked for, where that is longer. A server that asks for more than ``limits.max_wait_s`` is given up at once.
    The last fault is raised as it is; a host that is silent to the last is told to the breaker.
    """
    doubled = wait_exponential(multiplier=limits.backoff_s, max=limits.max_wait_s)

    def pause_s(state: RetryCallState) -> float:
        return max(_asked_s(state), doubled(state) * random.uniform(1.0, 1.5))

    def spent(state: RetryCallState) -> bool:
        over = state.attempt_number > limits.retries or _asked_s(state) > limits.max_wait_s
        if over and (host := getattr(fault_of(state), "silent", "")):
            breaker.spent(host, limits)
        return over

    return Retrying(retry=retry_if_exception(again), wait=pause_s, stop=spent, before_sleep=before_pause, reraise=True)


def fault_of(state: RetryCallState) -> BaseException | None:
    """What the last try ended with; None where it did not fail, or has not ended."""
    return state.outcome.exception() if state.outcome is not None else None


def _asked_s(state: RetryCallState) -> float:
    return getattr(fault_of(state), "wait_s", 0.0)
