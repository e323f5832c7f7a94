"""The change between two years: what was learnt from changes, and what was not decided or not seen in either year."""

import pytest

from rs_pipeline.estimation.change import change_between, change_spread
from rs_pipeline.estimation.error_model import Spread, Systematic, spread
from rs_pipeline.estimation.estimate import Estimate
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.status import judge
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator


def estimate(value, **parts):
    """A value with a basis of 1 and what else a spread may have; a change errs by 1 + 1 of it."""
    error = spread("any", 0.0, **parts)
    return Estimate(error.around(value), 1.0, spread=error)


@pytest.mark.parametrize(
    ("now", "then", "below", "above"),
    [
        ({}, {}, 0, 0),
        ({"undecided": (1, 5)}, {}, 1, 5),
        ({}, {"undecided": (1, 5)}, 5, 1),  # more then is less of a change
        ({"undecided": (1, 5)}, {"undecided": (2, 3)}, 4, 7),
        ({"lasting": {"a": (1, 2)}}, {"lasting": {"b": (3, 4)}}, 1 + 4, 2 + 3),
        ({"lasting": {"a": (1, 2)}}, {"lasting": {"a": (1, 2)}}, 0, 0),  # whatever it is, it was the same
        ({"lasting": {"a": (0.5, 0.5)}}, {"lasting": {"a": (0, 1)}}, 0.5, 0),  # counts by half and by none: what it rose by is no change
        ({"lasting": {"a": (1, 2)}, "undecided": (0, 3)}, {"lasting": {"a": (1, 2)}}, 0, 3),
    ],
)
def test_what_was_not_decided_in_either_year_counts_in_full(now, then, below, above):
    got = change_between(estimate(10.0, **now), estimate(8.0, **then))
    assert (got.value, got.lower, got.upper, got.kind) == (2.0, 2 - 2 - below, 2 + 2 + above, "model95")


def test_what_was_not_seen_counts_as_independent_in_both_years():
    """Of 2 that were learnt: hypot(2, hypot(1.5, 0)) = 2.5 below, hypot(2, hypot(0, 4.8)) = 5.2 above."""
    now = Spread(0.0, 1.0, Systematic(1, 1, 5, 40), unseen=(1.5, 0.0))
    then = Spread(0.0, 1.0, Systematic(1, 1, 5, 40), unseen=(4.8, 0.0))
    got = change_spread(now, then).around(0.0)
    assert (got.lower, got.upper) == pytest.approx((-2.5, 5.2))


def test_all_but_an_amount_errs_the_other_way_round(monkeypatch):
    monkeypatch.setattr("rs_pipeline.estimation.error_model.systematic_errors", lambda: {n: Systematic(1, 3, 5, 40) for n in ("built", "built:change")})
    built = spread("built", 0.0, 1.0, (0.1, 0.2), {"a": (0.3, 0.4)})
    rest = built.mirrored()
    assert built.around(20.0) == Interval(20.0, pytest.approx(20 - 1.4), pytest.approx(20 + 3.6), "model95")
    assert rest.around(80.0) == Interval(80.0, pytest.approx(80 - 3.6), pytest.approx(80 + 1.4), "model95")
    assert rest.mirrored() == built
    now, then = (Spread(0.0, 1.0, s.systematic, indicator="built", turned=s.turned) for s in (rest, rest))
    change = change_spread(now, then).around(0.0)
    assert (change.lower, change.upper) == (-6.0, 2.0)


def black(make, *classes):
    reaches = make.reaches(*[(c, "assessable", 1000.0) for c in classes])
    return estimate_indicator(INDICATORS["black_odorous_reaches"], make.facts(reaches=reaches))


@pytest.mark.parametrize("now", ["insufficient", "possible"])
def test_reaches_that_nobody_decided_did_not_become_clear(make, now):
    """Five of ten suspected, then the five were not decided: -5, or none at all. The detector errs by root 6 and root 1 reaches, or twice root 6."""
    present = black(make, *[now] * 5, *["clear"] * 5)
    change = change_between(present, black(make, *["suspected"] * 5, *["clear"] * 5))
    assert change.value == -5 and change.upper == pytest.approx({"insufficient": 1 + 6**0.5, "possible": 2 * 6**0.5}[now])
    assert judge(make.target("decrease", None, target_year=None), present.interval, 2025, change=change).status == "undecidable"


def coast(make, *kinds):
    """30 units of 100 m, of the kinds in 2024; natural but for the last ones."""
    of = {"natural": 0.71, "uncertain": 0.69, "river mouth": 0.5}
    rows = [{"class_2024": k, "natural_probability_2024": of[k]} for k in kinds]
    return estimate_indicator(INDICATORS["natural_coast_length_km"], make.facts(transects=make.transects(*[{}] * (30 - len(rows)), *rows)))


def test_a_coast_that_slides_from_natural_to_uncertain_was_not_lost(make):
    """1 km of 3 counts by half: -0.5 km, with all of that undecided, and once the sum of both bases, 3 km each."""
    natural, uncertain = coast(make, *["natural"] * 10), coast(make, *["uncertain"] * 10)
    change = change_between(uncertain, natural)
    assert (change.value, change.lower, change.upper) == pytest.approx((-0.5, -0.5 - 0.5 - 6, -0.5 + 0.5 + 6))
    assert judge(make.target("no_decrease", None), Interval(0.0), 2035, change=change, least=0.1).status == "undecidable"


def test_units_and_mouths_that_were_doubtful_all_along_add_no_doubt_to_a_change(make):
    """Ten units of doubt in both years: what changes were learnt to err by, the sum of both bases, is all."""
    same = [*["uncertain"] * 5, *["river mouth"] * 5]
    now, then = coast(make, *same), coast(make, *same)
    change = change_between(now, then)
    assert (change.lower, change.upper) == pytest.approx((-(now.spread.basis + then.spread.basis), now.spread.basis + then.spread.basis))
