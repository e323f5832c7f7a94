"""Train the cover networks on simulated canopies: ``python -m rs_pipeline.training.vegetation``.

Needs ``prosail`` (``pip install -e .[training]``), which no other part of the project needs; some ten minutes on one core.
All figures here are simulated: they hold for the canopies, the ground and the noise of ``canopies``, not for real fields.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.vegetation.model import KNOTS, CoverModel, Network
from rs_pipeline.simulation.optics import SENTINEL_PLATFORMS
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.training.canopies import Pixels, add_reflectance_errors, simulate_canopies

COVER_SEED = 20240715
LANDSAT_BANDS = ("green", "red", "nir", "swir1", "swir2")
NETWORKS = {
    "s2_20m": (SENTINEL_PLATFORMS, ("green", "red", "rededge1", "nir", "swir1", "swir2")),
    "s2_10m": (SENTINEL_PLATFORMS, ("green", "red", "nir")),
    "landsat_tm": (("landsat-5", "landsat-7"), LANDSAT_BANDS),
    "landsat_oli": (("landsat-8", "landsat-9"), LANDSAT_BANDS),
}
"""Name to platforms and bands. Blue is left out: the residual of haze is largest there, and blue adds no information to the other bands."""

COVER_HIDDEN = 8
COVER_RIDGE = 1e-6
"""Penalty on the mean squared weight of each layer."""

DOMAIN_QUANTILE = 0.999
"""Share of the training pixels within the domain."""

MARGIN = 0.1
"""Reflectances outside the range of the training by up to this share of it still count as known."""

REPEATS = 4
"""Number of noise draws for each test pixel, to separate the error of noise from that of the model."""


def noisy(pixels: Pixels, platforms: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Observed reflectance (n, 7) in OPTICAL_BANDS, each pixel from one of the platforms."""
    which = rng.integers(0, len(platforms), len(pixels.cover))
    return add_reflectance_errors(np.choose(which[:, None], [pixels.refl[p] for p in platforms]), rng)


def cover_loss(flat: np.ndarray, x: np.ndarray, y: np.ndarray, hidden: int) -> tuple[float, np.ndarray]:
    """Mean squared error of a network with one hidden layer of tanh plus COVER_RIDGE, and its gradient.

    ``flat`` holds hidden weights (H, n), hidden bias (H), output weights (H) and output bias; x (m, n), y (m,).
    """
    cut = hidden * x.shape[1]
    w1, b1, w2 = flat[:cut].reshape(hidden, -1), flat[cut : cut + hidden], flat[cut + hidden : -1]
    state = np.tanh(x @ w1.T + b1)
    error = state @ w2 + flat[-1] - y
    back = (2 / len(y)) * error[:, None] * w2 * (1 - state**2)
    gradient = np.concatenate(
        [
            (back.T @ x + 2 * COVER_RIDGE * w1 / hidden).ravel(),
            back.sum(axis=0),
            (2 / len(y)) * (state.T @ error) + 2 * COVER_RIDGE * w2 / hidden,
            [2 * error.mean()],
        ]
    )
    return float((error**2).mean() + COVER_RIDGE * ((w1**2).sum() + (w2**2).sum()) / hidden), gradient


def fit_network(
    refl: np.ndarray, sun_cos: np.ndarray, cover: np.ndarray, bands: Sequence[str], seed: int, *, hidden: int = COVER_HIDDEN, iterations: int = 800
) -> Network:
    """A network of ``bands`` fitted to observed reflectance (m, 7); its tables of errors are zero (see `with_errors`). Sources: Weiss & Baret (2016); L-BFGS (Byrd et al. 1995)."""
    rng = np.random.default_rng(seed)
    chosen = [OPTICAL_BANDS.index(b) for b in bands]
    x = np.column_stack([refl[:, chosen], sun_cos])
    centre, spread = x.mean(axis=0), x.std(axis=0)
    n = len(centre)
    start = np.concatenate([rng.normal(0, n**-0.5, hidden * n), rng.normal(0, 0.5, hidden), rng.normal(0, 0.2, hidden), [0.4]])
    options = {"maxiter": iterations, "maxfun": 2 * iterations}
    found = minimize(cover_loss, start, ((x - centre) / spread, cover, hidden), "L-BFGS-B", jac=True, options=options).x
    w1, b1, w2 = found[: hidden * n].reshape(hidden, n), found[hidden * n : hidden * (n + 1)], found[hidden * (n + 1) : -1]
    # The standardisation is folded into the weights; unused bands have weight 0 and no limit.
    weights = np.zeros((hidden, len(OPTICAL_BANDS)))
    weights[:, chosen] = w1[:, :-1] / spread[:-1]
    none = np.zeros(KNOTS.size)
    return Network(
        tuple(bands), weights, w1[:, -1] / spread[-1], b1 - (w1 / spread) @ centre, w2, float(found[-1]), float(centre[-1]), *domain(refl, chosen), none, none
    )


