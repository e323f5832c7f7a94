"""The retry policy of all requests and reads over the network (tenacity)."""

from __future__ import annotations

import random
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from rs_pipeline.config import FetchSection
from rs_pipeline.remote import breaker

RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
"""HTTP status codes after which another try may help."""


class Later(OSError):
    """A transient fault: another try may succeed. ``wait_s`` : pause that the server asks for, seconds, 0 for none. ``silent`` : the host, where it gave no
    answer or a server error (5xx), else empty.
    """

    def __init__(self, what: str, wait_s: float = 0.0, status: int | None = None, silent: str = ""):
        self.wait_s, self.status, self.silent = wait_s, status, silent
        super().__init__(what)


class Refused(OSError):
    """A final answer, with its HTTP status: another try gets the same. Status 403 may mean an expired signature."""

    def __init__(self, what: str, status: int):
        self.status = status
        super().__init__(what)


def retry_after_s(header: str | None) -> float:
    """Seconds to wait by a Retry-After header (a number or an HTTP date); 0 where it is missing or invalid."""
    try:
        return max(0.0, float(Retry().parse_retry_after(header))) if header else 0.0
    except (InvalidHeader, ValueError, OverflowError, TypeError):
        return 0.0


def policy(limits: FetchSection, again: Callable[[BaseException], bool], before_pause: Callable[[RetryCallState], None] | None = None) -> Retrying:
    """A `tenacity.Retrying` that calls a function again, up to ``limits.retries`` times, while it raises errors for which ``again`` is true.

    The pause is ``limits.backoff_s``, doubled each time, at most ``limits.max_wait_s``, and lengthened by a random 0 to 50 %; or the pause that
    the server asks for, where that is longer. If a server asks for more than ``limits.max_wait_s``, there is no further try.
    The last fault is raised unchanged. A host that was silent at the last try is reported to `breaker`.
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
    """The error of the last try; None where it did not fail, or has not ended."""
    return state.outcome.exception() if state.outcome is not None else None


def _asked_s(state: RetryCallState) -> float:
    return getattr(fault_of(state), "wait_s", 0.0)
