"""Black-odorous water by published thresholds and by a random forest on bands.

``boi`` : BOI below 0.065 (Yao et al. 2019). ``ndbwi`` : NDBWI of 0.06 to 0.115 (Wen et al. 2018). ``random_forest`` : a forest on
six bands, trained on pixels of another run whose truth is known.

Each method is scored twice. On our reaches (``boi_reaches``) it gets our core pixels and width rule, and the probability is the mean
over dates of the share of flagged pixels. With its own objects (``boi_objects``) it must find the water itself, by MNDWI > 0: connected
flagged and connected unflagged pixels, by the finest sensor. Both are classified by our rule of persistence. Our rule leaves out water
wider than a river (above all the sea), so false alarms of the baselines there do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numba import njit
from rasterio.features import geometry_mask, shapes
from rs_kernels.black_odorous import boi, ndbwi
from scipy import ndimage

from benchmarks.baselines.peers import run_peer
from benchmarks.baselines.scenes import Stack, optical_chips, place, read_dates
from benchmarks.baselines.water import mndwi_of
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.black_odorous.centrelines import EIGHT_NEIGHBOURS
from rs_pipeline.products.black_odorous.pixels import in_season
from rs_pipeline.products.black_odorous.reaches import narrow_water, read_water
from rs_pipeline.products.black_odorous.scoring import WIDTH_IN_PIXELS, Core, core_pixels
from rs_pipeline.tiles import read_grid, read_tiles

METHODS = ("boi", "ndbwi", "random_forest")

BOI_BELOW = 0.065
NDBWI_BETWEEN = (0.06, 0.115)

MIN_OBJECT_PX = 4
"""Smaller patches are dropped."""

SAMPLES_A_DATE = 1500
"""Maximum number of training pixels of each class from a tile and date."""

N_TREES = 30


@njit(cache=True, nogil=True)
def index_flags(refl):
    """(BOI rule, NDBWI rule), bool (h, w) each, of reflectance float32 (6, h, w); False where an index is undefined."""
    _, h, w = refl.shape
    by_boi, by_ndbwi = np.zeros((h, w), np.bool_), np.zeros((h, w), np.bool_)
    for y in range(h):
        for x in range(w):
            by_boi[y, x] = boi(refl[0, y, x], refl[1, y, x], refl[2, y, x]) < BOI_BELOW
            value = ndbwi(refl[1, y, x], refl[2, y, x])
            by_ndbwi[y, x] = NDBWI_BETWEEN[0] <= value <= NDBWI_BETWEEN[1]
    return by_boi, by_ndbwi


Forest = Callable[[np.ndarray], np.ndarray]
"""Features (n, 6), reflectance of scenes.BANDS, to probabilities (n,)."""


@dataclass
class Evidence:
    """Flags of a period, gathered tile by tile.

    n_clear, n_water : counts of clear dates and of those with water, float32 on the run's grid, finest sensor only.
    flagged : method to the sum of flags there, float32. reach_dates : a row a method, reach and date.
    """

    grid: Grid
    n_clear: np.ndarray
    n_water: np.ndarray
    flagged: dict[str, np.ndarray]
    reach_dates: list[dict] = field(default_factory=list)


def season(settings: Settings, tile: Tile, period: str) -> Stack:
    """Dates of the season on the tile and its margin."""
    chips = optical_chips(settings, tile.id, period)
    chips = [c for c, chosen in zip(chips, in_season(chips, settings.black_odorous), strict=True) if chosen]
    return read_dates(settings, chips, tile.grid.buffered(settings.grid.margin_m))


def gather(settings: Settings, period: str, methods: tuple[str, ...] = METHODS, forest: Forest | None = None) -> Evidence:
    """Flags of a period on every tile; ``random_forest`` needs a forest."""
    grid, layout = read_grid(settings), Layout(settings.root)
    zeros = [np.zeros(grid.shape, "float32") for _ in range(2 + len(methods))]
    evidence = Evidence(grid, zeros[0], zeros[1], dict(zip(methods, zeros[2:], strict=True)))
    every = gpd.read_parquet(layout.reach_lines)
    for tile in read_tiles(settings):
        stack = season(settings, tile, period)
        reaches = every[(every.tile == tile.id) & (every.width_class != "not_assessable")].reset_index(drop=True)
        cores = core_pixels(reaches, read_water(settings, period, stack.grid), stack.grid, settings.black_odorous.min_width_m) if len(reaches) else []
        _gather_tile(settings, period, tile, stack, cores, methods, forest, evidence)
    return evidence


def _gather_tile(settings, period, tile, stack, cores, methods, forest, evidence) -> None:
    shape, finest = stack.grid.shape, stack.native_m.min() if len(stack) else 0.0
    n_clear, n_water = np.zeros(shape, "float32"), np.zeros(shape, "float32")
    flagged = {m: np.zeros(shape, "float32") for m in methods}
    dates = [_date(settings, stack, t) for t in range(len(stack))]
    for t, (clear, water) in enumerate(dates):
        if stack.native_m[t] == finest:
            n_clear += clear
            n_water += water
    own = narrow_water(2 * n_water >= np.maximum(n_clear, 1), stack.grid.resolution_m, settings.black_odorous.max_width_m)
    given = _pixels_of(cores, shape)
    chosen = [(water & own) | (clear & given) for clear, water in dates]
    by_forest = _forest_flags(stack, chosen, forest) if "random_forest" in methods else None
    for t, mask in enumerate(chosen):
        by_boi, by_ndbwi = index_flags(stack.refl(t))
        found = {"boi": by_boi & mask, "ndbwi": by_ndbwi & mask, "random_forest": by_forest[t] if by_forest else None}
        flags = {m: found[m] for m in methods}
        for core in cores:
            evidence.reach_dates.extend(_reach_rows(settings, period, stack, t, core, dates[t][0], flags))
        if stack.native_m[t] == finest:
            for method in methods:
                flagged[method] += flags[method] & dates[t][1]
    inner = _inner(stack.grid, tile.grid)
    targets = [(n_clear, evidence.n_clear), (n_water, evidence.n_water), *((flagged[m], evidence.flagged[m]) for m in methods)]
    for values, target in targets:
        place(values[inner], tile.grid, target, evidence.grid)


def _forest_flags(stack: Stack, chosen: list[np.ndarray], forest: Forest) -> list[np.ndarray]:
    """Flags of the forest on the chosen pixels of every date; one call of the forest for all."""
    features = [stack.refl(t)[:, mask].T for t, mask in enumerate(chosen)]
    positive = forest(np.concatenate(features)) > 0.5 if features else np.empty(0, bool)
    ends = np.cumsum([len(f) for f in features])
    flags = [np.zeros(mask.shape, bool) for mask in chosen]
    for flag, mask, part in zip(flags, chosen, np.split(positive, ends[:-1]), strict=True) if features else ():
        flag[mask] = part
    return flags


def _inner(outer: Grid, inner: Grid) -> tuple[slice, slice]:
    row, col = round((outer.top - inner.top) / inner.resolution_m), round((inner.left - outer.left) / inner.resolution_m)
    return slice(row, row + inner.height), slice(col, col + inner.width)


def _date(settings: Settings, stack: Stack, t: int) -> tuple[np.ndarray, np.ndarray]:
    """(clear, clear and water by MNDWI > 0), bool (h, w)."""
    clear = stack.clear(t, settings.masks.black_odorous)
    return clear, clear & (mndwi_of(stack.refl(t)) > 0)


def _pixels_of(cores: list[Core], shape: tuple[int, int]) -> np.ndarray:
    out = np.zeros(shape, bool)
    for core in cores:
        out[core.rows, core.cols] = True
    return out


def _reach_rows(settings, period, stack, t, core, clear, flags) -> list[dict]:
    """A row for each method, reach and date; none where too little of the core is clear or the sensor is too coarse for the width."""
    section, native_m = settings.black_odorous, float(stack.native_m[t])
    wide = core.width_m >= WIDTH_IN_PIXELS * native_m
    if not wide and WIDTH_IN_PIXELS * native_m > section.min_width_m:
        return []
    seen = clear[core.rows, core.cols]
    if seen.sum() < section.min_core_pixels:
        return []
    rows, cols = core.rows[seen], core.cols[seen]
    day = stack.days[t].isoformat()
    return [
        {"reach_id": core.reach_id, "period": period, "day": day, "method": m, "n": int(seen.sum()), "share": float(f[rows, cols].mean())}
        for m, f in flags.items()
    ]


def on_reaches(settings: Settings, evidence: Evidence, period: str, method: str) -> gpd.GeoDataFrame:
    """Our reaches with the baseline's result: period, probability, flagged, assessed."""
    lines = gpd.read_parquet(Layout(settings.root).reach_lines)[["reach_id", "geometry"]]
    dates = pd.DataFrame(evidence.reach_dates, columns=["reach_id", "period", "day", "method", "n", "share"])
    dates = dates[dates.method == method].sort_values("n", ascending=False).drop_duplicates(["reach_id", "day"])
    summary = dates.groupby("reach_id").share.agg(["mean", "size", lambda s: (s > 0.5).mean()])
    summary.columns = ["probability", "n_dates", "positive"]
    table = lines.merge(summary, left_on="reach_id", right_index=True, how="left")
    return _classified(settings, table, period)


