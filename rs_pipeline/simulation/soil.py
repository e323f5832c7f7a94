"""Slopes, rain and soil of the simulated world: the rasters that offices would hand in, and the true soil loss.

In flat worlds these slopes affect soil loss only; scenes are rendered as on level ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rs_kernels.soil import T_KM2_PER_T_HA, cover_factors, slope_factors

from rs_pipeline.config import SoilSection
from rs_pipeline.model import Grid
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.soil.step import class_factors
from rs_pipeline.simulation import terrain
from rs_pipeline.simulation.materials import PHENOLOGY, WATER, Material, green_cover
from rs_pipeline.simulation.truth import write_raster
from rs_pipeline.simulation.world import MARGIN_M, MIX_M, World, smooth_noise

SLOPES_RELIEF_M = 60.0
"""Relief, m, that is drawn for worlds without hills: 6 degrees at the foot, less further up."""
GIVEN_M, HEIGHT_NOISE_M = 30.0, 1.0
"""Pixel size of the heights that are handed in, and their standard error. They extend MARGIN_M beyond the world."""
RAIN_DOUBT, SOIL_DOUBT, CROP_DOUBT, GROUND_DOUBT = 0.15, 0.2, 0.4, 0.15
"""Standard errors: of the logarithms of the rain and soil rasters that are handed in (one error for the whole raster); of the logarithm of a field's factor
around the usual one; of the cover below trees."""
EROSIVITY_BY_MONTH = np.array([0, 0, 0.01, 0.02, 0.05, 0.13, 0.36, 0.31, 0.09, 0.03, 0, 0])
"""Share of a year's rain erosivity that falls in each month, as in Hebei."""
CLASS_OF = {
    **dict.fromkeys((Material.WHEAT_MAIZE, Material.MAIZE, Material.GREENHOUSE), Land.CROPLAND),
    Material.FOREST: Land.TREE, Material.EVERGREEN: Land.TREE,
    **dict.fromkeys((Material.MEADOW, Material.TUSSOCK, Material.GARDEN), Land.GRASS),
    **dict.fromkeys((Material.BUILT, Material.ROOF, Material.CONCRETE, Material.ROAD, Material.PANELS), Land.BUILT),
    **dict.fromkeys((Material.SOIL, Material.DRY_SAND, Material.ROCK), Land.BARE),
}  # fmt: skip
"""Materials that lose soil; water and wetlands do not."""


@dataclass(frozen=True)
class TrueSoil:
    """True factors, the same in all years, float32 on the world's 10 m grid."""

    terrain_factor: np.ndarray
    erosivity: np.ndarray
    erodibility: np.ndarray
    field_factor: np.ndarray
    """E T of a field relative to the usual value; the mean of its logarithm is 0."""
    ground_cover: np.ndarray
    """Ground cover below trees, 0-1."""


def soil_heights_m(world: World) -> np.ndarray:
    """Heights for soil loss, float32 on `mix_grid`: those of the hills, or additional slopes where the world has no hills."""
    if world.landscape.relief_m:
        return world.dem_m
    step = round(world.mix_grid.resolution_m / world.paint_grid.resolution_m)
    water = np.isin(world.materials(world.years[0])[::step, ::step], list(WATER))
    return terrain.hills(water, MIX_M, SLOPES_RELIEF_M, _noise(world, world.mix_grid.shape, 60, 61))


def write_soil(world: World, folder: Path) -> None:
    """Write the rasters that are handed in, ``heights.tif`` (30 m), ``erosivity.tif`` and ``erodibility.tif``, and the truth, ``truth/soil_<year>.tif``: soil loss in
    t/km2 and its factors, on the 10 m grid. All SIMULATED."""
    rng = np.random.default_rng([world.seed, 62])
    heights, section = soil_heights_m(world), SoilSection()
    true = _true_soil(world, heights, section)
    given = _block_means(heights, round(GIVEN_M / MIX_M))
    around = Grid(world.grid.crs, GIVEN_M, world.mix_grid.left, world.mix_grid.top, given.shape[1], given.shape[0])
    write_raster(folder / "heights.tif", around, [(given + rng.normal(0, HEIGHT_NOISE_M, given.shape)).astype("float32")], ["height"], np.nan)
    for name, values, doubt in (("erosivity", true.erosivity, RAIN_DOUBT), ("erodibility", true.erodibility, SOIL_DOUBT)):
        write_raster(folder / f"{name}.tif", world.grid, [values * np.float32(np.exp(rng.normal(0, doubt)))], [name], np.nan)
    for year in world.years:
        cover = true_cover_factor(world, year, true, section)
        loss = T_KM2_PER_T_HA * true.erosivity * true.erodibility * true.terrain_factor * cover
        bands = [loss.astype("float32"), true.terrain_factor, cover]
        write_raster(folder / "truth" / f"soil_{year}.tif", world.grid, bands, ["loss_t_km2", "terrain_factor", "cover_factor"], np.nan)


