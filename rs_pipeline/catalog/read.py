"""Opens remote and local rasters: hrefs are signed, limits kept, the content checked against the item, and transient faults retried."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TypeVar
from urllib.parse import urlsplit

import numpy as np
import rasterio
import shapely
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from tenacity import RetryCallState

from rs_pipeline.catalog.sign import forget_tokens, signed
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import PipelineError, RasterError
from rs_pipeline.model import QUALITY_BANDS, THERMAL_BANDS, Scene, Sensor
from rs_pipeline.radiometry.thermal import scaled_as_known
from rs_pipeline.redaction import redacted, unsigned
from rs_pipeline.remote.ask import ask
from rs_pipeline.remote.parts import Parts
from rs_pipeline.remote.ranges import Opener, RangeFile
from rs_pipeline.remote.retrying import Later, Refused, fault_of, policy
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.blocks import check_block
from rs_pipeline.storage.foreign import ALONE, foreign_raster, opened_alone
from rs_pipeline.storage.headers import driver_by_header
from rs_pipeline.storage.special import special_kind

Result = TypeVar("Result")

FAULTS = (RasterioError, CPLE_BaseError, OSError, ValueError, ArithmeticError, MemoryError)
"""Errors that reading a damaged or unreachable raster may raise."""

_BLOCK_CACHE_BYTES = 256 * 2**20
"""Size of GDAL's block cache; GDAL's default is 5 % of the machine's memory."""

_COARSER_AT_MOST = 1.2
"""An overview may be coarser than the requested resolution by this factor, as in GDAL."""

MIN_CONTROL_POINTS, MAX_CONTROL_POINTS = 16, 2000
"""Fewer ground control points do not georeference a scene; Sentinel-1 has 210 and more. The cost of a spline grows with the cube of their number."""

_MAX_TABLE_BYTES = 2**23
"""Tables of Sentinel-1 have 1 to 3 MB; parsed they take about ten times as much memory."""

_PLACE_SLACK_DEG = 0.05

_LARGEST_REFL = 2.0
"""Hardly any reflectance is above this value, and hardly any digital number below."""

_REFUSED = re.compile(r"\b403\b|forbidden|authenticat", re.IGNORECASE)
_PERMANENT = re.compile(r"\b(400|401|404|410)\b")
"""Status codes after which another try gets the same answer. "Not recognized" and "does not exist" are not among them: GDAL also gives these messages for
a response that was cut off."""


def driver_of(href: str) -> str:
    """GDAL driver for an href whose first bytes are not read here: JPEG 2000 by suffix, else GeoTIFF."""
    return "JP2OpenJPEG" if re.search(r"\.(jp2|j2k)\b", urlsplit(href).path.lower()) else "GTiff"


def gdal_options(limits: FetchSection) -> dict[str, object]:
    """GDAL options of every read: no directory listings, no sidecar files, one thread, a bounded block cache; timeouts for requests of GDAL itself, which it
    makes for s3:// only."""
    return {
        **ALONE,
        "GDAL_NUM_THREADS": 1,
        "GDAL_HTTP_TIMEOUT": limits.timeout_s,
        "GDAL_HTTP_CONNECTTIMEOUT": min(limits.timeout_s, 30),
        "GDAL_HTTP_MAX_RETRY": 0,
        "GDAL_HTTP_NETRC": "NO",
        "GDAL_HTTP_MULTIRANGE": "SERIAL",
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        "VSI_CACHE": False,
        "GDAL_CACHEMAX": _BLOCK_CACHE_BYTES,
    }


def is_transient(fault: BaseException, href: str, sign: str = "none") -> bool:
    """Whether another try may help: the file is remote and the server did not say that it is not there.

    A refusal (403) is final, unless the pipeline signs the href: then the signature may have expired.
    """
    if not href.startswith(("https://", "http://", "s3://")) or isinstance(fault, PipelineError):
        return False
    if isinstance(fault, (Later, Refused)):
        return isinstance(fault, Later) or (fault.status == 403 and sign != "none")
    text = " ".join(fault_chain(fault))
    return not _PERMANENT.search(text) and (sign != "none" or not _REFUSED.search(text))


def fault_chain(fault: BaseException | None) -> list[str]:
    """The texts of a fault and of its causes, without secrets; rasterio's own text often only refers to the cause."""
    texts = []
    while fault is not None:
        texts.append(redacted(f"{type(fault).__name__}: {fault}"))
        fault = fault.__cause__
    return texts


