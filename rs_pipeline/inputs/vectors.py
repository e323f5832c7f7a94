"""The loader of all vector files that users hand in. It finds layer, text encoding and CRS, or asks for them, repairs shapes, and converts to EPSG:4326.

Each correction is logged; what cannot be corrected is a ConfigError. Both name the file and the row or code.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely

from rs_pipeline.config import SHIFTED, InputSection, Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.cells import code_text
from rs_pipeline.inputs.contents import MOST_FEATURE_CELLS, VECTOR_FORMATS, Unfit, see_cells
from rs_pipeline.inputs.coordinates import UNSHIFT, is_degrees, is_swapped, looks_like, zone_number
from rs_pipeline.inputs.encoding import encoding_of, text_of
from rs_pipeline.inputs.formats import READ, Handed, handed_in
from rs_pipeline.paths import did_you_mean, path_hint

log = logging.getLogger(__name__)

Kind = Literal["polygon", "line or polygon"]
DIMENSIONS: dict[str, tuple[int, ...]] = {"polygon": (2,), "line or polygon": (1, 2)}
NAMED = 5
"""Number of shapes that a message names."""
GAUSS_KRUEGER_WIDTHS = {3: 0, 6: -3}
"""Width of a zone, degrees, to the offset of its central meridian: meridian = width x number + offset."""


EXPECTED: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "coastline.reference": ("line or polygon", ()), "tables.restored_coast": ("line or polygon", ()), "tables.grassland": ("polygon", ("type",)),
    "tables.lakes": ("polygon", ("name",)), "tables.waters": ("polygon", ("name", "kind")), "tables.places": ("polygon", ("kind", "name")), "tables.townships": ("polygon", ("name",)), "water.known_bodies": ("polygon", ("body_id",)),
    "tables.known_findings": ("line or polygon", ("finding_id", "kind", "state", "first_seen", "last_seen")),
}  # fmt: skip
"""Configuration key to the kind of shapes and the columns that its file must have; keys that are not listed need polygons and no columns."""
NEIGHBOURS = "neighbours"
"""Layer of a file of units with the areas around them (column ``name``), for the map of the report; never read as the units."""
MAY_BE_EMPTY = ("water.known_bodies", "tables.known_findings")
"""Keys of files that an earlier run wrote: it may have found nothing."""


def load_vector(settings: Settings, key: str) -> gpd.GeoDataFrame:
    """The side file that a configuration key names, see `read_vector`."""
    kind, columns = EXPECTED.get(key, ("polygon", ()))
    path = settings.path_of(key)
    assert path is not None, f"{key} names no file"
    return read_vector(path, key=key, stated=settings.stated(key), kind=kind, columns=columns, may_be_empty=key in MAY_BE_EMPTY)


def read_vector(
    path: Path, *, key: str, stated: InputSection, kind: Kind = "polygon", columns: Collection[str] = (), label: str = "", may_be_empty: bool = False
) -> gpd.GeoDataFrame:
    """Shapes of a file in EPSG:4326, valid, two-dimensional and only of ``kind``; features without a shape are dropped, with a warning.

    Parameters
    ----------
    columns : columns that the file must have. label : column that names features in messages; with it, a feature without a shape is an error.

    Raises
    ------
    ConfigError : the file is missing, unreadable or empty, lacks columns, has several layers that fit, has no CRS or coordinates that its CRS
        cannot have, or has shapes of another kind.
    """
    where = f"{key}: {path}"
    if not Path(path).exists():
        remedy = f"give the path of an existing file{path_hint(Path(path))}; `rs-pipeline check` says how to obtain it"
        raise ConfigError(f"file not found: {path}", where=key, remedy=remedy)
    with handed_in(Path(path), where, stated) as handed:
        frame = _read(handed, _layer(handed, where, stated, kind, columns, key), where, stated, key)
    if missing := [c for c in columns if c not in frame]:
        have = sorted(set(frame.columns) - {"geometry"})
        raise ConfigError(f"columns not found: {missing}", where=where, remedy=f"the file has {have or 'none'}{did_you_mean(missing[0], have)}")
    if not isinstance(frame.get("geometry"), gpd.GeoSeries):
        raise ConfigError("a table without shapes", where=where, remedy="hand in the shapes: GeoPackage, GeoJSON or a shapefile with all its files")
    if frame.empty and may_be_empty:
        return frame.set_crs(4326, allow_override=True)
    if frame.empty:
        raise ConfigError("the file has no features", where=where, remedy="check the export")
    names = frame[label].map(code_text) if label in frame else pd.Series([f"row {i + 1}" for i in range(len(frame))], frame.index)
    frame = _with_shapes(frame, names, where, must=bool(label))
    frame = frame.set_geometry(_repaired(frame.geometry, names[frame.index], where, kind))
    frame = _with_shapes(frame, names[frame.index], where, must=bool(label))
    return _in_degrees(frame, where, stated, key).reset_index(drop=True)


def _layer(handed: Handed, where: str, stated: InputSection, kind: Kind, columns: Collection[str], key: str) -> str | None:
    """Name of the layer to read; None for a file with one layer."""
    try:
        every = _layers_of(handed)
    except Exception as fault:  # GDAL's drivers raise errors of many types
        raise _unreadable(fault, where) from None
    layers = [(name, shape) for name, shape in every if name != NEIGHBOURS or stated.layer == NEIGHBOURS]
    names = [name for name, _ in layers]
    if stated.layer and stated.layer not in names:
        raise ConfigError(f"there is no layer {stated.layer!r}", where=where, remedy=f"choose one of {', '.join(names)} in inputs.{key}.layer")
    if stated.layer or len(every) < 2:
        return stated.layer
    if len(layers) == 1:
        return names[0]
    wanted = ("polygon", "surface", "unknown", "collection") if kind == "polygon" else ("polygon", "surface", "unknown", "collection", "line", "curve")
    fitting = [n for n, shape in layers if any(w in shape.lower() for w in wanted) and set(columns) <= set(_info(handed, n)["fields"])]
    if len(fitting) != 1:
        what = f"{len(fitting)} of its layers fit" if fitting else "none of its layers fits"
        raise ConfigError(f"{what}: {', '.join(fitting or names)}", where=where, remedy=f"name the layer in inputs.{key}.layer")
    log.warning("%s: layer %s is taken, of %s", where, fitting[0], ", ".join(names))
    return fitting[0]


def _layers_of(handed: Handed) -> list[tuple[str, str]]:
    """Name and kind of geometry of every layer that has shapes."""
    return [(name, shape) for name, shape in handed.layers or pyogrio.list_layers(handed.source) if shape is not None]


def has_neighbours(path: Path, *, key: str, stated: InputSection) -> bool:
    """Whether a file that `read_vector` takes has the layer NEIGHBOURS."""
    with handed_in(Path(path), f"{key}: {path}", stated) as handed:
        return any(name == NEIGHBOURS for name, _ in _layers_of(handed))


def _unreadable(fault: Exception, where: str) -> ConfigError:
    missing = "hand in all files of the shapefile (.shp, .shx, .dbf, .prj)" if ".shx" in str(fault) or ".dbf" in str(fault) else f"use {VECTOR_FORMATS}"
    told = str(fault).partition("; It might help")[0].rstrip(".")
    return ConfigError(f"cannot be read as a vector file: {told}", where=where, remedy=missing)


def _info(handed: Handed, layer: str | None) -> dict:
    return pyogrio.read_info(handed.source, layer=layer, force_feature_count=True, **handed.options())


def _read(handed: Handed, layer: str | None, where: str, stated: InputSection, key: str) -> gpd.GeoDataFrame:
    bare = handed.format == "shapefile"
    if handed.encoding:
        log.warning("%s: read as %s", where, handed.encoding.upper())
    try:
        info = _info(handed, layer)
        if info["driver"] not in READ[handed.format]:
            raise Unfit(f"cannot be read as a vector file: a {handed.format} by its content, {info['driver']} for GDAL", "export it anew")
        see_cells(info["features"], len(info["fields"]), handed.size)
        if handed.format == "geodatabase":
            return _in_pieces(handed, layer, info["features"])
        encoding = "ISO-8859-1" if bare else None
        frame = gpd.GeoDataFrame(pyogrio.read_dataframe(handed.source, layer=layer, encoding=encoding, on_invalid="fix", **handed.options()))
    except Unfit:
        raise
    except Exception as fault:  # GDAL's drivers raise errors of many types
        raise _unreadable(fault, where) from None
    return _with_texts(frame, handed.codepage(layer), where, stated, key) if bare else frame


def _in_pieces(handed: Handed, layer: str | None, features: int) -> gpd.GeoDataFrame:
    """A layer of a geodatabase, read in pieces that each double the rows read: its index may point to one row many times, and reading must stop early.

    Raises
    ------
    Unfit : it has more vertices than the files have bytes.
    """
    pieces: list[gpd.GeoDataFrame] = []
    corners = 0
    while not pieces or (len(pieces[-1]) and sum(map(len, pieces)) < features):
        done = sum(map(len, pieces))
        pieces.append(pyogrio.read_dataframe(handed.source, layer=layer, on_invalid="fix", skip_features=done, max_features=max(1, done)))
        corners += shapely.get_num_coordinates(pieces[-1].geometry.to_numpy()).sum() if "geometry" in pieces[-1] else 0
        if corners > max(MOST_FEATURE_CELLS, handed.size):
            raise Unfit(f"more than {corners} corners in {handed.size} bytes", "export the layer anew")
    return gpd.GeoDataFrame(pd.concat(pieces, ignore_index=True), crs=getattr(pieces[0], "crs", None))


def _with_texts(frame: gpd.GeoDataFrame, label: Path | None, where: str, stated: InputSection, key: str) -> gpd.GeoDataFrame:
    """The frame, whose texts and column names were read as ISO-8859-1, decoded with the encoding that fits them."""
    texts = [
        c
        for c in frame.columns
        if c != frame.geometry.name and not pd.api.types.is_numeric_dtype(frame[c]) and not pd.api.types.is_datetime64_any_dtype(frame[c])
    ]
    raw = {c: [v.encode("latin-1") if isinstance(v, str) else v for v in frame[c]] for c in texts}
    names = {c: c.encode("latin-1") for c in frame.columns}
    declared = InputSection.model_validate({"encoding": _codepage(label.read_text("ascii", "replace"))}).encoding if label else None
    everything = [*names.values(), *(v for values in raw.values() for v in values if isinstance(v, bytes))]
    encoding = stated.encoding or encoding_of(everything, declared)
    try:
        if encoding is None:
            raise UnicodeDecodeError("", b"", 0, 0, "")
        for column, values in raw.items():
            frame[column] = pd.Series([text_of(v, encoding) if isinstance(v, bytes) else v for v in values], frame.index, dtype="object")
        frame = frame.rename(columns={c: text_of(v, encoding) for c, v in names.items()})
    except UnicodeDecodeError:
        told = f"are not {stated.encoding}" if stated.encoding else "are neither UTF-8 nor GB18030"
        raise ConfigError(f"its texts {told}", where=where, remedy=f"state their encoding in inputs.{key}.encoding") from None
    if not stated.encoding and encoding not in ("utf-8", declared):
        log.warning("%s: texts read as %s%s", where, encoding.upper(), f", though its .cpg says {declared}" if declared else "")
    return frame


def _codepage(text: str) -> str | None:
    """The encoding that a .cpg file names (``UTF-8``, ``936``, ``ANSI 1252``), as Python calls it; None where Python does not know it."""
    name = text.strip().upper().removeprefix("ANSI").strip()
    name = {"65001": "UTF-8", "936": "GBK", "54936": "GB18030", "OEM": "", "SYSTEM": ""}.get(name, f"CP{name}" if name.isdigit() else name)
    try:
        return InputSection(encoding=name or None).encoding
    except ValueError:
        return None


def _with_shapes(frame: gpd.GeoDataFrame, names: pd.Series, where: str, *, must: bool) -> gpd.GeoDataFrame:
    without = frame.geometry.isna() | frame.geometry.is_empty
    if (must and without.any()) or without.all():
        raise ConfigError(f"without a shape: {_some(names[without])}", where=where, remedy="give each its polygon, or remove the rows")
    if without.any():
        log.warning("%s: left out, as they have no shape: %s", where, _some(names[without]))
    return frame[~without]


def _some(names: Collection[str]) -> str:
    names = list(names)
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _repaired(geometry: gpd.GeoSeries, names: pd.Series, where: str, kind: Kind) -> gpd.GeoSeries:
    """Valid, two-dimensional shapes of the kind. Repair by GEOS makeValid, method "structure": both lobes of a bow-tie are kept, a spike is removed, and a
    ring that touches itself from inside becomes a hole."""
    shapes = shapely.force_2d(geometry.to_numpy())
    finite = np.array([np.isfinite(shapely.get_coordinates(g)).all() for g in shapes])
    if not finite.all():
        raise ConfigError(f"coordinates that are no numbers: {_some(names[~finite])}", where=where, remedy="mend the shapes, or remove the rows")
    wrong = ~shapely.is_valid(shapes)
    if wrong.any():
        faults = [f"{name} ({shapely.is_valid_reason(g).partition('[')[0].strip()})" for name, g in zip(names[wrong], shapes[wrong], strict=True)]
        log.warning("%s: repaired %s", where, _some(faults))
        shapes[wrong] = shapely.make_valid(shapes[wrong], method="structure", keep_collapsed=False)
        if (still := ~shapely.is_valid(shapes)).any():
            raise ConfigError(f"cannot be repaired: {_some(names[still])}", where=where, remedy="mend the shapes, e.g. with QGIS, Fix geometries")
    dimensions = DIMENSIONS[kind]
    mixed = np.array([g.geom_type == "GeometryCollection" for g in shapes])
    shapes[mixed] = [_of_dimension(g, dimensions) for g in shapes[mixed]]
    other = ~np.isin(shapely.get_dimensions(shapes), dimensions) & ~shapely.is_empty(shapes)
    if other.any():
        kinds = ", ".join(sorted({g.geom_type for g in shapes[other]}))
        raise ConfigError(
            f"{kinds} where a {kind} is needed: {_some(names[other])}",
            where=where,
            remedy=f"hand in {kind.replace(' or ', 's or ')}s; close lines that are outlines into polygons",
        )
    return gpd.GeoSeries(shapes, geometry.index, crs=geometry.crs)


def _of_dimension(collection: shapely.GeometryCollection, dimensions: Collection[int]) -> shapely.Geometry:
    parts = shapely.get_parts(shapely.get_parts(collection))
    highest = [g for g in parts if shapely.get_dimensions(g) == max(dimensions)] or [g for g in parts if shapely.get_dimensions(g) in dimensions]
    return shapely.union_all(highest)


def _in_degrees(frame: gpd.GeoDataFrame, where: str, stated: InputSection, key: str) -> gpd.GeoDataFrame:
    """The frame in EPSG:4326; plain errors of its coordinates (exchanged axes, zone numbers) are corrected and logged."""
    bounds = frame.total_bounds
    shifted = stated.crs if stated.crs in SHIFTED else None
    crs = pyproj.CRS(4326) if shifted else pyproj.CRS(stated.crs) if stated.crs else frame.crs
    words, guess = looks_like(bounds)
    if crs is None:
        raise ConfigError(
            f"the file has no CRS; {words}",
            where=where,
            remedy=f"state it in inputs.{key}.crs: {guess}; or assign it, e.g. `ogr2ogr -a_srs EPSG:4490 out.gpkg in.shp`",
        )
    crs = pyproj.CRS(crs)
    shapes = frame.geometry.to_numpy()
    if is_swapped(bounds) and (crs.is_geographic == is_degrees(bounds[[1, 0, 3, 2]])):
        log.warning("%s: latitude or northing comes first; the axes are put right", where)
        shapes = shapely.transform(shapes, lambda c: c[:, ::-1])
        bounds = bounds[[1, 0, 3, 2]]
    if crs.is_geographic and not is_degrees(bounds):
        raise ConfigError(f"its CRS {crs.name} is in degrees, but {words}", where=where, remedy=f"state the right one in inputs.{key}.crs: {guess}")
    if (east := _easting_shift(crs, bounds, where, key)) != 0:
        shapes = shapely.transform(shapes, lambda c: np.add(c, [east, 0]))
    if shifted:
        shapes = shapely.transform(shapes, UNSHIFT[shifted])
    if any(old in crs.name for old in ("Beijing", "Xian")):
        log.warning("%s: %s is converted without local parameters: places may be some ten metres off", where, crs.name)
    moved = frame.set_geometry(gpd.GeoSeries(shapes, frame.index), crs=None).set_crs(crs, allow_override=True).to_crs(4326)
    if not (np.isfinite(moved.total_bounds).all() and is_degrees(moved.total_bounds)):
        raise ConfigError(f"its coordinates do not lie in its CRS {crs.name}; {words}", where=where, remedy=f"state the right one in inputs.{key}.crs: {guess}")
    if not np.array_equal(moved.is_valid, np.ones(len(moved), bool)):
        moved = moved.set_geometry(
            gpd.GeoSeries(shapely.make_valid(moved.geometry.to_numpy(), method="structure", keep_collapsed=False), moved.index, crs=4326)
        )
    return moved


def _easting_shift(crs: pyproj.CRS, bounds: np.ndarray, where: str, key: str) -> float:
    """Shift of the eastings to the false easting of the CRS, m: where they have a Gauss-Krueger zone number in front that the CRS lacks, or the reverse.

    Raises
    ------
    ConfigError : the number in front is that of another zone.
    """
    operation = crs.coordinate_operation if crs.is_projected else None
    if operation is None or "Transverse Mercator" not in operation.method_name:
        return 0.0
    values = {p.name: float(p.value) for p in operation.params if p.name in ("False easting", "Longitude of natural origin")}
    false_m, meridian = values.get("False easting"), values.get("Longitude of natural origin")
    if false_m is None or meridian is None:
        return 0.0
    number, declared = zone_number(bounds[0], bounds[2]), int(false_m // 1e6)
    if number and number != declared:
        meridians = [width * number + add for width, add in GAUSS_KRUEGER_WIDTHS.items()]
        if declared or not any(abs(m - meridian) < 1e-6 for m in meridians):
            words, guess = looks_like(bounds)
            raise ConfigError(f"its CRS is {crs.name}, but {words}", where=where, remedy=f"state the right one in inputs.{key}.crs: {guess}")
        log.warning("%s: eastings begin with the zone number %d, which %s does not have; it is taken off", where, number, crs.name)
        return -number * 1e6
    if declared and 1e5 <= bounds[0] and bounds[2] < 1e6:
        log.warning("%s: eastings lack the zone number %d of %s; it is added", where, declared, crs.name)
        return declared * 1e6
    return 0.0
