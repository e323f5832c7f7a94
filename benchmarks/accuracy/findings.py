"""Fit the weights of land findings on development worlds: ``python -m benchmarks.accuracy.findings``.

The worlds are ERROR_WORLDS; `validation.findings.true_on_land` decides which events are true. Every world is predicted by weights
fitted without it; those figures are printed beside the weights, which `products.land.findings.EVENT_WEIGHTS` holds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.accuracy.measure import run_chain
from benchmarks.accuracy.worlds import ERROR_WORLDS, Recipe
from rs_pipeline.config import load, parse
from rs_pipeline.products.land.findings import LISTED_PROBABILITY, event_features, events
from rs_pipeline.validation.findings import pixels_of, true_on_land
from rs_pipeline.validation.truth import Truth

FEATURES = ("one", "sure", "size")
ZONES = ("red_line", "reserves", "mines")
RIDGE = 0.1
"""Ridge penalty on the weight of a feature, in events."""


def world_events(recipe: Recipe, work: Path) -> pd.DataFrame:
    """Events of a world: features (n, 3) and whether each is true; a world that was kept in ``work`` is not run again."""
    kept = work / recipe.name / "results" / "world" / "config.yaml"
    world = work / recipe.name / "world"
    settings = load(kept) if kept.exists() else run_chain(recipe, work)
    values = settings.model_dump(mode="json")
    values["tables"] |= {key: str(path) for key in ZONES if (path := world / f"{key}.gpkg").exists()}
    found, truth = events(parse(values)), Truth(world / "truth")
    features = [event_features(sure, pixels_of(g, truth).sum()) for sure, g in zip(found.lower / found.amount, found.geometry, strict=True)]
    return pd.DataFrame(
        {
            "world": recipe.name,
            **dict(zip(FEATURES, np.reshape(features, (-1, 3)).T, strict=True)),
            "true": true_on_land(found, truth, int(settings.all_periods[-1].label), int(settings.all_periods[0].label)),
        }
    )


def fitted(table: pd.DataFrame) -> np.ndarray:
    """Weights of one, sure and size, float64 (3,), by penalised maximum likelihood."""
    x, y = table[list(FEATURES)].to_numpy("float64"), table.true.to_numpy("float64")
    return minimize(lambda w: (np.logaddexp(0, x @ w) - y * (x @ w)).sum() + RIDGE * (w[1:] ** 2).sum(), np.zeros(3)).x


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.findings", description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=Path("results/errors"), help="where worlds and runs are made, or were kept by benchmarks.accuracy.errors --keep"
    )
    work = parser.parse_args().work.resolve()
    table = pd.concat([world_events(recipe, work) for recipe in ERROR_WORLDS], ignore_index=True)
    p = np.zeros(len(table))
    for world in table.world.unique():
        mine = (table.world == world).to_numpy()
        p[mine] = expit(table[mine][list(FEATURES)].to_numpy("float64") @ fitted(table[~mine]))
    listed = p >= LISTED_PROBABILITY
    print("weights:", ", ".join(f"{w:.3f}" for w in fitted(table)))
    print(
        f"{table.true.sum()} of {len(table)} events true; listed {listed.sum()}, of these true {table.true[listed].sum()}; Brier {((p - table.true) ** 2).mean():.3f}"
    )


if __name__ == "__main__":
    main()
