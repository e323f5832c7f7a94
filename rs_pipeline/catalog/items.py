"""Converts a STAC item to a Scene: names are normalised, hrefs checked, and faults stated in words.

Items come from outside and may contain anything. `read_item` never raises for a bad item: it becomes a scene with status
``skipped`` (understood, but not wanted) or ``failed`` (not understood) and a reason.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import shapely
from shapely.geometry import shape

from rs_pipeline.catalog.address import may_be_internal
from rs_pipeline.catalog.confine import allowed_folders, lies_in
from rs_pipeline.config import SourceSection, Window, holds_day
from rs_pipeline.model import SIDE_BANDS, THERMAL_BANDS, Band, Scene, Sensor, solar_day
from rs_pipeline.radiometry import scaling
from rs_pipeline.radiometry.offsets import OffsetFacts, by_metadata
from rs_pipeline.radiometry.thermal import scaled_as_known
from rs_pipeline.redaction import unsigned
from rs_pipeline.remote.address import standing
from rs_pipeline.remote.connection import proxy_of
from rs_pipeline.sensors import sensor_names
from rs_pipeline.wording import clean_text

NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""Date of failed scenes whose date cannot be read."""

_KEY_LENGTH = 100
_HREF_LENGTH = 8192
_TEXT_LENGTH = 1000
"""Number of characters of a property that are searched for names of products and codes."""
_MOST_CORNERS = 20_000
"""A footprint with more vertices is refused."""
_KEPT_CORNERS = 100
"""A footprint with more vertices is simplified: it is intersected with every tile, and the cost of self-intersecting outlines grows with the square."""
_COARSER_DEG = (1e-4, 4e-4, 1.6e-3)
"""Tolerances of the simplification, tried in order: 11 to 180 m; tiles are widened by half a kilometre when scenes are chosen."""
_LONGEST = timedelta(days=1)
"""Longest interval of an item that is a single acquisition."""
_PRODUCT = re.compile(
    r"S2[A-Z]_MSIL2A_(?P<datatake>\d{8}T\d{6})_(?:N(?P<baseline>\d{4})_)?R(?P<orbit>\d{3})_T(?P<cell>\w{5})(?:_(?P<made>\d{8}T\d{6}))?", re.IGNORECASE
)
"""Name of a Sentinel-2 product (ESA, Sentinel-2 Products Specification Document); its last time distinguishes products of one datatake."""
_DATATAKE = re.compile(r"GS2[A-Z]_(\d{8}T\d{6})_")
_DATASTRIP = re.compile(r"_S(\d{8}T\d{6})(?:_|$)")
"""Sensing start of a datastrip, in its id: where a granule is split, two datastrips meet."""
_SHORT_PLATFORM = re.compile(r"(?:(s1|sentinel-?0?1)|(s2|sentinel-?0?2)|(?:l[ceto]?|landsat)-?0?([4-9]))-?([a-d]?)")


class Refusal(Exception):
    """Why an item is not used."""

    def __init__(self, status: str, reason: str):
        self.status, self.reason = status, reason
        super().__init__(reason)


@dataclass(frozen=True)
class Dropped:
    """An entry of a catalog that is no usable item."""

    name: str
    status: str
    """``failed`` or ``skipped``."""
    reason: str


@dataclass(frozen=True)
class GranulePart:
    """Which part of an acquisition a product shows, from its item; None where the item does not say."""

    strip: datetime | None = None
    """Start of the datastrip."""
    made: datetime | None = None
    """Time in the product's name that distinguishes it from others of its datatake."""
    coverage: float | None = None
    """Share of the granule with data, percent."""


@dataclass(frozen=True)
class Candidate:
    """A scene with further facts that the search needs."""

    scene: Scene
    facts: OffsetFacts = field(default_factory=OffsetFacts)
    acquisition: tuple[str, ...] = ()
    """Identifies the acquisition; two candidates with the same value show the same place at the same time."""
    priority: int = 0
    """Priority of the source; of duplicates the higher is kept."""
    part: GranulePart = field(default_factory=GranulePart)
    updated: str = ""
    """When the item was updated, as the catalog writes it."""
    unread: Scene | None = None
    """Set where the pixels that should decide the offset could not be read: the scene before that attempt."""


