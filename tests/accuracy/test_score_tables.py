"""County indicators and the faults of the catalog: tables whose marks a reader can count."""

import math

import numpy as np
import pandas as pd
import pytest

from rs_pipeline.estimation.zones import REGION
from rs_pipeline.simulation.materials import Material as M
from rs_pipeline.validation import counties, radiometry
from rs_pipeline.validation.registration import score_registration


@pytest.fixture
def county(build):
    """A county of the western half of the map (20 x 30 pixels, 0.06 km2) with a lake of 10 x 10 pixels and a creek of half a pixel's
    width over 30 pixels; one year later the lake is twice as long. The eastern half is another county, all of it maize."""
    creek = (M.RIVER, 3.25, 0, 0.5, 30)
    build.year(2024, (M.LAKE, 5, 5, 10, 10), creek).year(2025, (M.LAKE, 5, 5, 10, 20), creek)
    build.vector("rivers", [build.line((3.5, 0), (3.5, 30))], name=["creek"], width_m=[5.0])
    build.vector("black_odorous", [build.area(3.25, 0, 0.5, 10)], river=["creek"], years=["2025"])
    build.vector("units", [build.area(0, 0, 20, 30), build.area(20, 0, 20, 30)], adcode=["990101", "990102"], name=["W", "E"], prefecture=["", ""])
    return build.truth


def true(truth, adcode, period, indicator):
    table = counties.true_indicators(truth)
    found = table[(table.adcode == adcode) & (table.period == period) & (table.indicator == indicator)].true
    return found.iloc[0] if len(found) else math.nan


def test_true_areas_are_of_parts_of_pixels(county):
    close = pytest.approx  # areas on the ellipsoid differ from those in the map by 0.08 %
    assert true(county, "990101", "2024", "water_permanent_area") == close((100 + 15) * 1e-4, rel=2e-3)
    assert true(county, "990101", "2025", "water_permanent_change") == close(100e-4, rel=2e-3)
    assert true(county, "990102", "2024", "water_permanent_area") == 0
    assert true(county, REGION, "2025", "water_permanent_area") == close((200 + 15) * 1e-4, rel=2e-3)
    assert math.isnan(true(county, "990101", "2024", "water_permanent_change"))  # the baseline has no change


def test_the_sea_is_no_inland_water(build):
    """Of three columns of 30 pixels one is sea, one a flat that is wet for 0.4 of the year, one a lake; a year later a third of the sea is soil."""
    units = {"adcode": ["990101"], "name": ["W"], "prefecture": [""]}
    build.year(2024, (M.SEA, 0, 0, 1, 30), (M.MUDFLAT, 1, 0, 1, 30), (M.LAKE, 2, 0, 1, 30), flooded=0.4)
    build.year(2025, (M.SEA, 0, 0, 1, 20), (M.MUDFLAT, 1, 0, 1, 30), (M.LAKE, 2, 0, 1, 30), flooded=0.4)
    build.vector("units", [build.area(0, 0, 40, 30)], **units)
    close = pytest.approx
    got = {name: true(build.truth, "990101", "2024", f"{name}_area") for name in ("water_permanent", "water_seasonal", "sea")}
    assert got == {"water_permanent": close(30e-4, rel=2e-3), "water_seasonal": 0, "sea": close(60e-4, rel=2e-3)}
    assert true(build.truth, "990101", "2025", "sea_change") == close(-10e-4, rel=2e-3) and true(build.truth, "990101", "2025", "water_permanent_change") == 0


def test_true_cover_is_of_land(county):
    assert true(county, "990102", "2024", "fvc_peak_mean") == pytest.approx(80)
    # 600 pixels less 100 of the lake and 30 that the creek holds by half, all of cover 0.8
    assert true(county, "990101", "2024", "fvc_peak_mean") == pytest.approx(80)


def test_true_lengths(county):
    assert true(county, "990101", "2025", "black_odorous_length_km") == pytest.approx(0.1)
    assert true(county, "990101", "2024", "black_odorous_length_km") == 0
    assert true(county, "990101", "2024", "black_odorous_unassessable_length_km") == pytest.approx(0.3)
    assert math.isnan(true(county, "990101", "2024", "natural_coast_retention"))


def indicators(*rows):
    columns = ["adcode", "period", "indicator", "value", "lower", "upper", "interval", "unit"]
    return pd.DataFrame(rows, columns=columns)


