"""Attacks by servers: they redirect to internal addresses, keep the client waiting for ever, send too much, or make it send or write secrets.

All servers are on 127.0.0.0/8. Where a public server is needed, 127.0.0.3 counts as public; 127.0.0.1 and 127.0.0.2 stay internal.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import psutil
import rasterio
import shapely
from affine import Affine
from rasterio.warp import transform_bounds

from benchmarks.attack import Attack
from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog import sign
from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.identity import found_identity
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.read import open_raster, read_coarse, read_text, retrying
from rs_pipeline.catalog.search import search
from rs_pipeline.config import FetchSection, Settings, SourceSection, parse
from rs_pipeline.errors import CatalogError, ConfigError, EmptySearchError, RasterError, RemoteError
from rs_pipeline.layout import Layout
from rs_pipeline.remote import address, breaker
from rs_pipeline.remote.ask import ask
from tests.remote.server import Answer, Server, always, forgotten, http

BANDS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "rededge1": 20, "swir16": 20, "swir22": 20, "scl": 20}
"""Assets of a scene and their pixels, metres."""

BOX = (500_000.0, 4_399_360.0, 500_640.0, 4_400_000.0)
CRS = "EPSG:32650"
LIMITS = FetchSection(retries=0, timeout_s=1, backoff_s=0.01)
SECRET = "S3CR3T"
PUBLIC, INTERNAL = "127.0.0.3", "127.0.0.2"


def dripping(start: bytes, drop: bytes) -> Answer:
    """Answer that sends ``start``, then ``drop`` every fifth of a second."""

    def answer(connection, request, n):
        connection.sendall(start)
        for _ in range(150):
            time.sleep(0.2)
            connection.sendall(drop)

    return answer


@contextmanager
def outside() -> Iterator[None]:
    """PUBLIC counts as a public server; the records of hosts are empty."""
    real = address.is_public_number
    address.is_public_number = lambda number: number == PUBLIC or real(number)
    address._standing.cache_clear()
    try:
        with forgotten():
            yield
    finally:
        address.is_public_number = real
        address._standing.cache_clear()


def refused(call: Callable[[], object], *kinds: type[Exception]) -> str:
    """First line of the error that a call must raise."""
    try:
        call()
    except kinds as fault:
        return str(fault).splitlines()[0]
    raise AssertionError("it was let through")


def opened(url: str, limits: FetchSection = LIMITS, internal: bool = False) -> np.ndarray:
    with open_raster(url, "none", limits, 10, internal=internal) as dataset:
        return dataset.read(1)


class Archive:
    """Scenes of one place, an API that names them, and their files; ``of_file`` and ``of_api`` can replace the answers."""

    def __init__(self, folder: Path, scenes: int, signature: str = ""):
        self.folder, self.of_file, self.of_api = folder, None, None
        outline = shapely.box(*transform_bounds(CRS, "EPSG:4326", *BOX))
        gpd.GeoDataFrame({"adcode": ["130101"], "name": ["Here"], "prefecture": ["There"]}, geometry=[outline], crs=4326).to_file(folder / "units.gpkg")
        rng, self.files = np.random.default_rng(1), {}
        for name, step in BANDS.items():
            n = 640 // step
            values = np.full((n, n), 4, "uint8") if name == "scl" else rng.integers(300, 3000, (n, n)).astype("uint16")
            about = {
                "width": n,
                "height": n,
                "count": 1,
                "dtype": values.dtype,
                "crs": CRS,
                "transform": Affine(step, 0, BOX[0], 0, -step, BOX[3]),
                "nodata": 0,
            }
            with rasterio.MemoryFile() as memory:
                with memory.open(driver="GTiff", **about) as out:
                    out.write(values, 1)
                self.files[name] = memory.read()
        self.store, self.api = Server(self._file, PUBLIC), Server(self._api, PUBLIC)
        self.items = [
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "stac_extensions": [],
                "id": f"s{i:02d}",
                "collection": "sentinel-2-l2a",
                "links": [],
                "geometry": shapely.geometry.mapping(outline),
                "bbox": list(outline.bounds),
                "properties": {
                    "datetime": f"2023-{1 + i // 28:02d}-{1 + i % 28:02d}T03:00:00Z",
                    "platform": "sentinel-2a",
                    "grid:code": "MGRS-50SMK",
                    "eo:cloud_cover": 5.0,
                    "earthsearch:boa_offset_applied": True,
                },
                "assets": {name: {"href": f"{self.store.url}/s{i:02d}/{name}.tif{signature}"} for name in BANDS},
            }
            for i in range(scenes)
        ]

    def page(self, **more) -> bytes:
        return http(body=json.dumps({"type": "FeatureCollection", "features": self.items, "links": [], **more}).encode())

    def _api(self, connection, request, n) -> None:
        if self.of_api is not None and "/search" in request.split("\r\n")[0]:
            return self.of_api(connection, request, n)
        conforms = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
        links = [
            {"rel": r, "href": self.api.url + p, "type": "application/geo+json", "method": m}
            for r, p, m in (("self", "/", "GET"), ("search", "/search", "POST"))
        ]
        root = http(
            body=json.dumps({"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x", "conformsTo": conforms, "links": links}).encode()
        )
        return connection.sendall(self.page() if "/search" in request.split("\r\n")[0] else root)

    def _file(self, connection, request, n) -> None:
        if self.of_file is not None and self.of_file(connection, request, n) is not True:
            return None
        data = self.files[re.search(r"/(\w+)\.tif", request)[1]]
        first, last = map(int, re.search(r"(?i)range: bytes=(\d+)-(\d+)", request).groups())
        body = data[first : last + 1]
        return connection.sendall(http("206 Partial", body, Content_Range=f"bytes {first}-{first + len(body) - 1}/{len(data)}"))

    def settings(self, **changes) -> Settings:
        source = {"sensor": "earth-search-sentinel-2-l2a", "catalog": self.api.url, "schemes": ["http"], **changes.pop("source", {})}
        limits = {"retries": 0, "timeout_s": 1, "backoff_s": 0.01, "cache_gb": 0, **changes.pop("fetch", {})}
        return parse(
            {
                "run": "t",
                "output": str(self.folder / "out"),
                "units": {"path": str(self.folder / "units.gpkg")},
                "periods": [2023],
                "sources": [source],
                "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 96, "margin_m": 0},
                "fetch": limits,
                **changes,
            }
        )


def outcomes(settings: Settings) -> pd.DataFrame:
    """Manifest of the only tile after a fetch."""
    region.grid(settings)
    assign(settings)
    tile = tiling.read_tiles(settings)[0].id
    fetch(settings, tile, "2023")
    return pd.read_parquet(Layout(settings.root).chips("2023", tile))


UNREAD = {"self_test": False, "register_scenes": False}


def waiting(folder: Path) -> str:
    """Every way to keep a client waiting, for a raster, a table and a search."""
    slow = {
        "silence": lambda c, r, n: time.sleep(30),
        "headers": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        "a body": dripping(http(Content_Length="100000"), b"a"),
        "chunks": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    }
    archive, longest = Archive(folder, 1), 0.0
    for answer in slow.values():
        archive.of_api = answer
        server = Server(answer, PUBLIC)
        for call in (
            lambda s=server: opened(s.url + "/x.tif", internal=True),
            lambda s=server: read_text(s.url + "/x.xml", "none", LIMITS, internal=True),
            lambda: search(archive.settings(search=UNREAD)),
        ):
            started = time.monotonic()
            refused(call, OSError, CatalogError)
            longest = max(longest, time.monotonic() - started)
    assert longest < 3
    return f"{3 * len(slow)} requests, timeout_s 1: the longest took {longest:.1f} s"


def inward(folder: Path) -> str:
    """A redirect from a public server to an internal one, in every kind of request."""
    hidden = Server(always(http(body=b"{}")), host=INTERNAL)
    with outside():
        server = Server(always(http("302 Found", Location=hidden.url + "/latest/meta-data")), PUBLIC)
        archive = Archive(folder, 1)
        archive.of_api = always(http("307 Temporary", Location=hidden.url + "/search"))
        said = refused(lambda: opened(server.url + "/x.tif"), RemoteError)
        refused(lambda: read_text(server.url + "/x.xml", "none", LIMITS), RemoteError)
        refused(lambda: search(archive.settings(search=UNREAD)), CatalogError)
        assert found_identity(server.url + "/x.tif", "none", LIMITS) == {}
        archive.of_api, archive.of_file = None, lambda c, r, n: c.sendall(http("302 Found", Location=hidden.url + "/x.tif"))
        settings = archive.settings(search=UNREAD)
        search(settings)
        table = outcomes(settings)
    assert list(table.status) == ["failed"] and "internal" in table.reason[0] and hidden.requests == []
    return f"raster, table, search, identity, fetch: 0 requests inside; {said}"


def rebound(folder: Path) -> str:
    """A name that is public when the search looks and internal when its files are read."""
    hidden, real, asked = Server(always(http(body=b"secret")), host=INTERNAL), socket.getaddrinfo, []

    def rebinding(host, *args, **kwargs):
        if host != "rebinding.example":
            return real(host, *args, **kwargs)
        asked.append(host)
        return real(PUBLIC if len(asked) == 1 else INTERNAL, *args, **kwargs)

    socket.getaddrinfo = rebinding
    try:
        with outside():
            archive = Archive(folder, 1)
            for asset in archive.items[0]["assets"].values():
                asset["href"] = hidden.url.replace(INTERNAL, "rebinding.example") + "/x.tif"
            settings = archive.settings(search=UNREAD)
            search(settings)
            table = outcomes(settings)
    finally:
        socket.getaddrinfo = real
    assert list(table.status) == ["failed"] and hidden.requests == []
    return f"looked up {len(asked)} times, 0 requests inside: {table.reason[0]}"


def numbers(folder: Path) -> str:
    """Items that name this machine in every notation."""
    hosts = [
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::1]",
        "[2001::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "224.0.0.1",
        "240.0.0.1",
        "0.0.0.0",
        "0x7f.1",
        "2130706433",
        "169.254.169.254",
        "100.64.0.1",
        "192.88.99.1",
        "localhost",
        "metadata.google.internal",
        "no-such-host.invalid",
    ]
    with outside():
        archive = Archive(folder, len(hosts))
        for item, host in zip(archive.items, hosts, strict=True):
            for asset in item["assets"].values():
                asset["href"] = f"http://{host}/x.tif"
        said = refused(lambda: search(archive.settings(search=UNREAD)), EmptySearchError)
    return f"{len(hosts)} hosts, none used: {said[:60]}"


def hostile_next(folder: Path) -> str:
    """Links to the next page that name another server, another method or another server's password, or never end."""
    with outside():
        other, archive = Server(always(http(body=b'{"features": [], "links": []}')), PUBLIC), Archive(folder, 1)
        links = [
            {"href": other.url + "/search"},
            {"href": archive.api.url + "/items/1", "method": "DELETE", "headers": {"Authorization": f"Basic {SECRET}"}},
            {"href": archive.api.url + "/search", "method": "PUT", "body": {}},
            {"href": archive.api.url + "/search", "method": "POST", "body": {"x": "y" * 10**6}},
            {"href": "file:///etc/passwd"},
            {"href": archive.api.url + "/search", "method": "POST", "body": {}, "headers": {"Authorization": f"Basic {SECRET}"}},
        ]
        for link in links:
            archive.of_api = always(archive.page(links=[{"rel": "next", **link}]))
            said = refused(lambda: search(archive.settings(search=UNREAD)), CatalogError)
    methods = {request.split(" ")[0] for request in archive.api.requests}
    assert methods == {"GET", "POST"} and other.requests == [] and SECRET not in "".join(archive.api.requests)
    return f"{len(links)} links, only {' and '.join(sorted(methods))} were sent, nothing to the other server, no foreign password; endless: {said}"


