"""Findings at the coast: natural coast that became artificial, and new reclamation, neighbouring transects of one period together."""

from __future__ import annotations

import math
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.layout import Layout
from rs_pipeline.products.coastline.classes import ARTIFICIAL, MOUTH
from rs_pipeline.products.coastline.transects import Transects, newest_shores
from rs_pipeline.products.findings import NATURAL_COAST, RECLAIMED, found_table, said

SURE_CLASS = 0.8
"""A conversion or class below this probability is marked as uncertain."""

MOST_APART = 2.0
"""Transects farther apart than so many times the length of coast that they stand for are not neighbours: between them lies coast without transects, or
they stand on different coasts."""

STRIP_M = 20.0
"""Half width of the strip along the shore that stands for converted coast."""


def shore_findings(settings: Settings) -> gpd.GeoDataFrame | None:
    """`coast_findings` of what the satellite alone saw; the list itself adds what visits decided. None in a run without a coast."""
    layout, labels = Layout(settings.root), [p.label for p in settings.all_periods]
    if settings.coastline is None:
        return None
    return coast_findings(seen_by_satellite(gpd.read_file(layout.transects, layer="transects")), labels)


def seen_by_satellite(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``transects.gpkg`` as it would be without visits: each column that has a twin ``satellite_<name>`` is replaced by it."""
    twins = {name: name.removeprefix("satellite_") for name in table if name.startswith("satellite_")}
    return table.drop(columns=list(twins.values())).rename(columns=twins)


def coast_findings(table: gpd.GeoDataFrame, periods: list[str]) -> gpd.GeoDataFrame:
    """One row per stretch of coast (`products.findings.FOUND_DTYPES`). ``table``: ``transects.gpkg``, rows in order along the coast.

    Natural coast lost: length (m) of units that changed from natural to artificial in the period; the interval is that of a sum of units each of
    which is converted with its probability. New reclamation: area (m2) of a lasting seaward step of 100 m and more, except at river mouths; the
    interval is that of the transects' positions, taken as common to all. It has no probability, as none is calibrated.
    """
    table = table.reset_index(drop=True).assign(at=list(newest_shores(table)))
    rows, shapes = [], []
    for period, group in _stretches(table, (table.converted_to == ARTIFICIAL) & (table.converted_period != ""), table.converted_period):
        length, p = group.length_m.sum(), group.converted_probability.fillna(0.5)
        expected, sd = (group.length_m * p).sum(), math.sqrt((group.length_m**2 * p * (1 - p)).sum())
        ambiguous = group.ambiguous_periods.fillna("").str.split(";").map(lambda labels, period=period: period in labels).any()
        against = said({"uncertain_class": expected / length < SURE_CLASS, "ambiguous_waterline": ambiguous})
        rows.append(
            {
                "kind": NATURAL_COAST,
                "adcode": group.adcode.iloc[0],
                "first_seen": period,
                "last_seen": _last_seen(group, periods),
                "amount": length,
                "unit": "m",
                "lower": max(0.0, expected - Z95 * sd),
                "upper": length,
                "probability": expected / length,
                "against": against,
            }
        )
        shapes.append(_strip(group).buffer(STRIP_M))
    stepped = (table.step_m > 0) & (table.step_period != "") & (table.unit_class != MOUTH)
    for period, group in _stretches(table, stepped, table.step_period):
        area, errors = (group.length_m * group.step_m).sum(), group[[c for c in group if c.startswith("error_")]].mean(axis=1).fillna(0)
        half = Z95 * math.sqrt(2) * (group.length_m * errors).sum()
        built = np.average(1 - group.natural_probability.fillna(0.5), weights=group.length_m)
        against = said({"uncertain_class": built < SURE_CLASS, "seen_in_one_period": period == periods[-1]})
        rows.append(
            {
                "kind": RECLAIMED,
                "adcode": group.adcode.iloc[0],
                "first_seen": period,
                "last_seen": _last_seen(group, periods),
                "amount": area,
                "unit": "m2",
                "lower": max(0.0, area - half),
                "upper": area + half,
                "against": against,
            }
        )
        shapes.append(shapely.union_all([_landward(r.geometry, r["at"], r.step_m).buffer(r.length_m / 2, cap_style="flat") for _, r in group.iterrows()]))
    return found_table(rows, shapes, table.crs)


def _stretches(table: gpd.GeoDataFrame, chosen: pd.Series, period: pd.Series) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    """(period, rows) of neighbouring chosen transects of one period and county, no farther apart than MOST_APART times the length that they stand for."""
    key = pd.Series(np.where(chosen, period.fillna("") + " " + table.adcode.fillna(""), ""), table.index)
    origin = Transects.of_lines(table.geometry).origin
    apart_m = pd.Series(np.hypot(*np.diff(origin, axis=0, prepend=origin[:1]).T), table.index)
    run = ((key != key.shift()) | (apart_m > MOST_APART * np.maximum(table.length_m, table.length_m.shift(fill_value=0.0)))).cumsum()
    for _, group in table[key != ""].groupby(run[key != ""], sort=True):
        yield period[group.index[0]], group


def _last_seen(group: pd.DataFrame, periods: list[str]) -> str:
    seen = [p for p in periods if f"distance_{p}" in group and group[f"distance_{p}"].notna().any()]
    return seen[-1] if seen else ""


def _strip(group: gpd.GeoDataFrame) -> shapely.Geometry:
    points = list(group["at"])
    if len(points) > 1:
        return shapely.LineString(points)
    return points[0].buffer(group.length_m.iloc[0] / 2)


def _landward(line: shapely.LineString, at: shapely.Point, step_m: float) -> shapely.LineString:
    """The step on a transect: from the last shoreline landward, or from the transect's landward end where that is nearer."""
    first_m = max(0.0, line.project(at) - step_m)
    return shapely.LineString([line.interpolate(first_m), line.interpolate(first_m + step_m)])
