"""Transects: lines across the shore, from land to sea, along which its movement is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from rs_pipeline.products.sea import outlines

if TYPE_CHECKING:
    import geopandas as gpd

SMOOTHING_M = 250.0
BASELINE_STEP_M = 10.0
"""Spacing of the points a baseline is smoothed on."""
PROBE_M = np.arange(30.0, 601.0, 30.0)
"""Distances to either side of the baseline at which the sea is searched."""
DECIDED = 0.3
"""Least difference of the two sides' share of sea for a transect to decide its own direction."""
CLUSTER_M = 200.0
"""Crossings further than this from the one nearest to the baseline belong to another shore."""
SPREAD_M = 30.0
"""Crossings that spread more than this are flagged."""


@dataclass(frozen=True)
class Transects:
    """n transects in the run's CRS.

    origin : float (n, 2), on the baseline. seaward : float (n, 2), unit vector. part : int (n,), baseline they stand on.
    coast_m : float (n,), length of baseline each stands for. half_length_m : reach to either side of the origin.
    """

    origin: np.ndarray
    seaward: np.ndarray
    part: np.ndarray
    coast_m: np.ndarray
    half_length_m: float

    @classmethod
    def of_lines(cls, lines: Iterable[shapely.LineString]) -> Transects:
        """Of straight lines of one length, landward end first, as ``transects.gpkg`` holds them; each on a part of its own."""
        ends = np.array([[g.coords[0], g.coords[-1]] for g in lines], "float64").reshape(-1, 2, 2)
        length_m = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
        half_m = float(np.median(length_m) / 2) if len(ends) else 0.0
        return cls(ends.mean(axis=1), (ends[:, 1] - ends[:, 0]) / length_m[:, None], np.arange(len(ends)), length_m, half_m)

    def __len__(self) -> int:
        return len(self.origin)

    def lines(self) -> np.ndarray:
        """Array of LineStrings, landward end first."""
        reach = self.seaward * self.half_length_m
        return shapely.linestrings(np.stack([self.origin - reach, self.origin + reach], axis=1))

    def at(self, distance_m: np.ndarray) -> np.ndarray:
        """Points (n, k, 2) at distances (n, k) or (k,) from the landward end."""
        along = np.broadcast_to(distance_m, (len(self), np.shape(distance_m)[-1])) - self.half_length_m
        return self.origin[:, None, :] + along[..., None] * self.seaward[:, None, :]


def newest_shores(table: gpd.GeoDataFrame) -> np.ndarray:
    """Points (n,) where the lines of ``transects.gpkg`` meet their newest shoreline; their middles where none was found.

    ``table`` : with columns ``distance_<period>`` in order of time, metres from the landward end.
    """
    lines = table.geometry.to_numpy()
    along_m = shapely.length(lines) / 2
    for column in (c for c in table if c.startswith("distance_")):
        along_m = np.where(table[column].notna(), table[column], along_m)
    return shapely.line_interpolate_point(lines, along_m)


def lines_within(shapes: np.ndarray, area: shapely.Geometry) -> list[shapely.LineString]:
    """Lines of shapes within an area, joined where they meet; polygons give their outline, without the area's own edge."""
    lines = shapely.get_parts(shapely.intersection(shapely.force_2d(outlines(shapes)), area))
    lines = lines[shapely.get_dimensions(lines) == 1]
    return list(shapely.get_parts(shapely.line_merge(shapely.union_all(lines)))) if len(lines) else []


def smooth(line: shapely.LineString, window_m: float = SMOOTHING_M) -> shapely.LineString:
    """Moving average along a line; at open ends the window shrinks, so that the ends stay where they are."""
    n = max(round(line.length / BASELINE_STEP_M), 2)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(line, np.linspace(0, line.length, n + 1)))
    half = min(int(window_m / 2 / (line.length / n)), n // 4)
    if half < 1:
        return line
    if line.is_closed:
        ring = xy[:-1]
        padded = np.concatenate([ring[-half:], ring, ring[:half]])
        mean = _window_mean(padded, np.arange(half, half + len(ring)), np.full(len(ring), half))
        return shapely.LineString(np.concatenate([mean, mean[:1]]))
    position = np.arange(n + 1)
    return shapely.LineString(_window_mean(xy, position, np.minimum(half, np.minimum(position, n - position))))


def _window_mean(xy: np.ndarray, centre: np.ndarray, half: np.ndarray) -> np.ndarray:
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(xy - xy[0], axis=0)])
    return xy[0] + (total[centre + half + 1] - total[centre - half]) / (2 * half + 1)[:, None]


