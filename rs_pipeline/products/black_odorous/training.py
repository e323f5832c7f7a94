"""Train the detector on simulated water: ``python -m rs_pipeline.products.black_odorous.training``.

Everything measured here is simulated: it holds for the bio-optical model and the noise below, not for any real river.
Local labels are needed to recalibrate the probability.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernels.black_odorous import (
    COLOUR_FEATURES,
    FEATURES,
    MAX_GREY_REFL,
    STANDARDISED_LIMIT,
    VETOED_LOG_ODDS,
    boi,
    spectra_evidence,
    spectrum_features,
)
from rs_pipeline.config import config_folder
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.products.black_odorous.model import DetectorModel, WeightSet
from rs_pipeline.sample.optics import RESPONSES, water_bands

SEED = 20240511
MAX_SWIR1_REFL = 0.025
BOI_THRESHOLD = 0.065

Range = tuple[float, float]


@dataclass(frozen=True)
class WaterClass:
    """Log-uniform ranges of the constituents of one kind of water."""

    name: str
    chl: Range
    tsm: Range
    a_g440: Range
    a_blk440: Range = (1e-4, 1e-3)
    b_bp: Range = (0.006, 0.014)
    black: bool = False
    sea: bool = False
    plants: Range | None = None
    """Share of emergent plants, uniform."""


_TRACE = (1e-3, 0.05)
CLASSES = (
    WaterClass("clean", (0.5, 8), (0.5, 5), (0.05, 0.5)),
    WaterClass("mesotrophic", (5, 25), (3, 15), (0.3, 1.2)),
    WaterClass("eutrophic", (25, 120), (10, 50), (0.6, 2), _TRACE),
    WaterClass("bloom", (100, 400), (20, 80), (0.8, 2.5), _TRACE),
    WaterClass("sediment", (2, 20), (60, 600), (0.3, 1.5), _TRACE),
    WaterClass("turbid_coast", (1, 10), (10, 120), (0.15, 0.7), sea=True),
    WaterClass("cdom_marsh", (1, 20), (1, 8), (2, 8), _TRACE),
    WaterClass("shallow_plants", (3, 30), (3, 20), (0.5, 2.5), _TRACE, plants=(0.03, 0.35)),
    WaterClass("bow_black", (5, 60), (15, 60), (2, 6), (3, 15), (0.004, 0.010), black=True),
    WaterClass("bow_grey", (5, 60), (40, 150), (1.5, 5), (1.5, 8), black=True),
    WaterClass("bow_slight", (10, 120), (15, 50), (1.8, 5), (0.5, 3), black=True),
)
"""Ranges from Chinese urban waters; ``a_blk440`` is a modelling device for FeS, MnS and soot."""

# Banks, in the order of OPTICAL_BANDS: soil, leaves, buildings. Plants emerging from water are darker in the shortwave infrared.
_BANKS = np.array([
    [0.08, 0.11, 0.14, 0.17, 0.23, 0.30, 0.25],
    [0.03, 0.06, 0.04, 0.11, 0.38, 0.20, 0.10],
    [0.12, 0.13, 0.14, 0.15, 0.18, 0.20, 0.18],
])  # fmt: skip
_PLANTS = np.array([0.02, 0.05, 0.03, 0.09, 0.28, 0.05, 0.02])


def _drawn(rng: np.random.Generator, limits: Range, n: int, widen: float) -> np.ndarray:
    return np.exp(rng.uniform(np.log(limits[0] / widen), np.log(limits[1] * widen), n))


def simulate_water(kind: WaterClass, platform: str, n: int, rng: np.random.Generator, *, widen: float = 1.0) -> np.ndarray:
    """Noise-free water reflectance, float64 (n, 7) in OPTICAL_BANDS; NaN in the red edge where the platform has none.

    ``widen`` stretches the ranges of the constituents at both ends, for tests outside what was trained.
    """
    roles = [r for r in OPTICAL_BANDS if r in RESPONSES[platform]]
    a = {name: _drawn(rng, getattr(kind, name), n, widen) for name in ("chl", "tsm", "a_g440", "a_blk440", "b_bp")}
    refl = np.full((n, len(OPTICAL_BANDS)), np.nan)
    refl[:, [OPTICAL_BANDS.index(r) for r in roles]] = np.pi * water_bands(
        platform, roles, a["chl"], a["tsm"], a["a_g440"], a_blk440=a["a_blk440"], b_bp=a["b_bp"], s_blk=rng.uniform(0.002, 0.006, n),
        s_g=rng.normal(0.0155, 0.0015, n), s_nap=rng.normal(0.0108, 0.001, n), a_nap=rng.uniform(0.025, 0.06, n),
        eta=rng.uniform(0.2, 1.2, n), sea=kind.sea,
    )  # fmt: skip
    if kind.plants:
        share = rng.uniform(*kind.plants, n)[:, None]
        refl = (1 - share) * refl + share * _PLANTS
    return refl


def observe_water(refl: np.ndarray, rng: np.random.Generator, *, land_share: float = 0.04) -> np.ndarray:
    """Add what a surface-reflectance product leaves in: grey residual, aerosol, bank, white noise (n, 7)."""
    n = len(refl)
    centre_nm = np.array([493, 560, 665, 705, 833, 1610, 2190])
    bank = rng.dirichlet(np.ones(3), n) @ _BANKS
    share = np.minimum(rng.exponential(land_share, (n, 1)), 0.9)
    grey = rng.normal(0.004, 0.006, (n, 1))
    aerosol = np.abs(rng.normal(0, 0.004, (n, 1))) * (centre_nm / 555.0) ** -1.3
    return (1 - share) * refl + share * bank + grey + aerosol + rng.normal(0, 0.0015, refl.shape)


def grey_of(refl: np.ndarray) -> np.ndarray:
    """Grey residual (n,) of observed spectra (n, 7)."""
    return np.clip(np.minimum(refl[:, 5], refl[:, 6]), -MAX_GREY_REFL, MAX_GREY_REFL)


def dataset(platforms, n: int, seed: int, *, widen: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Observed spectra (m, 7) that are not dropped for glint, and their class number (m,), ``n`` a class and platform."""
    rng = np.random.default_rng(seed)
    spectra, kinds = [], []
    for platform in platforms:
        for k, kind in enumerate(CLASSES):
            seen = observe_water(simulate_water(kind, platform, n, rng, widen=widen), rng)
            seen = seen[seen[:, 5] <= MAX_SWIR1_REFL]
            spectra.append(seen)
            kinds.append(np.full(len(seen), k))
    return np.concatenate(spectra), np.concatenate(kinds)


