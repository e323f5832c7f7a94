"""The outputs as STAC: found, relative, valid."""

from __future__ import annotations

import json
from pathlib import Path

import pystac
import pytest
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from rs_pipeline.layout import Layout
from rs_pipeline.publish.dictionary import dictionary
from rs_pipeline.publish.stac import stac


@pytest.fixture(scope="module")
def collection(fake_run) -> pystac.Collection:
    stac(fake_run)
    return pystac.Collection.from_file(str(Layout(fake_run.root).stac))


def test_core_schemas_hold(collection):
    """Against the schemas that pystac carries; those of the extensions lie on the network."""
    validator = JsonSchemaSTACValidator()
    for thing in (collection, *collection.get_items()):
        assert validator.validate_core(thing.to_dict(), thing.STAC_OBJECT_TYPE, "1.1.0")


def test_an_item_a_period_with_its_maps(collection):
    items = {i.id: i for i in collection.get_items()}
    assert set(items) == {"2022", "2023"}
    item = items["2023"]
    assert set(item.assets) == {"vegetation", "water", "black_odorous", "observations", "land", "soil_loss", "solar", "spartina", "dust", "counties"}
    assert item.properties["start_datetime"] == "2023-01-01T00:00:00Z"
    assert item.properties["rs_pipeline:simulated"] is True
    west, south, east, north = item.bbox
    assert 116.99 < west < east < 117.03 and 38.8 < south < north < 38.9
    extra = item.assets["water"].extra_fields
    assert [b["name"] for b in extra["bands"]] == ["frequency", "class", "frequency_lower", "frequency_upper", "permanent_fraction", "plants"]
    assert (extra["nodata"], extra["bands"][1]["unit"], extra["proj:code"]) == ("nan", "class", "EPSG:32650")
    assert extra["raster:spatial_resolution"] == 10.0
    assert extra["proj:transform"][:3] == [10.0, 0.0, 500_000.0]


def test_every_href_is_relative_and_leads_to_a_file(collection, fake_run):
    files = [Layout(fake_run.root).stac, *Layout(fake_run.root).stac.parent.glob("*/*.json")]
    assert len(files) == 3
    for file in files:
        document = json.loads(file.read_text("utf-8"))
        hrefs = [link["href"] for link in document["links"]] + [a["href"] for a in document["assets"].values()]
        assert hrefs
        for href in hrefs:
            assert not href.startswith(("/", "http", "file")), href
            assert (file.parent / href).resolve().is_file(), href


def test_what_a_run_lacks_is_left_out(tmp_path, fake):
    settings = fake.settings_for(tmp_path, simulated=False)
    fake.write_indicators(settings)
    stac(settings)
    found = pystac.Collection.from_file(str(Layout(settings.root).stac))
    assert list(found.get_items()) == []
    assert set(found.assets) == {"indicators"}
    assert "SIMULATED" not in found.description


def test_the_trend_belongs_to_the_whole_run(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    fake.write_trend(settings)
    stac(settings)
    asset = pystac.Collection.from_file(str(Layout(settings.root).stac)).assets["vegetation_trend"]
    bands = asset.extra_fields["bands"]
    assert asset.href == "../maps/vegetation_trend.tif" and [b["name"] for b in bands][-2:] == ["n_years", "class"]
    assert bands[0]["unit"] == "1/yr" and bands[-1]["description"].startswith("-1 browning, 0 no trend, 1 greening")


def test_pictures_and_tables_of_a_finished_run_are_named(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    layout = Layout(settings.root)
    fake.write_maps(settings)
    fake.write_scenes(settings)
    layout.report_pictures.mkdir(parents=True)
    (layout.report_pictures / "true_colour_2023.jpg").write_bytes(b"")
    dictionary(settings)
    stac(settings)
    found = pystac.Collection.from_file(str(layout.stac))
    assert found.assets["data-dictionary"].href == "../data_dictionary.csv" and "orbits" in found.assets
    thumbnails = {item.id: item.assets.get("thumbnail") for item in found.get_items()}
    assert thumbnails["2022"] is None and thumbnails["2023"].href == "../../report/pictures/true_colour_2023.jpg"


def test_the_run_can_be_moved(fake_run, collection, tmp_path):
    import shutil

    moved = tmp_path / "elsewhere"
    shutil.copytree(fake_run.root, moved, ignore=shutil.ignore_patterns("report"))
    item = next(pystac.Collection.from_file(str(moved / "stac" / "collection.json")).get_items())
    assert Path(item.assets["water"].get_absolute_href()).is_relative_to(moved)
