"""Reads what the earlier steps wrote and sorts it by unit and period."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyogrio

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.estimate import Facts
from rs_pipeline.estimation.reference import ReferenceTable
from rs_pipeline.estimation.uncertainty import Thresholds
from rs_pipeline.layout import Layout
from rs_pipeline.products.land.facts import LandTable
from rs_pipeline.products.red_line.indicators import red_line_km2
from rs_pipeline.products.vegetation.field_plots import calibrations
from rs_pipeline.region import load_vector

REGION = "000000"
"""Code of the row for all units together."""

REGION_NAME = "All units"


@dataclass(frozen=True)
class Unit:
    """A county, or the region."""

    adcode: str
    name: str
    prefecture: str


def read_counties(settings: Settings) -> pd.DataFrame:
    """The tables of all periods, a row a unit, zone and period, with the region's rows (code REGION) added.

    Raises
    ------
    TableError : a period's table is missing or lacks columns.
    """
    tables = []
    for period in settings.all_periods:
        path = Layout(settings.root).counties(period.label)
        if not path.exists():
            raise TableError("the county statistics are not made yet", where=str(path), remedy="run `rs-pipeline zonal` for that period first")
        table = pd.read_parquet(path)
        missing = {"adcode", "name", "prefecture", "period", "zone", "area_m2", "n_scenes", "scene_ids", "maps", "fvc_peak_sigma", "fvc_peak_var_m4"} - set(table)
        if missing:
            raise TableError(f"columns are missing: {', '.join(sorted(missing))}", where=str(path), remedy="run `rs-pipeline zonal` again")
        if (table.adcode == REGION).any():
            raise TableError(f"the code {REGION} stands for the region", where=str(path), remedy="give the unit another code")
        tables += [table, region_rows(table)]
    return pd.concat(tables, ignore_index=True)


def region_rows(table: pd.DataFrame) -> pd.DataFrame:
    """One row a zone: sums of the units' areas and sums, the scenes of any of them, the standard error weighted by observed area."""
    sums = [c for c in table if c.endswith(("_m2", "_m4"))]
    rows = []
    for zone, group in table.groupby("zone", sort=False):
        scenes = sorted({s for ids in group.scene_ids for s in ids})
        weight = group.fvc_peak_observed_m2.where(group.fvc_peak_sigma.notna(), 0)
        sigma = (group.fvc_peak_sigma * weight).sum() / weight.sum() if weight.sum() > 0 else float("nan")
        rows.append(
            {"adcode": REGION, "name": REGION_NAME, "prefecture": "", "period": group.period.iloc[0], "zone": zone,
             **group[sums].sum().to_dict(), "fvc_peak_sigma": sigma, "scene_ids": scenes, "n_scenes": len(scenes),
             "maps": sorted({m for found in group.maps for m in found})}
        )  # fmt: skip
    return pd.DataFrame(rows)


def read_layer(path: Path, layer: str) -> pd.DataFrame | None:
    """Attributes of a layer; None where the run did not make the file."""
    return pyogrio.read_dataframe(path, layer=layer, read_geometry=False) if path.exists() else None


def read_bodies(path: Path) -> pd.DataFrame | None:
    """Inland water bodies with ``counted`` and ``ever_counted`` (in some period) as bool: an unseen body may still be a large one."""
    table = read_layer(path, "bodies")
    if table is None:
        return None
    if "kind" in table:
        table = table[table.kind != "sea"].copy()
    table["counted"] = table.counted.astype(bool)
    return table.assign(ever_counted=table.groupby("body_id").counted.transform("max"))


def _marked(path: Path, layer: str, settings: Settings, table: str, column: str, test: Callable) -> pd.DataFrame | None:
    """A layer without its geometry; where the side table is given, with the column ``test(features, the table's union)``."""
    side = getattr(settings.tables, table)
    if side is None or not path.exists():
        return read_layer(path, layer)
    features = pyogrio.read_dataframe(path, layer=layer)
    marks = load_vector(side, key=f"tables.{table}").to_crs(features.crs).union_all()
    return pd.DataFrame(features.assign(**{column: test(features, marks)}).drop(columns="geometry"))


def read_reaches(settings: Settings) -> pd.DataFrame | None:
    """Reaches of all periods; with polygons of towns also ``urban`` (bool): the middle of the reach lies in one."""
    return _marked(Layout(settings.root).reaches, "reaches", settings, "urban", "urban", lambda reaches, towns: reaches.centroid.within(towns))


def read_transects(settings: Settings) -> pd.DataFrame | None:
    """Transects; with restored coast also ``restored`` (bool): the transect crosses it."""
    return _marked(Layout(settings.root).transects, "transects", settings, "restored_coast", "restored", lambda transects, coast: transects.intersects(coast))


