"""Selection, quantiles over dates, and local levels, against numpy and values worked out by hand."""

import numpy as np
import pytest
from rs_kernels.composite import falling_fit, lower_medians, mndwi_map, refl_at_tide, refl_quantiles
from rs_kernels.statistics import quantile, select


@pytest.mark.parametrize("n", [1, 2, 3, 8, 101])
def test_select_agrees_with_sorting(n):
    values = np.random.default_rng(n).integers(0, 7, n).astype("float32")
    for k in range(n):
        assert select(values.copy(), n, k) == np.sort(values)[k]


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_quantile_agrees_with_numpy(n, probability):
    values = np.random.default_rng(n).normal(size=n)
    assert quantile(values.copy(), n, probability) == pytest.approx(np.quantile(values, probability), abs=1e-12)


def test_quantile_of_nothing_is_missing():
    assert np.isnan(quantile(np.empty(3), 0, 0.5))


def test_median_reflectance_by_hand():
    # one pixel a case: three dates, an even number, a missing date, none
    dn = np.array([[[1100, 1100, 0, 0]], [[1300, 1300, 1400, 0]], [[1500, 0, 1600, 0]]], "uint16")
    scale, offset = np.full(3, 1e-4, "float32"), np.full(3, -0.1, "float32")
    (median,), n_dates = refl_quantiles(dn, scale, offset, np.ones(3, bool), np.array([0.5]))
    np.testing.assert_allclose(median[0, :3], [0.03, 0.02, 0.05], atol=1e-6)
    assert np.isnan(median[0, 3])
    assert n_dates.tolist() == [[3, 2, 2, 0]]


def test_a_lower_median_is_the_reflectance_of_a_date():
    """Against sorting with numpy in float32, over more than a lane, with dates of several scales and pixels of 0 to 7 dates."""
    rng = np.random.default_rng(3)
    dn = (rng.integers(1, 9000, (7, 2, 3, 200)) * (rng.random((7, 2, 3, 200)) < rng.random(200))).astype("uint16")
    dn[..., 0] = 0
    scale, offset = np.array([1e-4, 2.75e-5] * 3 + [1e-4], "float32"), np.array([-0.1, -0.2] * 3 + [0], "float32")
    refl = np.where(dn > 0, dn * scale[:, None, None, None] + offset[:, None, None, None], np.float32(np.nan))
    rank = np.maximum((dn > 0).sum(axis=0) - 1, 0) // 2
    np.testing.assert_array_equal(lower_medians(dn, scale, offset), np.take_along_axis(np.sort(refl, axis=0), rank[None], axis=0)[0])


