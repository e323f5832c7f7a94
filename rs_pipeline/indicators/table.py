"""Step ``indicators``: the table of indicators. One row per unit (also prefectures and the region), period, indicator and target; none is left out."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Protocol

import pandas as pd
import pyarrow as pa

from rs_pipeline.config import Settings
from rs_pipeline.estimation.change import change_between, comparable
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing
from rs_pipeline.estimation.uncertainty import KINDS, Interval
from rs_pipeline.estimation.zones import Unit
from rs_pipeline.indicators.evidence import evidence_in_parts
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.status import CHANGE_OPERATORS, Verdict, judge, pace, slope_said
from rs_pipeline.indicators.supplied import Key, supplied_values
from rs_pipeline.indicators.targets import Target, run_targets
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.inputs.outside import counts
from rs_pipeline.layout import Layout
from rs_pipeline.products.baselines import baseline_labels, by_nearness, days_in, of_season, period_years
from rs_pipeline.provinces import load_province
from rs_pipeline.storage.tables import csv_in_parts, parquet_in_parts

log = logging.getLogger(__name__)

INDICATOR_COLUMNS = (
    "adcode", "name", "prefecture", "period", "indicator", "value", "unit", "lower", "upper", "interval", "observed_fraction",
    "n_scenes", "status", "target_id", "target_operator", "target_value", "target_year", "clause", "observability", "reason", "level", "baseline",
    "detection_limit", "slope_per_year", "slope_lower", "slope_upper",
)  # fmt: skip

NUMBER_COLUMNS = {
    "value": "float64", "lower": "float64", "upper": "float64", "observed_fraction": "float64", "target_value": "float64", "n_scenes": "int64",
    "target_year": "Int64", "clause": "Int64", "detection_limit": "float64", "slope_per_year": "float64", "slope_lower": "float64", "slope_upper": "float64",
}  # fmt: skip
"""Data types of the columns that are not text."""

ROWS_AT_ONCE = 20_000
"""Rows of the table that are computed and written at once; with their evidence they take about 100 MB."""

WHOLE_PROVINCE = 0.97
"""Least share of the province's land that a run must cover to be judged by a provincial total."""

NEEDS = {"pm25": "a raster of other satellites (tables.rasters)", "wq": "water-quality measurements"}
"""Product of a target to the data it would need, besides the official value."""

PLACES = {"Baiyangdian": "the monthly class of the water sections (lake_water_area and lake_plant_cover are what the satellite sees)"}
"""Scope of a target (a place that is no unit) to the data it would need."""


def needs(target: Target) -> str:
    """What must be supplied before a target without indicator can be judged."""
    wants = dict.fromkeys(NEEDS[p] for p in target.product if p in NEEDS)
    wants |= dict.fromkeys(words for place, words in PLACES.items() if target.scope.startswith(place))
    listed = ["list what it counts in tables.lists"] if counts(target.unit) else []
    return "; ".join([*(f"needs {w}" for w in wants), *listed, "give the official value in tables.values", target.caveat])


def provincial_total(target: Target) -> bool:
    """Whether the number is a total of the whole province, by which no county can be judged."""
    return target.scope == "province" and target.operator in (">=", ">") and target.unit in ("km2", "GW", "count")


@dataclass(frozen=True)
class Measured:
    """A value, its baseline, and the verdict on it."""

    estimate: Estimate
    verdict: Verdict
    baseline: str = ""
    """Label of the period that a change, or the target's change, is measured from; empty for a plain level."""
    least: float = math.nan
    """Detection limit: the smallest amount or change that can be distinguished from zero."""


class Estimates(Protocol):
    """Interface of the values of a unit for `Judge`: `Known`, or the truth of a simulated world."""

    def estimate(self, name: str, period: str, baseline: str, /) -> Estimate: ...

    def comparable(self, name: str, period: str, other: str) -> bool: ...

    def has(self, target_id: str, period: str) -> bool: ...


