"""Accuracy on the page: selected lines of the accuracy table, shipped as ``accuracy.csv``, and the standards of the targets."""

from __future__ import annotations

import csv
import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from rs_pipeline.config import Settings
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.publish.report.estimates import read_targets

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

NUMBERED = re.compile(r"(?:\b(?:GB|HJ|DZ|SL|DB\d*)(?:/T)?|Jiancheng \[\d+\]) \d+(?:-\d{4})?")
"""A standard as it is cited."""


@cache
def accuracy_lines() -> tuple[dict[str, str], ...]:
    """Rows of the shipped table, LINE_COLUMNS, as text."""
    with LINES_PATH.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def standards(settings: Settings) -> dict[str, list[str]]:
    """Topic to the sentences of the run's targets that name a standard of its indicators, each once; empty where there is none."""
    found: dict[str, list[str]] = {topic: [] for topic in Topic}
    for target in read_targets(settings).values():
        sentence = target.get("standard", "")
        for name in filter(None, map(str.strip, target.get("indicator", "").split(";"))):
            topic = PRODUCTS.get(INDICATORS[name].product) if name in INDICATORS else None
            if topic and NUMBERED.search(sentence) and sentence not in found[topic]:
                found[topic].append(sentence)
    return found


def accuracy(settings: Settings) -> list[dict[str, Any]]:
    """Topics of the page: ``topic``, ``lines`` ([kind, label, ours, ours elsewhere, peer, peer's value], None for a number that there is not),
    ``standards`` (numbers of the standards) and ``asked`` (the sentences that name them)."""
    asked = standards(settings)
    return [
        {
            "topic": topic.value,
            "lines": [_line(row) for row in accuracy_lines() if row["topic"] == topic],
            "standards": list(dict.fromkeys(number for sentence in asked[topic] for number in NUMBERED.findall(sentence))),
            "asked": asked[topic],
        }
        for topic in Topic
    ]


def _line(row: dict[str, str]) -> list[str | float | None]:
    return [*(row[name] if name in ("kind", "label", "peer") else float(row[name]) if row[name] else None for name in LINE_COLUMNS[1:])]
