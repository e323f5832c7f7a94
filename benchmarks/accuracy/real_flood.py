"""A flood with labels drawn by hand: the Segura in September 2019, one chip of Sen1Floods11 (Bonafilia et al. 2020) with Sentinel-2 and Sentinel-1.

One date of each satellite through the kernels of the chain. The reflectance is that at the top of the atmosphere, which the chain never reads; therefore
the figures stand twice, as it is and with the chip's haze taken off. Labels were drawn on the same images and miss water under orchards.
The chip is no part of the repository: ``sample/`` of github.com/cloudtostreet/Sen1Floods11 at b9e460da, its five files in one folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.features import geometry_mask
from rs_kernels.edges import finest_median
from rs_kernels.observe import RADAR_WATER, WATER_LAYERS, Months, observe_water, radar_water
from rs_kernels.sharpen import sharpen_swir
from rs_kernels.stack import Stack

from benchmarks.accuracy.real_parana import ice_masks
from benchmarks.accuracy.real_table import Row, Table
from benchmarks.accuracy.real_water import METHODS, water_masks
from rs_pipeline.config import Settings, parse
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.calendar import may_freeze
from rs_pipeline.products.observe import EDGE_LAYERS, finish_water
from rs_pipeline.products.water.edges import Medians
from rs_pipeline.radiometry.scaling import linear_power
from rs_pipeline.validation.metrics import Counts, ratio

LATITUDE_DEG, MONTH = 38.1, 9
NO_RUN = {
    "output": "unused", "run": "flood", "units": {"path": "unused.gpkg"}, "periods": [2019],
    "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "unused"}],
}  # fmt: skip
"""A configuration for its defaults; nothing in it is read."""

WORLD = "sen1floods11_spain_7370579"
FOLDER = "sen1floods11"
FILES = {part: f"Spain_7370579_{part}Hand.tif" for part in ("S2", "S1", "Label")}
L1C_BANDS = (2, 3, 4, 5, 8, 12, 13)
"""Band of the file for each of OPTICAL_BANDS."""

CLEAR_WATER_REFL = np.array([0.012, 0.012, 0.010, 0.008, 0.006, 0.002, 0.002])
"""Darkest water in OPTICAL_BANDS: what the darkest pixels have above it is haze. A design value."""

DARKEST_PERCENT = 0.1

RIVER_PX = (
    (443, 0), (450, 30), (460, 50), (472, 75), (479, 95), (484, 120), (487, 160), (490, 175), (500, 190), (509, 200), (509, 222), (500, 230),
    (489, 250), (497, 265), (511, 280), (511, 300), (502, 330), (502, 385), (511, 405), (505, 425), (490, 445), (477, 475), (476, 511),
)  # fmt: skip
"""Row and column of vertices of the river's middle, by eye; water labelled within RIVER_REACH_PX of it is river, some 40 m wide."""

RIVER_REACH_PX = 6
SWIR_CELL_PX = 2


@dataclass(frozen=True)
class Flood:
    """The chip. refl : float64 (7, h, w), top of the atmosphere. amplitude_dn : uint16 (2, h, w), VV and VH x 1e4. label : int16 (h, w), -1 unknown, 0 land,
    1 water. river : bool (h, w), labelled water of the river."""

    refl: np.ndarray
    amplitude_dn: np.ndarray
    label: np.ndarray
    river: np.ndarray

    @property
    def without_haze(self) -> np.ndarray:
        """Reflectance less what the darkest pixels have above clear water, float64 (7, h, w)."""
        darkest = np.array([np.percentile(band[self.label >= 0], DARKEST_PERCENT) for band in self.refl])
        return self.refl - np.maximum(darkest - CLEAR_WATER_REFL, 0)[:, None, None]


def is_here(real: Path) -> bool:
    return all((real / FOLDER / name).is_file() for name in FILES.values())


def read_flood(real: Path) -> Flood:
    with rasterio.open(real / FOLDER / FILES["S2"]) as src:
        refl = src.read(L1C_BANDS) * 1e-4
    with rasterio.open(real / FOLDER / FILES["S1"]) as src:
        amplitude = 10 ** (np.nan_to_num(src.read(), nan=-99.0) / 20)
    with rasterio.open(real / FOLDER / FILES["Label"]) as src:
        label = src.read(1)
    middle = shapely.LineString([(col + 0.5, row + 0.5) for row, col in RIVER_PX]).buffer(RIVER_REACH_PX)
    near = geometry_mask([middle], label.shape, Affine.identity(), invert=True)
    return Flood(refl, np.clip(np.round(amplitude * 1e4), 0, 65535).astype("uint16"), label, near & (label == 1))


