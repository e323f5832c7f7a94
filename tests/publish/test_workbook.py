"""indicators.xlsx: the numbers of indicators.csv, texts that stay texts, sheets that a spreadsheet opens."""

from __future__ import annotations

import time
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from rs_pipeline.config import parse
from rs_pipeline.errors import TableError
from rs_pipeline.indicators.table import INDICATOR_COLUMNS, NUMBER_COLUMNS
from rs_pipeline.layout import Layout
from rs_pipeline.publish import workbook as module
from rs_pipeline.publish.sheets import HEADER_ROW
from rs_pipeline.publish.workbook import COLUMNS_SHEET, REGION_SHEET, UNITS_SHEET, newest_periods, sheet_name, status_words, workbook
from rs_pipeline.storage.tables import write_csv, write_parquet

PLAIN = {
    "adcode": "130203", "name": "Lunan", "prefecture": "唐山市", "period": "2024", "indicator": "water_permanent_area", "value": 1 / 3, "unit": "km2", "lower": 0.25,
    "upper": 4e-7, "interval": "model95", "observed_fraction": 0.97, "n_scenes": 88, "status": "no_target", "target_year": pd.NA, "clause": pd.NA, "level": "county",
}  # fmt: skip
TARGET = {
    "indicator": "grassland_fvc", "unit": "%", "value": float("nan"), "status": "insufficient_data", "target_id": "C10-02", "target_operator": ">=", "target_value": 75.0,
    "target_year": 2035, "clause": 10, "reason": "63.2 % observed: scaled to the whole, interval widened",
}  # fmt: skip
REGION = {"adcode": "000000", "name": "All units", "prefecture": "", "level": "region"}


@pytest.fixture
def made(tmp_path):
    """Writes indicators.csv and .parquet of some rows (changes to PLAIN) and the workbook; gives settings and the workbook's path."""

    def make(*changes: dict, **sections):
        settings = parse(
            {
                "run": "w",
                "output": str(tmp_path),
                "units": {"path": str(tmp_path / "u.gpkg")},
                "periods": [2023, 2024],
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(tmp_path)}],
                **sections,
            }
        )
        rows = [dict.fromkeys(set(INDICATOR_COLUMNS) - set(NUMBER_COLUMNS), "") | PLAIN | c for c in changes]
        table = pd.DataFrame(rows, columns=list(INDICATOR_COLUMNS))
        table = table.astype(dict.fromkeys(set(table) - set(NUMBER_COLUMNS), "str") | NUMBER_COLUMNS)
        layout = Layout(settings.root)
        write_parquet(table, layout.indicators_parquet)
        write_csv(table, layout.indicators)
        workbook(settings)
        return layout

    return make


def sheets(path) -> dict[str, pd.DataFrame]:
    """Rows by sheet, every cell as it is kept; empty ones are None."""
    book = openpyxl.load_workbook(path)
    found = {}
    for sheet in book:
        rows = list(sheet.iter_rows(min_row=HEADER_ROW, values_only=True))
        found[sheet.title] = pd.DataFrame(rows[1:], columns=rows[0], dtype=object)
    return found


def same_as_csv(layout) -> int:
    """Every row of indicators.csv is in the workbook once, with each text and number; how many numbers were compared."""
    mine = pd.concat([rows for name, rows in sheets(layout.indicators_workbook).items() if name != COLUMNS_SHEET], ignore_index=True)
    theirs = pd.read_csv(
        layout.indicators,
        encoding="utf-8-sig",
        dtype={c: str for c in INDICATOR_COLUMNS if c not in NUMBER_COLUMNS},
        keep_default_na=False,
        na_values={c: [""] for c in NUMBER_COLUMNS},
    )
    theirs = theirs.replace([np.inf, -np.inf], np.nan)  # a spreadsheet has no infinite number: a bound that does not exist is empty
    key = ["level", "adcode", "period", "indicator", "target_id"]
    mine, theirs = (t.fillna({c: "" for c in key}).sort_values(key, ignore_index=True) for t in (mine, theirs))
    assert len(mine) == len(theirs)
    for column in INDICATOR_COLUMNS:
        if column in NUMBER_COLUMNS:
            pd.testing.assert_series_equal(mine[column].astype("float64"), theirs[column].astype("float64"), check_exact=True)
        else:
            assert mine[column].fillna("").tolist() == theirs[column].tolist(), column
    return int(theirs[list(NUMBER_COLUMNS)].notna().sum().sum())


def test_every_number_of_a_run_is_that_of_the_csv(simulated_run, monkeypatch):
    config, layout, _ = simulated_run
    monkeypatch.chdir(config.parent)
    assert same_as_csv(layout) > 2000
    names = list(sheets(layout.indicators_workbook))
    prefectures = pd.read_parquet(layout.indicators_parquet).query("level == 'prefecture'").name.unique().tolist()
    assert names == [REGION_SHEET, *prefectures, COLUMNS_SHEET]
    about = sheets(layout.indicators_workbook)[COLUMNS_SHEET]
    assert set(INDICATOR_COLUMNS) <= set(about.column) and "SIMULATED" in about.meaning.iloc[-1]


