"""The list of findings: each once, ids and decisions that last, states, links, and files that phones open."""

from __future__ import annotations

import xml.etree.ElementTree
from datetime import date, datetime

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely

from rs_pipeline.checks import SIDE_FILES
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.inputs.coordinates import bd09_to_wgs84, gcj02_to_wgs84
from rs_pipeline.inputs.places import check_meets
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.model import Period
from rs_pipeline.products.black_odorous.classify import CAUSES, WHOLE
from rs_pipeline.products.black_odorous.field import of_reaches
from rs_pipeline.products.findings import BLACK, FINDING_KINDS, FINDING_STATES, RECLAIMED, _words, finding_words, found_table
from rs_pipeline.products.visits import field_results
from rs_pipeline.publish.findings import FINDINGS, FORM, _write_points, finding_id, links, listed, state_of, write_form
from rs_pipeline.storage.layers import write_layer

CRS = "EPSG:32650"
PERIODS = ["2023", "2024", "2025"]
EVERY = [Period(p, date(int(p), 1, 1), date(int(p), 12, 31)) for p in PERIODS]
X, Y = 500_000.0, 4_300_000.0
UNITS = gpd.GeoDataFrame(
    {"adcode": ["130203", "130204"], "name": ["路南区", "=Gulie"], "prefecture": "唐山市"}, geometry=[shapely.box(116.9, 38, 117.02, 39), shapely.box(117.02, 38, 118, 39)], crs=4326
)  # fmt: skip


def reach(at_m=0.0, **changes):
    row = {
        "kind": BLACK,
        "place": f"R-{at_m:g}",
        "adcode": "130203",
        "first_seen": "2024",
        "last_seen": "2025",
        "amount": 200.0,
        "unit": "m",
        "probability": 0.9,
        "against": "",
    }
    return row | changes, shapely.LineString([(X + at_m, Y), (X + at_m + 200, Y)])


def fill(at_m=0.0, size_m=100.0, **changes):
    row = {
        "kind": RECLAIMED,
        "first_seen": "2025",
        "last_seen": "2025",
        "amount": size_m**2,
        "lower": 1.0,
        "upper": 2e4,
        "unit": "m2",
        "against": "seen_in_one_period",
    }
    return row | changes, shapely.box(X + at_m, Y + 5000, X + at_m + size_m, Y + 5000 + size_m)


def told(*rows):
    return found_table([r for r, _ in rows], [g for _, g in rows], CRS)


def of(*rows, known=None, visits=None, every=EVERY):
    return listed(told(*rows), known, UNITS, every, visits)


def visit(day="2025-08-01", black=True, finding_id="", kind="", at_m=0.0, up_m=5000.0):
    """By default at the corner of the first fill; reaches lie at 0 m upwards."""
    place = gpd.GeoSeries([shapely.Point(X + at_m, Y + up_m)], crs=CRS).to_crs(4326)
    columns = {"period": [day[:4]], "date": [pd.Timestamp(day)], "black": [black], "finding_id": [finding_id], "kind": [kind]}
    return gpd.GeoDataFrame(columns, geometry=place.to_numpy(), crs=4326)


def visits(*each):
    return pd.concat(each, ignore_index=True)


def test_order_county_and_columns():
    table = of(
        fill(), reach(0.0, probability=0.8), reach(5000.0, adcode="", probability=0.95), reach(900.0), visits=visit("2025-08-01", False, at_m=1000.0, up_m=0.0)
    )
    assert list(table.columns) == [*FINDINGS, "geometry"] and table.crs == "EPSG:4326"
    assert table.place.tolist() == ["R-5000", "R-0", "", "R-900"] and table["rank"].tolist() == [1, 2, 3, 4]
    assert table.state.tolist() == ["to_inspect", "to_inspect", "new", "refuted"] and table.state_chinese.tolist() == [
        "待核查",
        "待核查",
        "新发现",
        "核查不属实",
    ]
    assert table.adcode.tolist() == ["130204", "130203", "130203", "130203"] and table["name"].tolist() == ["=Gulie", "路南区", "路南区", "路南区"]
    assert table.kind_chinese[2] == "新增围填海" and table.against_chinese[2] == "仅一期可见" and pd.isna(table.probability[2]) and pd.isna(table.lower[0])
    assert table.lon[1] == pytest.approx(117.00115, abs=1e-5) and table.geo[1] == f"geo:{table.lat[1]:.6f},{table.lon[1]:.6f}"


