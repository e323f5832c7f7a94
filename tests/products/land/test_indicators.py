"""Indicators of land cover: hand-worked sums of one county, and what is said where something is missing."""

import numpy as np
import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.estimation.change import change_between
from rs_pipeline.estimation.reference import NO_REFERENCES, References
from rs_pipeline.estimation.sampling import Sample
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.products.land.areas import AREAS
from rs_pipeline.products.land.facts import LandFacts
from rs_pipeline.products.land.gdp import read_gdp
from rs_pipeline.products.land.indicators import BY_UNITS, TREES_NOT_FOREST, grown, quotient

KM2 = 1e6
GOOD = {"users": 0.9, "producers": 0.9, "f1": 0.9}
PARTS = {"water": 0.10, "wetland": 0.05, "tree": 0.15, "grass": 0.10, "cropland": 0.40, "built": 0.15, "bare": 0.05, "disturbed": 0.20, "natural": 0.40}


pytestmark = pytest.mark.usefixtures("plain_errors")


def sums(area_km2=100.0, **changes):
    """A zone wholly seen in both years, with PARTS of each class and an uncertainty p (1 - p) of 0.04 everywhere; nothing converted."""
    m2 = area_km2 * KM2
    row = {
        "area_m2": m2,
        "land_observed_m2": m2,
        "common_m2": m2,
        "built_common_m2": 0.15 * m2,
        "built_baseline_m2": 0.12 * m2,
        "built_change_square_m2": 0.04 * m2,
    }
    row |= {f"{name}_m2": p * m2 for name, p in PARTS.items()} | {f"{name}_uncertain_m2": 0.04 * m2 for name in PARTS}
    row |= {"forest_m2": 0.12 * m2, "forest_uncertain_m2": 0.04 * m2}
    row |= {f"class_{name}_m2": PARTS[name] * m2 for name in ("wetland", "tree", "grass", "cropland", "built", "bare")}
    row |= {"forest_common_m2": 0.12 * m2, "forest_baseline_m2": 0.1 * m2, "forest_change_square_m2": 0.04 * m2}
    row |= {f"regreened{bound}_m2": 0.0 for bound in ("", "_lower", "_upper")}
    row |= {f"{kind}converted{bound}_m2": 0.0 for kind in ("", "natural_") for bound in ("", "_lower", "_upper", "_refuted")}
    return row | changes


@pytest.fixture
def estimate_of(make):
    """(indicator, zones, ...) to the estimate for one county in 2024, baseline 2023."""

    def estimate_of(
        name, zones=None, *, base=None, tables=(), accuracy=None, period="2024", references=NO_REFERENCES, base_references=NO_REFERENCES, **changes
    ):
        zones = {"county": sums()} if zones is None else zones
        accuracy = dict.fromkeys(AREAS, GOOD) | (accuracy or {})
        land = LandFacts(zones, {"county": sums(built_m2=12 * KM2)} if base is None else base, frozenset(tables), accuracy, **changes)
        return estimate_indicator(INDICATORS[name], make.facts(land=land, period=period, references=references, base_references=base_references))

    return estimate_of


def test_an_area_and_its_interval_by_hand(estimate_of):
    # random: 1.96 sqrt(.04 x .09 / 100) = .01176, systematic: once .04; their hypotenuse of 100 km2 is 4.1693 km2
    got = estimate_of("construction_land_area")
    assert got.interval.kind == "model95" and got.interval.value == pytest.approx(15)
    assert got.interval.lower == pytest.approx(15 - 4.1693, abs=1e-3) and got.interval.upper == pytest.approx(15 + 4.1693, abs=1e-3)
    assert got.reason == "land map trained on simulated worlds and real pixels; built has not been tested on real ground"


@pytest.mark.parametrize(("name", "value"), [("cropland_area", 40), ("tree_area", 15), ("grass_area", 10), ("wetland_area", 5), ("bare_area", 5)])
def test_areas_of_the_other_classes(estimate_of, name, value):
    assert estimate_of(name).interval.value == pytest.approx(value)


def settled(area_km2=2.0, known_km2=100.0, **changes):
    """A unit of 100 km2 with a part of it in settlements, of which the map of settlements knows ``known_km2``."""
    zones = {"county": sums(settlements_known_m2=known_km2 * KM2)}
    return zones | ({"settlement": sums(area_km2, **changes)} if area_km2 else {})


