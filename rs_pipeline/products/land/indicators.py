"""Indicators from the land map.

Areas are sums of expected shares, so that a pixel of half street and half garden is half built. Their bounds come from the error model
(`estimation.error_model`) and grow with the uncertainty of the pixels. Conversion is a ``range`` from what is beyond doubt to all that is possible.
A class that the map does not tell from others well enough is not given, by its accuracy on simulated worlds and, where there are enough of them,
on real pixels; where there are not, the reason says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from rs_pipeline.config import Settings
from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, baseline_period, by_samples, missing, modelled, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval, difference
from rs_pipeline.products.land.accuracy import not_told, tested
from rs_pipeline.products.land.areas import patches_sd
from rs_pipeline.products.land.facts import LandFacts
from rs_pipeline.products.settlements import SETTLED_ZONE, part_in_settlements

ERROR_OF = {
    **{name: f"{name}_area" for name in ("cropland", "tree", "grass", "wetland", "bare")},
    "built": "construction_land_area", "disturbed": "disturbed_land_area", "natural": "natural_land_area", "forest": "forest_area",
}  # fmt: skip
"""Class or group to its row in the error model."""

TRUSTED_AS = {"forest": "tree"}
"""Group to the class whose accuracy is that of the group."""

NOTE = "land map trained on simulated worlds and real pixels"
MERGED = "natural cover is not told from cropland: the lower bound counts only what visits confirmed, the upper bound counts both"
BY_UNITS = "without the outline of the New Area (tables.xiongan): the counties that stand for it in the table of the province"
TREES_NOT_FOREST = "trees in patches of at least 0.0667 ha, orchards and plantations among them"
BARE_ALL_YEAR = "bare in every season of the year, March to May included; what is bare in spring alone is not counted"
UNTESTED = "{name} has not been tested on real ground"

NO_TABLE = {
    "mine": "needs mine polygons (tables.mines)", "red_line": "needs red-line polygons (tables.red_line)",
    "reserve": "needs the polygons of nature reserves (tables.reserves)", "xiongan": "needs the outline of the New Area (tables.xiongan)",
}  # fmt: skip
NOT_HERE = {
    "mine": "no mine in this unit", "red_line": "no red line in this unit", "reserve": "no nature reserve in this unit",
    "xiongan": "no part of the New Area in this unit", "coast": "no coast in this unit", "shore": "no water wide enough in this unit",
}  # fmt: skip
TABLE_OF = {"mine": "mines", "red_line": "red_line", "reserve": "reserves", "xiongan": "xiongan"}


def _land(facts: Facts) -> LandFacts | None:
    """Land facts of the unit and period, with conversion since the facts' baseline; None where the run made no land map."""
    return facts["land"] and facts["land"].since(facts.baseline)


def _mapped(facts: Facts) -> LandFacts:
    """`_land` in a run that made land maps."""
    land = _land(facts)
    assert land is not None, "asked for where `land_zone_sums` found some"
    return land


def land_zone_sums(facts: Facts, zone: str) -> Mapping[str, float] | Estimate:
    """The sums of a zone, or why there are none."""
    land = _land(facts)
    if zone in TABLE_OF and (land is None or (TABLE_OF[zone] not in land.tables and zone not in land.zones)):
        return missing("needs_table", NO_TABLE[zone])
    if land is None:
        return missing("insufficient_data", "this run made no land map")
    if zone not in land.zones:
        return missing("no_target", NOT_HERE[zone])
    return land.zones[zone]


def indistinct(facts: Facts, name: str) -> Estimate | None:
    """Why a class cannot be given: the map does not tell it from others."""
    return not_told(_mapped(facts).accuracy, name)


def _doubt(row: Mapping[str, float], name: str) -> tuple[float, float]:
    """For the mean share of a class or group over the observed part of a zone: its random standard error, and the mean of p (1 - p), with which its
    systematic error grows."""
    observed = row["land_observed_m2"]
    uncertain = row[f"{name}_uncertain_m2"] / observed
    return patches_sd(uncertain, observed), uncertain


