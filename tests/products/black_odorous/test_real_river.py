"""A real turbid river that is not black-odorous: the Parana near Corrientes, eight Sentinel-2 dates."""

from __future__ import annotations

import numpy as np
import rasterio
from rs_kernels.black_odorous import PIXEL_LAYERS, SUSPECTED, ClassLimits, pixel_black_odorous, pixel_classes
from rs_kernels.stack import Stack

from rs_pipeline.products.black_odorous.model import load_detector

BANDS = ("B02", "B03", "B04", "B05", "B08", "B11", "B12")


def read(folder) -> np.ndarray:
    """uint16 (7, h, w); the data set's floats are rounded."""
    layers = []
    for band in BANDS:
        with rasterio.open(folder / f"{band}.tif") as src:
            layers.append(np.nan_to_num(src.read(1), nan=0).round().astype("uint16"))
    return np.stack(layers)


def test_a_turbid_river_is_not_accused(real_data):
    """The index BOI below 0.065 accuses most of it on most dates; the detector leaves it alone."""
    folders = sorted((real_data / "catalog" / "sentinel-2-l2a").glob("S2_PARANA_*"))
    dn = np.stack([read(f) for f in folders])
    refl = dn * 1e-4 - 0.1
    green, swir1 = refl[:, 1], refl[:, 5]
    wet = ((green > swir1 + 0.02) & (refl[:, 4] < 0.12) & (dn > 0).all(axis=1)).sum(axis=0) >= 6
    assert wet.sum() > 20_000
    n, model = len(dn), load_detector()
    layers, classes = np.empty((len(PIXEL_LAYERS), *wet.shape), "float32"), np.empty(wet.shape, "float32")
    time = np.arange(n, dtype="int64")
    stack = Stack(dn, np.zeros((n, *wet.shape), "uint16"), 0, np.full(n, 1e-4, "float32"), np.full(n, -0.1, "float32"), np.full(n, 10, "float32"), time, time)
    always = np.ones(n, bool)
    pixel_black_odorous(stack, always, always, wet, 0.025, model.packed, layers)
    pixel_classes(layers, ClassLimits(min_dates=4, min_share=0.6, min_months=2, suspected=0.9, possible=0.5), classes)
    assessed = layers[1] >= 4
    assert assessed.sum() > 20_000
    assert (layers[0][assessed] >= 0.5).mean() < 0.01
    assert (classes == SUSPECTED).sum() == 0
    boi = (refl[:, 1] - refl[:, 2]) / refl[:, :3].sum(axis=1)
    assert (boi[:, wet & assessed] < 0.065).mean() > 0.5
