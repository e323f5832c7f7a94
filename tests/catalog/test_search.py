"""What a search finds, drops and freezes: synthetic folders, then real scenes."""

import json
import shutil

import numpy as np
import pytest
import shapely

from rs_pipeline.catalog import search as search_module
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import deduplicate, intervals, search
from rs_pipeline.errors import CatalogError, EmptySearchError
from rs_pipeline.layout import Layout
from tests.catalog.conftest import footprint, item, write_tif


def found(settings) -> dict:
    search(settings)
    return {s.scene_id: s for s in read_ledger(Layout(settings.root).scenes)}


def flat(world, item_id, when, dn, **properties):
    """A scene whose bands are random between dark water and soil, offset by ``dn``."""
    world.scene(item_id, when, **properties)
    rng = np.random.default_rng(5)
    for name, step in {"red": 10, "swir22": 20}.items():
        n = 640 // step
        refl = rng.uniform(0.04, 0.3, (n, n))
        refl[: n // 4] = 0.004
        write_tif(world.root / "data" / item_id / f"{name}.tif", np.round(refl * 1e4 + dn).astype("uint16"), step, nodata=0)


def test_the_pixels_of_each_scene_decide_once(world):
    flat(world, "lies-removed", "2023-05-01T03:00:00Z", 1000, **{"earthsearch:boa_offset_applied": True, "s2:processing_baseline": "05.09"})
    flat(world, "lies-pending", "2023-05-06T03:00:00Z", 0, **{"earthsearch:boa_offset_applied": False, "s2:processing_baseline": "05.09"})
    world.scene("bright", "2023-05-11T03:00:00Z", dn=4000, **{"s2:processing_baseline": "05.09"})
    scenes = found(world.settings())
    assert scenes["lies-removed"].offset == -0.1 and "overrule" in scenes["lies-removed"].offset_decision
    assert scenes["lies-pending"].offset == 0.0 and scenes["lies-pending"].offset_confidence == "high"
    assert (scenes["bright"].offset, scenes["bright"].offset_confidence) == (0.0, "low")


def test_without_self_test_metadata_stand(world):
    flat(world, "a", "2023-05-01T03:00:00Z", 1000, **{"s2:processing_baseline": "05.09"})
    assert found(world.settings(search={"self_test": False}))["a"].offset == 0.0


def test_unreadable_pixels_do_not_end_the_search(world):
    world.scene("a", "2023-05-01T03:00:00Z")
    (world.root / "data" / "a" / "swir22.tif").write_bytes(b"II*\0 damaged")
    scene = found(world.settings())["a"]
    assert scene.status == "used" and scene.offset_confidence == "low" and "pixels could not be read" in scene.offset_decision


def test_place_time_and_collection_are_filtered(world):
    world.scene("here", "2023-05-01T03:00:00Z")
    world.scene("too-old", "2022-12-30T03:00:00Z")
    world.scene("solar-day-is-new-year", "2022-12-31T23:00:00Z")
    far = item("far", "2023-05-01T03:00:00Z", {}, outline=footprint(left=700_000.0), platform="sentinel-2a")
    world.add(far)
    world.add(item("other", "2023-05-01T03:00:00Z", {}, collection="landsat-c2-l2"))
    assert set(found(world.settings())) == {"here", "solar-day-is-new-year"}


def test_newest_baseline_of_an_acquisition_wins(world):
    uri = "S2A_MSIL2A_20230501T030541_N{}_R075_T50SMK_20230501T080000.SAFE"
    world.scene("old", "2023-05-01T03:10:01Z", **{"s2:processing_baseline": "04.00", "s2:product_uri": uri.format("0400")})
    world.scene("new", "2023-05-01T03:10:09Z", **{"s2:processing_baseline": "05.09", "s2:product_uri": uri.format("0509")})
    world.scene("other-tile", "2023-05-01T03:10:09Z", **{"grid:code": "MGRS-50SLK", "s2:product_uri": uri.replace("50SMK", "50SLK").format("0509")})
    scenes = found(world.settings())
    assert [scenes[k].status for k in ("old", "new", "other-tile")] == ["skipped", "used", "used"]
    assert scenes["old"].reason == "same acquisition as new (earth-search-sentinel-2-l2a, baseline 05.09), which is used"


def two_catalogs(world, earth_search_priority: int, **properties) -> dict:
    """Earth Search names the sensing time, Planetary Computer the start of the datatake; both name one product."""
    world.scene(
        "S2A_50SMK_20230501_0_L2A",
        "2023-05-01T03:10:09.276Z",
        **{"s2:processing_baseline": "05.09", "s2:product_uri": "S2A_MSIL2A_20230501T030541_N0509_R075_T50SMK_20230501T080000.SAFE"} | properties,
    )
    if properties:  # raster:bands contradict the flag
        path = next(world.items.glob("*.json"))
        contradicting = json.loads(path.read_text())
        contradicting["assets"]["red"]["raster:bands"] = [{"offset": -0.1}]
        path.write_text(json.dumps(contradicting))
    entry = json.loads(next(world.items.glob("*.json")).read_text())
    names = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "swir16": "B11", "swir22": "B12", "scl": "SCL"}
    entry["id"] = "S2A_MSIL2A_20230501T030541_R075_T50SMK_20230501T080000"
    entry["assets"] = {names[k]: v for k, v in entry["assets"].items() if k in names}
    entry["properties"] = {"datetime": "2023-05-01T03:05:41.024Z", "platform": "Sentinel-2A", "s2:mgrs_tile": "50SMK", "s2:processing_baseline": "05.09"}
    other = world.root / "other"
    other.mkdir()
    (other / "item.json").write_text(json.dumps(entry))
    sources = [
        {"sensor": "planetary-computer-sentinel-2-l2a", "catalog": str(other), "priority": 1},
        {"sensor": "earth-search-sentinel-2-l2a", "catalog": str(world.items), "priority": earth_search_priority},
    ]
    return found(world.settings(sources=sources))


