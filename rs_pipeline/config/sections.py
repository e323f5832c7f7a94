"""Sections of the configuration that all products share: sources of data, what is reported, and how a run works."""

from __future__ import annotations

import codecs
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

import pyproj
from pydantic import Field, field_validator, model_validator

from rs_pipeline.config.fields import Fraction, Part, QAFlagName, Reflectance, Section, Year
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import PERIOD_LABEL, crs_fault
from rs_pipeline.redaction import is_secret
from rs_pipeline.sensors import load_sensor
from rs_pipeline.strict import MadePath, in_one_line

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


SHIFTED = ("GCJ-02", "BD-09")
"""Chinese coordinate systems of phones and web maps (AMap and Tencent; Baidu): degrees, some 500 m off WGS 84. They have no EPSG code."""

InputKey = Literal[
    "units.path", "masks.dem", "vegetation.networks", "coastline.reference", "coastline.tide_table", "black_odorous.wetland_prior", "water.known_bodies", "soil.dem", "soil.erosivity", "soil.erodibility",
    "tables.field_results", "tables.known_findings", "tables.grassland", "tables.grassland_plots", "tables.lakes", "tables.waters", "tables.water_classes", "tables.urban", "tables.restored_coast", "tables.red_line",
    "tables.reference_samples", "tables.gdp", "tables.mines", "tables.reserves", "tables.shoreline_buffers", "tables.xiongan", "tables.places", "tables.townships",
    "tables.values", "tables.lists", "tables.rasters", "indicators.targets", "report.earlier_indicators",
]  # fmt: skip
"""Keys that name a file of the user."""


def crs_by_its_number(value: Any) -> Any:
    """``EPSG:32650`` for the number 32650; any other value unchanged."""
    return f"EPSG:{value}" if type(value) is int else value


class InputSection(Section):
    """What a file does not say about itself, or says wrongly."""

    encoding: str | None = Field(None, description="Encoding of its texts, such as GBK or UTF-8; default: UTF-8 where the bytes are valid UTF-8, else GB18030.")
    layer: str | None = Field(None, description="Layer of a GeoPackage or geodatabase, sheet of a workbook; default: the only one that fits.")
    crs: str | None = Field(
        None, description="Coordinates: an EPSG code such as EPSG:4490, GCJ-02 (phones, AMap) or BD-09 (Baidu); default: what the file says, WGS 84 in tables."
    )

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        try:
            return value and codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}; write GBK, GB18030, UTF-8 or UTF-16") from None

    _by_its_number = field_validator("crs", mode="before")(crs_by_its_number)

    @field_validator("crs")
    @classmethod
    def _is_a_crs(cls, value: str | None) -> str | None:
        shifted = {name.replace("-", ""): name for name in SHIFTED}.get((value or "").upper().replace("-", "").removesuffix("LL"))
        if value is None or shifted:
            return shifted
        try:
            pyproj.CRS.from_user_input(value)
        except pyproj.exceptions.CRSError:
            raise ValueError(f"unknown CRS {value!r}; write an EPSG code such as EPSG:4490, or {' or '.join(SHIFTED)}") from None
        return value


class SimulationSection(Section):
    """The simulated world, made on first use."""

    path: MadePath = Field(Path("data/sample"), description="Folder the simulated world is written to.")
    seed: int = Field(1, ge=0, description="Same seed, same world.")
    years: int = Field(3, ge=1, le=10, description="Number of simulated years.")
    landscape: Literal["coast", "mudflat", "cordgrass", "plain", "city", "mountain", "lake", "solar"] = Field(
        "coast", description="Kind of land. Only the first three have a sea."
    )
    size_px: tuple[int, int] = Field((600, 480), description="Width and height in 10 m pixels: multiples of 6, 60 or more.")

    @field_validator("size_px")
    @classmethod
    def _divisible(cls, value: tuple[int, int]) -> tuple[int, int]:
        if any(n % 6 or n < 60 for n in value):
            raise ValueError(f"{value[0]} x {value[1]} pixels; use multiples of 6, at least 60, so that 10, 20 and 30 m pixels fit")
        return value


