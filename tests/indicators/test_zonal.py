"""County sums on grids a reader checks by hand."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from rs_kernels.zonal import zone_sums

from rs_pipeline.config import parse
from rs_pipeline.estimation.zones import coverage
from rs_pipeline.indicators.zonal import sums_of_products
from rs_pipeline.model import Grid
from rs_pipeline.products.vegetation.county import median_of_nine
from rs_pipeline.products.water.county import area_bounds
from rs_pipeline.tiles import pixel_areas

GRID = Grid("EPSG:32650", 10.0, 500000, 4300030, 3, 3)


def polygons(*boxes):
    return gpd.GeoDataFrame(geometry=[shapely.box(*b) for b in boxes], crs=32650)


def share(zone, cell, weight, which):
    """(3, 3) covered share of each pixel by one zone."""
    out = np.zeros(9)
    inside = zone == which
    out[cell[inside]] = weight[inside]
    return out.reshape(3, 3) / pixel_areas(GRID)


def test_coverage_is_exact_to_the_fraction():
    # A box from x = 5 to 25 and y = 10 to 30 (from the lower edge): half of columns 0 and 2, all of column 1, top two rows.
    zone, cell, weight = coverage(GRID, polygons((500005, 4300010, 500025, 4300030)))
    expected = [[0.5, 1, 0.5], [0.5, 1, 0.5], [0, 0, 0]]
    assert share(zone, cell, weight, 0) == pytest.approx(np.array(expected), abs=1e-6)


def test_neighbours_share_a_pixel_without_counting_it_twice():
    zone, cell, weight = coverage(GRID, polygons((500000, 4300000, 500014, 4300030), (500014, 4300000, 500030, 4300030)))
    both = share(zone, cell, weight, 0) + share(zone, cell, weight, 1)
    assert both == pytest.approx(np.ones((3, 3)), abs=1e-6)
    assert share(zone, cell, weight, 0)[0, 1] == pytest.approx(0.4, abs=1e-6)


def test_a_county_smaller_than_a_pixel_keeps_its_area():
    _zone, cell, weight = coverage(GRID, polygons((500012, 4300012, 500014, 4300017)))
    assert len(cell) == 1 and weight[0] == pytest.approx(10, rel=1e-3)


def test_a_county_elsewhere_has_no_pixels():
    assert coverage(GRID, polygons((600000, 4300000, 600010, 4300010)))[0].size == 0


def test_missing_values_add_nothing():
    out = np.zeros((1, 2))
    layers = np.array([[1, np.nan, 3], [np.nan, np.nan, np.nan]], "float32")
    zone_sums(np.zeros(3, "int64"), np.arange(3), np.array([1.0, 1.0, 0.5]), layers, out)
    assert out.tolist() == [[2.5, 0.0]]


BANDS = {
    "vegetation": "fvc_peak fvc_growing fvc_peak_sigma",
    "water": "class frequency frequency_lower frequency_upper permanent_fraction plants",
    "black_odorous": "class",
    "observations": "scenes clear_water clear_months",
    "soil_loss": "loss_t_km2",
}


def tile(**bands):
    """Bands of a row of four pixels, NaN but for those given; ``class`` is that of water."""
    home = {name: f"{product}.{name}" for product, names in reversed(BANDS.items()) for name in names.split()} | {"class": "water.class"}
    out = {f"{product}.{name}": np.full((1, 4), np.nan, "float32") for product, names in BANDS.items() for name in names.split()}
    at_sea = np.array([bands.pop("sea", [False] * 4)], bool)
    return out | {home[k]: np.array([v], "float32") for k, v in bands.items()} | {"water.sea": at_sea}


def layers_of(settings, now, base):
    return sums_of_products(settings, now, base).layers


@pytest.fixture
def settings(tmp_path):
    return parse(
        {
            "run": "sums",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "units.gpkg")},
            "periods": [2024],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(tmp_path)}],
        }
    )


def count(layers, name):
    return np.nansum(layers[name])


def test_unseen_pixels_are_in_no_class(settings):
    nan = np.nan
    now = tile(
        **{"class": [1, 0, nan, 2], "frequency_lower": [0.6, 0, nan, 0.1], "frequency_upper": [1, 0.3, nan, 0.8], "permanent_fraction": [0.9, 0.1, nan, 0]}
    )
    got = layers_of(settings, now, now)
    assert count(got, "water_observed_m2") == 3
    assert count(got, "water_permanent_m2") == 1 and count(got, "water_seasonal_m2") == 1
    # possibly water: the first and the last pixel; the land between them is a rim on either side
    assert count(got, "water_permanent_lower_m2") == 0 and count(got, "water_permanent_upper_m2") == 2.5
    assert count(got, "fvc_peak_observed_m2") == 0


def test_a_bank_is_placed_to_half_a_pixel():
    water = np.zeros((5, 5), bool)
    water[1:4, 1:4] = True
    lower, upper = area_bounds(water, water, np.ones((5, 5), bool))
    # 1 inner pixel and 8 of the rim at a half; 9 pixels and 16 of land around them at a half
    assert (lower.sum(), upper.sum()) == (5.0, 17.0)


def test_the_unseen_is_no_bank():
    seen = np.array([[True, True, False]])
    lower, upper = area_bounds(np.array([[True, True, False]]), np.array([[True, True, False]]), seen)
    assert lower[0, :2].tolist() == [1.0, 1.0] and np.isnan(lower[0, 2]) and np.isnan(upper[0, 2])


def test_vegetation_counts_on_land_and_change_on_what_both_saw(settings):
    nan = np.nan
    sigma = {"fvc_peak_sigma": [0.03] * 4}
    now = tile(fvc_peak=[0.0, 0.8, 0.3, 0.9], **{"class": [1, 0, 0, 0]}, **sigma)
    base = tile(fvc_peak=[0.5, 0.5, 0.6, nan], **{"class": [0, 0, 0, 0]}, **sigma)
    got = layers_of(settings, now, base)
    assert count(got, "land_m2") == 3
    assert count(got, "fvc_peak_sum_m2") == pytest.approx(0.8 + 0.3 + 0.9)
    assert count(got, "fvc_common_m2") == 2
    assert count(got, "greening_m2") == 0 and count(got, "browning_m2") == 0, "one pixel up, its neighbour as much down: no change of either"
    errors = sums_of_products(settings, now, base).errors["fvc_peak"]
    assert errors[0].tolist() == pytest.approx([0, 0.03, 0.03, 0.03])  # none where cover is not summed: on permanent water
    assert count(got, "fvc_peak_change_sum_m2") == pytest.approx(0.3 - 0.3, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "sigma", "counts"),
    [(0.11, 0.06, True), (0.09, 0.03, False), (0.15, 0.1, True), (0.15, 0.2, False)],  # 1.96 x 0.3 sqrt(2) sigma: .05, .025, .083, .166
)
def test_greening_exceeds_a_tenth_and_the_noise_of_a_change(settings, change, sigma, counts):
    flat = {"class": [0] * 4, "fvc_peak_sigma": [sigma] * 4}
    low, high = tile(fvc_peak=[0.4] * 4, **flat), tile(fvc_peak=[0.4 + change] * 4, **flat)
    greened, browned = layers_of(settings, high, low), layers_of(settings, low, high)
    assert (count(greened, "greening_m2"), count(greened, "browning_m2")) == (4 * counts, 0)
    assert (count(browned, "greening_m2"), count(browned, "browning_m2")) == (0, 4 * counts)


def test_a_uniform_rise_counts_nearly_all_the_land_and_the_error_of_a_year_next_to_nothing(settings):
    """Errors as the sample has them: 0.08 in a year, most of it the same in both; the part that is not has a standard deviation of 0.045."""
    rng, shape = np.random.default_rng(0), (200, 200)
    cover, ones = rng.uniform(0.2, 0.7, shape), np.ones(shape, "float32")
    plain = {f"{product}.{name}": ones for product, names in BANDS.items() for name in names.split()}
    plain |= {"water.class": 0 * ones, "water.sea": np.zeros(shape, bool), "vegetation.fvc_peak_sigma": np.float32(0.083) * ones}

    def year(rise):
        return plain | {"vegetation.fvc_peak": (cover + rise + rng.normal(0, 0.032, shape)).astype("float32")}

    same, risen = layers_of(settings, year(0.0), year(0.0)), layers_of(settings, year(0.15), year(0.0))
    assert count(risen, "greening_m2") > 0.97 * cover.size and count(risen, "browning_m2") == 0
    assert count(same, "greening_m2") + count(same, "browning_m2") < 0.001 * cover.size


def test_the_median_of_nine_by_hand():
    nan = np.nan
    got = median_of_nine(np.array([[1, 2, nan], [3, 100, 5], [nan, 4, 6]]))
    # the middle has 1 2 3 4 5 6 100; the corner above 1 2 3 100; an unseen pixel has none
    assert got[1, 1] == 4 and got[0, 0] == 2.5 and np.isnan(got[0, 2]) and got[2, 2] == 5.5


@pytest.fixture
def shore(settings):
    """This year and the baseline: two pixels at sea, of which one is a tidal flat and was inland water once, and two inland, a rim and a pond."""
    now = tile(permanent_fraction=[1.0, 0.0, 0.4, 0.0], sea=[True, True, False, False], **{"class": [1, 2, 0, 2]})
    base = tile(permanent_fraction=[1.0, 1.0, 0.7, 1.0], sea=[True, False, False, False], **{"class": [1, 1, 1, 1]})
    return now, base


def test_the_sea_is_no_inland_water(settings, shore):
    got = layers_of(settings, *shore)
    assert count(got, "water_permanent_m2") == pytest.approx(0.4) and count(got, "water_seasonal_m2") == 1
    assert count(got, "sea_m2") == 2, "the tidal flat is of the sea"
    assert count(got, "water_permanent_baseline_m2") == pytest.approx(2.7) and count(got, "sea_baseline_m2") == 1
    assert count(got, "land_m2") == 2, "the sea and its flats are no land"
    assert count(got, "water_permanent_upper_m2") <= 2, "the rim of the sea is not in doubt for inland water"


def test_no_part_of_a_pixel_is_both_permanent_and_seasonal(settings):
    pond = tile(permanent_fraction=[0.6, 0.0, 1.0, 1.0], **{"class": [2, 2, 2, 1]})
    got = layers_of(settings, pond, pond)
    assert count(got, "water_permanent_m2") == pytest.approx(2.6) and count(got, "water_seasonal_m2") == pytest.approx(1.4)


@pytest.mark.parametrize("name", ["water_permanent", "water_seasonal", "sea"])
def test_a_change_is_the_difference_of_the_areas(settings, shore, name):
    """On what both periods saw, from the same shares of pixels."""
    now, base = shore
    change, areas, before = layers_of(settings, now, base), layers_of(settings, now, now), layers_of(settings, base, base)
    assert count(change, f"{name}_common_m2") == count(areas, f"{name}_m2") and count(change, f"{name}_baseline_m2") == count(before, f"{name}_m2")
    base["water.class"][0, 2] = np.nan
    partly = layers_of(settings, now, base)
    seen = [0, 1, 3]
    assert count(partly, f"{name}_common_m2") == np.nansum(areas[f"{name}_m2"][0, seen])
    assert count(partly, f"{name}_baseline_m2") == np.nansum(before[f"{name}_m2"][0, seen])
