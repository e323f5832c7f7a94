"""Dates of a stack as kernels need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from rs_pipeline.config import Window, holds_day
from rs_pipeline.model import Period

SPRING_MONTHS = ("march", "april", "may")
"""Months in which dust blows on the North China Plain."""


@dataclass(frozen=True)
class Calendar:
    """Days and months of the dates of a stack."""

    day: np.ndarray
    """int64 (T,), days since the period's start."""
    month: np.ndarray
    """int64 (T,), months since the period's start."""
    n_months: int

    @classmethod
    def of(cls, days: Sequence[date], period: Period) -> Calendar:
        def months(d: date) -> int:
            return (d.year - period.start.year) * 12 + d.month - period.start.month

        return cls(np.array([(d - period.start).days for d in days], dtype="int64"), np.array([months(d) for d in days], dtype="int64"), months(period.end) + 1)


MAY_FREEZE_C = 10.0
"""°C. Water may freeze in months whose usual mean temperature is below this. The margin above 0 °C covers cold years, continental climates and mountains
up to 1,500 m."""


def may_freeze(latitude_deg: float, month: np.ndarray) -> np.ndarray:
    """Whether water may freeze in months of the year (1-12), bool of the same shape: the usual temperature of land at sea level is below MAY_FREEZE_C.

    The annual mean is 27 - 0.0085 latitude^2 °C. The seasonal amplitude is 0.35 °C per degree of latitude, coldest in January, or in July south of
    the equator. This fits zonal means (Hartmann 2016, Global Physical Climatology) to about 3 °C between latitudes 20 and 60.

    >>> may_freeze(39.0, np.array([1, 3, 4, 7, 10, 11, 12])).tolist()
    [True, True, False, False, False, True, True]
    >>> may_freeze(-27.5, np.array([7, 12])).tolist()
    [False, False]
    """
    coldest = 1 if latitude_deg >= 0 else 7
    mean_c = 27 - 0.0085 * latitude_deg**2 - 0.35 * abs(latitude_deg) * np.cos(2 * np.pi * (month - coldest) / 12)
    return mean_c < MAY_FREEZE_C


def in_window(days: Sequence[date], window: Window) -> np.ndarray:
    """Whether each date lies in a yearly window of MM-DD strings, inclusive, bool (T,); a window may pass the new year."""
    return np.array([holds_day(window, d) for d in days], dtype=bool)


def middle_day(window: tuple[str, str], year: int) -> date:
    """Middle of a yearly window that begins in a year.

    >>> middle_day(("06-15", "09-10"), 2024), middle_day(("12-01", "02-28"), 2024)
    (datetime.date(2024, 7, 28), datetime.date(2025, 1, 14))
    """
    first, last = ((int(text[:2]), int(text[3:])) for text in window)
    start, stop = (date(y, month, 1) + timedelta(days=day - 1) for y, (month, day) in ((year, first), (year + (last < first), last)))
    return start + (stop - start) // 2
