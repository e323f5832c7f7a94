"""Tables as bureaus hand them in: encodings, separators, workbooks, cells; and what is refused with its row."""

from datetime import date, datetime

import openpyxl
import pytest

from rs_pipeline.config import InputSection
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.cells import code_text, day_of, degrees_of, number_of, truth_of
from rs_pipeline.inputs.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from rs_pipeline.inputs.tables import check_percent, read_table

NEEDED = ("adcode", "period", "gdp")


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8", name="t.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def cells(path, needed=NEEDED, **stated):
    return [row.cells for row in read_table(path, needed, InputSection(**stated)).rows()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "，", "；", "|"])
def test_encodings_and_separators(write, encoding, separator):
    text = "\r\n".join(separator.join(line) for line in (["adcode", "period", "gdp", "备注"], ["131101", "2023", "12.5", "年鉴"]))
    assert cells(write(text, encoding)) == [{"adcode": "131101", "period": "2023", "gdp": "12.5", "备注": "年鉴"}]


def test_a_stated_encoding_counts(write):
    path = write("adcode,period,gdp,x\n1,2,3,café\n", "latin-1")
    assert cells(path, encoding="latin-1")[0]["x"] == "café"


def test_headers_with_blanks_titles_and_capitals(write, caplog):
    path = write("２０２３ 年统计表,,\nsep=,\n Adcode ,\ufeffPERIOD,ＧＤＰ,\n131101,2023,1,\n,,,\n")
    table = read_table(path, NEEDED)
    assert table.header == NEEDED and [r.number for r in table.rows()] == [4]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("adcode,period,gpd\n1,2,3\n", "row 1", "columns are missing: gdp"), ("", "row 1", "columns are missing: adcode, period, gdp"),
        ("adcode,period,gdp\n1,2\n", "row 2", "2 cells where the header has 3"), ("adcode,period,gdp\n1,2,3,4\n", "row 2", "4 cells where the header has 3"),
        ("adcode,period,gdp,GDP\n1,2,3,4\n", "row 1", "columns are there twice: gdp"), ('adcode,period,gdp\n1,2,"3\n', "t.csv", "not a CSV file"),
    ],
)  # fmt: skip
def test_a_bad_table_is_told_with_its_row(write, text, where, what):
    with pytest.raises(TableError, match=what) as fault:
        read_table(write(text), NEEDED)
    assert fault.value.where.endswith(where) and fault.value.remedy


def workbook(path, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return book


def test_a_workbook_reads_as_it_shows(tmp_path):
    path = tmp_path / "t.xlsx"
    book = workbook(
        path,
        ("说明", [["统计"]]),
        ("表", [["年鉴"], ["adcode", "period", "gdp", "day", "share"], [131101.0, 2023, 1234.5, datetime(2023, 8, 15), 0.125], [None] * 5]),
    )
    book["表"]["E3"].number_format = "0.0%"
    book.save(path)
    assert cells(path) == [{"adcode": "131101", "period": "2023", "gdp": "1234.5", "day": "2023-08-15T00:00:00", "share": "12.5%"}]


def test_a_sheet_is_named_where_several_fit(tmp_path):
    path = tmp_path / "t.xlsx"
    workbook(path, ("2022", [list(NEEDED), ["1", "2022", 1]]), ("2023", [list(NEEDED), ["1", "2023", 1]]))
    with pytest.raises(TableError, match="several sheets have these columns: 2022, 2023"):
        read_table(path, NEEDED)
    assert cells(path, layer="2023")[0]["period"] == "2023"
    with pytest.raises(TableError, match="there is no sheet 'x'"):
        read_table(path, NEEDED, InputSection(layer="x"))
    with pytest.raises(TableError, match="columns are missing: height"):
        read_table(path, ("height",))


def test_what_only_looks_like_a_workbook(tmp_path):
    for raw, told in ((b"PK\x03\x04nonsense", "not an Excel workbook"), (b"\xd0\xcf\x11\xe0old", "an old Excel workbook")):
        (tmp_path / "t.xlsx").write_bytes(raw)
        with pytest.raises(TableError, match=told):
            read_table(tmp_path / "t.xlsx", NEEDED)
    with pytest.raises(TableError, match="cannot be read: Is a directory"):
        read_table(tmp_path, NEEDED)


# --- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1,234", "", 1234), ("1,234,567.5", "", 1234567.5), ("１２３", "", 123), ("12．5", "", 12.5), ("－3", "", -3), ("−3", "", -3), ("1 234", "", 1234), ("1e3", "", 1000),
        (" .5 ", "", 0.5), ("12.5%", "%", 12.5), ("１２．５％", "%", 12.5), ("12.5 %", "fraction", 0.125), ("75", "%", 75),
    ],
)  # fmt: skip
def test_numbers(text, unit, value):
    assert number_of(text, unit=unit) == pytest.approx(value)


@pytest.mark.parametrize("text", ["3.2亿", "12km2", "12,5", "1,23", "1_000", "inf", "abc", "12.5.1", "五", "1e999", "=1+1", "~5"])
def test_what_is_no_plain_number(text):
    with pytest.raises(ValueError, match="is not a number"):
        number_of(text)


