"""Tide heights from a table, mean high water springs, and the window around the level that shorelines are drawn at.

Lines are not shifted by a slope correction (waterline + tide / tan beta), because the slope of a flat coast is not known. Instead,
reflectance is read at the level before a line is drawn, see `rs_kernels.composite.refl_at_tide`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from rs_pipeline.config import CoastlineSection, InputSection, Settings, coast_of, time_zone
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.cells import degrees_of, is_missing, number_of
from rs_pipeline.inputs.coordinates import to_wgs84
from rs_pipeline.inputs.tables import NOTHING_STATED, InputTable, no_place, read_table

log = logging.getLogger(__name__)

TIDE_KEY = "coastline.tide_table"
TIDE_COLUMNS = ("time_utc", "station", "lon", "lat", "height_m")
TIME_COLUMNS = ("time_utc", "time", "time_local", "datetime")
HEIGHT_FACTORS = {"height_m": 1.0, "height_cm": 0.01}
"""Column of heights to the length of its unit in metres."""
OFFSET = r"(?:[Zz]|[+-]\d\d:?\d\d|\+\d\d)$"
"""End of a time that states its offset from UTC."""
FILL = frozenset(
    float(text) for text in ("99", "99.9", "99.99", "99.999", "999", "999.9", "999.99", "999.999", "9999", "9999.9", "9999.99", "99999", "32767", "32768")
)
"""Numbers that stand for a missing height, whatever their sign."""
MAX_HEIGHT_M = 12.0
"""No tide is this far from its mean: the largest, in the Bay of Fundy, has a range of 16 m."""
DATUM_RECORDS, DATUM_SHARE = 24, 0.25
"""Least records to estimate the mean of a tide. A mean further from 0 than this share of its range shows another datum."""
FAR_DEG = 3.0
"""A station further from the units does not represent their coast."""
MAX_GAP_S = 3 * 3600.0
"""Between records further apart no height is interpolated: a semidiurnal tide turns within that time."""
SAME_TIME_S = 600.0
"""A record this near is taken as it is, however far the next."""
LUNAR_DAY_S = 24.84 * 3600
"""Holds two high waters where the tide is semidiurnal, one where it is diurnal."""
SPRING_NEAP_DAYS = 13
"""Lunar days of the window, centred on a spring tide, in which it has the greatest range; successive spring tides are 14.3 lunar days apart."""
LEAD_S = 3 * 3600.0
"""Successive high waters are further apart than twice this."""
YEAR_OF_SPRINGS = 24
"""The mean of fewer spring tides does not represent a year, because those at the equinoxes are higher."""


class StationTide:
    """Heights at one station.

    Parameters
    ----------
    seconds : float (n,), seconds since 1970 UTC, rising. height_m : float (n,), above mean sea level.
    """

    def __init__(self, seconds: np.ndarray, height_m: np.ndarray):
        self.seconds, self.height_m = seconds, height_m

    @property
    def range_m(self) -> float:
        """Highest less lowest height of the whole table of the station."""
        return float(self.height_m.max() - self.height_m.min())

    def height_at(self, when: datetime) -> float:
        """Height, linear in time; NaN outside the table and in its gaps."""
        t = when.timestamp()
        right = int(np.searchsorted(self.seconds, t))
        left = right - 1
        if self._bracketed(left, right):
            return float(np.interp(t, self.seconds[left : right + 1], self.height_m[left : right + 1]))
        nearest = min((k for k in (left, right) if 0 <= k < self.seconds.size), key=lambda k: abs(self.seconds[k] - t))
        return float(self.height_m[nearest]) if abs(self.seconds[nearest] - t) <= SAME_TIME_S else float("nan")

    def _bracketed(self, left: int, right: int) -> bool:
        return left >= 0 and right < self.seconds.size and self.seconds[right] - self.seconds[left] <= MAX_GAP_S

    def near(self, level_m: float, heights_m: np.ndarray, window: float) -> np.ndarray:
        """bool: heights within ``window`` times the range of a level (Bishop-Taylor et al. 2021); NaN is False."""
        return np.abs(heights_m - level_m) <= window * self.range_m

    def spring_high_waters(self) -> np.ndarray:
        """Mean high water of each spring tide, float (k,), metres above mean sea level.

        A spring tide is the lunar day of the greatest range within SPRING_NEAP_DAYS, all of them without a gap of more than MAX_GAP_S. The mean
        over a year is mean high water springs: "the average throughout the year of two successive high waters during those periods of 24 hours
        when the range of the tide is at its greatest" (Admiralty Tide Tables). A high water is the highest of LEAD_S to either side, so that neither noise nor
        rounding makes one.
        """
        h, gap = self.height_m, np.diff(self.seconds, prepend=-np.inf, append=np.inf) > MAX_GAP_S
        around = pd.Series(h, pd.to_timedelta(self.seconds, unit="s")).rolling(pd.Timedelta(2 * LEAD_S, "s"), center=True, closed="both").max().to_numpy()
        leads = (h == around) & (np.r_[-np.inf, h[:-1]] < h)
        day = ((self.seconds - self.seconds[0]) // LUNAR_DAY_S).astype(int)
        table = pd.DataFrame({"height": h, "high_water": np.where(leads, h, np.nan), "broken": gap[:-1] | gap[1:]})
        days = table.groupby(day).agg(top=("height", "max"), low=("height", "min"), high_water=("high_water", "mean"), broken=("broken", "any"))
        days = days.where(~days.broken).reindex(range(day[-1] + 1))
        spread_m = days.top - days.low
        spring = spread_m == spread_m.rolling(SPRING_NEAP_DAYS, center=True).max()
        return days.high_water[spring].dropna().to_numpy("float64")


def read_tide(path: Path, lon: float, lat: float, stated: InputSection = NOTHING_STATED, zone: str | None = None, msl_m: float | None = None) -> StationTide:
    """The station of the table that is nearest to a place; parameters as `tide_records`.

    Raises
    ------
    TableError : as `tide_records`.
    """
    return nearest_station(tide_records(path, stated, zone, msl_m), lon, lat)


def nearest_station(table: pd.DataFrame, lon: float, lat: float) -> StationTide:
    """The station nearest to a place, of `tide_records`."""
    east = (table.lon - lon) * np.cos(np.radians(lat))
    nearest = table.station.iloc[int(np.argmin(np.hypot(east, table.lat - lat)))]
    rows = table[table.station == nearest].sort_values("seconds")
    return StationTide(rows.seconds.to_numpy(), rows.height_m.to_numpy())


def _table_of(coast: CoastlineSection) -> Path:
    assert coast.tide_table is not None, "asked for where a tide table is given"
    return coast.tide_table


def tide_of(settings: Settings, lon: float, lat: float) -> StationTide:
    """The run's tide at the station nearest to a place."""
    coast = coast_of(settings)
    return read_tide(_table_of(coast), lon, lat, settings.stated(TIDE_KEY), coast.tide_time_zone, coast.tide_msl_m)


