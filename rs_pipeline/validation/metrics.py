"""Measures of agreement with the truth: pure functions of arrays and counts.

A measure without data is NaN. Pairs in which either value is NaN (not observed) take no part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ECE_BINS = 10
"""Equal bins of probability of the expected calibration error."""


def paired(found: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of which both values are finite, two float64 (n,)."""
    found, true = np.asarray(found, "float64").ravel(), np.asarray(true, "float64").ravel()
    both = np.isfinite(found) & np.isfinite(true)
    return found[both], true[both]


def ratio(part: float, whole: float) -> float:
    """part / whole; NaN where whole is 0.

    >>> ratio(1, 4), ratio(0, 0)
    (0.25, nan)
    """
    return float(part) / float(whole) if whole > 0 else math.nan


def bias(found: np.ndarray, true: np.ndarray) -> float:
    """Mean of found - true.

    >>> bias([1.0, 4.0, float("nan")], [0.0, 2.0, 9.0])
    1.5
    """
    found, true = paired(found, true)
    return float((found - true).mean()) if found.size else math.nan


def rmse(found: np.ndarray, true: np.ndarray) -> float:
    """Root of the mean squared difference.

    >>> rmse([3.0, 4.0], [0.0, 0.0]) == 12.5**0.5
    True
    """
    found, true = paired(found, true)
    return float(np.sqrt(((found - true) ** 2).mean())) if found.size else math.nan


def concordance(found: np.ndarray, true: np.ndarray) -> float:
    """Lin's concordance correlation coefficient (Lin 1989): 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2), moments over n.

    At most |r|: a map that is only proportional to the truth does not get 1. NaN below two pairs or where both are one constant.
    """
    found, true = paired(found, true)
    if found.size < 2:
        return math.nan
    covariance = ((found - found.mean()) * (true - true.mean())).mean()
    spread = found.var() + true.var() + (found.mean() - true.mean()) ** 2
    return float(2 * covariance / spread) if spread > 0 else math.nan


def interval_coverage(lower: np.ndarray, upper: np.ndarray, true: np.ndarray) -> float:
    """Share of true values within [lower, upper]; only where all three are finite.

    >>> interval_coverage([0.0, 0.0, 0.0], [1.0, 1.0, float("nan")], [1.0, 2.0, 0.5])
    0.5
    """
    lower, upper, true = (np.asarray(a, "float64").ravel() for a in (lower, upper, true))
    known = np.isfinite(lower) & np.isfinite(upper) & np.isfinite(true)
    return ratio(((lower <= true) & (true <= upper) & known).sum(), known.sum())


@dataclass(frozen=True)
class Counts:
    """A table of two classes: true positives, false positives, false negatives, true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int = 0

    @classmethod
    def of(cls, found: np.ndarray, true: np.ndarray) -> Counts:
        """Of two masks of the same shape.

        >>> Counts.of(np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool))
        Counts(tp=1, fp=1, fn=1, tn=1)
        """
        found, true = np.asarray(found, bool), np.asarray(true, bool)
        return cls(int((found & true).sum()), int((found & ~true).sum()), int((~found & true).sum()), int((~found & ~true).sum()))

    @property
    def precision(self) -> float:
        """User's accuracy: tp / (tp + fp); NaN where nothing was found."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Producer's accuracy: tp / (tp + fn); NaN where there is nothing to find."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 tp / (2 tp + fp + fn): 0 where nothing is right, NaN where there is nothing at all."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def false_alarm_rate(self) -> float:
        """fp / (fp + tn)."""
        return ratio(self.fp, self.fp + self.tn)


def percent_error(found: float, true: float) -> float:
    """100 (found - true) / true; NaN where the true amount is 0.

    >>> percent_error(99.0, 100.0)
    -1.0
    """
    return 100 * ratio(found - true, true)


def precision_at(prevalence: float, recall: float, false_alarm_rate: float) -> float:
    """Precision where ``prevalence`` (0-1) of all objects are positive: p r / (p r + (1 - p) f), Bayes.

    In a sample that is rich in positives the precision is too high; recall and false-alarm rate do not depend on the share of positives.
    """
    hits = prevalence * recall
    return ratio(hits, hits + (1 - prevalence) * false_alarm_rate)


def _ranked(probability: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives when everything down to each distinct probability is flagged, from the highest; int (k,)."""
    probability, true = np.asarray(probability, "float64"), np.asarray(true, bool)
    known = np.isfinite(probability)
    probability, true = probability[known], true[known]
    order = np.argsort(-probability, kind="stable")
    last = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1) if len(order) else np.zeros(0, int)
    return np.cumsum(true[order])[last], np.cumsum(~true[order])[last]


def roc_auc(probability: np.ndarray, true: np.ndarray) -> float:
    """Chance that a positive is ranked above a negative, ties half (Hanley and McNeil 1982). NaN without either.

    >>> roc_auc([0.9, 0.4, 0.4, 0.1], [True, True, False, False])
    0.875
    """
    tp, fp = _ranked(probability, true)
    if not tp.size or tp[-1] == 0 or fp[-1] == 0:
        return math.nan
    return float(np.trapezoid(np.append(0, tp) / tp[-1], np.append(0, fp) / fp[-1]))


def average_precision(probability: np.ndarray, true: np.ndarray) -> float:
    """Sum over thresholds of (gain of recall) x precision: the area under the precision-recall curve, not interpolated.

    A ranking by chance gets about the share of positives. NaN without positives.
    """
    tp, fp = _ranked(probability, true)
    if not tp.size or tp[-1] == 0:
        return math.nan
    return float((np.diff(np.append(0, tp)) / tp[-1] * tp / (tp + fp)).sum())


def recall_at_false_alarms(probability: np.ndarray, true: np.ndarray, rate: float) -> float:
    """Largest recall of any threshold whose false-alarm rate is at most ``rate`` (0-1).

    With fewer than 1 / rate negatives that is the recall before the first false alarm. NaN without positives or negatives.
    """
    tp, fp = _ranked(probability, true)
    if not tp.size or tp[-1] == 0 or fp[-1] == 0:
        return math.nan
    allowed = fp / fp[-1] <= rate
    return float(tp[allowed].max() / tp[-1]) if allowed.any() else 0.0


def kappa(confusion: np.ndarray) -> float:
    """Cohen's kappa of a square table of counts: agreement beyond what chance would give; NaN where chance gives all.

    >>> kappa([[20, 5], [10, 15]])
    0.4
    """
    confusion = np.asarray(confusion, float)
    n = confusion.sum()
    chance = float((confusion.sum(axis=0) * confusion.sum(axis=1)).sum() / n**2) if n else math.nan
    return round(float(np.trace(confusion) / n - chance) / (1 - chance), 12) if n and chance < 1 else math.nan


def expected_calibration_error(probability: np.ndarray, true: np.ndarray, bins: int = ECE_BINS) -> float:
    """Mean over equal bins of |share of positives - mean probability|, weighted by count (Naeini et al. 2015).

    >>> round(expected_calibration_error([0.2, 0.2, 0.2, 0.2, 0.2], [1, 0, 0, 0, 0]), 9)
    0.0
    """
    probability, true = paired(probability, true)
    if not probability.size:
        return math.nan
    index = np.clip((probability * bins).astype(int), 0, bins - 1)
    gap = np.bincount(index, true, bins) - np.bincount(index, probability, bins)
    return float(np.abs(gap).sum() / probability.size)
