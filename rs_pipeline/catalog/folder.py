"""Catalogs on a disk: static STAC catalogs, folders of items, and files of many items. A bad file is dropped with its name and reason; the others are read."""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from shapely.geometry import mapping

from rs_pipeline.catalog.confine import allowed_folders, lies_in
from rs_pipeline.catalog.items import Dropped, resolved, self_address
from rs_pipeline.catalog.pages import group_bytes
from rs_pipeline.errors import CatalogError
from rs_pipeline.model import SIDE_BANDS, Sensor
from rs_pipeline.storage.special import special_kind
from rs_pipeline.wording import clean_text

LINES, TABLES, DOCUMENTS = (".ndjson", ".jsonl", ".geojsonl"), (".parquet", ".geoparquet"), (".json", ".geojson")
"""Suffixes of files with one item per line, of stac-geoparquet, and of JSON with an item, a FeatureCollection or a catalog."""

_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, pa.ArrowException, shapely.errors.ShapelyError)

_MOST_BYTES, _MOST_LINE_BYTES, _MOST_GROUP_BYTES = 256 * 2**20, 16 * 2**20, 2**30
"""Size limits, bytes: of a JSON document or a batch of rows of a table; of a line with an item; of an unpacked row group of a table. Parsed JSON takes up to
forty times as much memory."""

_ROWS_AT_ONCE = 100

_PLACE = ("type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets", "collection")
"""Members of an item besides its properties; in a stac-geoparquet table they and the properties are columns."""


@dataclass(frozen=True)
class _Found:
    """An item, its file, and the collection of the catalog that it belongs to (empty where there is none)."""

    item: dict[str, Any]
    file: Path
    collection: str


def folder_items(
    catalog: str, sensor: Sensor, others: Counter[str] | None = None, folders: tuple[Path, ...] = ()
) -> Iterator[dict[str, Any] | Dropped]:  # fmt: skip
    """Items of a sensor's collection in a static catalog (catalog.json, collection.json or their folder), a folder of items, or a file
    of items (a FeatureCollection, one item per line, stac-geoparquet); and entries that had to be dropped, with the reason.

    Hrefs of assets become absolute. Items are not filtered by place or time. An item that names no collection belongs to the collection of
    its catalog or folder; where there is none, it is accepted if it has the assets of the sensor.

    Parameters
    ----------
    others : counts the items of each other collection.
    folders : folders, besides its own, that the catalog may refer to, see `confine`.

    Raises
    ------
    CatalogError : nothing exists at the path, or it is not STAC.
    """
    path = Path(catalog).expanduser().resolve()
    root = next((p for p in (path, path / "catalog.json", path / "collection.json") if p.is_file()), None)
    if root is None and not path.is_dir():
        raise CatalogError("there is no such catalog", where=catalog, remedy="give the path of a catalog.json, of its folder, or an https:// URL")
    try:
        for found in _walk(root, allowed_folders(catalog, folders)) if root is not None else _listed(path):
            entry = found if isinstance(found, Dropped) else _of_sensor(found, sensor, others)
            if entry is not None:
                yield entry
    except _FAULTS as fault:
        raise CatalogError(f"the catalog cannot be read: {clean_text(fault)}", where=catalog, remedy="check that it is valid STAC") from None


def catalog_fault(catalog: str) -> str:
    """Why an existing path is no catalog, and what to do, in one line; empty where it may be one. Reads only its first document."""
    path = Path(catalog).expanduser().resolve()
    root = next((p for p in (path, path / "catalog.json", path / "collection.json") if p.is_file()), None)
    if root is None:
        files = (p for p in path.rglob("*") if p.suffix.lower() in (*LINES, *TABLES, *DOCUMENTS))
        return "" if next(files, None) else "the folder has no catalog.json, and no items; give the folder that has them, or the https:// URL of an API"
    if root.suffix.lower() in (*LINES, *TABLES) or special_kind(root):
        return ""
    try:
        entry = _document(root)
    except (OSError, ValueError) as fault:
        page = root.read_bytes()[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))
        return (
            "a web page, no catalog; save the catalog.json that it is made of" if page else f"{root.name} is no JSON: {clean_text(fault, 120)}; check the file"
        )
    is_stac = isinstance(entry, dict) and (entry.get("type") in ("Catalog", "Collection", "Feature", "FeatureCollection") or "links" in entry)
    return (
        "" if is_stac else f"{root.name} is JSON, but no STAC: it has no type Catalog, Collection, Feature or FeatureCollection; give the path of one that is"
    )


