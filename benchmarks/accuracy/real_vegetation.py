"""Vegetation cover against the FCOVER networks of ESA's SNAP toolbox: on their own test cases and on real scenes.

FCOVER is the most used vegetation cover of Sentinel-2, but not the truth: the test cases are simulated canopies (PROSAIL), and on
land the network is known to be low in clumped forest. The rows give the difference between ours and FCOVER.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numba import njit
from rs_kernels.indices import fractional_cover, ndvi

from benchmarks.accuracy.real_parana import ITEMS, River
from benchmarks.accuracy.real_table import Row, Table, correlation
from benchmarks.accuracy.real_water import SIX, HlsScene
from rs_pipeline.config import VegetationSection
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.vegetation.pixels import cover_model, endmembers, network_of
from rs_pipeline.products.vegetation.snap import read_snap
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.validation.metrics import bias, concordance, rmse

DEFAULT_ANGLES_DEG = (5.0, 45.0, 90.0)
"""View zenith, sun zenith and relative azimuth where a catalog gives none; 15 degrees of sun zenith change FCOVER by 0.03."""

S2_BANDS = ("B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12")
MEAN_SUN_DEG = 50.0
MAX_LAND_BLUE = 0.15
"""Pixels with a higher blue reflectance are taken for cloud: the river's scenes have no cloud mask."""


@dataclass(frozen=True)
class Network:
    """One published network: inputs are reflectances, then the cosines of view zenith, sun zenith and relative azimuth."""

    limits: np.ndarray
    """Minimum and maximum of each input, (n, 2)."""
    domain: np.ndarray
    """Minimum and maximum of each reflectance it was trained on, (2, bands)."""
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: float
    out_limits: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> Network:
        """From a folder of SNAP's auxdata, such as ``3_0/S2A/FCOVER``."""

        def numbers(name):
            return np.loadtxt(folder / f"FCOVER_{name}", delimiter=",")

        return cls(
            numbers("Normalisation"),
            numbers("DefinitionDomain_MinMax"),
            numbers("Weights_Layer1_Neurons"),
            numbers("Weights_Layer1_Bias"),
            numbers("Weights_Layer2_Neurons"),
            float(numbers("Weights_Layer2_Bias")),
            numbers("Denormalisation"),
        )

    def cover(self, inputs: np.ndarray) -> np.ndarray:
        """FCOVER 0-1 of inputs (m, n); NaN where a band is outside its training range or the output is not a valid cover."""
        low, high = self.limits.T
        y = self.out_bias + np.tanh(self.hidden_bias + (2 * (inputs - low) / (high - low) - 1) @ self.hidden.T) @ self.out
        cover = 0.5 * (y + 1) * (self.out_limits[1] - self.out_limits[0]) + self.out_limits[0]
        bands = inputs[:, : self.domain.shape[1]]
        known = ((bands >= self.domain[0]) & (bands <= self.domain[1])).all(axis=1) & (cover > -0.1) & (cover < 1.1)
        return np.where(known, np.clip(cover, 0, 1), np.nan)


def with_angles(refl: np.ndarray, angles_deg: tuple[float, float, float] = DEFAULT_ANGLES_DEG) -> np.ndarray:
    """Inputs (m, bands + 3): reflectance (m, bands) and the cosines of view zenith, sun zenith and relative azimuth."""
    return np.column_stack([refl, np.tile(np.cos(np.radians(angles_deg)), (len(refl), 1))])


@njit(nogil=True)
def dimidiate(red, nir, ndvi_soil, ndvi_vegetation, k):
    """Vegetation fraction float64 (n,) of red and near infrared reflectance, as the chain computes it for one date with `vegetation.method: dimidiate`."""
    out = np.empty(red.size)
    for i in range(red.size):
        value = ndvi(red[i], nir[i])
        out[i] = fractional_cover(value, ndvi_soil, ndvi_vegetation, k) if value == value else np.nan
    return out