def reference_level_m(settings: Settings, tide: StationTide) -> float:
    """Height above mean sea level that shorelines are drawn at, metres: 0, or mean high water springs (coastline.level).

    Raises
    ------
    TableError : the table holds no spring tide.
    """
    if coast_of(settings).level == "msl":
        return 0.0
    springs_m = tide.spring_high_waters()
    if not springs_m.size:
        raise TableError(
            "the tide table does not tell mean high water springs: no spring tide lies in it without gaps",
            where=str(coast_of(settings).tide_table),
            remedy="give hourly heights of a year (rs-pipeline tides makes them), or set coastline.level: msl",
        )
    return float(springs_m.mean())


def tide_records(path: Path, stated: InputSection = NOTHING_STATED, zone: str | None = None, msl_m: float | None = None) -> pd.DataFrame:
    """The records of a tide table: ``seconds`` since 1970 UTC, ``station``, ``lon``, ``lat`` on WGS 84, ``height_m`` above mean sea level.

    Times are in column ``time_utc``, or in another of TIME_COLUMNS where they carry an offset or ``zone`` is given; heights are in ``height_m`` or
    ``height_cm``. Records with a fill value are left out, with a warning.

    Parameters
    ----------
    zone : of times without an offset, see coastline.tide_time_zone. msl_m : mean sea level above the zero of the heights, metres.

    Raises
    ------
    TableError : the table cannot be read, lacks columns, holds invalid times or numbers, two heights of one time, or heights that are
        not metres above mean sea level.
    """
    table = read_table(path, ("|".join(TIME_COLUMNS), *TIDE_COLUMNS[1:4], "|".join(HEIGHT_FACTORS)), stated)
    time, height = (next(c for c in names if c in table.header) for names in (TIME_COLUMNS, HEIGHT_FACTORS))
    if not table.cells:
        raise TableError("the tide table is empty", where=str(path), remedy=f"needed are {', '.join(TIDE_COLUMNS)}; heights in metres above mean sea level")
    numbers = {c: _numbers(table, c, degrees_of if c != height else number_of, needed=c != height) for c in ("lon", "lat", height)}
    places = to_wgs84(np.column_stack([numbers["lon"], numbers["lat"]]), stated.crs)
    found = pd.DataFrame(
        {
            "seconds": _seconds(table, time, zone),
            "station": table.column("station"),
            "lon": places[:, 0],
            "lat": places[:, 1],
            "height_m": numbers[height] * HEIGHT_FACTORS[height],
            "row": table.numbers,
        }
    )
    _check_places(found, path)
    found = _once(_without_fill(found, HEIGHT_FACTORS[height], path), path)
    _check_unit(found, path)
    found["height_m"] -= msl_m or 0.0
    _check_datum(found, path, msl_m)
    return found


