"""The nouns of the pipeline: frozen dataclasses that carry meaning between rooms.

Nothing here reads files or computes products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from affine import Affine

OPTICAL_BANDS = ("blue", "green", "red", "rededge1", "nir", "swir1", "swir2")
"""Canonical optical bands, in the order of every optical stack."""

RADAR_BANDS = ("vv", "vh")
"""Canonical radar bands, in the order of every radar stack."""

QUALITY_BANDS = ("mask", "saturation", "aerosol", "opacity")
"""Roles of bands whose values are classes or bits: never interpolated, never scaled."""


@dataclass(frozen=True)
class Band:
    """One band of a sensor, as a catalog names it."""

    role: str
    """Canonical name: one of OPTICAL_BANDS, RADAR_BANDS or QUALITY_BANDS."""
    assets: tuple[str, ...]
    """STAC asset keys, the first present is used."""
    resolution_m: float
    """Native pixel size, metres."""
    required: bool = True
    """A scene without a required band is refused; an optional band is filled with nodata."""
    calibration: str = ""
    """STAC asset key of the table that calibrates the band; empty for a band that is calibrated already."""
    noise: str = ""
    """STAC asset key of the band's table of thermal noise."""


@dataclass(frozen=True)
class MaskRule:
    """How a mask value becomes reason bits."""

    kind: str
    """``classes`` (value is a class), ``bits`` (value is a bit field) or ``none``."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Class value or bit index to the name of a reason (see radiometry.masks.Reason)."""
    fill: int = 0
    """Mask value that means no data."""


@dataclass(frozen=True)
class Sensor:
    """A STAC collection as a table in ``config/sensors``. A new collection is a new table."""

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
    """Reflectance (or, for radar, unit) per digital number where the item does not say."""
    offset_rule: str
    """How the additive offset is decided: ``fixed``, ``raster_bands``, ``earth_search`` or ``baseline``."""
    offset: float
    """Additive offset in reflectance, used by ``fixed``."""
    nodata: float
    dtype: str
    """Stored data type; signed types are shifted exactly into uint16 chips."""
    valid_min: float
    valid_max: float
    """Digital numbers outside [valid_min, valid_max] are nodata."""
    mask: MaskRule
    georeference: str = "grid"
    """``grid``: north-up pixels of a CRS; ``gcps``: pixels in flight geometry, with ground control points."""
    deduplicate_by: tuple[str, ...] = ()
    """Item properties that name an acquisition; the newest processing of it is kept."""
    source: str = ""
    """Where the table's numbers come from."""

    def band(self, role: str) -> Band | None:
        """The band of that role, or None."""
        return next((b for b in self.bands if b.role == role), None)


@dataclass(frozen=True)
class Period:
    """A reporting period. Dates are inclusive, solar days."""

    label: str
    start: date
    end: date

    def __contains__(self, day: date | datetime) -> bool:
        day = day.date() if isinstance(day, datetime) else day
        return self.start <= day <= self.end

    @property
    def middle_year(self) -> float:
        """Middle of the period as a decimal year, for rates."""
        middle = self.start + (self.end - self.start) / 2
        first = date(middle.year, 1, 1)
        length = (date(middle.year + 1, 1, 1) - first).days
        return middle.year + (middle - first).days / length


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
        """The sub-grid that starts at pixel (row, col)."""
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
    grid: Grid


@dataclass(frozen=True)
class Scene:
    """One row of ``scenes.parquet``: everything a later step may know of a scene."""

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
    """reflectance = digital number * scale + offset, after the decision."""
    offset_decision: str
    """How the offset was decided, in words a reader can follow."""
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
    generated: str = ""
    """When the product was made, as the catalog writes it; empty where it does not say."""
    relative_orbit: int | None = None
    """Number of the orbit within the repeat cycle (Landsat: the path); None where the item does not say."""
    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Band role to the rows and columns that the item declares, where it does."""
    tables: dict[str, str] = field(default_factory=dict)
    """``vv calibration``, ``vv noise`` … to the href of the table; empty where bands are calibrated already."""


def solar_day(when: datetime, longitude_deg: float) -> date:
    """Date of local mean solar time: UTC shifted by 4 minutes a degree of longitude.

    >>> solar_day(datetime(2024, 1, 1, 23, 0), 116.0).isoformat()
    '2024-01-02'
    """
    return (when + timedelta(minutes=4 * longitude_deg)).date()


@dataclass(frozen=True)
class MapBand:
    """What a band of a map is called and means."""

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
    """``ramp`` (linear between stops, held beyond the ends) or ``classes`` (exact values)."""
    colours: tuple[Colour, ...]


@dataclass(frozen=True)
class SampledProduct:
    """What a sample of one product is compared with."""

    map: str
    band: str
    map_class: int | None
    """The class of the map that is stratum 1, all other classes being stratum 0; None: one stratum, all but permanent water."""
    unit: str
    """``0 or 1`` for classes, ``percent`` for covers."""

    @property
    def class_map(self) -> str:
        """The map whose band ``class`` tells the strata."""
        return "water" if self.map_class is None else self.map
