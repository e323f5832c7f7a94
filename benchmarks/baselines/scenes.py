"""The dates of a tile and period as the baselines read them: native numbers, our offsets and our masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from rs_pipeline.catalog.chips import Chip, load_chips, read_stack, scales
from rs_pipeline.catalog.qa_flags import stack_flags
from rs_pipeline.config import Settings
from rs_pipeline.model import Grid
from rs_pipeline.radiometry.masks import flag_bits
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.sensors import load_sensor

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands of a stack, in order. SWIR keeps its native pixels, repeated: nothing is sharpened."""


@dataclass(frozen=True)
class Stack:
    """Optical dates of one tile and period, ascending in time.

    dn : uint16 (T, 6, h, w), 0 nodata. qa : uint16 (T, h, w), bits of masks.QAFlag.
    native_m : float32 (T,), native pixel size of green, m; an index that uses green cannot be finer.
    """

    grid: Grid
    days: list[date]
    dn: np.ndarray
    qa: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    native_m: np.ndarray

    def __len__(self) -> int:
        return len(self.days)

    def refl(self, t: int) -> np.ndarray:
        """Reflectance of a date, float32 (6, h, w), NaN nodata."""
        return reflectance(self.dn[t], self.scale[t], self.offset[t])

    def clear(self, t: int, bad_bits: Sequence[str]) -> np.ndarray:
        """Pixels of a date without any of the flags ``bad_bits`` and with all bands, bool (h, w)."""
        return (self.qa[t] & flag_bits(bad_bits) == 0) & (self.dn[t] > 0).all(axis=0)


def read_dates(settings: Settings, chips: Sequence[Chip], grid: Grid) -> Stack:
    """The optical chips given, on a grid of the run's CRS."""
    scale, offset = scales(chips)
    return Stack(
        grid=grid,
        days=[c.scene.solar_day for c in chips],
        dn=read_stack(chips, BANDS, grid),
        qa=stack_flags(chips, grid, settings.masks),
        scale=scale,
        offset=offset,
        native_m=np.array([load_sensor(c.scene.sensor).band("green").resolution_m for c in chips], "float32"),
    )


def optical_chips(settings: Settings, tile_id: str, period: str) -> list[Chip]:
    """The optical chips of a tile and period, in the order of `load_chips`."""
    return [c for c in load_chips(settings, tile_id, period) if c.family == "optical"]


def place(values: np.ndarray, source: Grid, target: np.ndarray, grid: Grid) -> None:
    """Write values of one grid into an array of another that shares its pixels; what lies outside is dropped.

    Raises
    ------
    ValueError : the grids do not share their pixels.
    """
    col, row = (source.left - grid.left) / grid.resolution_m, (grid.top - source.top) / grid.resolution_m
    if source.resolution_m != grid.resolution_m or abs(col - round(col)) > 1e-6 or abs(row - round(row)) > 1e-6:
        raise ValueError(f"grids do not share their pixels: {source} and {grid}")
    row, col = round(row), round(col)
    top, left = max(row, 0), max(col, 0)
    bottom, right = min(row + source.height, grid.height), min(col + source.width, grid.width)
    if top < bottom and left < right:
        target[top:bottom, left:right] = values[top - row : bottom - row, left - col : right - col]
