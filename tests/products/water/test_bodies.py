"""Water bodies on a 40 x 40 map of 10 m pixels whose answers can be counted by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.config import CoastlineSection, parse
from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import SEA_BANDS
from rs_pipeline.products.water import bodies as step
from rs_pipeline.storage.raster import write_cog
from rs_pipeline.tiles import pixel_areas
from tests.made_up_run import write_grid

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_400_000.0, 40, 40)
PIXEL = float(pixel_areas(GRID).mean())
"""About 100.08 m2: the scale on the central meridian is 0.9996."""


@pytest.fixture
def settings(tmp_path):
    left, bottom, right, top = GRID.bounds
    halves = [shapely.box(left, bottom, left + 200, top), shapely.box(left + 200, bottom, right, top)]
    units = gpd.GeoDataFrame({"adcode": ["1", "2"], "name": ["West", "East"], "prefecture": ["", ""]}, geometry=halves, crs=GRID.crs)
    units.to_file(tmp_path / "units.gpkg")
    return parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "units.gpkg")},
            "periods": [2022, 2023],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "water": {"min_reported_area_m2": 2000},
        }
    )


def put(settings, period, frequency, lower=None, upper=None, plants=None):
    """A water map made from the frequency alone, as the observe step would class it."""
    f = frequency.astype("float32")
    kind = np.select([f >= 0.75, f >= 0.25, f >= 0.05], [1, 2, 3], 0).astype("float32")
    kind[np.isnan(f)] = np.nan
    layers = np.stack([f, kind, f if lower is None else lower, f if upper is None else upper, f >= 0.75, 0 * f if plants is None else plants]).astype("float32")
    write_grid(settings, GRID)
    write_cog(Layout(settings.root).map("water", period), GRID, iter([(Window(0, 0, 40, 40), layers)]), region_maps()["water"].bands, {})


def read(settings):
    return gpd.read_file(Layout(settings.root).bodies, layer="bodies")


def dry_land():
    return np.zeros((40, 40))


def test_a_pond_keeps_its_id_while_it_shrinks_and_another_dries(settings):
    first, second = dry_land(), dry_land()
    first[2:8, 2:8] = 0.9  # 36 pixels, shrinking to 18 in the second period
    second[2:8, 2:5] = 0.5
    first[20:25, 25:30] = 0.8  # 25 pixels in the eastern unit, dry afterwards
    put(settings, "2022", first)
    put(settings, "2023", second)
    step.bodies(settings)
    table = read(settings)
    pond, drying = (g for _, g in table.groupby("body_id", sort=False))
    assert pond.area_m2.tolist() == pytest.approx([36 * PIXEL, 18 * PIXEL], rel=1e-5)
    assert pond.state.tolist() == ["wet", "wet"]
    assert pond.counted.all()  # 18 pixels are 1800 m2, below the 2000 m2 that count, but it was larger before
    assert drying.area_m2.tolist() == pytest.approx([25 * PIXEL, 0], rel=1e-5)
    assert drying.state.tolist() == ["wet", "dry"]
    assert drying.counted.all()
    assert set(pond.adcode) == {"1"} and set(drying.adcode) == {"2"}
    assert pond.geometry.iloc[0].equals(pond.geometry.iloc[1])
    assert pond.geometry.area.iloc[0] == 3600
    inside = gpd.GeoSeries.from_xy([float(pond.body_id.iloc[0].split("-")[1])], [float(pond.body_id.iloc[0].split("-")[2])], crs=4326)
    assert pond.geometry.iloc[0].contains(inside.to_crs(GRID.crs).iloc[0])


def test_a_body_keeps_the_name_it_had_in_an_earlier_run(settings, tmp_path):
    """A lake that has grown keeps its id; of one that fell apart the larger piece does; a new pond gets a new one."""
    first = dry_land()
    first[2:8, 2:8] = first[20:30, 20:24] = 0.9
    for period in ("2022", "2023"):
        put(settings, period, first)
    step.bodies(settings)
    before = read(settings).drop_duplicates("body_id")
    earlier = str(tmp_path / "earlier.gpkg")
    before.to_file(earlier)
    later = first.copy()
    later[8:16, 2:14] = 0.9  # the lake grows: the point that named it moves
    later[23:25, 20:24] = 0.0  # the other falls into 12 and 20 pixels
    later[34:38, 4:9] = 0.9
    for period in ("2022", "2023"):
        put(settings, period, later)
    again = parse(settings.model_dump(mode="json") | {"water": {"known_bodies": earlier, "min_reported_area_m2": 2000}})
    step.bodies(again)
    sizes = read(again).drop_duplicates("body_id").set_index("body_id").geometry.area / 100
    lake, other = before.set_index("body_id").geometry.area.sort_values().index
    assert sizes[lake] == 36 + 96 and sizes[other] == 20
    assert sorted(sizes.drop([lake, other])) == [12, 20]

    before.drop(columns="body_id").to_file(tmp_path / "nameless.gpkg")
    wrong = parse(settings.model_dump(mode="json") | {"water": {"known_bodies": str(tmp_path / "nameless.gpkg")}})
    with pytest.raises(ConfigError, match=r"columns not found: \['body_id'\]"):
        step.bodies(wrong)


def test_cloud_is_not_dry(settings):
    first, second = dry_land(), dry_land()
    first[2:8, 2:8] = second[2:8, 2:8] = 0.9
    second[2:8, 2:6] = np.nan  # two thirds unseen: not observed
    first[20:30, 20:30] = second[20:30, 20:30] = 0.9
    second[20:30, 20:24] = np.nan  # two fifths unseen: wet, and the upper bound holds the unseen part
    put(settings, "2022", first)
    put(settings, "2023", second)
    step.bodies(settings)
    later = read(settings).query("period == '2023'")
    large, small = later.iloc[0], later.iloc[1]
    assert (small.state, small.counted) == ("not_observed", True)
    assert np.isnan([small.area_m2, small.lower_m2, small.upper_m2]).all()
    assert large.state == "wet"
    assert large.observed_fraction == pytest.approx(0.6)
    assert (large.area_m2, large.upper_m2) == pytest.approx((60 * PIXEL, 100 * PIXEL), rel=1e-5)


def test_interval_takes_the_wilson_bounds(settings):
    f = dry_land()
    f[2:8, 2:8] = 0.5
    lower, upper = np.where(f > 0, 0.1, 0.0), np.where(f > 0, 0.9, 0.0)
    lower[2:4, 2:8] = 0.3  # 12 pixels are water even at the lower bound
    upper[8, 2:8] = 0.3  # 6 pixels outside the outline: they belong to no body
    put(settings, "2022", f, lower, upper)
    put(settings, "2023", f, lower, upper)
    step.bodies(settings)
    row = read(settings).iloc[0]
    assert row.counted
    assert (row.lower_m2, row.area_m2, row.upper_m2) == pytest.approx((12 * PIXEL, 36 * PIXEL, 36 * PIXEL), rel=1e-5)


def test_windows_make_no_difference_and_the_sea_is_one_body(settings, monkeypatch):
    f = dry_land()
    f[:, 34:] = 1.0  # sea
    f[10:30, 5:7] = f[28:30, 5:20] = f[10:30, 18:20] = 1.0  # a horseshoe that crosses windows and closes late
    f[15, 10] = 1.0  # one pixel: smaller than the least body
    put(settings, "2022", f)
    put(settings, "2023", f)
    step.bodies(settings)
    whole = read(settings)
    monkeypatch.setattr(step, "WINDOW_PX", 16)
    step.bodies(settings)
    pieces = read(settings)
    assert whole.body_id.nunique() == pieces.body_id.nunique() == 2
    assert whole.area_m2.tolist() == pytest.approx(pieces.area_m2.tolist())
    assert whole.body_id.tolist() == pieces.body_id.tolist()
    assert all(a.equals(b) for a, b in zip(whole.geometry, pieces.geometry, strict=True))


def test_diagonal_neighbours_are_two_bodies(settings):
    f = dry_land()
    f[2:6, 2:6] = f[6:10, 6:10] = 0.9
    put(settings, "2022", f)
    put(settings, "2023", f)
    step.bodies(settings)
    assert read(settings).body_id.nunique() == 2


def put_sea(settings, period, where):
    write_cog(Layout(settings.root).sea(period), GRID, iter([(Window(0, 0, 40, 40), where[None].astype("float32"))]), SEA_BANDS, {})


def test_a_river_ends_where_the_sea_begins_and_a_breach_of_one_year_joins_no_pond_to_it(settings):
    f, sea = dry_land(), np.zeros((40, 40), bool)
    f[:, 30:] = f[18:21, :30] = 1.0  # the sea and a river into it
    f[30:38, 20:30] = 1.0  # a pond beside the sea
    sea[:, 30:] = True
    coast = settings.model_copy(update={"coastline": CoastlineSection(), "periods": [2021, *settings.periods]})
    for period in ("2021", "2022", "2023"):
        put(coast, period, f)
        put_sea(coast, period, sea)
    sea[30:38, 20:30] = True
    put_sea(coast, "2022", sea)
    step.bodies(coast)
    table = read(coast).query("period == '2022'")
    assert list(zip(table.kind, (table.area_m2 / PIXEL).round(), strict=True)) == [("sea", 400), ("inland", 90), ("inland", 80)]


def test_no_water_is_a_valid_empty_file(settings):
    put(settings, "2022", dry_land())
    put(settings, "2023", np.full((40, 40), np.nan))
    step.bodies(settings)
    table = read(settings)
    assert table.empty
    assert {"body_id", "period", "adcode", "area_m2", "lower_m2", "upper_m2", "state", "counted"} <= set(table.columns)


def test_a_missing_map_is_named(settings):
    put(settings, "2022", dry_land())
    with pytest.raises(RasterError, match=r"water_2023\.tif"):
        step.bodies(settings)


def test_small_bodies_are_listed_but_not_counted(settings):
    f = dry_land()
    f[2:6, 2:6] = 0.9  # 16 pixels: mapped from 400 m2, counted from 2000 m2
    put(settings, "2022", f)
    put(settings, "2023", f)
    step.bodies(settings)
    table = read(settings)
    assert len(table) == 2 and not table.counted.any()
