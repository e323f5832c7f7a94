"""Proxies of water quality: which pixels, which dates, which platforms, and what is left missing."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rs_kernels.water_quality import NIR_859_PER_833, turbidity_dogliotti

from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.scoring import Core
from rs_pipeline.products.water.facts import read_quality
from rs_pipeline.products.water.quality import SCORES, body_cores, quality, score_body, summarise_bodies, summarise_months, tli_chlorophyll, trophic_state
from rs_pipeline.products.water.watched import read_water_classes, watched_waters
from rs_pipeline.region import grid as make_grid

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_301_000.0, 40, 40)
NOTHING_AROUND = np.full(7, np.nan)
LAKE = np.array([0.03, 0.05, 0.03, 0.033, 0.008, 0.0, 0.0])
CORE = Core("W-1", np.inf, *np.nonzero(np.ones((6, 6), bool)))


def score(spectrum=LAKE, platform="sentinel-2a", clear=True, around=NOTHING_AROUND):
    refl = np.broadcast_to(np.asarray(spectrum, "float32")[:, None, None], (7, *GRID.shape))
    return score_body(CORE, refl, np.full(GRID.shape, clear), around, platform, 0.025)


def test_a_lake_by_hand():
    """Red 0.03: turbidity by red alone. NDCI = 0.003 / 0.063: 14.039 + 86.115 x 0.04762 + 194.325 x 0.04762^2 = 18.58."""
    row = score()
    assert row["turbidity_fnu"] == pytest.approx(8.3739, rel=1e-4)
    assert row["chlorophyll_mg_m3"] == pytest.approx(18.580, rel=1e-3)
    assert row["n_pixels"] == 36 and row["reason"] == ""


def test_haze_is_taken_away_first():
    assert score(LAKE + 0.01)["turbidity_fnu"] == pytest.approx(score()["turbidity_fnu"], rel=1e-5)


def test_the_broad_near_infrared_band_is_scaled_and_landsats_is_not():
    turbid = np.array([0.08, 0.12, 0.10, 0.09, 0.05, 0.0, 0.0])
    assert score(turbid)["turbidity_fnu"] == pytest.approx(turbidity_dogliotti(0.10, 0.05 * NIR_859_PER_833), rel=1e-4)
    assert score(turbid, platform="landsat-8")["turbidity_fnu"] == pytest.approx(turbidity_dogliotti(0.10, 0.05), rel=1e-4)


@pytest.mark.parametrize("platform", ["sentinel-2c", "landsat-8"])
def test_chlorophyll_only_where_its_band_fits(platform):
    assert np.isnan(score(platform=platform)["chlorophyll_mg_m3"])


def test_dates_without_a_value_say_why():
    assert score(clear=False) is None
    assert score(LAKE + 0.03)["reason"] == "glint"
    assert score([0.03, 0.06, 0.04, 0.1, 0.2, 0.0, 0.0])["reason"] == "plants"
    dark = score([0.01, 0.005, -0.001, 0.0, 0.0, 0.0, 0.0])
    assert dark["reason"] == "out of range" and np.isnan(dark["turbidity_fnu"])


def test_only_water_away_from_the_bank_counts():
    wet = np.zeros(GRID.shape, bool)
    wet[5:25, 5:25] = True
    wet[30:36, 30:36] = True
    bodies = gpd.GeoDataFrame(
        {"body_id": ["lake", "pond"]}, geometry=[shapely.box(*GRID.window(5, 5, 20, 20).bounds), shapely.box(*GRID.window(30, 30, 6, 6).bounds)], crs=GRID.crs
    )
    (core,) = body_cores(bodies, wet, GRID)  # nothing of the pond is 30 m from its bank
    assert core.reach_id == "lake" and set(core.rows) <= set(range(8, 22))
    assert body_cores(bodies.iloc[:0], wet, GRID) == []


def dates(values, chlorophyll=10.0, body="W-1", n_pixels=100):
    n = len(values)
    return pd.DataFrame(
        {
            "body_id": body,
            "period": "2024",
            "day": [f"2024-05-{k + 1:02d}" for k in range(n)],
            "platform": "sentinel-2a",
            "n_pixels": n_pixels,
            "turbidity_fnu": np.asarray(values, float),
            "chlorophyll_mg_m3": chlorophyll,
            "reason": "",
        }
    ).astype(SCORES)


def test_a_season_is_summed_up():
    row = summarise_bodies(dates([5, 6, 7, 8, 9, 10, np.nan, np.nan])).iloc[0]
    assert row.turbidity_fnu == 7.5 and row.turbidity_fnu_p10 == pytest.approx(5.5) and row.turbidity_fnu_p90 == pytest.approx(9.5)
    assert (row.n_dates, row.turbidity_fnu_dates, row.assessable_share) == (8, 6, 0.75)
    assert row.trophic_state == "lightly eutrophic" and row.reason == ""  # 10 (2.5 + 1.086 ln 10) = 50.006
    assert row.tli_chlorophyll == pytest.approx(50.006, abs=1e-3)


def test_tiles_of_a_day_are_averaged_by_their_pixels():
    both = pd.concat([dates([4] * 6, n_pixels=300), dates([8] * 6, n_pixels=100)])
    assert summarise_bodies(both).turbidity_fnu[0] == pytest.approx(5.0)


def test_few_dates_and_turbid_water_are_left_missing():
    few = summarise_bodies(dates([5] * 5)).iloc[0]
    assert np.isnan(few.turbidity_fnu) and "fewer than 6 dates" in few.reason and few.trophic_state == ""
    assert summarise_bodies(dates([50] * 8)).trophic_state[0] == ""


def test_trophic_index_golden():
    assert tli_chlorophyll(10.0) == pytest.approx(50.00607)  # 25 + 10.86 x 2.302585


def test_unscored_tiles_are_an_error(make_settings):
    made = make_settings()
    make_grid(made)
    with pytest.raises(TableError, match="not made yet") as fault:
        quality(made)
    assert "quality-scores" in fault.value.remedy


@pytest.mark.parametrize(
    ("chlorophyll", "state"),
    [
        # 10 (2.5 + 1.086 ln chl) is 29.97 and 30.04, 49.995 and 50.006, 59.96 and 60.04, 69.99 and 70.01; by Carlson's index 7.3 would be eutrophic
        (1.58, "oligotrophic"), (1.59, "mesotrophic"), (7.3, "mesotrophic"), (9.99, "mesotrophic"), (10.0, "lightly eutrophic"), (25.0, "lightly eutrophic"),
        (25.2, "moderately eutrophic"), (63.0, "moderately eutrophic"), (63.1, "highly eutrophic"), (0.0, ""), (np.nan, ""),
    ],
)  # fmt: skip
def test_trophic_states_turn_at_30_50_60_and_70(chlorophyll, state):
    assert trophic_state(chlorophyll) == state


@pytest.mark.parametrize(("turbidity_fnu", "told"), [(20.0, True), (20.1, False)])
def test_a_state_is_told_up_to_a_turbidity_of_twenty(turbidity_fnu, told):
    assert (summarise_bodies(dates([turbidity_fnu] * 6)).trophic_state[0] != "") == told


@pytest.mark.parametrize(("n_dates", "enough"), [(6, True), (5, False)])
def test_six_dates_are_a_season(n_dates, enough):
    assert np.isfinite(summarise_bodies(dates([8.0] * n_dates)).turbidity_fnu[0]) == enough


@pytest.mark.parametrize(("n_clear", "enough"), [(20, True), (19, False)])
def test_twenty_clear_pixels_speak_for_a_body(n_clear, enough):
    clear = np.zeros(GRID.shape, bool)
    clear[CORE.rows[:n_clear], CORE.cols[:n_clear]] = True
    refl = np.broadcast_to(LAKE.astype("float32")[:, None, None], (7, *GRID.shape))
    assert (score_body(CORE, refl, clear, NOTHING_AROUND, "sentinel-2a", 0.025) is not None) == enough


def test_months_by_hand_with_the_official_class():
    """May of a watched lake: 4, 6 and 8 FNU on three days. June: one day, too few. A body of the run's own has no official class."""
    june = dates([5], body="place:East Lake").assign(day="2024-06-01")
    table = summarise_months(
        pd.concat([dates([4, 6, 8], body="place:East Lake"), june, dates([4, 6], body="W-1")]), {("East Lake", "2024-05"): 3, ("W-1", "2024-05"): 4}
    )
    rows = table.set_index(["body_id", "month"])
    may, one, own = (rows.loc[key] for key in (("place:East Lake", "2024-05"), ("place:East Lake", "2024-06"), ("W-1", "2024-05")))
    assert (may.turbidity_fnu, may.turbidity_fnu_dates, may.official_class, may.trophic_state, may.reason) == (6, 3, 3, "lightly eutrophic", "")
    assert np.isnan(one.turbidity_fnu) and one.reason == "fewer than 2 dates with a value" and one.trophic_state == "" and np.isnan(one.official_class)
    assert own.turbidity_fnu == 5 and np.isnan(own.official_class)
    assert summarise_months(dates([]), {}).empty


