"""Values that others supply: lists that are counted, rasters whose mean is taken, official values before both."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.supplied import counted_members, raster_sums, run_rasters, supplied_values
from rs_pipeline.inputs.outside import raster_paths, read_lists, read_rasters
from rs_pipeline.region import load_units

LISTS, RASTERS = "target_id,adcode,name,since", "target_id,period,path,unit,half_width"
UNITS = {"C20-01": "count", "C19-01": "%", "C05-02": "ug/m3"}


def written(path, text):
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("read", "header", "row", "told"),
    [
        (read_lists, LISTS, "C20-1,130001,a,2023", "unknown target 'C20-1'; did you mean 'C20-01'?"),
        (read_lists, LISTS, "C05-02,130001,a,2023", "C05-02 counts nothing, its unit is ug/m3"),
        (read_lists, LISTS, "C20-01,130001,,2023", "the cell is empty"),
        (read_lists, LISTS, "C20-01,130001,a,soon", "'soon' is not a number"),
        (read_lists, LISTS, "C20-01,130001,a,2023\nC20-01,130001,a,2024", "a is there twice"),
        (read_rasters, RASTERS, "C05-02,2024,a.tif,mg/m3,", "the unit is 'mg/m3', that of C05-02 is 'ug/m3'"),
        (read_rasters, RASTERS, "C05-02,2024,a.tif,ug/m3,-1", "a half width cannot be negative"),
        (read_rasters, RASTERS, "C05-02,2024,a.tif,ug/m3,\nC05-02,2024,b.tif,ug/m3,", "a second raster of C05-02 in 2024"),
        (read_rasters, RASTERS, "C05-02,2024,,ug/m3,", "the cell is empty"),
        (read_rasters, RASTERS, "C05-02,2024,/vsicurl/http://127.0.0.1/a.tif,ug/m3,", "is no path of a file"),
        (read_rasters, RASTERS, "C05-02,2024,/vsicurl?url=http%3A%2F%2F127.0.0.1%2Fa.tif,ug/m3,", "is no path of a file"),
        (read_rasters, RASTERS, "C05-02,2024,http://127.0.0.1/a.tif,ug/m3,", "is no path of a file"),
        (read_rasters, RASTERS, "C05-02,2024,GTIFF_DIR:1:/vsicurl/http://127.0.0.1/a.tif,ug/m3,", "is no path of a file"),
    ],
)
def test_a_row_that_cannot_be_used_is_told(tmp_path, read, header, row, told):
    path = written(tmp_path / "table.csv", f"{header}\n{row}\n")
    with pytest.raises(TableError) as fault:
        read(path, UNITS)
    assert told in str(fault.value) and "table.csv, row" in fault.value.where


def test_an_empty_list_lists_nothing(tmp_path):
    assert read_lists(written(tmp_path / "lists.csv", "target_id,adcode,name,since\n"), UNITS) == []
    assert read_lists(None, UNITS) == [] and read_rasters(None, UNITS) == []


LISTS = """target_id,adcode,name,since
C20-01,130001,a,2022
C20-01,130001,b,2024
C20-01,130002,c,
C19-01,130001,u,2024
C19-01,130001,v,
C19-01,999999,elsewhere,2022
"""


def test_things_are_counted_by_unit_prefecture_and_region_and_what_lies_elsewhere_is_not(fake_run, tmp_path):
    run = fake_run(tables={"lists": str(written(tmp_path / "lists.csv", LISTS))})
    found = {key: e.interval.value for key, e in supplied_values(run.settings).items()}
    assert found["130001", "C20-01", "2023"] == 1 and found["130001", "C20-01", "2024"] == 2 and found["130002", "C20-01", "2024"] == 0
    assert found[REGION, "C20-01", "2024"] == found["130000", "C20-01", "2024"] == 2
    assert found["130001", "C19-01", "2023"] == 0 and found["130001", "C19-01", "2024"] == found[REGION, "C19-01", "2024"] == 50
    assert ("130002", "C19-01", "2024") not in found, "of a unit without a row nothing is known"
    assert supplied_values(run.settings)[REGION, "C19-01", "2024"].reason == "1 of 2 listed in tables.lists"


def test_an_official_value_comes_before_a_list(fake_run, tmp_path):
    values = written(tmp_path / "values.csv", f"adcode,period,target_id,value\n{REGION},2024,C20-01,25\n")
    run = fake_run(tables={"lists": str(written(tmp_path / "lists.csv", LISTS)), "values": str(values)})
    found = supplied_values(run.settings)
    assert (found[REGION, "C20-01", "2024"].interval.value, found[REGION, "C20-01", "2024"].reason) == (25, "official value") and found[
        REGION, "C20-01", "2023"
    ].interval.value == 1


def test_what_lies_within_a_unit_counts_for_it(fake_run):
    units = load_units(fake_run().settings)
    assert counted_members(units)["130000"] == ["130000", "130001", "130002"] and counted_members(units)[REGION] == [REGION, "130001", "130002", "130000"]


def raster(path: Path, values, west=115.0, north=39.0, step=0.5, crs="EPSG:4326", nodata=-1.0):
    values = np.array(values, "float32")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype="float32",
        crs=crs,
        nodata=nodata,
        transform=Affine(step, 0, west, 0, -step, north),
    ) as out:
        out.write(values, 1)
    return path


def boxes(*bounds):
    return gpd.GeoDataFrame(geometry=[shapely.box(*b) for b in bounds], crs=4326)


def test_the_mean_of_a_raster_weighs_pixels_by_the_area_inside(tmp_path):
    """All of the left column and half of the right one; rows of one latitude weigh alike, the northern row a little less."""
    path = raster(tmp_path / "a.tif", [[10, 40], [10, 40]])
    sums = raster_sums(path, boxes((115, 38, 115.75, 39))).iloc[0]
    assert sums.total / sums.seen == pytest.approx(20.0) and sums.seen / sums.whole == pytest.approx(1.0, abs=1e-4)
    north = raster_sums(raster(tmp_path / "b.tif", [[10], [20]]), boxes((115, 38, 115.5, 39))).iloc[0]
    a, b = np.cos(np.radians([38.75, 38.25]))
    assert north.total / north.seen == pytest.approx((10 * a + 20 * b) / (a + b))


def test_of_several_bands_the_first_is_taken(tmp_path):
    with rasterio.open(raster(tmp_path / "a.tif", [[10.0]])) as one, rasterio.open(tmp_path / "b.tif", "w", **one.profile | {"count": 2}) as two:
        two.write(np.array([[[10.0]], [[99.0]]], "float32"))
    found = raster_sums(tmp_path / "b.tif", boxes((115, 38.5, 115.5, 39))).iloc[0]
    assert found.total / found.seen == pytest.approx(10)


def test_pixels_without_a_value_and_ground_beyond_the_raster_are_not_seen(tmp_path):
    path = raster(tmp_path / "a.tif", [[10, -1], [10, np.nan]])
    half, beyond, away = raster_sums(path, boxes((115, 38, 116, 39), (114, 38, 115.5, 39), (120, 38, 121, 39))).itertuples()
    assert half.total / half.seen == pytest.approx(10) and half.seen / half.whole == pytest.approx(0.5, abs=1e-3)
    assert beyond.seen / beyond.whole == pytest.approx(1 / 3, abs=1e-3) and away.seen == 0 and away.whole > 0


def with_rasters(fake_run, folder, rows):
    return fake_run(tables={"rasters": str(written(folder / "rasters.csv", "target_id,period,path,unit,half_width\n" + rows))}).settings


def test_a_raster_gives_every_unit_its_mean_and_its_maker_the_bounds(fake_run, tmp_path):
    raster(tmp_path / "pm.tif", [[30, 30, 40, 40], [30, 30, 40, 40]])
    found = supplied_values(with_rasters(fake_run, tmp_path, "C05-02,2024,pm.tif,ug/m3,3\nC05-02,2023,pm.tif,ug/m3,\nC05-02,2019,pm.tif,ug/m3,\n"))
    assert found["130001", "C05-02", "2024"].interval == Interval(pytest.approx(30), pytest.approx(27), pytest.approx(33), "range")
    assert found[REGION, "C05-02", "2024"].interval.value == pytest.approx(35) and found["130002", "C05-02", "2023"].interval == Interval(pytest.approx(40))
    assert found["130001", "C05-02", "2024"].reason == "mean of pm.tif (tables.rasters)" and not any(key[2] == "2019" for key in found)


def test_a_unit_that_a_raster_covers_too_little_has_no_mean_and_says_so(fake_run, tmp_path):
    raster(tmp_path / "pm.tif", [[30, -1], [30, -1]])
    found = supplied_values(with_rasters(fake_run, tmp_path, "C05-02,2024,pm.tif,ug/m3,\n"))
    assert found["130001", "C05-02", "2024"].interval is None and found["130001", "C05-02", "2024"].reason == "pm.tif covers 50 %; at least 80 % is needed"
    assert found["130002", "C05-02", "2024"].interval is None and found[REGION, "C05-02", "2024"].observed_fraction == pytest.approx(0.25, abs=1e-3)


def test_a_raster_that_cannot_be_read_is_told(fake_run, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read as a raster"):
        run_rasters(with_rasters(fake_run, tmp_path, "C05-02,2024,missing.tif,ug/m3,\n"))
    raster(tmp_path / "bare.tif", [[1.0]], crs=None)
    with pytest.raises(ConfigError, match="has no CRS"):
        run_rasters(with_rasters(fake_run, tmp_path, "C05-02,2024,bare.tif,ug/m3,\n"))


def test_a_raster_that_says_nowhere_is_told(fake_run, tmp_path):
    """A world file beside it is not read."""
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=1, height=1, count=1, dtype="float32", crs="EPSG:4326") as out:
        out.write(np.ones((1, 1, 1), "float32"))
    written(tmp_path / "a.tfw", "0.5\n0\n0\n-0.5\n115.25\n38.75\n")
    with pytest.raises(ConfigError, match=r"does not say where it lies; files beside it, such as \.tfw, are not read"):
        run_rasters(with_rasters(fake_run, tmp_path, "C05-02,2024,a.tif,ug/m3,\n"))


def test_the_files_of_a_table_of_rasters_are_known_and_a_broken_table_has_none(fake_run, tmp_path):
    assert raster_paths(with_rasters(fake_run, tmp_path, "C05-02,2024,a.tif,ug/m3,\n")) == [tmp_path / "a.tif"]
    written(tmp_path / "rasters.csv", "nothing\n")
    assert raster_paths(fake_run(tables={"rasters": str(tmp_path / "rasters.csv")}).settings) == [] == raster_paths(fake_run().settings)