def area(facts: Facts, row: Mapping[str, float], name: str, *, m2: float | None = 1e6, rest: bool = False, errors: str = "") -> Estimate:
    """Area of a class or group in a zone that was seen, in units of ``m2``, or its share in percent where that is None; ``rest``: of all other ground.

    ``errors`` : row of the error model, where it is not that of the class in whole units.
    """
    observed, error = row["land_observed_m2"], spread(errors or ERROR_OF[name], *_doubt(row, name))
    seen = modelled(row[f"{name}_m2"] / observed, error)
    scatter = seen.value * (1 - seen.value) - row[f"{name}_uncertain_m2"] / observed
    if rest:
        seen, error = Interval(1 - seen.value, 1 - seen.upper, 1 - seen.lower, seen.kind), error.mirrored()
    factor = 100.0 if m2 is None else row["area_m2"] / m2
    return _noted(
        published(seen, observed_ratio(observed, row["area_m2"]), facts, factor, square=seen.value**2 + max(0.0, scatter), spread=error),
        facts,
        TRUSTED_AS.get(name, name),
    )


def _settled_bare(facts: Facts) -> Estimate:
    """Bare ground in settlements, ha; or why it cannot be given."""
    county = land_zone_sums(facts, "county")
    if isinstance(county, Estimate):
        return county
    land = _mapped(facts)
    row = part_in_settlements(land.zones.get(SETTLED_ZONE, {}), county, facts.limits, "no settlement in this unit")
    if isinstance(row, Estimate):
        return row
    if not row["land_observed_m2"] > 0:
        return missing("insufficient_data", "no pixel of a settlement with enough clear dates in enough seasons")
    found = facts["settlements_unfit"] or indistinct(facts, "bare") or area(facts, row, "bare", m2=1e4, errors="settlement_bare_area")
    return found.noting(BARE_ALL_YEAR, land.settlements) if found.interval else found


def _cover(facts: Facts, name: str, *, zone: str = "county", m2: float | None = 1e6, rest: bool = False) -> Estimate:
    """`area` of a zone, or why it cannot be given."""
    row = land_zone_sums(facts, zone)
    if isinstance(row, Estimate):
        return row
    if not row["land_observed_m2"] > 0:
        return missing("insufficient_data", "no pixel with enough clear dates in enough seasons")
    mapped = indistinct(facts, name) or area(facts, row, name, m2=m2, rest=rest)
    return _corrected(mapped, facts, row, name) if zone == "county" else mapped


def _corrected(mapped: Estimate, facts: Facts, row: Mapping[str, float], name: str) -> Estimate:
    """Area of a class in the unit, km2, from reference samples of it; that of the map without enough of them.

    Samples measure the error of the map in this unit. So they can also give a class that is withheld for its accuracy on simulated worlds.
    """
    observed, stratum = row["land_observed_m2"], row[f"class_{name}_m2"]
    whole = row["area_m2"]
    return by_samples(mapped, facts, f"land_{name}", row[f"{name}_m2"], [observed - stratum, stratum], observed, whole, whole / 1e6)


def _forest(facts: Facts, m2: float | None = None) -> Estimate:
    """A unit's ground under trees in patches of the legal smallest size or, from reference samples of forest (``land_forest``), under forest; in units of
    ``m2``, or in percent where that is None."""
    row = land_zone_sums(facts, "county")
    if isinstance(row, Estimate):
        return row
    observed, trees = row["land_observed_m2"], row["class_tree_m2"]
    if not observed > 0:
        return missing("insufficient_data", "no pixel with enough clear dates in enough seasons")
    mapped = indistinct(facts, "tree") or area(facts, row, "forest", m2=m2).noting(TREES_NOT_FOREST)
    factor = 100.0 if m2 is None else row["area_m2"] / m2
    return by_samples(mapped, facts, "land_forest", row["tree_m2"], [observed - trees, trees], observed, row["area_m2"], factor)


def _forest_change(facts: Facts) -> Estimate:
    """Change of `_forest` since the baseline, km2, on ground that both years saw; where reference samples of forest correct both years, the difference of the
    two corrected areas."""
    mapped = _mapped_change(facts, "forest", "tree", "forest_area:change")
    return _of_corrected(difference, facts, mapped.noting(TREES_NOT_FOREST) if mapped.interval else mapped, partial(_forest, m2=1e6))


def _noted(estimate: Estimate, facts: Facts, *names: str) -> Estimate:
    """The estimate with a note on the training of the map, and on each of the classes that was never tested on real ground."""
    if not estimate.interval:
        return estimate
    untested = [UNTESTED.format(name=name) for name in names if not tested(_mapped(facts).accuracy[name])]
    return replace(estimate, reason="; ".join(filter(None, [estimate.reason, NOTE, *untested])))


