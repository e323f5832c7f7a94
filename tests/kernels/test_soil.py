"""Factors of the soil loss equation: golden values, slopes by hand, and a plain implementation of slope lengths beside the kernel."""

import math
from functools import cache

import numpy as np
import pytest
from rs_kernels.soil import (
    cai_loss_ratio,
    cover_factors,
    forest_loss_ratio,
    grass_loss_ratio,
    length_exponent,
    segment_length_factor,
    slope_degrees,
    slope_factors,
    slope_lengths,
    steepness_factor,
)

NAN = math.nan


def slopes(height, pixel_m=10.0, flat_deg=2.0, longest_m=100.0):
    """(slope in degrees, start, end, L S) of heights."""
    height = np.asarray(height, "float32")
    slope, upper, lower, factor = (np.empty_like(height) for _ in range(4))
    slope_degrees(height, pixel_m, slope)
    slope_lengths(height, slope, pixel_m, flat_deg, longest_m, upper, lower)
    slope_factors(height, pixel_m, flat_deg, longest_m, np.empty_like(height), factor)
    return slope, upper, lower, factor


def plane(degrees, shape=(7, 40), pixel_m=10.0):
    """A slope that falls to the east."""
    return np.broadcast_to(500 - np.tan(np.radians(degrees)) * pixel_m * np.arange(shape[1]), shape)


def hilly(seed, shape=(40, 50)):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (30 * np.sin(x / 7) + 25 * np.cos(y / 9) + rng.normal(0, 0.8, shape)).astype("float32")


@pytest.mark.parametrize(
    "degrees, expected",
    # sin 3 = 0.052336, sin 5 = 0.087156, sin 9 = 0.156434, sin 10 = 0.173648, sin 20 = 0.342020
    [(0, 0.03), (3, 10.8 * 0.052336 + 0.03), (5, 16.8 * 0.087156 - 0.5), (9, 2.1281), (10, 21.91 * 0.173648 - 0.96), (20, 6.5337)],
)
def test_steepness(degrees, expected):
    assert steepness_factor(float(degrees)) == pytest.approx(expected, abs=1e-4)


def test_steepness_jumps_at_ten_degrees_as_published():
    below, above = steepness_factor(10 - 1e-9), steepness_factor(10.0)
    assert (below, above) == (pytest.approx(2.4173, abs=1e-4), pytest.approx(2.8446, abs=1e-4))


def test_exponent_changes_above_one_three_and_five_degrees():
    assert [length_exponent(d) for d in (0.0, 1.0, 1.01, 3.0, 3.01, 5.0, 5.01, 40.0)] == [0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5]


def test_length_factor_of_a_whole_slope():
    """60 m at 9 degrees with the exponent 0.58469 that RUSLE has there: (60 / 22.13)^m = 1.79173. Of 22.13 m it is 1 whatever the exponent."""
    assert segment_length_factor(0.0, 60.0, 0.58469) == pytest.approx(1.79173, abs=1e-4)
    assert segment_length_factor(0.0, 22.13, 0.5) == pytest.approx(1.0)


FEET = 0.3048
AH703_FEET = (25, 50, 75, 100, 150, 200, 250, 300, 400, 600, 800, 1000)
AH703_LS = {
    1: (0.12, 0.13, 0.14, 0.14, 0.15, 0.16, 0.17, 0.17, 0.18, 0.19, 0.20, 0.20), 2: (0.19, 0.22, 0.25, 0.27, 0.29, 0.31, 0.33, 0.35, 0.37, 0.41, 0.44, 0.47),
    3: (0.25, 0.32, 0.36, 0.39, 0.44, 0.48, 0.52, 0.55, 0.60, 0.68, 0.75, 0.80), 4: (0.31, 0.40, 0.47, 0.52, 0.60, 0.67, 0.72, 0.77, 0.86, 0.99, 1.10, 1.19),
    5: (0.37, 0.49, 0.58, 0.65, 0.76, 0.85, 0.93, 1.01, 1.13, 1.33, 1.49, 1.63), 6: (0.43, 0.58, 0.69, 0.78, 0.93, 1.05, 1.16, 1.25, 1.42, 1.69, 1.91, 2.11),
    8: (0.53, 0.74, 0.91, 1.04, 1.26, 1.45, 1.62, 1.77, 2.03, 2.47, 2.83, 3.15), 10: (0.67, 0.97, 1.19, 1.38, 1.71, 1.98, 2.22, 2.44, 2.84, 3.50, 4.06, 4.56),
    12: (0.84, 1.23, 1.53, 1.79, 2.23, 2.61, 2.95, 3.26, 3.81, 4.75, 5.56, 6.28),
}  # fmt: skip
"""L S by slope, %, and its horizontal length, feet: table 4-2 (moderate ratio of rill to interrill erosion) of Renard et al. 1997, Agriculture Handbook 703, as
http://www.iwr.msu.edu/rusle/lstable.htm prints it. Up to 17.6 % (10 degrees) its S is that of McCool et al. (1987), as ours; beyond, ours is that of Liu."""


