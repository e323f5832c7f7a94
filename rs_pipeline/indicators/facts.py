"""Reads the results of earlier steps and groups them by unit and period."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from rs_pipeline.catalog.ledger import finest_pixel_m, nir_pixels_m
from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.estimate import Facts, limits_of
from rs_pipeline.estimation.reference import ReferenceTable
from rs_pipeline.estimation.zones import LEVELS, REGION, Unit
from rs_pipeline.layout import Layout
from rs_pipeline.products.baselines import of_season, other_baselines
from rs_pipeline.products.register import products, resolve, sampled_products
from rs_pipeline.region import counted_groups, load_units, prefecture_codes, with_totals


def read_counties(settings: Settings) -> pd.DataFrame:
    """The tables of all periods, one row per unit, zone and period, with the rows of prefectures and the region (code REGION) added.

    Raises
    ------
    TableError : a period's table is missing or lacks columns.
    """
    tables: list[pd.DataFrame] = []
    known: dict[tuple[str, ...], list[str]] = {}
    for period in settings.all_periods:
        path = Layout(settings.root).counties(period.label)
        if not path.exists():
            raise TableError("the county statistics are not made yet", where=str(path), remedy="run `rs-pipeline zonal` for that period first")
        table = pd.read_parquet(path)
        missing = {
            "adcode",
            "name",
            "prefecture",
            "in_region",
            "period",
            "zone",
            "area_m2",
            "n_scenes",
            "scene_ids",
            "lost_scene_ids",
            "lost_reason",
            "maps",
            "fvc_peak_sigma",
            "fvc_peak_var_m4",
        } - set(table)
        if missing:
            raise TableError(f"columns are missing: {', '.join(sorted(missing))}", where=str(path), remedy="run `rs-pipeline zonal` again")
        if (table.adcode == REGION).any():
            raise TableError(f"the code {REGION} stands for the region", where=str(path), remedy="give the unit another code")
        for column in ("scene_ids", "maps"):
            table[column] = [_shared(found, known) for found in table[column]]
        tables += [table[table.adcode != ""].drop(columns="tiles", errors="ignore").assign(level="county")]
        for code, name, prefecture, counted in counted_groups(table, prefecture_codes(table)):
            tables.append(total_rows(counted, Unit(code, name, prefecture, "region" if code == REGION else "prefecture")))
    return pd.concat(tables, ignore_index=True)


class Changes:
    """Sums of changes since other baselines than the run's, by unit, prefecture or region, and period, zone and baseline.

    A province has hundreds of thousands of these numbers: they stay in one table, and a row becomes a mapping when it is read.
    """

    def __init__(self, settings: Settings):
        """Raises TableError where the table of a period with such a baseline is missing."""
        units, tables = load_units(settings), []
        for period in [p.label for p in settings.all_periods if other_baselines(settings, p.label)]:
            path = Layout(settings.root).changes(period)
            if not path.exists():
                raise TableError("the changes of counties are not made yet", where=str(path), remedy="run `rs-pipeline zonal` for that period first")
            table = pd.read_parquet(path)
            sums = [c for c in table if c.endswith(("_m2", "_m4"))]
            whole = with_totals(table, sums, prefecture_codes(units), by=["zone", "baseline"])
            tables.append(whole[["adcode", "zone", "baseline", *sums]].assign(period=period))
        keys = ["adcode", "period", "zone", "baseline"]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=keys)
        self._row = {key: i for i, key in enumerate(table[keys].itertuples(index=False, name=None))}
        self._sums = table.drop(columns=keys)

    def of(self, adcode: str, period: str, zone: str, baseline: str) -> dict[str, float]:
        """Column to sum; empty where there is no such row."""
        row = self._row.get((adcode, period, zone, baseline))
        return {} if row is None else self._sums.iloc[row].to_dict()


def _shared(found: Iterable[str], known: dict[tuple[str, ...], list[str]]) -> list[str]:
    """One list object for all lists with the same texts, to save memory: units of one tile have the same scenes and maps."""
    texts = tuple(map(sys.intern, found))
    return known.setdefault(texts, list(texts))


def total_rows(counted: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    """Rows of a prefecture or the region, one per zone: totals of the columns of sums, the union of the scenes, and the standard error weighted by
    observed area. ``counted`` : its rows that are ``in_region``, in which overlapping units are represented by their union."""
    sums = [c for c in counted if c.endswith(("_m2", "_m4"))]
    rows = []
    for zone, group in counted.groupby("zone", sort=False):
        scenes, lost = (sorted({s for ids in group[name] for s in ids}) for name in ("scene_ids", "lost_scene_ids"))
        weight = group.fvc_peak_observed_m2.where(group.fvc_peak_sigma.notna(), 0)
        sigma = (group.fvc_peak_sigma * weight).sum() / weight.sum() if weight.sum() > 0 else float("nan")
        reasons = Counter(group.lost_reason[group.lost_reason != ""])
        rows.append(
            {
                "adcode": unit.adcode,
                "name": unit.name,
                "prefecture": unit.prefecture,
                "level": unit.level,
                "period": group.period.iloc[0],
                "zone": zone,
                **group[sums].sum().to_dict(),
                "fvc_peak_sigma": sigma,
                "scene_ids": scenes,
                "n_scenes": len(scenes),
                "lost_scene_ids": lost,
                "lost_reason": reasons.most_common(1)[0][0] if reasons else "",
                "maps": sorted({m for found in group.maps for m in found}),
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Run:
    """The input of the indicators of a run."""

    settings: Settings
    counties: pd.DataFrame

    @classmethod
    def read(cls, settings: Settings) -> Run:
        return cls(settings, read_counties(settings))

    @cached_property
    def units(self) -> list[Unit]:
        """The units by code, then the prefectures, then the region."""
        table = self.counties[self.counties.zone == "county"].drop_duplicates("adcode")
        units = [Unit(r.adcode, r.name, r.prefecture, r.level) for r in table[["adcode", "name", "prefecture", "level"]].itertuples(index=False)]
        return sorted(units, key=lambda u: (LEVELS.index(u.level), u.adcode))

    @cached_property
    def area_km2(self) -> float:
        """Area of the region in the first period."""
        rows = self.counties[(self.counties.adcode == REGION) & (self.counties.zone == "county")]
        return float(rows.area_m2.iloc[0]) / 1e6

    @cached_property
    def scenes(self) -> dict[tuple[str, str], list[str]]:
        """(adcode, period) to the ids of its scenes."""
        rows = self.counties[self.counties.zone == "county"]
        return {(a, p): ids for a, p, ids in zip(rows.adcode, rows.period, rows.scene_ids, strict=True)}

    @cached_property
    def maps(self) -> dict[tuple[str, str], list[str]]:
        """(adcode, period) to the fingerprints of its tile maps."""
        rows = self.counties[self.counties.zone == "county"]
        return {(a, p): found for a, p, found in zip(rows.adcode, rows.period, rows.maps, strict=True)}

    def facts(self) -> Iterator[tuple[Unit, str, Facts]]:
        """(unit, period, facts) of every unit and period, unit by unit."""
        settings = self.settings
        periods, baseline = settings.all_periods, settings.baseline_label
        labels = [p.label for p in periods]
        section = settings.indicators
        limits = limits_of(section)
        years = {p.label: p.middle_year for p in periods}
        series = {p.label: [like.label for like in of_season(p, periods)] for p in periods}
        own = {name: of for p in products().values() if p.facts for name, of in resolve(p.facts)(settings).items()}
        references = ReferenceTable(settings, sampled_products())
        plain = self.counties.assign(n_lost=self.counties.lost_scene_ids.map(len)).drop(
            columns=["scene_ids", "lost_scene_ids", "tiles", "maps"], errors="ignore"
        )
        nir_m = nir_pixels_m(Layout(settings.root).scenes)
        places, changes = plain.groupby("adcode", sort=False).indices, Changes(settings)

        def measures(code: str) -> Callable[[str, str], Facts]:
            """A function of (period, baseline) that gives the facts of a unit. It binds the unit's own data, so it may be called at any time."""
            is_region = code == REGION
            zones: dict[str, dict[str, dict[str, Any]]] = {}
            for row in plain.iloc[places[code]].to_dict("records"):
                zones.setdefault(row["period"], {})[row["zone"]] = row
            pixel_m = {label: finest_pixel_m(nir_m, self.scenes[code, label]) for label in labels}

            def measured(period: str, since: str) -> Facts:
                here = zones[period]
                if since != baseline:
                    here = {zone: row | changes.of(code, period, zone, since) for zone, row in here.items()}
                facts = Facts(
                    period=period,
                    baseline=since,
                    is_last=period == labels[-1],
                    max_lost_share=section.max_lost_share,
                    zones=here,
                    base=zones[since]["county"],
                    limits=limits,
                    years=years,
                    pixel_m=pixel_m,
                    references=references.of(code, period, is_region=is_region),
                    base_references=references.of(code, since, is_region=is_region),
                    own={name: of(code, period) for name, of in own.items()},
                    measured=measured,
                )
                compared = [label for label in series[period] if years[label] >= years[since] and facts.as_fine(label)]
                return replace(facts, yearly=[(years[label], zones[label]["county"]) for label in compared])

            return measured

        for unit in self.units:
            measured = measures(unit.adcode)
            for period in labels:
                yield unit, period, measured(period, baseline)
