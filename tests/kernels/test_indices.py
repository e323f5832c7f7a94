"""Formulas against hand-computed or published values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rs_kernels import indices

# (blue, green, red, nir, swir1, swir2): NDWI, MNDWI, AWEIsh, WI2015 worked from the papers' formulas.
PIXELS = {
    "clear water": ((0.03, 0.04, 0.025, 0.012, 0.006, 0.004), (0.5385, 0.7391, 0.1020, 7.2414)),
    "turbid water": ((0.08, 0.12, 0.14, 0.06, 0.012, 0.008), (0.3333, 0.8182, 0.2700, 17.3524)),
    "urban shadow": ((0.03, 0.028, 0.027, 0.03, 0.025, 0.02), (-0.0345, 0.0566, 0.0125, 1.9444)),
    "wet soil": ((0.06, 0.08, 0.10, 0.16, 0.14, 0.09), (-0.3333, -0.2727, -0.2125, -8.1896)),
    "vegetation": ((0.03, 0.06, 0.04, 0.40, 0.20, 0.10), (-0.7391, -0.5385, -0.7450, -31.9996)),
    "ice": ((0.45, 0.46, 0.44, 0.38, 0.06, 0.05), (0.0952, 0.7692, 0.9275, 48.8504)),
}


@pytest.mark.parametrize("name", PIXELS)
def test_water_indices_equal_the_published_formulas(name):
    (b, g, r, n, s1, s2), expected = PIXELS[name]
    got = (indices.ndwi(g, n), indices.mndwi(g, s1), indices.awei_sh(b, g, n, s1, s2), indices.wi2015(g, r, n, s1, s2))
    assert got == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("name", "passed"),
    [("clear water", (3, 2)), ("turbid water", (3, 2)), ("urban shadow", (1, 2)), ("wet soil", (0, 1)), ("vegetation", (0, 0)), ("ice", (3, 0))],
)
def test_surface_water_extent_tests_of_the_check_pixels(name, passed):
    # e.g. ice: MNDWI 0.77 > 0.124, 0.90 > 0.44 and AWEIsh 0.93 > 0; NIR 0.38 is too bright for T4 and T5.
    # Wet soil: T5 only, as MNDWI -0.27 > -0.5 with blue 0.06, NIR 0.16, SWIR1 0.14 and SWIR2 0.09 all dark enough; T4 wants SWIR1 < 0.09.
    assert indices.water_tests(*PIXELS[name][0]) == passed


@pytest.mark.parametrize(("red", "nir", "expected"), [(0.05, 0.35, 0.75), (0.095, 0.335, 0.5581395349), (0.14, 0.06, -0.4)])
def test_ndvi_golden(red, nir, expected):
    assert indices.ndvi(red, nir) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "logit"), [("clear water", 8.66), ("urban shadow", -0.27), ("wet soil", -3.99), ("vegetation", -5.70)])
def test_water_logit_of_the_check_pixels(name, logit):
    # e.g. clear water: -0.5 + 1.6*(3-1.5) + 0.8*(2-1) + 4*0.7391 + 3 (black) = 8.656;
    # urban shadow passes AWEsh, T4 and T5 only: -0.5 + 1.6*(1-1.5) + 0.8*(2-1) + 4*0.0566 = -0.274
    assert indices.water_logit(*PIXELS[name][0], 0) == pytest.approx(logit, abs=0.05)


def test_radar_moves_the_logit_by_its_weight():
    pixel = PIXELS["urban shadow"][0]
    assert indices.water_logit(*pixel, 1) - indices.water_logit(*pixel, -1) == pytest.approx(2.4)


def test_ice_is_ice_and_water_is_not():
    assert indices.is_ice(0.46, 0.44, 0.38, 0.06)
    assert not indices.is_ice(0.12, 0.14, 0.06, 0.012)


def test_a_ratio_of_nothing_is_missing():
    assert math.isnan(indices.ndvi(0.0, 0.0))
    assert math.isnan(indices.ndvi(0.002, 0.003))
    assert indices.ndvi(-0.01, 0.05) == pytest.approx((0.05 - 1e-4) / (0.05 + 1e-4))


def test_fractional_cover_of_a_half_and_half_mixture():
    # soil (0.16, 0.22), vegetation (0.03, 0.45): the mixture has red 0.095, NIR 0.335, NDVI 0.5581; K = 0.48/0.38.
    soil, vegetation, k = 0.06 / 0.38, 0.42 / 0.48, 0.48 / 0.38
    n = indices.ndvi(0.095, 0.335)
    assert n == pytest.approx(0.5581395349)
    assert indices.fractional_cover(n, soil, vegetation, k) == pytest.approx(0.5)
    assert indices.fractional_cover(n, soil, vegetation, 1.0) == pytest.approx(0.5581395, abs=1e-6)


def test_plain_dimidiate_golden_values():
    assert indices.fractional_cover(0.45, 0.05, 0.86, 1.0) == pytest.approx(0.49382716)
    assert indices.fractional_cover(0.02, 0.05, 0.86, 1.0) == 0.0
    assert indices.fractional_cover_sigma(0.45, 0.05, 0.86, 0.02, 0.03, 0.03) == pytest.approx(0.0359949824)


@given(st.floats(0, 1), st.floats(0.01, 0.2), st.floats(0.21, 0.4))
def test_fractional_cover_inverts_any_linear_mixture(fraction, soil_red, soil_nir):
    red, nir = (1 - fraction) * soil_red + fraction * 0.03, (1 - fraction) * soil_nir + fraction * 0.45
    ns, nv = (soil_nir - soil_red) / (soil_nir + soil_red), 0.42 / 0.48
    k = 0.48 / (soil_red + soil_nir)
    got = indices.fractional_cover(indices.ndvi(red, nir), ns, nv, k)
    assert got == pytest.approx(fraction, abs=1e-9) or ns >= nv


def test_wilson_interval():
    # Wilson (1927), 5 of 10: centre 0.5, half width 0.2634 (Newcombe 1998, table).
    assert indices.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=5e-5)
    assert indices.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)
    assert np.isnan(indices.wilson(0, 0)).all()


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_the_proportion(kn):
    lower, upper = indices.wilson(*kn)
    assert 0 <= lower <= kn[0] / kn[1] + 1e-12 and kn[0] / kn[1] - 1e-12 <= upper <= 1


def test_black_water_is_water_though_its_ratios_say_nothing():
    # MNDWI = (0.010-0.013)/0.023 = -0.13, T4 and T5 pass: -0.5 - 2.4 + 0.8 - 0.52 + 3 = 0.38
    assert indices.water_logit(0.008, 0.010, 0.011, 0.008, 0.013, 0.010, 0) == pytest.approx(0.378, abs=0.01)
    assert not indices.is_black(0.027, 0.03, 0.025, 0.02)


@pytest.mark.parametrize(("name", "water"), [(n, n in ("clear water", "turbid water", "urban shadow")) for n in PIXELS])
def test_wofs_tree_on_the_check_pixels(name, water):
    # Urban shadow is water to the tree: n52 = (0.025-0.028)/0.053 = -0.057, blue and SWIR2 low, n43 = 0.053. Ice has blue 4500 > 2083.5.
    assert indices.wofs_water(*PIXELS[name][0]) == water


def test_wofs_tree_in_its_rarer_branches():
    # n52 = 0.1: water with blue 0.03, dry with blue 0.034; n52 = 0.2: red 0.03 asks for blue <= 0.01295, red 0.04 for blue <= 0.03005.
    assert indices.wofs_water(0.030, 0.045, 0.05, 0.06, 0.055, 0.05)
    assert not indices.wofs_water(0.034, 0.045, 0.05, 0.06, 0.055, 0.05)
    assert not indices.wofs_water(0.020, 0.04, 0.03, 0.03, 0.06, 0.05)
    assert indices.wofs_water(0.020, 0.04, 0.04, 0.04, 0.06, 0.05)
    # n52 = 0.3: blue 0.012 is water, 0.02 is not; n52 = 0.5 never is.
    assert indices.wofs_water(0.012, 0.035, 0.03, 0.03, 0.065, 0.05)
    assert not indices.wofs_water(0.020, 0.035, 0.03, 0.03, 0.065, 0.05)
    assert not indices.wofs_water(0.001, 0.02, 0.03, 0.03, 0.06, 0.05)


BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
DIM = dict(zip(BANDS, (0.05, 0.04, 0.03, 0.14, 0.08, 0.05), strict=True))
"""Passes T4 and T5 only: MNDWI -.33, NDVI .647, green + red .07 below near and shortwave infrared .22, AWEsh -.19."""


@pytest.mark.parametrize(
    ("inside", "outside", "passed_inside", "passed_outside"),
    [
        ({"green": 0.0563, "swir1": 0.0437}, {"green": 0.0561, "swir1": 0.0439}, (1, 2), (0, 2)),  # T1: MNDWI .126 and .122, limit .124
        # T2: green + red is .19; NIR .10 + SWIR1 .0899 and .0901. MNDWI -.38 and SWIR1 below and above .09: T4 goes too
        ({"red": 0.15, "nir": 0.1, "swir1": 0.0899}, {"red": 0.15, "nir": 0.1, "swir1": 0.0901}, (1, 2), (0, 1)),
        # T3: AWEsh = blue + .10 - .225 - .01; blue is above .1 for T5
        ({"blue": 0.1351, "nir": 0.1, "swir1": 0.05, "swir2": 0.04}, {"blue": 0.1349, "nir": 0.1, "swir1": 0.05, "swir2": 0.04}, (1, 1), (0, 1)),
        ({"green": 0.034, "swir1": 0.087}, {"green": 0.034, "swir1": 0.088}, (0, 2), (0, 1)),  # T4: MNDWI -.438 and -.443, limit -.44
        ({"swir1": 0.0899}, {"swir1": 0.0901}, (0, 2), (0, 1)),  # T4: SWIR1 .09
        ({"nir": 0.1499}, {"nir": 0.1501}, (0, 2), (0, 1)),  # T4: NIR .15
        ({"red": 0.0248}, {"red": 0.0247}, (0, 2), (0, 1)),  # T4: NDVI .1152 / .1648 = .6990 and .1153 / .1647 = .7001
        ({"swir1": 0.1199}, {"swir1": 0.1201}, (0, 1), (0, 0)),  # T5: MNDWI -.4997 and -.5003
        ({"blue": 0.0999}, {"blue": 0.1001}, (0, 2), (0, 1)),  # T5: blue .1
        ({"nir": 0.2499}, {"nir": 0.2501}, (0, 1), (0, 0)),  # T5: NIR .25
        ({"green": 0.15, "swir1": 0.2999}, {"green": 0.15, "swir1": 0.3001}, (0, 1), (0, 0)),  # T5: SWIR1 .3, MNDWI -.33
        ({"swir2": 0.0999}, {"swir2": 0.1001}, (0, 2), (0, 1)),  # T5: SWIR2 .1
    ],
)
def test_each_water_test_turns_at_its_published_limit(inside, outside, passed_inside, passed_outside):
    assert indices.water_tests(**(DIM | inside)) == passed_inside
    assert indices.water_tests(**(DIM | outside)) == passed_outside


SEA_IN_HAZE = {"blue": 0.045, "green": 0.037, "red": 0.03, "nir": 0.029, "swir1": 0.028, "swir2": 0.027}
"""Deep clear sea under a grey haze of 0.025: no index knows it (MNDWI .14, AWEsh -.002), black water is darker."""


def test_a_sea_in_haze_is_water_and_a_shadow_as_dark_is_not():
    assert indices.is_hazy_sea(**SEA_IN_HAZE) and indices.water_logit(**SEA_IN_HAZE, radar=0) > 2
    assert not indices.is_hazy_sea(*PIXELS["urban shadow"][0]) and indices.water_logit(*PIXELS["urban shadow"][0], 0) < 0
    shaded_leaves = {"blue": 0.012, "green": 0.016, "red": 0.012, "nir": 0.035, "swir1": 0.02, "swir2": 0.012}
    assert not indices.is_hazy_sea(**shaded_leaves)


@pytest.mark.parametrize(
    ("change", "sea"),
    [
        ({"red": 0.0499}, True), ({"red": 0.05}, False), ({"nir": 0.0329}, True), ({"nir": 0.0331}, False),  # 0.004 below green
        ({"blue": 0.0331}, True), ({"blue": 0.0329}, False), ({"swir1": 0.0449}, True), ({"swir1": 0.045}, False), ({"swir2": 0.045}, False),
        ({"blue": 0.06, "green": 0.06, "nir": 0.0399}, True), ({"blue": 0.06, "green": 0.06, "nir": 0.04}, False),
    ],
)  # fmt: skip
def test_a_sea_in_haze_begins_at_its_limits(change, sea):
    assert indices.is_hazy_sea(**(SEA_IN_HAZE | change)) == sea


GLINT = {"blue": 0.031, "green": 0.042, "red": 0.026, "nir": 0.052, "swir1": 0.082, "swir2": 0.078}
"""Sea of a Landsat scene beside thin clouds, after correction for aerosol."""


def test_a_sea_under_glint_is_water():
    # MNDWI -0.04 / 0.124; T4 and T5 alone of the five tests pass: -0.5 - 1.6 * 1.5 + 0.8 - 1.29, and 4 for glint.
    assert indices.water_logit(**GLINT, radar=0) == pytest.approx(-0.5 - 2.4 + 0.8 - 4 * 0.04 / 0.124 + 4)
    assert indices.water_logit(**(GLINT | {"swir2": 0.0737}), radar=0) < 0


@pytest.mark.parametrize(
    ("change", "glint"),
    [
        ({"red": 0.0359}, True), ({"red": 0.0361}, False), ({"green": 0.06, "red": 0.0499}, True), ({"green": 0.06, "red": 0.05}, False),
        ({"nir": 0.0599}, True), ({"nir": 0.06}, False), ({"swir1": 0.0999, "swir2": 0.09}, True), ({"swir1": 0.1, "swir2": 0.09}, False),
        ({"swir2": 0.0739}, True), ({"swir2": 0.0737}, False),  # 0.9 of SWIR1: 0.0738
    ],
)  # fmt: skip
def test_glint_begins_at_its_limits(change, glint):
    assert indices.is_glint(**{k: v for k, v in (GLINT | change).items() if k != "blue"}) == glint


FLOOD = {"blue": 0.06, "green": 0.09, "red": 0.14, "nir": 0.135, "swir1": 0.10, "swir2": 0.064}
"""A river in flood, half of the pixel its bank."""


def test_a_pixel_half_full_of_a_river_in_flood_is_water():
    # MNDWI = -0.01 / 0.19. Green and red 0.23 fall short of NIR and SWIR1 0.235; AWEI -0.08; SWIR1 is above 0.09; T5 alone passes.
    first, second = indices.water_tests(*FLOOD.values())
    logit = -0.5 - 1.6 * 1.5 + 0.8 * 0 - 4 * 0.01 / 0.19
    assert (first, second) == (0, 1) and logit == pytest.approx(-3.11, abs=0.01)
    assert indices.water_logit(**FLOOD, radar=0) == pytest.approx(logit)
    assert indices.sediment_logit(**{k: v for k, v in FLOOD.items() if k != "swir2"}) == 4


@pytest.mark.parametrize(
    ("change", "turbid"),
    [
        ({"nir": 0.1399}, True), ({"nir": 0.1401}, False), ({"swir1": 0.1012}, True), ({"swir1": 0.1013}, False),  # red; 0.75 NIR
        ({"blue": 0.0764}, True), ({"blue": 0.0766}, False),  # 0.85 green
        ({"red": 0.3, "nir": 0.1999}, True), ({"red": 0.3, "nir": 0.2}, False),
        ({"red": 0.05, "nir": 0.05, "swir1": 0.03}, True), ({"red": 0.0499, "nir": 0.0499, "swir1": 0.03}, False),
    ],
)  # fmt: skip
def test_sediment_begins_at_its_limits(change, turbid):
    assert indices.is_turbid(**{k: v for k, v in (FLOOD | change).items() if k != "swir2"}) == turbid


@pytest.mark.parametrize(("red", "nir", "snow"), [(0.351, 0.351, True), (0.35, 0.38, False), (0.44, 0.35, False)])
def test_snow_is_brighter_than_any_water(red, nir, snow):
    assert indices.is_bright_as_snow(red, nir) == snow


@pytest.mark.parametrize("band", ["red", "nir", "swir1", "swir2"])
def test_a_pixel_is_black_below_its_limits_and_not_at_them(band):
    limit = 0.04 if band == "red" else 0.025
    dark = {"red": 0.01, "nir": 0.01, "swir1": 0.01, "swir2": 0.01}
    assert indices.is_black(**(dark | {band: limit - 1e-4})) and not indices.is_black(**(dark | {band: limit}))


@pytest.mark.parametrize(
    ("change", "ice"),
    [
        ({}, True), ({"swir1": 0.1981}, True), ({"swir1": 0.1983}, False),  # NDSI .2645 / .6607 = .4003 and .2643 / .6609 = .3999
        ({"nir": 0.1101}, True), ({"nir": 0.11}, False), ({"red": 0.1001}, True), ({"red": 0.1}, False),
    ],
)  # fmt: skip
def test_ice_is_brighter_than_its_limits(change, ice):
    assert indices.is_ice(**({"green": 0.4626, "red": 0.44, "nir": 0.38, "swir1": 0.06} | change)) == ice


def test_a_ratio_begins_just_above_the_least_sum():
    assert math.isnan(indices.mndwi(0.0025, 0.0025)) and indices.mndwi(0.0026, 0.0025) == pytest.approx(0.0001 / 0.0051)


@pytest.mark.parametrize(
    ("pixel", "logit"),
    [
        (PIXELS["clear water"][0], -0.5 + 2.4 + 0.8 + 4 * 0.034 / 0.046 + 3),  # all five tests, black
        (PIXELS["turbid water"][0], -0.5 + 2.4 + 0.8 + 4 * 0.8),  # all five tests; MNDWI .818 counts as .8
        (PIXELS["vegetation"][0], -0.5 - 2.4 - 0.8 - 4 * 0.5),  # none; MNDWI -.538 counts as -.5
        ((0.002, 0.002, 0.002, 0.001, 0.001, 0.001), -0.5 + 1.6 * 0.5 - 0.8 + 3),  # MNDWI undefined: T2 and T3 only, black
    ],
)
def test_water_logit_is_the_sum_of_its_weights(pixel, logit):
    assert indices.water_logit(*pixel, 0) == pytest.approx(logit, abs=1e-9)


WOFS = {"blue": 0.03, "green": 0.04, "red": 0.03, "nir": 0.03, "swir1": 0.02, "swir2": 0.03}
"""Water: n52 = -.33, SWIR2 300 below 323.5, n43 = 0 below .61."""


@pytest.mark.parametrize(
    ("water", "dry"),
    [
        ({"blue": 0.2083, "nir": 0.03}, {"blue": 0.2084, "nir": 0.03}),  # blue 2083.5
        ({"nir": 0.1238}, {"nir": 0.1239}),  # n43 .6099 and .6101, limit .61
        ({"swir2": 0.033, "blue": 0.0378}, {"swir2": 0.033, "blue": 0.038}),  # SWIR2 from 323.5 on, n72 -.096: blue 379
        ({"swir2": 0.0323, "blue": 0.038}, {"swir2": 0.0324, "blue": 0.038}),  # SWIR2 323.5 itself
        ({"green": 0.06, "swir2": 0.0375, "nir": 0.05}, {"green": 0.06, "swir2": 0.0376, "blue": 0.038, "nir": 0.04}),  # n72 -.231 and -.2295
        ({"green": 0.06, "swir2": 0.036, "blue": 0.0472, "nir": 0.05}, {"green": 0.06, "swir2": 0.036, "blue": 0.0474, "nir": 0.05}),  # blue 473
        # n43 .2188 and .2208 with blue above 473, limit .22
        ({"green": 0.06, "swir2": 0.036, "blue": 0.05, "nir": 0.0468}, {"green": 0.06, "swir2": 0.036, "blue": 0.05, "nir": 0.047}),
        # blue 1400.5: below it n43 -.006 passes by .22, above it n43 has to be at most -.01
        ({"green": 0.15, "swir2": 0.036, "blue": 0.14, "nir": 0.0296}, {"green": 0.15, "swir2": 0.036, "blue": 0.1401, "nir": 0.0296}),
        ({"green": 0.15, "swir2": 0.036, "blue": 0.1401, "nir": 0.0294}, {"green": 0.15, "swir2": 0.036, "blue": 0.1401, "nir": 0.0295}),
        ({"swir1": 0.0391, "nir": 0.1238}, {"swir1": 0.0393, "nir": 0.1238}),  # n52 -.0114 and -.0088: from -.01 on n43 .61 is too much
        ({"swir1": 0.045, "blue": 0.0334}, {"swir1": 0.045, "blue": 0.0335}),  # n52 .059: blue 334.5
        ({"swir1": 0.045, "nir": 0.1}, {"swir1": 0.045, "nir": 0.101}),  # n43 .5385 and .5420, limit .54
        ({"swir1": 0.0509}, {"swir1": 0.051, "blue": 0.0301}),  # n52 .1199 and .1209: from .12 on blue decides
        ({"swir1": 0.06, "red": 0.0364, "blue": 0.0129}, {"swir1": 0.06, "red": 0.0364, "blue": 0.013}),  # blue 129.5 with dark red
        ({"swir1": 0.06, "red": 0.0365}, {"swir1": 0.06, "red": 0.0364}),  # red 364.5 with blue 300
        ({"swir1": 0.06, "red": 0.04}, {"swir1": 0.06, "red": 0.04, "blue": 0.0301}),  # blue 300.5 with bright red
        ({"swir1": 0.0638, "red": 0.04}, {"swir1": 0.064, "red": 0.04}),  # n52 .2293 and .2308, limit .23
        ({"swir1": 0.07, "blue": 0.0129}, {"swir1": 0.07, "blue": 0.013}),  # n52 .27: blue 129.5
        ({"swir1": 0.07, "blue": 0.01, "nir": 0.079}, {"swir1": 0.07, "blue": 0.01, "nir": 0.0792}),  # n43 .4495 and .4505, limit .45
        ({"swir1": 0.07, "blue": 0.01, "red": 0.0364}, {"swir1": 0.07, "blue": 0.01, "red": 0.0365}),  # red 364.5
        ({"swir1": 0.0812, "blue": 0.01}, {"swir1": 0.0813, "blue": 0.01}),  # n52 .3399 and .3405, limit .34
    ],
)
def test_the_wofs_tree_turns_at_its_limits(water, dry):
    assert indices.wofs_water(**(WOFS | water)) and not indices.wofs_water(**(WOFS | dry))


def test_wilson_bounds_stay_within_0_and_1():
    """All of 8 and none of 8: 1 / (1 + 3.8415 / 8) = 0.6756 is left on the one side, the end of the scale on the other."""
    assert indices.wilson(8, 8) == pytest.approx((0.67559, 1.0), abs=1e-5) and indices.wilson(0, 8) == pytest.approx((0.0, 0.32441), abs=1e-5)
