"""The error model: pixels' errors to the variance of a sum, and the systematic part from worlds whose truth is known."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from rs_pipeline.config import WaterSection
from rs_pipeline.estimation.error_model import Spread, Systematic, systematic_errors
from rs_pipeline.estimation.propagation import CORRELATION_RANGE_M, add_variances, correlated_variance
from rs_pipeline.products.land.indicators import ERROR_OF
from rs_pipeline.products.water.county import standard_errors
from rs_pipeline.validation.errors import _errors_of_changes, systematic_part


def test_one_pixel_keeps_its_own_variance():
    one = np.zeros((40, 40))
    one[20, 20] = 3.0
    assert correlated_variance(one, 10.0) == pytest.approx(9.0, rel=0.02)


def test_neighbours_err_together_and_far_pixels_do_not():
    near, far = np.zeros((80, 800)), np.zeros((80, 800))
    near[40, 100], near[40, 101] = 3.0, 3.0
    far[40, 100], far[40, 700] = 3.0, 3.0
    assert correlated_variance(near, 10.0) == pytest.approx(36, rel=0.02)
    assert correlated_variance(far, 10.0) == pytest.approx(18, rel=0.02)


def test_two_pixels_at_the_range_are_correlated_by_a_twentieth():
    pair = np.zeros((30, 60))
    pair[15, 20], pair[15, 20 + round(CORRELATION_RANGE_M / 30)] = 1.0, 1.0
    assert correlated_variance(pair, 30.0) == pytest.approx(2 + 2 * math.exp(-3), abs=0.01)


def test_coarse_pixels_are_independent():
    assert correlated_variance(np.full((20, 20), 2.0), 3000.0) == pytest.approx(400 * 4, rel=0.01)


def test_the_variance_is_that_of_simulated_fields():
    """1500 fields of correlated errors (Monte Carlo) over a patch with unequal standard errors."""
    rng, s = np.random.default_rng(3), np.linspace(0.5, 1.5, 20)[:, None] * np.ones((20, 30))
    sigma = CORRELATION_RANGE_M / math.sqrt(6) / math.sqrt(2) / 30.0  # white noise smoothed by this has the correlation exp(-3 d2 / r2)
    fields = ndimage.gaussian_filter(rng.standard_normal((1500, 40, 50)), (0, sigma, sigma), mode="wrap")[:, 10:30, 10:40]
    fields /= fields.std()
    assert (fields * s).sum(axis=(1, 2)).var() == pytest.approx(correlated_variance(s, 30.0), rel=0.1)


def test_standard_errors_of_a_pixel_by_hand():
    def bands(frequency, error, share=0.0):
        half = 1.959963984540054 * error
        values = {"frequency": frequency, "frequency_lower": frequency - half, "frequency_upper": frequency + half, "permanent_fraction": share}
        return {f"water.{k}": np.array([[v]], "float32") for k, v in values.items()} | {"water.sea": np.zeros((1, 1), bool)}

    on_the_threshold = standard_errors(WaterSection(), bands(0.75, 0.1), bands(0.75, 0.1))
    assert on_the_threshold["water_permanent"].item() == pytest.approx(0.5)  # as likely permanent as not
    assert on_the_threshold["water_permanent_change"].item() == 0  # as hard to tell in either year
    rim = standard_errors(WaterSection(), bands(1.0, 0.1, share=0.3), bands(1.0, 0.1, share=0.3))
    assert rim["water_permanent"].item() == pytest.approx(math.sqrt(0.3 * 0.7), rel=1e-5)
    whole = standard_errors(WaterSection(), bands(0.75, 0.1, share=1.0), bands(0.75, 0.1, share=1.0))
    assert whole["water_permanent"].item() == pytest.approx(0.5)  # no rim: whole water, as likely permanent as not
    one_error_below = standard_errors(WaterSection(), bands(0.65, 0.1), bands(0.75, 0.1))
    assert one_error_below["water_permanent_change"].item() == pytest.approx(math.sqrt(0.341345 * 0.658655), rel=1e-4)
    assert one_error_below["water_permanent"].item() == pytest.approx(math.sqrt(0.158655 * 0.841345), rel=1e-4)


def test_variances_are_added_zone_by_zone_wherever_they_lie():
    """Pixels of 3000 m are independent: 2 m2 x 3 and 1 m2 x 4 of zone 1 in the middle of a tile, 36 + 16; zone 0 in its corner, 5 x 1."""
    error = np.zeros((6, 7))
    error[3, 4], error[4, 5], error[0, 0] = 3.0, 4.0, 1.0
    zone, cell, weight, sums = np.array([1, 1, 0]), np.array([3 * 7 + 4, 4 * 7 + 5, 0]), np.array([2.0, 1.0, 5.0]), np.ones((2, 1))
    add_variances(zone, cell, weight, {"any": error}, 3000.0, sums)
    assert sums.ravel().tolist() == [1 + 25, 1 + 52]


def test_spread_by_hand():
    spread = Spread(random95=3.0, basis=2.0, systematic=Systematic(below=2.0, above=0.0, worlds=5, values=40))
    got = spread.around(10.0)
    assert (got.lower, got.upper, got.kind) == (5.0, 13.0, "model95")  # hypot(3, 4) below, 3 above
    assert spread.words() == "random part +-3; systematic part -4/+0, from 40 values of 5 simulated worlds"
    open_ended = Spread(0.0, 2.0, spread.systematic, undecided=(1.0, 5.0)).around(10.0)
    assert (open_ended.lower, open_ended.upper) == (5.0, 15.0)  # 1 undecided and 4 systematic below, 5 undecided above
    unknown = Spread(3.0, 2.0, None)
    assert unknown.around(10.0).kind == "" and "no simulated world" in unknown.words()


def test_what_an_earlier_table_learnt_is_not_learnt_again():
    """Half of the pixels' errors is seen: the interval has the half, and the next table is made of the whole."""
    seen = Spread(random95=1.5, basis=2.0, systematic=Systematic(below=2.0, above=0.0, worlds=5, values=40, random=0.5))
    assert (seen.pixels95, seen.times(10).pixels95, seen.mirrored().pixels95, replace(seen, systematic=None).pixels95) == (3.0, 30.0, 3.0, 1.5)