VARIABLE = r"\$\{(\w+)\}"
"""An environment variable in a text."""


class SourceSection(Section):
    """One collection in one catalog."""

    sensor: str = Field(description="Name of a table in config/sensors, without .yaml; or path of your own table, from the start folder (my/sensor.yaml).")
    catalog: str = Field(
        min_length=1,
        description="https:// URL of a STAC API, or path of a static catalog (catalog.json or its folder), of a folder of items, or of a file "
        "of items (FeatureCollection, .ndjson, stac-geoparquet). A password or key in it is written as ${NAME}, and taken from that environment variable: "
        "https://me:${WORD}@host/stac, https://host/stac?subscription-key=${KEY}.",
    )
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")], str] = Field(
        {},
        description="Headers that a STAC API wants to see, such as {Authorization: Bearer ${TOKEN}}; values name environment variables. Sent to its own host only.",
    )
    sign: Literal["none", "planetary-computer"] = Field("none", description="How hrefs are signed at read time.")
    max_cloud_cover: float = Field(90.0, ge=0, le=100, description="Scenes cloudier than this percentage are skipped, with the reason.")
    schemes: list[Literal["file", "https", "http", "s3"]] | None = Field(
        None, min_length=1, description="Allowed href schemes. Default: file and https for a folder, https for an API."
    )
    allow_unmasked: bool = Field(False, description="Use scenes without a cloud mask; only very bright pixels are then dropped, and the evidence says so.")
    exact_count: bool = Field(
        True, description="Whether the number of matching items that an API states is exact: then a search that returns fewer is refused."
    )
    quality: list[str] | None = Field(
        None, min_length=1, description="Classes of geometric quality to use, such as [T1, T2] of Landsat. Default: those that the sensor's table accepts."
    )
    internal_hosts: bool = Field(
        False,
        description="Let a remote catalog name hosts of the internal network, or this machine. A catalog that is internal itself needs it unless its address is an "
        "IP address or localhost, or ends in .internal, .local, .lan or .home.arpa: for any other name the answer of its name servers would decide.",
    )
    folders: list[Path] = Field(
        [],
        description="Folders whose files the catalog may name besides those in its own folder, such as [../data]; [/] allows all. A path with .. or "
        "an absolute one that leads elsewhere is skipped, with the reason.",
    )
    priority: int = Field(0, description="Where two sources name the same acquisition, that of the higher priority is kept.")

    @field_validator("catalog")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        if "://" not in value:
            return value
        try:
            parts = urlsplit(value)
            secrets = [parts.password or ""] + [v for name, v in parse_qsl(parts.query) if is_secret(name)]
        except ValueError:  # no address: the check at the start says so
            return value
        if any(s and not re.fullmatch(VARIABLE, s) for s in secrets):
            raise ValueError(
                "the address holds a password or key, which would stand in every copy of the configuration; write ${NAME} in its place and set the environment variable NAME"
            )
        if re.search(VARIABLE, parts.path):
            raise ValueError(
                "${NAME} stands in the path of the address, which servers repeat in what they answer; write a key as a field (?key=${NAME}), as a user, or in sources.headers"
            )
        return value

    @field_validator("headers")
    @classmethod
    def _names_variables(cls, value: dict[str, str]) -> dict[str, str]:
        if plain := [name for name, text in value.items() if not re.search(VARIABLE, text)]:
            raise ValueError(f"{', '.join(plain)}: write ${{NAME}} in the place of the key and set the environment variable NAME")
        return value

    @field_validator("sensor")
    @classmethod
    def _table_is_right(cls, value: str) -> str:
        try:
            load_sensor(value)
        except ConfigError as fault:
            raise ValueError(in_one_line(fault)) from None
        return value

    @field_validator("max_cloud_cover")
    @classmethod
    def _in_percent(cls, value: float) -> float:
        if 0 < value < 1:
            raise ValueError(f"{value:g} would leave out nearly every scene; percent is meant, not a share: write {100 * value:g}")
        return value

    @model_validator(mode="after")
    def _classes_are_known(self) -> Self:
        rule = load_sensor(self.sensor).quality
        known = rule.classes if rule else ()
        if unknown := [c for c in self.quality or () if c not in known]:
            raise ValueError(f"quality {', '.join(unknown)}: {self.sensor} has {', '.join(known) or 'no classes'}")
        return self


