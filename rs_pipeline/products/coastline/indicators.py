"""Indicators of the coast: natural shore, its movement, land won from the sea."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import (
    Estimate,
    Facts,
    Indicator,
    baseline_period,
    missing,
    modelled,
    observed_ratio,
    published,
)
from rs_pipeline.estimation.uncertainty import Z95, around, within

NATURAL_WEIGHT = {"natural": 1.0, "artificial": 0.0, "uncertain": 0.5}
"""Part of a coast unit's length that counts as natural; river mouths are no coast."""

RECLAIMED_STEP_M = 100.0
"""Least advance of reclaimed land, metres: what an unseen transect may hide."""

ACCRETION_M_YR = 20.0
"""Fastest natural accretion, metres a year: an artificial shore that advances faster was built out."""


def _coast(facts: Facts) -> pd.DataFrame | Estimate:
    """The unit's transects without river mouths, with ``distance`` in this period and ``restored`` (bool)."""
    if facts["transects"] is None:
        return missing("insufficient_data", "this run made no coastline")
    if facts["transects"].empty:
        return missing("no_target", "no coast in this county")
    coast = facts["transects"][facts["transects"].unit_class != "river mouth"]
    column = f"distance_{facts.period}"
    restored = coast.restored.astype(bool) if "restored" in coast else False
    return coast.assign(distance=coast[column] if column in coast else math.nan, restored=restored)


def _mouths_m(facts: Facts) -> float:
    """Length of what is called river mouth, m."""
    return float(facts["transects"].length_m[facts["transects"].unit_class == "river mouth"].sum())


def _natural(facts: Facts, denominator: str) -> Estimate:
    """Natural coast without river mouths; uncertain units count half, restored ones (tables.restored_coast) as natural.

    Not decided are the uncertain units, which may all be either, and where the river mouths end: mud before one looks like its water.

    ``denominator``: empty for the length in km, ``measured`` or ``official`` for the share in % of that length.
    """
    coast = _coast(facts)
    if isinstance(coast, Estimate):
        return coast
    measured_km = coast.length_m.sum() / 1e3
    if denominator == "official" and facts["official_coast_km"] is None:
        return missing("needs_table", "needs the official length of the coast of this unit (indicators.official_coast_km)")
    seen = coast[coast.unit_class.isin(NATURAL_WEIGHT) & np.isfinite(coast.distance)]
    length = seen.length_m.sum()
    if not length > 0:
        return missing("insufficient_data", "no coast unit seen in this period")
    weight = np.where(seen.restored, 1.0, seen.unit_class.map(NATURAL_WEIGHT))
    value, mouths = (seen.length_m * weight).sum() / length, _mouths_m(facts) / length
    doubt = seen.length_m[(seen.unit_class == "uncertain") & ~seen.restored].sum() / length
    p = np.where(seen.restored | (seen.unit_class == "uncertain"), 1.0, seen.natural_probability.fillna(0.5))
    random = math.sqrt((seen.length_m**2 * p * (1 - p)).sum()) / length
    surely, possibly = value - doubt / 2, value + doubt / 2 + mouths
    if denominator == "measured":
        surely, possibly = surely / (1 + mouths), possibly / (1 + mouths)
    error = spread("natural_coast_retention" if denominator else "natural_coast_length_km", random, undecided=(value - surely, possibly - value))
    factor = {"": measured_km, "measured": 100.0, "official": 100.0 * measured_km / (facts["official_coast_km"] or math.nan)}[denominator]
    mean = modelled(value, error, high=1.0 if denominator == "measured" else 1 + mouths)
    estimate = published(mean, observed_ratio(length, coast.length_m.sum()), facts, factor, total=denominator != "measured", spread=error)
    restored_km = seen.length_m[seen.restored].sum() / 1e3
    return estimate.noting(f"{restored_km:.3g} km restored coast count as natural") if restored_km else estimate


def _coast_rate(facts: Facts) -> Estimate:
    """Mean shoreline rate, m a year, seaward positive, weighted by length. It is of all periods, so only the last one carries it."""
    coast = _coast(facts)
    if isinstance(coast, Estimate):
        return coast
    if not facts.is_last:
        return missing("insufficient_data", "the rate is of all periods: see the last one")
    seen = coast[np.isfinite(coast.lrr_m_yr)]
    if seen.empty:
        return missing("insufficient_data", "no transect with enough periods for a rate")
    mean = around(np.average(seen.lrr_m_yr, weights=seen.length_m), np.average(seen.lrr_ci95_m_yr, weights=seen.length_m))
    v = observed_ratio(seen.length_m.sum(), coast.length_m.sum())
    return published(mean, v, facts, 1.0, low=seen.lrr_m_yr.min(), high=seen.lrr_m_yr.max())


