"""Step ``trend-zonal``: areas of greening and browning by county, from the region's map of trends.

A pixel counts as in ``zonal``: with the exact fraction that a county covers and with its area on the ellipsoid. A pixel is land if it was
neither permanent water nor sea in the last period that observed it; a pixel that no period observed is not counted as land.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from rasterio.windows import Window
from rs_kernels.zonal import zone_sums

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import coverage
from rs_pipeline.layout import Layout
from rs_pipeline.model import Tile
from rs_pipeline.products.sea import read_sea
from rs_pipeline.region import load_units, prefecture_codes, with_totals, with_unions
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_grid, read_tiles


def trend_layers(bands: dict[str, np.ndarray], land: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    """Per-pixel flags (1, or NaN for none) whose area-weighted sums are the areas, float32 (h, w).

    ``bands`` are those of the map of trends, ``land`` bool. ``*_possible``: p at most ``rate``, without control of false discoveries over the region.
    """
    p, slope, found = bands["p_value"], bands["slope_per_year"], bands["class"]

    def mark(condition: np.ndarray) -> np.ndarray:
        return np.where(condition & land, np.float32(1), np.float32(np.nan))

    return {
        "land_m2": mark(np.ones_like(land)),
        "trend_observed_m2": mark(np.isfinite(found)),
        "greening_m2": mark(found == 1),
        "browning_m2": mark(found == -1),
        "greening_possible_m2": mark((p <= rate) & (slope > 0)),
        "browning_possible_m2": mark((p <= rate) & (slope < 0)),
    }


def _tile_layers(settings: Settings, tile: Tile) -> dict[str, np.ndarray]:
    layout = Layout(settings.root)
    with open_map(layout.trend_map, read_grid(settings)) as src:
        window = Window(tile.col, tile.row, tile.grid.width, tile.grid.height)
        bands = dict(zip(src.descriptions, src.read(window=window), strict=True))
    return trend_layers(bands, last_land(settings, tile), settings.trend.false_discovery_rate)


def last_land(settings: Settings, tile: Tile) -> np.ndarray:
    """Pixels of a tile that were land in the last period that saw them, bool (h, w)."""
    land, unseen = np.zeros(tile.grid.shape, bool), np.ones(tile.grid.shape, bool)
    for period in reversed(settings.all_periods):
        with open_map(Layout(settings.root).tile_map(period.label, tile.id, "water"), tile.grid) as src:
            kind = src.read(band_index(src, "class"))
        first = unseen & np.isfinite(kind)
        land |= first & (kind != 1) & ~read_sea(settings, period.label, tile.grid)
        unseen &= ~first
        if not unseen.any():
            break
    return land


def trend_zonal(settings: Settings) -> None:
    """Write ``counties/vegetation_trend.parquet``: one row per unit, prefecture and region, areas in m2 on the ellipsoid."""
    units = with_unions(load_units(settings))
    sums, names = None, []
    for tile in read_tiles(settings):
        zone, cell, weight = coverage(tile.grid, units)
        if not zone.size:
            continue
        layers = _tile_layers(settings, tile)
        names = list(layers)
        sums = np.zeros((len(units), len(names))) if sums is None else sums
        zone_sums(zone, cell, weight, np.stack([v.ravel() for v in layers.values()]), sums)
    if sums is None:
        raise ValueError("no unit meets a tile")
    table = pd.concat([units[["adcode", "name", "prefecture", "in_region"]], pd.DataFrame(sums, columns=names)], axis=1)
    write_parquet(with_totals(table, names, prefecture_codes(units)), Layout(settings.root).trend_counties)
