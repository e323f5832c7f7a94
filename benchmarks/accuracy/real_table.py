"""Rows of the accuracy table from real data, and the steps of the chain that the checks on real data run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.table import COLUMNS, SIMULATED_SETS, read_table
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import Settings, parse
from rs_pipeline.model import Tile
from rs_pipeline.region import grid
from rs_pipeline.tiles import read_tiles
from rs_pipeline.validation.metrics import bias, paired, ratio, rmse

Row = dict[str, Any]


class Table:
    """Rows of one data set of others: the data set's name as ``world``, no seeds. Kind ``simulated`` in SIMULATED_SETS, else ``real``."""

    def __init__(self, world: str):
        self.world, self.kind = world, "simulated" if world in SIMULATED_SETS else "real"
        self.rows: list[Row] = []

    def add(self, product: str, metric: str, value: float, *, subset: str, unit: str = "1", method: str = "ours") -> None:
        """Add one figure."""
        values = (product, metric, subset, method, float(value), unit, self.world, "", self.kind)
        self.rows.append(dict(zip(COLUMNS, values, strict=True)))

    def add_log(self, product: str, found: np.ndarray, measured: np.ndarray, *, subset: str, method: str = "ours") -> None:
        """Agreement of positive quantities over decades: r, RMSE and bias of log10, and the share that has an answer."""
        known = np.isfinite(measured) & (measured > 0)
        answered = known & np.isfinite(found) & (found > 0)
        a, b = np.log10(found[answered]), np.log10(measured[answered])
        self.add(product, "r_log10", correlation(a, b), subset=subset, method=method)
        self.add(product, "rmse_log10", rmse(a, b), subset=subset, method=method)
        self.add(product, "bias_log10", bias(a, b), subset=subset, method=method)
        self.add(product, "answered_share", ratio(answered.sum(), known.sum()), subset=subset, method=method)


def committed_rows(world: str) -> list[Row]:
    """Rows of a data set as the committed table has them, for sets that may be missing here."""
    table = read_table()
    return table[table.world == world].to_dict("records")


def correlation(found: np.ndarray, true: np.ndarray) -> float:
    """Pearson's r of the pairs of which both are finite; NaN below three."""
    found, true = paired(found, true)
    return float(np.corrcoef(found, true)[0, 1]) if found.size >= 3 else float("nan")


def mean_absolute_error(found: np.ndarray, true: np.ndarray) -> float:
    """Mean of |found - true| of the pairs of which both are finite."""
    found, true = paired(found, true)
    return float(np.abs(found - true).mean()) if found.size else float("nan")


def share_within(found: np.ndarray, true: np.ndarray, limit: float) -> float:
    """Share of the pairs that differ by at most ``limit``."""
    found, true = paired(found, true)
    return ratio((np.abs(found - true) <= limit).sum(), found.size)


def searched(folder: Path, **values: Any) -> Settings:
    """Settings of a run in ``folder`` whose catalog has been searched and whose grid has been cut."""
    settings = parse({"output": str(folder)} | values)
    search(settings)
    grid(settings)
    return settings


def fetched(folder: Path, period: str, **values: Any) -> tuple[Settings, Tile]:
    """As `searched`, with the chips of the run's only tile."""
    settings = searched(folder, **values)
    (tile,) = read_tiles(settings)
    fetch(settings, tile.id, period)
    return settings, tile
