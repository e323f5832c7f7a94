"""The indicators as columns: values, states and reasons are those of ``indicators.csv``; nothing here decides anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.indicators.targets import target_tables
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.inputs.tables import NOTHING_STATED, read_table
from rs_pipeline.publish.report.text import Codes, number, text

HEAD = ("indicator", "unit", "target_id", "target_operator", "target_value", "target_year", "clause", "observability")
"""Columns that define a kind of row: rows that agree in all of them are one kind."""

NUMBERS = ("observed_fraction", "value", "lower", "upper", "slope_per_year", "slope_lower", "slope_upper")
"""Columns of the table whose numbers the page shows."""

DIGITS = {"observed_fraction": 4}
"""Significant digits of columns that are shown with fewer than the others: whole percents."""

_OF_TARGET = ("topic", "description", "caveat", "standard")


def read_targets(settings: Settings) -> dict[str, dict[str, str]]:
    """Rows of the tables of targets by target_id; empty where there is none."""
    paths = [path for path in target_tables(settings) if path.exists()]
    stated = [settings.stated("indicators.targets"), *[NOTHING_STATED] * len(paths)]
    tables = [read_table(path, ("target_id",), about) for path, about in zip(paths, stated, strict=False)]
    return {row.text("target_id"): row.cells for table in tables for row in table.rows()}


def read_indicators(path: Path) -> pd.DataFrame | None:
    """``indicators.csv`` as text, or None."""
    if not path.exists():
        return None
    return pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False).map(text)


def title(indicator: str, target: dict[str, str]) -> str:
    """Readable name: the indicator's own, else the target's sentence (rows without indicator carry the target's id), else the plain name."""
    if indicator in INDICATORS:
        return INDICATORS[indicator].title
    return target.get("description") or indicator.replace("_", " ")


def without_caveat(reason: str) -> str:
    """A reason without the caveat of its target, which every county would repeat.

    >>> without_caveat("the interval straddles the target; proxy: only colour"), without_caveat("proxy: only colour")
    ('the interval straddles the target', '')
    """
    return re.sub(r"(^|; )proxy: .*", "", reason, flags=re.S)


def kind_key(indicator: str, target_id: str) -> str:
    """Name of a kind of row in the page's addresses."""
    return f"{indicator}.{target_id}" if target_id else indicator


def _kind(head: dict[str, str], group: pd.DataFrame, target: dict[str, str]) -> dict[str, Any]:
    return (
        head
        | {name: target.get(name, "") for name in _OF_TARGET}
        | {
            "key": kind_key(head["indicator"], head["target_id"]),
            "title": title(head["indicator"], target),
            "target_value": number(pd.to_numeric(head["target_value"], errors="coerce")),
            "interval": " / ".join(v for v in group["interval"].unique() if v),
        }
    )


def indicator_columns(table: pd.DataFrame, targets: dict, unit_codes: Codes, periods: list[str]) -> dict[str, Any]:
    """The indicators without repetition.

    ``kinds``: see HEAD. A kind that has a row for every unit and period, all without a value and with the same status and reason, has
    ``everywhere``: [status, reason]; any other has ``columns``, lists over unit * periods + period: ``answer`` (number of ``answers``, each [status, reason],
    numbers of ``statuses`` and ``reasons``; -1 where there is no row) and NUMBERS, None for a column without a number.
    ``notes`` are the reasons without the targets' caveats, ``scenes`` the number of scenes by unit and period.
    """
    reasons, statuses, answers, n = Codes(), Codes(), Codes(), len(periods)
    table = table[table.period.isin(periods)]
    slot = table.adcode.map(unit_codes.__getitem__).to_numpy() * n + table.period.map(periods.index).to_numpy(int)
    size = len(unit_codes) * n
    kinds, rows_each = [], len(np.unique(slot))
    for key, rows in table.groupby(list(HEAD), sort=False, dropna=False).indices.items():
        group, at = table.iloc[rows], slot[rows]
        head = dict(zip(HEAD, key, strict=True))
        kind = _kind(head, group, targets.get(head["target_id"], {}))
        values = group[list(NUMBERS)].apply(pd.to_numeric, errors="coerce")
        pairs = group[["status", "reason"]].drop_duplicates()
        if values[["value", "lower", "upper"]].isna().all(axis=None) and len(pairs) == 1 and len(group) == rows_each:
            kind["everywhere"] = [statuses[pairs.status.iloc[0]], reasons[pairs.reason.iloc[0]]]
        else:
            given = [answers[statuses[s], reasons[r]] for s, r in zip(group.status, group.reason, strict=True)]
            kind["columns"] = {"answer": _placed(at, given, size)} | {name: _numbers(at, values[name], size, DIGITS.get(name, 5)) for name in NUMBERS}
        kinds.append(kind)
    notes = [without_caveat(reason) for reason in reasons]
    said = {"answers": [list(pair) for pair in answers], "reasons": list(reasons), "notes": notes, "statuses": list(statuses)}
    return {"kinds": kinds, **said, "scenes": _numbers(slot, table["n_scenes"], size)}


def _placed(at: np.ndarray, codes: list[int], size: int) -> list[int]:
    out = np.full(size, -1)
    out[at] = codes
    return out.tolist()


def short_number(value: float, digits: int = 5) -> float | int | None:
    """`number` with one digit less where that moves it by less than one in ten thousand."""
    short = number(value, digits - 1)
    return short if short is not None and abs(short - value) < 0.9e-4 * abs(value) else number(value, digits)


def _numbers(at: np.ndarray, values: pd.Series, size: int, digits: int = 5) -> list[float | int | None] | None:
    out: list = [None] * size
    for i, value in zip(at.tolist(), pd.to_numeric(values, errors="coerce"), strict=True):
        out[i] = short_number(value, digits)
    return out if any(v is not None for v in out) else None
