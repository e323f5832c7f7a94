"""Tables with data of other sources: lists of the things that a target counts, and rasters of other satellites or models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.config import InputSection, Settings
from rs_pipeline.errors import PipelineError
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, read_table
from rs_pipeline.paths import did_you_mean
from rs_pipeline.storage.foreign import leads_elsewhere


@dataclass(frozen=True)
class ListedThing:
    """A thing that a target counts: an award, a village, a reserve."""

    target_id: str
    adcode: str
    """Code of the unit, prefecture or region that it counts for."""
    name: str
    since: int | None
    """Year in which it was named or finished; None where it is not yet."""


@dataclass(frozen=True)
class OutsideRaster:
    """A raster whose mean over a unit is the value of a target in a period."""

    target_id: str
    period: str
    path: Path
    half_width: float | None
    """Uncertainty of the mean (plus or minus), in the target's unit, as its producer states it; None where not stated."""


def counts(unit: str) -> bool:
    """Whether a target of this unit can be counted from a list: ``count``, or a percentage of the listed things.

    >>> counts("count"), counts("% of cities"), counts("km2")
    (True, True, False)
    """
    return unit == "count" or unit.startswith("%")


def read_lists(path: Path | None, units: Mapping[str, str], stated: InputSection = NOTHING_STATED) -> list[ListedThing]:
    """Rows of a table with columns target_id, adcode, name, since; none where ``path`` is None. ``units`` : id of each target to its unit.

    Raises
    ------
    TableError : a column is missing, a target is unknown or counts nothing, a thing is listed twice, or a cell cannot be used.
    """
    seen: set[tuple[str, str, str]] = set()

    def parse(row: TableRow) -> ListedThing:
        found = ListedThing(known_target(row, units), row.code("adcode"), row.needed("name"), row.year_or_none("since"))
        if not counts(units[found.target_id]):
            raise row.fault(
                f"{found.target_id} counts nothing, its unit is {units[found.target_id] or 'empty'}", "target_id", "give its value in tables.values"
            )
        if (key := (found.target_id, found.adcode, found.name)) in seen:
            raise row.fault(f"{found.name} is there twice", "name", "keep one of them, or tell them apart by name")
        seen.add(key)
        return found

    return read_table(path, ("target_id", "adcode", "name", "since"), stated).parsed(parse) if path else []


def read_rasters(path: Path | None, units: Mapping[str, str], stated: InputSection = NOTHING_STATED) -> list[OutsideRaster]:
    """Rows of a table with columns target_id, period, path, unit and optionally half_width; none where ``path`` is None. Paths are relative to the table's folder.

    ``units`` : id of each target to its unit.

    Raises
    ------
    TableError : a column is missing, a target is unknown, the unit is not the target's, a target has two rasters in a period, or a cell cannot be used.
    """
    seen: set[tuple[str, str]] = set()

    def parse(row: TableRow) -> OutsideRaster:
        target, half = known_target(row, units), row.number_or_none("half_width")
        if (unit := row.needed("unit")) != units[target]:
            raise row.fault(f"the unit is {unit!r}, that of {target} is {units[target]!r}", "unit", "convert the raster, and write the target's unit")
        if half is not None and half < 0:
            raise row.fault("a half width cannot be negative", "half_width", "write 0 or more, or leave the cell empty")
        found = OutsideRaster(target, row.code("period"), _raster_path(row, row.path.parent), half)
        if (key := (found.target_id, found.period)) in seen:
            raise row.fault(f"a second raster of {target} in {found.period}", "path", "keep one of them")
        seen.add(key)
        return found

    return read_table(path, ("target_id", "period", "path", "unit"), stated).parsed(parse) if path else []


def known_target(row: TableRow, units: Mapping[str, str]) -> str:
    """Cell ``target_id`` of a row. ``units`` : id of each target of the run to its unit.

    Raises
    ------
    TableError : the table of targets has no such id.
    """
    if (target := row.needed("target_id")) not in units:
        raise row.fault(
            f"unknown target {target!r}{did_you_mean(target, units)}", "target_id", f"use an id of the table of targets, such as {next(iter(units))}"
        )
    return target


def _raster_path(row: TableRow, folder: Path) -> Path:
    if leads_elsewhere(name := row.needed("path")):
        raise row.fault(f"{name!r} is no path of a file", "path", "copy the raster into a folder, and write its path")
    return folder / name


def raster_paths(settings: Settings) -> list[Path]:
    """Files that ``tables.rasters`` names; none where it is missing or cannot be read, which the check at the start reports."""
    path = settings.tables.rasters
    if path is None or not path.is_file():
        return []
    try:
        return [_raster_path(row, path.parent) for row in read_table(path, ("path",), settings.stated("tables.rasters")).rows()]
    except PipelineError:
        return []
