"""Run the baselines on a finished run of a simulated world and score them in the same way as ours: ``python -m benchmarks.baselines.run``."""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from benchmarks.baselines import black_odorous, coastline, dust, heat, land, settlements, solar, spartina, vegetation, water
from benchmarks.baselines.peers import available, peers_folder
from benchmarks.baselines.scenes import optical_chips, place, read_dates
from rs_pipeline.config import Settings, load
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import SHORE_FAMILIES, Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.vegetation.snap import read_snap
from rs_pipeline.tiles import read_tiles
from rs_pipeline.validation import black_odorous as black_odorous_scores
from rs_pipeline.validation import coastline as coastline_scores
from rs_pipeline.validation import dust as dust_scores
from rs_pipeline.validation import heat as heat_scores
from rs_pipeline.validation import land as land_scores
from rs_pipeline.validation import settlements as settlement_scores
from rs_pipeline.validation import solar as solar_scores
from rs_pipeline.validation import spartina as spartina_scores
from rs_pipeline.validation import vegetation as vegetation_scores
from rs_pipeline.validation import water as water_scores
from rs_pipeline.validation.run import mapped_cordgrass, settled_ground, year_labels
from rs_pipeline.validation.truth import Score, Truth, combine, on_grid

log = logging.getLogger(__name__)

METHODS = (
    *water.METHODS, *vegetation.METHODS, *black_odorous.METHODS, *land.METHODS, *coastline.METHODS, *heat.METHODS, *solar.METHODS, *spartina.METHODS, *settlements.METHODS,
    *dust.METHODS,
)  # fmt: skip
"""All baselines."""

FORESTS = ("random_forest", "land_forest")
"""Baselines that have to be trained first."""

OF_PEERS = (*FORESTS, *coastline.METHODS)
"""Baselines that need the peers' environment."""

Scored = list[tuple[str, Score]]


def usable(folder: Path | None = None) -> tuple[str, ...]:
    """The methods that can run here: without those whose peers' environment or SNAP auxdata is missing."""
    lacking = (() if available(folder) else OF_PEERS) + (() if vegetation.snap_folder().is_dir() else ("snap_10m",))
    return tuple(m for m in METHODS if m not in lacking)


def run_baselines(
    settings: Settings, truth: Truth, methods: Sequence[str] = METHODS, *, forests: Mapping[str, np.ndarray] | None = None, peers: Path | None = None
) -> Scored:
    """Predictions of the methods on the chips of a finished run, scored against the world's truth, all years together.

    Black-odorous methods come twice, as ``<method>_reaches`` and ``<method>_objects``. The coastline is left out where the run has
    none.

    Parameters
    ----------
    settings : of a run that is complete up to the reaches and, with a coast, the coastline.
    forests : method of FORESTS to its model, trained on another run: of `black_odorous.fit_forest` and `land.fit_forest`.
    peers : folder of the peers' environment, see `peers.peers_folder`.

    Raises
    ------
    ConfigError : a method is not known, or lacks its forest.
    PeerError : the peers' environment is missing or a peer failed.
    """
    unknown = sorted(set(methods) - set(METHODS))
    if unknown:
        raise ConfigError(f"no such baseline: {', '.join(unknown)}", where="methods", remedy=f"choose of {', '.join(METHODS)}")
    forests = forests or {}
    if lacking := [m for m in FORESTS if m in methods and m not in forests]:
        raise ConfigError(f"{lacking[0]} has no model", where="forests", remedy="train one on another run with fit_forest")
    scored = [*_maps(settings, truth, methods), *_heat(settings, truth, methods), *_solar(settings, truth, methods), *_spartina(settings, truth, methods)]
    scored += [*_settlements(settings, truth, methods), *_dust(settings, truth, methods)]
    with tempfile.TemporaryDirectory() as work:
        scored += _land(settings, truth, methods, forests.get("land_forest"), Path(work), peers)
        scored += _black(settings, truth, methods, forests.get("random_forest"), Path(work), peers)
        if settings.coastline is not None and truth.shorelines is not None:
            scored += _coast(settings, truth, methods, Path(work), peers)
    return scored


@contextmanager
def _timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    log.info("%s: %.1f s", what, time.perf_counter() - start)


