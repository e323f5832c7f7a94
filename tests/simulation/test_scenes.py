"""Rendered scenes: reflectance in range, masks that err a little, geometry of sun and shadows."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import ndimage

from rs_pipeline.simulation import scenes, weather
from rs_pipeline.simulation.materials import Material
from rs_pipeline.simulation.plan import ScenePlan, plan_scenes
from rs_pipeline.simulation.world import make_world

SUMMER = ScenePlan(4, "sentinel-2", "sentinel-2b", datetime(2025, 8, 15, 2, 50, tzinfo=UTC))


@pytest.fixture(scope="module")
def world():
    return make_world(3, (2025,), (180, 150))


@pytest.fixture(scope="module")
def views(world):
    return scenes.make_views(world, 2025)


def refl(scene: scenes.Rendered, role: str) -> np.ndarray:
    return scene.rasters[role][0] * 1e-4 - 0.1


def test_summer_scene_looks_like_land_and_water(world, views):
    scene = scenes.render_sentinel2(world, views, SUMMER)
    sea = world.to_grid(world.sea_cover(SUMMER.when.date(), scene.tide_m))
    deep, field = sea == 1, world.to_grid(world.fraction(world.materials(2025), Material.WHEAT_MAIZE)) == 1
    deep = ndimage.binary_erosion(deep, iterations=3)
    ndvi = (refl(scene, "nir") - refl(scene, "red")) / (refl(scene, "nir") + refl(scene, "red"))
    assert np.median(ndvi[field]) > 0.75
    assert np.median(refl(scene, "green")[deep]) > 0.03
    swir1 = np.kron(refl(scene, "swir1"), np.ones((2, 2)))
    assert np.percentile(swir1[deep], 99) < 0.03
    classes = np.kron(scene.rasters["mask"][0], np.ones((2, 2)))
    assert np.mean(classes[deep] == 6) > 0.99 and np.mean(classes[field] == 4) > 0.9
    assert scene.cloud_percent == 0


def test_removed_offset_lowers_the_numbers_by_1000(world, views):
    with_offset = scenes.render_sentinel2(world, views, SUMMER).rasters["red"][0].astype(int)
    without = scenes.render_sentinel2(world, views, replace(SUMMER, offset_in_pixels=False)).rasters["red"][0].astype(int)
    positive = without > 1
    assert positive.mean() > 0.95
    assert set(np.unique((with_offset - without)[positive])) == {1000}


def test_a_rising_tide_darkens_the_beach(world, views):
    low, high = (scenes.blur(world, world.sea_cover(SUMMER.when.date(), t), views[10].grid) for t in (-0.6, 0.6))
    assert (high >= low - 1e-6).all()
    # 1.2 m of tide on slopes of 0.025 to 0.04 moves the line by 30 to 48 m along some half of the coast
    gained_m2 = float((high - low).sum()) * 100
    natural = sum(min(s.stop_m, world.coast.length_m) - max(s.start_m, 0) for s in world.coast.sections if np.isfinite(s.slope))
    assert 30 * natural * 0.8 < gained_m2 < 48 * natural * 1.2


def test_clouds_are_bright_and_mostly_masked(world, views):
    scene = scenes.render_sentinel2(world, views, replace(SUMMER, cloud_cover=0.5))
    blue = refl(scene, "blue").reshape(75, 2, 90, 2).mean(axis=(1, 3))
    masked = np.isin(scene.rasters["mask"][0], (8, 9, 10))
    assert 40 < scene.cloud_percent < 65
    assert np.median(blue[masked]) > 0.4
    assert 0 < np.mean(~masked[blue > 0.45]) < 0.15, "the mask must miss some cloud, but not much"


def test_wedge_is_nodata_in_every_band(world, views):
    scene = scenes.render_sentinel2(world, views, replace(SUMMER, wedge=True))
    hole = scene.rasters["mask"][0] == 0
    assert 0.1 < hole.mean() < 0.6
    for role in ("red", "nir"):
        np.testing.assert_array_equal(scene.rasters[role][0] == 0, np.kron(hole, np.ones((2, 2), dtype=bool)))
    np.testing.assert_array_equal(scene.rasters["swir1"][0] == 0, hole)


def test_tall_buildings_shade_the_streets_more_in_the_infrared_than_in_the_blue():
    city = make_world(3, (2025,), (180, 150), "city")
    views = scenes.make_views(city, 2025)
    winter = replace(SUMMER, when=datetime(2025, 12, 15, 2, 50, tzinfo=UTC))
    scene = scenes.render_sentinel2(city, views, winter)
    light = scenes.blur(city, city.direct_light(2025, scene.sun), views[10].grid)
    ground = city.materials(2025)
    road = city.to_grid(city.fraction(ground, Material.ROAD) + city.fraction(ground, Material.BUILT)) > 0.9
    dark, lit = road & (light < 0.3), road & (light > 0.9)
    assert dark.sum() > 50 and lit.sum() > 50
    ratio = {role: np.median(refl(scene, role)[dark]) / np.median(refl(scene, role)[lit]) for role in ("blue", "nir")}
    assert ratio["nir"] < 0.6 and ratio["nir"] < ratio["blue"] - 0.1


def test_hills_shade_their_far_side():
    hills = make_world(3, (2025,), (180, 150), "mountain")
    low, high = hills.direct_light(2025, (26.0, 160.0)), hills.direct_light(2025, (70.0, 160.0))
    assert (low == 0).mean() > 0.02 and low.max() > 1.3
    assert (high == 0).mean() < 0.5 * (low == 0).mean()


def test_bright_surroundings_leak_into_dark_pixels():
    surface = np.full((1, 200, 200), 0.30, dtype="float32")
    surface[:, 80:120, 80:120] = 0.02
    around = scenes.adjacency_refl(surface, 10.0)
    assert around.shape == surface.shape
    # far from the pond all is land; over it the kernel of 700 m sees mostly land
    assert around[0, 5, 5] == pytest.approx(0.30, abs=0.01) and 0.2 < around[0, 100, 100] < 0.30


def test_landsat_grid_and_quality_bits(world, views):
    plan = ScenePlan(2, "landsat", "landsat-9", datetime(2025, 8, 10, 2, 44, tzinfo=UTC), cloud_cover=0.3)
    scene = scenes.render_landsat(world, views, plan)
    _, grid = scene.rasters["red"]
    assert (grid.left % 30, grid.top % 30) == (15, 15)
    assert grid.left <= world.grid.left and grid.bounds[2] >= world.grid.bounds[2]
    bits = scene.rasters["mask"][0]
    assert set(np.unique(bits)) <= {21824, 21952, 22280, 21890, 21762, 23888, 54596, 30048}
    near_cloud = ndimage.binary_dilation(bits == 22280, iterations=1) & (bits != 22280)
    assert np.isin(bits[near_cloud], (21890, 21762)).all()
    assert abs(np.median(scene.rasters["red"][0][bits == 21952] * 2.75e-5 - 0.2) - 0.06) < 0.05


def test_radar_water_is_dark_and_speckled(world, views):
    scene = scenes.render_sentinel1(world, views, ScenePlan(1, "sentinel-1", "sentinel-1a", datetime(2025, 5, 1, tzinfo=UTC)))
    vv, _ = scene.rasters["vv"]
    assert vv.dtype == np.float32 and vv.min() > 0
    deep = ndimage.binary_erosion(world.to_grid(world.sea_cover(datetime(2025, 5, 1).date(), 0.0)) == 1, iterations=8)
    assert 10 * np.log10(vv[deep].mean()) < -14
    # speckle: variance is mean squared / looks
    assert vv[deep].mean() ** 2 / vv[deep].var() == pytest.approx(scenes.ENL, rel=0.15)


def test_radar_scene_ends_in_a_strip_of_noise(world, views):
    scene = scenes.render_sentinel1(world, views, ScenePlan(1, "sentinel-1", "sentinel-1a", datetime(2025, 5, 1, tzinfo=UTC), wedge=True))
    vv, _ = scene.rasters["vv"]
    outside = vv == scenes.NO_RADAR
    strip = ~outside & ndimage.binary_dilation(outside, iterations=scenes.BORDER_NOISE_PX)
    assert 0.1 < outside.mean() < 0.6 and np.median(vv[strip]) < 1e-4 < np.median(vv[~strip & ~outside])


@pytest.mark.parametrize(
    "when, elevation, azimuth",
    [
        # Solar noon at longitude 120 E near the equinox is 12:07 local: elevation is about 90 - latitude, azimuth south
        (datetime(2023, 3, 21, 4, 7, tzinfo=UTC), 51.0, 180.0),
        # Summer solstice noon: 90 - 39 + 23.4
        (datetime(2023, 6, 21, 4, 2, tzinfo=UTC), 74.4, 180.0),
    ],
)
def test_sun_angles(when, elevation, azimuth):
    found = weather.sun_angles(when, 120.0, 39.0)
    assert found[0] == pytest.approx(elevation, abs=0.5)
    assert found[1] == pytest.approx(azimuth, abs=2.0)


def test_morning_sun_casts_shadows_to_the_north_west():
    sun = weather.sun_angles(datetime(2025, 8, 15, 2, 50, tzinfo=UTC), 118.9, 39.1)
    east, north = weather.shadow_offset_m(1000, *sun)
    assert east < 0 < north


def test_small_shift_moves_an_edge_without_blur():
    image = np.tile(np.arange(10.0, dtype="float32"), (5, 1))
    moved = scenes.shift_image(image, 0.0, 0.3)
    np.testing.assert_allclose(moved[:, 2:-2], image[:, 2:-2] - 0.3, atol=1e-6)


def test_rounded_mantissa_keeps_values():
    values = np.array([1.0, 0.0123456, 345.678], dtype="float32")
    rounded = scenes.round_mantissa(values, 6)
    np.testing.assert_allclose(rounded, values, rtol=2**-7)
    assert rounded[0] == 1.0
    assert (rounded.view("uint32") & 0x1FFFF == 0).all()


def test_plan_has_the_faults_of_real_catalogs():
    plans = plan_scenes(1, (2023, 2024, 2025))
    s2 = [p for p in plans if p.family == "sentinel-2"]
    assert len(s2) == 110 and sum(p.family == "sentinel-1" for p in plans) == 91
    assert 0.3 < np.mean([p.cloud_cover < 0.08 for p in s2]) < 0.6
    wrong = [p for p in s2 if p.wrong_flag]
    assert sum(p.offset_flagged is None for p in s2) == 2
    assert {p.offset_in_pixels for p in wrong} == {True, False} and len(wrong) == 3
    assert sum(p.corrupt for p in s2) == 1 and sum(p.duplicate for p in s2) == 2
    assert plans == plan_scenes(1, (2023, 2024, 2025)) != plan_scenes(2, (2023, 2024, 2025))
