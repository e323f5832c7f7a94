"""Training pixels for the land classifier: pixels of simulated worlds, each with many palettes of soils, plants, waters and roofs.

Worlds that are written to disk and processed by the chain are costly, and each has one palette. Here only the mixtures of a world at the sensors'
pixel sizes are used, and the dates are drawn pixel by pixel: spectra and seasons of another palette, weather, ice, shade, clouds
and shadows that the mask missed, residuals and noise. The steps of the chain (masks, duplicates, offsets, sharpening) are tested on the
worlds on which the classifier is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
from rs_kernels.land import radar_means, season_statistics
from rs_kernels.stack import Stack

from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.seasons import HALVES, SEASONS, STATISTICS
from rs_pipeline.simulation import materials
from rs_pipeline.simulation.materials import Layers, Material, Palette, draw_palette
from rs_pipeline.simulation.optics import haze_spectrum
from rs_pipeline.simulation.plan import ScenePlan, plan_scenes
from rs_pipeline.simulation.scenes import CENTRE_NM, CLOUD, DIFFUSE, ENL, NOISE_FLOOR, NOISE_REFL, SIGNAL_TO_NOISE, View, blur, make_views
from rs_pipeline.simulation.weather import sun_angles
from rs_pipeline.simulation.world import CENTRE_LONLAT, World, make_world
from rs_pipeline.validation.land import MATERIALS

YEAR = 2025
DEVELOPMENT_SEEDS = 99
"""Largest seed that may be trained on."""
TIDES_M = np.linspace(-1.5, 1.5, 7)
"""Levels of the sea that are computed; a date uses the nearest."""
SUN_DAYS = (15, 75, 135, 195, 255, 315)
"""Days of the year whose shadows are used for the dates around them."""
MISSED = 0.04
"""Share of the pixels called clear on a date that are under a thin cloud or its shadow."""
HIDDEN_ICE = 0.8
"""Share of the ice that the mask finds."""
BLURRED = 0.5
"""Share of the 20 m pixel that is left in the sharpened SWIR."""


@dataclass(frozen=True)
class Mixtures:
    """Pixels of a world at the pixel sizes of its sensors."""

    layers: Layers
    fine: np.ndarray
    """Shares of the mixing layers in pixels of 10 m, float32 (L, n)."""
    coarse: np.ndarray
    """Shares in the 20 m pixels that contain them, float32 (L, n)."""
    landsat: np.ndarray
    """Shares in the 30 m pixels that contain them, float32 (L, n)."""
    sea: np.ndarray
    """Share of sea at TIDES_M, float32 (7, n)."""
    near_sea: np.ndarray
    """Share of near-shore water in the sea, float32 (n,)."""
    light: np.ndarray
    """Direct sunlight on SUN_DAYS, float32 (6, n)."""
    shares: np.ndarray
    """True shares of the classes, float32 (7, n)."""
    tides_m: np.ndarray
    """Levels of the sea hour by hour of the year."""


def mixtures(landscape: str, seed: int, size_px: tuple[int, int], n: int) -> Mixtures:
    """``n`` random pixels of a world."""
    world, rng = make_world(seed, (YEAR,), size_px, landscape), np.random.default_rng([seed, 51])
    views, grid = make_views(world, YEAR), world.grid
    rows, cols = np.divmod(rng.choice(grid.width * grid.height, n, replace=False), grid.width)
    ground = world.landcover(YEAR)
    shares = [reduce(np.add, (world.to_grid(world.fraction(ground, Material[m.upper()])) for m in names))[rows, cols] for names in MATERIALS.values()]
    fine = views[10]
    sea = np.zeros((len(TIDES_M), n), "float32")
    if world.coastal:
        sea = np.stack([blur(world, world.sea_cover(date(YEAR, 7, 2), float(t)), fine.grid)[rows, cols] for t in TIDES_M])
    return Mixtures(
        fine.layers,
        fine.stack[:, rows, cols],
        _around(views[20], world, rows, cols),
        _around(views[30], world, rows, cols),
        sea,
        fine.near_sea[rows, cols],
        _light(world, fine, rows, cols),
        np.stack(shares).astype("float32"),
        world.tide.heights_m,
    )


def _around(view: View, world: World, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Mixing layers of the sensor's pixels that contain the centres of the world's pixels."""
    g, r = view.grid, world.grid.resolution_m
    row = (g.top - world.grid.top + (rows + 0.5) * r) // g.resolution_m
    col = (world.grid.left - g.left + (cols + 0.5) * r) // g.resolution_m
    return view.stack[:, np.clip(row, 0, g.height - 1).astype(int), np.clip(col, 0, g.width - 1).astype(int)]


