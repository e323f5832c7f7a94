"""Passes: all scenes of one platform on one day are one observation, in every product.

A swath is delivered in pieces: Sentinel-2 tiles overlap by 10 km, Landsat rows by 10 %, and a granule may come in two halves. Counted
separately, the pieces of one hazy day would have the weight of several dates. So they are merged before any kernel reads them. Of several passes
of a day the one with the finest pixels has precedence: `clear_once` here, `rs_kernels.stack.one_a_day` in the kernels' stacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from rs_pipeline.catalog.chips import Chip
from rs_pipeline.catalog.qa_flags import NativeFlags, read_radar, scene_flags, tile_flags
from rs_pipeline.config import MaskSection
from rs_pipeline.model import Grid, Scene
from rs_pipeline.radiometry.masks import QAFlag, has_flag
from rs_pipeline.sensors import load_sensor

ReadBands = Callable[[Chip, Grid], np.ndarray]
"""Bands of a chip on a grid, uint16 (7, h, w)."""


@dataclass(frozen=True)
class Pass:
    """Chips of one platform, day and pixel size that share their scale; at least one."""

    chips: tuple[Chip, ...]

    @property
    def scene(self) -> Scene:
        """Scene of the first chip; its day, sun angles and scale stand for those of all chips."""
        return self.chips[0].scene

    def has(self, role: str) -> bool:
        return all(c.has(role) for c in self.chips)


def finest_m(chip: Chip) -> float:
    """Finest pixel of the chip's sensor, metres."""
    return min(b.resolution_m for b in load_sensor(chip.scene.sensor).bands)


def _together(chip: Chip) -> tuple:
    """Key that the chips of one pass share."""
    scene = chip.scene
    side = () if chip.family == "optical" else (scene.relative_orbit or -1, scene.datetime.hour // 12)  # radar passes twice a day
    return scene.solar_day, finest_m(chip), scene.platform or scene.sensor, chip.family, scene.scale, "rededge1" in scene.assets, side


def passes_of(chips: Sequence[Chip]) -> list[Pass]:
    """The passes of some chips, by day; within a day the finest pixels first, then the earliest."""
    grouped = groupby(sorted(chips, key=lambda c: (_together(c), c.scene.datetime, c.scene.key)), key=_together)
    found = [Pass(tuple(members)) for _, members in grouped]
    return sorted(found, key=lambda p: (p.scene.solar_day, finest_m(p.chips[0]), p.scene.datetime, p.scene.key))


def pass_flags(passes: Sequence[Pass], grid: Grid, masks: MaskSection, threads: int = 1) -> list[list[NativeFlags | None]]:
    """`tile_flags` of all chips, one list per pass."""
    flags = iter(tile_flags([c for p in passes for c in p.chips], grid, masks, threads))
    return [[next(flags) for _ in p.chips] for p in passes]


def read_pass(seen: Pass, grid: Grid, masks: MaskSection, read: ReadBands, native: Sequence[NativeFlags | None]) -> tuple[np.ndarray, np.ndarray]:
    """Bands uint16 (7, h, w), 0 nodata, and QA flags uint16 (h, w) of a pass.

    A pixel's numbers are those of the first chip that has data there, converted to the offset of the pass's first chip. Its flags are the union over all
    chips with data: a cloud in one of them is a cloud.

    Parameters
    ----------
    native : from `pass_flags`, one per chip.
    """
    numbers, qa = _read(seen.chips[0], grid, masks, read, native[0])
    for chip, flags in zip(seen.chips[1:], native[1:], strict=True):
        more, more_qa = _read(chip, grid, masks, read, flags)
        empty, data = has_flag(qa, QAFlag.NODATA), ~has_flag(more_qa, QAFlag.NODATA)
        fresh = empty & data
        numbers[:, fresh] = _on_offset(more[:, fresh], chip.scene, seen.scene)
        qa[data] |= more_qa[data]
        qa[fresh] = more_qa[fresh]
    return numbers, qa


def _read(chip: Chip, grid: Grid, masks: MaskSection, read: ReadBands, native: NativeFlags | None) -> tuple[np.ndarray, np.ndarray]:
    numbers = read(chip, grid)
    return numbers, scene_flags(chip, grid, masks, dn=numbers, native=native)


def _on_offset(numbers: np.ndarray, scene: Scene, wanted: Scene) -> np.ndarray:
    """Numbers of a scene converted to the offset of the scene ``wanted``, so that reflectance stays the same: the offsets differ by a whole number of
    steps of the scale."""
    step = round((scene.offset - wanted.offset) / wanted.scale)
    return numbers if step == 0 else np.where(numbers > 0, np.clip(numbers.astype("int64") + step, 1, 65535), 0).astype("uint16")


def read_radar_pass(seen: Pass, roles: Sequence[str], grid: Grid, masks: MaskSection) -> np.ndarray:
    """Bands of a radar pass, uint16 (B, h, w), 0 nodata, see `read_radar`; at each pixel from the first chip with data there."""
    numbers = read_radar(seen.chips[:1], roles, grid, masks)[0]
    for chip in seen.chips[1:]:
        fresh = (numbers == 0).all(axis=0)
        numbers[:, fresh] = read_radar([chip], roles, grid, masks)[0][:, fresh]
    return numbers


def clear_once(
    passes: Sequence[Pass], grid: Grid, masks: MaskSection, bad_bits: int, read: ReadBands, native: Sequence[Sequence[NativeFlags | None]]
) -> Iterator[tuple[Pass, np.ndarray, np.ndarray, np.ndarray]]:
    """For each pass: its bands uint16 (7, h, w), its clear pixels bool (h, w), and QA flags uint16 (h, w); one pass in memory at a time.

    A pixel is clear where none of ``bad_bits`` is set and no earlier pass of the same day is clear there.
    """
    day, taken = None, np.zeros(grid.shape, bool)
    for seen, flags in zip(passes, native, strict=True):
        numbers, qa = read_pass(seen, grid, masks, read, flags)
        clear = qa & np.uint16(bad_bits) == 0
        if seen.scene.solar_day == day:
            clear &= ~taken
            taken |= clear
        else:
            day, taken = seen.scene.solar_day, clear.copy()
        yield seen, numbers, clear, qa
