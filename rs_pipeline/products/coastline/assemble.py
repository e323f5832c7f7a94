"""Step ``coastline``: shorelines of every period, transects, rates and classes, from the tile composites."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from scipy import ndimage
from scipy.spatial import cKDTree

from rs_pipeline.config import CoastlineSection, Settings, coast_of
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import SHORE_FAMILIES, SHORE_RADAR, Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.coastline import classify, cross_check, shoreline
from rs_pipeline.products.coastline.classes import MOUTH, UNCERTAIN
from rs_pipeline.products.coastline.dates import date_rates, dated_positions
from rs_pipeline.products.coastline.history import classified, decided_columns
from rs_pipeline.products.coastline.mosaic import ShoreMosaic, check_place, pond_share, read_mosaic, shore_profiles
from rs_pipeline.products.coastline.rates import Rates, ShoreStep, rates_along, steps_along
from rs_pipeline.products.coastline.states import carried
from rs_pipeline.products.coastline.transects import SPREAD_M, Crossings, Transects, cross, lines_within, make_transects
from rs_pipeline.products.sea import SeaMarks, sea_and_rivers, sea_marks
from rs_pipeline.region import load_units, owner_codes
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import read_grid, read_tiles

log = logging.getLogger(__name__)

MIN_BASELINE_M = 1000.0
"""Without a reference, shorelines of the first period at least this long become baselines; islets do not."""
MAX_HALF_LENGTH_M = 1500.0
WET_SAND_HEIGHT_M = 0.4
"""On a beach the sand stays wet and dark up to about this height above the waterline. A Landsat pixel does not separate this strip from the dry sand
behind it, so its line may lie too far landward by up to the width of the strip, in every period alike."""
TEXTS = (
    "transect_id", "adcode", "class", "unit_class", "ambiguous_periods", "step_period", "conversions", "field_", *(f.name for f in fields(classify.Conversion)),
)  # fmt: skip
"""Columns of text in the table of transects, or their beginnings."""
RIVER, ELSEWHERE = -1, -2
"""Kinds of edge besides the methods: a closed river mouth, and a place that a preferred family observed."""


@dataclass(frozen=True)
class Shore:
    """A shoreline of one period: one family, one water level, one edge method, at a river mouth or not."""

    line: shapely.LineString
    family: str
    reference: str
    edge_method: str
    n_dates: int
    river_mouth: bool
    level_m: float
    """Height above mean sea level that it stands for; NaN where dates of any tide were used."""

    def error_m(self, tide_m_per_m: float = shoreline.TIDE_M_PER_M) -> float:
        return shoreline.position_error_m(self.family, self.reference, self.edge_method, tide_m_per_m)

    @property
    def certainty(self) -> str:
        """high: sub-pixel and at the level asked for; medium: sub-pixel at another tide; low: by threshold, or a closed mouth."""
        if not self.edge_method.endswith("_fraction"):
            return "low"
        return "high" if self.reference in ("msl", "mhws") else "medium"


@dataclass(frozen=True)
class SeaMap:
    """int8 (h, w): 1 sea, 0 not sea, -1 not observed."""

    grid: Grid
    state: np.ndarray

    def at(self, xy: np.ndarray) -> np.ndarray:
        """1, 0 or NaN at points (m, 2)."""
        row, col, inside = shoreline.pixel_of(self.grid, xy)
        state = self.state[row, col]
        return np.where(inside & (state >= 0), state, np.nan)


def coastline(settings: Settings) -> None:
    """Write ``shorelines.gpkg``, ``transects.gpkg`` and ``transects.csv`` of all periods; nothing without coastline settings.

    A coast without any line gives files with all columns and no rows, and a warning.

    Raises
    ------
    ConfigError : the reference line, a point at sea or the earlier list of findings cannot be used. TableError : the visits cannot be used.
    """
    section = settings.coastline
    if section is None:
        return
    grid, tiles = read_grid(settings), read_tiles(settings)
    reference, marks = reference_lines(settings, grid.crs, tiles), sea_marks(settings, grid, tiles)
    reach = shapely.union_all(reference).buffer(section.max_distance_m) if reference else None
    if reach is not None:
        tiles = [t for t in tiles if reach.intersects(shapely.box(*t.grid.bounds))]
    shores: dict[str, list[Shore]] = {}
    sea_maps: list[SeaMap] = []
    for period in settings.all_periods:
        shores[period.label], maps = period_shores(settings, tiles, period.label, reach, marks)
        if shores[period.label] and not sea_maps:
            sea_maps = maps
    if not any(shores.values()):
        log.warning("no shoreline was found in any period: clear dates, tide window, sea points or the region may be the cause")
    transects = lay_transects(section, reference, shores, sea_maps)
    crossings = {label: cross(transects, np.array([s.line for s in found], object)) for label, found in shores.items()}
    table = transect_table(settings, tiles, transects, shores, crossings)
    write_transects(settings, transects, table, grid.crs)
    write_shorelines(settings, shores, crossings, transects, table, grid.crs)


def reference_lines(settings: Settings, crs: str, tiles: list[Tile]) -> list[shapely.LineString]:
    """Lines of the reference file within the tiles, in the run's CRS; polygons give their outline. Empty without a file."""
    if coast_of(settings).reference is None:
        return []
    shapes = load_vector(settings, "coastline.reference").to_crs(crs).geometry.to_numpy()
    return lines_within(shapes, shapely.union_all([shapely.box(*t.grid.bounds) for t in tiles]))


