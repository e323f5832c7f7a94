"""Items as real APIs send them are understood; hostile ones are harmless."""

import csv
import json
from datetime import datetime

import pytest

from rs_pipeline.catalog.folder import _absolute
from rs_pipeline.catalog.items import NO_DATE, GranulePart, Refusal, baseline_name, clean_href, clean_key, part_of, platform_name, read_item, served_item
from rs_pipeline.config import SourceSection
from rs_pipeline.sensors import load_sensor

ANY = ("file", "https", "http", "s3")
SENSOR_OF = {
    "earthsearch_v1/sentinel-2-l2a": "earth-search-sentinel-2-l2a",
    "other/sentinel-2-l2a": "earth-search-sentinel-2-l2a",
    "other/s2_l2a_c1": "earth-search-sentinel-2-c1-l2a",
    "earthsearch_v1/landsat-c2-l2": "earth-search-landsat-c2-l2",
    "other/landsat-c2-l2": "earth-search-landsat-c2-l2",
    "planetary_computer/landsat-c2-l2": "planetary-computer-landsat-c2-l2",
    "planetary_computer/sentinel-2-l2a": "planetary-computer-sentinel-2-l2a",
    "planetary_computer/sentinel-1-rtc": "planetary-computer-sentinel-1-rtc",
}
OPTICAL = {"blue", "green", "red", "nir", "swir1", "swir2", "mask"}


def read(entry, sensor="earth-search-sentinel-2-l2a", schemes=ANY, **source):
    section = SourceSection(sensor=sensor, catalog="x", **({"max_cloud_cover": 100} | source))
    return read_item(entry, section, load_sensor(sensor), schemes)


def recorded(real_data):
    with open(real_data / "stac_items" / "index.csv") as table:
        for row in csv.DictReader(table):
            sensor = SENSOR_OF.get(row["file"].rsplit("/", 1)[0])
            if sensor:
                entry = json.loads((real_data / "stac_items" / row["file"]).read_text())
                for asset in entry["assets"].values():
                    asset["href"] = asset["href"].replace("../", "https://x.org/", 1) if asset["href"].startswith("../") else asset["href"]
                yield row, sensor, entry


def test_recorded_items_are_understood(real_data):
    seen = 0
    for row, sensor, entry in recorded(real_data):
        candidate = read(entry, sensor)
        scene, place = candidate.scene, row["file"]
        lesser = entry["properties"].get("landsat:collection_category") in ("T2", "RT")
        assert scene.status == ("skipped" if lesser else "used") and lesser == scene.reason.startswith("geometric quality"), place
        assert scene.scene_id == scene.key == entry["id"], place
        assert scene.platform == entry["properties"]["platform"].lower(), place
        assert scene.datetime.tzinfo is not None and len(scene.bbox) == 4 and scene.footprint_wkt.startswith(("POLYGON", "MULTIPOLYGON")), place
        if sensor.endswith("rtc"):
            assert set(scene.assets) == {"vv", "vh"} and (scene.scale, scene.offset) == (1e-4, 0.0), place
            continue
        assert lesser or OPTICAL <= set(scene.assets), place
        assert 0 <= scene.sun_azimuth_deg < 360 and -90 < scene.sun_elevation_deg < 90, place
        assert scene.cloud_cover == entry["properties"]["eo:cloud_cover"], place
        if "landsat" in sensor:
            assert (scene.scale, scene.offset) == (2.75e-5, -0.2), place
            assert scene.processing_baseline.startswith("02_T") and (lesser or "saturation" in scene.assets), place
        else:
            baseline, flag = row["s2_processing_baseline"], row["earthsearch_boa_offset_applied"]
            assert scene.processing_baseline == baseline and scene.scale == 1e-4, place
            assert candidate.facts.flag == {"True": True, "False": False, "": None}[flag], place
            removed = float(baseline) < 4 or flag == "True"
            assert scene.offset == (0.0 if removed else -0.1), place
        seen += 1
    assert seen >= 70


