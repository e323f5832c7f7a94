"""Step ``reach-scores``: evidence of each reach on each date of one tile and period."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.features import rasterize
from rasterio.windows import from_bounds
from scipy import ndimage

from kernels.black_odorous import reach_scores
from rs_pipeline.catalog.chips import Chip, load_chips, read_role, scales
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, Grid
from rs_pipeline.output.tables import write_parquet
from rs_pipeline.products.black_odorous.model import load_model
from rs_pipeline.products.black_odorous.pixels import usable_dates
from rs_pipeline.radiometry.masks import reject_bits, scene_reasons
from rs_pipeline.region import read_tile

LANDSAT_MIN_WIDTH_M = 90.0
"""Narrower channels are mixed with their banks at 30 m: contamination of the centre above 1 %."""

REDEDGE_MIN_WIDTH_M = 60.0
"""The same at 20 m."""

COLUMNS = ("reach_id", "period", "day", "scene_id", "n_core", "logit", "vetoes", "green_refl")


def core_pixels(reaches: gpd.GeoDataFrame, wet: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and reach index of the pixels away from the banks, ordered by reach.

    The water mask is eroded by a pixel; a pixel belongs to the nearest centreline, or to the pond it lies in.
    """
    core = ndimage.binary_erosion(wet, ndimage.generate_binary_structure(2, 1))
    owner = rasterize(
        [(g, i + 1) for i, g in enumerate(reaches.geometry)], out_shape=grid.shape, transform=grid.transform, all_touched=True, dtype="int32"
    )
    distance, nearest = ndimage.distance_transform_edt(owner == 0, return_indices=True)
    owner = owner[tuple(nearest)] - 1
    reach = np.where(reaches.kind == "river", reaches.width_m / 2 / grid.resolution_m + 1, 0)
    rows, cols = np.nonzero(core & (distance <= reach[owner]))
    order = np.argsort(owner[rows, cols], kind="stable")
    return rows[order], cols[order], owner[rows, cols][order]


def score_reaches(settings: Settings, tile_id: str, period_label: str) -> None:
    """Write the scores of the reaches whose middle lies in the tile (columns COLUMNS; no row without a clear core pixel)."""
    layout, tile = Layout(settings.root), read_tile(settings, tile_id)
    lines = gpd.read_parquet(layout.reach_lines)
    lines = lines[(lines.tile == tile_id) & (lines.width_class != "not_assessable")].reset_index(drop=True)
    chips = [c for c in load_chips(settings, tile_id, period_label) if c.family == "optical"]
    chips = [c for c, usable in zip(chips, usable_dates(chips, settings.black_odorous), strict=True) if usable]
    table = pd.DataFrame({c: [] for c in COLUMNS})
    if len(lines) and chips:
        table = _score(settings, lines, chips, tile.grid.buffered(settings.grid.margin_m), period_label)
    write_parquet(table.astype({"n_core": "int64", "vetoes": "int64", "logit": "float32", "green_refl": "float32"}), layout.reach_scores(period_label, tile_id))


def _score(settings: Settings, lines: gpd.GeoDataFrame, chips: list[Chip], grid: Grid, period_label: str) -> pd.DataFrame:
    with rasterio.open(Layout(settings.root).map("water", period_label)) as src:
        frequency = src.read(1, window=from_bounds(*grid.bounds, transform=src.transform), boundless=True, fill_value=np.nan)
    wet = np.nan_to_num(frequency, nan=0.0) >= max(settings.water.seasonal_frequency, 0.5)
    rows, cols, owner = core_pixels(lines, wet, grid)
    dn = np.stack([[read_role(c, role, grid)[rows, cols] for role in OPTICAL_BANDS] for c in chips])
    reasons = np.stack([scene_reasons(c, grid, settings.masks)[rows, cols] for c in chips])
    shape = (len(lines), len(chips))
    logit, green = np.empty(shape, "float32"), np.empty(shape, "float32")
    n_core, vetoes = np.zeros(shape, "int64"), np.zeros(shape, "int64")
    model, (scale, offset) = load_model(), scales(chips)
    reach_scores(
        dn, reasons, reject_bits(settings.masks.black_odorous), scale, offset, np.array([c.has("rededge1") for c in chips]),
        np.searchsorted(owner, np.arange(len(lines) + 1)), (lines.width_m >= REDEDGE_MIN_WIDTH_M).to_numpy(),
        settings.black_odorous.max_swir1_refl, model.with_rededge, model.visible, logit, n_core, vetoes, green,
    )  # fmt: skip
    coarse = np.array([not c.has("rededge1") for c in chips])
    enough = n_core >= settings.black_odorous.min_core_pixels
    keep = enough & ~(coarse[None, :] & (lines.width_m.to_numpy()[:, None] < LANDSAT_MIN_WIDTH_M))
    r, t = np.nonzero(keep)
    return pd.DataFrame({
        "reach_id": lines.reach_id.to_numpy()[r], "period": period_label,
        "day": [chips[i].scene.solar_day.isoformat() for i in t], "scene_id": [chips[i].scene.scene_id for i in t],
        "n_core": n_core[r, t], "logit": logit[r, t], "vetoes": vetoes[r, t], "green_refl": green[r, t],
    })  # fmt: skip
