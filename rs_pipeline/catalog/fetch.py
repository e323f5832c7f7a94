"""Fetch: clip every used scene of a period to a tile, verify what was written, and say what could not be read."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window
from rich.console import Console
from rich.progress import track

from rs_pipeline.catalog.chips import MANIFEST_COLUMNS, chip_files
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.read import FAULTS, open_raster, retrying
from rs_pipeline.config import FetchSection, Settings, load_sensor
from rs_pipeline.errors import PipelineError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import QUALITY_BANDS, Band, Grid, Scene, Sensor
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.output.raster import BLOCK_PX
from rs_pipeline.output.tables import write_parquet
from rs_pipeline.radiometry.masks import shadow_reach_m
from rs_pipeline.radiometry.scaling import chip_numbers, mask_numbers
from rs_pipeline.region import read_tile

MASK_ROLES = QUALITY_BANDS
"""Roles whose values are classes or bits: never interpolated, never shifted."""

_FOOTPRINT_SLACK_DEG = 0.005


@dataclass(frozen=True)
class Piece:
    """Pixels of one band over a tile, on a north-up grid of the run's CRS."""

    role: str
    numbers: np.ndarray
    """uint16 (h, w), 0 (masks: the mask's fill) for nodata."""
    transform: Affine


def _bounds_window(transform: Affine, bounds: tuple[float, float, float, float]) -> Window:
    """Smallest whole-pixel window of a north-up grid that covers the bounds; may reach outside the raster."""
    left, bottom, right, top = bounds
    col, row = math.floor((left - transform.c) / transform.a + 1e-6), math.floor((top - transform.f) / transform.e + 1e-6)
    end_col, end_row = math.ceil((right - transform.c) / transform.a - 1e-6), math.ceil((bottom - transform.f) / transform.e - 1e-6)
    return Window(col, row, end_col - col, end_row - row)


def _read_window(dataset: rasterio.DatasetReader, window: Window, sensor: Sensor, role: str) -> np.ndarray:
    """The window's pixels as chip numbers (uint16), filled where the window reaches outside the raster."""
    fill = sensor.mask.fill if role == "mask" else 0
    numbers = np.full((int(window.height), int(window.width)), fill, dtype="uint16")
    top, left = max(0, int(window.row_off)), max(0, int(window.col_off))
    bottom = min(dataset.height, int(window.row_off + window.height))
    right = min(dataset.width, int(window.col_off + window.width))
    if bottom > top and right > left:
        values = dataset.read(1, window=Window(left, top, right - left, bottom - top))
        read = mask_numbers(values, sensor) if role in MASK_ROLES else chip_numbers(values, sensor, dataset.nodata)
        row, col = top - int(window.row_off), left - int(window.col_off)
        numbers[row : row + read.shape[0], col : col + read.shape[1]] = read
    return numbers


def _clip(dataset: rasterio.DatasetReader, bounds: tuple[float, float, float, float], sensor: Sensor, role: str) -> Piece:
    """Native pixels over the bounds, which are in the raster's CRS."""
    window = _bounds_window(dataset.transform, bounds)
    numbers = _read_window(dataset, window, sensor, role)
    return Piece(role, numbers, dataset.window_transform(window))


def _native_step_m(dataset: rasterio.DatasetReader, band: Band) -> float:
    """Pixel size to warp to: the table's, unless the raster is coarser than it says."""
    if dataset.crs.is_geographic:
        return band.resolution_m
    return max(band.resolution_m, float(round(min(dataset.transform.a, -dataset.transform.e))))


def _warp(dataset: rasterio.DatasetReader, bounds: tuple[float, float, float, float], crs: CRS, sensor: Sensor, band: Band) -> Piece:
    """The bounds (in ``crs``) at native pixel size: bilinear for data, nearest for masks, nodata respected.

    Pixels lie on multiples of the pixel size, so that neighbouring tiles agree.
    """
    step = _native_step_m(dataset, band)
    left, bottom = math.floor(bounds[0] / step) * step, math.floor(bounds[1] / step) * step
    right, top = math.ceil(bounds[2] / step) * step, math.ceil(bounds[3] / step) * step
    out = Affine(step, 0, left, 0, -step, top)
    source_bounds = transform_bounds(crs, dataset.crs, left, bottom, right, top, densify_pts=21)
    near = _bounds_window(dataset.transform, source_bounds)
    near = Window(near.col_off - 2, near.row_off - 2, near.width + 4, near.height + 4)
    source = _read_window(dataset, near, sensor, band.role)
    masking = band.role in MASK_ROLES
    fill = sensor.mask.fill if band.role == "mask" else 0
    numbers = np.full((round((top - bottom) / step), round((right - left) / step)), fill, dtype="uint16")
    reproject(
        source, numbers, src_transform=dataset.window_transform(near), src_crs=dataset.crs, dst_transform=out, dst_crs=crs,
        src_nodata=None if masking else 0, dst_nodata=None if masking else 0, init_dest_nodata=not masking,
        resampling=Resampling.nearest if masking else Resampling.bilinear,
    )  # fmt: skip
    return Piece(band.role, numbers, out)


