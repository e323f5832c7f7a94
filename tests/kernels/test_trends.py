"""Trends of short series: values by hand, against scipy, and the rates at which they are right."""

import math

import numpy as np
import pytest
from rs_kernels.trends import (
    N_EXACT,
    at_rank,
    exact_tails,
    kendall_p,
    kendall_s,
    kendall_variance,
    lag1_of_residuals,
    normal_p,
    slope_interval,
    theil_sen,
    trend_maps,
    variance_inflation,
)
from scipy import stats

TAILS = exact_tails(N_EXACT)
NOISE, TREND = 0.02, 0.01


def maps_of(stack, years=None, min_years=5):
    """(slope, lower, upper, p, n) of float (Y, N) series."""
    stack = np.asarray(stack, "float32")[:, None, :]
    years = np.arange(2015.0, 2015.0 + len(stack)) if years is None else np.asarray(years, "float64")
    out = np.empty((5, 1, stack.shape[2]), "float32")
    trend_maps(years, stack, min_years, TAILS, out)
    return out[:, 0]


def series(n_years, rho, trend, n=6000):
    """First-order autoregressive noise about a line, (Y, n)."""
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(n_years, n))
    for k in range(1, n_years):
        noise[k] = rho * noise[k - 1] + math.sqrt(1 - rho**2) * noise[k]
    return 0.5 + NOISE * noise + trend * np.arange(n_years)[:, None]


@pytest.mark.parametrize(("n", "s", "orders"), [(3, 3, 2), (4, 6, 2), (4, 4, 8), (5, 10, 2), (5, 8, 10), (6, 15, 2), (10, 45, 2)])
def test_exact_p_counts_the_orders(n, s, orders):
    # of the n! orders of n values, two are monotonic, n - 1 swaps of neighbours away from each ...
    assert kendall_p(s, n, 1.0, 1.0, TAILS) == pytest.approx(orders / math.factorial(n), rel=1e-12)
    assert kendall_p(-s, n, 1.0, 1.0, TAILS) == kendall_p(s, n, 1.0, 1.0, TAILS)


def test_exact_p_of_kendalls_table():
    # Kendall (1975), table 1: one-sided 0.023 at n = 10, S = 23; 0.031 at n = 8, S = 16
    assert kendall_p(23, 10, 125.0, 1.0, TAILS) / 2 == pytest.approx(0.023, abs=5e-4)
    assert kendall_p(16, 8, 65.333, 1.0, TAILS) / 2 == pytest.approx(0.031, abs=5e-4)
    assert kendall_p(0, 7, 44.333, 1.0, TAILS) == pytest.approx(1.0)


@pytest.mark.parametrize("n", [5, 8, 10])
def test_exact_p_agrees_with_scipy(n):
    x = np.random.default_rng(n).normal(size=n)
    p = kendall_p(kendall_s(x, n), n, kendall_variance(x, n), 1.0, TAILS)
    assert p == pytest.approx(stats.kendalltau(np.arange(n), x, method="exact").pvalue, rel=1e-9)


def test_long_series_take_the_normal_distribution():
    # n = 12 without ties: variance 12 * 11 * 29 / 18 = 212.67; S = 30 gives z = 29 / 14.583 = 1.9886
    assert kendall_variance(np.arange(12.0), 12) == pytest.approx(212.6667, abs=1e-4)
    assert kendall_p(30, 12, 212.6667, 1.0, TAILS) == pytest.approx(2 * stats.norm.sf(1.9886), abs=1e-5)
    assert normal_p(0, 212.7) == normal_p(3, 0.0) == 1.0


def test_ties_lower_the_variance_by_hand():
    # 1, 1, 2: 3 * 2 * 11 - 2 * 1 * 9 = 48, over 18
    assert kendall_variance(np.array([1.0, 1, 2]), 3) == pytest.approx(48 / 18)
    assert kendall_variance(np.array([2.0, 1, 2, 1, 2]), 5) == pytest.approx((300 - 66 - 18) / 18)


def test_theil_sen_by_hand_and_without_a_pair():
    assert theil_sen(np.array([2000.0, 2001, 2003]), np.array([0.0, 10, 6])) == 2.0  # slopes 10, 2, -2
    assert theil_sen(np.array([2000.0, 2000, 2002]), np.array([0.0, 9, 4])) == -0.25  # 2 and -2.5; one year twice has no slope
    assert math.isnan(theil_sen(np.array([2000.0]), np.array([1.0])))


def test_ranks_are_linear_between_neighbours_and_held_beyond():
    ordered = np.array([1.0, 2, 4, 8])
    assert [at_rank(ordered, 4, r) for r in (0.2, 1, 2.5, 4, 9)] == [1, 1, 3, 8, 8]


