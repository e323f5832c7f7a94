"""Materials of the simulated land and water: their spectra and their changes through the year.

Vegetation is a mixture of canopy and shaded soil, not a radiative transfer model, so that retrievals are not tested on the
physics they were trained with. Spectra are rounded means of public libraries, except for full cover: libraries have green plants
measured over stands with gaps, so the spectrum of a closed canopy is computed from its leaves. Water spectra come from `optics`. Every world
draws its own `Palette` around these tables, with a wider spread than the training data of any retrieval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np

from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.radiometry.scaling import linear_power
from rs_pipeline.simulation import optics


class Material(IntEnum):
    """Values of the truth map ``landcover``; 0 is nodata."""

    WHEAT_MAIZE = 1
    MAIZE = 2
    MEADOW = 3
    TUSSOCK = 4
    FOREST = 5
    REED = 6
    GARDEN = 7
    BUILT = 8
    ROOF = 9
    CONCRETE = 10
    ROAD = 11
    SOIL = 12
    DRY_SAND = 13
    WET_SAND = 14
    LAKE = 15
    RIVER = 16
    SEDIMENT_RIVER = 17
    BLACK_FES = 18
    BLACK_GREY = 19
    MARSH_POND = 20
    POND = 21
    WETLAND_CORE = 22
    WETLAND_EDGE = 23
    SEA = 24
    BLACK_SLIGHT = 25
    BLOOM_POND = 26
    DYED_POND = 27
    RESERVOIR = 28
    SALT_PAN = 29
    MUDFLAT = 30
    GREENHOUSE = 31
    ROCK = 32
    PANELS = 33
    CORDGRASS = 34
    SEEPWEED = 35
    ALGAL_MUD = 36
    EVERGREEN = 37


BARE: dict[Material, tuple[float, ...]] = {
    Material.BUILT: (0.115, 0.125, 0.135, 0.145, 0.165, 0.190, 0.170),
    Material.ROOF: (0.400, 0.425, 0.440, 0.450, 0.460, 0.440, 0.380),
    Material.CONCRETE: (0.210, 0.235, 0.255, 0.265, 0.285, 0.310, 0.280),
    Material.ROAD: (0.100, 0.110, 0.120, 0.130, 0.145, 0.170, 0.155),
    Material.SOIL: (0.090, 0.125, 0.165, 0.185, 0.225, 0.300, 0.260),
    Material.DRY_SAND: (0.205, 0.260, 0.300, 0.315, 0.335, 0.380, 0.340),
    Material.WET_SAND: (0.095, 0.125, 0.145, 0.152, 0.165, 0.170, 0.130),
    Material.MUDFLAT: (0.095, 0.125, 0.150, 0.158, 0.172, 0.165, 0.130),
    Material.GREENHOUSE: (0.260, 0.285, 0.295, 0.310, 0.380, 0.330, 0.255),
    Material.ROCK: (0.130, 0.150, 0.170, 0.180, 0.205, 0.250, 0.235),
}
"""Reflectance of bare surfaces, in OPTICAL_BANDS order."""

PANEL_MODULE = np.array([0.065, 0.052, 0.045, 0.045, 0.055, 0.170, 0.100])
"""Reflectance of solar modules from above. Design values: crystalline silicon absorbs up to its band edge at 1100 nm and reflects beyond it, and the
plastic of the module absorbs near 1730 and 2310 nm (Ji et al. 2021, Remote Sens. Environ. 266:112692); seen by satellites, arrays are darker than other
dry ground from the red to the near infrared and brighter than water (Zhang et al. 2022, Earth Syst. Sci. Data 14:3743)."""
PANEL_SKY = np.array([0.060, 0.045, 0.030, 0.027, 0.022, 0.008, 0.004])
"""Skylight that the glass of the modules mirrors on a mean date."""
PANEL_SPREAD = {"brightness": 0.25, "infrared": 0.25, "band": 0.08}
"""Standard deviations of the logarithm of a world's modules: of all bands together, of the two short-wave infrared bands together, of each."""
PANEL_COVERAGE, PANEL_WEEDS = (0.30, 0.70), (0.0, 0.5)
"""Ranges, over the worlds, of the share of an array that modules hide from above, and of the summer cover of the ground between the rows. Modules cover
0.3-0.5 of the land of fixed arrays (Bolinger and Bolinger 2022, IEEE J. Photovolt. 12:589), more of the arrays of narrow rows."""
PANEL_SHADE = 0.4
"""Share of light that the ground between the rows loses."""
PANEL_GLINT = (0.05, 0.15)
"""Probability of a date on which the modules mirror light towards the sensor, and the largest reflectance that it adds."""
WET_MUD = np.array([0.060, 0.082, 0.092, 0.092, 0.085, 0.045, 0.028])
"""A mudflat under a film of water."""
DRY_FIELD = np.array([0.085, 0.115, 0.160, 0.180, 0.220, 0.290, 0.250])
"""Soil under vegetation when dry; moisture darkens it by up to 35 %."""
LEAF_ALBEDO = np.array([0.10, 0.27, 0.13, 0.47, 0.93, 0.60, 0.33])
"""Share of light that mature leaves reflect or transmit (rounded from LOPEX93, Hosgood et al. 1994)."""
SENESCENT = np.array([0.060, 0.100, 0.125, 0.165, 0.310, 0.290, 0.180])
RED_SEEPWEED = np.array([0.045, 0.060, 0.110, 0.170, 0.270, 0.220, 0.140])
"""Closed canopy of Suaeda salsa in autumn: its leaves are red by betacyanin, so they reflect more red than green light. A rounded design value."""
ICE = np.array([0.350, 0.370, 0.360, 0.345, 0.300, 0.060, 0.050])


