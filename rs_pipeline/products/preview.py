"""Step ``preview``: what a tile looked like in a period, in true colour, for the pictures of the report. Nothing is measured on it."""

from __future__ import annotations

import numpy as np
import rasterio
from rs_kernels.composite import lower_medians

from rs_pipeline.catalog.chips import Chip, load_chips, read_role, read_stack, scales
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.radiometry.masks import flag_bits, label_flags
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.raster import profile
from rs_pipeline.tiles import read_grid, read_tile

COLOURS = ("red", "green", "blue")

LONGEST_PX = 2400
"""The region's longer side in a preview, where a step of at most MAX_STEP allows it."""

MAX_STEP = 16
"""Largest step, in pixels of the grid; sides of tiles are multiples of it."""

MAX_DATES = 12
"""At most so many dates are read, the least cloudy ones."""

PREVIEW_WHITE_REFL, PREVIEW_GAMMA = 0.3, 1.8
"""The stretch is the same everywhere and always, so that pictures of different years can be compared."""

_UNCLEAR = flag_bits(["nodata", "cloud", "shadow", "cirrus"])


def step_px(grid: Grid) -> int:
    """Side of a preview's pixel in pixels of the run's grid: a power of two.

    >>> step_px(Grid("EPSG:32650", 10.0, 0, 0, 600, 480)), step_px(Grid("EPSG:32650", 10.0, 0, 0, 70_000, 60_000))
    (1, 16)
    """
    step = 1
    while step < MAX_STEP and max(grid.shape) / step > LONGEST_PX:
        step *= 2
    return step


def coarse(grid: Grid, step: int) -> Grid:
    """The grid with pixels ``step`` times as wide, from the same corner; it may reach beyond the grid by less than a pixel."""
    return Grid(grid.crs, grid.resolution_m * step, grid.left, grid.top, -(-grid.width // step), -(-grid.height // step))


def eight_bits(refl: np.ndarray) -> np.ndarray:
    """Reflectance as 1-255, uint8; NaN is 0. Values are clipped to 0 and PREVIEW_WHITE_REFL.

    >>> eight_bits(np.array([np.nan, -0.1, 0.3, 0.9])).tolist()
    [0, 1, 255, 255]
    """
    bright = np.clip(np.nan_to_num(refl) / PREVIEW_WHITE_REFL, 0, 1) ** (1 / PREVIEW_GAMMA)
    return np.where(np.isfinite(refl), np.rint(1 + 254 * bright), 0).astype("uint8")


def clearest(chips: list[Chip]) -> list[Chip]:
    """The chips with red, green and blue of least cloud cover in the catalog, at most MAX_DATES; chips of unknown cover come last."""
    able = [c for c in chips if all(c.has(role) for role in COLOURS)]
    return sorted(able, key=lambda c: 101.0 if c.scene.cloud_cover is None else c.scene.cloud_cover)[:MAX_DATES]


def composite(chips: list[Chip], grid: Grid) -> np.ndarray:
    """Lower median of the dates that the scenes' own masks call clear, reflectance float32 (3, h, w); NaN where there is none."""
    dn = read_stack(chips, COLOURS, grid)
    for numbers, chip in zip(dn, chips, strict=True):
        if chip.has("mask"):
            labels = label_flags(read_role(chip, "mask", grid), load_sensor(chip.scene.sensor).mask)
            numbers[:, labels & _UNCLEAR != 0] = 0
    return lower_medians(dn, *scales(chips))


def preview(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write ``tiles/<period>/<tile>/preview.tif``: red, green, blue, uint8, 0 where nothing clear was seen.

    A pixel is the lower median of its clear dates among the least cloudy scenes, every `step_px`-th pixel of the grid.
    ``chips``: default those that were fetched.

    Raises
    ------
    TableError : the tile has not been fetched.
    """
    grid = coarse(read_tile(settings, tile_id).grid, step_px(read_grid(settings)))
    chips = load_chips(settings, tile_id, period_label) if chips is None else chips
    values = eight_bits(composite(clearest(chips), grid))
    with atomic_path(Layout(settings.root).preview(period_label, tile_id)) as part:
        with rasterio.open(part, "w", **profile(grid, 3, "uint8", 0)) as dst:
            dst.write(values)
            dst.descriptions = COLOURS
