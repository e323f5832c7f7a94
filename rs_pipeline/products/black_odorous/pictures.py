"""Step ``pictures``: small pictures of what was seen when, for the first reaches on the inspection list."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.features import rasterize

from rs_pipeline.catalog.chips import Chip, load_chips, read_stack
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.classify import daily
from rs_pipeline.products.visits import middles
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.tables import write_csv

PICTURES_PER_REACH = 3
"""Pictures of a reach and period: its most suspicious dates."""

SIDE_PX, ZOOM = 48, 4
"""Pixels of the run's grid on a side, and pixels of the picture for each."""

PICTURE_WHITE_REFL, PICTURE_GAMMA = 0.18, 0.6
"""Reflectance that is drawn white, and the exponent that makes dark waters distinguishable."""

OUTLINE_RGB = (255, 210, 0)

PICTURE_COLUMNS = ("reach_id", "period", "day", "logit", "veto", "file")


def colours(refl: np.ndarray) -> np.ndarray:
    """uint8 (3, h, w) of red, green and blue reflectance float (3, h, w); NaN is grey."""
    shade = np.clip(refl / PICTURE_WHITE_REFL, 0, 1) ** PICTURE_GAMMA * 255
    return np.where(np.isfinite(shade), shade, 128).round().astype("uint8")


def render_picture(chip: Chip, reach: gpd.GeoDataFrame, grid: Grid) -> np.ndarray:
    """Picture of a date, uint8 (3, SIDE_PX ZOOM, SIDE_PX ZOOM), with the outline of the reach; ``reach`` is one row with width_m."""
    dn = read_stack([chip], ["red", "green", "blue"], grid)[0]
    rgb = colours(reflectance(dn, chip.scene.scale, chip.scene.offset)).repeat(ZOOM, axis=1).repeat(ZOOM, axis=2)
    fine = Grid(grid.crs, grid.resolution_m / ZOOM, grid.left, grid.top, grid.width * ZOOM, grid.height * ZOOM)
    around = reach.geometry.iloc[0]
    bank = around.buffer(reach.width_m.iloc[0] / 2 + grid.resolution_m if around.geom_type == "LineString" else grid.resolution_m)
    line = rasterize([bank.boundary], out_shape=fine.shape, transform=fine.transform, dtype="uint8") == 1
    rgb[:, line] = np.array(OUTLINE_RGB, "uint8")[:, None]
    return rgb


def write_png(rgb: np.ndarray, path: Path) -> None:
    """Write a picture, uint8 (3, h, w), whole or not at all."""
    with atomic_path(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(part, "w", driver="PNG", count=3, dtype="uint8", height=rgb.shape[1], width=rgb.shape[2]) as target:
            target.write(rgb)


def _square(reach: gpd.GeoDataFrame, resolution_m: float) -> Grid:
    middle = middles(reach.geometry).iloc[0]
    half = SIDE_PX // 2 * resolution_m
    return Grid(reach.crs.to_string(), resolution_m, middle.x - half, middle.y + half, SIDE_PX, SIDE_PX)


def pictures(settings: Settings) -> None:
    """Write ``water/inspection/<reach>_<day>.png`` and beside them ``pictures.csv``, which says what they show, columns PICTURE_COLUMNS.

    The first black_odorous.pictures rows of the inspection list have up to PICTURES_PER_REACH pictures each, of their most suspicious dates.
    Pictures of an earlier run that are not among them are removed.
    """
    layout, rows = Layout(settings.root), []
    listed = pd.read_csv(layout.inspection_list, encoding="utf-8-sig", dtype={"period": str})[: settings.black_odorous.pictures]
    lines = gpd.read_parquet(layout.reach_lines)
    for (tile, period), group in listed.merge(lines[["reach_id", "tile"]], on="reach_id").groupby(["tile", "period"]):
        chips = {c.scene.scene_id: c for c in load_chips(settings, tile, period)}
        scores = daily(pd.read_parquet(layout.reach_scores(period, tile)))
        for reach_id in group.reach_id:
            reach = lines[lines.reach_id == reach_id]
            seen = scores[(scores.reach_id == reach_id) & scores.logit.notna()].nlargest(PICTURES_PER_REACH, "logit").sort_values("day")
            for date in seen.itertuples():
                path = layout.inspection_picture(reach_id, date.day)
                write_png(render_picture(chips[date.scene_id], reach, _square(reach, settings.grid.resolution_m)), path)
                rows.append((reach_id, period, date.day, date.logit, date.veto, path.name))
    index = pd.DataFrame(rows, columns=list(PICTURE_COLUMNS))
    write_csv(index, layout.inspection_index)
    for picture in set(layout.inspection_index.parent.glob("*.png")) - {layout.inspection_index.parent / name for name in index.file}:
        picture.unlink()