class Known:
    """The values of one unit: estimates for all its periods and any baseline, computed on demand and cached."""

    def __init__(self, facts: dict[str, Facts], official: dict[tuple[str, str], Estimate]):
        """``facts`` : by period. ``official`` : supplied values (`indicators.supplied`), by target id and period."""
        self._official = official
        self._facts = facts
        self._of = cache(lambda period, baseline: facts[period].since(baseline))
        self.estimate = cache(self._estimate)

    def _estimate(self, name: str, period: str, baseline: str) -> Estimate:
        """Estimate of an indicator, with changes measured from ``baseline``, or the supplied value of a target id."""
        if name not in INDICATORS:
            return self._official.get((name, period)) or missing("insufficient_data", "no official value in this period")
        return estimate_indicator(INDICATORS[name], self._of(period, baseline))

    def comparable(self, name: str, period: str, other: str) -> bool:
        """Whether the values of two periods may be compared: not where the indicator needs equal pixel sizes and those of the periods differ."""
        return name not in INDICATORS or not INDICATORS[name].of_one_pixel or self._facts[period].as_fine(other)

    def has(self, target_id: str, period: str) -> bool:
        """Whether a value is supplied for the target and period."""
        return self.given(target_id, period) and self._official[target_id, period].interval is not None

    def given(self, target_id: str, period: str) -> bool:
        """Whether there is a supplied estimate, even if it has only a reason and no value."""
        return (target_id, period) in self._official


