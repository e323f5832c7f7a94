"""Narrabeen beach, Australia: 622 Landsat shorelines of 1987-2021 and five transects that CoastSat published with its own positions.

Our transect and rate code runs on their shorelines. Single dates cannot agree: the published positions are corrected
for the tide, and the tides of the dates are not published. Rates over decades can.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.accuracy.real_table import Row, Table, correlation
from rs_pipeline.products.coastline.rates import PositionNoise, Series, ci95, fit_line, series_rates
from rs_pipeline.products.coastline.transects import Transects, cross
from rs_pipeline.validation.metrics import interval_coverage, rmse

WORLD = "coastsat_narrabeen"
POSITION_ERROR_M = 11.0
"""One sigma of a Landsat waterline on a sandy beach: contour, geolocation, tide, season, run-up."""
THINNING = 20
"""A thinned series takes every 20th date."""
MIN_DATES_A_YEAR = 5


def read_transects(folder: Path) -> tuple[Transects, list[str]]:
    """The published transects, land to sea, and their names. They are 300 m long to within a metre."""
    frame = gpd.read_file(folder / "transects_epsg28356.geojson")
    ends = shapely.get_coordinates(frame.geometry.to_numpy()).reshape(-1, 2, 2)
    along = ends[:, 1] - ends[:, 0]
    length = np.hypot(*along.T)
    seaward, half = along / length[:, None], float(length.max() / 2)
    n = len(frame)
    return Transects(ends[:, 0] + half * seaward, seaward, np.arange(n), np.full(n, 100.0), half), list(frame["name"])


def positions(folder: Path) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray, list[str]]:
    """(dates, distance of ours, published distance, names): metres from the landward end, (n, 5), NaN where there is none.

    Pieces of a shoreline are not joined: a joining line would cross transects where nothing was observed.
    """
    transects, names = read_transects(folder)
    lines = gpd.read_file(folder / "shorelines_epsg28356.geojson")
    lines["date"] = pd.to_datetime(lines["date"], utc=True)
    published = pd.read_csv(folder / "time_series_tidally_corrected.csv", parse_dates=["dates"]).set_index("dates")
    published.index = pd.to_datetime(published.index, utc=True)
    lines = lines.sort_values("date", ignore_index=True)
    ours = np.full((len(lines), len(transects)), np.nan)
    for i, shape in enumerate(lines.geometry):
        pieces = shapely.get_parts(shape) if shape is not None else np.empty(0, object)
        ours[i] = cross(transects, pieces[shapely.get_dimensions(pieces) == 1]).distance_m
    dates = pd.DatetimeIndex(lines.date)
    return dates, ours, published.reindex(dates, method="nearest", tolerance=pd.Timedelta("2min"))[names].to_numpy(), names


def decimal_years(dates: pd.DatetimeIndex) -> np.ndarray:
    """Dates as years of 365.25 days."""
    return 1970 + dates.as_unit("ns").asi8 / 1e9 / 86400 / 365.25


def shoreline_rows(real: Path) -> list[Row]:
    """All figures of the beach."""
    table = Table(WORLD)
    dates, ours, published, names = positions(real / "shoreline" / "coastsat_narrabeen")
    years = decimal_years(dates)
    add_positions(table, ours, published, names)
    for k, name in enumerate(names):
        add_rates(table, years, ours[:, k], published[:, k], name)
    add_intervals(table, years, ours, published)
    return table.rows


def add_positions(table: Table, ours: np.ndarray, published: np.ndarray, names: list[str]) -> None:
    """Ours minus published on the same dates, and the number of positions that only one side has."""
    for k, name in [*enumerate(names), (slice(None), "all transects")]:
        a, b = ours[:, k], published[:, k]
        difference = (a - b)[np.isfinite(a) & np.isfinite(b)]
        for metric, q in (("difference_median", 50), ("difference_p5", 5), ("difference_p95", 95)):
            table.add("coastline", metric, np.percentile(difference, q), subset=name, unit="m")
        table.add("coastline", "positions_both", difference.size, subset=name, unit="dates")
        table.add("coastline", "positions_published_only", (np.isnan(a) & np.isfinite(b)).sum(), subset=name, unit="dates")
        table.add("coastline", "positions_ours_only", (np.isfinite(a) & np.isnan(b)).sum(), subset=name, unit="dates")


def add_rates(table: Table, years: np.ndarray, ours: np.ndarray, published: np.ndarray, name: str) -> None:
    """Our rate of our positions, and how far it is from our rate of the published ones."""
    error = np.full(years.size, POSITION_ERROR_M)
    mine, theirs = (series_rates(Series.of(years, x, error), PositionNoise()) for x in (ours, published))
    table.add("coastline", "linear_rate", mine.lrr_m_yr, subset=name, unit="m/yr")
    table.add("coastline", "linear_rate", theirs.lrr_m_yr, subset=name, unit="m/yr", method="published positions")
    table.add("coastline", "linear_rate_difference", mine.lrr_m_yr - theirs.lrr_m_yr, subset=name, unit="m/yr")
    table.add("coastline", "sen_slope_difference", mine.sen_m_yr - theirs.sen_m_yr, subset=name, unit="m/yr")
    a, b = yearly_medians(years, ours), yearly_medians(years, published)
    table.add("coastline", "yearly_median_rmse", rmse(a - np.nanmedian(a - b), b), subset=name, unit="m")
    table.add("coastline", "yearly_median_r", correlation(a, b), subset=name)


def yearly_medians(years: np.ndarray, distance_m: np.ndarray) -> np.ndarray:
    """Median position of every calendar year with enough dates, as the chain's yearly shorelines are; NaN elsewhere."""
    whole = np.floor(years).astype(int)
    out = np.full(whole.max() - whole.min() + 1, np.nan)
    for year in np.unique(whole):
        values = distance_m[(whole == year) & np.isfinite(distance_m)]
        if values.size >= MIN_DATES_A_YEAR:
            out[year - whole.min()] = np.median(values)
    return out


def add_intervals(table: Table, years: np.ndarray, ours: np.ndarray, published: np.ndarray) -> None:
    """Share of thinned series of ours whose 95 % interval contains the rate of all published positions.

    A series takes every 20th date of the 34 years, so the 20 series of a transect share no date. Their spread comes from noise and
    season, which the interval must cover; the test does not measure changes of rate over decades, which both series share.
    """
    low, high, full = [], [], []
    for k in range(ours.shape[1]):
        known = np.isfinite(published[:, k])
        rate = fit_line(years[known], published[known, k]).slope_m_yr
        for first in range(THINNING):
            chosen = np.arange(first, years.size, THINNING)
            chosen = chosen[np.isfinite(ours[chosen, k])]
            fit = fit_line(years[chosen], ours[chosen, k])
            half = ci95(fit, np.full(chosen.size, POSITION_ERROR_M), PositionNoise())
            low.append(fit.slope_m_yr - half)
            high.append(fit.slope_m_yr + half)
            full.append(rate)
    table.add("coastline", "coverage_of_95_percent_interval", interval_coverage(low, high, full), subset="100 thinned series")
    table.add("coastline", "interval_half_width_median", np.median(np.subtract(high, low)) / 2, subset="100 thinned series", unit="m/yr")
