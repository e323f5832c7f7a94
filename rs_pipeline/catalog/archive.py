"""Verb ``catalog``: writes a STAC catalog of scenes on a disk, in the form in which their producers publish them.

Supported are SAFE folders of Sentinel-2 L2A (ESA, Products Specification Document), scenes of Landsat Collection 2 Level 2 as files or as the tar they come
in (USGS, Level 2 Data Format Control Book), and files of HLS v2.0 (NASA, User Guide). Other files that look like scenes are left out with a line that says why.
"""

from __future__ import annotations

import json
import math
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

import shapely
from rasterio.warp import transform_geom

from rs_pipeline.catalog.items import footprint_of
from rs_pipeline.errors import CatalogError, SpaceError
from rs_pipeline.model import Sensor
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import atomic_folder, atomic_path
from rs_pipeline.storage.foreign import foreign_raster
from rs_pipeline.storage.special import special_kind
from rs_pipeline.wording import clean_text

CATALOG_ID = "rs-pipeline-archive"
"""Marks a catalog that this verb wrote and may therefore overwrite."""

ITEMS, UNPACKED = "stac", "unpacked"
"""Folders beside ``catalog.json``: items, and files unpacked from tars."""

ARCHIVE_SENSORS = {
    "sentinel-2-l2a": "copernicus-sentinel-2-l2a",
    "landsat-c2-l2": "planetary-computer-landsat-c2-l2",
    "hls2-s30": "hls2-s30",
    "hls2-l30": "hls2-l30",
}
"""Collection to the sensor table that reads it."""

_SAFE = re.compile(r"(?P<platform>S2[A-D])_MSI(?P<level>L1C|L2A)_.*\.SAFE", re.IGNORECASE)
_OTHER_SAFE = re.compile(r"S[1-3][A-D]_.*\.(SAFE|SEN3)", re.IGNORECASE)
_SAFE_BAND = re.compile(r".*_(?P<asset>(?:B\d[0-9A]|SCL)_\d0m)\.jp2", re.IGNORECASE)
_LANDSAT = re.compile(
    r"(?P<product>L[COTEM](?P<craft>\d{2})_(?P<level>L\w{3})_\d{6}_\d{8}_\d{8}_(?P<collection>\d{2})_(?:T1|T2|RT))(?:_(?P<what>\w+))?\.(?P<suffix>tif|txt|tar|tar\.gz)",
    re.IGNORECASE,
)
_HLS = re.compile(r"(?P<product>HLS\.(?P<kind>[SL]30)\.T(?P<cell>\d{2}[A-Z]{3})\.(?P<when>\d{7}T\d{6})\.v2\.0)\.(?P<asset>B\d[0-9A]|Fmask)\.tif", re.IGNORECASE)
_PACKED = re.compile(r"S2[A-D]_MSIL2A_.*\.zip", re.IGNORECASE)

_TM = {"SR_B1": "blue", "SR_B2": "green", "SR_B3": "red", "SR_B4": "nir08", "SR_B5": "swir16", "SR_B7": "swir22"}
_OLI = {"SR_B2": "blue", "SR_B3": "green", "SR_B4": "red", "SR_B5": "nir08", "SR_B6": "swir16", "SR_B7": "swir22"}
_LANDSAT_QA = {"QA_PIXEL": "qa_pixel", "QA_RADSAT": "qa_radsat", "SR_QA_AEROSOL": "qa_aerosol", "SR_ATMOS_OPACITY": "atmos_opacity"}

_MOST_METADATA_BYTES = 16 * 2**20

_WIDEST_M, _WIDEST_DEG = 1e6, 10.0
"""Largest extent of a scene: scenes are 110 to 185 km wide, and a larger extent means a damaged georeference."""

_MOST_TAR_BYTES, _MOST_MEMBERS = 8 * 2**30, 1000
"""A Landsat scene has some 2 GB in 25 files."""

_MOST_HEADER_BYTES = 2**20
_MOST_PADDING_BYTES = 16 * 2**20


class _Unfit(Exception):
    """A scene that cannot be used, and why."""


