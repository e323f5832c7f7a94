"""Cross-checks of straight coasts whose shore is known: radar's waterline, and the edge of lasting plants."""

import numpy as np
import pytest
import shapely

from rs_pipeline.layout import SHORE_RADAR, Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.coastline import composite, cross_check
from rs_pipeline.products.coastline.cross_check import edge, radar_distance, vegetation_distance
from rs_pipeline.products.coastline.transects import Transects
from rs_pipeline.storage.raster import MapBand, write_map

CRS = "EPSG:32650"
GRID = Grid(CRS, 10.0, 500_000.0, 4_300_000.0, 120, 40)
SHORE_X, HALF_M = 500_605.0, 400.0
"""The shore runs north and south; the sea lies east of it. A transect of 800 m has its landward end 400 m west of SHORE_X."""
SEA, SAND, FIELD = 0.002, 0.010, 0.040
"""VV power: -27, -20 and -14 dB."""


@pytest.fixture
def transects():
    lines = [shapely.LineString([(SHORE_X - HALF_M, y), (SHORE_X + HALF_M, y)]) for y in (4_299_905.0, 4_299_805.0)]
    return Transects.of_lines(lines)


def share_west_of(x: float, grid: Grid = GRID) -> np.ndarray:
    """Share of each pixel west of x, (h, w)."""
    left = grid.left + np.arange(grid.width) * grid.resolution_m
    return np.broadcast_to(np.clip((x - left) / grid.resolution_m, 0, 1), grid.shape)


def write(path, grid, **layers):
    write_map(path, grid, {k: np.asarray(v, "float32") for k, v in layers.items()}, [MapBand(k, k) for k in layers], {})
    return path


def beach(grid=GRID, sand_m=80.0, sand=SAND):
    """Field, a strip of sand, sea."""
    land, field = share_west_of(SHORE_X, grid), share_west_of(SHORE_X - sand_m, grid)
    return SEA + land * (sand - SEA) + field * (FIELD - sand)


def test_of_lines_gives_the_transects_that_were_written(transects):
    again = Transects.of_lines(transects.lines())
    assert again.half_length_m == HALF_M and again.seaward.tolist() == [[1, 0], [1, 0]]
    np.testing.assert_array_equal(again.origin, transects.origin)


def test_radar_lies_half_way_between_the_sea_and_the_sand_not_the_field(tmp_path, transects):
    path = write(tmp_path / "a.tif", GRID, vv_gamma0=beach(), n_dates=np.full(GRID.shape, 20))
    # the shore is at 400 m; the optical line lay 12 m landward of it; linear interpolation of a half-filled pixel is exact at its middle
    assert radar_distance([path], transects, np.full(2, HALF_M - 12), 5) == pytest.approx(HALF_M, abs=0.5)


def test_ground_as_dark_as_the_sea_is_no_shore(tmp_path, transects):
    path = write(tmp_path / "a.tif", GRID, vv_gamma0=beach(sand=1.5 * SEA), n_dates=np.full(GRID.shape, 20))
    assert np.isnan(radar_distance([path], transects, np.full(2, HALF_M), 5)).all()


def test_few_dates_no_file_and_no_optical_shore_give_no_distance(tmp_path, transects):
    path = write(tmp_path / "a.tif", GRID, vv_gamma0=beach(), n_dates=np.full(GRID.shape, 4))
    for paths, near in (([path], np.full(2, HALF_M)), ([tmp_path / "none.tif"], np.full(2, HALF_M)), ([path], np.full(2, np.nan))):
        assert np.isnan(radar_distance(paths, transects, near, 5)).all()


def test_a_ship_is_passed_over(tmp_path, transects):
    power = beach()
    power[:, 75] = FIELD  # one pixel, 150 m out
    path = write(tmp_path / "a.tif", GRID, vv_gamma0=power, n_dates=np.full(GRID.shape, 20))
    assert radar_distance([path], transects, np.full(2, HALF_M), 5) == pytest.approx(HALF_M, abs=0.5)


