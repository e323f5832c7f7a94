"""Indicators of watched places: a kind in a unit is estimated as a unit of its own is."""

from dataclasses import replace

import pytest

from rs_pipeline.estimation.estimate import missing
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.products.land.areas import AREAS
from rs_pipeline.products.land.facts import LandFacts
from rs_pipeline.products.places.estimates import as_unit
from rs_pipeline.products.places.indicators import CORES, NO_HABITATS, NO_PLACES, NONE_HERE
from rs_pipeline.products.register import products, resolve
from tests.made_up_run import KM2, land_sums

pytestmark = pytest.mark.usefixtures("plain_errors")
ALL = frozenset(NONE_HERE)


@pytest.fixture
def facts_of(make):
    """Facts of a unit of 100 km2 in which a zone has these sums of maps (and of land)."""

    def facts_of(kind, row=None, land=None, *, kinds=ALL, tables=(), **changes):
        zone, rows = f"place:{kind}", {} if row is None else {f"place:{kind}": row}
        accuracy = {key: {"users": 0.9, "producers": 0.9, "f1": 0.9} for key in AREAS}
        zones = {"county": land_sums(10.0)} | ({} if land is None else {zone: land})
        facts = make.facts(zones=rows, watched_kinds=kinds, land=LandFacts(zones, zones, frozenset(tables), accuracy), **changes)
        return replace(facts, measured=lambda period, since: replace(facts, period=period, baseline=since))

    return facts_of


def got(name, facts):
    return estimate_indicator(INDICATORS[name], facts)


def one_km2(make, **changes):
    """Sums of 1 km2 of land, half under cover."""
    row = make.sums(
        area_m2=KM2,
        land_m2=KM2,
        fvc_growing_observed_m2=KM2,
        fvc_growing_sum_m2=0.5 * KM2,
        fvc_growing_square_m2=0.25 * KM2,
        fvc_peak_var_m4=0.0,
        fvc_peak_sigma=0.04,
    )
    return row | changes


def test_cover_of_villages_is_that_of_their_ground_not_of_the_unit(make, facts_of):
    """Half covered; systematic once 0.04. The unit itself has 50 of 90 km2 ... 0.5 and another interval."""
    found = got("village_green_cover", facts_of("village", one_km2(make)))
    assert found.interval == Interval(pytest.approx(50.0), pytest.approx(46.0), pytest.approx(54.0), "model95") and found.observed_fraction == 1


def test_half_of_the_villages_unseen_gives_a_range_and_less_gives_none(make, facts_of):
    half = one_km2(make, fvc_growing_observed_m2=0.5 * KM2, fvc_growing_sum_m2=0.25 * KM2, fvc_growing_square_m2=0.125 * KM2)
    found = got("village_green_cover", facts_of("village", half))
    assert found.interval == Interval(pytest.approx(50.0), pytest.approx(23.0), pytest.approx(77.0), "range") and found.reason.startswith("50 % observed")
    less = one_km2(make, fvc_growing_observed_m2=0.4 * KM2, fvc_growing_sum_m2=0.2 * KM2)
    found = got("village_green_cover", facts_of("village", less))
    assert found.interval is None and found.reason == "40 % observed; at least 50 % is needed"


def test_villages_that_nobody_saw_have_no_cover_rather_than_none_at_all(make, facts_of):
    unseen = one_km2(make, fvc_growing_observed_m2=0.0, fvc_growing_sum_m2=0.0)
    found = got("village_green_cover", facts_of("village", unseen))
    assert found.interval is None and found.status == "insufficient_data" and found.observed_fraction == 0


NEEDING = [i.name for i in INDICATORS.values() if i.product == "places" and i.name not in ("reserve_share", "habitat_converted_area")]


@pytest.mark.parametrize("name", NEEDING)
def test_a_kind_without_polygons_needs_its_table_and_a_unit_without_any_has_no_target(facts_of, name):
    kind = INDICATORS[name].estimator.keywords["kind"]
    without = got(name, facts_of(kind, kinds=frozenset()))
    if kind == "village":
        assert (without.status, without.reason) == ("no_target", "no village on the map of settlements in this unit")
    else:
        assert (without.status, without.reason) == ("needs_table", NO_PLACES[kind]) and f"kind {kind}" in without.reason
    sliver = got(name, facts_of(kind, {"area_m2": 0.9, "n_scenes": 2}))
    assert sliver.reason == NONE_HERE[kind], "a border drawn twice"
    elsewhere = got(name, facts_of(kind))
    assert (elsewhere.status, elsewhere.reason) == ("no_target", NONE_HERE[kind])


