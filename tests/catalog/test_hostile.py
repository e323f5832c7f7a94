"""What a catalog from outside may try: each is refused by name or skipped with its reason, nothing leaves the results folder, memory is bounded."""

import json
import multiprocessing
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

from rs_pipeline.catalog.address import check_address, may_be_internal
from rs_pipeline.catalog.chips import chip_files, opened_chip
from rs_pipeline.catalog.clip import _at_most
from rs_pipeline.catalog.fetch import _verified, fetch
from rs_pipeline.catalog.items import read_item
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.config import SourceSection
from rs_pipeline.errors import CatalogError, EmptySearchError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.sensors import load_sensor
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, footprint, item, make_grid, write_tif
from tests.catalog.faulty import served

OUTSIDE = SourceSection(sensor="earth-search-sentinel-2-l2a", catalog="https://1.1.1.1/stac")
"""A catalog that is not internal, by number: no name has to be looked up."""


def test_who_may_name_internal_hosts():
    assert not may_be_internal(OUTSIDE)
    assert may_be_internal(OUTSIDE.model_copy(update={"internal_hosts": True}))
    assert may_be_internal(OUTSIDE.model_copy(update={"catalog": "http://127.0.0.1:8080"}))
    assert may_be_internal(OUTSIDE.model_copy(update={"catalog": "/archive/stac"}))


def entry(href: str) -> dict:
    return item("x", "2023-05-01T03:00:00Z", {n: href for n in S2_ASSETS}, platform="sentinel-2a", **{"earthsearch:boa_offset_applied": True})


@pytest.mark.parametrize(
    "href, said",
    [
        ("file:///etc/passwd", "scheme 'file' is not allowed"),
        ("/etc/passwd", "scheme 'file' is not allowed"),
        ("s3://bucket/x.tif", "scheme 's3' is not allowed"),
        ("/vsicurl/https://1.1.1.1/x.tif", "scheme 'file' is not allowed"),
        ("vrt://x.tif", "scheme 'vrt' is not allowed"),
        ("https://127.0.0.1/x.tif", "internal host '127.0.0.1'"),
        ("https://169.254.169.254/latest/meta-data", "internal host '169.254.169.254'"),
        ("https://user:word@10.0.0.1:8443/x.tif", "internal host '10.0.0.1'"),
        ("https://1.1.1.1@[::1]/x.tif", "internal host '::1'"),
        ("https://1.1.1.1\\@127.0.0.1/x.tif", "without a host"),
        ("https:///x.tif", "without a host"),
        ("https://1.1.1.1/x.tif\nHost: y", "control characters"),
        ("https://[64:ff9b::7f00:1]/x.tif", "internal host"),
        ("https://[2002:7f00:1::]/x.tif", "internal host"),
        ("https://224.0.0.1/x.tif", "internal host"),
    ],
)
def test_hrefs_of_a_remote_catalog(href, said):
    scene = read_item(entry(href), OUTSIDE, load_sensor(OUTSIDE.sensor), ("https",)).scene
    assert scene.status == "skipped" and said in scene.reason and scene.assets == {}


@pytest.mark.parametrize("href, source, inside", [
    ("https://1.1.1.1/x.tif", {}, False), ("https://127.0.0.1/x.tif", {}, True), ("https://1.1.1.1/x.tif", {"internal_hosts": True}, True), ("/x.tif", {}, False),
    ("https://127.0.0.1/x.tif", {"catalog": "https://1.1.1.1", "internal_hosts": True}, True), ("https://1.1.1.1/x.tif", {"catalog": "https://10.0.0.1"}, False),
])  # fmt: skip
def test_public_hosts_lead_nobody_inside(href, source, inside):
    """Also those that a folder names, or a catalog of the internal network."""
    source = SourceSection(**{"sensor": OUTSIDE.sensor, "catalog": "/archive", "folders": ["/"], **source})
    scene = read_item(entry(href), source, load_sensor(source.sensor), ("file", "https")).scene
    assert scene.status == "used" and scene.internal_hosts is inside


