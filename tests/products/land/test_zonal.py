"""Sums of the land map over counties and zones, on a region of 3 x 3 pixels and on pixels made by hand."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.config import CoastlineSection, LandZonesSection, parse
from rs_pipeline.errors import RasterError
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.land.classes import SHARES, Land
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.land.zonal import LandMaps, after_visits, bank, conversion_layers, forest_change_layers, forest_layers, land_zonal, land_zones
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import SEA_BANDS
from rs_pipeline.provinces import load_province
from rs_pipeline.storage.raster import write_cog
from rs_pipeline.storage.tables import write_parquet
from tests.made_up_run import write_settlements

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 3, 3)
PIXEL_M2 = 100 / 0.9996**2
"""A pixel on the ellipsoid: the scale of the projection's middle."""
NAN = float("nan")
W, C, B = Land.WATER, Land.CROPLAND, Land.BUILT


def shares_of(classes):
    """Shares (7, h, w) of pixels that are wholly one class; NaN where it is NaN."""
    classes = np.asarray(classes, "float32")
    return np.where(np.isnan(classes), np.nan, np.stack([classes == c for c in Land])).astype("float32")


def write(path, bands, layers):
    stack = np.stack([np.asarray(layers.get(b.name, np.zeros(GRID.shape)), "float32") for b in bands])
    write_cog(path, GRID, iter([(Window(0, 0, 3, 3), stack)]), bands, {})


@pytest.fixture
def settings(tmp_path):
    """A county of the left two columns, one smaller than the pixel it lies in, and a reserve over the top row."""
    units = [shapely.box(500_000, 4_299_970, 500_020, 4_300_000), shapely.box(500_022, 4_299_992, 500_026, 4_299_997)]
    names = {"adcode": ["130001", "130002"], "name": ["A", "B"], "prefecture": ["P", "P"]}
    gpd.GeoDataFrame(names, geometry=units, crs=32650).to_file(tmp_path / "u.gpkg")
    overlapping = [shapely.box(499_990, 4_299_990, 500_030, 4_300_000), shapely.box(500_000, 4_299_990, 500_010, 4_300_000)]
    gpd.GeoDataFrame(geometry=overlapping, crs=32650).to_file(tmp_path / "r.gpkg")
    settings = parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "u.gpkg")},
            "periods": [2023, 2024],
            "grid": {"tile_px": 64},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "tables": {"reserves": str(tmp_path / "r.gpkg")},
            "land_zones": {"min_event_px": 2},
        }
    )
    layout = Layout(settings.root)
    write_settlements(settings, GRID, [[1, 2, 0], [0, NAN, 0], [0, 0, 0]])
    write(layout.map("water", "2023"), region_maps()["water"].bands, {"class": np.zeros(GRID.shape)})
    return settings


def write_land(settings, period, classes, **changes):
    layers = {"class": classes} | dict(zip(SHARES, shares_of(classes), strict=True)) | changes
    write(Layout(settings.root).map(LAND, period), region_maps()["land"].bands, layers)


def sums(settings, period):
    land_zonal(settings, period)
    return pd.read_parquet(Layout(settings.root).land_counties(period)).set_index(["adcode", "zone"])


def test_areas_of_a_county_and_of_one_smaller_than_a_pixel(settings):
    write_land(settings, "2023", [[W, W, C], [C, C, C], [B, NAN, B]])
    got = sums(settings, "2023")
    a, b = got.loc["130001", "county"], got.loc["130002", "county"]
    assert a.area_m2 == pytest.approx(6 * PIXEL_M2, rel=1e-4) and a.land_observed_m2 == pytest.approx(5 * PIXEL_M2, rel=1e-4)
    assert [a[f"{n}_m2"] / PIXEL_M2 for n in ("water", "cropland", "built", "disturbed", "natural")] == pytest.approx([2, 2, 1, 1, 2], rel=1e-4)
    assert a.class_cropland_m2 == pytest.approx(2 * PIXEL_M2, rel=1e-4) and a.class_bare_m2 == 0 and a.cropland_uncertain_m2 == 0
    assert b.area_m2 == pytest.approx(0.2 * PIXEL_M2, rel=1e-3) and b.cropland_m2 == pytest.approx(b.area_m2)


