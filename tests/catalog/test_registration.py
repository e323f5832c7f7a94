"""Displaced scenes through search and fetch: measured, moved back, refused, told."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from rs_pipeline.catalog import registration
from rs_pipeline.catalog import search as search_module
from rs_pipeline.catalog.chips import load_chips, read_stack
from rs_pipeline.catalog.clip import ClippedBand
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.registration import Displacement, interpolated, settled, windows
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError, RemoteError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, item, make_grid, write_tif

FIELDS = np.kron(np.random.default_rng(2).integers(800, 3500, (11, 11)), np.ones((6, 6)))[:64, :64]
GRID = Grid(CRS, 10.0, LEFT, TOP, 64, 64)


def scene(world, day: int, east_m=0.0, north_m=0.0, **properties):
    """Fields of 60 m, as bright as the day says, whose files say that they lie elsewhere."""
    key = f"s{day:02d}"
    world.scene(key, f"2023-05-{day:02d}T03:00:00Z", **properties)
    for name, step in S2_ASSETS.items():
        if name != "scl":
            k = step // 10
            write_tif(
                world.root / f"data/{key}/{name}.tif",
                (FIELDS[::k, ::k] * (1 + 0.01 * day)).astype("uint16"),
                step,
                left=LEFT + east_m,
                top=TOP + north_m,
                nodata=0,
            )


def found(world, **changes):
    settings = world.settings(**changes)
    search(settings)
    return settings, {s.scene_id: s for s in read_ledger(Layout(settings.root).scenes)}


def test_a_displaced_scene_is_moved_back(world, capsys):
    for day in range(1, 9):
        scene(world, day, *((30, -20) if day == 3 else (0, 0)))
    settings, scenes = found(world)
    moved = scenes["s03"]
    assert (moved.displaced_x_m, moved.displaced_y_m) == pytest.approx((30, -20), abs=1)
    assert (moved.moved_x_m, moved.moved_y_m) == (round(-moved.displaced_x_m, 1), round(-moved.displaced_y_m, 1))
    assert moved.registration.startswith("moved back: lay ") and "1 scenes were displaced from the others" in " ".join(capsys.readouterr().err.split())
    assert all(s.moved_x_m == 0 and abs(s.displaced_x_m) < 1 and s.registration.startswith("in place") for k, s in scenes.items() if k != "s03")
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    red = read_stack(load_chips(settings, tile, "2023"), ["red"], GRID)[:, 0, 8:-8, 8:-8].astype(float)
    expected = FIELDS[8:-8, 8:-8]
    assert np.median(np.abs(red[2] / 1.03 - expected)) < 20 and np.abs(red[3] / 1.04 - expected).max() < 2


def test_without_registration_nothing_is_moved(world):
    for day in range(1, 8):
        scene(world, day, 30 if day == 3 else 0)
    _, scenes = found(world, search={"register_scenes": False})
    assert all(s.displaced_x_m is None and s.moved_x_m == 0 and s.registration == "" for s in scenes.values())


def test_few_dates_or_a_flat_ground_are_not_measured(world):
    for day in range(1, 8):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    _, scenes = found(world)
    assert {s.status for s in scenes.values()} == {"used"} and all(s.registration.startswith("not measured") for s in scenes.values())


@pytest.fixture
def one(world):
    scene(world, 1)
    return found(world, search={"register_scenes": False})[1]["s01"]


def at(*places):
    return [Displacement(*p) for p in places]


@pytest.mark.parametrize(
    ("places", "begins", "moved"),
    [
        ([], "not measured: too little", (0, 0)),
        ([(4.9, 0)], "in place: 4.9 m east, 0.0 m north of the other dates (1 of 1 windows)", (0, 0)),
        ([(0, -5.0)], "moved back: lay 0.0 m east, 5.0 m south", (0, 5.0)),
        ([(40, 1), (41, 0), (300, 9)], "moved back: lay 41.0 m east, 1.0 m north of the other dates (2 of 3 windows)", (-41.0, -1.0)),
        ([(0, 0), (40, 0)], "not measured: its windows do not agree (0.0 m east, 0.0 m north; 40.0 m east, 0.0 m north)", (0, 0)),
    ],
)
def test_what_windows_say_together(one, places, begins, moved):
    got = settled(one, at(*places))
    assert got.status == "used" and got.registration.startswith(begins) and (got.moved_x_m, got.moved_y_m) == moved


def test_windows_that_are_displaced_differently_refuse_the_scene(one):
    got = settled(one, at((40, 0), (0, 60)))
    assert got.status == "skipped" and got.reason == "displaced unevenly from the other dates: 40.0 m east, 0.0 m north; 0.0 m east, 60.0 m north"


def test_what_was_measured_is_not_read_again(world, monkeypatch):
    for day in range(1, 9):
        scene(world, day, *((30, 0) if day == 3 else (0, 0)))
    _, first = found(world)
    scene(world, 9, 0, -40)
    read, edges = [], registration._edges
    monkeypatch.setattr(registration, "_edges", lambda s, *more: read.append(s.scene_id) or edges(s, *more))
    _, second = found(world)
    assert {k: second[k] for k in first} == first and (second["s09"].displaced_x_m, second["s09"].displaced_y_m) == pytest.approx((0, -40), abs=1)
    read.clear()
    found(world)
    assert not read
    scene_file = world.root / "data/s03/nir.tif"
    with rasterio.open(scene_file, "r+") as raster:
        raster.transform = Affine.translation(-30, 0) * raster.transform
    _, third = found(world)
    assert read and abs(third["s03"].displaced_x_m) < 1 and third["s03"].moved_x_m == 0
    assert {k: v for k, v in third.items() if k != "s03"} == {k: v for k, v in second.items() if k != "s03"}


def test_a_scene_that_cannot_be_read_for_once_is_measured_by_the_next_search(world, monkeypatch):
    for day in range(1, 9):
        scene(world, day, *((30, 0) if day == 3 else (0, 0)))
    read = registration.read_clipped

    def away(which, *more):
        if which.scene_id == "s03":
            raise RemoteError("the host does not answer; it is not asked again")
        return read(which, *more)

    monkeypatch.setattr(registration, "read_clipped", away)
    _, first = found(world)
    assert (first["s03"].registration, first["s03"].status, first["s03"].moved_x_m) == ("not measured: could not be read", "used", 0)
    assert first["s04"].registration.startswith("in place")
    monkeypatch.setattr(registration, "read_clipped", read)
    _, second = found(world)
    assert second["s03"].moved_x_m < -20 and {k: v for k, v in second.items() if k != "s03"} == {k: v for k, v in first.items() if k != "s03"}


def test_where_a_server_does_not_tell_its_files_apart_places_hold_too(world, monkeypatch):
    for day in range(1, 9):
        scene(world, day, *((30, 0) if day == 3 else (0, 0)))
    _, first = found(world)
    monkeypatch.setattr(search_module, "identified", lambda candidates, limits: candidates)
    read = []
    monkeypatch.setattr(registration, "_edges", lambda s, *_: read.append(s.scene_id))
    _, second = found(world)
    assert second == first and first["s03"].moved_x_m < -20 and not read


def test_real_scenes_lie_within_half_a_pixel_and_a_planted_displacement_is_found(real_data, tmp_path):
    """Eight dates of the Parana; two are displaced in their files."""
    planted = {"S2_PARANA_20240520_L2A": (14, -8), "S2_PARANA_20250609_L2A": (-60, 35)}
    copy = tmp_path / "catalog"
    shutil.copytree(real_data / "catalog/sentinel-2-l2a", copy / "sentinel-2-l2a", ignore=shutil.ignore_patterns("*BARBELLINO*"))
    displaced = tmp_path / "displaced"
    shutil.copytree(copy, displaced)
    for scene_id, (x_m, y_m) in planted.items():
        for path in displaced.glob(f"*/{scene_id}/*.tif"):
            with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
                raster.transform = Affine.translation(x_m, y_m) * raster.transform

    def places(catalog):
        settings = parse(
            {
                "run": catalog.name,
                "output": str(tmp_path / "out"),
                "units": {"path": str(real_data / "regions/parana_zones.geojson")},
                "periods": [2023, 2024, 2025],
                "grid": {"resolution_m": 10},
                "search": {"self_test": False},
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(catalog), "allow_unmasked": True}],
            }
        )
        search(settings)
        return {s.scene_id: np.array([s.displaced_x_m, s.displaced_y_m]) for s in read_ledger(Layout(settings.root).scenes)}

    before, after = places(copy), places(displaced)
    assert len(before) == 8 and max(np.hypot(*d) for d in before.values()) < 5
    for scene_id in before:
        assert np.hypot(*(after[scene_id] - before[scene_id] - planted.get(scene_id, (0, 0)))) < 4, scene_id


def test_windows_lie_over_the_region():
    county = shapely.box(116.0, 38.0, 116.5, 38.4)
    places = windows(county, 10.0)
    assert len(places) == 4 and {g.shape for g in places} == {(256, 256)} and {g.crs for g in places} == {"EPSG:32650"}
    small = windows(shapely.box(116.0, 38.0, 116.001, 38.001), 10.0)
    assert len(small) == 1 and small[0].left % 10 == 0
    province = windows(shapely.box(113.5, 36.1, 119.8, 42.6), 10.0)
    assert 80 <= len(province) <= 120
    ring = county.difference(county.buffer(-0.01))
    assert len(windows(ring, 10.0)) == 1  # the middles lie in the hole


def test_numbers_between_pixels():
    """Pixels of 30 m; a window of 10 m begins at their corner: its centres lie 5, 15 and 25 m in."""
    numbers = np.array([[100, 160], [130, 190]], "uint16")
    piece = ClippedBand("nir", numbers, Affine(30, 0, 0, 0, -30, 0))
    values, known = interpolated(piece, Grid(CRS, 10.0, 0.0, 0.0, 6, 6))
    assert values[1, 1:5].tolist() == [100, 120, 140, 160] and values[1:5, 1].tolist() == [100, 110, 120, 130]
    assert known[1:5, 1:5].all() and not known[0].any() and not known[:, 5].any()
    hole = ClippedBand("nir", np.array([[100, 0], [130, 190]], "uint16"), piece.transform)
    assert interpolated(hole, Grid(CRS, 10.0, 0.0, 0.0, 6, 6))[1][1:5, 1:5].tolist() == [[True, False, False, False]] * 3 + [[True] * 4]


def test_refined_products_of_accepted_quality_are_trusted(one):
    old, new = replace(one, processing_baseline="02.14"), replace(one, processing_baseline="03.01")
    assert registration._trusted([old] * 5 + [new] * 5) == [False] * 5 + [True] * 5
    assert registration._trusted([old] * 5 + [new] * 4) == [True] * 9
    landsat = replace(one, sensor="planetary-computer-landsat-c2-l2", quality="T1", processing_baseline="02_T1")
    assert registration._trusted([new] * 5 + [landsat]) == [True] * 5 + [False]
    assert registration._trusted([landsat, replace(landsat, quality="T2"), replace(landsat, quality="")]) == [True, False, True]


def landsat(world, key, **properties):
    names = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel")
    for name in names:
        write_tif(world.root / f"data/{key}/{name}.tif", np.full((22, 22), 21824 if name == "qa_pixel" else 10000, "uint16"), 30, nodata=0)
    world.add(
        item(key, "2023-05-01T03:00:00Z", {n: str(world.root / f"data/{key}/{n}.tif") for n in names}, "landsat-c2-l2", platform="landsat-8", **properties)
    )


@pytest.mark.parametrize(
    ("key", "properties", "quality", "said"),
    [
        ("LC08_1_T1", {}, "T1", ""),
        ("LC08_1_T2", {}, "T2", "geometric quality T2 (landsat:collection_category): T1 is used; sources.quality says which"),
        ("LC08_1_02_rt", {}, "RT", "geometric quality RT"),
        ("x", {"landsat:collection_category": "t2"}, "T2", "geometric quality T2"),
        ("LC08_1_T1", {"landsat:collection_category": "T2"}, "T2", "geometric quality T2"),
        ("x", {}, "", ""),
    ],
)
def test_only_accepted_quality_is_used(world, key, properties, quality, said):
    scene(world, 1)
    landsat(world, key, **properties)
    source = {"sensor": "planetary-computer-landsat-c2-l2", "catalog": str(world.items)}
    both = [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(world.items)}]
    _, scenes = found(world, sources=[*both, source])
    assert scenes[key].quality == quality and scenes[key].reason.startswith(said) and scenes[key].status == ("skipped" if said else "used")
    _, scenes = found(world, sources=[*both, source | {"quality": ["T1", "T2", "RT"]}])
    assert scenes[key].status == "used"


def test_a_class_that_there_is_not_is_refused(world):
    with pytest.raises(ConfigError, match="quality T3: planetary-computer-landsat-c2-l2 has T1, T2, RT"):
        world.settings(sources=[{"sensor": "planetary-computer-landsat-c2-l2", "catalog": "x", "quality": ["T3"]}])
    with pytest.raises(ConfigError, match="quality T1: hls2-s30 has no classes"):
        world.settings(sources=[{"sensor": "hls2-s30", "catalog": "x", "quality": ["T1"]}])
