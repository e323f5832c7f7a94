"""The shipped detector on the check spectra, and training on small samples."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rs_kernels.black_odorous import spectra_evidence

from rs_pipeline.errors import ConfigError
from rs_pipeline.paths import config_folder
from rs_pipeline.products.black_odorous.model import load_detector
from rs_pipeline.training import black_odorous as training
from rs_pipeline.training import water_types

CASES = {
    # Rrs x 1e4 of Sentinel-2A B2, B3, B4, B5, B8
    "clean": (51, 67, 16, 10, 2), "mesotrophic": (69, 128, 62, 48, 11), "eutrophic": (83, 160, 113, 132, 34),
    "bloom": (84, 158, 115, 199, 63), "sediment": (247, 424, 629, 623, 252), "cdom_clean": (9, 21, 22, 18, 4),
    "bow_slight": (47, 89, 102, 105, 32), "bow_heavy": (10, 14, 19, 20, 13), "bow_grey": (57, 83, 106, 110, 61),
}  # fmt: skip
BLACK = ("bow_slight", "bow_heavy", "bow_grey")


@pytest.fixture(scope="module")
def model():
    return load_detector()


@pytest.mark.parametrize("rededge", [True, False])
def test_check_spectra(model, rededge):
    spectra = np.array(list(CASES.values())) * np.pi * 1e-4
    value, _ = spectra_evidence(spectra, np.zeros(len(spectra)), rededge, model.packed)
    score = dict(zip(CASES, value, strict=True))
    others = {c: v for c, v in score.items() if c not in BLACK and c != "cdom_clean"}
    assert max(others.values()) < -1
    assert min(score[c] for c in BLACK) > (0 if rededge else -0.5)  # without a red edge slight black water is a toss-up
    # clean marsh water is the confusion that colour cannot resolve: it scores below black water, but need not be negative
    assert score["cdom_clean"] < min(score[c] for c in BLACK)


def test_shipped_figures_are_simulated_and_beat_the_index(model):
    report = model.report
    assert report["kind"] == "simulated"
    s2, l8 = report["red_edge, sentinel-2a"], report["colour, landsat-8"]
    assert s2["auc"] > 0.975 and l8["auc"] > 0.955
    assert s2["ece"] < 0.03 and l8["ece"] < 0.03
    for figures in (s2, l8):
        assert figures["p_above_0.5"]["fpr"] < figures["boi_below_0.065"]["fpr"] / 3


def test_shipped_figures_can_be_measured_again(model):
    """Fresh spectra, other seed: within sampling noise of the file."""
    again = training.measure_detector(model, ["sentinel-2a"], True, 7, 400)
    shipped = model.report["red_edge, sentinel-2a"]
    assert again["auc"] == pytest.approx(shipped["auc"], abs=0.01)
    assert again["p_above_0.5"]["tpr"] == pytest.approx(shipped["p_above_0.5"]["tpr"], abs=0.04)


def test_training_repeats_itself_and_separates():
    first, second = (training.train_detector(150, seed=3) for _ in range(2))
    assert first.rededge.to_json() == second.rededge.to_json()
    assert training.measure_detector(first, ["sentinel-2a"], True, 4, 150)["auc"] > 0.93


def test_auc_and_calibration_by_hand():
    score, black = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True])
    assert training.auc(score, black) == 0.75  # of the four pairs only (2 black, 3 other) is out of order
    p, truth = np.array([0.25, 0.25, 0.85, 0.85]), np.array([False, True, True, True])
    assert training.calibration_error(p, truth) == pytest.approx((0.5 + 0.3) / 4)


def test_noise_model_leaves_the_mean_residual():
    flat = np.zeros((20_000, 7))
    seen = water_types.add_water_errors(flat, np.random.default_rng(0), land_share=1e-9)
    assert seen[:, 5].mean() == pytest.approx(0.004 + 0.004 * np.sqrt(2 / np.pi) * (1610 / 555) ** -1.3, abs=3e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.pop("colour"), "KeyError"),
        (lambda v: v["rededge"]["centre"].pop(), "ValueError"),
        (lambda v: v["rededge"]["spread"].__setitem__(0, 0.0), "spread must be positive"),
        (lambda v: v["colour"]["features"].__setitem__(0, "ndvi"), "made for the features"),
    ],
)
def test_a_damaged_model_is_refused(tmp_path, change, message):
    values = json.loads((config_folder() / "black_odorous.json").read_text("utf-8"))
    change(values)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(ConfigError, match=message) as fault:
        load_detector(path)
    assert "training" in fault.value.remedy


def test_a_missing_model_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the detector"):
        load_detector(tmp_path / "none.json")
