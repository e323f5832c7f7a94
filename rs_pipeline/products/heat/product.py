"""Heat: the map of surface temperature above rural land, and the heat island of built-up land."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.products.heat.maps import BANDS, HEAT, STYLE, has_heat
from rs_pipeline.products.register import CLEAR_PIXEL_KEYS, Product, RegionMap, Step, chips, heights_given, heights_read, sensor_tables

BYTES_A_PIXEL = 150
"""Memory of a pixel of a tile: the temperatures of 40 dates, the bands and flags of one, and the layers of the map."""

PIXEL_KEYS = tuple(f"heat.{name}" for name in ("window", "min_dates", "max_error_k", "edge_m", "max_height_difference_m", "min_rural_km2"))
"""Keys that change the map; the others are read where counties are summed."""


def _memory_mb(settings: Settings) -> float:
    return 800 + BYTES_A_PIXEL * settings.grid.tile_px**2 / 1e6


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    return [settings.heights[1]] if has_heat(settings) else []


METHODS = (
    (
        "Surface temperature",
        (
            "Landsat's surface temperature of summer mornings, at about 10:30, is compared on every date with rural land nearby of similar height; a "
            "pixel's value is the level of its dates. Bounds are the scatter of dates and an error model of simulated worlds. It is the ground's "
            "temperature, not the air's, and tells nothing of nights, of single buildings or of days with clouds."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""

PRODUCT = Product(
    "heat", 78,
    maps=(RegionMap(HEAT, BANDS, STYLE, made_by=HEAT),),
    steps=(
        Step(
            HEAT, "Make the map of surface temperature above rural land of a tile and period.", "rs_pipeline.products.heat.step:heat", scope="tile_period",
            when=has_heat, memory_mb=_memory_mb, keys=(*CLEAR_PIXEL_KEYS, "masks.heat", *PIXEL_KEYS, "soil.dem", "soil.bring_dem"), tables=sensor_tables,
            reads=lambda p: [*chips(p), p.layout.tiles, *heights_read(p), p.layout.tile_map(p.period, p.tile, "land")],
            side_files=heights_given, writes=lambda p: [p.layout.tile_map(p.period, p.tile, HEAT)],
        ),
    ),
    county_maps=(HEAT,), county_sums="rs_pipeline.products.heat.county:county_sums", facts="rs_pipeline.products.heat.facts:facts",
    indicators="rs_pipeline.products.heat.indicators:INDICATORS", needs_steps=("zonal",), evidence=_evidence, evidence_maps=(HEAT,), scenes="optical",
    methods=METHODS,
)  # fmt: skip
