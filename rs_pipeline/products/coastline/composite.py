"""Composites of a tile and period that shorelines are drawn from, at mean sea level or mean high water springs: infrared reflectance, one map per optical
family on the chips' native NIR pixels, and radar backscatter."""

from __future__ import annotations

import logging
import math
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyproj
from rs_kernels.composite import mndwi_map, refl_at_tide, refl_quantiles

from rs_pipeline.catalog.chips import Chip, load_chips, native_transform, scales
from rs_pipeline.catalog.passes import Pass, pass_flags, passes_of, read_radar_pass
from rs_pipeline.config import MaskSection, Settings
from rs_pipeline.layout import SHORE_FAMILIES, SHORE_RADAR, Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.blocks import budget_bytes
from rs_pipeline.products.coastline.clear_numbers import ROLES, ClearNumbers
from rs_pipeline.products.coastline.date_layers import DateLayers, near_shore
from rs_pipeline.products.coastline.dates import DATE_BAND, DATE_TIDES_TAG, TIME_FORMAT
from rs_pipeline.products.coastline.shoreline import SEED_THRESHOLD
from rs_pipeline.products.coastline.tide import reference_level_m, tide_of
from rs_pipeline.radiometry.scaling import gamma0_power
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.raster import MapBand, write_map
from rs_pipeline.tiles import read_tile

log = logging.getLogger(__name__)

FAMILY_RESOLUTION_M = {"sentinel-2": 10.0, "landsat": 30.0}
"""The sensors of a family share a native NIR pixel size; HLS, on 30 m pixels, goes with Landsat."""

MIN_THIRD = 3
"""Least dates in a third of the tides."""

AROUND_LEVEL_M = np.linspace(-0.2, 0.2, 9)
"""Heights around the level, over which the reflectance is averaged. A date is misplaced by 4 m, as much as 0.2 m of tide moves a line on a slope of
0.05. The mean over these heights uses several dates, a reading at one height only two."""

MIN_REACHING = 2
"""Least dates that reach the level, or the lowest of AROUND_LEVEL_M, for a line at the level; with fewer the line lies below it."""

TIDAL_CHANGE_REFL = 0.03
"""A pixel that the tide may reach is in SWIR1 as dark as water on some dates, and brighter by more than this on others."""

SHORE_BANDS = (
    MapBand("nir_refl", "NIR reflectance at the level (coastline.level), or its median where the tide is not known or does not reach"),
    MapBand("swir1_refl", "the same of SWIR1"),
    MapBand("n_dates", "clear dates near the level that both rest on", "count"),
    MapBand("mndwi", "MNDWI of the median green and the median SWIR1, dates near the level"),
    MapBand("nir_low_tide", "median NIR reflectance of the clear dates in the lowest third of the tides seen"),
    MapBand("nir_high_tide", "median NIR reflectance of the clear dates in the highest third of the tides seen"),
)


RADAR_SHORE_BANDS = (
    MapBand("vv_gamma0", "mean gamma0 of VV on the dates near the level (coastline.level), linear power"),
    MapBand("n_dates", "dates that it rests on", "count"),
)


