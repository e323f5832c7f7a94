"""Parts of remote files that jobs of a run share: each byte crosses the network once, and nothing that is wrong with them changes a pixel."""

import json
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from rasterio.windows import Window

from rs_pipeline.catalog.read import content_key, open_raster
from rs_pipeline.config import FetchSection
from rs_pipeline.model import Scene
from rs_pipeline.remote import parts as module
from rs_pipeline.remote.parts import Parts
from rs_pipeline.remote.ranges import RangeFile, _Opened
from rs_pipeline.remote.retrying import Later
from tests.remote.server import always, http
from tests.remote.test_ranges import files, parts_of, spans  # noqa: F401  (fixture)

LIMITS = FetchSection(retries=0, timeout_s=2)
LEFT, RIGHT = Window(0, 0, 300, 300), Window(240, 0, 500, 300)
"""Two tiles that share blocks of 256: columns 0 and 1, and columns 0 to 2."""


@pytest.fixture
def store(tmp_path):
    """Parts kept in a folder, 1 GB of them."""
    with module.kept_in(tmp_path / "parts", 10**9):
        yield tmp_path / "parts"


def read(url, window, key="k"):
    with open_raster(url, "none", LIMITS, 10, internal=True, key=key) as dataset:
        return dataset.read(1, window=window)


def test_a_neighbour_asks_only_for_what_is_new(serving, files, store):  # noqa: F811
    paths, values = files
    server = serving(parts_of(paths[".tif"], ETag='"a"'))
    assert (read(server.url + "/x.tif?sig=1", LEFT) == values[:300, :300]).all()
    first = spans(server)
    assert (read(server.url + "/x.tif?sig=2", RIGHT) == values[:300, 240:740]).all()
    new = spans(server)[len(first) :]
    assert len(new) == 2 and sum(b - a + 1 for a, b in new) < 2.1 * 256 * 256 * 2, "the third block of two rows, and no header"
    bytes_of = [b for a, b in (*first, *new) for b in range(a, b + 1)]
    assert len(bytes_of) == len(set(bytes_of)), "no byte twice"
    assert (read(server.url + "/x.tif", RIGHT) == values[:300, 240:740]).all() and len(spans(server)) == len(first) + len(new)


def test_another_content_has_other_parts(serving, files, store):  # noqa: F811
    server = serving(parts_of(files[0][".tif"], ETag='"a"'))
    read(server.url + "/x.tif", LEFT, "one")
    n = len(server.requests)
    read(server.url + "/x.tif", LEFT, "other")
    assert len(server.requests) == 2 * n


def test_jobs_at_once_ask_once(serving, files, store):  # noqa: F811
    server, found = serving(parts_of(files[0][".tif"], ETag='"a"')), []
    jobs = [threading.Thread(target=lambda: found.append(read(server.url + "/x.tif", LEFT))) for _ in range(4)]
    [j.start() for j in jobs]
    [j.join() for j in jobs]
    assert len(found) == 4 and len(spans(server)) == len(set(spans(server))) == 3


def damage(path):
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


@pytest.mark.parametrize("harm", [damage, lambda p: p.write_bytes(b""), lambda p: p.write_bytes(p.read_bytes()[:-1]), os.remove])
def test_a_damaged_part_is_asked_for_again(serving, files, store, harm):  # noqa: F811
    server = serving(parts_of(files[0][".tif"], ETag='"a"'))
    read(server.url + "/x.tif", LEFT)
    for path in (store / "k").glob("[1-9]*-*"):
        harm(path)
    n = len(server.requests)
    assert (read(server.url + "/x.tif", LEFT) == files[1][:300, :300]).all() and len(server.requests) == n + 2


def test_a_file_that_changes_is_not_mixed(serving, files, store):  # noqa: F811
    read(serving(parts_of(files[0][".tif"], ETag='"a"')).url + "/x.tif", LEFT)
    changed = serving(parts_of(files[0][".tif"], ETag='"b"')).url + "/x.tif"
    with pytest.raises(Later, match="the file changed while it was read"):
        read(changed, RIGHT)
    assert Parts("k").about() == {} and (read(changed, RIGHT) == files[1][:300, 240:740]).all()
    assert Parts("k").about()["etag"] == '"b"'


def test_what_nothing_tells_apart_is_not_kept(serving, files, store):  # noqa: F811
    """Without ETag and time a file of the same size could be another one, days later."""
    server = serving(parts_of(files[0][".tif"]))
    assert (read(server.url + "/x.tif", LEFT) == read(server.url + "/x.tif", LEFT)).all() and len(server.requests) == 6
    assert not list(store.glob("*/*-*"))


@pytest.mark.parametrize("harm", [os.remove, lambda p: p.write_text(""), lambda p: p.write_text("5"), lambda p: p.write_text('{"size": "x"}')])
def test_parts_of_which_nothing_is_known_count_for_nothing(serving, files, store, harm):  # noqa: F811
    server = serving(parts_of(files[0][".tif"], ETag='"a"'))
    read(server.url + "/x.tif", LEFT)
    harm(store / "k" / "about.json")
    assert (read(server.url + "/x.tif", LEFT) == files[1][:300, :300]).all() and len(server.requests) == 6


