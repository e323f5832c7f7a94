"""Step ``heat``: the temperatures and the land map of a tile and period become its map of surface temperature above rural land."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from rs_kernels.heat import ERROR_STEP_K, KELVIN_OFFSET, KELVIN_STEP
from scipy import ndimage

from rs_pipeline.catalog.chips import Chip, load_chips, read_bands, read_stack
from rs_pipeline.catalog.passes import Pass, clear_once, pass_flags, passes_of
from rs_pipeline.config import HeatSection, Settings, heat_of
from rs_pipeline.inputs.rasters import raster_on
from rs_pipeline.layout import Layout
from rs_pipeline.model import THERMAL_BANDS, Grid
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.heat.anomaly import surface_anomalies
from rs_pipeline.products.heat.maps import BANDS, HEAT, Zone
from rs_pipeline.products.land.classes import Land
from rs_pipeline.radiometry.masks import flag_bits
from rs_pipeline.storage.provenance import map_tags
from rs_pipeline.storage.raster import band_index, open_map, write_map
from rs_pipeline.tiles import read_tile

COLDEST_K, HOTTEST_K = 240.0, 354.0
"""Temperatures outside are no ground: 354 K (80.8 degrees Celsius) is the hottest that satellites have measured (Zhao et al. 2021, Bull. Am. Meteorol.
Soc. 102:E2085), and tops of thick clouds are below 240 K."""

RURAL_LAND = (Land.CROPLAND, Land.GRASS, Land.TREE)
"""Land that built-up land is compared with."""

HALF_FULL = 0.5 - 1e-4
"""Share of the sensor's pixel that is built from which a built-up pixel counts; less than a half by the rounding of the filter."""


