"""Dates of a stack as kernels need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from rs_pipeline.model import Period


@dataclass(frozen=True)
class Calendar:
    """When the dates of a stack lie, as the kernels need it."""

    day: np.ndarray
    """int64 (T,), days since the period's start."""
    month: np.ndarray
    """int64 (T,), months since the period's start."""
    n_months: int

    @classmethod
    def of(cls, days: Sequence[date], period: Period) -> Calendar:
        def months(d: date) -> int:
            return (d.year - period.start.year) * 12 + d.month - period.start.month

        return cls(
            np.array([(d - period.start).days for d in days], dtype="int64"),
            np.array([months(d) for d in days], dtype="int64"),
            months(period.end) + 1,
        )


def in_window(days: Sequence[date], window: tuple[str, str]) -> np.ndarray:
    """Whether each date lies in a yearly window of MM-DD strings, inclusive; a window may pass the new year."""
    first, last = window
    keys = np.array([d.strftime("%m-%d") for d in days], dtype="U5")
    return (keys >= first) & (keys <= last) if first <= last else (keys >= first) | (keys <= last)
