"""Steps whose cost grows with the size of a run: the search among many scenes, and the table of many units and periods.

`python -m benchmarks.load --scenes 25000 50000 --units 1000 2000 --periods 2 20` measures each size in its own process: seconds, and
peak memory in MB beyond that of the loaded program. Scenes and sums are invented; nothing is read from rasters. With `--limit 2.2` the exit code
is 1 where a doubled size takes more than 2.2 times as much.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout
from rs_pipeline.products.baselines import other_baselines

KM2 = 1e6

SENSOR = "earth-search-sentinel-2-l2a"

SUMS_M2 = {
    "area_m2": 100, "land_m2": 90, "fvc_peak_observed_m2": 90, "fvc_peak_sum_m2": 54, "fvc_growing_observed_m2": 90, "fvc_growing_sum_m2": 45,
    "fvc_peak_square_m2": 36, "fvc_growing_square_m2": 27, "water_permanent_change_square_m2": 1.5, "water_seasonal_change_square_m2": 2, "sea_change_square_m2": 0,
    "fvc_common_m2": 90, "fvc_peak_change_sum_m2": 1, "greening_m2": 3, "browning_m2": 1, "water_observed_m2": 100, "water_permanent_m2": 10,
    "water_permanent_lower_m2": 8, "water_permanent_upper_m2": 13, "water_seasonal_m2": 5, "water_ephemeral_m2": 1, "water_plants_m2": 0, "water_common_m2": 100,
    "water_permanent_common_m2": 10, "water_permanent_baseline_m2": 9, "water_seasonal_common_m2": 5, "water_seasonal_baseline_m2": 6, "sea_m2": 0, "sea_common_m2": 0, "sea_baseline_m2": 0,
}  # fmt: skip
"""Bands of sums of a county in km2, and their values."""

VARIANCES_M4 = {
    "fvc_peak_var_m4": 0.81, "water_permanent_var_m4": 0.09, "water_seasonal_var_m4": 0.16, "water_permanent_change_var_m4": 0.25,
    "water_seasonal_change_var_m4": 0.36, "sea_var_m4": 0.0, "sea_change_var_m4": 0.0,
}  # fmt: skip
"""Bands of variances of such sums in km4, and their values."""

SCENES_OF_A_UNIT, UNITS_OF_A_TILE = 100, 20


def write_counties(folder: Path, n_units: int, n_periods: int) -> Settings:
    """A run with invented county sums: units are squares in a grid, with a hundred scenes for each unit and period."""
    folder.mkdir(parents=True, exist_ok=True)
    years, side = list(range(2025 - n_periods, 2025)), int(np.ceil(n_units**0.5))
    codes, at = [f"{130001 + i:06d}" for i in range(n_units)], np.arange(n_units)
    x, y = 115 + at % side * 0.01, 38 + at // side * 0.01
    table = {"adcode": codes, "name": [f"U{c}" for c in codes], "prefecture": "P"}
    gpd.GeoDataFrame(table, geometry=shapely.box(x, y, x + 0.01, y + 0.01), crs=4326).to_file(folder / "units.gpkg")
    settings = settings_of(folder, years)
    for year in years:
        rng = np.random.default_rng(year)
        sums = {c: v * KM2 * rng.uniform(0.9, 1.1, n_units) for c, v in SUMS_M2.items()}
        sums |= {c: v * KM2**2 * rng.uniform(0.9, 1.1, n_units) for c, v in VARIANCES_M4.items()}
        ids = [f"S2A_50SLG_{year}{k:04d}_0_L2A" for k in range(3 * SCENES_OF_A_UNIT)]
        first = at // UNITS_OF_A_TILE % 3 * SCENES_OF_A_UNIT
        tiles = [f"r{i // UNITS_OF_A_TILE:03d}c000" for i in at]
        frame = pd.DataFrame(table | {"in_region": True, "period": str(year), "zone": "county", "n_scenes": SCENES_OF_A_UNIT, "fvc_peak_sigma": 0.04} | sums)
        frame["scene_ids"] = [ids[i : i + SCENES_OF_A_UNIT] for i in first]
        frame["lost_scene_ids"], frame["lost_reason"] = [[]] * n_units, ""
        frame["tiles"] = [[t] for t in tiles]
        frame["maps"] = [[f"tiles/{year}/{t}/{name}.tif sha256:{t:0>64}" for name in ("vegetation", "water", "observations", "black_odorous")] for t in tiles]
        path = Layout(settings.root).counties(str(year))
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(path)
        changes = [c for c in (*SUMS_M2, *VARIANCES_M4) if any(word in c for word in ("common", "change", "baseline", "greening", "browning"))]
        since = [frame[["adcode", "prefecture", "in_region", "zone", "period", *changes]].assign(baseline=b) for b in other_baselines(settings, str(year))]
        if since:
            pd.concat(since).to_parquet(Layout(settings.root).changes(str(year)))
    return settings


def settings_of(folder: Path, years: list[int]) -> Settings:
    return parse(
        {
            "run": "load",
            "output": str(folder),
            "units": {"path": str(folder / "units.gpkg")},
            "periods": years,
            "sources": [{"sensor": SENSOR, "catalog": str(folder / "items.ndjson")}],
            "search": {"self_test": False, "register_scenes": False},
            "grid": {"crs": "EPSG:32650", "tile_px": 2048},
        }
    )


def write_items(folder: Path, n_scenes: int) -> Settings:
    """Items of ten years in cells of 110 km over a province, an item a line; their rasters do not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    gpd.GeoDataFrame({"adcode": ["130001"], "name": ["U"], "prefecture": ["P"]}, geometry=[shapely.box(114, 36, 119, 41)], crs=4326).to_file(
        folder / "units.gpkg"
    )
    days = pd.date_range("2015-01-01", "2024-12-31", freq="5D")
    with (folder / "items.ndjson").open("w") as file:
        for i in range(n_scenes):
            cell, day = divmod(i, len(days))
            west, south = 114 + cell % 5, 36 + cell // 5 % 5
            name = f"S2A_50S{chr(65 + cell % 26)}{chr(65 + cell // 26)}_{days[day]:%Y%m%d}_0_L2A"
            assets = {a: {"href": f"./data/{name}/{a}.tif"} for a in ("blue", "green", "red", "nir", "rededge1", "swir16", "swir22", "scl")}
            item = {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": name,
                "collection": "sentinel-2-l2a",
                "links": [],
                "assets": assets,
                "geometry": shapely.geometry.mapping(shapely.box(west, south, west + 1.1, south + 1.1)),
                "bbox": [west, south, west + 1.1, south + 1.1],
                "properties": {
                    "datetime": f"{days[day]:%Y-%m-%d}T03:00:00Z",
                    "platform": "sentinel-2a",
                    "grid:code": f"MGRS-{name[4:9]}",
                    "eo:cloud_cover": 5.0,
                    "earthsearch:boa_offset_applied": True,
                },
            }
            file.write(json.dumps(item) + "\n")
    return settings_of(folder, list(range(2015, 2025)))


