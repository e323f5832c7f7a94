"""How the suspicion of a reach changed from one period to the next."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.config import BlackOdorousSection
from rs_pipeline.products.black_odorous.season import month_number, season_logit

RESAMPLES = 200
"""Bootstrap samples of the dates of a season."""

ACCUSED = ("suspected", "possible")


def add_change(table: gpd.GeoDataFrame, days: pd.DataFrame, section: BlackOdorousSection) -> gpd.GeoDataFrame:
    """Add ``change``, ``log_odds_change`` and its 95 % interval ``change_lower``, ``change_upper`` to each row (reach and period).

    ``log_odds_change`` is that of `season.season_logit`, the evidence of the dates alone: width and place do not change with the season.
    ``change`` is ``new`` where a suspicion follows a clear season, ``worse`` or ``better`` where the interval leaves out 0, and
    ``eliminated`` where a suspicion was followed by two seasons with a probability below ``eliminated_probability``. Both seasons need
    enough dates, or a visit (``field``) that decided them: then the visit decides the change (``new``, or ``better`` where it is clear after a
    suspicion), and a refuted season counts as below that probability, a confirmed one never. A reach without suspicion has no change. The interval is
    a bootstrap over the dates (Efron 1979), for seasons that the satellite saw.

    Parameters
    ----------
    table : sorted by reach and period. days : one row per reach, period and day, with ``logit``.
    """
    rng, kinds = np.random.default_rng(0), table["class"].to_numpy()
    reach, enough, field = table.reach_id.to_numpy(), (table.n_dates >= section.min_reach_dates).to_numpy(), table.field.to_numpy()
    known, visited, accused = enough | (field != ""), field != "", np.isin(kinds, ACCUSED)
    calm = (enough & (table.probability < section.eliminated_probability).to_numpy() & (field != "confirmed")) | (field == "refuted")
    seasons = dict(tuple(days[days.logit.notna()].groupby(["reach_id", "period"])))
    change, numbers = np.full(len(table), "", object), np.full((len(table), 3), np.nan)
    for i in range(1, len(table)):
        if reach[i - 1] != reach[i] or not (known[i - 1] and known[i]):
            continue
        if i > 1 and reach[i - 2] == reach[i] and accused[i - 2] and calm[i - 1] and calm[i]:
            change[i] = "eliminated"
        if not (accused[i - 1] or accused[i]):
            continue
        if enough[i - 1] and enough[i]:
            before, now = (seasons[reach[k], table.period.iloc[k]] for k in (i - 1, i))
            numbers[i] = _changed(before, now, rng)
            _, lower, upper = numbers[i]
            change[i] = "worse" if lower > 0 else "better" if upper < 0 else ""
        if visited[i - 1] or visited[i]:
            change[i] = "better" if kinds[i] == "clear" else ""
        if kinds[i - 1] == "clear":
            change[i] = "new"
    return table.assign(change=change.astype(str), log_odds_change=numbers[:, 0], change_lower=numbers[:, 1], change_upper=numbers[:, 2])


def _changed(before: pd.DataFrame, now: pd.DataFrame, rng: np.random.Generator) -> tuple[float, float, float]:
    """Change of the season's log-odds, and 2.5 and 97.5 % of it."""
    seen, drawn = [], []
    for dates in (before, now):
        month, logit = month_number(dates.day), dates.logit.to_numpy()
        seen.append(season_logit(month, logit))
        drawn.append([season_logit(month[k], logit[k]) for k in rng.integers(0, len(logit), (RESAMPLES, len(logit)))])
    lower, upper = np.percentile(np.subtract(drawn[1], drawn[0]), [2.5, 97.5])
    return seen[1] - seen[0], float(lower), float(upper)
