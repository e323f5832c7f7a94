"""Statistics of each pixel over the seasons of a period, computed block by block and strip by strip: what the land map and the maps of other products
with ``season_layers`` are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import dask
import dask.threaded
import numpy as np
from rs_kernels.greenest import greenest_dates
from rs_kernels.land import EXTREMES, radar_means, season_statistics
from rs_kernels.stack import Stack, one_a_day

from rs_pipeline.catalog.chips import Chip, scales
from rs_pipeline.catalog.passes import Pass, pass_flags, passes_of, read_pass, read_radar_pass
from rs_pipeline.config import Settings
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS, Grid
from rs_pipeline.products.blocks import OPTICAL_BYTES, RADAR_BYTES, READ_BYTES, Block, budget_bytes, file_blocks, plan_blocks
from rs_pipeline.products.calendar import SPRING_MONTHS, in_window
from rs_pipeline.products.observe import STRIP_ROWS, native_m, sharpened_bands
from rs_pipeline.radiometry.masks import flag_bits

SEASONS = {
    "winter": ("11-16", "03-10"), "spring": ("03-11", "05-15"), "early_summer": ("05-16", "07-10"), "summer": ("07-11", "09-10"),
    "autumn": ("09-11", "11-15"),
}  # fmt: skip
"""Parts of the year in which crops of the North China Plain differ from other plants: winter wheat is green in spring and ripe in early
summer; maize is green in summer and harvested in autumn, when meadows, reed and trees are still green."""

LATE_AUTUMN = "late_autumn"
GREEN_PARTS = {LATE_AUTUMN: ("10-15", "11-20"), **dict(zip(SPRING_MONTHS, (("03-01", "03-31"), ("04-01", "04-30"), ("05-01", "05-31")), strict=True))}
"""Parts of the year of `SeasonStatistics.greenest_in`; they do not overlap. In late autumn reed, seepweed and crops of the Bohai coast are yellow, red or
harvested and cordgrass is still green."""

HALVES = {"cold": ("11-01", "04-30"), "warm": ("05-01", "10-31")}
"""Parts of the year of the radar means."""

STATISTICS = (
    *(f"{season}_{band}" for season in SEASONS for band in OPTICAL_BANDS), *EXTREMES,
    *(f"{half}_{polarisation}_db" for half in HALVES for polarisation in RADAR_BANDS),
)  # fmt: skip
"""Layers of `SeasonStatistics.values`, in order."""


class Greenest(NamedTuple):
    """The greenest clear date of each pixel in a part of the year."""

    ndvi: np.ndarray
    """float32 (h, w): NDVI on that date; NaN without a clear date."""
    grvi: np.ndarray
    """float32 (h, w): GRVI on that date; NaN without a clear date."""
    n_dates: np.ndarray
    """int64 (h, w): clear dates of the part."""


@dataclass(frozen=True)
class SeasonStatistics:
    """Statistics of a period over a few rows of a tile."""

    values: np.ndarray
    """float32 (F, h, w) of STATISTICS: reflectance, indices, dB; NaN where there was nothing to measure."""
    dates: np.ndarray
    """int64 (S, h, w): clear dates of each season."""
    greenest: np.ndarray
    """float32 (P, 2, h, w): NDVI and GRVI of the greenest date of each of GREEN_PARTS (`rs_kernels.greenest`); NaN without a clear date."""
    green_dates: np.ndarray
    """int64 (P, h, w): clear dates of each of GREEN_PARTS."""

    def named(self, name: str) -> np.ndarray:
        """One of STATISTICS, float32 (h, w)."""
        return self.values[STATISTICS.index(name)]

    def greenest_in(self, part: str) -> Greenest:
        """The greenest date of one of GREEN_PARTS."""
        index = list(GREEN_PARTS).index(part)
        ndvi, grvi = self.greenest[index]
        return Greenest(ndvi, grvi, self.green_dates[index])


def parts_of(passes: list[Pass], windows: dict[str, tuple[str, str]]) -> np.ndarray:
    """Number of the window that each pass's day lies in, -1 for none, int64 (T,)."""
    days = [p.scene.solar_day for p in passes]
    inside = np.array([in_window(days, w) for w in windows.values()]).reshape(len(windows), len(days))
    return np.where(inside.any(axis=0), inside.argmax(axis=0), -1).astype("int64")


