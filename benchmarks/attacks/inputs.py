"""Attacks by input files: decompression bombs, catalogs that lead elsewhere, items that pass for others, pipes, a cache of another user, names, sheer size."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shlex
import sqlite3
import stat
import struct
import subprocess
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import rasterio
import shapely
import yaml
from affine import Affine

from benchmarks.attack import Attack
from benchmarks.harness import ROOT, in_root, snakemake_command
from benchmarks.load import SENSOR, measured, peak_mb, table_of
from benchmarks.remote_reads import served
from rs_pipeline.catalog.cache import Cache
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.read import open_raster, read_coarse
from rs_pipeline.catalog.search import deduplicate, search, unique_keys
from rs_pipeline.config import FetchSection, InputSection, Settings, SourceSection, load, parse
from rs_pipeline.errors import PipelineError
from rs_pipeline.inputs.tables import read_table
from rs_pipeline.inputs.vectors import read_vector
from rs_pipeline.layout import Layout
from rs_pipeline.sensors import load_sensor

CRS, LEFT, TOP = "EPSG:32650", 500_000.0, 4_400_000.0
ASSETS = ("blue", "green", "red", "nir", "rededge1", "swir16", "swir22", "scl")
PLACE = shapely.box(117.0, 39.70, 117.02, 39.74)
NOBODY = 65_534


def item(item_id: str, day: str, href: str = "./{}.tif", geometry: dict | None = None, **properties: Any) -> dict:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item_id,
        "collection": "sentinel-2-l2a",
        "links": [],
        "geometry": geometry or shapely.geometry.mapping(PLACE),
        "assets": {a: {"href": href.format(a)} for a in ASSETS},
        "properties": {"datetime": f"{day}T03:00:00Z", "platform": "sentinel-2a", "eo:cloud_cover": 1.0, "earthsearch:boa_offset_applied": True, **properties},
    }


def run_of(folder: Path, items: list[dict]) -> Settings:
    """A run over a folder of items that reads no pixels."""
    (folder / "cat").mkdir(exist_ok=True)
    (folder / "cat/items.ndjson").write_text("\n".join(map(json.dumps, items)))
    units = {"adcode": ["130001"], "name": ["a"], "prefecture": ["p"]}
    gpd.GeoDataFrame(units, geometry=[PLACE], crs=4326).to_file(folder / "units.gpkg")
    return parse(
        {
            "run": "r",
            "output": str(folder / "out"),
            "units": {"path": str(folder / "units.gpkg")},
            "periods": [2023],
            "sources": [{"sensor": SENSOR, "catalog": str(folder / "cat")}],
            "search": {"self_test": False, "register_scenes": False},
            "grid": {"crs": CRS},
        }
    )


def _cost(function: Callable, given: tuple) -> tuple[Any, float, float]:
    before, start = peak_mb(), time.perf_counter()
    try:
        found = function(*given)
    except PipelineError as fault:
        found = fault.what
    return found, time.perf_counter() - start, peak_mb() - before


def cost(function: Callable, *given: Any, within_s: float) -> tuple[Any, float, float]:
    """Result of a function (or the text of its expected error), seconds and peak memory in MB, in its own process, which is ended after ``within_s``."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply_async(_cost, (function, given)).get(within_s)


