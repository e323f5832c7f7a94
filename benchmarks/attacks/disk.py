"""Damage to the results of a run: power loss, bit rot, full disks, archives that fail, inputs that change. Each on the whole chain over a tiny
world (two tiles, two years, four dates a year; simulated)."""

from __future__ import annotations

import functools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import geopandas as gpd
import pandas as pd

from benchmarks.attack import Attack
from benchmarks.harness import ROOT, differing, in_root, jobs_run, run_files, snakemake_command
from benchmarks.killed import disturb
from rs_pipeline.catalog.chips import chip_digest, damaged_in
from rs_pipeline.config import load
from tests.operations.conftest import HEIGHTS, Small, write_world
from tests.operations.test_repair import cut, flip, one_of_each_class

BITS, KILLS = 120, 50


@functools.cache
def undisturbed() -> Small:
    """The tiny world with the results of an undisturbed run, made once for each process."""
    small = write_world(Path(tempfile.mkdtemp(prefix="undisturbed-")))
    must_end_well(ran(small))
    return small


def copied(folder: Path) -> Small:
    shutil.copytree(undisturbed().folder, folder / "run")
    return Small(folder / "run")


def ran(small: Small, *options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(snakemake_command(small.config, *options), cwd=ROOT, env=in_root() | environment, capture_output=True, text=True, check=False)


def told(done: subprocess.CompletedProcess) -> str:
    return done.stdout + done.stderr


def must_end_well(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, told(done)[-600:]


def must_be_undisturbed(small: Small, *but: str) -> int:
    """Check that every file equals that of the undisturbed run; returns their number. Names that end in one of ``but`` are left out."""
    one, other = ({n: d for n, d in s.files().items() if not n.endswith(but)} for s in (small, undisturbed()))
    wrong = differing(one, other)
    assert not wrong, f"{len(wrong)} files differ: {wrong[:5]}"
    return len(one)


def flipped_bits(folder: Path) -> str:
    small, chance, found = copied(folder), random.Random(1), 0
    manifests = sorted(small.layout.root.glob("chips/*/*/chips.parquet"))
    chips = [(m, path) for m in manifests for path in sorted((m.parent / "native").glob("*/*.tif"))]
    for _ in range(BITS):
        manifest, path = chance.choice(chips)
        bit = chance.randrange(8 * path.stat().st_size)
        flip(path, bit)
        found += path.parent in damaged_in(manifest)
        flip(path, bit)
    assert found == BITS, f"{found} of {BITS} found"
    manifest, path = chips[0]
    flip(path, 90_000)
    period, tile = manifest.parent.parent.name, manifest.parent.name
    command = [sys.executable, "-m", "rs_pipeline.cli", "observe", "--tile", tile, "--period", period, "--config", str(small.config)]
    done = subprocess.run(command, cwd=small.folder, env=in_root(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "is not what was written; it is made again" in done.stderr, done.stderr[-300:]
    must_be_undisturbed(small)
    return (
        f"{found} of {BITS} found (digest of the first chip {chip_digest(path.parent)[:8]}); a job that met one made the chip again, all files as undisturbed"
    )


def power_loss(folder: Path, share: float) -> str:
    small = copied(folder)
    harmed = one_of_each_class(small.layout)
    for path in harmed:
        cut(path, int(share * path.stat().st_size))
    done = ran(small)
    must_end_well(done)
    named = told(done).count("is damaged (")
    assert named == len(harmed), f"{named} of {len(harmed)} named"
    return f"{named} files of every class cut to {share:.0%} with their times kept: all named, {must_be_undisturbed(small)} files as undisturbed after the same command"


def kills(folder: Path) -> str:
    small = copied(folder)
    total: Counter = Counter()
    while sum(total.values()) - total["ended before"] < KILLS:
        shutil.rmtree(small.layout.root)
        total += disturb(small.config, 10, 1 + sum(total.values()), small.files, undisturbed().files(), 20.0)
        must_end_well(ran(small))
        must_be_undisturbed(small)
    return f"{dict(total)}: what had its name was whole each time, the ends as undisturbed"


@contextmanager
def small_disk(place: Path, options: str):
    place.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False).returncode == 0
    assert mounted, "not tried: only root may mount a small file system"
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def full_disk(folder: Path, options: str) -> str:
    small = copied(folder)
    shutil.rmtree(small.layout.root)
    shutil.rmtree(small.folder / ".snakemake", ignore_errors=True)
    with small_disk(small.folder / "results" / "disk", options):
        (small.folder / "results" / "small").symlink_to("disk")
        done = ran(small)
        assert done.returncode != 0 and "the disk is full, or has no room for more files" in told(done), told(done)[-400:]
        whole = {n: d for n, d in small.files().items() if undisturbed().files().get(n) != d}
        assert not whole and "was given up" not in told(done), list(whole)[:5]
        subprocess.run(["mount", "-o", "remount,size=200m,nr_inodes=100k", str(small.folder / "results" / "disk")], check=True)
        must_end_well(ran(small))
        return f"named as the disk's, nothing given up, what was written is whole; with room {must_be_undisturbed(small)} files as undisturbed"


def file_size_limit(folder: Path) -> str:
    small = copied(folder)
    tile = small.layout.tile_map("2024", "r000c000", "water")
    command = [sys.executable, "-m", "rs_pipeline.cli", "fetch", "--tile", "r000c000", "--period", "2024", "--config", str(small.config)]
    for chip in (tile.parents[3] / "chips" / "2024" / "r000c000" / "native").iterdir():
        shutil.rmtree(chip)
    for attempt in "123":
        done = subprocess.run(
            [*command, "--attempt", attempt],
            cwd=small.folder,
            env=in_root(),
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
        )
        assert done.returncode != 0 and "ulimit -f" in done.stderr, done.stderr[-400:]
    assert not list(small.layout.retries.glob("fetch*"))
    must_end_well(subprocess.run(command, cwd=small.folder, env=in_root(), capture_output=True, text=True, check=False))
    must_be_undisturbed(small)
    return "three attempts under ulimit -f 8 KB named the limit, no scene failed, no tile was given up; without it all files as undisturbed"


@contextmanager
def served(folder: Path, refused: list[str]):
    """Files of a folder on 127.0.0.1; paths that hold one of ``refused`` are answered 403."""

    class Handler(SimpleHTTPRequestHandler):
        def send_head(self):
            if any(word in self.path for word in refused):
                self.send_error(403)
                return None
            return super().send_head()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def year_refused(folder: Path) -> str:
    small, refused = write_world(folder / "world"), ["_2023"]
    with served(small.folder / "items" / "data", refused) as url:
        for path in (small.folder / "items").glob("*.json"):
            path.write_text(path.read_text().replace(str((small.folder / "items" / "data").resolve()), url))
        source = {"sensor": "earth-search-sentinel-2-l2a", "catalog": str(small.folder / "items"), "schemes": ["http", "file"], "internal_hosts": True}
        small.configure(sources=[source], fetch={"retries": 1, "backoff_s": 0.1, "timeout_s": 5})
        done = ran(small)
        rows = pd.read_csv(small.layout.indicators, dtype=str).query("period == '2023' and indicator == 'water_permanent_area'")
        assert done.returncode != 0 and "scenes lost beyond" in told(done), told(done)[-500:]
        assert rows.value.isna().all() and rows.reason.str.startswith("lost: 4 of 4 scenes").all(), rows.reason.tolist()
        status = json.loads(small.layout.summary.read_text())["status"]
        refused.clear()
        must_end_well(ran(small))
        right = pd.read_csv(small.layout.indicators).drop(columns="reason").equals(pd.read_csv(undisturbed().layout.indicators).drop(columns="reason"))
        assert right and status == "incomplete"
    return "4 of 4 scenes of 2023 refused: exit code 1, summary, page and rows say lost; when the server gave them, the same command read them, values as undisturbed"


def shrunken_search(folder: Path) -> str:
    small = copied(folder)
    for path in sorted((small.folder / "items").rglob("*.json"))[:5]:
        path.unlink()
    done = ran(small, "--forcerun", "search")
    assert done.returncode != 0 and "5 of the 8 scenes that earlier searches used are found no more" in told(done), told(done)[-500:]
    return f"8 scenes became 3: refused by name, {must_be_undisturbed(small)} files as undisturbed"


def outage(folder: Path) -> str:
    small = copied(folder)
    (small.folder / "items").rename(small.folder / "away")
    done = ran(small, "--forcerun", "search")
    assert done.returncode != 0
    (small.folder / "away").rename(small.folder / "items")
    after = ran(small)
    assert "Nothing to be done" in told(after), told(after)[-500:]
    return f"the search failed, {must_be_undisturbed(small)} files as undisturbed, and nothing is to be done"


def fresh_run(small: Small, folder: Path) -> Small:
    """A new run on the present scenes, units and heights of a world."""
    fresh = Small(folder)
    fresh.folder.mkdir()
    for name in ("units.gpkg", HEIGHTS):
        shutil.copy(small.folder / name, fresh.folder)
    (fresh.folder / "items").symlink_to(small.folder / "items")
    fresh.configure()
    must_end_well(ran(fresh))
    return fresh


def edited_units(folder: Path, *, unnoticed: bool = False) -> str:
    """``unnoticed`` : the file of units is older than the run, and Snakemake's records are lost."""
    small = copied(folder)
    units = gpd.read_file(small.folder / "units.gpkg").to_crs(32650)
    units.geometry = units.translate(40, 0)
    units.to_crs(4326).to_file(small.folder / "units.gpkg")
    if unnoticed:
        os.utime(small.folder / "units.gpkg", (1.6e9, 1.6e9))
        shutil.rmtree(small.folder / ".snakemake")
    done = ran(small)
    must_end_well(done)
    fresh = fresh_run(small, folder / "fresh")
    new, old = (pd.read_csv(s.layout.indicators) for s in (fresh, small))
    assert new.equals(old), f"{(new.value != old.value).sum()} values differ"
    count = jobs_run(told(done))
    return f"all moved by 40 m: {count['round_1']} jobs of tiles and {count['mosaic']} mosaic jobs ran, {len(new)} rows as in a fresh run"


def two_runs(folder: Path) -> str:
    one = copied(folder)
    other = Small(folder / "elsewhere" / "deeper")
    other.folder.mkdir(parents=True)
    for name in ("units.gpkg", HEIGHTS):
        shutil.copy(one.folder / name, other.folder)
    (other.folder / "items").mkdir()
    for n, path in enumerate(sorted((undisturbed().folder / "items").glob("*.json"), reverse=True)):
        shutil.copy(path, other.folder / "items" / f"{n:03d}.json")
    other.configure(output="out put", resources={"free_gb": 0, "memory_gb": 0.7})
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", str(other.config), "--directory", str(other.folder)]
    done = subprocess.run(command, cwd=ROOT, env=in_root() | {"TZ": "Asia/Shanghai", "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    must_end_well(done)
    root = other.folder / load(other.config).root
    wrong = [n for n in differing(run_files(root), undisturbed().files()) if n != "config.yaml"]
    assert not wrong, f"{len(wrong)} files differ: {wrong[:8]}"
    return f"{len(run_files(root))} files identical: another folder, one core for two, {os.environ.get('TZ', 'UTC')} and Asia/Shanghai"


def replaced_scene(folder: Path) -> str:
    small = write_world(folder / "world")
    must_end_well(ran(small))
    before = pd.read_csv(small.layout.indicators)
    first, second, *_ = sorted((small.folder / "items" / "data").iterdir())
    for raster in first.glob("*.tif"):
        if raster.stem != "scl":
            shutil.copyfile(second / raster.name, raster)
    done = ran(small, "--forcerun", "search")
    must_end_well(done)
    said = (small.layout.root / "logs" / "search.log").read_text("utf-8")
    assert "1 scenes changed at the source" in said, said[-500:]
    fresh = fresh_run(small, folder / "fresh")
    after, right = pd.read_csv(small.layout.indicators), pd.read_csv(fresh.layout.indicators)
    assert after.equals(right), "the values are not those of a fresh run"
    return f"files of one scene replaced in place: named, its chips read again, {int((after.value.fillna(-1e9) != before.value.fillna(-1e9)).sum())} values changed, all as in a fresh run"


ATTACKS = (
    Attack("flipped bits", "Every flipped bit of a chip is found, and the chip made again", flipped_bits),
    Attack("power loss: zero bytes", "Files cut off with their times kept are named and made again", partial(power_loss, share=0.0)),
    Attack("power loss: half files", "Files cut off with their times kept are named and made again", partial(power_loss, share=0.5)),
    Attack("kills", "After each kill what has its name is whole, and the end is as undisturbed", kills),
    Attack("full disk", "A full disk is named, costs no scene and no tile, and the run can go on", partial(full_disk, options="size=900k")),
    Attack(
        "no inodes", "A disk without inodes is named, costs no scene and no tile, and the run can go on", partial(full_disk, options="size=50m,nr_inodes=150")
    ),
    Attack("file size limit", "A limit of file sizes is a fault of the disk, not of the scenes", file_size_limit),
    Attack("a year refused", "403 for all rasters of a year: exit code 1, told everywhere, tried again by itself", year_refused),
    Attack("shrunken search", "A search that lost more than it may is refused, and the last one stays", shrunken_search),
    Attack("outage", "A search that fails leaves the finished run as it was", outage),
    Attack("edited units", "Units that move make everything run again that rests on their grid", edited_units),
    Attack(
        "edited units, unnoticed",
        "So they do where their file is older than the run and what Snakemake remembers is lost",
        partial(edited_units, unnoticed=True),
    ),
    Attack("replaced scene", "A scene replaced in place is read again", replaced_scene),
    Attack("two runs", "Another folder, number of cores, order of the catalog and time zone give the same bytes", two_runs),
)
