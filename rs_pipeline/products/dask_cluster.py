"""Work of a job done by a dask.distributed cluster: one that the configuration names, or one that the job starts on Slurm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import Any

from distributed import Client, as_completed
from distributed.scheduler import KilledWorker

from rs_pipeline.config import ResourcesSection
from rs_pipeline.errors import ConfigError, PipelineError

CONNECT_S, WORKERS_S = 30, 600
"""So long a scheduler may take to answer, and workers to start."""

@contextmanager
def cluster_client(resources: ResourcesSection, threads: int) -> Iterator[Client]:
    """A client of the cluster that ``resources.dask_scheduler`` names, with at least one worker.

    Raises
    ------
    ConfigError : dask-jobqueue is not installed.
    PipelineError : the scheduler does not answer, or has no workers.
    """
    address = resources.dask_scheduler
    with ExitStack() as opened:
        if address == "slurm":
            address = opened.enter_context(_slurm(resources, threads))
        try:
            client = opened.enter_context(Client(address, timeout=CONNECT_S, set_as_default=False))
            client.wait_for_workers(1, timeout=WORKERS_S)
        except (OSError, TimeoutError) as fault:
            raise PipelineError(
                f"the dask scheduler gives no worker: {fault}", where=f"resources.dask_scheduler: {resources.dask_scheduler}",
                remedy="start it and its workers on the file system of the results, or set the key to null",
            ) from None  # fmt: skip
        yield client


def _slurm(resources: ResourcesSection, threads: int):
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise ConfigError(
            "workers on Slurm need dask-jobqueue", where="resources.dask_scheduler: slurm", remedy="install rs-pipeline with [slurm]"
        ) from None
    cluster = SLURMCluster(cores=threads, processes=1, memory=f"{resources.memory_gb + 0.8:.1f}GB", walltime=f"{resources.dask_hours:02d}:00:00")
    cluster.scale(jobs=resources.dask_workers)
    return cluster


def results_anywhere(client: Client, function: Callable[[Any, Any], Any], shared: Any, parts: Sequence[Any]) -> Iterator[Any]:
    """``function(shared, part)`` of every part, in any order; a part whose worker is lost is worked out by another.

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
            f"the workers of the dask cluster were lost: {fault}", where="resources.dask_scheduler", remedy="give them more memory, or a smaller resources.memory_gb"
        ) from None
    finally:
        client.cancel(futures)
