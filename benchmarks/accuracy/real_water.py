"""Water of single dates: the decision tree's own test vector, and a scene of the harmonised Landsat and Sentinel collection.

Neither is the truth. The vector is the output of Water Observations from Space for 1,020 Landsat pixels; Fmask's water bit is a
by-product of cloud masking. Where ours differs from them, the rows give the reflectance of the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numba import njit
from rs_kernels.indices import mndwi, sediment_logit, water_logit, wofs_water

from benchmarks.accuracy.real_table import Row, Table, fetched
from rs_pipeline.catalog.chips import load_chips, read_role, read_stack
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.observe import observe
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.validation.metrics import Counts

SIX = ("blue", "green", "red", "nir", "swir1", "swir2")
CLOUD_OR_SHADOW = 32 | 64
"""Bits of a WOfS observation: cloud shadow, cloud."""

FMASK_WATER = 1 << 5
FMASK_CLOUDS = 0b11111
"""Cirrus, cloud, adjacent to cloud or shadow, shadow, snow."""


@njit(nogil=True)
def water_masks(refl):
    """Bool (n, 3) of spectra float64 (n, 6): our water (log-odds not negative), the tree's, MNDWI above 0."""
    out = np.empty((len(refl), 3), np.bool_)
    for i in range(len(refl)):
        blue, green, red, nir, swir1, swir2 = refl[i]
        out[i, 0] = water_logit(blue, green, red, nir, swir1, swir2, 0) + sediment_logit(blue, green, red, nir, swir1) >= 0.0
        out[i, 1] = wofs_water(blue, green, red, nir, swir1, swir2)
        out[i, 2] = mndwi(green, swir1) > 0.0
    return out


METHODS = ("ours", "WOfS tree", "MNDWI > 0")


def add_looks(table: Table, refl: np.ndarray, subset: str) -> None:
    """Median near and shortwave infrared of spectra (n, 6): open water has 0.01 to 0.02; mixed pixels, grey ground and haze have more."""
    for name, role in (("nir_median", "nir"), ("swir1_median", "swir1")):
        table.add("water", name, np.median(refl[:, SIX.index(role)]) if len(refl) else np.nan, subset=subset)


def wofs_rows(real: Path) -> list[Row]:
    """Agreement with the decision tree on its own test vector."""
    table = Table("wofs_testvector")
    vector = pd.read_csv(real / "wofs" / "wofs_testvector.csv")
    refl = vector[list(SIX)].to_numpy() * 1e-4
    tree = vector.tree_class_0_or_128.to_numpy() == 128
    wet_by_method = dict(zip(METHODS, water_masks(refl).T, strict=True))
    clear = (vector.wofl_bits & CLOUD_OR_SHADOW).to_numpy() == 0
    for subset, chosen in (("all", np.ones(len(vector), bool)), ("clear", clear)):
        for method, wet in wet_by_method.items():
            table.add("water", "agreement_with_wofs", (wet == tree)[chosen].mean(), subset=subset, method=method)
            table.add("water", "wet_only_here", (wet & ~tree)[chosen].sum(), subset=subset, method=method, unit="pixels")
            table.add("water", "wet_only_wofs", (~wet & tree)[chosen].sum(), subset=subset, method=method, unit="pixels")
    wet = wet_by_method["ours"]
    add_looks(table, refl[clear & wet & tree], "clear, both wet")
    add_looks(table, refl[clear & wet & ~tree], "clear, wet only here")
    return table.rows


LANDSAT_ITEMS = "catalog/landsat-c2-l2"
QA_CLOUDS, QA_WATER = 0b111111, 1 << 7
HAZY_SCENE = "LC08_L2SP_098084_20210503_02_T1"
"""Sea under glint and thin haze: 73 % of the scene is cloud."""

GLINT_REFL, OPEN_SEA_REFL = 0.02, 0.02
"""Reflectance added to all bands of deep sea, and the greatest NIR and SWIR1 reflectance of deep sea without glint."""


