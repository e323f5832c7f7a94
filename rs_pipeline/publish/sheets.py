"""Workbooks of a few sheets: two rows of names, filters, texts that are no formulas; the same rows give the same bytes."""

from __future__ import annotations

import math
import re
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.xml.functions import tostring

from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.tables import inert

HEADER_ROW = 2
"""Row of the English names; the row above has the Chinese ones."""

TEXT_FORMAT = "@"

WIDTH = 12

TIME = datetime(2000, 1, 1)

_NO_XML = re.compile(r"[\ud800-\udfff\ufffe\uffff]")


class Sheet:
    """A sheet with two rows of names, which stay visible, and a filter on the second."""

    def __init__(self, book: openpyxl.Workbook, title: str, names: Mapping[str, str], n_rows: int, widths: Mapping[str, float]):
        """``names`` : Chinese names by column. ``n_rows`` : rows that follow. ``widths`` : of columns, in characters; others have WIDTH."""
        self._sheet = book.create_sheet(title)
        self._sheet.freeze_panes = f"B{HEADER_ROW + 1}"
        self._sheet.auto_filter.ref = f"A{HEADER_ROW}:{get_column_letter(len(names))}{HEADER_ROW + n_rows}"
        for i, name in enumerate(names, start=1):
            self._sheet.column_dimensions[get_column_letter(i)].width = widths.get(name, WIDTH)
        for texts in (names.values(), names):
            self._sheet.append([self._cell(text, "", bold=True) for text in texts])
        self._cells: dict[str, Cell] = {}

    def _cell(self, value: Any, number_format: str, *, bold: bool = False) -> Cell:
        cell = WriteOnlyCell(self._sheet, value)
        cell.number_format = number_format or "General"
        if bold:
            cell.font, cell.fill, cell.alignment = Font(bold=True), PatternFill("solid", fgColor="E4ECEE"), Alignment(wrap_text=True, vertical="top")
        return cell

    def append(self, values: list[tuple[Any, str]]) -> None:
        """A row of values and their number formats; a value that is None leaves its cell empty."""
        row: list[Cell | None] = []
        for i, (value, number_format) in enumerate(values):
            if value is not None:
                key = f"{i} {number_format}"
                if key not in self._cells:
                    self._cells[key] = self._cell(None, number_format)
                self._cells[key].value = value
            row.append(None if value is None else self._cells[key])
        self._sheet.append(row)

    def close(self) -> None:
        self._sheet.close()


def text_cell(value: str) -> str | None:
    """A text that is neither a formula nor broken XML; None where it is empty."""
    return inert(_NO_XML.sub("\ufffd", value)) or None


def number_cell(value: float) -> float | int | None:
    """A number with ten digits, as CSV files have it; None where it is missing."""
    if not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.10g}")


def save_workbook(book: openpyxl.Workbook, path: Path) -> None:
    """Save completely or not at all, with TIME as the time of the zip members and in the document's properties."""
    with atomic_path(path) as part, tempfile.TemporaryFile(dir=path.parent) as raw:
        book.save(raw)
        book.properties.created = book.properties.modified = TIME
        own = {"docProps/core.xml": tostring(book.properties.to_tree())}
        with zipfile.ZipFile(raw) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                member = zipfile.ZipInfo(name, TIME.timetuple()[:6])
                member.compress_type = zipfile.ZIP_DEFLATED
                with source.open(name) as read, target.open(member, "w", force_zip64=True) as write:
                    if name in own:
                        write.write(own[name])
                    else:
                        while piece := read.read(2**20):
                            write.write(piece)
