"""From dates to a call."""

from __future__ import annotations

import math
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.errors import TableError
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.products.black_odorous import classify
from rs_pipeline.products.black_odorous.classify import (
    INSPECTION,
    REACH_COLUMNS,
    assess,
    classify_reach,
    evidence,
    farm_ponds,
    inspection_list,
    reaches,
    summarise_reaches,
)
from rs_pipeline.products.black_odorous.model import REACH_FEATURES, ReachModel, load_detector
from rs_pipeline.products.black_odorous.scoring import SCORE_DTYPES
from rs_pipeline.region import grid as make_grid
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_tiles

SIX_DAYS = ["2024-04-05", "2024-05-05", "2024-06-04", "2024-07-04", "2024-08-03", "2024-09-02"]


GREY = {"blue_refl": 0.020, "green_refl": 0.028, "red_refl": 0.034, "nir_refl": 0.021}
"""A grey black-odorous water that the detector knows."""


def scores(logits, *, reach="R-1", period="2024", days=SIX_DAYS, vetoes=None, n_core=50, native_m=10.0, refl=GREY):
    n = len(logits)
    return pd.DataFrame(
        {
            "reach_id": reach,
            "period": period,
            "day": [period + d[4:] for d in days[:n]],
            "scene_id": [f"s{i}" for i in range(n)],
            "sensor": "s2",
            "native_m": native_m,
            "n_core": n_core,
            "logit": np.asarray(logits, float),
            "rededge": True,
            "veto": vetoes or [""] * n,
            **refl,
            "grey_refl": 0.0,
            "surroundings_share": 0.04,
        }
    ).astype(SCORE_DTYPES)


@pytest.fixture
def season_alone(monkeypatch):
    """A model whose log-odds are those of the season, held to +-4 by the limit of a feature: probabilities a reader can work out."""
    one = np.array([float(name == "season") for name in REACH_FEATURES])
    model = ReachModel(REACH_FEATURES, 0 * one, 0 * one + 1, one, 0.0, 0.5, "by hand", {})
    made = replace(load_detector(), reach=model)
    monkeypatch.setattr(classify, "load_detector", lambda: made)


def sigmoid(log_odds):
    return 1 / (1 + math.exp(-log_odds))


def lines(*width_classes, x=500_000):
    n = len(width_classes)
    return gpd.GeoDataFrame(
        {
            "reach_id": [f"R-{i + 1}" for i in range(n)],
            "kind": "river",
            "adcode": "990101",
            "tile": "r000c000",
            "length_m": 200.0,
            "width_m": 40.0,
            "width_class": list(width_classes),
            "first_period": "2023",
        },
        geometry=[shapely.LineString([(x, 4_300_000 + 100 * i), (x + 200, 4_300_000 + 100 * i)]) for i in range(n)],
        crs="EPSG:32650",
    )


@pytest.fixture
def section(make_settings):
    return make_settings().black_odorous


def test_summary_by_hand():
    row = summarise_reaches(scores([4, 4, 2, 2, -2, 2])).iloc[0]
    assert row.season == pytest.approx((4 + 4 + 2 + 2) / 4)  # the worst 60 % of six months are four
    assert row.run == pytest.approx(4 * 2 / 3)  # March to May: April and May, two dates; with June it is 2.5
    assert (row.n_dates, row.n_positive, row.n_months) == (6, 5, 5)
    assert row.persistence == pytest.approx(5 / 6)
    assert row.dates_seen == ";".join(SIX_DAYS)
    assert row.dates_positive == ";".join(d for d in SIX_DAYS if d != "2024-08-03")
    assert row.optical_blackness == pytest.approx(-math.log10(0.028))
    assert row.vetoes == "" and not row.coarse_pixels


def test_water_that_is_black_in_summer_only_keeps_its_evidence():
    """Clear in April and November, black from May to October."""
    days = [f"2024-{m:02d}-10" for m in range(4, 12)]
    row = summarise_reaches(scores([-4, 3, 3, 3, 3, 3, 3, -4], days=days)).iloc[0]
    assert row.season == 3 and row.persistence == 1


