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
    """Sums of the chosen pixels of each square cell. Columns are added first: such a loop vectorises, one along the row of a cell does not.

    Parameters
    ----------
    layers : number (L, h, w); NaN of a chosen pixel makes the sum of its cell NaN.
    chosen : bool (h, w).
    side_px : pixels on a side of a cell; the last row and column of cells may have fewer.
    out : float64 (L, rows, cols), written.
    """
    n_layers, h, w = layers.shape
    columns = np.empty(w)
    for k in range(n_layers):
        for row in range(out.shape[1]):
            columns[:] = 0.0
            for y in range(row * side_px, min((row + 1) * side_px, h)):
                for x in range(w):
                    columns[x] += layers[k, y, x] if chosen[y, x] else 0.0
            for col in range(out.shape[2]):
                out[k, row, col] = columns[col * side_px : (col + 1) * side_px].sum()
