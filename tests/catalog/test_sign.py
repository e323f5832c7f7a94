"""Signing happens at read time and does not outlive its token."""

from datetime import UTC, datetime, timedelta

import pytest

from rs_pipeline.catalog import sign

HREF = "https://account.blob.core.windows.net/container/x.tif"


def test_none_and_local_files_pass_through(monkeypatch):
    monkeypatch.setitem(sign.SIGNERS, "planetary-computer", lambda href: pytest.fail("signed"))
    assert sign.signed(HREF, "none") == HREF
    assert sign.signed("/data/x.tif", "planetary-computer") == "/data/x.tif"


def test_signed_each_time(monkeypatch):
    calls = []
    monkeypatch.setitem(sign.SIGNERS, "planetary-computer", lambda href: calls.append(href) or f"{href}?n={len(calls)}")
    assert [sign.signed(HREF, "planetary-computer") for _ in range(2)] == [f"{HREF}?n=1", f"{HREF}?n=2"]


@pytest.mark.parametrize("minutes_left, asked", [(60, 1), (6, 1), (4, 2), (-1, 2)])
def test_token_is_renewed_before_it_ends(monkeypatch, minutes_left, asked):
    from planetary_computer import sas

    ends = [datetime.now(UTC) + timedelta(minutes=minutes_left), datetime.now(UTC) + timedelta(hours=1)]
    calls = []
    monkeypatch.setattr(sas, "TOKEN_CACHE", {"container": "old"})

    def sign_url(href):
        calls.append(dict(sas.TOKEN_CACHE))
        return f"{href}?se={ends[len(calls) - 1].strftime('%Y-%m-%dT%H:%M:%SZ')}&sig=s"

    monkeypatch.setattr(sas, "sign_url", sign_url)
    url = sign.signed(HREF, "planetary-computer")
    assert len(calls) == asked and sign.expiry(url) - datetime.now(UTC) > sign.RENEW_BEFORE
    assert calls[-1] == ({} if asked == 2 else {"container": "old"})


def test_urls_without_expiry():
    assert sign.expiry(HREF) is None and sign.expiry(HREF + "?se=nonsense") is None