def test_errors_and_coverage_by_hand(county, read):
    nan = math.nan
    table = indicators(
        ("990101", "2024", "fvc_peak_mean", 82.0, 79.0, 85.0, "model95", "%"),
        ("990101", "2024", "fvc_peak_mean", 82.0, 79.0, 85.0, "model95", "%"),  # a second target of the same indicator
        ("990102", "2024", "fvc_peak_mean", 76.0, 75.0, 77.0, "model95", "%"),
        ("990101", "2025", "fvc_peak_mean", nan, nan, nan, "", "%"),
        ("990102", "2025", "fvc_peak_mean", 80.0, nan, nan, "", "%"),
        ("990102", "2025", "C00-01", 1.0, nan, nan, "", "%"),
    )
    scores = counties.score_counties(table, county)
    assert read(scores, "absolute_error", "fvc_peak_mean") == pytest.approx(2, abs=1e-4)
    assert read(scores, "bias", "fvc_peak_mean") == pytest.approx(-2 / 3, abs=1e-4)
    assert read(scores, "relative_error", "fvc_peak_mean") == pytest.approx(100 * 6 / 240, abs=1e-4)
    assert read(scores, "withheld_share", "fvc_peak_mean") == 25
    assert read(scores, "coverage", "fvc_peak_mean, model95") == 50 == read(scores, "coverage", "all, model95")
    assert not [s for s in scores if "C00-01" in s.subset]


def test_the_truth_itself_gets_perfect_scores(county, read):
    table = counties.true_indicators(county).rename(columns={"true": "value"})
    table = table.assign(lower=table.value, upper=table.value, interval="model95", unit="1")
    scores = counties.score_counties(table, county)
    assert {s.subset for s in scores} >= {"fvc_peak_mean", "water_permanent_area", "water_seasonal_area", "greening_net", "black_odorous_length_km"}
    for s in scores:
        expected = {"coverage": 100}.get(s.metric, 0)
        assert s.value == pytest.approx(expected) or (s.metric == "relative_error" and math.isnan(s.value))  # of an amount of 0


def test_counties_of_nothing_but_missing(county, read):
    table = counties.true_indicators(county).rename(columns={"true": "value"})
    table = table.assign(value=np.nan, lower=np.nan, upper=np.nan, interval="", unit="1")
    scores = counties.score_counties(table, county)
    assert all(s.value == 100 if s.metric == "withheld_share" else math.isnan(s.value) and s.n == 0 for s in scores)


def ledger(**changes):
    """Six scenes: a with a wrong flag, b damaged, c older and d newer of one acquisition, e right, f without offset."""
    columns = {
        "scene_id": list("abcdef"),
        "offset": [0.0, -0.1, -0.1, -0.1, -0.1, 0.0],
        "status": ["used", "used", "skipped", "used", "used", "used"],
        "reason": ["", "", "same acquisition as d", "", "", ""],
    }
    return pd.DataFrame(columns | changes)


WORLD = {"wrong_offset_flag": ["a"], "corrupt": ["b"], "duplicates": {"d": "c"}}
OFFSETS = dict(a=0.0, b=-0.1, c=-0.1, d=-0.1, e=-0.1, f=0.0)
CHIPS = pd.DataFrame({"scene_id": ["b", "e"], "status": ["failed", "ok"], "reason": ["nir.tif: truncated", ""]})


def test_faults_that_were_told(read):
    scores = radiometry.score_radiometry(ledger(), WORLD, OFFSETS, CHIPS)
    assert {s.metric: (s.value, s.n) for s in scores if s.n} == {
        "offset_right": (100, 5),
        "wrong_flag_mended": (100, 1),
        "refused": (0, 6),
        "corrupt_told": (100, 1),
        "duplicate_dropped": (100, 1),
    }


def test_faults_that_were_not_told(read):
    swallowed = ledger(offset=[-0.1] * 6, status=["used"] * 6, reason=[""] * 6)
    scores = radiometry.score_radiometry(swallowed, WORLD, OFFSETS, CHIPS.iloc[1:])
    assert read(scores, "offset_right", "used Sentinel-2 scenes") == pytest.approx(100 * 4 / 6)
    assert [
        read(scores, m, s)
        for m, s in (("wrong_flag_mended", "scenes with a wrong flag"), ("corrupt_told", "damaged scenes"), ("duplicate_dropped", "older processings"))
    ] == [0, 0, 0]


