"""Which pixels of the map of shares are solar arrays, by size and shape."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rs_pipeline.estimation.zones import EIGHT, large_patches

LEAST_SHARE = 0.5
"""Least share of a pixel of an array."""

MIN_ARRAY_M2 = 10_000.0
"""Least area of an array. What is smaller is mostly roofs and single dark pixels; 1 ha is about 0.3 MW."""

CORE_PX = 3
"""An array holds squares of so many pixels: roads, ditches and rows of greenhouses are narrower."""


def arrays(share: np.ndarray, pixel_m2: float) -> np.ndarray:
    """Pixels of arrays, bool (h, w): patches of at least MIN_ARRAY_M2 that are CORE_PX wide, and the rim of a pixel around them, whose shares are theirs too.

    Parameters
    ----------
    share : expected share of each pixel, 0-1, NaN where not seen. pixel_m2 : area of a pixel.

    >>> whole = np.pad(np.ones((10, 10)), 2)
    >>> int(arrays(whole, 100.0).sum()), int(arrays(whole * 0.4, 100.0).sum())
    (144, 0)
    """
    core = ndimage.binary_opening(share >= LEAST_SHARE, np.ones((CORE_PX, CORE_PX), bool))
    return ndimage.binary_dilation(large_patches(core, MIN_ARRAY_M2, pixel_m2), EIGHT) & np.isfinite(share)
