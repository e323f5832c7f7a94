"""Results of field visits: each decides the class of its reach in the period of the visit and, once there are enough, they recalibrate the probability."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.cells import is_missing, narrow
from rs_pipeline.inputs.coordinates import UNSHIFT
from rs_pipeline.inputs.tables import TableRow, read_table
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.products.black_odorous.model import ProbabilityCalibration
from rs_pipeline.products.black_odorous.reaches import middles
from rs_pipeline.products.findings import BLACK, FINDING_KINDS

CHINESE_COLUMNS = {"问题编号": "finding_id", "经度": "lon", "纬度": "lat", "核查日期": "date", "日期": "date", "是否属实": "found", "是否黑臭": "black", "类型代号": "kind"}
"""Names of the form's columns in Chinese to those in English."""

VISIT_COLUMNS = tuple("|".join((name, *(c for c, n in CHINESE_COLUMNS.items() if n in name.split("|")))) for name in ("date", "black|found"))

PLATT_REACHES, ISOTONIC_REACHES = 50, 300
"""Visited reaches and periods from which the probability is refitted by two numbers, and by a free rising curve."""

MIN_OF_EACH = 5
"""Fewer confirmed or refuted ones do not tell a slope."""


def field_results(settings: Settings) -> gpd.GeoDataFrame | None:
    """Visits as points on WGS 84 with ``period`` (empty outside all periods), ``date``, ``black`` (bool: what was suspected is there), ``finding_id`` and ``kind``
    (empty where the table does not say); None where no table is named. Rows of a form without day and answer were not visited, and
    its second row has the names of the columns again.

    A visit stands where the finding of its id does (`tables.known_findings`), else at its lon and lat. Beside an id they are those that the form brought along, on
    WGS 84, whatever system is stated for places that inspectors write. Cells that were merged count for all their rows.

    Raises
    ------
    TableError : a column is missing or there twice, or a row holds no place, day or answer, or an unknown kind.
    """
    path, stated = settings.tables.field_results, settings.stated("tables.field_results")
    if path is None:
        return None
    table = read_table(path, VISIT_COLUMNS, stated, fill_merged=True)
    english = tuple(CHINESE_COLUMNS.get(name, name) for name in table.header)
    if twice := sorted({name for name in english if name and english.count(name) > 1}):
        same = [name for name, meant in zip(table.header, english, strict=True) if meant in twice]
        raise TableError(f"columns of one meaning: {', '.join(same)}", where=str(path), remedy="remove all but one, or rename the others")
    table = replace(table, header=english)
    answer = next(name for name in ("black", "found") if name in table.header)
    places = _known_places(settings) if "finding_id" in table.header else {}

    def parse(row: TableRow) -> tuple | None:
        if row.text("date") == "date" or (is_missing(row.text("date")) and is_missing(row.text(answer))):
            return None
        name = "" if is_missing(row.text("finding_id")) else narrow(row.text("finding_id"))
        kind = "" if is_missing(row.text("kind")) else row.text("kind") if name else row.one_of("kind", FINDING_KINDS)
        return (*(places.get(name) or _place(row, name, stated.crs)), row.day("date"), row.truth(answer), name, kind)

    rows = [row for row in table.parsed(parse) if row]
    lon, lat, days, black, names, kinds = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [], [], [])
    periods = settings.all_periods
    period = [next((p.label for p in periods if d in p), "") for d in days]
    columns = {"period": pd.Series(period, dtype="object"), "date": pd.to_datetime(pd.Series(days, dtype="object")), "black": pd.Series(black, dtype=bool)}
    columns |= {"finding_id": pd.Series(names, dtype="object"), "kind": pd.Series(kinds, dtype="object")}
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(lon, lat), crs=4326)


def _known_places(settings: Settings) -> dict[str, tuple[float, float]]:
    """Longitude and latitude of a point of each finding of an earlier list by its id; empty where none is named."""
    if settings.tables.known_findings is None:
        return {}
    known = load_vector(settings, "tables.known_findings")
    return {name: (point.x, point.y) for name, point in zip(known.finding_id, middles(known.geometry), strict=True)}


def _place(row: TableRow, finding_id: str, crs: str | None) -> tuple[float, float]:
    if finding_id and all(is_missing(row.text(column)) for column in ("lon", "lat")):
        raise row.fault(
            f"there is no place, and the finding {finding_id!r} is not known", "finding_id", "name the list that it is from in tables.known_findings, or fill in lon and lat"
        )
    return row.place(None if finding_id else crs)


def of_reaches(visits: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """Those visits that are about black-odorous water: all that name no finding and no kind of another sort."""
    if visits is None:
        return None
    of_black = visits.finding_id.str.startswith(f"{FINDING_KINDS[BLACK]}-") | (visits.finding_id == "")
    return visits[of_black & visits.kind.isin(["", BLACK])].reset_index(drop=True)


def shifted_visits(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> str:
    """The Chinese coordinate system that the visits are in, to judge by the reaches that they meet, in words; empty where they meet reaches as they are,
    or in no system."""
    if visits is None or visits.empty or table.empty or len(_near(table, visits, distance_m)):
        return ""
    for name, back in UNSHIFT.items():
        places = back(visits.get_coordinates().to_numpy())
        moved = visits.set_geometry(gpd.points_from_xy(*places.T), crs=4326)
        if found := len(_near(table, moved, distance_m)):
            return f"no visit lies within {distance_m:g} m of a reach, but {found} of {len(visits)} would if their places were {name}: state inputs.tables.field_results.crs: {name}"
    return ""


def visited(table: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> np.ndarray:
    """``confirmed``, ``refuted`` or empty for each row a reach and period, str (n,): the last visit of the period within the distance decides, of
    several on that day one that found black-odorous water. A visit says nothing of other periods."""
    result = pd.Series("", table.index)
    if visits is None or visits.empty or table.empty:
        return result.to_numpy()
    near = _near(table, visits, distance_m)
    last = near.sort_values(["date", "black"]).drop_duplicates(["reach_id", "period"], keep="last").set_index(["reach_id", "period"]).black
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
    """Slope and intercept by maximum likelihood, with Platt's (1999) targets, which keep few labels from certainty."""
    from scipy.optimize import minimize  # heavy, and the check at the start reads visits too

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
    from scipy.optimize import isotonic_regression

    order = np.argsort(log_odds, kind="stable")
    rising = isotonic_regression(black[order].astype("float64")).x
    return np.where(table.log_odds.isna(), np.nan, np.interp(table.log_odds, log_odds[order], rising))
