"""All sections together, and how a configuration is read. The JSON schema is made from `Settings`; unknown keys are errors.

Paths are relative to the folder the pipeline is started in.
"""

from __future__ import annotations

import inspect
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import AliasChoices, Discriminator, Field, Tag, field_validator, model_validator

from rs_pipeline.config import product_sections as product
from rs_pipeline.config import sections
from rs_pipeline.config.fields import Section, Year
from rs_pipeline.config.sections import NamedPeriod, PeriodsSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import Period
from rs_pipeline.provinces import load_province
from rs_pipeline.sensors import load_sensor
from rs_pipeline.strict import MadePath, check, in_one_line, read_mapping

_WHAT = "configuration"


def _choose(of_mapping: type[Section], mapping: str, other: str) -> Discriminator:
    """Chooses the alternative of a union by the type of the value, so that only faults of that alternative are reported."""
    return Discriminator(lambda value: mapping if isinstance(value, (dict, of_mapping)) else other)


OnePeriod = Annotated[Annotated[NamedPeriod, Tag("(named)")] | Annotated[Year, Tag("(year)")], _choose(NamedPeriod, "(named)", "(year)")]
Periods = Annotated[Annotated[PeriodsSection, Tag("(range)")] | Annotated[list[OnePeriod], Tag("(list)")], _choose(PeriodsSection, "(range)", "(list)")]


def _of(section: type[Section]) -> Any:
    """A section with its defaults, described by its docstring."""
    return Field(section(), description=" ".join((inspect.getdoc(section) or "").split()))


RUNTIME_SECTIONS = ("run", "output", "resources", "fetch", "notify")
"""Sections that say where, how fast and with how many tries a run works; its results do not depend on them."""


def _period_in_words(text: str) -> str:
    """What to write in place of a range of years or a month given as a text; empty for other texts."""
    if years := re.fullmatch(r"\s*(\d{4})\s*(?:[-–—~～/:]+|to|至|到)\s*(\d{4}|today)\s*", text):
        return f"{text!r} is no year; write {{first_year: {years[1]}, last_year: {years[2]}}} for all years from one to another"
    if month := re.fullmatch(r"\s*(\d{4})[-/.](\d{1,2})\s*", text):
        name = f"{month[1]}-{int(month[2]):02d}"
        return f"{text!r} is no year; write {{label: {name}, start: {name}-01, end: …}} for a period that is none"
    return ""


