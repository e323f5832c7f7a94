"""Step ``bodies``: water bodies as polygons that keep their identity over the years.

A body is a 4-connected patch of pixels that were permanent or seasonal water in at least one period. Its outline is
that of all periods together, so a pond that dries keeps its row; what changes from period to period is the area.
Inland water and the sea are separate bodies: a river ends where the sea begins. A pixel belongs to the sea if it was sea in at least
half of the periods in which it was water (`products.sea`), so that a breach in one period does not join a pond to the sea.
The map is read in windows, twice, and patches are joined across window borders, so a province needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import shapes
from rasterio.windows import Window
from rs_kernels.edges import VEGETATED
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.sea import read_sea
from rs_pipeline.region import load_units, own_ground
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.tiles import pixel_areas, read_grid

WINDOW_PX = 2048
"""Side of the windows the maps are read in."""

MIN_OBSERVED_SHARE = 0.5
"""A body seen over less of its outline is ``not_observed`` in that period."""

BODY_COLUMNS = ("body_id", "period", "adcode", "kind", "area_m2", "lower_m2", "upper_m2", "plants_m2", "observed_fraction", "state", "counted")


class _Maps:
    """The water maps of all periods, opened together."""

    def __init__(self, settings: Settings, stack: ExitStack):
        layout = Layout(settings.root)
        self.labels = [p.label for p in settings.all_periods]
        paths = [layout.map("water", label) for label in self.labels]
        for path in paths:
            if not path.exists():
                raise RasterError("the water map is not made yet", where=str(path), remedy="run `rs-pipeline mosaic` for every period first")
        self.settings, self.grid = settings, read_grid(settings)
        self.files = [stack.enter_context(open_map(path, self.grid)) for path in paths]

    def windows(self) -> Iterator[tuple[int, int, Window]]:
        """Row and column number of a window, and the window; row-major."""
        for i, row in enumerate(range(0, self.grid.height, WINDOW_PX)):
            for j, col in enumerate(range(0, self.grid.width, WINDOW_PX)):
                yield i, j, Window(col, row, min(WINDOW_PX, self.grid.width - col), min(WINDOW_PX, self.grid.height - row))

    def piece(self, window: Window) -> Grid:
        return self.grid.window(window.row_off, window.col_off, window.height, window.width)

    def read(self, period: int, band: str, window: Window) -> np.ndarray:
        """Float32 (h, w), NaN where not observed."""
        source = self.files[period]
        return source.read(band_index(source, band), window=window)

    def patches(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """4-connected patches of the window that were water in any period, inland and sea separately: labels int32 (h, w), 0 land, and
        whether each label is sea, bool (labels + 1,)."""
        wet, sea = np.zeros((window.height, window.width), "int16"), np.zeros((window.height, window.width), "int16")
        for k, label in enumerate(self.labels):
            water = np.isin(self.read(k, "class", window), (1, 2))
            wet += water
            sea += water & read_sea(self.settings, label, self.piece(window))
        at_sea = (sea > 0) & (2 * sea >= wet)
        inland, n_inland = ndimage.label((wet > 0) & ~at_sea)
        marine, n_marine = ndimage.label(at_sea)
        return np.where(at_sea, marine + n_inland, inland), np.arange(n_inland + n_marine + 1) > n_inland


def _join(maps: _Maps) -> tuple[dict[tuple[int, int], int], np.ndarray, np.ndarray, np.ndarray]:
    """First pass. Offset of every window's labels, body of every label (label 0 is land), area of every body in m2, and whether it is sea."""
    offsets: dict[tuple[int, int], int] = {}
    areas: list[np.ndarray] = [np.zeros(1)]
    kinds, pairs, total = [np.zeros(1, bool)], [], 0
    above: dict[int, np.ndarray] = {}
    left = np.zeros(0, "int64")
    for i, j, window in maps.windows():
        labels, marine = maps.patches(window)
        count, offsets[i, j] = marine.size - 1, total
        kinds.append(marine[1:])
        whole = np.where(labels > 0, labels.astype("int64") + total, 0)
        areas.append(np.bincount(labels.ravel(), pixel_areas(maps.piece(window)).ravel(), count + 1)[1:])
        for mine, theirs in ((whole[0], above.get(j) if i else None), (whole[:, 0], left if j else None)):
            if theirs is not None:
                touching = (mine > 0) & (theirs > 0)
                pairs.append(np.unique(np.stack([mine[touching], theirs[touching]]), axis=1))
        above[j], left = whole[-1], whole[:, -1]
        total += count
    a, b = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), "int64")
    is_sea = np.concatenate(kinds)
    a, b = a[is_sea[a] == is_sea[b]], b[is_sea[a] == is_sea[b]]
    _, body = connected_components(coo_array((np.ones(a.size, bool), (a, b)), shape=(total + 1, total + 1)), directed=False)
    return offsets, body, np.bincount(body, np.concatenate(areas)), np.bincount(body, is_sea) > 0