def _maps(settings: Settings, truth: Truth, methods: Sequence[str]) -> Scored:
    """Scores of water and vegetation; the stack of a tile and year is read once for all methods."""
    chosen = tuple(m for m in water.METHODS if m in methods)
    found: dict[str, list[list[Score]]] = {m: [] for m in methods if m in (*water.METHODS, *vegetation.METHODS)}
    if not found:
        return []
    for label, year in year_labels(settings, truth).items():
        period = settings.period(label)
        names = [*chosen, "peak", "growing", "wet", "snap_peak", "snap_growing"]
        maps = {n: np.full(truth.grid.shape, np.nan, "float32") for n in names}
        for tile in read_tiles(settings):
            chips = optical_chips(settings, tile.id, label)
            with _timed(f"reading {tile.id} {year}"):
                stack = read_dates(settings, chips, tile.grid)
            layers = {}
            for method in chosen:
                with _timed(f"{method} {tile.id} {year}"):
                    layers |= water.water_frequency(settings, period, stack, (method,))
            if found.keys() & set(vegetation.METHODS):
                with _timed(f"ndvi_5_95 {tile.id} {year}"):
                    c = vegetation.composites(settings, stack)
                layers |= {"peak": c.peak, "growing": c.growing, "wet": c.water.astype("float32")}
            if "snap_10m" in methods:
                with _timed(f"snap_10m {tile.id} {year}"):
                    covers = vegetation.snap_covers(settings, stack, [c.scene for c in chips], read_snap(vegetation.snap_folder()))
                layers |= dict(zip(("snap_peak", "snap_growing"), covers, strict=True))
            for name, values in layers.items():
                place(values, tile.grid, maps[name], truth.grid)
        for method in chosen:
            found[method].append(water_scores.score_water(maps[method], water.water_class(maps[method], settings), truth, year))
        wet = maps["wet"] == 1
        if "snap_10m" in methods:
            peak, growing = (np.where(wet, np.float32(0), maps[n]) for n in ("snap_peak", "snap_growing"))
            found["snap_10m"].append(vegetation_scores.score_vegetation(peak, growing, truth, year))
        if "ndvi_5_95" in methods:
            ends = vegetation.endmembers(maps["peak"], wet)
            peak, growing = (vegetation.dimidiate(maps[n], wet, *ends) for n in ("peak", "growing"))
            found["ndvi_5_95"].append(vegetation_scores.score_vegetation(peak, growing, truth, year))
    return [(method, s) for method, years in found.items() for s in combine(years)]


def land_bands(settings: Settings, label: str, grid: Grid) -> np.ndarray:
    """Median bands of a period for the baselines of land cover, float32 (6, h, w) on a grid."""
    bands = np.full((6, *grid.shape), np.nan, "float32")
    for tile in read_tiles(settings):
        stack = read_dates(settings, optical_chips(settings, tile.id, label), tile.grid)
        for layer, values in zip(bands, land.median_bands(settings, stack), strict=True):
            place(values, tile.grid, layer, grid)
    return bands


def _land(settings, truth, methods, forest, work, peers) -> Scored:
    chosen = [m for m in land.METHODS if m in methods]
    found: dict[str, list[list[Score]]] = {m: [] for m in chosen}
    for label, year in year_labels(settings, truth).items() if chosen else ():
        with _timed(f"{', '.join(chosen)} {year}"):
            bands = land_bands(settings, label, truth.grid)
            for method in chosen:
                classes = land.by_thresholds(bands) if method == "land_thresholds" else land.by_forest(bands, forest, work, peers)
                found[method].append(land_scores.score_land(classes, truth, year))
    return [(method, s) for method, years in found.items() for s in combine(years)]


def _heat(settings: Settings, truth: Truth, methods: Sequence[str]) -> Scored:
    chosen = [m for m in heat.METHODS if m in methods and settings.heat]
    years = []
    for label, year in year_labels(settings, truth).items() if chosen else ():
        anomaly = np.full(truth.grid.shape, np.nan, "float32")
        for tile in read_tiles(settings):
            place(heat.plain_anomaly(settings, tile.id, label), tile.grid, anomaly, truth.grid)
        years.append(heat_scores.score_heat(anomaly, truth, year))
    return [(method, s) for method in chosen for s in combine(years)]


def _solar(settings: Settings, truth: Truth, methods: Sequence[str]) -> Scored:
    chosen = [m for m in solar.METHODS if m in methods and solar_scores.has_arrays(truth)]
    years = []
    for label, year in year_labels(settings, truth).items() if chosen else ():
        years.append(solar_scores.score_solar(solar.by_index(land_bands(settings, label, truth.grid)), truth, year))
    return [(method, s) for method in chosen for s in combine(years)]


def _spartina(settings: Settings, truth: Truth, methods: Sequence[str]) -> Scored:
    layout = Layout(settings.root)
    chosen = [m for m in spartina.METHODS if m in methods and settings.coastline]
    years = []
    for label, year in year_labels(settings, truth).items() if chosen else ():
        _, ground = mapped_cordgrass(layout, truth, settings, label)
        years.append(spartina_scores.score_spartina(spartina.late_green(layout, truth, label), ground, truth, year))
    return [(method, s) for method in chosen for s in combine(years)]


def _settlements(settings: Settings, truth: Truth, methods: Sequence[str]) -> Scored:
    """From the land map of the baseline period, as ours."""
    if not set(methods) & set(settlements.METHODS):
        return []
    classes = on_grid(Layout(settings.root).map("land", settings.baseline_label), "class", truth.grid)
    found = settlements.built_patches(classes, settings.settlements.min_ha * 1e4 / truth.grid.resolution_m**2)
    return [(settlements.METHODS[0], s) for s in settlement_scores.score_settlements(found, truth)]


def _dust(settings: Settings, truth: Truth, methods: Sequence[str]) -> Scored:
    if not set(dust.METHODS) & set(methods) or truth.units is None:
        return []
    layout, settled = Layout(settings.root), settled_ground(Layout(settings.root), truth)
    found = dust.bare_all_year(layout, settled, truth, year_labels(settings, truth))
    return [("bare_all_year", score) for score in dust_scores.score_dust(found, settled, truth)]


