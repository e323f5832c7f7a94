"""Every file a configuration names is looked at before the first job starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError

HOW_TO_OBTAIN = {
    "units.path": "polygons of your counties, or `rs-pipeline units <province> <path>`",
    "coastline.reference": "a coastline such as GSHHG or the official line; null draws it from the first period",
    "coastline.tide_table": "CSV time_utc,station,lon,lat,height_m from a tide model or gauge; null uses all dates and flags the lines",
    "black_odorous.wetland_prior": "polygons of wetlands and reserves; null uses no prior",
    "water.known_bodies": "water/bodies.gpkg of an earlier run; null names all bodies anew",
    "tables.field_results": "CSV lon,lat,date,black of visits to suspected reaches; null leaves the suspicions unconfirmed",
    "tables.grassland": "grassland polygons with a column type (national land survey); null marks the target needs_table",
    "tables.grassland_plots": "CSV lon,lat,year,type,cover of plots at peak growth (grassland stations); null leaves the cover uncalibrated",
    "tables.lakes": "lake outlines with a column name, such as the legal boundary of Baiyangdian; null leaves the lakes' indicators out",
    "tables.urban": "polygons of built-up towns (urban development boundary, or OpenStreetMap); null leaves urban and rural water together",
    "tables.restored_coast": "restored reaches of the coast (natural-resources department); null counts none as natural",
    "tables.red_line": "ecological red-line polygons (not public, ask the natural-resources department); null marks the targets needs_table",
    "tables.reference_samples": "CSV lon,lat,period,product,value of pixels drawn at random and looked at; null leaves the intervals to the error model",
    "tables.gdp": "CSV adcode,period,gdp in constant prices (statistical yearbooks); null leaves construction land without its ratio to it",
    "tables.mines": "mine polygons (natural-resources department, or OpenStreetMap landuse=quarry); null marks the target needs_table",
    "tables.reserves": "nature-reserve polygons (protected-area register); null marks the targets needs_table",
    "tables.shoreline_buffers": "management zones of rivers and lakes (water department); null takes a bank of land_zones.shore_width_m",
    "tables.xiongan": "the New Area's outline: Xiongxian, Rongcheng, Anxin and four townships; null marks the target needs_table",
    "tables.values": "CSV adcode,period,target_id,value,lower,upper with official values; null marks the targets needs_table",
    "indicators.targets": "a table of targets like config/targets.csv; null uses that one",
}
"""Configuration key to the way its file is obtained. README, 'Side tables', says more."""


def named_files(settings: Settings) -> dict[str, Path]:
    """Configuration key to path, for every side file that is named (not null)."""
    found = {}
    for key in HOW_TO_OBTAIN:
        section, name = key.split(".")
        value = getattr(getattr(settings, section), name, None) if getattr(settings, section) is not None else None
        if value is not None:
            found[key] = value
    for i, source in enumerate(settings.sources):
        if "://" not in source.catalog:
            found[f"sources.{i}.catalog"] = Path(source.catalog)
    return found


def check_files(settings: Settings, *, made: Iterable[Path] = (), keys: Collection[str] | None = None) -> None:
    """Raise one ConfigError that lists every named file that is missing and how to obtain it.

    Parameters
    ----------
    made : files and folders that the chain makes itself; the simulated world is always among them.
    keys : look only at these keys; default all.
    """
    makers = [p.resolve() for p in (*made, *([settings.simulation.path] if settings.simulation else []))]
    lines = []
    for key, path in named_files(settings).items():
        wanted = keys is None or key in keys
        if wanted and not path.exists() and not any(path.resolve().is_relative_to(m) for m in makers):
            lines.append(f"{key}: {path} does not exist; {HOW_TO_OBTAIN.get(key, 'give the path of a folder with catalog.json')}")
    if lines:
        raise ConfigError(
            "files that the configuration names are missing:\n    " + "\n    ".join(lines), where=f"run {settings.run}",
            remedy="provide the file, or set the key to null where that is offered",
        )  # fmt: skip