def _overlap(dataset: rasterio.DatasetReader, wide: tuple, tile: tuple, crs: CRS) -> tuple[float, float, float, float]:
    """The wide bounds cut to the raster's extent, but never less than the tile's bounds."""
    extent = dataset.bounds if dataset.crs == crs else transform_bounds(dataset.crs, crs, *dataset.bounds, densify_pts=21)
    cut = (max(wide[0], extent[0]), max(wide[1], extent[1]), min(wide[2], extent[2]), min(wide[3], extent[3]))
    return (min(cut[0], tile[0]), min(cut[1], tile[1]), max(cut[2], tile[2]), max(cut[3], tile[3]))


def read_piece(scene: Scene, band: Band, grid: Grid, reach_m: float, limits: FetchSection) -> Piece:
    """One band of a scene over the grid; masks also over ``reach_m`` around it, as far as the raster goes.

    Raises
    ------
    RasterError, rasterio errors : the raster cannot be read or breaks a limit.
    """
    sensor, crs, href = load_sensor(scene.sensor), CRS.from_user_input(grid.crs), scene.assets[band.role]
    with open_raster(href, scene.sign, limits, band.resolution_m) as dataset:
        bounds = grid.bounds
        if band.role == "mask":
            n = math.ceil(reach_m / grid.resolution_m)
            bounds = _overlap(dataset, grid.window(-n, -n, grid.height + 2 * n, grid.width + 2 * n).bounds, bounds, crs)
        if dataset.crs == crs:
            return _clip(dataset, bounds, sensor, band.role)
        return _warp(dataset, bounds, crs, sensor, band)


def _groups(pieces: list[Piece]) -> Iterator[tuple[str, list[Piece]]]:
    """Pieces that share a pixel grid, with the name of their file; the mask is alone because it reaches further."""
    by_grid: dict[tuple, list[Piece]] = {}
    for piece in pieces:
        by_grid.setdefault((piece.role == "mask", piece.transform, piece.numbers.shape), []).append(piece)
    for i, ((is_mask, transform, _), group) in enumerate(sorted(by_grid.items(), key=lambda entry: entry[1][0].role)):
        yield ("mask.tif" if is_mask else f"{transform.a:g}m-{i}.tif"), group


def _write(path: Path, group: list[Piece], crs: str, tags: dict[str, str]) -> None:
    """Write a chip file and read it back; it takes its name only when it holds what was meant."""
    height, width = group[0].numbers.shape
    with atomic_path(path) as part:
        with rasterio.open(
            part, "w", driver="GTiff", dtype="uint16", count=len(group), height=height, width=width, crs=crs, transform=group[0].transform,
            tiled=True, blockxsize=BLOCK_PX, blockysize=BLOCK_PX, compress="deflate", predictor=2, interleave="band",
        ) as out:  # fmt: skip
            for i, piece in enumerate(group, start=1):
                out.write(piece.numbers, i)
                out.set_band_description(i, piece.role)
            out.update_tags(**tags)
        with rasterio.open(part, driver="GTiff") as back:
            right = back.shape == (height, width) and back.crs == CRS.from_user_input(crs)
            if not right or any(not np.array_equal(back.read(i), p.numbers) for i, p in enumerate(group, start=1)):
                raise RasterError("the chip does not read back as written", where=str(path), remedy="check the disk")


def _tags(scene: Scene, grid: Grid, reach_m: float) -> dict[str, str]:
    """What a chip was made from; a chip with other tags is made anew."""
    sizes = {href: Path(href).stat().st_size for href in scene.assets.values() if href.startswith("/") and Path(href).is_file()}
    made_from = {"assets": scene.assets, "bytes": sizes, "bounds": grid.bounds, "crs": grid.crs, "reach_m": round(reach_m), "sensor": scene.sensor}
    return {"SCENE": scene.scene_id, "MADE_FROM": json.dumps(made_from, sort_keys=True)}


