"""Step ``indicators``: the table of indicators. One row a unit (and the region), period, indicator and target; nothing is left out."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

import pandas as pd
import pyarrow as pa

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator
from rs_pipeline.estimation.uncertainty import KINDS, Interval
from rs_pipeline.estimation.zones import REGION, Unit
from rs_pipeline.indicators.evidence import evidence_in_parts
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.status import CHANGE_OPERATORS, Verdict, judge
from rs_pipeline.indicators.targets import Target, run_targets, run_values
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.layout import Layout
from rs_pipeline.provinces import load_province
from rs_pipeline.storage.tables import csv_in_parts, parquet_in_parts

log = logging.getLogger(__name__)

INDICATOR_COLUMNS = (
    "adcode", "name", "prefecture", "period", "indicator", "value", "unit", "lower", "upper", "interval", "observed_fraction",
    "n_scenes", "status", "target_id", "target_operator", "target_value", "target_year", "clause", "observability", "reason",
)  # fmt: skip

NUMBER_COLUMNS = {
    "value": "float64", "lower": "float64", "upper": "float64", "observed_fraction": "float64", "target_value": "float64", "n_scenes": "int64",
    "target_year": "Int64", "clause": "Int64",
}  # fmt: skip
"""Types of the columns that are no texts."""

ROWS_AT_ONCE = 20_000
"""Of the table; with what each rests on they take some 100 MB."""

WHOLE_PROVINCE = 0.97
"""A run of less than this share of the province's land cannot be held to a provincial total."""

NEEDS = {
    "pv": "a map of solar panels, which this version does not make",
    "redline": "red-line polygons",
    "reserve": "boundaries of the reserves",
    "erosion": "rain, soil and slope tables, which this version does not read",
    "wq": "water-quality measurements",
    "lst": "a surface-temperature map, which this version does not make",
}
"""What a target's product would take, beside the official value."""

Key = tuple[str, str, str]
"""(adcode, indicator name or target id, period)."""


PLACES = {
    "villages": "polygons of the villages",
    "habitat polygons": "polygons of the habitats",
    "zones": "polygons of the zones",
    "Baiyangdian": "the monthly class of the water sections (lake_water_area and lake_plant_cover are what the satellite sees)",
}
"""What a target's scope would take: places that the counties do not give."""


def needs(target: Target) -> str:
    """What must be supplied before a target without indicator can be judged."""
    wants = dict.fromkeys(NEEDS[p] for p in target.product if p in NEEDS)
    wants |= dict.fromkeys(words for place, words in PLACES.items() if target.scope.startswith(place))
    return "; ".join([*(f"needs {w}" for w in wants), "give the official value in tables.values", target.caveat])


def provincial_total(target: Target) -> bool:
    """The number is an amount of the whole province, so that no county has a share of it to be held to."""
    return target.scope == "province" and target.operator in (">=", ">") and target.unit in ("km2", "GW", "count")


