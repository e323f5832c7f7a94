"""The chain against a server that fails: every scene right or listed with its reason, and no map changed by the weather of the network."""

import errno
import json
import os
import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from rs_pipeline.catalog import api as api_module
from rs_pipeline.catalog import fetch as fetch_module
from rs_pipeline.catalog import sign as sign_module
from rs_pipeline.catalog.cache import Cache
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.losses import losses
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.errors import CatalogError
from rs_pipeline.layout import Layout
from rs_pipeline.products.observe import observe
from rs_pipeline.products.register import observed_maps
from rs_pipeline.publish.mosaic import mosaic
from rs_pipeline.remote import ask as ask_module
from tests.catalog.conftest import CRS, S2_ASSETS, World, make_grid, write_tif
from tests.catalog.faulty import FAULTS, Handler, served

N_SCENES = 12


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> World:
    """Twelve varied scenes of 2023 and four of 2024."""
    world = World(tmp_path_factory.mktemp("scenes"))
    rng = np.random.default_rng(5)
    days = [f"2023-{5 + i // 4:02d}-{1 + 6 * (i % 4):02d}" for i in range(N_SCENES)] + [f"2024-05-{d:02d}" for d in (3, 9, 15, 21)]
    for i, day in enumerate(days):
        world.scene(f"s{i:02d}", f"{day}T03:00:00Z")
        for name, step in S2_ASSETS.items():
            if name != "scl":
                values = rng.integers(300, 3000, (640 // step, 640 // step)).astype("uint16")
                write_tif(world.root / "data" / f"s{i:02d}" / f"{name}.tif", values, step, nodata=0)
    return world


@pytest.fixture
def server(scenes):
    with served([json.loads(p.read_text()) for p in sorted(scenes.items.glob("*.json"))], scenes.root / "data") as server:
        yield server


def settings_of(server, scenes, output, **changes):
    source = {"sensor": "earth-search-sentinel-2-l2a", "catalog": server.url, "schemes": ["http"], **changes.pop("source", {})}
    values = {
        "run": "t",
        "output": str(output),
        "units": {"path": str(scenes.units)},
        "periods": [2023, 2024],
        "sources": [source],
        "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 96, "margin_m": 0},
        "fetch": {"retries": 4, "backoff_s": 0.01, "timeout_s": 5, "connections": 3, **changes.pop("fetch", {})},
    }
    return parse(values | changes)


def manifest(settings, period) -> pd.DataFrame:
    return pd.read_parquet(Layout(settings.root).chips(period, "r000c000")).set_index("key")


def ledger(settings) -> pd.DataFrame:
    """The ledger without the words of decisions, which count the other dates that could be read."""
    return pd.DataFrame(gpd.read_parquet(Layout(settings.root).scenes)).drop(columns=["offset_decision", "offset_confidence"])


def chips(settings) -> dict[str, bytes]:
    folder = settings.root / "chips"
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.tif"))}


def maps(settings, period) -> dict[str, bytes]:
    for step in (lambda: observe(settings, "r000c000", period), *(lambda p=p: mosaic(settings, p, period) for p in observed_maps())):
        step()
    return {p: Layout(settings.root).map(p, period).read_bytes() for p in observed_maps()}


def run(settings) -> None:
    search(settings)
    make_grid(settings)
    for period in ("2023", "2024"):
        fetch(settings, "r000c000", period)


def test_a_faulty_server_changes_no_map_and_hides_no_loss(server, scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(api_module, "PAGE_SIZE", 3)
    settings = settings_of(server, scenes, tmp_path, fetch={"cache_gb": 0, "retries": 6})
    run(settings)
    plain = ledger(settings), chips(settings), maps(settings, "2023"), maps(settings, "2024")
    shutil.rmtree(settings.root)
    server.share, server.missing = 0.3, {"/s13/red.tif"}
    server.seen.clear()
    run(settings)
    assert len(server.seen) >= 150 and sum(server.faults.values()) >= 40
    assert set(server.faults) == set(FAULTS) and min(server.faults.values()) >= 3
    assert list(manifest(settings, "2023").status) == ["ok"] * N_SCENES
    assert dict(manifest(settings, "2024").status) == {"s12": "ok", "s13": "failed", "s14": "ok", "s15": "ok"}
    assert "red.tif" in manifest(settings, "2024").reason["s13"] and "404" in manifest(settings, "2024").reason["s13"]
    missing = ledger(settings).key == "s13"
    assert ledger(settings)[~missing].equals(plain[0][~missing]) and list(ledger(settings).identity[missing]) == ["{}"]
    assert maps(settings, "2023") == plain[2]
    assert chips(settings) == {name: data for name, data in plain[1].items() if not name.startswith("2024/r000c000/native/s13/")}

    server.missing, server.share = set(), 0.0
    search(settings)
    assert ledger(settings).equals(plain[0])
    server.seen.clear()
    assert [(loss.tile, loss.period) for loss in losses(settings)] == [("r000c000", "2024")]
    fetch(settings, "r000c000", "2024")
    assert server.seen and all("/s13/" in path for path in server.seen)
    assert chips(settings) == plain[1] and maps(settings, "2024") == plain[3]


def test_a_server_that_never_recovers_ends_in_failed_scenes(server, scenes, tmp_path):
    settings = settings_of(server, scenes, tmp_path, fetch={"retries": 1, "cache_gb": 0}, search=UNREAD)
    search(settings)
    make_grid(settings)
    server.share, server.in_a_row = 1.0, 10**9
    fetch(settings, "r000c000", "2024")
    assert list(manifest(settings, "2024").status) == ["failed"] * 4 and all(manifest(settings, "2024").reason.str.contains(".tif"))
    with pytest.raises(CatalogError, match="does not answer as it should"):
        search(settings)


def test_no_more_connections_than_configured(server, scenes, tmp_path):
    settings = settings_of(server, scenes, tmp_path, fetch={"connections": 2, "cache_gb": 0}, search=UNREAD)
    server.share, server.slow_s = 0.0, 0.0
    search(settings)
    make_grid(settings)
    fetch(settings, "r000c000", "2023", threads=8)
    assert 1 <= server.most_busy <= 2


UNREAD = {"self_test": False, "register_scenes": False}
"""A search that reads no pixels."""


def test_a_changed_configuration_reads_nothing_again(server, scenes, tmp_path):
    first = settings_of(server, scenes, tmp_path)
    run(first)
    server.seen.clear()
    second = settings_of(server, scenes, tmp_path, run="u", vegetation={"peak_percentile": 80}, search=UNREAD)
    run(second)
    assert [p for p in server.seen if p.startswith("/files/")] == []
    assert chips(first) == chips(second) and list(manifest(second, "2023").status) == ["ok"] * N_SCENES
    (entry, *_) = sorted((tmp_path / ".cache").rglob("*.zip"))
    entry.write_bytes(entry.read_bytes()[:-100])
    run(settings_of(server, scenes, tmp_path, run="v", search=UNREAD))
    asked = [p for p in server.seen if p.startswith("/files/")]
    assert asked and len({p.split("/")[2] for p in asked}) == 1
    assert chips(settings_of(server, scenes, tmp_path, run="v")) == chips(first)
    moved = settings_of(server, scenes, tmp_path, run="w", search=UNREAD, masks={"shadow_height_m": [200, 3000]})
    server.seen.clear()
    search(moved)
    assert [p for p in server.seen if p.startswith("/files/")] == []


def test_the_cache_keeps_to_its_limit_and_drops_the_oldest(tmp_path):
    cache, keys = Cache(tmp_path / "cache", 16 * 2500), [f"a{i}" * 32 for i in range(4)]
    chip = tmp_path / "chip"
    chip.mkdir()
    (chip / "10m-0.tif").write_bytes(b"x" * 1000)
    for i in range(4):
        cache.keep(keys[i], chip)
        os.utime(cache.path(keys[i]), (i + 1, i + 1))
    assert [cache.path(keys[i]).exists() for i in range(4)] == [False, False, True, True]
    assert cache.take(keys[3], tmp_path / "out") and (tmp_path / "out" / "10m-0.tif").read_bytes() == b"x" * 1000
    assert not cache.take("b" * 64, tmp_path / "none") and not (tmp_path / "none").exists()
    (chip / "10m-0.tif").write_bytes(b"x" * 5000)
    cache.keep("c" * 64, chip)
    assert not cache.path("c" * 64).exists()


def test_a_damaged_or_foreign_entry_is_not_taken(tmp_path):
    cache = Cache(tmp_path / "cache", 10**6)
    cache.path("a0").parent.mkdir(parents=True)
    for content in ({"../../out.tif": b"x"}, {"/etc/x.tif": b"x"}, {"run.sh": b"x"}):
        with zipfile.ZipFile(cache.path("a0"), "w") as packed:
            for name, data in content.items():
                packed.writestr(name, data)
        assert not cache.take("a0", tmp_path / "to") and not cache.path("a0").exists() and not (tmp_path / "out.tif").exists()
    chip = tmp_path / "chip"
    chip.mkdir()
    (chip / "mask.tif").write_bytes(bytes(1000))
    cache.keep("a0", chip)
    data = bytearray(cache.path("a0").read_bytes())
    data[500] ^= 1
    cache.path("a0").write_bytes(data)
    assert not cache.take("a0", tmp_path / "to") and not cache.path("a0").exists()


class Signer:
    """Signs with the token that the server expects, or with the old one until it is told to forget."""

    def __init__(self, server):
        self.server, self.token, self.asked = server, "old", 0

    def sign(self, href):
        return f"{href}?sig={self.token}&se=2099-01-01T00%3A00%3A00Z"

    def forget(self):
        self.asked += 1
        self.token = self.server.token


def test_an_entry_is_not_blamed_for_a_full_disk(tmp_path, monkeypatch):
    cache, folder = Cache(tmp_path / "cache", 10**6), tmp_path / "chip"
    folder.mkdir()
    (folder / "a.tif").write_bytes(b"chip")
    cache.keep("ab", folder)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OSError, match="No space left"):
            cache.take("ab", tmp_path / "other")
    assert cache.take("ab", tmp_path / "other") and (tmp_path / "other" / "a.tif").read_bytes() == b"chip"


def test_an_ended_signature_is_renewed_and_signatures_do_not_matter_on_resume(server, scenes, tmp_path, monkeypatch):
    signer = Signer(server)
    monkeypatch.setitem(sign_module.SIGNERS, "planetary-computer", signer.sign)
    monkeypatch.setitem(sign_module.FORGETTERS, "planetary-computer", signer.forget)
    server.token = "new"
    settings = settings_of(server, scenes, tmp_path, source={"sign": "planetary-computer"}, fetch={"cache_gb": 0})
    run(settings)
    assert signer.asked >= 1 and set(manifest(settings, "2023").status) == {"ok"}
    assert b"sig=" not in b"".join(chips(settings).values()) and b"sig=" not in Layout(settings.root).scenes.read_bytes()
    server.token = "newer"
    server.seen.clear()
    fetch(settings, "r000c000", "2023")
    assert server.seen == []


def test_a_failure_is_told_without_its_token(server, scenes, tmp_path, monkeypatch):
    signer = Signer(server)
    signer.token = server.token = "secret"
    monkeypatch.setitem(sign_module.SIGNERS, "planetary-computer", signer.sign)
    settings = settings_of(server, scenes, tmp_path, source={"sign": "planetary-computer"}, fetch={"cache_gb": 0, "retries": 0})
    monkeypatch.setattr(Handler, "_file", lambda self, path, asked, fault: self._send(200, b"<html>please log in</html>"))
    run(settings)
    assert set(manifest(settings, "2024").status) == {"failed"}
    assert all(manifest(settings, "2024").reason.str.contains("not recognized"))
    assert "secret" not in "".join(manifest(settings, "2024").reason)
    assert b"secret" not in Layout(settings.root).scenes.read_bytes()


def test_presigned_hrefs_of_a_signed_source_are_frozen_without_their_token(server, scenes, tmp_path):
    for entry in server.items:
        for asset in entry["assets"].values():
            asset["href"] += "?se=2020-01-01T00%3A00%3A00Z&sig=secret"
    settings = settings_of(server, scenes, tmp_path, source={"sign": "planetary-computer"}, search=UNREAD)
    search(settings)
    assert all(href.endswith(".tif") for s in read_ledger(Layout(settings.root).scenes) for href in s.assets.values())


def test_an_ended_signature_that_is_not_ours_is_a_reason_not_a_wait(server, scenes, tmp_path):
    server.token = "new"
    settings = settings_of(server, scenes, tmp_path, search=UNREAD, fetch={"backoff_s": 60, "cache_gb": 0})
    search(settings)
    make_grid(settings)
    fetch(settings, "r000c000", "2024")
    assert set(manifest(settings, "2024").status) == {"failed"} and all(manifest(settings, "2024").reason.str.contains("403"))


def test_a_stale_manifest_does_not_outlive_a_new_fetch(server, scenes, tmp_path, monkeypatch):
    settings = settings_of(server, scenes, tmp_path, search=UNREAD, fetch={"cache_gb": 0})
    run(settings)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch_module, "fetch_scene", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(settings, "r000c000", "2023")
    assert not Layout(settings.root).chips("2023", "r000c000").exists()


class TestPaging:
    @pytest.mark.parametrize("endless", ["same", "empty"])
    def test_a_catalog_that_pages_for_ever_is_named(self, server, scenes, tmp_path, monkeypatch, endless):
        monkeypatch.setattr(api_module, "PAGE_SIZE", 7)
        server.endless = endless
        with pytest.raises(CatalogError, match="returns pages without end") as caught:
            search(settings_of(server, scenes, tmp_path))
        assert caught.value.where == server.url and len(server.seen) < 20
        assert not Layout(tmp_path / "t").scenes.exists()

    def test_a_catalog_that_names_new_items_for_ever_is_stopped(self):
        pages = ({"features": [{"id": f"{n}-{i}"} for i in range(10)]} for n in range(10**9))
        with pytest.raises(CatalogError, match="more than 500 scenes found"):
            list(api_module._new_items(pages, "x", 500))
        drips = ({"features": [{"id": str(n)}] + [{"id": "a"}] * 99} for n in range(10**9))
        with pytest.raises(CatalogError, match="returns pages without end"):
            list(api_module._new_items(drips, "x", 10**9))

    def test_an_empty_page_in_between_is_not_the_end(self):
        pages = iter([{"features": [{"id": "a"}]}, {"features": []}, {"features": [{"id": "b"}]}])
        assert [i["id"] for i in api_module._new_items(pages, "x", 10)] == ["a", "b"]

    @pytest.mark.parametrize(
        "counts", [[{"numberMatched": 24}], [{"context": {"matched": 24, "returned": 10}}], [{"numberMatched": 24}, {"numberMatched": 23}, {}]]
    )
    def test_a_search_that_is_not_whole_is_doubtful(self, counts):
        """Ten items a page and no link on, where the catalog knows of more."""
        pages = [{"features": [{"id": f"{n}-{i}"} for i in range(10 if n == 0 else 5)], **count} for n, count in enumerate(counts)]
        with pytest.raises(api_module._Doubtful, match=r"says that 2[34] items match and gives [12]0 of them, without a link to the next page"):
            list(api_module._new_items(iter(pages), "https://x.org", 10**6))
        assert len(list(api_module._new_items(iter(pages), "https://x.org", 10**6, exact_count=False))) in (10, 20)

    @pytest.mark.parametrize(
        "counts",
        [
            [{"numberMatched": 20}, {"numberMatched": 20}],
            [{"numberMatched": 21}, {"numberMatched": 20}],  # an item went while the search ran
            [{"numberMatched": 10}, {"numberMatched": 21}],  # some came
            [{"numberMatched": 20, "features": [{"id": "twice"}] * 20}],  # twice in the catalog itself, on one page
            [{"context": {"matched": 90, "exactCount": False}}, {}],
            [{"numberMatched": None}, {"context": None}],
            [{"numberMatched": "many"}, {"numberMatched": True}],
        ],
    )
    def test_a_search_that_is_whole_or_does_not_count_passes(self, counts):
        pages = [{"features": [{"id": f"{n}-{i}"} for i in range(10)], **count} for n, count in enumerate(counts)]
        assert len(list(api_module._new_items(iter(pages), "x", 10**6))) == 20

    @staticmethod
    def answers(server, respond) -> list[str]:
        """Let the server answer searches by ``respond(handler, asked)``; the intervals it was asked for."""
        spans = []

        class Answering(Handler):
            def _page(self, asked):
                spans.append("/".join(t[:10] for t in asked["datetime"].split("/")))
                return respond(super()._page, asked)

        server.RequestHandlerClass = Answering
        return spans

    def test_items_that_shifting_pages_hide_are_found_in_shorter_intervals(self, server, scenes, tmp_path, monkeypatch):
        """Pages of 7 repeat one item at each border and so miss another, though as many are given as match."""
        monkeypatch.setattr(api_module, "PAGE_SIZE", 7)

        def shifting(page, asked):
            whole = page({**asked, "token": 0, "limit": 99})["features"]
            start = int(asked.get("token", 0))
            shown = whole[max(0, start - 1) : max(0, start - 1) + 7][: len(whole) - start]
            links = (
                [{"rel": "next", "method": "POST", "href": f"{server.url}/search", "body": {**asked, "token": str(start + 7)}}]
                if start + 7 < len(whole)
                else []
            )
            return {"type": "FeatureCollection", "features": shown, "links": links, "numberMatched": len(whole)}

        spans = self.answers(server, shifting)
        search(settings_of(server, scenes, tmp_path, search=UNREAD))
        assert len(read_ledger(Layout(tmp_path / "t").scenes)) == N_SCENES + 4 and len(set(spans)) > 1

    @pytest.mark.parametrize("limit", [{}, {"context": {"limit": 5, "returned": 5}}])
    def test_a_full_page_without_a_link_and_a_number_is_asked_for_in_halves(self, server, scenes, tmp_path, monkeypatch, limit):
        """As the Planetary Computer answered in January 2026."""
        monkeypatch.setattr(api_module, "PAGE_SIZE", 9 if limit else 5)
        self.answers(server, lambda page, asked: {**page({**asked, "limit": 5}), "links": [], **limit})
        search(settings_of(server, scenes, tmp_path, search=UNREAD))
        assert len(read_ledger(Layout(tmp_path / "t").scenes)) == N_SCENES + 4

    def test_a_day_that_stays_doubtful_is_an_error(self, server, scenes, tmp_path, monkeypatch):
        monkeypatch.setattr(api_module, "PAGE_SIZE", 1)
        self.answers(server, lambda page, asked: {**page({**asked, "limit": 1}), "links": []})
        server.items.append(json.loads(json.dumps(server.items[0])) | {"id": "another of that day"})
        with pytest.raises(CatalogError, match="does not show that its answer for 2023-05-01 is whole: a full page came without a link"):
            search(settings_of(server, scenes, tmp_path, search=UNREAD))

    def test_a_server_that_ends_after_its_first_page_is_refused(self, server, scenes, tmp_path, monkeypatch):
        class Short(Handler):
            def _page(self, asked):
                page = super()._page({**asked, "limit": 10})
                return {**page, "numberMatched": 16, "links": []}

        server.RequestHandlerClass = Short
        with pytest.raises(CatalogError, match="is whole: it says that 16 items match and gives [0-9] of them, without a link") as caught:
            search(settings_of(server, scenes, tmp_path))
        assert caught.value.where == server.url and "sources.exact_count" in caught.value.remedy
        assert not Layout(tmp_path / "t").scenes.exists()

    def test_what_does_not_fit_on_one_page_comes_in_halves(self, server, scenes, tmp_path):
        """Pages of 3 without links, with the number of items that match."""

        class Short(Handler):
            def _page(self, asked):
                whole = super()._page({**asked, "limit": 99})["features"]
                return {"type": "FeatureCollection", "features": whole[:3], "links": [], "numberMatched": len(whole)}

        server.RequestHandlerClass = Short
        search(settings_of(server, scenes, tmp_path, search=UNREAD))
        assert len(read_ledger(Layout(tmp_path / "t").scenes)) == N_SCENES + 4

    @pytest.mark.parametrize("href, said", [("file:///etc/passwd", "leaves its server"), ("/etc/passwd", ""), ("ftp://x.org/next", "leaves its server")])
    def test_the_next_page_is_not_looked_for_elsewhere(self, server, scenes, tmp_path, monkeypatch, href, said):
        monkeypatch.setattr(api_module, "PAGE_SIZE", 7)
        server.next_href = href
        with pytest.raises(CatalogError, match=said or "404"):
            search(settings_of(server, scenes, tmp_path))

    @pytest.mark.parametrize(
        "link, said",
        [
            ({"method": "DELETE"}, "asks for 'DELETE', a search is GET or POST"),
            ({"method": "PUT"}, "asks for 'PUT'"),
            ({"method": ["POST"]}, "a search is GET or POST"),
            ({"body": {"token": "x" * 70_000}}, "wants more than 65536 bytes sent"),
            ({"body": [1]}, "or no object"),
            ({"href": "//x.org/search"}, "leaves its server"),
            ({"href": "https://127.0.0.1/search"}, "leaves its server"),
            ({"href": "http://[::1"}, "does not answer as it should"),
        ],
    )
    def test_a_hostile_next_link_is_not_followed(self, server, scenes, tmp_path, monkeypatch, link, said):
        class Hostile(Handler):
            do_DELETE = do_PUT = Handler.do_POST

            def _page(self, asked):
                page = super()._page(asked)
                page["links"] = [{"rel": "next", "href": f"{self.server.url}/search", "method": "POST", "body": {}, **link}]
                return page

        server.RequestHandlerClass = Hostile
        with pytest.raises(CatalogError, match=said):
            search(settings_of(server, scenes, tmp_path))
        assert server.seen == ["/", "/search"]

    def test_headers_of_a_next_link_are_not_sent(self, server, scenes, tmp_path, monkeypatch):
        """They might be another server's password, which some page got hold of."""
        monkeypatch.setattr(api_module, "PAGE_SIZE", 7)
        told = []

        class Telling(Handler):
            def _page(self, asked):
                told.append(dict(self.headers))
                page = super()._page(asked)
                page["links"] = [{**k, "headers": {"Authorization": "Basic S3CR3T", "X-Other": "S3CR3T"}} for k in page["links"]]
                return page

        server.RequestHandlerClass = Telling
        search(settings_of(server, scenes, tmp_path, search=UNREAD))
        assert len(told) > 2 and "S3CR3T" not in str(told)


class TestPatience:
    @pytest.fixture
    def slept(self, monkeypatch):
        pauses = []
        monkeypatch.setattr("time.sleep", pauses.append)
        return pauses

    def ask(self, server, scenes, tmp_path, answers, **limits):
        """Send the prepared answers, then a good page."""
        left = list(answers)

        class Prepared(Handler):
            def _api(self, path, asked, fault):
                if path == "/search" and left:
                    status, headers, body = left.pop(0)
                    return self._send(status, body, headers)
                return super()._api(path, asked, fault)

        server.RequestHandlerClass = Prepared
        settings = settings_of(server, scenes, tmp_path, search=UNREAD, fetch=limits)
        search(settings)
        return settings

    def test_retry_after_is_honoured(self, server, scenes, tmp_path, slept):
        self.ask(server, scenes, tmp_path, [(429, {"Retry-After": "7"}, b""), (503, {}, b"")], backoff_s=1)
        assert slept[0] == 7 and 2 <= slept[1] <= 3

    def test_a_wait_beyond_the_limit_is_not_begun(self, server, scenes, tmp_path, slept):
        with pytest.raises(CatalogError, match=r"asks to wait 3600 s, fetch\.max_wait_s is 300"):
            self.ask(server, scenes, tmp_path, [(429, {"Retry-After": "3600"}, b"")])
        assert slept == []

    def test_pauses_grow_and_tries_end(self, server, scenes, tmp_path, slept):
        with pytest.raises(CatalogError, match=r"502 .* \(after 4 tries\)"):
            self.ask(server, scenes, tmp_path, [(502, {}, b"")] * 9, retries=3, backoff_s=1)
        assert len(slept) == 3 and 1 <= slept[0] <= 1.5 and 2 <= slept[1] <= 3 and 4 <= slept[2] <= 6

    def test_half_an_answer_is_asked_for_again(self, server, scenes, tmp_path, slept):
        """Its length is right and its text is not: a proxy may cut an answer so."""
        self.ask(server, scenes, tmp_path, [(200, {}, b'{"type": "FeatureColl')])
        assert len(slept) == 1

    def test_nonsense_ends_with_its_name(self, server, scenes, tmp_path, slept):
        for body in (b"[]", b"{}", b'{"features": 7}', b'{"features": [], "links": 7}', b"[" * 50_000 + b"]" * 50_000):
            with pytest.raises(CatalogError, match="does not answer as it should"):
                self.ask(server, scenes, tmp_path, [(200, {}, body)] * 5, retries=1)

    def test_a_refusal_is_not_asked_again(self, server, scenes, tmp_path, slept):
        with pytest.raises(CatalogError, match="403"):
            self.ask(server, scenes, tmp_path, [(403, {}, b"")])
        assert slept == []

    def test_an_answer_without_end_is_not_kept(self, server, scenes, tmp_path, slept, monkeypatch):
        monkeypatch.setitem(ask_module.ask.__kwdefaults__, "most", 2**20)
        with pytest.raises(CatalogError, match="more than 1 MiB"):
            self.ask(server, scenes, tmp_path, [(200, {}, b" " * (3 * 2**20))])


def test_a_redirect_may_not_leave_for_an_internal_host(server, scenes, tmp_path, outside):
    class Redirecting(Handler):
        def _api(self, path, asked, fault):
            self._send(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"})

    server.RequestHandlerClass = Redirecting
    with pytest.raises(CatalogError, match=r"the host '169\.254\.169\.254' is internal"):
        search(settings_of(server, scenes, tmp_path))
