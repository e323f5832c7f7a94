"""The shapes of the simulated land: rivers, lake, fields, towns, ponds, counties, as polygons in projected metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, box
from shapely.ops import substring

from rs_pipeline.model import Grid
from rs_pipeline.sample.coast import Coast
from rs_pipeline.sample.materials import Material

BLACK_REACH_M = 700.0


@dataclass(frozen=True)
class River:
    """A watercourse of constant width."""

    name: str
    material: Material
    width_m: float
    centreline: LineString

    @property
    def polygon(self) -> Polygon:
        return self.centreline.buffer(self.width_m / 2, cap_style="flat")


@dataclass(frozen=True)
class BlackReach:
    """A stretch of black-odorous water and the years it is so."""

    river: str
    material: Material
    polygon: Polygon
    years: tuple[int, ...]


@dataclass(frozen=True)
class County:
    adcode: str
    name: str
    prefecture: str
    polygon: Polygon


@dataclass(frozen=True)
class Landscape:
    """Everything that has a drawn outline. ``patches`` are painted in order, later ones over earlier ones."""

    patches: tuple[tuple[Material, Polygon], ...]
    towns: tuple[Polygon, ...]
    rivers: tuple[River, ...]
    black_reaches: tuple[BlackReach, ...]
    grassland: tuple[tuple[str, Polygon], ...]
    marsh: Polygon
    counties: tuple[County, ...]


class Sketch:
    """Draws shapes at relative positions (u from the left, v from the top, 0-1) with sizes in m."""

    def __init__(self, grid: Grid, rng: np.random.Generator):
        self.left, self.bottom, self.right, self.top = grid.bounds
        self.scale = (self.right - self.left) / 6000.0
        self.rng = rng

    def place(self, u: float, v: float) -> tuple[float, float]:
        return self.left + u * (self.right - self.left), self.top - v * (self.top - self.bottom)

    def blob(self, u: float, v: float, radius_m: float, wobble: float = 0.25) -> Polygon:
        """A smooth closed outline; its mean radius is scaled with the world."""
        angle = np.linspace(0, 2 * np.pi, 121)[:-1]
        radius = np.full(angle.shape, radius_m * self.scale)
        for order in range(2, 6):
            radius *= 1 + wobble / order * np.sin(order * angle + self.rng.uniform(0, 2 * np.pi))
        x, y = self.place(u, v)
        return Polygon(np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])).buffer(0)

    def meander(self, start: tuple[float, float], stop: tuple[float, float], swing_m: float, bends: float) -> LineString:
        """A winding line; it leaves and arrives without a swing."""
        a, b = np.array(self.place(*start)), np.array(self.place(*stop))
        share = np.linspace(0, 1, 400)[:, None]
        across = np.array([-(b - a)[1], (b - a)[0]]) / np.hypot(*(b - a))
        phase = self.rng.uniform(0, 2 * np.pi)
        swing = np.sin(2 * np.pi * bends * share + phase) + 0.4 * np.sin(2 * np.pi * 2.3 * bends * share + 2 * phase)
        return LineString(a + share * (b - a) + np.sin(np.pi * share) * swing * swing_m * self.scale * across)


def draw_landscape(grid: Grid, coast: Coast, first_year: int, years: int, rng: np.random.Generator) -> Landscape:
    """Draw the world's outlines.

    The black reach of the middle river turns normal in the last year; the one of the canal stays.
    """
    sketch = Sketch(grid, rng)
    mouth = next(s for s in coast.sections if s.name == "mouth")
    mouth_x, mouth_y = coast.point((mouth.start_m + mouth.stop_m) / 2, 120.0)
    mouth_uv = (mouth_x - sketch.left) / (sketch.right - sketch.left), (sketch.top - mouth_y) / (sketch.top - sketch.bottom)
    rivers = (
        River("creek", Material.RIVER, 12.0, sketch.meander((0.0, 0.10), (0.31, 0.36), 60, 3)),
        River("brook", Material.RIVER, 25.0, sketch.meander((0.60, 0.0), (0.70, 0.20), 50, 2)),
        River("middle river", Material.RIVER, 44.0, sketch.meander((0.30, 0.0), (0.31, 0.68), 110, 2.5)),
        River("great river", Material.SEDIMENT_RIVER, 80.0, sketch.meander((0.0, 0.50), mouth_uv, 130, 1.5)),
        River("canal", Material.RIVER, 36.0, LineString([sketch.place(0.55, 0.30), sketch.place(0.77, 0.44)])),
    )
    lake = sketch.blob(0.70, 0.19, 300)
    marsh = sketch.blob(0.17, 0.84, 330)
    grassland = (("temperate meadow", sketch.blob(0.10, 0.69, 300)), ("warm tussock", sketch.blob(0.86, 0.11, 330)))
    towns = tuple(sketch.blob(u, v, r, 0.35) for u, v, r in ((0.19, 0.22, 360), (0.66, 0.47, 300), *_villages(rng)))
    spots = rng.uniform((0.05, 0.05, 25.0), (0.55, 0.65, 60.0), (6, 3))
    small_ponds = [(Material.POND, sketch.blob(u, v, radius_m / sketch.scale)) for u, v, radius_m in spots]
    wetland = sketch.blob(0.44, 0.56, 260)
    patches = (
        (Material.FOREST, sketch.blob(0.06, 0.08, 520)), (Material.FOREST, sketch.blob(0.47, 0.05, 330)),
        (Material.MEADOW, grassland[0][1]), (Material.TUSSOCK, grassland[1][1]),
        (Material.SOIL, sketch.blob(0.42, 0.24, 130)),
        *_coastal_patches(coast),
        (Material.REED, marsh), (Material.MARSH_POND, sketch.blob(0.17, 0.84, 110)),
        (Material.WETLAND_EDGE, wetland), (Material.WETLAND_CORE, wetland.buffer(-70 * sketch.scale)),
        *small_ponds, *((river.material, river.polygon) for river in rivers), (Material.LAKE, lake),
    )  # fmt: skip
    return Landscape(
        patches=patches, towns=towns, rivers=rivers, black_reaches=_black_reaches(rivers, first_year, years),
        grassland=grassland, marsh=marsh, counties=_counties(sketch, grid, coast),
    )  # fmt: skip


def _villages(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    spots = ((0.40, 0.15), (0.10, 0.38), (0.52, 0.44), (0.20, 0.60), (0.93, 0.22), (0.38, 0.42))
    return [(u + rng.uniform(-0.02, 0.02), v + rng.uniform(-0.02, 0.02), rng.uniform(80, 130)) for u, v in spots]


def _black_reaches(rivers: tuple[River, ...], first_year: int, years: int) -> tuple[BlackReach, ...]:
    every_year = tuple(range(first_year, first_year + years))
    reaches = []
    for name, material, middle, black_years in (
        ("middle river", Material.BLACK_RIVER, 0.24, every_year[:-1] or every_year),
        ("canal", Material.BLACK_CANAL, 0.55, every_year),
    ):
        river = next(r for r in rivers if r.name == name)
        length = min(BLACK_REACH_M, 0.5 * river.centreline.length)
        start = middle * river.centreline.length - length / 2
        stretch = substring(river.centreline, max(start, 0.0), max(start, 0.0) + length)
        reaches.append(BlackReach(name, material, stretch.buffer(river.width_m / 2, cap_style="flat"), black_years))
    return tuple(reaches)


def _coast_box(coast: Coast, start_m: float, stop_m: float, low_m: float, high_m: float) -> Polygon:
    """A rectangle in coast coordinates."""
    along = np.array([start_m, stop_m, stop_m, start_m])
    return Polygon(coast.point(along, np.array([low_m, low_m, high_m, high_m])))


def _coastal_patches(coast: Coast) -> list[tuple[Material, Polygon]]:
    """Shelter belts behind the beaches, a port, and aquaculture ponds behind the dyke."""
    at = {s.name: s for s in coast.sections}
    west, east, port, dyke = at["west beach"], at["east beach"], at["port"], at["dyke"]
    patches = [
        (Material.FOREST, _coast_box(coast, west.start_m + 80, west.stop_m, -190, -110)),
        (Material.FOREST, _coast_box(coast, east.start_m, coast.length_m, -190, -110)),
        (Material.BUILT, _coast_box(coast, port.start_m, port.stop_m, -220, port.offset_m)),
        (Material.CONCRETE, _coast_box(coast, port.start_m, port.stop_m, port.offset_m - 90, port.offset_m)),
        (Material.ROAD, _coast_box(coast, -500, dyke.stop_m - 100, -600, dyke.offset_m)),
    ]
    for along in np.arange(-450.0, dyke.stop_m - 280, 172.0):
        for seaward in np.arange(-592.0, dyke.offset_m - 90, 82.0):
            patches.append((Material.POND, _coast_box(coast, along, along + 162, seaward, seaward + 74)))
    for along in np.arange(port.start_m + 30, port.stop_m - 100, 130.0):
        patches.append((Material.ROOF, _coast_box(coast, along, along + 80, -150, -90)))
    return patches


def _counties(sketch: Sketch, grid: Grid, coast: Coast) -> tuple[County, ...]:
    """Three units that tile the land and 300 m of sea: one inland, two at the coast."""
    land = _coast_box(coast, -2 * coast.length_m, 3 * coast.length_m, -9 * coast.length_m, 300 * max(sketch.scale, 0.6))
    area = land.intersection(box(*grid.bounds))
    inland = Polygon([sketch.place(*uv) for uv in ((-0.1, -0.1), (0.52, -0.1), (0.52, 0.33), (0.26, 0.44), (-0.1, 0.40))])
    far = coast.point(0.47 * coast.length_m, 9 * coast.length_m)
    near = coast.point(0.47 * coast.length_m, -200.0)
    west = Polygon([sketch.place(-0.1, 0.2), sketch.place(0.52, 0.33), near, far, sketch.place(-3, 6), sketch.place(-3, 0.2)])
    pieces = (area & inland, (area - inland) & west, (area - inland) - west)
    names = ("Shanqian (simulated)", "Xihai (simulated)", "Beihai (simulated)")
    return tuple(
        County(f"9901{i:02d}", name, "Moni (simulated)", shapely.make_valid(piece))
        for i, (name, piece) in enumerate(zip(names, pieces, strict=True), start=1)
    )


def sea_point(coast: Coast) -> Point:
    """A point in the open sea, off the western beach."""
    return Point(coast.point(0.45 * coast.length_m, 0.25 * coast.length_m))
