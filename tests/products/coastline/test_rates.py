"""Golden values of DSAS terms, steps, spikes and classes."""

import numpy as np
import pytest
from rs_kernels.trends import kendall_s, kendall_variance, theil_sen
from scipy import special, stats

from rs_pipeline.products.coastline.rates import (
    MAX_PRIOR_DATES,
    PositionNoise,
    Rates,
    Series,
    change_class,
    ci95,
    coast_noise,
    end_point_rate,
    fit_line,
    lasting_step,
    rates_along,
    series_rates,
    spikes,
    weighted_rate,
)

YEARS = np.array([2000.0, 2005, 2010, 2015, 2020])
DISTANCE_M = np.array([0.0, 12, 18, 33, 41])
ERROR_M = np.array([15.0, 15, 10, 5, 5])


def rates(years, distance_m, error_m) -> Rates:
    """Of a transect that stands alone."""
    return series_rates(Series.of(years, distance_m, error_m), PositionNoise())


def test_golden_rates():
    r = rates(YEARS, DISTANCE_M, ERROR_M)
    assert r.nsm_m == 41 and r.sce_m == 41
    assert r.epr_m_yr == pytest.approx(2.05) and r.epr_sigma_m_yr == pytest.approx(0.7906, abs=1e-4)
    assert r.lrr_m_yr == pytest.approx(2.06) and r.lrr_ci95_m_yr == pytest.approx(0.43325, abs=1e-5)
    assert r.sen_m_yr == pytest.approx(2.075)
    assert r.n_dates == 5 and r.step_m == 0


def test_golden_standard_error():
    # Residuals -0.2, 1.5, -2.8, 1.9 and -0.4 m: 13.9 m2 over 3 degrees of freedom; sqrt(13.9 / 3 / 250).
    fit = fit_line(YEARS, DISTANCE_M)
    assert np.sqrt(fit.variance_m2 / fit.spread_yr2) == pytest.approx(0.13613718571)
    assert fit.spread_yr2 == 250 and 1 - fit.residual_m @ fit.residual_m / np.var(DISTANCE_M) / 5 == pytest.approx(0.987067361)


def test_golden_weighted_rate():
    slope, sigma = weighted_rate(YEARS, DISTANCE_M, ERROR_M)
    assert slope == pytest.approx(2.05694, abs=1e-5) and sigma == pytest.approx(0.61094, abs=1e-5)
    r = rates(YEARS, DISTANCE_M, ERROR_M)
    assert (r.wlr_m_yr, r.wlr_sigma_m_yr) == (slope, sigma)


def test_golden_mann_kendall_and_sen():
    """S and Z of the table; p is exact: 2 of the 120 orders rise or fall throughout (Z gives 0.0275)."""
    s, variance = kendall_s(DISTANCE_M, 5), kendall_variance(DISTANCE_M, 5)
    assert s == 10 and (s - 1) / np.sqrt(variance) == pytest.approx(2.2045, abs=1e-4)
    r = rates(YEARS, DISTANCE_M, ERROR_M)
    assert r.mk_p == pytest.approx(2 / 120)
    assert (r.sen_m_yr, r.sen_lower_m_yr, r.sen_upper_m_yr) == pytest.approx((2.075, 1.2, 3.0))
    four = rates(YEARS[:4], DISTANCE_M[:4], ERROR_M[:4])
    assert np.isfinite(four.sen_m_yr) and np.isnan([four.sen_lower_m_yr, four.sen_upper_m_yr]).all()


def test_a_perfect_line_has_a_narrow_interval():
    r = rates(YEARS, 3 * YEARS, ERROR_M)
    assert r.lrr_m_yr == pytest.approx(3) and 0 < r.lrr_ci95_m_yr < 0.03  # positions are taken to be known to a decimetre


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
    assert lasting_step(years, step).change_m == 250 and rates(years, step, np.full(10, 9.0)).n_dates == 10
    spike = np.where(years == 2019, 300.0, 0.0)
    assert lasting_step(years, spike).change_m == 0
    r = rates(years, spike, np.full(10, 9.0))
    assert r.n_dates == 9 and r.sce_m == 0


def test_a_step_landward_is_negative_and_slow_growth_is_none():
    years = np.arange(2015.0, 2025)
    assert lasting_step(years, np.where(years < 2020, 150.0, 0.0)).change_m == -150
    assert lasting_step(years, 20 * (years - 2015)).change_m == 0  # 60 m in three years
    assert lasting_step(years, 40 * (years - 2015)).change_m == 120


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
    assert change_class(rates(years, distance, np.full(10, 6.0)), built=built, stable_m_yr=1.0) == expected


