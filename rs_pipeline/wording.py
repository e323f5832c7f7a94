"""Texts of messages: cleans foreign texts for one line, and explains faults in files that people write: what is wrong and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

WIDE = {"：": ": ", "，": ", ", "；": "; ", "（": "(", "）": ")", "【": "[", "】": "]", "“": '"', "”": '"', "\u3000": " "}
"""Full-width punctuation of Chinese keyboards to what YAML needs in its place."""

_LONGEST = 60


def clean_text(value: object, length: int = 255) -> str:
    """A foreign text with control characters replaced by ``?``, cut to a length; empty for None."""
    return "" if value is None else "".join(c if c.isprintable() else "?" for c in str(value)[:length])


def shown(value: Any) -> str:
    """A value as a message shows it, cut off where it is long."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def wide_sign(text: str) -> str:
    """What is wrong with a text that contains a full-width character, in words; empty where it contains none.

    >>> wide_sign("2023，2024")
    "it has '，', a full-width sign; write ', '"
    """
    found = next((c for c in text if c in WIDE), "")
    return found and f"it has {found!r}, a full-width sign; write {WIDE[found]!r}"


def yaml_fault(fault: yaml.YAMLError, text: str) -> str:
    """A YAML error as one line, with line and column."""
    if not isinstance(fault, yaml.MarkedYAMLError) or fault.problem_mark is None:
        return " ".join(str(fault).split())
    mark = fault.problem_mark
    lines = text.splitlines() or [""]
    here = lines[mark.line] if mark.line < len(lines) else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {_yaml_words(fault, mark, lines, here)}"


def _yaml_words(fault: yaml.MarkedYAMLError, mark: yaml.Mark, lines: list[str], here: str) -> str:
    before = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
    if here[mark.column : mark.column + 1] == "\t" or here[: mark.column].startswith("\t"):
        return "a tab, where YAML wants blanks; indent by blanks"
    if "escape" in (fault.problem or ""):
        return "a backslash in double quotes begins a sign by its number; write paths with /, or in single quotes"
    for words, line in ((wide_sign(line), line) for line in (here, before)):
        if words:
            return f"{line.strip()[:_LONGEST]!r}: {words}"
    if re.match(r"\w+:\S", before.strip()) and "://" not in before:
        return f"{before.strip()[:_LONGEST]!r}, the line above, lacks a blank after its colon; write `key: value`"
    if "document" in (fault.problem or ""):
        return "a second document, or a line that begins further left than the first; begin every section in the first column, and leave `---` out"
    since = f" that begins in line {fault.context_mark.line + 1}" if fault.context_mark is not None else ""
    if "flow" in (fault.context or ""):
        return f"a bracket{since} is not closed, or a comma or colon is missing; {fault.problem}"
    if re.search(r"[\[{].*\$\{", here):
        return "${NAME} inside a bracket; put the whole value in double quotes"
    return f"{fault.problem or fault}; check the indentation, colons and brackets"


def _plain_number(text: Any) -> float | None:
    """The number at the start of a text such as ``30m`` or ``5 %``; None where the text has another form."""
    found = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?)\s*(%|[A-Za-z]+\d?)?\s*", text) if isinstance(text, str) else None
    return float(found[1]) if found else None


def _no_number(error: Mapping[str, Any]) -> str:
    given, number = error["input"], _plain_number(error["input"])
    if number is not None and str(given).strip().endswith("%"):
        return f"{shown(given)} is no plain number; write {number / 100:g} for a share, {number:g} for percent"
    if number is not None:
        return f"{shown(given)} is no plain number; write {number:g}, without a unit"
    kind = "a whole number" if error["type"].startswith("int") else "a number"
    if given is None:
        return f"null, where {kind} is due; write one, or remove the line"
    return f"{shown(given)} is not {kind}" + (f": {words}" if (words := wide_sign(str(given))) else "")


def _too_large(error: Mapping[str, Any]) -> str:
    given, most = error["input"], next(error["ctx"][k] for k in ("lt", "le") if k in error["ctx"])
    share = most == 1 and isinstance(given, int | float) and 1 < given <= 100
    return f"{error['msg']}, got {shown(given)}" + (f"; a share is meant, not percent: write {given / 100:g}" if share else "")


def _too_small(error: Mapping[str, Any]) -> str:
    given, least = error["input"], next(error["ctx"][k] for k in ("gt", "ge") if k in error["ctx"])
    percent = least >= 50 and isinstance(given, int | float) and 0 < given <= 1
    return f"{error['msg']}, got {shown(given)}" + (f"; percent is meant, not a share: write {100 * given:g}" if percent else "")


def _no_list(error: Mapping[str, Any]) -> str:
    given = error["input"]
    if given is None:
        return "nothing stands here, where a list is due; write its entries beneath, each behind `- `, or remove the line"
    if isinstance(given, Mapping):
        return "one entry, where a list is due; write `- ` before it"
    return f"{shown(given)} is one value, where a list is due; write [{given}] or its entries beneath, each behind `- `"


def _no_section(error: Mapping[str, Any]) -> str:
    given = error["input"]
    if given is None:
        return "the section is empty; write its keys beneath, indented, or remove the line"
    return f"{shown(given)} is no section; write its keys with their values: {{key: value}}"


def _no_text(error: Mapping[str, Any]) -> str:
    given = error["input"]
    if given is None:
        return "null, where a text is due; write one, or remove the line"
    kind = "a list" if isinstance(given, list) else "a section" if isinstance(given, Mapping) else shown(given)
    return f"{kind} is no text; write one text" + ("" if isinstance(given, list | Mapping) else f", in quotes: '{given}'")


def _no_day(error: Mapping[str, Any]) -> str:
    return f"{shown(error['input'])} is no day; write year-month-day, such as 2023-05-31"


def _no_pair(error: Mapping[str, Any]) -> str:
    return f"{shown(error['input'])}, where several values in brackets are due, such as [a, b]"


def _no_key(error: Mapping[str, Any]) -> str:
    key = error["loc"][-1] if str(error["loc"][-1]) != "[key]" else error["input"]
    return f"{key} is a number, where a name is due; a decimal comma becomes a point (0.75), a code stands in quotes ('000000')"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda error: "is missing; write it",
    "invalid_key": _no_key,
    **dict.fromkeys(("int_parsing", "int_from_float", "float_parsing", "int_type", "float_type"), _no_number),
    **dict.fromkeys(("less_than", "less_than_equal"), _too_large), **dict.fromkeys(("greater_than", "greater_than_equal"), _too_small),
    **dict.fromkeys(("date_from_datetime_parsing", "date_parsing", "date_type", "date_from_datetime_inexact"), _no_day),
    "list_type": _no_list, **dict.fromkeys(("model_type", "dict_type", "model_attributes_type"), _no_section), "string_type": _no_text,
    "tuple_type": _no_pair,
}  # fmt: skip


def value_fault(error: Mapping[str, Any]) -> str:
    """A validation error of pydantic as one line that says what is wrong and what to write.

    Parameters
    ----------
    error : one of `pydantic.ValidationError.errors`.
    """
    words = _WORDS.get(error["type"])
    return words(error) if words else " ".join(error["msg"].removeprefix("Value error, ").split())
