"""Rasters that hold the right pixels in another way are read exactly; those that hold something else are refused by name."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine

from rs_pipeline.catalog.chips import load_chips, read_role, scales
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.read import driver_of, open_raster
from rs_pipeline.catalog.search import search
from rs_pipeline.config import FetchSection
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.radiometry.scaling import gamma0_power, reflectance
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, item, make_grid, write_tif
from tests.catalog.faulty import served

GROUND = Grid(CRS, 10.0, LEFT, TOP, 64, 64)
RADAR = "planetary-computer-sentinel-1-rtc"


def numbers(asset: str = "red") -> np.ndarray:
    """Different numbers everywhere, so that a row or column in the wrong place is seen."""
    n = 640 // S2_ASSETS[asset]
    return (400 + np.arange(n * n).reshape(n, n) % 2500).astype("uint16")


def fetched(world, **source):
    """What search and fetch make of the world's scenes: (chips by key, manifest by key)."""
    settings = world.settings(**({"sources": [{"catalog": str(world.items), **source}]} if source else {}))
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    table = pd.read_parquet(Layout(settings.root).chips("2023", tile)).set_index("key")
    return {c.scene.key: c for c in load_chips(settings, tile, "2023")}, table


def write_grid(path, values: np.ndarray, step_m: float, transform: Affine, **options) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype=values.dtype, crs=CRS, transform=transform, nodata=0, **options
    ) as out:
        out.write(values, 1)


@pytest.mark.parametrize(("flip", "x", "y"), [(np.flipud, 1, -1), (np.fliplr, -1, 1), (lambda v: v[::-1, ::-1], -1, -1)], ids=["south-up", "east-west", "both"])
@pytest.mark.parametrize("tiled", [False, True])
def test_rows_from_south_to_north_are_the_same_pixels(world, flip, x, y, tiled):
    world.scene("s", "2023-05-01T03:00:00Z")
    options = {"tiled": True, "blockxsize": 32, "blockysize": 32} if tiled else {}
    for asset in ("red", "swir22"):
        step = S2_ASSETS[asset]
        transform = Affine(x * step, 0, LEFT if x > 0 else LEFT + 640, 0, -y * step, TOP if y > 0 else TOP - 640)
        write_grid(world.root / f"data/s/{asset}.tif", flip(numbers(asset)), step, transform, **options)
    chips, table = fetched(world)
    assert table.status["s"] == "ok", table.reason["s"]
    assert np.array_equal(read_role(chips["s"], "red", GROUND), numbers())
    assert np.array_equal(read_role(chips["s"], "swir2", GROUND), np.kron(numbers("swir22"), np.ones((2, 2), "uint16")))


@pytest.mark.parametrize("dtype", ["int16", "uint32", "int32", "float32"])
def test_whole_numbers_of_another_type_are_the_same_numbers(world, dtype):
    world.scene("s", "2023-05-01T03:00:00Z")
    write_tif(world.root / "data/s/red.tif", numbers().astype(dtype), 10, nodata=0)
    chips, table = fetched(world)
    assert table.status["s"] == "ok" and np.array_equal(read_role(chips["s"], "red", GROUND), numbers())


