"""A run costs what is new: new scenes, another threshold, a moved folder, a changed clock; and a bad tile costs itself."""

import os
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

from benchmarks.harness import job_counts, jobs_run
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import read_journal
from rs_pipeline.operations.run import drop_backups, settle_times
from rs_pipeline.storage.retry import job_name, mark_retry
from tests.operations.conftest import new_scene


def jobs(done) -> dict[str, int]:
    """Rule to number of jobs that Snakemake ran or would run."""
    return dict(jobs_run(done.stdout + done.stderr))


@contextmanager
def killed_jobs(layout, times, job):
    """Kill the first attempts at a job once they are at work, as the system does for their memory."""
    ended, killed = threading.Event(), set()

    def watch():
        while not ended.wait(0.05) and len(killed) < times:
            for entry in read_journal(layout.journal):
                if entry.job == job and entry.state == "started" and entry.pid not in killed:
                    with suppress(psutil.Error):
                        psutil.Process(entry.pid).kill()
                        killed.add(entry.pid)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join()
    assert len(killed) == times


def worked(layout, since: int, *verbs: str) -> list[str]:
    """Jobs of verbs that began after so many lines of the journal, in order."""
    return [e.job for e in read_journal(layout.journal)[since:] if e.state == "started" and e.verb in verbs]


def nothing_to_do(done) -> bool:
    return "Nothing to be done" in done.stdout + done.stderr


def test_only_what_is_new_runs_and_a_bad_tile_is_missing_alone(copied_run, snakemake):
    """The copy is a moved folder. Then the clock is ahead for a while; a scene of October comes over the western tile; a job of the eastern
    one is killed twice, as for its memory."""
    layout = copied_run.layout
    assert nothing_to_do(snakemake(copied_run.config))

    ahead = time.time() + 400 * 86_400
    for i, path in enumerate(sorted((p for p in layout.root.rglob("*") if p.is_file()), key=lambda p: p.stat().st_mtime_ns)):
        os.utime(path, (ahead + i, ahead + i))
    assert nothing_to_do(snakemake(copied_run.config))

    copied_run.configure(indicators={"publish_fraction": 0.9})
    planned = snakemake(copied_run.config, "-n")
    assert "Params have changed since last execution" in planned.stdout + planned.stderr
    assert "indicators" in jobs(planned) and not set(jobs(planned)) & {"search", "round_1", "mosaic", "zonal"}
    copied_run.configure()

    before, since = {p: p.stat().st_mtime_ns for p in layout.root.rglob("*.tif")}, len(read_journal(layout.journal))
    new_scene(copied_run)
    mark_retry(layout.retries, job_name("observe", "r000c001", "2024"))
    with killed_jobs(layout, 2, "observe.2024.r000c001"):
        done = snakemake(copied_run.config, "--forcerun", "search", check=False)
    ran = jobs(done)
    assert (ran["search"], ran["assign"], ran["round_1"], ran["trend"], ran["zonal"]) == (1, 1, 1 + 3, 2, 1) and "grid" not in ran
    assert worked(layout, since, "fetch") == ["fetch.2024.r000c000"] and worked(layout, since, "land") == ["land.2024.r000c000"]
    assert worked(layout, since, "observe").count("observe.2024.r000c001") == 3 and ran["mosaic"] == len(list((layout.root / "maps").glob("*_2024.tif")))
    chips = layout.chip_folder("2024", "r000c000")
    assert {p.relative_to(chips).parts[0].split("_")[2] for p in chips.rglob("*.tif") if p not in before} == {"20241020"}
    kept = {p for p, then in before.items() if p.exists() and p.stat().st_mtime_ns == then}
    assert {p for p in before if "chips" in p.parts or "2023" in p.parts or p.name.endswith("_2023.tif")} <= kept

    told = done.stdout + done.stderr
    assert done.returncode != 0 and "finished, but not complete" in told and "observe.2024.r000c001: it was killed: by the system" in told
    assert "observe was given up: it was killed" in layout.report.read_text("utf-8")
    rows = pd.read_csv(layout.indicators, dtype=str).query("period == '2024' and indicator == 'water_permanent_area'").set_index("adcode")
    assert pd.isna(rows.value["130102"]) and rows.reason["130102"] == "no scene was used in this period" and float(rows.value["130101"]) > 0
    planned = snakemake(copied_run.config, "-n")
    assert jobs(planned)["round_1"] == 1 and "search" not in jobs(planned)


