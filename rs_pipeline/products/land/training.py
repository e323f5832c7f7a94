"""Train the land classifier on simulated worlds: ``python -m rs_pipeline.products.land.training``.

Makes worlds of development seeds, reads them as the chain does, and fits the true share of each class in each pixel. What it can do is
measured on worlds that took no part: each world once, by a network trained on the others. Everything measured here is simulated: it
holds for the spectra, seasons and mixtures of ``sample``, not for Hebei's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import minimize

from rs_pipeline.accuracy.land import true_shares
from rs_pipeline.accuracy.truth import Truth
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import config_folder, freeze, parse
from rs_pipeline.model import Grid
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.products.land.areas import AREAS, area_layers, spread
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.features import FEATURES, land_features
from rs_pipeline.products.land.model import GROUPS, LandModel, inputs, logarithms, softmax
from rs_pipeline.region import grid, read_tiles
from rs_pipeline.sample.write import run_config, write_sample

LANDSCAPES = ("coast", "mudflat", "plain", "city", "mountain")
SEEDS = (31, 32, 33, 34, 35)
"""Development seeds; each is one fold of the cross-validation, in all landscapes."""
SIZE_PX = (240, 180)

HIDDEN = 32
RIDGE = 1e-4
"""Penalty on the mean squared weight of each layer."""
PIXELS = 4000
"""Taken of a world for training."""
DROPPED = 0.15
"""Share of the training pixels for which a group of features is taken away, so that the network can do without."""
ZONES_PX = (4, 16, 60, 120)
"""Sides of the squares, in pixels, on which the error of areas is measured, beside the whole world."""
SQUARES = 12
"""Of each side in each world."""
PIXEL_M2 = 100.0
LARGE_PX = 60
"""The factor of an area's error is that of squares of this side and larger: what a county is."""
COVERED = 0.95


@dataclass(frozen=True)
class World:
    """One world as training sees it."""

    name: str
    seed: int
    values: np.ndarray
    """float32 (F, h, w) of FEATURES."""
    shares: np.ndarray
    """True shares float32 (7, h, w)."""


def read_world(landscape: str, seed: int, work: Path) -> World:
    """Make a world of one year and read its statistics."""
    folder = work / f"{landscape}-{seed}"
    write_sample(folder / "world", seed, 1, landscape=landscape, size_px=SIZE_PX)
    settings = parse(yaml.safe_load(run_config(folder / "world")) | {"output": str(folder / "results")}, where=folder.name)
    freeze(settings)
    search(settings)
    grid(settings)
    truth, label = Truth(folder / "world" / "truth"), settings.all_periods[0].label
    values = np.full((len(FEATURES), *truth.grid.shape), np.nan, "float32")
    for tile in read_tiles(settings):
        fetch(settings, tile.id, label, threads=1)
        found = land_features(settings, tile.id, label, tile.grid).values
        place(found, tile.grid, values, truth.grid)
    return World(folder.name, seed, values, true_shares(truth, int(label)))


def place(values: np.ndarray, source: Grid, target: np.ndarray, whole: Grid) -> None:
    """Copy layers (F, h, w) of a grid into those of another with the same pixels; what lies outside is dropped."""
    row, col = round((whole.top - source.top) / whole.resolution_m), round((source.left - whole.left) / whole.resolution_m)
    top, left, bottom, right = max(row, 0), max(col, 0), min(row + source.height, whole.height), min(col + source.width, whole.width)
    target[:, top:bottom, left:right] = values[:, top - row : bottom - row, left - col : right - col]


