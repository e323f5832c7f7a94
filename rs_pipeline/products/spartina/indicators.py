"""The indicator of cordgrass: its area."""

from __future__ import annotations

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing, modelled, observed_ratio, published
from rs_pipeline.products.spartina.accuracy import LEAST_HA, why_withheld

HIDDEN_SHARE = 0.002
"""Share of the observed tidal ground that may hide cordgrass too small to be seen, or hold what is taken for it; errors grow with it too. A design value."""

SEASON_ALONE = "told by its season alone, on simulated flats: a visit must confirm the species"


def _area(facts: Facts) -> Estimate:
    """Cordgrass on tidal ground, ha: in the unit, and before it where no other unit is nearer. Its error grows with the ground on which it is doubtful."""
    row = facts.to_sea
    if not facts["has_coast"]:
        return missing("no_target", "this run has no coast (section coastline)", 1.0)
    ground, observed = row.get("spartina_ground_m2", 0.0), row.get("spartina_observed_m2", 0.0)
    if not ground > 0:
        return missing("no_target", "no coast in this unit")
    if withheld := why_withheld():
        return withheld
    if not observed > 0:
        return missing("insufficient_data", "no pixel of tidal ground with a clear date in late autumn, winter and spring")
    doubt = (row["spartina_possibly_m2"] - row["spartina_surely_m2"]) / 2 / observed
    error = spread("spartina_area", 0.0, doubt + HIDDEN_SHARE)
    found = published(modelled(row["spartina_m2"] / observed, error), observed_ratio(observed, ground), facts, ground / 1e4, spread=error)
    return found.noting(SEASON_ALONE) if found.interval else found


INDICATORS = (
    Indicator(
        "spartina_area", "Cordgrass (Spartina alterniflora) on tidal flats", "ha", "spartina", "down", _area, least=lambda settings: LEAST_HA, often_missed=True,
        formula="area of tidal ground (at most 500 m from the sea, without permanent water) that is green in late autumn, and in summer, but not in spring and winter",
        bounds="errors of the area on simulated coasts, which grow with the ground that is near the limits",
    ),
)  # fmt: skip
