"""A tile-year end to end: chips on disk to all tile maps, against only decoding the same chips with the same threads."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from unittest import mock

import dask
import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from scipy import ndimage

from benchmarks.harness import Result, Run, alone, in_turn, peak_mb
from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog import qa_flags
from rs_pipeline.catalog.chips import MANIFEST_COLUMNS, chip_digest
from rs_pipeline.catalog.fetch import CHIP_LAYOUT
from rs_pipeline.catalog.ledger import write_ledger
from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.products import observe as observe_module
from rs_pipeline.products.observe import observe
from rs_pipeline.storage.tables import write_parquet

YEAR, TILE = "2024", "r000c000"
MARGIN_PX = 32
SENSOR = "earth-search-sentinel-2-l2a"
FINE, COARSE = ("blue", "green", "red", "nir"), ("rededge1", "swir1", "swir2")
LAND = {"blue": 0.05, "green": 0.08, "red": 0.09, "nir": 0.30, "rededge1": 0.14, "swir1": 0.24, "swir2": 0.17}
WATER = {"blue": 0.05, "green": 0.06, "red": 0.04, "nir": 0.02, "rededge1": 0.03, "swir1": 0.01, "swir2": 0.01}
NOISE_DN = 25
"""Standard deviation of the sensor's noise, digital numbers; the noise limits how far chips compress."""

CLOUD_CLASS, LAND_CLASS = 9, 4


