"""The loader of all tables that users hand in: CSV with any common encoding and separator, and Excel workbooks."""

from __future__ import annotations

import csv
import io
import logging
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rs_pipeline.config import InputSection
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.cells import code_text, day_of, degrees_of, is_missing, narrow, number_of, truth_of
from rs_pipeline.inputs.coordinates import to_wgs84
from rs_pipeline.inputs.encoding import decoded
from rs_pipeline.inputs.packed import too_large
from rs_pipeline.storage.special import special_kind

log = logging.getLogger(__name__)

NOTHING_STATED = InputSection()
SEPARATORS = (",", ";", "\t", "，", "；", "|")
HEADER_ROWS = 10
"""The header must be one of the first rows, this many; titles may stand above it."""
MOST_WORKBOOK_BYTES, MOST_CELLS = 2**29, 20_000_000
"""Limits of the unpacked size of a workbook and of the cells of a sheet: a few kilobytes may expand to gigabytes."""
MOST_TAGS, TAGS_A_BYTE = 1_000_000, 4
"""Limits of the XML tags of sheets and shared texts: this number always, or this many per byte of the file. A cell has four tags, and two bytes or more when
packed: 100 000 rows of 20 columns are 8 million tags in 5 MB or more."""
MOST_OTHER_TAGS, MOST_OTHER_BYTES = 150_000, 2**24
"""Limits of the tags and bytes of styles, names and lists of parts, which become objects in memory; a form has some hundred tags, and Excel allows 65 490
styles of one to three tags."""
FAULTS_TOLD = 10
"""Number of faults of a table that are reported in full."""

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class TableRow:
    """One row of a table, with its file and row number for messages."""

    path: Path
    number: int
    cells: dict[str, str]
    separator: str = ","

    def fault(self, what: str, column: str, remedy: str) -> TableError:
        return TableError(what, where=f"{self.path}, row {self.number}, column {column}", remedy=remedy)

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def code(self, column: str) -> str:
        """A code or label that must be there, see `cells.code_text`."""
        return code_text(self.needed(column))

    def needed(self, column: str) -> str:
        if is_missing(self.text(column)):
            raise self.fault("the cell is empty", column, "fill it in")
        return self.text(column)

    def one_of(self, column: str, known: Collection[str]) -> str:
        value = self.text(column)
        if value not in known:
            raise self.fault(f"unknown {column} {value!r}", column, f"choose one of {', '.join(known)}")
        return value

    def number_or_none(self, column: str, unit: str = "") -> float | None:
        """A number, see `cells.number_of`; None where it is missing."""
        if is_missing(self.text(column)):
            return None
        remedy = "write a plain number with a decimal point, or leave the cell empty"
        return self._read(column, lambda text: number_of(text, unit=unit, separator=self.separator), remedy)

    def needed_number(self, column: str, unit: str = "") -> float:
        """A number that must be there, see `cells.number_of`."""
        self.needed(column)
        return self._read(column, lambda text: number_of(text, unit=unit, separator=self.separator), "write a plain number with a decimal point")

    def year_or_none(self, column: str) -> int | None:
        if is_missing(self.text(column)):
            return None
        number = self._read(column, lambda text: number_of(code_text(text)), "write a year as a plain number, such as 2035, or leave the cell empty")
        if number != int(number) or not 1900 <= number <= 2200:
            raise self.fault(f"{self.text(column)!r} is not a year", column, "write a year such as 2035, or leave the cell empty")
        return int(number)

    def day(self, column: str) -> date:
        self.needed(column)
        return self._read(column, day_of, "write year, month and day, such as 2025-08-15")

    def truth(self, column: str) -> bool:
        self.needed(column)
        return self._read(column, truth_of, "write 1 for yes and 0 for no")

    def place(self, crs: str | None = None) -> tuple[float, float]:
        """Longitude and latitude on WGS 84, degrees, from the columns lon and lat; ``crs`` is that of the cells, see `InputSection.crs`."""
        for column in ("lon", "lat"):
            self.needed(column)
        given = [self._read(c, degrees_of, "write degrees with a decimal point") for c in ("lon", "lat")]
        x, y = (float(v) for v in to_wgs84(np.array([given]), crs)[0])
        if -180 <= x <= 180 and -90 <= y <= 90:
            return x, y
        what, remedy = no_place(*given, exchanged=crs is None)
        raise self.fault(what, "lon", remedy)

    def _read(self, column: str, read: Callable[[str], Parsed], remedy: str) -> Parsed:
        try:
            return read(self.text(column))
        except ValueError as fault:
            raise self.fault(str(fault), column, remedy) from None


