"""The data classes of the pipeline: frozen dataclasses that packages pass to each other, and that refuse invalid values.

Nothing here reads files or computes products.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import pyproj
from affine import Affine

from rs_pipeline.errors import ModelError

OpticalBand = Literal["blue", "green", "red", "rededge1", "nir", "swir1", "swir2"]
OPTICAL_BANDS: tuple[OpticalBand, ...] = get_args(OpticalBand)
"""Canonical optical bands, in the order of every optical stack."""

RadarBand = Literal["vv", "vh"]
RADAR_BANDS: tuple[RadarBand, ...] = get_args(RadarBand)
"""Canonical radar bands, in the order of every radar stack."""

QualityBand = Literal["mask", "saturation", "aerosol", "opacity"]
QUALITY_BANDS: tuple[QualityBand, ...] = get_args(QualityBand)
"""Roles of bands whose values are classes or bits: they are never interpolated or scaled."""

ThermalBand = Literal["thermal", "thermal_error"]
THERMAL_BANDS: tuple[ThermalBand, ...] = get_args(ThermalBand)
"""Surface temperature of Landsat Collection 2 and its uncertainty (radiometry.thermal); read only in runs that ask for it."""

SIDE_BANDS = (*QUALITY_BANDS, *THERMAL_BANDS)
"""Roles whose numbers are neither reflectance nor backscatter: scale, offset and fill of the sensor do not hold for them."""

OPTIONAL_BANDS = ("rededge1",)
"""Optical bands that a sensor may lack."""

FlagName = Literal[
    "nodata", "cloud", "shadow", "cirrus", "snow", "saturated", "dark", "buffer", "shadow_confirmed", "terrain", "haze", "edge", "clamped",
]  # fmt: skip
QA_FLAGS: tuple[FlagName, ...] = get_args(FlagName)
"""Names of the quality flags of a pixel, in the order of their bits (radiometry.masks.QAFlag)."""

Family = Literal["optical", "radar"]
MaskKind = Literal["classes", "bits", "none"]
OffsetRule = Literal["fixed", "raster_bands", "earth_search", "baseline"]
Georeference = Literal["grid", "gcps"]
Dtype = Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
FAMILIES: tuple[Family, ...] = get_args(Family)
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)
OFFSET_RULES: tuple[OffsetRule, ...] = get_args(OffsetRule)
GEOREFERENCES: tuple[Georeference, ...] = get_args(Georeference)
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
"""Data types that a source may store."""

ACQUISITION = ("platform", "datetime", "datatake", "cell")
"""Names that may identify an acquisition, besides properties of an extension (``sat:absolute_orbit``)."""

PERIOD_LABEL = r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$"
TILE_ID = r"^r\d+c\d+$"

LARGEST_REFL = (0.5, 20.0)
"""Range of the reflectance that ``valid_max`` of an optical sensor may stand for; outside it, scale or valid_max is a typing error."""


LARGEST_SCALE = 0.01
"""Largest reflectance per digital number of an optical sensor."""


def _require(holds: bool, where: str, what: str, remedy: str) -> None:
    if not holds:
        raise ModelError(what, where=where, remedy=remedy)


def _require_one_of(value: str, known: tuple[str, ...], where: str) -> None:
    _require(value in known, where, f"{value!r} is not known", f"choose one of {', '.join(known)}")


@lru_cache(maxsize=256)
def crs_fault(crs: str) -> str:
    """Why a CRS cannot be that of a grid; empty where it can. It must be projected, in metres."""
    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return f"unknown CRS {crs!r}"
    in_metres = parsed.is_projected and all(axis.unit_name == "metre" for axis in parsed.axis_info)
    return "" if in_metres else f"{crs} is not a projected CRS in metres"


@dataclass(frozen=True)
class Band:
    """One band of a sensor, as a catalog names it."""

    role: str
    """Canonical name: one of OPTICAL_BANDS, RADAR_BANDS or SIDE_BANDS."""
    assets: tuple[str, ...]
    """STAC asset keys; the first that is present is used."""
    resolution_m: float
    """Native pixel size, metres."""
    required: bool = True
    """A scene without a required band is refused; an optional band is filled with nodata."""
    calibration: str = ""
    """STAC asset key of the band's calibration table; empty for a band that is calibrated already."""
    noise: str = ""
    """STAC asset key of the band's table of thermal noise; empty where there is none."""

    def __post_init__(self) -> None:
        _require_one_of(self.role, (*OPTICAL_BANDS, *RADAR_BANDS, *SIDE_BANDS), "role")
        here = f"bands.{self.role}"
        _require(bool(self.assets) and all(self.assets), f"{here}.assets", "the band names no asset", "give the STAC asset keys, the preferred first")
        _require(0 < self.resolution_m < math.inf, f"{here}.resolution_m", f"a pixel of {self.resolution_m:g} m", "give the pixel size in metres")
        _require(bool(self.calibration) or not self.noise, f"{here}.noise", "a table of noise without one of calibration", "name both, or neither")


