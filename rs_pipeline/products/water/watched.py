"""Waters that a user names: lakes, monitoring sections and sea areas, and the official classes of their water month by month."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd

from rs_pipeline.config import InputSection, Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.cells import code_text, narrow
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, read_table
from rs_pipeline.inputs.vectors import load_vector

PLACE = "place:"
"""Prefix of the id of a watched water; the rest is its name."""

KINDS_OF_WATER = ("lake", "section", "sea")

OFFICIAL_CLASSES = {text: number for number, texts in enumerate(("1 I", "2 II", "3 III", "4 IV", "5 V", "6 劣V 劣5"), start=1) for text in texts.split()}
"""Text of a cell to the class of GB 3838-2002 or GB 3097-1997; 6 is worse than class V."""


def watched_waters(settings: Settings) -> gpd.GeoDataFrame:
    """Polygons of ``tables.waters`` in EPSG:4326: body_id (PLACE and the name), kind; empty where the table is not given. Polygons of one name are one water.

    Raises
    ------
    ConfigError : the file cannot be used, a name is empty, or a kind is none of KINDS_OF_WATER.
    """
    if settings.tables.waters is None:
        return gpd.GeoDataFrame({"body_id": [], "kind": []}, geometry=[], crs=4326)
    shapes, where = load_vector(settings, "tables.waters"), f"tables.waters: {settings.tables.waters}"
    names, kinds = (shapes[column].fillna("").map(code_text) for column in ("name", "kind"))
    if (names == "").any():
        raise ConfigError(
            f"feature {int((names == '').to_numpy().argmax()) + 1} has no name", where=where, remedy="name every water; the official classes are joined by it"
        )
    if unknown := sorted(set(kinds) - set(KINDS_OF_WATER)):
        raise ConfigError(f"unknown kind {unknown[0]!r}", where=where, remedy=f"write one of {', '.join(KINDS_OF_WATER)}")
    found = shapes[["geometry"]].assign(body_id=PLACE + names, kind=kinds)
    return found.dissolve("body_id", aggfunc="first").reset_index()


def read_water_classes(path: Path | None, stated: InputSection = NOTHING_STATED) -> dict[tuple[str, str], int]:
    """Official class (1-6) by (name, month as YYYY-MM); empty where ``path`` is None.

    Columns name, month, class; a class is a number, I to V, or 劣V.

    Raises
    ------
    TableError : a column is missing, a row is repeated, a month is invalid, or a class is not known.
    """
    found: dict[tuple[str, str], int] = {}

    def parse(row: TableRow) -> None:
        month, said = row.code("month"), narrow(row.code("class")).upper()
        written = re.fullmatch(r"(\d{4})[-/.](\d{1,2})", month)
        if not written or not 1 <= int(written[2]) <= 12:
            raise row.fault(f"{month!r} is no month", "month", "write year and month, such as 2024-07")
        if said not in OFFICIAL_CLASSES:
            raise row.fault(f"unknown class {row.text('class')!r}", "class", "write I to V, 劣V, or 1 to 6")
        key = (row.code("name"), f"{written[1]}-{int(written[2]):02d}")
        if key in found:
            raise row.fault(f"a second class for {', '.join(key)}", "class", "keep one of them")
        found[key] = OFFICIAL_CLASSES[said]

    if path:
        read_table(path, ("name", "month", "class"), stated).parsed(parse)
    return found
