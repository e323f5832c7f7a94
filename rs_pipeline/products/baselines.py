"""The periods that changes are measured from: the run's own, and those of the targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.inputs.tables import read_table
from rs_pipeline.products.register import Pattern, StepContext, products


def target_tables(settings: Settings) -> list[Path]:
    """The run's table of targets, and those that products bring for their own indicators."""
    return [settings.targets_path, *(path for p in products().values() if (path := p.asset("targets.csv")))]


def period_years(settings: Settings) -> dict[str, int]:
    """Label to the year that a period ends in, in time order."""
    return {p.label: p.end.year for p in settings.all_periods}


def by_nearness(year: int, years: Mapping[str, int], labels: Collection[str]) -> list[str]:
    """Labels by their distance from a year, of two that are as near the earlier first.

    >>> by_nearness(2021, {"2019": 2019, "2020": 2020, "2022": 2022}, ["2019", "2020", "2022"])
    ['2020', '2022', '2019']
    """
    return sorted(labels, key=lambda label: (abs(years[label] - year), years[label]))


def baseline_labels(settings: Settings) -> list[str]:
    """Periods that changes are measured from, in time order: the run's baseline, and for each target the one nearest to its baseline year."""
    years = period_years(settings)
    path, *others = target_tables(settings)
    tables = [read_table(path, ("baseline_year",), settings.stated("indicators.targets")), *(read_table(p, ("baseline_year",)) for p in others)]
    wanted = {year for table in tables for year in table.parsed(lambda row: row.year_or_none("baseline_year")) if year is not None}
    found = {settings.baseline_label, *(by_nearness(year, years, years)[0] for year in wanted)}
    return [label for label in years if label in found]


def other_baselines(settings: Settings, period: str) -> list[str]:
    """Those before a period that are not the run's own baseline."""
    years = period_years(settings)
    return [b for b in baseline_labels(settings) if years[b] < years[period] and b != settings.baseline_label]


def with_baselines(place: StepContext) -> list[str]:
    """The period of a step, and all that its changes are measured from."""
    if place.period not in place.periods or isinstance(place, Pattern):
        return [place.period]
    return list(dict.fromkeys((place.period, place.baseline, *other_baselines(place.settings, place.period))))
