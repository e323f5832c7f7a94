"""Findings on land: connected pixels that became built or bare since the baseline, in protected or managed zones, or where plants stood."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import rasterize, shapes
from scipy import ndimage

from rs_pipeline.config import Settings
from rs_pipeline.estimation.zones import EIGHT
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.findings import IN_ZONE, VEGETATION, found_table, said
from rs_pipeline.products.land.accuracy import not_told
from rs_pipeline.products.land.classes import DISTURBED, Land
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.land.model import land_model
from rs_pipeline.products.land.product import ZONE_TABLES
from rs_pipeline.products.land.zonal import POSSIBLE_RISE, SURE_RISE, LandMaps, risen_events
from rs_pipeline.tiles import read_grid, read_tiles

log = logging.getLogger(__name__)

NATURAL_PLANTS = (Land.WETLAND, Land.TREE, Land.GRASS)
RISING, PLANT_SHARES = (tuple(f"share_{c.word}" for c in classes) for classes in (DISTURBED, NATURAL_PLANTS))
PLANT_COVER = 0.2
"""Ground with a lower peak cover had no plants to lose, such as tidal flats, which move by themselves. Source: the vegetation line of `products.coastline.cross_check`."""

PLANTED, PLANTED_PX = 0.4, 5
"""Plants stood where their share of a pixel, or its mean over the event's pixels in a square of PLANTED_PX pixels, is at least PLANTED."""

EVENT_WEIGHTS = (-2.792, 1.332, 2.896)
"""Log-odds that an event is a true one, of its `event_features`: 1, its share of area beyond doubt, log10 of its pixels. Fitted on the development worlds of `benchmarks.accuracy.findings`."""

FITTED_PX, FITTED_PIXEL_M = (5, 450), 10.0
"""Size of the events that those worlds have, from the smallest that counts to the largest ground that is built in them, and the side of their pixels. Beyond it size says no more."""

SURE_TENTH = 0.1
"""Least share of pixels beyond doubt that carries the size of an event: one with less counts as one of ten times its sure pixels."""

LISTED_PROBABILITY = 0.4
"""Events below it stay off the list. By weights fitted without their world, 28 of 30 events of the development worlds are at least so probable; 26 of them are true."""

SMALL_PX = 10
"""An event of fewer pixels is told as small."""

COLUMNS = ("kind", "first", "last", "n_px", "area_m2", "lower_m2", "upper_m2", "once_m2")
"""Columns of a piece of an event within a tile; first and last are indexes of periods."""


def event_features(sure_share: float, n_px: float) -> tuple[float, float, float]:
    """What EVENT_WEIGHTS weigh, its size within FITTED_PX. ``sure_share`` : of its area, what rose beyond doubt, 0-1. ``n_px`` : pixels of FITTED_PIXEL_M.

    >>> event_features(0.9, 100), event_features(0.0, 20_000) == event_features(0.0, 5)
    ((1.0, 0.9, 2.0), True)
    """
    least, most = FITTED_PX
    counted = min(max(least, n_px * min(1.0, sure_share / SURE_TENTH)), most)
    return 1.0, sure_share, math.log10(counted)


def event_probability(sure_share: float, n_px: float) -> float:
    """Probability that an event is a true one, of its `event_features`.

    >>> [round(event_probability(*event), 3) for event in ((0.9, 100), (0.9, 450), (0.9, 20_000), (0.0, 5), (0.0, 20_000))]
    [0.985, 0.998, 0.998, 0.317, 0.317]
    """
    return 1 / (1 + math.exp(-sum(w * x for w, x in zip(EVENT_WEIGHTS, event_features(sure_share, n_px), strict=True))))


def land_findings(settings: Settings) -> gpd.GeoDataFrame | None:
    """The `events` of at least LISTED_PROBABILITY; the number of others is logged."""
    found = events(settings)
    if found is None:
        return None
    listed = found.probability >= LISTED_PROBABILITY
    if not listed.all():
        log.info(
            "%d of %d events of converted land are less probable than %g and stay off the list of findings", (~listed).sum(), len(found), LISTED_PROBABILITY
        )
    return found[listed].reset_index(drop=True)