@pytest.mark.parametrize(("path", "sensor", "status", "reason"), [
    ("planetary_computer/sentinel-1-grd/S1A_IW_GRDH_1SDV_20250312T052236_20250312T052301_058267_073394.json", "planetary-computer-sentinel-1-grd", "used", ""),
    ("planetary_computer/sentinel-1-grd/S1A_EW_GRDM_1SSH_20150129T081916_20150129T081938_004383_005598.json", "planetary-computer-sentinel-1-grd",
     "skipped", "required band missing: vv (asset vv)"),  # its footprint is a MultiPolygon with an empty part
    ("earthsearch_v1/sentinel-1-grd/S1A_IW_GRDH_1SSH_20250731T135608_20250731T135637_060328_077F7E.json", "earth-search-sentinel-1-grd",
     "skipped", "required band missing: vv (asset vv)"),
])  # fmt: skip
def test_recorded_ground_range_scenes(real_data, path, sensor, status, reason):
    scene = read(json.loads((real_data / "stac_items" / path).read_text()), sensor).scene
    assert (scene.status, scene.reason) == (status, reason)
    if status == "used":
        assert set(scene.tables) == {"vv calibration", "vv noise", "vh calibration", "vh noise"}
        assert scene.tables["vh noise"].endswith("/annotation/calibration/noise-iw-vh.xml") and scene.relative_orbit == 95


def test_contradicting_item_is_taken_by_its_flag_with_low_confidence(real_data):
    entry = json.loads((real_data / "stac_items/earthsearch_v1/sentinel-2-l2a/S2A_13TDE_20231008_0_L2A.json").read_text())
    candidate = read(entry)
    assert candidate.facts.flag is True and candidate.facts.raster_offset == -0.1
    assert (candidate.scene.offset, candidate.scene.offset_confidence) == (0.0, "low")
    assert candidate.acquisition == ("sentinel-2a", "20231008T175231", "13TDE")


def test_planetary_computer_angles_and_acquisition(real_data):
    entry = json.loads((real_data / "stac_items/planetary_computer/sentinel-2-l2a/S2B_MSIL2A_20220612T182919_R027_T24XWR_20220613T123251.json").read_text())
    candidate = read(entry, "planetary-computer-sentinel-2-l2a", sign="planetary-computer")
    assert candidate.scene.sun_elevation_deg == pytest.approx(90 - 63.0036756665255)
    assert candidate.scene.sun_azimuth_deg == pytest.approx(245.346023617542)
    assert candidate.acquisition == ("sentinel-2b", "20220612T182919", "24XWR")
    assert candidate.scene.sign == "planetary-computer"
    assert candidate.scene.assets["red"].endswith("B04_10m.tif")


