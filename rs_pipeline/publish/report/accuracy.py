"""Accuracy on the page: the lines of each topic, and the standards of its targets."""

from __future__ import annotations

import re
from typing import Any

from rs_pipeline.config import Settings
from rs_pipeline.indicators.accuracy import PRODUCTS, Topic, lines_of
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.publish.report.estimates import read_targets

NUMBERED = re.compile(r"(?:\b(?:GB|HJ|DZ|SL|DB\d*)(?:/T)?|Jiancheng \[\d+\]) \d+(?:-\d{4})?")
"""A standard as it is cited."""


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
            "lines": [list(line.values()) for line in lines_of(topic)],
            "standards": list(dict.fromkeys(number for sentence in asked[topic] for number in NUMBERED.findall(sentence))),
            "asked": asked[topic],
        }
        for topic in Topic
    ]
