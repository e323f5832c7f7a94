"""Golden values by hand: A rho / (1 - rho / C), and the published coefficients."""

import math

import numpy as np
import pytest
from rs_kernels.water_quality import NIR_859_PER_833, chlorophyll_ndci, semi_analytical, turbidity_dogliotti, turbidity_nechad


def test_semi_analytical_by_hand():
    assert semi_analytical(0.1, 200.0, 0.2) == pytest.approx(40.0)  # 20 / (1 - 0.5)


@pytest.mark.parametrize("refl", [0.0, -0.01, 0.2, 0.3, np.nan])
def test_out_of_range_is_missing(refl):
    assert math.isnan(semi_analytical(refl, 200.0, 0.2))


@pytest.mark.parametrize(
    ("red", "nir", "fnu"),
    [
        (0.03, 0.005, 8.373872483221477),  # 6.843 / (1 - 0.03 / 0.1641): red alone
        (0.06, 0.02, 44.79669891358083),  # half of each: (21.5726 + 68.0208) / 2
        (0.09, 0.04, 151.9307663551402),  # 123.156 / (1 - 0.04 / 0.2112): near infrared alone
    ],
)
def test_dogliotti_golden(red, nir, fnu):
    assert turbidity_dogliotti(red, nir) == pytest.approx(fnu, rel=1e-9)


def test_dogliotti_is_continuous_where_the_bands_change():
    for red in (0.05, 0.07):
        assert turbidity_dogliotti(red - 1e-9, 0.02) == pytest.approx(turbidity_dogliotti(red + 1e-9, 0.02), rel=1e-5)


def test_dogliotti_needs_the_near_infrared_only_in_turbid_water():
    assert turbidity_dogliotti(0.03, np.nan) == pytest.approx(8.373872483221477)
    assert math.isnan(turbidity_dogliotti(0.06, np.nan))
    assert math.isnan(turbidity_dogliotti(0.09, -0.001))
    assert math.isnan(turbidity_dogliotti(np.nan, 0.02))


def test_nechad_golden():
    assert turbidity_nechad(0.05) == pytest.approx(20.137882736156353, rel=1e-9)  # 14.1475 / (1 - 0.05 / 0.1728) + 0.23


@pytest.mark.parametrize(("ndci", "chl"), [(-0.1, 7.37075), (0.0, 14.039), (0.1, 24.59375), (0.2, 39.035)])
def test_chlorophyll_golden(ndci, chl):
    assert chlorophyll_ndci(ndci) == pytest.approx(chl, rel=1e-9)


def test_chlorophyll_ends_at_the_vertex():
    assert chlorophyll_ndci(-0.22157468159) == pytest.approx(4.498548147433423)
    assert chlorophyll_ndci(-0.2215) == pytest.approx(4.498548, abs=1e-5)
    assert math.isnan(chlorophyll_ndci(-0.23))


def test_broad_near_infrared_is_brought_to_859_nm():
    assert pytest.approx(0.6873, abs=5e-5) == NIR_859_PER_833
    assert turbidity_dogliotti(0.09, 0.04 / 0.6873 * NIR_859_PER_833) == pytest.approx(151.93, abs=0.02)