def no_place(lon: float, lat: float, *, exchanged: bool = True) -> tuple[str, str]:
    """What is wrong with a longitude and latitude (degrees) outside the valid range, and the remedy; ``exchanged``: whether the two may be exchanged."""
    what = f"({lon:g}, {lat:g}) is no place"
    if exchanged and abs(lon) <= 90 and abs(lat) <= 180:
        return f"{what}: longitude and latitude are exchanged", "exchange the names lon and lat in the header"
    return what, "give longitude and latitude in degrees, WGS 84; or state inputs.<key>.crs"


@dataclass(frozen=True)
class InputTable:
    """A table whose cells are texts."""

    path: Path
    header: tuple[str, ...]
    cells: Sequence[Sequence[str]]
    """Rows that are not empty, each with as many cells as the header."""
    numbers: list[int]
    """Row number of each in the file, counted from 1 as in a spreadsheet."""
    separator: str = field(default=",")

    def rows(self) -> Iterator[TableRow]:
        for number, cells in zip(self.numbers, self.cells, strict=True):
            yield TableRow(self.path, number, dict(zip(self.header, cells, strict=True)), self.separator)

    def column(self, name: str) -> list[str]:
        at = self.header.index(name)
        return [cells[at] for cells in self.cells]

    def parsed(self, parse: Callable[[TableRow], Parsed]) -> list[Parsed]:
        """``parse(row)`` of every row.

        Raises
        ------
        TableError : some rows cannot be used; the first FAULTS_TOLD are reported in full.
        """
        done, faults = [], []
        for row in self.rows():
            try:
                done.append(parse(row))
            except TableError as fault:
                faults.append(fault)
        if faults:
            raise joined_faults(faults, self.path)
        return done


def joined_faults(faults: Sequence[TableError], path: Path) -> TableError:
    """One error from the errors of several rows; a single error unchanged."""
    if len(faults) == 1:
        return faults[0]
    lines = [f"{f.where.removeprefix(f'{path}, ')}: {f.what}; {f.remedy}" for f in faults[:FAULTS_TOLD]]
    more = [f"and {len(faults) - FAULTS_TOLD} more"] if len(faults) > FAULTS_TOLD else []
    return TableError(f"{len(faults)} rows cannot be used:\n      " + "\n      ".join([*lines, *more]), where=str(path), remedy="mend these rows")


def check_percent(values: Sequence[float], path: Path, column: str) -> None:
    """Refuse a column of percent that holds fractions.

    Raises
    ------
    TableError : no value is above 1, and some lie between 0 and 1.
    """
    given = np.asarray(values, "float64")
    if given.max() <= 1 and ((given > 0) & (given < 1)).any():
        raise TableError(
            f"the column {column} is in percent, and holds nothing above {given.max():g}: fractions?", where=str(path), remedy="write percent, 0 to 100"
        )


def read_table(path: Path, needed: Collection[str], stated: InputSection = NOTHING_STATED, *, fill_merged: bool = False) -> InputTable:
    """A table whose header has the needed columns (``a|b``: one of the two); column names are in lower case, without blanks around them.

    Text may be in UTF-8, UTF-16 with a byte order mark, GB18030, or ``stated.encoding``; cells are separated by one of SEPARATORS. Of a workbook (.xlsx)
    the sheet that has the columns, or ``stated.layer``, is read. Rows above the header are titles. ``fill_merged`` : each row of a range of merged cells of
    a workbook gets the text of the range; only for forms of the pipeline, because in other files a merged cell may be a sum.

    Raises
    ------
    TableError : it cannot be read, columns are missing, or a row has more cells than the header.
    """
    path = Path(path)
    if kind := special_kind(path):
        raise TableError(f"{kind}, not a file", where=str(path), remedy="hand in a file")
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise TableError(f"cannot be read: {fault.strerror}", where=str(path), remedy="check the path in the configuration") from None
    if raw.startswith(b"PK"):
        return _workbook(path, raw, needed, stated, fill_merged)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise TableError("an old Excel workbook (.xls)", where=str(path), remedy="save it as .xlsx or as 'CSV UTF-8 (comma delimited)'")
    text, encoding = decoded(raw, stated.encoding, where=str(path))
    if not encoding.startswith("utf-8") and not stated.encoding:
        log.warning("%s: read as %s", path, encoding.upper())
    separator = _separator(text, needed)
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True, delimiter=separator))
    except csv.Error as fault:
        raise TableError(f"not a CSV file: {fault}", where=str(path), remedy="save it as 'CSV UTF-8 (comma delimited)'") from None
    return _table(path, lines, needed, separator)


