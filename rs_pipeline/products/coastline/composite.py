"""SWIR1 composites of a tile and period at the shore, one a sensor family, on the chips' native pixels."""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict

import numpy as np
import pyproj
import rasterio

from kernels.composite import mndwi_map, refl_quantiles
from rs_pipeline.catalog.chips import Chip, load_chips, read_role, scales
from rs_pipeline.config import MaskSection, Settings, load_sensor
from rs_pipeline.layout import SHORE_FAMILIES, Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.output.raster import MapBand, write_map
from rs_pipeline.products.coastline.tide import read_tide
from rs_pipeline.radiometry.masks import reject_bits, scene_reasons
from rs_pipeline.region import read_tile

log = logging.getLogger(__name__)

FAMILY_RESOLUTION_M = {"sentinel-2": 20.0, "landsat": 30.0}
"""A family is what shares a native SWIR1 pixel; HLS, on 30 m pixels, goes with Landsat."""

SHORE_BANDS = (
    MapBand("swir1_refl", "median SWIR1 reflectance of the clear dates near mean sea level"),
    MapBand("n_dates", "clear dates the median rests on", "count"),
    MapBand("mndwi", "MNDWI of the median green and the median SWIR1"),
    MapBand("swir1_p10", "10th percentile of SWIR1 reflectance over all clear dates: the wet side of the tide"),
    MapBand("swir1_p90", "90th percentile of SWIR1 reflectance over all clear dates: the dry side of the tide"),
)


def shore_composite(settings: Settings, tile_id: str, period_label: str) -> None:
    """Write ``shore_<family>.tif`` of a tile and period, for every family.

    float32, NaN nodata, bands SHORE_BANDS. Nothing is resampled: the grid is that of the family's own pixels, and
    scenes on another lattice of pixels are left out. Without coastline settings, chips or fitting tides the file
    holds NaN and ``n_dates`` 0. Tags: ``reference`` (msl or instantaneous), ``tide_p10_m`` and ``tide_p90_m``
    (tide at the clear scenes), ``scenes``.

    The median over dates near mean sea level follows Bishop-Taylor et al. (2021), of SWIR1 instead of MNDWI.
    """
    tile, layout = read_tile(settings, tile_id), Layout(settings.root)
    chips = load_chips(settings, tile_id, period_label) if settings.coastline else []
    for family in SHORE_FAMILIES:
        members = [c for c in chips if in_family(c, family)]
        grid, members = native_grid(members, tile, FAMILY_RESOLUTION_M[family])
        heights_m, near_msl, reference = tide_filter(settings, members, tile)
        layers = composite_layers(members, grid, near_msl, settings.masks)
        known = heights_m[np.isfinite(heights_m)]
        low, high = np.quantile(known, (0.1, 0.9)) if known.size else (math.nan, math.nan)
        tags = {
            "family": family, "reference": reference, "tide_p10_m": f"{low:.3f}", "tide_p90_m": f"{high:.3f}",
            "scenes": " ".join(c.scene.key for c, near in zip(members, near_msl, strict=True) if near),
        }  # fmt: skip
        write_map(layout.shore(period_label, tile_id, family), grid, layers, SHORE_BANDS, tags)


def in_family(chip: Chip, family: str) -> bool:
    """Whether an optical chip has SWIR1 and green, SWIR1 on the native pixel of the family."""
    if chip.family != "optical" or not (chip.has("swir1") and chip.has("green")):
        return False
    return load_sensor(chip.scene.sensor).band("swir1").resolution_m == FAMILY_RESOLUTION_M[family]


