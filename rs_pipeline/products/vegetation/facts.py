"""What the indicators of vegetation cover need besides county sums: trends, plots, and whether grassland is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.vegetation.field_plots import plot_calibrations


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``trend``: the unit's row of counties/vegetation_trend.parquet, None where the run made no map of trends; ``plots``: grassland type to its
    calibration, or to its number of plots where they are too few, None without the table; ``has_grassland``: polygons are given;
    ``min_trend_years`` and ``false_discovery_rate`` of the section ``trend``.
    """
    path, plots, section = Layout(settings.root).trend_counties, plot_calibrations(settings), settings.trend
    trends = {row["adcode"]: row for row in pd.read_parquet(path).to_dict("records")} if path.exists() else {}
    return {
        "trend": lambda adcode, period: trends.get(adcode),
        "plots": lambda adcode, period: plots,
        "has_grassland": lambda adcode, period: settings.tables.grassland is not None,
        "min_trend_years": lambda adcode, period: section.min_years,
        "false_discovery_rate": lambda adcode, period: section.false_discovery_rate,
    }
