"""Bands and styles of the maps of land cover and of settlements."""

from __future__ import annotations

from rs_pipeline.model import Colour, MapBand, Style
from rs_pipeline.products.land.classes import SHARES, Land

LAND = "land"
SETTLEMENTS = "settlements"

BANDS = (
    MapBand("class", ", ".join(f"{c.value} {c.word}" for c in Land) + ": the one with the largest share", "class"),
    MapBand("confidence", "Expected share of that class in the pixel"),
    MapBand("n_dates", "Clear dates", "count"),
    *(
        MapBand(name, f"Expected share of the pixel that is {c.word}; trained on simulated worlds and real pixels")
        for name, c in zip(SHARES, Land, strict=True)
    ),
)

STYLE = Style(
    "Land cover", "class", "classes",
    (
        Colour(1, "#2b6cb0", "water"), Colour(2, "#5ab4ac", "wetland"), Colour(3, "#1b5e20", "tree"), Colour(4, "#a6c96a", "grass"),
        Colour(5, "#f2d16b", "cropland"), Colour(6, "#c0392b", "built"), Colour(7, "#b8a99a", "bare"),
    ),
)  # fmt: skip

SETTLEMENT_BANDS = (MapBand("class", "0 none, 1 village, 2 town, by the size of a patch of built-up ground in the baseline period", "class"),)
SETTLEMENT_STYLE = Style(
    "Settlements of the baseline period", "class", "classes", (Colour(0, "#e6e6e2", "none", 90), Colour(1, "#e69f00", "village"), Colour(2, "#c0392b", "town"))
)  # fmt: skip
