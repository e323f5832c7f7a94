"""Indicators of soil: the rate of land that keeps its soil, and the area that does not."""

from __future__ import annotations

from dataclasses import replace

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.products.soil.facts import share_up_to, why_unknown

NO_BULLETIN = "the level is no bulletin figure, so it is not held to the number: give the bulletin's rate (soil.bulletin_rate)"


def _conserved(facts: Facts, *, lost: bool = False) -> Estimate:
    """Percent of the land that loses no more soil than is tolerated or, with ``lost``, the km2 that lose more.

    The errors of the factors are common to a unit. So the bounds are what the levels give with soil loss larger and smaller by Z95 standard errors of
    its logarithm; a Monte-Carlo draw of the factors gives the same. Rain, soil and terrain are the same in every period: what a change is wrong by is
    learnt, as a multiple of half the width of these bounds (`estimation.change`).
    """
    soil, row = facts["soil"], facts.county
    if unknown := why_unknown(soil, row):
        return unknown
    land, observed = row["soil_land_m2"], row["soil_observed_m2"]
    kept, most, least = (share_up_to(row, soil.tolerance_t_km2 / scale) for scale in soil.scales)
    seen = Interval(1 - kept, 1 - most, 1 - least, "model95") if lost else Interval(kept, least, most, "model95")
    of_changes = replace(spread("soil_loss_area" if lost else "soil_conservation_rate", 0.0, abs(most - least) / 2), of_changes=True)
    estimate = published(seen, observed_ratio(observed, land), facts, land / 1e6 if lost else 100.0, square=seen.value, spread=of_changes)
    no_level = "" if lost or soil.scale else NO_BULLETIN
    return replace(estimate, no_level=no_level).noting(*soil.words) if estimate.interval else estimate


_LAND = "all land but the sea, inland water included; soil loss by water alone is R K L S B E T of the Chinese soil loss equation, "
_FACTORS = "B from the cover at its peak and in the growing season, E and T by land class"
_DOUBT = "all factors of a unit larger or smaller together by 1.96 standard errors of the logarithm of soil loss (soil.*_doubt)"

INDICATORS = (
    Indicator(
        "soil_conservation_rate", "Land that keeps its soil (water erosion)", "%", "soil", "up", _conserved,
        formula="100 % less the share that loses more than soil.tolerance_t_km2, of " + _LAND + _FACTORS, bounds=_DOUBT,
    ),
    Indicator(
        "soil_loss_area", "Land that loses more soil than is tolerated (water erosion)", "km2", "soil", "down", lambda facts: _conserved(facts, lost=True),
        formula="area that loses more than soil.tolerance_t_km2, of " + _LAND + _FACTORS, bounds=_DOUBT,
    ),
)  # fmt: skip
