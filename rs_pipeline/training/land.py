"""Train the land classifier on simulated and real pixels: ``python -m rs_pipeline.training.land --real FOLDER``.

It is fitted to the true share of each class in pixels of many palettes (`land_pixels`), in pixels of many crops, plants, soils and roofs
(`land_library`), and to the labels of real pixels (`real_land`). Its accuracy is measured twice: on complete simulated worlds of development
seeds that the chain has processed and that were not trained on, and on real pixels with one source left out at a time: a network trained without
a source classifies its pixels. The latter also sets the temperature, so that stated confidence matches accuracy (Guo et al. 2017). Some fifteen
minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from rs_kernels.land import EXTREMES
from scipy.optimize import minimize, minimize_scalar

from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.model import Grid
from rs_pipeline.paths import config_folder
from rs_pipeline.products.land.areas import AREAS
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.model import GROUPS, N_REFL, LandModel, inputs, logarithms, softmax
from rs_pipeline.products.seasons import STATISTICS, SeasonStatistics, tile_statistics
from rs_pipeline.region import grid
from rs_pipeline.simulation.write import run_config, write_world
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.provenance import freeze
from rs_pipeline.tiles import read_tiles
from rs_pipeline.training.land_library import Spectra, library_pixels, measured_ground
from rs_pipeline.training.land_pixels import mixtures, year_statistics
from rs_pipeline.training.real_land import RealPixels, read_real_land, read_spectra
from rs_pipeline.validation.land import true_shares
from rs_pipeline.validation.metrics import expected_calibration_error, kappa, ratio
from rs_pipeline.validation.truth import Truth

LANDSCAPES = ("coast", "mudflat", "plain", "city", "mountain")
PIXEL_SEEDS = (71, 72, 73)
"""Seeds of the worlds, of all landscapes, whose mixtures are trained on. All seeds here are development seeds."""
PIXELS, PALETTES = 600, 4
"""Number of pixels of a world, and of palettes for each pixel."""
PIXELS_SIZE_PX = (240, 180)
LIBRARY_PIXELS = 25_000
REAL_WEIGHT = 0.2
"""Total weight of the real pixels relative to that of the simulated ones."""
COPIES = 5
"""Number of copies of each real pixel, with random changes of brightness (COPY_SPREAD: common to all features, and of each) and of backscatter
(COPY_SPREAD_DB)."""
COPY_SPREAD, COPY_SPREAD_DB = (0.08, 0.04), (0.8, 0.4)
WORLDS = tuple((LANDSCAPES[seed % len(LANDSCAPES)], seed) for seed in range(31, 40))
"""Worlds on which the classifier is tested, each with its own palette."""
WORLD_SIZE_PX = (180, 150)

SPECTRA = "spectra"
"""Name of the source of the measured spectra of ground."""
SURE = 0.9
"""Least share with which a classification counts as sure."""
LabelledPixels = tuple[np.ndarray, np.ndarray]
"""Statistics float32 (F, n) and true shares float32 (7, n)."""

LAND_SEED = 20260401
LAND_NETWORKS, LAND_HIDDEN = 2, 32
"""Number of networks whose logits are averaged (together they are one network with all hidden units), and hidden units of each."""
ITERATIONS, LEFT_OUT_ITERATIONS = 200, 90
"""Iterations of the fit that is shipped, and of the fits that leave a source out."""
LAND_RIDGE = 3e-3
"""Penalty on the mean squared weight of each layer."""
DROPPED = 0.15
"""Share of the training pixels for which a group of features is removed, so that the network can work without it."""


@dataclass(frozen=True)
class TrainingWorld:
    """Statistics of one world, computed by the chain."""

    name: str
    values: np.ndarray
    """float32 (F, h, w) of STATISTICS."""
    shares: np.ndarray
    """True shares float32 (7, h, w)."""


def read_world(landscape: str, seed: int, work: Path) -> TrainingWorld:
    """Make a world of one year and compute its statistics."""
    values, truth = world_statistics(landscape, seed, WORLD_SIZE_PX, work)
    return TrainingWorld(f"{landscape}-{seed}", values, true_shares(truth, truth.years[0]))


def world_statistics(landscape: str, seed: int, size_px: tuple[int, int], work: Path) -> tuple[np.ndarray, Truth]:
    """Make a world of one year below ``work``; its statistics by the chain, STATISTICS float32 (F, h, w), and its truth."""
    folder = work / f"{landscape}-{seed}"
    write_world(folder / "world", seed, 1, landscape=landscape, size_px=size_px)
    settings = parse(yaml.safe_load(run_config(folder / "world")) | {"output": str(folder / "results")}, where=folder.name)
    freeze(settings)
    search(settings)
    grid(settings)
    truth, label = Truth(folder / "world" / "truth"), settings.all_periods[0].label
    values = np.full((len(STATISTICS), *truth.grid.shape), np.nan, "float32")
    for tile in read_tiles(settings):
        fetch(settings, tile.id, label, threads=1)
        found = np.full((len(STATISTICS), *tile.grid.shape), np.nan, "float32")

        def keep(inside: tuple[slice, slice], features: SeasonStatistics, found: np.ndarray = found) -> None:
            found[:, *inside] = features.values

        tile_statistics(settings, load_chips(settings, tile.id, label), tile.grid, keep)
        place(found, tile.grid, values, truth.grid)
    return values, truth


def place(values: np.ndarray, source: Grid, target: np.ndarray, whole: Grid) -> None:
    """Copy layers (F, h, w) of a grid into those of another grid with the same pixels; the part outside is dropped."""
    row, col = round((whole.top - source.top) / whole.resolution_m), round((source.left - whole.left) / whole.resolution_m)
    top, left, bottom, right = max(row, 0), max(col, 0), min(row + source.height, whole.height), min(col + source.width, whole.width)
    target[:, top:bottom, left:right] = values[:, top - row : bottom - row, left - col : right - col]


def dropped(values: np.ndarray, seed: int) -> np.ndarray:
    """The statistics, float (F, n), with a group of features set to NaN for DROPPED of the pixels."""
    rng, values = np.random.default_rng(seed), values.copy()
    which = np.where(rng.random(values.shape[1]) < DROPPED, rng.integers(0, len(GROUPS), values.shape[1]), -1)
    for k, group in enumerate(GROUPS.values()):
        values[np.ix_(group, which == k)] = np.nan
    return values


def land_loss(flat: np.ndarray, x: np.ndarray, y: np.ndarray, hidden: int) -> tuple[float, np.ndarray]:
    """Mean cross-entropy to the true shares plus LAND_RIDGE, and its gradient; x (D, n), y (K, n), of which a column adds up to the weight of
    its pixel."""
    d, k, n = len(x), len(y), x.shape[1]
    cut = np.cumsum([hidden * d, hidden, k * hidden])
    w1, b1, w2, b2 = flat[: cut[0]].reshape(hidden, d), flat[cut[0] : cut[1]], flat[cut[1] : cut[2]].reshape(k, hidden), flat[cut[2] :]
    w1f, w2f = w1.astype("float32"), w2.astype("float32")
    state = np.tanh(w1f @ x + b1[:, None].astype("float32"))
    p = softmax(w2f @ state + b2[:, None].astype("float32"))
    error = float(-(y * np.log(np.maximum(p, 1e-9))).sum() / n) + LAND_RIDGE * float((w1**2).sum() / hidden + (w2**2).sum() / k)
    back = (p * y.sum(axis=0) - y) / np.float32(n)
    inner = (w2f.T @ back) * (1 - state**2)
    gradient = [inner @ x.T + 2 * LAND_RIDGE * w1 / hidden, inner.sum(axis=1), back @ state.T + 2 * LAND_RIDGE * w2 / k, back.sum(axis=1)]
    return error, np.concatenate([g.ravel() for g in gradient]).astype("float64")


def fit_land_model(values: np.ndarray, shares: np.ndarray, seed: int, *, hidden: int = LAND_HIDDEN, iterations: int = ITERATIONS) -> LandModel:
    """A network of statistics (F, n) and true shares (K, n) times the weight of the pixel. Source: L-BFGS (Byrd et al. 1995); soft targets as in a mixture of classes."""
    known = logarithms(values)
    centre, deviation = np.nanmean(known, axis=1, dtype="float64"), np.nanstd(known, axis=1, dtype="float64")
    x = inputs(dropped(values, seed), centre, deviation)
    rng, d, k = np.random.default_rng(seed), len(x), len(shares)
    start = np.concatenate([rng.normal(0, d**-0.5, hidden * d), np.zeros(hidden), rng.normal(0, hidden**-0.5, k * hidden), np.zeros(k)])
    found = minimize(land_loss, start, (x, shares, hidden), "L-BFGS-B", jac=True, options={"maxiter": iterations, "maxfun": 2 * iterations}).x
    cut = np.cumsum([hidden * d, hidden, k * hidden])
    w1, b1, w2, b2 = np.split(found, cut)
    return LandModel(centre, deviation, w1.reshape(hidden, d), b1, w2.reshape(k, hidden), b2, 1.0, {})


def real_copies(real: RealPixels, weight: float, seed: int) -> LabelledPixels:
    """COPIES of each real pixel, with total weight ``weight``, weighted by class and source (`balance`) so that frequent crops do not dominate."""
    rng, n = np.random.default_rng(seed), COPIES * real.land.size
    of_class, of_source = (np.unique(kind, return_inverse=True)[1] for kind in (real.land, real.source))
    share = balance(of_class) * np.sqrt(balance(of_source))
    values, n_extremes = np.tile(real.values, COPIES), len(EXTREMES)
    both, each = COPY_SPREAD
    values[:N_REFL] *= np.exp(rng.normal(0, both, n) + rng.normal(0, each, (N_REFL, n)))
    both, each = COPY_SPREAD_DB
    values[N_REFL + n_extremes :] += rng.normal(0, both, n) + rng.normal(0, each, (len(values) - N_REFL - n_extremes, n))
    shares = np.zeros((len(Land), n), "float32")
    shares[np.tile(real.land, COPIES) - 1, np.arange(n)] = np.tile(weight * share / share.sum() / COPIES, COPIES)
    return values.astype("float32"), shares


def balance(kind: np.ndarray) -> np.ndarray:
    """Weight (n,) of elements by their kind (n,), integers from 0: 1 / sqrt(number of elements of the kind)."""
    return 1 / np.sqrt(np.bincount(kind)[kind])


def train(simulated: LabelledPixels, real: RealPixels, spectra: Spectra, iterations: int) -> LandModel:
    """A network trained on simulated pixels of worlds, on library pixels with measured ``spectra``, and on real pixels."""
    library = library_pixels(LIBRARY_PIXELS, LAND_SEED, spectra)
    n = simulated[0].shape[1] + LIBRARY_PIXELS
    copies = real_copies(real, REAL_WEIGHT * n, LAND_SEED)
    values, shares = (np.concatenate(parts, axis=1) for parts in zip(simulated, library, copies, strict=True))
    return averaged([fit_land_model(values, shares, LAND_SEED + k, iterations=iterations) for k in range(LAND_NETWORKS)])


def averaged(models: Sequence[LandModel]) -> LandModel:
    """One network whose logits are the mean of those of ``models``, which have the same centre and spread."""
    weights, bias = np.concatenate([m.weights for m in models]), np.concatenate([m.bias for m in models])
    outer = np.concatenate([m.out_weights for m in models], axis=1) / len(models)
    return replace(models[0], weights=weights, bias=bias, out_weights=outer, out_bias=np.mean([m.out_bias for m in models], axis=0))


@dataclass(frozen=True)
class LeftOut:
    """Real pixels and their shares from networks that were trained without their source."""

    real: RealPixels
    """The labelled pixels, then the measured ground, whose source is ``spectra``."""
    shares: np.ndarray
    """float32 (7, n)."""


def read_left_out(simulated: LabelledPixels, real: RealPixels, spectra: Spectra, places: Sequence[np.ndarray]) -> LeftOut:
    """Classify each source by a network trained without it, and each part of the measured ground by a network trained without its places."""
    sources, values, land, source, shares = np.unique(real.source), [], [], [], []
    for k, name in enumerate(sources):
        out = real.source == name
        kept, held = (
            Spectra(*(s[(p % len(sources) == k) == left] for s, p in zip((spectra.bare, spectra.built), places, strict=True))) for left in (False, True)
        )
        model = train(simulated, real.only(~out), kept, LEFT_OUT_ITERATIONS)
        ground, of_ground = measured_ground(held, LAND_SEED + k)
        values += [real.values[:, out], ground]
        land += [real.land[out], of_ground]
        source += [real.source[out], np.full(of_ground.size, SPECTRA)]
        shares += [model.shares(values[-2]), model.shares(values[-1])]
    return LeftOut(RealPixels(np.concatenate(values, axis=1), np.concatenate(land), np.concatenate(source)), np.concatenate(shares, axis=1))


def temperature_of(found: LeftOut) -> float:
    """Divisor of the network's logits with the least cross-entropy on real pixels that were left out of training. Sources are weighted by `balance`,
    because other regions are not like the largest source; measured ground is left out. Source: Guo et al. 2017."""
    labelled = found.real.source != SPECTRA
    logits, land = np.log(np.maximum(found.shares[:, labelled], 1e-9)), found.real.land[labelled]
    weight = balance(np.unique(found.real.source[labelled], return_inverse=True)[1])

    def loss(log_temperature: float) -> float:
        p = softmax(logits / np.exp(log_temperature))
        return float(-(weight * np.log(p[land - 1, np.arange(land.size)])).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-1, 1.5), method="bounded").x))


def warmed(shares: np.ndarray, temperature: float) -> np.ndarray:
    """Shares (7, n) at another temperature."""
    return softmax(np.log(np.maximum(shares, 1e-9)) / temperature)


def real_report(shares: np.ndarray, land: np.ndarray) -> dict:
    """Agreement of shares (7, n) with labels (n,): overall accuracy, kappa, confidence, calibration, and for each of AREAS its pixels and accuracies."""
    best, sure = shares.argmax(axis=0) + 1, shares.max(axis=0)
    right = best == land
    confusion = np.zeros((len(Land), len(Land)), int)
    np.add.at(confusion, (land - 1, best - 1), 1)
    classes = {}
    for name, members in AREAS.items():
        rows = [c - 1 for c in members]
        hit, true, called = int(confusion[np.ix_(rows, rows)].sum()), int(confusion[rows].sum()), int(confusion[:, rows].sum())
        others = np.delete(confusion[rows].sum(axis=0) + confusion[:, rows].sum(axis=1), rows)
        names = [c.word for c in Land if c not in members]
        classes[name] = {
            "n": true,
            "users": _round(hit / max(called, 1)),
            "producers": _round(hit / max(true, 1)),
            "f1": _round(2 * hit / max(true + called, 1)),
            "taken_for": names[int(others.argmax())],
        }
    surest = sure >= SURE
    return {
        "n": int(land.size),
        "overall": _round(right.mean()),
        "kappa": _known(kappa(confusion)),
        "sure_share": _round(surest.mean()),
        "right_when_sure": _known(ratio(right[surest].sum(), surest.sum())),
        "calibration_error": _round(expected_calibration_error(sure, right)),
        "classes": classes,
        "confusion": confusion.tolist(),
    }


def predict(model: LandModel, world: TrainingWorld) -> np.ndarray:
    """Expected shares float32 (7, h, w)."""
    return model.shares(world.values.reshape(len(STATISTICS), -1)).reshape(world.shares.shape)


def agreement(found: np.ndarray, true: np.ndarray) -> dict[str, dict[str, float]]:
    """User's and producer's accuracy and F1 by area, of each of AREAS: ``found`` and ``true`` shares (7, n).

    A pixel is assigned to the class with the largest share, and is right to the extent of the true share of that class.
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