def test_the_sum_of_counties_is_the_region(settings):
    write_land(settings, "2023", [[W, W, C], [C, C, C], [B, NAN, B]])
    got = sums(settings, "2023").drop(columns=["name", "prefecture", "period"])
    for zone in ("county", "reserve"):
        parts = got.xs(zone, level="zone").drop([REGION, "130000"], errors="ignore")
        pd.testing.assert_series_equal(parts.sum(), got.loc[REGION, zone], check_names=False)


def test_overlapping_polygons_of_a_zone_count_once_and_a_zone_elsewhere_has_no_row(settings):
    write_land(settings, "2023", [[W, W, C], [C, C, C], [B, B, B]])
    got = sums(settings, "2023")
    assert got.loc["130001", "reserve"].area_m2 == pytest.approx(2 * PIXEL_M2, rel=1e-4)
    assert "mine" not in got.index.get_level_values("zone") and "shore" not in got.index.get_level_values("zone")


def test_mixed_pixels_are_summed_by_their_shares(settings):
    half = np.full(GRID.shape, 0.5)
    write_land(settings, "2023", np.full(GRID.shape, float(C)), share_cropland=half, share_built=half)
    a = sums(settings, "2023").loc["130001", "county"]
    assert a.built_m2 == pytest.approx(3 * PIXEL_M2, rel=1e-4) and a.built_uncertain_m2 == pytest.approx(0.25 * 6 * PIXEL_M2, rel=1e-4)
    assert a.class_cropland_m2 == pytest.approx(6 * PIXEL_M2, rel=1e-4)


def test_conversion_inside_a_reserve_where_both_years_saw(settings):
    write_land(settings, "2023", [[W, W, C], [C, C, C], [W, W, W]])
    write_land(settings, "2024", [[B, B, B], [C, C, C], [NAN, B, W]])
    got = sums(settings, "2024")
    reserve, county = got.loc["130001", "reserve"], got.loc["130001", "county"]
    assert reserve.natural_converted_m2 == pytest.approx(2 * PIXEL_M2, rel=1e-4)
    assert reserve.natural_converted_lower_m2 == reserve.natural_converted_m2 == reserve.natural_converted_upper_m2
    # the lone pixel below is less than the minimum mapping unit; its neighbour was not seen in the second year
    assert county.common_m2 == pytest.approx(5 * PIXEL_M2, rel=1e-4) and county.converted_m2 == pytest.approx(2 * PIXEL_M2, rel=1e-4)
    assert county.converted_upper_m2 == pytest.approx(3 * PIXEL_M2, rel=1e-4)
    assert (county.built_common_m2 - county.built_baseline_m2) / PIXEL_M2 == pytest.approx(3, rel=1e-4)
    assert got.loc["130002", "county"].natural_converted_m2 == 0  # it was cropland


def test_visits_decide_what_was_converted():
    """Four pixels of an event, one of them beyond doubt, and one that may be converted: the first two refuted, the third confirmed; the last was not seen."""
    layers = {"converted_m2": [0.5, 0.9, 0.5, 0.5, 0, NAN], "converted_lower_m2": [0, 0.9, 0, 0, 0, NAN], "converted_upper_m2": [0.5, 0.9, 0.5, 0.5, 0.3, NAN]}
    layers = {name: np.array([values], "float32") for name, values in layers.items()} | {"common_m2": np.ones((1, 6), "float32")}
    natural = {f"natural_{name}": values * 0 for name, values in layers.items() if name != "common_m2"}
    got = after_visits(layers | natural, np.array([[0, 0, 1, 0, 0, 1]], bool), np.array([[1, 1, 0, 0, 0, 1]], bool))
    np.testing.assert_allclose(got["converted_m2"][0], [0, 0, 0.5, 0.5, 0, NAN])
    np.testing.assert_allclose(got["converted_lower_m2"][0], [0, 0, 0.5, 0, 0, NAN])
    np.testing.assert_allclose(got["converted_upper_m2"][0], [0, 0, 0.5, 0.5, 0.3, NAN])
    np.testing.assert_allclose(got["converted_confirmed_m2"][0], [0, 0, 0.5, 0, 0, NAN])
    np.testing.assert_allclose(got["converted_refuted_m2"][0], [0.5, 0.9, 0, 0, 0, NAN])
    assert got["common_m2"] is layers["common_m2"]


