"""Proxies of water quality in watched places: those of the water bodies that lie in them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.estimation.estimate import Estimate, missing
from rs_pipeline.estimation.uncertainty import Interval

PROXIES = {"turbidity_fnu": "FNU", "chlorophyll_mg_m3": "mg/m3"}
"""Proxy of ``water/quality.parquet`` to its unit."""

LEAST_SHARED = 0.5
"""A water and a place belong together if they share at least this part of the smaller of the two."""

OVER_DATES = "dates80"
"""Kind of bounds that hold 80 % of the dates."""

NO_WATER = "no water body that is wide enough for its quality lies in this place"
TOO_FEW_VALUES = "too few dates with a value"
TOO_TURBID = "too few dates with a value, or too turbid for chlorophyll"
NO_MEASUREMENT = "a proxy that ranks waters and dates, no measurement: bounds hold 80 % of the dates"


def read_waters(bodies: Path, quality: Path) -> gpd.GeoDataFrame:
    """Outline of each body and period that has a row of proxies, with that row."""
    outlines = gpd.read_file(bodies, layer="bodies")[["body_id", "period", "geometry"]]
    return outlines.astype({"period": str}).merge(pd.read_parquet(quality).astype({"period": str}), on=["body_id", "period"])


def waters_in(places: gpd.GeoDataFrame, waters: gpd.GeoDataFrame) -> pd.DataFrame:
    """Rows of ``waters`` by ``place_id``, of those that belong to a place (LEAST_SHARED), with ``shared_m2``. Both tables in one CRS in metres."""
    place, water = places.sindex.query(waters.geometry, predicate="intersects")[::-1]
    mine, theirs = places.geometry.to_numpy()[place], waters.geometry.to_numpy()[water]
    shared = shapely.area(shapely.intersection(mine, theirs))
    belongs = (shared > 0) & (shared >= LEAST_SHARED * np.minimum(shapely.area(mine), shapely.area(theirs)))
    rows = pd.DataFrame(waters.drop(columns="geometry")).iloc[water[belongs]].reset_index(drop=True)
    return rows.assign(place_id=places.place_id.to_numpy()[place[belongs]], shared_m2=shared[belongs])


def proxy(waters: pd.DataFrame, place: str, period: str, name: str) -> Estimate:
    """Median of a proxy over the dates, and its 10 and 90 % quantiles, as the mean of the waters of a place by their area in it; or why there is none.

    Chlorophyll counts only where the water is clear enough for a trophic level. ``waters`` : rows of `waters_in`.
    """
    mine = waters[(waters.place_id == place) & (waters.period == period)]
    if mine.empty:
        return missing("no_target", NO_WATER)
    chlorophyll = name == "chlorophyll_mg_m3"
    known = mine[mine[name].notna() & (mine.tli_chlorophyll.notna() | (not chlorophyll))]
    if known.empty:
        return missing("insufficient_data", TOO_TURBID if chlorophyll else TOO_FEW_VALUES)
    value, lower, upper = (float(np.average(known[name + end], weights=known.shared_m2)) for end in ("", "_p10", "_p90"))
    return Estimate(Interval(value, lower, upper, OVER_DATES), float(known.shared_m2.sum() / mine.shared_m2.sum())).noting(NO_MEASUREMENT)
