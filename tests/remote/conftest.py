"""Servers on 127.0.0.1, and hosts of which nothing is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.remote.server import Server, forgotten


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    """Makes servers, which end with the test."""
    made: list[Server] = []

    def make(answer, host: str = "127.0.0.1") -> Server:
        made.append(Server(answer, host))
        return made[-1]

    yield make
    for server in made:
        server.closing.set()
        server.socket.close()


@pytest.fixture(autouse=True)
def _no_memory_of_hosts():
    with forgotten():
        yield
