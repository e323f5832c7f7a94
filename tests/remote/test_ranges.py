"""Rasters read in parts: the pixels of a local file, in no more requests than needed, and never pixels of what did not arrive."""

import re
import struct
import time

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.shutil import copy
from rasterio.windows import Window

from benchmarks import remote_reads
from rs_pipeline.catalog.items import clean_href
from rs_pipeline.catalog.read import open_raster, read_coarse, read_text, retrying
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RasterError, RemoteError
from rs_pipeline.remote import ranges as module
from rs_pipeline.remote.parts import kept_in
from rs_pipeline.remote.ranges import RangeFile
from rs_pipeline.remote.retrying import Later, Refused
from tests.remote.server import always, http

LIMITS = FetchSection(retries=2, timeout_s=2, backoff_s=0.01)
WINDOW = Window(300, 300, 500, 500)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A COG of 1024² pixels in blocks of 256, which hardly pack, and a JPEG 2000 of the same: (path by suffix, values)."""
    folder, values = tmp_path_factory.mktemp("files"), np.random.default_rng(1).integers(1, 5000, (1024, 1024)).astype("uint16")
    about = {"width": 1024, "height": 1024, "count": 1, "dtype": "uint16", "crs": "EPSG:32650", "transform": Affine(10, 0, 400_000, 0, -10, 4_400_000)}
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", **about) as out:
            out.write(values, 1)
        with memory.open() as dataset:
            copy(dataset, folder / "x.tif", driver="COG", compress="deflate", blocksize=256)
            copy(dataset, folder / "x.jp2", driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=256, BLOCKYSIZE=256)
    return {p.suffix: p for p in folder.glob("x.*")}, values


def parts_of(path, **headers):
    """Serves the parts of a file."""
    data = path.read_bytes()

    def answer(connection, request, n):
        first, last = map(int, re.search(r"(?i)range: bytes=(\d+)-(\d+)", request).groups())
        body = data[first : last + 1]
        connection.sendall(http("206 Partial", body, Content_Range=f"bytes {first}-{first + len(body) - 1}/{len(data)}", **headers))

    return answer


def spans(server) -> list[tuple[int, int]]:
    return [tuple(map(int, re.search(r"(?i)range: bytes=(\d+)-(\d+)", r).groups())) for r in server.requests]


def window(url: str, limits: FetchSection = LIMITS):
    with open_raster(url, "none", limits, 10, internal=True) as dataset:
        return dataset.read(1, window=WINDOW)


def test_a_window_of_a_cog(serving, files):
    """Blocks 1 to 3 of rows 1 to 3: the beginning of the file, and a request a row of blocks."""
    paths, values = files
    server = serving(parts_of(paths[".tif"]))
    assert (window(server.url + "/x.tif") == values[300:800, 300:800]).all()
    assert len(server.requests) == 4 and spans(server)[0] == (0, 2**14 - 1)
    assert sum(b - a + 1 for a, b in spans(server)) < 9.1 * 256 * 256 * 2 + 2**14


def test_a_window_of_a_jpeg_2000(serving, files):
    paths, values = files
    server = serving(parts_of(paths[".jp2"]))
    assert (window(server.url + "/x.jp2") == values[300:800, 300:800]).all()
    assert len(server.requests) < 12


def test_a_name_of_odata(serving, files):
    paths, values = files
    assert (window(serving(parts_of(paths[".jp2"])).url + "/odata/v1/Products(1)/Nodes(B02_10m.jp2)/$value") == values[300:800, 300:800]).all()


def test_a_server_without_parts(serving, files, monkeypatch):
    paths, values = files
    server = serving(always(http(body=paths[".tif"].read_bytes())))
    assert (window(server.url + "/x.tif") == values[300:800, 300:800]).all() and len(server.requests) == 1
    monkeypatch.setattr(module, "MAX_WHOLE_BYTES", 2**20)
    with pytest.raises(RemoteError, match=r"gives no parts of files, and this one is larger than 1 MiB"):
        window(server.url + "/x.tif")


@pytest.mark.parametrize("then, fault, said", [
    (http("503 Busy", Retry_After="7"), Later, "HTTP 503"), (http("404 None"), Refused, "HTTP 404"), (http("206 Partial", b"xx", Content_Range="bytes 0-1/99"), Later, "bytes came"),
    (http("206 Partial", b"xx"), Refused, "without the place of its bytes"), (b"", Later, "127.0.0.1"), (http("302 Found", Location="file:///etc/passwd"), RemoteError, "neither https"),
])  # fmt: skip
def test_a_fault_in_the_middle_is_no_pixel(serving, files, then, fault, said):
    """GDAL hears of no fault and would go on with zeros; nobody is asked again within the try."""
    paths, _ = files
    good = parts_of(paths[".tif"])
    server = serving(lambda c, request, n: good(c, request, n) if n <= 2 else c.sendall(then))
    with pytest.raises(fault, match=said):
        window(server.url + "/x.tif")
    assert len(server.requests) == 3


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_was_cut_short_is_no_pixel(serving, tmp_path, ranges):
    """Uncompressed: a block that is not there would read as zeros, which is clear sky in a mask of bits."""
    about = {"width": 1024, "height": 1024, "count": 1, "dtype": "uint16", "crs": "EPSG:32650", "transform": Affine(10, 0, 400_000, 0, -10, 4_400_000)}
    with rasterio.open(tmp_path / "x.tif", "w", driver="GTiff", tiled=True, blockxsize=256, blockysize=256, **about) as out:
        out.write(np.full((1024, 1024), 22280, "uint16"), 1)
    whole = (tmp_path / "x.tif").read_bytes()

    def served() -> str:
        return serving(parts_of(tmp_path / "x.tif", ETag='"a"') if ranges else always(http(body=(tmp_path / "x.tif").read_bytes()))).url + "/x.tif"

    with open_raster(served(), "none", LIMITS, 10, internal=True) as dataset:
        assert (dataset.read(1) == 22280).all()
    (tmp_path / "x.tif").write_bytes(whole[:-300_000])
    with kept_in(tmp_path / "parts", 2**30), pytest.raises(Later, match=f"the file ends at byte {len(whole) - 300_000}, its blocks at {len(whole)}"):
        with open_raster(served(), "none", LIMITS, 10, internal=True, key="ab") as dataset:
            dataset.read(1)
    assert not list((tmp_path / "parts").glob("*/[!.]*-*")), "what was cut short is asked for again"


def test_a_file_that_is_exchanged_while_it_is_read(serving, files):
    paths, values = files
    old, new = parts_of(paths[".tif"], ETag='"old"'), parts_of(paths[".tif"], ETag='"new"')
    server = serving(lambda c, request, n: (old if n <= 2 else new)(c, request, n))
    with pytest.raises(Later, match="the file changed while it was read"):
        window(server.url + "/x.tif")
    read = retrying(lambda: window(server.url + "/x.tif"), server.url, LIMITS)
    assert (read == values[300:800, 300:800]).all()


def test_what_a_server_asks_to_wait_is_waited(serving, files, monkeypatch):
    paths, values = files
    slept, good = [], parts_of(paths[".tif"])
    server = serving(lambda c, request, n: c.sendall(http("429 Slowly", Retry_After="7")) if n == 2 else good(c, request, n))
    monkeypatch.setattr(time, "sleep", slept.append)
    assert (retrying(lambda: window(server.url + "/x.tif"), server.url, LIMITS) == values[300:800, 300:800]).all()
    assert slept == [7]


def test_a_server_that_hangs_costs_one_timeout(serving, files):
    server, started = serving(lambda c, request, n: time.sleep(5)), time.monotonic()
    with pytest.raises(Later, match="Timeout"):
        window(server.url + "/x.tif", FetchSection(timeout_s=1, retries=0))
    assert time.monotonic() - started < 1.6 and len(server.requests) == 1


def test_a_redirect_is_followed_once_and_to_public_hosts_only(serving, files, outside):
    paths, values = files
    archive, hidden = serving(parts_of(paths[".tif"])), serving(parts_of(paths[".tif"]), host="127.0.0.2")
    server = serving(always(http("302 Found", Location=archive.url + "/signed.tif")))
    with open_raster(server.url + "/x.tif", "none", LIMITS, 10) as dataset:
        assert (dataset.read(1, window=WINDOW) == values[300:800, 300:800]).all()
    assert len(server.requests) == 1 and len(archive.requests) == 4
    with pytest.raises(RemoteError, match=r"'127\.0\.0\.2' is internal"), open_raster(hidden.url + "/x.tif", "none", LIMITS, 10):
        pass
    inward = serving(always(http("302 Found", Location=hidden.url + "/x.tif")))
    with pytest.raises(RemoteError, match=r"'127\.0\.0\.2' is internal"), open_raster(inward.url + "/x.tif", "none", LIMITS, 10):
        pass
    with pytest.raises(RemoteError, match=r"'127\.0\.0\.2' is internal"):
        read_text(inward.url + "/calibration.xml", "none", LIMITS)
    assert hidden.requests == []


@pytest.mark.parametrize("cap, told", [(8192, True), (8192, False), (2**30, False)])
def test_less_than_was_asked_for_and_an_untold_size_are_right(serving, files, cap, told):
    """RFC 9110: a server may send a part of what was asked for (15.3.7), and ``*`` where it does not tell the size of the whole (14.4)."""
    paths, values = files
    data = paths[".tif"].read_bytes()

    def answer(connection, request, n):
        first, last = re.search(r"(?i)range: bytes=(\d*)-(\d+)", request).groups()
        first, last = (int(first), min(int(last), len(data) - 1, int(first) + cap - 1)) if first else (len(data) - int(last), len(data) - 1)
        connection.sendall(http("206 Partial", data[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(data) if told else '*'}"))

    server = serving(answer)
    assert (window(server.url + "/x.tif") == values[300:800, 300:800]).all()
    assert sum("bytes=-1" in r for r in server.requests) == (not told)
    file = RangeFile(server.url, LIMITS, True)
    assert file.parts([(len(data) - 5, len(data) + 9)]) == [data[-5:]] and file.whole_size() == len(data) and file.fault is None


def test_a_server_that_hands_out_crumbs_is_given_up(serving, files):
    data = files[0][".tif"].read_bytes()
    server = serving(lambda c, request, n: c.sendall(http("206 Partial", data[:1000], Content_Range=f"bytes 0-999/{len(data)}")))
    file = RangeFile(server.url, LIMITS, True)
    assert file.parts([(0, 2**14)]) == [b""] and "1000 bytes came where 16384 from 0" in str(file.fault) and len(server.requests) == 1


@pytest.mark.parametrize("ended", ["401 Who", "403 Expired", "404 None", "410 Gone"])
def test_where_a_redirect_led_to_may_end(serving, files, ended):
    """Signed for two requests: then the file's own address is asked for another one. Where that refuses too, it is a refusal."""
    paths, values = files
    good, uses = parts_of(paths[".tif"], ETag='"a"'), []

    def store(connection, request, n):
        uses.append(request.split("?t=")[1].split()[0])
        good(connection, request, n) if uses.count(uses[-1]) <= 2 else connection.sendall(http(ended))

    archive = serving(store)
    server = serving(lambda c, request, n: c.sendall(http("302 Found", Location=f"{archive.url}/x.tif?t={n}")))
    assert (window(server.url + "/x.tif", LIMITS.model_copy(update={"retries": 0})) == values[300:800, 300:800]).all()
    assert len(server.requests) == 2 and uses == ["1", "1", "1", "2", "2"]
    shut = serving(lambda c, request, n: c.sendall(http("302 Found", Location=f"{archive.url}/x.tif?t=once{n}") if n == 1 else http("403 No")))
    with pytest.raises(Refused, match="HTTP 403"):
        window(shut.url + "/x.tif")
    assert len(shut.requests) == 2


