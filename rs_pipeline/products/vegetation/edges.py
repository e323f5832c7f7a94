"""Sharpening of the finished cover maps, because the sensor's optics blur the edges of fields."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

GAIN = 0.8
"""The modulation transfer of Sentinel-2 at the Nyquist frequency is 0.24-0.30; that of an ideal square pixel is 0.64. With this gain a 3 x 3 mask
raises it by a factor of 2.1. A larger gain would amplify noise for little benefit."""

COVERS = ("fvc_peak", "fvc_growing", "fvc_spring_peak", "fvc_summer_peak")

EDGE_SHARE = 1.0
"""Standard error of a sharpened pixel, as a share of its difference from the mean of its surroundings."""


def sharpen_covers(maps: dict[str, np.ndarray], native_m: Iterable[float], resolution_m: float) -> None:
    """Sharpen COVERS of a tile in place, and add the error of sharpening to ``fvc_peak_sigma``.

    Parameters
    ----------
    maps : name to float32 (h, w), NaN where not observed.
    native_m : pixel sizes of the scenes the maps were made from, m. Where the finest is much coarser or finer than the map's pixel
        (``resolution_m``), the blur is not that of one pixel of the map, and the maps stay as they are.
    """
    finest = min(native_m, default=np.inf)
    if not 0.67 * resolution_m <= finest <= 1.5 * resolution_m:
        return
    contrast = np.abs(maps["fvc_peak"] - local_mean(maps["fvc_peak"]))
    maps["fvc_peak_sigma"] = np.hypot(maps["fvc_peak_sigma"], EDGE_SHARE * contrast).astype("float32")
    for name in COVERS:
        maps[name] = sharpen(maps[name])


def sharpen(cover: np.ndarray) -> np.ndarray:
    """Cover plus GAIN times its difference from the 3 x 3 mean (unsharp mask, Schreiber 1970), within 0-1, float32 (h, w).

    The mean of an area does not change, except where 0 or 1 limits a pixel. NaN stays NaN and is left out of the means.

    >>> sharpen(np.array([[0.5, 0.5, 0.2, 0.2, 0.2]], "float32")).round(2).astype("float64").round(2).tolist()
    [[0.5, 0.58, 0.12, 0.2, 0.2]]
    """
    return np.clip(cover + GAIN * (cover - local_mean(cover)), 0.0, 1.0).astype("float32")


def local_mean(values: np.ndarray) -> np.ndarray:
    """Mean of the finite pixels of each 3 x 3 square, float64 (h, w); the map's rim is repeated beyond it."""
    seen, square = np.isfinite(values), np.ones((3, 3))
    count = ndimage.convolve(seen.astype("float64"), square, mode="nearest")
    total = ndimage.convolve(np.where(seen, values, 0.0).astype("float64"), square, mode="nearest")
    return total / np.maximum(count, 1.0)  # running sums would be faster, but their rounding differs from tile to tile
