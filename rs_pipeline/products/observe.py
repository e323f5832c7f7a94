"""Step ``observe``: all chips of one tile and period become the tile's maps.

Dask runs blocks of rows on threads within the memory budget; a kernel runs on one thread without the GIL.
"""

from __future__ import annotations

import dask
import numpy as np
import rasterio

from kernels.observe import VEGETATION_LAYERS, WATER_LAYERS, observe_vegetation, observe_water, radar_water
from kernels.sharpen import sharpen_swir
from rs_pipeline.catalog.chips import Chip, load_chips, read_stack, scales
from rs_pipeline.config import Settings, VegetationSection, load_sensor
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS, Grid, Period
from rs_pipeline.output.maps import MAP_BANDS
from rs_pipeline.output.provenance import map_tags
from rs_pipeline.output.raster import write_map
from rs_pipeline.products.black_odorous.pixels import black_odorous_layers
from rs_pipeline.products.calendar import Calendar, in_window
from rs_pipeline.radiometry.masks import reject_bits, scene_reasons
from rs_pipeline.region import read_tile

ROW_STEP = 64
"""Rows of a block are a multiple of this."""


def endmembers(section: VegetationSection) -> tuple[float, float, float]:
    """(NDVI of soil, NDVI of vegetation, K) from the endmember reflectances; K = (Rv+NIRv)/(Rs+NIRs)."""
    rs, ns, rv, nv = section.soil_red_refl, section.soil_nir_refl, section.vegetation_red_refl, section.vegetation_nir_refl
    return (ns - rs) / (ns + rs), (nv - rv) / (nv + rv), (rv + nv) / (rs + ns)