def test_a_percentage_and_a_decimal_comma_are_not_guessed():
    with pytest.raises(ValueError, match="'12.5%' is a percentage, the column is in km2"):
        number_of("12.5%", unit="km2")
    with pytest.raises(ValueError, match="may be a thousand or a decimal comma"):
        number_of("1,234", separator=";")


@pytest.mark.parametrize(
    "text",
    [
        "2025-08-15",
        "2025/8/15",
        "2025.8.15",
        "2025年8月15日",
        "２０２５／８／１５",
        "20250815",
        "2025-08-15 10:30:00",
        "2025-08-15T00:00:00",
        "45884",
        "45884.5",
    ],
)
def test_days(text):
    assert day_of(text) == date(2025, 8, 15)


@pytest.mark.parametrize("text", ["15/8/2025", "8/15/25", "2025-13-01", "2025-02-30", "20251301", "2025", "August", "123"])
def test_what_is_no_day(text):
    with pytest.raises(ValueError, match="is not a day"):
        day_of(text)


def test_answers():
    assert all(truth_of(t) for t in ("1", "1.0", "是", "√", "Yes", "TRUE", "Ｙ", "有"))
    assert not any(truth_of(t) for t in ("0", "否", "×", "no", "False", "N"))
    with pytest.raises(ValueError, match="'可能' is neither yes nor no"):
        truth_of("可能")


@pytest.mark.parametrize(
    ("text", "value"), [("117.5", 117.5), ("117°30'", 117.5), ("117°30′0″E", 117.5), ("东经117°30′", 117.5), ("S 33°15'", -33.25), ("117度30分", 117.5)]
)
def test_degrees(text, value):
    assert degrees_of(text) == pytest.approx(value)


def test_codes():
    assert {code_text(t) for t in (131101, 131101.0, "131101.0", " 131101", "１３１１０１")} == {"131101"}
    assert code_text("013101") == "013101" and code_text("2023-summer") == "2023-summer"


def test_missing_is_never_zero(write):
    words = ["", "-", "—", "/", "无", "NA", "n/a", "null", "NaN", "#N/A", "缺测"]
    path = write("adcode,period,gdp\n" + "".join(f"1,2,{w}\n" for w in words))
    assert [r.number_or_none("gdp") for r in read_table(path, NEEDED).rows()] == [None] * len(words)


def test_faults_of_all_rows_are_told_together(write):
    path = write("adcode,period,gdp\n" + "1,2023,x\n" * 12 + "1,2023,5\n")
    with pytest.raises(TableError) as fault:
        read_table(path, NEEDED).parsed(lambda row: row.number_or_none("gdp"))
    text = str(fault.value)
    assert (
        "12 rows cannot be used" in text
        and "row 2, column gdp: 'x' is not a number; write a plain number" in text
        and "row 11," in text
        and "and 2 more" in text
    )


def test_fractions_in_a_column_of_percent_are_refused(tmp_path):
    with pytest.raises(TableError, match="the column cover is in percent, and holds nothing above 0.75: fractions"):
        check_percent([0.75, 0.3], tmp_path, "cover")
    check_percent([0.75, 30], tmp_path, "cover")
    check_percent([0, 1], tmp_path, "cover")


# --- places ----------------------------------------------------------------------------------------------------------

HERE = (116.404, 39.915)


def place(write, lon, lat, crs=None):
    (row,) = read_table(write(f"lon,lat\n{lon},{lat}\n"), ("lon", "lat")).rows()
    return row.place(InputSection(crs=crs).crs)


def test_places_in_every_system(write):
    import numpy as np

    gcj = wgs84_to_gcj02(np.array([HERE]))
    assert place(write, *HERE) == HERE
    assert place(write, *gcj[0], "gcj02") == pytest.approx(HERE, abs=1e-8)
    assert place(write, *gcj02_to_bd09(gcj)[0], "BD-09") == pytest.approx(HERE, abs=1e-8)
    assert place(write, 39_500_000, 4_300_000, "EPSG:4527") == pytest.approx((117.0, 38.833), abs=1e-3)


def test_exchanged_and_impossible_places_are_named(write):
    with pytest.raises(TableError, match=r"\(39.915, 116.404\) is no place: longitude and latitude are exchanged") as fault:
        place(write, 39.915, 116.404)
    assert fault.value.where.endswith("row 2, column lon") and "exchange the names lon and lat" in fault.value.remedy
    with pytest.raises(TableError, match=r"\(500000, 4.3e\+06\) is no place"):
        place(write, 500000, 4300000)


def test_a_number_that_must_be_there_is_asked_for(write):
    """Not told that it may be left out."""
    empty, words = read_table(write("adcode,period,gdp\n1,2024,-\n2,2024,many\n"), NEEDED).rows()
    with pytest.raises(TableError, match="the cell is empty") as fault:
        empty.needed_number("gdp")
    assert fault.value.where.endswith("row 2, column gdp") and fault.value.remedy == "fill it in"
    with pytest.raises(TableError) as fault:
        words.needed_number("gdp")
    assert fault.value.remedy == "write a plain number with a decimal point"
