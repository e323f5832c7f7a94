"""Reaches and ponds drawn on a map of 10 m pixels whose lengths and widths are known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.config import BlackOdorousSection
from rs_pipeline.errors import RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.centrelines import branches, junctions, pruned_branches
from rs_pipeline.products.black_odorous.reaches import find_reaches, narrow_water, reach_lines, width_class
from rs_pipeline.products.register import region_maps
from rs_pipeline.region import grid as make_grid
from rs_pipeline.storage.raster import write_cog
from rs_pipeline.tiles import read_grid

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_303_000.0, 300, 300)
INNER = shapely.box(*GRID.bounds)


def dry(grid=GRID):
    return np.zeros(grid.shape, bool)


def found(wet, inner=INNER, grid=GRID):
    return find_reaches(wet, grid, BlackOdorousSection(), inner)


def test_a_straight_river_of_60_m_and_1_km_is_five_reaches():
    wet = dry()
    wet[100:106, 50:150] = True
    reaches = found(wet)
    assert [r.kind for r in reaches] == ["river"] * 5
    assert [r.length_m for r in reaches] == pytest.approx([200] * 5, abs=10)
    assert [r.width_m for r in reaches] == pytest.approx([60] * 5, abs=5)
    assert sum(r.length_m for r in reaches) == pytest.approx(1000, abs=20)


@pytest.mark.parametrize("width_m", [30, 50, 90])
def test_a_diagonal_river_has_its_true_width_and_length(width_m):
    """A band through the middle at 30 degrees, 2 km long."""
    rows, cols = np.indices(GRID.shape)
    x, y = (cols - 149.5) * 10, (149.5 - rows) * 10
    along, across = x * np.cos(np.pi / 6) + y * np.sin(np.pi / 6), y * np.cos(np.pi / 6) - x * np.sin(np.pi / 6)
    reaches = found((abs(across) < width_m / 2) & (abs(along) < 1000))
    assert sum(r.length_m for r in reaches) == pytest.approx(2000, rel=0.04)
    assert np.median([r.width_m for r in reaches]) == pytest.approx(width_m, abs=5)
    assert len(reaches) == 10


def test_a_ragged_bank_does_not_break_the_river():
    rng = np.random.default_rng(2)
    wet = dry()
    wet[100:108, 30:270] = True
    wet[99, 30:270] = wet[108, 30:270] = rng.random(240) < 0.4
    reaches = found(wet)
    assert len(reaches) == 12
    assert sum(r.length_m for r in reaches) == pytest.approx(2400, rel=0.04)


def test_a_confluence_keeps_all_three_arms():
    wet = dry()
    wet[100:105, 50:250] = True
    wet[105:200, 148:153] = True
    reaches = found(wet)
    assert sum(r.length_m for r in reaches) == pytest.approx(2000 + 975, rel=0.05)
    assert [r.width_m for r in reaches] == pytest.approx([50] * len(reaches), abs=10)


def test_a_bridge_does_not_cut_the_river():
    wet = dry()
    wet[100:106, 50:150] = True
    wet[100:106, 99:101] = False
    assert len(found(wet)) == 5


def test_a_pond_is_one_object_and_a_puddle_none():
    wet = dry()
    wet[50:60, 50:62] = True
    wet[200:203, 200:203] = True
    (pond,) = found(wet)
    assert pond.kind == "pond"
    assert pond.geometry.area == 12_000
    assert pond.width_m == pytest.approx(100, abs=10)


@pytest.mark.parametrize(("rows", "cols", "listed"), [(2, 5, 1), (3, 3, 0)])
def test_a_pond_is_listed_from_a_tenth_of_a_hectare(rows, cols, listed):
    """Ten pixels of 100 m2 are, nine are not."""
    wet = dry()
    wet[50 : 50 + rows, 50 : 50 + cols] = True
    assert len(found(wet)) == listed


@pytest.mark.parametrize(("length_px", "kind"), [(18, "pond"), (24, "river")])
def test_water_is_a_river_from_four_times_as_long_as_wide(length_px, kind):
    """50 m wide and 180 or 240 m long."""
    wet = dry()
    wet[100:105, 50 : 50 + length_px] = True
    assert {r.kind for r in found(wet)} == {kind}


def test_the_sea_is_left_out_and_the_river_that_meets_it_stays():
    wet = dry()
    wet[200:, :] = True
    wet[100:200, 148:156] = True
    reaches = found(wet)
    assert {r.kind for r in reaches} == {"river"}
    assert all(r.geometry.bounds[1] >= GRID.top - 2040 for r in reaches)
    assert sum(r.length_m for r in reaches) == pytest.approx(1000, abs=60)
    assert not narrow_water(np.ones((300, 300), bool), 10.0, 500.0).any()


def test_how_wide_water_and_how_small_a_pond_may_be_is_configured():
    wet = dry()
    wet[100:106, 50:150] = True
    wet[200:204, 100:104] = True
    every = find_reaches(wet, GRID, BlackOdorousSection(), INNER)
    assert {r.kind for r in every} == {"river", "pond"}  # a river of 60 m, a pond of 1600 m2
    no_pond = find_reaches(wet, GRID, BlackOdorousSection(min_pond_m2=1601), INNER)
    assert {r.kind for r in no_pond} == {"river"} and len(no_pond) == 5
    assert find_reaches(wet, GRID, BlackOdorousSection(max_width_m=31), INNER) == []


def test_rivers_are_cut_at_the_border_of_the_tile_and_lost_nowhere():
    wet = dry()
    wet[100:106, 20:280] = True
    left, bottom, right, top = GRID.bounds
    west = found(wet, shapely.box(left + 320, bottom + 320, 501_500, top - 320))
    east = found(wet, shapely.box(501_500, bottom + 320, right - 320, top - 320))
    assert max(r.geometry.bounds[2] for r in west) == pytest.approx(501_500)
    assert min(r.geometry.bounds[0] for r in east) == pytest.approx(501_500)
    assert sum(r.length_m for r in west + east) == pytest.approx(3000 - 640, abs=5)
    assert [r.width_m for r in west + east] == pytest.approx([60] * len(west + east), abs=8)


def test_a_pond_on_the_border_belongs_to_one_tile():
    wet = dry()
    wet[100:110, 145:156] = True
    boxes = [shapely.box(500_320, 4_300_320, 501_500, 4_302_680), shapely.box(501_500, 4_300_320, 502_680, 4_302_680)]
    assert sum(len(found(wet, box)) for box in boxes) == 1


@pytest.mark.parametrize(("width", "expected"), [(30, "assessable"), (29.9, "marginal"), (20, "marginal"), (19.9, "not_assessable")])
def test_width_classes(make_settings, width, expected):
    assert width_class(width, make_settings().black_odorous) == expected


def test_stairs_are_no_junctions_and_a_cross_is_one():
    stairs = np.zeros((6, 6), bool)
    stairs[[1, 1, 2, 2, 3, 3, 4], [1, 2, 2, 3, 3, 4, 4]] = True
    assert not junctions(stairs).any()
    cross = np.zeros((7, 7), bool)
    cross[3], cross[:, 3] = True, True
    assert np.argwhere(junctions(cross)).tolist() == [[3, 3]]
    assert len(branches(cross)) == 4


def test_a_ring_is_one_branch_without_free_ends_lost():
    ring = np.zeros((20, 20), bool)
    ring[4:16, 4:16] = True
    ring[8:12, 8:12] = False
    from scipy.ndimage import distance_transform_edt

    (only,) = pruned_branches(ring, distance_transform_edt(ring))
    assert len(only.path) > 24


# --- the step --------------------------------------------------------------------------------------------------------


def write_water(settings, period, wet):
    whole = read_grid(settings)
    layers = np.zeros((len(region_maps()["water"].bands), *whole.shape), "float32")
    layers[0], layers[1], layers[4] = wet, wet, wet
    pieces = iter([(Window(0, 0, whole.width, whole.height), layers)])
    write_cog(Layout(settings.root).map("water", period), whole, pieces, region_maps()["water"].bands, {})


@pytest.fixture
def settings(make_settings):
    """Two units side by side, 2 km x 1 km in all: 200 x 100 pixels."""
    made = make_settings({"990101": (500_000, 4_300_000, 501_000, 4_301_000), "990102": (501_000, 4_300_000, 502_000, 4_301_000)})
    make_grid(made)
    return made


def test_reach_lines_of_all_periods(settings):
    shape = read_grid(settings).shape
    first, second = np.zeros(shape), np.zeros(shape)
    first[40:46, 20:120] = 1
    second[10:20, 150:160] = 1  # a pond of the second period only
    second[70, 20:190] = 1  # a ditch of 10 m
    write_water(settings, "2023", first)
    write_water(settings, "2024", second)
    reach_lines(settings)
    table = gpd.read_parquet(Layout(settings.root).reach_lines)
    assert table.crs == "EPSG:32650"
    assert table.reach_id.is_unique
    assert set(table.kind) == {"river", "pond"}
    ditch = table[table.width_class == "not_assessable"]
    assert ditch.length_m.sum() == pytest.approx(1700, rel=0.05)
    assert ditch.width_m.max() < 20
    assert table[(table.kind == "river") & (table.width_class == "assessable")].length_m.sum() == pytest.approx(1000, rel=0.05)
    pond = table[table.kind == "pond"].iloc[0]
    assert pond.adcode == "990102" and pond.reach_id.startswith("P-117.0")
    west = table[table.geometry.centroid.x < 500_990]
    assert set(west.adcode) == {"990101"}
    before = table.reach_id.tolist()
    reach_lines(settings)
    assert gpd.read_parquet(Layout(settings.root).reach_lines).reach_id.tolist() == before


def test_no_water_is_an_empty_table_and_no_map_an_error(settings):
    with pytest.raises(RasterError, match="not made yet"):
        reach_lines(settings)
    for period in ("2023", "2024"):
        write_water(settings, period, np.zeros(read_grid(settings).shape))
    reach_lines(settings)
    table = gpd.read_parquet(Layout(settings.root).reach_lines)
    assert len(table) == 0 and "width_class" in table and table.crs == "EPSG:32650"
