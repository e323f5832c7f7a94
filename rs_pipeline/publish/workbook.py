"""Third part of the step ``gis``: ``indicators.xlsx``, the rows of ``indicators.csv`` for people who work in a spreadsheet, in Chinese and English.

A sheet a prefecture, one of the region, and one that explains the columns. Rows are read and written a sheet at a time, so memory does not grow with
the run.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import openpyxl
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.indicators.targets import run_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.publish.dictionary import describe_column
from rs_pipeline.publish.report.words import Chinese
from rs_pipeline.publish.sheets import TEXT_FORMAT, Sheet, number_cell, save_workbook, text_cell

COLUMNS_SHEET, REGION_SHEET, UNITS_SHEET = "说明 Columns", "全域 Region", "各单元 Units"

MAX_ROWS = 250_000
"""Largest number of rows of the workbook: ten years of 167 counties have some 200 000, which take three minutes. Of a longer run it holds the newest periods."""

SLICE_ROWS = 20_000
"""Rows of a sheet that are translated and written together."""

SHEET_ROWS = 1_000_000
"""Largest number of rows of a sheet; spreadsheets allow 1 048 576."""

VALUE_COLUMNS = ("value", "lower", "upper", "detection_limit", "target_value")
"""Columns with numbers in the row's unit."""

FORMATS = {"observed_fraction": "0.0%", "n_scenes": "#,##0", "target_year": "0", "clause": "0"}
UNIT_DECIMALS = {"%": 1, "ha": 1, "km": 2, "km2": 2}
"""Number formats of columns and, for VALUE_COLUMNS, decimals by unit (`decimal_format`); other numbers have no format."""

MOST_DECIMALS = 10
"""Numbers are kept with ten digits."""

WIDTHS = {
    "indicator_chinese": 28,
    "target_chinese": 40,
    "reason": 40,
    "reason_chinese": 40,
    "indicator": 24,
    "name": 16,
    "prefecture": 14,
    "meaning": 80,
    "chinese_meaning": 80,
}
"""Widths of columns, characters; other columns have 12."""

_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")
_SHEET_NAME_LENGTH = 31


@cache
def _columns() -> dict[str, tuple[str, str]]:
    """Column of the sheets, in order, to its Chinese name and meaning."""
    with Path(__file__).with_name("workbook_columns.csv").open(encoding="utf-8", newline="") as file:
        return {row["column"]: (row["chinese"], row["meaning"]) for row in csv.DictReader(file)}


def sheet_name(wanted: str, taken: set[str]) -> str:
    """A valid and unique name of a sheet, at most 31 characters; names that differ only in case count as equal.

    >>> sheet_name("A/B: [x]", set()), sheet_name("Moni", {"moni"})
    ('A_B_ _x_', 'Moni (2)')
    """
    plain = _NO_SHEET_NAME.sub("_", wanted).strip("' ") or "_"
    plain = f"{plain}_" if plain.casefold() == "history" else plain
    name, n = plain[:_SHEET_NAME_LENGTH].strip("' "), 1
    while name.casefold() in taken:
        n += 1
        ending = f" ({n})"
        name = plain[: _SHEET_NAME_LENGTH - len(ending)] + ending
    return name


def newest_periods(rows: dict[str, int], labels: list[str], max_rows: int = MAX_ROWS) -> list[str]:
    """The last of the labels, in order, whose rows together are no more than allowed; the last one always.

    >>> newest_periods({"2023": 5, "2024": 5, "2025": 5}, ["2023", "2024", "2025"], 10)
    ['2024', '2025']
    """
    kept: list[str] = []
    for label in reversed(labels):
        if kept and sum(rows.get(k, 0) for k in (*kept, label)) > max_rows:
            break
        kept.insert(0, label)
    return kept


def decimal_format(value: float, decimals: int) -> str:
    """Number format with so many decimals, or more for a smaller value, so that two of its digits show and it does not read as 0.

    >>> decimal_format(1234.5, 2), decimal_format(-0.0005, 2), decimal_format(0.0, 1), decimal_format(4e-12, 2)
    ('#,##0.00', '#,##0.00000', '#,##0.0', '')
    """
    needed = decimals if value == 0 or not math.isfinite(value) else max(decimals, 1 - math.floor(math.log10(abs(value))))
    return f"#,##0.{'0' * needed}" if needed <= MOST_DECIMALS else ""


