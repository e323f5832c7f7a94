"""What the indicators of black-odorous water need besides county sums: the reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, marked_layer
from rs_pipeline.layout import Layout
from rs_pipeline.products.settlements import Settlement, kinds_near, rule_in_words

TOWN_EDGE_M = 100.0
"""A reach whose middle is this near to a town is urban: its own water is no built-up ground."""


def read_reaches(settings: Settings) -> pd.DataFrame | None:
    """Reaches of all periods, with the column ``place``: urban where the middle of the reach lies in a town, else rural, empty where that is not known. Towns are
    those of tables.urban; without it those of the map of settlements, with the ground within TOWN_EDGE_M."""
    path = Layout(settings.root).reaches
    if settings.tables.urban is not None:
        table = marked_layer(path, "reaches", settings, "urban", "urban", lambda reaches, towns: reaches.centroid.within(towns))
        return None if table is None else table.assign(place=np.where(table.pop("urban"), "urban", "rural"))
    if not path.exists():
        return None
    reaches = pyogrio.read_dataframe(path, layer="reaches")
    return pd.DataFrame(reaches.assign(place=_by_settlements(settings, reaches)).drop(columns="geometry"))


def _by_settlements(settings: Settings, reaches: gpd.GeoDataFrame) -> list[str]:
    """``place`` of `read_reaches` by the map of settlements; empty where the run made none."""
    middles = reaches.centroid
    if not Layout(settings.root).settlements.exists():
        return [""] * len(reaches)
    kinds = kinds_near(settings, np.column_stack([middles.x, middles.y]), TOWN_EDGE_M)
    return ["" if np.isnan(kind) else "urban" if kind == Settlement.TOWN else "rural" for kind in kinds]


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``reaches``: rows of the unit and period; None where the run made no such layer. ``towns_drawn``: how the run draws towns, empty where tables.urban has them."""
    words = "" if settings.tables.urban is not None else rule_in_words(settings)
    return {"reaches": ByUnit(read_reaches(settings), settings).of, "towns_drawn": lambda adcode, period: words}