def test_bare_ground_of_settlements_by_hand(estimate_of):
    """5 % of 200 ha; random: 1.96 sqrt(.04 x .09 / 2) = .0832, systematic: once .04; the hypotenuse is .0923 and goes below 0."""
    got = estimate_of("settlement_bare_area", settled(), settlements="the rule of 2023")
    assert got.interval.value == pytest.approx(10) and got.interval.kind == "model95"
    assert got.interval.lower == 0 and got.interval.upper == pytest.approx(10 + 18.456, abs=2e-3)
    assert got.reason.startswith("bare in every season of the year, March to May included; what is bare in spring alone is not counted; the rule of 2023; ")


def test_settlements_that_were_hardly_seen_are_not_without_bare_ground(estimate_of):
    unseen = estimate_of("settlement_bare_area", settled(land_observed_m2=0.0))
    assert (unseen.interval, unseen.reason) == (None, "no pixel of a settlement with enough clear dates in enough seasons")
    less = estimate_of("settlement_bare_area", settled(land_observed_m2=0.9 * KM2))
    assert (less.interval, less.reason) == (None, "45 % observed; at least 50 % is needed")
    unknown = estimate_of("settlement_bare_area", settled(known_km2=40.0))
    assert (unknown.interval, unknown.reason) == (None, "40 % of this unit is on the land map that settlements are drawn from")
    partly = estimate_of("settlement_bare_area", settled(known_km2=90.0))
    assert partly.interval.value == pytest.approx(10 / 0.9) and partly.observed_fraction == pytest.approx(0.9)


def test_a_unit_without_settlements_has_no_target(estimate_of):
    got = estimate_of("settlement_bare_area", settled(0))
    assert (got.interval, got.status, got.reason) == (None, "no_target", "no settlement in this unit")


def test_a_settlement_of_one_pixel_is_bare_at_most_as_a_whole(estimate_of):
    got = estimate_of("settlement_bare_area", settled(1e-4))
    assert got.interval.value == pytest.approx(5e-4) and 0 <= got.interval.lower and got.interval.upper <= 0.01


def test_bare_ground_of_settlements_is_withheld_where_bare_is_not_told(estimate_of):
    got = estimate_of("settlement_bare_area", settled(), accuracy={"bare": {"users": 0.5, "producers": 0.5, "f1": 0.5}})
    assert got.interval is None and got.reason.startswith("bare is not told from other cover")


def test_a_class_that_is_not_told_apart_is_withheld_with_its_accuracy(estimate_of):
    got = estimate_of("tree_area", accuracy={"tree": {"users": 0.55, "producers": 0.62, "f1": 0.58}})
    assert got.interval is None and got.status == "insufficient_data"
    assert got.reason == "tree is not told from other cover: user's accuracy 55 %, producer's 62 % on simulated worlds"


@pytest.mark.parametrize(("f1", "withheld"), [(0.7, False), (0.69, True)])
def test_a_class_is_told_apart_from_an_f1_of_seven_tenths(estimate_of, f1, withheld):
    assert (estimate_of("tree_area", accuracy={"tree": GOOD | {"f1": f1}}).interval is None) == withheld


def test_forest_is_trees_on_enough_ground_or_what_the_samples_find(estimate_of):
    """12 of 100 km2 in large patches. Where the map does not tell trees from crops it says so; samples find forest in a fifth of the 15 km2 of trees and
    in a tenth of the rest all the same: 3 + 8.5."""
    got = estimate_of("forest_cover")
    assert got.interval.value == pytest.approx(12) and got.interval.kind == "model95"
    assert got.reason.startswith("trees in patches of at least 0.0667 ha, orchards and plantations among them; ")
    poor = {"tree": GOOD | {"f1": 0.3}}
    withheld = estimate_of("forest_cover", accuracy=poor)
    assert withheld.interval is None and withheld.reason.startswith("tree is not told from other cover")
    mapped = np.repeat([0, 1], 40)
    true = np.r_[np.repeat([1, 0], [4, 36]), np.repeat([1, 0], [8, 32])]
    sample = Sample(mapped, mapped.astype(float), true.astype(float))
    sampled = estimate_of("forest_cover", accuracy=poor, references=References({"land_forest": sample}, {"land_forest": sample}, is_region=False))
    assert sampled.interval.value == pytest.approx(15 * 0.2 + 85 * 0.1) and sampled.interval.kind == "design95"
    assert estimate_of("forest_cover", {"county": sums(land_observed_m2=0.0)}).reason == "no pixel with enough clear dates in enough seasons"


