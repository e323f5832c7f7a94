"""Shapes of a simulated landscape, as polygons in projected metres. `themes` combines them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.affinity import rotate
from shapely.geometry import LineString, Polygon, box
from shapely.ops import substring

from rs_pipeline.model import Grid
from rs_pipeline.simulation.materials import BLACK_MONTHS, BLACK_WATERS, CONFUSERS, Material

BLACK_REACH_M = 700.0


@dataclass(frozen=True)
class WaterBody:
    """A water with an outline; a river or canal has a centreline and one width."""

    name: str
    kind: str
    """``river``, ``canal``, ``lake``, ``reservoir``, ``pond`` or ``marsh``."""
    material: Material
    polygon: Polygon
    width_m: float = float("nan")
    centreline: LineString | None = None

    @property
    def confuser(self) -> str:
        """Why the water may be taken for black-odorous water; empty for plain waters."""
        return CONFUSERS.get(self.material, "")


@dataclass(frozen=True)
class BlackReach:
    """A stretch of black-odorous water and the years it is so."""

    river: str
    material: Material
    polygon: Polygon
    years: tuple[int, ...]

    @property
    def type(self) -> str:
        return BLACK_WATERS[self.material]

    @property
    def months(self) -> tuple[int, ...]:
        return BLACK_MONTHS[self.material]


@dataclass(frozen=True)
class Change:
    """Ground that becomes something else: built over, cleared or filled."""

    material: Material
    polygon: Polygon
    year: int
    """First year in which the ground has changed."""


@dataclass(frozen=True)
class Stand:
    """Plants on a tidal flat, landward of the line of mean sea level."""

    material: Material
    polygon: Polygon
    growth_m_yr: float = 0.0
    """Distance by which its edge moves outward in a year."""
    until: int | None = None
    """First year in which it is gone; None for a stand that stays."""

    def outline(self, year: int, first_year: int) -> Polygon:
        """Where it grows in a year; empty once it is gone."""
        if self.until is not None and year >= self.until:
            return Polygon()
        return self.polygon.buffer(self.growth_m_yr * (year - first_year))


@dataclass(frozen=True)
class County:
    adcode: str
    name: str
    prefecture: str
    polygon: Polygon


@dataclass(frozen=True)
class Landscape:
    """Everything that has a drawn outline, painted in the order of the fields; within a field, later ones over earlier ones."""

    towns: tuple[Polygon, ...]
    patches: tuple[tuple[Material, Polygon], ...]
    waters: tuple[WaterBody, ...]
    changes: tuple[Change, ...]
    black_reaches: tuple[BlackReach, ...]
    grassland: tuple[tuple[str, Polygon], ...]
    marsh: Polygon
    counties: tuple[County, ...]
    buildings_m: tuple[float, float] = (3.0, 7.0)
    """Heights of the lowest and highest buildings of the towns."""
    relief_m: float = 0.0
    """Height of the hills above the waters."""
    stands: tuple[Stand, ...] = ()
    """Plants on tidal flats, painted over the mud."""

    @property
    def rivers(self) -> tuple[WaterBody, ...]:
        """Waters with a centreline."""
        return tuple(w for w in self.waters if w.centreline is not None)

    def shapes(self, year: int) -> list[tuple[Polygon, int]]:
        """(polygon, material) of all that is painted over fields and towns in a year, in order."""
        pairs = [*((p, m) for m, p in self.patches), *((w.polygon, w.material) for w in self.waters)]
        pairs += [(c.polygon, c.material) for c in self.changes if year >= c.year]
        pairs += [(r.polygon, r.material) for r in self.black_reaches if year in r.years]
        return [(polygon, int(material)) for polygon, material in pairs if not polygon.is_empty]


class Sketch:
    """Draws shapes at relative positions (u from the left, v from the top, 0-1) with sizes in m.

    With ``mirror`` the map may be mirrored on either axis, so that worlds of one theme differ in more than details.
    """

    def __init__(self, grid: Grid, rng: np.random.Generator, *, mirror: bool = False):
        self.left, self.bottom, self.right, self.top = grid.bounds
        self.scale = (self.right - self.left) / 6000.0
        self.rng = rng
        self.flip = (bool(rng.random() < 0.5), bool(rng.random() < 0.5)) if mirror else (False, False)

    def place(self, u: float, v: float) -> tuple[float, float]:
        u, v = 1 - u if self.flip[0] else u, 1 - v if self.flip[1] else v
        return self.left + u * (self.right - self.left), self.top - v * (self.top - self.bottom)

    def near(self, u: float, v: float, reach: float = 0.03) -> tuple[float, float]:
        """A relative position not far from another."""
        return u + self.rng.uniform(-reach, reach), v + self.rng.uniform(-reach, reach)

    def count(self, number: int) -> int:
        """Number of small objects that gives the same density as ``number`` objects in a world of 6 km."""
        return max(1, round(number * max(self.scale, 1.0) ** 2))

    def blob(self, u: float, v: float, radius_m: float, wobble: float = 0.25) -> Polygon:
        """A smooth closed outline; its mean radius is scaled with the world."""
        angle = np.linspace(0, 2 * np.pi, 121)[:-1]
        radius = np.full(angle.shape, radius_m * self.scale)
        for order in range(2, 6):
            radius *= 1 + wobble / order * np.sin(order * angle + self.rng.uniform(0, 2 * np.pi))
        x, y = self.place(u, v)
        return Polygon(np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])).buffer(0)

    def rectangle(self, u: float, v: float, width_m: float, height_m: float) -> Polygon:
        """An upright rectangle, not scaled, from its upper left corner."""
        x, y = self.place(u, v)
        return box(x, y - height_m, x + width_m, y)

    def solar_array(self, u: float, v: float, width_m: float, height_m: float, lane_m: float = 0.0, block_m: float = 20.0) -> shapely.Geometry:
        """Blocks of rows of modules with lanes between them, not scaled, around their middle and turned by up to 12 degrees."""
        x, y = self.place(u, v)
        left, right, top = x - width_m / 2, x + width_m / 2, y + height_m / 2
        step = block_m + lane_m
        blocks = [box(left, top - i * step - block_m, right, top - i * step) for i in range(max(1, round(height_m / step)))]
        return rotate(shapely.union_all(blocks), self.rng.uniform(-12, 12), origin=(x, y))

    def meander(self, start: tuple[float, float], stop: tuple[float, float], swing_m: float, bends: float) -> LineString:
        """A winding line, whose swing is 0 at both ends."""
        a, b = np.array(self.place(*start)), np.array(self.place(*stop))
        share = np.linspace(0, 1, 400)[:, None]
        across = np.array([-(b - a)[1], (b - a)[0]]) / np.hypot(*(b - a))
        phase = self.rng.uniform(0, 2 * np.pi)
        swing = np.sin(2 * np.pi * bends * share + phase) + 0.4 * np.sin(2 * np.pi * 2.3 * bends * share + 2 * phase)
        return LineString(a + share * (b - a) + np.sin(np.pi * share) * swing * swing_m * self.scale * across)

    def small_ponds(self, number: int, area: tuple[float, float, float, float], material: Material, name: str) -> list[WaterBody]:
        """Ponds of 25-60 m radius within (u, v, u, v)."""
        u0, v0, u1, v1 = area
        spots = self.rng.uniform((u0, v0, 25.0), (u1, v1, 60.0), (self.count(number), 3))
        return [pond(f"{name} {i}", material, self.blob(u, v, radius_m / self.scale)) for i, (u, v, radius_m) in enumerate(spots, start=1)]

    def fish_farm(self, u: float, v: float, rows: int, columns: int, material: Material = Material.POND) -> list[WaterBody]:
        """A block of rectangular ponds of 130 x 70 m with dykes of 10 m between."""
        step_u, step_v = 140.0 / (self.right - self.left), 80.0 / (self.top - self.bottom)
        return [pond(f"farm pond {i}.{j}", material, self.rectangle(u + j * step_u, v + i * step_v, 130.0, 70.0)) for i in range(rows) for j in range(columns)]


def river(name: str, width_m: float, line: LineString, material: Material = Material.RIVER, kind: str = "river") -> WaterBody:
    """A watercourse of constant width."""
    return WaterBody(name, kind, material, line.buffer(width_m / 2, cap_style="flat"), width_m, line)


def pond(name: str, material: Material, polygon: Polygon) -> WaterBody:
    return WaterBody(name, "pond", material, polygon)


def black_reach(water: WaterBody, material: Material, middle: float, years: tuple[int, ...]) -> BlackReach:
    """A stretch of a river around a share of its length."""
    assert water.centreline is not None, "a river has one"
    length = min(BLACK_REACH_M, 0.5 * water.centreline.length)
    start = max(middle * water.centreline.length - length / 2, 0.0)
    stretch = substring(water.centreline, start, start + length)
    return BlackReach(water.name, material, stretch.buffer(water.width_m / 2, cap_style="flat"), years)


def counties(names: tuple[str, ...], pieces: tuple[shapely.Geometry, ...]) -> tuple[County, ...]:
    return tuple(
        County(f"9901{i:02d}", f"{name} (simulated)", "Moni (simulated)", shapely.make_valid(piece))
        for i, (name, piece) in enumerate(zip(names, pieces, strict=True), start=1)
    )
