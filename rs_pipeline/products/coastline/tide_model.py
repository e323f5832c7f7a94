"""The tide table of a coast from an ocean tide model that the user has: hourly heights at stations along the reference line or, without one, at those
places around the units that the model reaches, by pyTMD.

The table is a file like one that the user gives (`tide`): it can be inspected, corrected with a gauge, and is named in the evidence.
"""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.products.coastline.tide import TIDE_COLUMNS
from rs_pipeline.products.coastline.transects import lines_within
from rs_pipeline.region import load_units
from rs_pipeline.storage.atomic import atomic_path

STATION_DEG = 0.25
"""Spacing of stations: tides change over tens of kilometres."""
INSHORE_KM = 30.0
"""Models end in coarse pixels off the coast; a station takes the tide of the nearest sea within this distance."""
AROUND_DEG = 1.0
"""So much of a model around the stations is read."""


def model_table(settings: Settings, model: str, folder: Path, out: Path) -> int:
    """Write the tide table ``out`` (columns of `tide.TIDE_COLUMNS`) of all periods of a run; the number of stations.

    Hourly, so that linear interpolation is within 0.03 m of a semidiurnal tide of 1 m. Heights are above the model's mean sea level; weather
    is not in them.

    Parameters
    ----------
    model : name by which pyTMD knows it, for example EOT20 or FES2022.
    folder : where its files lie, as pyTMD expects them.

    Raises
    ------
    ConfigError : ``out`` exists, `tide_stations`, pyTMD is not installed, or the model cannot be read or does not reach the coast.
    """
    if out.exists():
        raise ConfigError("the tide table exists", where=str(out), remedy="remove it, or name another file with --out")
    places = tide_stations(settings)
    first, last = settings.all_periods[0].start, max(p.end for p in settings.all_periods)
    times = np.arange(np.datetime64(first - timedelta(days=1), "h"), np.datetime64(last + timedelta(days=2), "h"), np.timedelta64(1, "h"))
    heights_m = _heights(places, times, model, folder)
    known = np.flatnonzero(np.isfinite(heights_m).all(axis=1))
    if known.size == 0:
        raise ConfigError(f"{model} has no tide within {INSHORE_KM:g} km of the coast", where=str(folder), remedy="use a model that covers it")
    when = pd.Series(times.astype("datetime64[s]")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    tables = [pd.DataFrame(dict(zip(TIDE_COLUMNS, (when, f"{model}-{k + 1}", *places[k].round(4), heights_m[k].round(3)), strict=True))) for k in known]
    with atomic_path(out) as part:
        pd.concat(tables).to_csv(part, index=False, lineterminator="\n")
    return known.size


def tide_stations(settings: Settings) -> np.ndarray:
    """Longitude and latitude, float (n, 2), of points every STATION_DEG on the reference line within reach of the units; without one, of a lattice of
    this spacing over their box.

    Raises
    ------
    ConfigError : the configuration has no coast, or none of the reference line is near the units.
    """
    if settings.coastline is None:
        raise ConfigError("no coast is given", where="coastline", remedy="write `coastline: {}`, or name a reference coastline in coastline.reference")
    west, south, east, north = load_units(settings).total_bounds
    if settings.coastline.reference is None:
        lattice = (np.arange(math.floor(low / STATION_DEG), math.ceil(high / STATION_DEG) + 1) * STATION_DEG for low, high in ((west, east), (south, north)))
        return np.stack(np.meshgrid(*lattice), axis=-1).reshape(-1, 2)
    coast = load_vector(settings, "coastline.reference").geometry.to_numpy()
    lines = lines_within(coast, shapely.box(west, south, east, north).buffer(STATION_DEG))
    if not lines:
        raise ConfigError("the reference coastline is not near the units", where="coastline.reference", remedy="give that of the region")
    along = [shapely.line_interpolate_point(g, np.arange(min(STATION_DEG, g.length) / 2, g.length, STATION_DEG)) for g in lines]
    return shapely.get_coordinates(np.concatenate(along))


def _heights(places: np.ndarray, times: np.ndarray, model: str, folder: Path) -> np.ndarray:
    """Heights in m, float (stations, times), NaN where the model has none."""
    try:
        from pyTMD.compute import tide_elevations
    except ImportError as fault:
        raise ConfigError(f"pyTMD is not installed: {fault}", where="rs-pipeline tides", remedy="pip install -c constraints.txt '.[tides]'") from None
    (left, bottom), (right, top) = places.min(axis=0) - AROUND_DEG, places.max(axis=0) + AROUND_DEG
    try:
        found = [
            tide_elevations(
                np.array([x]),
                np.array([y]),
                times,
                directory=folder,
                model=model,
                type="time series",
                standard="datetime",
                crop=True,
                bounds=[left, right, bottom, top],
                extrapolate=True,
                cutoff=INSHORE_KM,
            )
            for x, y in places
        ]
    except Exception as fault:  # pyTMD passes on any exception of its readers
        raise ConfigError(
            f"the tide model {model!r} cannot be used: {type(fault).__name__}: {fault}",
            where=str(folder),
            remedy="name a model that pyTMD knows and the folder above its own, e.g. --folder tides for tides/EOT20/ocean_tides",
        ) from None
    return np.stack([np.asarray(h, "float64").ravel() for h in found])