@pytest.mark.parametrize(
    ("state", "visits", "converted"),
    [("new", [], 2), ("refuted", [], 0), ("核查不属实", [], 0), ("new", [("Z-1", "2024-08-01", "否")], 0), ("refuted", [("Z-1", "2024-08-01", "是")], 2),
     ("new", [("Z-1", "2024-08-01", "是"), ("Z-1", "2024-09-01", "否")], 0), ("remedied", [], 2), ("new", [("Z-2", "2024-08-01", "否")], 2)],
)  # fmt: skip
def test_a_refuted_finding_leaves_the_sums_and_the_last_visit_decides(settings, tmp_path, state, visits, converted):
    write_land(settings, "2023", [[W, W, C], [C, C, C], [C, C, C]])
    write_land(settings, "2024", [[B, B, C], [C, C, C], [C, C, C]])
    place = {"finding_id": ["Z-1"], "kind": ["converted_in_reserve"], "state": [state], "first_seen": ["2024"], "last_seen": ["2024"]}
    gpd.GeoDataFrame(place, geometry=[shapely.box(500_000, 4_299_990, 500_020, 4_300_000)], crs=32650).to_file(tmp_path / "known.gpkg")
    rows = [f"{name},{day},{answer},117,38.8" for name, day, answer in visits]
    (tmp_path / "visits.csv").write_text("\n".join(["finding_id,date,found,lon,lat", *rows]), "utf-8")
    tables = settings.tables.model_copy(update={"known_findings": tmp_path / "known.gpkg", "field_results": tmp_path / "visits.csv"})
    reserve = sums(settings.model_copy(update={"tables": tables}), "2024").loc["130001", "reserve"]
    parts = [reserve[f"natural_converted{end}_m2"] / PIXEL_M2 for end in ("", "_lower", "_upper", "_refuted")]
    assert parts == pytest.approx([converted, converted, converted, 2 - converted], rel=1e-4)


@pytest.mark.parametrize(
    ("gone", "counts"), [("2025-03-01", [2, 0, 0]), ("2025-01-01", [2, 0, 0]), ("2024-12-31", [0, 0, 0]), ("2026-01-01", [2, 2, 0]), ("2027-06-01", [2, 2, 2])]
)
def test_what_was_confirmed_counts_until_the_period_of_the_visit_that_found_it_gone(settings, tmp_path, gone, counts):
    """Two pixels of partial rise, confirmed in 2024: beyond doubt (the lower bound) until they are gone; the satellite sees them in every year."""
    years = ("2024", "2025", "2026")
    settings = settings.model_copy(update={"periods": [2023, 2024, 2025, 2026]})
    write_land(settings, "2023", [[W, W, C], [C, C, C], [C, C, C]])
    half = shares_of([[W, W, C], [C, C, C], [C, C, C]])
    half[:, 0, :2] *= 0.5
    half[SHARES.index("share_built"), 0, :2] = 0.5
    for year in years:
        write_land(settings, year, [[B, B, C], [C, C, C], [C, C, C]], **dict(zip(SHARES, half, strict=True)))
    place = {"finding_id": ["Z-1"], "kind": ["converted_in_reserve"], "state": ["new"], "first_seen": ["2024"], "last_seen": ["2024"]}
    gpd.GeoDataFrame(place, geometry=[shapely.box(500_000, 4_299_990, 500_020, 4_300_000)], crs=32650).to_file(tmp_path / "known.gpkg")
    (tmp_path / "visits.csv").write_text(f"finding_id,date,found,lon,lat\nZ-1,2024-06-01,是,117,38.8\nZ-1,{gone},否,117,38.8\n", "utf-8")
    tables = settings.tables.model_copy(update={"known_findings": tmp_path / "known.gpkg", "field_results": tmp_path / "visits.csv"})
    rows = [sums(settings.model_copy(update={"tables": tables}), year).loc["130001", "reserve"] for year in years]
    for column in ("converted_m2", "converted_lower_m2", "natural_converted_lower_m2"):
        assert [row[column] / (PIXEL_M2 / 2) for row in rows] == pytest.approx(counts, rel=1e-4), column
    assert [row.converted_refuted_m2 / (PIXEL_M2 / 2) for row in rows] == pytest.approx([2 - n for n in counts], rel=1e-4)


