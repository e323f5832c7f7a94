"""Areas from the shares of pixels, and how wrong they may be.

The error of a sum of shares has two parts: what varies from place to place and averages out, and what the whole of a place has in
common (its soils, its crops, its season), which does not. Both are measured against the truth of worlds that took no part in the
training; see `training`.
"""

from __future__ import annotations

import math

import numpy as np

from rs_pipeline.products.land.classes import DISTURBED, NATURAL, Land

AREAS: dict[str, tuple[Land, ...]] = {**{c.word: (c,) for c in Land}, "disturbed": DISTURBED, "natural": NATURAL}
"""What areas are taken of: every class, and groups of them."""

CORRELATED_M2 = 300.0**2
"""Errors of pixels within 300 m are taken for one."""


def area_layers(shares: np.ndarray) -> dict[str, np.ndarray]:
    """Of each of AREAS its share p, and ``<name>_uncertain``, p (1 - p): the variance of a pixel that is one thing or the other.

    ``shares`` float32 (7, h, w) in the order of Land, NaN where not observed.
    """
    layers = {}
    for name, classes in AREAS.items():
        p = np.clip(shares[[c - 1 for c in classes]].sum(axis=0), 0, 1)
        layers[name], layers[f"{name}_uncertain"] = p, p * (1 - p)
    return layers


def spread(uncertain: float, area_m2: float) -> float:
    """Unit of error of a mean share over an area: sqrt(U^2 + U min(1, C / A)), U the mean of p (1 - p), C CORRELATED_M2.

    The first part is an error that all pixels have in common, as large as they are uncertain; the second that of A / C independent
    patches, each one thing or the other. It is p (1 - p) alone for a large area, and nearly the standard deviation of one patch for a
    small one.

    >>> round(spread(0.09, 90_000.0), 4), round(spread(0.09, 9e9), 4)
    (0.3132, 0.09)
    """
    return math.sqrt(uncertain**2 + uncertain * min(1.0, CORRELATED_M2 / area_m2)) if area_m2 > 0 else math.nan


def half95(name: str, uncertain: float, area_m2: float, area_error: dict[str, float]) -> float:
    """Half of the 95 % interval of a mean share: `spread` times what held in 95 % of the places of other worlds (split conformal
    prediction with a normalised score, Lei et al. 2018, JASA 113:1094)."""
    return area_error[name] * spread(uncertain, area_m2)