def block_rows(n_scenes: int, n_bands: int, width: int, height: int, budget_bytes: float, threads: int) -> int:
    """Rows of a block so that ``threads`` blocks of uint16 (with as much again for reading) stay within the budget."""
    row_bytes = max(1, n_scenes) * (n_bands + 1) * width * 2 * 2
    rows = int(budget_bytes / threads / row_bytes) // ROW_STEP * ROW_STEP
    return max(ROW_STEP, min(rows, -(-height // threads // ROW_STEP) * ROW_STEP))


def observe(settings: Settings, tile_id: str, period_label: str, threads: int = 2) -> None:
    """Write vegetation, water, black_odorous and observations of a tile and period (float32, NaN nodata).

    A tile without a readable scene gets maps of NaN and counts of 0: missing, not zero cover.
    """
    tile, period, layout = read_tile(settings, tile_id), settings.period(period_label), Layout(settings.root)
    chips = load_chips(settings, tile_id, period_label)
    optical = [c for c in chips if c.family == "optical"]
    radar = [c for c in chips if c.family == "radar"]
    names = [*VEGETATION_LAYERS, *WATER_LAYERS, "scenes", "probability", "bow_class", "n_dates"]
    maps = {name: np.full(tile.grid.shape, np.nan, "float32") for name in names}
    whole_tile = tile.grid.buffered(settings.grid.margin_m)
    budget = settings.resources.memory_gb * 1e9
    with dask.config.set(scheduler="threads", num_workers=threads):
        reasons = dask.compute(*[dask.delayed(_tile_reasons)(c, whole_tile, tile.grid, settings) for c in optical])
        rows = block_rows(len(chips), len(OPTICAL_BANDS), tile.grid.width, tile.grid.height, budget, threads)
        jobs = [
            dask.delayed(_observe_block)(settings, period, optical, radar, reasons, tile.grid, row, min(rows, tile.grid.height - row), maps)
            for row in range(0, tile.grid.height, rows)
        ]
        dask.compute(*jobs)
    tags = map_tags(settings, period, [c.scene for c in chips])
    for product, bands in MAP_BANDS.items():
        layers = {b.name: maps["bow_class" if (product, b.name) == ("black_odorous", "class") else b.name] for b in bands}
        write_map(layout.tile_map(period_label, tile_id, product), tile.grid, layers, bands, tags)


def _tile_reasons(chip: Chip, whole: Grid, inner: Grid, settings: Settings) -> np.ndarray:
    """Reason bits over the tile; computed with the margin, so that clouds beyond the border still cast buffer and shadow."""
    bits = scene_reasons(chip, whole, settings.masks)
    row = round((whole.top - inner.top) / whole.resolution_m)
    col = round((inner.left - whole.left) / whole.resolution_m)
    return np.ascontiguousarray(bits[row : row + inner.height, col : col + inner.width])


def _observe_block(settings, period, optical, radar, reasons, grid, row, height, maps) -> None:
    """Fill rows [row, row + height) of every map."""
    block, rows = grid.window(row, 0, height, grid.width), slice(row, row + height)
    days = [c.scene.solar_day for c in optical]
    calendar = Calendar.of(days, period)
    dn = read_sharpened(optical, block)
    bits = np.stack([r[rows] for r in reasons]) if reasons else np.zeros((0, *block.shape), "uint16")
    scale, offset = scales(optical)
    native_m = np.array([load_sensor(c.scene.sensor).band("nir").resolution_m for c in optical], "float32")
    evidence = _radar_evidence(settings, period, radar, block, calendar.n_months)

    w = settings.water
    water = np.empty((len(WATER_LAYERS), *block.shape), "float32")
    min_logit = float(np.log(w.min_probability / (1 - w.min_probability)))
    observe_water(
        dn, bits, reject_bits(settings.masks.water), scale, offset, native_m, calendar.day, calendar.month, evidence, min_logit,
        w.min_months, w.permanent_frequency, w.seasonal_frequency, w.ephemeral_frequency, water,
    )  # fmt: skip

    v = settings.vegetation
    vegetation = np.empty((len(VEGETATION_LAYERS), *block.shape), "float32")
    observe_vegetation(
        dn, bits, reject_bits(settings.masks.vegetation), scale, offset, calendar.day, in_window(days, v.peak_window),
        in_window(days, v.growing_window), endmembers(v), (v.sigma_ndvi, v.sigma_ndvi_soil, v.sigma_ndvi_vegetation),
        v.peak_percentile / 100, v.min_dates, v.min_span_days, vegetation,
    )  # fmt: skip

    for layers, values in ((WATER_LAYERS, water), (VEGETATION_LAYERS, vegetation)):
        for i, name in enumerate(layers):
            maps[name][rows] = values[i]
    maps["scenes"][rows] = (dn[:, 0] > 0).sum(axis=0)
    probability, classes, n_dates = black_odorous_layers(
        settings.black_odorous, w, settings.masks, optical, dn, bits, calendar, water[0], scale, offset
    )
    maps["probability"][rows], maps["bow_class"][rows], maps["n_dates"][rows] = probability, classes, n_dates


def read_sharpened(chips: list[Chip], block: Grid) -> np.ndarray:
    """Optical stack uint16 (T, 7, h, w) with SWIR at the block's pixel size; a rim makes the coarse cells at its edge whole."""
    cells = [_swir_cell(c, block.resolution_m) for c in chips]
    rim = max([n for n, _, _ in cells], default=1) - 1
    grid = block.window(-rim, -rim, block.height + 2 * rim, block.width + 2 * rim)
    dn = read_stack(chips, OPTICAL_BANDS, grid)
    phases = [(-round((top - grid.top) / grid.resolution_m) % -n, -round((grid.left - left) / grid.resolution_m) % -n) for n, left, top in cells]
    rows, cols = np.array(phases, "int64").reshape(-1, 2).T
    scale, offset = scales(chips)
    sharpen_swir(dn, scale, offset, np.array([n for n, _, _ in cells], "int64"), rows, cols)
    return np.ascontiguousarray(dn[:, :, rim : rim + block.height, rim : rim + block.width])


def _swir_cell(chip: Chip, resolution_m: float) -> tuple[int, float, float]:
    """(pixels on a side of a native SWIR cell, left, top of the chip); 1 where NIR is no finer than SWIR or the grid."""
    with rasterio.open(chip.files["swir1"][0]) as swir, rasterio.open(chip.files["nir"][0]) as nir:
        left, top, swir_m, nir_m = swir.transform.c, swir.transform.f, swir.transform.a, nir.transform.a
    cell = round(swir_m / resolution_m) if nir_m < swir_m and nir_m <= resolution_m * 1.01 else 1
    return max(cell, 1), left, top


def _radar_evidence(settings: Settings, period: Period, radar: list[Chip], block: Grid, n_months: int) -> np.ndarray:
    """int8 (M, h, w): 1 water, -1 not water, 0 not seen, a map a month."""
    out = np.zeros((n_months, *block.shape), "int8")
    if radar:
        month = Calendar.of([c.scene.solar_day for c in radar], period).month
        power = [10 ** (db / 10) for db in (settings.water.vv_max_db, settings.water.vh_max_db)]
        radar_water(read_stack(radar, RADAR_BANDS, block), month, n_months, power[0], power[1], out)
    return out