def test_no_address_is_left_to_gdals_own_requests(serving, files):
    """GDAL would take a scheme in capitals too, and follow its redirects to anywhere."""
    paths, values = files
    server = serving(parts_of(paths[".tif"]))
    shouted = server.url.replace("http", "HTTP") + "/x.tif"
    for href in (shouted, "ftp" + server.url[4:] + "/x.tif", f"/vsicurl/{server.url}/x.tif", "x.tif"):
        with pytest.raises(RasterError, match="neither a path, nor an address of http, https or s3"):
            window(href)
    assert server.requests == []
    assert (window(clean_href(shouted, ("http",))) == values[300:800, 300:800]).all()
    assert all("user-agent: rs-pipeline" in r.lower() for r in server.requests)


def test_an_empty_file_is_named(serving):
    with pytest.raises(Exception, match="an empty file"):
        window(serving(always(http())).url + "/x.tif")


def test_what_is_kept_is_bounded(serving, monkeypatch, tmp_path):
    (tmp_path / "x").write_bytes(bytes(range(256)) * 4096)
    monkeypatch.setattr(module, "_KEPT_BYTES", 100_000)
    file = RangeFile(serving(parts_of(tmp_path / "x")).url, LIMITS, True)
    asked = [(at, at + 60_000) for at in range(0, 900_000, 90_001)]
    assert [p[:2] for p in file.parts(asked)] == [bytes([a % 256, (a + 1) % 256]) for a, _ in asked]
    assert sum(map(len, file._kept.values())) <= 120_000
    assert file.parts([(2**20 - 3, 2**20 + 99), (2**21, 2**21 + 1)]) == [b"\xfd\xfe\xff", b""]


