"""Results of field visits: they confirm or refute suspicions and, once there are enough, recalibrate the probability."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression, minimize

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.products.black_odorous.model import ProbabilityCalibration

VISIT_COLUMNS = ("lon", "lat", "date", "black")

PLATT_REACHES, ISOTONIC_REACHES = 50, 300
"""Visited reaches and periods from which the probability is refitted by two numbers, and by a free rising curve."""

MIN_OF_EACH = 5
"""Fewer confirmed or refuted ones do not tell a slope."""


def field_results(settings: Settings) -> gpd.GeoDataFrame | None:
    """Visits as points with ``period`` (empty outside all periods) and ``black`` (bool); None where no table is named.

    Raises
    ------
    TableError : a column is missing, or a row holds no place, day or answer.
    """
    path = settings.tables.field_results
    if path is None:
        return None
    remedy = f"give the columns {', '.join(VISIT_COLUMNS)}: degrees, YYYY-MM-DD, 1 for black-odorous or 0"
    table = pd.read_csv(path, encoding="utf-8-sig", dtype=str)
    if lacking := [c for c in VISIT_COLUMNS if c not in table]:
        raise TableError(f"the field results lack the columns {lacking}", where=str(path), remedy=remedy)
    lon, lat = (pd.to_numeric(table[c], errors="coerce") for c in ("lon", "lat"))
    day = pd.to_datetime(table.date, format="%Y-%m-%d", errors="coerce")
    wrong = ~(lon.between(-180, 180) & lat.between(-90, 90)) | day.isna() | ~table.black.isin(["0", "1"])
    if wrong.any():
        raise TableError(f"{int(wrong.sum())} of {len(table)} field results cannot be read, the first in line {int(np.argmax(wrong)) + 2}", where=str(path), remedy=remedy)
    period = [next((p.label for p in settings.all_periods if d.date() in p), "") for d in day]
    return gpd.GeoDataFrame({"period": period, "date": day, "black": table.black == "1"}, geometry=gpd.points_from_xy(lon, lat), crs=4326)


def visited(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> np.ndarray:
    """``confirmed``, ``refuted`` or empty for each row a reach and period, str (n,): the last visit of the period within the distance decides."""
    result = pd.Series("", table.index)
    if visits is None or visits.empty or table.empty:
        return result.to_numpy()
    places = table.drop_duplicates("reach_id")[["reach_id", "geometry"]]
    near = visits.to_crs(table.crs).sjoin_nearest(places, max_distance=distance_m)
    last = near.sort_values("date").drop_duplicates(["reach_id", "period"], keep="last").set_index(["reach_id", "period"]).black
    found = last.reindex(pd.MultiIndex.from_frame(table[["reach_id", "period"]])).to_numpy()
    return np.select([found == True, found == False], ["confirmed", "refuted"], "")  # noqa: E712 (found may be NaN)


def fit_platt(log_odds: np.ndarray, black: np.ndarray, fitted_on: str) -> ProbabilityCalibration:
    """Slope and intercept by maximum likelihood, with Platt's (1999) targets, which keep few labels from certainty."""
    n1, n0 = int(black.sum()), int((~black).sum())
    target = np.where(black, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def loss(p: np.ndarray) -> float:
        z = p[0] * log_odds + p[1]
        return float((np.logaddexp(0, z) - target * z).sum())

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    return ProbabilityCalibration(float(slope), float(intercept), n1 / (n1 + n0), fitted_on)


def recalibrated(table: pd.DataFrame) -> np.ndarray | None:
    """Probability of each row after the visited ones, float64 (n,); None where too few were visited.

    Visits go where suspicion is, so the result is that of an inspection list, not of all reaches.
    """
    known = (table.field != "").to_numpy() & table.log_odds.notna().to_numpy()
    log_odds, black = table.log_odds.to_numpy()[known], (table.field == "confirmed").to_numpy()[known]
    if len(black) < PLATT_REACHES or min(black.sum(), (~black).sum()) < MIN_OF_EACH:
        return None
    if len(black) < ISOTONIC_REACHES:
        return fit_platt(log_odds, black, "field results").probability(table.log_odds)
    order = np.argsort(log_odds, kind="stable")
    rising = isotonic_regression(black[order].astype("float64")).x
    return np.where(table.log_odds.isna(), np.nan, np.interp(table.log_odds, log_odds[order], rising))
