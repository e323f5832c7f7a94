"""Indicators of open water: areas, their change, bodies, named lakes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, baseline_period, by_samples, missing, modelled, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Z95, Interval, around, within
from rs_pipeline.products.water.facts import TLI_PER_LN

NO_CLEAR_MONTHS = missing("insufficient_data", "no pixel with enough clear months")

UNSEEN_SHARE = 0.005
"""Share of the observed ground that may be water too small to be seen; it adds to the uncertain rim of the water that is seen."""


def _doubt_m2(row: Mapping[str, float]) -> float:
    """Area, m2, with which errors of permanent water grow: half of the rim, which lies between surely and possibly permanent water, and ground
    that may hide small waters; root of the summed squares."""
    rim = (row["water_permanent_upper_m2"] - row["water_permanent_lower_m2"]) / 2
    return math.hypot(rim, UNSEEN_SHARE * row["water_observed_m2"])


def _permanent(facts: Facts) -> Estimate:
    row = facts.county
    inside = row["area_m2"] - facts.land_m2 - row["sea_m2"]
    return _area(facts, "permanent", _doubt_m2(row), [row["water_observed_m2"] - row["sea_m2"] - inside, inside])


def _seasonal(facts: Facts) -> Estimate:
    row = facts.county
    wet = row["water_seasonal_m2"]
    return _area(facts, "seasonal", wet + row["water_ephemeral_m2"] + _doubt_m2(row), [row["water_observed_m2"] - row["sea_m2"] - wet, wet])


def _area(facts: Facts, kind: str, basis_m2: float, strata_m2: list[float]) -> Estimate:
    """Area of a water class, km2: from reference samples of the class where there are enough, else the map's with the error model."""
    row, name = facts.county, f"water_{kind}"
    observed = row["water_observed_m2"]
    if not observed > 0:
        return NO_CLEAR_MONTHS
    v, area_km2 = observed_ratio(observed, row["area_m2"]), row["area_m2"] / 1e6
    error = spread(f"{name}_area", math.sqrt(row[f"{name}_var_m4"]) / observed, basis_m2 / observed)
    mapped = published(modelled(row[f"{name}_m2"] / observed, error), v, facts, area_km2, spread=error)
    return by_samples(mapped, facts, f"{kind}_water", row[f"{name}_m2"], strata_m2, observed, row["area_m2"], area_km2)


def _change(facts: Facts, name: str) -> Estimate:
    """Change of a kind of water since the baseline, km2, on the pixels that both saw; the uncertain rims of both years add up."""
    row, base = facts.county, facts.base
    common = row["water_common_m2"]
    if first := baseline_period(facts):
        return first
    if not common > 0:
        return missing("insufficient_data", "no pixel seen in both this and the baseline period")
    change = row[f"{name}_common_m2"] - row[f"{name}_baseline_m2"]
    error = spread(f"{name}_change", math.sqrt(row[f"{name}_change_var_m4"]) / common, (_doubt_m2(row) + _doubt_m2(base)) / common)
    seen = modelled(change / common, error, low=-1)
    return published(
        seen, observed_ratio(common, row["area_m2"]), facts, row["area_m2"] / 1e6, low=-1, square=row[f"{name}_change_square_m2"] / common, spread=error
    )


NO_COAST = missing("no_target", "this run has no coast (section coastline), so no water is told as sea", 1.0)


def _sea(facts: Facts) -> Estimate:
    """Water and tidal flats of the sea within the unit's polygon, km2."""
    row = facts.county
    observed, sea = row["water_observed_m2"], row["sea_m2"]
    if not facts["has_coast"]:
        return NO_COAST
    if not observed > 0:
        return NO_CLEAR_MONTHS
    error = spread("sea_area", math.sqrt(row["sea_var_m4"]) / observed, math.hypot(sea, _doubt_m2(row)) / observed)
    return published(modelled(sea / observed, error), observed_ratio(observed, row["area_m2"]), facts, row["area_m2"] / 1e6, spread=error)


