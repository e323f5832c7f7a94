"""Displacement of an image from others of the same ground, by phase correlation of their edges, with sub-pixel accuracy.

Phase correlation (Kuglin & Hines 1975) depends on positions and not on brightness; edges keep their position when a field
turns from green to brown. The spectrum is limited to the frequencies that a pixel resolves, which makes the peak a bell whose maximum is
found between pixels (Foroosh et al. 2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

EDGE_SIGMA_PX = 1.5
"""Scale of the Gaussian gradient that gives the edges, pixels."""

STRONGEST = 10.0
"""Upper limit of an edge's strength, in units of the median, so that a single shore or roof does not dominate. A design value."""

PEAK_SIGMA_PX = 1.0
"""Width of the bell-shaped peak, standard deviation in pixels."""

MIN_CLARITY = 9.0
"""Least height of the peak above the mean of the surroundings, in standard deviations; noise reaches 4.5 among the 6,600 positions searched."""

SURE_PX = 1.0
"""A larger shift is accepted only if it raises the correlation of the edges with the reference: a repeating pattern, or a shore that moved, also gives a
peak."""

USUAL = 1.0
"""Upper limit of an edge's strength in that correlation, in units of the median."""

MIN_SEEN_PX = 2_000
"""With fewer observed pixels (45 by 45) a shift is not measured."""

MIN_DATES = 5
"""With fewer dates it cannot be decided which of them is displaced."""


@dataclass(frozen=True)
class Shift:
    """Displacement of an image from its reference, in pixels: rows down, columns to the right."""

    rows: float
    cols: float
    clarity: float
    """Height of the peak in standard deviations."""


def edge_strength(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Strength of edges minus its mean, float32 (n, n), 0 at and near unobserved pixels; all 0 where too few pixels are observed.

    Parameters
    ----------
    values : float (n, n), any unit. seen : bool (n, n).
    """
    out = np.zeros(values.shape, "float32")
    inner = ndimage.binary_erosion(seen, iterations=round(3 * EDGE_SIGMA_PX), border_value=1)
    if np.count_nonzero(inner) < MIN_SEEN_PX:
        return out
    whole = np.where(seen, values, np.median(values[seen]))
    strength = ndimage.gaussian_gradient_magnitude(whole.astype("float64"), EDGE_SIGMA_PX)[inner]
    usual = np.median(strength)
    if usual > 0:
        held = np.minimum(strength / usual, STRONGEST)
        out[inner] = held - held.mean()
    return out


def measure_shift(reference: np.ndarray, edges: np.ndarray, most_px: int) -> Shift | None:
    """Shift of one map of edges against another, float (n, n); None where there is no distinct peak within ``most_px``."""
    if not reference.any() or not edges.any():
        return None
    n = reference.shape[0]
    taper = np.outer(np.hanning(n), np.hanning(n))
    cross = fft.rfft2(edges * taper) * np.conj(fft.rfft2(reference * taper))
    f_rows, f_cols = np.meshgrid(fft.fftfreq(n), fft.rfftfreq(n), indexing="ij")
    bell = np.exp(-2 * (np.pi * PEAK_SIGMA_PX) ** 2 * (f_rows**2 + f_cols**2))
    surface = fft.fftshift(fft.irfft2(bell * cross / np.maximum(np.abs(cross), 1e-12), s=(n, n)))
    most, middle = min(most_px, n // 2 - 2), n // 2
    near = surface[middle - most : middle + most + 1, middle - most : middle + most + 1]
    row, col = np.unravel_index(near.argmax(), near.shape)
    if not (0 < row < 2 * most and 0 < col < 2 * most):
        return None
    around = near.copy()
    around[max(0, row - 4) : row + 5, max(0, col - 4) : col + 5] = np.nan
    clarity = (near[row, col] - np.nanmean(around)) / np.nanstd(around)
    if clarity < MIN_CLARITY:
        return None
    found = Shift(row - most + _top(near[row - 1 : row + 2, col]), col - most + _top(near[row, col - 1 : col + 2]), float(clarity))
    far = max(abs(found.rows), abs(found.cols)) > SURE_PX
    return None if far and _likeness(reference, moved(edges, found)) <= _likeness(reference, edges) else found


def _likeness(reference: np.ndarray, edges: np.ndarray) -> float:
    """Correlation of two maps of edges, limited to USUAL, where both are known; -1 where too few pixels are."""
    both = (reference != 0) & (edges != 0)
    if np.count_nonzero(both) < MIN_SEEN_PX // 2:
        return -1.0
    return float(np.corrcoef(np.minimum(reference[both], USUAL), np.minimum(edges[both], USUAL))[0, 1])


def _top(three: np.ndarray) -> float:
    """Position of the maximum of a bell, -0.5 to 0.5, from its values before, at and after the highest."""
    low, high, after = np.log(np.maximum(three, 1e-3 * three[1]))
    bend = low - 2 * high + after
    return 0.0 if bend == 0 else float(np.clip(0.5 * (low - after) / bend, -0.5, 0.5))


def moved(edges: np.ndarray, shift: Shift) -> np.ndarray:
    """Edges moved back by a shift, with zeros where they come from outside."""
    return ndimage.shift(edges, (-shift.rows, -shift.cols), order=1)


def shifts_of(edges: Sequence[np.ndarray], trusted: Sequence[bool], most_px: int) -> list[Shift | None]:
    """Shift of each date of one window against the mean of the trusted others; None where it cannot be measured.

    Most trusted dates are assumed to be correctly placed: shifts are relative to their median. After a first round the trusted dates are moved onto each
    other, so that their mean is sharp.
    """
    members = [i for i, e in enumerate(edges) if trusted[i] and e.any()]
    if len(members) < MIN_DATES:
        return [None] * len(edges)
    laid = {i: edges[i] for i in members}
    found: list[Shift | None] = []
    for _ in range(2):
        total = np.sum(list(laid.values()), axis=0)
        found = [measure_shift(total - laid[i] if i in laid else total, e, most_px) for i, e in enumerate(edges)]
        laid = {i: moved(edges[i], shift) for i in members if (shift := found[i]) is not None}
        if len(laid) < MIN_DATES:
            return [None] * len(edges)
    here = [shift for i in laid if (shift := found[i]) is not None]
    rows, cols = np.median([s.rows for s in here]), np.median([s.cols for s in here])
    return [s and Shift(s.rows - float(rows), s.cols - float(cols), s.clarity) for s in found]
