"""Units, and the exact share of each pixel that their polygons cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from scipy import ndimage

from rs_pipeline.model import Grid
from rs_pipeline.region import REGION as REGION
from rs_pipeline.region import REGION_NAME as REGION_NAME
from rs_pipeline.tiles import pixel_areas

EIGHT = np.ones((3, 3), bool)
"""The eight neighbours of a pixel and itself."""


def large_patches(where: np.ndarray, least: float, pixel: float = 1.0) -> np.ndarray:
    """The 8-connected patches of a mask that are large enough, bool (h, w).

    Parameters
    ----------
    least : least size of a patch, in the measure of ``pixel``. pixel : size of a pixel; 1 counts pixels.

    >>> large_patches(np.array([[1, 0, 0, 1], [0, 1, 0, 0]], bool), 2).tolist()
    [[True, False, False, False], [False, True, False, False]]
    """
    labels, n = ndimage.label(where, EIGHT)
    large = np.bincount(labels.ravel(), minlength=n + 1) * pixel >= least
    large[0] = False
    return large[labels]


LEVELS = ("county", "prefecture", "region")


@dataclass(frozen=True)
class Unit:
    """A county, a prefecture, or the region."""

    adcode: str
    name: str
    prefecture: str
    level: str = "county"
    """One of LEVELS."""


@dataclass(frozen=True)
class CountySums:
    """Layers that a product adds to the sums of a unit: per pixel of a tile, float (h, w), NaN where a pixel adds nothing."""

    layers: dict[str, np.ndarray]
    """Column (``*_m2``) to the layer whose area-weighted sum it is."""
    errors: dict[str, np.ndarray] = field(default_factory=dict)
    """Name to the per-pixel standard errors whose correlated variance is the column ``<name>_var_m4``."""
    means: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Column of a mean to (the sum that it replaces, the sum or ``area_m2`` that it is divided by)."""
    changes: tuple[str, ...] = ()
    """Names of the layers and errors that depend on the baseline and are summed for each."""


def marked(condition: np.ndarray, *needed: np.ndarray) -> np.ndarray:
    """1 where the condition holds and all needed layers are finite, else NaN; float32."""
    seen = np.all([np.isfinite(n) for n in needed], axis=0) if needed else True
    return np.where(seen & condition, np.float32(1), np.float32(np.nan))


def coverage(grid: Grid, polygons: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact coverage of pixels by polygons: zone index, flat pixel index, covered area in m2 (all 1-d, aligned)."""
    frame = gpd.GeoDataFrame({"zone": range(len(polygons))}, geometry=polygons.geometry.values, crs=polygons.crs).to_crs(grid.crs)
    left, bottom, right, top = grid.bounds
    frame = frame.cx[left:right, bottom:top]
    area = pixel_areas(grid).ravel().astype("float64")
    if frame.empty:
        return np.zeros(0, "int64"), np.zeros(0, "int64"), np.zeros(0)
    template = NumPyRasterSource(np.zeros(grid.shape, "float32"), left, bottom, right, top, srs_wkt=frame.crs.to_wkt())
    found = exact_extract(template, frame, ["cell_id", "coverage"], include_cols=["zone"], output="pandas")
    zone = np.concatenate([np.full(len(c), z) for z, c in zip(found.zone, found.cell_id, strict=True)]).astype("int64")
    cell = np.concatenate(list(found.cell_id)).astype("int64")
    share = np.concatenate(list(found.coverage)).astype("float64")
    inside = share > 0
    return zone[inside], cell[inside], share[inside] * area[cell[inside]]


def with_masks(
    covered: tuple[np.ndarray, np.ndarray, np.ndarray], masks: Sequence[np.ndarray], n_units: int, n_rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`coverage` by ``n_rows`` polygons, of which the first ``n_units`` are units, and after it that of the units' parts in masks: the part of unit i in
    mask k is the zone n_rows + k n_units + i. ``masks`` : bool (h, w) each.

    >>> covered = np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([100.0, 50.0, 50.0])
    >>> [part.tolist() for part in with_masks(covered, [np.array([[False, True]])], 1, 2)]
    [[0, 0, 1, 2], [0, 1, 1, 1], [100.0, 50.0, 50.0, 50.0]]
    """
    zone, cell, weight = covered
    inside = [mask.ravel()[cell] & (zone < n_units) for mask in masks]
    zones = [zone[where] + n_rows + k * n_units for k, where in enumerate(inside)]
    cells, weights = ([part[where] for where in inside] for part in (cell, weight))
    return np.concatenate([zone, *zones]), np.concatenate([cell, *cells]), np.concatenate([weight, *weights])