def own_objects(settings: Settings, evidence: Evidence, period: str, method: str) -> gpd.GeoDataFrame:
    """Connected flagged and connected unflagged pixels of the baseline's own inland water, with the mean share of flagged dates."""
    section, grid = settings.black_odorous, evidence.grid
    enough = evidence.n_clear >= section.min_dates
    water = narrow_water(enough & (2 * evidence.n_water >= evidence.n_clear), grid.resolution_m, section.max_width_m)
    share = np.where(water, evidence.flagged[method] / np.maximum(evidence.n_water, 1), 0.0)
    flagged = water & (share >= section.min_positive_share)
    rows = [row for part in (flagged, water & ~flagged) for row in _objects(part, share, evidence.n_water, grid)]
    table = gpd.GeoDataFrame(rows, columns=["probability", "n_dates", "positive", "geometry"], geometry="geometry", crs=grid.crs)
    return _classified(settings, table, period)


def _objects(mask: np.ndarray, share: np.ndarray, n_dates: np.ndarray, grid: Grid) -> list[dict]:
    labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    if count == 0:
        return []
    index = np.arange(1, count + 1)
    size, mean = ndimage.sum_labels(mask, labels, index), ndimage.mean(share, labels, index)
    dates = ndimage.mean(n_dates, labels, index)
    outlines: dict[int, list] = {}
    for geometry, value in shapes(labels.astype("int32"), mask=mask, connectivity=8, transform=grid.transform):
        outlines.setdefault(int(value), []).append(shapely.geometry.shape(geometry))
    return [
        {"probability": float(mean[k - 1]), "n_dates": float(dates[k - 1]), "positive": float(mean[k - 1]), "geometry": shapely.union_all(parts)}
        for k, parts in sorted(outlines.items())
        if size[k - 1] >= MIN_OBJECT_PX
    ]


