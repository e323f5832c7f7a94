"""A tiny world whose chain runs in a minute: two tiles, two years, four dates a year, no sea."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import yaml

from benchmarks.harness import run_files
from benchmarks.province import CRS, Place, configuration, spread_days, write_scene
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid

BOTH = Place(500_000, 4_300_000, 128, 64)
WEST = Place(499_600, 4_300_000, 48, 64)
"""Over the western tile's edge; footprints are drawn coarsely, so it lies half a kilometre from the eastern tile's margin."""


HEIGHTS = "heights.tif"


@dataclass(frozen=True)
class Small:
    """A folder with scenes, a configuration and, where it was run, results."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "results" / "small")

    def configure(self, periods=(2023, 2024), **changes) -> Path:
        """Write the configuration with changes; its paths are relative to the folder, so that runs elsewhere are the same. A copy has the scenes
        of the folder that it was copied from. Where it has heights, the run has a map of soil loss."""
        changes = ({"soil": {"dem": HEIGHTS}} if (self.folder / HEIGHTS).is_file() else {}) | changes
        hrefs = [a["href"] for p in (self.folder / "items").glob("*.json") for a in json.loads(p.read_text())["assets"].values()]
        folders = sorted({Path(href).parents[1] for href in hrefs if href.startswith("/")})
        self.config.write_text(yaml.safe_dump(configuration(Path(), list(periods), 64, folders, **changes)))
        return self.config

    def files(self) -> dict[str, bytes]:
        return run_files(self.layout.root)


def write_world(folder: Path) -> Small:
    frame = gpd.GeoDataFrame(
        {"adcode": ["130101", "130102"], "name": ["West", "East"], "prefecture": ["There"] * 2},
        crs=CRS,
        geometry=[shapely.box(500_000, 4_299_360, 500_640, 4_300_000), shapely.box(500_640, 4_299_360, 501_280, 4_300_000)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_crs(4326).to_file(folder / "units.gpkg")
    for n, day in enumerate(d for year in (2023, 2024) for d in spread_days(year, 4)):
        write_scene(folder, BOTH, day, n)
    write_heights(folder / HEIGHTS)
    small = Small(folder)
    small.configure()
    return small


def write_heights(path: Path) -> None:
    """A slope of 1 in 10 to the east over both tiles and their surroundings, 30 m."""
    grid = Grid(CRS, 30.0, 498_000.0, 4_302_000.0, 180, 180)
    with rasterio.open(path, "w", driver="GTiff", width=180, height=180, count=1, dtype="float32", crs=CRS, transform=grid.transform) as out:
        out.write(np.broadcast_to(3.0 * np.arange(180, dtype="float32"), grid.shape), 1)


def new_scene(small: Small) -> str:
    """A scene of another month over the western tile alone, of 2024."""
    return write_scene(small.folder, WEST, date(2024, 10, 20), 99)


@pytest.fixture(scope="package")
def small_run(tmp_path_factory, snakemake) -> Small:
    """The tiny world with the results of an undisturbed run; not to be changed."""
    small = write_world(tmp_path_factory.mktemp("small"))
    snakemake(small.config)
    return small


@pytest.fixture
def copied_run(small_run, tmp_path) -> Small:
    """A copy of `small_run`, moved to another folder with its times: what a test may change. It has its own scenes and bookkeeping."""
    shutil.copytree(small_run.folder, tmp_path / "moved")
    return Small(tmp_path / "moved")


@pytest.fixture
def small_world(small_run, tmp_path) -> Small:
    """The scenes of `small_run` with nothing run on them yet."""
    small = Small(tmp_path / "world")
    small.folder.mkdir()
    for name in ("units.gpkg", HEIGHTS):
        shutil.copy(small_run.folder / name, small.folder)
    (small.folder / "items").symlink_to(small_run.folder / "items")
    small.configure()
    return small