BLACK = np.array([kind.black for kind in CLASSES])


def features_of(spectra: np.ndarray, n_features: int) -> np.ndarray:
    """FEATURES of spectra (m, 7), float64 (m, n_features)."""
    out = np.empty((len(spectra), len(FEATURES)))
    for row, s, grey in zip(out, spectra, grey_of(spectra), strict=True):
        spectrum_features(s[0], s[1], s[2], s[3], s[4], grey, row)
    return out[:, :n_features]


def fit(features: np.ndarray, black: np.ndarray, names: tuple[str, ...], *, ridge: float = 1.0) -> WeightSet:
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
    return WeightSet(names, *(_short(v) for v in (centre, spread, weights[1 : n + 1], quadratic)), float(_short(weights[:1])[0]))


def _short(values: np.ndarray) -> np.ndarray:
    """Seven significant digits: what the file holds is what was measured."""
    return np.vectorize(lambda v: float(f"{v:.7g}"), otypes=[float])(values)


def auc(score: np.ndarray, black: np.ndarray) -> float:
    """Area under the receiver operating curve: chance that a black spectrum scores above another (Mann & Whitney 1947)."""
    order = np.argsort(np.argsort(score))
    n1, n0 = black.sum(), (~black).sum()
    return float((order[black].sum() - n1 * (n1 - 1) / 2) / (n1 * n0))


