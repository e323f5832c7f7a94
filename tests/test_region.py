"""Units, grid, tiles, areas."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.errors import ConfigError


def test_units_without_crs_are_refused(make_settings, tmp_path):
    s = make_settings()
    gpd.GeoDataFrame({"adcode": ["1"], "name": ["a"], "prefecture": ["b"]}, geometry=[shapely.box(0, 0, 1, 1)]).to_file(tmp_path / "units.gpkg", driver="GPKG")
    with pytest.raises(ConfigError, match="no CRS") as fault:
        region.load_units(s)
    assert "ogr2ogr" in str(fault.value)


def test_units_errors_name_the_remedy(make_settings, tmp_path):
    s = make_settings(units={"path": str(tmp_path / "units.gpkg"), "code": "gb"})
    with pytest.raises(ConfigError, match="columns not found: \\['gb'\\]") as fault:
        region.load_units(s)
    assert "adcode" in str(fault.value)
    missing = make_settings(units={"path": str(tmp_path / "none.gpkg")})
    with pytest.raises(ConfigError, match="file not found"):
        region.load_units(missing)


def test_repeated_codes_are_refused(make_settings, tmp_path):
    s = make_settings({"1": (500000, 4300000, 500100, 4300100), "2": (500100, 4300000, 500200, 4300100)})
    frame = gpd.read_file(tmp_path / "units.gpkg").assign(adcode="1")
    frame.to_file(tmp_path / "units.gpkg", driver="GPKG")
    with pytest.raises(ConfigError, match="more than once"):
        region.load_units(s)


def test_grid_covers_the_units_and_sits_on_multiples_of_the_pixel(make_settings):
    grid = region.run_grid(make_settings({"1": (500003, 4300004, 501001, 4301006)}))
    assert (grid.left, grid.top) == (500000, 4301010)
    assert grid.bounds[1] <= 4300004 and grid.bounds[2] >= 501001


def test_degrees_are_no_grid(make_settings):
    with pytest.raises(ConfigError, match="not a projected CRS in metres"):
        make_settings(grid={"crs": "EPSG:4326"})
    with pytest.raises(ConfigError, match="unknown CRS"):
        make_settings(grid={"crs": "EPSG:0"})


def test_tiles_partition_the_grid_and_leave_out_what_no_unit_meets(make_settings):
    # Two 640 m squares far apart: of 3 x 1 tiles of 64 px the middle one meets no unit.
    s = make_settings({"1": (500000, 4300000, 500600, 4300600), "2": (501300, 4300000, 501900, 4300600)})
    region.grid(s)
    tiles = tiling.read_tiles(s)
    assert [t.id for t in tiles] == ["r000c000", "r000c002"]
    assert tiles[1].grid.left == tiles[0].grid.left + 2 * 640
    with pytest.raises(ConfigError, match="no tile 'x'"):
        tiling.read_tile(s, "x")


def test_pixel_areas_are_true_on_the_ellipsoid():
    grid = region.Grid("EPSG:32650", 10, 400000, 4400000, 100, 50)
    left, bottom, right, top = shapely.box(*grid.bounds).bounds
    ring = shapely.segmentize(shapely.box(left, bottom, right, top), 10)
    lonlat = shapely.transform(ring, lambda c: np.column_stack(pyproj.Transformer.from_crs(32650, 4326, always_xy=True).transform(*c.T)))
    geodesic = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0])
    assert tiling.pixel_areas(grid).sum(dtype="float64") == pytest.approx(geodesic, rel=1e-6)
    assert geodesic != pytest.approx(grid.pixel_area_m2 * 5000, rel=1e-4)


# --- codes and overlaps ----------------------------------------------------------------------------------------------


def write_units(path, **columns):
    gpd.GeoDataFrame({"name": "a", "prefecture": "b"} | columns, crs=4326).to_file(path, driver="GPKG")


def boxes(*bounds):
    return [shapely.box(*b) for b in bounds]


TWO = boxes((115, 38, 116, 39), (116, 38, 117, 39))


@pytest.mark.parametrize(
    ("codes", "read"),
    [
        ((131101.0, 131102.0), ["131101", "131102"]), ((131102, 131101), ["131101", "131102"]), (("131101.0", " 131102"), ["131101", "131102"]),
        (("１３１１０１", "131102"), ["131101", "131102"]), (("013101", "131102"), ["013101", "131102"]),
    ],
)  # fmt: skip
def test_codes_are_text(make_settings, tmp_path, codes, read):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=list(codes), geometry=TWO)
    assert region.load_units(s).adcode.tolist() == read


def test_codes_that_are_missing_or_lost_their_zeros_are_named(make_settings, tmp_path):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=[13101, 131102], geometry=TWO)
    with pytest.raises(ConfigError, match=r"leading zeros may be lost: \['13101'\]") as fault:
        region.load_units(s)
    assert "make adcode a column of text" in fault.value.remedy
    write_units(tmp_path / "units.gpkg", adcode=[None, "131102"], name=["Nowhere", "a"], geometry=TWO)
    with pytest.raises(ConfigError, match=r"units without a code: \['Nowhere'\]"):
        region.load_units(s)


def test_the_code_of_the_region_is_no_unit(make_settings, tmp_path):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=["000000", "131102"], geometry=TWO)
    with pytest.raises(ConfigError, match="the code 000000 stands for the region"):
        region.load_units(s)


PREFECTURE = shapely.box(115, 38, 117, 39)


def test_a_prefecture_beside_its_counties_counts_once_for_the_region(make_settings, tmp_path, caplog):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=["1", "2", "3", "10"], geometry=[*TWO, shapely.box(118, 38, 119, 39), PREFECTURE])
    units = region.load_units(s)
    assert units.set_index("adcode").in_region.to_dict() == {"1": False, "2": False, "10": False, "3": True}
    summed = region.with_unions(units)
    union = summed[summed.adcode == ""]
    assert len(union) == 1 and union.geometry.iloc[0].equals(PREFECTURE) and summed[summed.in_region].geometry.area.sum() == pytest.approx(3)
    region.tell_overlaps(units)
    assert "units overlap: 1 and 10 share 9683 km2, 100 % of 1; 2 and 10 share 9683 km2, 100 % of 2" in caplog.text
    assert region.families(units) == {"1": ["1"], "2": ["2"], "3": ["3"], "10": ["10", "1", "2"], "b": ["1", "10", "2", "3"]}
    assert region.own_ground(units).adcode.tolist() == ["1", "2", "3"]


def test_places_belong_to_the_nearest_unit_within_a_distance(make_settings):
    """Two squares of 600 m that touch; places within, on their border, 99 and 101 m outside."""
    units = region.load_units(make_settings({"1": (500000, 4300000, 500600, 4300600), "2": (500600, 4300000, 501200, 4300600)}))
    places = gpd.GeoSeries.from_xy([500300, 501299, 501301], [4300300] * 3, crs=32650)
    assert region.owner_codes(places, units, 100).tolist() == ["1", "2", ""]
    assert region.owner_codes(places[:0], units, 100).tolist() == []


@pytest.mark.parametrize(("prefecture", "degrees"), [("West", {"West": 2.2, "East": 1.8}), ("", {"West": 2.0, "East": 2.0})])
def test_a_unit_over_the_border_of_prefectures_takes_no_county_from_either(make_settings, tmp_path, prefecture, degrees):
    """Two prefectures of two square degrees; a new area of 0.4 x 0.5 degrees lies to one half in each."""
    s = make_settings()
    counties = boxes((115, 38, 116, 39), (116, 38, 117, 39), (117, 38, 118, 39), (118, 38, 119, 39))
    new_area = shapely.box(116.6, 38, 117.4, 38.5)
    write_units(
        tmp_path / "units.gpkg", adcode=["1", "2", "3", "4", "9"], prefecture=["West", "West", "East", "East", prefecture], geometry=[*counties, new_area]
    )
    units = region.load_units(s)
    rows = region.with_unions(units)
    table = pd.DataFrame(rows.assign(degrees=rows.geometry.area).drop(columns="geometry"))
    totals = region.with_totals(table, ["degrees"], region.prefecture_codes(units)).set_index("adcode").degrees
    assert {name: totals[name] for name in degrees} == pytest.approx(degrees) and totals[region.REGION] == pytest.approx(4.0)


def test_the_province_beside_its_counties_takes_none_from_their_prefectures(make_settings, tmp_path):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=["1", "2", "9"], prefecture=["West", "East", ""], geometry=[*TWO, shapely.box(115, 38, 118, 39)])
    rows = region.with_unions(region.load_units(s))
    rows = rows[rows.in_region]
    assert rows.geometry.area.groupby(rows.prefecture).sum().to_dict() == pytest.approx({"": 1.0, "East": 1.0, "West": 1.0})


@pytest.mark.parametrize(("overlap_deg", "told"), [(0.005, False), (0.02, True)])
def test_slivers_are_no_overlap(make_settings, tmp_path, overlap_deg, told):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=["1", "2"], geometry=boxes((115, 38, 116 + overlap_deg, 39), (116, 38, 117, 39)))
    units = region.load_units(s)
    assert (len(region.with_unions(units)) == 3) == told and units.in_region.all() != told
    assert region.with_unions(units)[lambda t: t.in_region].geometry.area.sum() == pytest.approx(2 + (0 if told else overlap_deg))


def test_one_polygon_under_two_codes(make_settings, tmp_path):
    s = make_settings()
    write_units(tmp_path / "units.gpkg", adcode=["1", "2"], geometry=[TWO[0], TWO[0]])
    units = region.load_units(s)
    assert region.with_unions(units)[lambda t: t.in_region].geometry.area.sum() == pytest.approx(1)
    assert region.own_ground(units).adcode.tolist() == ["2"] and region.families(units) == {"1": ["1", "2"], "2": ["2"], "b": ["1", "2"]}


def test_what_lies_around_is_what_the_run_leaves_out_and_the_layer_of_neighbours(make_settings, tmp_path, caplog):
    path = tmp_path / "counties.gpkg"
    columns = {"adcode": ["130201", "130202", "130301"], "name": ["a", "b", "c"], "prefecture": ["P", "P", ""]}
    units = gpd.GeoDataFrame(columns, geometry=boxes((0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 3, 1)), crs=4326)
    units.to_file(path, layer="units")
    alone = make_settings(units={"path": str(path)})
    assert region.surroundings(alone).empty
    gpd.GeoDataFrame(columns | {"name": ["北京市", " 天津市 ", None]}, geometry=boxes((3, 0, 4, 1), (4, 0, 5, 1), (5, 0, 6, 1)), crs=4326).to_file(
        path, layer="neighbours"
    )
    assert region.surroundings(alone).name.tolist() == ["北京市", "天津市", ""]
    some = make_settings(units={"path": str(path), "only": ["130201"]})
    assert region.surroundings(some).name.tolist() == ["P", "c", "北京市", "天津市", ""]
    assert region.load_units(some).name.tolist() == ["a"] and region.load_units(alone).name.tolist() == ["a", "b", "c"]
    assert "is taken" not in caplog.text, "the layer of neighbours is never mistaken for the units"


def test_a_layer_of_neighbours_that_cannot_be_used_spoils_no_run(make_settings, tmp_path, caplog):
    path = tmp_path / "counties.gpkg"
    gpd.GeoDataFrame({"adcode": ["1"], "name": ["a"], "prefecture": ["P"]}, geometry=boxes((0, 0, 1, 1)), crs=4326).to_file(path, layer="units")
    gpd.GeoDataFrame({"title": ["x"]}, geometry=boxes((1, 0, 2, 1)), crs=4326).to_file(path, layer="neighbours")
    assert region.surroundings(make_settings(units={"path": str(path)})).empty
    assert "the map is drawn without the layer neighbours" in caplog.text and "'name'" in caplog.text
