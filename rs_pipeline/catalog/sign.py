"""Signing of hrefs at read time. Signed URLs are never stored: they expire and carry a token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlparse

from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RemoteError
from rs_pipeline.redaction import keep_secret
from rs_pipeline.remote.address import is_internal_itself, origin
from rs_pipeline.remote.ask import Credentials, ask, parsed
from rs_pipeline.remote.retrying import Refused

RENEW_BEFORE = timedelta(minutes=5)
"""A signed URL with less time left than this is signed anew, so that a read does not outlive it."""

PLANETARY_COMPUTER = "planetarycomputer.microsoft.com"
"""Host of the catalog whose files open with a signature alone."""

_OPEN_TO_ALL = "ai4edatasetspublicassets.blob.core.windows.net"

_SIGNED = {"st", "se", "sp"}
"""Query fields of a shared-access signature: start, end and permissions."""

_LIMITS = FetchSection(timeout_s=30)
_lock = Lock()
_refused: dict[str, RemoteError] = {}
"""Refusals of the signing service, by the URL that was requested."""


def _planetary_computer(href: str) -> str:
    """Sign with a token that is valid for at least RENEW_BEFORE (if this machine's clock is ahead, with a newly requested token). The package itself is not
    used to request tokens: it sets no time limit, and renews tokens only in the last minute. The same hrefs are left unsigned as in the package.
    """
    from planetary_computer import sas
    from planetary_computer.settings import Settings

    parts = urlparse(href)
    if not parts.netloc.endswith(sas.BLOB_STORAGE_DOMAIN) or parts.netloc == _OPEN_TO_ALL or parse_qs(parts.query).keys() & _SIGNED:
        return href
    about = Settings.get()
    place = "/".join([about.sas_url, *sas.parse_blob_url(parts)])
    key = (about.subscription_key or "").strip()
    held = sas.TOKEN_CACHE.get(place)
    if held is None or held.ttl() < RENEW_BEFORE.total_seconds():
        held = sas.TOKEN_CACHE[place] = sas.SASToken(**_token(place, key))
    return held.sign(href).href


def _token(url: str, key: str) -> dict[str, Any]:
    """Answer of the signing service that the user's environment names: the token and its expiry.

    Raises
    ------
    RemoteError : the service refuses; this process does not ask it again until `forget_tokens`.
    """
    if url in _refused:
        raise _refused[url]
    try:
        keep_secret(key)
        own = Credentials(origin(url), {"Ocp-Apim-Subscription-Key": key} if key else {})
        return parsed(ask(url, _LIMITS, internal=is_internal_itself(origin(url)[1]), credentials=own, most=2**16).body)
    except Refused as fault:
        if fault.status not in (401, 403):
            raise
        held = (
            "the key in PC_SDK_SUBSCRIPTION_KEY is not accepted"
            if key
            else "it wants an account (msft:requires_account of its collection), and PC_SDK_SUBSCRIPTION_KEY holds no key"
        )
        _refused[url] = RemoteError(
            f"no token for this storage, HTTP {fault.status}: {held}",
            where=url,
            remedy="put the key of your account there, or leave the source out: Sentinel-2 and Landsat of the Planetary Computer need no account",
        )
        raise _refused[url] from None


def _forget_planetary_computer() -> None:
    from planetary_computer import sas

    sas.TOKEN_CACHE.clear()
    _refused.clear()


SIGNERS: dict[str, Callable[[str], str]] = {"planetary-computer": _planetary_computer}
"""Signer by name, as configurations write it; ``none`` is not listed."""

FORGETTERS: dict[str, Callable[[], None]] = {"planetary-computer": _forget_planetary_computer}
"""Signer by name, to the function that drops its tokens."""


def signed(href: str, how: str) -> str:
    """The href, signed if needed. With ``none``, and for local files, it is unchanged; one thread signs at a time.

    Raises
    ------
    KeyError : no signer of that name.
    """
    if how == "none" or not href.startswith(("https://", "http://")):
        return href
    with _lock:
        return SIGNERS[how](href)


def forget_tokens(how: str) -> None:
    """Drop the tokens of a signer, so that new ones are requested: a server has refused one."""
    with _lock:
        FORGETTERS[how]()
