"""The water model against spectra computed with the full response functions of the sensors.

The model is integrated here over boxcars: bands agree within 1.5 %, Sentinel-2 B8 (105 nm wide, over the
water vapour and water absorption slopes) within 5 %. Values: the project's specification, section 4.7.
"""

import numpy as np
import pytest

from rs_pipeline.simulation import optics

S2_ROLES = ("coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir_narrow")
L8_ROLES = ("coastal", "blue", "green", "red", "nir")

# name: parameters, Rrs of S2A (1/sr), Rrs of L8, BOI of S2A, BOI of L8
GOLDEN = {
    "clean": (
        dict(chl=2, tsm=1.5, a_g440=0.15),
        [0.0033953, 0.0050647, 0.006682, 0.0015723, 0.0009567, 0.0002634, 0.0002819, 0.0002037, 0.000113],
        [0.003398, 0.0047278, 0.0063549, 0.0017908, 0.0001138], 0.38364, 0.35454,
    ),
    "mesotrophic": (
        dict(chl=12, tsm=8, a_g440=0.6),
        [0.0042054, 0.0068937, 0.0127736, 0.0062455, 0.0047904, 0.0013719, 0.0014752, 0.0010672, 0.0005912],
        [0.0042111, 0.0062489, 0.012526, 0.0071618, 0.0005953], 0.25192, 0.20682,
    ),
    "eutrophic": (
        dict(chl=60, tsm=25, a_g440=1.2),
        [0.0052326, 0.0082847, 0.0160289, 0.0113159, 0.0132479, 0.0043334, 0.004688, 0.0033947, 0.0018745],
        [0.0052389, 0.0075665, 0.0160166, 0.0132359, 0.0018877], 0.13228, 0.07552,
    ),
    "bloom": (
        dict(chl=200, tsm=45, a_g440=1.5),
        [0.0056501, 0.0083811, 0.015808, 0.0114971, 0.0199251, 0.0079706, 0.0086647, 0.0062923, 0.0034827],
        [0.0056544, 0.0077769, 0.0158679, 0.0138667, 0.0035074], 0.12080, 0.05335,
    ),
    "sediment": (
        dict(chl=6, tsm=180, a_g440=0.7, b_bp=0.012),
        [0.0155867, 0.0246635, 0.0423957, 0.0628973, 0.0622811, 0.0305348, 0.0335119, 0.0252412, 0.0150571],
        [0.0156194, 0.0225389, 0.0428155, 0.0625335, 0.0151544], -0.15776, -0.15418,
    ),
    "nearshore": (
        dict(chl=5, tsm=60, a_g440=0.4, b_bp=0.012),
        [0.0142067, 0.022525, 0.0384839, 0.0401422, 0.0332854, 0.0113276, 0.0123063, 0.008948, 0.0049673],
        [0.0142348, 0.0205824, 0.0385703, 0.0418735, 0.0050026], -0.01639, -0.03270,
    ),
    "marsh": (
        dict(chl=8, tsm=3, a_g440=4.0, s_g=0.0155),
        [0.0004687, 0.0009195, 0.0021193, 0.0022283, 0.0017619, 0.000531, 0.000573, 0.000416, 0.0002318],
        [0.0004699, 0.0008036, 0.0021414, 0.002414, 0.0002334], -0.02070, -0.05086,
    ),
    "black": (
        dict(chl=10, tsm=30, a_g440=3.5, a_blk440=8.0, s_blk=0.004, b_bp=0.006),
        [0.0007942, 0.0010475, 0.0014296, 0.0018936, 0.0020139, 0.0014252, 0.0015859, 0.0013258, 0.0009555],
        [0.0007955, 0.0009938, 0.0014369, 0.0018684, 0.0009594], -0.10616, -0.10037,
    ),
    "grey": (
        dict(chl=12, tsm=70, a_g440=2.5, a_blk440=4.0, s_blk=0.003, a_nap=0.05),
        [0.0041332, 0.0057489, 0.0082662, 0.010598, 0.01097, 0.0069014, 0.0075663, 0.0060862, 0.0041423],
        [0.0041404, 0.0054005, 0.008306, 0.0105686, 0.0041623], -0.09474, -0.09321,
    ),
    "slight": (
        dict(chl=25, tsm=25, a_g440=3.0, a_blk440=1.0, s_blk=0.006),
        [0.0028265, 0.0047062, 0.0088562, 0.0102473, 0.0104946, 0.0039214, 0.0042901, 0.0031582, 0.0017947],
        [0.0028324, 0.0042568, 0.0089305, 0.0108982, 0.0018069], -0.05843, -0.08170,
    ),
}  # fmt: skip


