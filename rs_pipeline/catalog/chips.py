"""Chips: the part of a scene over one tile, in its native pixels, as uint16 with 0 for nodata.

A chip is a folder named by the scene's key, below the manifest. It has one GeoTIFF per native pixel grid (bands named by role); the mask
in a file of its own, which reaches farther because distant clouds cast shadows on the tile; and the digest of these files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import xxhash
from affine import Affine
from rasterio.windows import Window

from rs_pipeline.catalog.decoded import Decoded, headers_of, kept_file
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.config import Settings
from rs_pipeline.errors import DamagedError, RasterError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, Grid, Scene
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import content_of, force
from rs_pipeline.storage.disk import blaming_disk
from rs_pipeline.storage.foreign import foreign_raster
from rs_pipeline.storage.rows import read_rows

if TYPE_CHECKING:
    from rs_pipeline.catalog.passes import Pass


@dataclass(frozen=True)
class Listed:
    """A row of a manifest, chips.parquet: the result of fetching a scene over a tile."""

    scene_id: str
    key: str
    sensor: str
    datetime: datetime
    status: str
    """``ok``, ``empty`` (no data over the tile) or ``failed``."""
    reason: str
    bytes: int
    digest: str
    """From `chip_digest`; empty where there is no chip."""


MANIFEST_COLUMNS = tuple(column.name for column in fields(Listed))

_DIGEST = ".digest"
"""Name of the file with a chip's digest in its folder."""

_TIE = 1e-6
"""Share of a pixel added before flooring, so that centres on an edge always belong to the right and lower pixel."""


@dataclass(frozen=True)
class Chip:
    """One scene over one tile."""

    scene: Scene
    files: dict[str, tuple[Path, int]]
    """Band role to file and 1-based band."""
    transforms: dict[Path, Affine] = field(default_factory=dict, compare=False)
    """Pixel grid of each file where it is known already, because opening a file takes as long as decoding a small one."""

    @property
    def family(self) -> str:
        """``optical`` or ``radar``."""
        return load_sensor(self.scene.sensor).family

    def has(self, role: str) -> bool:
        return role in self.files


def chip_digest(folder: Path) -> str:
    """Digest of the names and contents of a chip's files (`atomic.Content`); that of an empty text where the folder is empty or absent."""
    files = sorted(folder.glob("[!.]*.tif"))
    return xxhash.xxh3_128("".join(f"{path.name} {content_of(path).digest}\n" for path in files).encode()).hexdigest()


def note_digest(folder: Path) -> str:
    """Write the digest of a complete chip beside its files, and return it. A chip is verified by it where the manifest is lost or not written yet.

    Raises
    ------
    SpaceError : the disk is full or cannot be written.
    """
    path, digest = folder / _DIGEST, chip_digest(folder)
    with blaming_disk(path):
        path.write_text(digest, "utf-8")
        force(path)
    return digest


def noted_digest(folder: Path) -> str:
    """The digest that `note_digest` wrote; empty where it cannot be read."""
    try:
        return (folder / _DIGEST).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def read_manifest(path: Path) -> list[Listed]:
    """Manifest of a tile and period.

    Raises
    ------
    FileNotFoundError : there is none. DamagedError : it cannot be read, or has other columns.
    """
    try:
        return [Listed(**row) for row in read_rows(path, MANIFEST_COLUMNS)]
    except FileNotFoundError:
        raise
    except (ValueError, TypeError) as fault:
        raise DamagedError(f"the list of chips cannot be read: {fault}", str(path)) from fault


def damaged_in(manifest: Path) -> dict[Path, str]:
    """Folder of each existing chip of a manifest whose content differs from what was written, to the fault; empty where the manifest cannot be read."""
    return {path: "its content is not what was written" for path, digest in _listed_chips(manifest).items() if path.exists() and chip_digest(path) != digest}


def missing_in(manifest: Path) -> list[Path]:
    """Missing folders of the chips of a manifest; empty where the manifest cannot be read."""
    return [path for path in _listed_chips(manifest) if not path.exists()]