@dataclass(frozen=True)
class MaskRule:
    """How a mask value becomes QA flags."""

    kind: str
    """``classes`` (value is a class), ``bits`` (value is a bit field) or ``none``."""
    flags: dict[int, str] = field(default_factory=dict)
    """Class value or bit index to the name of a QA flag, one of QA_FLAGS."""
    fill: int = 0
    """Mask value that means no data."""

    def __post_init__(self) -> None:
        _require_one_of(self.kind, MASK_KINDS, "mask.kind")
        largest = 15 if self.kind == "bits" else 65535
        for key, name in self.flags.items():
            _require_one_of(name, QA_FLAGS, f"mask.flags.{key}")
            _require(0 <= key <= largest, f"mask.flags.{key}", f"{key} cannot be of {self.kind}", f"give numbers from 0 to {largest}")
        agree = bool(self.flags) != (self.kind == "none")
        _require(agree, "mask.flags", f"a mask of kind {self.kind} with {len(self.flags)} flags", "give flags, or kind none without any")
        _require(0 <= self.fill <= 65535, "mask.fill", f"a mask cannot hold {self.fill}", "give a number from 0 to 65535")


@dataclass(frozen=True)
class QualityRule:
    """How an item states the geometric quality of its pixels, and which quality classes are used."""

    property: str
    """STAC property that holds the class."""
    classes: tuple[str, ...]
    """All classes. An item without the property may name one at the end of its id, as Landsat items do (``…_02_T2``)."""
    accepted: tuple[str, ...]
    """Classes that are used where the key ``sources.quality`` is not set."""

    def __post_init__(self) -> None:
        _require(bool(self.property), "quality.property", "no property", "name the STAC property that holds the class")
        known = bool(self.accepted) and set(self.accepted) <= set(self.classes)
        _require(known, "quality.accepted", f"{list(self.accepted)} of {list(self.classes)}", "accept at least one of the classes")


