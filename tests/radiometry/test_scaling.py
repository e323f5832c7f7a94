"""Golden values of the radiometric formulas; numbers from the specification's check values."""

import numpy as np
import pytest
from rs_kernels import calibration

from rs_pipeline.radiometry import scaling
from rs_pipeline.sensors import load_sensor


@pytest.mark.parametrize(
    "dn, scale, offset, expected",
    [
        (1450, 1e-4, -0.1, 0.0450),
        (450, 1e-4, 0.0, 0.0450),
        (450, 1e-4, -0.1, -0.0550),
        (10000, 2.75e-5, -0.2, 0.0750),
        (7273, 2.75e-5, -0.2, 7.5e-6),
        (43636, 2.75e-5, -0.2, 0.99999),
    ],
)
def test_reflectance(dn, scale, offset, expected):
    assert scaling.reflectance(np.array(dn), scale, offset) == pytest.approx(expected, abs=1e-12)


def test_nodata_is_not_a_reflectance():
    assert np.isnan(scaling.reflectance(np.array(0), 1e-4, -0.1))


def test_reflectance_keeps_the_precision_of_its_scale():
    dn = np.array([0, 1450, 65535], "uint16")
    single = scaling.reflectance(dn, np.float32(1e-4), np.float32(-0.1))
    assert single.dtype == np.float32 and scaling.reflectance(dn, 1e-4, -0.1).dtype == np.float64
    assert np.isnan(single[0]) and single[1:] == pytest.approx([0.045, 6.4535])


@pytest.mark.parametrize("dn", [1, 1450, 10000, 65535])
@pytest.mark.parametrize(("scale", "offset"), [(1e-4, -0.1), (2.75e-5, -0.2), (1e-4, 0.0)])
def test_one_number_and_arrays_give_the_same_reflectance(dn, scale, offset):
    assert calibration.reflectance(np.uint16(dn), scale, offset) == scaling.reflectance(np.array(dn, "uint16"), scale, offset)
    single = np.float32(scale), np.float32(offset)
    assert calibration.reflectance(np.float32(dn), *single) == scaling.reflectance(np.array(dn, "uint16"), *single)


def test_backscatter():
    assert calibration.decibel(0.01) == pytest.approx(-20.0)
    assert calibration.decibel(220.0**2 / 500.0**2) == pytest.approx(-7.1309464702762515)
    assert np.isnan([calibration.decibel(0.0), calibration.decibel(-1.0)]).all()
    assert scaling.linear_power(-7.1309464702762515) == pytest.approx(220.0**2 / 500.0**2)
    assert scaling.linear_power(np.array([-20.0, 3.0])) == pytest.approx([0.01, 1.9952623149688795])


def test_signed_hls_is_shifted_exactly():
    sensor = load_sensor("hls2-s30")
    stored = np.array([-32768, -9999, -9998, -120, 0, 1, 313, 32767], dtype="int16")
    chip = scaling.chip_numbers(stored, sensor, -9999)
    assert chip.tolist() == [0, 0, 1, 9879, 9999, 10000, 10312, 42766]
    offset = 0.0 - scaling.shift(sensor) * 1e-4
    assert scaling.reflectance(chip[3:], 1e-4, offset) == pytest.approx([-0.0120, 0.0, 0.0001, 0.0313, 3.2767])


def test_fractional_numbers_are_rounded_and_nan_is_nodata():
    sensor = load_sensor("earth-search-sentinel-2-l2a")
    stored = np.array([np.nan, 0.0, 1086.5, 1086.51, 1087.5, 65535.0], dtype="float32")
    assert scaling.chip_numbers(stored, sensor, 0).tolist() == [0, 0, 1086, 1087, 1088, 65534]


def test_landsat_beyond_its_range_is_held_at_its_ends():
    sensor = load_sensor("planetary-computer-landsat-c2-l2")
    stored = np.array([0, 418, 6545, 6546, 7273, 50909, 50910, 65455], dtype="uint16")
    assert scaling.chip_numbers(stored, sensor, 0).tolist() == [0, 6546, 6546, 6546, 7273, 50909, 50909, 50909]


def test_what_lies_beyond_nodata_is_missing():
    stored = np.array([-32768, -10000, -9999, -9998], "int16")
    assert scaling.chip_numbers(stored, load_sensor("hls2-s30"), None).tolist() == [0, 0, 0, 1]
    negative = np.array([-300, -1, 0, 1], "int16")  # Sentinel-2 with its offset taken out and signed
    assert scaling.chip_numbers(negative, load_sensor("earth-search-sentinel-2-l2a"), 0).tolist() == [0, 0, 0, 1]


def test_radar_amplitude():
    sensor = load_sensor("planetary-computer-sentinel-1-rtc")
    power = np.array([0.01, 1e-5, 0.99e-5, -32768.0, np.nan, 0.0, 1.0], dtype="float32")
    chip = scaling.chip_numbers(power, sensor, -32768)
    assert chip.tolist() == [1000, 32, 0, 0, 0, 0, 10000]
    assert scaling.gamma0_power(chip[[0, 2, 6]]).tolist() == pytest.approx([0.01, 0.0, 1.0])
    assert [calibration.gamma0_power(v) for v in chip] == scaling.gamma0_power(chip).tolist()


def test_masks_keep_their_values():
    sensor = load_sensor("hls2-s30")
    assert scaling.mask_numbers(np.array([0, 64, 224, 255], dtype="uint8"), sensor).tolist() == [0, 64, 224, 255]
    assert scaling.mask_numbers(np.array([np.nan, 4.0]), load_sensor("earth-search-sentinel-2-l2a")).tolist() == [0, 4]