def closed_canopy(leaf_albedo: np.ndarray, sun_zenith_deg: float = 35.0) -> np.ndarray:
    """Nadir reflectance of a leaf layer so deep that the ground is invisible: isotropic scatterers (Hapke 1981, equation 20).

    Dense crops reach NDVI 0.90-0.94; this spectrum does too, but no mean of field spectra does.

    >>> closed_canopy(np.array([0.13, 0.93])).round(3).tolist()
    [0.02, 0.461]
    """
    sun, gamma = np.cos(np.radians(sun_zenith_deg)), np.sqrt(1 - leaf_albedo)

    def h(cosine: float) -> np.ndarray:
        return (1 + 2 * cosine) / (1 + 2 * cosine * gamma)

    return leaf_albedo / 4 / (1 + sun) * h(sun) * h(1.0)


CLUMPING_SHADE = 0.7
"""Share of light that the soil between plants loses at full cover. With the sun 38 degrees from the zenith, round crowns whose shadows are
half hidden beneath them, and 15 % of skylight, the loss is 0.23, 0.35 and 0.70 at covers of 0.3, 0.5 and 0.9 (Li & Strahler 1992)."""
CANOPY_BRIGHTNESS = {Material.FOREST: 0.80, Material.REED: 0.90}
"""Factors on the brightness of tall canopies, which shade themselves."""


@dataclass(frozen=True)
class Season:
    """One growth cycle: cover rises at ``start`` and falls at ``stop`` (days of the year) along logistic curves of width ``ramp`` days."""

    start: float
    stop: float
    peak: float
    ramp: float

    def cover(self, day: float | np.ndarray) -> np.ndarray:
        return self.peak * (_logistic((day - self.start) / self.ramp) - _logistic((day - self.stop) / self.ramp))

    def senescence(self, day: float | np.ndarray) -> np.ndarray:
        return _logistic((day - self.stop + 12) / self.ramp)


