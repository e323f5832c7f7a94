"""Truths small enough to check by hand, and the truth of a real small world."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, box

from rs_pipeline.model import Grid
from rs_pipeline.simulation.materials import FLOODED_DAYS, WATER, Material
from rs_pipeline.simulation.truth import write_raster, write_side_tables, write_truth
from rs_pipeline.simulation.world import make_world
from rs_pipeline.validation.truth import Score, Truth

CRS = "EPSG:32650"
GRID = Grid(CRS, 10.0, 500_000.0, 4_300_000.0, 40, 30)
DAYS = {m: (last - first + 1) / 365 for m, (first, last) in FLOODED_DAYS.items()}


class Builder:
    """Writes the files of a truth of 40 x 30 pixels: maize with cover 0.8 everywhere, and what is painted over it."""

    grid = GRID

    @staticmethod
    def place(col: float, row: float) -> tuple[float, float]:
        """Map coordinates of a position in pixels from the upper left corner."""
        return GRID.left + 10 * col, GRID.top - 10 * row

    @classmethod
    def area(cls, col: float, row: float, width: float, height: float):
        """A rectangle given in pixels."""
        x, y = cls.place(col, row)
        return box(x, y - 10 * height, x + 10 * width, y)

    @classmethod
    def line(cls, *points: tuple[float, float]) -> LineString:
        return LineString([cls.place(col, row) for col, row in points])

    def __init__(self, folder):
        self.folder = folder / "truth"
        self.folder.mkdir(parents=True)
        (folder / "world.json").write_text(json.dumps({"simulated": True}))

    def year(
        self, year: int, *painted: tuple[Material, float, float, float, float], cover: float = 0.8, flooded: float = 0.0, tidal: Material = Material.MUDFLAT
    ) -> Builder:
        """Maps of a year; each painted part is (material, col, row, width, height) in pixels, multiples of a quarter. The sea covers ``tidal`` ground for
        ``flooded`` of the year."""
        ground = np.full((4 * GRID.height, 4 * GRID.width), int(Material.MAIZE), "uint8")
        for material, *at in painted:
            col, row, width, height = (round(4 * v) for v in at)
            ground[row : row + height, col : col + width] = int(material)
        green = np.where(np.isin(ground, [int(m) for m in WATER]), 0, cover)
        wet = sum((ground == m) * DAYS.get(m, 1.0) for m in WATER) + (ground == tidal) * flooded
        fine = Grid(CRS, 2.5, GRID.left, GRID.top, *ground.shape[::-1])
        legend = ";".join(f"{m.value}={m.name.lower()}" for m in Material)
        write_raster(self.folder / f"landcover_{year}.tif", fine, [ground], ["landcover"], 0, legend=legend)
        frequency = mean4(wet)
        write_raster(self.folder / f"water_{year}.tif", GRID, [frequency, frequency], ["frequency", "class"], np.nan)
        write_raster(self.folder / f"vegetation_{year}.tif", GRID, [mean4(green), mean4(green)], ["fvc_peak", "fvc_growing"], np.nan)
        return self

    def vector(self, file: str, shapes: list, /, **columns) -> Builder:
        folder = self.folder.parent if file in ("units", "grassland", "red_line", "reserves") else self.folder
        gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_file(folder / f"{file}.gpkg", driver="GPKG", layer=file)
        return self

    def waters(self, *rows: tuple[str, str, str, float, object]) -> Builder:
        """Each row is (name, kind, confuser, width_m, polygon)."""
        names, kinds, confusers, widths, shapes = zip(*rows, strict=True)
        return self.vector("waters", list(shapes), name=names, kind=kinds, material=kinds, confuser=confusers, width_m=widths)

    @property
    def truth(self) -> Truth:
        return Truth(self.folder)


def mean4(fine: np.ndarray) -> np.ndarray:
    return fine.reshape(GRID.height, 4, GRID.width, 4).mean(axis=(1, 3)).astype("float32")


@pytest.fixture
def build(tmp_path) -> Builder:
    return Builder(tmp_path / "world")


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Folder of the truth and side tables of a real coastal world of 3 x 2.4 km and three years, without scenes."""
    folder = tmp_path_factory.mktemp("accuracy") / "world"
    folder.mkdir()
    world = make_world(5, (2023, 2024, 2025), (300, 240))
    write_side_tables(world, folder)
    write_truth(world, folder / "truth")
    return folder


def value(scores: list[Score], metric: str, subset: str = "all", product: str | None = None) -> float:
    """The one score of that name."""
    found = [s.value for s in scores if s.metric == metric and s.subset == subset and product in (None, s.product)]
    assert len(found) == 1, f"{len(found)} scores {metric} of {subset}"
    return found[0]


@pytest.fixture
def read():
    return value