FLATS_SEEN = "flats that lie dry or flooded whenever a satellite passes are not seen: a lower bound"
NO_FLATS_SEEN = "no tidal flat shows at the hours of the passes: whether there is any cannot be told"


def _tidal_flats(facts: Facts) -> Estimate:
    """Ground that the sea covers for a part of the year's clear dates, ha: in the unit, and before it where no other unit is nearer. Passes at one hour see a
    part of the tides, so it is a lower bound: on simulated coasts of mud a third to nine tenths of the flats, on sand, where they are narrow, hardly any."""
    row = facts.to_sea
    observed, area = row["water_observed_m2"], row["area_m2"]
    if not facts["has_coast"]:
        return NO_COAST
    if not observed > 0:
        return NO_CLEAR_MONTHS
    if not row["sea_m2"] > 0:
        return missing("no_target", "no coast in this unit", 1.0)
    seen, doubt = row["tidal_flat_m2"] / observed, Z95 * math.sqrt(row["tidal_flat_var_m4"]) / observed
    if not seen > doubt:
        return missing("insufficient_data", NO_FLATS_SEEN, observed_ratio(observed, area))
    found = published(Interval(seen, seen - doubt, min(1.0, seen + doubt), "range"), observed_ratio(observed, area), facts, area / 1e4)
    return replace(found, interval=replace(found.interval, upper=math.inf)).noting(FLATS_SEEN) if found.interval else found


def _open_wetland(facts: Facts) -> Estimate:
    """Inland water of the unit and tidal flats that passes see, in it and before it, ha. Flats are wrong as their area, for the dates of a year see some of its
    tides only; inland water as its rims and the seasonal part."""
    unit, row = facts.county, facts.to_sea
    observed, area, flats = row["water_observed_m2"], row["area_m2"], row["tidal_flat_m2"]
    if not observed > 0:
        return NO_CLEAR_MONTHS
    wet = flats + unit["water_permanent_m2"] + unit["water_seasonal_m2"]
    variance = row["tidal_flat_var_m4"] + unit["water_permanent_var_m4"] + unit["water_seasonal_var_m4"]
    doubt = math.hypot(flats + unit["water_seasonal_m2"] + unit["water_ephemeral_m2"], _doubt_m2(unit))
    error = spread("open_wetland_area", math.sqrt(variance) / observed, doubt / observed)
    return published(modelled(wet / observed, error), observed_ratio(observed, area), facts, area / 1e4, spread=error)


def _sea_change(facts: Facts) -> Estimate:
    return _change(facts, "sea") if facts["has_coast"] else NO_COAST


def _bodies(facts: Facts) -> Estimate:
    """Number of water bodies that are large enough to be counted in this period, of those that are in any period of the run."""
    if facts["bodies"] is None:
        return missing("insufficient_data", "this run made no layer of water bodies")
    known = facts["bodies"][facts["bodies"].counted]
    if known.empty:
        return missing("no_target", "no water body of the size that is counted has most of its area in this unit")
    seen = known[known.state != "not_observed"]
    share = Interval(seen.large.mean() if len(seen) else math.nan)
    return published(share, observed_ratio(len(seen), len(known)), facts, len(known), part=1 / len(known))


def _lakes(facts: Facts) -> pd.DataFrame | Estimate:
    """Sums over the parts of named lakes in the unit, one row per lake."""
    if not facts["has_lakes"]:
        return missing("needs_table", "needs outlines of the lakes to be watched, with their names (tables.lakes)")
    lakes = {zone.partition(":")[2]: row for zone, row in facts.zones.items() if zone.startswith("lake:")}
    if not lakes:
        return missing("no_target", "no part of a lake of tables.lakes in this unit")
    return pd.DataFrame(list(lakes.values()), index=list(lakes))


