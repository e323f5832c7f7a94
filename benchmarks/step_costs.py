"""`python -m benchmarks.step_costs CONFIG`: what each step costs in a tile-year, done again in a copy of a finished run; into ``latest.json``.

A step of the whole run or of a period counts with the share of the region that the tile is. Steps that ask the catalog are left out: they cost waiting.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

from benchmarks.harness import Result, machine
from benchmarks.table import LATEST, STEP_COSTS
from rs_pipeline.config import Settings, load
from rs_pipeline.products.land import step as land_step
from rs_pipeline.products.register import LAND_STEP, resolve, season_products
from rs_pipeline.steps import Step, call_step, step_places, steps_of
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.tiles import read_grid, read_tile, tile_ids

OF_THE_CATALOG = ("search", "assign", "fetch", "terrain")


def cpu_s(call: Callable[[], object]) -> float:
    """Seconds of the processor that a call costs this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def tile_share(step: Step, of_region: float, n_periods: int) -> float:
    """Which part of a call counts for one tile-year. ``of_region``: the tile's share of the region's pixels."""
    in_space = 1.0 if step.scope in ("tile", "tile_period") else of_region
    return in_space / (n_periods if step.scope in ("tile", "run") else 1)


def land_parts(settings: Settings, tile: str, period: str) -> dict[str, float]:
    """Seconds of the step `LAND_STEP`, and in it of the function of every product with ``season_layers``, by name."""
    spent = dict.fromkeys(season_products(), 0.0)

    def timed(function: Callable[..., object], name: str, *given: object) -> object:
        start = time.process_time()
        made = function(*given)
        spent[name] += time.process_time() - start
        return made

    references = {p.season_layers: name for name, p in season_products().items()}
    with mock.patch.object(land_step, "resolve", lambda reference: partial(timed, resolve(reference), references[reference])):
        whole = cpu_s(partial(land_step.land, settings, tile, period, 1))
    return {LAND_STEP: whole - sum(spent.values()), **{f"{LAND_STEP}, its part {name}": s for name, s in spent.items()}}


def costs_s(settings: Settings, tile: str, repeats: int) -> dict[str, float]:
    """Step to its seconds of the processor in a tile-year, the median of ``repeats``; the first call of each, which compiles, does not count."""
    grid, pixels = read_grid(settings), read_tile(settings, tile).grid
    of_region = pixels.width * pixels.height / (grid.width * grid.height)
    period, found = settings.all_periods[-1].label, {}
    for step in (s for s in steps_of(settings) if s.name not in OF_THE_CATALOG):
        places = [p for p in step_places(step, settings, [tile]) if "{" in p.period or p.period == period]
        runs = [_once(step, settings, places) for _ in range(repeats + 1)][1:]
        for name in runs[0]:
            found[name] = statistics.median(r[name] for r in runs) * tile_share(step, of_region, len(settings.all_periods))
        print(step.name, f"{found.get(step.name, 0):.3f}", flush=True)
    return found


def _once(step: Step, settings: Settings, places: list) -> dict[str, float]:
    if step.name == LAND_STEP:
        return land_parts(settings, places[0].tile, places[0].period)
    return {step.name: sum(cpu_s(partial(call_step, step, settings, [getattr(p, n) for n in step.names])) for p in places)}


def results(found: dict[str, float]) -> Iterator[Result]:
    """A line a step, the dearest first, beside the sum of all."""
    whole = sum(found.values())
    for name, seconds in sorted(found.items(), key=lambda item: -item[1]):
        yield Result(f"{name}: all steps of a tile-year", seconds, whole, "s", None, "seconds of the processor, one thread, median")


def main() -> None:
    """Measure, and put the records of this case in the place of earlier ones."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step_costs", description=__doc__)
    parser.add_argument("config", type=Path, help="configuration of a copy of a finished run: its files are written again")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    settings = load(chosen.config)
    found = costs_s(settings, next(iter(tile_ids(settings))), chosen.repeats)
    kept = [r for r in json.loads(LATEST.read_text("utf-8")) if r["case"] != STEP_COSTS]
    records = kept + [{"case": STEP_COSTS, **r.record(machine())} for r in results(found)]
    with atomic_path(LATEST) as part:
        part.write_text(json.dumps(records, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