def test_chips_that_are_not_kept_go_when_the_products_are_made(small_world, snakemake):
    layout = small_world.layout
    small_world.configure(fetch={"keep_chips": False})
    wanted = str(layout.reach_scores("2024", "r000c000").relative_to(small_world.folder))
    assert jobs(snakemake(small_world.config, wanted))["round_2"] == 1
    assert layout.chips("2024", "r000c000").is_file() and not layout.chip_folder("2024", "r000c000").exists()
    assert nothing_to_do(snakemake(small_world.config, wanted))
    small_world.configure(fetch={"keep_chips": False}, vegetation={"min_dates": 3, "min_span_days": 21})
    assert jobs(snakemake(small_world.config, wanted, "-n"))["round_1"] >= 1


def test_files_from_the_future_keep_their_order(tmp_path):
    ahead = time.time() + 10_000
    for i, name in enumerate("abc"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (ahead + i, ahead + i))
    (tmp_path / "old").write_text("old")
    os.utime(tmp_path / "old", (1e9, 1e9))
    assert settle_times(tmp_path, only_tell=True) == 3 and (tmp_path / "a").stat().st_mtime == pytest.approx(ahead)
    assert settle_times(tmp_path) == 3
    times = [(tmp_path / name).stat().st_mtime for name in ("old", "a", "b", "c")]
    assert times == sorted(times) and times[0] == 1e9 and times[3] <= time.time()


def test_times_are_left_while_another_run_writes_and_files_that_go_away_are_none(tmp_path, monkeypatch):
    ahead = time.time() + 10_000
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", (ahead, ahead))
    monkeypatch.setattr("rs_pipeline.operations.run.is_free", lambda lock: lock != Layout(tmp_path).lock)
    assert settle_times(tmp_path) == 0 and (tmp_path / "a").stat().st_mtime == ahead
    monkeypatch.undo()
    monkeypatch.setattr(os, "walk", lambda folder: [(str(tmp_path), [], [".b.part", "a"])])
    assert settle_times(tmp_path) == 1


def test_backups_of_other_runs_of_the_folder_stay(tmp_path, monkeypatch):
    """Snakemake gives a failing job its finished output back from there; an absolute path lies there without its leading slash."""
    monkeypatch.chdir(tmp_path)
    kept = [Path(".snakemake/backups", name) for name in ("results/one/a.csv", "results/two/a.csv", "elsewhere/one/a.csv")]
    outside = tmp_path / "results" / "one" / "a.csv"
    for path in (*kept, outside):
        path.parent.mkdir(parents=True)
        path.touch()
    drop_backups(Path("results/one"))
    assert [p.exists() for p in kept] == [False, True, True]
    drop_backups(Path("/elsewhere/one"))
    drop_backups(Path("../../results/one"))
    drop_backups(Path("none"))
    assert [p.exists() for p in kept] == [False, True, False] and outside.exists()


def test_slurm_can_group_the_jobs_of_a_run(copied_run, snakemake):
    """No step outside a group may stand between two of its steps."""
    planned = snakemake(copied_run.config, "-n", "--profile", "profiles/slurm", "--forcerun", "round_1")
    count = job_counts(planned.stdout + planned.stderr)
    assert count["round_1"] == count["round_2"] == 4 and {"bodies", "land_zonal", "indicators"} <= set(count)
