"""The written world: deterministic, valid STAC, readable but for the damaged file, replaced only where it may be."""

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pystac
import pytest
import rasterio
import yaml
from pystac.validation import validate_dict

from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.paths import config_folder
from rs_pipeline.simulation import world_files
from rs_pipeline.simulation.side_tables import TABLE_FILES
from rs_pipeline.simulation.write import MARKER, run_config, write_world


def digests(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def world(tiny):
    return json.loads((tiny / "world.json").read_text())


@pytest.fixture(scope="module")
def items(tiny):
    return list(pystac.Catalog.from_file(str(tiny / "catalog.json")).get_items(recursive=True))


def test_same_seed_same_bytes_and_another_seed_another_world(tiny, tmp_path):
    few = dict(size_px=(90, 72), every_days={"sentinel-2": 90, "landsat": 180, "sentinel-1": 180})
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_world(tmp_path / name, seed, 1, **few)
    a, b, c = (digests(tmp_path / n) for n in "abc")
    assert a == b
    assert a["truth/landcover_2025.tif"] != c["truth/landcover_2025.tif"] and a["tide.csv"] != c["tide.csv"]
    assert not list(tmp_path.glob(".*")), "work folders must be gone"


def test_files_and_counts(tiny, world, items):
    assert all((tiny / name).is_file() for name in world_files("coast"))
    assert len(items) == sum(world["items"].values()) == 25 + 2 + 9 + 6
    assert world["calendar_years"] == [2025]


def test_items_validate_and_say_simulated(items, tiny):
    for item in items:
        # the schemas of extensions need the internet; the core schema comes with pystac
        validate_dict(item.to_dict(transform_hrefs=False) | {"stac_extensions": []})
        assert item.properties["simulated"] is True
        assert all(not a.href.startswith("/") for a in item.assets.values())
    assert "SIMULATED" in json.loads((tiny / "catalog.json").read_text())["description"]


def test_only_the_damaged_file_cannot_be_read(items, world):
    broken = []
    for item in items:
        for asset in item.assets.values():
            with rasterio.open(asset.get_absolute_href()) as src:
                assert [src.height, src.width] == asset.extra_fields["proj:shape"]
                assert list(src.transform)[:6] == asset.extra_fields["proj:transform"]
                assert src.nodata == asset.extra_fields["raster:bands"][0]["nodata"]
                try:
                    src.read(1)
                except rasterio.errors.RasterioIOError:
                    broken.append(item.id)
    assert broken == world["corrupt"] and len(broken) == 1


def test_metadata_decode_pixels_except_where_the_flag_is_wrong(items, world):
    assert len(world["wrong_offset_flag"]) >= 2
    for item in items:
        if item.collection_id != "sentinel-2-l2a" or item.id in world["corrupt"]:
            continue
        band = item.assets["swir22"].extra_fields["raster:bands"][0]
        assert (band["offset"] == 0) == item.properties["earthsearch:boa_offset_applied"]
        with rasterio.open(item.assets["swir22"].get_absolute_href()) as src:
            dn = src.read(1)
        with rasterio.open(item.assets["scl"].get_absolute_href()) as src:
            clear = np.isin(src.read(1), (4, 5, 6, 7))
        if clear.mean() > 0.3:
            darkest = np.percentile(dn[clear], 1) * band["scale"] + band["offset"]
            plausible = -0.02 < darkest < 0.06
            assert plausible == (item.id not in world["wrong_offset_flag"]), (item.id, darkest)


def test_duplicates_share_the_acquisition(items, world):
    by_id = {i.id: i for i in items}
    assert len(world["duplicates"]) == 2
    for newer, older in world["duplicates"].items():
        a, b = by_id[newer].properties, by_id[older].properties
        assert a["datetime"] == b["datetime"] and a["grid:code"] == b["grid:code"] and a["platform"] == b["platform"]
        assert a["s2:processing_baseline"] > b["s2:processing_baseline"] and a["s2:generation_time"] > b["s2:generation_time"]


def test_side_tables(tiny, world):
    units = gpd.read_file(tiny / "units.gpkg")
    assert units.crs.to_epsg() == 4326 and list(units.columns) == ["adcode", "name", "prefecture", "geometry"]
    assert units["adcode"].tolist() == ["990101", "990102", "990103"] and units["name"].str.contains("simulated").all()
    assert set(gpd.read_file(tiny / "grassland.gpkg")["type"]) == {"temperate meadow", "warm tussock"}
    assert len(gpd.read_file(tiny / "coastline.gpkg")) == 1 and len(gpd.read_file(tiny / "wetlands.gpkg")) == 1
    tide = pd.read_csv(tiny / "tide.csv")
    assert list(tide.columns) == ["time_utc", "station", "lon", "lat", "height_m"] and len(tide) == 8761
    for name, scene in world["scenes"].items():
        assert abs(scene["tide_m"]) < 2, name


def test_truth_agrees_with_the_side_tables(tiny, world):
    with rasterio.open(tiny / "truth" / "water_2025.tif") as src:
        frequency, classes, _ = src.read()
        assert src.descriptions == ("frequency", "class", "permanent_fraction")
        sea = next(src.sample([gpd.GeoSeries(gpd.points_from_xy(*np.atleast_2d(world["sea_point"]).T), crs=4326).to_crs(src.crs)[0].coords[0]]))
    assert sea.tolist() == [1.0, 1.0, 1.0]
    assert ((frequency >= 0.75) == (classes == 1)).all()
    with rasterio.open(tiny / "truth" / "landcover_2025.tif") as src:
        assert src.res == (2.5, 2.5) and src.tags()["SIMULATED"] == "yes" and "24=sea" in src.tags()["legend"]
        # sea in the map at mean sea level and sea by frequency agree to the width of the tidal fringe
        share = float((src.read(1) == 24).mean())
    shore = gpd.read_file(tiny / "truth" / "shorelines.gpkg")
    assert set(shore["class"]) == {"natural", "artificial", "river mouth"} and 0.15 < share < 0.4


def test_the_true_river_mouth_is_as_long_as_the_river_is_wide(tiny, world):
    """The river is 80 m wide and may meet the shore aslant; beside its water the shore is a beach."""
    shore = gpd.read_file(tiny / "truth" / "shorelines.gpkg").to_crs(world["crs"])
    mouths = shore[shore["class"] == "river mouth"].dissolve("year").length
    assert len(mouths) == shore.year.nunique() and mouths.between(80, 140).all()
    assert set(shore[shore.section == "mouth beach"]["class"]) == {"natural"}


def test_truth_names_every_water_and_its_confuser(tiny):
    waters = gpd.read_file(tiny / "truth" / "waters.gpkg")
    assert {"name", "kind", "material", "confuser", "width_m"} <= set(waters.columns)
    assert set(waters.kind) == {"river", "canal", "pond", "lake"} and {"sediment", "cdom", "aquaculture"} <= set(waters.confuser)
    assert (waters.width_m.notna() == waters.kind.isin(["river", "canal"])).all()
    black = gpd.read_file(tiny / "truth" / "black_odorous.gpkg")
    assert set(black["type"]) == {"fes", "grey"} and set(black.months) == {"1;2;3;4;5;6;7;8;9;10;11;12", "4;5;6;7;8;9;10"}
    fill = gpd.read_file(tiny / "truth" / "reclamation.gpkg").to_crs(32650)
    assert fill.year.tolist() == [2026] and fill.area.iloc[0] > 1000


def test_inland_world_has_no_coast_and_hills_have_heights(tmp_path):
    few = dict(size_px=(120, 90), every_days={"sentinel-2": 120, "landsat": 200, "sentinel-1": 200})
    write_world(tmp_path / "hills", 1, 1, landscape="mountain", **few)
    assert all((tmp_path / "hills" / name).is_file() for name in world_files("mountain"))
    assert not (tmp_path / "hills" / "tide.csv").exists() and not (tmp_path / "hills" / "truth" / "shorelines.gpkg").exists()
    with rasterio.open(tmp_path / "hills" / "dem.tif") as src:
        assert src.res == (30.0, 30.0) and src.read(1).max() > 50
    config = yaml.safe_load(run_config(tmp_path / "hills"))
    assert "coastline" not in config and config["simulation"]["landscape"] == "mountain"


def test_the_written_configuration_is_the_one_of_the_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = {"landscape": "coast", "seed": 1, "years": 3, "size_px": [600, 480]}
    world = {"recipe": recipe, "calendar_years": [2023, 2024, 2025], "sea_point": [118.91698, 39.08245], "official_coast_km": 5.23}
    (tmp_path / "data" / "sample").mkdir(parents=True)
    (tmp_path / "data" / "sample" / "world.json").write_text(json.dumps(world))
    for name in TABLE_FILES.values():
        (tmp_path / "data" / "sample" / name).touch()
    ours = parse(yaml.safe_load(run_config(Path("data/sample"), every_table=True)), where="test")
    theirs = parse(yaml.safe_load((config_folder() / "config.yaml").read_text()), where="test")
    assert ours.model_dump(exclude={"output"}) == theirs.model_dump(exclude={"output"})


def test_an_unknown_landscape_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="no landscape 'desert'") as fault:
        write_world(tmp_path / "w", 1, 1, landscape="desert")
    assert "one of coast, mudflat, cordgrass, plain, city, mountain, lake, solar" in str(fault.value)


def test_a_complete_world_is_kept_and_an_incomplete_one_remade(tmp_path):
    few = dict(size_px=(60, 60), every_days={"sentinel-2": 200, "landsat": 200, "sentinel-1": 200})
    folder = tmp_path / "world"
    write_world(folder, 1, 1, **few)
    (folder / "note").write_text("kept")
    write_world(folder, 1, 1, **few)
    assert (folder / "note").exists()
    (folder / "world.json").unlink()
    write_world(folder, 1, 1, **few)
    assert not (folder / "note").exists() and (folder / "world.json").exists() and (folder / MARKER).exists()


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="holds something else") as fault:
        write_world(tmp_path, 1, 1)
    assert "name an empty or new folder" in str(fault.value)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_size_that_does_not_divide_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="100 x 100"):
        write_world(tmp_path / "w", 1, 1, size_px=(100, 100))
