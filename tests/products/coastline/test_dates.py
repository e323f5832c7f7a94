"""Rates from single dates: the tide's effect, wrong dates, what a year has in common, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest

from rs_pipeline.products.coastline import dates
from rs_pipeline.products.coastline.dates import (
    DATE_BAND,
    DATE_TIDES_TAG,
    DatedPositions,
    DateFit,
    date_rates,
    dated_positions,
    fit_dates,
    half_width,
    nearest_shore,
    year_variance_m2,
)
from rs_pipeline.products.coastline.transects import Transects
from rs_pipeline.storage.raster import MapBand, write_map

PERIOD = np.repeat([0, 1, 2, 3], 6)
YEARS = 2020 + PERIOD + np.tile([0.1, 0.25, 0.4, 0.55, 0.7, 0.85], 4)
TIDE_M = np.tile([0.5, -0.4, 0.1, -0.6, 0.3, 0.0], 4)


def positions(*rows):
    return DatedPositions(PERIOD, YEARS, TIDE_M, np.array(rows))


def test_a_rate_by_hand():
    """2 m a year seaward; a metre of tide moves the line 30 m landward."""
    fit = fit_dates(YEARS, TIDE_M, 500 + 2 * (YEARS - 2020) - 30 * TIDE_M, PERIOD)
    assert fit.rate_m_yr == pytest.approx(2) and np.abs(fit.residual_m).max() < 1e-9
    assert fit.variance_m2 == pytest.approx(dates.MIN_SCATTER_M**2) and fit.freedom == pytest.approx(24 - 3)


def test_whatever_all_dates_share_cancels():
    moved = [fit_dates(YEARS, TIDE_M, constant - YEARS - 20 * TIDE_M, PERIOD).rate_m_yr for constant in (0.0, 12.0)]
    assert moved == pytest.approx([-1, -1])


def test_wrong_dates_have_little_weight():
    d = 500 + 2 * (YEARS - 2020) + np.random.default_rng(1).normal(0, 1, 24)
    wrong = d.copy()
    wrong[[3, 20]] += (-150, 150)
    rate = [fit_dates(YEARS, TIDE_M, x, PERIOD).rate_m_yr for x in (d, wrong)]
    assert rate[0] == pytest.approx(2, abs=0.4) and rate[1] == pytest.approx(rate[0], abs=0.5)


def test_without_tides_the_rate_is_that_of_time_alone():
    fit = fit_dates(YEARS, np.full(24, np.nan), 500 + 2 * (YEARS - 2020), PERIOD)
    assert fit.rate_m_yr == pytest.approx(2) and fit.freedom == pytest.approx(22)


@pytest.mark.parametrize("seen", [PERIOD < 2, np.arange(24) % 3 == 0, np.zeros(24, bool)], ids=["two years", "eight dates", "none"])
def test_too_little_gives_no_rate(seen):
    assert fit_dates(YEARS, TIDE_M, np.where(seen, 500.0, np.nan), PERIOD) is None


def test_dates_without_a_position_or_a_tide_are_left_out():
    d, tide_m = 500 + 2 * (YEARS - 2020), TIDE_M.copy()
    d[0], tide_m[1] = np.nan, np.nan
    fit = fit_dates(YEARS, tide_m, d, PERIOD)
    assert fit.rate_m_yr == pytest.approx(2) and fit.residual_m.size == 22


def residuals(mean_m):
    """Four dates a year that scatter by 1 m² about their year's mean."""
    return DateFit(0.0, 1.0, 13.0, np.zeros(16), np.repeat(mean_m, 4), np.repeat([0, 1, 2, 3], 4))


def test_the_variance_of_years_by_hand():
    """Four years have two degrees of freedom, and P(chi² < x) = 1 - exp(-x / 2). Dates alone give a mean a variance of 1/4 m².
    Means of 4, -4, -4, 4 m: their squares sum to 64 m², chi² is beyond doubt above 0, its median 2 ln 2. Means of 0: as likely as not up to as much again."""
    large, none = residuals([4.0, -4.0, -4.0, 4.0]), residuals([0.0, 0.0, 0.0, 0.0])
    assert year_variance_m2([large]) == pytest.approx(64 / (2 * np.log(2)) - 0.25, rel=1e-6)
    assert year_variance_m2([none]) == pytest.approx(0.25, rel=1e-2)
    assert year_variance_m2([none, none, large]) == year_variance_m2([none]), "one transect does not widen the intervals of all"
    assert year_variance_m2([]) == 0


