"""What the kernels of a block are given: its dates as one product sees them, and the pixels that are worked on together."""

from typing import NamedTuple

import numpy as np
from numba import njit

NOT_NEEDED = np.empty(0, np.int64)
"""Of a kernel that does not ask when its dates lie."""


class Stack(NamedTuple):
    """The T dates of a block, ascending. A product that other flags matter to takes the same with another ``bad_bits`` (`_replace`)."""

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
    """int64 (T,), solar day counted from any start."""
    month: np.ndarray = NOT_NEEDED
    """int64 (T,), month counted from the period's start."""


class Lane(NamedTuple):
    """Pixels of a row that are worked on together."""

    y: int
    """Row."""
    left: int
    """Column of the first."""
    n: int
    """How many: LANE, fewer at the end of a row."""


@njit(cache=True, nogil=True, error_model="numpy")
def count_clear(stack, t, lane):
    """Pixels of a lane that a date is not removed from."""
    bits, bad_bits, clear = stack.bits, stack.bad_bits, 0
    for i in range(lane.n):
        clear += (bits[t, lane.y, lane.left + i] & bad_bits) == 0
    return clear
