"""From the numbers of chips to physical units: each formula once, for all kernels. The twins for whole arrays: `rs_pipeline.radiometry.scaling`."""

import math

import numpy as np
from numba import njit

RADAR_STEP = 1e-4
"""Amplitude per number in radar chips: gamma0 = (number * RADAR_STEP)**2, good to 0.01 dB down to -30 dB."""

formula = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
"""Compiled into its caller, without a jump for division by zero: loops over pixels then vectorise."""


@formula
def reflectance(dn, scale, offset):
    """Surface reflectance (fraction) of a digital number above 0: dn * scale + offset (USGS LSDS-1618 and 1619, ESA S2-PDGS-TAS-DI-PSD).

    float64 of a uint16 with float32 ``scale`` and ``offset``; float32 where the number is given as float32. The caller
    leaves out 0, which is nodata.
    """
    return dn * scale + offset


@formula
def gamma0_power(amplitude_dn):
    """gamma0 as linear power, float64, of a number of a radar chip; of 0, which is nodata, it is 0."""
    return (amplitude_dn * RADAR_STEP) ** 2


@formula
def decibel(power):
    """10 log10 of a linear power, dB; NaN where the power is not positive."""
    return 10.0 * math.log10(power) if power > 0 else np.nan
