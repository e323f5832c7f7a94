"""Bands and style of the map of ground that is green like cordgrass."""

from __future__ import annotations

from enum import IntEnum

from rs_pipeline.model import Colour, MapBand, Style

SPARTINA = "spartina"


class LateGreen(IntEnum):
    """Values of the band ``class``; NaN where late autumn, winter or spring was not seen."""

    OTHER = 0
    LIKE = 1
    """Green in late autumn, not in winter and spring, as cordgrass is. It is cordgrass only at the edge of the sea."""
    DOUBTFUL = 2
    """Outside the limits, by less than the scatter of cordgrass."""


BANDS = (
    MapBand("class", "0 other ground, 1 green in late autumn like cordgrass, 2 doubtful; it is cordgrass only at the edge of the sea", "class"),
    MapBand("margin", "How far inside the limits of cordgrass, in units of the scatter of its pixels; below 0 outside"),
    MapBand("late_ndvi", "NDVI of the greenest date of late autumn"),
    MapBand("n_dates", "Clear dates of late autumn (15 October to 20 November)", "count"),
)

STYLE = Style(
    "Green like cordgrass in late autumn", "class", "classes",
    (
        Colour(LateGreen.OTHER, "#e9e6df", "other ground", 90), Colour(LateGreen.LIKE, "#7a1fa2", "green like cordgrass: cordgrass at the edge of the sea"),
        Colour(LateGreen.DOUBTFUL, "#cfa6e0", "doubtful"),
    ),
)  # fmt: skip