def write_bomb(path: Path, n: int, side: int = 31_000) -> None:
    """A sparse raster in tiles, and behind it an overview of n pixels a side in a single strip of zeros."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype="uint16",
        crs=CRS,
        transform=Affine(10, 0, LEFT, 0, -10, TOP),
        nodata=0,
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress="deflate",
        SPARSE_OK=True,
    ):
        pass
    pack, zeros, left = zlib.compressobj(1), bytes(2**24), 2 * n**2
    with path.open("r+b") as file:
        (first,) = struct.unpack("<4xI", file.read(8))
        file.seek(first)
        (entries,) = struct.unpack("<H", file.read(2))
        after_first, strip = first + 2 + 12 * entries, file.seek(0, os.SEEK_END)
        while left > 0:
            file.write(pack.compress(zeros[:left]))
            left -= len(zeros)
        file.write(pack.flush())
        size = file.tell() - strip
        file.write(b"\0" * (file.tell() % 2))
        second = file.tell()
        tags = [
            (254, 4, 1),
            (256, 4, n),
            (257, 4, n),
            (258, 3, 16),
            (259, 3, 8),
            (262, 3, 1),
            (273, 4, strip),
            (277, 3, 1),
            (278, 4, n),
            (279, 4, size),
            (339, 3, 1),
        ]
        file.write(struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4))
        file.seek(after_first)
        file.write(struct.pack("<I", second))


def _read_bomb(path: str) -> str:
    with open_raster(path, "none", FetchSection(), 10.0) as dataset:
        return f"read {read_coarse(dataset, 343).shape}"


def overview(folder: Path) -> str:
    """One overview has half the side of the raster but is a single strip; another is hardly smaller than the raster."""
    told = []
    for n, words in ((15_500, "an overview in blocks of 458 MiB, the limit is 256"), (30_999, "read (343, 343)")):
        path = folder / f"{n}.tif"
        write_bomb(path, n)
        found, seconds, memory_mb = cost(_read_bomb, str(path), within_s=120)
        assert found == words and memory_mb < 400, f"{found}, {memory_mb:.0f} MB"
        told.append(f"{path.stat().st_size / 1e6:.1f} MB on disk: {found}; {seconds:.1f} s, {memory_mb:.0f} MB")
    return "; ".join(told)


def _ring(corners: int) -> dict:
    ring = np.array([117.0, 39.7]) + 0.04 * np.random.default_rng(corners).random((corners, 2))
    return {"type": "Polygon", "coordinates": [np.vstack([ring, ring[:1]]).tolist()]}


def _searched(folder: str, items: list[dict]) -> list[tuple[str, str, str]]:
    settings = run_of(Path(folder), items)
    search(settings)
    return [(s.scene_id, s.status, s.reason) for s in read_ledger(Layout(settings.root).scenes)]


def footprints(folder: Path) -> str:
    """Twenty outlines that cross themselves, with 125 to 5000 corners."""
    told = []
    for corners in (125, 250, 500, 5000):
        items = [item(f"i{n}", f"2023-05-{1 + n:02d}", geometry=_ring(corners)) for n in range(20)]
        found, seconds, memory_mb = cost(_searched, str(folder), items, within_s=120)
        assert [s for _, s, _ in found] == ["used"] * 20 and seconds < 20
        told.append(f"{corners} corners {seconds:.1f} s {memory_mb:.0f} MB")
    return "; ".join(told)


def _keys(n: int) -> int:
    from rs_pipeline.catalog.items import read_item

    source = SourceSection(sensor=SENSOR, catalog="/cat")
    same = [read_item(item("y" * 120 + f"{i}", "2023-05-01"), source, load_sensor(SENSOR), ("file",)) for i in range(n)]
    return len({c.scene.key for c in deduplicate(unique_keys(same))})


def one_key(folder: Path) -> str:
    told = []
    for n in (4000, 8000):
        found, seconds, memory_mb = cost(_keys, n, within_s=200)
        assert found == n
        told.append((n, seconds, memory_mb))
    assert told[1][1] < 2.6 * told[0][1] + 4, told
    return "; ".join(f"{n} ids {seconds:.1f} s {memory_mb:.0f} MB" for n, seconds, memory_mb in told)


def confined(folder: Path) -> str:
    hrefs = ["/etc/hostname", "file:///etc/hostname", "../../../../../../etc/hostname", "../secret/{}.tif", "/proc/self/environ", "./../cat/../../etc/hostname"]
    found = {
        i: (status, reason)
        for i, status, reason in _searched(
            str(folder), [item("good", "2023-05-01"), *(item(f"bad{n}", f"2023-06-{1 + n:02d}", href) for n, href in enumerate(hrefs))]
        )
    }
    assert found.pop("good")[0] == "used"
    assert all(status == "skipped" and "sources.folders would allow it" in reason for status, reason in found.values()), found
    return f"{len(found)} hostile hrefs are skipped with the reason, 1 good one is used"


def one_datatake(folder: Path) -> str:
    claim = {"s2:datatake_id": "GS2A_20230501T030000_041000_N05.09", "grid:code": "MGRS-50SMK"}
    found = _searched(str(folder), [item(f"d{day}", f"2023-05-{day:02d}", **claim) for day in (1, 6, 11, 16)])
    assert [s for _, s, _ in found] == ["used"] * 4, found
    return "4 of 4 items of one datatake and four days are used"


def _pipes(folder: str) -> list[tuple[str, str, str]]:
    return _searched(folder, [item("pipe", "2023-05-01", "./{}.pipe"), item("good", "2023-05-06")])


def pipes(folder: Path) -> str:
    """Pipes as an item file, as a catalog's child, as a raster and as a side file: nothing waits for a writer."""
    (folder / "cat").mkdir()
    os.mkfifo(folder / "cat/item.json")
    os.mkfifo(folder / "cat/collection.json")
    for path in ("red.tif", "table.csv"):
        os.mkfifo(folder / path)
    found, seconds, _ = cost(_pipes, str(folder), within_s=60)
    words = [cost(_read_bomb, str(folder / "red.tif"), within_s=60)[0], cost(read_table, folder / "table.csv", ("a",), within_s=60)[0]]
    assert words == ["a pipe, not a file"] * 2 and {i for i, *_ in found} == {"pipe", "good"}, (words, found)
    return f"search ended in {seconds:.1f} s; raster and table: {words[0]}"