def _at_baseline(facts: Facts) -> Facts:
    """The same unit's facts of the baseline period."""
    land = _mapped(facts)
    then = replace(land, zones=land.base, gdp=land.base_gdp, measured_from=None)
    return replace(facts, period=facts.baseline, references=facts.base_references).with_own(land=then)


def _built_change(facts: Facts) -> Estimate:
    """Change of construction land since the baseline, km2, on ground that both years saw; where reference samples correct both years, the difference of
    the two corrected areas."""
    return _of_corrected(difference, facts, _mapped_built_change(facts), partial(_cover, name="built"))


def _mapped_built_change(facts: Facts) -> Estimate:
    """`_built_change` by the map alone."""
    return _mapped_change(facts, "built", "built", "construction_land_change")


def _mapped_change(facts: Facts, name: str, trusted_as: str, error_row: str) -> Estimate:
    """Change of a class or group since the baseline by the map alone, km2; errors common to both years cancel and are not in its interval. ``trusted_as`` is
    the class whose accuracy is asked for, ``error_row`` that of the error model."""
    row = land_zone_sums(facts, "county")
    if isinstance(row, Estimate):
        return row
    if first := baseline_period(facts) or indistinct(facts, trusted_as):
        return first
    common, base = row["common_m2"], _mapped(facts).base.get("county")
    if base is None or not (common > 0 and base["land_observed_m2"] > 0):
        return missing("insufficient_data", "no pixel seen in both this and the baseline period")
    error = spread(error_row, 0.0, _doubt(row, name)[1] + _doubt(base, name)[1])
    seen = modelled((row[f"{name}_common_m2"] - row[f"{name}_baseline_m2"]) / common, error, low=-1)
    square, whole = row[f"{name}_change_square_m2"] / common, row["area_m2"]
    return _noted(published(seen, observed_ratio(common, whole), facts, whole / 1e6, low=-1, square=square, spread=error), facts, trusted_as)


def grown(change: Interval, then: Interval) -> Interval:
    """1 + change / then, where the errors of the change and of the level it starts from are independent. If either is a range, so is the result, from the
    least to the most that both allow; a level that may be 0 leaves a bound infinite.

    >>> found = grown(Interval(1.0, 0.5, 1.5, "model95"), Interval(10.0, 8.0, 12.0, "model95"))
    >>> found.value, round(found.lower, 4), round(found.upper, 4)
    (1.1, 1.0473, 1.1559)
    >>> grown(Interval(1.0, 0.5, 1.5, "model95"), Interval(10.0, 5.0, 20.0, "range"))
    Interval(value=1.1, lower=1.025, upper=1.3, kind='range')
    """
    rise = change.value / then.value
    (low, high), (least, most) = change.bounds, then.bounds
    if "range" in (change.kind, then.kind):
        corners = [_over(c, level) for c in (low, high) for level in (least, most)]
        return Interval(1 + rise, max(0.0, 1 + min(corners)), 1 + max(corners), "range")
    of_level = sorted((rise - change.value / most, rise - change.value / least if least > 0 else math.copysign(math.inf, -rise)))
    below = math.hypot(rise - low / then.value, max(of_level[1], 0.0))
    above = math.hypot(high / then.value - rise, max(-of_level[0], 0.0))
    return Interval(1 + rise, max(0.0, 1 + rise - below), 1 + rise + above, change.kind or then.kind)


def quotient(now: Interval, then: Interval) -> Interval:
    """now / then of two positive numbers, with bounds from their logarithms as independent estimates (Zou and Donner 2008). If either is a range, so is the
    result, from the least to the most that both allow.

    >>> quotient(Interval(2.0, 1.0, 4.0, "model95"), Interval(1.0, 1.0, 1.0, "model95"))
    Interval(value=2.0, lower=1.0, upper=4.0, kind='model95')
    >>> quotient(Interval(2.0, 1.0, 4.0, "range"), Interval(1.0, 0.5, 2.0, "model95"))
    Interval(value=2.0, lower=0.5, upper=8.0, kind='range')
    """
    value = now.value / then.value
    if "range" in (now.kind, then.kind):
        return Interval(value, max(0.0, now.bounds[0]) / then.bounds[1], _over(now.bounds[1], then.bounds[0]), "range")

    def log(x: float) -> float:
        return math.log(x) if x > 0 else -math.inf

    below = math.hypot(log(now.value) - log(now.lower), log(then.upper) - log(then.value))
    above = math.hypot(log(now.upper) - log(now.value), log(then.value) - log(then.lower))
    return Interval(value, value * math.exp(-below), value * math.exp(above), "model95")