def _light(world: World, view: View, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    days = [next(p for p in plan_scenes(0, (YEAR,)) if p.when.timetuple().tm_yday >= d) for d in SUN_DAYS]
    return np.stack([blur(world, world.direct_light(YEAR, sun_angles(p.when, *CENTRE_LONLAT)), view.grid)[rows, cols] for p in days])


def year_statistics(pixels: Mixtures, seed: int, palette_number: int) -> np.ndarray:
    """Statistics of a year of the pixels with another palette and weather, STATISTICS float32 (F, n)."""
    rng = np.random.default_rng([seed, 52, palette_number])
    palette, shift, n = draw_palette(rng), float(rng.normal(0, 4)), pixels.shares.shape[1]
    plans = plan_scenes((seed + palette_number) % DEVELOPMENT_SEEDS + 1, (YEAR,))
    optical = sorted((p for p in plans if p.family != "sentinel-1"), key=lambda p: p.when)
    seen = [_date(pixels, p, palette, shift, rng) for p in optical]
    dn = np.stack([np.clip(np.rint(refl * 1e4 + 1000), 1, 60000) for refl, _ in seen]).astype("uint16")[:, :, None]
    dn[[p.family == "landsat" for p in optical], OPTICAL_BANDS.index("rededge1")] = 0
    qa = np.stack([~clear for _, clear in seen]).astype("uint16")[:, None]
    scale, offset = np.full(len(optical), 1e-4, "float32"), np.full(len(optical), -0.1, "float32")
    native_m = np.array([30 if p.family == "landsat" else 10 for p in optical], "float32")
    season = _part([p.when.date() for p in optical], SEASONS)
    values, dates = np.empty((len(STATISTICS), 1, n), "float32"), np.empty((len(SEASONS), 1, n), "int64")
    n_optical = len(STATISTICS) - len(HALVES) * len(RADAR_BANDS)
    season_statistics(Stack(dn, qa, 1, scale, offset, native_m), season, len(SEASONS), values[:n_optical], dates)
    radar = [p for p in plans if p.family == "sentinel-1"]
    amplitude = np.stack([_radar(pixels, p, palette, shift, rng) for p in radar])[:, :, None]
    radar_means(amplitude, _part([p.when.date() for p in radar], HALVES), len(HALVES), values[n_optical:])
    return values[:, 0]


def _part(days: list[date], windows: dict[str, tuple[str, str]]) -> np.ndarray:
    return np.array([in_window(days, w) for w in windows.values()]).argmax(axis=0).astype("int64")


def _sea(pixels: Mixtures, rng: np.random.Generator) -> np.ndarray:
    return pixels.sea[np.abs(TIDES_M - rng.choice(pixels.tides_m)).argmin()]


def _mixed(stack: np.ndarray, sea: np.ndarray, near_sea: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    near, far = coefficients[:, -2, None], coefficients[:, -1, None]
    return coefficients[:, :-2] @ stack * (1 - sea) + (far + (near - far) * near_sea) * sea


def _date(pixels: Mixtures, plan: ScenePlan, palette: Palette, shift: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (7, n) on a date and whether the pixels are clear, bool (n,)."""
    day, n = plan.when.date(), pixels.shares.shape[1]
    state = materials.day_state(palette, day, YEAR, shift, rng)
    roles = tuple(b for b in OPTICAL_BANDS if b != "rededge1" or plan.family != "landsat")
    found = materials.optical_coefficients(palette, pixels.layers, plan.platform, roles, state)
    coefficients = np.zeros((len(OPTICAL_BANDS), found.shape[1]), "float32")
    coefficients[[OPTICAL_BANDS.index(b) for b in roles]] = found
    sea = _sea(pixels, rng)

    def surface(stack: np.ndarray) -> np.ndarray:
        return _mixed(stack, sea, pixels.near_sea, coefficients)

    if plan.family == "landsat":
        refl = surface(pixels.landsat)
    else:
        refl, coarse = surface(pixels.fine), surface(pixels.coarse)
        refl[3] = coarse[3]
        refl[5:] += BLURRED * (coarse[5:] - refl[5:])
    diffuse = DIFFUSE[:, None]
    refl *= diffuse + (1 - diffuse) * pixels.light[np.abs(np.array(SUN_DAYS) - state.day_of_year).argmin()]
    refl += rng.uniform(0.02, 0.06) * (refl.mean(axis=1, keepdims=True) - refl)
    haze = abs(rng.normal(0, 0.004)) * haze_spectrum(CENTRE_NM)
    refl += (np.clip(rng.normal(0.002, 0.005), -0.006, 0.016) + haze)[:, None]
    missed = np.where(rng.random(n) < MISSED, rng.uniform(-0.5, 0.4, n), 0)
    refl = np.where(missed < 0, refl * (1 + missed), refl + (CLOUD[:, None] - refl) * missed)
    refl += rng.normal(size=refl.shape) * np.hypot(NOISE_REFL, refl / SIGNAL_TO_NOISE)
    clear = rng.random(n) < np.clip(0.92 - 1.2 * plan.cloud_cover, 0, 1)
    if state.frozen:
        clear &= (pixels.shares[0] < 0.3) | (rng.random(n) > HIDDEN_ICE)
    return refl, clear


def _radar(pixels: Mixtures, plan: ScenePlan, palette: Palette, shift: float, rng: np.random.Generator) -> np.ndarray:
    """Amplitude x 1e4 of VV and VH, uint16 (2, n)."""
    state = materials.day_state(palette, plan.when.date(), YEAR, shift, rng)
    power = _mixed(pixels.fine, _sea(pixels, rng), pixels.near_sea, materials.radar_coefficients(palette, pixels.layers, state)) + NOISE_FLOOR
    speckle = rng.standard_gamma(ENL, size=power.shape) / ENL
    return np.clip(np.sqrt(np.maximum(power, 1e-4) * speckle) * 1e4, 1, 65535).astype("uint16")
