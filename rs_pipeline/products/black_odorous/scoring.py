"""Step ``reach-scores``: evidence of each reach on each date of one tile and period.

A band is used where the channel is at least three of its native pixels wide; in a narrower one, the banks add more than 1 % to the signal at its
centre. In channels too narrow for SWIR, haze and glint are read from open water of the same date. In channels too narrow even for the colour bands, the
purest half of the pixels is used: those darkest in the near infrared, in which banks are bright and water is dark.

The light that the air scatters in from the surrounding land is as strong as that of black water, and would hide or mimic its colour: it is
subtracted date by date (`without_air`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import rasterize
from rs_kernels.black_odorous import VETOES, grey_residual, spectra_evidence, surroundings_share, veto
from rs_kernels.zonal import cell_sums
from scipy import ndimage

from rs_pipeline.catalog.chips import Chip, load_chips, read_bands
from rs_pipeline.catalog.passes import Pass, clear_once, pass_flags, passes_of
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, Grid
from rs_pipeline.products.black_odorous.model import DetectorModel, load_detector
from rs_pipeline.products.black_odorous.pixels import in_season
from rs_pipeline.products.black_odorous.reaches import read_water
from rs_pipeline.radiometry.masks import flag_bits
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_tile

WIDTH_IN_PIXELS = 3.0
"""Least channel width in native pixels of a band: 30 m at 10 m, 60 m at 20 m, 90 m for Landsat."""

OPEN_WATER_PX = 3
"""Open water lies at least so many pixels from the bank."""

MIN_OPEN_PIXELS = 20
"""Least clear pixels of open water from which haze and glint are read."""

SURROUNDINGS_M = 700.0
"""Land within this distance to either side counts as the surroundings: most of what is scattered comes from there."""

CELL_PX = 10
"""Surroundings are averaged over cells of so many pixels."""

BLUE, GREEN, RED, REDEDGE, NIR, SWIR1, SWIR2 = range(len(OPTICAL_BANDS))

SCORE_DTYPES = {
    "reach_id": "str", "period": "str", "day": "str", "scene_id": "str", "sensor": "str", "native_m": "float64", "n_core": "int64",
    "logit": "float64", "rededge": "bool", "veto": "str", "blue_refl": "float64", "green_refl": "float64", "red_refl": "float64",
    "nir_refl": "float64", "grey_refl": "float64", "surroundings_share": "float64",
}  # fmt: skip
"""Columns of the scores; ``logit`` is the median of the core, unclipped and before vetoes; the reflectances are medians of the core after `without_air`.
A date with glint, ice or shadow has a row with that veto and without a ``logit``."""


@dataclass(frozen=True)
class Core:
    """Pixels of one reach that are away from its banks."""

    reach_id: str
    width_m: float
    rows: np.ndarray
    cols: np.ndarray

    @property
    def cell(self) -> tuple[int, int]:
        """The cell of `surrounding_refl` that holds its middle pixel."""
        middle = len(self.rows) // 2
        return int(self.rows[middle]) // CELL_PX, int(self.cols[middle]) // CELL_PX


def core_pixels(reaches: gpd.GeoDataFrame, wet: np.ndarray, grid: Grid, min_width_m: float) -> list[Core]:
    """Core pixels of each reach: the water nearest to it, eroded by a pixel; reaches narrower than ``min_width_m`` are not eroded.

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
    return [Core(r.reach_id, float(r.width_m), rows[a:b], cols[a:b]) for r, a, b in zip(reaches.itertuples(), bounds[:-1], bounds[1:], strict=True) if b > a]


def open_water_swir(refl: np.ndarray, clear: np.ndarray, open_water: np.ndarray) -> np.ndarray:
    """Median SWIR1 and SWIR2 of clear open water, float (2,); NaN where there is too little of it.

    ``refl`` is (7, h, w); ``clear`` and ``open_water`` are bool (h, w).
    """
    chosen = clear & open_water
    if chosen.sum() < MIN_OPEN_PIXELS:
        return np.full(2, np.nan)
    return np.median(refl[SWIR1 : SWIR2 + 1, chosen], axis=1)


