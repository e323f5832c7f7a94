"""False alarms of solar arrays on real ground. No real arrays are at hand, so no row says how many of them are found.

``real_solar_by_source_left_out`` : labelled pixels and measured ground, as the training stored them in ``config/solar.json``, each source left out of the
training in turn. ``real_solar_parana`` : a river scene of eight dates, read as one year; its bridge, banks, town and marshes took no part in the training.
``real_solar_ground`` : burned ground and dead plants, and the ground of another city, none of which took part either.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio

from benchmarks.accuracy.real_table import Row, Table
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.seasons import HALVES, SEASONS
from rs_pipeline.products.solar.arrays import arrays
from rs_pipeline.products.solar.model import solar_model
from rs_pipeline.training.land_library import Spectra, measured_ground, series_features
from rs_pipeline.training.solar import called

LEFT_OUT, PARANA, GROUND = "real_solar_by_source_left_out", "real_solar_parana", "real_solar_ground"
PIXEL_M2 = 100.0
BAND_FILES = ("B02", "B03", "B04", "B05", "B08", "B11", "B12")
"""Files of OPTICAL_BANDS of a scene of the river."""


def alarm_rows(report: Mapping | None = None) -> list[Row]:
    """Share of pixels that are called arrays, by source and of all, from the report of the shipped model or of another."""
    found = (solar_model().report if report is None else report)["real"]
    table = Table(LEFT_OUT)
    spectra = [name for name in found if name.startswith("spectra")]
    groups = {"all sources": [n for n in found if n not in spectra], "measured ground": spectra, **{name: [name] for name in found}}
    for subset, names in groups.items():
        table.add("solar", "false_alarm_share", sum(found[n]["called_arrays"] for n in names) / sum(found[n]["n"] for n in names), subset=subset)
    return table.rows


def river_statistics(real: Path) -> np.ndarray:
    """STATISTICS float32 (F, h, w) of all dates of the river scene, as if they were of one year."""
    folders = sorted((real / "catalog" / "sentinel-2-l2a").glob("S2_PARANA_*"))
    refl, days = [], []
    for folder in folders:
        bands = []
        for name in BAND_FILES:
            with rasterio.open(folder / f"{name}.tif") as src:
                dn = src.read(1).astype("float32")
            bands.append(np.where(dn > 0, dn * 1e-4 - 0.1, np.nan))
        refl.append(np.stack(bands))
        day = folder.name.split("_")[2]
        days.append(date(int(day[:4]), int(day[4:6]), int(day[6:8])))
    season, half = (np.array([in_window(days, window) for window in parts.values()]) for parts in (SEASONS, HALVES))
    stack = np.stack(refl).reshape(len(days), len(OPTICAL_BANDS), -1)
    radar = np.full((len(days), len(RADAR_BANDS), stack.shape[2]), np.nan)
    return series_features(stack, season, radar, half).reshape(-1, *refl[0].shape[1:])


def parana_rows(real: Path) -> list[Row]:
    """Area that is called array in the river scene, m2 in a km2, of single pixels and of patches."""
    values, table = river_statistics(real), Table(PARANA)
    flat = values.reshape(len(values), -1)
    share = solar_model().shares(flat)[0].reshape(values.shape[1:])
    seen = np.isfinite(values).any(axis=0).sum()
    table.add("solar", "false_alarms", 1e6 * called(solar_model(), flat).sum() / seen, subset="single pixels", unit="m2/km2")
    table.add("solar", "false_alarms", 1e6 * arrays(share, PIXEL_M2).sum() / seen, subset="patches", unit="m2/km2")
    return table.rows


def is_here(ground: Path) -> bool:
    """Whether the folder of real ground is at hand."""
    return (ground / "real_spectra").is_dir()


def ground_rows(ground: Path) -> list[Row]:
    """Share of spectra that took no part in the training and are called arrays after a simulated year of moisture and weeds, by kind."""
    table = Table(GROUND)
    earth = pd.read_parquet(ground / "real_spectra" / "earthlib_measured.parquet")
    berlin = pd.read_parquet(ground / "real_spectra" / "berlin_urban.parquet")
    kinds = {f"{name}, earthlib": earth[earth.material == name] for name in ("char", "litter", "npv", "wood", "bark")}
    kinds |= {f"{label}, Berlin": part for label, part in berlin.groupby("label") if label}
    for name, spectra in kinds.items():
        refl = spectra[list(OPTICAL_BANDS)].to_numpy("float64")
        values, _ = measured_ground(Spectra(refl, np.empty((0, len(OPTICAL_BANDS)))), 1)
        table.add("solar", "false_alarm_share", float(called(solar_model(), values).mean()), subset=name)
    return table.rows
