"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.harness import ROOT, in_root, snakemake_command
from rs_pipeline.remote import address
from tests.made_up_run import fake_run, make, make_scene, plain_errors  # noqa: F401

REAL_DATA = Path(os.environ.get("RS_PIPELINE_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "real"))


LONG_FIXTURES = ("simulated_run", "small_run", "toy_run")
"""Runs of the whole chain: the tests of each stay together, so that it runs once, and begin first, side by side."""

LONG_FILES = ("test_chain.py", "test_steps.py", "test_real.py", "test_browser.py")
"""They follow: a long one that begins last leaves the other process idle."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Two processes share the tests; those of a file stay in one, for its fixtures."""
    items.sort(key=lambda item: (long_fixture(item) is None, item.path.name not in LONG_FILES))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(long_fixture(item) or str(item.path)))


def long_fixture(item) -> str | None:
    return next((f for f in LONG_FIXTURES if f in item.fixturenames), None)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real scenes; tests that need it skip where it is absent, and fail in CI."""
    if not (REAL_DATA / "catalog" / "catalog.json").is_file():
        if os.environ.get("CI"):
            pytest.fail(f"real test data is missing: {REAL_DATA}")
        pytest.skip(f"no real data at {REAL_DATA}; set RS_PIPELINE_REAL_DATA to its folder")
    return REAL_DATA


@pytest.fixture
def make_settings(tmp_path):
    """Settings of a small run in ``tmp_path``: units from rectangles in EPSG:32650, no scenes yet."""
    import geopandas as gpd
    import shapely

    from rs_pipeline.config import parse

    def settings(boxes=None, **changes):
        boxes = boxes or {"990101": (500000, 4300000, 501000, 4301000)}
        frame = gpd.GeoDataFrame(
            {"adcode": list(boxes), "name": [f"County {c}" for c in boxes], "prefecture": ["Test"] * len(boxes)},
            geometry=[shapely.box(*b) for b in boxes.values()],
            crs=32650,
        )
        path = tmp_path / "units.gpkg"
        frame.to_file(path, driver="GPKG")
        (tmp_path / "none.ndjson").touch()  # a catalog without items
        values = {
            "run": "test",
            "output": str(tmp_path / "results"),
            "units": {"path": str(path)},
            "periods": [2023, 2024],
            "grid": {"crs": "EPSG:32650", "tile_px": 64},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(tmp_path)}],
        }
        return parse(values | changes)

    return settings


@pytest.fixture(scope="session")
def snakemake():
    """Function that runs `snakemake` with a configuration file, in its folder, as a user does."""

    def run(config: Path, *args: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(snakemake_command(config, *args), cwd=ROOT, capture_output=True, text=True, timeout=1200, env=in_root())
        if check:
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        return done

    return run


@pytest.fixture(scope="session")
def simulated_run(tmp_path_factory, snakemake):
    """The chain on the small world of the accuracy table: (configuration file, layout, folder of the world)."""
    from benchmarks.accuracy.worlds import SMALL
    from rs_pipeline.layout import Layout
    from rs_pipeline.simulation.write import run_config, write_world

    folder = tmp_path_factory.mktemp("chain")
    world = folder / "world"
    write_world(world, SMALL.seed, SMALL.years, landscape=SMALL.landscape, size_px=SMALL.size_px)
    config = folder / "config.yaml"
    config.write_text(run_config(world))
    snakemake(config)
    return config, Layout(folder / "results" / "world"), world


@pytest.fixture
def outside(monkeypatch):
    """Servers on 127.0.0.1 stand for public ones; every other address of this machine, such as 127.0.0.2, and all else is internal."""
    monkeypatch.setattr(address, "is_public_number", lambda number: number == "127.0.0.1")
    address._standing.cache_clear()
    yield
    address._standing.cache_clear()