class _Words:
    """Chinese columns of rows."""

    def __init__(self, settings: Settings):
        self._chinese = cache(Chinese.read())
        self._targets = {t.target_id: t.description for t in run_targets(settings)}

    def added(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the Chinese columns."""

        def said(texts: pd.Series) -> pd.Series:
            return texts.map({text: self._chinese(text) for text in texts.unique()})

        titles = rows.indicator.map(lambda name: INDICATORS[name].title if name in INDICATORS else self._targets.get(name, name))
        return rows.assign(
            indicator_chinese=said(titles),
            unit_chinese=said(rows.unit),
            status_chinese=said(rows.status.map(status_words)),
            target_chinese=said(rows.target_id.map(lambda t: self._targets.get(t, ""))),
            reason_chinese=said(rows.reason),
        )[list(_columns())]


def status_words(status: str) -> str:
    """A status in the words of the page."""
    return {"insufficient_data": "too little data", "needs_table": "needs a table"}.get(status, status.replace("_", " "))


def _write_rows(book: openpyxl.Workbook, title: str, rows: pd.DataFrame, words: _Words) -> None:
    sheet = Sheet(book, title, {name: chinese for name, (chinese, _) in _columns().items()}, len(rows), WIDTHS)
    for start in range(0, len(rows), SLICE_ROWS):
        for cells in _cells(words.added(rows[start : start + SLICE_ROWS])):
            sheet.append(cells)
    sheet.close()


def _cells(rows: pd.DataFrame) -> Iterator[list[tuple[object, str]]]:
    """Values and number formats of rows."""
    numeric = {name for name in rows if pd.api.types.is_numeric_dtype(rows[name])}
    columns = [rows[name].astype("float64").tolist() if name in numeric else rows[name].tolist() for name in rows]
    for unit, *values in zip(rows.unit, *columns, strict=True):
        yield [
            (number_cell(value), _format(name, unit, value)) if name in numeric else (text_cell(value), TEXT_FORMAT)
            for name, value in zip(rows, values, strict=True)
        ]


def _format(name: str, unit: str, value: float) -> str:
    """Number format of a cell; empty where it is shown as it is."""
    if name in VALUE_COLUMNS:
        return decimal_format(value, UNIT_DECIMALS[unit]) if unit in UNIT_DECIMALS else ""
    return FORMATS.get(name, "")


def _write_columns(book: openpyxl.Workbook, notes: list[tuple[str, str]]) -> None:
    """The sheet that explains the columns; ``notes``, Chinese and English, stand under them."""
    names = {"chinese": "列名", "column": "英文列名", "unit": "单位", "values": "取值", "chinese_meaning": "说明", "meaning": "说明（英文）"}
    sheet = Sheet(book, COLUMNS_SHEET, names, len(_columns()), WIDTHS)
    for column, (chinese, meaning) in _columns().items():
        entry = describe_column("indicators.xlsx", column)
        sheet.append([(text_cell(value), TEXT_FORMAT) for value in (chinese, column, entry.unit, entry.values, meaning, entry.meaning)])
    for chinese, english in notes:
        sheet.append([(None, "")] * 4 + [(text_cell(chinese), TEXT_FORMAT), (text_cell(english), TEXT_FORMAT)])
    sheet.close()


def _sheets(units: pd.DataFrame) -> Iterator[tuple[str, list[tuple[str, str, object]]]]:
    """Wanted name of every sheet and the filter of its rows; ``units``: a row a unit, in the order of the table."""
    if (units.level == "region").any():
        yield REGION_SHEET, [("level", "==", "region")]
    for name in units.prefecture[units.level != "region"].unique():
        yield name or UNITS_SHEET, [("level", "!=", "region"), ("prefecture", "==", name)]


def _notes(settings: Settings, labels: list[str], shown: list[str]) -> Iterator[tuple[str, str]]:
    if settings.simulation is not None:
        yield "模拟影像：本次运行所见为虚构地貌，其数字不描述任何真实地点。", "SIMULATED SCENES: the numbers describe no real place."
    if shown != labels:
        yield (
            f"行数过多：本表只含 {shown[0]} 至 {shown[-1]}，全部时期见 indicators.csv。",
            f"Too many rows: this workbook holds {shown[0]} to {shown[-1]}; all periods are in indicators.csv.",
        )


def workbook(settings: Settings) -> None:
    """Write ``indicators.xlsx``: every row of ``indicators.csv`` with the same numbers, codes and periods as text, and no text as a formula. If the run has more
    than MAX_ROWS rows, the workbook holds the newest periods, and the sheet of the columns says so.

    Raises
    ------
    TableError : the indicators are not made yet.
    """
    layout, labels = Layout(settings.root), [p.label for p in settings.all_periods]
    source = layout.indicators_parquet
    if not source.exists():
        raise TableError("the indicators are not made yet", where=str(source), remedy="run `rs-pipeline indicators` first")
    index = pd.read_parquet(source, columns=["prefecture", "level", "period"])
    shown = newest_periods(index.period.value_counts().to_dict(), labels)
    book, words, taken = openpyxl.Workbook(write_only=True), _Words(settings), {COLUMNS_SHEET.casefold()}
    for wanted, kept in _sheets(index[["prefecture", "level"]].drop_duplicates()):
        rows = pd.read_parquet(source, filters=[*kept, ("period", "in", shown)])
        for start in range(0, len(rows), SHEET_ROWS):
            name = sheet_name(wanted, taken)
            taken.add(name.casefold())
            _write_rows(book, name, rows[start : start + SHEET_ROWS], words)
    _write_columns(book, list(_notes(settings, labels, shown)))
    save_workbook(book, layout.indicators_workbook)
