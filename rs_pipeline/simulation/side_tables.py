"""Data that offices would hand in for the simulated world: polygons and tables of the configuration's section ``tables``, which agree with its truth.

All of it is SIMULATED and says so in a column ``note``. There are few data that decide or replace results of the satellites: some three visits,
a few reference pixels, a hundred metres of restored coast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import shapely
from shapely.geometry import LineString, Polygon, box

from rs_pipeline.model import Grid
from rs_pipeline.region import REGION
from rs_pipeline.simulation.materials import Material
from rs_pipeline.simulation.truth import shore_pieces, write_raster, write_vector
from rs_pipeline.simulation.world import CRS, World
from rs_pipeline.storage.raster import open_own

SIMULATED_NOTE = "simulated"
PLOTS_PER_TYPE, PLOT_NOISE = 36, 0.04
"""Number of plots of a grassland type, and standard deviation of the error of their cover (0-1)."""
REFERENCE_PIXELS = 12
"""Number of reference pixels: so few that the intervals stay those of the error model."""
ZONE_WIDTH_M = 40.0
"""Width of the management zone of a river on either side."""
RESTORED_M = 100.0
TOWN_SHARE = 0.3
"""Built-up places with at least this share of the area of the largest one are towns, the others villages."""
TOWN_FRINGE_M = 250.0
"""How far the boundary of a town lies beyond its houses; waters of the fringe are urban."""
GDP, GDP_GROWTH = 100.0, 1.05

OFFICIAL = {
    "C02-01": (112.0, 9.0), "C06-02": (3.0, 0.0), "C06-03": (84.0, 1.0), "C06-04": (98.0, 0.3),
    "C07-01": (93.0, 0.5), "C07-03": (76.0, 0.5), "C10-01": (35.6, 0.1),
    "C10-03": (79.2, 0.4), "C14-01": (40.0, -6.0), "C19-02": (48.0, 4.0),
    "C03-01": (34.0, 5.0), "C03-02": (88.0, 1.0), "C02-02": (14.0, 1.0), "C02-03": (2.6e8, -3e6),
    "C00-03": (7.4e8, 2e6), "C08-03": (1.9, -0.1),
}  # fmt: skip
"""Invented official values by target: value of the first year and change per year. They show how such values are judged."""


LISTED = {"C06-05": 10, "C06-06": 10, "C08-01": 4, "C09-01": 6, "C19-01": 20, "C19-03": 20, "C20-01": 4, "C20-02": 4, "C22-01": 15}
"""Number of things listed in each county, by target; a third is finished before the first year, then one each year."""
PM25, PM25_PER_YEAR, PM25_RASTER_M = 38.0, -1.5, 1000.0
"""Mean PM2.5 of the first year, ug/m3, its change per year, and the pixel size of its raster, m; PM2.5 falls by 4 from west to east."""


def write_supplied_tables(world: World, folder: Path) -> None:
    """Write the tables beside the truth, which must exist: GeoPackages and CSV named by the key of ``tables``."""
    rng = np.random.default_rng([world.seed, 51])
    for name, polygons, columns in _polygons(world):
        write_vector(folder / f"{name}.gpkg", {"note": [SIMULATED_NOTE] * len(polygons)} | columns, polygons)
    years = [str(y) for y in world.years]
    codes = [*(c.adcode for c in world.landscape.counties), REGION]
    gdp = [(c, y, round(GDP * GDP_GROWTH**k * (len(codes) - 1 if c == REGION else 1), 2)) for c in codes for k, y in enumerate(years)]
    official = [(REGION, y, target, round(first + k * step, 6)) for target, (first, step) in OFFICIAL.items() for k, y in enumerate(years)]
    _write_csv(folder / "gdp.csv", "adcode period gdp", gdp)
    _write_csv(folder / "values.csv", "adcode period target_id value", official)
    _write_csv(folder / "lists.csv", "target_id adcode name since", _listed(world))
    _write_csv(folder / "rasters.csv", "target_id period path unit half_width", _pm25(world, folder))
    if names := [name for name, _ in _lakes(world)]:
        _write_csv(
            folder / "water_classes.csv", "name month class", [(name, f"{y}-{month:02d}", "III") for name in names for y in years for month in range(1, 13)]
        )
    _write_csv(folder / "field_results.csv", "lon lat date black", _visits(world))
    _write_csv(folder / "grassland_plots.csv", "lon lat year type cover", _plots(world, folder / "truth", rng))
    _write_csv(folder / "reference_samples.csv", "lon lat period product value", _reference_pixels(world, folder / "truth", rng))


def supplied_tables(folder: Path) -> dict[str, str]:
    """Keys of ``tables`` and the files of a written world that hold them."""
    return {key: (Path(folder) / name).as_posix() for key, name in TABLE_FILES.items() if (Path(folder) / name).is_file()}


TABLE_FILES = {
    **{
        key: f"{key}.gpkg"
        for key in (
            "grassland",
            "lakes",
            "urban",
            "restored_coast",
            "red_line",
            "mines",
            "reserves",
            "shoreline_buffers",
            "xiongan",
            "places",
            "waters",
            "townships",
        )
    },
    **{key: f"{key}.csv" for key in ("grassland_plots", "reference_samples", "gdp", "field_results", "values", "lists", "rasters", "water_classes")},
}


def _lakes(world: World) -> list[tuple[str, shapely.Geometry]]:
    """Name, marked as simulated, and outline of the lakes and reservoirs."""
    return [(f"{w.name} (simulated)", w.polygon) for w in world.landscape.waters if w.kind in ("lake", "reservoir") and not w.polygon.is_empty]


def _polygons(world: World) -> Iterable[tuple[str, list[shapely.Geometry], dict[str, list]]]:
    """(key, shapes, columns) of the tables of places; keys without a place in this world are left out."""
    land, whole = world.landscape, box(*world.grid.bounds)
    largest = max(t.area for t in land.towns)
    names, lakes = [name for name, _ in _lakes(world)], [outline for _, outline in _lakes(world)]
    soil = [p for m, p in land.patches if m == Material.SOIL] or [c.polygon for c in land.changes]
    forest = [p for m, p in land.patches if m == Material.FOREST]
    red_line, marine = [land.marsh, *forest[:1]], ["no", *(["no"] if forest else [])]
    if world.coastal:
        red_line, marine = [*red_line, _at_sea(world)], [*marine, "yes"]
        yield "restored_coast", [_restored(world)], {}
    found: dict[str, tuple[list, dict[str, list]]] = {
        "urban": ([t.buffer(TOWN_FRINGE_M) for t in land.towns if t.area >= TOWN_SHARE * largest], {}),
        "lakes": (lakes, {"name": names}),
        "waters": (lakes, {"name": names, "kind": ["lake"] * len(lakes)}),
        "mines": (soil, {}),
        "reserves": ([land.marsh.buffer(100), *forest[:1]], {}),
        "red_line": (red_line, {"marine": marine}),
        "shoreline_buffers": ([shapely.difference(w.polygon.buffer(ZONE_WIDTH_M), w.polygon) for w in land.rivers if w.width_m >= 30], {}),
        "xiongan": ([max(land.towns, key=lambda t: t.area).buffer(600)], {}),
        "places": _watched(world, lakes, forest),
        "townships": _townships(world),
    }
    for key, (shapes, columns) in found.items():
        if shapes:
            yield key, [shapely.intersection(s, whole) for s in shapes], columns


def _townships(world: World) -> tuple[list, dict[str, list]]:
    """A northern and a southern township of each county."""
    shapes, names = [], []
    for county in world.landscape.counties:
        left, bottom, right, top = county.polygon.bounds
        middle = (bottom + top) / 2
        for name, half in (("North", box(left, middle, right, top)), ("South", box(left, bottom, right, middle))):
            shapes.append(shapely.intersection(county.polygon, half))
            names.append(f"{name} township (simulated)")
    return shapes, {"name": names}


def _watched(world: World, lakes: list[shapely.Geometry], forest: list[Polygon]) -> tuple[list, dict[str, list]]:
    """Watched places of every kind that occurs in the world, some of them on the same ground. Ground that changes is two contaminated plots, a western and an
    eastern half; the first of all plots is cleared in the second year."""
    land = world.landscape
    largest, second = max(t.area for t in land.towns), world.years[min(1, len(world.years) - 1)]
    villages = [t for t in land.towns if t.area < TOWN_SHARE * largest] or list(land.towns)
    shapes = {
        "water_source": [outline.buffer(150) for outline in lakes],
        "contaminated_plot": [half for c in land.changes for half in _halves(shapely.intersection(c.polygon, box(*world.grid.bounds)))],
        "habitat": [land.marsh, *forest[:1]],
        "village": [t.buffer(50) for t in villages],
        "construction_site": [c.polygon.buffer(30) for c in land.changes],
        "corridor": [w.polygon.buffer(100) for w in land.rivers],
        "beautiful_water": [w.polygon for w in land.rivers],
        "reserve": [land.marsh.buffer(100)],
    }
    rows = [(kind, f"{kind} {n} (simulated)", shape) for kind, found in shapes.items() for n, shape in enumerate(found, start=1) if not shape.is_empty]
    kinds, names, polygons = (list(column) for column in zip(*rows, strict=True))
    cleared = [second if kind == "contaminated_plot" and " 1 " in name else None for kind, name in zip(kinds, names, strict=True)]
    return polygons, {
        "place_id": [f"{kind[:1].upper()}{i:03}" for i, kind in enumerate(kinds, start=1)],
        "kind": kinds,
        "name": names,
        "cleared": pd.array(cleared, "Int64"),
    }


def _halves(polygon: shapely.Geometry) -> list[shapely.Geometry]:
    """The western and the eastern half of a polygon, by its bounds; nothing of an empty one."""
    if polygon.is_empty:
        return []
    left, bottom, right, top = polygon.bounds
    middle = (left + right) / 2
    return [shapely.intersection(polygon, box(x0, bottom, x1, top)) for x0, x1 in ((left, middle), (middle, right))]


def _listed(world: World) -> list[tuple]:
    """Things of each county and target; the last two are not finished in any year."""
    rows = []
    for target, n in LISTED.items():
        for county in world.landscape.counties:
            years = [*[world.years[0] - 1] * (n // 3), *world.years][: max(0, n - 2)]
            rows += [(target, county.adcode, f"{target} thing {i + 1} (simulated)", years[i] if i < len(years) else "") for i in range(n)]
    return rows


def _pm25(world: World, folder: Path) -> list[tuple]:
    """Write a raster of PM2.5, as from other satellites, for each year; returns the rows that name the rasters."""
    left, bottom, right, top = world.grid.bounds
    width, height = (math.ceil((hi - lo) / PM25_RASTER_M) + 2 for lo, hi in ((left, right), (bottom, top)))
    grid, rows = Grid(CRS, PM25_RASTER_M, left - PM25_RASTER_M, top + PM25_RASTER_M, width, height), []
    for k, year in enumerate(world.years):
        values = np.broadcast_to(PM25 + k * PM25_PER_YEAR + np.linspace(2, -2, width), (height, width)).astype("float32")
        write_raster(folder / f"pm25_{year}.tif", grid, [values], ["pm25"], np.nan)
        rows += [(target, year, f"pm25_{year}.tif", "ug/m3", 3.0) for target in ("C05-02", "C05-03")]
    return rows


def _at_sea(world: World) -> Polygon:
    """A rectangle at sea, beyond the strip of sea in the coastal units (300 m, more in larger worlds)."""
    coast, (left, _, right, _) = world.coast, world.grid.bounds
    near = 450.0 * max((right - left) / 6000, 1.0)
    west = next(s for s in coast.sections if s.name == "west shore")
    along = np.array([west.start_m, west.stop_m, west.stop_m, west.start_m])
    return Polygon(coast.point(along, np.array([near, near, near + 400, near + 400])))


def official_coast_km(world: World) -> float:
    """Length of the first year's shore without the river mouth, as an office would state it."""
    pieces = [line for section, line in shore_pieces(world, world.years[0] + 0.5) if section.type != "river mouth"]
    return round(float(sum(shapely.intersection(line, box(*world.grid.bounds)).length for line in pieces)) / 1e3, 2)


