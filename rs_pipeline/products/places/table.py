"""Step ``places``: what was seen of each watched place in each period, as a table and as a layer, and what is suspected there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyproj
from shapely.geometry.polygon import orient

from rs_pipeline.catalog.ledger import finest_pixel_m, nir_pixels_m
from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Estimate, Facts, limits_of, missing
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.layout import Layout
from rs_pipeline.products.baselines import of_season, target_ids
from rs_pipeline.products.findings import listed_findings
from rs_pipeline.products.land.facts import LandFacts
from rs_pipeline.products.land.model import land_model
from rs_pipeline.products.places.estimates import estimate_of
from rs_pipeline.products.places.events import events_in, number_of_events
from rs_pipeline.products.places.waters import PROXIES, proxy, read_waters, waters_in
from rs_pipeline.products.register import indicators_of_others
from rs_pipeline.products.watch import PLACE_ZONE, load_watched, targets_of
from rs_pipeline.region import load_units, owner_codes
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import read_grid

PLACE_INDICATORS = (
    "construction_land_area", "cropland_area", "tree_area", "grass_area", "wetland_area", "bare_area", "water_permanent_area", "water_seasonal_area",
    "fvc_growing_mean", "fvc_peak_trend", "converted_area", "natural_converted_area",
)  # fmt: skip
"""Indicators of units that are estimated for every place, whatever its kind."""

EVENTS = "events"
"""Row that counts the suspected findings of a place."""

OUTSIDE = "this place lies outside the maps of this run"

INNER_NEAR_M = 1.0
"""A place whose inner point lies within this distance of a unit counts as in it."""


@dataclass(frozen=True)
class PlaceSums:
    """Sums of the maps over all places, by period and place: what `Facts` of a place are made of; and the events and waters in the places."""

    settings: Settings
    places: gpd.GeoDataFrame
    events: pd.DataFrame
    """See `events_in`."""
    waters: pd.DataFrame
    """See `waters_in`."""

    @cached_property
    def area_m2(self) -> dict[str, float]:
        """Area of each place's whole polygon on the ellipsoid, also where it lies beyond the maps."""
        geod = pyproj.Geod(ellps="WGS84")
        parts = self.places.set_index("place_id").geometry.explode()
        areas = pd.Series([abs(geod.geometry_area_perimeter(orient(p))[0]) for p in parts], parts.index)
        return areas.groupby(level=0).sum().to_dict()

    @cached_property
    def _maps(self) -> dict[str, dict[str, dict]]:
        return {p.label: self._rows(Layout(self.settings.root).place_sums(p.label)) for p in self.settings.all_periods}

    @cached_property
    def _land(self) -> dict[str, dict[str, dict]]:
        return {p.label: self._rows(Layout(self.settings.root).place_land(p.label)) for p in self.settings.all_periods}

    def _rows(self, path: Path) -> dict[str, dict]:
        """Row of each place. Its area beyond the maps counts as land that was not observed."""
        found = {}
        for row in pd.read_parquet(path).to_dict("records"):
            place = row["zone"].removeprefix(PLACE_ZONE)
            whole = max(self.area_m2[place], row["area_m2"])
            beyond = {"land_m2": row["land_m2"] + whole - row["area_m2"]} if "land_m2" in row else {}
            found[place] = row | {"area_m2": whole, "mapped_m2": row["area_m2"]} | beyond
        return found

    @cached_property
    def _pixel_m(self) -> dict[str, float]:
        return nir_pixels_m(Layout(self.settings.root).scenes)

    def facts(self, place: str, period: str) -> Facts:
        """Facts of a place in the form of a unit's facts; changes are measured from the run's baseline."""
        settings, section = self.settings, self.settings.indicators
        periods, baseline = settings.all_periods, settings.baseline_label
        rows, years = {label: self._maps[label][place] for label in self._maps}, {p.label: p.middle_year for p in periods}
        pixel_m = {label: finest_pixel_m(self._pixel_m, row["scene_ids"]) for label, row in rows.items()}
        land = LandFacts(
            {"county": self._land[period][place]}, {"county": self._land[baseline][place]}, frozenset(), land_model().report["classes"], baseline=baseline
        )
        found = Facts(
            period,
            baseline,
            period == periods[-1].label,
            {"county": rows[period] | {"n_lost": len(rows[period]["lost_scene_ids"])}},
            rows[baseline],
            limits_of(section),
            section.max_lost_share,
            years=years,
            pixel_m=pixel_m,
            own={"land": land, "min_trend_years": settings.trend.min_years},
        )
        series = [p.label for p in of_season(settings.period(period), periods) if years[p.label] >= years[baseline] and found.as_fine(p.label)]
        return replace(found, yearly=[(years[label], rows[label]) for label in series])

    def estimates(self, place: str, period: str) -> Iterator[tuple[str, str, Estimate]]:
        """Name, unit and estimate of each of PLACE_INDICATORS and PROXIES of a place and period, and of the number of its events."""
        facts, labels = self.facts(place, period), [p.label for p in self.settings.all_periods]
        mapped, outside = facts.county["mapped_m2"] > 0, missing("insufficient_data", OUTSIDE)
        for name in PLACE_INDICATORS:
            unit = indicators_of_others("places")[name].unit
            yield name, "ha" if unit == "km2" else unit, estimate_of(name, facts) if mapped else outside
        for name, unit in PROXIES.items():
            yield name, unit, proxy(self.waters, place, period, name) if mapped else outside
        yield EVENTS, "count", number_of_events(self.events, place, period, labels) if mapped else outside


