"""Real pixels as they are read for the training, and that the training's library holds what is real."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.seasons import STATISTICS
from rs_pipeline.training.land import real_copies, real_report
from rs_pipeline.training.land_library import CLASS_SHARES, library_pixels, measured_ground, shipped_spectra
from rs_pipeline.training.real_land import RealPixels, monthly_features, read_real_land, read_spectra

RANGES = pd.read_csv(Path(__file__).parent / "real_land_ranges.csv", comment="#")
"""10th, 50th and 90th percentile of what real pixels and measured ground have, by class and feature."""


@pytest.fixture(scope="module")
def library():
    values, shares = library_pixels(9000, 5, shipped_spectra())
    return {c.word: dict(zip(STATISTICS, values[:, shares[c - 1] > 0.8], strict=True)) for c in CLASS_SHARES}


@pytest.mark.parametrize("name", sorted(set(RANGES["class"])))
def test_real_ranges_lie_inside_those_of_the_training(library, name):
    """The middle 80 % of what is real lies within all but the outermost 0.2 % of what is trained on."""
    outside = []
    for row in RANGES[RANGES["class"] == name].itertuples():
        low, high = np.nanpercentile(library[name][row.feature], [0.2, 99.8])
        if not low <= row.p10 <= row.p50 <= row.p90 <= high:
            outside.append(f"{row.feature}: real {row.p10} to {row.p90}, trained {low:.3f} to {high:.3f}")
    assert not outside


def months(n=14, **columns):
    """A pixel of n months from November 2020, each its own green: .01 in the first month, .02 in the second."""
    table = pd.DataFrame({"month": [f"{2020 + (10 + k) // 12}-{(10 + k) % 12 + 1:02d}" for k in range(n)]})
    for band in OPTICAL_BANDS:
        table[band] = 0.1
    table["green"] = [0.01 * (k + 1) for k in range(n)]
    return table.assign(vv_db=-11.0, vh_db=-17.0, suspect=False, no_optical=False, bright=False).assign(**columns)


def test_months_become_seasons_by_hand():
    # the last twelve are January (.03) to December 2021 (.14): winter January, February and December, spring March to May (mid-May is its last day)
    got = dict(zip(STATISTICS, monthly_features(months()), strict=True))
    assert got["winter_green"] == pytest.approx(0.04) and got["spring_green"] == pytest.approx(0.06)
    assert got["early_summer_green"] == pytest.approx(0.08) and got["summer_green"] == pytest.approx(0.095)
    assert got["autumn_green"] == pytest.approx(0.12) and got["ndvi_p90"] == pytest.approx(0, abs=1e-6)
    assert got["cold_vv_db"] == pytest.approx(-11 - 10 * np.log10(np.cos(np.radians(38.5))), abs=1e-4)  # sigma0 over its cosine is gamma0


def test_flagged_months_are_missing_not_dark():
    bad = [False] * 2 + [True] * 12
    for flag in ("suspect", "no_optical", "bright"):
        got = dict(zip(STATISTICS, monthly_features(months(**{flag: bad})), strict=True))
        assert all(np.isnan(got[f"{s}_nir"]) for s in ("winter", "spring", "summer", "autumn")) and np.isfinite(got["warm_vh_db"])


def test_a_folder_without_the_files_is_named(tmp_path):
    for read in (read_real_land, read_spectra):
        with pytest.raises(TableError, match="cannot be read") as fault:
            read(tmp_path)
        assert str(tmp_path) in fault.value.where and "--real" in fault.value.remedy


def test_copies_weigh_what_is_asked_and_rare_classes_more_each():
    real = RealPixels(np.full((len(STATISTICS), 5), 0.2, "float32"), np.array([5, 5, 5, 5, 3]), np.array(["a"] * 5))
    values, shares = real_copies(real, 10.0, 1)
    assert shares.sum() == pytest.approx(10, rel=1e-5) and values.shape[1] == shares.shape[1]
    # four of one class and one of another: each of the four weighs half of the one
    assert shares[4].sum() == pytest.approx(2 * shares[2].sum(), rel=1e-5)
    assert np.unique(values[0]).size > 5


def test_the_report_by_hand():
    # three pixels of crops, one called grass, and one of grass called so: agreement 3/4, chance (3 x 2 + 1 x 2) / 16, kappa .5
    shares = np.zeros((len(Land), 4))
    shares[[4, 4, 3, 3], range(4)] = [0.95, 0.8, 0.9, 0.7]
    got = real_report(shares, np.array([5, 5, 5, 4]))
    assert (got["n"], got["overall"], got["kappa"]) == (4, 0.75, 0.5)
    assert got["classes"]["cropland"] == {"n": 3, "users": 1.0, "producers": 0.6667, "f1": 0.8, "taken_for": "grass"}
    assert (got["sure_share"], got["right_when_sure"]) == (0.5, 0.5)


def test_measured_ground_has_no_radar_and_its_own_class():
    values, land = measured_ground(shipped_spectra(), 3)
    table = dict(zip(STATISTICS, values, strict=True))
    assert np.isnan(table["cold_vv_db"]).all() and np.isfinite(table["ndvi_p90"]).all()
    assert set(land) == {Land.BARE, Land.BUILT} and np.median(table["ndvi_p90"][land == Land.BARE]) < 0.35
