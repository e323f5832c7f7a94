"""Estimators from reference samples against the published example and a map of 3 x 3 pixels that a reader can work out."""

import numpy as np
import pytest

from rs_pipeline.estimation.sampling import Sample, bootstrap95, difference_total, estimate_total, sample_size, stratified_area, stratified_total

OLOFSSON_COUNTS = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
OLOFSSON_HA = np.array([0.020, 0.015, 0.320, 0.645]) * 1e7 * 0.09


def test_olofsson_2014_example_to_the_digit():
    got = stratified_area(OLOFSSON_COUNTS, OLOFSSON_HA)
    assert (round(got.overall, 4), round(got.overall_half95, 4)) == (0.9465, 0.0185)
    np.testing.assert_array_equal(got.users.round(3), [0.880, 0.733, 0.927, 0.963])
    np.testing.assert_array_equal(got.users_half95.round(3), [0.074, 0.101, 0.040, 0.021])
    np.testing.assert_array_equal(got.producers.round(3), [0.749, 0.847, 0.935, 0.962])
    np.testing.assert_array_equal(got.producers_half95.round(3), [0.213, 0.254, 0.034, 0.018])
    np.testing.assert_array_equal(got.area.round(), [21158, 11686, 285770, 581386])
    np.testing.assert_array_equal(got.area_half95.round(), [6158, 3756, 15510, 16282])
    assert got.area[0] / 0.09 == pytest.approx(235086.2, abs=0.05)
    assert got.area.sum() == pytest.approx(OLOFSSON_HA.sum())


def test_olofsson_sample_size():
    assert sample_size([0.020, 0.015, 0.320, 0.645], [0.7, 0.6, 0.9, 0.95], 0.01) == 641


@pytest.mark.parametrize(
    ("counts", "area", "message"),
    [([[1, 2]], [1.0], "must be"), ([[5, 0], [1, 0]], [1.0, 1.0], "two samples"), ([[5, 0], [0, 5]], [1.0, 0.0], "area above zero")],
)
def test_stratified_area_refuses(counts, area, message):
    with pytest.raises(ValueError, match=message):
        stratified_area(counts, area)


# A map of 3 x 3 pixels of 1 km2: three called water with shares 0.9, 0.8, 0.7, six called land with a share of 0.2 each.
MAPPED_KM2 = 0.9 + 0.8 + 0.7 + 6 * 0.2
STRATA_KM2 = np.array([6.0, 3.0])
# Looked at: the first water pixel is water, the third is not; of three land pixels one is water.
STRATUM = np.array([1, 1, 0, 0, 0])
TRUE = np.array([1.0, 0.0, 0.0, 0.0, 1.0])


def sample(times=1, classes=False):
    mapped = STRATUM.astype(float) if classes else np.array([0.9, 0.7, 0.2, 0.2, 0.2])
    return Sample(np.tile(STRATUM, times), np.tile(mapped, times), np.tile(TRUE, times))


def test_stratified_estimator_on_nine_pixels():
    """3 km2 x 1/2 + 6 km2 x 1/3 = 3.5 km2; variance of the share (1/3)^2 (1/4)/1 + (2/3)^2 (2/9)/2 = 0.0771605."""
    got = stratified_total(STRATA_KM2, sample(classes=True))
    assert got.interval.value == pytest.approx(3.5)
    assert got.interval.upper - 3.5 == pytest.approx(1.96 * 9 * np.sqrt(0.0771605), rel=1e-5)
    # overall accuracy 1/3 x 1/2 + 2/3 x 2/3 = 61.1 %
    assert got.interval.kind == "design95" and "5 reference samples, overall accuracy 61.1" in got.estimator


def test_model_assisted_estimator_on_nine_pixels():
    """3.6 km2 mapped; mean residuals -0.3 on water and 0.4 / 3 on land: 3.6 - 3 x 0.3 + 6 x 0.4 / 3 = 3.5."""
    assert difference_total(MAPPED_KM2, STRATA_KM2, sample()) == pytest.approx(3.5)
    got = estimate_total(MAPPED_KM2, STRATA_KM2, sample(8), sample(20))
    assert got.interval.value == pytest.approx(3.5) and got.interval.kind == "design95"
    assert got.estimator == "model-assisted (GREG): 40 reference samples here"


def test_synthetic_estimator_on_three_pixels():
    """A county of the first row: 2.4 km2 mapped on 3 km2 of water; the region's residual of -0.3 makes it 1.5 km2."""
    got = estimate_total(2.4, np.array([0.0, 3.0]), sample(2), sample(20))
    assert got.interval.value == pytest.approx(1.5) and got.interval.kind == "model95"
    assert got.estimator == "synthetic: 10 reference samples here, too few; the errors of the region's 100 are used"


def test_too_few_samples_anywhere_make_no_estimate():
    assert estimate_total(MAPPED_KM2, STRATA_KM2, sample(1), sample(5)) is None  # 25 in all
    water_only = Sample(np.ones(40, int), np.ones(40), np.ones(40))
    assert estimate_total(MAPPED_KM2, STRATA_KM2, water_only, water_only) is None  # none on land


