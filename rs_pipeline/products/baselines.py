"""The periods that changes are measured from: the run's own, and those of the targets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.inputs.tables import read_table
from rs_pipeline.model import Period
from rs_pipeline.products.register import Pattern, StepContext, products


def target_tables(settings: Settings) -> list[Path]:
    """The run's table of targets, and those that products bring for their own indicators."""
    return [settings.targets_path, *(path for p in products().values() if (path := p.asset("targets.csv")))]


def target_ids(settings: Settings) -> frozenset[str]:
    """Ids of the targets of the run's own table."""
    table = read_table(settings.targets_path, ("target_id",), settings.stated("indicators.targets"))
    return frozenset(table.parsed(lambda row: row.code("target_id")))


def period_years(settings: Settings) -> dict[str, int]:
    """Label to the year that a period ends in, in time order."""
    return {p.label: p.end.year for p in settings.all_periods}


def season(period: Period) -> tuple[int, int, int, int]:
    """(month, day) of the start and of the end: only periods that agree in both are compared. 29 February counts as the 28th.

    >>> season(Period("2024-winter", date(2023, 12, 1), date(2024, 2, 29))) == season(Period("2025-winter", date(2024, 12, 1), date(2025, 2, 28)))
    True
    """
    (_, start, first), (_, end, last) = ((d.year, d.month, d.day) for d in (period.start, period.end))
    return start, min(first, 28) if start == 2 else first, end, min(last, 28) if end == 2 else last


def of_season(period: Period, periods: Iterable[Period]) -> list[Period]:
    """Periods of the same season in any year, including the period itself."""
    return [p for p in periods if season(p) == season(period)]


def days_in(year: int, period: Period) -> int:
    """How many days of the year a period has.

    >>> days_in(2020, Period("2019-2021", date(2019, 1, 1), date(2021, 12, 31)))
    366
    """
    return max(0, (min(period.end, date(year, 12, 31)) - max(period.start, date(year, 1, 1))).days + 1)


def by_nearness(year: int, periods: Iterable[Period]) -> list[str]:
    """Labels of periods: those with most days in the year first, then by distance from it; of two equally near, the earlier first.

    >>> by_nearness(2021, [Period(str(y), date(y, 1, 1), date(y, 12, 31)) for y in (2019, 2020, 2022)])
    ['2020', '2022', '2019']
    """
    return [p.label for p in sorted(periods, key=lambda p: (-days_in(year, p), min(abs(p.start.year - year), abs(p.end.year - year)), p.start))]


def baseline_labels(settings: Settings) -> list[str]:
    """Periods that changes are measured from, in time order: the run's baseline and, for each target and season, the period of the target's baseline year
    or the nearest one."""
    periods, (path, *others) = settings.all_periods, target_tables(settings)
    tables = [read_table(path, ("baseline_year",), settings.stated("indicators.targets")), *(read_table(p, ("baseline_year",)) for p in others)]
    wanted = {year for table in tables for year in table.parsed(lambda row: row.year_or_none("baseline_year")) if year is not None}
    seasons = {season(p): of_season(p, periods) for p in periods}.values()
    found = {settings.baseline_label, *(by_nearness(year, alike)[0] for year in wanted for alike in seasons)}
    return [p.label for p in periods if p.label in found]


def earlier_baselines(settings: Settings, period: str) -> list[Period]:
    """Baselines before a period, of its season."""
    now, found = settings.period(period), baseline_labels(settings)
    return [p for p in of_season(now, settings.all_periods) if p.label in found and p.start < now.start]


def other_baselines(settings: Settings, period: str) -> list[str]:
    """Labels of the baselines before a period, of its season, without the run's own baseline."""
    return [p.label for p in earlier_baselines(settings, period) if p.label != settings.baseline_label]


def with_baselines(place: StepContext) -> list[str]:
    """Labels of the period of a step and of all baselines that its changes are measured from."""
    if place.period not in place.periods or isinstance(place, Pattern):
        return [place.period]
    return list(dict.fromkeys((place.period, place.baseline, *other_baselines(place.settings, place.period))))
