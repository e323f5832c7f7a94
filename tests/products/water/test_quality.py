"""Proxies of water quality: which pixels, which dates, which platforms, and what is left missing."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rs_kernels.water_quality import NIR_859_PER_833, secchi_depth, turbidity_dogliotti

from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.scoring import Core
from rs_pipeline.products.water.facts import read_quality
from rs_pipeline.products.water.indicators import OTHER_WATERS
from rs_pipeline.products.water.quality import (
    SCORES,
    bloom_grade,
    body_cores,
    quality,
    score_body,
    summarise_bodies,
    summarise_months,
    tli_chlorophyll,
    tli_sigma,
    trophic_state,
)
from rs_pipeline.products.water.watched import read_water_classes, watched_waters
from rs_pipeline.region import grid as make_grid

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_301_000.0, 40, 40)
NOTHING_AROUND = np.full(7, np.nan)
LASTING = np.full(GRID.shape, True)
LAKE = np.array([0.03, 0.05, 0.03, 0.033, 0.008, 0.0, 0.0])
CORE = Core("W-1", np.inf, *np.nonzero(np.ones((6, 6), bool)))


def score(spectrum=LAKE, platform="sentinel-2a", clear=True, around=NOTHING_AROUND):
    refl = np.broadcast_to(np.asarray(spectrum, "float32")[:, None, None], (7, *GRID.shape))
    return score_body(CORE, refl, np.full(GRID.shape, clear), LASTING, around, platform, 0.025)


def test_a_lake_by_hand():
    """Red 0.03: turbidity by red alone. NDCI = 0.003 / 0.063: 14.039 + 86.115 x 0.04762 + 194.325 x 0.04762^2 = 18.58."""
    row = score()
    assert row["turbidity_fnu"] == pytest.approx(8.3739, rel=1e-4)
    assert row["chlorophyll_mg_m3"] == pytest.approx(18.580, rel=1e-3)
    assert row["transparency_m"] == pytest.approx(secchi_depth(0.021, 0.03, 0.05, 0.03), rel=1e-5) == pytest.approx(0.850, abs=1e-3)
    assert row["floating_share"] == 0 and row["n_pixels"] == 36 and row["reason"] == ""


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


def test_what_floats_is_a_share_of_the_clear_water_also_on_dates_without_other_values():
    """Nine of 36 pixels carry plants: the middle of the water is as before. With plants everywhere there is a share and nothing else."""
    refl = np.array(np.broadcast_to(LAKE.astype("float32")[:, None, None], (7, *GRID.shape)))
    refl[:, :3, :3] = np.array([0.02, 0.05, 0.03, 0.09, 0.28, 0.05, 0.02])[:, None, None]
    clear = np.full(GRID.shape, True)
    row = score_body(CORE, refl, clear, LASTING, NOTHING_AROUND, "sentinel-2a", 0.025)
    assert row["floating_share"] == 0.25 and row["turbidity_fnu"] == pytest.approx(8.3739, rel=1e-4)
    covered = score([0.02, 0.05, 0.03, 0.09, 0.28, 0.02, 0.02])
    assert covered["floating_share"] == 1 and covered["reason"] == "plants" and np.isnan(covered["transparency_m"])


@pytest.mark.parametrize(("n_lasting", "share"), [(20, 0.0), (19, np.nan)])
def test_a_dry_paddy_is_no_bloom(n_lasting, share):
    """Seasonal water is green when it is dry: it is left out; below twenty pixels of permanent water nothing is told."""
    refl = np.array(np.broadcast_to(LAKE.astype("float32")[:, None, None], (7, *GRID.shape)))
    lasting = np.full(GRID.shape, False)
    lasting[CORE.rows[:n_lasting], CORE.cols[:n_lasting]] = True
    refl[:, ~lasting] = np.array([0.02, 0.05, 0.03, 0.09, 0.28, 0.05, 0.02])[:, None]
    row = score_body(CORE, refl, np.full(GRID.shape, True), lasting, NOTHING_AROUND, "sentinel-2a", 0.025)
    assert row["floating_share"] == pytest.approx(share, nan_ok=True) and row["n_lasting"] == n_lasting


@pytest.mark.parametrize(("n_clear", "told"), [(32, True), (31, False)])
def test_half_of_the_water_must_be_clear_to_tell_what_floats(n_clear, told):
    core = Core("W-1", np.inf, *np.nonzero(np.ones((8, 8), bool)))
    clear = np.zeros(GRID.shape, bool)
    clear[core.rows[:n_clear], core.cols[:n_clear]] = True
    refl = np.broadcast_to(LAKE.astype("float32")[:, None, None], (7, *GRID.shape))
    row = score_body(core, refl, clear, LASTING, NOTHING_AROUND, "sentinel-2a", 0.025)
    assert np.isfinite(row["floating_share"]) == told and np.isfinite(row["turbidity_fnu"])


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


def dates(values, chlorophyll=10.0, body="W-1", n_pixels=100, floating=0.0):
    n = len(values)
    return pd.DataFrame(
        {
            "body_id": body,
            "period": "2024",
            "day": [f"2024-05-{k + 1:02d}" for k in range(n)],
            "platform": "sentinel-2a",
            "n_pixels": n_pixels,
            "n_lasting": n_pixels,
            "lasting_m2": 100.0 * n_pixels,
            "turbidity_fnu": np.asarray(values, float),
            "chlorophyll_mg_m3": chlorophyll,
            "transparency_m": 1.0,
            "floating_share": floating,
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
    assert (score_body(CORE, refl, clear, LASTING, NOTHING_AROUND, "sentinel-2a", 0.025) is not None) == enough


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


@pytest.mark.parametrize(
    ("share", "grade"),
    [
        (0.0, "no bloom"), (1e-6, "no evident bloom"), (0.0999, "no evident bloom"), (0.10, "light bloom"), (0.2999, "light bloom"), (0.30, "moderate bloom"),
        (0.5999, "moderate bloom"), (0.60, "severe bloom"), (1.0, "severe bloom"), (np.nan, ""),
    ],
)  # fmt: skip
def test_bloom_grades_turn_at_10_30_and_60_percent(share, grade):
    assert bloom_grade(share) == grade


def test_what_floats_in_a_month_by_hand():
    """On three days 0, 20 and 40 % of 1 ha: the median is 20 %, the most 40 %, 0.4 ha, a moderate bloom if all of it is algae. One date is none."""
    row = summarise_months(dates([5, 5, 5], floating=[0.0, 0.2, 0.4]), {}).iloc[0]
    assert (row.floating_share, row.floating_share_max, row.floating_max_m2, row.bloom_grade) == (0.2, 0.4, 4000.0, "moderate bloom")
    assert row.transparency_m == 1.0 and row.transparency_m_dates == 3
    one = summarise_months(dates([5, 5], floating=[0.4, np.nan]), {}).iloc[0]
    assert np.isnan(one.floating_share_max) and np.isnan(one.floating_max_m2) and one.bloom_grade == ""


def test_tiles_and_platforms_of_a_day_do_not_count_twice_as_water():
    """Two tiles of 3 ha and 1 ha, the first seen again by another platform: 4 ha of water, a quarter of which carries plants on one day."""
    big, small = (dates([5, 5], n_pixels=n, floating=f) for n, f in ((300, [0.0, 0.0]), (100, [0.0, 1.0])))
    again = big.iloc[:1].assign(platform="landsat-8")
    row = summarise_months(pd.concat([big, small, again]), {}).iloc[0]
    assert row.floating_share_max == 0.25 and row.floating_max_m2 == 10_000


def test_scatter_of_dates_by_hand():
    """Chlorophyll 5 to 20 on nine dates: 10.86 x 1.3863 x 1.2533 / (2.563 x 3). Dates that agree have none."""
    assert tli_sigma(5.0, 20.0, 9) == pytest.approx(2.4540, abs=1e-4)
    assert summarise_bodies(dates([5] * 6)).tli_sigma[0] == 0
    assert np.isnan(summarise_bodies(dates([50] * 6)).tli_sigma[0])


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


def water_rows(*rows, sigma=0.0):
    """(km2, chlorophyll index or NaN, state) of each body."""
    columns = {"area_m2": [1e6 * r[0] for r in rows], "tli_chlorophyll": [r[1] for r in rows], "trophic_state": [r[2] for r in rows]}
    return pd.DataFrame(columns).assign(tli_sigma=sigma)


def trophic_level(make, table):
    return estimate_indicator(INDICATORS["water_trophic_level"], make.facts(quality=table))


def test_trophic_level_of_a_unit_by_hand(make):
    """3 km2 of 40 and 1 km2 of 60 are 45, all seen. The formula's error is 10.86 x 2.302585 x 0.30 = 7.502, 14.70 at 95 %."""
    got = trophic_level(make, water_rows((3, 40.0, "mesotrophic"), (1, 60.0, "lightly eutrophic")))
    assert got.interval.value == pytest.approx(45) and got.interval.kind == "model95" and got.observed_fraction == 1
    assert got.interval.bounds == pytest.approx((45 - 14.703, 45 + 14.703), abs=2e-3)
    assert got.reason == "mesotrophic 3 km2, lightly eutrophic 1 km2; " + OTHER_WATERS