class Judge:
    """Judges the values of units by targets; knows the periods and the baselines from which changes are measured."""

    def __init__(self, settings: Settings, area_km2: float, today: date | None = None):
        """``today`` : periods that end on this day or later are not over; default the current date."""
        self.settings = settings
        self.today = today or date.today()
        self.years = period_years(settings)
        self.periods = {p.label: p for p in settings.all_periods}
        self.own_baseline = settings.baseline_label
        self.baselines = baseline_labels(settings)
        self.is_province = area_km2 >= WHOLE_PROVINCE * load_province(settings.province).area_km2
        self._alike = cache(lambda period: of_season(self.periods[period], self.periods.values()))

    def since(self, indicator: Indicator | None) -> str:
        """Label of the period from which an indicator without a target is measured: a trend from the first period, a change from the run's baseline."""
        return next(iter(self.periods)) if indicator and indicator.of_all_periods else self.own_baseline

    def __call__(self, target: Target, unit: Unit, name: str, period: str, known: Estimates) -> Measured:
        """Judge a value by a target. ``name`` : the indicator, or the target's id for its official value."""
        indicator, year = INDICATORS.get(name), self.years[period]
        is_change, is_trend = indicator is not None and indicator.is_change, indicator is not None and indicator.of_all_periods
        plain = self.since(indicator)
        as_it_is = Measured(known.estimate(name, period, plain), Verdict(""), plain if is_change else "")
        compares = target.operator in CHANGE_OPERATORS and not is_change
        if (target.baseline_year and year < target.baseline_year) or ((compares or is_change) and period == self._of_baseline_year(target, period)):
            return _unless_asked_for(as_it_is, Verdict("no_target", f"the target is measured from {target.baseline_year} on"))
        earlier = self._trend_start(target, period) if is_trend else self._earlier(target, period) if compares or is_change else [plain]
        if not earlier:
            return _unless_asked_for(as_it_is, Verdict("insufficient_data", self._no_baseline(target, period)))
        coarser = self._other_pixels(name, period, known)
        if (compares or is_change) and not is_trend and not (earlier := [label for label in earlier if known.comparable(name, period, label)]):
            return _unless_asked_for(as_it_is, Verdict("insufficient_data", coarser))
        if is_trend and not is_change and earlier != [plain]:
            return _unless_asked_for(
                as_it_is, Verdict("insufficient_data", f"the value is of all periods, the target is measured from {target.baseline_year} on")
            )
        base = self._seen(earlier, lambda label: known.estimate(name, *((period, label) if is_change else (label, plain))))
        estimate = known.estimate(name, period, base if is_change else plain)
        measured = Measured(estimate, Verdict(estimate.status), base if compares or is_change else "")
        if estimate.interval is None:
            of_all = is_trend and as_it_is.estimate.interval is not None
            return (
                replace(as_it_is, verdict=Verdict(estimate.status, joined([f"since {base}: {estimate.reason}; the value is of all periods", coarser])))
                if of_all
                else measured
            )
        if no := self._not_held(target, unit, name, period, known):
            return replace(measured, verdict=no)
        change = None if is_change else self._change(estimate, known.estimate(name, base, plain))
        least = indicator.least(self.settings) if indicator and indicator.least else 0.0
        slope = self._pace(target, name, period, base if is_change and not is_trend else "", known)
        if estimate.no_level and target.operator not in CHANGE_OPERATORS:
            return replace(
                measured,
                verdict=Verdict("no_target", joined([estimate.no_level, f"it changes by {slope_said(slope, target.unit)} a year" if slope else ""]), slope),
            )
        over = self._is_over(period)
        verdict = judge(
            target,
            estimate.interval,
            year,
            change=change,
            slope=slope,
            least=least,
            is_change=is_change,
            over=over,
            often_missed=indicator is not None and indicator.often_missed,
        )
        open_period = "" if over else f"the period is not over, it ends on {self.periods[period].end}"
        as_fine = known.comparable(name, period, self._of_baseline_year(target, period))
        elsewhere = self._elsewhere(target, base, as_fine) if measured.baseline else ""
        notes = [open_period, verdict.reason, elsewhere, coarser, self._one_for_all(target, unit)]
        return replace(measured, verdict=replace(verdict, reason=joined(notes)), least=least if least > 0 else math.nan)

    def _is_over(self, period: str) -> bool:
        return self.periods[period].end < self.today

    def _of_baseline_year(self, target: Target, period: str) -> str:
        """Label of the period with the same season as ``period`` in the target's baseline year; empty where there is none."""
        year = target.baseline_year
        return next(iter(by_nearness(year, [p for p in self._alike(period) if days_in(year, p)])), "") if year else ""

    def _other_pixels(self, name: str, period: str, known: Estimates) -> str:
        """Earlier periods of the same season with which the indicator is not compared because of their pixel size, in words; empty where there are none."""
        others = [p.label for p in self._alike(period) if p.start < self.periods[period].start and not known.comparable(name, period, p.label)]
        return f"not compared with {', '.join(others)}, seen with other pixels than {period}" if others else ""

    def _earlier(self, target: Target, period: str) -> list[str]:
        """Earlier periods of the same season from which the target's change may be measured, the best first."""
        before = [p for p in self._alike(period) if p.label in self.baselines and p.start < self.periods[period].start]
        if target.baseline_year is not None:
            return by_nearness(target.baseline_year, before)
        return [p.label for p in before if p.label == self.own_baseline]

    def _trend_start(self, target: Target, period: str) -> list[str]:
        """First period of the target's trend, of the same season as ``period``: the first that ends in the baseline year or later."""
        if target.baseline_year is None:
            return [next(iter(self.periods))]
        return [p.label for p in self._alike(period) if p.end.year >= target.baseline_year][:1]

    def _no_baseline(self, target: Target, period: str) -> str:
        """Why there is no period from which the target's change could be measured."""
        best = [p for p in self._alike(period) if p.label in self.baselines]
        first = by_nearness(target.baseline_year, best)[0] if target.baseline_year else self.own_baseline
        now, one_season = self.periods[period], len(self._alike(period)) == len(self.periods)
        other = "" if one_season else f"none of those before this period has its season, {now.start:%m-%d} to {now.end:%m-%d}"
        return joined([f"changes are measured from {first} on", other])

    def other_season(self, since: str, period: str) -> str:
        """Note that a value is measured from a period of another season; empty where it is not."""
        return "" if self.periods[since] in self._alike(period) else f"measured from {since}, which is of another season"

    @staticmethod
    def _seen(labels: list[str], estimate: Callable[[str], Estimate]) -> str:
        """The first label whose estimate has a value, else the first label."""
        return next((label for label in labels if estimate(label).interval is not None), labels[0])

    def _elsewhere(self, target: Target, base: str, as_fine: bool) -> str:
        """Note that the change is not measured from the target's own baseline; empty where it is. ``as_fine`` : whether the baseline's pixel size, if it was
        observed, is the same."""
        year = target.baseline_year
        if year is None or days_in(year, self.periods[base]):
            return ""
        if any(days_in(year, p) for p in self._alike(base)):
            why = "was not observed here" if as_fine else "was seen with other pixels"
        else:
            why = "is not among the periods" + (" of this season" if any(days_in(year, p) for p in self.periods.values()) else "")
        return f"measured from {base}: {year}, the target's baseline, {why}"

    @staticmethod
    def _change(now: Estimate, then: Estimate) -> Interval | None:
        return None if then.interval is None else change_between(now, then)

    def _pace(self, target: Target, name: str, period: str, base: str, known: Estimates) -> Interval | None:
        """Pace of a level up to this period, or of a change since its baseline ``base``. None where the target's year is not ahead."""
        ahead = target.target_year is not None and (self.years[period] < target.target_year or not self._is_over(period))
        if not ahead or target.operator in CHANGE_OPERATORS:
            return None
        first = self.years[base] if base else (target.baseline_year or -math.inf)
        labels = [p.label for p in self._alike(period) if first <= self.years[p.label] and p.start <= self.periods[period].start and p.label != base]
        labels = [label for label in labels if known.comparable(name, period, label)]
        found = {label: e for label in labels if (e := known.estimate(name, label, base or self.own_baseline)).interval is not None}
        found = {label: e for label, e in zip(found, comparable(list(found.values())), strict=True) if e.interval is not None}
        history: list[tuple[float, Interval]] = [(self.years[label], e.interval) for label, e in found.items() if e.interval is not None]
        if base:
            return pace([(self.years[base], Interval(INDICATORS[name].at_baseline)), *history])
        if len(found) < 2:
            return None
        earliest, *_, latest = found.values()
        return pace(history, change_between(latest, earliest))

    def _not_held(self, target: Target, unit: Unit, name: str, period: str, known: Estimates) -> Verdict | None:
        """Verdict where the target's number does not apply to this row; None where it does."""
        if name in INDICATORS and INDICATORS[name].is_evidence:
            return Verdict("no_target", "evidence beside what the target counts: it gets no verdict")
        if name in INDICATORS and (nearer := self._nearer(target, name, period, known)):
            return Verdict("no_target", f"judged by {nearer}")
        if target.scope.startswith("Xiong'an") and unit.level != "region":
            return Verdict("no_target", "the number is the whole New Area's, this is a part of it")
        if provincial_total(target):
            if unit.level != "region":
                return Verdict("no_target", "the number is the province's total")
            if not (self.is_province or known.has(name, period)):
                return Verdict("no_target", "the number is the province's total and the run covers only a part")
        return None

    def _nearer(self, target: Target, name: str, period: str, known: Estimates) -> str:
        """What judges the target in this unit and period instead of an indicator: the official value, or the first indicator with a value of those that the
        table of targets names before it; empty if none does."""
        if known.has(target.target_id, period):
            return "the official value"
        before = target.indicator[: target.indicator.index(name)]
        return next((i for i in before if known.estimate(i, period, self.since(INDICATORS[i])).interval is not None), "")

    @staticmethod
    def _one_for_all(target: Target, unit: Unit) -> str:
        if target.scope.startswith("province") and unit.level != "region":
            return f"a province-wide number, read for one {unit.level}"
        return ""


