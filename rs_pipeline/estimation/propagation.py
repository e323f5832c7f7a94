"""Error propagation: from the standard errors of pixels to the variance of a sum over them, with errors that are correlated over some hundred metres."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

CORRELATION_RANGE_M = 300.0
"""Distance at which the correlation of the errors of two pixels has fallen to 0.05."""

BLOCK_M = 40.0
"""Side of the squares of pixels that are treated as one; far less than the correlation range."""

LEAST_SIGMA = 0.4
"""Correlation length, in blocks, below which blocks are treated as independent."""


def correlated_variance(weighted_sd: np.ndarray, resolution_m: float) -> float:
    """Variance of a sum over pixels whose errors are correlated: sum over i, j of s_i s_j exp(-3 d_ij^2 / range^2).

    It equals the variance of the sums of many simulated error fields (Monte Carlo), without simulating them.

    Parameters
    ----------
    weighted_sd : float (h, w), the standard error of a pixel times its weight in the sum, 0 outside; the result is in the square of its unit.
    """
    (h, w), side = weighted_sd.shape, max(1, round(BLOCK_M / resolution_m))
    padded = np.pad(np.nan_to_num(weighted_sd).astype("float64"), ((0, -h % side), (0, -w % side)))
    blocks = padded.reshape(padded.shape[0] // side, side, -1, side).sum(axis=(1, 3))
    sigma = CORRELATION_RANGE_M / (math.sqrt(6) * side * resolution_m)
    if sigma < LEAST_SIGMA:
        return float((blocks**2).sum())
    spread_out = ndimage.gaussian_filter(blocks, sigma, mode="constant", truncate=4) * (2 * math.pi * sigma**2)
    return float((blocks * spread_out).sum())


def add_variances(zone: np.ndarray, cell: np.ndarray, weight: np.ndarray, errors: dict[str, np.ndarray], resolution_m: float, sums: np.ndarray) -> None:
    """Add to ``sums`` (zones, errors) the variance, m4, of the sum of each layer over each zone of a tile."""
    for z in np.unique(zone):
        mine = zone == z
        row, col = np.unravel_index(cell[mine], next(iter(errors.values())).shape)
        box = slice(row.min(), row.max() + 1), slice(col.min(), col.max() + 1)
        area = np.zeros((row.max() - row.min() + 1, col.max() - col.min() + 1))
        area[row - row.min(), col - col.min()] = weight[mine]
        sums[z] += [correlated_variance(area * np.nan_to_num(e[box]), resolution_m) for e in errors.values()]
