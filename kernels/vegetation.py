"""Vegetation cover of one date by small networks, a lane of pixels at a time, with a test whether a spectrum is one they know."""

import numpy as np
from numba import njit

N_BANDS = 6
"""Reflectances a network takes: green, red, rededge1, nir, swir1, swir2. One that it does without has weight 0."""

EXCESS = 0.1
"""An answer this far below 0 or above 1 is still taken for 0 or 1; further out it is none (as SNAP's ExtremeCases)."""

formula = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


@formula
def tanh(x):
    """Hyperbolic tangent by Lambert's (1770) continued fraction, seventh order; error at most 1e-4. Without a jump, so that loops vectorise."""
    x = min(max(x, -4.97), 4.97)
    s = x * x
    return x * (135135.0 + s * (17325.0 + s * (378.0 + s))) / (135135.0 + s * (62370.0 + s * (3150.0 + s * 28.0)))


@formula
def limited_cover(answer):
    """Cover 0-1 of a network's answer; NaN where it is no cover."""
    return min(max(answer, 0.0), 1.0) if -EXCESS < answer < 1.0 + EXCESS else np.nan


@formula
def at_knots(cover, table):
    """Value at ``cover`` 0-1 of a table at equal steps from 0 to 1, linear between them."""
    place = cover * (table.size - 1)
    k = min(int(place), table.size - 2)
    return table[k] + (place - k) * (table[k + 1] - table[k])


@njit(cache=True, nogil=True, error_model="numpy")
def cover_answers(refl, n, weights, bias, out_weights, out_bias, answer):
    """Answers of a network with one hidden layer for ``n`` pixels.

    Parameters
    ----------
    refl : float64 (6, n or more), reflectance by band. weights : float64 (H, 6). bias : float64 (H,), the sun's part included.
    out_weights : float64 (H,). out_bias : number. answer : float64 (n or more,), written.
    """
    answer[:n] = out_bias
    for h in range(bias.size):
        w0, w1, w2, w3, w4, w5 = weights[h, 0], weights[h, 1], weights[h, 2], weights[h, 3], weights[h, 4], weights[h, 5]
        b, v = bias[h], out_weights[h]
        for i in range(n):
            x = b + w0 * refl[0, i] + w1 * refl[1, i] + w2 * refl[2, i] + w3 * refl[3, i] + w4 * refl[4, i] + w5 * refl[5, i]
            answer[i] += v * tanh(x)


@njit(cache=True, nogil=True, error_model="numpy")
def domain_distances(refl, n, low, high, centre, whiten, distance):
    """Squared Mahalanobis distance of ``n`` spectra to those a network was trained on; infinite outside the range of a band.

    Parameters
    ----------
    refl : float64 (6, n or more). low, high, centre : float64 (6,). whiten : float64 (6, 6), upper triangular.
    distance : float64 (n or more,), written.
    """
    distance[:n] = 0.0
    for k in range(N_BANDS):
        a, b = low[k], high[k]
        w0, w1, w2, w3, w4, w5 = whiten[k, 0], whiten[k, 1], whiten[k, 2], whiten[k, 3], whiten[k, 4], whiten[k, 5]
        shift = w0 * centre[0] + w1 * centre[1] + w2 * centre[2] + w3 * centre[3] + w4 * centre[4] + w5 * centre[5]
        for i in range(n):
            d = w0 * refl[0, i] + w1 * refl[1, i] + w2 * refl[2, i] + w3 * refl[3, i] + w4 * refl[4, i] + w5 * refl[5, i] - shift
            inside = (refl[k, i] >= a) & (refl[k, i] <= b)
            distance[i] += d * d if inside else np.inf
