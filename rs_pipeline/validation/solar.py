"""The map of solar arrays against the truth: by pixels, by arrays, by area, and what is called an array and is none."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rs_pipeline.estimation.zones import EIGHT, large_patches
from rs_pipeline.products.solar.arrays import MIN_ARRAY_M2, arrays
from rs_pipeline.validation.metrics import percent_error, ratio
from rs_pipeline.validation.truth import Score, Truth

PANELS = "panels"
"""Their name among the materials of the simulated worlds."""

CLOSED_PX = 3
"""Lanes of up to twice so many pixels of the painted map, 15 m, belong to an array."""

SIZES_HA = {"arrays of 1-3 ha": (1, 3), "arrays of 3-10 ha": (3, 10), "arrays above 10 ha": (10, np.inf)}


def has_arrays(truth: Truth) -> bool:
    """Whether a world has solar arrays in any year."""
    return any((truth.landcover(year) == truth.legend.get(PANELS, -1)).any() for year in truth.years)


def true_panels(truth: Truth, year: int) -> np.ndarray:
    """Share (0-1) of every pixel that is solar arrays, the lanes between their blocks included, float32 (h, w)."""

    def closed() -> np.ndarray:
        panels = truth.landcover(year) == truth.legend.get(PANELS, -1)
        return truth.fine_mean(ndimage.binary_closing(np.pad(panels, CLOSED_PX), EIGHT, CLOSED_PX)[CLOSED_PX:-CLOSED_PX, CLOSED_PX:-CLOSED_PX])

    return truth.once((PANELS, year), closed)


def score_solar(share: np.ndarray, truth: Truth, year: int) -> list[Score]:
    """Precision, recall and F1 of pixels and of arrays, the bias of the area, and false alarms; product ``solar``. Empty for a world without arrays.

    A pixel is one of an array where half of it is. A true array of at least 1 ha is found if half of it is, a mapped one is right if half of it is.
    ``false_alarms`` is the area called array further than a pixel from any, m2 in a km2 of ground that was seen.

    Parameters
    ----------
    share : expected share float32 (h, w) on the truth's grid, NaN where not observed.
    """
    if not has_arrays(truth):
        return []
    pixel_m2, seen, true = truth.grid.resolution_m**2, np.isfinite(share), true_panels(truth, year)
    found, truly = arrays(share, pixel_m2), seen & (true >= 0.5)
    alarms = float((found & ~ndimage.binary_dilation(true > 0, EIGHT)).sum())
    n = int(seen.sum())
    scores = [
        *_agreement("all", found[seen], truly[seen]),
        Score("solar", "area_bias", "all", percent_error(found.sum(), float(true[seen].sum())), "%", int(truly.sum())),
        Score("solar", "false_alarms", "all", 1e6 * ratio(alarms, n), "m2/km2", n),
    ]
    true_objects, found_objects = (large_patches(where, MIN_ARRAY_M2, pixel_m2) for where in (truly, found))
    right, hit = _halves(found_objects, true > 0), _halves(true_objects, found)
    recall, precision = ratio(hit.sum(), hit.size), ratio(right.sum(), right.size)
    scores += [
        Score("solar", "recall", "arrays", recall, "1", hit.size),
        Score("solar", "precision", "arrays", precision, "1", right.size),
        Score("solar", "f1", "arrays", ratio(2 * recall * precision, recall + precision), "1", hit.size + right.size),
    ]
    size_ha = _sizes(true_objects) * pixel_m2 / 1e4
    for name, (low, high) in SIZES_HA.items():
        mine = (size_ha >= low) & (size_ha < high)
        scores.append(Score("solar", "recall", name, ratio(hit[mine].sum(), mine.sum()), "1", int(mine.sum())))
    return scores


def _agreement(subset: str, found: np.ndarray, truly: np.ndarray) -> list[Score]:
    both, mapped, true = (int(a.sum()) for a in (found & truly, found, truly))
    return [
        Score("solar", "precision", subset, ratio(both, mapped), "1", mapped),
        Score("solar", "recall", subset, ratio(both, true), "1", true),
        Score("solar", "f1", subset, ratio(2 * both, mapped + true), "1", max(mapped, true)),
    ]


def _sizes(objects: np.ndarray) -> np.ndarray:
    """Pixels of each patch of a mask."""
    return np.bincount(ndimage.label(objects, EIGHT)[0].ravel())[1:]


def _halves(objects: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Whether at least half of each patch of a mask lies where another mask holds, bool (n,)."""
    labels, n = ndimage.label(objects, EIGHT)
    return ndimage.mean(where, labels, np.arange(1, n + 1)) >= 0.5 if n else np.zeros(0, bool)
