"""Jobs as forks of one process: the same answer as a job by itself, an end with the one that asked, and nobody else served."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.harness import in_root
from rs_pipeline import forks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")

COMMAND = [sys.executable, "-m", "rs_pipeline"]
VERSION = [*COMMAND, "--version"]
SLOW = [*COMMAND, "simulate", "world", "--years", "10"]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[psutil.Process]:
    """A server of the tests' own process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in in_root().items():
            patch.setenv(name, value)
        patch.delenv(forks.SERVER, raising=False)
        before = psutil.Process().children()
        forks.start_server(tmp_path_factory.mktemp("logs") / "forks.log")
        started = next(p for p in psutil.Process().children() if p not in before)
        yield started
        started.terminate()
        os.environ.pop(forks.SERVER)


def ask(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=120)


def soon(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    end = time.monotonic() + within_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def slow_job(server: psutil.Process, folder: Path, **how: bool) -> tuple[subprocess.Popen, int]:
    """A process that asked for a long job, and the fork that does it."""
    asker = subprocess.Popen(SLOW, cwd=folder, **how)
    at_work = lambda: [p.pid for p in server.children() if alive(p.pid) and p.cwd() == str(folder)]  # noqa: E731
    assert soon(lambda: bool(at_work()))
    return asker, at_work()[0]


def test_a_fork_answers_as_a_job_by_itself(server, tmp_path):
    verbs = (["--version"], ["check", "--config", "none.yaml"], ["nothing"])
    served, alone = ([ask(*verb, folder=tmp_path, **how) for verb in verbs] for how in ({}, {forks.SERVER: forks.OFF}))
    assert [(p.returncode, p.stdout) for p in served] == [(p.returncode, p.stdout) for p in alone]
    assert [p.returncode for p in served] == [0, 2, 2] and "none.yaml" in served[1].stderr and served[1].stderr == alone[1].stderr
    assert soon(lambda: not server.children())


def test_folder_and_environment_are_those_of_who_asks(server, tmp_path):
    (tmp_path / "here.yaml").write_text("run: [")
    assert "here.yaml" in ask("check", "--config", "here.yaml", folder=tmp_path).stderr
    assert ask("init", folder=tmp_path).returncode == 0 and (tmp_path / "rs-pipeline.yaml").is_file()
    assert ask("run", "--help", folder=tmp_path, COLUMNS="60").stdout != ask("run", "--help", folder=tmp_path, COLUMNS="160").stdout


def test_a_job_ends_with_who_asked_for_it(server, tmp_path):
    asker, job = slow_job(server, tmp_path)
    asker.kill()
    assert soon(lambda: not alive(job)) and server.is_running()


def test_a_job_that_is_killed_is_told_as_a_shell_tells_it(server, tmp_path):
    asker, job = slow_job(server, tmp_path)
    os.kill(job, signal.SIGKILL)
    assert asker.wait(20) == forks.KILLED == 137


def test_a_request_to_end_is_passed_on(server, tmp_path):
    asker, job = slow_job(server, tmp_path)
    asker.terminate()
    assert asker.wait(20) == 128 + signal.SIGTERM and not alive(job)


def test_an_interrupt_is_passed_on_where_the_keyboard_does_not_reach_the_job(server, tmp_path):
    asker, job = slow_job(server, tmp_path, start_new_session=True)
    asker.send_signal(signal.SIGINT)
    assert asker.wait(20) == 128 + signal.SIGINT and soon(lambda: not alive(job))  # it tells its code itself, then goes


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_socket(server, tmp_path, closed):
    command = f"exec {shlex.join(VERSION)} {closed}"
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path, timeout=60).returncode == 0


def test_limits_are_those_of_who_asks(server, tmp_path):
    made = shlex.join([*COMMAND, "init"])
    assert subprocess.run(["bash", "-c", f"umask 077; exec {made} a.yaml"], cwd=tmp_path, timeout=60).returncode == 0
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o600
    full = subprocess.run(["bash", "-c", f"ulimit -f 0; exec {made} b.yaml"], cwd=tmp_path, timeout=60, capture_output=True, text=True)
    assert full.returncode == 2 and "limit of file sizes" in full.stderr