def _block_means(fine: np.ndarray, k: int) -> np.ndarray:
    """Means of k x k pixels, float32."""
    return fine.reshape(fine.shape[0] // k, k, fine.shape[1] // k, k).mean(axis=(1, 3)).astype("float32")


def _noise(world: World, shape: tuple[int, int], length_px: float, stream: int) -> np.ndarray:
    return smooth_noise(shape, length_px, np.random.default_rng([world.seed, stream]))


def _true_soil(world: World, heights_m: np.ndarray, section: SoilSection) -> TrueSoil:
    grid = world.grid
    k, margin = round(grid.resolution_m / MIX_M), round(MARGIN_M / grid.resolution_m)
    fine = _block_means(heights_m, k)
    slope, factor = np.empty_like(fine), np.empty_like(fine)
    slope_factors(fine, grid.resolution_m, 0.0, section.longest_slope_m, slope, factor)
    varied = {
        name: (typical * np.exp(0.1 * _noise(world, grid.shape, 150, stream) + np.random.default_rng([world.seed, stream, 1]).normal(0, 0.2))).astype("float32")
        for name, typical, stream in (("erosivity", section.erosivity_constant, 63), ("erodibility", section.erodibility_constant, 64))
    }
    return TrueSoil(
        factor[margin:-margin, margin:-margin],
        **varied,
        field_factor=np.exp(CROP_DOUBT * _noise(world, grid.shape, 15, 65)).astype("float32"),
        ground_cover=np.clip(section.ground_cover_under_trees + GROUND_DOUBT * _noise(world, grid.shape, 15, 66), 0, 1).astype("float32"),
    )


def true_cover_factor(world: World, year: int, true: TrueSoil, section: SoilSection) -> np.ndarray:
    """B E T of a year, float32 on the 10 m grid: mean over the materials of a pixel, weighted by their shares, of monthly loss ratios weighted by the
    month's erosivity."""
    ground, vigour = world.landcover(year), world.to_grid(world.vigour)
    days = 15 + 30.4 * np.arange(12) - world.season_shift_days(year)
    fixed, total = class_factors(section), np.zeros(world.grid.shape, "float32")
    for material, land in CLASS_OF.items():
        share = world.to_grid(world.fraction(ground, material))
        if not share.any():
            continue
        if land == Land.CROPLAND:
            factor = np.minimum(fixed[land] * true.field_factor, 1)
        elif material in PHENOLOGY:
            monthly = green_cover(world.palette, material, days, year - world.years[0])
            factor = _over_the_year(land, vigour, monthly, true.ground_cover)
        else:
            factor = fixed[land]
        total += share * factor
    return total


def _over_the_year(land: Land, vigour: np.ndarray, monthly: np.ndarray, ground_cover: np.ndarray) -> np.ndarray:
    """Loss ratio of plants whose cover is ``vigour`` times ``monthly``, weighted by EROSIVITY_BY_MONTH, float32 (h, w)."""
    total = np.zeros(vigour.shape, "float32")
    for share, cover in zip(EROSIVITY_BY_MONTH, monthly, strict=True):
        if share:
            total += share * _ratio(land, np.minimum(cover * vigour, 1).astype("float32"), ground_cover)
    return total


def _ratio(land: Land, cover: np.ndarray, ground_cover: np.ndarray) -> np.ndarray:
    """Loss ratio of grass or trees; for trees the ground cover is rounded to tenths."""
    steps = np.linspace(0, 1, 11) if land == Land.TREE else np.zeros(1)
    at = np.rint(ground_cover * 10).astype(int) if land == Land.TREE else np.zeros(cover.shape, int)
    found, out = np.empty_like(cover), np.empty_like(cover)
    for i, step in enumerate(steps):
        here = at == i
        if here.any():
            cover_factors(np.full_like(cover, land), cover, cover, 1.0, np.full(len(Land) + 1, np.nan), int(Land.TREE), float(step), False, out)
            found[here] = out[here]
    return found