class _Member(tarfile.TarInfo):
    """A member of a tar. Long headers that describe other members are refused, because `tarfile` reads them into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: Any, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if not member.isreg() and not 0 <= member.size <= _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header that speaks of {member.size} bytes")
        return member


@dataclass
class Archive:
    """Content of an archive."""

    scenes: Counter[str] = field(default_factory=Counter)
    """Sensor table to number of scenes."""
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Scene:
    """Files of a scene by asset key, and its metadata."""

    name: str
    collection: str
    assets: Mapping[str, Path]
    metadata: Path | None = None


def write_catalog(folder: Path, out: Path | None = None) -> Archive:
    """Write ``catalog.json`` and the items of all scenes below a folder; from tars of Landsat the needed bands are unpacked beside it.

    Names that begin with a dot are ignored: they belong to the system, or to files that are still being written.

    Parameters
    ----------
    out : folder of the catalog; default the archive's own. With another folder, `sources.folders` must name the archive.

    Raises
    ------
    CatalogError : there is no such folder; a catalog of other origin is there already; no usable scene was found.
    SpaceError : the disk is full or cannot be written.
    """
    if not folder.is_dir():
        raise CatalogError("there is no such folder", where=str(folder), remedy="give the folder that the scenes lie in")
    folder, out = folder.resolve(), (out or folder).resolve()
    _see_no_other(out / "catalog.json")
    found, items = Archive(), []
    for scene in _scenes(folder, out, found.left_out):
        try:
            items.append(_item(scene, out / ITEMS / scene.collection))
        except _Unfit as why:
            found.left_out.append(f"{scene.name}: {clean_text(why)}")
        except (SpaceError, MemoryError):
            raise
        except Exception as fault:  # drivers and geometry raise many kinds for damaged scenes
            found.left_out.append(f"{scene.name}: cannot be read ({_words(fault)}); fetch it again")
    if not items:
        seen = "; " + "; ".join(found.left_out[:5]) if found.left_out else ""
        raise CatalogError(
            f"no scene that can be used{seen}",
            where=str(folder),
            remedy="known are SAFE folders of Sentinel-2 L2A, Landsat Collection 2 Level 2 (files or tar) and HLS v2.0, with their names as the producers gave them",
        )
    _write(items, out)
    found.scenes.update(ARCHIVE_SENSORS[item["collection"]] for item in items)
    return found


def _words(fault: Exception) -> str:
    """Text of a fault, else the name of its type."""
    return clean_text(fault, 120) or type(fault).__name__


def _see_no_other(path: Path) -> None:
    """Raise where a catalog that this verb did not write is at the path."""
    if kind := special_kind(path):
        raise CatalogError(f"{kind}, not a file", where=str(path), remedy="remove it, or give another folder by --out")
    try:
        other = path.exists() and json.loads(path.read_bytes()).get("id") != CATALOG_ID
    except (ValueError, AttributeError):
        other = True
    if other:
        raise CatalogError(
            "a catalog is there already, which this verb did not write",
            where=str(path),
            remedy="read that one (`rs-pipeline init --folder`), or give another folder by --out",
        )


def _scenes(folder: Path, out: Path, left_out: list[str]) -> Iterator[_Scene]:
    """Scenes below a folder, sorted by name; of copies only one."""
    files, safes, special = _files(folder, out, left_out)
    files |= {path.name: path for path in sorted((out / UNPACKED).glob("[!.]*/[!.]*"))}
    special += [path.name for path in (out / UNPACKED).glob("[!.]*/*") if special_kind(path)]
    files |= {path.name: path for tar in _tars(files) for path in _unpacked(tar, out / UNPACKED, left_out)}
    yield from (_safe(path) for path in safes if not _waits(path.name, [p.relative_to(path).as_posix() for p in path.rglob("*") if special_kind(p)], left_out))
    groups: dict[str, dict[str, tuple[Path, re.Match]]] = {}
    for name, path in sorted(files.items()):
        if (said := _LANDSAT.fullmatch(name) or _HLS.fullmatch(name)) and not _is_tar(name):
            groups.setdefault(said["product"], {})[(said.groupdict().get("what") or said.groupdict().get("asset") or "").upper()] = (path, said)
    for product, parts in groups.items():
        said = next(iter(parts.values()))[1]
        if _waits(product, [name for name in special if name.lower().startswith(product.lower())], left_out):
            continue
        if "cell" in said.groupdict():
            yield _Scene(product, f"hls2-{said['kind'].lower()}", {match["asset"].replace("FMASK", "Fmask"): path for path, match in parts.values()})
        elif said["level"].upper() not in ("L2SP", "L2SR") or said["collection"] != "02":
            left_out.append(
                f"{product}: Level {said['level'][1]} of Collection {int(said['collection'])}; surface reflectance of Collection 2 is needed (L2SP or L2SR)"
            )
        else:
            keys = _asset_keys(said["craft"])
            yield _Scene(product, "landsat-c2-l2", {keys[what]: path for what, (path, _) in parts.items() if what in keys}, parts.get("MTL", (None,))[0])


def _waits(scene: str, special: list[str], left_out: list[str]) -> bool:
    """Whether reading a scene could block for ever, because one of its files is a pipe or device: GDAL also opens files beside a raster, such as .aux.xml."""
    if special:
        left_out.append(f"{scene}: {clean_text(special[0])} is a pipe or a device, not a file; remove it")
    return bool(special)


def _files(folder: Path, out: Path, left_out: list[str]) -> tuple[dict[str, Path], list[Path], list[str]]:
    """Below a folder: files by name, SAFE folders, and names of pipes and devices."""
    special: list[str] = []
    files: dict[str, Path] = {}
    safes: dict[str, Path] = {}
    for base, folders, names in os.walk(
        folder, onerror=lambda fault: left_out.append(f"{clean_text(fault.filename)}: cannot be read ({fault.strerror}); give yourself the right to read it")
    ):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in list(folders):
            path, safe = Path(base, name), _SAFE.fullmatch(name)
            if path == out / ITEMS or safe or _OTHER_SAFE.fullmatch(name):
                folders.remove(name)
            if safe and safe["level"].upper() == "L1C":
                left_out.append(f"{name}: Level 1C, reflectance at the top of the atmosphere; fetch its L2A, or make it by Sen2Cor")
            elif safe and name in safes:
                left_out.append(f"{path.relative_to(folder)}: a copy of {safes[name].relative_to(folder)}")
            elif safe:
                safes[name] = path
            elif _OTHER_SAFE.fullmatch(name):
                left_out.append(f"{name}: no Sentinel-2; radar is read from a catalog (planetary-computer-sentinel-1-rtc)")
        for name in sorted(name for name in names if not name.startswith(".")):
            known = _LANDSAT.fullmatch(name) or _HLS.fullmatch(name)
            if kind := special_kind(Path(base, name)):
                if known:
                    left_out.append(f"{name}: {kind}, not a file; put the file in its place")
                else:
                    special.append(name)
            elif _PACKED.fullmatch(name) and name.removesuffix(".zip").removesuffix(".SAFE") + ".SAFE" not in safes:
                left_out.append(f"{name}: packed; unpack it")
            elif known and name in files:
                left_out.append(f"{Path(base, name).relative_to(folder)}: a copy of {files[name].relative_to(folder)}")
            else:
                files[name] = Path(base, name)
    return files, list(safes.values()), special


def _asset_keys(craft: str) -> dict[str, str]:
    """Band part of a Landsat file name to the key of its asset; ``craft`` is the satellite's number."""
    return (_OLI if craft in ("08", "09") else _TM) | _LANDSAT_QA