def retrying(read: Callable[[], Result], href: str, limits: FetchSection, sign: str = "none") -> Result:
    """Call ``read``; after a transient fault pause, longer each time, and try again, with new tokens where the old ones are refused."""

    def again(fault: BaseException) -> bool:
        return isinstance(fault, FAULTS) and is_transient(fault, href, sign)

    def renew(state: RetryCallState) -> None:
        if sign != "none" and _REFUSED.search(" ".join(fault_chain(fault_of(state)))):
            forget_tokens(sign)

    return policy(limits, again, renew)(read)


@contextmanager
def open_raster(
    href: str, sign: str, limits: FetchSection, expected_m: float, georeference: str = "grid", internal: bool = False, key: str = ""
) -> Iterator[rasterio.DatasetReader]:  # fmt: skip
    """Open a raster for reading, after signing, and check it against the declared limits. A raster whose rows run north or
    columns run west is flipped: the dataset yielded is north-up, with the same pixels.

    Parameters
    ----------
    expected_m : native pixel size the sensor table states, metres.
    georeference : see `Sensor.georeference`.
    internal : whether hosts of internal networks may be asked, see `Scene.internal_hosts`.
    key : identifies the file and its content in the run, see `held_parts`; empty: its parts are not shared.

    Raises
    ------
    RemoteError, Later, Refused : see `remote.ask.ask`. They are raised instead of errors that missing data cause in GDAL.
    RasterError : more pixels than allowed, in all or in a block; complex numbers; on a grid: no CRS, a rotated grid, or pixels much finer than
        the table states; else: too few or too many control points.
    """
    with rasterio.Env(**gdal_options(limits)), _opened(href, sign, limits, internal, key) as dataset:
        pixels = dataset.width * dataset.height
        if pixels > limits.max_pixels:
            raise RasterError(f"{pixels} pixels, the limit is {limits.max_pixels}", where=href, remedy="raise fetch.max_pixels if this is right")
        check_block(dataset, href)
        if dataset.dtypes[0].startswith("complex"):
            raise RasterError("its pixels are complex numbers, not reflectance or backscatter", where=href)
        if georeference == "grid":
            _check_grid(dataset, expected_m, href)
        elif len(dataset.gcps[0]) < MIN_CONTROL_POINTS or dataset.gcps[1] is None:
            raise RasterError(f"{len(dataset.gcps[0])} ground control points, at least {MIN_CONTROL_POINTS} are needed", where=href)
        elif len(dataset.gcps[0]) > MAX_CONTROL_POINTS:
            raise RasterError(f"{len(dataset.gcps[0])} ground control points, the limit is {MAX_CONTROL_POINTS}", where=href)
        if georeference == "grid" and (dataset.transform.a < 0 or dataset.transform.e > 0):
            if MaskFlags.per_dataset in dataset.mask_flag_enums[0]:  # GDAL would read the mask with the pixels, and gives no block size of it
                raise RasterError("its rows or columns run backwards, and it has a mask of its own", where=href, remedy="write it north-up, e.g. with gdalwarp")
            with _north_up(dataset) as turned:
                yield turned
        else:
            yield dataset


@contextmanager
def _opened(href: str, sign: str, limits: FetchSection, internal: bool, key: str) -> Iterator[rasterio.DatasetReader]:
    """A raster opened by GDAL; one at an http(s) URL is read through `RangeFile`."""
    url = signed(href, sign)
    if not url.startswith(("https://", "http://")):
        if not url.startswith(("/", "s3://")) or url.lower().startswith("/vsi"):  # GDAL would make requests itself
            raise RasterError("neither a path, nor an address of http, https or s3", where=href)
        if kind := special_kind(url):
            raise RasterError(f"{kind}, not a file", where=href)
        with opened_alone(url, driver_of(href)) if url.startswith("s3://") else foreign_raster(url) as dataset:
            yield dataset
        return
    file, name = RangeFile(url, limits, internal, Parts(key)), unsigned(href)
    try:
        if file.whole_size():
            with opened_alone(name, driver_by_header(file.header, name), opener=Opener(file, name)) as dataset:
                yield dataset
        elif file.fault is None:
            raise RasterError("the server gave an empty file", where=name)
    except Exception:
        if file.fault is None:
            file.forget()  # the parts received may be damaged: another try requests them again
            raise
    if file.fault is not None:
        raise file.fault


