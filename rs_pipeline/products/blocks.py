"""How a tile is cut into blocks: within the memory budget, along the edges of the chip files' own blocks.

A file block that two blocks of the tile share is decoded twice, and every block opens all files again. Of the cuts that fit into memory, the
one that reads fastest is taken. A tile that fits is one block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import rasterio

from rs_pipeline.catalog.chips import Chip, opened_chip
from rs_pipeline.catalog.decoded import Decoded, limit_bytes
from rs_pipeline.config import Settings
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS, Grid

STEPS_PX = (4096, 2048, 1024, 512, 256, 128, 64)
"""Sides of blocks that are tried, in pixels of the product."""

OPTICAL_BYTES = 2 * (len(OPTICAL_BANDS) + 1)
"""Bytes per pixel and optical date: bands and flags."""

RADAR_BYTES = 2 * len(RADAR_BANDS)

READ_BYTES = 8 * OPTICAL_BYTES
"""Bytes per pixel that a thread needs while it reads a date."""

OPENING_PX = 80_000
"""Opening a file takes as long as decoding so many pixels (measured: 1.2 ms, and 15 ns per pixel)."""


def budget_bytes(settings: Settings) -> float:
    """Memory budget of a step: that of the job, less what its steps share."""
    return settings.resources.memory_gb * 1e9 - limit_bytes()


@dataclass(frozen=True)
class Block:
    """A piece of a tile, in pixels of the tile."""

    row: int
    col: int
    height: int
    width: int

    def on(self, grid: Grid) -> Grid:
        """The block's grid, given the grid of its tile."""
        return grid.window(self.row, self.col, self.height, self.width)


@dataclass(frozen=True)
class FileBlocks:
    """Where the blocks of chip files lie on a tile: in pixels of the tile along x and y."""

    left: float
    """Edge of the first file block; negative, as chips reach beyond their tile."""
    top: float
    width: float
    height: float
    weight: float
    """Native pixels of the files per pixel of the tile."""
    count: int
    """How many files."""


def file_blocks(chips: Sequence[Chip], grid: Grid) -> list[FileBlocks]:
    """Blocks of the chips' files. One chip per sensor is opened, because chips of a sensor over a tile have the same layout."""
    found: dict[tuple[float, float, float, float], tuple[float, int]] = {}
    alike = {c.scene.sensor: c for c in chips}
    for sensor, chip in alike.items():
        n_chips = sum(c.scene.sensor == sensor for c in chips)
        for path in {path for role, (path, _) in chip.files.items() if role in (*OPTICAL_BANDS, *RADAR_BANDS)}:
            with opened_chip(path) as src:
                key = _place(src, grid)
                weight = n_chips * src.count * (grid.resolution_m / src.transform.a) ** 2
            before = found.get(key, (0.0, 0))
            found[key] = before[0] + weight, before[1] + n_chips
    return [FileBlocks(*key, weight, count) for key, (weight, count) in found.items()]


def _place(src: rasterio.DatasetReader | Decoded, grid: Grid) -> tuple[float, float, float, float]:
    height, width = src.block_shapes[0]
    r, native = grid.resolution_m, src.transform.a
    return (src.transform.c - grid.left) / r, (grid.top - src.transform.f) / r, width * native / r, height * native / r


def _cuts(size: int, step: int, first: float) -> list[tuple[int, int]]:
    """(start, length) of pieces that end at first + k * step."""
    edges = [0, *(e for e in range(round(first) % step, size, step) if e > 0), size]
    return [(a, b - a) for a, b in pairwise(edges)]


def _decodings(cuts: list[tuple[int, int]], first: float, step: float) -> int:
    """How many file blocks the pieces touch; a block counts once per piece that touches it."""
    return sum(math.ceil((a + n - first) / step) - math.floor((a - first) / step) for a, n in cuts)


def plan_blocks(grid: Grid, files: Sequence[FileBlocks], bytes_per_pixel: float, budget_bytes: float) -> list[Block]:
    """Blocks of a tile that fit into the budget: one block, or any two, because the next is read while the last is computed.

    Parameters
    ----------
    bytes_per_pixel : of all dates.
    budget_bytes : memory for blocks. If not even the smallest blocks fit, they are used anyway.
    """
    lead = max(files, key=lambda f: f.weight, default=FileBlocks(0, 0, 1, 1, 0, 0))
    best: tuple[float, list[Block]] | None = None
    for step_y in STEPS_PX:
        for step_x in STEPS_PX:
            rows, cols = _cuts(grid.height, step_y, lead.top), _cuts(grid.width, step_x, lead.left)
            blocks = [Block(y, x, h, w) for y, h in rows for x, w in cols]
            alive = max(h for _, h in rows) * max(w for _, w in cols) * min(len(blocks), 2)
            if alive * bytes_per_pixel > budget_bytes and (step_y, step_x) != (STEPS_PX[-1], STEPS_PX[-1]):
                continue
            decoded = sum(f.weight * f.width * f.height * _decodings(rows, f.top, f.height) * _decodings(cols, f.left, f.width) for f in files)
            cost = decoded + len(blocks) * OPENING_PX * sum(f.count for f in files)
            if best is None or cost < best[0]:
                best = cost, blocks
    assert best is not None, "the smallest blocks are always taken"
    return best[1]