def test_interval_by_hand():
    # 6 years: 15 slopes, variance 28.333; 1.96 * 5.3229 = 10.4326, ranks 2.2837 and 13.7163 of the slopes 1 ... 15
    lower, upper = slope_interval(np.arange(1.0, 16.0), 15, 28.3333)
    assert (lower, upper) == (pytest.approx(2.2837, abs=1e-4), pytest.approx(13.7163, abs=1e-4))


def test_lag1_and_inflation_by_hand():
    # 1, -1, 1, -1, 1, -1: lag-1 -5/6; (6 * -5/6 + 1) / 3 < 0 counts as none
    assert lag1_of_residuals(np.array([1.0, -1, 1, -1, 1, -1]), 6) == 0.0
    # 1, 1, 1, -1, -1, -1: lag-1 (1 + 1 - 1 + 1 + 1) / 6 = 1/2; (3 + 1) / 3 = 1.33 is held to 0.5
    assert lag1_of_residuals(np.array([1.0, 1, 1, -1, -1, -1]), 6) == 0.5
    # 1, 0, -2, 0, 1, 0: lag-1 0; (0 + 1) / 3
    assert lag1_of_residuals(np.array([1.0, 0, -2, 0, 1, 0]), 6) == pytest.approx(1 / 3)
    # 1, 0, -2, 0, 0, 1: lag-1 0 as well, for the first and the last are no neighbours
    assert lag1_of_residuals(np.array([1.0, 0, -2, 0, 0, 1]), 6) == pytest.approx(1 / 3)
    assert variance_inflation(0.5, 3) == pytest.approx(1 + 2 * (2 / 3 * 0.5 + 1 / 3 * 0.25))
    assert variance_inflation(0.0, 9) == 1.0


def test_slope_and_p_of_a_pixel_agree_with_scipy():
    x = series(8, 0.0, TREND, 200).astype("float32")
    slope, lower, upper, p, n = maps_of(x)
    np.testing.assert_allclose(slope, [stats.theilslopes(v.astype(float), np.arange(8)).slope for v in x.T], rtol=1e-5)
    plain = np.array([stats.kendalltau(np.arange(8), v, method="exact").pvalue for v in x.T])
    assert (p >= plain - 1e-7).all() and (np.abs(p - plain) < 1e-6).mean() > 0.3  # correlation only ever weakens a trend
    assert (lower <= slope).all() and (slope <= upper).all() and (n == 8).all()


def test_missing_years_constant_series_and_too_few_years():
    nan = math.nan
    rising = [0.1, nan, 0.3, 0.4, 0.5, 0.7]
    few = [0.1, nan, 0.3, nan, 0.5, 0.6]
    slope, lower, upper, p, n = maps_of(np.array([rising, few, [0.4] * 6, [nan] * 6]).T)
    assert n.tolist() == [5, 4, 6, 0]
    assert slope[0] == pytest.approx(0.1)  # slopes: six times 0.1, then 0.12, 0.133, 0.15, 0.2
    assert p[0] >= 2 / 120
    assert np.isnan([slope[[1, 3]], lower[[1, 3]], upper[[1, 3]], p[[1, 3]]]).all()
    assert (slope[2], lower[2], upper[2], p[2]) == (0, 0, 0, 1)


def test_uneven_years_count_with_their_distance():
    slope, *_ = maps_of(np.array([[0.1], [0.2], [0.4], [0.5], [0.9]]), years=[2015, 2016, 2018, 2019, 2023])
    assert slope[0] == pytest.approx(0.1)


@pytest.mark.parametrize(("n_years", "least", "most"), [(6, 10, 16), (8, 45, 55), (10, 81, 89), (12, 92, 99)])
def test_a_trend_of_a_hundredth_a_year_is_found(n_years, least, most):
    _, _, _, p, _ = maps_of(series(n_years, 0.0, TREND))
    assert least < 100 * (p < 0.05).mean() < most


@pytest.mark.parametrize("n_years", [5, 6, 8, 10, 12])
@pytest.mark.parametrize(("rho", "most"), [(0.0, 4), (0.2, 6), (0.4, 9.5)])
def test_no_trend_is_found_where_there_is_none(n_years, rho, most):
    _, _, _, p, _ = maps_of(series(n_years, rho, 0.0))
    assert 100 * (p < 0.05).mean() < most


@pytest.mark.parametrize("n_years", [5, 6, 8, 10, 12])
@pytest.mark.parametrize(("rho", "least", "most"), [(0.0, 96.5, 98.7), (0.2, 94, 98.5), (0.4, 91.5, 97)])
def test_intervals_hold_the_slope(n_years, rho, least, most):
    _, lower, upper, _, _ = maps_of(series(n_years, rho, TREND))
    assert least < 100 * ((lower <= TREND) & (upper >= TREND)).mean() < most