def good() -> dict:
    assets = {a: {"href": f"https://x.org/{a}.tif"} for a in ("blue", "green", "red", "nir", "rededge1", "swir16", "swir22", "scl")}
    ring = [[115.0, 39.0], [116.0, 39.0], [116.0, 40.0], [115.0, 40.0], [115.0, 39.0]]
    properties = {"datetime": "2023-06-01T03:05:06.789Z", "platform": "sentinel-2a", "eo:cloud_cover": 10.0, "grid:code": "MGRS-50SMK"}
    return {"id": "S2A", "properties": properties, "assets": assets, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def changed(**properties) -> dict:
    entry = good()
    entry["properties"] |= properties
    return entry


@pytest.mark.parametrize(
    "entry, status, reason",
    [
        (changed(platform="sentinel-2z"), "skipped", "platform 'sentinel-2z' is not one of"),
        (changed(**{"eo:cloud_cover": 99.5}), "skipped", "cloud cover 99.5 % above 90 %"),
        (changed(datetime="yesterday"), "failed", "date cannot be read: 'yesterday'"),
        (changed(datetime=None), "failed", "date cannot be read"),
        ({**good(), "geometry": {"type": "Polygon", "coordinates": "x"}}, "failed", "geometry cannot be read"),
        ({**good(), "geometry": None}, "failed", "geometry cannot be read"),
        ({**good(), "geometry": {"type": "Point", "coordinates": [115, 39]}}, "failed", "geometry is empty or lies outside"),
        ({**good(), "geometry": None, "bbox": [115, 39, 999, 40]}, "failed", "geometry is empty or lies outside"),
        ({**good(), "geometry": None, "bbox": [float("nan")] * 4}, "failed", "geometry"),
        ({**good(), "assets": None}, "failed", "the item has no assets"),
        ({**good(), "assets": {"red": 5}}, "skipped", "required band missing: blue"),
        ({**good(), "assets": {k: v for k, v in good()["assets"].items() if k != "scl"}}, "skipped", "no cloud mask (asset scl or SCL or SCL_20m)"),
        ({"id": "x"}, "failed", "not a STAC item: no properties"),
        (None, "failed", "not a STAC item"),
        ([], "failed", "not a STAC item"),
        ({**good(), "properties": {"datetime": {"a": 1}}}, "failed", "date cannot be read"),
    ],
)
def test_bad_items_become_rows_with_a_reason(entry, status, reason):
    scene = read(entry, max_cloud_cover=90).scene
    assert scene.status == status and reason in scene.reason
    assert scene.key and "/" not in scene.key


def test_undated_scene_is_marked():
    assert read(changed(datetime="?")).scene.datetime == NO_DATE


def test_good_item_and_unstated_values():
    candidate = read(good())
    assert candidate.scene.status == "used" and candidate.acquisition == ("sentinel-2a", "20230601T030506", "50SMK")
    bare = good()
    for name in ("platform", "eo:cloud_cover"):
        del bare["properties"][name]
    bare["properties"]["constellation"] = "Sentinel-2"
    scene = read(bare).scene
    assert (scene.status, scene.platform, scene.cloud_cover, scene.sun_elevation_deg) == ("used", "sentinel-2", None, None)


def test_solar_day_is_the_local_one():
    assert read(changed(datetime="2023-06-01T23:30:00Z")).scene.solar_day.isoformat() == "2023-06-02"


@pytest.mark.parametrize(
    "item_id", ["../../x", "/etc/passwd", "=cmd|' /C calc'!A0", "..", "", "a\nb\x1b[31m", "x" * 5000, "CON.", "-rf", "Ä/ö", 7, None, {"a": 1}]
)
def test_hostile_ids_make_safe_keys(item_id):
    entry = good()
    entry["id"] = item_id
    scene = read(entry).scene
    assert scene.key == clean_key(scene.key) and 0 < len(scene.key) <= 100
    assert not scene.key.startswith((".", "-", "=")) and ".." not in scene.key.split("_")
    assert scene.scene_id.isprintable() and len(scene.scene_id) <= 255


@pytest.mark.parametrize(
    "href, said",
    [
        ("s3://bucket/x.tif", "scheme 's3' is not allowed"),
        ("http://x.org/x.tif", "scheme 'http' is not allowed"),
        ("ftp://x.org/x.tif", "scheme 'ftp' is not allowed"),
        ("/vsicurl/http://169.254.169.254/x", "virtual file system"),
        ("file:///vsizip/x.zip", "virtual file system"),
        ("../../secret.tif", "relative href"),
        ("file://host/x.tif", "names a host"),
        ("https:///x.tif", "without a host"),
        ("https://x.org/\nx", "control characters"),
        ("GTIFF_RAW:/etc/passwd", "relative href"),
    ],
)
def test_hrefs_outside_the_rules_are_refused(href, said):
    with pytest.raises(Refusal, match=said):
        clean_href(href, ("file", "https"))
    entry = good()
    entry["assets"]["red"]["href"] = href
    scene = read(entry, schemes=("file", "https")).scene
    assert scene.status == "skipped" and said in scene.reason and scene.assets == {}


def test_local_hrefs_have_one_form():
    assert clean_href("file:///data/a%20b.tif", ("file",)) == clean_href("/data/a b.tif", ("file",)) == "/data/a b.tif"


def test_a_scheme_has_one_form():
    assert (
        clean_href("HTTPS://X.org/A.tif?q=HTTP://b", ("https",))
        == clean_href(" Https://X.org/A.tif?q=HTTP://b", ("https",))
        == "https://X.org/A.tif?q=HTTP://b"
    )
    assert clean_href("S3://bucket/A.tif", ("s3",)) == "s3://bucket/A.tif"


def test_asset_by_its_other_name():
    entry = good()
    entry["assets"]["B04"] = entry["assets"].pop("red")
    assert read(entry).scene.assets["red"] == "https://x.org/red.tif"


@pytest.mark.parametrize(("said", "baseline"), [
    ("05.11", "05.11"), ("N0511", "05.11"), ("n0511", "05.11"), ("5.11", "05.11"), (5.11, "05.11"), (511, "05.11"), ("0511", "05.11"), ("N05.11", "05.11"),
    (5.1, "05.10"), ("04.00", "04.00"), (400, "04.00"), ("99.99", "99.99"), ("Collection-1", "Collection-1"), ("2.0.1", "2.0.1"),
])  # fmt: skip
def test_baselines_have_one_form(said, baseline):
    assert baseline_name({"s2:processing_baseline": said}, "x") == baseline
    assert read(changed(**{"s2:processing_baseline": said})).scene.processing_baseline == baseline


def test_a_version_is_a_baseline_only_where_it_is_written_as_one():
    assert [baseline_name({"processing:version": v}, "x") for v in ("05.11", "N0511", "2023", "511")] == ["05.11", "05.11", "2023", "511"]


@pytest.mark.parametrize(("said", "platform"), [
    ("S2A", "sentinel-2a"), ("Sentinel-2A", "sentinel-2a"), ("SENTINEL-2A", "sentinel-2a"), ("sentinel 2a", "sentinel-2a"), ("Sentinel2A", "sentinel-2a"),
    ("sentinel_2_b", "sentinel-2b"), ("S1C", "sentinel-1c"), ("SENTINEL-2", "sentinel-2"), ("LANDSAT_8", "landsat-8"), ("L8", "landsat-8"), ("LC09", "landsat-9"),
    ("LE07", "landsat-7"), ("landsat-5", "landsat-5"), ("Terra", "terra"), ("PlanetScope", "planetscope"),
])  # fmt: skip
def test_platforms_have_one_form(said, platform):
    assert platform_name({"platform": said}) == platform


def test_a_constellation_in_place_of_the_platform_is_made_precise_by_the_products_name():
    uri = "S2B_MSIL2A_20230601T030509_N0509_R075_T50SMK_20230601T080000.SAFE"
    assert read(changed(platform="SENTINEL-2", **{"s2:product_uri": uri})).scene.platform == "sentinel-2b"
    assert read({**changed(platform="SENTINEL-2"), "id": "S2C_50SMK_20250601_0_L2A"}).scene.platform == "sentinel-2c"
    scene = read(changed(platform="SENTINEL-2")).scene
    assert (scene.status, scene.platform) == ("used", "sentinel-2")
    assert read(changed(platform="sentinel-1")).scene.status == "skipped"


@pytest.mark.parametrize(("properties", "told"), [
    ({"datetime": "2023-06-01T11:05:06+08:00"}, "2023-06-01T03:05:06"), ({"datetime": "2023-06-01t03:05:06z"}, "2023-06-01T03:05:06"),
    ({"datetime": "2023-06-01T03:05:06.123456789Z"}, "2023-06-01T03:05:06"), ({"datetime": "2023-06-01T03:05:06"}, "2023-06-01T03:05:06"),
    ({"datetime": None, "start_datetime": "2023-06-01T03:05:06Z", "end_datetime": "2023-06-01T03:05:30Z"}, "2023-06-01T03:05:06"),
    ({"datetime": None, "start_datetime": "2023-06-01T03:05:06Z"}, "2023-06-01T03:05:06"),
])  # fmt: skip
def test_times_in_every_form(properties, told):
    scene = read(changed(**properties)).scene
    assert (scene.status, scene.datetime.replace(microsecond=0).isoformat()) == ("used", told + "+00:00")


@pytest.mark.parametrize(("properties", "status", "said"), [
    ({"datetime": None, "start_datetime": "2023-06-01T00:00:00Z", "end_datetime": "2023-06-30T00:00:00Z"}, "skipped",
     "no single acquisition: the item stands for 2023-06-01 to 2023-06-30"),
    ({"datetime": "2024-01-01T00:00:00Z", "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T23:59:59Z"}, "skipped",
     "no single acquisition: the item stands for 2024-01-01 to 2024-12-31"),
    ({"datetime": None, "start_datetime": "soon", "end_datetime": "2023-06-30T00:00:00Z"}, "failed", "date cannot be read: 'soon'"),
])  # fmt: skip
def test_what_is_no_moment_is_no_scene(properties, status, said):
    scene = read(changed(**properties)).scene
    assert (scene.status, scene.reason) == (status, said)


def test_a_bbox_with_heights_is_a_place():
    entry = {**good(), "geometry": None, "bbox": [115.0, 39.0, -10.0, 116.0, 40.0, 900.0]}
    assert read(entry).scene.bbox == (115.0, 39.0, 116.0, 40.0)
    assert "geometry cannot be read" in read({**entry, "bbox": [115.0, 39.0, 116.0]}).scene.reason


CDSE = {
    "blue": "B02_10m", "green": "B03_10m", "red": "B04_10m", "nir": "B08_10m", "rededge1": "B05_20m", "swir1": "B11_20m", "swir2": "B12_20m", "mask": "SCL_20m",
}  # fmt: skip


def copernicus() -> dict:
    """An item as the Copernicus Data Space Ecosystem serves it."""
    item_id = "S2B_MSIL2A_20240601T025529_N0510_R032_T50SMJ_20240601T060000"
    assets = {
        name: {
            "href": f"s3://eodata/Sentinel-2/MSI/L2A/2024/06/01/{item_id}.SAFE/GRANULE/IMG_DATA/T50SMJ_{name}.jp2",
            "type": "image/jp2",
            "raster:offset": -0.1,
            "raster:scale": 0.0001,
            "alternate": {"https": {"href": f"https://zipper.example.org/odata/v1/Nodes(T50SMJ_{name}.jp2)/$value"}},
        }
        for name in CDSE.values()
    }
    properties = {
        "datetime": "2024-06-01T02:55:29.024Z",
        "platform": "sentinel-2b",
        "processing:version": "05.10",
        "grid:code": "MGRS-50SMJ",
        "eo:cloud_cover": 3.0,
    }
    return {**good(), "id": item_id, "assets": assets, "properties": properties}


@pytest.mark.parametrize(
    "sensor", ["copernicus-sentinel-2-l2a", "earth-search-sentinel-2-l2a", "earth-search-sentinel-2-c1-l2a", "planetary-computer-sentinel-2-l2a"]
)
@pytest.mark.parametrize(("schemes", "start"), [(("s3",), "s3://eodata/"), (("https",), "https://zipper.example.org/")])
def test_items_of_the_copernicus_data_space(sensor, schemes, start):
    scene = read(copernicus(), sensor, schemes=schemes).scene
    assert (scene.status, scene.reason, scene.offset, scene.processing_baseline) == ("used", "", -0.1, "05.10")
    assert set(scene.assets) == set(CDSE) and all(href.startswith(start) and CDSE[role] in href for role, href in scene.assets.items())
    assert read(copernicus(), sensor, schemes=("file",)).scene.reason == "href scheme 's3' is not allowed (sources.schemes allows file)"


@pytest.mark.parametrize("place", ["asset", "item"])
@pytest.mark.parametrize(("sensor", "instead"), [
    ("earth-search-landsat-c2-l2", "; the source planetary-computer-landsat-c2-l2 has the same data free of charge"), ("earth-search-sentinel-2-pre-c1-l2a", ""),
])  # fmt: skip
def test_a_bucket_whose_reader_pays_is_told_with_what_to_use(sensor, instead, place):
    entry = {
        **changed(platform="landsat-8" if "landsat" in sensor else "sentinel-2a"),
        "assets": {b.assets[0]: {"href": f"s3://bucket/{b.role}.tif"} for b in load_sensor(sensor).bands},
    }
    for holder in entry["assets"].values() if place == "asset" else [entry["properties"]]:
        holder["storage:requester_pays"] = True
    assert read(entry, sensor, schemes=("https",)).scene.reason == (
        f"its bucket charges the reader (storage:requester_pays){instead}, or allow it by sources.schemes: [s3], with AWS keys and AWS_REQUEST_PAYER=requester in the environment"
    )
    assert "makes the reader pay" not in read(entry, sensor, schemes=("s3",)).scene.reason


def test_relative_hrefs_of_alternates_stand_beside_the_item(tmp_path):
    """As the href itself would; nested alternates and what is none do no harm."""
    entry, alternate = good(), {"local": {"href": "./red.tif"}, "none": 7, "deeper": {"href": "x.tif", "alternate": 7}}
    entry["assets"]["red"] |= {"href": "s3://eodata/red.jp2", "alternate": alternate}
    entry["links"] = [{"rel": "self", "href": "https://x.org/c/S2A/S2A.json"}]
    assert read(served_item(entry), schemes=("https",)).scene.assets["red"] == "https://x.org/c/S2A/red.tif"
    (tmp_path / "red.tif").touch()
    found = read(_absolute(entry, tmp_path / "item.json"), schemes=("file", "https"), folders=[tmp_path]).scene
    assert (found.status, found.reason, found.assets["red"]) == ("used", "", str(tmp_path / "red.tif"))
    assert alternate["local"] == {"href": "./red.tif"}


def test_relative_hrefs_of_an_api_stand_at_the_items_own_address():
    entry = good()
    for name, asset in entry["assets"].items():
        asset["href"] = f"./data/{name}.tif"
    assert read(served_item(entry)).scene.reason == "relative href: './data/blue.tif'"
    entry["links"] = [{"rel": "root", "href": "https://x.org"}, {"rel": "self", "href": "https://x.org/c/S2A/S2A.json"}]
    assert read(served_item(entry)).scene.assets["red"] == "https://x.org/c/S2A/data/red.tif"
    assert entry["assets"]["red"]["href"] == "./data/red.tif"
    for bad in (None, 7, {"links": 7}, {"links": [7], "assets": 7}, {"links": [{"rel": "self", "href": "file:///etc/"}], "assets": {"a": {"href": "x"}}}):
        assert served_item(bad) == bad


@pytest.mark.parametrize(("sensor", "band", "said"), [
    ("earth-search-sentinel-2-l2a", {"scale": 0.01, "offset": 0}, "raster:bands says scale 0.01, the sensor table 0.0001; give the sensor a table of its own"),
    ("planetary-computer-landsat-c2-l2", {"scale": 0.0001, "offset": 0}, "raster:bands says scale 0.0001, the sensor table 2.75e-05; give the sensor a table of its own"),
    ("planetary-computer-landsat-c2-l2", {"scale": 0.0000275, "offset": 0}, "raster:bands says offset 0, the sensor table -0.2; give the sensor a table of its own"),
    ("planetary-computer-landsat-c2-l2", {"scale": 0.0000275, "offset": -0.2}, ""), ("planetary-computer-landsat-c2-l2", {"scale": 1, "offset": 0}, ""),
    ("earth-search-sentinel-2-c1-l2a", {"scale": 0.0002, "offset": -0.1}, ""), ("earth-search-sentinel-2-c1-l2a", {"scale": 0.5, "offset": -0.1},
     "raster:bands says scale 0.5, the sensor table 0.0001; give the sensor a table of its own"),
])  # fmt: skip
def test_a_scale_that_contradicts_the_table_is_told(sensor, band, said):
    names = {"red": "red", "blue": "blue", "green": "green", "nir": "nir08", "swir16": "swir16", "swir22": "swir22", "qa_pixel": "qa_pixel"}
    entry = good() if "sentinel" in sensor else {**changed(platform="landsat-8"), "assets": {a: {"href": f"https://x.org/{a}.tif"} for a in names.values()}}
    entry["assets"]["red"]["raster:bands"] = [band]
    scene = read(entry, sensor).scene
    assert (scene.status, scene.reason) == (("skipped", said) if said else ("used", ""))


def test_the_day_of_a_footprint_that_is_split_at_the_date_line():
    """Ten past ten in the morning of the first of January west of the line, where most of it lies; the mean of its corners lies at Greenwich."""
    west, east = [[179, -17], [180, -17], [180, -16], [179, -16], [179, -17]], [[-180, -17], [-179.5, -17], [-179.5, -16], [-180, -16], [-180, -17]]
    for outline in ([[west], [east]], [[east], [west]]):
        entry = {**changed(datetime="2023-12-31T22:10:00Z"), "geometry": {"type": "MultiPolygon", "coordinates": outline}}
        assert read(entry).scene.solar_day.isoformat() == "2024-01-01"


@pytest.mark.parametrize(("asset", "band", "said"), [
    ("nir", {"scale": 1e-4, "offset": 0}, "raster:bands says offset -0.1 for blue and 0 for nir: offsets that differ by band are not read"),
    ("swir16", {"scale": 2e-4, "offset": -0.1}, "raster:bands says scale 0.0001 for blue and 0.0002 for swir1: scales that differ by band are not read"),
    ("nir", {"scale": 1e-4, "offset": -0.1}, ""), ("nir", {"nodata": 0}, ""), ("scl", {"scale": 1, "offset": 0}, ""),
])  # fmt: skip
def test_bands_with_a_scale_or_offset_of_their_own_are_refused_by_name(asset, band, said):
    entry = good()
    for name, content in entry["assets"].items():
        if name != "scl":
            content["raster:bands"] = [{"scale": 1e-4, "offset": -0.1}]
    entry["assets"][asset]["raster:bands"] = [band]
    scene = read(entry, "earth-search-sentinel-2-c1-l2a").scene
    assert (scene.status, scene.reason) == (("skipped", said) if said else ("used", ""))
    assert said or (scene.scale, scene.offset) == (1e-4, -0.1)


def test_what_tells_the_parts_of_a_granule():
    properties = {
        "s2:product_uri": "S2A_MSIL2A_20200403T030531_N0214_R075_T50SMK_20200403T070000.SAFE",
        "s2:nodata_pixel_percentage": 61.5,
        "s2:datastrip_id": "S2A_OPER_MSI_L2A_DS_SGS__20200403T070000_S20200403T031031_N02.14",
    }
    assert part_of(properties, "x") == GranulePart(datetime(2020, 4, 3, 3, 10, 31), datetime(2020, 4, 3, 7), 38.5)
    strip = {"eopf:datastrip_id": "S2A_OPER_MSI_L2A_DS_S2RP_20240507T153036_S20220128T153044_N05.10"}
    assert part_of(strip, "x").strip == datetime(2022, 1, 28, 15, 30, 44)
    assert part_of({"s2:datastrip_id": "S99999999T999999", "s2:nodata_pixel_percentage": "?"}, "x") == GranulePart()
