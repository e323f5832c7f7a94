"""Recompute tests/accuracy/table.csv: ``python -m benchmarks.accuracy``."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.accuracy.measure import ROOT, measure, train_forests
from benchmarks.accuracy.pages import put_into_pages
from benchmarks.accuracy.real import real_rows
from benchmarks.accuracy.table import PATH, brought_up_to_date, read_table, simulated_rows, write_table
from benchmarks.accuracy.worlds import ARRAY_WORLDS, CORDGRASS_WORLDS, EVENT_WORLDS, TRAINING, VARIANTS, WORLDS
from benchmarks.baselines.run import FORESTS, usable
from rs_pipeline.errors import PipelineError

REAL = ROOT.parent / "shared" / "real"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="worlds at once, one core and about 1.5 GB each")
    parser.add_argument("--work", type=Path, default=Path("results/accuracy"), help="where worlds and runs are made; finished ones are not made again")
    parser.add_argument("--worlds", nargs="*", default=None, help="only these, for example coast-101; of the table only what rests on them is written")
    parser.add_argument("--methods", nargs="*", default=None, help="baselines to measure; default all that can run here")
    parser.add_argument("--peers", type=Path, default=None, help="environment of the peers, see python -m benchmarks.baselines.peers")
    parser.add_argument("--real", type=Path, default=REAL, help="folder of the real data; their rows are left out where it is missing")
    parser.add_argument("--out", type=Path, default=None, help=f"table to write, default {PATH.relative_to(ROOT)}")
    parser.add_argument("--keep", action="store_true", help="leave worlds and runs on the disk")
    return parser.parse_args()


def main() -> None:
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    methods = tuple(m for m in usable(options.peers) if options.methods is None or m in options.methods)
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{(time.monotonic() - start) / 60:5.1f} min] {text}", flush=True)

    every = (*WORLDS, *VARIANTS, *EVENT_WORLDS, *ARRAY_WORLDS, *CORDGRASS_WORLDS)
    recipes = [w for w in every if options.worlds is None or w.name in options.worlds]
    forests = {}
    if set(methods) & set(FORESTS):
        forests = train_forests(TRAINING, options.work, options.peers)
        say(f"forests trained on {', '.join(r.name for r in TRAINING)}")
    elif options.methods is None:
        say("the peers' environment is missing: CoastSat, DEA and the forests are left out (python -m benchmarks.baselines.peers)")
    measured = {}
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {pool.submit(measure, r, options.work, r.measured_with(methods), forests, options.peers, options.keep): r for r in recipes}
        for job in as_completed(jobs):
            measured[jobs[job]] = job.result()
            say(f"{jobs[job].name} measured, {len(measured)} of {len(recipes)}")
    rows = simulated_rows({r: measured[r] for r in recipes})
    if options.worlds is not None or options.methods is not None:
        rows = brought_up_to_date(read_table(), rows)
    elif options.real.is_dir():
        rows += real_rows(options.real)
    else:
        say(f"no real data in {options.real}: their rows are left out")
    write_table(rows, options.out or PATH)
    if options.out is None:
        put_into_pages(read_table())
    say(f"{len(rows)} rows in {options.out or PATH}")


if __name__ == "__main__":
    try:
        main()
    except PipelineError as fault:
        sys.exit(str(fault))
