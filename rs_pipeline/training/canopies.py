"""Simulated pixels with known green cover: PROSPECT leaves, 4SAIL canopies, bare ground, buildings, dead plants and water beside them.

Needs the package ``prosail`` (``pip install prosail``), which only the training uses: the resulting weights are in ``config``.
Distributions follow Weiss & Baret (2016, S2ToolBox Level 2 algorithms, version 1.1, tables 2 and 3). These have closed
canopies only; mixed pixels, dead plants and slopes are added here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rs_kernels.sharpen import MAX_GAIN, MIN_SHARPEN_REFL

from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.simulation.optics import RESPONSES, response_nm, water_refl

WAVELENGTH_NM = np.arange(400.0, 2501.0)
CANOPY_CENTRE_NM = np.array([490.0, 560.0, 660.0, 704.0, 840.0, 1610.0, 2200.0])
"""Centres of OPTICAL_BANDS."""

GROUND_SHADE = 0.8
"""Largest share of light that ground between dense plants loses."""

ADJACENCY = 0.06
"""Largest share of the surroundings in the observed light (Vermote et al. 1997)."""

CROWN_SHADE = 0.2
"""Largest share of light that clumped plants lose by shading themselves; half of the pixels have no such loss."""

MIXED_CELLS, CELL_RIM = 0.5, (0.4, 0.85)
"""Share of the 10 m pixels in a mixed 20 m pixel, and the range of the share of surroundings in its 20 m bands."""


@dataclass(frozen=True)
class Pixels:
    """Simulated pixels, noise-free."""

    cover: np.ndarray
    """Green cover 0-1 seen from the zenith, (n,): share of plants times what their green leaves hide of the ground."""
    sun_cos: np.ndarray
    """Cosine of the sun's zenith angle, (n,)."""
    refl: dict[str, np.ndarray]
    """Platform to reflectance float64 (n, 7) in OPTICAL_BANDS; NaN where the platform has no such band."""

    @property
    def sun_elevation_deg(self) -> np.ndarray:
        return np.degrees(np.arcsin(self.sun_cos))


def truncated_normal(rng: np.random.Generator, low: float, high: float, mode: float, sigma: float, n: int) -> np.ndarray:
    """Normal numbers (n,) within [low, high]; numbers outside are drawn again."""
    out = rng.normal(mode, sigma, n)
    while (bad := (out < low) | (out > high)).any():
        out[bad] = rng.normal(mode, sigma, int(bad.sum()))
    return out


def band_weights(platform: str) -> np.ndarray:
    """Boxcar responses, float64 (2101, 7): a spectrum times this is OPTICAL_BANDS; NaN where the platform has no such band."""
    out = np.full((WAVELENGTH_NM.size, len(OPTICAL_BANDS)), np.nan)
    for b, role in enumerate(OPTICAL_BANDS):
        if role in RESPONSES[platform]:
            nm = response_nm(platform, role)
            out[:, b] = np.abs(WAVELENGTH_NM - nm.mean()) <= (nm[-1] - nm[0]) / 2
            out[:, b] /= out[:, b].sum()
    return out


def soils(n: int, rng: np.random.Generator) -> np.ndarray:
    """Bare ground, float64 (n, 2101): mixtures of dry and wet soil with random level, slope, curvature, redness (as of loess) and clay absorption
    at 2200 nm."""
    from prosail import spectral_lib

    dry, wet = spectral_lib.soil.rsoil1, spectral_lib.soil.rsoil2
    dryness = rng.uniform(0, 1, (n, 1))
    x = (WAVELENGTH_NM - 1100.0) / 1100.0
    tilt, bend = rng.normal(0, 0.15, (n, 1)), rng.normal(0, 0.10, (n, 1))
    clay = rng.uniform(0, 0.12, (n, 1)) * np.exp(-(((WAVELENGTH_NM - 2205.0) / 35.0) ** 2))
    iron = rng.normal(0, 0.08, (n, 1)) * np.exp(-(((WAVELENGTH_NM - 620.0) / 120.0) ** 2))
    redness = rng.uniform(0, 0.5, (n, 1)) * np.clip((650 - WAVELENGTH_NM) / 200, 0, 1)
    shape = (dryness * dry + (1 - dryness) * wet) * np.exp(tilt * x + bend * (x**2 - 0.3) + iron - redness) * (1 - clay)
    level = truncated_normal(rng, 0.05, 0.45, 0.21, 0.08, n)[:, None]  # reflectance at 850 nm
    return np.clip(shape / shape[:, 450:451] * level, 0.005, 0.75)