@pytest.mark.parametrize("priority, winner", [(2, "earth-search-sentinel-2-l2a"), (0, "planetary-computer-sentinel-2-l2a")])
def test_one_acquisition_in_two_catalogs(world, priority, winner):
    scenes = two_catalogs(world, priority).values()
    assert [s.sensor for s in scenes if s.status == "used"] == [winner]
    assert any("same acquisition" in s.reason for s in scenes)


def test_where_the_better_duplicate_is_refused_the_other_is_used(world):
    """Earth Search contradicts itself and the flat pixels are silent; Planetary Computer's baseline settles its own."""
    scenes = two_catalogs(world, 2, **{"earthsearch:boa_offset_applied": True})
    refused, used = scenes["S2A_50SMK_20230501_0_L2A"], scenes["S2A_MSIL2A_20230501T030541_R075_T50SMK_20230501T080000"]
    assert refused.status == "skipped" and "offset cannot be decided" in refused.reason
    assert (used.status, used.reason, used.offset) == ("used", "", -0.1)


def test_halves_of_a_split_granule_both_stay(world):
    whole = footprint()
    west, south, east, north = whole.bounds
    for name, box in {"w": (west, south, (west + east) / 2, north), "e": ((west + east) / 2, south, east, north)}.items():
        world.scene(name, "2023-05-01T03:10:01Z")
        path = sorted(world.items.glob("*.json"))[-1]
        entry = json.loads(path.read_text())
        entry["geometry"] = shapely.geometry.mapping(shapely.box(*box))
        path.write_text(json.dumps(entry))
    assert {s.status for s in found(world.settings()).values()} == {"used"}


def test_a_cloudy_duplicate_does_not_displace(world):
    world.scene("clear", "2023-05-01T03:10:01Z", **{"s2:processing_baseline": "02.14"})
    world.scene("cloudy", "2023-05-01T03:10:01Z", **{"s2:processing_baseline": "05.09", "eo:cloud_cover": 99.0})
    scenes = found(world.settings())
    assert (scenes["clear"].status, scenes["cloudy"].status) == ("used", "skipped")


