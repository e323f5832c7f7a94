"""The waterline inside the pixel: local infrared water fraction and the contour.

MNDWI = 0 lies at a water fraction that depends on the substrate, and moves the line by up to 20 m between sand, mud and
concrete. Water is darker in the infrared than any shore, so the fraction f = (R_land - R) / (R_land - R_water) with both levels
taken locally is 0.5 at the shore on every substrate. NIR is used first: on Sentinel-2 its pixel is half as wide as that of SWIR1, so that a
strip of wet sand in front of a dry beach, or a dyke between two waters, has a land level of its own; for a strip that is narrower still, the level
is taken at low tide, when the ground in front of it is dry. Where turbid water is as bright as wet mud in NIR, SWIR1 is used, in which water is
dark whatever it carries. Contours follow Bishop-Taylor et al. (2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from rs_kernels.waterline import LAND_CORE, WATER_CORE, distance_within, local_levels
from skimage.filters import threshold_otsu
from skimage.measure import find_contours

from rs_pipeline.model import Grid
from rs_pipeline.products.sea import WORK_PX, blocks
from rs_pipeline.products.sea import pixel_of as pixel_of
from rs_pipeline.radiometry.masks import dilate

EDGE_METHODS = ("none", "nir_fraction", "swir1_fraction", "swir1_threshold")
BY_NIR, BY_SWIR1, BY_THRESHOLD = 1, 2, 3
"""How the water fraction of a pixel was found: index of the ``method`` map."""

WATER_LEVELS = ("instantaneous", "msl", "mhws", "below mhws")
"""Water levels that a line may stand for: dates of any tide; mean sea level; mean high water springs; the highest below these that passes saw."""
HEIGHT_ERROR_M = {"instantaneous": 0.5, "msl": 0.25, "mhws": 0.25, "below mhws": 0.5}
"""Standard error of the height that a line lies at; for ``below mhws``, of its ``level_m``."""

TIDE_M_PER_M = 20.0
"""Metres that a metre of tide moves a line on a beach of slope 0.05, where the tide's effect was not measured."""

SEED_THRESHOLD = (0.03, 0.08)
"""Limits of Otsu's threshold, so that turbid water stays below it and wet mud above."""
WATER_REACH_M = 300.0
LAND_RING_PX = {BY_NIR: (1.4, 2.0), BY_SWIR1: (1.5, 4.5)}
"""Distances from the water between which land is pure: beyond the mixed pixels, but still of the shore's own substrate. For NIR it is the second
pixel, because the third may be dry sand behind a wet strip. SWIR1 may have pixels twice as large, and then mixes further."""
BEACH_PX = 1.0
"""Land this near to the water is of the shore's own substrate even where the strip of wet sand is narrow. Where the tide uncovers the ground in
front of it, it is pure at low tide and then gives the land's level."""
LAND_REACH_PX = {BY_NIR: 4, BY_SWIR1: 6}
WATER_CORE_PX = 2.0
SHORE_PX = 3.0
EXACT_PX = 5
"""Distances from water and land are exact up to this; no limit of them is larger."""
MIN_CORE_PIXELS = 4
MAX_LAND_SPREAD = 0.4
"""Land more varied than this share of the contrast gives no level."""
FALLBACK_HALF_WIDTH = 0.05
"""Difference of reflectance from the threshold to full water or land, where the local levels cannot be used."""
SIMPLIFY_M = 1.0


@dataclass(frozen=True)
class WaterFraction:
    """Water fraction of a mosaic.

    fraction : float32 (h, w), 1 water, 0 land, NaN not observed. method : uint8 (h, w), index of EDGE_METHODS.
    """

    fraction: np.ndarray
    method: np.ndarray