def domain(refl: np.ndarray, chosen: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Limits, centre, whitening matrix and largest squared distance of the training spectra (see Network)."""
    x, n = refl[:, chosen], len(OPTICAL_BANDS)
    low, high, centre, whiten = np.full(n, -np.inf), np.full(n, np.inf), np.zeros(n), np.zeros((n, n))
    margin = MARGIN * np.ptp(x, axis=0)
    low[chosen], high[chosen], centre[chosen] = x.min(axis=0) - margin, x.max(axis=0) + margin, x.mean(axis=0)
    square = np.linalg.cholesky(np.linalg.inv(np.cov(x.T))).T
    whiten[np.ix_(chosen, chosen)] = square
    return low, high, centre, whiten, float(np.quantile((((x - centre[chosen]) @ square.T) ** 2).sum(axis=1), DOMAIN_QUANTILE))


def with_errors(network: Network, pixels: Pixels, platforms: Sequence[str], seed: int) -> Network:
    """The network with tables of its errors by predicted cover, from new pixels: the error common to repeated noise draws (model), and the rest (noise)."""
    rng = np.random.default_rng(seed)
    estimates = np.stack([network.estimate_cover(noisy(pixels, platforms, rng), pixels.sun_elevation_deg)[0] for _ in range(REPEATS)])
    middle, noise = np.nanmean(estimates, axis=0), np.nanvar(estimates, axis=0, ddof=1)
    total = np.nanmean((estimates - pixels.cover) ** 2, axis=0)
    # A knot without an estimate near it (possible after a short training) gets the errors of its neighbours.
    knots = np.array([k for k in KNOTS if (np.abs(middle - k) <= 0.05).any()])
    near = [np.abs(middle - k) <= 0.05 for k in knots]
    sigma_noise = np.interp(KNOTS, knots, [np.nanmean(noise[m]) ** 0.5 for m in near])
    sigma_model = np.interp(KNOTS, knots, [max(total[m].mean() - np.nanmean(noise[m]), 0.0) ** 0.5 for m in near])
    return replace(network, sigma_model=sigma_model, sigma_noise=sigma_noise)


def figures(found: np.ndarray, true: np.ndarray) -> dict:
    """Bias, RMSE and correlation, and the bias by decile of the true cover."""
    error, decile = found - true, np.minimum((true * 10).astype(int), 9)
    return {
        "bias": _round(error.mean()),
        "rmse": _round((error**2).mean() ** 0.5),
        "r": _round(np.corrcoef(found, true)[0, 1]),
        "bias_by_decile": [_round(error[decile == k].mean()) for k in range(10)],
    }


def _round(value: float) -> float | None:
    """Four decimals; None for NaN, which is the result of a decile without pixels."""
    return round(float(value), 4) if np.isfinite(value) else None


def measure_network(network: Network, platforms: Sequence[str], mixed: Pixels, closed: Pixels, seed: int) -> dict:
    """Figures on new pixels: mixed pixels and closed canopies, each with and without the sun's angle; share of spectra outside the domain."""
    rng, out = np.random.default_rng(seed), {}
    for name, pixels in (("mixed pixels", mixed), ("closed canopies", closed)):
        seen = noisy(pixels, platforms, rng)
        cover, known = network.estimate_cover(seen, pixels.sun_elevation_deg)
        out[name] = figures(cover[known], pixels.cover[known]) | {"unknown_share": _round(1 - known.mean())}
        cover, known = network.estimate_cover(seen, None)
        out[name + ", sun unknown"] = figures(cover[known], pixels.cover[known])
    return out


def between_sensors(networks: dict[str, Network], pixels: Pixels) -> dict:
    """Bias and RMS of the difference between each platform's cover and that of Sentinel-2A at 20 m, on the same noise-free pixels."""
    reference, known = networks["s2_20m"].estimate_cover(pixels.refl["sentinel-2a"], pixels.sun_elevation_deg)
    out = {}
    for name, (platforms, _) in NETWORKS.items():
        for platform in platforms:
            cover, also = networks[name].estimate_cover(pixels.refl[platform], pixels.sun_elevation_deg)
            difference = (cover - reference)[known & also]
            out[f"{name}, {platform}"] = {"bias": _round(difference.mean()), "rms": _round((difference**2).mean() ** 0.5)}
    return out


def train_cover_model(n_canopies: int = 6000, seed: int = COVER_SEED, *, iterations: int = 800) -> CoverModel:
    """Simulate, fit all networks, and measure them on canopies drawn with other seeds."""
    pixels, fresh = simulate_canopies(n_canopies, seed), simulate_canopies(n_canopies // 3, seed + 1)
    mixed, closed = simulate_canopies(n_canopies // 6, seed + 2), simulate_canopies(n_canopies // 6, seed + 3, clumped=0.0)
    networks, report = {}, {"kind": "simulated", "seed": seed, "canopies": n_canopies, "pixels": len(pixels.cover)}
    for k, (name, (platforms, bands)) in enumerate(NETWORKS.items()):
        seen = noisy(pixels, platforms, np.random.default_rng(seed + 10 + k))
        network = fit_network(seen, pixels.sun_cos, pixels.cover, bands, seed + 20 + k, iterations=iterations)
        networks[name] = with_errors(network, fresh, platforms, seed + 30 + k)
        report[name] = measure_network(networks[name], platforms, mixed, closed, seed + 40 + k)
    return CoverModel(networks, report | {"difference to sentinel-2a at 20 m": between_sensors(networks, mixed)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=config_folder() / "vegetation.json")
    parser.add_argument("--canopies", type=int, default=6000)
    args = parser.parse_args()
    model = train_cover_model(args.canopies)
    with atomic_path(args.output) as part:
        part.write_text(model.to_json(), "utf-8")
    print(json.dumps(model.report, indent=1))


if __name__ == "__main__":
    main()