def _check_grid(dataset: rasterio.DatasetReader, expected_m: float, href: str) -> None:
    if dataset.crs is None:
        raise RasterError("the raster has no CRS", where=href)
    t = dataset.transform
    if t.b or t.d or t.a == 0 or t.e == 0:
        raise RasterError("the raster is not north-up: its grid is turned", where=href)
    step_m = min(abs(t.a), abs(t.e)) * (111_320.0 if dataset.crs.is_geographic else 1.0)
    if step_m < expected_m / 2:
        raise RasterError(f"pixels of {step_m:g} m, the sensor table says {expected_m:g} m", where=href)


def _north_up(dataset: rasterio.DatasetReader) -> WarpedVRT:
    """The raster flipped to have rows from north to south and columns from west to east; pixels are not resampled."""
    left, bottom, right, top = (f(a, b) for f, a, b in zip((min, min, max, max), dataset.bounds[:2] * 2, dataset.bounds[2:] * 2, strict=True))
    transform = from_bounds(left, bottom, right, top, dataset.width, dataset.height)
    return WarpedVRT(dataset, crs=dataset.crs, transform=transform, width=dataset.width, height=dataset.height, resampling=Resampling.nearest)


def read_coarse(dataset: rasterio.DatasetReader, longest_px: int, shape: tuple[int, int] | None = None) -> np.ndarray:
    """The whole band of a raster of `open_raster` with ``longest_px`` on its longer side, or in ``shape``, from the overview that fits best.

    The overview is opened as a dataset of its own: only then does GDAL give the size of its blocks, and read no other level.

    Raises
    ------
    RasterError : the overview's blocks are larger than the limit.
    """
    shrink = max(1.0, max(dataset.shape) / longest_px)
    out = shape or tuple(max(1, round(n / shrink)) for n in dataset.shape)
    wanted = min(full / n for full, n in zip(dataset.shape, out, strict=True))
    source = dataset.src_dataset if isinstance(dataset, WarpedVRT) else dataset
    factors = dict(enumerate(source.overviews(1)))
    if not factors:
        return dataset.read(1, out_shape=out)
    fitting = [level for level, factor in factors.items() if 1 < factor < _COARSER_AT_MOST * wanted]
    level = f"{max(fitting, key=factors.__getitem__)}only" if fitting else "NONE"
    with opened_alone(source.name, source.driver, overview_level=level) as overview:
        check_block(overview, source.name, "an overview in blocks")
        values = overview.read(1, out_shape=out)
    return values if source is dataset else values[:: _direction(source.transform.e, -1), :: _direction(source.transform.a, 1)]


def _direction(step: float, expected: int) -> int:
    """1 where a raster's rows or columns run as expected, -1 where they run against it."""
    return 1 if step * expected > 0 else -1


def content_key(scene: Scene, role: str) -> str:
    """Digest of a band of a scene, its href and the identity of its content, 32 hexadecimal digits. Signatures are left out of the href, and perhaps with
    them the name of the file (``?key=B04``): so the digest includes the band's role."""
    told = [scene.key, role, unsigned((scene.assets | scene.tables)[role]), scene.identity, scene.generated, scene.processing_baseline]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def held_parts(scene: Scene, role: str) -> Parts:
    """The parts of a band's file that the run holds."""
    return Parts(content_key(scene, role))


@contextmanager
def open_band(scene: Scene, role: str, limits: FetchSection) -> Iterator[rasterio.DatasetReader]:
    """Open a band of a scene, and check it against its sensor's table and its item.

    Raises
    ------
    RasterError : as `open_raster`; or another data type than the table's, another scale in the file, more pixels than the item declares, or
        a position outside the scene's footprint (a wrong CRS or a wrong file).
    """
    sensor, href = load_sensor(scene.sensor), scene.assets[role]
    with open_raster(
        href, scene.sign, limits, sensor.known_band(role).resolution_m, sensor.georeference, scene.internal_hosts, content_key(scene, role)
    ) as dataset:
        dtype = np.dtype(dataset.dtypes[0])
        if role in QUALITY_BANDS:
            if dtype.kind not in "iu":
                raise RasterError(f"classes or bits of type {dtype}, whole numbers are needed", where=href)
        elif role in THERMAL_BANDS:
            _check_temperature(dataset, role, href)
        elif dtype.kind != "f" and not _holds(dtype, np.dtype(sensor.dtype)):
            raise RasterError(f"numbers of type {dtype}, the sensor table says {sensor.dtype}", where=href)
        elif sensor.family == "optical":
            _check_file_scale(dataset, scene, sensor, href)
        declared = scene.shapes.get(role)
        if declared and dataset.height * dataset.width > declared[0] * declared[1]:
            raise RasterError(f"{dataset.height} x {dataset.width} pixels, the item declares {declared[0]} x {declared[1]}", where=href)
        if scene.footprint_wkt and not _meets(dataset, scene):
            raise RasterError(f"the raster ({dataset.crs or dataset.gcps[1]}) does not lie where the scene's footprint does", where=href)
        yield dataset