def _of_sensor(found: _Found, sensor: Sensor, others: Counter[str] | None) -> dict[str, Any] | Dropped | None:
    """The item with its collection and absolute hrefs if it belongs to the sensor's collection; None if it belongs to another."""
    collection = found.item.get("collection") or found.collection
    if not collection and not _fits(found.item, sensor):
        return Dropped(clean_text(found.item.get("id")), "skipped", f"no collection is named, and the assets are not those of {sensor.name}")
    if collection and collection != sensor.collection:
        if others is not None:
            others[clean_text(collection, 60)] += 1
        return None
    return _absolute({**found.item, "collection": sensor.collection}, found.file)


def _fits(item: dict[str, Any], sensor: Sensor) -> bool:
    """Whether an item has an asset for every band that a scene of the sensor must have."""
    assets = item.get("assets")
    needed = [b for b in sensor.bands if b.required and b.role not in SIDE_BANDS]
    return isinstance(assets, dict) and all(any(name in assets for name in b.assets) for b in needed)


def _listed(folder: Path) -> Iterator[_Found | Dropped]:
    """Items of all files below a folder. JSON that is not STAC is ignored: it may belong to other programs."""
    collections: dict[Path, str] = {}
    for file in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (*LINES, *TABLES, *DOCUMENTS) and p.is_file()):
        try:
            for entry in _entries(file):
                if isinstance(entry, Dropped):
                    yield entry
                elif isinstance(entry, dict) and entry.get("type") == "Feature" and ("assets" in entry or "stac_version" in entry):
                    yield _Found(entry, file, _nearest_collection(file.parent, folder, collections))
        except _FAULTS as fault:
            yield _broken(file, folder, fault)


def _nearest_collection(folder: Path, top: Path, known: dict[Path, str]) -> str:
    """Id of the collection.json in the folder or the nearest one above it, up to ``top``; empty where there is none."""
    if folder not in known:
        try:
            known[folder] = str(_document(folder / "collection.json").get("id") or "")
        except (OSError, ValueError, AttributeError):
            known[folder] = "" if folder == top else _nearest_collection(folder.parent, top, known)
    return known[folder]


def _walk(root: Path, allowed: tuple[str, ...]) -> Iterator[_Found | Dropped]:
    """Items below a catalog by its child and item links, each file once. Not read by pystac, so that one bad item does not end the walk."""
    queue, seen = deque([(root, "")]), {root.resolve()}
    while queue:
        file, collection = queue.popleft()
        try:
            for entry in _entries(file):
                if isinstance(entry, Dropped):
                    yield entry
                elif entry.get("type") == "Feature":
                    yield _Found(entry, file, collection)
                elif entry.get("type", "Catalog") not in ("Catalog", "Collection"):
                    raise ValueError(f"{file} is neither a catalog nor an item")
                else:
                    inner = str(entry.get("id") or "") if "extent" in entry or entry.get("type") == "Collection" else collection
                    for target in _targets(entry, file, allowed):
                        if isinstance(target, Dropped):
                            yield target
                        elif target.resolve() not in seen:
                            seen.add(target.resolve())
                            queue.append((target, inner))
        except _FAULTS as fault:
            if file == root:
                raise
            yield _broken(file, root.parent, fault)


def _targets(catalog: dict[str, Any], file: Path, allowed: tuple[str, ...]) -> Iterator[Path | Dropped]:
    """Files that the child and item links of a catalog refer to. Links to the network are dropped, because the user named a folder; so are links out of
    the allowed folders."""
    for link in catalog["links"]:
        if link["rel"] in ("child", "item", "items"):
            scheme = urlsplit(link["href"]).scheme
            if scheme in ("", "file"):
                target = _on_disk(file.parent, urlsplit(link["href"]).path if scheme else link["href"])
                outside = f"a link of {file.name} leads out of the catalog's folder and is not followed (sources.folders would allow it)"
                yield target if lies_in(str(target), allowed) else Dropped(clean_text(link["href"]), "skipped", outside)
            else:
                yield Dropped(
                    clean_text(link["href"]), "skipped", f"a link of {file.name} leaves the folder and is not followed; name that catalog as a source"
                )


def _broken(file: Path, top: Path, fault: Exception) -> Dropped:
    why = (
        "a file of macOS's own, no item"
        if file.name.startswith("._")
        else "there is no such file"
        if isinstance(fault, FileNotFoundError)
        else clean_text(fault, 120)
    )
    return Dropped(str(file.relative_to(top)) if file.is_relative_to(top) else str(file), "failed", f"the file cannot be read: {why}")


