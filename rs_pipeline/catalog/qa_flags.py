"""QA flags of a scene over a grid: this module reads chips and the DEM, `radiometry.masks` computes the flags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyproj
import rasterio
import shapely
from affine import Affine
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.vrt import WarpedVRT

from rs_pipeline.catalog.chips import Chip, opened_chip, pixel_index, read_bands, read_role, read_stack, scales, taken
from rs_pipeline.catalog.decoded import once
from rs_pipeline.config import MaskSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.rasters import warped_onto
from rs_pipeline.model import OPTICAL_BANDS, SIDE_BANDS, Grid, Scene
from rs_pipeline.radiometry import masks as rules
from rs_pipeline.radiometry.masks import QAFlag, set_flag
from rs_pipeline.radiometry.scaling import number_range
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.blocks import check_blocks
from rs_pipeline.storage.foreign import foreign_raster

TERRAIN_REACH_M = 5_000.0
"""Terrain farther away than this, metres, casts no shadow on a pixel."""

_GROUND_M = 20.0


def _sun(scene: Scene) -> tuple[float, float] | None:
    if scene.sun_elevation_deg is None or scene.sun_azimuth_deg is None:
        return None
    return scene.sun_elevation_deg, scene.sun_azimuth_deg


@dataclass(frozen=True)
class NativeFlags:
    """QA flags on the native pixels of the mask, over the extent of the chip's data bands; shared by all blocks of a tile."""

    bits: np.ndarray
    """uint16 (rows, cols)."""
    transform: Affine

    def on(self, crs: str) -> Grid:
        """Its pixels as a grid."""
        return Grid(crs, self.transform.a, self.transform.c, self.transform.f, self.bits.shape[1], self.bits.shape[0])


def native_flags(chip: Chip, masks: MaskSection) -> NativeFlags | None:
    """QA flags from the mask, geometry and terrain of a scene; None for a chip without a mask."""
    if not chip.has("mask"):
        return None
    path, band = chip.files["mask"]
    with opened_chip(next(p for role, (p, _) in sorted(chip.files.items()) if role not in SIDE_BANDS)) as data:
        bounds = data.bounds
    with opened_chip(path) as dataset:
        t, shape, crs = dataset.transform, dataset.shape, dataset.crs.to_string()
        values = dataset.read(band)
    step_m, sun = (-t.e, t.a), _sun(chip.scene)
    top, bottom = _inside((t.f - bounds.top) / step_m[0], (t.f - bounds.bottom) / step_m[0], shape[0])
    left, right = _inside((bounds.left - t.c) / step_m[1], (bounds.right - t.c) / step_m[1], shape[1])
    labels = rules.label_flags(values, load_sensor(chip.scene.sensor).mask)
    bits = rules.add_geometry(labels, (slice(top, bottom), slice(left, right)), sun, masks, step_m)
    flags = NativeFlags(bits, Affine(t.a, 0, t.c + left * t.a, 0, t.e, t.f + top * t.e))
    _mark_terrain(bits, flags.on(crs), sun, masks)
    return flags


def _inside(start: float, stop: float, size: int) -> tuple[int, int]:
    return max(0, math.floor(start + 1e-6)), min(size, math.ceil(stop - 1e-6))


@dataclass(frozen=True)
class _Terrain:
    """Heights around a grid (float32, metres, NaN for nodata), and their own grid."""

    height_m: np.ndarray
    grid: Grid


@lru_cache(maxsize=4)
def _terrain(dem: Path, grid: Grid) -> _Terrain:
    """The DEM over the grid and TERRAIN_REACH_M around it, at its own pixel size but no finer than the grid.

    Raises
    ------
    ConfigError : the file is missing or no raster. RasterError : its blocks do not fit into memory; else as `foreign_raster`.
    """
    try:
        check_blocks(dem)
        with foreign_raster(dem) as source:
            with WarpedVRT(source, crs=grid.crs, resampling=Resampling.bilinear) as warped:
                step = max(grid.resolution_m, float(warped.transform.a))
            reach = math.ceil(TERRAIN_REACH_M / step) * step
            width = math.ceil((grid.width * grid.resolution_m + 2 * reach) / step)
            height = math.ceil((grid.height * grid.resolution_m + 2 * reach) / step)
            around = Grid(grid.crs, step, grid.left - reach, grid.top + reach, width, height)
            return _Terrain(warped_onto(source, around), around)
    except rasterio.errors.RasterioError as fault:
        raise ConfigError(f"the DEM cannot be read: {fault}", where=f"masks.dem: {dem}", remedy="give a raster of heights in metres with a CRS") from None


