"""Indicators of watched places by kind: the part of a unit in places of a kind is estimated as a unit is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.products.places.estimates import as_unit, estimate_of
from rs_pipeline.products.settlements import LEAST_M2, VILLAGE_ZONE, settled_sums
from rs_pipeline.products.watch import KIND_ZONE, watched_kinds

NO_PLACES = {
    "water_source": "needs the protection zones of drinking-water sources (tables.places, kind water_source)",
    "contaminated_plot": "needs the register of contaminated plots (tables.places, kind contaminated_plot)",
    "construction_site": "needs outlines of construction sites (tables.places, kind construction_site)",
    "corridor": "needs outlines of ecological corridors and zones (tables.places, kind corridor)",
}  # fmt: skip
NO_HABITATS = "without outlines of habitats (tables.places, kind habitat): all natural cover of the unit, of which habitats are a part, so the lower bound is 0"
NONE_HERE = {
    "water_source": "no protection zone of a water source in this unit", "contaminated_plot": "no contaminated plot in this unit that is not cleared",
    "habitat": "no habitat of the table in this unit", "village": "no village of the table in this unit", "construction_site": "no construction site of the table in this unit",
    "corridor": "no ecological corridor in this unit",
}  # fmt: skip


CORES = "drawn villages are built-up ground, works among it: the bounds reach to the cover of the whole unit"


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``watched_kinds``: kinds that tables.places has, none without it."""
    kinds = watched_kinds(settings)
    return {"watched_kinds": lambda adcode, period: kinds}


def _of_kind(facts: Facts, kind: str, name: str) -> Estimate:
    """``name`` of `estimate_of` for all places of a kind in the unit, or why there is none. Without villages in the table, those that the run draws."""
    if kind not in facts["watched_kinds"]:
        return _of_drawn_villages(facts, name) if kind == "village" else missing("needs_table", NO_PLACES[kind])
    if not facts.zones.get(KIND_ZONE + kind, {"area_m2": 0.0})["area_m2"] >= LEAST_M2:
        return missing("no_target", NONE_HERE[kind])
    return estimate_of(name, as_unit(facts, KIND_ZONE + kind))


def _habitats(facts: Facts) -> Estimate:
    """Natural cover of habitats that became built or bare, ha. Without outlines of habitats, that of all natural cover in the unit: habitats are a part of
    it, so none of it need be theirs, and only where none was converted are they known to be whole."""
    if "habitat" in facts["watched_kinds"]:
        return _of_kind(facts, "habitat", "natural_converted_area")
    found = estimate_of("natural_converted_area", facts)
    return replace(found, interval=replace(found.interval, lower=0.0)).noting(NO_HABITATS) if found.interval else found


def _of_drawn_villages(facts: Facts, name: str) -> Estimate:
    """``name`` of `estimate_of` for the unit's part in the villages of the map of settlements, or why there is none."""
    row = settled_sums(
        facts, VILLAGE_ZONE, none_here="no village on the map of settlements in this unit", no_map="this run made no land map that villages could be drawn from"
    )
    if isinstance(row, Estimate):
        return row
    found = estimate_of(name, as_unit(replace(facts, zones={**facts.zones, VILLAGE_ZONE: row}), VILLAGE_ZONE))
    return _up_to_the_unit(found, estimate_of(name, facts)).noting(facts["land"].settlements) if found.interval else found


def _up_to_the_unit(drawn: Estimate, unit: Estimate) -> Estimate:
    """The estimate of drawn villages with bounds that hold those of the whole unit too: a village is greener than its built-up ground, and no greener
    than the land around it. A change is of the same ground in both periods, and has the error model's own interval."""
    if drawn.interval is None or unit.interval is None:
        return drawn
    (low, high), (least, most) = drawn.interval.bounds, unit.interval.bounds
    wide = replace(drawn.interval, lower=min(low, least), upper=max(high, most))
    return replace(drawn, interval=wide, spread=drawn.spread and replace(drawn.spread, of_changes=True)).noting(CORES)


