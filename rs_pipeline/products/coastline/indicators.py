"""Indicators of the coast: natural shore, its movement, land won from the sea."""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import partial

import numpy as np
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, baseline_period, missing, modelled, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Z95, Interval, around, within
from rs_pipeline.products.coastline.classes import ARTIFICIAL, MIN_STEP_M, MOUTH, NATURAL, UNCERTAIN
from rs_pipeline.products.findings import CONFIRMED, REFUTED

NATURAL_WEIGHT = {NATURAL: 1.0, ARTIFICIAL: 0.0, UNCERTAIN: 0.5}
"""Part of a coast unit's length that counts as natural; river mouths have a length of their own."""

ACCRETION_M_YR = 20.0
"""Fastest natural accretion, metres a year: an artificial shore that advances faster was built out."""


OFFICIAL_LENGTH = (0.8, 1.25)
"""Measured length of the coast as a share of the official one, within which both are taken as lengths of one line: another scale, or other bays, change
a length by up to a fifth."""


def smallest_reclaimed_ha(settings: Settings) -> float:
    """Smallest fill that is found in every year, ha: one transect's length of coast times MIN_STEP_M. NaN without a coast.

    An artificial shore that advances by more than its error and ACCRETION_M_YR a year counts too, so less may be found.
    """
    return math.nan if settings.coastline is None else settings.coastline.transect_spacing_m * MIN_STEP_M / 1e4


def _units(facts: Facts) -> pd.DataFrame | Estimate:
    """The unit's transects with columns of this period: ``kind`` (their class, none where it is not known), ``natural`` (the probability),
    ``distance``, ``satellite_kind`` (the class without visits) and ``field_step`` (what visits decided of its step); and ``restored`` (bool)."""
    table = facts["transects"]
    if table is None:
        return missing("insufficient_data", "this run made no coastline")
    if table.empty:
        return missing("no_target", "no coast in this county")
    columns = {"kind": "class", "natural": "natural_probability", "distance": "distance"}
    nothing = pd.Series(math.nan, table.index)
    now = {name: table.get(f"{column}_{facts.period}", nothing) for name, column in columns.items()}
    now |= {"satellite_kind": table.get(f"satellite_class_{facts.period}", now["kind"]), "field_step": _step_decided(table, facts.period)}
    return table.assign(**now, restored=table.restored.astype(bool) if "restored" in table else False)


def _step_decided(units: pd.DataFrame, period: str) -> pd.Series:
    """What visits decided of the step of each unit in a period: CONFIRMED, REFUTED or empty."""
    return units.get(f"field_step_{period}", pd.Series("", units.index)).fillna("")


def _known(units: pd.DataFrame, whole_m: float, facts: Facts) -> tuple[pd.DataFrame, float, str] | Estimate:
    """The units whose class in this period is known, the part of ``whole_m`` they make up, and what was carried, in words.

    A unit that the period does not show has the class that it has before and after (see the step). It counts as known, unless less of the coast was seen
    than a range needs (``facts.limits.range``): carried classes fill gaps, but are not observations of the year.
    """
    seen_m = units.length_m[np.isfinite(units.distance)].sum()
    if not seen_m > 0:
        return missing("insufficient_data", "no coast unit seen in this period")
    if observed_ratio(seen_m, whole_m) < facts.limits.range:
        units = units[np.isfinite(units.distance)]
    carried_km = units.length_m[~np.isfinite(units.distance)].sum() / 1e3
    words = f"{carried_km:.3g} km not seen in this period have their class of the periods before and after" if carried_km else ""
    return units, observed_ratio(units.length_m.sum(), whole_m), words


