"""Tiles of a run: its grid, as stored in ``tiles.parquet``, and the pieces that jobs work on."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError, DamagedError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.storage.rows import read_rows

MAX_TILES = 100_000
"""Most tiles of a run: a larger number comes from wrong units or a wrong resolution."""


def tile_counts(grid: Grid, tile_px: int) -> tuple[int, int]:
    """Number of rows and columns of tiles.

    Raises
    ------
    ConfigError : more than MAX_TILES tiles.
    """
    rows, cols = math.ceil(grid.height / tile_px), math.ceil(grid.width / tile_px)
    if rows * cols > MAX_TILES:
        raise ConfigError(f"{rows * cols} tiles, the limit is {MAX_TILES}", where="grid", remedy="raise grid.tile_px or grid.resolution_m")
    return rows, cols


def make_tiles(grid: Grid, tile_px: int, footprint: shapely.Geometry) -> list[Tile]:
    """Cut the grid into tiles and keep those that meet the footprint (in the grid's CRS)."""
    rows, cols = tile_counts(grid, tile_px)
    shapely.prepare(footprint)
    tiles = []
    for i in range(rows):
        for j in range(cols):
            row, col = i * tile_px, j * tile_px
            piece = grid.window(row, col, min(tile_px, grid.height - row), min(tile_px, grid.width - col))
            if shapely.intersects(footprint, shapely.box(*piece.bounds)):
                tiles.append(Tile(f"r{i:03d}c{j:03d}", row, col, piece))
    return tiles


def read_grid(settings: Settings) -> Grid:
    """The run's grid as stored in ``tiles.parquet``; raises as `read_tiles`."""
    return _read(settings)[0]


def read_tiles(settings: Settings) -> list[Tile]:
    """All tiles of the run, in row-major order.

    Raises
    ------
    ConfigError : the tiles are not made yet. DamagedError : their table cannot be read.
    """
    return _read(settings)[1]


def tile_ids(settings: Settings) -> list[str]:
    """Ids of all tiles; an empty list before the tiles are made."""
    return [t.id for t in read_tiles(settings)] if Layout(settings.root).tiles.exists() else []


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


def _read(settings: Settings) -> tuple[Grid, list[Tile]]:
    path = Layout(settings.root).tiles
    if not path.exists():
        raise ConfigError("the tiles are not made yet", where=str(path), remedy="run `rs-pipeline grid --config ...` first")
    try:
        rows = read_rows(path)
        whole = _frozen(rows[0])
        return whole, [Tile(r["tile"], r["row"], r["col"], whole.window(r["row"], r["col"], r["height"], r["width"])) for r in rows]
    except (ValueError, LookupError, TypeError, ArithmeticError, pyproj.exceptions.ProjError) as fault:
        raise DamagedError(f"the tiles cannot be read: {fault}", str(path)) from None


def _frozen(row: dict) -> Grid:
    return Grid(row["crs"], row["resolution_m"], row["grid_left"], row["grid_top"], row["grid_width"], row["grid_height"])


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
