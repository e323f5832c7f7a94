"""Train the detector on simulated water: ``python -m rs_pipeline.training.black_odorous``.

All figures here are simulated: they hold for the bio-optical model and the noise below, not for real rivers.
``python -m benchmarks.accuracy.calibrate`` then fits the weights of reaches (`model.ReachModel`); local labels recalibrate them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rs_kernels.black_odorous import COLOUR_FEATURES, MAX_GREY_REFL, SPECTRUM_FEATURES, STANDARDISED_LIMIT, boi, spectra_evidence, spectrum_features

from rs_pipeline.paths import config_folder
from rs_pipeline.products.black_odorous.model import REACH_FEATURES, DetectorModel, ReachModel, WeightSet, load_detector
from rs_pipeline.simulation.optics import SENTINEL_PLATFORMS
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.training.known_waters import known_waters
from rs_pipeline.training.water_types import IS_BLACK, WATER_TYPES, add_water_errors, simulate_water

DETECTOR_SEED = 20240511
MAX_SWIR1_REFL = 0.025
BOI_THRESHOLD = 0.065


def grey_of(refl: np.ndarray) -> np.ndarray:
    """Grey residual (n,) of observed spectra (n, 7)."""
    return np.clip(np.minimum(refl[:, 5], refl[:, 6]), -MAX_GREY_REFL, MAX_GREY_REFL)


def dataset(platforms: Iterable[str], n: int, seed: int, *, widen: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Observed spectra (m, 7) and their class numbers (m,): ``n`` for each class and platform, without those that are dropped for glint."""
    rng = np.random.default_rng(seed)
    spectra, kinds = [], []
    for platform in platforms:
        for k, kind in enumerate(WATER_TYPES):
            seen = add_water_errors(simulate_water(kind, platform, n, rng, widen=widen), rng)
            seen = seen[seen[:, 5] <= MAX_SWIR1_REFL]
            spectra.append(seen)
            kinds.append(np.full(len(seen), k))
    return np.concatenate(spectra), np.concatenate(kinds)


def features_of(spectra: np.ndarray, n_features: int) -> np.ndarray:
    """SPECTRUM_FEATURES of spectra (m, 7), float64 (m, n_features)."""
    out = np.empty((len(spectra), len(SPECTRUM_FEATURES)))
    for row, s, grey in zip(out, spectra, grey_of(spectra), strict=True):
        spectrum_features(s[0], s[1], s[2], s[3], s[4], grey, row)
    return out[:, :n_features]


def fit_weights(features: np.ndarray, black: np.ndarray, names: tuple[str, ...], *, ridge: float = 1.0) -> WeightSet:
    """Ridge logistic regression on standardised features, their squares and products, by Newton's method.

    Parameters
    ----------
    features : float64 (m, n). black : bool (m,). ridge : penalty on every weight but the intercept.
    """
    n = features.shape[1]
    centre = np.median(features, axis=0)
    spread = np.subtract(*np.percentile(features, [75, 25], axis=0)) / 1.349
    z = np.clip((features - centre) / spread, -STANDARDISED_LIMIT, STANDARDISED_LIMIT)
    upper = np.triu_indices(n)
    design = np.concatenate([np.ones((len(z), 1)), z, z[:, upper[0]] * z[:, upper[1]]], axis=1)
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (p - black) + penalty * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    quadratic = np.zeros((n, n))
    quadratic[upper] = weights[n + 1 :]
    return WeightSet(names, _short(centre), _short(spread), _short(weights[1 : n + 1]), _short(quadratic), float(_short(weights[:1])[0]))


def _short(values: np.ndarray) -> np.ndarray:
    """Seven significant digits, so that the weights in the file are exactly those that are measured."""
    return np.vectorize(lambda v: float(f"{v:.7g}"), otypes=[float])(values)


def auc(score: np.ndarray, black: np.ndarray) -> float:
    """Area under the receiver operating characteristic: probability that a black spectrum scores above another one (Mann & Whitney 1947)."""
    order = np.argsort(np.argsort(score))
    n1, n0 = black.sum(), (~black).sum()
    return float((order[black].sum() - n1 * (n1 - 1) / 2) / (n1 * n0))