def bombs(folder: Path) -> str:
    """JSON of 63 MB that takes 2.3 GB of memory, the same within 16 MiB, and zeros that unpack to 1 GB."""
    archive, before = Archive(folder, 1), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large, small = (b'{"features": [' + b"{}," * n + b'0], "links": []}' for n in (21_000_000, 5_000_000))
    packed = gzip.compress(bytes(2**30), 1)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for body, how in ((large, {}), (small, {}), (packed, {"Content_Encoding": "gzip"})):
        archive.of_api = always(http(body=body, **how))
        refused(lambda: search(archive.settings(search=UNREAD, fetch={"timeout_s": 20})), CatalogError)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - made) / 1024
    assert grown < 150, f"{grown:.0f} MiB"
    return f"{len(large) / 1e6:.0f} MB, {len(small) / 1e6:.0f} MB and 1 GB unpacked: memory grew by {grown:.0f} MiB, making the bombs took {(made - before) / 1024:.0f}"


def led_inward(folder: Path) -> str:
    """Plain rasters of a public server whose metadata name an internal address, a file of the user, pixels taken from any file, and a pipe."""
    hidden, archive = Server(always(http(body=b"x")), INTERNAL), Archive(folder, 1)
    (folder / "private.txt").write_text("PRIVATE!" * 8)
    os.mkfifo(folder / "pipe")
    inline = (
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand"><SourceFilename relativetoVRT="0">'
        f"{folder}/private.txt</SourceFilename><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>8</LineOffset></VRTRasterBand></VRTDataset>"
    )
    plain, said = archive.files["blue"], set()
    for target in (f"/vsicurl/{hidden.url}/x.tif", f"{folder}/private.txt", inline, f"{folder}/pipe"):
        (folder / "x.tif").write_bytes(plain)
        with rasterio.open(folder / "x.tif", "r+") as out:
            out.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=target)
        archive.files["blue"] = (folder / "x.tif").read_bytes()
        with outside():
            said.add(refused(lambda: read_coarse_of(f"{archive.store.url}/s00/blue.tif"), RasterError))
    assert hidden.requests == [] and len(said) == 1, (hidden.requests, said)
    return f"four targets: {said.pop()}"