def _code(given: Any) -> Any:
    """A code as text. YAML reads a code without quotes as a number: with six digits it is complete, with fewer it may have lost leading zeros.

    Raises
    ------
    ValueError : zeros may be lost.
    """
    if type(given) is not int:
        return given
    if given < 100_000:
        raise ValueError(f"{given} is a code without its quotes, and zeros in front may be lost; write it in quotes, such as '000000'")
    return str(given)


class UnitsSection(Section):
    """The polygons indicators are reported for."""

    path: Path = Field(description="Polygon file (GeoPackage, GeoJSON, Shapefile) with a CRS.")
    code: str = Field("adcode", description="Column with the unique code.")
    name: str = Field("name", description="Column with the name.")
    prefecture: str | None = Field(
        "prefecture", description="Column with the prefecture; null where there is none: the tables then have no rows of prefectures."
    )
    only: list[str] = Field(
        [], description='Codes of the units of the file that the run uses: ["130209", "130225"]; default all. The region consists of these units.'
    )

    @field_validator("only", mode="before")
    @classmethod
    def _codes_as_text(cls, value: Any) -> Any:
        return [_code(c) for c in value] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _three_columns(self) -> Self:
        if len({self.code, self.name, self.prefecture}) < 3:
            raise ValueError(f"code, name and prefecture must be three columns, got {self.code}, {self.name} and {self.prefecture}")
        return self


class GridSection(Section):
    """The pixels of the products, and how they are cut into jobs."""

    crs: str = Field("auto", description="Projected CRS in metres, such as EPSG:32650, or auto: the UTM zone of the region's centre.")
    resolution_m: float = Field(
        10.0,
        ge=1,
        le=1000,
        description="Pixel size of the products, metres; 10 with Sentinel, 30 of Landsat and HLS alone.",
        json_schema_extra={"default_words": "that of the finest sensor"},
    )
    tile_px: int = Field(1024, ge=64, le=8192, multiple_of=16, description="Pixels on a side of a tile, a multiple of 16: one job per tile and period.")
    margin_m: float = Field(320.0, ge=0, le=5000, description="Chips reach this far beyond the tile, so that masks and reaches do not end at its border.")

    _by_its_number = field_validator("crs", mode="before")(crs_by_its_number)

    @field_validator("crs")
    @classmethod
    def _in_metres(cls, value: str) -> str:
        if value != "auto" and (fault := crs_fault(value)):
            raise ValueError(f"{fault}; use auto, or a UTM zone such as EPSG:32650")
        return value


class PeriodsSection(Section):
    """Every calendar year from one to another."""

    first_year: Year = Field(description="First calendar year reported, 1984 or later.")
    last_year: Year | Literal["today"] = Field("today", description="Last calendar year reported; today: the current one, as far as it has scenes.")


class NamedPeriod(Section):
    """A period that is no calendar year."""

    label: str = Field(pattern=PERIOD_LABEL, description="Name of the period in tables and files: letters, digits, hyphens, at most 32.")
    start: date = Field(description="First day, YYYY-MM-DD, solar time.")
    end: date = Field(description="Last day, inside the period.")

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"{self.label} ends before it starts: {self.start} to {self.end}")
        if not 1984 <= self.start.year <= self.end.year <= 2100:
            raise ValueError(f"{self.label} lasts from {self.start} to {self.end}; years from 1984 to 2100 can be reported")
        return self


