"""Surface temperature of Landsat: read where it is asked for and the item has it, and never else."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from rs_pipeline.catalog import fetch as fetching
from rs_pipeline.catalog.chips import load_chips, read_role
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.items import read_item
from rs_pipeline.catalog.search import search
from rs_pipeline.config import HeatSection, SourceSection
from rs_pipeline.layout import Layout
from rs_pipeline.model import THERMAL_BANDS, Grid
from rs_pipeline.radiometry.thermal import thermal_numbers
from rs_pipeline.sensors import load_sensor
from tests.catalog.conftest import item, make_grid, write_tif
from tests.catalog.test_items import recorded

SENSOR = "planetary-computer-landsat-c2-l2"
SUMMER = ("06-01", "08-31")
ALWAYS = ("01-01", "12-31")
ASSETS = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat", "lwir11", "qa")


def landsat(when: str = "2023-07-05T03:00:00Z", **changes) -> dict:
    properties = {"platform": "landsat-8", "landsat:wrs_path": "122", "landsat:wrs_row": "033", "eo:cloud_cover": 5.0}
    entry = item(f"LC08_L2SP_122033_{when[:10].replace('-', '')}_02_T1", when, {n: f"https://1.1.1.1/{n}.tif" for n in ASSETS}, "landsat-c2-l2", **properties)
    bands = {"lwir11": {"scale": 0.00341802, "offset": 149.0, "nodata": 0}, "qa": {"scale": 0.01, "nodata": -9999}}
    for name, band in (bands | changes).items():
        if band is None:
            del entry["assets"][name]
        else:
            entry["assets"][name]["raster:bands"] = [band]
    return entry


def read(entry: dict, window=SUMMER):
    return read_item(entry, SourceSection(sensor=SENSOR, catalog="x"), load_sensor(SENSOR), ("https",), window).scene


def thermal_roles(scene) -> set[str]:
    return set(scene.assets) & set(THERMAL_BANDS)


def test_a_summer_scene_has_temperatures_and_plain_reflectance():
    scene = read(landsat())
    assert thermal_roles(scene) == set(THERMAL_BANDS) and (scene.status, scene.scale, scene.offset) == ("used", 0.0000275, -0.2)


@pytest.mark.parametrize(
    ("entry", "window"),
    [
        (landsat(), None),
        (landsat("2023-05-31T03:00:00Z"), SUMMER),
        (landsat(qa=None), SUMMER),
        (landsat(lwir11=None), SUMMER),
        (landsat(lwir11={"scale": 0.1, "offset": 0.0}), SUMMER),
        (landsat(qa={"scale": 1.0}), SUMMER),
    ],
    ids=["not asked for", "in May", "no ST_QA", "no ST", "another scale", "another scale of ST_QA"],
)
def test_else_the_scene_is_used_without_them(entry, window):
    scene = read(entry, window)
    assert scene.status == "used" and not thermal_roles(scene) and {"red", "mask", "saturation"} <= set(scene.assets)


def test_an_href_of_temperature_that_is_not_allowed_harms_nobody_who_did_not_ask():
    entry = landsat()
    entry["assets"]["lwir11"]["href"] = "ftp://x.org/st.tif"
    assert read(entry, None).status == "used"
    assert read(entry).reason == "href scheme 'ftp' is not allowed (sources.schemes allows https)"


def test_real_items_have_temperatures_unless_they_are_of_reflectance_alone(real_data):
    counts = {"L2SP": 0, "L2SR": 0}
    for _, sensor, entry in recorded(real_data):
        if "landsat" not in sensor:
            continue
        source = SourceSection(sensor=sensor, catalog="x", max_cloud_cover=100, quality=["T1", "T2", "RT"])
        scene = read_item(entry, source, load_sensor(sensor), ("https", "s3"), ALWAYS).scene
        level = entry["id"].split("_")[1]
        counts[level] += 1
        assert scene.status == "used" and thermal_roles(scene) == (set(THERMAL_BANDS) if level == "L2SP" else set()), entry["id"]
    assert min(counts.values()) > 5


def test_numbers_of_both_bands_in_chips():
    assert thermal_numbers(np.array([0, 1, 44947, 65535], "uint16")).tolist() == [0, 1, 44947, 65535]
    found = thermal_numbers(np.array([-9999, 0, 215], "int16"))
    assert found.tolist() == [0, 0, 215] and found.dtype == np.uint16


def scenes_on_disk(world, **files: np.ndarray) -> dict:
    """A Landsat scene of 640 m in the folder of the world; ``files`` replaces assets."""
    folder, n = world.root / "data" / "l", 21
    plain = {name: np.full((n, n), 21_824 if name == "qa_pixel" else 0 if name == "qa_radsat" else 12_000, "uint16") for name in ASSETS}
    plain |= {"lwir11": np.full((n, n), 44_947, "uint16"), "qa": np.full((n, n), 215, "int16")}
    for name, values in (plain | files).items():
        write_tif(folder / f"{name}.tif", values, 30, nodata={"qa": -9999, "qa_pixel": 1}.get(name, 0))
    entry = landsat()
    for name in ASSETS:
        entry["assets"][name]["href"] = str(folder / f"{name}.tif")
    return world.add(entry)


def run_of(world, heat: HeatSection | None):
    settings = world.settings(sources=[{"sensor": SENSOR, "catalog": str(world.items)}])
    settings = settings.model_copy(update={"heat": heat})
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    return settings, tile


def test_chips_hold_temperatures_and_fill_as_nothing(world):
    st, qa = np.full((21, 21), 44_947, "uint16"), np.full((21, 21), 215, "int16")
    st[3, 4], qa[3, 4] = 0, -9999
    scenes_on_disk(world, lwir11=st, qa=qa)
    settings, tile = run_of(world, HeatSection())
    (chip,) = load_chips(settings, tile, "2023")
    native = Grid("EPSG:32650", 30.0, 500_000.0, 4_400_000.0, 21, 21)
    temperature, error = (read_role(chip, role, native) for role in THERMAL_BANDS)
    assert temperature[3, 4] == error[3, 4] == 0 and np.unique(temperature).tolist() == [0, 44_947] and np.unique(error).tolist() == [0, 215]
    assert read_role(chip, "red", native)[3, 4] == 12_000, "ground without a temperature keeps its reflectance"


def test_a_run_without_heat_has_the_chips_it_had(world, monkeypatch):
    """No thermal band is read, and what a chip is made from does not mention them: chips of runs before are kept."""
    scenes_on_disk(world)
    opened = []
    plain = fetching.read_clipped
    monkeypatch.setattr(fetching, "read_clipped", lambda scene, band, *rest: opened.append(band.role) or plain(scene, band, *rest))
    settings, tile = run_of(world, None)
    (chip,) = load_chips(settings, tile, "2023")
    assert not set(opened) & set(THERMAL_BANDS) and not thermal_roles(chip.scene) and set(chip.files) == set(opened)
    tags = fetching._tags(chip.scene, Grid("EPSG:32650", 10.0, 0.0, 0.0, 4, 4), 0.0)
    before = load_sensor(SENSOR).without(THERMAL_BANDS)
    monkeypatch.setattr(fetching, "load_sensor", lambda name: before)
    assert fetching._tags(chip.scene, Grid("EPSG:32650", 10.0, 0.0, 0.0, 4, 4), 0.0) == tags


def test_kelvin_in_fractions_are_refused(world):
    scenes_on_disk(world, lwir11=np.full((21, 21), 302.6, "float32"))
    settings, _ = run_of(world, HeatSection())
    with rasterio.open(world.root / "data/l/lwir11.tif") as src:
        assert src.dtypes == ("float32",)
    manifest = fetching.read_manifest(Layout(settings.root).chips("2023", "r000c000"))
    assert manifest[0].status == "failed" and "surface temperature of type float32, 16-bit numbers of Collection 2 are needed" in manifest[0].reason


def test_real_temperatures_are_those_of_the_file(real_settings, real_data):
    """A real scene of May 2021, decimated: numbers are copied, and ST_QA is largest near clouds."""
    settings = real_settings("landsat_098084_quadrants.geojson", SENSOR, [2021], 1000, crs="EPSG:32653")
    settings = settings.model_copy(update={"heat": HeatSection(window=ALWAYS)})
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2021")
    (chip,) = load_chips(settings, tile, "2021")
    folder = real_data / "catalog/landsat-c2-l2/LC08_L2SP_098084_20210503_02_T1"
    for role, name in zip(THERMAL_BANDS, ("ST_B10", "ST_QA"), strict=True):
        with rasterio.open(next(folder.glob(f"*_{name}.tif"))) as source:
            stored = source.read(1)
        path, band = chip.files[role]
        with rasterio.open(path) as made:
            found = made.read(band)
        assert set(np.unique(found)) - {0} <= set(np.unique(stored)) and found.any()
