"""A STAC API and file server on localhost that fails as real ones do, by plan and counted.

Faults are drawn from a seeded generator, once for each request of a path, so a run meets the same ones whatever the order of threads.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search", "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
]  # fmt: skip
FAULTS = ("429", "500", "503", "slow", "truncated", "reset")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, items: list[dict], files: Path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = files
        self.items = [json.loads(json.dumps(i).replace(str(files), self.url + "/files")) for i in items]
        self.share = 0.0
        """Share of requests that fail."""
        self.in_a_row = 2
        """Faults of one path that follow each other at most."""
        self.slow_s = 0.02
        self.missing: set[str] = set()
        """Ends of paths that are answered 404."""
        self.token: str | None = None
        """What files ask for in their query, where not None."""
        self.endless = ""
        """``same`` repeats the first page for ever, ``empty`` hands out empty pages with a next link."""
        self.next_href = ""
        """Where the next link leads, instead of on."""
        self.seen: list[str] = []
        self.probes: list[str] = []
        """Requests for one byte, which only ask what a file is."""
        self.tells_etag = False
        self.faults: Counter[str] = Counter()
        self.busy = self.most_busy = 0
        self._row: Counter[str] = Counter()
        self._random: dict[str, random.Random] = defaultdict(lambda: random.Random(0))
        self._lock = threading.Lock()

    def fault(self, path: str, is_probe: bool) -> str:
        with self._lock:
            (self.probes if is_probe else self.seen).append(path)
            draw = self._random.setdefault(path, random.Random(path))
            fault = draw.choice(FAULTS) if draw.random() < self.share and self._row[path] < self.in_a_row else ""
            self._row[path] = self._row[path] + 1 if fault else 0
            if fault:
                self.faults[fault] += 1
            return fault

    def count(self, change: int) -> None:
        with self._lock:
            self.busy += change
            self.most_busy = max(self.most_busy, self.busy)

    def handle_error(self, request, client_address):
        """Clients that were killed are no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = urlsplit(self.path)
        self._serve(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})

    def do_POST(self):
        self._serve(urlsplit(self.path).path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _serve(self, path: str, asked: dict) -> None:
        self.server.count(1)
        try:
            fault = self.server.fault(path, self.headers.get("Range") == "bytes=0-0")
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            elif fault.isdigit():
                self._send(int(fault), b"busy", {"Retry-After": "0"} if fault == "429" else {})
            else:
                if fault == "slow":
                    time.sleep(self.server.slow_s)
                self._file(path, asked, fault) if path.startswith("/files/") else self._api(path, asked, fault)
        except OSError:
            self.close_connection = True
        finally:
            self.server.count(-1)

    def _send(self, status: int, body: bytes, headers: dict | None = None, fault: str = "") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if fault == "truncated" else body)
        if fault == "truncated":
            self.close_connection = True

    def _json(self, entry: dict, fault: str) -> None:
        self._send(200, json.dumps(entry).encode(), {"Content-Type": "application/geo+json"}, fault)

    def _api(self, path: str, asked: dict, fault: str) -> None:
        url = self.server.url
        if path == "/":
            links = [
                {"rel": r, "href": url + p, "type": "application/geo+json", "method": m} for r, p, m in (("self", "/", "GET"), ("search", "/search", "POST"))
            ]
            self._json({"type": "Catalog", "stac_version": "1.0.0", "id": "faulty", "description": "x", "conformsTo": CONFORMS, "links": links}, fault)
        elif path == "/search":
            self._json(self._page(asked), fault)
        else:
            self._send(404, b"")

    def _page(self, asked: dict) -> dict:
        west, south, east, north = asked["bbox"]
        first, last = (datetime.fromisoformat(t) for t in asked["datetime"].split("/"))
        found = [
            i
            for i in self.server.items
            if i["collection"] in asked["collections"]
            and first <= datetime.fromisoformat(i["properties"]["datetime"]) <= last
            and (i.get("lies") or (i["bbox"][0] <= east and i["bbox"][2] >= west and i["bbox"][1] <= north and i["bbox"][3] >= south))
        ]
        start, n = int(asked.get("token", 0)), int(asked["limit"])
        page = {"type": "FeatureCollection", "features": found[start : start + n], "links": []}
        if start + n < len(found) or self.server.endless:
            token = {"same": 0, "empty": start + n}.get(self.server.endless, start + n)
            href = self.server.next_href or f"{self.server.url}/search"
            page["links"].append({"rel": "next", "method": "POST", "href": href, "body": {**asked, "token": str(token)}})
        return page

    def _file(self, path: str, asked: dict, fault: str) -> None:
        file = self.server.files / path.removeprefix("/files/")
        if self.server.token is not None and asked.get("sig") != self.server.token:
            return self._send(403, b"AuthenticationFailed")
        if not file.is_file() or any(path.endswith(m) for m in self.server.missing):
            return self._send(404, b"")
        data, span = file.read_bytes(), self.headers.get("Range")
        etag = {"ETag": f'"{hashlib.sha256(data).hexdigest()[:12]}"'} if self.server.tells_etag else {}
        if not span:
            return self._send(200, data, {"Accept-Ranges": "bytes", **etag}, fault)
        start, _, end = span.removeprefix("bytes=").partition("-")
        last = min(int(end), len(data) - 1) if end else len(data) - 1
        about = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{last}/{len(data)}", **etag}
        return self._send(206, data[int(start) : last + 1], about, fault)


@contextmanager
def served(items: list[dict], files: Path):
    """A server of the items, whose hrefs under ``files`` become addresses of it, and of the files."""
    server = Server(items, files)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
