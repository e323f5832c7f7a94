"""The fused pass against pixels worked by hand."""

import numpy as np
import pytest
from rs_kernels.edges import VEGETATED, classify_water, finest_median, plants_on_water, water_under_plants
from rs_kernels.observe import RADAR_LAND, RADAR_UNSURE, RADAR_WATER, Dimidiate, Months, observe_vegetation, observe_water, radar_water
from rs_kernels.stack import Stack, one_a_day
from rs_kernels.statistics import quantile_sorted

SCALE, OFFSET = 1e-4, -0.1
WATER = (0.03, 0.04, 0.025, 0.0, 0.012, 0.006, 0.004)
PLANTS = (0.03, 0.06, 0.04, 0.0, 0.40, 0.20, 0.10)
ICE = (0.45, 0.46, 0.44, 0.0, 0.38, 0.06, 0.05)


def numbers(pixels):
    """dn (T, 7, 1, 1) from reflectances; None is nodata."""
    dn = np.zeros((len(pixels), 7, 1, 1), "uint16")
    for t, p in enumerate(pixels):
        if p is not None:
            dn[t, :, 0, 0] = np.round((np.array(p) - OFFSET) / SCALE)
    return dn


def qa(pixels, bits=()):
    out = np.array([1 if p is None else 0 for p in pixels], "uint16").reshape(-1, 1, 1)
    for t, b in dict(bits).items():
        out[t] |= b
    return out


def water(pixels, months, *, days=None, bits=(), radar=None, radar_db=None, n_months=12, min_months=3, native_m=None, high=None, freezing=(), tidal=False):
    n = len(pixels)
    days = np.array(days if days is not None else np.array(months) * 30 + np.arange(n), "int64")
    radar = np.zeros((n_months, 1, 1), "int8") if radar is None else np.array(radar, "int8").reshape(-1, 1, 1)
    power = np.zeros((n_months, 1, 1), "f4") if radar_db is None else (10 ** (np.array(radar_db) / 10)).astype("f4").reshape(-1, 1, 1)
    out, finished = np.empty((9, 1, 1), "float32"), np.empty((3, 1, 1), "float32")
    high_sun = np.zeros(n_months, bool) if high is None else np.isin(np.arange(n_months), high)
    dates = Stack(
        numbers(pixels),
        qa(pixels, bits),
        3,
        np.full(n, SCALE, "f4"),
        np.full(n, OFFSET, "f4"),
        np.full(n, 10, "f4") if native_m is None else np.array(native_m, "f4"),
        days,
        np.array(months, "int64"),
    )
    spring, frozen = (np.isin(np.arange(n_months), m) for m in ((4, 5), freezing))
    observe_water(one_a_day(dates, 3), Months(radar, power, high_sun, spring, frozen, np.full((1, 1), tidal)), 0.0, min_months, out)
    classify_water(out[0], out[2], 0.75, 0.25, 0.05, finished)
    names = ("frequency", "clear", "months", "radar_months", "high_frequency", "high_months", "spring_wet", "green", "high_green", "class", "lower", "upper")
    return dict(zip(names, [*out[:, 0, 0], *finished[:, 0, 0]], strict=True))


def test_every_month_has_one_vote_however_many_dates_it_has():
    # January to March dry with one date each, August wet with five: 1 wet of 4 months, not 5 of 8.
    got = water([PLANTS] * 3 + [WATER] * 5, [0, 1, 2, 7, 7, 7, 7, 7])
    assert got["frequency"] == 0.25
    assert got["class"] == 2
    assert got["clear"] == 8 and got["months"] == 4


def test_wet_months_of_spring_are_counted():
    assert water([PLANTS, WATER, WATER, PLANTS], [3, 4, 5, 7])["spring_wet"] == 2
    assert water([WATER, PLANTS, PLANTS, WATER], [3, 4, 5, 7])["spring_wet"] == 0


def test_a_month_votes_by_its_median():
    assert water([PLANTS, PLANTS, WATER, WATER, WATER], [0, 1, 2, 2, 2])["frequency"] == pytest.approx(1 / 3)
    assert water([WATER, WATER, WATER, PLANTS, PLANTS], [0, 1, 2, 2, 2])["frequency"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("high", "months", "frequency"), [((), 0, np.nan), ((3,), 1, 1), ((5,), 1, 0), ((3, 4, 5, 6), 3, 2 / 3)])