def test_forest_change_is_withheld_as_forest_is_and_corrected_where_samples_do_in_both_years(estimate_of):
    """12 km2 in large patches, 10 before. The errors of both years, once 0.04 + 0.04 of 100 km2. Samples of both years find forest in a fifth of the trees
    and a tenth of the rest: 15 km2 of trees now (11.5 of forest) and 5 then (10.5)."""
    got = estimate_of("forest_change")
    assert got.interval.value == pytest.approx(2) and got.interval.kind == "model95" and got.reason.startswith(TREES_NOT_FOREST)
    assert got.interval.bounds == pytest.approx((-6, 10)) and got.spread.indicator == "forest_area:change"
    poor = {"tree": GOOD | {"f1": 0.69}}
    withheld = estimate_of("forest_change", accuracy=poor)
    assert withheld.interval is None and withheld.reason == "tree is not told from other cover: user's accuracy 90 %, producer's 90 % on simulated worlds"
    assert "baseline period" in estimate_of("forest_change", period="2023").reason
    mapped, true = np.repeat([0, 1], 40), np.r_[np.repeat([1, 0], [4, 36]), np.repeat([1, 0], [8, 32])]
    sample = Sample(mapped, mapped.astype(float), true.astype(float))
    samples = References({"land_forest": sample}, {"land_forest": sample}, is_region=False)
    base = {"county": sums(tree_m2=5 * KM2, class_tree_m2=5 * KM2)}
    assert estimate_of("forest_change", base=base, references=samples).interval.value == pytest.approx(2), "one year alone"
    both = estimate_of("forest_change", base=base, accuracy=poor, references=samples, base_references=samples)
    assert both.interval.value == pytest.approx(1) and both.mapped.interval is None
    unseen = {"county": sums(common_m2=0.0)}
    assert estimate_of("forest_change", unseen).reason == "no pixel seen in both this and the baseline period"


def test_regreened_ground_of_mines_is_a_range_in_ha(estimate_of):
    """2 ha, 1 beyond doubt and 4 possible, of 100; a fifth of the mine was not seen twice."""
    amounts = {f"regreened{bound}_m2": v * 1e4 for bound, v in (("", 2), ("_lower", 1), ("_upper", 4))}
    zones = {"county": sums(), "mine": sums(1.0, **amounts)}
    assert estimate_of("regreened_mine_area", zones, tables=["mines"]).interval == Interval(*(pytest.approx(v) for v in (2, 1, 4)), "range")
    zones["mine"]["common_m2"] = 0.8 * KM2
    assert estimate_of("regreened_mine_area", zones, tables=["mines"]).interval.upper == pytest.approx(4 + 20)
    assert estimate_of("regreened_mine_area", zones, tables=["mines"], period="2023").reason.startswith("this is the baseline period")
    withheld = estimate_of("regreened_mine_area", zones, tables=["mines"], accuracy={"bare": GOOD | {"f1": 0.69}})
    assert withheld.reason.startswith("bare is not told from other cover")
    assert estimate_of("regreened_mine_area", tables=["mines"]).reason == "no mine in this unit"
    assert estimate_of("regreened_mine_area").reason == "needs mine polygons (tables.mines)"


REAL = {"n": 48, "users": 0.44, "producers": 0.6, "f1": 0.51, "taken_for": "cropland"}


def test_a_class_that_real_pixels_do_not_tell_apart_is_withheld_and_says_what_it_is_taken_for(estimate_of):
    got = estimate_of("grass_area", accuracy={"grass": GOOD | {"real": REAL}})
    assert got.interval is None and got.status == "insufficient_data"
    assert got.reason == "grass is not told from cropland: user's accuracy 44 %, producer's 60 % on 48 real pixels"


def test_few_real_pixels_withhold_nothing_and_are_named(estimate_of):
    got = estimate_of("grass_area", accuracy={"grass": GOOD | {"real": REAL | {"n": 19}}})
    assert got.interval.value == pytest.approx(10) and got.reason.endswith("grass has not been tested on real ground")
    told = estimate_of("grass_area", accuracy={"grass": GOOD | {"real": REAL | {"f1": 0.7}}})
    assert told.interval.value == pytest.approx(10) and told.reason == "land map trained on simulated worlds and real pixels"


