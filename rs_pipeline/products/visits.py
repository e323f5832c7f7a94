"""Results of field visits to suspected findings, and which findings they confirm or refute."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

import geopandas as gpd
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.cells import code_text, is_missing, narrow
from rs_pipeline.inputs.tables import TableRow, read_table
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.model import Period
from rs_pipeline.products.findings import CONFIRMED, FINDING_KINDS, KNOWN, REFUTED, REMEDIED, known_states, visited_days

CHINESE_COLUMNS = {
    "问题编号": "finding_id",
    "经度": "lon",
    "纬度": "lat",
    "核查日期": "date",
    "日期": "date",
    "是否属实": "found",
    "是否黑臭": "black",
    "类型代号": "kind",
}
"""Names of the form's columns in Chinese to those in English."""

VISIT_COLUMNS = tuple("|".join((name, *(c for c, n in CHINESE_COLUMNS.items() if n in name.split("|")))) for name in ("date", "black|found"))


def middles(geometry: gpd.GeoSeries) -> gpd.GeoSeries:
    """Middle of each line, a point inside each polygon."""
    points = [g.interpolate(0.5, normalized=True) if g.geom_type == "LineString" else g.representative_point() for g in geometry]
    return gpd.GeoSeries(points, index=geometry.index, crs=geometry.crs)


def field_results(settings: Settings) -> gpd.GeoDataFrame | None:
    """Visits as points on WGS 84; None where no table is named.

    Columns: ``period`` (empty outside all periods), ``date``, ``black`` (bool: what was suspected is there), ``finding_id`` and ``kind`` (both empty where
    the table does not say). Left out are rows of a form without day and answer, which were not visited, and its second row, which repeats the column names.

    A visit lies where the known finding of its id lies (`tables.known_findings`), else at its lon and lat. In a row with an id, lon and lat were printed
    on the form and are WGS 84; in other rows inspectors wrote them, in the stated system. A merged cell counts for all its rows.

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
    """Longitude and latitude of a point of each finding of an earlier list, by its id; empty where no list is named."""
    if settings.tables.known_findings is None:
        return {}
    known = load_vector(settings, KNOWN)
    return {name: (point.x, point.y) for name, point in zip(known.finding_id, middles(known.geometry), strict=True)}


def _place(row: TableRow, finding_id: str, crs: str | None) -> tuple[float, float]:
    if finding_id and all(is_missing(row.text(column)) for column in ("lon", "lat")):
        raise row.fault(
            f"there is no place, and the finding {finding_id!r} is not known",
            "finding_id",
            "name the list that it is from in tables.known_findings, or fill in lon and lat",
        )
    return row.place(None if finding_id else crs)


def last_visits(visits: pd.DataFrame, *about: str) -> pd.DataFrame:
    """The last visit for each value of the columns ``about``; of several on one day, one that found what was suspected."""
    return visits.sort_values(["date", "black"]).drop_duplicates(list(about), keep="last")


def confirmed_in(said: Sequence[tuple[date, bool]], period: Period) -> bool:
    """Whether a finding counts as confirmed in a period. ``said``: answers in time order, (day, whether it was there).

    The last answer up to the end of the period decides; in periods before the first answer, the first does. So a confirmed finding counts in earlier
    periods too, a refuted one in none, and a remedied one in the periods before that of the visit that found it gone.

    >>> periods = [Period(str(y), date(y, 1, 1), date(y, 12, 31)) for y in (2022, 2023, 2024)]
    >>> for words in ("yes 2023", "no 2023", "yes 2022, no 2024", "no 2022, yes 2024", "yes 2022, no 2023, yes 2024", "no 2025"):
    ...     said = [(date(int(w.split()[1]), 1, 1), w.startswith("yes")) for w in words.split(", ")]
    ...     print(f"{words:28}", *("yes" if confirmed_in(said, p) else "no" for p in periods))
    yes 2023                     yes yes yes
    no 2023                      no no no
    yes 2022, no 2024            yes yes no
    no 2022, yes 2024            no no yes
    yes 2022, no 2023, yes 2024  yes no yes
    no 2025                      no no no
    """
    until = [found for day, found in said if day <= period.end]
    return until[-1] if until else said[0][1]


def decided_findings(settings: Settings, kinds: Collection[str]) -> gpd.GeoDataFrame:
    """Findings of some kinds in the earlier list that a visit, or that list, confirmed or refuted; empty without a list.

    Columns: ``first_seen``, ``confirmed_<period>`` (bool, see `confirmed_in`) for every period of the run, and geometry on WGS 84.

    Answers come from the visits that name the finding, and from its state in the list on the day of visit there. State remedied means: confirmed before
    that day, gone from it on. Without a day, remedied decides nothing, and any other state counts as older than all visits.

    Raises
    ------
    ConfigError : the list cannot be used. TableError : the visits cannot be used.
    """
    columns = {f"confirmed_{p.label}": p for p in settings.all_periods}
    if settings.tables.known_findings is None:
        none = {"first_seen": pd.Series(dtype="object")} | {name: pd.Series(dtype=bool) for name in columns}
        return gpd.GeoDataFrame(none, geometry=[], crs=4326)
    known = load_vector(settings, KNOWN)
    known = known.assign(state=known_states(known))
    known = known[known.kind.isin(kinds)]
    said = _said(known, field_results(settings))
    known = known[pd.Series([bool(words) for words in said], known.index, dtype=bool)]
    told = {name: pd.Series([confirmed_in(words, period) for words in said if words], known.index, dtype=bool) for name, period in columns.items()}
    return gpd.GeoDataFrame({"first_seen": known.first_seen.map(code_text), **told}, geometry=known.geometry, crs=4326).reset_index(drop=True)


def _said(known: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None) -> list[list[tuple[date, bool]]]:
    """For each finding, (day, answer) of the visits that name it and of the list, in time order; of several answers on one day, True."""
    named = {} if visits is None else {name: list(zip(own.date.dt.date, own.black, strict=True)) for name, own in visits.groupby("finding_id")}
    rows = zip(known.finding_id, known.state, visited_days(known).dt.date, strict=True)
    return [list(dict(sorted([*_of_list(state, day), *named.get(name, [])])).items()) for name, state, day in rows]


def _of_list(state: str, day: date) -> list[tuple[date, bool]]:
    """Answers, (day, whether it was there), that an earlier list gives of a finding. ``day``: its day of visit, NaT where it has none.

    >>> _of_list(REMEDIED, date(2024, 5, 1)), _of_list(REFUTED, pd.NaT), _of_list(REMEDIED, pd.NaT)
    ([(datetime.date(1, 1, 1), True), (datetime.date(2024, 5, 1), False)], [(datetime.date(1, 1, 1), False)], [])
    """
    if state == REMEDIED:
        return [] if pd.isna(day) else [(date.min, True), (day, False)]
    return [(date.min if pd.isna(day) else day, state == CONFIRMED)] if state in (CONFIRMED, REFUTED) else []