PHENOLOGY: dict[Material, tuple[Season, ...]] = {
    Material.WHEAT_MAIZE: (
        Season(-80, 65, 0.22, 10), Season(72, 158, 0.80, 8), Season(190, 270, 0.92, 6), Season(294, 440, 0.22, 10),
    ),
    Material.MAIZE: (Season(165, 268, 0.90, 8),),
    Material.MEADOW: (Season(115, 288, 0.74, 14),),
    Material.TUSSOCK: (Season(120, 284, 0.52, 14),),
    Material.FOREST: (Season(112, 302, 0.93, 8),),
    Material.REED: (Season(125, 302, 0.84, 12),),
    Material.GARDEN: (Season(105, 305, 0.52, 12),),
    Material.WETLAND_CORE: (Season(120, 302, 0.60, 12),),
    Material.WETLAND_EDGE: (Season(120, 302, 0.66, 12),),
    Material.CORDGRASS: (Season(150, 325, 0.85, 12),),
    Material.SEEPWEED: (Season(122, 305, 0.50, 16),),
    Material.ALGAL_MUD: (Season(60, 155, 0.30, 14), Season(268, 348, 0.30, 14)),
    Material.EVERGREEN: (Season(-400, 800, 0.72, 20),),
}  # fmt: skip
"""Cordgrass (Spartina alterniflora) does not green up in April and May and stays green longer than reed (Zhang, X. et al. 2020, Remote Sens. 12(3),
PMC7357893: on Chongming until December and January). On the colder Bohai coast it is green until the middle of November: a design value, and worlds
differ by SHORE_DAYS."""

ON_MUD = (Material.CORDGRASS, Material.SEEPWEED, Material.ALGAL_MUD)
"""Plants of tidal flats: the ground between them is mud."""
HEIGHT_M = {Material.CORDGRASS: 1.5, Material.REED: 1.8, Material.SEEPWEED: 0.4}
"""Height of plants on tidal flats: the tide covers cordgrass and reed only in part."""
SHORE_PLANTS = (*ON_MUD, Material.EVERGREEN)
"""Plants that only the theme ``cordgrass`` has. Their draws come from a stream of their own, so that they change no other world."""
SHORE_DAYS, SHORE_COVER = 7.0, (0.70, 1.10)
"""Spread of the shore plants: standard deviation of the days of their rise and, independently, of their fall, and factor on their cover."""

GREENING: dict[Material, float] = {Material.MEADOW: 0.020, Material.TUSSOCK: 0.025}
"""Yearly increase of green cover, 0-1."""

FLOODED_DAYS: dict[Material, tuple[int, int]] = {Material.WETLAND_CORE: (163, 312), Material.WETLAND_EDGE: (165, 298)}
"""First and last day of the year on which the seasonal wetland is under water."""

Ranges = dict[str, tuple[float, float]]

WATER: dict[Material, Ranges] = {
    Material.LAKE: dict(chl=(5, 25), tsm=(3, 15), a_g440=(0.3, 1.2)),
    Material.RIVER: dict(chl=(5, 30), tsm=(6, 30), a_g440=(0.4, 1.5)),
    Material.SEDIMENT_RIVER: dict(chl=(2, 20), tsm=(80, 400), a_g440=(0.3, 1.5), b_bp=(0.010, 0.014)),
    Material.BLACK_FES: dict(chl=(5, 60), tsm=(15, 60), a_g440=(2, 6), a_blk440=(3, 15), s_blk=(0.003, 0.006), b_bp=(0.004, 0.010)),
    Material.BLACK_GREY: dict(chl=(5, 60), tsm=(40, 150), a_g440=(1.5, 5), a_blk440=(1.5, 8), s_blk=(0.002, 0.005), b_bp=(0.006, 0.014)),
    Material.BLACK_SLIGHT: dict(chl=(10, 120), tsm=(15, 50), a_g440=(1.8, 5), a_blk440=(0.5, 3), s_blk=(0.003, 0.006)),
    Material.MARSH_POND: dict(chl=(1, 20), tsm=(1, 8), a_g440=(2, 8), s_g=(0.014, 0.017)),
    Material.POND: dict(chl=(25, 120), tsm=(10, 50), a_g440=(0.6, 2)),
    Material.BLOOM_POND: dict(chl=(100, 400), tsm=(20, 80), a_g440=(0.8, 2.5)),
    Material.DYED_POND: dict(chl=(2, 10), tsm=(2, 12), a_g440=(10, 25), s_g=(0.010, 0.013)),
    Material.RESERVOIR: dict(chl=(0.5, 8), tsm=(0.5, 5), a_g440=(0.05, 0.5)),
    Material.SALT_PAN: dict(chl=(1, 10), tsm=(20, 120), a_g440=(0.15, 0.7)),
    Material.WETLAND_CORE: dict(chl=(3, 30), tsm=(5, 25), a_g440=(0.7, 2.5)),
    Material.WETLAND_EDGE: dict(chl=(3, 30), tsm=(5, 25), a_g440=(0.7, 2.5)),
    Material.SEA: dict(chl=(1, 10), tsm=(15, 120), a_g440=(0.15, 0.7), b_bp=(0.008, 0.014)),
}
"""Ranges of the constituents of each water, as arguments of `optics.water_rrs`. The ranges are those of published optical classes;
no retrieval was trained on waters like the dyed pond."""

