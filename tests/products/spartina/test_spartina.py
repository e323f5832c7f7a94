"""Cordgrass: its evidence, its area, and when there is none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rs_pipeline.estimation.estimate import FORESHORE, LEAST_F1, Facts
from rs_pipeline.estimation.uncertainty import Thresholds
from rs_pipeline.products.sea import NEAR_SEA
from rs_pipeline.products.seasons import GREEN_PARTS, LATE_AUTUMN, SEASONS, STATISTICS, SeasonStatistics
from rs_pipeline.products.spartina import indicators as module
from rs_pipeline.products.spartina.accuracy import LEAST_HA, SIMULATED, why_withheld
from rs_pipeline.products.spartina.county import county_sums
from rs_pipeline.products.spartina.evidence import GREEN_LIMITS, late_green_margin, season_layers
from rs_pipeline.products.spartina.maps import BANDS, LateGreen

NAN = np.nan
PLANTS = {
    # late NDVI, colour, peak, spring, winter, MNDWI when flooded
    "cordgrass": (0.55, 0.05, 0.75, 0.10, 0.10, 0.6),
    "reed, yellow": (0.40, -0.12, 0.75, 0.25, 0.15, 0.2),
    "seepweed, red": (0.28, -0.10, 0.50, 0.12, 0.06, 0.6),
    "algae on mud": (0.30, 0.03, 0.30, 0.33, 0.12, 0.8),
    "winter wheat": (0.30, -0.05, 0.85, 0.75, 0.35, -0.4),
    "late crop": (0.55, 0.05, 0.75, 0.10, 0.10, -0.4),
    "evergreen trees": (0.65, 0.02, 0.70, 0.66, 0.66, -0.4),
    "bare mud": (0.06, 0.02, 0.08, 0.05, 0.05, 0.8),
    "water": (-0.50, 0.20, -0.40, -0.50, -0.50, 1.0),
}
"""NDVI and GRVI by season, rounded; the seasons in which they are green are those of Zhang, X. et al. 2020 (Remote Sens. 12(3), PMC7357893): cordgrass does
not green up in April and May and is the last to be green; reed and bulrush are not."""


def statistics(*pixels, n_late=2):
    """Statistics of a strip of one row; a pixel is (late, colour, peak, spring, winter, wet)."""
    values = np.full((len(STATISTICS), 1, len(pixels)), NAN, "float32")
    late, colour, peak, spring, winter, wet = np.array(pixels, "float32").reshape(-1, 6).T
    values[STATISTICS.index("ndvi_p90"), 0], values[STATISTICS.index("mndwi_p90"), 0] = peak, wet
    for season, v in (("spring", spring), ("winter", winter)):
        values[STATISTICS.index(f"{season}_red"), 0], values[STATISTICS.index(f"{season}_nir"), 0] = 0.1 * (1 - v), 0.1 * (1 + v)
    dates = np.full((len(SEASONS), 1, len(pixels)), 3)
    greenest, n_green = np.full((len(GREEN_PARTS), 2, 1, len(pixels)), NAN, "float32"), np.zeros((len(GREEN_PARTS), 1, len(pixels)), "int64")
    autumn = list(GREEN_PARTS).index(LATE_AUTUMN)
    greenest[autumn, :, 0], n_green[autumn] = (late, colour), n_late
    return SeasonStatistics(values, dates, greenest, n_green)


def test_only_cordgrass_is_green_late_and_not_in_spring_or_winter():
    layers = season_layers(statistics(*PLANTS.values()))
    assert set(layers) == {b.name for b in BANDS} and all(v.dtype == "float32" for v in layers.values())
    assert dict(zip(PLANTS, layers["class"][0] == LateGreen.LIKE, strict=True)) == {name: name == "cordgrass" for name in PLANTS}
    assert layers["late_ndvi"][0, 0] == pytest.approx(0.55) and (layers["n_dates"] == 2).all()


@pytest.mark.parametrize("name", list(GREEN_LIMITS))
def test_a_pixel_at_a_limit_is_cordgrass_and_a_little_outside_it_is_doubtful(name):
    limit, well_inside = GREEN_LIMITS[name], {n: lim.value + (9 if lim.least else -9) * lim.scatter for n, lim in GREEN_LIMITS.items()}
    outside = -0.5 if limit.least else 0.5
    assert late_green_margin(well_inside) == pytest.approx(9)
    assert late_green_margin(well_inside | {name: limit.value}) == 0
    assert late_green_margin(well_inside | {name: limit.value + outside * limit.scatter}) == pytest.approx(-0.5)


def test_a_pixel_under_water_on_every_late_date_is_missing_unless_something_else_speaks_against_cordgrass():
    _, colour, *others = PLANTS["cordgrass"]
    wet, dry, sown = (-0.01, colour, *others), (0.01, colour, *others), (-0.01, colour, others[0], 0.7, *others[2:])
    found = season_layers(statistics(wet, dry, sown))["class"][0]
    assert np.isnan(found[0]) and found[1:].tolist() == [LateGreen.OTHER, LateGreen.OTHER]


def test_a_season_that_was_not_seen_is_missing_not_other_ground():
    green = PLANTS["cordgrass"]
    layers = season_layers(statistics(*(tuple(NAN if i == k else v for i, v in enumerate(green)) for k in range(6))))
    assert np.isnan(layers["class"]).all() and np.isnan(layers["margin"]).all()
    assert np.isnan(season_layers(statistics(green, n_late=1))["class"]).all()
    assert season_layers(statistics())["class"].shape == (1, 0)


def bands(margin, near=True, kind=0.0):
    one = np.ones((1, 1), "float32")
    return {"spartina.margin": margin * one, "water.class": kind * one, NEAR_SEA: near * one > 0}


@pytest.mark.parametrize(
    ("margin", "near", "kind", "found"),
    [
        (0.0, True, 0, (1, 1, 1, NAN, 1)), (1.0, True, 2, (1, 1, 1, 1, 1)), (-0.01, True, 3, (1, 1, NAN, NAN, 1)), (-1.01, True, 0, (1, 1, NAN, NAN, NAN)),
        (NAN, True, 0, (1, NAN, NAN, NAN, NAN)), (2.0, False, 0, (NAN,) * 5), (2.0, True, 1, (NAN,) * 5), (2.0, True, NAN, (1, 1, 1, 1, 1)),
    ],
)  # fmt: skip
def test_counties_sum_late_green_at_the_edge_of_the_sea(margin, near, kind, found):
    layers = county_sums(None, bands(margin, near, kind), {}).layers
    columns = ("ground", "observed", "", "surely", "possibly")
    got = [layers[f"spartina_{c}_m2" if c else "spartina_m2"][0, 0] for c in columns]
    np.testing.assert_array_equal(got, found)


def facts(coast=True, **sums):
    row = {"area_m2": 1e8, "n_scenes": 9.0, **{f"spartina_{k}_m2" if k else "spartina_m2": v for k, v in sums.items()}}
    return Facts("2025", "2024", True, {"county": row}, {}, Thresholds(), own={"has_coast": coast})


def area(**sums):
    return module._area(facts(**{"ground": 1e6, "observed": 1e6, "": 1e5, "surely": 8e4, "possibly": 1.2e5} | sums))


def test_the_area_has_an_interval_that_holds_it_and_grows_with_doubt(monkeypatch):
    monkeypatch.setattr(module, "why_withheld", lambda: None)
    found, doubtful = area(), area(possibly=3e5)
    assert found.interval.value == pytest.approx(10.0) and found.interval.kind == "model95" and found.observed_fraction == 1
    assert 0 <= found.interval.lower < 10 < found.interval.upper < doubtful.interval.upper
    assert "a visit must confirm the species" in found.reason


def test_cordgrass_before_the_unit_is_its_own(monkeypatch):
    """5 ha on 50 ha of flats before it, all seen: 15 ha with the 10 of the unit."""
    monkeypatch.setattr(module, "why_withheld", lambda: None)
    whole = facts(ground=1e6, observed=1e6, surely=8e4, possibly=1.2e5, **{"": 1e5})
    before = {
        "area_m2": 1e7,
        "spartina_ground_m2": 5e5,
        "spartina_observed_m2": 5e5,
        "spartina_m2": 5e4,
        "spartina_surely_m2": 5e4,
        "spartina_possibly_m2": 5e4,
    }
    assert module._area(replace(whole, zones={**whole.zones, FORESHORE: before})).interval.value == pytest.approx(15.0)


def test_none_found_is_zero_with_an_upper_bound_and_nothing_seen_is_missing(monkeypatch):
    monkeypatch.setattr(module, "why_withheld", lambda: None)
    none = area(**{"": 0.0, "surely": 0.0, "possibly": 0.0}).interval
    assert none.value == none.lower == 0 and 0 < none.upper < 5
    unseen = area(observed=0.0)
    assert unseen.interval is None and unseen.status == "insufficient_data" and "late autumn" in unseen.reason
    assert area(observed=4e5).status == "insufficient_data"


def test_a_unit_or_a_run_without_a_coast_has_no_target():
    for found, said in ((area(ground=0.0, observed=0.0), "no coast in this unit"), (area(coast=False), "this run has no coast (section coastline)")):
        assert (found.interval, found.status, found.reason) == (None, "no_target", said)


def test_the_accuracy_that_decides_is_that_of_the_table():
    table = pd.read_csv(Path(__file__).parents[2] / "accuracy" / "table.csv")
    mine = table[(table["product"] == "spartina") & (table.world == "cordgrass, flats (held out)") & (table.method == "ours")].set_index("metric").value
    assert {name: mine[name] for name in SIMULATED} == SIMULATED
    real = table[(table["product"] == "spartina") & (table.kind == "real") & (table.metric == "false_alarm_share")]
    false_alarms = table[(table["product"] == "spartina") & (table.metric == "false_alarms") & (table.method == "ours")]
    assert (real.value == 0).all() and len(real) == 2 and (false_alarms.value < LEAST_HA).all() and len(false_alarms) == 7


def test_the_area_is_withheld_with_figures_where_the_map_does_not_tell_the_plants_apart(monkeypatch):
    poor = {"f1": LEAST_F1 - 0.01, "users": 0.6, "producers": 0.8}
    assert why_withheld(poor).reason == "cordgrass is not told from other plants of the shore: user's accuracy 60 %, producer's 80 % on simulated worlds"
    assert why_withheld(poor | {"f1": LEAST_F1}) is None
    monkeypatch.setattr(module, "why_withheld", lambda: why_withheld(poor))
    assert area().status == "insufficient_data"