class _ByUnit:
    """Rows of a layer by (adcode, period), or by adcode for a layer without periods; the region has them all."""

    def __init__(self, table: pd.DataFrame | None):
        self.table = table
        if table is None:
            return
        self.has_period = "period" in table
        table = table.assign(adcode=table.adcode.astype(str))
        keys = ["adcode", "period"] if self.has_period else ["adcode"]
        self.groups = dict(list(table.groupby(keys)))
        self.whole = dict(list(table.groupby("period"))) if self.has_period else {}

    def of(self, adcode: str, period: str) -> pd.DataFrame | None:
        if self.table is None:
            return None
        if adcode == REGION:
            found = self.whole.get(period) if self.has_period else self.table
        else:
            found = self.groups.get((adcode, period) if self.has_period else (adcode,))
        return self.table.iloc[:0] if found is None else found


@dataclass(frozen=True)
class Run:
    """Everything the indicators of a run are computed from."""

    settings: Settings
    counties: pd.DataFrame

    @classmethod
    def read(cls, settings: Settings) -> Run:
        return cls(settings, read_counties(settings))

    @cached_property
    def units(self) -> list[Unit]:
        """The units by code, the region last."""
        table = self.counties[self.counties.zone == "county"].drop_duplicates("adcode")
        units = [Unit(r.adcode, r.name, r.prefecture) for r in table[["adcode", "name", "prefecture"]].itertuples(index=False)]
        return sorted(units, key=lambda u: (u.adcode == REGION, u.adcode))

    @cached_property
    def area_km2(self) -> float:
        """Area of the region in the first period."""
        rows = self.counties[(self.counties.adcode == REGION) & (self.counties.zone == "county")]
        return float(rows.area_m2.iloc[0]) / 1e6

    @cached_property
    def scenes(self) -> dict[tuple[str, str], list[str]]:
        """Ids of the scenes of a (adcode, period)."""
        rows = self.counties[self.counties.zone == "county"]
        return {(a, p): list(ids) for a, p, ids in zip(rows.adcode, rows.period, rows.scene_ids, strict=True)}

    @cached_property
    def maps(self) -> dict[tuple[str, str], list[str]]:
        """Fingerprints of the tile maps behind a (adcode, period)."""
        rows = self.counties[self.counties.zone == "county"]
        return {(a, p): list(found) for a, p, found in zip(rows.adcode, rows.period, rows.maps, strict=True)}

    def facts(self) -> Iterator[tuple[Unit, str, Facts]]:
        """(unit, period, facts) of every unit and period."""
        settings, layout = self.settings, Layout(self.settings.root)
        labels = [p.label for p in settings.all_periods]
        reaches, bodies = _ByUnit(read_reaches(settings)), _ByUnit(read_bodies(layout.bodies))
        transects = _ByUnit(read_transects(settings))
        red_line = red_line_km2(settings)
        section = settings.indicators
        limits = Thresholds(section.publish_fraction, section.scale_fraction, section.range_fraction)
        years = {p.label: p.middle_year for p in settings.all_periods}
        trends = {r["adcode"]: r for r in pd.read_parquet(layout.trend_counties).to_dict("records")} if layout.trend_counties.exists() else {}
        plots, references, land = calibrations(settings), ReferenceTable(settings), LandTable(settings)
        plain = self.counties.drop(columns=["scene_ids", "tiles", "maps"], errors="ignore")
        zones: dict[tuple[str, str], dict[str, dict]] = {}
        for row in plain.to_dict("records"):
            zones.setdefault((row["adcode"], row["period"]), {})[row["zone"]] = row
        for unit in self.units:
            for period in labels:
                yield unit, period, Facts(
                    period=period,
                    baseline=settings.baseline_label,
                    is_last=period == labels[-1],
                    zones=zones[unit.adcode, period],
                    base=zones[unit.adcode, settings.baseline_label]["county"],
                    reaches=reaches.of(unit.adcode, period),
                    bodies=bodies.of(unit.adcode, period),
                    transects=transects.of(unit.adcode, period),
                    has_grassland=settings.tables.grassland is not None,
                    has_lakes=settings.tables.lakes is not None,
                    official_coast_km=section.official_coast_km.get(unit.adcode),
                    years_since_baseline=years[period] - years[settings.baseline_label],
                    red_line_km2=red_line and (sum(red_line.values()) if unit.adcode == REGION else red_line.get(unit.adcode, 0.0)),
                    limits=limits,
                    trend=trends.get(unit.adcode),
                    yearly=[(years[label], zones[unit.adcode, label]["county"]) for label in labels],
                    min_trend_years=settings.trend.min_years,
                    plots=plots,
                    references=references.of(unit.adcode, period, is_region=unit.adcode == REGION),
                    base_references=references.of(unit.adcode, settings.baseline_label, is_region=unit.adcode == REGION),
                    land=land.of(unit.adcode, period),
                    false_discovery_rate=settings.trend.false_discovery_rate,
                )
