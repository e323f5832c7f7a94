"""Every formula against values computed by hand or printed in the literature, and laws that hold for any data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rs_pipeline.validation import metrics as m

masks = arrays(bool, st.integers(1, 40))
values = st.floats(-10, 10, allow_nan=False, width=32)
pairs = st.integers(2, 30).flatmap(lambda n: st.tuples(arrays("float64", n, elements=values), arrays("float64", n, elements=values)))


def test_bias_and_rmse_by_hand():
    found, true = [0.5, 0.7, 0.9], [0.4, 0.8, 0.6]  # differences 0.1, -0.1, 0.3
    assert m.bias(found, true) == pytest.approx(0.1)
    assert m.rmse(found, true) == pytest.approx(math.sqrt(0.11 / 3))


def test_concordance_by_hand():
    # means 2 and 3, variances (over n) 2/3 and 2/3, covariance 2/3: 2 (2/3) / (2/3 + 2/3 + 1) = 4/7
    assert m.concordance([1, 2, 3], [2, 3, 4]) == pytest.approx(4 / 7)
    assert m.concordance([3, 2, 1], [1, 2, 3]) == pytest.approx(-1.0)


def test_concordance_of_a_constant_map_is_nothing():
    assert m.concordance([0.5, 0.5], [0.1, 0.9]) == 0.0
    assert math.isnan(m.concordance([0.5, 0.5], [0.5, 0.5])) and math.isnan(m.concordance([0.5], [0.5]))


@given(pairs)
def test_concordance_never_exceeds_correlation(pair):
    found, true = pair
    if min(found.std(), true.std()) < 1e-3:
        return
    r = np.corrcoef(found, true)[0, 1]
    assert abs(m.concordance(found, true)) <= abs(r) + 1e-9


@given(pairs)
def test_rmse_is_at_least_the_bias(pair):
    assert m.rmse(*pair) >= abs(m.bias(*pair)) - 1e-9


def test_unobserved_pairs_take_no_part():
    found, true = [1.0, math.nan, 3.0], [1.0, 5.0, math.nan]
    assert m.rmse(found, true) == 0.0 and m.bias(found, true) == 0.0
    assert all(math.isnan(f([math.nan], [1.0])) for f in (m.bias, m.rmse, m.concordance))


def test_precision_recall_f1_by_hand():
    c = m.Counts(tp=6, fp=2, fn=4, tn=88)
    assert (c.precision, c.recall) == (0.75, 0.6)
    assert c.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)  # the harmonic mean, 2/3
    assert c.false_alarm_rate == pytest.approx(2 / 90)


def test_rates_of_nothing_are_missing_not_zero():
    nothing, all_missed, all_false = m.Counts(0, 0, 0), m.Counts(0, 0, 5), m.Counts(0, 5, 0)
    assert all(math.isnan(v) for v in (nothing.precision, nothing.recall, nothing.f1, nothing.false_alarm_rate))
    assert math.isnan(all_missed.precision) and all_missed.recall == all_missed.f1 == 0.0
    assert math.isnan(all_false.recall) and all_false.precision == all_false.f1 == 0.0


@given(masks, st.randoms())
def test_f1_is_symmetric_and_between_precision_and_recall(true, random):
    found = true.copy()
    for i in range(len(found)):
        found[i] ^= random.random() < 0.3
    c, swapped = m.Counts.of(found, true), m.Counts.of(true, found)
    assert c.f1 == swapped.f1 or (math.isnan(c.f1) and math.isnan(swapped.f1))
    if c.tp:
        assert min(c.precision, c.recall) - 1e-12 <= c.f1 <= max(c.precision, c.recall) + 1e-12


def test_area_bias_by_hand():
    assert m.percent_error(110, 100) == pytest.approx(10) and m.percent_error(0, 50) == -100 and math.isnan(m.percent_error(5, 0))


def test_interval_coverage_by_hand():
    assert m.interval_coverage([0, 1, 2, math.nan], [1, 2, 3, 9], [1.0, 2.5, 2.0, 1.0]) == pytest.approx(2 / 3)  # bounds count as inside
    assert math.isnan(m.interval_coverage([math.nan], [1.0], [0.5]))


def test_precision_at_a_prevalence_by_hand():
    # of 1000 reaches 10 are black: 9 found, 1 % of 990 called falsely: 9 / (9 + 9.9)
    assert m.precision_at(0.01, 0.9, 0.01) == pytest.approx(9 / 18.9)
    assert m.precision_at(0.01, 0.5, 0.0) == 1.0 and math.isnan(m.precision_at(0.02, 0.0, 0.0))


RANKED = ([0.9, 0.8, 0.7, 0.6, 0.5], [True, False, True, False, False])


def test_roc_auc_by_hand():
    # pairs (positive, negative): 0.9 beats 3, 0.7 beats 2 of 3
    assert m.roc_auc(*RANKED) == pytest.approx(5 / 6)
    assert m.roc_auc([0.5, 0.5], [True, False]) == 0.5 and math.isnan(m.roc_auc([0.5], [True])) and math.isnan(m.roc_auc([], []))


def test_average_precision_by_hand():
    # recall rises to 1/2 at precision 1, to 1 at precision 2/3
    assert m.average_precision(*RANKED) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert m.average_precision([0.3, 0.3, 0.3, 0.3], [True, False, False, False]) == 0.25  # no ranking: the share of positives
    assert math.isnan(m.average_precision([0.3], [False]))


def test_recall_at_a_false_alarm_rate_by_hand():
    assert m.recall_at_false_alarms(*RANKED, rate=0.01) == 0.5  # before the first of three negatives
    assert m.recall_at_false_alarms(*RANKED, rate=0.34) == 1.0
    assert m.recall_at_false_alarms([0.9, 0.9], [True, False], rate=0.01) == 0.0  # a tie cannot be cut
    assert math.isnan(m.recall_at_false_alarms([0.9], [True], rate=0.01))


def test_unassessed_objects_take_no_part_in_rankings():
    probability, true = [*RANKED[0], math.nan], [*RANKED[1], True]
    assert m.roc_auc(probability, true) == m.roc_auc(*RANKED)
    assert m.average_precision(probability, true) == m.average_precision(*RANKED)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=30))
def test_auc_of_the_turned_ranking_is_the_complement(objects):
    probability, true = np.array([p for p, _ in objects]), np.array([t for _, t in objects])
    auc = m.roc_auc(probability, true)
    assert math.isnan(auc) or auc + m.roc_auc(-probability, true) == pytest.approx(1)


def test_calibration_error_by_hand():
    # two bins: 0.15 (2 objects, one black: |0.5 - 0.15|) and 0.95 (2 objects, both black: 0.05)
    assert m.expected_calibration_error([0.15, 0.15, 0.95, 0.95], [1, 0, 1, 1]) == pytest.approx((2 * 0.35 + 2 * 0.05) / 4)
    assert m.expected_calibration_error([1.0, 0.0], [1, 0]) == 0.0  # a probability of 1 lies in the last bin
    assert math.isnan(m.expected_calibration_error([], []))


@given(st.lists(st.integers(0, 10), min_size=1, max_size=10))
def test_perfectly_calibrated_counts_have_no_calibration_error(tenths):
    """Of ten objects with probability k/10, k are black."""
    probability = np.repeat(np.array(tenths) / 10, 10)
    true = np.concatenate([np.arange(10) < k for k in tenths])
    assert m.expected_calibration_error(probability, true) == pytest.approx(0, abs=1e-9)
