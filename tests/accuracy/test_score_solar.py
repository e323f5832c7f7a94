"""Scores of solar arrays on a drawn truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.accuracy.real_solar import alarm_rows, ground_rows, is_here, parana_rows
from benchmarks.accuracy.worlds import ARRAY_ERROR_WORLDS, ARRAY_WORLDS, DEVELOPMENT_SEEDS
from benchmarks.baselines.solar import by_index
from rs_pipeline.validation.solar import has_arrays, score_solar, true_panels

FINER = 4


def truth_of(panels: np.ndarray, number: int = 33) -> SimpleNamespace:
    """A truth whose painted map is four times finer than the 10 m grid."""
    fine = np.where(panels, number, 1).astype("uint8")

    def fine_mean(values: np.ndarray) -> np.ndarray:
        h, w = values.shape
        return values.reshape(h // FINER, FINER, w // FINER, FINER).mean(axis=(1, 3), dtype="float32")

    legend = {"wheat_maize": 1, "panels": 33}
    return SimpleNamespace(
        years=(2024,), legend=legend, landcover=lambda year: fine, fine_mean=fine_mean, once=lambda key, make: make(), grid=SimpleNamespace(resolution_m=10.0)
    )


@pytest.fixture
def drawn():
    """An array of 200 x 200 m with a lane of 10 m, and one of 120 x 120 m, in a field of 600 x 600 m."""
    panels = np.zeros((240, 240), bool)
    panels[20:100, 20:100] = True
    panels[56:60, 20:100] = False
    panels[140:188, 140:188] = True
    return truth_of(panels)


def scores(share, truth):
    return {(s.metric, s.subset): s.value for s in score_solar(np.asarray(share, "float32"), truth, 2024)}


def test_lanes_belong_to_an_array(drawn):
    assert true_panels(drawn, 2024).sum() == 400 + 144


def test_a_perfect_map(drawn):
    """But for the corners, which the median of neighbours loses: one pixel each."""
    found = scores(true_panels(drawn, 2024), drawn)
    assert found["f1", "arrays"] == found["recall", "arrays of 1-3 ha"] == found["recall", "arrays of 3-10 ha"] == found["precision", "all"] == 1
    assert found["area_bias", "all"] == pytest.approx(100 * -8 / 544) and found["false_alarms", "all"] == 0


def test_an_array_missed_and_one_invented(drawn):
    share = true_panels(drawn, 2024).copy()
    share[34:48, 34:48] = 0
    share[40:52, 5:17] = 1
    found = scores(share, drawn)
    assert found["recall", "arrays"] == found["precision", "arrays"] == found["f1", "arrays"] == 0.5
    assert found["false_alarms", "all"] == pytest.approx(1e6 * 140 / 3600) and found["precision", "all"] == pytest.approx(396 / 536)


def test_what_was_not_seen_is_not_wrong(drawn):
    share = np.where(true_panels(drawn, 2024) > 0, np.nan, 0)
    found = scores(share, drawn)
    assert np.isnan(found["recall", "all"]) and found["false_alarms", "all"] == 0


def test_a_world_without_arrays_is_not_scored():
    empty = truth_of(np.zeros((40, 40), bool))
    assert not has_arrays(empty) and score_solar(np.ones((10, 10), "float32"), empty, 2024) == []


def test_worlds_of_the_table_and_of_the_error_model():
    assert [r.held_out for r in ARRAY_WORLDS] == [False, True] and not any(r.sums_up for r in ARRAY_WORLDS)
    assert {r.seed for r in ARRAY_ERROR_WORLDS} <= set(DEVELOPMENT_SEEDS) and not {r.seed for r in ARRAY_WORLDS} & set(DEVELOPMENT_SEEDS)
    assert ARRAY_WORLDS[0].measured_with(("ndbi_dark", "wofs")) == ("ndbi_dark",)


def test_the_baseline_by_hand():
    array, soil, water = (0.07, 0.07, 0.08, 0.12, 0.17, 0.12), (0.09, 0.12, 0.16, 0.23, 0.30, 0.26), (0.06, 0.08, 0.07, 0.05, 0.025, 0.015)
    missing = (np.nan, *array[1:])
    assert by_index(np.array([array, soil, water, missing]).T[:, None]).tolist()[0] == pytest.approx([1, 0, 0, np.nan], nan_ok=True)


def test_false_alarms_of_the_report():
    report = {"real": {"one": {"n": 90, "called_arrays": 0}, "two": {"n": 10, "called_arrays": 1}, "spectra, bare": {"n": 50, "called_arrays": 5}}}
    assert {r["subset"]: r["value"] for r in alarm_rows(report)} == {"all sources": 0.01, "measured ground": 0.1, "one": 0, "two": 0.1, "spectra, bare": 0.1}


def test_hardly_any_real_ground_is_called_an_array(real_data):
    """Most that is called so: months of winter wheat with snow in them, wood and bark, single pixels of a river's banks; patches of none."""
    left_out = {r["subset"]: r["value"] for r in alarm_rows()}
    assert left_out["all sources"] <= 0.01 and left_out["measured ground"] <= 0.005
    alarms = {r["subset"]: r["value"] for r in parana_rows(real_data)}
    assert alarms["patches"] == 0 and alarms["single pixels"] < 2500
    if not is_here(real_data.parent / "real_ground"):
        pytest.skip("the folder of real ground is not here")
    ground = {r["subset"]: r["value"] for r in ground_rows(real_data.parent / "real_ground")}
    assert max(ground.values()) <= 0.12 and all(share == 0 for name, share in ground.items() if name.endswith("Berlin"))