def rows(settings) -> list:
    search(settings)
    return read_ledger(Layout(settings.root).scenes)


@pytest.mark.parametrize("older_first", [True, False])
def test_one_id_twice_with_different_content_keeps_the_newer_baseline_and_a_row_of_the_other(world, older_first):
    made = [("04.00", "2023-05-02T00:00:00Z"), ("05.09", "2024-01-01T00:00:00Z")]
    for baseline, when in made if older_first else reversed(made):
        world.scene("s", "2023-05-01T03:00:00Z", **{"s2:processing_baseline": baseline, "s2:generation_time": when})
    old, new = sorted(rows(world.settings()), key=lambda s: s.processing_baseline)
    assert (new.status, old.status, new.scene_id, old.scene_id) == ("used", "skipped", "s", "s") and new.key != old.key
    assert old.reason == f"same acquisition as {new.key} (earth-search-sentinel-2-l2a, baseline 05.09), which is used"


def test_one_id_twice_with_the_same_content_is_one(world):
    world.scene("s", "2023-05-01T03:00:00Z")
    world.add(json.loads(next(world.items.glob("*.json")).read_text()))
    assert [s.status for s in rows(world.settings())] == ["used"]


def test_one_id_twice_on_two_days_is_two_scenes(world):
    for day in (1, 6):
        world.scene("s", f"2023-05-{day:02d}T03:00:00Z")
    assert [(s.key, s.status) for s in rows(world.settings())] == [("s", "used"), ("s-2", "used")]


URI = "S2A_MSIL2A_20200403T030531_N{}_R075_T50SMK_{}.SAFE"
STRIP = "S2A_OPER_MSI_L2A_DS_SGS__{}_S{}_N02.14"


def part(baseline="0214", made="20200403T070000", strip=None, empty=None) -> dict:
    """Properties of a product of one datatake and tile that publishes the footprint of the whole tile."""
    told = {"s2:product_uri": URI.format(baseline, made), "s2:processing_baseline": f"{baseline[:2]}.{baseline[2:]}"}
    told |= {} if strip is None else {"s2:datastrip_id": STRIP.format(made, strip)}
    return told | ({} if empty is None else {"s2:nodata_pixel_percentage": empty})


EARLY, LATE, LATER_RUN = "20200403T030531", "20200403T031102", "20200512T120000"


@pytest.mark.parametrize(
    ("one", "two", "used"),
    [
        (part(strip=EARLY), part(strip=LATE, made="20200403T080000"), 2),  # the halves
        (part(strip=EARLY, empty=40.0), part(strip=LATE, made="20200403T080000", empty=58.0), 2),
        (part(empty=40.0), part(empty=58.0, made="20200403T080000"), 2),
        (part(empty=50.0), part(empty=50.0, made="20200403T080000"), 2),
        (part(), part(made="20200403T080000"), 2),
        (part(strip=EARLY), part(strip=LATE, baseline="0500", made=LATER_RUN), 2),  # the other half, processed again
        (part(strip=EARLY), part(strip=EARLY, made=LATER_RUN), 1),  # the same half, processed again
        (part(strip=EARLY), part(strip="20200403T030532", baseline="0500", made=LATER_RUN), 1),
        (part(strip=EARLY, empty=2.0), part(strip=LATE, made=LATER_RUN, empty=3.0), 1),  # both whole
        (part(empty=40.0), part(empty=40.2, made=LATER_RUN), 1),
        (part(), part(made=LATER_RUN), 1),
        (part(), part(baseline="0500", made="20200403T080000"), 1),
        (part(strip=EARLY, empty=1.0), part(strip=LATE, baseline="0500", made=LATER_RUN, empty=70.0), 2),  # the newer shows too little to replace it
    ],
    ids=[
        "strips",
        "strips and shares",
        "shares",
        "even shares",
        "names",
        "other half again",
        "same half again",
        "strip a second off",
        "whole twice",
        "share twice",
        "again in May",
        "another baseline",
        "newer is small",
    ],
)
def test_halves_of_a_granule_with_one_footprint_are_told_from_products_made_again(world, one, two, used):
    world.scene("one", "2020-04-03T03:10:31Z", **one)
    world.scene("two", "2020-04-03T03:10:31Z", **two)
    scenes = rows(world.settings(periods=[2020]))
    assert [s.status for s in scenes].count("used") == used and len(scenes) == 2
    assert all("same acquisition" in s.reason for s in scenes if s.status == "skipped")


