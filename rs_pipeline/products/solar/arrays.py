"""Which pixels of the map of shares are solar arrays, by size and shape."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rs_pipeline.estimation.zones import EIGHT, large_patches

LEAST_SHARE = 0.25
"""Least median share of a pixel of an array and its neighbours, chosen on development worlds: with 0.4, arrays whose modules and ground the network has not met are
lost, with 0.15 more of other ground is called array."""

MIN_ARRAY_M2 = 10_000.0
"""Least area of an array. What is smaller is mostly roofs and single dark pixels; 1 ha is about 0.3 MW."""


def arrays(share: np.ndarray, pixel_m2: float) -> np.ndarray:
    """Pixels of arrays, bool (h, w): patches of at least MIN_ARRAY_M2 made of squares of 3 x 3 pixels; roads, ditches and single greenhouses are narrower.

    An array is even, so a pixel is judged by the median share of itself and its eight neighbours; those that were not seen count as none.

    Parameters
    ----------
    share : expected share of each pixel, 0-1, NaN where not seen. pixel_m2 : area of a pixel.

    >>> whole = np.pad(np.ones((11, 11)), 2)
    >>> int(arrays(whole, 100.0).sum()), int(arrays(whole * 0.2, 100.0).sum())
    (117, 0)
    """
    seen = np.isfinite(share)
    even = seen & (ndimage.median_filter(np.where(seen, share, 0), 3, mode="constant") >= LEAST_SHARE)
    return large_patches(ndimage.binary_opening(even, EIGHT), MIN_ARRAY_M2, pixel_m2)