def test_conversion_of_natural_cover_that_real_pixels_do_not_tell_from_cropland_counts_both_above_and_what_visits_confirmed_below(estimate_of):
    changed = {f"{kind}converted{bound}_m2": v * KM2 for kind, bound, v in (("natural_", "", 0.03), ("natural_", "_lower", 0.01), ("", "_upper", 0.2))}
    zones = {"county": sums(), "red_line": sums(5.0, **changed)}
    got = estimate_of("red_line_converted_area", zones, tables=["red_line"], accuracy={"natural": GOOD | {"real": REAL}})
    assert got.interval == Interval(*(pytest.approx(v) for v in (0.03, 0.0, 0.2)), "range")
    assert got.reason.endswith("natural cover is not told from cropland: the lower bound counts only what visits confirmed, the upper bound counts both")
    zones["red_line"]["natural_converted_confirmed_m2"] = 0.02 * KM2
    visited = estimate_of("red_line_converted_area", zones, tables=["red_line"], accuracy={"natural": GOOD | {"real": REAL}})
    assert visited.interval == Interval(*(pytest.approx(v) for v in (0.03, 0.02, 0.2)), "range")


def wetland_samples(missed):
    """40 pixels of other land, of which ``missed`` are wetland, and 40 of wetland, of which 4 are not; wholly certain in the map."""
    mapped = np.repeat([0, 1], 40)
    true = mapped.copy()
    true[:missed], true[-4:] = 1, 0
    sample = Sample(mapped, mapped.astype(float), true.astype(float))
    return References({"land_wetland": sample}, {"land_wetland": sample}, is_region=False)


def test_reference_samples_show_how_wrong_the_map_is_here(estimate_of):
    """95 km2 of other land, a tenth of it wetland, and 5 of wetland, a tenth of it not: 5 + 9.5 - 0.5. No class is withheld then."""
    got = estimate_of("wetland_area", accuracy={"wetland": GOOD | {"f1": 0.3}}, references=wetland_samples(4))
    assert got.interval.value == pytest.approx(14) and got.interval.kind == "design95" and got.status == ""
    # 97.5 % of resamples of 39 have at most 8 missed pixels (binomial, p = .1); the small stratum stays near its 4
    assert got.interval.upper == pytest.approx(5 + (95 * 8 - 5 * 4) / 39)
    assert got.reason == "model-assisted (GREG): 80 reference samples here"
    assert estimate_of("coastal_wetland_area", {"coast": sums()}, references=wetland_samples(4)).interval.kind == "model95", "of the unit, not of its coast"


@pytest.mark.parametrize("is_region", [False, True])
def test_samples_of_one_year_correct_neither_year_of_a_comparison(estimate_of, is_region):
    """The map finds 15 km2 and 12 then; samples add 85 x 0.1 and take 15 x 0.1. Corrected in one year alone, the map's own bias would be a change."""
    sample = wetland_samples(4).own["land_wetland"]
    own = {} if is_region else {"land_built": sample}
    built = References(own, {"land_built": sample}, is_region=False)
    change, ratio, fall = "construction_land_change", "construction_land_ratio", "construction_land_per_gdp_fall"

    def value(name, **references):
        return estimate_of(name, gdp=200.0, base_gdp=100.0, **references).interval.value

    for references in ({}, {"references": built}, {"base_references": built}):
        assert (value(change, **references), value(ratio, **references)) == pytest.approx((3, 15 / 12))
    both, now, then = {"references": built, "base_references": built}, 15 + 7.0, 12 + 7.0
    assert (value(change, **both), value(ratio, **both), value(fall, **both)) == pytest.approx((now - then, now / then, 100 - 50 * now / then))
    alone = [estimate_of(name, gdp=200.0, base_gdp=100.0, **both).mapped.interval.value for name in (change, ratio, fall)]
    assert alone == pytest.approx([3, 15 / 12, 37.5])


