"""Surface temperature of the simulated worlds, as Landsat Collection 2 shows it at about 10:30, and its truth.

Temperatures are those of a table, not of an energy balance: dry ground and roofs are warm, plants cool the ground in proportion to their cover, water
is cool. Every world draws its own values around the table. What the product adds is rendered: the sensor's wide pixels, an error of each date, errors of
emissivity that stay the same from date to date, noise, cold clouds and their edges.
"""

from __future__ import annotations

import numpy as np
from rs_kernels.heat import ERROR_STEP_K, KELVIN_OFFSET, KELVIN_STEP
from scipy import ndimage

from rs_pipeline.simulation.materials import FLOODED_DAYS, PHENOLOGY, WATER, Layers, Material, green_cover, is_flooded
from rs_pipeline.simulation.world import World, smooth_noise

WARMTH_K: dict[Material | str, float] = {
    Material.BUILT: 9.0, Material.ROOF: 13.0, Material.CONCRETE: 10.0, Material.ROAD: 10.0, Material.SOIL: 11.0, Material.DRY_SAND: 12.0,
    Material.WET_SAND: 4.0, Material.MUDFLAT: 3.0, Material.GREENHOUSE: 8.0, Material.ROCK: 10.0,
}  # fmt: skip
"""Temperature of bare surfaces above closed crops on a summer morning, K."""
FIELD_K, FOREST_K, WATER_K, SEA_K, PANELS_K = 10.0, -1.5, -3.0, -4.0, 9.0
"""The same of dry soil between plants, of closed forest, of inland water, of the sea and of solar arrays."""
DRAWN = 0.12
"""Standard deviation of the logarithm of a world's values around the table."""
SEALED = (Material.BUILT, Material.ROOF, Material.CONCRETE, Material.ROAD)
EMISSIVITY_K = 0.5
"""Standard deviation, over the worlds, of the error of sealed ground against other land that wrong emissivity causes on every date."""
CONTRAST, DATE_K, NOISE_K, PATCH_K = 0.12, 1.5, 0.4, 0.4
"""Standard deviations: of the logarithm of a date's contrast (wind, moisture); of a date's error; of a sensor pixel's noise; of haze over some
kilometres."""
NATIVE_SIGMA_M = 40.0
"""Of the blur by which 100 m pixels, resampled to 30 m by cubic convolution, are rendered."""
CLOUD_TOP_K, SHADOW_K = 268.0, 4.0
SUMMER_DAYS = np.arange(152, 244)
"""Days of the year from June to August, over which the truth is a mean."""


def warmth_k(world: World) -> dict[Material | str, float]:
    """True temperature of this world's surfaces above closed crops, K, by material, and of ``field``, ``forest``, ``water`` and ``sea``."""
    rng = np.random.default_rng([world.seed, 71])
    table = {**WARMTH_K, "field": FIELD_K, "forest": FOREST_K, "water": WATER_K, "sea": SEA_K, Material.PANELS: PANELS_K}
    return {name: value * float(np.exp(rng.normal(0, DRAWN))) for name, value in table.items()}


def thermal_coefficients(world: World, layers: Layers, day_of_year: int, season_day: float, years_on: float, rng: np.random.Generator) -> np.ndarray:
    """Temperature above closed crops of each mixing layer on a date, as the product shows it, float32 (1, layers), K."""
    table, error = warmth_k(world), float(np.random.default_rng([world.seed, 72]).normal(0, EMISSIVITY_K))
    columns: list[float] = []
    for material in layers.materials:
        if is_flooded(material, day_of_year):
            columns += [table["water"], 0.0, 0.0]
        elif material in PHENOLOGY:
            canopy = table["forest"] if material == Material.FOREST else 0.0
            cover = float(green_cover(world.palette, material, np.array(season_day), years_on))
            columns += [table["field"], cover * (canopy - table["field"]), 0.0]
        elif material in WATER:
            columns.append(table["water"])
        else:
            columns.append(table[material] + (error if material in SEALED else 0.0))
    return np.array([[*columns, table["sea"], table["sea"]]], "float32") * np.float32(np.exp(rng.normal(0, CONTRAST)))


def thermal_rasters(surface_k: np.ndarray, clouds: tuple[np.ndarray, ...], day_of_year: int, pixel_m: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers of ``thermal`` (uint16) and ``thermal_error`` (int16) of Collection 2, (h, w), from the surface's temperature above the date's level, K.

    Parameters
    ----------
    clouds : opacity, shadow and cirrus on the pixels, 0-1.
    """
    opacity, shadow, cirrus = clouds
    level = 296.0 + 10.0 * np.cos(2 * np.pi * (day_of_year - 200) / 365) + rng.normal(0, 3.0) + rng.normal(0, DATE_K)
    ground = ndimage.gaussian_filter(surface_k, NATIVE_SIGMA_M / pixel_m, mode="nearest")
    noise = ndimage.gaussian_filter(rng.normal(size=ground.shape), 1.0)
    ground = level + ground + NOISE_K * noise / noise.std() + PATCH_K * smooth_noise(ground.shape, 2000 / pixel_m, rng)
    cloud = np.clip(opacity + cirrus, 0, 1)
    seen = (ground - SHADOW_K * shadow) * (1 - cloud) + CLOUD_TOP_K * cloud
    near = ndimage.gaussian_filter(cloud, 300 / pixel_m, mode="nearest")
    error = 1.2 + 6.0 * near + 0.1 * rng.random(ground.shape)
    numbers = np.clip(np.rint((seen - KELVIN_OFFSET) / KELVIN_STEP), 1, 65535).astype("uint16")
    return {"thermal": numbers, "thermal_error": np.rint(error / ERROR_STEP_K).astype("int16")}


def mean_warmth(world: World, year: int) -> np.ndarray:
    """Truth: mean temperature from June to August above closed crops, K, float32 on the world's 10 m grid."""
    table, ground, vigour = warmth_k(world), world.landcover(year), world.to_grid(world.vigour)
    days = SUMMER_DAYS - world.season_shift_days(year)
    total = np.zeros(world.grid.shape, "float32")
    for material in Material:
        share = world.to_grid(world.fraction(ground, material))
        if not share.any():
            continue
        if material in PHENOLOGY:
            canopy = table["forest"] if material == Material.FOREST else 0.0
            first, last = FLOODED_DAYS.get(material, (1, 0))
            flooded = (SUMMER_DAYS >= first) & (SUMMER_DAYS <= last)
            cover = green_cover(world.palette, material, days, year - world.years[0])
            dry = np.mean(np.where(flooded, 0, 1)) * table["field"] + vigour * np.mean(np.where(flooded, 0, cover)) * (canopy - table["field"])
            total += share * (dry + np.mean(flooded) * table["water"])
        else:
            total += share * (table["sea"] if material == Material.SEA else table["water"] if material in WATER else table[material])
    return total.astype("float32")