@pytest.mark.parametrize(
    ("min_event_px", "shore_width_m", "min_water_width_m", "rim_px"), [(5, 50, 30, 9), (5, 51, 30, 10), (9, 50, 30, 9), (10, 50, 30, 10), (1, 4, 5, 7)]
)
def test_the_rim_of_a_tile_holds_an_event_and_a_bank_with_its_water(settings, min_event_px, shore_width_m, min_water_width_m, rim_px):
    """Bank and water in whole pixels of 10 m and one more, or an event where it is longer, but at least the smallest forest."""
    section = LandZonesSection(min_event_px=min_event_px, shore_width_m=shore_width_m, min_water_width_m=min_water_width_m)
    assert LandMaps(settings.model_copy(update={"land_zones": section}), "2023").rim == rim_px


def test_trees_are_forest_from_the_legal_area_on():
    """0.0667 ha are 6.67 pixels of 10 m: seven that touch, also by a corner, are forest; six are not, and what lies across a gap does not help."""
    classes = np.full((5, 7), C, "float32")
    classes[0, :3] = classes[1, 3:6] = classes[2, 6] = Land.TREE  # a chain of seven
    classes[4, :3] = classes[4, 4:] = Land.TREE  # three and three
    trees = np.where(classes == Land.TREE, 0.8, 0.3).astype("float32")
    trees[3, 3] = classes[3, 3] = np.nan
    found = forest_layers(classes, trees, 100.0)
    expected = np.zeros((5, 7), "float32")
    expected[0, :3] = expected[1, 3:6] = expected[2, 6] = 0.8
    expected[3, 3] = np.nan
    np.testing.assert_array_equal(found["forest"], expected)
    assert found["forest_uncertain"][0, 0] == pytest.approx(0.16) and found["forest_uncertain"][4, 3] == pytest.approx(0.21)
    assert np.isnan(found["forest_uncertain"][3, 3])
    six = classes.copy()
    six[2, 6] = C
    assert not np.nan_to_num(forest_layers(six, trees, 100.0)["forest"]).any()
    assert (forest_layers(six, trees, 900.0)["forest"] > 0).sum() == 12, "a pixel of 30 m is large enough alone"


def test_a_forest_across_tiles_is_that_of_one_tile(settings):
    """Nine pixels, three in each tile."""
    write_land(settings, "2023", [[Land.TREE] * 3] * 3)
    whole, tiles = sums(settings, "2023"), Layout(settings.root).tiles
    assert whole.loc["130001", "county"].forest_m2 == pytest.approx(6 * PIXEL_M2, rel=1e-4)
    table = pd.read_parquet(tiles)
    write_parquet(pd.concat([table.assign(tile=f"r000c{col:03}", col=col, width=1) for col in range(3)], ignore_index=True), tiles)
    pd.testing.assert_frame_equal(sums(settings, "2023"), whole)


