"""Which hosts may be asked. An address from outside must not send this machine into its own network.

The ranges are those of the IANA special-purpose registries, as Python's `ipaddress` knows them, and the ways IPv6 has to carry an IPv4 address.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Behind it stands the IPv4 address of the last 32 bits (RFC 6052): it is judged in its place."""

_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        ("64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10", "192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32", "3fff::/20"),
    )
)
"""Local NAT64, 6to4, Teredo, IPv4-compatible, site-local and relays of 6to4: each leads to where its number does not say.
Assignments of protocols and clouds' own services, which some clouds answer inside (192.0.0.192, 168.63.129.16), and documentation."""

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

_KNOWN_S = 60
"""So long it is remembered what a host is: a search asks for each of its hrefs. Connections look for themselves."""

_OWN_NAMES = (".localhost", ".internal", ".local", ".lan", ".home.arpa")


def is_public_number(number: str) -> bool:
    """Whether an IP address is one of the public Internet, and so is every address that it carries inside.

    >>> [is_public_number(n) for n in ("1.1.1.1", "127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::101:101", "2002:7f00:1::", "224.0.0.1")]
    [True, False, False, True, False, False]
    """
    if "%" in number:  # a zone: the address is of one link only
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
    """A host's name in lower case, without brackets and the dot at the end."""
    return host.strip("[]").rstrip(".").lower()


def looked_up(host: str, port: int | None = None) -> list[tuple[int, tuple]]:
    """Family and socket address of every address of a host.

    Raises
    ------
    OSError : nobody knows the name.
    """
    try:
        found = socket.getaddrinfo(bare(host), port, type=socket.SOCK_STREAM)
    except UnicodeError as fault:
        raise socket.gaierror(socket.EAI_NONAME, f"no name of a host: {fault}") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _is_own_name(host: str) -> bool:
    """Whether a name stands for this machine or its own network by convention (RFC 6761, 6762, 8375)."""
    return bare(host) == "localhost" or bare(host).endswith(_OWN_NAMES)


def are_public(host: str, found: list[tuple[int, tuple]]) -> bool:
    """Whether a host is public: its name, and each of its addresses (`looked_up`)."""
    return bool(found) and not _is_own_name(host) and all(is_public_number(str(place[0])) for _, place in found)


def is_internal_itself(host: str) -> bool:
    """Whether a host is internal by its own name or number. Of any other name its name servers, which may be anybody's, would say so.

    >>> [is_internal_itself(h) for h in ("127.0.0.1", "0x7f.1", "[::1]", "localhost", "stac.internal", "1.1.1.1", "example.org")]
    [True, True, True, True, True, False, False]
    """
    number = _as_number(bare(host))
    return _is_own_name(host) or (number != "" and not is_public_number(number))


def _as_number(host: str) -> str:
    """The IP address that a host is written as, in one of the ways that the system's calls read; empty for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return ""


def standing(host: str) -> str:
    """What a host is: ``public``, ``internal`` (this machine, or a network that is not the public Internet) or ``unknown`` (no address).

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
    """Scheme, host and port of an address (RFC 6454).

    >>> origin("https://H/x") == origin("https://h:443/y")
    True
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, bare(parts.hostname or ""), parts.port or {"https": 443, "http": 80}.get(scheme, 0)


def user_of(parts: SplitResult) -> str:
    """User and password of an address as basic authentication sends them: UTF-8 (RFC 7617), whose bytes `urllib3` takes as Latin-1.

    >>> user_of(urlsplit("http://me:p%40ss@host"))
    'me:p@ss'
    """
    return f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode().decode("latin-1")
