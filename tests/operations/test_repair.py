"""Power loss and bit rot: what is damaged is named, put aside and made again, and the end is that of an undisturbed run."""

import errno
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import ROOT, in_root, jobs_run
from rs_pipeline.config import load
from rs_pipeline.errors import LockedError, SpaceError
from rs_pipeline.operations import repair
from rs_pipeline.operations.journal import Watch, read_journal
from rs_pipeline.operations.locks import hold_run
from rs_pipeline.operations.run import mend
from rs_pipeline.operations.verify import told, verify_run
from rs_pipeline.storage.retry import read_retries


def cut(path, length=0):
    """Cut a file off and keep its times, as a power loss does."""
    times = path.stat()
    with path.open("rb+") as file:
        file.truncate(length)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def flip(path, bit):
    times, data = path.stat(), bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def one_of_each_class(layout):
    """A file of every class that a run writes."""
    return [
        layout.scenes,
        layout.orbits,
        layout.tiles,
        layout.tile_scenes,
        layout.scene_list("2023", "r000c000"),
        layout.chips("2023", "r000c000"),
        layout.tile_map("2024", "r000c001", "water"),
        layout.tile_map("2023", "r000c000", "land"),
        layout.preview("2023", "r000c000"),
        layout.reach_scores("2023", "r000c000"),
        layout.quality_scores("2023", "r000c000"),
        layout.trend_tile("r000c000"),
        layout.map("vegetation", "2024"),
        layout.map("vegetation", "2024").with_suffix(".qml"),
        layout.trend_map,
        layout.trend_counties,
        layout.counties("2024"),
        layout.land_counties("2023"),
        layout.bodies,
        layout.reach_lines,
        layout.reaches,
        layout.inspection_list,
        layout.inspection_index,
        layout.quality,
        layout.indicators,
        layout.indicators_parquet,
        layout.evidence,
        layout.counties_latest,
        layout.indicators_workbook,
        layout.dictionary,
        layout.report,
        next(layout.report_pictures.glob("*.jpg")),
        layout.stac,
        layout.stac.parent / "2024" / "2024.json",
    ]


@pytest.fixture
def settings(copied_run, monkeypatch):
    monkeypatch.chdir(copied_run.folder)
    return load(copied_run.config)


def test_every_file_of_a_run_is_recorded_and_whole(settings, copied_run):
    found = verify_run(settings)
    assert found.sound and not (found.damaged or found.missing or found.missing_chips or found.unknown or found.unfinished) and found.files > 100
    recorded = {str(p) for p in copied_run.files()}
    assert told(found, repaired=False) == f"{found.files} files checked: 0 damaged, 0 missing, 0 unknown" and len(recorded) > 100


def test_a_cut_file_of_every_class_is_named_at_the_start_and_put_aside(settings, copied_run, caplog):
    harmed = one_of_each_class(copied_run.layout)
    for path in harmed:
        cut(path)
    mend(settings, only_tell=True)
    assert all(f"{path} is damaged (0 bytes, written were " in caplog.text for path in map(str, (p.absolute() for p in harmed))) and all(
        p.exists() for p in harmed
    )
    mend(settings)
    assert not [p for p in harmed if p.exists()]
    assert sorted(p.name for p in (settings.root / "damaged").rglob("*") if p.is_file()) == sorted(p.name for p in harmed)


def test_each_of_sixty_flipped_bits_is_found(settings, copied_run):
    chance = random.Random(4)
    files = [copied_run.layout.root / name for name in sorted(copied_run.files()) if name != "config.yaml"]
    for _ in range(60):
        path, bit = chance.choice(files), chance.randrange(2**20)
        flip(path, bit)
        found = verify_run(settings)
        assert [p for p in found.damaged if p in str(path.absolute())], path
        flip(path, bit)
    assert not verify_run(settings).damaged


def test_damage_of_a_search_that_was_then_refused_is_found(settings, copied_run):
    """What a search writes stays whole when the next one fails, so it is held to the record."""
    Watch(copied_run.layout.journal, "search", "search", 1).write("failed", "CatalogError: 5 of the 8 scenes")
    flip(copied_run.layout.scenes, 16_003)
    cut(copied_run.layout.orbits, 10)
    assert verify_run(settings).damaged.keys() == {str(p.absolute()) for p in (copied_run.layout.scenes, copied_run.layout.orbits)}
    verify_run(settings, repair=True)
    assert read_retries(copied_run.layout.retries)["search"].times == 1 and not copied_run.layout.scenes.exists()


def test_a_job_that_did_not_end_is_told(settings, copied_run):
    Watch(copied_run.layout.journal, "indicators", "indicators", 1).write("failed", "MemoryError")
    cut(copied_run.layout.indicators, 1000)
    found = verify_run(settings)
    assert not found.sound and found.unfinished == ["indicators"] and not found.damaged and not found.unknown
    assert "indicators: did not end well" in told(found, repaired=False) and "start the run again" in told(found, repaired=False)


