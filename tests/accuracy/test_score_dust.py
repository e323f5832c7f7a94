"""Scores of bare ground in spring on a drawn truth, and that truth in a simulated world."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.baselines.dust import bare_all_year
from rs_pipeline.simulation.materials import plant_cover
from rs_pipeline.simulation.truth import write_raster
from rs_pipeline.simulation.world import BARE_COVER, SPRING_DAYS, make_world
from rs_pipeline.validation.dust import score_dust, true_bare
from rs_pipeline.validation.truth import Truth
from tests.accuracy.conftest import GRID, value

HA = 10.0 * 10.0 / 1e4
MONTHS = ("march", "april", "may")


@pytest.fixture
def drawn(build):
    """A unit of 20 x 30 pixels whose settlement is its left half: bare in March, half bare in April, green in May."""
    build.year(2024).vector("units", [build.area(0, 0, 20, 30)], adcode=["130001"], name=["A"], prefecture=["P"])
    shares = [np.full(GRID.shape, share, "float32") for share in (1.0, 0.5, 0.0)]
    write_raster(build.folder / "bare_2024.tif", GRID, shares, list(MONTHS), np.nan)
    return build.truth


@pytest.fixture
def settled():
    return np.indices(GRID.shape)[1] < 10


def table(**months):
    rows = [(adcode, "2024", f"settlement_bare_{m}", *v) for m, v in months.items() for adcode in ("130001", "000000")]
    return pd.DataFrame(rows, columns=["adcode", "period", "indicator", "value", "lower", "upper"])


def test_truth_is_that_inside_the_settlements_that_the_run_draws(drawn, settled):
    true = true_bare(settled, drawn)
    assert set(true.adcode) == {"130001", "000000"} and len(true) == 6
    assert true[true.adcode == "130001"].set_index("indicator").true.to_dict() == pytest.approx(
        {"settlement_bare_march": 300 * HA, "settlement_bare_april": 150 * HA, "settlement_bare_may": 0.0}, rel=1e-3
    )
    assert true_bare(settled & False, drawn).empty


def test_errors_are_of_the_areas_and_ranges_hold_or_do_not(drawn, settled):
    scores = score_dust(table(march=(2.4, 2.0, 3.6), april=(1.8, 1.6, 2.0), may=(np.nan, np.nan, np.nan)), settled, drawn)
    assert value(scores, "area_error", "march") == pytest.approx(20, abs=0.1) and value(scores, "area_bias", "march") == pytest.approx(-20, abs=0.1)
    assert (value(scores, "coverage", "march"), value(scores, "coverage", "april"), value(scores, "coverage")) == (100, 0, 50)
    assert value(scores, "width") == pytest.approx(100 * 2.0 / 4.5, abs=0.1) and value(scores, "area_error") == pytest.approx(100 * 0.9 / 4.5, abs=0.1)
    assert np.isnan(value(scores, "area_error", "may"))


def test_a_world_or_a_run_without_them_has_no_scores(drawn, settled):
    assert score_dust(table(march=(1.0, 0.0, 2.0)), settled & False, drawn) == []
    assert score_dust(table(march=(1.0, 0.0, 2.0)).assign(period="2023"), settled, drawn) == []
    (drawn.folder / "bare_2024.tif").unlink()
    assert score_dust(table(march=(1.0, 0.0, 2.0)), settled, Truth(drawn.folder)) == []


def test_the_baseline_is_the_bare_land_of_the_year_in_each_month(drawn, settled, monkeypatch):
    monkeypatch.setattr("benchmarks.baselines.dust.on_grid", lambda path, band, grid: np.where(settled, np.float32(0.1), np.nan))
    found = bare_all_year(type("L", (), {"map": lambda *a: None}), settled, drawn, {"2024": 2024})
    mine = found[found.adcode == "130001"]
    assert len(found) == 6 and mine.value.to_numpy() == pytest.approx(30 * HA, rel=1e-3)
    scores = score_dust(found, settled, drawn)
    assert value(scores, "area_bias", "march") == pytest.approx(-90, abs=0.1) and not [s for s in scores if s.metric == "coverage"]


def test_the_worlds_truth_is_the_mean_over_the_days_of_the_month():
    """Against the cover of each day, on the pixels where the world's plants and vigour say it directly."""
    world = make_world(4, (2024,), (120, 120), "city")
    bare, ground, shift = world.bare_ground(2024), world.landcover(2024), world.season_shift_days(2024)
    assert set(bare) == set(MONTHS) and all(b.dtype == "float32" and 0 <= b.min() and b.max() <= 1 + 1e-6 for b in bare.values())
    for month, days in SPRING_DAYS.items():
        daily = np.zeros(world.mix_grid.shape)
        for day in days:
            for material in np.unique(ground):
                share = world.fraction(ground, material)
                if material in world.palette.seasons:
                    daily += share * (world.vigour * plant_cover(world.palette, material, day - shift, 0) < BARE_COVER)
                elif material in (12, 13, 32):  # soil, dry sand, rock
                    daily += share
        np.testing.assert_allclose(bare[month], world.to_grid(daily / len(days)), atol=1e-5)


def test_a_written_world_has_the_truth_of_each_year(small_world):
    truth = Truth(small_world / "truth")
    for year in truth.years:
        assert set(truth.bare(year)) == set(MONTHS) and all(b.shape == truth.grid.shape for b in truth.bare(year).values())