def test_of_two_halves_in_two_catalogs_each_is_used_once(world):
    """Four items of one datatake: a half made again replaces its own half only."""
    world.scene("a", "2020-04-03T03:10:31Z", **part(strip=EARLY))
    world.scene("b", "2020-04-03T03:10:31Z", **part(strip=LATE, made="20200403T080000"))
    world.scene("b again", "2020-04-03T03:10:31Z", **part(strip=LATE, baseline="0500", made=LATER_RUN))
    world.scene("a again", "2020-04-03T03:10:31Z", **part(strip=EARLY, baseline="0500", made=LATER_RUN))
    scenes = {s.scene_id: s for s in rows(world.settings(periods=[2020]))}
    assert {n for n, s in scenes.items() if s.status == "used"} == {"a again", "b again"}
    assert scenes["a"].reason.startswith("same acquisition as a again") and scenes["b"].reason.startswith("same acquisition as b again")


def test_keys_are_unique_whatever_the_ids(world):
    for item_id, day in [("a/b", 1), ("a_b", 6), ("A_B", 11), ("../a_b", 16)]:
        world.scene(item_id.replace("/", "~"), f"2023-05-{day:02d}T03:00:00Z")
        path = sorted(world.items.glob("*.json"))[-1]
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id": item_id}))
    keys = [s.key for s in found(world.settings()).values()]
    assert len({k.lower() for k in keys}) == 4 and all("/" not in k and not k.startswith(".") for k in keys)


def test_empty_search_says_what_was_searched_and_why(world):
    world.scene("cloudy", "2023-05-01T03:00:00Z", **{"eo:cloud_cover": 97.0})
    world.add(item("broken", "when?", {}))
    with pytest.raises(EmptySearchError) as caught:
        search(world.settings())
    text = str(caught.value)
    assert "no usable scene: 2 found" in text and str(world.items) in text and "2023-01-01 to 2023-12-31" in text
    assert "skipped cloudy: cloud cover 97.0 % above 90 %" in text and "failed broken: date cannot be read: 'when?'" in text
    assert "116.9" in text or "117.0" in text
    sorted(world.items.glob("*.json"))[-1].unlink()
    with pytest.raises(EmptySearchError, match="0 found") as caught:
        search(world.settings(periods=[1999]))
    assert "same place and time" in str(caught.value)


def test_too_many_scenes_are_refused(world):
    for day in (1, 6, 11):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    with pytest.raises(CatalogError, match="more than 2 scenes found"):
        search(world.settings(search={"max_scenes": 2}))


@pytest.mark.parametrize("content, said", [(None, "no such catalog"), ("{", "cannot be read"), ('{"type": "Catalog"}', "cannot be read")])
def test_bad_catalogs_are_named(world, content, said):
    path = world.root / "c" / "catalog.json"
    if content is not None:
        path.parent.mkdir()
        path.write_text(content)
    with pytest.raises(CatalogError, match=said) as caught:
        search(world.settings(sources=[{"sensor": "hls2-s30", "catalog": str(path)}]))
    assert caught.value.where == str(path) and caught.value.remedy


def test_intervals_merge_neighbours(world):
    labels = [{"label": "a", "start": "2019-01-01", "end": "2019-12-31"}, 2020, 2023]
    assert [(str(a), str(b)) for a, b in intervals(world.settings(periods=labels))] == [("2019-01-01", "2020-12-31"), ("2023-01-01", "2023-12-31")]


def test_no_item_reader_is_lost_without_candidates():
    assert deduplicate([]) == [] and search_module.unique_keys([]) == []


