"""The themes of simulated land: one function for each theme makes a `Landscape` from a sketch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from shapely import union_all
from shapely.geometry import LineString, Point, Polygon, box

from rs_pipeline.model import Grid
from rs_pipeline.simulation.coast import FLOODED_TO_M, MOST_FLAT_M, Coast, CoastSection
from rs_pipeline.simulation.landscape import Change, County, Landscape, Sketch, Stand, WaterBody, black_reach, counties, pond, river  # fmt: skip
from rs_pipeline.simulation.materials import Material as M

COASTS = {"coast": "sand", "mudflat": "mud", "cordgrass": "mud"}
"""Themes with a sea, and the type of its shore."""

Years = tuple[int, ...]


def _rock(sketch: Sketch) -> Polygon:
    """A bare hilltop, not at the edge of the world."""
    u, v = sketch.rng.uniform(0.1, 0.9, 2)
    return sketch.blob(u, v, sketch.rng.uniform(40, 120))


def draw_landscape(theme: str, grid: Grid, coast: Coast, years: Years, rng: np.random.Generator) -> Landscape:
    """Draw the outlines of a world of one of the LANDSCAPE_KINDS."""
    if theme == "cordgrass":
        return _cordgrass(Sketch(grid, rng), grid, coast, years)
    if theme in COASTS:
        return _coastal(Sketch(grid, rng), grid, coast, years, muddy=COASTS[theme] == "mud")
    return INLAND[theme](Sketch(grid, rng, mirror=True), grid, years)


def _coastal(sketch: Sketch, grid: Grid, coast: Coast, years: Years, *, muddy: bool) -> Landscape:
    """Plain, towns and rivers at a sea. The black reach of the middle river is normal in the last year; that of the canal stays black."""
    mouth = next(s for s in coast.sections if s.type == "river mouth")
    mouth_x, mouth_y = coast.point((mouth.start_m + mouth.stop_m) / 2, 120.0)
    mouth_uv = (mouth_x - sketch.left) / (sketch.right - sketch.left), (sketch.top - mouth_y) / (sketch.top - sketch.bottom)
    middle = river("middle river", 44.0, sketch.meander((0.30, 0.0), (0.31, 0.68), 110, 2.5))
    canal = river("canal", 36.0, LineString([sketch.place(0.55, 0.30), sketch.place(0.77, 0.44)]), kind="canal")
    rivers = (
        river("creek", 12.0, sketch.meander((0.0, 0.10), (0.31, 0.36), 60, 3)),
        river("brook", 25.0, sketch.meander((0.60, 0.0), (0.70, 0.20), 50, 2)),
        middle,
        river("great river", 80.0, sketch.meander((0.0, 0.50), mouth_uv, 130, 1.5), M.SEDIMENT_RIVER),
        canal,
    )
    marsh = sketch.blob(0.17, 0.84, 330)
    grassland = (("temperate meadow", sketch.blob(0.10, 0.69, 300)), ("warm tussock", sketch.blob(0.86, 0.11, 330)))
    villages = ((0.40, 0.15), (0.10, 0.38), (0.52, 0.44), (0.20, 0.60), (0.93, 0.22), (0.38, 0.42))
    wetland = sketch.blob(0.44, 0.56, 260)
    waters = (
        pond("marsh pond", M.MARSH_POND, sketch.blob(0.17, 0.84, 110)),
        *sketch.small_ponds(6, (0.05, 0.05, 0.55, 0.65), M.POND, "village pond"),
        *_coastal_ponds(coast, M.SALT_PAN if muddy else M.POND),
        *rivers,
        WaterBody("lake", "lake", M.LAKE, sketch.blob(0.70, 0.19, 300)),
    )
    patches = (
        (M.FOREST, sketch.blob(0.06, 0.08, 520)),
        (M.FOREST, sketch.blob(0.47, 0.05, 330)),
        (M.MEADOW, grassland[0][1]),
        (M.TUSSOCK, grassland[1][1]),
        (M.SOIL, sketch.blob(0.42, 0.24, 130)),
        *_coastal_patches(coast),
        (M.REED, marsh),
        (M.WETLAND_EDGE, wetland),
        (M.WETLAND_CORE, wetland.buffer(-70 * sketch.scale)),
    )
    return Landscape(
        towns=(sketch.blob(0.19, 0.22, 360, 0.35), sketch.blob(0.66, 0.47, 300, 0.35), *_villages(sketch, villages)),
        patches=patches,
        waters=waters,
        changes=(Change(M.CONCRETE, sketch.blob(0.30, 0.30, 110), years[-1]),),
        black_reaches=(black_reach(middle, M.BLACK_FES, 0.24, years[:-1] or years), black_reach(canal, M.BLACK_GREY, 0.55, years)),
        grassland=grassland,
        marsh=marsh,
        counties=_coastal_counties(sketch, grid, coast),
    )


def _cordgrass(sketch: Sketch, grid: Grid, coast: Coast, years: Years) -> Landscape:
    """A muddy coast with cordgrass and the plants that may be taken for it: reed, seepweed and algae on the flats, evergreen belts and fish ponds behind."""
    plain = _coastal(sketch, grid, coast, years, muddy=True)
    ponds = tuple(replace(w, material=M.POND) if w.material == M.SALT_PAN else w for w in plain.waters)
    shores = [s for s in coast.sections if s.type == "mudflat"]
    patches = (*plain.patches, *((M.EVERGREEN, _belt(coast, shore)) for shore in shores))
    stands = tuple(s for shore in shores for s in _flat_plants(sketch, coast, shore, years))
    return replace(plain, waters=ponds, patches=patches, stands=stands)


STANDS = {
    M.CORDGRASS: (4, 0.05, 0.8, (0.1, 30.0)), M.ALGAL_MUD: (4, 0.0, 0.9, (0.2, 5.0)), M.SEEPWEED: (4, 0.5, 1.0, (0.5, 6.0)), M.REED: (3, 0.6, 1.0, (0.5, 6.0)),
}  # fmt: skip
"""Plants on the flat of a shore, in the order of painting: number of patches; their least and greatest distance from the shoreline, as shares of the flat;
the least and greatest area that they are drawn with, ha. The edges of the flat may cut off a part."""


def _flat_width(shore: CoastSection) -> float:
    """Width of the wet flat landward of the line of mean sea level, m."""
    return min(FLOODED_TO_M / shore.slope, MOST_FLAT_M)


def _belt(coast: Coast, shore: CoastSection) -> Polygon:
    """A strip of evergreen trees behind a flat."""
    behind = -_flat_width(shore) - 120
    return _coast_box(coast, shore.start_m, min(shore.stop_m, coast.length_m), behind - 60, behind)


def _stand(coast: Coast, shore: CoastSection, material: M, rng: np.random.Generator) -> Stand:
    """A patch with a wavy edge, longer along the shore than across it."""
    _, low, high, areas_ha = STANDS[material]
    area_m2, flat_m = 1e4 * float(np.exp(rng.uniform(*np.log(areas_ha)))), _flat_width(shore)
    across_m = min(np.sqrt(area_m2 / np.pi), flat_m * (high - low) / 2)
    along, seaward = rng.uniform(shore.start_m, min(shore.stop_m, coast.length_m)), -flat_m * rng.uniform(low, high)
    angle = np.linspace(0, 2 * np.pi, 61)[:-1]
    edge = 1 + 0.15 * np.sin(3 * angle + rng.uniform(0, 2 * np.pi))
    points = coast.point(along + edge * np.cos(angle) * area_m2 / np.pi / across_m, seaward + edge * np.sin(angle) * across_m)
    return Stand(material, Polygon(points).buffer(0))


def _flat_plants(sketch: Sketch, coast: Coast, shore: CoastSection, years: Years) -> list[Stand]:
    """Plants on the flat of a shore. Half of the patches of cordgrass grow by up to 10 m a year; the first is removed before the last year."""
    rng = sketch.rng
    stands = [_stand(coast, shore, material, rng) for material, (number, *_) in STANDS.items() for _ in range(number)]
    number = STANDS[M.CORDGRASS][0]
    grown = [replace(s, growth_m_yr=float(rng.uniform(2, 10) * (rng.random() < 0.5))) for s in stands[:number]]
    return [replace(grown[0], until=years[-1]), *grown[1:], *stands[number:]]


def _villages(sketch: Sketch, spots: tuple[tuple[float, float], ...], radius_m: tuple[float, float] = (80, 130)) -> list[Polygon]:
    return [sketch.blob(*sketch.near(u, v, 0.02), sketch.rng.uniform(*radius_m), 0.35) for u, v in spots]


def _coast_box(coast: Coast, start_m: float, stop_m: float, low_m: float, high_m: float) -> Polygon:
    """A rectangle in coast coordinates."""
    along = np.array([start_m, stop_m, stop_m, start_m])
    return Polygon(coast.point(along, np.array([low_m, low_m, high_m, high_m])))


def _coastal_patches(coast: Coast) -> list[tuple[M, Polygon]]:
    """Shelter belts behind the shores, a port, and the dykes of the ponds."""
    at = {s.name: s for s in coast.sections}
    west, east, port, dyke = at["west shore"], at["east shore"], at["port"], at["dyke"]
    return [
        (M.FOREST, _coast_box(coast, west.start_m + 80, west.stop_m, -190, -110)),
        (M.FOREST, _coast_box(coast, east.start_m, coast.length_m, -190, -110)),
        (M.BUILT, _coast_box(coast, port.start_m, port.stop_m, -220, port.offset_m)),
        (M.CONCRETE, _coast_box(coast, port.start_m, port.stop_m, port.offset_m - 90, port.offset_m)),
        (M.ROAD, _coast_box(coast, -500, dyke.stop_m - 100, -600, dyke.offset_m)),
        *((M.ROOF, _coast_box(coast, along, along + 80, -150, -90)) for along in np.arange(port.start_m + 30, port.stop_m - 100, 130.0)),
    ]


def _coastal_ponds(coast: Coast, material: M) -> list[WaterBody]:
    """Fish ponds or salt pans behind the dyke."""
    dyke = next(s for s in coast.sections if s.type == "dyke")
    return [
        pond(f"coastal pond {along:.0f} {seaward:.0f}", material, _coast_box(coast, along, along + 162, seaward, seaward + 74))
        for along in np.arange(-450.0, dyke.stop_m - 280, 172.0)
        for seaward in np.arange(-592.0, dyke.offset_m - 90, 82.0)
    ]


def _coastal_counties(sketch: Sketch, grid: Grid, coast: Coast) -> tuple[County, ...]:
    """Three units that cover the land and 300 m of sea: one inland, two at the coast."""
    land = _coast_box(coast, -2 * coast.length_m, 3 * coast.length_m, -9 * coast.length_m, 300 * max(sketch.scale, 0.6))
    area = land.intersection(box(*grid.bounds))
    inland = Polygon([sketch.place(*uv) for uv in ((-0.1, -0.1), (0.52, -0.1), (0.52, 0.33), (0.26, 0.44), (-0.1, 0.40))])
    far = coast.point(0.47 * coast.length_m, 9 * coast.length_m)
    near = coast.point(0.47 * coast.length_m, -200.0)
    west = Polygon([sketch.place(-0.1, 0.2), sketch.place(0.52, 0.33), near, far, sketch.place(-3, 6), sketch.place(-3, 0.2)])
    return counties(("Shanqian", "Xihai", "Beihai"), (area & inland, (area - inland) & west, (area - inland) - west))


def _inland_counties(sketch: Sketch, grid: Grid, names: tuple[str, str, str]) -> tuple[County, ...]:
    """Three units that cover an inland world, with crooked borders."""
    whole = box(*grid.bounds)
    u = 0.47 + sketch.rng.uniform(-0.03, 0.03)
    west = Polygon([sketch.place(*uv) for uv in ((-0.1, -0.1), (u, -0.1), (u + 0.06, 0.35), (u - 0.04, 0.7), (u, 1.1), (-0.1, 1.1))])
    north = Polygon([sketch.place(*uv) for uv in ((-0.1, -0.1), (1.1, -0.1), (1.1, 0.52), (0.7, 0.46), (-0.1, 0.55))])
    return counties(names, (whole & west, (whole - west) & north, (whole - west) - north))


def _plain(sketch: Sketch, grid: Grid, years: Years) -> Landscape:
    """Farm land with rivers of 8 to 110 m, ponds, villages and greenhouses."""
    stream = river("stream", 32.0, sketch.meander((0.0, 0.30), (0.62, 0.34), 90, 3))
    town_river = river("town river", 55.0, sketch.meander((0.72, 0.0), (0.66, 1.0), 140, 2))
    brook = river("brook", 24.0, sketch.meander((1.0, 0.62), (0.66, 0.70), 60, 2))
    rivers = (
        river("ditch", 8.0, LineString([sketch.place(0.06, 0.0), sketch.place(0.10, 0.30)])),
        river("creek", 14.0, sketch.meander((0.30, 0.0), (0.34, 0.32), 50, 2)),
        stream,
        brook,
        town_river,
        river("canal", 20.0, LineString([sketch.place(0.0, 0.56), sketch.place(0.40, 0.60), sketch.place(0.66, 0.52)]), kind="canal"),
        river("great river", 110.0, sketch.meander((0.0, 0.82), (1.0, 0.90), 120, 1.5), M.SEDIMENT_RIVER),
    )
    waters = (
        *sketch.small_ponds(8, (0.05, 0.05, 0.60, 0.70), M.POND, "village pond"),
        *sketch.fish_farm(0.80, 0.12, 5, 4),
        pond("bloom pond", M.BLOOM_POND, sketch.blob(0.48, 0.16, 90)),
        pond("dye works pond", M.DYED_POND, sketch.blob(0.86, 0.55, 70)),
        pond("marsh pond", M.MARSH_POND, sketch.blob(0.20, 0.70, 100)),
        *rivers,
    )
    greenhouses = [(M.GREENHOUSE, sketch.rectangle(0.40 + 0.025 * j, 0.72 + 0.02 * i, 90, 12)) for i in range(6) for j in range(4)]
    grassland = (("temperate meadow", sketch.blob(0.16, 0.45, 260)), ("warm tussock", sketch.blob(0.90, 0.76, 240)))
    marsh = sketch.blob(0.20, 0.70, 230)
    spots = ((0.20, 0.20), (0.50, 0.26), (0.08, 0.48), (0.35, 0.50), (0.55, 0.62), (0.90, 0.35), (0.30, 0.92), (0.82, 0.72))
    return Landscape(
        towns=(sketch.blob(0.74, 0.40, 420, 0.35), *_villages(sketch, spots)),
        patches=(
            (M.FOREST, sketch.blob(0.92, 0.06, 300)),
            (M.FOREST, sketch.blob(0.05, 0.65, 240)),
            (M.MEADOW, grassland[0][1]),
            (M.TUSSOCK, grassland[1][1]),
            (M.SOIL, sketch.blob(0.30, 0.12, 140)),
            *greenhouses,
            (M.REED, marsh),
            (M.WETLAND_EDGE, sketch.blob(0.56, 0.78, 120)),
        ),
        waters=waters,
        changes=(Change(M.CONCRETE, sketch.blob(0.62, 0.22, 130), years[-1]), Change(M.SOIL, sketch.blob(0.92, 0.06, 150), years[-1])),
        black_reaches=(
            black_reach(stream, M.BLACK_FES, 0.45, years),
            black_reach(town_river, M.BLACK_GREY, 0.40, years[:-1] or years),
            black_reach(brook, M.BLACK_SLIGHT, 0.50, years),
        ),
        grassland=grassland,
        marsh=marsh,
        counties=_inland_counties(sketch, grid, ("Pingyuan", "Hebin", "Nanli")),
    )


def _city(sketch: Sketch, grid: Grid, years: Years) -> Landscape:
    """Buildings of 4-60 m with their shadows, canals of which some are black, parks, and villages around."""

    def canal(name: str, width_m: float, *points: tuple[float, float], material: M = M.RIVER) -> WaterBody:
        return river(name, width_m, LineString([sketch.place(*sketch.near(u, v, 0.015)) for u, v in points]), material, kind="canal")

    east, west = canal("east canal", 36.0, (0.66, 0.12), (0.68, 0.50), (0.62, 0.86)), canal("west canal", 26.0, (0.34, 0.18), (0.30, 0.80))
    ring, cut = canal("ring canal", 44.0, (0.22, 0.30), (0.50, 0.26), (0.80, 0.32)), canal("new cut", 18.0, (0.46, 0.28), (0.48, 0.56))
    moat = canal("moat", 60.0, (0.24, 0.62), (0.50, 0.66), (0.78, 0.60))
    waters = (
        WaterBody("park lake", "lake", M.LAKE, sketch.blob(0.55, 0.42, 170)),
        WaterBody("clear lake", "lake", M.RESERVOIR, sketch.blob(0.40, 0.46, 90)),
        pond("bloom pond", M.BLOOM_POND, sketch.blob(0.72, 0.44, 60)),
        pond("dye works pond", M.DYED_POND, sketch.blob(0.74, 0.72, 60)),
        pond("marsh pond", M.MARSH_POND, sketch.blob(0.12, 0.80, 90)),
        *sketch.small_ponds(5, (0.05, 0.05, 0.95, 0.15), M.POND, "village pond"),
        river("suburban river", 80.0, sketch.meander((0.0, 0.92), (1.0, 0.94), 50, 2), M.SEDIMENT_RIVER),
        canal("south canal", 30.0, (0.40, 0.66), (0.42, 0.92)),
        east,
        west,
        ring,
        cut,
        moat,
    )
    grassland = (("temperate meadow", sketch.blob(0.08, 0.25, 220)), ("warm tussock", sketch.blob(0.92, 0.20, 200)))
    marsh = sketch.blob(0.12, 0.80, 190)
    parks = [(M.FOREST, sketch.blob(0.55, 0.42, 260)), (M.GARDEN, sketch.blob(0.40, 0.46, 200)), (M.MEADOW, sketch.blob(0.58, 0.74, 120))]
    villages = ((0.05, 0.50), (0.95, 0.55), (0.10, 0.08), (0.85, 0.06))
    return Landscape(
        towns=(sketch.blob(0.50, 0.50, 1750, 0.25), *_villages(sketch, villages)),
        patches=(
            *parks,
            (M.MEADOW, grassland[0][1]),
            (M.TUSSOCK, grassland[1][1]),
            (M.REED, marsh),
            (M.SOIL, sketch.blob(0.62, 0.56, 80)),
            *((M.ROOF, sketch.rectangle(u, v, 120, 60)) for u, v in sketch.rng.uniform((0.25, 0.3), (0.75, 0.8), (12, 2))),
        ),
        waters=waters,
        changes=(Change(M.CONCRETE, sketch.blob(0.88, 0.80, 160), years[-1]),),
        black_reaches=(
            black_reach(east, M.BLACK_FES, 0.35, years),
            black_reach(ring, M.BLACK_GREY, 0.55, years[:-1] or years),
            black_reach(moat, M.BLACK_SLIGHT, 0.40, years),
            black_reach(west, M.BLACK_FES, 0.60, years[1:] or years),
            black_reach(cut, M.BLACK_GREY, 0.50, years),
        ),
        grassland=grassland,
        marsh=marsh,
        counties=_inland_counties(sketch, grid, ("Xicheng", "Beicheng", "Nancheng")),
        buildings_m=(4.0, 60.0),
    )


def _mountain(sketch: Sketch, grid: Grid, years: Years) -> Landscape:
    """Hills of forest and grass that cast shadows, a reservoir, streams, and villages in the valleys."""
    stream = river("valley stream", 30.0, sketch.meander((0.05, 0.0), (0.45, 0.52), 140, 2.5))
    below = river("lower river", 48.0, sketch.meander((0.52, 0.60), (0.80, 1.0), 120, 2))
    waters = (
        river("hill stream", 10.0, sketch.meander((0.95, 0.05), (0.55, 0.48), 90, 3)),
        stream,
        below,
        WaterBody("reservoir", "reservoir", M.RESERVOIR, sketch.blob(0.50, 0.55, 330, 0.4)),
        pond("marsh pond", M.MARSH_POND, sketch.blob(0.15, 0.85, 80)),
        *sketch.small_ponds(3, (0.60, 0.70, 0.85, 0.95), M.POND, "valley pond"),
    )
    grassland = (("temperate meadow", sketch.blob(0.25, 0.80, 650)), ("warm tussock", sketch.blob(0.80, 0.25, 700)))
    marsh = sketch.blob(0.15, 0.85, 170)
    forest = [
        (M.FOREST, sketch.blob(*sketch.near(u, v, 0.05), radius))
        for u, v, radius in ((0.15, 0.20, 700), (0.45, 0.15, 600), (0.12, 0.55, 550), (0.85, 0.60, 650), (0.45, 0.85, 500), (0.70, 0.10, 350))
    ]
    rock = [(M.ROCK, _rock(sketch)) for _ in range(sketch.count(8))]
    cover = [(M.TUSSOCK, box(*grid.bounds)), (M.MEADOW, grassland[0][1]), (M.TUSSOCK, grassland[1][1])]
    villages = ((0.30, 0.38), (0.62, 0.66), (0.72, 0.86), (0.18, 0.15))
    return Landscape(
        towns=tuple(_villages(sketch, villages)),
        patches=(
            *cover,
            *forest,
            *rock,
            (M.REED, marsh),
            *((M.GARDEN, p) for p in _villages(sketch, villages)),
            *((M.MAIZE, sketch.blob(u, v, 180)) for u, v in ((0.33, 0.44), (0.66, 0.72), (0.76, 0.92))),
        ),
        waters=waters,
        changes=(Change(M.SOIL, sketch.blob(0.85, 0.60, 200), years[-1]), Change(M.ROCK, sketch.blob(0.15, 0.20, 120), years[-1])),
        black_reaches=(black_reach(below, M.BLACK_GREY, 0.4, years), black_reach(stream, M.BLACK_SLIGHT, 0.75, years)),
        grassland=grassland,
        marsh=marsh,
        counties=_inland_counties(sketch, grid, ("Shanbei", "Linqu", "Shuiku")),
        relief_m=320.0,
    )


def _lake(sketch: Sketch, grid: Grid, years: Years) -> Landscape:
    """A shallow lake with reed beds, seasonal margins and fish ponds, and the rivers that feed it."""
    inflow = river("inflow", 40.0, sketch.meander((0.0, 0.20), (0.36, 0.42), 100, 2.5))
    outflow = river("outflow", 60.0, sketch.meander((0.66, 0.55), (1.0, 0.75), 80, 1.5))
    shore = sketch.blob(0.50, 0.48, 1150, 0.35)
    beds = [sketch.blob(*sketch.near(0.50, 0.48, 0.16), sketch.rng.uniform(90, 260), 0.4) for _ in range(sketch.count(9))]
    pools = [pond(f"reed pool {i}", M.MARSH_POND, bed.buffer(-0.45 * np.sqrt(bed.area / np.pi))) for i, bed in enumerate(beds[:4])]
    waters = (
        *sketch.fish_farm(0.08, 0.70, 6, 4),
        *sketch.small_ponds(4, (0.70, 0.05, 0.95, 0.30), M.POND, "village pond"),
        pond("bloom pond", M.BLOOM_POND, sketch.blob(0.20, 0.08, 80)),
        pond("dye works pond", M.DYED_POND, sketch.blob(0.88, 0.42, 60)),
        inflow,
        outflow,
        river("canal", 22.0, LineString([sketch.place(0.40, 1.0), sketch.place(0.46, 0.70)]), kind="canal"),
        WaterBody("lake", "lake", M.LAKE, shore.difference(union_all(beds))),
        *(p for p in pools if not p.polygon.is_empty),
    )
    grassland = (("temperate meadow", sketch.blob(0.85, 0.90, 260)), ("warm tussock", sketch.blob(0.08, 0.45, 220)))
    margin = shore.buffer(120 * sketch.scale)
    villages = ((0.15, 0.30), (0.80, 0.15), (0.30, 0.92), (0.62, 0.93), (0.50, 0.47))
    return Landscape(
        towns=(sketch.blob(0.90, 0.30, 260, 0.35), *_villages(sketch, villages)),
        patches=(
            (M.FOREST, sketch.blob(0.35, 0.06, 250)),
            (M.MEADOW, grassland[0][1]),
            (M.TUSSOCK, grassland[1][1]),
            (M.WETLAND_EDGE, margin),
            (M.WETLAND_CORE, shore.buffer(50 * sketch.scale)),
            *((M.REED, bed) for bed in beds),
            *((M.BUILT, p) for p in _villages(sketch, ((0.50, 0.47),), (60, 80))),
        ),
        waters=waters,
        changes=(Change(M.CONCRETE, sketch.blob(0.72, 0.86, 130), years[-1]),),
        black_reaches=(black_reach(inflow, M.BLACK_GREY, 0.35, years), black_reach(outflow, M.BLACK_FES, 0.60, years[1:] or years)),
        grassland=grassland,
        marsh=margin,
        counties=_inland_counties(sketch, grid, ("Huxi", "Hubei", "Hunan")),
    )


def _solar(sketch: Sketch, grid: Grid, years: Years) -> Landscape:
    """Solar arrays of 1-45 ha on fields, meadow, bare soil, slopes and fish ponds, one of them built in the last year; and what may be taken for them:
    greenhouses, large roofs, asphalt, salt pans, ponds, rock and bare soil."""

    def array(u: float, v: float, width_m: float, height_m: float, lane_m: float) -> Polygon:
        wider, higher = sketch.rng.uniform(0.8, 1.2, 2)
        return sketch.solar_array(*sketch.near(u, v, 0.02), width_m * wider, height_m * higher, lane_m)

    big = river("big river", 60.0, sketch.meander((0.0, 0.97), (1.0, 0.95), 30, 2))
    ditch = river("ditch", 30.0, sketch.meander((0.53, 0.0), (0.50, 0.97), 60, 2), kind="canal")
    waters = (
        *sketch.fish_farm(0.60, 0.62, 5, 4),
        *sketch.fish_farm(0.83, 0.60, 3, 2, M.SALT_PAN),
        *sketch.small_ponds(5, (0.05, 0.05, 0.95, 0.90), M.POND, "village pond"),
        pond("bloom pond", M.BLOOM_POND, sketch.blob(0.92, 0.12, 60)),
        pond("dye works pond", M.DYED_POND, sketch.blob(0.08, 0.86, 60)),
        big,
        ditch,
    )
    grassland = (("temperate meadow", sketch.blob(0.72, 0.18, 480)), ("warm tussock", sketch.blob(0.30, 0.80, 480)))
    ground = [(M.MEADOW, grassland[0][1]), (M.TUSSOCK, grassland[1][1]), (M.SOIL, sketch.blob(0.44, 0.48, 350)), (M.FOREST, sketch.blob(0.90, 0.88, 250))]
    spots = (array(0.18, 0.20, 800, 560, 5), array(0.42, 0.16, 420, 320, 0), array(0.72, 0.18, 350, 280, 10), array(0.44, 0.48, 380, 220, 5),
             array(0.15, 0.56, 200, 150, 0), array(0.30, 0.50, 110, 100, 0), array(0.28, 0.80, 320, 240, 10), array(0.90, 0.36, 150, 100, 5))  # fmt: skip
    around = (
        *((M.GREENHOUSE, sketch.rectangle(0.62 + 0.030 * j, 0.40 + 0.012 * i, 90, 14)) for i in range(8) for j in range(4)),
        *((M.ROOF, sketch.rectangle(u, v, 200, 90)) for u, v in sketch.rng.uniform((0.08, 0.36), (0.50, 0.44), (4, 2))),
        *((M.ROAD, sketch.rectangle(u, v, 140, 90)) for u, v in sketch.rng.uniform((0.55, 0.30), (0.95, 0.36), (3, 2))),
        *((M.ROCK, _rock(sketch)) for _ in range(3)),
        (M.SOIL, sketch.blob(0.80, 0.50, 130)),
    )
    floating = sketch.solar_array(0.60 + 2 * 140.0 / (sketch.right - sketch.left), 0.62 + 2.5 * 80.0 / (sketch.top - sketch.bottom), 270, 230, 10)
    return Landscape(
        towns=(sketch.blob(0.55, 0.80, 280, 0.35), *_villages(sketch, ((0.08, 0.72), (0.92, 0.50)))),
        patches=(*ground, *around, *((M.PANELS, spot) for spot in spots), (M.REED, sketch.blob(0.08, 0.86, 120))),
        waters=waters,
        changes=(Change(M.PANELS, floating, years[0]), Change(M.PANELS, array(0.12, 0.70, 300, 220, 5), years[-1])),
        black_reaches=(black_reach(ditch, M.BLACK_GREY, 0.75, years), black_reach(big, M.BLACK_FES, 0.60, years[1:] or years)),
        grassland=grassland,
        marsh=sketch.blob(0.08, 0.86, 120),
        counties=_inland_counties(sketch, grid, ("Guangxiang", "Yuguang", "Nonghu")),
        relief_m=60.0,
    )


INLAND: dict[str, Callable[[Sketch, Grid, Years], Landscape]] = {"plain": _plain, "city": _city, "mountain": _mountain, "lake": _lake, "solar": _solar}
LANDSCAPE_KINDS = (*COASTS, *INLAND)
"""Kinds of landscape."""


def sea_point(coast: Coast) -> Point:
    """A point in the open sea, off the western shore."""
    return Point(coast.point(0.45 * coast.length_m, 0.25 * coast.length_m))
