"""All steps of a tile and period, round by round as a job does them, against decoding its chips once with the same threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    """What every step costs by itself, all of them one by one, and both rounds; a ratio is the cost of one decoding over it."""
    for kind, coast in (("inland", False), ("coast", True)):
        world = prepare(run.scratch / kind, run.size(1024, 256), run.size(60, 8), coast=coast)
        yield from _measured(world, f"tile-period {kind}, {world.n_dates} dates x 7 bands x {world.side_px}²", run)


def _measured(world: World, label: str, run: Run) -> Iterator[Result]:
    settings, threads = world.settings, run.threads
    sides: dict[str, Callable[[], object]] = {"decode": lambda: world.decode(threads)}
    for step in steps_of_rounds(settings):
        sides[step.verb] = lambda step=step: call_step(step, settings, (TILE, YEAR), threads)
    by_rounds(settings, threads)
    spent = {name: min((cost(call) for _ in range(run.repeats)), key=lambda c: c.cpu_s) for name, call in sides.items()}
    decode = spent.pop("decode")
    spent["every verb by itself"] = Cost(sum(c.cpu_s for c in spent.values()), sum(c.wall_s for c in spent.values()))
    spent["the rounds"] = min((cost(lambda: by_rounds(settings, threads)) for _ in range(run.repeats)), key=lambda c: c.cpu_s)
    for name, c in spent.items():
        note = f"CPU seconds, {threads} threads; by the clock {c.wall_s:.2f} s, decoding {decode.wall_s:.2f} s"
        yield Result(f"{label}, {name}: one decoding", c.cpu_s, decode.cpu_s, "s", decode.cpu_s / c.cpu_s, note)
