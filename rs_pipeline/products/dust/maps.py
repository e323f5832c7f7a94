"""Bands and style of the map of ground that is bare in spring."""

from __future__ import annotations

from enum import IntEnum

from rs_pipeline.model import Colour, MapBand, Style
from rs_pipeline.products.calendar import SPRING_MONTHS

DUST = "dust"


class Spring(IntEnum):
    """Values of the band of a month; NaN where the month has no clear date."""

    COVERED = 0
    BARE = 1
    """As bare as soil on every clear date of the month. Dry litter and sealed ground look so too."""
    DOUBTFUL = 2
    """Nearer to the limit than its scatter."""


BANDS = tuple(
    band
    for month in SPRING_MONTHS
    for band in (
        MapBand(month, f"{month.title()}: 0 under plants, 1 bare on every clear date (buildings, roads and dry litter look so too), 2 doubtful", "class"),
        MapBand(f"{month}_ndvi", f"NDVI of the greenest clear date of {month.title()}"),
        MapBand(f"{month}_dates", f"Clear dates of {month.title()}", "count"),
    )
)

STYLE = Style(
    "Ground without green plants in April", "april", "classes",
    (
        Colour(Spring.COVERED, "#7fb069", "under green plants", 90), Colour(Spring.BARE, "#b5763a", "bare in April: soil, buildings, roads, dry litter"),
        Colour(Spring.DOUBTFUL, "#e3cfa4", "doubtful"),
    ),
)  # fmt: skip