def _unless_asked_for(measured: Measured, verdict: Verdict) -> Measured:
    """With the verdict; but where there is no value for want of a table, that is what the row says: no period would have one."""
    asked = measured.estimate.interval is None and measured.estimate.status == "needs_table"
    return replace(measured, verdict=Verdict("needs_table") if asked else verdict)


def joined(parts: Iterable[str]) -> str:
    return "; ".join(p for p in parts if p)


def _origin(estimate: Estimate, indicator: Indicator | None) -> tuple[str, ...]:
    """Origin of the bounds: reference samples, or the parts of the error model, in words."""
    if indicator is None or estimate.mapped:
        return (estimate.reason,)
    return indicator.bounds, estimate.spread.words() if estimate.spread else ""


def _row(unit: Unit, period: str, n_scenes: int, name: str, unit_of_value: str, measured: Measured, target: Target | None) -> dict:
    estimate, verdict = measured.estimate, measured.verdict
    found, slope = estimate.interval or Interval(math.nan), verdict.slope or Interval(math.nan)
    indicator = INDICATORS.get(name)
    proxy = f"proxy: {target.caveat}" if target and target.observability == "proxy" and estimate.interval else ""
    return {
        "adcode": unit.adcode,
        "name": unit.name,
        "prefecture": unit.prefecture,
        "period": period,
        "indicator": name,
        "value": found.value,
        "unit": unit_of_value,
        "lower": found.lower,
        "upper": found.upper,
        "interval": found.kind,
        "observed_fraction": estimate.observed_fraction,
        "n_scenes": n_scenes,
        "status": verdict.status,
        "target_id": target.target_id if target else "",
        "target_operator": target.operator if target else "",
        "target_value": target.value if target else None,
        "target_year": target.target_year if target else None,
        "clause": target.clause if target else None,
        "observability": target.observability if target else "",
        "reason": joined([estimate.reason, verdict.reason, proxy]),
        "level": unit.level,
        "baseline": measured.baseline,
        "detection_limit": measured.least,
        "slope_per_year": slope.value,
        "slope_lower": slope.lower,
        "slope_upper": slope.upper,
        "origin": joined([KINDS[found.kind], *_origin(estimate, indicator)]) if found.kind else "",
    }


