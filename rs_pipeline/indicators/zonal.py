"""Step ``zonal``: sums of the maps over counties and sub-zones, before any target.

A pixel counts with the exact fraction of it that a polygon covers and with its area on the ellipsoid.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from rs_kernels.zonal import zone_sums
from scipy import ndimage

from rs_pipeline.catalog.chips import seen_scenes
from rs_pipeline.config import Settings
from rs_pipeline.estimation.propagation import add_variances, standard_errors
from rs_pipeline.layout import PRODUCTS, Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.region import load_units, load_vector, pixel_areas, read_tiles
from rs_pipeline.storage.provenance import fingerprint
from rs_pipeline.storage.retry import Mark, job_name, read_marks
from rs_pipeline.storage.tables import write_parquet

EIGHT = np.ones((3, 3), bool)

GREENING_STEP = 0.1
"""Least change of peak cover that counts as greening or browning (policy clause 10)."""


def zones(settings: Settings) -> gpd.GeoDataFrame:
    """The polygons that are summed: each unit, and its parts in the side tables' polygons.

    Columns adcode, name, prefecture, zone (``county``, ``grassland:<type>`` or ``lake:<name>``), geometry; EPSG:4326.
    """
    units = load_units(settings)
    frames = [units.assign(zone="county")]
    for prefix, path, column in (("grassland", settings.tables.grassland, "type"), ("lake", settings.tables.lakes, "name")):
        if path is None:
            continue
        shapes = load_vector(path, key=f"tables.{prefix.replace('lake', 'lakes')}")
        shapes = shapes.assign(zone=f"{prefix}:" + (shapes[column].astype(str) if column in shapes else "all"))
        frames.append(units.overlay(shapes[["zone", "geometry"]].dissolve("zone").reset_index(), how="intersection", keep_geom_type=True))
    return pd.concat(frames, ignore_index=True)


def coverage(grid: Grid, polygons: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact coverage of pixels by polygons: zone index, flat pixel index, covered area in m2 (all 1-d, aligned)."""
    frame = gpd.GeoDataFrame({"zone": range(len(polygons))}, geometry=polygons.geometry.values, crs=polygons.crs).to_crs(grid.crs)
    left, bottom, right, top = grid.bounds
    frame = frame.cx[left:right, bottom:top]
    area = pixel_areas(grid).ravel().astype("float64")
    if frame.empty:
        return np.zeros(0, "int64"), np.zeros(0, "int64"), np.zeros(0)
    template = NumPyRasterSource(np.zeros(grid.shape, "float32"), left, bottom, right, top, srs_wkt=frame.crs.to_wkt())
    found = exact_extract(template, frame, ["cell_id", "coverage"], include_cols=["zone"], output="pandas")
    zone = np.concatenate([np.full(len(c), z) for z, c in zip(found.zone, found.cell_id, strict=True)]).astype("int64")
    cell = np.concatenate(list(found.cell_id)).astype("int64")
    share = np.concatenate(list(found.coverage)).astype("float64")
    inside = share > 0
    return zone[inside], cell[inside], share[inside] * area[cell[inside]]