def period_shores(settings: Settings, tiles: list[Tile], label: str, reach: shapely.Geometry | None, marks: SeaMarks) -> tuple[list[Shore], list[SeaMap]]:
    """Shorelines of a period: Sentinel-2, and Landsat where Sentinel-2 has too few dates."""
    layout, section = Layout(settings.root), coast_of(settings)
    found: list[Shore] = []
    maps: list[SeaMap] = []
    for family, tile in product((*SHORE_FAMILIES, SHORE_RADAR), tiles):
        check_place(layout.shore(label, tile.id, family), tile.grid)
    for family in SHORE_FAMILIES:
        mosaic = read_mosaic((layout.shore(label, t.id, family) for t in tiles), section.min_dates)
        if mosaic is not None:
            lines, sea_map = mosaic_shores(mosaic, family, section, marks, reach, maps)
            found += lines
            maps.append(sea_map)
    return found, maps


def mosaic_shores(
    mosaic: ShoreMosaic, family: str, section: CoastlineSection, marks: SeaMarks, reach: shapely.Geometry | None, preferred: list[SeaMap]
) -> tuple[list[Shore], SeaMap]:
    """Shorelines of one mosaic, within ``reach`` (any if None) and where no preferred family observed; and its sea."""
    grid, r = mosaic.grid, mosaic.grid.resolution_m
    bands = mosaic.nir_refl, mosaic.swir1_refl, mosaic.mndwi, mosaic.nir_low_tide_refl
    water = shoreline.water_fraction(*bands, r, section.min_contrast)
    observed = np.isfinite(water.fraction)
    wet = water.fraction >= 0.5
    open_sea, rivers = sea_and_rivers(wet, observed, grid, marks)
    fraction = np.where(wet & ~open_sea, np.float32(0), water.fraction)
    kind = edge_kind(water.method, rivers)
    found = []
    for line in shoreline.contour_lines(fraction, grid):
        if line.length < section.min_length_m:
            continue
        pieces = shapely.get_parts(line if reach is None else shapely.line_merge(line.intersection(reach)))
        for piece in pieces[shapely.get_dimensions(pieces) == 1]:
            found += _cut_by_edge(piece, kind, mosaic, family, preferred)
    state = np.where(observed, open_sea.astype("int8"), np.int8(-1))
    return found, SeaMap(grid, state)


