"""Golden values of DSAS terms, steps, spikes and classes."""

import numpy as np
import pytest

from kernels.trends import theil_sen
from rs_pipeline.products.coastline.rates import (
    change_class,
    end_point_rate,
    lasting_step,
    linear_rate,
    mann_kendall,
    rates,
    spikes,
)

YEARS = np.array([2000.0, 2005, 2010, 2015, 2020])
DISTANCE_M = np.array([0.0, 12, 18, 33, 41])
ERROR_M = np.array([15.0, 15, 10, 5, 5])


def test_golden_rates():
    r = rates(YEARS, DISTANCE_M, ERROR_M)
    assert r.nsm_m == 41 and r.sce_m == 41
    assert r.epr_m_yr == pytest.approx(2.05) and r.epr_sigma_m_yr == pytest.approx(0.7906, abs=1e-4)
    assert r.lrr_m_yr == pytest.approx(2.06) and r.lrr_ci95_m_yr == pytest.approx(0.43325, abs=1e-5)
    assert r.sen_m_yr == pytest.approx(2.075)
    assert r.n_dates == 5 and r.step_m == 0


def test_golden_mann_kendall():
    s, z, p = mann_kendall(DISTANCE_M)
    assert s == 10 and z == pytest.approx(2.2045, abs=1e-4) and p == pytest.approx(0.0275, abs=1e-4)


def test_mann_kendall_with_ties_by_hand():
    # pairs of 1, 1, 2: tie, up, up -> S 2; variance (3*2*11 - 2*1*9) / 18 = 8/3; Z = 1 / sqrt(8/3)
    s, z, _ = mann_kendall(np.array([1.0, 1, 2]))
    assert s == 2 and z == pytest.approx(1 / np.sqrt(8 / 3))
    assert mann_kendall(np.array([3.0, 3, 3])) == (0, 0.0, 1.0)


def test_a_perfect_line_has_no_interval():
    slope, ci95 = linear_rate(YEARS, 3 * YEARS)
    assert slope == pytest.approx(3) and ci95 == pytest.approx(0, abs=1e-6)


def test_end_points_and_sen_by_hand():
    years, distance = np.array([2020.0, 2021, 2024]), np.array([0.0, 10, 4])
    assert end_point_rate(years, distance, np.array([3.0, 9, 4])) == (1.0, 1.25)
    assert theil_sen(years, distance) == 1.0  # slopes 10, 1, -2


def test_rates_turn_with_the_direction():
    out, back = rates(YEARS, DISTANCE_M, ERROR_M), rates(YEARS, -DISTANCE_M, ERROR_M)
    assert (out.lrr_m_yr, out.nsm_m, out.sen_m_yr) == pytest.approx((-back.lrr_m_yr, -back.nsm_m, -back.sen_m_yr))
    assert out.mk_p == pytest.approx(back.mk_p)


def test_missing_dates_are_left_out():
    distance = np.array([0.0, np.nan, 18, np.nan, 41])
    assert rates(YEARS, distance, ERROR_M).n_dates == 3
    two = rates(YEARS, np.array([0.0, np.nan, np.nan, np.nan, 41]), ERROR_M)
    assert two.epr_m_yr == pytest.approx(2.05) and np.isnan(two.lrr_m_yr) and np.isnan(two.mk_p)
    none = rates(YEARS, np.full(5, np.nan), ERROR_M)
    assert none.n_dates == 0 and np.isnan(none.nsm_m) and np.isnan(none.epr_sigma_m_yr)


def test_a_step_survives_and_a_spike_does_not():
    years = np.arange(2015.0, 2025)
    step = np.where(years < 2020, 0.0, 250.0)
    assert lasting_step(years, step) == 250 and rates(years, step, np.full(10, 9.0)).n_dates == 10
    spike = np.where(years == 2019, 300.0, 0.0)
    assert lasting_step(years, spike) == 0
    r = rates(years, spike, np.full(10, 9.0))
    assert r.n_dates == 9 and r.sce_m == 0


def test_a_step_landward_is_negative_and_slow_growth_is_none():
    years = np.arange(2015.0, 2025)
    assert lasting_step(years, np.where(years < 2020, 150.0, 0.0)) == -150
    assert lasting_step(years, 20 * (years - 2015)) == 0  # 60 m in three years
    assert lasting_step(years, 40 * (years - 2015)) == 120


def test_spikes_stand_out_on_both_sides():
    assert spikes(np.array([0.0, 50, 0, 30, 60, 10])).tolist() == [False, True, False, False, False, False]


@pytest.mark.parametrize(
    ("distance", "built", "expected"),
    [
        (3.0 * np.arange(10), False, "accreting"),
        (-3.0 * np.arange(10), False, "eroding"),
        (0.2 * np.arange(10), False, "stable"),
        (np.tile([0.0, 25.0], 5), False, "undecidable"),
        (np.where(np.arange(10) < 5, 0.0, 250.0), True, "reclaimed"),
        (np.array([0.0, 5] + [np.nan] * 8), False, "insufficient_data"),
    ],
)
def test_classes(distance, built, expected):
    years = np.arange(2015.0, 2025)
    assert change_class(rates(years, distance, np.full(10, 6.0)), built=built) == expected


def test_three_yearly_shorelines_decide_nothing():
    r = rates(np.array([2021.5, 2022.5, 2023.5]), np.array([0.0, 20.0, 41.0]), np.full(3, 9.0))
    assert r.lrr_m_yr == pytest.approx(20.5) and r.mk_p > 0.05
    assert change_class(r, built=False) == "undecidable"


def test_reclamation_needs_a_built_shore():
    r = rates(np.array([2021.5, 2022.5, 2023.5]), np.array([0.0, 200.0, 201.0]), np.full(3, 9.0))
    assert change_class(r, built=True) == "reclaimed"
    assert change_class(r, built=False) == "undecidable"
