"""Attacks on the separation of sea and land: points in no tile, two coasts, water maps that do not exist yet, and real and apparent rises of cover.

The runs are maps of 3 km by 2 km, made by hand, so that the correct result of every step can be counted.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.windows import Window

from benchmarks.attack import Attack
from rs_pipeline.config import Settings, parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, MapBand
from rs_pipeline.products.land.zonal import bank
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import SEA, read_sea, sea
from rs_pipeline.products.vegetation.county import county_sums as cover_sums
from rs_pipeline.products.vegetation.greening import last_land
from rs_pipeline.products.water.county import county_sums as water_sums
from rs_pipeline.region import grid as write_tiles
from rs_pipeline.storage.raster import write_cog, write_map
from rs_pipeline.tiles import read_tiles

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 300, 200)
EAST, WEST = 250, 50
"""Columns of the two shores; the seas are east of EAST and west of WEST."""


def run_of(folder: Path, points: list[tuple[float, float]] = ()) -> Settings:
    """A run of a county with two shores and their reference line; its water: both seas, and between them a pond of 1 km2, larger than either."""
    unit = gpd.GeoDataFrame({"adcode": ["130001"], "name": ["a"], "prefecture": ["p"]}, geometry=[shapely.box(*GRID.bounds)], crs=GRID.crs)
    unit.to_file(folder / "units.gpkg")
    shores = [shapely.LineString([(GRID.left + 10 * c, GRID.top), (GRID.left + 10 * c, GRID.top - 2000)]) for c in (WEST, EAST)]
    gpd.GeoDataFrame(geometry=shores, crs=GRID.crs).to_file(folder / "line.gpkg")
    settings = parse(
        {
            "run": "sea",
            "output": str(folder),
            "units": {"path": str(folder / "units.gpkg")},
            "periods": [2023, 2024],
            "grid": {"crs": GRID.crs},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder)}],
            "coastline": {"reference": str(folder / "line.gpkg"), "sea_points": list(points), "max_distance_m": 500},
        }
    )
    write_tiles(settings)
    return settings


def waters() -> np.ndarray:
    """Classes of water: the two seas, and a pond of 100 x 100 pixels."""
    kind = np.zeros(GRID.shape)
    kind[:, EAST:] = kind[:, :WEST] = kind[50:150, 100:200] = 1
    return kind


def put(settings: Settings, period: str, kind: np.ndarray) -> None:
    bands: tuple[MapBand, ...] = region_maps()["water"].bands
    layers = {b.name: np.where(np.isnan(kind), np.nan, 0) for b in bands} | {"class": kind, "permanent_fraction": np.where(np.isnan(kind), np.nan, kind == 1)}
    layers = {name: layer.astype("float32") for name, layer in layers.items()}
    pieces = iter([(Window(0, 0, GRID.width, GRID.height), np.stack([layers[b.name] for b in bands]))])
    write_cog(Layout(settings.root).map("water", period), GRID, pieces, bands, {})
    write_map(Layout(settings.root).tile_map(period, read_tiles(settings)[0].id, "water"), GRID, layers, bands, {})
    sea(settings, period)


def bands_of(settings: Settings, period: str, kind: np.ndarray, cover: np.ndarray | float = 0.5, sigma: float = 0.08) -> dict[str, np.ndarray]:
    """Bands of a tile that are summed by county."""
    one = np.ones(GRID.shape, "float32")
    names = [*(f"water.{b.name}" for b in region_maps()["water"].bands), *(f"vegetation.{b.name}" for b in region_maps()["vegetation"].bands)]
    wet = (kind == 1).astype("float32")
    known = {"water.class": kind, SEA: read_sea(settings, period, GRID), "vegetation.fvc_peak": cover * one, "vegetation.fvc_peak_sigma": sigma * one}
    return {name: 0 * one for name in names} | {f"water.{n}": wet for n in ("frequency", "frequency_lower", "frequency_upper", "permanent_fraction")} | known


def far_points(folder: Path) -> str:
    try:
        put(run_of(folder, [(119.9, 39.5), (118.0, 38.7)]), "2023", waters())
    except ConfigError as fault:
        assert "coastline.sea_points.0: 119.9, 39.5" in str(fault) and "lies in no tile" in str(fault), fault
        return str(fault)
    raise AssertionError("points that lie in no tile were taken")


def two_coasts(folder: Path) -> str:
    settings, kind = run_of(folder), waters()
    put(settings, "2023", kind)
    found = read_sea(settings, "2023", GRID)
    seen = [int(found[:, part].sum()) for part in (slice(0, WEST), slice(EAST, None), slice(WEST, EAST))]
    assert seen == [WEST * 200, (300 - EAST) * 200, 0], seen
    banks = bank(kind == 1, found, settings.land_zones, 10.0)
    assert not banks[:, : WEST - 5].any() and not banks[:, EAST + 5 :].any() and not banks[:40, EAST - 5 :].any() and banks[50, 95:100].any()
    return f"pixels of the western sea, the eastern and elsewhere: {seen}; no bank along either, {banks.sum()} pixels around the pond"


def inland_water(folder: Path) -> str:
    settings, before, now = run_of(folder), waters(), waters()
    now[:, EAST : EAST + 20] = 0  # reclaimed
    now[50:150, 190:200] = 0  # a tenth of the pond is filled
    put(settings, "2023", before)
    put(settings, "2024", now)
    layers = {p: water_sums(settings, bands_of(settings, p, k), bands_of(settings, "2023", before)).layers for p, k in (("2023", before), ("2024", now))}
    area = {p: np.nansum(found["water_permanent_m2"]) / 1e4 for p, found in layers.items()}
    change = (np.nansum(layers["2024"]["water_permanent_common_m2"]) - np.nansum(layers["2024"]["water_permanent_baseline_m2"])) / 1e4
    at_sea = (np.nansum(layers["2024"]["sea_common_m2"]) - np.nansum(layers["2024"]["sea_baseline_m2"])) / 1e4
    assert area == {"2023": 1.0, "2024": 0.9} and np.isclose(change, area["2024"] - area["2023"]) and np.isclose(at_sea, -0.4), (area, change, at_sea)
    return f"inland {area['2023']:.2f} and {area['2024']:.2f} km2, change {change:+.2f}; sea {at_sea:+.2f} km2"


def newest_year(folder: Path) -> str:
    settings, kind = run_of(folder), waters()
    put(settings, "2023", kind)
    put(settings, "2024", np.full(GRID.shape, np.nan))
    land = last_land(settings, read_tiles(settings)[0])
    assert land.sum() == (kind == 0).sum(), (int(land.sum()), int((kind == 0).sum()))
    return f"{land.sum() / 100:.0f} ha of land while the newest year has no map of water, {land.size / 100:.0f} ha in all"


def risen_cover(folder: Path) -> str:
    settings, kind, rng = run_of(folder), np.zeros(GRID.shape), np.random.default_rng(1)
    put(settings, "2023", kind)
    shares = {}
    for rise in (0.0, 0.15):
        now, base = (bands_of(settings, "2023", kind, 0.4 + more + rng.normal(0, 0.032, GRID.shape)) for more in (rise, 0.0))
        found = cover_sums(settings, now, base).layers
        shares[rise] = [float(np.nansum(found[f"{way}_m2"]) / kind.size) for way in ("greening", "browning")]
    assert shares[0.15][0] > 0.95 and shares[0.15][1] == 0 and sum(shares[0.0]) < 0.01, shares
    return "; ".join(f"a rise of {rise}: {up:.1%} greened, {down:.1%} browned" for rise, (up, down) in shares.items())


def creeks(folder: Path) -> str:
    from rs_pipeline.estimation.estimate import Facts
    from rs_pipeline.estimation.uncertainty import Thresholds
    from rs_pipeline.indicators.values import INDICATORS, estimate_indicator

    county = {"area_m2": 1e6, "water_observed_m2": 1e6, "n_scenes": 9}
    none = pd.DataFrame({"class": [], "width_class": [], "length_m": []})
    facts = Facts(period="2024", baseline="2023", is_last=True, zones={"county": county}, base=county, limits=Thresholds(), own={"reaches": none})
    got = estimate_indicator(INDICATORS["black_odorous_unassessable_length_km"], facts)
    assert got.interval is None and "not known" in got.reason, got
    return f"{got.status}: {got.reason}"


ATTACKS = (
    Attack("sea points in no tile", "They are refused with their place and a remedy.", far_points),
    Attack("two coasts and no point", "Both seas are found, a larger pond is none, and no sea has a bank.", two_coasts),
    Attack("a county by the sea", "Inland water is the pond's, its change the difference of its areas, and the sea is apart.", inland_water),
    Attack("a newest year without water maps", "What was sea or water when it was last seen is no land.", newest_year),
    Attack("all cover rises by 0.15, or by nothing", "The one counts nearly all the land, the other next to nothing.", risen_cover),
    Attack("creeks that fill no pixel", "Their length is not given as zero.", creeks),
)
