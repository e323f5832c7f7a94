"""The Parana near Corrientes: eight Sentinel-2 dates with samples taken beside a bridge and analysed in a laboratory.

Reflectance is compared with ACOLITE's of the same pixels, a second atmospheric correction made for water; it is not the truth, and
the two differ most where there is glint. Turbidity is compared with the laboratory. None of this water is black-odorous, so
every pixel that the detector flags is a false alarm.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
from numba import njit
from rs_kernels.black_odorous import MAX_GREY_REFL, POSSIBLE, SUSPECTED
from rs_kernels.indices import is_bright_as_snow, is_ice
from rs_kernels.water_quality import COASTAL_PER_BLUE, NIR_859_PER_833, floating_share, secchi_depth, turbidity_dogliotti, turbidity_nechad
from scipy import ndimage

from benchmarks.accuracy.real_black import boi_accuses, detector_accuses
from benchmarks.accuracy.real_table import Row, Table, correlation, fetched, mean_absolute_error, searched, share_within
from rs_pipeline.catalog.chips import Chip, load_chips, read_stack, scales
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, Tile
from rs_pipeline.products.calendar import may_freeze
from rs_pipeline.products.observe import latitude_deg, observe, read_sharpened
from rs_pipeline.products.water.quality import BANK_PX
from rs_pipeline.radiometry.scaling import reflectance
from rs_pipeline.validation.metrics import bias, ratio

WORLD = "gistaq_parana"
PERIOD = "all"
ESA_NAMES = dict(zip(OPTICAL_BANDS, ("B02", "B03", "B04", "B05", "B08", "B11", "B12"), strict=True))
COMPARED = ("blue", "green", "red", "rededge1", "nir")
WITHIN_REFL = 0.01

ITEMS = "catalog/sentinel-2-l2a"
WORLDS = {"Parana": WORLD, "Barbellino": "sen2r_barbellino"}
REGIONS = {"Parana": "regions/parana_zones.geojson", "Barbellino": "regions/barbellino.geojson"}
PERIODS = {"Parana": {"label": PERIOD, "start": "2023-01-01", "end": "2025-12-31"}, "Barbellino": {"label": PERIOD, "start": "2017-01-01", "end": "2019-12-31"}}
TRUE_OFFSET = {"Parana": -0.1, "Barbellino": 0.0}


@dataclass(frozen=True)
class River:
    """A run of the chain over the river, and the match-ups of its samples.

    samples : a row a sample, with ``turb`` in NTU, ``sol_sus`` in mg/L, ACOLITE_Bxx. refl : float64 (n, 7), the chain's
    reflectance of the pixel each sample lies in, OPTICAL_BANDS, NaN nodata.
    """

    settings: Settings
    tile: Tile
    chips: list[Chip]
    samples: pd.DataFrame
    refl: np.ndarray

    @property
    def glint(self) -> np.ndarray:
        """bool (n,): samples of dates whose median SWIR1 over the samples exceeds what the detector accepts (0.025)."""
        swir1 = self.samples.assign(swir1=self.refl[:, OPTICAL_BANDS.index("swir1")]).groupby("fecha").swir1.transform("median")
        return (swir1 > self.settings.black_odorous.max_swir1_refl).to_numpy()

    @property
    def grey(self) -> np.ndarray:
        """Residual of haze and glint of each sample (n,)."""
        return np.clip(self.refl[:, 5:7].min(axis=1), -MAX_GREY_REFL, MAX_GREY_REFL)

    @cached_property
    def images(self) -> np.ndarray:
        """Reflectance of all dates as the products see it (SWIR sharpened), float64 (T, 7, h, w), NaN nodata."""
        dn = read_sharpened(self.chips, self.tile.grid)
        return np.stack([reflectance(d, float(s), float(o)) for d, s, o in zip(dn, *scales(self.chips), strict=True)])

    def map(self, product: str, band: str) -> np.ndarray:
        """A band of a tile map that observe wrote, float32 (h, w)."""
        with rasterio.open(Layout(self.settings.root).tile_map(PERIOD, self.tile.id, product)) as src:
            return src.read(src.descriptions.index(band) + 1)

    def subsets(self) -> dict[str, np.ndarray]:
        return {"clear dates": ~self.glint, "glint dates": self.glint}


def run_values(real: Path) -> dict:
    return {
        "run": "parana",
        "units": {"path": str(real / REGIONS["Parana"])},
        "grid": {"tile_px": 256},
        "periods": [PERIODS["Parana"]],
        "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(real / "catalog"), "allow_unmasked": True}],
        "black_odorous": {"window": ["01-01", "12-31"]},
    }


def observed(real: Path, folder: Path) -> River:
    """Run search, grid, fetch and observe over the river, and read the pixel of every sample."""
    settings, tile = fetched(folder, PERIOD, **run_values(real))
    observe(settings, tile.id, PERIOD)
    chips = load_chips(settings, tile.id, PERIOD)
    samples = pd.read_csv(real / "water_quality" / "parana" / "matchups_offset_removed.csv")
    return River(settings, tile, chips, samples, sample_refl(chips, tile, samples))


def sample_refl(chips: list[Chip], tile: Tile, samples: pd.DataFrame) -> np.ndarray:
    """Reflectance (n, 7) of the native pixel of its date that contains each sample."""
    to_grid = pyproj.Transformer.from_crs(4326, tile.grid.crs, always_xy=True)
    row, col = rasterio.transform.rowcol(tile.grid.transform, *to_grid.transform(samples.longitud.to_numpy(), samples.latitud.to_numpy()))
    if np.min([row, col]) < 0:
        raise ValueError("a sample lies outside the run's tile")
    dn = read_stack(chips, OPTICAL_BANDS, tile.grid)
    dates = [c.scene.solar_day.isoformat() for c in chips]
    date = [dates.index(day) for day in samples.fecha]
    return np.stack([reflectance(dn[t, :, y, x], chips[t].scene.scale, chips[t].scene.offset) for t, y, x in zip(date, row, col, strict=True)])


def parana_rows(real: Path, river: River, folder: Path) -> list[Row]:
    """All figures of the river; ``folder`` takes the searches that test offsets."""
    table = Table(WORLD)
    add_reflectance(table, river)
    add_turbidity(table, river)
    add_transparency(table, river)
    add_floating(table, river)
    add_false_alarms(table, river)
    add_ice(table, river)
    return [*offset_rows(real, folder), *table.rows]


def add_ice(table: Table, river: River) -> None:
    """Share of the river's pixels classified as ice on the dates of December (summer at 27 degrees south): by the spectrum alone and by ours."""
    wet = river.map("water", "frequency") >= 0.75
    green, red, nir, swir1 = (OPTICAL_BANDS.index(b) for b in ("green", "red", "nir", "swir1"))
    for chip, image in zip(river.chips, river.images, strict=True):
        day = chip.scene.solar_day
        if day.month != 12:
            continue
        spectra = image[:, wet & np.isfinite(image).all(axis=0)].T[:, [green, red, nir, swir1]]
        icy, snowy = ice_masks(np.ascontiguousarray(spectra)).T
        cold = may_freeze(latitude_deg(river.tile.grid), np.array([day.month]))[0]
        for method, share in (("NDSI, red and NIR", icy.mean()), ("ours", (icy if cold else snowy).mean())):
            table.add("water", "ice_share", share, subset=f"river pixels, {day.isoformat()}", method=method)


