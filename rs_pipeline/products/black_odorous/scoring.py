"""Step ``reach-scores``: evidence of each reach on each date of one tile and period.

A band is used where the channel is at least three of its native pixels wide: narrower, the banks shine in by more
than 1 % at its centre. In narrower channels the grey residual is taken from open water of the same date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import rasterize
from scipy import ndimage

from kernels.black_odorous import VETOES, grey_residual, spectra_evidence, veto
from rs_pipeline.catalog.chips import Chip, load_chips, read_stack
from rs_pipeline.catalog.reasons import stack_reasons
from rs_pipeline.config import Settings, load_sensor
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, Grid
from rs_pipeline.output.tables import write_parquet
from rs_pipeline.products.black_odorous.model import DetectorModel, load_model
from rs_pipeline.products.black_odorous.pixels import in_season
from rs_pipeline.products.black_odorous.reaches import read_water
from rs_pipeline.radiometry.masks import reject_bits
from rs_pipeline.region import read_tile

WIDTH_IN_PIXELS = 3.0
"""Least channel width in native pixels of a band: 30 m at 10 m, 60 m at 20 m, 90 m for Landsat."""

OPEN_WATER_PX = 3
"""Open water lies at least so many pixels from the bank."""

MIN_OPEN_PIXELS = 20
"""Fewer clear pixels of open water give no grey residual."""

GREEN, RED, REDEDGE, NIR, SWIR1, SWIR2 = (OPTICAL_BANDS.index(b) for b in ("green", "red", "rededge1", "nir", "swir1", "swir2"))

DTYPES = {
    "reach_id": "str", "period": "str", "day": "str", "scene_id": "str", "sensor": "str", "n_core": "int64", "logit": "float64",
    "rededge": "bool", "veto": "str", "green_refl": "float64", "grey_refl": "float64",
}  # fmt: skip
"""Columns of the scores; ``logit`` is the median of the core within +-4, before vetoes."""


@dataclass(frozen=True)
class Core:
    """Pixels of one reach that are away from its banks."""

    reach_id: str
    width_m: float
    rows: np.ndarray
    cols: np.ndarray


def core_pixels(reaches: gpd.GeoDataFrame, wet: np.ndarray, grid: Grid, min_width_m: float) -> list[Core]:
    """Core pixels of each reach: water eroded by a pixel and nearest to it; nothing is eroded below ``min_width_m``.

    Parameters
    ----------
    reaches : reach_id, kind, width_m and geometry in the CRS of the grid.
    wet : bool (h, w), water of the period.
    """
    owner = rasterize([(g, i + 1) for i, g in enumerate(reaches.geometry)], out_shape=grid.shape, transform=grid.transform, dtype="int32")
    if not owner.any():
        return []
    distance_px, nearest = ndimage.distance_transform_edt(owner == 0, return_indices=True)
    index = owner[tuple(nearest)] - 1
    limit_px = np.where(reaches.kind == "river", reaches.width_m / 2 / grid.resolution_m + 1, 0.0)
    eroded = ndimage.binary_erosion(wet, border_value=1)
    narrow = reaches.width_m.to_numpy() < min_width_m
    rows, cols = np.nonzero(np.where(narrow[index], wet, eroded) & (distance_px <= limit_px[index]))
    order = np.argsort(index[rows, cols], kind="stable")
    rows, cols = rows[order], cols[order]
    bounds = np.searchsorted(index[rows, cols], np.arange(len(reaches) + 1))
    return [
        Core(r.reach_id, float(r.width_m), rows[a:b], cols[a:b])
        for r, a, b in zip(reaches.itertuples(), bounds[:-1], bounds[1:], strict=True)
        if b > a
    ]


def open_water_swir(refl: np.ndarray, clear: np.ndarray, open_water: np.ndarray) -> np.ndarray:
    """Median SWIR1 and SWIR2 of clear open water, float (2,); NaN where there is too little of it.

    ``refl`` is (7, h, w); ``clear`` and ``open_water`` are bool (h, w).
    """
    chosen = clear & open_water
    if chosen.sum() < MIN_OPEN_PIXELS:
        return np.full(2, np.nan)
    return np.median(refl[SWIR1 : SWIR2 + 1, chosen], axis=1)


def score_date(
    core: Core, refl: np.ndarray, clear: np.ndarray, open_swir: np.ndarray, native_m: dict[str, float], model: DetectorModel,
    *, min_core_pixels: int, min_width_m: float, max_swir1_refl: float,
) -> dict | None:  # fmt: skip
    """One row of scores, or None where the date says nothing about the reach.

    Parameters
    ----------
    refl : float32 (7, h, w), bands of OPTICAL_BANDS, NaN nodata; ``clear`` bool (h, w).
    open_swir : see `open_water_swir`.
    native_m : role to native pixel size of the sensor.
    min_width_m : narrower channels are marginal; they are scored where the sensor's colour pixels are fine enough for ``min_width_m``.
    """
    wide = {role: core.width_m >= WIDTH_IN_PIXELS * size for role, size in native_m.items()}
    marginal = core.width_m < min_width_m and WIDTH_IN_PIXELS * native_m["green"] <= min_width_m
    usable = clear[core.rows, core.cols]
    if not (wide["green"] or marginal) or usable.sum() < min_core_pixels:
        return None
    spectra = refl[:, core.rows[usable], core.cols[usable]].T.astype("float64")
    swir = np.median(spectra[:, [SWIR1, SWIR2]], axis=0)
    if not wide["swir1"]:
        swir = np.fmin(swir, open_swir)
    if swir[0] > max_swir1_refl:
        return None
    grey = float(grey_residual(swir[0], swir[1]))
    rededge = wide.get("rededge1", False) and bool(np.isfinite(spectra[:, REDEDGE]).all())
    logit, _ = spectra_evidence(spectra, np.full(len(spectra), grey), rededge, model.rededge.packed, model.colour.packed)
    middle = np.median(spectra, axis=0) - grey
    return {
        "reach_id": core.reach_id, "n_core": int(usable.sum()), "logit": float(np.median(logit)), "rededge": rededge,
        "veto": VETOES[veto(middle[GREEN], middle[RED], middle[REDEDGE], middle[NIR], rededge)],
        "green_refl": float(middle[GREEN]), "grey_refl": grey,
    }  # fmt: skip


def _dates(settings: Settings, chips: list[Chip], grid: Grid) -> Iterator[tuple[Chip, np.ndarray, np.ndarray]]:
    """Reflectance float32 (7, h, w) and clear pixels bool (h, w), one scene in memory at a time."""
    dropped = stack_reasons(chips, grid, settings.masks) & reject_bits(settings.masks.black_odorous) != 0
    for t, chip in enumerate(chips):
        dn = read_stack([chip], OPTICAL_BANDS, grid)[0]
        refl = np.where(dn > 0, dn * np.float32(chip.scene.scale) + np.float32(chip.scene.offset), np.float32(np.nan))
        required = [i for i in range(len(OPTICAL_BANDS)) if i != REDEDGE]
        clear = (dn[required] > 0).all(axis=0) & ~dropped[t]
        yield chip, refl, clear


def score_reaches(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write the scores of the tile's reaches, a row a reach and scene, columns of DTYPES; always written, maybe empty.

    ``chips``: default those that were fetched.
    """
    layout, tile, section = Layout(settings.root), read_tile(settings, tile_id), settings.black_odorous
    reaches = gpd.read_parquet(layout.reach_lines)
    reaches = reaches[(reaches.tile == tile_id) & (reaches.width_class != "not_assessable")].reset_index(drop=True)
    optical = [c for c in (load_chips(settings, tile_id, period_label) if chips is None else chips) if c.family == "optical"]
    chips = [c for c, season in zip(optical, in_season(optical, section), strict=True) if season]
    rows: list[dict] = []
    if len(reaches) and chips:
        grid, model = tile.grid.buffered(settings.grid.margin_m), load_model()
        wet = read_water(settings, period_label, grid)
        cores = core_pixels(reaches, wet, grid, section.min_width_m)
        open_water = ndimage.binary_erosion(wet, iterations=OPEN_WATER_PX, border_value=1)
        for chip, refl, clear in _dates(settings, chips, grid):
            swir = open_water_swir(refl, clear, open_water)
            native_m = {b.role: b.resolution_m for b in load_sensor(chip.scene.sensor).bands}
            scene = {
                "period": period_label, "day": chip.scene.solar_day.isoformat(), "scene_id": chip.scene.scene_id, "sensor": chip.scene.sensor
            }  # fmt: skip
            for core in cores:
                row = score_date(
                    core, refl, clear, swir, native_m, model, min_core_pixels=section.min_core_pixels,
                    min_width_m=section.min_width_m, max_swir1_refl=section.max_swir1_refl,
                )  # fmt: skip
                if row is not None:
                    rows.append(scene | row)
    write_parquet(pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES), layout.reach_scores(period_label, tile_id))
