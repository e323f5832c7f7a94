"""The change of an indicator between two periods, with the interval of a change.

Two years of one place have most of their error in common: its soils, its crops, how it was mapped. The error that they do not share is calibrated on
changes (rows ``<indicator>:change`` of ``config/errors.csv``), not computed from two values as if they were independent. An undecided unit of either
year counts in full, because it may have been anything, except for units that stay the same over the years (`Spread.lasting`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rs_pipeline.estimation.error_model import Spread, spread
from rs_pipeline.estimation.estimate import Estimate
from rs_pipeline.estimation.uncertainty import Interval, difference


def change_name(indicator: str) -> str:
    """Name of the row of the error model for the change of an indicator."""
    return f"{indicator}:change"


def change_spread(now: Spread, then: Spread) -> Spread:
    """The error model of the change of an indicator: a multiple of the sum of both bases, the undecided units, and the unobserved parts, which are taken as
    independent."""
    learnt = spread(change_name(now.indicator), 0.0, now.basis + then.basis)
    (below, above), (below_then, above_then) = now.unseen, then.unseen
    return replace(
        learnt.mirrored() if now.turned else learnt, undecided=_undecided(now, then), unseen=(math.hypot(below, above_then), math.hypot(above, below_then))
    )


def _undecided(now: Spread, then: Spread) -> tuple[float, float]:
    """How far below and above its value the true change lies if every undecided unit of either year falls that way.

    A lasting unit that is undecided in both years was the same in both: only the difference of its two contributions counts.
    """
    below, above = [now.undecided[0], then.undecided[1]], [now.undecided[1], then.undecided[0]]
    for unit in now.lasting.keys() | then.lasting.keys():
        (low, high), (low_then, high_then) = (s.lasting.get(unit, (0.0, 0.0)) for s in (now, then))
        if unit in now.lasting and unit in then.lasting:
            below.append(max(0.0, low - low_then))
            above.append(max(0.0, high - high_then))
        else:
            below.append(low + high_then)
            above.append(high + low_then)
    return math.fsum(below), math.fsum(above)


def comparable(estimates: Sequence[Estimate]) -> list[Estimate]:
    """The same estimates where reference samples correct all or none of them; else those of the map alone: if only some were corrected, the bias of the map
    would appear as a change."""
    return list(estimates) if all(e.mapped for e in estimates) else [e.mapped or e for e in estimates]


def change_between(now: Estimate, then: Estimate) -> Interval | None:
    """now - then, in the unit of the indicator; None where one has no value, or has one only by reference samples and the other year has no samples.

    Where the error model has no row for the change, or the bounds are those of a range or a sample, it is the difference of two independent values.
    """
    now, then = comparable([now, then])
    if now.interval is None or then.interval is None:
        return None
    plain = difference(now.interval, then.interval)
    if now.spread is None or then.spread is None or {now.interval.kind, then.interval.kind} != {"model95"}:
        return plain
    learnt = change_spread(now.spread, then.spread).around(plain.value)
    return learnt if learnt.kind else plain