def test_numbers_texts_and_formats(made):
    layout = made({}, TARGET, {"prefecture": "保定市", "adcode": "006001"}, REGION)
    assert same_as_csv(layout) == 4 * 5 + 2
    book = openpyxl.load_workbook(layout.indicators_workbook)
    assert book.sheetnames == [REGION_SHEET, "唐山市", "保定市", COLUMNS_SHEET]
    sheet = book["唐山市"]
    chinese, names = ([c.value for c in sheet[i]] for i in (1, 2))
    cell = {name: sheet.cell(3, i + 1) for i, name in enumerate(names)}
    assert (chinese[0], names[0], sheet.freeze_panes, sheet.auto_filter.ref) == ("行政区代码", "adcode", "B3", "A2:AE4")
    assert (cell["adcode"].value, cell["adcode"].data_type, cell["adcode"].number_format) == ("130203", "s", "@")
    assert book[REGION_SHEET]["A3"].value == "000000" and book["保定市"]["A3"].value == "006001" and cell["period"].data_type == "s"
    assert (cell["value"].value, cell["value"].number_format, cell["observed_fraction"].number_format) == (0.3333333333, "#,##0.00", "0.0%")
    assert (cell["indicator_chinese"].value, cell["unit_chinese"].value, cell["status_chinese"].value) == ("常年内陆水体", "km2", "无目标")
    target = {name: sheet.cell(4, i + 1).value for i, name in enumerate(names)}
    assert (target["value"], target["status_chinese"], target["reason_chinese"]) == (None, "数据不足", "观测到 63.2 %：已推算至全域，区间放宽")
    assert "草" in target["target_chinese"] and target["target_year"] == 2035


@pytest.mark.parametrize(
    ("unit", "value", "number_format"),
    [
        ("km2", 0.0005, "#,##0.00000"), ("km2", 0.012, "#,##0.000"), ("km2", 0.0, "#,##0.00"), ("km2", 1234.567, "#,##0.00"), ("km", -0.004, "#,##0.0000"), ("%", 0.03, "#,##0.000"),
        ("%", 63.2, "#,##0.0"), ("ha", 0.25, "#,##0.00"), ("km2", 4e-12, "General"), ("m2", 0.5, "General"),
    ],
)  # fmt: skip
def test_a_small_value_is_not_shown_as_nothing(made, unit, value, number_format):
    """Five pixels of 10 m are 0.0005 km2. Two digits of what is small are shown."""
    sheet = openpyxl.load_workbook(made({"unit": unit, "value": value}).indicators_workbook).worksheets[0]
    cell = next(c for c in sheet[3] if sheet.cell(2, c.column).value == "value")
    assert (cell.value, cell.number_format) == (value, number_format)


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+2", "-2", "＝1", '=HYPERLINK("http://x")', "a\x07b\ufffec\nd", "_x0041_ & <b>"])
def test_texts_are_no_formulas_and_no_broken_xml(made, name):
    sheet = openpyxl.load_workbook(made({"name": name, "prefecture": name}).indicators_workbook).worksheets[0]
    assert sheet["B3"].data_type == "s" and sheet["B3"].value.lstrip("'")[0] == name[0] and not sheet["B3"].value.startswith(("=", "+", "-", "@", "＝"))


def test_units_without_prefecture_have_a_sheet(made):
    assert list(sheets(made({"prefecture": ""}, REGION).indicators_workbook)) == [REGION_SHEET, UNITS_SHEET, COLUMNS_SHEET]


def test_names_of_sheets_are_told_apart():
    taken: set[str] = set()
    for wanted in ("a" * 40, "A" * 40, "History", "[x]:*?/\\", "'quoted'", "", "\x01"):
        name = sheet_name(wanted, taken)
        taken.add(name.casefold())
        assert 0 < len(name) <= 31 and not set(name) & set("[]:*?/\\'") and name.casefold() != "history"
    assert len(taken) == 7


def test_the_newest_periods_of_a_run_too_long(made, monkeypatch):
    monkeypatch.setattr(module.newest_periods, "__defaults__", (3,))
    layout = made({}, {"period": "2023"}, {"adcode": "130204"}, {"adcode": "130204", "period": "2023"})
    found = sheets(layout.indicators_workbook)
    assert found["唐山市"].period.tolist() == ["2024", "2024"]
    assert found[COLUMNS_SHEET].meaning.iloc[-1] == "Too many rows: this workbook holds 2024 to 2024; all periods are in indicators.csv."
    assert newest_periods({"2024": 9}, ["2023", "2024"], 3) == ["2024"]


def test_more_rows_than_a_sheet_takes_go_on_in_another(made, monkeypatch):
    monkeypatch.setattr(module, "SHEET_ROWS", 2)
    layout = made(*({"adcode": f"13020{i}"} for i in range(5)))
    assert {name: len(rows) for name, rows in sheets(layout.indicators_workbook).items() if name != COLUMNS_SHEET} == {
        "唐山市": 2,
        "唐山市 (2)": 2,
        "唐山市 (3)": 1,
    }
    assert same_as_csv(layout)


def test_equal_runs_give_equal_bytes(made, monkeypatch):
    first = made({}, TARGET).indicators_workbook.read_bytes()
    later = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    path = made({}, TARGET).indicators_workbook
    assert path.read_bytes() == first
    with zipfile.ZipFile(path) as book:
        assert {m.date_time for m in book.infolist()} == {(2000, 1, 1, 0, 0, 0)} and b"2000-01-01" in book.read("docProps/core.xml")


def test_every_status_has_chinese_words(made):
    from rs_pipeline.publish.geopackage import STATUS_COLOURS
    from rs_pipeline.publish.report.words import Chinese

    assert [s for s in STATUS_COLOURS if not any("\u4e00" <= c <= "\u9fff" for c in Chinese.read()(status_words(s)))] == []


def test_without_indicators(tmp_path, made):
    layout = made({})
    layout.indicators_parquet.unlink()
    with pytest.raises(TableError, match="the indicators are not made yet"):
        workbook(
            parse(
                {
                    "run": "w",
                    "output": str(tmp_path),
                    "units": {"path": "u.gpkg"},
                    "periods": [2023, 2024],
                    "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
                }
            )
        )