def _lake_water(facts: Facts) -> Estimate:
    """Permanent and seasonal water within the outlines of the named lakes, km2. Reed and lotus over water are not in it."""
    lakes = _lakes(facts)
    if isinstance(lakes, Estimate):
        return lakes
    sums = lakes.select_dtypes("number").sum()
    observed, water = sums.water_observed_m2, sums.water_permanent_m2 + sums.water_seasonal_m2
    if not observed > 0:
        return missing("insufficient_data", "no pixel of the lake with enough clear months")
    random = math.sqrt(sums.water_permanent_var_m4 + sums.water_seasonal_var_m4)
    error = spread("water_permanent_area", random / observed, _doubt_m2(sums) / observed)
    estimate = published(modelled(water / observed, error), observed_ratio(observed, sums.area_m2), facts, sums.area_m2 / 1e6, spread=error)
    parts = ", ".join(f"{name} {(row.water_permanent_m2 + row.water_seasonal_m2) / 1e6:.4g} km2" for name, row in lakes.iterrows())
    return estimate.noting(parts)


def _lake_plants(facts: Facts) -> Estimate:
    """Mean growing-season cover of what is not permanent water within the outlines of the named lakes, percent: reed, lotus, banks."""
    lakes = _lakes(facts)
    if isinstance(lakes, Estimate):
        return lakes
    sums = lakes.select_dtypes("number").sum()
    observed = sums.fvc_growing_observed_m2
    if not observed > 0:
        return missing("insufficient_data", "no pixel of the lake outside permanent water with enough clear dates")
    sigma = (lakes.fvc_peak_sigma * lakes.fvc_growing_observed_m2).sum() / observed
    error = spread("fvc_growing_mean", math.sqrt(sums.fvc_peak_var_m4) / observed, sigma)
    seen, square = modelled(sums.fvc_growing_sum_m2 / observed, error), sums.fvc_growing_square_m2 / observed
    return published(seen, observed_ratio(observed, sums.land_m2), facts, 100.0, square=square, spread=error)


CHLOROPHYLL_SIGMA_LOG10 = 0.30
"""Standard error of chlorophyll on one water in log10: the root mean square difference from samples of the waters of Nechad et al. (2015) up to 20 FNU (row
``chlorophyll``, ``rmse_log10`` of the accuracy table). It is taken as the same for all waters of a unit and all dates, so it does not average out."""

TLI_PER_LOG10 = TLI_PER_LN * math.log(10)
"""Change of the trophic level index with log10 of chlorophyll."""

TLI_RANGE = (0.0, 100.0)


def _trophic_level(facts: Facts) -> Estimate:
    """Trophic level by chlorophyll of lakes and reservoirs, mean weighted by area. It does not answer a target of water classes."""
    table = facts["quality"]
    if table is None:
        return missing("insufficient_data", "this run made no table of water quality")
    if table.empty:
        return missing("no_target", "no water body of the size that is counted has most of its area in this unit")
    known = table[table.tli_chlorophyll.notna()]
    v = observed_ratio(known.area_m2.sum(), table.area_m2.sum())
    if v < facts.limits.range or known.empty:
        return missing("insufficient_data", "too little water that is clear enough, on enough dates, to tell its chlorophyll", v)
    share, level = known.area_m2 / known.area_m2.sum(), known.tli_chlorophyll
    random = math.sqrt(((share * known.tli_sigma) ** 2).sum())
    seen = within(around(float((share * level).sum()), Z95 * math.hypot(random, TLI_PER_LOG10 * CHLOROPHYLL_SIGMA_LOG10)), *TLI_RANGE)
    found = published(seen, v, facts, 1.0, low=TLI_RANGE[0], high=TLI_RANGE[1], square=float((share * level**2).sum()))
    states = known.groupby("trophic_state").area_m2.sum().sort_values(ascending=False)
    parts = ", ".join(f"{state} {area_m2 / 1e6:.3g} km2" for state, area_m2 in states.items())
    return found.noting(f"{parts}; {OTHER_WATERS}")


OTHER_WATERS = "chlorophyll by a formula of other waters, tested on measured spectra and samples of coasts and estuaries, not on images of lakes"