def _over(amount: float, level: float) -> float:
    """amount / level; infinite where the level may be 0."""
    return amount / level if level > 0 else math.copysign(math.inf, amount)


def _built_ratio(facts: Facts) -> Estimate:
    """Construction land as a multiple of that of the baseline; where reference samples correct both years, the quotient of the two corrected areas."""
    return _of_corrected(quotient, facts, _mapped_built_ratio(facts), partial(_cover, name="built"))


def _mapped_built_ratio(facts: Facts) -> Estimate:
    """`_built_ratio` by the map alone, from its change, so that errors common to both years cancel."""
    change = _mapped_built_change(facts)
    if change.interval is None:
        return change
    now, then = (_mapped_built(f) for f in (facts, _at_baseline(facts)))
    if now.interval is None:
        return now
    if then.interval is None:
        return replace(then, reason=f"baseline: {then.reason}")
    if not (now.interval.value > 0 and then.interval.value > 0):
        return missing("no_target", "no construction land in this unit")
    return replace(change, interval=grown(change.interval, then.interval), spread=None)


def _mapped_built(facts: Facts) -> Estimate:
    """Construction land by the map alone."""
    found = _cover(facts, "built")
    return found.mapped or found


def _of_corrected(
    compare: Callable[[Interval, Interval], Interval], facts: Facts, mapped: Estimate, level: Callable[[Facts], Estimate]
) -> Estimate:  # fmt: skip
    """The level of this and the baseline period, compared where reference samples correct both and both are above 0; else ``mapped``, because the map's
    bias would look like a change if only one year were corrected."""
    if _land(facts) is None or facts.period == facts.baseline:
        return mapped
    now, then = level(facts), level(_at_baseline(facts))
    both = [e.interval for e in (now, then) if e.mapped and e.interval and e.interval.value > 0]
    return replace(now, interval=compare(*both), spread=None, mapped=mapped) if len(both) == 2 else mapped


def _built_per_gdp(facts: Facts) -> Estimate:
    """Fall of construction land per unit of gross domestic product since the baseline, percent of that of the baseline."""
    land = _land(facts)
    if land is None or land.gdp is None or land.base_gdp is None:
        return missing("needs_table", "needs the gross domestic product of this and the baseline period in constant prices (tables.gdp)")
    ratio, part = _built_ratio(facts), land.base_gdp / land.gdp
    return replace(_fall(ratio, part), mapped=ratio.mapped and _fall(ratio.mapped, part))


def _fall(ratio: Estimate, part: float) -> Estimate:
    """Fall, percent, of amount / measure, where the amount grew by a ratio and the measure by 1 / ``part``."""
    if ratio.interval is None:
        return ratio
    value, lower, upper = (100 * (1 - part * x) for x in (ratio.interval.value, ratio.interval.upper, ratio.interval.lower))
    return replace(ratio, interval=Interval(value, lower, upper, ratio.interval.kind), reason=f"{ratio.reason}; roads count, salt pans do not")


def _converted(facts: Facts, zone: str, name: str, m2: float) -> Estimate:
    """Land of a zone that became built or bare since the baseline, in units of ``m2``, where both years saw it.

    Where natural cover is not told from other cover, the lower bound counts only what visits confirmed, and the upper bound counts all possible conversion.
    """
    row = _seen_twice(facts, zone, "disturbed")
    if isinstance(row, Estimate):
        return row
    told = name != "natural_converted" or indistinct(facts, "natural") is None
    lower, upper = (row[f"{name}_lower_m2"], row[f"{name}_upper_m2"]) if told else (row.get(f"{name}_confirmed_m2", 0.0), row["converted_upper_m2"])
    refuted_ha = row.get(f"{name}_refuted_m2", 0.0) / 1e4  # sums that an earlier version wrote have no such column
    words = f"{refuted_ha:.3g} ha that counted were refuted on the spot and are left out" if refuted_ha > 0 else ""
    found = _noted(_ranged(facts, row, name, lower, upper, m2), facts, "disturbed").noting(words)
    return found if told or not found.interval else replace(found, reason=f"{found.reason}; {MERGED}")