def _entries(file: Path) -> Iterator[Any]:
    """Entries of a file: items, or one catalog. JSON may be in UTF-8, UTF-16 or UTF-32, with or without a byte order mark."""
    if file.suffix.lower() in LINES:
        yield from _lines(file)
    elif file.suffix.lower() in TABLES:
        yield from _rows(file)
    else:
        entry = _document(file)
        yield from entry["features"] if isinstance(entry, dict) and entry.get("type") == "FeatureCollection" else [entry]


def _document(file: Path) -> Any:
    """The parsed content of a JSON file.

    Raises
    ------
    ValueError, OSError : it is not JSON, too large, or no file.
    """
    if kind := special_kind(file):
        raise ValueError(f"{kind}, not a file")
    if file.stat().st_size > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES // 2**20} MiB in one document; write an item a line (.ndjson)")
    return json.loads(file.read_bytes())


def _lines(file: Path) -> Iterator[Any]:
    if kind := special_kind(file):
        raise ValueError(f"{kind}, not a file")
    with file.open("rb") as text:
        for number, line in enumerate(iter(lambda: text.readline(_MOST_LINE_BYTES + 1), b""), start=1):
            if len(line) > _MOST_LINE_BYTES:
                raise ValueError(f"more than {_MOST_LINE_BYTES // 2**20} MiB in line {number}")
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as fault:
                    yield Dropped(f"{file.name} line {number}", "failed", f"the line cannot be read: {clean_text(fault, 120)}")


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """Items of a stac-geoparquet file (specification 1.0); none of a Parquet file of another kind."""
    if kind := special_kind(file):
        raise ValueError(f"{kind}, not a file")
    with pq.ParquetFile(file) as table:
        if large := next((size for size in group_bytes(file, table.metadata) if size > _MOST_GROUP_BYTES), 0):
            raise ValueError(f"a row group of {large / 2**20:.0f} MiB, the limit is {_MOST_GROUP_BYTES // 2**20}")
        if not {"id", "assets", "geometry"} <= set(table.schema_arrow.names):
            return
        leaves = [table.metadata.schema.column(i) for i in range(table.metadata.num_columns)]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    with pq.ParquetFile(file, read_dictionary=texts) as table:  # a text of many rows is then in memory once, and its length can be read
        for batch in table.iter_batches(_ROWS_AT_ONCE):
            if (size := sum(map(_plain_bytes, batch.columns))) > _MOST_BYTES:
                raise ValueError(f"{_ROWS_AT_ONCE} rows of {size / 2**20:.0f} MiB, the limit is {_MOST_BYTES // 2**20}")
            for row in batch.to_pylist():
                item = {"type": "Feature", **{k: _plain(v) for k, v in row.items() if k in _PLACE and k != "geometry" and v is not None}}
                item["geometry"] = mapping(shapely.from_wkb(row["geometry"])) if row["geometry"] else None
                if isinstance(item.get("bbox"), dict):
                    item["bbox"] = list(item["bbox"].values())
                yield {**item, "properties": {k: _plain(v) for k, v in row.items() if k not in _PLACE and v is not None}}


def _plain_bytes(values: pa.Array) -> int:
    """Bytes of the values of a column if dictionary-encoded texts were written out."""
    if pa.types.is_dictionary(values.type):
        lengths = pc.binary_length(values.dictionary)
        return pc.sum(lengths.cast("int64").take(values.indices)).as_py() or 0
    if pa.types.is_nested(values.type):
        parts = values.flatten()
        return sum(map(_plain_bytes, parts)) if isinstance(parts, list) else _plain_bytes(parts)
    return values.nbytes


def _plain(value: Any) -> Any:
    """A value of a table as JSON: times as ISO text, and structs without null fields."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value


def _absolute(item: dict[str, Any], file: Path) -> dict[str, Any]:
    """The item with relative hrefs of assets resolved: against its file where that gives an existing file, else against the item's own URL, if it has one."""
    address = self_address(item)

    def absolute(href: str) -> str:
        local = _on_disk(file.parent, href)
        return urljoin(address, href) if address and not local.exists() else str(local)

    return resolved(item, absolute)


def _on_disk(folder: Path, href: str) -> Path:
    """The file that a path names; where it does not exist, the path with percent-encoding decoded or Windows separators replaced."""
    spellings = [href, unquote(href), unquote(href).replace("\\", "/")]
    paths = [Path(os.path.normpath(folder / spelling)) for spelling in spellings]
    return next((p for p in paths if p.exists()), paths[1] if "\\" not in href else paths[2])