def edge_kind(method: np.ndarray, rivers: np.ndarray) -> np.ndarray:
    """int8 (h, w): index of EDGE_METHODS, spread by a pixel to those that have none; RIVER within two pixels of a river."""
    kind = np.where(method > 0, method, ndimage.grey_dilation(method, size=3)).astype("int8")
    kind[ndimage.binary_dilation(rivers, iterations=2)] = RIVER
    return kind


def _cut_by_edge(line: shapely.LineString, kind: np.ndarray, mosaic: ShoreMosaic, family: str, preferred: list[SeaMap]) -> list[Shore]:
    """The pieces of a line of one edge kind and water level, without what a preferred family observed."""
    xy = shapely.get_coordinates(line.segmentize(mosaic.grid.resolution_m))
    row, col, _ = shoreline.pixel_of(mosaic.grid, xy)
    kinds = kind[row, col]
    for sea_map in preferred:
        kinds[np.isfinite(sea_map.at(xy))] = ELSEWHERE
    shores, count = [], len(shoreline.WATER_LEVELS)
    for code, part in _runs(xy, kinds.astype(int) * count + mosaic.reference[row, col]):
        k, reference = divmod(int(code), count)
        if k != ELSEWHERE:
            row, col, _ = shoreline.pixel_of(mosaic.grid, part)
            method = "none" if k == RIVER else shoreline.EDGE_METHODS[k]
            piece = shapely.LineString(part).simplify(shoreline.SIMPLIFY_M)
            n_dates, level_m = int(np.median(mosaic.n_dates[row, col])), float(mosaic.level_m[row[0], col[0]])
            shores.append(Shore(piece, family, shoreline.WATER_LEVELS[reference], method, n_dates, k == RIVER, level_m))
    return shores


