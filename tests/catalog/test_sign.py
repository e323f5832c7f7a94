"""Signing happens at read time and does not outlive its token."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from rs_pipeline.catalog import sign
from rs_pipeline.catalog.search import search
from rs_pipeline.errors import RemoteError
from tests.catalog.conftest import item
from tests.remote.conftest import serving  # noqa: F401  (fixture)
from tests.remote.server import always, http

HREF = "https://account.blob.core.windows.net/container/x.tif"


def test_none_and_local_files_pass_through(monkeypatch):
    monkeypatch.setitem(sign.SIGNERS, "planetary-computer", lambda href: pytest.fail("signed"))
    assert sign.signed(HREF, "none") == HREF
    assert sign.signed("/data/x.tif", "planetary-computer") == "/data/x.tif"


def test_signed_each_time(monkeypatch):
    calls = []
    monkeypatch.setitem(sign.SIGNERS, "planetary-computer", lambda href: calls.append(href) or f"{href}?n={len(calls)}")
    assert [sign.signed(HREF, "planetary-computer") for _ in range(2)] == [f"{HREF}?n=1", f"{HREF}?n=2"]


def _ends(url: str) -> datetime:
    return datetime.fromisoformat(parse_qs(urlsplit(url).query)["se"][0])


@pytest.mark.parametrize("minutes_left, asked", [(60, 0), (6, 0), (4, 1), (-1, 1), (None, 1)])
def test_token_is_renewed_before_it_ends(monkeypatch, minutes_left, asked):
    """By a request of ours: the package's own has no limit of time."""
    from planetary_computer import sas

    place, calls = "https://planetarycomputer.microsoft.com/api/sas/v1/token/account/container", []

    def token(minutes: float) -> dict[str, str]:
        end = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"msft:expiry": end, "token": f"se={end}&sig=s"}

    monkeypatch.setattr(sas, "TOKEN_CACHE", {} if minutes_left is None else {place: sas.SASToken(**token(minutes_left))})
    monkeypatch.setattr(sign, "_token", lambda url, key: calls.append(url) or token(60))
    monkeypatch.setattr(sas.requests, "Session", lambda: pytest.fail("asked by the package"))
    url = sign.signed(HREF, "planetary-computer")
    assert calls == [place] * asked and url.startswith(HREF + "?") and _ends(url) - datetime.now(UTC) > sign.RENEW_BEFORE
    assert sign.signed(url, "planetary-computer") == url and sign.signed("https://h.org/x.tif", "planetary-computer") == "https://h.org/x.tif"


def test_a_clock_that_is_ahead_signs_with_our_own_tokens(serving, monkeypatch):  # noqa: F811
    """By it each token has ended when it comes; the server of the files, whose clock is right, takes it."""
    from planetary_computer import sas
    from planetary_computer.settings import Settings as Account

    ended = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    service = serving(always(http(body=f'{{"msft:expiry": "{ended}", "token": "se=2020-01-01&sig=x"}}'.encode())))
    monkeypatch.setattr(sas, "TOKEN_CACHE", {})
    monkeypatch.setattr(Account, "get", staticmethod(lambda: Account(subscription_key=None, sas_url=service.url)))
    monkeypatch.setattr(sas.requests, "Session", lambda: pytest.fail("asked by the package"))
    assert sign.signed(HREF, "planetary-computer") == HREF + "?se=2020-01-01&sig=x"
    assert len(service.requests) == 1 and "user-agent: rs-pipeline" in service.requests[0].lower()


def test_what_the_package_leaves_unsigned_is_unsigned(monkeypatch):
    monkeypatch.setattr(sign, "_token", lambda url, key: pytest.fail("asked for a token"))
    for href in ("https://ai4edatasetspublicassets.blob.core.windows.net/a/x.png", HREF + "?sp=r&sig=x", HREF + "?se=nonsense", "https://h.org/x.tif"):
        assert sign.signed(href, "planetary-computer") == href


def test_the_key_goes_to_the_signing_service_only(serving):  # noqa: F811
    """Wherever its answer leads to."""
    other = serving(always(http(body=b'{"msft:expiry": "2030-01-01T00:00:00Z", "token": "t"}')))
    service = serving(always(http("302 Found", Location=other.url + "/token")))
    assert sign._token(service.url + "/token", "K3Y")["token"] == "t"
    assert "ocp-apim-subscription-key: k3y" in service.requests[0].lower() and "k3y" not in other.requests[0].lower()


@pytest.mark.parametrize(("status", "key", "said"), [
    (403, "", r"no token for this storage, HTTP 403: it wants an account \(msft:requires_account of its collection\), and PC_SDK_SUBSCRIPTION_KEY holds no key"),
    (401, "k", r"no token for this storage, HTTP 401: the key in PC_SDK_SUBSCRIPTION_KEY is not accepted"),
])  # fmt: skip
def test_a_refusal_is_told_once_at_the_start(world, serving, monkeypatch, status, key, said):  # noqa: F811
    """Of the token's service: before any scene is opened, with what to do."""
    from planetary_computer import sas
    from planetary_computer.settings import Settings as Account

    server = serving(always(http(f"{status} Refused")))
    monkeypatch.setattr(sas, "TOKEN_CACHE", {})
    monkeypatch.setattr(sign, "_refused", {})
    monkeypatch.setattr(Account, "get", staticmethod(lambda: Account(subscription_key=key or None, sas_url=server.url)))
    for day in (1, 6):
        hrefs = {name: HREF.replace("x.tif", f"{day}/{name}.tif") for name in ("vv", "vh")}
        world.add(item(f"r{day}", f"2023-05-0{day}T22:00:00Z", hrefs, "sentinel-1-rtc", platform="SENTINEL-1A"))
    source = {"sensor": "planetary-computer-sentinel-1-rtc", "catalog": str(world.items), "sign": "planetary-computer"}
    with pytest.raises(RemoteError, match=said) as told:
        search(world.settings(sources=[source]))
    assert "leave the source out" in told.value.remedy and len(server.requests) == 1
    with pytest.raises(RemoteError, match=said):
        sign.signed(HREF, "planetary-computer")
    assert len(server.requests) == 1, "what was refused is not asked for again"
    sign.forget_tokens("planetary-computer")
    with pytest.raises(RemoteError):
        sign.signed(HREF, "planetary-computer")
    assert len(server.requests) == 2