def test_a_level_that_samples_correct_in_one_year_did_not_change(estimate_of):
    """60 km2 mapped in both years; samples of this year say 50. Nothing changed."""
    n = np.arange(200)
    mapped = (n >= 80).astype(int)
    sample = Sample(mapped, mapped.astype(float), np.where(mapped == 1, n % 6 != 0, False).astype(float))
    of_year = References({"land_cropland": sample}, {"land_cropland": sample}, True, frozenset({"land_cropland"}))
    zones = {"county": sums(cropland_m2=60 * KM2, class_cropland_m2=60 * KM2)}
    now, then = estimate_of("cropland_area", zones, references=of_year), estimate_of("cropland_area", zones)
    assert now.interval.value == pytest.approx(50) and now.mapped.interval == then.interval
    change = change_between(now, then)
    assert change.value == 0 and change.lower < 0 < change.upper
    withheld = estimate_of("cropland_area", zones, accuracy={"cropland": GOOD | {"f1": 0.3}})
    corrected = estimate_of("cropland_area", zones, accuracy={"cropland": GOOD | {"f1": 0.3}}, references=of_year)
    assert corrected.interval.value == pytest.approx(50) and change_between(corrected, withheld) is None
    assert change_between(corrected, corrected).value == 0


def test_clouds_scale_widen_and_withhold(estimate_of):
    seen = {"land_observed_m2": 85 * KM2} | {f"{n}_m2": p * 85 * KM2 for n, p in PARTS.items()} | {f"{n}_uncertain_m2": 0.04 * 85 * KM2 for n in PARTS}
    got = estimate_of("construction_land_area", {"county": sums(**seen)})
    assert got.interval.value == pytest.approx(15) and got.interval.upper - 15 > 4.2 and "85 % observed" in got.reason
    got = estimate_of("construction_land_area", {"county": sums(land_observed_m2=40 * KM2, built_m2=6 * KM2)})
    assert got.status == "insufficient_data" and "40 % observed" in got.reason and got.interval is None
    assert estimate_of("construction_land_area", {"county": sums(land_observed_m2=0.0)}).reason == "no pixel with enough clear dates in enough seasons"


def test_what_was_not_seen_in_both_years_may_have_changed_either_way(estimate_of):
    """60 km2 of 100 seen in both years, where built-up land rose by 3: the other 40 km2 may all have become built, or all have been.
    The mean, 0.05 +- 0.08 (as below), counts for 0.6 of the whole."""
    got = estimate_of("construction_land_change", {"county": sums(common_m2=60 * KM2, built_common_m2=9 * KM2, built_baseline_m2=6 * KM2)}).interval
    assert got.kind == "range" and got.lower == pytest.approx(60 * (0.05 - 0.08) - 40, abs=0.01)
    assert got.upper == pytest.approx(60 * (0.05 + 0.08) + 40, abs=0.01)


def test_a_run_without_a_land_map(make):
    got = estimate_indicator(INDICATORS["construction_land_area"], make.facts())
    assert (got.status, got.reason) == ("insufficient_data", "this run made no land map")


def test_change_of_built_up_land_on_what_both_years_saw(estimate_of):
    got = estimate_of("construction_land_change").interval
    # 15 - 12 km2; what changes err by, once .04 + .04 of 100 km2
    assert got.value == pytest.approx(3) and got.upper - got.value == pytest.approx(8.0, abs=1e-3)
    first = estimate_of("construction_land_change", period="2023")
    assert first.status == "insufficient_data" and "baseline period" in first.reason


def test_the_ratio_and_the_fall_per_gdp_by_hand(estimate_of):
    got = estimate_of("construction_land_ratio").interval
    # 15 / 12 = 1.25; the change of 3 +- 8 km2 is .6667 of 12; from 16.1693 km2 on 3 would be .0645 less: hypotenuse .6698
    assert got.value == pytest.approx(1.25) and got.lower == pytest.approx(1.25 - 0.6698, abs=1e-3)
    fall = estimate_of("construction_land_per_gdp_fall", gdp=200.0, base_gdp=100.0)
    # 1 - 1.25 / 2 = 37.5 %; bounds follow those of the ratio, turned round
    assert fall.interval.value == pytest.approx(37.5) and fall.interval.upper == pytest.approx(100 * (1 - got.lower / 2))
    assert fall.interval.lower == pytest.approx(100 * (1 - got.upper / 2)) and "salt pans" in fall.reason
    without = estimate_of("construction_land_per_gdp_fall")
    assert without.status == "needs_table" and "tables.gdp" in without.reason


