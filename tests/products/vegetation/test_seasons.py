"""What few clear dates make of a season (simulated seasons, which are not the usual one)."""

from datetime import date

import numpy as np
import pytest
import rs_kernels.vegetation as k

from rs_pipeline.products.calendar import middle_day
from rs_pipeline.products.vegetation import pixels

DAYS = np.arange(91, 305, 4)
PEAK, GROWING = (DAYS >= 166) & (DAYS <= 253), (DAYS >= 121) & (DAYS <= 273)
NOISE = 0.03


def logistic(day, top, green, brown, pace=14.0, base=0.05):
    """Cover between leaf-out and harvest."""
    return base + (top - base) / (1 + np.exp(-(day - green) / pace)) / (1 + np.exp((day - brown) / pace))


SEASONS = {
    "woods": lambda day: logistic(day, 0.85, 120, 290),
    "grass": lambda day: logistic(day, 0.6, 150, 260),
    "maize": lambda day: logistic(day, 0.9, 185, 265, 8.0),
    "steppe": lambda day: logistic(day, 0.3, 150, 255),
    "ground": lambda day: np.full(np.shape(day), 0.05),
}


def season_of(dates: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """The curve of a pixel on DAYS, as the kernel draws it."""
    n, worth = len(dates), np.ones(len(dates))
    covers, known, out = np.zeros((n, k.LANE)), np.zeros((n, k.LANE)), np.empty((DAYS.size, k.LANE))
    covers[:, 0], known[:, 0], seen = cover, 1.0, np.ones(n, bool)
    if ((dates >= 121) & (dates <= 273)).sum() >= k.FEW_DATES:
        weights = np.empty((DAYS.size, n))
        k.line_weights(DAYS, dates, worth, 10.0, weights)
        k.local_lines(covers, known, 1, seen, k.Bell(DAYS, dates, weights, 10.0), np.empty(5 * k.LANE), out)
    else:
        prior = pixels.season_prior(dates, DAYS, worth, (middle_day(("06-15", "09-10"), 2024) - date(2023, 12, 31)).days)
        k.expected_seasons(covers, known, 1, seen, np.ones(k.LANE, bool), prior, np.flatnonzero(PEAK), np.empty((n + 3, n)), out, np.empty(k.LANE))
    return out[:, 0]


def test_a_cloudy_year_has_the_peak_of_a_clear_one():
    """5 clear dates of a season against 20, at random, noise 0.03: the mean peak differs by less than 0.01 (simulated)."""
    rng = np.random.default_rng(1)

    def season(day):
        return 0.8 / (1 + np.exp(-(day - 130) / 14)) / (1 + np.exp((day - 285) / 14))

    def mean_peak(n_dates):
        peaks = []
        while len(peaks) < 300:
            dates = np.sort(rng.choice(np.arange(111, 284), n_dates, replace=False))
            within = dates[(dates >= 166) & (dates <= 253)]
            if within.size >= 4 and np.ptp(within) >= 40:
                peaks.append(np.quantile(season_of(dates, season(dates) + rng.normal(0, NOISE, n_dates))[PEAK], 0.9))
        return np.mean(peaks)

    true = np.quantile(season(np.arange(166, 254)), 0.9)
    few, many = mean_peak(5), mean_peak(20)
    assert abs(few - many) < 0.01 and 0 < few - true < 0.02 and 0 < many - true < 0.02


def found(season, n_dates: int, repeats: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Peak and growing-season cover (repeats,) from so many clear dates between April and October."""
    rng, peaks, growing = np.random.default_rng(n_dates), [], []
    while len(peaks) < repeats:
        dates = np.sort(rng.choice(np.arange(111, 294), n_dates, replace=False))
        within = dates[(dates >= 166) & (dates <= 253)]
        if within.size >= 2 and np.ptp(within) >= 20:
            curve = season_of(dates, np.clip(season(dates) + rng.normal(0, NOISE, n_dates), 0, 1))
            peaks.append(np.quantile(curve[PEAK], 0.9))
            growing.append(np.mean(curve[GROWING]))
    return np.array(peaks), np.array(growing)


@pytest.mark.parametrize(
    ("name", "peak", "growing"), [("woods", 0.012, 0.01), ("grass", 0.01, 0.017), ("maize", 0.01, 0.032), ("steppe", 0.01, 0.013), ("ground", 0.02, 0.012)]
)
def test_a_cloudy_year_has_the_cover_of_a_clear_one(name, peak, growing):
    """5 clear dates of a season against 20, noise 0.03: by how much the mean cover may differ. The aim is 0.01; bare ground's peak and the
    growing season of maize, half bare and half full, miss it."""
    few, many = found(SEASONS[name], 5), found(SEASONS[name], 20)
    assert abs(few[0].mean() - many[0].mean()) < peak and abs(few[1].mean() - many[1].mean()) < growing


def test_the_usual_season_stands_where_the_window_of_the_peak_does():
    """South of the equator the window lies about the new year, and a date of July is one of winter."""
    peak = (middle_day(("12-01", "02-28"), 2024) - date(2024, 7, 10)).days
    mean, *_ = pixels.season_prior(np.array([0, 188]), np.array([0, 188]), np.ones(2), peak)
    assert mean == pytest.approx([0.08, 0.58], abs=1e-3)


@pytest.mark.parametrize("name", SEASONS)
def test_few_dates_find_the_season(name):
    """Each year by itself, from 5 dates: RMSE."""
    peak, growing = found(SEASONS[name], 5)
    true_peak, true_growing = np.quantile(SEASONS[name](DAYS[PEAK]), 0.9), np.mean(SEASONS[name](DAYS[GROWING]))
    assert np.sqrt(np.mean((peak - true_peak) ** 2)) < 0.055 and np.sqrt(np.mean((growing - true_growing) ** 2)) < 0.1