class SearchSection(Section):
    """How scenes are found."""

    max_scenes: int = Field(200_000, ge=1, description="A search that finds more is refused.")
    max_lost_share: Fraction = Field(
        0.1,
        description="Largest share of the scenes of earlier searches that a search may not find, or cannot read: in all, of a sensor or of a period. Beyond "
        "it the search is refused and the last one is kept, because archives sometimes answer in part. A single lost scene gives only a warning.",
    )
    self_test: bool = Field(True, description="Decide Sentinel-2 offsets from pixels as well as metadata.")
    register_scenes: bool = Field(
        True, description="Measure how far each scene is displaced from the other dates, and shift it back where that is half a pixel or more."
    )


class FetchSection(Section):
    """How scenes are read, and what is kept of them."""

    retries: int = Field(4, ge=0, le=20, description="Further tries of a request or a raster after the first.")
    backoff_s: float = Field(1.0, gt=0, le=60, description="Pause before the second try, seconds; doubled each time.")
    max_wait_s: float = Field(300.0, gt=0, le=86_400, description="Longest pause, seconds. A request whose server asks for a longer one is given up.")
    timeout_s: float = Field(
        60.0, ge=1, le=3600, description="Seconds without an answer after which a request is tried again; in all it may take twice as long."
    )
    give_up_s: float = Field(
        120.0,
        ge=0,
        le=86_400,
        description="A host that has not answered for these seconds, nor to three requests with all their tries, is not asked for a while (ask_again_s).",
    )
    ask_again_s: float = Field(300.0, ge=0, le=86_400, description="Seconds for which no job asks such a host; then one request tries again.")
    connections: int = Field(16, ge=1, le=64, description="Most simultaneous requests of a job for parts of remote rasters, over all bands and scenes.")
    parts_gb: float = Field(
        20.0,
        ge=0,
        description="Space for parts of remote files in the run's folder, GB, so that neighbouring tiles do not request them again; 0 for none. The parts "
        "used longest ago are removed first, and all of them when the run has ended.",
    )
    cache: Path | None = Field(
        None,
        description="Folder that keeps chips of remote scenes for other runs and configurations; default .cache in the output folder. Several users may "
        "share it: who may write to it decides what the others see.",
    )
    cache_gb: float = Field(20.0, ge=0, description="Size limit of that folder, GB, 0 for no cache; the chips used longest ago are removed first.")
    max_pixels: int = Field(1_000_000_000, ge=1, description="A raster with more pixels is refused.")
    keep_chips: bool = Field(
        True,
        description="False: a tile's chips are removed when its products are made; if it must run again they are fetched again, from the cache where possible.",
    )


class MaskSection(Section):
    """Which QA flags remove a date from a product, and how far cloud masks are extended."""

    vegetation: list[QAFlagName] = Field(
        ["nodata", "cloud", "shadow", "cirrus", "snow", "saturated", "buffer", "terrain"], description="QA flags that remove a date from vegetation cover."
    )
    water: list[QAFlagName] = Field(
        ["nodata", "cloud", "cirrus", "saturated", "buffer", "shadow_confirmed", "terrain"],
        description="QA flags that remove a date from water. Shadow is left out: cloud masks label dark water as shadow; shadow_confirmed is a shadow that a cloud explains.",
    )
    black_odorous: list[QAFlagName] = Field(
        ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer", "shadow_confirmed", "terrain", "haze"],
        description="QA flags that remove a date from black-odorous water and water quality.",
    )
    coastline: list[QAFlagName] = Field(
        ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer", "shadow_confirmed", "terrain"],
        description="QA flags that remove a date from the coastline.",
    )
    land: list[QAFlagName] = Field(
        ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer", "shadow_confirmed", "terrain"], description="QA flags that remove a date from land cover."
    )
    heat: list[QAFlagName] = Field(
        ["nodata", "cloud", "shadow", "cirrus", "snow", "buffer", "terrain"], description="QA flags that remove a date from surface temperature."
    )
    cloud_buffer_m: float = Field(150.0, ge=0, le=2000, description="Clouds are dilated by this much, metres.")
    shadow_height_m: tuple[float, float] = Field(
        (200.0, 10_000.0), description="Lowest and highest cloud, metres above the ground, that may cast a shadow; 0 to 20000, the lowest first."
    )
    shadow_darkness: float = Field(
        0.9,
        gt=0,
        le=1,
        description="A cloud's shadow is darker in NIR than this share of the pixel's clear median; nearer 1 keeps more shadows, and so fewer dates.",
    )
    bright_blue_refl: Reflectance = Field(
        0.2, description="Of scenes without a cloud mask (sources.allow_unmasked), pixels with a blue reflectance above this count as cloud."
    )
    dem: Path | None = Field(None, description="Heights in metres, any CRS. With it, pixels in the shadow of terrain get the flag terrain.")
    radar_edge_m: float = Field(500.0, ge=0, le=10_000, description="Radar pixels this near to a scene's range edges are dropped.")

    @field_validator("vegetation", "water", "black_odorous", "coastline", "land", "heat")
    @classmethod
    def _without_nodata(cls, value: list[str]) -> list[str]:
        if "nodata" not in value:
            raise ValueError("the list must hold nodata: else pixels without data count as clear")
        return value

    @field_validator("shadow_height_m")
    @classmethod
    def _low_then_high(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] < value[1] <= 20_000:
            raise ValueError(f"clouds from {value[0]:g} to {value[1]:g} m; give the lowest and the highest, from 0 to 20000 m")
        return value


