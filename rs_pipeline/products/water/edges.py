"""The edge of inland water within pixels, and shadow told from water by the height of the sun.

Tests of single pixels lose the rim of every water: a pixel that is mostly water but holds some bank looks like neither, so rivers 20-40 m wide
come out at half their width. Here the share of water in a rim pixel comes from its median NIR, which lies between that of the water and
of the land beside it: a linear mixture of two local endmembers. Where a river is too narrow for a pure pixel, its red and SWIR1 tell how turbid it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from rasterio.features import geometry_mask
from scipy import ndimage
from shapely.geometry import box

from rs_pipeline.config import Settings
from rs_pipeline.model import Grid
from rs_pipeline.products.sea import outlines

HALO_PX = 12
"""Pixels around a map that its edges depend on."""

WATER_WINDOW_PX, LAND_WINDOWS_PX = 21, (7, 15)
"""Sides of the squares in which the endmembers are searched; for land the second is used where the first holds none."""

RIM_PX = 5
"""Side of the square around a pixel in which water makes it part of the rim."""

LEAST_RIM = 0.2
"""Least high-sun frequency of water in that square."""

FAINT_NIR_REFL = 0.05
"""Where no pixel of that square is permanent water by its monthly votes, at least one must be as dark as this. A narrow river has such a pixel;
dark roofs and streets, which look like water in a few months, have none."""

WATER_NIR_REFL, WATER_SWIR1_REFL = 0.03, 0.01
"""NIR of clear and SWIR1 of any water where no pure water pixel is near: narrow rivers. Turbid water has more NIR, see `mixed_water_nir`, but no more SWIR1."""

MOST_LAND = 0.8
"""Largest share of land in narrow water for which its NIR is worked out: beyond, the water is too little of the pixel."""

LEAST_CONTRAST = 0.05
"""With a smaller difference between land and water, the share is not estimated."""

SOIL_NIR_REFL = 0.20
"""NIR of bare ground, for dykes between ponds with no land nearby."""

RIDGE_CONTRAST = 0.03
"""A pixel brighter in NIR by this than the water two pixels away on both of its sides holds a line of land: a dyke, a causeway."""

THIN_GAIN = 1.5
"""Corrects the blur of the optics, which leaves two thirds of the contrast of a line one pixel wide (Sentinel-2: standard deviation half a pixel)."""

HIGH_SUN_DEG = 40.0
"""Sun elevation above which houses and hills throw little shadow."""

LEAST_HIGH_MONTHS = 3
"""Least months of high sun that can overrule the other months."""

DRIER, WETTER = 0.2, 0.5
"""Water whose frequency in low-sun months is below that in high-sun months by more than DRIER is seasonal; above it by more than WETTER, it is shadow."""


BESIDE = 2.0
"""Mixed pixels beside lasting water are lasting too within limits (DRIER, WETTER) that are this many times as wide: their monthly votes scatter more.
Chosen on development worlds."""

FLAT_PX = 5
"""Ground that is wet at times is a tidal flat where it is this wide in both directions; the mixed rims of rivers, ponds and steep beaches are narrower."""


def tidal_flats(frequency: np.ndarray, permanent: float, ephemeral: float) -> np.ndarray:
    """Wide ground that is wet at times, and FLAT_PX // 2 around it, bool (h, w).

    Parameters
    ----------
    frequency : float32 (h, w), NaN not observed. permanent, ephemeral : least frequencies of the classes.
    """
    at_times, square = (frequency >= ephemeral) & (frequency < permanent), np.ones((FLAT_PX, FLAT_PX), bool)
    return ndimage.binary_dilation(ndimage.binary_opening(at_times, square), square)


def tidal_reach(settings: Settings, grid: Grid) -> np.ndarray:
    """Where water may rise and fall with the tide, bool (h, w): near the reference coastline, nowhere without one.

    There the edge of water may move with the tide, so that a median NIR does not describe it.
    """
    if settings.coastline is None or settings.coastline.reference is None:
        return np.zeros(grid.shape, bool)
    from rs_pipeline.inputs.vectors import load_vector  # imports GeoPandas, which an inland tile does not need

    coast = load_vector(settings, "coastline.reference").to_crs(grid.crs)
    reach_m = settings.water.tidal_reach_m
    zone = coast.set_geometry(outlines(coast.geometry.to_numpy()), crs=grid.crs).clip(box(*grid.buffered(reach_m).bounds)).buffer(reach_m)
    return np.zeros(grid.shape, bool) if zone.empty else geometry_mask(zone, grid.shape, grid.transform, invert=True)


def may_have_flats(settings: Settings) -> bool:
    """Whether the tide may bare mud anywhere: the region has a coast, and no reference coastline tells where."""
    return settings.coastline is not None and settings.coastline.reference is None


class Medians(NamedTuple):
    """Median reflectance of the dates of high sun, float32 (h, w) each, NaN not observed."""

    red: np.ndarray
    nir: np.ndarray
    swir1: np.ndarray


def mixed_water_nir(medians: Medians, core: np.ndarray, dry: np.ndarray) -> np.ndarray:
    """NIR of the water where no pixel of it is pure, float32 (h, w), at least WATER_NIR_REFL.

    Water is dark in SWIR1 however turbid it is, so the SWIR1 of narrow water tells how much land its pixels hold: that share of the land's NIR is taken
    off theirs. Trees on a bank are darker in SWIR1 than the land behind them; therefore the result is at most the water's red, worked out alike,
    because water without plants on it is never brighter in NIR than in red.

    Parameters
    ----------
    core, dry : bool (h, w), pixels that are mostly water, and land with no water next to it. Their means in squares of WATER_WINDOW_PX count.
    """
    wet, land = (Medians(*(_local_mean(band, where, WATER_WINDOW_PX) for band in medians)) for where in (core, dry))
    with np.errstate(invalid="ignore", divide="ignore"):
        on_land = np.clip((wet.swir1 - WATER_SWIR1_REFL) / (land.swir1 - WATER_SWIR1_REFL), 0, MOST_LAND)
        red, nir = ((a - on_land * b) / (1 - on_land) for a, b in ((wet.red, land.red), (wet.nir, land.nir)))
    return np.fmax(np.where(np.isfinite(red), np.minimum(red, nir), np.nan), np.float32(WATER_NIR_REFL)).astype("float32")


def water_share(medians: Medians, frequency: np.ndarray, permanent: float, ephemeral: float) -> np.ndarray:
    """Share of each pixel's area under water, 0-1, by its NIR between the land and the water around it.

    Parameters
    ----------
    frequency : float32 (h, w), NaN not observed. Pure water is permanent water all around, pure land has no water next to it.
    permanent, ephemeral : least frequencies of the classes.

    Returns
    -------
    float32 (h, w): 1 on pure water; NaN without NIR, without land nearby, or where land is as dark as water.
    """
    core, nir_refl = frequency >= permanent, medians.nir
    ridge = ridges(nir_refl, core)
    pure = ndimage.binary_erosion(core, np.ones((3, 3), bool), border_value=1) & ~ridge
    dry = (ndimage.maximum_filter(np.nan_to_num(frequency), 3) < ephemeral) & np.isfinite(frequency)
    water = _local_mean(nir_refl, pure, WATER_WINDOW_PX)
    water = np.where(np.isfinite(water), water, mixed_water_nir(medians, core & ~ridge, dry))
    land = _local_mean(nir_refl, dry, LAND_WINDOWS_PX[0])
    land = np.where(np.isfinite(land), land, _local_mean(nir_refl, dry, LAND_WINDOWS_PX[1]))
    land = np.where(ridge & ~np.isfinite(land), np.float32(SOIL_NIR_REFL), land)
    contrast = land - water
    with np.errstate(invalid="ignore", divide="ignore"):
        above = np.where(ridge, THIN_GAIN, 1.0) * (nir_refl - water) / contrast
        share = np.where(contrast >= LEAST_CONTRAST, np.clip(1 - above, 0, 1), np.nan)
    return np.where(pure, 1, share).astype("float32")


def ridges(nir_refl: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Pixels with a line of land in them that has water to both sides, bool (h, w).

    Parameters
    ----------
    nir_refl : float32 (h, w), NaN not observed. core : bool (h, w), permanent water.
    """
    water_nir = np.pad(np.where(core, nir_refl, np.inf), 2, constant_values=np.inf)
    (h, w), found = nir_refl.shape, np.zeros(nir_refl.shape, bool)
    for dy, dx in ((0, 2), (2, 0), (2, 2), (2, -2)):
        sides = [water_nir[2 + s * dy : 2 + s * dy + h, 2 + s * dx : 2 + s * dx + w] for s in (-1, 1)]
        found |= nir_refl - np.maximum(*sides) >= RIDGE_CONTRAST
    return found