def _listed_chips(manifest: Path) -> dict[Path, str]:
    """Folder to digest of the chips of a manifest; empty where it cannot be read."""
    try:
        return {manifest.parent / Layout.CHIPS / c.key: c.digest for c in read_manifest(manifest) if c.status == "ok"}
    except DamagedError:
        return {}


def chip_files(folder: Path) -> dict[str, tuple[Path, int]]:
    """Role to (file, band) of all GeoTIFFs in a chip's folder."""
    return _headers(folder)[0]


def _headers(folder: Path) -> tuple[dict[str, tuple[Path, int]], dict[Path, Affine]]:
    """Role to (file, band), and the transform of each file, of all GeoTIFFs in a chip's folder."""
    files: dict[str, tuple[Path, int]] = {}
    transforms: dict[Path, Affine] = {}
    for path in sorted(folder.glob("[!.]*.tif")):
        with foreign_raster(path) as dataset:
            files.update({role: (path, i) for i, role in enumerate(dataset.descriptions, start=1) if role})
            transforms[path] = dataset.transform
    return files, transforms


def native_transform(chip: Chip, role: str) -> Affine:
    """Transform of the file that holds a role."""
    path = chip.files[role][0]
    if path not in chip.transforms:
        with opened_chip(path) as dataset:
            return dataset.transform
    return chip.transforms[path]


def seen_scenes(settings: Settings, tile_id: str, period: str) -> tuple[set[str], dict[str, str]]:
    """Ids of the scenes with a chip of the tile and period (the chips may have been removed since), and id to reason for scenes that could not be read."""
    listed = read_manifest(Layout(settings.root).chips(period, tile_id))
    return {c.scene_id for c in listed if c.status == "ok"}, {c.scene_id: c.reason for c in listed if c.status == "failed"}


def load_chips(settings: Settings, tile_id: str, period: str) -> list[Chip]:
    """The readable chips of a tile and period (status ``ok``), sorted by datetime, then key.

    Raises
    ------
    TableError : there is no manifest; the tile has not been fetched.
    DamagedError : a chip's content differs from what was written, or the manifest cannot be read. RasterError : a chip lacks a band.
    """
    layout = Layout(settings.root)
    manifest = layout.chips(period, tile_id)
    if not manifest.is_file():
        raise TableError(
            "no chips for this tile and period",
            where=str(manifest),
            remedy=f"run `rs-pipeline fetch --tile {tile_id} --period {period} --config <configuration>` first",
        )
    folder, written = layout.chip_folder(period, tile_id), {c.key: c.digest for c in read_manifest(manifest) if c.status == "ok"}
    scenes = read_ledger(layout.scenes, key=written)
    for scene in scenes:
        if chip_digest(folder / scene.key) != written[scene.key]:
            raise DamagedError(f"the chip {scene.key} is not what was written", str(manifest))
    chips = [Chip(s, *headers_of(folder / s.key, written[s.key], _headers)) for s in scenes]
    for chip in chips:
        if set(chip.files) != set(chip.scene.assets):
            lacking = ", ".join(sorted(set(chip.scene.assets) - set(chip.files)))
            raise RasterError(
                f"the chip lacks {lacking}",
                where=str(folder / chip.scene.key),
                remedy=f"run `rs-pipeline fetch --tile {tile_id} --period {period} --config <configuration>` again",
            )
    return sorted(chips, key=lambda c: (c.scene.datetime, c.scene.key))


