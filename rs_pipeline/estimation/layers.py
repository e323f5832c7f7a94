"""Rows of vector layers, grouped by unit and period."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyogrio

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.region import families, load_units


def read_layer(path: Path, layer: str) -> pd.DataFrame | None:
    """Attributes of a layer; None where the run did not make the file."""
    return pyogrio.read_dataframe(path, layer=layer, read_geometry=False) if path.exists() else None


def marked_layer(path: Path, layer: str, settings: Settings, table: str, column: str, test: Callable) -> pd.DataFrame | None:
    """A layer without its geometry. Where the side table is given, ``column`` is added: ``test(features, union of the table's shapes)``. None where the run
    did not make the file."""
    side = getattr(settings.tables, table)
    if side is None or not path.exists():
        return read_layer(path, layer)
    features = pyogrio.read_dataframe(path, layer=layer)
    marks = load_vector(settings, f"tables.{table}").to_crs(features.crs).union_all()
    return pd.DataFrame(features.assign(**{column: test(features, marks)}).drop(columns="geometry"))


class ByUnit:
    """Rows of a layer by (adcode, period), or by adcode for a layer without periods. The region has the rows of all units, a unit also those of the units
    within it. Rows outside all units (empty adcode) belong to none."""

    def __init__(self, table: pd.DataFrame | None, settings: Settings):
        self.table = table
        if table is None:
            return
        self.families = families(load_units(settings))
        self.has_period = "period" in table
        table = table.assign(adcode=table.adcode.astype(str))
        table = table[table.adcode.isin(list(self.families))]
        keys = ["adcode", "period"] if self.has_period else ["adcode"]
        self.table = table
        self.groups = table.groupby(keys).indices
        self.whole = table.groupby("period").indices if self.has_period else {}

    def of(self, adcode: str, period: str) -> pd.DataFrame | None:
        if self.table is None:
            return None
        if adcode == REGION:
            return self.table.iloc[self.whole.get(period, [])] if self.has_period else self.table
        parts = [self.groups.get((code, period) if self.has_period else code, []) for code in self.families[adcode]]
        return self.table.iloc[[row for part in parts for row in part]]