def _local_mean(values: np.ndarray, where: np.ndarray, size_px: int) -> np.ndarray:
    """Mean over the chosen finite pixels of a square, float32 (h, w); NaN where it holds none."""
    where = where & np.isfinite(values)
    count = ndimage.uniform_filter(where.astype("float64"), size_px, mode="constant")
    total = ndimage.uniform_filter(np.where(where, values, 0).astype("float64"), size_px, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0.5 / size_px**2, total / count, np.nan).astype("float32")


def without_shadow(frequency: np.ndarray, high_frequency: np.ndarray, high_months: np.ndarray, seasonal: float) -> np.ndarray:
    """Frequency without the months in which the ground is dark only because the sun is low, float32 (h, w).

    Where the months of high sun, at least LEAST_HIGH_MONTHS, are wet less often than ``seasonal``, dark months of low sun are shadow and do
    not count.
    """
    shadow = (high_frequency < seasonal) & (high_months >= LEAST_HIGH_MONTHS) & (frequency > high_frequency)
    return np.where(shadow, high_frequency, frequency).astype("float32")


def low_sun_frequency(frequency: np.ndarray, months: np.ndarray, high_frequency: np.ndarray, high_months: np.ndarray) -> np.ndarray:
    """Frequency over the months of low sun, float32 (h, w); NaN without such months."""
    low_months = months - high_months
    wet = frequency * months - np.nan_to_num(high_frequency) * high_months
    return np.where(low_months > 0, wet / np.maximum(low_months, 1), np.nan).astype("float32")


