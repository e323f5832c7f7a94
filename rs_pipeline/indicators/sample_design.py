"""Verb ``sample-design``: draws a random sample of pixels, stratified by the map's class, for tables.reference_samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import Transformer
from rasterio.features import geometry_mask
from rasterio.windows import Window, transform

from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.reference import SAMPLE_COLUMNS
from rs_pipeline.estimation.sampling import sample_size
from rs_pipeline.layout import Layout
from rs_pipeline.model import SampledProduct
from rs_pipeline.products.register import sampled_products
from rs_pipeline.region import load_units
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import read_grid

LEAST_PER_STRATUM = 50
"""Least number of sample pixels of a rare class (Olofsson et al. 2014, sec. 5.1.1)."""

EXPECTED_USERS = (0.95, 0.70)
"""Expected user's accuracy of all other classes together, and of the class."""

SAMPLE_WINDOW_PX = 2048


def allocate(areas: np.ndarray, overall_error: float) -> np.ndarray:
    """Number of samples of the strata, int (2,): `sample_size` in proportion to their areas, but at least LEAST_PER_STRATUM each.

    >>> allocate(np.array([900, 100]), 0.01).tolist()
    [527, 59]
    """
    weight = np.asarray(areas, "float64") / np.sum(areas)
    n = sample_size(weight, np.array(EXPECTED_USERS), overall_error)
    return np.where(weight > 0, np.maximum(np.rint(n * weight), LEAST_PER_STRATUM), 0).astype(int)


def _strata(settings: Settings, period: str, product: SampledProduct) -> Iterator[tuple[Window, np.ndarray]]:
    """Windows of the map of classes with the stratum of every pixel, int8: 1 the class, 0 other classes, -1 outside the units or not observed."""
    with open_map(Layout(settings.root).map(product.class_map, period), read_grid(settings)) as src:
        units = load_units(settings).to_crs(src.crs).geometry
        for row in range(0, src.height, SAMPLE_WINDOW_PX):
            for col in range(0, src.width, SAMPLE_WINDOW_PX):
                window = Window(col, row, min(SAMPLE_WINDOW_PX, src.width - col), min(SAMPLE_WINDOW_PX, src.height - row))
                kind = src.read(band_index(src, "class"), window=window)
                outside = geometry_mask(units, kind.shape, transform(window, src.transform))
                yield window, np.where(outside | np.isnan(kind), -1, kind == product.map_class).astype("int8")


def design_sample(settings: Settings, product: str, period: str, overall_error: float = 0.01, seed: int = 1) -> Path:
    """Write ``reference/<product>_<period>.csv`` of the run: SAMPLE_COLUMNS in random order, with ``value`` empty for the interpreter to fill in.

    Returns the path of the file.

    Raises
    ------
    TableError : the product is not one of classes, the map is not made yet, or it has no class inside the units.
    """
    layout = Layout(settings.root)
    classes = [name for name, p in sampled_products().items() if p.map_class is not None]
    if product not in classes:
        raise TableError(f"no strata for {product!r}", where="product", remedy=f"choose one of {', '.join(classes)}")
    settings.period(period)
    sampled, rng = sampled_products()[product], np.random.default_rng(seed)
    path = layout.map(sampled.class_map, period)
    if not path.exists():
        raise TableError("the map is not made yet", where=str(path), remedy="finish the run first")
    counts = np.sum([np.bincount(s[s >= 0], minlength=2) for _, s in _strata(settings, period, sampled)], axis=0)
    if not counts.any():
        raise TableError(
            "the map has no class anywhere inside the units, so there is nothing to draw from", where=str(path), remedy="choose a period in which more was seen"
        )
    wanted = np.minimum(allocate(counts, overall_error), counts)
    ranks = [np.sort(rng.choice(counts[h], wanted[h], replace=False)) for h in (0, 1)]
    places, before = [], np.zeros(2, "int64")
    for window, stratum in _strata(settings, period, sampled):
        for h in (0, 1):
            rows, cols = np.nonzero(stratum == h)
            mine = ranks[h][(ranks[h] >= before[h]) & (ranks[h] < before[h] + rows.size)] - before[h]
            places += list(zip(rows[mine] + window.row_off, cols[mine] + window.col_off, strict=True))
            before[h] += rows.size
    with open_map(path, read_grid(settings)) as src:
        rows, cols = np.array(rng.permutation(places), "float64").T
        x, y = src.transform * (cols + 0.5, rows + 0.5)
        lon, lat = Transformer.from_crs(src.crs, 4326, always_xy=True).transform(x, y)
    table = pd.DataFrame({"lon": np.round(lon, 7), "lat": np.round(lat, 7), "period": period, "product": product, "value": ""})
    path = layout.root / "reference" / f"{product}_{period}.csv"
    write_csv(table[list(SAMPLE_COLUMNS)], path)
    return path
