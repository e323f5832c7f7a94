"""Catalogs on a disk as people have them: one bad file costs itself, and whatever is dropped has a row with its reason."""

import asyncio
import json
import shutil
from collections import Counter
from pathlib import Path

import geopandas as gpd
import pytest
import rustac
import shapely

from rs_pipeline.catalog.folder import folder_items
from rs_pipeline.catalog.items import Dropped
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.errors import CatalogError, EmptySearchError
from rs_pipeline.layout import Layout
from rs_pipeline.sensors import load_sensor
from tests.catalog.conftest import World, item

SENSOR = "earth-search-sentinel-2-l2a"
DAYS = ("2023-05-01", "2023-05-06", "2023-05-11", "2023-05-16")


@pytest.fixture
def archive(world) -> World:
    """Four scenes, an item file each."""
    for i, day in enumerate(DAYS):
        world.scene(f"s{i}", f"{day}T03:00:00Z")
    return world


def found(world: World, catalog: Path | None = None, **changes) -> dict:
    settings = world.settings(
        sources=[{"sensor": SENSOR, "catalog": str(catalog or world.items), "folders": [str(world.root)]}], search={"self_test": False}, **changes
    )
    search(settings)
    return {s.scene_id: s for s in read_ledger(Layout(settings.root).scenes)}


def statuses(world: World, catalog: Path | None = None) -> dict[str, str]:
    return {name: s.status for name, s in found(world, catalog).items()}


def files(world: World) -> list[Path]:
    return sorted(world.items.glob("*.json"))


def items(world: World) -> list[dict]:
    return [json.loads(p.read_text()) for p in files(world)]


@pytest.mark.parametrize(("content", "said"), [
    (lambda text: text[:200].encode(), "the file cannot be read: "),
    (lambda text: b"", "the file cannot be read: "),
    (lambda text: b"\x00\x05\x16\x07Mac OS X\xb0\xff", "the file cannot be read: "),
    (lambda text: b"[" * 100_000, "the file cannot be read: "),
], ids=["cut off", "empty", "binary", "deep"])  # fmt: skip
def test_a_broken_file_is_named_and_the_others_are_used(archive, content, said):
    path = files(archive)[1]
    path.write_bytes(content(path.read_text()))
    scenes = found(archive)
    assert {n: s.status for n, s in scenes.items()} == {"s0": "used", "001.json": "failed", "s2": "used", "s3": "used"}
    assert scenes["001.json"].reason.startswith(said) and scenes["001.json"].key == "001.json"


def test_files_of_macos_are_named_as_such(archive):
    (archive.items / "._000.json").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \xb0\xff")
    scenes = found(archive)
    assert scenes["._000.json"].reason == "the file cannot be read: a file of macOS's own, no item" and sum(s.status == "used" for s in scenes.values()) == 4


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_no_fault(archive, encoding):
    path = files(archive)[0]
    path.write_text(path.read_text(), encoding)
    assert statuses(archive) == dict.fromkeys(("s0", "s1", "s2", "s3"), "used")


def as_collection(world: World) -> None:
    entries = items(world)
    shutil.rmtree(world.items)
    world.items.mkdir()
    (world.items / "search.json").write_text(json.dumps({"type": "FeatureCollection", "features": entries}))


def as_lines(world: World) -> None:
    entries = items(world)
    shutil.rmtree(world.items)
    world.items.mkdir()
    (world.items / "items.ndjson").write_text("\n".join(map(json.dumps, entries)) + "\n\n")


def as_parquet(world: World) -> None:
    entries = items(world)
    for entry in entries:
        entry["links"], entry["properties"]["updated"] = [], "2024-01-01T00:00:00Z"
    del entries[1]["assets"]["rededge1"]
    shutil.rmtree(world.items)
    world.items.mkdir()

    async def write() -> None:
        await rustac.write(str(world.items / "items.parquet"), entries)

    asyncio.run(write())