OPEN_SEA: Ranges = dict(chl=(1, 5), tsm=(3, 15), a_g440=(0.1, 0.3), b_bp=(0.008, 0.014))
"""Ranges of the sea far from the shore; in between, near and far sea are mixed."""

BLACK_WATERS = {Material.BLACK_FES: "fes", Material.BLACK_GREY: "grey", Material.BLACK_SLIGHT: "slight"}
"""Kinds of black-odorous water."""
BLACK_MONTHS = {
    Material.BLACK_FES: tuple(range(1, 13)), Material.BLACK_GREY: tuple(range(4, 11)), Material.BLACK_SLIGHT: tuple(range(5, 10)),
}  # fmt: skip
"""Months in which they are black-odorous; in other months they have the spectrum of rivers."""
CONFUSERS = {
    Material.SEDIMENT_RIVER: "sediment", Material.MARSH_POND: "cdom", Material.BLOOM_POND: "bloom", Material.POND: "aquaculture",
    Material.DYED_POND: "dye", Material.SALT_PAN: "salt_pan",
}  # fmt: skip
"""Waters that may be taken for black-odorous ones, with the reason."""

FREEZING = (Material.LAKE, Material.POND, Material.MARSH_POND, Material.BLOOM_POND, Material.RESERVOIR)
SEA_ICE_SHARE = 0.5
"""Share of ice on near-shore water on frozen days."""

BACKSCATTER_DB: dict[Material, tuple[float, float]] = {
    Material.BUILT: (-4.5, -11.5), Material.ROOF: (-3.5, -11.0), Material.CONCRETE: (-9.0, -17.0), Material.ROAD: (-14.0, -21.0),
    Material.SOIL: (-12.5, -20.0), Material.DRY_SAND: (-15.5, -23.0), Material.WET_SAND: (-14.0, -22.5),
    Material.MUDFLAT: (-15.0, -23.5), Material.GREENHOUSE: (-8.0, -16.0), Material.ROCK: (-9.5, -16.5), Material.PANELS: (-8.0, -16.5),
}  # fmt: skip
"""gamma0 of bare surfaces, VV and VH, dB."""
FIELD_DB, CANOPY_DB, WATER_DB = (-12.5, -20.0), (-9.5, -15.5), (-21.5, -29.0)


@dataclass(frozen=True)
class Panels:
    """Solar arrays of one world: rows of modules with ground between them, finer than any pixel."""

    module: np.ndarray
    """Reflectance of the modules, in OPTICAL_BANDS order."""
    coverage: float
    """Share of the array that modules hide from above."""
    weeds: Season
    """Plants between the rows."""


@dataclass(frozen=True)
class Palette:
    """Spectra and seasons of the materials in one world."""

    water: dict[Material, dict[str, float]]
    """Mean constituents of each water, as in WATER."""
    open_sea: dict[str, float]
    seasons: dict[Material, tuple[Season, ...]]
    bare: dict[Material, np.ndarray]
    field: np.ndarray
    """Dry soil under vegetation."""
    green: np.ndarray
    senescent: np.ndarray
    panels: Panels


