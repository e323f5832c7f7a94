"""The ledger ``scenes.parquet``: the scenes that a search found. Every later step reads scenes from here, never from a catalog."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, date
from pathlib import Path
from typing import Any

import shapely
import xxhash

from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.redaction import redacted, unsigned
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.rows import read_rows

_PLAIN = [f.name for f in fields(Scene) if f.name not in ("assets", "shapes", "tables", "identity", "bbox", "footprint_wkt")]
_SIDES = ("west", "south", "east", "north")
_TEXTS = ("reason", "offset_decision", "registration", "generated")
_MAYBE = ("cloud_cover", "sun_elevation_deg", "sun_azimuth_deg", "relative_orbit", "displaced_x_m", "displaced_y_m")
_NUMBERS = ("scale", "offset", "moved_x_m", "moved_y_m")


def write_ledger(scenes: Sequence[Scene], path: Path) -> None:
    """Write scenes as GeoParquet (EPSG:4326 footprints), one row per scene, sorted by key.

    Signatures and keys in hrefs are not written to it. Where the pipeline does not sign hrefs itself, those that a read needs go to `Layout.signatures`.
    """
    import geopandas as gpd  # imported here: it takes a third of the start-up time of jobs that only read a ledger
    import pandas as pd

    from rs_pipeline.storage.tables import write_parquet

    _keep_signatures(scenes, Layout(path.parent).signatures)
    ordered = [_public(s) for s in sorted(scenes, key=lambda s: s.key)]
    table = pd.DataFrame({name: [getattr(s, name) for s in ordered] for name in _PLAIN})
    table["datetime"] = pd.to_datetime(table["datetime"], utc=True).astype("datetime64[us, UTC]")
    table["solar_day"] = [s.solar_day.isoformat() for s in ordered]
    for name in (*_MAYBE, *_NUMBERS):
        table[name] = table[name].astype("float64")
    for i, side in enumerate(_SIDES):
        table[side] = [float(s.bbox[i]) for s in ordered]
    for name in ("shapes", "assets", "tables", "identity"):
        table[name] = [json.dumps(getattr(s, name), sort_keys=True) for s in ordered]
    footprints = [shapely.from_wkt(s.footprint_wkt) if s.footprint_wkt else shapely.Polygon() for s in ordered]
    write_parquet(gpd.GeoDataFrame(table, geometry=footprints, crs=4326), path)


def _public(scene: Scene) -> Scene:
    """The scene without secrets."""
    public: dict[str, Any] = {name: {role: unsigned(href) for role, href in getattr(scene, name).items()} for name in ("assets", "tables")}
    return replace(scene, **public | {name: redacted(getattr(scene, name)) for name in _TEXTS})


def _keep_signatures(scenes: Sequence[Scene], path: Path) -> None:
    """Write the full hrefs that carry a secret to a file that only this user can read; no file where there are none."""
    if signed := _signed_hrefs(scenes):
        _write_signatures(signed, path)
    else:
        path.unlink(missing_ok=True)


def keep_renewed(scenes: Sequence[Scene], path: Path) -> None:
    """Replace the signatures of some scenes in the file, so that later jobs have them too."""
    _write_signatures(read_signatures(path) | _signed_hrefs(scenes), path)


def _signed_hrefs(scenes: Sequence[Scene]) -> dict[str, dict[str, dict[str, str]]]:
    """As `read_signatures`, of the used scenes."""
    signed = {
        s.key: {n: h for n in ("assets", "tables") if (h := {r: h for r, h in getattr(s, n).items() if unsigned(h) != h})} for s in scenes if s.status == "used"
    }
    return {key: hrefs for key, hrefs in signed.items() if hrefs}


def _write_signatures(signed: Mapping, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.touch(mode=0o600)
        part.write_text(json.dumps({"digest": _digest(signed), "hrefs": signed}), "utf-8")


def _digest(signed: Mapping) -> str:
    return xxhash.xxh3_128(json.dumps(signed, sort_keys=True).encode()).hexdigest()


def read_signatures(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Key of a scene to its full hrefs (``assets``, ``tables``) that carry a secret; empty where there is no file.

    Raises
    ------
    TableError : the file is damaged: without signatures the server would refuse every read.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
        if told["digest"] == _digest(told["hrefs"]):
            return told["hrefs"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise TableError(
        "the signatures of addresses are damaged, or of an earlier version",
        where=str(path),
        remedy="start `rs-pipeline run` again: it searches again; or run `rs-pipeline search --config <configuration>`",
    )


def with_signatures(scenes: list[Scene], path: Path) -> list[Scene]:
    """Scenes of the ledger with their full hrefs as the search found them, so that they can be read; see `read_signatures`."""
    signed = read_signatures(path)
    return [replace(s, assets=s.assets | signed.get(s.key, {}).get("assets", {}), tables=s.tables | signed.get(s.key, {}).get("tables", {})) for s in scenes]


def read_ledger(path: Path, **wanted: Collection) -> list[Scene]:
    """The scenes of a ledger, sorted by key. ``wanted`` : column name to values; only scenes with one of the values are returned.

    Raises
    ------
    TableError : the file is missing or is not a ledger.
    """
    try:
        return [_scene(row) for row in read_rows(path, None, **wanted)]
    except (OSError, KeyError, ValueError, TypeError, AttributeError, ArithmeticError, shapely.errors.ShapelyError) as fault:
        raise TableError(
            f"the ledger of scenes cannot be read: {fault}", where=str(path), remedy="run `rs-pipeline search --config <configuration>` again"
        ) from fault


def _scene(row: dict) -> Scene:
    values = {name: row[name] for name in _PLAIN}
    west, south, east, north = (float(row[side]) for side in _SIDES)
    for name in _NUMBERS:
        values[name] = math.nan if values[name] is None else values[name]
    values["relative_orbit"] = None if values["relative_orbit"] is None else int(values["relative_orbit"])
    values["datetime"] = values["datetime"].astimezone(UTC)
    values["solar_day"] = date.fromisoformat(values["solar_day"])
    footprint = shapely.from_wkb(row["geometry"])
    empty = footprint is None or footprint.is_empty
    return Scene(
        **values,
        assets=json.loads(row["assets"]),
        shapes={role: tuple(shape) for role, shape in json.loads(row["shapes"]).items()},
        tables=json.loads(row["tables"]),
        identity=json.loads(row["identity"]),
        bbox=(west, south, east, north),
        footprint_wkt="" if empty else shapely.to_wkt(footprint, rounding_precision=7),
    )


def nir_pixels_m(path: Path) -> dict[str, float]:
    """Id of each optical scene to the pixel size of its sensor's near-infrared band, metres; empty where there is no ledger."""
    if not path.exists():
        return {}
    found = [(r["scene_id"], r["sensor"]) for r in read_rows(path, columns=["scene_id", "sensor"])]
    bands = {name: load_sensor(name).band("nir") for _, name in found}
    return {scene: band.resolution_m for scene, sensor in found if (band := bands[sensor]) is not None}


def finest_pixel_m(pixels_m: Mapping[str, float], scene_ids: Iterable[str]) -> float:
    """The smallest of `nir_pixels_m` of some scenes; NaN where none of them is optical."""
    return min((pixels_m[s] for s in scene_ids if s in pixels_m), default=math.nan)