def _restored(world: World) -> LineString:
    """RESTORED_M of the port's wall."""
    port = next(s for s in world.coast.sections if s.name == "port")
    along = np.array([port.start_m + 60.0, port.start_m + 60.0 + RESTORED_M])
    return LineString(world.coast.point(along, world.coast.shoreline(along, world.years[0] + 0.5)))


def _visits(world: World) -> list[tuple]:
    """A visit to each black-odorous reach in July of the last year, true to the year, and one to the first of them in the first year."""
    reaches, first, last = world.landscape.black_reaches, world.years[0], world.years[-1]
    asked = [(reaches[0], first), *((r, last) for r in reaches)] if first != last else [(r, last) for r in reaches]
    return [(*_lonlat(r.polygon.representative_point()), f"{year}-07-15", int(year in r.years)) for r, year in asked]


def _plots(world: World, truth: Path, rng: np.random.Generator) -> list[tuple]:
    """Plots in the last year: true cover of their pixel with an error of standard deviation PLOT_NOISE."""
    rows, year = [], world.years[-1]
    for kind, polygon in world.landscape.grassland:
        points = _inside(shapely.intersection(polygon, box(*world.grid.bounds)), PLOTS_PER_TYPE, rng)
        cover = np.clip(_sampled(truth / f"vegetation_{year}.tif", 1, points) + rng.normal(0, PLOT_NOISE, len(points)), 0, 1)
        rows += [(*_lonlat(p), year, kind, round(100 * float(c), 1)) for p, c in zip(points, cover, strict=True)]
    return rows


