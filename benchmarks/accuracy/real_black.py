"""Flags of black-odorous water on one date: by our detector, and by the index most studies use."""

from __future__ import annotations

import numpy as np
from rs_kernels.black_odorous import MAX_GREY_REFL, spectra_evidence

from rs_pipeline.products.black_odorous.model import load_detector

BOI_LIMIT = 0.065
"""Yao et al. (2019): water with (G - R) / (B + G + R) at or below this is black-odorous."""


def grey_of(spectra: np.ndarray) -> np.ndarray:
    """Residual of haze and glint (n,) that the detector removes, of spectra (n, 7) in OPTICAL_BANDS."""
    return np.clip(np.minimum(spectra[:, 5], spectra[:, 6]), -MAX_GREY_REFL, MAX_GREY_REFL)


def detector_accuses(spectra: np.ndarray) -> np.ndarray:
    """bool (n,): the evidence is positive and no other cause explains it; the red edge is used. Spectra float64 (n, 7) in OPTICAL_BANDS."""
    model = load_detector()
    spectra = np.ascontiguousarray(spectra, "float64")
    score, cause = spectra_evidence(spectra, grey_of(spectra), True, model.packed)
    return (score > 0) & (cause == 0)


def boi_accuses(spectra: np.ndarray) -> np.ndarray:
    """bool (n,): BOI at or below its published limit, of the reflectance as it is."""
    blue, green, red = spectra[:, 0], spectra[:, 1], spectra[:, 2]
    return (green - red) <= BOI_LIMIT * (blue + green + red)
