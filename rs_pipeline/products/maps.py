"""What the region's maps hold: one table of bands a product."""

from __future__ import annotations

from rs_pipeline.layout import LAND
from rs_pipeline.products.land.classes import SHARES, Land
from rs_pipeline.storage.raster import MapBand

MAP_BANDS: dict[str, tuple[MapBand, ...]] = {
    "vegetation": (
        MapBand("fvc_peak", "Fractional vegetation cover at the peak: a high percentile of the peak window"),
        MapBand("fvc_growing", "Fractional vegetation cover of the growing season: median in time"),
        MapBand("fvc_peak_sigma", "Standard error of the peak: of the network on simulated canopies, or from the endmembers and the noise of NDVI"),
        MapBand("fvc_spring_peak", "Cover at the peak of the spring crop's window; of double-cropped land the first of two peaks"),
        MapBand("fvc_summer_peak", "Cover at the peak of the summer crop's window; of double-cropped land the second of two peaks"),
    ),
    "water": (
        MapBand("frequency", "Share of the clear months in which the pixel was water"),
        MapBand("class", "0 land, 1 permanent, 2 seasonal, 3 ephemeral water", "class"),
        MapBand("frequency_lower", "Wilson 95 % lower bound of the frequency"),
        MapBand("frequency_upper", "Wilson 95 % upper bound of the frequency"),
        MapBand("permanent_fraction", "Share of the pixel's area that is permanent water"),
        MapBand("plants", "0 open water or land, 1 permanent water with plants on it, 2 paddy: flooded in May or June, then a dense crop", "class"),
    ),
    "black_odorous": (
        MapBand("probability", "Probability of black-odorous water, mean over the dates of the clipped log-odds (suspected, not confirmed)"),
        MapBand("class", "0 not water, 1 clear, 2 possible, 3 suspected, 4 too few dates", "class"),
        MapBand("n_dates", "Dates assessed", "count"),
    ),
    "observations": (
        MapBand("scenes", "Optical scenes that hold data", "count"),
        MapBand("clear_water", "Clear dates used for water", "count"),
        MapBand("clear_months", "Months with a vote on water", "count"),
        MapBand("clear_peak", "Clear dates in the vegetation peak window", "count"),
        MapBand("clear_growing", "Clear dates in the growing season", "count"),
        MapBand("cover_unknown", "Clear dates left out of vegetation cover: a spectrum unlike any the networks know, or much darker than the pixel is otherwise", "count"),
        MapBand("radar_months", "Months decided by radar alone", "count"),
    ),
}
"""Products of the step ``observe`` to their bands, in file order."""

LAND_BANDS: tuple[MapBand, ...] = (
    MapBand("class", ", ".join(f"{c.value} {c.word}" for c in Land) + ": the one with the largest share", "class"),
    MapBand("confidence", "Expected share of that class in the pixel"),
    MapBand("n_dates", "Clear dates", "count"),
    *(MapBand(name, f"Expected share of the pixel that is {c.word}; trained on simulated worlds") for name, c in zip(SHARES, Land, strict=True)),
)
"""Land cover of a period, in file order."""

PERIOD_BANDS = MAP_BANDS | {LAND: LAND_BANDS}
"""Every product that has one map a period to its bands."""

TREND_BANDS: tuple[MapBand, ...] = (
    MapBand("slope_per_year", "Trend of peak vegetation cover: median of the slopes of all pairs of years (Theil 1950, Sen 1968)", "1/yr"),
    MapBand("slope_lower", "Lower 95 % bound of the trend, serial correlation accounted for", "1/yr"),
    MapBand("slope_upper", "Upper 95 % bound of the trend, serial correlation accounted for", "1/yr"),
    MapBand("p_value", "Two-sided p of the Mann-Kendall test, serial correlation accounted for"),
    MapBand("n_years", "Years with a value", "count"),
)
"""Trend of a tile, in file order."""

TREND_CLASS = MapBand("class", "-1 browning, 0 no trend, 1 greening, with false discoveries controlled over the whole region", "class")
"""The band that the region's map of trends has beside those of the tiles."""
