"""Evidence of natural and artificial shores."""

import numpy as np
import pytest
import shapely
from scipy.special import expit

from rs_pipeline.products.coastline.classify import Evidence, conversions, dated, natural_log_odds, parted_water, straightness, tide_width_m, unit_class

NAMES = ("chord_share", "line_rms_m", "tide_m_per_m", "pond_share", "swir1_land_refl", "position_sd_m", "step_m")


def evidence(**known):
    return Evidence(*(np.array([known.get(name, np.nan)], float) for name in NAMES))


def classify(**known):
    return unit_class(expit(natural_log_odds(evidence(**known))), np.array([False]))[0]


def test_straight_and_bent_lines():
    place = shapely.Point(0, 500)
    chord, rms = straightness(shapely.LineString([(0, 0), (0, 1000)]), place)
    assert chord == pytest.approx(1) and rms == pytest.approx(0, abs=1e-9)
    corner = shapely.LineString([(0, 0), (0, 500), (500, 500)])
    assert straightness(corner, place)[0] == pytest.approx(np.sqrt(0.5), abs=0.01)


def test_a_short_line_tells_nothing():
    assert np.isnan(straightness(shapely.LineString([(0, 0), (0, 100)]), shapely.Point(0, 50))).all()


def test_no_evidence_is_uncertain():
    assert natural_log_odds(evidence())[0] == 0 and classify() == "uncertain"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"chord_share": 1.0, "line_rms_m": 1.0, "tide_m_per_m": 1.0}, "artificial"),  # sea wall
        ({"chord_share": 1.0, "line_rms_m": 1.0, "pond_share": 0.6}, "artificial"),  # dyke of ponds
        ({"chord_share": 1.0, "line_rms_m": 1.0, "step_m": 300.0}, "artificial"),  # reclaimed
        ({"chord_share": 1.0, "line_rms_m": 1.0, "tide_m_per_m": 25.0, "swir1_land_refl": 0.4}, "natural"),  # straight beach
        ({"chord_share": 0.7, "line_rms_m": 20.0, "tide_m_per_m": 1.0, "step_m": 150.0}, "artificial"),  # a corner of fill
        ({"chord_share": 0.9, "line_rms_m": 20.0, "tide_m_per_m": 300.0}, "natural"),  # mudflat
        ({"chord_share": 1.0, "line_rms_m": 1.0, "tide_m_per_m": 300.0, "step_m": 124.0}, "natural"),  # a straight flat that shifts
        ({"chord_share": 0.7, "line_rms_m": 20.0, "tide_m_per_m": 7.0}, "uncertain"),  # steeper than beaches are, softer than walls
        ({"chord_share": 1.0, "line_rms_m": 1.0}, "uncertain"),  # straightness alone decides nothing
    ],
)
def test_cases(known, expected):
    assert classify(**known) == expected


def test_river_mouth_goes_before_and_missing_probability_is_uncertain():
    assert unit_class(np.array([0.9, np.nan]), np.array([True, False])).tolist() == ["river mouth", "uncertain"]


DISTANCE_M = np.arange(-60.0, 61.0, 10)


def profile(waterline_m):
    """Reflectance that falls by 0.01 a metre of profile and is 0.2 at the waterline."""
    return 0.2 - 0.01 * (DISTANCE_M - waterline_m)


def test_tide_width_by_hand():
    assert tide_width_m(DISTANCE_M, profile(20), profile(-13), 0.2) == pytest.approx(33.0)
    assert tide_width_m(DISTANCE_M, profile(-1), profile(1), 0.2) == pytest.approx(-2.0)


def test_tide_width_is_missing_where_a_waterline_is_not_met():
    assert np.isnan(tide_width_m(DISTANCE_M, profile(100), profile(0), 0.2))
    high = profile(0)
    high[5:8] = np.nan
    assert np.isnan(tide_width_m(DISTANCE_M, profile(10), high, 0.2))


def test_the_waterline_nearest_to_the_median_one_counts():
    two = np.where(DISTANCE_M < -30, profile(-45), profile(4))  # a pond behind the beach
    assert tide_width_m(DISTANCE_M, two, profile(0), 0.2) == pytest.approx(4.0)


def test_ponds_are_parted_from_the_shore_and_a_flat_is_not():
    """Classes of the water map inland of the shore, a place each 10 m: 0 land, 1 permanent, 2 seasonal."""
    dyke, flat, flat_then_pond, unseen = [0, 0, 1, 1], [2, 2, 0, 0], [2, 0, 1, np.nan], [np.nan] * 4
    np.testing.assert_allclose(parted_water(np.array([dyke, flat, flat_then_pond, unseen])), [0.5, 0, 1 / 3, np.nan])


@pytest.mark.parametrize(
    ("known", "log_odds"),
    [
        ({"pond_share": 0.21}, -2.0), ({"pond_share": 0.2}, 0.0),
        ({"tide_m_per_m": 4.9}, -1.5), ({"tide_m_per_m": 5.0}, 0.0), ({"tide_m_per_m": 9.9}, 0.0), ({"tide_m_per_m": 10.0}, 2.0),
        ({"position_sd_m": 4.9}, -0.4), ({"position_sd_m": 5.0}, 0.0),
        ({"swir1_land_refl": 0.31}, 0.6), ({"swir1_land_refl": 0.3}, 0.0),
        ({"chord_share": 0.981, "line_rms_m": 2.9}, -0.6), ({"chord_share": 0.98, "line_rms_m": 2.9}, 0.6), ({"chord_share": 1.0, "line_rms_m": 3.0}, 0.6),
        ({"step_m": 1.0, "tide_m_per_m": 9.9}, -4.0), ({"step_m": 0.0, "tide_m_per_m": 9.9}, 0.0), ({"step_m": 1.0, "tide_m_per_m": 10.0}, 2.0),
        ({"step_m": 1.0, "tide_m_per_m": 99.9, "chord_share": 1.0, "line_rms_m": 1.0}, -4.0 + 2.0 - 0.6),
        ({"step_m": 1.0, "tide_m_per_m": 100.0, "chord_share": 1.0, "line_rms_m": 1.0}, 2.0 - 0.6),  # a mudflat is not built, however straight
    ],
)  # fmt: skip
def test_each_piece_of_evidence_has_its_weight_and_its_limit(known, log_odds):
    assert natural_log_odds(evidence(**known))[0] == pytest.approx(log_odds)


def test_a_shore_is_natural_from_seven_tenths_and_artificial_to_three():
    classes = unit_class(np.array([0.7, 0.69, 0.31, 0.3]), np.zeros(4, bool))
    assert classes.tolist() == ["natural", "uncertain", "uncertain", "artificial"]


@pytest.mark.parametrize(("classes", "told"), [
    (["natural", "natural", "artificial"], [("2023", "2024", "artificial")]),
    (["artificial", "uncertain", "natural"], [("2022", "2024", "natural")]),  # restored, some time in between
    (["natural", "", "artificial"], [("2022", "2024", "artificial")]),
    (["natural", "artificial", "natural"], [("2022", "2023", "artificial"), ("2023", "2024", "natural")]),  # built over, then restored
    (["natural", "river mouth", "natural"], []), (["uncertain", "artificial", "artificial"], []), (["", "", ""], []),
])  # fmt: skip
def test_a_conversion_lies_between_two_decided_periods(classes, told):
    found = conversions(classes, ["2022", "2023", "2024"])
    assert [(c.converted_after, c.converted_period, c.converted_to) for c in found] == told
    assert dated(found) == ";".join(f"{to}:{period}" for _, period, to in told)
