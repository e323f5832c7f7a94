"""Digital numbers to physical units: the formulas, each written once.

Chips hold uint16 with 0 for nodata. What a source stores is brought there exactly: signed numbers are shifted,
fractional ones rounded, radar power becomes an amplitude with four decimals.
"""

from __future__ import annotations

import numpy as np

from rs_pipeline.model import Sensor

RADAR_STEP = 1e-4
"""Amplitude per number in radar chips: gamma0 = (number * RADAR_STEP)**2, good to 0.01 dB down to -30 dB."""


def reflectance(dn: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """Surface reflectance (fraction, float64) of digital numbers; 0 is nodata and gives NaN.

    >>> float(reflectance(np.array([1450]), 1e-4, -0.1)[0])
    0.045
    """
    dn = np.asarray(dn, dtype="float64")
    return np.where(dn > 0, np.round(dn * scale + offset, 12), np.nan)


def decibel(power: np.ndarray) -> np.ndarray:
    """Backscatter in dB of linear power; NaN where the power is not positive."""
    power = np.asarray(power, dtype="float64")
    return 10 * np.log10(power, out=np.full(power.shape, np.nan), where=power > 0)


def gamma0_power(amplitude_dn: np.ndarray) -> np.ndarray:
    """gamma0 as linear power of the numbers of a radar chip; 0 is nodata and gives NaN."""
    amplitude_dn = np.asarray(amplitude_dn, dtype="float64")
    return np.where(amplitude_dn > 0, (amplitude_dn * RADAR_STEP) ** 2, np.nan)


def gamma0_from_sigma0(sigma0_power: np.ndarray, incidence_deg: np.ndarray) -> np.ndarray:
    """gamma0 = sigma0 / cos(incidence), both as linear power."""
    return np.asarray(sigma0_power) / np.cos(np.radians(incidence_deg))


def shift(sensor: Sensor) -> int:
    """What is added to an optical source's numbers so that the smallest valid one becomes 1 (0 for unsigned sources)."""
    return max(0, 1 - round(sensor.valid_min)) if sensor.family == "optical" else 0


def chip_numbers(values: np.ndarray, sensor: Sensor, nodata: float | None) -> np.ndarray:
    """Source values of a data band as the uint16 numbers of a chip, same shape, 0 for nodata.

    Optical numbers are shifted by `shift(sensor)` and rounded; radar power becomes round(sqrt(power) / RADAR_STEP).
    Missing are NaN, the nodata of the file and of the table, and what lies outside the table's valid range.
    """
    valid = (values >= sensor.valid_min) & (values <= sensor.valid_max) & (values != sensor.nodata)
    if nodata is not None and not np.isnan(nodata):
        valid &= values != nodata
    clean = np.where(valid, values, 0)
    if sensor.family == "radar":
        numbers = np.sqrt(clean.astype("float64")) / RADAR_STEP
    elif clean.dtype.kind == "f":
        numbers = clean.astype("float64") + shift(sensor)
    else:
        numbers = clean.astype("int64") + shift(sensor)
    return np.where(valid, np.clip(np.rint(numbers), 1, 65535), 0).astype("uint16")


def mask_numbers(values: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Values of a mask band as uint16; NaN and negative values become the mask's fill."""
    good = values >= 0
    return np.where(good, values, sensor.mask.fill).astype("uint16")
