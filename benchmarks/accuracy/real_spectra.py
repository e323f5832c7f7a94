"""In-situ water reflectance of five coasts and estuaries (Nechad et al. 2015), 336 spectra in nine MERIS bands with chlorophyll and
suspended matter. Compares real spectra with the range of our optical model, and counts false alarms of the detector on real water.

The spectra are water reflectance pi * Rrs: their largest red (0.16) is just below the 0.173 at which red saturates.
They end at 709 nm; the near infrared is continued from there as pure water absorbs, with the model's own formula.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rs_kernels.black_odorous import ndci
from rs_kernels.water_quality import (
    COASTAL_PER_BLUE,
    NIR_859_PER_833,
    TURBIDITY_RED,
    chlorophyll_ndci,
    secchi_depth,
    semi_analytical,
    turbidity_dogliotti,
    turbidity_nechad,
)

from benchmarks.accuracy.real_black import boi_accuses, detector_accuses
from benchmarks.accuracy.real_table import Row, Table
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.water.quality import MAX_CHLOROPHYLL_TURBIDITY_FNU
from rs_pipeline.simulation.optics import band_values, response_nm, water_absorption, water_bands
from rs_pipeline.training.water_types import WATER_TYPES, simulate_water
from rs_pipeline.validation.metrics import interval_coverage, ratio

WORLD = "nechad2015_insitu"
PLATFORM = "sentinel-2a"
SEEN = ("blue", "green", "red", "rededge1")
"""Bands that the nine wavelengths cover."""
MISSING = 999.0
RATIOS = (("blue", "green"), ("red", "green"), ("rededge1", "red"))
SEED, DRAWS = 1, 400
ENVELOPE = (0.5, 99.5)
EDGE_NM = 708.75
RESPONSE_COLUMNS = {"blue": "SR_AV_B2", "green": "SR_AV_B3", "red": "SR_AV_B4", "rededge1": "SR_AV_B5"}


def read_spectra(real: Path) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The table (chl in mg/m3 and tsm in g/m3 with NaN for missing), its wavelengths (9,) and water reflectance (n, 9)."""
    table = pd.read_csv(real / "water_quality" / "insitu" / "nechad2015_spectra.csv")
    table = table.rename(columns={"X.Chl_a..ug.L.": "chl", "X.TSM..mg.l.": "tsm"})
    for name in ("chl", "tsm"):
        table[name] = table[name].where(table[name] < MISSING)
    columns = [c for c in table.columns if c[0] == "X"]
    return table, np.array([float(c[1:]) for c in columns]), table[columns].to_numpy()


def continued_nir(refl_709: np.ndarray) -> np.ndarray:
    """Water reflectance in Sentinel-2A's B08 from that at 709 nm, (n,).

    Where only water absorbs and particles scatter alike, the model's r = (0.089 + 0.1245 u) u and u = b_b / (a_w + b_b) give b_b
    at 709 nm, and b_b the reflectance of every other wavelength.
    """
    rrs = np.maximum(refl_709, 0) / np.pi
    below = rrs / (0.52 + 1.7 * rrs)
    u = (np.sqrt(0.089**2 + 4 * 0.1245 * below) - 0.089) / (2 * 0.1245)
    b_b = water_absorption(EDGE_NM) * u / (1 - u)
    a_w = water_absorption(response_nm(PLATFORM, "nir"))
    u = b_b[:, None] / (a_w + b_b[:, None])
    below = (0.089 + 0.1245 * u) * u
    return np.pi * (0.52 * below / (1 - 1.7 * below)).mean(axis=1)


def as_sentinel(wavelength_nm: np.ndarray, refl: np.ndarray) -> np.ndarray:
    """The spectra in OPTICAL_BANDS, float64 (n, 7); 0 in the shortwave infrared."""
    out = np.zeros((len(refl), len(OPTICAL_BANDS)))
    out[:, [OPTICAL_BANDS.index(r) for r in SEEN]] = band_values(PLATFORM, SEEN, wavelength_nm, refl)
    out[:, OPTICAL_BANDS.index("nir")] = continued_nir(refl[:, np.argmin(np.abs(wavelength_nm - EDGE_NM))])
    return out


