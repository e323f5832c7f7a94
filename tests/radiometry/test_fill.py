"""What a missing number of one band means, on patches that can be drawn by hand."""

import numpy as np
import pytest

from rs_pipeline.radiometry.fill import BRIGHT_BESIDE, EDGE_PX, LOST_SIDE_PX, split_missing

SHAPE = (120, 120)
WATER = {"blue": 0.08, "green": 0.12, "red": 0.16, "rededge1": 0.14, "nir": 0.10, "swir1": 0.01, "swir2": 0.005}
"""Muddy: bright in the visible."""
CROP = {"blue": 0.03, "green": 0.07, "red": 0.03, "rededge1": 0.11, "nir": 0.35, "swir1": 0.18, "swir2": 0.09}


def split(role, spectrum, patch, fill=(slice(0, 0), slice(0, 0))):
    missing, unseen = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    missing[patch], unseen[fill] = True, True
    missing |= unseen
    others = {r: np.where(unseen, np.nan, v) for r, v in spectrum.items() if r != role}
    return split_missing(role, missing, unseen, others)


@pytest.mark.parametrize("role", ["nir", "swir1", "swir2"])
def test_a_lake_of_any_size_is_dark(role):
    dark, lost = split(role, WATER, np.s_[20:100, 20:100])
    assert dark.sum() == 6400 and not lost.any()


@pytest.mark.parametrize("role", ["green", "nir", "rededge1", "swir1", "swir2"])
@pytest.mark.parametrize(("side", "is_lost"), [(LOST_SIDE_PX - 1, False), (LOST_SIDE_PX, True)])
def test_a_block_of_a_field_is_lost_and_less_is_dark(role, side, is_lost):
    spectrum = CROP | {"red": 0.07}
    dark, lost = split(role, spectrum, np.s_[20 : 20 + side, 20 : 20 + side])
    assert (lost.sum(), dark.sum()) == ((side**2, 0) if is_lost else (0, side**2))


def test_a_thin_patch_is_dark_however_long():
    dark, lost = split("swir2", CROP, np.s_[20 : 20 + LOST_SIDE_PX - 1, 5:115])
    assert dark.any() and not lost.any()


@pytest.mark.parametrize("role", list(BRIGHT_BESIDE))
def test_at_the_bound_ground_is_dark_and_above_it_lost(role):
    ((beside, bound), *_) = BRIGHT_BESIDE[role].items()
    block = np.s_[20:60, 20:60]
    assert split(role, {beside: bound}, block)[0].any() and split(role, {beside: np.nextafter(bound, 1)}, block)[1].any()


def test_what_touches_fill_is_neither_near_it():
    dark, lost = split("swir2", WATER, np.s_[50:60, 0:110], fill=np.s_[:, 0:10])
    assert not lost.any() and not dark[:, : 10 + EDGE_PX].any()
    assert dark[50:60, 10 + EDGE_PX : 110].all() and dark.sum() == 10 * (100 - EDGE_PX)
    apart, _ = split("swir2", WATER, np.s_[50:60, 12:110], fill=np.s_[:, 0:10])
    assert apart.sum() == 10 * 98


def test_nothing_missing_is_nothing():
    dark, lost = split("red", CROP, np.s_[0:0, 0:0], fill=np.s_[:, 0:10])
    assert not dark.any() and not lost.any()


def test_where_the_neighbours_say_nothing_the_ground_is_dark():
    others = {"nir": np.full(SHAPE, np.nan), "swir1": np.full(SHAPE, np.nan)}
    missing = np.zeros(SHAPE, bool)
    missing[20:60, 20:60] = True
    dark, lost = split_missing("swir2", missing, np.zeros(SHAPE, bool), others)
    assert dark.sum() == 1600 and not lost.any()
