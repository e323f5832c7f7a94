"""What a chip was read from is known: content that changes at the same address is noticed, and never used with another's offset."""

import http.server
import json
import os
import threading
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import rasterio

from rs_pipeline.catalog import identity as module
from rs_pipeline.catalog.assign import assign, digest
from rs_pipeline.catalog.chips import load_chips, read_role, scales
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.identity import contradiction, found_identity
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.config import FetchSection, parse
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.radiometry.scaling import reflectance
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, World, make_grid, write_tif
from tests.catalog.faulty import served

GROUND = Grid(CRS, 10.0, LEFT, TOP, 64, 64)
DAYS = ("2023-05-01", "2023-05-11")
LIMITS = FetchSection(retries=0, timeout_s=2)


def write_ground(world: World, name: str, added_dn: int) -> np.ndarray:
    """A scene between dark water and soil, its numbers raised by ``added_dn``; red reflectance."""
    rng = np.random.default_rng(5)
    for asset, step in S2_ASSETS.items():
        if asset != "scl":
            refl = rng.uniform(0.04, 0.3, (640 // step,) * 2)
            refl[: len(refl) // 4] = 0.004
            write_tif(world.root / "data" / name / f"{asset}.tif", np.round(refl * 1e4 + added_dn).astype("uint16"), step, nodata=0)
            if asset == "red":
                red = np.round(refl * 1e4) / 1e4
    return red


@pytest.fixture
def archive(world):
    """Two scenes of baseline 05.09 whose offset is still in the pixels, on a server that tells ETags: (world, server, red reflectance)."""
    for i, day in enumerate(DAYS):
        world.scene(f"s{i}", f"{day}T03:00:00Z", **{"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": None})
        red = write_ground(world, f"s{i}", 1000)
    with served([json.loads(p.read_text()) for p in sorted(world.items.glob("*.json"))], world.root / "data") as server:
        server.tells_etag = True
        yield world, server, red


def settings_of(archive, run: str):
    world, server, _ = archive
    return parse(
        {
            "run": run,
            "output": str(world.root / "out"),
            "units": {"path": str(world.units)},
            "periods": [2023],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": server.url, "schemes": ["http"]}],
            "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 96, "margin_m": 0},
            "fetch": {"backoff_s": 0.01, "timeout_s": 5},
        }
    )


def run(settings) -> None:
    search(settings)
    tile = make_grid(settings)
    assign(settings)
    fetch(settings, tile, "2023")


def red_refl(settings) -> list[np.ndarray]:
    chips = load_chips(settings, "r000c000", "2023")
    return [reflectance(read_role(c, "red", GROUND), s, o) for c, s, o in zip(chips, *scales(chips), strict=True)]


def statuses(settings) -> dict[str, str]:
    return pd.read_parquet(Layout(settings.root).chips("2023", "r000c000")).set_index("key").status.to_dict()


def test_an_offset_that_is_removed_in_place_changes_no_reflectance(archive, capsys):
    """Under the same addresses, in a run whose chips are there, and in a new one that shares the cache with it."""
    world, _, red = archive
    first = settings_of(archive, "first")
    run(first)
    listed = Layout(first.root).scene_list("2023", "r000c000")
    before = listed.read_text()
    assert (
        all(np.allclose(found, red, atol=1e-6) for found in red_refl(first))
        and scales(load_chips(first, "r000c000", "2023"))[1].tolist() == [np.float32(-0.1)] * 2
    )

    for i in range(2):
        write_ground(world, f"s{i}", 0)
    capsys.readouterr()
    run(first)
    assert "2 scenes changed at the source since they were fetched: s0, s1; they are fetched again" in " ".join(capsys.readouterr().err.split())
    assert listed.read_text() != before
    assert all(np.allclose(found, red, atol=1e-6) for found in red_refl(first)) and not scales(load_chips(first, "r000c000", "2023"))[1].any()
    second = settings_of(archive, "second")
    run(second)
    assert all(np.allclose(found, red, atol=1e-6) for found in red_refl(second))


def test_nothing_is_read_again_where_nothing_changed(archive):
    _, server, _ = archive
    first = settings_of(archive, "first")
    run(first)
    listed = Layout(first.root).scene_list("2023", "r000c000")
    times = listed.stat().st_mtime_ns
    server.seen.clear(), server.probes.clear()
    fetch(first, "r000c000", "2023")
    assert server.seen == server.probes == []
    second = settings_of(archive, "second").model_copy(update={"search": first.search.model_copy(update={"self_test": False})})
    run(second)
    assert not any(path.startswith("/files/") for path in server.seen) and sorted(server.probes) == ["/files/s0/red.tif", "/files/s1/red.tif"]
    run(first)
    assert listed.stat().st_mtime_ns == times


def test_a_scene_that_changes_between_search_and_fetch_is_not_used(archive):
    world, _, red = archive
    settings = settings_of(archive, "first")
    search(settings)
    tile = make_grid(settings)
    write_ground(world, "s0", 0)
    fetch(settings, tile, "2023")
    table = pd.read_parquet(Layout(settings.root).chips("2023", tile)).set_index("key")
    assert table.status.to_dict() == {"s0": "failed", "s1": "ok"}
    assert table.reason["s0"].startswith("changed since the search (red.tif: etag ") and table.reason["s0"].endswith("search again")
    run(settings)
    assert statuses(settings) == {"s0": "ok", "s1": "ok"} and all(np.allclose(found, red, atol=1e-6) for found in red_refl(settings))


def test_a_local_file_that_changes_is_noticed_the_same_way(world):
    world.scene("s0", f"{DAYS[0]}T03:00:00Z", **{"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": None})
    red = write_ground(world, "s0", 1000)
    settings = world.settings()
    run(settings)
    assert np.allclose(red_refl(settings)[0], red, atol=1e-6)
    write_ground(world, "s0", 0)
    fetch(settings, "r000c000", "2023")
    assert statuses(settings) == {"s0": "failed"}
    run(settings)
    assert np.allclose(red_refl(settings)[0], red, atol=1e-6)


def test_what_the_item_says_of_its_files_counts_for_every_band(archive):
    """A checksum that changes is another content, though the server is silent and the size is the same."""
    _, server, _ = archive
    server.tells_etag = False
    for entry in server.items:
        entry["assets"]["nir"] |= {"file:checksum": "1220aa", "file:size": 8600}
    settings = settings_of(archive, "first")
    search(settings)
    before = {s.key: digest(s) for s in read_ledger(Layout(settings.root).scenes)}
    server.items[0]["assets"]["nir"]["file:checksum"] = "1220bb"
    search(settings)
    after = {s.key: s for s in read_ledger(Layout(settings.root).scenes)}
    assert after["s0"].identity["nir"] == {"file:checksum": "1220bb", "file:size": "8600"}
    assert digest(after["s0"]) != before["s0"] and digest(after["s1"]) == before["s1"]


def test_the_time_of_an_update_counts_where_nothing_else_is_known(archive):
    _, server, _ = archive
    settings = settings_of(archive, "first")
    for entry in server.items:
        entry["properties"]["updated"] = "2024-01-01T00:00:00Z"
    search(settings)
    assert all("updated" not in s.identity["red"] for s in read_ledger(Layout(settings.root).scenes))
    server.tells_etag = False
    search(settings)
    assert all(s.identity["red"]["updated"] == "2024-01-01T00:00:00Z" for s in read_ledger(Layout(settings.root).scenes))


def test_signatures_are_no_part_of_what_a_scene_is(archive):
    _, server, _ = archive

    def sign(token: str):
        for entry in server.items:
            for asset in entry["assets"].values():
                asset["href"] = asset["href"].split("?")[0] + f"?X-Amz-Signature={token}"

    settings = settings_of(archive, "first")
    sign("one")
    run(settings)
    listed = Layout(settings.root).scene_list("2023", "r000c000").read_text()
    sign("two")
    server.seen.clear()
    run(settings)
    assert Layout(settings.root).scene_list("2023", "r000c000").read_text() == listed
    (chip, _) = load_chips(settings, "r000c000", "2023")
    with rasterio.open(chip.files["red"][0]) as data:
        assert "Signature" not in json.dumps(data.tags()) and set(json.loads(data.tags()["READ_FROM"])) == set(chip.scene.assets)


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request in one way."""

    def do_GET(self):
        status, headers = self.server.answer
        self.server.asked.append((self.path, self.headers.get("Range"), self.headers.get("Accept-Encoding")))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args):
        pass


@contextmanager
def answering(status: int, headers: dict):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.answer, server.asked = (status, headers), []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}/x.tif"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "headers", "known"), [
    (206, {"ETag": '"a"', "Last-Modified": "Wed, 01 May 2024 00:00:00 GMT", "Content-Range": "bytes 0-0/77"},
     {"etag": '"a"', "size": "77"}),
    (206, {"Last-Modified": "Wed, 01 May 2024 00:00:00 GMT", "Content-Range": "bytes 0-0/77"}, {"last-modified": "Wed, 01 May 2024 00:00:00 GMT", "size": "77"}),
    (206, {"ETag": 'W/"a"', "Content-Range": "bytes 0-0/*"}, {"etag": '"a"'}),
    (200, {"Content-Length": "77"}, {"size": "77"}),
    (206, {}, {}),
    (404, {"ETag": '"of the page of errors"'}, {}),
    (416, {"Content-Range": "bytes */0"}, {}),
    (405, {}, {}),
    (302, {"Location": "http://[::1"}, {}),
    (302, {"Location": "/x.tif"}, {}),
])  # fmt: skip
def test_what_servers_tell(status, headers, known):
    with answering(status, headers) as (server, url):
        assert found_identity(url, "none", LIMITS, internal=True) == known
        assert set(server.asked) == {("/x.tif", "bytes=0-0", "identity")}


def test_a_host_that_cannot_be_reached_is_asked_once(archive, monkeypatch):
    settings = settings_of(archive, "first").model_copy(update={"search": settings_of(archive, "first").search.model_copy(update={"self_test": False})})
    tried = []

    def unreachable(href, sign, limits, internal):
        tried.append(href)
        raise ConnectionError("no route to host")

    monkeypatch.setattr(module, "found_identity", unreachable)
    search(settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"connections": 1})}))
    assert len(tried) == 1 and all(s.identity == {} for s in read_ledger(Layout(settings.root).scenes, status=["used"]))


def test_a_server_that_is_down_makes_nothing_be_fetched_again(archive, monkeypatch):
    """What the last search knew of the files holds while nobody says otherwise, and the offset is the same."""
    _, server, _ = archive
    for entry in server.items:
        entry["properties"]["earthsearch:boa_offset_applied"] = False
    settings = settings_of(archive, "first")
    run(settings)
    before = Layout(settings.root).scene_list("2023", "r000c000").read_text()
    decided = [(s.key, s.offset, s.offset_decision) for s in read_ledger(Layout(settings.root).scenes)]
    server.missing = {".tif"}
    monkeypatch.setattr(module, "found_identity", lambda *_: (_ for _ in ()).throw(ConnectionError("no route to host")))
    server.items[0]["properties"]["updated"] = "2024-01-01T00:00:00Z"
    search(settings)
    assert [(s.key, s.offset, s.offset_decision) for s in read_ledger(Layout(settings.root).scenes)] == decided
    assign(settings)
    assert Layout(settings.root).scene_list("2023", "r000c000").read_text() == before


def test_only_what_both_know_can_differ(tmp_path):
    assert contradiction({"etag": '"a"'}, {"size": "7"}) == contradiction({}, {"etag": '"a"'}) == contradiction({"size": "7"}, {}) == ""
    assert contradiction({"size": "7", "mtime_ns": "1"}, {"size": "8", "mtime_ns": "1"}) == "size 7 is 8 now"
    path = tmp_path / "x.tif"
    path.write_bytes(b"1234567")
    os.utime(path, ns=(1, 1))
    assert found_identity(str(path), "none", LIMITS) == {"size": "7", "mtime_ns": "1"}
    assert found_identity("s3://bucket/x.tif", "none", LIMITS) == found_identity(str(tmp_path / "none"), "none", LIMITS) == {}


TWO_NODES = (
    {"etag": '"a"', "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT", "size": "7"},
    {"etag": '"a"', "last-modified": "Tue, 02 Jan 2024 00:00:00 GMT", "size": "7"},
)


def test_nodes_of_a_mirror_have_one_content():
    """The same ETag and size, and another time: it counts only where one of them has no ETag."""
    one, other = TWO_NODES
    assert contradiction(one, other) == ""
    assert contradiction(one, {**other, "size": "8"}) == "size 7 is 8 now" and contradiction(one, {**other, "etag": '"b"'}) == 'etag "a" is "b" now'
    assert contradiction(one, {"last-modified": other["last-modified"]}) == f"last-modified {one['last-modified']} is {other['last-modified']} now"
    found = []
    for node in TWO_NODES:
        with answering(206, {"ETag": node["etag"], "Last-Modified": node["last-modified"], "Content-Range": "bytes 0-0/7"}) as (_, url):
            found.append(found_identity(url, "none", LIMITS, internal=True))
    assert found[0] == found[1] == {"etag": '"a"', "size": "7"}
