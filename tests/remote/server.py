"""A server on 127.0.0.1 that says, byte by byte, what a test or an attack wants."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rs_pipeline.remote import breaker

Answer = Callable[[socket.socket, str, int], None]


class Server:
    """Answers each request, its body included, by ``answer(connection, request text, number)``; connections are closed after it."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1"):
        self.answer, self.requests = answer, []
        self.socket = socket.create_server((host, 0), backlog=64)
        self.url = f"http://{host}:{self.socket.getsockname()[1]}"
        self.closing = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            text = b""
            while b"\r\n\r\n" not in text and (part := connection.recv(4096)):
                text += part
            head, _, body = text.partition(b"\r\n\r\n")
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            while len(body) < length and (part := connection.recv(4096)):
                body += part
            if text:
                self.requests.append((head + b"\r\n\r\n" + body).decode())
                try:
                    self.answer(connection, self.requests[-1], len(self.requests))
                except OSError:
                    pass


def http(status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """An answer; underscores in names of headers are hyphens."""
    lines = {"Content-Length": str(len(body)), "Connection": "close", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return "\r\n".join([f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in lines.items() if v is not None), "", ""]).encode() + body


def always(answer: bytes):
    return lambda connection, request, n: connection.sendall(answer)


@contextmanager
def forgotten() -> Iterator[None]:
    """Nothing is known of hosts before and after."""
    known = (breaker._spent, breaker._silent_since, breaker._down_since, breaker._answered_at, breaker._asked_by)
    for state in known:
        state.clear()
    yield
    breaker._folder = None
    for state in known:
        state.clear()
