"""Baselines on pixels worked by hand."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.baselines import black_odorous, land, settlements, vegetation, water
from benchmarks.baselines.scenes import Stack, place
from rs_pipeline.model import Grid, Period
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.vegetation.snap import read_snap

# blue, green, red, nir, swir1, swir2
CLEAR_WATER = (0.03, 0.04, 0.025, 0.012, 0.006, 0.004)
SHADOW = (0.03, 0.028, 0.027, 0.03, 0.025, 0.02)
WET_SOIL = (0.06, 0.08, 0.10, 0.16, 0.14, 0.09)
LEAVES = (0.03, 0.06, 0.04, 0.40, 0.20, 0.10)
MISSING = (np.nan,) * 6


def image(*pixels):
    """Reflectance (6, 1, n)."""
    return np.array(pixels, "float32").T[:, None, :]


def stack_of(images, days, native_m=10.0, qa=None):
    """A stack of single-row images, reflectance x 1e4, nothing masked unless said."""
    dn = np.stack([np.nan_to_num(i * 1e4).round().astype("uint16") for i in images])
    t, _, h, w = dn.shape
    return Stack(
        Grid("EPSG:32650", 10.0, 0.0, 0.0, w, h),
        days,
        dn,
        np.zeros((t, h, w), "uint16") if qa is None else qa,
        np.full(t, 1e-4, "float32"),
        np.zeros(t, "float32"),
        np.full(t, native_m, "float32"),
    )


# MNDWI .739, .057, -.273, -.538. DSWE tests passed: 5; shadow AWEsh > 0, T4, T5 = 3; wet soil none of T1-T3 (green + red .18 < .30),
# not T4 (SWIR1 .14) but T5 = 1; leaves none (T5: MNDWI -.538 < -.5).
@pytest.mark.parametrize(("method", "wet"), [("mndwi", [1, 1, 0, 0]), ("wofs", [1, 1, 0, 0]), ("dswe", [1, 1, 0, 0])])
def test_water_of_the_check_pixels(method, wet):
    refl = image(CLEAR_WATER, SHADOW, WET_SOIL, LEAVES)
    assert water.water_of_date(method, refl, np.ones((1, 4), bool)).tolist() == [wet]


def test_dswe_asks_for_three_tests():
    # Shadow with SWIR1 .06: MNDWI -.36, T2 no (.055 < .09), AWEsh .03+.07-.135-.005 < 0, T4 and T5 yes: 2 tests.
    dim = (0.03, 0.028, 0.027, 0.03, 0.06, 0.02)
    assert water.water_of_date("dswe", image(dim), np.ones((1, 1), bool)).tolist() == [[water.DRY]]


def test_a_cloudy_pixel_and_an_undefined_index_are_not_seen():
    black = (0.001, 0.001, 0.001, 0.001, 0.001, 0.001)
    states = water.water_of_date("mndwi", image(CLEAR_WATER, black, MISSING), np.array([[False, True, False]]))
    assert states.tolist() == [[water.UNSEEN] * 3]


def test_an_unknown_method_is_named_with_what_there_is():
    with pytest.raises(ValueError, match=r"no water method 'ndwi'; there are mndwi, otsu, wofs, dswe"):
        water.water_of_date("ndwi", image(LEAVES), np.ones((1, 1), bool))


def test_otsu_separates_two_groups_and_falls_back_to_zero():
    index = np.concatenate([np.full(400, -0.6), np.full(400, -0.1)])
    assert -0.6 <= water.tile_threshold(index) < -0.1  # every value between the groups is optimal
    assert water.tile_threshold(index[:499]) == 0.0
    assert water.tile_threshold(np.full(800, -0.3)) == 0.0


def vote(states, native_m, day, month, n_months, min_months=1):
    states = np.array(states, "uint8")[:, None, None]
    native_m, day, month = np.array(native_m, "float32"), np.array(day), np.array(month)
    return water.vote(states, native_m, day, month, n_months, min_months)[0, 0]


def test_months_vote_once_and_half_a_month_is_wet():
    # January wet wet dry -> wet; February dry; March not seen: 1 of 2 months.
    assert vote([1, 1, 0, 0, 2], [10] * 5, [3, 8, 13, 40, 70], [0, 0, 0, 1, 2], 3) == 0.5
    assert vote([1, 0], [10, 10], [3, 8], [0, 0], 1) == 1.0


def test_a_month_is_decided_by_its_finest_sensor_and_a_day_counts_once():
    assert vote([1, 1, 0], [30, 30, 10], [3, 8, 13], [0, 0, 0], 1) == 0.0
    assert vote([1, 0, 0], [10, 10, 10], [3, 3, 3], [0, 0, 0], 1) == 1.0


def test_too_few_months_give_no_frequency():
    assert np.isnan(vote([1, 2], [10, 10], [3, 40], [0, 1], 2, min_months=2))
    assert np.isnan(vote([2], [10], [3], [0], 1, min_months=0))


def test_classes_follow_the_thresholds_of_the_run(make_settings):
    frequency = np.array([[0.0, 0.05, 0.25, 0.75, np.nan]], "float32")
    assert np.array_equal(water.water_class(frequency, make_settings()), [[0, 3, 2, 1, np.nan]], equal_nan=True)


def test_a_year_of_cloud_is_missing_and_not_dry(make_settings):
    days = [date(2023, m, 5) for m in range(1, 13)]
    stack = stack_of([image(CLEAR_WATER)] * 12, days, qa=np.full((12, 1, 1), 2, "uint16"))
    period = Period("2023", date(2023, 1, 1), date(2023, 12, 31))
    found = water.water_frequency(make_settings(), period, stack)
    assert set(found) == set(water.METHODS) and all(np.isnan(f).all() for f in found.values())
    c = vegetation.composites(make_settings(), stack)
    assert np.isnan(c.peak).all() and np.isnan(c.growing).all() and not c.water.any()
    assert np.isnan(vegetation.endmembers(c.peak, c.water)).all()
    assert np.isnan(vegetation.dimidiate(c.peak, c.water, np.nan, np.nan)).all()


def test_a_period_without_scenes_is_missing(make_settings):
    stack = Stack(
        Grid("EPSG:32650", 10.0, 0.0, 0.0, 2, 1),
        [],
        np.zeros((0, 6, 1, 2), "uint16"),
        np.zeros((0, 1, 2), "uint16"),
        np.zeros(0, "float32"),
        np.zeros(0, "float32"),
        np.zeros(0, "float32"),
    )
    found = water.water_frequency(make_settings(), Period("2023", date(2023, 1, 1), date(2023, 12, 31)), stack)
    assert all(np.isnan(f).all() for f in found.values())
    assert np.isnan(vegetation.composites(make_settings(), stack).peak).all()


def test_quantiles_skip_what_is_missing():
    series = np.array([0.1, np.nan, 0.5, 0.3, 0.9, 0.7])[:, None, None]
    # sorted .1 .3 .5 .7 .9: P90 at 3.6 -> .7 + .6 * .2 = .82
    assert vegetation.quantile_over_time(series, 0.9, 4)[0, 0] == pytest.approx(0.82)
    assert np.isnan(vegetation.quantile_over_time(series, 0.9, 6)[0, 0])


def test_plain_dimidiate_between_percentiles_of_land():
    # NDVI 0, .01, ... 1.00 on land: P5 .05, P95 .95; (.5 - .05) / .9 = .5. Water is left out of both and gets 0.
    land = np.linspace(0, 1, 101, dtype="float32")[None, :]
    values = np.concatenate([land, np.full((1, 101), -0.5, "float32")])
    wet = np.zeros((2, 101), bool)
    wet[1] = True
    soil, leaves = vegetation.endmembers(values, wet)
    assert (soil, leaves) == pytest.approx((0.05, 0.95))
    cover = vegetation.dimidiate(values, wet, soil, leaves)
    assert cover[0, 50] == pytest.approx(0.5, abs=1e-5)
    assert cover[0, 0] == 0 and cover[0, 100] == 1 and (cover[1] == 0).all()


def test_snap_covers_are_of_the_windows_and_keep_what_is_missing(make_settings, real_data):
    """Leaves and soil on five dates, one under cloud; the network's own figure for each, P90 and median of equal dates being it."""
    leaves, soil = (0.02, 0.05, 0.018, 0.50, 0.19, 0.07), (0.08, 0.11, 0.14, 0.23, 0.30, 0.25)
    days = [date(2023, 7, d) for d in (1, 8, 15, 22, 29)]
    qa = np.zeros((5, 1, 3), "uint16")
    qa[0, 0, 1] = qa[:3, 0, 2] = 2
    stack = stack_of([image(leaves, soil, soil)] * 5, days, qa=qa)
    scenes = [SimpleNamespace(platform="sentinel-2a", sensor="earth-search-sentinel-2-l2a", sun_elevation_deg=60.0, assets={})] * 5
    model = read_snap(real_data / "fcover_auxdata" / "3_0")
    peak, growing = vegetation.snap_covers(make_settings(), stack, scenes, model)
    wanted = model.networks["s2_10m"].estimate_cover(np.array([[0, 0.05, 0.018, 0, 0.50, 0, 0], [0, 0.11, 0.14, 0, 0.23, 0, 0]]), 60.0)[0]
    assert peak[0, :2] == pytest.approx(wanted, abs=2e-3) and growing[0, :2] == pytest.approx(wanted, abs=2e-3)
    assert peak[0, 0] > 0.85 and peak[0, 1] < 0.12 and np.isnan(peak[0, 2]) and np.isnan(growing[0, 2])


