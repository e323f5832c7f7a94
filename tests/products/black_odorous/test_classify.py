"""From dates to a call."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.errors import TableError
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.products.black_odorous.classify import (
    INSPECTION,
    REACH_COLUMNS,
    assess,
    classify_reach,
    farm_ponds,
    inspection_list,
    reaches,
    summarise_reaches,
)
from rs_pipeline.products.black_odorous.model import load_detector
from rs_pipeline.products.black_odorous.scoring import SCORE_DTYPES
from rs_pipeline.region import grid as make_grid
from rs_pipeline.region import read_tiles
from rs_pipeline.storage.tables import write_parquet

SIX_DAYS = ["2024-04-05", "2024-05-05", "2024-06-04", "2024-07-04", "2024-08-03", "2024-09-02"]


GREY = {"blue_refl": 0.020, "green_refl": 0.028, "red_refl": 0.034, "nir_refl": 0.021}
"""A grey black-odorous water that the detector knows."""


def scores(logits, *, reach="R-1", period="2024", days=SIX_DAYS, vetoes=None, n_core=50, native_m=10.0, refl=GREY):
    n = len(logits)
    return pd.DataFrame({
        "reach_id": reach, "period": period, "day": [period + d[4:] for d in days[:n]], "scene_id": [f"s{i}" for i in range(n)], "sensor": "s2",
        "native_m": native_m, "n_core": n_core, "logit": np.asarray(logits, float), "rededge": True, "veto": vetoes or [""] * n, **refl,
        "grey_refl": 0.0, "surroundings_share": 0.04,
    }).astype(SCORE_DTYPES)  # fmt: skip


def calibrated(log_odds):
    shipped = load_detector().calibration
    return 1 / (1 + math.exp(-(shipped.slope * log_odds + shipped.intercept)))


def lines(*width_classes, x=500_000):
    n = len(width_classes)
    return gpd.GeoDataFrame(
        {"reach_id": [f"R-{i + 1}" for i in range(n)], "kind": "river", "adcode": "990101", "tile": "r000c000", "length_m": 200.0,
         "width_m": 40.0, "width_class": list(width_classes), "first_period": "2023"},
        geometry=[shapely.LineString([(x, 4_300_000 + 100 * i), (x + 200, 4_300_000 + 100 * i)]) for i in range(n)], crs="EPSG:32650",
    )  # fmt: skip


@pytest.fixture
def section(make_settings):
    return make_settings().black_odorous


def test_summary_by_hand():
    row = summarise_reaches(scores([4, 4, 2, 2, -2, 2])).iloc[0]
    assert row.log_odds == pytest.approx((4 + 4 + 2 + 2) / 4)  # the worst 60 % of six months are four
    assert (row.n_dates, row.n_positive, row.n_months) == (6, 5, 5)
    assert row.persistence == pytest.approx(5 / 6)
    assert row.dates_seen == ";".join(SIX_DAYS)
    assert row.dates_positive == ";".join(d for d in SIX_DAYS if d != "2024-08-03")
    assert row.optical_blackness == pytest.approx(-math.log10(0.028))
    assert row.vetoes == "" and not row.withheld and not row.coarse


def test_water_that_is_black_in_summer_only_keeps_its_evidence():
    """Clear in April and November, black from May to October."""
    days = [f"2024-{m:02d}-10" for m in range(4, 12)]
    row = summarise_reaches(scores([-4, 3, 3, 3, 3, 3, 3, -4], days=days)).iloc[0]
    assert row.log_odds == 3 and row.persistence == 1


def test_a_vetoed_date_is_logged_and_not_positive():
    row = summarise_reaches(scores([4, 4, -3], vetoes=["sediment", "", "bloom"])).iloc[0]
    assert row.log_odds == pytest.approx(4)
    assert (row.n_dates, row.n_positive) == (3, 1)
    assert row.vetoes == "sediment:1;bloom:1" and row.withheld


def test_dates_that_ice_or_glint_took_are_logged_and_not_seen():
    row = summarise_reaches(scores([4, np.nan, np.nan, np.nan], vetoes=["", "glint", "ice", "shadow"])).iloc[0]
    assert row.n_dates == 1 and row.vetoes == "glint:1;ice:1;shadow:1"
    nothing = summarise_reaches(scores([np.nan], vetoes=["shadow"])).iloc[0]
    assert nothing.n_dates == 0 and math.isnan(nothing.log_odds)


def test_two_scenes_of_a_day_count_once():
    both = pd.concat([scores([4, 4]), scores([-4], n_core=9).assign(scene_id="other")])
    row = summarise_reaches(both).iloc[0]
    assert (row.n_dates, row.n_positive) == (2, 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "suspected"),
        ({"probability": 0.79}, "possible"),
        ({"probability": 0.2, "persistence": 0.0}, "possible"),
        ({"probability": 0.19}, "clear"),
        ({"n_dates": 5}, "insufficient"),
        ({"n_dates": 0, "persistence": 0.0, "probability": math.nan}, "insufficient"),
        ({"persistence": 0.5}, "possible"),
        ({"n_months": 1}, "possible"),
        ({"withheld": True}, "possible"),
        ({"withheld": True, "probability": 0.1}, "clear"),
        ({"unknown": True}, "possible"),
        ({"unknown": True, "probability": 0.1}, "possible"),
        ({"unknown": True, "n_dates": 5}, "insufficient"),
        ({"width_class": "not_assessable"}, "not_assessable"),
    ],
)
def test_truth_table(section, change, expected):
    given = {
        "width_class": "assessable", "probability": 0.95, "n_dates": 6, "persistence": 0.6, "n_months": 2, "withheld": False, "unknown": False,
    }  # fmt: skip
    assert classify_reach(**(given | change), section=section) == expected


def two(**first):
    """Scores of two reaches, the first of them changed, and the table of calls of 2023 and 2024."""
    return pd.concat([scores([4] * 6, **first), scores([4] * 6, reach="R-2")])


def test_a_marginal_reach_is_capped_and_never_suspected(section):
    table = assess(lines("marginal", "assessable"), two(), ["2024"], section)
    assert table.probability.tolist() == pytest.approx([0.7, calibrated(4)])
    assert table["class"].tolist() == ["possible", "suspected"]


def test_the_prevalence_moves_the_probability(make_settings):
    rare = make_settings(black_odorous={"prevalence": 0.02}).black_odorous
    table = assess(lines("assessable"), scores([0] * 6), ["2024"], rare)
    shipped = load_detector().calibration
    odds = calibrated(0) / (1 - calibrated(0)) * (0.02 / 0.98) / (shipped.prevalence / (1 - shipped.prevalence))
    assert table.probability[0] == pytest.approx(odds / (1 + odds))


def test_every_reach_has_a_row_in_every_period_and_missing_is_missing(section):
    table = assess(lines("assessable", "not_assessable"), scores([4] * 6), ["2023", "2024"], section)
    assert list(table.columns) == list(REACH_COLUMNS)
    assert list(zip(table.reach_id, table.period, table["class"], strict=True)) == [
        ("R-1", "2023", "insufficient"), ("R-1", "2024", "suspected"), ("R-2", "2023", "not_assessable"), ("R-2", "2024", "not_assessable"),
    ]  # fmt: skip
    assert table.probability.isna().tolist() == [True, False, True, True]
    assert table.n_dates.tolist() == [0, 6, 0, 0]
    assert table.lon.iloc[0] == pytest.approx(117.00115, abs=1e-4)


def test_the_wetland_prior_withholds(make_settings, tmp_path):
    path = tmp_path / "wetlands.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(499_900, 4_299_900, 500_300, 4_300_050)], crs=32650).to_file(path)
    settings = make_settings(black_odorous={"wetland_prior": str(path)})
    table = assess(lines("assessable", "assessable"), two(), ["2024"], settings.black_odorous, wetlands=load_vector(settings, "black_odorous.wetland_prior"))
    assert table["class"].tolist() == ["possible", "suspected"]
    assert table.vetoes.tolist() == ["wetland", ""]


def test_coarse_pixels_make_a_class_weaker(section):
    table = assess(lines("assessable", "assessable"), two(native_m=30.0), ["2024"], section)
    assert table["class"].tolist() == ["possible", "suspected"]
    assert table.vetoes.tolist() == ["coarse_pixels", ""]


def test_dark_water_unlike_any_in_training_is_uncertain(section):
    ink = {"blue_refl": 0.0, "green_refl": 0.0, "red_refl": 0.019, "nir_refl": 0.0}
    table = assess(lines("assessable", "assessable"), two(refl=ink), ["2024"], section)
    assert table["class"].tolist() == ["possible", "suspected"]
    assert table.vetoes.tolist() == ["unknown_water", ""]


def test_water_that_was_not_there_before_is_new(section):
    given = lines("assessable", "assessable").assign(first_period=["2024", "2023"])
    table = assess(given, two(), ["2023", "2024"], section)
    now = table[table.period == "2024"]
    assert now["class"].tolist() == ["possible", "suspected"] and now.vetoes.tolist() == ["new_water", ""]


def visits(*found, x=500_100):
    """(number of the reach, period, black) as points on the reach."""
    at = [shapely.Point(x, 4_300_000 + 100 * (n - 1)) for n, _, _ in found]
    _, periods, black = zip(*found, strict=True)
    columns = {"period": list(periods), "date": [pd.Timestamp(f"{p or 1999}-07-01") for p in periods], "black": list(black)}
    return gpd.GeoDataFrame(columns, geometry=at, crs=32650).to_crs(4326)


def test_a_visit_decides_its_reach_in_its_period_whatever_the_satellite_saw(section):
    """R-1 is suspected in both years and refuted in 2024; R-2 is too narrow, R-3 has no date and R-4 is clear: each is confirmed in 2024."""
    every = pd.concat([scores([4] * 6), scores([4] * 6, period="2023"), scores([-4] * 6, reach="R-4")])
    found = visits((1, "2024", False), (2, "2024", True), (3, "2024", True), (4, "2024", True))
    table = assess(lines("assessable", "not_assessable", "assessable", "assessable"), every, ["2023", "2024"], section, found)
    now, before = (table[table.period == p] for p in ("2024", "2023"))
    assert now["class"].tolist() == ["clear", "suspected", "suspected", "suspected"]
    assert now.satellite_class.tolist() == ["suspected", "not_assessable", "insufficient", "clear"]
    assert now.field.tolist() == ["refuted", "confirmed", "confirmed", "confirmed"]
    assert before["class"].tolist() == before.satellite_class.tolist() == ["suspected", "not_assessable", "insufficient", "insufficient"]
    assert inspection_list(table[table.period == "2024"]).reach_id.tolist() == ["R-4", "R-2", "R-3"]  # without a probability last
    assert now.change.tolist() == ["better", "", "", ""]


def test_both_suspicions_of_a_year_refuted_leave_none(section):
    table = assess(lines("assessable", "assessable"), two(), ["2024"], section, visits((1, "2024", False), (2, "2024", False)))
    assert table["class"].tolist() == ["clear", "clear"] and inspection_list(table).empty
    assert table.probability.min() > 0.8  # what the satellite saw stays


def pond_frame(shapes):
    return gpd.GeoDataFrame({"reach_id": [f"P-{i}" for i in range(len(shapes))], "kind": "pond"}, geometry=shapes, crs=32650)


def test_rectangular_ponds_side_by_side_are_a_fish_farm():
    block = [shapely.box(x, y, x + 130, y + 70) for x in (0, 140) for y in (0, 80)]
    lonely, round_one = shapely.box(5000, 0, 5130, 70), shapely.Point(70, 220).buffer(60).intersection(shapely.box(-1e3, 160, 1e3, 1e3))
    assert farm_ponds(pond_frame([*block, lonely])) == {"P-0", "P-1", "P-2", "P-3"}
    assert farm_ponds(pond_frame([*block[:3], lonely, round_one])) == set()
    assert farm_ponds(pond_frame([])) == set()


@pytest.mark.parametrize(("dyke_m", "farm"), [(28, True), (29, False)])
def test_ponds_of_a_farm_lie_within_forty_metres_of_three_others(dyke_m, farm):
    """Four in a square: across the dykes' crossing it is 39.6 m and 41.0 m, so that each has three or two neighbours."""
    step = 100 + dyke_m
    square = [shapely.box(x, y, x + 100, y + 100) for x in (0, step) for y in (0, step)]
    assert len(farm_ponds(pond_frame(square))) == (4 if farm else 0)