def clean_key(item_id: str) -> str:
    """An item id as a file name: letters, digits, ``._-``, no leading dot, at most 100 characters.

    >>> clean_key("../../etc/passwd"), clean_key("=cmd|' /C calc'!A0"), clean_key("S2A_13SCA_20200403_0_L2A")
    ('etc_passwd', 'cmd_C_calc_A0', 'S2A_13SCA_20200403_0_L2A')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "_", item_id).strip("._-")[:_KEY_LENGTH] or "scene"


def platform_name(properties: Mapping[str, Any], item_id: str = "") -> str:
    """Normalised platform: ``Sentinel-2B``, ``SENTINEL 2B``, ``S2B`` are all ``sentinel-2b``, ``LC08`` is ``landsat-8``; without a platform, the
    constellation. Where only the constellation is given (``SENTINEL-2``), the satellite is taken from the name of the product or item if possible.
    """
    name = re.sub(r"[\s_]+", "-", clean_text(properties.get("platform") or properties.get("constellation"), 40).strip().lower())
    known = _SHORT_PLATFORM.fullmatch(name)
    if known:
        name = f"landsat-{known[3]}" if known[3] else f"sentinel-{1 if known[1] else 2}{known[4]}"
    product = re.match(r"S2([A-D])_", str(properties.get("s2:product_uri") or item_id), re.IGNORECASE)
    return f"sentinel-2{product[1].lower()}" if name == "sentinel-2" and product else name


def _product(properties: Mapping[str, Any], item_id: str) -> re.Match | None:
    """Match of the Sentinel-2 product name with its parts; None where the item has none."""
    return _PRODUCT.search(str(properties.get("s2:product_uri", ""))[:_TEXT_LENGTH]) or _PRODUCT.search(item_id)


def cell_name(properties: Mapping[str, Any], item_id: str) -> str:
    """MGRS tile (``50TMK``) or WRS-2 path and row (``123032``); empty where the item does not say."""
    code, *parts = (
        clean_text(properties.get(name), 20)
        for name in ("grid:code", "s2:mgrs_tile", "landsat:wrs_path", "landsat:wrs_row", "mgrs:utm_zone", "mgrs:latitude_band", "mgrs:grid_square")
    )
    tile, path, row, *square = parts
    if code.startswith("MGRS-"):
        return code[5:].upper()
    if tile:
        return tile.upper().removeprefix("T")
    if path and row:
        return f"{path:0>3}{row:0>3}"
    if square[0]:
        return "".join(square).upper()
    named = _product({}, item_id)
    return named["cell"].upper() if named else code


def baseline_name(properties: Mapping[str, Any], item_id: str) -> str:
    """Processing baseline as ``05.09`` (Sentinel-2; also of ``N0509``, ``5.09``, ``509``) or collection and tier as ``02_T1`` (Landsat);
    empty if not said.
    """
    for name in ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version"):
        if properties.get(name):
            text = clean_text(properties[name], 20).strip()
            whole = re.fullmatch(r"N?(\d{1,2})\.(\d{1,2})", text, re.IGNORECASE)
            digits = re.fullmatch(r"N(\d{2})(\d{2})" if name.startswith("processing") else r"N?(\d{1,2})(\d{2})", text, re.IGNORECASE)
            return f"{int(whole[1]):02d}.{whole[2]:0<2}" if whole else f"{int(digits[1]):02d}.{digits[2]}" if digits else text
    product = _product(properties, item_id)
    if product and product["baseline"]:
        return f"{product['baseline'][:2]}.{product['baseline'][2:]}"
    if properties.get("landsat:collection_number"):
        return clean_text(f"{properties['landsat:collection_number']}_{properties.get('landsat:collection_category', '')}", 20)
    return ""


def quality_class(properties: Mapping[str, Any], item_id: str, sensor: Sensor) -> str:
    """Class of geometric quality: from the property that the sensor's table names, else from the end of the id; empty if not stated."""
    if sensor.quality is None:
        return ""
    said = clean_text(properties.get(sensor.quality.property), 20).strip().upper()
    return said or next((c for c in sensor.quality.classes if item_id.upper().endswith(f"_{c}")), "")


