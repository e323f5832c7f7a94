"""Selection, quantiles over dates, and local levels, against numpy and values worked out by hand."""

import numpy as np
import pytest

from kernels.composite import LAND_CORE, WATER_CORE, local_levels, mndwi_map, refl_quantiles
from kernels.statistics import quantile, select


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


def test_each_date_has_its_own_scale_and_offset():
    # the same reflectance of 0.05 as Sentinel-2 before and after baseline 04.00, and as Landsat
    dn = np.array([500, 1500, 9091], "uint16").reshape(3, 1, 1)
    scale, offset = np.array([1e-4, 1e-4, 2.75e-5], "float32"), np.array([0, -0.1, -0.2], "float32")
    quantiles, _ = refl_quantiles(dn, scale, offset, np.ones(3, bool), np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(quantiles[:, 0, 0], 0.05, atol=1e-5)


def test_only_the_dates_in_use_take_part():
    dn = np.array([100, 9000, 300], "uint16").reshape(3, 1, 1)
    scale, offset = np.full(3, 1e-4, "float32"), np.zeros(3, "float32")
    (median,), n_dates = refl_quantiles(dn, scale, offset, np.array([True, False, True]), np.array([0.5]))
    assert median[0, 0] == pytest.approx(0.02) and n_dates[0, 0] == 2


def test_mndwi_map_is_the_scalar_formula():
    green, swir1 = np.array([[0.10, np.nan, 0.001]], "float32"), np.array([[0.02, 0.02, 0.001]], "float32")
    index = mndwi_map(green, swir1)
    assert index[0, 0] == pytest.approx(0.08 / 0.12, abs=1e-6)
    assert np.isnan(index[0, 1:]).all()


def test_local_levels_by_hand():
    refl = np.array([[0.01, 0.02, 0.03, 0.10, 0.20, 0.30, 0.60]], "float32")
    zone = np.array([[WATER_CORE] * 3 + [0] + [LAND_CORE] * 3], "uint8")
    shore = np.zeros((1, 7), bool)
    shore[0, 3] = True
    water, land, spread = local_levels(refl, zone, shore, 3, 3, 3)
    assert water[0, 3] == pytest.approx(0.02) and land[0, 3] == pytest.approx(0.30)
    assert spread[0, 3] == pytest.approx(1.4826 * 0.1, rel=1e-5)  # deviations .1, 0, .3
    assert np.isnan(water[0, [0, 6]]).all()


def test_too_few_pixels_give_no_level():
    refl = np.array([[0.01, 0.10, 0.30]], "float32")
    zone = np.array([[WATER_CORE, 0, LAND_CORE]], "uint8")
    water, land, spread = local_levels(refl, zone, np.ones((1, 3), bool), 2, 2, 2)
    assert np.isnan(water).all() and np.isnan(land).all() and np.isnan(spread).all()
