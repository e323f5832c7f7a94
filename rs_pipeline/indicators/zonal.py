"""Step ``zonal``: sums of the maps over counties and sub-zones, before any target.

A pixel is weighted by the exact fraction of it that a polygon covers, and by its area on the ellipsoid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rs_kernels.zonal import zone_sums

from rs_pipeline.catalog.chips import seen_scenes
from rs_pipeline.config import Settings
from rs_pipeline.estimation.propagation import add_variances
from rs_pipeline.estimation.zones import CountySums, coverage, with_masks
from rs_pipeline.indicators.foreshore import foreshores, landlocked
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Tile
from rs_pipeline.products.baselines import other_baselines
from rs_pipeline.products.register import county_maps, products, resolve
from rs_pipeline.products.sea import NEAR_SEA, SEA, sea_and_shore
from rs_pipeline.products.settlements import SETTLED_ZONE, VILLAGE_ZONE, Settlement, read_settlements
from rs_pipeline.products.watch import of_places, watched_zones
from rs_pipeline.region import load_units, surroundings, with_unions
from rs_pipeline.storage.provenance import fingerprint
from rs_pipeline.storage.raster import open_map
from rs_pipeline.storage.retry import Retry, job_name, read_retries
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_grid, read_tiles


def county_zones(settings: Settings, period_label: str) -> gpd.GeoDataFrame:
    """The polygons over which maps are summed: each unit, and its intersections with polygons of side tables; those of watched places may differ by period.

    Columns adcode, name, prefecture, in_region, zone (``county``, FORESHORE in a run with a coast, ``grassland:<type>``, ``lake:<name>`` or one of `watched_zones`), geometry; EPSG:4326; see
    `with_unions`.
    """
    units = with_unions(load_units(settings))
    frames = [units.assign(zone="county")]
    for prefix, key, column in (("grassland", "tables.grassland", "type"), ("lake", "tables.lakes", "name")):
        if settings.path_of(key) is None:
            continue
        shapes = load_vector(settings, key)
        shapes = shapes.assign(zone=f"{prefix}:" + shapes[column].fillna("unnamed").astype(str).str.strip())
        frames.append(units.overlay(shapes[["zone", "geometry"]].dissolve("zone").reset_index(), how="intersection", keep_geom_type=True))
    if settings.coastline is not None:
        frames.append(foreshores(units, surroundings(settings).geometry, read_grid(settings).crs))
    return pd.concat([*frames, *watched_zones(settings, units, period_label)], ignore_index=True)


def _tile_bands(settings: Settings, tile: Tile, label: str, maps: Iterable[str]) -> dict[str, np.ndarray]:
    """``map.band`` to the values of a tile, float32 (h, w), and SEA and NEAR_SEA to the pixels that are sea or at its edge, bool (h, w)."""
    bands: dict[str, np.ndarray] = {}
    for product in maps:
        with open_map(Layout(settings.root).tile_map(label, tile.id, product), tile.grid) as src:
            bands |= {f"{product}.{name}": values for name, values in zip(src.descriptions, src.read(), strict=True)}
    return bands | dict(zip((SEA, NEAR_SEA), sea_and_shore(settings, label, tile.grid), strict=True))


def sums_of_products(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Layers, errors and means of all products of the run for one tile."""
    made = {band.partition(".")[0] for band in now}
    parts = [resolve(p.county_sums)(settings, now, base) for p in products().values() if p.county_sums and made.issuperset(p.county_maps)]

    def joined(kind: str) -> dict[str, Any]:
        return {name: v for part in parts for name, v in getattr(part, kind).items()}

    return CountySums(joined("layers"), joined("errors"), joined("means"), tuple(name for part in parts for name in part.changes))


class _Sums:
    """Sums of layers over zones, and variances of these sums, accumulated tile by tile."""

    def __init__(self, n_zones: int):
        self.n_zones = n_zones
        self.layers, self.errors = pd.DataFrame(), pd.DataFrame()

    def add(
        self, zone: np.ndarray, cell: np.ndarray, weight: np.ndarray, layers: dict[str, np.ndarray], errors: dict[str, np.ndarray], resolution_m: float
    ) -> None:
        """Add a tile: its coverage (`estimation.zones.coverage`), layers and standard errors, float (h, w)."""
        sums, variances = np.zeros((self.n_zones, len(layers))), np.zeros((self.n_zones, len(errors)))
        zone_sums(zone, cell, weight, np.stack([np.asarray(v, "float32").ravel() for v in layers.values()]), sums)
        if errors:
            add_variances(zone, cell, weight, errors, resolution_m, variances)
        self.layers = pd.DataFrame(sums, columns=list(layers)).add(self.layers, fill_value=0)[list(layers)]
        self.errors = pd.DataFrame(variances, columns=list(errors)).add(self.errors, fill_value=0)[list(errors)]

    def table(self) -> pd.DataFrame:
        """One row per zone: the sums, and ``<error>_var_m4``."""
        return pd.concat([self.layers, self.errors.add_suffix("_var_m4")], axis=1)


