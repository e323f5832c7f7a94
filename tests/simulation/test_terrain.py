"""Sunlight on hills and behind walls, worked by hand."""

import numpy as np
import pytest

from rs_pipeline.simulation import terrain


def test_a_wall_throws_a_shadow_of_its_height_at_45_degrees():
    heights = np.zeros((9, 9), dtype="float32")
    heights[:, 6] = 19.0
    # sun in the east at 45 degrees: 19 m of shadow to the west, the centres of three pixels of 5 m
    shadow = terrain.cast_terrain_shadow(heights, 5.0, 45.0, 90.0)
    np.testing.assert_array_equal(shadow[4], [False, False, False, True, True, True, False, False, False])


def test_sun_in_the_south_shades_to_the_north():
    heights = np.zeros((9, 9), dtype="float32")
    heights[6, :] = 12.0
    shadow = terrain.cast_terrain_shadow(heights, 5.0, 45.0, 180.0)
    np.testing.assert_array_equal(shadow[:, 4], [False, False, False, False, True, True, False, False, False])


@pytest.mark.parametrize(
    "azimuth, wanted",
    [
        # plane rising 1 m a metre to the east, sun at 45 degrees: from the west it strikes at a right angle, 1 / sin 45; from the
        # east it grazes; from the south cos i is sin 45 cos 45
        (270.0, np.sqrt(2)), (90.0, 0.0), (180.0, np.sqrt(0.5)),
    ],
)  # fmt: skip
def test_light_on_a_slope(azimuth, wanted):
    plane = np.tile(np.arange(5.0) * 10, (5, 1))
    assert terrain.incidence(plane, 10.0, 45.0, azimuth)[2, 2] == pytest.approx(wanted, abs=1e-6)


def test_hills_are_flat_at_the_water_and_rise_from_it():
    water = np.zeros((60, 60), dtype=bool)
    water[:, :5] = True
    dem = terrain.hills(water, 10.0, 300.0, np.zeros((60, 60)))
    assert dem[:, :7].max() == 0.0 and (np.diff(dem[30]) >= 0).all()
    # 540 m away: 300 (1 - exp(-510 / 550)) = 181
    assert dem[30, 4 + 54] == pytest.approx(300 * (1 - np.exp(-510 / 550)), rel=1e-5)


def test_level_open_ground_is_fully_lit():
    flat = np.zeros((6, 6), dtype="float32")
    np.testing.assert_array_equal(terrain.direct_light(flat, flat, 5.0, (30.0, 150.0)), 1.0)
