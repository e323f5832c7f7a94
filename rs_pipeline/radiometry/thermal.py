"""Surface temperature of Landsat Collection 2 Level 2 and its uncertainty ST_QA: their numbers in files and in chips."""

from __future__ import annotations

import math

import numpy as np
from rs_kernels.heat import ERROR_STEP_K, KELVIN_OFFSET, KELVIN_STEP

SCALES = {"thermal": (KELVIN_STEP, KELVIN_OFFSET), "thermal_error": (ERROR_STEP_K, 0.0)}
"""Kelvin per number and kelvin of number 0, by role (USGS LSDS-1619). Both are those of Landsat 4 to 9."""


def scaled_as_known(role: str, scale: object, offset: object) -> bool:
    """Whether a scale and an offset that an item or file states are those of Collection 2; None states nothing, and agrees.

    >>> scaled_as_known("thermal", 0.00341802, 149), scaled_as_known("thermal_error", 0.01, None), scaled_as_known("thermal", 0.1, 0)
    (True, True, False)
    """

    def agrees(said: object, known: float) -> bool:
        return said is None or (isinstance(said, (int, float)) and math.isclose(said, known, rel_tol=1e-3, abs_tol=1e-6))

    return all(agrees(said, known) for said, known in zip((scale, offset), SCALES[role], strict=True))


def thermal_numbers(values: np.ndarray) -> np.ndarray:
    """Stored numbers of surface temperature (uint16, 0 nodata) or its uncertainty (int16, -9999 nodata) as those of a chip: uint16, 0 for nodata."""
    return np.where(values > 0, values, 0).astype("uint16")