@njit(nogil=True)
def ice_masks(refl):
    """Bool (n, 2) of green, red, NIR, SWIR1 float64 (n, 4): ice, and ice as bright as snow."""
    out = np.empty((len(refl), 2), np.bool_)
    for i in range(len(refl)):
        green, red, nir, swir1 = refl[i]
        out[i, 0] = is_ice(green, red, nir, swir1)
        out[i, 1] = out[i, 0] and is_bright_as_snow(red, nir)
    return out


def offset_rows(real: Path, folder: Path) -> list[Row]:
    """Share of scenes used with the right and with a wrong offset (the rest are refused): with the catalogued metadata, and with metadata that state the opposite."""
    rows = []
    for place, world in WORLDS.items():
        table = Table(world)
        values = run_values(real) | {"run": place, "units": {"path": str(real / REGIONS[place])}, "periods": [PERIODS[place]]}
        lying = dict(values["sources"][0], catalog=str(lying_catalog(real, folder / f"lies-{place}", TRUE_OFFSET[place])), folders=[str(real)])
        for subset, sources in (("metadata as found", values["sources"]), ("metadata reversed", [lying])):
            settings = searched(folder / subset.replace(" ", "-"), **(values | {"sources": sources}))
            scenes = read_ledger(Layout(settings.root).scenes)
            right = [abs(s.offset - TRUE_OFFSET[place]) < 1e-9 for s in scenes if s.status == "used"]
            table.add("radiometry", "offset_right", ratio(sum(right), len(scenes)), subset=subset)
            table.add("radiometry", "offset_wrong", ratio(len(right) - sum(right), len(scenes)), subset=subset)
            table.add("radiometry", "offset_right", float(subset == "metadata as found"), subset=subset, method="metadata alone")
        rows += table.rows
    return rows


