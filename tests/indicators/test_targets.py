"""The committed table of targets, and what its loader refuses."""

import csv
import re

import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.status import CHANGE_OPERATORS
from rs_pipeline.indicators.targets import OPERATORS, TARGET_COLUMNS, load_targets, load_values
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder

HEADER = ",".join([*TARGET_COLUMNS, "tolerance"])
GOOD = "10,C10-02,grassland,Cover of grassland,>=,75,%,,2035,province,proxy,fvc,m,c,grassland_fvc,"


@pytest.fixture(scope="module")
def targets():
    return {t.target_id: t for t in load_targets(config_folder() / "targets.csv", INDICATORS)}


@pytest.fixture
def write(tmp_path):
    def write(*lines, encoding="utf-8"):
        path = tmp_path / "targets.csv"
        path.write_text("\n".join([HEADER, *lines]) + "\n", encoding=encoding)
        return path

    return write


def test_every_clause_is_there(targets):
    assert {t.clause for t in targets.values()} == set(range(29))
    assert len(targets) == 87
    assert all(key.startswith(f"C{t.clause:02d}-") for key, t in targets.items())


def test_numbers_of_the_document(targets):
    numbers = {
        "C01-01": 36390,
        "C01-03": 23.2,
        "C02-01": 137,
        "C03-01": 45,
        "C03-02": 95,
        "C04-01": 41,
        "C06-05": 40,
        "C07-03": 80,
        "C08-01": 100,
        "C09-01": 100,
        "C10-02": 75,
        "C10-03": 84,
        "C17-01": 70,
        "C19-01": 40,
        "C19-02": 60,
        "C20-01": 24,
        "C20-02": 30,
        "C22-01": 100,
    }
    assert {key: targets[key].value for key in numbers} == numbers


def test_every_number_is_printed_in_the_sentence_or_has_a_caveat(targets):
    for key, t in targets.items():
        if t.value is None:
            continue
        printed = re.findall(r"\d+(?:\.\d+)?", t.description)
        assert f"{t.value:g}" in printed or t.caveat, key


def test_the_red_line_is_the_corrected_number_and_says_so(targets):
    assert "363900" in targets["C01-01"].description and "exceeds the province" in targets["C01-01"].caveat
    assert "35 is the national" in targets["C01-03"].caveat


def test_a_ceiling_of_converted_area_is_not_a_floor(targets):
    assert (targets["C01-02"].operator, targets["C01-02"].unit) == ("no_increase", "km2 converted")


def test_comparisons_without_number_say_where_it_is(targets):
    for t in targets.values():
        if t.value is None and t.operator not in (*CHANGE_OPERATORS, "qualitative", "eliminate"):
            assert t.caveat, t.target_id


def test_every_indicator_named_has_the_unit_of_its_target_or_only_asks_for_a_change(targets):
    for t in targets.values():
        for name in t.indicator:
            i = INDICATORS[name]
            assert i.is_evidence or i.unit in t.unit or t.operator in (*CHANGE_OPERATORS, "eliminate", "qualitative"), (t.target_id, name)
            assert i.direction, name


def test_or_more_includes_the_number_and_better_is_no_fault(targets):
    """以上 includes the number (Civil Code, article 1259); more green, or all of a share, fulfils a sentence."""
    assert {key: targets[key].operator for key in ("C03-02", "C04-01", "C07-03", "C17-01")} == dict.fromkeys(("C03-02", "C04-01", "C07-03", "C17-01"), ">=")
    assert {t.operator for t in targets.values()} & {">", "<", "="} == set() and not any(t.tolerance for t in targets.values())


def test_a_level_has_no_baseline_unless_its_unit_names_one(targets):
    level = [t for t in targets.values() if t.operator not in CHANGE_OPERATORS]
    assert {t.target_id: t.baseline_year for t in level if t.baseline_year} == {"C01-07": 2020, "C04-01": 2020}
    assert all(str(targets[key].baseline_year) in targets[key].unit for key in ("C01-07", "C04-01"))


def test_every_target_names_the_standard_or_says_that_there_is_none(targets):
    assert [key for key, t in targets.items() if not t.standard] == []
    named = {
        "C01-02": "HJ 1143-2020",
        "C01-03": "DB33/T 2106-2018",
        "C05-02": "HJ 1264-2022",
        "C06-01": "Jiancheng [2015] 130",
        "C06-02": "GB 3838-2002",
        "C06-09": "HJ 1356-2024",
        "C10-05": "HJ 1166-2021",
        "C00-01": "HJ 192-2015",
        "C01-08": "GB/T 21010-2017",
    }
    assert {key: text for key, text in named.items() if text not in targets[key].standard} == {}


def test_every_number_names_its_source_and_a_sentence_without_one_says_so(targets):
    assert [key for key, t in targets.items() if not t.source] == []
    assert {t.source for t in targets.values() if t.value is None} == {"the document prints no number", "no number is needed"}
    printed = [t for t in targets.values() if t.source == "the document"]
    assert len(printed) > 10 and [t.target_id for t in printed if f"{t.value:g}" not in re.findall(r"\d+(?:\.\d+)?", t.description)] == []
    assert "Guohan [2023] 141" in targets["C01-03"].source and "363900" in targets["C01-01"].source


