"""Which hosts may be asked. A URL from outside must not make this machine send requests into its own network (server-side request forgery).

The internal ranges are those of the IANA special-purpose registries, as in Python's `ipaddress`, and the IPv6 formats that embed an IPv4 address.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""NAT64: the last 32 bits are an IPv4 address (RFC 6052), which is judged instead."""

_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        ("64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10", "192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32", "3fff::/20"),
    )
)
"""Ranges that are refused. Local NAT64, 6to4, Teredo, IPv4-compatible, site-local and 6to4 relays: packets may reach another address than the number says.
Protocol assignments and cloud services that answer inside some clouds (192.0.0.192, 168.63.129.16), and the range for documentation."""

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

_KNOWN_S = 60
"""How long the standing of a host is cached, seconds: a search asks for each of its hrefs. Connections resolve names themselves."""

_OWN_NAMES = (".localhost", ".internal", ".local", ".lan", ".home.arpa")


def is_public_number(number: str) -> bool:
    """Whether an IP address, and any IPv4 address embedded in it, is of the public Internet.

    >>> [is_public_number(n) for n in ("1.1.1.1", "127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::101:101", "2002:7f00:1::", "224.0.0.1")]
    [True, False, False, True, False, False]
    """
    if "%" in number:  # a zone id: the address is link-local
        return False
    address = ipaddress.ip_address(number)
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return is_public_number(str(address.ipv4_mapped))
        if address in _NAT64:
            return is_public_number(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
        if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or any(address in n for n in _REFUSED if n.version == address.version)
    return address.is_global and not special


def bare(host: str) -> str:
    """A host name in lower case, without brackets and trailing dot."""
    return host.strip("[]").rstrip(".").lower()


def looked_up(host: str, port: int | None = None) -> list[tuple[int, tuple]]:
    """Family and socket address of every address of a host.

    Raises
    ------
    OSError : the name cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(bare(host), port, type=socket.SOCK_STREAM)
    except UnicodeError as fault:
        raise socket.gaierror(socket.EAI_NONAME, f"no name of a host: {fault}") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _is_own_name(host: str) -> bool:
    """Whether a name means this machine or its local network by convention (RFC 6761, 6762, 8375)."""
    return bare(host) == "localhost" or bare(host).endswith(_OWN_NAMES)


def are_public(host: str, found: list[tuple[int, tuple]]) -> bool:
    """Whether a host is public: its name, and each of its addresses (`looked_up`)."""
    return bool(found) and not _is_own_name(host) and all(is_public_number(str(place[0])) for _, place in found)


def is_internal_itself(host: str) -> bool:
    """Whether a host is internal by its name or IP address alone. Other names are not resolved: the answer of their name servers, which anybody may run, must
    not make a host internal.

    >>> [is_internal_itself(h) for h in ("127.0.0.1", "0x7f.1", "[::1]", "localhost", "stac.internal", "1.1.1.1", "example.org")]
    [True, True, True, True, True, False, False]
    """
    number = _as_number(bare(host))
    return _is_own_name(host) or (number != "" and not is_public_number(number))


def _as_number(host: str) -> str:
    """The IP address of a host that is written as one, in any form that the system accepts; empty for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return ""


def standing(host: str) -> str:
    """Standing of a host: ``public``, ``internal`` (this machine, or a network that is not the public Internet) or ``unknown`` (no IP address).

    >>> standing("127.0.0.1"), standing("[::1]"), standing("0x7f.1"), standing("169.254.169.254"), standing("1.1.1.1")
    ('internal', 'internal', 'internal', 'internal', 'public')
    """
    return _standing(bare(host), int(time.monotonic() // _KNOWN_S))


@lru_cache(maxsize=4096)
def _standing(host: str, minute: int) -> str:
    if _is_own_name(host):
        return "internal"
    try:
        return "public" if are_public(host, looked_up(host)) else "internal"
    except OSError:
        return "unknown"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL (RFC 6454).

    >>> origin("https://H/x") == origin("https://h:443/y")
    True
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, bare(parts.hostname or ""), parts.port or {"https": 443, "http": 80}.get(scheme, 0)


def user_of(parts: SplitResult) -> str:
    """User and password of a URL for basic authentication: in UTF-8 (RFC 7617), as a text of which `urllib3` sends the Latin-1 bytes.

    >>> user_of(urlsplit("http://me:p%40ss@host"))
    'me:p@ss'
    """
    return f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode().decode("latin-1")
