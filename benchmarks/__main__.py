"""`python -m benchmarks`: speed and memory, ours and the peers', into ``benchmarks/latest.json``."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks import coast, growth, network, peers, report_page, stack, tile_period, tile_year, vegetation
from benchmarks.harness import Case, Run, machine
from rs_pipeline.storage.atomic import atomic_path

CASES: dict[str, Case] = {
    "stack": stack.compare,
    "tile-year": tile_year.compare,
    "tile-period": tile_period.compare,
    "memory": tile_year.memory,
    "layout": tile_year.layouts,
    "vegetation": vegetation.cost,
    "geomedian": peers.geomedian,
    "zonal": peers.zonal,
    "shoreline": peers.shoreline,
    "coast": coast.lines,
    "indices": peers.indices,
    "growth": growth.measure,
    "planning": growth.planning,
    "profile": tile_year.profile,
    "report": report_page.ready,
    "network": network.compare,
}
"""Cases that ``--only`` can name, in the order of running."""

LATEST = Path(__file__).parent / "latest.json"


def main() -> None:
    """Run the cases and write one record a measurement; cases that were not asked for keep their records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), help="run this case only; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small data: shows that everything runs, not how fast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="each side is timed so often, in turn; the median counts")
    parser.add_argument("--output", type=Path, default=LATEST)
    chosen = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="rs-pipeline-bench-"))
    run = Run(scratch, chosen.quick, chosen.threads, 1 if chosen.quick else chosen.repeats)
    records = json.loads(chosen.output.read_text("utf-8")) if chosen.only and chosen.output.exists() else []
    try:
        for name in chosen.only or CASES:
            start = time.perf_counter()
            records = [r for r in records if r["case"] != name]
            for result in CASES[name](run):
                records.append({"case": name, **result.record(machine())})
                peer = "" if result.peer is None else f" against {result.peer:.4g}, ratio {result.ratio:.3g}"
                ours = "skipped" if result.ours is None else f"{result.ours:.4g} {result.unit}"
                print(f"{name}: {result.name}: {ours}{peer}", flush=True)
            print(f"{name}: took {time.perf_counter() - start:.0f} s", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    order = {name: i for i, name in enumerate(CASES)}
    with atomic_path(chosen.output) as part:
        part.write_text(json.dumps(sorted(records, key=lambda r: order.get(r["case"], len(order))), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
