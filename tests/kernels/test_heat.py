"""Temperatures of places and levels of dates, by hand."""

import math

import numpy as np
import pytest
from rs_kernels.heat import KELVIN_OFFSET, KELVIN_STEP, date_levels, kelvin, place_anomalies


def number(k: float) -> int:
    return round((k - KELVIN_OFFSET) / KELVIN_STEP)


def numbers(*dates: list[float]) -> np.ndarray:
    """Numbers (T, n) of temperatures, 0 for NaN."""
    return np.array([[0 if math.isnan(k) else number(k) for k in date] for date in dates], "uint16")


def places(stack: np.ndarray, level: list[float]) -> tuple[np.ndarray, ...]:
    out = tuple(np.full(stack.shape[1], -99, "float32") for _ in range(3))
    place_anomalies(stack, np.array(level), *out)
    return out


def test_kelvin_is_that_of_the_guide():
    """USGS: number 44947 is 149 + 44947 * 0.00341802 = 302.6 K."""
    assert kelvin(44947) == pytest.approx(302.6297, abs=1e-4)


def test_a_place_is_the_mean_of_its_dates_above_their_levels():
    """By hand: (305 - 300, 312 - 306) has the mean 5.5 and the deviation 0.7071; a pixel of one date has no deviation, one of none nothing."""
    anomaly, scatter, dates = places(numbers([305, 305, math.nan], [312, math.nan, math.nan]), [300.0, 306.0])
    np.testing.assert_allclose(anomaly, [5.5, 5.0, math.nan], atol=0.004)
    np.testing.assert_allclose(scatter, [0.7071, math.nan, math.nan], atol=0.004)
    assert dates.tolist() == [2, 1, 0]


def test_a_date_without_a_level_takes_no_part():
    anomaly, _, dates = places(numbers([305], [330]), [300.0, math.nan])
    assert anomaly[0] == pytest.approx(5.0, abs=0.004) and dates[0] == 1


def test_a_level_is_the_mean_of_pixels_less_their_own_anomaly():
    """By hand: (301 - 1, 304 - 2) is 301; the second date has one pixel where two are needed."""
    level = np.zeros(2)
    date_levels(numbers([301, 304, 310], [math.nan, 306, math.nan]), np.array([1, 2, math.nan], "float32"), 2, level)
    assert level[0] == pytest.approx(301.0, abs=0.004) and math.isnan(level[1])


def test_nothing_gives_nothing():
    level = np.zeros(1)
    date_levels(np.zeros((1, 0), "uint16"), np.zeros(0, "float32"), 1, level)
    assert math.isnan(level[0])
    assert [len(a) for a in places(np.zeros((0, 3), "uint16"), [])] == [3, 3, 3]
    assert np.isnan(places(np.zeros((0, 3), "uint16"), [])[0]).all()