def test_what_counts_as_stable_is_configured():
    r = rates(np.arange(2015.0, 2025), 3.0 * np.arange(10), np.full(10, 6.0))  # 3 m a year
    assert [change_class(r, built=False, stable_m_yr=v) for v in (2.9, 3.1)] == ["accreting", "stable"]


SURE = {"n_dates": 5, "lrr_m_yr": 3.0, "lrr_ci95_m_yr": 1.0, "mk_p": 0.01, "epr_m_yr": 3.0, "epr_sigma_m_yr": 1.0}
"""A transect that accretes beyond doubt."""


@pytest.mark.parametrize(
    ("change", "built", "expected"),
    [
        ({"epr_m_yr": 1.97}, False, "accreting"), ({"epr_m_yr": 1.95}, False, "undecidable"),  # 1.96 sigma of its ends
        ({"epr_m_yr": -1.97, "lrr_m_yr": -3.0}, False, "eroding"), ({"epr_m_yr": -1.95, "lrr_m_yr": -3.0}, False, "undecidable"),
        ({"mk_p": 0.0499}, False, "accreting"), ({"mk_p": 0.05}, False, "undecidable"),
        ({"lrr_ci95_m_yr": 2.99}, False, "accreting"), ({"lrr_ci95_m_yr": 3.0}, False, "undecidable"),
        ({"lrr_m_yr": 1.01, "lrr_ci95_m_yr": 0.5}, False, "accreting"), ({"lrr_m_yr": 1.0, "lrr_ci95_m_yr": 0.5}, False, "stable"),
        ({"lrr_m_yr": -1.0, "lrr_ci95_m_yr": 0.5}, False, "eroding"), ({"lrr_m_yr": -0.99, "lrr_ci95_m_yr": 0.5}, False, "stable"),
        ({"lrr_m_yr": 0.25, "lrr_ci95_m_yr": 0.75}, False, "stable"), ({"lrr_m_yr": 0.25, "lrr_ci95_m_yr": 0.76}, False, "undecidable"),
        ({"step_m": 100.0}, True, "reclaimed"), ({"step_m": 99.9}, True, "accreting"), ({"step_m": 100.0}, False, "accreting"),
        ({"n_dates": 3}, False, "accreting"), ({"n_dates": 2}, False, "insufficient_data"),
    ],
)  # fmt: skip
def test_a_class_turns_at_its_limit(change, built, expected):
    assert change_class(Rates(**(SURE | change)), built=built, stable_m_yr=1.0) == expected


def test_a_step_is_a_hundred_metres_within_three_years():
    assert lasting_step(np.array([2015.0, 2018.0]), np.array([0.0, 100.0])).change_m == 100
    assert lasting_step(np.array([2015.0, 2018.0]), np.array([0.0, 99.9])).change_m == 0
    assert lasting_step(np.array([2015.0, 2018.1]), np.array([0.0, 100.0])).change_m == 0


@pytest.mark.parametrize(("distance_m", "spike"), [(40.0, False), (40.1, True), (-40.0, False), (-40.1, True)])
def test_a_spike_stands_out_by_more_than_forty_metres(distance_m, spike):
    assert spikes(np.array([0.0, distance_m, 0.0]))[1] == spike


def test_three_yearly_shorelines_decide_nothing():
    r = rates(np.array([2021.5, 2022.5, 2023.5]), np.array([0.0, 20.0, 41.0]), np.full(3, 9.0))
    assert r.lrr_m_yr == pytest.approx(20.5) and r.mk_p > 0.05
    assert change_class(r, built=False, stable_m_yr=1.0) == "undecidable"


def test_reclamation_needs_a_built_shore():
    r = rates(np.array([2021.5, 2022.5, 2023.5]), np.array([0.0, 200.0, 201.0]), np.full(3, 9.0))
    assert change_class(r, built=True, stable_m_yr=1.0) == "reclaimed"
    assert change_class(r, built=False, stable_m_yr=1.0) == "undecidable"


