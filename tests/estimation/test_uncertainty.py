"""Intervals against published numbers and laws that must always hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_pipeline.estimation.uncertainty import Interval, Thresholds, around, complete, difference, hidden_parts, missing_rule, within

LIMITS = Thresholds()


@pytest.mark.parametrize(
    ("v", "rule"),
    [(1.0, "publish"), (0.95, "publish"), (0.9499, "scale"), (0.80, "scale"), (0.7999, "range"), (0.50, "range"), (0.4999, "withhold"),
     (0.0, "withhold"), (math.nan, "withhold")],
)  # fmt: skip
def test_missing_rule_at_every_threshold(v, rule):
    assert missing_rule(v, LIMITS) == rule


def test_complete_by_hand():
    seen = Interval(0.6, 0.5, 0.7, "model95")
    assert complete(seen, 1.0, LIMITS) == seen
    # v = 0.96: imputation 1.96 * 0.04 * sqrt(0.4 * 0.6) = 0.0384; sqrt(0.1^2 + 0.0384^2) = 0.10712
    nearly = complete(seen, 0.96, LIMITS)
    assert (nearly.value, nearly.lower, nearly.upper) == pytest.approx((0.6, 0.6 - 0.10712, 0.6 + 0.10712), abs=1e-4)
    # v = 0.9: imputation 1.96 * 0.1 * sqrt(0.4 * 0.6) = 0.0960; sqrt(0.1^2 + 0.0960^2) = 0.1386; the range allows 0.45 .. 0.73
    scaled = complete(seen, 0.9, LIMITS)
    assert (scaled.value, scaled.kind) == (0.6, "model95")
    assert (scaled.lower, scaled.upper) == pytest.approx((0.6 - 0.13864, 0.73), abs=1e-4)
    # the observed values scatter by sqrt(0.37 - 0.6^2) = 0.1: imputation 1.96 * 0.1 * 0.1 = 0.0196; sqrt(0.1^2 + 0.0196^2) = 0.1019
    narrow = complete(seen, 0.9, LIMITS, square=0.37)
    assert (narrow.lower, narrow.upper) == pytest.approx((0.6 - 0.10190, 0.6 + 0.10190), abs=1e-4)
    # no scatter is larger than that of values of 0 and 1 alone
    assert complete(seen, 0.9, LIMITS, square=5.0) == scaled
    # v = 0.6: 0.6 * 0.5 + 0.4 * 0 .. 0.6 * 0.7 + 0.4 * 1
    spread = complete(seen, 0.6, LIMITS)
    assert (spread.lower, spread.upper, spread.kind) == (pytest.approx(0.3), pytest.approx(0.82), "range")
    assert complete(seen, 0.49, LIMITS) is None
    assert complete(Interval(math.nan), 1.0, LIMITS) is None


def test_an_unbounded_value_gets_bounds_only_when_something_is_missing():
    assert complete(Interval(0.3), 1.0, LIMITS).kind == ""
    assert complete(Interval(0.3), 0.96, LIMITS).kind == complete(Interval(0.3), 0.9, LIMITS).kind == "model95"


@pytest.mark.parametrize("threshold", [LIMITS.publish, 1.0])
def test_nothing_jumps_where_all_but_a_trifle_is_seen_and_where_scaling_is_said(threshold):
    seen = Interval(0.6, 0.5, 0.7, "model95")
    below, above = (complete(seen, threshold - d, LIMITS, square=0.45) for d in (1e-9, 0.0))
    assert (below.value, below.lower, below.upper) == pytest.approx((above.value, above.lower, above.upper), abs=1e-6)


@pytest.mark.parametrize(("v", "upper"), [(1.0, 0.0), (0.96, 0.04), (0.9, 0.1), (0.6, 0.4)])
def test_a_range_holds_all_that_was_not_seen(v, upper):
    """Nothing was found where 96 % were seen: 4 % may hold it. Nothing found where all was seen is nothing."""
    got = complete(Interval(0.0, 0.0, 0.0, "range"), v, LIMITS)
    assert (got.value, got.lower, got.upper, got.kind) == (0.0, 0.0, pytest.approx(upper), "range")


@pytest.mark.parametrize(("v", "parts"), [(1.0, 0), (0.98, 0), (0.975, 1), (0.96, 1), (0.85, 1), (0.84, 2), (0.8, 2)])
def test_parts_that_all_may_be_hidden(v, parts):
    """0.025 is the chance to miss one where 2.5 % are not seen; 0.16^2 = 0.0256 that of two where 16 % are not."""
    assert hidden_parts(v) == parts


def test_parts_that_are_all_alike_do_not_speak_for_those_that_were_not_seen():
    none, all_of_them = Interval(0.0, 0.0, 0.0, "model95"), Interval(1.0, 1.0, 1.0, "model95")
    # 24 of 25 coast units were seen and none is built: the last one may be. 21 of 25: 0.16^2 > 0.025, so two of the other four
    assert complete(none, 0.96, LIMITS, part=0.04).bounds == pytest.approx((0.0, 0.04))
    assert complete(none, 0.84, LIMITS, part=0.04).bounds == pytest.approx((0.0, 0.08))
    assert complete(all_of_them, 0.96, LIMITS, part=0.04).bounds == pytest.approx((0.96, 1.0))
    # 99 of 100: one in a hundred is no doubt of 2.5 %
    assert complete(none, 0.99, LIMITS, part=0.01).bounds == (0.0, 0.0)
    # never more than what was not seen
    assert complete(none, 0.96, LIMITS, part=0.2).bounds == pytest.approx((0.0, 0.04))


shares = st.floats(0, 1)
intervals = st.tuples(shares, shares, shares).map(sorted).map(lambda t: Interval(t[1], t[0], t[2], "model95"))


@given(intervals, st.floats(0.5, 1))
def test_completed_interval_is_ordered_possible_and_holds_the_value(seen, v):
    got = complete(seen, v, LIMITS)
    assert 0 <= got.lower + 1e-12 and got.upper <= 1 + 1e-12
    assert got.lower - 1e-12 <= got.value <= got.upper + 1e-12


@given(intervals, st.floats(0.5, 1), st.floats(0.5, 1))
def test_seeing_less_never_makes_the_interval_narrower(seen, v1, v2):
    less, more = sorted((v1, v2))
    wide, narrow = complete(seen, less, LIMITS), complete(seen, more, LIMITS)
    assert wide.upper - wide.lower >= narrow.upper - narrow.lower - 1e-9


@given(intervals, intervals)
def test_difference_of_ranges_contains_that_of_other_bounds(now, then):
    models = difference(now, then)
    worst = difference(Interval(now.value, now.lower, now.upper, "range"), then)
    assert worst.lower <= models.lower + 1e-12 and models.upper <= worst.upper + 1e-12
    assert models.lower - 1e-12 <= now.value - then.value <= models.upper + 1e-12


def test_difference_by_hand():
    # independent halves of 3 and 4 make 5
    got = difference(Interval(10, 7, 13, "model95"), Interval(8, 4, 12, "model95"))
    assert (got.value, got.lower, got.upper, got.kind) == (2, -3, 7, "model95")
    assert difference(Interval(10, 7, 13, "range"), Interval(8)) == Interval(2, -1, 5, "range")
    assert difference(Interval(10), Interval(8)).kind == ""


def test_around_and_within():
    assert around(0.1, 0.2) == Interval(0.1, 0.1 - 0.2, 0.1 + 0.2, "model95")
    assert around(0.1, math.nan).kind == ""
    assert within(around(0.1, 0.2), 0, 1).lower == 0
