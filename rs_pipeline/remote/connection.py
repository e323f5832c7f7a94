"""Connections to IP addresses that were checked, and the time limit that ends them.

A name is resolved once and the connection goes to an address that was checked, so a change of the DNS answer in between
has no effect. Certificates are checked by name. Proxies of the environment are used; then the proxy resolves names.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import urllib.request
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from rs_pipeline.errors import ConfigError, RemoteError
from rs_pipeline.remote import address

_KEPT = 64
"""Connections kept open per host: the largest value of ``fetch.connections``."""

_thread = threading.local()


class Clock:
    """Time limit of the request of this thread: when it is over its socket is shut down, whatever it waits for."""

    def __init__(self, seconds: float):
        self.over, self._done = False, False
        self._end_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Clock:
        _thread.clock = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._done = True
        self._timer.cancel()
        _thread.clock = None

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0.01."""
        return max(0.01, self._end_at - time.monotonic())

    def watch(self, held: socket.socket) -> None:
        """Shut this socket down when the time is over, also after its connection has passed it on to the response."""
        with self._lock:
            self._socket = held
            if self.over:
                self._shut()

    def _end(self) -> None:
        with self._lock:
            if not self._done:
                self.over = True
                self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            try:
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:  # closed already
                pass


if TYPE_CHECKING:
    _Connection = HTTPConnection  # the class that the mixin extends, for the type checker
else:
    _Connection = object


class _Watched(_Connection):
    """Mixin of connections: the clock of the thread can end them, and they connect only to checked addresses; with ``internal`` to any address."""

    internal = False

    def connect(self) -> None:
        super().connect()
        self._watch()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._watch()
        super().request(*args, **kwargs)

    def _watch(self) -> None:
        clock = getattr(_thread, "clock", None)
        if clock is not None and self.sock is not None:
            clock.watch(self.sock)

    def _new_conn(self) -> socket.socket:
        try:
            found = address.looked_up(self._dns_host, self.port)
        except socket.gaierror as fault:
            raise NameResolutionError(self.host, self, fault) from None
        if not self.internal and not address.are_public(self.host, found):
            raise RemoteError(f"the host {self.host!r} is internal", remedy="set sources.internal_hosts if it is meant to be so")
        last: OSError | None = None
        for family, place in found:
            try:
                return self._connected(family, place)
            except OSError as why:
                last = why
        kind = ConnectTimeoutError if isinstance(last, TimeoutError) else NewConnectionError
        raise kind(self, f"no connection to {self.host}:{self.port}: {last}") from None

    def _connected(self, family: int, place: tuple) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            clock = getattr(_thread, "clock", None)
            sock.settimeout(min(self.timeout, clock.left_s) if clock else self.timeout)
            sock.connect(place)
            sock.settimeout(self.timeout)
            if clock:
                clock.watch(sock)
        except BaseException:
            sock.close()
            raise
        return sock


def _classes(internal: bool) -> dict[str, type]:
    """Pool classes by scheme."""
    flag = {"internal": internal}
    plain, tls = type("Plain", (_Watched, HTTPConnection), flag), type("Tls", (_Watched, HTTPSConnection), flag)
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


@cache
def _manager(internal: bool, proxy: str | None) -> urllib3.PoolManager:
    """Connection pools. Certificate authorities are those of REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE, else certifi's."""
    trusted = next((os.environ[name] for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE") if os.environ.get(name)), certifi.where())
    how: dict[str, Any] = {"maxsize": _KEPT, "cert_reqs": "CERT_REQUIRED", "ca_certs": trusted}
    if proxy is None:
        manager = urllib3.PoolManager(**how)
    else:
        user = urlsplit(proxy)
        headers = urllib3.make_headers(proxy_basic_auth=address.user_of(user)) if user.username else None
        manager = urllib3.ProxyManager(proxy, proxy_headers=headers, **how)
    manager.pool_classes_by_scheme = _classes(internal or proxy is not None)
    return manager


def proxy_of(url: str) -> str | None:
    """The proxy that the environment (``https_proxy``, ``http_proxy``, ``all_proxy``, ``no_proxy``) names for a URL, with its scheme; None
    for none.

    Raises
    ------
    ConfigError : the environment names something else than an http or https proxy.
    """
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    found = urllib.request.getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if found.get(kind, "").strip()), None)
    return _proxy_address(found[kind].strip(), f"{kind}_proxy") if kind else None


def _proxy_address(text: str, variable: str) -> str:
    """The URL of a proxy from an environment variable, where the scheme is often missing."""
    whole = text if "://" in text else f"http://{text.lstrip('/')}"
    try:
        scheme, host, _ = address.origin(whole)
    except ValueError:
        scheme, host = "", ""
    if scheme not in ("http", "https") or not host:
        raise ConfigError(
            f"the environment variable {variable} names no proxy of http or https" + (f" but one of {scheme}" if host else ""),
            where=variable,
            remedy="write http://host:port, signs of a password such as @ / # as %40 %2F %23; https_proxy and http_proxy go before all_proxy; hosts in no_proxy are asked directly",
        )
    return whole


def manager_of(url: str, internal: bool) -> urllib3.PoolManager:
    """The pool manager for connections to a URL.

    Raises
    ------
    RemoteError : a proxy would be asked for a host that is internal as seen from here. ConfigError : see `proxy_of`.
    """
    proxy = proxy_of(url)
    if proxy is not None and not internal and address.standing(urlsplit(url).hostname or "") == "internal":
        raise RemoteError(f"the host {urlsplit(url).hostname!r} is internal", remedy="set sources.internal_hosts if it is meant to be so")
    return _manager(internal, proxy)
