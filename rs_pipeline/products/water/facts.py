"""What the indicators of water need besides county sums: the bodies, and whether lakes are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, read_layer
from rs_pipeline.layout import Layout


def read_bodies(path: Path, min_area_m2: float) -> pd.DataFrame | None:
    """Inland water bodies with ``large`` (of at least that area in the period) and ``counted`` (in some period) as bool: an unseen body may still be a large one."""
    table = read_layer(path, "bodies")
    if table is None:
        return None
    if "kind" in table:
        table = table[table.kind != "sea"].copy()
    return table.assign(counted=table.counted.astype(bool), large=table.area_m2 >= min_area_m2)


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``bodies``: rows of the unit and period, None where the run made no such layer; ``has_lakes``: outlines of lakes are given; ``has_coast``: the
    sea was looked for."""
    return {
        "bodies": ByUnit(read_bodies(Layout(settings.root).bodies, settings.water.min_reported_area_m2), settings).of,
        "has_lakes": lambda adcode, period: settings.tables.lakes is not None,
        "has_coast": lambda adcode, period: settings.coastline is not None,
    }