def errors(*rows):
    """Errors of which nothing was undecided."""
    return pd.DataFrame(rows, columns=["world", "indicator", "error", "random95", "basis"]).assign(whole=lambda t: t.error, undecided_sd=0.0)


def test_systematic_part_by_hand():
    """Three worlds with errors of 1, 2 and 3 bases in the mean, one more and one less in either value: mean 2, variance between worlds 1,
    for a new one 4/3; within 1, of which the pixels explain 2/3. Together 5/3; t(0.975, 2) = 4.3027, times its root 5.5547."""
    random95 = 1.959963984540054 * 10 * math.sqrt(2 / 3)
    rows = [(f"w{i}", "x", 10.0 * (i + d), random95, 10.0) for i in (1, 2, 3) for d in (-1, 1)]
    got = systematic_part(errors(*rows, ("w1", "y", 1.0, 0.0, 1.0)))  # y: one world is too few
    assert got.indicator.tolist() == ["x"] and (got.worlds.item(), got["values"].item()) == (3, 6)
    assert (got.below.item(), got.above.item()) == pytest.approx((5.5547 - 2, 5.5547 + 2), abs=1e-4)


def test_errors_that_the_pixels_explain_leave_only_the_mean():
    got = systematic_part(errors(*[(f"w{i}", "x", 1.0, 30.0, 1.0) for i in range(4)]))
    assert (got.below.item(), got.above.item()) == (0.0, 1.0)


def test_what_was_undecided_explains_its_part_of_the_errors():
    """Errors of 3 all lie within what was undecided (4 in the root mean square), and the pixels say 3: they are 3 / hypot(3, 4) of what was expected, not
    none. Errors of 6 are more than expected, and the pixels' own are never taken for more than they say."""
    four = [(f"w{i}", "x", 0.0, 3.0 * 1.959963984540054, 1.0) for i in range(4)]
    got = systematic_part(errors(*four).assign(whole=[3.0, -3.0, 3.0, -3.0], undecided_sd=4.0))
    assert got.random.item() == pytest.approx(0.6) and got.above.item() == 0
    assert systematic_part(errors(*four).assign(whole=6.0, undecided_sd=4.0)).random.item() == 1.0


def test_every_world_counts_the_same():
    """One world with 200 values does not outvote three with one value each."""
    few = systematic_part(errors(*[(f"w{i}", "x", e, 0.0, 1.0) for i, e in enumerate((0.0, 1.0, 2.0, 3.0))]))
    many = systematic_part(errors(*[("w0", "x", 0.0, 0.0, 1.0)] * 200, *[(f"w{i}", "x", float(i), 0.0, 1.0) for i in (1, 2, 3)]))
    assert (many.below.item(), many.above.item()) == pytest.approx((few.below.item(), few.above.item()))


def test_intervals_cover_new_worlds():
    """Worlds with a common error (sd 1) and errors of their own (sd 0.5, which the pixels explain): 30 fits of 12 worlds, new worlds each."""
    rng, inside = np.random.default_rng(5), []

    def worlds(n):
        return errors(*[(f"w{i}", "x", e, 0.98, 1.0) for i in range(n) for e in rng.normal(0, 1) + rng.normal(0, 0.5, 4)])

    for _ in range(30):
        fitted, new = systematic_part(worlds(12)).iloc[0], worlds(40).error
        inside += [((new >= -math.hypot(0.98, fitted.below)) & (new <= math.hypot(0.98, fitted.above))).mean()]
    assert 0.93 <= np.mean(inside) <= 0.98


def test_a_change_is_wrong_by_what_lies_beyond_what_was_undecided():
    """Wrong by 0.9 and by -0.2, so the change by 1.1; 0.5 of it was not decided in the second year, another 0.3 in neither. Bases of 3 and 4."""
    parts = Systematic(1.0, 1.0, 5, 40)
    now = Spread(0.2, 3.0, parts, (0.0, 0.5), "natural_coast_length_km", {"a": (0.0, 0.3)})
    then = Spread(0.2, 4.0, parts, (0.0, 0.0), "natural_coast_length_km", {"a": (0.0, 0.3)})
    rows = [("u", "2024", 1.0, 1.9, now), ("u", "2023", 2.0, 1.8, then)]
    levels = pd.DataFrame(rows, columns=["adcode", "period", "value", "true", "spread"]).assign(indicator="natural_coast_length_km")
    got = _errors_of_changes(levels, "2023").iloc[0]
    assert (got.indicator, got.basis, got.random95, got.error) == ("natural_coast_length_km:change", 7.0, 0.0, pytest.approx(0.6))
    assert (got.whole, got.undecided_sd) == pytest.approx((1.1, 0.5 / math.sqrt(3)))  # anywhere from 0 to 0.5


def test_the_committed_table_is_sound():
    for name, s in systematic_errors.__wrapped__().items():
        assert s.below >= 0 and s.above >= 0 and s.worlds >= 3 and s.values >= s.worlds, name


def test_the_committed_table_knows_every_area_of_land():
    assert set(ERROR_OF.values()) | {"construction_land_change"} <= set(systematic_errors.__wrapped__())
