"""The land classifier on pixels made by hand, what is missing, and its file."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rs_pipeline import region
from rs_pipeline.config import LandSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from rs_pipeline.products.land import step as module
from rs_pipeline.products.land.areas import AREAS, area_layers, patches_sd
from rs_pipeline.products.land.classes import SHARES, Land
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.land.model import GROUPS, LandModel, inputs, land_model, softmax
from rs_pipeline.products.seasons import SEASONS, STATISTICS, SeasonStatistics
from rs_pipeline.training.land import agreement, land_loss

SOIL = (0.09, 0.125, 0.165, 0.185, 0.225, 0.30, 0.26)
GREEN = (0.025, 0.055, 0.03, 0.10, 0.42, 0.19, 0.09)
DRY = (0.06, 0.09, 0.11, 0.14, 0.21, 0.24, 0.18)
WATER = (0.05, 0.06, 0.045, 0.04, 0.02, 0.01, 0.008)
HOUSES = (0.115, 0.125, 0.135, 0.145, 0.165, 0.19, 0.17)
LEAFLESS, LEAVES = (0.05, 0.07, 0.09, 0.11, 0.17, 0.20, 0.15), (0.022, 0.046, 0.026, 0.085, 0.36, 0.15, 0.07)


def pixel(seasons, extremes, vv_vh_cold=(-12.5, -20.0), vv_vh_warm=(-11.0, -17.0)):
    """Statistics (F, 1) of spectra by season (winter, spring, early summer, summer, autumn) and (NDVI, MNDWI) extremes."""
    return np.array([v for s in seasons for v in s] + list(extremes) + [*vv_vh_cold, *vv_vh_warm], "float32")[:, None]


BY_HAND = {
    Land.WATER: pixel([WATER] * 5, (-0.5, -0.3, 0.6, 0.8), (-21.0, -24.5), (-21.0, -24.5)),
    Land.CROPLAND: pixel([DRY, GREEN, SOIL, GREEN, SOIL], (0.16, 0.86, -0.55, -0.40)),
    Land.BUILT: pixel([HOUSES] * 5, (0.08, 0.12, -0.22, -0.19), (-4.5, -11.5), (-4.5, -11.5)),
    Land.TREE: pixel([LEAFLESS, LEAFLESS, LEAVES, LEAVES, LEAVES], (0.28, 0.87, -0.55, -0.45), (-12.0, -19.0), (-9.8, -15.8)),
}


@pytest.mark.parametrize("land", BY_HAND)
def test_pixels_made_by_hand(land):
    shares = land_model().shares(BY_HAND[land])[:, 0]
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert Land(int(shares.argmax()) + 1) == land


def test_a_season_the_red_edge_or_the_radar_may_be_missing():
    model = land_model()
    for group in GROUPS.values():
        values = BY_HAND[Land.CROPLAND].copy()
        values[list(group)] = np.nan
        shares = model.shares(values)[:, 0]
        assert np.isfinite(shares).all() and shares.argmax() + 1 == Land.CROPLAND


def test_inputs_by_hand():
    values = np.full((len(STATISTICS), 1), np.nan, "float32")
    values[0], values[35] = math.e**-2, 0.5
    got = inputs(values, np.full(len(STATISTICS), -1.0), np.full(len(STATISTICS), 2.0))[:, 0]
    assert got[0] == pytest.approx((-2 + 1) / 2) and got[35] == pytest.approx((0.5 + 1) / 2)
    assert not got[1:35].any() and len(got) == len(STATISTICS) + len(GROUPS)
    # the winter has one band left and so is no missing group; all others are
    assert got[len(STATISTICS) :].tolist() == [0] + [1] * (len(GROUPS) - 1)


def test_the_answer_of_a_pixel_does_not_depend_on_its_neighbours():
    many = np.concatenate(list(BY_HAND.values()), axis=1)
    alone = np.concatenate([land_model().shares(v) for v in BY_HAND.values()], axis=1)
    np.testing.assert_allclose(land_model().shares(many), alone, atol=1e-6)


def features(values, dates):
    shape = values.shape[1], 1
    return SeasonStatistics(
        values[:, :, None], np.array(dates, "int64").reshape(len(SEASONS), *shape), np.full((2, *shape), np.nan, "float32"), np.zeros(shape, "int64")
    )


def test_few_dates_or_few_seasons_are_missing_not_bare():
    values = np.repeat(BY_HAND[Land.WATER], 3, axis=1)
    got = module.land_layers(land_model(), features(values, [[2, 2, 9], [2, 2, 9], [2, 2, 9], [2, 1, 0], [0, 0, 0]]), LandSection())
    assert got["class"][:, 0].tolist()[0] == Land.WATER and np.isnan(got["class"][1:]).all()  # 8, 7 dates; 27 dates in 3 seasons
    assert all(np.isnan(got[name][1:]).all() for name in ("confidence", *SHARES))
    assert got["n_dates"][:, 0].tolist() == [8, 7, 27]
    assert got["confidence"][0, 0] == max(got[name][0, 0] for name in SHARES)


def test_a_tile_without_scenes_is_missing(make_settings, monkeypatch):
    settings = make_settings()
    region.grid(settings)
    monkeypatch.setattr(module, "load_chips", lambda *_: [])
    module.land(settings, "r000c000", "2024")
    import rasterio

    with rasterio.open(Layout(settings.root).tile_map("2024", "r000c000", LAND)) as src:
        bands = dict(zip(src.descriptions, src.read(), strict=True))
        assert src.tags()["CLASSIFIER"] == "trained on simulated worlds and real pixels"
    assert np.isnan(bands["class"]).all() and (bands["n_dates"] == 0).all()


def test_the_file_round_trips_and_a_foreign_one_is_refused(tmp_path):
    path, model = tmp_path / "land.json", land_model()
    path.write_text(model.to_json())
    again = LandModel.read(path)
    np.testing.assert_allclose(again.weights, model.weights, rtol=1e-5)
    assert again.to_json() == model.to_json() and again.temperature == model.temperature
    path.write_text(model.to_json().replace('["water","wetland"', '["water","swamp"', 1))
    with pytest.raises(ConfigError, match="other classes or features") as fault:
        LandModel.read(path)
    assert "rs_pipeline.training.land" in fault.value.remedy and str(path) in fault.value.where
    with pytest.raises(ConfigError, match="cannot be read"):
        LandModel.read(tmp_path / "absent.json")


def test_the_report_tells_simulated_from_real_and_names_development_seeds():
    report = LandModel.read(config_folder() / "land.json").report
    assert report["kind"].startswith("simulated") and all(1 <= int(w.rpartition("-")[2]) <= 99 for w in report["worlds"])
    assert set(report["classes"]) == set(AREAS)
    assert all({"n", "users", "producers", "f1", "taken_for"} == set(row["real"]) for row in report["classes"].values())


def test_real_pixels_by_source_left_out_clear_the_gate():
    """Networks trained without a source read it: WorldCereal's public extractions, LUCAS and Flanders' fields, and measured soils and roofs."""
    real = land_model().report["real"]
    labelled, ground = real["labelled"], real["spectra"]
    assert labelled["n"] == 628 and labelled["kappa"] >= 0.40 and labelled["calibration_error"] <= 0.08
    assert labelled["right_when_sure"] >= 0.85 and labelled["sure_share"] > 0.2
    assert labelled["classes"]["cropland"]["f1"] >= 0.75 and ground["classes"]["bare"]["f1"] >= 0.55


def test_temperature_makes_less_sure_and_keeps_the_class():
    model, values = land_model(), np.concatenate(list(BY_HAND.values()), axis=1)
    sure, unsure = (replace(model, temperature=t).shares(values) for t in (1.0, 2.0))
    assert (sure.argmax(axis=0) == unsure.argmax(axis=0)).all() and (sure.max(axis=0) > unsure.max(axis=0)).all()


def test_deviation_of_patches_by_hand():
    # all pixels half one thing: p (1 - p) = .25; 4 patches of 300 m: .5 / sqrt(4); less than a patch is one
    assert patches_sd(0.25, 4 * 300.0**2) == pytest.approx(0.25) and patches_sd(0.25, 100.0) == 0.5
    assert patches_sd(0.0, 100.0) == 0 and math.isnan(patches_sd(0.1, 0.0))


def test_area_layers_by_hand():
    shares = np.zeros((7, 1, 2), "float32")
    shares[:, 0, 0] = [0, 0, 0, 0.3, 0, 0.5, 0.2]
    shares[:, 0, 1] = np.nan
    got = area_layers(shares)
    assert got["disturbed"][0, 0] == pytest.approx(0.7) and got["disturbed_uncertain"][0, 0] == pytest.approx(0.21)
    assert got["natural"][0, 0] == pytest.approx(0.3) and got["built_uncertain"][0, 0] == pytest.approx(0.25)
    assert all(np.isnan(layer[0, 1]) for layer in got.values())


def test_agreement_by_hand():
    # two pixels called water, of which one and a half are; one called built that is half water
    found = np.zeros((7, 3))
    found[0, :2], found[5, 2] = 1, 1
    true = np.zeros((7, 3))
    true[0], true[2, 1], true[5, 2] = [1, 0.5, 0.5], 0.5, 0.5
    got = agreement(found, true)
    assert got["water"] == {"users": 0.75, "producers": 0.75, "f1": 0.75}
    assert got["built"] == {"users": 0.5, "producers": 1.0, "f1": round(2 / 3, 4)}


def test_the_gradient_of_the_loss_is_that_of_differences():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 20)).astype("float32"), softmax(rng.normal(size=(7, 20))).astype("float32")
    flat = rng.normal(0, 0.5, 2 * 3 + 2 + 7 * 2 + 7)
    _, gradient = land_loss(flat, x, y, 2)
    for i in range(0, flat.size, 4):
        step = np.zeros(flat.size)
        step[i] = 1e-2
        slope = (land_loss(flat + step, x, y, 2)[0] - land_loss(flat - step, x, y, 2)[0]) / 2e-2
        assert gradient[i] == pytest.approx(slope, abs=2e-4)