def _runs(xy: np.ndarray, kind: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """(kind, points) of the runs of segments of one kind; neighbouring runs share a point."""
    segment = kind[:-1]
    starts = np.flatnonzero(np.r_[True, segment[1:] != segment[:-1]])
    for a, b in zip(starts, [*starts[1:], len(segment)], strict=True):
        yield segment[a], xy[a : b + 1]


def lay_transects(section: CoastlineSection, reference: list, shores: dict[str, list[Shore]], sea_maps: list[SeaMap]) -> Transects:
    """Transects on the reference, or on the long shorelines of the first period that has any."""
    baselines = reference
    if not baselines:
        first = next((found for found in shores.values() if found), [])
        whole = shapely.get_parts(shapely.line_merge(shapely.MultiLineString([s.line for s in first]))) if first else []
        longest = max((g.length for g in whole), default=0.0)
        baselines = [g for g in whole if g.length >= min(MIN_BASELINE_M, longest)]

    def is_sea(xy: np.ndarray) -> np.ndarray:
        value = np.full(len(xy), np.nan)
        for sea_map in sea_maps:
            value = np.where(np.isnan(value), sea_map.at(xy), value)
        return value

    half_length_m = min(section.max_distance_m, MAX_HALF_LENGTH_M)
    return make_transects(baselines, section.transect_spacing_m, half_length_m, is_sea)


def transect_table(
    settings: Settings, tiles: list[Tile], transects: Transects, shores: dict[str, list[Shore]], crossings: dict[str, Crossings]
) -> pd.DataFrame:
    """One row per transect, without geometry. Columns that visits decide have a twin ``satellite_<name>``: what the satellite alone saw."""
    labels, n = list(crossings), len(transects)
    years = np.array([settings.period(p).middle_year for p in labels])
    distance = np.stack([crossings[p].distance_m for p in labels], axis=1)
    spread = np.stack([crossings[p].spread_m for p in labels], axis=1)
    steps = steps_along(years, distance)
    evidence, at_mouth, side = gather_evidence(settings, tiles, transects, shores, crossings, steps)
    error = position_errors(shores, crossings, evidence.tide_m_per_m)
    seen = np.isfinite(distance)
    last = np.where(seen.any(axis=1), len(labels) - 1 - seen[:, ::-1].argmax(axis=1), len(labels) - 1)
    built, tide_m_per_m = (np.take_along_axis(values, last[:, None], axis=1)[:, 0] for values in (evidence.built, evidence.tide_m_per_m))
    every = by_dates(settings, tiles, transects, shores, crossings, rates_along(years, distance, error, built), built)
    columns = {"transect_id": [f"T{i + 1:05d}" for i in range(n)], "adcode": owners(settings, transects, tiles), "length_m": transects.coast_m}
    distances = {f"distance_{p}": distance[:, k] for k, p in enumerate(labels)}
    placed = gpd.GeoDataFrame(distances, geometry=list(transects.lines()), crs=read_grid(settings).crs)
    label_of = dict(zip(years.tolist(), labels, strict=True))
    step_period = [label_of.get(s.year, "") for s in steps]
    columns |= decided_columns(settings, placed, step_period, every, built.astype(bool), classified(years, seen, evidence, at_mouth, side))
    columns |= distances
    columns |= {f"error_{p}": error[:, k] for k, p in enumerate(labels)}
    names = [f.name for f in fields(Rates)]
    columns |= {name: np.array([asdict(r)[name] for r in every], "float64") for name in names}
    columns["step_period"] = step_period
    columns |= cross_checks(settings, tiles, transects, dict(zip(labels, distance.T, strict=True)))
    columns["ambiguous_periods"] = [";".join(p for k, p in enumerate(labels) if spread[i, k] > SPREAD_M) for i in range(n)]
    columns["tide_m_per_m"] = tide_m_per_m
    return pd.DataFrame(columns).astype({name: "object" for name in columns if name.removeprefix("satellite_").startswith(TEXTS)})


def by_dates(
    settings: Settings, tiles: list[Tile], transects: Transects, shores: dict[str, list[Shore]], crossings: dict[str, Crossings],
    every: list[Rates], built: np.ndarray,
) -> list[Rates]:  # fmt: skip
    """The rates of all transects, the regression rate and its interval from single dates where one family drew the line in every period and there is no
    step. Positions of two families differ by a constant that is not known."""
    families = np.array([[shores[p][j].family if j >= 0 else "" for j in found.line] for p, found in crossings.items()], object).T
    near_m = np.stack([found.distance_m for found in crossings.values()], axis=1)
    for family in SHORE_FAMILIES:
        alone = ((families == family) | (families == "")).all(axis=1) & np.array([r.step_m == 0.0 for r in every], bool)
        if not alone.any():
            continue
        paths = [(k, Layout(settings.root).shore(p, t.id, family)) for k, p in enumerate(crossings) for t in tiles]
        found = date_rates(dated_positions(paths, transects, np.where(alone[:, None], near_m, np.nan)), built)
        every = [
            replace(r, lrr_m_yr=float(rate), lrr_ci95_m_yr=float(half)) if np.isfinite(rate) and np.isfinite(r.lrr_m_yr) else r
            for r, (rate, half) in zip(every, found, strict=True)
        ]
    return every


def position_errors(shores: dict[str, list[Shore]], crossings: dict[str, Crossings], tide_m_per_m: np.ndarray) -> np.ndarray:
    """Standard error of each crossing, metres, float (n, p), NaN where there is none; ``tide_m_per_m`` float (n, p), NaN where not known."""
    tide = np.where(np.isfinite(tide_m_per_m), tide_m_per_m, shoreline.TIDE_M_PER_M)
    wet_sand_m = np.where(tide_m_per_m >= classify.BEACH_M_PER_M, WET_SAND_HEIGHT_M * np.nan_to_num(tide_m_per_m), 0.0)
    error = np.full(tide.shape, np.nan)
    for k, (p, found) in enumerate(crossings.items()):
        for i in np.flatnonzero(found.line >= 0):
            shore = shores[p][found.line[i]]
            strip_m = wet_sand_m[i, k] if shore.family == "landsat" else 0.0
            error[i, k] = np.sqrt(shore.error_m(tide[i, k]) ** 2 + (found.spread_m[i] / 2) ** 2 + strip_m**2)
    return error


def cross_checks(settings: Settings, tiles: list[Tile], transects: Transects, distance_m: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """``radar_<period>`` and ``vegetation_line_<period>``, float (n,): searched around the optical shore, or around its median in the other periods."""
    layout, out = Layout(settings.root), {}
    every = np.stack(list(distance_m.values()))
    usual = np.full(len(transects), np.nan)
    seen = np.isfinite(every).any(axis=0)
    usual[seen] = np.nanmedian(every[:, seen], axis=0)
    for p, here in distance_m.items():
        near = np.where(np.isfinite(here), here, usual)
        paths = [layout.shore(p, t.id, SHORE_RADAR) for t in tiles]
        out[f"radar_{p}"] = cross_check.radar_distance(paths, transects, near, coast_of(settings).min_dates)
        out[f"vegetation_line_{p}"] = cross_check.vegetation_distance(layout.map("vegetation", p), transects, near)
    return out


def gather_evidence(
    settings: Settings, tiles: list[Tile], transects: Transects, shores: dict[str, list[Shore]],
    crossings: dict[str, Crossings], steps: list[ShoreStep],
) -> tuple[classify.Evidence, np.ndarray, np.ndarray]:  # fmt: skip
    """Evidence at the crossings of every period, (n, p); whether each lies at a river mouth, bool (n, p); and 0 before a lasting step, 1 from it on.

    What a period does not show is `carried` from the others on the same side of a step.
    """
    years = np.array([settings.period(p).middle_year for p in crossings])
    shape = len(transects), len(crossings)
    values = {f.name: np.full(shape, np.nan) for f in fields(classify.Evidence)}
    at_mouth, distance = np.zeros(shape, bool), np.full(shape, np.nan)
    for k, p in enumerate(crossings):
        found, at_mouth[:, k] = period_evidence(settings, tiles, transects, shores[p], crossings[p], p)
        distance[:, k] = crossings[p].distance_m
        for name, seen in found.items():
            values[name][:, k] = seen
    step_m, step_year = (np.array(column, "float64").reshape(-1, 1) for column in ([s.change_m for s in steps], [s.year for s in steps]))
    side = (years >= step_year).astype(int)
    values = {name: carried(seen, years, side) for name, seen in values.items()}
    for which in (0, 1):
        positions = np.where(side == which, distance, np.nan)
        enough = np.isfinite(positions).sum(axis=1) >= 3
        sd_m = np.full(shape[0], np.nan)
        sd_m[enough] = np.nanstd(positions[enough], axis=1, ddof=1)
        values["position_sd_m"] = np.where(side == which, sd_m[:, None], values["position_sd_m"])
    values["step_m"] = np.where(side == 1, step_m, 0.0)
    return classify.Evidence(**values), at_mouth, side


def period_evidence(
    settings: Settings, tiles: list[Tile], transects: Transects, shores: list[Shore], crossings: Crossings, label: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the crossings of a period show, float (n,) by field of `classify.Evidence`, NaN where nothing; and whether each lies at a river mouth."""
    layout, here = Layout(settings.root), crossings.distance_m
    found = {name: np.full(len(transects), np.nan) for name in ("chord_share", "line_rms_m", "tide_m_per_m", "swir1_land_refl")}
    at_mouth, family = np.zeros(len(transects), bool), np.full(len(transects), "", object)
    if not np.isfinite(here).any():
        return found, at_mouth
    whole = shapely.get_parts(shapely.line_merge(shapely.MultiLineString([s.line for s in shores])))
    tree, places = shapely.STRtree(whole), transects.at(here[:, None])[:, 0]
    for i in np.flatnonzero(np.isfinite(here)):
        place, shore = shapely.Point(places[i]), shores[crossings.line[i]]
        found["chord_share"][i], found["line_rms_m"][i] = classify.straightness(whole[tree.nearest(place)], place)
        at_mouth[i], family[i] = shore.river_mouth, shore.family
    for name in SHORE_FAMILIES:
        paths = (layout.shore(label, t.id, name) for t in tiles)
        shore_profiles(paths, transects, np.where(family == name, here, np.nan), found["tide_m_per_m"], found["swir1_land_refl"])
    return found | {"pond_share": pond_share(layout.map("water", label), transects, here)}, at_mouth


def owners(settings: Settings, transects: Transects, tiles: list[Tile]) -> list[str]:
    """Code of the unit nearest to each transect's origin; empty where none is within coastline.max_distance_m."""
    if len(transects) == 0:
        return []
    origins = gpd.GeoSeries(shapely.points(transects.origin), crs=tiles[0].grid.crs)
    return list(owner_codes(origins, load_units(settings), coast_of(settings).max_distance_m))


def write_transects(settings: Settings, transects: Transects, table: pd.DataFrame, crs: str) -> None:
    """``transects.gpkg`` with the lines, and ``transects.csv`` with the same columns and the origin in degrees."""
    path = Layout(settings.root).transects
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(list(transects.lines()), crs=crs))
    write_layer(frame, path, "transects", "LineString")
    lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(*transects.origin.T)
    write_csv(table.assign(lon=np.round(lon, 7), lat=np.round(lat, 7)), path.with_suffix(".csv"))


def write_shorelines(
    settings: Settings, shores: dict[str, list[Shore]], crossings: dict[str, Crossings], transects: Transects,
    table: pd.DataFrame, crs: str,
) -> None:  # fmt: skip
    """``shorelines.gpkg``: lines cut where the class that the nearest unit has in their period changes, with the median error of the units on them."""
    rows = []
    for label, found in shores.items():
        unit_class = table[f"class_{label}"].to_numpy()
        seen = np.isfinite(crossings[label].distance_m) & (unit_class != MOUTH)
        places = transects.at(crossings[label].distance_m[:, None])[:, 0][seen]
        tree, error_m = (cKDTree(places) if len(places) else None), table[f"error_{label}"].to_numpy()[seen]
        for shore in found:
            for name, error, line in _cut_by_class(shore, tree, unit_class[seen], error_m, 1.5 * coast_of(settings).transect_spacing_m):
                rows.append(
                    {
                        "period": label,
                        "reference": shore.reference,
                        "class": name,
                        "certainty": shore.certainty,
                        "edge_method": shore.edge_method,
                        "position_error_m": error,
                        "length_m": line.length,
                        "sensor": shore.family,
                        "n_dates": shore.n_dates,
                        "level_m": shore.level_m,
                        "geometry": line,
                    }
                )
    columns = {
        "period": "object",
        "reference": "object",
        "class": "object",
        "certainty": "object",
        "edge_method": "object",
        "position_error_m": "float64",
        "length_m": "float64",
        "sensor": "object",
        "n_dates": "int32",
        "level_m": "float64",
    }
    table = pd.DataFrame(rows, columns=[*columns, "geometry"]).astype(columns)
    write_layer(gpd.GeoDataFrame(table, geometry="geometry", crs=crs), Layout(settings.root).shorelines, "shorelines", "LineString")


def _cut_by_class(
    shore: Shore, tree: cKDTree | None, unit_class: np.ndarray, error_m: np.ndarray, reach_m: float
) -> Iterator[tuple[str, float, shapely.LineString]]:
    """(class, position error in m, line) of the pieces; the shore's own error where no unit is near."""
    if shore.river_mouth or tree is None:
        yield (MOUTH if shore.river_mouth else UNCERTAIN), shore.error_m(), shore.line
        return
    xy = shapely.get_coordinates(shore.line.segmentize(50.0))
    away, nearest = tree.query(xy)
    names = np.where(away <= reach_m, unit_class[nearest], UNCERTAIN)
    errors = np.where(away <= reach_m, error_m[nearest], shore.error_m())
    for name, part in _runs(np.column_stack([xy, errors]), names):
        yield name, float(np.median(part[:, 2])), shapely.LineString(part[:, :2])
