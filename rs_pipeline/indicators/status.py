"""Judges whether a target is met: a pure function of numbers, tested as a truth table (described in docs/verdicts.md).

=============  ============================================================================
operator       what must hold
=============  ============================================================================
>= > <= <      the value, with its whole interval, on the right side
=              the whole interval within the number +- tolerance
eliminate      <= the number, 0 where none is given
increase       change since the baseline > the number (0)
decrease       change since the baseline < minus the number (0); with 0, also where nothing is left
no_decrease    change since the baseline >= minus the number (0)
no_increase    change since the baseline <= the number (0)
qualitative    nothing that can be computed: no_target
=============  ============================================================================

From its year on, or without a year, a target is ``met``, ``not_met`` or, where the interval contains the number, ``undecidable``. Before its year a
change is ``on_track`` or ``off_track``. Before its year a level is judged by its present value and by the value extrapolated to that year with its pace:

===============  ===============  ==========================  ===============
today            holds then       cannot be told              fails then
===============  ===============  ==========================  ===============
holds            met              met; undecidable if it is   slipping
                                  moving the wrong way
cannot be told   on_track         undecidable                 off_track
fails            on_track         undecidable                 off_track
===============  ===============  ==========================  ===============

An amount or change below the detection limit counts as zero in comparisons that zero satisfies (``>= 0``, ``<= 0``). In comparisons that zero does not
satisfy (``> 0``, ``< 0``) it decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rs_kernels.trends import series_trend, theil_sen

from rs_pipeline.estimation.uncertainty import Interval, difference, possible
from rs_pipeline.indicators.targets import Target

STATUSES = {
    "met": "the target holds; if its year lies ahead, nothing shows that it will be lost",
    "on_track": "today it does not hold, or is not certain; at this pace it will hold in the target's year",
    "undecidable": "the interval straddles the number, today or in the target's year",
    "slipping": "it holds today; at this pace it will not hold in the target's year",
    "off_track": "today it does not hold, or is not certain; at this pace it will not hold in the target's year",
    "not_met": "it does not hold, and the target's year has come or the target has no year",
    "insufficient_data": "too little was seen to say",
    "not_built": "could be seen from space; this version makes no such map",
    "needs_table": "needs a table that this run was not given",
    "not_observable": "these satellites cannot see it",
    "no_target": "this row is not held to any number",
}
"""Every status and its meaning."""

CHANGE_OPERATORS = ("increase", "decrease", "no_decrease", "no_increase")

AHEAD = {
    (True, True): "met", (True, False): "slipping", (None, True): "on_track", (None, None): "undecidable", (None, False): "off_track",
    (False, True): "on_track", (False, None): "undecidable", (False, False): "off_track",
}  # fmt: skip
"""(holds today, holds in the target's year) to the status before that year; (True, None) depends on the direction of change."""


@dataclass(frozen=True)
class Verdict:
    """A status and why; ``reason`` may be empty."""

    status: str
    reason: str = ""
    slope: Interval | None = None
    """Change per year of the value, in its unit, where the target's year lies ahead and two periods have values."""


def criterion(operator: str, number: float | None) -> tuple[str, float]:
    """The comparison of an operator: of the value, or of the change for CHANGE_OPERATORS.

    >>> criterion("decrease", 5.0), criterion("eliminate", None)
    (('<', -5.0), ('<=', 0.0))
    """
    n = number or 0.0
    return {"increase": (">", n), "decrease": ("<", -n), "no_decrease": (">=", -n), "no_increase": ("<=", n), "eliminate": ("<=", n)}.get(
        operator, (operator, n)
    )


def holds(comparison: str, number: float, interval: Interval, tolerance: float = 0.0) -> bool | None:
    """True if a comparison holds for every value of the interval, False if for none, None otherwise."""
    lower, upper = interval.bounds
    always, never = {
        ">=": (lower >= number, upper < number),
        ">": (lower > number, upper <= number),
        "<=": (upper <= number, lower > number),
        "<": (upper < number, lower >= number),
        "=": (number - tolerance <= lower and upper <= number + tolerance, upper < number - tolerance or lower > number + tolerance),
    }[comparison]
    return True if always else (False if never else None)


def told_apart(interval: Interval, least: float, comparison: str = "<=") -> Interval:
    """The interval for a comparison with 0, where values below the detection limit ``least`` cannot be distinguished from 0.

    In a comparison that 0 satisfies (``>=``, ``<=``, ``=``), a bound below the limit becomes 0. Otherwise (``<``, ``>``) such a bound is moved outwards to the
    limit, because its true value may be anywhere within it.

    >>> told_apart(Interval(0.0, 0.0, 0.3, "model95"), 1.0).upper
    0.0
    >>> told_apart(Interval(-2.0, -3.0, -0.5, "model95"), 1.0, "<").bounds
    (-3.0, 1.0)
    """
    slack, value = least if comparison in ("<", ">") else 0.0, 0.0 if abs(interval.value) < least else interval.value
    lower, upper = interval.bounds
    lower, upper = 0.0 - slack if abs(lower) < least else lower, slack if abs(upper) < least else upper
    return Interval(value, lower, upper, interval.kind or "range") if interval.kind or lower < upper else Interval(value)


TREND_YEARS = 5
"""Number of years from which a slope has a confidence interval from its own scatter."""


def pace(history: Sequence[tuple[float, Interval]], ends: Interval | None = None) -> Interval | None:
    """Change per year: median of the slopes of all pairs (Theil 1950, Sen 1968); None with fewer than two years, or where the change has no bound on either
    side, because the values themselves have none on one.

    The interval is, to either side, the wider of two: the interval of the change between the two ends, divided by the years between; and
    from three years on the scatter: the extreme slopes of pairs, or from TREND_YEARS on the 95 % interval of the slope (Sen 1968).

    Parameters
    ----------
    history : (year, value) in any order. ends : change from the first to the last of them; default their difference as if independent.
    """
    if len(history) < 2:
        return None
    ordered = sorted(history, key=lambda h: h[0])
    t, x = np.array([(year, value.value) for year, value in ordered], "float64").T.copy()
    ends = ends or difference(ordered[-1][1], ordered[0][1])
    slope, span = float(theil_sen(t, x)), t[-1] - t[0]
    lower, upper = ends.bounds
    if np.isnan(slope) or (math.isinf(lower) and math.isinf(upper)):
        return None
    widest_below, widest_above = [(ends.value - lower) / span], [(upper - ends.value) / span]
    if len(t) >= TREND_YEARS:
        low, high = (float(v) for v in series_trend(t, x)[1:3])
    elif len(t) > 2:
        i, j = np.triu_indices(len(t), 1)
        pairs = (x[j] - x[i]) / (t[j] - t[i])
        low, high = pairs.min(), pairs.max()
    else:
        low = high = slope
    if np.isfinite([low, high]).all():
        widest_below.append(slope - low)
        widest_above.append(high - slope)
    below, above = max(widest_below), max(widest_above)
    return Interval(slope, slope - below, slope + above, "model95") if below or above else Interval(slope)


def judge(
    target: Target, now: Interval, year: int, *, change: Interval | None = None, slope: Interval | None = None, least: float = 0.0, is_change: bool = False,
    over: bool = True, often_missed: bool = False,
) -> Verdict:  # fmt: skip
    """Judge one value against one target.

    Parameters
    ----------
    now : the value of the period that ends in ``year``, in the unit of the target.
    change : for a level, its change since the target's baseline, by which CHANGE_OPERATORS are judged.
    slope : change per year of the value (`pace`); None with a single period.
    least : detection limit: the smallest amount, or change, that can be distinguished from zero.
    is_change : whether ``now`` is itself the change since the target's baseline.
    over : whether the period has ended; until then the target's year counts as ahead.
    often_missed : see `Indicator.often_missed`.
    """
    if target.operator == "qualitative":
        return Verdict("no_target", "the sentence sets no number")
    comparison, number = criterion(target.operator, target.value)
    if target.operator in CHANGE_OPERATORS:
        none_left = not (is_change or often_missed) and target.operator == "decrease" and number == 0 and told_apart(now, least).bounds == (0, 0)
        ahead = target.target_year is not None and (year < target.target_year or not over)
        return _judge_change(comparison, number, now if is_change else change, least, none_left=none_left, ahead=ahead)
    if target.value is None and target.operator != "eliminate":
        return Verdict("no_target", "the document prints no number; set it in the table of targets")
    if number == 0:
        now = told_apart(now, least, comparison)
    today = holds(comparison, number, now, target.tolerance)
    if target.target_year is None or (over and year >= target.target_year):
        return Verdict(_decided(today), "the interval straddles the target" if today is None else _none_said(number, least, today))
    limits = natural_limits(target.unit, is_change=is_change)
    return _judge_ahead(target, comparison, number, now, year, slope, today, least, limits)


def _decided(met: bool | None) -> str:
    return {True: "met", False: "not_met", None: "undecidable"}[met]


def _none_said(number: float, least: float, met: bool | None) -> str:
    return f"less than {least:.3g} cannot be told from none" if number == 0 and least > 0 and met else ""


def _judge_change(comparison: str, number: float, change: Interval | None, least: float, *, none_left: bool, ahead: bool) -> Verdict:
    if change is None:
        return Verdict("insufficient_data", "no value in the baseline period to compare with")
    met = none_left or holds(comparison, number, told_apart(change, least, comparison) if number == 0 else change)
    lower, upper = change.bounds
    if lower == -math.inf and upper == math.inf:
        return Verdict("undecidable", "the bounds of the value are open, so its change cannot be told")
    said = f"change since the baseline {change.value:+.3g}" + (f" [{lower:+.3g}, {upper:+.3g}]" if change.kind else "")
    none = "none is left, so nothing is left to decrease" if none_left else _none_said(number, least, met is None or (comparison in (">=", "<=") and met))
    said += f"; {none}" if none else ""
    if met is None:
        return Verdict("undecidable", f"the interval of the change straddles the target: {said}")
    if ahead:
        return Verdict("on_track" if met else "off_track", said)
    return Verdict(_decided(met), said)


AMOUNT_UNITS = ("count", "km2", "ha", "km", "GW", "x")
"""First words of the units that have no values below 0: counts, areas, lengths, capacities and ratios."""


def natural_limits(unit: str, *, is_change: bool = False) -> tuple[float, float]:
    """Least and largest possible value in a unit, by its first word; a change may be negative, save for the ratio to the baseline.

    >>> natural_limits("%"), natural_limits("km natural coast"), natural_limits("m/yr")
    ((0.0, 100.0), (0.0, inf), (-inf, inf))
    """
    kind = unit.partition(" ")[0]
    if is_change and kind != "x":
        return -math.inf, math.inf
    if kind == "%":
        return 0.0, 100.0
    return (0.0, math.inf) if kind in AMOUNT_UNITS else (-math.inf, math.inf)


def carried_on(now: Interval, slope: Interval, years: float, limits: tuple[float, float] = (-math.inf, math.inf)) -> Interval:
    """The value extrapolated by some years with its pace, clipped to its `natural_limits`; the errors of the value and of its slope are taken as
    independent."""
    value, (lower, upper), (slow, fast) = now.value + years * slope.value, now.bounds, slope.bounds
    below, above = math.hypot(now.value - lower, years * (slope.value - slow)), math.hypot(upper - now.value, years * (fast - slope.value))
    return possible(Interval(value, value - below, value + above, "model95") if below or above else Interval(value), *limits)


def _judge_ahead(
    target: Target, comparison: str, number: float, now: Interval, year: int, slope: Interval | None, today: bool | None, least: float, limits: tuple[float, float]
) -> Verdict:  # fmt: skip
    """The verdict, by AHEAD, on a level whose target year lies ahead."""
    none_said = _none_said(number, least, today)
    if slope is None:
        said = {True: "holds today; one period shows no pace", False: "not reached yet; one period shows no pace", None: "the interval straddles the target"}
        return Verdict({True: "met", False: "insufficient_data", None: "undecidable"}[today], "; ".join(filter(None, [none_said, said[today]])))
    assert target.target_year is not None, "its year lies ahead"
    then = carried_on(now, slope, max(0, target.target_year - year), limits)
    later = holds(comparison, number, told_apart(then, least, comparison) if number == 0 else then, target.tolerance)
    status = AHEAD.get((today, later)) or ("undecidable" if _moves_away(comparison, slope) else "met")
    return Verdict(status, "; ".join(filter(None, [none_said, _ahead_said(target, slope, then, today, later)])), slope)


def _moves_away(comparison: str, slope: Interval) -> bool:
    """Whether the whole interval of the slope points to the wrong side of the number; for ``=`` either side is wrong, because the value may pass the number."""
    slow, fast = slope.bounds
    falls, rises = fast < 0, slow > 0
    if comparison == "=":
        return falls or rises
    return falls if comparison in (">=", ">") else rises


def slope_said(slope: Interval, unit: str) -> str:
    """A pace per year, in words.

    >>> slope_said(Interval(-0.5, -1.0, 0.25, "model95"), "%")
    '-0.5 [-1, +0.25] %'
    """
    slow, fast = slope.bounds
    return f"{slope.value:+.3g}" + (f" [{slow:+.3g}, {fast:+.3g}]" if slope.kind else "") + f" {unit}"


def _ahead_said(target: Target, slope: Interval, then: Interval, today: bool | None, later: bool | None) -> str:
    lower, upper = then.bounds
    between = f" [{lower:.4g}, {upper:.4g}]" if then.kind else ""
    start = {True: "holds today", False: "does not hold today", None: "today the interval straddles the target"}[today]
    end = {True: "where it holds", False: "where it does not hold", None: "which straddles the target"}[later]
    return f"{start}; at {slope_said(slope, target.unit)} a year it comes to {then.value:.4g}{between} in {target.target_year}, {end}"