def by_ndvi(red: np.ndarray, nir: np.ndarray) -> dict[str, np.ndarray]:
    """The K-corrected dimidiate fraction, and the plain one with the same endmembers, which most studies use."""
    soil, leaves, k = endmembers(VegetationSection())
    red, nir = (np.ascontiguousarray(a, "float64") for a in (red, nir))
    return {"K-corrected dimidiate": dimidiate(red, nir, soil, leaves, k), "plain NDVI dimidiate": dimidiate(red, nir, soil, leaves, 1.0)}


def by_network(name: str, refl: dict[str, np.ndarray], sun_elevation_deg: float | np.ndarray | None) -> np.ndarray:
    """Cover (m,) of our network, NaN where the spectrum is outside its training range, of reflectances (m,) by band."""
    missing = np.zeros(len(refl["red"]))
    cover, known = cover_model(None).networks[name].estimate_cover(np.column_stack([refl.get(b, missing) for b in OPTICAL_BANDS]), sun_elevation_deg)
    return np.where(known, cover, np.nan)


def add_agreement(table: Table, methods: dict[str, np.ndarray], fcover: np.ndarray, subset: str) -> None:
    for method, found in methods.items():
        for metric, measure in (("bias", bias), ("rmse", rmse), ("r", correlation), ("concordance", concordance)):
            table.add("vegetation", f"{metric}_to_fcover", measure(found, fcover), subset=subset, method=method)


def fcover_rows(real: Path) -> list[Row]:
    """The test cases of the networks, and how exactly our reading of the networks reproduces them."""
    table = Table("snap_fcover_cases")
    folder = real / "fcover_auxdata" / "3_0"
    cases = np.loadtxt(folder / "S2A" / "FCOVER" / "FCOVER_TestCases", delimiter=",")
    small = np.loadtxt(folder / "S2A_10m" / "FCOVER" / "FCOVER_TestCases", delimiter=",")
    full, quick = (Network.read(folder / name / "FCOVER") for name in ("S2A", "S2A_10m"))
    for name, network, rows in (("S2A, 20 m", full, cases), ("S2A, 10 m", quick, small)):
        error = np.abs(network.cover(rows[:, :-1]) - rows[:, -1])
        table.add("vegetation", "network_largest_error", np.nanmax(error), subset=name, method="SNAP network")
    green, red, nir = cases[:, 0], cases[:, 1], cases[:, 5]
    by_ten = quick.cover(np.column_stack([green, red, nir, cases[:, 8:11]]))
    bands = dict(zip(("green", "red", "rededge1", "nir", "swir1", "swir2"), cases[:, [0, 1, 2, 5, 6, 7]].T, strict=True))
    mine = by_network("s2_20m", bands, np.degrees(np.arcsin(cases[:, 9])))
    add_agreement(table, {"ours": mine, "SNAP 10 m network": by_ten} | by_ndvi(red, nir), cases[:, -1], "S2A, 20 m, 41,472 canopies, B8A")
    bands = dict(zip(("green", "red", "nir"), small[:, :3].T, strict=True))
    mine = by_network("s2_10m", bands, np.degrees(np.arcsin(small[:, 4])))
    add_agreement(table, {"ours": mine} | by_ndvi(bands["red"], bands["nir"]), small[:, -1], "S2A, 10 m, 132 canopies, B08")
    return table.rows


GROUND_SERIES = "real_ground/real_land/s2_s1_series.parquet"
DENSE_COVER = 0.7


