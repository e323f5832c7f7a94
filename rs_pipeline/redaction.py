"""What is secret in an address, and how it is kept out of everything that is written: tables, reports, logs and the texts of errors."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

_SECRET = frozenset((
    "sig", "se", "st", "sp", "sv", "sr", "spr", "sip", "ss", "srt", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "expires", "policy", "key-pair-id", "ak", "tk", "sn", "sign", "auth", "auth_info", "authorization", "jwt", "sas", "hdnts", "hdnea", "hmac", "ticket", "pass",
))  # fmt: skip
"""Fields of a query that carry a signature or a key: Azure shared access, CloudFront, Akamai (``hdnts``), Chinese services (``ak``, ``tk``, ``sn``, ``sign``); in lower case."""

_SECRET_LIKE = re.compile(
    r"^x-(amz|goog|oss|cos|obs|ms)-|^q-(sign|ak|key|url|header)|token|secret|passw|passphrase|pwd|credential|signature|bearer|sessionid|(api|access|subscription|private|auth)[-_.]?key|key$|(^|[-_.])(sig|auth)$",
    re.IGNORECASE,
)
"""What the names of others look like: AWS, Google, Alibaba (``OSSAccessKeyId``), Tencent (``q-sign-…``), keys of programming interfaces."""

_USER = re.compile(r"(?<=://)[^/?#\s'\"<>]*@")
_PARTED = re.compile(r";(?=[^&;=]+=)")
"""Fields of a query were once parted so."""

_QUERY = re.compile(r"[?&;#][^\s'\"<>?&;=#]+=[^\s'\"<>&;#]*")
_HEADER = re.compile(
    r"\b(authorization|proxy-authorization|x-api-key|ocp-apim-subscription-key)(['\"]?\s*[:=]\s*['\"]?)((?:bearer|basic)\s+)?[^\s'\",;}]+", re.IGNORECASE
)


def is_secret(field: str) -> bool:
    """Whether a field of a query carries a signature, a key or who asks, by its name.

    >>> [is_secret(name) for name in ("sig", "subscription-key", "X-Goog-Signature", "api_key", "layer", "bbox")]
    [True, True, True, True, False, False]
    """
    name = unquote_plus(field).strip().lower()
    return name in _SECRET or bool(_SECRET_LIKE.search(name))


def unsigned(href: str) -> str:
    """An address without its secrets: what stays the same when it is signed anew. One without any stays as it is, and so does a path. A fragment, which
    no server is told, may hold a secret in any form and goes.

    >>> unsigned("https://h/x.tif?se=2024-05-01&sig=abc&layer=1"), unsigned("https://me:word@h/x.tif"), unsigned("/data/x.tif")
    ('https://h/x.tif?layer=1', 'https://h/x.tif', '/data/x.tif')
    """
    if "://" not in href:
        return href
    parts = urlsplit(href)
    fields = parse_qsl(_PARTED.sub("&", parts.query), keep_blank_values=True)
    kept = [(name, value) for name, value in fields if not is_secret(name)]
    path = re.sub(r";([^=;/]*)=[^;/]*", lambda parameter: "" if is_secret(parameter[1]) else parameter[0], parts.path)
    if len(kept) < len(fields):
        parts = parts._replace(query=urlencode(kept))
    elif "@" not in parts.netloc and "#" not in href and path == parts.path:
        return href
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, fragment=""))


def redacted(text: str) -> str:
    """A text with the secrets taken out of the addresses, queries and headers in it, whole or cut off.

    >>> redacted("'/vsicurl/https://me:word@h/x.tif?sig=abc&layer=1' not recognized")
    "'/vsicurl/https://h/x.tif?layer=1' not recognized"
    """
    text = _HEADER.sub(lambda m: f"{m[1]}{m[2]}***", _USER.sub("", text))
    return re.sub(r"[?&;#][^\s'\"<>]*=[^\s'\"<>]*", _without_secrets, text) if "=" in text else text


def _without_secrets(query: re.Match) -> str:
    """A query without its secret fields; the first one that stays begins with the sign of the first one there was."""
    fields = _QUERY.findall(query[0])
    if not any(is_secret(field[1:].partition("=")[0]) for field in fields):
        return query[0]
    kept = "".join(field for field in fields if not is_secret(field[1:].partition("=")[0]))
    return query[0][0] + kept[1:] if kept else ""