@pytest.mark.parametrize("suffix", [".tif", ".jp2"])
def test_no_more_requests_and_bytes_than_gdal_itself(files, suffix):
    paths, values = files
    with remote_reads.served({f"/x{suffix}": paths[suffix].read_bytes()}, 0.0) as server:
        counts = []
        for way in (remote_reads.by_us, remote_reads.by_vsicurl):
            read, requests, size, _ = remote_reads.measured(server, f"/x{suffix}", way, lambda dataset: dataset.read(1, window=WINDOW), 1)
            assert (read == values[300:800, 300:800]).all()
            counts.append((requests, size))
    assert counts[0][0] <= counts[1][0] and counts[0][1] <= counts[1][1]


def test_an_overview_is_read_by_the_same_way(serving, files):
    """Coarse readings open the overview by itself: from the same file, by our own requests."""
    paths, values = files
    server = serving(parts_of(paths[".tif"], ETag='"1"'))
    with open_raster(server.url + "/x.tif?layer=1", "none", LIMITS, 10, internal=True) as dataset:
        name, coarse = dataset.name, read_coarse(dataset, 256)
    assert "/vsicurl" not in name and coarse.shape == (256, 256) and abs(coarse.mean() - values.mean()) < 30
    assert all("user-agent: rs-pipeline" in r.lower() for r in server.requests) and len(server.requests) < 6


