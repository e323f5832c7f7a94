"""Cost of cover by networks against cover by plain NDVI in the same pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
from rs_kernels.stack import Stack as Dates

from benchmarks.harness import Result, Run, in_turn, times
from benchmarks.stack import OFFSET, SCALE, Stack
from rs_pipeline.config import parse
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.vegetation.pixels import vegetation_layers

DATES = 60


def cost(run: Run) -> Iterator[Result]:
    """Seconds of the vegetation step on one stack in memory; the results differ, as the methods do."""
    side = run.size(512, 64)
    s = Stack(DATES, side)
    days = [date(2024, 1, 1) + timedelta(days=int(d)) for d in s.day]
    bands = dict.fromkeys(OPTICAL_BANDS)
    scenes = [SimpleNamespace(platform="sentinel-2a", sensor="", sun_elevation_deg=55.0, solar_day=d, assets=bands) for d in days]
    chips = [SimpleNamespace(scene=scene) for scene in scenes]
    scale, offset = np.full(DATES, SCALE), np.full(DATES, OFFSET)
    pixel_m = np.full(DATES, 10.0)

    def by(method: str):
        settings = parse(
            {
                "run": "b",
                "units": {"path": "u.gpkg"},
                "periods": [2024],
                "vegetation": {"method": method},
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            }
        )
        stacks = [Dates(dn, bits, 0, scale, offset, pixel_m, s.day) for dn, bits in zip(s.dn, s.qa, strict=True)]
        return lambda: s.each(run.threads, lambda i: vegetation_layers(settings, chips, stacks[i]))

    seconds = in_turn({"networks": by("network"), "NDVI": by("dimidiate")}, run.repeats)
    label = f"{DATES} dates x 7 bands x {side}²"
    yield times(f"vegetation step by networks, {label}: by plain NDVI", seconds["networks"], seconds["NDVI"], f"{run.threads} threads each")