def make_transects(baselines: list[shapely.LineString], spacing_m: float, half_length_m: float, is_sea: Callable[[np.ndarray], np.ndarray]) -> Transects:
    """Transects every ``spacing_m`` along each smoothed baseline, normal to it, turned so that the sea is ahead.

    ``is_sea`` takes points (m, 2) and gives 1 sea, 0 land, NaN not observed. The direction a baseline was drawn in
    is not trusted. A transect that sees no clear difference takes the direction of the nearest on its baseline
    that does; a baseline without any is left out.
    """
    parts = []
    for k, line in enumerate(baselines):
        line = smooth(line)
        n = max(1, round(line.length / spacing_m))
        along = (np.arange(n) + 0.5) * line.length / n
        origin = shapely.get_coordinates(shapely.line_interpolate_point(line, along))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(along + BASELINE_STEP_M, line.length)))
        behind = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(along - BASELINE_STEP_M, 0)))
        tangent = ahead - behind
        tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
        left = np.column_stack([-tangent[:, 1], tangent[:, 0]])
        sign = _seaward_sign(origin, left, is_sea)
        if sign is not None:
            parts.append((origin, left * sign[:, None], np.full(n, k), np.full(n, line.length / n)))
    if not parts:
        return Transects(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, int), np.empty(0), half_length_m)
    origins, seaward, part, coast_m = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Transects(origins, seaward, part, coast_m, half_length_m)


def _seaward_sign(origin: np.ndarray, left: np.ndarray, is_sea: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """For each transect, 1 where the sea lies to its left, -1 to its right; None where no transect sees a clear difference."""

    def share(side: int) -> np.ndarray:
        points = origin[:, None, :] + side * PROBE_M[None, :, None] * left[:, None, :]
        sea = is_sea(points.reshape(-1, 2)).reshape(len(origin), -1)
        seen = np.isfinite(sea)
        return np.where(seen.any(axis=1), np.nansum(sea, axis=1) / np.maximum(seen.sum(axis=1), 1), np.nan)

    difference = share(1) - share(-1)
    decided = np.flatnonzero(np.abs(difference) >= DECIDED)
    if decided.size == 0:
        return None
    nearest = decided[np.abs(np.arange(len(origin))[:, None] - decided[None, :]).argmin(axis=1)]
    return np.sign(difference[nearest])


@dataclass(frozen=True)
class Crossings:
    """Where the shorelines of one period cross n transects.

    distance_m : float (n,), from the landward end, NaN where there is none. spread_m : float (n,), largest less
    smallest of the crossings averaged. line : int (n,), index of the shoreline nearest to the distance, -1 for none.
    """

    distance_m: np.ndarray
    spread_m: np.ndarray
    line: np.ndarray


def cross(transects: Transects, shorelines: np.ndarray) -> Crossings:
    """Median of the crossings that lie within CLUSTER_M of the one nearest to the baseline."""
    n = len(transects)
    distance, spread, which = np.full(n, np.nan), np.full(n, np.nan), np.full(n, -1)
    lines = transects.lines()
    if n == 0 or len(shorelines) == 0:
        return Crossings(distance, spread, which)
    i, j = shapely.STRtree(shorelines).query(lines, predicate="intersects")
    start = transects.origin - transects.seaward * transects.half_length_m
    found: dict[int, list[tuple[float, int]]] = {}
    for a, b in zip(i, j, strict=True):
        points = shapely.get_coordinates(shapely.intersection(lines[a], shorelines[b]))
        found.setdefault(a, []).extend((float(d), int(b)) for d in (points - start[a]) @ transects.seaward[a])
    for a, hits in found.items():
        d = np.array([h[0] for h in hits])
        nearest = d[np.argmin(np.abs(d - transects.half_length_m))]
        d = d[np.abs(d - nearest) <= CLUSTER_M]
        distance[a], spread[a] = np.median(d), np.ptp(d)
        which[a] = min(hits, key=lambda h: abs(h[0] - distance[a]))[1]
    return Crossings(distance, spread, which)
