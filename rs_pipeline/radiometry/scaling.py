"""Conversion of digital numbers to physical units.

Chips hold uint16 with 0 for nodata. Source values are converted to it: signed numbers are shifted,
fractional ones rounded, and radar power becomes an amplitude in steps of RADAR_STEP.
"""

from __future__ import annotations

import numpy as np
from rs_kernels.calibration import RADAR_STEP

from rs_pipeline.model import Sensor


def reflectance(dn: np.ndarray, scale: float | np.floating | np.ndarray, offset: float | np.floating | np.ndarray) -> np.ndarray:
    """Surface reflectance (fraction) of digital numbers; 0 is nodata and gives NaN.

    float64 where scale and offset are Python numbers; float32 where they are float32 and the numbers uint16, which takes half the memory.
    The counterpart for one number in kernels is `rs_kernels.calibration.reflectance`.

    >>> round(float(reflectance(np.array([1450], "uint16"), 1e-4, -0.1)[0]), 12)
    0.045
    """
    refl = np.asarray(dn * scale + offset)
    np.copyto(refl, np.nan, where=np.logical_not(dn > 0))
    return refl


def gamma0_power(amplitude_dn: np.ndarray) -> np.ndarray:
    """gamma0 as linear power, float64, from the numbers of a radar chip; nodata (0) gives 0."""
    return (amplitude_dn * RADAR_STEP) ** 2


def linear_power(db: float | np.ndarray) -> float | np.ndarray:
    """Linear power of decibels: 10^(dB / 10).

    >>> linear_power(-20.0)
    0.01
    """
    return 10 ** (db / 10)


def shift(sensor: Sensor) -> int:
    """Number added to the values of an optical source so that the smallest valid one is at least 1; 0 for radar."""
    return max(0, 1 - round(sensor.valid_min)) if sensor.family == "optical" else 0


def number_range(sensor: Sensor) -> tuple[int, int]:
    """Lowest and highest number of an optical sensor's chips. Values beyond the table's valid range are clamped to them, not made nodata: the
    ground was observed."""
    return round(sensor.valid_min) + shift(sensor), min(65535, round(sensor.valid_max) + shift(sensor))


def chip_numbers(values: np.ndarray, sensor: Sensor, nodata: float | None) -> np.ndarray:
    """Source values of a data band as the uint16 numbers of a chip, same shape, 0 where there is none.

    Optical numbers are shifted by `shift(sensor)`, rounded and clamped to `number_range`; radar power becomes round(sqrt(power) / RADAR_STEP).
    Nodata are NaN, the nodata values of the file and of the table, and values below a table's nodata that is itself below the valid range (HLS also
    has -32768); for radar also all values outside the valid range, such as border noise.
    """
    whole = values.dtype.kind in "iu"
    known = values != sensor.nodata if whole else np.isfinite(values) & (values != sensor.nodata)
    if nodata is not None and not np.isnan(nodata):
        known &= values != nodata
    if sensor.family == "radar":
        known &= (values >= sensor.valid_min) & (values <= sensor.valid_max)
        numbers = np.sqrt(np.where(known, values, 0).astype("float64")) / RADAR_STEP
        return np.where(known, np.clip(np.rint(numbers), 1, 65535), 0).astype("uint16")
    if sensor.nodata < sensor.valid_min:
        known &= values > sensor.nodata
    if values.dtype == np.uint16 and not shift(sensor):
        return np.where(known, np.clip(values, *number_range(sensor)), np.uint16(0))
    clean = np.where(known, values, 0)
    numbers = clean.astype("int64") + shift(sensor) if whole else np.rint(clean.astype("float64") + shift(sensor))
    return np.where(known, np.clip(numbers, *number_range(sensor)), 0).astype("uint16")


def mask_numbers(values: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Values of a mask band as uint16; NaN and negative values become the mask's fill."""
    good = values >= 0
    return np.where(good, values, sensor.mask.fill).astype("uint16")