def test_months_of_high_sun_have_a_frequency_of_their_own(high, months, frequency):
    """April and May wet, June dry; July has high sun but no date."""
    got = water([WATER, WATER, PLANTS], [3, 4, 5], high=high)
    assert got["high_months"] == months and got["high_frequency"] == pytest.approx(frequency, nan_ok=True)


SOIL = (0.06, 0.08, 0.10, 0.0, 0.16, 0.14, 0.09)
SPARSE, SPARSER = (0.05, 0.07, 0.0857, 0.0, 0.20, 0.14, 0.09), (0.05, 0.07, 0.0858, 0.0, 0.20, 0.14, 0.09)
"""NDVI 0.4001 and 0.3996."""
SHADOW = (0.03, 0.028, 0.027, 0.0, 0.03, 0.025, 0.02)
MIXED = (0.03, 0.0426, 0.027, 0.0, 0.03, 0.01, 0.008)
"""Log-odds of water: PLANTS -5.7, SOIL -4.0, SHADOW -0.27, MIXED -0.5 + 1.6 x 1.5 + 0.8 + 4 x 0.62 = 5.2, WATER 8.7."""


@pytest.mark.parametrize(
    ("dates", "wet"),
    [
        ((PLANTS, MIXED), False), ((SHADOW, MIXED), True), ((SOIL, WATER), True), ((PLANTS, MIXED, PLANTS, WATER), False),
        ((WATER, PLANTS, MIXED, PLANTS), False), ((WATER, SHADOW, MIXED, PLANTS), True), ((PLANTS, SHADOW, WATER, MIXED), True),
    ],
)  # fmt: skip
def test_where_half_of_the_dates_are_wet_the_two_in_the_middle_decide(dates, wet):
    """(-5.7 + 5.2) / 2 is dry and (-0.27 + 5.2) / 2 wet, whatever the most certain dates say."""
    assert water(dates, [0] * len(dates), min_months=1)["frequency"] == wet


@pytest.mark.parametrize(
    ("dn", "native_m", "median"),
    [
        ([1000, 1200, 1600], [10, 10, 10], 0.12), ([1000, 1200, 1600, 1700], [10] * 4, 0.14), ([1000, 0, 1600], [10] * 3, 0.13),
        ([1000, 1200, 3000], [30, 10, 20], 0.12), ([1000, 1200, 1300], [10, 10, 30], 0.11), ([0, 0, 0], [10] * 3, np.nan),
        ([0, 1200, 1400], [10, 30, 30], 0.13), ([1, 1200], [10, 30], 0.0001),  # a finer sensor that saw nothing, and one that saw the least number
    ],
)  # fmt: skip
def test_the_median_is_of_the_clear_dates_of_the_finest_sensor(dn, native_m, median):
    n, out = len(dn), np.empty((1, 1), "f4")
    dates = Stack(
        np.array(dn, "uint16").reshape(n, 1, 1, 1), np.zeros((n, 1, 1), "uint16"), 3, np.full(n, 1e-4, "f4"), np.zeros(n, "f4"), np.array(native_m, "f4")
    )
    finest_median(dates, 0, np.ones(n, bool), out)
    assert out[0, 0] == pytest.approx(median, nan_ok=True)


@pytest.mark.parametrize(
    ("kind", "frequency", "spring", "cover", "plants"),
    [
        (1, 0.9, 0, 0.3, 1), (1, 0.9, 0, 0.29, 0), (1, 0.4, 1, 0.6, 1),  # permanent water is full of plants from 0.3
        (2, 0.49, 1, 0.5, 2), (2, 0.49, 1, 0.49, 0), (2, 0.49, 0, 0.5, 0), (2, 0.5, 1, 0.5, 0), (3, 0.1, 1, 0.5, 2), (0, 0.0, 1, 0.9, 0),
    ],
)  # fmt: skip
def test_plants_on_water_begin_at_their_limits(kind, frequency, spring, cover, plants):
    """A paddy is seasonal or rarer water in less than half of the year, in one month of spring or more, with cover from 0.5."""
    out = np.empty((1, 1), "f4")
    kind, frequency, spring, cover = (np.full((1, 1), v, "f4") for v in (kind, frequency, spring, cover))
    plants_on_water(kind, frequency, np.zeros((1, 1), bool), spring, cover, out)
    assert out[0, 0] == plants


@pytest.mark.parametrize(("frequency", "kind"), [(0.75, 1), (0.74, 2), (0.25, 2), (0.24, 3), (0.05, 3), (0.04, 0)])
def test_classes_of_water_begin_at_their_frequencies(frequency, kind):
    out = np.empty((3, 1, 1), "f4")
    classify_water(np.full((1, 1), frequency, "f4"), np.full((1, 1), 12, "f4"), np.float32(0.75), np.float32(0.25), np.float32(0.05), out)
    assert out[0, 0, 0] == kind


