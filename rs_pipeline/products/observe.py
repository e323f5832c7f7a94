"""Step ``observe``: all chips of one tile and period become the tile's maps.

Blocks are sized to the memory budget (`blocks`). The result of a block depends only on its job and its place. Dask's threads read it date by
date and compute it strip by strip, in this process or in a cluster worker that can read the same chips. A kernel runs on one thread and
releases the GIL.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import dask
import dask.local
import dask.threaded
import numpy as np
import pyproj
from rs_kernels.edges import classify_water, finest_median, plants_on_water, water_under_plants
from rs_kernels.observe import WATER_LAYERS, Months, observe_water, radar_water
from rs_kernels.sharpen import sharpen_swir
from rs_kernels.stack import Stack, one_a_day
from rs_kernels.vegetation import COVER_LAYERS

from rs_pipeline.catalog.chips import Chip, load_chips, native_transform, read_stack, scales
from rs_pipeline.catalog.passes import Pass, pass_flags, passes_of, read_pass, read_radar_pass
from rs_pipeline.catalog.qa_flags import NativeFlags
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS, Grid, Period
from rs_pipeline.products.black_odorous.pixels import black_odorous_layers
from rs_pipeline.products.blocks import OPTICAL_BYTES, RADAR_BYTES, READ_BYTES, Block, budget_bytes, file_blocks, plan_blocks
from rs_pipeline.products.calendar import Calendar, may_freeze
from rs_pipeline.products.register import RegionMap, observed_maps
from rs_pipeline.products.vegetation.edges import sharpen_covers
from rs_pipeline.products.vegetation.pixels import vegetation_layers
from rs_pipeline.products.water.edges import (
    HALO_PX,
    HIGH_SUN_DEG,
    Medians,
    low_sun_frequency,
    may_have_flats,
    sharpen_edges,
    tidal_flats,
    tidal_reach,
    without_shadow,
)
from rs_pipeline.radiometry.masks import flag_bits
from rs_pipeline.radiometry.scaling import linear_power
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.provenance import FINEST_TAG, map_tags
from rs_pipeline.storage.raster import write_map
from rs_pipeline.tiles import read_tile

PADDY_MONTHS = (5, 6)
"""Months in which paddies of the Hebei coast are flooded for planting."""

STRIP_ROWS = 64
"""Rows that a thread computes at a time."""

EDGE_LAYERS = tuple(f"{band}_refl" for band in Medians._fields)
"""Layers of `Medians`, in its order."""

OBSERVED_LAYERS = (*COVER_LAYERS, *WATER_LAYERS, *EDGE_LAYERS, "scenes", "probability", "bow_class", "n_dates")
"""Layers of a block's result, float32 each."""


def observe(settings: Settings, tile_id: str, period_label: str, threads: int = 2, chips: list[Chip] | None = None) -> None:
    """Write vegetation, water, black_odorous and observations of a tile and period (float32, NaN nodata).

    A tile without a readable scene gets maps of NaN and counts of 0: missing, not zero cover. ``chips``: default those that were fetched.
    """
    tile, period, layout = read_tile(settings, tile_id), settings.period(period_label), Layout(settings.root)
    chips = load_chips(settings, tile_id, period_label) if chips is None else chips
    optical, radar = (passes_of([c for c in chips if c.family == family]) for family in ("optical", "radar"))
    grid = tile.grid.window(-HALO_PX, -HALO_PX, tile.grid.height + 2 * HALO_PX, tile.grid.width + 2 * HALO_PX)
    tidal = tidal_reach(settings, grid)
    job = ObserveJob(settings, period, grid, optical, radar, pass_flags(optical, grid, settings.masks, threads), tidal | may_have_flats(settings))
    maps = observe_anywhere(job, threads) if settings.resources.dask_scheduler else observe_here(job, threads)
    finish_water(settings, maps, tidal)
    sharpen_covers(maps, native_m(optical), grid.resolution_m)
    maps = {name: layer[HALO_PX:-HALO_PX, HALO_PX:-HALO_PX] for name, layer in maps.items()}
    tags = map_tags(settings, period, [c.scene for c in chips]) | {FINEST_TAG: f"{min(native_m(optical), default=np.nan):g}"}

    def write(made: RegionMap) -> None:
        layers = {b.name: maps["bow_class" if (made.name, b.name) == ("black_odorous", "class") else b.name] for b in made.bands}
        write_map(layout.tile_map(period_label, tile_id, made.name), tile.grid, layers, made.bands, tags)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(write, observed_maps().values()))