def test_particles_can_be_seen_only_not_by_these_satellites(targets):
    for key in ("C05-02", "C05-03"):
        assert targets[key].observability == "needs_outside_table" and "not those read here" in targets[key].caveat, key


def test_a_table_without_standards_is_read(write):
    assert load_targets(write(GOOD), INDICATORS)[0].standard == ""


def test_bom_blank_lines_and_commas_in_quotes(write):
    path = write(GOOD.replace("Cover of grassland", '"Cover, of ""grass"""'), ",,,,,,,,,,,,,,,", encoding="utf-8-sig")
    (target,) = load_targets(path, INDICATORS)
    assert (target.clause, target.value, target.description, target.baseline_year) == (10, 75.0, 'Cover, of "grass"', None)


@pytest.mark.parametrize(
    ("old", "new", "column", "what", "remedy"),
    [
        (">=", "≥", "operator", "unknown operator '≥'", ">=, >"),
        ("75", "75 km2", "value", "'75 km2' is not a number: it carries a unit", "decimal point"),
        ("75,%", "75%,km2", "value", "'75%' is a percentage, the column is in km2", "decimal point"),
        ("75", "inf", "value", "'inf' is not a number", "decimal point"),
        ("2035", "soon", "target_year", "'soon' is not a number", "plain number"),
        ("2035", "20.35", "target_year", "is not a year", "2035"),
        ("10,C", "ten,C", "clause", "'ten' is not a number", "plain number"),
        ("10,C", "-1,C", "clause", "is not a clause", "whole number"),
        ("C10-02", "", "target_id", "empty", "fill it in"),
        ("proxy", "maybe", "observability", "unknown observability 'maybe'", "direct, proxy"),
        ("grassland_fvc", "grass", "indicator", "unknown indicator 'grass'", "fvc_peak_mean"),
    ],
)
def test_a_bad_cell_names_file_row_column_and_remedy(write, old, new, column, what, remedy):
    path = write(GOOD.replace("C10-02", "C10-01"), GOOD.replace(old, new, 1))
    with pytest.raises(TableError) as fault:
        load_targets(path, INDICATORS)
    assert what in fault.value.what
    assert fault.value.where == f"{path}, row 3, column {column}"
    assert remedy in fault.value.remedy


def test_a_repeated_id(write):
    with pytest.raises(TableError, match="occurs twice") as fault:
        load_targets(write(GOOD, GOOD), INDICATORS)
    assert "row 3, column target_id" in fault.value.where


def test_a_missing_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("clause,target_id\n1,a\n")
    with pytest.raises(TableError, match="columns are missing: topic, description, operator"):
        load_targets(path, INDICATORS)


def test_a_row_of_another_length(write):
    with pytest.raises(TableError, match="15 cells where the header has 16") as fault:
        load_targets(write(GOOD[:-1]), INDICATORS)
    assert "row 2" in fault.value.where and "double quotes" in fault.value.remedy


def test_other_encodings_empty_and_absent_files(write, tmp_path):
    (target,) = load_targets(write(GOOD.replace("grassland,", "草原,"), encoding="gbk"), INDICATORS)
    assert target.topic == "草原"
    with pytest.raises(TableError, match="no targets"):
        load_targets(write(), INDICATORS)
    with pytest.raises(TableError, match="cannot be read"):
        load_targets(tmp_path / "absent.csv", INDICATORS)


def values(tmp_path, *lines):
    path = tmp_path / "values.csv"
    path.write_text("\n".join(["adcode,period,target_id,value,lower,upper", *lines]) + "\n", encoding="utf-8-sig")
    return load_values(path, {"C10-02": "%"})


def test_official_values(tmp_path):
    got = values(tmp_path, "130001,2024,C10-02,73.5,72,75", "130001,2023,C10-02,73,,")
    assert got["130001", "2024", "C10-02"] == Interval(73.5, 72, 75, "range")
    assert (got["130001", "2023", "C10-02"].value, got["130001", "2023", "C10-02"].kind) == (73.0, "")
    assert load_values(None, {}) == {}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("1,2024,C99-01,1,,", "unknown target 'C99-01'"), ("1,2024,C10-02,x,,", "is not a number"), ("1,2024,C10-02,,,", "empty"),
        ("1,2024,C10-02,1,0,", "one bound"), ("1,2024,C10-02,1,2,3", "does not lie between"), (",2024,C10-02,1,,", "empty"),
    ],
)  # fmt: skip
def test_bad_official_values(tmp_path, line, what):
    with pytest.raises(TableError, match=what) as fault:
        values(tmp_path, line)
    assert "row 2, column" in fault.value.where


def test_an_official_value_given_twice(tmp_path):
    with pytest.raises(TableError, match="a second value"):
        values(tmp_path, "1,2024,C10-02,1,,", "1,2024,C10-02,2,,")


def test_the_committed_table_is_plain_utf8_csv():
    with open(config_folder() / "targets.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert tuple(rows[0]) == (*TARGET_COLUMNS, "tolerance", "standard", "source")
    assert {len(r) for r in rows} == {len(rows[0])}
    assert {r[4] for r in rows[1:]} <= set(OPERATORS)