def _regreened(facts: Facts) -> Estimate:
    """Ground of mines that was bare in the baseline period and is under plants now, ha, where both years saw it."""
    row = _seen_twice(facts, "mine", "bare")
    if isinstance(row, Estimate):
        return row
    return _noted(_ranged(facts, row, "regreened", row["regreened_lower_m2"], row["regreened_upper_m2"], 1e4), facts, "bare")


def _seen_twice(facts: Facts, zone: str, told: str) -> Mapping[str, float] | Estimate:
    """The sums of a zone that this and the baseline period saw; or why there are none, or that the map does not tell the class or group ``told``."""
    row = land_zone_sums(facts, zone)
    if isinstance(row, Estimate):
        return row
    if first := baseline_period(facts) or indistinct(facts, told):
        return first
    return row if row["common_m2"] > 0 else missing("insufficient_data", "no pixel seen in both this and the baseline period")


def _ranged(facts: Facts, row: Mapping[str, float], name: str, lower_m2: float, upper_m2: float, m2: float) -> Estimate:
    """An amount of the ground that both years saw, as a range, in units of ``m2``."""
    common, whole = row["common_m2"], row["area_m2"]
    seen = Interval(row[f"{name}_m2"] / common, lower_m2 / common, upper_m2 / common, "range")
    return published(seen, observed_ratio(common, whole), facts, whole / m2)


def _blue_green(facts: Facts, name: str, *, rest: bool) -> Estimate:
    found, land = _cover(facts, name, zone="xiongan", m2=None, rest=rest), _land(facts)
    return found.noting(BY_UNITS) if found.interval and land and "xiongan" not in land.tables else found


_SUM = "sum over pixels, by area on the ellipsoid, of the expected share of "
_MODEL = "uncertainty of the pixels, correlated over 300 m, and the systematic error of the class found in simulated worlds"
_RANGE = "lower: conversion beyond doubt; upper: all possible conversion, and all ground that was not seen in both periods"
_READING = "100 % times expected area of {} over that of all land seen within tables.xiongan or, without it, the counties that stand for the New Area"
_CONVERTED = "area within {} that is built or bare and was {} in the baseline period, in events of at least land_zones.min_event_px pixels"


def _smallest_event(settings: Settings, m2: float) -> float:
    """Area of the smallest patch that counts as conversion, in units of ``m2``."""
    return settings.land_zones.min_event_px * settings.grid.resolution_m**2 / m2


