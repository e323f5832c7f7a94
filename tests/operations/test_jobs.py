"""Jobs of a run: who holds what, what the journal tells, when a tile is given up, what a full disk does."""

import errno
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import rasterio

from rs_pipeline import region
from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import load
from rs_pipeline.errors import ConfigError, LockedError, ModelError, PipelineError, SpaceError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.operations.job import run_job
from rs_pipeline.operations.journal import Watch, failures, read_journal
from rs_pipeline.operations.locks import hold_run, job_lock
from rs_pipeline.operations.run import notify
from rs_pipeline.operations.summary import Cost, rest_minutes, summarise_run, words
from rs_pipeline.storage.raster import MapBand, write_map
from rs_pipeline.storage.retry import Retry, job_name, mark_done, mark_given_up, mark_retry, read_retries
from tests.operations.conftest import write_world

PROCESSES = multiprocessing.get_context("fork")
HOLD = "import sys, time; from rs_pipeline.operations.locks import hold_run; d = hold_run(__import__('pathlib').Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"


def test_a_second_run_is_told_who_holds_the_folder_and_a_killed_one_holds_nothing(tmp_path):
    lock = tmp_path / "run" / ".lock"
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "held\n"
    with pytest.raises(LockedError, match=f"another run works on this folder: process {first.pid} on "):
        hold_run(lock)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    os.close(hold_run(lock))


def test_a_job_waits_for_the_same_job_of_a_lost_run_and_for_no_other(tmp_path):
    def work(job, seconds):
        with job_lock(tmp_path / ".lock", job):
            time.sleep(seconds)

    orphan = PROCESSES.Process(target=work, args=("fetch.2024.r000c000", 1.5))
    orphan.start()
    time.sleep(0.5)
    start = time.monotonic()
    with job_lock(tmp_path / ".lock", "fetch.2024.r000c001"):
        assert time.monotonic() - start < 0.5
    with job_lock(tmp_path / ".lock", "fetch.2024.r000c000"):
        orphan.join(0.5)
        assert orphan.exitcode == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpaceError, match="the results cannot be written: Not a directory"):
        hold_run(tmp_path / "file" / "run" / ".lock")


def test_retries_count_and_outlive_success(tmp_path):
    job = job_name("observe", "r000c000", "2024")
    assert read_retries(tmp_path) == {}
    mark_given_up(tmp_path, job, "it was killed")
    assert read_retries(tmp_path) == {job: Retry(1, "it was killed")}
    mark_done(tmp_path, job)
    mark_retry(tmp_path, job)
    assert read_retries(tmp_path) == {job: Retry(2, "")}
    (tmp_path / f"{job}.json").write_text("{")
    assert read_retries(tmp_path)[job].times == 1


def test_the_journal_tells_how_jobs_ended_and_survives_a_cut_line(tmp_path):
    path = tmp_path / "jobs.jsonl"
    Watch(path, "grid", "grid", 1).write("done")
    Watch(path, "fetch.a.b", "fetch", 2).write("failed", "OSError: no")
    with path.open("a") as out:
        out.write('{"time": "2026')
    done = read_journal(path)[1]
    assert (done.job, done.state, done.attempt) == ("grid", "done", 1) and done.memory_mb > 20 and done.pid == os.getpid()
    assert failures(path, "fetch.a.b", 3) == ["OSError: no"] and failures(path, "grid", 3) == [] and failures(path, "other", 3) == []
    path.unlink()
    Watch(path, "x", "x", 1)
    assert "killed" in failures(path, "x", 2)[0]


def test_a_line_of_the_journal_with_a_damaged_time_is_left_out(tmp_path):
    watch = Watch(tmp_path / "jobs.jsonl", "observe.2024.r000c000", "observe", 1)
    watch.write("done")
    text = watch.path.read_text()
    watch.path.write_text(text.replace('"time": "2', '"time": "r', 1))
    assert [e.state for e in read_journal(watch.path)] == ["done"]


