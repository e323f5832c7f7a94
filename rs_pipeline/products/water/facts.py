"""What the indicators of water need besides county sums: the bodies, and whether lakes are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, read_layer
from rs_pipeline.layout import Layout

TLI_PER_LN = 10.86
"""Change of the trophic level index with the natural logarithm of chlorophyll."""


def read_bodies(path: Path, min_area_m2: float) -> pd.DataFrame | None:
    """Inland water bodies with ``large`` (of at least that area in the period) and ``counted`` (in some period) as bool: an unseen body may still be a large one."""
    table = read_layer(path, "bodies")
    if table is None:
        return None
    if "kind" in table:
        table = table[table.kind != "sea"].copy()
    return table.assign(counted=table.counted.astype(bool), large=table.area_m2 >= min_area_m2)


def read_quality(path: Path, bodies: pd.DataFrame | None) -> pd.DataFrame | None:
    """Counted inland bodies of a period with their trophic level, ``adcode``, ``period``, ``area_m2``, ``tli_chlorophyll`` and
    ``tli_sigma`` (NaN where not known) and ``trophic_state``; None where the run made no such table."""
    if bodies is None or not path.exists():
        return None
    known = pd.read_parquet(path, columns=["body_id", "period", "tli_chlorophyll", "tli_sigma", "trophic_state"])
    keys = {"body_id": "object", "period": "object"}  # an empty layer has no columns of text
    return bodies.loc[bodies.large, ["body_id", "period", "adcode", "area_m2"]].astype(keys).merge(known.astype(keys), "left", list(keys))


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``bodies``: rows of the unit and period, None where the run made no such layer; ``quality``: likewise, see `read_quality`; ``has_lakes``: outlines of
    lakes are given; ``has_coast``: the run has a coast."""
    layout = Layout(settings.root)
    bodies = read_bodies(layout.bodies, settings.water.min_reported_area_m2)
    return {
        "bodies": ByUnit(bodies, settings).of,
        "quality": ByUnit(read_quality(layout.quality, bodies), settings).of,
        "has_lakes": lambda adcode, period: settings.tables.lakes is not None,
        "has_coast": lambda adcode, period: settings.coastline is not None,
    }
