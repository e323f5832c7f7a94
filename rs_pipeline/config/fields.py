"""Types that the sections share: shares, years, days of the year."""

from __future__ import annotations

import re
from datetime import date, timedelta, timezone, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from rs_pipeline.strict import Strict


class Section(Strict):
    """One section of the configuration."""


def _day_of_a_leap_year(text: str) -> str:
    month, day = int(text[:2]), int(text[3:])
    try:
        date(2000, month, day)
    except ValueError:
        raise ValueError(f"there is no day {text}; write month-day, such as 06-15") from None
    return text


def _month_and_day_alone(given: Any) -> Any:
    if isinstance(given, date):
        raise ValueError(f"{given} has a year, the window is the same every year; write '{given:%m-%d}'")
    if isinstance(given, str) and (found := re.fullmatch(r"(\d{1,2})[/.](\d{1,2})", given)):
        raise ValueError(f"{given!r} is no month-day; write the month first and a hyphen, such as 06-15, got {found[1]} and {found[2]}")
    return given


def time_zone(name: str) -> tzinfo:
    """The time zone of a name (Asia/Shanghai, UTC) or an offset (+08:00).

    Raises
    ------
    ValueError : there is no such zone.
    """
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)", name)
    try:
        if offset:
            sign, hours, minutes = offset.groups()
            return timezone(int(f"{sign}1") * timedelta(hours=int(hours), minutes=int(minutes)))
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}; write Asia/Shanghai, UTC or +08:00") from None


Fraction = Annotated[float, Field(ge=0, le=1)]
"""Share from 0 to 1."""

Part = Annotated[float, Field(gt=0, lt=1)]
"""Share or probability that is neither 0 nor 1: the code takes its logit, divides by it, or compares with it."""

Reflectance = Annotated[float, Field(gt=0, lt=1)]
"""Surface reflectance."""

Year = Annotated[int, Field(ge=1984, le=2100)]
"""Calendar year, from the first whole one of Landsat 5 on."""

MonthDay = Annotated[str, Field(pattern=r"^\d\d-\d\d$"), BeforeValidator(_month_and_day_alone), AfterValidator(_day_of_a_leap_year)]
"""Month and day, ``MM-DD``."""

Window = tuple[MonthDay, MonthDay]
"""First and last day of a yearly window, both included; a window may span the new year (``12-01``, ``02-28``)."""


def holds_day(window: Window, day: date) -> bool:
    """Whether a date lies in a yearly window.

    >>> holds_day(("12-01", "02-28"), date(2024, 1, 5)), holds_day(("06-01", "08-31"), date(2024, 9, 1))
    (True, False)
    """
    (first, last), key = window, f"{day:%m-%d}"
    return first <= key <= last if first <= last else key >= first or key <= last


QAFlagName = Literal["nodata", "cloud", "shadow", "cirrus", "snow", "saturated", "dark", "buffer", "shadow_confirmed", "terrain", "haze", "clamped"]
"""Names of model.QA_FLAGS that a product may ask for; the range edges of radar are always dropped."""