def test_metadata_of_a_remote_file_lead_nowhere(serving, tmp_path, outside):
    """GDAL would open what they name as its overviews, whatever it is, by requests of its own."""
    hidden = serving(always(http(body=b"x")), host="127.0.0.2")
    about = {"width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": "EPSG:32650", "transform": Affine(10, 0, 400_000, 0, -10, 4_400_000)}
    with rasterio.open(tmp_path / "x.tif", "w", driver="GTiff", **about) as out:
        out.write(np.ones((64, 64), "uint16"), 1)
        out.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/{hidden.url}/x.tif")
    server = serving(parts_of(tmp_path / "x.tif"))
    with pytest.raises(RasterError, match=r"metadata name other files \(OVERVIEWS\)"), open_raster(server.url + "/x.tif", "none", LIMITS, 10) as dataset:
        read_coarse(dataset, 16)
    assert hidden.requests == [] and len(server.requests) == 1


def test_who_looks_at_a_header_and_gdal_see_the_same(serving, tmp_path, monkeypatch):
    """However often a server is asked, and whatever it says the second time."""
    (tmp_path / "x").write_bytes(bytes(100_000))
    (tmp_path / "y").write_bytes(b"\xff" * 100_000)
    monkeypatch.setattr(module, "_KEPT_BYTES", 0)
    first, then = parts_of(tmp_path / "x"), parts_of(tmp_path / "y")
    file = RangeFile(serving(lambda c, request, n: (first if n <= 2 else then)(c, request, n)).url, LIMITS, True)
    assert file.header(50_000, 10) == bytes(10) and file.header(99_995, 10) == bytes(5)
    file.parts([(at, at + 5_000) for at in range(0, 40_000, 9_000)])
    assert file.parts([(49_995, 50_015), (50_002, 50_004)]) == [b"\xff" * 5 + bytes(10) + b"\xff" * 5, bytes(2)]


def test_a_file_has_so_much_time_in_all(serving, tmp_path, monkeypatch):
    """Each request within its own, but no end of them; what comes earns more."""
    (tmp_path / "x").write_bytes(bytes(2**24))
    good = parts_of(tmp_path / "x")

    def slowly(connection, request, n):
        time.sleep(0.1)
        good(connection, request, n)

    monkeypatch.setattr(module, "_MOST_WAITS", 0.25)
    server = serving(slowly)
    file = RangeFile(server.url, FetchSection(timeout_s=1), True)
    for at in range(0, 10 * 2**17, 2**17):
        file.parts([(at, at + 10)])
    assert isinstance(file.fault, RemoteError) and "its requests took 0 s for 0.0 MiB" in file.fault.what and len(server.requests) == 3
    file = RangeFile(server.url, FetchSection(timeout_s=1), True)
    assert len(file.parts([(0, 2**24)])[0]) == 2**24 and file.fault is None


def test_directories_far_apart_cost_few_requests(serving, tmp_path):
    """Each of a chain of them lies in a part of its own."""
    step, count = 60_000, 100
    data = bytearray(step * (count + 1))
    data[:8] = struct.pack("<2sHI", b"II", 42, step)
    for at in range(step, len(data), step):
        tags = ((256, 3, 9), (257, 3, 9), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, at + 500), (277, 3, 1), (278, 3, 9), (279, 4, 81))
        ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        data[at : at + len(ifd) + 4] = ifd + struct.pack("<I", at + step if at + step < len(data) else 0)
    (tmp_path / "x.tif").write_bytes(data)
    server = serving(parts_of(tmp_path / "x.tif"))
    with pytest.raises(RasterError, match="more than 32 directories"):
        window(server.url + "/x.tif")
    assert len(server.requests) <= 33
