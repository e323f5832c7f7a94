"""Blocks that jobs of a run share: read twice, damaged on the disk, requested by many jobs at once."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import granule, network
from benchmarks.attack import Attack
from benchmarks.far import Archive, Far, far_archive
from benchmarks.harness import differing, run_files
from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout

SIZE_PX, BLOCK_PX, TILE_PX, N_DAYS, FAR = 1830, 256, 256, 2, Far(latency_s=0.002, bytes_s=1e9)

Work = Callable[[Settings, list], None]


def _in_turn(settings: Settings, tiles: list) -> None:
    for tile in tiles:
        fetch(settings, tile.id, "2024")


def _fetched(folder: Path, work: Work) -> tuple[dict[str, bytes], int, int, int]:
    """Chip files of a run whose tiles ``work`` fetches; requests and bytes that it took, and bytes of the ideal."""
    files = granule.cogs(folder / "cogs", SIZE_PX, BLOCK_PX)
    with far_archive(files, FAR, [granule.item(day, SIZE_PX) for day in network.DAYS[:N_DAYS]]) as archive:
        settings = network.settings_of(folder, archive.url, SIZE_PX, TILE_PX, 1)
        search(settings)
        region.grid(settings)
        tiles = tiling.read_tiles(settings)
        archive.told()
        work(settings, tiles)
        told = archive.told()
        alone = _alone(settings, tiles, archive)
        made = {name: data for name, data in run_files(settings.root).items() if name.startswith("chips")}
        assert not (apart := differing(made, alone)), f"other chips than without shared parts: {apart[:3]}"
        return made, told["requests"], told["bytes"], network.ideal_cost(files, settings, tiles, FAR, N_DAYS).bytes


def _alone(settings: Settings, tiles: list, archive: Archive) -> dict[str, bytes]:
    """Chips of the same tiles, fetched without shared blocks."""
    other = settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"parts_gb": 0.0})})
    kept = settings.root / "chips"
    kept.rename(settings.root / "kept")
    _in_turn(other, tiles)
    found = {name: data for name, data in run_files(settings.root).items() if name.startswith("chips")}
    shutil.rmtree(kept)
    (settings.root / "kept").rename(kept)
    return found


def neighbours(folder: Path) -> str:
    made, requests, n_bytes, ideal = _fetched(folder, _in_turn)
    assert n_bytes <= 1.1 * ideal, (n_bytes, ideal)
    return f"{len(made)} files of chips from {requests} requests and {n_bytes / 1e6:.1f} MB, {n_bytes / ideal:.2f} times the blocks that are needed; identical to chips read tile by tile"


def damaged(folder: Path) -> str:
    def work(settings: Settings, tiles: list) -> None:
        fetch(settings, tiles[0].id, "2024")
        parts = [p for p in Layout(settings.root).parts.glob("*/*-*")]
        for i, path in enumerate(parts):
            data = path.read_bytes()
            path.write_bytes(data[:-1] if i % 3 == 0 else b"" if i % 3 == 1 else data[:-9] + bytes(b ^ 255 for b in data[-9:]))
        assert parts
        _in_turn(settings, tiles)

    made, requests, n_bytes, _ = _fetched(folder, work)
    return f"all parts of the first tile damaged; {len(made)} files of chips identical after {requests} requests, {n_bytes / 1e6:.1f} MB"


def at_once(folder: Path) -> str:
    def work(settings: Settings, tiles: list) -> None:
        spawn = multiprocessing.get_context("spawn")
        jobs = [spawn.Process(target=_in_turn, args=(settings, tiles[i::3])) for i in range(3)]
        [j.start() for j in jobs]
        [j.join() for j in jobs]
        assert not any(j.exitcode for j in jobs)

    made, requests, n_bytes, ideal = _fetched(folder, work)
    assert n_bytes <= 1.1 * ideal, (n_bytes, ideal)
    return f"three processes at once: {requests} requests, {n_bytes / 1e6:.1f} MB, {n_bytes / ideal:.2f} times the blocks that are needed; {len(made)} files of chips identical"


ATTACKS = (
    Attack("neighbours", "neighbouring tiles take each block over the network once, and chips are those of tiles read alone", neighbours),
    Attack("damaged parts", "what is damaged on the disk is asked for again and changes no chip", damaged),
    Attack("jobs at once", "jobs that need the same blocks at once ask for them once", at_once),
)
