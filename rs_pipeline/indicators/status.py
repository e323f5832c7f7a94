"""Is a target met? A pure function of numbers, tested as a truth table.

=============  =========================================================  =========================================
operator       what must hold                                             before the target year
=============  =========================================================  =========================================
>= > <= <      the value, with its whole interval, on the right side      if it does not hold: pace to the target year
=              the whole interval within the number +- tolerance          if it does not hold: pace to the target year
eliminate      <= the number, 0 where none is given                       if it does not hold: pace to the target year
increase       change since the baseline > the number (0)                 on_track / off_track instead of met / not_met
decrease       change since the baseline < minus the number (0)           on_track / off_track
no_decrease    change since the baseline >= minus the number (0)          on_track / off_track
no_increase    change since the baseline <= the number (0)                on_track / off_track
qualitative    nothing that can be computed                               no_target
=============  =========================================================  =========================================

An interval that straddles the number is ``undecidable``, now and at the end of the pace, which is the value carried on with its trend;
from five years on the interval of the trend counts too. A value without bounds is taken as exact.
A number that already holds before its year is ``met``; a sentence about change can still turn and is only ``on_track``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rs_kernels.trends import series_trend, theil_sen

from rs_pipeline.estimation.uncertainty import Interval, difference
from rs_pipeline.indicators.targets import Target

STATUSES = (
    "met", "on_track", "off_track", "not_met", "undecidable", "insufficient_data", "needs_table", "not_observable", "no_target",
)  # fmt: skip

CHANGE_OPERATORS = ("increase", "decrease", "no_decrease", "no_increase")


@dataclass(frozen=True)
class Verdict:
    """A status and why; ``reason`` may be empty."""

    status: str
    reason: str = ""


def criterion(operator: str, number: float | None) -> tuple[str, float]:
    """The comparison that an operator stands for: on the value, or on the change for CHANGE_OPERATORS.

    >>> criterion("decrease", 5.0), criterion("eliminate", None)
    (('<', -5.0), ('<=', 0.0))
    """
    n = number or 0.0
    return {
        "increase": (">", n), "decrease": ("<", -n), "no_decrease": (">=", -n), "no_increase": ("<=", n), "eliminate": ("<=", n),
    }.get(operator, (operator, n))  # fmt: skip


def holds(comparison: str, number: float, interval: Interval, tolerance: float = 0.0) -> bool | None:
    """Whether a comparison holds for every value of the interval; False if for none; None if the interval straddles."""
    lower, upper = interval.bounds
    always, never = {
        ">=": (lower >= number, upper < number),
        ">": (lower > number, upper <= number),
        "<=": (upper <= number, lower > number),
        "<": (upper < number, lower >= number),
        "=": (number - tolerance <= lower and upper <= number + tolerance, upper < number - tolerance or lower > number + tolerance),
    }[comparison]
    return True if always else (False if never else None)


TREND_YEARS = 5
"""Years from which a slope has an interval of its own."""


def pace(history: Sequence[tuple[float, float]]) -> Interval | None:
    """Change a year: median of the slopes of all pairs (Theil 1950, Sen 1968); None with fewer than two years.

    With TREND_YEARS or more the 95 % interval of the slope (Sen 1968), with fewer none.
    """
    if len(history) < 2:
        return None
    t, x = np.array(sorted(history), "float64").T.copy()
    if len(t) < TREND_YEARS:
        slope = float(theil_sen(t, x))
        return None if np.isnan(slope) else Interval(slope)
    slope, lower, upper, _ = (float(v) for v in series_trend(t, x))
    return Interval(slope, lower, upper, "model95") if np.isfinite([lower, upper]).all() else Interval(slope)


def judge(
    target: Target,
    now: Interval,
    year: int,
    *,
    then: Interval | None = None,
    is_change: bool = False,
    history: Sequence[tuple[float, float]] = (),
) -> Verdict:
    """Judge one value against one target.

    Parameters
    ----------
    now : the value of the period that ends in ``year``, in the unit of the target.
    then : the value of the baseline; needed by CHANGE_OPERATORS unless ``is_change``.
    is_change : ``now`` is itself a change since the baseline.
    history : (year, value) of the periods up to and with ``year``, for the pace.
    """
    if target.operator == "qualitative":
        return Verdict("no_target", "the sentence sets no number")
    comparison, number = criterion(target.operator, target.value)
    if target.operator in CHANGE_OPERATORS:
        return _judge_change(target, comparison, number, now if is_change else then and difference(now, then), year)
    if target.value is None and target.operator != "eliminate":
        return Verdict("needs_table", "the document prints no number; set it in the table of targets")
    met = holds(comparison, number, now, target.tolerance)
    if met is None:
        return Verdict("undecidable", "the interval straddles the target")
    if met:
        return Verdict("met")
    if target.target_year is None or year >= target.target_year:
        return Verdict("not_met")
    return _judge_pace(target, comparison, number, now, year, pace(history))


def _judge_change(target: Target, comparison: str, number: float, change: Interval | None, year: int) -> Verdict:
    if change is None:
        return Verdict("insufficient_data", "no value in the baseline period to compare with")
    met = holds(comparison, number, change)
    if met is None:
        return Verdict("undecidable", "the interval of the change straddles the target")
    if target.target_year is not None and year < target.target_year:
        return Verdict("on_track" if met else "off_track")
    return Verdict("met" if met else "not_met")


def _judge_pace(target: Target, comparison: str, number: float, now: Interval, year: int, slope: Interval | None) -> Verdict:
    """The value carried on to the target year: the errors of the value and of its slope are independent."""
    if slope is None:
        return Verdict("insufficient_data", "not reached yet; one period shows no pace")
    years = target.target_year - year
    then, (lower, upper), (slow, fast) = now.value + years * slope.value, now.bounds, slope.bounds
    reached = Interval(
        then, then - math.hypot(now.value - lower, years * (slope.value - slow)),
        then + math.hypot(upper - now.value, years * (fast - slope.value)), "model95",
    )  # fmt: skip
    met = holds(comparison, number, reached, target.tolerance)
    said = f"at {slope.value:+.3g} {target.unit} a year it reaches {then:.4g} in {target.target_year}"
    if met is None:
        said += f", between {reached.lower:.4g} and {reached.upper:.4g}"
    return Verdict({True: "on_track", False: "off_track", None: "undecidable"}[met], said)
