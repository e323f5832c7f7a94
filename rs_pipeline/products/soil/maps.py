"""Bands and style of the map of soil loss."""

from __future__ import annotations

from rs_pipeline.config import Settings
from rs_pipeline.model import Colour, MapBand, Style

SOIL_LOSS = "soil_loss"

BANDS = (
    MapBand("loss_t_km2", "Soil loss by water in a year: R K L S B E T of the Chinese soil loss equation; wind erosion is not included", "t/km2/yr"),
    MapBand("terrain_factor", "L S: length and steepness of slopes, from heights"),
    MapBand("cover_factor", "B E T: plants, measures and tillage, from land class and vegetation cover"),
)

STYLE = Style(
    "Soil loss by water", "loss_t_km2", "ramp",
    (
        Colour(0, "#2f7d4f", "none"), Colour(200, "#cfe3b4", "up to 200 t/km2 a year: slight, tolerated"), Colour(2500, "#f3d36b", "up to 2500: light"),
        Colour(5000, "#e39a3b", "up to 5000: moderate"), Colour(8000, "#c4562f", "up to 8000: intense"), Colour(15000, "#6b1f2a", "up to 15000: very intense, beyond: severe"),
    ),
)  # fmt: skip
"""Stops are the class limits of SL 190-2007."""


def has_heights(settings: Settings) -> bool:
    """Whether a run has heights, and so a map of soil loss."""
    return settings.heights[1] is not None
