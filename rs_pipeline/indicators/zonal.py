"""Step ``zonal``: sums of the maps over counties and sub-zones, before any target.

A pixel counts with the exact fraction of it that a polygon covers and with its area on the ellipsoid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
from rs_kernels.zonal import zone_sums

from rs_pipeline.catalog.chips import seen_scenes
from rs_pipeline.config import Settings
from rs_pipeline.estimation.propagation import add_variances
from rs_pipeline.estimation.zones import CountySums, coverage
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Tile
from rs_pipeline.products.register import county_maps, products, resolve
from rs_pipeline.products.sea import SEA, read_sea
from rs_pipeline.region import load_units, read_tiles, with_unions
from rs_pipeline.storage.provenance import fingerprint
from rs_pipeline.storage.raster import open_map
from rs_pipeline.storage.retry import Retry, job_name, read_retries
from rs_pipeline.storage.tables import write_parquet


def county_zones(settings: Settings) -> gpd.GeoDataFrame:
    """The polygons that are summed: each unit, and its parts in the side tables' polygons.

    Columns adcode, name, prefecture, in_region, zone (``county``, ``grassland:<type>`` or ``lake:<name>``), geometry; EPSG:4326; see `with_unions`.
    """
    units = with_unions(load_units(settings))
    frames = [units.assign(zone="county")]
    for prefix, key, column in (("grassland", "tables.grassland", "type"), ("lake", "tables.lakes", "name")):
        if settings.path_of(key) is None:
            continue
        shapes = load_vector(settings, key)
        shapes = shapes.assign(zone=f"{prefix}:" + shapes[column].fillna("unnamed").astype(str).str.strip())
        frames.append(units.overlay(shapes[["zone", "geometry"]].dissolve("zone").reset_index(), how="intersection", keep_geom_type=True))
    return pd.concat(frames, ignore_index=True)


def _tile_bands(settings: Settings, tile: Tile, label: str, maps: Iterable[str]) -> dict[str, np.ndarray]:
    """``map.band`` to the values of a tile, float32 (h, w), and SEA to whether they are sea, bool (h, w)."""
    bands: dict[str, np.ndarray] = {}
    for product in maps:
        with open_map(Layout(settings.root).tile_map(label, tile.id, product), tile.grid) as src:
            bands |= {f"{product}.{name}": values for name, values in zip(src.descriptions, src.read(), strict=True)}
    return bands | {SEA: read_sea(settings, label, tile.grid)}


def sums_of_products(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Layers, errors and means of all products together, of one tile."""
    parts = [resolve(p.county_sums)(settings, now, base) for p in products().values() if p.county_sums]
    return CountySums(*({name: v for part in parts for name, v in getattr(part, kind).items()} for kind in ("layers", "errors", "means")))


def zonal(settings: Settings, period_label: str) -> None:
    """Write ``counties/<period>.parquet``: areas in m2 on the ellipsoid, a row a unit and zone.

    Rows with an empty code are unions of units that overlap; the region is the sum of what is ``in_region``.
    """
    layout = Layout(settings.root)
    polygons, retries = county_zones(settings), read_retries(layout.retries)
    sums: np.ndarray | None = None
    found, used = CountySums({}), county_maps()
    area = np.zeros(len(polygons))
    scene_ids: list[set[str]] = [set() for _ in range(len(polygons))]
    lost: list[dict[str, str]] = [{} for _ in range(len(polygons))]
    tile_ids: list[list[str]] = [[] for _ in range(len(polygons))]
    maps: list[list[str]] = [[] for _ in range(len(polygons))]
    for tile in read_tiles(settings):
        zone, cell, weight = coverage(tile.grid, polygons)
        if not zone.size:
            continue
        now = _tile_bands(settings, tile, period_label, used)
        base = now if period_label == settings.baseline_label else _tile_bands(settings, tile, settings.baseline_label, used)
        found = sums_of_products(settings, now, base)
        if sums is None:
            sums, variances = (np.zeros((len(polygons), len(n))) for n in (found.layers, found.errors))
        stack = np.stack([np.asarray(v, "float32").ravel() for v in found.layers.values()])
        zone_sums(zone, cell, weight, stack, sums)
        np.add.at(area, zone, weight)
        add_variances(zone, cell, weight, found.errors, tile.grid.resolution_m, variances)
        given_up = retries.get(job_name("observe", tile.id, period_label), Retry()).given_up
        scenes, failed = (set(), {}) if given_up else seen_scenes(settings, tile.id, period_label)
        prints = [fingerprint(layout.tile_map(period_label, tile.id, product), settings.root) for product in used]
        for z in np.unique(zone):
            scene_ids[z] |= scenes
            lost[z] |= failed
            tile_ids[z].append(tile.id)
            maps[z] += prints
    if sums is None:
        raise ValueError("no unit meets a tile")
    table = pd.DataFrame(polygons[["adcode", "name", "prefecture", "in_region", "zone"]])
    table.insert(4, "period", period_label)
    table["area_m2"] = area
    table["n_scenes"] = [len(s) for s in scene_ids]
    table["scene_ids"] = [sorted(s) for s in scene_ids]
    table["lost_scene_ids"] = [sorted(found) for found in lost]
    table["lost_reason"] = [Counter(found.values()).most_common(1)[0][0] if found else "" for found in lost]
    table["tiles"] = tile_ids
    table["maps"] = maps
    table = pd.concat([table, pd.DataFrame(sums, columns=list(found.layers)), pd.DataFrame(variances, columns=[f"{e}_var_m4" for e in found.errors])], axis=1)
    write_parquet(_means(table, found.means), layout.counties(period_label))


def _means(table: pd.DataFrame, means: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """Replace the sums whose mean is meant by the mean; NaN where nothing was observed."""
    for name, (total, over) in means.items():
        table[name] = table.pop(total) / table[over].where(table[over] > 0)
    return table