def test_a_job_that_stands_still_holds_no_other(serving, files, store):  # noqa: F811
    server = serving(parts_of(files[0][".tif"], ETag='"a"'))
    with Parts("k").alone(1):
        began = time.monotonic()
        with open_raster(server.url + "/x.tif", "none", LIMITS.model_copy(update={"timeout_s": 0.2}), 10, internal=True, key="k") as dataset:
            assert (dataset.read(1, window=LEFT) == files[1][:300, :300]).all()
    assert time.monotonic() - began < 2, "it waits once"


def test_bands_that_a_secret_looking_field_tells_apart_are_not_mixed():
    hrefs = {"red": "https://example.org/get?key=B04", "nir": "https://example.org/get?key=B08"}
    scene = Scene(
        "S",
        "S",
        "earth-search-sentinel-2-l2a",
        "sentinel-2-l2a",
        "sentinel-2a",
        datetime(2024, 5, 1, tzinfo=UTC),
        date(2024, 5, 1),
        "05.10",
        0,
        50,
        150,
        1e-4,
        0,
        "",
        "high",
        "used",
        "",
        assets=hrefs,
    )
    assert content_key(scene, "red") != content_key(scene, "nir")
    assert content_key(scene, "red") != content_key(replace(scene, key="T"), "red")


def test_pieces_that_overlap_give_no_byte_too_many(store):
    """GDAL copies as many bytes as come, whatever it asked for."""
    file = RangeFile("https://example.org/x.tif", LIMITS, False, Parts("k"))
    file._obtained = lambda missing: {span: bytes(span[1] - span[0] + 1000) for span in missing}
    opened = _Opened(file)
    assert [len(data) for data in opened.get_byte_ranges([20_000, 25_000], [10_000, 1000])] == [10_000, 1000] and len(opened.read(10)) == 10


def test_what_cannot_be_read_is_not_kept(serving, store):
    """Bytes that came as they should, and are no raster: another try must not find them again."""
    body = b"no raster" * 4000
    page = serving(always(http("200 OK", body)))
    with pytest.raises(Exception, match="not recognized|TIFF|file format"):
        read(page.url + "/x.tif", LEFT)
    assert not list((store / "k").glob("*-*"))


def test_a_whole_answer_is_kept_whole(serving, files, store):  # noqa: F811
    server = serving(always(http("200 OK", files[0][".tif"].read_bytes(), ETag='"a"')))
    read(server.url + "/x.tif", LEFT)
    assert (read(server.url + "/x.tif", Window(700, 700, 300, 300)) == files[1][700:1000, 700:1000]).all() and len(server.requests) == 1


def test_no_more_is_kept_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_shared", module.Store(tmp_path, 1000))
    for i in range(40):
        Parts(f"k{i % 4}").keep({(i * 100, i * 100 + 100): bytes(100)}, {"size": "4000", "etag": "a"})
    assert 0 < sum(p.stat().st_size for p in tmp_path.glob("*/*-*")) <= 2000
    assert Parts("k3").held([(3900, 4000)])[1] == {(3900, 4000): [(3900, bytes(100))]}, "the newest is there"
    for i in range(40):
        Parts("last").keep({(i * 100, i * 100 + 100): bytes(100)}, {"size": "4000", "etag": "a"})
    assert [p.name for p in tmp_path.iterdir()] == ["last"], "and no empty folders of what went"


@pytest.mark.parametrize("wrong", ["limit 0", "a file", "full"])
def test_without_room_it_is_read_all_the_same(serving, files, tmp_path, monkeypatch, wrong, caplog):  # noqa: F811
    monkeypatch.setattr(module, "_shared", None)
    (tmp_path / "taken").write_text("")
    server = serving(parts_of(files[0][".tif"], ETag='"a"'))
    with module.kept_in(tmp_path / ("taken" if wrong == "a file" else "parts"), 0 if wrong == "limit 0" else 10**9, 10**18 if wrong == "full" else 0):
        for _ in range(2):
            assert (read(server.url + "/x.tif", LEFT) == files[1][:300, :300]).all()
    assert len(server.requests) == 6
    said = [r.message for r in caplog.records if "parts of remote files cannot be kept" in r.message]
    assert len(said) == (0 if wrong == "limit 0" else 1)


def test_nothing_secret_is_kept(serving, files, store):  # noqa: F811
    read(serving(parts_of(files[0][".tif"], ETag='"a"')).url + "/x.tif?sig=SECRET&se=2030", LEFT)
    about = json.loads((store / "k" / "about.json").read_text())
    assert about.keys() <= {"size", "etag", "last-modified"} and not any("SECRET" in str(p) for p in store.rglob("*"))


def test_connections_are_those_of_all_bands(serving, files, store):  # noqa: F811
    """No more requests at once than said, however many files are read."""
    inner, busy, most, lock = parts_of(files[0][".tif"], ETag='"a"'), [0], [0], threading.Lock()

    def answer(connection, request, n):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        threading.Event().wait(0.05)
        with lock:
            busy[0] -= 1
        inner(connection, request, n)

    server, limits = serving(answer), FetchSection(connections=3, timeout_s=5)
    jobs = [threading.Thread(target=lambda i=i: RangeFile(f"{server.url}/{i}.tif", limits, True, Parts(f"{i}")).read((0, 100))) for i in range(8)]
    [j.start() for j in jobs]
    [j.join() for j in jobs]
    assert most[0] == 3 and np.unique([r.split()[1] for r in server.requests]).size == 8