def test_the_sea_is_no_bank(settings):
    """The left column is water, the lowest row the sea: the bank is the left two columns of the other rows."""
    layout = Layout(settings.root)
    write(layout.map("water", "2023"), region_maps()["water"].bands, {"class": [[1, 0, 0]] * 3})
    write_land(settings, "2023", [[W, C, C]] * 3)
    write(layout.sea("2023"), SEA_BANDS, {"sea": [[0, 0, 0]] * 2 + [[1, 1, 1]]})
    narrow = settings.model_copy(update={"land_zones": LandZonesSection(min_water_width_m=10, shore_width_m=10), "coastline": CoastlineSection()})
    assert sums(narrow, "2023").loc["130001", "shore"].area_m2 == pytest.approx(4 * PIXEL_M2, rel=1e-4)


def test_an_event_and_a_bank_across_tiles_are_those_of_one_tile(settings):
    """The three pixels of an event lie in a tile each; the bank lies in another tile than its water."""
    write(Layout(settings.root).map("water", "2023"), region_maps()["water"].bands, {"class": [[1, 0, 0]] * 3})
    write_land(settings, "2023", [[C, C, C]] * 3)
    write_land(settings, "2024", [[B, B, B], [C, C, C], [C, C, C]])
    section = LandZonesSection(min_event_px=3, min_water_width_m=10, shore_width_m=10)
    across = settings.model_copy(update={"land_zones": section})
    whole, tiles = sums(across, "2024"), Layout(settings.root).tiles
    assert whole.loc["130001", "county"].converted_m2 == pytest.approx(2 * PIXEL_M2, rel=1e-4)
    assert whole.loc["130001", "shore"].area_m2 == pytest.approx(6 * PIXEL_M2, rel=1e-4)
    table = pd.read_parquet(tiles)
    columns = [table.assign(tile=f"r000c{col:03}", col=col, width=1) for col in range(3)]
    write_parquet(pd.concat(columns, ignore_index=True), tiles)
    pd.testing.assert_frame_equal(sums(across, "2024"), whole)


def test_a_map_that_is_missing_is_named(settings):
    with pytest.raises(RasterError, match="not made yet") as fault:
        land_zonal(settings, "2024")
    assert "rs-pipeline mosaic --product land --period 2024" in fault.value.remedy


def rising(*values):
    """Shares of a row of grass that became built to these parts, and of the grass before."""
    now, base = np.zeros((7, 1, len(values)), "float32"), np.zeros((7, 1, len(values)), "float32")
    base[Land.GRASS - 1], now[Land.BUILT - 1] = 1, values
    now[Land.GRASS - 1] = 1 - now[Land.BUILT - 1]
    now[:, np.isnan(now).any(axis=0)] = np.nan
    return now, base


def test_minimum_mapping_unit_and_bounds_by_hand():
    got = conversion_layers(*rising(0.9, 0.6, 0.3, 0.5, 0.1, NAN, 0.9, 1.0), LandZonesSection(min_event_px=2))
    for name, expected in {
        "converted": [0.9, 0.6, 0, 0, 0, NAN, 0.9, 1.0],
        "converted_lower": [0.9, 0, 0, 0, 0, NAN, 0.9, 1.0],
        "converted_upper": [0.9, 0.6, 0.3, 0.5, 0, NAN, 0.9, 1.0],
        "natural_converted": [0.9, 0.6, 0, 0, 0, NAN, 0.9, 1.0],
        "common": [1, 1, 1, 1, 1, NAN, 1, 1],
    }.items():
        np.testing.assert_allclose(got[name][0], expected, atol=1e-6, err_msg=name)