def test_a_host_that_nobody_knows_is_not_public():
    scene = read_item(entry("https://no-such-host.invalid/x.tif"), OUTSIDE, load_sensor(OUTSIDE.sensor), ("https",)).scene
    assert scene.status == "failed" and scene.reason == "href to the host 'no-such-host.invalid', which has no address"


def test_behind_a_proxy_the_proxy_knows_the_hosts(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    assert read_item(entry("https://no-such-host.invalid/x.tif"), OUTSIDE, load_sensor(OUTSIDE.sensor), ("https",)).scene.status == "used"
    assert "internal host" in read_item(entry("https://10.0.0.1/x.tif"), OUTSIDE, load_sensor(OUTSIDE.sensor), ("https",)).scene.reason


def test_a_good_href_of_a_remote_catalog():
    assert read_item(entry("https://1.1.1.1/x.tif"), OUTSIDE, load_sensor(OUTSIDE.sensor), ("https",)).scene.status == "used"


@pytest.mark.parametrize(
    "url, said",
    [("http://1.1.1.1/next", "is not https"), ("file:///etc/passwd", "is not https"), ("https://192.168.1.1/", "internal host"), ("search?x", "is not https")],
)
def test_links_of_a_remote_catalog(url, said):
    with pytest.raises(CatalogError, match=said) as caught:
        check_address(url, OUTSIDE)
    assert caught.value.where == OUTSIDE.catalog


def sparse(path: Path, width: int, height: int, step_m: float, **options) -> None:
    """A raster that declares much and holds nothing."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype="uint16",
        crs=CRS,
        transform=Affine(step_m, 0, LEFT, 0, -step_m, TOP),
        nodata=0,
        SPARSE_OK=True,
        BIGTIFF="YES",
        **options,
    ):
        pass


def larger(path):
    write_tif(path, np.full((128, 128), 1500, "uint16"), 10, nodata=0)


def absurd(path):
    sparse(path, 400_000, 400_000, 10, tiled=True, compress="deflate")


def one_block(path):
    sparse(path, 30_000, 30_000, 10, blockysize=30_000, compress="deflate")


def wrong_zone(path):
    write_tif(path, np.full((64, 64), 1500, "uint16"), 10, crs="EPSG:32620", nodata=0)


def elsewhere(path):
    write_tif(path, np.full((64, 64), 1500, "uint16"), 10, top=TOP + 100_000, nodata=0)


def beyond_the_earth(path):
    write_tif(path, np.full((64, 64), 1500, "uint16"), 10, left=1e12, nodata=0)


def without_crs(path):
    write_tif(path, np.full((64, 64), 1500, "uint16"), 10, crs=None, nodata=0)


def bytes_only(path):
    write_tif(path, np.full((64, 64), 150, "uint8"), 10, nodata=0)


def complex_numbers(path):
    write_tif(path, np.full((64, 64), 1500, "complex64"), 10)


def turned(path):
    with rasterio.open(path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16", crs=CRS, transform=Affine(9, 4, LEFT, 4, -9, TOP)) as out:
        out.write(np.full((64, 64), 1500, "uint16"), 1)


def a_text(path):
    path.write_text("<html>please log in</html>" * 100)


def names_another_file(path):
    path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand><SourceFilename>/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>')


def names_other_overviews(path):
    write_tif(path, np.full((64, 64), 1500, "uint16"), 10, nodata=0)
    with rasterio.open(path, "r+") as out:
        out.update_tags(ns="OVERVIEWS", OVERVIEW_FILE="/etc/passwd")


def half(path):
    write_tif(path, np.random.default_rng(0).integers(1, 9000, (64, 64)).astype("uint16"), 10, nodata=0)
    path.write_bytes(path.read_bytes()[:5000])


RASTERS = [
    (larger, "128 x 128 pixels, the item declares 64 x 64"),
    (absurd, "160000000000 pixels, the limit is 1000000000"),
    (one_block, "blocks of 1717 MiB, the limit is 256"),
    (wrong_zone, "does not lie where the scene's footprint does"),
    (elsewhere, "does not lie where the scene's footprint does"),
    (beyond_the_earth, "does not lie where the scene's footprint does"),
    (without_crs, "the raster has no CRS"),
    (bytes_only, "numbers of type uint8, the sensor table says uint16"),
    (complex_numbers, "complex"),
    (turned, "not north-up: its grid is turned"),
    (a_text, "not recognized"),
    (names_another_file, "not recognized"),
    (names_other_overviews, "its metadata name other files (OVERVIEWS)"),
    (half, "red.tif"),
]


@pytest.mark.parametrize("make, said", RASTERS, ids=[make.__name__ for make, _ in RASTERS])
def test_a_raster_that_breaks_its_promise_fails_alone(world, make, said):
    world.scene("good", "2023-05-01T03:00:00Z")
    world.scene("bad", "2023-05-06T03:00:00Z", **{"proj:shape": [64, 64]})
    make(world.root / "data/bad/red.tif")
    settings = world.settings()
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    table = pd.read_parquet(Layout(settings.root).chips("2023", tile)).set_index("key")
    assert table.status["good"] == "ok"
    assert table.status["bad"] == "failed" and said in table.reason["bad"] and "red.tif" in table.reason["bad"]
    assert not (Layout(settings.root).chip_folder("2023", tile) / "bad").exists()


def test_a_chip_that_leads_elsewhere_is_not_read(tmp_path):
    """Whoever writes to a shared cache could hand it in."""
    names_other_overviews(tmp_path / "10m-0.tif")
    for read in (lambda: chip_files(tmp_path), opened_chip(tmp_path / "10m-0.tif").__enter__):
        with pytest.raises(RasterError, match="metadata name other files"):
            read()
    assert not _verified(tmp_path, None, None, {})


def test_bits_are_no_fractions(world):
    world.scene("bad", "2023-05-06T03:00:00Z", scl=np.full((32, 32), 4.5, "float32"))
    settings = world.settings(search={"self_test": False})
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    assert "classes or bits of type float32" in pd.read_parquet(Layout(settings.root).chips("2023", tile)).reason[0]


@pytest.mark.parametrize("lost", ["red", "swir16", "scl"])
def test_a_band_of_nothing_where_the_others_have_data_fails(world, lost):
    world.scene("bad", "2023-05-06T03:00:00Z")
    step = S2_ASSETS[lost]
    write_tif(world.root / f"data/bad/{lost}.tif", np.zeros((640 // step,) * 2, "uint8" if lost == "scl" else "uint16"), step, nodata=0)
    settings = world.settings(search={"self_test": False})
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    (row,) = pd.read_parquet(Layout(settings.root).chips("2023", tile)).itertuples()
    assert row.status == "failed" and {"red": "red", "swir16": "swir1", "scl": "mask"}[lost] in row.reason


def test_one_band_of_one_number_among_varied_ones_fails(world):
    world.scene("bad", "2023-05-06T03:00:00Z")
    rng = np.random.default_rng(1)
    for name, step in S2_ASSETS.items():
        if name not in ("scl", "green"):
            write_tif(world.root / f"data/bad/{name}.tif", rng.integers(300, 3000, (640 // step,) * 2).astype("uint16"), step, nodata=0)
    settings = world.settings(search={"self_test": False})
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    assert "one number only, in green where" in pd.read_parquet(Layout(settings.root).chips("2023", tile)).reason[0]


def lying(item_id: str, url: str, **changes) -> dict:
    hrefs = {n: f"{url}/files/x/{n}.tif" for n in S2_ASSETS}
    properties = {"platform": "sentinel-2a", "earthsearch:boa_offset_applied": True} | changes.pop("properties", {})
    return {**item(item_id, "2023-05-01T03:00:00Z", hrefs, **changes, **properties), "lies": True}


def test_items_that_were_not_asked_for_are_skipped_with_their_reason(world):
    far = footprint(left=LEFT + 90_000)
    with served([], world.root) as server:
        settings = world.settings(sources=[{"sensor": "earth-search-sentinel-2-l2a", "catalog": server.url, "schemes": ["http"]}])
        server.items = [lying("far", server.url, outline=far), lying("late", server.url, properties={"datetime": "2023-06-01T03:00:00Z"})]
        page = {
            "type": "FeatureCollection",
            "links": [],
            "features": [
                *server.items,
                {**lying("other", server.url), "collection": "landsat-c2-l2"},
                {**lying("old", server.url), "properties": {"datetime": "1999-06-01T03:00:00Z", "platform": "sentinel-2a"}},
                7,
                None,
                {"id": "no properties"},
                {"id": ["a"], "properties": []},
            ],
        }
        server.RequestHandlerClass._page, kept = (lambda self, asked: page), server.RequestHandlerClass._page
        try:
            search(settings.model_copy(update={"search": settings.search.model_copy(update={"self_test": False})}))
        finally:
            server.RequestHandlerClass._page = kept
    found = {s.scene_id: (s.status, s.reason) for s in read_ledger(Layout(settings.root).scenes)}
    assert found["late"] == ("used", "")
    assert found["far"] == ("skipped", "the catalog was not asked for places outside the search box")
    assert found["other"] == ("skipped", "the catalog was not asked for collection 'landsat-c2-l2'")
    assert found["old"] == ("skipped", "the catalog was not asked for days outside the periods")
    assert all(status == "failed" for name, (status, _) in found.items() if name not in ("late", "far", "other", "old")) and len(found) >= 6


def test_nothing_escapes_the_results_folder(world):
    """Hostile ids end as files of a chip, all below the run's folder."""
    ids = ["../../../escape", "/abs/olute", "a/b", "..", "~root", "$(touch x)", "a\x00b", "con.tif", ".hidden"]
    for i, name in enumerate(ids):
        world.scene(f"s{i}", f"2023-05-{i + 1:02d}T03:00:00Z")
        path = world.items / f"{i:03d}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "id": name}))
    settings = world.settings()
    before = {p for p in world.root.rglob("*") if settings.output not in p.parents}
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    after = {p for p in world.root.rglob("*") if settings.output not in p.parents}
    assert after - before <= {settings.output}
    table = pd.read_parquet(Layout(settings.root).chips("2023", tile))
    folder = Layout(settings.root).chip_folder("2023", tile)
    assert len(table) == len(ids) and all((folder / key).is_dir() and (folder / key).resolve().parent == folder.resolve() for key in table.key)


def _peak_mib(settings, tile: str, queue) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fetch(settings, tile, "2023")
    queue.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def test_memory_is_bounded_whatever_rasters_claim(world):
    """Rasters that unpack to 298, 1.7 and 1.8 GiB; fetching them takes less than 200 MiB."""
    for i, make in enumerate([absurd, one_block, lambda path: sparse(path, 31_000, 31_000, 10, blockysize=1, compress="deflate")]):
        world.scene(f"s{i}", f"2023-05-{i + 1:02d}T03:00:00Z")
        make(world.root / f"data/s{i}/red.tif")
    settings = world.settings(search={"self_test": False})
    search(settings)
    tile = make_grid(settings)
    processes = multiprocessing.get_context("forkserver")
    queue = processes.Queue()
    process = processes.Process(target=_peak_mib, args=(settings, tile, queue))
    process.start()
    grown = queue.get(timeout=120)
    process.join()
    assert grown < 200
    assert list(pd.read_parquet(Layout(settings.root).chips("2023", tile)).status[:2]) == ["failed", "failed"]


def test_a_window_of_half_the_earth_is_cut_to_the_raster(tmp_path):
    write_tif(tmp_path / "x.tif", np.full((64, 60), 1500, "uint16"), 10)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        assert _at_most(Window(-(10**7), -(10**7), 2 * 10**7, 2 * 10**7), dataset) == Window(-2, -2, 64, 68)
        far = _at_most(Window(10**7, 10, 10**7, 5), dataset)
        assert (far.width, far.height) == (1, 5)
        assert _at_most(Window(5, 6, 7, 8), dataset) == Window(5, 6, 7, 8)


def test_a_catalog_of_lies_only_is_an_empty_search(world):
    with served([], world.root) as server:
        server.items = [lying("far", server.url, outline=footprint(left=LEFT + 90_000))]
        settings = world.settings(sources=[{"sensor": "earth-search-sentinel-2-l2a", "catalog": server.url, "schemes": ["http"]}])
        with pytest.raises(EmptySearchError, match="skipped far: the catalog was not asked for places outside the search box"):
            search(settings)