def empty_maps(grid: Grid) -> dict[str, np.ndarray]:
    """OBSERVED_LAYERS of NaN, float32 (h, w)."""
    return {name: np.full(grid.shape, np.nan, "float32") for name in OBSERVED_LAYERS}


def observe_here(job: ObserveJob, threads: int) -> dict[str, np.ndarray]:
    """OBSERVED_LAYERS of the job's grid by threads of this process. All blocks are in one Dask graph, so that one is read while another is computed."""
    maps = empty_maps(job.grid)
    placed = [dask.delayed(partial(_place, maps))(piece) for block in job_blocks(job, threads) for piece in _block_tasks(job, block)]
    dask.compute(*placed, scheduler=dask.threaded.get, num_workers=threads)
    return maps


def observe_anywhere(job: ObserveJob, threads: int) -> dict[str, np.ndarray]:
    """The same by the workers of the configured cluster, one task per block."""
    from rs_pipeline.products.dask_cluster import cluster_client, results_anywhere

    maps = empty_maps(job.grid)
    with cluster_client(job.settings.resources, threads, job.settings.root) as client:
        blocks = job_blocks(job, threads, pieces=2 * sum(client.nthreads().values()))
        for pieces in results_anywhere(client, observe_block, job, blocks):
            for piece in pieces:
                _place(maps, piece)
    return maps


def observe_block(job: ObserveJob, block: Block) -> list[ObservedStrip]:
    """All strips of a block, on the calling thread."""
    return list(dask.compute(*_block_tasks(job, block), scheduler=dask.local.get_sync))


def _place(maps: dict[str, np.ndarray], piece: ObservedStrip) -> None:
    """Copy a strip's layers into the maps, in place."""
    for name, layer in piece.layers.items():
        maps[name][piece.inside] = layer


def finish_water(settings: Settings, maps: dict[str, np.ndarray], tidal: np.ndarray) -> None:
    """Complete the water layers in place: remove shadow, correct the rims of waters, keep water that plants hide in their season, then add
    classes, bounds and plants. ``tidal`` : see `tidal_reach`."""
    w = settings.water
    seen, high, high_months = maps["frequency"], maps["high_sun_frequency"], maps["high_sun_months"]
    low = low_sun_frequency(seen, maps["clear_months"], high, high_months)
    frequency = without_shadow(seen, high, high_months, w.seasonal_frequency)
    moving = tidal & tidal_flats(frequency, w.permanent_frequency, w.ephemeral_frequency)
    maps["frequency"], maps["permanent_fraction"] = sharpen_edges(
        frequency, high, low, Medians(*(maps[name] for name in EDGE_LAYERS)), ~moving, w.permanent_frequency, w.seasonal_frequency, w.ephemeral_frequency
    )
    hidden = np.empty(tidal.shape, bool)
    months = maps["clear_months"], maps["green_months"], high, high_months, maps["high_sun_green_months"]
    water_under_plants(seen, *months, maps["fvc_peak"], np.float32(w.permanent_frequency), hidden)
    maps["frequency"] = np.where(hidden, np.fmax(maps["frequency"], seen), maps["frequency"])
    classes = np.empty((3, *tidal.shape), "float32")
    classify_water(maps["frequency"], maps["clear_months"], w.permanent_frequency, w.seasonal_frequency, w.ephemeral_frequency, classes)
    maps["class"], maps["frequency_lower"], maps["frequency_upper"] = classes
    maps["plants"] = np.empty(tidal.shape, "float32")
    plants_on_water(maps["class"], maps["frequency"], hidden, maps["spring_wet_months"], maps["fvc_peak"], maps["plants"])


@dataclass(frozen=True)
class ObserveJob:
    """What all blocks of a tile and period have in common."""

    settings: Settings
    period: Period
    grid: Grid
    optical: list[Pass]
    radar: list[Pass]
    native: list[list[NativeFlags | None]]
    """Quality flags in native pixels, of each chip of each optical pass."""
    tidal: np.ndarray
    """bool (h, w), where the tide may bare mud."""

    @property
    def chips(self) -> list[Chip]:
        return [c for p in (*self.optical, *self.radar) for c in p.chips]


@dataclass(frozen=True)
class ObservedStrip:
    """Result of a strip."""

    inside: tuple[slice, slice]
    """Its rows and columns within the job's grid."""
    layers: dict[str, np.ndarray]
    """OBSERVED_LAYERS, (h, w) each."""