def radar_codes(flood: Flood, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Codes and power of the only month, as `radar_water` writes them."""
    shape = (1, *flood.label.shape)
    codes, power = np.zeros(shape, "int8"), np.zeros(shape, "float32")
    limits = (linear_power(db) for db in (settings.water.vv_max_db, settings.water.vh_max_db))
    radar_water(flood.amplitude_dn[None], np.array([0]), 1, *limits, codes, power)
    return codes, power


def mapped(refl: np.ndarray, flood: Flood, settings: Settings) -> np.ndarray:
    """Water of the chain on both satellites' single date, bool (h, w)."""
    one, (h, w) = np.ones(1, bool), flood.label.shape
    dn = np.clip(np.round(refl * 1e4), 1, None).astype("uint16")[None]
    scale, offset = np.full(1, 1e-4, "float32"), np.zeros(1, "float32")
    sharpen_swir(dn, scale, offset, np.array([SWIR_CELL_PX]), np.zeros(1, "int64"), np.zeros(1, "int64"))
    stack = Stack(dn, np.zeros((1, h, w), "uint16"), 0, scale, offset, np.full(1, 10, "float32"), np.zeros(1, "int64"), np.zeros(1, "int64"))
    layers = np.empty((len(WATER_LAYERS), h, w), "float32")
    observe_water(stack, Months(*radar_codes(flood, settings), one, ~one, ~one, np.zeros((h, w), bool)), 0.0, 1, layers)
    maps = dict(zip(WATER_LAYERS, layers, strict=True)) | {"fvc_peak": np.full((h, w), np.nan, "float32")}
    for name, band in zip(EDGE_LAYERS, Medians._fields, strict=True):
        maps[name] = np.empty((h, w), "float32")
        finest_median(stack, OPTICAL_BANDS.index(band), one, maps[name])
    finish_water(settings, maps, np.zeros((h, w), bool))
    return maps["class"] > 0


def flood_rows(real: Path) -> list[Row]:
    """Water, the narrow river, water by radar alone, and what the spectrum calls ice."""
    table, flood = Table(WORLD), read_flood(real)
    settings, cold = parse(NO_RUN), may_freeze(LATITUDE_DEG, np.array([MONTH]))[0]
    for subset, refl in (("top of the atmosphere", flood.refl), ("haze off", flood.without_haze)):
        spectra = np.ascontiguousarray(refl[[0, 1, 2, 4, 5, 6]].reshape(6, -1).T)
        masks = dict(zip(METHODS, water_masks(spectra).T.reshape(len(METHODS), *flood.label.shape), strict=True))
        for method, found in (masks | {"ours": mapped(refl, flood, settings), "ours, date without rims": masks["ours"]}).items():
            add_counts(table, flood, found, subset, method)
        icy = ice_masks(np.ascontiguousarray(spectra[:, [1, 2, 3, 4]])).T.reshape(2, *flood.label.shape)
        for method, found in (("NDSI, red and NIR", icy[0]), ("ours", icy[0] if cold else icy[1])):
            table.add("water", "ice_share", found[flood.label == 1].mean(), subset=f"labelled water, {subset}", method=method)
    add_counts(table, flood, radar_codes(flood, settings)[0][0] == RADAR_WATER, "radar alone", "ours")
    return table.rows


def add_counts(table: Table, flood: Flood, found: np.ndarray, subset: str, method: str) -> None:
    """Agreement of a mask with the labels, and how much of the river it has."""
    known = flood.label >= 0
    counts = Counts.of(found[known], flood.label[known] == 1)
    table.add("water", "iou", ratio(counts.tp, counts.tp + counts.fp + counts.fn), subset=subset, method=method)
    table.add("water", "recall", counts.recall, subset=subset, method=method)
    table.add("water", "precision", counts.precision, subset=subset, method=method)
    table.add("water", "false_alarm_rate", counts.false_alarm_rate, subset=subset, method=method)
    table.add("water", "recall", found[flood.river].mean(), subset=f"river of 40 m, {subset}", method=method)
