"""The simulated world: its coast, outlines and tide, painted into maps of materials year by year. This is the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial, reduce

import numpy as np
import pyproj
import shapely
from rasterio.features import rasterize
from scipy import ndimage

from rs_pipeline.model import Grid, year_at
from rs_pipeline.simulation import terrain
from rs_pipeline.simulation.coast import FLOODED_TO_M, MOST_FLAT_M, Coast, CoastSection, SimulatedTide, make_coast, make_tide, no_coast
from rs_pipeline.simulation.landscape import Landscape
from rs_pipeline.simulation.materials import (
    FLOODED_DAYS,
    PHENOLOGY,
    SHORE_PLANTS,
    WATER,
    Material,
    Palette,
    draw_palette,
    emerged_share,
    green_cover,
    plant_cover,
)
from rs_pipeline.simulation.themes import COASTS, draw_landscape, sea_point

CRS = "EPSG:32650"
CENTRE_LONLAT = (118.9, 39.1)
PAINT_M = 2.5
"""Pixel of the painted maps."""
MIX_M = 5.0
"""Pixel of the fraction maps from which sensors are simulated."""
MARGIN_M = 30.0
"""Every painted map extends this far beyond the world, for point spread functions and shifts."""
PEAK_DAYS, GROWING_DAYS = np.arange(166, 254), np.arange(121, 274)
"""Days of the year from 15 June to 10 September, and from May to September: the windows of peak and growing-season cover."""
SPRING_DAYS = {"march": np.arange(60, 91), "april": np.arange(91, 121), "may": np.arange(121, 152)}
"""Days of the year of each month of spring."""
OPEN_GROUND = (Material.SOIL, Material.DRY_SAND, Material.ROCK)
"""Ground that never has plants and is neither sealed nor wet."""
BARE_COVER = 0.15
"""Ground under plants, green or dead, over less than this share of it is bare: NLCD's barren land (vegetation "less than 15 % of total cover")."""
STREET_M, PARCEL_M = (45, 30), (240, 130)
"""Size of building plots and of fields, m."""
TREES_M, HALL_M = 10.0, 9.0
"""Height of trees and of factory halls."""
ORIGIN_STEP_M = 60
"""The origin is at multiples of this, so that 10 and 20 m Sentinel-2 pixels nest."""


def decimal_year(day: date) -> float:
    """2024-07-02 is about 2024.5.

    >>> decimal_year(date(2023, 1, 1))
    2023.0
    """
    return year_at(date(day.year, day.month, day.day))


