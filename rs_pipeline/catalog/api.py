"""STAC APIs: queried page by page, with retries, and not trusted.

`pystac_client` reads the landing page and composes the search; all requests are made by `remote.ask`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from pystac_client import Client
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import DoesNotConformTo

from rs_pipeline.catalog.address import check_address, credentials, may_be_internal
from rs_pipeline.config import FetchSection, SourceSection
from rs_pipeline.errors import CatalogError, PipelineError, RemoteError
from rs_pipeline.redaction import redacted
from rs_pipeline.remote.address import origin
from rs_pipeline.remote.ask import ask, parsed
from rs_pipeline.remote.retrying import Later, Refused, policy
from rs_pipeline.wording import clean_text

PAGE_SIZE = 100
"""Items requested per page."""

MAX_BODY_BYTES = 2**16
"""Largest request body of a next link: a cursor takes about a hundred bytes, a search with its polygon about a thousand."""

_STALE_PAGES = 3
_SPARSE = (100, 2)
"""(pages, items): after this number of pages there must have been at least this many new items per page."""

DateRange = tuple[date, date]


class PatientIO(StacApiIO):
    """Input and output of `pystac_client`: requests go only to allowed URLs, answers must be complete, transient faults are retried."""

    def __init__(self, source: SourceSection, limits: FetchSection):
        super().__init__()
        self.source, self.limits = source, limits
        self.url, self.credentials = credentials(source)
        self.internal = may_be_internal(source)

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The JSON document at a URL, by GET without parameters."""
        return self.document(str(source))

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        return json.dumps(self.document(str(source)))

    def document(self, url: str, method: str = "GET", parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object that a GET or POST returns, with up to ``limits.retries`` further tries after growing pauses.

        Raises
        ------
        CatalogError : a forbidden URL, or an answer that is too long. APIError : the server refuses, or all tries failed.
        """
        check_address(url, self.source)
        if parameters and method == "GET":
            parts = urlsplit(url)
            url = urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(parameters, doseq=True))))))
        patience = policy(self.limits, lambda fault: isinstance(fault, Later))
        try:
            return patience(self._once, url, method, parameters if method == "POST" else None)
        except Later as fault:
            tries = patience.statistics["attempt_number"]
            why = (
                f" (after {tries} tries)"
                if tries > self.limits.retries
                else f"; it asks to wait {fault.wait_s:.0f} s, fetch.max_wait_s is {self.limits.max_wait_s:g}"
            )
            raise APIError(f"{fault}{why}") from None
        except Refused as fault:
            raise APIError(str(fault)) from None
        except RemoteError as fault:
            raise CatalogError(f"the catalog cannot be asked: {fault.what}", where=self.source.catalog, remedy=fault.remedy) from None

    def _once(self, url: str, method: str, document: dict[str, Any] | None) -> dict[str, Any]:
        body = ask(url, self.limits, internal=self.internal, method=method, document=document, credentials=self.credentials).body
        try:
            return parsed(body)
        except ValueError:
            if url == self.url and body.lstrip().startswith(b"<"):
                remedy = "give the address that answers with JSON; a page that shows a catalog names it, often as its source or API"
                raise CatalogError("this is a web page, no STAC API", where=self.source.catalog, remedy=remedy) from None
            raise Later(f"the answer is no JSON, or only the beginning of it ({len(body)} bytes)") from None

    def get_pages(self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """All pages. An empty page is not the end if it has a next link."""
        page = self.document(url, (method or "GET").upper(), parameters)
        while True:
            yield page
            following = next((k for k in page.get("links", []) if k["rel"] == "next"), None)
            if following is None:
                return
            url, method, body = _followed(following, url, parameters or {})
            page = self.document(url, method, body)


def _followed(link: dict[str, Any], url: str, parameters: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """URL, method and body of the next page. Headers that a link asks for are not sent: they might be another user's keys.

    Raises
    ------
    CatalogError : the link leads to another server, uses another method than GET or POST, or has a body that is too large or no object.
    """
    target, method, body = urljoin(url, link["href"]), str(link.get("method") or "GET").upper(), link.get("body") or {}
    try:
        same = origin(target) == origin(url)
    except ValueError:
        same = False
    if not same:
        raise CatalogError(f"the link to the next page leaves its server: {target[:120]!r}", where=url, remedy="report it to its operator")
    if method not in ("GET", "POST"):
        raise CatalogError(f"the link to the next page asks for {method[:20]!r}, a search is GET or POST", where=url, remedy="report it to its operator")
    if not isinstance(body, dict) or len(json.dumps(body)) > MAX_BODY_BYTES:
        raise CatalogError(
            f"the link to the next page wants more than {MAX_BODY_BYTES} bytes sent, or no object", where=url, remedy="report it to its operator"
        )
    return target, method, {**parameters, **body} if link.get("merge") else body


def _matched(page: dict[str, Any]) -> int | None:
    """Number of items of the whole search, as a page states it; None where it states none, or says that the number is not exact.

    ``numberMatched`` of OGC API Features; ``context.matched`` of STAC API's older extension context, to which resto adds ``exactCount``.
    """
    context = page.get("context")
    context = context if isinstance(context, dict) else {}
    found = page.get("numberMatched", context.get("matched"))
    exact = page.get("exactCount", context.get("exactCount", True))
    return found if exact and isinstance(found, int) and not isinstance(found, bool) else None


class _Doubtful(Exception):
    """An answer that ended but may be incomplete; queries for shorter intervals will show."""


def _new_items(pages: Iterator[dict[str, Any]], catalog: str, most: int, exact_count: bool = True) -> Iterator[dict[str, Any]]:
    """Items of all pages; ends with an error where the catalog returns pages without end, or where its answer may be incomplete.

    Items may be added and removed while a search runs, so the least number that any page states must be reached. An item that comes twice on several pages
    counts once: another item has then moved between the pages and was missed.

    Raises
    ------
    CatalogError : the catalog repeats itself, gives too few new items per page, or more than ``most`` items.
    _Doubtful : fewer items came than match, items were repeated, or a full page has neither a next link nor the number of items.
    """
    seen: set[str] = set()
    different: set[int] = set()
    stale = given = number = 0
    matched: int | None = None
    full = False
    for number, page in enumerate(pages, start=1):
        before, said = len(seen), _matched(page) if exact_count else None
        given += len(page["features"])
        matched = said if matched is None else matched if said is None else min(matched, said)
        full = len(page["features"]) >= _page_limit(page)
        for item in page["features"]:
            seen.add(str(item.get("id"))[:255] if isinstance(item, dict) else "")
            different.add(_content(item))
            yield item
        stale = stale + 1 if len(seen) == before else 0
        if stale >= _STALE_PAGES or (number > _SPARSE[0] and len(seen) < _SPARSE[1] * number):
            raise CatalogError(
                f"the catalog returns pages without end: {number} pages had {len(seen)} different items", where=catalog, remedy="report it to its operator"
            )
        if len(seen) > most:
            raise CatalogError(f"more than {most} scenes found", where=catalog, remedy="narrow the region or the periods, or raise search.max_scenes")
    if matched is not None and given < matched:
        raise _Doubtful(f"it says that {matched} items match and gives {given} of them, without a link to the next page")
    if matched is not None and number > 1 and len(different) < matched:
        raise _Doubtful(f"{matched} items match, but only {len(different)} different ones came on {number} pages")
    if matched is None and full:
        raise _Doubtful("a full page came without a link to the next one and without the number of items that match")


def _page_limit(page: dict[str, Any]) -> int:
    """Most items of a page: as many as were requested, or the catalog's own limit."""
    context = page.get("context")
    said = context.get("limit") if isinstance(context, dict) else None
    return min(PAGE_SIZE, said) if isinstance(said, int) and said > 0 else PAGE_SIZE


def _content(item: Any) -> int:
    """Hash of an item's id and properties: it distinguishes items, also those with the same id."""
    return hash(json.dumps([item.get("id"), item.get("properties")], sort_keys=True, default=str)) if isinstance(item, dict) else hash(repr(item)[:255])


def _whole_items(
    ask: Callable[[DateRange], Iterator[dict[str, Any]]], span: DateRange, source: SourceSection, most: int
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """All items of an interval. Where the answer may be incomplete, its halves are queried as well, down to single days; items already given are kept.

    Raises
    ------
    CatalogError : as `_new_items`; or the answer is doubtful for a single day.
    """
    try:
        yield from _new_items(ask(span), source.catalog, most, source.exact_count)
    except _Doubtful as doubt:
        first, last = span
        if first == last:
            raise CatalogError(
                f"the catalog does not show that its answer for {first} is whole: {doubt}",
                where=source.catalog,
                remedy="narrow the region, or tell its operator; sources.exact_count: false where its numbers are estimates",
            ) from None
        middle = first + (last - first) / 2
        for half in ((first, middle), (middle + timedelta(days=1), last)):
            yield from _whole_items(ask, half, source, most)


def api_items(
    source: SourceSection, collection: str, bbox: tuple[float, ...], spans: list[DateRange], limits: FetchSection, most: int
) -> Iterator[dict[str, Any]]:
    """Items that an API finds in the box and the intervals (widened by a day on each side, because of solar days), page by page.

    Raises
    ------
    CatalogError : the API cannot be reached after ``limits.retries`` further tries, gives an invalid answer, links to a forbidden
        URL, or returns pages without end.
    """
    try:
        way = PatientIO(source, limits)
        client = Client.open(way.url, stac_io=way)

        def ask(span: DateRange) -> Iterator[dict[str, Any]]:
            found = client.search(collections=[collection], bbox=bbox, datetime=f"{span[0]}T00:00:00Z/{span[1]}T23:59:59Z", limit=PAGE_SIZE)
            return way.get_pages(found.url, found.method, found.get_parameters())

        for first, last in spans:
            yield from _whole_items(ask, (first - timedelta(days=1), last + timedelta(days=1)), source, most)
    except (ClientTypeError, DoesNotConformTo) as fault:
        raise CatalogError(
            f"no STAC API that can be searched answers: {clean_text(redacted(str(fault)))}",
            where=source.catalog,
            remedy="give the address of its landing page, which has the type Catalog, names item search in conformsTo and links to it",
        ) from None
    except PipelineError:
        raise
    except Exception as fault:  # for invalid documents pystac raises errors of many types
        raise CatalogError(
            f"the STAC API does not answer as it should: {clean_text(redacted(str(fault)))}",
            where=source.catalog,
            remedy="check the address and the network, and try again later; a folder with catalog.json needs no network",
        ) from None