class Settings(Section):
    """Everything a run depends on."""

    run: str = Field(
        pattern=r"^[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]{0,63}$",
        description="Name of the run and of its folder: letters of any script, digits, hyphens and underscores, 64 at most, a letter or digit first.",
    )
    output: MadePath = Field(Path("results"), description="Folder that holds the folders of runs.")
    simulation: sections.SimulationSection | None = Field(
        None,
        validation_alias=AliasChoices("simulation", "sample"),
        description="The simulated world, made on first use; null for real scenes. Also read as sample.",
    )
    province: str = Field("hebei", description="Name of a table in config/provinces, or path of one: the province whose totals and targets are judged.")
    units: sections.UnitsSection = Field(description="The polygons indicators are reported for.")
    sources: list[sections.SourceSection] = Field(min_length=1, description="Collections in catalogs; where two know an acquisition, priority decides.")
    inputs: dict[sections.InputKey, sections.InputSection] = Field(
        {},
        description="What the files of the configuration do not say about themselves, by the key that names the file: "
        "{tables.values: {encoding: GBK}, tables.grassland: {crs: EPSG:4490, layer: grass}}.",
    )
    periods: Periods = Field(description="What is reported: a list of calendar years and named periods, or first_year and last_year.")
    baseline: str | None = Field(None, description="Label of the period changes are measured from; default the first.")
    grid: sections.GridSection = _of(sections.GridSection)
    search: sections.SearchSection = _of(sections.SearchSection)
    fetch: sections.FetchSection = _of(sections.FetchSection)
    masks: sections.MaskSection = _of(sections.MaskSection)
    vegetation: product.VegetationSection = _of(product.VegetationSection)
    trend: product.TrendSection = _of(product.TrendSection)
    water: product.WaterSection = _of(product.WaterSection)
    black_odorous: product.BlackOdorousSection = _of(product.BlackOdorousSection)
    land: product.LandSection = _of(product.LandSection)
    land_zones: product.LandZonesSection = _of(product.LandZonesSection)
    settlements: product.SettlementsSection = _of(product.SettlementsSection)
    soil: product.SoilSection = _of(product.SoilSection)
    ecology: product.EcologySection = _of(product.EcologySection)
    heat: product.HeatSection | None = Field(
        None, description="Surface temperature of summer and the heat island of built-up land, from Landsat; null: its bands are not read."
    )
    coastline: product.CoastlineSection | None = Field(None, description="The coast: shorelines, transects, rates; null where the region has none.")
    products: dict[str, dict[str, Any]] = Field(
        {},
        description="Settings of products that are installed beside the built-in ones (entry points rs_pipeline.products), by the product's name; "
        "each product checks its own.",
    )
    tables: sections.TablesSection = _of(sections.TablesSection)
    indicators: sections.IndicatorsSection = _of(sections.IndicatorsSection)
    report: sections.ReportSection = _of(sections.ReportSection)
    resources: sections.ResourcesSection = _of(sections.ResourcesSection)
    notify: sections.NotifySection = _of(sections.NotifySection)

    @field_validator("run", mode="before")
    @classmethod
    def _one_spelling(cls, value: Any) -> Any:
        """The name in Unicode NFC, so that it is the same folder however it was typed; a number is taken as text."""
        value = str(value) if type(value) is int else value
        return unicodedata.normalize("NFC", value) if isinstance(value, str) else value

    @field_validator("province")
    @classmethod
    def _province_is_right(cls, value: str) -> str:
        try:
            load_province(value)
        except ConfigError as fault:
            raise ValueError(in_one_line(fault)) from None
        return value

    @field_validator("baseline", mode="before")
    @classmethod
    def _a_year_is_a_label(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value

    @field_validator("periods", mode="before")
    @classmethod
    def _no_periods_in_words(cls, value: Any) -> Any:
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str) and (fault := _period_in_words(entry)):
                raise ValueError(fault)
        return value

    @field_validator("periods")
    @classmethod
    def _not_empty(cls, value: Periods) -> Periods:
        if isinstance(value, list) and not value:
            raise ValueError("at least one period is needed")
        return value

    @field_validator("periods")
    @classmethod
    def _year_of_today(cls, value: Periods) -> Periods:
        """``today`` is resolved once, so that a run that continues after New Year keeps its periods."""
        if isinstance(value, PeriodsSection) and value.last_year == "today":
            return value.model_copy(update={"last_year": date.today().year})
        return value

    @model_validator(mode="after")
    def _pixels_of_the_finest_sensor(self) -> Self:
        """A grid whose resolution is not given gets that of the finest sensor: 10 m pixels made from 30 m data are nine times the work for no gain."""
        if "resolution_m" not in self.grid.model_fields_set:
            object.__setattr__(self, "grid", self.grid.model_copy(update={"resolution_m": self.finest_m}))
        return self

    @model_validator(mode="after")
    def _check(self) -> Self:
        today = date.today()
        labels = [p.label for p in self.all_periods]
        if not labels:
            raise ValueError("periods: last_year lies before first_year")
        if len(set(labels)) != len(labels):
            raise ValueError(f"periods: labels must differ, got {labels}")
        for p in self.all_periods:
            if p.start > today:
                raise ValueError(f"periods: {p.label} lies in the future ({p.start}); the newest possible is {today.year}")
        if self.baseline is not None and self.baseline not in labels:
            raise ValueError(f"baseline: {self.baseline!r} is not one of the periods {labels}")
        if self.soil.bulletin_period is not None and self.soil.bulletin_period not in labels:
            raise ValueError(f"soil.bulletin_period: {self.soil.bulletin_period!r} is not one of the periods {labels}")
        return self

    @property
    def all_periods(self) -> list[Period]:
        """The reporting periods, in time order."""
        if isinstance(self.periods, PeriodsSection):
            entries: list[int | NamedPeriod] = list(range(self.periods.first_year, int(self.periods.last_year) + 1))
        else:
            entries = self.periods
        periods = [Period(str(e), date(e, 1, 1), date(e, 12, 31)) if isinstance(e, int) else Period(e.label, e.start, e.end) for e in entries]
        return sorted(periods, key=lambda p: (p.start, p.end))

    def period(self, label: str) -> Period:
        """The period of that label.

        Raises
        ------
        ConfigError : there is none.
        """
        for p in self.all_periods:
            if p.label == label:
                return p
        raise ConfigError(f"no period {label!r}", where="periods", remedy=f"choose one of {[p.label for p in self.all_periods]}")

    @property
    def finest_m(self) -> float:
        """Pixel size of the finest band of the sources' sensors, metres."""
        return min(band.resolution_m for source in self.sources for band in load_sensor(source.sensor).bands)

    @property
    def baseline_label(self) -> str:
        return self.baseline or self.all_periods[0].label

    @property
    def root(self) -> Path:
        """Folder of the run."""
        return self.output / self.run

    @property
    def cache_folder(self) -> Path | None:
        """Folder of the cache of chips, None where there is no cache. No run can have the name of the default folder."""
        return None if self.fetch.cache_gb == 0 else self.fetch.cache or self.output / ".cache"

    @property
    def hosts_folder(self) -> Path:
        """Folder that records which hosts are down; shared by all runs of the output folder."""
        return self.output / ".hosts"

    @property
    def looks_folder(self) -> Path:
        """Folder that keeps coarse readings of scenes (`catalog.looks`), shared by all runs of the output folder. No run can have its name."""
        return self.output / ".looks"

    @property
    def brought_heights(self) -> Path | None:
        """File of the run with the heights that it brings from a catalog; None where heights are given, or not asked for."""
        return self.root / "heights.tif" if self.soil.bring_dem and self.soil.dem is None and self.masks.dem is None else None

    @property
    def heights(self) -> tuple[str, Path | None]:
        """Configuration key and file of the heights that slopes are made from and rural land is chosen by; None where there is none."""
        if self.brought_heights:
            return "soil.bring_dem", self.brought_heights
        return ("soil.dem", self.soil.dem) if self.soil.dem is not None else ("masks.dem", self.masks.dem)

    def stated(self, key: str) -> sections.InputSection:
        """What the configuration says about the file that ``key`` names."""
        return next((stated for name, stated in self.inputs.items() if name == key), sections.InputSection())

    def path_of(self, key: str) -> Path | None:
        """The file that ``key`` (``tables.values``) names; None where it names none."""
        section, name = key.split(".")
        return getattr(getattr(self, section), name, None)

    @property
    def targets_path(self) -> Path:
        return self.indicators.targets or load_province(self.province).targets

    def fingerprint(self, *keys: str) -> str:
        """The values of the named keys (``masks``, ``masks.shadow_height_m``) as one line of JSON. A step runs again when the fingerprint of its keys changes.

        Periods are resolved: where ``last_year`` is today, a new year is a change.
        """
        return json.dumps(self.subset(keys), sort_keys=True, ensure_ascii=False)

    def subset(self, keys: Iterable[str]) -> dict[str, Any]:
        """The named keys with their values as JSON types; a key of a section that is not given is None."""
        whole = self.model_dump(mode="json") | {"periods": [[p.label, str(p.start), str(p.end)] for p in self.all_periods]}
        return {key: _at(whole, key) for key in keys}


