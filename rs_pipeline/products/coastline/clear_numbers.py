"""The numbers that shore composites are made of, read and masked once for the composite and its dates where memory allows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from rs_pipeline.catalog.chips import read_bands
from rs_pipeline.catalog.passes import Pass, clear_once
from rs_pipeline.catalog.qa_flags import NativeFlags
from rs_pipeline.config import MaskSection
from rs_pipeline.model import OPTICAL_BANDS, Grid
from rs_pipeline.radiometry.masks import flag_bits

ROLES = ("nir", "swir1", "green")

RowsCols = tuple[slice, ...]
"""Rows and columns of a grid."""


SAMPLE_PX = 65536
"""About so many pixels of each pass are kept as a sample."""


@dataclass
class ClearNumbers:
    """Numbers of ROLES of the passes of a tile and period on a grid, 0 where a pass is not clear."""

    passes: Sequence[Pass]
    grid: Grid
    masks: MaskSection
    native: Sequence[Sequence[NativeFlags | None]]
    swir1_sample: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.uint16), repr=False)
    """SWIR1 of every so many rows and columns, uint16 (T, n), once the whole grid was read."""
    _whole: np.ndarray | None = field(default=None, repr=False)
    """Those of the whole grid, once they were read in one piece."""

    def by_rows(self, budget_bytes: float) -> Iterator[np.ndarray]:
        """Blocks of rows that fit into the budget, from the top, uint16 (3, T, h, w). A single one is kept, so that no date is read again."""
        rows, samples = block_rows(len(self.passes), self.grid, budget_bytes), []
        step = max(1, math.isqrt(self.grid.height * self.grid.width // SAMPLE_PX))
        for row in range(0, self.grid.height, rows):
            block = self._read(self.passes, self.native, (slice(row, min(row + rows, self.grid.height)), slice(0, self.grid.width)))
            if rows >= self.grid.height:
                self._whole = block
            samples.append(block[ROLES.index("swir1"), :, -row % step :: step, ::step].reshape(len(self.passes), -1))
            yield block
        self.swir1_sample = np.concatenate(samples, axis=1)

    def of_pass(self, t: int, window: RowsCols) -> np.ndarray:
        """Numbers of a pass in a window, uint16 (3, h, w)."""
        if self._whole is not None:
            return self._whole[:, t, window[0], window[1]]
        day = self.passes[t].scene.solar_day
        same = [i for i in range(t + 1) if self.passes[i].scene.solar_day == day]
        return self._read([self.passes[i] for i in same], [self.native[i] for i in same], window)[:, -1]

    def _read(self, passes: Sequence[Pass], native: Sequence[Sequence[NativeFlags | None]], window: RowsCols) -> np.ndarray:
        rows, cols = window
        piece = self.grid.window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
        dn = np.zeros((len(ROLES), len(passes), *piece.shape), np.uint16)
        for t, (_, bands, clear, _) in enumerate(clear_once(passes, piece, self.masks, flag_bits(self.masks.coastline), read_bands, native)):
            for stack, role in zip(dn, ROLES, strict=True):
                np.multiply(bands[OPTICAL_BANDS.index(role)], clear, out=stack[t])
        return dn


def block_rows(n_passes: int, grid: Grid, budget_bytes: float) -> int:
    """Rows of a block whose bands, flags and working copy of all dates stay within the budget; at least 64."""
    return max(64, int(budget_bytes / (2 * (len(ROLES) + 2) * max(n_passes, 1) * max(grid.width, 1))))