def spectra_rows(real: Path) -> list[Row]:
    """All figures of the in-situ spectra."""
    table = Table(WORLD)
    samples, wavelength_nm, refl = read_spectra(real)
    spectra = as_sentinel(wavelength_nm, refl)
    add_responses(table, real, wavelength_nm, refl, spectra)
    add_envelope(table, spectra)
    add_conditional(table, samples, spectra)
    add_suspended_matter(table, samples, refl[:, np.argmin(np.abs(wavelength_nm - 665))])
    add_chlorophyll(table, samples, spectra)
    add_transparency(table, wavelength_nm, refl)
    add_false_alarms(table, samples, spectra)
    return table.rows


def add_responses(table: Table, real: Path, wavelength_nm: np.ndarray, refl: np.ndarray, spectra: np.ndarray) -> None:
    """Error of the model's boxcar bands against Sentinel-2A's response functions, on these spectra."""
    response = pd.read_csv(real / "water_quality" / "insitu" / "srf_sentinel2a.csv")
    nm = response.SR_WL.to_numpy()
    fine = np.array([np.interp(nm, wavelength_nm, row) for row in refl])
    for role in SEEN:
        weight = response[RESPONSE_COLUMNS[role]].to_numpy()
        exact = fine @ weight / weight.sum()
        error = np.abs(spectra[:, OPTICAL_BANDS.index(role)] / exact - 1)
        table.add("optics", "boxcar_error_p95", np.percentile(error[exact > 0.001], 95), subset=role)


def features(spectra: np.ndarray) -> dict[str, np.ndarray]:
    """Bands and band ratios that are compared, by name."""
    band = {role: spectra[:, OPTICAL_BANDS.index(role)] for role in SEEN}
    return band | {f"{a} / {b}": band[a] / band[b] for a, b in RATIOS}


def simulated() -> np.ndarray:
    """Noise-free spectra of all simulated waters but the black-odorous, (m, 7), as many of each kind."""
    rng = np.random.default_rng(SEED)
    return np.concatenate([simulate_water(kind, PLATFORM, DRAWS, rng) for kind in WATER_TYPES if not kind.black])


def add_envelope(table: Table, spectra: np.ndarray) -> None:
    """Share of the real spectra within the central 99 % of the simulated ones: for each band and ratio, and for all at once."""
    real, model = features(spectra), features(simulated())
    inside = {}
    for name, values in real.items():
        low, high = np.percentile(model[name], ENVELOPE)
        inside[name] = (values >= low) & (values <= high)
        table.add("optics", "share_inside_simulated", inside[name].mean(), subset=name)
    table.add("optics", "share_inside_simulated", np.all(list(inside.values()), axis=0).mean(), subset="all bands and ratios")


def add_conditional(table: Table, samples: pd.DataFrame, spectra: np.ndarray) -> None:
    """Coverage of the model's 90 % interval for the measured chlorophyll and suspended matter, all else drawn from its ranges."""
    known = samples.chl.notna() & samples.tsm.notna()
    chl, tsm = (samples.loc[known, name].to_numpy()[:, None] for name in ("chl", "tsm"))
    rng = np.random.default_rng(SEED)
    shape = (len(chl), DRAWS)

    def drawn(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), shape))

    model = np.pi * water_bands(
        PLATFORM,
        SEEN,
        chl + np.zeros(shape),
        tsm + np.zeros(shape),
        drawn(0.05, 2.5),
        b_bp=drawn(0.006, 0.014),
        s_g=rng.normal(0.0155, 0.0015, shape),
        s_nap=rng.normal(0.0108, 0.001, shape),
        a_nap=rng.uniform(0.025, 0.06, shape),
        eta=rng.uniform(0.2, 1.2, shape),
        sea=True,
    )
    low, middle, high = np.percentile(model, [5, 50, 95], axis=1)
    for b, role in enumerate(SEEN):
        measured = spectra[known, OPTICAL_BANDS.index(role)]
        table.add("optics", "coverage_of_90_percent_interval", interval_coverage(low[:, b], high[:, b], measured), subset=role)
        table.add("optics", "median_ratio_to_model", np.median(measured / middle[:, b]), subset=role)