def test_scatter_of_dates_averages_out_over_waters_and_the_error_of_the_formula_does_not(make):
    """Two equal waters of 10 each: sqrt(2 x 5^2) = 7.07 beside 7.502."""
    got = trophic_level(make, water_rows((1, 40.0, "mesotrophic"), (1, 40.0, "mesotrophic"), sigma=10.0))
    assert got.interval.upper - 40 == pytest.approx(1.959964 * np.hypot(7.0711, 7.5018), rel=1e-3)


def test_waters_that_are_too_turbid_widen_the_trophic_level(make):
    """A fifth is not seen: scaled. Three tenths: the bounds are those of the unseen part at 0 and 100."""
    scaled = trophic_level(make, water_rows((3, 40.0, "mesotrophic"), (1, 60.0, "lightly eutrophic"), (1, np.nan, "")))
    assert scaled.interval.kind == "model95" and scaled.interval.lower < 45 - 14.71 and "scaled to the whole" in scaled.reason
    bounds = trophic_level(make, water_rows((7, 40.0, "mesotrophic"), (3, np.nan, ""))).interval
    assert bounds.kind == "range" and bounds.bounds == pytest.approx((0.7 * (40 - 14.703), 0.7 * (40 + 14.703) + 30), abs=3e-3)


def test_a_trophic_level_stays_on_its_scale(make):
    assert trophic_level(make, water_rows((1, 5.0, "oligotrophic"))).interval.lower == 0


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
        {
            "body_id": ["W-1", "W-1", "W-3"],
            "period": ["2024", "2023", "2024"],
            "tli_chlorophyll": [45.0, 70.0, 50.0],
            "tli_sigma": 1.0,
            "trophic_state": "mesotrophic",
        }
    )
    rows.to_parquet(tmp_path / "quality.parquet")
    found = read_quality(tmp_path / "quality.parquet", bodies)
    assert found.body_id.tolist() == ["W-1", "W-2"] and found.tli_chlorophyll[0] == 45.0 and np.isnan(found.tli_chlorophyll[1])
    assert read_quality(tmp_path / "none.parquet", bodies) is None and read_quality(tmp_path / "quality.parquet", None) is None
