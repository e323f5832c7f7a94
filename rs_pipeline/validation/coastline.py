"""Shorelines, rates and classes of the coast against the truth.

Positions are measured at the true line: every SPACING_M a line normal to it is cast, and the nearest crossing of a drawn line within
REACH_M is the result. Errors are in metres, seaward positive. True lines are those of mean sea level in the middle of the year.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.products.coastline.classes import ARTIFICIAL, NATURAL
from rs_pipeline.products.coastline.cross_check import vegetation_distance
from rs_pipeline.products.coastline.indicators import NATURAL_WEIGHT
from rs_pipeline.products.coastline.transects import Transects
from rs_pipeline.validation.metrics import bias, interval_coverage, ratio, rmse
from rs_pipeline.validation.truth import Score, Truth

SPACING_M = 20.0
REACH_M = 200.0
TANGENT_M = 15.0
"""The direction of the true line is that of the chord between points this far to either side."""
NEAR_LINE_M = 50.0
"""A drawn line further than this from any true line counts as untrue."""
STEP_FACTOR = 5.0
"""Segments of a true line longer than this many times its median segment are steps between two sections, not coast."""


def shore_points(lines: gpd.GeoDataFrame) -> pd.DataFrame:
    """Points every SPACING_M on true lines with the unit vector to the sea: x, y, sea_x, sea_y and the lines' columns.

    The sea lies to the right of the lines.
    """
    rows = []
    for line in lines.itertuples():
        for part in _without_steps(line.geometry):
            along = np.arange(SPACING_M / 2, part.length, SPACING_M)
            xy = shapely.get_coordinates(shapely.line_interpolate_point(part, along))
            ahead = shapely.get_coordinates(shapely.line_interpolate_point(part, np.minimum(along + TANGENT_M, part.length)))
            behind = shapely.get_coordinates(shapely.line_interpolate_point(part, np.maximum(along - TANGENT_M, 0)))
            tangent = (ahead - behind) / np.hypot(*(ahead - behind).T)[:, None]
            for (x, y), (tx, ty) in zip(xy, tangent, strict=True):
                rows.append((x, y, ty, -tx, int(line.year), line.section, line.type, line.kind))
    columns = ["x", "y", "sea_x", "sea_y", "year", "section", "type", "kind"]
    return pd.DataFrame(rows, columns=columns)


def _without_steps(line: shapely.LineString) -> list[shapely.LineString]:
    xy = shapely.get_coordinates(line)
    length = np.hypot(*np.diff(xy, axis=0).T)
    cuts = np.flatnonzero(length > STEP_FACTOR * np.median(length)) + 1
    return [shapely.LineString(part) for part in np.split(xy, cuts) if len(part) > 1]


def _true_lines(truth: Truth) -> gpd.GeoDataFrame:
    """True shorelines with the column ``class`` renamed to ``kind``: ``class`` cannot be an attribute of a row."""
    assert truth.shorelines is not None, "scored where the world has a coast"
    return truth.shorelines.rename(columns={"class": "kind"})


def crossings(points: pd.DataFrame, lines: np.ndarray, reach_m: float = REACH_M) -> tuple[np.ndarray, np.ndarray]:
    """Seaward distance in m to the nearest crossing of the normals with lines, float64 (n,), NaN for none; and which line, -1 for none."""
    distance, which = np.full(len(points), np.nan), np.full(len(points), -1)
    if not len(points) or not len(lines):
        return distance, which
    origin, sea = points[["x", "y"]].to_numpy("float64"), points[["sea_x", "sea_y"]].to_numpy("float64")
    normals = shapely.linestrings(np.stack([origin - reach_m * sea, origin + reach_m * sea], axis=1))
    for i, j in zip(*shapely.STRtree(lines).query(normals, predicate="intersects"), strict=True):
        hits = shapely.get_coordinates(shapely.intersection(normals[i], lines[j]))
        along = (hits - origin[i]) @ sea[i]
        nearest = along[np.argmin(np.abs(along))]
        if not abs(nearest) >= abs(distance[i]):
            distance[i], which[i] = nearest, j
    return distance, which


def shoreline_errors(lines: gpd.GeoDataFrame, truth: Truth) -> pd.DataFrame:
    """One row for each station of the true lines, of the drawn years, that lies in the world (the lines continue beyond it).

    The columns of `shore_points`, ``error_m`` (seaward positive, NaN where no line was drawn) and ``sigma_m`` (the drawn line's
    ``position_error_m``, NaN where it says none).
    """
    points = shore_points(_true_lines(truth))
    left, bottom, right, top = truth.grid.bounds
    points = points[points.x.between(left, right) & points.y.between(bottom, top)]
    tables = []
    for year in sorted(set(points.year) & set(lines.year)):
        mine, drawn = points[points.year == year].copy(), lines[lines.year == year]
        mine["error_m"], which = crossings(mine, drawn.geometry.to_numpy())
        stated = drawn.position_error_m.to_numpy("float64") if "position_error_m" in drawn else np.full(len(drawn), np.nan)
        mine["sigma_m"] = np.append(stated, np.nan)[which]
        tables.append(mine)
    empty = points.iloc[:0].assign(error_m=np.zeros(0), sigma_m=np.zeros(0))
    return pd.concat(tables, ignore_index=True) if tables else empty


def score_lines(lines: gpd.GeoDataFrame, truth: Truth, *, sensor: str | None = None) -> list[Score]:
    """Position of drawn shorelines by type of coast, product ``shoreline``. Empty where the world has no coast.

    Parameters
    ----------
    lines : year (int), sensor, geometry (CRS of the truth's grid) and, if stated, position_error_m (1 sigma).
    sensor : only lines of this sensor, and its name in the subset; None takes all lines together.
    """
    if truth.shorelines is None:
        return []
    lines = lines[lines.geometry.notna() & ~lines.geometry.is_empty]
    lines = lines if sensor is None else lines[lines.sensor == sensor]
    errors = shoreline_errors(lines, truth)
    suffix = "" if sensor is None else f", {sensor}"
    scores = []
    for name, group in (("all", errors[errors.type != "river mouth"]), *errors.groupby("type")):
        scores += _position(f"{name}{suffix}", group)
    return [*scores, _untrue_length(f"all{suffix}", lines, truth)]


def _position(subset: str, group: pd.DataFrame) -> list[Score]:
    error = group.error_m.to_numpy()
    found = error[np.isfinite(error)]
    zero, sigma, n = np.zeros(len(found)), group.sigma_m.to_numpy()[np.isfinite(error)], len(found)
    scores = [*_placed("shoreline", subset, error), Score("shoreline", "sd", subset, float(found.std()) if n else math.nan, "m", n)]
    if np.isfinite(sigma).any():
        covered = 100 * interval_coverage(found - Z95 * sigma, found + Z95 * sigma, zero)
        scores.append(Score("shoreline", "coverage", subset, covered, "%", int(np.isfinite(sigma).sum())))
    return scores


def _placed(product: str, subset: str, error_m: np.ndarray) -> list[Score]:
    """Bias, RMSE and completeness of positions; NaN where there is none."""
    found = error_m[np.isfinite(error_m)]
    zero, n = np.zeros(len(found)), len(found)
    return [
        Score(product, "bias", subset, bias(found, zero), "m", n),
        Score(product, "rmse", subset, rmse(found, zero), "m", n),
        Score(product, "found_share", subset, 100 * ratio(n, len(error_m)), "%", len(error_m)),
    ]


def _untrue_length(subset: str, lines: gpd.GeoDataFrame, truth: Truth) -> Score:
    """Share of the drawn length that lies further than NEAR_LINE_M from the true line of its year."""
    true = truth.shorelines
    assert true is not None, "scored where the world has a coast"
    known = lines[lines.year.isin(true.year)]
    total, away = float(known.length.sum()), 0.0
    for year, drawn in known.groupby("year"):
        near = true[true.year == year].union_all().buffer(NEAR_LINE_M)
        away += float(drawn.geometry.difference(near).length.sum())
    return Score("shoreline", "untrue_share", subset, 100 * ratio(away, total), "%", round(total))


def true_distances(transects: gpd.GeoDataFrame, truth: Truth) -> pd.DataFrame:
    """Where the true lines cross transects: a column a year, m from the landward end, NaN where they do not; ``kind_<year>`` (natural, artificial,
    river mouth) there, empty where there is none; and ``type`` and ``kind`` of the last year."""
    lines = _true_lines(truth)
    table = pd.DataFrame(index=transects.index)
    for year in truth.years:
        mine = lines[lines.year == year]
        found = [_crossing(t, mine) for t in transects.geometry]
        table[year] = [f[0] for f in found]
        table["type"], table["kind"] = [f[1] for f in found], [f[2] for f in found]
        table[f"kind_{year}"] = table["kind"]
    return table


def _crossing(transect: shapely.LineString, lines: gpd.GeoDataFrame) -> tuple[float, str, str]:
    """The crossing nearest to the middle of the transect."""
    found = [
        (transect.project(shapely.Point(p)), line.type, line.kind)
        for line in lines.itertuples()
        for p in shapely.get_coordinates(transect.intersection(line.geometry))
    ]
    return min(found, key=lambda f: abs(f[0] - transect.length / 2)) if found else (math.nan, "", "")


def slopes(years: np.ndarray, distance_m: np.ndarray) -> np.ndarray:
    """Least-squares slope of every row of (n, years), m a year; NaN where a year is missing or there is only one."""
    t = np.asarray(years, "float64") - np.mean(years)
    return distance_m @ t / (t @ t) if len(t) > 1 else np.full(len(distance_m), np.nan)


def score_rates(transects: gpd.GeoDataFrame, truth: Truth) -> list[Score]:
    """Error of shoreline rates and coverage of their 95 % intervals, by type of coast, product ``shoreline_rate``.

    The true rate is the same least-squares slope over the true lines of all years.

    Parameters
    ----------
    transects : lrr_m_yr, lrr_ci95_m_yr (half-width), geometry (landward to seaward, CRS of the truth's grid).
    """
    if truth.shorelines is None or len(truth.years) < 2:
        return []
    true = true_distances(transects, truth)
    rate = slopes(np.array(truth.years), true[list(truth.years)].to_numpy())
    error, half = transects.lrr_m_yr.to_numpy("float64") - rate, transects.lrr_ci95_m_yr.to_numpy("float64")
    types = true.type.to_numpy()
    scores = []
    for subset in ("all", *sorted(set(types) - {"", "river mouth"})):
        mine = np.isfinite(error) & ((types != "river mouth") if subset == "all" else (types == subset))
        e, h, n = error[mine], half[mine], int(mine.sum())
        known = h[np.isfinite(h)]
        scores += [
            Score("shoreline_rate", "mae", subset, float(np.abs(e).mean()) if n else math.nan, "m/yr", n),
            Score("shoreline_rate", "bias", subset, bias(e, np.zeros(n)), "m/yr", n),
            Score("shoreline_rate", "coverage", subset, 100 * interval_coverage(e - h, e + h, np.zeros(n)), "%", len(known)),
            Score("shoreline_rate", "median_width", subset, float(2 * np.median(known)) if len(known) else math.nan, "m/yr", len(known)),
        ]
    return scores


def length_of(lines: gpd.GeoDataFrame, *kinds: str) -> float:
    """Length in m of true lines of some classes, without the steps between sections."""
    return float(sum(p.length for g in lines.geometry[lines["class"].isin(kinds)] for p in _without_steps(g)))


def natural_length(lines: gpd.GeoDataFrame) -> tuple[float, float]:
    """Length in m of natural coast and of all coast of true lines; river mouths and steps between sections are left out."""
    return length_of(lines, NATURAL), length_of(lines, NATURAL, ARTIFICIAL)


def score_classes(transects: gpd.GeoDataFrame, truth: Truth) -> list[Score]:
    """Natural or artificial, per unit of coast, against the line of the last year, product ``shoreline_class``.

    River mouths of the truth are left out. ``accuracy`` counts ``uncertain`` as wrong; the subset ``decided`` leaves it out.
    ``retention_error`` is the share of natural coast as published (uncertain units count half) minus the true one, percentage points.
    ``false_conversion_share`` is the percentage of units with one class in all true years that are called converted; ``conversion_found_share`` is
    the percentage of truly converted units that are called converted to the right class.

    Parameters
    ----------
    transects : unit_class (natural, artificial, river mouth, uncertain), converted_to, length_m, geometry (CRS of the truth's grid).
    """
    if truth.shorelines is None:
        return []
    true_kinds = true_distances(transects, truth)
    kind = true_kinds["kind"].to_numpy()
    known = np.isin(kind, ("natural", "artificial"))
    classified = transects.unit_class.to_numpy()
    right, decided = (classified == kind) & known, known & np.isin(classified, ("natural", "artificial", "river mouth"))
    scores = [
        Score("shoreline_class", "accuracy", "all", ratio(right.sum(), known.sum()), "1", int(known.sum())),
        Score("shoreline_class", "accuracy", "decided", ratio(right.sum(), decided.sum()), "1", int(decided.sum())),
    ]
    for name in ("natural", "artificial"):
        mine = known & (kind == name)
        scores.append(Score("shoreline_class", "recall", name, ratio(right[mine].sum(), mine.sum()), "1", int(mine.sum())))
    first, called = true_kinds[f"kind_{min(truth.years)}"].to_numpy(), transects.converted_to.fillna("").to_numpy()
    turned = known & np.isin(first, (NATURAL, ARTIFICIAL)) & (first != kind)
    same = known & (true_kinds[[f"kind_{y}" for y in truth.years]].to_numpy() == kind[:, None]).all(axis=1)
    scores += [
        Score("shoreline_class", "false_conversion_share", "all", 100 * ratio((same & (called != "")).sum(), same.sum()), "%", int(same.sum())),
        Score("shoreline_class", "conversion_found_share", "all", 100 * ratio((turned & (called == kind)).sum(), turned.sum()), "%", int(turned.sum())),
    ]
    coast = transects[transects.unit_class.isin(NATURAL_WEIGHT)]
    share = ratio((coast.length_m * coast.unit_class.map(NATURAL_WEIGHT)).sum(), coast.length_m.sum())
    true = ratio(*natural_length(truth.shorelines[truth.shorelines.year == max(truth.years)]))
    scores.append(Score("shoreline_class", "retention_error", "all", 100 * (share - true), "percentage points", len(coast)))
    return scores


def score_cross_checks(transects: gpd.GeoDataFrame, truth: Truth, labels: dict[str, int]) -> list[Score]:
    """Error of the cross-checks along transects, product ``shoreline_radar``, by type of coast, and ``vegetation_line``.

    The true vegetation line is computed from the true cover landward of the true shore.

    Parameters
    ----------
    transects : radar_<period>, vegetation_line_<period> in m, geometry (landward to seaward, CRS of the truth's grid).
    labels : period to year.
    """
    if truth.shorelines is None or transects.empty:
        return []
    true, lines = true_distances(transects, truth), Transects.of_lines(transects.geometry)
    rows = []
    for label, year in labels.items():
        shore = true[year].to_numpy("float64")
        plants = vegetation_distance(truth.folder / f"vegetation_{year}.tif", lines, shore)
        rows.append(
            pd.DataFrame(
                {
                    "type": true.type,
                    "known": np.isfinite(shore),
                    "radar": transects[f"radar_{label}"].to_numpy("float64") - shore,
                    "plants": transects[f"vegetation_line_{label}"].to_numpy("float64") - plants,
                }
            )
        )
    table = pd.concat(rows, ignore_index=True)
    coast = table[table.known & ~table.type.isin(["", "river mouth"])]
    scores = [s for name, group in (("all", coast), *coast.groupby("type")) for s in _cross_check_scores("shoreline_radar", name, group.radar)]
    return scores + _cross_check_scores("vegetation_line", "all", coast.plants)


def _cross_check_scores(product: str, subset: str, error_m: pd.Series) -> list[Score]:
    middle = float(error_m.abs().median())
    return [*_placed(product, subset, error_m.to_numpy()), Score(product, "median_absolute_error", subset, middle, "m", int(error_m.notna().sum()))]