def black_predictions(
    settings: Settings, periods: Sequence[str], methods: Sequence[str], forest: np.ndarray | None, work: Path, peers: Path | None
) -> dict[str, gpd.GeoDataFrame]:
    """``<method>_reaches`` and ``<method>_objects`` to rows of period, probability, flagged, assessed, geometry (run CRS)."""
    predict = black_odorous.forest_of(forest, work, peers) if forest is not None else None
    out: dict[str, list[gpd.GeoDataFrame]] = {}
    for period in periods:
        with _timed(f"{', '.join(methods)} {period}"):
            evidence = black_odorous.gather(settings, period, tuple(methods), predict)
            for method in methods:
                out.setdefault(f"{method}_reaches", []).append(black_odorous.on_reaches(settings, evidence, period, method))
                out.setdefault(f"{method}_objects", []).append(black_odorous.own_objects(settings, evidence, period, method))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in out.items()}


def _black(settings, truth, methods, forest, work, peers) -> Scored:
    chosen = [m for m in black_odorous.METHODS if m in methods]
    if not chosen:
        return []
    labels = year_labels(settings, truth)
    found = black_predictions(settings, list(labels), chosen, forest, work, peers)
    found = {name: objects.assign(period=objects.period.map(labels).astype(str)) for name, objects in found.items()}
    return [(name, s) for name, objects in found.items() for s in black_odorous_scores.score_black_odorous(objects, truth)]


def _coast(settings, truth, methods, work, peers) -> Scored:
    """Scores of the positions of either family, and of the rates of the finest family that has lines."""
    chosen = [m for m in coastline.METHODS if m in methods]
    if not chosen:
        return []
    with _timed(", ".join(chosen)):
        found = coastline.annual_lines(settings, chosen, work, peers)
    scored = []
    for method, lines in found.items():
        families = [f for f in SHORE_FAMILIES if (lines.sensor == f).any()]
        scored += [(method, s) for f in families for s in coastline_scores.score_lines(lines, truth, sensor=f)]
        if families and Layout(settings.root).transects.exists():
            rates = coastline.rate_table(settings, lines[lines.sensor == families[0]])
            scored += [(method, s) for s in coastline_scores.score_rates(rates, truth)]
    return scored


def fit_forests(runs: Sequence[tuple[Settings, Truth]], work: Path, peers: Path | None = None) -> dict[str, np.ndarray]:
    """Models of FORESTS, trained on finished runs and the truth of their worlds."""
    black = [black_odorous.training_pixels(settings, truth.black_reaches) for settings, truth in runs]
    cover = [land_pixels(settings, truth) for settings, truth in runs]
    return {
        "random_forest": black_odorous.fit_forest(*(np.concatenate(part) for part in zip(*black, strict=True)), work, peers),
        "land_forest": land.fit_forest(*(np.concatenate(part) for part in zip(*cover, strict=True)), work, peers),
    }


def land_pixels(settings: Settings, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Median bands (n, 6) of pixels of a run's first year, and the class that covers most of each (n,)."""
    label, year = next(iter(year_labels(settings, truth).items()))
    bands = land_bands(settings, label, truth.grid)
    seen = np.flatnonzero(np.isfinite(bands).all(axis=0))
    chosen = np.random.default_rng(0).choice(seen, min(land.TRAINING_PIXELS, seen.size), replace=False)
    classes = land_scores.true_shares(truth, year).argmax(axis=0) + 1
    return bands.reshape(6, -1)[:, chosen].T, classes.ravel()[chosen]


def table(scored: Scored) -> pd.DataFrame:
    """A row a score: product, metric, subset, method, value, unit, n."""
    rows = [(s.product, s.metric, s.subset, m, s.value, s.unit, s.n) for m, s in scored]
    return pd.DataFrame(rows, columns=["product", "metric", "subset", "method", "value", "unit", "n"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines.run", description="Score the baselines on a finished run of a simulated world.")
    parser.add_argument("--config", type=Path, required=True, help="the run's config.yaml")
    parser.add_argument("--truth", type=Path, required=True, help="<world>/truth")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--methods", nargs="*", default=None, help=f"of {', '.join(METHODS)}; default: all that can run here")
    parser.add_argument("--forest-config", type=Path, help="config.yaml of another run to train the forests on")
    parser.add_argument("--forest-truth", type=Path, help="<world>/truth of that run")
    parser.add_argument("--peers", type=Path, default=None, help=f"default {peers_folder()}")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    methods, forests = list(options.methods or usable(options.peers)), {}
    if options.forest_config is None:
        methods = [m for m in methods if m not in FORESTS]
    elif any(m in methods for m in FORESTS):
        with _timed("training"), tempfile.TemporaryDirectory() as work:
            forests = fit_forests([(load(options.forest_config), Truth(options.forest_truth))], Path(work), options.peers)
    scored = run_baselines(load(options.config), Truth(options.truth), methods, forests=forests, peers=options.peers)
    table(scored).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