def rusle_exponent(slope_rad):
    """m of RUSLE at a moderate ratio of rill to interrill erosion: beta / (1 + beta) (Foster et al. 1977, McCool et al. 1989)."""
    beta = math.sin(slope_rad) / 0.0896 / (3 * math.sin(slope_rad) ** 0.8 + 0.56)
    return beta / (1 + beta)


@pytest.mark.parametrize("percent", AH703_LS)
def test_factors_of_a_whole_slope_are_those_of_the_rusle_handbook(percent):
    """With RUSLE's own exponent, to the two digits of the table."""
    slope = math.atan(percent / 100)
    found = [steepness_factor(math.degrees(slope)) * segment_length_factor(0.0, feet * FEET, rusle_exponent(slope)) for feet in AH703_FEET]
    assert found == pytest.approx(AH703_LS[percent], abs=0.006, rel=0.006)


@pytest.mark.parametrize("percent", [1, 2, 3, 4, 5, 6, 8, 10, 12])
def test_the_exponents_of_the_chinese_equation_are_near_those_of_the_handbook(percent):
    """The steps of the exponent of 1978, which the Chinese equation keeps, against the curve of 1989: L S of 50 to 300 feet differs by a fifth at most."""
    slope = math.atan(percent / 100)
    for feet, published in zip(AH703_FEET[1:8], AH703_LS[percent][1:8], strict=True):
        found = steepness_factor(math.degrees(slope)) * segment_length_factor(0.0, feet * FEET, length_exponent(math.degrees(slope)))
        assert found == pytest.approx(published, rel=0.2)


def test_parts_of_a_slope_have_its_mean_and_the_formula_of_the_whole_at_each_pixel_has_not():
    """100 m in ten parts: their mean is (100 / 22.13)^0.5 = 2.1257. With (distance / 22.13)^m at each pixel it would be a third lower,
    the integral of the power: 1 / (m + 1) = 1 / 1.5."""
    starts = np.arange(0.0, 100.0, 10.0)
    assert np.mean([segment_length_factor(s, s + 10, 0.5) for s in starts]) == pytest.approx(math.sqrt(100 / 22.13))
    fine = np.mean([(d / 22.13) ** 0.5 for d in np.arange(0.05, 100, 0.1)])
    assert fine / math.sqrt(100 / 22.13) == pytest.approx(1 / 1.5, abs=1e-3)


def test_loss_ratios():
    """Worked by hand: grass without cover 1 / (1.25 + 0.78845) = 0.49057; half covered 1.05968^50 = 18.152, 1 / 15.562 = 0.06426. Trees over bare
    ground 0.44468 - 0.04099 + 0.025 = 0.42869 without leaves, and 0.44468 - 0.04099 e + 0.025 = 0.35826 closed; over closed ground 0.00212."""
    assert grass_loss_ratio(0.0) == pytest.approx(0.49057, abs=1e-5)
    assert grass_loss_ratio(0.5) == pytest.approx(0.06426, abs=1e-4)
    assert forest_loss_ratio(0.0, 0.0) == pytest.approx(0.42869, abs=1e-5)
    assert forest_loss_ratio(1.0, 0.0) == pytest.approx(0.35826, abs=1e-5)
    assert forest_loss_ratio(0.7, 1.0) == pytest.approx(0.00212, abs=1e-5)