@dataclass(frozen=True)
class Sensor:
    """A STAC collection as a table in ``config/sensors``. A new collection is a new table.

    Raises
    ------
    ModelError : a value that cannot be right, or values that contradict each other.
    """

    name: str
    """Name of the table, as configurations write it."""
    collection: str
    """STAC collection id."""
    family: str
    """``optical`` or ``radar``."""
    platforms: tuple[str, ...]
    """Lower-case platform names accepted; empty means any."""
    bands: tuple[Band, ...]
    scale: float
    """Reflectance (or, for radar, unit) per digital number where the item does not state it."""
    offset_rule: str
    """How the additive offset is decided, one of OFFSET_RULES."""
    offset: float
    """Additive offset in reflectance, used by ``fixed``."""
    nodata: float
    dtype: str
    """Stored data type; signed types are shifted exactly into uint16 chips."""
    valid_min: float
    valid_max: float
    """Digital numbers outside [valid_min, valid_max] are clamped to it and flagged (optical), or become nodata (radar)."""
    mask: MaskRule
    georeference: str = "grid"
    """``grid``: north-up pixels of a CRS; ``gcps``: pixels in flight geometry, with ground control points."""
    deduplicate_by: tuple[str, ...] = ()
    """Item properties that identify an acquisition; of several processings the newest is kept."""
    quality: QualityRule | None = None
    """Classes of geometric quality; None where the archive has none."""
    source: str = ""
    """Where the table's numbers come from."""

    def __post_init__(self) -> None:
        _require(bool(self.name), "name", "the sensor has no name", "name it as configurations shall write it")
        _require(bool(self.collection), "collection", "no STAC collection", "give the collection's id in the catalog")
        _require_one_of(self.family, FAMILIES, "family")
        lower = all(p and p == p.lower() for p in self.platforms)
        _require(lower, "platforms", f"platforms {list(self.platforms)}", "write them in lower case, such as sentinel-2a")
        _require_one_of(self.georeference, GEOREFERENCES, "georeference")
        self._check_bands()
        self._check_offset()
        self._check_numbers()
        self._check_acquisition()

    def _check_bands(self) -> None:
        roles = [b.role for b in self.bands]
        _require(len(set(roles)) == len(roles), "bands", f"roles occur more than once: {roles}", "give every role one band")
        optical = self.family == "optical"
        alien = sorted(set(roles) & set(RADAR_BANDS if optical else (*OPTICAL_BANDS, *SIDE_BANDS)))
        _require(not alien, "bands", f"bands {', '.join(alien)} in a sensor of family {self.family}", "remove them, or correct the family")
        needed = [b for b in OPTICAL_BANDS if b not in OPTIONAL_BANDS] if optical else ["vv"]
        missing = [b for b in needed if b not in roles]
        _require(not missing, "bands", f"an {self.family} sensor needs the bands {', '.join(missing)}".replace("an r", "a r"), "name their assets")
        forced = [b.role for b in self.bands if b.role in THERMAL_BANDS and b.required]
        _require(not forced, "bands", f"{', '.join(forced)} as a required band", "set required: false: many scenes have no surface temperature")
        agree = ("mask" in roles) == (self.mask.kind != "none")
        _require(agree, "mask", f"mask.kind is {self.mask.kind}, and the band mask is {'' if 'mask' in roles else 'not '}there", "give both, or neither")
        if self.georeference == "gcps":
            _require(not optical, "georeference", "optical pixels in flight geometry", "only radar is put on the ground by control points")
            bare = [b.role for b in self.bands if not (b.calibration and b.noise)]
            _require(not bare, "bands", f"{', '.join(bare)} in flight geometry without tables", "name the assets of calibration and noise")

    def _check_offset(self) -> None:
        _require_one_of(self.offset_rule, OFFSET_RULES, "offset_rule")
        _require(abs(self.offset) <= 1, "offset", f"an offset of {self.offset:g}", "give it in reflectance, such as -0.1")
        plain = self.family == "optical" or (self.offset_rule == "fixed" and self.offset == 0)
        _require(plain, "offset", "an offset of radar", "set offset_rule: fixed and offset: 0")

    def _check_numbers(self) -> None:
        _require_one_of(self.dtype, DTYPES, "dtype")
        kind, low, high = np.dtype(self.dtype).kind, self.valid_min, self.valid_max
        _require(0 < self.scale < math.inf, "scale", f"a scale of {self.scale:g}", "give the reflectance of a digital number, such as 0.0001")
        _require(low <= high, "valid_min", f"valid_min {low:g} is above valid_max {high:g}", "exchange them")
        if kind != "f":
            info = np.iinfo(self.dtype)
            held = float(self.nodata).is_integer() and info.min <= self.nodata <= info.max
            _require(held, "nodata", f"{self.dtype} cannot hold {self.nodata:g}", "give the number that marks missing pixels")
            fits = self.georeference == "gcps" or (info.min <= low and high <= info.max)
            _require(fits, "valid_min" if low < info.min else "valid_max", f"{self.dtype} cannot hold {low:g} to {high:g}", "give digital numbers")
        if self.family == "radar":
            _require(low > 0, "valid_min", f"a power of {low:g}", "give the least linear power that is no noise, such as 0.00001")
            return
        room = round(high) - min(round(low), 1) + 1
        _require(room <= 65535, "valid_max", f"{low:g} to {high:g} do not fit into the 65535 numbers of a chip", "narrow the valid range")
        largest = high * self.scale + self.offset
        likely = LARGEST_REFL[0] <= largest <= LARGEST_REFL[1]
        _require(likely, "scale", f"valid_max {high:g} stands for a reflectance of {largest:g}", "check scale, offset and valid_max")
        coarse = f"a scale of {self.scale:g}: chips hold whole numbers, which would be that far apart"
        _require(self.scale <= LARGEST_SCALE, "scale", coarse, "give 0.0001 or the like; files that hold reflectances from 0 to 1 are converted to it")

    def _check_acquisition(self) -> None:
        for name in self.deduplicate_by:
            if ":" not in name:
                _require_one_of(name, ACQUISITION, "deduplicate_by")
        timed = any(":" in name or name in ("datetime", "datatake") for name in self.deduplicate_by)
        _require(timed, "deduplicate_by", "nothing tells two dates apart", "name datetime or datatake, or all scenes would be one acquisition")

    def without(self, roles: Collection[str]) -> Sensor:
        """The same sensor without the bands of some roles."""
        return replace(self, bands=tuple(b for b in self.bands if b.role not in roles))

    def band(self, role: str) -> Band | None:
        """The band of that role, or None."""
        return next((b for b in self.bands if b.role == role), None)

    def known_band(self, role: str) -> Band:
        """The band of that role, which the sensor has.

        Raises
        ------
        ModelError : it has none.
        """
        band = self.band(role)
        if band is None:
            raise ModelError(f"the sensor has no band {role!r}", where=self.name, remedy="add the band to the sensor's table")
        return band