def calibration_error(probability: np.ndarray, black: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean over equal bins of |mean probability - share black|, weighted by size."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return float(sum(abs(probability[place == i].sum() - black[place == i].sum()) for i in range(bins)) / len(black))


def measure_detector(model: DetectorModel, platforms: Iterable[str], rededge: bool, seed: int, n: int, *, widen: float = 1.0) -> dict:
    """Single-date figures on new spectra: AUC, rates at P > 0.5 and at 1 % false positives, by class, and the same of BOI."""
    spectra, kinds = dataset(platforms, n, seed, widen=widen)
    black, grey = IS_BLACK[kinds], grey_of(spectra)
    score, cause = spectra_evidence(spectra, grey, rededge, model.packed)
    p = 1 / (1 + np.exp(-score))
    positive, vetoed = score > 0, (score > 0) & (cause == 0)
    plain = np.array([boi(s[0], s[1], s[2]) < BOI_THRESHOLD for s in spectra])
    limit = np.quantile(score[~black], 0.99)

    def rates(hit: np.ndarray) -> dict[str, float]:
        return {"tpr": round(float(hit[black].mean()), 4), "fpr": round(float(hit[~black].mean()), 4)}

    return {
        "auc": round(auc(score, black), 4),
        "ece": round(calibration_error(p, black), 4),
        "p_above_0.5": rates(positive),
        "with_vetoes": rates(vetoed),
        "tpr_at_1pct_fpr": round(float((score[black] > limit).mean()), 4),
        "boi_below_0.065": rates(plain),
        "positive_by_class": {
            kind.name: {
                "detector": round(float(positive[kinds == k].mean()), 4),
                "with_vetoes": round(float(vetoed[kinds == k].mean()), 4),
                "boi": round(float(plain[kinds == k].mean()), 4),
            }
            for k, kind in enumerate(WATER_TYPES)
        },
    }


_NONE = np.zeros(len(REACH_FEATURES))
UNFITTED = ReachModel(REACH_FEATURES, _NONE, _NONE + 1, _NONE, 0.0, 0.5, "nothing", {})

LANDSAT_PLATFORMS = ("landsat-7", "landsat-8")


def train_detector(n: int = 4000, seed: int = DETECTOR_SEED) -> DetectorModel:
    """Fit both weight sets: the red edge on Sentinel-2, colour on Sentinel-2A, Landsat 7 and 8. ``n`` spectra for each
    class, a third of them from each platform."""
    each = n // 3
    spectra, kinds = dataset(SENTINEL_PLATFORMS, each, seed)
    rededge = fit_weights(features_of(spectra, len(SPECTRUM_FEATURES)), IS_BLACK[kinds], SPECTRUM_FEATURES)
    spectra, kinds = dataset(("sentinel-2a", *LANDSAT_PLATFORMS), each, seed + 1)
    colour = fit_weights(features_of(spectra, len(COLOUR_FEATURES)), IS_BLACK[kinds], COLOUR_FEATURES)
    return DetectorModel(rededge, colour, UNFITTED, known_waters(n // 4, seed + 2), {})


def evaluate(model: DetectorModel, n: int = 4000, seed: int = DETECTOR_SEED) -> dict:
    """All figures, on spectra drawn with other seeds than in training."""
    return {
        "kind": "simulated",
        "seed": seed,
        "spectra_a_class": n,
        "share_black_in_training": round(float(IS_BLACK.mean()), 4),
        "red_edge, sentinel-2a": measure_detector(model, ["sentinel-2a"], True, seed + 10, n),
        "red_edge, sentinel-2a, ranges widened 1.5 times": measure_detector(model, ["sentinel-2a"], True, seed + 11, n, widen=1.5),
        "colour, sentinel-2a": measure_detector(model, ["sentinel-2a"], False, seed + 12, n),
        "colour, landsat-8": measure_detector(model, ["landsat-8"], False, seed + 13, n),
        "colour, landsat-7": measure_detector(model, ["landsat-7"], False, seed + 14, n),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=config_folder() / "black_odorous.json")
    parser.add_argument("--spectra", type=int, default=4000, help="spectra a class")
    args = parser.parse_args()
    model = train_detector(args.spectra)
    report = evaluate(model, args.spectra)
    content = {
        "report": report,
        "rededge": model.rededge.to_json(),
        "colour": model.colour.to_json(),
        "known_waters": model.known.to_json(),
        "reach": load_detector().reach.to_json(),
    }
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
