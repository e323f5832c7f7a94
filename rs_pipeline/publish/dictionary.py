"""Second part of the step ``gis``: what every column of every table and every band of every map means.

The dictionary is made from the files of the run, so it names exactly what exists. Map files state the meaning of their bands, columns of
``counties.gpkg`` follow from the indicators, and all other columns are described in ``columns.csv`` by patterns of file and column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pyogrio

from rs_pipeline.config import Settings
from rs_pipeline.indicators.targets import OBSERVABILITY, OPERATORS
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import products
from rs_pipeline.publish.geopackage import STATUS_COLOURS
from rs_pipeline.storage.raster import open_own
from rs_pipeline.storage.tables import write_csv

FOLDERS = ("", "counties", "water", "places", "coastline", "findings", "maps")
"""Folders of a run whose files are for users; chips and tiles are the pipeline's own."""

VOCABULARY = {"statuses": STATUS_COLOURS, "operators": OPERATORS, "observability": OBSERVABILITY}
"""Placeholder of ``columns.csv`` to the words that replace it."""


@dataclass(frozen=True)
class DictionaryEntry:
    """One row of the dictionary."""

    file: str
    column: str
    type: str
    unit: str
    values: str
    meaning: str


@cache
def described_columns() -> list[dict[str, str]]:
    """``columns.csv`` of this room and of the products (file, column, unit, values, meaning), rows without a wildcard in the column first, then
    those with the longer pattern. Placeholders of VOCABULARY in the values are replaced."""
    words = {name: " | ".join(v for v in vocabulary if v) for name, vocabulary in VOCABULARY.items()}
    rows = []
    for path in (Path(__file__).with_name("columns.csv"), *(p for product in products().values() if (p := product.asset("columns.csv")))):
        with path.open(encoding="utf-8", newline="") as file:
            rows += [row | {"values": row["values"].format_map(words) if "{" in row["values"] else row["values"]} for row in csv.DictReader(file)]
    return sorted(rows, key=lambda r: ("*" in r["column"], -len(r["column"].replace("*", "")), "*" in r["file"], -len(r["file"])))


def _columns(path: Path) -> Iterator[tuple[str, str]]:
    """Name and type of the columns of a table or layer."""
    if path.suffix == ".parquet":
        for field in pq.read_schema(path):
            yield field.name, str(field.type)
    elif path.suffix in (".csv", ".xlsx"):
        first = pd.read_csv(path, encoding="utf-8-sig", nrows=200) if path.suffix == ".csv" else pd.read_excel(path, header=1, nrows=200)
        for name, kind in first.dtypes.items():
            yield str(name), str(kind) if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind) else "text"
    else:
        info = pyogrio.read_info(path, layer=pyogrio.list_layers(path)[0][0])
        yield from zip(info["fields"].tolist(), (str(t) for t in info["dtypes"]), strict=True)


def _bands(path: Path) -> Iterator[DictionaryEntry]:
    """Bands of a map, from the file's own description."""
    with open_own(path) as src:
        for i, name in enumerate(src.descriptions, start=1):
            yield DictionaryEntry("", name or str(i), src.dtypes[i - 1], src.units[i - 1] or "1", "NaN: not observed", src.tags(i).get("long_name", ""))


def _of_indicator(column: str) -> DictionaryEntry:
    """Columns of ``counties.gpkg`` that belong to an indicator (or to an official value, under its target's id)."""
    named = re.fullmatch(r"(?P<name>.+?)(?P<what>_lower|_upper|_reason|_status(_\w+)?)?", column)
    assert named is not None, "a column has a name"
    name, what = named["name"], (named["what"] or "").strip("_")
    known = INDICATORS.get(name)
    title, unit = (known.title, known.unit) if known else (f"Official value of target {name}", "as in indicators")
    if what.startswith("status"):
        target = what.removeprefix("status").strip("_").upper().replace("_", "-")
        return DictionaryEntry("", column, "", "", " | ".join(STATUS_COLOURS), f"{title}: verdict" + (f" against {target}" if target else ""))
    if what == "reason":
        return DictionaryEntry("", column, "", "", "", f"{title}: why there is no value, or how it was completed")
    words = {"": title, "lower": f"{title}: lower bound", "upper": f"{title}: upper bound"}
    return DictionaryEntry("", column, "", unit, "number or empty", words[what])


def describe_column(file: str, column: str) -> DictionaryEntry:
    """The meaning of a column; empty where it is not described."""
    for row in described_columns():
        if fnmatchcase(file, row["file"]) and fnmatchcase(column, row["column"]):
            return DictionaryEntry(file, column, "", row["unit"], row["values"], row["meaning"])
    return _of_indicator(column) if file == "counties.gpkg" else DictionaryEntry(file, column, "", "", "", "")


def _users_files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(p for p in (root / folder).glob("*") if p.suffix in (".parquet", ".csv", ".gpkg", ".tif", ".xlsx") and not p.name.startswith("."))


def entries(settings: Settings) -> list[DictionaryEntry]:
    """Every column and band of the files that a run has written; files that differ only in their period are described once."""
    labels = "|".join(sorted((re.escape(p.label) for p in settings.all_periods), key=len, reverse=True))
    found: dict[tuple[str, str], DictionaryEntry] = {}
    for path in _users_files(settings.root):
        name = path.relative_to(settings.root).as_posix()
        shown = re.sub(rf"(?<![A-Za-z0-9])({labels})(?=\.(tif|parquet)$)", "<period>", name)
        if path.suffix == ".tif":
            rows = [replace(band, file=shown) for band in _bands(path)]
        else:
            rows = [replace(describe_column(name, column), file=shown, type=kind) for column, kind in _columns(path)]
        for row in rows:
            found.setdefault((shown, row.column), row)
    return list(found.values())


def dictionary(settings: Settings) -> None:
    """Write ``data_dictionary.csv``: file, column, type, unit, values, meaning. It describes itself too."""
    own = [replace(describe_column("data_dictionary.csv", f.name), type="text") for f in fields(DictionaryEntry)]
    rows = [e for e in entries(settings) if e.file != "data_dictionary.csv"]
    write_csv(pd.DataFrame([astuple(e) for e in (*rows, *own)], columns=[f.name for f in fields(DictionaryEntry)]), Layout(settings.root).dictionary)