def native_grid(chips: list[Chip], tile: Tile, resolution_m: float) -> tuple[Grid, list[Chip]]:
    """The commonest lattice of native SWIR1 pixels, cut to the pixels whose centre lies in the tile; the chips on it."""
    phases = [_phase(c, resolution_m) for c in chips]
    common = Counter(phases).most_common(1)[0][0] if phases else (tile.grid.left % resolution_m, tile.grid.top % resolution_m)
    kept = [c for c, phase in zip(chips, phases, strict=True) if phase == common]
    if len(kept) < len(chips):
        log.warning("tile %s: %d of %d scenes lie on another lattice of %g m pixels and are left out of the shore composite",
                    tile.id, len(chips) - len(kept), len(chips), resolution_m)  # fmt: skip
    left, bottom, right, top = tile.grid.bounds
    x, y = common
    first, last = (math.ceil((edge - x) / resolution_m - 0.5) for edge in (left, right))
    upper, lower = (math.floor((edge - y) / resolution_m + 0.5) for edge in (top, bottom))
    grid = Grid(tile.grid.crs, resolution_m, x + first * resolution_m, y + upper * resolution_m, last - first, upper - lower)
    return grid, kept


def _phase(chip: Chip, resolution_m: float) -> tuple[float, float]:
    with rasterio.open(chip.files["swir1"][0]) as src:
        origin = src.transform.c, src.transform.f
    x, y = (round(v % resolution_m, 3) % resolution_m for v in origin)
    return x, y


def tide_filter(settings: Settings, chips: list[Chip], tile: Tile) -> tuple[np.ndarray, np.ndarray, str]:
    """(tide at each chip in m, NaN unknown; whether it is used; reference). No table: all are used, as instantaneous."""
    if settings.coastline is None or settings.coastline.tide_table is None:
        return np.full(len(chips), np.nan), np.ones(len(chips), bool), "instantaneous"
    left, bottom, right, top = tile.grid.bounds
    to_degrees = pyproj.Transformer.from_crs(tile.grid.crs, 4326, always_xy=True)
    tide = read_tide(settings.coastline.tide_table, *to_degrees.transform((left + right) / 2, (bottom + top) / 2))
    heights_m = np.array([tide.height_at(c.scene.datetime) for c in chips], "float64")
    if np.isnan(heights_m).any():
        log.warning("tile %s: the tide table has no height for %d of %d scenes, they are left out",
                    tile.id, int(np.isnan(heights_m).sum()), len(chips))  # fmt: skip
    return heights_m, tide.near_msl(heights_m, settings.coastline.tide_window), "msl"


def composite_layers(chips: list[Chip], grid: Grid, near_msl: np.ndarray, masks: MaskSection) -> dict[str, np.ndarray]:
    """The bands of SHORE_BANDS, float32 (h, w). Granules of one acquisition count as one date."""
    if not chips:
        empty = np.full(grid.shape, np.nan, "float32")
        return {b.name: np.zeros(grid.shape, "float32") if b.name == "n_dates" else empty for b in SHORE_BANDS}
    groups: dict[tuple, list[int]] = defaultdict(list)
    scale, offset = scales(chips)
    for i, chip in enumerate(chips):
        groups[chip.scene.solar_day, chip.scene.platform, scale[i], offset[i]].append(i)
    swir1_dn = np.zeros((len(groups), *grid.shape), np.uint16)
    green_dn = np.zeros_like(swir1_dn)
    reject = reject_bits(masks.coastline)
    for t, members in enumerate(groups.values()):
        for i in members:
            clear = (scene_reasons(chips[i], grid, masks) & reject) == 0
            for stack, role in ((swir1_dn, "swir1"), (green_dn, "green")):
                dn = read_role(chips[i], role, grid)
                stack[t] = np.where((stack[t] == 0) & clear, dn, stack[t])
    first = [members[0] for members in groups.values()]
    scale, offset, near_msl = scale[first].astype("float32"), offset[first].astype("float32"), near_msl[first]
    (median,), n_dates = refl_quantiles(swir1_dn, scale, offset, near_msl, np.array([0.5]))
    (green,), _ = refl_quantiles(green_dn, scale, offset, near_msl, np.array([0.5]))
    (p10, p90), _ = refl_quantiles(swir1_dn, scale, offset, np.ones(len(first), bool), np.array([0.1, 0.9]))
    layers = (median, n_dates.astype("float32"), mndwi_map(green, median), p10, p90)
    return dict(zip((b.name for b in SHORE_BANDS), layers, strict=True))
