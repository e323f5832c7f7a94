"""Checks the content of a vector file before GDAL opens it: nothing in it may refer to other files or servers, or expand to far more than its bytes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.parsers import expat

import numpy as np

from rs_pipeline.wording import clean_text

MOST_FEATURE_CELLS = 20_000_000
"""Most cells of a file; a file with more bytes may have as many cells as bytes. A property that one feature has is a cell of every feature."""
MOST_KML_DEPTH = 64
"""Deepest nesting of KML elements; programs write about ten levels."""
MOST_DEFAULT_BYTES = 1000
"""Largest total size of the default values of a GeoPackage table's columns."""
VECTOR_FORMATS = "GeoPackage or GeoJSON (shapefiles, also zipped, KML and file geodatabases are read as well)"
"""Formats that are read, in words."""
_OTHERS, _ANEW = f"use {VECTOR_FORMATS}", "save the layer anew, e.g. with QGIS, Export"


class Unfit(Exception):
    """Why a file is refused, and what to do."""

    def __init__(self, what: str, remedy: str):
        super().__init__(what)
        self.what, self.remedy = clean_text(what, 1000), remedy


def _unreadable(why: object, remedy: str = _ANEW) -> Unfit:
    return Unfit(f"cannot be read as a vector file: {why}", remedy)


def see_cells(features: int, columns: int, size: int) -> None:
    """Check the number of cells of a table against the bytes of its file.

    Raises
    ------
    Unfit : it has more cells than bytes, and more than MOST_FEATURE_CELLS.
    """
    if features * (columns + 1) > max(MOST_FEATURE_CELLS, size):
        raise Unfit(f"{features} features of {columns} columns are more cells than its {size} bytes hold", "remove the columns that are not needed")


# --- GeoJSON ---------------------------------------------------------------------------------------------------------

_NAME_OF_CRS = re.compile(r"[\w .,:()-]*( / [\w .,:()-]*)*|https?://(www\.)?opengis\.net/def/crs/[\w./-]*")
"""Codes, URNs, names, and the OGC URLs that GDAL resolves without the network."""


def check_geojson(text: str, size: int) -> None:
    """Check every member named crs, at any level, and the number of cells.

    Raises
    ------
    Unfit : it is not JSON, a crs is not a name or code, or as `see_cells`.
    """
    columns: set[str] = set()
    features = 0

    def seen(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
        nonlocal features
        members = [(name.partition("\0")[0].lower(), value) for name, value in pairs]  # GDAL ends names at a NUL, and ignores case
        for name, value in members:
            if name == "crs":
                _see_crs(value)
            elif name == "properties" and isinstance(value, dict):
                columns.update(value)
                features += 1
        if any(name == "geometry" for name, _ in members):
            return None
        return {name: value for name, value in members if not isinstance(value, list)}  # coordinates take most of the memory, and are not needed

    try:
        json.loads(text, object_pairs_hook=seen)
    except RecursionError:
        raise _unreadable("GeoJSON with too many brackets in each other") from None
    except ValueError as fault:
        raise _unreadable(f"no GeoJSON: {fault}") from None
    see_cells(features, len(columns), size)


def _see_crs(crs: Any) -> None:
    if not isinstance(crs, dict):
        return
    remedy = 'write it as a name, such as {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}'
    if (kind := str(crs.get("type", "name"))).lower() not in ("name", "epsg", "ogc"):
        raise Unfit(f"its crs is of the type {kind[:40]!r}, which leads elsewhere and is not read", remedy)
    if strange := next((t for t in _texts(crs) if not _NAME_OF_CRS.fullmatch(t)), None):
        raise Unfit(f"its crs {strange[:120]!r} is no name or code", remedy)


def _texts(value: Any) -> Iterator[str]:
    for part in value.values() if isinstance(value, dict) else [value]:
        if isinstance(part, dict):
            yield from _texts(part)
        elif isinstance(part, str):
            yield part


# --- KML -------------------------------------------------------------------------------------------------------------


def check_kml(raw: bytes) -> None:
    """Check that an XML document is KML, has no document type, and is not nested too deeply.

    Raises
    ------
    Unfit : the check fails.
    """
    depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        if not depth and name.rpartition(":")[2] != "kml":
            raise _unreadable(f"XML of the kind {name[:40]!r}, of which only kml is read", _OTHERS)
        depth += 1
        if depth > MOST_KML_DEPTH:
            raise _unreadable(f"KML with more than {MOST_KML_DEPTH} elements in each other")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def document_type(*_: object) -> None:
        raise _unreadable("XML with a document type, which may expand to anything", "remove the line <!DOCTYPE …>")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, document_type
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError) as fault:
        raise _unreadable(f"no XML: {fault}") from None


