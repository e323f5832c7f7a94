"""Train the land classifier on simulated pixels: ``python -m rs_pipeline.training.land``.

It is fitted to the true share of each class in pixels of many palettes (`pixels`), and what it can do is measured on whole worlds that the
chain has read, none of which took part. All are of development seeds. Everything measured here is simulated: it holds for the spectra,
seasons and mixtures of ``sample``, not for Hebei's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import minimize

from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.model import Grid
from rs_pipeline.paths import config_folder
from rs_pipeline.products.land.areas import AREAS
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.features import LAND_FEATURES, LandFeatures, land_features
from rs_pipeline.products.land.model import GROUPS, LandModel, inputs, logarithms, softmax
from rs_pipeline.region import grid
from rs_pipeline.simulation.write import run_config, write_world
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.provenance import freeze
from rs_pipeline.tiles import read_tiles
from rs_pipeline.training.land_pixels import mixtures, year_statistics
from rs_pipeline.validation.land import true_shares
from rs_pipeline.validation.truth import Truth

LANDSCAPES = ("coast", "mudflat", "plain", "city", "mountain")
PIXEL_SEEDS = (71, 72, 73)
"""Worlds of all landscapes whose mixtures are trained on. All seeds here are of development."""
PIXELS, PALETTES = 600, 6
"""Pixels of a world, and palettes that they are seen under."""
PIXELS_SIZE_PX = (240, 180)
WORLDS = tuple((LANDSCAPES[seed % len(LANDSCAPES)], seed) for seed in range(31, 40))
"""Worlds the classifier is measured on, each of its own palette."""
WORLD_SIZE_PX = (180, 150)

LAND_SEED = 20260401
LAND_HIDDEN = 48
LAND_RIDGE = 3e-3
"""Penalty on the mean squared weight of each layer."""
DROPPED = 0.15
"""Share of the training pixels for which a group of features is taken away, so that the network can do without."""


@dataclass(frozen=True)
class TrainingWorld:
    """One world as the chain has read it."""

    name: str
    values: np.ndarray
    """float32 (F, h, w) of LAND_FEATURES."""
    shares: np.ndarray
    """True shares float32 (7, h, w)."""


def read_world(landscape: str, seed: int, work: Path) -> TrainingWorld:
    """Make a world of one year and read its statistics."""
    folder = work / f"{landscape}-{seed}"
    write_world(folder / "world", seed, 1, landscape=landscape, size_px=WORLD_SIZE_PX)
    settings = parse(yaml.safe_load(run_config(folder / "world")) | {"output": str(folder / "results")}, where=folder.name)
    freeze(settings)
    search(settings)
    grid(settings)
    truth, label = Truth(folder / "world" / "truth"), settings.all_periods[0].label
    values = np.full((len(LAND_FEATURES), *truth.grid.shape), np.nan, "float32")
    for tile in read_tiles(settings):
        fetch(settings, tile.id, label, threads=1)
        found = np.full((len(LAND_FEATURES), *tile.grid.shape), np.nan, "float32")

        def keep(inside: tuple[slice, slice], features: LandFeatures, found: np.ndarray = found) -> None:
            found[:, *inside] = features.values

        land_features(settings, load_chips(settings, tile.id, label), tile.grid, keep)
        place(found, tile.grid, values, truth.grid)
    return TrainingWorld(folder.name, values, true_shares(truth, int(label)))


def place(values: np.ndarray, source: Grid, target: np.ndarray, whole: Grid) -> None:
    """Copy layers (F, h, w) of a grid into those of another with the same pixels; what lies outside is dropped."""
    row, col = round((whole.top - source.top) / whole.resolution_m), round((source.left - whole.left) / whole.resolution_m)
    top, left, bottom, right = max(row, 0), max(col, 0), min(row + source.height, whole.height), min(col + source.width, whole.width)
    target[:, top:bottom, left:right] = values[:, top - row : bottom - row, left - col : right - col]


def dropped(values: np.ndarray, seed: int) -> np.ndarray:
    """The statistics with a group taken away from DROPPED of the pixels."""
    rng, values = np.random.default_rng(seed), values.copy()
    which = np.where(rng.random(values.shape[1]) < DROPPED, rng.integers(0, len(GROUPS), values.shape[1]), -1)
    for k, group in enumerate(GROUPS.values()):
        values[np.ix_(group, which == k)] = np.nan
    return values


def land_loss(flat: np.ndarray, x: np.ndarray, y: np.ndarray, hidden: int) -> tuple[float, np.ndarray]:
    """Mean cross-entropy to the true shares plus LAND_RIDGE, and its gradient; x (D, n), y (7, n)."""
    d, k, n = len(x), len(y), x.shape[1]
    cut = np.cumsum([hidden * d, hidden, k * hidden])
    w1, b1, w2, b2 = flat[: cut[0]].reshape(hidden, d), flat[cut[0] : cut[1]], flat[cut[1] : cut[2]].reshape(k, hidden), flat[cut[2] :]
    w1f, w2f = w1.astype("float32"), w2.astype("float32")
    state = np.tanh(w1f @ x + b1[:, None].astype("float32"))
    p = softmax(w2f @ state + b2[:, None].astype("float32"))
    error = float(-(y * np.log(np.maximum(p, 1e-9))).sum() / n) + LAND_RIDGE * float((w1**2).sum() / hidden + (w2**2).sum() / k)
    back = (p - y) / np.float32(n)
    inner = (w2f.T @ back) * (1 - state**2)
    gradient = [inner @ x.T + 2 * LAND_RIDGE * w1 / hidden, inner.sum(axis=1), back @ state.T + 2 * LAND_RIDGE * w2 / k, back.sum(axis=1)]
    return error, np.concatenate([g.ravel() for g in gradient]).astype("float64")


def fit_land_model(values: np.ndarray, shares: np.ndarray, seed: int, *, hidden: int = LAND_HIDDEN, iterations: int = 300) -> LandModel:
    """A network of statistics (F, n) and true shares (7, n). Source: L-BFGS (Byrd et al. 1995); soft targets as in a mixture of classes."""
    known = logarithms(values)
    centre, deviation = np.nanmean(known, axis=1, dtype="float64"), np.nanstd(known, axis=1, dtype="float64")
    x = inputs(dropped(values, seed), centre, deviation)
    rng, d, k = np.random.default_rng(seed), len(x), len(Land)
    start = np.concatenate([rng.normal(0, d**-0.5, hidden * d), np.zeros(hidden), rng.normal(0, hidden**-0.5, k * hidden), np.zeros(k)])
    found = minimize(land_loss, start, (x, shares, hidden), "L-BFGS-B", jac=True, options={"maxiter": iterations, "maxfun": 2 * iterations}).x
    cut = np.cumsum([hidden * d, hidden, k * hidden])
    w1, b1, w2, b2 = np.split(found, cut)
    return LandModel(centre, deviation, w1.reshape(hidden, d), b1, w2.reshape(k, hidden), b2, {})


def predict(model: LandModel, world: TrainingWorld) -> np.ndarray:
    """Expected shares float32 (7, h, w)."""
    return model.shares(world.values.reshape(len(LAND_FEATURES), -1)).reshape(world.shares.shape)


def agreement(found: np.ndarray, true: np.ndarray) -> dict[str, dict[str, float]]:
    """User's and producer's accuracy and F1 by area, of each of AREAS: ``found`` and ``true`` shares (7, n).

    A pixel is called what has the largest share, and is right to the extent that it truly is that.
    """
    best, out = found.argmax(axis=0), {}
    for name, classes in AREAS.items():
        rows = [c - 1 for c in classes]
        predicted, truly = np.isin(best, rows), true[rows].sum(axis=0)
        right = float(truly[predicted].sum())
        users, producers = right / max(predicted.sum(), 1), right / max(float(truly.sum()), 1e-9)
        f1 = 2 * right / max(float(predicted.sum() + truly.sum()), 1e-9)
        out[name] = {"users": _round(users), "producers": _round(producers), "f1": _round(f1)}
    return out


def _round(value: float) -> float:
    return round(float(value), 4)


def simulate_land() -> tuple[np.ndarray, np.ndarray]:
    """Statistics float32 (F, n) and true shares float32 (7, n) to train on."""
    values, shares = [], []
    for seed in PIXEL_SEEDS:
        for k, landscape in enumerate(LANDSCAPES):
            pixels = mixtures(landscape, seed, PIXELS_SIZE_PX, PIXELS)
            values += [year_statistics(pixels, seed, 10 * k + palette) for palette in range(PALETTES)]
            shares += [pixels.shares] * PALETTES
    return np.concatenate(values, axis=1), np.concatenate(shares, axis=1)


def measured(model: LandModel, worlds: list[TrainingWorld]) -> LandModel:
    """The model with its agreement with the truth of worlds that took no part in its training."""
    found = [predict(model, w) for w in worlds]
    flat, true = (np.concatenate([layers.reshape(len(Land), -1) for layers in many], axis=1) for many in (found, [w.shares for w in worlds]))
    best = flat.argmax(axis=0)
    confusion = np.stack([true[:, best == k].sum(axis=1) for k in range(len(Land))]) / flat.shape[1]
    report = {
        "kind": "simulated; measured on worlds that took no part in the training", "worlds": [w.name for w in worlds],
        "overall": _round(np.trace(confusion)), "classes": agreement(flat, true),
        "confusion": [[_round(v) for v in row] for row in confusion],
    }  # fmt: skip
    return replace(model, report=report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=config_folder() / "land.json")
    parser.add_argument("--work", type=Path, help="folder that keeps the worlds; default: one that is removed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        worlds = [read_world(landscape, seed, args.work or Path(scratch)) for landscape, seed in WORLDS]
    model = measured(fit_land_model(*simulate_land(), LAND_SEED), worlds)
    with atomic_path(args.output) as part:
        part.write_text(model.to_json(), "utf-8")
    print(json.dumps(model.report, indent=1))


if __name__ == "__main__":
    main()