def _numbers(table: InputTable, column: str, read: Callable[[str], float], *, needed: bool = True) -> np.ndarray:
    """A column of numbers, float64; NaN where one is missing and not ``needed``."""
    texts = table.column(column)
    try:
        return np.array(texts, "float64") if all(texts) else _slowly(table, column, texts, read, needed)
    except ValueError:
        return _slowly(table, column, texts, read, needed)


def _slowly(table: InputTable, column: str, texts: Sequence[str], read: Callable[[str], float], needed: bool) -> np.ndarray:
    known = {}
    for text in dict.fromkeys(texts):
        try:
            known[text] = np.nan if is_missing(text) and not needed else read(text)
        except ValueError as fault:
            row = table.numbers[texts.index(text)]
            raise TableError(str(fault), where=f"{table.path}, row {row}, column {column}", remedy="write a plain number with a decimal point") from None
    return np.array([known[t] for t in texts], "float64")


def _seconds(table: InputTable, column: str, zone: str | None) -> np.ndarray:
    """Seconds since 1970 UTC of a column of times, float64."""
    texts = pd.Series(table.column(column), dtype="object").str.strip()
    aware = texts.str.contains(OFFSET)
    if not aware.all() and zone is None and column != "time_utc":
        row = table.numbers[int(np.argmin(aware))]
        raise TableError(
            f"the time zone of {column} is not known",
            where=f"{table.path}, row {row}, column {column}",
            remedy="state coastline.tide_time_zone, such as Asia/Shanghai; or name the column time_utc",
        )
    local = _times(texts[~aware], utc=False).dt.tz_localize(time_zone(zone or "UTC"), ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    times = pd.concat([_times(texts[aware], utc=True), local]).sort_index()
    if times.isna().any():
        at = int(np.argmax(times.isna()))
        raise TableError(
            f"{texts[at]!r} is not a time", where=f"{table.path}, row {table.numbers[at]}, column {column}", remedy="write times as 2024-05-01T02:50:00Z"
        )
    return times.dt.as_unit("ns").astype("int64").to_numpy() / 1e9


def _times(texts: pd.Series, *, utc: bool) -> pd.Series:
    """Times, datetime64[ns]; NaT where one cannot be read."""
    found = pd.to_datetime(texts, utc=utc, errors="coerce", format="ISO8601")
    if (bad := found.isna()).any():
        plain = texts[bad].str.replace(r"[/年月]", "-", regex=True).str.replace("日", " ")
        loose = pd.to_datetime(plain, utc=utc, errors="coerce", format="mixed", yearfirst=True)
        days = pd.to_numeric(plain.where(plain.str.fullmatch(r"\d{5}(\.\d+)?")), errors="coerce")
        excel = pd.to_datetime(days, unit="D", origin="1899-12-30", utc=utc).dt.round("s")
        found[bad] = loose.where(plain.str.match(r"\d{4}-")).fillna(excel)
    return found.dt.as_unit("ns")


def _check_places(table: pd.DataFrame, path: Path) -> None:
    inside = table.lon.between(-180, 180) & table.lat.between(-90, 90)
    if not inside.all():
        first = table[~inside].iloc[0]
        what, remedy = no_place(first.lon, first.lat)
        raise TableError(what, where=f"{path}, row {first.row}, column lon", remedy=remedy)


def _without_fill(table: pd.DataFrame, factor: float, path: Path) -> pd.DataFrame:
    """The records with a height. A fill value is a number of FILL beyond any tide."""
    fill = table.height_m.abs().div(factor).round(6).isin(FILL) & (table.height_m.abs() > MAX_HEIGHT_M)
    if fill.any():
        values = ", ".join(f"{v:g}" for v in sorted(set((table.height_m[fill] / factor).round(6))))
        log.warning("%s: %d records hold %s and are missing, the first in row %d", path, int(fill.sum()), values, int(table.row[fill].iloc[0]))
    empty = table.height_m.isna()
    if empty.any():
        log.warning("%s: %d records have no height, the first in row %d", path, int(empty.sum()), int(table.row[empty].iloc[0]))
    known = table[~fill & ~empty].copy()
    if known.empty:
        raise TableError("the tide table has no height", where=str(path), remedy="give heights in metres above mean sea level")
    return known


def _once(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Each time of a station once.

    Raises
    ------
    TableError : two heights of one time.
    """
    table = table.drop_duplicates(["station", "seconds", "height_m"])
    twice = table.duplicated(["station", "seconds"])
    if twice.any():
        raise TableError(
            "a second height of one station and time", where=f"{path}, row {table.row[twice].iloc[0]}, column height_m", remedy="keep one of the rows"
        )
    return table


def _check_unit(table: pd.DataFrame, path: Path) -> None:
    beyond = (table.height_m - table.height_m.median()).abs() > MAX_HEIGHT_M
    if beyond.any():
        first = table[beyond].iloc[0]
        raise TableError(
            f"a tide of {first.height_m:g} m is not possible: heights range from {table.height_m.min():g} to {table.height_m.max():g}",
            where=f"{path}, row {first.row}, column height_m",
            remedy="give metres; or name the column height_cm where it holds centimetres; leave the cell empty where there is no height",
        )


def _check_datum(table: pd.DataFrame, path: Path, msl_m: float | None) -> None:
    """Refuse heights whose mean is not near 0, at a station with a day of records or more."""
    for station, rows in table.groupby("station", sort=False):
        if len(rows) < DATUM_RECORDS or np.ptp(rows.seconds) < 86_400:
            continue
        mean, span = rows.height_m.mean(), np.ptp(rows.height_m)
        if abs(mean) > DATUM_SHARE * span:
            level = mean + (msl_m or 0.0)
            raise TableError(
                f"heights of station {station} are {mean:+.2f} m on average"
                + (" above the mean sea level that is stated" if msl_m else ", and not above mean sea level")
                + f": they range from {rows.height_m.min():.2f} to {rows.height_m.max():.2f} m",
                where=f"{path}, row {rows.row.iloc[0]}, column height_m",
                remedy=f"state coastline.tide_msl_m, mean sea level above the zero of the heights (on average {level:.2f}), or give heights above mean sea level",
            )


def check_tide(settings: Settings, bounds: np.ndarray | None) -> None:
    """Read the tide table, and check that it has a station near the box of the units (west, south, east, north, degrees).

    Raises
    ------
    TableError : as `tide_records`; no station is within FAR_DEG of the units; or as `reference_level_m` at the station nearest to their middle.
    """
    coast = coast_of(settings)
    table = tide_records(_table_of(coast), settings.stated(TIDE_KEY), coast.tide_time_zone, coast.tide_msl_m)
    if bounds is None:
        return
    west, south, east, north = bounds
    near = table.lon.between(west - FAR_DEG, east + FAR_DEG) & table.lat.between(south - FAR_DEG, north + FAR_DEG)
    if not near.any():
        raise TableError(
            f"no station lies near the units ({west:.2f} to {east:.2f} E, {south:.2f} to {north:.2f} N)",
            where=f"{coast.tide_table}, row {table.row.iloc[0]}, column lon",
            remedy="give the tide of this coast, longitude and latitude in degrees",
        )
    station = nearest_station(table, (west + east) / 2, (south + north) / 2)
    reference_level_m(settings, station)
    if coast.level == "mhws" and (count := station.spring_high_waters().size) < YEAR_OF_SPRINGS:
        log.warning("%s: mean high water springs rest on %d spring tides, fewer than a year has", coast.tide_table, count)