def test_black_odorous_thresholds():
    # BOI: (.02-.018)/.055 = .036 black; (.04-.025)/.095 = .158 clear. NDBWI: .0526 below .06; .111 within; .231 above.
    dark, middle, clear = (0.017, 0.020, 0.018, 0, 0, 0), (0.02, 0.020, 0.016, 0, 0, 0), CLEAR_WATER
    by_boi, by_ndbwi = black_odorous.index_flags(image(dark, middle, clear, MISSING))
    # middle: BOI .004/.056 = .071
    assert by_boi.tolist() == [[True, False, False, False]]
    assert by_ndbwi.tolist() == [[False, True, False, False]]


def test_place_refuses_other_pixels_and_cuts_what_lies_outside():
    source, target = Grid("EPSG:32650", 10.0, -10.0, 20.0, 2, 2), np.zeros((2, 2))
    place(np.array([[1, 2], [3, 4]]), source, target, Grid("EPSG:32650", 10.0, 0.0, 10.0, 2, 2))
    assert target.tolist() == [[4, 0], [0, 0]]
    with pytest.raises(ValueError, match="do not share their pixels"):
        place(np.ones((2, 2)), Grid("EPSG:32650", 10.0, 5.0, 10.0, 2, 2), target, Grid("EPSG:32650", 10.0, 0.0, 10.0, 2, 2))


