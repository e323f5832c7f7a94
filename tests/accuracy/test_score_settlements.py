"""Marks of settlements that a reader can count. The grid has 40 x 30 pixels of 10 m."""

import geopandas as gpd
import numpy as np
import pytest

from rs_pipeline.simulation.materials import Material
from rs_pipeline.simulation.side_tables import TOWN_FRINGE_M
from rs_pipeline.validation.counties import true_indicators
from rs_pipeline.validation.settlements import score_settlements


@pytest.fixture
def world(build):
    """A village of 10 x 10 pixels, one of 5 x 4, one without houses, and a mine; no town within the grid."""
    shapes = [build.area(0, 0, 10, 10), build.area(30, 20, 5, 4), build.area(15, 20, 5, 5), build.area(20, 0, 10, 10)]
    places = gpd.GeoDataFrame({"kind": ["village", "village", "village", "mine"], "cleared": None}, geometry=shapes, crs=build.grid.crs)
    places.to_file(build.folder.parent / "places.gpkg")
    town = build.area(100, 100, 10, 10).buffer(TOWN_FRINGE_M)
    gpd.GeoDataFrame(geometry=[town], crs=build.grid.crs).to_file(build.folder.parent / "urban.gpkg")
    return build.year(2024, (Material.BUILT, 2, 2, 1, 1), (Material.BUILT, 30, 20, 1, 1))


def test_half_a_village_drawn_one_missed_and_ground_invented(world):
    kinds = np.zeros(world.grid.shape, "float32")
    kinds[:10, :5], kinds[15:20, :5], kinds[:, 38:] = 2, 1, np.nan
    marks = {s.metric: (s.value, s.n) for s in score_settlements(kinds, world.truth)}
    assert marks["precision"] == (pytest.approx(50 / 75), 75) and marks["recall"] == (pytest.approx(50 / 120), 120)
    assert marks["f1"][0] == pytest.approx(100 / 195) and marks["found_share"] == (pytest.approx(50), 2)


def bare_ha(build):
    """True bare ground in settlements of a unit that is the whole grid, by year, ha."""
    build.vector("units", [build.area(0, 0, 40, 30)], adcode=["990101"], name=["W"], prefecture=[""])
    table = true_indicators(build.truth).query("adcode == '990101' and indicator == 'settlement_bare_area'")
    return dict(zip(table.period, table.true, strict=True))


def test_bare_ground_counts_inside_villages_with_houses(build, world):
    """Of 6 x 5 pixels of soil 4 x 2 lie in the village, on the ellipsoid within a few per mille; soil of the village without houses does not count."""
    build.year(2024, (Material.BUILT, 2, 2, 1, 1), (Material.SOIL, 6, 8, 6, 5), (Material.SOIL, 15, 20, 5, 5))
    assert bare_ha(build) == {"2024": pytest.approx(0.08, rel=0.01)}


def test_a_world_without_outlines_has_no_marks(build):
    assert score_settlements(np.zeros(build.grid.shape), build.year(2024).truth) == []
    assert bare_ha(build) == {}
