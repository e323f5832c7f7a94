"""Compares two runs: which cells of the indicators changed, and whether data, code or configuration may be the cause."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import RUNTIME_SECTIONS, Settings, load
from rs_pipeline.indicators.explain import read_run
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import products
from rs_pipeline.steps import keys_of
from rs_pipeline.storage.tables import write_csv

KEY = ["adcode", "period", "indicator", "target_id"]

COMPARISON_COLUMNS = (
    *KEY, "name", "change", "value_a", "value_b", "difference", "unit", "status_a", "status_b", "causes", "data", "configuration", "code",
)  # fmt: skip

IRRELEVANT = (*RUNTIME_SECTIONS, "report", "simulation.path")
"""Keys that no value depends on."""


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested configuration with dotted keys.

    >>> flat({"water": {"min_months": 6}, "run": "a"})
    {'water.min_months': 6, 'run': 'a'}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
    return found


def changed_keys(a: Settings, b: Settings) -> dict[str, str]:
    """Keys that differ, with ``old -> new``; without IRRELEVANT keys."""
    old, new = (flat(s.model_dump(mode="json")) for s in (a, b))
    return {key: f"{old.get(key)} -> {new.get(key)}" for key in sorted({*old, *new}) if old.get(key) != new.get(key) and not key.startswith(IRRELEVANT)}


@dataclass(frozen=True)
class Differences:
    """Differences of two runs besides their values."""

    keys: dict[str, str]
    code: str
    """Differences of software, commit and code, in words; empty where there are none."""
    roots: tuple[Path, Path]
    settings: tuple[Settings, Settings]

    @cached_property
    def _keys_of_products(self) -> dict[str, set[str]]:
        """Product to the keys its indicators depend on in either run."""
        return {name: {k for s in self.settings for k in keys_of(s, name)} for name in products()}

    def configuration_of(self, indicator: str) -> str:
        """The changed keys that the indicator depends on."""
        known = INDICATORS.get(indicator)
        wanted = self._keys_of_products[known.product] if known else {"indicators", "tables"}
        return "; ".join(f"{key}: {words}" for key, words in self.keys.items() if any(_concerns(key, k) for k in wanted))


def _concerns(changed: str, needed: str) -> bool:
    """Whether two dotted keys are the same, or one lies within the other."""
    return f"{changed}.".startswith(f"{needed}.") or f"{needed}.".startswith(f"{changed}.")


def _code(a: Any, b: Any) -> str:
    """Differences of the code between two rows of evidence, in words."""
    words = [f"{name} {getattr(a, name) or '-'} -> {getattr(b, name) or '-'}" for name in ("git_commit", "software") if getattr(a, name) != getattr(b, name)]
    if not words and a.code_sha256 != b.code_sha256:
        words = ["the code changed within the same version"]
    return "; ".join(words)


def _data(a: Any, b: Any) -> str:
    """Differences of scenes and side tables between two rows of evidence, in words."""
    old, new = set(a.scene_ids), set(b.scene_ids)
    words = []
    if new - old or old - new:
        words.append(f"scenes: {len(new - old)} more ({_some(new - old)}), {len(old - new)} fewer ({_some(old - new)})")
    for name in ("processing_baselines", "offsets", "masks"):
        old, new = getattr(a, name), getattr(b, name)
        if set(old) != set(new):
            words.append(f"{name}: {', '.join(old)} -> {', '.join(new)}")
    tables = [_digests(row.inputs, outside=True) for row in (a, b)]
    words += [f"file {Path(n).name} changed" for n in sorted({*tables[0], *tables[1]}) if tables[0].get(n) != tables[1].get(n)]
    return "; ".join(words)


def _digests(inputs: list[str], *, outside: bool) -> dict[str, str]:
    """Path to digest of the files outside the run's folder (side tables), or else of those that the run made."""
    parts = (text.split(" ", 1) for text in inputs)
    made = ("counties/", "tiles/", "water/", "coastline/", "maps/")
    return {name: digest for name, digest in parts if name.startswith(made) != outside}


