"""Which water is sea: coasts, rivers, ponds and points on maps whose answers can be seen."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.windows import Window

from rs_pipeline.checks import check_files
from rs_pipeline.config import CoastlineSection, parse
from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import SeaMarks, channels_of, read_sea, sea, sea_and_rivers
from rs_pipeline.storage.raster import write_cog
from tests.made_up_run import write_grid

GRID = Grid("EPSG:32650", 20.0, 500_000.0, 4_300_000.0, 150, 100)
"""3 km by 2 km."""
EVERYWHERE = np.ones(GRID.shape, bool)


def marks(*along, points=(), reach_m=500.0):
    """Marks at (row, col)."""

    def places(pixels):
        return np.array([(GRID.left + 20 * c + 10, GRID.top - 20 * r - 10) for r, c in pixels], float).reshape(-1, 2)

    return SeaMarks(places(along), reach_m, places(points), tuple(f"point {i}" for i in range(len(points))))


@pytest.fixture
def coast():
    """The sea east of column 100, a river of 120 m into it, and west of it a lake of 600 m by 700 m that the river comes from."""
    water = np.zeros(GRID.shape, bool)
    water[:, 100:] = water[45:51, 40:100] = water[30:65, 10:40] = True
    return water


def test_a_river_and_its_lake_are_not_the_sea(coast):
    found, rivers = sea_and_rivers(coast, EVERYWHERE, GRID, marks((20, 100), (80, 100)))
    assert found[:, 102:].all() and not found[:, :96].any(), "of the river the last 60 m go with the sea"
    assert rivers[45:51, 60:90].all() and not rivers[:, 104:].any() and not (rivers & found).any()


@pytest.mark.parametrize("gate_px", [0, 2, 14])
def test_a_pond_behind_a_dyke_is_sea_only_where_it_is_wide_open(gate_px):
    """The dyke is 40 m thick; a gate of 40 m joins nothing, an opening of 280 m does."""
    water = np.zeros(GRID.shape, bool)
    water[:, 100:] = water[20:60, 58:98] = True
    water[30 : 30 + gate_px, 98:100] = True
    found, _ = sea_and_rivers(water, EVERYWHERE, GRID, marks((10, 100), (90, 100)))
    assert found[:, 100:].all() and found[25:55, 60:90].all() == (gate_px == 14) and found[25:55, 60:90].any() == (gate_px == 14)


def test_every_coast_of_the_line_has_its_sea_and_a_larger_lake_none():
    water = np.zeros(GRID.shape, bool)
    water[:, :20] = water[:, 130:] = water[20:90, 30:110] = True
    found, _ = sea_and_rivers(water, EVERYWHERE, GRID, marks((50, 20), (50, 130)))
    assert found[:, :20].all() and found[:, 130:].all() and not found[:, 25:125].any()
    one, _ = sea_and_rivers(water, EVERYWHERE, GRID, marks((50, 20), reach_m=200))
    assert one[:, :20].all() and not one[:, 25:].any()


def test_points_name_the_sea_where_there_is_no_line(coast):
    lake, _ = sea_and_rivers(coast, EVERYWHERE, GRID, marks(points=[(45, 20)]))
    assert lake[45, 20] and not lake[50, 140]
    unnamed, _ = sea_and_rivers(coast, EVERYWHERE, GRID, marks())
    assert unnamed[50, 140] and not unnamed[45, 20], "the largest that goes on beyond what was seen"


@pytest.mark.parametrize(("height_px", "both"), [(300, True), (120, False)])
def test_a_coast_in_two_pieces_has_two_seas_without_a_line(height_px, both):
    """A second water that goes on over 6 km is sea; over 2.4 km it may be a reservoir on the border."""
    grid = Grid("EPSG:32650", 20.0, 500_000.0, 4_300_000.0, 150, 400)
    water = np.zeros(grid.shape, bool)
    water[:, 110:] = water[:height_px, :30] = True
    found, _ = sea_and_rivers(water, np.ones(grid.shape, bool), grid, marks())
    assert found[:, 110:].all() and found[: height_px - 5, :25].all() == both and found[:, :30].any() == both


@pytest.mark.parametrize("hidden", [None, (slice(150, 350), slice(150, 350))], ids=["clear", "its middle under clouds"])
@pytest.mark.parametrize("lake", [(slice(0, 150), slice(200, 350)), (slice(100, 400), slice(100, 400))], ids=["on the border", "inland"])
def test_lakes_of_an_inland_county_are_no_sea(lake, hidden):
    """10 km by 10 km; a reservoir is cut by the county's border over 3 km, a lake of 6 km by 6 km lies within."""
    grid = Grid("EPSG:32650", 20.0, 500_000.0, 4_300_000.0, 500, 500)
    water, observed = np.zeros(grid.shape, bool), np.ones(grid.shape, bool)
    water[lake] = True
    if hidden:
        observed[hidden] = water[hidden] = False
    found, rivers = sea_and_rivers(water, observed, grid, marks())
    assert not found.any() and not rivers.any()


def test_without_water_or_far_from_the_line_there_is_no_sea(coast):
    assert not sea_and_rivers(np.zeros_like(coast), EVERYWHERE, GRID, marks((20, 100)))[0].any()
    assert not sea_and_rivers(coast, EVERYWHERE, GRID, marks((80, 60), reach_m=100))[0].any()


