"""Tables: CSV that spreadsheets open safely, Parquet with provenance."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rs_pipeline.errors import TableError
from rs_pipeline.storage.atomic import atomic_path

_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def inert(value: object) -> object:
    """A text that a spreadsheet would take for a formula, made inert with a leading apostrophe; control characters become blanks.

    A single sign, such as the operator ``=``, is no formula and stays.

    >>> inert("=1+1"), inert("Anxin"), inert(-1.5)
    ("'=1+1", 'Anxin', -1.5)
    """
    if not isinstance(value, str):
        return value
    value = _CONTROL.sub(" ", value)
    return "'" + value if len(value.strip()) > 1 and value.lstrip().startswith(_FORMULA_STARTS) else value


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write UTF-8 with BOM (what Excel needs); missing values are empty, texts are inert."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map({value: inert(value) for value in safe[column].dropna().unique()})
    with atomic_path(path) as part:
        safe.to_csv(part, index=False, encoding="utf-8-sig", float_format="%.10g", lineterminator="\n")


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write Parquet (GeoParquet for a GeoDataFrame), whole or not at all."""
    with atomic_path(path) as part:
        table.to_parquet(part, index=False)


@dataclass(frozen=True)
class CsvRow:
    """One row of a CSV file that knows where it stands."""

    path: Path
    number: int
    cells: dict[str, str]

    def fault(self, what: str, column: str, remedy: str) -> TableError:
        return TableError(what, where=f"{self.path}, row {self.number}, column {column}", remedy=remedy)

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def needed(self, column: str) -> str:
        if not self.text(column):
            raise self.fault("the cell is empty", column, "fill it in")
        return self.text(column)

    def one_of(self, column: str, known: Collection[str]) -> str:
        value = self.text(column)
        if value not in known:
            raise self.fault(f"unknown {column} {value!r}", column, f"choose one of {', '.join(known)}")
        return value

    def number_or_none(self, column: str) -> float | None:
        value = self.text(column)
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.fault(f"{value!r} is not a number", column, "write a plain number with a decimal point, or leave the cell empty")
        return number

    def year_or_none(self, column: str) -> int | None:
        number = self.number_or_none(column)
        if number is not None and (number != int(number) or not 1900 <= number <= 2200):
            raise self.fault(f"{self.text(column)!r} is not a year", column, "write a year such as 2035, or leave the cell empty")
        return None if number is None else int(number)


def csv_rows(path: Path, needed: Collection[str]) -> Iterator[CsvRow]:
    """Rows of a UTF-8 CSV file with a header; row 1 is the header, as a spreadsheet counts."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = list(csv.reader(file, strict=True))
    except OSError as fault:
        raise TableError(f"cannot be read: {fault.strerror}", where=str(path), remedy="check the path in the configuration") from None
    except (UnicodeDecodeError, csv.Error) as fault:
        raise TableError(f"not a UTF-8 CSV file: {fault}", where=str(path), remedy="save it as 'CSV UTF-8 (comma delimited)'") from None
    header = [name.strip() for name in table[0]] if table else []
    missing = [c for c in needed if c not in header]
    if missing:
        raise TableError(f"columns are missing: {', '.join(missing)}", where=f"{path}, row 1", remedy=f"the header needs {', '.join(needed)}")
    for number, cells in enumerate(table[1:], start=2):
        if not any(c.strip() for c in cells):
            continue
        if len(cells) != len(header):
            raise TableError(
                f"{len(cells)} cells where the header has {len(header)}", where=f"{path}, row {number}",
                remedy="put texts with a comma in double quotes",
            )  # fmt: skip
        yield CsvRow(path, number, dict(zip(header, cells, strict=True)))