def _reference_pixels(world: World, truth: Path, rng: np.random.Generator) -> list[tuple]:
    year = world.years[-1]
    points = _inside(box(*world.grid.bounds), REFERENCE_PIXELS, rng)
    wet = _sampled(truth / f"water_{year}.tif", 3, points) >= 0.5
    return [(*_lonlat(p), year, "permanent_water", int(w)) for p, w in zip(points, wet, strict=True)]


def _inside(polygon: Polygon, n: int, rng: np.random.Generator) -> list[shapely.Point]:
    """Random points of a polygon."""
    found: list[shapely.Point] = []
    left, bottom, right, top = polygon.bounds
    shapely.prepare(polygon)
    while len(found) < n:
        points = shapely.points(rng.uniform((left, bottom), (right, top), (4 * n, 2)))
        found += list(points[shapely.contains(polygon, points)])
    return found[:n]


def _sampled(path: Path, band: int, points: list[shapely.Point]) -> np.ndarray:
    with open_own(path) as src:
        return np.array([v[0] for v in src.sample(shapely.get_coordinates(points), indexes=band)], "float64")


def _lonlat(point: shapely.Point) -> tuple[float, float]:
    lon, lat = TO_DEGREES(point.x, point.y)
    return round(lon, 6), round(lat, 6)


TO_DEGREES: Callable[[float, float], tuple[float, float]] = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True).transform


def _write_csv(path: Path, columns: str, rows: list[tuple]) -> None:
    pd.DataFrame(rows, columns=columns.split()).assign(note=SIMULATED_NOTE).to_csv(path, index=False, lineterminator="\n")
