"""Results of field visits: each decides the class of its reach in the period of the visit and, once there are enough, they recalibrate the probability."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.inputs.coordinates import UNSHIFT
from rs_pipeline.products.black_odorous.model import ProbabilityCalibration
from rs_pipeline.products.findings import BLACK, FINDING_KINDS
from rs_pipeline.products.visits import last_visits

PLATT_REACHES, ISOTONIC_REACHES = 50, 300
"""Least visited reaches and periods to refit the probability by slope and intercept (Platt 1999), and by a free rising curve (isotonic regression)."""

MIN_OF_EACH = 5
"""Least confirmed, and least refuted, ones for a refit."""


def of_reaches(visits: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """The visits about black-odorous water: all that name neither a finding nor a kind of another sort."""
    if visits is None:
        return None
    of_black = visits.finding_id.str.startswith(f"{FINDING_KINDS[BLACK]}-") | (visits.finding_id == "")
    return visits[of_black & visits.kind.isin(["", BLACK])].reset_index(drop=True)


def shifted_visits(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> str:
    """A message that names the Chinese coordinate system in which the visits lie near reaches; empty where they lie near reaches as they are, or in
    no system."""
    if visits is None or visits.empty or table.empty or len(_near(table, visits, distance_m)):
        return ""
    for name, back in UNSHIFT.items():
        places = back(visits.get_coordinates().to_numpy())
        moved = visits.set_geometry(gpd.points_from_xy(*places.T), crs=4326)
        if found := len(_near(table, moved, distance_m)):
            return f"no visit lies within {distance_m:g} m of a reach, but {found} of {len(visits)} would if their places were {name}: state inputs.tables.field_results.crs: {name}"
    return ""


def visited(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> np.ndarray:
    """``confirmed``, ``refuted`` or empty for each row (reach and period), str (n,): the last visit of the period within the distance decides, of
    several on that day one that found black-odorous water. A visit does not count in other periods."""
    result = pd.Series("", table.index)
    if visits is None or visits.empty or table.empty:
        return result.to_numpy()
    near = _near(table, visits, distance_m)
    last = last_visits(near, "reach_id", "period").set_index(["reach_id", "period"]).black
    found = last.reindex(pd.MultiIndex.from_frame(table[["reach_id", "period"]])).to_numpy()
    return np.select([found == True, found == False], ["confirmed", "refuted"], "")  # noqa: E712 (found may be NaN)


def decided(classes: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Class of each row after its visit, str (n,): a confirmed reach is suspected and a refuted one clear, whatever the satellite calls it.

    >>> decided(np.array(["not_assessable", "suspected", "possible"]), np.array(["confirmed", "refuted", ""])).tolist()
    ['suspected', 'clear', 'possible']
    """
    return np.select([field == "confirmed", field == "refuted"], ["suspected", "clear"], classes)


def without_reach(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> str:
    """How many visits decide no reach, and why, in words; empty where each decides one."""
    if visits is None or visits.empty:
        return ""
    outside = visits.period == ""
    near = visits.index.isin(_near(table, visits, distance_m).index) if len(table) else np.zeros(len(visits), bool)
    why = {"on a day outside all periods": outside, f"farther than {distance_m:g} m from any reach or pond": ~outside & ~near}
    return "; ".join(f"{which.sum()} of {len(visits)} visits decide no reach: {words}" for words, which in why.items() if which.any())


def _near(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame, distance_m: float) -> gpd.GeoDataFrame:
    """Visits with the reach_id of the nearest reach, of those within the distance of one."""
    places = table.drop_duplicates("reach_id")[["reach_id", "geometry"]]
    return visits.to_crs(table.crs).sjoin_nearest(places, max_distance=distance_m)


def fit_platt(log_odds: np.ndarray, black: np.ndarray, fitted_on: str) -> ProbabilityCalibration:
    """Slope and intercept by maximum likelihood, with Platt's (1999) targets, which avoid certainty from few labels."""
    from scipy.optimize import minimize  # slow to import, and the check at the start imports this module

    n1, n0 = int(black.sum()), int((~black).sum())
    target = np.where(black, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def loss(p: np.ndarray) -> float:
        z = p[0] * log_odds + p[1]
        return float((np.logaddexp(0, z) - target * z).sum())

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    return ProbabilityCalibration(float(slope), float(intercept), n1 / (n1 + n0), fitted_on)


def recalibrated(table: pd.DataFrame) -> np.ndarray | None:
    """Probability of each row, float64 (n,), fitted on the visited ones; None where too few were visited.

    Inspectors visit suspected reaches, so the result holds for an inspection list, not for all reaches.
    """
    known = (table.field != "").to_numpy() & table.log_odds.notna().to_numpy()
    log_odds, black = table.log_odds.to_numpy()[known], (table.field == "confirmed").to_numpy()[known]
    if len(black) < PLATT_REACHES or min(black.sum(), (~black).sum()) < MIN_OF_EACH:
        return None
    if len(black) < ISOTONIC_REACHES:
        return fit_platt(log_odds, black, "field results").probability(table.log_odds)
    from scipy.optimize import isotonic_regression

    order = np.argsort(log_odds, kind="stable")
    rising = isotonic_regression(black[order].astype("float64")).x
    return np.where(table.log_odds.isna(), np.nan, np.interp(table.log_odds, log_odds[order], rising))
