"""Fetching of neighbouring tiles from a distant archive: requests, bytes and seconds of ours, of odc-stac, of an async reader and of the
ideal, in one run, after a check that all read the same pixels. Each has JOBS processes that take one tile after another, as the jobs of a run do, and
CONNECTIONS in all; ours writes and verifies chips besides.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely

from benchmarks import granule
from benchmarks.far import Archive, Far, far_archive
from benchmarks.harness import Result, Run, absent
from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.catalog.fetch import chip_grid, fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout
from rs_pipeline.model import Tile
from rs_pipeline.radiometry.masks import shadow_reach_m

COGS = Path(os.environ.get("RS_PIPELINE_COGS", Path.home() / ".cache/rs-pipeline-benchmarks"))
"""Where the granule's files are kept, 1 GB."""

DAYS = ("2024-05-01", "2024-06-10", "2024-07-20")
SIDE = 3
"""Tiles along a side of the square that is fetched."""

CONNECTIONS = 16
"""Of all jobs together."""
JOBS = 2


@dataclass(frozen=True)
class Cost:
    """Cost of fetching all tiles and days."""

    requests: int
    bytes: int
    seconds: float
    core_seconds: float = 0.0


def compare(run: Run) -> Iterator[Result]:
    """Latency of 75 ms, 100 Mbit/s for all connections together; a square of tiles across the blocks of the files, all bands, three days."""
    size_px, block_px, tile_px = run.size(granule.SIZE_PX, 1830), run.size(granule.BLOCK_PX, 256), run.size(1024, 256)
    files, days = granule.cogs(COGS, size_px, block_px), [granule.item(day, size_px) for day in DAYS]
    far = Far(latency_s=0.01) if run.quick else Far(0.075, 12.5e6)
    with far_archive(files, far, days) as archive:
        settings = settings_of(run.scratch, archive.url, size_px, tile_px)
        search(settings)
        region.grid(settings)
        tiles = tiling.read_tiles(settings)
        ideal = ideal_cost(files, settings, tiles, far)
        before = settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"parts_gb": 0.0, "connections": 4})})
        items = [granule.item(day, size_px) for day in DAYS]
        with ProcessPoolExecutor(JOBS, get_context("spawn")) as jobs:
            list(jobs.map(time.sleep, [1.0] * JOBS))  # both have started and imported this module
            costs = {}
            for name, mine in (("ours", settings), ("ours, each tile for itself, 4 connections", before)):
                _clear(settings)
                costs[name], _ = _cost(archive, jobs, _fetched, [(mine, tile) for tile in tiles])
            for name, call in (("odc-stac", _by_odc_stac), ("async-tiff with obstore", _by_async_tiff)):
                try:
                    costs[name], found = _cost(archive, jobs, call, [(settings, tile, archive.url, items) for tile in tiles])
                    _require_same(settings, tiles, dict(pair for pixels in found for pair in pixels.items()))
                except ImportError:
                    yield absent(f"tiles over a network: {name}", name)
    costs["ideal, each needed block once"] = ideal
    ours = costs["ours"]
    about = f"{len(tiles)} tiles of {tile_px}² with margin, {len(DAYS)} dates, 8 bands; {far.latency_s * 1e3:.0f} ms, {far.bytes_s / 1e6:.0f} MB/s in all; {JOBS} jobs"
    for name, cost in costs.items():
        if name != "ours":
            for what, unit in (("seconds", "s"), ("core_seconds", "core-s"), ("requests", "requests"), ("bytes", "MB")):
                mine, theirs = (getattr(c, what) / (1e6 if what == "bytes" else 1) for c in (ours, cost))
                if theirs:
                    yield Result(f"tiles over a network, {what}: {name}", mine, theirs, unit, theirs / mine, about)