FLOOD = (0.06, 0.09, 0.14, 0.0, 0.135, 0.10, 0.064)
"""A river in flood, half of the pixel its bank: log-odds -3.11, with sediment 0.89 (`test_indices`)."""


@pytest.mark.parametrize(("tidal", "frequency"), [(False, 1.0), (True, 0.0)])
def test_sediment_is_no_evidence_of_water_where_the_tide_bares_mud(tidal, frequency):
    assert water([FLOOD] * 4, [0, 1, 2, 3], tidal=tidal)["frequency"] == frequency


def test_too_few_months_are_missing_not_land():
    got = water([PLANTS, PLANTS], [0, 1])
    assert np.isnan(got["frequency"]) and np.isnan(got["class"]) and np.isnan(got["lower"])
    assert got["months"] == 2


def test_nothing_observed_is_missing():
    got = water([None, None, None], [0, 1, 2], min_months=1)
    assert np.isnan(got["frequency"]) and got["months"] == 0


@pytest.mark.parametrize(
    ("dates", "green"),
    [
        ((PLANTS,), 1), ((SOIL,), 0), ((WATER,), 0), ((WATER, PLANTS, PLANTS), 1), ((PLANTS, SOIL), 0), ((PLANTS, PLANTS, SOIL), 1),
        ((None,), 0), ((WATER, WATER, PLANTS), 0), ((SPARSE,), 1), ((SPARSER,), 0),
    ],
)  # fmt: skip
def test_a_dry_month_most_of_whose_dry_dates_are_green_is_green(dates, green):
    got = water(dates, [4] * len(dates), min_months=1, high=(4,))
    assert got["green"] == got["high_green"] == green
    assert water(dates, [4] * len(dates), min_months=1)["high_green"] == 0


def test_the_finest_sensor_tells_what_is_green():
    """Landsat's pixel is full of reed, Sentinel-2's is bare."""
    assert water([PLANTS, PLANTS, SOIL], [4] * 3, native_m=[30, 30, 10])["green"] == 0
    assert water([SOIL, SOIL, PLANTS], [4] * 3, native_m=[30, 30, 10])["green"] == 1


LOTUS = {"frequency": 7 / 12, "months": 12, "green": 4, "high_frequency": 3 / 7, "high_months": 7, "high_green": 4, "cover": 0.8}
"""Open water from November to May, leaves from June to September, dead leaves in October; high sun from March to September: 7 of 8 open months are wet, all 3
of high sun."""


@pytest.mark.parametrize(
    ("change", "hidden"),
    [
        ({}, True),
        ({"green": 0, "high_green": 0}, False),  # five dry months that are not green: a pond that falls dry
        ({"frequency": 6 / 12}, True), ({"frequency": 5 / 12, "green": 6}, False),  # water for less than half of the year
        ({"frequency": 6 / 12, "green": 3, "high_green": 3}, False),  # 6 of 9 open months, 0.67
        ({"high_frequency": 0.0}, False),  # no open month of high sun is wet: winter shadow under trees
        ({"high_frequency": 1 / 6, "high_months": 6, "high_green": 5}, False),
        ({"high_frequency": 2 / 6, "high_months": 6}, False),  # two open months of high sun
        ({"cover": 0.5}, True), ({"cover": 0.49}, False), ({"cover": np.nan}, False),
        ({"frequency": np.nan}, False), ({"high_frequency": np.nan, "high_months": 0, "high_green": 0}, False),
    ],
)  # fmt: skip
def test_water_that_plants_hide_is_water_in_all_other_months(change, hidden):
    out = np.empty((1, 1), bool)
    water_under_plants(*(np.full((1, 1), v, "f4") for v in (LOTUS | change).values()), np.float32(0.75), out)
    assert out[0, 0] == hidden


def test_a_pixel_that_is_hidden_water_is_water_with_plants_whatever_its_class():
    for kind in (0, 2, 3):
        out = np.empty((1, 1), "f4")
        plants_on_water(*(np.full((1, 1), v, "f4") for v in (kind, 0.5)), np.ones((1, 1), bool), *(np.full((1, 1), v, "f4") for v in (2, 0.8)), out)
        assert out[0, 0] == VEGETATED


