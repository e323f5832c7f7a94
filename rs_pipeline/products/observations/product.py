"""Clear observations: how often the ground was seen."""

from __future__ import annotations

from rs_pipeline.model import Colour, MapBand, Style
from rs_pipeline.products.register import OBSERVE, Product, RegionMap

BANDS = (
    MapBand("scenes", "Optical passes that hold data: one platform on one day", "count"),
    MapBand("clear_water", "Clear dates used for water", "count"),
    MapBand("clear_months", "Months with a vote on water", "count"),
    MapBand("clear_peak", "Clear dates in the vegetation peak window", "count"),
    MapBand("clear_growing", "Clear dates in the growing season", "count"),
    MapBand(
        "cover_unknown",
        "Clear dates left out of vegetation cover: a spectrum unlike any the networks know, or much darker than the pixel is otherwise",
        "count",
    ),
    MapBand("radar_months", "Months decided by radar alone", "count"),
)

STYLE = Style(
    "Clear observations", "clear_water", "ramp",
    (
        Colour(0, "#3b0f4f", "0 dates"), Colour(6, "#8a3b6b", "6"), Colour(15, "#d9775f", "15"),
        Colour(30, "#f7c873", "30"), Colour(60, "#fcf7d0", "60 and more"),
    ),
)  # fmt: skip

PRODUCT = Product(
    "observations",
    60,
    maps=(RegionMap("observations", BANDS, STYLE, OBSERVE, is_quality=True),),
    county_maps=("observations",),
    county_sums="rs_pipeline.products.observations.county:county_sums",
)
