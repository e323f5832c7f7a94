"""What is drawn in the report: quick-look pictures of the maps and outlines as SVG paths, all on one canvas."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.enums import Resampling

from rs_pipeline.output.styles import STYLES, Style, band_index

CANVAS = 2000
"""Longest side of a canvas, SVG units."""

COAST_CANVAS = 8000
"""The coast has a finer canvas: it is zoomed into."""

PICTURE_PX = 1000
"""Longest side of a quick-look before the budget shrinks it."""

RAMP_STEPS = 40
"""Colours a ramp is reduced to, so that pictures stay small."""


@dataclass(frozen=True)
class Canvas:
    """Maps a rectangle of a projected CRS onto SVG units, y downwards."""

    crs: str
    left: float
    top: float
    units_per_m: float
    width: float
    height: float

    @classmethod
    def over(cls, crs: str, bounds: tuple[float, float, float, float], margin: float = 0.02, longest: int = CANVAS) -> Canvas:
        """The canvas over (left, bottom, right, top) grown by a share of its longer side; ``longest`` is its longer side."""
        left, bottom, right, top = bounds
        side = max(right - left, top - bottom, 1.0)
        left, top = left - margin * side, top + margin * side
        width, height = right + margin * side - left, top - (bottom - margin * side)
        scale = longest / max(width, height)
        return cls(crs, left, top, scale, width * scale, height * scale)

    def place(self, xy: np.ndarray) -> np.ndarray:
        """Canvas coordinates of (N, 2) map coordinates, rounded to whole units."""
        return np.rint(np.column_stack([(xy[:, 0] - self.left), (self.top - xy[:, 1])]) * self.units_per_m).astype(int)

    def box(self, bounds: tuple[float, float, float, float]) -> list[int]:
        """x, y, width, height of map bounds."""
        (x0, y0), (x1, y1) = self.place(np.array([[bounds[0], bounds[3]], [bounds[2], bounds[1]]]))
        return [int(x0), int(y0), int(x1 - x0), int(y1 - y0)]

    @property
    def tolerance_m(self) -> float:
        """Detail below this is not visible."""
        return 1.0 / self.units_per_m

    def path(self, geometry: shapely.Geometry) -> str:
        """An SVG path of a polygon or line in the canvas's CRS; parts that shrink to nothing are left out."""
        out = []
        for part in shapely.get_parts(geometry):
            closed = part.geom_type == "Polygon"
            for line in shapely.get_parts(shapely.boundary(part)) if closed else [part]:
                points = self.place(shapely.get_coordinates(line))
                points = points[np.r_[True, np.any(np.diff(points, axis=0) != 0, axis=1)]]
                if len(points) >= (4 if closed else 2):
                    steps = np.diff(points, axis=0)
                    relative = "l" + " ".join(f"{x},{y}" for x, y in steps[: -1 if closed else None])
                    out.append(f"M{points[0][0]},{points[0][1]}{relative}{'z' if closed else ''}")
        return "".join(out)


def simplify_coverage(geometry: np.ndarray, tolerance_m: float) -> np.ndarray:
    """Simplify polygons together, so that neighbours keep a common border (Visvalingam and Whyatt 1993)."""
    polygonal = np.array([_polygonal(g) for g in geometry], dtype=object)
    return shapely.coverage_simplify(polygonal, tolerance_m)


def _polygonal(geometry: shapely.Geometry) -> shapely.Geometry:
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    return shapely.MultiPolygon([p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon"])


def unit_outlines(units: gpd.GeoDataFrame, canvas: Canvas) -> list[dict]:
    """Path, label point and box of every unit on the canvas."""
    shapes = units.to_crs(canvas.crs).geometry.values
    simple = simplify_coverage(np.asarray(shapes), canvas.tolerance_m * 1.5)
    points = canvas.place(shapely.get_coordinates(shapely.point_on_surface(np.asarray(shapes))))
    return [
        {"path": canvas.path(s), "at": [int(x), int(y)], "box": canvas.box(full.bounds)}
        for s, full, (x, y) in zip(simple, shapes, points, strict=True)
    ]


def indexed(style: Style, values: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """Values (h, w) as palette indices, uint8, and the palette; index 0 is transparent (nodata)."""
    if style.kind == "classes":
        stops = np.array([c.value for c in style.colours])
    else:
        stops = np.linspace(style.colours[0].value, style.colours[-1].value, RAMP_STEPS)
    seen = np.isfinite(values)
    safe = np.where(seen, values, stops[0])
    if style.kind == "classes":
        index = sum((safe == s) * np.uint8(i) for i, s in enumerate(stops, start=1)).astype("uint8")
    else:
        index = (np.rint(np.interp(safe, stops, np.arange(stops.size))) + 1).astype("uint8")
    palette = [(0, 0, 0, 0), *(tuple(int(v) for v in c) for c in style.rgba(stops))]
    return np.where(seen, index, 0).astype("uint8"), palette


def png(index: np.ndarray, palette: list[tuple[int, int, int, int]]) -> bytes:
    """A palette PNG with transparency (ISO/IEC 15948), 8 bit."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = index.shape
    lines = np.zeros((height, width + 1), "uint8")
    lines[:, 1:] = index
    return b"".join([
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", bytes(v for c in palette for v in c[:3])),
        chunk(b"tRNS", bytes(c[3] for c in palette)),
        chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
        chunk(b"IEND", b""),
    ])  # fmt: skip


def quicklook(path: Path, product: str, canvas: Canvas, longest_px: int) -> tuple[bytes, list[int]]:
    """Picture of a map, no larger than ``longest_px``, and its box on the canvas.

    Classes are taken from the nearest pixel of the overviews, which hold the mode: GDAL 3.10's mode while reading turns
    NaN into 0, which would draw what was not observed as land.
    """
    style = STYLES[product]
    with rasterio.open(path) as src:
        shrink = min(1.0, longest_px / max(src.shape))
        shape = tuple(max(1, round(n * shrink)) for n in src.shape)
        how = Resampling.nearest if style.kind == "classes" else Resampling.average
        values = src.read(band_index(src, style.band), out_shape=shape, resampling=how)
        box = canvas.box(tuple(src.bounds))
    return png(*indexed(style, values)), box


def quicklooks(paths: dict[tuple[str, str], Path], canvas: Canvas, budget_bytes: int) -> dict[str, dict[str, dict]]:
    """Pictures as data URIs by product and period, shrunk together until they fit the budget."""
    longest = PICTURE_PX
    while True:
        pictures = {key: quicklook(path, key[0], canvas, longest) for key, path in paths.items()}
        size = sum(len(data) for data, _ in pictures.values()) * 4 / 3
        if size <= budget_bytes or longest <= 200:
            break
        longest = max(200, int(longest * max(0.5, min(0.9, (budget_bytes / size) ** 0.5))))
    out: dict[str, dict[str, dict]] = {}
    for (product, period), (data, box) in pictures.items():
        href = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
        out.setdefault(product, {})[period] = {"href": href, "box": box}
    return out