def test_a_profile_may_cross_from_tile_to_tile(tmp_path, transects):
    west, east = GRID.window(0, 0, 40, 55), GRID.window(0, 55, 40, 65)
    paths = [write(tmp_path / f"{i}.tif", g, vv_gamma0=beach(g), n_dates=np.full(g.shape, 20)) for i, g in enumerate((west, east))]
    assert radar_distance(paths, transects, np.full(2, HALF_M), 5) == pytest.approx(HALF_M, abs=0.5)


def test_the_vegetation_line_is_where_plants_begin_for_good(tmp_path, transects):
    cover = 0.4 * share_west_of(SHORE_X - 100)  # linear between centres: 0.2 is reached half-way into the pixel of the edge
    cover[:, 57] = 0.5  # a tuft of one pixel on the beach
    cover = np.where(share_west_of(SHORE_X) == 0, np.nan, cover)
    path = write(tmp_path / "v.tif", GRID, fvc_peak=cover)
    assert vegetation_distance(path, transects, np.full(2, HALF_M)) == pytest.approx(HALF_M - 100, abs=0.5)
    bare = write(tmp_path / "b.tif", GRID, fvc_peak=np.full(GRID.shape, 0.05))
    assert np.isnan(vegetation_distance(bare, transects, np.full(2, HALF_M))).all()
    assert np.isnan(vegetation_distance(path, transects, np.full(2, np.nan))).all()
    ground = np.where(share_west_of(SHORE_X - 200) > 0, 0.5, 0.05)
    cloud = (share_west_of(SHORE_X - 20) > 0) & (share_west_of(SHORE_X - 200) == 0)
    hidden = write(tmp_path / "h.tif", GRID, fvc_peak=np.where(cloud, np.nan, ground))
    assert np.isnan(vegetation_distance(hidden, transects, np.full(2, HALF_M))).all()  # bare for 20 m, grown over from 200 m on, between them nobody saw


def test_an_edge_at_once_and_a_profile_with_gaps():
    offset = np.arange(0.0, 50.0, 5.0)
    assert edge(np.ones((1, 10)), offset, np.array([0.5])).tolist() == [0.0]
    gap = np.r_[0.0, 0, 0, np.nan, 1, 1, 1, 1, 1, 1]  # the gap is bridged by a straight line, to 0.5
    assert edge(gap[None], offset, np.array([0.5])).tolist() == [15.0]
    assert np.isnan(edge(np.r_[0.0, np.nan, np.nan, np.nan, 1, 1, 1, 1, 1, 1][None], offset, np.array([0.5]))).all()


def test_power_is_averaged_and_missing_dates_do_not_count(tmp_path, monkeypatch):
    amplitude = {"a": np.array([[1000, 0]]), "b": np.array([[2000, 3000]])}
    monkeypatch.setattr(composite, "read_radar_pass", lambda seen, *_: np.array(amplitude[seen], "uint16")[None])
    got = composite.radar_layers(["a", "b"], GRID.window(0, 0, 1, 2), None)
    # (0.1^2 + 0.2^2) / 2 = 0.025, and 0.3^2 alone
    assert got["vv_gamma0"][0].tolist() == pytest.approx([0.025, 0.09]) and got["n_dates"][0].tolist() == [2, 1]
    empty = composite.radar_layers([], GRID, None)
    assert np.isnan(empty["vv_gamma0"]).all() and not empty["n_dates"].any()


def test_a_period_without_optical_shore_is_asked_where_it_usually_lies(tmp_path, make_settings, transects):
    settings = make_settings(coastline={"min_dates": 5})
    layout, tile = Layout(settings.root), Tile("r000c000", 0, 0, GRID)
    write(layout.shore("2024", tile.id, SHORE_RADAR), GRID, vv_gamma0=beach(), n_dates=np.full(GRID.shape, 20))
    distance = {"2023": np.array([HALF_M, np.nan]), "2024": np.array([np.nan, np.nan])}
    from rs_pipeline.products.coastline.assemble import cross_checks

    got = cross_checks(settings, [tile], transects, distance)
    assert got["radar_2024"][0] == pytest.approx(HALF_M, abs=0.5) and np.isnan(got["radar_2024"][1])
    assert np.isnan(got["radar_2023"]).all() and np.isnan(got["vegetation_line_2024"]).all()
    assert set(got) == {f"{name}_{year}" for name in ("radar", "vegetation_line") for year in (2023, 2024)} and cross_check.PROFILE_STEP_M == 5
