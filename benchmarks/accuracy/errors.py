"""Make config/errors.csv, the systematic part of the error model: ``python -m benchmarks.accuracy.errors``.

Runs the worlds of ERROR_WORLDS, and those of OWN_ERROR_WORLDS for the indicators that need grounds of their own (development seeds), and fits the error that the pixels' errors do not
explain. Run it again when a product changes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from benchmarks.accuracy.measure import ROOT, run_chain
from benchmarks.accuracy.worlds import ERROR_WORLDS, OWN_ERROR_WORLDS, Recipe
from rs_pipeline.validation.errors import observed_errors, systematic_part
from rs_pipeline.validation.truth import Truth

PATH = ROOT / "config" / "errors.csv"


def errors_of(recipe: Recipe, work: Path, keep: bool) -> pd.DataFrame:
    """Errors of one world with the column ``world``."""
    settings = run_chain(recipe, work)
    table = observed_errors(settings, Truth(work / recipe.name / "world" / "truth")).assign(world=recipe.name)
    if not keep:
        shutil.rmtree(work / recipe.name)
    return table


def of_their_worlds(table: pd.DataFrame) -> pd.DataFrame:
    """Errors (columns ``world``, ``indicator``) of the indicators of OWN_ERROR_WORLDS in those worlds, and of all others in the rest."""
    wanted = pd.Series(False, table.index)
    other = pd.Series(True, table.index)
    for prefix, recipes in OWN_ERROR_WORLDS.items():
        there, own = table.world.isin([r.name for r in recipes]), table.indicator.str.startswith(prefix)
        wanted |= there & own
        other &= ~there & ~own
    return table[wanted | other]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.errors", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="worlds at once, one core and about 1.5 GB each")
    parser.add_argument("--work", type=Path, default=Path("results/errors"), help="where worlds and runs are made")
    parser.add_argument("--out", type=Path, default=PATH)
    parser.add_argument("--keep", action="store_true", help="leave worlds and runs on the disk")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        recipes = [*ERROR_WORLDS, *(r for own in OWN_ERROR_WORLDS.values() for r in own)]
        jobs = [pool.submit(errors_of, recipe, options.work, options.keep) for recipe in recipes]
        table = pd.concat([job.result() for job in jobs], ignore_index=True)
    systematic_part(of_their_worlds(table)).to_csv(options.out, index=False, float_format="%.4g", lineterminator="\n")
    print(f"{len(table)} errors of {table.world.nunique()} worlds, {options.out} written")


if __name__ == "__main__":
    main()
