"""URLs that a catalog names: which of them this machine may request, and with which credentials."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, urlsplit

from urllib3 import make_headers

from rs_pipeline.config import SourceSection
from rs_pipeline.config.sections import VARIABLE
from rs_pipeline.errors import CatalogError, ConfigError
from rs_pipeline.redaction import is_secret, keep_secret, unsigned
from rs_pipeline.remote.address import is_internal_itself, origin, standing, user_of
from rs_pipeline.remote.ask import Credentials


def is_api(catalog: str) -> bool:
    """Whether a source names a STAC API rather than a folder or catalog.json."""
    return catalog.startswith(("https://", "http://"))


def allowed_schemes(source: SourceSection) -> tuple[str, ...]:
    """Href schemes the source may use."""
    return tuple(source.schemes) if source.schemes else ("https",) if is_api(source.catalog) else ("file", "https")


def may_be_internal(source: SourceSection) -> bool:
    """Whether items of a source may name internal hosts: items of a folder, items of a catalog that is internal by its own name or IP address, and
    items of a source for which the user allows it."""
    return source.internal_hosts or not is_api(source.catalog) or is_internal_itself(urlsplit(source.catalog).hostname or "")


def check_address(url: str, source: SourceSection) -> None:
    """Check a URL of a page or link of an API; the IP addresses of its host are checked when it is requested.

    Raises
    ------
    CatalogError : it is no http(s) URL, leaves https, or is internal though the catalog is not.
    """
    try:
        scheme, host, _ = origin(url)
    except ValueError:
        scheme, host = "", ""
    allowed = ("https",) if source.catalog.startswith("https://") else ("https", "http")
    if scheme not in allowed or not host:
        raise CatalogError(f"the catalog points to {url[:120]!r}, which is not {' or '.join(allowed)}", where=source.catalog)
    if not may_be_internal(source) and standing(host) == "internal":
        raise CatalogError(
            f"the catalog points to the internal host {host!r}", where=source.catalog, remedy="set sources.internal_hosts if it is meant to be so"
        )


def expanded(text: str) -> str:
    """A text with each ``${NAME}`` replaced by the value of that environment variable, without surrounding blanks and line ends, which keys read from a file
    often have. From now on the values are removed from every text that is written.

    Raises
    ------
    ConfigError : a variable is not set, or its value contains a line end or control character.
    """

    def value(name: re.Match) -> str:
        if name[1] not in os.environ:
            raise ConfigError(f"the environment variable {name[1]} is not set", where="sources", remedy=f"set {name[1]} to what the catalog asks for")
        found = os.environ[name[1]].strip()
        if not found.isprintable():
            raise ConfigError(
                f"the environment variable {name[1]} holds a line end or a control sign", where="sources", remedy=f"set {name[1]} to the key alone"
            )
        keep_secret(found)
        return found

    return re.sub(VARIABLE, value, text)


def credentials(source: SourceSection) -> tuple[str, Credentials]:
    """The URL of a STAC API without its secrets, and the secrets as credentials for its own origin.

    Raises
    ------
    ConfigError : as `expanded`.
    """
    url = expanded(source.catalog)
    parts = urlsplit(url)
    headers = {name: expanded(value) for name, value in source.headers.items()}
    if parts.username is not None:
        headers |= make_headers(basic_auth=user_of(parts))
    query = tuple((name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if is_secret(name))
    return unsigned(url), Credentials(origin(url), headers, query)
