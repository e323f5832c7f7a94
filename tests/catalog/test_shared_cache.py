"""A cache of chips that several users share: whatever is wrong with it is said once, and the chip is made without it."""

import logging
import os
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rs_pipeline.catalog.cache import Cache

KEY = "a" * 64
OTHER = 65_534
"""User id of nobody."""

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


@contextmanager
def as_other() -> Iterator[None]:
    os.seteuid(OTHER)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def place():
    """A folder that every user can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="shared-cache-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def chip(place) -> Path:
    folder = place / "chip"
    folder.mkdir()
    (folder / "10m-0.tif").write_bytes(b"pixels" * 1000)
    return folder


def entry_of(cache: Cache, write) -> Path:
    entry = cache.path(KEY)
    entry.parent.mkdir(parents=True)
    write(entry)
    return entry


@AS_ROOT
def test_an_entry_that_another_user_may_not_read(place, chip, caplog):
    cache = Cache(place / "cache", 10**9)
    cache.keep(KEY, chip)
    cache.path(KEY).chmod(0o600)
    with as_other():
        for attempt in range(3):
            assert not cache.take(KEY, place / f"out{attempt}")
            cache.keep(KEY, chip)
    assert cache.take(KEY, place / "own") and (place / "own/10m-0.tif").read_bytes() == b"pixels" * 1000
    said = [r.getMessage() for r in caplog.records]
    assert [m.partition(": ")[2] for m in said] == [
        "an entry cannot be read: Permission denied; chips are made without it",
        f"Permission denied: {place}/cache/a; chips are made without it",
    ]


@AS_ROOT
def test_an_entry_of_another_user_is_taken_though_its_time_stays(place, chip):
    cache = Cache(place / "cache", 10**9)
    cache.keep(KEY, chip)
    os.utime(cache.path(KEY), (1e9, 1e9))
    with as_other():
        assert cache.take(KEY, place / "out")
    assert cache.path(KEY).stat().st_mtime == 1e9 and (place / "out/10m-0.tif").exists()


@AS_ROOT
def test_entries_of_others_stay_where_they_cannot_be_removed(place, chip, caplog):
    cache = Cache(place / "cache", 16 * 7000)
    cache.keep(KEY, chip)
    cache.path(KEY).parent.chmod(0o1777)
    with as_other():
        cache.keep("a1" * 32, chip)
    assert cache.path(KEY).exists() and "entries of others cannot be removed" in caplog.text


@pytest.mark.parametrize("where", ["file/cache", "file"])
def test_a_cache_that_cannot_be_made(place, chip, caplog, where):
    (place / "file").write_text("a file where a folder is due")
    cache = Cache(place / where, 10**9)
    cache.keep(KEY, chip)
    assert not cache.take(KEY, place / "out") and caplog.records[0].levelno == logging.WARNING


def with_names(*names: str, compression: int = zipfile.ZIP_STORED, content: bytes = b"x"):
    def write(entry: Path) -> None:
        with zipfile.ZipFile(entry, "w", compression) as packed:
            for name in names:
                packed.writestr(name, content)

    return write


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (with_names("10m-0.tif", "../../out.tif"), "an entry holds foreign files"),
        (with_names("/etc/out.tif"), "an entry holds foreign files"),
        (with_names("10m-0.tif", compression=zipfile.ZIP_DEFLATED, content=bytes(2**26)), "an entry holds foreign files"),
        (lambda entry: entry.write_bytes(b"no zip"), "an entry is damaged"),
        (lambda entry: entry.symlink_to("/etc/hostname"), "an entry is no file"),
        (os.mkfifo, "an entry is no file"),
    ],
    ids=["above", "absolute", "bomb", "no zip", "link", "pipe"],
)
def test_hostile_entries_are_removed_and_said(place, caplog, write, said):
    cache = Cache(place / "cache", 10**9)
    entry = entry_of(cache, write)
    assert not cache.take(KEY, place / "out")
    assert said in caplog.text and not os.path.lexists(entry) and not list((place / "out").iterdir())
    assert not (place / "out.tif").exists()


@pytest.mark.parametrize("key", ["a" * 64, "b" * 64])
def test_a_link_in_the_place_of_a_share_leads_nowhere(place, chip, caplog, key):
    """Where it led, entries would be written, and files removed."""
    home = place / "home"
    home.mkdir()
    (home / "thesis.zip").write_bytes(b"years of work" * 1000)
    (place / "cache").mkdir()
    (place / "cache" / key[0]).symlink_to(home)
    cache = Cache(place / "cache", 16)
    cache.keep(key, chip)
    assert not cache.take(key, place / "out") and [p.name for p in home.iterdir()] == ["thesis.zip"] and "Not a directory" in caplog.text


def test_only_entries_are_dropped_where_the_cache_is_full(place, chip):
    cache = Cache(place / "cache", 16)
    cache.path(KEY).parent.mkdir(parents=True)
    for name in ("thesis.zip", "notes.txt"):
        (cache.path(KEY).parent / name).write_bytes(b"years of work")
    cache.keep(KEY, chip)
    assert sorted(p.name for p in cache.path(KEY).parent.iterdir()) == ["notes.txt", "thesis.zip"]


def test_an_entry_with_holes_fills_no_disk(place, caplog):
    cache = Cache(place / "cache", 10**9)

    def write(entry):
        with zipfile.ZipFile(entry, "w") as packed:
            packed.writestr("10m-0.tif", b"")
        raw = entry.read_bytes()
        with entry.open("r+b") as file:  # a hole of 1 GiB before the first file, whose header says that it is so long
            file.write(struct.pack("<4s5HIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 2**30, 2**30, 9, 0) + b"10m-0.tif")
            file.seek(2**30 + 39)
            central = raw.index(b"PK\x01\x02")
            about = bytearray(raw[central:])
            about[20:28] = struct.pack("<II", 2**30, 2**30)
            about[-6:-2] = struct.pack("<I", 2**30 + 39)
            file.write(about)

    entry_of(cache, write)
    assert not cache.take(KEY, place / "out") and "declares more than it holds" in caplog.text and not list((place / "out").iterdir())


def test_a_cut_off_entry_leaves_nothing_behind(place, chip, caplog):
    cache = Cache(place / "cache", 10**9)
    (chip / "20m-1.tif").write_bytes(b"more" * 1000)
    cache.keep(KEY, chip)
    raw = bytearray(cache.path(KEY).read_bytes())
    raw[raw.index(b"moremore") + 9] ^= 1
    cache.path(KEY).write_bytes(raw)
    assert not cache.take(KEY, place / "out") and not list((place / "out").iterdir()) and "damaged: Bad CRC-32" in caplog.text


def test_what_a_group_may_do_with_the_cache_it_may_do_with_entries(place, chip):
    mode = os.umask(0o077)
    try:
        (place / "cache").mkdir()
        (place / "cache").chmod(0o2770)
        cache = Cache(place / "cache", 10**9)
        cache.keep(KEY, chip)
    finally:
        os.umask(mode)
    assert stat.S_IMODE(cache.path(KEY).parent.stat().st_mode) == 0o2770 and stat.S_IMODE(cache.path(KEY).stat().st_mode) == 0o660