def test_real_parana_offset_is_still_in(real_settings):
    scenes = found(real_settings("parana_zones.geojson", "earth-search-sentinel-2-l2a", [2023, 2024, 2025], 10, allow_unmasked=True))
    assert len(scenes) == 8
    for scene in scenes.values():
        assert (scene.status, scene.offset, scene.offset_confidence) == ("used", -0.1, "high"), scene
        assert "still in the pixels" in scene.offset_decision and scene.platform == "sentinel-2"
    assert scenes["S2_PARANA_20240530_L2A"].solar_day.isoformat() == "2024-05-30"


def test_real_parana_needs_leave_to_be_used_without_a_mask(real_settings):
    with pytest.raises(EmptySearchError, match="8 found") as caught:
        search(real_settings("parana_zones.geojson", "earth-search-sentinel-2-l2a", [2023, 2024, 2025], 10))
    assert "no cloud mask" in str(caught.value)


def test_real_barbellino_has_no_offset(real_settings):
    scenes = found(real_settings("barbellino.geojson", "earth-search-sentinel-2-l2a", [2017, 2019], 10))
    assert [(s.status, s.offset, s.offset_confidence) for s in scenes.values()] == [("used", 0.0, "high")] * 2


def test_real_landsat_and_hls(real_settings):
    landsat = found(real_settings("landsat_090084_quadrants.geojson", "planetary-computer-landsat-c2-l2", [1998, 2021], 1000))
    assert {s.platform for s in landsat.values()} == {"landsat-5", "landsat-7"}
    assert {(s.scale, s.offset) for s in landsat.values()} == {(2.75e-5, -0.2)}
    (hls,) = found(real_settings("hls_quadrants.geojson", "hls2-s30", [2021], 30)).values()
    assert (hls.scale, hls.offset, hls.processing_baseline) == (1e-4, -0.9999, "03.01")


def torn(world) -> None:
    """Three scenes whose metadata contradict each other or are silent: their pixels, whose darkest is far below 1000, decide."""
    for day, flag in ((1, True), (6, None), (11, None)):
        flat(world, f"s{day}", f"2023-05-{day:02d}T03:00:00Z", 0, **{"earthsearch:boa_offset_applied": flag, "s2:processing_baseline": "05.09"})


def test_scenes_whose_pixels_cannot_be_read_for_once_keep_what_the_last_search_decided(world):
    """The looks are gone as well: nothing else knows the offset."""
    torn(world)
    settings = world.settings(search={"register_scenes": False})
    first = found(settings)
    assert {s.status for s in first.values()} == {"used"}
    for day in (6, 11):
        (world.root / f"data/s{day}").rename(world.root / f"away{day}")
    shutil.rmtree(settings.looks_folder)
    told = [(s.status, s.offset, s.offset_decision, s.offset_confidence, s.identity) for s in first.values()]
    assert [(s.status, s.offset, s.offset_decision, s.offset_confidence, s.identity) for s in found(settings).values()] == told


def test_scenes_of_other_files_that_cannot_be_read_are_lost(world):
    """A newer product at the same place is none that the last search decided; two of three are more than a tenth."""
    torn(world)
    settings = world.settings(search={"register_scenes": False})
    search(settings)
    before = Layout(settings.root).scenes.read_bytes()
    for path in sorted(world.items.glob("*.json"))[1:]:
        entry = json.loads(path.read_text())
        entry["properties"]["s2:processing_baseline"] = "05.10"
        path.write_text(json.dumps(entry))
    for day in (6, 11):
        (world.root / f"data/s{day}").rename(world.root / f"away{day}")
    with pytest.raises(CatalogError, match=r"2 of the 3 scenes that earlier searches used cannot be read \(s11, s6\); more than 10% is refused"):
        search(settings)
    assert Layout(settings.root).scenes.read_bytes() == before


def test_scenes_whose_items_are_damaged_are_lost(world):
    for day in (1, 6, 11):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings(search={"self_test": False, "register_scenes": False})
    search(settings)
    for path in sorted(world.items.glob("*.json"))[1:]:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"geometry": None, "bbox": None}))
    with pytest.raises(CatalogError, match=r"2 of the 3 scenes that earlier searches used cannot be read \(s11, s6\)"):
        search(settings)