def surrounding_refl(refl: np.ndarray, clear: np.ndarray, resolution_m: float) -> np.ndarray:
    """Mean reflectance of the clear pixels around every cell of CELL_PX, float64 (7, cells, cells); NaN where there are none.

    ``refl`` is (7, h, w), ``clear`` bool (h, w); the square reaches SURROUNDINGS_M to either side.
    """
    shape, size = tuple(-(-n // CELL_PX) for n in clear.shape), 2 * round(SURROUNDINGS_M / resolution_m / CELL_PX) + 1

    def total(layers: np.ndarray) -> np.ndarray:
        cells = np.empty((len(layers), *shape))
        cell_sums(layers, clear, CELL_PX, cells)
        return ndimage.uniform_filter(cells, size, mode="constant", axes=(1, 2))

    (count,) = total(clear[None])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1e-6, total(refl) / count, np.nan)


def without_air(spectra: np.ndarray, swir: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Spectra (n, 7) without surroundings and grey residual, that residual, and the share of the surroundings.

    Parameters
    ----------
    swir : float (2,), SWIR1 and SWIR2 over water of the date. around : float (7,), see `surrounding_refl`; NaN bands count as no light.
    """
    share = surroundings_share(swir[0], swir[1], around[SWIR1], around[SWIR2]) if np.isfinite(around[SWIR1]) else 0.0
    around = np.nan_to_num(around)
    grey = float(grey_residual(swir[0] - share * around[SWIR1], swir[1] - share * around[SWIR2]))
    return (spectra - grey - share * around) / (1 - share), grey, share


def purest_half(spectra: np.ndarray) -> np.ndarray:
    """The half of the spectra (n, 7) that is darkest in the near infrared, (ceil(n / 2), 7)."""
    return spectra[np.argsort(spectra[:, NIR], kind="stable")[: -(-len(spectra) // 2)]]


def score_date(
    core: Core, refl: np.ndarray, clear: np.ndarray, open_swir: np.ndarray, around: np.ndarray, native_m: dict[str, float],
    model: DetectorModel, *, min_core_pixels: int, min_width_m: float, max_swir1_refl: float,
) -> dict | None:  # fmt: skip
    """One row of scores, or None where the reach is too narrow for the sensor or has too few clear pixels.

    Parameters
    ----------
    refl : float32 (7, h, w), bands of OPTICAL_BANDS, NaN nodata; ``clear`` bool (h, w).
    open_swir : see `open_water_swir`. around : float (7,), see `surrounding_refl`.
    native_m : role to native pixel size of the sensor.
    min_width_m : narrower channels are marginal; they are scored where the sensor's colour pixels are fine enough for ``min_width_m``.
    max_swir1_refl : brighter water, less what the surroundings add, is glint or mixed.
    """
    wide = {role: core.width_m >= WIDTH_IN_PIXELS * size for role, size in native_m.items()}
    marginal = core.width_m < min_width_m and WIDTH_IN_PIXELS * native_m["green"] <= min_width_m
    usable = clear[core.rows, core.cols]
    if not (wide["green"] or marginal) or usable.sum() < min_core_pixels:
        return None
    spectra = refl[:, core.rows[usable], core.cols[usable]].T.astype("float64")
    if marginal:
        spectra = purest_half(spectra)
    swir = np.median(spectra[:, [SWIR1, SWIR2]], axis=0)
    if not wide["swir1"] and np.isfinite(open_swir).all():
        swir = open_swir
    rededge = wide.get("rededge1", False) and bool(np.isfinite(spectra[:, REDEDGE]).all())
    water, grey, share = without_air(spectra, swir, around)
    glint = swir[0] - share * np.nan_to_num(around)[SWIR1] > max_swir1_refl
    middle = np.median(water, axis=0)
    logit, _ = spectra_evidence(np.nan_to_num(water), np.zeros(len(water)), rededge, model.packed)
    cause = "glint" if glint else VETOES[veto(middle[GREEN], middle[RED], middle[REDEDGE], middle[NIR], rededge)]
    return {
        "reach_id": core.reach_id,
        "native_m": native_m["green"],
        "n_core": len(spectra),
        "logit": np.nan if glint else float(np.median(logit)),
        "rededge": rededge,
        "veto": cause,
        "grey_refl": grey,
        "surroundings_share": share,
        **{f"{name}_refl": float(middle[band]) for name, band in (("blue", BLUE), ("green", GREEN), ("red", RED), ("nir", NIR))},
    }


BLOCKS = {"ice": ("snow",), "shadow": ("shadow_confirmed", "terrain")}
"""Causes, recorded in the scores, that make a date unusable for a reach, to the flags of masked pixels that show them."""


def blocked_by(core: Core, qa: np.ndarray) -> dict | None:
    """A row for a date on which a named cause covers more than half of the core, else None; ``qa`` uint16 (h, w)."""
    bits = qa[core.rows, core.cols]
    for cause, names in BLOCKS.items():
        if 2 * np.count_nonzero(bits & flag_bits(names)) > bits.size:
            return {"reach_id": core.reach_id, "n_core": 0, "rededge": False, "veto": cause}
    return None


def clear_dates(settings: Settings, passes: list[Pass], grid: Grid) -> Iterator[tuple[Pass, np.ndarray, np.ndarray, np.ndarray]]:
    """Passes with their reflectance float32 (7, h, w), clear pixels bool (h, w) and flags uint16 (h, w), one pass's bands in memory at a time."""
    native = pass_flags(passes, grid, settings.masks)
    bad_bits = flag_bits(settings.masks.black_odorous)
    for seen, dn, clear, qa in clear_once(passes, grid, settings.masks, bad_bits, read_bands, native):
        yield seen, reflectance(dn, np.float32(seen.scene.scale), np.float32(seen.scene.offset)), clear, qa


def scored_passes(settings: Settings, chips: list[Chip]) -> list[Pass]:
    """The optical passes that black-odorous water and water quality are scored on, see `in_season`."""
    passes = passes_of([c for c in chips if c.family == "optical"])
    return [p for p, season in zip(passes, in_season(passes, settings.black_odorous), strict=True) if season]


def score_reaches(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write the scores of the tile's reaches, one row per reach and pass, columns of SCORE_DTYPES; always written, maybe empty.

    ``chips``: default those that were fetched.
    """
    layout, tile, section = Layout(settings.root), read_tile(settings, tile_id), settings.black_odorous
    reaches = gpd.read_parquet(layout.reach_lines)
    reaches = reaches[(reaches.tile == tile_id) & (reaches.width_class != "not_assessable")].reset_index(drop=True)
    passes = scored_passes(settings, load_chips(settings, tile_id, period_label) if chips is None else chips)
    rows: list[dict] = []
    if len(reaches) and passes:
        grid, model = tile.grid.buffered(settings.grid.margin_m), load_detector()
        wet = read_water(settings, period_label, grid)
        cores = core_pixels(reaches, wet, grid, section.min_width_m)
        open_water = ndimage.binary_erosion(wet, iterations=OPEN_WATER_PX, border_value=1)
        for seen, refl, clear, qa in clear_dates(settings, passes, grid):
            swir, around = open_water_swir(refl, clear, open_water), surrounding_refl(refl, clear, grid.resolution_m)
            native_m = {b.role: b.resolution_m for b in load_sensor(seen.scene.sensor).bands}
            scene = {"period": period_label, "day": seen.scene.solar_day.isoformat(), "scene_id": seen.scene.scene_id, "sensor": seen.scene.sensor}
            for core in cores:
                row = score_date(
                    core,
                    refl,
                    clear,
                    swir,
                    around[:, *core.cell],
                    native_m,
                    model,
                    min_core_pixels=section.min_core_pixels,
                    min_width_m=section.min_width_m,
                    max_swir1_refl=section.max_swir1_refl,
                )
                if row is None and WIDTH_IN_PIXELS * native_m["green"] <= max(core.width_m, section.min_width_m):
                    row = blocked_by(core, qa)
                if row is not None:
                    rows.append(scene | row)
    write_parquet(pd.DataFrame(rows, columns=list(SCORE_DTYPES)).astype(SCORE_DTYPES), layout.reach_scores(period_label, tile_id))