class TablesSection(Section):
    """Side tables. A path that is named must exist; with null the indicator states that it needs the table."""

    grassland: Path | None = Field(None, description="Grassland polygons with column type.")
    grassland_plots: Path | None = Field(
        None, description="CSV of plots that calibrate the cover of grassland: lon, lat, year, type (as in grassland), cover in percent."
    )
    lakes: Path | None = Field(None, description="Outlines of the lakes to be watched (Baiyangdian) with column name.")
    waters: Path | None = Field(
        None,
        description="Polygons of waters to be watched month by month, with columns name and kind (lake, section, sea); a section is the piece of water around it.",
    )
    water_classes: Path | None = Field(None, description="CSV of official classes of these waters: name, month (YYYY-MM), class (I to V, 劣V).")
    urban: Path | None = Field(None, description="Polygons of built-up towns: which reaches are urban.")
    restored_coast: Path | None = Field(None, description="Lines or polygons of officially restored coast, which counts as natural.")
    red_line: Path | None = Field(None, description="Ecological red-line polygons; an optional column marine (yes or no) tells what is at sea.")
    reference_samples: Path | None = Field(
        None, description="CSV of reference pixels of a random sample: lon, lat, period, product, value (0 or 1; percent for covers)."
    )
    gdp: Path | None = Field(None, description="CSV of gross domestic product in prices of one year: adcode, period, gdp.")
    mines: Path | None = Field(None, description="Polygons of mines.")
    reserves: Path | None = Field(None, description="Polygons of nature reserves.")
    shoreline_buffers: Path | None = Field(None, description="Polygons of the management zones of rivers and lakes.")
    xiongan: Path | None = Field(None, description="Polygons of the Xiong'an New Area (1770 km2).")
    field_results: Path | None = Field(
        None,
        description="Visits: lon, lat, date, black (1 or 0), or the form of findings filled in (finding_id, date, found). A visit decides the state of its reach in its period, or of its finding: whether converted land or coast counts.",
    )
    known_findings: Path | None = Field(
        None, description="Findings of an earlier run (its findings/findings.gpkg): a finding that still exists keeps its finding_id and its decision."
    )
    places: Path | None = Field(
        None, description="Polygons of places to be watched with columns kind and name; optional place_id and, of contaminated plots, cleared (year)."
    )
    townships: Path | None = Field(None, description="Polygons of townships and streets with a column name: findings say in which they lie.")
    values: Path | None = Field(None, description="CSV of official values: adcode, period, target_id, value, lower, upper.")
    lists: Path | None = Field(
        None,
        description="CSV of what a target counts, one row per thing: target_id, adcode, name, since (year in which it was named or finished; empty: not yet).",
    )
    rasters: Path | None = Field(
        None, description="CSV of rasters of other sources: target_id, period, path, unit, half_width (uncertainty of their mean, plus or minus)."
    )


