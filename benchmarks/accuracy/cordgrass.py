"""Choose the limits of cordgrass on the worlds of CORDGRASS_TUNING (development seeds): ``python -m benchmarks.accuracy.cordgrass``.

Prints the limits with the largest F1 over all worlds and years, for GREEN_LIMITS of `products.spartina.evidence`. One limit at a time is moved over STEPS until
none improves.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.measure import run_chain
from benchmarks.accuracy.worlds import CORDGRASS_TUNING
from benchmarks.baselines.scenes import place
from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.seasons import LATE_AUTUMN, tile_statistics
from rs_pipeline.products.spartina.evidence import GREEN_LIMITS, LEAST_LATE_DATES, late_green_margin, quantities
from rs_pipeline.tiles import read_tiles
from rs_pipeline.validation.run import mapped_cordgrass, year_labels
from rs_pipeline.validation.spartina import CORDGRASS
from rs_pipeline.validation.truth import Truth

STEPS = {
    "late": np.arange(0.20, 0.56, 0.01), "colour": np.arange(-0.12, 0.06, 0.01), "peak": np.arange(0.30, 0.76, 0.01), "spring": np.arange(0.10, 0.51, 0.01),
    "winter": np.arange(0.08, 0.51, 0.01), "wet": np.arange(-0.30, 0.31, 0.01),
}  # fmt: skip
"""Values to try of each limit."""

Sample = dict[str, np.ndarray]
"""Quantities, and ``share``, the true share of cordgrass, of the seen pixels of tidal ground; float32 (n,)."""


def sample_of(settings: Settings, truth: Truth, label: str, year: int) -> Sample:
    """The seen pixels of tidal ground of a run and period."""
    found = {name: np.full(truth.grid.shape, np.nan, "float32") for name in GREEN_LIMITS}
    for tile in read_tiles(settings):
        layers = {name: np.full(tile.grid.shape, np.nan, "float32") for name in GREEN_LIMITS}

        def use(inside, seasons, layers=layers):
            seen = seasons.greenest_in(LATE_AUTUMN).n_dates >= LEAST_LATE_DATES
            for name, values in quantities(seasons).items():
                layers[name][inside] = np.where(seen, values, np.nan)

        tile_statistics(settings, load_chips(settings, tile.id, label), tile.grid, use)
        for name, values in layers.items():
            place(values, tile.grid, found[name], truth.grid)
    _, ground = mapped_cordgrass(Layout(settings.root), truth, settings, label)
    seen = ground & np.all([np.isfinite(v) for v in found.values()], axis=0)
    return {name: values[seen] for name, values in found.items()} | {"share": truth.share(year, CORDGRASS)[seen]}


def pooled_f1(limits: Mapping[str, float], samples: Sequence[Sample]) -> float:
    """F1 by area over all samples."""
    hit = mapped = truly = 0.0
    tried = {name: replace(limit, value=limits[name]) for name, limit in GREEN_LIMITS.items()}
    for s in samples:
        margin = late_green_margin(s, tried)
        inside = margin >= 0
        hit, mapped, truly = hit + float(s["share"][inside].sum()), mapped + float(inside.sum()), truly + float(s["share"][np.isfinite(margin)].sum())
    return 2 * hit / (mapped + truly)


def best_limits(samples: Sequence[Sample]) -> dict[str, float]:
    """Limits from which no single step of one of them gives a larger F1. Of equal ones, the middle is taken."""
    limits, best = {name: limit.value for name, limit in GREEN_LIMITS.items()}, -1.0
    while True:
        before = best
        for name, values in STEPS.items():
            scores = np.array([pooled_f1(limits | {name: v}, samples) for v in values])
            good = values[scores >= scores.max() - 1e-4]
            limits[name], best = round(float(good[len(good) // 2]), 2), float(scores.max())
        if best <= before + 1e-4:
            return limits


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.cordgrass", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("results/accuracy"), help="where worlds and runs are made")
    options = parser.parse_args()
    samples = []
    for recipe in CORDGRASS_TUNING:
        settings, truth = run_chain(recipe, options.work), Truth(options.work / recipe.name / "world" / "truth")
        samples += [sample_of(settings, truth, label, year) for label, year in year_labels(settings, truth).items()]
    limits = best_limits(samples)
    print(f"F1 {pooled_f1(limits, samples):.3f} with {limits}")


if __name__ == "__main__":
    main()