def _is_tar(name: str) -> bool:
    return name.lower().endswith((".tar", ".tar.gz"))


def _tars(files: Mapping[str, Path]) -> Iterator[Path]:
    """Tars of scenes whose unpacked files are not there."""
    unpacked = {said["product"] for name in files if not _is_tar(name) and (said := _LANDSAT.fullmatch(name))}
    for name, path in sorted(files.items()):
        said = _LANDSAT.fullmatch(name) if _is_tar(name) else None
        if said and said["product"] not in unpacked:
            yield path


def _unpacked(tar: Path, folder: Path, left_out: list[str]) -> list[Path]:
    """Unpack the bands and the metadata of a tar into a folder of its product; a damaged tar gives no files and a line in ``left_out``."""
    target = folder / tar.name.partition(".")[0]
    wanted = {*_asset_keys(tar.name[2:4]), "MTL"}
    try:
        with tarfile.open(tar, tarinfo=_Member) as packed, atomic_folder(target) as beside:
            beside.mkdir()
            for member in _members(packed):
                said = _LANDSAT.fullmatch(Path(member.name).name)
                if member.isfile() and said and (said["what"] or "").upper() in wanted:
                    member.name = Path(member.name).name
                    packed.extract(member, beside, filter="data")
            _see_complete(beside, tar.name[2:4])
            _see_end(packed)
    except (SpaceError, MemoryError):
        raise
    except Exception as fault:  # each type of compression raises errors of its own
        left_out.append(f"{tar.name}: cannot be unpacked ({_words(fault)}); fetch it again")
        return []
    return sorted(target.iterdir())