def part_of(properties: Mapping[str, Any], item_id: str) -> GranulePart:
    """Which part of its datatake a Sentinel-2 product shows: by its datastrip's id, its own name and the share of pixels without data."""
    strip = _DATASTRIP.search(str(properties.get("s2:datastrip_id") or properties.get("eopf:datastrip_id") or "")[:_TEXT_LENGTH])
    product, empty = _product(properties, item_id), _number(properties.get("s2:nodata_pixel_percentage"), 0, 100)
    made = product["made"] if product else None
    return GranulePart(_compact_time(strip[1]) if strip else None, _compact_time(made) if made else None, None if empty is None else 100.0 - empty)


def _compact_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.upper(), "%Y%m%dT%H%M%S")
    except ValueError:
        return None


def generated_at(properties: Mapping[str, Any]) -> str:
    """When the product was made, as the catalog writes it (ISO text sorts by time); empty if not said."""
    return next(
        (clean_text(properties[k], 40) for k in ("s2:generation_time", "processing:datetime", "landsat:product_generated", "created") if properties.get(k)), ""
    )


def _number(value: object, low: float, high: float) -> float | None:
    """The value as a float where it is a number within the range, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and low <= value <= high else None


def item_sun_angles(properties: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Sun elevation and azimuth in degrees; (None, None) unless both are known."""
    elevation = _number(properties.get("view:sun_elevation"), -90, 90)
    zenith = _number(properties.get("s2:mean_solar_zenith"), 0, 180)
    if elevation is None and zenith is not None:
        elevation = 90.0 - zenith
    azimuth = _number(properties.get("view:sun_azimuth"), -360, 360)
    if azimuth is None:
        azimuth = _number(properties.get("s2:mean_solar_azimuth"), -360, 360)
    return (None, None) if elevation is None or azimuth is None else (elevation, azimuth % 360)


def _time(text: object) -> datetime:
    try:
        when = datetime.fromisoformat(str(text).strip().upper())
    except ValueError:
        raise Refusal("failed", f"date cannot be read: {clean_text(text, 40)!r}") from None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _moment(properties: Mapping[str, Any]) -> datetime:
    """Acquisition time, UTC: the item's datetime, else the start of its interval. An interval of more than a day is refused, even where a datetime is given."""
    if properties.get("start_datetime") and properties.get("end_datetime"):
        first, last = _time(properties["start_datetime"]), _time(properties["end_datetime"])
        if last - first > _LONGEST:
            raise Refusal("skipped", f"no single acquisition: the item stands for {first.date()} to {last.date()}")
    return _time(properties.get("datetime") or properties.get("start_datetime"))


