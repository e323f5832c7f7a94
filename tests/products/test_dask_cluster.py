"""Blocks of a tile on a dask.distributed cluster of two processes: the maps of local threads, even where a worker is killed."""

import asyncio
import os
import signal
import subprocess

import dask
import psutil
import pytest
from dask_jobqueue.local import LocalCluster as LocalJobs
from dask_jobqueue.local import LocalJob
from distributed import LocalCluster, Security
from distributed.core import rpc

from benchmarks.tile_year import TILE, YEAR, World
from rs_pipeline.config.sections import ResourcesSection
from rs_pipeline.errors import ConfigError, PipelineError
from rs_pipeline.layout import Layout
from rs_pipeline.products import dask_cluster as module
from rs_pipeline.products import observe as observe_module
from rs_pipeline.products.dask_address import check_scheduler
from rs_pipeline.products.observe import observe
from rs_pipeline.products.register import observed_maps
from tests.products.test_observe import cut


@pytest.fixture(scope="module")
def tile_year(tmp_path_factory):
    """A simulated tile-year of 192² pixels and 6 dates, and its maps by local threads."""
    world = World(tmp_path_factory.mktemp("tile"), 192, 6)
    world.observe(2)
    return world, maps(world.settings)


@pytest.fixture
def workers():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster


def maps(settings):
    return {p: Layout(settings.root).tile_map(YEAR, TILE, p).read_bytes() for p in observed_maps()}


def on(address, world, monkeypatch):
    """The world's settings with the cluster; blocks of 40 by 50 pixels. The tags of the maps are those of the settings, and so kept."""
    resources = world.settings.resources.model_copy(update={"dask_scheduler": address})
    monkeypatch.setattr(observe_module, "plan_blocks", lambda grid, *_: cut(grid, 40, 50))
    monkeypatch.setattr(observe_module, "map_tags", lambda _, *more: tags(world.settings, *more))
    return world.settings.model_copy(update={"resources": resources})


tags = observe_module.map_tags


def test_two_workers_make_the_same_maps(tile_year, workers, monkeypatch):
    world, expected = tile_year
    for path in observed_maps():
        Layout(world.settings.root).tile_map(YEAR, TILE, path).unlink()
    observe(on(workers.scheduler_address, world, monkeypatch), TILE, YEAR)
    assert maps(world.settings) == expected


def test_a_worker_killed_in_the_middle_changes_nothing(tile_year, workers, monkeypatch):
    world, expected = tile_year
    killed = []

    anywhere = module.results_anywhere
    monkeypatch.setattr("rs_pipeline.products.dask_cluster.results_anywhere", lambda *args: _killing(anywhere, killed, *args))
    observe(on(workers.scheduler_address, world, monkeypatch), TILE, YEAR)
    assert len(killed) == 1 and maps(world.settings) == expected


def _killing(anywhere, killed, client, *args):
    """The results of `results_anywhere`; after the second the first worker is killed."""
    for i, result in enumerate(anywhere(client, *args)):
        if i == 1:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)
        yield result


def test_a_scheduler_that_does_not_answer_is_named(tile_year, monkeypatch):
    world, _ = tile_year
    monkeypatch.setattr(module, "CONNECT_S", 1)
    with pytest.raises(PipelineError, match="gives no worker"):
        observe(on("tcp://127.0.0.1:9", world, monkeypatch), TILE, YEAR)


class Batch(LocalJob):
    """Jobs of Slurm, run by bash here."""

    async def _submit_job(self, script_filename):
        with open(script_filename) as script:
            return str(subprocess.Popen(["bash", "-c", script.read()], start_new_session=True, stderr=subprocess.DEVNULL).pid)

    @classmethod
    async def _close_job(cls, job_id, cancel_command):
        os.killpg(int(job_id), signal.SIGKILL)


class BatchCluster(LocalJobs):
    job_cls = Batch


async def greeted(address, security):
    """What a scheduler answers to somebody with this certificate."""
    async with rpc(address, timeout=20, connection_args=security.get_connection_args("client")) as scheduler:
        return await scheduler.identity()


@pytest.mark.parametrize("interface", [None, "lo"])
def test_a_cluster_on_slurm_lets_nobody_in(tmp_path, monkeypatch, interface):
    """A stranger with another certificate or none cannot talk to it, and nothing listens on all addresses."""
    monkeypatch.setattr("dask_jobqueue.SLURMCluster", BatchCluster)
    resources = ResourcesSection(dask_scheduler="slurm", dask_workers=1, memory_gb=0.3, dask_interface=interface)
    with module.cluster_client(resources, 1, tmp_path) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        me = psutil.Process()
        listening = [c.laddr.ip for p in (me, *me.children(recursive=True)) for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert len(listening) >= 3 and not {"0.0.0.0", "::"} & set(listening)
        keys = list(tmp_path.rglob("*.pem"))
        assert len(keys) == 2 and all(k.stat().st_mode & 0o77 == k.parent.stat().st_mode & 0o77 == 0 for k in keys)
        address = client.scheduler.address
        assert address.startswith("tls://")
        for stranger in (address, address.replace("tls://", "tcp://")):
            for security in (Security.temporary(), Security()):
                with pytest.raises((OSError, RuntimeError, TypeError)):
                    asyncio.run(greeted(stranger, security))
        assert asyncio.run(greeted(address, client.security))["type"] == "Scheduler"
    assert not list(tmp_path.rglob("*.pem"))


@pytest.mark.parametrize(
    "address, more", [("tcp://127.0.0.1:8786", {}), ("tls://h.org:8786", {}), ("tcp://h.org:8786", {"dask_insecure": True}), ("slurm", {}), (None, {})]
)
def test_schedulers_that_may_be_used(address, more):
    assert check_scheduler(ResourcesSection(dask_scheduler=address, **more)) is None


@pytest.mark.parametrize("address", ["tcp://h.org:8786", "tcp://10.0.0.1:8786", "ucx://h:1", "tcp://0.0.0.0:8786", "tcp://127.0.0.1.h.org:8786"])
def test_a_scheduler_that_anybody_may_use_is_refused(address):
    with pytest.raises(ConfigError, match=r"run code in it[^$]*start it with tls://, or set resources\.dask_insecure: true"):
        check_scheduler(ResourcesSection(dask_scheduler=address))


def test_tls_needs_certificates(tmp_path):
    with dask.config.set({"distributed.comm.tls.ca-file": None}), pytest.raises(ConfigError, match=r"tls:// needs certificates"):
        with module.cluster_client(ResourcesSection(dask_scheduler="tls://127.0.0.1:9"), 1, tmp_path):
            pass


def test_an_interface_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(ConfigError, match="no such interface"),
        module.cluster_client(ResourcesSection(dask_scheduler="slurm", dask_interface="ib77"), 1, tmp_path),
    ):
        pass