def _measure(maps: _Maps, settings: Settings, offsets: dict, number: np.ndarray, n: int) -> tuple[dict[str, np.ndarray], list[list]]:
    """Second pass. Sums (period, body) in m2 of wet, lower, upper, vegetated and observed pixels, and the pieces of every outline.

    ``number`` gives the body (1..n) of every label, 0 for land and for patches that are too small.
    """
    threshold = settings.water.seasonal_frequency
    sums = {name: np.zeros((len(maps.labels), n + 1)) for name in ("wet", "lower", "upper", "plants", "observed", "outline")}
    pieces: list[list] = [[] for _ in range(n + 1)]
    for i, j, window in maps.windows():
        labels, _ = maps.patches(window)
        body = np.where(labels > 0, number[labels.astype("int64") + offsets[i, j]], 0).astype("int32")
        if not body.any():
            continue
        piece = maps.piece(window)
        inside = body > 0
        at, area = body[inside], pixel_areas(piece)[inside].astype("float64")
        for k in range(len(maps.labels)):
            kind, low, high = (maps.read(k, b, window)[inside] for b in ("class", "frequency_lower", "frequency_upper"))
            plants = maps.read(k, "plants", window)[inside] == VEGETATED
            found = {
                "wet": np.isin(kind, (1, 2)),
                "plants": plants & np.isin(kind, (1, 2)),
                "lower": low >= threshold,
                "observed": np.isfinite(kind),
                "upper": (high >= threshold) | ~np.isfinite(kind),
                "outline": np.ones(at.size, bool),
            }
            for name, chosen in found.items():
                sums[name][k] += np.bincount(at, area * chosen, n + 1)
        for geometry, value in shapes(body, mask=inside, connectivity=4, transform=piece.transform):
            pieces[int(value)].append(shapely.geometry.shape(geometry))
    return sums, pieces


def _outline(pieces: list[shapely.Polygon]) -> shapely.MultiPolygon:
    """The pieces as one shape that has vertices only where it turns, whatever the windows were.

    A normalised ring starts at a true corner, so that simplifying with tolerance 0 removes every vertex on a straight edge.
    """
    whole = shapely.simplify(shapely.union_all(pieces).normalize(), 0)
    return shapely.MultiPolygon([whole]) if whole.geom_type == "Polygon" else whole


def _body_ids(outlines: gpd.GeoSeries) -> list[str]:
    """``W-<lon>-<lat>`` of a point inside, five decimals (about 1 m): readable, and the same wherever the body is the same."""
    points = gpd.GeoSeries(outlines.representative_point(), crs=outlines.crs).to_crs(4326)
    return [f"W-{p.x:.5f}-{p.y:.5f}" for p in points]


def known_bodies(settings: Settings) -> gpd.GeoDataFrame:
    """Bodies of an earlier run, with their ``body_id``.

    Raises
    ------
    ConfigError : the file cannot be used.
    """
    try:
        return load_vector(settings, "water.known_bodies")
    except ConfigError as fault:
        raise ConfigError(fault.what, where=fault.where, remedy=f"name water/bodies.gpkg of an earlier run: {fault.remedy}") from None


def _inherit(ids: list[str], outlines: gpd.GeoSeries, settings: Settings) -> list[str]:
    """Ids taken over from bodies of an earlier run, so that a body keeps its name when a year is added and its outline grows.

    A body inherits from the known one it shares most area with, if that one shares most with it: of a body that has fallen apart the
    largest piece keeps the name, and two that have grown together take that of the larger.
    """
    if settings.water.known_bodies is None or not ids:
        return ids
    known = known_bodies(settings)
    known = known.to_crs(outlines.crs).drop_duplicates("body_id")
    mine, theirs = known.sindex.query(outlines, predicate="intersects")
    shared = outlines.iloc[mine].intersection(known.geometry.iloc[theirs], align=False).area.to_numpy()
    table = pd.DataFrame({"mine": mine, "theirs": theirs, "shared": shared})
    table = table[table.shared > 0].sort_values("shared", ascending=False, kind="stable")
    best = table.drop_duplicates("mine").merge(table.drop_duplicates("theirs"), on=["mine", "theirs"])
    names = list(ids)
    for row in best.itertuples():
        names[row.mine] = known.body_id.iloc[row.theirs]
    return names


