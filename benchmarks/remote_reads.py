"""Our reader of remote rasters beside GDAL's /vsicurl: requests, bytes and seconds for the same windows, from a server on 127.0.0.1 with a
latency of some milliseconds. `python -m benchmarks.remote_reads --latency-ms 50`.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.shutil import copy
from rasterio.windows import Window

from rs_pipeline.catalog.read import driver_of, gdal_options, open_raster
from rs_pipeline.config import FetchSection

FILES = {
    "COG, blocks of 1024": ("a.tif", {"driver": "COG", "compress": "deflate", "predictor": "YES", "blocksize": 1024}),
    "COG, blocks of 512": ("b.tif", {"driver": "COG", "compress": "deflate", "predictor": "YES", "blocksize": 512}),
    "JPEG 2000, tiles of 1024": ("c.jp2", {"driver": "JP2OpenJPEG", "QUALITY": 100, "REVERSIBLE": "YES", "BLOCKXSIZE": 1024, "BLOCKYSIZE": 1024}),
}
"""Layouts of files that archives offer: name to creation options."""

SIZE_PX = 4096
WINDOW = Window(900, 900, 1090, 1090)
"""Window of a tile with its margin; it crosses corners of blocks."""

OVERVIEW_PX = 256
"""Side of the overview that the self-test of offsets reads of a band, pixels; 16 times smaller than the band, as in the self-test."""

LIMITS = FetchSection(retries=0)

Read = Callable[[rasterio.DatasetReader], np.ndarray]
READS: dict[str, Read] = {
    "window": lambda dataset: dataset.read(1, window=WINDOW),
    "overview": lambda dataset: dataset.read(1, out_shape=(OVERVIEW_PX, OVERVIEW_PX)),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        time.sleep(self.server.latency_s)
        data, asked = self.server.files[self.path], self.headers.get("Range")
        first, last = (int(n) for n in asked.removeprefix("bytes=").split("-")) if asked else (0, len(data) - 1)
        body = data[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{len(data)}"')
        self.send_header("Content-Length", str(len(body)))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(data)}")
        self.end_headers()
        sent = body if self.command == "GET" else b""
        self.server.log.append(len(sent))
        self.wfile.write(sent)


@contextmanager
def served(files: dict[str, bytes], latency_s: float) -> Iterator[ThreadingHTTPServer]:
    """Server of files by path; its ``log`` has the number of bytes of each answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.latency_s, server.log = files, latency_s, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def made(folder: Path) -> dict[str, bytes]:
    """The files by path; all hold the same image of fields with noise."""
    rng, n = np.random.default_rng(1), SIZE_PX
    fields = np.kron(rng.integers(200, 4000, (n // 32, n // 32)), np.ones((32, 32), int))
    values = np.clip(fields + rng.normal(0, 25, (n, n)), 1, 10_000).astype("uint16")
    about = {"width": n, "height": n, "count": 1, "dtype": "uint16", "crs": "EPSG:32650", "transform": Affine(10, 0, 400_000, 0, -10, 4_400_000), "nodata": 0}
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", **about) as out:
            out.write(values, 1)
        with memory.open() as dataset:
            for name, how in FILES.values():
                copy(dataset, folder / name, **how)
    return {f"/{name}": (folder / name).read_bytes() for name, _ in FILES.values()}


def by_us(url: str, read: Read) -> np.ndarray:
    with open_raster(url, "none", LIMITS, 10, internal=True) as dataset:
        return read(dataset)


def by_vsicurl(url: str, read: Read) -> np.ndarray:
    with rasterio.Env(**gdal_options(LIMITS), CPL_VSIL_CURL_NON_CACHED=f"/vsicurl/{url}"), rasterio.open(url, driver=driver_of(url)) as dataset:
        return read(dataset)


def measured(server: ThreadingHTTPServer, path: str, way: Callable[[str, Read], np.ndarray], read: Read, rounds: int) -> tuple[np.ndarray, int, int, float]:
    """Values, requests, bytes, and seconds of the fastest round."""
    url, seconds = f"http://127.0.0.1:{server.server_port}{path}", []
    for _ in range(rounds):
        server.log.clear()
        started = time.perf_counter()
        values = way(url, read)
        seconds.append(time.perf_counter() - started)
    return values, len(server.log), sum(server.log), min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{'file':26s}{'read':10s}{'requests':>16s}{'kB':>20s}{'seconds':>18s}   ours and /vsicurl")
    with tempfile.TemporaryDirectory() as folder, served(made(Path(folder)), chosen.latency_ms / 1000) as server:
        for label, (name, _) in FILES.items():
            for what, read in READS.items():
                ours, theirs = (measured(server, f"/{name}", way, read, chosen.rounds) for way in (by_us, by_vsicurl))
                assert np.array_equal(ours[0], theirs[0])
                print(f"{label:26s}{what:10s}{ours[1]:8d}{theirs[1]:8d}{ours[2] / 1e3:10.0f}{theirs[2] / 1e3:10.0f}{ours[3]:9.2f}{theirs[3]:9.2f}")


if __name__ == "__main__":
    main()
