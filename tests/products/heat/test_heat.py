"""The map of surface temperature above rural land and its indicators, by hand and with adverse data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rs_pipeline.config import HeatSection, parse
from rs_pipeline.estimation.error_model import Systematic
from rs_pipeline.estimation.estimate import Facts
from rs_pipeline.products.heat.anomaly import date_levels_k, surface_anomalies
from rs_pipeline.products.heat.county import county_sums
from rs_pipeline.products.heat.facts import HeatFacts
from rs_pipeline.products.heat.indicators import INDICATORS
from rs_pipeline.products.heat.maps import Zone
from rs_pipeline.products.heat.step import temperature_layers, zones
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.sea import SEA
from tests.kernels.test_heat import number
from tests.made_up_run import KM2, make_facts

SECTION = HeatSection()
SOURCE = {"sensor": "planetary-computer-landsat-c2-l2", "catalog": "c"}
SETTINGS = parse({"run": "x", "units": {"path": "u.gpkg"}, "periods": [2024], "sources": [SOURCE], "heat": {}})
ISLAND, HOT = INDICATORS


def stack(*dates: np.ndarray) -> np.ndarray:
    return np.stack([np.vectorize(lambda k: 0 if math.isnan(k) else number(k))(d) for d in dates]).astype("uint16")


def test_a_hot_date_that_one_half_of_a_city_missed_makes_no_half_hotter():
    """Built-up land is 5 K warmer than rural land on every date. Its left half is seen on the hot date only, its right half on the mild one only: plain means
    differ by 20 K, anomalies do not."""
    rural = np.array([[True, True, False, False]] * 2)
    hot, mild = np.where(rural, 310.0, 315.0), np.where(rural, 290.0, 295.0)
    hot[:, 3], mild[:, 2] = math.nan, math.nan
    anomaly, _, dates = surface_anomalies(stack(hot, mild), rural)
    np.testing.assert_allclose(anomaly, [[0, 0, 5, 5]] * 2, atol=0.02)
    assert dates.tolist() == [[2, 2, 1, 1]] * 2


def test_rural_land_that_is_seen_on_other_dates_gives_the_same_levels():
    """Warm fields (+4 K) and woods (-4 K): on the second date only fields are clear. Their mean on that date would be a level 4 K too high."""
    place = np.r_[np.full(50, 4.0), np.full(50, -4.0)]
    first, second = 300 + place, 306 + place
    second[50:] = math.nan
    np.testing.assert_allclose(date_levels_k(stack(first, second)), [300, 306], atol=0.05)


def test_a_date_on_which_hardly_any_rural_land_was_seen_is_left_out():
    first, second = np.full(100, 300.0), np.full(100, math.nan)
    second[:9] = 320.0
    level = date_levels_k(stack(first, second))
    assert level[0] == pytest.approx(300.0, abs=0.01) and math.isnan(level[1])


@pytest.mark.parametrize("reference", [False, True])
def test_without_dates_or_rural_land_nothing_is_known(reference):
    anomaly, scatter, dates = surface_anomalies(np.zeros((2 * (not reference), 2, 3), "uint16") + 40_000, np.full((2, 3), reference))
    assert np.isnan(anomaly).all() and np.isnan(scatter).all() and (dates == 0).all()


def test_the_standard_error_is_that_of_the_scatter_or_of_st_qa():
    """By hand, 4 dates: scatter 0 and ST_QA 2 K give 2 / sqrt(4) = 1; a scatter of 8/sqrt(3) is larger: 8/sqrt(3)/2 = 2.309. Two dates are too few."""
    date = np.full((1, 4), 300.0)
    other = date + np.array([[0, 8, 0, 0]])
    numbers = stack(date, other, other, date)
    numbers[2:, 0, 2] = 0
    layers = temperature_layers(numbers, np.full((1, 4), 16, "float32"), np.array([[True, False, False, False]]), 3)
    np.testing.assert_allclose(layers["error_k"][0], [1.0, 8 / math.sqrt(3) / 2, math.nan, 1.0], atol=0.01)
    np.testing.assert_allclose(layers["anomaly_k"][0], [0, 4, math.nan, 0], atol=0.01)
    assert layers["n_dates"][0].tolist() == [4, 4, 2, 4]


def row_of(*classes: Land | float) -> np.ndarray:
    return np.array([classes], "float32")


def test_rural_land_lies_away_from_buildings_and_at_their_height():
    """Edge 10 m is one pixel on either side; of the far fields one is 101 m higher and one has no height. Bare ground and wetland are no reference."""
    crop, section = Land.CROPLAND, HeatSection(edge_m=10, max_height_difference_m=100)
    land = row_of(Land.BUILT, crop, crop, Land.TREE, Land.GRASS, Land.BARE, Land.WETLAND, Land.WATER, math.nan)
    height = np.array([[50, 50, 149, 151, math.nan, 50, 50, 50, 50]], "float32")
    rural, built, water, other = Zone.RURAL, Zone.BUILT, Zone.WATER, Zone.OTHER
    np.testing.assert_array_equal(zones(land, height, section, 10.0), row_of(built, other, rural, other, other, other, other, water, math.nan))
    np.testing.assert_array_equal(zones(land, None, section, 10.0), row_of(built, other, rural, rural, rural, other, other, water, math.nan))


def test_a_road_is_no_built_up_land_and_a_town_is():
    """A road of one pixel fills 5 of 25 pixels of 50 m; the middle of a town of 5 pixels all 25, its edge 15, its corner 9."""
    land = np.full((15, 15), float(Land.CROPLAND), "float32")
    land[2] = land[6:11, 5:10] = Land.BUILT
    found = zones(land, None, HeatSection(edge_m=50), 10.0) == Zone.BUILT
    assert not found[2].any() and found[8, 7] and found[6, 7] and not found[6, 5]


def test_without_built_up_land_every_height_will_do():
    land = row_of(Land.CROPLAND, Land.TREE)
    np.testing.assert_array_equal(zones(land, row_of(10, 2000), SECTION, 10.0), row_of(Zone.RURAL, Zone.RURAL))


def test_sums_of_a_county():
    """One pixel each of built-up (6 K, 1 K wrong), rural (1 K), bare (4 K), water (-3 K) and unknown land. 6 - 1.96 is below 5, 4 + 1.96 above it."""
    now = {
        "heat.zone": row_of(Zone.BUILT, Zone.RURAL, Zone.OTHER, Zone.WATER, math.nan),
        "heat.anomaly_k": row_of(6, 1, 4, -3, 9),
        "heat.error_k": row_of(1, 1, 1, 1, 1),
        SEA: np.zeros((1, 5), bool),
    }
    sums = county_sums(SETTINGS, now, now)
    total = {name: float(np.nansum(layer)) for name, layer in sums.layers.items()}
    assert (total["heat_built_m2"], total["heat_land_m2"], total["heat_land_observed_m2"]) == (1, 3, 3)
    assert (total["heat_built_k_m2"], total["heat_built_k2_m2"], total["heat_rural_k_m2"], total["heat_built_error_k_m2"]) == (6, 36, 1, 1)
    assert (total["heat_hot_m2"], total["heat_surely_hot_m2"], total["heat_possibly_hot_m2"]) == (1, 0, 2)
    assert not sums.errors and not sums.changes


def unit(heat: HeatFacts | None = HeatFacts(0.25 * KM2, 0.25 * KM2), **changes: float) -> Facts:  # noqa: B008
    """Facts of a county with 2 km2 of built-up land 6 K above, and 4 km2 of rural land 1 K above, the rural land of their tiles."""
    sums = {
        "heat_land_m2": 10 * KM2, "heat_land_observed_m2": 10 * KM2, "heat_built_m2": 2 * KM2, "heat_built_observed_m2": 2 * KM2, "heat_built_k_m2": 12 * KM2,
        "heat_built_k2_m2": 74 * KM2, "heat_built_error_k_m2": 2 * KM2, "heat_rural_observed_m2": 4 * KM2, "heat_rural_k_m2": 4 * KM2,
        "heat_hot_m2": 1.5 * KM2, "heat_surely_hot_m2": 1 * KM2, "heat_possibly_hot_m2": 2.5 * KM2,
    }  # fmt: skip
    return make_facts(county={"area_m2": 11 * KM2, "n_scenes": 5, **sums, **changes}, heat=heat)


def test_the_heat_island_is_built_up_less_rural_land(monkeypatch):
    """6 - 1 K; to either side the mean standard error of built-up pixels, 1 K, and the systematic part, 0.5 K below and 2 K above, in squares."""
    monkeypatch.setattr("rs_pipeline.estimation.error_model.systematic_errors", lambda: {"heat_island_summer": Systematic(0.5, 2.0, 14, 48)})
    found = ISLAND.estimator(unit())
    assert found.interval is not None and found.interval.kind == "model95" and (found.observed_fraction, found.reason) == (1, "")
    assert (found.interval.value, found.interval.lower, found.interval.upper) == pytest.approx((5.0, 5 - 2.02274, 5 + 2.80019), abs=1e-4)


def test_of_a_part_that_was_not_seen_the_interval_is_wider():
    """90 % seen: the built-up pixels' own variance, 74/2 - 36 = 1 K2, stands for the rest: 1.96 x 0.1 K besides the rest."""
    whole, found = ISLAND.estimator(unit()).interval, ISLAND.estimator(unit(heat_built_m2=2 / 0.9 * KM2))
    assert whole is not None and found.interval is not None and found.interval.value == pytest.approx(5.0)
    assert found.interval.upper - 5 == pytest.approx(math.hypot(whole.upper - 5, 0.1 * 1.959964), abs=1e-3) and "90 % observed" in found.reason


