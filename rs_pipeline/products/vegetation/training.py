"""Train the cover networks on simulated canopies: ``python -m rs_pipeline.products.vegetation.training``.

Needs ``prosail`` (``pip install prosail``), which nothing else of the project does; a few minutes on one core.
Everything measured here is simulated: it holds for the canopies, the ground and the noise of ``canopies``, not for any real field.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from rs_pipeline.products.vegetation.canopies import COVER_BANDS, Pixels, observe
from rs_pipeline.products.vegetation.model import KNOTS, Network

SEED = 20240715
SENTINEL = ("sentinel-2a", "sentinel-2b", "sentinel-2c")
NETWORKS = {
    "s2_20m": (SENTINEL, COVER_BANDS),
    "s2_10m": (SENTINEL, ("green", "red", "nir")),
    "landsat_tm": (("landsat-5", "landsat-7"), ("green", "red", "nir", "swir1", "swir2")),
    "landsat_oli": (("landsat-8", "landsat-9"), ("green", "red", "nir", "swir1", "swir2")),
}
"""Name to platforms and bands."""

HIDDEN = 10
RIDGE = 1e-4
"""Penalty on squared weights, in units of the mean squared error of cover."""

DOMAIN_QUANTILE = 0.999
"""Share of the training pixels that lie within the domain."""

MARGIN = 0.1
"""Reflectances this share of the trained range outside it are still taken for known."""


def noisy(pixels: Pixels, platforms, rng: np.random.Generator) -> np.ndarray:
    """Observed reflectance (n, 6) in COVER_BANDS, each pixel by one of the platforms."""
    which = rng.integers(0, len(platforms), len(pixels.cover))
    refl = np.choose(which[:, None], [pixels.refl[p] for p in platforms])
    return observe(refl, rng)


def loss(flat: np.ndarray, x: np.ndarray, y: np.ndarray, ridge: float) -> tuple[float, np.ndarray]:
    """Mean squared error of a network with one hidden layer of tanh, and its gradient.

    ``flat`` holds hidden weights (H, n), hidden bias (H), output weights (H) and output bias; x (m, n), y (m,).
    """
    n = x.shape[1]
    size = (flat.size - 1) // (n + 2)
    w1, b1, w2, b2 = flat[: size * n].reshape(size, n), flat[size * n : size * (n + 1)], flat[size * (n + 1) : -1], flat[-1]
    hidden = np.tanh(x @ w1.T + b1)
    error = hidden @ w2 + b2 - y
    back = (2 / len(y)) * error[:, None] * w2 * (1 - hidden**2)
    gradient = np.concatenate([(back.T @ x).ravel(), back.sum(axis=0), (2 / len(y)) * (hidden.T @ error), [2 * error.mean()]])
    gradient[: size * n] += 2 * ridge * flat[: size * n] / size
    gradient[size * (n + 1) : -1] += 2 * ridge * w2 / size
    return float((error**2).mean() + ridge * ((w1**2).sum() + (w2**2).sum()) / size), gradient


def fit(refl: np.ndarray, sun_cos: np.ndarray, cover: np.ndarray, bands, seed: int, *, hidden: int = HIDDEN, iterations: int = 1500) -> Network:
    """A network of the bands ``bands`` of observed reflectance (m, 6), without sigma (zero)."""
    rng = np.random.default_rng(seed)
    chosen = [COVER_BANDS.index(b) for b in bands]
    x = np.column_stack([refl[:, chosen], sun_cos])
    centre, spread = x.mean(axis=0), x.std(axis=0)
    z = (x - centre) / spread
    n = z.shape[1]
    start = np.concatenate([rng.normal(0, 1 / np.sqrt(n), hidden * n), rng.normal(0, 0.5, hidden), rng.normal(0, 0.2, hidden), [0.4]])
    ridge = RIDGE * 0.01
    found = minimize(loss, start, (z, cover, ridge), "L-BFGS-B", jac=True, options={"maxiter": iterations, "maxfun": 2 * iterations}).x
    w1, b1, w2 = found[: hidden * n].reshape(hidden, n), found[hidden * n : hidden * (n + 1)], found[hidden * (n + 1) : -1]

    # Scaling goes into the weights; bands that are not used have weight 0 and no limit.
    full = np.zeros((hidden, len(COVER_BANDS)))
    full[:, chosen] = w1[:, :-1] / spread[:-1]
    bias = b1 - (w1 / spread) @ centre
    low, high = np.full(len(COVER_BANDS), -np.inf), np.full(len(COVER_BANDS), np.inf)
    margin = MARGIN * np.ptp(x[:, :-1], axis=0)
    low[chosen], high[chosen] = x[:, :-1].min(axis=0) - margin, x[:, :-1].max(axis=0) + margin
    whiten = np.zeros((len(COVER_BANDS), len(COVER_BANDS)))
    whiten[np.ix_(chosen, chosen)] = np.linalg.cholesky(np.linalg.inv(np.cov(x[:, :-1].T))).T
    middle = np.zeros(len(COVER_BANDS))
    middle[chosen] = centre[:-1]
    distance = (((refl - middle)[:, chosen] @ whiten[np.ix_(chosen, chosen)].T) ** 2).sum(axis=1)
    zero = np.zeros(KNOTS.size)
    return Network(
        tuple(bands), full, w1[:, -1] / spread[-1], bias, w2, float(found[-1]), float(centre[-1]), low, high, middle, whiten,
        float(np.quantile(distance, DOMAIN_QUANTILE)), zero, zero,
    )  # fmt: skip
