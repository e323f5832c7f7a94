"""A host that is down is left alone, by this process and by the others, until one request finds it alive."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:\d+ does not answer; it is not asked again for (300|299) s"):
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
    with pytest.raises(RemoteError, match="not asked again"):
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


def marked(folder, server, age_s: float):
    """The mark that a host was found to be down so many seconds ago."""
    breaker.share(folder)
    mark = breaker._mark(server.url.removeprefix("http://"))
    mark.touch()
    os.utime(mark, (time.time() - age_s,) * 2)
    return mark


def at_once(server, n: int = 8) -> list[str]:
    def one(_):
        try:
            return ask(server.url, LIMITS.model_copy(update={"timeout_s": 60}), internal=True).body.decode()
        except (RemoteError, Later) as fault:
            return type(fault).__name__

    with ThreadPoolExecutor(n) as pool:
        return sorted(pool.map(one, range(n)))


@pytest.mark.parametrize("of_another_user", [False, True])
def test_requests_wait_for_the_one_that_finds_out(serving, tmp_path, monkeypatch, of_another_user):
    """All get through to a host that is alive again, also where the mark cannot be removed; one alone asks a host that is still down."""

    def slow(connection, request, n):
        time.sleep(0.2)
        connection.sendall(http(body=b"here"))

    server = serving(slow)
    mark = marked(tmp_path, server, 86_400)
    if of_another_user:
        monkeypatch.setattr(Path, "unlink", lambda *a, **k: (_ for _ in ()).throw(PermissionError))
    assert [at_once(server) for _ in range(2)] == [["here"] * 8] * 2 and mark.exists() == of_another_user
    dead = serving(always(http("500 Oh")))
    marked(tmp_path, dead, 86_400)
    assert at_once(dead) == ["HostDown"] * 7 + ["Later"] and len(dead.requests) == 1


def test_a_request_that_ends_without_finding_out_leaves_it_to_the_next(serving, tmp_path):
    server = serving(always(http(body=b"here")))
    marked(tmp_path, server, 86_400)
    with pytest.raises(RemoteError, match="is internal"):
        ask(server.url, LIMITS)
    assert at_once(server) == ["here"] * 8


@pytest.mark.parametrize(("age_s", "asked"), [(-365 * 86_400, True), (-600, True), (-100, False), (200, False), (301, True)])
def test_a_mark_of_a_clock_that_was_ahead_ends(serving, tmp_path, age_s, asked):
    """Clocks of machines that share a folder differ a little: a mark counts that is ahead by no more than it lasts."""
    server = serving(always(http(body=b"here")))
    marked(tmp_path, server, age_s)
    if asked:
        assert fetch(server) == b"here"
    else:
        with pytest.raises(breaker.HostDown):
            fetch(server)


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