def _holds(stored: np.dtype, stated: np.dtype) -> bool:
    """Whether integers of the stored type are accepted for the type that the table states: signed or unsigned, but not narrower."""
    return stored == stated or (stated.kind in "iu" and stored.itemsize >= stated.itemsize)


def _check_file_scale(dataset: rasterio.DatasetReader, scene: Scene, sensor: Sensor, href: str) -> None:
    """Refuse a scale and offset in the file that contradict the table; 1 and 0 are GDAL's values for none.

    An offset that is decided from the scene itself is not compared with the offset in its file.
    """
    scale, offset, fixed = dataset.scales[0], dataset.offsets[0], sensor.offset_rule == "fixed"
    other_scale = scale != 1 and not math.isclose(scale, scene.scale, rel_tol=1e-3)
    other_offset = fixed and (scale, offset) != (1, 0) and abs(offset - sensor.offset) > 1e-6
    if other_scale or other_offset:
        said = f"scale {scale:g} and offset {offset:g}, the sensor table says {scene.scale:g}" + (f" and {sensor.offset:g}" if fixed else "")
        raise RasterError(f"the file says {said}", where=href, remedy="give the sensor a table of its own")


def _check_temperature(dataset: rasterio.DatasetReader, role: str, href: str) -> None:
    """Refuse a file whose numbers are not those of Landsat Collection 2: fractions, such as kelvin, or another scale; 1 and 0 are GDAL's values for none."""
    dtype, scale, offset = dataset.dtypes[0], dataset.scales[0], dataset.offsets[0]
    if dtype not in ("uint16", "int16"):
        raise RasterError(f"surface temperature of type {dtype}, 16-bit numbers of Collection 2 are needed", where=href)
    if (scale, offset) != (1, 0) and not scaled_as_known(role, scale, offset):
        raise RasterError(f"the file says scale {scale:g} and offset {offset:g}, which are not those of Collection 2", where=href)


def holds_reflectance(values: np.ndarray) -> bool:
    """Whether a sample of an optical band (0 and NaN for nodata) holds reflectances from 0 to 1, not digital numbers."""
    if values.dtype.kind != "f":
        return False
    known = values[np.isfinite(values) & (values > 0)]
    return bool(known.size) and np.percentile(known, 99) <= _LARGEST_REFL


def _meets(dataset: rasterio.DatasetReader, scene: Scene) -> bool:
    """Whether the raster's extent meets the scene's footprint, with a tolerance of 0.05 degrees (about 5 km)."""
    west, south, east, north = transform_bounds(*_extent(dataset), densify_pts=5)
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        return False
    pieces = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]  # across the date line
    footprint = shapely.from_wkt(scene.footprint_wkt)
    return any(shapely.box(w, south, e, north).buffer(_PLACE_SLACK_DEG).intersects(footprint) for w, e in pieces)


def _extent(dataset: rasterio.DatasetReader) -> tuple:
    """Arguments for `transform_bounds` to degrees: by the grid, or by the ground control points."""
    points, crs = dataset.gcps
    if dataset.crs is not None or not points:
        return dataset.crs, "EPSG:4326", *dataset.bounds
    return crs, "EPSG:4326", min(p.x for p in points), min(p.y for p in points), max(p.x for p in points), max(p.y for p in points)


def read_text(href: str, sign: str, limits: FetchSection, internal: bool = False) -> str:
    """A small text file of a scene, such as its calibration table.

    Raises
    ------
    RasterError : larger than 8 MiB, or a scheme that cannot be read here. RemoteError, Later, Refused : see `remote.ask.ask`.
    """
    url = signed(href, sign)
    if kind := special_kind(url):
        raise RasterError(f"{kind}, not a file", where=href)
    if url.startswith("/"):
        with open(url, "rb") as file:
            body = file.read(_MAX_TABLE_BYTES + 1)
    elif url.startswith(("https://", "http://")):
        body = ask(url, limits, internal=internal, most=_MAX_TABLE_BYTES).body
    else:
        raise RasterError(
            "tables of calibration are read from https and folders only", where=href, remedy="use planetary-computer-sentinel-1-rtc, or a copy in a folder"
        )
    if len(body) > _MAX_TABLE_BYTES:
        raise RasterError(f"a table of more than {_MAX_TABLE_BYTES // 2**20} MiB", where=href)
    return body.decode("utf-8")