def _reclaimed(facts: Facts) -> Estimate:
    """Land won from the sea since the baseline, ha: length times advance of the transects that were built out.

    Built out: classed ``reclaimed`` over all periods, or an artificial shore that advanced by more than its error and faster than mud and
    sand accrete. The errors of the transects' positions are taken as common to all; where between two transects a fill ends is not known.
    """
    coast = _coast(facts)
    if isinstance(coast, Estimate):
        return coast
    if first := baseline_period(facts):
        return first
    base = f"distance_{facts.baseline}"
    coast = coast.assign(advance=coast.distance - (coast[base] if base in coast else math.nan))
    seen = coast[np.isfinite(coast.advance)]
    length = seen.length_m.sum()
    if not length > 0:
        return missing("insufficient_data", "no transect seen in both this and the baseline period")
    error = np.hypot(seen[f"error_{facts.period}"], seen[f"error_{facts.baseline}"])
    least = np.maximum(Z95 * error, ACCRETION_M_YR * facts.years_since_baseline)
    built = (seen["class"] == "reclaimed") & (seen.advance > 0) | (seen.unit_class == "artificial") & (seen.advance > least)
    new, v = seen[built], observed_ratio(length, coast.length_m.sum())
    half_m2 = math.hypot(Z95 * (new.length_m * error[built]).sum(), _ends95_m2((seen.length_m * seen.advance).to_numpy(), built.to_numpy()))
    mean = around((new.length_m * new.advance).sum() / length, half_m2 / length)
    high = max(RECLAIMED_STEP_M, new.advance.max() if len(new) else 0.0)
    return published(within(mean, 0, math.inf), v, facts, coast.length_m.sum() / 1e4, high=high, total=True)


def _ends95_m2(area_m2: np.ndarray, built: np.ndarray) -> float:
    """What fills may have beyond their outer transects, or lack before them, 95 % half width: either end lies anywhere within half a spacing.

    The two ends of a run of transects together are off by a triangular error; its 95 % are 1 - sqrt(0.05) of a spacing. ``area_m2`` float
    (n,), length times advance of transects in order along the coast; ``built`` bool (n,).
    """
    cut = np.flatnonzero(np.diff(np.r_[False, built, False]))
    ends = [(area_m2[first] + area_m2[last - 1]) / 2 for first, last in zip(cut[::2], cut[1::2], strict=True)]
    return (1 - math.sqrt(0.05)) * math.hypot(*ends)


_CLASS_BOUNDS = (
    "uncertain units and river mouths taken either way, the chances of the other units' classes, and the systematic error of classes and "
    "lengths seen in simulated worlds"
)
_NATURAL = "length of natural coast units of 100 m (uncertain ones by half, restored ones whole, river mouths left out)"

INDICATORS = (
    Indicator("natural_coast_length_km", "Natural coast", "km", "coastline", "up", partial(_natural, denominator=""), formula=_NATURAL, bounds=_CLASS_BOUNDS),
    Indicator(
        "natural_coast_retention", "Share of natural coast, of the measured length", "%", "coastline", "up",
        partial(_natural, denominator="measured"), formula=f"{_NATURAL} / length of all coast units", bounds=_CLASS_BOUNDS,
    ),
    Indicator(
        "natural_coast_retention_official", "Share of natural coast, of the official length", "%", "coastline", "up",
        partial(_natural, denominator="official"), formula=f"{_NATURAL} / indicators.official_coast_km", bounds=_CLASS_BOUNDS,
    ),
    Indicator(
        "coast_mean_rate", "Mean shoreline rate, seaward positive", "m/yr", "coastline", "", _coast_rate,
        formula="mean of the transects' regression rates, weighted by length", bounds="mean of the transects' 95 % intervals: errors common to all",
    ),
    Indicator(
        "reclaimed_area", "Land won from the sea since the baseline", "ha", "coastline", "down", _reclaimed, is_change=True,
        formula="length x seaward advance since the baseline of the transects that were built out", bounds="position errors of the shorelines, common to all transects, and half a spacing of transects at either end of a fill",
    ),
)  # fmt: skip