def test_curve_of_cai():
    """45 %: 0.6508 - 0.3436 log10(45) = 0.08276; with R 1800, K 0.035 and LS 4.2 it is 21.897 t/ha. It falls to nothing at 78.3 %, and is 1 below 0.1 %."""
    assert cai_loss_ratio(0.45) == pytest.approx(0.082756, abs=1e-6)
    assert 1800 * 0.035 * 4.2 * cai_loss_ratio(0.45) == pytest.approx(21.8973, abs=1e-4)
    assert [cai_loss_ratio(c) for c in (0.0, 0.0009, 0.784, 1.0)] == [1.0, 1.0, 0.0, 0.0]
    assert 0 <= cai_loss_ratio(0.783) < 2e-4


def test_slope_of_a_plane_and_of_a_diagonal_one():
    slope = slopes(plane(9))[0]
    assert np.allclose(slope[1:-1, 1:-1], 9, atol=1e-3) and np.isnan(slope[0]).all() and np.isnan(slope[:, -1]).all()
    y, x = np.mgrid[:5, :5]
    assert slopes(-(x + y) * 1.0, pixel_m=10.0)[0][2, 2] == pytest.approx(math.degrees(math.atan(math.sqrt(2) / 10)), abs=1e-3)


def test_length_grows_down_a_plane_to_the_longest():
    _, upper, lower, _ = slopes(plane(9), longest_m=60)
    assert upper[3, 1:10].tolist() == [0, 10, 20, 30, 40, 50, 50, 50, 50]
    assert lower[3, 1:10].tolist() == [10, 20, 30, 40, 50, 60, 60, 60, 60]


def test_factor_of_a_plane():
    """6 pixels of 10 m at 9 degrees: S 2.1281 and on average (60 / 22.13)^0.5 = 1.6466."""
    factor = slopes(plane(9), longest_m=60)[3]
    assert factor[3, 1:7].mean() == pytest.approx(2.1281 * math.sqrt(60 / 22.13), rel=1e-4)


def test_slope_ends_on_level_ground_and_begins_anew_below():
    height = np.concatenate([plane(9, (7, 10))[0], np.full(5, plane(9, (7, 10))[0, -1]), plane(9, (7, 10))[0] - 40])
    upper = slopes(np.broadcast_to(height, (7, 25)))[1][3]
    assert upper[8] == 70  # the last pixel that is steep
    assert upper[11:14].tolist() == [0, 0, 0]
    assert upper[16] <= 20


@pytest.mark.parametrize("degrees, level", [(1.99, True), (2.01, False)])
def test_less_than_flat_deg_is_level(degrees, level):
    """Level ground of one pixel: 0.03 (10 / 22.13)^0.2 = 0.0256."""
    factor = slopes(plane(degrees))[3][3, 5]
    assert bool(factor == pytest.approx(0.03 * (10 / 22.13) ** 0.2, rel=1e-5)) == level


def test_noise_of_a_metre_makes_slopes_of_two_degrees_on_level_ground():
    """Why `soil.flat_deg` is 2: each component of Horn's slope has the standard error sqrt(12) / 8 / 30 m, and 95 % of their lengths lie below 2.45 of it."""
    height = np.random.default_rng(3).normal(0, 1, (100, 100)).astype("float32")
    slope = np.empty_like(height)
    slope_degrees(height, 30.0, slope)
    expected = math.degrees(math.atan(2.4477 * math.sqrt(12) / 8 / 30))
    assert np.nanquantile(slope, 0.95) == pytest.approx(expected, abs=0.1) and expected == pytest.approx(2.02, abs=0.01)


def test_unknown_heights_are_unknown_and_pass_nothing_on():
    height = plane(9).astype("float32").copy()
    height[3, 10] = NAN
    slope, upper, _, factor = slopes(height)
    assert np.isnan(factor[2:5, 9:12]).all() and np.isnan(slope[2:5, 9:12]).all()
    assert upper[3, 12] == 0 and factor[3, 8] == pytest.approx(factor[1, 8])
    assert np.isfinite(factor[1, 1:-1]).all()
    assert np.isnan(slopes(np.full((5, 5), NAN))[3]).all()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 6)])