def pixel_index(transform: Affine, shape: tuple[int, int], grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """For each row and column of ``grid`` the row and column of the native pixel that contains its centre; -1 outside."""
    return containing(transform, shape, *pixel_centres(grid.transform, grid.shape))


def pixel_centres(transform: Affine, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """x of the centre of each column and y of that of each row of a north-up grid, float64."""
    return transform.c + (np.arange(shape[1]) + 0.5) * transform.a, transform.f + (np.arange(shape[0]) + 0.5) * transform.e


def containing(transform: Affine, shape: tuple[int, int], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row of the pixel of a north-up grid that contains each y, and column of the pixel that contains each x; -1 outside."""
    cols = np.floor((x - transform.c) / transform.a + _TIE).astype("int64")
    rows = np.floor((y - transform.f) / transform.e + _TIE).astype("int64")
    cols[(cols < 0) | (cols >= shape[1])] = -1
    rows[(rows < 0) | (rows >= shape[0])] = -1
    return rows, cols


def taken(values: np.ndarray, rows: np.ndarray, cols: np.ndarray, outside: int) -> np.ndarray:
    """Values (h, w) at the rows and columns of `containing`; ``outside`` where either is -1."""
    out = values.take(cols, axis=1, mode="wrap").take(rows, axis=0, mode="wrap")
    out[rows < 0, :] = outside
    out[:, cols < 0] = outside
    return out


def _sample(dataset: rasterio.DatasetReader | Decoded, band: int, grid: Grid, out: np.ndarray) -> None:
    """Fill ``out`` (h, w) with the native pixels at the grid's pixel centres; pixels outside the file are left unchanged."""
    rows, cols = pixel_index(dataset.transform, dataset.shape, grid)
    inside_rows, inside_cols = np.flatnonzero(rows >= 0), np.flatnonzero(cols >= 0)
    if inside_rows.size == 0 or inside_cols.size == 0:
        return
    top, left = rows[inside_rows[0]], cols[inside_cols[0]]
    window = Window(left, top, cols[inside_cols[-1]] - left + 1, rows[inside_rows[-1]] - top + 1)
    part = out[inside_rows[0] : inside_rows[-1] + 1, inside_cols[0] : inside_cols[-1] + 1]
    if part.shape == (window.height, window.width):
        dataset.read(band, window=window, out=part)
    else:
        native = dataset.read(band, window=window)
        part[...] = native.take(cols[inside_cols] - left, axis=1).take(rows[inside_rows] - top, axis=0)


@contextmanager
def opened_chip(path: Path) -> Iterator[rasterio.DatasetReader | Decoded]:
    """A chip's file, open for reading; in a job whose steps share what they decode (`catalog.decoded`), the file in memory.

    Raises
    ------
    RasterError : the file is damaged, found on opening or while it is read.
    """
    try:
        if (kept := kept_file(path)) is not None:
            yield kept
            return
        with foreign_raster(path) as dataset:
            yield dataset
    except rasterio.errors.RasterioError as fault:
        raise RasterError(f"the chip cannot be read: {fault}", where=str(path), remedy="delete it and fetch the tile again") from None


def read_role(chip: Chip, role: str, grid: Grid) -> np.ndarray:
    """One band on any grid of the run's CRS: uint16 (h, w), the native pixel that contains each centre; 0 outside or absent.

    Raises
    ------
    RasterError : the chip's file is damaged.
    """
    return read_stack([chip], [role], grid)[0, 0]


def read_stack(chips: Sequence[Chip], roles: Sequence[str], grid: Grid) -> np.ndarray:
    """Bands of many chips on one grid: uint16 (T, B, h, w), 0 for nodata, see `read_role`."""
    stack = np.zeros((len(chips), len(roles), *grid.shape), dtype="uint16")
    for t, chip in enumerate(chips):
        for path in sorted({chip.files[r][0] for r in roles if chip.has(r)}):
            with opened_chip(path) as dataset:
                for b, role in enumerate(roles):
                    if chip.has(role) and chip.files[role][0] == path:
                        _sample(dataset, chip.files[role][1], grid, stack[t, b])
    return stack


def read_bands(chip: Chip, grid: Grid) -> np.ndarray:
    """The optical bands of a chip, uint16 (7, h, w), see `read_stack`."""
    return read_stack([chip], OPTICAL_BANDS, grid)[0]


def scales(seen: Sequence[Chip | Pass]) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset of each chip or pass, float32 (T,): reflectance = number * scale + offset for numbers above 0."""
    return (np.array([c.scene.scale for c in seen], dtype="float32"), np.array([c.scene.offset for c in seen], dtype="float32"))
