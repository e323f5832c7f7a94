"""Shadows worked by hand: a wall, a staircase of heights, and a disk."""

import numpy as np
import pytest
from rs_kernels.shadows import LitRule, dilate_disk, lit_ground, sweep, trace_terrain_shadow


def shade(height, elevation, azimuth, step=10.0):
    out = np.empty(np.shape(height), bool)
    trace_terrain_shadow(np.asarray(height, "float32"), step, elevation, azimuth, out)
    return out


@pytest.mark.parametrize("elevation, length_px", [(45.0, 3), (26.565, 7), (71.0, 1)])
def test_wall_of_40_m_shades_its_height_over_tan_elevation(elevation, length_px):
    """40 / tan(45) = 40 m: pixels 10, 20 and 30 m away lie below the ray, at 40 m it touches. 40 / tan(26.565) = 80 m; 40 / tan(71) = 13.8 m."""
    height = np.zeros((3, 20))
    height[:, 15] = 40.0
    expected = np.zeros((3, 20), bool)
    expected[:, 15 - length_px : 15] = True
    assert np.array_equal(shade(height, elevation, 90.0), expected)
    assert np.array_equal(shade(height[:, ::-1], elevation, 270.0), expected[:, ::-1])
    assert np.array_equal(shade(height.T, elevation, 180.0), expected.T)
    assert np.array_equal(shade(height.T[::-1], elevation, 0.0), expected.T[::-1])


def test_diagonal_sun():
    """Sun in the southeast, 45 degrees: a peak of 30 m is 14.1 m away a diagonal step, so two steps lie in its shadow."""
    height = np.zeros((9, 9))
    height[6, 6] = 30.0
    shaded = shade(height, 45.0, 135.0)
    assert shaded[5, 5] and shaded[4, 4] and not shaded[3, 3] and shaded.sum() == 2


def test_flat_ground_slopes_and_holes():
    assert not shade(np.full((5, 5), 700.0), 5.0, 120.0).any()
    ramp = np.tile(np.arange(10) * 10.0, (3, 1))  # rises to the east at 45 degrees
    assert not shade(ramp, 50.0, 90.0).any()
    assert shade(ramp, 40.0, 90.0)[:, :-1].all()
    hole = np.zeros((1, 9))
    hole[0, 4] = np.nan
    assert not shade(hole, 30.0, 90.0).any()


def test_disk_of_two_pixels():
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    out = np.empty_like(mask)
    dilate_disk(mask, np.array([2, 1, 0]), out)
    drawn = ["." * 7, "...#...", "..###..", ".#####.", "..###..", "...#...", "." * 7]
    assert ["".join("#" if v else "." for v in row) for row in out] == drawn


def test_sweep_drifts_along_its_path():
    mask = np.zeros((6, 6), bool)
    mask[0, 1] = True
    out = np.empty_like(mask)
    sweep(mask, np.array([0, 0, 1, 1, 2, 2]), 2, 4, True, out)
    assert sorted(zip(*np.nonzero(out), strict=True)) == [(2, 2), (3, 2), (4, 3)]
    sweep(mask[::-1].copy(), np.array([0, 0, 1, 1, 2, 2])[::-1].copy(), 2, 4, False, out)
    assert sorted(zip(*np.nonzero(out), strict=True)) == [(1, 3), (2, 2), (3, 2)]


@pytest.mark.parametrize(("rise_m", "shaded"), [(14.0, True), (16.0, False)])
def test_ground_between_pixels_is_linear(rise_m, shaded):
    """Towards the sun a ray goes one column east and half a row north, between heights of 20 and 10 m: 15 m. A step is 10 m x 1.118."""
    height = np.zeros((4, 3))
    height[1, 1], height[2, 1] = 20.0, 10.0
    elevation, azimuth = np.degrees(np.arctan(rise_m / (10 * np.hypot(1, 0.5)))), np.degrees(np.arctan2(1, 0.5))
    assert shade(height, elevation, azimuth)[2, 0] == shaded
    turned = shade(height.T[::-1, ::-1], elevation, 90 - azimuth)  # rows and columns change places, and the sun with them
    assert turned[2, 1] == shaded


@pytest.mark.parametrize(
    ("row", "col", "lit"), [(3, 4, True), (7, 4, True), (5, 2, True), (5, 6, True), (2, 4, False), (8, 4, False), (5, 1, False), (5, 7, False)]
)
def test_ground_is_looked_at_within_a_square_around_each_pixel(row, col, lit):
    """One bright pixel at row 5, column 4, as bright as usual; seen from two pixels away on each side, not from three."""
    dn, median, out = np.full((11, 9), 100, "uint16"), np.full((11, 9), 100, "int64"), np.empty((11, 9), bool)
    dn[5, 4] = median[5, 4] = 2000
    lit_ground(dn, np.float32(1e-4), np.float32(0), np.zeros((11, 9), "uint16"), median, LitRule(np.uint16(1), 600, 0.9, 2, 1), out)
    assert out[row, col] == lit
