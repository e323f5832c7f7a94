"""Step ``write_accuracy``: all outputs of a run against the truth of its simulated world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.config import Settings, load
from rs_pipeline.errors import ConfigError
from rs_pipeline.indicators.targets import run_targets
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.products.coastline.findings import shore_findings
from rs_pipeline.products.findings import IN_ZONE
from rs_pipeline.products.heat.maps import HEAT
from rs_pipeline.products.land.classes import SHARES
from rs_pipeline.products.land.findings import land_findings
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.land.product import ZONE_TABLES
from rs_pipeline.products.sea import NEAR_SEA, sea_and_shore
from rs_pipeline.products.solar.maps import SOLAR
from rs_pipeline.products.spartina.county import tidal_ground
from rs_pipeline.products.spartina.maps import SPARTINA
from rs_pipeline.products.visits import middles
from rs_pipeline.region import BORDER_M, load_units, owner_codes
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.validation import (
    black_odorous,
    coastline,
    counties,
    dust,
    findings,
    heat,
    land,
    missing,
    radiometry,
    registration,
    settlements,
    solar,
    spartina,
    vegetation,
    verdicts,
    water,
)
from rs_pipeline.validation.truth import Score, Truth, combine, on_grid

SCORE_COLUMNS = ("product", "metric", "subset", "value", "unit", "n", "kind")

ASSESSED = ("suspected", "possible", "clear")
"""Classes of reaches that were assessed."""


def year_labels(settings: Settings, truth: Truth) -> dict[str, int]:
    """Label of each period that is one whole calendar year of the world to that year; others have no truth."""
    whole = {p.label: p.start.year for p in settings.all_periods if (p.start, p.end) == (date(p.start.year, 1, 1), date(p.start.year, 12, 31))}
    return {label: year for label, year in whole.items() if year in truth.years}


def score_run(layout: Layout, truth: Truth, settings: Settings | None = None) -> list[Score]:
    """Scores of every output of a run that exists and has a truth; years are combined (see `truth.combine`).

    Parameters
    ----------
    layout : where the run lies. truth : of the world it was made from.
    settings : of the run; read from its folder if None.

    Raises
    ------
    ConfigError : the run and the truth share no year, or no output of the run can be scored.
    RasterError : the pixels of a map are not those of the world.
    """
    settings = settings or load(layout.settings)
    labels = year_labels(settings, truth)
    if not labels:
        raise ConfigError(
            f"no period of the run is a whole year of the world ({truth.years[0]}-{truth.years[-1]})",
            where=str(layout.root),
            remedy="score the run with the truth of the world it was made from (--truth)",
        )
    yearly = [list(_maps(layout, truth, settings, label, year)) for label, year in labels.items()]
    scores = [*combine(yearly), *_reaches(layout, truth, labels), *_coast(layout, truth, labels), *_table(layout, truth, settings, labels)]
    scores += [*_findings(layout, truth, settings, labels), *_settlements(layout, truth), *_ledger(layout, truth)]
    if not scores:
        raise ConfigError(
            "the run has made nothing that can be scored",
            where=str(layout.root),
            remedy="finish the run first: `rs-pipeline run --config <config>`, or at least one `rs-pipeline mosaic`",
        )
    return scores


def _maps(layout: Layout, truth: Truth, settings: Settings, label: str, year: int) -> Iterator[Score]:
    """Scores of the maps of one period."""

    def band(product: str, name: str) -> Any:
        return on_grid(layout.map(product, label), name, truth.grid)

    made = {product: layout.map(product, label).is_file() for product in ("vegetation", "water", "black_odorous", "observations")}
    cover, wet = settings.vegetation.min_dates, settings.water.min_months
    if made["vegetation"]:
        peak, growing, sigma = (band("vegetation", name) for name in ("fvc_peak", "fvc_growing", "fvc_peak_sigma"))
        yield from vegetation.score_vegetation(peak, growing, truth, year, fvc_peak_sigma=sigma)
        if made["observations"]:
            yield from missing.score_missing_pixels("fvc_peak", peak, band("observations", "clear_peak"), cover)
            yield from missing.score_missing_pixels("fvc_growing", growing, band("observations", "clear_growing"), cover)
    if made["water"]:
        classes = band("water", "class")
        yield from water.score_water(band("water", "frequency"), classes, truth, year)
        if made["observations"]:
            yield from missing.score_missing_pixels("water", classes, band("observations", "clear_months"), wet)
    if layout.map(LAND, label).is_file():
        shares = _shares(layout, truth, label)
        yield from land.score_land(band(LAND, "class"), truth, year, shares=shares)
        yield from missing.score_missing_pixels(LAND, band(LAND, "class"), band(LAND, "n_dates"), settings.land.min_dates)
        baseline = year_labels(settings, truth).get(settings.baseline_label)
        if baseline not in (None, year) and layout.map(LAND, settings.baseline_label).is_file():
            yield from land.score_conversion(shares, _shares(layout, truth, settings.baseline_label), truth, year, baseline, settings.land_zones)
    if layout.map(HEAT, label).is_file():
        yield from heat.score_heat(band(HEAT, "anomaly_k"), truth, year, error_k=band(HEAT, "error_k"))
    if layout.map(SOLAR, label).is_file():
        yield from solar.score_solar(band(SOLAR, "share"), truth, year)
    if layout.map(SPARTINA, label).is_file() and layout.sea(label).is_file() and truth.shorelines is not None:
        found, ground = mapped_cordgrass(layout, truth, settings, label)
        yield from spartina.score_spartina(found, ground, truth, year)
    if made["black_odorous"]:
        yield from black_odorous.score_black_odorous_pixels(band("black_odorous", "class"), truth, year)
        if made["observations"]:
            yield from missing.score_missing_pixels("black_odorous", band("black_odorous", "probability"), band("observations", "clear_water"))


def mapped_cordgrass(layout: Layout, truth: Truth, settings: Settings, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Cordgrass as counties sum it, float32 (h, w): 1, 0 on other ground, NaN where not seen; and the tidal ground, bool (h, w)."""
    settings = settings.model_copy(update={"output": layout.root.parent, "run": layout.root.name})  # the folder of the run may have been moved
    margin = on_grid(layout.map(SPARTINA, label), "margin", truth.grid)
    _, near = sea_and_shore(settings, label, truth.grid)
    ground = tidal_ground({NEAR_SEA: near, "water.class": on_grid(layout.map("water", label), "class", truth.grid)})
    return np.where(np.isnan(margin), np.nan, ground & (margin >= 0)).astype("float32"), ground


