"""Jobs as forks of one process that has the libraries loaded: a job of a run on this machine starts in hundredths of a second, not in seconds.

A run opens a socket and starts the server, which loads what steps import, waits, and forks itself for each job; it never does a job itself and has
one thread. A job is asked for by the process that Snakemake starts for it: it hands over its files, environment and folder, passes signals on,
and ends as the job does. The job dies with it. Where no server answers, that process does the job itself.

The server answers the processes of its own run alone: a job of a cluster has limits of its own, which a fork would escape. Linux only.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from rs_pipeline.threads import ONE_EACH

SERVER = "RS_PIPELINE_FORKS"
"""Environment: process id of the run, and the socket of its server. OFF, set by the user, starts each job by itself."""

OFF = "off"

KILLED = 128 + signal.SIGKILL
"""Exit code of a job that was killed, as a shell tells it."""

STREAMS = (0, 1, 2)

LIMITS = (
    resource.RLIMIT_AS,
    resource.RLIMIT_CORE,
    resource.RLIMIT_CPU,
    resource.RLIMIT_DATA,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_STACK,
)
"""Limits of who asks hold for the job."""

DEFAULTS: dict[signal.Signals, Any] = {
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""How a process that is started by itself takes signals."""

LOADED = (
    "rs_pipeline.cli", "rs_pipeline.operations.job", "dask.threaded", "geopandas", "numba", "openpyxl", "PIL.Image", "pandas", "pyarrow.dataset", "pyarrow.parquet",
    "rasterio.features", "rasterio.merge", "rasterio.warp", "scipy.ndimage", "scipy.optimize", "scipy.spatial", "scipy.stats", "shapely",
)  # fmt: skip
"""What steps import when they need it; the server has it, and the modules of the steps."""

ONE_THREAD = ONE_EACH | {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Environment of a server; Arrow's second allocator has a thread otherwise, though it is not used."""

LOADING_S = 60.0
"""A server that has not answered by then never will."""

ENDING_S = 5.0
"""A server that has not ended by then is killed."""

PATIENCE_S = 0.1
"""So soon a server finds that its run has ended."""


def start_server(log: Path) -> None:
    """Start the server of this process's jobs, which ends with it, and name it in the environment. Nothing where forks are not to be had.

    Parameters
    ----------
    log : file for what it has to say; nothing, unless it fails.
    """
    if sys.platform != "linux" or os.environ.get(SERVER) == OFF:
        return
    with suppress(OSError):  # a disk that is full: jobs have their own words for it
        folder = Path(tempfile.mkdtemp(prefix="rs-pipeline-"))  # the user's alone
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        server = _started(folder / "forks", log)
        atexit.register(_stop, server)
        os.environ[SERVER] = f"{os.getpid()}:{folder / 'forks'}"


def _started(path: Path, log: Path) -> subprocess.Popen:
    log.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, log.open("ab") as said:
        listener.bind(str(path))
        listener.listen(128)  # jobs wait here while the server loads
        command = [sys.executable, "-m", __name__, str(os.getpid()), str(listener.fileno())]
        return subprocess.Popen(command, env=os.environ | ONE_THREAD, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def _stop(server: subprocess.Popen) -> None:
    """End a server; jobs at work go on."""
    server.terminate()
    try:
        server.wait(ENDING_S)
    except subprocess.TimeoutExpired:  # it was stopped
        server.kill()
        server.wait()


def forked(arguments: list[str]) -> int | None:
    """Let the run's server do a verb; its exit code as a shell tells it, or None where there is no server and nothing was begun."""
    run, _, path = os.environ.get(SERVER, "").partition(":")
    if not run.isdigit() or int(run) not in _parents():
        return None
    try:
        for stream in STREAMS:  # the number of a closed one would be the socket's
            os.fstat(stream)
        asked = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ), "limits": _limits()}).encode()
        with socket.socket(socket.AF_UNIX) as server:
            server.settimeout(LOADING_S)
            server.connect(path)
            socket.send_fds(server, [len(asked).to_bytes(8)], STREAMS)
            server.sendall(asked)
            job = int.from_bytes(server.recv(8))
            return _end_of(job, server) if job else None
    except OSError:
        return None


def _end_of(job: int, server: socket.socket) -> int:
    """Wait for the end of a job and pass signals on to it; its exit code: that it tells itself or, where it was killed, the server."""
    signal.signal(signal.SIGTERM, lambda number, _: _pass_on(job, number))
    with suppress(ProcessLookupError):
        reached = os.getpgid(job) == os.getpgrp()  # the keyboard reaches the job too
        signal.signal(signal.SIGINT, signal.SIG_IGN if reached else lambda number, _: _pass_on(job, number))
    server.settimeout(None)
    with suppress(OSError):
        if status := server.recv(4):
            code = os.waitstatus_to_exitcode(int.from_bytes(status))
            return code if code >= 0 else 128 - code
    return KILLED