def seed_threshold(swir1_refl: np.ndarray) -> float:
    """Otsu's threshold (1979) of SWIR1 reflectance, kept within SEED_THRESHOLD."""
    values = swir1_refl[np.isfinite(swir1_refl)]
    values = np.clip(values[:: max(1, values.size // 1_000_000)], 0.0, 0.5)
    low, high = SEED_THRESHOLD
    if values.size == 0 or values.min() == values.max():
        return high
    return float(np.clip(threshold_otsu(values), low, high))


def water_fraction(
    nir_refl: np.ndarray, swir1_refl: np.ndarray, mndwi: np.ndarray, nir_low_tide_refl: np.ndarray, resolution_m: float, min_contrast: float
) -> WaterFraction:
    """Locally normalised infrared water fraction of a whole mosaic.

    Parameters
    ----------
    nir_refl, swir1_refl : float32 (h, w), 0-1. A pixel without SWIR1 is not observed; without NIR it goes by SWIR1.
    mndwi : float32 (h, w), NaN allowed.
    nir_low_tide_refl : float32 (h, w), NIR reflectance at low tide, NaN where it is not known.
    resolution_m : pixel size. min_contrast : least R_land - R_water for a fraction to be used.
    """
    threshold = seed_threshold(swir1_refl)
    fraction = np.full(swir1_refl.shape, np.nan, "float32")
    method = np.zeros(swir1_refl.shape, "uint8")
    for outer, inner, within in blocks(swir1_refl.shape, halo_px(resolution_m)):
        whole = (nir_refl, swir1_refl, nir_low_tide_refl, mndwi)
        nir, swir1, low, index = (np.ascontiguousarray(layer[outer], dtype="float32") for layer in whole)
        f, how = block_fraction(nir, swir1, low, index, resolution_m, threshold, min_contrast)
        fraction[inner], method[inner] = f[within], how[within]
    return WaterFraction(fraction, method)


def halo_px(resolution_m: float) -> int:
    """Pixels around a block that its water fraction depends on."""
    return math.ceil(WATER_REACH_M / resolution_m) + 8


def wanted_by_pass(wanted: np.ndarray, resolution_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that the two passes of `block_fraction` must compute for the fractions at ``wanted``; bool (h, w) each."""
    reach_m = WATER_REACH_M + EXACT_PX * resolution_m
    return dilate(wanted, reach_m, (resolution_m, resolution_m)), wanted


def block_fraction(
    nir: np.ndarray, swir1: np.ndarray, nir_low_tide: np.ndarray, mndwi: np.ndarray, resolution_m: float, threshold: float, min_contrast: float,
    wanted: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Water fraction float32 (h, w) and its method uint8 (h, w) of a block with its halo.

    Two passes: the first starts from the threshold, the second from the shore that the first found and the ground in front of it that is dry at low tide.

    Parameters
    ----------
    nir, swir1, nir_low_tide, mndwi : float32 (h, w), as of `water_fraction`. threshold : of `seed_threshold`.
    wanted : of `wanted_by_pass`; elsewhere the fraction is that of the threshold. Default: the whole block.
    """
    observed = np.isfinite(swir1)
    water, dry_at_low_tide = observed & (swir1 < threshold) & ~(mndwi <= 0), np.zeros(swir1.shape, bool)
    for number in range(2):
        land = observed & ~water
        method = np.zeros(swir1.shape, "uint8")
        fraction = np.where(observed, water.astype("float32"), np.float32(np.nan))
        if not (water.any() and land.any()):
            return fraction, method
        to_water, to_land = distance_within(water, EXACT_PX), distance_within(land, EXACT_PX)
        to_low_water = distance_within(water & ~dry_at_low_tide, EXACT_PX) if dry_at_low_tide.any() else to_water
        shore = observed & (np.maximum(to_water, to_land) <= SHORE_PX)
        fraction[shore] = np.clip(0.5 + (threshold - swir1) / (2 * FALLBACK_HALF_WIDTH), 0, 1)[shore]
        method[shore] = BY_THRESHOLD
        if wanted is not None:
            shore &= wanted[number]
        found = np.zeros(shore.shape, bool)
        for how, refl, low_tide, to_low in ((BY_NIR, nir, nir_low_tide, to_low_water), (BY_SWIR1, swir1, swir1, to_water)):
            levels, zone = _cores(how, refl, low_tide, water, land, to_water, to_land, to_low)
            good, land_level, contrast = _local_levels(how, levels, zone, shore & ~found & np.isfinite(refl), resolution_m, min_contrast)
            fraction[good], method[good] = ((land_level - refl) / contrast)[good], how
            found |= good
            if how == BY_NIR:
                dry_at_low_tide = good & (land_level - nir_low_tide < 0.5 * contrast)
        water = fraction >= 0.5
    return fraction, method


def _cores(
    how: int,
    refl: np.ndarray,
    low_tide_refl: np.ndarray,
    water: np.ndarray,
    land: np.ndarray,
    to_water: np.ndarray,
    to_land: np.ndarray,
    to_low_water: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance that the levels are taken from, float32 (h, w), and where it is pure water or land of the shore's own substrate, uint8."""
    near, far = LAND_RING_PX[how]
    levels = np.where(land & (to_water < near), low_tide_refl, refl)
    seen = np.isfinite(levels)
    zone = np.zeros(refl.shape, "uint8")
    zone[seen & water & (to_land > WATER_CORE_PX)] = WATER_CORE
    zone[seen & land & (to_low_water >= near) & ((to_low_water <= far) | (to_water <= BEACH_PX))] = LAND_CORE
    return levels, zone


def _local_levels(
    how: int, levels: np.ndarray, zone: np.ndarray, shore: np.ndarray, resolution_m: float, min_contrast: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a band has clear local levels, bool (h, w); the level of land there and its contrast with water, 1 elsewhere."""
    reach_px = round(WATER_REACH_M / resolution_m)
    water_level, land_level, spread = local_levels(levels, zone, shore, reach_px, LAND_REACH_PX[how], MIN_CORE_PIXELS)
    contrast = land_level - water_level
    good = (contrast >= min_contrast) & (spread < MAX_LAND_SPREAD * contrast)
    return good, land_level, np.where(good, contrast, 1)


def contour_lines(fraction: np.ndarray, grid: Grid, level: float = 0.5) -> list[shapely.LineString]:
    """Lines where the fraction crosses the level, by marching squares with linear interpolation between pixel centres.

    NaN pixels break the line. Lines are traced block by block and joined where blocks meet.
    """
    pieces = []
    for y in range(0, fraction.shape[0] - 1, WORK_PX):
        for x in range(0, fraction.shape[1] - 1, WORK_PX):
            block = fraction[y : y + WORK_PX + 1, x : x + WORK_PX + 1]
            if not ((block < level).any() and (block >= level).any()):
                continue
            for line in find_contours(block.astype("float64"), level):
                rows, cols = line[:, 0] + y + 0.5, line[:, 1] + x + 0.5
                easting, northing = grid.left + cols * grid.resolution_m, grid.top - rows * grid.resolution_m
                xy = np.round(np.column_stack([easting, northing]), 4)
                xy = xy[np.r_[True, (np.diff(xy, axis=0) != 0).any(axis=1)]]
                if len(xy) > 1:
                    pieces.append(shapely.LineString(xy))
    if not pieces:
        return []
    merged = shapely.line_merge(shapely.MultiLineString(pieces))
    return [g.simplify(SIMPLIFY_M) for g in shapely.get_parts(merged) if g.length > 0]


def position_error_m(family: str, reference: str, edge_method: str, tide_m_per_m: float = TIDE_M_PER_M) -> float:
    """1-sigma error of a shoreline's position, metres: root of the summed squares of its sources.

    Contour 1.5 (Sentinel-2) or 3 (Landsat), 15 where a threshold replaced the fraction; geolocation 4 or 6; season 5;
    run-up 3; tide: height error (HEIGHT_ERROR_M) times the horizontal
    metres a metre of tide moves the line (20 on a slope of 0.05), at most 50.

    >>> round(position_error_m("sentinel-2", "msl", "nir_fraction"), 1)
    8.8
    """
    contour, geolocation = {"sentinel-2": (1.5, 4.0), "landsat": (3.0, 6.0)}[family]
    if not edge_method.endswith("_fraction"):
        contour = 15.0
    tide = min(HEIGHT_ERROR_M[reference] * tide_m_per_m, 50.0)
    return float(np.sqrt(contour**2 + geolocation**2 + 5.0**2 + 3.0**2 + tide**2))