def _without_empty_parts(geometry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The geometry without empty polygons: Planetary Computer has such multipolygons, which shapely does not accept."""
    return {**geometry, "coordinates": [part for part in geometry["coordinates"] if part]} if geometry.get("type") == "MultiPolygon" else geometry


def _flat(bbox: Sequence[float]) -> Sequence[float]:
    """West, south, east, north of a bbox with or without heights."""
    return [bbox[0], bbox[1], bbox[3], bbox[4]] if len(bbox) == 6 else bbox


def _check_corners(geometry: Mapping[str, Any]) -> None:
    """Raise ValueError for more than _MOST_CORNERS vertices, before a geometry is made of them."""
    todo, looked_at = [geometry], 0
    while todo:
        part, looked_at = todo.pop(), looked_at + 1
        if looked_at > _MOST_CORNERS:
            raise ValueError(f"more than {_MOST_CORNERS} corners")
        inner = [part.get("coordinates"), part.get("geometries")] if isinstance(part, Mapping) else part
        if isinstance(inner, list | tuple) and not (inner and isinstance(inner[0], int | float)):
            todo += inner


def _with_few_corners(geometry: shapely.Geometry) -> shapely.Geometry:
    """The outline itself where it has at most _KEPT_CORNERS vertices; else simplified (Douglas and Peucker), the convex hull of its parts, or its envelope."""
    if shapely.get_num_coordinates(geometry) <= _KEPT_CORNERS:
        return geometry
    hull = shapely.union_all(shapely.convex_hull(shapely.get_parts(geometry)))
    outlines = (geometry, hull) if shapely.is_valid(geometry) else (hull,)  # simplifying a self-intersecting outline costs the square of its vertices
    drawn = (shapely.simplify(outline, step, preserve_topology=False) for outline in outlines for step in _COARSER_DEG)
    return next((g for g in drawn if not g.is_empty and shapely.get_num_coordinates(g) <= _KEPT_CORNERS), shapely.envelope(hull))


def footprint_of(item: Mapping[str, Any]) -> shapely.Geometry:
    """Valid polygon in degrees, rounded to 1e-7 (1 cm) so that it reads back unchanged, with at most _KEPT_CORNERS vertices.

    Raises
    ------
    Refusal : there is none, or it does not lie on Earth.
    """
    try:
        if item.get("geometry"):
            _check_corners(item["geometry"])
        geometry = shape(_without_empty_parts(item["geometry"])) if item.get("geometry") else shapely.box(*_flat(item["bbox"]))
        geometry = _with_few_corners(shapely.force_2d(geometry))
        geometry = _with_few_corners(shapely.make_valid(geometry, method="structure", keep_collapsed=False))
        geometry = shapely.set_precision(geometry, 1e-7) or shapely.Polygon()
    except Exception as fault:  # shapely raises many kinds for hostile geometry
        raise Refusal("failed", f"geometry cannot be read: {clean_text(fault, 120)}") from None
    west, south, east, north = geometry.bounds if not geometry.is_empty else (math.nan,) * 4
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90) or geometry.area == 0:
        raise Refusal("failed", "geometry is empty or lies outside longitude -180..180, latitude -90..90")
    return geometry


def _longitude(footprint: shapely.Geometry) -> float:
    """Longitude of the centroid of a footprint's largest part, degrees: the centroid of a footprint split at the date line lies on the other side of the
    Earth."""
    return max(shapely.get_parts(footprint), key=shapely.area).centroid.x


def clean_href(href: object, schemes: tuple[str, ...], internal: bool = True) -> str:
    """An href in the form of the ledger: an absolute path for local files, else the URL with its scheme in lower case.

    Raises
    ------
    Refusal : the scheme is not allowed, the path is relative or of a GDAL virtual file system, or (unless ``internal``) the host is internal.
    """
    text = str(href)
    if len(text) > _HREF_LENGTH:
        raise Refusal("skipped", f"href of {len(text)} characters, the limit is {_HREF_LENGTH}")
    if not text.isprintable():
        raise Refusal("skipped", "href with control characters")
    parts = urlsplit(text)
    scheme = parts.scheme.lower() or "file"
    if not parts.scheme and not text.startswith("/"):
        raise Refusal("skipped", f"relative href: {clean_text(text, 80)!r}")
    if scheme not in schemes:
        raise Refusal("skipped", f"href scheme {clean_text(scheme, 20)!r} is not allowed (sources.schemes allows {', '.join(schemes)})")
    if scheme != "file":
        if not parts.hostname or "\\" in text:
            raise Refusal("skipped", f"href without a host: {clean_text(text, 80)!r}")
        if not internal and scheme != "s3":
            _check_host(parts.hostname, text)
        return scheme + text[text.index(":") :]
    path = unquote(parts.path) if parts.scheme else text
    if parts.scheme and parts.netloc not in ("", "localhost"):
        raise Refusal("skipped", "file href that names a host")
    if not path.startswith("/"):
        raise Refusal("skipped", f"relative href: {clean_text(path, 80)!r}")
    if path.lower().startswith("/vsi"):
        raise Refusal("skipped", "href names a GDAL virtual file system")
    return path


def _is_read_inside(source: SourceSection, hrefs: Sequence[str]) -> bool:
    """Whether files may be read from internal hosts: where the user allows it, or where the source may name such hosts and does. Otherwise a redirect from
    a public host to an internal one is refused.
    """
    hosts = [urlsplit(href).hostname or "" for href in hrefs if href.startswith(("https://", "http://"))]
    return source.internal_hosts or (may_be_internal(source) and any(standing(host) == "internal" for host in hosts))


def _check_host(host: str, url: str) -> None:
    """Refuse an internal host, and a host without an IP address unless a proxy may resolve it."""
    found = standing(host)
    if found == "internal":
        raise Refusal("skipped", f"href to the internal host {clean_text(host, 60)!r} (sources.internal_hosts would allow it)")
    if found == "unknown" and proxy_of(url) is None:
        raise Refusal("failed", f"href to the host {clean_text(host, 60)!r}, which has no address")


def _assets(item: Mapping[str, Any], sensor: Sensor, source: SourceSection, schemes: tuple[str, ...]) -> dict[str, str]:
    offered = item.get("assets")
    if not isinstance(offered, Mapping):
        raise Refusal("failed", "the item has no assets")
    hrefs: dict[str, str] = {}
    for band in sensor.bands:
        name = next((a for a in band.assets if isinstance(offered.get(a), Mapping) and offered[a].get("href")), None)
        if name is not None:
            href = _allowed_href(offered[name], schemes)
            if str(href).startswith("s3://") and "s3" not in schemes and _reader_pays(item, offered[name]):
                raise Refusal("skipped", _words_on_payers(sensor))
            hrefs[band.role] = _kept_href(href, source, schemes)
        elif band.role == "mask":
            if not source.allow_unmasked:
                raise Refusal("skipped", f"no cloud mask (asset {' or '.join(band.assets)}); sources.allow_unmasked would use it")
        elif band.required:
            raise Refusal("skipped", f"required band missing: {band.role} (asset {' or '.join(band.assets)})")
    return hrefs


def _reader_pays(item: Mapping[str, Any], asset: Mapping[str, Any]) -> bool:
    """Whether the bucket of an asset is requester-pays (STAC extension storage)."""
    return asset.get("storage:requester_pays", item["properties"].get("storage:requester_pays")) is True


def _words_on_payers(sensor: Sensor) -> str:
    free = f"planetary-computer-{sensor.collection}"
    instead = f"; the source {free} has the same data free of charge" if free in sensor_names() else ""
    return f"its bucket charges the reader (storage:requester_pays){instead}, or allow it by sources.schemes: [s3], with AWS keys and AWS_REQUEST_PAYER=requester in the environment"


def _asset_of(item: Mapping[str, Any], band: Band) -> Mapping[str, Any]:
    """The first asset of the item that may hold a band; empty where there is none."""
    assets = item.get("assets")
    return next((assets[a] for a in band.assets if isinstance(assets.get(a), Mapping)), {}) if isinstance(assets, Mapping) else {}


def _allowed_href(asset: Mapping[str, Any], schemes: tuple[str, ...]) -> object:
    """The asset's href, or the first of its alternates (STAC extension alternate-assets) with an allowed scheme where the href's own is not allowed."""
    alternates = asset.get("alternate")
    others = [a.get("href") for a in alternates.values() if isinstance(a, Mapping)] if isinstance(alternates, Mapping) else []
    return next((h for h in (asset["href"], *others) if isinstance(h, str) and (urlsplit(h).scheme.lower() or "file") in schemes), asset["href"])


def self_address(item: Mapping[str, Any]) -> str:
    """The http(s) URL of an item's link ``self``; empty where it has none."""
    links = item.get("links")
    hrefs = [k.get("href") for k in links if isinstance(k, Mapping) and k.get("rel") == "self"] if isinstance(links, list) else []
    return next((h for h in hrefs if isinstance(h, str) and h.startswith(("https://", "http://"))), "")


def resolved(item: Mapping[str, Any], absolute: Callable[[str], str]) -> dict[str, Any]:
    """The item with ``absolute(href)`` in place of the relative href of each asset and its alternates; other values are unchanged."""
    assets = item.get("assets")

    def placed(asset: Any) -> Any:
        href = asset.get("href") if isinstance(asset, Mapping) else None
        return {**asset, "href": absolute(href)} if isinstance(href, str) and href and not urlsplit(href).scheme else asset

    def of(asset: Any) -> Any:
        alternates = asset.get("alternate") if isinstance(asset, Mapping) else None
        others = {"alternate": {name: placed(other) for name, other in alternates.items()}} if isinstance(alternates, Mapping) else {}
        return {**placed(asset), **others} if others else placed(asset)

    return {**item, "assets": {name: of(asset) for name, asset in assets.items()}} if isinstance(assets, Mapping) else dict(item)


def served_item(item: Any) -> Any:
    """An item of an API with the relative hrefs of its assets resolved against its own URL, where it has one."""
    address = self_address(item) if isinstance(item, Mapping) else ""
    return resolved(item, lambda href: urljoin(address, href)) if address else item


def _kept_href(href: object, source: SourceSection, schemes: tuple[str, ...]) -> str:
    """An href as in the ledger: from `clean_href`; a file must lie in the allowed folders, and a signature is removed where the pipeline signs itself."""
    clean = clean_href(href, schemes, may_be_internal(source))
    if clean.startswith("/"):
        if not lies_in(clean, allowed_folders(source.catalog, tuple(source.folders))):
            raise Refusal("skipped", f"a file outside the catalog's folder: {clean_text(clean, 120)!r} (sources.folders would allow it)")
        return os.path.normpath(clean)
    return clean if source.sign == "none" else unsigned(clean)


def _tables(item: Mapping[str, Any], sensor: Sensor, assets: Mapping[str, str], source: SourceSection, schemes: tuple[str, ...]) -> dict[str, str]:
    """Hrefs of the tables that calibrate the item's bands, see `Scene.tables`."""
    hrefs: dict[str, str] = {}
    for band in sensor.bands:
        for kind, name in (("calibration", band.calibration), ("noise", band.noise)):
            if band.role in assets and name:
                asset = item["assets"].get(name)
                if not isinstance(asset, Mapping) or not asset.get("href"):
                    raise Refusal("skipped", f"no table of {kind} for {band.role} (asset {name})")
                hrefs[f"{band.role} {kind}"] = _kept_href(asset["href"], source, schemes)
    return hrefs


def _declared(item: Mapping[str, Any], sensor: Sensor, assets: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Checksum and size in bytes of each band's file, where the item states them (STAC extension file)."""
    declared = {}
    for band in sensor.bands:
        asset = _asset_of(item, band)
        said = {name: clean_text(asset[name], 200) for name in ("file:checksum", "file:size") if asset.get(name)}
        if said and band.role in assets:
            declared[band.role] = said
    return declared


def _shapes(item: Mapping[str, Any], sensor: Sensor) -> dict[str, tuple[int, int]]:
    """Rows and columns of each band, where proj:shape of its asset or of the item states them."""
    shapes = {}
    for band in sensor.bands:
        declared = _asset_of(item, band).get("proj:shape") or item["properties"].get("proj:shape")
        if isinstance(declared, list) and len(declared) == 2 and all(isinstance(n, int) and 0 < n < 2**31 for n in declared):
            shapes[band.role] = tuple(declared)
    return shapes


def relative_orbit(properties: Mapping[str, Any], item_id: str) -> int | None:
    """Number of the orbit within the repeat cycle: sat:relative_orbit, the product's name, or Landsat's path."""
    for name in ("sat:relative_orbit", "landsat:wrs_path"):
        text = str(properties.get(name, ""))
        if re.fullmatch(r"\d{1,3}", text):
            return int(text)
    product = _product(properties, item_id)
    return int(product["orbit"]) if product else None


def _raster_band(item: Mapping[str, Any], sensor: Sensor, key: str, band: Band | None = None) -> object:
    """A value of raster:bands of a band's asset, by default of red (else the first band); in STAC 1.1 it is on the asset itself. None where not stated."""
    asset = _asset_of(item, band or sensor.band("red") or sensor.bands[0])
    tables = asset.get("raster:bands") or asset.get("bands") or []
    first = tables[0] if isinstance(tables, list) and tables and isinstance(tables[0], Mapping) else {}
    return next((t[name] for t in (first, asset) for name in (key, f"raster:{key}") if t.get(name) is not None), None)


def _check_alike(item: Mapping[str, Any], sensor: Sensor) -> None:
    """Refuse an item whose bands state different scales or offsets: a scene has one of each. A band that states none has those of the others.

    Raises
    ------
    Refusal : two bands contradict each other.
    """
    bands = [b for b in sensor.bands if b.role not in SIDE_BANDS]
    for key in ("scale", "offset"):
        said = [(b.role, n) for b in bands if (n := _number(_raster_band(item, sensor, key, b), -math.inf, math.inf)) is not None]
        other = next(((role, n) for role, n in said if not math.isclose(n, said[0][1], rel_tol=1e-3, abs_tol=1e-9)), None)
        if other:
            (role, number), (other_role, other_number) = said[0], other
            raise Refusal(
                "skipped", f"raster:bands says {key} {number:g} for {role} and {other_number:g} for {other_role}: {key}s that differ by band are not read"
            )


def _scale(item: Mapping[str, Any], sensor: Sensor) -> float:
    """Reflectance per digital number: from raster:bands where the sensor's offset rule is ``raster_bands``, else from the table.

    Raises
    ------
    Refusal : item and table differ, bands contradict each other, or the item's numbers are in decibels or amplitudes.
    """
    unit = clean_text(_raster_band(item, sensor, "unit"), 20)
    if sensor.family == "radar":
        if unit.lower() in ("db", "decibel", "decibels", "amplitude"):
            raise Refusal("skipped", f"raster:bands says {unit}, the sensor table means linear power")
        return sensor.scale
    _check_alike(item, sensor)
    said, offset = _number(_raster_band(item, sensor, "scale"), 0.0, 1.0), _number(_raster_band(item, sensor, "offset"), -1.0, 1.0)
    if sensor.offset_rule == "raster_bands" and said and 1e-6 <= said <= 1e-2:
        return said
    if said and said != 1.0 and not math.isclose(said, sensor.scale, rel_tol=1e-3):
        raise Refusal("skipped", f"raster:bands says scale {said:g}, the sensor table {sensor.scale:g}; give the sensor a table of its own")
    if said and said != 1.0 and sensor.offset_rule == "fixed" and offset is not None and abs(offset - sensor.offset) > 1e-6:
        raise Refusal("skipped", f"raster:bands says offset {offset:g}, the sensor table {sensor.offset:g}; give the sensor a table of its own")
    return sensor.scale


def _acquisition(properties: Mapping[str, Any], item_id: str, sensor: Sensor, platform: str, when: datetime) -> tuple[str, ...]:
    product = _product(properties, item_id)
    datatake = _DATATAKE.match(str(properties.get("s2:datatake_id", ""))[:_TEXT_LENGTH])
    second = when.strftime("%Y%m%dT%H%M%S")
    values = {
        "platform": platform,
        "datetime": second,
        "datatake": product["datatake"].upper() if product else datatake[1] if datatake else second,
        "cell": cell_name(properties, item_id),
    }
    return tuple(values.get(name) or clean_text(properties.get(name), 80) for name in sensor.deduplicate_by)


def _fill(base: Candidate, item: Mapping[str, Any], source: SourceSection, sensor: Sensor, schemes: tuple[str, ...], thermal: Window | None) -> Candidate:
    """The candidate with all facts of the item. A Refusal by the assets is stored in the returned scene; one by time or footprint is raised."""
    properties, scene = item["properties"], base.scene
    when = _moment(properties)
    footprint = footprint_of(item)
    elevation, azimuth = item_sun_angles(properties)
    flag = properties.get("earthsearch:boa_offset_applied", properties.get("sentinel:boa_offset_applied"))
    facts = OffsetFacts(
        flag=flag if isinstance(flag, bool) else None,
        raster_offset=_number(_raster_band(item, sensor, "offset"), -1.0, 1.0),
        baseline=baseline_name(properties, scene.scene_id),
    )
    told = by_metadata(sensor.offset_rule, facts, sensor.offset)
    scene = replace(
        scene,
        platform=platform_name(properties, scene.scene_id),
        datetime=when,
        solar_day=solar_day(when, _longitude(footprint)),
        processing_baseline=facts.baseline,
        cloud_cover=_number(properties.get("eo:cloud_cover"), 0, 100),
        sun_elevation_deg=elevation,
        sun_azimuth_deg=azimuth,
        offset_decision=told.words,
        offset_confidence=told.confidence,
        bbox=tuple(round(v, 7) for v in footprint.bounds),
        footprint_wkt=shapely.to_wkt(footprint, rounding_precision=7),
        generated=generated_at(properties),
        quality=quality_class(properties, scene.scene_id, sensor),
        relative_orbit=relative_orbit(properties, scene.scene_id),
    )
    found = Candidate(
        scene,
        facts,
        _acquisition(properties, scene.scene_id, sensor, scene.platform, when),
        base.priority,
        part_of(properties, scene.scene_id),
        clean_text(properties.get("updated"), 40),
    )
    try:
        if unread := _unread(item, sensor, scene.solar_day, thermal):
            sensor = sensor.without(unread)
        scale = _scale(item, sensor)
        scene = replace(scene, scale=scale, offset=chip_offset(told.offset, scale, sensor))
        assets = _wanted(scene, item, source, sensor, schemes)
        scene = replace(scene, identity=_declared(item, sensor, assets))
        shapes = {r: s for r, s in _shapes(item, sensor).items() if r in assets}
        tables = _tables(item, sensor, assets, source, schemes)
        internal = _is_read_inside(source, [*assets.values(), *tables.values()])
        return replace(found, scene=replace(scene, assets=assets, shapes=shapes, tables=tables, internal_hosts=internal))
    except Refusal as refusal:
        return replace(found, scene=replace(scene, status=refusal.status, reason=refusal.reason))


def _unread(item: Mapping[str, Any], sensor: Sensor, day: date, thermal: Window | None) -> Collection[str]:
    """Thermal roles of a sensor that are not read: all outside the window, and where the item lacks one of the two or states another unit."""
    bands = [b for b in sensor.bands if b.role in THERMAL_BANDS]
    wanted = thermal is not None and holds_day(thermal, day) and all(_asset_of(item, b).get("href") for b in bands)
    wanted = wanted and all(scaled_as_known(b.role, *(_raster_band(item, sensor, key, b) for key in ("scale", "offset"))) for b in bands)
    return () if wanted else [b.role for b in bands]


def _wanted(scene: Scene, item: Mapping[str, Any], source: SourceSection, sensor: Sensor, schemes: tuple[str, ...]) -> dict[str, str]:
    stated = bool(item["properties"].get("platform"))
    if sensor.platforms and stated and not any(re.fullmatch(f"{re.escape(scene.platform)}[a-z]?", p) for p in sensor.platforms):
        raise Refusal("skipped", f"platform {scene.platform!r} is not one of {', '.join(sensor.platforms)}")
    accepted = source.quality or (sensor.quality.accepted if sensor.quality else ())
    if scene.quality and sensor.quality and accepted and scene.quality not in accepted:
        raise Refusal("skipped", f"geometric quality {scene.quality} ({sensor.quality.property}): {', '.join(accepted)} is used; sources.quality says which")
    assets = _assets(item, sensor, source, schemes)
    if scene.cloud_cover is not None and scene.cloud_cover > source.max_cloud_cover:
        raise Refusal("skipped", f"cloud cover {scene.cloud_cover:.1f} % above {source.max_cloud_cover:g} %")
    return assets


def chip_offset(offset: float, scale: float, sensor: Sensor) -> float:
    """Offset for the chip's numbers, which differ from the source's by `scaling.shift`."""
    return round(offset - scaling.shift(sensor) * scale, 12)


def read_item(item: Mapping[str, Any] | Dropped, source: SourceSection, sensor: Sensor, schemes: tuple[str, ...], thermal: Window | None = None) -> Candidate:
    """The scene of one STAC item (as a dictionary with absolute hrefs). Never raises: a bad item is a failed scene.

    An entry that was `Dropped` from the catalog becomes a scene too, with its reason.

    Parameters
    ----------
    schemes : allowed schemes of hrefs, e.g. ``("file", "https")``.
    thermal : days of the year on which surface temperature is read, where the item has it; None: never.
    """
    item_id = clean_text(item.name if isinstance(item, Dropped) else item.get("id") if isinstance(item, Mapping) else None) or "(no id)"
    blank = Scene(
        scene_id=item_id,
        key=clean_key(item_id),
        sensor=sensor.name,
        collection=sensor.collection,
        platform="",
        datetime=NO_DATE,
        solar_day=date(1970, 1, 1),
        processing_baseline="",
        cloud_cover=None,
        sun_elevation_deg=None,
        sun_azimuth_deg=None,
        scale=sensor.scale,
        offset=sensor.offset,
        offset_decision="",
        offset_confidence="low",
        status="used",
        reason="",
        sign=source.sign,
    )
    base = Candidate(blank, priority=source.priority)
    try:
        if isinstance(item, Dropped):
            raise Refusal(item.status, item.reason)
        if not isinstance(item, Mapping) or not isinstance(item.get("properties"), Mapping):
            raise Refusal("failed", "not a STAC item: no properties")
        return _fill(base, item, source, sensor, schemes, thermal)
    except Refusal as refusal:
        return replace(base, scene=replace(blank, status=refusal.status, reason=refusal.reason))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as fault:
        reason = f"item cannot be read: {type(fault).__name__}: {clean_text(fault, 120)}"
        return replace(base, scene=replace(blank, status="failed", reason=reason))
