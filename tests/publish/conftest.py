"""A finished run in miniature: three counties, two periods, every kind of file, written by the real writers where they exist."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.catalog.orbits import ORBIT_COLUMNS
from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.findings import found_table
from rs_pipeline.products.register import period_maps, region_maps
from rs_pipeline.products.sea import sea
from rs_pipeline.products.vegetation.maps import TREND_BANDS, TREND_CLASS
from rs_pipeline.products.water.bodies import bodies
from rs_pipeline.publish.findings import listed
from rs_pipeline.publish.report import report
from rs_pipeline.region import grid as write_tiles
from rs_pipeline.region import load_units, run_grid
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.raster import write_cog
from rs_pipeline.storage.tables import write_csv, write_parquet

CRS = "EPSG:32650"
PERIODS = ("2022", "2023")
HOSTILE = "</script><script>alert(1)</script>"
REGION_CODE = "region"
MEASURED = {
    "fvc_peak_mean": "%", "water_permanent_area": "km2", "sea_area": "km2", "water_bodies": "count", "natural_coast_length_km": "km", "artificial_coast_length_km": "km",
    "estuary_length_km": "km", "black_odorous_length_km": "km",
}  # fmt: skip
UNITS = (("130201", "Lunan"), ("130202", HOSTILE), ("130203", "安新县"))
LEFT, BOTTOM, SIDE = 500_000.0, 4_300_000.0, 600.0


def settings_for(folder: Path, *, simulated: bool = True, coastline: bool = True) -> Settings:
    boxes = [shapely.box(LEFT + i * SIDE, BOTTOM, LEFT + (i + 1) * SIDE, BOTTOM + SIDE) for i in range(3)]
    units = gpd.GeoDataFrame({"adcode": [u[0] for u in UNITS], "name": [u[1] for u in UNITS], "prefecture": "Tangshan"}, geometry=boxes, crs=CRS)
    units.to_file(folder / "units.gpkg")
    return parse(
        {
            "run": "fake",
            "output": str(folder / "results"),
            "units": {"path": str(folder / "units.gpkg")},
            "periods": [int(p) for p in PERIODS],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "data/catalog"}],
            "grid": {"crs": CRS},
            "soil": {"dem": "data/heights.tif"},
            **({"simulation": {}} if simulated else {}),
            **({"coastline": {}} if coastline else {}),
        }
    )


def write_maps(settings: Settings) -> None:
    """All products and periods: a gradient, a lake, and a corner that was not observed."""
    write_tiles(settings)
    grid: Grid = run_grid(settings)
    rows, cols = np.mgrid[0 : grid.height, 0 : grid.width] / max(grid.shape)
    for period in PERIODS:
        lake = (cols - 0.5) ** 2 + (rows - 0.2) ** 2 < (0.1 if period == "2022" else 0.08) ** 2
        kind = np.where(lake, 1.0, np.where(cols > 0.93, 2.0, 0.0))
        for product in period_maps():
            layers = {
                "vegetation": [cols, cols * 0.8, np.full(grid.shape, 0.05), cols * 0.7, cols * 0.9],
                "water": [kind / 2, kind, kind / 3, kind / 1.5, kind == 1, kind * 0],
                "black_odorous": [np.where(lake, 0.95, np.nan), np.where(lake, 3.0, 0.0), np.where(lake, 8.0, 0.0)],
                "land": [1 + (6 * cols).round(), cols, np.full(grid.shape, 12.0), *([cols / 7] * 7)],
                "observations": [np.full(grid.shape, float(k)) for k in (30, 20, 9, 6, 11, 1, 0)],
                "soil_loss": [cols * 4000, cols * 6, cols * 0.5],
                "heat": [12 * cols - 3, np.full(grid.shape, 1.0), np.full(grid.shape, 4.0), (3 * cols).round()],
                "solar": [cols],
                "dust": [layer for k in range(3) for layer in ((2 * cols).round(), cols, np.full(grid.shape, 3.0 + k))],
                "spartina": [(2 * cols).round(), 2 * cols - 1, cols, np.full(grid.shape, 4.0)],
            }[product]
            stack = np.stack(layers).astype("float32")
            stack[:, :8, :8] = np.nan
            window = Window(0, 0, grid.width, grid.height)
            write_cog(Layout(settings.root).map(product, period), grid, iter([(window, stack)]), region_maps()[product].bands, {})


def write_trend(settings: Settings) -> None:
    """The trend of all periods: the west browns, the east greens."""
    write_tiles(settings)
    grid: Grid = run_grid(settings)
    slope = np.broadcast_to(np.linspace(-0.02, 0.02, grid.width, dtype="float32"), grid.shape)
    stack = np.stack([slope, slope - 0.01, slope + 0.01, np.full(grid.shape, 0.01), np.full(grid.shape, 6.0), np.sign(slope)]).astype("float32")
    pieces = iter([(Window(0, 0, grid.width, grid.height), stack)])
    write_cog(Layout(settings.root).trend_map, grid, pieces, [*TREND_BANDS, TREND_CLASS], {}, categorical=True)


def _indicator(adcode, name, period, indicator, value, unit, status, target=("", "", "", ""), reason="", observability="direct"):
    known = value == value
    return {
        "adcode": adcode,
        "name": name,
        "prefecture": "Tangshan",
        "period": period,
        "indicator": indicator,
        "value": value,
        "unit": unit,
        "lower": value * 0.9 if known else np.nan,
        "upper": value * 1.1 if known else np.nan,
        "interval": "model95" if known else "",
        "observed_fraction": 0.97,
        "n_scenes": 40,
        "status": status,
        "target_id": target[0],
        "target_operator": target[1],
        "target_value": target[2],
        "target_year": target[3],
        "clause": target[0][1:3].lstrip("0"),
        "observability": observability,
        "reason": reason,
        "level": "region" if adcode == REGION_CODE else "county",
        "slope_per_year": 0.8 if target[3] and known else np.nan,
        "slope_lower": np.nan,
        "slope_upper": np.nan,
    }


def write_indicators(settings: Settings) -> None:
    rows = []
    for i, (code, name) in enumerate((*UNITS, (REGION_CODE, "Whole region"))):
        for j, period in enumerate(PERIODS):
            rows.append(_indicator(code, name, period, "fvc_peak", 0.4 + 0.1 * i + 0.02 * j, "1", "no_target"))
            for k, (name_of, unit) in enumerate(MEASURED.items()):
                rows.append(
                    _indicator(code, name, period, name_of, 10 * k + 1.37 * i + 0.61 * j + 0.111, unit, "no_target")
                    | {"observed_fraction": 0.972 - 0.333 * (i % 3)}
                )
            grass = 70 + 5 * i + j
            rows.append(_indicator(code, name, period, "grassland_fvc", grass, "%", ("off_track", "undecidable", "met", "met")[i], ("C10-02", ">=", 75, 2035)))
            rows.append(
                _indicator(
                    code,
                    name,
                    period,
                    "black_odorous_reaches",
                    (np.nan, 2.0, 0.0, 2.0)[i],
                    "suspected reaches",
                    ("insufficient_data", "not_met", "met", "not_met")[i],
                    ("C06-01", "eliminate", 0, 2027),
                    "observed 0.31 < 0.50" if i == 0 else "",
                )
            )
            rows.append(
                _indicator(
                    code, name, period, "pm25", np.nan, "ug/m3", "not_observable", ("C05-02", "<=", "", 2027), "air at the ground is not seen", "not_observable"
                )
            )
            rows.append(
                _indicator(
                    code,
                    name,
                    period,
                    "red_line_area",
                    np.nan,
                    "km2",
                    "needs_table",
                    ("C01-01", ">=", 36390, 2035),
                    "tables.red_line is not given",
                    "needs_outside_table",
                )
            )
    write_csv(pd.DataFrame(rows), Layout(settings.root).indicators)


def write_scenes(settings: Settings) -> None:
    dates = pd.date_range("2022-01-10", "2023-12-20", periods=40, tz="UTC")
    status = np.array(["used"] * 34 + ["skipped"] * 4 + ["failed"] * 2)
    reason = np.array([""] * 34 + ["cloud cover 97 % > 90 %"] * 4 + ["asset red: HTTP 404 " + HOSTILE] * 2)
    frame = pd.DataFrame(
        {
            "scene_id": [f"S2A_{i}" for i in range(40)],
            "sensor": "earth-search-sentinel-2-l2a",
            "platform": "sentinel-2a",
            "datetime": dates,
            "status": status,
            "reason": reason,
            "offset": np.where(np.arange(40) % 3 == 0, -0.1, 0.0),
            "offset_decision": "flag and pixels agree",
            "offset_confidence": "high",
            "cloud_cover": 20.0,
        }
    )
    write_parquet(frame, Layout(settings.root).scenes)
    track = ("earth-search-sentinel-2-l2a", "sentinel-2a", 132, 10, 36, 34, 30, "2022-01-10", "2023-12-20", "2022-02-01;2022-02-11")
    pd.DataFrame([track], columns=list(ORBIT_COLUMNS)).to_csv(Layout(settings.root).orbits, index=False)
    chips = pd.DataFrame({"scene_id": ["S2A_1", "S2A_2"], "status": ["ok", "failed"], "reason": ["", "TIFF tile 3 cannot be decoded"]})
    write_parquet(chips, Layout(settings.root).chips("2022", "r000c000"))


def write_counties(settings: Settings) -> None:
    for period in PERIODS:
        rows = [
            {
                "adcode": code,
                "name": name,
                "zone": "county",
                "in_region": True,
                "area_m2": 360_000.0,
                "n_scenes": 30,
                "water_observed_m2": 350_000.0 - 120_000 * i,
                "fvc_peak_observed_m2": 300_000.0,
                "fvc_peak_sum_m2": 150_000.0,
                "water_permanent_m2": 30_000.0,
                "water_permanent_lower_m2": 25_000.0,
                "water_permanent_upper_m2": 36_000.0,
                "clear_dates_mean": 18.2,
                "clear_months_mean": 9.0,
            }
            for i, (code, name) in enumerate(UNITS)
        ]
        write_parquet(pd.DataFrame(rows), Layout(settings.root).counties(period))


def write_reaches(settings: Settings) -> None:
    rows = []
    for period in PERIODS:
        for k, (kind, probability) in enumerate((("suspected", 0.97), ("possible", 0.71), ("clear", 0.05), ("not_assessable", np.nan))):
            rows.append(
                {
                    "reach_id": f"R-{k}",
                    "period": period,
                    "kind": "river",
                    "adcode": UNITS[1][0],
                    "length_m": 200.0,
                    "width_m": 35.0 - 5 * k,
                    "width_class": "assessable",
                    "probability": probability,
                    "class": kind,
                    "satellite_class": kind,
                    "field": "",
                    "n_dates": 9,
                    "n_positive": 8 - 2 * k,
                    "n_months": 4,
                    "dates_seen": f"{period}-05-01;{period}-06-01",
                    "dates_positive": f"{period}-05-01",
                    "vetoes": "sediment:2;bloom:1" if k else "",
                    "optical_blackness": 1.5,
                    "lon": 117.005 + 0.001 * k,
                    "lat": 38.85,
                    "geometry": shapely.LineString([(LEFT + 50 * k, BOTTOM), (LEFT + 50 * k, BOTTOM + 200)]),
                }
            )
    path = Layout(settings.root).reaches
    path.parent.mkdir(parents=True, exist_ok=True)
    gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS).to_file(path, layer="reaches", driver="GPKG")


def write_coast(settings: Settings) -> None:
    layout = Layout(settings.root)
    layout.shorelines.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "period": p,
            "reference": "msl",
            "class": "natural",
            "certainty": "good",
            "edge_method": "fraction",
            "position_error_m": 9.0,
            "length_m": 1700.0,
            "sensor": "sentinel-2",
            "n_dates": 7,
            "geometry": shapely.LineString([(LEFT + x, BOTTOM + 60 + 20 * i + 15 * np.sin(x / 90)) for x in range(0, 1800, 20)]),
        }
        for i, p in enumerate(PERIODS)
    ]
    gpd.GeoDataFrame(lines, geometry="geometry", crs=CRS).to_file(layout.shorelines, layer="shorelines", driver="GPKG")
    transects = []
    for k in range(17):
        rate = 6 * np.sin(k / 3)
        transects.append(
            {
                "transect_id": f"T{k:03d}",
                "adcode": UNITS[min(2, k // 6)][0],
                "length_m": 100.0,
                "class": "eroding" if rate < -2 else "accreting" if rate > 2 else "stable",
                "unit_class": "natural" if k < 9 else "artificial",
                "natural_probability": 0.8,
                "nsm_m": rate * 2,
                "epr_m_yr": rate,
                "epr_sigma_m_yr": 1.0,
                "sce_m": 5.0,
                "lrr_m_yr": rate,
                "lrr_ci95_m_yr": 1.4,
                **{f"class_{p}": "natural" if k < 9 or (k == 9 and p == "2022") else "artificial" for p in PERIODS},
                "conversions": "artificial:2023" if k == 9 else "",
                "sen_m_yr": rate,
                "mk_p": 0.03,
                "geometry": shapely.LineString([(LEFT + 100 * k, BOTTOM + 200), (LEFT + 100 * k, BOTTOM)]),
            }
        )
    gpd.GeoDataFrame(transects, geometry="geometry", crs=CRS).to_file(layout.transects, layer="transects", driver="GPKG")


def write_findings(settings: Settings) -> None:
    """Black water that both periods show, and a fill of the last one, in the coordinates of the run."""
    rows = [
        {
            "kind": "black_odorous_water",
            "place": "R-0",
            "adcode": UNITS[1][0],
            "first_seen": "2022",
            "last_seen": "2023",
            "amount": 212.0,
            "unit": "m",
            "probability": 0.91,
            "against": "sediment:2;bloom:1",
        },
        {
            "kind": "new_reclamation",
            "adcode": UNITS[2][0],
            "first_seen": "2023",
            "last_seen": "2023",
            "amount": 23_400.0,
            "lower": 21_000.0,
            "upper": 26_000.0,
            "unit": "m2",
            "probability": 0.97,
            "against": "seen_in_one_period",
        },
    ]
    shapes = [shapely.LineString([(LEFT + 700, BOTTOM), (LEFT + 700, BOTTOM + 212)]), shapely.box(LEFT + 1300, BOTTOM + 100, LEFT + 1430, BOTTOM + 280)]
    townships = gpd.GeoDataFrame({"name": ["城关镇"]}, geometry=[shapely.box(LEFT + 1250, BOTTOM, LEFT + 1500, BOTTOM + 400)], crs=CRS).to_crs(4326)
    table = listed(found_table(rows, shapes, CRS), None, load_units(settings), settings.all_periods, townships=townships)
    write_layer(table, Layout(settings.root).findings, "findings")


def write_places(settings: Settings) -> None:
    """A village with cover and a finding in the last period, and a mine that nobody saw."""
    chief = {"village": ("V1", "fvc_growing_mean", "%", (None, 41.5)), "mine": ("M1", "bare_area", "ha", (None, None))}
    rows = []
    for kind, (place, indicator, unit, values) in chief.items():
        for period, value, n in zip(PERIODS, values, (0, 1), strict=True):
            plain = {"place_id": place, "kind": kind, "name": HOSTILE, "adcode": UNITS[0][0], "target_ids": "C19-05", "period": period}
            bounds = {"lower": None if value is None else value - 2, "upper": None if value is None else value + 2}
            rows.append(plain | {"indicator": indicator, "value": value, "unit": unit, "reason": "" if value else "no pixel with enough clear months"} | bounds)
            rows.append(plain | {"indicator": "events", "value": n, "unit": "count", "reason": ""})
    write_csv(pd.DataFrame(rows), Layout(settings.root).places_table)


def write_months(settings: Settings) -> None:
    """One named water over five months; the third is missing."""
    months = [f"2023-0{m}" for m in range(4, 9)]
    numbers = {c: [2.0, 3.0, None, 5.0, 6.0] for c in ("chlorophyll_mg_m3", "turbidity_fnu", "transparency_m", "official_class")}
    grades = {"floating_share_max": [0.0, 0.05, None, 0.2, 0.7], "bloom_grade": ["no bloom", "no evident bloom", "", "light bloom", "severe bloom"]}
    write_parquet(pd.DataFrame({"body_id": "place:白洋淀", "month": months} | numbers | grades), Layout(settings.root).quality_monthly)


def write_everything(settings: Settings) -> None:
    write_places(settings)
    write_maps(settings)
    write_indicators(settings)
    write_scenes(settings)
    write_counties(settings)
    write_reaches(settings)
    write_coast(settings)
    write_findings(settings)
    for period in PERIODS:
        sea(settings, period)
    bodies(settings)
    write_months(settings)


@pytest.fixture(scope="session")
def fake() -> SimpleNamespace:
    """Writers of the fake run's files, for tests that want only some of them."""
    return SimpleNamespace(
        settings_for=settings_for,
        write_maps=write_maps,
        write_trend=write_trend,
        write_indicators=write_indicators,
        write_scenes=write_scenes,
        write_counties=write_counties,
        write_findings=write_findings,
        write_everything=write_everything,
        units=UNITS,
        periods=PERIODS,
        hostile=HOSTILE,
    )


@pytest.fixture(scope="session")
def fake_run(tmp_path_factory) -> Settings:
    """A finished run with every kind of file; read only."""
    settings = settings_for(tmp_path_factory.mktemp("run"))
    write_everything(settings)
    return settings


@pytest.fixture(scope="session")
def fake_report(fake_run) -> Path:
    """The report of the finished run, made once; read only."""
    report(fake_run)
    return Layout(fake_run.root).report