def test_land_cover_by_thresholds_on_pixels_by_hand():
    # water MNDWI .739; leaves NDVI .818; wet soil NDVI .231, NDBI -.067 and so bare; houses NDVI .10, NDBI .07 and SWIR1 .19: built;
    # bright soil NDVI .154, NDBI .154 and SWIR1 .30: bare
    houses, bright = (0.115, 0.125, 0.135, 0.165, 0.19, 0.17), (0.09, 0.125, 0.1615, 0.22, 0.30, 0.26)
    found = land.by_thresholds(image(CLEAR_WATER, LEAVES, WET_SOIL, houses, bright, MISSING))[0]
    assert found[:5].tolist() == [Land.WATER, Land.TREE, Land.BARE, Land.BUILT, Land.BARE] and np.isnan(found[5])


def test_median_bands_take_the_growing_season_alone_and_ask_for_enough_dates(make_settings):
    settings = make_settings(land={"min_dates": 3})
    days = [date(2024, 1, 5), date(2024, 6, 1), date(2024, 7, 1)]
    got = land.median_bands(settings, stack_of([image(CLEAR_WATER), image(LEAVES), image(WET_SOIL)], days))
    assert got[:, 0, 0] == pytest.approx((np.array(LEAVES) + WET_SOIL) / 2, abs=1e-4)
    assert np.isnan(land.median_bands(settings, stack_of([image(LEAVES), image(LEAVES)], days[1:]))).all()


def test_patches_of_the_class_built_up_from_the_least_size_on():
    """Three pixels in a corner, two that only a corner joins, and one that was not seen."""
    classes = np.full((4, 5), Land.GRASS, "float32")
    classes[0, :2] = classes[1, 0] = classes[2, 1] = classes[3, 2] = Land.BUILT
    classes[0, 4] = np.nan
    found = settlements.built_patches(classes, 3)
    assert np.isnan(found[0, 4]) and np.nansum(found) == 3 and (found[0, :2] == 1).all() and found[1, 0] == 1
    assert np.nansum(settlements.built_patches(classes, 4)) == 0 and np.nansum(settlements.built_patches(classes, 1)) == 5
