"""Step ``soil_loss``: heights, land cover and vegetation of a tile become its map of soil loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rs_kernels.soil import T_KM2_PER_T_HA, cover_factors

from rs_pipeline.config import Settings, SoilSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.rasters import raster_on
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.soil.maps import BANDS, SOIL_LOSS
from rs_pipeline.products.soil.rasters import terrain_factor
from rs_pipeline.storage.provenance import map_tags
from rs_pipeline.storage.raster import band_index, open_map, write_map
from rs_pipeline.tiles import read_tile


def soil_loss(settings: Settings, tile_id: str, period_label: str, chips: list[Any] | None = None) -> None:
    """Write the map of soil loss of a tile and period (float32, NaN nodata).

    NaN where heights, land class, a cover that the class needs, or a factor are unknown: missing, not conserved. A run without heights has no such step.
    ``chips`` : an empty list for a tile without scenes, whose map is NaN; else None.

    Raises
    ------
    ConfigError : the run has no heights.
    """
    key, heights = settings.heights
    if heights is None:
        raise ConfigError("this run has no heights, so no map of soil loss", where="soil.dem", remedy="name a raster of heights in soil.dem or masks.dem")
    tile, layout, section = read_tile(settings, tile_id), Layout(settings.root), settings.soil
    layers = {b.name: np.full(tile.grid.shape, np.nan, "float32") for b in BANDS}
    if chips is None:
        land = _bands(layout.tile_map(period_label, tile_id, "land"), tile.grid, "class")[0]
        peak, growing = _bands(layout.tile_map(period_label, tile_id, "vegetation"), tile.grid, "fvc_peak", "fvc_growing")
        layers["terrain_factor"] = terrain_factor(heights, key, section, tile.grid)
        layers["cover_factor"] = cover_practice(section, land, peak, growing)
        rain = _factor(section.erosivity, "soil.erosivity", section.erosivity_constant, tile.grid)
        soil = _factor(section.erodibility, "soil.erodibility", section.erodibility_constant, tile.grid)
        layers["loss_t_km2"] = T_KM2_PER_T_HA * rain * soil * layers["terrain_factor"] * layers["cover_factor"]
    write_map(layout.tile_map(period_label, tile_id, SOIL_LOSS), tile.grid, layers, BANDS, map_tags(settings, settings.period(period_label), []))


def class_factors(section: SoilSection) -> np.ndarray:
    """B E T by number of the land class, float64 (8,); NaN where it depends on vegetation cover. Water and wetland are level and lose nothing."""
    crops = section.cropland_rotation_factor * section.cropland_practice_factor
    known = {Land.WATER: 0.0, Land.WETLAND: 0.0, Land.CROPLAND: crops, Land.BUILT: section.built_factor, Land.BARE: section.bare_factor}
    return np.array([np.nan, *(known.get(c, np.nan) for c in Land)])


def cover_practice(section: SoilSection, land: np.ndarray, peak: np.ndarray, growing: np.ndarray) -> np.ndarray:
    """B E T of land classes and cover (0-1) at its peak and in the growing season, float32 (h, w); see `rs_kernels.soil.cover_factors`."""
    out = np.empty(land.shape, "float32")
    cover_factors(
        land,
        peak,
        growing,
        section.peak_erosivity_share,
        class_factors(section),
        int(Land.TREE),
        section.ground_cover_under_trees,
        section.cover_curve == "cai2000",
        out,
    )
    return out


def _factor(path: Path | None, key: str, constant: float, grid: Grid) -> np.ndarray | np.float32:
    return np.float32(constant) if path is None else raster_on(path, key, grid)


def _bands(path: Path, grid: Grid, *names: str) -> list[np.ndarray]:
    with open_map(path, grid) as src:
        return [src.read(band_index(src, name)) for name in names]