def test_clouds_off_the_shore_make_no_river(coast):
    observed = EVERYWHERE.copy()
    coast[:, 106:], observed[:, 106:] = False, False  # from 120 m off the shore
    found, rivers = sea_and_rivers(coast, observed, GRID, marks((20, 100)))
    assert found[:, 101:106].all() and not rivers[:, 101:].any()


def test_a_bay_is_no_river():
    water = np.zeros(GRID.shape, bool)
    water[:, 70:] = water[:30, 40:] = True  # 600 m wide
    water[38:44, :70] = True
    narrow = channels_of(water, EVERYWHERE, 20.0)
    assert narrow[38:44, 12:62].all() and not narrow[:, 74:].any() and not narrow[:30].any()


@pytest.fixture
def run(tmp_path):
    """run(reference, points) makes settings of a run on GRID at 10 m whose units are its west half; put(classes) writes its map of water."""
    grid = Grid(GRID.crs, 10.0, GRID.left, GRID.top, 300, 200)
    unit = gpd.GeoDataFrame({"adcode": ["1"], "name": ["A"], "prefecture": [""]}, geometry=[shapely.box(*grid.bounds)], crs=grid.crs)
    unit.to_file(tmp_path / "units.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.LineString([(502_000, 4_300_000), (502_000, 4_298_000)])], crs=grid.crs).to_file(tmp_path / "line.gpkg")

    def degrees(x, y):
        return gpd.GeoSeries.from_xy([x], [y], crs=grid.crs).to_crs(4326).iloc[0].coords[0]

    def make(reference=True, points=()):
        settings = parse(
            {
                "run": "t",
                "output": str(tmp_path),
                "units": {"path": str(tmp_path / "units.gpkg")},
                "periods": [2023],
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
                "coastline": {"reference": str(tmp_path / "line.gpkg") if reference else None, "sea_points": [degrees(*p) for p in points]},
            }
        )
        write_grid(settings, grid)
        return settings

    def put(settings, classes):
        bands = region_maps()["water"].bands
        layers = {"class": classes, "permanent_fraction": np.where(np.isnan(classes), np.nan, classes == 1)}
        stack = np.stack([layers.get(b.name, np.zeros(grid.shape)) for b in bands]).astype("float32")
        write_cog(Layout(settings.root).map("water", "2023"), grid, iter([(Window(0, 0, 300, 200), stack)]), bands, {})
        return settings

    make.put, make.grid = put, grid
    return make


@pytest.fixture
def flats(run):
    """The sea from column 220 on, a tidal flat before it from 200 to 220, a dyke of one pixel, and a pond of 500 m behind it; the last rows unseen."""
    classes = np.zeros(run.grid.shape)
    classes[:, 220:], classes[:, 200:220], classes[50:150, 149:199] = 1, 2, 1
    classes[190:] = np.nan
    return classes


@pytest.mark.parametrize(("reference", "points"), [(True, ()), (False, ((502_800, 4_299_000),)), (True, ((502_800, 4_299_000),)), (False, ())])
def test_the_map_of_the_sea_has_the_flats_and_not_the_pond(run, flats, reference, points):
    settings = run.put(run(reference, points), flats)
    sea(settings, "2023")
    with rasterio.open(Layout(settings.root).sea("2023")) as src:
        found = src.read(1)
    assert (found[:190, 200:] == 1).all() and (found[50:150, 149:190] == 0).all() and np.isnan(found[190:]).all()
    assert read_sea(settings, "2023", run.grid.window(-1, 298, 3, 4)).tolist() == [[False] * 4, [True, True, False, False], [True, True, False, False]]


@pytest.mark.parametrize(
    ("point", "what"),
    [((600_000, 4_299_000), "this point at sea lies in no tile of the run"), ((500_500, 4_299_800), "there is no open water at this point at sea in 2023")],
)
def test_a_point_that_is_not_at_sea_is_refused(run, flats, point, what):
    settings = run.put(run(points=[(502_800, 4_299_000), point]), flats)
    with pytest.raises(ConfigError, match=what) as fault:
        sea(settings, "2023")
    assert "coastline.sea_points.1: 11" in str(fault.value) and "with coastline.reference the sea is found without points" in str(fault.value)


def test_a_point_in_no_tile_is_refused_at_the_start(run):
    settings = run(points=[(502_800, 4_299_000), (600_000, 4_299_000)])
    with pytest.raises(ConfigError, match="inputs that the configuration names cannot be used") as fault:
        check_files(settings, made=[Path("c")])
    assert "coastline.sea_points.1: 118.152, 38.8341" in str(fault.value) and "sea_points.0" not in str(fault.value)


def test_a_point_under_clouds_is_no_fault(run, flats):
    flats[:, 250:] = np.nan
    settings = run.put(run(points=[(502_800, 4_299_000)]), flats)
    sea(settings, "2023")
    assert read_sea(settings, "2023", run.grid)[:190, 200:250].all()


def test_a_run_without_a_coast_has_no_sea_and_a_missing_map_is_named(run):
    settings = run()
    inland = settings.model_copy(update={"coastline": None})
    assert not read_sea(inland, "2023", run.grid).any()
    with pytest.raises(RasterError, match=r"the sea is not found yet\n.*sea_2023\.tif"):
        read_sea(settings, "2023", run.grid)
    with pytest.raises(RasterError, match="the water map is not made yet"):
        sea(settings.model_copy(update={"coastline": CoastlineSection()}), "2023")
