"""Water fraction of single dates beside the shore of wide water. The coast's rates come from it (`dates`).

Only positions within CLUSTER_M of the period's line are read, so only pixels around where that line can lie are computed. A date is computed when its layer is
written, so that one is in memory at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rs_kernels.composite import mndwi_map

from rs_pipeline.products.coastline.clear_numbers import ClearNumbers, RowsCols
from rs_pipeline.products.coastline.shoreline import SEED_THRESHOLD, SHORE_PX, block_fraction, halo_px, seed_threshold, wanted_by_pass
from rs_pipeline.products.coastline.transects import CLUSTER_M
from rs_pipeline.products.sea import blocks
from rs_pipeline.radiometry.masks import dilate
from rs_pipeline.radiometry.scaling import reflectance

MIN_SEA_WIDTH_M = 200.0
"""Narrower water is no sea: dates have no line of their own there."""

SQUARE_PX = 256
"""Side of the squares that dates are computed in, where the shore runs through them."""


def near_shore(swir1_refl: np.ndarray, mndwi: np.ndarray, resolution_m: float) -> np.ndarray:
    """Pixels from which a date's line may be read, bool (h, w): near water of MIN_SEA_WIDTH_M and more, and near what may be land of the period.

    What lies beyond the map's edge counts as what lies along it. Whether a pixel is water depends on a threshold within SEED_THRESHOLD that the region
    decides: between its limits the line may lie anywhere, and another 2 SHORE_PX beyond.

    Parameters
    ----------
    swir1_refl, mndwi : float32 (h, w), of all dates of the period together, NaN not observed.
    """
    step_m, half_m = (resolution_m, resolution_m), MIN_SEA_WIDTH_M / 2
    reach_m = CLUSTER_M + 2 * SHORE_PX * resolution_m
    land = (swir1_refl >= SEED_THRESHOLD[0]) | (np.isfinite(swir1_refl) & (mndwi <= 0))
    wet = swir1_refl < SEED_THRESHOLD[1]
    if not (wet.any() and land.any()):
        return np.zeros(wet.shape, bool)
    pad = round(half_m / resolution_m)
    inside = tuple(slice(pad, pad + n) for n in wet.shape)
    core = ~dilate(np.pad(~wet, pad, mode="edge"), half_m - 1e-3, step_m)
    return dilate(core, half_m + reach_m, step_m)[inside] & dilate(land, reach_m, step_m)


def windows_of(wanted: np.ndarray, halo: int) -> list[tuple[RowsCols, RowsCols, RowsCols]]:
    """(window with halo, window, window within the halo) of every square that has wanted pixels, trimmed to these."""
    found = []
    for _, (rows, cols), _ in blocks(wanted.shape, 0, SQUARE_PX):
        here = wanted[rows, cols]
        if here.any():
            lines = (np.flatnonzero(here.any(axis=axis)) for axis in (1, 0))
            inner = tuple(slice(s.start + int(at[0]), s.start + int(at[-1]) + 1) for s, at in zip((rows, cols), lines, strict=True))
            outer = tuple(slice(max(0, s.start - halo), min(n, s.stop + halo)) for s, n in zip(inner, wanted.shape, strict=True))
            within = tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
            found.append((outer, inner, within))
    return found


@dataclass(frozen=True)
class DateLayers:
    """Water fraction of dates; see `layer`."""

    numbers: ClearNumbers
    wanted: np.ndarray
    """From `near_shore`, bool (h, w)."""
    min_contrast: float

    @cached_property
    def windows(self) -> list[tuple[RowsCols, RowsCols, RowsCols]]:
        """From `windows_of`."""
        return windows_of(self.wanted, halo_px(self.numbers.grid.resolution_m))

    @cached_property
    def wanted_by_window(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """`shoreline.wanted_by_pass` in every window with its halo."""
        first, second = wanted_by_pass(self.wanted, self.numbers.grid.resolution_m)
        return [(np.ascontiguousarray(first[outer]), np.ascontiguousarray(second[outer])) for outer, _, _ in self.windows]

    def layer(self, t: int) -> np.ndarray:
        """Water fraction of a pass, float32 (h, w); NaN where no line is read from it, and where it is not clear."""
        layer = np.full(self.wanted.shape, np.nan, "float32")
        threshold = seed_threshold(self._refl(t, self.numbers.swir1_sample[t]))
        for (outer, inner, within), wanted in zip(self.windows, self.wanted_by_window, strict=True):
            nir, swir1, green = (self._refl(t, dn) for dn in self.numbers.of_pass(t, outer))
            fraction = self._fraction(nir, swir1, green, threshold, wanted)
            np.copyto(layer[inner], fraction[within], where=self.wanted[inner])
        return layer

    def _refl(self, t: int, dn: np.ndarray) -> np.ndarray:
        """Reflectance of numbers of a pass, float32, NaN where there is none."""
        scene = self.numbers.passes[t].scene
        return reflectance(dn, np.float32(scene.scale), np.float32(scene.offset))

    def _fraction(self, nir: np.ndarray, swir1: np.ndarray, green: np.ndarray, threshold: float, wanted: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        low_tide, index = np.full(nir.shape, np.nan, "float32"), mndwi_map(green, swir1)
        return block_fraction(nir, swir1, low_tide, index, self.numbers.grid.resolution_m, threshold, self.min_contrast, wanted)[0]
