"""Statistics of a year against pixels worked by hand."""

import math

import numpy as np
import pytest
from rs_kernels.land import radar_means, season_statistics
from rs_kernels.stack import Stack

SCALE, OFFSET = 1e-4, -0.1
SOIL = (0.09, 0.12, 0.16, 0.18, 0.22, 0.30, 0.26)
PLANTS = (0.03, 0.06, 0.04, 0.10, 0.40, 0.20, 0.10)


def statistics(pixels, season, *, bits=None, native_m=None, n_seasons=2):
    """Layers (18,) and clear dates (2,) of one pixel; None is nodata, a reflectance of None a band that is missing."""
    dn, n = np.zeros((len(pixels), 7, 1, 1), "uint16"), len(pixels)
    for t, p in enumerate(pixels):
        if p is not None:
            dn[t, :, 0, 0] = [0 if v is None else round((v - OFFSET) / SCALE) for v in p]
    qa = np.array([1 if p is None else 0 for p in pixels], "uint16").reshape(-1, 1, 1)
    qa[:, 0, 0] |= np.zeros(n, "uint16") if bits is None else np.array(bits, "uint16")
    native = np.full(n, 10, "f4") if native_m is None else np.array(native_m, "f4")
    out, dates = np.empty((n_seasons * 7 + 4, 1, 1), "f4"), np.empty((n_seasons, 1, 1), "int64")
    stack = Stack(dn, qa, 3, np.full(n, SCALE, "f4"), np.full(n, OFFSET, "f4"), native)
    season_statistics(stack, np.array(season, "int64"), n_seasons, out, dates)
    return out[:, 0, 0], dates[:, 0, 0]


def test_medians_by_season_and_quantiles_of_the_year():
    out, dates = statistics([SOIL, SOIL, PLANTS, PLANTS, PLANTS], [0, 0, 0, 1, 1])
    assert dates.tolist() == [3, 2]
    assert out[:7] == pytest.approx(SOIL, abs=1e-4) and out[7:14] == pytest.approx(PLANTS, abs=1e-4)
    # NDVI: soil (.22 - .16) / .38 = .1579 twice, plants .36 / .44 = .8182 three times; type 7 at .1 lies at place 0.4, at .9 at 3.6
    assert out[14] == pytest.approx(0.1579, abs=1e-3) and out[15] == pytest.approx(0.8182, abs=1e-3)
    # MNDWI: soil (.12 - .30) / .42 = -.4286, plants (.06 - .20) / .26 = -.5385
    assert out[16] == pytest.approx(-0.5385, abs=1e-3) and out[17] == pytest.approx(-0.4286, abs=1e-3)


def test_an_even_number_of_dates_has_the_mean_of_the_middle_two():
    assert statistics([SOIL, PLANTS], [0, 0])[0][4] == pytest.approx((0.22 + 0.40) / 2, abs=1e-4)


def test_masked_dates_nodata_and_dates_outside_the_seasons_take_no_part():
    out, dates = statistics([SOIL, PLANTS, PLANTS, None], [0, 0, -1, 0], bits=[0, 2, 0, 0])
    assert dates.tolist() == [1, 0] and out[:7] == pytest.approx(SOIL, abs=1e-4)
    assert np.isnan(out[7:14]).all() and out[15] == pytest.approx(0.1579, abs=1e-3)


def test_no_date_at_all_is_missing():
    out, dates = statistics([None], [0])
    assert np.isnan(out).all() and dates.tolist() == [0, 0]


def test_a_band_that_a_sensor_lacks_is_taken_from_the_others():
    landsat = (*SOIL[:3], None, *SOIL[4:])
    out, _ = statistics([landsat, PLANTS, landsat], [0, 0, 0])
    assert out[3] == pytest.approx(0.10, abs=1e-4) and out[4] == pytest.approx(0.22, abs=1e-4)
    assert math.isnan(statistics([landsat], [0])[0][3])


def test_coarse_dates_count_only_where_the_finest_sensor_saw_too_little():
    assert statistics([PLANTS, PLANTS, SOIL, SOIL, SOIL], [0] * 5, native_m=[10, 10, 30, 30, 30])[0][4] == pytest.approx(0.40, abs=1e-4)
    assert statistics([PLANTS, SOIL, SOIL], [0] * 3, native_m=[10, 30, 30])[0][4] == pytest.approx(0.22, abs=1e-4)


def test_reflectances_that_sum_to_nothing_have_no_ratio():
    out, dates = statistics([(0.001,) * 7], [0])
    assert dates[0] == 1 and np.isnan(out[14:]).all() and out[4] == pytest.approx(0.001, abs=1e-4)


def test_radar_is_averaged_as_power():
    # amplitudes .1 and .3: power .01 and .09, mean .05, -13.01 dB; the mean of -20 and -10.46 dB would be -15.2
    dn = np.array([[1000, 500], [3000, 0], [0, 0]], "uint16").reshape(3, 2, 1, 1)
    out = np.empty((4, 1, 1), "f4")
    radar_means(dn, np.array([0, 0, 1], "int64"), 2, out)
    assert out[0, 0, 0] == pytest.approx(10 * math.log10(0.05), abs=1e-3)
    assert out[1, 0, 0] == pytest.approx(10 * math.log10(0.0025), abs=1e-3)
    assert np.isnan(out[2:]).all()


@pytest.mark.parametrize("width", [1, 130])
def test_sorted_numbers_give_the_bits_of_single_pixels(width):
    """A scale that differs on a date outside the seasons makes the kernel take a pixel at a time."""
    rng, n, shape = np.random.default_rng(3), 23, (2, width)
    dn = rng.integers(0, 4000, (n, 7, *shape)).astype("uint16") * rng.integers(0, 2, (n, 7, *shape)).astype("uint16")
    dn[3, 4] = 65535
    bits, season = rng.integers(0, 2, (n, *shape)).astype("uint16"), np.append(rng.integers(-1, 3, n - 1), -1)
    made = []
    for last_scale in (SCALE, 2 * SCALE):
        scale = np.full(n, SCALE, "f4")
        scale[-1] = last_scale
        out, dates = np.empty((4 * 7 + 4, *shape), "f4"), np.empty((4, *shape), "int64")
        season_statistics(Stack(dn, bits, 1, scale, np.full(n, OFFSET, "f4"), np.full(n, 10, "f4")), season, 4, out, dates)
        made.append((out.tobytes(), dates.tobytes()))
    assert made[0] == made[1]
