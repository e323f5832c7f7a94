"""Calibration of grassland cover to field plots: the cover that a plot would show at a given satellite cover."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import Transformer
from scipy.special import stdtrit

from rs_pipeline.config import InputSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, check_percent, read_table
from rs_pipeline.layout import Layout
from rs_pipeline.products.calendar import middle_day
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.tiles import read_grid

PLOT_COLUMNS = ("lon", "lat", "year", "type", "cover")

MIN_PLOTS = 30
"""Least plots for the calibration of a type. With fewer, or with all at the same satellite cover, the type is not calibrated."""


@dataclass(frozen=True)
class PlotCalibration:
    """Cover on the ground = alpha + beta x satellite cover, of one grassland type; covers 0-1.

    Ordinary least squares of plot on pixel: the line predicts the mean of plots at a pixel's cover, whether the scatter comes from the plots, from the
    pixels, or from their different sizes.
    """

    n: int
    alpha: float
    beta: float
    sigma: float
    """Residual standard deviation, n - 2 degrees of freedom."""
    mean_fvc: float
    square_sum_fvc: float
    """Sum of squared deviations of the plots' satellite cover from its mean."""

    def cover(self, fvc: float) -> float:
        return self.alpha + self.beta * fvc

    def half95(self, fvc: float) -> float:
        """Half of the 95 % interval of the line at a mean satellite cover (t distribution)."""
        spread = math.sqrt(1 / self.n + (fvc - self.mean_fvc) ** 2 / self.square_sum_fvc)
        return float(stdtrit(self.n - 2, 0.975)) * self.sigma * spread


def fit_plots(fvc: np.ndarray, cover: np.ndarray) -> PlotCalibration | None:
    """The calibration of at least MIN_PLOTS plots, cover 0-1; None where there are fewer or they all lie at one satellite cover."""
    n, deviation = fvc.size, fvc - (fvc.mean() if fvc.size else 0.0)
    square_sum = float(deviation @ deviation)
    if n < MIN_PLOTS or square_sum <= 1e-12:
        return None
    beta = float(deviation @ cover / square_sum)
    alpha = float(cover.mean() - beta * fvc.mean())
    residual = cover - alpha - beta * fvc
    return PlotCalibration(n, alpha, beta, math.sqrt(residual @ residual / (n - 2)), float(fvc.mean()), square_sum)


def read_plots(path: Path, stated: InputSection = NOTHING_STATED) -> pd.DataFrame:
    """Plots with PLOT_COLUMNS; cover in the file is percent and becomes 0-1, places become those of WGS 84.

    Raises
    ------
    TableError : a column is missing or a cell cannot be used; file, row, column and remedy are named.
    """

    def parse(row: TableRow) -> tuple:
        for name in PLOT_COLUMNS:
            row.needed(name)
        cover = row.needed_number("cover", "%")
        if not 0 <= cover <= 100:
            raise row.fault(f"{cover} is no cover", "cover", "give percent, 0 to 100")
        return *row.place(stated.crs), row.year_or_none("year"), row.text("type"), cover / 100

    plots = pd.DataFrame(read_table(path, PLOT_COLUMNS, stated).parsed(parse), columns=list(PLOT_COLUMNS))
    if plots.empty:
        raise TableError("the table has no plots", where=str(path), remedy="set tables.grassland_plots to null to go without")
    check_percent(plots.cover * 100, path, "cover")
    return plots


def satellite_cover(settings: Settings, plots: pd.DataFrame) -> np.ndarray:
    """Peak cover of the pixel of each plot in its year, float64 (n,), from the shortest period that holds the middle of the year's peak window; NaN
    outside the run or not seen."""
    out = np.full(len(plots), np.nan)
    for year in plots.year.unique():
        day, mine = middle_day(settings.vegetation.peak_window, int(year)), (plots.year == year).to_numpy()
        period = min((p for p in settings.all_periods if day in p), key=lambda p: p.end - p.start, default=None)
        if period is None:
            continue
        with open_map(Layout(settings.root).map("vegetation", period.label), read_grid(settings)) as src:
            x, y = Transformer.from_crs(4326, src.crs, always_xy=True).transform(plots.lon[mine], plots.lat[mine])
            band = band_index(src, "fvc_peak")
            out[mine] = [v[0] for v in src.sample(zip(x, y, strict=True), indexes=band)]
    return out


def plot_calibrations(settings: Settings) -> Mapping[str, PlotCalibration | int] | None:
    """Calibration by grassland type, or its number of usable plots where they are too few; None without the table."""
    if settings.tables.grassland_plots is None:
        return None
    plots = read_plots(settings.tables.grassland_plots, settings.stated("tables.grassland_plots"))
    plots = plots.assign(fvc=satellite_cover(settings, plots))
    found = {}
    for kind, group in plots.groupby("type"):
        seen = group[np.isfinite(group.fvc)]
        found[str(kind)] = fit_plots(seen.fvc.to_numpy(), seen.cover.to_numpy()) or len(seen)
    return found


def shortage(types: Sequence[str], known: Mapping[str, PlotCalibration | int]) -> str:
    """Which of the types are not calibrated and why, in words; empty where all are."""
    missing = [f"{t} has {known.get(t, 0)}" for t in types if not isinstance(known.get(t), PlotCalibration)]
    return f"a type takes {MIN_PLOTS} plots seen at different covers to be calibrated: {', '.join(missing)}" if missing else ""
