"""Small files that stand for much: limits of memory, corners and products hold, work stays in proportion, and what is dropped says why."""

import json
import os
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling

from rs_pipeline.catalog import folder as folder_module
from rs_pipeline.catalog import items as items_module
from rs_pipeline.catalog import search as search_module
from rs_pipeline.catalog.folder import folder_items
from rs_pipeline.catalog.items import Candidate, Dropped, clean_href, read_item
from rs_pipeline.catalog.pages import group_bytes
from rs_pipeline.catalog.read import gdal_options, open_raster, read_coarse, read_text
from rs_pipeline.catalog.search import deduplicate, unique_keys
from rs_pipeline.config import FetchSection, SourceSection
from rs_pipeline.errors import RasterError, RemoteError
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage import blocks
from rs_pipeline.wording import clean_text
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, item, write_tif
from tests.remote.conftest import serving  # noqa: F401  (fixture)
from tests.remote.server import always, http

SOURCE = SourceSection(sensor="earth-search-sentinel-2-l2a", catalog="/cat")
SENSOR = load_sensor(SOURCE.sensor)
LIMITS = FetchSection()


def candidate(item_id: str = "x", when: str = "2023-05-01T03:00:00Z", **changes) -> Candidate:
    entry = item(
        item_id,
        when,
        {n: f"/cat/{n}.tif" for n in S2_ASSETS},
        platform="sentinel-2a",
        **{"earthsearch:boa_offset_applied": True, **changes.pop("properties", {})},
    )
    return read_item(entry | changes, SOURCE, SENSOR, ("file",))


def outlined(*rings) -> dict:
    return {"type": "MultiPolygon", "coordinates": [[np.vstack([r, r[:1]]).tolist()] for r in rings]}


def scribble(n: int) -> np.ndarray:
    """A ring whose edges cross each other by the square of n."""
    return np.array([116.0, 39.0]) + np.random.default_rng(1).random((n, 2))


def circle(n: int) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([116 + 0.5 * np.cos(turn), 39 + 0.5 * np.sin(turn)])


def comb(n: int) -> np.ndarray:
    """A valid outline that cannot be drawn with fewer corners."""
    x = np.linspace(116, 117, n - 2)
    return np.vstack([np.column_stack([x, np.where(np.arange(n - 2) % 2, 39.1, 39.9)]), [[117, 39], [116, 39]]])


@pytest.mark.parametrize("ring", [scribble(60), scribble(250), scribble(8000), circle(8000), comb(8000)], ids=["60", "250", "8000", "circle", "comb"])
def test_an_outline_of_many_corners_costs_little_and_keeps_its_place(ring):
    started = time.perf_counter()
    scene = candidate(geometry=outlined(ring)).scene
    footprint = shapely.from_wkt(scene.footprint_wkt)
    assert time.perf_counter() - started < 2 and scene.status == "used"
    assert footprint.is_valid and shapely.get_num_coordinates(footprint) <= items_module._KEPT_CORNERS
    assert np.allclose(footprint.bounds, shapely.MultiPoint(ring).bounds, atol=0.002)


def test_a_circle_is_drawn_with_fewer_corners_close_to_its_line():
    footprint = shapely.from_wkt(candidate(geometry=outlined(circle(8000))).scene.footprint_wkt)
    assert footprint.area == pytest.approx(np.pi * 0.25, rel=0.002)


def test_both_lobes_of_a_bow_tie_stay():
    ring = np.array([[116, 39], [117, 40], [117, 39], [116, 40]], float)
    assert shapely.from_wkt(candidate(geometry=outlined(ring)).scene.footprint_wkt).area == pytest.approx(0.5)


@pytest.mark.parametrize(
    "geometry", [outlined(circle(20_001)), outlined(*[circle(4)] * 5000), {"type": "GeometryCollection", "geometries": [outlined(circle(30_000))]}]
)
def test_an_outline_beyond_the_limit_is_refused_by_name(geometry):
    scene = candidate(geometry=geometry).scene
    assert (scene.status, scene.reason) == ("failed", "geometry cannot be read: more than 20000 corners")