def read_coarse_of(url: str) -> np.ndarray:
    with open_raster(url, "none", LIMITS, 10) as dataset:
        return read_coarse(dataset, 16)


def chained(folder: Path) -> str:
    """A raster with a hundred TIFF directories, each in another block, on a server that takes half a second for each."""
    step, count = 60_000, 100
    tags = ((256, 3, 9), (257, 3, 9), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 500), (277, 3, 1), (278, 3, 9), (279, 4, 81))
    data = bytearray(step * (count + 1))
    data[:8] = struct.pack("<2sHI", b"II", 42, step)
    for at in range(step, len(data), step):
        ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        data[at : at + len(ifd) + 4] = ifd + struct.pack("<I", at + step if at + step < len(data) else 0)

    def answer(connection, request, n):
        time.sleep(0.5)
        first, last = map(int, re.search(r"(?i)range: bytes=(\d+)-(\d+)", request).groups())
        body = bytes(data[first : last + 1])
        connection.sendall(http("206 Partial", body, Content_Range=f"bytes {first}-{first + len(body) - 1}/{len(data)}"))

    server, began = Server(answer, PUBLIC), time.monotonic()
    with outside():
        said = refused(lambda: opened(server.url + "/x.tif"), RasterError, RemoteError)
    seconds = time.monotonic() - began
    assert len(server.requests) <= 33 and seconds < 24 * LIMITS.timeout_s, (len(server.requests), seconds)
    return f"{len(server.requests)} requests, {seconds:.1f} s: {said}"


