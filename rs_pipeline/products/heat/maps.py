"""Bands and style of the map of surface temperature, and its zones."""

from __future__ import annotations

from enum import IntEnum

from rs_pipeline.config import Settings
from rs_pipeline.model import Colour, MapBand, Style

HEAT = "heat"


class Zone(IntEnum):
    """Values of the band ``zone``; NaN where the land class is not known."""

    OTHER = 0
    """Wetland, bare ground, roads and scattered houses, and land that is no reference: near built-up land, or of another height."""
    RURAL = 1
    """The reference: cropland, grass and trees away from built-up land and of its height."""
    BUILT = 2
    """Built-up land that fills at least half of the sensor's pixels. The temperature of narrower pieces is mostly that of what lies beside them."""
    WATER = 3


BANDS = (
    MapBand("anomaly_k", "Surface temperature at about 10:30 above that of the tile's rural land on the same dates: mean of the season's clear dates", "K"),
    MapBand("error_k", "Standard error of that mean, from the scatter over its dates or from ST_QA, whichever is larger", "K"),
    MapBand("n_dates", "Dates with a temperature", "count"),
    MapBand("zone", "0 other land, 1 rural land that is the reference, 2 built-up land in pieces as wide as the sensor's pixels, 3 water", "class"),
)

STYLE = Style(
    "Surface temperature above rural land, summer mornings", "anomaly_k", "ramp",
    (
        Colour(-6, "#2166ac", "6 K cooler and more"), Colour(-3, "#92c5de", "3 K cooler"), Colour(0, "#f7f7f7", "as rural land"),
        Colour(3, "#f4a582", "3 K warmer"), Colour(6, "#d6604d", "6 K warmer"), Colour(10, "#8b1a2b", "10 K warmer and more"),
    ),
)  # fmt: skip


def has_heat(settings: Settings) -> bool:
    """Whether a run makes maps of surface temperature."""
    return settings.heat is not None
