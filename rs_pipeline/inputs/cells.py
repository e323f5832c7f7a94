"""Reads cells of tables as people write them: numbers, days, yes or no, codes, degrees. An ambiguous cell is a ValueError that says why."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta

NO_VALUE = frozenset(("", "-", "--", "—", "——", "–", "/", "\\", "无", "缺", "缺测", "空", "na", "n/a", "#n/a", "nan", "null", "none"))
"""Texts that mean "no value". Missing is never zero."""

YES = frozenset(("1", "1.0", "是", "有", "对", "√", "✓", "✔", "y", "yes", "t", "true"))
NO = frozenset(("0", "0.0", "否", "没有", "错", "×", "✗", "✘", "x", "n", "no", "f", "false"))

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}([, ])\d{3}(\1\d{3})*(\.\d+)?")
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]\s*\d{1,2}:.*)?")
_ANGLE = re.compile(
    r"([NSEW东西南北]?)\s*(\d+(?:\.\d+)?)\s*[°度º]\s*(?:(\d+(?:\.\d+)?)\s*['′’分]\s*)?(?:(\d+(?:\.\d+)?)\s*(?:\"|″|”|''|秒)\s*)?([NSEW东西南北]?)"
)
_EXCEL_DAYS = (20_000, 80_000)
"""Serial numbers of days from 1954 to 2119."""


def narrow(text: str) -> str:
    """A cell in half-width characters, without blanks around it and without invisible characters.

    >>> narrow("\\ufeff １２．５％ ")
    '12.5%'
    """
    if text.isascii():
        return text.strip()
    text = unicodedata.normalize("NFKC", text).translate({0x2212: "-", 0x200B: None, 0xFEFF: None, 0x3002: "."})
    return text.strip()


def is_missing(text: str) -> bool:
    return narrow(text).lower() in NO_VALUE


def code_text(text: object) -> str:
    """A code or label as text: ``131101.0``, ``131101`` and a full-width code give the same text.

    >>> code_text(131101.0), code_text(" １３１１０１"), code_text("2023年"), code_text("R-1.50")
    ('131101', '131101', '2023', 'R-1.50')
    """
    code = narrow(str(text))
    return re.sub(r"^(\d+)(\.0*|年)$", r"\1", code)


def number_of(text: str, *, unit: str = "", separator: str = ",") -> float:
    """A number; ``1,234`` is 1234, and a percent sign is accepted where the column is in percent or a fraction.

    Parameters
    ----------
    unit : unit of the column: ``%``, ``fraction``, or any other.
    separator : separator of the table's cells; where it is ``;`` a comma may be a decimal point, so that ``1,234`` is refused.

    Raises
    ------
    ValueError : it is no plain number.
    """
    bare = narrow(text).lower()
    body = bare.removesuffix("%").rstrip()
    percent = body != bare
    if grouped := _GROUPED.fullmatch(body):
        if grouped[1] == "," and separator == ";":
            raise ValueError(f"{text.strip()!r} may be a thousand or a decimal comma")
        body = body.replace(grouped[1], "")
    if not _PLAIN.fullmatch(body):
        raise ValueError(f"{text.strip()!r} is not a number" + (": it carries a unit" if re.match(r"[+-]?[\d.,]+\s*[^\d\s.,]", body) else ""))
    value = float(body)
    if abs(value) == float("inf"):
        raise ValueError(f"{text.strip()!r} is not a number")
    if percent and unit not in ("%", "fraction"):
        raise ValueError(f"{text.strip()!r} is a percentage, the column is in {unit or 'plain numbers'}")
    return value / 100 if percent and unit == "fraction" else value


def day_of(text: str) -> date:
    """A day: 2025-08-15, 2025/8/15, 2025.8.15, 2025年8月15日, 20250815, with or without a time, or Excel's serial number.

    Raises
    ------
    ValueError : it is no such day, or the year does not come first.
    """
    bare = narrow(text)
    try:
        if found := _DAY.fullmatch(bare):
            return date(*map(int, found.groups()))
        if re.fullmatch(r"(19|20)\d{6}", bare):
            return datetime.strptime(bare, "%Y%m%d").date()
    except ValueError:
        pass
    else:
        if re.fullmatch(r"\d{5}(\.\d+)?", bare) and _EXCEL_DAYS[0] <= float(bare) <= _EXCEL_DAYS[1]:
            return date(1899, 12, 30) + timedelta(days=int(float(bare)))
    raise ValueError(f"{text.strip()!r} is not a day")


def truth_of(text: str) -> bool:
    """An answer: 1, yes, true, 是, √ or 0, no, false, 否, ×.

    Raises
    ------
    ValueError : it is neither.
    """
    bare = narrow(text).lower()
    if bare in YES or bare in NO:
        return bare in YES
    raise ValueError(f"{text.strip()!r} is neither yes nor no")


def degrees_of(text: str) -> float:
    """Degrees: a number, or degrees, minutes and seconds (``117°12'30"E``); south and west are negative.

    Raises
    ------
    ValueError : it is neither.
    """
    bare = text.strip().replace("经", "").replace("纬", "")
    found = _ANGLE.fullmatch(bare)
    if not found:
        return number_of(text)
    before, whole, minutes, seconds, after = found.groups()
    value = float(whole) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -value if (before or after) in tuple("SW西南") else value