def _largest_share(outlines: gpd.GeoSeries, units: gpd.GeoDataFrame) -> list[str]:
    """Code of the unit that holds most of each outline; empty outside all units."""
    geometry = units.to_crs(outlines.crs).geometry.values
    shapely.prepare(geometry)
    tree = shapely.STRtree(geometry)
    codes = []
    for outline in outlines:
        near = tree.query(outline, predicate="intersects")
        if near.size > 1:
            near = near[[np.argmax(shapely.area(shapely.intersection(geometry[near], outline)))]]
        codes.append(units.adcode.iloc[int(near[0])] if near.size else "")
    return codes


def _rows(maps: _Maps, settings: Settings, sums: dict[str, np.ndarray], outlines: gpd.GeoSeries, is_sea: np.ndarray) -> gpd.GeoDataFrame:
    """One row per body and period, bodies by size, periods in order."""
    section, n = settings.water, len(outlines)
    fixed = pd.DataFrame(
        {
            "body_id": _inherit(_body_ids(outlines), outlines, settings),
            "adcode": _largest_share(outlines, own_ground(load_units(settings))),
            "kind": np.where(is_sea, "sea", "inland"),
        }
    )
    largest = np.where(sums["observed"] >= MIN_OBSERVED_SHARE * sums["outline"], sums["wet"], 0)[:, 1:].max(axis=0, initial=0)
    frames = []
    for k, label in enumerate(maps.labels):
        s = {name: values[k, 1:] for name, values in sums.items()}
        share = s["observed"] / s["outline"]
        seen = share >= MIN_OBSERVED_SHARE
        wet = s["wet"] >= section.min_body_area_m2
        frames.append(
            fixed.assign(
                period=label,
                order=np.arange(n),
                observed_fraction=share,
                area_m2=np.where(seen, s["wet"], np.nan),
                lower_m2=np.where(seen, np.minimum(s["lower"], s["wet"]), np.nan),
                upper_m2=np.where(seen, np.maximum(s["upper"], s["wet"]), np.nan),
                plants_m2=np.where(seen, s["plants"], np.nan),
                state=np.where(seen, np.where(wet & (s["wet"] > 0), "wet", "dry"), "not_observed"),
                counted=largest >= section.min_reported_area_m2,
                geometry=outlines.values,
            )
        )
    table = pd.concat(frames).sort_values("order", kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(table[[*BODY_COLUMNS, "geometry"]], geometry="geometry", crs=outlines.crs)


def bodies(settings: Settings) -> None:
    """Write ``water/bodies.gpkg``, layer ``bodies``: one row per body and period, MultiPolygon in the run's CRS.

    ``area_m2`` is the ellipsoidal area of the pixels of class 1 or 2; ``lower_m2`` and ``upper_m2`` take the Wilson
    bounds of the water frequency in place of the frequency, and the upper bound also holds the pixels that were not
    observed: cloud is never counted as dry. ``plants_m2`` is the part of the area with plants on it. ``state`` is ``wet`` (at least water.min_body_area_m2 of water), ``dry``, or
    ``not_observed`` (less than half of the outline seen; the areas are then NaN). ``counted`` bodies reached
    water.min_reported_area_m2 in some period, and count in all of them, dry or not seen. ``kind`` is ``sea`` or ``inland``.

    Raises
    ------
    RasterError : a water map is missing, lacks a band, or lies on another grid.
    ConfigError : water.known_bodies cannot be used.
    """
    with ExitStack() as stack:
        maps = _Maps(settings, stack)
        offsets, body_of, area, is_sea = _join(maps)
        large = area >= max(settings.water.min_body_area_m2, 1e-9)
        large[body_of[0]] = False
        ranked = np.flatnonzero(large)[np.argsort(-area[large], kind="stable")]
        number = np.zeros(area.size, "int64")
        number[ranked] = np.arange(1, ranked.size + 1)
        sums, pieces = _measure(maps, settings, offsets, number[body_of], ranked.size)
    outlines = gpd.GeoSeries([_outline(p) for p in pieces[1:]], crs=maps.grid.crs)
    table = _rows(maps, settings, sums, outlines, is_sea[ranked])
    write_layer(table, Layout(settings.root).bodies, "bodies", "MultiPolygon")
