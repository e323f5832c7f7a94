"""Jobs as forks of one process that has the libraries loaded: a job of a run on this machine starts in hundredths of a second, not in seconds.

A run opens a socket and starts the server. The server loads what steps import, waits, and forks itself for each job; it never does a job itself and
has one thread. The process that Snakemake starts for a job is the client: it sends its standard streams, environment and working folder to the server,
passes signals on to the fork, and ends with its exit code. If the client dies, the fork ends too. Where no server answers, the client does the job itself.

The server serves only processes of its own run: a cluster job has its own resource limits, which a fork of the server would escape. Linux only.
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
"""Environment variable: process id of the run and the socket of its server, with a colon between. Users set it to OFF to start each job without a server."""

OFF = "off"

KILLED = 128 + signal.SIGKILL
"""Exit code of a killed job, as a shell reports it."""

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
"""Resource limits that the fork takes over from the client."""

DEFAULTS: dict[signal.Signals, Any] = {
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""Signal handlers of a process that Python starts afresh."""

LOADED = (
    "rs_pipeline.cli", "rs_pipeline.operations.job", "dask.threaded", "geopandas", "numba", "openpyxl", "PIL.Image", "pandas", "pyarrow.dataset", "pyarrow.parquet",
    "rasterio.features", "rasterio.merge", "rasterio.warp", "scipy.ndimage", "scipy.optimize", "scipy.spatial", "scipy.stats", "shapely",
)  # fmt: skip
"""Modules that steps import when they need them; the server loads them and the modules of the steps in advance."""

ONE_THREAD = ONE_EACH | {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Environment of a server with one thread; jemalloc, an allocator of Arrow, would start a thread even where it is not used."""

LOADING_S = 60.0
"""Longest wait for an answer of the server, which first loads the libraries, seconds."""

ENDING_S = 5.0
"""A server that has not ended after this time is killed, seconds."""

PATIENCE_S = 0.1
"""How often the server checks that its run is still alive, seconds."""


def start_server(log: Path) -> None:
    """Start the server for the jobs of this process and name it in the environment; it ends with this process. Does nothing where forks are not possible.

    Parameters
    ----------
    log : file for the output of the server; empty unless it fails.
    """
    if sys.platform != "linux" or os.environ.get(SERVER) == OFF:
        return
    with suppress(OSError):  # such as a full disk, which the jobs report themselves
        folder = Path(tempfile.mkdtemp(prefix="rs-pipeline-"))  # mode 0700
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
    """End a server; running jobs go on."""
    server.terminate()
    try:
        server.wait(ENDING_S)
    except subprocess.TimeoutExpired:  # it was stopped (SIGSTOP)
        server.kill()
        server.wait()


def forked(arguments: list[str]) -> int | None:
    """Let the run's server do a verb; the exit code as a shell reports it, or None where there is no server and nothing was begun."""
    run, _, path = os.environ.get(SERVER, "").partition(":")
    if not run.isdigit() or int(run) not in _parents():
        return None
    try:
        for stream in STREAMS:  # a closed stream frees its number, which the socket would get
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
    """Wait for the end of a job and pass signals on to it; its exit code, sent by the job itself or, where it was killed, by the server."""
    signal.signal(signal.SIGTERM, lambda number, _: _pass_on(job, number))
    with suppress(ProcessLookupError):
        reached = os.getpgid(job) == os.getpgrp()  # one process group: an interrupt of the terminal reaches the job too
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
    """Process ids of the parent and grandparent of this process: there may be a shell between the run and the job."""
    parent = os.getppid()
    try:
        stat = Path(f"/proc/{parent}/stat").read_text()
    except OSError:
        return (parent,)
    return parent, int(stat.rpartition(")")[2].split()[1])


def serve(listener: socket.socket, run: int) -> socket.socket | None:
    """While the run lives, fork for each client and tell it how its job ended. Returns the connection in a fork, None in the server when it ends."""
    jobs, ended = dict[int, socket.socket](), threading.Event()
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)  # the end of a fork wakes the select
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
    """Tell the clients how their forks ended. Waiting for the forks also adds their processor time to that of the server's children."""
    while jobs:
        job, status = os.waitpid(-1, os.WNOHANG)
        if not job:
            return
        with jobs.pop(job) as asker, suppress(OSError):
            asker.sendall(status.to_bytes(4))


def do_job(asker: socket.socket) -> NoReturn:
    """In a fork: take over the client's streams, environment, folder and limits, and do its verb."""
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
        # The client sends nothing more, so the next event on the socket is its end, perhaps by SIGKILL. The kernel then sends SIGIO, which ends the job.
        fcntl.fcntl(asker, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(asker, fcntl.F_SETFL, fcntl.fcntl(asker, fcntl.F_GETFL) | os.O_ASYNC)
        asker.sendall(os.getpid().to_bytes(8))
    except (OSError, ValueError):  # the client is gone, or does the job itself
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
    """End a fork as the interpreter would, but without unloading the modules, which takes longer than a small job. The fork sends its exit code itself:
    a server that was killed meanwhile sends nothing, and a job that went well must not count as killed."""
    threading._shutdown()  # type: ignore[attr-defined]  # no public name joins the threads that are not daemons
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 120  # the interpreter's code for a failed flush
    with suppress(OSError):
        asker.sendall(((code & 0xFF) << 8).to_bytes(4))  # a wait status, as the server sends it
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
    """Import what jobs import, and compute what is the same for all of them."""
    from importlib import import_module

    from rs_pipeline.products.register import resolve
    from rs_pipeline.steps import steps
    from rs_pipeline.storage.provenance import code_sha256

    for name in LOADED:
        import_module(name)
    for step in steps().values():
        resolve(step.function)
    sys.modules["numba"].njit(lambda x: x + 1)(1.0)  # compiling a first function initialises Numba
    code_sha256()  # the digest of the code that is loaded; it is cached
    gc.freeze()  # forks share unmodified memory pages; a garbage collection would modify all of them


def _alone() -> bool:
    """Whether this process has one thread: a fork copies only the thread that calls it."""
    return len(os.listdir("/proc/self/task")) == 1


def main() -> None:
    """Serve on the socket that was handed over. A fork returns here from `serve` and does its job."""
    for number in (signal.SIGINT, signal.SIGHUP):  # from the terminal: running jobs get them too; the server ends with the run
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