def _classified(settings: Settings, table: gpd.GeoDataFrame, period: str) -> gpd.GeoDataFrame:
    """Add period, assessed (enough dates) and flagged (enough of them positive); the probability is NaN where not assessed."""
    section = settings.black_odorous
    assessed = (table.n_dates >= section.min_dates).fillna(False).to_numpy(bool)
    flagged = assessed & (table.positive >= section.min_positive_share).fillna(False).to_numpy(bool)
    probability = np.where(assessed, table.probability.astype("float64"), np.nan)
    out = table[["geometry"]].assign(period=period, probability=probability, flagged=flagged, assessed=assessed)
    return out.reset_index(drop=True)


def training_pixels(settings: Settings, black: gpd.GeoDataFrame | None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (n, 6) and labels (n,) on the dates of the season of every period, at most SAMPLES_A_DATE of each class from a date.

    1 are the clear pixels of ``black``, the truth of that run: polygons with ``years`` and, where given, ``months`` ("2023;2024",
    "4;5"); MNDWI > 0 misses many of them. 0 is all other narrow water that MNDWI > 0 finds.
    """
    rng = np.random.default_rng(seed)
    features, labels = [np.empty((0, 6), "float32")], [np.empty(0, "int64")]
    for period in settings.all_periods:
        for tile in read_tiles(settings):
            stack = season(settings, tile, period.label)
            dates = [_date(settings, stack, t) for t in range(len(stack))]
            fine = [d for t, d in enumerate(dates) if stack.native_m[t] == stack.native_m.min()]
            if not fine:
                continue
            mostly_wet = 2 * sum(w.astype("int16") for _, w in fine) > sum(c.astype("int16") for c, _ in fine)
            narrow = narrow_water(mostly_wet, stack.grid.resolution_m, settings.black_odorous.max_width_m)
            inside = np.zeros(stack.grid.shape, bool)
            inside[_inner(stack.grid, tile.grid)] = True
            for t, (clear, water) in enumerate(dates):
                is_black = _black_mask(black, stack.days[t], stack.grid)
                for label, mask in ((1, clear & inside & is_black), (0, water & narrow & inside & ~is_black)):
                    rows, cols = np.nonzero(mask)
                    chosen = rng.permutation(rows.size)[:SAMPLES_A_DATE]
                    features.append(stack.refl(t)[:, rows[chosen], cols[chosen]].T)
                    labels.append(np.full(chosen.size, label))
    return np.concatenate(features), np.concatenate(labels)


def _black_mask(black: gpd.GeoDataFrame | None, day, grid: Grid) -> np.ndarray:
    if black is None:
        return np.zeros(grid.shape, bool)

    def listed(row, name: str, value: int) -> bool:
        return name not in black.columns or str(value) in str(row[name]).split(";")

    polygons = [row.geometry for _, row in black.to_crs(grid.crs).iterrows() if listed(row, "years", day.year) and listed(row, "months", day.month)]
    return geometry_mask(polygons, grid.shape, grid.transform, invert=True) if polygons else np.zeros(grid.shape, bool)


def fit_forest(features: np.ndarray, labels: np.ndarray, work: Path, peers: Path | None = None) -> np.ndarray:
    """Fit the forest in the peers' environment; the model as bytes, uint8 (n,). The same pixels give the same forest.

    Raises
    ------
    ValueError : one of the classes has no pixel.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError("the training run has no pixels of black-odorous water, or nothing else")
    return run_peer("forest_fit", {"features": features, "labels": labels, "n_trees": np.array(N_TREES)}, work, peers)["model"]


def forest_of(model: np.ndarray, work: Path, peers: Path | None = None) -> Forest:
    """The fitted forest as a function; every call starts the peers' Python, so give it many pixels at once."""

    def predict(features: np.ndarray) -> np.ndarray:
        return run_peer("forest_predict", {"features": features.astype("float32"), "model": model}, work, peers)["probability"]

    return predict