def _shares(layout: Layout, truth: Truth, label: str) -> np.ndarray:
    return np.stack([on_grid(layout.map(LAND, label), name, truth.grid) for name in SHARES])


def read_objects(layout: Layout, truth: Truth, labels: dict[str, int]) -> gpd.GeoDataFrame:
    """Reaches and ponds in the form of `black_odorous.score_black_odorous`, with the classes of the satellite alone, without visits."""
    table = gpd.read_file(layout.reaches, layer="reaches").to_crs(truth.grid.crs)
    table = table[table.period.isin(labels)]
    return table.assign(
        period=table.period.map(labels).astype(str),
        flagged=table.satellite_class == "suspected",
        assessed=table.satellite_class.isin(ASSESSED),
        listed=table.satellite_class.isin(("suspected", "possible")),
    )


def _settlements(layout: Layout, truth: Truth) -> list[Score]:
    return settlements.score_settlements(on_grid(layout.settlements, "class", truth.grid), truth) if layout.settlements.is_file() else []


def settled_ground(layout: Layout, truth: Truth) -> np.ndarray:
    """Ground of the settlements that the run draws, bool (h, w)."""
    return on_grid(layout.settlements, "class", truth.grid) > 0


def _reaches(layout: Layout, truth: Truth, labels: dict[str, int]) -> list[Score]:
    return black_odorous.score_black_odorous(read_objects(layout, truth, labels), truth) if layout.reaches.is_file() else []


def read_shorelines(layout: Layout, truth: Truth, labels: dict[str, int]) -> gpd.GeoDataFrame:
    """Shorelines in the form of `coastline.score_lines`."""
    lines = gpd.read_file(layout.shorelines, layer="shorelines").to_crs(truth.grid.crs)
    lines = lines[lines.period.isin(labels)]
    return lines.assign(year=lines.period.map(labels).astype(int))


def _coast(layout: Layout, truth: Truth, labels: dict[str, int]) -> list[Score]:
    scores: list[Score] = []
    if layout.shorelines.is_file():
        lines = read_shorelines(layout, truth, labels)
        scores += coastline.score_lines(lines, truth)
        for sensor in sorted(set(lines.sensor.dropna())):
            scores += coastline.score_lines(lines, truth, sensor=sensor)
    if layout.transects.is_file():
        transects = gpd.read_file(layout.transects, layer="transects").to_crs(truth.grid.crs)
        scores += coastline.score_rates(transects, truth) + coastline.score_classes(transects, truth)
        scores += coastline.score_cross_checks(transects, truth, labels)
    return scores