def coast_of(settings: Settings) -> product.CoastlineSection:
    """The section ``coastline`` of a run; only runs that have it have the steps that call this function."""
    assert settings.coastline is not None, "a step of the coast in a run without one"
    return settings.coastline


def heat_of(settings: Settings) -> product.HeatSection:
    """The section ``heat`` of a run; only runs that have it have the steps that call this function."""
    assert settings.heat is not None, "a step of heat in a run without one"
    return settings.heat


def _at(values: Any, key: str) -> Any:
    """The value of a dotted key; None in a section that is not given, and of a product (``products.<name>``) or file (``inputs.<key>``) without an entry.

    Raises
    ------
    KeyError : there is no such key.
    """
    mapping, _, entry = key.partition(".")
    if entry and mapping in ("products", "inputs"):
        return values[mapping].get(entry)
    for name in key.split("."):
        values = None if values is None else values[name]
    return values


def parse(values: dict[str, Any], *, where: str = _WHAT, node: yaml.Node | None = None) -> Settings:
    """Check a configuration given as a dictionary.

    Parameters
    ----------
    node : from `strict.read_mapping`, where the values come from a file: faults are then reported with their lines.

    Raises
    ------
    ConfigError : names every wrong key with its place and what was expected.
    """
    remedy = "`rs-pipeline schema` prints every key with its meaning and default"
    return check(Settings, values, what=_WHAT, where=where, remedy=remedy, node=node)


def load(path: Path) -> Settings:
    """Read and check a YAML configuration file.

    Raises
    ------
    ConfigError : the file is missing, is not YAML, or holds something wrong.
    """
    values, node = read_mapping(path, what=_WHAT)
    return parse(values, where=str(path), node=node)
