"""Annual shorelines by DEA Coastlines and by CoastSat, through those projects' own packages (see `peers`).

``dea`` : median MNDWI of the dates within a quarter of the observed tidal range, contoured at 0 (Bishop-Taylor et al. 2021).
``coastsat`` : a shoreline a scene by CoastSat's classifier and thresholds (Vos et al. 2019), then the median of a year's distances on
transects; with a tide table only the dates that ours uses. No slope is known, so distances are not corrected for tide; near
mean sea level the correction would be small. Both are run for either sensor family, on 10 m pixels (Sentinel-2; SWIR interpolated
bilinearly from 20 m) or, as the projects do, 30 m (DEA) and 15 m (CoastSat, without a panchromatic band) for Landsat.
CoastSat was trained on top-of-atmosphere reflectance and gets our surface reflectance; where it then finds no sand it falls
back to its threshold without the classifier, as published. DEA gets no table of inland waters, so that it draws the banks of
rivers within a kilometre of the sea.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import rasterio
import shapely
from rs_kernels.composite import mndwi_map
from scipy import ndimage

from benchmarks.baselines.peers import run_peer
from rs_pipeline.catalog.chips import Chip, load_chips, read_stack
from rs_pipeline.catalog.qa_flags import stack_flags
from rs_pipeline.config import Settings
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import SHORE_FAMILIES, Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.coastline.composite import in_family
from rs_pipeline.products.coastline.rates import MIN_RATE_DATES, PositionNoise, ci95, fit_line
from rs_pipeline.products.coastline.tide import tide_of
from rs_pipeline.products.coastline.transects import Transects, cross
from rs_pipeline.radiometry.masks import QAFlag, flag_bits
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.tiles import read_grid, read_tiles

METHODS = ("dea", "coastsat")

BANDS = ("blue", "green", "red", "nir", "swir1")
PIXEL_M = {("dea", "sentinel-2"): 10.0, ("dea", "landsat"): 30.0, ("coastsat", "sentinel-2"): 10.0, ("coastsat", "landsat"): 15.0}
NATIVE_M = {"sentinel-2": 10.0, "landsat": 30.0}
CELL_M = {"sentinel-2": 20.0, "landsat": 30.0}
"""Native pixel size by family, m: NATIVE_M of green, CELL_M of SWIR1."""
SATELLITE = {"sentinel-2": "S2", "landsat": "L8"}

DEA_TIDE_SHARE = 0.25
"""DEA keeps dates whose tide is within this share of the observed tidal range above or below mean sea level."""

MAX_THRESHOLD = 0.0
"""CoastSat's default upper limit of its threshold, of (SWIR1 - green)/(SWIR1 + green); scenes with a higher one have land classified as water."""

STRIP_M = 1500.0
"""The peers get the coast and this distance to either side of the reference line."""

TRANSECT_REACH_M = 300.0
"""CoastSat's transects reach this far landward and seaward of the middle of ours; it takes crossings within 1 km."""

MIN_SCENES = 2
"""Least number of scenes for a year's median on a transect."""

BRIDGE = 2.5
"""Points of transects up to this many spacings apart are joined to a line."""


Groups = list[tuple[Tile, list[Chip]]]
"""Optical chips of every tile and period."""


def read_groups(settings: Settings) -> Groups:
    """The chips of every tile and period, of either family."""
    groups = [(tile, load_chips(settings, tile.id, period.label)) for period in settings.all_periods for tile in read_tiles(settings)]
    return [(tile, [c for c in chips if any(in_family(c, f) for f in SHORE_FAMILIES)]) for tile, chips in groups]


