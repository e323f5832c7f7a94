"""The closed-form shoreline, the tide on it, and the sub-pixel sea."""

from datetime import UTC, date, datetime
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from rs_pipeline.model import Grid
from rs_pipeline.simulation.coast import Coast, CoastSection, make_coast, make_tide
from rs_pipeline.simulation.world import MIX_M, World, make_world


def plain_coast(**changes) -> Coast:
    """A straight natural coast along the x axis, sea to the south, with a wall from 500 m on."""
    sections = (
        CoastSection("beach", "sand", -1e4, 500.0, 0.0, 0.05, rate_m_yr=(4.0, 4.0)),
        CoastSection("wall", "port", 500.0, 1e4, 100.0, np.inf),
        CoastSection("fill", "reclamation", 600.0, 800.0, 250.0, np.inf, begins=2024.5),
    )
    return Coast((0.0, 0.0), (1.0, 0.0), 1000.0, sections, ((800.0, 0.0),), 2023.0)


def test_coordinates_and_back():
    coast = plain_coast()
    along, seaward = coast.coordinates(np.array([30.0]), np.array([-40.0]))
    assert (along[0], seaward[0]) == (30.0, 40.0)
    np.testing.assert_allclose(coast.point(along, seaward), [[30.0, -40.0]])


def test_waterline_moves_landward_as_the_tide_rises():
    coast, along = plain_coast(), np.array([100.0, 550.0])
    # 0.5 m on a slope of 0.05 is 10 m; a wall keeps its line
    np.testing.assert_allclose(coast.runup(along, 0.5, 2023.0), [-10.0, 0.0])
    np.testing.assert_allclose(coast.runup(along, -0.5, 2023.0), [10.0, 0.0])


def test_shoreline_grows_and_reclamation_is_a_step():
    coast, along = plain_coast(), np.array([100.0, 550.0, 700.0])
    np.testing.assert_allclose(coast.shoreline(along, 2023.0), [0, 100, 100])
    np.testing.assert_allclose(coast.shoreline(along, 2025.0), [8, 100, 250])


def test_line_pieces_join():
    pieces = plain_coast().line(2025.0)
    assert [section.name for section, _ in pieces] == ["beach", "wall", "fill", "wall"]
    for (_, before), (_, after) in pairwise(pieces):
        np.testing.assert_allclose(before[-1], after[0])


def test_sea_cover_of_a_straight_coast_is_exact():
    grid = Grid("EPSG:32650", 10.0, 0.0, 60.0, 12, 12)
    world = World(1, (2023,), grid, "coast", plain_coast(), SimpleNamespace(stands=()), None, None)
    on_the_line = world.sea_cover(date(2023, 1, 1), 0.0)
    inside = world.to_grid(on_the_line)
    # sea south of y = 0: the lower 6 of 12 rows
    np.testing.assert_allclose(inside[:, 3], [0] * 6 + [1] * 6)
    # at +0.1 m the line lies 2 m further north: a fifth of the row above is sea
    risen = world.to_grid(world.sea_cover(date(2023, 1, 1), 0.1))
    assert risen[5, 3] == pytest.approx(0.2, abs=1e-3)
    assert on_the_line.shape == (180 // int(MIX_M), 180 // int(MIX_M))


def test_tide_has_mean_zero_and_a_plausible_range():
    tide = make_tide(2023, 1, np.random.default_rng(0))
    assert len(tide.heights_m) == 8761
    assert abs(tide.heights_m.mean()) < 1e-9
    assert 1.5 < np.ptp(tide.heights_m) < 3.5
    half_past = tide.height(datetime(2023, 1, 1, 5, 30, tzinfo=UTC))
    assert half_past == pytest.approx(tide.heights_m[5:7].mean())


def test_a_muddy_tide_is_twice_as_large_and_its_flats_fall_dry():
    sand, mud = (make_tide(2023, 1, np.random.default_rng(0), shore) for shore in ("sand", "mud"))
    assert 1.5 < np.ptp(mud.heights_m) / np.ptp(sand.heights_m) < 2.2
    coast = make_coast(make_world(1, (2023,)).grid, 2023, np.random.default_rng(1), "mud")
    flats = [s for s in coast.sections if s.type == "mudflat"]
    along = np.array([(max(s.start_m, 0) + min(s.stop_m, coast.length_m)) / 2 for s in flats])
    # 1 m below mean sea level uncovers 1 / slope metres
    np.testing.assert_allclose(coast.runup(along, -1.0, 2023.0), [1 / s.slope for s in flats])
    assert (coast.runup(along, -1.0, 2023.0) > 160).all()


def test_an_inland_world_has_no_sea():
    world = make_world(2, (2025,), (120, 120), "plain")
    assert not world.coastal
    assert world.sea_cover(date(2025, 7, 1), 3.0).max() == 0.0


def test_default_coast_has_every_kind_and_changes_with_the_seed():
    grid = make_world(1, (2023, 2024, 2025)).grid
    first, again, other = (make_coast(grid, 2023, np.random.default_rng(s)) for s in (1, 1, 2))
    assert {s.kind for s in first.sections} == {"natural", "artificial", "river mouth"}
    assert first == again != other
    fill = next(s for s in first.sections if s.name == "reclamation")
    assert fill.stop_m - fill.start_m == pytest.approx(400)
    along = np.array([(fill.start_m + fill.stop_m) / 2])
    assert first.shoreline(along, 2024.5) - first.shoreline(along, 2023.5) == pytest.approx(150)
