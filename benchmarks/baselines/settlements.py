"""Settlements by the plain way: ``built_patches`` are the patches of the class built-up of the same land map, of the same least size as ours, with neither the
ground around houses nor a rule for roads."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.settlements import Settlement

METHODS = ("built_patches",)


def built_patches(classes: np.ndarray, min_px: float) -> np.ndarray:
    """Settlement.VILLAGE where a patch of built-up pixels has at least ``min_px``, else 0; NaN where the land class is NaN; float32 (h, w).

    Patches touch by an edge, as ours do. ``classes`` : float32 (h, w) of `Land`, NaN where not observed.
    """
    label, _ = ndimage.label(classes == Land.BUILT)
    large = np.bincount(label.ravel()) >= min_px
    large[0] = False
    return np.where(np.isnan(classes), np.nan, np.where(large[label], Settlement.VILLAGE, 0)).astype("float32")
