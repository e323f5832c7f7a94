"""Rendering: the scene of each satellite on a date, as digital numbers and masks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from rs_pipeline.model import Grid
from rs_pipeline.simulation import materials, thermal, weather
from rs_pipeline.simulation.materials import Layers, Material
from rs_pipeline.simulation.optics import haze_spectrum
from rs_pipeline.simulation.plan import ScenePlan
from rs_pipeline.simulation.world import CENTRE_LONLAT, MARGIN_M, MIX_M, World

S2_10M = ("blue", "green", "red", "nir")
S2_20M = ("rededge1", "swir1", "swir2")
LANDSAT_ROLES = ("blue", "green", "red", "nir", "swir1", "swir2")
PSF_FWHM_M = {10: 12.0, 20: 22.0, 30: 34.0}
"""Full width at half maximum of the optics' point spread function by pixel size; the integration over the pixel comes on top."""
CLOUD = np.array([0.55, 0.54, 0.55, 0.56, 0.58, 0.40, 0.28])
CENTRE_NM = np.array([492, 560, 665, 704, 842, 1610, 2190])
DIFFUSE = np.array([0.42, 0.33, 0.25, 0.22, 0.16, 0.08, 0.06])
"""Share of diffuse skylight in the illumination, which remains in a shadow. In OPTICAL_BANDS order."""
CLOUD_SHADOW = 0.75
"""Share of direct sunlight that a fully opaque cloud blocks."""
ADJACENCY_M = 700.0
"""Distance from which light of the surroundings is scattered into a pixel."""
NOISE_REFL, SIGNAL_TO_NOISE = 0.0015, 125.0
ENL = 4.4
"""Equivalent number of looks of Sentinel-1 IW GRDH."""
S2_STEP = 8
"""Sentinel-2 numbers are rounded to multiples of this (reflectance 0.0008, half the noise), so that the files of the world stay small."""
LAYOVER_SLOPE = 0.6
"""Slope (rise over run) towards or away from the radar beyond which ground is in layover or in radar shadow."""
BORDER_NOISE_PX, BORDER_POWER = 6, 3e-5
"""Width of the strip of noise along the edge of a Sentinel-1 scene, pixels, and its linear power."""
NO_RADAR = -32768
THERMAL_NODATA = {"thermal": 0, "thermal_error": -9999}
NOISE_FLOOR = 10**-2.5
"""Noise floor of Sentinel-1, linear power: VH over smooth water is mostly noise."""


@dataclass(frozen=True)
class Rendered:
    """Rasters of a scene: role to (array, grid). Reflectance bands are digital numbers (uint16)."""

    rasters: dict[str, tuple[np.ndarray, Grid]]
    cloud_percent: float
    sun: tuple[float, float]
    """Elevation, azimuth in degrees."""
    tide_m: float
    shift_m: tuple[float, float] = (0.0, 0.0)
    """Displacement of the scene, metres to the south and to the east."""


@dataclass
class View:
    """Mixing layers of one year at the pixel size of a sensor."""

    grid: Grid
    layers: Layers
    stack: np.ndarray
    """Land and inland water, float32 (layers, height, width); includes texture."""
    near_sea: np.ndarray
    """Share of near-shore water in the sea, 0-1."""
    cover: dict[str, np.ndarray] = field(default_factory=dict)
    """Shares, without texture, of water, wetland, dark water, freezing water and bright ground, for the masks."""


