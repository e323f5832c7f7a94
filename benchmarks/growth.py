"""How cost grows with tiles, dates and years, and what a province costs: derived from the measurements, with the arithmetic."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
import yaml

from benchmarks.harness import ROOT, Result, Run, alone, planned_jobs
from benchmarks.tile_year import World
from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.ledger import write_ledger
from rs_pipeline.config import parse
from rs_pipeline.layout import Layout

HEBEI_KM2 = 188_500
FIRST_YEAR = 2019
SCENES_A_YEAR = {"Sentinel-2": 110, "Landsat": 60, "Sentinel-1": 60}
"""Scenes over a place in a year (assumed): Sentinel-2 passes every 5 days and half of the places lie where swaths or granules overlap;
Landsat 8 and 9 every 8 days, a third in overlaps; Sentinel-1 every 12 days in two passes."""

KEPT = 0.6
"""Share of optical scenes below the configuration's limit of cloud cover (assumed)."""

TILE_PX = 2048
"""Tile of config/hebei.yaml."""


def measure(run: Run) -> Iterator[Result]:
    """Must show 5: seconds of `observe` for more tiles and dates. Each tile and year is one job, so a further year costs as much as a further tile."""
    side, dates = run.size(256, 64), run.size(60, 6)
    seconds: dict[tuple[int, int], float] = {}
    for n_dates in (dates // 3, dates, 3 * dates):
        world = World(run.scratch / f"growth{n_dates}", side, n_dates)
        world.observe(run.threads)
        for n_tiles in (1, 4, 16) if n_dates == dates else (1,):
            start = time.perf_counter()
            for _ in range(n_tiles):
                world.observe(run.threads)
            seconds[n_tiles, n_dates] = time.perf_counter() - start
        shutil.rmtree(world.folder)
    one = seconds[1, dates]
    for (n_tiles, n_dates), taken in sorted(seconds.items()):
        expected = one * n_tiles * n_dates / dates
        name = f"observe, {n_tiles} tiles or years of {side}², {n_dates} dates each: in proportion"
        yield Result(name, taken, expected, "s", expected / taken, "below 1: grows faster than tiles times dates")
    yield from _province(run)


def _province(run: Run) -> Iterator[Result]:
    """Cost of Hebei from one larger tile, so that the fixed cost of a job has its true share."""
    side, dates = run.size(1024, 128), run.size(40, 6)
    world = World(run.scratch / "province", side, dates)
    world.observe(run.threads)
    start, cpu = time.perf_counter(), time.process_time()
    world.observe(run.threads)
    wall_s, core_s = time.perf_counter() - start, time.process_time() - cpu
    stored = sum(p.stat().st_size for p in world.files)
    maps = sum(p.stat().st_size for p in Path(world.settings.root).glob("tiles/*/*/*.tif"))
    yield from hebei(core_s / (dates * side**2), stored / (dates * side**2), maps / side**2, wall_s / core_s)


def hebei(core_s_px_date: float, bytes_px_date: float, map_bytes_px: float, wall_per_core: float) -> Iterator[Result]:
    """Cost of the province, from the cost of a pixel.

    Parameters
    ----------
    core_s_px_date : core-seconds of `observe` a pixel and optical date.
    bytes_px_date : chips on disk a pixel and optical date. map_bytes_px : tile maps a pixel and year.
    wall_per_core : measured wall seconds for each core-second; 0.5 where two threads are always busy.
    """
    pixels = HEBEI_KM2 * 1e6 / 100
    dates = KEPT * (SCENES_A_YEAR["Sentinel-2"] + SCENES_A_YEAR["Landsat"] / 9) + SCENES_A_YEAR["Sentinel-1"] * 2 / 7
    core_h = pixels * dates * core_s_px_date / 3600
    years = date.today().year - FIRST_YEAR + 1
    sum_ = f"{pixels / 1e9:.3f} G pixels x {dates:.0f} dates (in 7-band dates of 10 m)"
    yield alone("Hebei, one year: core-hours of observe", core_h, "core-h", f"{sum_} x {core_s_px_date * 1e9:.0f} ns")
    yield alone(f"Hebei, {FIRST_YEAR} to today: core-hours of observe", core_h * years, "core-h", f"{years} years")
    wall_2 = core_h * max(wall_per_core, 0.5)
    yield alone("Hebei, one year on 2 cores: hours of observe", wall_2, "h", f"{core_h:.1f} core-h x {max(wall_per_core, 0.5):.2f} h a core-h, as measured")
    yield alone("Hebei, one year on a cluster of 16 nodes of 2 cores: hours of observe", wall_2 / 16, "h", "tiles are jobs of their own")
    yield alone("Hebei, one year: chips on disk", pixels * dates * bytes_px_date / 1e9, "GB", f"{sum_} x {bytes_px_date:.2f} bytes")
    yield alone("Hebei, one year: tile maps on disk", pixels * map_bytes_px / 1e9, "GB", f"{map_bytes_px:.1f} bytes a pixel")
    yield alone("Hebei: tiles", float(np.ceil(pixels / TILE_PX**2)), "tiles", f"of {TILE_PX}² pixels, whole ones")
    yield alone("Hebei: memory of one job", 2.0 + 0.8, "GB", "resources.memory_gb of the configuration and 0.8 for the process, see peak memory")


def planning(run: Run) -> Iterator[Result]:
    """Must show 5: the dry run of a province whose tiles are known; the peer is the minute allowed.

    A square of Hebei's area stands for its counties, so that their outlines need not be installed; no catalog is queried.
    """
    side_m = (HEBEI_KM2 * 1e6) ** 0.5 if not run.quick else 40_000
    folder = run.scratch / "plan"
    folder.mkdir()
    box = shapely.box(300_000, 4_000_000, 300_000 + side_m, 4_000_000 + side_m)
    units = gpd.GeoDataFrame({"adcode": ["1"], "name": ["a"], "prefecture": ["p"]}, geometry=[box.segmentize(10_000)], crs=32650)
    units.to_crs(4326).to_file(folder / "units.gpkg")
    values = {
        "run": "plan",
        "output": str(folder),
        "units": {"path": str(folder / "units.gpkg")},
        "periods": {"first_year": FIRST_YEAR},
        "sources": yaml.safe_load((ROOT / "config" / "hebei.yaml").read_text("utf-8"))["sources"],
        "grid": {"crs": "EPSG:32650", "tile_px": TILE_PX},
    }
    settings = parse(values)
    region.grid(settings)
    write_ledger([], Layout(settings.root).scenes)
    Layout(settings.root).orbits.write_text("")
    assign(settings)
    (folder / "plan.yaml").write_text(yaml.safe_dump(values), "utf-8")
    start = time.perf_counter()
    jobs = planned_jobs(folder / "plan.yaml")
    taken = time.perf_counter() - start
    name = f"dry run of a province of {len(tiling.read_tiles(settings))} tiles and {len(settings.all_periods)} years: the minute allowed"
    yield Result(name, taken, 60.0, "s", 60.0 / taken, f"{jobs} jobs")