def area_bounds(surely: np.ndarray, possibly: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Water share of pixels, lower and upper, float32 (h, w), NaN where not ``seen``.

    A map of whole pixels places a bank to half a pixel: the rim of the water may be half land and the land along it
    half water. ``surely`` and ``possibly`` are the water masks by the lower and upper frequency.
    """
    inner = ndimage.binary_erosion(surely | ~seen, EIGHT, border_value=1)
    outer = ndimage.binary_dilation(possibly, EIGHT) & ~possibly
    lower = np.where(surely, np.where(inner, 1.0, 0.5), 0.0)
    upper = np.where(possibly, 1.0, np.where(outer, 0.5, 0.0))
    return tuple(np.where(seen, share, np.nan).astype("float32") for share in (lower, upper))


def layers_of(now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Per-pixel quantities whose area-weighted sums are the county statistics. NaN adds nothing.

    ``now`` and ``base`` hold the bands of vegetation, water and black_odorous of this and the baseline period
    (keys ``fvc_peak`` ... ``bow_class``). Vegetation counts on land only: permanent water is left out.
    """

    def where(condition, *needed):
        seen = np.all([np.isfinite(n) for n in needed], axis=0) if needed else True
        return np.where(seen & condition, np.float32(1), np.float32(np.nan))

    true = np.ones_like(now["class"], bool)
    land = now["class"] != 1
    peak = np.where(land, now["fvc_peak"], np.nan)
    growing = np.where(land, now["fvc_growing"], np.nan)
    change = peak - np.where(base["class"] != 1, base["fvc_peak"], np.nan)
    noise = 1.96 * np.hypot(now["fvc_peak_sigma"], base["fvc_peak_sigma"])
    both = (now["class"], base["class"])
    seen, threshold = np.isfinite(now["class"]), now["permanent_threshold"]
    lower, upper = area_bounds(now["frequency_lower"] >= threshold, now["frequency_upper"] >= threshold, seen)
    return {
        "land_m2": where(land),
        "fvc_peak_observed_m2": where(true, peak),
        "fvc_peak_sum_m2": peak,
        "fvc_peak_sigma_sum_m2": np.where(np.isfinite(peak), now["fvc_peak_sigma"], np.nan),
        "fvc_growing_observed_m2": where(true, growing),
        "fvc_growing_sum_m2": growing,
        "fvc_common_m2": where(true, change),
        "fvc_peak_change_sum_m2": change,
        "greening_m2": where((change > GREENING_STEP) & (change > noise), change),
        "browning_m2": where((change < -GREENING_STEP) & (change < -noise), change),
        "water_observed_m2": where(true, now["class"]),
        "water_permanent_m2": now["permanent_fraction"],
        "water_permanent_lower_m2": np.fmin(lower, now["permanent_fraction"]),
        "water_permanent_upper_m2": np.fmax(upper, now["permanent_fraction"]),
        "water_seasonal_m2": where(now["class"] == 2, now["class"]),
        "water_ephemeral_m2": where(now["class"] == 3, now["class"]),
        "water_common_m2": where(true, *both),
        "water_permanent_common_m2": where(now["class"] == 1, *both),
        "water_permanent_baseline_m2": where(base["class"] == 1, *both),
        "water_seasonal_common_m2": where(now["class"] == 2, *both),
        "water_seasonal_baseline_m2": where(base["class"] == 2, *both),
        "bow_assessable_m2": where((now["bow_class"] >= 1) & (now["bow_class"] <= 3), now["bow_class"]),
        "bow_possible_m2": where(now["bow_class"] == 2, now["bow_class"]),
        "bow_suspected_m2": where(now["bow_class"] == 3, now["bow_class"]),
        "bow_insufficient_m2": where(now["bow_class"] == 4, now["bow_class"]),
        "scenes_sum_m2": now["scenes"],
        "clear_dates_sum_m2": now["clear_water"],
        "clear_months_sum_m2": now["clear_months"],
    }


def _tile_bands(settings: Settings, tile: Tile, label: str) -> dict[str, np.ndarray]:
    bands: dict[str, np.ndarray] = {}
    for product in PRODUCTS:
        with rasterio.open(Layout(settings.root).tile_map(label, tile.id, product)) as src:
            for name, values in zip(src.descriptions, src.read(), strict=True):
                bands["bow_class" if (product, name) == ("black_odorous", "class") else name] = values
    bands["permanent_threshold"] = np.float32(settings.water.permanent_frequency)
    bands["seasonal_threshold"] = np.float32(settings.water.seasonal_frequency)
    return bands


def zonal(settings: Settings, period_label: str) -> None:
    """Write ``counties/<period>.parquet``: areas in m2 on the ellipsoid, a row a unit and zone."""
    layout = Layout(settings.root)
    polygons, marks = zones(settings), read_marks(layout.marks)
    sums: np.ndarray | None = None
    names: list[str] = []
    errors: dict[str, np.ndarray] = {}
    area = np.zeros(len(polygons))
    scene_ids: list[set[str]] = [set() for _ in range(len(polygons))]
    tile_ids: list[list[str]] = [[] for _ in range(len(polygons))]
    maps: list[list[str]] = [[] for _ in range(len(polygons))]
    for tile in read_tiles(settings):
        zone, cell, weight = coverage(tile.grid, polygons)
        if not zone.size:
            continue
        now = _tile_bands(settings, tile, period_label)
        base = now if period_label == settings.baseline_label else _tile_bands(settings, tile, settings.baseline_label)
        layers = layers_of(now, base)
        names, errors = list(layers), standard_errors(now, base)
        if sums is None:
            sums, variances = (np.zeros((len(polygons), len(n))) for n in (names, errors))
        stack = np.stack([np.asarray(v, "float32").ravel() for v in layers.values()])
        zone_sums(zone, cell, weight, stack, sums)
        np.add.at(area, zone, weight)
        add_variances(zone, cell, weight, errors, tile.grid.resolution_m, variances)
        given_up = marks.get(job_name("observe", tile.id, period_label), Mark()).given_up
        scenes = set() if given_up else seen_scenes(settings, tile.id, period_label)
        prints = [fingerprint(layout.tile_map(period_label, tile.id, product), settings.root) for product in PRODUCTS]
        for z in np.unique(zone):
            scene_ids[z] |= scenes
            tile_ids[z].append(tile.id)
            maps[z] += prints
    if sums is None:
        raise ValueError("no unit meets a tile")
    table = pd.DataFrame(polygons[["adcode", "name", "prefecture", "zone"]])
    table.insert(3, "period", period_label)
    table["area_m2"] = area
    table["n_scenes"] = [len(s) for s in scene_ids]
    table["scene_ids"] = [sorted(s) for s in scene_ids]
    table["tiles"] = tile_ids
    table["maps"] = maps
    table = pd.concat([table, pd.DataFrame(sums, columns=names), pd.DataFrame(variances, columns=[f"{e}_var_m4" for e in errors])], axis=1)
    write_parquet(_means(table), layout.counties(period_label))


def _means(table: pd.DataFrame) -> pd.DataFrame:
    """Replace the sums whose mean is meant by the mean; NaN where nothing was observed."""
    observed = table.fvc_peak_observed_m2.where(table.fvc_peak_observed_m2 > 0)
    table["fvc_peak_sigma"] = table.pop("fvc_peak_sigma_sum_m2") / observed
    for name in ("scenes", "clear_dates", "clear_months"):
        table[f"{name}_mean"] = table.pop(f"{name}_sum_m2") / table.area_m2.where(table.area_m2 > 0)
    return table