@pytest.mark.parametrize(("n", "seconds"), [(8000, 3)])
def test_ids_that_clean_to_one_key_cost_in_proportion(n, seconds):
    same = candidate("y" * 100)
    several = [replace(same, scene=replace(same.scene, scene_id=f"{'y' * 100}{i}")) for i in range(n)]
    started = time.perf_counter()
    keys = [c.scene.key for c in unique_keys(several)]
    assert time.perf_counter() - started < seconds and len(set(keys)) == n and keys[:3] == ["y" * 100, "y" * 100 + "-2", "y" * 100 + "-3"]


def test_keys_that_look_like_numbered_ones_stay_unique():
    keys = [c.scene.key for c in unique_keys([candidate(name) for name in ("a", "A", "a-2", "a?", "a-3")])]
    assert len({k.lower() for k in keys}) == 5


def test_many_products_of_one_acquisition_cost_in_proportion_and_say_so(monkeypatch):
    monkeypatch.setattr(search_module, "_MOST_PRODUCTS", 20)
    first = candidate()
    west, south, _, north = first.scene.bbox
    several = []
    for i in range(2000):  # each reaches a little further than the one before: none covers another
        outline = shapely.box(west, south, west + 0.01 * 1.3**i if i < 60 else 60.0 + west, north)
        scene = replace(first.scene, scene_id=f"s{i:04d}", key=f"s{i:04d}", footprint_wkt=outline.wkt, bbox=outline.bounds)
        several.append(replace(first, scene=scene, part=items_module.GranulePart(coverage=1.0 + i % 7 * 2.0)))
    started = time.perf_counter()
    found = deduplicate(several)
    assert time.perf_counter() - started < 5
    assert all(c.scene.status == "used" or c.scene.reason for c in found) and sum(c.scene.status == "used" for c in found) <= 20
    assert any("more than 20 products claim this acquisition" in c.scene.reason for c in found)


DATATAKE = {"s2:datatake_id": "GS2A_20230501T030000_041000_N05.09", "grid:code": "MGRS-50SMK"}


def used(*candidates: Candidate) -> list[str]:
    return [c.scene.scene_id for c in deduplicate(list(candidates)) if c.scene.status == "used"]


def test_one_datatake_on_other_days_is_other_passes():
    days = [candidate(f"d{day}", f"2023-05-{day:02d}T03:00:00Z", properties=DATATAKE) for day in (1, 6, 11, 16)]
    assert used(*days) == ["d1", "d6", "d11", "d16"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("2023-05-01T23:58:00Z", "2023-05-02T00:03:00Z"), ("2023-05-01T16:10:00Z", "2023-05-01T16:15:00Z"), ("2023-05-01T03:00:00Z", "2023-05-01T00:00:00Z")],
    ids=["past midnight UTC", "past midnight of the sun", "a catalog that tells only the day"],
)
def test_one_datatake_past_midnight_is_one_pass(first, second):
    products = [candidate("a", first, properties=DATATAKE), candidate("b", second, properties=DATATAKE)]
    assert len(used(*products)) == 1
    assert ({c.scene.solar_day for c in products} == {products[0].scene.solar_day}) is (first != "2023-05-01T16:10:00Z")


def test_the_same_item_many_times_is_one_candidate_and_the_search_ends(world):
    world.scene("s", "2023-05-01T03:00:00Z")
    (path,) = world.items.glob("*.json")
    entry = json.loads(path.read_text())
    lines = [json.dumps(entry | {"properties": entry["properties"] | {"updated": f"{i % 500:04d}"}}) for i in range(1500)]
    (world.items / "all.ndjson").write_text("\n".join(lines))
    path.unlink()
    settings = world.settings()
    started = time.perf_counter()
    found = search_module._collect(settings.sources[0], shapely.box(110, 30, 120, 50), settings, None)
    assert len(found) == 500 and time.perf_counter() - started < 10


def test_long_texts_are_cut_before_they_are_looked_at():
    started = time.perf_counter()
    scene = candidate("i" * 10**7, properties={"grid:code": "MGRS-" + "x" * 10**7, "s2:product_uri": "S2A_MSIL2A_" * 10**6, "created": "9" * 10**7}).scene
    assert time.perf_counter() - started < 1 and len(scene.scene_id) == 255 and len(scene.key) == 100 and len(scene.generated) == 40
    assert len(clean_text("\t" * 10**7, 40)) == 40
    with pytest.raises(items_module.Refusal, match="href of 9000 characters, the limit is 8192"):
        clean_href("/" + "x" * 8999, ("file",))


