"""`python -m benchmarks.table`: the table of docs/performance.md, in Markdown, from ``benchmarks/latest.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

LATEST = Path(__file__).parent / "latest.json"
STEP_COSTS = "step-costs"
"""Case of the records that `benchmarks.step_costs` writes."""


def row(record: dict) -> str:
    """One measurement as a line of the table; what is missing is a dash.

    >>> row({"name": "a: b", "ours": 2.0, "peer": 8.0, "unit": "s", "ratio": 4.0, "note": ""})
    '| a | b | 2 s | 8 s | 4 × |'
    """
    what, _, peer = record["name"].rpartition(": ") if record["peer"] is not None else (record["name"], "", "–")
    ours = f"{record['ours']:.3g} {record['unit']}" if record["ours"] is not None else "–"
    theirs = f"{record['peer']:.3g} {record['unit']}" if record["peer"] is not None else "–"
    ratio = f"{record['ratio']:.2g} ×" if record["ratio"] is not None else "–"
    return f"| {what} | {peer} | {ours} | {theirs} | {ratio} |"


def table(records: Sequence[dict]) -> str:
    """The whole table with the machines named."""
    head = ["| what | against | ours | theirs | ratio |", "|---|---|---|---|---|"]
    machines = sorted({r["machine"] for r in records})
    return "\n".join([*head, *(row(r) for r in records), "", f"Measured on {'; '.join(machines)}. A ratio above 1 is in our favour."])


def steps_table(records: Sequence[dict]) -> str:
    """What each step costs in a tile-year, the dearest first, and its share of the whole.

    >>> print(steps_table([{"case": "step-costs", "name": "heat: all steps of a tile-year", "ours": 0.5, "peer": 2.0, "machine": "m"}]))
    | step | s a tile-year | share of the whole |
    |---|---|---|
    | heat | 0.5 | 25.0 % |
    | all | 2 | 100 % |
    """
    found = [r for r in records if r["case"] == STEP_COSTS]
    rows = [f"| {r['name'].partition(':')[0]} | {r['ours']:.2g} | {100 * r['ours'] / r['peer']:.1f} % |" for r in found]
    return "\n".join(["| step | s a tile-year | share of the whole |", "|---|---|---|", *rows, f"| all | {found[0]['peer']:.3g} | 100 % |"])


def main() -> None:
    """Print the table of comparisons, and that of the steps."""
    records = json.loads(LATEST.read_text("utf-8"))
    print(table([r for r in records if r["case"] != STEP_COSTS]), steps_table(records), sep="\n\n")


if __name__ == "__main__":
    main()