def no_ranges(folder: Path) -> str:
    """A server that ignores the byte range and sends without end."""
    sent: Counter = Counter()

    def endless(connection, request, n):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(bytes(2**20))
            sent["bytes"] += 2**20

    server = Server(endless, PUBLIC)
    said = refused(lambda: opened(server.url + "/x.tif", FetchSection(retries=4, timeout_s=20), internal=True), RemoteError)
    assert sent["bytes"] < 100 * 2**20 and len(server.requests) == 1
    return f"{sent['bytes'] / 2**20:.0f} MiB were taken in one request: {said}"


def dead(folder: Path) -> str:
    """An archive of 36 scenes that hangs, or refuses connections, while its catalog works."""
    told = []
    for way in ("hangs", "refuses"):
        (folder / way).mkdir()
        archive = Archive(folder / way, 36)
        for known in (breaker._spent, breaker._silent_since, breaker._down_since):
            known.clear()
        if way == "hangs":
            archive.of_file = lambda c, r, n: time.sleep(60)
        else:
            archive.store.socket.shutdown(socket.SHUT_RDWR)
            archive.store.socket.close()
        settings, started = archive.settings(fetch={"retries": 2, "give_up_s": 2}), time.monotonic()
        search(settings)
        table = outcomes(settings)
        seconds = time.monotonic() - started
        assert seconds < 25 and (table.status == "failed").all(), (seconds, table.status.tolist())
        known = ["left alone"] if way == "hangs" else ["left alone", "refused"]  # a host that refuses is left alone in the end
        assert all(table.reason.str.contains(words).any() for words in known) and table.reason.str.contains("|".join(known)).all(), table.reason.tolist()
        told.append(f"{way}: {len(archive.store.requests)} requests, {seconds:.0f} s")
    return f"36 scenes of 8 bands, timeout_s 1, give_up_s 2, 3 tries: {'; '.join(told)}; {table.reason[0][:90]}"


