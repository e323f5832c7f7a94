"""Proxies of water quality: which pixels, which dates, which platforms, and what is left missing."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rs_kernels.water_quality import NIR_859_PER_833, turbidity_dogliotti

from rs_pipeline.errors import TableError
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.scoring import Core
from rs_pipeline.products.water.quality import (
    SCORES,
    body_cores,
    carlson_index,
    quality,
    score_body,
    summarise_bodies,
    trophic_state,
)
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
    bodies = gpd.GeoDataFrame({"body_id": ["lake", "pond"]}, geometry=[shapely.box(*GRID.window(5, 5, 20, 20).bounds), shapely.box(*GRID.window(30, 30, 6, 6).bounds)], crs=GRID.crs)
    (core,) = body_cores(bodies, wet, GRID)  # nothing of the pond is 30 m from its bank
    assert core.reach_id == "lake" and set(core.rows) <= set(range(8, 22))
    assert body_cores(bodies.iloc[:0], wet, GRID) == []


def dates(values, chlorophyll=10.0, body="W-1", n_pixels=100):
    n = len(values)
    return pd.DataFrame({
        "body_id": body, "period": "2024", "day": [f"2024-05-{k + 1:02d}" for k in range(n)], "platform": "sentinel-2a", "n_pixels": n_pixels,
        "turbidity_fnu": np.asarray(values, float), "chlorophyll_mg_m3": chlorophyll, "reason": "",
    }).astype(SCORES)  # fmt: skip


def test_a_season_is_summed_up():
    row = summarise_bodies(dates([5, 6, 7, 8, 9, 10, np.nan, np.nan])).iloc[0]
    assert row.turbidity_fnu == 7.5 and row.turbidity_fnu_p10 == pytest.approx(5.5) and row.turbidity_fnu_p90 == pytest.approx(9.5)
    assert (row.n_dates, row.turbidity_fnu_dates, row.assessable_share) == (8, 6, 0.75)
    assert row.trophic_state == "eutrophic" and row.reason == ""  # 9.81 ln 10 + 30.6 = 53.2


def test_tiles_of_a_day_are_averaged_by_their_pixels():
    both = pd.concat([dates([4] * 6, n_pixels=300), dates([8] * 6, n_pixels=100)])
    assert summarise_bodies(both).turbidity_fnu[0] == pytest.approx(5.0)


def test_few_dates_and_turbid_water_are_left_missing():
    few = summarise_bodies(dates([5] * 5)).iloc[0]
    assert np.isnan(few.turbidity_fnu) and "fewer than 6 dates" in few.reason and few.trophic_state == ""
    assert summarise_bodies(dates([50] * 8)).trophic_state[0] == ""


def test_trophic_index_golden():
    assert carlson_index(10.0) == pytest.approx(53.18835976227159)  # 9.81 x 2.302585 + 30.6


@pytest.mark.parametrize(("chl", "state"), [(2.6, "oligotrophic"), (2.7, "mesotrophic"), (7.3, "eutrophic"), (56.0, "hypereutrophic"), (0.0, "")])
def test_trophic_states_of_carlson(chl, state):
    """Chlorophyll of the bounds 40, 50 and 70: exp((TSI - 30.6) / 9.81) = 2.61, 7.23 and 55.5 mg/m3."""
    assert trophic_state(chl) == state


def test_unscored_tiles_are_an_error(make_settings):
    made = make_settings()
    make_grid(made)
    with pytest.raises(TableError, match="not made yet") as fault:
        quality(made)
    assert "quality-scores" in fault.value.remedy


@pytest.mark.parametrize(
    ("chlorophyll", "state"),
    [
        # 9.81 ln(chl) + 30.6 is 39.97 and 40.01, 49.98 and 50.02, 69.98 and 70.02
        (2.6, "oligotrophic"), (2.61, "mesotrophic"), (7.21, "mesotrophic"), (7.24, "eutrophic"), (55.4, "eutrophic"), (55.6, "hypereutrophic"), (0.0, ""),
    ],
)  # fmt: skip
def test_trophic_states_turn_at_40_50_and_70(chlorophyll, state):
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