def draw_palette(rng: np.random.Generator) -> Palette:
    """Draw a palette: constituents log-uniform in their ranges, seasons shifted by days (standard deviation 4) with 0.90-1.06 times the cover, and spectra
    8-15 % brighter or darker than the tables (standard deviation)."""

    def drawn(ranges: Ranges) -> dict[str, float]:
        return {name: float(np.exp(rng.uniform(*np.log(limits)))) for name, limits in ranges.items()}

    def moved(season: Season, days: float, share: float) -> Season:
        return replace(season, start=season.start + days, stop=season.stop + days, peak=min(season.peak * share, 0.97))

    def tinted(spectrum: np.ndarray, brightness: float) -> np.ndarray:
        return np.asarray(spectrum) * np.exp(rng.normal(0, brightness) + rng.normal(0, 0.03, len(OPTICAL_BANDS)))

    water = {m: drawn(ranges) for m, ranges in WATER.items()}
    open_sea = drawn(OPEN_SEA)
    seasons = shore_seasons(rng)
    for material, parts in PHENOLOGY.items():
        if material in SHORE_PLANTS:
            continue
        days, share = float(rng.normal(0, 4)), float(rng.uniform(0.90, 1.06))
        seasons[material] = tuple(moved(season, days, share) for season in parts)
    bare = {m: tinted(np.array(spectrum), 0.10) for m, spectrum in BARE.items()}
    plants = tinted(DRY_FIELD, 0.15), tinted(closed_canopy(LEAF_ALBEDO), 0.08), tinted(SENESCENT, 0.08)
    return Palette(water, open_sea, seasons, bare, *plants, draw_panels(_own_stream(rng, Material.PANELS)))


def _own_stream(rng: np.random.Generator, *key: int) -> np.random.Generator:
    """A generator with the entropy of ``rng`` and a key of its own, whose draws take none from ``rng``: worlds without the material stay as they are."""
    seeds: Any = rng.bit_generator.seed_seq  # the interface that NumPy declares for it has no entropy
    return np.random.default_rng(np.random.SeedSequence(seeds.entropy, spawn_key=key))


def draw_panels(rng: np.random.Generator) -> Panels:
    """Draw the solar arrays of a world."""
    tint = rng.normal(0, PANEL_SPREAD["brightness"]) + rng.normal(0, PANEL_SPREAD["band"], len(OPTICAL_BANDS))
    tint[OPTICAL_BANDS.index("swir1") :] += rng.normal(0, PANEL_SPREAD["infrared"])
    weeds = Season(115 + rng.normal(0, 6), 285 + rng.normal(0, 6), rng.uniform(*PANEL_WEEDS), 14)
    return Panels(PANEL_MODULE * np.exp(tint), float(rng.uniform(*PANEL_COVERAGE)), weeds)


def shore_seasons(rng: np.random.Generator) -> dict[Material, tuple[Season, ...]]:
    """Seasons of SHORE_PLANTS in the world of a generator, whose own draws stay as they are."""
    own = _own_stream(rng, Material.CORDGRASS)
    found = {}
    for material in SHORE_PLANTS:
        rise, fall = own.normal(0, SHORE_DAYS, 2)
        share = own.uniform(*SHORE_COVER)
        found[material] = tuple(replace(s, start=s.start + rise, stop=s.stop + fall, peak=min(s.peak * share, 0.97)) for s in PHENOLOGY[material])
    return found


def emerged_share(palette: Palette, material: Material, depth_m: np.ndarray, day: float, years_on: float) -> np.ndarray:
    """Share (0-1) of the ground of a stand that plants hide although it is under ``depth_m`` of water: those of the part of their height above the water."""
    cover, height_m = float(plant_cover(palette, material, day, years_on)), HEIGHT_M.get(material, 0.0)
    return cover * np.clip(1 - depth_m / height_m, 0, 1) if height_m else np.zeros(np.shape(depth_m))


def _logistic(value: float | np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(value, dtype=float)))


def plant_cover(palette: Palette, material: Material, day: float | np.ndarray, years_on: float) -> np.ndarray:
    """Share of ground (0-1) under plants, green or dead, of a vegetated material on days of the year, ``years_on`` years after the first."""
    seasons = palette.seasons[material]
    gain = GREENING.get(material, 0.0) * years_on
    scale = 1 + gain / max(season.peak for season in seasons)
    return np.clip(scale * sum(season.cover(day) for season in seasons), 0.0, 0.97)


def dead_share(palette: Palette, material: Material, day: float | np.ndarray) -> np.ndarray:
    """Share (0-1) of the plants that is ripe, yellow or dry on days of the year: the shares of the growth cycles weighted by their cover, so that the
    stubble of a harvested crop does not turn the next crop yellow."""
    covers = np.array([season.cover(day) for season in palette.seasons[material]])
    dead = sum(cover * season.senescence(day) for cover, season in zip(covers, palette.seasons[material], strict=True))
    return dead / np.maximum(covers.sum(axis=0), 1e-6)