def shore_composite(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write ``shore_<family>.tif`` of a tile and period, for every optical family and radar; ``chips``: default those that were fetched.

    float32, NaN nodata, bands SHORE_BANDS and one of `DateLayers` for each date near the level. Nothing is resampled: the grid is that of the family's own pixels, and
    scenes on another lattice of pixels are left out. Without coastline settings, chips or fitting tides the file
    holds NaN and ``n_dates`` 0. Tags: ``reference``, one of `shoreline.WATER_LEVELS`; ``level_m``, the height above mean sea level that the
    reflectance stands for, nan where dates of any tide are used; median tides in m above mean sea level,
    nan if unknown: ``tide_m`` of the dates of the median, ``tide_low_m`` and ``tide_high_m`` of the two thirds; ``scenes``.

    Dates near mean sea level are chosen as by Bishop-Taylor et al. (2021). Their median shows the shore at their median tide, which is not mean sea
    level and differs between pixels where clouds leave other dates; 0.1 m of it moves the line of a beach of slope 0.03 by 3 m. So where the tide
    reaches, the reflectance at mean sea level is read from its course with the tide. Mean high water springs (coastline.level) is read likewise.
    Satellites pass at one time of the day and may never see a spring high water: then the line is that of the highest dates, and its reference says so.
    """
    tile, layout = read_tile(settings, tile_id), Layout(settings.root)
    if chips is None:
        chips = load_chips(settings, tile_id, period_label) if settings.coastline else []
    min_contrast = settings.coastline.min_contrast if settings.coastline else 0.0
    for family in SHORE_FAMILIES:
        mine = [c for c in chips if in_family(c, family)]
        grid, mine = native_grid(mine, tile, FAMILY_RESOLUTION_M[family])
        members = passes_of(mine)
        tide = tide_filter(settings, members, tile)
        low, high = tide_thirds(tide.heights_m)
        numbers = ClearNumbers(members, grid, settings.masks, pass_flags(members, grid, settings.masks))
        parts = [composite_layers(members, dn, tide, low, high) for dn in numbers.by_rows(budget_bytes(settings))] if members else []
        layers = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else empty_layers(grid)
        fractions = DateLayers(numbers, near_shore(layers["swir1_refl"], layers["mndwi"], grid.resolution_m), min_contrast)
        dates = {date_band(members[t]): int(t) for t in np.flatnonzero(tide.used) if fractions.windows}
        bands = (*SHORE_BANDS, *(MapBand(name, "water fraction on this date (UTC) near wide water") for name in dates))
        tags = {
            "family": family,
            **tide.tags(),
            "tide_low_m": _middle(tide.heights_m[low]),
            "tide_high_m": _middle(tide.heights_m[high]),
            "scenes": _keys(members, tide.used),
        }
        tags[DATE_TIDES_TAG] = " ".join(f"{tide.heights_m[t]:.3f}" for t in dates.values())
        made = layers | {name: partial(fractions.layer, t) for name, t in dates.items()}
        write_map(layout.shore(period_label, tile_id, family), grid, made, bands, tags)
    radar = passes_of([c for c in chips if c.family == "radar" and c.has("vv")])
    tide = tide_filter(settings, radar, tile)
    layers = radar_layers([p for p, use in zip(radar, tide.used, strict=True) if use], tile.grid, settings.masks)
    tags = {"family": SHORE_RADAR, **tide.tags(), "scenes": _keys(radar, tide.used)}
    write_map(layout.shore(period_label, tile_id, SHORE_RADAR), tile.grid, layers, RADAR_SHORE_BANDS, tags)


def date_band(seen: Pass) -> str:
    """Name of the band with the water fraction of a pass."""
    return f"{DATE_BAND}{seen.scene.datetime:{TIME_FORMAT}}"


def _keys(passes: list[Pass], used: np.ndarray) -> str:
    return " ".join(c.scene.key for p, use in zip(passes, used, strict=True) if use for c in p.chips)


def radar_layers(passes: list[Pass], grid: Grid, masks: MaskSection) -> dict[str, np.ndarray]:
    """The bands of RADAR_SHORE_BANDS, float32 (h, w). Power is averaged, not decibels; one date at a time is in memory."""
    power, n_dates = np.zeros(grid.shape), np.zeros(grid.shape, "float32")
    for seen in passes:
        amplitude_dn = read_radar_pass(seen, ["vv"], grid, masks)[0]
        power += gamma0_power(amplitude_dn)
        n_dates += amplitude_dn > 0
    with np.errstate(invalid="ignore"):
        return {"vv_gamma0": (power / np.where(n_dates > 0, n_dates, np.nan)).astype("float32"), "n_dates": n_dates}


def in_family(chip: Chip, family: str) -> bool:
    """Whether an optical chip has the bands, NIR on the native pixel of the family."""
    if chip.family != "optical" or not all(chip.has(role) for role in ROLES):
        return False
    return load_sensor(chip.scene.sensor).known_band("nir").resolution_m == FAMILY_RESOLUTION_M[family]


def native_grid(chips: list[Chip], tile: Tile, resolution_m: float) -> tuple[Grid, list[Chip]]:
    """The commonest lattice of native NIR pixels, cut to the pixels whose centre lies in the tile; the chips on it."""
    phases = [_phase(c, resolution_m) for c in chips]
    common = Counter(phases).most_common(1)[0][0] if phases else (tile.grid.left % resolution_m, tile.grid.top % resolution_m)
    kept = [c for c, phase in zip(chips, phases, strict=True) if phase == common]
    if len(kept) < len(chips):
        log.warning(
            "tile %s: %d of %d scenes lie on another lattice of %g m pixels and are left out of the shore composite",
            tile.id,
            len(chips) - len(kept),
            len(chips),
            resolution_m,
        )
    left, bottom, right, top = tile.grid.bounds
    x, y = common
    first, last = (math.ceil((edge - x) / resolution_m - 0.5) for edge in (left, right))
    upper, lower = (math.floor((edge - y) / resolution_m + 0.5) for edge in (top, bottom))
    grid = Grid(tile.grid.crs, resolution_m, x + first * resolution_m, y + upper * resolution_m, last - first, upper - lower)
    return grid, kept


def _phase(chip: Chip, resolution_m: float) -> tuple[float, float]:
    transform = native_transform(chip, "nir")
    x, y = (round(v % resolution_m, 3) % resolution_m for v in (transform.c, transform.f))
    return x, y


@dataclass(frozen=True)
class TideChoice:
    """Passes of a tile by their tide. heights_m : float (n,), NaN unknown. used : bool (n,)."""

    heights_m: np.ndarray
    used: np.ndarray
    reference: str
    """One of `shoreline.WATER_LEVELS`."""
    level_m: float
    """Height above mean sea level that the passes are read at; NaN where they are of any tide."""

    def tags(self) -> dict[str, str]:
        return {"reference": self.reference, "level_m": f"{self.level_m:.3f}", "tide_m": _middle(self.heights_m[self.used])}


def tide_filter(settings: Settings, passes: list[Pass], tile: Tile) -> TideChoice:
    """Passes within coastline.tide_window of the level; without a table all are used, as instantaneous.

    Where fewer than coastline.min_dates lie that near to mean high water springs, the highest so many are used.

    Raises
    ------
    TableError : mean high water springs is wanted, and the table does not tell it.
    """
    coast = settings.coastline
    if coast is None or coast.tide_table is None:
        return TideChoice(np.full(len(passes), np.nan), np.ones(len(passes), bool), "instantaneous", math.nan)
    left, bottom, right, top = tile.grid.bounds
    to_degrees = pyproj.Transformer.from_crs(tile.grid.crs, 4326, always_xy=True)
    tide = tide_of(settings, *to_degrees.transform((left + right) / 2, (bottom + top) / 2))
    heights_m = np.array([tide.height_at(p.scene.datetime) for p in passes], "float64")
    if np.isnan(heights_m).any():
        log.warning("tile %s: the tide table has no height for %d of %d passes, they are left out", tile.id, int(np.isnan(heights_m).sum()), len(passes))
    level_m = reference_level_m(settings, tide)
    used = tide.near(level_m, heights_m, coast.tide_window)
    if coast.level == "msl":
        return TideChoice(heights_m, used, "msl", level_m)
    if used.sum() < coast.min_dates:
        used = np.isfinite(heights_m) & (np.argsort(np.argsort(-np.nan_to_num(heights_m, nan=-np.inf))) < coast.min_dates)
    if (heights_m[used] >= level_m + AROUND_LEVEL_M[0]).sum() >= MIN_REACHING:
        return TideChoice(heights_m, used, "mhws", level_m)
    reached_m = float(heights_m[used].max()) if used.any() else math.nan
    if passes:
        log.warning(
            "tile %s: passes reach %.2f m above mean sea level, mean high water springs lie at %.2f m: the line is drawn below", tile.id, reached_m, level_m
        )
    return TideChoice(heights_m, used, "below mhws", reached_m)


def tide_thirds(heights_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool (n,) twice: dates in the lowest and in the highest third of the known tides; none if fewer than MIN_THIRD each."""
    known = heights_m[np.isfinite(heights_m)]
    if known.size < 3 * MIN_THIRD:
        return np.zeros(heights_m.shape, bool), np.zeros(heights_m.shape, bool)
    lower, upper = np.quantile(known, (1 / 3, 2 / 3))
    return heights_m <= lower, heights_m >= upper


def _middle(heights_m: np.ndarray) -> str:
    return f"{np.median(heights_m):.3f}" if heights_m.size else "nan"


def empty_layers(grid: Grid) -> dict[str, np.ndarray]:
    """SHORE_BANDS without any observation."""
    return {b.name: np.full(grid.shape, 0 if b.name == "n_dates" else np.nan, "float32") for b in SHORE_BANDS}


def composite_layers(passes: list[Pass], dn: np.ndarray, tide: TideChoice, low: np.ndarray, high: np.ndarray) -> dict[str, np.ndarray]:
    """The bands of SHORE_BANDS, float32 (h, w), of the passes' `ClearNumbers`, uint16 (3, T, h, w)."""
    scale, offset = scales(passes)

    def quantiles(stack: np.ndarray, use: np.ndarray, *probabilities: float) -> Any:
        return refl_quantiles(stack, scale, offset, use, np.array(probabilities))

    nir_dn, swir1_dn, green_dn = dn
    (nir,), n_dates = quantiles(nir_dn, tide.used, 0.5)
    (dark, swir1, bright), _ = quantiles(swir1_dn, tide.used, 0.1, 0.5, 0.9)
    index = mndwi_map(quantiles(green_dn, tide.used, 0.5)[0][0], swir1)
    tidal = (dark < SEED_THRESHOLD[1]) & (bright - dark > TIDAL_CHANGE_REFL)
    rising = np.argsort(tide.heights_m)
    rising = rising[tide.used[rising] & np.isfinite(tide.heights_m[rising])]
    for stack, refl in ((nir_dn, nir), (swir1_dn, swir1)):
        refl_at_tide(stack[rising], scale[rising], offset[rising], tide.heights_m[rising], tide.level_m + AROUND_LEVEL_M, tidal, refl)
    layers = (nir, swir1, n_dates.astype("float32"), index, quantiles(nir_dn, low, 0.5)[0][0], quantiles(nir_dn, high, 0.5)[0][0])
    return dict(zip((b.name for b in SHORE_BANDS), layers, strict=True))