def _findings(layout: Layout, truth: Truth, settings: Settings, labels: dict[str, int]) -> list[Score]:
    """Scores of the findings of the products, where the run's first and newest period have a truth."""
    settings = settings.model_copy(update={"output": layout.root.parent, "run": layout.root.name})  # the folder of the run may have been moved
    baseline, newest, scores = settings.baseline_label, settings.all_periods[-1].label, []
    if baseline == newest or not {baseline, newest} <= set(labels):
        return []
    if all(layout.map(LAND, p.label).is_file() for p in settings.all_periods) and (land := land_findings(settings)) is not None:
        found, section = land.to_crs(truth.grid.crs), settings.land_zones
        found = found.assign(adcode=owner_codes(middles(found.geometry), load_units(settings), BORDER_M))
        zones = [load_vector(settings, f"tables.{key}") for zone, key in ZONE_TABLES.items() if zone in IN_ZONE and getattr(settings.tables, key) is not None]
        scores += findings.score_land_findings(found, truth, labels[newest], labels[baseline], section, zones)
    if layout.transects.is_file() and (shores := shore_findings(settings)) is not None:
        scores += findings.score_reclamation(shores.to_crs(truth.grid.crs), truth, labels[baseline])
    return scores


def _table(layout: Layout, truth: Truth, settings: Settings, labels: dict[str, int]) -> list[Score]:
    if not layout.indicators_parquet.is_file():
        return []
    table = pd.read_parquet(layout.indicators_parquet)
    least = {name: settings.indicators.range_fraction for name in counties.TRUE_VALUES if name != "black_odorous_unassessable_length_km"}
    yearly = table[table.period.isin(labels)]
    yearly = yearly.assign(period=yearly.period.map(labels).astype(str))
    yearly = yearly.assign(baseline=yearly.baseline.map(labels).map(lambda year: "" if pd.isna(year) else str(int(year))))
    scores = counties.score_counties(yearly, truth, baseline=labels.get(settings.baseline_label))
    if truth.units is not None and layout.settlements.is_file():
        scores += dust.score_dust(yearly, settled_ground(layout, truth), truth)
    scores += verdicts.score_verdicts(table[table.period.isin(labels)], truth, settings, run_targets(settings), labels)
    return scores + missing.score_missing_counties(table, least)


def _ledger(layout: Layout, truth: Truth) -> list[Score]:
    if not (layout.scenes.is_file() and truth.world):
        return []
    scenes = pd.read_parquet(layout.scenes)
    manifests = [pd.read_parquet(p, columns=["scene_id", "status", "reason"]) for p in sorted((layout.root / "chips").glob("*/*/chips.parquet"))]
    chips = pd.concat(manifests, ignore_index=True) if manifests else None
    offsets = radiometry.true_offsets(truth.world)
    return radiometry.score_radiometry(scenes, truth.world, offsets, chips) + registration.score_registration(scenes, truth.world.get("displaced_m", {}))


def as_table(scores: list[Score]) -> pd.DataFrame:
    """Scores with SCORE_COLUMNS; ``kind`` says that they are of simulated data."""
    rows = [(s.product, s.metric, s.subset, s.value, s.unit, s.n, "simulated") for s in scores]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def write_scores(scores: list[Score], path: Path) -> None:
    """Write ``accuracy.csv``: UTF-8 with BOM, columns SCORE_COLUMNS; a score without data is empty with n 0."""
    write_csv(as_table(scores), path)


def print_scores(scores: list[Score]) -> None:
    """Print one table for each product on the terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for product in dict.fromkeys(s.product for s in scores):
        table = Table(title=f"{product} (simulated)", title_justify="left")
        for heading in ("subset", "metric", "value", "unit", "n"):
            table.add_column(heading, justify="right" if heading in ("value", "n") else "left")
        for s in sorted((s for s in scores if s.product == product), key=lambda s: s.subset != "all"):
            table.add_row(s.subset, s.metric, "-" if s.value != s.value else f"{s.value:.4g}", "" if s.unit == "1" else s.unit, str(s.n))
        console.print(table)


def write_accuracy(settings: Settings, truth_folder: Path | None = None) -> list[Score]:
    """Write ``accuracy.csv`` of a run and return its scores.

    Parameters
    ----------
    truth_folder : ``<world>/truth``; that of the run's own sample if None.

    Raises
    ------
    ConfigError : there is no truth, or nothing to score against it.
    """
    folder = truth_folder or (settings.simulation.path / "truth" if settings.simulation else None)
    if folder is None:
        raise ConfigError(
            "this run is of no simulated world, so it has no truth",
            where="simulation",
            remedy="only runs of a simulated world can be scored; give --truth <world>/truth if this is one",
        )
    layout, truth = Layout(settings.root), Truth(Path(folder))
    scores = score_run(layout, truth, settings)
    write_scores(scores, layout.accuracy)
    return scores
