"""Attacks on the network cost of a run: a plan that is wrong, and scenes that are opened repeatedly."""

from __future__ import annotations

from pathlib import Path

from benchmarks.attack import Attack
from tests.operations.test_plan import pay


def planned_and_paid(folder: Path) -> str:
    _, plan, searched, fetched, _ = pay(folder)
    told, took = (plan.total("requests"), plan.total("network_bytes")), (searched[0] + fetched[0], searched[1] + fetched[1])
    off = [a / b - 1 for a, b in zip(told, took, strict=True)]
    assert max(map(abs, off)) <= 0.2, (told, took)
    return f"{took[0]} requests and {took[1] / 1e6:.1f} MB were paid; the plan was {off[0]:+.0%} and {off[1]:+.0%} off"


def searched_twice(folder: Path) -> str:
    *_, searched, _, again = pay(folder)
    assert again[0] == 6, again
    return f"the first search of 6 scenes asked {searched[0]} times for {searched[1] / 1e6:.1f} MB, the second {again[0]} times for {again[1]} bytes"


ATTACKS = (
    Attack("planned and paid", "the plan's requests and bytes are within a fifth of what a served run takes", planned_and_paid),
    Attack("searched twice", "a second search opens no scene whose content is known", searched_twice),
)
