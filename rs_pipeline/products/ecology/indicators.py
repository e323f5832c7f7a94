"""Indicators of the ecological index: its parts that maps show, and how far these parts move it.

The index itself needs data on species, river length, water resources and pollution that no satellite sees. So no level of it is given, but its change, with all
that is not seen held constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from rs_pipeline.config import EcologySection, Settings
from rs_pipeline.estimation.change import change_between
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, baseline_period, missing, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval, weighted_sum
from rs_pipeline.products.ecology.index import (
    NOT_TOLD,
    eroded_share,
    habitat_quality,
    habitat_weights,
    land_stress,
    points_per_unit,
    vegetation_cover,
    water_area,
)
from rs_pipeline.products.register import indicators_of_others
from rs_pipeline.products.soil.facts import share_up_to, why_unknown

NO_EROSION = "without heights erosion is held constant"

MEASURED = {
    "built": "construction_land_area", "bare": "bare_area", "water": "water_permanent_area", "cover": "fvc_growing_mean",
}  # fmt: skip
"""Quantity of the index to the indicator that measures it."""


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``ecology``: weights and coefficients of the index."""
    return {"ecology": lambda adcode, period: settings.ecology}


def _measured(facts: Facts, quantity: str) -> Estimate:
    return indicators_of_others("ecology")[MEASURED[quantity]].estimator(facts)


def _as_share(facts: Facts, quantity: str, found: Interval) -> Interval:
    """A number in the unit of its indicator (percent of cover, km2) as a share, 0-1, of the land or of the unit."""
    return found.times(0.01 if quantity == "cover" else 1e6 / facts.county["area_m2"])


def _index_of(facts: Facts, quantity: str, formula: Callable[[EcologySection, float], float]) -> Estimate:
    """A formula of the index, rising with one measured quantity, of its value and bounds."""
    found, section = _measured(facts, quantity), facts["ecology"]
    if found.interval is None:
        return found
    share = _as_share(facts, quantity, found.interval)
    value, lower, upper = (formula(section, x) for x in (share.value, share.lower, share.upper))
    return replace(found, interval=Interval(value, lower, upper, share.kind), spread=None, mapped=None)


def _habitat(facts: Facts) -> Estimate:
    """Habitat quality, as a range: all ground under plants counts as its class of lowest weight, or as that of highest."""
    for quantity in ("built", "bare"):
        if (found := _measured(facts, quantity)).interval is None:
            return found
    row, section = facts["land"].zones["county"], facts["ecology"]
    shares = {name: row[f"{name}_m2"] / row["land_observed_m2"] for name in ("water", "built", "bare", *NOT_TOLD)}
    plants = sum(shares[name] for name in NOT_TOLD)
    known = {name: share for name, share in shares.items() if name not in NOT_TOLD}
    value, least, most = (habitat_quality(section, s) for s in (shares, *(known | {name: plants} for name in _ends(section))))
    whole, weights = section.habitat_coefficient, habitat_weights(section).values()
    seen = Interval(value / whole, least / whole, most / whole, "range")
    return published(seen, observed_ratio(row["land_observed_m2"], row["area_m2"]), facts, whole, low=min(weights), high=max(weights))


def _ends(section: EcologySection) -> tuple[str, str]:
    """The classes of plants with the lowest and with the highest weight."""
    weights = habitat_weights(section)
    return min(NOT_TOLD, key=weights.__getitem__), max(NOT_TOLD, key=weights.__getitem__)


def _eroded(facts: Facts) -> list[float] | Estimate:
    """Weighted share of eroded land in the land that was observed: by the soil loss as it is, smaller and larger by Z95 standard errors of its logarithm."""
    soil, row, section = facts["soil"], facts.county, facts["ecology"]
    if unknown := why_unknown(soil, row):
        return unknown
    return [eroded_share(section, *(share_up_to(row, limit / scale) for limit in (section.moderate_t_km2, section.heavy_t_km2))) for scale in soil.scales]


def _land_of(facts: Facts) -> float:
    """Land of which soil loss is asked over the area of the unit, 0-1."""
    return observed_ratio(facts.county["soil_land_m2"], facts.county["area_m2"])


def _soil_seen(facts: Facts) -> float:
    return observed_ratio(facts.county["soil_observed_m2"], facts.county["soil_land_m2"])


def _stress(facts: Facts) -> Estimate:
    """Land stress by erosion and built-up land; the errors of the two are taken as independent."""
    built, eroded, section = _measured(facts, "built"), _eroded(facts), facts["ecology"]
    if isinstance(eroded, Estimate):
        return eroded
    if built.interval is None:
        return built
    value, least, most = eroded
    erosion = published(Interval(value, least, most, "model95"), _soil_seen(facts), facts, _land_of(facts), high=section.heavy_erosion)
    if erosion.interval is None:
        return erosion
    by_erosion, by_built = land_stress(section, 1.0, 0.0), land_stress(section, 0.0, 1.0)
    interval = weighted_sum([(by_erosion, erosion.interval), (by_built, _as_share(facts, "built", built.interval))])
    return _joined([built, erosion], interval).noting(*facts["soil"].words)


def _joined(parts: Iterable[Estimate], interval: Interval) -> Estimate:
    """An estimate computed from others: observed as far as the least observed of them, with the reasons of all."""
    parts = list(parts)
    reasons = dict.fromkeys(words for e in parts for words in e.reason.split("; ") if words)
    return Estimate(interval, min(e.observed_fraction for e in parts), "", "; ".join(reasons))