def test_masked_dates_do_not_vote():
    got = water([WATER] * 4 + [PLANTS], [0, 1, 2, 3, 3], bits={4: 2})
    assert got["frequency"] == 1.0 and got["class"] == 1


@pytest.mark.parametrize(("freezing", "months"), [((), 4), ((0,), 3)])
def test_muddy_water_is_ice_only_where_it_may_freeze(freezing, months):
    """A river in flood passes the test of ice: NDSI .62, red .17, NIR .13. Left out it would be a summer without a river."""
    muddy = (0.10, 0.15, 0.17, 0.0, 0.13, 0.035, 0.02)
    got = water([muddy, WATER, WATER, WATER], [0, 5, 6, 7], freezing=freezing)
    assert got["months"] == months and got["frequency"] == 1
    assert water([ICE, WATER, WATER, WATER], [0, 5, 6, 7], freezing=freezing)["months"] == 3  # as bright as snow


def test_ice_is_left_out():
    got = water([ICE, WATER, WATER, WATER], [0, 5, 6, 7])
    assert got["months"] == 3 and got["frequency"] == 1.0


def test_the_same_day_counts_once():
    assert water([WATER, WATER, PLANTS, PLANTS], [0, 0, 1, 2], days=[3, 3, 33, 63])["clear"] == 3


def test_the_finest_sensor_of_a_month_votes():
    # January: Landsat dry, Sentinel-2 wet; February: Landsat alone, dry; March: both on one day, the finest first.
    got = water([PLANTS, WATER, PLANTS, WATER, PLANTS], [0, 0, 1, 2, 2], days=[1, 5, 35, 65, 65], native_m=[30, 10, 30, 10, 30])
    assert got["months"] == 3 and got["frequency"] == pytest.approx(2 / 3) and got["clear"] == 3


def test_radar_fills_a_month_without_a_clear_date():
    radar = [0] * 12
    radar[3], radar[4] = 1, -1
    got = water([WATER, WATER, None], [0, 1, 2], radar=radar)
    assert got["months"] == 4 and got["radar_months"] == 2 and got["frequency"] == 0.75


@pytest.mark.parametrize(
    ("optical", "own_db", "last", "last_db", "wet"),
    [
        ((WATER, SOIL), (-18, -8), RADAR_UNSURE, -13.5, True), ((WATER, SOIL), (-18, -8), RADAR_UNSURE, -12.5, False),  # -13 dB divides them
        ((WATER, SOIL), (-12, -8.9), RADAR_UNSURE, -11, True), ((WATER, SOIL), (-12, -9.5), RADAR_UNSURE, -11, False),  # 3 dB apart, or less
        ((WATER, WATER), (-15, -15), RADAR_UNSURE, -11.1, True), ((WATER, WATER), (-15, -15), RADAR_UNSURE, -10.9, False),  # waves of 4 dB
        ((SOIL, SOIL), (-17, -17), RADAR_WATER, -18, False), ((SOIL, SOIL), (-12, -12), RADAR_WATER, -17, True),  # smooth sand, a flood
        ((SOIL, SOIL), (-10, -10), RADAR_UNSURE, -15, False),
    ],
)  # fmt: skip
def test_a_month_that_only_radar_saw_is_judged_by_the_months_of_the_place(optical, own_db, last, last_db, wet):
    """January and February have an optical date and radar, March radar alone."""
    radar = [RADAR_UNSURE] * 2 + [last] + [0] * 9
    got = water(optical, [0, 1], radar=radar, radar_db=[*own_db, last_db] + [-99.0] * 9)
    assert got["radar_months"] == 1 and got["frequency"] == pytest.approx((sum(p == WATER for p in optical) + wet) / 3)


def test_unsure_radar_does_not_outvote_an_optical_date_and_sure_radar_does():
    """A river of four pixels whose banks shine in: its log-odds are 1.1, radar takes 1.2."""
    narrow = (0.06, 0.085, 0.085, 0.0, 0.08, 0.084, 0.06)
    for code, wet in ((0, 1), (RADAR_UNSURE, 1), (RADAR_LAND, 0)):
        assert water([narrow] * 3, [0, 1, 2], radar=[code] * 3 + [0] * 9)["frequency"] == wet
    for code in (0, RADAR_UNSURE, RADAR_LAND):
        assert water([SHADOW] * 3, [0, 1, 2], radar=[code] * 3 + [0] * 9)["frequency"] == 0


