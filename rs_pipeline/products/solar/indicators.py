"""Indicators of solar: the area of ground-mounted arrays, and the capacity of wind and sun that it proves."""

from __future__ import annotations

import math
from dataclasses import replace

from rs_pipeline.config import Settings
from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import LEAST_F1, Estimate, Facts, Indicator, missing, modelled, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.products.solar.arrays import MIN_ARRAY_M2
from rs_pipeline.products.solar.model import solar_model

GW_KM2, LEAST_GW_KM2, MOST_GW_KM2 = 0.030, 0.025, 0.045
"""Capacity of a square kilometre of arrays: a usual, a low and a high value. Plants of the United States had 0.030 of direct current to the whole of their
land (Ong et al. 2013, NREL/TP-6A20-56290); newer ones have more (Bolinger and Bolinger 2022, IEEE J. Photovolt. 12:589), so a bound below is safe."""

UNTESTED_ON_REAL = "arrays on the ground or on ponds, trained on simulated arrays: not tested on real ones"
WHAT_IS_LEFT_OUT = "a lower bound of wind and sun together: turbines, roofs and arrays below 1 ha are not seen, so there is no upper bound"


def _area(facts: Facts) -> Estimate:
    """Solar arrays in a unit, km2, from the ground that was seen in enough seasons."""
    row, report = facts.county, solar_model().report
    observed = row.get("solar_observed_m2", 0.0)  # sums that an earlier version wrote have no such column
    if not observed > 0:
        return missing("insufficient_data", "no pixel with enough clear dates in enough seasons")
    if report["f1"] < LEAST_F1:
        return missing("insufficient_data", f"solar arrays are not told from other ground: F1 {report['f1']:.2f} on simulated worlds")
    share = row["solar_m2"] / observed
    wrong = replace(spread("solar_panel_area", 0.0, share), undecided=(0.0, MIN_ARRAY_M2 / observed))
    found = published(modelled(share, wrong), observed_ratio(observed, row["area_m2"]), facts, row["area_m2"] / 1e6, square=share, spread=wrong)
    return found.noting(UNTESTED_ON_REAL) if found.interval else found


def _capacity(facts: Facts) -> Estimate:
    """Capacity of wind and sun that the arrays prove, GW: a bound below, and none above."""
    area = _area(facts)
    if area.interval is None:
        return area
    km2, (lower, upper) = area.interval.value, area.interval.bounds
    said = f"the arrays alone have {LEAST_GW_KM2 * lower:.3g} to {MOST_GW_KM2 * upper:.3g} GW"
    return replace(area, interval=Interval(GW_KM2 * km2, LEAST_GW_KM2 * lower, math.inf, "range"), spread=None).noting(WHAT_IS_LEFT_OUT, said)


def _least_km2(settings: Settings) -> float:
    return MIN_ARRAY_M2 / 1e6


INDICATORS = (
    Indicator(
        "solar_panel_area", "Ground-mounted solar arrays", "km2", "solar", "up", _area, least=_least_km2,
        formula="area of patches of at least 1 ha, 30 m wide, whose pixels and their neighbours look like arrays through the seasons: a median share of at least 0.25",
        bounds="the systematic part of simulated worlds (config/errors.csv), a multiple of the area; above, one more array of the least size",
    ),
    Indicator(
        "solar_capacity", "Capacity of wind and sun that solar arrays prove", "GW", "solar", "up", _capacity, least=lambda s: GW_KM2 * _least_km2(s),
        formula="ground-mounted solar arrays times 30 MW/km2", bounds="lower: 25 MW/km2 times the least area; upper: none, because turbines and roofs are not seen",
    ),
)  # fmt: skip
