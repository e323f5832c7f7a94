"""The ledger ``scenes.parquet``: what a search found, frozen. Every later step reads scenes from here, never from a catalog."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import UTC, date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from rs_pipeline.errors import TableError
from rs_pipeline.model import Scene
from rs_pipeline.storage.tables import write_parquet

_PLAIN = [f.name for f in fields(Scene) if f.name not in ("assets", "shapes", "tables", "identity", "bbox", "footprint_wkt")]
_SIDES = ("west", "south", "east", "north")
_MAYBE = ("cloud_cover", "sun_elevation_deg", "sun_azimuth_deg", "relative_orbit", "displaced_x_m", "displaced_y_m")


def write_ledger(scenes: Sequence[Scene], path: Path) -> None:
    """Write scenes as GeoParquet (EPSG:4326 footprints), one row a scene, sorted by key."""
    ordered = sorted(scenes, key=lambda s: s.key)
    table = pd.DataFrame({name: [getattr(s, name) for s in ordered] for name in _PLAIN})
    table["datetime"] = pd.to_datetime(table["datetime"], utc=True).astype("datetime64[us, UTC]")
    table["solar_day"] = [s.solar_day.isoformat() for s in ordered]
    for name in (*_MAYBE, "scale", "offset", "moved_x_m", "moved_y_m"):
        table[name] = table[name].astype("float64")
    for i, side in enumerate(_SIDES):
        table[side] = [float(s.bbox[i]) for s in ordered]
    for name in ("shapes", "assets", "tables", "identity"):
        table[name] = [json.dumps(getattr(s, name), sort_keys=True) for s in ordered]
    footprints = [shapely.from_wkt(s.footprint_wkt) if s.footprint_wkt else shapely.Polygon() for s in ordered]
    write_parquet(gpd.GeoDataFrame(table, geometry=footprints, crs=4326), path)


def read_ledger(path: Path, **wanted: Collection) -> list[Scene]:
    """The scenes of a ledger, sorted by key; of a column that is named only those with one of its values.

    Raises
    ------
    TableError : the file is missing or is not a ledger.
    """
    try:
        table = gpd.read_parquet(path)
        for column, values in wanted.items():
            table = table[table[column].isin(values)]
        return [_scene(row) for row in table.to_dict("records")]
    except (OSError, KeyError, ValueError) as fault:
        raise TableError(f"the ledger of scenes cannot be read: {fault}", where=str(path), remedy="run `search` again") from None


def _scene(row: dict) -> Scene:
    values = {name: row[name] for name in _PLAIN}
    for name in _MAYBE:
        values[name] = None if pd.isna(values[name]) else float(values[name])
    values["relative_orbit"] = None if values["relative_orbit"] is None else int(values["relative_orbit"])
    values["datetime"] = values["datetime"].to_pydatetime().astimezone(UTC)
    values["solar_day"] = date.fromisoformat(values["solar_day"])
    footprint = row["geometry"]
    empty = footprint is None or footprint.is_empty
    return Scene(
        **values,
        assets=json.loads(row["assets"]),
        shapes={role: tuple(shape) for role, shape in json.loads(row["shapes"]).items()},
        tables=json.loads(row["tables"]),
        identity=json.loads(row["identity"]),
        bbox=tuple(float(row[side]) for side in _SIDES),
        footprint_wkt="" if empty else shapely.to_wkt(footprint, rounding_precision=7),
    )
