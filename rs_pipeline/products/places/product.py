"""Watched places: polygons of many kinds from one table, each described in every period, and indicators by kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import Product, Step, shipped, visit_tables


def _has_places(settings: Settings) -> bool:
    return settings.tables.places is not None


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    layout = Layout(settings.root)
    table = settings.tables.reserves if indicator == "reserve_share" else settings.tables.places
    visits = visit_tables(settings) if indicator.endswith("_converted_area") else []
    drawn = [layout.settlements] if indicator == "village_green_cover" else []
    return [table, *visits, *drawn, *(layout.land_counties(p) for p in periods), *(layout.land_changes(p) for p in periods[-1:])]


STEPS = (
    Step(
        "places",
        "Estimate the indicators of each watched place; write places.csv, places.gpkg and events.csv.",
        "rs_pipeline.products.places.table:watched_places",
        scope="run",
        final=True,
        when=_has_places,
        keys=("indicators", "trend", "baseline", "units", "province"),
        side_files=lambda p: [p.settings.tables.places, p.settings.targets_path],
        tables=lambda s: shipped("errors.csv", "land.json"),
        reads=lambda p: [
            *(p.layout.place_sums(label) for label in p.periods),
            *(p.layout.place_land(label) for label in p.periods),
            p.layout.findings,
            p.layout.bodies,
            p.layout.quality,
            p.layout.scenes,
            p.layout.tiles,
            p.settings.units.path,
        ],
        writes=lambda p: [p.layout.places_table, p.layout.place_events, p.layout.places],
    ),
)

PRODUCT = Product(
    "places",
    80,
    steps=STEPS,
    facts="rs_pipeline.products.places.indicators:facts",
    indicators="rs_pipeline.products.places.indicators:INDICATORS",
    needs_steps=("zonal", "land_zonal", "settlements"),
    evidence=_evidence,
    evidence_maps=("vegetation", "water"),
)