def _mark_terrain(qa: np.ndarray, grid: Grid, sun: tuple[float, float] | None, masks: MaskSection) -> None:
    """Mark TERRAIN on the grid, in place, where a DEM is given and the sun is known."""
    if masks.dem is None or sun is None:
        return
    terrain = _terrain(masks.dem, grid)
    shade = rules.terrain_shadow(terrain.height_m, terrain.grid.resolution_m, sun)
    rows, cols = pixel_index(terrain.grid.transform, terrain.grid.shape, grid)
    set_flag(qa, shade[rows[:, None], cols[None, :]], QAFlag.TERRAIN)


def range_edge_zone(scene: Scene, crs: str, width_m: float) -> shapely.Geometry:
    """The zone within ``width_m`` of the near and far range edges of a radar scene, in ``crs``.

    Sentinel-1 flies nearly north or south, so the edges of its footprint in that direction are the range edges; at the other edges
    the next scene of the pass follows.
    """
    to_run = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform
    footprint = shapely.transform(shapely.from_wkt(scene.footprint_wkt), to_run, interleaved=False)
    edges = []
    for polygon in shapely.get_parts(footprint):
        points = shapely.get_coordinates(polygon.exterior)
        for a, b in pairwise(points):
            if abs(b[1] - a[1]) > abs(b[0] - a[0]):
                edges.append(shapely.LineString([a, b]))
    return shapely.union_all(edges).buffer(width_m)


def radar_flags(chip: Chip, grid: Grid, masks: MaskSection) -> np.ndarray:
    """QA flags of radar pixels, uint16 (h, w): EDGE near the range edges, where border noise may remain.

    Border noise below 1e-5 is nodata already, by the sensor's table.
    """
    qa = np.zeros(grid.shape, dtype="uint16")
    if masks.radar_edge_m > 0 and chip.scene.footprint_wkt:
        zone = range_edge_zone(chip.scene, grid.crs, masks.radar_edge_m)
        if zone.intersects(shapely.box(*grid.bounds)):
            set_flag(qa, geometry_mask([zone], grid.shape, grid.transform, invert=True), QAFlag.EDGE)
    return qa


def read_radar(chips: Sequence[Chip], roles: Sequence[str], grid: Grid, masks: MaskSection) -> np.ndarray:
    """Bands of radar chips as `read_stack`, with 0 also where `radar_flags` sets a flag."""
    stack = read_stack(chips, roles, grid)
    for t, chip in enumerate(chips):
        stack[t, :, radar_flags(chip, grid, masks) != 0] = 0
    return stack


def _quality_flags(chip: Chip, grid: Grid) -> np.ndarray:
    """QA flags from the quality bands of Landsat that the chip has."""
    qa = np.zeros(grid.shape, dtype="uint16")
    if chip.has("saturation"):
        qa |= rules.saturation_flags(read_role(chip, "saturation", grid), chip.scene.platform)
    if chip.has("aerosol"):
        qa |= rules.aerosol_flags(read_role(chip, "aerosol", grid))
    if chip.has("opacity"):
        qa |= rules.opacity_flags(read_role(chip, "opacity", grid))
    return qa


def scene_flags(
    chip: Chip, grid: Grid, masks: MaskSection, *, dn: np.ndarray | None = None, native: NativeFlags | None = None
) -> np.ndarray:  # fmt: skip
    """QA flags of a scene on a grid: uint16 (h, w) of `QAFlag` bits, 0 where no flag is set.

    Flags are the labels of the mask, BUFFER around clouds, SHADOW_CONFIRMED (a dark or shadow label where a cloud's shadow can fall by geometry; every
    shadow label where the sun is not known), TERRAIN where the DEM shades the pixel, HAZE and SATURATED from Landsat's quality bands,
    NODATA where a required band has no data, and CLAMPED and SATURATED where a band is at the end of its range. A scene without a mask gets CLOUD
    where blue reflectance exceeds ``masks.bright_blue_refl``.

    Dilation and shadows are computed on the native pixels of the mask, so the result does not depend on the division into tiles and blocks.

    Parameters
    ----------
    dn : uint16 (7, h, w), bands of OPTICAL_BANDS on the grid, where the caller has read them; optical chips only.
    native : from `native_flags`, where the caller has it.
    """
    sensor = load_sensor(chip.scene.sensor)
    dn = read_bands(chip, grid) if dn is None else dn
    native = native or native_flags(chip, masks)
    if native is not None:
        qa = _on_grid(native, grid) | _quality_flags(chip, grid)
    else:
        qa = rules.brightness_flags(dn[OPTICAL_BANDS.index("blue")], chip.scene.scale, chip.scene.offset, masks.bright_blue_refl)
        _mark_terrain(qa, grid, _sun(chip.scene), masks)
    required = [OPTICAL_BANDS.index(b.role) for b in sensor.bands if b.required and b.role in OPTICAL_BANDS]
    return qa | rules.number_flags(dn, required, *number_range(sensor))