@pytest.mark.parametrize(("corner_m", "farm"), [(19, True), (20, False)])
def test_ponds_of_a_farm_fill_85_in_a_hundred_of_their_rectangle(corner_m, farm):
    """A corner is missing from squares of 50 m: 361 or 400 of 2500 m2, 14.4 and 16 in a hundred."""
    shapes = [shapely.box(x, y, x + 50, y + 50).difference(shapely.box(x, y, x + corner_m, y + corner_m)) for x in (0, 55) for y in (0, 55)]
    assert len(farm_ponds(pond_frame(shapes))) == (4 if farm else 0)


def test_half_of_the_dates_neither_withholds_nor_is_coarse_and_more_do():
    half = summarise_reaches(scores([4, 4, 4, 4], vetoes=["bloom", "bloom", "", ""], native_m=[30.0, 30.0, 10.0, 10.0])).iloc[0]
    more = summarise_reaches(scores([4, 4, 4], vetoes=["bloom", "bloom", ""], native_m=[30.0, 30.0, 29.9])).iloc[0]
    assert not half.withheld and not half.coarse and more.withheld and more.coarse


# --- the step --------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(make_settings):
    made = make_settings(periods=[2024], grid={"crs": "EPSG:32650", "tile_px": 128})
    make_grid(made)
    return made