def _reserve_share(facts: Facts) -> Estimate:
    """Share of the unit within the polygons of nature reserves, percent; from geometry alone, without maps."""
    land = facts["land"]
    if land is None or "reserves" not in land.tables:
        return missing("needs_table", "needs the polygons of nature reserves (tables.reserves)")
    inside = land.zones["reserve"]["area_m2"] if "reserve" in land.zones else 0.0
    return Estimate(Interval(100 * inside / land.zones["county"]["area_m2"]), 1.0)


def _smallest_event_ha(settings: Settings) -> float:
    """Area of the smallest patch that counts as conversion."""
    return settings.land_zones.min_event_px * settings.grid.resolution_m**2 / 1e4


_RANGE = "lower: conversion beyond doubt; upper: all possible conversion, and all ground that was not seen in both periods"
_MODEL = "uncertainty of the pixels, correlated over 300 m, and the systematic error found in simulated worlds"
_WITHIN = " within the polygons of tables.places of kind {}, overlaps counted once"

INDICATORS = (
    Indicator(
        "water_source_converted_area", "Land in drinking-water source zones that became built or bare", "ha", "places", "down",
        partial(_of_kind, kind="water_source", name="converted_area"), is_change=True, least=_smallest_event_ha,
        formula="converted_area" + _WITHIN.format("water_source"), bounds=_RANGE,
    ),
    Indicator(
        "water_source_water_area", "Permanent water in drinking-water source zones", "ha", "places", "up",
        partial(_of_kind, kind="water_source", name="water_permanent_area"), formula="water_permanent_area" + _WITHIN.format("water_source"), bounds=_MODEL,
    ),
    Indicator(
        "plot_converted_area", "Land in contaminated plots that became built or bare before clearance", "ha", "places", "down",
        partial(_of_kind, kind="contaminated_plot", name="converted_area"), is_change=True, least=_smallest_event_ha,
        formula="converted_area" + _WITHIN.format("contaminated_plot") + ", of plots that are not cleared by the end of the period", bounds=_RANGE,
    ),
    Indicator(
        "plot_built_change", "Change of built-up land in contaminated plots before clearance", "ha", "places", "down",
        partial(_of_kind, kind="contaminated_plot", name="construction_land_change"), is_change=True,
        formula="construction_land_change" + _WITHIN.format("contaminated_plot") + ", of plots that are not cleared by the end of the period", bounds=_MODEL,
    ),
    Indicator(
        "habitat_converted_area", "Natural cover in habitats that became built or bare", "ha", "places", "down",
        _habitats, is_change=True, least=_smallest_event_ha,
        formula="natural_converted_area" + _WITHIN.format("habitat") + "; without any, natural_converted_area of the unit with a lower bound of 0", bounds=_RANGE,
    ),
    Indicator(
        "village_green_cover", "Mean vegetation cover of villages, growing season", "%", "places", "up", partial(_of_kind, kind="village", name="fvc_growing_mean"),
        of_one_pixel=True, formula="fvc_growing_mean" + _WITHIN.format("village") + "; without such polygons, within the villages of the map of settlements, with bounds that hold those of the whole unit",
        bounds=_MODEL,
    ),
    Indicator(
        "site_bare_area", "Bare ground in construction sites", "ha", "places", "down", partial(_of_kind, kind="construction_site", name="bare_area"),
        formula="bare_area" + _WITHIN.format("construction_site"), bounds=_MODEL,
    ),
    Indicator(
        "corridor_cover_trend", "Trend of vegetation cover in ecological corridors", "%/yr", "places", "up", partial(_of_kind, kind="corridor", name="fvc_peak_trend"),
        is_change=True, of_all_periods=True, of_one_pixel=True, formula="fvc_peak_trend" + _WITHIN.format("corridor"),
        bounds="95 % interval of that slope (Kendall)",
    ),
    Indicator(
        "reserve_share", "Share of the unit inside nature reserves", "%", "places", "up", _reserve_share,
        formula="100 % times the area inside tables.reserves, overlaps counted once, over that of the unit, water included",
    ),
)  # fmt: skip