# --- shapefile -------------------------------------------------------------------------------------------------------


def check_shapefile(path: Path) -> None:
    """Check that the records in the index (.shx) fit into the file together: several entries may point to the same record.

    Raises
    ------
    Unfit : they do not fit.
    """
    for index in path.parent.iterdir():
        if index.stem.lower() == path.stem.lower() and index.suffix.lower() == ".shx":
            entries = np.fromfile(index, ">i4", offset=min(100, index.stat().st_size))
            words = entries[1 : len(entries) // 2 * 2 : 2].astype("int64").clip(0)
            if (named := 2 * words.sum() + 8 * len(words)) > path.stat().st_size:
                raise _unreadable(f"{index.name} names records of {named} bytes, {path.name} has {path.stat().st_size}", "hand in the original files")


# --- GeoPackage ------------------------------------------------------------------------------------------------------


def check_geopackage(path: Path) -> list[tuple[str, str]]:
    """Names and geometry types of the layers of a GeoPackage, after its tables were checked: each must be a real, undamaged table. They are returned
    because GDAL, to list the layers, would open tables that were not checked.

    Raises
    ------
    Unfit : a table is a view or another query, is damaged or has computed columns; or the file is no GeoPackage.
    """
    try:
        with closing(_database(path)) as db:
            kinds = dict(db.execute("SELECT lower(name), sql FROM sqlite_master WHERE type IN ('table', 'view')"))
            _see_tables(db, [name for name in kinds if name.startswith("gpkg")], kinds)
            if not {"gpkg_contents", "gpkg_geometry_columns"} <= set(kinds):
                raise _unreadable("a database, but no GeoPackage", _OTHERS)
            contents = [name for (name,) in db.execute("SELECT table_name FROM gpkg_contents ORDER BY rowid")]
            shapes = dict(db.execute("SELECT table_name, geometry_type_name FROM gpkg_geometry_columns"))
            _see_tables(db, [n for n in dict.fromkeys(str(name).lower() for name in (*contents, *shapes)) if n in kinds], kinds)
            return [(name, str(shapes[name]).upper().replace("GEOMETRY", "UNKNOWN")) for name in contents if name in shapes]
    except sqlite3.Error as fault:
        raise _unreadable("it takes more steps to read than a file of its size should" if "interrupted" in str(fault) else fault) from None


def _database(path: Path) -> sqlite3.Connection:
    """The database as GDAL will read it, read-only. Queries are interrupted after a number of steps that grows with the size of the file."""
    left = 1000 + path.stat().st_size // 100

    def over() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        db = sqlite3.connect(address, uri=True)
        db.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:  # a database in WAL mode in a folder without the right to write
        db = sqlite3.connect(f"{address}&immutable=1", uri=True)
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")
    db.set_progress_handler(over, 1000)
    for rule in ("trusted_schema = OFF", "ignore_check_constraints = ON", "cell_size_check = ON"):
        db.execute(f"PRAGMA {rule}")
    return db


def _see_tables(db: sqlite3.Connection, names: Collection[str], kinds: dict[str, str]) -> None:
    for name in names:
        if not str(kinds[name]).upper().startswith("CREATE TABLE"):
            raise Unfit(f"{name} is no table, but a view or another query", f"{_ANEW}, to a file of its own")
        quoted = name.replace('"', '""')
        columns = db.execute(f'PRAGMA table_xinfo("{quoted}")').fetchall()  # number, name, type, must, default, key, kind
        if any(kind in (2, 3) for *_, kind in columns):
            raise Unfit(f"{name} has columns that are computed", _ANEW)
        if sum(len(str(default or "")) for *_, default, _, _ in columns) > MOST_DEFAULT_BYTES:
            raise Unfit(f"{name} has values by default of more than {MOST_DEFAULT_BYTES} bytes", _ANEW)
        if (said := db.execute(f'PRAGMA quick_check("{quoted}")').fetchone()[0]) != "ok":
            raise Unfit(f"{name} is damaged: {str(said).splitlines()[-1][:120]}", _ANEW)
