"""Faults of the disk are told from faults of the data: full, no inodes, a quota's like, a limit of file sizes, a fault of the device."""

import errno
import subprocess
import sys
import types

import pytest

from benchmarks.harness import in_root
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.errors import CatalogError, RasterError, SpaceError, TableError
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.disk import TRIAL_BYTES, disk_fault, is_full


@pytest.fixture
def small_disk(tmp_path):
    """Function that mounts a file system with options; skipped where none can be mounted."""
    mounted = []

    def mount(options):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True).returncode != 0:
            pytest.skip("a small file system cannot be mounted here (only root may)")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def silent(part):
    """What a driver does that gives no number: it writes what it can, and fails in its own words."""
    try:
        part.write_bytes(bytes(600_000))
    except OSError:
        pass
    raise RasterError("the file does not read back")


def test_a_full_disk_is_blamed_though_the_driver_gives_no_number(small_disk):
    place = small_disk("size=300k")
    with pytest.raises(SpaceError, match="the disk is full, or has no room for more files") as told, atomic_path(place / "a.tif") as part:
        silent(part)
    assert "make room" in told.value.remedy and list(place.iterdir()) == []


def test_a_disk_without_inodes_is_blamed(small_disk):
    place = small_disk("size=8m,nr_inodes=3")
    (place / "one").touch()
    (place / "two").touch()
    with pytest.raises(SpaceError, match="no room for more files"), atomic_path(place / "a.csv") as part:
        part.write_text("x")


def test_a_fault_of_the_data_stays_one(tmp_path):
    with pytest.raises(RasterError, match="does not read back"), atomic_path(tmp_path / "a.tif") as part:
        silent(part)
    assert disk_fault(tmp_path, ValueError("x")) == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "number, words", [(errno.EDQUOT, "quota is used up"), (errno.EIO, "the disk has a fault"), (errno.EROFS, "read-only"), (errno.ESTALE, "stale handle")]
)
def test_a_number_deep_in_the_chain_of_causes_is_found(tmp_path, number, words):
    fault = RasterError("cannot be read")
    fault.__cause__ = ValueError("in between")
    fault.__cause__.__cause__ = OSError(number, "x")
    assert words in disk_fault(tmp_path, fault)


def test_a_fault_of_a_disk_that_was_told_as_the_sources_is_not_that_of_the_results(tmp_path):
    """`from None` says so; an error that only came while another was handled has that one as its reason."""
    for told, words in ((True, ""), (False, "the disk is gone (a stale handle of the network file system)")):
        try:
            try:
                raise OSError(errno.ESTALE, "Stale file handle")
            except OSError as fault:
                if told:
                    raise CatalogError(f"the catalog cannot be read: {fault}") from None
                raise RuntimeError  # noqa: B904 (the point of this test)
        except (CatalogError, RuntimeError) as fault:
            assert disk_fault(tmp_path, fault) == words


def test_a_disk_that_fails_under_the_files_of_the_run_is_blamed(tmp_path, monkeypatch):
    def stale(path):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr("rs_pipeline.storage.rows.pq.ParquetFile", stale)
    with pytest.raises(TableError) as told:
        read_ledger(tmp_path / "scenes.parquet")
    assert "stale handle" in disk_fault(tmp_path, told.value)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from rs_pipeline.model import Grid, MapBand
from rs_pipeline.storage.raster import write_map
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
noise = np.random.default_rng(0).normal(size=(1500, 1500)).astype("float32")
write_map(Path(sys.argv[1]) / "a.tif", Grid("EPSG:32650", 10.0, 500000.0, 4300000.0, 1500, 1500), {"x": noise}, [MapBand("x", "x")], {})
"""


@pytest.mark.parametrize("limit", [8192, 2**22])
def test_a_limit_of_file_sizes_is_blamed_also_where_a_trial_passes(tmp_path, limit):
    """8 KB, and 4 MiB for a map of 8.6 MB: a trial of 1 MiB is written without trouble."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path), str(limit)], capture_output=True, text=True, env=in_root())
    assert done.returncode != 0 and "SpaceError: the limit of file sizes is reached (ulimit -f)" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bytes_left, files_left, files, full", [
    (2**30, 10, 1000, False), (2**30, 9, 1000, True), (2**30, 0, 0, False), (TRIAL_BYTES, 1000, 1000, False), (TRIAL_BYTES - 4096, 1000, 1000, True), (2**30, 3, 3, False),
])  # fmt: skip
def test_a_disk_without_bytes_or_inodes_is_full(tmp_path, monkeypatch, bytes_left, files_left, files, full):
    about = types.SimpleNamespace(f_bavail=bytes_left // 4096, f_frsize=4096, f_favail=files_left, f_files=files)
    monkeypatch.setattr("rs_pipeline.storage.disk.os.statvfs", lambda path: about)
    assert is_full(tmp_path / "not yet there") is full
