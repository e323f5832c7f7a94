"""The map of solar arrays and its indicators, by hand and with adverse data."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.estimation.error_model import Systematic
from rs_pipeline.estimation.estimate import Facts
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.indicators.status import judge, pace
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.land.model import GROUPS, LandModel
from rs_pipeline.products.seasons import SEASONS, STATISTICS, SeasonStatistics
from rs_pipeline.products.solar import indicators, model
from rs_pipeline.products.solar.arrays import arrays
from rs_pipeline.products.solar.county import county_sums
from rs_pipeline.products.solar.indicators import INDICATORS
from rs_pipeline.products.solar.model import CLASSES, solar_layers, solar_model
from rs_pipeline.training.land_library import array_pixels, shipped_spectra
from tests.made_up_run import KM2, make_facts, make_target, sums

SETTINGS = parse({"run": "x", "units": {"path": "u.gpkg"}, "periods": [2024], "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}]})
AREA, CAPACITY = INDICATORS
TARGET = make_target(">=", 137.0, target_year=2027, unit="GW")


def seasons(values, dates):
    """Statistics of a strip whose late autumn nobody saw."""
    return SeasonStatistics(values, dates, np.full((2, *dates.shape[1:]), np.nan, "float32"), np.zeros(dates.shape[1:], "int64"))


def year_of(refl: tuple[float, ...], vv_db: float, vh_db: float) -> np.ndarray:
    """STATISTICS float32 (F, 1) of ground whose reflectance is the same in every season."""
    bands = dict(zip(OPTICAL_BANDS, refl, strict=True))
    ndvi = (bands["nir"] - bands["red"]) / (bands["nir"] + bands["red"])
    mndwi = (bands["green"] - bands["swir1"]) / (bands["green"] + bands["swir1"])
    return np.array([[*refl * len(SEASONS), ndvi, ndvi, mndwi, mndwi, vv_db, vh_db, vv_db, vh_db]], "float32").T


GROUND = {
    "array": year_of((0.075, 0.078, 0.078, 0.085, 0.105, 0.180, 0.125), -8, -17),
    "soil": year_of((0.09, 0.125, 0.165, 0.185, 0.225, 0.30, 0.26), -12, -20),
    "asphalt": year_of((0.10, 0.11, 0.12, 0.13, 0.145, 0.17, 0.155), -14, -21),
    "plastic": year_of((0.26, 0.285, 0.295, 0.31, 0.38, 0.33, 0.255), -8, -16),
    "water": year_of((0.06, 0.08, 0.07, 0.065, 0.05, 0.025, 0.015), -21, -29),
    "white roof": year_of((0.40, 0.425, 0.44, 0.45, 0.46, 0.44, 0.38), -4, -11),
    "dark shingles": year_of((0.045, 0.05, 0.055, 0.058, 0.063, 0.07, 0.066), -5, -12),
}


@pytest.mark.parametrize("ground", GROUND)
def test_the_shipped_network_tells_arrays_from_what_looks_like_them(ground):
    (share,) = solar_model().shares(GROUND[ground])[0]
    assert share > 0.7 if ground == "array" else share < 0.3


def test_arrays_of_many_kinds_are_found_also_without_radar_and_red_edge():
    values, share = array_pixels(1500, 8, shipped_spectra())
    pure = values[:, share == 1]
    assert (solar_model().shares(pure)[0] >= 0.5).mean() > 0.85
    lacking = pure.copy()
    lacking[[i for i, name in enumerate(STATISTICS) if name.endswith(("_db", "rededge1"))]] = np.nan
    assert (solar_model().shares(lacking)[0] >= 0.5).mean() > 0.7


def by_hand() -> LandModel:
    """A network without weights: three parts arrays, one part other ground, wherever it looks."""
    f, h = len(STATISTICS), 2
    return LandModel(np.zeros(f), np.ones(f), np.zeros((h, f + len(GROUPS))), np.zeros(h), np.zeros((2, h)), np.array([math.log(3.001), 0.0]), 1.0, {}, CLASSES)


def test_a_share_by_hand_is_rounded(monkeypatch):
    monkeypatch.setattr(model, "solar_model", by_hand)
    values = np.full((len(STATISTICS), 1, 2), 0.2, "float32")
    dates = np.full((5, 1, 2), 2, "int64")
    share = solar_layers(seasons(values, dates))["share"]
    assert share.dtype == np.float32 and share.tolist() == [[np.float32(0.75)] * 2]


@pytest.mark.parametrize(
    ("dates", "seen"),
    [((2, 2, 1, 1, 0), True), ((2, 1, 1, 1, 0), False), ((3, 3, 3, 0, 0), False), ((6, 0, 0, 0, 0), False), ((0, 0, 0, 0, 0), False), ((9, 9, 9, 9, 9), True)],
)
def test_a_pixel_must_be_seen_six_times_in_four_seasons(dates, seen):
    statistics = seasons(np.full((len(STATISTICS), 1, 1), 0.2, "float32"), np.array(dates).reshape(5, 1, 1))
    assert np.isfinite(solar_layers(statistics)["share"]).all() == seen


def test_a_strip_in_which_nothing_was_seen_is_missing_not_without_arrays():
    nothing = seasons(np.full((len(STATISTICS), 2, 3), np.nan, "float32"), np.zeros((5, 2, 3), "int64"))
    assert np.isnan(solar_layers(nothing)["share"]).all()


def square(side: int, share: float = 1.0, rim: int = 5) -> np.ndarray:
    return np.pad(np.full((side, side), share, "float32"), rim)


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (square(11), True), (square(9), False), (square(12, 0.25), True), (square(12, 0.24), False), (np.pad(np.ones((2, 80)), 5), False),
        (np.pad(np.ones((3, 40)), 5), True), (np.zeros((20, 20)), False), (np.full((20, 20), np.nan), False), (np.zeros((1, 1)), False), (np.ones((1, 1)), False),
    ],
)  # fmt: skip
def test_an_array_is_a_hectare_and_three_pixels_wide(share, found):
    assert arrays(share, 100.0).any() == found


def test_single_pixels_neither_make_nor_break_an_array():
    share = square(12)
    share[8, 8], share[11, 13], share[2, 2] = 0.0, np.nan, 1.0
    inside = arrays(share, 100.0)
    assert inside[8, 8] and not inside[11, 13] and not inside[2, 2]


def test_sums_of_a_tile():
    share = square(12)
    share[0] = np.nan
    layers = county_sums(SETTINGS, {"solar.share": share}, {}).layers
    assert np.nansum(layers["solar_m2"]) == 144 - 4  # without its corners
    assert np.nansum(layers["solar_observed_m2"]) == share.size - share.shape[1]


def test_a_county_of_one_pixel_has_no_array():
    layers = county_sums(SETTINGS, {"solar.share": np.ones((1, 1), "float32")}, {}).layers
    assert np.isnan(layers["solar_m2"]).all() and layers["solar_observed_m2"].tolist() == [[1.0]]


def unit(observed: float = 100 * KM2, solar: float = 10 * KM2, area: float = 100 * KM2) -> Facts:
    return make_facts(sums(area_m2=area, solar_observed_m2=observed, solar_m2=solar))


@pytest.fixture
def errors(monkeypatch):
    """The truth lies up to 10 % below and 20 % above the area."""
    monkeypatch.setattr("rs_pipeline.estimation.error_model.systematic_errors", lambda: {"solar_panel_area": Systematic(0.1, 0.2, 3, 12)})


def test_area_and_capacity_by_hand(errors):
    area, capacity = AREA.estimator(unit()).interval, CAPACITY.estimator(unit())
    assert area.bounds == pytest.approx((9, 12.01)), "one more array of 1 ha would not be seen"
    assert area.kind == "model95"
    assert capacity.interval.kind == "range" and capacity.interval.value == pytest.approx(0.3)
    assert capacity.interval.bounds == (pytest.approx(0.225), math.inf)
    assert "a lower bound of wind and sun together" in capacity.reason and "the arrays alone have 0.225 to 0.54 GW" in capacity.reason
    assert "not tested on real ones" in capacity.reason


def test_no_array_is_zero_with_a_detection_limit_and_nothing_seen_is_missing(errors):
    none = AREA.estimator(unit(solar=0.0))
    assert none.interval.value == 0 and none.interval.bounds == (0, pytest.approx(0.01))
    assert AREA.least(SETTINGS) == pytest.approx(0.01) and CAPACITY.least(SETTINGS) == pytest.approx(0.0003)
    for indicator in INDICATORS:
        missing = indicator.estimator(unit(observed=0.0, solar=0.0))
        assert missing.interval is None and missing.reason == "no pixel with enough clear dates in enough seasons"
        assert indicator.estimator(make_facts()).status == "insufficient_data"  # sums of an earlier version


def test_a_part_that_was_not_seen_widens_the_area_and_less_than_half_gives_none(errors):
    part = AREA.estimator(unit(observed=60 * KM2, solar=6 * KM2))
    assert part.interval.value == pytest.approx(10) and part.interval.lower == pytest.approx(5.4) and part.interval.upper == pytest.approx(47.21)
    assert AREA.estimator(unit(observed=40 * KM2, solar=4 * KM2)).reason == "40 % observed; at least 50 % is needed"


def test_a_network_that_is_not_good_enough_is_withheld(monkeypatch):
    poor = replace(by_hand(), report={"f1": 0.69})
    monkeypatch.setattr(indicators, "solar_model", lambda: poor)
    for indicator in INDICATORS:
        assert indicator.estimator(unit()).reason == "solar arrays are not told from other ground: F1 0.69 on simulated worlds"
    monkeypatch.setattr(indicators, "solar_model", lambda: replace(poor, report={"f1": 0.7}))
    assert AREA.estimator(unit()).interval is not None


@pytest.mark.parametrize(
    ("lower", "year", "status"),
    [(137.0, 2027, "met"), (136.9, 2027, "undecidable"), (0.0, 2030, "undecidable"), (137.0, 2025, "met"), (40.0, 2025, "undecidable")],
)
def test_a_lower_bound_proves_a_target_and_never_disproves_it(lower, year, status):
    assert judge(TARGET, Interval(lower * 1.2, lower, math.inf, "range"), year).status == status


def test_lower_bounds_of_two_years_show_no_pace():
    history = [(2024.5, Interval(30.0, 25.0, math.inf, "range")), (2025.5, Interval(60.0, 50.0, math.inf, "range"))]
    assert pace(history) is None
    assert judge(TARGET, history[1][1], 2025, slope=pace(history)).status == "undecidable"


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"classes": ["panels"], "features": list(STATISTICS)})])
def test_a_file_that_is_no_model_is_refused_with_the_remedy(tmp_path, content):
    path = tmp_path / "solar.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="cannot be read") as fault:
        LandModel.read(path, CLASSES)
    assert "python -m rs_pipeline.training.solar" in str(fault.value) and "solar.json" in str(fault.value)


def test_the_model_survives_its_file(tmp_path):
    path = tmp_path / "solar.json"
    path.write_text(solar_model().to_json())
    again = LandModel.read(path, CLASSES)
    assert again.shares(GROUND["array"]) == pytest.approx(solar_model().shares(GROUND["array"]), abs=1e-4)