def test_what_a_year_shares_widens_the_interval():
    """Yearly shifts of 4, -4, -4, 4 m have no trend; the scatter of dates about their year stays 1 m."""
    rng, shift_m = np.random.default_rng(2), np.array([4.0, -4.0, -4.0, 4.0])[PERIOD]
    rows = [rng.normal(0, 1, 24) for _ in range(12)]
    calm = date_rates(positions(*rows), np.zeros(12))
    shared = date_rates(positions(*(r + shift_m for r in rows)), np.zeros(12))
    assert np.median(calm[:, 1]) < 1 and np.median(shared[:, 1]) > 3 * np.median(calm[:, 1])


def test_the_interval_grows_as_dates_get_fewer():
    rng = np.random.default_rng(3)
    d = rng.normal(0, 2, 24)
    few = np.where(np.arange(24) % 2 == 0, d, np.nan)
    assert half_width(fit_dates(YEARS, TIDE_M, few, PERIOD), 0.0) > 1.2 * half_width(fit_dates(YEARS, TIDE_M, d, PERIOD), 0.0)


def test_one_transect_and_none():
    assert date_rates(positions(2 * YEARS), np.array([True]))[0, 0] == pytest.approx(2)
    assert date_rates(DatedPositions(PERIOD, YEARS, TIDE_M, np.empty((0, 24))), np.empty(0)).shape == (0, 2)
    empty = DatedPositions(np.empty(0, int), np.empty(0), np.empty(0), np.empty((2, 0)))
    assert np.isnan(date_rates(empty, np.zeros(2))).all()


@pytest.mark.parametrize(("n_years", "year_sd_m", "least"), [(4, 0.0, 0.95), (5, 0.0, 0.95), (6, 0.0, 0.95), (4, 1.0, 0.86), (5, 1.0, 0.86), (6, 1.0, 0.9)])
def test_intervals_cover_errors_that_a_coast_shares(n_years, year_sd_m, least):
    """Each date displaces the whole coast by 2 m, each transect by 0.7 m, each year perhaps all its dates by 1 m."""
    rng, inside = np.random.default_rng(n_years), []
    period = np.repeat(np.arange(n_years), 13)
    for _ in range(60):
        years, tide_m = 2020 + period + rng.random(period.size), rng.normal(0, 0.3, period.size)
        error_m = rng.normal(0, 2, period.size) + rng.normal(0, 0.7, (8, period.size)) + rng.normal(0, year_sd_m, n_years)[period]
        found = date_rates(DatedPositions(period, years, tide_m, 3 * (years - 2020) - 25 * tide_m + error_m), np.zeros(8))
        inside.append(np.abs(found[:, 0] - 3) < found[:, 1])
    assert np.mean(inside) >= least


def test_the_crossing_nearest_to_the_line_of_the_year():
    """A pond behind the shore rises through 0.5 too; a sea that becomes land does not."""
    offset_m = np.arange(-20.0, 25.0, 10.0)
    profile = np.array([[0.4, 0.6, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0]])
    assert nearest_shore(profile, offset_m) == pytest.approx([-15, np.nan], nan_ok=True)


def test_positions_are_read_from_the_composites(tmp_path, coast):
    """Two dates of a shore that runs north, 5 m apart, on two tiles of which each holds one transect; the third transect has no line in the period."""
    grid = coast(np.zeros((80, 80))).grid
    side, half = grid.width * grid.resolution_m, grid.height // 2
    x = (np.arange(grid.width) + 0.5) * grid.resolution_m
    bands = {"20230702T120000": side / 2, "20240101T000000": side / 2 + 5}
    layers = {f"{DATE_BAND}{time}": np.broadcast_to(np.clip(0.5 + (x - s) / 80, 0, 1), (half, grid.width)) for time, s in bands.items()}
    paths = [tmp_path / "upper.tif", tmp_path / "lower.tif"]
    for k, path in enumerate(paths):
        write_map(path, grid.window(k * half, 0, half, grid.width), layers, [MapBand(name, name) for name in layers], {DATE_TIDES_TAG: "0.100 nan"})
    middles = np.array([[grid.left + side / 2, grid.top - share * side] for share in (0.25, 0.75, 0.75)])
    lines = Transects(middles, np.array([[1.0, 0.0]] * 3), np.zeros(3, int), np.ones(3), 300.0)
    near_m = np.array([[300.0, np.nan], [300.0, np.nan], [np.nan, np.nan]])
    found = dated_positions([(0, paths[0]), (0, paths[1]), (0, tmp_path / "none.tif"), (1, paths[0])], lines, near_m)
    assert found.period.tolist() == [0, 0] and found.years == pytest.approx([2023.5, 2024.0])
    assert found.tide_m == pytest.approx([0.1, np.nan], nan_ok=True)
    assert found.distance_m[:2] == pytest.approx(np.array([[300, 305]] * 2), abs=0.1) and np.isnan(found.distance_m[2]).all()
