"""The table of targets (one row a target sentence of the policy) and the table of official values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.products.register import products
from rs_pipeline.storage.tables import CsvRow, csv_rows

TARGET_COLUMNS = (
    "clause", "target_id", "topic", "description", "operator", "value", "unit", "baseline_year", "target_year",
    "scope", "observability", "product", "method", "caveat", "indicator",
)  # fmt: skip

OPERATORS = {
    ">=": "at least the number",
    ">": "more than the number",
    "<=": "at most the number",
    "<": "less than the number",
    "=": "the number, give or take the tolerance",
    "increase": "more than in the baseline year, by more than the number where one is given",
    "decrease": "less than in the baseline year, by more than the number where one is given",
    "no_decrease": "not less than in the baseline year, save for the number where one is given",
    "no_increase": "not more than in the baseline year, save for the number where one is given",
    "eliminate": "at most the number, zero where none is given",
    "qualitative": "words that no measurement can satisfy",
}

OBSERVABILITY = ("direct", "proxy", "needs_outside_table", "not_observable")


@dataclass(frozen=True)
class Target:
    """One target sentence."""

    clause: int
    """Clause of the document, 0 (preamble) to 28."""
    target_id: str
    topic: str
    description: str
    operator: str
    """One of OPERATORS."""
    value: float | None
    """The number, in ``unit``; None where the document prints none."""
    unit: str
    baseline_year: int | None
    target_year: int | None
    scope: str
    """Where the sentence holds: ``province``, ``all counties``, ..."""
    observability: str
    """One of OBSERVABILITY."""
    product: tuple[str, ...]
    """What it would be read from, e.g. ``fvc``, ``landcover``."""
    method: str
    caveat: str
    indicator: tuple[str, ...]
    """Names of the indicators that answer it; empty where none does."""
    tolerance: float
    """How far from the number ``=`` still holds."""


def target_tables(settings: Settings) -> list[Path]:
    """The run's table of targets, and those that products bring for their own indicators."""
    return [settings.targets_path, *(path for p in products().values() if (path := p.asset("targets.csv")))]


def load_targets(path: Path, indicators: Collection[str], more: Iterable[Path] = ()) -> list[Target]:
    """Read and check a table of targets.

    Parameters
    ----------
    path : UTF-8 CSV (with or without BOM) with TARGET_COLUMNS, and optionally ``tolerance``; ``more``: further ones.
    indicators : names of the indicators that a row may point to (several are separated by ``;``).

    Raises
    ------
    TableError : a column is missing, an id is repeated, or a cell cannot be used; file, row, column and remedy are named.
    """
    targets: dict[str, Target] = {}
    for row in chain.from_iterable(csv_rows(p, TARGET_COLUMNS) for p in (path, *more)):
        target = _target(row, indicators)
        if target.target_id in targets:
            raise row.fault(f"target_id {target.target_id!r} occurs twice", "target_id", "give every target its own id")
        targets[target.target_id] = target
    if not targets:
        raise TableError("the table has no targets", where=str(path), remedy="start from config/targets.csv")
    return list(targets.values())


def _target(row: CsvRow, indicators: Collection[str]) -> Target:
    clause = row.number_or_none("clause")
    if clause is None or clause != int(clause) or clause < 0:
        raise row.fault(f"{row.text('clause')!r} is not a clause", "clause", "write a whole number, 0 for the preamble")
    names = tuple(n.strip() for n in row.text("indicator").split(";") if n.strip())
    for name in names:
        if name not in indicators:
            raise row.fault(f"unknown indicator {name!r}", "indicator", f"choose from {', '.join(indicators)}, or leave the cell empty")
    tolerance = row.number_or_none("tolerance") or 0.0
    if tolerance < 0:
        raise row.fault("a tolerance cannot be negative", "tolerance", "write 0 or more")
    return Target(
        clause=int(clause),
        target_id=row.needed("target_id"),
        topic=row.text("topic"),
        description=row.needed("description"),
        operator=row.one_of("operator", OPERATORS),
        value=row.number_or_none("value"),
        unit=row.text("unit"),
        baseline_year=row.year_or_none("baseline_year"),
        target_year=row.year_or_none("target_year"),
        scope=row.text("scope"),
        observability=row.one_of("observability", OBSERVABILITY),
        product=tuple(p.strip() for p in row.text("product").split(";") if p.strip()),
        method=row.text("method"),
        caveat=row.text("caveat"),
        indicator=names,
        tolerance=tolerance,
    )


def load_values(path: Path | None, target_ids: Collection[str]) -> dict[tuple[str, str, str], Interval]:
    """Official values by (adcode, period, target_id), in the target's unit; empty where ``path`` is None.

    CSV columns adcode, period, target_id, value and optionally lower, upper. Bounds are read as ``range``: the table does not say
    what they are.

    Raises
    ------
    TableError : a column is missing, a target is unknown, a row is repeated, or a cell cannot be used.
    """
    values: dict[tuple[str, str, str], Interval] = {}
    for row in csv_rows(path, ("adcode", "period", "target_id", "value")) if path else ():
        key = (row.needed("adcode"), row.needed("period"), row.needed("target_id"))
        if key[2] not in target_ids:
            raise row.fault(f"unknown target {key[2]!r}", "target_id", "use an id of the table of targets, such as C10-02")
        if key in values:
            raise row.fault(f"a second value for {', '.join(key)}", "value", "keep one of them")
        row.needed("value")
        value, lower, upper = (row.number_or_none(c) for c in ("value", "lower", "upper"))
        if (lower is None) != (upper is None):
            raise row.fault("one bound without the other", "lower", "give both lower and upper, or neither")
        if lower is not None and not lower <= value <= upper:
            raise row.fault(f"{value} does not lie between {lower} and {upper}", "value", "check the three cells")
        values[key] = Interval(value) if lower is None else Interval(value, lower, upper, "range")
    return values
