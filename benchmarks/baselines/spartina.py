"""Cordgrass by the usual way: ``late_ndvi`` is what is still green in late autumn, by one threshold and wherever it lies.

Zhang, X. et al. (2020, Remote Sens. 12(3), PMC7357893) map it by what is green late in the year and not in April and May; the plain form of the first half
has no second season and no tidal flats.
"""

from __future__ import annotations

import numpy as np

from rs_pipeline.layout import Layout
from rs_pipeline.products.spartina.maps import SPARTINA
from rs_pipeline.validation.truth import Truth, on_grid

METHODS = ("late_ndvi",)
GREEN = 0.3
"""NDVI above which the ground counts as green."""


def late_green(layout: Layout, truth: Truth, label: str) -> np.ndarray:
    """1 where NDVI in late autumn is above GREEN, else 0; NaN where it was not seen; float32 (h, w) on the truth's grid."""
    late = on_grid(layout.map(SPARTINA, label), "late_ndvi", truth.grid)
    return np.where(np.isnan(late), np.nan, late > GREEN).astype("float32")