def heat(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write the map of surface temperature of a tile and period (BANDS, float32, NaN nodata).

    NaN where a pixel has fewer than ``heat.min_dates`` temperatures, and everywhere where the tile has less rural land than ``heat.min_rural_km2``.
    ``chips`` : default those that were fetched; an empty list for a tile without scenes.

    Raises
    ------
    RasterError : a chip is damaged. ConfigError : the heights cannot be read.
    """
    tile, period, layout, section = read_tile(settings, tile_id), settings.period(period_label), Layout(settings.root), heat_of(settings)
    layers = {b.name: np.full(tile.grid.shape, np.nan, "float32") for b in BANDS}
    used: list[Pass] = []
    if chips is None:
        chips = load_chips(settings, tile_id, period_label)
        used = thermal_passes(chips, section)
        with open_map(layout.tile_map(period_label, tile_id, "land"), tile.grid) as src:
            land = src.read(band_index(src, "class"))
        layers["zone"] = zones(land, _heights(settings, tile.grid), section, tile.grid.resolution_m)
        reference = layers["zone"] == Zone.RURAL
        if reference.sum() * tile.grid.pixel_area_m2 >= section.min_rural_km2 * 1e6:
            numbers, error2 = read_temperatures(settings, used, tile.grid)
            layers |= temperature_layers(numbers, error2, reference, section.min_dates)
    tags = map_tags(settings, period, [c.scene for p in used for c in p.chips])
    write_map(layout.tile_map(period_label, tile_id, HEAT), tile.grid, layers, BANDS, tags)


def thermal_passes(chips: Sequence[Chip], section: HeatSection) -> list[Pass]:
    """The passes of the season whose chips have temperatures. Scenes without them are left out; `facts` counts them."""
    warm = [c for c in chips if all(c.has(role) for role in THERMAL_BANDS)]
    inside = in_window([c.scene.solar_day for c in warm], section.window)
    return passes_of([c for c, wanted in zip(warm, inside, strict=True) if wanted])


def _heights(settings: Settings, grid: Grid) -> np.ndarray | None:
    key, path = settings.heights
    return None if path is None else raster_on(path, key, grid)


def zones(land: np.ndarray, height_m: np.ndarray | None, section: HeatSection, resolution_m: float) -> np.ndarray:
    """Band ``zone`` of a land class and heights, float32 (h, w), values of `Zone`, NaN where the class is unknown.

    Built-up land counts where it fills half of the square of ``heat.edge_m`` around the pixel. A rural pixel has no built-up land within that distance, and its height is known and within ``heat.max_height_difference_m`` of the
    median height of the tile's built-up land. Without heights, or without built-up land, every height will do.
    """
    built = land == Land.BUILT
    near = ndimage.maximum_filter(built, 2 * math.ceil(section.edge_m / resolution_m) + 1, mode="constant") if built.any() else built
    wide = built & (ndimage.uniform_filter(built.astype("float32"), pixels_across(section.edge_m, resolution_m)) >= HALF_FULL)
    rural = np.isin(land, RURAL_LAND) & ~near
    if height_m is not None and np.isfinite(height_m[built]).any():
        rural &= np.abs(height_m - np.nanmedian(height_m[built])) <= section.max_height_difference_m
    found = np.select([wide, land == Land.WATER, rural], [Zone.BUILT, Zone.WATER, Zone.RURAL], Zone.OTHER)
    return np.where(np.isfinite(land), found, np.nan).astype("float32")


def pixels_across(edge_m: float, resolution_m: float) -> int:
    """Odd number of pixels that are about as wide as the sensor's pixel.

    >>> pixels_across(100, 10), pixels_across(100, 30)
    (11, 5)
    """
    return 2 * round(edge_m / resolution_m / 2) + 1


def read_temperatures(settings: Settings, passes: Sequence[Pass], grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Temperatures of each pass, uint16 (T, h, w), and the sum over them of the squared uncertainty, K2, float32 (h, w).

    0 where the pass is not clear by the flags of ``masks.heat``, the temperature is no ground's, or its uncertainty is unknown or above ``heat.max_error_k``.
    """
    section, bad_bits = heat_of(settings), flag_bits(settings.masks.heat)
    numbers, error2 = np.zeros((len(passes), *grid.shape), "uint16"), np.zeros(grid.shape, "float32")
    lowest, highest = ((k - KELVIN_OFFSET) / KELVIN_STEP for k in (COLDEST_K, HOTTEST_K))
    native = pass_flags(passes, grid, settings.masks)
    for t, (seen, _, clear, _) in enumerate(clear_once(passes, grid, settings.masks, bad_bits, read_bands, native)):
        temperature, error = _first_with_data(seen, grid)
        good = clear & (temperature >= lowest) & (temperature <= highest) & (error > 0) & (error * ERROR_STEP_K <= section.max_error_k)
        numbers[t] = np.where(good, temperature, 0)
        error2 += np.where(good, (error * np.float32(ERROR_STEP_K)) ** 2, 0)
    return numbers, error2


def _first_with_data(seen: Pass, grid: Grid) -> np.ndarray:
    """THERMAL_BANDS of a pass, uint16 (2, h, w), of the first chip that has a temperature at a pixel."""
    each: Iterator[np.ndarray] = (read_stack([chip], THERMAL_BANDS, grid)[0] for chip in seen.chips)
    found = next(each)
    for more in each:
        found = np.where(found[0] > 0, found, more)
    return found


def temperature_layers(numbers: np.ndarray, error2: np.ndarray, reference: np.ndarray, min_dates: int) -> dict[str, np.ndarray]:
    """Bands ``anomaly_k``, ``error_k`` and ``n_dates``, float32 (h, w). The standard error of a mean over n dates is the larger of their standard deviation
    and of the root mean square of their uncertainty, divided by the root of n: of two or three dates the deviation is small by chance.

    Parameters
    ----------
    numbers, error2 : from `read_temperatures`. reference : bool (h, w), rural land.
    """
    anomaly, scatter, dates = surface_anomalies(numbers, reference)
    enough = dates >= min_dates
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.fmax(scatter, np.sqrt(error2 / (numbers > 0).sum(axis=0))) / np.sqrt(dates)
    return {"anomaly_k": np.where(enough, anomaly, np.nan).astype("float32"), "error_k": np.where(enough, error, np.nan).astype("float32"), "n_dates": dates}
