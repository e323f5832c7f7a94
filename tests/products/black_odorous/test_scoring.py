"""Evidence of a reach on a date: which pixels, which bands, which dates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.catalog import passes
from rs_pipeline.catalog.chips import Chip
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Scene
from rs_pipeline.products.black_odorous import scoring
from rs_pipeline.products.black_odorous.model import load_detector
from rs_pipeline.products.black_odorous.reaches import REACH_LINE_COLUMNS
from rs_pipeline.products.black_odorous.scoring import (
    SCORE_DTYPES,
    Core,
    blocked_by,
    core_pixels,
    open_water_swir,
    purest_half,
    score_date,
    score_reaches,
    surrounding_refl,
    without_air,
)
from rs_pipeline.radiometry.masks import QAFlag
from rs_pipeline.region import grid as make_grid
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_tiles

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_301_000.0, 60, 40)
SENTINEL = {"blue": 10, "green": 10, "red": 10, "nir": 10, "rededge1": 20, "swir1": 20, "swir2": 20}
LANDSAT = {role: 30 for role in ("blue", "green", "red", "nir", "swir1", "swir2")}
RULES = {"min_core_pixels": 3, "min_width_m": 30.0, "max_swir1_refl": 0.025}

# Reflectance in OPTICAL_BANDS: pi x Rrs of the check spectra of grey black-odorous and of clean water.
BLACK = np.pi * 1e-4 * np.array([57, 83, 106, 110, 61, 0, 0])
CLEAN = np.pi * 1e-4 * np.array([51, 67, 16, 10, 2, 0, 0])


def river(width_px=6, top=10, y_m=None):
    """A river across the map: its mask and its table with one reach of the left half and one of the right."""
    wet = np.zeros(GRID.shape, bool)
    wet[top : top + width_px] = True
    y = GRID.top - (top + width_px / 2) * 10 - 1
    lines = [shapely.LineString([(500_000, y), (500_300, y)]), shapely.LineString([(500_300, y), (500_600, y)])]
    return wet, gpd.GeoDataFrame({"reach_id": ["a", "b"], "kind": "river", "width_m": width_px * 10.0}, geometry=lines, crs=GRID.crs)


def image(spectrum):
    return np.broadcast_to(np.asarray(spectrum, "float32")[:, None, None], (7, *GRID.shape)).copy()


NOTHING_AROUND = np.full(7, np.nan)


def score(spectrum, *, width_px=6, native=SENTINEL, clear=True, open_swir=(np.nan, np.nan), refl=None, around=NOTHING_AROUND):
    wet, table = river(width_px)
    core = core_pixels(table, wet, GRID, 30.0)[0]
    refl = image(spectrum) if refl is None else refl
    return score_date(core, refl, np.full(GRID.shape, clear), np.array(open_swir), around, native, load_detector(), **RULES)


def test_core_is_a_pixel_away_from_the_bank_and_split_between_reaches():
    wet, table = river(6)
    a, b = core_pixels(table, wet, GRID, 30.0)
    assert (a.reach_id, b.reach_id) == ("a", "b")
    assert set(a.rows) == {11, 12, 13, 14}
    assert len(a.rows) + len(b.rows) == 4 * 60
    assert abs(a.cols.max() - b.cols.min()) <= 1


def test_a_marginal_channel_is_not_eroded_and_water_elsewhere_is_not_its_own():
    wet, table = river(2)
    wet[30:38, 10:18] = True  # a pond far from the river
    a, _ = core_pixels(table, wet, GRID, 30.0)
    assert set(a.rows) == {10, 11}


def test_black_and_clean_water():
    black, clean = score(BLACK), score(CLEAN)
    assert black["logit"] > 1 and clean["logit"] < -1
    assert black["n_core"] == 120 and black["rededge"] and black["veto"] == ""
    assert black["green_refl"] == pytest.approx(0.0261, abs=1e-4)


def test_the_grey_residual_of_the_core_is_removed():
    hazy = score(BLACK + 0.012)
    assert hazy["grey_refl"] == pytest.approx(0.012, abs=1e-6)
    assert hazy["logit"] == pytest.approx(score(BLACK)["logit"], abs=1e-3)


def test_dates_that_say_nothing():
    assert score(BLACK, clear=False) is None
    glint = score(BLACK + 0.03)
    assert glint["veto"] == "glint" and np.isnan(glint["logit"])


AROUND = np.array([0.05, 0.08, 0.09, 0.14, 0.26, 0.26, 0.16])


def test_what_the_surroundings_scatter_in_is_taken_away():
    """Black water beside bright land under haze: without the correction the date looks like clear water or glint."""
    seen = BLACK + 0.04 * (AROUND - BLACK) + 0.003
    water, grey, share = without_air(seen[None], seen[5:], AROUND)
    assert share == pytest.approx(0.04, abs=1e-3)
    assert grey == pytest.approx(0.003, abs=5e-4)
    assert water[0] == pytest.approx(BLACK, abs=6e-4)
    corrected = score(seen, around=AROUND)
    assert corrected["logit"] == pytest.approx(score(BLACK)["logit"], abs=0.3)
    assert corrected["surroundings_share"] == pytest.approx(0.04, abs=1e-3)


def test_surroundings_are_the_mean_of_clear_pixels_within_reach():
    refl, clear = np.full((7, 300, 300), 0.2), np.ones((300, 300), bool)
    refl[:, :, 150:] = 0.1  # two halves
    clear[:100] = False
    refl[:, :100] = 9.0  # cloud
    around = surrounding_refl(refl, clear, 10.0)
    assert around.shape == (7, 30, 30)
    assert around[0, 25, 2] == pytest.approx(0.2) and around[0, 25, 27] == pytest.approx(0.1)
    assert around[0, 20, 14] == pytest.approx((8 * 0.2 + 7 * 0.1) / 15)  # columns 7-21 of cells, of which 7-14 lie in the left half
    assert np.isnan(around[0, 0, 0])


def test_ice_and_shadow_over_most_of_a_core_are_named():
    core = Core("a", 60.0, np.arange(5), np.arange(5))
    qa = np.zeros((6, 6), "uint16")
    assert blocked_by(core, qa) is None
    qa[:3, :3] = QAFlag.SNOW
    assert blocked_by(core, qa)["veto"] == "ice"
    qa[:] = QAFlag.SHADOW_CONFIRMED | QAFlag.CLOUD
    assert blocked_by(core, qa)["veto"] == "shadow"
    qa[:] = QAFlag.CLOUD
    assert blocked_by(core, qa) is None


def test_bands_need_three_native_pixels_of_width():
    assert score(BLACK, width_px=6)["rededge"]
    assert not score(BLACK, width_px=5)["rededge"]
    assert score(BLACK, width_px=8, native=LANDSAT) is None
    assert score(BLACK, width_px=9, native=LANDSAT)["n_core"] > 0
    assert score(BLACK, width_px=2)["n_core"] > 0  # marginal: scored at 10 m
    assert score(BLACK, width_px=2, native=LANDSAT) is None


def test_the_purest_half_is_darkest_in_the_near_infrared():
    nir = np.array([0.3, 0.01, 0.2, 0.02, 0.1])
    spectra = np.tile(nir[:, None], 7)
    assert purest_half(spectra)[:, 4].tolist() == [0.01, 0.02, 0.1]  # of five, three
    assert purest_half(spectra[:2])[:, 4].tolist() == [0.01]


def test_the_banks_of_a_marginal_channel_do_not_shine_in():
    """One of two rows of pixels is half bank, with leaves: all pixels would look like plants, the purest half is the black water."""
    refl = image(BLACK)
    refl[:, 11] = 0.5 * BLACK[:, None] + 0.5 * np.array([0.03, 0.06, 0.04, 0.11, 0.38, 0.20, 0.10])[:, None]
    seen, pure = score(BLACK, width_px=2, refl=refl, open_swir=(0.0, 0.0)), score(BLACK, width_px=2, open_swir=(0.0, 0.0))
    assert seen["logit"] == pytest.approx(pure["logit"]) and seen["veto"] == "" and seen["n_core"] == 30


def test_log_odds_of_a_date_are_kept_unclipped():
    sediment = np.pi * 1e-4 * np.array([247, 424, 629, 623, 252, 0, 0])
    assert score(sediment)["logit"] < -4


def test_a_narrow_channel_takes_its_residual_from_open_water():
    banks_shine_in = BLACK.copy()
    banks_shine_in[5:] = 0.06
    assert score(banks_shine_in, width_px=4)["veto"] == "glint"
    seen = score(banks_shine_in, width_px=4, open_swir=(0.004, 0.003))
    assert seen["grey_refl"] == pytest.approx(0.003)
    assert score(banks_shine_in, width_px=6, open_swir=(0.004, 0.003))["veto"] == "glint"  # wide enough for its own


def test_missing_red_edge_is_not_used():
    refl = image(BLACK)
    refl[3] = np.nan
    seen = score(BLACK, refl=refl)
    assert not seen["rededge"] and np.isfinite(seen["logit"])


def test_open_water_needs_enough_pixels():
    refl, clear = image(CLEAN + 0.01), np.ones(GRID.shape, bool)
    place = np.zeros(GRID.shape, bool)
    place[0, :19] = True
    assert np.isnan(open_water_swir(refl, clear, place)).all()
    place[0, 19] = True
    assert open_water_swir(refl, clear, place) == pytest.approx([0.01, 0.01])


# --- the step, with invented chips -----------------------------------------------------------------------------------


def scene(day: date, sun=50.0) -> Scene:
    return Scene(
        scene_id=f"S2_{day}",
        key=f"S2_{day}",
        sensor="earth-search-sentinel-2-l2a",
        collection="sentinel-2-l2a",
        platform="sentinel-2a",
        datetime=datetime(day.year, day.month, day.day, 3, tzinfo=UTC),
        solar_day=day,
        processing_baseline="05.10",
        cloud_cover=1.0,
        sun_elevation_deg=sun,
        sun_azimuth_deg=150.0,
        scale=1e-4,
        offset=0.0,
        offset_decision="",
        offset_confidence="high",
        status="used",
        reason="",
    )


@pytest.fixture
def settings(make_settings, monkeypatch):
    """One tile of 1 km with a river of 60 m; scenes of May, June and January, and one in June with a low sun."""
    made = make_settings(grid={"crs": "EPSG:32650", "tile_px": 128, "margin_m": 100}, periods=[2024])
    make_grid(made)
    chips = [Chip(scene(d, s), {}) for d, s in [(date(2024, 1, 9), 30), (date(2024, 5, 9), 60), (date(2024, 6, 3), 60), (date(2024, 6, 9), 20)]]
    row_of_water = slice(50, 56)

    def water(_settings, _period, grid):
        wet = np.zeros(grid.shape, bool)
        wet[row_of_water] = True
        return wet

    def bands_of(_chip, grid):
        dn = np.full((7, *grid.shape), 3000, "uint16")
        dn[:, row_of_water] = np.maximum(BLACK * 1e4, 1)[:, None, None]
        return dn

    def qa(chip, grid, _masks, **_):
        return np.full(grid.shape, 2 if chip.scene.solar_day.month == 6 else 0, "uint16")

    monkeypatch.setattr(scoring, "load_chips", lambda *_: chips)
    monkeypatch.setattr(scoring, "read_bands", bands_of)
    monkeypatch.setattr(scoring, "read_water", water)
    monkeypatch.setattr(passes, "tile_flags", lambda chips, *_: [None] * len(chips))
    monkeypatch.setattr(passes, "scene_flags", qa)
    return made


def put_lines(settings, width_class="assessable"):
    tile = read_tiles(settings)[0]
    y = tile.grid.buffered(100).top - 531
    table = pd.DataFrame(
        {
            "reach_id": ["R-1"],
            "kind": "river",
            "adcode": "990101",
            "tile": tile.id,
            "length_m": 200.0,
            "width_m": 60.0,
            "width_class": width_class,
            "first_period": "2024",
        }
    )
    frame = gpd.GeoDataFrame(table, geometry=[shapely.LineString([(500_200, y), (500_400, y)])], crs="EPSG:32650")[list(REACH_LINE_COLUMNS)]
    write_parquet(frame, Layout(settings.root).reach_lines)
    return tile.id


def test_only_clear_dates_in_season_with_a_high_sun_are_scored(settings):
    tile = put_lines(settings)
    score_reaches(settings, tile, "2024")
    table = pd.read_parquet(Layout(settings.root).reach_scores("2024", tile))
    assert table.day.tolist() == ["2024-05-09"]
    assert table.reach_id.tolist() == ["R-1"] and table.period.tolist() == ["2024"]
    assert table.logit.iloc[0] > 1


def test_the_table_is_written_even_when_nothing_can_be_scored(settings):
    tile = put_lines(settings, "not_assessable")
    score_reaches(settings, tile, "2024")
    table = pd.read_parquet(Layout(settings.root).reach_scores("2024", tile))
    assert len(table) == 0 and list(table.columns) == list(SCORE_DTYPES)
