"""Band and style of the map of solar arrays."""

from __future__ import annotations

from rs_pipeline.model import Colour, MapBand, Style

SOLAR = "solar"

BANDS = (MapBand("share", "Expected share of the pixel that is ground-mounted solar arrays; trained on simulated arrays, and on real pixels without any"),)

STYLE = Style(
    "Solar arrays", "share", "ramp",
    (Colour(0, "#f7f7f2", "none"), Colour(0.5, "#c3a6d8", "half of the pixel"), Colour(1, "#4b1d7a", "all of the pixel")),
)  # fmt: skip