@pytest.mark.parametrize(("offset_said", "fill"), [(True, 0), (None, 0), (None, np.nan), (None, -9999.0)])
def test_reflectances_become_digital_numbers_whatever_offset_was_decided(world, offset_said, fill):
    """Float files of baseline 05.09, with a flag and without: nothing is added to a reflectance."""
    properties = {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": offset_said}
    world.scene("s", "2023-05-01T03:00:00Z", **properties)
    for asset in S2_ASSETS:
        if asset != "scl":
            refl = (numbers(asset) / 1e4).astype("float32")
            refl[:3] = fill
            write_tif(world.root / f"data/s/{asset}.tif", refl, S2_ASSETS[asset], nodata=fill)
    chips, table = fetched(world)
    assert table.status["s"] == "ok", table.reason["s"]
    (scale,), (offset,) = scales([chips["s"]])
    red = reflectance(read_role(chips["s"], "red", GROUND), scale, offset)
    assert np.isnan(red[:3]).all() and np.allclose(red[3:], numbers()[3:] / 1e4, atol=1e-6)
    assert chips["s"].scene.offset_decision == "the files hold reflectances: no offset"


def test_one_band_of_reflectances_among_numbers_is_converted_with_the_offset_of_the_scene(world):
    world.scene("s", "2023-05-01T03:00:00Z", dn=2500, **{"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": None})
    path = sorted(world.items.glob("*.json"))[0]
    entry = json.loads(path.read_text())
    entry["assets"]["red"]["raster:bands"] = [{"scale": 0.0001, "offset": -0.1}]
    path.write_text(json.dumps(entry))
    write_tif(world.root / "data/s/red.tif", np.full((64, 64), 0.15, "float32"), 10, nodata=0)
    settings = world.settings(search={"self_test": False})
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    (chip,) = load_chips(settings, tile, "2023")
    assert chip.scene.offset == -0.1
    for role in ("red", "green"):
        assert reflectance(read_role(chip, role, GROUND), 1e-4, -0.1)[5, 5] == pytest.approx(0.15, abs=1e-6)


def test_a_shape_told_as_columns_and_rows_is_no_other_raster(world):
    """56 rows of 64 columns, declared [64, 56] as some catalogs write it; one that really has more pixels is refused."""
    for name, day, shape in (("swapped", 1, [64, 56]), ("more", 6, [55, 64])):
        world.scene(name, f"2023-05-{day:02d}T03:00:00Z")
        path = sorted(world.items.glob("*.json"))[-1]
        entry = json.loads(path.read_text())
        entry["assets"]["red"]["proj:shape"] = shape
        path.write_text(json.dumps(entry))
        write_tif(world.root / f"data/{name}/red.tif", numbers()[:56], 10, nodata=0)
    chips, table = fetched(world)
    assert table.status.to_dict() == {"swapped": "ok", "more": "failed"} and "56 x 64 pixels, the item declares 55 x 64" in table.reason["more"]
    assert np.array_equal(read_role(chips["swapped"], "red", GROUND)[:56], numbers()[:56])


def with_scale(path, scale: float, offset: float) -> None:
    with rasterio.open(path, "r+") as data:
        data.scales, data.offsets = (scale,), (offset,)


def test_a_scale_in_the_file_must_be_the_tables(world):
    for name, day in (("same", 1), ("percent", 6)):
        world.scene(name, f"2023-05-{day:02d}T03:00:00Z")
    with_scale(world.root / "data/same/red.tif", 1e-4, -0.1)  # the offset is decided from the pixels, whatever the file says
    with_scale(world.root / "data/percent/red.tif", 0.01, 0)
    _, table = fetched(world)
    assert table.status.to_dict() == {"same": "ok", "percent": "failed"}
    assert "the file says scale 0.01 and offset 0, the sensor table says 0.0001" in table.reason["percent"]


@pytest.mark.parametrize("declared", [None, 65535])
def test_the_tables_nodata_holds_where_the_file_names_another_or_none(world, declared):
    world.scene("s", "2023-05-01T03:00:00Z")
    values = numbers()
    values[:5] = 0
    write_tif(world.root / "data/s/red.tif", values, 10, nodata=declared)
    chips, _ = fetched(world)
    assert np.array_equal(read_role(chips["s"], "red", GROUND), values)
    red = reflectance(read_role(chips["s"], "red", GROUND), 1e-4, 0.0)
    assert np.isnan(red[:5]).all() and np.isfinite(red[5:]).all()


LANDSAT = "planetary-computer-landsat-c2-l2"


def landsat(world, name: str, day: int, dn: int) -> dict:
    assets = {}
    for asset in ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel"):
        path = world.root / f"data/{name}/{asset}.tif"
        write_tif(path, np.full((22, 22), 21824 if asset == "qa_pixel" else dn, "uint16"), 30, nodata=1 if asset == "qa_pixel" else 0)
        assets[asset] = str(path)
    return world.add(item(name, f"2023-05-{day:02d}T02:50:00Z", assets, "landsat-c2-l2", platform="landsat-8"))


def test_a_fixed_offset_in_the_file_must_be_the_tables(world):
    for name, day, said in (("same", 1, (2.75e-5, -0.2)), ("other", 6, (2.75e-5, 0)), ("silent", 11, (1, 0)), ("numbers", 16, (1, -1000))):
        landsat(world, name, day, 9000)
        with_scale(world.root / f"data/{name}/red.tif", *said)
    _, table = fetched(world, sensor=LANDSAT)
    assert table.status.to_dict() == {"same": "ok", "other": "failed", "silent": "ok", "numbers": "failed"}
    assert "the file says scale 2.75e-05 and offset 0, the sensor table says 2.75e-05 and -0.2" in table.reason["other"]


def test_numbers_of_another_collection_are_no_empty_scene(world):
    """Collection 1 of Landsat has the scale of MODIS: 0.05 to 0.3 are 500 to 3000, all below what Collection 2 calls valid."""
    landsat(world, "collection-1", 1, 1200)
    landsat(world, "collection-2", 6, 9000)
    _, table = fetched(world, sensor=LANDSAT)
    assert table.status.to_dict() == {"collection-1": "failed", "collection-2": "ok"}
    assert "numbers from 1200 to 1200, valid by the sensor table are 6546 to 50909" in table.reason["collection-1"]


def radar(world, name: str, day: int, values: np.ndarray) -> None:
    write_tif(world.root / f"data/{name}/vv.tif", values, 10, nodata=-32768 if values.dtype.kind == "f" else 0)
    world.add(item(name, f"2023-05-{day:02d}T22:00:00Z", {"vv": str(world.root / f"data/{name}/vv.tif")}, "sentinel-1-rtc", platform="SENTINEL-1A"))


def test_radar_in_another_unit_is_refused_by_name(world):
    rng = np.random.default_rng(3)
    power = rng.gamma(4, 0.02, (64, 64)).astype("float32")
    power[0, 0] = -0.003  # noise was taken away
    radar(world, "power", 1, power)
    radar(world, "decibels", 2, 10 * np.log10(np.abs(power)))
    radar(world, "city", 3, np.where(np.arange(64) < 60, 6.0, -3.0).astype("float32") * np.ones((64, 1), "float32"))
    radar(world, "amplitude", 4, (np.sqrt(np.abs(power)) * 1000).astype("float32"))
    radar(world, "whole", 5, (np.sqrt(np.abs(power)) * 1000).astype("uint16"))
    chips, table = fetched(world, sensor=RADAR)
    assert table.status.to_dict() == {"power": "ok", "decibels": "failed", "city": "failed", "amplitude": "failed", "whole": "failed"}
    assert table.reason[["decibels", "city"]].str.contains("decibels, the sensor table says linear power").all()
    assert "amplitudes or digital numbers, the sensor table says linear power" in table.reason["amplitude"]
    assert "numbers of type uint16, the sensor table says float32" in table.reason["whole"]
    assert np.allclose(gamma0_power(read_role(chips["power"], "vv", GROUND))[5:], power[5:], rtol=0.01, atol=1e-5)


def test_radar_whose_item_says_another_unit_is_skipped(world):
    radar(world, "power", 1, np.full((64, 64), 0.1, "float32"))
    radar(world, "decibels", 2, np.full((64, 64), 3.0, "float32"))
    path = sorted(world.items.glob("*.json"))[-1]
    entry = json.loads(path.read_text())
    entry["assets"]["vv"]["raster:bands"] = [{"unit": "dB"}]
    path.write_text(json.dumps(entry))
    settings = world.settings(sources=[{"sensor": RADAR, "catalog": str(world.items)}])
    search(settings)
    scenes = {s.scene_id: s for s in read_ledger(Layout(settings.root).scenes)}
    assert (scenes["power"].status, scenes["decibels"].status) == ("used", "skipped")
    assert scenes["decibels"].reason == "raster:bands says dB, the sensor table means linear power"


@pytest.mark.parametrize(("href", "driver"), [
    ("https://x.org/B02.tif", "GTiff"), ("s3://eodata/S2A.SAFE/GRANULE/IMG_DATA/R10m/T50SMJ_B02_10m.jp2", "JP2OpenJPEG"),
    ("https://zipper.example.org/odata/v1/Products(1)/Nodes(T50SMJ_B02_10m.jp2)/$value", "JP2OpenJPEG"), ("/a/x.JP2", "JP2OpenJPEG"), ("/a/jp2/x.tif", "GTiff"),
])  # fmt: skip
def test_the_driver_follows_from_the_name(href, driver):
    assert driver_of(href) == driver


@pytest.mark.parametrize("missing", [False, True])
def test_a_bucket_is_read_with_the_keys_of_the_environment(tmp_path, monkeypatch, missing):
    """As Copernicus Data Space serves JPEG 2000: its own endpoint, keys of an account, the bucket in the path."""
    values = np.arange(64 * 64, dtype="uint16").reshape(64, 64)
    about = {"width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": "EPSG:32650", "transform": Affine(10, 0, 500_000, 0, -10, 4_400_000)}
    with rasterio.open(tmp_path / "B04_10m.jp2", "w", driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES", **about) as out:
        out.write(values, 1)
    with served([], tmp_path) as server:
        keys = {
            "AWS_S3_ENDPOINT": server.url.removeprefix("http://"),
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        for name, value in keys.items():
            monkeypatch.setenv(name, value)
        href = f"s3://files/{'none' if missing else 'B04_10m'}.jp2"
        if missing:
            with pytest.raises(rasterio.errors.RasterioIOError, match="does not exist|404"), open_raster(href, "none", FetchSection(retries=0), 10):
                pass
        else:
            with open_raster(href, "none", FetchSection(retries=0), 10) as dataset:
                assert np.array_equal(dataset.read(1), values)
        assert server.seen + server.probes
