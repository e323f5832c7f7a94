"""The ground before the coast of a unit, and the tidal flats on it."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.estimation.estimate import FORESHORE
from rs_pipeline.indicators.foreshore import FORESHORE_M, foreshores, landlocked
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from tests.made_up_run import KM2

UTM = "EPSG:32650"
KM = 1000.0


def frame(**shapes):
    units = gpd.GeoDataFrame({"adcode": list(shapes), "in_region": True}, geometry=list(shapes.values()), crs=UTM)
    return units.assign(name=units.adcode, prefecture="")


def estimate_of(name, facts):
    return estimate_indicator(INDICATORS[name], facts)


def nothing():
    return gpd.GeoSeries([], crs=UTM)


def square(west_km, south_km, side_km=20):
    return shapely.box(500 * KM + west_km * KM, 4300 * KM + south_km * KM, 500 * KM + (west_km + side_km) * KM, 4300 * KM + (south_km + side_km) * KM)


def test_the_ground_before_two_units_is_shared_at_their_border():
    found = foreshores(frame(a=square(0, 0), b=square(0, 20)), nothing(), UTM).set_index("adcode").geometry
    sea = shapely.box(520 * KM, 4300 * KM, 530 * KM, 4340 * KM)
    assert found["a"].intersection(sea).area == pytest.approx(200 * KM2, rel=0.01) == found["b"].intersection(sea).area
    assert found["a"].intersection(found["b"]).area == pytest.approx(0, abs=1)
    assert found["a"].intersection(square(0, 0)).area == 0
    far = shapely.box(0, 0, 520 * KM + FORESHORE_M, 1e7)
    assert found["a"].within(far.buffer(1)) and not found["a"].within(far.buffer(-100))


def test_ground_that_is_nearer_to_an_area_outside_the_run_is_its_own():
    """Of 10 km before the coast, the unit has what lies before its own 20 km of it."""
    alone = foreshores(frame(a=square(0, 0)), nothing(), UTM).geometry.iloc[0]
    beside = foreshores(frame(a=square(0, 0)), gpd.GeoSeries([square(0, 20), square(0, -20)], crs=UTM), UTM).geometry.iloc[0]
    before_others = shapely.box(520 * KM, 4320 * KM + 500, 530 * KM, 4330 * KM)
    assert alone.intersection(before_others).area > 0 and beside.intersection(before_others).area == 0


def test_a_unit_within_others_has_none_and_overlapping_units_have_the_same():
    inner, whole = square(5, 5, 5), square(0, 0)
    found = foreshores(frame(inner=inner, whole=whole, twin=whole).assign(in_region=False), nothing(), UTM).set_index("adcode").geometry
    assert set(found.index) == {"whole", "twin"} and found["whole"].equals(found["twin"])


def test_a_unit_of_one_pixel_has_a_foreshore_and_columns_stay():
    units = frame(p=square(0, 0, 0.01)).to_crs(4326)
    found = foreshores(units, nothing(), UTM)
    assert list(found.zone) == [FORESHORE] and found.crs == units.crs and list(found.columns) == [*units.columns, "zone"]
    assert found.to_crs(UTM).area.iloc[0] == pytest.approx(np.pi * FORESHORE_M**2, rel=0.02)


@pytest.fixture
def at_sea(make):
    """Facts of a unit with 1 km2 of flats in it and 3 km2 before it, of 20 km2 each."""

    def at_sea(**changes):
        unit = make.sums(sea_m2=2 * KM2, tidal_flat_m2=1 * KM2, tidal_flat_var_m4=(0.1 * KM2) ** 2)
        before = make.sums(sea_m2=20 * KM2, tidal_flat_m2=3 * KM2, tidal_flat_var_m4=0.0, area_m2=25 * KM2, water_observed_m2=25 * KM2)
        return make.facts(unit, zones={FORESHORE: before | changes}, has_coast=True)

    return at_sea


def test_flats_of_a_unit_are_those_in_it_and_before_it(at_sea):
    found = estimate_of("tidal_flat_area", at_sea())
    assert found.interval.value == pytest.approx(400.0) and found.interval.kind == "range" and found.observed_fraction == 1
    assert found.interval.lower == pytest.approx(400 - 1.959964 * 10) and found.interval.upper == np.inf and "a lower bound" in found.reason


@pytest.mark.parametrize(("flats_ha", "seen"), [(0.0, False), (19.5, False), (19.7, True)])
def test_a_lower_bound_of_none_says_nothing(make, flats_ha, seen):
    """The doubt of the flats is 10 ha, half of their 95 % interval 19.6 ha."""
    unit = make.sums(sea_m2=2 * KM2, tidal_flat_m2=flats_ha * 1e4, tidal_flat_var_m4=(0.1 * KM2) ** 2)
    found = estimate_of("tidal_flat_area", make.facts(unit, has_coast=True))
    assert (found.interval is not None) == seen
    assert seen or found.reason == "no tidal flat shows at the hours of the passes: whether there is any cannot be told"


def test_flats_that_were_seen_in_part_are_scaled_and_unseen_ones_are_not_zero(at_sea, make):
    found = estimate_of("tidal_flat_area", at_sea(water_observed_m2=15 * KM2))
    assert found.interval.value == pytest.approx(400 * 125 / 115) and found.observed_fraction == pytest.approx(115 / 125)
    unseen = replace(at_sea(water_observed_m2=0.0), zones={"county": make.sums(sea_m2=1.0, water_observed_m2=0.0)})
    assert estimate_of("tidal_flat_area", unseen).status == "insufficient_data"


def test_an_inland_unit_has_no_flats_and_its_own_wetland(make):
    inland = estimate_of("tidal_flat_area", make.facts(has_coast=True))
    assert (inland.interval, inland.status, inland.reason) == (None, "no_target", "no coast in this unit")
    assert "has no coast" in estimate_of("tidal_flat_area", make.facts()).reason
    assert estimate_of("open_wetland_area", make.facts(make.sums(tidal_flat_m2=0.0))).interval.value == pytest.approx(1500.0), "10 + 5 km2"


def test_wetland_without_plants_adds_flats_to_inland_water(at_sea):
    assert estimate_of("open_wetland_area", at_sea()).interval.value == pytest.approx(1900.0)


def test_a_foreshore_without_sea_is_not_kept():
    table = pd.DataFrame({"zone": ["county", FORESHORE, FORESHORE], "sea_m2": [0.0, 0.0, 5.0]})
    assert landlocked(table).tolist() == [False, True, False]
    assert not landlocked(table.drop(columns="sea_m2").head(1)).any()
