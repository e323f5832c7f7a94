"""Finds the encoding of texts whose files do not state it, or state it wrongly, from the bytes.

Text in another encoding is hardly ever valid UTF-8 by chance. Text that is not UTF-8 was most likely written by a Chinese Windows, whose code pages GB2312
and GBK are subsets of GB18030.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from rs_pipeline.errors import PipelineError, TableError

CHINESE = "gb18030"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LATIN = ("iso8859-1", "cp1252", "ascii")
"""Nearly any bytes are valid in these encodings, and programs state them by default, without knowing."""


def decoded(raw: bytes, stated: str | None = None, *, fault: type[PipelineError] = TableError, where: str) -> tuple[str, str]:
    """The text of some bytes, and the encoding that it was decoded with; ``stated`` is the encoding that the user states.

    Raises
    ------
    fault : the bytes are not valid in that encoding, or in UTF-8 or GB18030 where none is stated.
    """
    marked = next((name for bom, name in _BOMS if raw.startswith(bom)), None)
    known = stated or marked
    for name in [known] if known else [CHINESE] if _by_chance(raw) else ["utf-8", CHINESE]:
        try:
            return raw.decode(name).removeprefix("\ufeff"), name
        except UnicodeDecodeError as error:
            last = error
    raise fault(
        f"not a text in {known or 'UTF-8 or GB18030'}: byte {last.start} is {raw[last.start]:#04x}",
        where=where,
        remedy="state its encoding in inputs.<key>.encoding, or save it as 'CSV UTF-8 (comma delimited)'",
    ) from None


def encoding_of(values: Sequence[bytes], declared: str | None = None) -> str | None:
    """The encoding of the text values of a table that states none (a shapefile): None where no encoding fits all of them.

    Parameters
    ----------
    values : each may end within a character, cut off by the width of its column.
    declared : the encoding that the file states (.cpg). It counts where the values are neither UTF-8 nor Chinese.
    """
    values = [v for v in values if not v.isascii()]
    if not values or (all(_fits(v, "utf-8") for v in values) and not _by_chance(b"\n".join(values))):
        return "utf-8"
    if declared in _LATIN and 2 * sum(_fits(v, "gb2312", whole=True) for v in values) < len(values):
        return declared
    if declared and declared not in (*_LATIN, "utf-8") and all(_fits(v, declared) for v in values):
        return declared
    return CHINESE if all(_fits(v, CHINESE) for v in values) else None


def _by_chance(raw: bytes) -> bool:
    """Whether a short Chinese text is valid UTF-8 by chance, such as 省 (CA A1): read as UTF-8 it has phonetic, Hebrew or Arabic letters, and no character
    of three bytes."""
    try:
        odd = [c for c in raw.decode("utf-8", "ignore") if "\u0250" <= c <= "\u036f" or "\u0530" <= c]
        return bool(odd) and max(odd) <= "\u07ff" and bool(raw.decode("gb2312"))
    except UnicodeDecodeError:
        return False


def text_of(value: bytes, encoding: str) -> str:
    """The text of a value, without a last character that was cut off."""
    return codecs.getincrementaldecoder(encoding)().decode(value)


def _fits(value: bytes, encoding: str, *, whole: bool = False) -> bool:
    """Whether a value is valid in an encoding and has a character beyond ASCII; without ``whole`` its last character may be cut off."""
    try:
        return not (value.decode(encoding) if whole else text_of(value, encoding)).isascii()
    except UnicodeDecodeError:
        return False
