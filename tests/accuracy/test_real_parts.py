"""The formulas of the real checks, on numbers a reader can check; no data needed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from benchmarks.accuracy.real_black import boi_accuses, grey_of
from benchmarks.accuracy.real_lakes import ranked_right
from benchmarks.accuracy.real_parana import red_regression
from benchmarks.accuracy.real_qa import QA_MEANING, expected_flags, level2_scaling
from benchmarks.accuracy.real_shoreline import decimal_years, yearly_medians
from benchmarks.accuracy.real_spectra import EDGE_NM, continued_nir, ratio_regression
from benchmarks.accuracy.real_table import Table, correlation, share_within
from benchmarks.accuracy.real_vegetation import Network, by_ndvi, with_angles
from rs_pipeline.products.coastline.transects import Transects, cross
from rs_pipeline.radiometry.masks import QAFlag, label_flags
from rs_pipeline.sensors import load_sensor
from rs_pipeline.simulation.optics import response_nm, water_rrs


def test_logarithmic_agreement_by_hand():
    table = Table("x")
    table.add_log("t", np.array([10.0, 100.0, np.nan, 1.0]), np.array([1.0, 10.0, 5.0, np.nan]), subset="s")
    figures = {r["metric"]: r["value"] for r in table.rows}
    assert figures["bias_log10"] == pytest.approx(1.0)
    assert figures["rmse_log10"] == pytest.approx(1.0)
    assert figures["answered_share"] == pytest.approx(2 / 3)
    assert np.isnan(figures["r_log10"])


def test_small_measures():
    assert correlation([1, 2, 3, np.nan], [2, 4, 6, 1]) == pytest.approx(1.0)
    assert share_within(np.array([0.0, 0.0, np.nan]), np.array([0.01, 0.02, 0.0]), 0.01) == 0.5


def test_a_date_is_predicted_from_the_others():
    """Ten times red squared on days a and b, nonsense on day c: c follows the others' law, a and b do not see their own."""
    red = np.array([0.1, 0.2, 0.1, 0.3, 0.2])
    dates = np.array(["a", "a", "b", "b", "c"])
    measured = np.array([*10 * red[:4] ** 2, 99.0])
    assert red_regression(red, measured, dates)[4] == pytest.approx(0.4)
    measured[0] = 99.0
    assert red_regression(red, measured, dates)[1] != pytest.approx(0.4, rel=0.5)


def test_a_provider_is_predicted_from_the_others():
    """Chlorophyll is ten times the ratio squared for providers a and b, nonsense for c; a ratio that is not positive predicts nothing."""
    ratio, groups = np.array([0.5, 1.0, 0.5, 2.0, 1.0, -1.0]), np.array(["a", "a", "b", "b", "c", "c"])
    measured = np.array([*10 * ratio[:4] ** 2, 99.0, np.nan])
    found = ratio_regression(ratio, measured, groups)
    assert found[4] == pytest.approx(10.0) and np.isnan(found[5])


def test_pairs_ranked_right_by_hand():
    assert ranked_right(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == 0.875  # three pairs of four, and half of a tie


def test_the_index_accuses_brown_and_spares_green():
    spectra = np.array([[0.05, 0.10, 0.12, 0.1, 0.02, 0.0, 0.0], [0.05, 0.10, 0.05, 0.1, 0.02, 0.03, 0.01]])
    assert boi_accuses(spectra).tolist() == [True, False]
    assert grey_of(spectra).tolist() == [0.0, 0.01]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (21824, 0), (21952, 0), (21890, QAFlag.BUFFER), (22280, QAFlag.CLOUD), (23888, QAFlag.SHADOW), (30048, QAFlag.SNOW),
        (54596, QAFlag.CIRRUS), (55052, QAFlag.CIRRUS | QAFlag.CLOUD), (5440, 0), (5442, QAFlag.BUFFER), (13664, QAFlag.SNOW), (1, QAFlag.NODATA),
    ],
)  # fmt: skip
def test_documented_quality_values(number, reason):
    fields = [{"name": name, "offset": bit, "length": 1} for bit, name in enumerate(QA_MEANING)]
    values = np.array([number], "uint16")
    assert expected_flags(values, fields, QA_MEANING)[0] == reason
    assert label_flags(values, load_sensor("planetary-computer-landsat-c2-l2").mask)[0] == reason


