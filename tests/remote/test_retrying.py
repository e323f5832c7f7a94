"""The policy of pauses and tries that requests and reads share."""

import time

import pytest

from rs_pipeline.catalog import read as read_module
from rs_pipeline.catalog.read import retrying
from rs_pipeline.config import FetchSection
from rs_pipeline.remote.retrying import Later, policy, retry_after_s


@pytest.mark.parametrize("header, seconds", [(None, 0), ("12", 12), ("soon", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("-5", 0)])
def test_retry_after(header, seconds):
    assert retry_after_s(header) == seconds


@pytest.fixture
def pauses(monkeypatch):
    """Seconds of every pause, none of them slept; the part by chance is 0."""
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr("rs_pipeline.remote.retrying.random.uniform", lambda low, high: low)
    return slept


def failing(*faults):
    """A function that raises the faults in turn and then answers "done"."""
    left = list(faults)

    def call():
        if left:
            raise left.pop(0)
        return "done"

    return call


def patient(**limits):
    return policy(FetchSection(**limits), lambda fault: isinstance(fault, Later))


def test_pauses_double_up_to_the_longest(pauses):
    assert patient(retries=5, backoff_s=2, max_wait_s=12)(failing(*[Later("busy")] * 5)) == "done"
    assert pauses == [2, 4, 8, 12, 12]


def test_a_server_that_asks_for_more_than_the_own_pause_is_obeyed(pauses):
    assert patient(retries=3, backoff_s=2, max_wait_s=60)(failing(Later("busy", 60), Later("busy", 1), Later("busy"))) == "done"
    assert pauses == [60, 4, 8]


def test_a_server_that_asks_for_too_much_is_given_up_at_once(pauses):
    with pytest.raises(Later, match="busy"):
        patient(retries=3, max_wait_s=60)(failing(Later("busy", 60.5)))
    assert pauses == []


def test_no_tries_more_means_one(pauses):
    with pytest.raises(Later, match="first"):
        patient(retries=0)(failing(Later("first"), Later("second")))
    assert pauses == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), SystemExit(2), KeyError("a slip of ours")])
def test_what_is_no_fault_of_the_network_passes_through(pauses, fault):
    with pytest.raises(type(fault)):
        retrying(failing(fault), "https://x.org/a.tif", FetchSection())
    assert pauses == []


def test_a_refused_signature_is_renewed_before_the_next_try(pauses, monkeypatch):
    renewed = []
    monkeypatch.setattr(read_module, "forget_tokens", renewed.append)
    limits = FetchSection(retries=2, backoff_s=1)
    assert retrying(failing(OSError("HTTP 403"), OSError("timeout")), "https://x.org/a.tif", limits, "planetary-computer") == "done"
    assert renewed == ["planetary-computer"] and pauses == [1, 2]
    with pytest.raises(OSError, match="403"):
        retrying(failing(OSError("HTTP 403")), "https://x.org/a.tif", limits)
    assert pauses == [1, 2]