def strip_grid(settings: Settings, reference: gpd.GeoSeries, groups: Groups, family: str, resolution_m: float) -> Grid:
    """The part of the run's grid within STRIP_M of the reference line, on the lattice of the family's SWIR1 pixels, divided into equal cells."""
    whole, cell_m = read_grid(settings), CELL_M[family]
    x, y = lattice(groups, family) or (whole.left, whole.top)
    left, bottom, right, top = reference.total_bounds
    bounds = whole.bounds
    left, bottom = max(left - STRIP_M, bounds[0]), max(bottom - STRIP_M, bounds[1])
    right, top = min(right + STRIP_M, bounds[2]), min(top + STRIP_M, bounds[3])
    x0, y1 = x + np.floor((left - x) / cell_m) * cell_m, y + np.ceil((top - y) / cell_m) * cell_m
    n, cells = round(cell_m / resolution_m), (np.ceil((right - x0) / cell_m), np.ceil((y1 - bottom) / cell_m))
    return Grid(whole.crs, resolution_m, float(x0), float(y1), n * int(cells[0]), n * int(cells[1]))


def lattice(groups: Groups, family: str) -> tuple[float, float] | None:
    """A corner of the SWIR1 pixels of most of the family's chips; None without chips."""
    corners: Counter[tuple[float, float]] = Counter()
    for chip in (c for _, chips in groups for c in chips if in_family(c, family)):
        with rasterio.open(chip.files["swir1"][0]) as src:
            corners[src.transform.c % CELL_M[family], src.transform.f % CELL_M[family]] += 1
    return corners.most_common(1)[0][0] if corners else None


class Strip:
    """The scenes of a family along the coast that ours uses (near mean sea level, where tides are known); granules and tiles of
    one acquisition are merged.

    refl_dn : uint16 (T, 5, h, w), reflectance x 1e4 from 1, bands BANDS; cloud, nodata : bool (T, h, w); year : int (T,);
    mid_tide : bool (T,), the dates DEA would use.
    """

    def __init__(self, settings: Settings, family: str, groups: Groups, grid: Grid):
        self.grid, self.family = grid, family
        groups = [(tile, [c for c in chips if in_family(c, family)]) for tile, chips in groups]
        year_of = {_scene(c): p.end.year for p in settings.all_periods for _, g in groups for c in g if c.scene.solar_day in p}
        keys = sorted(year_of)
        when = {_scene(c): c.scene.datetime for _, g in groups for c in g}
        near_msl, mid_tide = _tides(settings, [when[k] for k in keys], grid)
        keys = [k for k, near in zip(keys, near_msl, strict=True) if near]
        self.mid_tide, self.year = mid_tide[near_msl], np.array([year_of[k] for k in keys], "int64")
        self.refl_dn = np.zeros((len(keys), len(BANDS), *grid.shape), "uint16")
        qa = np.full((len(keys), *grid.shape), int(QAFlag.NODATA), "uint16")
        for tile, group in groups:
            rows, cols = _within(grid, tile.grid.buffered(settings.grid.margin_m), CELL_M[family])
            piece = grid.window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
            used = [c for c in group if _scene(c) in keys] if piece.width and piece.height else []
            for chip, bits in zip(used, stack_flags(used, piece, settings.masks), strict=True):
                t = keys.index(_scene(chip))
                _add(chip, bits, piece, (NATIVE_M[family], CELL_M[family]), self.refl_dn[t, :, rows, cols], qa[t, rows, cols])
        self.nodata = (self.refl_dn == 0).any(axis=1) | (qa & int(QAFlag.NODATA) != 0)
        self.cloud = ((qa & flag_bits(settings.masks.coastline)) != 0) & ~self.nodata


