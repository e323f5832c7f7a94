"""Bands and styles of the maps of vegetation cover."""

from __future__ import annotations

from rs_pipeline.model import Colour, MapBand, Style

COVER = "vegetation"
TREND = "vegetation_trend"

COVER_BANDS = (
    MapBand("fvc_peak", "Fractional vegetation cover at the peak: a high percentile of the peak window"),
    MapBand("fvc_growing", "Fractional vegetation cover of the growing season: mean in time"),
    MapBand("fvc_peak_sigma", "Standard error of the peak: of the network on simulated canopies, or from the endmembers and the noise of NDVI"),
    MapBand("fvc_spring_peak", "Cover at the peak of the spring crop's window; of double-cropped land the first of two peaks"),
    MapBand("fvc_summer_peak", "Cover at the peak of the summer crop's window; of double-cropped land the second of two peaks"),
)

COVER_STYLE = Style(
    "Vegetation cover at the peak", "fvc_peak", "ramp",
    (
        Colour(0.0, "#f3e8c4", "0 % bare"), Colour(0.25, "#dbd98a", "25 %"), Colour(0.5, "#a3c45a", "50 %"),
        Colour(0.75, "#4f9a3c", "75 %"), Colour(1.0, "#0f5a2b", "100 % covered"),
    ),
)  # fmt: skip

TREND_BANDS = (
    MapBand("slope_per_year", "Trend of peak vegetation cover: median of the slopes of all pairs of years (Theil 1950, Sen 1968)", "1/yr"),
    MapBand("slope_lower", "Lower 95 % bound of the trend, serial correlation accounted for", "1/yr"),
    MapBand("slope_upper", "Upper 95 % bound of the trend, serial correlation accounted for", "1/yr"),
    MapBand("p_value", "Two-sided p of the Mann-Kendall test, serial correlation accounted for"),
    MapBand("n_years", "Years with a value", "count"),
)
"""Trend of a tile, in file order."""

TREND_CLASS = MapBand("class", "-1 browning, 0 no trend, 1 greening, with false discoveries controlled over the whole region", "class")
"""The band that the region's map of trends has beside those of the tiles."""

TREND_STYLE = Style(
    "Trend of vegetation cover", "class", "classes",
    (Colour(-1, "#a6611a", "browning"), Colour(0, "#e6e6e2", "no trend shown", 90), Colour(1, "#018571", "greening")),
)  # fmt: skip