def zonal(settings: Settings, period_label: str) -> None:
    """Write the sums of a period; areas in m2 on the ellipsoid.

    ``counties/<period>.parquet`` : one row per unit and zone, changes since the run's baseline. ``places/sums_<period>.parquet`` : the same for each watched
    place. ``counties/changes_<period>.parquet`` : the columns of changes since other baselines of targets, one row per unit, zone and baseline.

    Rows with an empty code are unions of units that overlap; the region is the sum of the rows that are ``in_region``. The zones SETTLED_ZONE and VILLAGE_ZONE are
    the parts of a unit in settlements of any kind and in villages that the run has drawn.
    """
    layout = Layout(settings.root)
    polygons, retries = county_zones(settings, period_label), read_retries(layout.retries)
    units = polygons[polygons.zone == "county"]
    rows = pd.concat([polygons, *(units.assign(zone=name) for name in (SETTLED_ZONE, VILLAGE_ZONE))], ignore_index=True)
    used, others = county_maps(settings), other_baselines(settings, period_label)
    state, means = _Sums(len(rows)), {}
    changes = {label: _Sums(len(rows)) for label in others}
    area = np.zeros(len(rows))
    scene_ids: list[set[str]] = [set() for _ in range(len(rows))]
    lost: list[dict[str, str]] = [{} for _ in range(len(rows))]
    tile_ids: list[list[str]] = [[] for _ in range(len(rows))]
    maps: list[list[str]] = [[] for _ in range(len(rows))]
    for tile in read_tiles(settings):
        covered = coverage(tile.grid, polygons)
        if not covered[0].size:
            continue
        settled = read_settlements(settings, tile.grid)
        zone, cell, weight = with_masks(covered, [settled > 0, settled == Settlement.VILLAGE], len(units), len(polygons))
        now = _tile_bands(settings, tile, period_label, used)
        base = now if period_label == settings.baseline_label else _tile_bands(settings, tile, settings.baseline_label, used)
        found = sums_of_products(settings, now, base)
        state.add(zone, cell, weight, found.layers, found.errors, tile.grid.resolution_m)
        means = found.means
        for label, sums in changes.items():
            found = sums_of_products(settings, now, _tile_bands(settings, tile, label, used))
            layers, errors = ({name: v for name, v in part.items() if name in found.changes} for part in (found.layers, found.errors))
            sums.add(zone, cell, weight, layers, errors, tile.grid.resolution_m)
        np.add.at(area, zone, weight)
        given_up = retries.get(job_name("observe", tile.id, period_label), Retry()).given_up
        scenes, failed = (set(), {}) if given_up else seen_scenes(settings, tile.id, period_label)
        prints = [fingerprint(layout.tile_map(period_label, tile.id, product), settings.root) for product in used]
        for z in np.unique(zone):
            scene_ids[z] |= scenes
            lost[z] |= failed
            tile_ids[z].append(tile.id)
            maps[z] += prints
    if state.layers.empty:
        raise ValueError("no unit meets a tile")
    table = pd.DataFrame(rows[["adcode", "name", "prefecture", "in_region", "zone"]])
    table.insert(4, "period", period_label)
    table["area_m2"] = area
    table["n_scenes"] = [len(s) for s in scene_ids]
    table["scene_ids"] = [sorted(s) for s in scene_ids]
    table["lost_scene_ids"] = [sorted(found) for found in lost]
    table["lost_reason"] = [Counter(found.values()).most_common(1)[0][0] if found else "" for found in lost]
    table["tiles"] = tile_ids
    table["maps"] = maps
    table = _means(pd.concat([table, state.table()], axis=1), means)
    single = of_places(table)
    shared = ~single & ~landlocked(table)
    write_parquet(table[shared], layout.counties(period_label))
    if settings.tables.places is not None:
        write_parquet(table[single], layout.place_sums(period_label))
    write_changes(rows[shared], {label: sums.table()[shared] for label, sums in changes.items()}, period_label, layout.changes(period_label))


def write_changes(polygons: gpd.GeoDataFrame, changes: dict[str, pd.DataFrame], period: str, path: Path) -> None:
    """Write sums of changes since several baselines, one row per unit, zone and baseline; without baselines the file has no rows.

    ``polygons`` : adcode, prefecture, in_region and zone. ``changes`` : baseline to sums, rows as in ``polygons``.
    """
    keys = polygons[["adcode", "prefecture", "in_region", "zone"]].reset_index(drop=True)
    rows = [pd.concat([keys.assign(period=period, baseline=label), sums.reset_index(drop=True)], axis=1) for label, sums in changes.items()]
    write_parquet(pd.concat(rows, ignore_index=True) if rows else keys.iloc[:0].assign(period="", baseline=""), path)


def _means(table: pd.DataFrame, means: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """Replace each sum named in ``means`` by its mean; NaN where nothing was observed."""
    for name, (total, over) in means.items():
        table[name] = table.pop(total) / table[over].where(table[over] > 0)
    return table
