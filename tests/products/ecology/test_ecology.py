"""The ecological index: its parts and its change by hand, what is said where something is missing, and the truth it is held to."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rs_pipeline.config import EcologySection, parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.estimation.uncertainty import Interval, weighted_sum
from rs_pipeline.indicators.status import judge
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.products.ecology.index import NOT_TOLD, habitat_quality, habitat_weights, land_stress
from rs_pipeline.products.ecology.indicators import _sum_of
from rs_pipeline.products.land.areas import AREAS
from rs_pipeline.products.land.facts import LandFacts
from rs_pipeline.products.soil.county import LEVELS_T_KM2
from rs_pipeline.products.soil.facts import SoilFacts

KM2, NAN = 1e6, math.nan
GOOD = {"users": 0.9, "producers": 0.9, "f1": 0.9}
PARTS = {"water": 0.10, "wetland": 0.05, "tree": 0.15, "grass": 0.10, "cropland": 0.40, "built": 0.15, "bare": 0.05}
SECTION = EcologySection()
CHANGE = "ecological_index_change"

pytestmark = pytest.mark.usefixtures("plain_errors")


def land_row(area_m2=100 * KM2, observed=1.0, **shares):
    parts, seen = PARTS | shares, area_m2 * observed
    row = {f"{name}_m2": share * seen for name, share in parts.items()} | {f"{name}_uncertain_m2": 0.04 * seen for name in parts}
    return row | {f"class_{name}_m2": share * seen for name, share in parts.items()} | {"area_m2": area_m2, "land_observed_m2": seen}


def soil_row(up_to_1600=0.7, up_to_3200=0.8, observed=100.0):
    shares = dict.fromkeys(LEVELS_T_KM2, up_to_1600) | {3200: up_to_3200, 6400: 1.0}
    return {f"soil_up_to_{level}_m2": share * observed * KM2 for level, share in shares.items()} | {
        "soil_land_m2": 100 * KM2,
        "soil_observed_m2": observed * KM2,
    }


SOIL = SoilFacts(200.0, 0.0)
"""Soil loss without doubt."""


@pytest.fixture
def facts_of(make):
    """Facts of one county in 2024 and in 2023, its baseline: ``now`` and ``then`` are county sums, ``land`` and ``base`` rows of land, ``accuracy`` that of
    the classes."""

    def facts_of(now=None, then=None, land=None, base=None, soil=None, accuracy=None):
        rows = {"2024": (make.sums() | (now or {}), land or land_row()), "2023": (make.sums() | (then or {}), base or land_row())}
        told = dict.fromkeys(AREAS, GOOD) | (accuracy or {})

        def at(period, baseline):
            county, row = rows[period]
            of_land = None if land == {} else LandFacts({"county": row}, {"county": rows[baseline][1]}, frozenset(), told)
            return replace(make.facts(county=county, period=period, land=of_land, soil=soil), baseline=baseline, measured=at)

        return at("2024", "2023")

    return facts_of


def estimate(name, facts):
    return estimate_indicator(INDICATORS[name], facts)


def test_habitat_quality_by_hand_and_its_range(facts_of):
    """Sum of weight x share .0790; all 0.70 of plants as cropland (.044) .0411, as trees (.21) .1573; times 511.2642."""
    got = estimate("habitat_quality_index", facts_of()).interval
    assert (got.value, got.lower, got.upper) == pytest.approx((40.3899, 21.0130, 80.4219), abs=1e-3) and got.kind == "range"


def test_a_county_of_one_class_stays_within_a_hundred_or_little_above():
    """The coefficient fits the weights of kinds, not those of types, by which forest would have 511.26 x 0.35 = 179."""
    assert {name: round(habitat_quality(SECTION, {name: 1.0}), 1) for name in ("tree", "wetland", "cropland", "bare")} == {
        "tree": 107.4, "wetland": 71.6, "cropland": 22.5, "bare": 1.0,
    }  # fmt: skip
    assert set(NOT_TOLD) < set(habitat_weights(SECTION)) and len(habitat_weights(SECTION)) == 7


def test_vegetation_by_hand(facts_of):
    """Cover 0.5: NDVI 0.16 + 0.71 x 0.5 = 0.515; 5150 x 0.0121165124 = 62.4."""
    assert estimate("vegetation_cover_index", facts_of()).interval.value == pytest.approx(62.4000, abs=1e-3)


def test_area_of_water_by_hand(facts_of):
    """A tenth of the unit: 591.79 x 0.1 / 3."""
    assert estimate("water_area_index", facts_of()).interval.value == pytest.approx(19.7264, abs=1e-3)


def test_land_stress_by_hand(facts_of):
    """Up to 2500 t: .7 + .1 ln(2500/1600)/ln 2 = .76439; up to 5000: .8 + .2 ln(5000/3200)/ln 2 = .92877. Eroded .2 x .16439 + .4 x .07123 = .06137; built
    .15 x .2 = .03; times 236.0436."""
    got = estimate("land_stress_index", facts_of(now=soil_row(), soil=SOIL)).interval
    assert got.value == pytest.approx(236.0435677948 * (0.2 * 0.164386 + 0.4 * 0.071229 + 0.03), abs=1e-3)
    assert got.lower < got.value < got.upper


@pytest.mark.parametrize(
    ("scale", "eroded"), [(2500 / 1600, 0.0), (2500 / (800 * math.sqrt(2)), 0.1), (2500 / 800, 0.2), (5000 / (800 * math.sqrt(2)), 0.3), (5000 / 800, 0.4)]
)
def test_the_limits_of_erosion(facts_of, scale, eroded):
    """All land loses 800 to 1600 t, evenly in the logarithm, times a factor: all up to 2500 t, half of it, none; half beyond 5000 t, all."""
    row = soil_row(1.0, 1.0) | {f"soil_up_to_{level}_m2": 0.0 for level in LEVELS_T_KM2 if level < 1600}
    facts = facts_of(now=row, soil=replace(SOIL, scale=scale), land=land_row(built=0.0))
    assert estimate("land_stress_index", facts).interval.value == pytest.approx(land_stress(SECTION, eroded, 0.0), abs=1e-6)


def test_change_by_hand(facts_of):
    """Built-up land from 12 to 15 %: ground of mean weight .0687 / .70 = .098143 becomes .012: 178.9425 x -.086143 - 7.0813 = -22.4959 points per unit, times
    .03. Cover from .50 to .55: .25 x 121.1651 x .71 = 21.5068 per unit, times .05. Together +0.4005."""
    got = estimate(CHANGE, facts_of(now={"fvc_growing_sum_m2": 0.55 * 90 * KM2}, base=land_row(built=0.12)))
    assert got.interval.value == pytest.approx(-0.674877 + 1.075340, abs=1e-4) and got.interval.kind == "model95"
    assert got.interval.lower < got.interval.value < got.interval.upper
    assert got.reason.startswith("without heights erosion is held constant") and "built has not been tested on real ground" in got.reason


def test_erosion_counts_with_heights_and_errors_common_to_both_years_cancel(facts_of):
    """A tenth of the land comes from above to below 1600 t and 3200 t: moderate erosion from .1644 to .1, heavy from .0712 to .0356; the same land in both years changes nothing, however doubtful its soil loss is."""
    doubtful = replace(SOIL, log_doubt=0.6, words=("rain erosivity 1800 everywhere, a guess (soil.erosivity)",))
    same = estimate(CHANGE, facts_of(now=soil_row(), then=soil_row(), soil=doubtful))
    none = estimate(CHANGE, facts_of())
    assert same.interval == none.interval and same.reason.startswith("rain erosivity") and "heights" not in same.reason
    better = estimate(CHANGE, facts_of(now=soil_row(0.8, 0.9), then=soil_row(), soil=SOIL)).interval
    eroded = 0.2 * (0.1 - 0.164386) + 0.4 * (0.035614 - 0.071229)
    assert better.value - same.interval.value == pytest.approx(-35.40654 * eroded, abs=1e-3)


def test_what_changed_may_have_been_any_class_of_plants():
    """Of cropland (.044) one unit of built-up land costs 12.8075 points, of forest (.21) 42.5119; the share rose by .02 to .04."""
    got = _sum_of(SECTION, {"built": Interval(0.03, 0.02, 0.04, "model95")}, 0.098143)
    assert (got.value, got.lower, got.upper) == pytest.approx((-0.674879, -0.04 * 42.5119, -0.02 * 12.8075), abs=1e-3)


def test_a_sum_of_numbers_adds_ranges_for_the_worst_and_others_by_squares():
    known, model, spread = Interval(5.0), Interval(1.0, 0.0, 3.0, "model95"), Interval(2.0, 1.0, 4.0, "range")
    assert weighted_sum([(1.0, known), (-2.0, known)]) == Interval(-5.0, kind="") or math.isnan(weighted_sum([(1.0, known)]).lower)
    assert weighted_sum([(3.0, model), (-4.0, model)]).bounds == (pytest.approx(-1 - math.hypot(3, 8)), pytest.approx(-1 + math.hypot(6, 4)))
    assert weighted_sum([(1.0, model), (-1.0, spread), (1.0, known)]) == Interval(4.0, 1.0, 7.0, "range")


NOTHING_SEEN = {"fvc_growing_observed_m2": 0.0, "fvc_growing_sum_m2": 0.0, "water_observed_m2": 0.0}


@pytest.mark.parametrize(
    ("name", "changes", "status", "words"),
    [
        (CHANGE, {"now": NOTHING_SEEN}, "insufficient_data", "clear"),
        (CHANGE, {"then": NOTHING_SEEN}, "insufficient_data", "clear"),
        (CHANGE, {"land": land_row(observed=0.0)}, "insufficient_data", "no pixel with enough clear dates in enough seasons"),
        (CHANGE, {"land": {}}, "insufficient_data", "this run made no land map"),
        (CHANGE, {"accuracy": {"bare": GOOD | {"f1": 0.5}}}, "insufficient_data", "bare is not told from other cover"),
        (CHANGE, {"now": soil_row(observed=79.0), "then": soil_row(), "soil": SOIL}, "insufficient_data", "too little land whose soil loss is known"),
        (CHANGE, {"now": soil_row(observed=0.0), "then": soil_row(), "soil": SOIL}, "insufficient_data", "no pixel with heights"),
        ("habitat_quality_index", {"land": land_row(observed=0.0)}, "insufficient_data", "no pixel"),
        ("habitat_quality_index", {"land": land_row(observed=0.49)}, "insufficient_data", "49 % observed"),
        ("habitat_quality_index", {"land": {}}, "insufficient_data", "this run made no land map"),
        ("vegetation_cover_index", {"now": NOTHING_SEEN}, "insufficient_data", "no pixel with enough clear dates"),
        ("vegetation_cover_index", {"now": {"fvc_growing_observed_m2": NAN}}, "insufficient_data", "no pixel with enough clear dates"),
        ("water_area_index", {"now": NOTHING_SEEN}, "insufficient_data", ""),
        ("land_stress_index", {}, "needs_table", "needs heights (soil.dem, or masks.dem)"),
        ("land_stress_index", {"now": soil_row(observed=49.0), "soil": SOIL}, "insufficient_data", "49 % observed"),
        ("land_stress_index", {"now": soil_row() | {"soil_land_m2": 0.0}, "soil": SOIL}, "no_target", "no land in this unit"),
    ],
)
def test_what_was_not_seen_is_missing_and_never_zero(facts_of, name, changes, status, words):
    got = estimate(name, facts_of(**changes))
    assert got.interval is None and (got.status, words in got.reason) == (status, True), got


def test_enough_soil_is_eighty_percent(facts_of):
    facts = facts_of(now=soil_row(observed=80.0), then=soil_row(), soil=SOIL)
    assert estimate(CHANGE, facts).interval is not None and estimate(CHANGE, facts).observed_fraction == pytest.approx(0.8)


def test_the_baseline_has_no_change(facts_of):
    facts = facts_of()
    assert "baseline period" in estimate(CHANGE, facts.at("2023", "2023")).reason


def test_a_county_of_one_pixel_and_one_without_plants(facts_of, make):
    """100 m2: shares are those of the pixel, bounds are finite."""
    pixel = {k: v / KM2 for k, v in make.sums().items() if k.endswith("_m2")} | {k: v / KM2**2 for k, v in make.sums().items() if k.endswith("_m4")}
    facts = facts_of(now=pixel, then=pixel, land=land_row(100.0), base=land_row(100.0))
    got = estimate(CHANGE, facts).interval
    assert got.value == pytest.approx(0.0, abs=1e-9) and all(map(math.isfinite, got.bounds)) and got.lower < 0 < got.upper
    bare = dict.fromkeys(NOT_TOLD, 0.0) | {"built": 0.85}
    assert math.isfinite(estimate(CHANGE, facts_of(land=land_row(**bare), base=land_row(**bare))).interval.value)


def test_half_seen_is_a_range(facts_of):
    half = {"fvc_growing_observed_m2": 0.6 * 90 * KM2, "fvc_growing_sum_m2": 0.3 * 90 * KM2, "fvc_growing_square_m2": 0.18 * 90 * KM2}
    assert estimate(CHANGE, facts_of(now=half)).interval.kind == "range"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (Interval(2.0, 1.01, 3.0, "model95"), "on_track"), (Interval(2.0, 0.9, 3.0, "model95"), "undecidable"), (Interval(-2.0, -3.0, -1.0, "model95"), "off_track"),
        (Interval(-2.0, -3.0, -0.9, "model95"), "undecidable"), (Interval(0.5, 0.4, 0.6, "model95"), "undecidable"),
    ],
)  # fmt: skip
def test_less_than_a_point_is_no_evident_change(make, change, status):
    target = make.target("increase", None, unit="index", baseline_year=2024, target_year=2027)
    least = INDICATORS[CHANGE].least(parse(CONFIG))
    assert least == 1.0 and judge(target, change, 2025, least=least, is_change=True).status == status


CONFIG = {"run": "x", "units": {"path": "u.gpkg"}, "periods": [2024, 2025], "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bare_ndvi": 0.9}, "bare_ndvi must be below full_ndvi, got 0.9 and 0.87"),
        ({"heavy_t_km2": 2500}, "moderate_t_km2 must be below heavy_t_km2, got 2500 and 2500"),
        ({"moderate_erosion": 0.5}, "moderate_erosion must not be above heavy_erosion, got 0.5 and 0.4"),
        ({"richness_weight": 1.1}, "richness_weight"),
        ({"wieght": 1}, "wieght"),
    ],
)
def test_wrong_keys_are_refused_by_name(wrong, words):
    with pytest.raises(ConfigError, match="(?s)ecology") as fault:
        parse(CONFIG | {"ecology": wrong})
    assert words in str(fault.value)