def tile_flags(chips: Sequence[Chip], grid: Grid, masks: MaskSection, threads: int = 1) -> list[NativeFlags | None]:
    """`native_flags` of all optical chips of a tile and period, with SHADOW_CONFIRMED cleared where the ground is lit; not to be changed.

    Ground brightness is computed on pixels at multiples of their size and as far as chips reach, so the result does not depend on the division
    into tiles, nor on the ``grid``, of which the CRS and pixel size are used: steps with grids of their own share it (`catalog.decoded`). See
    `radiometry.masks.lit_pixels`.
    """
    step = max(_GROUND_M, grid.resolution_m)
    folders = [next(iter(c.files.values()))[0].parent for c in chips]
    key = grid.crs, step, masks.model_dump_json(), *folders
    return once(key, set(folders), _bytes_of, partial(_lit_flags, chips, grid.crs, step, masks, threads))


def _bytes_of(native: list[NativeFlags | None]) -> int:
    return sum(n.bits.nbytes for n in native if n is not None)


def _lit_flags(chips: Sequence[Chip], crs: str, step: float, masks: MaskSection, threads: int) -> list[NativeFlags | None]:
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        native = list(pool.map(lambda c: native_flags(c, masks), chips))
    known = {t: n for t, n in enumerate(native) if n is not None and _sun(chips[t].scene) is not None}
    if len(known) <= rules.MIN_CLEAR_DATES or not any(rules.has_flag(n.bits, QAFlag.SHADOW_CONFIRMED).any() for n in known.values()):
        return native
    ground = _ground_grid([n.on(crs) for n in known.values()], step)
    bits = np.stack([_on_grid(n, ground) for n in known.values()])
    seen = [chips[t] for t in known]
    lit = rules.lit_pixels(read_stack(seen, ["nir"], ground)[:, 0], bits, *scales(seen), ground.resolution_m, masks.shadow_darkness)
    for n, free in zip(known.values(), lit, strict=True):
        if free.any():
            rows, cols = pixel_index(ground.transform, ground.shape, n.on(crs))
            n.bits[free[rows[:, None], cols[None, :]]] &= np.uint16(0xFFFF & ~QAFlag.SHADOW_CONFIRMED)
    return native


def _ground_grid(grids: Sequence[Grid], step: float) -> Grid:
    """The grid on which the ground is compared: over all of the given grids, on multiples of its pixel size."""
    lefts, bottoms, rights, tops = zip(*(g.bounds for g in grids), strict=True)
    col, row = math.floor(min(lefts) / step), math.ceil(max(tops) / step)
    return Grid(grids[0].crs, step, col * step, row * step, math.ceil(max(rights) / step) - col, row - math.floor(min(bottoms) / step))


def _on_grid(native: NativeFlags, grid: Grid) -> np.ndarray:
    """A mask's flags on a grid, NODATA outside."""
    return taken(native.bits, *pixel_index(native.transform, native.bits.shape, grid), QAFlag.NODATA)


def stack_flags(
    chips: Sequence[Chip], grid: Grid, masks: MaskSection, native: Sequence[NativeFlags | None] | None = None
) -> np.ndarray:  # fmt: skip
    """`scene_flags` of all optical chips of a tile and period, uint16 (T, h, w); ``native`` : from `tile_flags`, where blocks share it."""
    if not chips:
        return np.zeros((0, *grid.shape), dtype="uint16")
    native = native or tile_flags(chips, grid, masks)
    return np.stack([scene_flags(c, grid, masks, native=n) for c, n in zip(chips, native, strict=True)])