def year_at(when: date) -> float:
    """A day, or a moment of one, as a decimal year.

    >>> year_at(date(2023, 1, 1)), year_at(datetime(2023, 7, 2, 12))
    (2023.0, 2023.5)
    """
    moment = when if isinstance(when, datetime) else datetime(when.year, when.month, when.day)
    start = datetime(when.year, 1, 1)
    return when.year + (moment - start) / (datetime(when.year + 1, 1, 1) - start)


@dataclass(frozen=True)
class Period:
    """A reporting period. Both dates are included; they are solar days."""

    label: str
    """Letters, digits and hyphens, at most 32."""
    start: date
    end: date

    def __post_init__(self) -> None:
        _require(bool(re.fullmatch(PERIOD_LABEL, self.label)), "label", f"a period called {self.label!r}", "use letters, digits and hyphens")
        _require(self.start <= self.end, "end", f"period {self.label} ends before it starts: {self.start} to {self.end}", "exchange the dates")

    def __contains__(self, day: date | datetime) -> bool:
        day = day.date() if isinstance(day, datetime) else day
        return self.start <= day <= self.end

    @property
    def middle_year(self) -> float:
        """Middle of the period as a decimal year, for rates."""
        return year_at(self.start + (self.end - self.start) / 2)


@dataclass(frozen=True)
class Grid:
    """North-up pixel grid of a run. Origin is the upper-left corner."""

    crs: str
    """Projected CRS in metres, e.g. ``EPSG:32650``."""
    resolution_m: float
    left: float
    top: float
    width: int
    height: int

    def __post_init__(self) -> None:
        fault = crs_fault(self.crs)
        _require(not fault, "crs", fault, "use a projected CRS in metres, such as EPSG:32650")
        _require(0 < self.resolution_m < math.inf, "resolution_m", f"pixels of {self.resolution_m:g} m", "give a size above 0")
        _require(math.isfinite(self.left) and math.isfinite(self.top), "left, top", f"an origin at ({self.left}, {self.top})", "give metres")
        _require(self.width > 0 and self.height > 0, "width, height", f"{self.width} x {self.height} pixels", "a grid has at least one")

    @property
    def transform(self) -> Affine:
        return Affine(self.resolution_m, 0, self.left, 0, -self.resolution_m, self.top)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in CRS units."""
        r = self.resolution_m
        return (self.left, self.top - self.height * r, self.left + self.width * r, self.top)

    @property
    def shape(self) -> tuple[int, int]:
        return (self.height, self.width)

    @property
    def pixel_area_m2(self) -> float:
        """Area of a pixel in the map plane; indicators correct it to the ellipsoid."""
        return self.resolution_m**2

    def window(self, row: int, col: int, height: int, width: int) -> Grid:
        """The sub-grid that starts at pixel (row, col); it may reach beyond the grid."""
        r = self.resolution_m
        return Grid(self.crs, r, self.left + col * r, self.top - row * r, width, height)

    def buffered(self, margin_m: float) -> Grid:
        """The grid grown on every side by at least ``margin_m``, in whole pixels."""
        n = math.ceil(margin_m / self.resolution_m)
        return self.window(-n, -n, self.height + 2 * n, self.width + 2 * n)


@dataclass(frozen=True)
class Tile:
    """One piece of the run's grid: the unit of a job."""

    id: str
    """``r003c012``: row and column in the tiling."""
    row: int
    """First pixel row of the tile in the run's grid."""
    col: int
    """First pixel column of the tile in the run's grid."""
    grid: Grid

    def __post_init__(self) -> None:
        _require(bool(re.fullmatch(TILE_ID, self.id)), "id", f"a tile called {self.id!r}", "ids look like r003c012")
        _require(self.row >= 0 and self.col >= 0, "row, col", f"a tile at pixel ({self.row}, {self.col})", "count from the grid's upper left corner")