def test_conversion_begins_at_its_limits():
    """Half of a pixel is an event, 0.8 beyond doubt, 0.25 possible; numbers that are exact in binary, and the next smaller hundredth."""
    got = conversion_layers(*rising(0.5, 0, 0.49, 0, 0.25, 0, 0.24, 0, 0.81, 0, 0.79), LandZonesSection(min_event_px=1))
    assert (got["converted"][0] > 0).tolist()[::2] == [True, False, False, False, True, True]
    assert (got["converted_lower"][0] > 0).tolist()[::2] == [False, False, False, False, True, False]
    assert (got["converted_upper"][0] > 0).tolist()[::2] == [True, True, True, False, True, True]


def test_natural_cover_is_half_of_the_pixel_before():
    """Grass of 0.5 and of 0.49, the rest cropland; both become wholly built."""
    now, base = rising(1.0, 1.0)
    base[Land.GRASS - 1, 0], base[Land.CROPLAND - 1, 0] = [0.5, 0.49], [0.5, 0.51]
    got = conversion_layers(now, base, LandZonesSection(min_event_px=1))
    assert got["converted"][0].tolist() == [1, 1] and got["natural_converted"][0].tolist() == [1, 0]
    assert got["natural_converted_upper"][0].tolist() == got["natural_converted_lower"][0].tolist() == [1, 0]


def test_bare_ground_is_green_again_at_the_limits_of_conversion_backwards():
    """Bare ground under grass now by these parts. Bare of 0.49 before was not bare; water on bare ground is no plant."""
    built, _ = rising(0.5, 0, 0.49, 0, 0.25, 0, 0.24, 0, 0.81, 0, 0.79)
    bare = np.zeros_like(built)
    bare[Land.BARE - 1] = 1
    green = np.zeros_like(built)
    green[Land.GRASS - 1], green[Land.BARE - 1] = built[Land.BUILT - 1], built[Land.GRASS - 1]
    got = conversion_layers(green, bare, LandZonesSection(min_event_px=1))
    assert (got["regreened"][0] > 0).tolist()[::2] == [True, False, False, False, True, True]
    assert (got["regreened_lower"][0] > 0).tolist()[::2] == [False, False, False, False, True, False]
    assert (got["regreened_upper"][0] > 0).tolist()[::2] == [True, True, True, False, True, True]
    assert not np.nansum(got["converted_upper"])
    bare[Land.BARE - 1], bare[Land.WATER - 1] = 0.49, 0.51
    assert not np.nansum(conversion_layers(green, bare, LandZonesSection(min_event_px=1))["regreened_upper"])
    flooded = np.zeros_like(bare)
    flooded[Land.WATER - 1] = 1
    bare[:], bare[Land.BARE - 1] = 0, 1
    assert not np.nansum(conversion_layers(flooded, bare, LandZonesSection(min_event_px=1))["regreened_upper"])


def test_forest_changes_by_large_patches_where_both_years_saw_it():
    """Seven pixels of 100 m2 are a forest, six are none: the patch shrank below 0.0667 ha. What one year did not see is in neither sum."""
    then, now = (np.zeros((8, 1, 9), "float32") for _ in range(2))
    for maps, wide in ((then, 7), (now, 6)):
        maps[0], maps[0, 0, :wide], maps[Land.TREE, 0, :wide] = Land.GRASS, Land.TREE, 1
    now[:, 0, 0] = NAN
    got = forest_change_layers(now, then, 100.0)
    assert np.nansum(got["forest_baseline"]) == 6 and np.nansum(got["forest_common"]) == 0 and np.nansum(got["forest_change_square"]) == 6
    assert all(np.isnan(layer[0, 0]) for layer in got.values())


def test_nothing_seen_and_nothing_changed():
    same = shares_of([[C, W], [B, C]])
    got = conversion_layers(same, same, LandZonesSection())
    assert all(not np.nansum(layer) for name, layer in got.items() if "converted" in name)
    unseen = conversion_layers(np.full((7, 2, 2), np.nan, "float32"), same, LandZonesSection())
    assert all(np.isnan(layer).all() for layer in unseen.values())


