"""Cells of tables as values that fit into JSON."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from rs_pipeline.storage.tables import inert


def number(value: Any, digits: int = 5) -> float | int | None:
    """A finite number with that many significant digits, else None.

    >>> number(0.123456789), number(float("nan")), number(12.0)
    (0.12346, None, 12)
    """
    if value is None or pd.isna(value) or not math.isfinite(float(value)):
        return None
    short = float(f"{float(value):.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def text(value: Any) -> str:
    """A cell as text: empty where missing, without the apostrophe that made it inert for spreadsheets."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    value = str(value)
    return value[1:] if value[:1] == "'" and inert(value[1:]) == value else value


class Codes(dict):
    """Gives each distinct text a number, in the order in which they are looked up."""

    def __missing__(self, key: Any) -> int:
        self[key] = len(self)
        return self[key]