class World:
    """Simulated chips of one tile and year: fields, 3 % water, clouds over 40 % of the land, 60 dates unless told otherwise."""

    def __init__(self, folder: Path, side_px: int, n_dates: int, memory_gb: float = 2.0, **changes):
        self.folder, self.side_px, self.n_dates = folder, side_px, n_dates
        box = shapely.box(600_000, 4_300_000 - side_px * 10, 600_000 + side_px * 10, 4_300_000)
        folder.mkdir(parents=True, exist_ok=True)
        units = gpd.GeoDataFrame({"adcode": ["1"], "name": ["a"], "prefecture": ["p"]}, geometry=[box], crs=32650)
        units.to_crs(4326).to_file(folder / "units.gpkg")
        self.settings = settings(folder, memory_gb, **changes)
        region.grid(self.settings)
        self.grid = tiling.read_tile(self.settings, TILE).grid
        self.write()

    def write(self) -> None:
        """Write the chips, their manifest and the ledger of their scenes."""
        rng, layout = np.random.default_rng(7), Layout(self.settings.root)
        manifest = layout.chips(YEAR, TILE)
        around = self.grid.window(-MARGIN_PX, -MARGIN_PX, self.grid.height + 2 * MARGIN_PX, self.grid.width + 2 * MARGIN_PX)
        shape = tuple(-(-n // 2) * 2 for n in around.shape)
        texture = ndimage.zoom(rng.uniform(0.6, 1.4, [n // 16 + 2 for n in shape]), 16, order=0)[: shape[0], : shape[1]]
        water = ndimage.gaussian_filter(rng.normal(size=shape), 12)
        water = water > np.quantile(water, 0.97)
        days = np.linspace(2, 363, self.n_dates).astype(int)
        scenes = [_scene(i, int(day), self.grid) for i, day in enumerate(days)]
        with ThreadPoolExecutor(2) as pool:
            seeds = rng.integers(0, 2**31, self.n_dates)
            list(pool.map(lambda s, seed: _write_chip(layout.chip_folder(YEAR, TILE) / s.key, around, shape, texture, water, s, seed), scenes, seeds))
        rows = [(s.scene_id, s.key, s.sensor, pd.Timestamp(s.datetime), "ok", "", 0, chip_digest(layout.chip_folder(YEAR, TILE) / s.key)) for s in scenes]
        write_parquet(pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS)), manifest)
        write_ledger(scenes, layout.scenes)

    @property
    def files(self) -> list[Path]:
        """Every chip file, masks too."""
        return sorted(Layout(self.settings.root).chip_folder(YEAR, TILE).glob("*/*.tif"))

    def observe(self, threads: int) -> None:
        observe(self.settings, TILE, YEAR, threads)

    def decode(self, threads: int) -> int:
        """Decode every chip file completely; returns the number of native pixels read."""
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(_decode, self.files))


def settings(folder: Path, memory_gb: float, **changes) -> Settings:
    """Configuration of the simulated tile; ``changes`` replace or add sections."""
    return parse(
        {
            "run": "bench",
            "output": str(folder / "results"),
            "units": {"path": str(folder / "units.gpkg")},
            "periods": [int(YEAR)],
            "sources": [{"sensor": SENSOR, "catalog": str(folder)}],
            "grid": {"crs": "EPSG:32650", "tile_px": 4096},
            "resources": {"memory_gb": memory_gb},
            **changes,
        }
    )


def _scene(i: int, day: int, grid) -> Scene:
    when = datetime(int(YEAR), 1, 1, 3, tzinfo=UTC) + timedelta(days=day, seconds=i)
    left, bottom, right, top = gpd.GeoSeries([shapely.box(*grid.bounds)], crs=grid.crs).to_crs(4326).total_bounds
    return Scene(
        scene_id=f"S2_{i:04d}",
        key=f"S2_{i:04d}",
        sensor=SENSOR,
        collection="sentinel-2-l2a",
        platform="sentinel-2a",
        datetime=when,
        solar_day=date(int(YEAR), 1, 1) + timedelta(days=day),
        processing_baseline="05.10",
        cloud_cover=40.0,
        sun_elevation_deg=45.0,
        sun_azimuth_deg=150.0,
        scale=1e-4,
        offset=-0.1,
        offset_decision="simulated",
        offset_confidence="high",
        status="used",
        reason="",
        assets={role: f"/simulated/{i}/{role}.tif" for role in (*FINE, *COARSE, "mask")},
        bbox=(left, bottom, right, top),
        footprint_wkt=shapely.box(left, bottom, right, top).wkt,
    )


def _write_chip(folder: Path, around, shape, texture, water, scene: Scene, seed: int) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    season = 0.5 * np.sin(2 * np.pi * (scene.solar_day.timetuple().tm_yday - 110) / 365)
    cloud = ndimage.zoom(rng.random([n // 128 + 2 for n in shape]), 128, order=1)[: shape[0], : shape[1]] > 0.55

    def numbers(role: str, step: int) -> np.ndarray:
        green = {"nir": 1 + season, "red": 1 - season, "blue": 1 - season}.get(role, 1.0)
        refl = np.where(water, WATER[role], LAND[role] * green * texture)
        refl = np.where(cloud, 0.45 + 0.1 * texture, refl)[::step, ::step]
        dn = (refl + 0.1) * 1e4 + rng.normal(0, NOISE_DN, refl.shape)
        return np.clip(np.round(dn), 1, 65535).astype("uint16")

    for name, roles, step in (("10m-0.tif", FINE, 1), ("20m-1.tif", COARSE, 2)):
        _write_tif(folder / name, around, 10.0 * step, {role: numbers(role, step) for role in roles})
    _write_tif(folder / "mask.tif", around, 20.0, {"mask": np.where(cloud[::2, ::2], CLOUD_CLASS, LAND_CLASS).astype("uint16")})


def _write_tif(path: Path, around, step_m: float, bands: dict[str, np.ndarray], **creation) -> None:
    height, width = next(iter(bands.values())).shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype="uint16",
        count=len(bands),
        height=height,
        width=width,
        crs=around.crs,
        transform=Affine(step_m, 0, around.left, 0, -step_m, around.top),
        **{**CHIP_LAYOUT, **creation},
    ) as out:
        for i, (role, values) in enumerate(bands.items(), start=1):
            out.write(values, i)
            out.set_band_description(i, role)


def _decode(path: Path) -> int:
    with rasterio.open(path, driver="GTiff") as src:
        return src.read().size


def compare(run: Run) -> Iterator[Result]:
    """Must show 3: at most 1.3 times the decoding."""
    world = World(run.scratch / "year", run.size(1024, 256), run.size(60, 8))
    seconds = in_turn({"ours": lambda: world.observe(run.threads), "decode": lambda: world.decode(run.threads)}, run.repeats)
    pixels = world.decode(run.threads)
    size_mb = sum(p.stat().st_size for p in world.files) / 1e6
    label = f"tile-year, {world.n_dates} dates x 7 bands x {world.side_px}², chips to all maps"
    note = f"{pixels / 1e6:.0f} million native pixels, {size_mb:.0f} MB; decoding at {pixels / 1e6 / seconds['decode']:.0f} MPix/s"
    yield Result(f"{label}: decoding alone", seconds["ours"], seconds["decode"], "s", seconds["decode"] / seconds["ours"], note)


_PEAK = """
import sys
from pathlib import Path
from benchmarks import tile_year
s = tile_year.settings(Path(sys.argv[1]), float(sys.argv[3]))
if sys.argv[2] == "observe": tile_year.observe(s, tile_year.TILE, tile_year.YEAR, int(sys.argv[4]))
"""


def memory(run: Run) -> Iterator[Result]:
    """Must show 4: peak memory of `observe` from 20 to 200 dates for one budget; the peer is the budget plus an idle process."""
    budget_gb = 0.5
    for n_dates in (20, 60, 200):
        world = World(run.scratch / f"dates{n_dates}", run.size(512, 192), n_dates, budget_gb)
        arguments = [str(world.folder), "observe", str(budget_gb), str(run.threads)]
        idle = peak_mb(_PEAK, arguments[0], "idle", *arguments[2:])
        peak = peak_mb(_PEAK, *arguments)
        allowed = idle + budget_gb * 1000
        name = f"peak memory of observe, {n_dates} dates x {world.side_px}²: budget of {budget_gb} GB and an idle process"
        yield Result(name, peak, allowed, "MB", allowed / peak, f"an idle process takes {idle:.0f} MB")
        shutil.rmtree(world.folder)


def layouts(run: Run) -> Iterator[Result]:
    """Read speed against size of chip layouts: one date's 10 m file, decoded whole by one thread."""
    world = World(run.scratch / "layout", run.size(1024, 256), 2)
    source = next(p for p in world.files if p.name.startswith("10m"))
    with rasterio.open(source) as src:
        bands = {role: src.read(i) for i, role in enumerate(src.descriptions, start=1)}
    around = world.grid.window(-MARGIN_PX, -MARGIN_PX, *next(iter(bands.values())).shape)
    choices = {"zstd 1, 256": {}, "zstd 1, 512": {"blockxsize": 512, "blockysize": 512}, "zstd 9, 256": {"zstd_level": 9}}
    choices |= {"deflate, 256": {"compress": "deflate"}, "deflate 1, 256": {"compress": "deflate", "zlevel": 1}, "lzw, 256": {"compress": "lzw"}}
    choices |= {"lerc_zstd, 256": {"compress": "lerc_zstd", "predictor": 1}, "none, 256": {"compress": "none", "predictor": 1}}
    paths = {}
    for i, (name, creation) in enumerate(choices.items()):
        paths[name] = run.scratch / f"layout{i}.tif"
        _write_tif(paths[name], around, 10.0, bands, **creation)
    seconds = in_turn({name: lambda p=path: _decode(p) for name, path in paths.items()}, 5)
    pixels = sum(b.size for b in bands.values())
    kept = pixels / 1e6 / seconds["zstd 1, 256"]
    for name, path in paths.items():
        rate, size = pixels / 1e6 / seconds[name], path.stat().st_size * 8 / pixels
        yield Result(f"chip layout {name}: as chips are kept (zstd 1, 256)", rate, kept, "MPix/s", rate / kept, f"{size:.1f} bits a pixel")


def profile(run: Run) -> Iterator[Result]:
    """Must show 6: where the time of a tile-year goes, on one thread, into ``profile.txt``."""
    world = World(run.scratch / "profile", run.size(1024, 256), run.size(60, 8))
    world.observe(1)
    spent, text = _by_step(world), io.StringIO()
    total = sum(spent.values())
    text.write(f"One tile-year: {world.n_dates} dates x 7 bands x {world.side_px}², simulated, one thread, after compiling\n\n")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        text.write(f"{name:34s} {seconds:7.2f} s {seconds / total:6.1%}\n")
        yield alone(f"profile of a tile-year: {name}", seconds, "s", f"{seconds / total:.1%} of {total:.2f} s")
    if not run.quick:
        (Path(__file__).parent / "profile.txt").write_text(text.getvalue(), "utf-8")


STEPS = {
    "opening chips for their headers": ["observe.load_chips"],
    "reading and decoding": ["observe.read_stack", "qa_flags.read_stack", "qa_flags.read_role", "observe.read_radar"],
    "masks": ["observe.tile_flags", "observe.scene_flags"],
    "sharpening SWIR": ["observe.sharpen_swir"],
    "water kernel": ["observe.observe_water"],
    "vegetation step": ["observe.vegetation_layers"],
    "black-odorous water": ["observe.black_odorous_layers"],
    "water edges": ["observe.finest_median", "observe.finish_water"],
    "radar kernel": ["observe.radar_water"],
    "writing maps": ["observe.write_map"],
}
"""Step to the functions whose time it counts, named by the module that calls them; a function inside them that has its own step counts there."""


class Clock:
    """Seconds of each step, without the steps inside it."""

    def __init__(self):
        self.spent, self.open, self.last = dict.fromkeys([*STEPS, "everything else"], 0.0), ["everything else"], time.perf_counter()

    def turn(self) -> None:
        """Add the time since the last call to the open step."""
        now = time.perf_counter()
        self.spent[self.open[-1]] += now - self.last
        self.last = now

    def around(self, step: str, call: Callable) -> Callable:
        """Wrap a function so that its time counts to the step."""

        def timed(*args, **kwargs):
            self.turn()
            self.open.append(step)
            try:
                return call(*args, **kwargs)
            finally:
                self.turn()
                self.open.pop()

        return timed


def _by_step(world: World) -> dict[str, float]:
    """Seconds a step of one observation, all on this thread."""
    clock, modules = Clock(), {"observe": observe_module, "qa_flags": qa_flags}
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(dask, "compute", partial(dask.compute, scheduler="synchronous")))
        stack.enter_context(mock.patch.object(qa_flags, "ThreadPoolExecutor", InOrder))
        for step, names in STEPS.items():
            for module, name in (n.split(".") for n in names):
                stack.enter_context(mock.patch.object(modules[module], name, clock.around(step, getattr(modules[module], name))))
        clock.last = time.perf_counter()
        world.observe(1)
        clock.turn()
    return clock.spent


class InOrder:
    """Stands in for a thread pool; runs everything on the calling thread."""

    def __init__(self, max_workers: int = 1):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    map = staticmethod(map)
