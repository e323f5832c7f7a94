"""Golden values by hand: A rho / (1 - rho / C), and the published coefficients."""

import math

import numpy as np
import pytest
from rs_kernels.water_quality import (
    COASTAL_PER_BLUE,
    LEAST_FAI,
    NIR_859_PER_833,
    chlorophyll_ndci,
    floating_algae_index,
    floating_share,
    secchi_depth,
    secchi_of_attenuation,
    semi_analytical,
    turbidity_dogliotti,
    turbidity_nechad,
)


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


def test_secchi_of_attenuation_golden():
    assert secchi_of_attenuation(0.8, 0.01) == pytest.approx(1.151292546497023)  # ln(0.13 / 0.013) / 2


@pytest.mark.parametrize(
    ("rrs", "depth_m"),
    [
        # Depths by an implementation of the same papers with other constants of pure water (0.5 % apart); the third water is black: 0.18 m in truth.
        ((0.0034, 0.0051, 0.0067, 0.0016), 4.093),
        ((0.0052, 0.0083, 0.0160, 0.0113), 0.640),
        ((0.0008, 0.0010, 0.0014, 0.0019), 0.839),
    ],
)
def test_secchi_depth_golden(rrs, depth_m):
    assert secchi_depth(*(math.pi * r for r in rrs)) == pytest.approx(depth_m, rel=0.006)


def test_secchi_depth_hardly_jumps_where_its_reference_changes():
    below, above = (secchi_depth(*(math.pi * r for r in (0.0034, 0.0051, 0.0067, red))) for red in (0.0015 - 1e-9, 0.0015))
    assert above / below == pytest.approx(1, abs=0.15) and above != below


def test_the_coastal_band_matters_little():
    clear, turbid = (0.016, 0.021, 0.005), (0.04, 0.08, 0.10)
    for blue, green, red in (clear, turbid):
        middle = secchi_depth(COASTAL_PER_BLUE * blue, blue, green, red)
        for share in (0.57, 0.90):
            assert secchi_depth(share * blue, blue, green, red) == pytest.approx(middle, rel=0.10)


@pytest.mark.parametrize("band", range(4))
@pytest.mark.parametrize("value", [0.0, -0.01, np.nan])
def test_no_transparency_without_light_in_every_band(band, value):
    refl = [0.01, 0.016, 0.021, 0.005]
    refl[band] = value
    assert math.isnan(secchi_depth(*refl))


def test_floating_algae_index_by_hand():
    assert floating_algae_index(0.03, 0.20, 0.03) == pytest.approx(0.17)  # a level line
    assert floating_algae_index(0.10, 0.10, 0.10 - 0.945) == pytest.approx(0.168)  # 168 of 945 nm


def test_what_floats_is_green_and_high():
    """Plants; the limit itself; just below it; muddy water without NDVI; missing. Two of five float."""
    red = np.array([0.03, 0.03, 0.03, 0.15, np.nan])
    nir = np.array([0.28, 0.03 + LEAST_FAI + 1e-9, 0.03 + LEAST_FAI - 1e-6, 0.14, 0.3])
    swir1 = np.array([0.05, 0.03, 0.03, 0.0, 0.1])
    assert floating_share(red, nir, swir1) == pytest.approx(0.4)
    assert math.isnan(floating_share(red[:0], nir[:0], swir1[:0]))
