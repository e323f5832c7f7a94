"""The coastline: shorelines, transects, rates of change, natural or artificial."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rs_pipeline.config import Settings, coast_of
from rs_pipeline.layout import SHORE_FAMILIES, SHORE_RADAR, Layout
from rs_pipeline.products.register import CLEAR_PIXEL_KEYS, Product, Step, StepContext, block_memory_mb, chips, has_coast, sensor_tables, visit_tables

SHORE_SOURCES = (*SHORE_FAMILIES, SHORE_RADAR)


def _tables(place: StepContext) -> list[Path | None]:
    return [coast_of(place.settings).reference, coast_of(place.settings).tide_table]


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    coast = settings.coastline
    return [Layout(settings.root).transects, settings.tables.restored_coast, *visit_tables(settings), *([coast.reference, coast.tide_table] if coast else [])]


STEPS = (
    Step(
        "shore",
        "Make the SWIR1 composites of a tile and period that shorelines are drawn from.",
        "rs_pipeline.products.coastline.composite:shore_composite",
        scope="tile_period",
        priority=1,
        memory_mb=block_memory_mb,
        when=has_coast,
        keys=(
            *CLEAR_PIXEL_KEYS,
            "masks.radar_edge_m",
            "masks.coastline",
            *(f"coastline.tide_{n}" for n in ("window", "time_zone", "msl_m")),
            "coastline.level",
            "coastline.min_dates",
            "coastline.min_contrast",
        ),
        tables=sensor_tables,
        reads=lambda p: [*chips(p), p.layout.tiles],
        side_files=lambda p: [*_tables(p), p.settings.masks.dem],
        writes=lambda p: [p.layout.shore(p.period, p.tile, family) for family in SHORE_SOURCES],
    ),
    Step(
        "coastline",
        "Draw yearly shorelines, cast transects, fit rates.",
        "rs_pipeline.products.coastline.assemble:coastline",
        scope="run",
        final=True,
        when=has_coast,
        keys=("coastline", "units"),
        side_files=lambda p: [*_tables(p), *visit_tables(p.settings)],
        reads=lambda p: [
            p.settings.units.path,
            p.layout.tiles,
            *(file for family in SHORE_SOURCES for file in p.tiles(partial(_shore, p, family))),
            *(p.layout.map(product, label) for product in ("water", "vegetation") for label in p.periods),
        ],
        writes=lambda p: [p.layout.shorelines, p.layout.transects, p.layout.transects.with_suffix(".csv")],
    ),
)


def _shore(place: StepContext, family: str, period: str, tile: str) -> Path:
    return place.layout.shore(period, tile, family)


PRODUCT = Product(
    "coastline",
    40,
    steps=STEPS,
    facts="rs_pipeline.products.coastline.facts:facts",
    indicators="rs_pipeline.products.coastline.indicators:INDICATORS",
    findings="rs_pipeline.products.coastline.findings:shore_findings",
    findings_read=lambda p: [p.layout.transects] if has_coast(p.settings) else [],
    needs_steps=("coastline",),
    of_all_periods=True,
    evidence=_evidence,
    checked_by={"tables.restored_coast": "officially restored coast counts as natural"},
)
