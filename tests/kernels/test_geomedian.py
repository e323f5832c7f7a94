"""Geometric medians that geometry gives, and what the iteration must not do."""

import numpy as np
import pytest
from rs_kernels.geomedian import refl_geomedian


def geomedian(spectra, *, scale=1e-4, offset=0.0, use=None):
    """Median (B,) and number of dates of one pixel from reflectances (T, B); None is a date that was not seen."""
    bands = len(next(s for s in spectra if s is not None))
    dn = np.array([[0] * bands if s is None else np.round((np.array(s) - offset) / scale) for s in spectra], "uint16")
    n = len(spectra)
    median, dates = refl_geomedian(
        dn.reshape(n, bands, 1, 1), np.full(n, scale, "f4"), np.full(n, offset, "f4"), np.ones(n, bool) if use is None else np.array(use), 1e-7, 500
    )
    return median[:, 0, 0], dates[0, 0]


def test_of_a_square_it_is_the_centre():
    # The diagonals cross at the point nearest to all four corners (Fagnano).
    median, n = geomedian([(0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.3)])
    assert median == pytest.approx([0.2, 0.2], abs=1e-5) and n == 4


def test_of_an_obtuse_triangle_it_is_the_corner():
    # An angle of 120 degrees or more is itself Fermat's point; here 180 - 2*18.4 = 143 degrees at (0.3, 0.1).
    assert geomedian([(0.0001, 0.2), (0.3, 0.1), (0.6, 0.2)])[0] == pytest.approx([0.3, 0.1], abs=2e-3)


def test_of_an_equilateral_triangle_it_is_the_centroid():
    height = 0.3 * 3**0.5 / 2
    median, _ = geomedian([(0.1, 0.1), (0.4, 0.1), (0.25, 0.1 + height)])
    assert median == pytest.approx([0.25, 0.1 + height / 3], abs=1e-4)


def test_one_bright_date_does_not_pull_it():
    calm = [(0.05, 0.30), (0.06, 0.31), (0.05, 0.29), (0.06, 0.30)]
    assert geomedian([*calm, (0.9, 0.9)])[0] == pytest.approx([0.055, 0.30], abs=0.01)


def test_a_date_with_a_missing_band_takes_no_part():
    median, n = geomedian([(0.1, 0.2), (0.1, 0.2), None, (0.3, 0.0)])
    assert median == pytest.approx([0.1, 0.2], abs=1e-5) and n == 2


def test_nothing_seen_is_missing_and_dates_left_out_stay_out():
    dn = np.zeros((2, 3, 1, 1), "uint16")
    median, n = refl_geomedian(dn, np.full(2, 1e-4, "f4"), np.zeros(2, "f4"), np.ones(2, bool), 1e-5, 10)
    assert np.isnan(median).all() and n[0, 0] == 0
    assert geomedian([(0.1, 0.2), (0.5, 0.6)], use=[True, False])[0] == pytest.approx([0.1, 0.2], abs=1e-6)


def test_each_date_has_its_own_scale_and_offset():
    dn = np.array([[500, 1000], [1500, 2000]], "uint16").reshape(2, 2, 1, 1)
    median, _ = refl_geomedian(dn, np.full(2, 1e-4, "f4"), np.array([0, -0.1], "f4"), np.ones(2, bool), 1e-6, 50)
    assert median[:, 0, 0] == pytest.approx([0.05, 0.10], abs=1e-6)


def test_a_lane_gives_what_its_pixels_give_alone():
    rng = np.random.default_rng(3)
    dn = rng.integers(0, 4000, (9, 5, 3, 37)).astype("uint16")
    dn[rng.random(dn.shape) < 0.02] = 0
    rest = np.full(9, 1e-4, "f4"), np.full(9, -0.01, "f4"), np.ones(9, bool), 1e-6, 200
    together, n = refl_geomedian(dn, *rest)
    for x in (0, 15, 16, 36):
        alone, m = refl_geomedian(np.ascontiguousarray(dn[:, :, 1:2, x : x + 1]), *rest)
        np.testing.assert_allclose(together[:, 1, x], alone[:, 0, 0], atol=2e-5)
        assert n[1, x] == m[0, 0]