def test_a_black_episode_of_three_months_is_the_best_run():
    """Clear but for June to August: the season's mean hides it, the run does not."""
    days = [f"2024-{m:02d}-{d}" for m in range(4, 12) for d in (10, 20)]
    row = summarise_reaches(scores([3 if 6 <= int(d[5:7]) <= 8 else -4 for d in days], days=days)).iloc[0]
    assert row.season == pytest.approx((3 + 3 + 3 - 4 - 4) / 5)
    assert row.run == pytest.approx(3 * 6 / 7) and row.run_low == 3


def test_a_vetoed_date_is_logged_and_not_positive_and_its_share_of_the_run_is_evidence():
    row = summarise_reaches(scores([4, 4, -3], vetoes=["sediment", "", "bloom"])).iloc[0]
    assert row.season == pytest.approx(4)
    assert (row.n_dates, row.n_positive) == (3, 1)
    assert row.vetoes == "sediment:1;bloom:1"
    assert (row.sediment, row.bloom, row.macrophyte) == (0.5, 0.0, 0.0)  # the run is April and May: with June it is less suspicious


def test_dates_that_ice_or_glint_took_are_logged_and_not_seen():
    row = summarise_reaches(scores([4, np.nan, np.nan, np.nan], vetoes=["", "glint", "ice", "shadow"])).iloc[0]
    assert row.n_dates == 1 and row.vetoes == "glint:1;ice:1;shadow:1"
    nothing = summarise_reaches(scores([np.nan], vetoes=["shadow"])).iloc[0]
    assert nothing.n_dates == 0 and math.isnan(nothing.season)


def test_two_scenes_of_a_day_count_once():
    both = pd.concat([scores([4, 4]), scores([-4], n_core=9).assign(scene_id="other")])
    row = summarise_reaches(both).iloc[0]
    assert (row.n_dates, row.n_positive) == (2, 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "suspected"),
        ({"probability": 0.69}, "possible"),
        ({"probability": 0.2}, "possible"),
        ({"probability": 0.19}, "clear"),
        ({"n_dates": 2}, "insufficient"),
        ({"n_dates": 0, "probability": math.nan}, "insufficient"),
        ({"width_class": "marginal"}, "suspected"),
        ({"width_class": "not_assessable"}, "not_assessable"),
    ],
)
def test_truth_table(section, change, expected):
    given = {"width_class": "assessable", "probability": 0.7, "n_dates": 3}
    assert classify_reach(**(given | change), section=section) == expected


def test_the_user_chooses_the_precision_by_the_threshold(make_settings):
    strict = make_settings(black_odorous={"suspected_probability": 0.9, "min_reach_dates": 5}).black_odorous
    given = {"width_class": "assessable", "n_dates": 5, "section": strict}
    assert [classify_reach(probability=p, **given) for p in (0.89, 0.9)] == ["possible", "suspected"]
    assert classify_reach(probability=0.99, **(given | {"n_dates": 4})) == "insufficient"


def two(**first):
    """Scores of two reaches, the first of them changed, and the table of calls of 2023 and 2024."""
    return pd.concat([scores([4] * 6, **first), scores([4] * 6, reach="R-2")])


def test_the_prevalence_moves_the_probability(season_alone, make_settings):
    rare = make_settings(black_odorous={"prevalence": 0.02}).black_odorous
    table = assess(lines("assessable"), scores([1] * 6), ["2024"], rare)
    odds = math.exp(1) * (0.02 / 0.98)  # the model by hand was fitted where half of the reaches are black
    assert table.probability[0] == pytest.approx(odds / (1 + odds)) and table.log_odds[0] == pytest.approx(1)


def test_every_reach_has_a_row_in_every_period_and_missing_is_missing(season_alone, section):
    table = assess(lines("assessable", "not_assessable"), scores([4] * 6), ["2023", "2024"], section)
    assert list(table.columns) == list(REACH_COLUMNS)
    assert list(zip(table.reach_id, table.period, table["class"], strict=True)) == [
        ("R-1", "2023", "insufficient"),
        ("R-1", "2024", "suspected"),
        ("R-2", "2023", "not_assessable"),
        ("R-2", "2024", "not_assessable"),
    ]
    assert table.probability.isna().tolist() == [True, False, True, True]
    assert table.n_dates.tolist() == [0, 6, 0, 0]
    assert table.lon.iloc[0] == pytest.approx(117.00115, abs=1e-4)


def marks(table, names=("wetland", "aquaculture", "new_water", "unknown_water")):
    return [[name for name in names if row[name]] for _, row in table.iterrows()]