def _limits() -> dict[str, Any]:
    """What a process inherits besides its files and environment."""
    return {"umask": _umask(), "resources": {str(limit): resource.getrlimit(limit) for limit in LIMITS}}


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _pass_on(job: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(job, number)


def _parents() -> tuple[int, ...]:
    """The process that started this one, and the one before it: a shell may stand between."""
    parent = os.getppid()
    try:
        stat = Path(f"/proc/{parent}/stat").read_text()
    except OSError:
        return (parent,)
    return parent, int(stat.rpartition(")")[2].split()[1])


def serve(listener: socket.socket, run: int) -> socket.socket | None:
    """Fork for each that asks, and tell it how its job ended, for as long as the run lives. Gives the connection in a fork, None in the server when it ends."""
    jobs, ended = dict[int, socket.socket](), threading.Event()
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)  # the end of a fork is told at once
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    while os.getppid() == run and not ended.is_set():
        heard: list[socket.socket | int] = [listener, woken]
        ready, _, _ = select.select(heard, [], [], PATIENCE_S)
        if woken in ready:
            os.read(woken, 1024)
        _tell_ends(jobs)
        if listener not in ready:
            continue
        asker, _ = listener.accept()
        if (job := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            for other in (listener, *jobs.values()):
                other.close()
            os.close(woken)
            os.close(wake)
            return asker
        jobs[job] = asker
    _tell_ends(jobs)
    return None


def _tell_ends(jobs: dict[int, socket.socket]) -> None:
    """Tell those who asked how their forks ended. So their processor time counts for the run as well."""
    while jobs:
        job, status = os.waitpid(-1, os.WNOHANG)
        if not job:
            return
        with jobs.pop(job) as asker, suppress(OSError):
            asker.sendall(status.to_bytes(4))


def do_job(asker: socket.socket) -> NoReturn:
    """Take the place of the process that asks, in a fork, and do its verb."""
    for number, action in DEFAULTS.items():
        signal.signal(number, action)
    try:
        length, streams, _, _ = socket.recv_fds(asker, 8, len(STREAMS))
        asked = json.loads(_received(asker, int.from_bytes(length)))
        os.chdir(asked["folder"])
        os.umask(asked["limits"]["umask"])
        for limit, values in asked["limits"]["resources"].items():
            with suppress(ValueError):  # a hard limit above the server's
                resource.setrlimit(int(limit), values)
        # Nothing more is sent, so what comes is the end of who asked, killed perhaps: SIGIO, the kernel's word for it, ends the job.
        fcntl.fcntl(asker, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(asker, fcntl.F_SETFL, fcntl.fcntl(asker, fcntl.F_GETFL) | os.O_ASYNC)
        asker.sendall(os.getpid().to_bytes(8))
    except (OSError, ValueError):  # who asked is gone, or does the job itself
        os._exit(1)
    for own, stream in zip(STREAMS, streams, strict=True):
        os.dup2(stream, own)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[1:] = asked["arguments"]
    _leave(_code_of_verb(), asker)


def _code_of_verb() -> int:
    """Do the verb of the arguments; the exit code that the interpreter would give."""
    from rs_pipeline.cli import main

    try:
        main()
    except SystemExit as stop:
        if stop.code is not None and not isinstance(stop.code, int):
            print(stop.code, file=sys.stderr)
        return 0 if stop.code is None else stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _leave(code: int, asker: socket.socket) -> NoReturn:
    """End a fork as the interpreter would, but for taking apart all that was loaded, which takes longer than a small job. It tells its code itself: a
    server that was killed meanwhile tells nothing, and a job that went well must not count as killed."""
    threading._shutdown()  # type: ignore[attr-defined]  # no public name joins the threads that are not daemons
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 120  # as the interpreter says it
    with suppress(OSError):
        asker.sendall(((code & 0xFF) << 8).to_bytes(4))  # as `wait` has it
    os._exit(code & 0xFF)


def _received(asker: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = asker.recv(length - len(data))
        if not part:
            raise ConnectionError("who asked is gone")
        data += part
    return bytes(data)


def _load() -> None:
    """Import what jobs import, and work out what is the same for all of them."""
    from importlib import import_module

    from rs_pipeline.products.register import resolve
    from rs_pipeline.steps import steps
    from rs_pipeline.storage.provenance import code_sha256

    for name in LOADED:
        import_module(name)
    for step in steps().values():
        resolve(step.function)
    sys.modules["numba"].njit(lambda x: x + 1)(1.0)  # Numba sets itself up with the first function
    code_sha256()  # of the code as it is loaded
    gc.freeze()  # forks share the memory of what they do not touch; a collection touches everything


def _alone() -> bool:
    """Whether this process has one thread: a fork has no other."""
    return len(os.listdir("/proc/self/task")) == 1


def main() -> None:
    """Serve on the socket that was handed over. A fork goes on from here as a job that was started by itself."""
    for number in (signal.SIGINT, signal.SIGHUP):  # of the terminal: jobs at work have their own; the server goes when the run does
        signal.signal(number, signal.SIG_IGN)
    run, listener = int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    folder = Path(listener.getsockname()).parent
    _load()
    if not _alone():
        sys.exit("a library has threads of its own, so jobs are no forks")
    asker = serve(listener, run)
    if asker is not None:
        do_job(asker)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
