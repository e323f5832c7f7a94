"""Checks foreign vector files before GDAL opens them: the format is found from the content, and GDAL keeps only the drivers of these formats.

With all its drivers GDAL opens a file, whatever its name, if any of them accepts it: also lists of other files, queries and URLs of servers.
"""

from __future__ import annotations

import glob
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyogrio
import pyogrio.core

from rs_pipeline.config import InputSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.contents import VECTOR_FORMATS, Unfit, check_geojson, check_geopackage, check_kml, check_shapefile
from rs_pipeline.inputs.encoding import decoded
from rs_pipeline.inputs.packed import too_large
from rs_pipeline.inputs.parts import SHAPEFILE_PARTS
from rs_pipeline.storage.special import special_kind
from rs_pipeline.strict import OF_ADDRESSES

READ = {
    "GeoPackage": ("GPKG",), "shapefile": ("ESRI Shapefile",), "GeoJSON": ("GeoJSON",), "KML": ("LIBKML", "KML"), "geodatabase": ("OpenFileGDB",), "CSV": ("CSV",),
}  # fmt: skip
"""Formats of vector files that are read, and GDAL's drivers for each."""
OF_OTHERS = ("GPX", "MEM", "JP2OpenJPEG", "JP2ECW", "JP2KAK", "JP2MrSID", "netCDF", "HDF4", "HDF5")
"""Drivers kept for files that the pipeline writes, and for rasters: rasterio may use the same GDAL library as pyogrio."""
KEPT = frozenset(OF_OTHERS).union(*READ.values())

MOST_UNPACKED_BYTES = 4 * 2**30
"""Largest unpacked size of a zip file; parts of a shapefile cannot be larger."""
SHAPEFILE = b"\0\0\x27\x0a"
"""First bytes of a .shp file."""


@dataclass(frozen=True)
class Handed:
    """A vector file that GDAL may open."""

    source: Path | bytes
    """What GDAL opens: the file, the folder that it was unpacked to, or its text in UTF-8."""
    format: str
    """A key of READ."""
    size: int
    """Size of the file and those that belong to it, unpacked, bytes."""
    encoding: str = ""
    """Original encoding of a text that was converted to UTF-8; empty otherwise."""
    layers: tuple[tuple[str, str], ...] = ()
    """(name, geometry type) of the layers, where they are known without GDAL."""

    def options(self) -> dict[str, str]:
        """Open options of GDAL: of a GeoPackage only registered layers are listed."""
        return {"LIST_ALL_TABLES": "NO"} if self.format == "GeoPackage" else {}

    def codepage(self, layer: str | None) -> Path | None:
        """The .cpg file of a shapefile, or of a layer of several."""
        if not isinstance(self.source, Path):
            return None
        found = [self.source.with_suffix(".cpg")] if self.source.is_file() else sorted(self.source.glob("*.[cC][pP][gG]"))
        return next((p for p in found if p.is_file() and (layer is None or p.stem == layer)), None)


@contextmanager
def handed_in(path: Path, where: str, stated: InputSection) -> Iterator[Handed]:
    """A vector file that was checked, ready to be opened inside the context.

    Raises
    ------
    ConfigError : it is in no format that is read, expands to far more than its size, refers to other files or servers, or is no file.
    """
    keep_drivers()
    try:
        with tempfile.TemporaryDirectory(prefix="rs-pipeline-") as folder:
            try:
                _see_files(path)
                handed = _handed(path, Path(folder), where, stated)
            except OSError as fault:
                raise Unfit(f"cannot be read as a vector file: {fault.strerror or fault}", "give yourself the right to read it and its folder") from None
            yield handed
    except Unfit as fault:
        raise ConfigError(fault.what, where=where, remedy=fault.remedy) from None


def keep_drivers() -> None:
    """Remove all GDAL drivers except KEPT from this process, also those already loaded. They are not restored: to do so while another thread reads would
    crash the process.

    Raises
    ------
    ConfigError : some drivers remain.
    """
    if not set(pyogrio.list_drivers()) - KEPT:
        return
    skipped = set(filter(None, (pyogrio.get_gdal_config_option("OGR_SKIP") or "").split(",")))
    pyogrio.set_gdal_config_options({"OGR_SKIP": ",".join(sorted((skipped | set(pyogrio.list_drivers())) - KEPT))})
    pyogrio.core._register_drivers()  # OGR_SKIP takes effect when drivers are registered, which pyogrio does only once, at its import
    if left := set(pyogrio.list_drivers()) - KEPT:
        raise ConfigError(
            f"GDAL keeps drivers that lead elsewhere: {', '.join(sorted(left))}", where="pyogrio", remedy="install the versions of constraints.txt"
        )


def _see_files(path: Path) -> None:
    """Check that the file, and the files beside it with the same stem, which readers open too, are regular files.

    Raises
    ------
    Unfit : one is a pipe or a device; the file is empty, or readers would take its path for another one.
    """
    if found := next((c for c in OF_ADDRESSES if c in str(path)), ""):
        raise Unfit(f"its path has {found!r}, at which readers of vector files split a path: rename it", "hand in a file, or the folder of a geodatabase")
    if str(path.absolute()).startswith("/vsi"):
        raise Unfit("its path begins with /vsi, which GDAL reads as an address", "hand in a file of another folder")
    with_it = sorted(path.iterdir() if path.is_dir() else (p for p in path.parent.iterdir() if p.name.lower().startswith(f"{path.stem}.".lower())))
    for file in (path, *with_it):
        if kind := special_kind(file):
            raise Unfit(f"{kind}, not a file" if file == path else f"{file.name} is {kind}, not a file", "hand in a file, or the folder of a geodatabase")
    if path.is_file() and path.stat().st_size == 0:
        raise Unfit("the file is empty, 0 bytes: the copy or the export may have failed", "hand in a file, or the folder of a geodatabase")


