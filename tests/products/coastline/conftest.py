"""Synthetic coasts whose shoreline is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from rs_pipeline.model import Grid

CRS = "EPSG:32650"
CLEAR_WATER, WET_SAND = (0.05, 0.020, 0.010), (0.12, 0.160, 0.160)
"""(green, NIR, SWIR1) reflectance."""


class Coast:
    """Green, NIR and SWIR1 of a coast seen by a sensor: the land's share of the fine raster, blurred and averaged."""

    def __init__(
        self, land_share, water=CLEAR_WATER, land=WET_SAND, *, resolution_m=20.0, fine=4, noise=0.004, psf_px=0.5, seed=0, left=500_000.0, top=4_300_000.0
    ):
        blurred = gaussian_filter(land_share.astype("float64"), psf_px * fine, mode="nearest")
        h, w = land_share.shape[0] // fine, land_share.shape[1] // fine
        share = blurred[: h * fine, : w * fine].reshape(h, fine, w, fine).mean(axis=(1, 3))
        rng = np.random.default_rng(seed)
        self.green, self.nir, self.swir1 = (
            (w_refl + share * (l_refl - w_refl) + rng.normal(0, noise, share.shape)).astype("float32") for w_refl, l_refl in zip(water, land, strict=True)
        )
        self.mndwi = ((self.green - self.swir1) / (self.green + self.swir1)).astype("float32")
        self.grid = Grid(CRS, resolution_m, left, top, w, h)


def straight_coast(x_m: float, *, width_px=60, height_px=50, resolution_m=20.0, fine=4, slant=0.0) -> np.ndarray:
    """Land share on the fine raster: land west of x = x_m + slant * y, both measured from the upper-left corner."""
    step = resolution_m / fine
    x = np.arange(width_px * fine) * step
    y = (np.arange(height_px * fine) + 0.5) * step
    return np.clip((x_m + slant * y[:, None] - x[None, :]) / step, 0, 1)


@pytest.fixture
def coast():
    return Coast


@pytest.fixture
def straight():
    return straight_coast
