"""The page in Chinese: tables of texts, ``page/chinese.csv`` and one for each product, and the translation of the texts of a run.

A row may contain placeholders, ``{share} % observed``, for the values of a run. A text that is not in the tables stays as
it is, so a new indicator, map or target appears under its own name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path

from rs_pipeline.products.register import products

_PLACE = re.compile(r"\{(\w+)\}")

_MEASURED = re.compile(r"(?P<number>[+\-−]?[\d.]+(?:e[+-]?\d+)?(?: \[[^\]]*\])?) (?P<unit>.+)")
"""A number, with or without an interval, and its unit."""

MIN_LETTERS = 5
"""A row with placeholders and fewer other letters, such as ``{low} to {high}``, is used by the page but not matched against texts."""


def _filled(template: str, values: Mapping[str, str]) -> str:
    """A text with values in the place of its placeholders."""
    return _PLACE.sub(lambda m: values.get(m[1], m[0]), template)


class Chinese:
    """Translates English texts by a table of English to Chinese."""

    def __init__(self, table: dict[str, str]):
        self.table = table

    @classmethod
    @cache
    def read(cls) -> Chinese:
        """The table of the page, and those of the products."""
        own = [path for p in products().values() if (path := p.asset("chinese.csv"))]
        table: dict[str, str] = {}
        for path in (Path(__file__).parent / "page" / "chinese.csv", *own):
            with path.open(encoding="utf-8", newline="") as file:
                table |= {row["english"]: row["chinese"] for row in csv.DictReader(file)}
        return cls(table)

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern, str]]:
        """Rows with placeholders, the most letters first, so that the most specific one matches."""
        letters = {english: sum(c.isalpha() for c in _PLACE.sub("", english)) for english in self.table if _PLACE.search(english)}
        ranked = sorted((e for e, n in letters.items() if n >= MIN_LETTERS), key=lambda e: -letters[e])
        return [(_pattern(english), self.table[english]) for english in ranked]

    def _whole(self, text: str) -> str | None:
        """Translation of a text that is a row, or matches a row with placeholders, whose values are translated in turn; None for other texts."""
        if text in self.table:
            return self.table[text]
        for pattern, chinese in self._templates:
            if found := pattern.fullmatch(text):
                return _filled(chinese, {name: self(value) for name, value in found.groupdict().items()})
        if (found := _MEASURED.fullmatch(text)) and found["unit"] in self.table:
            return f"{found['number']} {self.table[found['unit']]}"
        return None

    def __call__(self, text: str) -> str:
        """The text in Chinese. Reasons are sentences joined by ``; ``: each is translated, or left as it is where it is unknown.

        >>> Chinese({"cloud": "云", "{n} dates": "{n} 个日期"})("cloud; 3 dates; other")
        '云；3 个日期；other'
        """
        if (whole := self._whole(text)) is not None:
            return whole
        parts, out = text.split("; "), []
        while parts:
            for n in range(len(parts), 0, -1):
                found = self._whole("; ".join(parts[:n]))
                if found is not None or n == 1:
                    out.append(parts[0] if found is None else found)
                    del parts[:n]
                    break
        return "；".join(out) if len(out) > 1 else out[0]

    def of(self, texts: Iterable[str]) -> dict[str, str]:
        """English to Chinese, for those of the texts that can be translated."""
        return {text: chinese for text in dict.fromkeys(texts) if (chinese := self(text)) != text}


def _pattern(english: str) -> re.Pattern:
    """Pattern that a row with placeholders matches. Only the last placeholder, or one in parentheses, may stand for several sentences."""
    pieces = _PLACE.split(english)
    out = []
    for i, piece in enumerate(pieces):
        if i % 2:
            several = pieces[i + 1].startswith(")") or (i == len(pieces) - 2 and not pieces[-1])
            out.append(f"(?P<{piece}>{'.' if several else '[^;]'}+?)")
        else:
            out.append(re.escape(piece))
    return re.compile("".join(out), re.S)