def _handed(path: Path, folder: Path, where: str, stated: InputSection) -> Handed:
    """The file with its format, found from its content; a zip file is unpacked into ``folder`` first."""
    if path.is_dir():
        if not (path / "a00000001.gdbtable").is_file():
            raise Unfit("a folder, not a file", _files_in(path))
        return Handed(path.absolute(), "geodatabase", _bytes_of(path.iterdir()))
    head = _head_of(path)
    if head.startswith(b"PK"):
        return _of_zip(path, folder)
    if path.suffix.lower() in (".zip", ".kmz", ".shz"):
        raise Unfit("cannot be read as a vector file: not a zip file", "pack it anew, or hand in the file unpacked")
    size, text = path.stat().st_size, _first_sign(head)
    if head.startswith(b"SQLite format 3\0"):
        return Handed(path.absolute(), "GeoPackage", size, layers=tuple(check_geopackage(path)))
    if head.startswith(SHAPEFILE):
        check_shapefile(path)
        return Handed(path.absolute(), "shapefile", _bytes_of(path.parent.glob(f"{glob.escape(path.stem)}.*")))
    if text == "{":
        return _of_geojson(path, where, stated)
    if text == "<":
        check_kml(path.read_bytes())
        return Handed(path.absolute(), "KML", size)
    if path.suffix.lower() == ".csv":
        return Handed(path.absolute(), "CSV", size)
    raise Unfit("cannot be read as a vector file: its content is of no format that is read", f"use {VECTOR_FORMATS}")


def _head_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(4096)


def _first_sign(head: bytes) -> str:
    """The first character of a text that is not a blank, in any encoding of Unicode or one compatible with ASCII."""
    return re.sub(rb"^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)|[\0\s]", b"", head)[:1].decode("latin-1")


def _bytes_of(files: Iterator[Path]) -> int:
    return sum(p.stat().st_size for p in files if p.is_file())


def _files_in(folder: Path) -> str:
    """The remedy where a folder is named instead of a file: it lists the vector files in the folder."""
    files = [p.name for p in sorted(folder.iterdir()) if p.suffix.lower() in (".gpkg", ".geojson", ".json", ".shp", ".zip", ".kml", ".gdb")]
    return f"give the path of a file in it: {', '.join(files[:5])}" if files else "give the path of a file; this folder has no vector file"


def _of_geojson(path: Path, where: str, stated: InputSection) -> Handed:
    text, found = decoded(path.read_bytes(), stated.encoding, fault=ConfigError, where=where)
    size = path.stat().st_size
    check_geojson(text, size)
    plain = found.startswith("utf-8")
    return Handed(path.absolute() if plain else text.encode(), "GeoJSON", size, "" if plain else found)


def _of_zip(path: Path, folder: Path) -> Handed:
    """The shapefiles of a zip file, or its first KML file where it has none."""
    try:
        with zipfile.ZipFile(path) as packed:
            if told := too_large(packed, path.stat().st_size, MOST_UNPACKED_BYTES):
                raise Unfit(told, "hand in the file unpacked")
            members = [m for m in packed.infolist() if not m.is_dir() and not Path(m.filename).name.startswith(".")]
            shapes = [m for m in members if m.filename.lower().endswith(SHAPEFILE_PARTS)]
            if any(m.filename.lower().endswith(".shp") for m in shapes):
                return _of_shapefiles([_unpacked(packed, m, folder) for m in shapes], folder)
            if document := next((m for m in members if m.filename.lower().endswith(".kml")), None):
                file = _unpacked(packed, document, folder)
                check_kml(file.read_bytes())
                return Handed(file, "KML", document.file_size)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as fault:
        raise Unfit(f"cannot be read as a vector file: the zip file cannot be unpacked: {fault}", "pack it anew, without a password") from None
    raise Unfit("cannot be read as a vector file: a zip file without a shapefile (.shp) or KML in it", "unpack it, and hand in the vector file")


def _unpacked(packed: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Path:
    """Unpack a member into the folder, without the folders of its path in the zip file."""
    target = folder / Path(member.filename.replace("\\", "/")).name
    if target.exists():
        raise Unfit(f"cannot be read as a vector file: its zip file has {target.name} twice", "hand in a zip file for each shapefile")
    with packed.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)  # zipfile never gives more bytes than the declared size
    return target


def _of_shapefiles(files: list[Path], folder: Path) -> Handed:
    for file in files:
        if file.suffix.lower() == ".shp":
            if _head_of(file)[:4] != SHAPEFILE:
                raise Unfit(f"cannot be read as a vector file: {file.name} is no shapefile", "pack it anew from the original files")
            if not any(other.suffix.lower() == ".shx" and other.stem == file.stem for other in files):
                raise Unfit(
                    f"cannot be read as a vector file: {file.stem}.shx is missing in the zip file", "pack all files of the shapefile (.shp, .shx, .dbf, .prj)"
                )
            check_shapefile(file)
    return Handed(folder, "shapefile", _bytes_of(iter(files)))