def sample(worlds: Iterable[World], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """PIXELS of each world that were seen: statistics float32 (F, n) and true shares float32 (7, n)."""
    rng = np.random.default_rng(seed)
    values, shares = [], []
    for world in worlds:
        seen = np.flatnonzero(np.isfinite(world.values[: len(FEATURES) // 2]).any(axis=0))
        chosen = rng.choice(seen, min(PIXELS, seen.size), replace=False)
        values.append(world.values.reshape(len(FEATURES), -1)[:, chosen])
        shares.append(world.shares.reshape(len(Land), -1)[:, chosen])
    return np.concatenate(values, axis=1), np.concatenate(shares, axis=1)


def dropped(values: np.ndarray, seed: int) -> np.ndarray:
    """The statistics with a group taken away from DROPPED of the pixels."""
    rng, values = np.random.default_rng(seed), values.copy()
    which = np.where(rng.random(values.shape[1]) < DROPPED, rng.integers(0, len(GROUPS), values.shape[1]), -1)
    for k, group in enumerate(GROUPS.values()):
        values[np.ix_(group, which == k)] = np.nan
    return values


def loss(flat: np.ndarray, x: np.ndarray, y: np.ndarray, hidden: int) -> tuple[float, np.ndarray]:
    """Mean cross-entropy to the true shares plus RIDGE, and its gradient; x (D, n), y (7, n)."""
    d, k, n = len(x), len(y), x.shape[1]
    cut = np.cumsum([hidden * d, hidden, k * hidden])
    w1, b1, w2, b2 = flat[: cut[0]].reshape(hidden, d), flat[cut[0] : cut[1]], flat[cut[1] : cut[2]].reshape(k, hidden), flat[cut[2] :]
    w1f, w2f = w1.astype("float32"), w2.astype("float32")
    state = np.tanh(w1f @ x + b1[:, None].astype("float32"))
    p = softmax(w2f @ state + b2[:, None].astype("float32"))
    error = float(-(y * np.log(np.maximum(p, 1e-9))).sum() / n) + RIDGE * float((w1**2).sum() / hidden + (w2**2).sum() / k)
    back = (p - y) / np.float32(n)
    inner = (w2f.T @ back) * (1 - state**2)
    gradient = [inner @ x.T + 2 * RIDGE * w1 / hidden, inner.sum(axis=1), back @ state.T + 2 * RIDGE * w2 / k, back.sum(axis=1)]
    return error, np.concatenate([g.ravel() for g in gradient]).astype("float64")


def fit(values: np.ndarray, shares: np.ndarray, seed: int, *, hidden: int = HIDDEN, iterations: int = 400) -> LandModel:
    """A network of statistics (F, n) and true shares (7, n). Source: L-BFGS (Byrd et al. 1995); soft targets as in a mixture of classes."""
    known = logarithms(values)
    centre, deviation = np.nanmean(known, axis=1, dtype="float64"), np.nanstd(known, axis=1, dtype="float64")
    x = inputs(dropped(values, seed), centre, deviation)
    rng, d, k = np.random.default_rng(seed), len(x), len(Land)
    start = np.concatenate([rng.normal(0, d**-0.5, hidden * d), np.zeros(hidden), rng.normal(0, hidden**-0.5, k * hidden), np.zeros(k)])
    found = minimize(loss, start, (x, shares, hidden), "L-BFGS-B", jac=True, options={"maxiter": iterations, "maxfun": 2 * iterations}).x
    cut = np.cumsum([hidden * d, hidden, k * hidden])
    w1, b1, w2, b2 = np.split(found, cut)
    return LandModel(centre, deviation, w1.reshape(hidden, d), b1, w2.reshape(k, hidden), b2, {}, {})


def predict(model: LandModel, world: World) -> np.ndarray:
    """Expected shares float32 (7, h, w)."""
    return model.shares(world.values.reshape(len(FEATURES), -1)).reshape(world.shares.shape)


def cross_validate(worlds: list[World], **options) -> list[np.ndarray]:
    """Expected shares of each world by a network that saw no world of its seed, float32 (7, h, w)."""
    models = {}
    for seed in sorted({w.seed for w in worlds}):
        models[seed] = fit(*sample([w for w in worlds if w.seed != seed], seed), seed, **options)
    return [predict(models[w.seed], w) for w in worlds]


def agreement(found: np.ndarray, true: np.ndarray) -> dict[str, dict[str, float]]:
    """User's and producer's accuracy and F1 by area, of each of AREAS: ``found`` and ``true`` shares (7, n).

    A pixel is called what has the largest share, and is right to the extent that it truly is that.
    """
    best, out = found.argmax(axis=0), {}
    for name, classes in AREAS.items():
        rows = [c - 1 for c in classes]
        called, truly = np.isin(best, rows), true[rows].sum(axis=0)
        right = float(truly[called].sum())
        users, producers = right / max(called.sum(), 1), right / max(float(truly.sum()), 1e-9)
        f1 = 2 * right / max(float(called.sum() + truly.sum()), 1e-9)
        out[name] = {"users": _round(users), "producers": _round(producers), "f1": _round(f1)}
    return out


def _round(value: float) -> float:
    return round(float(value), 4)


def squares(shape: tuple[int, int], side: int, number: int, rng: np.random.Generator) -> list[tuple[slice, slice]]:
    """So many squares at random places."""
    corners = zip(rng.integers(0, shape[0] - side + 1, number), rng.integers(0, shape[1] - side + 1, number), strict=True)
    return [(slice(r, r + side), slice(c, c + side)) for r, c in corners]


def area_scores(worlds: list[World], found: list[np.ndarray], seed: int) -> dict[int, dict[str, np.ndarray]]:
    """Error of mean shares in units of `spread`, by the side of the squares (0: the whole world) and by name of AREAS."""
    scores: dict[int, dict[str, list[float]]] = {side: {name: [] for name in AREAS} for side in (0, *ZONES_PX)}
    rng = np.random.default_rng(seed)
    for world, shares in zip(worlds, found, strict=True):
        layers, truth = area_layers(shares), area_layers(world.shares)
        whole = [(slice(None), slice(None))]
        for side, by_name in scores.items():
            for place in squares(shares.shape[1:], side, SQUARES, rng) if side else whole:
                for name, errors in by_name.items():
                    part = layers[name][place]
                    unit = spread(float(layers[f"{name}_uncertain"][place].mean()), part.size * PIXEL_M2)
                    errors.append(abs(float(part.mean() - truth[name][place].mean())) / max(unit, 1e-9))
    return {side: {name: np.array(errors) for name, errors in by_name.items()} for side, by_name in scores.items()}


def area_errors(scores: dict[int, dict[str, np.ndarray]]) -> dict[str, float]:
    """What a share of COVERED of the scores of squares of LARGE_PX and of whole worlds do not exceed, by name of AREAS."""
    large = [by_name for side, by_name in scores.items() if side == 0 or side >= LARGE_PX]
    pooled = {name: np.concatenate([by_name[name] for by_name in large]) for name in AREAS}
    return {name: _round(np.quantile(s, min(COVERED * (1 + 1 / s.size), 1.0))) for name, s in pooled.items()}


def train(worlds: list[World], seed: int = 0, **options) -> LandModel:
    """A network of all worlds, with its errors as measured on worlds that a network did not see."""
    found = cross_validate(worlds, **options)
    scores = area_scores(worlds, found, seed)
    factors = area_errors(scores)
    flat, true = (np.concatenate([layers.reshape(len(Land), -1) for layers in many], axis=1) for many in (found, [w.shares for w in worlds]))
    best = flat.argmax(axis=0)
    confusion = np.stack([true[:, best == k].sum(axis=1) for k in range(len(Land))]) / flat.shape[1]
    report = {
        "kind": "simulated; every world by a network that saw none of its seed", "worlds": [w.name for w in worlds],
        "overall": _round(np.trace(confusion)), "classes": agreement(flat, true),
        "confusion": [[_round(v) for v in row] for row in confusion],
        "coverage": {name: {str(side): _round((s[name] <= factors[name]).mean()) for side, s in scores.items()} for name in AREAS},
    }  # fmt: skip
    return replace(fit(*sample(worlds, seed), seed, **options), area_error=factors, report=report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=config_folder() / "land.json")
    parser.add_argument("--work", type=Path, help="folder that keeps the worlds; default: one that is removed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        worlds = [read_world(landscape, seed, args.work or Path(scratch)) for seed in SEEDS for landscape in LANDSCAPES]
    model = train(worlds)
    with atomic_path(args.output) as part:
        part.write_text(model.to_json(), "utf-8")
    print(json.dumps(model.report, indent=1))


if __name__ == "__main__":
    main()
