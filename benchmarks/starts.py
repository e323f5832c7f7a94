"""Cost of starting the jobs of a run: the tiny SIMULATED world of tests/operations, with jobs as forks of one process and with a new process for each.

`python -m benchmarks.starts FOLDER` does both in turn, checks that their files are equal, and prints seconds and core-seconds of the whole run.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path
from unittest.mock import patch

from benchmarks.harness import differing, snakemake
from rs_pipeline.forks import OFF, SERVER


def measured(config: Path, forks: str) -> tuple[float, float]:
    """Seconds and core-seconds of a run on two cores."""

    def core_s() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    start, before = time.perf_counter(), core_s()
    with patch.dict(os.environ, {SERVER: forks}):
        snakemake(config)
    return time.perf_counter() - start, core_s() - before


def main() -> None:
    from tests.operations.conftest import write_world

    parser = argparse.ArgumentParser(prog="python -m benchmarks.starts", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=2)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True)
    small = write_world(chosen.folder.resolve())
    snakemake(small.config)  # kernels are compiled
    expected, spent = small.files(), {"": [], OFF: []}
    for i in range(chosen.times):
        for forks, costs in spent.items():
            small.layout.root.rename(small.folder / f"done_{forks or 'on'}_{i}")
            costs.append(measured(small.config, forks))
            if wrong := differing(small.files(), expected):
                raise SystemExit(f"files differ: {wrong}")
    best = {forks: [min(costs) for costs in zip(*pairs, strict=True)] for forks, pairs in spent.items()}
    for what, ours, theirs in zip(("seconds", "core-seconds"), best[""], best[OFF], strict=True):
        print(f"{what}: forks {ours:.1f}, each by itself {theirs:.1f}, ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