def test_the_township_that_a_finding_lies_in_is_named():
    """The fill lies in both, of which the first counts; the second reach in the other, whose name is missing; the third in none."""
    squares = [shapely.box(X - 50, Y - 50, X + 3000, Y + 9000), shapely.box(X - 50, Y - 50, X + 6000, Y + 9000)]
    townships = gpd.GeoDataFrame({"name": [" 城关镇 ", None]}, geometry=squares, crs=CRS).to_crs(4326)
    found = told(fill(), reach(5000.0, probability=0.9), reach(90_000.0, probability=0.8))
    table = listed(found, None, UNITS, EVERY, townships=townships).set_index("place")
    assert table.township.to_dict() == {"": "城关镇", "R-5000": "", "R-90000": ""}
    assert listed(found, None, UNITS, EVERY).township.tolist() == ["", "", ""]
    assert listed(told(), None, UNITS, EVERY, townships=townships).township.tolist() == []


def test_a_place_beyond_all_units_is_of_the_nearest():
    assert of(fill(90_000.0, adcode="999999")).adcode.tolist() == ["130204"]


def test_ids_are_those_of_the_place_whatever_else_is_listed():
    alone, among = of(reach(900.0)), of(fill(), reach(), reach(900.0, probability=0.1))
    assert alone.finding_id[0] == among.set_index("place").finding_id["R-900"] and alone.finding_id[0].startswith("B-")
    assert among.finding_id.is_unique and of(fill(), fill()).finding_id.is_unique


def test_what_an_earlier_list_knows_keeps_id_first_period_and_decision():
    """The fill has grown, the reach has another name; a second fill is new, and one that was confirmed is not told of any more."""
    known = of(fill(first_seen="2024", last_seen="2024"), reach(), fill(3000.0), fill(6000.0))
    ids = known.set_index(known.lon.round(3)).finding_id
    known["state"] = ["to_inspect", "refuted", "confirmed", "new"]
    known["first_seen"] = ["2024", "2024", "2025", "2025"]
    before = {r.finding_id: r.state for r in known.itertuples()}
    now = of(fill(-20.0, size_m=150.0), reach(30.0), fill(9000.0), known=known)
    assert ids.is_unique and len(now) == 4
    grown = now[(now.kind == RECLAIMED) & (now.amount == 22500)].iloc[0]
    assert grown.finding_id in before and grown.first_seen == known.set_index("finding_id").first_seen[grown.finding_id]
    fresh = now[~now.finding_id.isin(before)]
    assert fresh.state.tolist() == ["new"] and fresh.lon.iloc[0] > 117.1
    kept = now[now.against == "not_found_again"]
    assert [before[i] for i in kept.finding_id] == kept.state.tolist() and set(kept.state) <= {"confirmed", "refuted"}


def test_undecided_findings_that_are_gone_are_told(caplog):
    assert len(of(known=of(fill(), reach()))) == 0
    assert "2 findings of the earlier list are not found again and were not decided" in caplog.text


def test_the_same_list_again_changes_nothing_but_new():
    first = of(fill(), reach())
    again = of(fill(), reach(), known=first)
    assert again.finding_id.tolist() == first.finding_id.tolist() and again.state.tolist() == ["to_inspect", "to_inspect"]


@pytest.mark.parametrize(
    ("decision", "is_new", "again", "state"),
    [
        ("", True, False, "new"), ("", False, True, "to_inspect"), ("confirmed", True, True, "confirmed"), ("refuted", True, False, "refuted"),
        ("refuted", True, True, "to_inspect"), ("remedied", False, False, "remedied"), ("remedied", False, True, "to_inspect"),
    ],
)  # fmt: skip
def test_the_life_of_a_finding(decision, is_new, again, state):
    assert state_of(decision, is_new=is_new, again=again) == state


SEASONS = [Period(p, date(int(p), 4, 1), date(int(p), 10, 31)) for p in PERIODS]


