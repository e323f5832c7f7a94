"""The change of an indicator between two periods, with the interval of a change.

Two years of one place have most of their error in common: its soils, its crops, how it was mapped. What they do not share is learnt from
changes (rows ``<indicator>:change`` of ``config/errors.csv``), not made of two values as if they were independent. What was not decided in either
year may have been anything in it, so it counts in full, but for units that stay what they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rs_pipeline.estimation.error_model import Spread, spread
from rs_pipeline.estimation.estimate import Estimate
from rs_pipeline.estimation.uncertainty import Interval, difference


def change_name(indicator: str) -> str:
    """Name of the row of the error model."""
    return f"{indicator}:change"


def change_spread(now: Spread, then: Spread) -> Spread:
    """What the change of an indicator errs by: a number of the sum of both bases, what was not decided, and what was not seen, as independent in both."""
    learnt = spread(change_name(now.indicator), 0.0, now.basis + then.basis)
    (below, above), (below_then, above_then) = now.unseen, then.unseen
    return replace(
        learnt.mirrored() if now.turned else learnt, undecided=_undecided(now, then), unseen=(math.hypot(below, above_then), math.hypot(above, below_then))
    )


def _undecided(now: Spread, then: Spread) -> tuple[float, float]:
    """How far below and above its value a change lies if all that was not decided in either year falls that way.

    A unit that lasts and was decided in neither year was the same in both: all that is left of it is what its value changed by.
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
    """The same where reference samples correct all of them, or none; else what the map alone says: with some corrected, its bias would be a change."""
    return list(estimates) if all(e.mapped for e in estimates) else [e.mapped or e for e in estimates]


def change_between(now: Estimate, then: Estimate) -> Interval | None:
    """now - then, in the unit of the indicator; None where one has no value, or has one only by reference samples and the other year has none.

    Where no change was learnt, or bounds are those of a range or of a sample, it is the difference of two independent values.
    """
    now, then = comparable([now, then])
    if now.interval is None or then.interval is None:
        return None
    plain = difference(now.interval, then.interval)
    if now.spread is None or then.spread is None or {now.interval.kind, then.interval.kind} != {"model95"}:
        return plain
    learnt = change_spread(now.spread, then.spread).around(plain.value)
    return learnt if learnt.kind else plain