def coast(n: int, years: np.ndarray, rng, sd_m, rate_m_yr: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, p) about lines, with the standard deviations ``sd_m`` (n,) or a number, and errors of 9 m that are stated of all."""
    noise = rng.normal(size=(n, len(years))) * np.broadcast_to(sd_m, n)[:, None]
    return rate_m_yr * (years - years[0]) + noise, np.full((n, len(years)), 9.0)


def test_three_dates_borrow_the_scatter_of_the_coast():
    """Alone 12.7 standard errors of a scatter that chance makes; together, of 40 alike transects, the t of as many dates as allowed."""
    years = np.arange(2021.0, 2024)
    x, e = coast(40, years, np.random.default_rng(3), 2.0)
    together = rates_along(years, x, e, np.zeros(len(x)))
    half = np.array([r.lrr_ci95_m_yr for r in together])
    usual = stats.t.ppf(0.975, 1 + MAX_PRIOR_DATES) * 2.0 / np.sqrt(2)
    assert np.median(half) == pytest.approx(usual, rel=0.2)
    alone = np.array([rates(years, a, b).lrr_ci95_m_yr for a, b in zip(x, e, strict=True)])
    assert np.median(alone) > 3 * np.median(half)


@pytest.mark.parametrize("n_years", [3, 5, 10])
@pytest.mark.parametrize("sd_m", [(2.0, 2.0), (1.0, 6.0)], ids=["alike", "of two kinds"])
def test_intervals_hold_the_rate_as_often_as_they_say(n_years, sd_m):
    rng, years, kind = np.random.default_rng(8), np.arange(n_years) + 2015.0, np.repeat((0, 1), 20)
    held = []
    for _ in range(30):
        x, e = coast(40, years, rng, np.repeat(sd_m, 20))
        held += [abs(r.lrr_m_yr - 1.0) <= r.lrr_ci95_m_yr for r in rates_along(years, x, e, kind)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


def test_what_a_year_hands_to_the_next_widens_the_interval():
    """Deviations of an AR(1) process with 0.4 from a year to the next, 12 years."""
    rng, years, held, plain = np.random.default_rng(5), np.arange(2010.0, 2022), [], []
    for _ in range(10):
        x, e = coast(40, years, rng, 2.0, rate_m_yr=0.0)
        for k in range(1, len(years)):
            x[:, k] += 0.4 * x[:, k - 1]
        held += [abs(r.lrr_m_yr) <= r.lrr_ci95_m_yr for r in rates_along(years, x, e, np.zeros(40))]
        plain += [abs(r.lrr_m_yr) <= r.lrr_ci95_m_yr for r in (rates(years, a, b) for a, b in zip(x, e, strict=True))]
    assert np.mean(plain) < 0.9 < 0.92 < np.mean(held) < 0.98


def test_a_step_keeps_its_own_scatter_and_lends_none():
    years = np.arange(2015.0, 2025)
    x, e = coast(20, years, np.random.default_rng(1), 2.0)
    x[0] = np.where(years < 2020, 0.0, 250.0)
    together = rates_along(years, x, e, np.zeros(len(x)))
    assert together[0].lrr_ci95_m_yr == rates(years, x[0], e[0]).lrr_ci95_m_yr > 10
    assert max(r.lrr_ci95_m_yr for r in together[1:]) < 2


def test_few_transects_stand_alone():
    years = np.arange(2015.0, 2025)
    x, e = coast(9, years, np.random.default_rng(1), 2.0)
    assert [r.lrr_ci95_m_yr for r in rates_along(years, x, e, np.zeros(len(x)))] == [rates(years, a, b).lrr_ci95_m_yr for a, b in zip(x, e, strict=True)]


def test_the_prior_by_hand():
    """Two groups of variances of 3 degrees of freedom: log 1 and log 4, 10 of each. Smyth's (2004) moments give the prior."""
    years = np.arange(5.0)
    shape = np.array([1.0, -1, 0, -1, 1])  # residual of any line: sums to 0, and with the years too
    fits = [fit_line(years, size * shape * np.sqrt(3 / 4)) for size in [1.0] * 10 + [2.0] * 10]
    assert [fits[0].variance_m2, fits[-1].variance_m2] == pytest.approx([1, 4])
    noise = coast_noise(fits, [np.ones(5)] * 20)
    spread = np.log(4) ** 2 / 4 * 20 / 19
    assert spread <= special.polygamma(1, 1.5) and noise.freedom == MAX_PRIOR_DATES
    usual = np.exp(np.log(2) - special.digamma(1.5) + np.log(1.5) + special.digamma(noise.freedom / 2) - np.log(noise.freedom / 2))
    assert noise.variance_ratio == pytest.approx(usual) and noise.lag1 == 0


def test_the_interval_by_hand():
    """Variance 1 of 3 degrees, drawn to 2 x 4 = 8 worth 3 degrees: (3 + 24) / 6 = 4.5; spread of five years 10; t of 6 degrees 2.447."""
    fit = fit_line(np.arange(5.0), np.array([1.0, -1, 0, -1, 1]) * np.sqrt(3 / 4))
    assert ci95(fit, np.full(5, 2.0), PositionNoise(2.0, 3.0)) == pytest.approx(2.4469 * np.sqrt(0.45), rel=1e-4)