def _separator(text: str, needed: Collection[str]) -> str:
    """The separator with which one of the first rows has the most needed columns."""
    top = text.splitlines()[:HEADER_ROWS]
    return max(SEPARATORS, key=lambda s: max((-len(_lacking(needed, [_name(c) for c in line.split(s)])) for line in top), default=0))


def _name(cell: str) -> str:
    return narrow(cell).strip('"').strip().lower()


def _lacking(needed: Collection[str], header: Collection[str]) -> list[str]:
    return [n.partition("|")[0] for n in needed if not set(n.split("|")) & set(header)]


def _table(path: Path, lines: list[list[str]], needed: Collection[str], separator: str = ",", sheet: str = "") -> InputTable:
    where = f"{path}, sheet {sheet}" if sheet else str(path)
    at = next((i for i, line in enumerate(lines[:HEADER_ROWS]) if not _lacking(needed, [_name(c) for c in line])), None)
    if at is None:
        header = next(([_name(c) for c in line] for line in lines if any(c.strip() for c in line)), [])
        raise TableError(
            f"columns are missing: {', '.join(_lacking(needed, header))}",
            where=f"{where}, row 1",
            remedy=f"the header needs {', '.join(_lacking(needed, ()))}" + (f"; it has {', '.join(filter(None, header))}" if header else ""),
        )
    header = [_name(c) for c in lines[at]]
    while header and not header[-1]:
        header.pop()
    twice = sorted(c for c, n in Counter(header).items() if c and n > 1)
    if twice:
        raise TableError(f"columns are there twice: {', '.join(twice)}", where=f"{where}, row {at + 1}", remedy="remove one of them, or rename it")
    width, cells, numbers, faults = len(header), [], [], []
    _see_width(lines, width, where)
    for number, line in enumerate(lines[at + 1 :], start=at + 2):
        if not "".join(line).strip():
            continue
        if len(line) != width:
            if "".join(line[width:]).strip() or (len(line) < width and separator == ","):
                faults.append(
                    TableError(
                        f"{len(line)} cells where the header has {width}", where=f"{path}, row {number}", remedy="put texts with a comma in double quotes"
                    )
                )
            line = [*line[:width], *[""] * (width - len(line))]
        cells.append(line)
        numbers.append(number)
    if faults:
        raise joined_faults(faults, path)
    return InputTable(path, tuple(header), cells, numbers, separator)


def _workbook(path: Path, raw: bytes, needed: Collection[str], stated: InputSection, fill_merged: bool) -> InputTable:
    import openpyxl

    try:
        _see_parts(raw)
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    except Exception as fault:  # openpyxl passes on any error of its zip and XML readers
        raise TableError(f"not an Excel workbook: {fault}", where=str(path), remedy="save it as .xlsx or as CSV") from None
    if stated.layer and stated.layer not in book.sheetnames:
        raise TableError(f"there is no sheet {stated.layer!r}", where=str(path), remedy=f"choose one of {', '.join(book.sheetnames)} in inputs.<key>.layer")
    sheets: list[Any] = [book[name] for name in ([stated.layer] if stated.layer else book.sheetnames)]
    if len({sheet._worksheet_path for sheet in sheets}) < len(sheets):
        raise TableError("two sheets are one part of the file", where=str(path), remedy="save it anew in a spreadsheet program, or as CSV")
    found, faults = [], []
    for sheet in sheets:
        sheet.reset_dimensions()
        lines = list(_lines(sheet, path))
        width = max((len(line) for line in lines), default=0)
        _see_width(lines, width, f"{path}, sheet {sheet.title}")
        lines = [[*line, *[""] * (width - len(line))] for line in lines]
        if fill_merged:
            _fill_merged(lines, sheet, path)
        try:
            found.append((sheet.title, _table(path, lines, needed, "", sheet.title)))
        except TableError as fault:
            faults.append(fault)
    if not found:
        raise faults[0]
    if len(found) > 1:
        raise TableError(
            f"several sheets have these columns: {', '.join(title for title, _ in found)}", where=str(path), remedy="name one in inputs.<key>.layer"
        )
    return found[0][1]