def test_too_small_for_a_slope(shape):
    assert np.isnan(slopes(np.zeros(shape))[3]).all()


def plain_lengths(height, slope, pixel_m, flat_deg, longest_m):
    """Start of each pixel's part, from its definition: the longest of the ends of those that fall to it, by recursion upwards."""
    h, w = height.shape
    around = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]

    @cache
    def falls_to(y, x):
        falls = [
            ((height[y, x] - height[y + r, x + c]) / math.hypot(r, c), -k) if 0 <= y + r < h and 0 <= x + c < w else (NAN, -k)
            for k, (r, c) in enumerate(around)
        ]
        falls = [f for f in falls if f[0] > 0]
        return -max(falls)[1] if falls else None

    def step(y, x):
        to = falls_to(y, x)
        return pixel_m * (1.0 if to is None else math.hypot(*around[to]))

    @cache
    def start(y, x):
        if not np.isfinite(slope[y, x]):
            return NAN
        if slope[y, x] < flat_deg:
            return 0.0
        ends = [0.0]
        for k, (r, c) in enumerate(around):
            v, u = y - r, x - c
            if 0 <= v < h and 0 <= u < w and np.isfinite(slope[v, u]) and slope[v, u] >= flat_deg and falls_to(v, u) == k:
                ends.append(start(v, u) + step(v, u))
        return min(max(ends), max(0.0, longest_m - step(y, x)))

    return np.array([[start(y, x) for x in range(w)] for y in range(h)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("holes", [0, 30])
def test_lengths_are_those_of_a_plain_implementation(seed, holes):
    height = hilly(seed)
    height.ravel()[np.random.default_rng(seed).choice(height.size, holes, replace=False)] = NAN
    slope, upper, _, _ = slopes(height)
    assert np.allclose(upper, plain_lengths(height.astype("float64"), slope, 10.0, 2.0, 100.0), atol=1e-3, equal_nan=True)
    assert np.nanmax(upper) > 60


def test_a_part_of_the_land_has_the_factors_of_the_whole():
    """What lies further away than the longest slope does not count, so a tile with a margin is as good as the whole."""
    height = hilly(9, (60, 60))
    whole, part = slopes(height)[3], slopes(height[15:, 12:])[3]
    assert np.allclose(part[11:-1, 11:-1], whole[26:-1, 23:-1], equal_nan=True)


FIXED = np.array([NAN, 0.0, 0.0, NAN, NAN, 0.4, 0.02, 1.0])


def covers(land, peak, growing, share=0.6, cai=False):
    arrays = [np.array([v], "float32") for v in (land, peak, growing)]
    out = np.empty((1, len(land)), "float32")
    cover_factors(*arrays, share, FIXED, 3, 0.6, cai, out)
    return out[0]


def test_cover_factor_by_class():
    """Grass of 0.5 in both: its ratio, 0.06426. Crops and buildings need no cover; an unknown class or cover is unknown."""
    found = covers([4, 5, 6, 1, NAN, 4, 3], [0.5, NAN, NAN, 0.5, 0.5, NAN, 0.8], [0.5, NAN, NAN, 0.5, 0.5, 0.5, NAN])
    assert found[:4].tolist() == pytest.approx([0.06426, 0.4, 0.02, 0.0], abs=1e-4)
    assert np.isnan(found[4:]).all()


def test_cover_factor_weighs_the_peak_by_its_rain():
    found = covers([4, 3, 4], [0.9, 0.9, 0.9], [0.3, 0.5, 0.3], cai=False)
    assert found[0] == pytest.approx(0.6 * grass_loss_ratio(0.9) + 0.4 * grass_loss_ratio(0.3), rel=1e-5)
    assert found[1] == pytest.approx(0.6 * forest_loss_ratio(0.9, 0.6) + 0.4 * forest_loss_ratio(0.5, 0.6), rel=1e-5)
    assert covers([4], [0.9], [0.3], cai=True)[0] == pytest.approx(0.4 * cai_loss_ratio(0.3), rel=1e-5)
