"""Rates of shoreline change from the lines of single dates.

A yearly line hides how many dates it rests on and which tides they had: what all its dates have in common looks like a movement of the whole coast in that
year. Here every date has a position of its own on a transect, and one regression explains the positions by time and tide: d = a + r t + m h + e. The tide's
effect m is the transect's own, so no slope of the beach must be known, and whatever displaces every date alike (wet sand, a threshold) is in a (Vos et al. 2019
correct each date too, with a given slope). The errors e of a date may be common to the whole coast (geolocation, surge, waves): they are in the scatter of each
transect. Those common to a year have a variance of their own, which few years tell badly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from scipy import stats

from rs_pipeline.model import year_at
from rs_pipeline.products.coastline.mosaic import bilinear, grid_and_tags
from rs_pipeline.products.coastline.rates import MIN_RATE_DATES, MIN_SCATTER_M
from rs_pipeline.products.coastline.shoreline import pixel_of
from rs_pipeline.products.coastline.transects import CLUSTER_M, Transects
from rs_pipeline.storage.raster import open_own

DATE_BAND = "water_fraction_"
"""Beginning of the name of a band of a shore composite with the water fraction of one date; the time in UTC follows, as TIME_FORMAT."""
TIME_FORMAT = "%Y%m%dT%H%M%S"
DATE_TIDES_TAG = "date_tides_m"
"""Tag with the tides of these bands, metres above mean sea level, nan unknown."""

OFFSET_STEP_M = 5.0
MIN_FIT_DATES = 10
"""Least dates of a transect for a regression with time and tide."""
HUBER = 1.345
"""Residuals beyond so many standard deviations lose weight (Huber 1981): a cloud that the mask missed, a pond."""


MIN_YEAR_SHARE = 1e-3
"""Least sum of squares of yearly means, as a share of the variance that the dates give one: keeps the posterior finite where all means are 0."""


@dataclass(frozen=True)
class DatedPositions:
    """Positions on n transects on d dates.

    period : int (d,), index of the period. years : float (d,), decimal years. tide_m : float (d,), above mean sea level, NaN unknown.
    distance_m : float (n, d), from the landward end, NaN where the shore was not seen.
    """

    period: np.ndarray
    years: np.ndarray
    tide_m: np.ndarray
    distance_m: np.ndarray


def dated_positions(paths: Iterable[tuple[int, Path]], transects: Transects, near_m: np.ndarray) -> DatedPositions:
    """The crossing of each date's line that is nearest to the line of its period, within CLUSTER_M; of a transect, the tile that holds the period's crossing
    shows it.

    Parameters
    ----------
    paths : index of a period and shore composite. near_m : float (n, periods), where the period's line crosses, NaN where no date is looked for.
    """
    offset_m = np.arange(-CLUSTER_M, CLUSTER_M + OFFSET_STEP_M / 2, OFFSET_STEP_M)
    found: dict[tuple[int, str, str], np.ndarray] = {}
    for k, path in paths:
        if not path.exists():
            continue
        grid, tags = grid_and_tags(path)
        crossing = np.nan_to_num(transects.at(near_m[:, k, None])[:, 0], nan=-1e12)
        chosen = np.flatnonzero(pixel_of(grid, crossing)[2])
        if chosen.size == 0:
            continue
        points = transects.at(near_m[:, k, None] + offset_m)[chosen].reshape(-1, 2)
        with open_own(path) as src:
            bands = [(i, name) for i, name in enumerate(src.descriptions, start=1) if name.startswith(DATE_BAND)]
            for (i, name), tide in zip(bands, tags.get(DATE_TIDES_TAG, "").split(), strict=True):
                fraction = bilinear(src.read(i), grid, points).reshape(chosen.size, -1)
                column = found.setdefault((k, name.removeprefix(DATE_BAND), tide), np.full(len(transects), np.nan))
                column[chosen] = near_m[chosen, k] + nearest_shore(fraction, offset_m)
    years = np.array([year_at(datetime.strptime(time, TIME_FORMAT)) for _, time, _ in found])
    tide_m = np.array([float(tide) for _, _, tide in found])
    distance_m = np.stack([*found.values()], axis=1) if found else np.empty((len(transects), 0))
    return DatedPositions(np.array([k for k, _, _ in found], int), years, tide_m, distance_m)


def nearest_shore(fraction: np.ndarray, offset_m: np.ndarray) -> np.ndarray:
    """Offset nearest to 0 at which the water fraction rises through 0.5, float (n,), of profiles (n, k) from land to sea; NaN where it does not.

    >>> nearest_shore(np.array([[0.0, 0.25, 0.75, 1.0], [0.0, np.nan, 1.0, 1.0]]), np.array([-10.0, 0.0, 10.0, 20.0]))
    array([ 5., nan])
    """
    before, after = fraction[:, :-1], fraction[:, 1:]
    rises = (before < 0.5) & (after >= 0.5)
    share = np.where(rises, (0.5 - before) / np.where(rises, after - before, 1), np.nan)
    at = offset_m[:-1] + share * np.diff(offset_m)
    which = np.where(rises, np.abs(at), np.inf).argmin(axis=1)
    return np.take_along_axis(at, which[:, None], axis=1)[:, 0]


@dataclass(frozen=True)
class DateFit:
    """Regression of a transect's dated positions.

    rate_m_yr : m/yr. variance_m2 : of a date about it. freedom : degrees of freedom. slope_weight : float (d,), the rate is their sum with the positions.
    residual_m : float (d,). year : int (d,), index of the period of each date.
    """

    rate_m_yr: float
    variance_m2: float
    freedom: float
    slope_weight: np.ndarray
    residual_m: np.ndarray
    year: np.ndarray

    def year_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of values (d,) over the dates of each year that has any."""
        _, at = np.unique(self.year, return_inverse=True)
        return np.bincount(at, values)