def _see_parts(raw: bytes) -> None:
    """Check the parts of a workbook against its size, before any is read as XML.

    Raises
    ------
    ValueError : they are too large when unpacked, or have too many tags or a document type.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        if told := too_large(packed, len(raw), MOST_WORKBOOK_BYTES):
            raise ValueError(told)
        members = packed.infolist()
        content = [m for m in members if m.filename.startswith("xl/worksheets/sheet") or m.filename == "xl/sharedStrings.xml"]
        _see_tags(packed, content, "sheets and texts", max(MOST_TAGS, TAGS_A_BYTE * len(raw)), MOST_WORKBOOK_BYTES)
        _see_tags(packed, [m for m in members if m not in content], "styles and lists of parts", MOST_OTHER_TAGS, MOST_OTHER_BYTES)


def _see_tags(packed: zipfile.ZipFile, members: list[zipfile.ZipInfo], what: str, most: int, most_bytes: int) -> None:
    """Count the tags of the parts that are XML (encodings compatible with ASCII, or UTF-16); raises ValueError beyond the limits."""
    tags = size = 0
    for member in members:
        with packed.open(member) as part:
            chunk = part.read(2**20).replace(b"\0", b"")
            if not chunk.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
                continue  # a picture, or no XML
            size, last = size + member.file_size, b""
            while chunk:
                tags += chunk.count(b"<")
                if b"<!DOCTYPE" in last + chunk:
                    raise ValueError(f"{member.filename} has a document type, which may expand to anything")
                if tags > most or size > most_bytes:
                    raise ValueError(f"{what} of more than {most} tags or {most_bytes // 2**20} MiB")
                last, chunk = chunk[-16:], part.read(2**20).replace(b"\0", b"")


def _see_width(lines: Sequence[Sequence[str]], width: int, where: str) -> None:
    """Refuse a table that would have too many cells when all rows are padded to ``width``."""
    if len(lines) * width > MOST_CELLS:
        raise TableError(f"{len(lines)} rows, one of them of {width} cells", where=where, remedy="delete what lies right of the table")


def _lines(sheet: Any, path: Path) -> Iterator[list[str]]:
    """Texts of the rows of a sheet, without empty cells at their ends.

    Raises
    ------
    TableError : more cells than MOST_CELLS, empty ones included: a single cell far below or to the right makes millions.
    """
    cells = 0
    for row in _rows(sheet, path):
        cells += len(row) + 1
        if cells > MOST_CELLS:
            raise TableError(
                f"more than {MOST_CELLS} cells, empty ones among them",
                where=f"{path}, sheet {sheet.title}",
                remedy="delete what lies far below or right of the table",
            )
        line = [_cell_text(c) for c in row]
        while line and not line[-1]:
            line.pop()
        yield line


def _rows(sheet: Any, path: Path) -> Iterator[Sequence]:
    try:
        yield from sheet.iter_rows()
    except Exception as fault:  # openpyxl passes on any error of its zip and XML readers
        raise TableError(
            f"the sheet cannot be read: {fault}", where=f"{path}, sheet {sheet.title}", remedy="open it in a spreadsheet program and save it anew, or as CSV"
        ) from None


def _fill_merged(lines: list[list[str]], sheet: Any, path: Path) -> None:
    """Give each row of a range of merged cells the text of its first cell, in the range's first column.

    Raises
    ------
    TableError : the ranges span more rows than MOST_CELLS.
    """
    from openpyxl.utils.cell import range_boundaries
    from openpyxl.xml.functions import iterparse

    spanned = 0
    with sheet._get_source() as source:  # openpyxl's read-only sheets do not list merged cells
        for _, element in iterparse(source):
            if element.tag.endswith("}mergeCell"):
                column, first, _, last = range_boundaries(element.get("ref"))
                assert column and first and last, "`_rows` refuses a range that is none"
                spanned += max(0, min(last, len(lines)) - first)
                if spanned > MOST_CELLS:
                    raise TableError(
                        f"merged cells span more than {MOST_CELLS} rows", where=f"{path}, sheet {sheet.title}", remedy="unmerge all cells, and fill in each row"
                    )
                for line in lines[first:last]:
                    if column <= len(line):
                        line[column - 1] = lines[first - 1][column - 1]
            element.clear()


def _cell_text(cell: Any) -> str:
    """Text of a workbook cell: whole numbers without a decimal point, days in ISO format, numbers with a percent format as percent."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float):
        percent = "%" in (cell.number_format or "")
        return f"{value * 100:.12g}%" if percent else f"{value:.15g}"
    return str(value)
