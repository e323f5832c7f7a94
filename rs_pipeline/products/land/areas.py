"""Areas from the shares of pixels, and their errors.

The error of a sum of shares has two parts. One varies from place to place and averages out (`patches_sd`). The other is common to a whole area,
because its soils, crops and season are; it does not average out, and grows with the uncertainty of the pixels (`estimation.error_model`).
"""

from __future__ import annotations

import math

import numpy as np

from rs_pipeline.products.land.classes import DISTURBED, NATURAL_COVER, Land

AREAS: dict[str, tuple[Land, ...]] = {**{c.word: (c,) for c in Land}, "disturbed": DISTURBED, "natural": NATURAL_COVER}
"""Every class, and groups of them, whose areas are summed."""

CORRELATED_M2 = 300.0**2
"""Patch within which the errors of pixels are taken as one and the same: 300 m x 300 m."""


def area_layers(shares: np.ndarray) -> dict[str, np.ndarray]:
    """For each of AREAS its share p, and ``<name>_uncertain``, p (1 - p): the variance of a pixel that is wholly of it or not at all.

    ``shares`` float32 (7, h, w) in the order of Land, NaN where not observed.
    """
    layers = {}
    for name, classes in AREAS.items():
        p = np.clip(shares[[c - 1 for c in classes]].sum(axis=0), 0, 1)
        layers[name], layers[f"{name}_uncertain"] = p, p * (1 - p)
    return layers


def patches_sd(uncertain: float, area_m2: float) -> float:
    """Standard deviation of a mean share over an area of A / C independent patches, each wholly of the class or not at all: sqrt(U min(1, C / A)).

    U (``uncertain``) is the mean of p (1 - p), C is CORRELATED_M2; NaN for no area.

    >>> round(patches_sd(0.09, 90_000.0), 4), round(patches_sd(0.09, 9e6), 4)
    (0.3, 0.03)
    """
    return math.sqrt(uncertain * min(1.0, CORRELATED_M2 / area_m2)) if area_m2 > 0 else math.nan