@dataclass(frozen=True)
class Scene:
    """One row of ``scenes.parquet``: all facts of a scene that later steps use."""

    scene_id: str
    """STAC item id as found."""
    key: str
    """Cleaned id, safe as a file name and unique in the run."""
    sensor: str
    """Name of the sensor table."""
    collection: str
    platform: str
    datetime: datetime
    """UTC."""
    solar_day: date
    """Date of local mean solar time at the scene's centre."""
    processing_baseline: str
    cloud_cover: float | None
    """Percent; None where the catalog does not say."""
    sun_elevation_deg: float | None
    sun_azimuth_deg: float | None
    scale: float
    offset: float
    """Additive offset as decided: reflectance = digital number * scale + offset."""
    offset_decision: str
    """How the offset was decided, in words."""
    offset_confidence: str
    """``high`` or ``low``."""
    status: str
    """``used``, ``skipped`` or ``failed``."""
    reason: str
    """Why it is skipped or failed; empty for used scenes."""
    assets: dict[str, str] = field(default_factory=dict)
    """Band role to href."""
    bbox: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """West, south, east, north in degrees."""
    footprint_wkt: str = ""
    sign: str = "none"
    """Signer needed to read the hrefs: ``none`` or ``planetary-computer``."""
    internal_hosts: bool = False
    """Whether its files may be read from hosts of internal networks, also after a redirect: its hrefs name such hosts and are allowed to, or the user
    allows it (``sources.internal_hosts``)."""
    generated: str = ""
    """When the product was made, as the catalog writes it; empty where it does not say."""
    relative_orbit: int | None = None
    """Number of the orbit within the repeat cycle (Landsat: the path); None where the item does not say."""
    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Band role to (rows, columns), for bands whose shape the item declares."""
    quality: str = ""
    """Class of geometric quality, see `Sensor.quality`; empty where the item does not say."""
    displaced_x_m: float | None = None
    """How far the scene lies east of the other dates, metres; None where it was not measured."""
    displaced_y_m: float | None = None
    """How far it lies north of them, metres; None likewise."""
    moved_x_m: float = 0.0
    """Shift to the east that is added to its coordinates when it is read, metres."""
    moved_y_m: float = 0.0
    """Shift to the north that is added, metres."""
    registration: str = ""
    """Result of the registration, in words; empty where the scene was not registered."""
    tables: dict[str, str] = field(default_factory=dict)
    """``vv calibration``, ``vv noise`` … to the href of the table; empty where bands are calibrated already."""
    identity: dict[str, dict[str, str]] = field(default_factory=dict)
    """Band role to the identity of its file's content (see `catalog.identity`) at the time of the search; ``offset`` was decided for that content."""


def solar_day(when: datetime, longitude_deg: float) -> date:
    """Date of local mean solar time: UTC shifted by 4 minutes per degree of longitude.

    >>> solar_day(datetime(2024, 1, 1, 23, 0), 116.0).isoformat()
    '2024-01-02'
    """
    return (when + timedelta(minutes=4 * longitude_deg)).date()


@dataclass(frozen=True)
class MapBand:
    """Name and meaning of a band of a map."""

    name: str
    description: str
    unit: str = "1"


@dataclass(frozen=True)
class Colour:
    """One stop of a ramp, or one class."""

    value: float
    rgb: str
    """``#rrggbb``."""
    label: str
    alpha: int = 255
    """0 transparent, 255 opaque."""

    @property
    def rgba(self) -> tuple[int, int, int, int]:
        return (*bytes.fromhex(self.rgb[1:]), self.alpha)


@dataclass(frozen=True)
class Style:
    """How a product is drawn."""

    title: str
    band: str
    """Name of the band that is drawn."""
    kind: str
    """``ramp`` (linear between stops, constant beyond the ends) or ``classes`` (exact values)."""
    colours: tuple[Colour, ...]


@dataclass(frozen=True)
class SampledProduct:
    """The map and band that the reference samples of a product are compared with."""

    map: str
    band: str
    map_class: int | None
    """The map class that is stratum 1; all other classes are stratum 0. None: one stratum, all but permanent water."""
    unit: str
    """``0 or 1`` for classes, ``percent`` for covers."""
    inland: bool = False
    """Whether its indicators describe inland areas, so that samples at sea do not count."""

    @property
    def class_map(self) -> str:
        """The map whose band ``class`` gives the strata."""
        return "water" if self.map_class is None else self.map