def test_level_2_scaling_is_not_that_of_temperature():
    text = """GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
    REFLECTANCE_MULT_BAND_1 = 2.75e-05
    REFLECTANCE_ADD_BAND_1 = -0.2
    TEMPERATURE_MULT_BAND_ST_B10 = 0.00341802"""
    assert level2_scaling(text) == {(2.75e-05, -0.2)}


def test_pieces_of_a_shoreline_are_not_joined():
    """A gap at the transect is no position; the joined line would invent one at 150 m."""
    transect = Transects(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]), np.zeros(1, int), np.array([100.0]), 150.0)
    pieces = np.array([shapely.LineString([(0, -80), (0, -40)]), shapely.LineString([(0, 40), (0, 80)])])
    assert np.isnan(cross(transect, pieces).distance_m[0])
    joined = np.array([shapely.LineString([(0, -80), (0, -40), (0, 40), (0, 80)])])
    assert cross(transect, joined).distance_m[0] == pytest.approx(150.0)


def test_years_and_their_medians():
    import pandas as pd

    assert decimal_years(pd.DatetimeIndex(["1970-01-01", "1972-01-01"], tz="UTC")) == pytest.approx([1970, 1972], abs=0.003)
    years = np.array([2000.1, 2000.2, 2000.3, 2000.4, 2000.5, 2002.5])
    assert yearly_medians(years, np.array([1.0, 2, 3, 4, 50, 7])) == pytest.approx([3, np.nan, np.nan], nan_ok=True)


def test_near_infrared_is_continued_as_the_model_itself_goes_on():
    """Grey particles in clear water: from 709 nm alone the band at 833 nm comes back within 2 %."""
    tsm = np.array([[5.0], [50.0], [300.0]])
    water = {"a_g440": 0.0, "a_nap": 0.0, "eta": 0.0}
    edge = np.pi * water_rrs(np.array([EDGE_NM]), 0.0, tsm, **water)[:, 0]
    nir = np.pi * water_rrs(response_nm("sentinel-2a", "nir"), 0.0, tsm, **water).mean(axis=1)
    assert continued_nir(edge) == pytest.approx(nir, rel=0.02)
    assert continued_nir(np.array([-0.001]))[0] == 0.0


def test_a_network_of_one_neuron_by_hand():
    """One band: x' = 2 x - 1 = 0, the neuron tanh(0) = 0, so y is the bias 0 and the cover the middle of 0 and 1."""
    network = Network(
        limits=np.array([[0.0, 1.0]]),
        domain=np.array([[0.1], [0.9]]),
        hidden=np.array([[1.0]]),
        hidden_bias=np.zeros(1),
        out=np.ones(1),
        out_bias=0.0,
        out_limits=np.array([0.0, 1.0]),
    )
    assert network.cover(np.array([[0.5], [0.95]])) == pytest.approx([0.5, np.nan], nan_ok=True)


def test_angles_are_cosines():
    assert with_angles(np.array([[0.1]]), (0.0, 60.0, 90.0))[0] == pytest.approx([0.1, 1.0, 0.5, 0.0])


def test_half_soil_half_leaves_is_half_cover():
    """Red 0.095 and NIR 0.335 are the mean of the endmembers (0.16, 0.22) and (0.03, 0.45); the plain model says 0.558."""
    cover = by_ndvi(np.array([0.095, np.nan]), np.array([0.335, 0.3]))
    assert cover["K-corrected dimidiate"][0] == pytest.approx(0.5)
    assert cover["plain NDVI dimidiate"][0] == pytest.approx(0.558, abs=0.001)
    assert np.isnan(cover["K-corrected dimidiate"][1])
