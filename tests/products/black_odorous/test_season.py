"""Seasons, changes, field results, known waters."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_pipeline.products.black_odorous.change import add_change
from rs_pipeline.products.black_odorous.field import fit_platt, recalibrated, visited, without_reach
from rs_pipeline.products.black_odorous.model import load_detector
from rs_pipeline.products.black_odorous.season import best_run, month_number, season_logit, worst_months
from rs_pipeline.products.visits import field_results
from rs_pipeline.training.known_waters import season_refl
from rs_pipeline.training.water_types import WATER_TYPES, WaterClass

# --- seasons ---------------------------------------------------------------------------------------------------------


def test_one_month_has_one_vote():
    month, logit = np.array([5, 5, 5, 5, 6]), np.array([-4.0, -4, -4, -4, 4])
    assert season_logit(month, logit) == pytest.approx(0.0)  # of two months both count (60 %, rounded up)
    assert worst_months(np.array([4, 5, 6, 7, 8]), np.array([1.0, 5, 2, 4, 3])).tolist() == [False, True, False, True, True]
    assert np.isnan(season_logit(np.array([], int), np.array([])))


@given(st.lists(st.tuples(st.integers(4, 11), st.floats(-4, 4)), min_size=1, max_size=30))
def test_the_evidence_of_a_season_lies_between_its_mean_and_its_worst_month(dates):
    month, logit = np.array([m for m, _ in dates]), np.array([v for _, v in dates])
    means = [logit[month == m].mean() for m in np.unique(month)]
    assert np.mean(means) - 1e-9 <= season_logit(month, logit) <= max(means) + 1e-9


def test_one_date_counts_at_most_eight():
    assert season_logit(np.array([5]), np.array([30.0])) == 8.0
    assert best_run(np.array([5]), np.array([-30.0]))[1] == -4.0  # a single date is half believed


@pytest.mark.parametrize(
    ("months", "logit", "run", "evidence"),
    [
        ([4, 5, 6, 7], [1, 3, 3, 3], [0, 1, 1, 1], 3 * 3 / 4),
        ([4, 7, 10], [4, 4, 4], [1, 0, 0], 4 / 2),  # no two of them within three months: the first
        ([4, 6, 7], [4, 4, -4], [1, 1, 0], 4 * 2 / 3),
        ([12, 13, 14, 16], [2, 2, 2, 2], [1, 1, 1, 0], 2 * 3 / 4),  # December to February
    ],
)
def test_the_best_three_months_in_a_row(months, logit, run, evidence):
    dates, found = best_run(np.array(months), np.array(logit, float))
    assert dates.astype(int).tolist() == run and found == pytest.approx(evidence)


def test_months_count_on_over_the_new_year():
    assert np.diff(month_number(pd.Series(["2023-12-30", "2024-01-01", "2024-03-01"]))).tolist() == [1, 2]


# --- change ----------------------------------------------------------------------------------------------------------


def history(section, *years, reach="R-1", field=None):
    """Calls of years (class, probability, log-odds of twelve dates), and what visits found in each."""
    labels = [str(2020 + k) for k in range(len(years))]
    rows = [(reach, y, kind, p, 12, float(np.mean(logit))) for y, (kind, p, logit) in zip(labels, years, strict=True)]
    table = gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=["reach_id", "period", "class", "probability", "n_dates", "log_odds"]),
        geometry=gpd.points_from_xy([0.0] * len(rows), [0.0] * len(rows)),
    ).assign(field=field or "")
    days = pd.concat(
        [
            pd.DataFrame({"reach_id": reach, "period": y, "day": [f"{y}-{4 + k // 2:02d}-{1 + 10 * (k % 2):02d}" for k in range(12)], "logit": logit})
            for y, (_, _, logit) in zip(labels, years, strict=True)
        ]
    )
    return add_change(table, days, section)


BLACK, CLEAR = ("suspected", 0.95, np.linspace(2.5, 3.5, 12)), ("clear", 0.02, np.linspace(-3.5, -2.5, 12))


@pytest.fixture
def section(make_settings):
    return make_settings().black_odorous


def test_eliminated_needs_two_clear_seasons(section):
    table = history(section, BLACK, CLEAR, CLEAR, CLEAR)
    assert table.change.tolist() == ["", "better", "eliminated", ""]
    assert table.log_odds_change[1] == pytest.approx(-6) and table.change_lower[1] < -5.5 and table.change_upper[1] < 0
    assert np.isnan(table.change_lower[2])


@pytest.mark.parametrize(("probability", "change"), [(0.19, "eliminated"), (0.2, "")])
def test_two_seasons_below_a_fifth_eliminate(section, probability, change):
    calm = ("clear", probability, np.linspace(-3.5, -2.5, 12))
    assert history(section, BLACK, calm, CLEAR).change[2] == history(section, BLACK, CLEAR, calm).change[2] == change


def test_new_worse_and_undecided(section):
    slight = ("possible", 0.4, np.linspace(-1.5, 0.5, 12))
    assert history(section, CLEAR, BLACK, BLACK).change.tolist() == ["", "new", ""]
    assert history(section, slight, BLACK).change.tolist() == ["", "worse"]
    assert history(section, slight, slight).change.tolist() == ["", ""]


def test_a_season_with_too_few_dates_breaks_the_chain(section):
    table = history(section, BLACK, CLEAR, CLEAR)
    few = table.assign(n_dates=[12, 2, 12])
    days = pd.DataFrame({"reach_id": [], "period": [], "day": [], "logit": []})
    again = add_change(few.drop(columns=["change", "log_odds_change", "change_lower", "change_upper"]), days, section)
    assert again.change.tolist() == ["", "", ""]


REFUTED, CONFIRMED = ("clear", *BLACK[1:]), ("suspected", *CLEAR[1:])
"""A season that the satellite takes for black and a visit found clear, and the other way round."""


@pytest.mark.parametrize(
    ("years", "field", "change"),
    [
        ((BLACK, REFUTED), ["", "refuted"], ["", "better"]),
        ((REFUTED, BLACK), ["refuted", ""], ["", "new"]),
        ((CLEAR, CONFIRMED), ["", "confirmed"], ["", "new"]),
        ((BLACK, CONFIRMED), ["confirmed", "confirmed"], ["", ""]),
        ((BLACK, REFUTED, REFUTED), ["confirmed", "refuted", "refuted"], ["", "better", "eliminated"]),
        ((BLACK, CLEAR, CONFIRMED), ["", "", "confirmed"], ["", "better", "new"]),
        ((REFUTED, REFUTED), ["refuted", "refuted"], ["", ""]),
    ],
)
def test_what_visits_found_tells_the_change(section, years, field, change):
    assert history(section, *years, field=field).change.tolist() == change


# --- field results ---------------------------------------------------------------------------------------------------


def visits_file(tmp_path, text):
    path = tmp_path / "visits.csv"
    path.write_text(text, "utf-8")
    return str(path)


def test_visits_confirm_and_refute(make_settings, tmp_path):
    text = "lon,lat,date,black\n117.0001,38.0,2024-05-01,0\n117.0001,38.0,2024-07-01,1\n117.01,38.0,2024-07-01,0\n117.5,38.0,2024-07-01,1\n"
    made = make_settings(periods=[2024], tables={"field_results": visits_file(tmp_path, text)})
    places = gpd.GeoDataFrame(
        {"reach_id": ["a", "b", "c"], "period": "2024"}, geometry=gpd.points_from_xy([117.0, 117.01, 117.02], [38.0] * 3), crs=4326
    ).to_crs(32650)
    assert visited(places, field_results(made), 100.0).tolist() == ["confirmed", "refuted", ""]  # the later visit decides, the far one belongs to none
    assert visited(places, field_results(made), 5.0).tolist() == ["", "refuted", ""]  # 0.0001 degrees of longitude are 9 m here
    assert visited(places, None, 100.0).tolist() == ["", "", ""]
    assert without_reach(places, field_results(made), 100.0) == "1 of 4 visits decide no reach: farther than 100 m from any reach or pond"


@pytest.mark.parametrize("order", ["1\n117,38,2024-05-01,0", "0\n117,38,2024-05-01,1"])
def test_of_two_visits_on_a_day_the_one_that_found_black_water_decides(make_settings, tmp_path, order):
    made = make_settings(periods=[2024], tables={"field_results": visits_file(tmp_path, f"lon,lat,date,black\n117,38,2024-05-01,{order}\n")})
    place = gpd.GeoDataFrame({"reach_id": ["a"], "period": "2024"}, geometry=gpd.points_from_xy([117.0], [38.0]), crs=4326).to_crs(32650)
    assert visited(place, field_results(made), 100.0).tolist() == ["confirmed"]


def labelled(n, seed=0):
    """Visited reaches whose true probability is that of log-odds less 1."""
    rng = np.random.default_rng(seed)
    log_odds = rng.uniform(-4, 4, n)
    black = rng.random(n) < 1 / (1 + np.exp(-(log_odds - 1)))
    return pd.DataFrame({"log_odds": log_odds, "field": np.where(black, "confirmed", "refuted")})


def test_platt_finds_slope_and_intercept():
    table = labelled(4000)
    found = fit_platt(table.log_odds.to_numpy(), (table.field == "confirmed").to_numpy(), "test")
    assert (found.slope, found.intercept) == pytest.approx((1, -1), abs=0.12)
    assert found.probability(np.array([1.0])) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("n", [60, 400])
def test_labels_recalibrate_and_few_do_not(n):
    table = pd.concat([labelled(n), pd.DataFrame({"log_odds": [np.nan, 3.9], "field": ["", ""]})], ignore_index=True)
    probability = recalibrated(table)
    assert np.isnan(probability[-2]) and probability[-1] > 0.8
    order = np.argsort(table.log_odds.to_numpy()[:-2])
    assert (np.diff(probability[order]) >= -1e-12).all()
    assert recalibrated(labelled(49)) is None
    assert recalibrated(labelled(60).assign(field="confirmed")) is None


# --- known waters ----------------------------------------------------------------------------------------------------


def test_known_black_water_is_known_and_a_dye_often_is_not():
    known, rng = load_detector().known, np.random.default_rng(3)
    unknown = {kind.name: known.unknown(season_refl(kind, 60, rng)).mean() for kind in WATER_TYPES if kind.black}
    assert max(unknown.values()) <= 0.1
    dye = WaterClass("dye", (2, 10), (2, 12), (10, 25))
    assert known.unknown(season_refl(dye, 60, rng)).mean() >= 0.25
    assert known.unknown(np.full((1, 4), np.nan)).tolist() == [False]
    assert known.unknown(np.array([[0.3, 0.3, 0.3, 0.3]])).tolist() == [False]  # bright: no suspicion that it could mislead
