"""How the maps are drawn: a style a product."""

from __future__ import annotations

from rs_pipeline.layout import LAND, TREND
from rs_pipeline.storage.qgis import Colour, Style

STYLES: dict[str, Style] = {
    "vegetation": Style(
        "Vegetation cover at the peak", "fvc_peak", "ramp",
        (
            Colour(0.0, "#f3e8c4", "0 % bare"), Colour(0.25, "#dbd98a", "25 %"), Colour(0.5, "#a3c45a", "50 %"),
            Colour(0.75, "#4f9a3c", "75 %"), Colour(1.0, "#0f5a2b", "100 % covered"),
        ),
    ),
    "water": Style(
        "Water", "class", "classes",
        (
            Colour(0, "#e6e6e2", "land", 90), Colour(1, "#0b3c8c", "permanent water"),
            Colour(2, "#3f8fd2", "seasonal water"), Colour(3, "#a9d6f0", "ephemeral water"),
        ),
    ),
    "black_odorous": Style(
        "Black-odorous water", "class", "classes",
        (
            Colour(0, "#e6e6e2", "not water", 90), Colour(1, "#5aa9d6", "clear"), Colour(2, "#e69f00", "possible"),
            Colour(3, "#1a1a1a", "suspected"), Colour(4, "#b7a6c9", "too few dates"),
        ),
    ),
    LAND: Style(
        "Land cover", "class", "classes",
        (
            Colour(1, "#2b6cb0", "water"), Colour(2, "#5ab4ac", "wetland"), Colour(3, "#1b5e20", "tree"), Colour(4, "#a6c96a", "grass"),
            Colour(5, "#f2d16b", "cropland"), Colour(6, "#c0392b", "built"), Colour(7, "#b8a99a", "bare"),
        ),
    ),
    TREND: Style(
        "Trend of vegetation cover", "class", "classes",
        (Colour(-1, "#a6611a", "browning"), Colour(0, "#e6e6e2", "no trend shown", 90), Colour(1, "#018571", "greening")),
    ),
    "observations": Style(
        "Clear observations", "clear_water", "ramp",
        (
            Colour(0, "#3b0f4f", "0 dates"), Colour(6, "#8a3b6b", "6"), Colour(15, "#d9775f", "15"),
            Colour(30, "#f7c873", "30"), Colour(60, "#fcf7d0", "60 and more"),
        ),
    ),
}  # fmt: skip
"""Product to its colours. Blue to orange to black and light to dark stay apart for colour-blind readers."""
