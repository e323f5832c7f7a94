"""How the weights of black-odorous reaches are learnt."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from benchmarks.accuracy import calibrate
from benchmarks.accuracy.calibrate import fit, left_out, measured, thinned, varied
from rs_pipeline.products.black_odorous.model import REACH_FEATURES, load_detector
from rs_pipeline.simulation import materials, plan, themes


def reaches(n=4000, seed=0):
    """Reaches of five worlds whose true log-odds are twice their ``run`` less one; nothing else tells."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, len(REACH_FEATURES))), columns=list(REACH_FEATURES))
    black = rng.random(n) < expit(2 * table.run - 1)
    return table.assign(black=black, world=[f"w{i % 5}" for i in range(n)], n_dates=12, width_m=40.0)


def test_the_fit_finds_the_weights():
    model = fit(reaches())
    weight = dict(zip(model.features, model.weight / model.spread, strict=True))
    assert weight.pop("run") == pytest.approx(2, abs=0.2) and max(map(abs, weight.values())) < 0.2
    assert model.log_odds(pd.DataFrame(np.zeros((1, len(REACH_FEATURES))), columns=list(REACH_FEATURES)))[0] == pytest.approx(-1, abs=0.2)


def test_reaches_with_fewer_than_three_dates_are_neither_fitted_nor_called():
    table = reaches(500)
    table.loc[:99, "n_dates"] = 2
    table.loc[:99, "black"] = True  # would move the fit
    assert fit(table).intercept == fit(table[100:]).intercept
    assert np.flatnonzero(np.isnan(left_out(table))).tolist() == list(range(100))


def test_figures_by_threshold_by_hand():
    """Four reaches: the narrow black one is not called, of the two that are suspected one is clean."""
    table = pd.DataFrame({"black": [True, True, False, False], "width_m": [20.0, 25.0, 25.0, 60.0]})
    figures = measured(table, np.array([np.nan, 0.8, 0.7, 0.1]))["by_threshold"]["0.7"]
    assert figures == {"from 25 m": {"recall": 1.0, "precision": 0.5}, "all": {"recall": 0.5, "precision": 0.5}}


def test_a_random_share_of_the_dates_of_each_reach_is_kept():
    scores = pd.DataFrame({"reach_id": np.repeat(["a", "b", "c"], 1000)})
    kept = thinned(scores, np.random.default_rng(0)).reach_id.value_counts() / 1000
    assert kept.between(0.12, 1.0).all() and kept.max() - kept.min() > 0.05


def test_varied_worlds_change_the_simulation_and_leave_it_as_it_was():
    before = copy.deepcopy((materials.BLACK_MONTHS, materials.WATER, plan.EVERY_DAYS, themes.river))
    with varied(60):
        inside = {m: len(months) for m, months in materials.BLACK_MONTHS.items()}
        assert themes.river is not before[3] and materials.WATER != before[1] and set(inside.values()) <= set(calibrate.EPISODE_MONTHS)
    assert (materials.BLACK_MONTHS, materials.WATER, plan.EVERY_DAYS, themes.river) == before


def test_the_shipped_weights_name_their_worlds():
    worlds = load_detector().reach.fitted_on
    assert all(recipe.name in worlds for recipe in (*calibrate.ERROR_WORLDS, *calibrate.VARIED))
