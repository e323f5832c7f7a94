"""Verdicts of a run against those that the truth would have had, by the same rules.

A true verdict is clear if it stays the same when the true value is moved either way by the smallest change that a user cares about.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, missing
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.estimation.zones import REGION, Unit
from rs_pipeline.indicators.table import Judge
from rs_pipeline.indicators.targets import Target
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.validation.counties import true_indicators
from rs_pipeline.validation.metrics import ratio
from rs_pipeline.validation.truth import Score, Truth

GOOD, BAD = {"met", "on_track"}, {"not_met", "off_track", "slipping"}

CARED_FOR = {"%": 2.0, "km": 0.2, "x": 0.05, "suspected reaches": 1.0, "%/yr": 0.5, "index": 1.0}
"""The smallest change that a user cares about, by unit of the indicator; of areas see CARED_FOR_SHARE."""

CARED_FOR_SHARE = 0.01
"""The same for areas, as a share of the area of the unit."""


def side(status: str) -> bool | None:
    """Whether a verdict is good; None where nothing is decided."""
    return True if status in GOOD else False if status in BAD else None


@dataclass(frozen=True)
class TrueKnown:
    """Input of `indicators.table.Judge` for a unit, with true values instead of estimates; the value of one period may be moved."""

    values: dict[tuple[str, str, str], float]
    """(indicator, period, baseline), the baseline empty for levels."""
    moved: tuple[str, float] = ("", 0.0)
    """Period whose value is moved, and by how much, in the indicator's unit."""

    def estimate(self, name: str, period: str, baseline: str) -> Estimate:
        value = self.values.get((name, period, baseline if name in INDICATORS and INDICATORS[name].is_change else ""), math.nan)
        if not math.isfinite(value):
            return missing("insufficient_data", "no true value")
        return Estimate(Interval(value + (self.moved[1] if period == self.moved[0] else 0.0)), 1.0)

    def comparable(self, name: str, period: str, other: str) -> bool:
        return True

    def has(self, target_id: str, period: str) -> bool:
        return False


def _true_values(truth: Truth, baselines: dict[str, int], labels: dict[str, int]) -> dict[str, dict[tuple[str, str, str], float]]:
    """The values of `TrueKnown` by unit. ``baselines`` and ``labels`` : label of a period to its year."""
    names = {str(year): label for label, year in labels.items()}
    found: dict[str, dict[tuple[str, str, str], float]] = {}
    for since, year in baselines.items():
        for r in true_indicators(truth, year).itertuples():
            if r.period in names and r.indicator in INDICATORS:
                found.setdefault(r.adcode, {})[r.indicator, names[r.period], since if INDICATORS[r.indicator].is_change else ""] = r.true
    return found


def margin(unit: str, area_km2: float) -> float:
    """The smallest change that a user cares about, in the unit of an indicator; NaN where none is stated."""
    return {**CARED_FOR, "km2": CARED_FOR_SHARE * area_km2, "ha": 100 * CARED_FOR_SHARE * area_km2}.get(unit, math.nan)


def judged_pairs(table: pd.DataFrame, truth: Truth, settings: Settings, targets: list[Target], labels: dict[str, int]) -> Iterator[tuple[str, str, str]]:
    """(target_id, status of the run, true status) of every row that is judged against its target and whose true verdict is clear.

    ``table`` : rows of ``indicators.csv``. ``labels`` : label of each period to its year.
    """
    judge, of_target = Judge(settings, math.inf), {t.target_id: t for t in targets}
    values = _true_values(truth, {b: labels[b] for b in judge.baselines if b in labels}, labels)
    assert truth.units is not None, "scored where the world has units"
    areas = truth.units.to_crs(6933).set_index("adcode").geometry.area / 1e6
    areas = {str(code): area for code, area in areas.items()} | {REGION: float(areas.sum())}
    for r in table[
        (table.status != "no_target") & table.indicator.isin(list(INDICATORS)) & table.target_id.isin(list(of_target)) & table.adcode.isin(list(values))
    ].itertuples():
        least, unit = margin(r.unit, areas[r.adcode]), Unit(r.adcode, r.name, r.prefecture, r.level)
        statuses = [
            judge(of_target[r.target_id], unit, r.indicator, r.period, TrueKnown(values[r.adcode], (r.period, move))).verdict.status
            for move in (-least, 0.0, least)
        ]
        sides = {side(s) for s in statuses}
        if len(sides) == 1 and sides != {None}:
            yield r.target_id, r.status, statuses[1]


def score_verdicts(table: pd.DataFrame, truth: Truth, settings: Settings, targets: list[Target], labels: dict[str, int]) -> list[Score]:
    """Of the clear true verdicts, product ``verdicts``: ``decided_share`` and ``wrong_share`` (of those decided), in %, of all and by target; and
    ``undecidable_share`` of all rows that are judged, clear or not. Empty where the world has no units."""
    if truth.units is None:
        return []
    judged = table[table.status.map(side).notna() | (table.status == "undecidable")]
    scores = [Score("verdicts", "undecidable_share", "all", 100 * ratio((judged.status == "undecidable").sum(), len(judged)), "%", len(judged))]
    pairs = pd.DataFrame(judged_pairs(table, truth, settings, targets, labels), columns=["target_id", "status", "true"])
    for name, group in [("all", pairs), *pairs.groupby("target_id")]:
        decided = group[group.status.map(side).notna()]
        wrong = decided.status.map(side) != decided.true.map(side)
        scores += [
            Score("verdicts", "decided_share", name, 100 * ratio(len(decided), len(group)), "%", len(group)),
            Score("verdicts", "wrong_share", name, 100 * ratio(wrong.sum(), len(decided)), "%", len(decided)),
        ]
    return scores
