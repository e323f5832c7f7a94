"""Training pixels: what they are made of, and that they look like it."""

import numpy as np
import pytest

from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.seasons import STATISTICS
from rs_pipeline.training.land_pixels import mixtures, year_statistics


@pytest.fixture(scope="module")
def pixels():
    return mixtures("plain", 3, (120, 120), 800)


def test_shares_add_up_and_mixtures_cover_the_pixel(pixels):
    assert pixels.shares.sum(axis=0) == pytest.approx(1, abs=1e-5)
    assert pixels.fine.shape == pixels.coarse.shape == pixels.landsat.shape
    assert not pixels.sea.any()  # a plain has none


def test_the_same_palette_gives_the_same_statistics_and_another_others(pixels):
    first, again, other = year_statistics(pixels, 3, 0), year_statistics(pixels, 3, 0), year_statistics(pixels, 3, 1)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (len(STATISTICS), 800) and np.isfinite(first).mean() > 0.9
    assert np.nanmean(np.abs(first - other)) > 0.005


def test_classes_look_like_themselves(pixels):
    values = dict(zip(STATISTICS, year_statistics(pixels, 3, 0), strict=True))
    pure = pixels.shares > 0.95

    def median(name, land):
        return np.nanmedian(values[name][pure[land - 1]])

    assert median("mndwi_p90", Land.WATER) > 0.3 > median("mndwi_p90", Land.CROPLAND)
    assert median("ndvi_p90", Land.CROPLAND) > 0.7 and median("ndvi_p90", Land.WATER) < 0.3
    assert median("warm_vv_db", Land.WATER) < -18 < median("warm_vv_db", Land.CROPLAND)
