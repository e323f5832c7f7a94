"""Watched places through the steps that sum maps, on a region of 4 x 4 pixels whose answers a reader counts: one pixel, overlap, half unseen, outside."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.catalog.chips import MANIFEST_COLUMNS
from rs_pipeline.config import parse
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.zonal import zonal
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.land.classes import SHARES, Land
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.land.zonal import land_zonal
from rs_pipeline.products.places.table import watched_places
from rs_pipeline.products.register import county_maps, region_maps
from rs_pipeline.storage.raster import write_cog, write_map
from tests.made_up_run import write_seen, write_settlements

SIZE = 4
GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, SIZE, SIZE)
PIXEL_M2 = 100 / 0.9996**2
C, B, G, NAN = Land.CROPLAND, Land.BUILT, Land.GRASS, float("nan")


def pixels(col, row, width, height):
    """Outline of pixels, from the upper left."""
    left, top = GRID.left + 10 * col, GRID.top - 10 * row
    return shapely.box(left, top - 10 * height, left + 10 * width, top)


PLACES = {
    "one": ("village", pixels(0, 0, 1, 1)), "left": ("habitat", pixels(0, 0, 2, 4)), "top": ("habitat", pixels(0, 0, 4, 2)),
    "right": ("village", pixels(2, 0, 2, 4)), "away": ("village", pixels(100, 0, 2, 2)),
}  # fmt: skip
"""Two habitats share the upper left quarter; the unit has the left three columns."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Settings of a run whose maps are written: cover 0.5, no water; grass that became built in the upper left quarter, and nothing seen in the last column."""
    tmp_path = tmp_path_factory.mktemp("places")
    gpd.GeoDataFrame({"adcode": ["130001"], "name": ["A"], "prefecture": ["P"]}, geometry=[pixels(0, 0, 3, 4)], crs=32650).to_file(tmp_path / "u.gpkg")
    kinds, shapes = zip(*PLACES.values(), strict=True)
    gpd.GeoDataFrame({"place_id": list(PLACES), "kind": list(kinds), "name": list(PLACES)}, geometry=list(shapes), crs=32650).to_file(tmp_path / "p.gpkg")
    settings = parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "u.gpkg")},
            "periods": [2023, 2024],
            "grid": {"tile_px": 64},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "tables": {"places": str(tmp_path / "p.gpkg")},
            "land_zones": {"min_event_px": 2},
        }
    )
    layout, (rows, cols) = Layout(settings.root), np.indices(GRID.shape)
    write_settlements(settings, GRID, np.where(cols < 1, 2, np.where(cols < 3, 1, 0)))
    seen = np.where(cols < 3, 1.0, NAN)
    built = (rows < 2) & (cols < 2)
    for period, land in (("2023", np.full(GRID.shape, float(G))), ("2024", np.where(built, B, G))):
        for name in county_maps():
            known = {
                "fvc_peak": 0.5,
                "fvc_growing": 0.5,
                "fvc_peak_sigma": 0.04,
                "frequency": 0.0,
                "frequency_lower": 0.0,
                "frequency_upper": 0.0,
                "permanent_fraction": 0.0,
                "class": 0.0,
            }
            bands = region_maps()[name].bands
            write_map(layout.tile_map(period, "r000c000", name), GRID, {b.name: seen * known.get(b.name, 1.0) for b in bands}, bands, {})
        layers = {"class": seen * land, "confidence": seen, "n_dates": seen} | {
            share: np.where(np.isnan(seen), NAN, land == c) for share, c in zip(SHARES, Land, strict=True)
        }
        for name, found in ((LAND, layers), ("water", {"class": 0 * seen})):
            bands = region_maps()[name].bands
            stack = np.stack([np.asarray(found.get(b.name, np.zeros(GRID.shape)), "float32") for b in bands])
            write_cog(layout.map(name, period), GRID, iter([(Window(0, 0, SIZE, SIZE), stack)]), bands, {})
    for period in ("2023", "2024"):
        manifest = layout.chips(period, "r000c000")
        manifest.parent.mkdir(parents=True)
        pd.DataFrame([dict.fromkeys(MANIFEST_COLUMNS, "") | {"key": period, "scene_id": period, "status": "ok"}]).to_parquet(manifest)
        zonal(settings, period)
        land_zonal(settings, period)
    return settings


def px(m2):
    return m2 / PIXEL_M2


