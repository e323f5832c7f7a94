"""Indicators of suspected black-odorous water, in all, in towns and outside."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing, modelled, observed_ratio
from rs_pipeline.estimation.uncertainty import Interval

NEARLY = 1e-9
"""Rounding error allowed in sums of lengths and of shares of reaches."""


def _unseen(facts: Facts) -> Estimate | None:
    """The missing estimate where no reach is known because water was not observed anywhere; None where it was observed."""
    blind = facts["reaches"].empty and not facts.county["water_observed_m2"] > 0
    return missing("insufficient_data", "no pixel with enough clear months, so no reach or pond is known") if blind else None


def _suspected(facts: Facts, *, by_length: bool, place: str = "") -> Estimate:
    """Suspected reaches and ponds, number or km, as counted: what was not seen is in the upper bound, not scaled in.

    The number is of reaches that can be judged from space or that a visit of the period decided; decided ones are certain. The lower bound leaves out
    suspected reaches of marginal width. The upper bound adds all others that may be black: possible, or without enough dates; and, where most of the
    length is too narrow to be judged, the narrow ones, because the rest does not represent them. Both have the detector's errors as well: a number of
    reaches that grows with the square root of those it calls. Reaches are whole: see `of_whole_reaches`. The observed fraction is the share of all
    length that was judged.

    ``place``: ``urban`` or ``rural``, by the polygons of tables.urban or the run's own settlements; all where empty. A reach whose place is not known may be
    of either: it is in the upper bound of both.
    """
    reaches = facts["reaches"]
    if reaches is None:
        return missing("insufficient_data", "this run made no layer of reaches")
    if unseen := _unseen(facts):
        return unseen
    if place and facts["towns_drawn"] and facts["settlements_unfit"]:
        return facts["settlements_unfit"]
    unplaced = reaches[reaches.place == ""] if place else reaches[:0]
    if place:
        reaches = reaches[reaches.place.isin([place, ""])].assign(
            **{"class": lambda r: r["class"].where((r.place != "") | (r["class"] == "not_assessable"), "insufficient")}
        )
    narrow = reaches["class"] == "not_assessable"
    creeks, reaches, whole_m = reaches[narrow], reaches[~narrow], reaches.length_m.sum()
    mostly_narrow = observed_ratio(reaches.length_m.sum(), whole_m) < facts.limits.range
    notes = []
    if len(creeks) and mostly_narrow and len(reaches):
        notes = [f"{_amount(creeks)} too narrow to be judged from space are most of the length and in the upper bound"]
    elif len(creeks):
        notes = [f"{_amount(creeks)} too narrow to be judged from space are not in the number"]
    if reaches.empty:
        return missing("insufficient_data", "no reach or pond wide enough to be assessed").noting(*notes)
    size = reaches.length_m / 1e3 if by_length else pd.Series(1.0, reaches.index)
    suspected, possible, insufficient = (reaches["class"] == name for name in ("suspected", "possible", "insufficient"))
    visited = reaches.field.isin(["confirmed", "refuted"])
    v = observed_ratio(size[~insufficient].sum(), size.sum())
    if v == 0:
        return missing("insufficient_data", "no reach or pond with enough clear dates")
    if v < facts.limits.range:
        return missing("insufficient_data", f"{100 * v:.3g} % assessed; at least {100 * facts.limits.range:.3g} % is needed", v)
    value, confirmed = size[suspected].sum(), size[suspected & visited].sum()
    marginal = suspected & ~visited & (reaches.width_class != "assessable")
    typical = 0.0 if visited.all() else size[~visited].mean()
    basis = typical * math.sqrt(1 + ((suspected | possible) & ~visited).sum())
    hidden = (creeks.length_m.sum() / 1e3 if by_length else float(len(creeks))) if mostly_narrow else 0.0
    error = spread("black_odorous_length_km", 0.0, basis, (size[marginal].sum(), size[possible | insufficient].sum() + hidden))
    if len(unplaced):
        notes.append(f"{_amount(unplaced)} where settlements are not known are in the upper bound")
    if (unseen_dates := insufficient & ~reaches.index.isin(unplaced.index)).any():
        notes.append(f"{_amount(reaches[unseen_dates])} without enough clear dates are in the upper bound")
    if visited.any():
        notes.append(f"{_amount(reaches[visited])} decided by visits of this period")
    if place and facts["towns_drawn"]:
        notes.append(facts["towns_drawn"])
    interval = modelled(value, error, low=confirmed, high=confirmed + size[~visited].sum() + hidden)
    judged = observed_ratio(reaches.length_m[~insufficient].sum(), whole_m)
    return Estimate(of_whole_reaches(interval, size.min(), counted=not by_length), judged, "", "; ".join(notes), error)


def of_whole_reaches(interval: Interval, shortest: float, *, counted: bool) -> Interval:
    """An interval narrowed to what whole reaches can add up to: 0 or at least the ``shortest`` one, and whole numbers where ``counted``.

    >>> of_whole_reaches(Interval(1.0, 0.45, 3.6, "model95"), 1.0, counted=True)
    Interval(value=1.0, lower=1.0, upper=3.0, kind='model95')
    >>> of_whole_reaches(Interval(0.0, 0.0, 0.15, "model95"), 0.2, counted=False)
    Interval(value=0.0, lower=0.0, upper=0.0, kind='model95')
    """
    if not interval.kind:
        return interval
    lower, upper = interval.bounds
    if counted:
        lower, upper = math.ceil(lower - NEARLY), math.floor(upper + NEARLY)
    lower, upper = 0.0 if lower < NEARLY else max(lower, shortest), 0.0 if upper < shortest - NEARLY else upper
    return Interval(interval.value, float(min(lower, interval.value)), float(max(upper, interval.value)), interval.kind)


def _amount(reaches: pd.DataFrame) -> str:
    """How many reaches and km."""
    return f"{len(reaches)} ({reaches.length_m.sum() / 1e3:.3g} km)"


def _unassessable(facts: Facts) -> Estimate:
    """Why the length of water too narrow to be assessed is not known, and the length that was seen: a creek that fills no pixel makes no reach,
    so the length that was seen is a lower bound, and there is no upper one."""
    if facts["reaches"] is None:
        return missing("insufficient_data", "this run made no layer of reaches")
    if unseen := _unseen(facts):
        return unseen
    narrow = facts["reaches"][facts["reaches"]["class"] == "not_assessable"]
    return missing(
        "insufficient_data",
        f"at least {narrow.length_m.sum() / 1e3:.3g} km in {len(narrow)} reaches and ponds that were seen; creeks that fill no pixel of the map "
        "of water are not seen, so the whole length is not known",
        1.0,
    )


_BOUNDS = (
    "lower: suspected reaches that are wide enough, without marginal ones; upper: all that may be black (suspected, possible or without enough clear dates, and too narrow "
    "ones where most of the length is too narrow); both with the errors that the detector made in simulated worlds; a reach that a visit decided adds no uncertainty"
)
_FORMULA = "reaches of black_odorous.reach_length_m and ponds with P >= suspected_probability on >= min_reach_dates dates (P weighs the season, its best run of 3 months, other causes seen, colour and width) and not refuted, or confirmed, by a visit of the period (tables.field_results)"


def _pair(place: str, where: str) -> tuple[Indicator, Indicator]:
    name, title = (f"black_odorous_{place}_" if place else "black_odorous_"), f"suspected black-odorous reaches and ponds{where}"
    return (
        Indicator(
            f"{name}reaches",
            title.capitalize(),
            "suspected reaches",
            "black_odorous",
            "down",
            partial(_suspected, by_length=False, place=place),
            formula=f"number of {_FORMULA}{where}",
            bounds=_BOUNDS,
            least=lambda settings: 1.0,
        ),
        Indicator(
            f"{name}length_km",
            f"Length of {title}",
            "km",
            "black_odorous",
            "down",
            partial(_suspected, by_length=True, place=place),
            formula=f"length of {_FORMULA}{where}",
            bounds=_BOUNDS,
            least=lambda settings: settings.black_odorous.shortest_reach_m / 1e3,
        ),
    )


INDICATORS = (
    *_pair("", ""), *_pair("urban", " in towns"), *_pair("rural", " outside towns"),
    Indicator(
        "black_odorous_unassessable_length_km", "Length of reaches too narrow to be assessed", "km", "black_odorous", "", _unassessable,
        formula="not known as a whole: the reason gives the length of the reaches that were seen and are narrower than black_odorous.marginal_width_m or have no core of water",
    ),
)  # fmt: skip