def test_bootstrap_scatters_as_the_stratified_variance_says():
    many = sample(40)
    lower, upper = bootstrap95(MAPPED_KM2, STRATA_KM2, many)
    n, s2 = many.counts(2), [many.residual[many.stratum == h].var(ddof=1) for h in (0, 1)]
    half = 1.96 * np.sqrt((STRATA_KM2**2 * s2 / n).sum())
    assert (upper - lower) / 2 == pytest.approx(half, rel=0.06)
    assert bootstrap95(MAPPED_KM2, STRATA_KM2, many) == (lower, upper)


def test_bootstrap_of_two_pixels_a_stratum_by_hand():
    """Rao and Wu draw n - 1 = 1 of them: residuals 0 or 0.4 on 6 km2, 0 or -0.5 on 3 km2, so 3 km2 become 1.5, 3, 3.9 or 5.4, each as often."""
    four = Sample(np.array([0, 0, 1, 1]), np.array([0.0, 0, 1, 1]), np.array([0.0, 0.4, 1, 0.5]))
    assert bootstrap95(3.0, np.array([6.0, 3.0]), four) == pytest.approx((1.5, 5.4))


def test_the_bootstrap_draws_one_pixel_fewer_than_there_are():
    """Residuals 0, 0, 0, 1 on 3 km2: of three draws all are 1 in 1/64 and two or more in 10/64 of cases, so the upper 2.5 % begin at
    two of three, 2 km2. Of four draws three or more would be 1 in 13/256, and the bound 2.25 km2."""
    four = Sample(np.zeros(4, int), np.zeros(4), np.array([0.0, 0.0, 0.0, 1.0]))
    assert bootstrap95(5.0, np.array([3.0]), four) == pytest.approx((5.0, 7.0))


def test_intervals_hold_the_truth_as_often_as_they_say():
    """A region of 1 km2 of water and 9 of land, mapped with errors: 300 samples of 100 pixels each."""
    rng, inside = np.random.default_rng(1), 0
    for _ in range(300):
        stratum = np.repeat([0, 1], 50)
        true = (rng.random(100) < np.where(stratum == 1, 0.8, 0.1)).astype(float)
        got = estimate_total(1.0, np.array([9.0, 1.0]), Sample(stratum, stratum.astype(float), true), Sample(stratum, stratum.astype(float), true))
        inside += got.interval.lower <= 9 * 0.1 + 0.8 <= got.interval.upper
    assert 0.90 <= inside / 300 <= 0.98


def agreeing(n_land, n_water):
    stratum = np.repeat([0, 1], [n_land, n_water])
    return Sample(stratum, stratum.astype(float), stratum.astype(float))


def test_few_pixels_that_all_agree_do_not_make_an_exact_area():
    """28 pixels of land and 2 of water, all right: a share of 1/30 and of 1/4 may be wrong, with variances of (1/30)(29/30)/27 and (1/4)(3/4)/1."""
    area = np.array([9.8, 0.2])
    got = stratified_total(area, agreeing(28, 2)).interval
    half = 1.96 * np.sqrt(9.8**2 * (29 / 900) / 27 + 0.2**2 * 3 / 16)
    assert (got.value, got.lower, got.upper) == pytest.approx((0.2, 0.0, 0.2 + half)) and half > 0.5
    found = stratified_area([[28, 0], [0, 2]], area)
    assert found.area_half95[1] == pytest.approx(half) and found.overall == 1.0 and found.overall_half95 > 0


def test_two_pixels_of_a_rare_stratum_do_not_show_that_it_is_all_there():
    """Two pixels of 1 km2 are water, and many of the 99 km2 of land are land. Drawn with one pixel of either kind more, three of four are water: of
    three draws 10 in 64 have one or none, so a third is possible; of the land 1 in 402 is water, and of 401 draws 2.5 % have 3 and more, or 0.75 km2."""
    got = estimate_total(1.0, np.array([99.0, 1.0]), agreeing(400, 2), agreeing(400, 2)).interval
    assert got.value == 1.0 and got.lower < 0.4 and got.upper == pytest.approx(1.0 + 0.75, abs=0.3)


def test_references_of_a_cover_are_not_of_two_kinds():
    """Residuals of a cover scatter by themselves: 0.5 against 0.5 twenty times, 0.6 against 0.5 twenty times."""
    cover = Sample(np.zeros(40, int), np.full(40, 0.5), np.repeat([0.5, 0.6], 20))
    lower, upper = bootstrap95(50.0, np.array([100.0]), cover)
    assert (lower, upper) == pytest.approx((55 - 1.57, 55 + 1.57), abs=0.3)


def test_no_area_is_less_than_none_or_more_than_all():
    """The map calls 6 % of every land pixel water; of this unit's 40 land pixels none is, and 10 km2 hold 0.1 of mapped water."""
    stratum = np.repeat([0, 1], [40, 20])
    sample = Sample(stratum, np.where(stratum == 1, 1.0, 0.06), stratum.astype(float))
    area = np.array([9.99, 0.01])
    own = estimate_total(0.1, area, sample, sample).interval
    assert (own.value, own.lower) == (0.0, 0.0) and own.upper > 0
    empty = sample.of(np.zeros(60, bool))
    region = estimate_total(0.1, area, empty, sample)
    assert region.interval is None
    assert region.estimator == "not corrected: the errors of the region's 60 reference samples are larger than what is mapped here"
