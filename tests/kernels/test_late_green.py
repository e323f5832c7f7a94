"""The greenest date of a pixel."""

import numpy as np
import pytest
from rs_kernels.late_green import greenest_date
from rs_kernels.stack import Stack


def greenest(red, green, nir, inside=None, bits=None):
    """NDVI, GRVI and dates of one pixel; arguments: a number for each date, reflectance times 10000."""
    n = len(red)
    dn = np.zeros((n, 7, 1, 1), "uint16")
    dn[:, 1, 0, 0], dn[:, 2, 0, 0], dn[:, 4, 0, 0] = green, red, nir
    qa = np.array(bits or [0] * n, "uint16").reshape(n, 1, 1)
    stack = Stack(dn, qa, 1, np.full(n, 1e-4, "f4"), np.zeros(n, "f4"), np.full(n, 10, "f4"))
    out, dates = np.empty((2, 1, 1), "f4"), np.empty((1, 1), "int64")
    greenest_date(stack, np.array(inside or [True] * n), out, dates)
    return *out[:, 0, 0], dates[0, 0]


def test_both_indices_are_those_of_the_greenest_date():
    v, colour, n = greenest(red=[500, 500, 1000], green=[600, 1000, 800], nir=[400, 2000, 3000])
    assert v == pytest.approx(0.6) and colour == pytest.approx(1 / 3) and n == 3  # the first date is under water, the third is redder: NDVI 0.5


def test_dates_outside_cloudy_or_without_a_band_take_no_part():
    v, _, n = greenest(red=[500, 400, 500, 0], green=[600] * 4, nir=[1500, 3000, 2500, 4000], inside=[True, False, True, True], bits=[0, 0, 1, 0])
    assert v == pytest.approx(0.5) and n == 1


def test_a_pixel_without_a_clear_date_is_missing():
    v, colour, n = greenest(red=[500], green=[600], nir=[1500], bits=[1])
    assert np.isnan(v) and np.isnan(colour) and n == 0
    v, colour, n = greenest(red=[], green=[], nir=[])
    assert np.isnan(v) and np.isnan(colour) and n == 0
