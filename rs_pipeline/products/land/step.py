"""Step ``land``: the chips of a tile and period become its land map."""

from __future__ import annotations

from functools import partial

import numpy as np

from rs_pipeline.catalog.chips import Chip, load_chips
from rs_pipeline.config import LandSection, Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.land.classes import SHARES
from rs_pipeline.products.land.maps import BANDS, LAND
from rs_pipeline.products.land.model import LandModel, land_model
from rs_pipeline.products.register import resolve, season_products
from rs_pipeline.products.seasons import SeasonStatistics, tile_statistics
from rs_pipeline.storage.provenance import map_tags
from rs_pipeline.storage.raster import write_map
from rs_pipeline.tiles import read_tile

STEP = 0.005
"""Shares are rounded to this, far below their error: the maps then stay small."""


def land(settings: Settings, tile_id: str, period_label: str, threads: int = 2, chips: list[Chip] | None = None) -> None:
    """Write the land map of a tile and period (float32, NaN nodata): class, confidence and the expected share of every class. In the same pass over the
    dates, write the maps of the products with ``season_layers``.

    A pixel that was not seen often enough, or in too few seasons, is NaN: missing, not bare. ``chips``: default those that were fetched.
    """
    chips = load_chips(settings, tile_id, period_label) if chips is None else chips
    tile, period, layout = read_tile(settings, tile_id), settings.period(period_label), Layout(settings.root)
    makers = {LAND: partial(land_layers, land_model(), section=settings.land)} | {n: resolve(p.season_layers) for n, p in season_products().items()}
    bands = {LAND: BANDS} | {name: product.maps[0].bands for name, product in season_products().items()}
    layers = {name: {b.name: np.full(tile.grid.shape, np.nan, "float32") for b in bands[name]} for name in makers}

    def use(inside: tuple[slice, slice], statistics: SeasonStatistics) -> None:
        for name, maker in makers.items():
            for band, values in maker(statistics).items():
                layers[name][band][inside] = values

    held = sum(v.nbytes for of_map in layers.values() for v in of_map.values())
    tile_statistics(settings, chips, tile.grid, use, threads=threads, held_bytes=held)
    tags = map_tags(settings, period, [c.scene for c in chips])
    for name in makers:
        own = {"CLASSIFIER": "trained on simulated worlds and real pixels"} if name == LAND else {}
        write_map(layout.tile_map(period_label, tile_id, name), tile.grid, layers[name], bands[name], tags | own)


def land_layers(model: LandModel, features: SeasonStatistics, section: LandSection) -> dict[str, np.ndarray]:
    """Bands of the land map, float32 (h, w): the class is the one with the largest share, confidence that share."""
    shape = features.dates.shape[1:]
    seen = (features.dates.sum(axis=0) >= section.min_dates) & ((features.dates > 0).sum(axis=0) >= section.min_seasons)
    shares = np.full((len(SHARES), *shape), np.nan, "float32")
    shares[:, seen] = np.round(model.shares(features.values[:, seen]) / STEP) * STEP
    best = np.where(seen, shares.argmax(axis=0) + 1, np.nan)
    largest = np.where(seen, shares.max(axis=0, initial=0, where=np.isfinite(shares)), np.nan)
    layers = {"class": best, "confidence": largest, "n_dates": features.dates.sum(axis=0), **dict(zip(SHARES, shares, strict=True))}
    return {name: np.asarray(layer, "float32") for name, layer in layers.items()}