class Judge:
    """Knows the years of the periods and the values of a unit in all of them, and so can compare and look back."""

    def __init__(self, settings: Settings, values: dict[Key, Interval], area_km2: float):
        self.years = {p.label: p.end.year for p in settings.all_periods}
        self.baseline = settings.baseline_label
        self.values = values
        self.is_province = area_km2 >= WHOLE_PROVINCE * load_province(settings.province).area_km2

    def __call__(self, target: Target, key: Key, *, is_change: bool, supplied: bool) -> Verdict:
        adcode, name, period = key
        notes = []
        if target.scope.startswith("Xiong'an") and adcode != REGION:
            return Verdict("no_target", "the number is the whole New Area's, this is a part of it")
        if provincial_total(target):
            if adcode != REGION:
                return Verdict("no_target", "the number is the province's total")
            if not (self.is_province or supplied):
                return Verdict("no_target", "the number is the province's total and the run covers only a part")
        elif target.scope.startswith("province") and adcode != REGION:
            notes.append("a province-wide number, read for one county")
        baseline = self.baseline if is_change else self._baseline_of(target)
        if target.operator in CHANGE_OPERATORS:
            if self.years[period] <= self.years[baseline]:
                return Verdict("insufficient_data", f"changes are measured from {baseline} on")
            if target.baseline_year not in (None, self.years[baseline]):
                notes.append(f"measured from {baseline}, the target's baseline is {target.baseline_year}")
        history = [
            (year, self.values[adcode, name, label].value)
            for label, year in self.years.items()
            if year <= self.years[period] and (adcode, name, label) in self.values
        ]
        verdict = judge(
            target, self.values[key], self.years[period], then=self.values.get((adcode, name, baseline)), is_change=is_change, history=history
        )
        return replace(verdict, reason=joined([verdict.reason, *notes]))

    def _baseline_of(self, target: Target) -> str:
        """Label of the period of the target's baseline year; the run's baseline where there is none."""
        return next((label for label, year in self.years.items() if year == target.baseline_year), self.baseline)


def joined(parts: Iterable[str]) -> str:
    return "; ".join(p for p in parts if p)


def _origin(estimate: Estimate, indicator: Indicator | None) -> tuple[str, ...]:
    """Where the bounds come from: reference samples, or the parts of the error model in words and numbers."""
    if indicator is None or "reference samples" in estimate.reason:
        return (estimate.reason,)
    return indicator.bounds, estimate.spread.words() if estimate.spread else ""


def _row(unit: Unit, period: str, n_scenes: int, name: str, unit_of_value: str, estimate: Estimate, target: Target | None, verdict: Verdict) -> dict:
    found = estimate.interval or Interval(math.nan)
    indicator = INDICATORS.get(name)
    proxy = f"proxy: {target.caveat}" if target and target.observability == "proxy" and estimate.interval else ""
    return {
        "adcode": unit.adcode, "name": unit.name, "prefecture": unit.prefecture, "period": period,
        "indicator": name, "value": found.value, "unit": unit_of_value, "lower": found.lower, "upper": found.upper, "interval": found.kind,
        "observed_fraction": estimate.observed_fraction, "n_scenes": n_scenes, "status": verdict.status,
        "target_id": target.target_id if target else "", "target_operator": target.operator if target else "",
        "target_value": target.value if target else None, "target_year": target.target_year if target else None,
        "clause": target.clause if target else None, "observability": target.observability if target else "",
        "reason": joined([estimate.reason, verdict.reason, proxy]),
        "origin": joined([KINDS[found.kind], *_origin(estimate, indicator)]) if found.kind else "",
    }  # fmt: skip


def _indicator_rows(unit: Unit, period: str, n_scenes: int, estimates: dict[Key, Estimate], targets: list[Target], judged: Judge) -> Iterator[dict]:
    for name, indicator in INDICATORS.items():
        key = (unit.adcode, name, period)
        estimate = estimates[key]
        for target in [t for t in targets if name in t.indicator] or [None]:
            if estimate.interval is None:
                verdict = Verdict(estimate.status)
            elif target is None:
                verdict = Verdict("no_target")
            else:
                verdict = judged(target, key, is_change=indicator.is_change, supplied=False)
            yield _row(unit, period, n_scenes, name, indicator.unit, estimate, target, verdict)


def _target_rows(unit: Unit, period: str, n_scenes: int, targets: list[Target], supplied: dict[Key, Interval], judged: Judge) -> Iterator[dict]:
    """Rows of the targets that no indicator answers, and of official values; these rows carry the target's id as indicator."""
    for target in targets:
        key = (unit.adcode, target.target_id, period)
        if key in supplied:
            estimate = Estimate(supplied[key], math.nan, "", "official value")
            verdict = judged(target, key, is_change=False, supplied=True)
        elif target.indicator:
            continue
        elif target.observability == "not_observable":
            estimate, verdict = Estimate(None, 0.0), Verdict("not_observable", target.caveat)
        else:
            estimate, verdict = Estimate(None, 0.0), Verdict("needs_table", needs(target))
        yield _row(unit, period, n_scenes, target.target_id, target.unit, estimate, target, verdict)


