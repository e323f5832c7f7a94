"""Areas of greening and browning of counties, and what the indicators say of them."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.config import parse
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Tile
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import SEA_BANDS
from rs_pipeline.products.vegetation.greening import last_land, trend_layers, trend_zonal
from rs_pipeline.products.vegetation.maps import TREND_BANDS, TREND_CLASS
from rs_pipeline.storage.raster import write_cog, write_map
from rs_pipeline.storage.tables import write_parquet
from tests.made_up_run import write_grid

KM2 = 1e6
GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 4, 2)


pytestmark = pytest.mark.usefixtures("plain_errors")


def bands(found, p=None, slope=None):
    found = np.asarray(found, "float32")
    slope = np.sign(found) * np.float32(0.02) if slope is None else np.asarray(slope, "float32")
    p = np.where(found == 0, 0.5, 0.001) if p is None else np.asarray(p)
    return {"class": found, "slope_per_year": slope, "p_value": np.where(np.isnan(found), np.nan, p).astype("float32")}


def test_layers_by_hand():
    found = [[1, 1, -1, 0, 0, math.nan]]
    got = trend_layers(
        bands(found, p=[[0.001, 0.001, 0.01, 0.04, 0.2, 1]], slope=[[0.02, 0.02, -0.02, 0.01, 0.01, math.nan]]),
        np.array([[True, False, True, True, True, True]]),
        0.05,
    )
    total = {name: float(np.nansum(v)) for name, v in got.items()}
    # the second pixel is water; the fourth would be greening if chance were not controlled over the region
    assert total == {"land_m2": 5, "trend_observed_m2": 4, "greening_m2": 1, "browning_m2": 1, "greening_possible_m2": 2, "browning_possible_m2": 1}


def test_a_trend_is_possible_up_to_the_rate_and_where_it_has_a_direction():
    p, slope = [[0.0625, 0.07, 0.0625, 0.07, 0.01]], [[0.02, 0.02, -0.02, -0.02, 0.0]]
    got = trend_layers(bands([[0.0] * 5], p=p, slope=slope), np.ones((1, 5), bool), 0.0625)
    assert (np.nansum(got["greening_possible_m2"]), np.nansum(got["browning_possible_m2"])) == (1, 1)


@pytest.fixture
def run(tmp_path):
    """A region of 4 x 2 pixels; a county of the left three columns, and one smaller than the pixel it lies in."""
    settings = parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "u.gpkg")},
            "periods": [2019, 2020, 2021, 2022, 2023],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
        }
    )
    layout = Layout(settings.root)
    boxes = [shapely.box(500_000, 4_299_980, 500_030, 4_300_000), shapely.box(500_032, 4_299_992, 500_034, 4_299_997)]
    names = {"adcode": ["130001", "130002"], "name": ["A", "B"], "prefecture": ["P", "P"]}
    gpd.GeoDataFrame(names, geometry=boxes, crs=32650).to_file(tmp_path / "u.gpkg")
    row = {
        "tile": "r000c000",
        "row": 0,
        "col": 0,
        "width": 4,
        "height": 2,
        "crs": GRID.crs,
        "resolution_m": 10.0,
        "grid_left": GRID.left,
        "grid_top": GRID.top,
        "grid_width": 4,
        "grid_height": 2,
    }
    write_parquet(pd.DataFrame([row]), layout.tiles)
    water = {b.name: np.zeros((2, 4)) for b in region_maps()["water"].bands}
    water["class"][1, 0] = 1
    write_map(layout.tile_map("2023", "r000c000", "water"), GRID, water, region_maps()["water"].bands, {})
    trend = bands([[1, 1, -1, 1], [1, 0, math.nan, 0]])
    stack = np.stack([trend.get(b.name, np.zeros((2, 4), "float32")) for b in (*TREND_BANDS, TREND_CLASS)])
    write_cog(layout.trend_map, GRID, iter([(Window(0, 0, 4, 2), stack)]), [*TREND_BANDS, TREND_CLASS], {}, categorical=True)
    trend_zonal(settings)
    return pd.read_parquet(layout.trend_counties).set_index("adcode")


def test_county_areas(run):
    # pixels of 100 m2, shrunk by the scale 0.9996 squared of the projection's middle
    a = run.loc["130001"]
    pixel = 100 / 0.9996**2
    assert a.greening_m2 == pytest.approx(2 * pixel, rel=1e-4)  # of the three greening pixels one is water
    assert a.browning_m2 == pytest.approx(pixel, rel=1e-4)
    assert (a.land_m2, a.trend_observed_m2) == (pytest.approx(5 * pixel, rel=1e-4), pytest.approx(4 * pixel, rel=1e-4))


def test_a_county_within_a_pixel_and_the_region(run):
    assert run.loc["130002"].greening_m2 == pytest.approx(10 / 0.9996**2, rel=1e-3) == run.loc["130002"].land_m2
    assert run.loc[REGION].greening_m2 == pytest.approx(run.greening_m2[:2].sum())


@pytest.fixture
def seen_as(tmp_path):
    """seen_as(classes by period, sea by period) makes a run of 4 x 2 pixels with a coast, and its tile."""

    def make(classes, sea):
        units = {"adcode": ["1"], "name": ["A"], "prefecture": [""]}
        gpd.GeoDataFrame(units, geometry=[shapely.box(*GRID.bounds)], crs=GRID.crs).to_file(tmp_path / "u.gpkg")
        settings = parse(
            {
                "run": "t",
                "output": str(tmp_path),
                "units": {"path": str(tmp_path / "u.gpkg")},
                "periods": [int(p) for p in classes],
                "coastline": {},
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            }
        )
        write_grid(settings, GRID)
        layout, water = Layout(settings.root), region_maps()["water"].bands
        for period, kind in classes.items():
            layers = {b.name: np.zeros((2, 4)) for b in water} | {"class": np.array(kind, float)}
            write_map(layout.tile_map(period, "r000c000", "water"), GRID, layers, water, {})
            write_map(layout.sea(period), GRID, {"sea": np.array(sea[period], float)}, SEA_BANDS, {})
        return settings, Tile("r000c000", 0, 0, GRID)

    return make


def test_land_is_what_was_seen_as_land_when_it_was_last_seen(seen_as):
    """Columns: the sea, a tidal flat, water that fell dry, land. The lower row is not seen in the newest year, its last pixel in none."""
    nan = math.nan
    sea = [[1, 1, 0, 0]] * 2
    settings, tile = seen_as({"2022": [[1, 2, 1, 0], [1, 2, 1, nan]], "2023": [[1, 2, 0, 0], [nan] * 4]}, {"2022": sea, "2023": sea})
    assert last_land(settings, tile).tolist() == [[False, False, True, True], [False, False, False, False]]
    unseen = {"2022": [[1, 2, 1, 0]] * 2, "2023": [[nan] * 4] * 2}
    assert last_land(*seen_as(unseen, {"2022": sea, "2023": [[nan] * 4] * 2})).tolist() == [[False, False, False, True]] * 2


def row(**changes):
    plain = {
        "land_m2": 90 * KM2,
        "trend_observed_m2": 90 * KM2,
        "greening_m2": 9 * KM2,
        "browning_m2": 0.0,
        "greening_possible_m2": 12 * KM2,
        "browning_possible_m2": 1 * KM2,
    }
    return plain | changes


def yearly(make, covers, observed=None):
    land = 90 * KM2
    seen = [land * v for v in (observed or [1.0] * len(covers))]
    return [(2018.5 + i, make.sums(fvc_peak_observed_m2=s, fvc_peak_sum_m2=c * s)) for i, (c, s) in enumerate(zip(covers, seen, strict=True))]


def ask(make, name, **changes):
    return estimate_indicator(INDICATORS[name], make.facts(**changes))


def test_greening_and_browning_area(make):
    years = yearly(make, [0.5] * 6)
    green, brown = (ask(make, f"{n}_trend_area", trend=row(), yearly=years) for n in ("greening", "browning"))
    assert (green.interval.value, green.interval.lower, green.interval.upper) == pytest.approx((900, 855, 1200))  # ha; less 5 %
    assert (brown.interval.value, brown.interval.lower, brown.interval.upper) == pytest.approx((0, 0, 100))
    assert green.interval.kind == "range" and green.observed_fraction == 1


def test_trend_area_that_cannot_be_told(make):
    years = yearly(make, [0.5] * 6)
    name = "greening_trend_area"
    assert ask(make, name, trend=row(), yearly=years, is_last=False).reason == "the trend is of all periods: see the last one"
    few = ask(make, name, trend=row(), yearly=years[:3])
    assert (few.status, few.reason) == ("insufficient_data", "a trend takes 5 years with a value, there are 3")
    assert ask(make, name, yearly=years).reason == "this run made no map of trends"
    assert ask(make, name, trend=row(trend_observed_m2=0.0), yearly=years).reason == "no pixel with a value in 5 years"
    partly = ask(make, name, trend=row(trend_observed_m2=30 * KM2), yearly=years)
    assert partly.interval is None and "33.3 % observed" in partly.reason


def test_cover_trend_by_hand(make):
    # a straight line, 1.5 points a year: every slope is the same
    got = ask(make, "fvc_peak_trend", yearly=yearly(make, [0.50, 0.515, 0.53, 0.545, 0.56, 0.575]))
    assert (got.interval.value, got.interval.lower, got.interval.upper) == pytest.approx((1.5, 1.5, 1.5))
    assert got.reason.startswith("6 years, Mann-Kendall p 0.0028") and INDICATORS["fvc_peak_trend"].unit == "%/yr"


def test_six_months_are_no_six_years(make):
    months = [(2025 + m / 12, make.sums(fvc_peak_sum_m2=c * 90 * KM2)) for m, c in zip(range(3, 9), (0.2, 0.3, 0.4, 0.5, 0.6, 0.7), strict=True)]
    got = ask(make, "fvc_peak_trend", yearly=months)
    assert (got.interval, got.reason) == (None, "a trend takes 5 years with a value, there are 1")


def test_cover_trend_leaves_out_years_seen_in_part(make):
    covers, observed = [0.50, 0.51, 0.99, 0.53, 0.54, 0.55], [1, 1, 0.4, 1, 1, 0.9]
    got = ask(make, "fvc_peak_trend", yearly=yearly(make, covers, observed))
    assert got.interval.value == pytest.approx(1.0) and got.observed_fraction == pytest.approx(4.9 / 5)
    short = ask(make, "fvc_peak_trend", yearly=yearly(make, covers[:5], observed[:5]))
    assert (short.status, short.reason) == ("insufficient_data", "a trend takes 5 years with a value, there are 4")


def test_cover_trend_of_unseen_years_and_of_a_constant(make):
    none = ask(make, "fvc_peak_trend", yearly=yearly(make, [0.5] * 6, [0.0] * 6))
    assert none.interval is None and none.reason.endswith("there are 0")
    flat = ask(make, "fvc_peak_trend", yearly=yearly(make, [0.5] * 6)).interval
    assert (flat.value, flat.lower, flat.upper) == pytest.approx((0, 0, 0), abs=1e-9)