def settings_of(folder: Path, url: str, size_px: int, tile_px: int, n_tiles: int = SIDE) -> Settings:
    """Settings of a run over a square of so many tiles a side."""
    left, top, side = granule.LEFT + size_px + 30, granule.TOP - size_px - 30, n_tiles * tile_px * 10  # a tenth into the granule, across its blocks
    square = gpd.GeoSeries([shapely.box(left, top - side, left + side, top)], crs=granule.CRS)
    gpd.GeoDataFrame({"adcode": ["990001"], "name": ["Square"], "prefecture": ["Square"]}, geometry=square).to_file(folder / "square.gpkg")
    return parse(
        {
            "run": "network",
            "output": str(folder / "out"),
            "units": {"path": str(folder / "square.gpkg")},
            "periods": [2024],
            "grid": {"crs": granule.CRS, "resolution_m": 10, "tile_px": tile_px},
            "search": {"self_test": False, "register_scenes": False},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": f"{url}/v1", "schemes": ["http"], "internal_hosts": True}],
            "fetch": {"cache_gb": 0, "connections": CONNECTIONS // JOBS},
        }
    )


def _cost(archive: Archive, jobs: Executor, work: Callable, tasks: Sequence[tuple]) -> tuple[Cost, list]:
    """Cost of a function of all tasks, and its results."""
    archive.told()
    start = time.perf_counter()
    done = list(jobs.map(_timed, [work] * len(tasks), tasks))
    seconds, told = time.perf_counter() - start, archive.told()
    return Cost(told["requests"], told["bytes"], seconds, sum(core_s for core_s, _ in done)), [found for _, found in done]


def _timed(work: Callable, arguments: tuple) -> tuple[float, object]:
    """Core-seconds and result of a call."""
    start = time.process_time()
    found = work(*arguments)
    return time.process_time() - start, found


def _clear(settings: Settings) -> None:
    """Remove the results of an earlier fetch."""
    for name in ("chips", Layout(settings.root).parts.name):
        with suppress(FileNotFoundError):
            shutil.rmtree(settings.root / name)


def _fetched(settings: Settings, tile: Tile) -> None:
    fetch(settings, tile.id, "2024")


def _windows(settings: Settings, tiles: Sequence[Tile], step_m: int, reach_m: float = 0.0) -> Iterator[tuple[int, int, int, int]]:
    """First and last row and column of the native pixels of each tile with its margin."""
    for tile in tiles:
        left, bottom, right, top = chip_grid(settings, tile).bounds
        first_col, last_col = ((x - granule.LEFT) // step_m for x in (left - reach_m, right + reach_m - 1e-6))
        first_row, last_row = ((granule.TOP - y) // step_m for y in (top + reach_m, bottom - reach_m + 1e-6))
        yield int(max(0, first_row)), int(last_row), int(max(0, first_col)), int(last_col)


def ideal_cost(files: dict[str, Path], settings: Settings, tiles: Sequence[Tile], far: Far, n_days: int = len(DAYS)) -> Cost:
    """Lowest possible cost: one request for the start of each file and one for each block that any tile meets; the transfer time of the bytes and two latencies."""
    requests, n_bytes = 0, 0
    for name, step_m, _ in granule.BANDS.values():
        with rasterio.open(files[name]) as dataset:
            side = dataset.block_shapes[0][0]
            reach_m = shadow_reach_m(55.0, settings.masks.shadow_height_m) if name == "SCL.tif" else 0.0
            blocks = {
                (row, col)
                for first_row, last_row, first_col, last_col in _windows(settings, tiles, step_m, reach_m)
                for row in range(first_row // side, min(last_row, dataset.height - 1) // side + 1)
                for col in range(first_col // side, min(last_col, dataset.width - 1) // side + 1)
            }
            requests += 1 + len(blocks)
            n_bytes += 2**14 + sum(int(dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1)) for row, col in blocks)
    requests, n_bytes = requests * n_days, n_bytes * n_days
    return Cost(requests, n_bytes, n_bytes / far.bytes_s + 2 * far.latency_s)


Pixels = dict[tuple[str, str], np.ndarray]
"""Tile and day to the red band of the tile with its margin."""


def _require_same(settings: Settings, tiles: Sequence[Tile], found: Pixels) -> None:
    for tile in tiles:
        for chip in load_chips(settings, tile.id, "2024"):
            path, band = chip.files["red"]
            with rasterio.open(path) as dataset:
                assert np.array_equal(dataset.read(band), found[tile.id, chip.scene.solar_day.isoformat()]), f"{tile.id}: other pixels"


def _by_odc_stac(settings: Settings, tile: Tile, url: str, items: Sequence[dict]) -> Pixels:
    """`odc.stac.load` of a tile, all bands at their native resolution, as many threads as connections, with its default settings for cloud storage."""
    import odc.stac
    import pystac
    from odc.geo.geobox import GeoBox

    odc.stac.configure_rio(cloud_defaults=True)
    found, scenes = {}, [pystac.Item.from_dict(_at(url, i)) for i in items]
    for step_m in (10, 20):
        bounds = chip_grid(settings, tile).bounds
        left, top = (granule.LEFT + (bounds[0] - granule.LEFT) // step_m * step_m, granule.TOP - (granule.TOP - bounds[3]) // step_m * step_m)
        shape = tuple(int(-(-length // step_m)) for length in (top - bounds[1], bounds[2] - left))
        box = GeoBox(shape, rasterio.Affine(step_m, 0, left, 0, -step_m, top), granule.CRS)
        bands = [asset for asset, (_, step, _) in granule.BANDS.items() if step == step_m]
        data = odc.stac.load(scenes, bands, geobox=box, pool=settings.fetch.connections, groupby="id")
        if step_m == 10:
            found |= {(tile.id, str(day)[:10]): values for day, values in zip(data.time.values, data.red.values, strict=True)}
    return found


def _at(url: str, item: dict) -> dict:
    return json.loads(json.dumps(item).replace("{url}", url))


def _by_async_tiff(settings: Settings, tile: Tile, url: str, items: Sequence[dict]) -> Pixels:
    """Blocks of a tile, all files at once."""
    from async_tiff import TIFF
    from obstore.store import HTTPStore

    store, found = HTTPStore(url, client_options={"allow_http": True}), {}

    async def band(item: dict, asset: str) -> None:
        name, step_m, _ = granule.BANDS[asset]
        tiff = await TIFF.open(f"{item['id']}/{name}", store=store, prefetch=2**15)
        side, full = tiff.ifds[0].tile_height, tiff.ifds[0]
        ((first_row, last_row, first_col, last_col),) = _windows(settings, [tile], step_m)
        last_row, last_col = min(last_row, full.image_height - 1), min(last_col, full.image_width - 1)
        places = [(col, row) for row in range(first_row // side, last_row // side + 1) for col in range(first_col // side, last_col // side + 1)]
        blocks = await tiff.fetch_tiles(places, 0)
        decoded = await asyncio.gather(*(b.decode() for b in blocks))
        if asset == "red":
            top, left = places[0][1] * side, places[0][0] * side
            whole = np.zeros((last_row // side * side + side - top, last_col // side * side + side - left), "uint16")
            for (col, row), block in zip(places, decoded, strict=True):
                values = np.asarray(block).reshape(side, side)
                whole[row * side - top : (row + 1) * side - top, col * side - left : (col + 1) * side - left] = values
            found[tile.id, item["properties"]["datetime"][:10]] = whole[first_row - top : last_row + 1 - top, first_col - left : last_col + 1 - left]

    async def all_bands() -> None:
        await asyncio.gather(*(band(item, asset) for item in items for asset in granule.BANDS))

    asyncio.run(all_bands())
    return found
