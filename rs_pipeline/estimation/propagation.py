"""From the standard errors of pixels to the variance of a sum over them, their errors being alike over some hundred metres."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from rs_pipeline.estimation.uncertainty import Z95

CORRELATION_RANGE_M = 300.0
"""Distance at which the correlation of the errors of two pixels has fallen to 0.05."""

BLOCK_M = 40.0
"""Pixels within a square of this side are taken as one: far less than the correlation range."""

LEAST_SIGMA = 0.4
"""Correlation length in blocks below which neighbours are independent."""


def correlated_variance(weighted_sd: np.ndarray, resolution_m: float) -> float:
    """Variance of a sum over pixels whose errors are correlated: sum over i, j of s_i s_j exp(-3 d_ij^2 / range^2).

    It is what the sums of many simulated fields of errors (Monte Carlo) scatter by, without drawing them.

    Parameters
    ----------
    weighted_sd : float (h, w), the standard error of a pixel times its weight in the sum, 0 outside; the result is in its unit squared.
    """
    (h, w), side = weighted_sd.shape, max(1, round(BLOCK_M / resolution_m))
    padded = np.pad(np.nan_to_num(weighted_sd).astype("float64"), ((0, -h % side), (0, -w % side)))
    blocks = padded.reshape(padded.shape[0] // side, side, -1, side).sum(axis=(1, 3))
    sigma = CORRELATION_RANGE_M / (math.sqrt(6) * side * resolution_m)
    if sigma < LEAST_SIGMA:
        return float((blocks**2).sum())
    spread_out = ndimage.gaussian_filter(blocks, sigma, mode="constant", truncate=4) * (2 * math.pi * sigma**2)
    return float((blocks * spread_out).sum())


def standard_errors(now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Per-pixel standard errors of ``zonal``'s layers, float (h, w), NaN or 0 where there is nothing to be wrong about.

    ``now`` and ``base`` as in ``zonal.layers_of``.

    A class is a chance: with probability p its error is sqrt(p (1 - p)). That of a frequency being above a threshold comes from its
    Wilson bounds; a rim pixel that is a share of water may be wrong by as much as a whole pixel that is water with that chance. What is
    hard to tell is so in both years: two years disagree by chance where their chances differ.
    """
    permanent, seasonal = _class_chances(now)
    permanent_before, seasonal_before = _class_chances(base)
    return {
        "fvc_peak": np.where(now["class"] != 1, now["fvc_peak_sigma"], 0),
        "water_permanent": np.sqrt(_variance(permanent)),
        "water_seasonal": np.sqrt(_variance(seasonal)),
        "water_permanent_change": np.sqrt(_variance(np.abs(permanent - permanent_before))),
        "water_seasonal_change": np.sqrt(_variance(np.abs(seasonal - seasonal_before))),
    }


def _variance(chance: np.ndarray) -> np.ndarray:
    """Of a class that is there with this chance."""
    return chance * (1 - chance)


def _class_chances(bands: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Chance of permanent and of seasonal water, float (h, w); NaN not observed."""
    error = (bands["frequency_upper"] - bands["frequency_lower"]) / (2 * Z95)
    with np.errstate(invalid="ignore", divide="ignore"):
        permanent = ndtr((bands["frequency"] - bands["permanent_threshold"]) / error)
        seasonal = np.clip(ndtr((bands["frequency"] - bands["seasonal_threshold"]) / error) - permanent, 0, 1)
    share = bands["permanent_fraction"]
    rim = (share > 0) & (share < 1)
    return np.where(rim, share, permanent), seasonal


def add_variances(zone: np.ndarray, cell: np.ndarray, weight: np.ndarray, errors: dict[str, np.ndarray], resolution_m: float, sums: np.ndarray) -> None:
    """Add to ``sums`` (zones, errors) the variance, m4, of the sum of each layer over each zone of a tile."""
    for z in np.unique(zone):
        mine = zone == z
        row, col = np.unravel_index(cell[mine], next(iter(errors.values())).shape)
        box = slice(row.min(), row.max() + 1), slice(col.min(), col.max() + 1)
        area = np.zeros((row.max() - row.min() + 1, col.max() - col.min() + 1))
        area[row - row.min(), col - col.min()] = weight[mine]
        sums[z] += [correlated_variance(area * np.nan_to_num(e[box]), resolution_m) for e in errors.values()]
