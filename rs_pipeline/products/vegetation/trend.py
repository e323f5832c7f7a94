"""Steps ``trend`` and ``trend-map``: how peak vegetation cover changed over the periods, pixel by pixel, and where the change is significant.

Among millions of pixels without a trend, one in twenty has p < 0.05. The region's map therefore calls a pixel greening or browning only
below a threshold of p. It is set so that at most ``trend.false_discovery_rate`` of the pixels so called are expected to have no trend (Benjamini
and Hochberg 1995). Neighbouring pixels share the weather of a year; the procedure stays valid for fields so correlated (Wilks 2006).

Tested on simulated maps of which a fifth greens by the noise of a year. Of the pixels called, 1-3 % had no trend, whether the noise was correlated
over 10 or 40 pixels or half of it was common to all pixels; 6 % where the noise also had an autocorrelation in time of 0.3. Of the greening pixels,
none were found in 5 years, 10-30 % in 7, 85-90 % in 10. The smallest p of five years, 0.017, is a discovery only if a third of the region has it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
from rasterio.windows import Window
from rs_kernels.trends import N_EXACT, exact_tails, trend_maps

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Tile
from rs_pipeline.products.baselines import of_season
from rs_pipeline.products.vegetation.maps import TREND_BANDS, TREND_CLASS, TREND_STYLE
from rs_pipeline.storage.provenance import FINEST_TAG, merged_tags
from rs_pipeline.storage.qgis import write_style
from rs_pipeline.storage.raster import band_index, open_map, write_cog, write_map
from rs_pipeline.tiles import read_grid, read_tile, read_tiles

log = logging.getLogger(__name__)

P_MIN = 1e-9
"""Smaller p are counted as this one; a series of ten years has none smaller."""

STRIP_PX = 256
"""Rows of a tile that are in memory at once, of all periods."""


def trend(settings: Settings, tile_id: str) -> None:
    """Write the trend of a tile, bands TREND_BANDS: change of cover (0-1) per year with its 95 % interval, p, number of years.

    NaN where fewer than ``trend.min_years`` periods have a value; ``n_years`` is a number everywhere. Left out, and named in the tags and the log, are
    periods whose finest pixels differ in size from those of the last period, and periods of another season: Landsat alone gives peak cover up to 0.09
    lower than Sentinel-2 (simulated, docs/accuracy.md), so that a change of sensor would look like greening.
    """
    layout, tile, periods = Layout(settings.root), read_tile(settings, tile_id), settings.all_periods
    paths = [layout.tile_map(p.label, tile_id, "vegetation") for p in periods]
    years, tails = np.array([p.middle_year for p in periods]), exact_tails(N_EXACT)
    out = np.empty((len(TREND_BANDS), *tile.grid.shape), "float32")
    with ExitStack() as opened:
        sources = [opened.enter_context(open_map(p, tile.grid)) for p in paths]
        same_season = np.isin([p.label for p in periods], [p.label for p in of_season(periods[-1], periods)])
        alike = as_fine_as_the_last([src.tags().get(FINEST_TAG, "nan") for src in sources]) & same_season
        others = ", ".join(p.label for p, same in zip(periods, alike, strict=True) if not same)
        if others:
            log.warning(
                "tile %s: the trend leaves out %s, seen with other pixels than %s or in another season; a series needs one sensor and one season throughout",
                tile_id,
                others,
                periods[-1].label,
            )
        for row in range(0, tile.grid.height, STRIP_PX):
            window = Window(0, row, tile.grid.width, min(STRIP_PX, tile.grid.height - row))
            stack = np.stack([src.read(band_index(src, "fvc_peak"), window=window) for src in sources])
            stack[~alike] = np.nan
            trend_maps(years, stack, settings.trend.min_years, tails, out[:, row : row + STRIP_PX])
    tags = merged_tags(paths)
    scenes = sum(int(merged_tags([p]).get("N_SCENES", 0)) for p in paths)
    tags |= {"PERIODS_LEFT_OUT": others, "PERIOD": f"{periods[0].label} to {periods[-1].label} ({len(periods)} periods)", "N_SCENES": str(scenes)}
    write_map(layout.trend_tile(tile_id), tile.grid, {b.name: v for b, v in zip(TREND_BANDS, out, strict=True)}, TREND_BANDS, tags)


def as_fine_as_the_last(finest_m: list[str]) -> np.ndarray:
    """Which periods have the finest pixel size of the last period that has one, bool (n,). ``finest_m``: the sizes as texts of the tags. Periods without
    a pass (nan) are kept, because they have no cover either.

    >>> as_fine_as_the_last(["30", "nan", "10", "10"]).tolist()
    [False, True, True, True]
    """
    size = np.array(finest_m, "float64")
    known = size[np.isfinite(size)]
    return np.isnan(size) | (size == known[-1]) if known.size else np.ones(size.size, bool)


def p_edges(rate: float) -> np.ndarray:
    """Upper edges of the classes in which p values are counted, 0.4 % apart, up to ``rate``: no larger p can be a discovery."""
    return np.geomspace(P_MIN, rate, int(np.log(rate / P_MIN) / 0.004) + 2)


def discovery_threshold(counts: np.ndarray, n_tests: int, rate: float) -> float:
    """The largest p that is still a discovery at this rate of false ones; 0 where there is none (Benjamini and Hochberg 1995).

    The rule p(k) <= k / m rate, applied to the upper edge of a class of p, so the result is at most 0.4 % too strict, never too lax.

    Parameters
    ----------
    counts : int (edges,), tests in each class of `p_edges` (rate).
    n_tests : m, all tests, those with larger p too.
    """
    edges = p_edges(rate)
    passed = np.flatnonzero((edges * n_tests <= rate * np.cumsum(counts)) & (counts > 0))
    return float(edges[passed[-1]]) if passed.size else 0.0


def count_tests(bands: dict[str, np.ndarray], rate: float) -> tuple[np.ndarray, int]:
    """Tests in each class of `p_edges`, and all tests. A constant series (open water, rock) cannot be a discovery and is no test (Tarone 1990)."""
    moved = (bands["slope_lower"] != 0) | (bands["slope_upper"] != 0)
    p = bands["p_value"][np.isfinite(bands["p_value"]) & moved]
    edges = p_edges(rate)
    place = np.searchsorted(edges, p.astype("float64"))
    return np.bincount(place[place < edges.size], minlength=edges.size), p.size


def trend_class(slope: np.ndarray, p: np.ndarray, threshold: float) -> np.ndarray:
    """-1 browning, 0 no trend shown, 1 greening; NaN where there is no p; float32."""
    found = np.where(p <= threshold, np.sign(slope), 0)
    return np.where(np.isfinite(p), found, np.nan).astype("float32")


def _read(settings: Settings, tile: Tile) -> dict[str, np.ndarray]:
    with open_map(Layout(settings.root).trend_tile(tile.id), tile.grid) as src:
        return dict(zip(src.descriptions, src.read(), strict=True))


def trend_map(settings: Settings) -> None:
    """Write ``maps/vegetation_trend.tif``, the tiles with the band ``class``, and its QGIS style. Only one tile at a time is in memory."""
    layout, tiles, rate = Layout(settings.root), read_tiles(settings), settings.trend.false_discovery_rate
    counted = [count_tests(_read(settings, t), rate) for t in tiles]
    counts, n_tests = np.sum([c for c, _ in counted], axis=0), sum(n for _, n in counted)
    threshold = discovery_threshold(counts, n_tests, rate)

    def pieces() -> Iterator[tuple[Window, np.ndarray]]:
        for tile in tiles:
            bands = _read(settings, tile)
            bands[TREND_CLASS.name] = trend_class(bands["slope_per_year"], bands["p_value"], threshold)
            yield Window(tile.col, tile.row, tile.grid.width, tile.grid.height), np.stack(list(bands.values()))

    tags = merged_tags([layout.trend_tile(t.id) for t in tiles])
    tags |= {"FALSE_DISCOVERY_RATE": f"{rate:g}", "P_THRESHOLD": f"{threshold:.6g}", "N_TESTS": str(n_tests), "MIN_YEARS": str(settings.trend.min_years)}
    write_cog(layout.trend_map, read_grid(settings), pieces(), [*TREND_BANDS, TREND_CLASS], tags, categorical=True)
    write_style(TREND_STYLE, layout.trend_map)
