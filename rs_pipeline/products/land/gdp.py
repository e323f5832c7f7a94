"""The table of the gross domestic product. A module of its own, so that the check at the start can read it without loading the classifier."""

from __future__ import annotations

from pathlib import Path

from rs_pipeline.config import InputSection
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, read_table


def read_gdp(path: Path | None, stated: InputSection = NOTHING_STATED) -> dict[tuple[str, str], float]:
    """Gross domestic product by (adcode, period); empty where ``path`` is None.

    Columns adcode, period, gdp. All values are in constant prices of one year and in one unit.

    Raises
    ------
    TableError : a column is missing, a row is repeated, or a number is not above 0.
    """
    found: dict[tuple[str, str], float] = {}

    def parse(row: TableRow) -> None:
        key, value = (row.code("adcode"), row.code("period")), row.number_or_none("gdp")
        if value is None or value <= 0:
            raise row.fault(f"{row.text('gdp')!r} is no gross domestic product", "gdp", "give a number above 0, in constant prices")
        if key in found:
            raise row.fault(f"a second value for {', '.join(key)}", "gdp", "keep one of them")
        found[key] = value

    if path:
        read_table(path, ("adcode", "period", "gdp"), stated).parsed(parse)
    return found