def raised(call) -> str:
    with pytest.raises(RasterError) as caught:
        call()
    return caught.value.what


def opened(path, georeference: str = "grid"):
    with open_raster(str(path), "none", LIMITS, 10.0, georeference) as dataset:
        return read_coarse(dataset, 64)


def pyramid(path, n: int = 512) -> None:
    """A raster in blocks of 64 pixels whose overviews are in blocks of 256."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=n,
        height=n,
        count=1,
        dtype="uint16",
        crs=CRS,
        transform=Affine(10, 0, LEFT, 0, -10, TOP),
        nodata=0,
        tiled=True,
        blockxsize=64,
        blockysize=64,
    ) as out:
        out.write(np.arange(n * n, dtype="uint32").reshape(n, n).astype("uint16") % 5000 + 1, 1)
    with rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=256), rasterio.open(path, "r+") as out:
        out.build_overviews([2, 4, 8], Resampling.nearest)


def test_the_blocks_of_an_overview_are_held_to_the_limit(tmp_path, monkeypatch):
    pyramid(tmp_path / "a.tif")
    assert opened(tmp_path / "a.tif").shape == (64, 64)
    monkeypatch.setattr(blocks, "MAX_BLOCK_BYTES", 64 * 64 * 2)
    assert raised(lambda: opened(tmp_path / "a.tif")) == "an overview in blocks of 0 MiB, the limit is 0"


@pytest.mark.parametrize("longest_px", [512, 300, 256, 200, 128, 100, 64, 10])
def test_a_coarse_reading_is_the_one_that_gdal_gives(tmp_path, longest_px):
    pyramid(tmp_path / "a.tif")
    with rasterio.Env(**gdal_options(LIMITS)), rasterio.open(tmp_path / "a.tif") as dataset:
        assert np.array_equal(read_coarse(dataset, longest_px), dataset.read(1, out_shape=(longest_px, longest_px)))


def test_a_coarse_reading_of_a_raster_that_runs_north_is_turned(tmp_path):
    pyramid(tmp_path / "a.tif")
    upright = opened(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif", "r+") as out:
        out.transform = Affine(10, 0, LEFT, 0, 10, TOP - 5120)
    assert np.array_equal(opened(tmp_path / "a.tif"), upright[::-1])


def test_a_mask_of_its_own_beside_turned_rows_is_refused(tmp_path):
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16", crs=CRS, transform=Affine(10, 0, LEFT, 0, 10, TOP)
        ) as out,
    ):
        out.write(np.ones((64, 64), "uint16"), 1)
        out.write_mask(True)
    assert raised(lambda: opened(tmp_path / "a.tif")) == "its rows or columns run backwards, and it has a mask of its own"


def test_more_control_points_than_a_spline_bears_are_refused(tmp_path):
    points = [GroundControlPoint(i // 50, i % 50, 116 + i % 50 * 0.01, 39 + i // 50 * 0.01) for i in range(2001)]
    write_tif(tmp_path / "a.tif", np.ones((64, 64), "uint16"), 10, crs=None)
    with rasterio.open(tmp_path / "a.tif", "r+") as out:
        out.gcps = points, rasterio.CRS.from_epsg(4326)
    assert raised(lambda: opened(tmp_path / "a.tif", "gcps")) == "2001 ground control points, the limit is 2000"


def test_a_pipe_or_device_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    assert raised(lambda: opened(tmp_path / "a.tif")) == "a pipe, not a file"
    assert raised(lambda: read_text(str(tmp_path / "a.tif"), "none", LIMITS)) == "a pipe, not a file"
    assert raised(lambda: opened("/dev/zero")) == "a device, not a file"


def dropped(catalog) -> list[tuple[str, str]]:
    return [(d.status, d.reason) for d in folder_items(str(catalog), SENSOR) if isinstance(d, Dropped)]


def test_pipes_among_items_and_behind_links_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "item.json")
    os.mkfifo(tmp_path / "collection.json")
    (tmp_path / "good.json").write_text(json.dumps(item("a", "2023-05-01T03:00:00Z", {}) | {"collection": None}))
    assert dropped(tmp_path / "good.json") == [("skipped", f"no collection is named, and the assets are not those of {SENSOR.name}")]
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "c", "links": [{"rel": "item", "href": "./item.json"}]}))
    assert dropped(tmp_path) == [("failed", "the file cannot be read: a pipe, not a file")]
    (tmp_path / "catalog.json").unlink()
    assert len(dropped(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "write", "limit", "said"),
    [
        ("a.json", lambda p: p.write_text("[" + "1," * 600 + "1]"), "_MOST_BYTES", "more than 0 MiB in one document; write an item a line (.ndjson)"),
        ("a.ndjson", lambda p: p.write_text('{"a": "' + "x" * 2000 + '"}\n'), "_MOST_LINE_BYTES", "more than 0 MiB in line 1"),
    ],
)
def test_documents_and_lines_have_a_limit(tmp_path, monkeypatch, name, write, limit, said):
    monkeypatch.setattr(folder_module, limit, 1000)
    write(tmp_path / name)
    assert dropped(tmp_path) == [("failed", f"the file cannot be read: {said}")]


@pytest.mark.parametrize("known", [True, False], ids=["as a dictionary", "as texts"])
@pytest.mark.parametrize(("nested", "mib"), [(True, 75), (False, 13)], ids=["in lists", "in rows"])
def test_a_table_whose_rows_repeat_one_long_text_is_refused_before_they_are_made(tmp_path, monkeypatch, nested, mib, known):
    """A text of 128 KiB stands once in the file and 600 times in its rows, six to a row or one."""
    monkeypatch.setattr(folder_module, "_MOST_BYTES", 10 * 2**20)
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 600, "int32"), pa.array(["a" * 2**17]))
    values = values if known else values.cast("string")
    column = pa.ListArray.from_arrays(pa.array(range(0, 601, 6), "int32"), values) if nested else values
    rows = len(column)
    table = pa.table({"id": [str(i) for i in range(rows)], "assets": ["x"] * rows, "geometry": [b""] * rows, "x": column})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd", store_schema=known)
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    assert dropped(tmp_path) == [("failed", f"the file cannot be read: 100 rows of {mib} MiB, the limit is 10")]


@pytest.mark.parametrize(("kind", "n"), [("int8", 2**18), (pa.binary(2**10), 2**11)], ids=["of 8 bytes at most", "of 1 KiB"])
def test_a_table_of_very_many_values_in_one_row_is_refused(tmp_path, monkeypatch, kind, n):
    """2 MiB of values that are all alike."""
    monkeypatch.setattr(folder_module, "_MOST_GROUP_BYTES", 2**20)
    value = 0 if kind == "int8" else bytes(2**10)
    column = pa.ListArray.from_arrays(pa.array([0, n], "int32"), pa.array([value] * n, kind))
    pq.write_table(pa.table({"id": ["a"], "assets": ["x"], "geometry": [b""], "x": column}), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    assert dropped(tmp_path) == [("failed", "the file cannot be read: a row group of 2 MiB, the limit is 1")]


def said(n: int, width: int = 0) -> bytes:
    """A whole number of Thrift's compact protocol; drawn out to a width."""
    parts, n = [], 2 * n
    while n or not parts or len(parts) < width:
        parts.append(n & 127)
        n >>= 7
    return bytes(part | 128 for part in parts[:-1]) + bytes(parts[-1:])