def test_a_folder_that_is_gone_is_no_reason_to_fail(server, tmp_path):
    assert subprocess.run(["bash", "-c", f"mkdir gone; cd gone; rmdir ../gone; exec {shlex.join(VERSION)}"], cwd=tmp_path, timeout=60).returncode == 0


def test_a_server_that_is_stopped_holds_no_run_at_its_end(tmp_path):
    code = "import sys; from pathlib import Path; from rs_pipeline import forks; forks.ENDING_S = 0.5; forks.start_server(Path(sys.argv[1])); print(1, flush=True); sys.stdin.read()"
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "forks.log")], env=in_root() | {forks.SERVER: ""}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    run.stdout.readline()
    (server,) = psutil.Process(run.pid).children()
    server.suspend()
    run.stdin.close()
    assert run.wait(20) == 0 and not alive(server.pid)


def test_the_server_does_the_jobs_of_its_own_run_alone(server, tmp_path, monkeypatch):
    pid, path = os.environ[forks.SERVER].split(":")
    assert int(pid) == os.getpid()
    monkeypatch.setenv(forks.SERVER, f"{os.getpid() + 1}:{path}")
    assert forks.forked(["--version"]) is None
    assert Path(path).parent.stat().st_mode & 0o077 == 0  # no other user gets at it


def test_without_a_server_a_job_is_done_all_the_same(tmp_path, monkeypatch):
    for value in ("", "nonsense", f"{os.getpid()}:{tmp_path / 'gone'}"):
        assert ask("--version", folder=tmp_path, RS_PIPELINE_FORKS=value).returncode == 0


def test_a_user_can_do_without_a_server(tmp_path, monkeypatch):
    monkeypatch.setenv(forks.SERVER, forks.OFF)
    forks.start_server(tmp_path / "forks.log")
    assert os.environ[forks.SERVER] == forks.OFF and list(tmp_path.iterdir()) == []
    assert ask("--version", folder=tmp_path, RS_PIPELINE_FORKS=forks.OFF).returncode == 0


def test_a_disk_that_takes_no_log_costs_the_server_alone(tmp_path, monkeypatch):
    monkeypatch.delenv(forks.SERVER, raising=False)
    (tmp_path / "file").touch()
    forks.start_server(tmp_path / "file" / "forks.log")
    assert forks.SERVER not in os.environ


def test_the_server_ends_with_its_run_even_if_that_is_killed(tmp_path):
    code = "import sys, time; from pathlib import Path; from rs_pipeline import forks; forks.start_server(Path(sys.argv[1])); print(forks.os.environ[forks.SERVER], flush=True); time.sleep(600)"
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "forks.log")], env=in_root(), stdout=subprocess.PIPE, text=True)
    folder = Path(run.stdout.readline().strip().partition(":")[2]).parent
    (server,) = psutil.Process(run.pid).children()
    assert folder.is_dir()
    run.kill()
    run.wait()
    assert soon(lambda: not alive(server.pid), 60) and not folder.exists()
    assert (tmp_path / "forks.log").read_text() == ""


def test_a_job_whose_server_is_killed_meanwhile_tells_its_end_itself(tmp_path):
    code = "import sys, subprocess; from pathlib import Path; from rs_pipeline import forks; forks.start_server(Path(sys.argv[1])); print(subprocess.run(sys.argv[2:]).returncode, flush=True)"
    job = [*COMMAND, "simulate", "world", "--years", "1", "--size", "180", "180"]
    command = [sys.executable, "-c", code, str(tmp_path / "forks.log"), *job]
    run = subprocess.Popen(command, cwd=tmp_path, env=in_root() | {forks.SERVER: ""}, stdout=subprocess.PIPE, text=True)
    found: list[psutil.Process] = []
    assert soon(lambda: bool(found.extend(p for p in psutil.Process(run.pid).children() if p.children() and "forks" in " ".join(p.cmdline())) or found), 60)
    found[0].kill()
    assert run.stdout.readline() == "0\n" and (tmp_path / "world" / "world.json").is_file()
    run.wait()