def _as_nobody(folder: str) -> tuple[bool, bool]:
    os.setuid(NOBODY)
    cache = Cache(Path(folder) / "cache", 10**6)
    taken = [cache.take(key, Path(folder) / f"out-{key[0]}") for key in ("a" * 64, "b" * 64, "c" * 64)]
    cache.keep("a" * 64, Path(folder) / "chip")
    cache.keep("d" * 64, Path(folder) / "chip")
    return tuple(taken)


def cache_of_another(folder: Path) -> str:
    """Entries without read permission, damaged or missing, in folders without write permission."""
    if os.geteuid():
        return "not tried: only root can be two users"
    with tempfile.TemporaryDirectory(prefix="cache-of-another-") as place:
        shared = Path(place)
        shared.chmod(0o777)
        (shared / "chip").mkdir()
        (shared / "chip/10m-0.tif").write_bytes(b"pixels" * 1000)
        cache = Cache(shared / "cache", 10**9)
        for key in ("a", "b"):
            cache.keep(key * 64, shared / "chip")
        cache.path("a" * 64).chmod(0o600)
        cache.path("b" * 64).write_bytes(b"damaged")
        taken, _, _ = cost(_as_nobody, place, within_s=60)
        assert taken == (False, False, False), taken
        assert cache.path("b" * 64).exists() and stat.S_IMODE(cache.path("a" * 64).stat().st_mode) == 0o600
    return "three entries not taken, two not kept, no error raised"


