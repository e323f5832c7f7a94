"""Side tables and truth of the simulated world, as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from shapely.geometry import LineString, Polygon

from rs_pipeline.model import Grid
from rs_pipeline.simulation.coast import CoastSection
from rs_pipeline.simulation.materials import SHORE_PLANTS, Material
from rs_pipeline.simulation.scenes import blur, sensor_grid
from rs_pipeline.simulation.thermal import mean_warmth
from rs_pipeline.simulation.world import CRS, MARGIN_M, PAINT_M, World, sea_lonlat

WATER_CLASSES = {"permanent": 0.75, "seasonal": 0.25, "ephemeral": 0.05}
"""Least shares of the year under water for classes 1, 2 and 3 of the truth map; below them is class 0, land."""
STATION = "Moni (simulated)"


def write_side_tables(world: World, folder: Path) -> None:
    """Write units, grassland and wetlands (GeoPackage, EPSG:4326); with a coast also its reference line and the tide table (CSV); with hills the
    heights (GeoTIFF, 30 m)."""
    counties = world.landscape.counties
    units = {"adcode": [c.adcode for c in counties], "name": [c.name for c in counties], "prefecture": [c.prefecture for c in counties]}
    write_vector(folder / "units.gpkg", units, [c.polygon for c in counties])
    types, polygons = zip(*world.landscape.grassland, strict=True)
    write_vector(folder / "grassland.gpkg", {"type": list(types)}, list(polygons))
    write_vector(folder / "wetlands.gpkg", {"name": ["marsh"]}, [world.landscape.marsh])
    if world.coastal:
        points = np.concatenate([xy for _, xy in world.coast.line(world.years[0])])
        write_vector(folder / "coastline.gpkg", {"name": ["shoreline at mean sea level"]}, [LineString(points).simplify(15)])
        _tide_table(world).to_csv(folder / "tide.csv", index=False, lineterminator="\n")
    if world.landscape.relief_m:
        _write_dem(world, folder / "dem.tif")


def write_truth(world: World, folder: Path) -> None:
    """Write the truth as yearly maps (GeoTIFF) and shapes (GeoPackage)."""
    folder.mkdir()
    land = world.landscape
    for year in world.years:
        _write_maps(world, year, folder)
    if world.coastal:
        _write_shorelines(world, folder / "shorelines.gpkg")
    reaches = land.black_reaches
    columns: dict[str, list] = {
        "river": [r.river for r in reaches],
        "type": [r.type for r in reaches],
        "years": [";".join(map(str, r.years)) for r in reaches],
        "months": [";".join(map(str, r.months)) for r in reaches],
    }
    write_vector(folder / "black_odorous.gpkg", columns, [r.polygon for r in reaches])
    columns = {"name": [r.name for r in land.rivers], "width_m": [r.width_m for r in land.rivers]}
    write_vector(folder / "rivers.gpkg", columns, [r.centreline for r in land.rivers])
    waters = [w for w in land.waters if not w.polygon.is_empty]
    columns = {name: [getattr(w, name) for w in waters] for name in ("name", "kind", "confuser", "width_m")}
    columns["material"] = [w.material.name.lower() for w in waters]
    write_vector(folder / "waters.gpkg", columns, [w.polygon for w in waters])
    columns = {"year": [c.year for c in land.changes], "becomes": [c.material.name.lower() for c in land.changes]}
    write_vector(folder / "changes.gpkg", columns, [c.polygon for c in land.changes])


def shore_pieces(world: World, year: float) -> Iterator[tuple[CoastSection, LineString]]:
    """The shore at mean sea level at a decimal year, by section. Where it crosses a river's water it is a river mouth, in any section; the rest of
    the river-mouth section is a beach."""
    rivers = shapely.union_all([w.polygon for w in world.landscape.rivers])
    mouth = next(s for s in world.coast.sections if s.type == "river mouth")
    for section, xy in world.coast.line(year):
        line = LineString(xy)
        beside = replace(section, name="mouth beach", type="sand") if section is mouth else section
        for kind, parts in ((mouth, line.intersection(rivers)), (beside, line.difference(rivers))):
            yield from ((kind, part) for part in shapely.get_parts(parts) if part.length > 0)


def _write_shorelines(world: World, path: Path) -> None:
    """Write lines at mean sea level in the middle of each year and, beside them, the outlines of land won from the sea."""
    rows = [(year, section, line) for year in world.years for section, line in shore_pieces(world, year + 0.5)]
    columns: dict[str, list] = {
        "year": [year for year, _, _ in rows],
        "section": [s.name for _, s, _ in rows],
        "class": [s.kind for _, s, _ in rows],
        "type": [s.type for _, s, _ in rows],
        "slope": [s.slope if np.isfinite(s.slope) else np.nan for _, s, _ in rows],
    }
    write_vector(path, columns, [line for _, _, line in rows])
    fills = [s for s in world.coast.sections if np.isfinite(s.begins)]
    outlines = []
    for section in fills:
        along = np.arange(section.start_m, section.stop_m + 5, 5.0)
        before, after = (world.coast.shoreline(np.minimum(along, section.stop_m - 1e-6), t) for t in (section.begins - 1e-3, section.begins))
        outlines.append(Polygon(np.concatenate([world.coast.point(along, after), world.coast.point(along, before)[::-1]])))
    write_vector(path.with_name("reclamation.gpkg"), {"year": [int(s.begins) for s in fills]}, outlines)


def _write_dem(world: World, path: Path) -> None:
    grid = sensor_grid(world, 30)
    write_raster(path, grid, [blur(world, world.dem_m, grid)], ["height"], np.nan)


def water_class(frequency: np.ndarray) -> np.ndarray:
    """Class of a share of the year under water: 0 land, 1 permanent, 2 seasonal, 3 ephemeral; uint8.

    >>> water_class(np.array([0.0, 1.0, 0.3, 0.1])).tolist()
    [0, 1, 2, 3]
    """
    conditions = [frequency >= least for least in WATER_CLASSES.values()]
    return np.select(conditions, [1, 2, 3], 0).astype("uint8")


def _write_maps(world: World, year: int, folder: Path) -> None:
    margin = round(MARGIN_M / PAINT_M)
    grid = world.paint_grid
    inner = grid.window(margin, margin, grid.height - 2 * margin, grid.width - 2 * margin)
    landcover = world.landcover(year)[margin:-margin, margin:-margin]
    named = [m for m in Material if m not in SHORE_PLANTS or m in landcover]
    legend = ";".join(f"{m.value}={m.name.lower()}" for m in named)
    write_raster(folder / f"landcover_{year}.tif", inner, [landcover], ["landcover"], 0, legend=legend)
    write_raster(folder / f"vegetation_{year}.tif", world.grid, list(world.vegetation(year)), ["fvc_peak", "fvc_growing"], np.nan)
    frequency = world.water_frequency(year)
    bands = [frequency, water_class(frequency).astype("float32"), world.permanent_fraction(year)]
    write_raster(folder / f"water_{year}.tif", world.grid, bands, ["frequency", "class", "permanent_fraction"], np.nan)
    bare = world.bare_ground(year)
    write_raster(folder / f"bare_{year}.tif", world.grid, list(bare.values()), list(bare), np.nan)
    write_raster(folder / f"heat_{year}.tif", world.grid, [mean_warmth(world, year)], ["warmth_k"], np.nan)


def write_raster(path: Path, grid: Grid, bands: list[np.ndarray], names: list[str], nodata: float, **tags: str) -> None:
    """Write arrays of one dtype as a Cloud-Optimised GeoTIFF with 256 pixel blocks, marked as simulated.

    Without overviews: the rasters are small, and overviews would add half of their size.
    """
    kind = bands[0].dtype
    with rasterio.open(
        path,
        "w",
        driver="COG",
        width=grid.width,
        height=grid.height,
        count=len(bands),
        dtype=kind,
        crs=grid.crs,
        transform=grid.transform,
        nodata=nodata,
        blocksize=256,
        compress="deflate",
        level=2,
        predictor="yes",
        overviews="none",
    ) as dst:
        for i, (band, name) in enumerate(zip(bands, names, strict=True), start=1):
            dst.write(band, i)
            dst.set_band_description(i, name)
        dst.update_tags(SIMULATED="yes", **tags)


def _tide_table(world: World) -> pd.DataFrame:
    lon, lat = sea_lonlat(world)
    times = [(world.tide.start + timedelta(hours=i)).strftime("%Y-%m-%dT%H:%M:%SZ") for i in range(len(world.tide.heights_m))]
    table = pd.DataFrame({"time_utc": times, "station": STATION, "lon": lon, "lat": lat})
    table["height_m"] = np.round(world.tide.heights_m, 3)
    return table


def write_vector(path: Path, columns: dict[str, list], shapes: list) -> None:
    """Write one layer of projected shapes in EPSG:4326; the date in the file is fixed, so that the same world gives the same bytes."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-01-01T00:00:00.000Z"})
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_crs(4326).to_file(path, driver="GPKG", layer=path.stem)
