"""Bare ground of spring in settlements against the truth, by unit and month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rs_pipeline.products.calendar import SPRING_MONTHS
from rs_pipeline.validation.counties import true_units
from rs_pipeline.validation.metrics import interval_coverage, ratio
from rs_pipeline.validation.truth import Score, Truth

SETTLED = "settlement_bare_"
"""How the names of the indicators begin; the month follows."""


def true_bare(settled: np.ndarray, truth: Truth) -> pd.DataFrame:
    """True bare ground, ha, inside the settlements that a run draws: adcode, period (the year), indicator, true; a row a unit (and the region), year and month.
    Empty in worlds without such a truth.

    ``settled`` : bool (h, w) on the truth's grid.
    """
    rows = [
        (place.adcode, str(year), f"{SETTLED}{month}", place.total(np.where(settled, share, 0)) / 1e4)
        for place in (true_units(truth) if settled.any() else [])
        if place.total(settled) > 0
        for year in truth.years
        for month, share in truth.bare(year).items()
    ]
    return pd.DataFrame(rows, columns=["adcode", "period", "indicator", "true"])


def score_dust(found: pd.DataFrame, settled: np.ndarray, truth: Truth) -> list[Score]:
    """Error of the area of bare ground in settlements, product ``dust``, by month and of ``all``; empty without a truth.

    ``area_error`` is the sum of absolute errors over units, the region and years in % of the sum of true areas, ``area_bias`` that of the signed errors,
    ``coverage`` the percentage of true areas inside the range, ``width`` the sum of the ranges' widths in % of the true areas.

    Parameters
    ----------
    found : adcode, period (the year), indicator, value and, for ranges, lower and upper; ha. settled : bool (h, w) on the truth's grid.
    """
    table = found.astype({"adcode": str, "period": str}).merge(true_bare(settled, truth), on=["adcode", "period", "indicator"])
    table = table[np.isfinite(table.value)].drop_duplicates(["adcode", "period", "indicator"])
    if table.empty:
        return []
    subsets = {"all": table} | {month: table[table.indicator == SETTLED + month] for month in SPRING_MONTHS}
    return [score for subset, rows in subsets.items() for score in _scores(subset, rows)]


def _scores(subset: str, rows: pd.DataFrame) -> list[Score]:
    error, amount, n = rows.value - rows.true, float(rows.true.sum()), len(rows)
    scores = [
        Score("dust", "area_error", subset, 100 * ratio(error.abs().sum(), amount), "%", n),
        Score("dust", "area_bias", subset, 100 * ratio(error.sum(), amount), "%", n),
    ]
    if "lower" in rows:
        scores += [
            Score("dust", "coverage", subset, 100 * interval_coverage(rows.lower, rows.upper, rows.true), "%", n),
            Score("dust", "width", subset, 100 * ratio((rows.upper - rows.lower).sum(), amount), "%", n),
        ]
    return scores