def test_only_the_failures_of_this_run_count_each_once(tmp_path):
    """A job of several steps comes to some of them late, and a run begins to count anew."""
    path = tmp_path / "jobs.jsonl"
    for attempt, reason in ((1, "earlier"), (2, "earlier"), (2, "a"), (4, "b")):
        Watch(path, "land.a.b", "land", attempt).write("failed", reason)
    assert failures(path, "land.a.b", 5) == ["a", "b"] and failures(path, "land.a.b", 1) == [] and failures(path, "land.a.b", 4) == []
    Watch(path, "land.a.b", "land", 5).write("given up", "b")
    assert failures(path, "land.a.b", 6) == []


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Settings of the tiny world, searched and cut into tiles."""
    small = write_world(tmp_path)
    monkeypatch.chdir(small.folder)
    settings = load(small.config)
    for step in (region.grid, search, assign):
        step(settings)
    return settings


def test_a_tile_that_keeps_failing_is_given_up_and_tried_again_by_the_next_run(prepared):
    job, layout = "observe.2024.r000c000", Layout(prepared.root)
    fetch(prepared, "r000c000", "2024")

    def bad():
        raise PipelineError("a bad tile")

    for attempt in (1, 2):
        with pytest.raises(PipelineError, match="a bad tile"):
            run_job(prepared, "observe", bad, tile="r000c000", period="2024", attempt=attempt)
    run_job(prepared, "observe", bad, tile="r000c000", period="2024", attempt=3)
    with rasterio.open(layout.tile_map("2024", "r000c000", "vegetation")) as src:
        assert np.isnan(src.read()).all()
    assert read_retries(layout.retries) == {job: Retry(1, "PipelineError: a bad tile"), "fetch.2024.r000c000": Retry(1)}
    found = summarise_run(prepared)
    assert found.given_up == {job: "PipelineError: a bad tile"} and found.status == "incomplete"
    assert "given up: their tiles are missing in the maps and indicators; the next run tries them again (1)" in words(found)
    run_job(prepared, "observe", lambda: None, tile="r000c000", period="2024", attempt=1)
    assert read_retries(layout.retries)[job] == Retry(1, "")


@pytest.mark.parametrize(
    "fault", [TableError("a wrong column", where="t.csv, row 1", remedy="mend it"), ConfigError("no CRS", where="u.gpkg", remedy="mend it")]
)
def test_inputs_at_fault_are_not_tried_again_nor_given_up_and_the_next_run_tries(prepared, fault):
    ran = []

    def bad():
        ran.append(1)
        raise fault

    def work(attempt, step=bad):
        run_job(prepared, "observe", step, tile="r000c000", period="2024", attempt=attempt)

    with pytest.raises(type(fault)):
        work(1)
    for attempt in (2, 3, 4):
        with pytest.raises(ConfigError, match="not tried again, the inputs being the same") as again:
            work(attempt)
        assert fault.what in str(again.value) and "remedy: mend it" in str(again.value)
    assert ran == [1] and read_retries(Layout(prepared.root).retries) == {}
    work(1, lambda: ran.append(2))
    assert ran == [1, 2]


def test_a_tile_with_a_value_that_cannot_be_is_given_up_without_another_try(prepared):
    ran = []

    def bad():
        ran.append(1)
        raise ModelError("a sun below the horizon", where="scene")

    fetch(prepared, "r000c000", "2024")
    with pytest.raises(ModelError):
        run_job(prepared, "observe", bad, tile="r000c000", period="2024", attempt=1)
    run_job(prepared, "observe", bad, tile="r000c000", period="2024", attempt=2)
    assert ran == [1] and read_retries(Layout(prepared.root).retries)["observe.2024.r000c000"].given_up == "ModelError: a sun below the horizon"


def test_a_job_of_no_tile_that_keeps_failing_ends_with_the_reason_of_its_tries(prepared):
    def bad():
        raise PipelineError("no usable scene")

    for attempt in (1, 2):
        with pytest.raises(PipelineError, match="no usable scene"):
            run_job(prepared, "search", bad, attempt=attempt)
    with pytest.raises(PipelineError, match="search was given up: PipelineError: no usable scene"):
        run_job(prepared, "search", bad, attempt=3)


def test_what_jobs_warn_of_stands_in_the_summary_once(prepared, caplog):
    warn = logging.getLogger("rs_pipeline.inputs.tables").warning
    for tile in ("r000c000", "r000c001"):
        run_job(prepared, "observe", lambda: [warn("%s: read as GB18030", "values.csv") for _ in range(3)], tile=tile, period="2024")
    assert caplog.text.count("read as GB18030") == 6
    assert summarise_run(prepared).said == {"values.csv: read as GB18030": "observe.2024.r000c000 and 1 more"}
    assert "said by jobs (1):\n  values.csv: read as GB18030: observe.2024.r000c000 and 1 more" in words(summarise_run(prepared))
    run_job(prepared, "observe", lambda: None, tile="r000c000", period="2024")
    assert summarise_run(prepared).said == {"values.csv: read as GB18030": "observe.2024.r000c001"}


def test_a_job_that_did_not_fail_itself_is_not_given_up_with_its_group(prepared):
    ran = []
    run_job(prepared, "fetch", lambda: ran.append(1), tile="r000c000", period="2024", attempt=3)
    assert ran == [1]


def test_a_fetch_given_up_lists_every_scene_with_the_reason(prepared):
    for attempt in (1, 2, 3):
        try:
            run_job(prepared, "fetch", lambda: 1 / 0, tile="r000c001", period="2023", attempt=attempt)
        except ZeroDivisionError:
            pass
    table = pd.read_parquet(Layout(prepared.root).chips("2023", "r000c001"))
    assert list(table.status) == ["failed"] * 4 and set(table.reason) == {"fetch was given up: ZeroDivisionError: division by zero"}


def test_a_full_disk_is_an_error_and_never_a_tile_given_up(prepared, monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    parts = Layout(prepared.root).parts / "of a file"
    for attempt in (1, 2, 3):
        parts.mkdir(parents=True, exist_ok=True)
        with pytest.raises(SpaceError, match="the disk is full"):
            run_job(prepared, "observe", full, tile="r000c000", period="2024", attempt=attempt)
        assert not parts.exists(), "what can be asked for again makes room"
    short = prepared.model_copy(update={"resources": prepared.resources.model_copy(update={"free_gb": 1e6})})
    with pytest.raises(SpaceError, match="1e\\+06 are asked for"):
        run_job(short, "observe", full, tile="r000c000", period="2024", attempt=3)
    assert read_retries(Layout(prepared.root).retries) == {}


def test_a_map_cut_off_by_a_full_disk_is_not_taken_for_whole(tmp_path):
    """A file system of 300 kB; GDAL reports nothing when the last 7 kB of a file do not fit."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)], capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        noise = np.random.default_rng(0).normal(size=(290, 290)).astype("float32")
        with pytest.raises(SpaceError, match="the disk is full"):
            write_map(small / "a.tif", Grid("EPSG:32650", 10.0, 500000.0, 4300000.0, 290, 290), {"x": noise}, [MapBand("x", "x")], {})
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_estimate_is_that_of_the_pace_so_far():
    def entry(i, seconds):
        from rs_pipeline.operations.journal import JournalEntry

        return JournalEntry(f"observe.2024.r{i}", "observe", "done", f"2026-01-01T00:{i:02d}:00+00:00", seconds=seconds)

    ended = [entry(i, 60.0) for i in range(1, 11)]  # one at a time, a minute each
    cost = Cost("observe", 10, 30, 20, 600, 60, 0, 0, 0)
    assert rest_minutes([cost], ended) == (20.0, 20.0)
    assert rest_minutes([cost], ended[:3]) is None and rest_minutes([], ended) == (0.0, 0.0)


def test_who_is_told_gets_the_summary_and_cannot_hurt_the_run(prepared, tmp_path):
    out = tmp_path / "told; rm -rf nothing"
    command = [sys.executable, "-c", "import os, sys; open(sys.argv[1], 'w').write(os.environ['RS_PIPELINE_STATUS'] + sys.stdin.read())", str(out)]
    told = prepared.model_copy(update={"notify": prepared.notify.model_copy(update={"command": command})})
    notify(told, "incomplete", json.dumps({"run": "x"}))
    assert out.read_text() == 'incomplete{"run": "x"}'
    notify(told.model_copy(update={"notify": told.notify.model_copy(update={"command": ["/no/such/program"]})}), "failed", "{}")
