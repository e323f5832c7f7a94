"""Black-odorous baselines on a river that is black in its western half."""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pytest
import shapely

from benchmarks.baselines import black_odorous, run
from benchmarks.baselines.scenes import Stack
from rs_pipeline import region
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.storage.tables import write_parquet

BOX = {"990101": (500000, 4300000, 500640, 4300640)}
BLACK = (0.017, 0.020, 0.018, 0.010, 0.005, 0.004)
CLEAR = (0.030, 0.040, 0.025, 0.012, 0.006, 0.004)
FIELD = (0.030, 0.060, 0.040, 0.400, 0.200, 0.100)
N_DATES = 8


def river(grid):
    """bool (h, w): 60 m of water from west to east through the middle of the box."""
    northing = grid.top - (np.arange(grid.height) + 0.5) * grid.resolution_m
    return np.repeat(((northing > 4300290) & (northing < 4300350))[:, None], grid.width, axis=1)


def stack_on(grid, cloudy=False):
    wet = river(grid)
    west = np.arange(grid.width) * grid.resolution_m + grid.left < 500320
    refl = np.where(wet, np.where(west, np.array(BLACK)[:, None, None], np.array(CLEAR)[:, None, None]), np.array(FIELD)[:, None, None])
    dn = np.repeat(np.rint(refl * 1e4).astype("uint16")[None], N_DATES, axis=0)
    return Stack(
        grid,
        [date(2023, 5, 1) + timedelta(days=10 * t) for t in range(N_DATES)],
        dn,
        np.full((N_DATES, *grid.shape), 2 if cloudy else 0, "uint16"),
        np.full(N_DATES, 1e-4, "float32"),
        np.zeros(N_DATES, "float32"),
        np.full(N_DATES, 10.0, "float32"),
    )


@pytest.fixture
def settings(make_settings, monkeypatch):
    settings = make_settings(BOX, grid={"crs": "EPSG:32650", "tile_px": 128})
    region.grid(settings)
    halves = [shapely.LineString([(500000, 4300320), (500310, 4300320)]), shapely.LineString([(500330, 4300320), (500640, 4300320)])]
    lines = gpd.GeoDataFrame(
        {"reach_id": ["west", "east"], "kind": "river", "tile": "r000c000", "width_m": 60.0, "width_class": "assessable"}, geometry=halves, crs=32650
    )
    write_parquet(lines, Layout(settings.root).reach_lines)
    monkeypatch.setattr(black_odorous, "season", lambda s, tile, period: stack_on(tile.grid.buffered(s.grid.margin_m)))
    monkeypatch.setattr(black_odorous, "read_water", lambda s, period, grid: river(grid))
    return settings


def test_boi_flags_the_black_half_on_reaches_and_as_an_object(settings):
    evidence = black_odorous.gather(settings, "2023", ("boi", "ndbwi"))
    reaches = black_odorous.on_reaches(settings, evidence, "2023", "boi")
    assert reaches.assessed.all() and reaches.flagged.tolist() == [True, False]
    assert reaches.probability.tolist() == pytest.approx([1, 0], abs=0.07)
    objects = black_odorous.own_objects(settings, evidence, "2023", "boi").sort_values("flagged")
    assert objects.flagged.tolist() == [False, True] and objects.probability.tolist() == [0, 1]
    assert objects.area.iloc[1] == pytest.approx(60 * 320, abs=60 * 10)  # the run's grid begins within a pixel of the box
    # NDBWI of the black water is .053, of the clear .231: neither lies in 0.06-0.115.
    assert not black_odorous.own_objects(settings, evidence, "2023", "ndbwi").flagged.any()


def test_the_forest_is_asked_once_with_all_water_of_a_tile(settings):
    calls = []

    def forest(features):
        calls.append(features)
        return np.where(features[:, 1] < 0.03, 0.9, 0.1)

    evidence = black_odorous.gather(settings, "2023", ("random_forest",), forest)
    assert len(calls) == 1 and calls[0].shape[1] == 6 and calls[0][:, 4].max() < 0.01  # no field among them
    assert black_odorous.on_reaches(settings, evidence, "2023", "random_forest").flagged.tolist() == [True, False]


def test_under_cloud_nothing_is_assessed(settings, monkeypatch):
    monkeypatch.setattr(black_odorous, "season", lambda s, tile, period: stack_on(tile.grid.buffered(s.grid.margin_m), cloudy=True))
    evidence = black_odorous.gather(settings, "2023", ("boi",))
    reaches = black_odorous.on_reaches(settings, evidence, "2023", "boi")
    assert not reaches.assessed.any() and not reaches.flagged.any() and reaches.probability.isna().all()
    assert black_odorous.own_objects(settings, evidence, "2023", "boi").empty


def test_training_pixels_are_black_only_in_the_months_and_years_of_the_truth(settings, monkeypatch):
    black = gpd.GeoDataFrame({"years": ["2023"], "months": ["5;6"]}, geometry=[shapely.box(500000, 4300280, 500320, 4300360)], crs=32650)
    features, labels = black_odorous.training_pixels(settings, black)
    assert features.shape == (len(labels), 6) and set(labels) == {0, 1}
    # On May and June dates (7 of 8: 1 May ... 30 June) of 2023 the polygon is black: 8 rows of 32 pixels, banks included, 7 dates.
    # Both periods see the same dates here.
    assert (labels == 1).sum() == 2 * 8 * 32 * 7
    assert np.allclose(np.median(features[labels == 1], axis=0), BLACK, atol=1e-4)
    assert (features[labels == 0][:, 4] < 0.01).all()  # the rest is water, no field


def test_a_run_without_black_water_has_no_black_pixels(settings):
    assert set(black_odorous.training_pixels(settings, None)[1]) == {0}


def test_a_forest_needs_both_classes(tmp_path):
    with pytest.raises(ValueError, match="no pixels of black-odorous water"):
        black_odorous.fit_forest(np.zeros((3, 6)), np.zeros(3, int), tmp_path)


def test_the_runner_refuses_unknown_methods_and_a_forest_without_a_model(make_settings):
    with pytest.raises(ConfigError, match="no such baseline: magic"):
        run.run_baselines(make_settings(), None, ["mndwi", "magic"])
    with pytest.raises(ConfigError, match="random_forest has no model"):
        run.run_baselines(make_settings(), None, ["random_forest"])