INDICATORS = (
    Indicator("construction_land_area", "Built-up land", "km2", "land", "", partial(_cover, name="built"), formula=_SUM + "built-up land", bounds=_MODEL),
    Indicator(
        "construction_land_change", "Change of built-up land since the baseline", "km2", "land", "down", _built_change, is_change=True,
        formula="built-up land less that of the baseline period", bounds=_MODEL,
    ),
    Indicator(
        "construction_land_ratio", "Built-up land, times that of the baseline", "x", "land", "down", _built_ratio, is_change=True, at_baseline=1.0,
        formula="1 + change of built-up land since the baseline / built-up land of the baseline period", bounds=_MODEL,
    ),
    Indicator(
        "construction_land_per_gdp_fall", "Fall of built-up land per unit of GDP since the baseline", "%", "land", "up", _built_per_gdp, is_change=True,
        formula="1 less the ratio of built-up land per gross domestic product (tables.gdp) to that of the baseline period", bounds=_MODEL,
    ),
    Indicator("cropland_area", "Cropland", "km2", "land", "up", partial(_cover, name="cropland"), formula=_SUM + "cropland", bounds=_MODEL),
    Indicator("tree_area", "Land under trees", "km2", "land", "up", partial(_cover, name="tree"), formula=_SUM + "trees", bounds=_MODEL),
    Indicator(
        "forest_cover", "Land under forest", "%", "land", "up", _forest, bounds=_MODEL,
        formula="100 % times the expected area of trees in patches of at least 0.0667 ha over the area of the unit; with reference samples of land_forest, of forest",
    ),
    Indicator(
        "forest_change", "Change of land under forest since the baseline", "km2", "land", "up", _forest_change, is_change=True, is_evidence=True, bounds=_MODEL,
        formula="expected area of trees in patches of at least 0.0667 ha less that of the baseline period; with reference samples of land_forest in both, of forest",
    ),
    Indicator("grass_area", "Grass, meadows and gardens", "km2", "land", "up", partial(_cover, name="grass"), formula=_SUM + "grass", bounds=_MODEL),
    Indicator(
        "wetland_area", "Reed, marsh, seasonally flooded land and tidal flats", "km2", "land", "up", partial(_cover, name="wetland"),
        formula=_SUM + "wetland", bounds=_MODEL,
    ),
    Indicator("bare_area", "Ground without plants all year", "km2", "land", "down", partial(_cover, name="bare"), formula=_SUM + "bare ground", bounds=_MODEL),
    Indicator(
        "settlement_bare_area", "Bare ground in towns and villages", "ha", "land", "down", _settled_bare,
        formula=_SUM + "bare ground within the map of settlements, which is the same for all periods", bounds=_MODEL,
    ),
    Indicator(
        "coastal_wetland_area", "Wetland along the coast", "ha", "land", "up", partial(_cover, name="wetland", zone="coast", m2=1e4),
        formula=_SUM + "wetland along the coast", bounds=_MODEL,
    ),
    Indicator(
        "bare_mine_area", "Bare ground inside mines", "ha", "land", "down", partial(_cover, name="bare", zone="mine", m2=1e4),
        formula=_SUM + "bare ground within tables.mines", bounds=_MODEL,
    ),
    Indicator(
        "regreened_mine_area", "Bare ground inside mines that plants cover since the baseline", "ha", "land", "up", _regreened, is_change=True, is_evidence=True,
        least=partial(_smallest_event, m2=1e4), bounds="lower: regreened beyond doubt; upper: all that may be, and all ground that was not seen in both periods",
        formula="area within tables.mines that is trees, grass or cropland and was bare in the baseline period, in events of at least land_zones.min_event_px pixels",
    ),
    Indicator(
        "blue_green_share", "Xiong'an: all but built-up land, our reading of the plan", "%", "land", "up", partial(_blue_green, name="built", rest=True),
        formula=_READING.format("all but built-up land"), bounds=_MODEL,
    ),
    Indicator(
        "blue_green_share_land", "Xiong'an: water, wetland, trees, grass and cropland", "%", "land", "up",
        partial(_blue_green, name="disturbed", rest=True), formula=_READING.format("all but built-up and bare land"), bounds=_MODEL,
    ),
    Indicator(
        "blue_green_share_ecological", "Xiong'an: water, wetland, trees and grass", "%", "land", "up", partial(_blue_green, name="natural", rest=False),
        formula=_READING.format("water, wetland, trees and grass"), bounds=_MODEL,
    ),
    Indicator(
        "converted_area", "Land that became built or bare since the baseline", "ha", "land", "down", partial(_converted, zone="county", name="converted", m2=1e4),
        is_change=True, least=partial(_smallest_event, m2=1e4), formula=_CONVERTED.format("the unit", "neither"), bounds=_RANGE,
    ),
    Indicator(
        "natural_converted_area", "Natural cover that became built or bare since the baseline", "ha", "land", "down",
        partial(_converted, zone="county", name="natural_converted", m2=1e4), is_change=True, least=partial(_smallest_event, m2=1e4),
        formula=_CONVERTED.format("the unit", "natural cover"), bounds=_RANGE,
    ),
    Indicator(
        "red_line_converted_area", "Natural cover inside the red line that became built or bare", "km2", "land", "down",
        partial(_converted, zone="red_line", name="natural_converted", m2=1e6), is_change=True, least=partial(_smallest_event, m2=1e6),
        formula=_CONVERTED.format("tables.red_line", "natural cover"), bounds=_RANGE,
    ),
    Indicator(
        "reserve_converted_area", "Land inside nature reserves that became built or bare", "ha", "land", "down",
        partial(_converted, zone="reserve", name="converted", m2=1e4), is_change=True, least=partial(_smallest_event, m2=1e4),
        formula=_CONVERTED.format("tables.reserves", "neither"), bounds=_RANGE,
    ),
    Indicator(
        "shore_encroached_area", "Land along rivers and lakes that became built or bare", "ha", "land", "down",
        partial(_converted, zone="shore", name="converted", m2=1e4), is_change=True, least=partial(_smallest_event, m2=1e4),
        formula=_CONVERTED.format("the shores of rivers and lakes", "neither"), bounds=_RANGE,
    ),
)  # fmt: skip