def fit_dates(years: np.ndarray, tide_m: np.ndarray, distance_m: np.ndarray, period: np.ndarray) -> DateFit | None:
    """d = a + r t + m h by Huber's M-estimate; without known tides d = a + r t. None with fewer than MIN_FIT_DATES dates or MIN_RATE_DATES periods.

    Parameters
    ----------
    all (d,); distance_m may be NaN.
    """
    seen = np.isfinite(distance_m) & (np.isfinite(tide_m) | ~np.isfinite(tide_m).any())
    t, h, d, year = years[seen], tide_m[seen], distance_m[seen], period[seen]
    if d.size < MIN_FIT_DATES or np.unique(year).size < MIN_RATE_DATES:
        return None
    design = np.column_stack([np.ones(d.size), t - t.mean(), *([h] if np.isfinite(h).all() else [])])
    weight = np.ones(d.size)
    for _ in range(20):
        solve = np.linalg.pinv(design * np.sqrt(weight)[:, None]) * np.sqrt(weight)
        residual = d - design @ (solve @ d)
        scale = max(1.4826 * float(np.median(np.abs(residual))), MIN_SCATTER_M)
        weight = np.minimum(1.0, HUBER * scale / np.maximum(np.abs(residual), 1e-9))
    freedom = float(weight.sum() - design.shape[1])
    variance_m2 = max(float(weight @ residual**2) / freedom, MIN_SCATTER_M**2)
    return DateFit(float(solve[1] @ d), variance_m2, freedom, solve[1], np.where(weight < 1, np.sign(residual) * HUBER * scale, residual), year)


def year_variance_m2(fits: Sequence[DateFit]) -> float:
    """Variance of what the dates of a year have in common, m²: how much the yearly means of the residuals vary beyond what so many independent dates give.

    Few years tell it badly, and it cannot be negative, so it is no difference of two estimates, which would often be 0. It is the median of its posterior
    with the prior of Jeffreys for a variance (1 / variance), cut where it would be negative (Box & Tiao 1973, section 5.2). The median over transects, so
    that one that did not move evenly does not widen the intervals of all.
    """
    found = []
    for fit in fits:
        count = fit.year_sums(np.ones(fit.year.size))
        mean_m, freedom = fit.year_sums(fit.residual_m) / count, count.size - 2
        by_dates_m2 = fit.variance_m2 * float(np.mean(1 / count))
        square_m2 = max(float(mean_m @ mean_m), MIN_YEAR_SHARE * by_dates_m2)
        half = stats.chi2.cdf(square_m2 / by_dates_m2, freedom) / 2
        found.append(square_m2 / float(stats.chi2.ppf(half, freedom)) - by_dates_m2)
    return float(np.median(found)) if found else 0.0


def half_width(fit: DateFit, shared_m2: float) -> float:
    """Half-width of the 95 % interval of a rate, from the scatter of dates and that of years.

    Parameters
    ----------
    shared_m2 : of `year_variance_m2`.
    """
    dates = fit.variance_m2 * float(fit.slope_weight @ fit.slope_weight)
    years = shared_m2 * float(np.sum(fit.year_sums(fit.slope_weight) ** 2))
    return float(stats.t.ppf(0.975, fit.freedom) * math.sqrt(dates + years))


def date_rates(positions: DatedPositions, kind: np.ndarray) -> np.ndarray:
    """Rate and half-width of its 95 % interval, float (n, 2), m/yr; NaN where the dates do not allow them. Transects of one kind share the variance of years.

    Parameters
    ----------
    kind : (n,), as of `rates.rates_along`.
    """
    fits = [fit_dates(positions.years, positions.tide_m, d, positions.period) for d in positions.distance_m]
    shared_m2 = {k: year_variance_m2([f for f, mine in zip(fits, kind == k, strict=True) if mine and f is not None]) for k in set(kind)}
    rows = [(f.rate_m_yr, half_width(f, shared_m2[k])) if f is not None else (math.nan, math.nan) for f, k in zip(fits, kind, strict=True)]
    return np.array(rows, "float64").reshape(-1, 2)