def test_turbid_months_have_no_trophic_state():
    row = summarise_months(dates([50, 60]), {}).iloc[0]
    assert row.turbidity_fnu == 55 and np.isnan(row.tli_chlorophyll) and row.trophic_state == ""


def write_waters(folder, names=("East Lake", "East Lake", "Gate"), kinds=("lake", "lake", "section")):
    boxes = [shapely.box(115.0 + i, 38.0, 115.5 + i, 38.5) for i in range(len(names))]
    gpd.GeoDataFrame({"name": list(names), "kind": list(kinds)}, geometry=boxes, crs=4326).to_file(folder / "waters.gpkg")
    return {"tables": {"waters": str(folder / "waters.gpkg")}}


def test_watched_waters_of_one_name_are_one(make_settings, tmp_path):
    found = watched_waters(make_settings(**write_waters(tmp_path)))
    assert found.body_id.tolist() == ["place:East Lake", "place:Gate"] and found.kind.tolist() == ["lake", "section"]
    assert found.geometry.area.tolist() == pytest.approx([0.5, 0.25])
    assert watched_waters(make_settings()).empty


@pytest.mark.parametrize(
    ("names", "kinds", "told"), [(("A", None), ("lake", "lake"), "feature 2 has no name"), (("A", "B"), ("lake", "pond"), "unknown kind 'pond'")]
)
def test_a_water_without_a_name_and_one_of_another_kind_are_refused(make_settings, tmp_path, names, kinds, told):
    with pytest.raises(ConfigError, match=told):
        watched_waters(make_settings(**write_waters(tmp_path, names, kinds)))