def names(folder: Path) -> str:
    """A run, up to its tiles, with an output folder whose name a shell would execute."""
    tried = ["out$(touch PWNED)", "a b `touch PWNED` 'q\"", "-rf *[a]? && touch PWNED 河北 %s", ";touch PWNED", "{period}"]
    worked, refused = [], []
    for i, name in enumerate(tried):
        place = folder / str(i)
        place.mkdir()
        settings = run_of(place, [])
        values = {
            "run": "r",
            "output": name,
            "units": {"path": str(settings.units.path)},
            "periods": [2023],
            "sources": [{"sensor": SENSOR, "catalog": str(place / "cat")}],
            "grid": {"crs": CRS},
        }
        (place / "my.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
        done = subprocess.run(snakemake_command(place / "my.yaml", "--until", "grid"), cwd=ROOT, env=in_root(), capture_output=True, text=True, timeout=300)
        if done.returncode == 0:
            assert (place / name / "r/tiles.parquet").is_file(), name
            worked.append(shlex.quote(name))
        else:
            assert "output:" in done.stdout + done.stderr, done.stderr[-500:]
            refused.append(shlex.quote(name))
    assert not list(folder.rglob("PWNED")) and not (ROOT / "PWNED").exists()
    return f"worked: {', '.join(worked)}; refused by name: {', '.join(refused)}; nothing was executed"


def workbook(folder: Path) -> str:
    with zipfile.ZipFile(folder / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/workbook.xml", "w", force_zip64=True) as file:
        for _ in range(64):
            file.write(bytes(2**24))
    found, seconds, memory_mb = cost(read_table, folder / "bomb.xlsx", ("adcode",), within_s=60)
    assert "1024 MiB when it is unpacked" in found and memory_mb < 100, (found, memory_mb)
    return f"{(folder / 'bomb.xlsx').stat().st_size / 1e6:.1f} MB on disk: {found}; {seconds:.1f} s, {memory_mb:.0f} MB"


def _shape_of(path: Path) -> int:
    return len(read_vector(path, key="units.path", stated=InputSection()))


def vectors(folder: Path) -> str:
    """Vector files that are lists of other files, queries, servers or addresses; a view with endless rows; an index that lists one record a million times."""
    (folder / "private.csv").write_text("user,password\nroot,PRIVATE\n")
    shape = {"type": "Polygon", "coordinates": [[[115, 38], [116, 38], [116, 39], [115, 38]]]}
    features = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": shape}]}
    with served({}, 0.0) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        led = {
            "list": f"<OGRVRTDataSource><OGRVRTLayer name='t'><SrcDataSource>/vsicurl/{url}/t.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
            "query": f"<OGRVRTDataSource><OGRVRTLayer name='t'><SrcDataSource>{folder}/private.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
            "server": f"<OGRWFSDataSource><URL>{url}/wfs</URL></OGRWFSDataSource>",
            "crs": json.dumps(features | {"crs": {"type": "link", "properties": {"href": f"{url}/crs"}}}),
            "schema": f"<a:FeatureCollection xmlns:a='a' xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:schemaLocation='a {url}/?DescribeFeatureType'/>",
        }
        for what, text in led.items():
            for ending in ("gpkg", "geojson", "shp", "kml"):
                (folder / f"{what}.{ending}").write_text(text)
                found = cost(_shape_of, folder / f"{what}.{ending}", within_s=60)[0]
                assert isinstance(found, str) and "PRIVATE" not in found, found
        assert not server.log, server.log
    gpd.GeoDataFrame({"adcode": ["1"]}, geometry=[PLACE], crs=4326).to_file(folder / "endless.gpkg", layer="a", SPATIAL_INDEX="NO")
    with contextlib.closing(sqlite3.connect(folder / "endless.gpkg")) as db:
        db.executescript("DROP TABLE a; CREATE VIEW a AS WITH RECURSIVE c(fid) AS (SELECT 1 UNION ALL SELECT fid + 1 FROM c) SELECT fid, NULL AS geom FROM c")
    gpd.GeoDataFrame({"adcode": ["1"]}, geometry=[PLACE], crs=4326).to_file(folder / "again.shp")
    index = (folder / "again.shx").read_bytes()
    (folder / "again.shx").write_bytes(index[:24] + struct.pack(">i", 50 + 4 * 10**6) + index[28:100] + index[100:108] * 10**6)
    told = [cost(_shape_of, folder / name, within_s=60) for name in ("endless.gpkg", "again.shp")]
    assert all(isinstance(found, str) and memory_mb < 200 for found, _, memory_mb in told), told
    return f"{4 * len(led)} files refused, no request; " + "; ".join(f"{found} ({seconds:.1f} s)" for found, seconds, _ in told)


def small_texts(folder: Path) -> str:
    """Workbooks of many empty elements, and YAML that repeats itself: 30 kB and less."""
    plain = folder / "plain.xlsx"
    openpyxl.Workbook().save(plain)
    told = []
    for part, end, tag in (("xl/styles.xml", b"</styleSheet>", b"<a/>"), ("xl/worksheets/sheet1.xml", b"</sheetData>", b"<row/>")):
        with zipfile.ZipFile(plain) as old, zipfile.ZipFile(folder / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
            for member in old.namelist():
                raw = old.read(member)
                packed.writestr(member, raw.replace(end, tag * 3_000_000 + end) if member == part else raw)
        told.append(cost(read_table, folder / "a.xlsx", ("adcode",), within_s=60))
    levels = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    for text in (levels, "a: &a [*a]", "a: " + "[" * 200_000):
        (folder / "a.yaml").write_text(text)
        told.append(cost(load, folder / "a.yaml", within_s=60))
    assert all(isinstance(found, str) and seconds < 20 and memory_mb < 200 for found, seconds, memory_mb in told), told
    return "; ".join(f"{found[:90]} ({seconds:.1f} s)" for found, seconds, _ in told)


def many_periods(folder: Path) -> str:
    """The step of indicators for five times as many periods: the memory of the product must not grow in proportion."""
    small, large = (measured(table_of, 400, periods) for periods in (2, 10))
    assert large[1] < small[1] + 100, (small, large)
    return f"400 units: 2 periods {small[0]:.0f} s {small[1]:.0f} MB, 10 periods {large[0]:.0f} s {large[1]:.0f} MB"


ATTACKS = (
    Attack("an overview in one block", "A small TIFF whose overview is one block of gigabytes takes no such memory: it is refused, or not read.", overview),
    Attack("outlines that cross themselves", "Scenes whose outlines cross themselves cost in proportion, and are used.", footprints),
    Attack("ids that clean to one key", "Thousands of ids that are the same as file names cost in proportion.", one_key),
    Attack("a catalog that leads elsewhere", "Files outside a catalog's folder are not opened, and the ledger says why.", confined),
    Attack("one datatake on four days", "Items that claim one datatake on other days are other passes: none is dropped.", one_datatake),
    Attack("pipes where files are due", "No pipe is waited for: it is named.", pipes),
    Attack("a cache of another user", "Whatever may not be read or written in a cache ends no job.", cache_of_another),
    Attack("names that a shell executes", "Names of folders work or are refused at the start; nothing is executed.", names),
    Attack("a workbook that unpacks to a gigabyte", "It is refused by name, without its memory.", workbook),
    Attack("vector files that lead elsewhere", "Nothing is asked of a server, no other file is read, and no small file is read without an end.", vectors),
    Attack("tables and YAML that unpack to much", "Small workbooks and configurations are refused in seconds, in one line.", small_texts),
    Attack("many units and periods", "The memory of indicators does not grow with units times periods.", many_periods),
)
