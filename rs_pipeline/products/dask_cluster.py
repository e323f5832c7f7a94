"""Work of a job done by a dask.distributed cluster: one that the configuration names, or one that the job starts on Slurm.

A scheduler runs any code that it is sent. One that a job starts therefore uses TLS, with a certificate made for this job that only its workers
have, and listens on one address of its host.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distributed import Client, Security, as_completed
from distributed.scheduler import KilledWorker
from distributed.utils import get_ip, get_ip_interface

from rs_pipeline.config import ResourcesSection
from rs_pipeline.errors import ConfigError, PipelineError
from rs_pipeline.products.dask_address import check_scheduler

CONNECT_S, WORKERS_S = 30, 600
"""Time limits for the scheduler to answer, and for workers to start."""


@contextmanager
def cluster_client(resources: ResourcesSection, threads: int, folder: Path) -> Iterator[Client]:
    """A client of the cluster that ``resources.dask_scheduler`` names, with at least one worker.

    Parameters
    ----------
    folder : on a file system that the workers share. While workers on Slurm run, it holds their TLS key, readable by this user only.

    Raises
    ------
    ConfigError : as `check_scheduler`; a package is not installed, there are no certificates for tls://, or the network interface does not exist.
    PipelineError : the scheduler does not answer, or has no workers.
    """
    check_scheduler(resources)
    address = resources.dask_scheduler
    with ExitStack() as opened:
        security = None
        if address == "slurm":
            address = opened.enter_context(_slurm(resources, threads, opened.enter_context(TemporaryDirectory(prefix=".dask-", dir=folder))))
            security = address.security
        elif address is not None and address.startswith("tls://"):
            security = _stated_certificates()
        try:
            client = opened.enter_context(Client(address, security=security, timeout=CONNECT_S, set_as_default=False))
            client.wait_for_workers(1, timeout=WORKERS_S)
        except (OSError, TimeoutError) as fault:
            raise PipelineError(
                f"the dask scheduler gives no worker: {fault}",
                where=f"resources.dask_scheduler: {resources.dask_scheduler}",
                remedy="start it and its workers on the file system of the results, or set the key to null",
            ) from None
        yield client


def _stated_certificates() -> Security:
    """The certificates that dask's own configuration names."""
    security: Any = Security(require_encryption=True)  # Any, because its attributes are set at run time
    if not (security.tls_ca_file and security.tls_client_cert):
        raise ConfigError(
            "tls:// needs certificates, and dask's configuration names none",
            where="resources.dask_scheduler",
            remedy="set distributed.comm.tls.ca-file, .client.cert and .client.key in ~/.config/dask/distributed.yaml",
        )
    return security


def _slurm(resources: ResourcesSection, threads: int, folder: str) -> Any:
    try:
        import cryptography  # noqa: F401 the certificate is made with it
        from dask_jobqueue import SLURMCluster
    except ImportError as fault:
        raise ConfigError(f"workers on Slurm need {fault.name}", where="resources.dask_scheduler: slurm", remedy="install rs-pipeline with [slurm]") from None
    host = _own_address(resources.dask_interface)
    cluster = SLURMCluster(
        cores=threads,
        processes=1,
        memory=f"{resources.memory_gb + 0.8:.1f}GB",
        walltime=f"{resources.dask_hours:02d}:00:00",
        security=_own_certificate(Path(folder)),
        protocol="tls://",
        interface=resources.dask_interface,
        scheduler_options={"host": host, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        worker_extra_args=["--no-dashboard", "--dashboard-address", "127.0.0.1:0", *([] if resources.dask_interface else ["--host", _worker_host(host)])],
    )
    cluster.scale(jobs=resources.dask_workers)
    return cluster


def _own_certificate(folder: Path) -> Security:
    """A new certificate for all roles, kept in the folder, where workers find it."""
    made = Security.temporary()
    files = {"key": folder / "key.pem", "cert": folder / "cert.pem"}
    for kind, file in files.items():
        file.touch(mode=0o600)
        file.write_text(getattr(made, f"tls_client_{kind}"))
    roles = {f"tls_{role}_{kind}": str(file) for role in ("client", "scheduler", "worker") for kind, file in files.items()}
    return Security(require_encryption=True, tls_ca_file=str(files["cert"]), **roles)


def _worker_host(scheduler: str) -> str:
    """Shell expression for the job script of a worker: the address of its host that reaches the scheduler. Without it, it would listen on all addresses."""
    return f"""$({sys.executable} -c 'from distributed.utils import get_ip; print(get_ip("{scheduler}"))')"""


def _own_address(interface: str | None) -> str:
    """Address of a network interface of this host; for None, the address at which other hosts reach it."""
    try:
        return get_ip_interface(interface) if interface else get_ip()
    except ValueError as fault:
        raise ConfigError(f"no such interface: {fault}", where=f"resources.dask_interface: {interface}", remedy="name one that `ip address` lists") from None


def results_anywhere(client: Client, function: Callable[[Any, Any], Any], shared: Any, parts: Sequence[Any]) -> Iterator[Any]:
    """``function(shared, part)`` of every part, in any order; a part whose worker is lost is computed by another.

    Raises
    ------
    PipelineError : a part lost more workers than ``distributed.scheduler.allowed-failures``, or all workers are gone.
    """
    held = client.scatter(shared, broadcast=True, hash=False)
    futures = [client.submit(function, held, part, pure=False) for part in parts]
    try:
        for future in as_completed(futures, loop=client.loop):
            yield future.result()
    except (KilledWorker, CancelledError) as fault:
        raise PipelineError(
            f"the workers of the dask cluster were lost: {fault}",
            where="resources.dask_scheduler",
            remedy="give them more memory, or a smaller resources.memory_gb",
        ) from None
    finally:
        client.cancel(futures)