def _natural(facts: Facts, denominator: str, part: str = NATURAL) -> Estimate:
    """Natural coast of the period without river mouths; uncertain units count half, restored ones (tables.restored_coast) as natural.

    Undecided are the uncertain units, which may all be of either class, and where river mouths end, because mud in front of one looks like its water.

    ``denominator``: empty for the length in km, ``measured`` or ``official`` for the share in % of that length. ``part``: NATURAL, or ARTIFICIAL
    for the rest of the same coast.
    """
    units = _units(facts)
    if isinstance(units, Estimate):
        return units
    if denominator == "official" and facts["official_coast_km"] is None:
        return missing("needs_table", "needs the official length of the coast of this unit (indicators.official_coast_km)")
    coast, mouths_m = units[units.kind != MOUTH], units.length_m[units.kind == MOUTH]
    coast_m = coast.length_m.sum()
    if denominator == "official" and (other := _another_line(coast_m / 1e3, mouths_m.sum() / 1e3, facts["official_coast_km"])):
        return missing("insufficient_data", other)
    found = _known(coast[coast.kind.isin(NATURAL_WEIGHT)], coast_m, facts)
    if isinstance(found, Estimate):
        return found
    known, v, carried = found
    length = known.length_m.sum()
    weight = np.where(known.restored, 1.0, known.kind.map(NATURAL_WEIGHT).astype("float64"))
    value, mouths = (known.length_m * weight).sum() / length, mouths_m.sum() / length
    value = 1 - value if part == ARTIFICIAL else value
    p = np.where(known.restored | (known.kind == UNCERTAIN), 1.0, known.natural.fillna(0.5))
    random = math.sqrt((known.length_m**2 * p * (1 - p)).sum()) / length
    whole = 1 + mouths if denominator == "measured" else 1.0
    of_mouth = (value, 1 - value) if denominator == "measured" else (0.0, float(part == NATURAL))
    lasting = _shares(known.length_m[(known.kind == UNCERTAIN) & ~known.restored] / length / whole, (0.5, 0.5)) | _shares(mouths_m / length / whole, of_mouth)
    high = 1 + mouths if part == NATURAL and denominator != "measured" else 1.0
    name = "natural_coast_retention" if denominator else f"{part}_coast_length_km"
    error = spread(name, random, lasting=lasting)
    factor = {"": coast_m / 1e3, "measured": 100.0, "official": 100.0 * coast_m / 1e3 / (facts["official_coast_km"] or math.nan)}[denominator]
    estimate = published(modelled(value, error, high=high), v, facts, factor, spread=error, part=known.length_m.max() / coast_m)
    restored_km = known.length_m[known.restored].sum() / 1e3
    restored = f"{restored_km:.3g} km restored coast count as natural" if restored_km else ""
    return estimate.noting(restored, *_visited(known), carried, _converted(coast, facts), facts["tide_doubt"])


def _another_line(coast_km: float, mouths_km: float, official_km: float) -> str:
    """Why the official length is not that of the measured line, in words; empty where it may be. It may count river mouths, or not."""
    least, most = (share * official_km for share in OFFICIAL_LENGTH)
    if coast_km + mouths_km >= least and coast_km <= most:
        return ""
    return (
        f"the coast measured is {coast_km:.4g} km and {mouths_km:.3g} km of river mouths, its official length {official_km:.4g} km: not one line, so no share is given; "
        "check indicators.official_coast_km and the coastline"
    )


def _shares(length: pd.Series, parts: tuple[float, float]) -> dict[Hashable, tuple[float, float]]:
    """Parts of the length of each coast unit, by unit."""
    return {unit: (parts[0] * of_unit, parts[1] * of_unit) for unit, of_unit in length.items()}


def _converted(coast: pd.DataFrame, facts: Facts) -> str:
    """How much coast the period shows converted, or restored, for the first time, in words."""
    length_m = {
        kind: coast.length_m[coast.conversions.fillna("").str.split(";").map(lambda told, k=kind: f"{k}:{facts.period}" in told)].sum()
        for kind in (ARTIFICIAL, NATURAL)
    }
    return "; ".join(f"{m / 1e3:.3g} km first seen {kind} in this period" for kind, m in length_m.items() if m)


def _visited(known: pd.DataFrame) -> list[str]:
    """How much coast has another class than the satellite's, by visits, in words."""
    other = known[(known.kind != known.satellite_kind) & ~known.restored]
    km = {kind: other.length_m[other.kind == kind].sum() / 1e3 for kind in (NATURAL, ARTIFICIAL)}
    return [f"{length:.3g} km are {kind} by visits" for kind, length in km.items() if length]


def _estuary(facts: Facts) -> Estimate:
    """Length of river mouths in this period, km. Where they end is undecided, because mud in front of one looks like its water, so all of it may be coast.
    A mouth no longer than a unit of the coast can be missed, so there may be one more."""
    units = _units(facts)
    if isinstance(units, Estimate):
        return units
    whole_m = units.length_m.sum()
    found = _known(units[units.kind.isin([*NATURAL_WEIGHT, MOUTH])], whole_m, facts)
    if isinstance(found, Estimate):
        return found
    known, v, carried = found
    mouths = known.length_m[known.kind == MOUTH] / known.length_m.sum()
    value = mouths.sum()
    error = spread("estuary_length_km", 0.0, undecided=(0.0, known.length_m.max() / whole_m), lasting=_shares(mouths, (1.0, 0.0)))
    return published(modelled(value, error), v, facts, whole_m / 1e3, spread=error, part=known.length_m.max() / whole_m).noting(carried)


