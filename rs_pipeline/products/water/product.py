"""Water: how often a pixel is water, bodies of water, and optical proxies of their quality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings, coast_of
from rs_pipeline.layout import Layout
from rs_pipeline.model import Colour, MapBand, SampledProduct, Style
from rs_pipeline.products.register import CLEAR_PIXEL_KEYS, OBSERVE, Product, RegionMap, Step, chips, has_coast, scoring_memory_mb, sea_maps, sensor_tables

BANDS = (
    MapBand("frequency", "Share of the clear months in which the pixel was water"),
    MapBand("class", "0 land, 1 permanent, 2 seasonal, 3 ephemeral water", "class"),
    MapBand("frequency_lower", "Wilson 95 % lower bound of the frequency"),
    MapBand("frequency_upper", "Wilson 95 % upper bound of the frequency"),
    MapBand("permanent_fraction", "Share of the pixel's area that is permanent water"),
    MapBand("plants", "0 open water or land, 1 lasting water with plants on it, 2 paddy: flooded in May or June, then a dense crop", "class"),
)

STYLE = Style(
    "Water", "class", "classes",
    (
        Colour(0, "#e6e6e2", "land", 90), Colour(1, "#0b3c8c", "permanent water"),
        Colour(2, "#3f8fd2", "seasonal water"), Colour(3, "#a9d6f0", "ephemeral water"),
    ),
)  # fmt: skip


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    layout = Layout(settings.root)
    by_name = {"water_bodies": layout.bodies, "water_trophic_level": layout.quality, "lake_": settings.tables.lakes}
    return [settings.tables.reference_samples, *(path for start, path in by_name.items() if indicator.startswith(start))]


STEPS = (
    Step(
        "sea",
        "Find which water of a period is sea.",
        "rs_pipeline.products.sea:sea",
        scope="period",
        when=has_coast,
        keys=("coastline.sea_points", "coastline.max_distance_m"),
        reads=lambda p: [p.layout.tiles, p.layout.map("water", p.period)],
        side_files=lambda p: [coast_of(p.settings).reference],
        writes=lambda p: [p.layout.sea(p.period)],
    ),
    Step(
        "bodies",
        "Draw water bodies with their area in every period.",
        "rs_pipeline.products.water.bodies:bodies",
        scope="run",
        final=True,
        keys=("units", "water.min_body_area_m2", "water.min_reported_area_m2", "water.seasonal_frequency"),
        reads=lambda p: [p.settings.units.path, p.layout.tiles, *(p.layout.map("water", label) for label in p.periods), *sea_maps(p, p.periods)],
        side_files=lambda p: [p.settings.water.known_bodies],
        writes=lambda p: [p.layout.bodies],
    ),
    Step(
        "quality_scores",
        "Read proxies of the quality of water bodies of a tile and period, and what floats on them, date by date.",
        "rs_pipeline.products.water.quality:score_quality",
        scope="tile_period",
        priority=2,
        memory_mb=scoring_memory_mb,
        keys=(*CLEAR_PIXEL_KEYS, "masks.black_odorous", "black_odorous.max_swir1_refl", "black_odorous.min_sun_elevation_deg", "black_odorous.window"),
        tables=sensor_tables,
        side_files=lambda p: [p.settings.masks.dem, p.settings.tables.waters],
        reads=lambda p: [*chips(p), p.layout.tiles, p.layout.bodies, p.layout.map("water", p.period)],
        writes=lambda p: [p.layout.quality_scores(p.period, p.tile)],
    ),
    Step(
        "quality",
        "Sum up the water quality proxies of each body and period, and month by month.",
        "rs_pipeline.products.water.quality:quality",
        scope="run",
        final=True,
        reads=lambda p: [p.layout.tiles, *p.tiles(p.layout.quality_scores)],
        side_files=lambda p: [p.settings.tables.water_classes],
        writes=lambda p: [p.layout.quality, p.layout.quality_monthly],
    ),
)

PRODUCT = Product(
    "water", 20,
    maps=(RegionMap("water", BANDS, STYLE, OBSERVE),),
    steps=STEPS,
    county_maps=("water",), county_sums="rs_pipeline.products.water.county:county_sums",
    facts="rs_pipeline.products.water.facts:facts", indicators="rs_pipeline.products.water.indicators:INDICATORS",
    needs_steps=("zonal", "bodies", "quality"), evidence=_evidence, evidence_maps=("water",),
    sampled={
        "permanent_water": SampledProduct("water", "permanent_fraction", 1, "0 or 1", inland=True),
        "seasonal_water": SampledProduct("water", "class", 2, "0 or 1", inland=True),
    },
    checked_by={"tables.water_classes": "official classes of watched waters stand beside their proxies, month by month"},
)  # fmt: skip
