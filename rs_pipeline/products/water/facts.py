"""What the indicators of water need besides county sums: the bodies, and whether lakes are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, read_layer
from rs_pipeline.layout import Layout


def read_bodies(path: Path) -> pd.DataFrame | None:
    """Inland water bodies with ``counted`` and ``ever_counted`` (in some period) as bool: an unseen body may still be a large one."""
    table = read_layer(path, "bodies")
    if table is None:
        return None
    if "kind" in table:
        table = table[table.kind != "sea"].copy()
    table["counted"] = table.counted.astype(bool)
    return table.assign(ever_counted=table.groupby("body_id").counted.transform("max"))


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``bodies``: rows of the unit and period, None where the run made no such layer; ``has_lakes``: outlines of lakes are given; ``has_coast``: the
    sea was looked for."""
    return {
        "bodies": ByUnit(read_bodies(Layout(settings.root).bodies), settings).of,
        "has_lakes": lambda adcode, period: settings.tables.lakes is not None,
        "has_coast": lambda adcode, period: settings.coastline is not None,
    }