@pytest.mark.parametrize(
    ("one", "day", "last_seen", "state"),
    [
        (reach, "2025-08-01", "2025", "refuted"), (reach, "2024-08-01", "2025", "to_inspect"), (reach, "2024-12-01", "2024", "refuted"),
        (reach, "2024-12-01", "2025", "to_inspect"), (reach, "2026-01-05", "2025", "refuted"), (fill, "2024-08-01", "2025", "refuted"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", [True, False])
def test_black_water_that_was_refuted_is_looked_at_again_when_a_later_period_shows_it(one, day, last_seen, state, named):
    """By its name or its place; between the seasons and after the last one too. The next run remembers the answer without the table of visits."""
    row = one(last_seen=last_seen)
    name, kind = of(row).finding_id[0], "" if one is reach else RECLAIMED
    found = visit(day, False, name if named else "", kind, at_m=50.0, up_m=0.0 if one is reach else 5000.0)
    first = of(row, visits=found, every=SEASONS)
    again = of(row, known=first, every=SEASONS)
    assert first.state.tolist() == again.state.tolist() == [state] and first.visited.tolist() == again.visited.tolist() == [day]


def test_a_decision_without_a_day_is_as_old_as_the_last_period_that_showed_it():
    known = of(reach(last_seen="2024")).assign(state="refuted")
    assert of(reach(last_seen="2024"), known=known).state.tolist() == ["refuted"] and of(reach(), known=known).state.tolist() == ["to_inspect"]


@pytest.mark.parametrize("named", [True, False])
def test_confirmed_and_gone_within_a_period_is_remedied_by_name_and_by_place(named):
    name = of(reach()).finding_id[0] if named else ""
    both = visits(visit("2024-09-01", False, name, up_m=0.0), visit("2024-05-01", True, name, up_m=0.0))
    assert of(reach(last_seen="2024"), visits=both).state.tolist() == ["remedied"]


@pytest.mark.parametrize(("named", "black", "state"), [(True, True, "confirmed"), (False, True, "confirmed"), (True, False, "refuted")])
def test_a_visit_decides_what_nobody_tells_of_any_more(named, black, state, caplog):
    known = of(fill())
    now = of(known=known, visits=visit(black=black, finding_id=known.finding_id[0] if named else "", kind="" if named else RECLAIMED))
    assert now[["finding_id", "state", "visited", "against"]].to_numpy().tolist() == [[known.finding_id[0], state, "2025-08-01", "not_found_again"]]
    assert not caplog.text


def test_black_water_that_is_gone_stays_as_long_as_a_visit_tells_of_it(caplog):
    caplog.set_level("INFO")
    first, refuted = of(reach()), visit("2026-01-05", False, up_m=0.0)
    assert of(known=first, visits=refuted).state.tolist() == ["refuted"]
    assert len(of(known=of(known=first, visits=refuted))) == 0 and "1 findings of black-odorous water that was refuted or remedied" in caplog.text


def test_a_visit_by_place_to_the_joint_of_two_reaches_is_about_both():
    joint = visit().set_geometry([shapely.Point(X + 200, Y)], crs=CRS)
    assert of(reach(), reach(200.0), reach(400.0), visits=joint).set_index("place").state.to_dict() == {
        "R-0": "confirmed",
        "R-200": "confirmed",
        "R-400": "to_inspect",
    }


def test_a_visit_that_is_older_than_the_earlier_list_changes_nothing():
    name = of(fill()).finding_id[0]
    known = of(fill(), visits=visit("2025-09-01", True, name))
    now = of(fill(), known=known, visits=visits(visit("2024-05-01", False, name), visit("2025-09-01", True, name)))
    assert (now.state[0], now.visited[0]) == ("confirmed", "2025-09-01")
    assert of(fill(), known=known, visits=visit("2025-09-02", False, name)).state.tolist() == ["remedied"]


@pytest.mark.parametrize("state", ["confirmed", "refuted"])
def test_a_neighbour_inherits_nothing(state):
    """30 m from a small spot that is gone lies a new fill of 25 ha; reach R-200 begins where R-0 ended."""
    spot, before = of(fill(0.0, 30.0)).assign(state=state), of(reach()).assign(state=state)
    large, after = of(fill(60.0, 500.0), known=spot), of(reach(200.0), known=before)
    assert dict(zip(large.amount, large.state, strict=True)) == {900.0: state, 250_000.0: "new"}
    assert dict(zip(after.place, after.state, strict=True)) == {"R-200": "new"} | ({"R-0": state} if state == "confirmed" else {})


@pytest.mark.parametrize(
    ("size_m", "state", "expected"),
    [(141.0, "refuted", "refuted"), (142.0, "refuted", "to_inspect"), (142.0, "remedied", "to_inspect"), (500.0, "confirmed", "confirmed")],
)
def test_what_was_refuted_says_nothing_of_what_has_doubled(size_m, state, expected):
    """100 m square at first. The visit that refuted it still stands in the table; a later one counts."""
    known = of(fill()).assign(state=state, visited="2025-08-01")
    name, answer = known.finding_id[0], state == "confirmed"
    now = of(fill(0.0, size_m), known=known, visits=visit("2025-08-01", answer, name))
    assert now[["finding_id", "state", "visited"]].to_numpy().tolist() == [[name, expected, "2025-08-01"]]
    assert of(fill(0.0, size_m), known=known, visits=visit("2025-08-02", True, name)).state.tolist() == ["confirmed"]


def test_a_named_reach_is_the_same_wherever_its_outline_went():
    row, line = reach(place="R-x")
    known = of((row, line)).assign(state="confirmed")
    now = of((row, shapely.affinity.translate(line, 0, 50)), known=known)
    assert now[["finding_id", "state"]].to_numpy().tolist() == [[known.finding_id[0], "confirmed"]]


@pytest.mark.parametrize(
    ("written", "state"),
    [("Confirmed", "confirmed"), (" 核查属实 ", "confirmed"), ("REFUTED", "refuted"), ("To inspect", "to_inspect"), ("复核已不存在", "remedied")],
)
def test_states_as_people_write_them(written, state):
    assert of(fill(), known=of(fill()).assign(state=written)).state.tolist() == [state]


@pytest.mark.parametrize("written", ["已确认", "", None, "yes"])
def test_a_state_that_is_none_is_refused(written):
    known = of(fill(), fill(3000.0))
    known.loc[1, "state"] = written
    with pytest.raises(ConfigError, match="is no state of a finding") as fault:
        of(fill(), known=known)
    assert fault.value.where == f"tables.known_findings, row 2 ({known.finding_id[1]}), column state" and "confirmed (核查属实)" in fault.value.remedy


def test_a_state_that_is_none_is_refused_at_the_start_with_its_file(tmp_path):
    path = tmp_path / "known.gpkg"
    write_layer(of(fill()).assign(state="已确认"), path, "findings")
    values = {
        "run": "f",
        "output": str(tmp_path),
        "units": {"path": "u.gpkg"},
        "periods": [2025],
        "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
    }
    with pytest.raises(ConfigError) as fault:
        SIDE_FILES["tables.known_findings"].read(parse(values | {"tables": {"known_findings": str(path)}}), "tables.known_findings", UNITS)
    assert fault.value.where.startswith(f"tables.known_findings: {path}, row 1 (L-")


def test_columns_of_an_earlier_list_as_spreadsheets_change_them():
    """Periods as numbers, days as dates, places that were emptied."""
    known = of(fill(), visits=visit("2025-09-01", True, of(fill()).finding_id[0])).assign(
        first_seen=2024.0, last_seen=2025, visited=pd.Timestamp("2025-09-01"), place=None
    )
    assert of(fill(), known=known)[["state", "first_seen", "visited"]].to_numpy().tolist() == [["confirmed", "2024", "2025-09-01"]]
    assert of(fill(), known=known.drop(columns=["visited", "place"]).assign(first_seen=None)).first_seen.tolist() == ["2025"]


def test_an_empty_list_is_an_earlier_list_too(tmp_path):
    write_layer(of(), tmp_path / "known.gpkg", "findings", "Unknown")
    settings = parse(
        {
            "run": "f",
            "output": str(tmp_path),
            "units": {"path": "u.gpkg"},
            "periods": [2025],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
            "tables": {"known_findings": str(tmp_path / "known.gpkg")},
        }
    )
    known = load_vector(settings, "tables.known_findings")
    assert of(fill(), known=known).state.tolist() == ["new"] and of(known=known).empty and check_meets(known, UNITS, "k") is None


def test_findings_of_unknown_kinds_are_told(caplog):
    known = of(fill()).assign(kind="odd", state="confirmed")
    assert of(known=known).empty and f"tables.known_findings: left out, as they are of no known kind: {known.finding_id[0]}" in caplog.text


def test_links_lead_back_to_the_place():
    """Read as the map services read them: Amap lon,lat in GCJ-02, Baidu lat,lon in BD-09; a place in Paris has neither."""
    lon, lat = np.array([117.0, 2.35]), np.array([39.0, 48.85])
    found = links(lon, lat, ["L-1 新增", "x"])
    amap = [float(v) for v in found["amap"][0].split("position=")[1].split("&")[0].split(",")]
    baidu = [float(v) for v in found["baidu"][0].split("location=")[1].split("&")[0].split(",")][::-1]
    assert gcj02_to_wgs84(np.array([amap]))[0] == pytest.approx([117.0, 39.0], abs=1e-5)
    assert bd09_to_wgs84(np.array([baidu]))[0] == pytest.approx([117.0, 39.0], abs=1e-5)
    assert np.hypot(*((np.array(amap) - [117.0, 39.0]) * 1e5)) > 300 and "%E6%96%B0" in found["amap"][0]
    assert found["amap"][1] == found["baidu"][1] == "" and found["geo"] == ["geo:39.000000,117.000000", "geo:48.850000,2.350000"]


@pytest.mark.parametrize("ending", [".kml", ".gpx"])
def test_phones_open_the_points(tmp_path, ending):
    table = of(reach(), reach(5000.0, adcode="130204"))
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    for path in paths:
        _write_points(table, path)
    back = pyogrio.read_dataframe(paths[0], layer={".kml": "findings", ".gpx": "waypoints"}[ending]).rename(columns=str.lower)
    assert back.geometry.x.tolist() == pytest.approx(table.lon.tolist()) and back.geometry.y.tolist() == pytest.approx(table.lat.tolist())
    assert back["name"].tolist()[0] == "1 疑似黑臭水体 " + table["name"][0]
    about = back.rename(columns={"desc": "description"}).description[0]
    assert table.finding_id[0] in about and table.amap[0] in about and paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("ending", [".kml", ".gpx"])
@pytest.mark.parametrize("odd", ["\uffff", "\ufffe", "\ud800", "\x00"])
def test_characters_that_xml_has_not_do_not_break_the_points(tmp_path, ending, odd):
    path = tmp_path / f"a{ending}"
    _write_points(of(fill()).assign(name=pd.Series([f"{odd}<&>"], dtype="object")), path)
    assert "<&>" in "".join(xml.etree.ElementTree.parse(path).getroot().itertext())


def test_an_empty_list_has_all_columns(tmp_path):
    table = of()
    assert list(table.columns) == [*FINDINGS, "geometry"] and table.empty
    _write_points(table, tmp_path / "a.gpx")


def test_every_word_is_there_in_both_languages():
    words = {*FINDING_KINDS, *FINDING_STATES, *CAUSES, *WHOLE}
    assert words - set(_words()) == set() and all(english and chinese for english, chinese in _words().values())
    assert finding_words("sediment:3;odd", 0) == "sediment 3; odd"
    assert finding_id(BLACK, "R-1", 0.0, 0.0) == finding_id(BLACK, "R-1", 1.0, 1.0) != finding_id(BLACK, "R-2", 0.0, 0.0)


@pytest.fixture
def back(tmp_path):
    """The form of a list, filled in by finding_id: {id: (date, found)}, as the visits that `field_results` reads of it; the list is the known one."""

    def back(table, answers: dict, change=lambda sheet: None, ending=".xlsx", encoding="gb18030", **tables):
        form, known = tmp_path / "form.xlsx", tmp_path / "known.gpkg"
        write_form(table, form)
        book = openpyxl.load_workbook(form)
        sheet = book.worksheets[0]
        at = {cell.value: cell.column for cell in sheet[2]}
        for row in sheet.iter_rows(min_row=3):
            if row[0].value in answers:
                for column, value in zip(("date", "found"), answers[row[0].value], strict=True):
                    sheet.cell(row[0].row, at[column]).value = value
        change(sheet)
        book.save(form)
        if ending == ".csv":
            form = form.with_suffix(".csv")
            pd.DataFrame(sheet.iter_rows(values_only=True)).to_csv(form, index=False, header=False, encoding=encoding)
        known.unlink(missing_ok=True)
        write_layer(table, known, "findings")
        return field_results(
            parse(
                {
                    "run": "f",
                    "output": str(tmp_path),
                    "units": {"path": str(tmp_path / "u.gpkg")},
                    "periods": [2023, 2024, 2025],
                    "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
                    "tables": {"field_results": str(form), "known_findings": str(known)} | tables,
                }
            )
        )

    return back


@pytest.mark.parametrize("ending", [".xlsx", ".csv"])
@pytest.mark.parametrize(("day", "yes"), [(datetime(2025, 8, 1), "是"), ("2025/8/1", 1.0), ("2025年8月1日", "√")])
def test_the_form_goes_out_and_comes_back(back, ending, day, yes):
    """Excel's dates, answers as people write them, GB18030; a fill is confirmed, a reach refuted, another not visited."""
    first = of(fill(), reach(), reach(900.0))
    ids = dict(zip(first.place, first.finding_id, strict=True))
    visits = back(first, {ids[""]: (day, yes), ids["R-0"]: ("2025-09-01", "否")}, ending=ending)
    assert visits.finding_id.tolist() == [ids["R-0"], ids[""]] and visits.black.tolist() == [False, True] and visits.period.tolist() == ["2025", "2025"]
    assert of_reaches(visits).finding_id.tolist() == [ids["R-0"]]
    now = of(fill(), reach(), reach(900.0), known=first, visits=visits).set_index("place")
    assert now.state.to_dict() == {"": "confirmed", "R-0": "refuted", "R-900": "to_inspect"}
    assert now.visited[""] == "2025-08-01" and now.visited["R-0"] == "2025-09-01" and now.visited["R-900"] == ""


def test_what_was_confirmed_and_is_found_gone_is_remedied(back):
    first = of(reach(), fill(), visits=visit("2024-08-01", up_m=0.0))
    visits = back(first, {i: ("2026-02-03", "0") for i in first.finding_id})
    assert visits.period.tolist() == ["", ""]  # after the last period: a late visit decides the finding and no period
    now = of(reach(), fill(), known=first, visits=visits).set_index("place")
    assert now.state.to_dict() == {"R-0": "remedied", "": "refuted"} and now.visited.tolist() == ["2026-02-03"] * 2


def test_a_form_without_coordinates_stands_where_its_findings_do(back):
    def blank(sheet):
        for row in sheet.iter_rows(min_row=3):
            row[list(FORM).index("lon")].value = row[list(FORM).index("lat")].value = None

    first = of(reach())
    visits = back(first, {first.finding_id[0]: ("2025-08-01", "是")}, change=blank)
    assert (visits.geometry.x[0], visits.geometry.y[0]) == pytest.approx((first.lon[0], first.lat[0]))
    with pytest.raises(TableError, match=r"there is no place, and the finding 'B-[0-9a-f]{8}' is not known") as fault:
        back(first, {first.finding_id[0]: ("2025-08-01", "是")}, change=blank, known_findings=None)
    assert fault.value.where.endswith("row 3, column finding_id") and "tables.known_findings" in fault.value.remedy


@pytest.mark.parametrize(
    ("answer", "column", "what"),
    [
        ((None, "是"), "date", "the cell is empty"),
        (("2025-08-01", None), "found", "the cell is empty"),
        (("2025-08-01", "也许"), "found", "neither yes nor no"),
    ],
)
def test_half_an_answer_is_no_answer(back, answer, column, what):
    first = of(reach())
    with pytest.raises(TableError, match=what) as fault:
        back(first, {first.finding_id[0]: answer})
    assert fault.value.where.endswith(f"row 3, column {column}")


@pytest.mark.parametrize(("at_m", "state"), [(-90.0, "confirmed"), (-110.0, "new")])
def test_a_visit_of_a_kind_is_about_the_nearest_within_the_distance(at_m, state, caplog):
    assert of(fill(), fill(5000.0), visits=visit(kind=RECLAIMED, at_m=at_m)).sort_values("lon").state.tolist() == [state, "new"]
    assert ("1 of 1 visits are about no finding of the list: new_reclamation on 2025-08-01" in caplog.text) == (state == "new")


def test_confirmed_once_and_gone_later_is_remedied_without_an_earlier_list():
    name = of(fill()).finding_id[0]
    assert of(fill(), visits=pd.concat([visit("2025-09-01", False, name), visit("2025-08-01", True, name)], ignore_index=True)).state.tolist() == ["remedied"]


def test_a_visit_to_no_finding_is_told_and_the_last_visit_decides(caplog):
    name = of(fill()).finding_id[0]
    visits = pd.concat([visit("2025-09-01", False, name), visit("2024-08-01", False, name), visit(finding_id="L-00000000")], ignore_index=True)
    assert of(fill(), visits=visits).state.tolist() == ["refuted"]
    assert "1 of 3 visits are about no finding of the list: L-00000000 on 2025-08-01" in caplog.text
