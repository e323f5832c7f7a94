"""Inputs of the kernels of a block: its dates as one product uses them, and the pixels that are processed together."""

from typing import NamedTuple

import numpy as np
from numba import njit

NOT_NEEDED = np.empty(0, np.int64)
"""Placeholder for kernels that do not use the days or months of their dates."""


class Stack(NamedTuple):
    """The T passes of a block, sorted by day and, within a day, by pixel size, the finest first. `one_a_day` applies the QA flags of a product."""

    dn: np.ndarray
    """uint16 (T, 7, h, w), bands of OPTICAL_BANDS, 0 nodata."""
    bits: np.ndarray
    """uint16 (T, h, w), QA flags, see `rs_pipeline.radiometry.masks.QAFlag`."""
    bad_bits: int
    """The bits that remove a date from a pixel."""
    scale: np.ndarray
    """float32 (T,), reflectance = dn * scale + offset."""
    offset: np.ndarray
    """float32 (T,)."""
    pixel_m: np.ndarray
    """float32 (T,), pixel size of the sensor, metres."""
    day: np.ndarray = NOT_NEEDED
    """int64 (T,), solar day, counted from an arbitrary start."""
    month: np.ndarray = NOT_NEEDED
    """int64 (T,), month counted from the period's start."""


class Lane(NamedTuple):
    """Pixels of a row that are processed together."""

    y: int
    """Row."""
    left: int
    """Column of the first."""
    n: int
    """Number of pixels: LANE, fewer at the end of a row."""


@njit(cache=True, nogil=True, error_model="numpy")
def count_clear(stack, t, lane):
    """Number of pixels of a lane that are clear on a date."""
    bits, bad_bits, clear = stack.bits, stack.bad_bits, 0
    for i in range(lane.n):
        clear += (bits[t, lane.y, lane.left + i] & bad_bits) == 0
    return clear


NODATA_BIT = 1
"""`rs_pipeline.radiometry.masks.QAFlag.NODATA`: every product leaves out pixels with this bit."""


@njit(cache=True, nogil=True)
def _silence_repeats(bits, bad_bits, day):
    n_dates, h, w = bits.shape
    for t in range(1, n_dates):
        first = t
        while first > 0 and day[first - 1] == day[t]:
            first -= 1
        for s in range(first, t):
            for y in range(h):
                for x in range(w):
                    if bits[s, y, x] & bad_bits == 0:
                        bits[t, y, x] |= NODATA_BIT


def one_a_day(stack, bad_bits):
    """The stack as a product sees it: ``bad_bits`` remove a date, and a day counts once at a pixel.

    Where a date is clear, later dates of the same day get NODATA_BIT. Dates are sorted as in `Stack`.
    """
    stack = stack._replace(bad_bits=bad_bits)
    if np.all(np.diff(stack.day) > 0):
        return stack
    bits = stack.bits.copy()
    _silence_repeats(bits, bad_bits, stack.day)
    return stack._replace(bits=bits)
