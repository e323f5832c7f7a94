"""Fit the weights of reaches on development worlds: ``python -m benchmarks.accuracy.calibrate``.

The worlds have seeds 1-99 and hold black-odorous water and waters that look like it: ERROR_WORLDS as they are, and others that
`varied` changes: channels of 12-75 m, episodes of three months and more, darker, greyer and greener waters, fewer scenes. Each reach and year is
fitted twice, with all of its dates and with a random share of them, so that few dates make a probability less certain instead of making
it missing. Every world is predicted by a model that was fitted without it; those figures, by threshold, are the report beside the weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.accuracy.measure import run_chain
from benchmarks.accuracy.worlds import ERROR_WORLDS, Recipe
from rs_pipeline.config import Settings
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from rs_pipeline.products.black_odorous.classify import evidence
from rs_pipeline.products.black_odorous.model import REACH_FEATURES, ReachModel
from rs_pipeline.simulation import materials, themes
from rs_pipeline.simulation.materials import Material
from rs_pipeline.simulation.plan import EVERY_DAYS
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.tiles import read_tiles
from rs_pipeline.validation import metrics
from rs_pipeline.validation.black_odorous import BLACK_REACH_SHARE, CLEAN_SHARE, label
from rs_pipeline.validation.truth import Truth

VARIED = (
    Recipe("city", 60), Recipe("plain", 61), Recipe("mudflat", 62), Recipe("city", 63),
)  # fmt: skip
"""Worlds that `varied` changes."""

RIDGE = 1.0
"""Penalty on the weight of a standardised feature, in reaches."""

MIN_DATES = 3
"""Reaches with fewer dates get no class, so they are left out of the fit."""

KEPT_SHARE = (0.15, 1.0)
"""Share of its dates that a reach keeps when it is fitted a second time, drawn evenly."""

FOLDS, SEED = 5, 0
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
WIDE_M = 25.0
"""The report gives recall for waters of at least this width, and for all."""

EPISODE_MONTHS = (3, 3, 4, 5, 7, 12)
LOG_WIDTH_FACTOR = (-0.45, 0.3)
SCENES_LEFT_OUT = (1, 1, 2)
"""Days between the scenes of a satellite are multiplied by one of these."""
OTHER_WATERS = {
    Material.BLACK_FES: dict(a_blk440=(3, 25), tsm=(8, 60), b_bp=(0.003, 0.010)),
    Material.BLACK_GREY: dict(tsm=(30, 200), a_blk440=(1, 10)),
    Material.BLACK_SLIGHT: dict(tsm=(12, 60)),
    Material.RIVER: dict(chl=(3, 50), tsm=(4, 50), a_g440=(0.3, 2.5)),
}


@contextmanager
def varied(seed: int) -> Iterator[None]:
    """Worlds written inside this context have other widths of channels, other places and months of black-odorous water, other ranges of
    water properties and other numbers of scenes."""
    rng, river, black_reach = np.random.default_rng(seed), themes.river, themes.black_reach

    def other_river(name, width_m, line, material=Material.RIVER, kind="river"):
        return river(name, float(width_m * np.exp(rng.uniform(*LOG_WIDTH_FACTOR))) if 18 < width_m < 75 else width_m, line, material, kind)

    def other_reach(water, material, middle, years):
        return black_reach(water, material, float(np.clip(middle + rng.uniform(-0.12, 0.12), 0.2, 0.8)), years)

    months = {}
    for material in materials.BLACK_MONTHS:
        n = int(rng.choice(EPISODE_MONTHS))
        first = int(rng.integers(4, 12 - min(n, 6))) if n < 12 else 1
        months[material] = tuple(range(first, min(first + n, 13)))
    days = {family: int(days * rng.choice(SCENES_LEFT_OUT)) for family, days in EVERY_DAYS.items()} | {"sentinel-1": EVERY_DAYS["sentinel-1"]}
    waters = {m: materials.WATER[m] | ranges for m, ranges in OTHER_WATERS.items()}
    with ExitStack() as changed:
        for where, name, other in ((themes, "river", other_river), (themes, "black_reach", other_reach)):
            changed.enter_context(mock.patch.object(where, name, other))
        for where, other in ((materials.BLACK_MONTHS, months), (materials.WATER, waters), (EVERY_DAYS, days)):
            changed.enter_context(mock.patch.dict(where, other))
        yield


def thinned(scores: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A random share of the dates of each reach, KEPT_SHARE of them."""
    reach = scores.reach_id.astype("category").cat.codes.to_numpy("int64")
    return scores[rng.random(len(scores)) < rng.uniform(*KEPT_SHARE, reach.max(initial=0) + 1)[reach]]


def truths(lines: gpd.GeoDataFrame, periods: list[str], truth: Truth) -> pd.DataFrame:
    """True state of reaches and years: reach_id, period, water, black (bool). Reaches that are partly black-odorous are left out."""
    table = label(lines.merge(pd.DataFrame({"period": periods}), how="cross").to_crs(truth.grid.crs), truth)
    known = (table.black_share >= BLACK_REACH_SHARE) | (table.black_share < CLEAN_SHARE)
    return pd.DataFrame(table[known].assign(black=table.black_share >= BLACK_REACH_SHARE))[["reach_id", "period", "water", "black"]]