def test_the_bank_of_wide_inland_water():
    permanent = np.zeros((9, 30), bool)
    permanent[:, 3] = True  # 10 m wide: too narrow
    permanent[:, 10:13] = True  # 30 m
    permanent[:, 25:] = True  # the sea
    sea = np.zeros_like(permanent)
    sea[:, 25:] = True
    got = bank(permanent, sea, LandZonesSection(), 10.0)
    assert got.all(axis=0).nonzero()[0].tolist() == list(range(5, 18))  # the river and five pixels on either side
    assert not bank(np.zeros((3, 3), bool), np.zeros((3, 3), bool), LandZonesSection(), 10.0).any()


def test_the_coast_is_what_lies_near_the_shoreline_of_the_baseline(settings):
    layout = Layout(settings.root)
    layout.shorelines.parent.mkdir(parents=True)
    lines = [shapely.LineString([(500_000, 4_300_000), (500_000, 4_299_970)]), shapely.LineString([(500_030, 4_300_000), (500_030, 4_299_970)])]
    gpd.GeoDataFrame({"period": ["2023", "2024"]}, geometry=lines, crs=GRID.crs).to_file(layout.shorelines, layer="shorelines")
    assert "coast" not in set(land_zones(settings, "2023").zone)  # a run without a coastline has none, whatever lies there
    near = settings.model_copy(update={"coastline": CoastlineSection(), "land_zones": LandZonesSection(coastal_width_m=5)})
    got = land_zones(near, "2023").to_crs(GRID.crs).set_index("zone")
    assert got.loc["coast"].adcode == "130001" and got.loc["coast"].geometry.area == pytest.approx(5 * 30, rel=1e-3)
    gpd.GeoDataFrame({"period": ["2024"]}, geometry=lines[1:], crs=GRID.crs).to_file(layout.shorelines, layer="shorelines")
    later = land_zones(near, "2023").to_crs(GRID.crs).set_index("zone").loc["coast"].geometry
    assert later.centroid.x > 500_015, "the baseline shows no shoreline: that of the first period that does"


def test_counties_stand_for_the_new_area_where_its_outline_is_not_given(settings, tmp_path, monkeypatch):
    hebei = load_province("hebei")
    assert hebei.stand_ins == {"xiongan": ["130629", "130632", "130638"]} and "xiongan" not in set(land_zones(settings, "2023").zone)
    monkeypatch.setattr("rs_pipeline.products.land.zonal.load_province", lambda name: hebei.model_copy(update={"stand_ins": {"xiongan": ["130001", "130009"]}}))
    found = land_zones(settings, "2023")
    assert found.adcode[found.zone == "xiongan"].tolist() == ["130001"]
    given = settings.model_copy(update={"tables": settings.tables.model_copy(update={"xiongan": tmp_path / "r.gpkg"})})
    found = land_zones(given, "2023")
    assert found[found.zone == "xiongan"].to_crs(GRID.crs).area.sum() == pytest.approx(20 * 10 + 4 * 5, rel=1e-3), "the outline rules"


def test_without_management_zones_the_bank_of_permanent_water_is_watched(settings):
    write(Layout(settings.root).map("water", "2023"), region_maps()["water"].bands, {"class": [[1, 0, 0]] * 3})
    write_land(settings, "2023", [[W, C, C]] * 3)
    write_land(settings, "2024", [[W, B, C]] * 3)
    narrow = settings.model_copy(update={"land_zones": LandZonesSection(min_event_px=2, min_water_width_m=10, shore_width_m=10)})
    got = sums(narrow, "2024")
    shore = got.loc["130001", "shore"]
    assert shore.area_m2 == pytest.approx(6 * PIXEL_M2, rel=1e-4) and shore.converted_m2 == pytest.approx(3 * PIXEL_M2, rel=1e-4)
    assert ("130002", "shore") not in got.index  # its pixel lies beyond the bank
