"""Marks of findings that a reader can count. The grid has 40 x 30 pixels of 10 m."""

import math

import geopandas as gpd
import pytest

from rs_pipeline.config import LandZonesSection
from rs_pipeline.products.findings import RECLAIMED, VEGETATION
from rs_pipeline.simulation.materials import Material
from rs_pipeline.validation import findings


@pytest.fixture
def meadow(build):
    """A meadow in columns 0-19, maize elsewhere; from 2025 on houses of 4 x 4 pixels stand at (2, 2), (10, 2) and, in the maize, (30, 2), and of 2 x 2 at (2, 20)."""
    grass = (Material.MEADOW, 0, 0, 20, 30)
    build.year(2024, grass)
    build.year(2025, grass, (Material.BUILT, 2, 2, 4, 4), (Material.BUILT, 10, 2, 4, 4), (Material.BUILT, 30, 2, 4, 4), (Material.BUILT, 2, 20, 2, 2))
    return build


def told(build, *rows, kind=VEGETATION):
    """Findings; each row is (adcode, probability, polygon)."""
    codes, probabilities, shapes = zip(*rows, strict=True) if rows else ((), (), ())
    return gpd.GeoDataFrame({"kind": kind, "adcode": codes, "probability": probabilities}, geometry=list(shapes), crs=build.grid.crs)


def on_land(found, build, zones=()):
    return {(s.metric, s.subset): (s.value, s.n) for s in findings.score_land_findings(found, build.truth, 2025, 2024, LandZonesSection(), zones)}


def test_one_house_found_one_missed_and_one_invented(meadow):
    marks = on_land(told(meadow, ("1", 0.9, meadow.area(2, 2, 4, 4)), ("1", 0.5, meadow.area(10, 20, 4, 4))), meadow)
    assert marks["precision", "land"] == marks["precision", "land, first ten of a county"] == (0.5, 2)
    assert marks["recall", "land, events above four pixels"] == (0.5, 2)  # the one in maize and the one of four pixels do not count


def test_a_house_in_a_zone_counts_wherever_it_stands(meadow):
    zone = gpd.GeoDataFrame(geometry=[meadow.area(29, 0, 8, 8)], crs=meadow.grid.crs)
    assert on_land(told(meadow, ("1", 0.9, meadow.area(30, 2, 4, 4))), meadow, [zone])["recall", "land, events above four pixels"] == (pytest.approx(1 / 3), 3)


def test_a_beach_that_grows_loses_no_plants(build):
    build.year(2024, (Material.WET_SAND, 0, 0, 20, 30), (Material.REED, 20, 0, 5, 30)).year(2025, (Material.DRY_SAND, 0, 0, 25, 30))
    assert on_land(told(build, ("1", 0.9, build.area(20, 0, 5, 30))), build)["recall", "land, events above four pixels"] == (1, 1)
    assert on_land(told(build), build)["recall", "land, events above four pixels"] == (0, 1)


@pytest.mark.parametrize("flooded, flat", [(0.05, 1), (0.04, 0)])
def test_bare_ground_that_spring_tides_cover_is_no_land(build, flooded, flat):
    """Meadow in columns 0-19, half of which becomes mud; the list holds none of it. The sea covers the mud for 18 or 14 days of the year."""
    grass = (Material.MEADOW, 0, 0, 20, 30)
    build.year(2024, grass).year(2025, grass, (Material.SOIL, 0, 0, 10, 30), flooded=flooded, tidal=Material.SOIL)
    marks = on_land(told(build), build)
    assert marks["recall", "tidal flats, events above four pixels"][1] == flat and marks["recall", "land, events above four pixels"][1] == 1 - flat
    assert on_land(told(build, ("1", 0.9, build.area(0, 0, 10, 30))), build)["precision", "land"] == (1, 1)


@pytest.mark.parametrize("material", [Material.BUILT, Material.CONCRETE])
def test_what_is_built_within_reach_of_the_tide_stays_built(build, material):
    build.year(2024, (Material.MEADOW, 0, 0, 20, 30)).year(2025, (material, 0, 0, 20, 30), flooded=0.2, tidal=material)
    assert on_land(told(build), build)["recall", "land, events above four pixels"] == (0, 1)


@pytest.mark.parametrize("columns, found", [(2, 1), (1, 0)])
def test_half_a_house_is_found_and_less_is_not(meadow, columns, found):
    marks = on_land(told(meadow, ("1", 0.9, meadow.area(2, 2, columns, 4))), meadow)
    assert marks["recall", "land, events above four pixels"] == (found / 2, 2) and marks["precision", "land"] == (1, 1)


@pytest.mark.parametrize("width, true", [(8, 1), (9, 0)])
def test_a_finding_twice_as_wide_as_its_house_is_true_and_a_wider_one_is_not(meadow, width, true):
    assert on_land(told(meadow, ("1", 0.9, meadow.area(30, 2, width, 4))), meadow)["precision", "land"] == (true, 1)


def test_the_first_ten_of_each_county_are_its_most_probable(meadow):
    wrong, house = meadow.area(10, 20, 4, 4), meadow.area(2, 2, 4, 4)
    rows = [("1", 0.5, wrong)] * 5 + [("1", 0.9, house)] * 10 + [("2", 0.4, wrong)]
    assert on_land(told(meadow, *rows), meadow)["precision", "land, first ten of a county"] == (pytest.approx(10 / 11), 11)


def test_nothing_told_and_nothing_there(meadow, build):
    marks = on_land(told(meadow), meadow)
    assert math.isnan(marks["precision", "land"][0]) and marks["recall", "land, events above four pixels"] == (0, 2)
    build.year(2025, (Material.MEADOW, 0, 0, 20, 30))
    assert all(math.isnan(value) and n == 0 for value, n in on_land(told(build), build).values())


def test_reclamation_met_and_invented(build):
    build.year(2024).year(2025).vector("reclamation", [build.area(0, 0, 10, 10), build.area(20, 0, 10, 10), build.area(0, 20, 10, 10)], year=[2025, 2025, 2024])
    found = told(build, ("1", math.nan, build.area(0, 0, 19, 10)), ("1", math.nan, build.area(0, 19, 10, 10)), kind=RECLAIMED)
    marks = {(s.metric, s.subset): (s.value, s.n) for s in findings.score_reclamation(found, build.truth, 2024)}
    assert marks == {("precision", "reclamation"): (0.5, 2), ("recall", "reclamation"): (0.5, 2)}
    assert findings.score_reclamation(found, build.truth, 2025) == []
