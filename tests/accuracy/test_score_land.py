"""Marks of the land map that a reader can count. The grid has 40 x 30 pixels of 10 m."""

import math

import numpy as np
import pytest

from rs_pipeline.config import LandZonesSection
from rs_pipeline.products.land.classes import Land
from rs_pipeline.simulation.materials import Material
from rs_pipeline.validation import land


@pytest.fixture
def town(build):
    """Maize, with a town of 10 x 10 pixels, columns 20-29, rows 5-14, from 2025 on."""
    build.year(2024, (Material.MAIZE, 0, 0, 40, 30))
    build.year(2025, (Material.MAIZE, 0, 0, 40, 30), (Material.BUILT, 20, 5, 10, 10))
    return build.truth


def true_class(truth, year):
    return land.true_shares(truth, year).argmax(axis=0) + 1.0


def marks(scores):
    return {(s.metric, s.subset): s.value for s in scores}


def test_every_material_of_the_worlds_is_of_one_class():
    named = [m for names in land.MATERIALS.values() for m in names]
    assert sorted(named) == sorted(m.name.lower() for m in Material)


def test_the_truth_itself_gets_perfect_scores(town):
    shares = land.true_shares(town, 2025)
    assert shares.sum(axis=0).min() == pytest.approx(1)
    got = marks(land.score_land(true_class(town, 2025), town, 2025, shares=shares))
    assert got["overall", "all"] == got["users", "built"] == got["producers", "cropland"] == 1
    assert got["area_bias", "built"] == got["calibration_error", "all"] == 0 and got["observed_share", "all"] == 100
    assert math.isnan(got["users", "tree"]) and math.isnan(got["area_bias", "tree"])


def test_a_town_moved_by_five_pixels(town):
    # half of it is still right: 50 pixels missed and 50 too many of 1200
    found = np.full(town.grid.shape, float(Land.CROPLAND))
    found[5:15, 25:35] = Land.BUILT
    got = marks(land.score_land(found, town, 2025))
    assert got["users", "built"] == got["producers", "built"] == got["f1", "built"] == 0.5
    assert got["overall", "all"] == pytest.approx(1100 / 1200) and got["area_bias", "built"] == 0


def test_what_was_not_seen_takes_no_part(town):
    found = true_class(town, 2025)
    found[:, 20:] = np.nan
    got = marks(land.score_land(found, town, 2025))
    assert got["observed_share", "all"] == 50 and got["overall", "all"] == 1 and math.isnan(got["producers", "built"])
    assert all(math.isnan(v) for (m, s), v in marks(land.score_land(np.full(town.grid.shape, np.nan), town, 2025)).items() if m != "observed_share")


def test_conversion_found_half_and_invented(town):
    now, base = land.true_shares(town, 2025), land.true_shares(town, 2024)
    perfect = marks(land.score_conversion(now, base, town, 2025, 2024, LandZonesSection()))
    assert perfect == {("recall", "conversion"): 1, ("precision", "conversion"): 1}
    wrong = base.copy()
    wrong[:, 5:15, 25:35] = 0
    wrong[Land.BUILT - 1, 5:15, 25:35] = 1
    assert marks(land.score_conversion(wrong, base, town, 2025, 2024, LandZonesSection())) == {("recall", "conversion"): 0.5, ("precision", "conversion"): 0.5}