def green_cover(palette: Palette, material: Material, day: np.ndarray, years_on: float) -> np.ndarray:
    """Share of ground (0-1) under green plants, as `plant_cover`."""
    return plant_cover(palette, material, day, years_on) * (1 - dead_share(palette, material, day))


def is_flooded(material: Material, day: int) -> bool:
    first, last = FLOODED_DAYS.get(material, (1, 0))
    return first <= day <= last


@dataclass(frozen=True)
class Layers:
    """Order of the mixing layers: a bare or water material has one (its fraction F), a vegetated one F, F m and F m^2,
    where m is the local modulation of green cover. The two sea layers (near, far) come last."""

    materials: tuple[Material, ...]

    @property
    def index(self) -> list[tuple[Material, int]]:
        """(material, power of the modulation) of each layer."""
        return [(m, power) for m in self.materials for power in ((0, 1, 2) if m in PHENOLOGY else (0,))]


@dataclass(frozen=True)
class DayState:
    """Conditions that differ from date to date."""

    day: date
    years_on: float
    """Years since the first simulated one, for trends."""
    season_shift_days: float
    """Delay of the year's seasons."""
    moisture: float
    """0 dry to 1 wet soil; for a mudflat the share under a film of water."""
    frozen: bool
    water: dict[Material, dict[str, float]]
    """Constituents of each water on the date."""
    open_sea: dict[str, float]
    wind_db: float
    """Increase of the radar backscatter of water by wind, dB."""
    panel_sky: np.ndarray
    """Light that solar modules mirror, reflectance in OPTICAL_BANDS order."""

    @property
    def day_of_year(self) -> int:
        return self.day.timetuple().tm_yday

    @property
    def season_day(self) -> float:
        """Day of the year minus the delay of the season."""
        return self.day_of_year - self.season_shift_days


def day_state(palette: Palette, day: date, first_year: int, season_shift_days: float, rng: np.random.Generator) -> DayState:
    """Draw the conditions of a date: soil moisture, ice, and the constituents of every water (log-normal, standard deviation 25 %)."""

    def drawn(parameters: dict[str, float]) -> dict[str, float]:
        varying = {"chl", "tsm", "a_g440", "a_blk440"}
        return {k: v * float(np.exp(rng.normal(0, 0.25))) if k in varying else v for k, v in parameters.items()}

    water = {m: drawn(p) for m, p in palette.water.items()}
    for material, months in BLACK_MONTHS.items():
        if day.month not in months:
            water[material] = water[Material.RIVER]
    year = day.year - first_year
    return DayState(
        day=day,
        years_on=float(year),
        season_shift_days=season_shift_days,
        moisture=float(rng.beta(2, 3)),
        frozen=day.month == 1 and bool(rng.random() < 0.6),
        water=water,
        open_sea=drawn(palette.open_sea),
        wind_db=float(np.abs(rng.normal(0, 2.0))),
        panel_sky=_panel_sky(_own_stream(rng, Material.PANELS, day.toordinal())),
    )


def _panel_sky(rng: np.random.Generator) -> np.ndarray:
    """Light that modules mirror on a date: skylight, and on few dates glint of all bands alike."""
    often, most = PANEL_GLINT
    return PANEL_SKY * np.exp(rng.normal(0, 0.4)) + (rng.uniform(0, most) if rng.random() < often else 0.0)


def water_spectrum(platform: str, roles: tuple[str, ...], parameters: dict[str, float], *, sea: bool = False) -> np.ndarray:
    """Reflectance (bands,) of a water in the bands of a platform."""
    return np.pi * optics.water_bands(platform, roles, **parameters, sea=sea)


def _bands(spectrum: np.ndarray, roles: tuple[str, ...]) -> np.ndarray:
    return np.asarray(spectrum)[[OPTICAL_BANDS.index(role) for role in roles]]