def test_a_quotient_without_a_lower_bound_above_zero_may_be_anything():
    got = quotient(Interval(1.0, 0.0, 2.0, "model95"), Interval(1.0, 0.5, 1.5, "model95"))
    assert got.lower == 0 and got.upper > 2


@pytest.mark.parametrize("kinds", [("range", "model95"), ("model95", "range"), ("range", "range")])
def test_a_range_stays_a_range_in_a_ratio(kinds):
    """A rise of -1 to 2 on 5 to 20, and 2 to 4 over 1 to 2: the corners."""
    change, then = Interval(1.0, -1.0, 2.0, kinds[0]), Interval(10.0, 5.0, 20.0, kinds[1])
    assert grown(change, then) == Interval(1.1, 1 - 1 / 5, 1 + 2 / 5, "range")
    assert quotient(Interval(3.0, 2.0, 4.0, kinds[0]), Interval(1.5, 1.0, 2.0, kinds[1])) == Interval(2.0, 1.0, 4.0, "range")
    may_be_none = Interval(10.0, 0.0, 20.0, "range")
    assert (grown(change, may_be_none).lower, grown(change, may_be_none).upper) == (0.0, np.inf)


def test_little_construction_land_has_a_ratio_and_none_has_not(estimate_of):
    def ratio(now_km2, then_km2):
        now = sums(built_m2=now_km2 * KM2, built_common_m2=now_km2 * KM2, built_baseline_m2=then_km2 * KM2)
        return estimate_of("construction_land_ratio", {"county": now}, base={"county": sums(built_m2=then_km2 * KM2)})

    assert ratio(0.005, 0.004).interval.value == pytest.approx(1.25)
    assert ratio(0.0, 0.004).status == ratio(0.005, 0.0).status == "no_target"


def test_the_three_readings_of_blue_and_green_space(estimate_of):
    zones = {"county": sums(), "xiongan": sums(10.0)}
    found = {name: estimate_of(name, zones, tables=["xiongan"]).interval.value for name in INDICATORS if name.startswith("blue_green")}
    assert found == pytest.approx({"blue_green_share": 85, "blue_green_share_land": 80, "blue_green_share_ecological": 40})
    got = estimate_of("blue_green_share", zones, tables=["xiongan"]).interval
    # of 10 km2 the random part is 1.96 sqrt(.04 x .09 / 10) = .0372, the systematic once .04; their hypotenuse .0546
    assert (got.lower, got.upper) == pytest.approx((85 - 5.461, 85 + 5.461), abs=1e-2)
    # all but built-up land errs as built-up land does, the other way round
    share = estimate_of("blue_green_share", zones, tables=["xiongan"])
    assert share.spread.turned and share.spread.around(85.0).upper == pytest.approx(got.upper)
    by_counties = estimate_of("blue_green_share", zones)
    assert by_counties.interval == share.interval and BY_UNITS in by_counties.reason and BY_UNITS not in share.reason
    assert estimate_of("blue_green_share").reason == "needs the outline of the New Area (tables.xiongan)"
    elsewhere = estimate_of("blue_green_share", tables=["xiongan"])
    assert (elsewhere.status, elsewhere.reason) == ("no_target", "no part of the New Area in this unit")


def test_zones_of_side_tables(estimate_of):
    zones = {"county": sums(), "mine": sums(2.0), "coast": sums(4.0)}
    mine = estimate_of("bare_mine_area", zones, tables=["mines"]).interval
    assert mine.value == pytest.approx(10) and mine.lower < 10 < mine.upper  # 5 % of 2 km2 is 10 ha
    assert estimate_of("coastal_wetland_area", zones).interval.value == pytest.approx(20)
    assert estimate_of("bare_mine_area").reason == "needs mine polygons (tables.mines)"
    assert estimate_of("coastal_wetland_area").reason == "no coast in this unit"


