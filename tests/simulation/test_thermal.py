"""Temperatures of the simulated worlds: what is warm, what the product adds, and the truth beside them."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from rs_kernels.heat import ERROR_STEP_K, kelvin

from rs_pipeline.model import THERMAL_BANDS
from rs_pipeline.simulation import scenes, stac
from rs_pipeline.simulation.materials import Material
from rs_pipeline.simulation.plan import ScenePlan
from rs_pipeline.simulation.thermal import mean_warmth
from rs_pipeline.simulation.world import make_world
from rs_pipeline.validation.heat import score_heat, true_anomaly
from rs_pipeline.validation.truth import Truth

JULY = ScenePlan(14, "landsat", "landsat-8", datetime(2025, 7, 28, 2, 44, tzinfo=UTC))


@pytest.fixture(scope="module")
def world():
    return make_world(3, (2025,), (180, 150))


@pytest.fixture(scope="module")
def views(world):
    return scenes.make_views(world, 2025, (30,))


def wholly(world, *materials: Material) -> np.ndarray:
    ground = world.landcover(2025)
    return sum(world.to_grid(world.fraction(ground, m)) for m in materials) == 1


def test_towns_are_warmer_than_fields_and_water_is_cooler(world, views):
    warmth = mean_warmth(world, 2025)
    town, field, sea = wholly(world, Material.BUILT), wholly(world, Material.WHEAT_MAIZE), wholly(world, Material.SEA)
    assert warmth[town].mean() > warmth[field].mean() + 1 > warmth[sea].mean() + 4
    seen = kelvin(scenes.render_landsat(world, views, JULY).rasters["thermal"][0].astype("float64"))
    assert 270 < np.percentile(seen, 1) < np.percentile(seen, 99) < 330


def test_clouds_are_cold_and_their_surroundings_uncertain(world, views):
    clear, cloudy = (scenes.render_landsat(world, views, replace(JULY, cloud_cover=c)).rasters for c in (0.0, 0.6))
    under = cloudy["mask"][0] == 22280
    assert np.median(kelvin(cloudy["thermal"][0][under])) < np.percentile(kelvin(clear["thermal"][0]), 1)
    assert np.median(cloudy["thermal_error"][0][under]) * ERROR_STEP_K > 3 > np.median(clear["thermal_error"][0]) * ERROR_STEP_K


def test_outside_the_swath_both_bands_are_fill_and_the_item_says_how_they_are_scaled(world, views):
    scene = scenes.render_landsat(world, views, replace(JULY, wedge=True))
    hole = scene.rasters["red"][0] == 0
    assert hole.any() and (scene.rasters["thermal"][0][hole] == 0).all() and (scene.rasters["thermal_error"][0][hole] == -9999).all()
    item = stac.make_item(JULY, scene, {role: f"{role}.tif" for role in ("red", "mask", *THERMAL_BANDS)})
    told = {key: item["assets"][key]["raster:bands"][0] for key in ("lwir11", "qa")}
    assert (told["lwir11"]["scale"], told["lwir11"]["offset"], told["lwir11"]["nodata"]) == (0.00341802, 149.0, 0)
    assert (told["qa"]["scale"], told["qa"]["nodata"], told["qa"]["data_type"]) == (0.01, -9999, "int16")


def test_the_truth_itself_has_no_error(tiny):
    truth = Truth(tiny / "truth")
    scores = {(s.metric, s.subset): s.value for s in score_heat(true_anomaly(truth, 2025), truth, 2025)}
    assert scores["rmse", "all"] == scores["bias", "all"] == 0 and scores["observed_share", "all"] == 100
    warmer = {(s.metric, s.subset): s.value for s in score_heat(true_anomaly(truth, 2025) + 2, truth, 2025, error_k=np.full(truth.grid.shape, 1, "float32"))}
    assert warmer["bias", "all"] == pytest.approx(2, abs=1e-5) and warmer["coverage", "pixel sigma"] == 0
