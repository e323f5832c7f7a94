"""The ecological red line: the area of the polygons that are supplied."""

from __future__ import annotations

from rs_pipeline.layout import Layout
from rs_pipeline.products.register import Product

PRODUCT = Product(
    "red_line",
    50,
    facts="rs_pipeline.products.red_line.indicators:facts",
    indicators="rs_pipeline.products.red_line.indicators:INDICATORS",
    needs_steps=("bodies",),
    evidence=lambda settings, indicator, periods: [settings.tables.red_line, Layout(settings.root).bodies],
    scenes="none",
)