_MODEL = "errors of the pixels, correlated over 300 m, and the systematic error of the rim of water found in simulated worlds"
_AREA = "sum over the unit of pixel area on the ellipsoid x exact share of the pixel inside x "

INDICATORS = (
    Indicator(
        "water_permanent_area", "Permanent inland water", "km2", "water", "up", _permanent, bounds=_MODEL,
        formula=_AREA + "share of the pixel under permanent inland water (wet in at least water.permanent_frequency of the clear months); the sea is sea_area",
    ),
    Indicator(
        "water_seasonal_area", "Seasonal inland water", "km2", "water", "", _seasonal, bounds=_MODEL,
        formula=_AREA + "1 where it is inland and wet in water.seasonal_frequency to water.permanent_frequency of the clear months; tidal flats are sea_area",
    ),
    Indicator(
        "water_permanent_change", "Change of permanent inland water since the baseline", "km2", "water", "up", partial(_change, name="water_permanent"),
        is_change=True, bounds=_MODEL, formula="permanent inland water less that of the baseline period, by the same shares of pixels as the area, on the pixels that both saw",
    ),
    Indicator(
        "water_seasonal_change", "Change of seasonal inland water since the baseline", "km2", "water", "", partial(_change, name="water_seasonal"),
        is_change=True, bounds=_MODEL, formula="seasonal inland water less that of the baseline period, on the pixels that both saw",
    ),
    Indicator(
        "sea_area", "Sea within the polygon", "km2", "water", "", _sea, bounds=_MODEL,
        formula=_AREA + "share of the pixel under water of the sea, tidal flats (wet in at least water.seasonal_frequency of the clear months) included",
    ),
    Indicator(
        "sea_change", "Change of the sea within the polygon since the baseline", "km2", "water", "", _sea_change,
        is_change=True, bounds=_MODEL, formula="sea less that of the baseline period, on the pixels that both saw",
    ),
    Indicator(
        "tidal_flat_area", "Tidal flats that passes see", "ha", "water", "up", _tidal_flats,
        bounds="lower: errors of the pixels; upper: none, because passes at one hour see a part of the tides",
        formula=_AREA + "share of the pixel that the sea covers in water.seasonal_frequency to water.permanent_frequency of the clear months; before the unit, "
        "flats count to the nearest unit, up to 10 km seaward",
    ),
    Indicator(
        "open_wetland_area", "Wetland without plants: inland water and tidal flats", "ha", "water", "up", _open_wetland, bounds=_MODEL,
        formula="permanent and seasonal inland water, and tidal flats; marsh and reed beds are not in it, so it is the lower part of all wetland (GB/T 24708-2009 counts rivers, lakes, reservoirs, ponds and coasts)",
    ),
    Indicator(
        "water_bodies", "Water bodies large enough to be counted", "count", "water", "up", _bodies,
        formula="bodies of at least water.min_reported_area_m2 in this period, of those that ever were so large",
    ),
    Indicator(
        "water_trophic_level", "Trophic level of lakes and reservoirs by chlorophyll", "1", "water", "down", _trophic_level,
        bounds="scatter of the dates, and the error of the chlorophyll formula against samples of other waters (0.30 in log10), the same for all waters",
        formula="mean by area, over counted inland water bodies that are no more turbid than 20 FNU, of 10 (2.5 + 1.086 ln chlorophyll in mg/m3), the median of the season's clear dates",
    ),
    Indicator(
        "lake_water_area", "Water within the named lakes", "km2", "water", "up", _lake_water, bounds=_MODEL,
        formula="permanent and seasonal water within the outlines of tables.lakes",
    ),
    Indicator(
        "lake_plant_cover", "Plant cover within the named lakes, outside permanent water", "%", "vegetation", "", _lake_plants,
        bounds="errors of the pixels, correlated over 300 m, and the systematic error of cover found in simulated worlds",
        formula="mean growing-season cover of the pixels within the outlines of tables.lakes that are not permanent water",
    ),
)  # fmt: skip
