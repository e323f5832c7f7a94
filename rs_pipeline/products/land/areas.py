"""Areas from the shares of pixels, and how wrong they may be.

The error of a sum of shares has two parts: what varies from place to place and averages out (`patches_sd`), and what the whole of a place
has in common (its soils, its crops, its season), which does not and grows with how uncertain its pixels are; `indicators.errors` has it.
"""

from __future__ import annotations

import math

import numpy as np

from rs_pipeline.products.land.classes import DISTURBED, NATURAL_COVER, Land

AREAS: dict[str, tuple[Land, ...]] = {**{c.word: (c,) for c in Land}, "disturbed": DISTURBED, "natural": NATURAL_COVER}
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


def patches_sd(uncertain: float, area_m2: float) -> float:
    """Standard deviation of a mean share over an area of A / C independent patches, each one thing or the other: sqrt(U min(1, C / A)).

    U (``uncertain``) is the mean of p (1 - p), C is CORRELATED_M2; NaN for no area.

    >>> round(patches_sd(0.09, 90_000.0), 4), round(patches_sd(0.09, 9e6), 4)
    (0.3, 0.03)
    """
    return math.sqrt(uncertain * min(1.0, CORRELATED_M2 / area_m2)) if area_m2 > 0 else math.nan