def lying_catalog(real: Path, folder: Path, true_offset: float) -> Path:
    """The Sentinel-2 items with the opposite flag and raster:bands offset and without baseline; the pixels are unchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((real / ITEMS).glob("*/*.json")):
        item = json.loads(path.read_text("utf-8"))
        item["properties"]["earthsearch:boa_offset_applied"] = true_offset != 0
        item["properties"].pop("s2:processing_baseline", None)
        for asset in item["assets"].values():
            asset["href"] = str((path.parent / asset["href"]).resolve())
            for band in asset.get("raster:bands", ()):
                band["offset"] = -0.1 - true_offset
        (folder / path.name).write_text(json.dumps(item), "utf-8")
    return folder


def add_reflectance(table: Table, river: River) -> None:
    """The chain's numbers against the published ones, and against ACOLITE, before and after haze and glint are removed."""
    published = river.samples[[f"L2A_{ESA_NAMES[r]}" for r in OPTICAL_BANDS]].to_numpy()
    table.add("radiometry", "largest_difference_to_published", np.nanmax(np.abs(river.refl - published)), subset="96 samples, 7 bands")
    for name, chosen in river.subsets().items():
        table.add("radiometry", "dates", river.samples.fecha[chosen].nunique(), subset=name, unit="dates")
        for role in COMPARED:
            seen = river.refl[chosen, OPTICAL_BANDS.index(role)]
            other = river.samples[f"ACOLITE_{ESA_NAMES[role]}"].to_numpy()[chosen]
            for method, refl in (("ours", seen), ("ours, residual removed", seen - river.grey[chosen])):
                subset = f"{role}, {name}"
                table.add("radiometry", "bias_to_acolite", bias(refl, other), subset=subset, method=method)
                table.add("radiometry", "mae_to_acolite", mean_absolute_error(refl, other), subset=subset, method=method)
                table.add("radiometry", "share_within_0.01_of_acolite", share_within(refl, other, WITHIN_REFL), subset=subset, method=method)


@njit(nogil=True)
def turbidities(red, nir):
    """Turbidity in FNU of samples, float64 (n,): by red and near infrared, and by red alone."""
    blended, by_red = np.empty(red.size), np.empty(red.size)
    for i in range(red.size):
        blended[i] = turbidity_dogliotti(red[i], nir[i])
        by_red[i] = turbidity_nechad(red[i])
    return blended, by_red


def red_regression(red: np.ndarray, measured: np.ndarray, dates: np.ndarray) -> np.ndarray:
    """log10 of the measured quantity regressed on log10 of red, each date predicted from the others."""
    known = np.isfinite(measured) & (measured > 0) & (red > 0)
    out = np.full(red.size, np.nan)
    for day in np.unique(dates):
        used, asked = known & (dates != day), (dates == day) & (red > 0)
        slope, intercept = np.polyfit(np.log10(red[used]), np.log10(measured[used]), 1)
        out[asked] = 10 ** (intercept + slope * np.log10(red[asked]))
    return out


def turbidity_methods(river: River) -> dict[str, np.ndarray]:
    """Turbidity of every sample by method."""
    red, nir = (river.refl[:, OPTICAL_BANDS.index(r)] for r in ("red", "nir"))
    nir_narrow = river.samples.L2A_B8A.to_numpy()
    measured, dates = river.samples.turb.to_numpy(), river.samples.fecha.to_numpy()
    clean, by_red = turbidities(red - river.grey, NIR_859_PER_833 * (nir - river.grey))
    return {
        "ours": clean,
        "Dogliotti, B08 as it is": turbidities(red - river.grey, nir - river.grey)[0],
        "Dogliotti with B8A": turbidities(red - river.grey, nir_narrow - river.grey)[0],
        "Dogliotti, residual kept": turbidities(red, nir)[0],
        "Dogliotti on ACOLITE": turbidities(river.samples.ACOLITE_B04.to_numpy(), river.samples.ACOLITE_B8A.to_numpy())[0],
        "Nechad, red alone": by_red,
        "red regression, other dates": red_regression(red - river.grey, measured, dates),
    }