def events(settings: Settings) -> gpd.GeoDataFrame | None:
    """One row per event (`products.findings.FOUND_DTYPES`): land that became built or bare since the run's baseline and still is in the newest period that
    saw it.

    Conversion and the smallest event are defined as for the county sums (`products.land.zonal.conversion_layers`). The area is the sum of the
    rise of built and bare ground; its lower bound is that of pixels that rose beyond doubt, the upper one the area of all its pixels. The first period is
    the one by which half of its pixels had risen for good. Where zones or plants (`planted`) cut an event, pieces below the smallest event are left out.
    None where the run has no period after its baseline.
    """
    labels = [p.label for p in settings.all_periods]
    later = labels[labels.index(settings.baseline_label) + 1 :]
    if not later:
        return None
    grid = read_grid(settings)
    zones = {
        zone: load_vector(settings, f"tables.{key}").to_crs(grid.crs)
        for zone, key in ZONE_TABLES.items()
        if zone in IN_ZONE and getattr(settings.tables, key) is not None
    }
    pieces = [piece for tile in read_tiles(settings) for piece in _pieces(settings, tile, later, zones)]
    rows, geometry, told_plants = [], [], plants_are_told()
    for group in _joined(gpd.GeoDataFrame(pieces, columns=[*COLUMNS, "geometry"], geometry="geometry", crs=grid.crs)):
        first, last, n_px, area = group.loc[group.n_px.idxmax(), "first"], group["last"].max(), group.n_px.sum(), group.area_m2.sum()
        if n_px < settings.land_zones.min_event_px:
            continue
        against = said(
            {
                "seen_in_one_period": group.once_m2.sum() > area / 2,
                "small": n_px < SMALL_PX,
                "partial_rise": group.lower_m2.sum() < area / 2,
                "indistinct_plants": group.kind.iloc[0] == VEGETATION and not told_plants,
                f"not_seen_in:{later[-1]}": last < len(later) - 1,
            }
        )
        rows.append(
            {
                "kind": group.kind.iloc[0],
                "first_seen": later[first],
                "last_seen": later[last],
                "amount": area,
                "lower": group.lower_m2.sum(),
                "upper": group.upper_m2.sum(),
                "unit": "m2",
                "probability": event_probability(group.lower_m2.sum() / area, group.upper_m2.sum() / FITTED_PIXEL_M**2),
                "against": against,
            }
        )
        geometry.append(shapely.union_all(group.geometry.to_numpy()))
    return found_table(rows, geometry, grid.crs)


def plants_are_told() -> bool:
    """Whether the map tells every class of natural plants from other cover well enough for its area to be given (`products.land.accuracy.not_told`)."""
    accuracy = land_model().report["classes"]
    return all(not_told(accuracy, c.word) is None for c in NATURAL_PLANTS)


def _outlines(labels: np.ndarray, grid: Grid) -> dict[int, shapely.Geometry]:
    """Label (not 0) of pixels to their outline. Pixels that meet only at a corner become separate parts, because one ring around them would touch itself."""
    parts: dict[int, list[shapely.Geometry]] = {}
    for shape, value in shapes(labels.astype("int32"), mask=labels > 0, connectivity=4, transform=grid.transform):
        parts.setdefault(int(value), []).append(shapely.geometry.shape(shape))
    return {value: shapely.union_all(own) for value, own in parts.items()}


def _pieces(settings: Settings, tile: Tile, later: list[str], zones: dict[str, gpd.GeoDataFrame]) -> Iterator[tuple]:
    """COLUMNS and geometry of the events of a tile."""
    maps = LandMaps(settings, later[-1])
    base, grid = maps.read(LAND, settings.baseline_label, tile, RISING).sum(axis=0), tile.grid
    every = np.stack([maps.read(LAND, label, tile, RISING).sum(axis=0) - base for label in later])
    event, first, last, count = standing_events(np.stack([risen_events(rise, settings.land_zones) for rise in every]), np.isfinite(every))
    # What stood is asked of the periods before the ground began to change: where a shore or a pit eats into it year by year, later ones saw only a rest of the plants.
    _, onset, _, _ = standing_events(every >= POSSIBLE_RISE, np.isfinite(every))
    if not maps.inner(event).any():
        return
    before = (settings.baseline_label, *later[:-1])
    shares = np.stack([maps.read(LAND, label, tile, PLANT_SHARES).sum(axis=0) for label in before])
    cover = np.concatenate([maps.read("vegetation", label, tile, ("fvc_peak",)) for label in before])
    plants = planted(event, mean_before(shares, onset), mean_before(cover, onset))
    rise = np.take_along_axis(every, last[None].clip(0), axis=0)[0]
    event, first, last, count, plants, rise = (maps.inner(layer) for layer in (event, first, last, count, plants, rise))
    with_banks = {"shore": maps.bank(tile)} if settings.tables.shoreline_buffers is None else {}
    left = event.copy()
    for kind, where in (*_zone_masks(grid, zones, with_banks), (VEGETATION, plants)):
        mine = left & where
        left &= ~mine
        labels, _ = ndimage.label(mine, EIGHT)
        outlines = _outlines(labels, grid)
        pixel_m2 = grid.resolution_m**2
        for i, box in enumerate(ndimage.find_objects(labels), start=1):
            own = labels[box] == i
            risen = rise[box][own]
            yield (
                kind,
                int(np.quantile(first[box][own], 0.5, method="lower")),
                int(last[box][own].max()),
                int(own.sum()),
                float(risen.sum() * pixel_m2),
                float(risen[risen >= SURE_RISE].sum() * pixel_m2),
                float(own.sum() * pixel_m2),
                float(risen[count[box][own] == 1].sum() * pixel_m2),
                outlines[i],
            )


