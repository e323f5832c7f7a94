"""Drawings of the report: outlines as SVG paths, on the same canvas as the pictures of the maps."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

CANVAS = 2000
"""Longest side of a canvas, SVG units."""

COAST_CANVAS = 8000
"""Longest side of the canvas of the coast, which is finer because users zoom into it."""


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
        """Size of one SVG unit, metres: smaller details are not visible."""
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


AROUND = 1.0
"""Surroundings are drawn up to this distance from the middle of the canvas, in units of its longer side: a screen may be wider than the map."""

LEAST_ROOM = 10
"""Names with less room, SVG units, would show only on a map that is far zoomed in."""

FIRST_WIDE_LETTER = 0x2E80
"""Code point from which letters are as wide as high (Chinese)."""


def unit_outlines(units: gpd.GeoDataFrame, canvas: Canvas, around: gpd.GeoDataFrame | None = None) -> tuple[list[dict], list[dict], dict | None]:
    """Path, label point and box of every unit on the canvas; name, path and label point of every prefecture; and `_surroundings` of what lies ``around``
    (name, geometry), simplified with the units so that no border is doubled, None where there is nothing."""
    shapes = units.to_crs(canvas.crs).geometry.values
    names, beyond = _near(around, canvas)
    simple, beyond = np.split(simplify_coverage(np.r_[np.asarray(shapes), beyond], canvas.tolerance_m * 1.5), [len(shapes)])
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
    return outlines, prefectures, _surroundings(names, beyond, simple, canvas) if len(beyond) else None


def _near(around: gpd.GeoDataFrame | None, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Names and shapes, in the canvas's CRS, of what lies within AROUND of its middle."""
    if around is None or around.empty:
        return np.array([], object), np.array([], object)
    reach = AROUND * max(canvas.width, canvas.height) / canvas.units_per_m
    x, y = canvas.left + canvas.width / canvas.units_per_m / 2, canvas.top - canvas.height / canvas.units_per_m / 2
    cut = shapely.intersection(around.to_crs(canvas.crs).geometry.to_numpy(), shapely.box(x - reach, y - reach, x + reach, y + reach))
    kept = shapely.area(cut) > 0
    return around.name.to_numpy()[kept], cut[kept]


def _surroundings(names: np.ndarray, shapes: np.ndarray, units: np.ndarray, canvas: Canvas) -> dict:
    """One ``path`` of all shapes, those of one name joined, without overlaps with units or with each other; ``names`` with the places of their labels."""
    taken, paths, labels = shapely.union_all(shapely.make_valid(units)), [], []
    for name in dict.fromkeys(names):
        whole = shapely.difference(shapely.union_all(shapely.make_valid(shapes[names == name])), taken)
        taken = shapely.union(taken, whole)
        paths.append(canvas.path(whole))
        labels.append(_place_of(name, whole, canvas))
    return {"path": "".join(paths), "names": [label for label in labels if label]}


def _place_of(name: str, shape: shapely.Geometry, canvas: Canvas) -> dict | None:
    """A label in the middle of the largest circle inside the visible part of a shape: ``name``, ``at`` and ``room``, the largest letter size (SVG units) with
    which it fits; None where that is below LEAST_ROOM."""
    frame = shapely.box(canvas.left, canvas.top - canvas.height / canvas.units_per_m, canvas.left + canvas.width / canvas.units_per_m, canvas.top)
    seen = _polygonal(shapely.intersection(shape, frame))
    if not name or seen.is_empty:
        return None
    radius = shapely.maximum_inscribed_circle(seen, tolerance=10 * canvas.tolerance_m)
    widths = sum(1.0 if ord(letter) > FIRST_WIDE_LETTER else 0.6 for letter in name)
    room = int(2 * shapely.length(radius) * canvas.units_per_m / np.hypot(widths, 1.0))
    at = canvas.place(shapely.get_coordinates(radius)[:1])[0].tolist()
    return {"name": name, "at": at, "room": room} if room >= LEAST_ROOM else None