def ground_rows(real: Path) -> list[Row]:
    """Monthly surface reflectance of 675 labelled pixels, most of them crops: ours against SNAP's 10 m network, for all pixels and where SNAP
    gives dense cover. The data set is in a folder beside ``real``."""
    table, series = Table("worldcereal_series"), pd.read_parquet(real.parent / GROUND_SERIES)
    series = series[~(series.suspect | series.no_optical | series.bright)].dropna(subset=list(OPTICAL_BANDS))
    refl = series[list(OPTICAL_BANDS)].to_numpy()
    snap, _ = read_snap(real / "fcover_auxdata" / "3_0").networks["s2_10m"].estimate_cover(refl, MEAN_SUN_DEG)
    for name in ("s2_20m", "s2_10m"):
        mine = by_network(name, dict(zip(OPTICAL_BANDS, refl.T, strict=True)), MEAN_SUN_DEG)
        add_agreement(table, {"ours": mine} | by_ndvi(refl[:, OPTICAL_BANDS.index("red")], refl[:, OPTICAL_BANDS.index("nir")]), snap, f"pixel-months, {name}")
        dense = snap > DENSE_COVER
        table.add("vegetation", "bias_to_fcover", bias(mine[dense], snap[dense]), subset=f"pixel-months of dense cover, {name}")
    return table.rows


def parana_rows(real: Path, river: River) -> list[Row]:
    """Banks of the Parana on dates without glint and cloud: ours against SNAP's 20 m network."""
    table = Table("gistaq_parana")
    network = Network.read(real / "fcover_auxdata" / "3_0" / "S2A" / "FCOVER")
    dry = river.map("water", "frequency") == 0
    glint = set(river.samples.fecha[river.glint])
    found: dict[str, list[np.ndarray]] = {}
    fcover = []
    for chip, image in zip(river.chips, river.images, strict=True):
        if chip.scene.solar_day.isoformat() in glint:
            continue
        bands = read_bands(real / ITEMS / chip.scene.scene_id, river, chip.scene.offset)
        land = dry & np.isfinite(image).all(axis=0) & np.isfinite(bands).all(axis=0) & (image[OPTICAL_BANDS.index("blue")] < MAX_LAND_BLUE)
        fcover.append(network.cover(with_angles(bands[:, land].T)))
        seen = dict(zip(OPTICAL_BANDS, image[:, land], strict=True))
        mine = by_network(network_of(chip.scene), seen, chip.scene.sun_elevation_deg)
        for method, values in ({"ours": mine} | by_ndvi(seen["red"], seen["nir"])).items():
            found.setdefault(method, []).append(values)
    expected = np.concatenate(fcover)
    table.add("vegetation", "pixel_dates", np.isfinite(expected).sum(), subset="banks, 5 clear dates", unit="pixels")
    add_agreement(table, {m: np.concatenate(v) for m, v in found.items()}, expected, "banks, 5 clear dates")
    return table.rows


def read_bands(folder: Path, river: River, offset: float) -> np.ndarray:
    """Reflectance of the network's bands on the run's grid, float64 (8, h, w), NaN outside and where there is no data."""
    grid = river.tile.grid
    out = np.full((len(S2_BANDS), *grid.shape), np.nan)
    for b, name in enumerate(S2_BANDS):
        with rasterio.open(folder / f"{name}.tif") as src:
            values = reflectance(src.read(1).astype("float64"), 1e-4, offset)
            row, col = round((grid.top - src.transform.f) / grid.resolution_m), round((src.transform.c - grid.left) / grid.resolution_m)
        out[b, row : row + values.shape[0], col : col + values.shape[1]] = values
    return out


def hls_rows(real: Path, scene: HlsScene) -> list[Row]:
    """Clear land of the HLS scene: ours against the Landsat 8 network, nadir view as the product is normalised.

    Both are computed from the same reflectance, because the map of the chain has restored edges and FCOVER has not.
    """
    table = Table("hls_t15sxr_2021250")
    network = Network.read(real / "fcover_auxdata" / "3_0" / "LANDSAT8" / "FCOVER")
    land = scene.clear & ~scene.wet & np.isfinite(scene.fvc)
    refl = scene.refl[land]
    fcover = network.cover(with_angles(refl[:, [SIX.index(b) for b in ("green", "red", "nir", "swir1", "swir2")]], (0.0, 31.75, 0.0)))
    mine = by_network("landsat_oli", dict(zip(SIX, refl.T, strict=True)), 90 - 31.75)
    add_agreement(table, {"ours": mine} | by_ndvi(refl[:, SIX.index("red")], refl[:, SIX.index("nir")]), fcover, "clear land")
    return table.rows