def test_a_disk_that_may_not_be_written_is_named(settings, copied_run, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    cut(copied_run.layout.indicators, 1000)
    monkeypatch.setattr(repair, "put_aside", refuse)
    with pytest.raises(SpaceError, match="the file system is read-only"):
        verify_run(settings, repair=True)


def test_without_its_record_a_run_is_not_called_sound(settings, copied_run):
    """Every file that a job wrote may be damaged, those of tiles included; the remedy names the steps."""
    shutil.rmtree(copied_run.layout.record.parent)
    cut(copied_run.layout.indicators, 1000)
    found = verify_run(settings)
    assert {
        str(p.absolute()) for p in (copied_run.layout.indicators, copied_run.layout.tile_map("2024", "r000c001", "water"))
    } <= found.unknown.keys() and not found.sound
    last = told(found, repaired=False).splitlines()[-1]
    assert f"--config {settings.root / 'config.yaml'} --forcerun search grid assign" in last and " observe " in last and " indicators " in last
    done = job(copied_run, "verify")
    assert done.returncode == 1 and last in done.stdout


def test_what_no_job_of_the_run_makes_any_more_is_not_promised(settings, copied_run):
    gone, made = copied_run.layout.counties("2023"), copied_run.layout.counties("2024")
    for path in (gone, made):
        path.unlink()
    assert not verify_run(settings).for_good
    narrow = load(copied_run.configure(periods=[2024]))
    found = verify_run(narrow)
    assert {str(p.absolute()) for p in (gone, made)} <= {*found.missing} and found.for_good == [str(gone.absolute())]
    *_, promised, lost = told(found, repaired=False).splitlines()
    assert promised == "start the run again: they are made again" and lost.startswith("no job of the run, as it is configured now, makes these again")


@pytest.mark.parametrize("harm", [cut, Path.unlink])
def test_without_its_tiles_a_run_is_verified_all_the_same(settings, copied_run, harm):
    harm(copied_run.layout.tiles)
    found = verify_run(settings)
    assert [*found.damaged, *found.missing] == [str(copied_run.layout.tiles.absolute())] and not found.for_good


def test_another_run_is_not_disturbed(settings, copied_run):
    cut(copied_run.layout.indicators)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(copied_run.layout.lock)], env=in_root(), stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        mend(settings)
        assert copied_run.layout.indicators.exists()
        with pytest.raises(LockedError, match="a run works on this folder"):
            verify_run(settings, repair=True)
    finally:
        holder.kill()
        holder.wait()
    verify_run(settings, repair=True)
    assert not copied_run.layout.indicators.exists()


HOLD = f"""
import sys, time
from pathlib import Path
from {hold_run.__module__} import hold_run
held = hold_run(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def job(copied_run, *words):
    command = [sys.executable, "-m", "rs_pipeline.cli", *words, "--config", str(copied_run.config)]
    return subprocess.run(command, cwd=copied_run.folder, env=in_root() | {"PYTHONPATH": f"{ROOT}:{ROOT / 'kernels'}"}, capture_output=True, text=True)


def test_a_job_makes_again_what_it_finds_damaged_and_nothing_else_is_outdated(copied_run, small_run, snakemake):
    """A bit of a chip, and a bit of a tile's map, are flipped; the jobs that read them heal them. Then files of five kinds are cut."""
    layout = copied_run.layout
    (chip, *_) = sorted(layout.chip_folder("2024", "r000c001").glob("*/10m-0.tif"))
    flip(chip, 90_000)
    done = job(copied_run, "observe", "--tile", "r000c001", "--period", "2024")
    assert done.returncode == 0 and f"the chip {chip.parent.name} is not what was written; it is made again" in done.stderr
    flip(layout.tile_map("2023", "r000c000", "water"), 3_000)
    done = job(copied_run, "mosaic", "--product", "water", "--period", "2023")
    assert done.returncode == 0 and "water.tif is damaged: its content is not what was written; it is made again" in done.stderr
    assert copied_run.files() == small_run.files()

    since = len(read_journal(layout.journal))
    for path in (layout.indicators, layout.report, layout.map("water", "2024"), layout.bodies, layout.tile_map("2024", "r000c000", "land")):
        cut(path)
    done = snakemake(copied_run.config)
    told = done.stdout + done.stderr
    assert told.count("is damaged (0 bytes, written were") == 5 and "the report" not in told
    assert not set(jobs_run(told)) & {"search", "grid", "assign"} and jobs_run(told)["round_1"] == 1
    began = [e.job for e in read_journal(layout.journal)[since:] if e.state == "started"]
    assert [job for job in began if "r000c" in job] == ["land.2024.r000c000"]
    assert sorted(job for job in began if job.startswith("mosaic")) == ["mosaic:water.2024"], "a tile that was made again is what it was, so its map stays"
    assert copied_run.files() == small_run.files()