def _within(grid: Grid, other: Grid, cell_m: float) -> tuple[slice, slice]:
    """Rows and columns of a grid that another covers, in whole cells that begin at the grid's corner."""
    n, (left, bottom, right, top) = round(cell_m / grid.resolution_m), other.bounds
    rows = np.clip([np.ceil((grid.top - top) / cell_m) * n, (grid.top - bottom) // cell_m * n], 0, grid.height)
    cols = np.clip([np.ceil((left - grid.left) / cell_m) * n, (right - grid.left) // cell_m * n], 0, grid.width)
    return slice(int(rows[0]), int(max(rows))), slice(int(cols[0]), int(max(cols)))


def _scene(chip: Chip) -> tuple:
    """Key of the image that a chip belongs to: granules and tiles of one overpass share it."""
    return chip.scene.solar_day, chip.scene.platform


def _add(chip: Chip, bits: np.ndarray, grid: Grid, source_m: tuple[float, float], refl_dn: np.ndarray, qa: np.ndarray) -> None:
    """Fill missing pixels of an image from one chip; ``source_m`` is the native pixel size of the visible bands and of SWIR1, m."""
    scale, offset = np.float32(chip.scene.scale), np.float32(chip.scene.offset)
    layers = np.zeros_like(refl_dn)
    for b, role in enumerate(BANDS):
        refl, seen = _resampled(chip, role, grid, source_m[role == "swir1"], scale, offset)
        layers[b] = np.where(seen, np.clip(np.rint(refl * 1e4), 1, 65535), 0)
    new = (refl_dn == 0).any(axis=0) & (layers > 0).all(axis=0)
    refl_dn[:, new] = layers[:, new]
    qa[new] = bits[new]


def _resampled(chip: Chip, role: str, grid: Grid, source_m: float, scale, offset) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance float32 (h, w) and where it was observed; bilinear between the centres of source pixels coarser than the grid's.

    The grid begins at the corner of a source pixel.
    """
    n = round(source_m / grid.resolution_m)
    if n <= 1:
        dn = read_stack([chip], [role], grid)[0, 0]
        return reflectance(dn, scale, offset), dn > 0
    coarse = Grid(grid.crs, source_m, grid.left - source_m, grid.top + source_m, -(-grid.width // n) + 2, -(-grid.height // n) + 2)
    dn = read_stack([chip], [role], coarse)[0, 0]
    rows, cols = ((np.arange(size) + 0.5) / n + 0.5 for size in grid.shape)
    seen = dn > 0
    filled = np.where(seen, reflectance(dn, scale, offset), np.float32(0))
    at = np.meshgrid(rows, cols, indexing="ij")
    total = ndimage.map_coordinates(filled, at, order=1)
    weight = ndimage.map_coordinates(seen.astype("float32"), at, order=1)
    own = np.arange(grid.height)[:, None] // n + 1, np.arange(grid.width)[None, :] // n + 1
    return total / np.maximum(weight, 1e-6), seen[own]


def _tides(settings: Settings, times: list[datetime], grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """bool (n,) twice: dates that ours uses, and those of them that DEA would use. DEA's window is a quarter of the range of the tides on the dates."""
    if settings.coastline.tide_table is None or not times:
        return np.ones(len(times), bool), np.ones(len(times), bool)
    left, bottom, right, top = grid.bounds
    to_degrees = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True)
    tide = tide_of(settings, *to_degrees.transform((left + right) / 2, (bottom + top) / 2))
    heights_m = np.array([tide.height_at(t) for t in times], "float64")
    near_msl = tide.near(0.0, heights_m, settings.coastline.tide_window)
    seen_m = np.nanmax(heights_m) - np.nanmin(heights_m) if np.isfinite(heights_m).any() else 0.0
    return near_msl, near_msl & (np.abs(heights_m) <= DEA_TIDE_SHARE * seen_m)


def reference_line(settings: Settings) -> gpd.GeoSeries:
    """The reference coastline of the run in its CRS, or, without one, our first period's shoreline."""
    crs = read_grid(settings).crs
    if settings.coastline.reference is not None:
        return load_vector(settings, "coastline.reference").to_crs(crs).geometry
    lines = gpd.read_file(Layout(settings.root).shorelines, layer="shorelines").to_crs(crs)
    return lines[lines.period == settings.all_periods[0].label].geometry


def _geotransform(grid: Grid) -> np.ndarray:
    r = grid.resolution_m
    return np.array([grid.left, r, 0.0, grid.top, 0.0, -r])


def _sea_pixels(settings: Settings, grid: Grid) -> np.ndarray:
    """Rows and columns (n, 2) of the points at sea in the grid; DEA needs one to find the sea and hence the shore."""
    if not settings.coastline.sea_points:
        return np.empty((0, 2), "int64")
    points = gpd.GeoSeries(shapely.points(settings.coastline.sea_points), crs=4326).to_crs(grid.crs)
    xy = shapely.get_coordinates(points.values)
    rows, cols = (grid.top - xy[:, 1]) / grid.resolution_m, (xy[:, 0] - grid.left) / grid.resolution_m
    inside = (rows >= 0) & (rows < grid.height) & (cols >= 0) & (cols < grid.width)
    return np.column_stack([rows, cols])[inside].astype("int64")


def dea_lines(settings: Settings, strip: Strip, work: Path, peers: Path | None = None) -> gpd.GeoDataFrame:
    """Annual shorelines of a strip by DEA's method: year, sensor, geometry in the run's CRS."""
    grid, used = strip.grid, np.flatnonzero(strip.mid_tide)
    if used.size == 0:
        return _frame([], strip.family, grid.crs)
    index = {name: np.full((used.size, *grid.shape), np.nan, "float32") for name in ("mndwi", "ndwi")}
    for i, t in enumerate(used):
        clear = ~(strip.cloud[t] | strip.nodata[t])
        refl = np.where(clear, strip.refl_dn[t] * np.float32(1e-4), np.float32(np.nan))
        index["mndwi"][i], index["ndwi"][i] = mndwi_map(refl[1], refl[4]), mndwi_map(refl[1], refl[3])
    out = run_peer(
        "dea",
        index | {"year": strip.year[used], "transform": _geotransform(grid), "epsg": np.array(_epsg(grid)), "sea_px": _sea_pixels(settings, grid)},
        work,
        peers,
    )
    parts = [out["part"] == k for k in np.unique(out["part"])]
    lines = [(int(out["year"][part][0]), shapely.LineString(out["xy"][part])) for part in parts]
    return _frame(lines, strip.family, grid.crs)


def coastsat_lines(settings: Settings, strip: Strip, work: Path, peers: Path | None = None) -> gpd.GeoDataFrame:
    """Annual shorelines of a strip by CoastSat: a year's medians on our transects, joined: year, sensor, geometry."""
    grid, transects = strip.grid, short_transects(settings)
    if len(strip.year) == 0 or len(transects) == 0:
        return _frame([], strip.family, grid.crs)
    parts = [g for g in shapely.get_parts(reference_line(settings).values) if g.geom_type == "LineString"]
    out = run_peer(
        "coastsat",
        {
            "dn": strip.refl_dn,
            "cloud": strip.cloud,
            "nodata": strip.nodata,
            "transform": _geotransform(grid),
            "epsg": np.array(_epsg(grid)),
            "satellite": np.array(SATELLITE[strip.family]),
            "reference": np.concatenate([shapely.get_coordinates(g) for g in parts]),
            "reference_part": np.concatenate([np.full(len(g.coords), i) for i, g in enumerate(parts)]),
            "transects": transects,
        },
        work,
        peers,
    )
    kept = np.nan_to_num(out["threshold"], nan=np.inf) <= MAX_THRESHOLD
    lines = [
        (int(y), line)
        for y in np.unique(strip.year)
        for line in joined(transects, yearly_median(out["distance_m"][kept & (strip.year == y)]), BRIDGE * settings.coastline.transect_spacing_m)
    ]
    return _frame(lines, strip.family, grid.crs)


def short_transects(settings: Settings) -> np.ndarray:
    """Our transects within TRANSECT_REACH_M of their middle, landward end first: float (n, 2, 2)."""
    path = Layout(settings.root).transects
    if not path.exists():
        return np.empty((0, 2, 2))
    ours = Transects.of_lines(gpd.read_file(path, layer="transects").to_crs(read_grid(settings).crs).sort_values("transect_id").geometry)
    return np.stack([ours.origin - TRANSECT_REACH_M * ours.seaward, ours.origin + TRANSECT_REACH_M * ours.seaward], axis=1)


def yearly_median(distance_m: np.ndarray) -> np.ndarray:
    """Median (m,) of distances (T, m); NaN below MIN_SCENES.

    >>> yearly_median(np.array([[1.0, 5.0], [3.0, np.nan]]))
    array([ 2., nan])
    """
    count = np.isfinite(distance_m).sum(axis=0)
    out = np.full(distance_m.shape[1], np.nan)
    enough = count >= MIN_SCENES
    out[enough] = np.nanmedian(distance_m[:, enough], axis=0)
    return out


def joined(transects: np.ndarray, distance_m: np.ndarray, reach_m: float) -> list[shapely.LineString]:
    """Lines through the points at a distance along neighbouring transects (n, 2, 2); broken at a NaN and at gaps above ``reach_m``."""
    along = transects[:, 1] - transects[:, 0]
    along = along / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    points = transects[:, 0] + distance_m[:, None] * along
    middles, lines, run = transects.mean(axis=1), [], []
    for i, j in pairwise([*range(len(points)), None]):
        if np.isfinite(distance_m[i]):
            run.append(points[i])
        near = j is not None and np.hypot(*(middles[j] - middles[i])) <= reach_m
        if not near or not np.isfinite(distance_m[i]):
            if len(run) > 1:
                lines.append(shapely.LineString(run))
            run = []
    return lines


def rate_table(settings: Settings, lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Least-squares rates of annual lines on our transects: lrr_m_yr, lrr_ci95_m_yr (95 % half-width), geometry; NaN below 3 years."""
    path, crs = Layout(settings.root).transects, read_grid(settings).crs
    table = gpd.read_file(path, layer="transects").to_crs(crs)[["geometry"]]
    transects = Transects.of_lines(table.geometry)
    years = np.unique(lines.year)
    distance_m = np.column_stack([cross(transects, lines.geometry[lines.year == y].to_numpy()).distance_m for y in years] or [np.empty((len(table), 0))])
    rate, half = np.full((2, len(table)), np.nan)
    for i, d in enumerate(distance_m):
        seen = np.isfinite(d)
        if seen.sum() >= MIN_RATE_DATES:
            fit = fit_line(years[seen].astype("float64"), d[seen])
            rate[i], half[i] = fit.slope_m_yr, ci95(fit, np.ones(seen.sum()), PositionNoise())
    return table.assign(lrr_m_yr=rate, lrr_ci95_m_yr=half)


def _frame(lines: list[tuple[int, shapely.LineString]], family: str, crs: str) -> gpd.GeoDataFrame:
    years, shapes = [y for y, _ in lines], [g for _, g in lines]
    return gpd.GeoDataFrame({"year": np.array(years, "int64"), "sensor": [family] * len(lines)}, geometry=shapes, crs=crs)


def _epsg(grid: Grid) -> int:
    return int(pyproj.CRS(grid.crs).to_epsg())


def annual_lines(settings: Settings, methods: Sequence[str], work: Path, peers: Path | None = None) -> dict[str, gpd.GeoDataFrame]:
    """Method to annual shorelines of both families. Methods that need the same pixels read them once."""
    find, reference, groups = {"dea": dea_lines, "coastsat": coastsat_lines}, reference_line(settings), read_groups(settings)
    found: dict[str, list[gpd.GeoDataFrame]] = {m: [] for m in methods}
    for family in SHORE_FAMILIES:
        strips: dict[float, Strip] = {}
        for method in methods:
            pixel_m = PIXEL_M[method, family]
            if pixel_m not in strips:
                strips[pixel_m] = Strip(settings, family, groups, strip_grid(settings, reference, groups, family, pixel_m))
            found[method].append(find[method](settings, strips[pixel_m], work, peers))
    return {m: pd.concat(frames, ignore_index=True) for m, frames in found.items()}
