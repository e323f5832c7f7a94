"""Weighted sums over zones from a sparse coverage table."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def zone_sums(zone, cell, weight, layers, out):
    """Add layers to zones.

    Parameters
    ----------
    zone, cell : int64 (N,), zone index and flat pixel index of each covered pixel.
    weight : float64 (N,), covered area of the pixel, m2.
    layers : float32 (L, P), flat layers; NaN adds nothing.
    out : float64 (Z, L), added to.
    """
    n_layers = layers.shape[0]
    for i in range(zone.size):
        for k in range(n_layers):
            value = layers[k, cell[i]]
            if not np.isnan(value):
                out[zone[i], k] += weight[i] * value
