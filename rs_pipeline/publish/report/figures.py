"""What is drawn in the report: outlines as SVG paths on a canvas that the pictures of the maps share."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

CANVAS = 2000
"""Longest side of a canvas, SVG units."""

COAST_CANVAS = 8000
"""The coast has a finer canvas: it is zoomed into."""


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


def unit_outlines(units: gpd.GeoDataFrame, canvas: Canvas) -> tuple[list[dict], list[dict]]:
    """Path, label point and box of every unit on the canvas; and name, path and label point of every prefecture."""
    shapes = units.to_crs(canvas.crs).geometry.values
    simple = simplify_coverage(np.asarray(shapes), canvas.tolerance_m * 1.5)
    points = canvas.place(shapely.get_coordinates(shapely.point_on_surface(np.asarray(shapes))))
    prefectures = []
    for name, members in units.groupby("prefecture", sort=True).indices.items():
        if name:
            whole = shapely.union_all(simple[members])
            prefectures.append(
                {"name": name, "path": canvas.path(whole), "at": canvas.place(shapely.get_coordinates(shapely.point_on_surface(whole)))[0].tolist()}
            )
    outlines = [
        {"path": canvas.path(s), "at": [int(x), int(y)], "box": canvas.box(full.bounds)} for s, full, (x, y) in zip(simple, shapes, points, strict=True)
    ]
    return outlines, prefectures
