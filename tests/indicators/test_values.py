"""Each indicator on facts that a reader can check by hand: 100 km2, of which 90 km2 land."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_pipeline.estimation import error_model as errors
from rs_pipeline.estimation.estimate import missing
from rs_pipeline.estimation.reference import References
from rs_pipeline.estimation.sampling import Sample
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.status import judge
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.products.black_odorous.indicators import of_whole_reaches
from rs_pipeline.products.red_line.areas import RedLineArea
from rs_pipeline.products.vegetation.indicators import weighted_cover

KM2 = 1e6


@pytest.fixture
def estimate_of(make):
    """Answer of an indicator for county sums changed by keywords."""
    return lambda name, facts=None, **changes: estimate_indicator(INDICATORS[name], facts or make.facts(make.sums(**changes)))


def numbers(estimate_of):
    i = estimate_of.interval
    return (pytest.approx(i.value), pytest.approx(i.lower), pytest.approx(i.upper), i.kind)


def test_cover(estimate_of):
    got = estimate_of("fvc_peak_mean")
    # random: 1.96 * 0.9 km2 of 90; systematic: one standard error of a pixel, 0.04; hypot(1.96, 4) = 4.4544
    assert (60.0, 60 - 4.4544, 60 + 4.4544) == pytest.approx((got.interval.value, got.interval.lower, got.interval.upper), abs=1e-4)
    assert (got.spread.random95, got.spread.basis) == pytest.approx((1.959964, 4.0))
    assert (got.interval.kind, got.observed_fraction, got.reason) == ("model95", 1.0, "")
    assert estimate_of("fvc_growing_mean").interval.value == pytest.approx(50.0)


def test_cover_counts_land_only(estimate_of):
    # 45 of 90 km2 land is half, though 45 of 100 km2 in all would be withheld
    assert estimate_of("fvc_peak_mean", fvc_peak_observed_m2=45 * KM2, fvc_peak_sum_m2=27 * KM2).observed_fraction == 0.5


@pytest.mark.parametrize(
    ("fraction", "value", "lower", "upper", "kind", "word"),
    [
        (1.0, 10.0, 7.3836, 12.6164, "model95", ""),
        (0.95, 10.0, 7.0144, 13.9356, "model95", ""),
        (0.80, 10.0, 5.9069, 22.0473, "model95", "scaled"),
        (0.79, 10.0, 5.8330, 30.9670, "range", "either extreme"),
        (0.50, 10.0, 3.6918, 56.3082, "range", "either extreme"),
    ],
)
def test_water_at_every_threshold(estimate_of, fraction, value, lower, upper, kind, word):
    """A tenth of what was seen is permanent water. Random part 1.96 * 0.3 km2, systematic half of 13 - 8 km2 and 0.5 % of the ground: all by
    hypot, 2.6164 km2, 0.026164 of 100. At 0.95: 1.96 * 0.05 * sqrt(0.09) = 0.0294, hypot 0.039356 above; below, 0.95 * 0.0738. At 0.80: 1.96 * 0.2 * sqrt(0.09) = 0.1176 more; below, 0.8 * 0.0738 is the least that is possible."""
    seen = {f"water_permanent_{s}m2": v * fraction * KM2 for s, v in (("", 10), ("lower_", 8), ("upper_", 13))}
    got = estimate_of("water_permanent_area", water_observed_m2=100 * fraction * KM2, water_permanent_var_m4=0.09 * (fraction * KM2) ** 2, **seen)
    found = got.interval
    assert (found.value, found.lower, found.upper) == pytest.approx((value, lower, upper), abs=1e-3) and found.kind == kind
    assert word in got.reason and got.observed_fraction == pytest.approx(fraction)


def test_water_below_half_is_withheld(estimate_of):
    got = estimate_of("water_permanent_area", water_observed_m2=49 * KM2, water_permanent_m2=5 * KM2)
    assert (got.interval, got.status, got.observed_fraction) == (None, "insufficient_data", 0.49)
    assert got.reason == "49 % observed; at least 50 % is needed"


def test_an_unseen_county_has_no_value_rather_than_zero(estimate_of):
    for name in ("fvc_peak_mean", "water_permanent_area", "water_seasonal_area", "greening_net", "water_permanent_change"):
        got = estimate_of(name, n_scenes=0, **{k: 0.0 for k in ("fvc_peak_observed_m2", "fvc_common_m2", "water_observed_m2", "water_common_m2")})
        assert (got.interval, got.status, got.reason) == (None, "insufficient_data", "no scene was used in this period"), name


def test_a_seen_county_without_water_is_zero_but_for_what_is_too_small_to_be_seen(estimate_of):
    dry = {f"water_permanent_{s}": 0.0 for s in ("m2", "lower_m2", "upper_m2", "var_m4")}
    assert numbers(estimate_of("water_permanent_area", **dry)) == (0.0, 0.0, 0.5, "model95")


def test_seasonal_water(estimate_of):
    # random 1.96 * 0.4 km2; systematic 5 km2 of its own and hypot(2.5, 0.5) that permanent water is in doubt: hypot(0.784, 7.5495) = 7.5901
    assert numbers(estimate_of("water_seasonal_area")) == (5.0, 0.0, pytest.approx(12.5901, abs=1e-4), "model95")


def test_an_indicator_that_no_world_shows_has_no_interval(estimate_of, monkeypatch):
    monkeypatch.setattr(errors, "systematic_errors", dict)
    got = estimate_of("water_seasonal_area")
    assert (got.interval.value, got.interval.kind) == (pytest.approx(5.0), "") and math.isnan(got.interval.lower)


def test_changes_since_the_baseline(make, estimate_of):
    assert numbers(estimate_of("greening_net")) == (200.0, 20.0, 380.0, "model95")  # 3 - 1 km2 in ha, +- 2 % of 90 km2
    # 10 - 9; random 1.96 * 0.5, systematic hypot(2.5, 0.5) now and hypot(0.75, 0.5) then: hypot(0.97998, 3.45090) = 3.58735
    close = pytest.approx
    assert numbers(estimate_of("water_permanent_change")) == (1.0, close(1 - 3.58735, abs=1e-5), close(1 + 3.58735, abs=1e-5), "model95")
    assert numbers(estimate_of("water_seasonal_change")) == (-1.0, close(-1 - 3.64577, abs=1e-5), close(-1 + 3.64577, abs=1e-5), "model95")
    for name in ("greening_net", "water_permanent_change", "water_seasonal_change"):
        first = estimate_of(name, make.facts(period="2023"))
        assert (first.interval, first.status) == (None, "insufficient_data") and "baseline period" in first.reason


def test_the_sea_of_a_unit_and_its_change(make, estimate_of):
    # 20 km2; systematic hypot of the sea, 20, and what is in doubt at the rims of water, hypot(2.5, 0.5); random 1.96 * 0.1
    sea = {"sea_m2": 20 * KM2, "sea_common_m2": 19 * KM2, "sea_baseline_m2": 21 * KM2, "sea_var_m4": 0.01 * KM2**2, "sea_change_var_m4": 0.0}
    facts = make.facts(make.sums(**sea), has_coast=True)
    assert numbers(estimate_of("sea_area", facts)) == (20.0, pytest.approx(0, abs=0.2), pytest.approx(40.16, abs=0.01), "model95")
    assert estimate_of("sea_change", facts).interval.value == pytest.approx(-2.0)
    for name in ("sea_area", "sea_change"):
        inland = estimate_of(name, make.facts())
        assert (inland.interval, inland.status) == (None, "no_target") and "has no coast" in inland.reason


def test_cvcg_golden_value():
    assert weighted_cover(np.array([1200.0, 800, 400]), np.array([0.78, 0.70, 0.62])) == pytest.approx(0.72667, abs=5e-6)


def test_grassland(make, estimate_of):
    def zone(area, cover):
        return make.sums(area_m2=area * KM2, fvc_peak_observed_m2=area * KM2, fvc_peak_sum_m2=area * cover * KM2, fvc_peak_sigma=0.0)

    zones = {"grassland:meadow": zone(1200, 0.78), "grassland:steppe": zone(800, 0.70), "grassland:desert": zone(400, 0.62)}
    got = estimate_of("grassland_fvc", make.facts(zones=zones, has_grassland=True))
    assert got.interval.value == pytest.approx(72.667, abs=5e-4)
    assert estimate_of("grassland_fvc").status == "needs_table" and "tables.grassland" in estimate_of("grassland_fvc").reason
    assert estimate_of("grassland_fvc", make.facts(has_grassland=True)).reason == "no grassland in this unit"


def test_an_unseen_grassland_type_is_missing_not_bare(make, estimate_of):
    seen = make.sums(area_m2=60 * KM2, fvc_peak_observed_m2=60 * KM2, fvc_peak_sum_m2=42 * KM2, fvc_peak_sigma=0.0, fvc_peak_var_m4=0.0)
    unseen = make.sums(area_m2=40 * KM2, fvc_peak_observed_m2=0.0, fvc_peak_sum_m2=0.0, fvc_peak_sigma=math.nan, fvc_peak_var_m4=0.0)
    got = estimate_of("grassland_fvc", make.facts(zones={"grassland:a": seen, "grassland:b": unseen}, has_grassland=True))
    assert (got.observed_fraction, got.interval.kind) == (0.6, "range")
    assert (got.interval.value, got.interval.lower, got.interval.upper) == pytest.approx((70.0, 42.0, 82.0))


REACHES = (
    ("suspected", "assessable", 200.0), ("suspected", "marginal", 100.0), ("possible", "assessable", 300.0), *[("clear", "assessable", 200.0)] * 7,
    ("not_assessable", "not_assessable", 5000.0),
)  # fmt: skip


@pytest.mark.parametrize("seen, shortest, counted, drawn_in", [
    ((1, 0.45, 3.6), 1.0, True, (1, 3)), ((0, 0, 0.99), 1.0, True, (0, 0)), ((2, 1.0, 2.0), 1.0, True, (1, 2)), ((1, 0, 1.2), 1.0, True, (0, 1)),
    ((0.2, 0.07, 0.9), 0.15, False, (0.15, 0.9)), ((0.0, 0, 0.14), 0.15, False, (0, 0)), ((0.0, 0, 0.15), 0.15, False, (0, 0.15)), ((0.4, 0.3, 0.5), 0.15, False, (0.3, 0.5)),
])  # fmt: skip
def test_an_amount_of_whole_reaches_is_none_or_at_least_the_shortest(seen, shortest, counted, drawn_in):
    found = of_whole_reaches(Interval(*seen, "model95"), shortest, counted=counted)
    assert (found.value, found.lower, found.upper) == (seen[0], *drawn_in)


def test_black_odorous(make, estimate_of):
    facts = make.facts(reaches=make.reaches(*REACHES))
    # upper: two suspected and one possible; both ways what the detector has wrong: one reach for each root of 1 + the three it calls, 2;
    # of 0.2 km on the average; and, since it is 5 km of 7, what is too narrow
    assert numbers(estimate_of("black_odorous_reaches", facts)) == (2, 0, 6, "model95")
    assert numbers(estimate_of("black_odorous_length_km", facts)) == (0.3, 0, pytest.approx(6.0), "model95")
    assert estimate_of("black_odorous_reaches", facts).reason == "1 (5 km) too narrow to be judged from space are most of the length and in the upper bound"
    assert estimate_of("black_odorous_reaches", facts).observed_fraction == pytest.approx(2 / 7)
    wide = make.facts(reaches=make.reaches(*REACHES[:-1], ("not_assessable", "not_assessable", 2000.0)))
    assert numbers(estimate_of("black_odorous_reaches", wide)) == (2, 0, 5, "model95")
    assert estimate_of("black_odorous_reaches", wide).reason == "1 (2 km) too narrow to be judged from space are not in the number"
    assert estimate_of("black_odorous_reaches", wide).observed_fraction == 0.5


def test_one_clear_reach_does_not_speak_for_a_hundred_creeks(make, estimate_of):
    """20 km too narrow beside 200 m: at most all of them, and the one that may be missed."""
    facts = make.facts(reaches=make.reaches(("clear", "assessable", 200.0), *[("not_assessable", "not_assessable", 200.0)] * 100))
    for name, most, target in (("black_odorous_reaches", 101, "suspected reaches"), ("black_odorous_length_km", 20.2, "km")):
        got = estimate_of(name, facts)
        assert numbers(got) == (0, 0, pytest.approx(most), "model95") and got.observed_fraction == pytest.approx(1 / 101)
        assert judge(make.target("eliminate", 0, unit=target, target_year=None), got.interval, 2024, least=0.2).status == "undecidable"


@pytest.mark.parametrize(
    ("rows", "words"), [(REACHES, "at least 5 km in 1 reaches and ponds that were seen; "), ((), "at least 0 km in 0 reaches and ponds that were seen; ")]
)
def test_creeks_that_fill_no_pixel_are_not_zero_kilometres(make, estimate_of, rows, words):
    got = estimate_of("black_odorous_unassessable_length_km", make.facts(reaches=make.reaches(*rows)))
    assert (got.interval, got.status) == (None, "insufficient_data")
    assert got.reason == words + "creeks that fill no pixel of the map of water are not seen, so the whole length is not known"


def test_reaches_without_enough_dates_may_all_be_black(make, estimate_of):
    # 10 of 15 assessed: 2 suspected, 1 of them sure; at most 3 called + 5 unseen + 1 too narrow, and the detector's 2
    facts = make.facts(reaches=make.reaches(*REACHES, *[("insufficient", "assessable", 200.0)] * 5))
    assert numbers(estimate_of("black_odorous_reaches", facts)) == (2, 0, 11, "model95")
    assert estimate_of("black_odorous_reaches", facts).reason.endswith("; 5 (1 km) without enough clear dates are in the upper bound")


def test_eliminated_needs_every_reach_to_be_seen(make, estimate_of):
    clear = [("clear", "assessable", 200.0)] * 3
    assert numbers(estimate_of("black_odorous_reaches", make.facts(reaches=make.reaches(*clear)))) == (0, 0, 1, "model95")  # one may be missed
    unseen = ("insufficient", "assessable", 200.0)
    assert numbers(estimate_of("black_odorous_reaches", make.facts(reaches=make.reaches(*clear, unseen)))) == (0, 0, 2, "model95")
    assert numbers(estimate_of("black_odorous_reaches", make.facts(reaches=make.reaches(*clear, REACHES[-1])))) == (0, 0, 2, "model95")


CONFIRMED, REFUTED = ("suspected", "not_assessable", 400.0, "confirmed"), ("clear", "marginal", 200.0, "refuted")


def test_a_visited_reach_adds_no_doubt(make, estimate_of):
    visited = make.facts(reaches=make.reaches(CONFIRMED, REFUTED, REFUTED))
    assert numbers(estimate_of("black_odorous_reaches", visited)) == (1, 1, 1, "model95")
    assert numbers(estimate_of("black_odorous_length_km", visited)) == (0.4, 0.4, 0.4, "model95")
    assert estimate_of("black_odorous_reaches", visited).reason == "3 (0.8 km) decided by visits of this period"
    refuted = make.facts(reaches=make.reaches(REFUTED, REFUTED))
    assert numbers(estimate_of("black_odorous_reaches", refuted)) == (0, 0, 0, "model95")


def test_visits_leave_the_doubt_of_the_others(make, estimate_of):
    """Ten clear reaches that nobody visited: one may be missed; the confirmed one is never taken away, the refuted one never added."""
    facts = make.facts(reaches=make.reaches(CONFIRMED, REFUTED, *[("clear", "assessable", 200.0)] * 10))
    assert numbers(estimate_of("black_odorous_reaches", facts)) == (1, 1, 2, "model95")
    # a marginal suspicion, a possible one and one without dates: 2 - 1 below (never under the confirmed one), 2 + 2 above, and the root of 1 + 2 calls
    doubt = [("suspected", "marginal", 200.0), ("possible", "assessable", 200.0), ("insufficient", "assessable", 200.0)]
    found = numbers(estimate_of("black_odorous_reaches", make.facts(reaches=make.reaches(CONFIRMED, REFUTED, *doubt))))
    assert found == (2, 1, 4, "model95")  # no more than the confirmed one and the three that nobody visited


def test_no_river_wide_enough_is_not_zero(make, estimate_of):
    for rows in (REACHES[-1:], ()):
        got = estimate_of("black_odorous_reaches", make.facts(reaches=make.reaches(*rows)))
        assert (got.interval, got.status) == (None, "insufficient_data") and got.reason.endswith("no reach or pond wide enough to be assessed")
        assert got.reason.startswith("1 (5 km) too narrow to be judged from space") == bool(rows)
    assert estimate_of("black_odorous_reaches").reason == "this run made no layer of reaches"


def test_bodies(make, estimate_of):
    """Ten large bodies: eight large now, one dry, one unseen; and a pond that never counted."""
    bodies = pd.DataFrame({"state": ["wet"] * 8 + ["dry", "not_observed", "wet"], "large": [True] * 8 + [False] * 3, "counted": [True] * 10 + [False]})
    got = estimate_of("water_bodies", make.facts(bodies=bodies))
    assert (got.observed_fraction, got.interval.value) == (0.9, pytest.approx(10 * 8 / 9))
    # the one that was not seen is large or not
    assert got.interval.bounds == pytest.approx((8.0, 9.0))
    assert estimate_of("water_bodies", make.facts(bodies=bodies[-1:])).reason == "no water body of the size that is counted has most of its area in this unit"


def test_natural_coast(make, estimate_of):
    rows = [{}, {"unit_class": "artificial", "natural_probability": 0.0}, {"unit_class": "uncertain", "natural_probability": 0.5}]
    facts = make.facts(transects=make.transects(*rows, {}, {"unit_class": "river mouth"}))
    got = estimate_of("natural_coast_retention", facts)
    # (1 + 0 + 0.5 + 1) of 4 units; for certain natural 2 of 5 with the mouth, at most 4 of 5; systematic 10 beyond
    assert numbers(got) == (62.5, 40 - 10, 80 + 10, "model95")
    assert numbers(estimate_of("natural_coast_length_km", facts)) == (0.25, 0.2 - 0.04, 0.4 + 0.04, "model95")


def test_chances_of_classes_are_independent(make, estimate_of):
    """Four natural units, each with a chance of 0.8: 1.96 * sqrt(4 * 0.16) / 4 = 0.39199, and 0.1 that is systematic."""
    facts = make.facts(transects=make.transects(*[{"natural_probability": 0.8, "unit_class": c} for c in ("natural", "natural", "artificial", "artificial")]))
    assert numbers(estimate_of("natural_coast_retention", facts)) == (
        50.0,
        pytest.approx(50 - 40.4548, abs=1e-3),
        pytest.approx(50 + 40.4548, abs=1e-3),
        "model95",
    )


def test_coast_not_seen_in_the_period(make, estimate_of):
    unseen = {"distance_2024": math.nan, "class_2024": "", "natural_probability_2024": math.nan}
    facts = make.facts(transects=make.transects({}, {}, unseen, {"class_2024": None}))
    assert estimate_of("natural_coast_length_km", facts).observed_fraction == 0.5
    gone = make.facts(transects=make.transects({}).drop(columns="distance_2024"))
    assert estimate_of("natural_coast_length_km", gone).reason == "no coast unit seen in this period"


def test_a_gap_keeps_its_length_by_the_class_before_and_after(make, estimate_of):
    """Nine units seen, one not, all natural: 1 km, of which 0.1 km is carried. The year of which most is hidden says nothing of itself."""
    hidden = {"distance_2024": math.nan}
    got = estimate_of("natural_coast_length_km", make.facts(transects=make.transects(*[{}] * 9, hidden)))
    assert (got.interval.value, got.observed_fraction) == (1.0, 1.0)
    assert got.reason == "0.1 km not seen in this period have their class of the periods before and after"
    most = estimate_of("natural_coast_length_km", make.facts(transects=make.transects(*[{}] * 4, *[hidden] * 6)))
    assert (most.interval, most.status, most.observed_fraction) == (None, "insufficient_data", 0.4)


def test_the_natural_coast_falls_where_a_unit_is_built_up(make, estimate_of):
    """Ten units of 100 m, one natural in 2023 and artificial from 2024 on: 1.0 km, then 0.9 km; the converted unit errs by its own chance."""
    turned = {
        "class_2023": "natural",
        "natural_probability_2023": 0.9,
        "class_2024": "artificial",
        "natural_probability_2024": 0.1,
        "unit_class": "artificial",
        "converted_period": "2024",
        "converted_to": "artificial",
    }
    table = make.transects(*[{}] * 9, turned)
    before, after = (estimate_of("natural_coast_length_km", make.facts(transects=table, period=p)) for p in ("2023", "2024"))
    assert (before.interval.value, after.interval.value) == (1.0, 0.9)
    assert (before.reason, after.reason) == ("", "0.1 km first seen artificial in this period")
    assert before.spread.random95 == after.spread.random95 == pytest.approx(1.959964 * 0.1 * 0.3)  # sqrt(0.9 x 0.1) of 100 m
    assert estimate_of("natural_coast_retention", make.facts(transects=table)).interval.value == pytest.approx(90.0)
    restored = make.transects(*[{}] * 9, turned | {"class_2024": "natural", "converted_to": "natural", "conversions": "artificial:2023;natural:2024"})
    notes = [estimate_of("natural_coast_length_km", make.facts(transects=restored, period=p)).reason for p in ("2023", "2024")]
    assert notes == ["0.1 km first seen artificial in this period", "0.1 km first seen natural in this period"], "each conversion in its own period"


def test_natural_artificial_and_estuary_make_up_the_coast(make, estimate_of):
    """5 natural, 2 artificial, 1 uncertain, 2 of a river mouth: 0.55 + 0.25 + 0.2 km are the coast; the estuary is in neither length of the share."""
    rows = [*[{}] * 5, *[{"unit_class": "artificial", "natural_probability": 0.0}] * 2, {"unit_class": "uncertain"}, *[{"unit_class": "river mouth"}] * 2]
    facts = make.facts(transects=make.transects(*rows))
    lengths = [estimate_of(name, facts).interval.value for name in ("natural_coast_length_km", "artificial_coast_length_km", "estuary_length_km")]
    assert lengths == pytest.approx([0.55, 0.25, 0.2]) and sum(lengths) == pytest.approx(1.0)
    assert estimate_of("natural_coast_retention", facts).interval.value == pytest.approx(100 * 5.5 / 8)
    assert estimate_of("estuary_length_km", make.facts(transects=make.transects({}))).interval.value == 0.0


def test_a_mud_coast_stays_natural_however_it_moves(make, estimate_of):
    rows = [{"distance_2024": 90.0, "lrr_m_yr": 45.0}, {"distance_2024": -60.0, "lrr_m_yr": -30.0}]
    facts = make.facts(transects=make.transects(*rows))
    assert estimate_of("natural_coast_length_km", facts).interval.value == 0.2
    assert estimate_of("reclaimed_area", facts).interval.value == 0.0
    assert estimate_of("coast_mean_rate", facts).interval.value == 7.5


def test_an_inland_county_has_no_coast(make, estimate_of):
    facts = make.facts(make.sums(n_scenes=0), transects=make.transects())
    for name in ("natural_coast_length_km", "natural_coast_retention", "estuary_length_km", "coast_mean_rate", "reclaimed_area"):
        got = estimate_of(name, facts)
        assert (got.interval, got.status, got.reason) == (None, "no_target", "no coast in this county"), name
        assert estimate_of(name).reason == "this run made no coastline"


def test_coast_rate_is_of_the_whole_run(make, estimate_of):
    transects = make.transects({"lrr_m_yr": 1.0, "length_m": 300.0}, {"lrr_m_yr": -1.0, "lrr_ci95_m_yr": 0.6})
    assert numbers(estimate_of("coast_mean_rate", make.facts(transects=transects))) == (0.5, 0.2, 0.8, "model95")
    assert estimate_of("coast_mean_rate", make.facts(transects=transects, is_last=False)).status == "insufficient_data"


@pytest.mark.parametrize("fill", [{"class": "reclaimed", "step_m": 200.0}, {"class": "undecidable", "step_m": -150.0}, {"class": "reclaimed"}])
def test_coast_rate_leaves_fills_out(make, estimate_of, fill):
    """Two beaches at -1 and -2 m a year; a fill that advanced by 66 m a year is no movement of the shore."""
    table = make.transects({"lrr_m_yr": -1.0}, {"lrr_m_yr": -2.0}, {"lrr_m_yr": 66.0, **fill})
    got = estimate_of("coast_mean_rate", make.facts(transects=table))
    assert numbers(got) == (-1.5, -1.7, -1.3, "model95")
    assert got.reason == "0.1 km of reclaimed coast and other lasting steps left out" and got.observed_fraction == 1.0
    only = estimate_of("coast_mean_rate", make.facts(transects=table.iloc[2:]))
    assert (only.interval, only.status) == (None, "insufficient_data") and "left out" in only.reason


def test_land_counts_as_reclaimed_from_the_year_of_its_step_on(make, estimate_of):
    """A fill of 2024, 200 m out, 5 m of noise in 2023. Seen from a baseline of 2022, nothing was reclaimed in 2023."""
    row = {"class": "reclaimed", "step_m": 195.0, "distance_2022": 0.0, "error_2022": 1.0, "distance_2023": 5.0, "distance_2024": 200.0, "error_2023": 1.0}
    table = make.transects({**row, "class_2023": "natural", "class_2024": "artificial"}).assign(distance_2022=0.0, error_2022=1.0)
    hectares = [estimate_of("reclaimed_area", make.facts(transects=table, period=p, baseline="2022")).interval.value for p in ("2023", "2024")]
    assert hectares == pytest.approx([0.0, 2.0])
    slow = make.transects({**row, "class_2024": "artificial", "distance_2024": 150.0, "step_m": 140.0})
    got = estimate_of("reclaimed_area", make.facts(transects=slow, years={"2023": 2016.5, "2024": 2024.5}))
    assert got.interval.value == pytest.approx(1.45), "less than mud accretes in eight years, but in one step of a built shore"


def test_an_interval_of_reclaimed_land_knows_the_classes(make, estimate_of):
    """One unit of 100 m advanced by 150 m: surely artificial 1.5 ha; with a chance of 0.1 to be natural 1.96 x 1.5 x 0.3 ha more of doubt, in
    squares; an uncertain unit beside it is no fill yet, and may be one."""
    out = {"unit_class": "artificial", "distance_2024": 150.0, "natural_probability": 0.1}
    got = estimate_of("reclaimed_area", make.facts(transects=make.transects({}, out, {})))
    half = math.hypot(1.168706, 1.959964 * 1.5 * 0.3)
    assert numbers(got) == (1.5, pytest.approx(1.5 - half, abs=1e-5), pytest.approx(1.5 + half, abs=1e-5), "model95")
    maybe = estimate_of("reclaimed_area", make.facts(transects=make.transects({}, out, {**out, "unit_class": "uncertain"})))
    assert maybe.interval.upper == pytest.approx(got.interval.upper + 1.5) and maybe.interval.value == 1.5


def test_reclaimed_land(make, estimate_of):
    new = {"class": "reclaimed", "unit_class": "artificial", "distance_2024": 200.0}
    facts = make.facts(transects=make.transects({}, {"distance_2024": 30.0}, new))
    # 100 m x 200 m = 2 ha; 1.96 * 100 m * hypot(3, 4) m = 0.098 ha of position, (1 - sqrt(.05)) * 2 ha = 1.553 of its two ends, which
    # lie half a spacing further or nearer; hypotenuse 1.5559. The stable beach that advanced is not reclaimed
    assert numbers(estimate_of("reclaimed_area", facts)) == (2.0, 2 - 1.555876, 2 + 1.555876, "model95")
    wide = make.facts(transects=make.transects({}, new, new, new, {}))
    # three transects in a row have two ends all the same: hypot(0.294, 1.553)
    assert numbers(estimate_of("reclaimed_area", wide)) == (6.0, 6 - 1.580373, 6 + 1.580373, "model95")
    assert numbers(estimate_of("reclaimed_area", make.facts(transects=make.transects({}, {})))) == (0.0, 0.0, 0.0, "model95")


def test_visits_decide_the_natural_coast(make, estimate_of):
    """Three units of 100 m that look built, one of them refuted, one confirmed, one with a chance of 0.1 to be natural, and one that stays: 0.2 km, and the doubt of one."""
    no, yes = {"natural_probability": 1.0}, {"unit_class": "artificial", "natural_probability": 0.0}
    table = make.transects({}, no, yes, yes | {"natural_probability": 0.1})
    facts = make.facts(transects=table.assign(satellite_class_2024=["natural", "artificial", "artificial", "artificial"]))
    got = estimate_of("natural_coast_length_km", facts)
    assert got.interval.value == pytest.approx(0.2) and got.reason == "0.1 km are natural by visits"
    assert got.spread.random95 == pytest.approx(1.959964 * 0.3 * 0.1)  # sqrt(0.9 x 0.1) of 0.1 km
    retained = estimate_of("natural_coast_retention", facts)
    assert retained.interval.value == pytest.approx(50.0) and retained.reason == got.reason
    unsure = make.facts(transects=table.assign(satellite_class_2024=["natural", "artificial", "uncertain", "artificial"]))
    both = estimate_of("artificial_coast_length_km", unsure)
    assert both.interval.value == pytest.approx(0.2) and both.reason == "0.1 km are natural by visits; 0.1 km are artificial by visits"


@pytest.mark.parametrize(
    ("unit", "field_step", "hectares", "reason"),
    [
        ("artificial", ("", ""), 1.5, ""),
        ("artificial", ("", "refuted"), 0.0, "1.5 ha that counted were refuted on the spot and are left out"),
        ("artificial", ("", "confirmed"), 1.5, ""),
        ("uncertain", ("", ""), 0.0, ""),
        ("uncertain", ("", "confirmed"), 1.5, ""),
        ("natural", ("", "confirmed"), 1.5, ""),
        ("artificial", ("refuted", "refuted"), 1.5, ""),  # of a step before the baseline: what came since counts as ever
        ("natural", ("confirmed", "confirmed"), 0.0, ""),  # was there at the baseline
        ("natural", ("refuted", "confirmed"), 1.5, ""),
        ("artificial", ("confirmed", "refuted"), 0.0, "1.5 ha that counted were refuted on the spot and are left out"),
    ],
)
def test_visits_decide_reclaimed_land(make, estimate_of, unit, field_step, hectares, reason):
    """100 m of coast advanced by 150 m, with a chance of 0.1 to be natural: refuted it adds to no bound, confirmed only its place is in doubt."""
    table = make.transects({}, {"unit_class": unit, "natural_probability": 0.1, "distance_2024": 150.0}, {})
    columns = {f"field_step_{p}": ["", said, ""] for p, said in zip(("2023", "2024"), field_step, strict=True)}
    got = estimate_of("reclaimed_area", make.facts(transects=table.assign(**columns)))
    assert got.interval.value == pytest.approx(hectares) and got.reason == reason
    half = {(1.5, True): 1.168706, (1.5, False): math.hypot(1.168706, 1.959964 * 1.5 * 0.3)}.get((hectares, field_step[1] == "confirmed"), 0.0)
    doubtful = 1.5 if unit == "uncertain" and not hectares else 0.0
    assert got.interval.upper == pytest.approx(hectares + half + doubtful, abs=1e-5)


def test_a_confirmed_fill_that_was_lost_again_has_no_area(make, estimate_of):
    table = make.transects({}, {"unit_class": "artificial", "distance_2024": -20.0}).assign(field_step_2024=["", "confirmed"])
    assert numbers(estimate_of("reclaimed_area", make.facts(transects=table)))[0] == 0.0


def test_coast_that_a_visit_calls_natural_is_no_fill(make, estimate_of):
    row = {"unit_class": "natural", "natural_probability": 1.0, "distance_2024": 150.0}
    table = make.transects({}, row).assign(satellite_class_2024=["natural", "artificial"], field_2024=["", "refuted"])
    got = estimate_of("reclaimed_area", make.facts(transects=table))
    assert got.interval.value == 0.0 and got.reason == "1.5 ha that counted were refuted on the spot and are left out"


def test_unseen_coast_may_hide_reclaimed_land(make, estimate_of):
    facts = make.facts(transects=make.transects({}, {}, {"distance_2024": math.nan}))
    # a third of 300 m unseen: up to 100 m x 100 m
    assert numbers(estimate_of("reclaimed_area", facts)) == (0.0, 0.0, 1.0, "range")


def test_a_built_out_shore_of_two_years_is_reclaimed(make, estimate_of):
    """Two periods make no class over all of them; 150 m in a year at a wall is no accretion, 15 m may be, and a beach may grow."""
    out = {"class": "insufficient_data", "unit_class": "artificial"}
    rows = [out | {"distance_2024": 150.0}, out | {"distance_2024": 15.0}, out | {"distance_2024": 150.0, "unit_class": "natural"}]
    got = estimate_of("reclaimed_area", make.facts(transects=make.transects(*rows)))
    assert numbers(got) == (1.5, 1.5 - 1.168706, 1.5 + 1.168706, "model95")  # ends 0.776 * 1.5 ha, position 0.098


@pytest.mark.parametrize(("advance_m", "years", "hectares"), [(20.1, 1.0, 0.201), (20.0, 1.0, 0), (39.0, 2.0, 0), (40.1, 2.0, 0.401)])
def test_a_shore_is_built_out_where_it_advances_by_more_than_twenty_metres_a_year(make, estimate_of, advance_m, years, hectares):
    """100 m of an artificial shore; its error, 1.96 hypot(3, 4) = 9.8 m, is less."""
    row = {"class": "insufficient_data", "unit_class": "artificial", "distance_2024": advance_m}
    got = estimate_of("reclaimed_area", make.facts(transects=make.transects(row), years={"2023": 2024.5 - years, "2024": 2024.5}))
    assert got.interval.value == pytest.approx(hectares)


def advancing(make, *distances_m):
    """50 artificial transects of 100 m at these distances in 2019, 2020, ..., and 50 that stay."""
    labels = [str(2019 + i) for i in range(len(distances_m))]
    units = make.transects(*[{"unit_class": "artificial", "natural_probability": 0.0, "class": "undecidable"}] * 100)
    moving = np.arange(100) < 50
    columns = {f"distance_{p}": np.where(moving, d, 0.0) for p, d in zip(labels, distances_m, strict=True)} | {f"error_{p}": 3.0 for p in labels}
    units = units.assign(**columns, **{f"class_{p}": "artificial" for p in labels}, **{f"natural_probability_{p}": 0.0 for p in labels})
    return [make.facts(transects=units, baseline=labels[0], period=p, years={q: int(q) + 0.5 for q in labels}) for p in labels[1:]]


def test_a_fill_stays_one_however_long_ago_it_was_made(make, estimate_of):
    """5 km built out by 90 m in a year: 45 ha in every year since, also where nothing had moved for six years before."""
    for distances in ((0, *[90] * 12), (*[0] * 7, *[90] * 6)):
        hectares = [estimate_of("reclaimed_area", f).interval.value for f in advancing(make, *distances)]
        assert hectares == pytest.approx([d / 90 * 45 for d in distances[1:]])


def test_a_fill_that_grows_a_little_faster_than_mud_counts_and_a_slower_one_may_be(make, estimate_of):
    """By 25 m a year for 8 years: 100 ha. By 15 m for 8 years: 60 ha that nothing tells from accretion. What was lost again, or a spike, is none."""
    fast, slow, lost = (
        estimate_of("reclaimed_area", advancing(make, *distances)[-1]) for distances in (range(0, 201, 25), range(0, 121, 15), (0, 90, 90, 0, 0, 5, 0, 5, 4))
    )
    assert fast.interval.value == pytest.approx(100.0)
    assert numbers(slow) == (0.0, 0.0, pytest.approx(60.0), "model95")
    assert numbers(lost) == (0.0, 0.0, 0.0, "model95")


def test_a_shore_hidden_while_it_was_filled_has_the_years_between_to_accrete(make, estimate_of):
    """90 m between 2020 and 2025, unseen between: 100 m may accrete, so the 45 ha are not decided; 110 m are 55 ha."""
    hidden = [math.nan] * 4
    assert numbers(estimate_of("reclaimed_area", advancing(make, 0, 0, *hidden, 90)[-1])) == (0.0, 0.0, pytest.approx(45.0), "model95")
    assert estimate_of("reclaimed_area", advancing(make, 0, 0, *hidden, 110)[-1]).interval.value == pytest.approx(55.0)


def test_restored_coast_is_natural_and_the_official_length_the_other_denominator(make, estimate_of):
    rows = [{"restored": False}, {"unit_class": "artificial", "natural_probability": 0.0, "restored": True}] + [
        {"unit_class": "artificial", "natural_probability": 0.0, "restored": False}
    ] * 2
    facts = make.facts(transects=pd.concat([make.transects(r).assign(restored=r["restored"]) for r in rows]), official_coast_km=0.5)
    assert estimate_of("natural_coast_retention", facts).interval.value == 50.0
    assert estimate_of("natural_coast_retention", facts).reason == "0.1 km restored coast count as natural"
    official = estimate_of("natural_coast_retention_official", facts)
    assert numbers(official) == (40.0, 40 - 0.1 * 0.4 * 200, 40 + 0.1 * 0.4 * 200, "model95")  # 0.2 of 0.5 km, the classes certain
    without = estimate_of("natural_coast_retention_official", make.facts(transects=make.transects({})))
    assert without.status == "needs_table" and "indicators.official_coast_km" in without.reason


@pytest.mark.parametrize(("official_km", "share"), [(5.0, None), (7.9, None), (8.0, 125.0), (10.0, 100.0), (12.5, 80.0), (12.6, None)])
def test_an_official_length_of_another_line_tells_no_share(make, estimate_of, official_km, share):
    """10 km measured, all natural."""
    got = estimate_of("natural_coast_retention_official", make.facts(transects=make.transects(*[{}] * 100), official_coast_km=official_km))
    if share:
        assert got.interval.value == pytest.approx(share)
    else:
        assert (got.interval, got.status) == (None, "insufficient_data")
        assert got.reason.startswith(f"the coast measured is 10 km and 0 km of river mouths, its official length {official_km:g} km: not one line")


def test_river_mouths_may_be_in_the_official_length(make, estimate_of):
    rows = [{}] * 70 + [{"unit_class": "river mouth"}] * 30
    got = estimate_of("natural_coast_retention_official", make.facts(transects=make.transects(*rows), official_coast_km=10.0))
    assert got.interval.value == pytest.approx(70.0)


def test_urban_and_rural_reaches(make, estimate_of):
    reaches = make.reaches(("suspected", "assessable", 200.0), ("suspected", "assessable", 300.0), ("clear", "assessable", 200.0))
    facts = make.facts(reaches=reaches.assign(place=["urban", "rural", "urban"]), towns_drawn="towns by the rule")
    assert numbers(estimate_of("black_odorous_urban_length_km", facts)) == (0.2, 0, 0.4, "model95")  # no more than there is
    assert numbers(estimate_of("black_odorous_rural_reaches", facts)) == (1, 0, 1, "model95")
    assert estimate_of("black_odorous_rural_reaches", facts).reason == "towns by the rule"
    assert "towns by the rule" not in estimate_of("black_odorous_reaches", facts).reason
    unfit = missing("insufficient_data", "built is not told from bare")
    drawn = facts.with_own(settlements_unfit=unfit)
    assert estimate_of("black_odorous_rural_reaches", drawn) == unfit and estimate_of("black_odorous_reaches", drawn).interval
    assert estimate_of("black_odorous_rural_reaches", drawn.with_own(towns_drawn="")).interval, "given towns need no map"


def test_a_reach_whose_place_is_not_known_is_in_the_upper_bound_of_both(make, estimate_of):
    """Two rural reaches that are clear, and a suspected one that may lie anywhere: 0, at most 1; without the others nothing is known."""
    rows = ("clear", "assessable", 300.0), ("clear", "assessable", 300.0), ("suspected", "assessable", 300.0)
    facts = make.facts(reaches=make.reaches(*rows).assign(place=["rural", "rural", ""]))
    found = estimate_of("black_odorous_rural_reaches", facts)
    assert found.interval.value == 0 and found.interval.upper >= 1 and found.observed_fraction == pytest.approx(2 / 3)
    assert found.reason == "1 (0.3 km) where settlements are not known are in the upper bound"
    alone = estimate_of("black_odorous_urban_reaches", facts)
    assert alone.interval is None and alone.status == "insufficient_data"


def test_named_lakes(make, estimate_of):
    assert "tables.lakes" in estimate_of("lake_water_area").reason
    assert estimate_of("lake_water_area", make.facts(has_lakes=True)).status == "no_target"
    facts = make.facts(zones={"lake:Baiyangdian": make.sums()}, has_lakes=True)
    got = estimate_of("lake_water_area", facts)
    # 10 km2 permanent and 5 km2 seasonal; random 1.96 * hypot(0.3, 0.4), systematic hypot(2.5, 0.5)
    assert numbers(got) == (15.0, pytest.approx(15 - 2.731367, abs=1e-5), pytest.approx(15 + 2.731367, abs=1e-5), "model95")
    assert got.reason == "Baiyangdian 15 km2"
    assert estimate_of("lake_plant_cover", facts).interval.value == pytest.approx(50.0)


def test_reference_samples_take_over_from_the_error_model(make, estimate_of):
    """40 pixels of land, a tenth of them water, and 40 of water, a tenth of them land, on 90 km2 of land and 10 of water."""
    stratum = np.repeat([0, 1], 40)
    sample = Sample(stratum, stratum.astype(float), np.where(np.arange(80) % 10 == 0, 1 - stratum, stratum).astype(float))
    references = References({"permanent_water": sample}, {"permanent_water": sample}, is_region=False)
    got = estimate_of("water_permanent_area", make.facts(references=references))
    assert got.interval.value == pytest.approx(10 + 90 * 0.1 - 10 * 0.1) and got.interval.kind == "design95" and got.spread is None
    assert got.reason == "model-assisted (GREG): 80 reference samples here"
    region = estimate_of(
        "water_permanent_area", make.facts(references=References(references.own, references.region, is_region=True, of_class=frozenset({"permanent_water"})))
    )
    assert region.interval.value == pytest.approx(90 * 0.1 + 10 * 0.9) and region.reason.startswith("stratified estimator (Olofsson 2014)")


def test_red_line(make, estimate_of):
    assert estimate_of("red_line_area").status == "needs_table"
    got = estimate_of("red_line_area", make.facts(make.sums(n_scenes=0), red_line=RedLineArea(12.5, 2.0)))
    assert (got.interval.value, got.reason) == (14.5, "12.5 km2 inside the units and 2 km2 at sea")
    region = estimate_of("red_line_area", make.facts(red_line=RedLineArea(12.5, 2.0, 7.0)))
    assert region.interval.value == 14.5 and "; 7 km2 lie in no unit and not at sea and are not counted" in region.reason


@given(st.floats(0.5, 1), st.floats(0, 1), st.floats(0, 0.2))
def test_cover_is_ordered_and_possible(make, v, cover, sigma):
    seen = 90 * KM2 * v
    county = make.sums(fvc_peak_observed_m2=seen, fvc_peak_sum_m2=cover * seen, fvc_peak_sigma=sigma)
    got = estimate_indicator(INDICATORS["fvc_peak_mean"], make.facts(county)).interval
    assert -1e-9 <= got.lower <= got.value + 1e-9 and got.value - 1e-9 <= got.upper <= 100 + 1e-9


def test_indicators_are_data_with_unit_title_and_direction():
    assert all(i.name == name and i.title and i.unit and i.direction in ("up", "down", "") for name, i in INDICATORS.items())
    assert all(i.formula for i in INDICATORS.values())
