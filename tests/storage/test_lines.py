"""Lines that jobs add to a file of a run."""

import errno
import fcntl
import os
import signal
import time

import pytest

from rs_pipeline.operations.journal import entries_of, read_journal
from rs_pipeline.storage import lines as module
from rs_pipeline.storage.lines import append_line
from rs_pipeline.storage.record import note_job, read_record
from rs_pipeline.storage.retry import Retry, mark_retry, read_retries


def test_a_line_is_added_to_what_is_there(tmp_path):
    for value in ({"a": "海"}, [1]):
        append_line(tmp_path / "new" / "lines.jsonl", value)
    assert (tmp_path / "new" / "lines.jsonl").read_text("utf-8") == '{"a": "海"}\n[1]\n'


@pytest.mark.parametrize("torn", [b'{"job": "b", "fil', b'{"job": "\xe6'])
def test_a_torn_line_costs_no_other(tmp_path, torn):
    record = tmp_path / "checksums.jsonl"
    note_job(record, tmp_path, "a", {})
    with record.open("ab") as file:
        file.write(torn)
    (tmp_path / "c.txt").write_text("c")
    from rs_pipeline.storage.atomic import content_of

    note_job(record, tmp_path, "c", {tmp_path / "c.txt": content_of(tmp_path / "c.txt")})
    assert [r.job for r in read_record(record, tmp_path).values()] == ["c"] and record.read_bytes().count(b"\n") == 3


def test_a_stopped_process_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    """It holds the lock: a job that its scheduler has suspended. The line is added all the same, and the next ones at once."""
    path = tmp_path / "lines.jsonl"
    append_line(path, 1)
    if (stopped := os.fork()) == 0:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(stopped, os.WUNTRACED)
    try:
        monkeypatch.setattr(module, "_PATIENCE_S", 0.5)
        started = time.monotonic()
        append_line(path, 2)
        waited = time.monotonic() - started
        monkeypatch.setattr(module, "_PATIENCE_S", 60.0)
        append_line(path, 3)
        assert 0.5 <= waited and time.monotonic() - started - waited < 60 and path.read_text() == "1\n2\n3\n"
    finally:
        os.kill(stopped, signal.SIGKILL)
        os.waitpid(stopped, 0)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_takes_lines(tmp_path, monkeypatch, number):
    def no_lock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_lock)
    note_job(tmp_path / "logs" / "checksums.jsonl", tmp_path, "a", {})
    append_line(tmp_path / "logs" / "jobs.jsonl", {"job": "a"})
    assert (tmp_path / "logs" / "jobs.jsonl").read_text() == '{"job": "a"}\n'


def test_a_folder_in_the_place_of_a_file_ends_no_run(tmp_path):
    """Whoever reads takes it for none; whoever writes moves it aside."""
    record, journal, retries = tmp_path / "checksums.jsonl", tmp_path / "jobs.jsonl", tmp_path / "retry"
    for path in (record, journal, retries / "observe.json"):
        path.mkdir(parents=True)
        (path / "kept").touch()
    assert not read_record(record, tmp_path) and not read_journal(journal) and not entries_of(journal, "observe")
    assert read_retries(retries) == {"observe": Retry(1)}
    note_job(record, tmp_path, "observe", {})
    append_line(journal, 1)
    mark_retry(retries, "observe")
    assert record.is_file() and journal.is_file() and read_retries(retries) == {"observe": Retry(2)}
    assert len(list(tmp_path.rglob("kept"))) == 3