def labelled(
    name: str, lines: gpd.GeoDataFrame, scores: pd.DataFrame, periods: list[str], known: pd.DataFrame, wetlands: gpd.GeoDataFrame | None
) -> pd.DataFrame:  # fmt: skip
    """Reaches and years of ``known`` (see `truths`) whose width can be assessed: world, thin (bool), kind, width_m, water, black (bool), n_dates and
    REACH_FEATURES; with all dates, and with a random share of them (``thin``)."""
    rng, parts = np.random.default_rng(SEED), []
    for thin in (False, True):
        table = pd.DataFrame(evidence(lines, thinned(scores, rng) if thin else scores, periods, wetlands))
        parts.append(table[table.width_class != "not_assessable"].merge(known, on=["reach_id", "period"]).assign(world=name, thin=thin))
    return pd.concat(parts, ignore_index=True)[["world", "thin", "kind", "width_m", "water", "black", "n_dates", *REACH_FEATURES]]


def run_table(settings: Settings, truth: Truth, name: str) -> pd.DataFrame:
    """`labelled` of a run."""
    layout, periods = Layout(settings.root), [p.label for p in settings.all_periods]
    scores = pd.concat([pd.read_parquet(layout.reach_scores(p, t.id)) for p in periods for t in read_tiles(settings)], ignore_index=True)
    wetlands = load_vector(settings, "black_odorous.wetland_prior") if settings.black_odorous.wetland_prior else None
    lines = gpd.read_parquet(layout.reach_lines)
    return labelled(name, lines, scores, periods, truths(lines, periods, truth), wetlands)


def fit(table: pd.DataFrame, report: dict | None = None) -> ReachModel:
    """Ridge logistic regression on standardised features by Newton's method, on rows with at least MIN_DATES dates."""
    table = table[table.n_dates >= MIN_DATES]
    x, black = table[list(REACH_FEATURES)].to_numpy("float64"), table.black.to_numpy("float64")
    centre, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    design = np.column_stack([np.ones(len(x)), (x - centre) / spread])
    penalty, weights = np.full(design.shape[1], RIDGE), np.zeros(design.shape[1])
    penalty[0] = 0.0
    for _ in range(50):
        p = expit(np.clip(design @ weights, -30, 30))
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, design.T @ (p - black) + penalty * weights)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    short = np.vectorize(lambda v: float(f"{v:.6g}"), otypes=[float])
    intercept, weight = short(weights[:1])[0], short(weights[1:])
    worlds = f"simulated worlds {', '.join(sorted(table.world.unique()))}"
    return ReachModel(REACH_FEATURES, short(centre), short(spread), weight, float(intercept), round(float(black.mean()), 4), worlds, report or {})


def left_out(table: pd.DataFrame) -> np.ndarray:
    """Probability of each row by a model fitted on the other folds of worlds, float64 (n,); NaN with fewer than MIN_DATES dates."""
    worlds = sorted(table.world.unique())
    fold = table.world.map({w: i % FOLDS for i, w in enumerate(worlds)})
    probability = np.full(len(table), np.nan)
    for k in range(FOLDS):
        mine = (fold == k).to_numpy() & (table.n_dates >= MIN_DATES).to_numpy()
        probability[mine] = expit(fit(table[fold != k]).log_odds(table[mine]))
    return probability


def measured(table: pd.DataFrame, probability: np.ndarray) -> dict:
    """Recall and object precision of each threshold, of rivers and ponds of at least WIDE_M and of all; what has no probability counts as missed."""
    p, black, wide = np.nan_to_num(probability), table.black.to_numpy(), (table.width_m >= WIDE_M).to_numpy()
    called = np.isfinite(probability)

    def figures(threshold: float, where: np.ndarray) -> dict:
        hit = (p >= threshold) & where
        return {
            "recall": round(float((hit & black).sum() / max((black & where).sum(), 1)), 3),
            "precision": round(float((hit & black).sum() / max(hit.sum(), 1)), 3),
        }

    return {
        "reaches_and_years": len(table),
        "black": int(black.sum()),
        "calibration_error": round(float(metrics.expected_calibration_error(p[called], black[called])), 4),
        "by_threshold": {f"{t:g}": {f"from {WIDE_M:g} m": figures(t, wide), "all": figures(t, np.ones(len(p), bool))} for t in THRESHOLDS},
    }


def report_of(table: pd.DataFrame) -> dict:
    """`measured` of worlds left out of the fit: unchanged worlds, varied worlds, and all worlds with a random share of their dates."""
    probability, other = left_out(table), table.world.isin([r.name for r in VARIED]).to_numpy()
    thin = table.thin.to_numpy()
    subsets = {"worlds as they are": ~other & ~thin, "varied worlds": other & ~thin, "a share of the dates": thin}
    return {"kind": "simulated, worlds left out of the fit"} | {name: measured(table[rows], probability[rows]) for name, rows in subsets.items() if rows.any()}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the worlds and their runs")
    args = parser.parse_args(argv)
    parts = []
    for recipe in ERROR_WORLDS:
        parts.append(run_table(run_chain(recipe, args.work), Truth(args.work / recipe.name / "world" / "truth"), recipe.name))
    for recipe in VARIED:
        with varied(recipe.seed):
            settings = run_chain(recipe, args.work)
        parts.append(run_table(settings, Truth(args.work / recipe.name / "world" / "truth"), recipe.name))
    write_model(pd.concat(parts, ignore_index=True), config_folder() / "black_odorous.json")


def write_model(table: pd.DataFrame, path: Path) -> None:
    """Write the weights fitted on all worlds, and the report on worlds left out, into the model's file."""
    report = report_of(table)
    print(json.dumps(report, indent=1))
    content = json.loads(path.read_text("utf-8")) | {"reach": fit(table, report).to_json()}
    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