def test_radar_averages_power_not_decibels():
    # -8 dB and -30 dB: mean power -10.98 dB is not water at -16 dB, nor nearly; the mean of the decibels, -19, would be.
    amplitude = np.zeros((2, 2, 1, 1), "uint16")
    amplitude[:, 0, 0, 0] = np.round(np.sqrt([10**-0.8, 0.001]) * 1e4)
    amplitude[:, 1, 0, 0] = 100
    out, power = np.zeros((1, 1, 1), "int8"), np.zeros((1, 1, 1), "f4")
    radar_water(amplitude, np.zeros(2, "int64"), 1, 10**-1.6, 10**-2.2, out, power)
    assert out[0, 0, 0] == RADAR_LAND and power[0, 0, 0] == pytest.approx(10**-1.098, rel=1e-3)
    amplitude[0, 0] = amplitude[1, 0]
    radar_water(amplitude, np.zeros(2, "int64"), 1, 10**-1.6, 10**-2.2, out, power)
    assert out[0, 0, 0] == RADAR_WATER
    amplitude[:, 0] = round(10**-0.65 * 1e4)  # -13 dB, 3 dB brighter than water
    radar_water(amplitude, np.zeros(2, "int64"), 1, 10**-1.6, 10**-2.2, out, power)
    assert out[0, 0, 0] == RADAR_UNSURE


def vegetation(pixels, days, *, bits=(), in_peak=None, min_dates=4, min_span=40, quantile=0.9):
    n = len(pixels)
    out = np.empty((5, 1, 1), "float32")
    inside = np.ones(n, bool)
    dates = Stack(numbers(pixels), qa(pixels, bits), 3, np.full(n, SCALE, "f4"), np.full(n, OFFSET, "f4"), np.full(n, 10, "f4"), np.array(days, "int64"))
    how = Dimidiate((0.06 / 0.38, 0.42 / 0.48, 0.48 / 0.38), (0.02, 0.03, 0.03), quantile, min_dates, min_span)
    observe_vegetation(dates, inside if in_peak is None else np.array(in_peak), inside, how, out)
    return out[:, 0, 0]


def mixture(fraction):
    """Reflectances of a mixture of the endmembers with that vegetation fraction; bright in SWIR, so not water."""
    return (0.05, 0.08, 0.16 - 0.13 * fraction, 0.0, 0.22 + 0.23 * fraction, 0.3, 0.25)


def test_peak_is_the_90th_percentile_and_growing_the_mean_in_time():
    fractions = [0.2, 0.4, 0.6, 0.8, 0.3]
    peak, growing, sigma, n_peak, n_growing = vegetation([mixture(f) for f in fractions], [0, 20, 40, 60, 80])
    # sorted 0.2 0.3 0.4 0.6 0.8; 0.9*(5-1) = 3.6 -> 0.6 + 0.6*0.2
    assert peak == pytest.approx(0.72, abs=2e-3)
    # weights 10 20 20 20 10: (2 + 8 + 12 + 16 + 3) / 80
    assert growing == pytest.approx(0.5125, abs=2e-3)
    assert 0 < sigma < 0.1 and n_peak == n_growing == 5


def test_few_or_close_dates_are_missing_not_zero():
    assert np.isnan(vegetation([mixture(0.5)] * 3, [0, 30, 60])[:3]).all()
    assert np.isnan(vegetation([mixture(0.5)] * 5, [0, 5, 10, 15, 20])[:3]).all()


@pytest.mark.parametrize(("days", "missing"), [([0, 10, 20, 40], False), ([0, 10, 20, 39], True), ([0, 20, 40], True)])
def test_peak_and_growing_season_need_four_dates_over_forty_days(days, missing):
    """Both windows hold all dates; all of them show half of a cover."""
    peak, growing, *_ = vegetation([mixture(0.5)] * len(days), days)
    assert [peak, growing] == pytest.approx([np.nan] * 2 if missing else [0.5] * 2, abs=2e-3, nan_ok=True)


def test_water_has_no_cover():
    assert vegetation([WATER] * 5, [0, 20, 40, 60, 80])[0] == 0.0


def test_clouded_dates_do_not_lower_the_peak():
    with_cloud = vegetation([mixture(0.7)] * 5 + [mixture(0.0)], [0, 20, 40, 60, 80, 90], bits={5: 2})
    assert with_cloud[0] == pytest.approx(0.7, abs=2e-3) and with_cloud[3] == 5


def test_order_statistics():
    assert quantile_sorted(np.array([1.0, 2.0, 4.0]), 3, 0.5) == 2.0
    assert quantile_sorted(np.array([1.0, 3.0]), 2, 0.9) == pytest.approx(2.8)
