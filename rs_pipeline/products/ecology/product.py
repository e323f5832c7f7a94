"""The ecological index: no map of its own, only indicators from the sums and estimates of other products."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import Product


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    layout, soil = Layout(settings.root), settings.soil
    return [settings.tables.reference_samples, *(layout.land_counties(p) for p in periods), settings.heights[1], soil.erosivity, soil.erodibility]


METHODS = (
    (
        "Ecological index",
        (
            "The change of the index since the baseline is computed from built-up and bare land, permanent water, growing-season cover and soil "
            "loss, each weighted as the index weighs it. Its bounds add up those of these parts. Species, river length, water resources and "
            "pollution are held constant, because no satellite sees them: so a change is given, and never a level."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""

PRODUCT = Product(
    "ecology", 85, facts="rs_pipeline.products.ecology.indicators:facts", indicators="rs_pipeline.products.ecology.indicators:INDICATORS",
    needs_steps=("zonal", "land_zonal"), evidence=_evidence, evidence_maps=("vegetation", "water", "soil_loss"), scenes="optical",
    methods=METHODS,
)  # fmt: skip
