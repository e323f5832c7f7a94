"""From the numbers of chips to physical units: each formula once, for all kernels. `rs_pipeline.radiometry.scaling` has the same formulas for whole arrays."""

import math

import numpy as np
from numba import njit

RADAR_STEP = 1e-4
"""Amplitude per number in radar chips: gamma0 = (number * RADAR_STEP)**2, accurate to 0.01 dB down to -30 dB."""

formula = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
"""Decorator of scalar formulas: inlined into the caller, without a branch for division by zero, so that loops over pixels vectorise."""


@formula
def reflectance(dn, scale, offset):
    """Surface reflectance (fraction) of a digital number above 0: dn * scale + offset (USGS LSDS-1618 and 1619, ESA S2-PDGS-TAS-DI-PSD).

    float64 for a uint16 number with float32 ``scale`` and ``offset``; float32 for a float32 number. The caller
    leaves out 0, which is nodata.
    """
    return dn * scale + offset


@formula
def gamma0_power(amplitude_dn):
    """gamma0 as linear power, float64, of a number of a radar chip; 0 for 0, which is nodata."""
    return (amplitude_dn * RADAR_STEP) ** 2


@formula
def decibel(power):
    """10 log10 of a linear power, dB; NaN where the power is not positive."""
    return 10.0 * math.log10(power) if power > 0 else np.nan
