"""Fixtures of a made-up run of two counties and two years, small enough to check by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.config import EcologySection, parse
from rs_pipeline.estimation import error_model as errors
from rs_pipeline.estimation.error_model import Systematic
from rs_pipeline.estimation.estimate import Facts
from rs_pipeline.estimation.uncertainty import Thresholds
from rs_pipeline.indicators.targets import Target
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Scene
from rs_pipeline.products.baselines import other_baselines
from rs_pipeline.products.land.maps import SETTLEMENT_BANDS
from rs_pipeline.products.vegetation.county import CHANGES as VEGETATION_CHANGES
from rs_pipeline.products.water.county import CHANGES as WATER_CHANGES
from rs_pipeline.storage.raster import write_cog

KM2 = 1e6


def sums(**changes) -> dict:
    """100 km2, all seen, no baseline change: 10 km2 permanent (8-13) and 5 km2 seasonal water, cover 0.6 on the other 90 km2."""
    land = 90 * KM2
    row = {
        "area_m2": 100 * KM2,
        "land_m2": land,
        "n_scenes": 2,
        "fvc_peak_observed_m2": land,
        "fvc_peak_sum_m2": 0.6 * land,
        "fvc_peak_square_m2": 0.4 * land,
        "fvc_peak_sigma": 0.04,
        "fvc_growing_observed_m2": land,
        "fvc_growing_sum_m2": 0.5 * land,
        "fvc_growing_square_m2": 0.3 * land,
        "fvc_common_m2": land,
        "fvc_peak_change_sum_m2": 0.0,
        "greening_m2": 3 * KM2,
        "browning_m2": 1 * KM2,
        "water_observed_m2": 100 * KM2,
        "water_permanent_m2": 10 * KM2,
        "water_permanent_lower_m2": 8 * KM2,
        "water_permanent_upper_m2": 13 * KM2,
        "water_seasonal_m2": 5 * KM2,
        "water_ephemeral_m2": 0.0,
        "water_plants_m2": 0.0,
        "water_common_m2": 100 * KM2,
        "water_permanent_common_m2": 10 * KM2,
        "water_permanent_baseline_m2": 9 * KM2,
        "water_seasonal_common_m2": 5 * KM2,
        "water_seasonal_baseline_m2": 6 * KM2,
        "sea_m2": 0.0,
        "tidal_flat_m2": 0.0,
        "sea_common_m2": 0.0,
        "sea_baseline_m2": 0.0,
        "water_permanent_change_square_m2": 1.5 * KM2,
        "water_seasonal_change_square_m2": 2 * KM2,
        "sea_change_square_m2": 0.0,
        "sea_var_m4": 0.0,
        "tidal_flat_var_m4": 0.0,
        "sea_change_var_m4": 0.0,
        "fvc_peak_var_m4": 0.81 * KM2**2,
        "water_permanent_var_m4": 0.09 * KM2**2,
        "water_seasonal_var_m4": 0.16 * KM2**2,
        "water_permanent_change_var_m4": 0.25 * KM2**2,
        "water_seasonal_change_var_m4": 0.36 * KM2**2,
    }
    return row | changes


def land_sums(built_km2: float) -> dict:
    """100 km2, all seen, 50 of cropland; nothing uncertain."""
    areas = {"built": built_km2, "cropland": 50.0, "grass": 50.0 - built_km2, "disturbed": built_km2}
    names = ("built", "cropland", "tree", "grass", "wetland", "bare", "water", "disturbed", "natural")
    row = (
        {f"{n}_m2": areas.get(n, 0.0) * KM2 for n in names}
        | {f"{n}_uncertain_m2": 0.01 * KM2 for n in names}
        | {f"class_{n}_m2": areas.get(n, 0.0) * KM2 for n in names}
    )
    converted = {f"{k}converted{b}_m2": 0.0 for k in ("", "natural_") for b in ("", "_lower", "_upper")}
    return (
        row
        | converted
        | {
            "area_m2": 100 * KM2,
            "land_observed_m2": 100 * KM2,
            "settlements_known_m2": 100 * KM2,
            "common_m2": 100 * KM2,
            "built_common_m2": built_km2 * KM2,
            "built_baseline_m2": built_km2 * KM2,
            "built_change_square_m2": 0.5 * KM2,
        }
    )


def write_seen(layout: Layout, outline: shapely.Geometry) -> None:
    """A finding and a lake of one outline, EPSG:4326; the lake has proxies in 2024 alone."""
    finding = {"kind": "vegetation_lost", "finding_id": "V-1", "state": "new", "first_seen": "2024", "last_seen": "2024", "unit": "m2"}
    numbers = {"amount": 600.0, "lower": 500.0, "upper": 700.0, "probability": 0.9}
    lake = {"body_id": ["W"] * 2, "period": ["2023", "2024"]}
    for path, layer, columns in ((layout.findings, "findings", {k: [v] for k, v in (finding | numbers).items()}), (layout.bodies, "bodies", lake)):
        path.parent.mkdir(parents=True, exist_ok=True)
        inner = [outline] * len(next(iter(columns.values())))
        gpd.GeoDataFrame(columns, geometry=inner, crs=4326).to_file(path, layer=layer)
    proxies = {f"{name}{end}": v for name, v in (("turbidity_fnu", 8.0), ("chlorophyll_mg_m3", 12.0)) for end, v in (("", v), ("_p10", v / 2), ("_p90", 2 * v))}
    pd.DataFrame([{"body_id": "W", "period": "2024", "tli_chlorophyll": 52.0} | proxies]).to_parquet(layout.quality)


def reach_rows(*rows: tuple) -> pd.DataFrame:
    """(class, width_class, length_m) and, where it was visited, what was found to a table of reaches."""
    return pd.DataFrame([(*row, "")[:4] for row in rows], columns=["class", "width_class", "length_m", "field"]).assign(place="")


def transect_rows(*rows: dict) -> pd.DataFrame:
    """Transects of 100 m, natural for certain, stable, seen in 2023 and 2024, unless a row says otherwise."""
    plain = {
        "length_m": 100.0,
        "class": "stable",
        "unit_class": "natural",
        "natural_probability": 1.0,
        "distance_2023": 0.0,
        "distance_2024": 0.0,
        "error_2023": 3.0,
        "error_2024": 4.0,
        "lrr_m_yr": 0.5,
        "lrr_ci95_m_yr": 0.2,
        "step_m": 0.0,
        "converted_period": "",
        "converted_to": "",
    }
    table = pd.DataFrame([plain | r for r in rows], columns=list(plain))
    for period, (column, last) in product(("2023", "2024"), (("class", "unit_class"), ("natural_probability", "natural_probability"))):
        name = f"{column}_{period}"
        table[name] = [r.get(name, r.get(last, plain[last])) for r in rows]
    return table.assign(
        conversions=[r.get("conversions", f"{to}:{p}" if to else "") for r, to, p in zip(rows, table.converted_to, table.converted_period, strict=True)]
    )


def make_facts(county: dict | None = None, **changes) -> Facts:
    """Facts of one county in 2024, baseline 2023."""
    zones = {"county": sums() if county is None else county, **changes.pop("zones", {})}
    values = {
        "period": "2024",
        "baseline": "2023",
        "is_last": True,
        "zones": zones,
        "base": sums(water_permanent_lower_m2=9.5 * KM2, water_permanent_upper_m2=11 * KM2),
        "limits": Thresholds(),
        "years": {"2022": 2022.5, "2023": 2023.5, "2024": 2024.5},
    }
    own = {
        "reaches": None,
        "towns_drawn": "",
        "settlements_unfit": None,
        "bodies": None,
        "transects": None,
        "has_grassland": False,
        "has_lakes": False,
        "has_coast": False,
        "red_line": None,
        "trend": None,
        "plots": None,
        "land": None,
        "watched_kinds": frozenset(),
        "soil": None,
        "ecology": EcologySection(),
        "heat": None,
        "quality": None,
        "official_coast_km": None,
        "tide_doubt": "",
        "min_trend_years": 5,
        "false_discovery_rate": 0.05,
    }
    plain = {name: value for name, value in changes.items() if name not in own}
    return Facts(**(values | plain), own={name: changes.get(name, value) for name, value in own.items()})


def make_target(operator: str = ">=", value: float | None = 75.0, **changes) -> Target:
    plain = {
        "clause": 10,
        "target_id": "T",
        "topic": "t",
        "description": "d",
        "unit": "%",
        "baseline_year": None,
        "target_year": 2035,
        "scope": "all counties",
        "observability": "direct",
        "product": ("fvc",),
        "method": "m",
        "caveat": "",
        "indicator": (),
        "tolerance": 0.0,
    }
    return Target(**(plain | {"operator": operator, "value": value} | changes))


def write_grid(settings, grid: Grid) -> None:
    """``tiles.parquet`` of a run whose maps lie on a grid: one tile that covers it."""
    row = {
        "tile": "r000c000",
        "row": 0,
        "col": 0,
        "width": grid.width,
        "height": grid.height,
        "crs": grid.crs,
        "resolution_m": grid.resolution_m,
        "grid_left": grid.left,
        "grid_top": grid.top,
        "grid_width": grid.width,
        "grid_height": grid.height,
    }
    path = Layout(settings.root).tiles
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row]).to_parquet(path, index=False)


def write_settlements(settings, grid: Grid, kinds: np.ndarray) -> None:
    """Grid and map of settlements of a run: ``kinds`` (h, w) of 0 none, 1 village, 2 town."""
    write_grid(settings, grid)
    pieces = iter([(Window(0, 0, grid.width, grid.height), np.asarray(kinds, "float32")[None])])
    write_cog(Layout(settings.root).settlements, grid, pieces, SETTLEMENT_BANDS, {}, categorical=True)


class FakeRun:
    """Writes what the earlier steps would have written, and holds the settings that read it."""

    def __init__(self, folder, names=("Inland", "Coastal"), years=(2023, 2024), **sections):
        self.folder, self.names, self.years = folder, names, years
        self.codes = [f"13000{i + 1}" for i in range(len(names))]
        values = {
            "run": "fake",
            "output": str(folder),
            "units": {"path": str(folder / "units.gpkg")},
            "periods": list(years),
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder)}],
        }
        self.settings = parse(values | sections)
        self.layout = Layout(self.settings.root)
        self.changes: dict[tuple[str, int], dict] = {}
        self.grassland: list[tuple[str, str, dict]] = []
        if not (folder / "units.gpkg").exists():
            self._write_units(folder / "units.gpkg")

    def _write_units(self, path) -> None:
        boxes = [shapely.box(115 + i, 38, 116 + i, 39) for i in range(len(self.names))]
        gpd.GeoDataFrame({"adcode": self.codes, "name": list(self.names), "prefecture": "P"}, geometry=boxes, crs=4326).to_file(path)

    def counties(self) -> FakeRun:
        for year in self.years:
            rows = [self._row(c, n, year, "county", sums(**self.changes.get((c, year), {}))) for c, n in zip(self.codes, self.names, strict=True)]
            rows += [self._row(c, c, year, zone, sums(**values)) for c, zone, values in self.grassland]
            path = self.layout.counties(str(year))
            path.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_parquet(path)
            others = other_baselines(self.settings, str(year))
            changed = [
                {"adcode": r["adcode"], "prefecture": "P", "in_region": True, "zone": r["zone"], "period": str(year), "baseline": b}
                | {c: r[c] for c in (*VEGETATION_CHANGES, *WATER_CHANGES) if c in r}
                for b in others
                for r in rows
            ]
            pd.DataFrame(changed).to_parquet(self.layout.changes(str(year)))
        return self

    @staticmethod
    def _row(code, name, year, zone, values) -> dict:
        ids = [f"S2-{year}-{i}" for i in range(int(values["n_scenes"]))]
        return {
            "adcode": code,
            "name": name,
            "prefecture": "P",
            "in_region": True,
            "period": str(year),
            "zone": zone,
            "scene_ids": ids,
            "lost_scene_ids": [],
            "lost_reason": "",
            "tiles": ["r000c000"],
            "maps": [f"tiles/{year}/r000c000/water.tif sha256:0"],
            **values,
        }

    def land(self, built_km2: dict[int, float]) -> FakeRun:
        """Land cover of every county: built land by year, 50 km2 of cropland, the rest grass."""
        for year, built in built_km2.items():
            rows = [
                {"adcode": c, "name": c, "prefecture": "P", "zone": "county", "period": str(year), **land_sums(built)}
                for c in [*self.codes, "130000", "000000"]
            ]
            path = self.layout.land_counties(str(year))
            path.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_parquet(path)
            changed = [
                {
                    "adcode": r["adcode"],
                    "zone": "county",
                    "period": str(year),
                    "baseline": b,
                    "common_m2": 100 * KM2,
                    "built_common_m2": built * KM2,
                    "built_baseline_m2": built_km2[int(b)] * KM2,
                }
                for b in other_baselines(self.settings, str(year))
                for r in rows
            ]
            pd.DataFrame(changed).to_parquet(self.layout.land_changes(str(year)))
        return self

    def layer(self, path, layer: str, table: pd.DataFrame) -> FakeRun:
        path.parent.mkdir(parents=True, exist_ok=True)
        point = gpd.GeoDataFrame(table, geometry=[shapely.Point(0, 0)] * len(table), crs="EPSG:32650")
        point.to_file(path, layer=layer, driver="GPKG")
        return self

    def coast(self, *rows: dict, adcode: str = "130002") -> FakeRun:
        return self.layer(self.layout.transects, "transects", transect_rows(*rows).assign(adcode=adcode))


class PlainErrors(dict):
    """A table of errors with round numbers: one basis either way, less for shares of land and coast."""

    SMALL = {"greening_net": 0.02, "natural_coast_length_km": 0.1, "natural_coast_retention": 0.1}

    def get(self, name, default=None):
        k = self.SMALL.get(name, 1.0)
        return Systematic(k, k, 5, 40)


@pytest.fixture(scope="package")
def plain_errors():
    """The committed table changes with the products; the tests count with numbers of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(errors, "systematic_errors", PlainErrors)
        yield


@pytest.fixture
def fake_run(tmp_path):
    """Factory of FakeRun in a folder of its own."""
    return lambda **keywords: FakeRun(tmp_path, **keywords)


@pytest.fixture(scope="session")
def make():
    """The helpers above as attributes, since tests cannot import one another."""

    class Make:
        facts, target = staticmethod(make_facts), staticmethod(make_target)
        sums, reaches, transects = staticmethod(sums), staticmethod(reach_rows), staticmethod(transect_rows)

    return Make


@pytest.fixture
def make_scene():
    """A used scene of 1 July 2024."""

    def make_scene(scene_id, sensor, platform):
        return Scene(
            scene_id=scene_id,
            key=scene_id,
            sensor=sensor,
            collection="c",
            platform=platform,
            datetime=datetime(2024, 7, 1, tzinfo=UTC),
            solar_day=date(2024, 7, 1),
            processing_baseline="05.10",
            cloud_cover=1.0,
            sun_elevation_deg=60.0,
            sun_azimuth_deg=150.0,
            scale=1e-4,
            offset=-0.1,
            offset_decision="from the item",
            offset_confidence="high",
            status="used",
            reason="",
        )

    return make_scene
