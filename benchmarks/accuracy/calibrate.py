"""Fit the probability of a season's evidence on development worlds: ``python -m benchmarks.accuracy.calibrate``.

The worlds are those of seeds 1-99 that hold black-odorous water and its confusers. What is fitted are two numbers, so that a handful
of worlds is enough; each world is also left out once, and the error of its probabilities by the others is printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy.measure import run_chain
from benchmarks.accuracy.worlds import Recipe
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from rs_pipeline.products.black_odorous.field import fit_platt
from rs_pipeline.products.black_odorous.model import ProbabilityCalibration
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.validation import metrics
from rs_pipeline.validation.black_odorous import BLACK_REACH_SHARE, CLEAN_SHARE
from rs_pipeline.validation.black_odorous import label as with_truth
from rs_pipeline.validation.run import read_objects, year_labels
from rs_pipeline.validation.truth import Truth

WORLDS = (
    Recipe("city", 31), Recipe("plain", 32), Recipe("city", 33), Recipe("mudflat", 34), Recipe("plain", 35), Recipe("city", 36),
)  # fmt: skip


def seasons(settings: Settings, truth: Truth, name: str) -> pd.DataFrame:
    """Assessed reaches and years that are black-odorous or clean throughout: world, log_odds, black (bool)."""
    objects = with_truth(read_objects(Layout(settings.root), truth, year_labels(settings, truth)), truth)
    known = objects.assessed & ((objects.black_share >= BLACK_REACH_SHARE) | (objects.black_share < CLEAN_SHARE))
    return pd.DataFrame({"world": name, "log_odds": objects.log_odds, "black": objects.black_share >= BLACK_REACH_SHARE})[known]


def fit(table: pd.DataFrame) -> ProbabilityCalibration:
    """The calibration of all worlds of ``table``."""
    made = fit_platt(table.log_odds.to_numpy(), table.black.to_numpy(), f"simulated worlds {', '.join(sorted(table.world.unique()))}")
    return replace(made, **{name: float(f"{getattr(made, name):.4g}") for name in ("slope", "intercept", "prevalence")})


def left_out(table: pd.DataFrame) -> dict[str, float]:
    """Expected calibration error of the probabilities that each world gets from all the others."""
    probability = pd.Series(np.nan, table.index)
    for _, mine in table.groupby("world"):
        others = table.drop(mine.index)
        probability[mine.index] = fit(others).probability(mine.log_odds)
    return {
        "calibration_error": metrics.expected_calibration_error(probability, table.black),
        "roc_auc": metrics.roc_auc(table.log_odds, table.black),
        "recall_at_1%_false_alarms": metrics.recall_at_false_alarms(table.log_odds, table.black, 0.01),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the worlds and their runs")
    args = parser.parse_args(argv)
    parts = []
    for recipe in WORLDS:
        settings = run_chain(recipe, args.work)
        parts.append(seasons(settings, Truth(args.work / recipe.name / "world" / "truth"), recipe.name))
    table = pd.concat(parts, ignore_index=True)
    print(json.dumps(left_out(table), indent=1))
    path = config_folder() / "black_odorous.json"
    content = json.loads(path.read_text("utf-8")) | {"calibration": asdict(fit(table))}
    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