def _indicator_rows(unit: Unit, period: str, n_scenes: int, known: Known, targets: list[Target], judged: Judge) -> Iterator[dict]:
    for name, indicator in INDICATORS.items():
        mine = [t for t in targets if name in t.indicator]
        for target in mine:
            yield _row(unit, period, n_scenes, name, indicator.unit, judged(target, unit, name, period, known), target)
        if not mine:
            since = judged.since(indicator)
            estimate = known.estimate(name, period, since)
            said = judged.other_season(since, period) if indicator.is_change and not indicator.of_all_periods else ""
            verdict = Verdict("no_target", said) if estimate.interval else Verdict(estimate.status)
            yield _row(unit, period, n_scenes, name, indicator.unit, Measured(estimate, verdict, since if indicator.is_change else ""), None)


def _target_rows(unit: Unit, period: str, n_scenes: int, targets: list[Target], known: Known, judged: Judge) -> Iterator[dict]:
    """Rows of targets without an indicator, and of supplied values; in these rows ``indicator`` is the target's id."""
    for target in targets:
        if known.given(target.target_id, period):
            measured = judged(target, unit, target.target_id, period, known)
        elif target.indicator:
            continue
        else:
            measured = Measured(Estimate(None, 0.0), unanswered(target))
        yield _row(unit, period, n_scenes, target.target_id, target.unit, measured, target)


def unanswered(target: Target) -> Verdict:
    """The verdict that says why no indicator measures a target."""
    if target.observability == "not_observable":
        return Verdict("not_observable", target.caveat)
    if target.observability == "needs_outside_table":
        return Verdict("needs_table", needs(target))
    return Verdict("not_built", joined(["this version makes no such map", "an official value in tables.values is judged", target.caveat]))


def parts(run: Run, targets: list[Target], supplied: dict[Key, Estimate], rows_at_once: int = ROWS_AT_ONCE) -> Iterator[pd.DataFrame]:
    """The table of indicators with INDICATOR_COLUMNS and ``origin`` (of the interval), ordered by unit (prefectures after counties, the region last),
    period, indicator, target. It comes in parts of whole units with about ``rows_at_once`` rows: a unit is judged by its own values alone, so memory does
    not grow with the number of units."""
    official: dict[str, dict[tuple[str, str], Estimate]] = defaultdict(dict)
    for (adcode, name, period), value in supplied.items():
        official[adcode][name, period] = value
    judged = Judge(run.settings, run.area_km2)
    rows: list[dict] = []
    for unit, of_periods in groupby(run.facts(), key=itemgetter(0)):
        rows += _unit_rows(run, unit, Known({period: facts for _, period, facts in of_periods}, official[unit.adcode]), targets, judged)
        if len(rows) >= rows_at_once or unit == run.units[-1]:
            yield _table(rows)
            rows = []


def build(run: Run, targets: list[Target], supplied: dict[Key, Estimate]) -> pd.DataFrame:
    """The whole table: all `parts` joined."""
    return pd.concat(parts(run, targets, supplied), ignore_index=True)


def _unit_rows(run: Run, unit: Unit, known: Known, targets: list[Target], judged: Judge) -> Iterator[dict]:
    for period in run.settings.all_periods:
        n_scenes = len(run.scenes[unit.adcode, period.label])
        yield from _indicator_rows(unit, period.label, n_scenes, known, targets, judged)
        yield from _target_rows(unit, period.label, n_scenes, targets, known, judged)


def _table(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*INDICATOR_COLUMNS, "origin"])
    texts = [c for c in table if c not in NUMBER_COLUMNS]
    return table.astype(dict.fromkeys(texts, "str") | NUMBER_COLUMNS)


def indicators(settings: Settings) -> None:
    """Write ``indicators.csv``, ``indicators.parquet`` and ``evidence.parquet``.

    Values are in ``unit``; missing ones are empty (CSV) or NaN (Parquet). ``observed_fraction`` is 0-1, 0 where nothing was measured and
    empty for official values. A target without an indicator has a row whose ``indicator`` is the target's id.

    Raises
    ------
    TableError : county statistics are missing, or a table of targets or values cannot be used.
    """
    targets = run_targets(settings)
    run = Run.read(settings)
    layout = Layout(settings.root)
    with csv_in_parts(layout.indicators) as as_csv, parquet_in_parts(layout.indicators_parquet) as as_parquet, evidence_in_parts(run) as as_evidence:
        for part in parts(run, targets, supplied_values(settings)):
            as_evidence(part)
            table = part[list(INDICATOR_COLUMNS)]
            as_parquet(pa.Table.from_pandas(table, preserve_index=False))
            as_csv(table)
