"""Sharing SWIR among fine pixels."""

import numpy as np
import pytest
from rs_kernels.sharpen import sharpen_swir

SCALE, OFFSET = np.array([1e-4], "f4"), np.array([0.0], "f4")


def stack(nir, swir):
    dn = np.full((1, 7, *np.shape(nir)), 1000, "uint16")
    dn[0, 4], dn[0, 5], dn[0, 6] = nir, swir, swir
    return dn


def run(dn, cell=2, rows=0, cols=0):
    one = lambda v: np.array([v], "int64")  # noqa: E731
    sharpen_swir(dn, SCALE, OFFSET, one(cell), one(rows), one(cols))
    return dn[0, 5]


def test_water_gets_less_and_land_more_and_the_mean_stays():
    # NIR 0.05 and 0.15 twice: mean 0.10, factors 0.5 and 1.5 of SWIR 0.08.
    got = run(stack([[500, 1500], [500, 1500]], 800))
    assert got.tolist() == [[400, 1200], [400, 1200]]


def test_the_gain_is_limited():
    got = run(stack([[10, 3990], [10, 3990]], 900))
    assert got[0, 0] == 300 and got[0, 1] == pytest.approx(900 * 3990 / 2000, abs=1)


def test_cells_start_where_the_sensor_says():
    # phase -1: the first column is the second half of a cell that begins outside.
    got = run(stack([[400, 200, 600], [400, 200, 600]], 800), cols=-1)
    assert got.tolist() == [[800, 400, 1200]] * 2


def test_nodata_neither_counts_nor_changes():
    dn = stack([[0, 1000], [1000, 1000]], 800)
    dn[0, 5, 0, 0] = 0
    assert run(dn).tolist() == [[0, 800], [800, 800]]


def test_a_sensor_of_one_pixel_size_is_left_alone():
    assert run(stack([[500, 1500], [500, 1500]], 800), cell=1).tolist() == [[800, 800], [800, 800]]
