"""Removes secrets from URLs in everything that is written: tables, reports, logs and the texts of errors.

A secret is recognised by the name of its query field, or by its value where the user gave it to this process (`keep_secret`). Running time is linear in
the length of a text, because texts come from outside.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit, urlunsplit

_SECRET = frozenset((
    "sig", "se", "st", "sp", "sv", "sr", "spr", "sip", "ss", "srt", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "expires", "policy", "key-pair-id", "ak", "tk", "sn", "sign", "auth", "auth_info", "authorization", "jwt", "sas", "hdnts", "hdnea", "hdntl", "__gda__", "hmac", "ticket", "pass",
    "code", "verify", "session", "sid", "cookie",
))  # fmt: skip
"""Query fields that carry a signature or a key: Azure shared access, CloudFront, Akamai (``hdnts``), functions of Azure (``code``), Chinese services (``ak``, ``tk``, ``sn``, ``sign``); in lower case."""

_SECRET_LIKE = re.compile(
    r"^x-(amz|goog|oss|cos|obs|ms)-|^q-(sign|ak|key|url|header)|token|secret|passw|passphrase|pwd|credential|signature|bearer|sessionid|(api|access|subscription|private|auth)[-_.]?key|key$|(^|[-_.])(sig|auth)$",
    re.IGNORECASE,
)
"""Patterns of further names: AWS, Google, Alibaba (``OSSAccessKeyId``), Tencent (``q-sign-…``), keys of programming interfaces."""

_USER = re.compile(r"(?<=://)[^/?#\s'\"<>]*@")
_PARTED = re.compile(r";(?=[^&;=]+=)")
"""Semicolons between query fields, an older form of ``&``."""

_RUN = re.compile(r"[^\s'\"<>]+")
"""A run of characters without blanks, quotes or angle brackets: a URL, or a part of one."""

_STARTS = re.compile(r"[?&;#]")
_QUERY = re.compile(r"[?&;#][^\s'\"<>?&;=#]+=[^\s'\"<>&;#]*")
_HEADER = re.compile(
    r"\b(authorization|proxy-authorization|x-api-key|ocp-apim-subscription-key)(['\"]?\s*[:=]\s*['\"]?)((?:bearer|basic)\s+)?[^\s'\",;}]+", re.IGNORECASE
)


_PAIR = re.compile(r"""(['"])([\w.-]{1,64})\1(\s*:\s*)(['"])[^'"]*\4""")
"""A name and a text as JSON or a Python dictionary writes them."""

_INNER = 2
"""Levels of URLs encoded in a query field of another URL that are searched."""

_LEAST_SIGNS = 6
"""Shortest secret that is replaced, characters: a shorter one would match parts of ordinary words."""

_values: set[str] = set()


def keep_secret(value: str) -> None:
    """Remove a value from every text from now on, as it is and as URLs encode it; values of fewer than six characters are ignored."""
    if len(value) >= _LEAST_SIGNS:
        _values.update((value, quote(value, safe=""), quote(value)))


def is_secret(field: str) -> bool:
    """Whether a query field carries a signature, a key or an identity, by its name.

    >>> [is_secret(name) for name in ("sig", "subscription-key", "X-Goog-Signature", "api_key", "layer", "bbox")]
    [True, True, True, True, False, False]
    """
    name = unquote_plus(field).strip().lower().removesuffix("[]")
    return name in _SECRET or bool(_SECRET_LIKE.search(name))


def unsigned(href: str, inner: int = _INNER) -> str:
    """A URL without its secrets: the part that stays the same when it is signed anew. A URL without secrets and a path stay as they are. The fragment,
    which is not sent to servers, may hold a secret in any form and is removed. ``inner`` : levels of URLs encoded in query fields that are searched.

    >>> unsigned("https://h/x.tif?se=2024-05-01&sig=abc&layer=1"), unsigned("https://me:word@h/x.tif"), unsigned("/data/x.tif")
    ('https://h/x.tif?layer=1', 'https://h/x.tif', '/data/x.tif')
    """
    if "://" not in href:
        return href
    parts = urlsplit(href)
    fields = parse_qsl(_PARTED.sub("&", parts.query), keep_blank_values=True)
    kept = [(name, _inner_unsigned(value, inner)) for name, value in fields if not is_secret(name)]
    path = re.sub(r";([^=;/]*)=[^;/]*", lambda parameter: "" if is_secret(parameter[1]) else parameter[0], parts.path)
    if kept != fields:
        parts = parts._replace(query=urlencode(kept))
    elif "@" not in parts.netloc and "#" not in href and path == parts.path:
        return href
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, fragment=""))


def _inner_unsigned(value: str, inner: int) -> str:
    """The value of a field without secrets; it may be a URL itself, or the end of one."""
    if not inner or "=" not in value:
        return value
    return unsigned(value, inner - 1) if "://" in value else redacted(value, inner - 1)


def redacted(text: str, inner: int = _INNER) -> str:
    """A text without the secrets in its URLs, queries and headers, also where these are cut off.

    >>> redacted("'/vsicurl/https://me:word@h/x.tif?sig=abc&layer=1' not recognized")
    "'/vsicurl/https://h/x.tif?layer=1' not recognized"
    """
    text = _HEADER.sub(lambda m: f"{m[1]}{m[2]}***", _USER.sub("", text))
    text = _PAIR.sub(lambda m: f"{m[1]}{m[2]}{m[1]}{m[3]}{m[4]}***{m[4]}" if is_secret(m[2]) else m[0], text)
    for value in _values:
        text = text.replace(value, "***")
    return _RUN.sub(lambda run: _run_without_secrets(run[0], inner), text) if "=" in text else text


def _run_without_secrets(run: str, inner: int) -> str:
    """A run without the secret fields of its query; the first field that is kept gets the separator of the original first one."""
    start = _STARTS.search(run)
    if start is None or "=" not in run[start.start() :]:
        return run
    before, query = run[: start.start()], run[start.start() :]
    fields = _QUERY.findall(query)
    kept = [_field(field, inner) for field in fields if not is_secret(field[1:].partition("=")[0])]
    if kept == fields:
        return run
    return before + ("".join([query[0] + kept[0][1:], *kept[1:]]) if kept else "")


def _field(field: str, inner: int) -> str:
    """A query field (separator, name and value) without secrets in its value, which may be an encoded URL."""
    name, _, value = field.partition("=")
    plain = unquote_plus(value)
    if not inner or plain == value or (clean := redacted(plain, inner - 1)) == plain:
        return field
    return f"{name}={quote(clean)}"
