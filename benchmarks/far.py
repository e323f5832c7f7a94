"""Imitation of a distant archive: a server on 127.0.0.1 in its own process, with a latency for each request, one bandwidth for all connections and,
optionally, refusals with Retry-After and signatures that expire. It serves byte ranges of files, and a STAC API of items like those of Earth Search.
"""

from __future__ import annotations

import hmac
import itertools
import json
import multiprocessing
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

_PIECE_BYTES = 2**16


@dataclass(frozen=True)
class Far:
    """Network properties of the archive."""

    latency_s: float = 0.075
    bytes_s: float = 50e6
    """Bandwidth of all connections together, bytes/s."""
    refused_every: int = 0
    """Every ``refused_every``-th request is answered with 429 or 503, alternating, and Retry-After; 0: none."""
    refusal_wait_s: int = 1
    signature_s: float = 0.0
    """Hrefs of items carry a signature that is valid for so long; 0: files are open to all."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, files: Mapping[str, Path], items: Sequence[dict], far: Far):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {name: path.read_bytes() for name, path in files.items()}
        self.url, self.far = f"http://127.0.0.1:{self.server_port}", far
        self.items = json.loads(json.dumps(list(items)).replace("{url}", self.url))
        self.told: Counter[str] = Counter()
        self.refusals = itertools.count(1)
        self._free_at, self._lock, self._key = 0.0, threading.Lock(), secrets.token_bytes()

    def count(self, **amounts: int) -> None:
        with self._lock:
            self.told.update(amounts)

    def pass_on(self, n_bytes: int) -> None:
        """Wait for the time that ``n_bytes`` need at the shared bandwidth, after the bytes queued earlier."""
        with self._lock:
            self._free_at = max(time.monotonic(), self._free_at) + n_bytes / self.far.bytes_s
            wait_s = self._free_at - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)

    def signed(self, item: dict) -> dict:
        """The item, whose files want a signature, as it is given out now."""
        if not self.far.signature_s:
            return item
        ends = f"{time.time() + self.far.signature_s:.3f}"
        assets = {name: {**asset, "href": f"{asset['href']}?se={ends}&sig={self._seal(ends)}"} for name, asset in item["assets"].items()}
        return {**item, "assets": assets}

    def accepts(self, address: str) -> bool:
        """Whether the address of a file carries a valid signature, where one is wanted."""
        asked = parse_qs(urlsplit(address).query)
        ends = asked.get("se", [""])[0]
        return not self.far.signature_s or (asked.get("sig") == [self._seal(ends)] and float(ends) > time.time())

    def _seal(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode(), "sha256").hexdigest()

    def handle_error(self, request, client_address):
        """Print nothing when a client ends a connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.far.latency_s)
        self.server.count(api_requests=1)
        self._json(self._page(asked))

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/told":
            told = dict(self.server.told)
            self.server.told.clear()
            return self._json(told)
        time.sleep(self.server.far.latency_s)
        if path == "/v1":
            self.server.count(api_requests=1)
            return self._json(
                {
                    "type": "Catalog",
                    "id": "far",
                    "description": "far",
                    "stac_version": "1.0.0",
                    "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
                    "links": [{"rel": "search", "href": self.server.url + "/v1/search", "type": "application/geo+json", "method": "POST"}],
                }
            )
        self._file(path)

    def _file(self, path: str) -> None:
        server, far = self.server, self.server.far
        if not server.accepts(self.path):
            server.count(requests=1, expired=1)
            return self._send(403, b"signature expired")
        n = next(server.refusals)
        if far.refused_every and n % far.refused_every == 0:
            server.count(requests=1, refused=1)
            return self._send((429, 503)[n // far.refused_every % 2], b"", {"Retry-After": str(far.refusal_wait_s)})
        data = server.files.get("/".join(path.split("/")[-1:]))
        if data is None:
            server.count(requests=1)
            return self._send(404, b"")
        asked = self.headers.get("Range")
        first, last = 0, len(data) - 1
        if asked:
            begin, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = (int(begin), min(int(end or last), last)) if begin else (len(data) - int(end), last)
        server.count(requests=1, heads=self.command == "HEAD", bytes=0 if self.command == "HEAD" else last + 1 - first)
        about = {"Accept-Ranges": "bytes", "ETag": f'"{len(data)}"', **({"Content-Range": f"bytes {first}-{last}/{len(data)}"} if asked else {})}
        self._send(206 if asked else 200, memoryview(data)[first : last + 1], about)

    def _page(self, asked: dict) -> dict:
        (west, south, east, north), (first, last) = asked["bbox"], (datetime.fromisoformat(t) for t in asked["datetime"].split("/"))
        found = [
            i
            for i in self.server.items
            if i["collection"] in asked["collections"]
            and first <= datetime.fromisoformat(i["properties"]["datetime"]) <= last
            and i["bbox"][0] <= east
            and i["bbox"][2] >= west
            and i["bbox"][1] <= north
            and i["bbox"][3] >= south
        ]
        start, n = int(asked.get("token", 0)), int(asked["limit"])
        more = [{"rel": "next", "method": "POST", "href": self.server.url + "/v1/search", "body": {**asked, "token": str(start + n)}}]
        return {
            "type": "FeatureCollection",
            "features": [self.server.signed(i) for i in found[start : start + n]],
            "links": more if start + n < len(found) else [],
        }

    def _json(self, document: dict) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/geo+json"})

    def _send(self, status: int, body: bytes | memoryview, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        for at in range(0, len(body) if self.command != "HEAD" else 0, _PIECE_BYTES):
            piece = body[at : at + _PIECE_BYTES]
            self.server.pass_on(len(piece))
            self.wfile.write(piece)


def _serve(files: Mapping[str, Path], items: Sequence[dict], far: Far, tell: Connection) -> None:
    server = _Server(files, items, far)
    tell.send(server.url)
    server.serve_forever()


@dataclass(frozen=True)
class Archive:
    """A running server."""

    url: str

    def told(self) -> Counter[str]:
        """Counts since the last call: ``requests``, ``heads``, ``bytes``, ``refused`` and ``expired`` of files, and ``api_requests``."""
        with urlopen(self.url + "/told") as answer:
            return Counter(json.load(answer))


@contextmanager
def far_archive(files: Mapping[str, Path], far: Far, items: Sequence[dict] = ()) -> Iterator[Archive]:
    """Serve files by their name in any folder, and items, in which ``{url}`` is replaced by the server's address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(files, items, far, theirs), daemon=True)
    process.start()
    try:
        yield Archive(ours.recv())
    finally:
        process.terminate()
        process.join()