def test_a_wetland_is_evidence_and_named(season_alone, make_settings, tmp_path):
    path = tmp_path / "wetlands.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(499_900, 4_299_900, 500_300, 4_300_050)], crs=32650).to_file(path)
    settings = make_settings(black_odorous={"wetland_prior": str(path)})
    given = lines("assessable", "assessable"), two(), ["2024"]
    wetlands = load_vector(settings, "black_odorous.wetland_prior")
    assert marks(evidence(*given, wetlands)) == [["wetland"], []]
    assert assess(*given, settings.black_odorous, wetlands=wetlands).vetoes.tolist() == ["wetland", ""]


def test_coarse_pixels_are_evidence_and_named(season_alone, section):
    given = lines("assessable", "assessable"), two(native_m=30.0), ["2024"]
    assert evidence(*given).coarse.tolist() == [1.0, 0.0]
    assert assess(*given, section).vetoes.tolist() == ["coarse_pixels", ""]


def test_dark_water_unlike_any_in_training_is_evidence_and_named(season_alone, section):
    ink = {"blue_refl": 0.0, "green_refl": 0.0, "red_refl": 0.019, "nir_refl": 0.0}
    given = lines("assessable", "assessable"), two(refl=ink), ["2024"]
    assert marks(evidence(*given)) == [["unknown_water"], []]
    assert assess(*given, section).vetoes.tolist() == ["unknown_water", ""]


def test_water_that_was_not_there_before_is_new(season_alone, section):
    given = lines("assessable", "assessable").assign(first_period=["2024", "2023"])
    table = assess(given, two(), ["2023", "2024"], section)
    assert table[table.period == "2024"].vetoes.tolist() == ["new_water", ""]


def test_a_change_goes_with_time_and_not_with_the_alphabet(season_alone, section):
    """Clear in the period that is called "before", suspected in 2024."""
    given = pd.concat([scores([-4] * 6, period="2018").assign(period="before"), scores([4] * 6)])
    table = assess(lines("assessable"), given, ["before", "2024"], section)
    assert table.period.tolist() == ["before", "2024"] and table.change.tolist() == ["", "new"]


@pytest.mark.parametrize(("width_m", "narrow"), [(20.0, math.log(2)), (39.9, math.log(40 / 39.9)), (40.0, 0.0), (300.0, 0.0)])
def test_banks_are_evidence_below_forty_metres(width_m, narrow):
    table = evidence(lines("assessable").assign(width_m=width_m), scores([4] * 6), ["2024"])
    assert table.narrow[0] == pytest.approx(narrow)


# --- the shipped weights ---------------------------------------------------------------------------------------------

TWELVE_DAYS = [f"2024-{m:02d}-{d:02d}" for m in range(5, 11) for d in (3, 18)]


def shipped(section, logits, *, width_m=60.0, **change):
    """Probability and class of a reach by the weights that are shipped."""
    row = assess(lines("assessable").assign(width_m=width_m), scores(logits, days=TWELVE_DAYS, **change), ["2024"], section).iloc[0]
    return row.probability, row["class"]


def test_shipped_weights_suspect_black_water_wide_and_narrow_and_leave_clean_water(section):
    assert shipped(section, [4] * 12)[1] == shipped(section, [4] * 12, width_m=22.0)[1] == "suspected"
    clean = {"blue_refl": 0.03, "green_refl": 0.045, "red_refl": 0.03, "nir_refl": 0.01}
    assert shipped(section, [-5] * 12, refl=clean)[1] == "clear"


def test_fewer_dates_make_a_probability_less_extreme_and_two_make_none(section):
    many, few = (shipped(section, [4] * n)[0] for n in (12, 3))
    assert many > few > 0.2
    assert shipped(section, [4] * 2)[1] == "insufficient"


def test_a_shipped_veto_speaks_against_and_does_not_forbid(section):
    """Black on every date, with plants or bright sediment on two thirds of them: less probable, still found."""
    for cause in ("macrophyte", "sediment"):
        seen = shipped(section, [6] * 12, vetoes=([cause] * 2 + [""]) * 4)
        assert seen[0] < shipped(section, [6] * 12)[0] and seen[1] == "suspected"


