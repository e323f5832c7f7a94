"""Step ``land-zonal``: sums of the land map over counties and the zones of side tables, and of what was converted since the baseline.

A pixel counts as in ``zonal``: with the exact fraction that a polygon covers and with its area on the ellipsoid.
"""

from __future__ import annotations

import math
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from rasterio.features import rasterize
from rasterio.windows import Window
from rs_kernels.zonal import zone_sums
from scipy import ndimage

from rs_pipeline.config import LandZonesSection, Settings
from rs_pipeline.errors import RasterError
from rs_pipeline.estimation.zones import coverage, large_patches, marked, with_masks
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.baselines import other_baselines
from rs_pipeline.products.findings import IN_ZONE, VEGETATION
from rs_pipeline.products.land.areas import area_layers
from rs_pipeline.products.land.classes import DRY_PLANTS, SHARES, Land
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.land.product import ZONE_TABLES
from rs_pipeline.products.sea import read_sea
from rs_pipeline.products.settlements import SETTLED_ZONE, read_settlements
from rs_pipeline.products.visits import decided_findings
from rs_pipeline.products.watch import of_places, watched_zones
from rs_pipeline.provinces import load_province
from rs_pipeline.region import load_units, prefecture_codes, with_totals, with_unions
from rs_pipeline.storage.raster import open_map
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_grid, read_tiles

SURE_RISE, POSSIBLE_RISE = 0.8, 0.25
"""Least rise of built and bare ground, as a share of the pixel, of conversion beyond doubt and of possible conversion."""

FOREST_M2 = 10_000 / 15
"""Smallest forest, m2: 0.0667 ha, which is 1 mu (GB/T 26424-2010)."""

STATE = ""
"""Key of the sums of the period, with conversion since the run's baseline; the other keys are labels of other baselines."""


def land_zones(settings: Settings, period_label: str) -> gpd.GeoDataFrame:
    """Each unit, and its parts in the zones: columns adcode, name, prefecture, in_region, zone, geometry; EPSG:4326; see `with_unions` and `watched_zones`.

    A zone of the section tables that is not given is that of the units that stand for it in the table of the province. ``coast`` is the land and shallow sea within land_zones.coastal_width_m of the baseline's shoreline, where the run has one; where that period
    shows none, of the first that does.
    """
    units = with_unions(load_units(settings))
    frames = [units.assign(zone="county")]
    for zone, key in ZONE_TABLES.items():
        if getattr(settings.tables, key) is not None:
            frames.append(_parts(units, load_vector(settings, f"tables.{key}"), zone))
        elif key in (stand_ins := load_province(settings.province).stand_ins):
            frames.append(units[units.adcode.isin(stand_ins[key])].assign(zone=zone))
    shorelines = Layout(settings.root).shorelines
    if settings.coastline is not None and shorelines.exists():
        lines = pyogrio.read_dataframe(shorelines, layer="shorelines")
        drawn = [label for label in (settings.baseline_label, *(p.label for p in settings.all_periods)) if (lines.period == label).any()]
        if drawn:
            strip = lines[lines.period == drawn[0]].buffer(settings.land_zones.coastal_width_m)
            frames.append(_parts(units, gpd.GeoDataFrame(geometry=strip, crs=lines.crs).to_crs(4326), "coast"))
    return pd.concat([*frames, *watched_zones(settings, units, period_label)], ignore_index=True)


def _parts(units: gpd.GeoDataFrame, polygons: gpd.GeoDataFrame, zone: str) -> gpd.GeoDataFrame:
    """The part of each unit inside the polygons; overlaps count once."""
    whole = gpd.GeoDataFrame({"zone": [zone]}, geometry=[polygons.union_all()], crs=4326)
    return units.overlay(whole, how="intersection", keep_geom_type=True)


def bank(permanent: np.ndarray, sea: np.ndarray, section: LandZonesSection, resolution_m: float) -> np.ndarray:
    """Inland water and its bank within land_zones.shore_width_m, bool (h, w); used where ``tables.shoreline_buffers`` does not give the managed zone.

    ``permanent`` and ``sea`` are bool (h, w). Water counts where a square of side land_zones.min_water_width_m fits into it.
    """
    side = max(1, round(section.min_water_width_m / resolution_m))
    wide = ndimage.binary_opening(permanent & ~sea, np.ones((side, side), bool))
    if not wide.any():
        return wide
    return (ndimage.distance_transform_edt(~wide) * resolution_m <= section.shore_width_m) & ~sea


