"""Tables: CSV that spreadsheets open safely, and Parquet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rs_pipeline.storage.atomic import atomic_path

_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def inert(value: Any) -> Any:
    """A text with a leading apostrophe if a spreadsheet would take it for a formula; control characters become blanks.

    A single character, such as the operator ``=``, is no formula and is kept.

    >>> inert("=1+1"), inert("Anxin"), inert(-1.5)
    ("'=1+1", 'Anxin', -1.5)
    """
    if not isinstance(value, str):
        return value
    value = _CONTROL.sub(" ", value)
    return "'" + value if len(value.strip()) > 1 and value.lstrip().startswith(_FORMULA_STARTS) else value


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write UTF-8 with BOM (what Excel needs); missing values are empty, texts are inert."""
    with csv_in_parts(path) as append:
        append(table)


@contextmanager
def csv_in_parts(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """`write_csv` for a table in parts with the same columns: call the yielded function with each part. The file appears at the end of the context."""
    with atomic_path(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:

        def append(table: pd.DataFrame) -> None:
            safe = table.copy()
            for column in safe.columns:
                if not pd.api.types.is_numeric_dtype(safe[column]):
                    safe[column] = safe[column].map({value: inert(value) for value in safe[column].dropna().unique()})
            safe.to_csv(file, index=False, header=file.tell() == 0, float_format="%.10g", lineterminator="\n")

        yield append


@contextmanager
def parquet_in_parts(path: Path, **options: object) -> Iterator[Callable[[pa.Table], None]]:
    """Parquet for a table in parts with the same columns: call the yielded function with each part, which becomes one row group or more.
    ``options`` : options of `pyarrow.parquet.ParquetWriter`."""
    with atomic_path(path) as part, ExitStack() as opened:
        writers: list[pq.ParquetWriter] = []

        def append(table: pa.Table) -> None:
            if not writers:
                writers.append(opened.enter_context(pq.ParquetWriter(part, table.schema, **options)))
            writers[0].write_table(table)

        yield append


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write Parquet (GeoParquet for a GeoDataFrame) atomically."""
    with atomic_path(path) as part:
        table.to_parquet(part, index=False)