def test_shipped_figures_by_worlds_left_out_keep_the_stated_precision():
    report = load_detector().reach.report["worlds as they are"]
    figures = report["by_threshold"]["0.7"]["from 25 m"]
    assert figures["precision"] >= 0.85 and figures["recall"] >= 0.5
    assert report["calibration_error"] <= 0.05


def visits(*found, x=500_100):
    """(number of the reach, period, black) as points on the reach."""
    at = [shapely.Point(x, 4_300_000 + 100 * (n - 1)) for n, _, _ in found]
    _, periods, black = zip(*found, strict=True)
    columns = {"period": list(periods), "date": [pd.Timestamp(f"{p or 1999}-07-01") for p in periods], "black": list(black)}
    return gpd.GeoDataFrame(columns, geometry=at, crs=32650).to_crs(4326)


def test_a_visit_decides_its_reach_in_its_period_whatever_the_satellite_saw(season_alone, section):
    """R-1 is suspected in both years and refuted in 2024; R-2 is too narrow, R-3 has no date and R-4 is clear: each is confirmed in 2024."""
    every = pd.concat([scores([4] * 6), scores([4] * 6, period="2023"), scores([-4] * 6, reach="R-4")])
    found = visits((1, "2024", False), (2, "2024", True), (3, "2024", True), (4, "2024", True))
    table = assess(lines("assessable", "not_assessable", "assessable", "assessable"), every, ["2023", "2024"], section, found)
    now, before = (table[table.period == p] for p in ("2024", "2023"))
    assert now["class"].tolist() == ["clear", "suspected", "suspected", "suspected"]
    assert now.satellite_class.tolist() == ["suspected", "not_assessable", "insufficient", "clear"]
    assert now.field.tolist() == ["refuted", "confirmed", "confirmed", "confirmed"]
    assert before["class"].tolist() == before.satellite_class.tolist() == ["suspected", "not_assessable", "insufficient", "insufficient"]
    assert inspection_list(table, "2024").reach_id.tolist() == ["R-4", "R-2", "R-3"]  # without a probability last
    assert now.change.tolist() == ["better", "", "", ""]


def test_the_list_holds_the_newest_period_and_each_reach_once(season_alone, section):
    """R-1 is suspected in both years, R-2 in the earlier one alone."""
    every = pd.concat([scores([4] * 6), scores([4] * 6, period="2023"), scores([4] * 6, reach="R-2", period="2023"), scores([-4] * 6, reach="R-2")])
    listed = inspection_list(assess(lines("assessable", "assessable"), every, ["2023", "2024"], section), "2024")
    assert listed[["rank", "reach_id", "period"]].to_numpy().tolist() == [[1, "R-1", "2024"]]


def test_both_suspicions_of_a_year_refuted_leave_none(season_alone, section):
    table = assess(lines("assessable", "assessable"), two(), ["2024"], section, visits((1, "2024", False), (2, "2024", False)))
    assert table["class"].tolist() == ["clear", "clear"] and inspection_list(table, "2024").empty
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


def test_half_of_the_dates_do_not_make_a_reach_coarse_and_more_do():
    half = summarise_reaches(scores([4, 4, 4, 4], native_m=[30.0, 30.0, 10.0, 10.0])).iloc[0]
    more = summarise_reaches(scores([4, 4, 4], native_m=[30.0, 30.0, 29.9])).iloc[0]
    assert not half.coarse_pixels and more.coarse_pixels


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


def test_files_of_the_step(season_alone, settings):
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


def test_visits_that_decide_nothing_are_told(season_alone, settings, tmp_path, caplog):
    path = tmp_path / "visits.csv"
    path.write_text("lon,lat,date,black\n117.00115,38.84882,2024-07-01,0\n117.00115,38.84882,1999-07-01,1\n117.2,38.84882,2024-07-01,1\n", "utf-8")
    made = settings.model_copy(update={"tables": settings.tables.model_copy(update={"field_results": path})})
    put(made, scores([4] * 6), lines("assessable"))
    reaches(made)
    assert gpd.read_file(Layout(made.root).reaches, layer="reaches")["class"].tolist() == ["clear"]
    assert pd.read_csv(Layout(made.root).inspection_list, encoding="utf-8-sig").empty
    assert "1 of 3 visits decide no reach: on a day outside all periods; 1 of 3 visits decide no reach: farther than 100 m" in caplog.text


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