def _coast_rate(facts: Facts) -> Estimate:
    """Mean rate of the shore that moved by itself, m per year, seaward positive, weighted by length: without reclaimed transects, those with a
    lasting step, and river mouths. It is of all periods, so only the last one has it."""
    units = _units(facts)
    if isinstance(units, Estimate):
        return units
    if not facts.is_last:
        return missing("insufficient_data", "the rate is of all periods: see the last one")
    coast = units[units.unit_class != MOUTH]
    built = (coast["class"] == "reclaimed") | (coast.step_m != 0)
    left_km, coast = coast.length_m[built].sum() / 1e3, coast[~built]
    words = f"{left_km:.3g} km of reclaimed coast and other lasting steps left out" if left_km else ""
    seen = coast[np.isfinite(coast.lrr_m_yr)]
    if seen.empty:
        return missing("insufficient_data", "no transect with enough periods for a rate").noting(words)
    mean = around(np.average(seen.lrr_m_yr, weights=seen.length_m), np.average(seen.lrr_ci95_m_yr, weights=seen.length_m))
    v = observed_ratio(seen.length_m.sum(), coast.length_m.sum())
    square = np.average(seen.lrr_m_yr**2, weights=seen.length_m)
    return published(mean, v, facts, 1.0, low=seen.lrr_m_yr.min(), high=seen.lrr_m_yr.max(), square=square).noting(words, facts["tide_doubt"])


def _reclaimed(facts: Facts) -> Estimate:
    """Land won from the sea since the baseline, ha: length times advance of the transects that were built out.

    Built out: artificial in this period, and `_built_out` since the baseline; or with a step since the baseline that a visit confirmed, and never with one that
    a visit refuted.

    The interval has the errors of the transects' positions, taken as common to all; the unknown ends of a fill between two transects; artificial
    units that may be natural after all; and, upward only, uncertain units that were built out and artificial units that advanced beyond their error
    but at no time faster than mud accretes.
    """
    units = _units(facts)
    if isinstance(units, Estimate):
        return units
    if first := baseline_period(facts):
        return first
    coast, base = units[units.kind != MOUTH], f"distance_{facts.baseline}"
    coast = coast.assign(advance=coast.distance - (coast[base] if base in coast else math.nan))
    seen = coast[np.isfinite(coast.advance)]
    length = seen.length_m.sum()
    if not length > 0:
        return missing("insufficient_data", "no transect seen in both this and the baseline period")
    error = np.hypot(seen[f"error_{facts.period}"], seen[f"error_{facts.baseline}"])
    area_m2 = seen.length_m * seen.advance
    advanced, fast = seen.advance > np.maximum(Z95 * error, ACCRETION_M_YR), _built_out(seen, facts)
    since = seen.field_step.where(seen.field_step != _step_decided(seen, facts.baseline), "")
    confirmed, refuted = (since == CONFIRMED) & (seen.advance > 0), since == REFUTED
    built = (fast & (seen.kind == ARTIFICIAL) & ~refuted) | confirmed
    new, v = seen[built], observed_ratio(length, coast.length_m.sum())
    p = new.natural.fillna(0.5).where(~confirmed, 0.0)
    position_m2, class_m2 = (new.length_m * error[built]).sum(), math.sqrt((area_m2[built] ** 2 * p * (1 - p)).sum())
    half_m2 = math.hypot(Z95 * position_m2, Z95 * class_m2, _ends95_m2(area_m2.to_numpy(), built.to_numpy()))
    maybe = (advanced & ~fast & (seen.kind == ARTIFICIAL)) | (fast & (seen.kind == UNCERTAIN))
    undecided_m2 = area_m2[maybe & ~confirmed & ~refuted].sum()
    refuted_ha = area_m2[fast & (seen.satellite_kind == ARTIFICIAL) & ~built].sum() / 1e4
    words = f"{refuted_ha:.3g} ha that counted were refuted on the spot and are left out" if refuted_ha else ""
    value_m2 = area_m2[built].sum()
    mean = Interval(value_m2 / length, (value_m2 - half_m2) / length, (value_m2 + half_m2 + undecided_m2) / length, "model95")
    high = max(MIN_STEP_M, new.advance.max() if len(new) else 0.0)
    whole_m = coast.length_m.sum()
    estimate = published(within(mean, 0, math.inf), v, facts, whole_m / 1e4, high=high, part=seen.length_m.max() / whole_m)
    return estimate.noting(words, facts["tide_doubt"])


