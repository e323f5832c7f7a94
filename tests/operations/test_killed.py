"""The chain under `kill -9`, a full disk, a read-only folder and a second run; `python -m benchmarks.killed` kills fifty times."""

import subprocess
import time
from contextlib import contextmanager

import pytest

from benchmarks.killed import disturb, start


@contextmanager
def file_system(place, options):
    """A small file system of its own; the test is skipped where none can be mounted."""
    place.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (only root may)")
    try:
        yield
    finally:
        for _ in range(50):
            if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
                break
            time.sleep(0.2)


def test_a_full_disk_a_read_only_folder_and_kills_end_in_the_results_of_an_undisturbed_run(small_world, small_run, snakemake):
    results, expected = small_world.folder / "results", small_run.files()
    with file_system(results, "size=900k"):
        done = snakemake(small_world.config, check=False)
        told = done.stdout + done.stderr
        assert done.returncode != 0 and "the disk is full" in told and "make room, or mend the disk, then start the same command again" in told
        wrong = [name for name, data in small_world.files().items() if expected.get(name) != data]
        assert not wrong
        subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
        done = snakemake(small_world.config, check=False)
        told = done.stdout + done.stderr
        assert done.returncode != 0 and "cannot be written to; name another folder, or ask for the right to write there" in told
        subprocess.run(["mount", "-o", "remount,rw,size=200m", str(results)], check=True)
        cut = disturb(small_world.config, 3, 5, small_world.files, expected, 8.0)  # all three before a fast machine is through
        assert sum(cut.values()) == 3 and not cut["ended before"]
        snakemake(small_world.config)
        assert small_world.files() == expected


def test_a_second_run_on_the_same_folder_is_refused_by_name(small_world, snakemake):
    first = start(small_world.config)
    try:
        while not small_world.layout.lock.exists():
            time.sleep(0.2)
        time.sleep(0.5)
        done = snakemake(small_world.config, check=False)
        assert done.returncode != 0 and f"another run works on this folder: process {first.pid} on " in done.stdout + done.stderr
        assert "This was a dry-run" in snakemake(small_world.config, "-n").stdout
    finally:
        first.kill()
        first.wait()
