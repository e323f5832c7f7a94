"""Calibration of ground range numbers, worked by hand."""

import tracemalloc

import numpy as np
import pytest
from rs_kernels.calibration import decibel

from rs_pipeline.errors import TableError
from rs_pipeline.radiometry.calibration import gamma0, read_calibration, read_noise

CALIBRATION = """<calibration><calibrationVectorList count="2">
<calibrationVector><line>0</line><pixel count="3">0 10 20</pixel><sigmaNought count="3">1 1 1</sigmaNought><gamma count="3">400 500 700</gamma></calibrationVector>
<calibrationVector><line>100</line><pixel count="3">0 10 20</pixel><sigmaNought count="3">1 1 1</sigmaNought><gamma count="3">600 700 900</gamma></calibrationVector>
</calibrationVectorList></calibration>"""

NOISE = """<noise><noiseRangeVectorList count="1">
<noiseRangeVector><line>0</line><pixel>0 20</pixel><noiseRangeLut>100 300</noiseRangeLut></noiseRangeVector></noiseRangeVectorList>
<noiseAzimuthVectorList count="1"><noiseAzimuthVector><swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine><firstRangeSample>0</firstRangeSample>
<lastAzimuthLine>100</lastAzimuthLine><lastRangeSample>9</lastRangeSample><line>0 100</line><noiseAzimuthLut>1.0 2.0</noiseAzimuthLut></noiseAzimuthVector>
</noiseAzimuthVectorList></noise>"""


def test_gain_is_linear_between_vectors_and_constant_beyond():
    gain = read_calibration(CALIBRATION).on(np.array([-50, 0, 50, 100, 400]), np.array([0, 5, 10, 20, 99]))
    assert gain[1].tolist() == gain[0].tolist() == [400, 450, 500, 700, 700]
    assert gain[2].tolist() == [500, 550, 600, 800, 800]
    assert gain[3].tolist() == gain[4].tolist() == [600, 650, 700, 900, 900]


@pytest.mark.parametrize(("bomb", "said"), [
    ("<a>" + "<b/>" * 2**20 + "</a>", "1048578 parts, the limit is 200000"), ("<a " + " ".join(f'b{i}=""' for i in range(200_000)) + "/>", "200001 parts, the limit is 200000"),
    ('<!DOCTYPE a [<!ENTITY e "' + "1 " * 1000 + '">]><a>' + "&e;" * 1000 + "</a>", "it declares a document type"),
])  # fmt: skip
def test_an_annotation_that_would_burst_the_memory_is_refused(bomb, said):
    """Four bytes of it may become an object of sixty; nothing is made of it."""
    tracemalloc.start()
    for read in (read_calibration, read_noise):
        with pytest.raises(TableError, match=said):
            read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_one_vector_holds_everywhere():
    assert read_noise("<noise><noiseVector><line>7</line><pixel>0 4</pixel><noiseLut>10 30</noiseLut></noiseVector></noise>").on(
        np.array([0, 7, 9]), np.array([2])
    ).ravel().tolist() == [20, 20, 20]


def test_noise_of_a_swath_is_scaled_along_track_within_it_only():
    noise = read_noise(NOISE).on(np.array([0, 50, 100, 200]), np.array([0, 5, 10]))
    assert noise.tolist() == [[100, 150, 200], [150, 225, 200], [200, 300, 200], [100, 150, 200]]


def test_number_220_with_gain_500_is_minus_7_131_db():
    power = gamma0(np.array([[220]]), np.zeros((1, 1)), np.full((1, 1), 500.0), 1e-5)[0, 0]
    assert decibel(power) == pytest.approx(-7.1309464702762515)


def test_water_below_the_noise_is_seen_and_nodata_is_not():
    got = gamma0(np.array([[0, 10, 20]]), np.full((1, 3), 200.0), np.full((1, 3), 100.0), 1e-5)
    assert np.isnan(got[0, 0]) and got[0, 1] == 1e-5 and got[0, 2] == pytest.approx((400 - 200) / 1e4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<calibration/>",
        "no xml",
        CALIBRATION.replace("0 10 20", "0 20 10"),
        CALIBRATION.replace("400 500 700", "400 x 700"),
        CALIBRATION.replace("400 500 700", "400 700"),
        CALIBRATION.replace("<line>100</line>", ""),
    ],
)
def test_what_is_no_annotation_is_named(text):
    with pytest.raises(TableError, match="this is not a calibration annotation of Sentinel-1"):
        read_calibration(text)


def test_no_noise_annotation_is_named():
    with pytest.raises(TableError, match="this is not a noise annotation of Sentinel-1: no vector of noiseLut"):
        read_noise(CALIBRATION)


def test_what_a_vector_lacks_is_named():
    with pytest.raises(TableError, match="this is not a calibration annotation of Sentinel-1: line is empty or holds something else than numbers"):
        read_calibration(CALIBRATION.replace("<line>100</line>", ""))