def _vegetated(palette: Palette, material: Material, state: DayState, roles: tuple[str, ...]) -> list[np.ndarray]:
    """Coefficients of F, F m, F m^2: canopy with cover f m, and the soil between, shaded by the clumped canopy.

    refl = f m V + (1 - f m)(1 - c f m) S = S + f m (V - (1 + c) S) + (f m)^2 c S
    """
    day, c = state.season_day, CLUMPING_SHADE
    f, dead = float(plant_cover(palette, material, day, state.years_on)), float(dead_share(palette, material, day))
    brightness = CANOPY_BRIGHTNESS.get(material, 1.0)
    ripe = RED_SEEPWEED if material == Material.SEEPWEED else palette.senescent
    canopy = _bands((1 - dead) * palette.green + dead * ripe, roles) * brightness
    soil = _ground(palette, Material.MUDFLAT, state, roles) if material in ON_MUD else _bands(palette.field * (1 - 0.35 * state.moisture), roles)
    return [soil, f * (canopy - (1 + c) * soil), f * f * c * soil]


def _ground(palette: Palette, material: Material, state: DayState, roles: tuple[str, ...]) -> np.ndarray:
    """Reflectance of a bare material on a date."""
    surface = _bands(palette.bare[material], roles)
    if material == Material.MUDFLAT:
        return (1 - state.moisture) * surface + state.moisture * _bands(WET_MUD, roles)
    return surface * (1 - 0.2 * state.moisture if material == Material.SOIL else 1.0)


def _arrays(palette: Palette, state: DayState, roles: tuple[str, ...]) -> np.ndarray:
    """Reflectance of solar arrays on a date: modules that mirror the sky, and shaded ground with its plants between the rows."""
    panels, day = palette.panels, state.season_day
    cover, dead = float(panels.weeds.cover(day)), float(panels.weeds.senescence(day))
    plants = (1 - dead) * palette.green + dead * palette.senescent
    ground = (1 - cover) * palette.field * (1 - 0.35 * state.moisture) + cover * plants
    return _bands(panels.coverage * (panels.module + state.panel_sky) + (1 - panels.coverage) * (1 - PANEL_SHADE) * ground, roles)


def optical_coefficients(palette: Palette, layers: Layers, platform: str, roles: tuple[str, ...], state: DayState) -> np.ndarray:
    """Reflectance of each mixing layer, float32 (bands, layers); the two last are the sea near and far from the shore."""
    columns: list[np.ndarray] = []
    for material in layers.materials:
        flooded = is_flooded(material, state.day_of_year)
        if state.frozen and material in FREEZING:
            columns.append(_bands(ICE, roles))
        elif flooded:
            columns += [water_spectrum(platform, roles, state.water[material]), np.zeros(len(roles)), np.zeros(len(roles))]
        elif material in PHENOLOGY:
            columns += _vegetated(palette, material, state, roles)
        elif material in WATER:
            columns.append(water_spectrum(platform, roles, state.water[material]))
        elif material == Material.PANELS:
            columns.append(_arrays(palette, state, roles))
        else:
            columns.append(_ground(palette, material, state, roles))
    near = water_spectrum(platform, roles, state.water[Material.SEA], sea=True)
    if state.frozen:
        near = (1 - SEA_ICE_SHARE) * near + SEA_ICE_SHARE * _bands(ICE, roles)
    columns += [near, water_spectrum(platform, roles, state.open_sea, sea=True)]
    return np.stack(columns, axis=1).astype("float32")


def radar_coefficients(palette: Palette, layers: Layers, state: DayState) -> np.ndarray:
    """gamma0 as linear power of each mixing layer, float32 (2, layers): VV and VH."""

    def power(db: tuple[float, float]) -> np.ndarray:
        return np.asarray(linear_power(np.array(db)))

    water = np.asarray(linear_power(np.array(WATER_DB) + np.array([1.0, 0.6]) * state.wind_db))
    columns: list[np.ndarray] = []
    for material in layers.materials:
        if is_flooded(material, state.day_of_year):
            columns += [water, np.zeros(2), np.zeros(2)]
        elif material in PHENOLOGY:
            f = float(plant_cover(palette, material, state.season_day, state.years_on))
            soil = power(FIELD_DB) * (0.8 + 0.6 * state.moisture)
            columns += [soil, f * (power(CANOPY_DB) - soil), np.zeros(2)]
        else:
            columns.append(water if material in WATER else power(BACKSCATTER_DB[material]))
    return np.stack([*columns, water, water], axis=1).astype("float32")