def add_turbidity(table: Table, river: River) -> None:
    """Turbidity and suspended solids against the laboratory."""
    methods = turbidity_methods(river)
    turbidity, solids = river.samples.turb.to_numpy(), river.samples.sol_sus.to_numpy()
    for name, chosen in river.subsets().items():
        for method, found in methods.items():
            table.add_log("turbidity", found[chosen], turbidity[chosen], subset=name, method=method)
        for method in ("ours", "red regression, other dates"):
            found, measured = methods[method][chosen], solids[chosen]
            table.add("suspended_solids", "r_log10", correlation(np.log10(found), np.log10(measured)), subset=name, method=method)
        both = correlation(np.log10(turbidity[chosen]), np.log10(solids[chosen]))
        table.add("suspended_solids", "r_log10", both, subset=name, method="laboratory turbidity")


def add_transparency(table: Table, river: River) -> None:
    """Transparency against Secchi depths taken from the bridge."""
    coastal = river.samples.L2A_B01.to_numpy() - river.grey
    blue, green, red = (river.refl[:, OPTICAL_BANDS.index(r)] - river.grey for r in ("blue", "green", "red"))
    measured = river.samples.secchi.to_numpy() / 100
    turbidity = turbidity_methods(river)["ours"]
    methods = {
        "ours": depths_m(COASTAL_PER_BLUE * blue, blue, green, red),
        "Lee with the coastal band": depths_m(coastal, blue, green, red),
        "red regression, other dates": red_regression(red, measured, river.samples.fecha.to_numpy()),
        "turbidity regression, other dates": red_regression(turbidity, measured, river.samples.fecha.to_numpy()),
    }
    for name, chosen in river.subsets().items():
        for method, found in methods.items():
            table.add_log("transparency", found[chosen], measured[chosen], subset=name, method=method)


def depths_m(coastal: np.ndarray, blue: np.ndarray, green: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Secchi depth in m of samples, float64 (n,)."""
    return np.array([secchi_depth(*bands) for bands in zip(coastal, blue, green, red, strict=True)])


def add_floating(table: Table, river: River) -> None:
    """Share of the river's pixels on which algae or plants are said to float, date by date. Pixels away from the bank, as for lakes; no mask of clouds."""
    wet = ndimage.binary_erosion(np.nan_to_num(river.map("water", "frequency")) >= river.settings.water.permanent_frequency, iterations=BANK_PX)
    red, nir, swir1 = (OPTICAL_BANDS.index(r) for r in ("red", "nir", "swir1"))
    for chip, image in zip(river.chips, river.images, strict=True):
        s = image[:, wet & np.isfinite(image).all(axis=0)]
        for method, share in (("ours", floating_share(s[red], s[nir], s[swir1])), ("NDVI > 0", float((s[nir] > s[red]).mean()))):
            table.add("floating", "false_alarm_share", share, subset=f"river pixels, {chip.scene.solar_day.isoformat()}", method=method)


def add_false_alarms(table: Table, river: River) -> None:
    """Share of the river's pixels flagged on each date, and classified as black-odorous by the map of all dates."""
    section = river.settings.black_odorous
    wet = np.nan_to_num(river.map("water", "frequency")) >= river.settings.water.seasonal_frequency
    for chip, image in zip(river.chips, river.images, strict=True):
        spectra = image[:, wet].T
        spectra = spectra[np.isfinite(spectra).all(axis=1)]
        assessed = spectra[spectra[:, 5] <= section.max_swir1_refl]
        day = chip.scene.solar_day.isoformat()
        table.add("black_odorous", "assessed_share", ratio(len(assessed), len(spectra)), subset=f"river pixels, {day}")
        for method, accuses in (("ours", detector_accuses), ("BOI <= 0.065", boi_accuses)) if len(assessed) else ():
            table.add("black_odorous", "false_alarm_share", accuses(assessed).mean(), subset=f"river pixels, {day}", method=method)
    classes = river.map("black_odorous", "class")[wet]
    for name, call in (("suspected", SUSPECTED), ("possible", POSSIBLE)):
        table.add("black_odorous", f"{name}_share", ratio((classes == call).sum(), np.isfinite(classes).sum()), subset="river pixels, all dates")
    table.add("black_odorous", "pixels", wet.sum(), subset="river pixels, all dates", unit="pixels")
