"""What the indicators of land cover are computed from: sums of the land map, and the gross domestic product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.products.land.accuracy import not_told
from rs_pipeline.products.land.gdp import read_gdp
from rs_pipeline.products.land.model import land_model
from rs_pipeline.products.settlements import rule_in_words

Sums = Mapping[str, float]


@dataclass(frozen=True)
class LandFacts:
    """Land facts of one unit and period."""

    zones: Mapping[str, Sums]
    """Zone to the sums of counties/land_<period>.parquet; zones that the unit has no part of are left out."""
    base: Mapping[str, Sums]
    """Likewise, of the baseline period."""
    tables: frozenset[str]
    """Keys of the section ``tables`` that are given."""
    accuracy: Mapping[str, Mapping]
    """Class to users, producers and f1 (0-1), measured on simulated worlds; under ``real`` the same on ``n`` real pixels of sources that were left out of
    the training."""
    gdp: float | None = None
    """In constant prices; None where the table does not say."""
    base_gdp: float | None = None
    settlements: str = ""
    """How settlements are drawn."""
    baseline: str = ""
    """Label of the period that ``base`` is of, and that conversion is measured from."""
    measured_from: Callable[[str], LandFacts | None] | None = field(default=None, repr=False)

    def since(self, baseline: str) -> LandFacts | None:
        """The same unit and period, conversion measured from another baseline; None where the run made no land map."""
        return self if self.measured_from is None or baseline == self.baseline else self.measured_from(baseline)


class LandTable:
    """The sums of all periods of a run, by unit and period."""

    def __init__(self, settings: Settings):
        layout, self.baseline = Layout(settings.root), settings.baseline_label
        self.tables = frozenset(k for k, v in settings.tables if v is not None)
        self.rule = rule_in_words(settings)
        self.gdp = read_gdp(settings.tables.gdp, settings.stated("tables.gdp"))
        tables = [_read(path) for path in (layout.land_counties(p.label) for p in settings.all_periods) if path.exists()]
        self.sums = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"adcode": [], "period": []})
        self.places = self.sums.groupby(["adcode", "period"]).indices
        self.changes = _conversions([layout.land_changes(p.label) for p in settings.all_periods])

    def of(self, adcode: str, period: str) -> LandFacts | None:
        """Facts of a unit (or the region) and period, measured from the run's baseline; None where the run made no land map."""
        return self.since(adcode, period, self.baseline)

    def since(self, adcode: str, period: str, baseline: str) -> LandFacts | None:
        """Likewise, measured from a baseline."""
        zones = self._zones(adcode, period)
        if not zones:
            return None
        changed = self.changes.get((adcode, period, baseline), {}) if baseline != self.baseline else {}
        gdp, base_gdp = (self.gdp.get((adcode, p)) for p in (period, baseline))
        return LandFacts(
            {zone: row | changed.get(zone, {}) for zone, row in zones.items()},
            self._zones(adcode, baseline),
            self.tables,
            land_model().report["classes"],
            gdp,
            base_gdp,
            self.rule,
            baseline,
            lambda label: self.since(adcode, period, label),
        )

    def _zones(self, adcode: str, period: str) -> dict[str, dict[str, float]]:
        """Zone to its row; empty where there is none."""
        return {row["zone"]: row for row in self.sums.iloc[self.places.get((adcode, period), [])].to_dict("records")}


def _conversions(paths: Iterable[Path]) -> dict[tuple[str, str, str], dict[str, dict[str, float]]]:
    """(adcode, period, baseline) to zone to its columns of conversion."""
    found: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {}
    for path in paths:
        table = pd.read_parquet(path) if path.exists() else pd.DataFrame()
        sums = [c for c in table if c.endswith("_m2") and c != "area_m2"]
        for row in table.to_dict("records"):
            found.setdefault((row["adcode"], row["period"], row["baseline"]), {})[row["zone"]] = {c: row[c] for c in sums}
    return found


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    if not {"zone", "land_observed_m2"} <= set(table):
        raise TableError("columns are missing: zone, land_observed_m2", where=str(path), remedy="run `rs-pipeline land-zonal` again")
    return table


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``land``: `LandFacts` of the unit and period, None where the run made no land map. ``settlements_unfit``: why the map of settlements cannot be used, an
    `Estimate`, None where it can: it is made of built-up land, which the land map must tell from other cover."""
    unfit = not_told(land_model().report["classes"], "built")
    return {"land": LandTable(settings).of, "settlements_unfit": lambda adcode, period: unfit}
