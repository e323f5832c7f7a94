"""Land cover: its map, its areas by county and zone, and what was converted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import SampledProduct
from rs_pipeline.paths import table_path
from rs_pipeline.products.baselines import with_baselines
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.maps import BANDS, LAND, SETTLEMENT_BANDS, SETTLEMENT_STYLE, SETTLEMENTS, STYLE
from rs_pipeline.products.register import (
    CLEAR_PIXEL_KEYS,
    Product,
    RegionMap,
    Step,
    StepContext,
    block_memory_mb,
    chips,
    sea_maps,
    season_products,
    sensor_tables,
    shipped,
    visit_tables,
)

ZONE_TABLES = {"red_line": "red_line", "reserve": "reserves", "mine": "mines", "xiongan": "xiongan", "shore": "shoreline_buffers"}
"""Zone to the key of its polygons in the section ``tables``."""

SIDE_TABLES = {
    "construction_land_per_gdp_fall": ("gdp",), "bare_mine_area": ("mines",), "regreened_mine_area": ("mines",), "red_line_converted_area": ("red_line",),
    "reserve_converted_area": ("reserves",), "shore_encroached_area": ("shoreline_buffers",),
    **dict.fromkeys(("blue_green_share", "blue_green_share_land", "blue_green_share_ecological"), ("xiongan",)),
}  # fmt: skip
"""Indicator to the keys of the section ``tables`` it rests on."""


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    tables, layout = settings.tables, Layout(settings.root)
    drawn = [layout.settlements] if indicator.startswith("settlement_") else []
    visits = visit_tables(settings) if indicator.endswith(("converted_area", "_encroached_area")) else []
    return [
        tables.reference_samples,
        *visits,
        *drawn,
        *(layout.land_counties(p) for p in periods),
        *(layout.land_changes(p) for p in periods[-1:]),
        *(getattr(tables, key) for key in SIDE_TABLES.get(indicator, ())),
    ]


def _zones(place: StepContext) -> list[Path | None]:
    return [getattr(place.settings.tables, key) for key in ZONE_TABLES.values()]


STEPS = (
    Step(
        "land",
        "Make the land-cover map of a tile and period.",
        "rs_pipeline.products.land.step:land",
        scope="tile_period",
        threads=2,
        priority=1,
        memory_mb=block_memory_mb,
        keys=(*CLEAR_PIXEL_KEYS, "masks.radar_edge_m", "masks.land", "land"),
        side_files=lambda p: [p.settings.masks.dem],
        tables=lambda s: (*sensor_tables(s), *shipped("land.json"), *(t for p in season_products().values() for t in p.season_tables)),
        reads=lambda p: [*chips(p), p.layout.tiles],
        writes=lambda p: [p.layout.tile_map(p.period, p.tile, name) for name in (LAND, *season_products())],
    ),
    Step(
        SETTLEMENTS,
        "Draw towns and villages from the land map of the baseline period.",
        "rs_pipeline.products.settlements:settlements",
        scope="run",
        final=True,
        keys=("settlements", "baseline"),
        reads=lambda p: [p.layout.map(LAND, p.baseline), p.layout.tiles],
        writes=lambda p: [p.layout.settlements],
        also_writes=lambda p: [p.layout.settlements.with_suffix(".qml")],
    ),
    Step(
        "land_zonal",
        "Sum land cover and its conversion over counties and the zones of side tables.",
        "rs_pipeline.products.land.zonal:land_zonal",
        scope="period",
        final=True,
        keys=("land_zones", "baseline", "province", "units"),
        tables=lambda s: (str(table_path("provinces", s.province)),),
        side_files=lambda p: [*_zones(p), *visit_tables(p.settings), p.settings.tables.places, p.settings.targets_path],
        reads=lambda p: [
            *(p.layout.map(LAND, label) for label in with_baselines(p)),
            p.layout.map("water", p.baseline),
            *sea_maps(p, [p.baseline]),
            p.layout.settlements,
            p.layout.tiles,
            p.settings.units.path,
            *([p.layout.shorelines] if p.settings.coastline else []),
        ],
        writes=lambda p: [
            p.layout.land_counties(p.period),
            p.layout.land_changes(p.period),
            *([p.layout.place_land(p.period)] if p.settings.tables.places else []),
        ],
    ),
)

METHODS = (
    (
        "Land cover",
        (
            "A network reads the share of seven kinds of ground in every pixel from the statistics of the seasons, radar among them where there is "
            "any; it was trained on simulated worlds and labelled real pixels. Areas are sums of these shares, so that a pixel that is half street "
            "is half built. Their bounds are an error model of simulated worlds; conversion is a range from what is beyond doubt to all that is "
            "possible. It cannot see who uses land: a class that is not told well enough from others has no value."
        ),
    ),
    (
        "Settlements",
        (
            "Towns and villages are patches of ground around which at least a tenth is built-up on the land map of the baseline period; strips of "
            "single roads are left out. One period serves all, so that an amount inside them changes by what happens there. Bounds of a value inside "
            "them treat their edge as right, save for ground bare in every season, whose errors were learnt inside settlements as drawn. Single houses, "
            "administrative boundaries and what was built later are not seen."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""

PRODUCT = Product(
    "land",
    70,
    maps=(RegionMap(LAND, BANDS, STYLE, "land"), RegionMap(SETTLEMENTS, SETTLEMENT_BANDS, SETTLEMENT_STYLE, SETTLEMENTS, every_period=False)),
    steps=STEPS,
    facts="rs_pipeline.products.land.facts:facts",
    indicators="rs_pipeline.products.land.indicators:INDICATORS",
    findings="rs_pipeline.products.land.findings:land_findings",
    findings_side_files=_zones,
    findings_read=lambda p: [
        *(p.layout.map(LAND, label) for label in p.periods),
        *(p.layout.map("vegetation", label) for label in p.periods[:-1]),
        p.layout.map("water", p.baseline),
        *sea_maps(p, [p.baseline]),
        p.layout.tiles,
    ],
    needs_steps=("land_zonal", SETTLEMENTS),
    evidence=_evidence,
    sampled={f"land_{c.word}": SampledProduct(LAND, f"share_{c.word}", c, "0 or 1") for c in Land if c != Land.WATER}
    | {"land_forest": SampledProduct(LAND, f"share_{Land.TREE.word}", Land.TREE, "0 or 1")},
    methods=METHODS,
)
