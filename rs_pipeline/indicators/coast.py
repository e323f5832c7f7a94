"""Indicators of the coast."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from rs_pipeline.indicators.answers import Answer, Facts, Indicator, baseline_period, missing, published, ratio
from rs_pipeline.indicators.uncertainty import Z95, around, within

NATURAL_WEIGHT = {"natural": 1.0, "artificial": 0.0, "uncertain": 0.5}
"""Part of a coast unit's length that counts as natural; river mouths are no coast."""

RECLAIMED_STEP_M = 100.0
"""Least advance of reclaimed land, metres: what an unseen transect may hide."""


def _coast(facts: Facts) -> pd.DataFrame | Answer:
    """The unit's transects without river mouths, with ``distance`` in this period."""
    if facts.transects is None:
        return missing("insufficient_data", "this run made no coastline")
    if facts.transects.empty:
        return missing("no_target", "no coast in this county")
    coast = facts.transects[facts.transects.unit_class != "river mouth"]
    column = f"distance_{facts.period}"
    return coast.assign(distance=coast[column] if column in coast else math.nan)


def _natural_coast(facts: Facts, *, share: bool) -> Answer:
    """Natural coast, % or km of the coast without river mouths; uncertain units count half."""
    coast = _coast(facts)
    if isinstance(coast, Answer):
        return coast
    seen = coast[coast.unit_class.isin(NATURAL_WEIGHT) & np.isfinite(coast.distance)]
    length = seen.length_m.sum()
    if not length > 0:
        return missing("insufficient_data", "no coast unit seen in this period")
    p = seen.natural_probability.fillna(0.5)
    half = Z95 * math.sqrt((seen.length_m**2 * p * (1 - p)).sum()) / length
    mean = within(around((seen.length_m * seen.unit_class.map(NATURAL_WEIGHT)).sum() / length, half), 0, 1)
    v = ratio(length, coast.length_m.sum())
    return published(mean, v, facts, 100.0 if share else coast.length_m.sum() / 1e3, total=not share)


def _coast_rate(facts: Facts) -> Answer:
    """Mean shoreline rate, m a year, seaward positive, weighted by length. It is of all periods, so only the last one carries it."""
    coast = _coast(facts)
    if isinstance(coast, Answer):
        return coast
    if not facts.is_last:
        return missing("insufficient_data", "the rate is of all periods: see the last one")
    seen = coast[np.isfinite(coast.lrr_m_yr)]
    if seen.empty:
        return missing("insufficient_data", "no transect with enough periods for a rate")
    mean = around(np.average(seen.lrr_m_yr, weights=seen.length_m), np.average(seen.lrr_ci95_m_yr, weights=seen.length_m))
    v = ratio(seen.length_m.sum(), coast.length_m.sum())
    return published(mean, v, facts, 1.0, low=seen.lrr_m_yr.min(), high=seen.lrr_m_yr.max())


def _reclaimed(facts: Facts) -> Answer:
    """Land won from the sea since the baseline, ha: length times advance of the transects classed ``reclaimed``."""
    coast = _coast(facts)
    if isinstance(coast, Answer):
        return coast
    if first := baseline_period(facts):
        return first
    base = f"distance_{facts.baseline}"
    coast = coast.assign(advance=coast.distance - (coast[base] if base in coast else math.nan))
    seen = coast[np.isfinite(coast.advance)]
    length = seen.length_m.sum()
    if not length > 0:
        return missing("insufficient_data", "no transect seen in both this and the baseline period")
    new = seen[(seen["class"] == "reclaimed") & (seen.advance > 0)]
    error = np.hypot(new[f"error_{facts.period}"], new[f"error_{facts.baseline}"]) if len(new) else pd.Series(dtype=float)
    mean = around((new.length_m * new.advance).sum() / length, Z95 * (new.length_m * error).sum() / length)
    high = max(RECLAIMED_STEP_M, new.advance.max() if len(new) else 0.0)
    seen_mean = within(mean, 0, math.inf)
    return published(seen_mean, ratio(length, coast.length_m.sum()), facts, coast.length_m.sum() / 1e4, high=high, total=True)


INDICATORS = (
    Indicator("natural_coast_length_km", "Natural coast", "km", "coastline", "up", lambda f: _natural_coast(f, share=False)),
    Indicator("natural_coast_retention", "Share of natural coast", "%", "coastline", "up", lambda f: _natural_coast(f, share=True)),
    Indicator("coast_mean_rate", "Mean shoreline rate, seaward positive", "m/yr", "coastline", "", _coast_rate),
    Indicator("reclaimed_area", "Land won from the sea since the baseline", "ha", "coastline", "down", _reclaimed, is_change=True),
)  # fmt: skip
