"""The systematic part of the error model, learnt from runs whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from rs_pipeline.config import Settings
from rs_pipeline.estimation.change import change_name, change_spread
from rs_pipeline.estimation.estimate import Estimate, Facts
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.products.land.indicators import ERROR_OF, area
from rs_pipeline.validation.counties import true_indicators
from rs_pipeline.validation.truth import Truth

ERRORS = ("whole", "error", "undecided_sd", "random95", "basis")
"""True less value; the same beyond what was left undecided; root mean square of what was undecided, if it falls anywhere between its ends with the same
chance; half width by the pixels' own errors, not scaled by an earlier table; basis."""

LEAST_WORLDS = 3
"""With fewer worlds the variance between worlds cannot be estimated."""


def observed_errors(settings: Settings, truth: Truth) -> pd.DataFrame:
    """Errors of a run of a simulated world, in the indicator's unit: columns adcode, period, indicator and those of ERRORS.

    Only values whose interval comes from the error model, and whose unit was seen well enough to be scaled to the whole.
    """
    rows = []
    for unit, period, facts in Run.read(settings).facts():
        for name, estimate in _estimates(facts).items():
            if unit.level != "prefecture" and estimate.interval and estimate.spread and estimate.observed_fraction >= settings.indicators.scale_fraction:
                rows.append((unit.adcode, period, name, estimate.interval.value, estimate.spread))
    table = pd.DataFrame(rows, columns=["adcode", "period", "indicator", "value", "spread"])
    table = table.merge(true_indicators(truth, int(settings.baseline_label)), on=["adcode", "period", "indicator"])
    levels = _beyond(table.assign(error=table.true - table.value))
    own = levels[[not s.of_changes for s in levels.spread]]
    return pd.concat([own, _errors_of_changes(levels, settings.baseline_label)], ignore_index=True)[["adcode", "period", "indicator", *ERRORS]]


def _errors_of_changes(levels: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Errors of the change of each level since the baseline: the difference of both years' errors, with the spread of a change (`change_spread`)."""
    levels = levels[~levels.indicator.isin([i.name for i in INDICATORS.values() if i.is_change])]
    levels = levels.assign(error=levels.true - levels.value)
    pairs = levels[levels.period != baseline].merge(levels[levels.period == baseline], on=["adcode", "indicator"], suffixes=("", "_then"))
    spreads = [change_spread(now, then) for now, then in zip(pairs.spread, pairs.spread_then, strict=True)]
    return _beyond(pairs.assign(indicator=pairs.indicator.map(change_name), error=pairs.error - pairs.error_then, spread=spreads))


def _beyond(table: pd.DataFrame) -> pd.DataFrame:
    """The columns ERRORS from the whole error and the column ``spread``."""
    below, above = np.array([s.all_undecided for s in table.spread]).reshape(-1, 2).T
    error = table.error - table.error.clip(-below, above)
    return table.assign(
        whole=table.error,
        error=error,
        undecided_sd=np.sqrt((below**2 - below * above + above**2) / 3),
        random95=[s.pixels95 for s in table.spread],
        basis=[s.basis for s in table.spread],
    )


def _estimates(facts: Facts) -> dict[str, Estimate]:
    """Estimates of all indicators, and of land areas also where the class is recognised too poorly to be published."""
    estimates = {name: estimate_indicator(indicator, facts) for name, indicator in INDICATORS.items()}
    county = facts["land"].zones["county"] if facts["land"] else None
    if county and county["land_observed_m2"] > 0:
        estimates |= {row: area(facts, county, name) for name, row in ERROR_OF.items()}
    return estimates


def systematic_part(table: pd.DataFrame) -> pd.DataFrame:
    """Table of ``config/errors.csv`` from the errors of several worlds (column ``world`` beside those of `observed_errors`).

    Errors divided by their basis, y, have a mean, a variance between worlds and a variance within worlds; every world has the same weight. The
    pixels' own errors, scaled by `_random_seen`, explain a part of the variance within worlds, which is subtracted. The rest gives the 95 %
    prediction interval ``mean -+ h`` of a new world (t distribution; Searle, Casella and McCulloch 1992, sec. 3.6). ``below`` and ``above`` are its
    ends, at least 0, so that a value stays inside its interval. Errors that all simulated worlds share cannot be seen.
    """
    rows = []
    for name, group in table[table.basis > 0].groupby("indicator", sort=False):
        if group.world.nunique() < LEAST_WORLDS:
            continue
        seen = _random_seen(group)
        mean, half = _prediction(group.assign(random95=group.random95 * seen))
        rows.append((name, max(0.0, half - mean), max(0.0, half + mean), group.world.nunique(), len(group), seen))
    return pd.DataFrame(rows, columns=["indicator", "below", "above", "worlds", "values", "random"]).sort_values("indicator", ignore_index=True)


def _random_seen(group: pd.DataFrame) -> float:
    """Factor on the pixels' own errors: root of the mean squared error of the values over the mean square of the random and the undecided parts, at most 1.

    Pixels' errors are propagated as if they were independent between years, methods and places more than 300 m apart; where the total errors are
    smaller than that, their random part must be smaller too. The errors are whole here: those beyond what was undecided are small wherever much was, and
    would say that nothing else errs where nothing was left undecided.
    """
    squares = group.assign(whole2=group.whole**2, random2=(group.random95 / Z95) ** 2, undecided2=group.undecided_sd**2)
    mean = squares.groupby("world")[["whole2", "random2", "undecided2"]].mean().mean()
    return float(min(1.0, np.sqrt(mean.whole2 / (mean.random2 + mean.undecided2)))) if mean.random2 > 0 else 1.0


def _prediction(group: pd.DataFrame) -> tuple[float, float]:
    """Mean and half width of the prediction interval of one indicator's errors, as multiples of the basis."""
    y = group.assign(y=group.error / group.basis, random=(group.random95 / Z95 / group.basis) ** 2).groupby("world")
    means, n = y.y.mean(), y.size()
    within = (y.y.var(ddof=0)).mean()
    between = means.var(ddof=1)
    variance = between * (1 + 1 / len(n)) + max(0.0, within - y.random.mean().mean())
    return float(means.mean()), float(stats.t.ppf(0.975, len(n) - 1) * np.sqrt(variance))