def put(settings, table, frame):
    layout = Layout(settings.root)
    write_parquet(frame, layout.reach_lines)
    for tile in read_tiles(settings):
        write_parquet(table, layout.reach_scores("2024", tile.id))
        table = table.iloc[:0]


def test_files_of_the_step(settings):
    put(settings, pd.concat([scores([-1] * 6), scores([4] * 6, reach="R-2"), scores([-4] * 6, reach="R-3")]), lines(*["assessable"] * 3))
    reaches(settings)
    layout = Layout(settings.root)
    table = gpd.read_file(layout.reaches, layer="reaches")
    assert dict(zip(table.reach_id, table["class"], strict=True)) == {"R-1": "possible", "R-2": "suspected", "R-3": "clear"}
    assert table.crs == "EPSG:32650"
    ranked = pd.read_csv(layout.reaches.with_name("inspection_list.csv"), encoding="utf-8-sig")
    assert list(ranked.columns) == list(INSPECTION)
    assert ranked.reach_id.tolist() == ["R-2", "R-1"] and ranked["rank"].tolist() == [1, 2]
    assert ranked.dates_positive[0] == ";".join(SIX_DAYS)


def test_visits_that_decide_nothing_are_told(settings, tmp_path, caplog):
    path = tmp_path / "visits.csv"
    path.write_text("lon,lat,date,black\n117.00115,38.84882,2024-07-01,0\n117.00115,38.84882,1999-07-01,1\n117.2,38.84882,2024-07-01,1\n", "utf-8")
    made = settings.model_copy(update={"tables": settings.tables.model_copy(update={"field_results": path})})
    put(made, scores([4] * 6), lines("assessable"))
    reaches(made)
    assert gpd.read_file(Layout(made.root).reaches, layer="reaches")["class"].tolist() == ["clear"]
    assert pd.read_csv(Layout(made.root).inspection_list, encoding="utf-8-sig").empty
    assert "1 of 3 visits decide nothing: on a day outside all periods; 1 of 3 visits decide nothing: farther than 100 m" in caplog.text


def test_no_reaches_at_all(settings):
    put(settings, scores([]), lines("assessable").iloc[:0])
    reaches(settings)
    table = gpd.read_file(Layout(settings.root).reaches, layer="reaches")
    assert len(table) == 0 and "class" in table


def test_a_missing_score_table_is_an_error(settings):
    write_parquet(lines("assessable"), Layout(settings.root).reach_lines)
    with pytest.raises(TableError, match="not made yet") as fault:
        reaches(settings)
    assert "reach-scores" in fault.value.remedy
