"""The table of targets (one row per target sentence of the policy) and the table of official values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.config import InputSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.inputs.outside import known_target
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, read_table
from rs_pipeline.products.baselines import target_tables

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
    """Where the sentence applies: ``province``, ``all counties``, ..."""
    observability: str
    """One of OBSERVABILITY."""
    product: tuple[str, ...]
    """Map products from which it could be measured, e.g. ``fvc``, ``landcover``."""
    method: str
    caveat: str
    indicator: tuple[str, ...]
    """Names of the indicators that measure it; the first that has a value is judged. Empty where there are none."""
    tolerance: float
    """Largest difference from the number at which ``=`` still holds."""
    standard: str = ""
    """The standard for an official assessment, and what differs here; empty where the table does not say."""
    source: str = ""
    """Source of the number, or that the document prints none; empty where the table does not say."""


def load_targets(path: Path, indicators: Collection[str], more: Iterable[Path] = (), stated: InputSection = NOTHING_STATED) -> list[Target]:
    """Read and check a table of targets.

    Parameters
    ----------
    path : table with TARGET_COLUMNS, and optionally ``tolerance``, ``standard`` and ``source``. more : further tables, of products.
    indicators : names of the indicators that a row may point to (several are separated by ``;``).

    Raises
    ------
    TableError : a column is missing, an id is repeated, or a cell cannot be used; file, row, column and remedy are named.
    """
    targets: dict[str, Target] = {}

    def parse(row: TableRow) -> None:
        target = _target(row, indicators)
        if target.target_id in targets:
            raise row.fault(f"target_id {target.target_id!r} occurs twice", "target_id", "give every target its own id")
        targets[target.target_id] = target

    read_table(path, TARGET_COLUMNS, stated).parsed(parse)
    for other in more:
        read_table(other, TARGET_COLUMNS).parsed(parse)
    if not targets:
        raise TableError("the table has no targets", where=str(path), remedy="start from config/targets.csv")
    return list(targets.values())


def run_targets(settings: Settings) -> list[Target]:
    """The targets of a run."""
    path, *more = target_tables(settings)
    return load_targets(path, INDICATORS, more, settings.stated("indicators.targets"))


def target_units(settings: Settings) -> dict[str, str]:
    """Unit of each target of a run, by its id."""
    return {t.target_id: t.unit for t in run_targets(settings)}


def _target(row: TableRow, indicators: Collection[str]) -> Target:
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
        value=row.number_or_none("value", row.text("unit")),
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
        standard=row.text("standard"),
        source=row.text("source"),
    )


def run_values(settings: Settings) -> dict[tuple[str, str, str], Interval]:
    """The official values of a run (tables.values)."""
    return load_values(settings.tables.values, target_units(settings), settings.stated("tables.values"))


def load_values(path: Path | None, units: Mapping[str, str], stated: InputSection = NOTHING_STATED) -> dict[tuple[str, str, str], Interval]:
    """Official values by (adcode, period, target_id), in the target's unit; empty where ``path`` is None.

    Columns adcode, period, target_id, value and optionally lower, upper. Bounds are read as ``range``, because the table does
    not state their kind. ``units`` : id of each target to its unit.

    Raises
    ------
    TableError : a column is missing, a target is unknown, a row is repeated, or a cell cannot be used.
    """
    values: dict[tuple[str, str, str], Interval] = {}

    def parse(row: TableRow) -> None:
        key = (row.code("adcode"), row.code("period"), known_target(row, units))
        if key in values:
            raise row.fault(f"a second value for {', '.join(key)}", "value", "keep one of them")
        value = row.needed_number("value", units[key[2]])
        lower, upper = (row.number_or_none(c, units[key[2]]) for c in ("lower", "upper"))
        if (lower is None) != (upper is None):
            raise row.fault("one bound without the other", "lower", "give both lower and upper, or neither")
        if lower is not None and upper is not None and not lower <= value <= upper:
            raise row.fault(f"{value} does not lie between {lower} and {upper}", "value", "check the three cells")
        values[key] = Interval(value) if lower is None or upper is None else Interval(value, lower, upper, "range")

    if path:
        read_table(path, ("adcode", "period", "target_id", "value"), stated).parsed(parse)
    return values
