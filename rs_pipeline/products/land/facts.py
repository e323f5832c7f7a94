"""What the indicators of land cover are computed from: sums of the land map, and the gross domestic product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.products.land.gdp import read_gdp
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


class LandTable:
    """The sums of all periods of a run, by unit and period."""

    def __init__(self, settings: Settings):
        layout, self.baseline = Layout(settings.root), settings.baseline_label
        self.tables = frozenset(k for k, v in settings.tables if v is not None)
        self.gdp = read_gdp(settings.tables.gdp, settings.stated("tables.gdp"))
        tables = [_read(path) for path in (layout.land_counties(p.label) for p in settings.all_periods) if path.exists()]
        self.sums = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"adcode": [], "period": []})
        self.places = self.sums.groupby(["adcode", "period"]).indices

    def of(self, adcode: str, period: str) -> LandFacts | None:
        """Facts of a unit (or the region) and period; None where the run made no land map."""
        zones = self._zones(adcode, period)
        if not zones:
            return None
        model, base = land_model(), self._zones(adcode, self.baseline)
        gdp = (self.gdp.get((adcode, p)) for p in (period, self.baseline))
        return LandFacts(zones, base, self.tables, model.report["classes"], *gdp)


    def _zones(self, adcode: str, period: str) -> dict[str, Sums]:
        """Zone to its row; empty where there is none."""
        return {row["zone"]: row for row in self.sums.iloc[self.places.get((adcode, period), [])].to_dict("records")}


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    if not {"zone", "land_observed_m2"} <= set(table):
        raise TableError("columns are missing: zone, land_observed_m2", where=str(path), remedy="run `rs-pipeline land-zonal` again")
    return table


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``land``: `LandFacts` of the unit and period, None where the run made no land map."""
    return {"land": LandTable(settings).of}