def test_a_refused_scene_and_a_silent_one(read):
    reasons = ["", "", "same acquisition as d", "", "", "offset cannot be decided: no flag"]
    scores = radiometry.score_radiometry(ledger(status=["used"] * 5 + ["skipped"], reason=reasons), WORLD | {"missing_offset_flag": ["e", "f"]}, OFFSETS, CHIPS)
    assert read(scores, "refused", "Sentinel-2 scenes") == pytest.approx(100 / 6)
    assert read(scores, "missing_flag_mended", "scenes without a flag") == 100


def test_a_catalog_without_faults(read):
    scores = radiometry.score_radiometry(ledger(), {}, {}, None)
    assert all(math.isnan(s.value) and s.n == 0 for s in scores)


def test_places_of_scenes(read):
    """a lies 3 m east and 4 m north, told as 3 and 3, and stays; b lies 30 m off and is moved back to 1 m; c is not measured; d is refused."""
    scenes = pd.DataFrame(
        {
            "scene_id": list("abcde"),
            "platform": ["sentinel-2a"] * 4 + ["landsat-8"],
            "status": ["used"] * 3 + ["skipped", "used"],
            "displaced_x_m": [3, -29, math.nan, 9, 0],
            "displaced_y_m": [3, 0, math.nan, 9, 0],
            "moved_x_m": [0, 29, 0, 0, 0],
            "moved_y_m": [0.0] * 5,
        }
    )
    scores = score_registration(scenes, {"a": [3, 4], "b": [-30, 0], "c": [0, 0], "d": [99, 99]})
    assert read(scores, "measured_share", "sentinel-2") == pytest.approx(2 / 3)
    assert read(scores, "rmse", "sentinel-2, told") == pytest.approx(1.0)
    assert read(scores, "rmse", "sentinel-2, as they come") == pytest.approx(math.sqrt((25 + 900) / 3))
    assert read(scores, "rmse", "sentinel-2, as they are read") == pytest.approx(math.sqrt((25 + 1) / 3))
    assert all(s.n == 0 and math.isnan(s.value) for s in scores if s.subset.startswith(("landsat", "sentinel-1")))


def test_true_offsets_of_items():
    world = {"offset_in_pixels": ["S2A_new"], "scenes": {"S2A_new": {}, "S2B_x": {}, "LC08_y": {}}, "duplicates": {"S2A_new": "S2A_old"}}
    assert radiometry.true_offsets(world) == {"S2A_new": -0.1, "S2B_x": 0.0, "S2A_old": -0.1}


def test_true_conversion_by_zone(build):
    """A meadow of 20 x 20 pixels, maize around it; 6 x 6 pixels of the meadow and 4 x 4 of the maize are built over. The red line holds half of the
    meadow, and with it half of what was lost there; in the reserve the lost maize counts too. A single built pixel is no event. There is no water, and so no shore."""
    meadow, lost = (M.MEADOW, 0, 0, 20, 20), (M.BUILT, 7, 7, 6, 6)
    build.year(2024, meadow).year(2025, meadow, lost, (M.BUILT, 22, 22, 4, 4), (M.BUILT, 15, 2, 1, 1))
    build.vector("units", [build.area(0, 0, 40, 30)], adcode=["990101"], name=["W"], prefecture=[""])
    build.vector("red_line", [build.area(0, 0, 10, 20)])
    build.vector("reserves", [build.area(0, 0, 40, 30)])
    assert true(build.truth, "990101", "2025", "red_line_converted_area") == pytest.approx(18e-4, rel=2e-3)
    assert true(build.truth, "990101", "2025", "reserve_converted_area") == pytest.approx(52e-2, rel=2e-3)
    assert true(build.truth, REGION, "2025", "reserve_converted_area") == pytest.approx(52e-2, rel=2e-3)
    assert math.isnan(true(build.truth, "990101", "2024", "reserve_converted_area"))  # the baseline has no change
    assert math.isnan(true(build.truth, "990101", "2025", "shore_encroached_area"))


def test_true_encroachment_is_within_reach_of_wide_water(build):
    """A lake of 10 x 10 pixels; four by four pixels of the maize beside it are built over."""
    build.year(2024, (M.LAKE, 0, 0, 10, 10)).year(2025, (M.LAKE, 0, 0, 10, 10), (M.BUILT, 11, 3, 4, 4))
    build.vector("units", [build.area(0, 0, 40, 30)], adcode=["990101"], name=["W"], prefecture=[""])
    assert true(build.truth, "990101", "2025", "shore_encroached_area") == pytest.approx(16e-2, rel=2e-3)
    assert math.isnan(true(build.truth, "990101", "2025", "red_line_converted_area"))