def _erosion_change(now: Facts, then: Facts) -> tuple[Interval, float] | Estimate:
    """Change of the eroded share of the unit, and how much of the land was observed. The factors' errors are common to both years, so its bounds are the changes
    with soil loss larger and smaller in both."""
    after, before = _eroded(now), _eroded(then)
    if isinstance(after, Estimate):
        return after
    if isinstance(before, Estimate):
        return before
    changes = [_land_of(now) * (a - b) for a, b in zip(after, before, strict=True)]
    seen = min(_soil_seen(f) for f in (now, then))
    if seen < now.limits.scale:
        return missing("insufficient_data", "too little land whose soil loss is known in this and the baseline period", seen)
    return Interval(changes[0], min(changes), max(changes), "model95"), seen


def _change(facts: Facts) -> Estimate:
    """Change of the ecological index since the baseline by what the maps show, in points of the index."""
    if first := baseline_period(facts):
        return first
    then, section = facts.at(facts.baseline, facts.baseline), facts["ecology"]
    parts: list[Estimate] = []
    changes: dict[str, Interval] = {}
    for quantity in MEASURED:
        pair = _measured(facts, quantity), _measured(then, quantity)
        change = change_between(*pair) if all(e.interval for e in pair) else None
        if change is None:
            lacking = next((e for e in pair if e.interval is None), pair[0])
            return missing(lacking.status or "insufficient_data", lacking.reason, lacking.observed_fraction)
        changes[quantity] = _as_share(facts, quantity, change)
        parts += pair
    erosion = _erosion_change(facts, then)
    if isinstance(erosion, tuple):
        changes["eroded"] = erosion[0]
        parts.append(Estimate(None, erosion[1]))
    elif erosion.status != "needs_table":
        return erosion
    notes = facts["soil"].words if "eroded" in changes else (NO_EROSION,)
    return _joined(parts, _sum_of(section, changes, _plants_weight(then, section))).noting(*notes)


def _plants_weight(facts: Facts, section: EcologySection) -> float:
    """Mean weight in habitat quality of the ground under plants, by the map; that of the lowest class where there is none."""
    row, weights = facts["land"].zones["county"], habitat_weights(section)
    area = sum(row[f"{name}_m2"] for name in NOT_TOLD)
    return sum(weights[name] * row[f"{name}_m2"] for name in NOT_TOLD) / area if area > 0 else weights[_ends(section)[0]]


def _sum_of(section: EcologySection, changes: dict[str, Interval], plants_weight: float) -> Interval:
    """The changes of the quantities, each times its `points_per_unit`. The ground that changed may have been any class of plants: the bounds are the widest that this
    allows."""
    possible = plants_weight, *(habitat_weights(section)[name] for name in _ends(section))
    sums = [weighted_sum([(points_per_unit(section, w)[name], change) for name, change in changes.items()]) for w in possible]
    lower, upper = min(s.bounds[0] for s in sums), max(s.bounds[1] for s in sums)
    return replace(sums[0], lower=lower, upper=upper) if sums[0].kind else sums[0]


_HELD = "species, river length, water resources, other stress and pollution are held constant"

INDICATORS = (
    Indicator(
        "ecological_index_change", "Change of the ecological index since the baseline, by what maps show", "index", "ecology", "up", _change, is_change=True,
        least=lambda settings: settings.ecology.least_change, of_one_pixel=True,
        formula="sum of the changes of built-up, bare and water area, of growing-season cover and of eroded land, each times what it moves the index of HJ 192-2015; "
        "changes between trees, grass, wetland and cropland, " + _HELD,
        bounds="errors of the changes, taken as independent; what changed may have been any class of plants",
    ),
    Indicator(
        "habitat_quality_index", "Habitat quality (part of the ecological index)", "index", "ecology", "up", _habitat,
        formula="ecology.habitat_coefficient times the sum of weight x share of the unit over the land classes (ecology.*_habitat)",
        bounds="lower: all ground under plants is the class of lowest weight; upper: all of it is that of highest",
    ),
    Indicator(
        "vegetation_cover_index", "Vegetation cover (part of the ecological index)", "index", "ecology", "up",
        lambda facts: _index_of(facts, "cover", vegetation_cover), of_one_pixel=True,
        formula="ecology.vegetation_coefficient times 10 000 x (bare_ndvi + (full_ndvi - bare_ndvi) x fvc_growing_mean); not the mean of monthly maxima of NDVI",
        bounds="errors of fvc_growing_mean",
    ),
    Indicator(
        "water_area_index", "Area of water (a third of the water network in the ecological index)", "index", "ecology", "up",
        lambda facts: _index_of(facts, "water", water_area),
        formula="ecology.water_coefficient x water_permanent_area / area of the unit / 3; without river length and water resources",
        bounds="errors of water_permanent_area",
    ),
    Indicator(
        "land_stress_index", "Land stress by erosion and built-up land (part of the ecological index)", "index", "ecology", "down", _stress,
        formula="ecology.stress_coefficient x (heavy_erosion x share that loses more than heavy_t_km2 + moderate_erosion x share between moderate_t_km2 and that + "
        "built_stress x share of built-up land); without other stress",
        bounds="errors of the soil loss, common to a unit, and of built-up land, taken as independent",
    ),
)  # fmt: skip
