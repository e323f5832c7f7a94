"""The chain on a real Slurm of one node, through profiles/slurm: the files of a local run; a job killed for its memory is tried with more."""

import os
import subprocess

import pytest

from rs_pipeline.operations.journal import read_journal
from tests.operations.slurm import OneNode, cannot_run


@pytest.fixture
def slurm(tmp_path):
    """Slurm on this machine, which RS_PIPELINE_SLURM=1 asks for. Skips with the reason where there can be none; in CI that is a failure."""
    if os.environ.get("RS_PIPELINE_SLURM") != "1":
        pytest.skip("takes a quarter of an hour: RS_PIPELINE_SLURM=1 runs it")
    if reason := cannot_run():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Slurm here: {reason}")
    node = OneNode(tmp_path / "slurm")
    node.start()
    yield node
    node.stop()


def states() -> list[str]:
    """How the jobs of this Slurm ended."""
    return subprocess.run(["squeue", "-h", "--states=all", "--format=%T"], capture_output=True, text=True, check=True).stdout.split()


def test_the_chain_on_slurm_gives_the_files_of_a_local_run(slurm, small_world, small_run, snakemake):
    done = snakemake(
        small_world.config,
        "--profile",
        "profiles/slurm",
        "--slurm-status-command",
        "squeue",
        "--slurm-no-account",
        "--slurm-init-seconds-before-status-checks",
        "3",
        "--latency-wait",
        "5",
        "--set-resources",
        "search:mem_mb=100 * attempt ** 4",
    )
    assert small_world.files() == small_run.files(), done.stderr[-3000:]
    ended = states()
    assert ended.count("COMPLETED") >= 10 and len(ended) - ended.count("COMPLETED") == 1, ended
    search = [e.state for e in read_journal(small_world.layout.journal) if e.job == "search"]
    assert search[-1] == "done" and search.count("done") == 1