@pytest.mark.parametrize("rewrite", [as_collection, as_lines, as_parquet])
@pytest.mark.parametrize("whole", [True, False], ids=["the folder", "the file"])
def test_files_of_many_items(archive, rewrite, whole):
    before = found(archive)
    rewrite(archive)
    after = found(archive, archive.items if whole else next(archive.items.iterdir()))
    if rewrite is as_parquet:
        assert set(before["s1"].assets) - set(after["s1"].assets) == {"rededge1"}
        assert {n: (s.datetime, s.footprint_wkt, s.cloud_cover) for n, s in after.items()} == {
            n: (s.datetime, s.footprint_wkt, s.cloud_cover) for n, s in before.items()
        }
        assert after["s0"].assets == before["s0"].assets
    else:
        assert after == before


def test_a_broken_line_is_named(archive):
    as_lines(archive)
    path = archive.items / "items.ndjson"
    lines = path.read_text().splitlines()
    path.rename(archive.items / "items.jsonl").write_text("\n".join([lines[0], lines[1][:99], *lines[2:]]))
    scenes = found(archive)
    assert scenes["items.jsonl line 2"].status == "failed" and "the line cannot be read" in scenes["items.jsonl line 2"].reason and len(scenes) == 4


def test_other_tables_and_polygons_in_the_folder_are_passed_over(archive):
    gpd.GeoDataFrame({"id": [1]}, geometry=[shapely.Point(0, 0)], crs=4326).to_parquet(archive.items / "points.parquet")
    gpd.read_file(archive.units).to_file(archive.items / "units.geojson", driver="GeoJSON")
    (archive.items / "notes.json").write_text('["a", 1]')
    assert statuses(archive) == dict.fromkeys(("s0", "s1", "s2", "s3"), "used")


def without_collection(world: World, *which: int) -> None:
    for i in which:
        entry = items(world)[i]
        del entry["collection"]
        files(world)[i].write_text(json.dumps(entry))


def test_items_without_a_collection_are_taken_by_their_assets(archive):
    without_collection(archive, 0, 1)
    entry = items(archive)[1]
    entry["assets"] = {"nir08": entry["assets"]["nir"]}
    files(archive)[1].write_text(json.dumps(entry))
    entry = items(archive)[2] | {"collection": None}
    files(archive)[2].write_text(json.dumps(entry))
    scenes = found(archive)
    assert {n: s.status for n, s in scenes.items()} == {"s0": "used", "s1": "skipped", "s2": "used", "s3": "used"}
    assert scenes["s1"].reason == f"no collection is named, and the assets are not those of {SENSOR}"


@pytest.mark.parametrize(("named", "taken"), [("sentinel-2-l2a", 4), ("landsat-c2-l2", 0)])
def test_items_without_a_collection_are_taken_by_the_folders(archive, named, taken):
    """The collection that stands beside them, or above them, is theirs."""
    without_collection(archive, 0, 1, 2, 3)
    (archive.items / "deep" / "er").mkdir(parents=True)
    for path in files(archive):
        path.rename(archive.items / "deep" / "er" / path.name)
    (archive.items / "deep" / "collection.json").write_text(json.dumps({"type": "Collection", "id": named, "links": []}))
    others = Counter()
    assert len(list(folder_items(str(archive.items), load_sensor(SENSOR), others))) == taken and others == (Counter() if taken else {"landsat-c2-l2": 4})


def linked(world: World, *links: dict, **more) -> Path:
    """A catalog whose collection has the items; ``links`` are added to it."""
    without_collection(world, 0, 1, 2, 3)
    top, inner = world.root / "catalog.json", world.items / "collection.json"
    top.write_text(json.dumps({"type": "Catalog", "id": "c", "stac_version": "1.0.0", "links": [{"rel": "child", "href": "./items/collection.json"}, *links]}))
    hrefs = [{"rel": "item", "href": p.name} for p in files(world) if p.name != "collection.json"]
    inner.write_text(
        json.dumps({"type": "Collection", "id": "sentinel-2-l2a", "links": [*hrefs, {"rel": "root", "href": "../catalog.json"}, *more.get("inner", [])]})
    )
    return top


def test_links_give_their_items_the_collection_and_may_run_in_circles(archive):
    top = linked(
        archive, {"rel": "child", "href": "catalog.json"}, inner=[{"rel": "child", "href": "../catalog.json"}, {"rel": "child", "href": "collection.json"}]
    )
    assert statuses(archive, top) == dict.fromkeys(("s0", "s1", "s2", "s3"), "used")


