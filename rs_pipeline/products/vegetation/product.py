"""Vegetation cover: its map, its trend over the years, and the indicators read from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import SampledProduct
from rs_pipeline.products.register import OBSERVE, Product, RegionMap, Step, sea_maps
from rs_pipeline.products.vegetation.maps import COVER, COVER_BANDS, COVER_STYLE, TREND, TREND_BANDS, TREND_CLASS, TREND_STYLE


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    tables = settings.tables
    by_name = {
        "greening_trend": Layout(settings.root).trend_counties,
        "browning_trend": Layout(settings.root).trend_counties,
        "grassland_": tables.grassland,
        "grassland_cover": tables.grassland_plots,
    }
    return [tables.reference_samples, *(path for start, path in by_name.items() if indicator.startswith(start))]


STEPS = (
    Step(
        "trend",
        "Fit the trend of peak vegetation cover over all periods, pixel by pixel, of a tile.",
        "rs_pipeline.products.vegetation.trend:trend",
        scope="tile",
        keys=("trend.min_years",),
        reads=lambda p: [p.layout.tiles, *(p.layout.tile_map(label, p.tile, COVER) for label in p.periods)],
        writes=lambda p: [p.layout.trend_tile(p.tile)],
    ),
    Step(
        "trend_map",
        "Join the tiles' trends and call pixels greening or browning, false discoveries controlled over the region.",
        "rs_pipeline.products.vegetation.trend:trend_map",
        scope="run",
        keys=("trend",),
        final=True,
        reads=lambda p: [p.layout.tiles, *(p.layout.trend_tile(tile) for tile in p.ask_tiles())],
        writes=lambda p: [p.layout.trend_map],
        also_writes=lambda p: [p.layout.trend_map.with_suffix(".qml")],
    ),
    Step(
        "trend_zonal",
        "Sum greening and browning over counties.",
        "rs_pipeline.products.vegetation.greening:trend_zonal",
        scope="run",
        keys=("trend.false_discovery_rate", "units"),
        reads=lambda p: [
            p.layout.trend_map,
            p.layout.tiles,
            p.settings.units.path,
            *p.tiles(lambda label, tile: p.layout.tile_map(label, tile, "water")),
            *sea_maps(p, p.periods),
        ],
        writes=lambda p: [p.layout.trend_counties],
    ),
)

PRODUCT = Product(
    "vegetation", 10,
    maps=(RegionMap(COVER, COVER_BANDS, COVER_STYLE, OBSERVE), RegionMap(TREND, (*TREND_BANDS, TREND_CLASS), TREND_STYLE, "trend", every_period=False)),
    steps=STEPS,
    county_maps=(COVER, "water"), county_sums="rs_pipeline.products.vegetation.county:county_sums",
    facts="rs_pipeline.products.vegetation.facts:facts", indicators="rs_pipeline.products.vegetation.indicators:INDICATORS",
    needs_steps=("zonal", "trend_zonal"), evidence=_evidence, evidence_maps=(COVER, "water"), scenes="optical",
    sampled={
        name: SampledProduct(COVER, name, None, "percent", inland=True) for name in ("fvc_peak", "fvc_growing")
    },
    checked_by={"tables.grassland_plots": "plots calibrate the cover of grassland (grassland_cover)"},
)  # fmt: skip
