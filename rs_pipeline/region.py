"""The region of a run: units (counties), the pixel grid, its tiles."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.storage.tables import write_parquet

MAX_TILES = 100_000
"""More tiles than this are a mistake in the units or the resolution, not a run."""


def load_vector(path: Path, *, key: str) -> gpd.GeoDataFrame:
    """Read a polygon or line file and bring it to EPSG:4326.

    Raises
    ------
    ConfigError : the file is missing, unreadable, empty or without CRS; ``key`` names the configuration key.
    """
    if not Path(path).exists():
        raise ConfigError(
            f"file not found: {path}", where=key, remedy="give the path of an existing file; README, 'Side tables', says how to obtain each"
        )
    try:
        frame = gpd.read_file(path)
    except Exception as fault:
        raise ConfigError(f"cannot be read as a vector file: {fault}", where=f"{key}: {path}", remedy="use GeoPackage or GeoJSON") from None
    if frame.crs is None:
        raise ConfigError("the file has no CRS", where=f"{key}: {path}", remedy="assign one, e.g. `ogr2ogr -a_srs EPSG:4326 out.gpkg in.gpkg`")
    frame = frame[~(frame.geometry.is_empty | frame.geometry.isna())]
    if frame.empty:
        raise ConfigError("the file has no features", where=f"{key}: {path}", remedy="check the export")
    return frame.to_crs(4326)


def load_units(settings: Settings) -> gpd.GeoDataFrame:
    """The reporting units: text columns ``adcode``, ``name``, ``prefecture`` and ``geometry`` in EPSG:4326, sorted by code.

    Raises
    ------
    ConfigError : the file, a column or a code is unusable.
    """
    section = settings.units
    frame = load_vector(section.path, key="units.path")
    columns = {section.code: "adcode", section.name: "name", section.prefecture: "prefecture"}
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise ConfigError(
            f"columns not found: {missing}", where=f"units.path: {section.path}",
            remedy=f"set units.code, units.name, units.prefecture to columns of {sorted(set(frame.columns) - {'geometry'})}",
        )  # fmt: skip
    frame = frame[[*columns, frame.geometry.name]].rename(columns={**columns, frame.geometry.name: "geometry"}).set_geometry("geometry")
    for column in columns.values():
        frame[column] = frame[column].astype("string").fillna("").astype(str)
    repeated = sorted(frame.adcode[frame.adcode.duplicated()].unique())
    if repeated:
        raise ConfigError(f"codes occur more than once: {repeated[:5]}", where=f"units.path: {section.path}", remedy="dissolve the polygons by code")
    frame["geometry"] = shapely.make_valid(frame.geometry.values)
    return frame.sort_values("adcode", ignore_index=True)


def utm_crs(lon: float, lat: float) -> str:
    """EPSG code of the UTM zone.

    >>> utm_crs(118.9, 39.1), utm_crs(-58.8, -27.5)
    ('EPSG:32650', 'EPSG:32721')
    """
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def run_grid(settings: Settings) -> Grid:
    """The pixel grid of the run: covers all units, origin on a multiple of the pixel size."""
    units = load_units(settings)
    west, south, east, north = units.total_bounds
    crs = settings.grid.crs
    if crs == "auto":
        crs = utm_crs((west + east) / 2, (south + north) / 2)
    r = settings.grid.resolution_m
    left, bottom, right, top = units.to_crs(crs).total_bounds
    x0, y1 = math.floor(left / r) * r, math.ceil(top / r) * r
    return Grid(crs, r, x0, y1, math.ceil((right - x0) / r), math.ceil((y1 - bottom) / r))


def make_tiles(grid: Grid, tile_px: int, footprint: shapely.Geometry) -> list[Tile]:
    """Cut the grid into tiles and keep those that meet the footprint (in the grid's CRS)."""
    rows, cols = math.ceil(grid.height / tile_px), math.ceil(grid.width / tile_px)
    if rows * cols > MAX_TILES:
        raise ConfigError(f"{rows * cols} tiles", where="grid", remedy="raise grid.tile_px or grid.resolution_m")
    shapely.prepare(footprint)
    tiles = []
    for i in range(rows):
        for j in range(cols):
            row, col = i * tile_px, j * tile_px
            piece = grid.window(row, col, min(tile_px, grid.height - row), min(tile_px, grid.width - col))
            if shapely.intersects(footprint, shapely.box(*piece.bounds)):
                tiles.append(Tile(f"r{i:03d}c{j:03d}", row, col, piece))
    return tiles


def grid(settings: Settings) -> None:
    """Write ``tiles.parquet``: the run's grid, cut into the tiles that meet the units."""
    whole = run_grid(settings)
    footprint = load_units(settings).to_crs(whole.crs).union_all()
    tiles = make_tiles(whole, settings.grid.tile_px, footprint)
    table = pd.DataFrame(
        [
            {"tile": t.id, "row": t.row, "col": t.col, "width": t.grid.width, "height": t.grid.height,
             "crs": whole.crs, "resolution_m": whole.resolution_m, "grid_left": whole.left, "grid_top": whole.top,
             "grid_width": whole.width, "grid_height": whole.height}
            for t in tiles
        ]
    )  # fmt: skip
    write_parquet(table, Layout(settings.root).tiles)


def read_grid(settings: Settings) -> Grid:
    """The run's grid as ``tiles.parquet`` froze it."""
    first = _table(settings).iloc[0]
    return Grid(first.crs, first.resolution_m, first.grid_left, first.grid_top, int(first.grid_width), int(first.grid_height))


def read_tiles(settings: Settings) -> list[Tile]:
    """All tiles of the run, in row-major order."""
    whole = read_grid(settings)
    return [
        Tile(t.tile, int(t.row), int(t.col), whole.window(int(t.row), int(t.col), int(t.height), int(t.width)))
        for t in _table(settings).itertuples()
    ]


def read_tile(settings: Settings, tile_id: str) -> Tile:
    """One tile of the run.

    Raises
    ------
    ConfigError : there is no such tile.
    """
    for tile in read_tiles(settings):
        if tile.id == tile_id:
            return tile
    raise ConfigError(f"no tile {tile_id!r}", where=str(Layout(settings.root).tiles), remedy="ids look like r000c000; run `rs-pipeline grid` first")


def _table(settings: Settings) -> pd.DataFrame:
    path = Layout(settings.root).tiles
    if not path.exists():
        raise ConfigError("the tiles are not made yet", where=str(path), remedy="run `rs-pipeline grid --config ...` first")
    return pd.read_parquet(path)


def pixel_areas(piece: Grid, *, step_px: int = 64) -> np.ndarray:
    """Area of every pixel on the ellipsoid, m2, float32 (height, width).

    The areal scale of the projection is evaluated on a coarse lattice and interpolated linearly; it varies
    by less than 1e-6 between lattice points of a UTM zone. Source: Snyder (1987), areal scale factor.
    """
    from scipy.interpolate import RegularGridInterpolator

    rows = np.linspace(0, piece.height, max(2, piece.height // step_px + 1))
    cols = np.linspace(0, piece.width, max(2, piece.width // step_px + 1))
    x = piece.left + cols * piece.resolution_m
    y = piece.top - rows * piece.resolution_m
    xx, yy = np.meshgrid(x, y)
    crs = pyproj.CRS.from_user_input(piece.crs)
    lon, lat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(xx, yy)
    scale = pyproj.Proj(crs).get_factors(lon, lat).areal_scale
    centres = np.meshgrid(np.arange(piece.height) + 0.5, np.arange(piece.width) + 0.5, indexing="ij")
    area = RegularGridInterpolator((rows, cols), piece.pixel_area_m2 / scale)(np.stack(centres, -1))
    return area.astype("float32")