def drawn(make, facts_of, known_km2=100.0, row=None, kinds=frozenset()):
    """Facts of a unit of 100 km2, whose map of settlements shows ``known_km2`` of it, with 1 km2 in villages that the run has drawn."""
    facts = facts_of("village", kinds=kinds)
    land = facts["land"]
    county = land.zones["county"] | {"settlements_known_m2": known_km2 * KM2}
    zones = facts.zones | ({} if row == {} else {"settlement:village": row or one_km2(make)})
    facts = replace(facts, zones=zones).with_own(land=replace(land, zones={**land.zones, "county": county}, settlements="the rule of 2023"))
    return replace(facts, measured=lambda period, since: replace(facts, period=period, baseline=since))


def test_without_villages_in_the_table_they_are_those_that_the_run_draws(make, facts_of):
    found = got("village_green_cover", drawn(make, facts_of))
    assert found.interval.value == pytest.approx(50.0) and found.reason == f"the rule of 2023; {CORES}"
    other = got("village_green_cover", drawn(make, facts_of, kinds=frozenset({"habitat"})))
    assert other.interval == found.interval, "a table of other places"


def test_villages_are_not_drawn_from_a_map_that_does_not_tell_built_up_land(make, facts_of):
    unfit = missing("insufficient_data", "built is not told from bare")
    assert got("village_green_cover", drawn(make, facts_of).with_own(settlements_unfit=unfit)) == unfit


@pytest.mark.parametrize(("cover", "lower", "upper"), [(0.8, 46.0, 84.12), (0.5, 45.88, 54.12), (0.2, 15.88, 54.0)])
def test_the_bounds_of_drawn_villages_reach_to_the_cover_of_the_unit(make, facts_of, cover, lower, upper):
    """Villages 46 to 54 %; the unit has 0.04 of systematic and 1.96 x 0.005 of random error. A change is that of the villages alone."""
    unit = {"county": make.sums(fvc_growing_sum_m2=cover * 90 * KM2, fvc_growing_square_m2=cover**2 * 90 * KM2, fvc_peak_var_m4=(0.005 * 90 * KM2) ** 2)}
    facts = drawn(make, facts_of)
    facts = replace(facts, zones=facts.zones | unit)
    found = got("village_green_cover", replace(facts, measured=lambda period, since: replace(facts, period=period)))
    assert found.interval == Interval(pytest.approx(50.0), pytest.approx(lower, abs=0.01), pytest.approx(upper, abs=0.01), "model95")
    assert found.spread.of_changes and found.spread.around(50.0) == Interval(50.0, pytest.approx(46.0), pytest.approx(54.0), "model95")


def test_given_villages_win(make, facts_of):
    facts = drawn(make, facts_of, kinds=ALL)
    assert got("village_green_cover", facts).reason == NONE_HERE["village"]
    given = replace(facts, zones=facts.zones | {"place:village": one_km2(make, fvc_growing_sum_m2=0.25 * KM2)})
    given = replace(given, measured=lambda period, since: replace(given, period=period))
    found = got("village_green_cover", given)
    assert found.interval.value == pytest.approx(25.0) and found.reason == ""


def test_what_the_map_of_settlements_does_not_show_was_not_seen(make, facts_of):
    """60 km2 of 100 known: 0.6 of all villages were seen."""
    found = got("village_green_cover", drawn(make, facts_of, 60.0))
    assert (
        found.observed_fraction == pytest.approx(0.6)
        and found.interval.kind == "range"
        and found.reason.startswith(f"the rule of 2023; {CORES}; 60 % observed")
    )
    less = got("village_green_cover", drawn(make, facts_of, 49.0))
    assert (less.interval, less.status) == (None, "insufficient_data")
    assert less.reason == "49 % of this unit is on the land map that settlements are drawn from"


@pytest.mark.parametrize(("known_km2", "status"), [(100.0, "no_target"), (95.0, "no_target"), (94.0, "insufficient_data")])
def test_there_is_no_village_only_where_the_map_shows_the_unit(make, facts_of, known_km2, status):
    found = got("village_green_cover", drawn(make, facts_of, known_km2, row={}))
    assert (found.interval, found.status) == (None, status)


def converted(make, **changes):
    return (
        land_sums(1.0)
        | {"area_m2": KM2, "land_observed_m2": KM2, "common_m2": KM2, "converted_m2": 3e4, "converted_lower_m2": 1e4, "converted_upper_m2": 6e4}
        | changes
    )


def test_land_of_a_water_source_that_was_converted_is_a_range_in_ha(make, facts_of):
    found = got("water_source_converted_area", facts_of("water_source", one_km2(make), converted(make)))
    assert found.interval == Interval(*(pytest.approx(v) for v in (3.0, 1.0, 6.0)), "range")


def test_in_the_baseline_period_nothing_is_measured_yet(make, facts_of):
    found = got("water_source_converted_area", facts_of("water_source", one_km2(make), converted(make), period="2023"))
    assert found.interval is None and "this is the baseline period" in found.reason


def test_a_range_counts_what_was_not_seen_twice(make, facts_of):
    """Four fifths seen in both years: above, the fifth that was not."""
    found = got("plot_converted_area", facts_of("contaminated_plot", one_km2(make), converted(make, common_m2=0.8 * KM2)))
    assert found.interval.lower == pytest.approx(1.0) and found.interval.upper == pytest.approx(6.0 + 20.0) and found.interval.kind == "range"


