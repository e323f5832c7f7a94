"""Mistakes of a new user: wrong configurations and files. Each must give one line that says where the fault is, what it is and what to do."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import shapely
from typer.testing import CliRunner

from benchmarks.attack import Attack

GOOD = """run: mine
units: {path: FOLDER/units.gpkg}
periods: [2023, 2024]
grid: {crs: auto}
sources:
  - {sensor: earth-search-sentinel-2-l2a, catalog: FOLDER/scenes.ndjson}
"""
"""A correct configuration; FOLDER is replaced by the folder of its files."""

SENSOR, CATALOG, UNITS = "earth-search-sentinel-2-l2a", "FOLDER/scenes.ndjson", "{path: FOLDER/units.gpkg}"


@dataclass(frozen=True)
class Mistake:
    """``text`` is the configuration, ``prepare`` writes the files it names, ``told`` are parts of the one line that must describe the fault."""

    name: str
    text: str | bytes
    told: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda folder: None


def _changed(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new)


def _catalog(address: str) -> str:
    return _changed(CATALOG, address)


def _units(name: str) -> str:
    return _changed("units.gpkg", name)


def counties(**changes: list | None) -> gpd.GeoDataFrame:
    """Two squares as counties; a column that is None is left out."""
    columns = {"adcode": ["130209", "130225"], "name": ["West", "East"], "prefecture": ["Tangshan"] * 2} | changes
    shapes = [shapely.box(118.5, 39.0, 118.6, 39.1), shapely.box(118.6, 39.0, 118.7, 39.1)]
    return gpd.GeoDataFrame({k: v for k, v in columns.items() if v is not None}, geometry=shapes, crs=4326)


@functools.cache
def _two_counties() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        counties().to_file(Path(folder) / "units.gpkg")
        return (Path(folder) / "units.gpkg").read_bytes()


def _write(name: str, text: str | bytes, folder: Path) -> None:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def _no_codes(folder: Path) -> None:
    counties(adcode=None).to_file(folder / "bare.gpkg")


def _upper_codes(folder: Path) -> None:
    counties().rename(columns={"adcode": "ADCODE"}).to_file(folder / "upper.gpkg")


def _no_prefectures(folder: Path) -> None:
    counties(prefecture=None).to_file(folder / "alone.gpkg")


def _codes_as_numbers(folder: Path) -> None:
    counties(adcode=[30209, 130225]).to_file(folder / "numbers.gpkg")


def _twice(folder: Path) -> None:
    counties(adcode=["130209"] * 2).to_file(folder / "twice.gpkg")


def _metres_called_degrees(folder: Path) -> None:
    counties().to_crs(32650).set_crs(4326, allow_override=True).to_file(folder / "metres.gpkg")


def _no_crs(folder: Path) -> None:
    counties().set_crs(None, allow_override=True).to_file(folder / "nowhere.gpkg")


def _sub_folder(folder: Path) -> None:
    (folder / "counties").mkdir()
    counties().to_file(folder / "counties" / "counties.gpkg")


def _lines(folder: Path) -> None:
    frame = counties()
    frame.set_geometry(frame.boundary).to_file(folder / "lines.gpkg")


def _empty_folder(folder: Path) -> None:
    (folder / "nothing").mkdir()


HTML = "<!DOCTYPE html><html><head><title>STAC Browser</title></head></html>"
TABLE = "tables: {{gdp: FOLDER/{}}}\n"

MISTAKES = (
    Mistake("wrong key", _changed("periods", "period"), ("line 3, period: unknown key; did you mean 'periods'?",)),
    Mistake("key in capitals", _changed("grid", "Grid"), ("line 4, Grid: unknown key; did you mean 'grid'?",)),
    Mistake("key outside its section", GOOD + "permanent_frequency: 0.8\n", ("line 7, permanent_frequency: unknown key", "water.permanent_frequency")),
    Mistake("key missing", _changed("run: mine\n", ""), ("run: is missing; write it: Name of the run",)),
    Mistake("key twice", GOOD + "run: other\n", ("line 7, run: the key is there already",)),
    Mistake("key twice in a section", GOOD + "water:\n  min_months: 3\n  min_months: 4\n", ("line 9, min_months: the key is there already",)),
    Mistake("section empty", GOOD + "water:\n", ("line 7, water: the section is empty",)),
    Mistake("a text for a section", _changed(UNITS, "FOLDER/units.gpkg"), ("line 2, units:", "is no section; write its keys with their values")),
    Mistake("file empty", "", ("the configuration is empty",)),
    Mistake("comments alone", "# to do\n", ("the configuration is empty",)),
    Mistake("tab", GOOD + "water:\n\tmin_months: 3\n", ("line 8, column 1: a tab, where YAML wants blanks",)),
    Mistake("GBK", ("# 河北省\n" + GOOD).encode("gbk"), ("not UTF-8 (GBK of a Chinese Windows, perhaps)", "line 1")),
    Mistake("UTF-16", GOOD.encode("utf-16"), ("not UTF-8 (UTF-16)",)),
    Mistake("a workbook", b"PK\x03\x04\x14\x00\xff", ("a zip file or workbook",)),
    Mistake("full-width colon", _changed("run: mine", "run：mine"), ("'run：mine': it has '：', a full-width sign; write ': '",)),
    Mistake("full-width comma", _changed("2023, 2024", "2023，2024"), ("line 3, periods.0:", "it has '，', a full-width sign")),
    Mistake("no blank after a colon", _changed("run: mine", "run:mine"), ("'run:mine', the line above, lacks a blank after its colon",)),
    Mistake("bracket open", _changed("2024]", "2024"), ("line 4", "a bracket that begins in line 3 is not closed")),
    Mistake("indented by chance", _changed("run: mine", " run: mine"), ("line 2, column 1", "begin every section in the first column")),
    Mistake("Windows path in double quotes", _changed("FOLDER/units.gpkg", '"C:\\Users\\me\\units.gpkg"'), ("line 2", "a backslash in double quotes", "write paths with /")),
    Mistake("Windows path", _changed("FOLDER/units.gpkg", "C:\\Users\\me\\units.gpkg"), ("units.path: C:\\Users\\me\\units.gpkg does not exist", "under WSL write /mnt/c/Users/me/units.gpkg")),
    Mistake("backslash", _changed("FOLDER/units.gpkg", "data\\units.gpkg"), ("units.path: data\\units.gpkg does not exist; write / in place of \\: data/units.gpkg",)),
    Mistake("years as a range", _changed("[2023, 2024]", "2024-2025"), ("line 3, periods: '2024-2025' is no year; write {first_year: 2024, last_year: 2025}",)),
    Mistake("years as a range in a list", _changed("[2023, 2024]", "[2024-2025]"), ("line 3, periods: '2024-2025' is no year",)),
    Mistake("one year without a list", _changed("[2023, 2024]", "2023"), ("line 3, periods: 2023 is one value, where a list is due; write [2023]",)),
    Mistake("year 20240", _changed("[2023, 2024]", "[20240]"), ("line 3, periods.0: Input should be less than or equal to 2100, got 20240",)),
    Mistake("a month", _changed("[2023, 2024]", "[2023-05]"), ("line 3, periods: '2023-05' is no year; write {label: 2023-05, start: 2023-05-01",)),
    Mistake("day first", _changed("[2023, 2024]", "[{label: x, start: 01/05/2023, end: 2023-09-30}]"), ("line 3, periods.0.start: '01/05/2023' is no day; write year-month-day",)),
    Mistake("day first in a window", GOOD + "vegetation: {peak_window: [15/06, 09-10]}\n", ("line 7, vegetation.peak_window.0: '15/06' is no month-day; write the month first",)),
    Mistake("a window with its year", GOOD + "vegetation: {peak_window: [2023-06-15, 09-10]}\n", ("vegetation.peak_window.0: 2023-06-15 has a year", "write '06-15'")),
    Mistake("first for first_year", _changed("[2023, 2024]", "{first: 2023, last_year: 2024}"), ("line 3, periods.first: unknown key; did you mean 'first_year'?",)),
    Mistake("unknown sensor", _changed(SENSOR, "sentinel-2"), (f"line 6, sources.0.sensor: no sensor table 'sentinel-2'; choose one of ['copernicus-sentinel-2-l2a', 'earth-search-sentinel-2-c1-l2a', '{SENSOR}'",)),
    Mistake("sensor in capitals", _changed(SENSOR, SENSOR.upper()), (f"line 6, sources.0.sensor: no sensor table '{SENSOR.upper()}'", f"did you mean '{SENSOR}'?")),
    Mistake("one source without a list", _changed("  - {", "  {"), ("line 5, sources: one entry, where a list is due; write `- ` before it",)),
    Mistake("no sources", GOOD[: GOOD.index("  - {")], ("line 5, sources: nothing stands here, where a list is due",)),
    Mistake("http:/", _catalog("https:/earth-search.aws.element84.com/v1"), ("sources.0.catalog: https:/earth-search.aws.element84.com/v1", "begins with https://: https://earth-search.aws.element84.com/v1")),
    Mistake("no scheme", _catalog("earth-search.aws.element84.com/v1"), ("sources.0.catalog: earth-search.aws.element84.com/v1", "https://earth-search.aws.element84.com/v1")),
    Mistake("htps", _catalog("htps://earth-search.aws.element84.com/v1"), ("sources.0.catalog: 'htps://earth-search.aws.element84.com/v1' is not the address of a STAC API", "https://earth-search.aws.element84.com/v1")),
    Mistake("a web page for a catalog", _catalog("FOLDER/index.html"), ("sources.0.catalog:", "index.html: a web page, no catalog"), partial(_write, "index.html", HTML)),
    Mistake("JSON that is no STAC", _catalog("FOLDER/package.json"), ("package.json is JSON, but no STAC",), partial(_write, "package.json", '{"name": "x"}')),
    Mistake("a folder without a catalog", _catalog("FOLDER/nothing"), ("sources.0.catalog:", "the folder has no catalog.json, and no items"), _empty_folder),
    Mistake("unsigned", _catalog("https://planetarycomputer.microsoft.com/api/stac/v1"), ("sources.0.sign: the files of planetarycomputer.microsoft.com open with a signature alone; write sign: planetary-computer",)),
    Mistake("percent for a share", GOOD + "water: {permanent_frequency: 75}\n", ("line 7, water.permanent_frequency:", "a share is meant, not percent: write 0.75")),
    Mistake("a percent sign", GOOD + "water: {permanent_frequency: 75%}\n", ("line 7, water.permanent_frequency: '75%' is no plain number; write 0.75",)),
    Mistake("a share for percent", _catalog(f"{CATALOG}, max_cloud_cover: 0.8"), ("line 6, sources.0.max_cloud_cover: 0.8", "write 80")),
    Mistake("a share for a percentile", GOOD + "vegetation: {peak_percentile: 0.9}\n", ("line 7, vegetation.peak_percentile:", "percent is meant, not a share: write 90")),
    Mistake("decimal comma", GOOD + "resources: {memory_gb: 2,5}\n", ("line 7, resources.5: 5 is a number", "a decimal comma becomes a point")),
    Mistake("a unit behind a number", GOOD + "resources: {memory_gb: 8GB}\n", ("line 7, resources.memory_gb: '8GB' is no plain number; write 8, without a unit",)),
    Mistake("one flag without a list", GOOD + "masks: {water: nodata}\n", ("line 7, masks.water: 'nodata' is one value, where a list is due; write [nodata]",)),
    Mistake("a list for one value", GOOD + "water: {min_months: [6]}\n", ("line 7, water.min_months: [6] is not a whole number",)),
    Mistake("latitude first", GOOD + "coastline: {sea_points: [[39.0, 118.65]]}\n", ("line 7, coastline.sea_points: 118.65 is no latitude; longitude comes first: write [118.65, 39]",)),
    Mistake("one point without a list", GOOD + "coastline: {sea_points: [118.65, 39.0]}\n", ("line 7, coastline.sea_points: [118.65, 39] is one point", "write [[118.65, 39]]")),
    Mistake("a point elsewhere", GOOD + "coastline: {sea_points: [[121.65, 39.0]]}\n", ("coastline.sea_points.0: 121.65, 39: this point at sea lies in no tile of the run",)),
    Mistake("CRS in degrees", _changed("crs: auto", "crs: EPSG:4490"), ("line 4, grid.crs: EPSG:4490 is not a projected CRS in metres; use auto",)),
    Mistake("CRS of another continent", _changed("crs: auto", "crs: EPSG:32630"), ("grid.crs: EPSG:32630 is meant for -6 to 0 E", "write auto, or EPSG:32650")),
    Mistake("resolution in degrees", _changed("crs: auto", "resolution_m: 0.0001"), ("line 4, grid.resolution_m: Input should be greater than or equal to 1, got 0.0001",)),
    Mistake("quotes lost from a code", GOOD + "indicators: {official_coast_km: {000000: 5}}\n", ("line 7, indicators.official_coast_km: 0 is a code without its quotes", "write it in quotes")),
    Mistake("zeros lost from the codes", _units("numbers.gpkg"), ("units.path:", "leading zeros may be lost: ['30209']; make adcode a column of text"), _codes_as_numbers),
    Mistake("a unit that is none", _changed(UNITS, UNITS[:-1] + ", only: ['130290']}"), ("units.only: no unit has the code 130290", "did you mean '130209'?")),
    Mistake("province unknown", GOOD + "province: Hebei\n", ("line 7, province: no province table 'Hebei'", "did you mean 'hebei'?")),
    Mistake("province null", GOOD + "province: null\n", ("line 7, province: null, where a text is due",)),
    Mistake("no codes", _units("bare.gpkg"), ("units.path:", "columns not found: ['adcode']; set units.code", "the file has ['name', 'prefecture']"), _no_codes),
    Mistake("codes in capitals", _units("upper.gpkg"), ("columns not found: ['adcode']", "did you mean 'ADCODE'?"), _upper_codes),
    Mistake("no prefectures", _units("alone.gpkg"), ("columns not found: ['prefecture']", "units.prefecture to null where it has none"), _no_prefectures),
    Mistake("codes twice", _units("twice.gpkg"), ("units.path:", "codes occur more than once: ['130209']; dissolve the polygons"), _twice),
    Mistake("lines for polygons", _units("lines.gpkg"), ("LineString where a polygon is needed: 130209, 130225",), _lines),
    Mistake("metres called degrees", _units("metres.gpkg"), ("units.path:", "is in degrees, but x", "state the right one in inputs.units.path.crs"), _metres_called_degrees),
    Mistake("no CRS", _units("nowhere.gpkg"), ("units.path:", "the file has no CRS", "inputs.units.path.crs"), _no_crs),
    Mistake("a name misspelt", _units("unit.gpkg"), ("units.path:", "unit.gpkg does not exist; did you mean", "units.gpkg'?")),
    Mistake("a folder for a file", _units("counties"), ("units.path:", "a folder, not a file; give the path of a file in it: counties.gpkg"), _sub_folder),
    Mistake("a file of no bytes", _units("void.gpkg"), ("units.path:", "the file is empty, 0 bytes"), partial(_write, "void.gpkg", b"")),
    Mistake("a text for a vector file", _units("text.gpkg"), ("units.path:", "cannot be read as a vector file", "use GeoPackage or GeoJSON"), partial(_write, "text.gpkg", "x")),
    Mistake("a table for polygons", _units("units.csv"), ("units.path:", "a table without shapes"), partial(_write, "units.csv", "adcode,name,prefecture\n130209,West,T\n")),
    Mistake("path empty", _changed("FOLDER/units.gpkg", "''"), ("line 2, units.path: the path is empty",)),
    Mistake("path with a blank behind", GOOD + 'tables: {gdp: "FOLDER/gdp.csv "}\n', ("line 7, tables.gdp:", "begins or ends with a blank")),
    Mistake("None for null", GOOD + "tables: {gdp: None}\n", ("line 7, tables.gdp: 'None' would be the name of a file; write null",)),
    Mistake("a side table that is missing", GOOD + TABLE.format("gdp.csv"), ("tables.gdp:", "gdp.csv does not exist", "statistical yearbooks")),
    Mistake("a side table that is a folder", GOOD + TABLE.format("nothing"), ("tables.gdp:", "Is a directory"), _empty_folder),
    Mistake("a side table without rows", GOOD + TABLE.format("gdp.csv"), ("tables.gdp:", "columns are missing: adcode, period, gdp"), partial(_write, "gdp.csv", "")),
    Mistake("a side table of other codes", GOOD + TABLE.format("gdp.csv"), ("tables.gdp:", "none of its codes is that of a unit: 110101; use the codes of units.path"), partial(_write, "gdp.csv", "adcode,period,gdp\n110101,2023,5\n")),
    Mistake("the output is a file", GOOD + "output: FOLDER/units.gpkg\n", ("output:", "units.gpkg is a file, where a folder is due")),
)  # fmt: skip
"""Mistakes that must be refused."""

TAKEN = (
    ("byte order mark", "\ufeff" + GOOD), ("lines of Windows", GOOD.replace("\n", "\r\n")), ("run and baseline as numbers", _changed("run: mine", "run: 2024\nbaseline: 2023")),
    ("CRS as a number", _changed("crs: auto", "crs: 32650")), ("years in quotes", _changed("[2023, 2024]", "['2023', '2024']")),
    ("codes without quotes", GOOD + "indicators: {official_coast_km: {130209: 5}}\n"), ("one unit of two", _changed(UNITS, UNITS[:-1] + ", only: [130209]}")),
    ("no column of prefectures", _changed(UNITS, UNITS[:-1] + ", prefecture: null}")),
)  # fmt: skip
"""Unusual input that must be accepted."""


def checked(folder: Path, text: str | bytes, prepare: Callable[[Path], None] = lambda folder: None) -> tuple[int, str]:
    """Exit code and output of `rs-pipeline check` on a configuration; an unexpected exception is raised."""
    from rs_pipeline.cli import app
    from rs_pipeline.errors import PipelineError

    (folder / "units.gpkg").write_bytes(_two_counties())
    (folder / "scenes.ndjson").touch()
    prepare(folder)
    raw = text.encode() if isinstance(text, str) else text
    (folder / "my.yaml").write_bytes(raw.replace(b"FOLDER", str(folder).encode()))
    done = CliRunner().invoke(app, ["check", "--config", str(folder / "my.yaml")])
    if isinstance(done.exception, PipelineError):
        return 2, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def line_told(folder: Path, mistake: Mistake) -> str:
    """The one line that describes a mistake.

    Raises
    ------
    AssertionError : the configuration is accepted, or not exactly one line describes the fault.
    """
    code, words = checked(folder, mistake.text, mistake.prepare)
    assert code == 2, f"taken: {words}"
    envelope = ("the configuration cannot be used:", "inputs that the configuration names cannot be used:", "where:", "remedy:")
    lines = [line.strip() for line in words.splitlines() if not line.strip().startswith(envelope)]
    assert len(lines) == 1 and "remedy:" in words and "where:" in words, words
    assert all(piece in lines[0] for piece in mistake.told), (mistake.told, lines[0])
    return lines[0]


def all_mistakes(folder: Path) -> str:
    for i, mistake in enumerate(MISTAKES):
        (folder / str(i)).mkdir()
        line_told(folder / str(i), mistake)
    return f"{len(MISTAKES)} broken configurations and files, each refused in one line with its place and remedy"


def all_taken(folder: Path) -> str:
    for name, text in TAKEN:
        (folder / name).mkdir()
        code, words = checked(folder / name, text)
        assert code == 0, (name, words)
    return f"{len(TAKEN)} configurations that are plain though unusual are taken"


ATTACKS = (
    Attack("mistakes of a person", "every one is refused before the first job, in one line that says where, what and what to do", all_mistakes),
    Attack("what is plain is taken", "a byte order mark, numbers for texts and codes without quotes do not stop a run", all_taken),
)
