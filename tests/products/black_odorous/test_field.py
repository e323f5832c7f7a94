"""Visits as inspectors write them down, and the coordinate system of their phones."""

import io
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely

from rs_pipeline.errors import TableError
from rs_pipeline.inputs import tables
from rs_pipeline.inputs.coordinates import gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_gcj02
from rs_pipeline.inputs.tables import read_table
from rs_pipeline.products.black_odorous.field import of_reaches, shifted_visits, visited
from rs_pipeline.products.visits import field_results

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
    found = visits(
        "117.0,38.85,2023/8/5,是", "117°0',38°51',2023年8月6日,否", "117,38.85,20250101,√", encoding="gbk", header="Lon,LAT,date,black,备注".rpartition(",")[0]
    )
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


@pytest.mark.parametrize(("line", "lon"), [("L-1,117,38.85", HERE[0][0]), (",117,38.85", gcj02_to_wgs84(HERE)[0][0])])
def test_coordinates_beside_an_id_are_those_of_the_form(visits, line, lon):
    """The form brings places on WGS 84 along; GCJ-02, stated for what inspectors write, lies 500 m away."""
    assert visits(f"{line},2023-08-05,1", header="finding_id,lon,lat,date,found", crs="gcj02").geometry.x.tolist() == pytest.approx([lon], abs=1e-9)


def test_two_columns_of_one_meaning_are_refused(visits):
    with pytest.raises(TableError, match="columns of one meaning: 核查日期, 日期"):
        visits("117,38.85,2023-08-05,,是", header="经度,纬度,核查日期,日期,是否属实")


def test_a_kind_that_is_none_is_refused(visits):
    with pytest.raises(TableError, match="unknown kind '黑臭水体'") as fault:
        visits("黑臭水体,117,38.85,2023-08-05,1", header="kind,lon,lat,date,found")
    assert fault.value.where.endswith("row 2, column kind") and "black_odorous_water" in fault.value.remedy


def test_a_visit_to_a_known_finding_stands_on_it_whatever_its_columns_say(make_settings, tmp_path):
    """A reach of 117.0 to 117.2 degrees: its middle. Columns lon and lat of the list are not needed."""
    known = {
        "finding_id": ["B-1"],
        "kind": ["black_odorous_water"],
        "state": ["new"],
        "first_seen": ["2023"],
        "last_seen": ["2023"],
        "lon": [1.0],
        "lat": [2.0],
    }
    gpd.GeoDataFrame(known, geometry=[shapely.LineString([(117.0, 38.85), (117.2, 38.85)])], crs=4326).to_file(tmp_path / "known.gpkg")
    (tmp_path / "v.csv").write_text("finding_id,lon,lat,date,found\nB-1,110,30,2023-08-05,1\n")
    settings = make_settings(
        tables={"field_results": str(tmp_path / "v.csv"), "known_findings": str(tmp_path / "known.gpkg")}, inputs={"tables.field_results": {"crs": "gcj02"}}
    )
    assert field_results(settings).get_coordinates().to_numpy().tolist()[0] == pytest.approx([117.1, 38.85])


def sheet_of(path, rows, merged):
    """A workbook with ranges of merged cells as a file may state them."""
    book, raw = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(raw)
    ranges = "".join(f'<mergeCell ref="{cells}"/>' for cells in merged)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"</sheetData>", f"</sheetData><mergeCells>{ranges}</mergeCells>".encode()))


@pytest.mark.parametrize("merged", [("D2:D4", "E2:E4"), ("D2:D4", "E2:F4"), ("D2:D1048576", "E2:E4")])
def test_merged_cells_count_for_all_their_rows(make_settings, tmp_path, merged):
    rows = [("问题编号", "经度", "纬度", "核查日期", "是否属实", "备注"), ("L-1", 117, 38.85, "2023-08-05", "是"), ("L-2", 117, 38.86), ("L-3", 117, 38.87)]
    sheet_of(tmp_path / "v.xlsx", rows, merged)
    found = field_results(make_settings(tables={"field_results": str(tmp_path / "v.xlsx")}))
    assert found.finding_id.tolist() == ["L-1", "L-2", "L-3"] and found.black.all() and found.date.dt.day.tolist() == [5] * 3


def test_merged_cells_of_other_tables_stay_empty(tmp_path):
    """They may mean a sum."""
    sheet_of(tmp_path / "t.xlsx", [("adcode", "gdp"), (130203, 5), (130204, None)], ["B2:B3"])
    assert read_table(tmp_path / "t.xlsx", ("adcode", "gdp")).column("gdp") == ["5", ""]


@pytest.mark.parametrize("written", ["D2:", "x", "D2:D99999999999"])
def test_merged_cells_that_are_no_range_are_refused(tmp_path, written):
    sheet_of(tmp_path / "a.xlsx", [("date", "found"), ("2023-08-05", 1), (None, None)], [written])
    with pytest.raises(TableError, match="the sheet cannot be read") as fault:
        read_table(tmp_path / "a.xlsx", ("date", "found"), fill_merged=True)
    assert "sheet Sheet" in fault.value.where and "save it anew" in fault.value.remedy


def test_merged_cells_that_are_many_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_CELLS", 12)
    sheet_of(tmp_path / "a.xlsx", [("date", "found"), *[("2023-08-05", 1)] * 3], [])
    sheet_of(tmp_path / "b.xlsx", [("date", "found"), *[("2023-08-05", 1)] * 3], ["A2:A4"] * 7)
    assert len(read_table(tmp_path / "a.xlsx", ("date", "found"), fill_merged=True).cells) == 3
    with pytest.raises(TableError, match="merged cells span more than 12 rows"):
        read_table(tmp_path / "b.xlsx", ("date", "found"), fill_merged=True)


def test_visits_to_other_findings_are_not_about_reaches(visits):
    found = visits(
        "L-1,,117,38.85,2023-08-05,1",
        ",new_reclamation,117,38.85,2023-08-05,1",
        "B-1,,117,38.85,2023-08-06,0",
        "/,black_odorous_water,117,38.85,2023-08-07,1",
        header="finding_id,kind,lon,lat,date,found",
    )
    assert of_reaches(found).date.dt.day.tolist() == [6, 7] and of_reaches(None) is None
