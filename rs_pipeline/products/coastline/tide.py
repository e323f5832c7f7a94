"""Tide heights from a table, and the window around mean sea level.

No line is moved by the slope of its beach: reflectance is read at mean sea level before a line is drawn, see
`rs_kernels.composite.refl_at_tide`. A slope correction (waterline + tide / tan beta) needs the slope, which a flat coast does not tell.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from rs_pipeline.errors import TableError

TIDE_COLUMNS = ("time_utc", "station", "lon", "lat", "height_m")
MAX_GAP_S = 3 * 3600.0
"""Between records further apart no height is interpolated: a semidiurnal tide turns within that time."""
SAME_TIME_S = 600.0
"""A record this near is taken as it is, however far the next."""


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

    def near_msl(self, heights_m: np.ndarray, window: float) -> np.ndarray:
        """bool: heights within ``window`` times the range of mean sea level (Bishop-Taylor et al. 2021); NaN is False."""
        return np.abs(heights_m) <= window * self.range_m


def read_tide(path: Path, lon: float, lat: float) -> StationTide:
    """The station of the table that is nearest to a place.

    Raises
    ------
    TableError : the table cannot be read, lacks columns, or holds times or heights that are none.
    """
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", dtype={"station": str})
    except (OSError, ValueError) as fault:
        raise TableError(f"cannot read the tide table: {fault}", where=str(path), remedy=f"a CSV with {', '.join(TIDE_COLUMNS)}") from None
    missing = [c for c in TIDE_COLUMNS if c not in table.columns]
    if missing or table.empty:
        raise TableError(
            f"the tide table {'lacks ' + ', '.join(missing) if missing else 'is empty'}",
            where=str(path), remedy=f"needed are {', '.join(TIDE_COLUMNS)}; heights in metres above mean sea level",
        )  # fmt: skip
    times = pd.to_datetime(table["time_utc"], utc=True, errors="coerce", format="ISO8601")
    numbers = table[["lon", "lat", "height_m"]].apply(pd.to_numeric, errors="coerce")
    bad = times.isna() | numbers.isna().any(axis=1)
    if bad.any():
        raise TableError(
            f"{int(bad.sum())} rows of the tide table hold a time or number that cannot be read",
            where=f"{path}, row {int(np.flatnonzero(bad)[0]) + 2}", remedy="times as 2024-05-01T02:50:00Z, numbers with a point",
        )  # fmt: skip
    east = (numbers["lon"] - lon) * np.cos(np.radians(lat))
    nearest = table["station"].iloc[int(np.argmin(np.hypot(east, numbers["lat"] - lat)))]
    rows = (table["station"] == nearest).to_numpy()
    seconds = times[rows].dt.as_unit("ns").astype("int64").to_numpy() / 1e9
    order = np.argsort(seconds, kind="stable")
    return StationTide(seconds[order], numbers["height_m"].to_numpy()[rows][order])