def _some(ids: set[str]) -> str:
    return ", ".join(sorted(ids)[:2]) + (" ..." if len(ids) > 2 else "") if ids else "-"


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _row(key: tuple, a: Any, b: Any, proof: Sequence[Any], known: Differences) -> dict[str, Any]:
    """One line of the comparison; rows and their evidence (``proof``) as named tuples, None where a run has no such cell."""
    either = a if a is not None else b
    line = dict(zip(KEY, key, strict=True)) | {"name": either.name, "unit": either.unit, "causes": "", "data": "", "configuration": "", "code": ""}
    for side, row in (("a", a), ("b", b)):
        line |= {f"value_{side}": math.nan if row is None else row.value, f"status_{side}": "" if row is None else row.status}
    line["difference"] = line["value_b"] - line["value_a"]
    if a is None or b is None:
        return line | {"change": "only in b" if a is None else "only in a", "configuration": known.configuration_of(key[2]), "code": known.code}
    parts = [
        *(["value"] if not _same(a.value, b.value) else []),
        *(["interval"] if not (_same(a.lower, b.lower) and _same(a.upper, b.upper)) else []),
        *(["status"] if a.status != b.status else []),
    ]
    if not parts:
        return line | {"change": "same"}
    causes = {"data": _data(*proof), "configuration": known.configuration_of(key[2]), "code": _code(*proof)}
    named = [name for name, words in causes.items() if words]
    return line | causes | {"change": " and ".join(parts), "causes": " or ".join(named) or "unexplained: no recorded cause"}


def _by_key(table: pd.DataFrame, values: pd.DataFrame) -> dict[tuple, Any]:
    """Rows of ``values`` as named tuples by the key of the same row of ``table``."""
    return dict(zip(zip(*(table[k] for k in KEY), strict=True), values.itertuples(index=False), strict=True))


def compare_runs(root_a: Path, root_b: Path) -> tuple[pd.DataFrame, Differences]:
    """The comparison, one row per cell of either run with COMPARISON_COLUMNS, and the differences of the runs.

    Where several causes are joined by ``or``, each could have changed the value. A changed key counts only where a step that leads to the indicator reads
    it. To separate the causes, change one at a time.

    Raises
    ------
    TableError, ConfigError : a run is not finished or its configuration cannot be read.
    """
    tables, proofs = zip(*(read_run(r) for r in (root_a, root_b)), strict=True)
    settings_a, settings_b = load(Layout(root_a).settings), load(Layout(root_b).settings)
    rows_a, rows_b = (_by_key(table, table) for table in tables)
    evidence = [_by_key(table, proof) for table, proof in zip(tables, proofs, strict=True)]
    first = [next(iter(e.values())) for e in evidence]
    known = Differences(changed_keys(settings_a, settings_b), _code(*first), (root_a, root_b), (settings_a, settings_b))
    lines = [_row(key, rows_a.get(key), rows_b.get(key), [e.get(key) for e in evidence], known) for key in dict.fromkeys([*rows_a, *rows_b])]
    return pd.DataFrame(lines, columns=list(COMPARISON_COLUMNS)), known


def write_comparison(root_a: Path, root_b: Path, path: Path) -> None:
    """Write the cells that differ as CSV, and print what changed and why."""
    table, known = compare_runs(root_a, root_b)
    changed = table[table.change != "same"]
    write_csv(changed, path)
    print_comparison(table, known, path)


def print_comparison(table: pd.DataFrame, known: Differences, path: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, changed = Console(highlight=False), table[table.change != "same"]
    console.print(f"{known.roots[0]} and {known.roots[1]}: {len(changed)} of {len(table)} cells changed", markup=False)
    console.print("configuration: " + ("; ".join(f"{k}: {w}" for k, w in known.keys.items()) or "the same"), markup=False)
    console.print("code: " + (known.code or "the same"), markup=False)
    counts = Table("indicator", "cells changed", "could be caused by")
    for (name, causes), group in changed.groupby(["indicator", "causes"]):
        row = (name, str(len(group)), causes or ", ".join(sorted(set(group.change))))
        counts.add_row(*map(Text, row))  # as plain text: foreign texts must not be read as markup
    if len(changed):
        console.print(counts)
        if changed.causes.str.contains(" or ").any():
            console.print("several things changed at once: each that is named could have moved the value; change one at a time to tell them apart")
    console.print(f"written: {path}", markup=False)
