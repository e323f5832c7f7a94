"""What the indicators of the coast are computed from: the transects, and the official length of the coast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, marked_layer
from rs_pipeline.layout import Layout
from rs_pipeline.products.coastline.shoreline import HEIGHT_ERROR_M, TIDE_M_PER_M
from rs_pipeline.products.coastline.transects import newest_shores

NO_TIDE = (
    f"no tide (coastline.tide_table is not given): lines stand for the water level at the passes, {HEIGHT_ERROR_M['instantaneous']:g} m in error and so "
    f"{HEIGHT_ERROR_M['instantaneous'] * TIDE_M_PER_M:g} m in position on a slope of {1 / TIDE_M_PER_M:g}, more on flats"
)
"""The error of a coast without a tide table in words, 1 sigma."""


RESTORED_WITHIN_M = 100.0
"""A shore this near to restored coast counts as restored, because outlines are drawn from other images."""


def _is_restored(transects: gpd.GeoDataFrame, coast: BaseGeometry) -> np.ndarray:
    """Whether the newest shore of each transect, or its middle where none was found, lies within RESTORED_WITHIN_M of the coast, bool (n,)."""
    return shapely.dwithin(newest_shores(transects), coast, RESTORED_WITHIN_M)


def read_transects(settings: Settings) -> pd.DataFrame | None:
    """Transects; with restored coast also ``restored`` (bool): it lies within RESTORED_WITHIN_M of the transect's shore."""
    return marked_layer(Layout(settings.root).transects, "transects", settings, "restored_coast", "restored", _is_restored)


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``transects``: rows of the unit, all periods, None where the run made none; ``official_coast_km``: None where the configuration gives none;
    ``tide_doubt``: the error without a tide table in words; empty with one."""
    official, coast = settings.indicators.official_coast_km, settings.coastline
    doubt = NO_TIDE if coast is not None and coast.tide_table is None else ""
    return {
        "transects": ByUnit(read_transects(settings), settings).of,
        "official_coast_km": lambda adcode, period: official.get(adcode),
        "tide_doubt": lambda adcode, period: doubt,
    }
