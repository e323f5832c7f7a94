"""Indicators of water and of suspected black-odorous water."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from rs_pipeline.indicators.answers import Answer, Facts, Indicator, baseline_period, missing, published, ratio
from rs_pipeline.indicators.uncertainty import Interval, within


def _water(facts: Facts, name: str, bounds: tuple[str, str] | None = None) -> Answer:
    """Area of a water class, km2, ``name`` a column of the counties' table."""
    row = facts.county
    observed = row["water_observed_m2"]
    if not observed > 0:
        return missing("insufficient_data", "no pixel with enough clear months")
    seen = Interval(row[name] / observed)
    if bounds:
        seen = Interval(seen.value, min(row[bounds[0]], row[name]) / observed, max(row[bounds[1]], row[name]) / observed, "range")
    return published(seen, ratio(observed, row["area_m2"]), facts, row["area_m2"] / 1e6, total=True)


def _water_change(facts: Facts) -> Answer:
    """Change of permanent water since the baseline, km2, on what both saw. The bounds of either year add up."""
    row, base = facts.county, facts.base
    common = row["water_common_m2"]
    if first := baseline_period(facts):
        return first
    if not common > 0:
        return missing("insufficient_data", "no pixel seen in both this and the baseline period")
    change = row["water_permanent_common_m2"] - row["water_permanent_baseline_m2"]

    def slack(sums: Mapping[str, float], side: str) -> float:
        return max(0.0, abs(sums[f"water_permanent_{side}_m2"] - sums["water_permanent_m2"]))

    lower = change - slack(row, "lower") - slack(base, "upper")
    upper = change + slack(row, "upper") + slack(base, "lower")
    seen = within(Interval(change / common, lower / common, upper / common, "range"), -1, 1)
    return published(seen, ratio(common, row["area_m2"]), facts, row["area_m2"] / 1e6, low=-1, total=True)


def _bodies(facts: Facts) -> Answer:
    """Number of water bodies that are large enough to be counted, of those that ever were in the run."""
    if facts.bodies is None:
        return missing("insufficient_data", "this run made no layer of water bodies")
    known = facts.bodies[facts.bodies.ever_counted]
    if known.empty:
        return missing("no_target", "no water body large enough to be counted in this unit")
    seen = known[known.state != "not_observed"]
    share = Interval(seen.counted.mean() if len(seen) else math.nan)
    return published(share, ratio(len(seen), len(known)), facts, len(known), total=True)


def _black_odorous(facts: Facts, *, by_length: bool) -> Answer:
    """Suspected reaches and ponds, number or km, as counted: what was not seen is in the upper bound, not scaled in.

    Lower bound: suspected and fully assessable (not marginal in width). Upper bound: all that may be black:
    suspected, possible, without enough dates, or too narrow to be assessed. What cannot be seen is not eliminated.
    """
    reaches = facts.reaches
    if reaches is None:
        return missing("insufficient_data", "this run made no layer of reaches")
    size = reaches.length_m / 1e3 if by_length else pd.Series(1.0, reaches.index)
    called = {name: reaches["class"] == name for name in ("suspected", "possible", "clear", "insufficient", "not_assessable")}
    wide = size[~called["not_assessable"]].sum()
    if not wide > 0:
        return missing("insufficient_data", "no reach or pond wide enough to be assessed")
    v = ratio(wide - size[called["insufficient"]].sum(), wide)
    if v == 0:
        return missing("insufficient_data", "no reach or pond with enough clear dates")
    if v < facts.limits.range:
        return missing("insufficient_data", f"{100 * v:.3g} % assessed; at least {100 * facts.limits.range:.3g} % is needed", v)
    sure = called["suspected"] & (reaches.width_class == "assessable")
    interval = Interval(size[called["suspected"]].sum(), size[sure].sum(), size[~called["clear"]].sum(), "range")
    unseen = {"without enough clear dates": called["insufficient"], "too narrow to be assessed": called["not_assessable"]}
    notes = [f"{which.sum()} ({reaches.length_m[which].sum() / 1e3:.3g} km) {why} are in the upper bound" for why, which in unseen.items() if which.any()]
    return Answer(interval, v, "", "; ".join(notes))


def _unassessable(facts: Facts) -> Answer:
    """Length of reaches too narrow to be assessed, km: geometry, so it is known whatever the clouds do."""
    if facts.reaches is None:
        return missing("insufficient_data", "this run made no layer of reaches")
    narrow = facts.reaches[facts.reaches["class"] == "not_assessable"]
    return Answer(Interval(narrow.length_m.sum() / 1e3), 1.0)


INDICATORS = (
    Indicator(
        "water_permanent_area", "Permanent water", "km2", "water", "up",
        lambda f: _water(f, "water_permanent_m2", ("water_permanent_lower_m2", "water_permanent_upper_m2")),
    ),
    Indicator("water_seasonal_area", "Seasonal water", "km2", "water", "", lambda f: _water(f, "water_seasonal_m2")),
    Indicator("water_permanent_change", "Change of permanent water since the baseline", "km2", "water", "up", _water_change, is_change=True),
    Indicator("water_bodies", "Water bodies large enough to be counted", "count", "water", "up", _bodies),
    Indicator(
        "black_odorous_reaches", "Suspected black-odorous reaches and ponds", "suspected reaches", "black_odorous", "down",
        lambda f: _black_odorous(f, by_length=False),
    ),
    Indicator(
        "black_odorous_length_km", "Length of suspected black-odorous reaches and ponds", "km", "black_odorous", "down",
        lambda f: _black_odorous(f, by_length=True),
    ),
    Indicator(
        "black_odorous_unassessable_length_km", "Length of reaches too narrow to be assessed", "km", "black_odorous", "", _unassessable
    ),
)  # fmt: skip