def asked_to_wait(folder: Path) -> str:
    """A store of rasters that asks for a pause."""
    archive = Archive(folder, 1)
    archive.of_file = lambda c, r, n: c.sendall(http("429 Slowly", Retry_After="2")) if n == 1 else True
    started = time.monotonic()
    limits = FetchSection(retries=2, timeout_s=2, backoff_s=0.01)
    url = f"{archive.store.url}/s00/red.tif"
    retrying(lambda: opened(url, limits, internal=True), url, limits)
    seconds = time.monotonic() - started
    assert 2 <= seconds < 4
    return f"Retry-After: 2 of a raster; read after {seconds:.1f} s and {len(archive.store.requests)} requests"


def secrets(folder: Path) -> str:
    """Keys of the user and signatures of the catalog, through search and fetch, with files that cannot be read."""
    archive = Archive(folder, 3, f"?sig={SECRET}&X-Goog-Signature={SECRET}&access_token={SECRET}&layer=1")
    archive.of_file = lambda c, r, n: c.sendall(http("500 Oh")) if "/s02/" in r else True
    os.environ["ATTACK_WORD"] = SECRET
    catalog = archive.api.url.replace("//", "//me:${ATTACK_WORD}@") + "?api_key=${ATTACK_WORD}"
    settings = archive.settings(source={"catalog": catalog, "headers": {"X-Key": "${ATTACK_WORD}"}})
    search(settings)
    table = outcomes(settings).set_index("key")
    assert table.status.to_dict() == {"s00": "ok", "s01": "ok", "s02": "failed"}
    found = [p.name for p in settings.root.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    kept = Layout(settings.root).signatures
    assert not found and kept.stat().st_mode & 0o77 == 0 and all(SECRET in r for r in (*archive.api.requests, *archive.store.requests))
    refused(lambda: SourceSection(sensor="earth-search-sentinel-2-l2a", catalog=f"https://me:{SECRET}@h.org"), ValueError)
    assert read_ledger(Layout(settings.root).scenes)[0].assets["red"].endswith("?layer=1")
    return f"both servers got their keys in {len(archive.api.requests) + len(archive.store.requests)} requests, no file of the run holds one"


def stranger(folder: Path) -> str:
    """Another user in the network of a dask cluster that a job started."""
    import dask_jobqueue
    from dask_jobqueue.local import LocalCluster, LocalJob
    from distributed import Client, Security

    from rs_pipeline.config.sections import ResourcesSection
    from rs_pipeline.products.dask_cluster import cluster_client

    class Batch(LocalJob):
        async def _submit_job(self, script_filename):
            return str(subprocess.Popen(["bash", "-c", Path(script_filename).read_text()], start_new_session=True, stderr=subprocess.DEVNULL).pid)

        @classmethod
        async def _close_job(cls, job_id, cancel_command):
            os.killpg(int(job_id), signal.SIGKILL)

    dask_jobqueue.SLURMCluster = type("Cluster", (LocalCluster,), {"job_cls": Batch})
    with cluster_client(ResourcesSection(dask_scheduler="slurm", dask_workers=1, memory_gb=0.3), 1, folder) as client:
        me, own = psutil.Process(), client.scheduler.address
        listening = {c.laddr.ip for p in (me, *me.children(recursive=True)) for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
        for place in (own, own.replace("tls://", "tcp://")):
            for security in (Security.temporary(), Security()):
                refused(lambda p=place, s=security: Client(p, security=s, timeout=1, set_as_default=False), OSError, RuntimeError, TypeError)
        assert client.submit(sum, [1, 2]).result() == 3 and not {"0.0.0.0", "::"} & listening
    return f"4 ways to connect without the job's certificate refused; it listens on {', '.join(sorted(listening))} only"


def led_away(folder: Path) -> str:
    """The signing service sends to another server."""
    other = Server(always(http(body=b'{"msft:expiry": "2030-01-01T00:00:00Z", "token": "t"}')), PUBLIC)
    service = Server(always(http("302 Found", Location=other.url + "/token")))
    with forgotten():
        sign._token(service.url + "/token", SECRET)
    assert SECRET in service.requests[0] and not any(SECRET in request for request in other.requests)
    return f"{len(service.requests)} request with the key to its service, {len(other.requests)} without it to the other"


def proxied(folder: Path) -> str:
    """Proxies as environment variables name them, and proxies that cannot be used."""
    proxy, before = Server(always(http(body=b"by proxy"))), {name: os.environ.pop(name) for name in list(os.environ) if name.lower().endswith("_proxy")}
    host = proxy.url.removeprefix("http://")
    try:
        with forgotten():
            for value in (host, f"//{host}", f"HTTP://{host}/", f"http://me:{SECRET}%40%2F@{host}"):
                os.environ["http_proxy"] = value
                assert ask("http://no-such-host.invalid/x", LIMITS).body == b"by proxy", value
            sent = base64.b64decode(re.search(r"(?i)proxy-authorization: basic (\S+)", proxy.requests[-1])[1]).decode()
            assert sent == f"me:{SECRET}@/", sent
            said = []
            for value in ("socks5h://127.0.0.1:9", f"http://me:{SECRET}/@127.0.0.1:9", "127.0.0.1:port"):
                os.environ["http_proxy"] = value
                said.append(refused(lambda: ask("http://no-such-host.invalid/x", LIMITS), ConfigError))
    finally:
        os.environ.pop("http_proxy", None)
        os.environ.update(before)
    assert all("http_proxy" in text and SECRET not in text for text in said), said
    return f"{len(proxy.requests)} of 4 forms asked by the proxy; {len(said)} refused: {said[0]}"


def flooded(folder: Path) -> str:
    """A redirect that never ends."""
    server = Server(always(http("302 Found", Location="/again")), PUBLIC)
    refused(lambda: ask(server.url, LIMITS, internal=True), RemoteError)
    assert len(server.requests) == 6
    return f"{len(server.requests)} requests, then refused"


ATTACKS = (
    Attack("waiting", "a request ends within twice fetch.timeout_s, whatever drips", waiting),
    Attack("redirect inward", "no request reaches an internal host", inward),
    Attack("redirect for ever", "redirects end", flooded),
    Attack("key led away", "the key of the signing service goes to no other server", led_away),
    Attack("proxies", "a proxy is used however it is written, or refused by the name of its variable", proxied),
    Attack("rasters that lead inward", "metadata of a raster lead GDAL to no address, file or pipe", led_inward),
    Attack("a chain of directories", "a raster whose header has no end is given up after few requests", chained),
    Attack("rebinding", "the address that was checked is the one that is asked", rebound),
    Attack("numbers", "no notation of an internal address is public, nor is a name that nobody knows", numbers),
    Attack("next link", "pages come from the catalog's own server by GET or POST, and no foreign header is sent", hostile_next),
    Attack("bombs", "an answer is limited in bytes and parts before it takes memory", bombs),
    Attack("no ranges", "a server without parts of files is refused before it is read whole", no_ranges),
    Attack("dead archive", "it ends soon, with its reason for every scene", dead),
    Attack("retry-after", "a pause that a store of rasters asks for is kept", asked_to_wait),
    Attack("secrets", "keys and signatures reach their servers and no file of the run", secrets),
    Attack("dask stranger", "without the job's certificate nobody talks to its cluster", stranger),
)
