"""Colour indices, the detector's evaluation and its pass over dates, on values a reader can check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rs_kernels.black_odorous import (
    COLOUR_FEATURES,
    PIXEL_LAYERS,
    SPECTRUM_FEATURES,
    SURROUNDINGS_SHARE,
    ClassLimits,
    Detector,
    boi,
    chromaticity,
    date_evidence,
    dbwi,
    grey_residual,
    hue_angle,
    log_odds,
    ndbwi,
    ndci,
    pixel_black_odorous,
    pixel_classes,
    reach_class,
    red_edge_height,
    saturation,
    spectrum_features,
    surroundings_share,
    veto,
)
from rs_kernels.stack import Stack, one_a_day

LIMITS = ClassLimits(min_dates=6, min_share=0.6, min_months=2, suspected=0.9, possible=0.5)


def weights(n, intercept=0.0, green=0.0):
    """A model that only looks at green (feature 3): log-odds = intercept + green * (green - 0.05) / 0.01."""
    centre, spread, linear = np.zeros(n), np.ones(n), np.zeros(n)
    centre[3], spread[3], linear[3] = 0.05, 0.01, green
    return centre, spread, linear, np.zeros((n, n)), intercept


DARK_IS_BLACK = Detector(weights(len(SPECTRUM_FEATURES), green=-1.0), weights(len(COLOUR_FEATURES), green=-1.0))


def test_indices():
    assert boi(0.02, 0.03, 0.01) == pytest.approx(0.02 / 0.06)
    assert ndbwi(0.03, 0.01) == pytest.approx(0.5)
    assert dbwi(0.02, 0.03) == pytest.approx(0.01)
    assert ndci(0.02, 0.03) == pytest.approx(0.2)
    # line from red 0.02 to near infrared 0.188 rises by 0.001 a nm: 0.06 at 705 nm
    assert red_edge_height(0.02, 0.07, 0.188) == pytest.approx(0.01)
    assert math.isnan(boi(0.0, 0.0, 0.0)) and math.isnan(ndbwi(-0.01, 0.0)) and math.isnan(ndci(0.0, 0.0))


def test_hue_of_the_published_check_spectrum():
    """Rrs 0.0083, 0.0160, 0.0113 with the Landsat 7 weights of van der Woerd & Wernand (2018)."""
    x, y = chromaticity(0.0083, 0.0160, 0.0113)
    assert (x, y) == pytest.approx((0.39856619665, 0.43144319733))
    assert hue_angle(0.0083, 0.0160, 0.0113) == pytest.approx(54.74117837)
    assert saturation(0.0083, 0.0160, 0.0113) == pytest.approx(math.hypot(x - 1 / 3, y - 1 / 3))
    assert hue_angle(0.0083 * np.pi, 0.0160 * np.pi, 0.0113 * np.pi) == pytest.approx(54.74117837)
    assert math.isnan(hue_angle(0.0, 0.0, 0.0))


def test_grey_residual_is_the_darker_shortwave_band_within_limits():
    assert [grey_residual(*s) for s in [(0.01, 0.008), (0.05, 0.04), (-0.05, 0.0)]] == [0.008, 0.02, -0.02]


def test_surroundings_share_by_hand():
    """Contrast 0.1: the measurement has the standard error 0.0015 / 0.1 = 0.015, that of the prior, so the mean of both is taken."""
    assert surroundings_share(0.012, 0.006, 0.30, 0.20) == pytest.approx((0.06 + SURROUNDINGS_SHARE) / 2)
    assert surroundings_share(0.012, 0.006, 0.20, 0.20) == SURROUNDINGS_SHARE  # no contrast, no measurement
    assert surroundings_share(0.05, 0.0, 0.30, 0.20) == 0.1 and surroundings_share(0.0, 0.05, 0.30, 0.20) == 0.0
    assert surroundings_share(np.nan, 0.0, 0.30, 0.20) == SURROUNDINGS_SHARE


def test_a_grey_residual_does_not_change_the_features():
    clean, hazy = np.empty(11), np.empty(11)
    spectrum = np.array([0.02, 0.03, 0.025, 0.02, 0.01])
    spectrum_features(*spectrum, 0.0, clean)
    spectrum_features(*(spectrum + 0.015), 0.015, hazy)
    assert hazy == pytest.approx(clean)
    assert dict(zip(SPECTRUM_FEATURES, clean, strict=True))["nir_red"] == pytest.approx(0.4)


def test_quadratic_model_by_hand():
    z = np.array([3.0, -20.0])  # standardised: (3 - 1) / 2 = 1 and clipped to -3
    quadratic = np.array([[0.5, 2.0], [99.0, 0.1]])  # the lower triangle is not used
    value = log_odds(z, (np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.array([1.0, -1.0]), quadratic, 0.25))
    assert value == pytest.approx(0.25 + 1 + 3 + 0.5 * 1 + 2.0 * -3 + 0.1 * 9)


@pytest.mark.parametrize(
    ("spectrum", "cause"),
    [
        ((0.06, 0.08, 0.08, 0.03, True), 1),  # sediment
        ((0.06, 0.08, 0.08, 0.01, True), 0),  # near infrared too dark for sediment
        ((0.06, 0.0701, 0.07, 0.0201, True), 1),
        ((0.06, 0.07, 0.07, 0.0201, True), 0),
        ((0.06, 0.0701, 0.07, 0.02, True), 0),
        ((0.08, 0.08, 0.08, 0.03, True), 0),
        ((0.079, 0.08, 0.08, 0.03, True), 1),  # red must be above green
        ((0.03, 0.04, 0.0601, 0.04, True), 2),
        ((0.03, 0.04, 0.0599, 0.04, True), 0),  # NDCI .2008 and .1992, height .02
        ((0.03, 0.015, 0.0251, 0.015, True), 2),
        ((0.03, 0.015, 0.0249, 0.015, True), 0),  # height .0101 and .0099, NDCI .25
        ((0.03, 0.02, 0.02, 0.0501, False), 3),
        ((0.03, 0.02, 0.02, 0.05, False), 0),
        ((0.03, 0.06, 0.02, 0.06, False), 0),
        ((0.04, 0.03, 0.06, 0.02, True), 2),  # bloom: NDCI 0.33, height 0.032
        ((0.04, 0.03, 0.06, 0.02, False), 0),  # the same without a red edge
        ((0.005, 0.004, 0.008, 0.004, True), 0),  # NDCI 0.33 of black water is noise
        ((0.03, 0.02, 0.02, 0.06, False), 3),  # plants
        ((0.005, 0.004, 0.004, 0.008, False), 0),  # NDVI of black water is noise
    ],
)
def test_vetoes(spectrum, cause):
    assert veto(*spectrum) == cause


@pytest.mark.parametrize(
    ("probability", "dates", "positive", "months", "expected"),
    [
        (0.95, 6, 4, 2, 3), (0.95, 6, 3, 2, 2), (0.95, 6, 4, 1, 2), (0.95, 5, 5, 5, 4), (0.9, 10, 6, 2, 3),
        (0.89, 10, 10, 9, 2), (0.5, 6, 3, 2, 2), (0.49, 6, 3, 2, 1), (math.nan, 0, 0, 0, 4), (math.nan, 9, 0, 0, 4),
    ],
)  # fmt: skip
def test_reach_class_truth_table(probability, dates, positive, months, expected):
    assert reach_class(probability, dates, positive / max(dates, 1), months, LIMITS) == expected


# --- the pass over dates ---------------------------------------------------------------------------------------------


def stack(greens, *, swir1=0.0):
    """uint16 (T, 7, 1, 1): one pixel whose green varies; DN = reflectance * 10000, nothing else but its neighbours in colour."""
    dn = np.zeros((len(greens), 7, 1, 1))
    for t, green in enumerate(greens):
        dn[t, :, 0, 0] = [green * 0.8, green, green * 0.9, green * 0.6, green * 0.3, max(swir1, 1e-4), 1e-4]
    return np.round(dn * 10_000).astype("uint16")


def run(dn, *, qa=None, bad_bits=3, day=None, month=None, season=None, water=True, rededge=True, model=DARK_IS_BLACK, scale=1e-4, max_swir1_refl=0.025):
    n = len(dn)
    out = np.empty((len(PIXEL_LAYERS), 1, 1), "float32")
    day = np.arange(n) * 10 if day is None else np.array(day)
    dates = Stack(
        dn,
        np.zeros((n, 1, 1), "uint16") if qa is None else np.array(qa, "uint16").reshape(n, 1, 1),
        bad_bits,
        np.full(n, scale, "float32"),
        np.zeros(n, "float32"),
        np.full(n, 10, "float32"),
        day.astype("int64"),
        np.array(day // 30 if month is None else month, dtype="int64"),
    )
    in_season = np.ones(n, bool) if season is None else np.array(season)
    pixel_black_odorous(one_a_day(dates, bad_bits), np.full(n, rededge), in_season, np.array([[water]]), max_swir1_refl, model, out)
    return dict(zip(PIXEL_LAYERS, out[:, 0, 0].tolist(), strict=True))


def test_mean_of_log_odds_over_dates():
    """Green 0.0401 less the grey residual 0.0001 is 0.01 below 0.05: log-odds 1 a date; 0.0701 gives -2."""
    seen = run(stack([0.0401, 0.0401, 0.0701]), month=[0, 0, 1])
    assert seen["probability"] == pytest.approx(0.5, abs=1e-4)
    assert (seen["n_dates"], seen["n_positive"], seen["n_months"], seen["n_vetoed"]) == (3, 2, 1, 0)


def test_one_date_counts_at_most_four():
    model = Detector(weights(11, intercept=50.0), weights(9, intercept=50.0))
    assert run(stack([0.04]), model=model)["probability"] == pytest.approx(1 / (1 + math.exp(-4)))


def test_what_is_not_assessed():
    """A second scene of the day, cloud, out of season, nodata and glint leave one date of six."""
    dn = stack([0.0401] * 6)
    dn[4, 2] = 0
    dn[5, 5] = 300
    seen = run(dn, qa=[0, 0, 2, 0, 0, 0], season=[True, True, True, False, True, True], day=[0, 0, 10, 20, 30, 40])
    assert (seen["n_dates"], seen["n_positive"]) == (1, 1)
    assert run(dn, qa=[0, 0, 4, 0, 0, 0], day=[0, 0, 10, 20, 30, 40])["n_dates"] == 3  # a flag that does not remove a date


def test_a_date_at_the_limit_of_swir1_is_assessed_and_a_brighter_one_is_not():
    """Of a scale of 1/8192 the number 256 is 1/32, exact in binary, and 257 the next brighter."""
    dn = stack([0.0401] * 2)
    dn[:, 5, 0, 0] = [256, 257]
    assert run(dn, scale=1 / 8192, max_swir1_refl=1 / 32)["n_dates"] == 1


def test_no_water_is_nan_and_no_date_is_zero_dates_without_probability():
    assert all(math.isnan(v) for v in run(stack([0.04]), water=False).values())
    seen = run(stack([0.04]), season=[False])
    assert math.isnan(seen["probability"]) and seen["n_dates"] == 0
    empty = run(stack([]))
    assert math.isnan(empty["probability"]) and empty["n_dates"] == 0


def test_missing_red_edge_falls_back_to_colour():
    dn = stack([0.0401])
    dn[0, 3] = 0
    model = Detector(weights(11, intercept=3.0), weights(9, intercept=-3.0))
    assert run(stack([0.0401]), model=model)["probability"] > 0.9
    assert run(dn, model=model)["probability"] < 0.1
    assert run(stack([0.0401]), rededge=False, model=model)["probability"] < 0.1


def test_a_vetoed_date_is_counted_but_never_positive():
    dn = stack([0.0401])
    dn[0, :5, 0, 0] = [300, 400, 300, 300, 900]  # plants: near infrared above red and bright
    seen = run(dn, model=Detector(weights(11, intercept=4.0), weights(9, intercept=4.0)))
    assert (seen["n_dates"], seen["n_positive"], seen["n_vetoed"]) == (1, 0, 1)
    assert seen["probability"] == pytest.approx(1 / (1 + math.exp(2.0)))


def test_classes_of_pixels():
    layers = np.full((5, 1, 4), np.nan, "float32")
    layers[:, 0, 1] = [0.95, 8, 8, 3, 0]
    layers[:, 0, 2] = [0.1, 8, 0, 0, 0]
    layers[:, 0, 3] = [np.nan, 0, 0, 0, 0]
    out = np.empty((1, 4), "float32")
    pixel_classes(layers, LIMITS, out)
    assert out.tolist() == [[0, 3, 1, 4]]


@given(st.lists(st.floats(-0.2, 1.5, allow_nan=False), min_size=5, max_size=5), st.floats(-0.02, 0.02), st.booleans())
def test_evidence_is_finite(spectrum, grey, has_rededge):
    rng = np.random.default_rng(1)
    model = Detector(*((rng.normal(size=n), np.abs(rng.normal(size=n)) + 0.1, rng.normal(size=n), rng.normal(size=(n, n)), 0.0) for n in (11, 9)))
    value, cause = date_evidence(*spectrum, grey, has_rededge, model, np.empty(11))
    assert np.isfinite(value)
    assert cause in (0, 1, 2, 3)
