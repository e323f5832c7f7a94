"""What changed since an earlier run: verdicts of its ``indicators.csv`` beside those of this one."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.indicators.compare import KEY
from rs_pipeline.inputs.cells import code_text
from rs_pipeline.inputs.tables import TableRow, read_table
from rs_pipeline.publish.report.estimates import kind_key
from rs_pipeline.publish.report.quality import MAX_LISTED
from rs_pipeline.publish.report.text import Codes, number


def earlier_verdicts(settings: Settings) -> pd.DataFrame | None:
    """Rows against a target of the table that ``report.earlier_indicators`` names: KEY, status_before and value_before; None where it names none.

    Codes are padded to six digits, because spreadsheets remove leading zeros.

    Raises
    ------
    TableError : it cannot be read, a column is missing, a row is there twice, or a value is no number.
    """
    path = settings.report.earlier_indicators
    if path is None:
        return None
    seen: set[tuple[str, ...]] = set()

    def parse(row: TableRow) -> dict[str, Any] | None:
        if not row.text("target_id"):
            return None
        found = (row.code("adcode").zfill(6), row.code("period"), row.needed("indicator"), code_text(row.text("target_id")))
        if found in seen:
            raise row.fault(f"a second row of {', '.join(found)}", "indicator", "give indicators.csv of an earlier run as it was written")
        seen.add(found)
        return dict(zip(KEY, found, strict=True)) | {"status_before": row.needed("status"), "value_before": row.number_or_none("value")}

    rows = read_table(path, (*KEY, "value", "status"), settings.stated("report.earlier_indicators")).parsed(parse)
    return pd.DataFrame([r for r in rows if r], columns=[*KEY, "status_before", "value_before"])


def verdict_changes(settings: Settings, table: pd.DataFrame, periods: list[str], unit_codes: Codes) -> dict[str, Any] | None:
    """Rows against a target whose status differs from that in the earlier table; None where no earlier table is named. ``table`` : texts.

    ``rows`` : [unit, number of the period, key of the kind, status before, value before], newest periods first, at most MAX_LISTED; ``n`` all of
    them; ``compared`` how many rows both tables have, ``added`` how many the earlier one lacks.
    """
    earlier = earlier_verdicts(settings)
    if earlier is None:
        return None
    held = table[(table.target_id != "") & table.period.isin(periods)]
    both = held.merge(earlier, on=KEY, how="left")
    known = both.status_before.notna()
    changed = both[known & (both.status != both.status_before)]
    order = changed.assign(newest=-changed.period.map(periods.index)).sort_values("newest", kind="stable")
    rows = [
        [unit_codes[r.adcode], periods.index(r.period), kind_key(r.indicator, r.target_id), r.status_before, number(r.value_before)]
        for r in order.head(MAX_LISTED).itertuples()
    ]
    return {"compared": int(known.sum()), "added": int((~known).sum()), "n": len(changed), "rows": rows}
