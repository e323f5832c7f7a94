"""Verdicts. The truth table is that of docs/verdicts.md."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_pipeline.estimation.uncertainty import Interval, difference
from rs_pipeline.indicators.status import STATUSES, carried_on, holds, judge, natural_limits, pace, told_apart
from rs_pipeline.indicators.targets import OPERATORS

EXACT = Interval
PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"


def bounds(lower, upper):
    return Interval((lower + upper) / 2, lower, upper, "model95")


def tables_of_the_page():
    """Rows of the tables of the page: the words, and the cases."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    cut = next(i for i, row in enumerate(rows) if row[0] == "case")
    return rows[2:cut], rows[cut + 2 :]


WORDS, CASES = tables_of_the_page()


def reading(text):
    """``2023: 40 [38, 42]`` to (2023, interval)."""
    year, value, *ends = (float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", text))
    return int(year), Interval(value, *ends, "model95") if ends else Interval(value)


@pytest.mark.parametrize(("sentence", "by", "limit", "readings", "status"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_the_truth_table_of_the_page(make, sentence, by, limit, readings, status):
    operator, number, tolerance = re.fullmatch(r"(\S+)\s*([\d.?]+)?(?: \+- ([\d.]+))?", sentence).groups()
    target = make.target(operator, None if number in (None, "?") else float(number), tolerance=float(tolerance or 0), target_year=int(by) if by else None)
    history = [reading(part) for part in re.split(r", (?=\d{4}:)", readings)]
    year, now = history[-1]
    change = difference(now, history[0][1]) if len(history) > 1 else None
    verdict = judge(target, now, year, change=change, slope=pace(history), least=float(limit or 0))
    assert (verdict.status, verdict.reason) == (status, verdict.reason)


def test_the_page_has_every_status_in_the_words_of_the_code():
    assert {word.strip("`"): says for word, says in WORDS} == STATUSES
    assert {row[-1] for row in CASES} >= {"met", "on_track", "undecidable", "slipping", "off_track", "not_met"}


@pytest.mark.parametrize(
    ("unit", "is_change", "expected"),
    [
        ("%", False, (0.0, 100.0)), ("% of cities", False, (0.0, 100.0)), ("km2", False, (0.0, 155.1)), ("x 2020 urban construction land", True, (0.0, 155.1)),
        ("km2", True, (-45.1, 155.1)), ("m/yr", False, (-45.1, 155.1)), ("% fall since 2020", True, (-45.1, 155.1)), ("", False, (-45.1, 155.1)),
    ],
)  # fmt: skip
def test_an_extrapolated_value_stays_within_its_natural_limits(unit, is_change, expected):
    """55 [50, 60] carried on by ten years at 0 [-10, 10] a year is 55 +- hypot(5, 100) = 55 +- 100.1."""
    assert carried_on(bounds(50, 60), bounds(-10, 10), 10, natural_limits(unit, is_change=is_change)).bounds == pytest.approx(expected, abs=0.05)


def test_a_value_beyond_its_limit_ends_at_it():
    """30 % at -4 a year is -10 in ten years: 0. 40 % at 7 is 110: 100."""
    assert carried_on(EXACT(30), EXACT(-4), 10, natural_limits("%")) == EXACT(0)
    assert carried_on(EXACT(40), EXACT(7), 10, natural_limits("%")) == EXACT(100)


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
def test_a_number_to_be_kept_within_3(interval, met):
    assert holds("=", 70.0, interval, tolerance=3.0) is met


@pytest.mark.parametrize(
    ("lower", "upper", "least", "expected"), [(0, 0.99, 1, (0, 0)), (0, 1, 1, (0, 1)), (-0.5, 2, 1, (0, 2)), (-1, 0.5, 1, (-1, 0)), (0.2, 0.3, 0, (0.2, 0.3))]
)
def test_less_than_can_be_told_from_none_is_none(lower, upper, least, expected):
    found = told_apart(bounds(lower, upper), least)
    assert (found.lower, found.upper) == expected


@pytest.mark.parametrize(
    ("lower", "upper", "least", "expected"),
    [(0, 0, 1, (-1, 1)), (-3, -0.5, 1, (-3, 1)), (-0.5, 2, 1, (-1, 2)), (-3, -1, 1, (-3, -1)), (-0.2, -0.1, 0, (-0.2, -0.1))],
)
def test_a_change_too_small_to_be_told_may_lie_on_either_side(lower, upper, least, expected):
    assert told_apart(bounds(lower, upper), least, "<").bounds == told_apart(bounds(lower, upper), least, ">").bounds == expected


def test_a_change_between_open_bounds_is_not_told(make):
    target = make.target("no_decrease", None, target_year=None)
    verdict = judge(target, bounds(3.0, np.inf), 2025, change=bounds(-np.inf, np.inf))
    assert (verdict.status, verdict.reason) == ("undecidable", "the bounds of the value are open, so its change cannot be told")


def test_nothing_is_left_to_decrease(make):
    none, target = EXACT(0.0), make.target("decrease", None, target_year=None)
    verdict = judge(target, none, 2025, change=none, least=1.0)
    assert (verdict.status, verdict.reason) == ("met", "change since the baseline +0; none is left, so nothing is left to decrease")
    assert judge(target, none, 2025, is_change=True).status == "not_met", "a change of none is no amount of none"
    assert judge(make.target("decrease", 5.0, target_year=None), none, 2025, change=EXACT(-3.0)).status == "not_met"
    assert judge(target, none, 2025, change=none, least=1.0, often_missed=True).status == "undecidable", "none that was seen is not none"
    small = judge(target, EXACT(0.1), 2025, change=EXACT(-0.1), least=0.05)
    assert (small.status, small.reason) == ("met", "change since the baseline -0.1")


def test_a_target_without_a_year_is_judged_at_once(make):
    assert judge(make.target("eliminate", 0, target_year=None), EXACT(2), 2024, slope=EXACT(-2)).status == "not_met"


def test_a_change_needs_a_value_in_the_baseline_period(make):
    assert judge(make.target("no_decrease", None), EXACT(10), 2035).status == "insufficient_data"


def test_pace_is_the_median_of_slopes():
    # slopes 1, 1, 1, 6, 8.5, 16 with the outlier of 2025: median (1 + 6) / 2, between the least and the greatest
    straight = [(2022, EXACT(0.0)), (2023, EXACT(1.0)), (2024, EXACT(2.0))]
    assert pace(straight) == Interval(1.0)
    bent = pace([*straight, (2025, EXACT(18.0))])
    assert (bent.value, bent.lower, bent.upper) == pytest.approx((3.5, 1.0, 16.0))
    assert pace([(2024, EXACT(1.0))]) is None


def test_a_pace_has_the_doubt_of_its_two_ends():
    """From 60 +- 3 to 64 +- 4 in two years: 2 a year, and 5 (the root of 9 + 16) over two years to either side."""
    slope = pace([(2023, bounds(57, 63)), (2025, bounds(60, 68))])
    assert (slope.value, slope.lower, slope.upper) == pytest.approx((2.0, -0.5, 4.5))


def test_what_two_years_err_in_common_is_not_in_the_pace():
    slope = pace([(2023, bounds(57, 63)), (2025, bounds(60, 68))], ends=Interval(4.0, 3.0, 5.0, "model95"))
    assert (slope.lower, slope.upper) == pytest.approx((1.5, 2.5))


def test_five_years_give_the_pace_an_interval(make):
    """The specification's series: Theil-Sen 2.075 [1.2, 3.0]. From 41 in 2020: 72.1 in 2035, 15 years of 0.875 less to 0.925 more."""
    slope = pace([(2000, EXACT(0.0)), (2005, EXACT(12.0)), (2010, EXACT(18.0)), (2015, EXACT(33.0)), (2020, EXACT(41.0))])
    assert (slope.value, slope.lower, slope.upper) == pytest.approx((2.075, 1.2, 3.0))
    verdict = judge(make.target(">=", 75), EXACT(41), 2020, slope=slope)
    assert verdict.status == "undecidable" and verdict.slope == slope
    assert verdict.reason == "does not hold today; at +2.08 [+1.2, +3] % a year it comes to 72.12 [59, 86] in 2035, which straddles the target"
    assert judge(make.target(">=", 50), EXACT(41), 2020, slope=slope).status == "on_track"
    assert judge(make.target(">=", 90), EXACT(41), 2020, slope=slope).status == "off_track"


@pytest.mark.parametrize(
    ("now", "slope", "reason"),
    [
        (EXACT(61), EXACT(1.0), "does not hold today; at +1 % a year it comes to 72 in 2035, where it does not hold"),
        (bounds(78, 80), bounds(-1, -0.8), "holds today; at -0.9 [-1, -0.8] % a year it comes to 69.1 [67.61, 70.59] in 2035, where it does not hold"),
        (bounds(76, 78), None, "holds today; one period shows no pace"),
    ],
)
def test_the_pace_is_told(make, now, slope, reason):
    assert judge(make.target(">=", 75), now, 2024, slope=slope).reason == reason


def test_the_detection_limit_is_told(make):
    target = make.target("eliminate", 0, target_year=None)
    assert judge(target, Interval(0, 0, 0.3, "model95"), 2024, least=1.0).reason == "less than 1 cannot be told from none"
    assert judge(make.target("no_increase", 0), EXACT(0.01), 2024, change=Interval(0.01, 0, 0.04, "range"), least=0.05).reason == (
        "change since the baseline +0.01 [+0, +0.04]; less than 0.05 cannot be told from none"
    )


@pytest.mark.parametrize(("operator", "number", "tolerance"), [("=", 70.0, 3.0), (">=", 67.0, 0.0)])
def test_a_number_to_be_kept_is_lost_as_a_floor_is(make, operator, number, tolerance):
    """From 72 by 0.45 (0.2 to 0.7) a year: 67.5 [64.97, 70.03] in ten years; the floor of both is 67."""
    target = make.target(operator, number, tolerance=tolerance)
    assert judge(target, Interval(72.0, 71.6, 72.4, "model95"), 2025, slope=Interval(-0.45, -0.7, -0.2, "model95")).status == "undecidable"


numbers = st.floats(-1e3, 1e3)


@given(
    st.sampled_from(sorted(OPERATORS)), st.none() | numbers, st.tuples(numbers, numbers, numbers).map(sorted), st.integers(2020, 2040),
    st.none() | numbers, st.floats(0, 10),
)  # fmt: skip
def test_every_case_has_a_status(make, operator, value, three, year, slope, least):
    now = Interval(three[1], three[0], three[2], "model95")
    verdict = judge(make.target(operator, value), now, year, change=now, slope=None if slope is None else EXACT(slope), least=least)
    assert verdict.status in STATUSES


@given(numbers, numbers)
def test_at_least_and_at_most_cannot_both_fail(number, value):
    assert holds(">=", number, EXACT(value)) or holds("<=", number, EXACT(value))
