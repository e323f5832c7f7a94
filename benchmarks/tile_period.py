"""All steps of a tile and period, round by round as a job does them, against decoding its chips once with the same threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness import Result, Run
from benchmarks.tile_year import TILE, YEAR, World
from rs_pipeline.config import Settings
from rs_pipeline.operations.job import run_job, run_round
from rs_pipeline.products.register import StepContext
from rs_pipeline.steps import Step, call_step, rounds, steps

FETCH = "fetch"


@dataclass(frozen=True)
class Cost:
    """Seconds of the processor, all threads, and of the clock."""

    cpu_s: float
    wall_s: float


def cost(call: Callable[[], object]) -> Cost:
    """What a call costs this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def prepare(folder: Path, side_px: int, n_dates: int, *, coast: bool) -> World:
    """A simulated tile whose chips count as fetched, with the maps and tables of the region that its second round reads; every kernel is compiled."""
    world = World(folder, side_px, n_dates, **({"coastline": {}} if coast else {}))
    settings = world.settings
    run_job(settings, FETCH, world.write, tile=TILE, period=YEAR)
    before = {"observe": (TILE, YEAR), "mosaic": ("water", YEAR), "sea": (YEAR,), "reach_lines": (), "bodies": ()}
    for step in (steps()[name] for name in before):
        if step.when(settings):
            call_step(step, settings, before[step.name], threads=2)
    return world


def steps_of_rounds(settings: Settings) -> list[Step]:
    """The steps that read the chips, in order."""
    return [step for r in rounds(settings) for step in r.steps if step.name != FETCH]


def by_rounds(settings: Settings, threads: int) -> None:
    """Do every step again, a round after the other, as two jobs would."""
    place = StepContext(settings, YEAR, TILE)
    for path in (path for step in steps_of_rounds(settings) for path in step.writes(place)):
        path.unlink(missing_ok=True)
    for r in rounds(settings):
        run_round(settings, r.number, TILE, YEAR, threads=threads)


def compare(run: Run) -> Iterator[Result]:
    """What every step of a tile on a coast costs by itself, and what both rounds cost; a ratio is the cost of one decoding over it."""
    world = prepare(run.scratch / "period", run.size(512, 256), run.size(30, 8), coast=True)
    settings, threads = world.settings, run.threads
    sides: dict[str, Callable[[], object]] = {"decode": partial(world.decode, threads)}
    sides |= {step.verb: partial(call_step, step, settings, (TILE, YEAR), threads) for step in steps_of_rounds(settings)}
    sides["both rounds"] = partial(by_rounds, settings, threads)
    by_rounds(settings, threads)  # compiles and reads everything
    spent = {name: min((cost(call) for _ in range(run.repeats)), key=lambda c: c.cpu_s) for name, call in sides.items()}
    decode, rounds_s = spent.pop("decode"), spent.pop("both rounds")
    spent["every step by itself"] = Cost(sum(c.cpu_s for c in spent.values()), sum(c.wall_s for c in spent.values()))
    for name, c in (spent | {"both rounds": rounds_s}).items():
        label = f"tile-period, {world.n_dates} dates x 7 bands x {world.side_px}², {name}: decoding alone, once"
        note = f"seconds of the processor, {threads} threads; by the clock {c.wall_s:.2f} s against {decode.wall_s:.2f} s"
        yield Result(label, c.cpu_s, decode.cpu_s, "s", decode.cpu_s / c.cpu_s, note)
