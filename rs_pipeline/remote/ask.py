"""One HTTP request and its answer: to a checked address, with checked redirects, and limits of total time and size.

`ask` makes one try; `retrying.policy` repeats it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from rs_pipeline.config import FetchSection
from rs_pipeline.errors import ConfigError, RemoteError
from rs_pipeline.redaction import redacted
from rs_pipeline.remote import breaker
from rs_pipeline.remote.address import origin, user_of
from rs_pipeline.remote.connection import Clock, manager_of
from rs_pipeline.remote.retrying import RETRY_STATUS, Later, Refused, retry_after_s
from rs_pipeline.wording import clean_text

TOTAL = 2
"""Time limit of a request with its redirects and body, in units of ``fetch.timeout_s``."""

MAX_REDIRECTS = 5

MAX_JSON_BYTES = 16 * 2**20
"""Largest JSON document; a page of 100 items has 2 to 4 MB."""

MAX_JSON_PARTS = 1_000_000
"""Most brackets, commas and colons of a document: each may become an object in memory. 100 items have about 100,000."""

_POOL = re.compile(r"^\w+\(host=.*?\): ")
"""Description of its own objects that urllib3 puts before its messages."""

_CONNECT_S = 30
_MAX_TOLD = 200
_REDIRECTS = (301, 302, 303, 307, 308)
_DRAINED = 2**16


class TooLong(RemoteError):
    """An answer that is longer than allowed."""


@dataclass(frozen=True)
class Credentials:
    """Secret headers and query fields of a server; sent only to its own origin."""

    origin: tuple[str, str, int]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if odd := [name for name, value in self.headers.items() if not value.isprintable() or not value.isascii()]:
            raise ConfigError(
                f"the value of the header {odd[0]} holds a line end or another sign that no header may",
                where="sources.headers",
                remedy="set the environment variable to the key alone",
            )


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    body: bytes
    url: str
    """URL after redirects."""


def told_content(answer: Answer) -> dict[str, str]:
    """Identity of the content by the headers of an answer, as far as stated: ``etag``, else ``last-modified``, and total ``size`` in bytes (RFC 9110).

    Beside an ETag the time adds nothing, and it may differ between the nodes of a mirror.
    """
    whole = answer.headers.get("Content-Range", "").rpartition("/")[2] if answer.status == 206 else answer.headers.get("Content-Length", "")
    etag = answer.headers.get("ETag", "").removeprefix("W/")
    told = {"etag": etag, "last-modified": "" if etag else answer.headers.get("Last-Modified", ""), "size": whole if whole.isdigit() else ""}
    return {name: clean_text(value, _MAX_TOLD) for name, value in told.items() if value}


def ask(
    url: str, limits: FetchSection, *, internal: bool = False, method: str = "GET", headers: Mapping[str, str] | None = None, document: Any = None,
    most: int = MAX_JSON_BYTES, most_whole: int | None = None, credentials: Credentials | None = None,
) -> Answer:  # fmt: skip
    """Make one request and read its answer.

    Parameters
    ----------
    internal : whether hosts of internal networks may be asked.
    document : body, sent as JSON.
    most : longest answer after decompression, bytes.
    most_whole : the same for an answer with the whole file although a range was requested; 0: its body is not read.

    Raises
    ------
    RemoteError : the host is internal or down, the URL is not http(s) or leaves https, there are too many redirects, or the answer is too long.
    Later : another try may help. Refused : the server refuses, or does not have the file.
    """
    with _slots(limits.connections), Clock(TOTAL * limits.timeout_s) as clock, breaker.asking():
        for _ in range(MAX_REDIRECTS + 1):
            answer = _answer(url, limits, internal, method, dict(headers or {}), document, most, most if most_whole is None else most_whole, credentials, clock)
            if answer.status not in _REDIRECTS:
                return answer
            target = _target(url, answer.headers["Location"])
            if answer.status == 303:
                method, document = "GET", None
            url = target
    raise RemoteError(f"more than {MAX_REDIRECTS} redirects", where=url)


@cache
def _slots(connections: int) -> threading.BoundedSemaphore:
    """Semaphore that limits all simultaneous requests of this process."""
    return threading.BoundedSemaphore(connections)


def _target(url: str, location: str) -> str:
    """Target URL of a redirect; from https it must be https."""
    try:
        target = urljoin(url, location)
        left = urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https"
    except ValueError:
        left, target = True, location
    if left:
        raise RemoteError(f"a redirect leads from https to {target[:120]!r}", where=url)
    return target


def _answer(
    url: str, limits: FetchSection, internal: bool, method: str, headers: dict[str, str], document: Any, most: int, most_whole: int,
    credentials: Credentials | None, clock: Clock,
) -> Answer:  # fmt: skip
    """The answer of one server, which may be a redirect."""
    target, host, headers = _addressed(url, headers, credentials)
    if document is not None:
        headers["Content-Type"] = "application/json"
    timeout = urllib3.Timeout(connect=min(limits.timeout_s, _CONNECT_S), read=limits.timeout_s)
    manager = manager_of(target, internal)
    breaker.may_ask(host, limits)
    try:
        response = manager.request(
            method,
            target,
            headers=headers,
            body=None if document is None else json.dumps(document).encode(),
            timeout=timeout,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        try:
            body = _body(response, most_whole if response.status == 200 and "Range" in headers else most, url)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        if clock.over:  # a body that was cut off may look complete
            raise TimeoutError
    except LocationValueError as fault:
        raise RemoteError(f"no address of a server: {fault}", where=url) from None
    except (HTTPError, OSError) as fault:
        breaker.failed(host)
        why = f"no whole answer within {TOTAL * limits.timeout_s:g} s" if clock.over else redacted(f"{type(fault).__name__}: {_POOL.sub('', str(fault))}")
        raise Later(f"{host}: {why}", silent=host) from None
    blamed = response.status >= 500
    breaker.failed(host) if blamed else breaker.answered(host)
    said = redacted(f"HTTP {response.status} {response.reason or ''} of {host}")
    if response.status in RETRY_STATUS:
        raise Later(said, retry_after_s(response.headers.get("Retry-After")), response.status, host if blamed else "")
    if not 200 <= response.status < 300 and not (response.status in _REDIRECTS and response.headers.get("Location")):
        raise Refused(said, response.status)
    return Answer(response.status, response.headers, body, url)


def _addressed(url: str, headers: dict[str, str], credentials: Credentials | None) -> tuple[str, str, dict[str, str]]:
    """URL, host with port, and headers of a request, with the credentials for this server: user and password of the URL, and ``credentials`` of its origin."""
    try:
        parts = urlsplit(url)
        scheme, host, port = origin(url)
    except ValueError as fault:
        raise RemoteError(f"no address of a server: {fault}", where=url) from None
    if scheme not in ("https", "http") or not host:
        raise RemoteError("neither https nor http", where=url)
    sent = {"User-Agent": "rs-pipeline", "Accept-Encoding": "gzip", **headers}
    if parts.username is not None:
        sent |= urllib3.make_headers(basic_auth=user_of(parts))
    query = parts.query
    if credentials is not None and credentials.origin == (scheme, host, port):
        sent |= credentials.headers
        there = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        query = "&".join(filter(None, (query, urlencode([(name, value) for name, value in credentials.query if name not in there]))))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="")), f"{host}:{port}", sent


def _body(response: urllib3.BaseHTTPResponse, most: int, url: str) -> bytes:
    """The body, read to its end. The body of a refusal is read only if it is short, so that the connection can be reused."""
    body, good = bytearray(), response.status < 300
    if good and most == 0:
        response.close()
        return b""
    for part in response.stream(_DRAINED, decode_content=True):
        body += part
        if len(body) > (most if good else _DRAINED):
            if not good:
                response.close()
                break
            raise TooLong(f"an answer of more than {most / 2**20:.3g} MiB", where=url)
    return bytes(body)


def parsed(body: bytes) -> Any:
    """The JSON document of an answer.

    Raises
    ------
    RemoteError : more parts than MAX_JSON_PARTS, too many for memory. ValueError : it is not JSON. RecursionError : it is nested too deeply.
    """
    parts = sum(body.count(sign) for sign in (b"{", b"[", b",", b":"))
    if parts > MAX_JSON_PARTS:
        raise RemoteError(f"a document of {parts} parts, the limit is {MAX_JSON_PARTS}")
    return json.loads(body)
