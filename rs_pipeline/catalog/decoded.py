"""What a job has decoded: the steps of a round read the same chips, and inside `sharing` each file of a chip is opened and decoded once for all of them.

Only chips whose content was compared with their manifest are kept (`catalog.chips.load_chips`), under the digest that it names, so that a chip that is made
again is read again. What is kept never exceeds the limit. When the room is used up, further files are decoded at every reading, as without `sharing`: nothing
makes room for them, because every step reads the dates in the same order, and a date that replaced an earlier one would itself be replaced before it
is read again. Only what belongs to chips that were made again is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import rasterio
from affine import Affine
from rasterio.coords import BoundingBox
from rasterio.crs import CRS
from rasterio.windows import Window

from rs_pipeline.storage.foreign import foreign_raster

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Decoded:
    """A file of a chip in memory; it is read as rasterio's datasets are, but by several threads at once."""

    numbers: np.ndarray
    """uint16 (B, h, w), not to be changed."""
    transform: Affine
    crs: CRS
    bounds: BoundingBox
    block_shapes: list[tuple[int, int]]

    @property
    def count(self) -> int:
        return len(self.numbers)

    @property
    def shape(self) -> tuple[int, int]:
        return self.numbers.shape[1:]

    def read(self, band: int, *, window: Window | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """Numbers of a band (from 1), uint16 (h, w), or of a window inside it; copied into ``out`` where that is given, else a view."""
        values = self.numbers[band - 1]
        if window is not None:
            values = values[window.row_off : window.row_off + window.height, window.col_off : window.col_off + window.width]
        if out is None:
            return values
        out[...] = values
        return out


@dataclass
class _Kept:
    """What the steps of a job share."""

    limit_bytes: float
    used_bytes: int = 0
    chips: dict[Path, tuple[str, Any]] = field(default_factory=dict)
    """Folder of a chip to the digest of its content, and to what its headers say."""
    files: dict[Path, Decoded | None] = field(default_factory=dict)
    """Decoded files; None where there was no room."""
    made: dict[Hashable, tuple[Any, int]] = field(default_factory=dict)
    """What was computed from several chips, and its bytes."""
    lock: Lock = field(default_factory=Lock)
    turns: dict[Hashable, Lock] = field(default_factory=dict)
    """A lock for each file and result, so that threads that want the same wait for the first."""

    def turn(self, key: Hashable) -> Lock:
        with self.lock:
            return self.turns.setdefault(key, Lock())

    def reserve(self, n_bytes: int) -> bool:
        """Take room; False where there is not enough left."""
        with self.lock:
            fits = self.used_bytes + n_bytes <= self.limit_bytes
            self.used_bytes += n_bytes if fits else 0
            return fits

    def release(self, n_bytes: int) -> None:
        with self.lock:
            self.used_bytes -= n_bytes

    def forget(self, folder: Path) -> None:
        """Drop all that came from the files of a chip."""
        gone = [self.files.pop(path) for path in [*self.files] if path.parent == folder]
        made, self.made = self.made, {}
        self.release(sum(f.numbers.nbytes for f in gone if f) + sum(n_bytes for _, n_bytes in made.values()))


_kept: _Kept | None = None


@contextmanager
def sharing(limit_bytes: float) -> Iterator[None]:
    """Inside it the steps of this process share what they decode, at most ``limit_bytes``; with 0 they share nothing but headers."""
    global _kept
    before, _kept = _kept, _Kept(limit_bytes)
    try:
        yield
    finally:
        _kept = before


def limit_bytes() -> float:
    """Bytes that are set aside for what steps share; 0 outside `sharing`."""
    return _kept.limit_bytes if _kept else 0.0


def headers_of(folder: Path, digest: str, read: Callable[[Path], Outcome]) -> Outcome:
    """``read(folder)`` of a chip whose content has this digest, once for all steps that share."""
    kept = _kept
    if kept is None:
        return read(folder)
    known, headers = kept.chips.get(folder, ("", None))
    if known != digest:
        kept.forget(folder)
        headers = read(folder)
        kept.chips[folder] = digest, headers
    return headers


def kept_file(path: Path) -> Decoded | None:
    """A file of a known chip in memory, decoded now or before; None where it is not of a known chip or there is no room for it.

    Raises
    ------
    RasterError, rasterio.errors.RasterioError : it cannot be opened or decoded; nothing is kept then.
    """
    kept = _kept
    if kept is None or path.parent not in kept.chips:
        return None
    with kept.turn(path):
        if path not in kept.files:
            with foreign_raster(path) as dataset:
                kept.files[path] = _decode(dataset, kept)
        return kept.files[path]


def _decode(dataset: rasterio.DatasetReader, kept: _Kept) -> Decoded | None:
    n_bytes = dataset.count * dataset.height * dataset.width * np.dtype(dataset.dtypes[0]).itemsize
    if not kept.reserve(n_bytes):
        return None
    try:
        numbers = dataset.read()
    except BaseException:
        kept.release(n_bytes)
        raise
    numbers.flags.writeable = False
    return Decoded(numbers, dataset.transform, dataset.crs, dataset.bounds, dataset.block_shapes)


def once(key: Hashable, folders: set[Path], n_bytes: Callable[[Outcome], int], make: Callable[[], Outcome]) -> Outcome:
    """``make()``, kept under a key where it comes from known chips alone, those in ``folders``, and there is room for it."""
    kept = _kept
    if kept is None or not folders <= kept.chips.keys():
        return make()
    with kept.turn(key):
        if key not in kept.made:
            result = make()
            if not kept.reserve(size := n_bytes(result)):
                return result
            kept.made[key] = result, size
        return kept.made[key][0]
