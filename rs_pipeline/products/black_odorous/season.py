"""A season of dates as one evidence: black-odorous water is black for most of a season, not on every date.

Dates of a month share weather and water, so a month has one vote; and water that turns black in summer is clear in April and
November, so the calmer months do not speak for it. The official rule calls a point black-odorous when 60 % of its samples are
(Jiancheng [2015] 130): the evidence is the mean over the most suspicious 60 % of the months.
"""

from __future__ import annotations

import math

import numpy as np

BLACK_SHARE = 0.6
"""Share of the months of a season that has to be black."""


def worst_months(month: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """Dates, bool (n,), that lie in the BLACK_SHARE of the months with the highest mean log-odds; at least one month.

    ``month`` int (n,), ``logit`` float64 (n,).
    """
    months, place = np.unique(month, return_inverse=True)
    mean = np.bincount(place, logit) / np.bincount(place)
    worst = np.argsort(-mean, kind="stable")[: math.ceil(BLACK_SHARE * len(months))]
    return np.isin(place, worst)


def season_logit(month: np.ndarray, logit: np.ndarray) -> float:
    """Mean over the worst months of the mean log-odds of their dates; NaN without dates.

    >>> season_logit(np.array([4, 6, 6, 8, 10, 11]), np.array([-4.0, 1.0, 3.0, 4.0, -1.0, -4.0]))
    1.6666666666666667
    """
    if len(month) == 0:
        return math.nan
    worst = worst_months(month, logit)
    _, place = np.unique(month[worst], return_inverse=True)
    return float((np.bincount(place, logit[worst]) / np.bincount(place)).mean())


def persistence(positive: np.ndarray) -> float:
    """Share of positive dates from the first positive date to the last; 0 without one. bool (n,) in time order.

    >>> persistence(np.array([False, True, False, True, True, False]))
    0.75
    """
    found = np.flatnonzero(positive)
    return len(found) / (found[-1] - found[0] + 1) if len(found) else 0.0