def test_each_date_has_its_own_scale_and_offset():
    # the same reflectance of 0.05 as Sentinel-2 before and after baseline 04.00, and as Landsat
    dn = np.array([500, 1500, 9091], "uint16").reshape(3, 1, 1)
    scale, offset = np.array([1e-4, 1e-4, 2.75e-5], "float32"), np.array([0, -0.1, -0.2], "float32")
    quantiles, _ = refl_quantiles(dn, scale, offset, np.ones(3, bool), np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(quantiles[:, 0, 0], 0.05, atol=1e-5)


def test_number_one_is_seen_and_zero_is_not_where_scales_differ():
    dn = np.array([0, 1, 3], "uint16").reshape(3, 1, 1)
    scale, offset = np.array([0.5, 0.25, 0.25], "float32"), np.zeros(3, "float32")
    (median,), n_dates = refl_quantiles(dn, scale, offset, np.ones(3, bool), np.array([0.5]))
    assert (median[0, 0], n_dates[0, 0]) == (0.5, 2)


def test_only_the_dates_in_use_take_part():
    dn = np.array([100, 9000, 300], "uint16").reshape(3, 1, 1)
    scale, offset = np.full(3, 1e-4, "float32"), np.zeros(3, "float32")
    (median,), n_dates = refl_quantiles(dn, scale, offset, np.array([True, False, True]), np.array([0.5]))
    assert median[0, 0] == pytest.approx(0.02) and n_dates[0, 0] == 2


def test_one_date_is_the_reflectance_at_every_tide_and_none_leaves_it():
    dn, refl = np.array([[[0, 0]], [[1, 0]]], "uint16"), np.full((1, 2), 0.75, "float32")
    scale, offset, shore = np.full(2, 0.25, "float32"), np.zeros(2, "float32"), np.ones((1, 2), bool)
    refl_at_tide(dn, scale, offset, np.array([-0.4, 0.3]), np.array([-1.0, 1.0]), shore, refl)
    assert refl.tolist() == [[0.25, 0.75]]


def falling(values):
    values = np.array(values, "float32")
    fit, block, start = np.empty_like(values), np.empty_like(values), np.empty(values.size, np.int64)
    falling_fit(values, values.size, fit, block, start)
    return fit.tolist()


@pytest.mark.parametrize(("values", "fit"), [
    ([5, 4, 2, 1], [5, 4, 2, 1]),  # falls already
    ([3, 3, 3], [3, 3, 3]),
    ([5, 1, 2, 0], [5, 1.5, 1.5, 0]),  # two that rise are pooled
    ([4, 4, 1, 1, 9, 1], [4, 4, 1, 1, 1, 1]),  # one wrong date over water: the median of the pool
    ([1, 2, 3], [2, 2, 2]),
    ([7], [7]),
])  # fmt: skip
def test_falling_fit_by_hand(values, fit):
    assert falling(values) == fit


def test_falling_fit_falls_and_is_nearest():
    values = np.random.default_rng(3).integers(0, 4, 6).astype("float64")
    fit = np.array(falling(values))
    assert (np.diff(fit) <= 0).all()
    every = np.stack(np.meshgrid(*[range(4)] * 6), axis=-1).reshape(-1, 6)
    every = every[(np.diff(every, axis=1) <= 0).all(axis=1)]
    assert np.abs(values - fit).sum() == np.abs(every - values).sum(axis=1).min()


def test_reflectance_at_a_tide_by_hand():
    # a pixel a case: read between dates; beyond the highest; a missing date; no date; not of the shore
    dn = np.array([[[3000, 3000, 3000, 0, 3000]], [[2000, 2000, 0, 0, 2000]], [[1000, 0, 1000, 0, 1000]]], "uint16")
    scale, offset = np.array([1e-4, 1e-4, 2e-4], "float32"), np.array([0, 0, -0.1], "float32")
    refl = np.full((1, 5), 0.5, "float32")
    shore = np.array([[True, True, True, True, False]])
    refl_at_tide(dn, scale, offset, np.array([-0.4, -0.1, 0.3]), np.array([0.0, 0.1]), shore, refl)
    # 0.3, 0.2, 0.1 at -0.4, -0.1, 0.3 m: 0.175 at 0 and 0.15 at 0.1
    between = (0.3 - 0.2 * 4 / 7 + 0.3 - 0.2 * 5 / 7) / 2
    np.testing.assert_allclose(refl[0], [0.1625, 0.2, between, 0.5, 0.5], atol=1e-6)


def test_mndwi_map_is_the_scalar_formula():
    green, swir1 = np.array([[0.10, np.nan, 0.001]], "float32"), np.array([[0.02, 0.02, 0.001]], "float32")
    index = mndwi_map(green, swir1)
    assert index[0, 0] == pytest.approx(0.08 / 0.12, abs=1e-6)
    assert np.isnan(index[0, 1:]).all()


def test_no_date_in_use_gives_nothing():
    quantiles, n_dates = refl_quantiles(np.full((1, 1, 1), 500, "uint16"), np.full(1, 1e-4, "f4"), np.zeros(1, "f4"), np.zeros(1, bool), np.array([0.5]))
    assert np.isnan(quantiles).all() and n_dates.tolist() == [[0]]