def buildings(n: int, rng: np.random.Generator) -> np.ndarray:
    """Roofs, roads and walls, float64 (n, 2101): grey, rising through the visible and slowly falling beyond, some red, some blue, some very bright."""
    level = np.exp(rng.uniform(np.log(0.05), np.log(0.5), (n, 1)))
    rise = rng.uniform(0.1, 0.5, (n, 1)) * (1 - np.exp(-(WAVELENGTH_NM - 400) / 250.0))
    fall = rng.uniform(-0.15, 0.25, (n, 1)) * (WAVELENGTH_NM - 1000.0) / 1500.0
    tone = rng.normal(0, 0.15, (n, 1)) * np.tanh((WAVELENGTH_NM - 590.0) / 40.0)
    return np.clip(level * (0.75 + rise - fall + tone), 0.01, 0.8)


def dead_plants(n: int, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Straw, litter and dry grass over ``ground`` (n, 2101): canopies of leaves without chlorophyll and nearly without water."""
    from prosail.FourSAIL import foursail
    from prosail.prospect_d import run_prospect

    out = np.empty_like(ground)
    for i in range(n):
        _, leaf, through = run_prospect(
            rng.uniform(1.6, 2.8),
            rng.uniform(0, 4),
            rng.uniform(0, 6),
            rng.uniform(0.1, 1.2),
            rng.uniform(0.0005, 0.004),
            rng.uniform(0.005, 0.014),
            prospect_version="D",
        )
        lai, tilt, hot, sun = rng.uniform(0.5, 4), rng.uniform(35, 75), rng.uniform(0.1, 0.5), rng.uniform(20, 65)
        out[i] = foursail(leaf, through, tilt, 0.0, 2, lai, hot, sun, 5.0, 90.0, ground[i])[17]
    return out


def waters(n: int, rng: np.random.Generator) -> np.ndarray:
    """Open water, float64 (n, 2101), clear to muddy."""
    chl, tsm, yellow = (np.exp(rng.uniform(np.log(a), np.log(b), (n, 1))) for a, b in ((1, 60), (1, 200), (0.1, 3)))
    refl = water_refl(np.minimum(WAVELENGTH_NM, 2400.0), chl, tsm, yellow)
    return np.clip(refl, 0.0, 0.4) + rng.uniform(0, 0.01, (n, 1))


def canopies(n: int, ground: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Green canopies over ``ground``: reflectance (n, 2101), cover from the zenith (n,), sun zenith in degrees (n,).

    The spread of leaf and canopy properties narrows towards their mode as leaf area grows (Weiss & Baret 2016).
    """
    from prosail.FourSAIL import campbell, foursail, weighted_sum_over_lidf
    from prosail.prospect_d import run_prospect

    # Half of the canopies as in the source, half with uniform cover, so that thin and closed canopies are learnt equally well.
    lai = np.where(rng.random(n) < 0.5, truncated_normal(rng, 0, 12, 2, 3, n), -np.log(1 - rng.uniform(0.01, 0.99, n)) / 0.55)
    narrow = np.minimum(lai, 10.0) / 10.0 * 0.6

    def drawn(low: float, high: float, mode: float, sigma: float) -> np.ndarray:
        value = truncated_normal(rng, low, high, mode, sigma, n)
        return value + narrow * (mode - value)

    tilt, hot = drawn(30, 80, 58, 20), drawn(0.1, 0.5, 0.2, 0.5)
    layers, green = drawn(1.2, 2.2, 1.5, 0.3), drawn(20, 90, 45, 30)
    dry, relative_water, brown = drawn(0.003, 0.013, 0.005, 0.005), drawn(0.6, 0.85, 0.75, 0.08), np.abs(drawn(-1.5, 1.5, 0, 0.3))
    sun, view, azimuth = rng.uniform(15, 70, n), rng.uniform(0, 12, n), rng.uniform(0, 180, n)
    refl, cover = np.empty_like(ground), np.empty(n)
    for i in range(n):
        moisture = dry[i] * relative_water[i] / (1 - relative_water[i])
        _, leaf, through = run_prospect(layers[i], green[i], green[i] / 4.5, brown[i], moisture, dry[i], prospect_version="D")
        refl[i] = foursail(leaf, through, tilt[i], 0.0, 2, lai[i], hot[i], sun[i], view[i], azimuth[i], ground[i])[17]
        extinction = weighted_sum_over_lidf(campbell(tilt[i], 18), 0.0, 0.0, 0.0)[1]
        cover[i] = 1 - np.exp(-extinction * lai[i])
    return refl, cover, sun


def simulate_canopies(n_canopies: int, seed: int, *, mixes: int = 4, clumped: float = 0.6) -> Pixels:
    """Pixels of all platforms, noise-free: ``mixes`` of each canopy.

    Parameters
    ----------
    clumped : share of pixels that the canopy fills in part only; the rest is its own soil (60 %), another ground, buildings,
        dead plants or water. 0 gives closed canopies, as in the training of SNAP's networks.
    """
    rng = np.random.default_rng(seed)
    ground = soils(n_canopies, rng)
    plants, plant_cover, sun = canopies(n_canopies, ground, rng)
    library = [soils(n_canopies, rng), buildings(n_canopies, rng), waters(n_canopies // 4, rng)]
    library.append(dead_plants(n_canopies // 4, library[0][: n_canopies // 4], rng))

    pick = np.repeat(np.arange(n_canopies), mixes)
    n = pick.size
    share = np.where(rng.random(n) < clumped, rng.beta(0.7, 0.7, n), 1.0)
    kind = rng.choice(5, n, p=[0.6, 0.14, 0.10, 0.04, 0.12])
    place = [np.zeros(n, int)] + [rng.integers(0, len(lib), n) for lib in library]
    lit = np.where(kind == 3, 1.0, 1 - share * rng.uniform(0, GROUND_SHADE, n))
    crown = np.where((share < 1) & (rng.random(n) < 0.5), 1 - rng.uniform(0, CROWN_SHADE, n), 1.0)
    light = np.where(rng.random(n) < 0.3, rng.uniform(0.65, 1.2, n), 1.0)  # slopes facing away from or towards the sun
    neighbour = pick * mixes + rng.integers(0, mixes, n)  # the same canopy in another mixture
    around = rng.uniform(*CELL_RIM, n) * (rng.random(n) < MIXED_CELLS)
    refl = {}
    for platform in RESPONSES:
        weights = band_weights(platform)
        beside = (ground @ weights)[pick]
        for k, lib in enumerate(library, start=1):
            beside = np.where((kind == k)[:, None], (lib @ weights)[place[k]], beside)
        mixture = light[:, None] * ((share * crown)[:, None] * (plants @ weights)[pick] + ((1 - share) * lit)[:, None] * beside)
        refl[platform] = in_cells(mixture, mixture[neighbour], around) if platform.startswith("sentinel-2") else mixture
    return Pixels(share * plant_cover[pick], np.cos(np.radians(sun[pick])), refl)


def in_cells(refl: np.ndarray, neighbour: np.ndarray, around: np.ndarray) -> np.ndarray:
    """10 m pixels as in the stack, (n, 7): red edge and SWIR are those of a 20 m cell, in which the share ``around`` (n,) has
    the spectrum ``neighbour`` (n, 7), and SWIR is distributed by NIR (`rs_kernels.sharpen`).

    From these pixels a network learns how far to trust bands that blur the edges of fields.
    """
    cell = refl + around[:, None] * (neighbour - refl)
    nir, edge, swir = OPTICAL_BANDS.index("nir"), OPTICAL_BANDS.index("rededge1"), [OPTICAL_BANDS.index(b) for b in ("swir1", "swir2")]
    gain = np.clip(np.maximum(refl[:, nir], MIN_SHARPEN_REFL) / np.maximum(cell[:, nir], MIN_SHARPEN_REFL), 1 / MAX_GAIN, MAX_GAIN)
    out = refl.copy()
    out[:, edge], out[:, swir] = cell[:, edge], cell[:, swir] * gain[:, None]
    return out


def add_reflectance_errors(refl: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the errors of a surface-reflectance product, (n, 7): light of the surroundings (the mean of ``refl``), relative errors of each
    band and common to all bands (2 % each), an error of 0.01 in each band (Weiss & Baret 2016; it keeps a network from relying on the
    last hundredth of red), a grey residual, and a haze that is stronger in the blue (of the size found by Doxani et al. 2018).
    """
    n = len(refl)
    around = np.nanmean(refl, axis=0) * np.exp(rng.normal(0, 0.2, refl.shape))
    lit = refl + rng.uniform(0, ADJACENCY, (n, 1)) * (around - refl)
    residual = rng.normal(0, 0.005, (n, 1)) + np.abs(rng.normal(0, 0.004, (n, 1))) * (CANOPY_CENTRE_NM / 560.0) ** -1.3
    relative = rng.normal(0, 0.02, refl.shape) + rng.normal(0, 0.02, (n, 1))
    return lit * (1 + relative) + residual + rng.normal(0, 0.01, refl.shape)