def sharpen_edges(
    frequency: np.ndarray, high_frequency: np.ndarray, low_frequency: np.ndarray, medians: Medians, apply: np.ndarray,
    permanent: float, seasonal: float, ephemeral: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Frequency of water with corrected rims, and the share of each pixel that is permanent water; float32 (h, w) each.

    A rim pixel that is mostly water takes the frequency of the wettest pixel of its square; one that is mostly land gets 0. Where even the
    wettest pixel is mixed with its banks, its monthly votes fail at random. If it is then about as often wet in the low as in the high sun (DRIER,
    WETTER), it is lasting water and gets 1. So do the mostly wet pixels beside it, within limits that are BESIDE times as wide. Water that comes and goes
    is seen in one of the two only.

    Parameters
    ----------
    frequency, high_frequency, low_frequency : float32 (h, w), NaN not observed; of all months, those with a high and with a low sun.
    apply : bool (h, w), False where edges move within the period: tidal flats.
    permanent, seasonal, ephemeral : least frequencies of the classes.
    """
    steady = np.where(np.isfinite(high_frequency), high_frequency, np.nan_to_num(frequency))
    share = water_share(medians, steady, permanent, ephemeral)
    darkest = ndimage.minimum_filter(np.where(np.isfinite(medians.nir), medians.nir, np.inf), RIM_PX)
    wettest = ndimage.maximum_filter(np.nan_to_num(frequency), RIM_PX)
    rim = apply & np.isfinite(frequency) & np.isfinite(share) & (ndimage.maximum_filter(steady, RIM_PX) >= LEAST_RIM)
    dry, wet = rim & (share < 0.5), rim & (share >= 0.5) & ((wettest >= permanent) | (darkest <= FAINT_NIR_REFL))
    with np.errstate(invalid="ignore"):
        gain = low_frequency - high_frequency
        lasting = wet & (wettest >= seasonal) & (gain >= -DRIER) & (gain <= WETTER)
        goes = (gain < -BESIDE * DRIER) | (gain > BESIDE * WETTER)
    by_lasting = ndimage.maximum_filter(lasting, RIM_PX) & ~(wet & goes)
    sharp = np.where(wet, np.where(by_lasting, 1, np.maximum(frequency, wettest)), np.where(dry, 0, frequency))
    fraction = np.where(rim, np.where((wettest >= permanent) | by_lasting, share, 0), np.where(np.isfinite(frequency), frequency >= permanent, np.nan))
    return sharp.astype("float32"), fraction.astype("float32")