def test_hot_land_has_the_bounds_of_the_pixels_errors():
    found = HOT.estimator(unit()).interval
    assert found is not None and (found.value, found.lower, found.upper, found.kind) == (pytest.approx(1.5), pytest.approx(1.0), pytest.approx(2.5), "model95")


def test_a_unit_without_rural_land_is_compared_with_that_of_its_tiles():
    found = ISLAND.estimator(unit(heat_rural_observed_m2=0.2 * KM2, heat_rural_k_m2=0.2 * KM2))
    assert found.interval is not None and found.interval.value == pytest.approx(6.0)
    assert "too little rural land in this unit: compared with that of its tiles" in found.reason


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"heat": None}, "needs_table", "needs the section heat in the configuration (heat: {})"),
        ({"heat_built_m2": 0.2 * KM2}, "insufficient_data", "0.2 km2 of built-up land as wide as the sensor's pixels; at least 0.25 km2 are needed"),
        ({"heat_built_m2": 0.0, "heat_built_observed_m2": 0.0}, "insufficient_data", "0 km2 of built-up land as wide as"),
        ({"heat_built_observed_m2": 0.0}, "insufficient_data", "no built-up pixel with enough dates with a temperature, or no rural land near"),
        ({"heat_land_m2": 0.0, "heat_built_m2": 0.0}, "insufficient_data", "no land whose class is known"),
        ({"heat_built_observed_m2": 0.8 * KM2}, "insufficient_data", "40 % observed; at least 50 % is needed"),
    ],
)
def test_why_there_is_no_heat_island(changes, status, words):
    found = ISLAND.estimator(unit(**changes))
    assert found.interval is None and found.status == status and words in found.reason


def test_of_hot_land_nothing_is_said_without_data():
    assert HOT.estimator(unit(heat=None)).status == "needs_table"
    assert HOT.estimator(unit(heat_land_m2=0.0)).reason == "no land whose class is known"
    assert HOT.estimator(unit(heat_land_observed_m2=0.0)).reason == "no pixel with enough dates with a temperature, or no rural land near"


def test_scenes_without_temperature_are_counted_in_the_reason():
    found = ISLAND.estimator(unit(HeatFacts(0.25 * KM2, 0.25 * KM2, ("3 scenes of the season carry no surface temperature and are left out",))))
    assert found.reason == "3 scenes of the season carry no surface temperature and are left out"
