"""What the indicators of land cover are computed from: sums of the land map, and the gross domestic product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import InputSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, read_table
from rs_pipeline.layout import Layout
from rs_pipeline.products.land.model import land_model

Sums = Mapping[str, float]


@dataclass(frozen=True)
class LandFacts:
    """Of one unit and period."""

    zones: Mapping[str, Sums]
    """Zone to the sums of counties/land_<period>.parquet; a zone that the unit has nothing of is left out."""
    base: Mapping[str, Sums]
    """Likewise, of the baseline period."""
    tables: frozenset[str]
    """Keys of the section ``tables`` that are given."""
    accuracy: Mapping[str, Mapping[str, float]]
    """Class to users, producers and f1 (0-1), measured on simulated worlds."""
    gdp: float | None = None
    """In constant prices; None where the table does not say."""
    base_gdp: float | None = None


def read_gdp(path: Path | None, stated: InputSection = NOTHING_STATED) -> dict[tuple[str, str], float]:
    """Gross domestic product by (adcode, period); empty where ``path`` is None.

    Columns adcode, period, gdp: in prices of one year, whichever, and one unit for all.

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


class LandTable:
    """The sums of all periods of a run, by unit and period."""

    def __init__(self, settings: Settings):
        layout, self.baseline = Layout(settings.root), settings.baseline_label
        self.tables = frozenset(k for k, v in settings.tables if v is not None)
        self.gdp = read_gdp(settings.tables.gdp, settings.stated("tables.gdp"))
        self.sums: dict[tuple[str, str], dict[str, dict]] = {}
        for path in (layout.land_counties(p.label) for p in settings.all_periods):
            for row in pd.read_parquet(path).to_dict("records") if path.exists() else ():
                if "zone" not in row or "land_observed_m2" not in row:
                    raise TableError("columns are missing: zone, land_observed_m2", where=str(path), remedy="run `rs-pipeline land-zonal` again")
                self.sums.setdefault((row["adcode"], row["period"]), {})[row["zone"]] = row

    def of(self, adcode: str, period: str) -> LandFacts | None:
        """Facts of a unit (or the region) and period; None where the run made no land map."""
        zones = self.sums.get((adcode, period))
        if zones is None:
            return None
        model, base = land_model(), self.sums.get((adcode, self.baseline), {})
        gdp = (self.gdp.get((adcode, p)) for p in (period, self.baseline))
        return LandFacts(zones, base, self.tables, model.report["classes"], *gdp)


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``land``: `LandFacts` of the unit and period, None where the run made no land map."""
    return {"land": LandTable(settings).of}
