"""The typed configuration. The JSON schema is made from it; unknown keys are errors.

Paths are relative to the folder the pipeline is started in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rs_pipeline.errors import ConfigError
from rs_pipeline.model import Band, MaskRule, Period, Sensor

Fraction = Annotated[float, Field(ge=0, le=1)]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Reason = Literal["nodata", "cloud", "shadow", "cirrus", "snow", "saturated", "dark", "buffer", "shadow_confirmed", "terrain", "haze"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleSection(Section):
    """The simulated world, made on first use."""

    path: Path = Field(Path("data/sample"), description="Folder the simulated world is written to.")
    seed: int = Field(1, ge=0, description="Same seed, same world.")
    years: int = Field(3, ge=1, le=10, description="Number of simulated years.")
    landscape: Literal["coast", "mudflat", "plain", "city", "mountain", "lake"] = Field("coast", description="Kind of land. Only the first two have a sea.")
    size_px: tuple[int, int] = Field((600, 480), description="Width and height in 10 m pixels, multiples of 6.")


class SourceSection(Section):
    """One collection in one catalog."""

    sensor: str = Field(description="Name of a table in config/sensors, without .yaml.")
    catalog: str = Field(description="https:// URL of a STAC API, or path of a static catalog (catalog.json or its folder).")
    sign: Literal["none", "planetary-computer"] = Field("none", description="How hrefs are signed at read time.")
    max_cloud_cover: float = Field(90.0, ge=0, le=100, description="Scenes cloudier than this percentage are skipped, with the reason.")
    schemes: list[Literal["file", "https", "http", "s3"]] | None = Field(
        None, description="Allowed href schemes. Default: file and https for a folder, https for an API."
    )
    allow_unmasked: bool = Field(False, description="Use scenes without a cloud mask; only very bright pixels are then dropped, and the evidence says so.")
    internal_hosts: bool = Field(False, description="Let a remote catalog name hosts of the internal network, or this machine.")
    priority: int = Field(0, description="Where two sources name the same acquisition, the higher is kept.")


class UnitsSection(Section):
    """The polygons indicators are reported for."""

    path: Path = Field(description="Polygon file (GeoPackage, GeoJSON, Shapefile) with a CRS.")
    code: str = Field("adcode", description="Column with the unique code.")
    name: str = Field("name", description="Column with the name.")
    prefecture: str = Field("prefecture", description="Column with the prefecture.")


class GridSection(Section):
    crs: str = Field("auto", description="Projected CRS in metres, or auto: the UTM zone of the region's centre.")
    resolution_m: float = Field(10.0, gt=0, le=1000, description="Pixel size of the products.")
    tile_px: int = Field(1024, ge=64, le=8192, multiple_of=16, description="Pixels on a side of a tile: one job a tile and period.")
    margin_m: float = Field(320.0, ge=0, le=5000, description="Chips reach this far beyond the tile, so that masks and reaches do not end at its border.")


class PeriodsSection(Section):
    first_year: int = Field(ge=1984, le=2100)
    last_year: int | Literal["today"] = Field("today")


class NamedPeriod(Section):
    label: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")
    start: date
    end: date


class SearchSection(Section):
    max_scenes: int = Field(200_000, ge=1, description="A search that finds more is refused.")
    self_test: bool = Field(True, description="Decide Sentinel-2 offsets from pixels as well as metadata.")


class FetchSection(Section):
    retries: int = Field(4, ge=0, le=20, description="Tries after the first, of a request or a raster.")
    backoff_s: float = Field(1.0, gt=0, le=60, description="Pause before the second try; doubled each time.")
    max_wait_s: float = Field(300.0, gt=0, description="Longest pause. A server that asks for a longer one is given up.")
    timeout_s: float = Field(60.0, gt=0)
    connections: int = Field(4, ge=1, le=64, description="Remote rasters a job reads at once.")
    cache: Path | None = Field(None, description="Folder that keeps chips of remote scenes for other runs and configurations; default .cache in the output folder.")
    cache_gb: float = Field(20.0, ge=0, description="Size limit of that folder, 0 for none; what was used longest ago goes first.")
    max_pixels: int = Field(1_000_000_000, ge=1, description="A raster with more pixels is refused.")
    keep_chips: bool = Field(
        True, description="False: a tile's chips are removed when its products are made; what changes later is fetched again, from the cache where it can."
    )


class MaskSection(Section):
    """Which reasons remove a date from a product, and how far clouds reach."""

    vegetation: list[Reason] = ["nodata", "cloud", "shadow", "cirrus", "snow", "saturated", "buffer", "terrain"]
    water: list[Reason] = ["nodata", "cloud", "cirrus", "saturated", "buffer", "shadow_confirmed", "terrain"]
    black_odorous: list[Reason] = ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer", "shadow_confirmed", "terrain", "haze"]
    coastline: list[Reason] = ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer", "shadow_confirmed", "terrain"]
    land: list[Reason] = ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer", "shadow_confirmed", "terrain"]
    cloud_buffer_m: float = Field(150.0, ge=0, le=2000, description="Clouds are dilated by this much.")
    shadow_height_m: tuple[float, float] = Field((200.0, 10_000.0), description="Cloud heights for the geometric shadow.")
    shadow_darkness: Fraction = Field(0.9, description="A cloud's shadow is darker in NIR than this share of the pixel's clear median.")
    dem: Path | None = Field(None, description="Heights in metres, any CRS. With it, pixels in the shadow of terrain get the reason terrain.")
    radar_edge_m: float = Field(500.0, ge=0, le=10_000, description="Radar pixels this near to a scene's range edges are dropped.")


class VegetationSection(Section):
    """Green cover by small networks trained on simulated canopies, or by the K-corrected dimidiate model with endmembers that are held
    fixed over the years."""

    method: Literal["network", "dimidiate"] = Field("network", description="How the cover of a date is found.")
    networks: Path | None = Field(None, description="JSON file of the networks, or folder 3_0 of SNAP's auxdata; default: the pipeline's own, config/vegetation.json.")
    red_edge: bool = Field(True, description="Network: look at Sentinel-2's 20 m bands too; false: at its 10 m bands alone, for small parcels.")
    bandwidth_days: float = Field(10.0, gt=0, le=60, description="Network: width of the local lines that join the dates of a pixel.")
    soil_red_refl: Fraction = 0.16
    soil_nir_refl: Fraction = 0.22
    vegetation_red_refl: Fraction = 0.03
    vegetation_nir_refl: Fraction = 0.45
    sigma_ndvi: Fraction = Field(0.02, description="Standard error of one NDVI.")
    sigma_ndvi_soil: Fraction = 0.03
    sigma_ndvi_vegetation: Fraction = 0.03
    peak_window: tuple[MonthDay, MonthDay] = ("06-15", "09-10")
    growing_window: tuple[MonthDay, MonthDay] = ("05-01", "09-30")
    spring_crop_window: tuple[MonthDay, MonthDay] = Field(("04-10", "05-20"), description="When winter wheat stands full.")
    summer_crop_window: tuple[MonthDay, MonthDay] = Field(("07-20", "08-31"), description="When summer maize stands full.")
    peak_percentile: float = Field(90.0, ge=50, le=100)
    min_dates: int = Field(4, ge=1, description="Fewer clear dates in the window: no cover. With the networks half of them do, as far as the usual season joins few dates.")
    min_span_days: int = Field(40, ge=0, description="Days that these must span, or half of them.")


class TrendSection(Section):
    """Trends of peak vegetation cover over the periods."""

    min_years: int = Field(5, ge=4, description="Years with a value that a trend takes; with fewer the map is empty and the indicators say so.")
    false_discovery_rate: Fraction = Field(0.05, gt=0, description="Share of the greening and browning pixels of the region that may be so by chance.")


class WaterSection(Section):
    min_probability: Fraction = 0.5
    min_months: int = Field(6, ge=1, description="Fewer clear months: no frequency is published.")
    permanent_frequency: Fraction = 0.75
    seasonal_frequency: Fraction = 0.25
    ephemeral_frequency: Fraction = 0.05
    vv_max_db: float = Field(-16.0, ge=-20, le=-13)
    vh_max_db: float = Field(-22.0, ge=-27, le=-19)
    min_body_area_m2: float = Field(400.0, ge=0, description="Smaller bodies are not mapped as polygons.")
    known_bodies: Path | None = Field(None, description="Bodies of an earlier run (its water/bodies.gpkg): what is still there keeps its body_id.")
    min_reported_area_m2: float = Field(10_000.0, ge=0, description="Smaller bodies are listed but not counted.")


class LandSection(Section):
    """Land cover by a small network trained on simulated worlds."""

    min_dates: int = Field(8, ge=1, description="Fewer clear dates: no class.")
    min_seasons: int = Field(4, ge=1, le=5, description="Of winter, spring, early summer, summer and autumn, seen at least once.")


class LandZonesSection(Section):
    """Where land cover is summed besides in counties, and what counts as converted."""

    min_event_px: int = Field(5, ge=1, description="Fewer connected pixels are no conversion.")
    min_rise: Fraction = Field(0.5, description="A pixel is converted where built and bare ground rise by this share of it.")
    shore_width_m: float = Field(50.0, gt=0, description="Bank of permanent water where tables.shoreline_buffers is not given.")
    min_water_width_m: float = Field(30.0, gt=0, description="Narrower water has no bank that can be watched.")
    coastal_width_m: float = Field(2000.0, gt=0, description="Land this near to the shoreline counts for coastal wetland.")


class BlackOdorousSection(Section):
    min_dates: int = Field(6, ge=1)
    min_months: int = Field(2, ge=1)
    min_positive_share: Fraction = 0.6
    suspected_probability: Fraction = 0.8
    possible_probability: Fraction = 0.2
    prevalence: float | None = Field(
        None, gt=0, lt=1, description="Share of all reaches that are black-odorous, for the probability; default: that of the simulated worlds it was calibrated on (config/black_odorous.json)."
    )
    window: tuple[MonthDay, MonthDay] = ("04-01", "11-30")
    min_sun_elevation_deg: float = 25.0
    max_swir1_refl: float = Field(0.025, description="Brighter water is glint or a mixed pixel: the date is dropped.")
    reach_length_m: float = Field(200.0, gt=0)
    min_width_m: float = Field(30.0, gt=0)
    marginal_width_m: float = Field(20.0, gt=0)
    min_core_pixels: int = Field(3, ge=1)
    pictures: int = Field(20, ge=0, le=200, description="So many of the first rows of the inspection list get small pictures of their dates.")
    wetland_prior: Path | None = Field(None, description="Polygons of wetlands and reserves, where clean marsh water looks black.")


class CoastlineSection(Section):
    reference: Path | None = Field(None, description="Reference coastline; without it the first period's shoreline is used.")
    sea_points: list[tuple[float, float]] = Field(default_factory=list, description="Longitude, latitude of points at sea.")
    tide_table: Path | None = Field(None, description="CSV: time_utc, station, lon, lat, height_m above mean sea level.")
    tide_window: Fraction = Field(0.25, description="Dates within this share of the tidal range around mean sea level are used.")
    max_distance_m: float = Field(1500.0, gt=0, description="Shorelines are sought this far from the reference.")
    min_length_m: float = Field(300.0, ge=0)
    min_dates: int = Field(5, ge=1)
    transect_spacing_m: float = Field(100.0, gt=0)
    min_contrast: float = Field(0.06, description="Least SWIR1 contrast of land and water for the sub-pixel fraction.")


class TablesSection(Section):
    """Side tables. A path that is named must exist; null means the indicator says it needs the table."""

    grassland: Path | None = Field(None, description="Grassland polygons with column type.")
    grassland_plots: Path | None = Field(
        None, description="CSV of plots that calibrate the cover of grassland: lon, lat, year, type (as in grassland), cover in percent."
    )
    lakes: Path | None = Field(None, description="Outlines of the lakes to be watched (Baiyangdian) with column name.")
    urban: Path | None = Field(None, description="Polygons of built-up towns: which reaches are urban.")
    restored_coast: Path | None = Field(None, description="Lines or polygons of officially restored coast, which counts as natural.")
    red_line: Path | None = Field(None, description="Ecological red-line polygons.")
    reference_samples: Path | None = Field(
        None, description="CSV of reference pixels of a random sample: lon, lat, period, product, value (0 or 1; percent for covers)."
    )
    gdp: Path | None = Field(None, description="CSV of gross domestic product in prices of one year: adcode, period, gdp.")
    mines: Path | None = Field(None, description="Mine polygons.")
    reserves: Path | None = Field(None, description="Polygons of nature reserves.")
    shoreline_buffers: Path | None = Field(None, description="Polygons of the management zones of rivers and lakes.")
    xiongan: Path | None = Field(None, description="Polygons of the Xiong'an New Area (1770 km2).")
    field_results: Path | None = Field(
        None, description="CSV of visits to suspected reaches: lon, lat, date, black (1 or 0). They confirm, and 50 reaches recalibrate."
    )
    values: Path | None = Field(None, description="CSV of official values: adcode, period, target_id, value, lower, upper.")


class IndicatorsSection(Section):
    targets: Path | None = Field(None, description="Table of targets; default config/targets.csv.")
    official_coast_km: dict[str, float] = Field(
        default_factory=dict, description="Official length of the coast in km by adcode, 000000 for all units: the other denominator of retention."
    )
    publish_fraction: Fraction = Field(0.95, description="Observed at least this much: publish.")
    scale_fraction: Fraction = Field(0.80, description="Down to this: publish scaled to the whole, interval widened.")
    range_fraction: Fraction = Field(0.50, description="Down to this: publish as a range; below: withhold.")


class ResourcesSection(Section):
    memory_gb: float = Field(2.0, gt=0, description="Memory budget of one job; blocks are chosen from it.")
    attempts: int = Field(2, ge=1, le=10, description="Tries of a job of a tile before it is given up: the tile is then missing, with the reason.")
    free_gb: float = Field(1.0, ge=0, description="With less space left on the disk of the results no job starts.")
    dask_scheduler: str | None = Field(
        None, pattern=r"^(slurm|(tcp|tls|ucx)://[^\s/]+)$",
        description="Blocks of a tile are worked out by this dask.distributed scheduler (tcp://host:8786), or by workers that a job of its own starts on Slurm "
        "(slurm); default: threads of the job.",
    )  # fmt: skip
    dask_workers: int = Field(2, ge=1, le=1000, description="Workers that a job starts on Slurm.")


class NotifySection(Section):
    """Who is told when a run ends."""

    command: list[str] | None = Field(
        None, description="Program and arguments, started without a shell; the summary comes as JSON on its standard input, "
        "RS_PIPELINE_RUN and RS_PIPELINE_STATUS (complete, incomplete or failed) in its environment.",
    )  # fmt: skip
    timeout_s: float = Field(60.0, gt=0, le=3600)


class Settings(Section):
    """Everything a run depends on."""

    run: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="Name of the run and of its folder.")
    output: Path = Field(Path("results"))
    sample: SampleSection | None = None
    units: UnitsSection
    sources: list[SourceSection] = Field(min_length=1)
    periods: list[int | NamedPeriod] | PeriodsSection
    baseline: str | None = Field(None, description="Label of the period changes are measured from; default the first.")
    grid: GridSection = GridSection()
    search: SearchSection = SearchSection()
    fetch: FetchSection = FetchSection()
    masks: MaskSection = MaskSection()
    vegetation: VegetationSection = VegetationSection()
    trend: TrendSection = TrendSection()
    water: WaterSection = WaterSection()
    black_odorous: BlackOdorousSection = BlackOdorousSection()
    land: LandSection = LandSection()
    land_zones: LandZonesSection = LandZonesSection()
    coastline: CoastlineSection | None = None
    tables: TablesSection = TablesSection()
    indicators: IndicatorsSection = IndicatorsSection()
    resources: ResourcesSection = ResourcesSection()
    notify: NotifySection = NotifySection()

    @field_validator("periods")
    @classmethod
    def _not_empty(cls, value):
        if isinstance(value, list) and not value:
            raise ValueError("at least one period is needed")
        return value

    @model_validator(mode="after")
    def _check(self):
        today = date.today()
        labels = [p.label for p in self.all_periods]
        if not labels:
            raise ValueError("periods: last_year lies before first_year")
        if len(set(labels)) != len(labels):
            raise ValueError(f"periods: labels must differ, got {labels}")
        for p in self.all_periods:
            if p.start > today:
                raise ValueError(f"periods: {p.label} lies in the future ({p.start}); the newest possible is {today.year}")
            if p.end < p.start:
                raise ValueError(f"periods: {p.label} ends before it starts")
        if self.baseline is not None and self.baseline not in labels:
            raise ValueError(f"baseline: {self.baseline!r} is not one of the periods {labels}")
        for s in self.sources:
            load_sensor(s.sensor)
        return self

    @property
    def all_periods(self) -> list[Period]:
        """The reporting periods, in time order."""
        if isinstance(self.periods, PeriodsSection):
            last = date.today().year if self.periods.last_year == "today" else self.periods.last_year
            entries: list[int | NamedPeriod] = list(range(self.periods.first_year, last + 1))
        else:
            entries = self.periods
        periods = [
            Period(str(e), date(e, 1, 1), date(e, 12, 31)) if isinstance(e, int) else Period(e.label, e.start, e.end)
            for e in entries
        ]
        return sorted(periods, key=lambda p: (p.start, p.end))

    def period(self, label: str) -> Period:
        """The period of that label."""
        for p in self.all_periods:
            if p.label == label:
                return p
        raise ConfigError(
            f"no period {label!r}", where="periods", remedy=f"choose one of {[p.label for p in self.all_periods]}"
        )

    @property
    def baseline_label(self) -> str:
        return self.baseline or self.all_periods[0].label

    @property
    def root(self) -> Path:
        """Folder of the run."""
        return self.output / self.run

    @property
    def cache_folder(self) -> Path | None:
        """Folder of the cache of chips, None where there is none. No run can have its name."""
        return None if self.fetch.cache_gb == 0 else self.fetch.cache or self.output / ".cache"

    @property
    def targets_path(self) -> Path:
        return self.indicators.targets or config_folder() / "targets.csv"

    def fingerprint(self, *keys: str) -> str:
        """The values of the named keys (``masks``, ``masks.shadow_height_m``) as one line of JSON: what a step depends on, and so what makes it run again.

        Periods are resolved: a new year is a change, although ``last_year`` still says today.
        """
        return json.dumps(self.subset(keys), sort_keys=True, ensure_ascii=False)

    def subset(self, keys: Iterable[str]) -> dict[str, Any]:
        """The named keys with their values, plain; a key of a section that is not given is None."""
        whole = self.model_dump(mode="json") | {"periods": [[p.label, str(p.start), str(p.end)] for p in self.all_periods]}
        return {key: _at(whole, key) for key in keys}


def _at(values: Any, key: str) -> Any:
    """The value of a dotted key.

    Raises
    ------
    KeyError : there is no such key.
    """
    for name in key.split("."):
        values = None if values is None else values[name]
    return values


def config_folder() -> Path:
    """Folder with the sensors' tables and targets.csv: the checkout's, or the one packed into a wheel."""
    checkout = Path(__file__).resolve().parent.parent / "config"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parent / "_config"


def sensor_names() -> list[str]:
    """Names of the sensor tables."""
    return sorted(p.stem for p in (config_folder() / "sensors").glob("*.yaml"))


@cache
def load_sensor(name: str) -> Sensor:
    """Read one sensor table.

    Raises
    ------
    ValueError : there is no such table (raised inside validation, so the place is named).
    """
    if name not in sensor_names():
        raise ValueError(f"sources: no sensor table {name!r}; choose one of {sensor_names()} or add config/sensors/{name}.yaml")
    raw: dict[str, Any] = yaml.safe_load((config_folder() / "sensors" / f"{name}.yaml").read_text("utf-8"))
    bands = tuple(
        Band(role, tuple(b["assets"]), float(b["resolution_m"]), b.get("required", True), b.get("calibration", ""), b.get("noise", ""))
        for role, b in raw["bands"].items()
    )
    mask = raw.get("mask") or {"kind": "none"}
    return Sensor(
        name=name,
        collection=raw["collection"],
        family=raw["family"],
        platforms=tuple(raw.get("platforms", ())),
        bands=bands,
        scale=float(raw["scale"]),
        offset_rule=raw["offset_rule"],
        offset=float(raw.get("offset", 0.0)),
        nodata=float(raw["nodata"]),
        dtype=raw["dtype"],
        valid_min=float(raw["valid_min"]),
        valid_max=float(raw["valid_max"]),
        mask=MaskRule(mask["kind"], {int(k): v for k, v in mask.get("reasons", {}).items()}, int(mask.get("fill", 0))),
        georeference=raw.get("georeference", "grid"),
        deduplicate_by=tuple(raw.get("deduplicate_by", ())),
        source=raw.get("source", ""),
    )


def parse(values: dict[str, Any], *, where: str = "configuration") -> Settings:
    """Check a configuration given as a dictionary.

    Raises
    ------
    ConfigError : names every wrong key with its place and what was expected.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as fault:
        lines = []
        for e in fault.errors():
            place = ".".join(str(x) for x in e["loc"]) or "(top level)"
            message = "unknown key" if e["type"] == "extra_forbidden" else e["msg"].removeprefix("Value error, ")
            lines.append(f"{place}: {message}")
        raise ConfigError(
            "the configuration cannot be used:\n    " + "\n    ".join(lines),
            where=where,
            remedy="`rs-pipeline schema` prints every key with its meaning and default",
        ) from None


def load(path: Path) -> Settings:
    """Read and check a YAML configuration file.

    Raises
    ------
    ConfigError : the file is missing, is not YAML, or holds something wrong.
    """
    try:
        values = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError as fault:
        raise ConfigError(f"cannot read the configuration: {fault.strerror}", where=str(path), remedy="check the path") from None
    except yaml.YAMLError as fault:
        raise ConfigError(f"not valid YAML: {fault}", where=str(path), remedy="check indentation and colons") from None
    if not isinstance(values, dict):
        raise ConfigError("the configuration must be a mapping", where=str(path), remedy="see config/config.yaml")
    return parse(values, where=str(path))
