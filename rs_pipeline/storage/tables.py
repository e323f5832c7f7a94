"""Tables: CSV that spreadsheets open safely, Parquet with provenance."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

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