def test_a_table_whose_footer_says_that_it_is_small(tmp_path, monkeypatch):
    """Its pages say what they unpack to: the footer is not asked."""
    monkeypatch.setattr(folder_module, "_MOST_GROUP_BYTES", 2**20)
    path = tmp_path / "a.parquet"
    columns = {"id": ["a"], "assets": ["x"], "geometry": [b""], "x": ["a" * 2**22]}
    pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False, write_statistics=False)
    group, raw = pq.ParquetFile(path).metadata.row_group(0), path.read_bytes()
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    lie = raw[footer:]
    for size in (group.total_byte_size, group.column(3).total_uncompressed_size):
        lie = lie.replace(said(size), said(50, len(said(size))))
    path.write_bytes(raw[:footer] + lie)
    assert pq.ParquetFile(path).metadata.row_group(0).total_byte_size == 50
    assert dropped(tmp_path) == [("failed", "the file cannot be read: a row group of 4 MiB, the limit is 1")]


def test_a_table_of_texts_that_begin_alike_is_refused(tmp_path):
    columns = {"id": ["a"], "assets": ["x"], "geometry": [b""], "x": [["a" * 2**17] * 600]}
    encodings = {"x.list.element": "DELTA_BYTE_ARRAY"}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", compression="zstd", use_dictionary=False, column_encoding=encodings)
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    ((state, reason),) = dropped(tmp_path)
    assert state == "failed" and "shared prefixes (DELTA_BYTE_ARRAY)" in reason


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_tell_what_a_table_unpacks_to(tmp_path, version):
    n = 50_000
    columns = {"a": [str(i % 7) for i in range(n)], "b": range(n), "c": [[{"d": 0.5, "e": None}] * (i % 3) for i in range(n)]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", data_page_version=version, data_page_size=10_000, row_group_size=20_000)
    table = pq.ParquetFile(tmp_path / "a.parquet").metadata
    for i, size in enumerate(group_bytes(tmp_path / "a.parquet", table)):
        group = table.row_group(i)
        assert 0.95 * group.total_byte_size < size <= max(group.total_byte_size, *(8 * group.column(k).num_values for k in range(table.num_columns)))


def test_row_groups_that_are_one_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["a" * 100], "assets": ["x"], "geometry": [b""]}), path, use_dictionary=False)
    table = pq.ParquetFile(path).metadata
    for _ in range(8):
        table.append_row_groups(table)
    body = path.read_bytes()[: -8 - int.from_bytes(path.read_bytes()[-8:-4], "little")]
    table.write_metadata_file(tmp_path / "footer")
    path.write_bytes(body + (tmp_path / "footer").read_bytes()[4:])
    (tmp_path / "footer").unlink()
    assert pq.ParquetFile(path).metadata.num_row_groups == 256
    assert dropped(tmp_path) == [("failed", "the file cannot be read: its columns take more bytes than the file has for them")]


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_pages_that_are_damaged_end_in_words(tmp_path, at):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["a"] * 100, "assets": ["x"] * 100, "geometry": [b""] * 100}), path)
    raw = bytearray(path.read_bytes())
    raw[4 + at : 7 + at] = b"\xff\xff\xff"
    path.write_bytes(raw)
    assert all(state in ("failed", "skipped") for state, _ in dropped(tmp_path))


