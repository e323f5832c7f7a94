"""Estimates of a place, or of all places of a kind in a unit, by the indicators of other products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rs_pipeline.estimation.estimate import Estimate, Facts
from rs_pipeline.estimation.reference import NO_REFERENCES
from rs_pipeline.products.register import indicators_of_others

HA_A_KM2 = 100.0


def estimate_of(name: str, facts: Facts) -> Estimate:
    """An indicator of units, estimated for a place whose sums are in the facts as those of a unit; areas in ha."""
    indicator = indicators_of_others("places")[name]
    return in_unit(indicator.estimator(facts), HA_A_KM2 if indicator.unit == "km2" else 1.0)


def in_unit(estimate: Estimate, factor: float) -> Estimate:
    """The estimate times a factor, for another unit of measure. Reference samples never correct estimates of places, so ``mapped`` needs no factor."""
    if estimate.interval is None:
        return estimate
    return replace(estimate, interval=estimate.interval.times(factor), spread=estimate.spread and estimate.spread.times(factor))


def as_unit(facts: Facts, zone: str) -> Facts:
    """The facts of a unit's part in a zone, in the form of a unit's facts. The unit must have the zone."""

    def of(label: str) -> Mapping[str, Mapping[str, float]]:
        return facts.zones if label == facts.period else facts.at(label, facts.baseline).zones

    land, label_of = facts["land"] and facts["land"].since(facts.baseline), {year: label for label, year in facts.years.items()}
    if land:
        land = replace(land, zones=_alone(land.zones, zone), base=_alone(land.base, zone), measured_from=None)
    series = [(year, of(label_of[year])) for year, _ in facts.yearly]
    return replace(
        facts,
        zones=_alone(facts.zones, zone),
        base=of(facts.baseline)[zone],
        yearly=[(year, zones[zone]) for year, zones in series if zone in zones],
        references=NO_REFERENCES,
        base_references=NO_REFERENCES,
    ).with_own(land=land)


def _alone(zones: Mapping[str, Mapping[str, float]], zone: str) -> dict[str, Mapping[str, float]]:
    """The sums of the zone under the name ``county``, as facts of a unit have them; empty where the zone is missing."""
    return {"county": zones[zone]} if zone in zones else {}
