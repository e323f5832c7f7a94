"""Blocks of a tile on a dask.distributed cluster of two processes: the maps of local threads, even where a worker is killed."""

import os
import signal

import pytest
from distributed import LocalCluster

from benchmarks.tile_year import TILE, YEAR, World
from rs_pipeline.errors import PipelineError
from rs_pipeline.layout import Layout
from rs_pipeline.products import dask_cluster as module
from rs_pipeline.products import observe as observe_module
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