def sea_rows(real: Path) -> list[Row]:
    """Deep clear sea of Landsat scenes as it is and with a grey glint added, all sea of the scene beside clouds and glint, and clear land of all scenes:
    share classified as water."""
    table = Table("landsat_c2_l2_scenes")
    refl, wet, scene = landsat_samples(real)
    deep = refl[wet & (refl[:, [3, 4]] < OPEN_SEA_REFL).all(axis=1)]
    sea = refl[wet & (scene == HAZY_SCENE)]
    for subset, spectra in (("deep sea", deep), ("deep sea, 0.02 of glint", deep + GLINT_REFL), ("sea between clouds", sea), ("land", refl[~wet])):
        for method, found in zip(METHODS, water_masks(np.ascontiguousarray(spectra)).T, strict=True):
            table.add("water", "wet_share", found.mean(), subset=subset, method=method)
    return table.rows


def landsat_samples(real: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra float64 (n, 6) of the clear samples of all scenes, whether QA_PIXEL says water, bool (n,), and the scene's folder, str (n,)."""
    spectra, wet, scenes = [], [], []
    for folder in sorted((real / LANDSAT_ITEMS).glob("L*")):
        names = ("B2", "B3", "B4", "B5", "B6", "B7") if folder.name.startswith("LC") else ("B1", "B2", "B3", "B4", "B5", "B7")
        bands = np.stack([read_band(folder, f"SR_{name}") for name in names], axis=-1)
        qa = read_band(folder, "QA_PIXEL")
        clear = (bands > 0).all(axis=-1) & (qa & QA_CLOUDS == 0)
        spectra.append(reflectance(bands[clear].astype("float64"), 2.75e-5, -0.2))
        wet.append(qa[clear] & QA_WATER != 0)
        scenes.append(np.full(clear.sum(), folder.name))
    return np.concatenate(spectra), np.concatenate(wet), np.concatenate(scenes)


def read_band(folder: Path, name: str) -> np.ndarray:
    """Values of the only file of a folder whose name ends with ``name``."""
    (path,) = (f for f in folder.iterdir() if f.stem.upper().endswith(name) and f.suffix.lower() == ".tif")
    with rasterio.open(path) as src:
        return src.read(1)


@dataclass(frozen=True)
class HlsScene:
    """One scene through the chain. Arrays (h, w) on the run's grid; refl (h, w, 6) in SIX, NaN nodata; maps NaN where unobserved."""

    refl: np.ndarray
    fmask: np.ndarray
    seen: np.ndarray
    """Where the water map has a value, bool (h, w)."""
    wet: np.ndarray
    fvc: np.ndarray

    @property
    def clear(self) -> np.ndarray:
        """Where the water map has a value, Fmask has no cloud, shadow or snow, and no band is missing: bool (h, w)."""
        return self.seen & (self.fmask & FMASK_CLOUDS == 0) & np.isfinite(self.refl).all(axis=-1)


def observed(real: Path, folder: Path) -> HlsScene:
    """Run search, grid, fetch and observe on the scene at its own 30 m; one date makes a map."""
    settings, tile = fetched(
        folder,
        "2021",
        run="hls",
        units={"path": str(real / "regions" / "hls_quadrants.geojson")},
        periods=[2021],
        sources=[{"sensor": "hls2-s30", "catalog": str(real / "catalog")}],
        grid={"tile_px": 1024, "resolution_m": 30},
        vegetation={"min_dates": 1, "min_span_days": 0},
        water={"min_months": 1},
    )
    observe(settings, tile.id, "2021")
    (chip,) = load_chips(settings, tile.id, "2021")
    dn = read_stack([chip], OPTICAL_BANDS, tile.grid)[0]
    refl = np.stack([reflectance(dn[OPTICAL_BANDS.index(role)], chip.scene.scale, chip.scene.offset) for role in SIX], axis=-1)
    maps = {}
    for product, band in (("water", "frequency"), ("vegetation", "fvc_peak")):
        with rasterio.open(Layout(settings.root).tile_map("2021", tile.id, product)) as src:
            maps[band] = src.read(src.descriptions.index(band) + 1)
    wet = maps["frequency"] >= settings.water.seasonal_frequency
    return HlsScene(refl, read_role(chip, "mask", tile.grid), np.isfinite(maps["frequency"]), wet, maps["fvc_peak"])


def hls_rows(real: Path, scene: HlsScene) -> list[Row]:
    """Our water against Fmask's on clear pixels, missing numbers, and vegetation cover where the scene leaves no doubt about it."""
    table = Table("hls_t15sxr_2021250")
    invalid = raw_invalid(real)
    table.add("radiometry", "invalid_pixels", invalid.sum(), subset="-32768 in any band", unit="pixels")
    inside = np.zeros(scene.fmask.shape, bool)
    inside[1 : 1 + invalid.shape[0], 1 : 1 + invalid.shape[1]] = invalid
    table.add("radiometry", "invalid_pixels_mapped", scene.seen[inside].sum(), subset="-32768 in any band", unit="pixels")
    clear = scene.clear
    fmask_wet = scene.fmask[clear] & FMASK_WATER != 0
    wet_by_method = dict(zip(METHODS, water_masks(scene.refl[clear]).T, strict=True)) | {"ours": scene.wet[clear]}
    table.add("water", "clear_share", clear.sum() / (scene.fmask != 255).sum(), subset="Fmask clear")
    for method, wet in wet_by_method.items():
        counts = Counts.of(wet, fmask_wet)
        for metric in ("precision", "recall", "f1"):
            table.add("water", f"{metric}_to_fmask", getattr(counts, metric), subset="Fmask clear", method=method)
        table.add("water", "wet_pixels", wet.sum(), subset="Fmask clear", method=method, unit="pixels")
    table.add("water", "wet_pixels", fmask_wet.sum(), subset="Fmask clear", method="Fmask", unit="pixels")
    wet = scene.wet[clear]
    looks = {"both wet": wet & fmask_wet, "wet only here": wet & ~fmask_wet, "wet only Fmask": ~wet & fmask_wet}
    for name, chosen in looks.items():
        add_looks(table, scene.refl[clear][chosen], name)
    add_vegetation(table, scene, clear)
    return table.rows


def raw_invalid(real: Path) -> np.ndarray:
    """Where any band of the file holds -32768, bool (1000, 1000)."""
    folder = next((real / "catalog" / "hls2-s30").glob("HLS*"))
    out = np.zeros((1000, 1000), bool)
    for name in ("B02", "B03", "B04", "B8A", "B11", "B12"):
        with rasterio.open(next(folder.glob(f"*.{name}.tif"))) as src:
            out |= src.read(1) == -32768
    return out


def add_vegetation(table: Table, scene: HlsScene, clear: np.ndarray) -> None:
    """Cover where its true value is certain from the greenness: near 0 on bare ground, near 1 in closed canopy, 0 on water."""
    red, nir = scene.refl[..., SIX.index("red")], scene.refl[..., SIX.index("nir")]
    ndvi = (nir - red) / np.where(nir + red > 0.005, nir + red, np.nan)
    land = clear & ~scene.wet
    for subset, chosen in (("land, NDVI < 0.15", land & (ndvi < 0.15)), ("land, NDVI > 0.85", land & (ndvi > 0.85)), ("water", clear & scene.wet)):
        table.add("vegetation", "fvc_median", np.nanmedian(scene.fvc[chosen]) if chosen.any() else np.nan, subset=subset)
    cloudy = scene.fmask & 0b1111 != 0
    table.add("vegetation", "mapped_share", np.isfinite(scene.fvc[cloudy]).mean(), subset="Fmask cloud, shadow or adjacent")
    table.add("vegetation", "mapped_share", np.isfinite(scene.fvc[clear]).mean(), subset="Fmask clear")