def _verified(folder: Path, scene: Scene, grid: Grid, tags: dict[str, str]) -> bool:
    """Whether the folder holds the whole chip, made from the same sources, and every block can be read."""
    try:
        files = chip_files(folder)
        if set(files) != set(scene.assets):
            return False
        for path in {path for path, _ in files.values()}:
            with rasterio.open(path, driver="GTiff") as dataset:
                if dataset.tags().get("MADE_FROM") != tags["MADE_FROM"] or dataset.crs != CRS.from_user_input(grid.crs):
                    return False
                dataset.read()
        return True
    except FAULTS:
        return False


def fault_text(fault: BaseException, href: str) -> str:
    """One line that names the file and the deepest cause; rasterio's own text often only points to it."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    name = urlsplit(href).path.rsplit("/", 1)[-1]
    return " ".join(f"{name}: {type(fault).__name__}: {fault}".split())


def fetch_scene(scene: Scene, grid: Grid, folder: Path, settings: Settings) -> tuple[str, str, int]:
    """Make (or keep) the chip of one scene: (status, reason, bytes). Never raises for a bad scene."""
    sensor = load_sensor(scene.sensor)
    reach_m = shadow_reach_m(scene.sun_elevation_deg, settings.masks.shadow_height_m) if sensor.mask.kind != "none" else 0.0
    tags = _tags(scene, grid, reach_m)
    if not _verified(folder, scene, grid, tags):
        shutil.rmtree(folder, ignore_errors=True)
        pieces, reading = [], "chip"
        try:
            for band in sensor.bands:
                if reading := scene.assets.get(band.role, ""):
                    pieces.append(retrying(lambda b=band: read_piece(scene, b, grid, reach_m, settings.fetch), reading, settings.fetch))
            if not any(p.numbers.any() for p in pieces if p.role not in MASK_ROLES):
                return "empty", "no data over the tile", 0
            for name, group in _groups(pieces):
                _write(folder / name, group, grid.crs, tags)
        except (PipelineError, *FAULTS) as fault:
            shutil.rmtree(folder, ignore_errors=True)
            return "failed", fault_text(fault, reading), 0
    return "ok", "", sum(p.stat().st_size for p in folder.glob("[!.]*.tif"))


def scenes_over(scenes: list[Scene], grid: Grid) -> list[Scene]:
    """The scenes whose footprint meets the grid."""
    outline = shapely.segmentize(shapely.box(*grid.bounds), max(grid.width, grid.height) * grid.resolution_m / 8)
    to_degrees = Transformer.from_crs(grid.crs, 4326, always_xy=True).transform
    outline = shapely.transform(outline, to_degrees, interleaved=False).buffer(_FOOTPRINT_SLACK_DEG)
    shapely.prepare(outline)
    return [s for s in scenes if outline.intersects(shapely.from_wkt(s.footprint_wkt))]


def fetch(settings: Settings, tile_id: str, period_label: str, threads: int = 2) -> None:
    """Write the chips of a tile and period and their manifest (columns: `chips.MANIFEST_COLUMNS`).

    Every used scene of the period (by solar day) that meets the tile has a row. A scene that cannot be read
    is ``failed`` with its reason and the rest goes on. Chips of an interrupted run are kept where they verify.
    """
    layout, period = Layout(settings.root), settings.period(period_label)
    grid = read_tile(settings, tile_id).grid.buffered(settings.grid.margin_m)
    manifest = layout.chips(period_label, tile_id)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    used = [s for s in read_ledger(layout.scenes) if s.status == "used" and s.solar_day in period]
    wanted = scenes_over(used, grid)
    console = Console(stderr=True)
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        results = pool.map(lambda s: fetch_scene(s, grid, manifest.parent / s.key, settings), wanted)
        label = f"fetch {tile_id} {period_label}"
        outcomes = list(track(results, description=label, total=len(wanted), console=console, disable=not console.is_terminal))
    rows = [(s.scene_id, s.key, s.sensor, s.datetime, *outcome) for s, outcome in zip(wanted, outcomes, strict=True)]
    table = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    table["datetime"] = pd.to_datetime(table["datetime"], utc=True).astype("datetime64[us, UTC]")
    table["bytes"] = table["bytes"].astype("int64")
    write_parquet(table.astype({c: "string" for c in ("scene_id", "key", "sensor", "status", "reason")}), manifest)
    counts = table.status.value_counts()
    lost = int(counts.get("failed", 0))
    console.print(f"{label}: {counts.get('ok', 0)} chips, {counts.get('empty', 0)} empty, {lost} of {len(table)} scenes failed", highlight=False)
    for row in table[table.status == "failed"].itertuples():
        console.print(f"  {row.key}: {row.reason}", markup=False, highlight=False)