Use = Callable[[tuple[slice, slice], SeasonStatistics], None]
"""Takes a strip: its rows and columns of the tile, and its statistics. Strips come in any order, from several threads."""


def tile_statistics(settings: Settings, chips: list[Chip], grid: Grid, use: Use, *, threads: int = 1, held_bytes: int = 0) -> None:
    """Compute the statistics of the chips of a tile and period on its grid, within the memory budget, and pass them to ``use``.

    ``held_bytes`` is the part of the budget that the caller itself uses.
    """
    optical, radar = (passes_of([c for c in chips if c.family == family]) for family in ("optical", "radar"))
    native = pass_flags(optical, grid, settings.masks, threads)
    held = held_bytes + sum(n.bits.nbytes for flags in native for n in flags if n is not None)
    held += threads * READ_BYTES * grid.width * grid.height
    per_pixel = len(optical) * OPTICAL_BYTES + len(radar) * RADAR_BYTES
    with dask.config.set(scheduler=dask.threaded.get, num_workers=threads):
        for block in plan_blocks(grid, file_blocks(chips, grid), per_pixel, budget_bytes(settings) - held):
            _work_out(settings, optical, radar, native, block, grid, use)


def _work_out(settings: Settings, optical: list[Pass], radar: list[Pass], native: list, block: Block, whole: Grid, use: Use) -> None:
    """Read one block date by date, then compute it strip by strip."""
    grid = block.on(whole)
    dn = np.zeros((len(optical), len(OPTICAL_BANDS), *grid.shape), "uint16")
    bits = np.zeros((len(optical), *grid.shape), "uint16")
    amplitude = np.zeros((len(radar), len(RADAR_BANDS), *grid.shape), "uint16")

    def read_optical(t: int) -> None:
        dn[t], bits[t] = read_pass(optical[t], grid, settings.masks, sharpened_bands, native[t])

    def read_amplitude(t: int) -> None:
        amplitude[t] = read_radar_pass(radar[t], RADAR_BANDS, grid, settings.masks)

    dask.compute(
        *[dask.delayed(partial(read_optical, t))() for t in range(len(optical))], *[dask.delayed(partial(read_amplitude, t))() for t in range(len(radar))]
    )
    season, half, green = parts_of(optical, SEASONS), parts_of(radar, HALVES), parts_of(optical, GREEN_PARTS)
    day = np.array([p.scene.solar_day.toordinal() for p in optical], "int64")
    bad_bits, n_optical = flag_bits(settings.masks.land), len(STATISTICS) - len(HALVES) * len(RADAR_BANDS)

    def strip(row: int) -> None:
        rows = slice(row, min(row + STRIP_ROWS, grid.height))
        inside = slice(block.row + rows.start, block.row + rows.stop), slice(block.col, block.col + block.width)
        values = np.empty((len(STATISTICS), rows.stop - rows.start, grid.width), "float32")
        dates = np.empty((len(SEASONS), *values.shape[1:]), "int64")
        numbers, qa, radar_dn = (np.ascontiguousarray(array) for array in (dn[:, :, rows], bits[:, rows], amplitude[:, :, rows]))
        stack = one_a_day(Stack(numbers, qa, bad_bits, *scales(optical), native_m(optical), day), bad_bits)
        season_statistics(stack, season, len(SEASONS), values[:n_optical], dates)
        radar_means(radar_dn, half, len(HALVES), values[n_optical:])
        greenest, green_dates = np.empty((len(GREEN_PARTS), 2, *dates.shape[1:]), "float32"), np.empty((len(GREEN_PARTS), *dates.shape[1:]), "int64")
        greenest_dates(stack, green, greenest, green_dates)
        use(inside, SeasonStatistics(values, dates, greenest, green_dates))

    dask.compute(*[dask.delayed(partial(strip, row))() for row in range(0, grid.height, STRIP_ROWS)])