def search_and_assign(folder: Path, n_scenes: int) -> Callable[[], None]:
    from rs_pipeline import region
    from rs_pipeline.catalog.assign import assign
    from rs_pipeline.catalog.search import search

    settings = write_items(folder, n_scenes)
    region.grid(settings)
    return lambda: (search(settings), assign(settings))


def table_of(folder: Path, n_units: int, n_periods: int) -> Callable[[], None]:
    from rs_pipeline.indicators.table import indicators

    settings = write_counties(folder, n_units, n_periods)
    return lambda: indicators(settings)


def peak_mb() -> float:
    """Peak resident memory of this process since its start, MB; the value of `resource` may be that of the parent process."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def _measured(prepare: Callable[..., Callable[[], None]], sizes: tuple[int, ...]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        work = prepare(Path(folder), *sizes)
        before = peak_mb()
        start = time.perf_counter()
        work()
        return time.perf_counter() - start, peak_mb() - before


def measured(prepare: Callable[..., Callable[[], None]], *sizes: int) -> tuple[float, float]:
    """Seconds, and peak memory in MB beyond that of the loaded program, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (prepare, sizes))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, nargs="*", default=[25_000, 50_000])
    parser.add_argument("--units", type=int, nargs="*", default=[1000, 2000])
    parser.add_argument("--periods", type=int, nargs="*", default=[2])
    parser.add_argument("--limit", type=float, default=2.2)
    chosen = parser.parse_args()
    too_much = False
    series = [("search and assign, scenes", search_and_assign, [(n,) for n in chosen.scenes])]
    series += [(f"indicators of {p} periods, units", table_of, [(n, p) for n in chosen.units]) for p in chosen.periods]
    for name, prepare, sizes in series:
        before = None
        for size in sizes:
            seconds, peak_mb = measured(prepare, *size)
            ratio = seconds / before[1] / (size[0] / before[0] / 2) if before else 0.0
            too_much |= ratio > chosen.limit
            print(f"{name}: {size[0]:7d} {seconds:8.1f} s {peak_mb:7.0f} MB" + (f"   {ratio:.2f} times for the double" if before else ""), flush=True)
            before = (size[0], seconds)
    sys.exit(too_much)


if __name__ == "__main__":
    main()
