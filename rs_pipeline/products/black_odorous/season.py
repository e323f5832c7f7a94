"""A season of dates as evidence: black-odorous water is black for most of a season or for an episode of it, not on every date.

Dates of a month share weather and water, so a month has one vote; and water that turns black in summer is clear in April and
November, so the calmer months are no evidence against it. The official rule calls a point black-odorous when 60 % of its samples are
(Jiancheng [2015] 130): the evidence of a season is the mean over the most suspicious 60 % of the months. That of an episode is the
mean over its most suspicious run of RUN_MONTHS months. Other causes seen in that run, and its colour, are features too, and
`model.ReachModel` weighs all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BLACK_SHARE = 0.6
"""Share of the months of a season that has to be black."""

RUN_MONTHS = 3
"""Months in a row that make an episode."""

DATE_LOG_ODDS = 8.0
"""One date counts at most this much in a season (P = 0.9997): the scores keep their log-odds unclipped. A design value."""

LOW_PERCENT = 20.0
"""Percentile of the log-odds of a run that shows how consistently it was black."""

COARSE_M = 30.0
"""Pixel size from which a reach is seen with coarse pixels (Landsat), metres."""

MIN_REFL = 0.001
"""Darker reflectance is raised to this before its logarithm is taken: it is ten steps of a digital number."""

SEASON_FEATURES = (
    "run", "season", "run_low", "dates", "run_dates", "sediment", "bloom", "macrophyte", "coarse", "green", "nir_red", "red_green",
)  # fmt: skip
"""Features of a season, see `season_features`."""


def worst_months(month: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """Dates, bool (n,), that lie in the BLACK_SHARE of the months with the highest mean log-odds; at least one month.

    ``month`` int (n,), ``logit`` float64 (n,).
    """
    months, place = np.unique(month, return_inverse=True)
    mean = np.bincount(place, logit) / np.bincount(place)
    worst = np.argsort(-mean, kind="stable")[: math.ceil(BLACK_SHARE * len(months))]
    return np.isin(place, worst)


def season_logit(month: np.ndarray, logit: np.ndarray) -> float:
    """Mean over the worst months of the mean log-odds of their dates, each within +-DATE_LOG_ODDS; NaN without dates.

    >>> season_logit(np.array([4, 6, 6, 8, 10, 11]), np.array([-4.0, 1.0, 3.0, 4.0, -1.0, -4.0]))
    1.6666666666666667
    """
    if len(month) == 0:
        return math.nan
    logit = np.clip(logit, -DATE_LOG_ODDS, DATE_LOG_ODDS)
    worst = worst_months(month, logit)
    return float(_monthly(month[worst], logit[worst])[1].mean())


def _monthly(month: np.ndarray, logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The months that have dates, rising, and the mean log-odds of each."""
    months, place = np.unique(month, return_inverse=True)
    return months, np.bincount(place, logit) / np.bincount(place)


def best_run(month: np.ndarray, logit: np.ndarray) -> tuple[np.ndarray, float]:
    """The most suspicious RUN_MONTHS months in a row: their dates, bool (n,), and their evidence.

    The evidence is the mean of the monthly means, times k / (k + 1) where the run has k dates, so that a single date counts half. A run may
    begin before the first date and end after the last, so that an episode at the edge of a season counts too.

    Parameters
    ----------
    month : int (n,), counted continuously over the years, n >= 1. logit : float64 (n,).

    >>> best_run(np.array([4, 7, 8, 8, 11]), np.array([-4.0, 2.0, 4.0, 4.0, -4.0]))
    (array([False, False,  True,  True, False]), 2.6666666666666665)
    """
    months, mean = _monthly(month, np.clip(logit, -DATE_LOG_ODDS, DATE_LOG_ODDS))
    runs = []
    for first in range(int(months[0]) - RUN_MONTHS + 1, int(months[-1]) + 1):
        dates = (month >= first) & (month < first + RUN_MONTHS)
        if k := np.count_nonzero(dates):
            inside = (months >= first) & (months < first + RUN_MONTHS)
            runs.append((dates, float(mean[inside].mean() * k / (k + 1))))
    return max(runs, key=lambda run: run[1])


def season_features(dates: pd.DataFrame) -> dict[str, float]:
    """SEASON_FEATURES of the dates of a reach (n >= 1 rows of scores that have a ``logit``, one a day, with `month_number` as ``month``).

    ``run``, ``season``, ``run_low``: log-odds of the best run, of the season, and the LOW_PERCENT percentile of the run's dates. ``dates``,
    ``run_dates``: logarithm of their number. ``sediment``, ``bloom``, ``macrophyte``: share of the run's dates on which it was seen.
    ``coarse``: share of all dates with pixels of COARSE_M and more. ``green``, ``nir_red``, ``red_green``: mean logarithm of the green
    reflectance and of two ratios over the run.
    """
    logit, month = np.clip(dates.logit.to_numpy(), -DATE_LOG_ODDS, DATE_LOG_ODDS), dates.month.to_numpy()
    chosen, evidence = best_run(month, logit)
    veto = dates.veto.to_numpy()[chosen]
    green, red, nir = (np.log(np.maximum(dates[f"{b}_refl"].to_numpy()[chosen], MIN_REFL)) for b in ("green", "red", "nir"))
    return {
        "run": evidence,
        "season": season_logit(month, logit),
        "run_low": float(np.percentile(logit[chosen], LOW_PERCENT)),
        "dates": math.log(len(dates)),
        "run_dates": math.log(len(veto)),
        **{cause: float((veto == cause).mean()) for cause in ("sediment", "bloom", "macrophyte")},
        "coarse": float((dates.native_m >= COARSE_M).mean()),
        "green": float(green.mean()),
        "nir_red": float((nir - red).mean()),
        "red_green": float((red - green).mean()),
    }


def month_number(day: pd.Series) -> np.ndarray:
    """Months counted continuously over the years, int64 (n,), of days YYYY-MM-DD."""
    return 12 * day.str[:4].astype("int64").to_numpy() + day.str[5:7].astype("int64").to_numpy()


def persistence(positive: np.ndarray) -> float:
    """Share of positive dates from the first positive date to the last; 0 without one. bool (n,) in time order.

    >>> persistence(np.array([False, True, False, True, True, False]))
    0.75
    """
    found = np.flatnonzero(positive)
    return len(found) / int(found[-1] - found[0] + 1) if len(found) else 0.0