def _built_out(seen: pd.DataFrame, facts: Facts) -> pd.Series:
    """Which transects advanced by more than their error and faster than mud and sand accrete, bool: since the baseline, or between two periods in which
    they were seen one after the other, so that a fill counts however long ago it was made. Advance that was lost again does not count.

    Where all periods show a seaward step of a built shore (``reclaimed``), more than half of the step is enough: so it counts from its year on, and only
    where that is later than the baseline. ``seen`` : with distances in the baseline period and in this one, and ``advance``, metres.
    """
    first, last = facts.years[facts.baseline], facts.years[facts.period]
    labels = [p for p, year in facts.years.items() if first < year <= last and f"distance_{p}" in seen]
    position, error, year = (np.array(v, "float64") for v in (seen[f"distance_{facts.baseline}"], seen[f"error_{facts.baseline}"], [first] * len(seen)))
    whole = Z95 * np.hypot(seen[f"error_{facts.period}"], error)
    accretion_m = ACCRETION_M_YR * max(1.0, last - first)
    enough = np.where(seen["class"] == "reclaimed", np.minimum(accretion_m, seen.step_m / 2), accretion_m)
    found = seen.advance > np.maximum(whole, enough)
    for label in labels:
        here, its_error = seen[f"distance_{label}"], seen[f"error_{label}"]
        least = np.maximum(Z95 * np.hypot(error, its_error), ACCRETION_M_YR * np.maximum(1.0, facts.years[label] - year))
        found |= np.minimum(here - position, seen.advance) > least
        known = np.isfinite(here)
        position, error, year = np.where(known, here, position), np.where(known, its_error, error), np.where(known, facts.years[label], year)
    return found


def _ends95_m2(area_m2: np.ndarray, built: np.ndarray) -> float:
    """95 % half-width of the area of fills from their unknown ends: either end lies anywhere within half a spacing of the outer transect.

    The errors of the two ends of a run of transects add up to a triangular distribution; its 95 % half-width is 1 - sqrt(0.05) of a spacing.
    ``area_m2`` float (n,), length times advance of transects in order along the coast; ``built`` bool (n,).
    """
    cut = np.flatnonzero(np.diff(np.r_[False, built, False]))
    ends = [(area_m2[first] + area_m2[last - 1]) / 2 for first, last in zip(cut[::2], cut[1::2], strict=True)]
    return (1 - math.sqrt(0.05)) * math.hypot(*ends)


_CLASS_BOUNDS = (
    "uncertain units and river mouths counted either way, the class probabilities of the other units in the period, and the systematic error of classes "
    "and lengths found in simulated worlds"
)
_NATURAL = (
    "length of coast units of 100 m that are natural in the period, by a visit to their finding or else by the satellite (uncertain ones by half, "
    "restored ones whole; river mouths, the estuaries of DB33/T 2106-2018, have a length of their own)"
)
_SHARE = "river mouths in neither length: our reading, the text of the standard is not public"


def _one_unit_km(settings: Settings) -> float:
    """Length of one coast unit, km: no less coast can change its class."""
    return settings.coastline.transect_spacing_m / 1e3 if settings.coastline else math.nan


INDICATORS = (
    Indicator("natural_coast_length_km", "Natural coast", "km", "coastline", "up", partial(_natural, denominator=""), formula=_NATURAL, bounds=_CLASS_BOUNDS, least=_one_unit_km),
    Indicator(
        "artificial_coast_length_km", "Artificial coast", "km", "coastline", "down", partial(_natural, denominator="", part=ARTIFICIAL),
        formula="length of coast units less that of natural ones; river mouths left out", bounds=_CLASS_BOUNDS,
    ),
    Indicator(
        "estuary_length_km", "River mouths on the coast", "km", "coastline", "", _estuary,
        formula="length of coast units that are river mouths in the period; with the natural and the artificial coast it makes up the whole",
        bounds="river mouths counted as coast, one more mouth that was missed, and the systematic error found in simulated worlds",
    ),
    Indicator(
        "natural_coast_retention", "Share of natural coast, of the measured length", "%", "coastline", "up",
        partial(_natural, denominator="measured"), formula=f"{_NATURAL} / length of natural and artificial units ({_SHARE})", bounds=_CLASS_BOUNDS,
    ),
    Indicator(
        "natural_coast_retention_official", "Share of natural coast, of the official length", "%", "coastline", "up",
        partial(_natural, denominator="official"), formula=f"{_NATURAL} / indicators.official_coast_km", bounds=_CLASS_BOUNDS,
    ),
    Indicator(
        "coast_mean_rate", "Mean rate of the shore that moved by itself, seaward positive", "m/yr", "coastline", "", _coast_rate,
        formula="mean of the transects' regression rates, weighted by length, without reclaimed transects, those with a lasting step of 100 m or more, and river mouths",
        bounds="mean of the transects' 95 % intervals, because their errors are taken as common to all",
    ),
    Indicator(
        "reclaimed_area", "Land won from the sea since the baseline", "ha", "coastline", "down", _reclaimed, is_change=True, least=smallest_reclaimed_ha,
        formula="length x seaward advance since the baseline of the transects that are artificial in the period and were built out, or whose step a visit confirmed, and not those whose step a visit refuted",
        bounds="position errors of the shorelines, taken as common to all transects; half a spacing of transects at either end of a fill; the class probabilities; upper only: uncertain units that advanced as fast, and artificial ones that advanced more slowly",
    ),
)  # fmt: skip
