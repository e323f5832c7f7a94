"""Water that plants hide in their season: kept by the map, stated by bodies and counties."""

import numpy as np
import pytest

from rs_pipeline.products.observe import finish_water
from rs_pipeline.products.sea import SEA
from rs_pipeline.products.water.bodies import bodies
from rs_pipeline.products.water.county import county_sums
from tests.products.water.test_bodies import PIXEL, dry_land, put, read, settings  # noqa: F401

SIZE = 40
POND, ARM, FOREST, PADDY = (np.s_[5:15, 5:15], np.s_[5:15, 15:25], np.s_[25:35, 5:15], np.s_[25:35, 25:35])
"""Open water; beside it an arm full of lotus from June to September; a wood in the shadow of winter; a paddy."""


def year() -> dict[str, np.ndarray]:
    """Layers of a year of twelve months, seven of high sun, float32 (SIZE, SIZE): meadow, POND, ARM, FOREST, PADDY."""
    layers = {
        "frequency": (0.0, 1.0, 7 / 12, 5 / 12, 2 / 12), "clear_months": (12,) * 5, "high_sun_frequency": (0.0, 1.0, 3 / 7, 0.0, 2 / 7), "high_sun_months": (7,) * 5,
        "spring_wet_months": (0, 2, 1, 0, 2), "green_months": (5, 0, 4, 5, 3), "high_sun_green_months": (5, 0, 4, 5, 3),
        "red_refl": (0.08, 0.03, 0.04, 0.03, 0.05), "nir_refl": (0.30, 0.03, 0.30, 0.30, 0.30), "swir1_refl": (0.20, 0.01, 0.15, 0.12, 0.20),
        "fvc_peak": (0.8, 0.0, 0.9, 0.9, 0.9),
    }  # fmt: skip
    out = {name: np.full((SIZE, SIZE), values[0], "float32") for name, values in layers.items()}
    for k, where in enumerate((POND, ARM, FOREST, PADDY), start=1):
        for name, values in layers.items():
            out[name][where] = values[k]
    return out


@pytest.fixture
def maps(make_settings):
    found = year()
    finish_water(make_settings(), found, np.zeros((SIZE, SIZE), bool))
    return found


def test_an_arm_full_of_lotus_stays_water_with_plants(maps):
    """Its leaves are as bright as land and hide it in most months of high sun; by those it would be winter shadow."""
    assert (maps["plants"][ARM] == 1).all() and (maps["class"][ARM] == 2).all()
    assert maps["frequency"][ARM] == pytest.approx(7 / 12)
    assert (maps["class"][POND] == 1).all() and (maps["plants"][POND] == 0).all()


def test_a_wood_in_shadow_and_a_paddy_are_none(maps):
    assert (maps["plants"][FOREST] == 0).all() and (maps["class"][FOREST] == 0).all()
    assert (maps["plants"][PADDY] != 1).all()
    outside = np.ones((SIZE, SIZE), bool)
    outside[POND] = outside[ARM] = outside[PADDY] = False
    assert not maps["class"][outside].any() and not maps["plants"][outside].any()


def test_bodies_state_their_plants(settings):  # noqa: F811
    wet, plants = dry_land(), dry_land()
    wet[2:12, 2:12], plants[2:12, 9:12] = 0.9, 1
    plants[30, 30] = 1  # on land: the map has no such pixel, and no body could have it
    put(settings, "2022", wet, plants=plants)
    put(settings, "2023", np.where(wet > 0, np.nan, 0.0), plants=np.where(wet > 0, np.nan, 0.0))
    bodies(settings)
    seen, hidden = read(settings).itertuples()
    assert seen.area_m2 == pytest.approx(100 * PIXEL, rel=1e-4) and seen.plants_m2 == pytest.approx(30 * PIXEL, rel=1e-4)
    assert hidden.state == "not_observed" and np.isnan(hidden.plants_m2)


def test_counties_sum_inland_water_with_plants(make_settings):
    """Open, with plants, paddy, with plants at sea, not observed."""
    bands = {"water.class": [1, 2, 2, 1, np.nan], "water.plants": [0, 1, 2, 1, np.nan], "water.permanent_fraction": [1, 0, 0, 1, np.nan]}
    bands |= {f"water.{name}": [1, 0.6, 0.4, 1, np.nan] for name in ("frequency", "frequency_lower", "frequency_upper")}
    now = {name: np.array([values], "float32") for name, values in bands.items()} | {SEA: np.array([[False, False, False, True, False]])}
    layer = county_sums(make_settings(), now, now).layers["water_plants_m2"]
    np.testing.assert_array_equal(layer, np.array([[np.nan, 1, np.nan, np.nan, np.nan]], "float32"))