def risen_events(rise: np.ndarray, section: LandZonesSection) -> np.ndarray:
    """Where a cover rose by at least land_zones.min_rise over land_zones.min_event_px connected pixels, bool (h, w).

    ``rise`` float (h, w): change of its share of the pixel since the baseline, NaN where either year was not seen.
    """
    return large_patches(np.isfinite(rise) & (rise >= section.min_rise), section.min_event_px)


def conversion_layers(now: np.ndarray, base: np.ndarray, section: LandZonesSection) -> dict[str, np.ndarray]:
    """Land that became built or bare since the baseline, and bare land that became green, per pixel; float32 (h, w), NaN where either year was not seen.

    The amount is the rise of built and bare ground in `risen_events`. ``_lower``: only pixels that rose by SURE_RISE in such an event;
    ``_upper``: whatever rose by POSSIBLE_RISE anywhere. ``natural_*``: only what was mostly water, wetland, trees or grass. ``regreened*``: the same
    of the rise of DRY_PLANTS where the ground was mostly bare.

    Parameters
    ----------
    now, base : shares float32 (7, h, w) of this and the baseline period.
    """
    layers_now, layers_base = area_layers(now), area_layers(base)
    rise, natural = layers_now["disturbed"] - layers_base["disturbed"], layers_base["natural"] >= 0.5
    greener = _plants(now) - _plants(base)
    both = {"common": np.ones_like(rise), "built_common": layers_now["built"], "built_baseline": layers_base["built"]}
    both["built_change_square"] = (both["built_common"] - both["built_baseline"]) ** 2
    layers = both | _risen("converted", rise, True, section) | _risen("natural_converted", rise, natural, section)
    layers |= _risen("regreened", greener, layers_base["bare"] >= 0.5, section)
    return {name: np.where(np.isfinite(rise), layer, np.nan).astype("float32") for name, layer in layers.items()}


def _plants(shares: np.ndarray) -> np.ndarray:
    """Share of DRY_PLANTS, float32 (h, w)."""
    return shares[[c - 1 for c in DRY_PLANTS]].sum(axis=0)


def _risen(name: str, rise: np.ndarray, ground: np.ndarray | bool, section: LandZonesSection) -> dict[str, np.ndarray]:
    """The rise of a cover on some ground (bool): that of events, that beyond doubt (``_lower``), and all that is possible (``_upper``)."""
    event = risen_events(rise, section) & ground
    kept = {"": event, "_lower": event & (rise >= SURE_RISE), "_upper": (rise >= POSSIBLE_RISE) & ground}
    return {name + end: np.where(where, rise, 0) for end, where in kept.items()}


def forest_layers(classes: np.ndarray, tree: np.ndarray, pixel_m2: float) -> dict[str, np.ndarray]:
    """Trees that may be forest by their shape, per pixel: ``forest``, the share of trees in patches of at least FOREST_M2 (pixels of the class that touch by
    an edge or a corner), and ``forest_uncertain``, p (1 - p) of trees anywhere, because a patch is as uncertain as its trees. NaN where not observed.

    Parameters
    ----------
    classes : float32 (h, w), number of the class. tree : float32 (h, w), share of trees, 0-1. pixel_m2 : area of a pixel.
    """
    large = large_patches(classes == Land.TREE, FOREST_M2, pixel_m2)
    return {"forest": np.where(large | np.isnan(tree), tree, np.float32(0)), "forest_uncertain": tree * (1 - tree)}


def forest_change_layers(now: np.ndarray, base: np.ndarray, pixel_m2: float) -> dict[str, np.ndarray]:
    """``forest`` of `forest_layers` where both periods were seen: ``forest_common`` now, ``forest_baseline`` then, and ``forest_change_square``, the square
    of the difference. NaN elsewhere.

    ``now`` and ``base`` : class and shares of this and the baseline period, float32 (8, h, w).
    """
    then, today = (forest_layers(maps[0], maps[Land.TREE], pixel_m2)["forest"] for maps in (base, now))
    seen = np.isfinite(then) & np.isfinite(today)
    layers = {"forest_common": today, "forest_baseline": then, "forest_change_square": (today - then) ** 2}
    return {name: np.where(seen, layer, np.float32(np.nan)) for name, layer in layers.items()}