def boi(blue, green, red):
    return (green - red) / (blue + green + red)


@pytest.mark.parametrize("name", GOLDEN)
def test_bands_match_full_responses(name):
    parameters, s2a, l8, _, _ = GOLDEN[name]
    relative = optics.water_bands("sentinel-2a", S2_ROLES, **parameters) / s2a - 1
    wide = S2_ROLES.index("nir")
    assert np.abs(np.delete(relative, wide)).max() < 0.015, relative
    assert abs(relative[wide]) < 0.05, relative
    assert np.abs(optics.water_bands("landsat-8", L8_ROLES, **parameters) / l8 - 1).max() < 0.03


@pytest.mark.parametrize("name", GOLDEN)
def test_black_odorous_index(name):
    parameters, _, _, boi_s2a, boi_l8 = GOLDEN[name]
    assert boi(*optics.water_bands("sentinel-2a", ("blue", "green", "red"), **parameters)) == pytest.approx(boi_s2a, abs=0.006)
    assert boi(*optics.water_bands("landsat-8", ("blue", "green", "red"), **parameters)) == pytest.approx(boi_l8, abs=0.012)


def test_haze_is_bluer_than_white():
    # (1110 / 555)^-1.3 = 2^-1.3
    assert optics.haze_spectrum(np.array([555, 1110])) == pytest.approx([1.0, 0.4061262], abs=1e-7)


def test_hand_computed_at_500_nm():
    # Chl 1: P = .06, a_ph = (.7333 + .0559 ln .06) .06 = .034562; a_g = .2 exp(-.9) = .081314; a_nap = .041 exp(-.63) = .021836
    # a = .02073 + .034562 + .081314 + .021836 = .158442; b_b = .00111 + .0105 (500/555)^-.7 + .0006 (500/555)^-.5 = .013055
    # u = .076124; r = (.089 + .1245 u) u = .0074965; Rrs = .52 r / (1 - 1.7 r) = .0039485
    assert float(optics.absorption(500.0, 1.0, 1.0, 0.2)) == pytest.approx(0.158442, abs=2e-6)
    assert float(optics.water_rrs(500.0, 1.0, 1.0, 0.2)) == pytest.approx(0.0039485, rel=2e-3)
    assert float(optics.water_refl(500.0, 1.0, 1.0, 0.2)) == pytest.approx(np.pi * 0.0039485, rel=2e-3)


def test_many_waters_at_once_equal_one_at_a_time():
    chl, tsm, black = np.array([2.0, 60.0, 10.0]), np.array([1.5, 25.0, 30.0]), np.array([0.0, 0.0, 8.0])
    many = optics.water_bands("landsat-9", ("green", "swir1"), chl, tsm, 1.0, a_blk440=black)
    single = [optics.water_bands("landsat-9", ("green", "swir1"), c, t, 1.0, a_blk440=b) for c, t, b in zip(chl, tsm, black, strict=True)]
    assert many.shape == (3, 2)
    np.testing.assert_allclose(many, single)


def test_water_is_black_in_shortwave_infrared_and_sea_water_scatters_more():
    assert optics.water_bands("sentinel-2b", ("swir1", "swir2"), 6, 180, 0.7, b_bp=0.012).max() < 3e-4
    assert optics.water_rrs(450.0, 0.1, 0.0, 0.0, sea=True) > 1.2 * optics.water_rrs(450.0, 0.1, 0.0, 0.0)


def test_band_values_integrate_a_ramp():
    wavelength = np.array([400.0, 1000.0])
    # the mean of a straight line over a boxcar is its value at the middle: (543 + 577) / 2 = 560
    assert optics.band_values("sentinel-2a", ["green"], wavelength, np.array([[0.4, 1.0]])) == pytest.approx(0.56)


def test_unknown_band_is_an_error():
    with pytest.raises(KeyError, match="rededge1"):
        optics.response_nm("landsat-8", "rededge1")
