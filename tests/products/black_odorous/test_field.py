"""Visits as inspectors write them down, and the coordinate system of their phones."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rs_pipeline.errors import TableError
from rs_pipeline.inputs.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from rs_pipeline.products.black_odorous.field import field_results, of_reaches, shifted_visits, visited

HERE = np.array([[117.0, 38.85]])
PHONES = {"": HERE, "GCJ-02": wgs84_to_gcj02(HERE), "BD-09": gcj02_to_bd09(wgs84_to_gcj02(HERE))}
"""The same place by a GPS receiver and two maps on a phone."""


@pytest.fixture
def visits(make_settings, tmp_path):
    def visits(*lines, encoding="utf-8", header="lon,lat,date,black", **stated):
        path = tmp_path / "visits.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
        return field_results(make_settings(tables={"field_results": str(path)}, inputs={"tables.field_results": stated}))

    return visits


def reach():
    place = gpd.GeoSeries([shapely.Point(*HERE[0])], crs=4326).to_crs(32650)
    return gpd.GeoDataFrame({"reach_id": ["R"], "period": ["2023"]}, geometry=place)


def test_what_inspectors_write_is_read(visits):
    found = visits("117.0,38.85,2023/8/5,是", "117°0',38°51',2023年8月6日,否", "117,38.85,20250101,√", encoding="gbk", header="Lon,LAT,date,black,备注".rpartition(",")[0])
    assert found.black.tolist() == [True, False, True] and found.period.tolist() == ["2023", "2023", ""]
    assert found.geometry.x.tolist() == [117.0] * 3 and found.geometry.y.tolist() == pytest.approx([38.85] * 3)


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("117,38.85,5/8/2023,1", "date", "is not a day"), ("117,38.85,2023-08-05,maybe", "black", "neither yes nor no"), ("117,38.85,2023-08-05,", "black", "empty"),
        ("38.85,117,2023-08-05,1", "lon", "are exchanged"), ("117,,2023-08-05,1", "lat", "empty"),
    ],
)  # fmt: skip
def test_a_visit_that_cannot_be_read_is_named(visits, line, column, what):
    with pytest.raises(TableError, match=what) as fault:
        visits("117,38.85,2023-08-05,1", line)
    assert fault.value.where.endswith(f"row 3, column {column}")


@pytest.mark.parametrize("system", PHONES)
def test_a_visit_by_phone_meets_its_reach_once_its_system_is_stated(visits, system):
    line = f"{PHONES[system][0][0]:.7f},{PHONES[system][0][1]:.7f},2023-08-05,1"
    plain, told = visits(line), shifted_visits(reach(), visits(line), 100.0)
    assert visited(reach(), plain, 100.0).tolist() == ([""] if system else ["confirmed"])
    assert (f"1 of 1 would if their places were {system}: state inputs.tables.field_results.crs: {system}" in told) if system else told == ""
    if system:
        assert visited(reach(), visits(line, crs=system), 100.0).tolist() == ["confirmed"]


def test_visits_elsewhere_are_in_no_system(visits):
    assert shifted_visits(reach(), visits("110,30,2023-08-05,1"), 100.0) == ""
    assert len(visits()) == 0 and shifted_visits(reach(), visits(), 100.0) == ""


def test_chinese_names_and_rows_that_nobody_filled_in(visits):
    found = visits("问题一,117,38.85,2023-08-05,是", ",117,38.85,,", "date,lon,lat,date,found", header="备注,经度,纬度,核查日期,是否属实", encoding="gb18030")
    assert found.black.tolist() == [True] and found.finding_id.tolist() == [""] and visited(reach(), of_reaches(found), 100.0).tolist() == ["confirmed"]


def test_visits_to_other_findings_are_not_about_reaches(visits):
    found = visits("L-1,,117,38.85,2023-08-05,1", ",new_reclamation,117,38.85,2023-08-05,1", "B-1,,117,38.85,2023-08-06,0", "/,black_odorous_water,117,38.85,2023-08-07,1", header="finding_id,kind,lon,lat,date,found")
    assert of_reaches(found).date.dt.day.tolist() == [6, 7] and of_reaches(None) is None
