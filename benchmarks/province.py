"""A province shrunk fifty times, with tiny SIMULATED scenes: cost of the chain for hundreds of tiles and several years.

`python -m benchmarks.province FOLDER --units COUNTIES.gpkg` writes the scenes, lets Snakemake plan every job, then runs all steps in two
processes without starting Python for each, and prints time, memory and file counts. It also measures the time that starting Python adds to a job.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
import yaml
from affine import Affine
from rasterio.warp import transform_bounds

from benchmarks.harness import planned_calls

CRS = "EPSG:32650"
SHRUNK = 50
STEP_M = {"blue": 10, "green": 10, "red": 10, "nir": 10, "rededge1": 20, "swir16": 20, "swir22": 20, "scl": 20}
"""Assets of Earth Search's Sentinel-2 and their pixel sizes."""

LAND = {"blue": 0.05, "green": 0.08, "red": 0.07, "nir": 0.30, "rededge1": 0.14, "swir16": 0.24, "swir22": 0.15}
WATER = {"blue": 0.05, "green": 0.06, "red": 0.04, "nir": 0.02, "rededge1": 0.03, "swir16": 0.01, "swir22": 0.01}
VEGETATION_CLASS, WATER_CLASS = 4, 6


@dataclass(frozen=True)
class Place:
    """A square of ground in CRS with 10 m pixels, an even number along each side."""

    left: float
    top: float
    width_px: int
    height_px: int

    @property
    def outline(self) -> shapely.Polygon:
        """Outline in EPSG:4326."""
        bounds = self.left, self.top - self.height_px * 10, self.left + self.width_px * 10, self.top
        return shapely.box(*transform_bounds(CRS, "EPSG:4326", *bounds))