def standing_events(event: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Events that stand in the newest period that saw them, of bool (p, h, w) in time order: (stands bool, first int, last int, count int), each (h, w).

    ``first`` is the period from which on every period that saw the pixel shows it, ``last`` the newest that shows it, ``count`` how many do from ``first`` on; -1,
    -1 and 0 where none stands.

    >>> [v.tolist() for v in standing_events(np.array([[[True, True]], [[True, False]], [[False, False]]]), np.array([[[True, True]], [[True, True]], [[False, True]]]))]
    [[[True, False]], [[0, -1]], [[1, -1]], [[2, 0]]]
    """
    shape = event.shape[1:]
    first, last, count, open_ = np.full(shape, -1), np.full(shape, -1), np.zeros(shape, int), np.ones(shape, bool)
    for k in range(len(event) - 1, -1, -1):
        open_ &= event[k] | ~seen[k]
        now = open_ & event[k]
        first[now], count = k, count + now
        last[now & (last < 0)] = k
    return last >= 0, first, last, count


def mean_before(layers: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Mean of each pixel over the periods before its event or change, float (h, w); NaN where none saw it.

    Parameters
    ----------
    layers : float (p, h, w) from the baseline on, NaN where not seen. first : int (h, w), the first later period that is not before it, from 0 on.

    >>> mean_before(np.array([[[0.2, 0.2]], [[0.6, 0.6]], [[0.9, 0.9]]]), np.array([[0, 1]])).round(2).tolist()
    [[0.2, 0.4]]
    """
    seen = np.isfinite(layers)
    total, count = (np.take_along_axis(np.cumsum(v, axis=0), first[None].clip(0), axis=0)[0] for v in (np.where(seen, layers, 0), seen))
    return total / np.where(count, count, np.nan)


def planted(event: np.ndarray, plants: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Where natural plants stood on the ground of events, bool (h, w): by a pixel's own share or by the mean around it, because a single pixel is easily
    classified as a field; and not where the peak cover was below PLANT_COVER.

    Parameters
    ----------
    event : bool (h, w). plants, cover : share of natural plants and peak cover before it, float (h, w), NaN where not seen.
    """
    known = event & np.isfinite(plants)
    total, seen = (ndimage.uniform_filter(layer, PLANTED_PX, mode="constant") for layer in (np.where(known, plants, 0.0), known.astype(float)))
    around = total / np.where(seen > 0.5 / PLANTED_PX**2, seen, np.nan)
    return event & (np.fmax(plants, around) >= PLANTED) & ~(cover < PLANT_COVER)


def _zone_masks(grid: Grid, zones: dict[str, gpd.GeoDataFrame], masks: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """(kind, bool (h, w)) of each zone, in the order of IN_ZONE; pixels whose middle lies in it."""
    for zone, kind in IN_ZONE.items():
        if zone in masks:
            yield kind, masks[zone]
        elif zone in zones:
            near = zones[zone].geometry[zones[zone].intersects(shapely.box(*grid.bounds))]
            yield kind, rasterize(near, out_shape=grid.shape, transform=grid.transform, dtype="uint8").astype(bool) if len(near) else np.zeros(grid.shape, bool)


def _joined(pieces: gpd.GeoDataFrame) -> Iterator[gpd.GeoDataFrame]:
    """Pieces of one kind that touch, across the borders of tiles too."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    for _, same in pieces.groupby("kind", sort=False):
        a, b = same.sindex.query(same.geometry, predicate="intersects")
        _, group = connected_components(coo_array((np.ones(len(a), bool), (a, b)), shape=(len(same),) * 2), directed=False)
        yield from (part for _, part in same.groupby(pd.Series(group, same.index)))