def test_built_up_land_of_plots_grows_in_ha(make, facts_of):
    """From 1 to 3 ha, in 100."""
    row = converted(make, built_m2=3e4, built_common_m2=3e4, built_baseline_m2=1e4)
    found = got("plot_built_change", facts_of("contaminated_plot", one_km2(make), row))
    assert found.interval.value == pytest.approx(2.0) and found.interval.kind == "model95" and found.spread.indicator == "construction_land_change"
    assert found.interval.lower < 2.0 < found.interval.upper


def test_a_habitat_counts_natural_cover_alone(make, facts_of):
    row = converted(make, natural_converted_m2=2e4, natural_converted_lower_m2=1e4, natural_converted_upper_m2=2.5e4)
    assert got("habitat_converted_area", facts_of("habitat", one_km2(make), row)).interval == Interval(*(pytest.approx(v) for v in (2.0, 1.0, 2.5)), "range")


def test_without_outlines_of_habitats_all_natural_cover_stands_for_them_and_none_of_it_need_be_theirs(make, facts_of):
    """Of the unit's 100 km2 of natural cover 2 ha were converted, 1 ha beyond doubt: habitats lost 0 to 2.5 ha."""
    row = converted(make, area_m2=100 * KM2, common_m2=100 * KM2, natural_converted_m2=2e4, natural_converted_lower_m2=1e4, natural_converted_upper_m2=2.5e4)
    facts = facts_of("habitat", kinds=frozenset())
    found = got("habitat_converted_area", facts.with_own(land=replace(facts["land"], zones={"county": row})))
    assert found.interval == Interval(*(pytest.approx(v) for v in (2.0, 0.0, 2.5)), "range") and NO_HABITATS in found.reason
    assert got("habitat_converted_area", facts_of("habitat", {"area_m2": 0.0, "n_scenes": 2})).reason == NONE_HERE["habitat"], "outlines that are given rule"


def test_a_place_of_one_pixel_has_a_value_and_an_interval_as_wide_as_it_may_be(make, facts_of):
    """100 m2 of bare ground for certain: 0.01 ha, and its bounds stay within the pixel."""
    row = land_sums(0.0) | {"area_m2": 100.0, "land_observed_m2": 100.0, "common_m2": 100.0, "bare_m2": 100.0, "bare_uncertain_m2": 4.0, "class_bare_m2": 100.0}
    found = got("site_bare_area", facts_of("construction_site", one_km2(make, area_m2=100.0), row))
    assert found.interval.value == pytest.approx(0.01) and 0 <= found.interval.lower < 0.01 and found.interval.upper == pytest.approx(0.01)


def test_reference_samples_of_the_unit_do_not_correct_its_places(make, facts_of):
    whole = facts_of("village", one_km2(make))
    inner = as_unit(replace(whole, references="those of the unit", base_references="those of the unit"), "place:village")
    assert inner.references.own == inner.base_references.own == {}
    assert set(inner.zones) == {"county"} and inner.county["area_m2"] == KM2


def test_the_trend_of_corridors_is_of_their_own_cover_over_the_years(make, facts_of):
    """Cover of the corridor rises by 0.02 a year over five years, that of the unit stays."""
    labels = {str(y): y + 0.5 for y in range(2020, 2025)}
    covers = {label: one_km2(make, fvc_peak_observed_m2=KM2, fvc_peak_sum_m2=(0.4 + 0.02 * i) * KM2) for i, label in enumerate(labels)}
    facts = facts_of("corridor", covers["2024"], years=labels, baseline="2020", yearly=[(year, make.sums()) for year in labels.values()])
    facts = replace(facts, measured=lambda period, since: replace(facts, period=period, zones={"county": make.sums(), "place:corridor": covers[period]}))
    assert got("corridor_cover_trend", facts).interval.value == pytest.approx(2.0) and got("fvc_peak_trend", facts).interval.value == pytest.approx(0.0)


def test_the_share_of_reserves_is_geometry(facts_of):
    facts = facts_of("village", tables=["reserves"])
    inside = facts["land"].zones | {"reserve": land_sums(0.0) | {"area_m2": 7 * KM2}}
    assert got("reserve_share", facts.with_own(land=replace(facts["land"], zones=inside))).interval == Interval(pytest.approx(7.0))
    assert got("reserve_share", facts).interval == Interval(0.0), "the table is there, and none of it in this unit"
    assert got("reserve_share", facts_of("village")).status == "needs_table"


def test_every_kind_that_a_sentence_needs_has_its_words():
    own = resolve(products()["places"].indicators)
    assert {i.estimator.keywords["kind"] for i in own if i.name in NEEDING} == {*NO_PLACES, "village"} == set(NONE_HERE) - {"habitat"}
