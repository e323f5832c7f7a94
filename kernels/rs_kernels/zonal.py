"""Sums of pixels: weighted over zones from a sparse coverage table, and over square cells."""

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


@njit(cache=True, nogil=True)
def cell_sums(layers, chosen, side_px, out):
    """Sums of the chosen pixels of each square cell.

    Parameters
    ----------
    layers : number (L, h, w); NaN of a chosen pixel makes the sum of its cell NaN.
    chosen : bool (h, w).
    side_px : pixels on a side of a cell; the last row and column of cells may have fewer.
    out : float64 (L, rows, cols), written.
    """
    n_layers, h, w = layers.shape
    out[:] = 0.0
    for k in range(n_layers):
        for y in range(h):
            row = y // side_px
            for x in range(w):
                if chosen[y, x]:
                    out[k, row, x // side_px] += layers[k, y, x]
