"""Whether what was not observed is reported as missing: no number without an observation, no county value that must be withheld."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rs_pipeline.validation.metrics import ratio
from rs_pipeline.validation.truth import Score


def score_missing_pixels(product: str, values: np.ndarray, observations: np.ndarray, least: int = 1) -> list[Score]:
    """Scores of one band, product ``missing``.

    ``without_observation``: share of the numbers that rest on no observation; must be 0. ``told_missing``: share of the pixels with
    fewer than ``least`` observations that are NaN; must be 100.

    Parameters
    ----------
    product : name of the subset.
    values : float32 (h, w), NaN where missing. observations : how many dates or months each pixel was seen; NaN counts as none.
    """
    number, seen = np.isfinite(values), np.nan_to_num(observations)
    few = seen < least
    return [
        Score("missing", "without_observation", product, 100 * ratio((number & (seen == 0)).sum(), number.sum()), "%", int(number.sum())),
        Score("missing", "told_missing", product, 100 * ratio((few & ~number).sum(), few.sum()), "%", int(few.sum())),
    ]


def score_missing_counties(indicators: pd.DataFrame, least_fraction: Mapping[str, float] | float) -> list[Score]:
    """Scores of the table of indicators, product ``missing``.

    ``withheld``: share of rows observed to less than the least fraction that have no value; must be 100. ``without_reason``: share of
    empty values that neither their reason nor their status explains; must be 0.

    Parameters
    ----------
    indicators : columns indicator, value, observed_fraction, status, reason.
    least_fraction : below it a value must be withheld; one number, or one by indicator (other indicators are ignored).
    """
    if isinstance(least_fraction, Mapping):
        least = indicators.indicator.map(least_fraction)
    else:
        least = pd.Series(least_fraction, indicators.index)
    low = indicators[indicators.observed_fraction < least]
    empty = indicators[indicators.value.isna()]
    unexplained = (empty.reason.fillna("") == "") | (empty.status.fillna("") == "")
    return [
        Score("missing", "withheld", "county values", 100 * ratio(low.value.isna().sum(), len(low)), "%", len(low)),
        Score("missing", "without_reason", "county values", 100 * ratio(unexplained.sum(), len(empty)), "%", len(empty)),
    ]