def test_a_kind_is_summed_once_within_its_unit_and_a_place_whole(run):
    table = pd.read_parquet(Layout(run.root).counties("2024")).set_index(["adcode", "zone"])
    assert px(table.area_m2["130001", "place:habitat"]) == pytest.approx(8 + 2, rel=1e-3), "columns 0 and 1 whole, column 2 in the upper half"
    assert (
        px(table.area_m2["130001", "place:village"]) == pytest.approx(1 + 4, rel=1e-3)
        and not table.index.get_level_values("zone").str.startswith("watched:").any()
    )
    single = pd.read_parquet(Layout(run.root).place_sums("2024")).set_index("zone")
    assert px(single.area_m2).to_dict() == pytest.approx(
        {"watched:one": 1, "watched:left": 8, "watched:top": 8, "watched:right": 8, "watched:away": 0}, rel=1e-3
    )
    assert px(single.fvc_growing_observed_m2["watched:right"]) == pytest.approx(4, rel=1e-3), "its last column was not seen"


def test_villages_and_settlements_that_the_run_draws_are_zones_of_the_unit(run):
    """A town in the first column, a village in the next two, the last column beyond the unit."""
    table = pd.read_parquet(Layout(run.root).counties("2024")).set_index(["adcode", "zone"])
    village = table.loc["130001", "settlement:village"]
    assert px(village.area_m2) == pytest.approx(8, rel=1e-3) and px(village.fvc_growing_sum_m2) == pytest.approx(4, rel=1e-3) and village.n_scenes == 1
    settled = table.loc["130001", "settlement"]
    assert px(settled.area_m2) == pytest.approx(12, rel=1e-3) and px(settled.dust_known_m2) == pytest.approx(12, rel=1e-3)
    land = pd.read_parquet(Layout(run.root).land_counties("2024")).set_index(["adcode", "zone"])
    assert px(land.area_m2["130001", "settlement"]) == pytest.approx(12, rel=1e-3) and px(land.settlements_known_m2["130001", "county"]) == pytest.approx(
        12, rel=1e-3
    )
    assert px(land.built_m2["130001", "settlement"]) == pytest.approx(4, rel=1e-3)


def test_converted_ground_of_overlapping_habitats_counts_once_in_the_unit_and_for_each_of_them(run):
    table = pd.read_parquet(Layout(run.root).land_counties("2024")).set_index(["adcode", "zone"])
    assert px(table.natural_converted_m2["130001", "place:habitat"]) == pytest.approx(4, rel=1e-3)
    single = pd.read_parquet(Layout(run.root).place_land("2024")).set_index("zone")
    assert px(single.natural_converted_m2).to_dict() == pytest.approx(
        {"watched:one": 1, "watched:left": 4, "watched:top": 4, "watched:right": 0, "watched:away": 0}, abs=1e-3
    )


def test_totals_of_the_region_count_no_place_twice(run):
    counties = Run.read(run).counties
    assert set(counties.zone) == {"county", "place:habitat", "place:village", "settlement", "settlement:village"} and (counties.adcode != "").all()
    region = counties[(counties.adcode == "000000") & (counties.zone == "county") & (counties.period == "2024")]
    assert px(region.area_m2.iloc[0]) == pytest.approx(12, rel=1e-3)


def test_the_table_tells_each_place(run):
    write_seen(Layout(run.root), shapely.box(115.2, 38.2, 115.3, 38.3))
    watched_places(run)
    table = pd.read_csv(Layout(run.root).places_table, encoding="utf-8-sig", dtype={"period": str, "adcode": str})
    now = table[table.period == "2024"].set_index(["place_id", "indicator"])
    assert now.value["one", "construction_land_area"] == pytest.approx(PIXEL_M2 / 1e4, rel=1e-3) and now.value["left", "fvc_growing_mean"] == pytest.approx(50)
    assert now.value["left", "natural_converted_area"] == pytest.approx(4 * PIXEL_M2 / 1e4, rel=1e-3)
    assert now.loc["right"].observed_fraction["fvc_growing_mean"] == pytest.approx(0.5, abs=0.01)
    away = now.loc["away"]
    assert away.value.isna().all() and away.adcode.isna().all() and set(away.reason) == {"this place lies outside the maps of this run"}
    assert gpd.read_file(Layout(run.root).places).set_index("place_id").converted_since.fillna("").to_dict() == {
        "one": "2024",
        "left": "2024",
        "top": "2024",
        "right": "",
        "away": "",
    }