class IndicatorsSection(Section):
    """Which targets values are compared with, and how units that were observed in part are reported."""

    targets: Path | None = Field(None, description="Table of targets; default that of the province's table.")
    official_coast_km: dict[Annotated[str, Field(pattern=r"^\d{6}$")], Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="Official length of the coast in km by adcode, 000000 for all units: the second denominator of the retention rate."
    )
    publish_fraction: Fraction = Field(0.95, description="Observed share of a unit from which its value is published; the unobserved part widens the interval.")
    scale_fraction: Fraction = Field(
        0.80, description="Down to this share: published too, and the reason says that the value is scaled to the whole unit. At most publish_fraction."
    )
    range_fraction: Part = Field(0.50, description="Down to this share: published as a range; below it: withheld. Above 0, at most scale_fraction.")
    max_lost_share: Fraction = Field(
        0.2, description="Where more than this share of a unit's scenes of a period could not be read, its rows say so and the run ends with exit code 1."
    )

    @field_validator("official_coast_km", mode="before")
    @classmethod
    def _codes_as_text(cls, value: Any) -> Any:
        return {_code(c): v for c, v in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _in_falling_order(self) -> Self:
        if not self.range_fraction <= self.scale_fraction <= self.publish_fraction:
            got = f"{self.range_fraction:g}, {self.scale_fraction:g} and {self.publish_fraction:g}"
            raise ValueError(f"range_fraction, scale_fraction and publish_fraction must rise in this order, got {got}")
        return self


class ReportSection(Section):
    """The head of the report, and the earlier run that it is compared with."""

    title: str = Field("", max_length=120, description="Title of the report; default the run's name.")
    organisation: str = Field("", max_length=120, description="Publisher of the report; default: none is named.")
    earlier_indicators: Path | None = Field(None, description="indicators.csv of an earlier run: the report says which verdicts have changed since.")

    @field_validator("title", "organisation")
    @classmethod
    def _in_one_line(cls, value: str) -> str:
        return " ".join(value.split())


class ResourcesSection(Section):
    """Resources that a job may use."""

    memory_gb: float = Field(2.0, ge=0.1, le=4096, description="Memory budget of one job, GB; it determines the size of blocks.")
    attempts: int = Field(2, ge=1, le=10, description="Tries of a job of a tile before it is given up: the tile is then missing, with the reason.")
    free_gb: float = Field(1.0, ge=0, description="With less free space (GB) on the disk of the results no job starts.")
    dask_scheduler: str | None = Field(
        None,
        pattern=r"^(slurm|(tcp|tls|ucx)://[^\s/]+)$",
        description="Blocks of a tile are processed by this dask.distributed scheduler (tcp://host:8786), or by workers that a job of its own starts on Slurm "
        "(slurm); default: threads of the job. A scheduler runs any code that it is sent: tls:// asks for the certificates that dask's own configuration names "
        "(distributed.comm.tls); tcp:// is for this machine alone, see dask_insecure.",
    )
    dask_insecure: bool = Field(
        False, description="Let dask_scheduler be a tcp:// or ucx:// address of another machine: anybody who can reach it can run code on it."
    )
    dask_interface: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Network interface, such as ib0, on which the scheduler and workers that a job starts on Slurm listen; default: that of the host's address.",
    )
    dask_workers: int = Field(2, ge=1, le=1000, description="Workers that a job starts on Slurm.")
    dask_hours: int = Field(4, ge=1, le=720, description="Time limit of those workers, hours; Slurm ends them then.")


class NotifySection(Section):
    """Notification when a run ends."""

    command: list[str] | None = Field(
        None,
        min_length=1,
        description="Program and arguments, started without a shell; the summary comes as JSON on its standard input, "
        "RS_PIPELINE_RUN and RS_PIPELINE_STATUS (complete, incomplete or failed) in its environment.",
    )
    timeout_s: float = Field(60.0, gt=0, le=3600, description="Seconds after which the program is ended.")
