"""Addresses that a catalog names: which of them a catalog from outside may send this machine to."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rs_pipeline.config import SourceSection
from rs_pipeline.errors import CatalogError

_SIGNATURE = frozenset((
    "sig", "se", "st", "sp", "sv", "sr", "spr", "sip", "ss", "srt", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "awsaccesskeyid", "expires", "signature", "policy", "key-pair-id", "token",
))  # fmt: skip
"""Fields of a query that carry a signature (Azure shared access, AWS versions 2 and 4, CloudFront), in lower case."""


def is_api(catalog: str) -> bool:
    """Whether a source names a STAC API rather than a folder or catalog.json."""
    return catalog.startswith(("https://", "http://"))


@lru_cache(maxsize=4096)
def is_internal(host: str) -> bool:
    """Whether a host is this machine or lies in an internal network, by number or by name. A name that nobody knows is not.

    >>> is_internal("127.0.0.1"), is_internal("[::1]"), is_internal("0x7f.1"), is_internal("169.254.169.254"), is_internal("1.1.1.1")
    (True, True, True, True, False)
    """
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(name, None)}
    except (OSError, UnicodeError):
        return False
    return not all(ipaddress.ip_address(str(a).split("%")[0]).is_global for a in found)


def may_be_internal(source: SourceSection) -> bool:
    """Whether items of a source may name internal hosts: those of a folder, of a catalog that is internal itself, and where the user says so."""
    return source.internal_hosts or not is_api(source.catalog) or is_internal(urlsplit(source.catalog).hostname or "")


def check_address(url: str, source: SourceSection) -> None:
    """What the pages of an API, its links and redirects may point to.

    Raises
    ------
    CatalogError : the address is no http(s) URL, leaves https, or is internal though the catalog is not.
    """
    parts = urlsplit(url)
    allowed = ("https",) if source.catalog.startswith("https://") else ("https", "http")
    if parts.scheme not in allowed or not parts.hostname:
        raise CatalogError(f"the catalog points to {url[:120]!r}, which is not {' or '.join(allowed)}", where=source.catalog)
    if not may_be_internal(source) and is_internal(parts.hostname):
        raise CatalogError(
            f"the catalog points to the internal host {parts.hostname!r}", where=source.catalog,
            remedy="set sources.internal_hosts if it is meant to be so",
        )  # fmt: skip


def unsigned(href: str) -> str:
    """The href without its signature: what stays the same when it is signed anew.

    >>> unsigned("https://h/x.tif?se=2024-05-01&sig=abc&layer=1"), unsigned("/data/x.tif")
    ('https://h/x.tif?layer=1', '/data/x.tif')
    """
    parts = urlsplit(href)
    if parts.scheme not in ("https", "http") or not parts.query:
        return href
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() not in _SIGNATURE and not k.lower().startswith("x-amz-")]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def without_tokens(text: str) -> str:
    """A message with the signatures taken out of its addresses: it goes into tables and reports.

    >>> without_tokens("'/vsicurl/https://h/x.tif?sig=abc' not recognized")
    "'/vsicurl/https://h/x.tif' not recognized"
    """
    return re.sub(r"https?://[^\s'\"<>]+", lambda address: unsigned(address[0]), text)
