"""Truth tables of the status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.status import STATUSES, holds, judge, pace
from rs_pipeline.indicators.targets import OPERATORS

EXACT = Interval


def bounds(lower, upper):
    return Interval((lower + upper) / 2, lower, upper, "model95")


@pytest.mark.parametrize(
    ("comparison", "interval", "met"),
    [
        (">=", bounds(75, 77), True), (">=", bounds(74, 76), None), (">=", bounds(73, 74.9), False), (">=", EXACT(75), True),
        (">", bounds(75.1, 77), True), (">", EXACT(75), False), (">", bounds(75, 76), None),
        ("<=", bounds(70, 75), True), ("<=", bounds(74, 76), None), ("<=", bounds(75.1, 76), False), ("<=", EXACT(75), True),
        ("<", bounds(70, 74), True), ("<", EXACT(75), False), ("<", bounds(74, 75), None),
        ("=", EXACT(75), True), ("=", bounds(74, 76), None), ("=", bounds(76, 77), False), ("=", EXACT(75.1), False),
    ],
)  # fmt: skip
def test_comparisons_with_75(comparison, interval, met):
    assert holds(comparison, 75.0, interval) is met


@pytest.mark.parametrize(
    ("interval", "met"), [(bounds(68, 72), True), (bounds(67, 73), True), (bounds(66, 70), None), (bounds(74, 76), False), (EXACT(72.9), True)]
)
def test_stable_at_70_within_3(interval, met):
    assert holds("=", 70.0, interval, tolerance=3.0) is met


HISTORY = ((2023, 60.0), (2024, 61.0))


@pytest.mark.parametrize(
    ("operator", "value", "year", "now", "history", "status"),
    [
        # the number holds: met at any time; in the target's year nothing but met, not_met, undecidable
        (">=", 75, 2024, bounds(76, 78), (), "met"),
        (">=", 75, 2035, bounds(76, 78), (), "met"),
        (">=", 75, 2035, bounds(70, 72), HISTORY, "not_met"),
        (">=", 75, 2036, bounds(70, 72), HISTORY, "not_met"),
        (">=", 75, 2024, bounds(74, 76), HISTORY, "undecidable"),
        # before the year: 61 and +1 a year reach 72 in 2035
        (">=", 75, 2024, bounds(60.5, 61.5), HISTORY, "off_track"),
        (">=", 71, 2024, bounds(60.5, 61.5), HISTORY, "on_track"),
        (">=", 72, 2024, bounds(60.5, 61.5), HISTORY, "undecidable"),
        (">=", 71, 2024, bounds(60.5, 61.5), HISTORY[1:], "insufficient_data"),
        ("<=", 40, 2024, EXACT(61), ((2023, 63.0), (2024, 61.0)), "on_track"),
        ("<=", 38, 2024, EXACT(61), ((2023, 63.0), (2024, 61.0)), "off_track"),
        ("eliminate", 0, 2035, EXACT(0), (), "met"),
        ("eliminate", None, 2035, EXACT(1), (), "not_met"),
        ("eliminate", 0, 2035, Interval(0, 0, 2, "range"), (), "undecidable"),
        (">=", None, 2035, EXACT(1), (), "needs_table"),
        ("qualitative", None, 2035, EXACT(1), (), "no_target"),
    ],
)
def test_levels(make, operator, value, year, now, history, status):
    assert judge(make.target(operator, value), now, year, history=history).status == status


def test_a_target_without_a_year_is_judged_at_once(make):
    assert judge(make.target("eliminate", 0, target_year=None), EXACT(2), 2024, history=((2023, 4.0), (2024, 2.0))).status == "not_met"


@pytest.mark.parametrize(
    ("operator", "change", "early", "late"),
    [
        ("increase", bounds(1, 3), "on_track", "met"),
        ("increase", bounds(-3, -1), "off_track", "not_met"),
        ("increase", bounds(-1, 2), "undecidable", "undecidable"),
        ("increase", EXACT(0), "off_track", "not_met"),
        ("decrease", bounds(-3, -1), "on_track", "met"),
        ("decrease", bounds(1, 3), "off_track", "not_met"),
        ("no_decrease", EXACT(0), "on_track", "met"),
        ("no_decrease", bounds(-3, -1), "off_track", "not_met"),
        ("no_decrease", bounds(-1, 1), "undecidable", "undecidable"),
        ("no_increase", EXACT(0), "on_track", "met"),
        ("no_increase", bounds(1, 3), "off_track", "not_met"),
        ("no_increase", Interval(0, 0, 1, "model95"), "undecidable", "undecidable"),
    ],
)
def test_changes(make, operator, change, early, late):
    target = make.target(operator, None)
    assert judge(target, change, 2024, is_change=True).status == early
    assert judge(target, change, 2035, is_change=True).status == late


def test_a_change_is_the_difference_to_the_baseline(make):
    target = make.target("no_decrease", None)
    assert judge(target, EXACT(10), 2035, then=EXACT(9)).status == "met"
    assert judge(target, EXACT(8), 2035, then=EXACT(9)).status == "not_met"
    assert judge(target, EXACT(10), 2035).status == "insufficient_data"


def test_the_number_of_a_change_is_how_far_it_must_go(make):
    assert judge(make.target("decrease", 5), EXACT(-4), 2035, is_change=True).status == "not_met"
    assert judge(make.target("decrease", 5), EXACT(-6), 2035, is_change=True).status == "met"


def test_pace_is_the_median_of_slopes():
    # slopes 1, 1, 1, 6, 8.5, 16 with the outlier of 2025: median (1 + 6) / 2
    assert pace(((2022, 0.0), (2023, 1.0), (2024, 2.0))) == Interval(1.0)
    assert pace(((2022, 0.0), (2023, 1.0), (2024, 2.0), (2025, 18.0))).value == pytest.approx(3.5)
    assert pace(((2024, 1.0),)) is None


def test_five_years_give_the_pace_an_interval(make):
    """The specification's series: Theil-Sen 2.075 [1.2, 3.0]. From 41 in 2020: 72.1 in 2035, 15 years of 0.875 less to 0.925 more."""
    series = ((2000, 0.0), (2005, 12.0), (2010, 18.0), (2015, 33.0), (2020, 41.0))
    slope = pace(series)
    assert (slope.value, slope.lower, slope.upper) == pytest.approx((2.075, 1.2, 3.0))
    verdict = judge(make.target(">=", 75), EXACT(41), 2020, history=series)
    assert verdict.status == "undecidable" and verdict.reason == "at +2.08 % a year it reaches 72.12 in 2035, between 59 and 86"
    assert judge(make.target(">=", 50), EXACT(41), 2020, history=series).status == "on_track"
    assert judge(make.target(">=", 90), EXACT(41), 2020, history=series).status == "off_track"


def test_the_pace_is_told(make):
    reason = judge(make.target(">=", 75), EXACT(61), 2024, history=HISTORY).reason
    assert reason == "at +1 % a year it reaches 72 in 2035"


numbers = st.floats(-1e3, 1e3)


@given(st.sampled_from(sorted(OPERATORS)), st.none() | numbers, st.tuples(numbers, numbers, numbers).map(sorted), st.integers(2020, 2040))
def test_every_case_has_a_status(make, operator, value, three, year):
    now = Interval(three[1], three[0], three[2], "model95")
    verdict = judge(make.target(operator, value), now, year, then=EXACT(0.0), history=((2019, 0.0), (2020, 1.0)))
    assert verdict.status in STATUSES


@given(numbers, numbers)
def test_at_least_and_at_most_cannot_both_fail(number, value):
    assert holds(">=", number, EXACT(value)) or holds("<=", number, EXACT(value))
