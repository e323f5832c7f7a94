"""The greenest date of a pixel in each part of the year."""

import numpy as np
import pytest
from rs_kernels.greenest import greenest_dates
from rs_kernels.indices import grvi, ndvi
from rs_kernels.stack import Stack


def greenest(red, green, nir, part=None, bits=None, n_parts=1):
    """NDVI, GRVI and dates of one pixel by part; arguments: a number for each date, reflectance times 10000."""
    n = len(red)
    dn = np.zeros((n, 7, 1, 1), "uint16")
    dn[:, 1, 0, 0], dn[:, 2, 0, 0], dn[:, 4, 0, 0] = green, red, nir
    qa = np.array(bits or [0] * n, "uint16").reshape(n, 1, 1)
    return [np.squeeze(a, (-2, -1)) for a in greenest_in(stack_of(dn, qa), [0] * n if part is None else part, n_parts)]


def stack_of(dn, bits):
    n = len(dn)
    return Stack(dn, bits, 1, np.full(n, 1e-4, "f4"), np.zeros(n, "f4"), np.full(n, 10, "f4"))


def greenest_in(stack, part, n_parts):
    """(out, dates) of the kernel."""
    shape = stack.bits.shape[1:]
    out, dates = np.empty((n_parts, 2, *shape), "f4"), np.empty((n_parts, *shape), "int64")
    greenest_dates(stack, np.array(part, "int64"), out, dates)
    return out, dates


def test_both_indices_are_those_of_the_greenest_date():
    [(v, colour)], [n] = greenest(red=[500, 500, 1000], green=[600, 1000, 800], nir=[400, 2000, 3000])
    assert v == pytest.approx(0.6) and colour == pytest.approx(1 / 3) and n == 3  # the first date is under water, the third is redder: NDVI 0.5


def test_each_date_counts_in_its_part_alone():
    out, n = greenest(red=[500] * 4, green=[600] * 4, nir=[1500, 4500, 2500, 9500], part=[2, 0, 2, -1], n_parts=3)
    assert out[:, 0] == pytest.approx([0.8, np.nan, 2 / 3], nan_ok=True) and n.tolist() == [1, 0, 2]


def test_dates_outside_cloudy_or_without_a_band_take_no_part():
    out, n = greenest(red=[500, 400, 500, 0], green=[600] * 4, nir=[1500, 3000, 2500, 4000], part=[0, -1, 0, 0], bits=[0, 0, 1, 0])
    assert out[0, 0] == pytest.approx(0.5) and n == 1
    for band in ("green", "nir"):
        _, n = greenest(**({"red": [500], "green": [600], "nir": [1500]} | {band: [0]}))
        assert n == 0


def test_a_pixel_without_a_clear_date_is_missing():
    for found, n in (greenest(red=[500], green=[600], nir=[1500], bits=[1]), greenest(red=[], green=[], nir=[]), greenest([500], [600], [1500], part=[-1])):
        assert np.isnan(found).all() and n == 0


def test_a_strip_is_that_of_its_pixels_date_by_date():
    """Against the rule written pixel by pixel, in float64 as the kernel compares."""
    rng = np.random.default_rng(3)
    dn, bits = rng.integers(0, 4000, (12, 7, 3, 5)).astype("uint16"), (rng.random((12, 3, 5)) < 0.4).astype("uint16")
    dn[rng.random(dn.shape) < 0.05] = 0
    stack, part = stack_of(dn, bits), rng.integers(-1, 3, 12)
    out, dates = greenest_in(stack, part, 3)
    for p, y, x in np.ndindex(dates.shape):
        clear = [t for t in np.flatnonzero(part == p) if not bits[t, y, x] and dn[t, [1, 2, 4], y, x].all()]
        green, red, nir = (dn[clear, b, y, x] * np.float64(np.float32(1e-4)) for b in (1, 2, 4))
        v = [ndvi(r, i) for r, i in zip(red, nir, strict=True)]
        expected = (v[i := int(np.argmax(v))], grvi(green[i], red[i])) if v else (np.nan, np.nan)
        assert out[p, :, y, x] == pytest.approx(expected, rel=1e-6, nan_ok=True) and dates[p, y, x] == len(clear)