@dataclass(frozen=True)
class Strip:
    """A few rows of a block with all dates: what one thread computes at a time. Its arrays are filled while the block is read."""

    rows: slice
    """Its rows within the block."""
    inside: tuple[slice, slice]
    """Its rows and columns within the job's grid."""
    dn: np.ndarray
    """uint16 (T, 7, h, w), see `read_sharpened`."""
    qa: np.ndarray
    """uint16 (T, h, w)."""
    radar: np.ndarray
    """uint16 (R, 2, h, w)."""


def job_blocks(job: ObserveJob, threads: int, pieces: int = 1) -> list[Block]:
    """Blocks of the tile within the memory budget, less the memory of maps, native flags and dates being read.

    ``pieces``: there are at least about so many blocks.
    """
    pixels = job.grid.width * job.grid.height
    held = len(OBSERVED_LAYERS) * 4 * pixels + sum(n.bits.nbytes for flags in job.native for n in flags if n is not None)
    held += threads * READ_BYTES * pixels
    bytes_per_pixel = len(job.optical) * OPTICAL_BYTES + len(job.radar) * RADAR_BYTES
    budget = budget_bytes(job.settings) - held
    if pieces > 1:
        budget = min(budget, 2 * bytes_per_pixel * pixels / pieces)
    return plan_blocks(job.grid, file_blocks(job.chips, job.grid), bytes_per_pixel, budget)