@dataclass(frozen=True)
class World:
    """A world of known truth. Maps are north-up float32 or uint8 arrays on `paint_grid`, `mix_grid` or `grid`."""

    seed: int
    years: tuple[int, ...]
    grid: Grid
    """The 10 m grid of the world."""
    theme: str
    """Kind of landscape, see `themes`."""
    coast: Coast
    landscape: Landscape
    tide: SimulatedTide
    palette: Palette

    @property
    def coastal(self) -> bool:
        return self.theme in COASTS

    @property
    def paint_grid(self) -> Grid:
        return self._padded(PAINT_M)

    @property
    def mix_grid(self) -> Grid:
        return self._padded(MIX_M)

    def _padded(self, resolution_m: float) -> Grid:
        factor = round(self.grid.resolution_m / resolution_m)
        fine = Grid(CRS, resolution_m, self.grid.left, self.grid.top, self.grid.width * factor, self.grid.height * factor)
        return fine.buffered(MARGIN_M)

    def to_grid(self, fine: np.ndarray) -> np.ndarray:
        """Mean over the 10 m pixels of a map on `mix_grid`, (height, width)."""
        margin, factor = round(MARGIN_M / MIX_M), round(self.grid.resolution_m / MIX_M)
        inner = fine[margin:-margin, margin:-margin]
        return inner.reshape(self.grid.height, factor, self.grid.width, factor).mean(axis=(1, 3))

    @cached_property
    def coast_coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """(along_m, seaward_m) of the pixels of `mix_grid`."""
        return self.coast.coordinates(*centres(self.mix_grid))

    @cached_property
    def _along_table(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions along the coast every half metre, and for each pixel of `mix_grid` the nearest of them."""
        along, _ = self.coast_coordinates
        first = np.floor(along.min())
        index = np.rint((along - first) * 2).astype("int32")
        return first + 0.5 * np.arange(index.max() + 1), index

    @cached_property
    def _painted(self) -> dict[int, np.ndarray]:
        """Material maps made so far, by year."""
        return {}

    @cached_property
    def _ground(self) -> np.ndarray:
        """Materials of fields and towns, the same every year."""
        x, y = centres(self.paint_grid)
        ground = _fields(x, y, self.seed)
        town = self._mask(list(self.landscape.towns))
        ground[town] = _streets(x[town], y[town], self.seed)
        return ground

    def _mask(self, polygons: list[shapely.Geometry]) -> np.ndarray:
        grid = self.paint_grid
        return rasterize(polygons, out_shape=grid.shape, transform=grid.transform, fill=0, default_value=1, dtype="uint8").astype(bool)

    @cached_property
    def dem_m(self) -> np.ndarray:
        """Height of the ground, float32 on `mix_grid`; 0 where the land is flat."""
        if not self.landscape.relief_m:
            return np.zeros(self.mix_grid.shape, dtype="float32")
        water = np.isin(_every_second(self.materials(self.years[0])), list(WATER))
        noise = smooth_noise(self.mix_grid.shape, 50, np.random.default_rng([self.seed, 14]))
        return terrain.hills(water, MIX_M, self.landscape.relief_m, noise)

    @cached_property
    def _obstacles(self) -> dict[int, np.ndarray]:
        """Heights made so far, by year."""
        return {}

    def obstacles_m(self, year: int) -> np.ndarray:
        """Height of buildings and trees above the ground, float32 on `mix_grid`."""
        if year not in self._obstacles:
            self._obstacles[year] = self._stand(year)
        return self._obstacles[year]

    def _stand(self, year: int) -> np.ndarray:
        ground = _every_second(self.materials(year))
        low, high = self.landscape.buildings_m
        p, q = _field_coordinates(*centres(self.mix_grid))
        number = _hash(np.floor(p / STREET_M[0]), np.floor(q / STREET_M[1]), self.seed + 21)
        heights = np.where(ground == Material.BUILT, low + (high - low) * number**2.5, 0)
        heights[(ground == Material.FOREST) | (ground == Material.EVERGREEN)] = TREES_M
        heights[ground == Material.ROOF] = HALL_M
        return heights.astype("float32")

    def direct_light(self, year: int, sun: tuple[float, float]) -> np.ndarray:
        """Direct sunlight relative to level open ground on `mix_grid`; see `terrain.direct_light`."""
        return terrain.direct_light(self.dem_m, self.obstacles_m(year), MIX_M, sun)

    @cached_property
    def texture(self) -> np.ndarray:
        """Relative brightness of the ground, mean 1, standard deviation 5 %, on `mix_grid`."""
        rng = np.random.default_rng([self.seed, 11])
        return (1 + 0.045 * smooth_noise(self.mix_grid.shape, 12, rng) + 0.025 * smooth_noise(self.mix_grid.shape, 1.2, rng)).astype("float32")

    @cached_property
    def vigour(self) -> np.ndarray:
        """Local modulation of green cover, 0.6-1.05, on `mix_grid`."""
        rng = np.random.default_rng([self.seed, 12])
        noise = 0.07 * smooth_noise(self.mix_grid.shape, 25, rng) + 0.03 * smooth_noise(self.mix_grid.shape, 3, rng)
        x, y = centres(self.mix_grid)
        return np.clip(0.93 + noise + 0.05 * _parcel_number(x, y, 17), 0.6, 1.05).astype("float32")

    def season_shift_days(self, year: int) -> float:
        return float(np.random.default_rng([self.seed, 13, year]).normal(0, 4))

    def sea_cover(self, when: date, tide_m: float) -> np.ndarray:
        """Share of each pixel of `mix_grid` covered by the sea at a tide, float32."""
        table, index = self._along_table
        year = decimal_year(when)
        waterline = (self.coast.shoreline(table, year) + self.coast.runup(table, tide_m, year)).astype("float32")
        seaward = self.coast_coordinates[1].astype("float32")
        cover = np.clip(0.5 + (seaward - waterline[index]) / MIX_M, 0, 1)
        return self._among_plants(cover, seaward - waterline[index], when) if self.landscape.stands else cover

    def _among_plants(self, cover: np.ndarray, beyond_m: np.ndarray, when: date) -> np.ndarray:
        """Sea cover (0-1) where the plants of flats stand above the water, float32. ``beyond_m``: distance seaward of the waterline."""
        table, index = self._along_table
        slope = np.array([s.slope if np.isfinite(s.slope) else 0.0 for s in self.coast.sections])[self.coast.section_index(table, decimal_year(when))]
        depth_m, ground = np.maximum(beyond_m * slope[index], 0), self.materials(when.year)
        day = when.timetuple().tm_yday - self.season_shift_days(when.year)
        for material in sorted({s.material for s in self.landscape.stands}):
            hidden = emerged_share(self.palette, material, depth_m, day, when.year - self.years[0])
            cover = cover * (1 - self.fraction(ground, material) * hidden)
        return cover.astype("float32")

    def materials(self, year: int) -> np.ndarray:
        """Map of `Material` on `paint_grid`, uint8: land as in the middle of a year; under the sea, the ground that low tide uncovers."""
        if year not in self._painted:
            grid, land = self.paint_grid, self.landscape
            painted = rasterize(land.shapes(year), out_shape=grid.shape, transform=grid.transform, fill=0, dtype="uint8")
            ground = np.where(painted > 0, painted, self._ground)
            self._paint_shore(ground, year)
            self._paint_stands(ground, year)
            self._painted[year] = ground
        return self._painted[year]

    def _paint_shore(self, ground: np.ndarray, year: int) -> None:
        """Paint beaches, mudflats, walls and reclaimed land along the coast; the great river keeps its channel."""
        all_along, all_seaward = self.coast.coordinates(*centres(self.paint_grid))
        middle = year + 0.5
        near = (all_seaward > -700) & (ground != Material.SEDIMENT_RIVER)
        along, seaward, surface = all_along[near], all_seaward[near], ground[near]
        from_shore = seaward - self.coast.shoreline(along, middle)
        wet_width = np.minimum(-self.coast.runup(along, FLOODED_TO_M, middle), MOST_FLAT_M)
        index = self.coast.section_index(along, middle)

        def on(test: Callable[[CoastSection], bool]) -> np.ndarray:
            return np.array([test(s) for s in self.coast.sections])[index]

        natural, mud = on(lambda s: s.kind != "artificial"), on(lambda s: s.type == "mudflat")
        surface[natural & (from_shore > -wet_width - 60)] = Material.DRY_SAND
        surface[mud & (from_shore > -wet_width - 60)] = Material.SOIL
        surface[natural & (from_shore > -wet_width)] = Material.WET_SAND
        surface[mud & (from_shore > -wet_width)] = Material.MUDFLAT
        surface[on(_is_fill) & (seaward > 100)] = Material.SOIL
        surface[~natural & (from_shore > -15)] = Material.CONCRETE
        ground[near] = surface

    def _paint_stands(self, ground: np.ndarray, year: int) -> None:
        """Paint the plants of tidal flats over the mud landward of the line of mean sea level."""
        shapes = [(outline, int(s.material)) for s in self.landscape.stands if not (outline := s.outline(year, self.years[0])).is_empty]
        if not shapes:
            return
        grid = self.paint_grid
        painted = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, fill=0, dtype="uint8")
        along, seaward = self.coast.coordinates(*centres(grid))
        grows = (painted > 0) & (ground == Material.MUDFLAT) & (seaward < self.coast.shoreline(along, year + 0.5) - MIX_M)
        ground[grows] = painted[grows]

    def landcover(self, year: int) -> np.ndarray:
        """Truth map of `Material` on `paint_grid` at mean sea level in the middle of a year, uint8."""
        ground = self.materials(year).copy()
        sea = self.sea_cover(date(year, 7, 2), 0.0) >= 0.5
        factor = round(MIX_M / PAINT_M)
        ground[np.kron(sea, np.ones((factor, factor), dtype=bool))] = Material.SEA
        return ground

    def fraction(self, ground: np.ndarray, material: Material) -> np.ndarray:
        """Share of a material in the pixels of `mix_grid`, float32, of a map on `paint_grid`."""
        factor = round(MIX_M / PAINT_M)
        hit = (ground == material).view("uint8")
        parts = (hit[row::factor, column::factor] for row in range(factor) for column in range(factor))
        return np.add.reduce(list(parts)) / np.float32(factor**2)

    def vegetation(self, year: int) -> tuple[np.ndarray, np.ndarray]:
        """Truth of green cover (0-1), two float32 maps on `grid`: the 90th percentile of the days from 15 June to 10 September, and the
        mean of those from May to September. Water counts as 0.

        Both are statistics of a pixel's daily cover, so in a pixel with crops of different seasons they are not the means of the crops' values.
        """
        ground, shift = self.landcover(year), self.season_shift_days(year)
        absent = set(SHORE_PLANTS) - {Material(m) for m in np.unique(ground)}
        plants = sorted(set(PHENOLOGY) - set(FLOODED_DAYS) - absent)
        shares = np.stack([self.to_grid(self.fraction(ground, m) * self.vigour) for m in plants])
        mixed = (shares > 0).sum(axis=0) > 1
        maps = []
        for days, statistic in ((PEAK_DAYS, partial(np.quantile, q=0.9)), (GROWING_DAYS, np.mean)):
            daily = np.stack([green_cover(self.palette, m, days - shift, year - self.years[0]) for m in plants]).astype("float32")
            cover = np.tensordot(statistic(daily, axis=1), shares, 1)
            cover[mixed] = statistic(daily.T @ shares[:, mixed], axis=0)
            maps.append(np.minimum(cover, 1).astype("float32"))
        return maps[0], maps[1]

    def bare_ground(self, year: int) -> dict[str, np.ndarray]:
        """Truth of the share of each pixel of `grid` that is open ground, or has plants over less than BARE_COVER of it: mean over the days of each month of
        SPRING_DAYS, float32 by month."""
        ground, shift = self.landcover(year), self.season_shift_days(year)
        plants = [m for m in PHENOLOGY if (ground == m).any()]
        open_ground = reduce(np.add, (self.fraction(ground, m) for m in OPEN_GROUND))
        among_plants = {m: self.fraction(ground, m) for m in plants}

        def bare_in(days: np.ndarray) -> np.ndarray:
            bare = open_ground.copy()
            for material, share in among_plants.items():
                covers = np.sort(plant_cover(self.palette, material, days - shift, year - self.years[0]))
                bare += share * np.searchsorted(covers, BARE_COVER / self.vigour) / len(days)
            return self.to_grid(bare).astype("float32")

        return {month: bare_in(days) for month, days in SPRING_DAYS.items()}

    def permanent_fraction(self, year: int) -> np.ndarray:
        """Truth of the share of each pixel of `grid` under water all year (the sea at its mean level), float32."""
        ground = self.landcover(year)
        wet = reduce(np.add, (self.fraction(ground, m) for m in WATER if m not in FLOODED_DAYS))
        return self.to_grid(wet).astype("float32")

    def water_frequency(self, year: int) -> np.ndarray:
        """Truth of the share of the year (0-1) during which each pixel of `grid` is under water, float32."""
        ground = self.materials(year)
        inland = np.zeros(self.mix_grid.shape, dtype="float32")
        for material in WATER:
            first, last = FLOODED_DAYS.get(material, (1, 365))
            if material != Material.SEA:
                inland += self.fraction(ground, material) * np.float32((last - first + 1) / 365)
        start = datetime(year, 1, 1, tzinfo=self.tide.start.tzinfo)
        hour = int((start - self.tide.start).total_seconds() // 3600)
        levels = np.quantile(self.tide.heights_m[hour : hour + 8760], (np.arange(20) + 0.5) / 20)
        sea = sum(self.sea_cover(date(year, 7, 2), float(level)) for level in levels) / len(levels)
        return self.to_grid(inland * (1 - sea) + sea).astype("float32")


def _every_second(fine: np.ndarray) -> np.ndarray:
    """A map on `paint_grid` at the pixels of `mix_grid`."""
    step = round(MIX_M / PAINT_M)
    return fine[::step, ::step]


def _is_fill(section: CoastSection) -> bool:
    return section.type == "reclamation"


def centres(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Projected coordinates of the pixel centres, two float64 arrays (height, width)."""
    columns = grid.left + (np.arange(grid.width) + 0.5) * grid.resolution_m
    rows = grid.top - (np.arange(grid.height) + 0.5) * grid.resolution_m
    return np.meshgrid(columns, rows)


def smooth_noise(shape: tuple[int, int], length_px: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of mean 0 and standard deviation 1 with a correlation length, float32."""
    coarse = max(1, int(length_px // 2))
    small = rng.normal(size=(shape[0] // coarse + 3, shape[1] // coarse + 3)).astype("float32")
    small = ndimage.gaussian_filter(small, length_px / coarse)
    noise = small if coarse == 1 else ndimage.zoom(small, coarse, order=1)
    noise = noise[: shape[0], : shape[1]]
    return (noise - noise.mean()) / noise.std()


def _parcel_number(x: np.ndarray, y: np.ndarray, salt: int) -> np.ndarray:
    """A number in -1..1 that is constant within a field parcel of about 240 x 130 m."""
    p, q = _field_coordinates(x, y)
    return 2 * _hash(np.floor(p / PARCEL_M[0]), np.floor(q / PARCEL_M[1]), salt) - 1


def _field_coordinates(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.radians(11)
    return x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)


def _hash(i: np.ndarray, j: np.ndarray, salt: int) -> np.ndarray:
    """A pseudo-random number in 0..1 for a pair of whole numbers, always the same."""
    mixed = (i.astype("int64") * 73856093) ^ (j.astype("int64") * 19349663) ^ (salt * 83492791)
    mixed = (mixed ^ (mixed >> 13)) * 1274126177 & 0x7FFFFFFF
    return ((mixed ^ (mixed >> 16)) & 0xFFFF) / 65535.0


def _fields(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Parcels of double crops, single crops, meadow and bare soil, with tracks, roads and tree rows between, uint8."""
    p, q = _field_coordinates(x, y)
    pick = _hash(np.floor(p / PARCEL_M[0]), np.floor(q / PARCEL_M[1]), seed + 5)
    ground = np.select([pick < 0.55, pick < 0.86, pick < 0.93], [Material.WHEAT_MAIZE, Material.MAIZE, Material.MEADOW], Material.SOIL)
    ground[(p % 240 < 5) | (q % 130 < 4)] = Material.SOIL
    ground[(p % 960 < 10)] = Material.FOREST
    ground[(q % 780 < 8)] = Material.ROAD
    return ground.astype("uint8")


def _streets(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Streets, buildings (some with bright roofs) and gardens, uint8."""
    p, q = _field_coordinates(x, y)
    pick = _hash(np.floor(p / STREET_M[0]), np.floor(q / STREET_M[1]), seed + 9)
    block = np.select([pick < 0.60, pick < 0.68, pick < 0.90], [Material.BUILT, Material.ROOF, Material.GARDEN], Material.CONCRETE)
    court = (p % 45 > 36) | (q % 30 > 23)
    block[court & (pick < 0.60)] = Material.GARDEN
    block[(p % 135 < 9) | (q % 120 < 8)] = Material.ROAD
    return block.astype("uint8")


def make_world(seed: int, years: tuple[int, ...], size_px: tuple[int, int] = (600, 480), theme: str = "coast") -> World:
    """The world of a seed: (width, height) in 10 m pixels, multiples of 2, around 118.9 E 39.1 N."""
    x, y = pyproj.Transformer.from_crs(4326, CRS, always_xy=True).transform(*CENTRE_LONLAT)
    left = round((x - size_px[0] * 5) / ORIGIN_STEP_M) * ORIGIN_STEP_M
    top = round((y + size_px[1] * 5) / ORIGIN_STEP_M) * ORIGIN_STEP_M
    grid = Grid(CRS, 10.0, float(left), float(top), *size_px)

    def rng(stream: int) -> np.random.Generator:
        return np.random.default_rng([seed, stream])

    shore = COASTS.get(theme)
    coast = make_coast(grid, years[0], rng(1), shore) if shore else no_coast(grid, years[0])
    landscape = draw_landscape(theme, grid, coast, years, rng(2))
    tide = make_tide(years[0], len(years), rng(3), shore or "sand")
    return World(seed, years, grid, theme, coast, landscape, tide, draw_palette(rng(4)))


def sea_lonlat(world: World) -> tuple[float, float]:
    """Longitude and latitude of a point in the open sea."""
    point = sea_point(world.coast)
    lon, lat = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True).transform(point.x, point.y)
    return round(lon, 5), round(lat, 5)