def _known(value: float) -> float | None:
    return None if math.isnan(value) else _round(value)


def simulate_land() -> LabelledPixels:
    """Statistics float32 (F, n) and true shares float32 (7, n) to train on."""
    values, shares = [], []
    for seed in PIXEL_SEEDS:
        for k, landscape in enumerate(LANDSCAPES):
            pixels = mixtures(landscape, seed, PIXELS_SIZE_PX, PIXELS)
            values += [year_statistics(pixels, seed, 10 * k + palette) for palette in range(PALETTES)]
            shares += [pixels.shares] * PALETTES
    return np.concatenate(values, axis=1), np.concatenate(shares, axis=1)


def real_reports(found: LeftOut, temperature: float) -> dict:
    """`real_report` of all labelled pixels, of each source, and of the measured ground."""
    shares, source = warmed(found.shares, temperature), found.real.source
    parts = {"labelled": source != SPECTRA, **{str(name): source == name for name in np.unique(source)}}
    return {name: real_report(shares[:, which], found.real.land[which]) for name, which in parts.items()}


def measured(model: LandModel, worlds: list[TrainingWorld], real: dict) -> LandModel:
    """The model with a report: agreement with the truth of worlds that were not trained on, and with real pixels of left-out sources."""
    found = [predict(model, w) for w in worlds]
    flat, true = (np.concatenate([layers.reshape(len(Land), -1) for layers in many], axis=1) for many in (found, [w.shares for w in worlds]))
    best = flat.argmax(axis=0)
    classes = agreement(flat, true)
    confusion = np.stack([true[:, best == k].sum(axis=1) for k in range(len(Land))]) / flat.shape[1]
    report = {
        "kind": "simulated: measured on worlds that took no part in the training; real: by source left out",
        "worlds": [w.name for w in worlds],
        "overall": _round(np.trace(confusion)),
        "classes": {name: row | {"real": real["labelled"]["classes"][name]} for name, row in classes.items()},
        "confusion": [[_round(v) for v in row] for row in confusion],
        "real": real,
    }
    return replace(model, report=report)


