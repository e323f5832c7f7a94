"""Edges of fields that the telescope blurred, put right on the maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from rs_pipeline.products.vegetation import edges


def maps_of(cover):
    cover = np.asarray(cover, "float32")
    return {name: cover.copy() for name in edges.COVERS} | {"fvc_peak_sigma": np.full(cover.shape, 0.03, "float32")}


def test_a_flat_field_stays_as_it_is_and_so_does_its_error():
    maps = maps_of(np.full((5, 5), 0.6))
    edges.sharpen_covers(maps, [10.0, 30.0], 10.0)
    assert all(maps[name] == pytest.approx(0.6) for name in edges.COVERS) and maps["fvc_peak_sigma"] == pytest.approx(0.03)


def test_a_narrow_track_by_hand():
    # seen 0.5 in a field of 0.8: the mean of the nine is (3 * 0.5 + 6 * 0.8) / 9 = 0.7, so 0.5 becomes 0.5 - 0.8 * 0.2 = 0.34
    cover = np.full((5, 5), 0.8)
    cover[:, 2] = 0.5
    maps = maps_of(cover)
    edges.sharpen_covers(maps, [10.0], 10.0)
    assert maps["fvc_growing"][2] == pytest.approx([0.8, 0.88, 0.34, 0.88, 0.8], abs=1e-6)
    assert maps["fvc_peak_sigma"][2, 2] == pytest.approx(np.hypot(0.03, 0.2), abs=1e-6)


@pytest.mark.parametrize(("noise", "gain"), [(0.0, 0.72), (0.01, 0.80), (0.02, 1.0)])
def test_blurred_fields_come_nearer_to_the_truth(noise, gain):
    """Fields of 240 x 130 m with tracks of 5 m, askew, seen with Sentinel-2's blur (Gaussian of 12 m): simulated."""
    rng, step = np.random.default_rng(1), 2.5
    y, x = np.mgrid[:480, :480] * step
    p, q = x * np.cos(0.2) + y * np.sin(0.2), -x * np.sin(0.2) + y * np.cos(0.2)
    fine = rng.choice([0.2, 0.6, 0.85], (40, 40))[(p // 240).astype(int), (q // 130).astype(int)]
    fine[(p % 240 < 5) | (q % 130 < 5)] = 0.0

    def pixels(cells):
        return cells.reshape(120, 4, 120, 4).mean(axis=(1, 3))

    true = pixels(fine)
    seen = pixels(ndimage.gaussian_filter(fine, 12 / 2.3548 / step)) + rng.normal(0, noise, true.shape)
    before, after = (np.sqrt(np.mean((m - true) ** 2)) for m in (seen, edges.sharpen(seen)))
    assert after < gain * before


def test_missing_pixels_stay_missing_and_do_not_spread():
    cover = np.full((3, 4), 0.5)
    cover[1, 1] = np.nan
    found = edges.sharpen(cover)
    assert np.isnan(found[1, 1]) and np.isnan(found).sum() == 1 and np.nanmax(np.abs(found - 0.5)) < 1e-6


@pytest.mark.parametrize(("native_m", "resolution_m"), [([30.0], 10.0), ([10.0], 30.0), ([], 10.0)])
def test_maps_of_other_pixels_than_the_sensors_stay_as_they_are(native_m, resolution_m):
    cover = np.random.default_rng(0).random((4, 4))
    maps = maps_of(cover)
    edges.sharpen_covers(maps, native_m, resolution_m)
    assert np.array_equal(maps["fvc_peak"], cover.astype("float32")) and maps["fvc_peak_sigma"] == pytest.approx(0.03)


@given(arrays("float32", (6, 7), elements=st.floats(0.3125, 0.6875, width=32)))
def test_sharpening_keeps_cover_within_its_limits_and_the_mean_of_the_inside(cover):
    found = edges.sharpen(np.pad(cover, 4, constant_values=0.5))
    assert found.min() >= 0 and found.max() <= 1
    assert found.mean() == pytest.approx(np.pad(cover, 4, constant_values=0.5).mean(), abs=1e-3)