def parts(run: Run, targets: list[Target], supplied: dict[Key, Interval], rows_at_once: int = ROWS_AT_ONCE) -> Iterator[pd.DataFrame]:
    """The table of indicators with INDICATOR_COLUMNS and ``origin`` (of the interval), ordered by unit (region last), period, indicator, target;
    whole units at a time, until there are ``rows_at_once``: a unit is judged by its own values alone, and memory does not grow with the product."""
    official: dict[str, dict[Key, Interval]] = defaultdict(dict)
    for key, value in supplied.items():
        official[key[0]][key] = value
    judged, rows = Judge(run.settings, {}, run.area_km2), []
    for unit, of_periods in groupby(run.facts(), key=itemgetter(0)):
        rows += _unit_rows(run, unit, of_periods, targets, official[unit.adcode], judged)
        if len(rows) >= rows_at_once or unit == run.units[-1]:
            yield _table(rows)
            rows = []


def build(run: Run, targets: list[Target], supplied: dict[Key, Interval]) -> pd.DataFrame:
    """All `parts` in one."""
    return pd.concat(parts(run, targets, supplied), ignore_index=True)


def _unit_rows(
    run: Run, unit: Unit, of_periods: Iterable[tuple[Unit, str, Facts]], targets: list[Target], supplied: dict[Key, Interval], judged: Judge
) -> Iterator[dict]:  # fmt: skip
    estimates = {
        (unit.adcode, name, period): estimate_indicator(indicator, facts) for _, period, facts in of_periods for name, indicator in INDICATORS.items()
    }
    judged.values = {key: a.interval for key, a in estimates.items() if a.interval is not None} | supplied
    for period in run.settings.all_periods:
        n_scenes = len(run.scenes[unit.adcode, period.label])
        yield from _indicator_rows(unit, period.label, n_scenes, estimates, targets, judged)
        yield from _target_rows(unit, period.label, n_scenes, targets, supplied, judged)


def _table(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*INDICATOR_COLUMNS, "origin"])
    texts = [c for c in table if c not in NUMBER_COLUMNS]
    return table.astype(dict.fromkeys(texts, "str") | NUMBER_COLUMNS)


def _supplied(settings: Settings, run: Run) -> dict[Key, Interval]:
    """Official values of this run's units and periods; others in the table are named in the log."""
    values = run_values(settings)
    codes, labels = {u.adcode for u in run.units}, {p.label for p in settings.all_periods}
    mine = {(a, t, p): v for (a, p, t), v in values.items() if a in codes and p in labels}
    if len(mine) < len(values):
        log.warning("%d of %d official values are of units or periods outside this run", len(values) - len(mine), len(values))
    return mine


def indicators(settings: Settings) -> None:
    """Write ``indicators.csv``, ``indicators.parquet`` and ``evidence.parquet``.

    Values are in ``unit``; missing ones are empty (CSV) or NaN (Parquet). ``observed_fraction`` is 0-1, 0 where nothing was measured and
    empty for official values. A target that no indicator answers has a row whose ``indicator`` is the target's id.

    Raises
    ------
    TableError : county statistics are missing, or a table of targets or values cannot be used.
    """
    targets = run_targets(settings)
    run = Run.read(settings)
    layout = Layout(settings.root)
    with csv_in_parts(layout.indicators) as as_csv, parquet_in_parts(layout.indicators_parquet) as as_parquet, evidence_in_parts(run) as as_evidence:
        for part in parts(run, targets, _supplied(settings, run)):
            as_evidence(part)
            table = part[list(INDICATOR_COLUMNS)]
            as_parquet(pa.Table.from_pandas(table, preserve_index=False))
            as_csv(table)