def test_a_link_that_leaves_the_disk_is_named_and_not_followed(archive):
    scenes = found(archive, linked(archive, {"rel": "child", "href": "http://127.0.0.1:9/catalog.json"}, {"rel": "child", "href": "s3://bucket/catalog.json"}))
    assert sum(s.status == "used" for s in scenes.values()) == 4
    for href in ("http://127.0.0.1:9/catalog.json", "s3://bucket/catalog.json"):
        assert (scenes[href].status, scenes[href].reason) == (
            "skipped",
            "a link of catalog.json leaves the folder and is not followed; name that catalog as a source",
        )


def test_links_to_nothing_to_folders_and_to_files_by_their_address(archive):
    moved = archive.root / "a b"
    moved.mkdir()
    for i, path in enumerate(files(archive)[1:3]):
        path.rename(moved / f"item {i}.json")
    links = [
        {"rel": "item", "href": (moved / "item 0.json").as_uri()},
        {"rel": "item", "href": "./a%20b/item%201.json"},
        {"rel": "item", "href": "gone.json"},
        {"rel": "item", "href": "./a b"},
    ]
    top = archive.root / "catalog.json"
    top.write_text(json.dumps({"type": "Catalog", "id": "c", "links": links}))
    scenes = found(archive, top)
    assert {n: s.status for n, s in scenes.items()} == {"s1": "used", "s2": "used", "gone.json": "failed", "a b": "failed"}
    assert scenes["gone.json"].reason == "the file cannot be read: there is no such file"


def test_a_catalog_of_an_early_version_of_stac_is_read(archive):
    """Before 1.0 catalogs had no type."""
    top = archive.root / "catalog.json"
    top.write_text(json.dumps({"stac_version": "0.9.0", "id": "c", "links": [{"rel": "item", "href": f"items/{p.name}"} for p in files(archive)]}))
    assert statuses(archive, top) == dict.fromkeys(("s0", "s1", "s2", "s3"), "used")


def test_a_root_that_is_broken_is_an_error_by_its_name(archive):
    top = archive.root / "catalog.json"
    for text in ("{", '{"type": "Catalog"}', "[]", '{"type": "Point"}'):
        top.write_text(text)
        with pytest.raises(CatalogError, match="the catalog cannot be read") as caught:
            list(folder_items(str(top), load_sensor(SENSOR)))
        assert caught.value.where == str(top)


@pytest.mark.parametrize(
    ("folder", "href"),
    [("a b", "../a%20b/{}.tif"), ("a%20b", "../a%20b/{}.tif"), ("石家庄", "../%E7%9F%B3%E5%AE%B6%E5%BA%84/{}.tif"), ("win", "..\\win\\{}.tif")],
)
def test_relative_hrefs_lead_to_the_file_that_is_there(archive, folder, href):
    (archive.root / "data" / "s0").rename(archive.root / folder)
    entry = items(archive)[0]
    for name, asset in entry["assets"].items():
        asset["href"] = href.format(name)
    files(archive)[0].write_text(json.dumps(entry))
    assert found(archive)["s0"].assets["red"] == str(archive.root / folder / "red.tif")


def test_saved_items_with_relative_hrefs_are_read_where_they_came_from(archive):
    entry = items(archive)[0] | {"links": [{"rel": "self", "href": "https://x.org/c/s0/s0.json"}]}
    for name, asset in entry["assets"].items():
        asset["href"] = f"./{name}.tif"
    files(archive)[0].write_text(json.dumps(entry))
    (drop,) = [i for i in folder_items(str(archive.items), load_sensor(SENSOR)) if not isinstance(i, Dropped) and i["id"] == "s0"]
    assert drop["assets"]["red"]["href"] == "https://x.org/c/s0/red.tif"


def test_an_empty_search_tells_which_collections_were_there(archive):
    for path in files(archive):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"collection": "sentinel-2-l2a-cogs"}))
    archive.add(item("x", "2023-05-01T03:00:00Z", {}, collection="landsat-c2-l2"))
    with pytest.raises(EmptySearchError) as caught:
        found(archive)
    assert "not looked at: 4 items of collection sentinel-2-l2a-cogs" in str(caught.value) and "1 items of collection landsat-c2-l2" in str(caught.value)