def write_scene(folder: Path, place: Place, day: date, seed: int, cell: str = "50SMK") -> str:
    """One clear Sentinel-2 scene as a STAC item in ``folder/items``: fields that are green in summer, and a river 60 m wide from north to south. Returns its id."""
    import rasterio

    rng, name = np.random.default_rng(seed), f"S2A_{cell}_{day:%Y%m%d}_{seed}"
    season = 0.5 + 0.5 * np.sin(2 * np.pi * (day.timetuple().tm_yday - 110) / 365)
    assets = {}
    for asset, step in STEP_M.items():
        x = place.left + (np.arange(place.width_px * 10 // step) + 0.5) * step
        y = place.top - (np.arange(place.height_px * 10 // step) + 0.5) * step
        wet = np.abs((x[None, :] - 300.0 * np.sin(y[:, None] / 900.0)) % 1300.0 - 650.0) < 30.0
        field = ((x[None, :] // 160 + y[:, None] // 160) % 3) / 2.0
        if asset == "scl":
            values = np.where(wet, WATER_CLASS, VEGETATION_CLASS).astype("uint8")
        else:
            green = {"nir": 1 + 0.6 * season * field, "red": 1 - 0.6 * season * field}.get(asset, 1.0)
            refl = np.where(wet, WATER[asset], LAND[asset] * green * np.ones(wet.shape))
            values = np.clip(np.round(refl * 1e4 + rng.normal(0, 25, refl.shape)), 1, 65535).astype("uint16")
        path = folder / "items" / "data" / name / f"{asset}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=values.shape[1],
            height=values.shape[0],
            count=1,
            dtype=values.dtype,
            crs=CRS,
            transform=Affine(step, 0, place.left, 0, -step, place.top),
            nodata=0,
            compress="deflate",
        ) as out:
            out.write(values, 1)
        assets[asset] = {"href": str(path.resolve())}
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "collection": "sentinel-2-l2a",
        "links": [],
        "geometry": shapely.geometry.mapping(place.outline),
        "bbox": list(place.outline.bounds),
        "assets": assets,
        "properties": {
            "datetime": f"{day}T03:00:00Z",
            "platform": "sentinel-2a",
            "grid:code": f"MGRS-{cell}",
            "eo:cloud_cover": 5.0,
            "earthsearch:boa_offset_applied": True,
            "view:sun_elevation": 55.0,
            "view:sun_azimuth": 150.0,
        },
    }
    (folder / "items").mkdir(parents=True, exist_ok=True)
    (folder / "items" / f"{name}.json").write_text(json.dumps(item))
    return name


def spread_days(year: int, count: int) -> list[date]:
    """Days spread over the season that all products use."""
    return [date(year, 4, 15) + timedelta(days=int(d)) for d in np.linspace(0, 170, count)]


def configuration(folder: Path, periods: Sequence[int], tile_px: int, folders: Sequence[Path] = (), **changes) -> dict:
    """A configuration of a run on scenes of `write_scene`, with thresholds low enough for few dates; ``folders`` are further folders of scenes."""
    return {
        "run": "small",
        "output": "results",
        "units": {"path": str(folder / "units.gpkg")},
        "periods": list(periods),
        "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder / "items"), "folders": [str(f) for f in folders]}],
        "search": {"self_test": False},
        "grid": {"crs": CRS, "resolution_m": 10, "tile_px": tile_px, "margin_m": 80},
        "water": {"min_months": 3},
        "vegetation": {"min_dates": 3, "min_span_days": 20},
        "black_odorous": {"min_dates": 3},
        "resources": {"free_gb": 0},
    } | changes


def shrink(units: Path) -> gpd.GeoDataFrame:
    """Counties shrunk SHRUNK times around a point of CRS, in CRS."""
    frame = gpd.read_file(units).to_crs(CRS)
    frame["geometry"] = frame.geometry.scale(1 / SHRUNK, 1 / SHRUNK, origin=(500_000, 4_300_000)).buffer(0)
    return frame


def write_province(folder: Path, units: Path, years: Sequence[int], dates_a_year: int, tile_px: int) -> dict:
    """Units and scenes (granules of 5.12 km) of a shrunk province; its configuration."""
    frame = shrink(units)
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_crs(4326).to_file(folder / "units.gpkg")
    left, bottom, right, top = frame.total_bounds
    whole, n = frame.union_all(), 0
    for i, y in enumerate(np.arange(top + 200, bottom, -5120)):
        for j, x in enumerate(np.arange(left - 200, right, 5120)):
            place = Place(round(x, -1), round(y, -1), 512, 512)
            if not whole.intersects(shapely.box(place.left, place.top - 5120, place.left + 5120, place.top)):
                continue
            for year in years:
                for day in spread_days(year, dates_a_year):
                    write_scene(folder, place, day, n := n + 1, f"50S{chr(65 + i)}{chr(65 + j)}")
    return configuration(folder, years, tile_px, run="province")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.province", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--units", type=Path, required=True, help="counties with columns adcode, name, prefecture")
    parser.add_argument("--years", type=int, default=6)
    parser.add_argument("--dates", type=int, default=6, help="scenes a year over a place")
    parser.add_argument("--tile-px", type=int, default=64)
    chosen = parser.parse_args()
    started = time.perf_counter()
    folder = chosen.folder.resolve()
    values = write_province(folder, chosen.units, range(2026 - chosen.years, 2026), chosen.dates, chosen.tile_px)
    values["output"] = str(folder / "results")
    (folder / "province.yaml").write_text(yaml.safe_dump(values), "utf-8")
    tell("scenes written", started)
    run(folder, values)


def tell(what: str, since: float, more: str = "") -> None:
    print(f"{what}: {time.perf_counter() - since:.0f} s {more}", flush=True)


def peak_mb(*who: int) -> float:
    return max(resource.getrusage(w).ru_maxrss for w in who) / 1024


def run(folder: Path, values: dict) -> None:
    """Plan with Snakemake, run in two processes, and print time, memory and file counts."""
    from rs_pipeline.config import parse
    from rs_pipeline.layout import Layout
    from rs_pipeline.operations.summary import disk_mb
    from rs_pipeline.storage.provenance import freeze
    from rs_pipeline.tiles import read_tiles

    settings = parse(values)
    periods = [p.label for p in settings.all_periods]
    since = time.perf_counter()
    freeze(settings)
    for verb in ("grid", "search", "assign"):
        step(verb, "--config", str(Layout(settings.root).settings))
        tell(verb, since)
    tiles = [t.id for t in read_tiles(settings)]
    since = time.perf_counter()
    calls = by_verb(planned_calls(folder / "province.yaml"))
    jobs = sum(len(c) for c in calls.values())
    peak = peak_mb(resource.RUSAGE_CHILDREN)
    tell(f"planned by Snakemake: {jobs} jobs for {len(tiles)} tiles and {len(periods)} years", since, f"{peak:.0f} MB")
    since = time.perf_counter()
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        for verb, jobs_of_verb in calls.items():
            start = time.perf_counter()
            cpu_s, peak = zip(*pool.starmap(step, jobs_of_verb, chunksize=1), strict=True)
            tell(verb, start, f"{len(jobs_of_verb)} jobs, {sum(cpu_s) / len(cpu_s):.2f} core-s each, largest process so far {max(peak):.0f} MB")
    tell("all steps", since)
    print("disk, MB, and files:", disk_mb(settings.root))
    print("files:", dict(count_files(settings.root)))


def program():
    """The command `rs-pipeline` as a function."""
    from typer.main import get_command

    from rs_pipeline.cli import app

    return get_command(app)


def by_verb(calls: Sequence[Sequence[str]]) -> dict[str, list[list[str]]]:
    """Planned calls by verb, and by round (``--number``) where the verb has rounds. Ordered by the last planned call of each, so that every
    group comes after the groups it depends on."""
    found: dict[str, list[list[str]]] = {}
    for call in calls:
        name = f"{call[0]} {call[call.index('--number') + 1]}" if "--number" in call else call[0]
        found[name] = [*found.pop(name, []), list(call)]
    return found


def step(verb: str, *arguments: str) -> tuple[float, float]:
    """Run a verb in this process, as a job of the run; CPU seconds, and the peak memory (resident) of the process so far in MB."""
    start = time.process_time()
    program().main([verb, *arguments], standalone_mode=False)
    return time.process_time() - start, peak_mb(resource.RUSAGE_SELF)


def count_files(root: Path) -> Iterator[tuple[str, int]]:
    """Files by folder of the run."""
    for entry in sorted(root.iterdir()):
        yield entry.name, sum(len(names) for _, _, names in os.walk(entry)) if entry.is_dir() else 1


if __name__ == "__main__":
    main()