def calibration_error(probability: np.ndarray, black: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean over equal bins of |mean probability - share black|, weighted by size."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return float(sum(abs(probability[place == i].sum() - black[place == i].sum()) for i in range(bins)) / len(black))


def measure(model: DetectorModel, platforms, rededge: bool, seed: int, n: int, *, widen: float = 1.0) -> dict:
    """Single-date figures on fresh spectra: AUC, rates at P > 0.5, at 1 % false positives, by class, and BOI's beside them."""
    spectra, kinds = dataset(platforms, n, seed, widen=widen)
    black, grey = BLACK[kinds], grey_of(spectra)
    score, cause = spectra_evidence(spectra, grey, rededge, model.rededge.packed, model.colour.packed)
    p = 1 / (1 + np.exp(-score))
    positive, vetoed = score > 0, (score > 0) & (cause == 0)
    plain = np.array([boi(s[0], s[1], s[2]) < BOI_THRESHOLD for s in spectra])
    limit = np.quantile(score[~black], 0.99)

    def rates(hit):
        return {"tpr": round(float(hit[black].mean()), 4), "fpr": round(float(hit[~black].mean()), 4)}

    return {
        "auc": round(auc(score, black), 4), "ece": round(calibration_error(p, black), 4), "p_above_0.5": rates(positive),
        "with_vetoes": rates(vetoed), "tpr_at_1pct_fpr": round(float((score[black] > limit).mean()), 4), "boi_below_0.065": rates(plain),
        "positive_by_class": {
            kind.name: {"detector": round(float(positive[kinds == k].mean()), 4), "with_vetoes": round(float(vetoed[kinds == k].mean()), 4),
                        "boi": round(float(plain[kinds == k].mean()), 4)}
            for k, kind in enumerate(CLASSES)
        },
    }  # fmt: skip


def measure_reaches(model: DetectorModel, platform: str, rededge: bool, seed: int, n: int, *, dates: int = 6) -> dict:
    """Reaches of one water seen on several dates with an eroded core: share called suspected, and at least possible, by class."""
    rng = np.random.default_rng(seed)
    share, likely = {}, {}
    for kind in CLASSES:
        water = simulate_water(kind, platform, n, rng)
        total, positive = np.zeros(n), np.zeros(n)
        for _ in range(dates):
            seen = observe_water(water, rng, land_share=0.01)
            score, cause = spectra_evidence(seen, grey_of(seen), rededge, model.rededge.packed, model.colour.packed)
            total += np.where(cause > 0, np.minimum(score, VETOED_LOG_ODDS), score)
            positive += (score > 0) & (cause == 0)
        probability = 1 / (1 + np.exp(-total / dates))
        share[kind.name] = round(float(((probability >= 0.9) & (positive >= 0.6 * dates)).mean()), 4)
        likely[kind.name] = round(float((probability >= 0.5).mean()), 4)

    def mean(called, chosen):
        return round(float(np.mean([called[k.name] for k in CLASSES if chosen(k)])), 4)

    return {
        "dates": dates,
        **{
            name: {
                "tpr": mean(called, lambda k: k.black), "fpr": mean(called, lambda k: not k.black),
                "fpr_without_marsh": mean(called, lambda k: not k.black and k.name != "cdom_marsh"), "by_class": called,
            }
            for name, called in (("suspected", share), ("possible_or_suspected", likely))
        },
    }  # fmt: skip


SENTINEL = ("sentinel-2a", "sentinel-2b", "sentinel-2c")
LANDSAT = ("landsat-7", "landsat-8")


def train(n: int = 4000, seed: int = SEED) -> DetectorModel:
    """Fit both weight sets: the red edge on Sentinel-2, colour on Sentinel-2A, Landsat 7 and 8. ``n`` spectra a class, and a third a platform."""
    each = n // 3
    spectra, kinds = dataset(SENTINEL, each, seed)
    rededge = fit(features_of(spectra, len(FEATURES)), BLACK[kinds], FEATURES)
    spectra, kinds = dataset(("sentinel-2a", *LANDSAT), each, seed + 1)
    colour = fit(features_of(spectra, len(COLOUR_FEATURES)), BLACK[kinds], COLOUR_FEATURES)
    return DetectorModel(rededge, colour, {})


def evaluate(model: DetectorModel, n: int = 4000, seed: int = SEED) -> dict:
    """All figures, on spectra drawn with other seeds than the training's."""
    return {
        "kind": "simulated", "seed": seed, "spectra_a_class": n, "share_black_in_training": round(float(BLACK.mean()), 4),
        "red_edge, sentinel-2a": measure(model, ["sentinel-2a"], True, seed + 10, n),
        "red_edge, sentinel-2a, ranges widened 1.5 times": measure(model, ["sentinel-2a"], True, seed + 11, n, widen=1.5),
        "colour, sentinel-2a": measure(model, ["sentinel-2a"], False, seed + 12, n),
        "colour, landsat-8": measure(model, ["landsat-8"], False, seed + 13, n),
        "colour, landsat-7": measure(model, ["landsat-7"], False, seed + 14, n),
        "reaches, red_edge, sentinel-2a": measure_reaches(model, "sentinel-2a", True, seed + 15, n),
        "reaches, colour, sentinel-2a": measure_reaches(model, "sentinel-2a", False, seed + 16, n),
        "reaches, colour, landsat-8": measure_reaches(model, "landsat-8", False, seed + 17, n),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=config_folder() / "black_odorous.json")
    parser.add_argument("--spectra", type=int, default=4000, help="spectra a class")
    args = parser.parse_args()
    model = train(args.spectra)
    report = evaluate(model, args.spectra)
    content = {"report": report, "rededge": model.rededge.to_json(), "colour": model.colour.to_json()}
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