def _members(packed: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Members of a tar, up to the limits of a scene: a small tar may declare huge members."""
    total = 0
    for count, member in enumerate(packed, start=1):
        total += member.size
        if member.issparse():
            raise tarfile.ReadError(f"{Path(member.name).name} is sparse")
        if member.size < 0 or total > _MOST_TAR_BYTES or count > _MOST_MEMBERS:
            raise tarfile.ReadError(f"more than {_MOST_TAR_BYTES // 2**30} GiB or {_MOST_MEMBERS} members")
        yield member


def _see_end(packed: tarfile.TarFile) -> None:
    """Read to the end after the last member, where decompression compares the checksum."""
    if len(packed.fileobj.read(_MOST_PADDING_BYTES)) == _MOST_PADDING_BYTES:
        raise tarfile.ReadError("goes on after its end")


def _see_complete(folder: Path, craft: str) -> None:
    """Raise where a tar gave fewer bands than a scene has: a tar that is cut off between members ends without an error."""
    there = {said["what"].upper() for path in folder.iterdir() if (said := _LANDSAT.fullmatch(path.name))}
    if lacking := sorted({*(what for what in _asset_keys(craft) if what.startswith("SR_B")), "QA_PIXEL", "MTL"} - there):
        raise tarfile.ReadError(f"lacks {', '.join(lacking)}")


def _safe(folder: Path) -> _Scene:
    bands = {
        said["asset"].upper().replace("0M", "0m"): path
        for path in sorted(folder.glob("GRANULE/[!.]*/IMG_DATA/**/[!.]*.jp2"))
        if (said := _SAFE_BAND.fullmatch(path.name))
    }
    return _Scene(folder.name.removesuffix(".SAFE"), "sentinel-2-l2a", bands, folder / "MTD_MSIL2A.xml")


def _item(scene: _Scene, folder: Path) -> dict[str, Any]:
    """The item of a scene, with hrefs relative to the item's ``folder``.

    Raises
    ------
    _Unfit : a band is missing or empty, or its metadata give no time.
    """
    sensor = load_sensor(ARCHIVE_SENSORS[scene.collection])
    _see_whole(scene, sensor)
    properties = {"sentinel-2-l2a": _of_safe, "landsat-c2-l2": _of_landsat}.get(scene.collection, _of_hls)(scene)
    if not properties["datetime"]:
        raise _Unfit(f"{(scene.metadata or Path(scene.name)).name} gives no time; fetch it again")
    red = next(scene.assets[name] for name in sensor.known_band("red").assets if name in scene.assets)
    outline = footprint_of({"geometry": shapely.geometry.mapping(properties.pop("outline", None) or _outline(red))})
    used = {name: path for name, path in scene.assets.items() if any(name in b.assets for b in sensor.bands)}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": scene.name,
        "collection": scene.collection,
        "links": [],
        "geometry": shapely.geometry.mapping(outline),
        "bbox": list(outline.bounds),
        "properties": {k: v for k, v in properties.items() if v not in (None, "")},
        "assets": {name: {"href": Path(os.path.relpath(path, folder)).as_posix(), "roles": ["data"]} for name, path in sorted(used.items())},
    }


def _see_whole(scene: _Scene, sensor: Sensor) -> None:
    lacking = [b.assets[0] for b in sensor.bands if b.required and not any(name in scene.assets for name in b.assets)]
    if lacking:
        raise _Unfit(f"lacks {', '.join(lacking)}; fetch it again, or finish its unpacking")
    if empty := [path.name for path in scene.assets.values() if not path.stat().st_size]:
        raise _Unfit(f"{', '.join(empty)} is empty; fetch it again")


def _outline(path: Path) -> shapely.Geometry:
    """Extent of a raster in EPSG:4326."""
    with foreign_raster(path) as dataset:
        if dataset.crs is None:
            raise _Unfit(f"{path.name} has no CRS; fetch it again")
        bounds, widest = dataset.bounds, _WIDEST_DEG if dataset.crs.is_geographic else _WIDEST_M
        span = max(abs(bounds.right - bounds.left), abs(bounds.top - bounds.bottom))
        if not (all(map(math.isfinite, bounds)) and 0 < span <= widest):
            raise _Unfit(f"{path.name} does not lie where a scene may ({', '.join(f'{b:g}' for b in bounds)}); fetch it again")
        return shapely.geometry.shape(transform_geom(dataset.crs, "EPSG:4326", shapely.geometry.mapping(shapely.segmentize(shapely.box(*bounds), span / 20))))


def _metadata(path: Path) -> bytes:
    """Bytes of a metadata file.

    Raises
    ------
    _Unfit : it is missing or too large.
    """
    if not path.is_file():
        raise _Unfit(f"lacks {path.name}; fetch it again, or finish its unpacking")
    if path.stat().st_size > _MOST_METADATA_BYTES:
        raise _Unfit(f"{path.name} is larger than {_MOST_METADATA_BYTES // 2**20} MiB; fetch it again")
    return path.read_bytes()


def _xml(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(_metadata(path))


def _said(root: ElementTree.Element, name: str) -> str:
    """Text of the first element with a name, in any namespace; empty where there is none."""
    return next((clean_text(e.text, 2**20).strip() for e in root.iter() if e.tag.rpartition("}")[2] == name), "")


def _number(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _of_safe(scene: _Scene) -> dict[str, Any]:
    """Properties of a SAFE folder, from its metadata and those of its granule."""
    assert scene.metadata is not None, "a SAFE folder is known by its metadata"
    about = _xml(scene.metadata)
    name = (_said(about, "PRODUCT_URI") or f"{scene.name}.SAFE").removesuffix(".SAFE")
    cell = re.search(r"_T(\d{2}[A-Z]{3})_", f"{name}_")
    granule = next(iter(sorted(scene.metadata.parent.glob("GRANULE/[!.]*/MTD_TL.xml"))), None)
    sun = next((e for e in _xml(granule).iter() if e.tag.rpartition("}")[2] == "Mean_Sun_Angle"), None) if granule else None
    zenith, azimuth = (_number(_said(sun, n)) if sun is not None else None for n in ("ZENITH_ANGLE", "AZIMUTH_ANGLE"))
    corners = [float(n) for n in _said(about, "EXT_POS_LIST").split()]
    points = list(zip(corners[1::2], corners[::2], strict=False))
    return {
        "datetime": _said(about, "DATATAKE_SENSING_START") or _said(about, "PRODUCT_START_TIME"),
        "platform": f"sentinel-{name[1:3].lower()}",
        "constellation": "sentinel-2",
        "eo:cloud_cover": _number(_said(about, "Cloud_Coverage_Assessment")),
        "grid:code": f"MGRS-{cell[1]}" if cell else "",
        "s2:product_uri": f"{name}.SAFE",
        "s2:processing_baseline": _said(about, "PROCESSING_BASELINE"),
        "s2:generation_time": _said(about, "GENERATION_TIME"),
        "s2:nodata_pixel_percentage": _number(_said(about, "NODATA_PIXEL_PERCENTAGE")),
        "view:sun_elevation": None if zenith is None else 90 - zenith,
        "view:sun_azimuth": azimuth,
        "outline": shapely.Polygon(points) if len(points) >= 4 else None,
    }


def _of_landsat(scene: _Scene) -> dict[str, Any]:
    """Properties of a Landsat scene, from its MTL.txt."""
    if scene.metadata is None:
        raise _Unfit("lacks MTL.txt; fetch it again, or finish its unpacking")
    lines = (line.partition("=") for line in _metadata(scene.metadata).decode("utf-8", errors="replace").split("\n"))
    said = {name.strip(): clean_text(value.strip().strip('"')) for name, equals, value in lines if equals}
    day, at = said.get("DATE_ACQUIRED", ""), said.get("SCENE_CENTER_TIME", "")
    if not (day and at):
        raise _Unfit(f"{scene.metadata.name} says no DATE_ACQUIRED and SCENE_CENTER_TIME; fetch it again")
    return {
        "datetime": f"{day}T{at.rstrip('Z')[:15]}Z",
        "platform": f"landsat-{int(scene.name[2:4])}",
        "eo:cloud_cover": _number(said.get("CLOUD_COVER")),
        "landsat:wrs_path": f"{int(scene.name[10:13]):03d}",
        "landsat:wrs_row": f"{int(scene.name[13:16]):03d}",
        "landsat:collection_number": scene.name[-5:-3],
        "landsat:collection_category": scene.name[-2:],
        "landsat:product_generated": said.get("DATE_PRODUCT_GENERATED", ""),
        "landsat:correction": scene.name[5:9],
        "view:sun_elevation": _number(said.get("SUN_ELEVATION")),
        "view:sun_azimuth": _number(said.get("SUN_AZIMUTH")),
    }


def _of_hls(scene: _Scene) -> dict[str, Any]:
    """Properties of an HLS scene, from its name and the tags of its red band."""
    said, (_, kind, cell, when, *_) = _tags(scene.assets["B04"]), scene.name.split(".")
    satellite = re.search(r"S2[A-D]|L[CTEO]0\d", said.get("PRODUCT_URI", "") + said.get("LANDSAT_PRODUCT_ID", ""))
    craft = satellite[0] if satellite else ""
    zenith = _number(said.get("MEAN_SUN_ZENITH_ANGLE"))
    unsaid = "sentinel-2" if kind.upper() == "S30" else "landsat-8"
    platform = f"sentinel-{craft[1:].lower()}" if craft.startswith("S2") else f"landsat-{int(craft[2:])}" if craft else unsaid
    return {
        "datetime": datetime.strptime(when, "%Y%jT%H%M%S").replace(tzinfo=UTC).isoformat(),
        "platform": platform,
        "grid:code": f"MGRS-{cell[1:]}",
        "eo:cloud_cover": _number(said.get("cloud_coverage")),
        "s2:product_uri": said.get("PRODUCT_URI", ""),
        "s2:processing_baseline": said.get("PROCESSING_BASELINE", ""),
        "processing:datetime": said.get("HLS_PROCESSING_TIME", ""),
        "view:sun_elevation": None if zenith is None else 90 - zenith,
        "view:sun_azimuth": _number(said.get("MEAN_SUN_AZIMUTH_ANGLE")),
    }


def _tags(path: Path) -> dict[str, str]:
    """Tags of a raster."""
    with foreign_raster(path) as dataset:
        return {name: clean_text(value) for name, value in dataset.tags().items()}


def _write(items: list[dict[str, Any]], out: Path) -> None:
    """Write items by collection, and then the catalog that links them, so that an existing catalog is complete."""
    by_collection: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        by_collection.setdefault(item["collection"], []).append(item)
    with atomic_folder(out / ITEMS) as beside:
        for name, mine in by_collection.items():
            (beside / name).mkdir(parents=True)
            for item in mine:
                (beside / name / f"{item['id']}.json").write_text(json.dumps(item, indent=1), "utf-8")
            (beside / name / "collection.json").write_text(json.dumps(_collection(name, mine), indent=1), "utf-8")
    links = [{"rel": "child", "href": f"./{ITEMS}/{name}/collection.json"} for name in sorted(by_collection)]
    with atomic_path(out / "catalog.json") as part:
        part.write_text(
            json.dumps({"type": "Catalog", "stac_version": "1.0.0", "id": CATALOG_ID, "description": "Scenes of this folder", "links": links}, indent=1),
            "utf-8",
        )


def _collection(name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    times, bounds = sorted(i["properties"]["datetime"] for i in items), shapely.union_all([shapely.box(*i["bbox"]) for i in items]).bounds
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": name,
        "description": name,
        "license": "other",
        "extent": {"spatial": {"bbox": [list(bounds)]}, "temporal": {"interval": [[times[0], times[-1]]]}},
        "links": [{"rel": "root", "href": "../../catalog.json"}, *({"rel": "item", "href": f"./{i['id']}.json"} for i in items)],
    }
