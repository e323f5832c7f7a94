"""`kill -9` at random moments of search and fetch: what has a name is whole, and the next run ends as if nothing had happened."""

import json
import multiprocessing
import random
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rs_pipeline import region
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout
from tests.catalog.conftest import CRS, S2_ASSETS, World, write_tif
from tests.catalog.faulty import served

PROCESSES = multiprocessing.get_context("forkserver")
KILLS, KILLS_A_RUN = 20, 5


def work(settings: Settings) -> None:
    """Search and fetch, as the steps of a run do."""
    region.grid(settings)
    search(settings)
    fetch(settings, "r000c000", "2023")


@pytest.fixture
def server(tmp_path):
    world, rng = World(tmp_path / "world"), np.random.default_rng(3)
    for i in range(3):
        world.scene(f"s{i}", f"2023-05-{3 + 6 * i:02d}T03:00:00Z")
        for name, step in S2_ASSETS.items():
            if name == "scl":
                continue
            write_tif(world.root / "data" / f"s{i}" / f"{name}.tif", rng.integers(300, 3000, (640 // step,) * 2).astype("uint16"), step, nodata=0)
    with served([json.loads(p.read_text()) for p in sorted(world.items.glob("*.json"))], world.root / "data") as server:
        server.units = world.units
        yield server


def settings_of(server, output: Path) -> Settings:
    return parse(
        {
            "run": "t",
            "output": str(output),
            "units": {"path": str(server.units)},
            "periods": [2023],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": server.url, "schemes": ["http"]}],
            "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 64, "margin_m": 0},
            "fetch": {"connections": 3, "backoff_s": 0.01},
        }
    )


def named_files(settings: Settings) -> dict[str, bytes]:
    """Files that a later step would take, by their path below the output folder (the cache's zip files apart)."""
    root = settings.output
    files = [p for p in root.rglob("*") if p.is_file() and not any(part.startswith(".") for part in p.relative_to(root).parts)]
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(files)}


def test_killed_at_twenty_random_moments(server, tmp_path):
    PROCESSES.set_forkserver_preload(["rs_pipeline.catalog.search", "rs_pipeline.catalog.fetch", "rs_pipeline.region", "pystac_client"])
    whole = settings_of(server, tmp_path / "whole")
    times = []
    for settings in (whole, settings_of(server, tmp_path / "warm")):
        process = PROCESSES.Process(target=work, args=(settings,))
        start = time.monotonic()
        process.start()
        process.join()
        times.append(time.monotonic() - start)
        assert process.exitcode == 0
    expected, moments, cut, longest_s = named_files(whole), random.Random(11), 0, min(times)
    assert {Path(p).name for p in expected} >= {"scenes.parquet", "orbits.csv", "chips.parquet", "mask.tif"}
    for run in range(KILLS // KILLS_A_RUN):
        settings = settings_of(server, tmp_path / f"run{run}")
        for _ in range(KILLS_A_RUN):
            process = PROCESSES.Process(target=work, args=(settings,))
            process.start()
            process.join(moments.uniform(0, longest_s))
            at_work = process.exitcode is None
            cut, longest_s = cut + at_work, longest_s if at_work else longest_s * 0.8  # what was kept is not done again, and machines have other things to do
            process.kill()
            process.join()
            found = named_files(settings)
            assert all(expected[name] == data for name, data in found.items()), [n for n, d in found.items() if expected.get(n) != d]
            for entry in (settings.output / ".cache").rglob("[!.]*.zip"):
                assert zipfile.ZipFile(entry).testzip() is None
        work(settings)
        assert named_files(settings) == expected
        assert not [p for p in settings.root.rglob(".*.part*")]
        table = pd.read_parquet(Layout(settings.root).chips("2023", "r000c000"))
        assert list(table.status) == ["ok"] * 3
    assert cut >= KILLS // 2