@pytest.mark.parametrize(
    ("name", "zone", "table", "prefix", "per_km2"),
    [
        ("red_line_converted_area", "red_line", ["red_line"], "natural_", 1.0), ("reserve_converted_area", "reserve", ["reserves"], "", 100.0),
        ("shore_encroached_area", "shore", [], "", 100.0),
    ],
)  # fmt: skip
def test_conversion_is_a_range(estimate_of, name, zone, table, prefix, per_km2):
    changed = {f"{prefix}converted{bound}_m2": v * KM2 for bound, v in (("", 0.03), ("_lower", 0.01), ("_upper", 0.08))}
    got = estimate_of(name, {"county": sums(), zone: sums(5.0, **changed)}, tables=table)
    assert got.interval == Interval(*(pytest.approx(v * per_km2) for v in (0.03, 0.01, 0.08)), "range")
    assert got.reason == "land map trained on simulated worlds and real pixels; disturbed has not been tested on real ground"
    assert "baseline period" in estimate_of(name, {"county": sums(), zone: sums(5.0)}, tables=table, period="2023").reason


def test_gdp_is_read_and_bad_cells_are_named(tmp_path):
    path = tmp_path / "gdp.csv"
    path.write_text("adcode,period,gdp\n130001,2023,100\n130001,2024,120.5\n", "utf-8")
    assert read_gdp(path) == {("130001", "2023"): 100.0, ("130001", "2024"): 120.5} and read_gdp(None) == {}
    for cell, words in (("0", "no gross domestic product"), ("", "no gross domestic product"), ("much", "is not a number")):
        path.write_text(f"adcode,period,gdp\n130001,2023,{cell}\n", "utf-8")
        with pytest.raises(TableError, match=words) as fault:
            read_gdp(path)
        assert fault.value.where == f"{path}, row 2, column gdp"
    path.write_text("adcode,period,gdp\n1,2023,5\n1,2023,6\n", "utf-8")
    with pytest.raises(TableError, match="a second value for 1, 2023"):
        read_gdp(path)


@pytest.mark.parametrize("v", [1.0, 0.951, 0.949, 0.9])
def test_seeing_less_of_the_cropland_makes_it_neither_less_nor_more(estimate_of, v):
    """40 of 100 km2 wherever it was seen; pixels scatter by sqrt(.4 x .6 - .04) = .447: 1.96 x .447 x (1 - v) beside the map's own error."""
    seen = {"land_observed_m2": 100 * v * KM2} | {f"{n}_m2": p * 100 * v * KM2 for n, p in PARTS.items()} | {f"{n}_uncertain_m2": 4 * v * KM2 for n in PARTS}
    found = estimate_of("cropland_area", {"county": sums(**seen)}).interval
    own, unseen = np.hypot(1.959964 * np.sqrt(0.04 * 0.09 / 100 / v), 0.04), 1.959964 * np.sqrt(0.2) * (1 - v)
    assert (found.value, found.upper) == pytest.approx((40, 40 + 100 * np.hypot(own, unseen)), abs=1e-3)


def test_what_was_refuted_on_the_spot_is_told(estimate_of):
    zones = {"county": sums(), "red_line": sums(natural_converted_refuted_m2=32_000.0)}
    got = estimate_of("red_line_converted_area", zones, tables=["red_line"], accuracy={"natural": GOOD | {"real": REAL}})
    assert got.reason.startswith("3.2 ha that counted were refuted on the spot and are left out")


def test_what_nobody_saw_twice_may_have_been_converted(estimate_of):
    """A red line of 100 km2, 96 seen in both years, nothing found: none to 4 km2, and `met` is no verdict. All seen: none."""

    def found(common):
        return estimate_of("red_line_converted_area", {"county": sums(), "red_line": sums(common_m2=common * KM2)}, tables=["red_line"]).interval

    assert found(96) == Interval(0.0, 0.0, pytest.approx(4.0), "range") and found(100) == Interval(0.0, 0.0, 0.0, "range")


def test_samples_of_the_region_that_do_not_fit_the_unit_do_not_correct_it(estimate_of):
    """The map gives every pixel of other land 0.2 of wetland too much; here it finds 5 km2 on 95 of other land: 5 - 19 is no area."""
    mapped = np.repeat([0, 1], 40)
    region = Sample(mapped, np.where(mapped == 1, 1.0, 0.2), mapped.astype(float))
    got = estimate_of("wetland_area", references=References({}, {"land_wetland": region}, is_region=False))
    assert got.interval == estimate_of("wetland_area").interval and got.mapped is None
    assert got.reason.startswith("not corrected: the errors of the region's 80 reference samples are larger than what is mapped here; ")
