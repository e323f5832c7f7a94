"""Intervals: the effect of missing observations, samples and differences on a value. Pure functions on plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rs_kernels.statistics import Z95

KINDS = {
    "design95": "95 % confidence from a probability sample",
    "model95": "95 % under a stated error model",
    "range": "the number lies between the bounds whatever was not seen or not decided",
    "dates80": "80 % of the dates lie between the bounds",
    "": "",
}
"""Meaning of the bounds of an interval, by kind."""


@dataclass(frozen=True)
class Interval:
    """A number with its bounds, in the number's unit; ``kind`` is one of KINDS, and where it is empty the bounds are NaN."""

    value: float
    lower: float = math.nan
    upper: float = math.nan
    kind: str = ""

    def times(self, factor: float) -> Interval:
        """The interval in another unit; ``factor`` >= 0."""
        return Interval(self.value * factor, self.lower * factor, self.upper * factor, self.kind)

    @property
    def bounds(self) -> tuple[float, float]:
        """(lower, upper); both the value itself where the interval is empty."""
        return (self.lower, self.upper) if self.kind else (self.value, self.value)


def around(value: float, half: float, kind: str = "model95") -> Interval:
    """value +- half; without bounds where ``half`` is NaN."""
    return Interval(value, value - half, value + half, kind) if math.isfinite(half) else Interval(value)


def within(interval: Interval, low: float, high: float) -> Interval:
    """The interval with its bounds clipped to [low, high]; the value is unchanged and stays inside."""
    if not interval.kind:
        return interval
    lower = min(max(interval.lower, low), interval.value)
    return Interval(interval.value, lower, max(min(interval.upper, high), interval.value), interval.kind)


def possible(interval: Interval, low: float, high: float) -> Interval:
    """The interval with its value and bounds clipped to [low, high].

    >>> possible(Interval(-0.2, -0.5, 0.3, "design95"), 0.0, 1.0)
    Interval(value=0.0, lower=0.0, upper=0.3, kind='design95')
    """
    value, lower, upper = (min(max(x, low), high) for x in (interval.value, interval.lower, interval.upper))
    return Interval(value, lower, upper, interval.kind)


@dataclass(frozen=True)
class Thresholds:
    """Observed fractions of the missing-data rule, in falling order."""

    publish: float = 0.95
    scale: float = 0.80
    range: float = 0.50


def missing_rule(observed_fraction: float, limits: Thresholds) -> str:
    """How a unit with this observed fraction is reported: ``publish``, ``scale``, ``range`` or ``withhold``."""
    if not observed_fraction >= limits.range:
        return "withhold"
    if observed_fraction >= limits.publish:
        return "publish"
    return "scale" if observed_fraction >= limits.scale else "range"


def complete(
    seen: Interval, observed_fraction: float, limits: Thresholds, *, low: float = 0.0, high: float = 1.0, square: float | None = None, part: float = 0.0
) -> Interval | None:
    """Extend a mean of the observed part to the whole unit; None where the value must be withheld.

    Parameters
    ----------
    seen : mean (a share, a cover, a rate) over the observed part.
    observed_fraction : v, the part of the unit that was observed, 0-1.
    low, high : least and greatest value the mean of the unseen part can have.
    square : mean of the squared values over the observed part; None where it is not known.
    part : share of the whole of one countable part (a transect, a water body), 0-1; 0 where there are none.

    Notes
    -----
    The observed mean is used for the whole. ``publish`` and ``scale``: the interval is widened by the imputation variance (1-v)^2 s^2, where s^2 is
    the variance of the observed part, square - m^2, or, where unknown, the greatest for the mean, (high-m)(m-low) (Bhatia and Davis 2000,
    Am. Math. Mon. 107:353). It is widened by at least `hidden_parts` parts, because observed parts that are all equal show no variance. It never exceeds
    the range. ``range``, or an interval that is itself a range: from all unobserved at ``low`` to all unobserved at ``high``.
    """
    rule = missing_rule(observed_fraction, limits)
    v = min(observed_fraction, 1.0)
    if rule == "withhold" or not math.isfinite(seen.value):
        return None
    if v == 1:
        return seen
    lower, upper = seen.bounds
    extremes = (v * lower + (1 - v) * low, v * upper + (1 - v) * high)
    if "range" in (rule, seen.kind):
        return Interval(seen.value, *extremes, "range")
    greatest = (high - seen.value) * (seen.value - low)
    variance = greatest if square is None else min(square - seen.value**2, greatest)
    imputation = max(Z95 * (1 - v) * math.sqrt(max(0.0, variance)), hidden_parts(v) * part * (high - low))
    widened = Interval(
        seen.value, seen.value - math.hypot(seen.value - lower, imputation), seen.value + math.hypot(upper - seen.value, imputation), seen.kind or "model95"
    )
    return within(widened, *extremes)


def hidden_parts(observed_fraction: float) -> int:
    """Largest number of differing parts that may all have been missed with a probability above 2.5 %, if each is missed with probability 1 - v.

    >>> hidden_parts(0.96), hidden_parts(0.8), hidden_parts(0.99)
    (1, 2, 0)
    """
    v = observed_fraction
    return 0 if v >= 1 else int(math.log(0.025) / math.log(1 - v))


def difference(now: Interval, then: Interval) -> Interval:
    """now - then. Bounds of a range are subtracted for the worst case; other bounds by the method of variance estimates
    recovery for independent estimates (Zou and Donner 2008, Stat. Med. 27:1693). Errors that both share make the interval too wide, never
    too narrow. The result has no bounds where neither side has any.
    """
    return weighted_sum([(1.0, now), (-1.0, then)])


def weighted_sum(terms: Sequence[tuple[float, Interval]]) -> Interval:
    """The sum of factor x number, with bounds as of a `difference`; factors may be negative.

    >>> weighted_sum([(2.0, Interval(1.0, 0.0, 3.0, "model95")), (-1.0, Interval(5.0, 2.0, 7.0, "model95"))])
    Interval(value=-3.0, lower=-5.82842712474619, upper=2.0, kind='model95')
    """
    value = sum(factor * number.value for factor, number in terms)
    kinds = {number.kind for _, number in terms} - {""}
    if not kinds:
        return Interval(value)
    ends = [sorted(factor * bound for bound in number.bounds) for factor, number in terms]
    if "range" in kinds:
        return Interval(value, sum(low for low, _ in ends), sum(high for _, high in ends), "range")
    below, above = (math.hypot(*(factor * n.value - end[i] for (factor, n), end in zip(terms, ends, strict=True))) for i in (0, 1))
    return Interval(value, value - below, value + above, "model95")
