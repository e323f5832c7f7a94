"""Values of targets from other sources, in order of precedence: official values, counts of lists, means of rasters of other sources."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from exactextract import exact_extract
from exactextract.raster import RasterioRasterSource

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, missing, observed_ratio
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.targets import run_values, target_units
from rs_pipeline.inputs.outside import ListedThing, OutsideRaster, read_lists, read_rasters
from rs_pipeline.inputs.rasters import checked_raster
from rs_pipeline.products.baselines import period_years
from rs_pipeline.region import families, load_units, prefecture_codes, with_totals, with_unions
from rs_pipeline.storage.foreign import foreign_raster

log = logging.getLogger(__name__)

Key = tuple[str, str, str]
"""(adcode, target id, period)."""


def run_lists(settings: Settings) -> list[ListedThing]:
    """The lists of a run (tables.lists)."""
    return read_lists(settings.tables.lists, target_units(settings), settings.stated("tables.lists"))


def run_rasters(settings: Settings) -> list[OutsideRaster]:
    """The rasters of other sources of a run (tables.rasters), each checked to be readable.

    Raises
    ------
    ConfigError, RasterError : see `checked_raster`.
    """
    found = read_rasters(settings.tables.rasters, target_units(settings), settings.stated("tables.rasters"))
    for raster in found:
        with checked_raster(
            raster.path, f"tables.rasters: {settings.tables.rasters}, {raster.path}", "give a GeoTIFF; its path counts from the folder of the table"
        ):
            pass
    return found


def count_lists(
    things: Iterable[ListedThing], units_of_target: Mapping[str, str], members: Mapping[str, Sequence[str]], years: Mapping[str, int]
) -> dict[Key, Estimate]:
    """Number of things of each target that are named or finished by the end of a period, or their percentage of those listed.

    A unit of which nothing is listed has no value: that a list leaves it out does not mean that it has none.

    Parameters
    ----------
    units_of_target : id of each target to its unit. members : code of each unit, prefecture and the region to the codes that count for it.
    years : label of each period to the year it ends in.

    >>> listed = [ListedThing("T", "1", "a", 2023), ListedThing("T", "1", "b", None), ListedThing("T", "2", "c", 2025)]
    >>> found = count_lists(listed, {"T": "%"}, {"1": ["1"], "R": ["1", "2"]}, {"2024": 2024, "2025": 2025})
    >>> {key: (round(e.interval.value, 1), e.reason) for key, e in found.items() if key[0] == "R"}
    {('R', 'T', '2024'): (33.3, '1 of 3 listed in tables.lists'), ('R', 'T', '2025'): (66.7, '2 of 3 listed in tables.lists')}
    """
    found: dict[Key, Estimate] = {}
    of_target: dict[str, dict[str, list[int | None]]] = {}
    for thing in things:
        of_target.setdefault(thing.target_id, {}).setdefault(thing.adcode, []).append(thing.since)
    for target, by_code in of_target.items():
        for code, counted in members.items():
            since = [year for c in counted for year in by_code.get(c, ())]
            for period, year in years.items() if since else ():
                done = sum(s is not None and s <= year for s in since)
                value = float(done) if units_of_target[target] == "count" else 100 * done / len(since)
                found[code, target, period] = Estimate(Interval(value), math.nan, "", f"{done} of {len(since)} listed in tables.lists")
    return found


def counted_members(units: gpd.GeoDataFrame) -> dict[str, list[str]]:
    """Code of each unit, prefecture and of the region to the codes of a list that count for it: its own and those of the units and prefectures in it."""
    prefectures = prefecture_codes(units).values()
    found = {code: [code, *(c for c in family if c != code)] for code, family in families(units).items()}
    return found | {REGION: [REGION, *units.adcode, *(c for c in prefectures if c not in set(units.adcode))]}


def raster_sums(path: Path, polygons: gpd.GeoDataFrame) -> pd.DataFrame:
    """Sums of a raster's first band over polygons, one row per polygon: ``total`` (value times area), ``seen`` (area with a value) and ``whole`` (area), all in
    the same measure of area. A pixel is weighted by the exact share that a polygon covers; where the raster is in degrees, also by its area on the sphere."""
    with foreign_raster(path) as src:
        crs, cell = src.crs, abs(src.transform.a * src.transform.e)
        shapes, geographic = polygons.to_crs(crs), crs.is_geographic
        frame = gpd.GeoDataFrame({"row": range(len(shapes))}, geometry=shapes.geometry.to_numpy(), crs=crs)
        flat = shapely.transform(frame.geometry.to_numpy(), _equal_area) if geographic else frame.geometry.to_numpy()
        table = pd.DataFrame({"total": 0.0, "seen": 0.0, "whole": shapely.area(flat)})
        for found in exact_extract(RasterioRasterSource(src), frame, ["values", "coverage", "center_y"], include_cols=["row"]):
            p = found["properties"]
            values = np.ma.filled(np.ma.asarray(p["values"]).astype("float64"), np.nan)
            area = np.asarray(p["coverage"]) * (np.radians(1) ** 2 * cell * np.cos(np.radians(p["center_y"])) if geographic else cell)
            known = np.isfinite(values)
            table.loc[p["row"], ["total", "seen"]] = (values[known] * area[known]).sum(), area[known].sum()
    return table


def _equal_area(lonlat: np.ndarray) -> np.ndarray:
    """Longitude and latitude, degrees, to coordinates with the areas of the unit sphere (Lambert cylindrical equal-area projection)."""
    radians = np.radians(lonlat)
    return np.column_stack([radians[:, 0], np.sin(radians[:, 1])])


def raster_means(settings: Settings, rasters: Iterable[OutsideRaster], units: gpd.GeoDataFrame) -> dict[Key, Estimate]:
    """Mean of each raster over the units, prefectures and the region. No value where it covers less than ``indicators.scale_fraction`` of one, because the
    possible values of the rest are unknown. Bounds are a ``range``: the uncertainty that its producer states (half_width)."""
    rows, codes, least, found = with_unions(units), prefecture_codes(units), settings.indicators.scale_fraction, {}
    for raster in rasters:
        sums = pd.concat([pd.DataFrame(rows.drop(columns="geometry")), raster_sums(raster.path, rows)], axis=1)
        for r in with_totals(sums, ["total", "seen", "whole"], codes).itertuples():
            v = observed_ratio(r.seen, r.whole)
            if v < least:
                estimate = missing("insufficient_data", f"{raster.path.name} covers {100 * v:.3g} %; at least {100 * least:.3g} % is needed", v)
            else:
                mean, half = r.total / r.seen, raster.half_width
                interval = Interval(mean) if half is None else Interval(mean, mean - half, mean + half, "range")
                estimate = Estimate(interval, v, "", f"mean of {raster.path.name} (tables.rasters)")
            found[r.adcode, raster.target_id, raster.period] = estimate
    return found


def supplied_values(settings: Settings) -> dict[Key, Estimate]:
    """All supplied values for the units and periods of a run; official values for others are counted in a warning."""
    units, years, given = load_units(settings), period_years(settings), run_values(settings)
    members = counted_members(units)
    values = {(a, t, p): v for (a, p, t), v in given.items() if a in members and p in years}
    if len(values) < len(given):
        log.warning("%d of %d official values are of units or periods outside this run", len(given) - len(values), len(given))
    lists = count_lists(run_lists(settings), target_units(settings), members, years)
    rasters = raster_means(settings, [r for r in run_rasters(settings) if r.period in years], units)
    return rasters | lists | {key: official(value) for key, value in values.items()}


def official(value: Interval) -> Estimate:
    """An official value: nothing was observed for it."""
    return Estimate(value, math.nan, "", "official value")
