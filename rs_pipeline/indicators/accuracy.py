"""Accuracy of the products: selected lines of the accuracy table, shipped as ``accuracy.csv``, for the page and `indicators.explain`."""

from __future__ import annotations

import csv
from enum import StrEnum
from functools import cache
from pathlib import Path

LINES_PATH = Path(__file__).with_name("accuracy.csv")
"""Made from ``tests/accuracy/table.csv`` by ``python -m benchmarks.accuracy``, which chooses the lines (``benchmarks/accuracy/pages.py``)."""

LINE_COLUMNS = ("topic", "kind", "label", "ours", "ours_elsewhere", "peer", "peer_value")
"""``ours_elsewhere`` is ours on the other simulated worlds; ``peer`` and ``peer_value`` are the best other method on the data of ``ours``. Numbers are
empty where there is none."""

MEASURED_ON = ("real", "simulated, held out", "simulated")
"""What a line was measured on, in the order in which it is shown."""


class Topic(StrEnum):
    """In the order of the page."""

    REFLECTANCE = "Reflectance"
    VEGETATION = "Vegetation cover"
    WATER = "Water"
    BLACK_ODOROUS = "Black-odorous water"
    COAST = "Coastline"
    LAND = "Land cover"
    SOIL = "Soil loss"
    HEAT = "Surface temperature"
    FINDINGS = "Suspected findings"
    VERDICTS = "Intervals and verdicts"


PRODUCTS = {
    "vegetation": Topic.VEGETATION, "water": Topic.WATER, "black_odorous": Topic.BLACK_ODOROUS, "coastline": Topic.COAST, "land": Topic.LAND, "red_line": Topic.LAND, "places": Topic.LAND, "soil": Topic.SOIL,
    "ecology": Topic.LAND, "dust": Topic.LAND, "solar": Topic.LAND, "heat": Topic.HEAT, "spartina": Topic.COAST,
}  # fmt: skip
"""Product to its topic. Converted land in the red line and in watched places belongs to land cover, because it is computed from it; the ecological index counts
land cover most."""


@cache
def accuracy_lines() -> tuple[dict[str, str], ...]:
    """Rows of the shipped table, LINE_COLUMNS, as text."""
    with LINES_PATH.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def lines_of(topic: str | None) -> list[dict[str, str | float | None]]:
    """Lines of a topic, in order, with the names of LINE_COLUMNS; None for a number that there is not. None of a product without a topic."""
    return [{name: _cell(name, row[name]) for name in LINE_COLUMNS[1:]} for row in accuracy_lines() if row["topic"] == topic]


def _cell(name: str, text: str) -> str | float | None:
    return text if name in ("kind", "label", "peer") else float(text) if text else None
