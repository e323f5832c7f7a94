"""The state of a coast unit in every period: one of two states, with a change between them only where the evidence requires one.

A Markov chain of two states over the periods (Rabiner 1989) with a small probability of conversion per year and at most MAX_CHANGES changes, so that
all its paths can be summed. The evidence of a place errs alike in every year, which does not look like a change. For the same reason the years between
two changes count as one piece of evidence, not as many: their probability is that of their mean log-odds. At a lasting step the shore was rebuilt: a
change is as likely as none, and the years before it are no evidence for the years after.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.special import expit

CONVERSION_PER_YEAR = 0.01
"""Chance that a unit is converted within a year, either way. The natural coast of mainland China fell from 20,018.73 km in 1990 to 15,316.5 km
in 2020 (Li et al. 2023, Remote Sensing 15:981): ln(20018.73 / 15316.5) / 30 = 0.9 % a year."""
CONVERSION_AT_STEP = 0.5
MAX_CHANGES = 2


def probability_by_period(log_odds: np.ndarray, years: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Probability of a state, float (n, p), in every period, those without evidence included.

    Parameters
    ----------
    log_odds : float (n, p), of the state by the evidence of a period alone; NaN where there is none.
    years : float (p,), decimal years, rising. side : int (n, p), 0 before a lasting step, 1 from it on.

    >>> probability_by_period(np.array([[2.0, np.nan, 2.0]]), np.arange(3.0), np.zeros((1, 3), int)).round(3)
    array([[0.881, 0.881, 0.881]])
    """
    out = np.empty(log_odds.shape)
    for steps in np.unique(side, axis=0):
        mine = (side == steps).all(axis=1)
        out[mine] = _of_one_side(log_odds[mine], years, np.diff(steps) != 0)
    return out


def _of_one_side(log_odds: np.ndarray, years: np.ndarray, step: np.ndarray) -> np.ndarray:
    """`probability_by_period` of units whose step, if any, lies in the same gap between periods, bool (p - 1,): weighted mean over all paths."""
    seen, odds = np.isfinite(log_odds), np.nan_to_num(log_odds)
    chance = np.where(step, CONVERSION_AT_STEP, 1 - (1 - CONVERSION_PER_YEAR) ** np.diff(years))
    greatest = np.abs(odds).sum(axis=1) / 2
    weights, total = np.zeros(len(odds)), np.zeros(odds.shape)
    for count in range(min(MAX_CHANGES, len(chance)) + 1):
        for gaps in combinations(range(len(chance)), count):
            changes = np.isin(np.arange(len(chance)), gaps)
            state = np.where(np.r_[0, np.cumsum(changes)] % 2, -0.5, 0.5)
            balance = np.abs(odds @ state)  # of the path and of its mirror image, which begins in the other state
            prior = np.log(np.where(changes, chance, 1 - chance)).sum()
            weight = np.exp(balance + np.log1p(np.exp(-2 * balance)) + prior - greatest)
            weights += weight
            total += weight[:, None] * _mean_by_run(odds, seen, changes | step)
    return total / weights[:, None]


def _mean_by_run(odds: np.ndarray, seen: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Probability, float (n, p), of the mean log-odds of the seen periods of each run between cuts, bool (p - 1,); 0.5 where none is seen."""
    starts = np.r_[0, np.flatnonzero(cut) + 1]
    mean = np.add.reduceat(odds, starts, axis=1) / np.maximum(np.add.reduceat(seen, starts, axis=1, dtype=int), 1)
    return np.repeat(expit(mean), np.diff(np.r_[starts, odds.shape[1]]), axis=1)


def carried(values: np.ndarray, years: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Values (n, p) with each NaN replaced by the value of the nearest period of the same side that has one, the earlier of two equally near.

    Missing evidence is not a change: if it were dropped in years in which clouds hide a tide, the class would follow the weather.

    >>> carried(np.array([[1.0, np.nan, np.nan, 4.0]]), np.arange(4.0), np.array([[0, 0, 0, 1]])).tolist()
    [[1.0, 1.0, 1.0, 4.0]]
    """
    out = values.copy()
    for k in range(len(years)):
        for j in np.argsort(np.abs(years - years[k]), kind="stable"):
            out[:, k] = np.where(np.isnan(out[:, k]) & (side[:, j] == side[:, k]), values[:, j], out[:, k])
    return out
