"""Indicators of heat: the surface heat island of summer, and the area of hot land."""

from __future__ import annotations

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing, modelled, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval

LEAST_ISLAND_K, GREATEST_ISLAND_K = -10.0, 20.0
"""Least and greatest mean of built-up land above rural land that is possible; means of cities of the world lie between -4 and 9 K
(Peng et al. 2012, Environ. Sci. Technol. 46:696)."""

NOT_ASKED = missing("needs_table", "needs the section heat in the configuration (heat: {})")

NO_LAND = missing("insufficient_data", "no land whose class is known")


def _island(facts: Facts) -> Estimate:
    """Built-up land less rural land, K. In a unit with less rural land than ``heat.min_rural_km2`` the rural land is that of its tiles, whose anomaly is 0.

    The dates of a season are few, and the same for all of a unit: on a windy or wet day all its built-up land is less warm. So all built-up pixels are wrong
    together in the random part. The systematic part is what rural land and towns of simulated worlds are read too warm or too cool by.
    """
    row, heat = facts.county, facts["heat"]
    if heat is None:
        return NOT_ASKED
    built, observed = row["heat_built_m2"], row["heat_built_observed_m2"]
    if not row["heat_land_m2"] > 0:
        return NO_LAND
    if built < heat.min_built_m2:
        least = heat.min_built_m2 / 1e6
        return missing("insufficient_data", f"{built / 1e6:.3g} km2 of built-up land as wide as the sensor's pixels; at least {least:.3g} km2 are needed")
    if not observed > 0:
        return missing("insufficient_data", "no built-up pixel with enough dates with a temperature, or no rural land near")
    mean, square, error = (row[f"heat_built_{name}_m2"] / observed for name in ("k", "k2", "error_k"))
    rural, words = row["heat_rural_observed_m2"], heat.words
    if rural >= heat.min_rural_m2:
        reference = row["heat_rural_k_m2"] / rural
    else:
        reference, words = 0.0, ("too little rural land in this unit: compared with that of its tiles", *words)
    wrong = spread("heat_island_summer", error)
    seen = modelled(mean - reference, wrong, LEAST_ISLAND_K, GREATEST_ISLAND_K)
    spare = square - mean**2 + (mean - reference) ** 2
    found = published(seen, observed_ratio(observed, built), facts, 1.0, low=LEAST_ISLAND_K, high=GREATEST_ISLAND_K, square=spare, spread=wrong)
    return found.noting(*words) if found.interval else found


def _hot_area(facts: Facts) -> Estimate:
    """Land warmer than rural land by more than ``heat.hot_k``, km2, as the sensor's pixels of 100 m show it: roads and single roofs are not in it."""
    row, heat = facts.county, facts["heat"]
    if heat is None:
        return NOT_ASKED
    land, observed = row["heat_land_m2"], row["heat_land_observed_m2"]
    if not land > 0:
        return NO_LAND
    if not observed > 0:
        return missing("insufficient_data", "no pixel with enough dates with a temperature, or no rural land near")
    value, surely, possibly = (row[f"heat_{name}_m2"] / observed for name in ("hot", "surely_hot", "possibly_hot"))
    found = published(Interval(value, surely, possibly, "model95"), observed_ratio(observed, land), facts, land / 1e6)
    return found.noting(*heat.words) if found.interval else found


_SEASON = "mean over the clear dates of the season (heat.window) of the surface temperature of Landsat Collection 2 above that of rural land on the same date"

INDICATORS = (
    Indicator(
        "heat_island_summer", "Surface heat island of built-up land, summer mornings", "K", "heat", "down", _island,
        formula="built-up land, in pieces as wide as the sensor's pixels, less rural land (cropland, grass, trees; away from built-up land and of its height): " + _SEASON,
        bounds="all built-up pixels wrong together by 1.96 of their standard errors, the scatter over the dates, or ST_QA if that is larger; and the systematic part of simulated worlds (config/errors.csv)",
    ),
    Indicator(
        "hot_land_area_summer", "Land much hotter than rural land, summer mornings", "km2", "heat", "down", _hot_area,
        formula="area of land, water left out, that pixels of 100 m show warmer than rural land by more than heat.hot_k: " + _SEASON,
        bounds="all pixels warmer or cooler together by 1.96 of their standard errors",
    ),
)  # fmt: skip