def place_rows(sums: PlaceSums) -> pd.DataFrame:
    """One row per place, period and indicator; columns as in ``places.csv``."""
    rows = []
    for place in sums.places.itertuples():
        for period in [p.label for p in sums.settings.all_periods]:
            for name, unit, estimate in sums.estimates(place.place_id, period):
                found = estimate.interval or Interval(math.nan)
                rows.append(
                    {
                        "place_id": place.place_id,
                        "kind": place.kind,
                        "name": place.name,
                        "adcode": place.adcode,
                        "target_ids": place.target_ids,
                        "period": period,
                        "indicator": name,
                        "value": found.value,
                        "unit": unit,
                        "lower": found.lower,
                        "upper": found.upper,
                        "interval": found.kind,
                        "observed_fraction": estimate.observed_fraction,
                        "reason": estimate.reason,
                    }
                )
    return pd.DataFrame(rows)


def converted_since(rows: pd.DataFrame) -> dict[str, str]:
    """Place to the first period from which on every period with a value has a lower bound of converted land above 0; empty where the last one has not.

    ``rows`` : those of `place_rows`, periods in time order.
    """
    known = rows[(rows.indicator == "converted_area") & rows.value.notna()]
    found = dict.fromkeys(rows.place_id, "")
    for place, group in known.groupby("place_id", sort=False):
        shown = (group.lower > 0).to_numpy()
        standing = shown[::-1].cumprod()[::-1].astype(bool)
        found[place] = group.period.to_numpy()[standing.argmax()] if standing.any() else ""
    return found


def latest_layer(places: gpd.GeoDataFrame, rows: pd.DataFrame, period: str) -> gpd.GeoDataFrame:
    """One row per place with the values of a period: ``<indicator>``, ``_lower``, ``_upper`` and ``_reason``."""
    now = rows[rows.period == period].set_index("place_id")
    columns: dict[str, pd.Series] = {}
    for name, group in now.groupby("indicator", sort=False):
        columns |= {name: group.value, f"{name}_lower": group.lower, f"{name}_upper": group.upper, f"{name}_reason": group.reason}
    table = places.assign(period=period, converted_since=places.place_id.map(converted_since(rows))).join(pd.DataFrame(columns), on="place_id")
    return gpd.GeoDataFrame(table[[*(c for c in table if c != "geometry"), "geometry"]], geometry="geometry", crs=places.crs)


def watched_places(settings: Settings) -> None:
    """Write ``places/places.csv``, one row per place, period and indicator; ``places/events.csv``, one row per place and suspected finding in it; and
    ``places/places.gpkg``, one row per place with the values of the last period.

    Areas in ha, cover in percent, changes since the run's baseline. A place that was hardly observed, or lies beyond the maps, has a reason instead of a value.
    """
    layout, found, crs, known = Layout(settings.root), load_watched(settings), read_grid(settings).crs, target_ids(settings)
    inner = gpd.GeoSeries(found.geometry.representative_point(), crs=found.crs).to_crs(crs)
    found = found.assign(adcode=owner_codes(inner, load_units(settings), INNER_NEAR_M), target_ids=[targets_of(kind, known) for kind in found.kind])
    ground = found.to_crs(crs)
    events = events_in(ground, listed_findings(layout.findings).to_crs(crs))
    sums = PlaceSums(settings, found, events, waters_in(ground, read_waters(layout.bodies, layout.quality).to_crs(crs)))
    rows = place_rows(sums)
    write_csv(rows, layout.places_table)
    write_csv(events, layout.place_events)
    write_layer(
        latest_layer(found.assign(area_ha=found.place_id.map(sums.area_m2) / 1e4), rows, settings.all_periods[-1].label),
        layout.places,
        "places",
        "MultiPolygon",
    )
