"""The change of an indicator between two periods, with the interval of a change.

Two years of one place have most of their error in common: its soils, its crops, how it was mapped. What they do not share is learnt from
changes (rows ``<indicator>:change`` of ``config/errors.csv``), not made of two values as if they were independent.
"""

from __future__ import annotations

import math

from rs_pipeline.estimation.error_model import Spread, spread
from rs_pipeline.estimation.estimate import Estimate
from rs_pipeline.estimation.uncertainty import Interval, difference


def change_name(indicator: str) -> str:
    """Name of the row of the error model."""
    return f"{indicator}:change"


def change_spread(now: Spread, then: Spread) -> Spread:
    """What the change of an indicator errs by: a number of the sum of both bases."""
    return spread(change_name(now.indicator), 0.0, now.basis + then.basis)


def change_between(now: Estimate, then: Estimate) -> Interval:
    """now - then, in the unit of the indicator.

    What was not seen widens it, as independent in both; where no change was learnt, or bounds are those of a range or of a sample, it is the
    difference of two independent values.
    """
    plain = difference(now.interval, then.interval)
    if now.spread is None or then.spread is None or {now.interval.kind, then.interval.kind} != {"model95"}:
        return plain
    learnt = change_spread(now.spread, then.spread).around(plain.value)
    if not learnt.kind:
        return plain
    (below, above), unseen = (plain.value - learnt.lower, learnt.upper - plain.value), [_unseen(e) for e in (now, then)]
    return Interval(
        plain.value, plain.value - math.hypot(below, unseen[0][0], unseen[1][1]), plain.value + math.hypot(above, unseen[0][1], unseen[1][0]), "model95"
    )


def _unseen(estimate: Estimate) -> tuple[float, float]:
    """How much wider, below and above, the interval is than the error model alone: in squares, as it was put together."""
    whole, model = estimate.interval, estimate.spread.around(estimate.interval.value)
    if not model.kind:
        return 0.0, 0.0
    return tuple(
        math.sqrt(max(0.0, a**2 - b**2)) for a, b in ((whole.value - whole.lower, model.value - model.lower), (whole.upper - whole.value, model.upper - model.value))
    )