def training_options(description: str, name: str) -> argparse.Namespace:
    """What the command line of a training says: ``real``, ``output`` (default: the shipped file of that name) and ``work``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--real", type=Path, required=True, help="folder of the real pixels and spectra, with real_land and real_spectra")
    parser.add_argument("--output", type=Path, default=config_folder() / name)
    parser.add_argument("--work", type=Path, help="folder that keeps the worlds; default: one that is removed")
    return parser.parse_args()


def write_model(model: LandModel, path: Path) -> None:
    """Write a trained model and print its report."""
    with atomic_path(path) as part:
        part.write_text(model.to_json(), "utf-8")
    print(json.dumps(model.report, indent=1))


def main() -> None:
    args = training_options(__doc__.splitlines()[0], "land.json")
    real, (spectra, *places) = read_real_land(args.real), read_spectra(args.real)
    simulated = simulate_land()
    found = read_left_out(simulated, real, spectra, places)
    temperature = temperature_of(found)
    model = replace(train(simulated, real, spectra, ITERATIONS), temperature=temperature)
    with tempfile.TemporaryDirectory() as scratch:
        worlds = [read_world(landscape, seed, args.work or Path(scratch)) for landscape, seed in WORLDS]
    write_model(measured(model, worlds, real_reports(found, temperature)), args.output)


if __name__ == "__main__":
    main()