def test_official_classes_are_read_as_they_are_written(tmp_path):
    (tmp_path / "classes.csv").write_text("name,month,class\nEast Lake,2024-7,III\nEast Lake,2024/08,劣V\nGate,2024-07,4\n", "utf-8")
    assert read_water_classes(tmp_path / "classes.csv") == {("East Lake", "2024-07"): 3, ("East Lake", "2024-08"): 6, ("Gate", "2024-07"): 4}
    assert read_water_classes(None) == {}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Gate,2024-13,3", "is no month"),
        ("Gate,July,3", "is no month"),
        ("Gate,2024-07,7", "unknown class '7'"),
        ("Gate,2024-07,3\nGate,2024-07,3", "a second class"),
    ],
)
def test_a_class_that_cannot_be_is_told_with_its_row(tmp_path, row, told):
    (tmp_path / "classes.csv").write_text(f"name,month,class\n{row}\n", "utf-8")
    with pytest.raises(TableError, match=told):
        read_water_classes(tmp_path / "classes.csv")


def water_rows(*rows):
    """(km2, chlorophyll index or NaN, state) of each body."""
    return pd.DataFrame({"area_m2": [1e6 * r[0] for r in rows], "tli_chlorophyll": [r[1] for r in rows], "trophic_state": [r[2] for r in rows]})


def trophic_level(make, table):
    return estimate_indicator(INDICATORS["water_trophic_level"], make.facts(quality=table))


def test_trophic_level_of_a_unit_by_hand(make):
    """3 km2 of 40 and 1 km2 of 60 are 45; 1 km2 is too turbid to tell. No interval: nothing has measured its error."""
    got = trophic_level(make, water_rows((3, 40.0, "mesotrophic"), (1, 60.0, "lightly eutrophic"), (1, np.nan, "")))
    assert got.interval.value == pytest.approx(45) and got.interval.kind == "" and got.observed_fraction == pytest.approx(0.8)
    assert got.reason.startswith("mesotrophic 3 km2, lightly eutrophic 1 km2; chlorophyll by a formula of other waters, not tested on real ground")


@pytest.mark.parametrize(
    ("table", "status", "reason"),
    [
        (None, "insufficient_data", "no table of water quality"), (water_rows(), "no_target", "no water body of the size that is counted"),
        (water_rows((1, np.nan, "")), "insufficient_data", "too little water that is clear enough"), (water_rows((1, 40.0, "mesotrophic"), (1.1, np.nan, "")), "insufficient_data", "too little water"),
    ],
)  # fmt: skip
def test_why_there_is_no_trophic_level(make, table, status, reason):
    got = trophic_level(make, table)
    assert got.interval is None and got.status == status and reason in got.reason


def test_quality_is_joined_to_bodies_of_the_period(tmp_path):
    """A body without a row of quality stays, unknown; a small one, and the other year's row, do not count."""
    bodies = pd.DataFrame({"body_id": ["W-1", "W-2", "W-3"], "period": "2024", "adcode": "1", "area_m2": [4e4, 5e4, 1e2], "large": [True, True, False]})
    rows = pd.DataFrame(
        {"body_id": ["W-1", "W-1", "W-3"], "period": ["2024", "2023", "2024"], "tli_chlorophyll": [45.0, 70.0, 50.0], "trophic_state": "mesotrophic"}
    )
    rows.to_parquet(tmp_path / "quality.parquet")
    found = read_quality(tmp_path / "quality.parquet", bodies)
    assert found.body_id.tolist() == ["W-1", "W-2"] and found.tli_chlorophyll[0] == 45.0 and np.isnan(found.tli_chlorophyll[1])
    assert read_quality(tmp_path / "none.parquet", bodies) is None and read_quality(tmp_path / "quality.parquet", None) is None