def sensor_grid(world: World, resolution_m: int) -> Grid:
    """Pixel grid of a sensor over the world: Landsat's corners lie at 15 m modulo 30 m, as USGS has them."""
    g = world.grid
    if resolution_m == 30:
        return Grid(g.crs, 30.0, g.left - 15, g.top + 15, (g.width * 10 + 44) // 30, (g.height * 10 + 44) // 30)
    return Grid(g.crs, float(resolution_m), g.left, g.top, g.width * 10 // resolution_m, g.height * 10 // resolution_m)


def blur(world: World, fine: np.ndarray, grid: Grid) -> np.ndarray:
    """A map on the world's `mix_grid`, blurred by a sensor's optics and averaged over its pixels, float32 on ``grid``."""
    sigma_px = PSF_FWHM_M[round(grid.resolution_m)] / 2.3548 / MIX_M
    smooth = ndimage.gaussian_filter(fine, sigma_px, truncate=3, mode="nearest")
    factor = round(grid.resolution_m / MIX_M)
    row = round((world.grid.top + MARGIN_M - grid.top) / MIX_M)
    column = round((grid.left - world.grid.left + MARGIN_M) / MIX_M)
    part = smooth[row : row + grid.height * factor, column : column + grid.width * factor]
    columns = np.add.reduce([part[:, i::factor] for i in range(factor)])
    return np.add.reduce([columns[i::factor] for i in range(factor)]) / np.float32(factor**2)


def make_views(world: World, year: int, resolutions_m: tuple[int, ...] = (10, 20, 30)) -> dict[int, View]:
    """The views of a year, by pixel size. Materials that do not occur are left out."""
    ground = world.materials(year)
    present = tuple(m for m in Material if m != Material.SEA and (ground == m).any())
    layers = Layers(present)
    grids = {r: sensor_grid(world, r) for r in resolutions_m}
    stacks: dict[int, list[np.ndarray]] = {r: [] for r in resolutions_m}
    groups = {
        "water": set(materials.WATER) - set(materials.FLOODED_DAYS),
        "wetland": set(materials.FLOODED_DAYS),
        "dark": {*materials.BLACK_WATERS, Material.MARSH_POND, Material.DYED_POND},
        "ice": set(materials.FREEZING),
        "bright": {Material.ROOF, Material.DRY_SAND},
    }
    cover = {r: {name: np.zeros(grids[r].shape, dtype="float32") for name in groups} for r in resolutions_m}
    for material in present:
        share = world.fraction(ground, material)
        textured = share if material in materials.WATER else share * world.texture
        for power in (0, 1, 2) if material in materials.PHENOLOGY else (0,):
            weighted = textured * world.vigour**power if power else textured
            for r in resolutions_m:
                seen = blur(world, weighted, grids[r])
                stacks[r].append(seen)
                for name, group in groups.items():
                    if power == 0 and material in group:
                        cover[r][name] += seen
    _, seaward = world.coast_coordinates
    near = np.exp(-np.maximum(seaward, 0) / 700).astype("float32")
    return {r: View(grids[r], layers, np.stack(stacks[r]), blur(world, near, grids[r]), cover[r]) for r in resolutions_m}


def _mix(view: View, sea: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Bands of the scene's surface, float32 (bands, height, width)."""
    land = np.tensordot(coefficients[:, :-2], view.stack, axes=1)
    near, far = coefficients[:, -2, None, None], coefficients[:, -1, None, None]
    return land * (1 - sea) + (far + (near - far) * view.near_sea) * sea


def shift_image(image: np.ndarray, row_px: float, column_px: float) -> np.ndarray:
    """Move the last two axes by a part of a pixel (|shift| <= 0.5) by parabolic interpolation of three pixels, which causes no visible blur."""

    def taps(d: float) -> np.ndarray:
        return np.array([d * (d - 1) / 2, 1 - d * d, d * (d + 1) / 2], dtype="float32")

    moved = ndimage.correlate1d(image, taps(-row_px), axis=-2, mode="nearest")
    return ndimage.correlate1d(moved, taps(-column_px), axis=-1, mode="nearest")


@dataclass(frozen=True)
class _Day:
    """Random draws that are common to all pixel sizes of a scene."""

    state: materials.DayState
    sun: tuple[float, float]
    sky: weather.Sky
    sea: np.ndarray
    tide_m: float
    light: np.ndarray
    """Direct sunlight relative to level open ground, on the world's `mix_grid`."""
    adjacency: float
    """Share of the surroundings in the observed light."""
    residual: np.ndarray
    """Residual of the atmospheric correction, reflectance, in OPTICAL_BANDS order."""
    shift_m: tuple[float, float]


def _draw_day(world: World, plan: ScenePlan, rng: np.random.Generator) -> _Day:
    day = plan.when.date()
    sun = weather.sun_angles(plan.when, *CENTRE_LONLAT)
    tide_m = world.tide.height(plan.when)
    haze = abs(rng.normal(0, 0.004)) * haze_spectrum(CENTRE_NM)
    state = materials.day_state(world.palette, day, world.years[0], world.season_shift_days(day.year), rng)
    sky = weather.make_sky(world.grid, plan.cloud_cover, sun, plan.cirrus, rng)
    residual = np.clip(rng.normal(0.002, 0.005), -0.006, 0.016) + haze
    east_m, north_m = np.clip(rng.normal(0, 3, 2), -6, 6)
    light = world.direct_light(day.year, sun)
    return _Day(state, sun, sky, world.sea_cover(day, tide_m), tide_m, light, float(rng.uniform(0.02, 0.06)), residual, (float(east_m), float(north_m)))


def adjacency_refl(surface: np.ndarray, pixel_m: float) -> np.ndarray:
    """Mean of a wide neighbourhood of each pixel, float32 (bands, height, width)."""
    step = max(1, round(ADJACENCY_M / 7 / pixel_m))
    height, width = (n - n % step for n in surface.shape[1:])
    coarse = surface[:, :height, :width].reshape(len(surface), height // step, step, width // step, step).mean(axis=(2, 4))
    coarse = ndimage.gaussian_filter(coarse, (0, 7, 7), mode="nearest")
    rows, columns = (np.clip(np.arange(n) // step, 0, m - 1) for n, m in zip(surface.shape[1:], coarse.shape[1:], strict=True))
    return coarse[:, rows][:, :, columns]


def _observe(
    world: World, view: View, day: _Day, plan: ScenePlan, roles: tuple[str, ...], sea: np.ndarray, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """Bottom-of-atmosphere reflectance with shadows, clouds, surroundings, residuals and noise, float32 (bands, height, width)."""
    picks = [materials.OPTICAL_BANDS.index(role) for role in roles]
    surface = _mix(view, sea, materials.optical_coefficients(world.palette, view.layers, plan.platform, roles, day.state))
    direct = blur(world, day.light, view.grid) * (1 - CLOUD_SHADOW * day.sky.on_grid(day.sky.shadow, view.grid))
    diffuse = DIFFUSE[picks][:, None, None].astype("float32")
    surface *= diffuse + (1 - diffuse) * direct
    surface = shift_image(surface, day.shift_m[0] / view.grid.resolution_m, day.shift_m[1] / view.grid.resolution_m)
    surface += day.adjacency * (adjacency_refl(surface, view.grid.resolution_m) - surface)
    cloud = np.clip(day.sky.on_grid(day.sky.opacity, view.grid) + day.sky.on_grid(day.sky.cirrus, view.grid), 0, 1)
    bright = CLOUD[picks][:, None, None].astype("float32")
    seen = surface * (1 - cloud) + bright * (0.85 + 0.2 * cloud) * cloud
    seen += day.residual[picks][:, None, None].astype("float32")
    noise = rng.standard_normal(seen.shape, dtype="float32")
    return seen + noise * np.hypot(np.float32(NOISE_REFL), seen / np.float32(SIGNAL_TO_NOISE))


def _swath(grid: Grid, wedge: bool, rng: np.random.Generator) -> np.ndarray:
    """Pixels with data, bool (height, width): all, or those to the right of an oblique edge."""
    if not wedge:
        return np.ones(grid.shape, dtype=bool)
    edge = rng.uniform(0.15, 0.5) * grid.width
    rows, columns = np.ogrid[: grid.height, : grid.width]
    return columns > edge - 0.22 * rows


def scene_classes(
    world: World, view: View, refl: dict[str, np.ndarray], day: _Day, plan: ScenePlan, sea: np.ndarray, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """Sen2Cor-like scene classes (uint8) with its errors: clouds and shadows missed or invented, dark water called shadow."""
    shape = view.grid.shape
    opacity, shadow, cirrus = (day.sky.on_grid(f, view.grid) for f in (day.sky.opacity, day.sky.shadow, day.sky.cirrus))
    ndvi = (refl["nir"] - refl["red"]) / np.maximum(refl["nir"] + refl["red"], 0.01)
    water = view.cover["water"] * (1 - sea) + sea
    if materials.is_flooded(Material.WETLAND_CORE, day.state.day_of_year):
        water = water + view.cover["wetland"] * (1 - sea)
    scl = np.where(ndvi > 0.4, 4, 5).astype("uint8")
    scl[weather.patches(shape, 0.01, 2, rng) & (water < 0.3)] = 7
    dim = blur(world, day.light, view.grid) < 0.3
    scl[dim & weather.patches(shape, 0.5, 3, rng)] = 2
    scl[water > 0.5] = 6
    if plan.dark_as_shadow:
        dark = (view.cover["dark"] > 0.4) & (water > 0.5)
        scl[dark] = np.where(weather.patches(shape, 0.5, 3, rng), 2, 3)[dark]
    if day.state.frozen:
        ice = (view.cover["ice"] > 0.5) | (sea * view.near_sea > 0.5)
        scl[ice] = np.where(weather.patches(shape, 0.2, 3, rng), 8, 11)[ice]
    scl[(shadow > 0.3) & ~weather.patches(shape, 0.30, 6, rng)] = 3
    if plan.bright_as_cloud:
        scl[(view.cover["bright"] > 0.6) & weather.patches(shape, 0.5, 3, rng)] = 8
    scl[weather.patches(shape, 0.01, 2, rng) & (water < 0.3)] = 8
    scl[(cirrus > 0.12) & (opacity <= 0.2)] = 10
    missed = weather.patches(shape, 0.08, 5, rng)
    scl[(opacity > 0.15) & ~missed] = 8
    scl[(opacity > 0.6) & ~missed] = 9
    return scl


def quality_bits(view: View, day: _Day, sea: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Landsat QA_PIXEL (uint16): clear, water, cloud and its dilation by 3 pixels, shadow, ice, cirrus, with their confidences."""
    opacity, shadow, cirrus = (day.sky.on_grid(f, view.grid) for f in (day.sky.opacity, day.sky.shadow, day.sky.cirrus))
    water = view.cover["water"] * (1 - sea) + sea > 0.5
    cloud = (opacity > 0.3) & ~weather.patches(view.grid.shape, 0.08, 3, rng)
    dilated = ndimage.binary_dilation(cloud, iterations=3) & ~cloud
    bits = np.where(water, 21952, 21824).astype("uint16")
    if day.state.frozen:
        bits[view.cover["ice"] > 0.5] = 30048
    bits[(shadow > 0.3) & ~weather.patches(view.grid.shape, 0.30, 4, rng)] = 23888
    bits[cirrus > 0.15] = 54596
    bits[dilated & water], bits[dilated & ~water] = 21890, 21762
    bits[cloud] = 22280
    return bits


def render_sentinel2(world: World, views: dict[int, View], plan: ScenePlan) -> Rendered:
    """A Sentinel-2 L2A scene: bands by role (uint16, 0 nodata) and ``mask`` (SCL, uint8)."""
    rng = plan.rng(world.seed)
    day = _draw_day(world, plan, rng)
    rasters: dict[str, tuple[np.ndarray, Grid]] = {}
    refl, sea = {}, {}
    for resolution, roles in ((10, S2_10M), (20, S2_20M)):
        view = views[resolution]
        sea[resolution] = blur(world, day.sea, view.grid)
        for role, band in zip(roles, _observe(world, view, day, plan, roles, sea[resolution], rng), strict=True):
            refl[role] = band
    inside = _swath(views[20].grid, plan.wedge, rng)
    inside_10m = np.kron(inside, np.ones((2, 2), dtype=bool))
    for role, band in refl.items():
        offset = 1000 if plan.offset_in_pixels else 0
        numbers = np.clip(np.rint((band * 10000 + offset) / S2_STEP) * S2_STEP, 1, 20000).astype("uint16")
        grid, covered = (views[10].grid, inside_10m) if role in S2_10M else (views[20].grid, inside)
        rasters[role] = (np.where(covered, numbers, 0).astype("uint16"), grid)
    coarse = {role: refl[role].reshape(inside.shape[0], 2, inside.shape[1], 2).mean(axis=(1, 3)) for role in ("red", "nir")}
    scl = scene_classes(world, views[20], coarse, day, plan, sea[20], rng)
    rasters["mask"] = (np.where(inside, scl, 0).astype("uint8"), views[20].grid)
    cloud = 100 * float((day.sky.on_grid(day.sky.opacity, views[20].grid) > 0.15)[inside].mean())
    return Rendered(rasters, round(cloud, 2), day.sun, day.tide_m, day.shift_m)


def render_landsat(world: World, views: dict[int, View], plan: ScenePlan) -> Rendered:
    """A Landsat Collection 2 Level-2 scene: bands by role, ``mask`` (QA_PIXEL), ``saturation`` (QA_RADSAT) and ``thermal`` (ST_B10), all uint16, and
    ``thermal_error`` (ST_QA), int16."""
    rng = plan.rng(world.seed)
    day, view = _draw_day(world, plan, rng), views[30]
    sea = blur(world, day.sea, view.grid)
    inside = _swath(view.grid, plan.wedge, rng)
    rasters = {}
    for role, band in zip(LANDSAT_ROLES, _observe(world, view, day, plan, LANDSAT_ROLES, sea, rng), strict=True):
        numbers = np.clip(np.rint((band + 0.2) / 2.75e-5), 1, 65535)
        rasters[role] = (np.where(inside, numbers, 0).astype("uint16"), view.grid)
    bits = quality_bits(view, day, sea, rng)
    rasters["mask"] = (np.where(inside, bits, 1).astype("uint16"), view.grid)
    rasters["saturation"] = (np.zeros(view.grid.shape, dtype="uint16"), view.grid)
    for role, numbers in _temperatures(world, view, day, plan, sea).items():
        rasters[role] = (np.where(inside, numbers, THERMAL_NODATA[role]).astype(numbers.dtype), view.grid)
    cloud = 100 * float((day.sky.on_grid(day.sky.opacity, view.grid) > 0.3)[inside].mean())
    return Rendered(rasters, round(cloud, 2), day.sun, day.tide_m, day.shift_m)


def _temperatures(world: World, view: View, day: _Day, plan: ScenePlan, sea: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers of the thermal roles; they have random draws of their own."""
    rng, state = np.random.default_rng([world.seed, 73, plan.index]), day.state
    warmth = thermal.thermal_coefficients(world, view.layers, state.day_of_year, state.season_day, state.years_on, rng)
    surface = shift_image(_mix(view, sea, warmth)[0], day.shift_m[0] / view.grid.resolution_m, day.shift_m[1] / view.grid.resolution_m)
    opacity, shadow, cirrus = (day.sky.on_grid(f, view.grid) for f in (day.sky.opacity, day.sky.shadow, day.sky.cirrus))
    return thermal.thermal_rasters(surface, (opacity, shadow, cirrus), state.day_of_year, view.grid.resolution_m, rng)


def render_sentinel1(world: World, views: dict[int, View], plan: ScenePlan) -> Rendered:
    """A Sentinel-1 RTC scene: ``vv`` and ``vh`` as gamma0 linear power, float32 with a mantissa of 6 bits (0.03 dB)."""
    rng = plan.rng(world.seed)
    day, view = plan.when.date(), views[10]
    state = materials.day_state(world.palette, day, world.years[0], world.season_shift_days(day.year), rng)
    tide_m = world.tide.height(plan.when)
    sea = blur(world, world.sea_cover(day, tide_m), view.grid)
    power = _mix(view, sea, materials.radar_coefficients(world.palette, view.layers, state))
    power = power * _radar_relief(world, view.grid) + NOISE_FLOOR
    speckle = rng.standard_gamma(ENL, size=power.shape, dtype="float32") / np.float32(ENL)
    inside = _swath(view.grid, plan.wedge, rng)
    border = inside & ndimage.binary_dilation(~inside, iterations=BORDER_NOISE_PX)
    numbers = round_mantissa((np.where(border, BORDER_POWER, np.maximum(power, 1e-4)) * speckle).astype("float32"), 6)
    numbers[:, ~inside] = NO_RADAR
    return Rendered({"vv": (numbers[0], view.grid), "vh": (numbers[1], view.grid)}, 0.0, (0.0, 0.0), tide_m)


def _radar_relief(world: World, grid: Grid) -> np.ndarray | np.float32:
    """Factor of hills on the backscatter of a descending pass, which looks west: bright in layover, dark in radar shadow."""
    if not world.dem_m.any():
        return np.float32(1)
    _, east = np.gradient(world.dem_m, MIX_M)
    factor = np.select([east < -LAYOVER_SLOPE, east > LAYOVER_SLOPE], [4.0, 0.02], 1.0).astype("float32")
    return blur(world, factor, grid)


def round_mantissa(values: np.ndarray, bits: int) -> np.ndarray:
    """float32 rounded to a mantissa of ``bits`` bits, so that speckle compresses."""
    drop = 23 - bits
    raw = values.astype("float32").view("uint32")
    return ((raw + np.uint32(1 << (drop - 1))) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view("float32")


RENDER = {"sentinel-2": render_sentinel2, "landsat": render_landsat, "sentinel-1": render_sentinel1}
