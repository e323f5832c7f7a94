"""Distances and local levels beside a waterline, by hand and against plain searches."""

import numpy as np
import pytest
from rs_kernels.waterline import LAND_CORE, WATER_CORE, distance_within, local_levels
from scipy import ndimage


@pytest.mark.parametrize("reach_px", [1, 5, 9])
def test_distances_are_exact_up_to_the_reach(reach_px):
    target = np.random.default_rng(reach_px).random((40, 53)) > 0.97
    every = ndimage.distance_transform_edt(~target).astype("float32")
    assert np.array_equal(distance_within(target, reach_px), np.where(every <= reach_px, every, np.float32(np.inf)))


def test_without_a_target_nothing_is_near():
    assert np.isinf(distance_within(np.zeros((3, 4), bool), 5)).all() and (distance_within(np.ones((3, 4), bool), 5) == 0).all()


def plain_levels(refl, zone, wanted, y, x, radius_px):
    rows, cols = np.ogrid[: refl.shape[0], : refl.shape[1]]
    return refl[(zone == wanted) & ((rows - y) ** 2 + (cols - x) ** 2 <= radius_px**2)]


@pytest.mark.parametrize("seed", range(3))
def test_levels_of_a_moving_disc_are_those_of_each_disc(seed):
    """Numbers of a sensor, 1e-4 apart, as shores here and there; every pixel is visited from another one, near or far, in several strips."""
    rng = np.random.default_rng(seed)
    refl = (rng.integers(-300, 4000, (50, 90)) * 1e-4).astype("float32")
    zone, shore = rng.integers(0, 3, refl.shape).astype("uint8"), rng.random(refl.shape) > 0.95
    shore[20:26] = True
    water, land, spread = local_levels(refl, zone, shore, 7, 3, 4)
    assert np.isnan(water[~shore]).all() and np.isnan(land[~shore]).all()
    for y, x in np.argwhere(shore):
        near, pure = plain_levels(refl, zone, WATER_CORE, y, x, 7), plain_levels(refl, zone, LAND_CORE, y, x, 3)
        assert water[y, x] == np.float32(np.median(near))
        if pure.size < 4:
            assert np.isnan(land[y, x])
            continue
        assert land[y, x] == pytest.approx(np.median(pure), abs=1e-7)
        assert spread[y, x] == pytest.approx(1.4826 * np.median(abs(pure - np.median(pure))), abs=1e-6)


@pytest.mark.parametrize("n_px", [21, 20])
def test_levels_of_any_numbers_are_exact(n_px):
    """Medians of several dates are no numbers of a sensor: several of them, also equal ones, share a bin. Values beyond the bins share the outermost."""
    refl = np.random.default_rng(1).normal(0.03, 1e-4, (n_px, n_px)).astype("float32")
    refl[::3] = 0.03
    refl[:, ::5] = np.random.default_rng(2).uniform(1.2, 1.5, refl[:, ::5].shape)
    zone, shore = np.full(refl.shape, WATER_CORE, "uint8"), np.ones(refl.shape, bool)
    level = local_levels(refl, zone, shore, 6, 1, 4)[0]
    bright = local_levels(refl + np.float32(1.5), zone, shore, 6, 1, 4)[0]
    for y, x in np.ndindex(refl.shape):
        near = plain_levels(refl, zone, WATER_CORE, y, x, 6)
        assert level[y, x] == pytest.approx(np.median(near), abs=1e-8)
        assert bright[y, x] == pytest.approx(np.median(near + np.float32(1.5)), abs=2e-7)


def test_local_levels_by_hand():
    refl = np.array([[0.01, 0.02, 0.03, 0.10, 0.20, 0.30, 0.60]], "float32")
    zone = np.array([[WATER_CORE] * 3 + [0] + [LAND_CORE] * 3], "uint8")
    shore = np.zeros((1, 7), bool)
    shore[0, 3] = True
    water, land, spread = local_levels(refl, zone, shore, 3, 3, 3)
    assert water[0, 3] == pytest.approx(0.02) and land[0, 3] == pytest.approx(0.30)
    assert spread[0, 3] == pytest.approx(1.4826 * 0.1, rel=1e-5)  # deviations .1, 0, .3
    assert np.isnan(water[0, [0, 6]]).all()


def test_too_few_pixels_give_no_level():
    refl = np.array([[0.01, 0.10, 0.30]], "float32")
    zone = np.array([[WATER_CORE, 0, LAND_CORE]], "uint8")
    water, land, spread = local_levels(refl, zone, np.ones((1, 3), bool), 2, 2, 2)
    assert np.isnan(water).all() and np.isnan(land).all() and np.isnan(spread).all()


@pytest.mark.parametrize(("radius_px", "inside"), [(1, 5), (2, 13), (3, 29)])
def test_levels_are_sought_in_a_disc(radius_px, inside):
    """Pixels whose centres lie within 1, 2 and 3 pixels: 5, 13 and 29. One more is too many to ask for."""
    zone, shore = np.full((9, 9), WATER_CORE, "uint8"), np.zeros((9, 9), bool)
    shore[4, 4] = True
    refl = np.full((9, 9), 0.02, "float32")
    levels = [local_levels(refl, zone, shore, radius_px, 1, asked)[0][4, 4] for asked in (inside, inside + 1)]
    assert levels[0] == pytest.approx(0.02) and np.isnan(levels[1])


def test_a_disc_ends_at_the_border_of_the_map():
    """In the upper left corner a quarter of the disc of 13 is left, with both its edges: 6 pixels; likewise in the lower right."""
    zone, refl = np.full((5, 5), WATER_CORE, "uint8"), np.full((5, 5), 0.02, "float32")
    six, seven = (local_levels(refl, zone, np.eye(5, dtype=bool), 2, 1, asked)[0][[0, 4], [0, 4]] for asked in (6, 7))
    assert six == pytest.approx([0.02, 0.02]) and np.isnan(seven).all()
