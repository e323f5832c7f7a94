"""The landscape with cordgrass, and that it leaves other worlds as they are."""

import numpy as np
import pytest
from shapely.geometry import box

from rs_pipeline.simulation.landscape import Stand
from rs_pipeline.simulation.materials import PHENOLOGY, SHORE_PLANTS, Material, draw_palette, emerged_share, green_cover, plant_cover
from rs_pipeline.simulation.world import make_world

APRIL, MAY_END, AUGUST, NOVEMBER, JANUARY = 105, 151, 227, 309, 15


@pytest.fixture(scope="module")
def world():
    return make_world(71, (2024, 2025), (180, 150), "cordgrass")


def test_cordgrass_is_green_later_than_what_grows_beside_it(world):
    cover = {m: green_cover(world.palette, m, np.array([APRIL, AUGUST, NOVEMBER, JANUARY]), 0) for m in (Material.CORDGRASS, Material.REED, Material.SEEPWEED)}
    april, august, november, january = cover[Material.CORDGRASS]
    assert april < 0.1 < november < august and january < 0.05
    assert november > 1.5 * max(cover[m][2] for m in (Material.REED, Material.SEEPWEED))


def test_it_grows_on_the_flat_landward_of_mean_sea_level(world):
    ground, land = world.materials(2024), world.landcover(2024)
    assert (ground == Material.CORDGRASS).sum() == (land == Material.CORDGRASS).sum() > 0
    assert {Material.SEEPWEED, Material.ALGAL_MUD, Material.EVERGREEN, Material.POND} <= {Material(m) for m in np.unique(ground)}
    assert Material.CORDGRASS not in make_world(7, (2024,), (120, 90), "mudflat").materials(2024)


def test_a_stand_grows_outward_until_it_is_removed():
    stand = Stand(Material.CORDGRASS, box(0, 0, 100, 100), growth_m_yr=5.0, until=2026)
    assert stand.outline(2024, 2024).area == 10_000 and stand.outline(2025, 2024).bounds == (-5, -5, 105, 105)
    assert stand.outline(2026, 2024).is_empty


def test_the_tide_covers_a_stand_only_up_to_its_height(world):
    depth = np.array([0.0, 0.75, 1.5, 3.0])
    cover = float(plant_cover(world.palette, Material.CORDGRASS, AUGUST, 0))
    np.testing.assert_allclose(emerged_share(world.palette, Material.CORDGRASS, depth, AUGUST, 0), cover * np.array([1, 0.5, 0, 0]), atol=1e-9)
    assert not emerged_share(world.palette, Material.ALGAL_MUD, depth, AUGUST, 0).any()


def test_shore_plants_have_a_stream_of_their_own():
    one, two = (np.random.default_rng([5, 4]) for _ in range(2))
    palette = draw_palette(one)
    assert draw_palette(two).seasons == palette.seasons and set(palette.seasons) == set(PHENOLOGY)
    # the draws of the other materials are those of the worlds before there were shore plants
    assert palette.seasons[Material.REED][0].start == pytest.approx(126.28358753583592, abs=1e-9)
    assert one.random() == pytest.approx(0.12071678077073644, abs=1e-12)
    other = draw_palette(np.random.default_rng([6, 4])).seasons
    assert all(other[m] != palette.seasons[m] for m in SHORE_PLANTS)
