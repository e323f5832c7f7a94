"""A catalog on a disk leads into its own folder, and where ``sources.folders`` says; what leads elsewhere is a row with its reason."""

import json
import os

import pytest

from rs_pipeline.catalog.confine import allowed_folders, lies_in
from rs_pipeline.catalog.folder import folder_items
from rs_pipeline.catalog.items import Dropped, read_item
from rs_pipeline.config import SourceSection
from rs_pipeline.sensors import load_sensor
from tests.catalog.conftest import S2_ASSETS, item

SENSOR = "earth-search-sentinel-2-l2a"


def scene_of(catalog, href: str, folders=(), file=None):
    """The scene of an item in a catalog whose assets all have the href."""
    entry = item("x", "2023-05-01T03:00:00Z", dict.fromkeys(S2_ASSETS, href), platform="sentinel-2a", **{"earthsearch:boa_offset_applied": True})
    (file or catalog / "x.json").write_text(json.dumps(entry))
    source = SourceSection(sensor=SENSOR, catalog=str(catalog), folders=[str(f) for f in folders])
    (found,) = folder_items(source.catalog, load_sensor(SENSOR), None, tuple(source.folders))
    return read_item(found, source, load_sensor(SENSOR), ("file", "https")).scene


@pytest.fixture
def catalog(tmp_path):
    (tmp_path / "cat/inner").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    for name in ("cat/red.tif", "cat/inner/red.tif", "data/red.tif"):
        (tmp_path / name).touch()
    return tmp_path / "cat"


@pytest.mark.parametrize(
    "href", ["/etc/hostname", "file:///etc/hostname", "../../../etc/hostname", "../data/red.tif", "{root}/data/red.tif", "{root}/cat/../data/red.tif", "..%2Fdata/red.tif",
             "file://{root}/cat/../data/red.tif", "{root}/cats/red.tif", "..\\data\\red.tif"],
)  # fmt: skip
def test_a_file_outside_the_folder_is_a_row_with_the_key(catalog, href):
    scene = scene_of(catalog, href.format(root=catalog.parent))
    assert scene.status == "skipped" and scene.assets == {}
    assert scene.reason.startswith("a file outside the catalog's folder: '/") and scene.reason.endswith("(sources.folders would allow it)")


@pytest.mark.parametrize("href", ["red.tif", "./inner/red.tif", "{root}/cat/red.tif", "inner/../red.tif", "file://{root}/cat/inner/red.tif"])
def test_a_file_inside_is_used_under_its_plain_path(catalog, href):
    scene = scene_of(catalog, href.format(root=catalog.parent))
    assert scene.status == "used" and scene.assets["red"] in (str(catalog / "red.tif"), str(catalog / "inner/red.tif"))


@pytest.mark.parametrize("folder", ["data", ".", "/"])
def test_a_key_allows_more(catalog, folder):
    assert scene_of(catalog, "../data/red.tif", [catalog.parent / folder]).assets["red"] == str(catalog.parent / "data/red.tif")
    assert scene_of(catalog, "../data/red.tif", [catalog.parent / "dat"]).status == "skipped"


def test_a_link_that_someone_put_into_the_folder_is_meant(catalog):
    (catalog / "archive").symlink_to(catalog.parent / "data")
    assert scene_of(catalog, "archive/red.tif").assets["red"] == str(catalog / "archive/red.tif")


def test_a_catalog_under_another_name_is_the_same_folder(catalog):
    link = catalog.parent / "link"
    link.symlink_to(catalog)
    assert scene_of(link, f"{catalog}/red.tif").status == "used" and scene_of(link, "./red.tif").status == "used"


def test_an_api_has_no_folder():
    assert allowed_folders("https://1.1.1.1/stac") == () and not lies_in("/data/red.tif", ())


@pytest.mark.parametrize("href", ["../other/x.json", "{root}/other/x.json", "file://{root}/other/x.json"])
def test_links_of_a_catalog_stay_in_its_folder(catalog, href):
    other = catalog.parent / "other"
    other.mkdir()
    (other / "x.json").write_text(json.dumps(item("x", "2023-05-01T03:00:00Z", dict.fromkeys(S2_ASSETS, "./red.tif"))))
    link = {"rel": "item", "href": href.format(root=catalog.parent)}
    (catalog / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "c", "links": [link]}))
    (found,) = folder_items(str(catalog), load_sensor(SENSOR))
    assert isinstance(found, Dropped) and found.status == "skipped"
    assert found.reason == "a link of catalog.json leads out of the catalog's folder and is not followed (sources.folders would allow it)"
    (found,) = folder_items(str(catalog), load_sensor(SENSOR), None, (other,))
    assert found["id"] == "x" and found["assets"]["red"]["href"] == str(other / "red.tif")


def test_links_in_a_circle_end(catalog):
    (catalog / "inner/again").symlink_to(catalog)
    links = [{"rel": "child", "href": "./inner/again/catalog.json"}]
    (catalog / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "c", "links": links}))
    assert list(folder_items(str(catalog), load_sensor(SENSOR))) == [] and os.path.realpath(catalog / "inner/again") == str(catalog.resolve())