def test_an_item_of_very_many_assets_and_bands_is_read_in_proportion():
    entry = item(
        "x", "2023-05-01T03:00:00Z", {n: f"/cat/{n}.tif" for n in S2_ASSETS} | {f"a{i}": f"/cat/a{i}.tif" for i in range(100_000)}, platform="sentinel-2a"
    )
    entry["assets"]["red"]["raster:bands"] = [{"scale": 1e-4, "offset": 0}] * 100_000
    started = time.perf_counter()
    assert read_item(entry, SOURCE, SENSOR, ("file",)).scene.status == "used" and time.perf_counter() - started < 2


def test_an_hour_is_longer_than_a_datatake_and_shorter_than_an_orbit():
    assert timedelta(minutes=40) < search_module._ONE_PASS < timedelta(minutes=98)


@pytest.mark.parametrize("remote", [False, True])
def test_a_table_of_calibration_has_a_limit(tmp_path, serving, remote):  # noqa: F811
    (tmp_path / "x.xml").write_bytes(b" " * (2**23 + 1))
    href = serving(always(http(body=(tmp_path / "x.xml").read_bytes()))).url + "/x.xml" if remote else str(tmp_path / "x.xml")
    with pytest.raises((RasterError, RemoteError), match="more than 8 MiB"):
        read_text(href, "none", LIMITS, internal=True)
    (tmp_path / "x.xml").write_bytes(b" " * 2**23)
    assert len(read_text(str(tmp_path / "x.xml"), "none", LIMITS)) == 2**23
