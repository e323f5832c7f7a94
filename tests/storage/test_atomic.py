"""What killed processes left beside an output goes; what another is writing stays."""

import errno
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rs_pipeline.errors import SpaceError
from rs_pipeline.storage.atomic import atomic_folder, atomic_path

HOST = platform.node().split(".")[0]


@pytest.fixture(scope="module")
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write(path, text="whole"):
    with atomic_path(path) as part:
        part.write_text(text, "utf-8")


def left(folder):
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("."))


def test_a_file_that_fails_leaves_the_old_one_and_nothing_beside(tmp_path):
    write(tmp_path / "a.csv", "old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.csv") as part:
        part.write_text("half", "utf-8")
        raise RuntimeError
    assert (tmp_path / "a.csv").read_text("utf-8") == "old" and not left(tmp_path)


def test_what_a_dead_process_left_is_removed_whatever_it_was_for(tmp_path, ended):
    (tmp_path / f".a.{HOST}-{ended}.part.csv").write_text("half", "utf-8")
    for kind in ("part", "old"):
        (tmp_path / f".report.{HOST}-{ended}.{kind}").mkdir()
    (tmp_path / "report").mkdir()
    write(tmp_path / "b.csv")
    assert not left(tmp_path)


def test_what_may_still_be_written_stays(tmp_path, ended):
    alive, elsewhere, foreign = f".a.{HOST}-{os.getppid()}.part.csv", f".a.node7x-{ended}.part.csv", ".hidden.csv"
    for name in (alive, elsewhere, foreign):
        (tmp_path / name).write_text("half", "utf-8")
    write(tmp_path / "a.csv")
    assert left(tmp_path) == sorted((alive, elsewhere, foreign))


def test_another_hosts_part_is_abandoned_after_a_day(tmp_path, ended):
    part = tmp_path / f".a.node7x-{ended}.part.csv"
    part.write_text("half", "utf-8")
    os.utime(part, (time.time() - 90_000,) * 2)
    write(tmp_path / "a.csv")
    assert not left(tmp_path)


def finished(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("finished", "utf-8")
    return tmp_path / "report"


def replacing(monkeypatch, refuse):
    """Renaming to a name that is refused does what ``refuse`` does."""
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: refuse() if Path(b).name == "report" and ".part" in Path(a).name else rename(a, b))


def test_a_finished_folder_stays_where_its_successor_cannot_take_its_name(tmp_path, monkeypatch):
    report = finished(tmp_path)

    def full():
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    replacing(monkeypatch, full)
    with pytest.raises(SpaceError, match="quota is used up"), atomic_folder(report) as part:
        part.mkdir()
    assert (report / "index.html").read_text("utf-8") == "finished" and not left(tmp_path)


def test_a_finished_folder_comes_back_where_its_writer_was_killed_between_the_names(tmp_path, ended):
    report = finished(tmp_path)
    report.rename(tmp_path / f".report.{HOST}-{ended}.old")
    (tmp_path / f".report.{HOST}-{ended}.part").mkdir()
    write(tmp_path / "b.csv")
    assert (report / "index.html").read_text("utf-8") == "finished" and not left(tmp_path)


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "report") as part:
            part.mkdir()
            (part / "index.html").write_text(text, "utf-8")
    assert (tmp_path / "report" / "index.html").read_text("utf-8") == "new" and not left(tmp_path)
