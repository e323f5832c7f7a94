"""A month's new scenes added to three years of the SIMULATED sample: the jobs that then run, and their time against a full run.

`python -m benchmarks.increment FOLDER` runs the years without the month, then with it, then everything in a new folder, and compares the results.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import yaml

from benchmarks.harness import differing, jobs_run, run_files, snakemake


def set_month_apart(catalog: Path, month: str) -> dict[Path, str]:
    """Remove the items of a month (YYYY-MM) from the collections of a catalog; returns the earlier text of each collection."""
    before, gone = {}, 0
    for path in catalog.glob("*/collection.json"):
        before[path] = path.read_text("utf-8")
        collection = json.loads(before[path])
        links = [link for link in collection["links"] if link["rel"] != "item" or _month(path.parent / link["href"]) != month]
        gone += len(collection["links"]) - len(links)
        path.write_text(json.dumps(collection | {"links": links}), "utf-8")
    print(f"{gone} scenes of {month} set apart", flush=True)
    return before


def _month(item: Path) -> str:
    return json.loads(item.read_text("utf-8"))["properties"]["datetime"][:7]


def chain(config: Path, *options: str) -> tuple[float, dict[str, int]]:
    """Seconds of a run of Snakemake on two cores, and its jobs by rule."""
    start = time.perf_counter()
    told = snakemake(config, *options)
    return time.perf_counter() - start, dict(jobs_run(told))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.increment", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--month", default="2025-09")
    parser.add_argument("--years", type=int, default=3)
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    folder.mkdir(parents=True)
    os.environ["OGR_CURRENT_DATE"] = "2026-01-01T00:00:00.000Z"
    from rs_pipeline.simulation.write import run_config, write_world

    write_world(folder / "world", seed=1, years=chosen.years)
    values = yaml.safe_load(run_config(folder / "world"))
    del values["simulation"]
    config = folder / "month.yaml"
    config.write_text(yaml.safe_dump(values), "utf-8")
    results = folder / "results" / values["run"]

    collections = set_month_apart(folder / "world", chosen.month)
    print("without the month: {:.0f} s, {}".format(*chain(config)), flush=True)
    for path, text in collections.items():
        path.write_text(text, "utf-8")
    month_s, jobs = chain(config, "--forcerun", "search")
    print(f"the month: {month_s:.0f} s, {jobs}", flush=True)
    grown = run_files(results)
    results.rename(folder / "grown")
    full_s, jobs = chain(config)
    print(f"all anew: {full_s:.0f} s, {jobs}")
    print(f"the month costs {month_s / full_s:.2f} of a full run; files that differ: {differing(grown, run_files(results))}")


if __name__ == "__main__":
    main()
