"""A host that is down is left alone, by this process and by the others, until one request finds it alive."""

import os
import time

import pytest

from rs_pipeline.catalog.read import retrying
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RemoteError
from rs_pipeline.remote import breaker
from rs_pipeline.remote.ask import ask
from rs_pipeline.remote.retrying import Later, Refused
from tests.remote.server import always, forgotten, http

LIMITS = FetchSection(retries=1, backoff_s=0.001, timeout_s=1, give_up_s=0)


def fetch(server, limits: FetchSection = LIMITS):
    return retrying(lambda: ask(server.url, limits, internal=True).body, server.url, limits)


def down(server) -> None:
    for _ in range(3):
        with pytest.raises(Later):
            fetch(server)


@pytest.mark.parametrize("answer", [b"", http("500 Oh"), http("503 Busy")])
def test_a_host_that_fails_is_left_alone(serving, answer):
    server, other = serving(always(answer)), serving(always(http(body=b"here")))
    down(server)
    assert len(server.requests) == 6
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:\d+ answers nothing; it is left alone for (300|299) s more"):
        fetch(server)
    assert len(server.requests) == 6 and fetch(other) == b"here"


@pytest.mark.parametrize("answer", [http("404 None"), http("403 No"), http("410 Gone")])
def test_a_host_that_refuses_is_alive(serving, answer):
    server = serving(always(answer))
    for _ in range(8):
        with pytest.raises(Refused):
            fetch(server)
    assert len(server.requests) == 8


def test_one_answer_in_between_is_enough(serving):
    server = serving(lambda c, _, n: c.sendall(http(body=b"here") if n % 5 == 0 else http("500 Oh")))
    limits = LIMITS.model_copy(update={"retries": 4})
    assert [fetch(server, limits) for _ in range(5)] == [b"here"] * 5


def test_after_its_time_one_request_asks_again(serving):
    server = serving(lambda c, _, n: c.sendall(http("500 Oh") if n <= 7 else http(body=b"here")))
    down(server)
    again = LIMITS.model_copy(update={"ask_again_s": 0.2, "retries": 0})
    time.sleep(0.25)
    with pytest.raises(Later):
        fetch(server, again)
    with pytest.raises(RemoteError, match="left alone"):
        fetch(server, again)
    time.sleep(0.25)
    assert [fetch(server, again) for _ in range(3)] == [b"here"] * 3 and len(server.requests) == 10


def test_other_jobs_are_told(serving, tmp_path):
    server = serving(lambda c, _, n: c.sendall(http("500 Oh") if n <= 6 else http(body=b"here")))
    breaker.share(tmp_path / ".hosts")
    down(server)
    (mark,) = (tmp_path / ".hosts").iterdir()
    with forgotten():
        breaker.share(tmp_path / ".hosts")
        with pytest.raises(RemoteError, match=r"start again when it answers and delete .*\.hosts"):
            fetch(server)
        os.utime(mark, (time.time() - 301,) * 2)
        assert fetch(server) == b"here" and not mark.exists()


def test_a_short_outage_is_no_death(serving):
    """Three requests are soon spent by a server that starts anew; it is asked on for ``give_up_s``."""
    server = serving(lambda c, _, n: c.sendall(http("503 Busy") if n <= 8 else http(body=b"here")))
    patient = LIMITS.model_copy(update={"give_up_s": 5})
    for _ in range(4):
        with pytest.raises(Later):
            fetch(server, patient)
    assert fetch(server, patient) == b"here"


def test_a_server_that_asks_for_patience_is_alive(serving):
    server = serving(always(http("429 Slowly", Retry_After="0")))
    for _ in range(5):
        with pytest.raises(Later):
            fetch(server)
    assert len(server.requests) == 10