def add_suspended_matter(table: Table, samples: pd.DataFrame, red: np.ndarray) -> None:
    """Suspended matter taken as turbidity (1 g/m3 is 1 FNU) by the red formulas, against the filtered samples."""
    measured = samples.tsm.to_numpy()
    found = {
        "Dogliotti, red branch": np.array([semi_analytical(r, *TURBIDITY_RED) for r in red]),
        "Nechad, red alone": np.array([turbidity_nechad(r) for r in red]),
    }
    for method, values in found.items():
        table.add_log("suspended_solids", values, measured, subset="in situ", method=method)


def ratio_regression(ratio_of_bands: np.ndarray, measured: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """log10 of the measured quantity regressed on log10 of a ratio of bands, each group predicted from the others; NaN where the ratio is not positive."""
    usable = np.isfinite(ratio_of_bands) & (ratio_of_bands > 0)
    x, out = np.log10(np.where(usable, ratio_of_bands, 1.0)), np.full(len(measured), np.nan)
    for group in np.unique(groups):
        taught = usable & (groups != group) & (measured > 0)
        asked = usable & (groups == group)
        out[asked] = 10 ** np.polyval(np.polyfit(x[taught], np.log10(measured[taught]), 1), x[asked])
    return out


def add_chlorophyll(table: Table, samples: pd.DataFrame, spectra: np.ndarray) -> None:
    """Chlorophyll against the samples, in waters that are clear enough for a trophic level and in all; regressions on one ratio of bands beside it."""
    blue, green, red, rededge, nir = spectra[:, :5].T
    measured, providers = samples.chl.to_numpy(), samples.DataProvider.to_numpy(str)
    turbidity = np.array([turbidity_dogliotti(r, NIR_859_PER_833 * n) for r, n in zip(red, nir, strict=True)])
    methods = {
        "ours": np.array([chlorophyll_ndci(ndci(r, e)) for r, e in zip(red, rededge, strict=True)]),
        "blue to green regression, other providers": ratio_regression(blue / green, measured, providers),
        "red to green regression, other providers": ratio_regression(red / green, measured, providers),
    }
    clear = turbidity <= MAX_CHLOROPHYLL_TURBIDITY_FNU
    for subset, chosen in (("in situ, up to 20 FNU", clear), ("in situ, all", np.ones(len(clear), bool))):
        for method, found in methods.items():
            table.add_log("chlorophyll", found[chosen], measured[chosen], subset=subset, method=method)


def add_transparency(table: Table, wavelength_nm: np.ndarray, refl: np.ndarray) -> None:
    """Transparency with the coastal band taken from blue against that with the measured one: no Secchi depth was measured with these spectra."""
    coastal, blue, green, red = (refl[:, np.argmin(np.abs(wavelength_nm - nm))] for nm in (443, 490, 560, 665))
    measured = np.array([secchi_depth(*bands) for bands in zip(coastal, blue, green, red, strict=True)])
    found = np.array([secchi_depth(COASTAL_PER_BLUE * b, b, g, r) for b, g, r in zip(blue, green, red, strict=True)])
    table.add_log("transparency", found, measured, subset="in situ, to that with a measured coastal band")


def add_false_alarms(table: Table, samples: pd.DataFrame, spectra: np.ndarray) -> None:
    """Share of real waters flagged as black-odorous; none of them is."""
    chl, tsm = samples.chl, samples.tsm
    kinds = {
        "all": np.ones(len(samples), bool),
        "suspended matter >= 20 g/m3": tsm >= 20,
        "chlorophyll >= 20 mg/m3": chl >= 20,
        "chlorophyll < 20 and suspended matter < 20": (chl < 20) & (tsm < 20),
        "darkest fifth in green": spectra[:, 1] <= np.quantile(spectra[:, 1], 0.2),
    }
    kinds |= {f"provider {name}": samples.DataProvider == name for name in sorted(samples.DataProvider.unique())}
    for method, accuses in (("ours", detector_accuses), ("BOI <= 0.065", boi_accuses)):
        accused = accuses(spectra)
        for name, chosen in kinds.items():
            table.add("black_odorous", "false_alarm_share", ratio((accused & chosen).sum(), np.sum(chosen)), subset=name, method=method)