def after_visits(layers: dict[str, np.ndarray], confirmed: np.ndarray, refuted: np.ndarray) -> dict[str, np.ndarray]:
    """Layers of conversion (`conversion_layers`, with ``_m2``) after visits: refuted ground is not converted, and converted ground that was confirmed is
    beyond doubt. ``*_confirmed_m2`` is converted ground that was confirmed, ``*_refuted_m2`` ground that the map calls converted and a visit refuted.

    Parameters
    ----------
    layers : float32 (h, w), NaN where either year was not seen. confirmed, refuted : bool (h, w).
    """
    out = dict(layers)
    for name in ("converted", "natural_converted"):
        called, lower, upper = (f"{name}{end}_m2" for end in ("", "_lower", "_upper"))
        out[f"{name}_refuted_m2"] = layers[called] * refuted
        out[f"{name}_confirmed_m2"] = layers[called] * confirmed
        out[lower] = np.where(confirmed, layers[called], layers[lower])
        for layer in (called, lower, upper):
            out[layer] = np.where(refuted & np.isfinite(out[layer]), np.float32(0), out[layer])
    return out


class LandMaps:
    """Windows of the region's maps with a rim, NaN beyond their edge."""

    def __init__(self, settings: Settings, period: str):
        self.settings, self.layout = settings, Layout(settings.root)
        self.whole, section = read_grid(settings), settings.land_zones
        reach_px = math.ceil((section.shore_width_m + section.min_water_width_m) / self.whole.resolution_m)
        self.pixel_m2 = self.whole.resolution_m**2
        self.rim = max(section.min_event_px, reach_px + 1, math.ceil(FOREST_M2 / self.pixel_m2))
        self.period, self.baseline = period, settings.baseline_label

    def read(self, product: str, label: str, tile: Tile, bands: tuple[str, ...]) -> np.ndarray:
        """Float32 (bands, h + 2 rim, w + 2 rim).

        Raises
        ------
        RasterError : the map is not made yet.
        """
        path = self.layout.map(product, label)
        if not path.exists():
            raise RasterError("the map is not made yet", where=str(path), remedy=f"run `rs-pipeline mosaic --product {product} --period {label}` first")
        g, rim = tile.grid, self.rim
        window = Window(tile.col - rim, tile.row - rim, g.width + 2 * rim, g.height + 2 * rim)
        with open_map(path, self.whole) as src:
            indexes = [src.descriptions.index(b) + 1 for b in bands]
            return src.read(indexes, window=window, boundless=True, fill_value=np.nan)

    def grid(self, tile: Tile) -> Grid:
        g = tile.grid
        return g.window(-self.rim, -self.rim, g.height + 2 * self.rim, g.width + 2 * self.rim)

    def bank(self, tile: Tile) -> np.ndarray:
        """`bank` of a tile, without the rim."""
        grid = self.grid(tile)
        permanent = self.read("water", self.baseline, tile, ("class",))[0] == 1
        return self.inner(bank(permanent, read_sea(self.settings, self.baseline, grid), self.settings.land_zones, grid.resolution_m))

    def inner(self, layer: np.ndarray) -> np.ndarray:
        return layer[self.rim : -self.rim, self.rim : -self.rim]

    def shares(self, label: str, tile: Tile) -> np.ndarray:
        """Class and shares of a tile with its rim, float32 (8, h, w)."""
        return self.read(LAND, label, tile, ("class", *SHARES))

    def layers(self, tile: Tile, now: np.ndarray) -> dict[str, np.ndarray]:
        """What is summed of this period over the pixels of a tile, float32 (h, w). ``now``: its `shares`."""
        found = area_layers(now[1:]) | {"land_observed": np.where(np.isfinite(now[0]), np.float32(1), np.float32(np.nan))}
        found |= forest_layers(now[0], found["tree"], self.pixel_m2)
        found |= {f"class_{c.word}": np.where(now[0] == c, np.float32(1), np.float32(np.nan)) for c in Land}
        return self._named(found)

    def conversions(self, tile: Tile, now: np.ndarray, baseline: str) -> dict[str, np.ndarray]:
        """`conversion_layers` of a tile since a baseline, `after_visits`, and `forest_change_layers`."""
        base = now if self.period == baseline else self.shares(baseline, tile)
        found = self._named(conversion_layers(now[1:], base[1:], self.settings.land_zones) | forest_change_layers(now, base, self.pixel_m2))
        return after_visits(found, *(self._visited(tile, confirmed=which) for which in (True, False)))

    @cached_property
    def visits(self) -> gpd.GeoDataFrame:
        """`decided_findings` of land, in the run's CRS."""
        return decided_findings(self.settings, (*IN_ZONE.values(), VEGETATION)).to_crs(self.whole.crs)

    def _visited(self, tile: Tile, *, confirmed: bool) -> np.ndarray:
        """Pixels whose middle lies in a finding that visits confirm in this period or, ``confirmed`` False, do not; bool (h, w)."""
        mine = self.visits.geometry[self.visits[f"confirmed_{self.period}"] == confirmed]
        near = mine[mine.intersects(shapely.box(*tile.grid.bounds))]
        if near.empty:
            return np.zeros(tile.grid.shape, bool)
        return rasterize(near, out_shape=tile.grid.shape, transform=tile.grid.transform, dtype="uint8").astype(bool)

    def _named(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {f"{name}_m2": self.inner(layer) for name, layer in found.items()}


def land_zonal(settings: Settings, period_label: str) -> None:
    """Write ``counties/land_<period>.parquet``: one row per unit and zone, with the prefectures and the region; areas in m2 on the ellipsoid.
    ``places/land_<period>.parquet`` has one row per watched place.

    ``<area>_m2`` is the sum of expected shares and ``<area>_uncertain_m2`` that of p (1 - p), for each of `products.land.areas.AREAS` and `forest_layers`;
    ``class_*_m2`` the area of the pixels of a class; ``*converted*_m2`` see `conversion_layers`, over ``common_m2``, the area that both
    this and the baseline period saw; ``settlements_known_m2`` where the map of settlements says something. A pixel that was not seen adds nothing. ``counties/land_changes_<period>.parquet`` has the columns of
    conversion since each earlier baseline of a target, one row per unit, zone and baseline.
    """
    polygons, maps = land_zones(settings, period_label), LandMaps(settings, period_label)
    units = polygons[polygons.zone == "county"]
    with_banks = settings.tables.shoreline_buffers is None
    masked = [*(["shore"] if with_banks else []), SETTLED_ZONE]
    rows = pd.concat([polygons, *(units.assign(zone=name) for name in masked)], ignore_index=True)
    sums: dict[str, pd.DataFrame] = {}
    others, area = other_baselines(settings, period_label), np.zeros(len(rows))

    def add(key: str, layers: dict[str, np.ndarray]) -> None:
        found = np.zeros((len(rows), len(layers)))
        zone_sums(zone, cell, weight, np.stack([np.asarray(v, "float32").ravel() for v in layers.values()]), found)
        table = pd.DataFrame(found, columns=list(layers))
        sums[key] = table if key not in sums else sums[key] + table

    for tile in read_tiles(settings):
        covered = coverage(tile.grid, polygons)
        if not covered[0].size:
            continue
        settled = read_settlements(settings, tile.grid)
        masks = [*([maps.bank(tile)] if with_banks else []), settled > 0]
        zone, cell, weight = with_masks(covered, masks, len(units), len(polygons))
        now = maps.shares(period_label, tile)
        add(STATE, maps.layers(tile, now) | maps.conversions(tile, now, settings.baseline_label) | {"settlements_known_m2": marked(np.isfinite(settled))})
        for label in others:
            add(label, maps.conversions(tile, now, label))
        np.add.at(area, zone, weight)
    if not sums:
        raise ValueError("no unit meets a tile")
    layout, codes = Layout(settings.root), prefecture_codes(units)
    if settings.tables.places is not None:
        single = of_places(rows)
        table = pd.concat([rows[["name", "zone"]].assign(area_m2=area, period=period_label), sums[STATE]], axis=1)
        write_parquet(pd.DataFrame(table[single]), layout.place_land(period_label))
    write_parquet(_summed(rows, area, sums.pop(STATE), codes).assign(period=period_label), layout.land_counties(period_label))
    changes = [_summed(rows, area, table, codes).assign(period=period_label, baseline=label) for label, table in sums.items()]
    none = pd.DataFrame(columns=["adcode", "zone", "period", "baseline"], dtype="str")
    write_parquet(pd.concat(changes, ignore_index=True) if changes else none, layout.land_changes(period_label))


def _summed(rows: pd.DataFrame, area_m2: np.ndarray, sums: pd.DataFrame, codes: dict[str, str]) -> pd.DataFrame:
    """Sums of the zones that a tile meets, and of the prefectures and the region."""
    table = pd.concat([rows[["adcode", "name", "prefecture", "in_region", "zone"]].assign(area_m2=area_m2), sums], axis=1)
    table = table[table.area_m2 > 0]
    return with_totals(table, ["area_m2", *sums], codes, by=["zone"])
