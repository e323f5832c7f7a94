"""Distinguishes fill from dark ground: which missing numbers of a band are dark ground, and which are lost data.

Archives write 0 for pixels that were not observed, and also where atmospheric correction, or the removal of an offset, gives a negative reflectance: over
lakes, in shadow, in blue over woods. A pixel is fill where all bands are missing, where the mask says so, or outside the footprint. Where a single band is
missing the ground is dark, unless neighbouring bands are too bright for that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

LOST_SIDE_PX = 16
"""A patch of missing numbers that contains a square of this side may be a block of a file that was lost. Smaller patches are ground:
files have blocks of 256 pixels and more."""

BRIGHT_BESIDE = {
    "blue": {"green": 0.08}, "green": {"red": 0.06}, "red": {"green": 0.08}, "rededge1": {"nir": 0.10}, "nir": {"swir1": 0.05},
    "swir1": {"swir2": 0.05, "nir": 0.20}, "swir2": {"swir1": 0.05, "nir": 0.20},
}  # fmt: skip
"""Band to neighbouring bands and their limits: ground with a higher reflectance in a neighbouring band is not black in the band itself. Muddy water is bright
in the visible but dark from NIR on, so infrared bands are judged only by infrared bands. Design values, chosen with the spectra of `simulation.materials`."""

EDGE_PX = 64
"""At the end of a swath the bands end at different positions, so missing numbers connected to fill and within this distance of it are not dark ground. A
design value."""

_TOUCHING = np.ones((3, 3), bool)


def split_missing(role: str, missing: np.ndarray, fill: np.ndarray, others: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Of a band's missing pixels that are not fill: those that are dark ground, and those that are lost; bool (h, w) each.

    Pixels of patches that touch fill are not dark ground within EDGE_PX of it.

    Parameters
    ----------
    missing, fill : bool (h, w), where the band has no number, and where the ground was not observed.
    others : role to reflectance, float (h, w), NaN where missing.
    """
    dark, lost = np.zeros(missing.shape, bool), np.zeros(missing.shape, bool)
    if not (missing & ~fill).any():
        return dark, lost
    patches, _ = ndimage.label(missing & ~fill, structure=_TOUCHING)
    for i, place in enumerate(ndimage.find_objects(patches), start=1):
        here = patches[place] == i
        gone = _holds_square(here) and _bright_beside(role, {r: v[place][here] for r, v in others.items()})
        (lost if gone else dark)[place] |= here
    if fill.any():
        dark &= ~_touching_fill(patches, fill)
    return dark, lost


def _touching_fill(patches: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Pixels of patches that touch fill, as far as EDGE_PX from it, bool (h, w)."""
    touching = np.unique(patches[ndimage.binary_dilation(fill, structure=_TOUCHING)])
    touching = touching[touching > 0]
    if not touching.size:
        return np.zeros(fill.shape, bool)
    return np.isin(patches, touching) & (ndimage.distance_transform_edt(~fill) <= EDGE_PX)


def _holds_square(patch: np.ndarray) -> bool:
    if min(patch.shape) < LOST_SIDE_PX:
        return False
    return bool(ndimage.binary_erosion(patch, structure=np.ones((LOST_SIDE_PX, LOST_SIDE_PX), bool)).any())


def _bright_beside(role: str, refl: Mapping[str, np.ndarray]) -> bool:
    """Whether the median of a neighbouring band exceeds its limit in BRIGHT_BESIDE."""
    bounds = {r: bound for r, bound in BRIGHT_BESIDE[role].items() if r in refl and np.isfinite(refl[r]).any()}
    return any(np.nanmedian(refl[r]) > bound for r, bound in bounds.items())
