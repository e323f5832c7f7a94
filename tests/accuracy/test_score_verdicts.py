"""Verdicts against those of the truth, on values a reader can set beside the target."""

import pandas as pd
import pytest

from benchmarks.load import write_counties
from rs_pipeline.validation import verdicts
from rs_pipeline.validation.verdicts import judged_pairs, margin, side
from tests.made_up_run import make_target


@pytest.mark.parametrize(
    ("status", "good"),
    [("met", True), ("on_track", True), ("slipping", False), ("off_track", False), ("not_met", False), ("undecidable", None), ("no_target", None)],
)
def test_sides(status, good):
    assert side(status) is good


def test_the_smallest_change_that_a_user_cares_about():
    assert margin("%", 500.0) == 2.0 and margin("km2", 500.0) == 5.0 and margin("ha", 500.0) == 500.0 and margin("GW", 1.0) != margin("GW", 1.0)


@pytest.mark.parametrize(
    ("value", "status", "pairs"),
    [
        (80.0, "met", [("T", "met", "met")]), (80.0, "not_met", [("T", "not_met", "met")]), (80.0, "undecidable", [("T", "undecidable", "met")]),
        (70.0, "met", [("T", "met", "not_met")]), (76.0, "met", []),  # two points either way: 74 does not hold
    ],
)  # fmt: skip
def test_only_clear_truths_are_asked_for(tmp_path, monkeypatch, build, value, status, pairs):
    build.year(2024).vector("units", [build.area(0, 0, 40, 30)], adcode=["990101"], name=["W"], prefecture=[""])
    settings = write_counties(tmp_path / "run", 1, 1)
    monkeypatch.setattr(verdicts, "_true_values", lambda *a: {"990101": {("grassland_fvc", "2024", ""): value}})
    target = make_target(">=", 75.0, target_year=2024, indicator=("grassland_fvc",))
    row = {
        "adcode": "990101",
        "name": "W",
        "prefecture": "",
        "level": "county",
        "period": "2024",
        "indicator": "grassland_fvc",
        "unit": "%",
        "target_id": "T",
        "status": status,
    }
    assert list(judged_pairs(pd.DataFrame([row]), build.truth, settings, [target], {"2024": 2024})) == pairs
