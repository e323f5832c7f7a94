"""Baselines, directions and crossings on lines whose answers can be read off."""

import numpy as np
import pytest
import shapely

from rs_pipeline.products.coastline.transects import cross, make_transects, smooth


def sea_east_of(x_m):
    return lambda xy: (xy[:, 0] > x_m).astype(float)


def transects_on(line, is_sea, spacing_m=100.0, half_length_m=500.0):
    return make_transects([shapely.LineString(line)], spacing_m, half_length_m, is_sea)


@pytest.mark.parametrize("line", [[(0, 0), (0, 1000)], [(0, 1000), (0, 0)]])
def test_transects_point_to_the_sea_whatever_the_digitising(line):
    t = transects_on(line, sea_east_of(0))
    assert len(t) == 10 and t.coast_m.sum() == pytest.approx(1000)
    np.testing.assert_allclose(t.seaward, np.tile([1.0, 0.0], (10, 1)), atol=1e-9)
    np.testing.assert_allclose(np.sort(t.origin[:, 1]), np.arange(50, 1000, 100), atol=1e-6)
    assert shapely.get_coordinates(t.lines()[0])[0, 0] == -500  # landward end first


def test_a_transect_without_a_view_takes_its_neighbours_direction():
    def is_sea(xy):
        return np.where(xy[:, 1] > 500, np.nan, xy[:, 0] > 0)

    np.testing.assert_allclose(transects_on([(0, 0), (0, 1000)], is_sea).seaward[:, 0], 1.0)


def test_a_baseline_without_sea_is_left_out():
    t = transects_on([(0, 0), (0, 1000)], lambda xy: np.zeros(len(xy)))
    assert len(t) == 0 and len(cross(t, np.array([shapely.LineString([(0, 0), (1, 1)])])).distance_m) == 0


def test_two_coasts_face_their_own_sea():
    lines = [shapely.LineString([(0, 0), (0, 1000)]), shapely.LineString([(9000, 0), (9000, 1000)])]
    t = make_transects(lines, 100.0, 500.0, lambda xy: ((xy[:, 0] < 0) | (xy[:, 0] > 9000)).astype(float))
    assert t.seaward[t.part == 0, 0] == pytest.approx(-1.0) and t.seaward[t.part == 1, 0] == pytest.approx(1.0)


def test_smoothing_takes_wiggles_out_and_keeps_the_ends():
    y = np.arange(0, 3001, 10.0)
    line = smooth(shapely.LineString(np.column_stack([30 * np.sin(2 * np.pi * y / 125), y])))
    xy = shapely.get_coordinates(line)
    assert np.abs(xy[20:-20, 0]).max() < 6
    np.testing.assert_allclose(xy[[0, -1], 1], [0, 3000], atol=1)


def test_smoothing_closes_rings_and_shrinks_circles_little():
    angle = np.linspace(0, 2 * np.pi, 200)
    ring = smooth(shapely.LinearRing(1000 * np.column_stack([np.cos(angle), np.sin(angle)])[:-1]))
    radius = np.hypot(*shapely.get_coordinates(ring).T)
    # the mean over an arc of 250 m lies (250 / 2000)^2 / 6 = 0.26 % inside
    assert ring.is_closed and radius.min() > 995 and radius.max() < 999


def test_distances_are_from_the_landward_end():
    t = transects_on([(0, 0), (0, 1000)], sea_east_of(0))
    c = cross(t, np.array([shapely.LineString([(40, -10), (40, 1010)])]))
    np.testing.assert_allclose(c.distance_m, 540.0, atol=1e-6)
    assert (c.spread_m == 0).all() and (c.line == 0).all()


def test_no_crossing_is_missing():
    t = transects_on([(0, 0), (0, 1000)], sea_east_of(0))
    c = cross(t, np.array([shapely.LineString([(40, -10), (40, 420)])]))
    assert np.isfinite(c.distance_m).sum() == 4 and (c.line[np.isnan(c.distance_m)] == -1).all()
    assert np.isnan(cross(t, np.array([], object)).distance_m).all()


def test_near_crossings_give_the_median_and_far_shores_do_not_count():
    t = transects_on([(0, 0), (0, 100)], sea_east_of(0))
    lines = np.array([shapely.LineString([(x, -10), (x, 110)]) for x in (-20, 10, 60, 450)], object)
    c = cross(t, lines)
    assert c.distance_m[0] == pytest.approx(510.0) and c.spread_m[0] == pytest.approx(80.0) and c.line[0] == 1
