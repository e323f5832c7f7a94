"""Chips to the annual shorelines of both sensor families: ours against the complete methods of DEA Coastlines and CoastSat."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np

from benchmarks.accuracy.measure import run_chain
from benchmarks.accuracy.worlds import Recipe
from benchmarks.baselines import coastline as baselines
from benchmarks.baselines.peers import available, run_peer
from benchmarks.harness import Result, Run, absent, times
from rs_pipeline.config import Settings
from rs_pipeline.products.coastline.assemble import coastline
from rs_pipeline.products.coastline.composite import shore_composite
from rs_pipeline.tiles import read_tiles

WORLD = Recipe("coast", 7)
"""World with a development seed; two years."""


def lines(run: Run) -> Iterator[Result]:
    """Seconds of each side to read the chips, mask them and draw every year's lines, on one thread; ours also computes transects, rates and classes.

    The peers' times leave out the start of their Python, their imports and the exchange of files.
    """
    name = f"shorelines of two years of a simulated coast, {WORLD.size_px[0]} x {WORLD.size_px[1]}, chips to lines"
    if not available():
        yield from (absent(f"{name}: {peer}", peer) for peer in baselines.METHODS)
        return
    settings = run_chain(WORLD, run.scratch / "coast")
    sides: dict[str, Callable[[], float]] = {"ours": lambda: _ours(settings)}
    sides |= {m: lambda m=m: _peer(settings, m, run) for m in baselines.METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(run.repeats):
        for side, call in sides.items():
            seconds[side].append(call())
    middle = {side: statistics.median(s) for side, s in seconds.items()}
    for peer in baselines.METHODS:
        yield times(f"{name}: {peer}", middle["ours"], middle[peer], "ours also casts transects, computes rates and classes, and writes all")


def _ours(settings: Settings) -> float:
    start = time.perf_counter()
    for period in settings.all_periods:
        for tile in read_tiles(settings):
            shore_composite(settings, tile.id, period.label)
    coastline(settings)
    return time.perf_counter() - start


def _peer(settings: Settings, method: str, run: Run) -> float:
    """Seconds of a peer: reading here, the rest in its own environment."""
    spared = 0.0

    def timed(*args) -> dict[str, np.ndarray]:
        nonlocal spared
        start = time.perf_counter()
        out = run_peer(*args)
        spared += time.perf_counter() - start - float(out["seconds"])
        return out

    start = time.perf_counter()
    with mock.patch.object(baselines, "run_peer", timed):
        baselines.annual_lines(settings, [method], run.scratch / "peers")
    return time.perf_counter() - start - spared