def _block_tasks(job: ObserveJob, block: Block) -> list:
    """Dask's tasks of a block, an `ObservedStrip` each: a date is read by one thread, then a strip is computed by one thread.

    Dask starts on the next block's dates as soon as a thread is free, so that reading and computing overlap. The arrays that the tasks share
    belong to the block and never leave the process.
    """
    strips = dask.delayed(partial(_new_strips, job, block))()
    read = [dask.delayed(partial(_read_optical, job, block, t))(strips) for t in range(len(job.optical))]
    read += [dask.delayed(partial(_read_radar, job, block, t))(strips) for t in range(len(job.radar))]
    return [dask.delayed(partial(_observe_strip, job, k))(strips, read) for k in range(-(-block.height // STRIP_ROWS))]


def _new_strips(job: ObserveJob, block: Block) -> list[Strip]:
    strips = []
    for row in range(0, block.height, STRIP_ROWS):
        h, w = min(STRIP_ROWS, block.height - row), block.width
        inside = slice(block.row + row, block.row + row + h), slice(block.col, block.col + w)
        stacks = [np.zeros(shape, "uint16") for shape in ((len(job.optical), 7, h, w), (len(job.optical), h, w), (len(job.radar), 2, h, w))]
        strips.append(Strip(slice(row, row + h), inside, *stacks))
    return strips


def _read_optical(job: ObserveJob, block: Block, t: int, strips: list[Strip]) -> None:
    dn, qa = read_pass(job.optical[t], block.on(job.grid), job.settings.masks, sharpened_bands, job.native[t])
    for strip in strips:
        strip.dn[t], strip.qa[t] = dn[:, strip.rows], qa[strip.rows]


def _read_radar(job: ObserveJob, block: Block, t: int, strips: list[Strip]) -> None:
    dn = read_radar_pass(job.radar[t], RADAR_BANDS, block.on(job.grid), job.settings.masks)
    for strip in strips:
        strip.radar[t] = dn[:, strip.rows]


def _observe_strip(job: ObserveJob, k: int, strips: list[Strip], _read: list[None]) -> ObservedStrip:
    """The rows of one strip of every layer."""
    settings, optical, dn = job.settings, job.optical, strips[k].dn
    shape = dn.shape[2:]
    calendar = Calendar.of([p.scene.solar_day for p in optical], job.period)
    stack = Stack(dn, strips[k].qa, 0, *scales(optical), native_m(optical), calendar.day, calendar.month)
    for_water = one_a_day(stack, flag_bits(settings.masks.water))
    evidence, radar_power = _radar_evidence(job, strips[k].radar, calendar.n_months)
    high_sun = sun_is_high(optical)
    months = np.arange(calendar.n_months)
    high_months, spring = np.isin(months, calendar.month[high_sun]), np.isin((months + job.period.start.month - 1) % 12 + 1, PADDY_MONTHS)

    w = settings.water
    water = np.empty((len(WATER_LAYERS), *shape), "float32")
    min_logit = float(np.log(w.min_probability / (1 - w.min_probability)))
    freezing = may_freeze(latitude_deg(job.grid), (months + job.period.start.month - 1) % 12 + 1)
    observe_water(for_water, Months(evidence, radar_power, high_months, spring, freezing, job.tidal[strips[k].inside]), min_logit, w.min_months, water)
    medians = np.full((len(EDGE_LAYERS), *shape), np.nan, "float32")
    for band, median in zip(Medians._fields, medians, strict=True):
        finest_median(for_water, OPTICAL_BANDS.index(band), high_sun, median)

    vegetation = vegetation_layers(settings, optical, stack)

    probability, classes, n_dates = black_odorous_layers(settings.black_odorous, w, settings.masks, optical, stack, water[0])
    layers = dict(zip(WATER_LAYERS, water, strict=True)) | dict(zip(COVER_LAYERS, vegetation, strict=True))
    layers |= dict(zip(EDGE_LAYERS, medians, strict=True)) | {"scenes": (dn[:, 0] > 0).sum(axis=0).astype("float32")}
    layers |= {"probability": probability, "bow_class": classes, "n_dates": n_dates}
    return ObservedStrip(strips[k].inside, layers)


@cache
def latitude_deg(grid: Grid) -> float:
    """Latitude of a grid's middle; cached, because every strip of a tile needs it."""
    left, bottom, right, top = grid.bounds
    return float(pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform((left + right) / 2, (bottom + top) / 2)[1])


def native_m(passes: list[Pass]) -> np.ndarray:
    """Pixel size, m, of the near-infrared band of each pass's sensor, float32 (T,)."""
    return np.array([load_sensor(p.scene.sensor).known_band("nir").resolution_m for p in passes], "float32")


def sun_is_high(passes: list[Pass]) -> np.ndarray:
    """Passes whose sun stands at HIGH_SUN_DEG or higher, or is not known; bool (T,)."""
    elevation = np.array([90.0 if p.scene.sun_elevation_deg is None else p.scene.sun_elevation_deg for p in passes], "float64")
    return elevation >= HIGH_SUN_DEG


def sharpened_bands(chip: Chip, grid: Grid) -> np.ndarray:
    """`read_sharpened` of one chip, uint16 (7, h, w)."""
    return read_sharpened([chip], grid)[0]


def read_sharpened(chips: list[Chip], block: Grid) -> np.ndarray:
    """Optical stack uint16 (T, 7, h, w) with SWIR at the block's pixel size.

    Where native SWIR cells reach beyond the block, it is read with a rim, so that these cells are complete.
    """
    cells = [_swir_cell(c, block.resolution_m) for c in chips]
    whole = all(block.height % n == 0 and block.width % n == 0 and _phase(block, n, left, top) == (0, 0) for n, left, top in cells)
    rim = 0 if whole else max(n for n, _, _ in cells) - 1
    grid = block.window(-rim, -rim, block.height + 2 * rim, block.width + 2 * rim)
    dn = read_stack(chips, OPTICAL_BANDS, grid)
    rows, cols = np.array([_phase(grid, *cell) for cell in cells], "int64").reshape(-1, 2).T
    scale, offset = scales(chips)
    sharpen_swir(dn, scale, offset, np.array([n for n, _, _ in cells], "int64"), rows, cols)
    return dn[:, :, rim : rim + block.height, rim : rim + block.width]


def _phase(grid: Grid, cell: int, left: float, top: float) -> tuple[int, int]:
    """Row and column, in (-cell, 0], of the corner of the coarse cell that holds the grid's first pixel."""
    return -round((top - grid.top) / grid.resolution_m) % -cell, -round((grid.left - left) / grid.resolution_m) % -cell


def _swir_cell(chip: Chip, resolution_m: float) -> tuple[int, float, float]:
    """(pixels on a side of a native SWIR cell, left, top of the chip); 1 where NIR is no finer than SWIR or the grid."""
    swir, nir = native_transform(chip, "swir1"), native_transform(chip, "nir")
    cell = round(swir.a / resolution_m) if nir.a < swir.a and nir.a <= resolution_m * 1.01 else 1
    return max(cell, 1), swir.c, swir.f


def _radar_evidence(job: ObserveJob, amplitude_dn: np.ndarray, n_months: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of `radar_water` int8 (M, h, w), 0 not seen, and mean power of VV float32 (M, h, w), one layer per month."""
    out, mean_power = np.zeros((n_months, *amplitude_dn.shape[2:]), "int8"), np.zeros((n_months, *amplitude_dn.shape[2:]), "float32")
    if job.radar:
        month = Calendar.of([p.scene.solar_day for p in job.radar], job.period).month
        power = [linear_power(db) for db in (job.settings.water.vv_max_db, job.settings.water.vh_max_db)]
        radar_water(amplitude_dn, month, n_months, power[0], power[1], out, mean_power)
    return out, mean_power
