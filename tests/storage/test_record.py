"""What a job wrote is recorded, and every change of it is found."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rs_pipeline.storage.atomic import atomic_folder, atomic_path, written_files
from rs_pipeline.storage.record import damage, damaged, note_job, put_aside, read_record


def write(path, data: bytes):
    with atomic_path(path) as part:
        part.write_bytes(data)


@pytest.fixture
def noted(tmp_path):
    """A run whose job wrote two files, and its record."""
    written_files()
    write(tmp_path / "run" / "a.csv", b"value\n1\n")
    write(tmp_path / "run" / "maps" / "\u6c34.tif", bytes(range(256)))
    record = tmp_path / "run" / "logs" / "checksums.jsonl"
    note_job(record, tmp_path / "run", "job", written_files())
    return tmp_path / "run", record


def test_the_digest_is_that_of_the_content(noted):
    root, record = noted
    found = read_record(record, root)
    # printf 'value\\n1\\n' | xxhsum -H2
    assert found[root / "a.csv"].content.digest == "4bb180174fdfef67a661f58c3083d493"
    assert {p.name: (r.job, r.content.size) for p, r in found.items()} == {"a.csv": ("job", 8), "\u6c34.tif": ("job", 256)}
    assert written_files() == {}


def test_every_flipped_bit_is_found_by_reading_and_every_cut_by_looking(noted):
    root, record = noted
    path = root / "maps" / "\u6c34.tif"
    known, whole = read_record(record, root)[path], path.read_bytes()
    for bit in range(0, 2048, 37):
        harmed = bytearray(whole)
        harmed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(harmed)
        assert damage(known, whole=True) == "its content is not what was written" and damage(known, whole=False) == ""
    for length in (0, 1, 255, 257):
        path.write_bytes((whole + b"x")[:length])
        assert damage(known, whole=False) == f"{length} bytes, written were 256"
    path.write_bytes(whole)
    assert damage(known, whole=True) == ""
    path.unlink()
    assert damage(known, whole=True) == ""  # Snakemake sees that itself


def test_the_last_line_of_a_job_counts_and_keeps_what_it_left_as_it_was(noted):
    root, record = noted
    write(root / "a.csv", b"value\n2\n")
    note_job(record, root, "job", written_files())
    (root / "a.csv").write_bytes(b"value\n1\n")
    assert damaged(read_record(record, root).values(), whole=True) == {root / "a.csv": "its content is not what was written"}
    write(root / "a.csv", b"value\n33\n")
    note_job(record, root, "other", written_files())  # a file that two jobs write is the last one's
    assert read_record(record, root)[root / "a.csv"].job == "other" and damaged(read_record(record, root).values(), whole=True) == {}


def test_a_line_cut_off_by_a_full_disk_is_left_out(noted):
    root, record = noted
    before = read_record(record, root)
    with record.open("a") as out:
        out.write(json.dumps({"job": "job", "files": {"a.csv": [1, "00"]}})[:30])
    assert read_record(record, root) == before
    assert read_record(root / "none", root) == {}


def test_a_folder_is_noted_file_by_file(tmp_path):
    written_files()
    with atomic_folder(tmp_path / "pictures") as part:
        (part / "in").mkdir(parents=True)
        (part / "in" / "a.png").write_bytes(b"abc")
    assert {str(p.relative_to(tmp_path)): c.size for p, c in written_files().items()} == {"pictures/in/a.png": 3}


def test_what_can_be_had_again_is_not_noted(tmp_path):
    written_files()
    with atomic_path(tmp_path / "entry.zip", lasting=False) as part:
        part.write_bytes(b"abc")
    assert written_files() == {} and (tmp_path / "entry.zip").read_bytes() == b"abc"


def test_a_damaged_file_is_kept_aside_under_its_own_path(noted):
    root, _ = noted
    to = put_aside(root / "maps" / "\u6c34.tif", root)
    assert to == root / "damaged" / "maps" / "\u6c34.tif" and to.stat().st_size == 256 and not (root / "maps" / "\u6c34.tif").exists()


def test_a_damaged_file_is_kept_aside_also_from_a_folder_on_another_disk(tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    with TemporaryDirectory(dir=memory) as elsewhere:
        (tmp_path / "maps").symlink_to(elsewhere)
        (tmp_path / "maps" / "a.tif").write_text("half")
        to = put_aside(tmp_path / "maps" / "a.tif", tmp_path)
        assert to == tmp_path / "damaged" / "maps" / "a.tif" and to.read_text() == "half" and not (tmp_path / "maps" / "a.tif").exists()
